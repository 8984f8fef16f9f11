//! Rules for names (`identity.md` 1.7). Lengths are in bytes.
//!
//! Names stand in paths, where an id or a word of the API can stand too. So no name reads as an id, and none is such a
//! word: else `/users/<name>` would mean somebody else, or nobody at all.

#[cfg(feature = "full")]
mod shown;

#[cfg(feature = "full")]
pub use shown::{hidden_in_name, hidden_in_text};

use uuid::Uuid;

/// Longest name of a user, organization, role or app.
pub const NAME_MAX: usize = 32;
/// Longest name of a group.
pub const GROUP_NAME_MAX: usize = 255;
/// Longest display name.
pub const DISPLAY_NAME_MAX: usize = 64;
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
    text.len() <= NAME_MAX && is_hyphenated(text) && !is_taken_by_all(text)
}

/// Whether `text` is spelled like a [name](is_name), whatever it means: names from before a word was taken keep theirs.
#[must_use]
pub fn is_spelled_like_a_name(text: &str) -> bool {
    text.len() <= NAME_MAX && is_hyphenated(text)
}

/// Whether `text` may name a group: like a name, but up to 255 bytes.
///
/// ```
/// use doorward_domain::names::is_group_name;
/// assert!(is_group_name(&"g".repeat(255)) && !is_group_name("two words"));
/// ```
#[must_use]
pub fn is_group_name(text: &str) -> bool {
    text.len() <= GROUP_NAME_MAX && is_hyphenated(text) && !is_taken_by_all(text)
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

/// Whether `text` may be shown instead of a name: empty, or at most 64 bytes that are [plain](is_plain), without white
/// space at either end.
#[cfg(feature = "full")]
#[must_use]
pub fn is_display_name(text: &str) -> bool {
    text.len() <= DISPLAY_NAME_MAX && text.trim() == text && is_plain(text)
}

/// Whether `text` may be the real name of a person: at most 128 bytes that are [plain](is_plain), without white space at
/// either end.
#[cfg(feature = "full")]
#[must_use]
pub fn is_real_name(text: &str) -> bool {
    text.len() <= REAL_NAME_MAX && text.trim() == text && is_plain(text)
}

/// Makes a user name of free text: the text itself, or what stands before its last `@` without forbidden characters;
/// `None` when nothing that a user may be called is left, and a random name is wanted.
///
/// ```
/// use doorward_domain::names::username_from;
/// assert_eq!(username_from("ann.lee@example.com").as_deref(), Some("annlee"));
/// assert_eq!(username_from("é@example.com"), None);
/// ```
#[must_use]
pub fn username_from(text: &str) -> Option<String> {
    let is_usable = |text: &str| is_name(text) && !Named::User.is_reserved(text);
    if is_usable(text) {
        return Some(text.to_owned());
    }
    let local = text.rsplit_once('@').map_or(text, |(local, _)| local);
    let kept: String = local.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    is_usable(&kept).then_some(kept)
}

/// The form under which names and addresses are unique: without regard to letter case.
#[must_use]
pub fn key(text: &str) -> String {
    text.to_lowercase()
}

/// Whether `text` is a mail address (RFC 5321), without display name or domain literal. The address proves itself only
/// when mail arrives; this keeps out what cannot be one.
///
/// ```
/// use doorward_domain::names::is_email;
/// assert!(is_email("ann@example.com") && !is_email("Ann <ann@example.com>") && !is_email("ann"));
/// ```
#[cfg(feature = "full")]
#[must_use]
pub fn is_email(text: &str) -> bool {
    let options = email_address::Options::default().without_display_text().without_domain_literal();
    email_address::EmailAddress::parse_with_options(text, options).is_ok() && is_plain(text)
}

fn is_hyphenated(text: &str) -> bool {
    text.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Words of the dashboard's paths, and whatever reads as an id.
fn is_taken_by_all(text: &str) -> bool {
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
        assert!(is_group_name(&"a".repeat(255)) && !is_group_name(&"a".repeat(256)));
        assert!(is_display_name(&"é".repeat(32)) && !is_display_name(&"é".repeat(33)));
        assert!(is_real_name("") && !is_real_name(" a") && !is_real_name("a\t"));
    }

    #[test]
    fn what_reads_as_an_id_is_no_name() {
        let id = Uuid::from_u128(0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8);
        for text in [id.simple().to_string(), id.to_string(), id.braced().to_string(), id.urn().to_string()] {
            for text in [text.to_uppercase(), text] {
                assert!(!is_name(&text) && !is_group_name(&text), "{text}");
            }
        }
        assert!(is_name(&id.simple().to_string()[1..]) && is_name(&format!("{}g", &id.simple().to_string()[1..])));
        assert_eq!(username_from(&format!("{}@example.com", id.simple())), None);
    }

    #[test]
    fn words_of_paths_are_no_names() {
        assert!(!is_name("New") && !is_group_name("CREATE") && is_spelled_like_a_name("create"));
        assert_eq!(username_from("me@example.com"), None);
    }

    #[test]
    fn names_that_people_see_hide_nothing() {
        for bad in ["a\u{202E}b", "a\u{AD}b", "a\u{E0041}b", "a\tb", "a\0b"] {
            assert!(!is_display_name(bad) && !is_real_name(bad), "{bad:?}");
        }
        for good in ["", "Ann Lee", "م. علی\u{200C}ها", "O\u{2019}Hara", "李", "👩\u{200D}💻"] {
            assert!(is_display_name(good) && is_real_name(good), "{good:?}");
        }
    }

    #[test]
    fn usernames_are_made_of_free_text() {
        assert_eq!(username_from("ann.lee@example.com").as_deref(), Some("annlee"));
        assert_eq!(username_from("ann"), Some("ann".to_owned()));
        assert_eq!(username_from("@@"), None);
    }

    #[test]
    fn emails() {
        for good in ["a@b.c", "first.last+tag@sub.example.com", "dev@localhost"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c.d",
            "a@b@c",
            "a@-b.c",
            "a..b@c.d",
            "a@b..c",
            "<a@b.c>",
            "a@b.c\n",
            "Ann <a@b.c>",
        ] {
            assert!(!is_email(bad), "{bad:?}");
        }
    }
}
