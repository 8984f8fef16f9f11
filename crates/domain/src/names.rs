//! Rules for names (`identity.md` 1.7). Lengths are in bytes.

/// Longest name of a user, organization, role or app.
pub const NAME_MAX: usize = 32;
/// Longest name of a group.
pub const GROUP_NAME_MAX: usize = 255;
/// Longest display name.
pub const DISPLAY_NAME_MAX: usize = 64;
/// Longest real name of a user.
pub const REAL_NAME_MAX: usize = 128;

/// Whether `text` may name a user, organization, template, role or OAuth2 app: 1 to 32 letters and digits in groups
/// joined by single hyphens, and neither `new` nor `create`.
///
/// ```
/// use doorward_domain::names::is_name;
/// assert!(is_name("front-door2"));
/// assert!(!is_name("front--door") && !is_name("-door") && !is_name("new") && !is_name("a_b") && !is_name(""));
/// ```
#[must_use]
pub fn is_name(text: &str) -> bool {
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
    text.len() <= GROUP_NAME_MAX && is_hyphenated(text)
}

/// Whether `text` may be shown instead of a name: empty, or at most 64 bytes without white space at either end.
#[must_use]
pub fn is_display_name(text: &str) -> bool {
    text.len() <= DISPLAY_NAME_MAX && text.trim() == text
}

/// Whether `text` may be the real name of a person: at most 128 bytes without white space at either end.
#[must_use]
pub fn is_real_name(text: &str) -> bool {
    text.len() <= REAL_NAME_MAX && text.trim() == text && !text.contains('\0')
}

/// Makes a user name of free text: the text itself, or what stands before its last `@` without forbidden characters;
/// `None` when nothing usable is left and a random name is wanted.
///
/// ```
/// use doorward_domain::names::username_from;
/// assert_eq!(username_from("ann.lee@example.com").as_deref(), Some("annlee"));
/// assert_eq!(username_from("é@example.com"), None);
/// ```
#[must_use]
pub fn username_from(text: &str) -> Option<String> {
    if is_name(text) {
        return Some(text.to_owned());
    }
    let local = text.rsplit_once('@').map_or(text, |(local, _)| local);
    let kept: String = local.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    is_name(&kept).then_some(kept)
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
#[must_use]
pub fn is_email(text: &str) -> bool {
    let options = email_address::Options::default().without_display_text().without_domain_literal();
    email_address::EmailAddress::parse_with_options(text, options).is_ok() && !text.contains(char::is_control)
}

fn is_hyphenated(text: &str) -> bool {
    text != "new"
        && text != "create"
        && text.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_bytes() {
        assert!(is_name(&"a".repeat(32)) && !is_name(&"a".repeat(33)));
        assert!(is_group_name(&"a".repeat(255)) && !is_group_name(&"a".repeat(256)));
        assert!(is_display_name(&"é".repeat(32)) && !is_display_name(&"é".repeat(33)));
        assert!(is_real_name("") && !is_real_name(" a") && !is_real_name("a\t"));
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
