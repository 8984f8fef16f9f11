//! What daemons are told of errors.

use doorward_services::Error;
use doorward_wire::Status;

/// What a daemon is told of an error. What is none of its business goes to the log.
#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped by")]
pub(super) fn told(error: Error) -> Status {
    match &error {
        Error::Internal(cause) => {
            tracing::error!(error = cause.as_ref(), "a call of a provisioner daemon failed");
            Status::error("the server cannot do that")
        }
        Error::Unavailable { .. } => {
            tracing::warn!(%error, "a call of a provisioner daemon failed");
            Status::error("the server cannot answer now")
        }
        Error::NotFound
        | Error::UserNotFound
        | Error::OrganizationNotFound(_)
        | Error::NoSuch(_)
        | Error::Unauthenticated { .. }
        | Error::SecondFactor(_)
        | Error::Forbidden(_)
        | Error::Refused(_)
        | Error::Invalid { .. }
        | Error::Conflict { .. }
        | Error::WrongState(_)
        | Error::Precondition(_)
        | Error::TooManyAttempts { .. }
        | Error::Upstream(_) => Status::error(error.to_string()),
    }
}
