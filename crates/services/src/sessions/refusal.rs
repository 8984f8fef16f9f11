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

/// What whoever presents an access token is told that is bound to a key, and proves none.
pub const BOUND: &str =
    "The access token is bound to a key. Send it by the scheme DPoP, with a proof in the header DPoP.";

/// The token is bound to a key that was not proved, or to none although one was.
pub(super) fn unbound(is_bound: bool, is_proven: bool) -> Error {
    let message = match (is_bound, is_proven) {
        (true, false) => BOUND,
        (true, true) => "The access token is bound to another key than that of the DPoP proof.",
        (false, _) => "The access token is bound to no key. Send it by the scheme Bearer.",
    };
    Error::Unauthenticated { message: message.to_owned(), detail: String::new() }
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
