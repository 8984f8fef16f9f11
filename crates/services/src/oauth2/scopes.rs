//! Scopes of codes and tokens: names of the catalogue, never more than was allowed (`oauth2.md` 14.11).

use crate::OAuthError;
use doorward_domain::oauth2::{OAuthErrorCode, OFFLINE_ACCESS, is_oidc_scope, parse_scope_list};
use doorward_domain::roles::scope::{self, ScopeName};

/// The scope that limits nothing.
const ALL: &str = "coder:all";

/// What a token without limits carries.
pub(crate) fn unrestricted() -> Vec<String> {
    vec![ALL.to_owned()]
}

/// Whether these names limit nothing.
#[must_use]
pub fn is_unrestricted(names: &[String]) -> bool {
    names.iter().any(|name| name == ALL || name == "all")
}

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

/// Each name with its meaning in plain words, for the consent page: what is about the same thing stands together, and
/// what grants nothing here comes last.
#[must_use]
pub fn describe_scopes(names: &[String]) -> Vec<ScopeText> {
    let known = names.iter().filter_map(|name| Some((name, ScopeName::parse(name).ok()?)));
    let mut known: Vec<(&String, ScopeName)> = known.collect();
    known.sort_by_key(|(_, scope)| scope.topic());
    let text = |(name, scope): (&String, ScopeName)| ScopeText {
        name: name.clone(),
        topic: scope.topic().title(),
        description: scope.describe(),
        caution: scope.is_sensitive().then_some(Caution::Sensitive),
    };
    let identity = names.iter().filter(|name| is_oidc_scope(name)).map(|name| ScopeText {
        name: name.clone(),
        topic: "Identity",
        caution: None,
        description: if name == OFFLINE_ACCESS {
            "Stay connected until you take the access back"
        } else {
            "Nothing: asked for, but not used by this server"
        },
    });
    known.into_iter().map(text).chain(identity).collect()
}

/// The name as it is kept and sent; `None` when it means nothing.
pub(crate) fn canonical(name: &str) -> Option<String> {
    if is_oidc_scope(name) {
        return Some(name.to_owned());
    }
    ScopeName::parse(name).ok().map(|scope| scope.as_str().into_owned())
}

/// The names in the form in which they are kept, each once, in the order given; without those that mean nothing.
pub(crate) fn canonical_list(names: &[String]) -> Vec<String> {
    let mut list: Vec<String> = Vec::with_capacity(names.len());
    for name in names.iter().filter_map(|name| canonical(name)) {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    // Beside the scope for everything, those of the catalogue say nothing.
    if is_unrestricted(&list) {
        list.retain(|name| name == ALL || is_oidc_scope(name));
    }
    list
}

/// Reads a `scope` parameter. `None` when nothing is asked for: it is absent, has only blanks, or names only
/// [`OFFLINE_ACCESS`], of which the second value says whether it was there.
///
/// Every name must be known, unless `openid` is among them: then unknown ones are ignored (OpenID Connect Core 3.1.2.1).
pub(crate) fn parse(text: Option<&str>) -> Result<(Option<Vec<String>>, bool), OAuthError> {
    let names = parse_scope_list(text.unwrap_or_default())
        .map_err(|error| OAuthError::new(OAuthErrorCode::InvalidScope, error.to_string()))?;
    let is_oidc_request = names.iter().any(|name| name == "openid");
    if let Some(unknown) = names.iter().find(|name| canonical(name).is_none())
        && !is_oidc_request
    {
        return Err(OAuthError::new(OAuthErrorCode::InvalidScope, format!("unknown scope: {unknown}")));
    }
    let names = canonical_list(&names);
    let is_offline = names.iter().any(|name| name == OFFLINE_ACCESS);
    let asks = names.iter().any(|name| name != OFFLINE_ACCESS);
    Ok((asks.then_some(names), is_offline))
}

/// Whether what `granted` permits includes the scope `asked`. A name of OpenID Connect is included where it was granted;
/// [`OFFLINE_ACCESS`], which changes nothing, everywhere.
pub(crate) fn covers(granted: &[String], asked: &str) -> bool {
    if is_oidc_scope(asked) {
        return asked == OFFLINE_ACCESS || granted.iter().any(|name| name == asked);
    }
    let granted: Vec<ScopeName> = granted.iter().filter_map(|name| ScopeName::parse(name).ok()).collect();
    ScopeName::parse(asked).is_ok_and(|asked| scope::covers(&granted, &asked))
}

/// The scopes that a request gets: what it asks for if the app may, or all the app may. Names on the list of the app
/// that mean nothing any more are as good as not there.
///
/// The names of OpenID Connect are allowed to every app, and grant nothing: who asks for them alone gets them alone.
pub(crate) fn negotiate(allowed: Option<&[String]>, asked: Option<&[String]>) -> Result<Vec<String>, OAuthError> {
    let allowed = allowed.map(canonical_list);
    let refused = |text: String| Err(OAuthError::new(OAuthErrorCode::InvalidScope, text));
    match (allowed, asked) {
        (None, None) => Ok(unrestricted()),
        (Some(allowed), None) if allowed.is_empty() => {
            refused("none of the scopes that this app may ask for exists any more".to_owned())
        }
        (Some(allowed), None) => Ok(allowed),
        (None, Some(asked)) => Ok(asked.to_vec()),
        (Some(allowed), Some(asked)) => {
            match asked.iter().find(|name| !is_oidc_scope(name) && !covers(&allowed, name)) {
                Some(name) => refused(format!("scope not allowed for this app: {name}")),
                None => Ok(asked.to_vec()),
            }
        }
    }
}

/// What is left of granted scopes for an app that may have `allowed`: of each what lies within both.
pub(crate) fn remaining(allowed: Option<&[String]>, granted: &[String]) -> Vec<String> {
    let Some(allowed) = allowed.map(canonical_list) else { return granted.to_vec() };
    // Names of OpenID Connect are allowed to every app.
    let stays = |name: &&String| is_oidc_scope(name) || covers(&allowed, name);
    let mut left: Vec<String> = granted.iter().filter(stays).cloned().collect();
    for name in &allowed {
        if !is_oidc_scope(name) && covers(granted, name) && !covers(&left, name) {
            left.push(name.clone());
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// What a request with this `scope` gets of an app with that list.
    fn granted(allowed: Option<&str>, scope: &str) -> Result<String, OAuthErrorCode> {
        let allowed = allowed.map(names);
        let (asked, _) = parse(Some(scope)).map_err(|error| error.code)?;
        negotiate(allowed.as_deref(), asked.as_deref()).map(|names| names.join(" ")).map_err(|error| error.code)
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
                assert!(!is_unrestricted(&names(&got)));
                assert!(names(&got).iter().all(|name| ScopeName::parse(name).is_err()), "{got}");
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
    fn what_was_granted_covers_what_it_includes() {
        let grant = names("user:* openid");
        for (asked, covered) in [
            ("user:read", true),
            ("openid", true),
            ("offline_access", true),
            ("email", false),
            ("template:read", false),
            ("gone:read", false),
        ] {
            assert_eq!(covers(&grant, asked), covered, "{asked}");
        }
        assert!(!covers(&names("coder:all"), "email"), "it is an identity, and no right");
    }

    #[test]
    fn a_person_reads_a_line_for_each_name() {
        let asked = names("offline_access workspace:read openid");
        let lines = describe_scopes(&asked);
        assert_eq!(
            lines.iter().map(|line| &*line.name).collect::<Vec<_>>(),
            ["workspace:read", "offline_access", "openid"]
        );
    }

    #[test]
    fn what_is_left_lies_within_both() {
        for (allowed, granted, left) in [
            ("workspace:read", "workspace:read template:read", "workspace:read"),
            ("workspace:*", "workspace:read template:read", "workspace:read"),
            ("workspace:read user:read", "workspace:*", "workspace:read"),
            ("workspace:read", "coder:all", "workspace:read"),
            ("coder:all", "workspace:read", "workspace:read"),
            ("template:read", "workspace:*", ""),
            ("workspace:read", "", ""),
            ("workspace:read", "openid template:read offline_access", "openid offline_access"),
            ("workspace:read openid", "coder:all", "workspace:read"),
        ] {
            assert_eq!(remaining(Some(&names(allowed)), &names(granted)), names(left), "{granted} within {allowed}");
        }
        assert_eq!(remaining(None, &names("coder:all")), ["coder:all"]);
    }
}
