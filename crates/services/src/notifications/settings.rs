//! The sections `notifications` and `webhook` of the settings.

use doorward_domain::Secret;
use doorward_domain::notifications::{Method, WebhookKey};
use doorward_domain::settings::{Defects, HIDDEN, Section, Span, optional};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

/// Shortest key that receivers of webhooks share, in bytes.
const KEY_MIN: usize = 16;

/// The section `notifications`: by which ways people are told.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct NotificationSettings {
    /// The usual way; `None`, written as an empty text: the first one that is set up.
    #[serde(with = "optional")]
    pub method: Option<Method>,
    /// Whether notifications stand in inboxes, too.
    pub inbox_enabled: bool,
    /// After so many attempts that failed a delivery is given up.
    pub attempts_max: u32,
    /// The pause after the first attempt that failed; it doubles up to an hour.
    pub retry_pause: Span,
    /// So many are delivered at once.
    pub concurrency: usize,
    /// Whether a mail is sent again of which nobody knows whether it was sent.
    pub resend_unknown: bool,
}

impl Section for NotificationSettings {
    const NAME: &'static str = "notifications";

    fn check(&self, defects: &mut Defects) {
        defects.unless((1..=100).contains(&self.attempts_max), "attempts_max", "must be from 1 to 100");
        defects.at_least_a_second("retry_pause", self.retry_pause);
        defects.unless(self.retry_pause <= Span::DAY, "retry_pause", "must be at most a day");
        defects.unless((1..=64).contains(&self.concurrency), "concurrency", "must be from 1 to 64");
    }
}

/// The section `webhook`: the server that gets notifications.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct WebhookSettings {
    /// Where it is; `None`, written as an empty text: there is none.
    #[serde(serialize_with = "shown", deserialize_with = "optional::deserialize")]
    pub endpoint: Option<Url>,
    /// The key by which it knows that this server asks; empty: it cannot know.
    pub secret: Secret<String>,
}

/// Writes where it is, without the path: that of many receivers is all that keeps others from writing to them.
#[expect(clippy::ref_option, reason = "serde calls it so")]
fn shown<S: Serializer>(endpoint: &Option<Url>, serializer: S) -> Result<S::Ok, S::Error> {
    match endpoint {
        None => serializer.serialize_str(""),
        Some(url) if url.path() == "/" && url.query().is_none() => serializer.collect_str(url),
        Some(url) => serializer.collect_str(&format_args!("{}/{HIDDEN}", url.origin().ascii_serialization())),
    }
}

impl Section for WebhookSettings {
    const NAME: &'static str = "webhook";

    fn check(&self, defects: &mut Defects) {
        defects.unless(
            self.endpoint.as_ref().is_none_or(can_be_asked),
            "endpoint",
            "must be a URL with https, a host, and neither user nor fragment",
        );
        let key = self.key();
        let is_key = self.secret.expose().is_empty() || key.is_some_and(|key| key.len() >= KEY_MIN);
        defects.unless(is_key, "secret", "must have at least 16 bytes (after `whsec_`, in base64), or be empty");
    }
}

/// Whether the way out takes the URL: by https, or without it on this machine, where `fetch.development` must be set too.
fn can_be_asked(url: &Url) -> bool {
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && url.host_str() == Some("localhost");
    let has_user = !url.username().is_empty() || url.password().is_some();
    is_safe && url.has_host() && !has_user && url.fragment().is_none()
}

impl WebhookSettings {
    /// The key, if there is one.
    pub(super) fn key(&self) -> Option<WebhookKey> {
        WebhookKey::parse(&self.secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_testkit::settings::{changed, defaults};

    #[test]
    fn the_defaults_are_sound_and_what_is_not_is_told() {
        let usual: NotificationSettings = defaults(NotificationSettings::NAME);
        assert!(usual.defects().is_empty());
        let wrong = NotificationSettings { attempts_max: 0, retry_pause: Span::ZERO, concurrency: 65, ..usual };
        assert_eq!(wrong.defects().len(), 3);

        let usual: WebhookSettings = defaults(WebhookSettings::NAME);
        assert!(usual.defects().is_empty());
        for (endpoint, secret, defects) in [
            ("https://hook.example/x", "0123456789abcdef", 0),
            ("https://hook.example/x", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0),
            ("ftp://hook.example/x", "short", 2),
            ("https://hook.example/x", "whsec_AAAA", 1),
            ("http://localhost:8000/x", "", 0),
            ("http://10.0.0.1/x", "0123456789abcdef", 1),
            ("https://u:p@hook.example/x", "0123456789abcdef", 1),
            ("https://hook.example/x#y", "0123456789abcdef", 1),
        ] {
            let settings = changed(|hook: &mut WebhookSettings| {
                (hook.endpoint, hook.secret) = (Some(endpoint.parse().unwrap()), Secret::from(secret));
            });
            let told = settings.defects();
            assert_eq!(told.len(), defects, "{told:?}");
            assert!(told.iter().all(|defect| secret.is_empty() || !defect.contains(secret)));
        }
    }
}
