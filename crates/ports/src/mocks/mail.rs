//! A mailer that keeps what it is given.

use crate::mail::{Mail, MailError, Mailer, Prepared};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// When something goes wrong with a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Before it is sent.
    Preparing(MailError),
    /// While it is sent.
    Sending(MailError),
}

/// A mailer that keeps what it is given. A clone keeps it in the same place.
#[derive(Clone, Debug, Default)]
pub struct KeepingMailer(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    sent: Vec<Mail>,
    troubles: VecDeque<Trouble>,
}

impl KeepingMailer {
    /// What was sent.
    #[must_use]
    pub fn sent(&self) -> Vec<Mail> {
        self.kept().sent.clone()
    }

    /// Takes out what was sent; what comes of it may be thrown away.
    #[expect(clippy::must_use_candidate, reason = "taking is an end in itself")]
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.kept().sent)
    }

    /// Has the next mails meet these troubles, one each.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.kept().troubles.extend(troubles);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for KeepingMailer {
    async fn prepare(&self, mail: Mail) -> Result<Box<dyn Prepared>, MailError> {
        let trouble = self.kept().troubles.pop_front();
        match trouble {
            Some(Trouble::Preparing(error)) => Err(error),
            Some(Trouble::Sending(error)) => Ok(Box::new(Ready { mailer: self.clone(), mail, error: Some(error) })),
            None => Ok(Box::new(Ready { mailer: self.clone(), mail, error: None })),
        }
    }
}

struct Ready {
    mailer: KeepingMailer,
    mail: Mail,
    error: Option<MailError>,
}

#[async_trait]
impl Prepared for Ready {
    async fn send(self: Box<Self>) -> Result<(), MailError> {
        match self.error {
            Some(error) => Err(error),
            None => {
                self.mailer.kept().sent.push(self.mail);
                Ok(())
            }
        }
    }
}
