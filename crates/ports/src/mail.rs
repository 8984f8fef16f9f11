//! Mail.
//!
//! Sending has two steps, for a reason: up to [`Mailer::prepare`] nothing is sent, whatever happens. Only [`Prepared::send`] may end
//! with nobody knowing whether the mail is on its way, and the caller can write down before it that it begins.

use async_trait::async_trait;
use doorward_domain::Instant;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Tells it from all others; the same each time that it is sent. Without angle brackets.
    pub message_id: String,
    /// When it was written.
    pub date: Instant,
    /// The address to which it goes.
    pub to: String,
    /// The name of whoever is there; may be empty.
    pub to_name: String,
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as a document of HTML.
    pub html: String,
}

/// Why a mail was not sent. What is displayed is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It may work later: the server is away, is busy, or does not let this one in.
    #[error("{0}")]
    Later(String),
    /// It will never work: the server refuses this mail or its address.
    #[error("{0}")]
    Never(String),
    /// The server has been given the mail and has not said whether it takes it.
    #[error("{0}")]
    Unknown(String),
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Reaches the server and asks it to take the mail, which is not sent yet. Within a bounded time. Never answers
    /// [`MailError::Unknown`].
    async fn prepare(&self, mail: Mail) -> Result<Box<dyn Prepared>, MailError>;
}

/// A mail that the server is ready to take. Dropped, it is not sent.
#[async_trait]
pub trait Prepared: Send {
    /// Sends it. Within a bounded time.
    async fn send(self: Box<Self>) -> Result<(), MailError>;
}
