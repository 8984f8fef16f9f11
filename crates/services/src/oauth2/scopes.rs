//! Scope negotiation (RFC 6749 3.3): what a request gets, never more than its app may have (`oauth2.md` 14.11); and scopes in
//! plain words, for consent.

use crate::OAuthError;
use doorward_domain::oauth2::{
    OAuthErrorCode, OidcScope, ResourceRules, ResourceServer, ScopeEntry, Scopes, ScopesError, parse_scope_list,
};
use doorward_domain::roles::ScopeName;
use std::borrow::Cow;

/// A scope in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeText {
    /// The name on the wire.
    pub name: String,
    /// What it is about: `Workspaces`.
    pub topic: Cow<'static, str>,
    /// What it lets an application do: `See your workspaces`.
    pub description: Cow<'static, str>,
    /// How much care giving it away asks for.
    pub care: Care,
}

/// How much care giving a scope away asks for, most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Care {
    /// It is about accounts, rights or keys, enters machines, or destroys work.
    Sensitive {
        /// Whether roles of the user let it reach what belongs to others, too.
        by_roles: bool,
    },
    /// Roles of the user let it reach what belongs to others.
    Roles,
    /// No more than to give something away.
    Usual,
    /// The user may do nothing of it now, and so nobody may with it, unless the user is given more rights one day.
    Beyond,
}

impl Care {
    /// Whether roles of the user let it reach what belongs to others.
    #[must_use]
    pub const fn is_by_roles(self) -> bool {
        matches!(self, Self::Roles | Self::Sensitive { by_roles: true })
    }
}

/// Each scope with its meaning in plain words, for lists of what apps hold: what is about the same thing stands together, and
/// what grants nothing here comes last. Names that are unknown by now are left out.
#[must_use]
pub fn describe_scopes(scopes: &Scopes) -> Vec<ScopeText> {
    texts(None, scopes, usual)
}

/// [`describe_scopes`], with what asks for care.
pub(super) fn texts(
    server: Option<&ResourceServer>,
    scopes: &Scopes,
    care: impl Fn(ScopeName) -> Care,
) -> Vec<ScopeText> {
    let mut names: Vec<ScopeName> = scopes.access().collect();
    names.sort_by_key(ScopeName::topic);
    let access = |name: ScopeName| ScopeText {
        name: name.to_string(),
        topic: name.topic().title().into(),
        description: name.describe().into(),
        care: care(name),
    };
    let identity = scopes.iter().filter_map(ScopeEntry::oidc).map(identity);
    let own = scopes.iter().filter_map(ScopeEntry::own).map(|name| own(server, name));
    names.into_iter().map(access).chain(own).chain(identity).collect()
}

/// A scope of a resource, in its own words if they are known.
fn own(server: Option<&ResourceServer>, name: &str) -> ScopeText {
    let rules = server.map(|server| &server.rules);
    let text = rules.and_then(|rules| rules.scopes.get(name)).filter(|text| !text.is_empty());
    let topic = rules.map(|rules| rules.name.as_str()).filter(|name| !name.is_empty());
    ScopeText {
        name: name.to_owned(),
        topic: topic.map_or(Cow::Borrowed("Another service"), |topic| Cow::Owned(topic.to_owned())),
        description: Cow::Owned(text.map_or(name, String::as_str).to_owned()),
        care: Care::Usual,
    }
}

/// What asks everybody for care.
fn usual(name: ScopeName) -> Care {
    if name.is_sensitive() { Care::Sensitive { by_roles: false } } else { Care::Usual }
}

fn identity(name: OidcScope) -> ScopeText {
    ScopeText {
        name: name.to_string(),
        topic: "Identity".into(),
        care: Care::Usual,
        description: match name {
            OidcScope::OpenId => "Know who you are, and when you signed in",
            OidcScope::Profile => "See your name and your picture",
            OidcScope::Email => "See your mail address",
            OidcScope::Groups => "See in which groups you are",
            OidcScope::Roles => "See which roles you hold",
            OidcScope::OfflineAccess => "Stay connected until you take the access back",
        }
        .into(),
    }
}

fn invalid(text: impl Into<String>) -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidScope, text.into())
}

/// Which names a request may use beside those of OpenID Connect: that depends on the resource.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Names<'a> {
    /// Those of the catalogue.
    Catalogue,
    /// Those of the resource.
    Own(&'a ResourceRules),
    /// Any: it is a resource that nobody has registered, and what its scopes mean is its own matter.
    Any,
}

/// What a request with this `scope` parameter gets: of a resource with scopes of its own those and the names of OpenID Connect, else of the
/// catalogue what the app may have, and for a resource that nobody has registered whatever else is asked for.
pub(crate) fn ask(
    names: Names<'_>,
    allowed: Option<&Scopes>,
    text: Option<&str>,
) -> Result<(Scopes, bool), OAuthError> {
    let (asked, is_offline) = match names {
        Names::Catalogue => parse(text)?,
        Names::Any => parse_any(text)?,
        Names::Own(rules) => {
            let (asked, is_offline) = parse_own(rules, text)?;
            return Ok((asked.unwrap_or_else(|| rules.usual_scopes()), is_offline));
        }
    };
    Ok((negotiate(allowed, asked)?, is_offline))
}

/// The same, with `offline_access` where it was asked for.
pub(crate) fn grant(names: Names<'_>, allowed: Option<&Scopes>, text: Option<&str>) -> Result<Scopes, OAuthError> {
    let (mut scopes, is_offline) = ask(names, allowed, text)?;
    if is_offline {
        scopes.insert(OidcScope::OfflineAccess);
    }
    Ok(scopes)
}

/// [`parse`], for a resource with scopes of its own.
fn parse_own(rules: &ResourceRules, text: Option<&str>) -> Result<(Option<Scopes>, bool), OAuthError> {
    let names = parse_scope_list(text.unwrap_or_default()).map_err(|error| invalid(error.to_string()))?;
    let is_openid = names.contains(&OidcScope::OpenId.as_str());
    let mut scopes = Scopes::default();
    for name in names {
        match rules.scope(name) {
            Some(scope) => scopes.insert(scope),
            // As of the catalogue (OpenID Connect Core 3.1.2.1).
            None if is_openid => {}
            None => return Err(invalid(format!("not a scope of this resource: {name}"))),
        }
    }
    Ok(set_aside_offline(scopes))
}

/// [`parse`], for a resource that nobody has registered: what is none of the catalogue is taken as it is, and means nothing here.
fn parse_any(text: Option<&str>) -> Result<(Option<Scopes>, bool), OAuthError> {
    let names = parse_scope_list(text.unwrap_or_default()).map_err(|error| invalid(error.to_string()))?;
    let read = |name: &&str| {
        let known = Scopes::known_among(&[name]);
        known.iter().next().cloned().unwrap_or_else(|| ScopeEntry::Own((*name).into()))
    };
    Ok(set_aside_offline(names.iter().map(read).collect::<Scopes>().simplified()))
}

/// Reads the `scope` parameter of a refresh. Which resource the grant is bound to is not known yet: a name that is none of the catalogue may
/// be one of a resource, and is refused later if the grant does not have it.
pub(crate) fn parse_again(text: Option<&str>) -> Result<Option<Scopes>, OAuthError> {
    Ok(parse_any(text)?.0)
}

/// What is asked for again of a grant that has these scopes: unknown names beside `openid` are left out, as they were at first.
pub(crate) fn asked_again(granted: &Scopes, asked: Option<Scopes>) -> Result<Option<Scopes>, OAuthError> {
    let Some(asked) = asked else { return Ok(None) };
    let is_openid = asked.contains(&OidcScope::OpenId.into());
    let is_unknown = |scope: &&ScopeEntry| scope.own().is_some() && !granted.contains(scope);
    if let (false, Some(unknown)) = (is_openid, asked.iter().find(is_unknown)) {
        return Err(invalid(format!("unknown scope: {unknown}")));
    }
    Ok(Some(asked.iter().filter(|scope| !is_unknown(scope)).cloned().collect()))
}

/// Reads a `scope` parameter. `None` when nothing is asked for: it is absent, has only blanks, or names only
/// [`OidcScope::OfflineAccess`], of which the second value says whether it was there.
pub(super) fn parse(text: Option<&str>) -> Result<(Option<Scopes>, bool), OAuthError> {
    let scopes = Scopes::from_request(text.unwrap_or_default()).map_err(|error| {
        // One unknown name is enough: it goes into a header, and there may be many.
        let unknown = if let ScopesError::Unknown(unknown) = &error { unknown.names().first() } else { None };
        invalid(unknown.map_or_else(|| error.to_string(), |name| format!("unknown scope: {name}")))
    })?;
    Ok(set_aside_offline(scopes))
}

fn set_aside_offline(scopes: Scopes) -> (Option<Scopes>, bool) {
    let offline = ScopeEntry::from(OidcScope::OfflineAccess);
    let is_offline = scopes.contains(&offline);
    let asks = scopes.iter().any(|scope| *scope != offline);
    (asks.then_some(scopes), is_offline)
}

/// The scopes that a request gets: what it asks for if the app may, or all the app may. Names on the list of the app
/// that mean nothing any more are as good as not there.
///
/// The names of OpenID Connect are allowed to every app, and grant nothing: who asks for them alone gets them alone.
pub(super) fn negotiate(allowed: Option<&Scopes>, asked: Option<Scopes>) -> Result<Scopes, OAuthError> {
    let Some(allowed) = allowed else { return Ok(asked.unwrap_or_else(Scopes::all)) };
    let Some(asked) = asked else {
        let known = allowed.clone().known().simplified();
        return if known.is_empty() {
            Err(invalid("none of the scopes that this app may ask for exists any more"))
        } else {
            Ok(known)
        };
    };
    let is_denied = |scope: &&ScopeEntry| !scope.is_of_others() && !allowed.covers(scope);
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

    fn files() -> ResourceRules {
        let scopes = ["files:read", "files:write"].map(|name| (name.to_owned(), format!("May {name}")));
        ResourceRules {
            scopes: scopes.into(),
            default_scopes: vec!["files:read".to_owned()],
            ..ResourceRules::default()
        }
    }

    #[test]
    fn a_resource_with_scopes_of_its_own_takes_these_and_none_of_the_catalogue() {
        let ask = |text: &str| grant(Names::Own(&files()), Some(&Scopes::from_storage("user:read")), Some(text));
        for (text, gets) in [
            ("", "files:read"),
            (" offline_access", "files:read offline_access"),
            ("files:write files:read", "files:write files:read"),
            ("openid files:write user:read mail:send", "openid files:write"),
            ("email", "email"),
        ] {
            let scopes = ask(text).unwrap();
            assert_eq!(scopes.to_string(), gets, "{text}");
            assert_eq!(scopes.access().count(), 0, "{text}");
        }
        for text in ["user:read", "coder:all", "files:read coder:all", "all", "mail:send", "\\files:read"] {
            assert_eq!(ask(text).unwrap_err().code, OAuthErrorCode::InvalidScope, "{text}");
        }
    }

    #[test]
    fn a_resource_that_nobody_has_registered_has_whatever_scopes_it_has() {
        let ask = |allowed: Option<&str>, text: &str| {
            let allowed = allowed.map(Scopes::from_storage);
            grant(Names::Any, allowed.as_ref(), Some(text)).map_err(|error| error.code)
        };
        for (text, gets) in [
            ("", "coder:all"),
            ("files:read", "files:read"),
            (" files:read  files:read offline_access", "files:read offline_access"),
            ("openid https://mcp.example/a.b", "openid https://mcp.example/a.b"),
        ] {
            let scopes = ask(None, text).unwrap();
            assert_eq!(scopes.to_string(), gets, "{text}");
            assert_eq!(Scopes::from_storage(&scopes.to_storage()), scopes);
        }
        assert_eq!(ask(None, "files:read mail:send").unwrap().access().count(), 0, "it means nothing here");
        // The list of an app is about this server.
        assert_eq!(ask(Some("user:read"), "files:read user:read").unwrap().to_string(), "files:read user:read");
        assert_eq!(ask(Some("user:read"), "files:read template:read"), Err(OAuthErrorCode::InvalidScope));
        assert_eq!(ask(None, "a\"b"), Err(OAuthErrorCode::InvalidScope));
        assert_eq!(grant(Names::Catalogue, None, Some("files:read")).unwrap_err().code, OAuthErrorCode::InvalidScope);
    }

    #[test]
    fn a_refresh_asks_for_what_the_grant_has() {
        let granted = grant(Names::Own(&files()), None, Some("openid files:read files:write")).unwrap();
        let again = |text: &str| {
            let asked = asked_again(&granted, parse_again(Some(text))?)?;
            Ok::<_, OAuthError>(asked.map(|scopes| scopes.to_string()))
        };
        assert_eq!(again("").unwrap(), None);
        assert_eq!(again("files:read").unwrap().as_deref(), Some("files:read"));
        assert_eq!(again("openid files:gone files:write").unwrap().as_deref(), Some("openid files:write"));
        assert!(again("files:gone").is_err());
        let asked = asked_again(&granted, parse_again(Some("user:read")).unwrap()).unwrap().unwrap();
        assert!(!asked.iter().all(|scope| granted.covers(scope)));
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
