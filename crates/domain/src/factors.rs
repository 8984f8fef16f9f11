//! Second factors: what somebody shows beside the password, and the codes for those who have lost it.

mod proof;
mod recovery;
mod totp;

pub use proof::{FRESH_FOR, Proof};
pub use recovery::{RECOVERY_CODE_BYTES, RECOVERY_CODES, recovery_code, recovery_digest};
pub use totp::{FAILURES_MAX, Failures, PENDING_FOR, PendingTotp, TOTP_SECRET_BYTES, Totp, TotpSecret, step_of};
