//! Why a credential is refused.

use crate::error::Error;
use doorward_domain::users::UserStatus;

/// The key is not there, or has another secret.
pub(crate) fn unknown_key() -> Error {
    signed_out("API key is invalid.")
}

/// Whoever asks is not signed in, for this reason.
pub(super) fn signed_out(detail: impl Into<String>) -> Error {
    Error::Unauthenticated {
        message: "You are signed out or your session has expired. Please sign in again to continue.".to_owned(),
        detail: detail.into(),
    }
}

/// What suspended users are told by the API.
pub const SUSPENDED: &str = "User is not active (status = \"suspended\"). Contact an admin to reactivate your account.";

/// Why users in this state are refused.
pub(super) fn inactive(status: UserStatus) -> Error {
    Error::Unauthenticated {
        message: format!("User is not active (status = \"{status}\"). Contact an admin to reactivate your account."),
        detail: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspended_users_are_told_what_pages_know() {
        let Error::Unauthenticated { message, .. } = inactive(UserStatus::Suspended) else {
            panic!("it is no refusal")
        };
        assert_eq!(message, SUSPENDED);
    }
}
