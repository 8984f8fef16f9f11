//! The section `oauth2.registration` of the settings.

use doorward_domain::oauth2::{HostPattern, RedirectUri, Scopes};
use doorward_domain::settings::{Defects, Span};
use serde::{Deserialize, Serialize};
use url::Url;

/// Who may register clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Owners, by the API and its page.
    #[default]
    Off,
    /// Everybody.
    Open,
    /// Those who were given a token for it.
    Token,
}

/// The section `oauth2.registration`: clients that register themselves.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RegistrationSettings {
    /// Who may register clients, until an owner chooses otherwise.
    pub mode: RegistrationMode,
    /// How many new clients may be registered in an hour.
    pub max_new_per_hour: u32,
    /// How many may be there that have no live grant.
    pub max_idle_clients: u32,
    /// How long a client stays that has no live grant any more.
    pub idle_ttl: Span,
    /// How long one stays that has never had any.
    pub unused_ttl: Span,
    /// Where redirect URIs may lead; empty: anywhere.
    pub allowed_redirect_hosts: Vec<String>,
    /// The scopes of a client that names none; empty: any.
    pub default_scopes: Vec<String>,
    /// The scopes that a client can have at most; empty: any.
    pub max_scopes: Vec<String>,
    /// Whether redirect URIs must fit `application_type`.
    pub strict_application_type: bool,
    /// Whether the logo is fetched and shown that a client names when it registers itself.
    pub show_logos: bool,
}

impl RegistrationSettings {
    /// Notes what is wrong.
    pub(crate) fn check(&self, defects: &mut Defects) {
        defects.unless(self.max_new_per_hour > 0, "registration.max_new_per_hour", "must not be 0");
        defects.unless(self.max_idle_clients > 0, "registration.max_idle_clients", "must not be 0");
        defects.unless(self.idle_ttl >= Span::DAY, "registration.idle_ttl", "must be at least one day");
        defects.unless(self.unused_ttl >= Span::DAY, "registration.unused_ttl", "must be at least one day");
        for entry in self.allowed_redirect_hosts.iter().filter(|entry| Place::parse(entry).is_none()) {
            let rule = format!("has `{entry}`, which is no host, no `*.` and host, and no scheme with a colon");
            defects.unless(false, "registration.allowed_redirect_hosts", &rule);
        }
        for (key, names) in
            [("registration.default_scopes", &self.default_scopes), ("registration.max_scopes", &self.max_scopes)]
        {
            if let Err(unknown) = Scopes::from_names(names) {
                defects.unless(false, key, &format!("has an {unknown}"));
            }
        }
    }

    /// Whether answers may be sent there.
    pub(super) fn allows(&self, uri: &RedirectUri) -> bool {
        is_allowed(&self.allowed_redirect_hosts, uri)
    }
}

/// Whether answers may be sent there by a list of places; an empty one allows all.
pub(super) fn is_allowed(places: &[String], uri: &RedirectUri) -> bool {
    if places.is_empty() {
        return true;
    }
    let Ok(url) = Url::parse(uri.as_str()) else { return false };
    places.iter().filter_map(|entry| Place::parse(entry)).any(|place| match place {
        Place::Host(pattern) => {
            matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| pattern.matches(host))
        }
        Place::Scheme(scheme) => url.scheme() == scheme,
    })
}

/// Whether a text can stand in such a list.
pub(super) fn is_place(text: &str) -> bool {
    Place::parse(text).is_some()
}

/// An entry of the list of places.
enum Place<'a> {
    Host(HostPattern),
    /// A scheme of an app on the device.
    Scheme(&'a str),
}

impl<'a> Place<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let Some(scheme) = text.strip_suffix(':') else { return text.parse().ok().map(Self::Host) };
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
        (is_scheme && !matches!(scheme, "http" | "https")).then_some(Self::Scheme(scheme))
    }
}
