//! Names, mail addresses and texts as values: one that was parsed keeps its rule.

#[cfg(feature = "full")]
use super::{DISPLAY_NAME_MAX, REAL_NAME_MAX, hidden_in_name};
use super::{GROUP_NAME_MAX, NAME_MAX, Named, VERSION_NAME_MAX, is_hyphenated, is_id, is_reserved_for_all, key};

/// Why a text cannot be a name, a mail address, or a text that people are shown. The first rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing at all, or not a single character.
    #[error("must not be empty")]
    Empty,
    /// Too many bytes of UTF-8.
    #[error("must have at most {max} bytes")]
    TooLong {
        /// How many are allowed.
        max: usize,
    },
    /// Not letters and digits of ASCII, in groups joined by single hyphens.
    #[error("must have letters and digits only, in groups joined by single hyphens")]
    Characters,
    /// A UUID in any of its forms, or `new` or `create`: these stand for something else in every path.
    #[error("must be neither an id nor `new` nor `create`")]
    ReservedForAll,
    /// One of the [words](Named::reserved) that stand for something else where such a name can stand.
    #[error("is a word that stands for something else in paths")]
    Reserved,
    /// Not an address of RFC 5321.
    #[error("must be a mail address such as ann@example.com")]
    NoAddress,
    /// White space before or after it.
    #[error("must not begin or end with white space")]
    Untrimmed,
    /// A character that does not show, or that changes the order in which others are read.
    #[error("must not have characters that do not show, or that change how others are read, such as U+{:04X}", u32::from(*.0))]
    Hidden(char),
}

/// Declares a text with a rule. `check` says what is wrong with one; where it needs a feature, so does parsing.
macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $(#[$gate:meta])* check: $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
        pub struct $name(String);

        impl $name {
            /// Takes a text that was checked when it was stored. It need not keep the rule of today: what is stored may be older
            /// than that, and is shown and replaced like any other.
            #[must_use]
            pub const fn from_storage(text: String) -> Self {
                Self(text)
            }

            /// The text as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, without a copy.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }
        $(#[$gate])*
        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> { $check(text).map(|()| Self(text.to_owned())) }
        }
        $(#[$gate])*
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> { $check(&text).map(|()| Self(text)) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(&self.0) }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { std::fmt::Debug::fmt(&self.0, f) }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str { &self.0 }
        }
        impl PartialEq<str> for $name {
            fn eq(&self, text: &str) -> bool { self.0 == text }
        }
        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool { self.0 == *text }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self { value.0 }
        }
    };
}

/// The form under which names of this kind are compared, looked up and sorted.
macro_rules! folded {
    ($($name:ident),+) => {$(
        impl $name {
            /// The form under which it is looked up and sorted, and two are the same: without regard to letter case.
            #[must_use]
            pub fn key(&self) -> String {
                key(&self.0)
            }
        }
    )+};
}

checked_text! {
    /// What a user signs in with and is called in URLs: 1 to 32 bytes, letters and digits of ASCII in groups joined by single
    /// hyphens; neither an id, nor `new` or `create`, nor one of [`Named::User`]'s reserved words. Unique by its
    /// [`key`](Self::key).
    ///
    /// ```
    /// use doorward_domain::names::{NameError, Username};
    /// let ann: Username = "Ann-Lee".parse()?;
    /// assert_eq!((ann.as_str(), ann.key().as_str()), ("Ann-Lee", "ann-lee"));
    /// assert_eq!("ann lee".parse::<Username>(), Err(NameError::Characters));
    /// assert_eq!("me".parse::<Username>(), Err(NameError::Reserved));
    /// # Ok::<(), NameError>(())
    /// ```
    Username, check: username
}

checked_text! {
    /// The name of an organization: 1 to 32 bytes, spelled like a [`Username`]; not `default`. Unique by its
    /// [`key`](Self::key).
    ///
    /// ```
    /// use doorward_domain::names::{NameError, OrganizationName};
    /// assert!("acme-2".parse::<OrganizationName>().is_ok());
    /// assert_eq!("Default".parse::<OrganizationName>(), Err(NameError::Reserved));
    /// ```
    OrganizationName, check: organization_name
}

checked_text! {
    /// The name of a group: 1 to 255 bytes, spelled like a [`Username`]; no word is reserved but `new` and `create`. Unique in
    /// its organization with regard to letter case; lists are sorted by its [`key`](Self::key).
    ///
    /// ```
    /// use doorward_domain::names::{GroupName, NameError};
    /// assert!("Front-End".parse::<GroupName>().is_ok());
    /// assert_eq!("two words".parse::<GroupName>(), Err(NameError::Characters));
    /// ```
    GroupName, check: group_name
}

checked_text! {
    /// The name of a template: 1 to 32 bytes, spelled like a [`Username`]; not `examples`. Unique in its organization by its
    /// [`key`](Self::key).
    ///
    /// ```
    /// use doorward_domain::names::{NameError, TemplateName};
    /// assert!("docker-2".parse::<TemplateName>().is_ok());
    /// assert_eq!("examples".parse::<TemplateName>(), Err(NameError::Reserved));
    /// ```
    TemplateName, check: template_name
}

checked_text! {
    /// The name of a version of a template: 1 to 64 bytes, letters and digits of ASCII in groups joined by single hyphens, dots or
    /// underscores; neither an id nor `archive`. Unique in its template by its [`key`](Self::key).
    ///
    /// ```
    /// use doorward_domain::names::{NameError, TemplateVersionName};
    /// assert!("v1.2_rc-3".parse::<TemplateVersionName>().is_ok());
    /// assert_eq!("v1..2".parse::<TemplateVersionName>(), Err(NameError::Characters));
    /// assert_eq!("Archive".parse::<TemplateVersionName>(), Err(NameError::Reserved));
    /// ```
    TemplateVersionName, check: template_version_name
}

checked_text! {
    /// The name of a workspace: 1 to 32 bytes, spelled like a [`Username`]; no word is reserved but `new` and `create`. Unique
    /// for its owner by its [`key`](Self::key).
    ///
    /// ```
    /// use doorward_domain::names::{NameError, WorkspaceName};
    /// assert!("desk".parse::<WorkspaceName>().is_ok());
    /// assert_eq!("my desk".parse::<WorkspaceName>(), Err(NameError::Characters));
    /// ```
    WorkspaceName, check: workspace_name
}

checked_text! {
    /// The name of a workspace proxy: 1 to 64 bytes of UTF-8, all of whose characters show, without slashes and without white
    /// space at either end; neither an id, nor `primary` or `me`. Unique by its [`key`](Self::key). To parse one needs the
    /// feature `full`.
    ///
    #[cfg_attr(feature = "full", doc = "```")]
    #[cfg_attr(not(feature = "full"), doc = "```ignore")]
    /// use doorward_domain::names::{NameError, ProxyName};
    /// assert!("eu_west 1".parse::<ProxyName>().is_ok());
    /// assert_eq!("Primary".parse::<ProxyName>(), Err(NameError::Reserved));
    /// assert_eq!("6ba7b8109dad11d180b400c04fd430c8".parse::<ProxyName>(), Err(NameError::ReservedForAll));
    /// assert_eq!("a/b".parse::<ProxyName>(), Err(NameError::Characters));
    /// ```
    ProxyName, #[cfg(feature = "full")] check: proxy_name
}

checked_text! {
    /// A mail address (RFC 5321): at most 64 bytes before the `@` and 254 behind it, without display name or domain literal, of
    /// characters that show. The address proves itself only when mail arrives; this keeps out what cannot be one. Unique by its
    /// [`key`](Self::key). To parse one needs the feature `full`.
    ///
    #[cfg_attr(feature = "full", doc = "```")]
    #[cfg_attr(not(feature = "full"), doc = "```ignore")]
    /// use doorward_domain::names::{Email, NameError};
    /// assert_eq!("Ann@Example.com".parse::<Email>()?.key(), "ann@example.com");
    /// assert_eq!("Ann <ann@example.com>".parse::<Email>(), Err(NameError::NoAddress));
    /// # Ok::<(), NameError>(())
    /// ```
    Email, #[cfg(feature = "full")] check: email
}

checked_text! {
    /// What people are shown instead of a name; may be empty. At most 64 bytes of UTF-8, all of whose characters show, without
    /// white space at either end. Need not be unique. To parse one needs the feature `full`.
    ///
    #[cfg_attr(feature = "full", doc = "```")]
    #[cfg_attr(not(feature = "full"), doc = "```ignore")]
    /// use doorward_domain::names::{DisplayName, NameError};
    /// assert!("Zoë's team 👩‍💻".parse::<DisplayName>().is_ok() && "".parse::<DisplayName>().is_ok());
    /// assert_eq!("ad\u{200B}min".parse::<DisplayName>(), Err(NameError::Hidden('\u{200B}')));
    /// ```
    #[derive(Default)]
    DisplayName, #[cfg(feature = "full")] check: display_name
}

checked_text! {
    /// The real name of a person; may be empty. At most 128 bytes of UTF-8, all of whose characters show, without white space at
    /// either end. To parse one needs the feature `full`.
    ///
    #[cfg_attr(feature = "full", doc = "```")]
    #[cfg_attr(not(feature = "full"), doc = "```ignore")]
    /// use doorward_domain::names::{NameError, RealName};
    /// assert!("李 O\u{2019}Hara".parse::<RealName>().is_ok());
    /// assert_eq!(" Ann".parse::<RealName>(), Err(NameError::Untrimmed));
    /// ```
    #[derive(Default)]
    RealName, #[cfg(feature = "full")] check: real_name
}

folded!(Username, OrganizationName, GroupName, TemplateName, TemplateVersionName, WorkspaceName, ProxyName, Email);

impl Username {
    /// What a user of this name is called when `text` is asked for. The same name in other letter case is enough to keep one
    /// that was taken before a word was reserved; any other has to keep the rule of today.
    ///
    /// ```
    /// use doorward_domain::names::{NameError, Username};
    /// let old = Username::from_storage("create".to_owned());
    /// assert_eq!(old.renamed("Create")?, "Create");
    /// assert_eq!(old.renamed("new"), Err(NameError::ReservedForAll));
    /// # Ok::<(), NameError>(())
    /// ```
    pub fn renamed(&self, text: &str) -> Result<Self, NameError> {
        spelled(text, NAME_MAX)?;
        if key(text) == self.key() { Ok(Self(text.to_owned())) } else { text.parse() }
    }

    /// The user name that stands in free text: the text itself, or what stands before its last `@` without forbidden
    /// characters; `None` when nothing that a user may be called is left, and a random name is wanted.
    ///
    /// ```
    /// use doorward_domain::names::Username;
    /// assert_eq!(Username::suggested_by("ann.lee@example.com").unwrap(), "annlee");
    /// assert_eq!(Username::suggested_by("é@example.com"), None);
    /// ```
    #[must_use]
    pub fn suggested_by(text: &str) -> Option<Self> {
        if let Ok(name) = text.parse() {
            return Some(name);
        }
        let local = text.rsplit_once('@').map_or(text, |(local, _)| local);
        let kept: String = local.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        kept.try_into().ok()
    }
}

impl DisplayName {
    /// Whether there is none, so that the name itself is shown.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl RealName {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The name is shown where there is nothing else. It keeps the rule of what is shown, which is wider.
impl From<&OrganizationName> for DisplayName {
    fn from(name: &OrganizationName) -> Self {
        Self(name.0.clone())
    }
}

/// Letters and digits in groups joined by single hyphens, whatever they mean.
fn spelled(text: &str, max: usize) -> Result<(), NameError> {
    match text {
        "" => Err(NameError::Empty),
        _ if text.len() > max => Err(NameError::TooLong { max }),
        _ if !is_hyphenated(text) => Err(NameError::Characters),
        _ => Ok(()),
    }
}

/// What stands in paths, whoever or whatever is called so.
fn name(text: &str, max: usize) -> Result<(), NameError> {
    spelled(text, max)?;
    if is_reserved_for_all(text) { Err(NameError::ReservedForAll) } else { Ok(()) }
}

fn name_of(named: Named, text: &str) -> Result<(), NameError> {
    name(text, NAME_MAX)?;
    if named.is_reserved(text) { Err(NameError::Reserved) } else { Ok(()) }
}

fn username(text: &str) -> Result<(), NameError> {
    name_of(Named::User, text)
}

fn organization_name(text: &str) -> Result<(), NameError> {
    name_of(Named::Organization, text)
}

fn template_name(text: &str) -> Result<(), NameError> {
    name_of(Named::Template, text)
}

fn template_version_name(text: &str) -> Result<(), NameError> {
    let is_spelled =
        || text.split(['-', '.', '_']).all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    match text {
        "" => Err(NameError::Empty),
        _ if text.len() > VERSION_NAME_MAX => Err(NameError::TooLong { max: VERSION_NAME_MAX }),
        _ if !is_spelled() => Err(NameError::Characters),
        _ if is_id(text) => Err(NameError::ReservedForAll),
        // It stands where such a name can.
        _ if text.eq_ignore_ascii_case("archive") => Err(NameError::Reserved),
        _ => Ok(()),
    }
}

fn workspace_name(text: &str) -> Result<(), NameError> {
    name_of(Named::Workspace, text)
}

fn group_name(text: &str) -> Result<(), NameError> {
    name(text, GROUP_NAME_MAX)
}

#[cfg(feature = "full")]
fn proxy_name(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    shown(text, DISPLAY_NAME_MAX)?;
    match text {
        _ if text.contains('/') => Err(NameError::Characters),
        _ if is_reserved_for_all(text) => Err(NameError::ReservedForAll),
        _ if Named::Proxy.is_reserved(text) => Err(NameError::Reserved),
        _ => Ok(()),
    }
}

#[cfg(feature = "full")]
fn email(text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    let options = email_address::Options::default().without_display_text().without_domain_literal();
    if email_address::EmailAddress::parse_with_options(text, options).is_err() {
        return Err(NameError::NoAddress);
    }
    all_show(text)
}

#[cfg(feature = "full")]
fn display_name(text: &str) -> Result<(), NameError> {
    shown(text, DISPLAY_NAME_MAX)
}

#[cfg(feature = "full")]
fn real_name(text: &str) -> Result<(), NameError> {
    shown(text, REAL_NAME_MAX)
}

#[cfg(feature = "full")]
fn shown(text: &str, max: usize) -> Result<(), NameError> {
    if text.len() > max {
        return Err(NameError::TooLong { max });
    }
    if text.trim() != text {
        return Err(NameError::Untrimmed);
    }
    all_show(text)
}

#[cfg(feature = "full")]
fn all_show(text: &str) -> Result<(), NameError> {
    hidden_in_name(text).map_or(Ok(()), |hidden| Err(NameError::Hidden(hidden)))
}

#[cfg(test)]
mod tests;
