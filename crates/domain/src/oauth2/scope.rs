//! One scope, and the syntax of `scope` (RFC 6749 3.3). What the names of this server's catalogue mean is decided in
//! [`crate::roles`].

use crate::roles::ScopeName;
use crate::text_enum::text_enum;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// Longest `scope` parameter, in bytes: several times all names that are advertised.
pub const SCOPE_MAX: usize = 32 * 1024;
/// Most names in one `scope` parameter: clients that know nothing better ask for all that is advertised.
const NAMES_MAX: usize = 1024;
/// Marks stored names that a resource defines. No name of a request has it (RFC 6749 3.3).
const OWN_MARK: char = '\\';

text_enum! {
    /// The names of OpenID Connect and its usual extensions. They are accepted everywhere and grant nothing on this server's
    /// API.
    ///
    /// ```
    /// use doorward_domain::oauth2::OidcScope;
    /// assert_eq!("offline_access".parse(), Ok(OidcScope::OfflineAccess));
    /// assert!("user:read".parse::<OidcScope>().is_err());
    /// ```
    OidcScope {
        /// That the request is one of OpenID Connect.
        OpenId = "openid",
        /// Name and picture.
        Profile = "profile",
        /// The mail address.
        Email = "email",
        /// Groups.
        Groups = "groups",
        /// Roles.
        Roles = "roles",
        /// The name by which a client asks for refresh tokens (OpenID Connect Core 11). They are issued by grant type here,
        /// so it changes nothing: it does not even count as something asked for.
        OfflineAccess = "offline_access",
    }
}

/// One scope of a list.
///
/// Kinds of scopes are variants of one list, and not lists side by side: answers repeat names in the order in which they were
/// asked for, whatever their kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScopeEntry {
    /// A name of the catalogue: it permits something on the API of this server.
    Access(ScopeName),
    /// A name of OpenID Connect: it permits nothing on the API of this server.
    Oidc(OidcScope),
    /// A name that a registered resource defines: it permits nothing on the API of this server. Beside the catalogue it is known by the
    /// resource that a token is bound to alone; see [`ResourceRules`](super::ResourceRules).
    Own(Box<str>),
    /// A stored name that this release does not know, as it is stored. See [`Scopes::from_storage`](super::Scopes::from_storage).
    Unknown(Box<str>),
}

impl ScopeEntry {
    /// Reads a name of the catalogue, an old alias, or a name of OpenID Connect.
    pub(super) fn known(name: &str) -> Option<Self> {
        let oidc = || OidcScope::ALL.iter().copied().find(|known| known.as_str() == name);
        ScopeName::find(name).map(Self::Access).or_else(|| oidc().map(Self::Oidc))
    }

    /// Reads a stored name, which may be unknown by now.
    pub(super) fn stored(name: &str) -> Self {
        match name.strip_prefix(OWN_MARK) {
            Some(own) => Self::Own(own.into()),
            None => Self::known(name).unwrap_or_else(|| Self::Unknown(name.into())),
        }
    }

    /// The name as it is stored: one of a resource is marked, so that a catalogue that learns the same name does not make it
    /// permit anything.
    pub(super) fn stored_name(&self) -> Cow<'_, str> {
        match self {
            Self::Own(name) => Cow::Owned(format!("{OWN_MARK}{name}")),
            Self::Access(_) | Self::Oidc(_) | Self::Unknown(_) => self.name(),
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Access(name) => name.as_str(),
            Self::Oidc(name) => Cow::Borrowed(name.as_str()),
            Self::Own(text) | Self::Unknown(text) => Cow::Borrowed(text),
        }
    }

    /// The name by which sessions and API tokens are stored and shown: the two scopes that are older than the catalogue keep
    /// the names by which every client knows them.
    #[must_use]
    pub fn key_name(&self) -> Cow<'_, str> {
        match self {
            Self::Access(name) => name.old_name().map_or_else(|| name.as_str(), Cow::Borrowed),
            Self::Oidc(_) | Self::Own(_) | Self::Unknown(_) => self.name(),
        }
    }

    /// The name of OpenID Connect that it is: these are allowed to every app and permit nothing.
    #[must_use]
    pub const fn oidc(&self) -> Option<OidcScope> {
        match self {
            Self::Oidc(name) => Some(*name),
            Self::Access(_) | Self::Own(_) | Self::Unknown(_) => None,
        }
    }

    /// Whether it is a name of OpenID Connect.
    #[must_use]
    pub const fn is_oidc(&self) -> bool {
        self.oidc().is_some()
    }

    /// The name that a registered resource defines.
    #[must_use]
    pub fn own(&self) -> Option<&str> {
        match self {
            Self::Own(name) => Some(name),
            Self::Access(_) | Self::Oidc(_) | Self::Unknown(_) => None,
        }
    }

    /// Whether every app may have it: it permits nothing on the API of this server, and whoever defines it says who may ask.
    #[must_use]
    pub const fn is_of_others(&self) -> bool {
        matches!(self, Self::Oidc(_) | Self::Own(_))
    }

    /// What it permits on the API of this server.
    #[must_use]
    pub const fn access(&self) -> Option<ScopeName> {
        match self {
            Self::Access(name) => Some(*name),
            Self::Oidc(_) | Self::Own(_) | Self::Unknown(_) => None,
        }
    }
}

impl From<ScopeName> for ScopeEntry {
    fn from(name: ScopeName) -> Self {
        Self::Access(name)
    }
}

impl From<OidcScope> for ScopeEntry {
    fn from(name: OidcScope) -> Self {
        Self::Oidc(name)
    }
}

impl fmt::Display for ScopeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access(name) => name.fmt(f),
            Self::Oidc(name) => name.fmt(f),
            Self::Own(text) | Self::Unknown(text) => f.pad(text),
        }
    }
}

/// Why a `scope` parameter cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("scope has at most {NAMES_MAX} names of printable ASCII characters, separated by single spaces")]
pub struct ScopeSyntaxError;

/// Splits a `scope` parameter into its names, each once, in the order of first mention. Spaces too many are tolerated.
///
/// ```
/// use doorward_domain::oauth2::parse_scope_list;
/// assert_eq!(parse_scope_list("user:read  workspace:* user:read").unwrap(), ["user:read", "workspace:*"]);
/// assert!(parse_scope_list("user:read\n").is_err());
/// ```
pub fn parse_scope_list(text: &str) -> Result<Vec<&str>, ScopeSyntaxError> {
    if text.len() > SCOPE_MAX {
        return Err(ScopeSyntaxError);
    }
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    for name in text.split(' ').filter(|name| !name.is_empty()) {
        if !name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
            return Err(ScopeSyntaxError);
        }
        if seen.insert(name) {
            if names.len() == NAMES_MAX {
                return Err(ScopeSyntaxError);
            }
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::scope::catalogue;

    #[test]
    fn names_once_in_order() {
        assert_eq!(parse_scope_list(" b a  b ").unwrap(), ["b", "a"]);
        for blank in ["", " ", "   "] {
            assert_eq!(parse_scope_list(blank).unwrap(), Vec::<&str>::new());
        }
        for bad in ["a\tb", "a\"", "é", &"x ".repeat(20_000)] {
            assert!(parse_scope_list(bad).is_err());
        }
        let many = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(" ");
        assert!(parse_scope_list(&many(1024)).is_ok() && parse_scope_list(&many(1025)).is_err());
    }

    #[test]
    fn all_names_that_are_advertised_fit_several_times() {
        let mut names: Vec<String> = catalogue().iter().map(ToString::to_string).collect();
        names.extend(OidcScope::ALL.iter().map(ToString::to_string));
        assert!(3 * names.join(" ").len() < SCOPE_MAX && 3 * names.len() < NAMES_MAX);
    }

    #[test]
    fn no_name_of_openid_connect_is_one_of_the_catalogue() {
        for name in OidcScope::ALL {
            assert!(ScopeName::parse(name.as_str()).is_err(), "{name}");
        }
    }
}
