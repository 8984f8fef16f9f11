//! OAuth2 apps (clients) and their secrets.

use super::{ClientRules, OAuthErrorCode, RedirectMatch, RedirectUri, Resource, Scopes};
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
    /// It authenticates by what its keys sign (`private_key_jwt`), and a secret is none of its own.
    Keyed,
    /// It cannot, and proves itself by PKCE alone.
    Public,
}

impl ClientType {
    /// The value as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Keyed => "keyed",
            Self::Public => "public",
        }
    }

    /// Whether it can prove who it is, in the words of RFC 6749 2.1: confidential or public.
    #[must_use]
    pub const fn is_confidential(self) -> bool {
        matches!(self, Self::Confidential | Self::Keyed)
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
    /// Scopes it may ask for; `None` means any. A list of which this release knows no name allows none.
    pub allowed_scopes: Option<Scopes>,
    /// Resources its tokens may be bound to; `None` means what the server allows.
    pub allowed_resources: Option<Vec<Resource>>,
    /// Resources that this app itself serves: it may introspect tokens bound to them.
    pub resources: Vec<Resource>,
    /// The user as whom it acts with `client_credentials`.
    pub service_account_id: Option<UserId>,
    /// Whether devices may ask for access in its name (RFC 8628).
    pub device_flow: bool,
    /// Whether it gets refresh tokens. A client that registers itself says so by its grant types.
    pub refresh_tokens: bool,
    /// How it proves itself by keys, and how its requests must come.
    pub rules: ClientRules,
    /// When it was registered.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Counts its changes, so that what was checked against an earlier one is checked again.
    pub revision: i32,
}

impl App {
    /// The redirect URI of a request: the presented one if it is registered, or the only one when none is presented
    /// (RFC 6749 3.1.2.3). `server_error` when it is registered, but since then has become one that nothing may be sent to.
    pub fn redirect_uri(&self, presented: Option<&str>) -> Result<RedirectUri, OAuthErrorCode> {
        let found = match (presented, self.redirect_uris.as_slice()) {
            (None, [only]) => only.clone(),
            (Some(text), registered) if registered.iter().any(|uri| uri.matches(text, self.redirect_match)) => {
                RedirectUri::from_storage(text.to_owned())
            }
            _ => return Err(OAuthErrorCode::InvalidRequest),
        };
        let public = self.client_type == ClientType::Public;
        if found.is_acceptable(public) { Ok(found) } else { Err(OAuthErrorCode::ServerError) }
    }

    /// Whether a code for this app must be bound to a PKCE challenge.
    #[must_use]
    pub fn needs_pkce(&self) -> bool {
        self.require_pkce || self.client_type == ClientType::Public
    }

    /// Whether its tokens may be bound to `resource`, see [`App::bind`].
    #[must_use]
    pub fn may_target(&self, resource: &Resource, server_list: Option<&[Resource]>, server: &Resource) -> bool {
        self.bind(Some(resource), server_list, server).is_ok()
    }

    /// Whether tokens of an app with this list may be bound to `resource`, see [`App::bind`].
    #[must_use]
    pub fn limits_permit(
        own_list: Option<&[Resource]>,
        resource: &Resource,
        server_list: Option<&[Resource]>,
        server: &Resource,
    ) -> bool {
        Self::allows(own_list, resource, server) && Self::allows(server_list, resource, server)
    }

    fn allows(list: Option<&[Resource]>, resource: &Resource, server: &Resource) -> bool {
        list.is_none_or(|list| {
            let is =
                |entry: &Resource| entry.is_same_as(resource) || entry.is_same_as(server) && resource.is_within(server);
            list.iter().any(is)
        })
    }

    /// The resource to which its tokens are bound when `asked` is asked for; `None` binds them to nothing but this
    /// server, `server`.
    ///
    /// The list of the app and that of the server are limits both: where both are, only what is on both is allowed. An
    /// entry for this server stands for all its paths; this server is allowed only if it is on the lists, like any other.
    /// Where there is a list, asking for nothing means its only entry.
    ///
    /// ```
    /// # use doorward_domain::oauth2::{App, ClientRules, ClientType, RedirectMatch, Resource, TargetError};
    /// # use doorward_domain::{Instant, ids::AppId};
    /// # let app = |list: &[&str]| App {
    /// #     id: AppId::NIL, name: String::new(), icon: String::new(), redirect_uris: Vec::new(),
    /// #     redirect_match: RedirectMatch::Exact, client_type: ClientType::Public, require_pkce: true,
    /// #     allowed_scopes: None, resources: Vec::new(), service_account_id: None,
    /// #     device_flow: false,
    /// #     refresh_tokens: true, rules: ClientRules::default(),
    /// #     allowed_resources: Some(list.iter().map(|text| Resource::parse(text).unwrap()).collect()),
    /// #     created_at: Instant::UNIX_EPOCH, updated_at: Instant::UNIX_EPOCH, revision: 0,
    /// # };
    /// let server = Resource::parse("https://door.example")?;
    /// let files = Resource::parse("https://files.example")?;
    /// assert_eq!(app(&["https://files.example"]).bind(None, None, &server), Ok(Some(files)));
    /// let two = app(&["https://files.example", "https://mail.example"]);
    /// assert_eq!(two.bind(None, None, &server), Err(TargetError::Several));
    /// assert_eq!(two.bind(Some(&server), None, &server), Err(TargetError::NotAllowed));
    /// # Ok::<(), doorward_domain::oauth2::ResourceError>(())
    /// ```
    pub fn bind(
        &self,
        asked: Option<&Resource>,
        server_list: Option<&[Resource]>,
        server: &Resource,
    ) -> Result<Option<Resource>, TargetError> {
        let own = self.allowed_resources.as_deref();
        let allows = |list: Option<&[Resource]>, resource: &Resource| Self::allows(list, resource, server);
        if let Some(asked) = asked {
            let allowed = Self::limits_permit(own, asked, server_list, server);
            return if allowed { Ok(Some(asked.clone())) } else { Err(TargetError::NotAllowed) };
        }
        if own.is_none() && server_list.is_none() {
            return Ok(None);
        }
        let of_app = own.unwrap_or_default().iter().filter(|entry| allows(server_list, entry));
        let of_server = server_list.unwrap_or_default().iter().filter(|entry| allows(own, entry));
        let mut entries: Vec<&Resource> = Vec::new();
        for entry in of_app.chain(of_server) {
            if !entries.iter().any(|known| known.is_same_as(entry)) {
                entries.push(entry);
            }
        }
        match entries.as_slice() {
            [only] => Ok(Some((*only).clone())),
            [] => Err(TargetError::Nothing),
            _ => Err(TargetError::Several),
        }
    }
}

/// Why no token is bound to what was asked for (RFC 8707 2, `invalid_target`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It is not on the list of the app, or not on that of the server.
    #[error("this resource is not allowed")]
    NotAllowed,
    /// Nothing was asked for, and there are several to choose from.
    #[error("missing parameter: resource (this app may use several)")]
    Several,
    /// Nothing was asked for, and the lists of app and server have nothing in common.
    #[error("no resource is allowed both for this app and by this server")]
    Nothing,
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
            device_flow: false,
            refresh_tokens: true,
            rules: ClientRules::default(),
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
            revision: 0,
        }
    }

    fn resource(text: &str) -> Resource {
        Resource::parse(text).unwrap()
    }

    #[test]
    fn both_lists_are_limits() {
        let server = resource("https://door.example");
        let list = [resource("https://both.example"), resource("https://server.example")];
        let may = |own: Option<&str>, list: Option<&[Resource]>, asked: &str| {
            app(own).may_target(&resource(asked), list, &server)
        };
        assert!(may(None, None, "https://anything.example"));
        assert!(may(None, Some(&list), "https://SERVER.example/"));
        assert!(!may(None, Some(&list), "https://own.example"));
        assert!(!may(None, Some(&list), "https://door.example"), "this server is on the list, or it is not allowed");
        assert!(may(Some("https://own.example"), None, "https://own.example"));
        assert!(may(Some("https://both.example"), Some(&list), "https://both.example"));
        for (own, asked) in [
            ("https://own.example", "https://own.example"),
            ("https://both.example", "https://server.example"),
            ("https://own.example", "https://door.example"),
        ] {
            assert!(!may(Some(own), Some(&list), asked), "{own} {asked}");
        }
    }

    #[test]
    fn this_server_on_a_list_stands_for_its_paths() {
        let server = resource("https://door.example");
        assert!(app(Some("https://door.example/")).may_target(&resource("https://door.example/mcp"), None, &server));
        assert!(!app(Some("https://door.example/mcp")).may_target(&server, None, &server));
        assert!(!app(Some("https://other.example")).may_target(&resource("https://other.example/mcp"), None, &server));
    }

    #[test]
    fn nothing_asked_means_the_only_entry_that_both_lists_allow() {
        let server = resource("https://door.example");
        let bound = |own: Option<&[&str]>, list: Option<&[&str]>| {
            let parse = |list: &[&str]| list.iter().map(|text| resource(text)).collect::<Vec<_>>();
            let mut app = app(None);
            app.allowed_resources = own.map(parse);
            app.bind(None, list.map(parse).as_deref(), &server).map(|bound| bound.map(|r| r.as_str().to_owned()))
        };
        let only = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(bound(None, None), Ok(None));
        assert_eq!(bound(Some(&["https://a.example"]), None), only("https://a.example"));
        assert_eq!(bound(None, Some(&["https://a.example"])), only("https://a.example"));
        assert_eq!(bound(None, Some(&["https://a.example", "https://A.example:443/"])), only("https://a.example"));
        assert_eq!(bound(Some(&["https://a.example", "https://b.example"]), None), Err(TargetError::Several));
        assert_eq!(
            bound(Some(&["https://a.example", "https://b.example"]), Some(&["https://b.example", "https://c.example"])),
            only("https://b.example")
        );
        assert_eq!(bound(Some(&["https://a.example"]), Some(&["https://b.example"])), Err(TargetError::Nothing));
        assert_eq!(
            bound(Some(&["https://door.example"]), Some(&["https://door.example/mcp"])),
            only("https://door.example/mcp")
        );
        assert_eq!(
            bound(Some(&["https://door.example/mcp"]), Some(&["https://door.example"])),
            only("https://door.example/mcp")
        );
    }

    #[test]
    fn what_became_unacceptable_is_no_redirect_uri_any_more() {
        let mut app = app(None);
        app.redirect_uris = vec![RedirectUri::from_storage("filesystem:https://a.example/x".into())];
        assert_eq!(app.redirect_uri(None), Err(OAuthErrorCode::ServerError));
        assert_eq!(app.redirect_uri(Some("filesystem:https://a.example/x")), Err(OAuthErrorCode::ServerError));
        app.redirect_uris.push(RedirectUri::register("https://a.example/cb", false).unwrap());
        assert!(app.redirect_uri(Some("https://a.example/cb")).is_ok());
        assert_eq!(app.redirect_uri(Some("https://b.example/cb")), Err(OAuthErrorCode::InvalidRequest));
    }
}
