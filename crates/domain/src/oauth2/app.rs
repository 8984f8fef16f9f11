//! OAuth2 apps (clients) and their secrets.

use super::{OAuthErrorCode, RedirectMatch, RedirectUri, Resource};
use crate::ids::{AppId, AppSecretId, UserId};
use crate::{Digest, Instant};

/// Longest icon, in characters.
pub const ICON_MAX: usize = 256;
/// Most redirect URIs of one app.
pub const REDIRECT_URIS_MAX: usize = 32;

/// Whether a client can keep a secret (RFC 6749 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientType {
    /// It authenticates with a secret.
    Confidential,
    /// It cannot, and proves itself by PKCE alone.
    Public,
}

impl ClientType {
    /// The value as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }
}

/// An app that users may let act for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its `client_id`.
    pub id: AppId,
    /// Name for people; not unique.
    pub name: String,
    /// URL or path of an icon, or empty. Checked again before it is shown.
    pub icon: String,
    /// Registered redirect URIs, at least one; the first is the default.
    pub redirect_uris: Vec<RedirectUri>,
    /// How redirect URIs are compared.
    pub redirect_match: RedirectMatch,
    /// Whether it has secrets.
    pub client_type: ClientType,
    /// Whether a code must be bound to a PKCE challenge. Public clients always must.
    pub require_pkce: bool,
    /// Scopes it may ask for; `None` means any.
    pub allowed_scopes: Option<Vec<String>>,
    /// Resources its tokens may be bound to; `None` means what the server allows.
    pub allowed_resources: Option<Vec<Resource>>,
    /// Resources that this app itself serves: it may introspect tokens bound to them.
    pub resources: Vec<Resource>,
    /// The user as whom it acts with `client_credentials`.
    pub service_account_id: Option<UserId>,
    /// When it was registered.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl App {
    /// The redirect URI of a request: the presented one if it is registered, or the only one when none is presented
    /// (RFC 6749 3.1.2.3).
    pub fn redirect_uri(&self, presented: Option<&str>) -> Result<RedirectUri, OAuthErrorCode> {
        match (presented, self.redirect_uris.as_slice()) {
            (None, [only]) => Ok(only.clone()),
            (Some(text), registered) if registered.iter().any(|uri| uri.matches(text, self.redirect_match)) => {
                Ok(RedirectUri::from_storage(text.to_owned()))
            }
            _ => Err(OAuthErrorCode::InvalidRequest),
        }
    }

    /// Whether a code for this app must be bound to a PKCE challenge.
    #[must_use]
    pub fn needs_pkce(&self) -> bool {
        self.require_pkce || self.client_type == ClientType::Public
    }

    /// Whether its tokens may be bound to `resource`: its own list decides, else that of the server, else any may.
    /// The server itself, `issuer`, is always allowed where the app has no list.
    #[must_use]
    pub fn may_target(&self, resource: &Resource, server_list: Option<&[Resource]>, issuer: &Resource) -> bool {
        let among = |list: &[Resource]| list.iter().any(|allowed| allowed.is_same_as(resource));
        match (self.allowed_resources.as_deref(), server_list) {
            (Some(own), _) => among(own),
            (None, Some(list)) => resource.is_within(issuer) || among(list),
            (None, None) => true,
        }
    }
}

/// A client secret, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSecret {
    /// Its id.
    pub id: AppSecretId,
    /// The app it belongs to.
    pub app_id: AppId,
    /// The part by which it is found.
    pub prefix: String,
    /// Digest of the part that proves it.
    pub digest: Digest,
    /// Its last six characters, for its owner to recognise it.
    pub display_suffix: String,
    /// When it was made.
    pub created_at: Instant,
    /// When a client last authenticated with it, to the hour.
    pub last_used_at: Option<Instant>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(allowed: Option<&str>) -> App {
        App {
            id: AppId::NIL,
            name: "robot".into(),
            icon: String::new(),
            redirect_uris: Vec::new(),
            redirect_match: RedirectMatch::Exact,
            client_type: ClientType::Confidential,
            require_pkce: true,
            allowed_scopes: None,
            allowed_resources: allowed.map(|text| vec![resource(text)]),
            resources: Vec::new(),
            service_account_id: None,
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
        }
    }

    fn resource(text: &str) -> Resource {
        Resource::parse(text).unwrap()
    }

    #[test]
    fn the_list_of_the_app_decides_then_that_of_the_server_then_any_may() {
        let issuer = resource("https://door.example");
        let server = [resource("https://server.example")];
        let may = |own: Option<&str>, list: Option<&[Resource]>, asked: &str| {
            app(own).may_target(&resource(asked), list, &issuer)
        };
        assert!(may(None, None, "https://anything.example"));
        assert!(may(None, Some(&server), "https://SERVER.example/"));
        assert!(may(None, Some(&server), "https://door.example/mcp"), "the server itself is always among its own");
        assert!(!may(None, Some(&server), "https://own.example"));
        assert!(may(Some("https://own.example"), Some(&server), "https://own.example"));
        for other in ["https://server.example", "https://door.example"] {
            assert!(!may(Some("https://own.example"), Some(&server), other), "{other}");
        }
    }
}
