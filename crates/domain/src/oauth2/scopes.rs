//! Scopes of requests, apps, codes, grants and keys: a list of names that were parsed once, where they came in (RFC 6749
//! 3.3).

#[cfg(test)]
mod tests;

use super::scope::{OidcScope, ScopeEntry, ScopeSyntaxError, parse_scope_list};
use crate::roles::scope::covers_any;
use crate::roles::{Scope, ScopeName};
use std::fmt;
use std::str::FromStr;

/// Scopes: each once, in the order given, by their names in the catalogue.
///
/// Those of a request are read by [`FromStr`] or [`Scopes::from_request`], which refuse unknown names; those of a row by
/// [`Scopes::from_storage`], which keeps them. Without entries nothing is permitted.
///
/// ```
/// use doorward_domain::oauth2::Scopes;
///
/// let scopes: Scopes = "openid  workspace:* all workspace:*".parse()?;
/// assert_eq!(scopes.to_string(), "openid workspace:* coder:all");
/// assert!(scopes.is_unrestricted());
///
/// let refused = "workspace:read files:read mail:read".parse::<Scopes>().unwrap_err();
/// assert_eq!(refused.to_string(), "unknown scope: files:read, mail:read");
/// # Ok::<(), doorward_domain::oauth2::ScopesError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Scopes(Vec<ScopeEntry>);

/// Names that are no scopes, as they were given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope: {}", .0.join(", "))]
pub struct UnknownScopes(Vec<String>);

/// Why a text is no list of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopesError {
    /// It cannot be split into names.
    #[error(transparent)]
    Syntax(#[from] ScopeSyntaxError),
    /// Some names are unknown.
    #[error(transparent)]
    Unknown(#[from] UnknownScopes),
}

impl UnknownScopes {
    /// The names, at least one, in the order given.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl Scopes {
    /// `coder:all`, which limits nothing.
    #[must_use]
    pub fn all() -> Self {
        ScopeName::ALL.into()
    }

    /// Reads names that must all be known. The error tells all that are not.
    pub fn from_names<T: AsRef<str>>(names: &[T]) -> Result<Self, UnknownScopes> {
        let (mut known, mut unknown) = (Self(Vec::with_capacity(names.len())), Vec::new());
        for name in names {
            match ScopeEntry::known(name.as_ref()) {
                Some(entry) => known.insert(entry),
                None => unknown.push(name.as_ref().to_owned()),
            }
        }
        if unknown.is_empty() { Ok(known) } else { Err(UnknownScopes(unknown)) }
    }

    /// Reads the `scope` parameter of a request, without what says nothing beside [`Scopes::all`]. Names must be known, unless
    /// `openid` is among them: then unknown ones are left out (OpenID Connect Core 3.1.2.1).
    ///
    /// ```
    /// use doorward_domain::oauth2::Scopes;
    /// assert_eq!(Scopes::from_request("openid address user:read")?.to_string(), "openid user:read");
    /// assert!(Scopes::from_request("address user:read").is_err());
    /// # Ok::<(), doorward_domain::oauth2::ScopesError>(())
    /// ```
    pub fn from_request(text: &str) -> Result<Self, ScopesError> {
        let mut names = parse_scope_list(text)?;
        if names.contains(&OidcScope::OpenId.as_str()) {
            names.retain(|name| ScopeEntry::known(name).is_some());
        }
        Ok(Self::from_names(&names)?.simplified())
    }

    /// Reads what was stored: names separated by spaces. Never fails, for a scope that a release takes away must not lock
    /// users out of all that was stored with it, nor make whole lists unreadable.
    ///
    /// A name that is unknown by now stays in its place, as [`ScopeEntry::Unknown`]. It permits nothing, is covered by nothing
    /// ([`Scopes::covers`]), and a list that has only such names limits to nothing: it never turns into "no limit". It is shown
    /// and stored again as it was, so that the owner sees it, another release still knows it, and who must refuse can name it
    /// ([`Scopes::unknown`]).
    ///
    /// ```
    /// use doorward_domain::oauth2::Scopes;
    /// use doorward_domain::roles::{Action, ResourceType};
    ///
    /// let stored = Scopes::from_storage("spaceship:fly all");
    /// assert_eq!(stored.to_string(), "spaceship:fly coder:all");
    /// assert_eq!(stored.unknown().collect::<Vec<_>>(), ["spaceship:fly"]);
    /// let gone = Scopes::from_storage("spaceship:fly");
    /// assert!(!gone.is_empty() && !gone.to_scope().permits(Action::Read, ResourceType::User));
    /// ```
    #[must_use]
    pub fn from_storage(text: &str) -> Self {
        text.split(' ').filter(|name| !name.is_empty()).map(ScopeEntry::stored).collect()
    }

    /// Reads a stored list of names, see [`Scopes::from_storage`].
    #[must_use]
    pub fn from_stored_names<T: AsRef<str>>(names: &[T]) -> Self {
        names.iter().map(|name| ScopeEntry::stored(name.as_ref())).collect()
    }

    /// The text that [`Scopes::from_storage`] reads: names separated by spaces, those of resources marked.
    #[must_use]
    pub fn to_storage(&self) -> String {
        self.0.iter().map(ScopeEntry::stored_name).collect::<Vec<_>>().join(" ")
    }

    /// Those of the names that are known; the others are passed over.
    pub fn known_among<T: AsRef<str>>(names: &[T]) -> Self {
        names.iter().filter_map(|name| ScopeEntry::known(name.as_ref())).collect()
    }

    /// Without what says nothing beside `coder:all`: other names of the catalogue.
    #[must_use]
    pub fn simplified(mut self) -> Self {
        if self.is_unrestricted() {
            self.0.retain(|entry| entry.access().is_none_or(|name| name.is_all()));
        }
        self
    }

    /// Without names that are unknown by now.
    #[must_use]
    pub fn known(mut self) -> Self {
        self.0.retain(|entry| !matches!(entry, ScopeEntry::Unknown(_)));
        self
    }

    /// Adds a scope at the end, unless it is there already.
    pub fn insert(&mut self, entry: impl Into<ScopeEntry>) {
        let entry = entry.into();
        if !self.0.contains(&entry) {
            self.0.push(entry);
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, ScopeEntry> {
        self.0.iter()
    }

    /// How many they are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none: then nothing is permitted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(&self, entry: &ScopeEntry) -> bool {
        self.0.contains(entry)
    }

    /// Those that permit something on the API of this server.
    pub fn access(&self) -> impl Iterator<Item = ScopeName> + Clone {
        self.0.iter().filter_map(ScopeEntry::access)
    }

    /// Names that are unknown by now.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|entry| match entry {
            ScopeEntry::Unknown(text) => Some(&**text),
            ScopeEntry::Access(_) | ScopeEntry::Oidc(_) | ScopeEntry::Own(_) => None,
        })
    }

    /// Whether they limit nothing.
    #[must_use]
    pub fn is_unrestricted(&self) -> bool {
        self.access().any(|name| name.is_all())
    }

    /// Whether what they permit includes `asked`. A name of OpenID Connect or of a resource is included where it was granted;
    /// [`OidcScope::OfflineAccess`], which changes nothing, everywhere; an unknown name nowhere.
    #[must_use]
    pub fn covers(&self, asked: &ScopeEntry) -> bool {
        match asked {
            ScopeEntry::Access(name) => covers_any(&self.access(), *name),
            ScopeEntry::Oidc(OidcScope::OfflineAccess) => true,
            ScopeEntry::Oidc(_) | ScopeEntry::Own(_) => self.contains(asked),
            ScopeEntry::Unknown(_) => false,
        }
    }

    /// What is left of these for an app that may have `allowed`, which is `None` for any: of each what lies within both.
    /// Names of OpenID Connect and of resources are allowed to every app.
    ///
    /// ```
    /// use doorward_domain::oauth2::Scopes;
    /// let granted: Scopes = "workspace:* openid".parse()?;
    /// let left = granted.within(Some(&"workspace:read template:read".parse()?));
    /// assert_eq!(left.to_string(), "openid workspace:read");
    /// # Ok::<(), doorward_domain::oauth2::ScopesError>(())
    /// ```
    #[must_use]
    pub fn within(self, allowed: Option<&Self>) -> Self {
        let Some(allowed) = allowed else { return self };
        let stays = |entry: &&ScopeEntry| entry.is_of_others() || allowed.covers(entry);
        let mut left: Self = self.0.iter().filter(stays).cloned().collect();
        for entry in allowed.iter().filter(|entry| entry.access().is_some()) {
            if self.covers(entry) && !left.covers(entry) {
                left.insert(entry.clone());
            }
        }
        left
    }

    /// What a credential with these scopes lets its holder do, on every object.
    #[must_use]
    pub fn to_scope(&self) -> Scope {
        if self.is_unrestricted() {
            return Scope::all();
        }
        Scope::from_names(&self.access().collect::<Vec<_>>())
    }

    /// Their names, as [`Display`](fmt::Display) joins them.
    #[must_use]
    pub fn to_names(&self) -> Vec<String> {
        self.0.iter().map(|entry| entry.name().into_owned()).collect()
    }
}

impl From<ScopeName> for Scopes {
    fn from(name: ScopeName) -> Self {
        Self(vec![name.into()])
    }
}

/// Each is kept once, where it comes first.
impl<T: Into<ScopeEntry>> FromIterator<T> for Scopes {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut scopes = Self::default();
        for entry in entries {
            scopes.insert(entry);
        }
        scopes
    }
}

impl<'a> IntoIterator for &'a Scopes {
    type Item = &'a ScopeEntry;
    type IntoIter = std::slice::Iter<'a, ScopeEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Names separated by spaces, all of them known.
impl FromStr for Scopes {
    type Err = ScopesError;

    fn from_str(text: &str) -> Result<Self, ScopesError> {
        Ok(Self::from_names(&parse_scope_list(text)?)?)
    }
}

/// A `scope` parameter.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, entry) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{entry}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}
