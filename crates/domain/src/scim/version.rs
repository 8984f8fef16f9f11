//! Versions of resources, and the headers that name them (RFC 7644 3.14, RFC 9110 8.8.3, 13.1).

use super::error::ScimError;
use super::resource::Resource;
use crate::Digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::fmt;
use std::str::FromStr;
use winnow::Parser;
use winnow::ascii::{space0, space1};
use winnow::combinator::{alt, delimited, eof, opt, repeat};
use winnow::error::EmptyError;
use winnow::token::take_while;

/// So many bytes of a digest tell versions apart: only those of one resource are compared.
const BYTES: usize = 12;

/// The version of a resource: a weak entity tag. It is printed as `meta.version` and the header `ETag` have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// Of the resource itself.
    own: String,
    /// Of what is shown with it and belongs to other resources.
    beside: Option<String>,
}

/// What stands between the two parts of a version. No digest has it.
const BESIDE: char = '.';

impl Version {
    /// The version of what a resource is now. `meta` does not count, nor does the order of keys.
    ///
    /// ```
    /// use doorward_domain::scim::{USER, Version};
    /// use serde_json::json;
    /// let mut user = USER.read(&json!({ "userName": "bjensen" }))?;
    /// let before = Version::of(&user);
    /// user.insert("meta", json!({ "lastModified": "2026-01-01T00:00:00Z" }));
    /// assert_eq!(Version::of(&user), before);
    /// assert!(before.to_string().starts_with("W/\""));
    /// # Ok::<(), doorward_domain::scim::ScimError>(())
    /// ```
    #[must_use]
    pub fn of(resource: &Resource) -> Self {
        let mut text = String::new();
        let mut fields: Vec<_> = resource.fields().iter().filter(|(name, _)| *name != "meta").collect();
        canonical(&mut fields, &mut text);
        Self::of_bytes(text)
    }

    /// The version of what these bytes stand for, such as an id and the time of its last change: for groups of which not all
    /// is read.
    #[must_use]
    pub fn of_bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self { own: digest(bytes), beside: None }
    }

    /// The version of the same resource when something is shown with it that others change, such as the groups of a user. Who
    /// reads is told when that is another; who changes the resource itself ([`Preconditions::hold`]) is not kept from it.
    ///
    /// ```
    /// use doorward_domain::scim::{Preconditions, Version};
    /// use serde_json::json;
    /// let own = Version::of_bytes("1");
    /// let shown = own.clone().beside(&json!([{ "value": "group" }]));
    /// let conditions = Preconditions { matches: Some(shown.to_string().parse()?), ..Preconditions::default() };
    /// assert!(conditions.hold(&own));
    /// let read = Preconditions { none_match: Some(own.to_string().parse()?), ..Preconditions::default() };
    /// assert!(read.is_known(&own) && !read.is_known(&shown));
    /// # Ok::<(), doorward_domain::scim::ScimError>(())
    /// ```
    #[must_use]
    pub fn beside(self, shown: &Value) -> Self {
        let mut text = String::new();
        write_value(shown, &mut text);
        Self { beside: Some(digest(text)), ..self }
    }
}

fn digest(bytes: impl AsRef<[u8]>) -> String {
    let digest: Vec<u8> = Digest::of(bytes).as_bytes().iter().copied().take(BYTES).collect();
    URL_SAFE_NO_PAD.encode(digest)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "W/\"{}", self.own)?;
        if let Some(beside) = &self.beside {
            write!(f, "{BESIDE}{beside}")?;
        }
        f.write_str("\"")
    }
}

/// Writes an object with its keys in order, so that documents that are the same have the same text.
fn canonical(fields: &mut [(&String, &Value)], text: &mut String) {
    fields.sort_by_key(|(name, _)| *name);
    text.push('{');
    for (name, value) in fields {
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        write_value(value, text);
        text.push(',');
    }
    text.push('}');
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => canonical(&mut fields.iter().collect::<Vec<_>>(), text),
        Value::Array(values) => {
            text.push('[');
            for value in values {
                write_value(value, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

/// An entity tag that a caller names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    /// It stands for versions that mean the same, but need not be the same byte by byte.
    pub weak: bool,
    /// What is between the quotes.
    pub tag: String,
}

/// The value of `If-Match` or `If-None-Match`.
///
/// ```
/// use doorward_domain::scim::{EntityTags, Version};
/// let version = Version::of_bytes("1");
/// let tags: EntityTags = format!("\"old\", {version}").parse()?;
/// assert!(tags.include(Some(&version)));
/// assert!(!tags.include(None));
/// # Ok::<(), doorward_domain::scim::ScimError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: whatever there is.
    Any,
    /// One of these.
    List(Vec<EntityTag>),
}

impl EntityTags {
    /// Whether the version of a resource, if there is one, is among them, whatever was shown [`beside`](Version::beside) it. When it is
    /// not, `If-Match` fails with 412; when it is, so does `If-None-Match` if something was to be changed.
    ///
    /// Tags are compared weakly for `If-Match` too, which RFC 9110 13.1.1 would not do: all of SCIM's versions are weak, and
    /// RFC 7644 3.14 has clients send them there.
    #[must_use]
    pub fn include(&self, version: Option<&Version>) -> bool {
        match (self, version) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::List(tags), Some(version)) => {
                let own = |tag: &EntityTag| tag.tag.split(BESIDE).next().is_some_and(|own| own == version.own);
                tags.iter().any(own)
            }
        }
    }

    /// Whether all that is shown is as one of them says.
    fn show(&self, version: &Version) -> bool {
        match self {
            Self::Any => true,
            Self::List(tags) => tags.iter().any(|tag| match (tag.tag.split_once(BESIDE), &version.beside) {
                (None, None) => tag.tag == version.own,
                (Some((own, beside)), Some(now)) => own == version.own && beside == now,
                (None, Some(_)) | (Some(_), None) => false,
            }),
        }
    }
}

/// What a request wants of the version of a resource: the headers `If-Match` and `If-None-Match` (RFC 9110 13.1).
///
/// ```
/// use doorward_domain::scim::{Preconditions, Version};
/// let version = Version::of_bytes("1");
/// assert!(Preconditions::default().hold(&version));
/// let new_only = Preconditions { none_match: Some("*".parse()?), ..Preconditions::default() };
/// assert!(!new_only.hold(&version));
/// # Ok::<(), doorward_domain::scim::ScimError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// `If-Match`: the version is among these.
    pub matches: Option<EntityTags>,
    /// `If-None-Match`: the version is not among these.
    pub none_match: Option<EntityTags>,
}

impl Preconditions {
    /// Whether what is there may be changed. If not, the answer is 412.
    #[must_use]
    pub fn hold(&self, version: &Version) -> bool {
        self.is_expected(version) && !self.none_match.as_ref().is_some_and(|tags| tags.include(Some(version)))
    }

    /// Whether `If-Match` is met. If not, the answer is 412.
    #[must_use]
    pub fn is_expected(&self, version: &Version) -> bool {
        self.matches.as_ref().is_none_or(|tags| tags.include(Some(version)))
    }

    /// Whether `If-None-Match` names the version, and what is shown beside it. Who only reads is answered 304.
    #[must_use]
    pub fn is_known(&self, version: &Version) -> bool {
        self.none_match.as_ref().is_some_and(|tags| tags.show(version))
    }
}

impl FromStr for EntityTags {
    type Err = ScimError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut input = text.trim_matches([' ', '\t']);
        if input == "*" {
            return Ok(Self::Any);
        }
        // Empty elements of a list are nothing (RFC 9110 5.6.1).
        let separators =
            |input: &mut &str| repeat::<_, _, (), EmptyError, _>(0.., alt((space1, ","))).parse_next(input);
        let element = delimited(separators, tag, (space0, alt((",", eof))));
        match repeat(1.., element).parse_next(&mut input) {
            Ok(tags) if input.trim_matches([' ', '\t', ',']).is_empty() => Ok(Self::List(tags)),
            _ => Err(ScimError::value("the header must be `*` or a list of entity tags, such as W/\"abc\"")),
        }
    }
}

/// `W/"abc"`, or `"abc"`.
fn tag(input: &mut &str) -> Result<EntityTag, EmptyError> {
    let weak = opt("W/").parse_next(input)?.is_some();
    let inside = take_while(0.., |c: char| c != '"' && (c == '!' || c > '"') && c != '\u{7f}');
    let tag = delimited('"', inside, '"').parse_next(input)?;
    Ok(EntityTag { weak, tag: str::to_owned(tag) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scim::USER;
    use serde_json::json;

    #[test]
    fn lists_of_tags_are_read() {
        let tag = |weak, tag: &str| EntityTag { weak, tag: tag.to_owned() };
        for (text, tags) in [
            ("\"a\"", vec![tag(false, "a")]),
            ("W/\"a\"", vec![tag(true, "a")]),
            (" \"a\" ,, W/\"b,c\",", vec![tag(false, "a"), tag(true, "b,c")]),
            ("\"\"", vec![tag(false, "")]),
        ] {
            assert_eq!(text.parse(), Ok(EntityTags::List(tags)), "{text}");
        }
        assert_eq!(" * ".parse(), Ok(EntityTags::Any));
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for text in ["", ",", "a", "\"a", "w/\"a\"", "W/a", "\"a\" \"b\"", "*, \"a\"", "\"a b\""] {
            assert!(text.parse::<EntityTags>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_version_changes_with_what_counts_and_only_with_it() {
        let user = |body| Version::of(&USER.read(&body).unwrap());
        let first = user(json!({ "userName": "a", "name": { "givenName": "x", "familyName": "y" } }));
        assert_eq!(first, user(json!({ "name": { "familyName": "y", "givenName": "x" }, "userName": "a" })));
        assert_ne!(first, user(json!({ "userName": "a", "name": { "givenName": "y", "familyName": "x" } })));
        assert_ne!(user(json!({ "userName": "a" })), user(json!({ "userName": "a", "active": true })));
        assert_ne!(user(json!({ "userName": "a" })), user(json!({ "userName": "A" })));
    }

    #[test]
    fn a_version_must_be_named_and_not_be_ruled_out() {
        let (old, new) = (Version::of_bytes("old"), Version::of_bytes("new"));
        let tags = |version: &Version| Some(version.to_string().parse::<EntityTags>().unwrap());
        let conditions = Preconditions { matches: tags(&new), none_match: None };
        assert!(conditions.hold(&new) && !conditions.hold(&old));
        let conditions = Preconditions { matches: None, none_match: tags(&old) };
        assert!(conditions.hold(&new) && !conditions.hold(&old) && conditions.is_known(&old));
        let conditions = Preconditions { matches: Some(EntityTags::Any), none_match: Some(EntityTags::Any) };
        assert!(conditions.is_expected(&old) && !conditions.hold(&old));
    }

    #[test]
    fn tags_are_compared_weakly_and_only_with_what_is_there() {
        let version = Version::of_bytes("x");
        let strong: EntityTags = version.to_string().trim_start_matches("W/").parse().unwrap();
        assert!(strong.include(Some(&version)));
        assert!(!strong.include(Some(&Version::of_bytes("y"))));
        assert!(EntityTags::Any.include(Some(&version)));
        assert!(!EntityTags::Any.include(None));
    }
}
