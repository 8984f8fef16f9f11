//! What stands in the inbox of a user.

use crate::Instant;
use crate::ids::{InboxNotificationId, NotificationTemplateId, UserId};
use crate::text_enum::text_enum;
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

/// So many notifications come with one answer.
pub const INBOX_PAGE: u32 = 25;
/// For how long they are kept.
pub const INBOX_KEPT: Duration = Duration::days(365);

text_enum! {
    /// Which notifications are asked for.
    ReadStatus {
        /// All.
        All = "all",
        /// Those that were read.
        Read = "read",
        /// Those that were not.
        Unread = "unread",
    }
}

/// Something to be done about a notification: a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedAction {
    /// What it says.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// A notification in an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxNotification {
    /// Its id; larger than those of earlier ones.
    pub id: InboxNotificationId,
    /// Whose inbox it is.
    pub user_id: UserId,
    /// The template that it was made of.
    pub template_id: NotificationTemplateId,
    /// What it is about.
    pub targets: Vec<Uuid>,
    /// One line.
    pub title: String,
    /// The text.
    pub content: String,
    /// What can be done.
    pub actions: Vec<LinkedAction>,
    /// When it was read.
    pub read_at: Option<Instant>,
    /// When it came.
    pub created_at: Instant,
}

/// What is asked for of an inbox. Empty lists ask for everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxFilter {
    /// About all of these.
    pub targets: Vec<Uuid>,
    /// Made of one of these.
    pub templates: Vec<NotificationTemplateId>,
    /// Read or not.
    pub read: ReadStatus,
    /// Those before this one only.
    pub before: Option<InboxNotificationId>,
}

impl InboxFilter {
    /// Whether this one is asked for, its place in the order aside.
    #[must_use]
    pub fn lets_through(&self, notification: &InboxNotification) -> bool {
        let is_read = match self.read {
            ReadStatus::All => true,
            ReadStatus::Read => notification.read_at.is_some(),
            ReadStatus::Unread => notification.read_at.is_none(),
        };
        is_read
            && self.targets.iter().all(|target| notification.targets.contains(target))
            && (self.templates.is_empty() || self.templates.contains(&notification.template_id))
    }
}
