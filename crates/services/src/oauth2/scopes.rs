//! Scopes of codes and tokens: names of the catalogue, never more than was allowed (`oauth2.md` 14.11).

use crate::OAuthError;
use doorward_domain::oauth2::{OAuthErrorCode, parse_scope_list};
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
}

/// Each name with its meaning in plain words, for the consent page: what is about the same thing stands together.
#[must_use]
pub fn describe_scopes(names: &[String]) -> Vec<ScopeText> {
    let known = names.iter().filter_map(|name| Some((name, ScopeName::parse(name).ok()?)));
    let mut known: Vec<(&String, ScopeName)> = known.collect();
    known.sort_by_key(|(_, scope)| scope.topic());
    let text = |(name, scope): (&String, ScopeName)| ScopeText {
        name: name.clone(),
        topic: scope.topic().title(),
        description: scope.describe(),
    };
    known.into_iter().map(text).collect()
}

/// Reads a `scope` parameter; every name must be in the catalogue.
pub(crate) fn parse_known(text: &str) -> Result<Vec<String>, OAuthError> {
    let names =
        parse_scope_list(text).map_err(|error| OAuthError::new(OAuthErrorCode::InvalidScope, error.to_string()))?;
    match names.iter().find(|name| ScopeName::parse(name).is_err()) {
        Some(unknown) => Err(OAuthError::new(OAuthErrorCode::InvalidScope, format!("unknown scope: {unknown}"))),
        // Beside the scope for everything, the others say nothing.
        None if is_unrestricted(&names) => Ok(unrestricted()),
        None => Ok(names),
    }
}

/// Whether what `granted` permits includes the scope `asked`.
pub(crate) fn covers(granted: &[String], asked: &str) -> bool {
    let granted: Vec<ScopeName> = granted.iter().filter_map(|name| ScopeName::parse(name).ok()).collect();
    ScopeName::parse(asked).is_ok_and(|asked| scope::covers(&granted, &asked))
}

/// The scopes that a request gets: what it asks for if the app may, or all the app may.
pub(crate) fn negotiate(allowed: Option<&[String]>, asked: Option<&[String]>) -> Result<Vec<String>, OAuthError> {
    match (allowed, asked) {
        (None, None) => Ok(unrestricted()),
        (Some(allowed), None) => Ok(allowed.to_vec()),
        (None, Some(asked)) => Ok(asked.to_vec()),
        (Some(allowed), Some(asked)) => match asked.iter().find(|name| !covers(allowed, name)) {
            Some(name) => {
                Err(OAuthError::new(OAuthErrorCode::InvalidScope, format!("scope not allowed for this app: {name}")))
            }
            None => Ok(asked.to_vec()),
        },
    }
}
