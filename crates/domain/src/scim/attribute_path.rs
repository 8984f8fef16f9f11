//! Names of attributes as callers write them (RFC 7644 3.10).

use std::fmt;
use std::str::FromStr;

/// An attribute as it is written in filters, paths and lists of attributes: `name.familyName`, or
/// `urn:ietf:params:scim:schemas:core:2.0:User:userName`.
///
/// Letters keep the case in which they were written; whoever compares does so without regard to it. Which attribute of a
/// schema it is, if any, says [`ResourceType::place`](super::ResourceType::place).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttributePath {
    /// The URN before the attribute, without the colon that ends it.
    pub schema: Option<String>,
    /// The attribute.
    pub name: String,
    /// The sub-attribute.
    pub sub: Option<String>,
}

impl AttributePath {
    /// An attribute without URN and sub-attribute.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { schema: None, name: name.to_owned(), sub: None }
    }
}

/// Text that is no path of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the path of an attribute, such as `userName`, `name.familyName` or `urn:..:User:userName`")]
pub struct AttributePathError(String);

impl FromStr for AttributePath {
    type Err = AttributePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shortened = || AttributePathError(text.chars().take(100).collect());
        // The attribute is behind the last colon: versions such as `2.0` have dots, attributes have no colons.
        let (schema, rest) = match text.rsplit_once(':') {
            Some((schema, rest)) => (Some(schema), rest),
            None => (None, text),
        };
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        let names_only = is_name(name) && sub.is_none_or(is_name);
        if !names_only || !schema.is_none_or(is_urn) {
            return Err(shortened());
        }
        Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned(), sub: sub.map(str::to_owned) })
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.name)?;
        if let Some(sub) = &self.sub {
            write!(f, ".{sub}")?;
        }
        Ok(())
    }
}

/// A character that may stand in the path of an attribute.
pub(super) fn is_path_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-$:/%+~".contains(c)
}

/// `ATTRNAME` of RFC 7643 2.1, and `$ref`.
pub(super) fn is_name(text: &str) -> bool {
    let rest = text.strip_prefix('$').unwrap_or(text);
    rest.starts_with(|c: char| c.is_ascii_alphabetic())
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-_$".contains(c))
}

/// Looks like the URN of a schema. Some are addresses: `http://schemas.microsoft.com/..`.
fn is_urn(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.contains(':') && text.chars().all(is_path_character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urn_attribute_and_sub_attribute_are_told_apart() {
        let path: AttributePath = "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName".parse().unwrap();
        assert_eq!(path.schema.as_deref(), Some("urn:ietf:params:scim:schemas:core:2.0:User"));
        assert_eq!((path.name.as_str(), path.sub.as_deref()), ("name", Some("familyName")));
        assert_eq!(path.to_string(), "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName");
        assert_eq!("userName".parse(), Ok(AttributePath::of("userName")));
        assert!("members.$ref".parse::<AttributePath>().is_ok());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a.", ".a", "a.b.c", "a b", "1a", "urn:", ":a", "x:a", "a\u{e9}", "a.$", "$"] {
            assert!(text.parse::<AttributePath>().is_err(), "{text}");
        }
    }
}
