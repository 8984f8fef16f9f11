//! What a caller did wrong, in the words of RFC 7644 3.12.

use super::attribute_path::AttributePathError;
use super::filter::FilterError;
use crate::text_enum::text_enum;

text_enum! {
    /// The kinds of errors of RFC 7644 3.12, table 9. There are no others.
    ScimType {
        /// The filter cannot be read, or compares what cannot be compared.
        InvalidFilter = "invalidFilter",
        /// More results than the server is willing to count or return.
        TooMany = "tooMany",
        /// A value that must be unique is in use.
        Uniqueness = "uniqueness",
        /// The attribute may not be changed, or not to nothing.
        Mutability = "mutability",
        /// The body has not the structure of such a request.
        InvalidSyntax = "invalidSyntax",
        /// The path of a PATCH is malformed or names no attribute.
        InvalidPath = "invalidPath",
        /// The path of a PATCH names nothing that could be changed.
        NoTarget = "noTarget",
        /// A value is missing, or does not fit its attribute.
        InvalidValue = "invalidValue",
        /// The version of the protocol is not supported.
        InvalidVers = "invalidVers",
        /// Something that may not stand in an address.
        Sensitive = "sensitive",
    }
}

impl ScimType {
    /// The HTTP status that belongs to it (RFC 7644 3.12, table 9).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Uniqueness => 409,
            Self::Sensitive => 403,
            Self::InvalidFilter
            | Self::TooMany
            | Self::Mutability
            | Self::InvalidSyntax
            | Self::InvalidPath
            | Self::NoTarget
            | Self::InvalidValue
            | Self::InvalidVers => 400,
        }
    }
}

/// A request that these rules refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ScimError {
    /// Which kind of error it is.
    pub kind: ScimType,
    /// What is wrong and where, for people.
    pub detail: String,
}

impl ScimError {
    /// An error with this sentence.
    #[must_use]
    pub fn new(kind: ScimType, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    pub(super) fn syntax(detail: impl Into<String>) -> Self {
        Self::new(ScimType::InvalidSyntax, detail)
    }

    pub(super) fn value(detail: impl Into<String>) -> Self {
        Self::new(ScimType::InvalidValue, detail)
    }

    pub(super) fn path(detail: impl Into<String>) -> Self {
        Self::new(ScimType::InvalidPath, detail)
    }

    pub(super) fn no_target(detail: impl Into<String>) -> Self {
        Self::new(ScimType::NoTarget, detail)
    }

    pub(super) fn mutability(detail: impl Into<String>) -> Self {
        Self::new(ScimType::Mutability, detail)
    }

    /// The same error, with the place where it was found before its sentence.
    pub(super) fn at(mut self, place: &str) -> Self {
        self.detail = format!("{place}: {}", self.detail);
        self
    }
}

impl From<FilterError> for ScimError {
    fn from(error: FilterError) -> Self {
        Self::new(ScimType::InvalidFilter, error.to_string())
    }
}

impl From<AttributePathError> for ScimError {
    fn from(error: AttributePathError) -> Self {
        Self::path(error.to_string())
    }
}
