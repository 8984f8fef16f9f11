//! Names, mail addresses and display names (`identity.md` 1.7): value types, and the rules behind them. Lengths are in bytes of
//! UTF-8.
//!
//! | value | of | bytes | parsing needs |
//! |---|---|---|---|
//! | [`Username`] | users | 1 to 32 | |
//! | [`OrganizationName`] | organizations | 1 to 32 | |
//! | [`GroupName`] | groups | 1 to 255 | |
//! | [`TemplateName`] | templates | 1 to 32 | |
//! | [`TemplateVersionName`] | versions of templates | 1 to 64 | |
//! | [`WorkspaceName`] | workspaces | 1 to 32 | |
//! | [`ProxyName`] | workspace proxies | 1 to 64 | feature `full` |
//! | [`Email`] | users | up to 64 before the `@`, 254 behind it | feature `full` |
//! | [`DisplayName`] | organizations, groups, templates | up to 64 | feature `full` |
//! | [`RealName`] | users | up to 128 | feature `full` |
//!
//! A value is made by [`FromStr`](std::str::FromStr) or `TryFrom<String>`, which say by a [`NameError`] which rule a text breaks, or
//! by `from_storage`, which takes what was checked when it was stored: a rule may be younger than that.
//!
//! Names stand in paths, where an id or a word of the API can stand too. So no name reads as an id, and none is such a
//! word: else `/users/<name>` would mean somebody else, or nobody at all.

#[cfg(feature = "full")]
mod shown;
mod value;

#[cfg(feature = "full")]
pub use shown::{hidden_in_name, hidden_in_text};
pub use value::{
    DisplayName, Email, GroupName, NameError, OrganizationName, ProxyName, RealName, TemplateName, TemplateVersionName,
    Username, WorkspaceName,
};

use uuid::Uuid;

/// Longest name of a user, organization, role or app.
pub const NAME_MAX: usize = 32;
/// Longest name of a group.
pub const GROUP_NAME_MAX: usize = 255;
/// Longest display name.
pub const DISPLAY_NAME_MAX: usize = 64;
/// Longest name of a version of a template.
pub const VERSION_NAME_MAX: usize = 64;
/// Longest real name of a user.
pub const REAL_NAME_MAX: usize = 128;

/// Whether `text` may name a user, organization, template, role or OAuth2 app: 1 to 32 letters and digits in groups
/// joined by single hyphens, neither `new` nor `create`, and not an id (a UUID in any of its forms).
///
/// ```
/// use doorward_domain::names::is_name;
/// assert!(is_name("front-door2") && !is_name("6ba7b8109dad11d180b400c04fd430c8"));
/// assert!(!is_name("front--door") && !is_name("-door") && !is_name("new") && !is_name("a_b") && !is_name(""));
/// ```
#[must_use]
pub fn is_name(text: &str) -> bool {
    is_spelled_like_a_name(text) && !is_reserved_for_all(text)
}

/// Whether `text` is spelled like a [name](is_name), whatever it means: names from before a word was taken keep theirs.
#[must_use]
pub fn is_spelled_like_a_name(text: &str) -> bool {
    text.len() <= NAME_MAX && is_hyphenated(text)
}

/// What stands in a path by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// A user.
    User,
    /// An organization.
    Organization,
    /// A group of an organization.
    Group,
    /// A template of an organization.
    Template,
    /// A custom role of an organization.
    Role,
    /// A workspace of a user.
    Workspace,
    /// An API token of a user.
    Token,
    /// A workspace proxy.
    Proxy,
}

impl Named {
    /// The words of the API that stand where such a name can. A test holds the list against the route table; it also has
    /// the words of Coder's API for which there is no route yet.
    #[must_use]
    pub const fn reserved(self) -> &'static [&'static str] {
        match self {
            Self::User => &[
                "me",
                "first",
                "roles",
                "login",
                "logout",
                "authmethods",
                "validate-password",
                "otp",
                "oauth2",
                "oidc",
                "oidc-claims",
            ],
            Self::Organization => &["default"],
            Self::Template => &["examples"],
            Self::Token => &["tokenconfig", "expire", ".", ".."],
            Self::Role => &["roles", "workspaces", "workspace-quota"],
            Self::Proxy => &["primary", "me"],
            Self::Group | Self::Workspace => &[],
        }
    }

    /// Whether `text` is one of the [reserved](Self::reserved) words, without regard to letter case.
    ///
    /// ```
    /// use doorward_domain::names::Named;
    /// assert!(Named::User.is_reserved("Me") && !Named::Organization.is_reserved("me"));
    /// ```
    #[must_use]
    pub fn is_reserved(self, text: &str) -> bool {
        self.reserved().iter().any(|word| word.eq_ignore_ascii_case(text))
    }
}

/// Whether every character of `text` shows, and the order in which they are read is that in which they stand: see
/// [`hidden_in_name`]. For names of people and things, which are shown beside each other.
///
/// ```
/// use doorward_domain::names::is_plain;
/// assert!(is_plain("Zoë 👩‍💻") && !is_plain("ann\u{202E}nimda") && !is_plain("a\nb") && !is_plain("ad\u{200B}min"));
/// ```
#[cfg(feature = "full")]
#[must_use]
pub fn is_plain(text: &str) -> bool {
    hidden_in_name(text).is_none()
}

/// The form under which names and addresses are unique: without regard to letter case.
#[must_use]
pub fn key(text: &str) -> String {
    text.to_lowercase()
}

fn is_hyphenated(text: &str) -> bool {
    text.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Words of the dashboard's paths, and whatever reads as an id.
fn is_reserved_for_all(text: &str) -> bool {
    ["new", "create"].iter().any(|word| word.eq_ignore_ascii_case(text)) || is_id(text)
}

/// Whether `text` reads as an id: a UUID in any form that is understood in a path.
///
/// ```
/// use doorward_domain::names::is_id;
/// assert!(is_id("6BA7B810-9dad-11d1-80b4-00c04fd430c8") && is_id("6ba7b8109dad11d180b400c04fd430c8"));
/// assert!(!is_id("6ba7b810"));
/// ```
#[must_use]
pub fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_bytes() {
        assert!(is_name(&"z".repeat(32)) && !is_name(&"z".repeat(33)));
    }

    #[test]
    fn what_reads_as_an_id_is_no_name() {
        let id = Uuid::from_u128(0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8);
        for text in [id.simple().to_string(), id.to_string(), id.braced().to_string(), id.urn().to_string()] {
            for text in [text.to_uppercase(), text] {
                assert!(!is_name(&text) && text.parse::<GroupName>().is_err(), "{text}");
            }
        }
        assert!(is_name(&id.simple().to_string()[1..]) && is_name(&format!("{}g", &id.simple().to_string()[1..])));
        assert_eq!(Username::suggested_by(&format!("{}@example.com", id.simple())), None);
    }

    #[test]
    fn words_of_paths_are_no_names() {
        assert!(!is_name("New") && "CREATE".parse::<GroupName>().is_err() && is_spelled_like_a_name("create"));
        assert_eq!(Username::suggested_by("me@example.com"), None);
    }
}
