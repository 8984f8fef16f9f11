//! Second factors, the codes for those who have lost theirs, and by what sessions were begun.

use crate::StoreError;
use doorward_domain::factors::{Failures, PendingTotp, Proof, Totp};
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::{Digest, Instant};

/// Stores of each user an authenticator app and recovery codes, and of sessions what they are worth. The latter goes with the key.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait FactorRepository {
    /// The authenticator app of a user, or the one that is being set up.
    fn find_totp(&mut self, user: UserId) -> Result<Option<Totp>, StoreError>;
    /// Begins to set an app up, in the place of another that was being set up. The one in use stays.
    fn begin_totp(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        pending: &PendingTotp,
    ) -> Result<(), StoreError>;
    /// Takes the app into use that is being set up, whose code of this step was right; with it wrong codes are forgotten. `false` when it
    /// is not this one any more.
    fn confirm_totp(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        pending: &PendingTotp,
        step: i64,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Uses the code of a step, forgets wrong ones, and stores the secret in another form if one is given. `false` when the code of this step
    /// or a later one was used, also when both come at the same moment; then nothing changes.
    fn use_step(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        step: i64,
        resealed: Option<Vec<u8>>,
    ) -> Result<bool, StoreError>;
    /// Notes wrong codes, and since when no more are taken. The caller holds the user.
    fn update_failures(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        failures: Failures,
        locked_at: Option<Instant>,
    ) -> Result<(), StoreError>;
    /// Removes the app and the recovery codes of a user; `false` if there were none.
    fn delete(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
    ) -> Result<bool, StoreError>;

    /// How many recovery codes a user has left.
    fn count_recovery_codes(&mut self, user: UserId) -> Result<i64, StoreError>;
    /// Stores recovery codes in the place of those of before.
    fn replace_recovery_codes(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        codes: &[Digest],
    ) -> Result<(), StoreError>;
    /// Uses a recovery code; `false` if there is none such, or it was used, also when both come at the same moment.
    fn use_recovery_code(
        &mut self,
        permit: &Permit<action::UpdatePersonal, resource::User>,
        user: UserId,
        code: &Digest,
    ) -> Result<bool, StoreError>;

    /// By what the session of this key was begun; `None` if by a password, or at an identity provider alone.
    fn find_proof(&mut self, key: &ApiKeyId) -> Result<Option<Proof>, StoreError>;
    /// Stores by what a session was begun, in the place of what was known.
    fn upsert_proof(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        proof: &Proof,
    ) -> Result<(), StoreError>;
}
