//! Notifications: what people are told, in which words, and by which way (`enterprise-platform.md` 4).
//!
//! A use case leaves a [`Notice`]: which template, about what, and to which [`Audience`]. Later each of those people gets it in
//! their inbox, and by one [`Method`] besides, unless they do not want it.

mod catalogue;
mod inbox;
mod notice;
mod render;
mod signature;

pub use catalogue::{ALL, NotificationTemplate, TemplateAction, find, ids};
pub use inbox::{INBOX_KEPT, INBOX_PAGE, InboxFilter, InboxNotification, LinkedAction, ReadStatus};
pub use notice::{
    Audience, DEAD_KEPT, Delivery, Matter, Notice, NotificationPreference, PasscodeSeed, Recipient, Rendered,
    pause_before_retry, render, wants,
};
pub use render::{Form, Template, TemplateError};
pub use signature::WebhookKey;

use crate::roles::resource;
use crate::runtime_settings::RuntimeSetting;
use crate::text_enum::text_enum;
use serde::{Deserialize, Serialize};

text_enum! {
    /// A way by which notifications reach people.
    Method {
        /// By mail.
        Smtp = "smtp",
        /// By a request to a server of the operator's.
        Webhook = "webhook",
        /// In the inbox alone.
        Inbox = "inbox",
    }
}

text_enum! {
    /// Who has made a template.
    TemplateKind {
        /// It speaks of what the server does.
        System = "system",
        /// It carries the words of somebody.
        Custom = "custom",
    }
}

/// Longest title that somebody may write, in characters.
pub const CUSTOM_TITLE_MAX: usize = 120;
/// Longest message that somebody may write, in characters.
pub const CUSTOM_MESSAGE_MAX: usize = 2000;

/// What holds for all notifications while the server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifierSettings {
    /// Whether nothing is sent for now. What there is to be told is kept meanwhile.
    #[serde(default)]
    pub notifier_paused: bool,
}

impl RuntimeSetting for NotifierSettings {
    const NAME: &'static str = "notifications";
    type Resource = resource::DeploymentConfig;
}
