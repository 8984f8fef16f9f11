//! What can go wrong in a use case, in terms of the use case.

use crate::factors::Challenge;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_domain::roles::Denied;
use doorward_domain::users::QueryError;
use doorward_ports::{Outage, StoreError};
use std::borrow::Cow;
use std::fmt;
use time::Duration;

/// Why one field of a command is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field as the client knows it.
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub detail: String,
}

impl FieldError {
    /// A field and what is wrong with it.
    pub fn new(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

/// Why a use case of the API was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing does not exist, or the caller may not know that it does.
    #[error("resource not found")]
    NotFound,
    /// The user named in the request does not exist, or the caller may not know.
    #[error("no such user")]
    UserNotFound,
    /// The organization named in the request does not exist, or the caller may not know.
    #[error("no such organization: `{0}`")]
    OrganizationNotFound(String),
    /// Nothing of this name is in a place that the caller may look into.
    #[error("{0}")]
    NoSuch(String),
    /// No credential, a bad one, or its user may not act.
    #[error("{message}")]
    Unauthenticated {
        /// What to do about it.
        message: String,
        /// What is wrong with the credential.
        detail: String,
    },
    /// The password is right, and the sign-in goes on with a second factor.
    #[error("a second factor is needed to sign in")]
    SecondFactor(Challenge),
    /// The caller is known and may not do this.
    #[error("forbidden")]
    Forbidden(#[from] Denied),
    /// The caller may not do this, for a reason worth saying.
    #[error("{0}")]
    Refused(String),
    /// Fields break a rule; all of them are named.
    #[error("{message}")]
    Invalid {
        /// The whole in one sentence.
        message: String,
        /// More about it; may be empty.
        detail: String,
        /// Each field; may be empty when the message says it all.
        fields: Vec<FieldError>,
    },
    /// The state does not allow it now.
    #[error("{message}")]
    Conflict {
        /// The whole in one sentence.
        message: String,
        /// The field that clashes, if one does.
        fields: Vec<FieldError>,
    },
    /// The thing is not as it would have to be: a job that is not over, or is over.
    #[error("{0}")]
    WrongState(String),
    /// Something else must be done first.
    #[error("{0}")]
    Precondition(String),
    /// Too many failed tries; wait so long.
    #[error("too many failed attempts")]
    TooManyAttempts {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The server is overloaded or its database cannot serve; trying again may help. The cause is for the log.
    #[error("temporarily unavailable: {cause}")]
    Unavailable {
        /// What cannot serve, and why.
        outage: Outage,
        /// What was said about it.
        cause: String,
    },
    /// An identity provider does not answer, or not as it should. What is said of it is for the visitor.
    #[error("{0}")]
    Upstream(String),
    /// Anything else; the cause is for the log.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// More is asked than can be done at once.
    pub(crate) fn overloaded(cause: impl fmt::Display) -> Self {
        Self::Unavailable { outage: Outage::Overloaded, cause: cause.to_string() }
    }

    /// A refused command without a single field to blame.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::invalid_because(message, "")
    }

    /// A refused command without a single field to blame, and more about it.
    pub fn invalid_because(message: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), detail: detail.into(), fields: Vec::new() }
    }

    /// Refused fields.
    pub fn invalid_fields(message: impl Into<String>, fields: Vec<FieldError>) -> Self {
        Self::Invalid { message: message.into(), detail: String::new(), fields }
    }

    /// A page of a list was asked for behind something that has gone. Better told than a list that ends too early.
    pub(crate) fn page_is_gone(what: &str) -> Self {
        let field = FieldError::new("after_id", format!("this {what} is gone; begin with the first page again"));
        Self::invalid_fields(format!("The {what} behind which the list was to go on is gone."), vec![field])
    }

    /// A search that cannot be understood.
    pub(crate) fn bad_query(message: &str, errors: Vec<QueryError>) -> Self {
        let fields = errors.into_iter().map(|error| FieldError::new(error.field, error.detail)).collect();
        Self::invalid_fields(message, fields)
    }

    /// A refused field.
    pub fn invalid_field(field: &'static str, detail: impl Into<String>) -> Self {
        Self::invalid_fields(VALIDATION_FAILED, vec![FieldError::new(field, detail)])
    }

    /// The answer about a thing that exists but may not be read: `self`, which says that there is nothing, unless only
    /// the scope of the credential stands in the way. Then the person behind it may know of the thing, and the client is
    /// told which scope would do.
    pub(crate) fn unless_scope_is_short(self, denied: Denied) -> Self {
        if denied.missing_scope().is_some() { Self::Forbidden(denied) } else { self }
    }

    /// A state that does not allow it, without a single field to blame.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict { message: message.into(), fields: Vec::new() }
    }

    /// A name that is taken.
    pub fn taken(message: impl Into<String>, field: &'static str) -> Self {
        Self::all_taken(message, [field])
    }

    /// Names that are taken, each of which would be refused by itself.
    pub(crate) fn all_taken(message: impl Into<String>, fields: impl IntoIterator<Item = &'static str>) -> Self {
        let taken = |field| FieldError::new(field, "This value is already in use and should be unique.");
        Self::Conflict { message: message.into(), fields: fields.into_iter().map(taken).collect() }
    }
}

/// Message of answers that blame fields (`identity.md` 1.2).
pub const VALIDATION_FAILED: &str = "Validation failed.";

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(rule) => rule.into(),
            StoreError::Unavailable(unavailable) => {
                Self::Unavailable { outage: unavailable.outage, cause: unavailable.source.to_string() }
            }
            StoreError::Serialization(cause) => {
                Self::Unavailable { outage: Outage::Conflict, cause: cause.to_string() }
            }
            StoreError::Other(cause) => Self::Internal(cause),
        }
    }
}

/// Why a request to the authorization server is refused: what the client is told, and what only the log is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct OAuthError {
    /// The code (RFC 6749 5.2 and its extensions).
    pub code: OAuthErrorCode,
    /// Safe to send: printable ASCII without `"` and `\`.
    pub description: Cow<'static, str>,
    /// The true reason, for the log.
    pub reason: Cow<'static, str>,
    /// The outage that it comes of, if it does.
    pub outage: Option<Outage>,
    /// When it may help to try again, if that is known.
    pub retry_after: Option<Duration>,
    /// Whether it is because too many ask: then it is not the server that stands in the way.
    pub is_limit: bool,
}

impl OAuthError {
    /// An error whose reason may be told.
    pub fn new(code: OAuthErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        let description = description.into();
        Self { code, reason: description.clone(), description, outage: None, retry_after: None, is_limit: false }
    }

    /// An error whose reason is for the log only.
    #[must_use]
    pub fn because(mut self, reason: impl Into<Cow<'static, str>>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Something failed that is nobody's fault but the server's; what exactly is for the log.
    pub(crate) fn internal(cause: impl fmt::Display) -> Self {
        Self::new(OAuthErrorCode::ServerError, "the server cannot answer now").because(cause.to_string())
    }

    /// A required parameter is missing; `name` says which.
    #[must_use]
    pub fn missing(name: &str) -> Self {
        Self::new(OAuthErrorCode::InvalidRequest, format!("missing parameter: {name}"))
    }

    /// Client authentication failed; what exactly is for the log.
    #[must_use]
    pub fn invalid_client(reason: &'static str) -> Self {
        Self::new(OAuthErrorCode::InvalidClient, "client authentication failed").because(reason)
    }

    /// The code or refresh token is not good; why is for the log, so that unknown, expired, foreign and reused ones
    /// look the same from outside.
    #[must_use]
    pub fn invalid_grant(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::new(OAuthErrorCode::InvalidGrant, "the grant is invalid, expired or revoked").because(reason)
    }

    /// What a code or grant is about was taken from the app since the user consented. That is told: the client has proved
    /// itself, holds the code or token, and can do nothing but ask the user anew.
    #[must_use]
    pub fn taken_away(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(OAuthErrorCode::InvalidGrant, what)
    }

    /// A rule of a code or grant is broken: `invalid_grant` keeps the reason to the log, other codes tell it.
    #[must_use]
    pub fn of_grant(code: OAuthErrorCode, reason: String) -> Self {
        if code == OAuthErrorCode::InvalidGrant { Self::invalid_grant(reason) } else { Self::new(code, reason) }
    }
}

impl OAuthError {
    /// So many ask that no more are taken now.
    #[must_use]
    pub fn too_many(text: impl Into<Cow<'static, str>>) -> Self {
        Self { is_limit: true, ..Self::new(OAuthErrorCode::TemporarilyUnavailable, text) }
    }

    /// Something that passes stands in the way.
    #[must_use]
    pub fn unavailable(outage: Outage, reason: impl Into<Cow<'static, str>>) -> Self {
        let error = Self::new(OAuthErrorCode::TemporarilyUnavailable, format!("{outage}, try again soon"));
        Self { outage: Some(outage), ..error.because(reason) }
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        match error.outage() {
            Some(outage) => Self::unavailable(outage, error.to_string()),
            None => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_ports::Conflict;

    /// What clients are told is part of the API.
    #[test]
    fn a_broken_rule_is_told_in_the_words_of_its_room() {
        for (rule, told) in [
            (Conflict::FirstUser, "The initial user has already been created."),
            (Conflict::TokenName, "a token with this name exists already"),
            (Conflict::Membership, "Organization member already exists in this organization."),
            (Conflict::RoleName, "Failed to update role permissions"),
            (Conflict::GroupMembership, "Cannot add the same user to a group twice."),
            (Conflict::OrganizationDeleted, "resource not found"),
            (Conflict::BuildNumber, "somebody else built the workspace at the same moment"),
            (Conflict::Random, "a random value came out twice"),
        ] {
            assert_eq!(Error::from(StoreError::Conflict(rule)).to_string(), told, "{rule:?}");
        }
    }

    #[test]
    fn a_conflict_blames_the_field_that_clashes() {
        for (conflict, field) in [
            (Conflict::Username, "username"),
            (Conflict::Email, "email"),
            (Conflict::GroupName, "name"),
            (Conflict::OrganizationName, "name"),
            (Conflict::TemplateName, "name"),
            (Conflict::WorkspaceName, "name"),
            (Conflict::ProxyName, "name"),
        ] {
            let error = Error::from(StoreError::Conflict(conflict));
            assert!(matches!(error, Error::Conflict { fields, .. } if fields[0].field == field), "{field}");
        }
    }

    #[test]
    fn an_outage_keeps_its_name() {
        for outage in Outage::ALL {
            let error = Error::from(StoreError::unavailable(outage, "cause"));
            assert!(matches!(error, Error::Unavailable { outage: named, .. } if named == outage), "{error:?}");
            let error = OAuthError::from(StoreError::unavailable(outage, "cause"));
            assert_eq!((error.code, error.outage), (OAuthErrorCode::TemporarilyUnavailable, Some(outage)));
            assert!(error.description.starts_with(&outage.to_string()) && !error.description.contains("cause"));
        }
        let error = OAuthError::from(StoreError::Serialization("cause".into()));
        assert_eq!(error.outage, Some(Outage::Conflict));
        assert_eq!(OAuthError::from(StoreError::other("cause")).outage, None);
    }
}
