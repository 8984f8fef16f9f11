//! Scope negotiation (RFC 6749 3.3): what a request gets, never more than its app may have (`oauth2.md` 14.11); and scopes in
//! plain words, for consent.

use crate::OAuthError;
use doorward_domain::oauth2::{OAuthErrorCode, OidcScope, ScopeEntry, Scopes, ScopesError};
use doorward_domain::roles::ScopeName;

/// A scope in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeText {
    /// The name on the wire.
    pub name: String,
    /// What it is about: `Workspaces`.
    pub topic: &'static str,
    /// What it lets an application do: `See your workspaces`.
    pub description: &'static str,
    /// Why giving it away asks for care, if it does.
    pub caution: Option<Caution>,
}

/// Why giving a scope away asks for care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// Roles of the user let it reach what belongs to others.
    Roles,
    /// It is about accounts, rights or keys, enters machines, or destroys work.
    Sensitive,
}

/// Each scope with its meaning in plain words, for lists of what apps hold: what is about the same thing stands together, and
/// what grants nothing here comes last. Names that are unknown by now are left out.
#[must_use]
pub fn describe_scopes(scopes: &Scopes) -> Vec<ScopeText> {
    texts(scopes, sensitive)
}

/// [`describe_scopes`], with what asks for care.
pub(super) fn texts(scopes: &Scopes, caution: impl Fn(ScopeName) -> Option<Caution>) -> Vec<ScopeText> {
    let mut names: Vec<ScopeName> = scopes.access().collect();
    names.sort_by_key(ScopeName::topic);
    let access = |name: ScopeName| ScopeText {
        name: name.to_string(),
        topic: name.topic().title(),
        description: name.describe(),
        caution: caution(name),
    };
    let identity = scopes.iter().filter_map(ScopeEntry::oidc).map(identity);
    names.into_iter().map(access).chain(identity).collect()
}

/// What asks everybody for care.
pub(super) fn sensitive(name: ScopeName) -> Option<Caution> {
    name.is_sensitive().then_some(Caution::Sensitive)
}

fn identity(name: OidcScope) -> ScopeText {
    ScopeText {
        name: name.to_string(),
        topic: "Identity",
        caution: None,
        description: match name {
            OidcScope::OpenId => "Know who you are, and when you signed in",
            OidcScope::Profile => "See your name and your picture",
            OidcScope::Email => "See your mail address",
            OidcScope::Groups => "See in which groups you are",
            OidcScope::Roles => "See which roles you hold",
            OidcScope::OfflineAccess => "Stay connected until you take the access back",
        },
    }
}

fn invalid(text: impl Into<String>) -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidScope, text.into())
}

/// Reads a `scope` parameter. `None` when nothing is asked for: it is absent, has only blanks, or names only
/// [`OidcScope::OfflineAccess`], of which the second value says whether it was there.
pub(crate) fn parse(text: Option<&str>) -> Result<(Option<Scopes>, bool), OAuthError> {
    let scopes = Scopes::from_request(text.unwrap_or_default()).map_err(|error| {
        // One unknown name is enough: it goes into a header, and there may be many.
        let unknown = if let ScopesError::Unknown(unknown) = &error { unknown.names().first() } else { None };
        invalid(unknown.map_or_else(|| error.to_string(), |name| format!("unknown scope: {name}")))
    })?;
    let offline = ScopeEntry::from(OidcScope::OfflineAccess);
    let is_offline = scopes.contains(&offline);
    let asks = scopes.iter().any(|scope| *scope != offline);
    Ok((asks.then_some(scopes), is_offline))
}

/// The scopes that a request gets: what it asks for if the app may, or all the app may. Names on the list of the app
/// that mean nothing any more are as good as not there.
///
/// The names of OpenID Connect are allowed to every app, and grant nothing: who asks for them alone gets them alone.
pub(crate) fn negotiate(allowed: Option<&Scopes>, asked: Option<Scopes>) -> Result<Scopes, OAuthError> {
    let Some(allowed) = allowed else { return Ok(asked.unwrap_or_else(Scopes::all)) };
    let Some(asked) = asked else {
        let known = allowed.clone().known().simplified();
        return if known.is_empty() {
            Err(invalid("none of the scopes that this app may ask for exists any more"))
        } else {
            Ok(known)
        };
    };
    let is_denied = |scope: &&ScopeEntry| !scope.is_oidc() && !allowed.covers(scope);
    match asked.iter().find(is_denied) {
        Some(denied) => Err(invalid(format!("scope not allowed for this app: {denied}"))),
        None => Ok(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a request with this `scope` gets of an app with that list.
    fn granted(allowed: Option<&str>, scope: &str) -> Result<String, OAuthErrorCode> {
        let allowed = allowed.map(Scopes::from_storage);
        let (asked, _) = parse(Some(scope)).map_err(|error| error.code)?;
        negotiate(allowed.as_ref(), asked).map(|scopes| scopes.to_string()).map_err(|error| error.code)
    }

    #[test]
    fn blanks_ask_for_nothing_and_each_name_is_kept_once_as_it_is_called() {
        for nothing in ["", " ", "    ", " offline_access", "offline_access offline_access"] {
            assert_eq!(granted(None, nothing).as_deref(), Ok("coder:all"), "{nothing:?}");
            assert_eq!(granted(Some("user:read"), nothing).as_deref(), Ok("user:read"), "{nothing:?}");
        }
        assert_eq!(granted(None, "all").as_deref(), Ok("coder:all"));
        assert_eq!(granted(None, "user:read all coder:all").as_deref(), Ok("coder:all"));
        assert_eq!(
            granted(None, "  user:read   application_connect user:read coder:application_connect ").as_deref(),
            Ok("user:read coder:application_connect")
        );
        assert_eq!(granted(Some("all user:read all"), "").as_deref(), Ok("coder:all"));
    }

    #[test]
    fn names_that_are_gone_are_as_good_as_not_on_the_list() {
        assert_eq!(granted(Some("gone:read user:read"), "").as_deref(), Ok("user:read"));
        for scope in ["", "user:read", "offline_access"] {
            assert_eq!(granted(Some("gone:read"), scope), Err(OAuthErrorCode::InvalidScope), "{scope}");
            assert_eq!(granted(Some(""), scope), Err(OAuthErrorCode::InvalidScope), "{scope}");
        }
        assert_eq!(granted(Some("gone:read"), "gone:read"), Err(OAuthErrorCode::InvalidScope));
    }

    #[test]
    fn names_of_openid_connect_alone_never_become_everything() {
        for scope in ["openid", "profile", "email", "groups", "roles", "openid profile email offline_access"] {
            for allowed in [None, Some("user:read"), Some("gone:read")] {
                let got = granted(allowed, scope).unwrap();
                assert_eq!(got, scope, "{allowed:?}");
                assert_eq!(Scopes::from_storage(&got).access().count(), 0, "{got}");
            }
        }
        assert_eq!(granted(None, "openid user:read").as_deref(), Ok("openid user:read"));
        assert_eq!(granted(Some("user:read"), "openid template:read"), Err(OAuthErrorCode::InvalidScope));
    }

    #[test]
    fn unknown_names_are_ignored_beside_openid_only() {
        assert_eq!(granted(None, "openid address files:read").as_deref(), Ok("openid"));
        for scope in ["files:read", "profile files:read", "offline_access files:read", "address"] {
            assert_eq!(granted(None, scope), Err(OAuthErrorCode::InvalidScope), "{scope}");
        }
    }

    #[test]
    fn the_first_unknown_name_is_told() {
        let told = |text: &str| parse(Some(text)).unwrap_err().description;
        assert_eq!(told("user:read files:read mail:send"), "unknown scope: files:read");
        assert!(told("user:read\t").starts_with("scope has at most"));
    }

    #[test]
    fn a_person_reads_a_line_for_each_name() {
        let lines = describe_scopes(&Scopes::from_storage("offline_access workspace:read gone:read openid"));
        assert_eq!(
            lines.iter().map(|line| &*line.name).collect::<Vec<_>>(),
            ["workspace:read", "offline_access", "openid"]
        );
    }
}
