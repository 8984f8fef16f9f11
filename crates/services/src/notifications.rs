//! Notifications: what people are told, and how it reaches them (`enterprise-platform.md` 4).
//!
//! A use case says in its deed what is to be told (`Deed::notify`): one row, in its transaction. After the
//! commit the job [`Notifier`] of one server makes of it what each person gets: a notification in their inbox, and a delivery by
//! mail or webhook, in one transaction. Then it delivers, several at once, and tries again what fails.
//!
//! *Once each.* A notice is taken away in the transaction that makes deliveries of it. A delivery is claimed for a time, by a
//! statement of which one server gets it. A mail is prepared until the mail server waits for it; then it is written down that it is
//! handed over, and only then it is sent. When the server dies after that, nobody knows whether it was sent: it is not sent again,
//! but given up, unless the settings say otherwise. What was given up is listed, and can be tried again.

pub(crate) mod accounts;
mod dead;
mod deliver;
mod inbox;
mod messages;
mod notifier;
mod outlets;
mod preferences;
mod settings;
mod spread;
mod switch;
mod templates;
mod watch;
pub(crate) mod workspaces;

#[cfg(test)]
mod tests;

pub use dead::{count, list_dead, retry};
pub use inbox::{InboxPage, list_inbox, mark_all_as_read, mark_as_read};
pub use messages::{CustomMessage, send_custom, send_test};
pub use notifier::{Notifier, deliver_all};
pub use outlets::Outlets;
pub use preferences::{list_preferences, update_preferences};
pub use settings::{NotificationSettings, WebhookSettings};
pub use switch::{find_settings, update_settings};
pub use templates::{ListedTemplate, dispatch_methods, list_templates, update_method};
pub use watch::InboxWatch;

/// The topic of the bus on which servers are told whose inbox has something new, by the id of the user.
pub(crate) const INBOX: &str = "inbox";

/// Whether something was changed, or was so already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was.
    Yes,
    /// It was so already.
    No,
}
