//! By what the holder of a session proved who they are.

use crate::Instant;
use crate::sessions::ApiKeyId;
use time::Duration;

/// For how long a second factor, or a sign-in of those who have none, lets somebody change their factors.
pub const FRESH_FOR: Duration = Duration::minutes(10);

/// By what the holder of a session proved who they are, where that was not a password at the beginning of the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key of the session.
    pub key_id: ApiKeyId,
    /// When they signed in.
    pub auth_time: Instant,
    /// When they last showed a second factor.
    pub factor_at: Option<Instant>,
    /// By which means (RFC 8176).
    pub amr: Vec<String>,
    /// How much that is worth: `pwd` or `mfa`.
    pub acr: String,
}

impl Proof {
    /// What a sign-in with a password alone is worth.
    pub const PASSWORD: &'static str = "pwd";
    /// What a sign-in with a second factor is worth.
    pub const SECOND_FACTOR: &'static str = "mfa";

    /// A sign-in with a password and a code of an authenticator app.
    #[must_use]
    pub fn by_code(key_id: ApiKeyId, now: Instant) -> Self {
        let amr = ["pwd", "otp", "mfa"].map(str::to_owned).to_vec();
        Self { key_id, auth_time: now, factor_at: Some(now), amr, acr: Self::SECOND_FACTOR.to_owned() }
    }

    /// A sign-in with a password and a recovery code, which is worth no more than a password: whoever has found the list needs no device.
    /// The app that was set up in it is shown all the same.
    #[must_use]
    pub fn by_recovery(key_id: ApiKeyId, now: Instant) -> Self {
        let amr = vec![Self::PASSWORD.to_owned()];
        Self { key_id, auth_time: now, factor_at: Some(now), amr, acr: Self::PASSWORD.to_owned() }
    }

    /// The same session, in which a code of an authenticator app was shown now.
    #[must_use]
    pub fn with_code(mut self, now: Instant) -> Self {
        for means in ["otp", "mfa"] {
            if !self.amr.iter().any(|known| known == means) {
                self.amr.push(means.to_owned());
            }
        }
        // What is worth more stays so.
        let acr = if self.acr == Self::PASSWORD { Self::SECOND_FACTOR.to_owned() } else { self.acr };
        Self { factor_at: Some(now), acr, ..self }
    }

    /// Whether something of this moment still counts.
    #[must_use]
    pub fn is_fresh(at: Option<Instant>, now: Instant) -> bool {
        at.is_some_and(|at| now - at < FRESH_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Instant = datetime!(2026-01-02 03:04:05 UTC);

    fn key() -> ApiKeyId {
        ApiKeyId::new("0123456789".to_owned()).unwrap()
    }

    #[test]
    fn a_code_makes_a_session_worth_more_and_leaves_the_time_of_the_sign_in() {
        let later = NOW + Duration::HOUR;
        let proof = Proof::by_recovery(key(), NOW).with_code(later);
        assert_eq!((proof.auth_time, proof.factor_at, proof.acr.as_str()), (NOW, Some(later), "mfa"));
        assert_eq!(proof.amr, ["pwd", "otp", "mfa"]);
        assert_eq!(proof.clone().with_code(later), proof);
        let strong = Proof { acr: "phr".to_owned(), ..proof };
        assert_eq!(strong.with_code(later).acr, "phr");
    }

    #[test]
    fn a_proof_is_fresh_for_ten_minutes() {
        let after = |minutes| Proof::is_fresh(Some(NOW), NOW + Duration::minutes(minutes));
        assert!(after(0) && after(9) && !after(10));
        assert!(!Proof::is_fresh(None, NOW));
    }
}
