//! Second factors: authenticator apps, and recovery codes for those who have lost theirs. The sign-in itself is in `sessions`.
//!
//! Every use case may also fail with `Unavailable` or `Internal` ([`Error`](crate::Error)).

mod challenge;
pub(crate) mod codes;
mod look;
pub(crate) mod proofs;
mod remove;
mod settings;
pub(crate) mod ticket;
pub(crate) mod totp;

pub use challenge::Challenge;
pub use codes::NewTotp;
pub use look::{Standing, find, may_change};
pub use proofs::signed_in_at;
pub(crate) use proofs::{proof_of, second_factor_shown};
pub use remove::{remove_all, remove_totp};
pub use settings::{MfaRequired, MfaSettings};
pub use totp::{begin_totp, confirm_totp, renew_recovery_codes, show_totp};
