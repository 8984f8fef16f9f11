//! The ways by which notifications leave this server.

use crate::settings::Settings;
use doorward_domain::notifications::Method;
use doorward_ports::Mailer;
use std::fmt;
use std::sync::Arc;

/// The ways by which notifications leave this server. Cheap to clone. None by default, as for commands.
#[derive(Clone, Default)]
pub struct Outlets {
    mailer: Option<Arc<dyn Mailer>>,
}

impl fmt::Debug for Outlets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlets").field("mail", &self.mailer.is_some()).finish()
    }
}

impl Outlets {
    /// Mail goes out by this one.
    #[must_use]
    pub fn with_mailer(mailer: Option<Arc<dyn Mailer>>) -> Self {
        Self { mailer }
    }

    /// What sends mail.
    pub(super) fn mailer(&self) -> Option<&Arc<dyn Mailer>> {
        self.mailer.as_ref()
    }

    /// Whether notifications can go this way.
    pub(crate) fn can(&self, method: Method, settings: &Settings) -> bool {
        match method {
            Method::Smtp => self.mailer.is_some(),
            Method::Webhook => settings.webhook.endpoint.is_some(),
            Method::Inbox => settings.notifications.inbox_enabled,
        }
    }

    /// The ways that are set up, besides the inbox.
    pub(crate) fn available(&self, settings: &Settings) -> Vec<Method> {
        [Method::Smtp, Method::Webhook].into_iter().filter(|method| self.can(*method, settings)).collect()
    }

    /// The usual way, if it is set up, or else the first one that is.
    pub(crate) fn usual(&self, settings: &Settings) -> Option<Method> {
        let wanted = settings.notifications.method;
        if wanted == Some(Method::Inbox) {
            return None;
        }
        wanted.filter(|method| self.can(*method, settings)).or_else(|| self.available(settings).first().copied())
    }

    /// Whether anything that is told reaches anybody.
    pub(crate) fn any(&self, settings: &Settings) -> bool {
        self.can(Method::Inbox, settings) || !self.available(settings).is_empty()
    }
}
