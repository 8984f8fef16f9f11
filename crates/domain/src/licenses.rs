//! Licences (`enterprise-platform.md` 1): signed tokens, who may have signed them, and what they say. What comes of several of them is
//! for [`entitlements`](crate::entitlements).

mod draft;
mod keys;
mod token;
mod verification;

pub use draft::LicenseDraft;
pub use keys::{TrustedKeyError, TrustedKeys, key_id};
pub use token::{LICENSE_MAX, LicenseToken};
pub use verification::{LicenseDefect, read, verify};

use crate::Instant;
use std::fmt;
use uuid::Uuid;

/// The number of a stored licence, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenseId(pub i32);

impl fmt::Display for LicenseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A licence that is to be stored.
#[derive(Clone, Debug)]
pub struct NewLicense {
    /// Its own id, or one that was made here.
    pub uuid: Uuid,
    /// When it was added.
    pub uploaded_at: Instant,
    /// The end of its grace period, after which it says nothing.
    pub ends_at: Instant,
    /// The token itself.
    pub token: LicenseToken,
}

/// A stored licence.
#[derive(Clone, Debug)]
pub struct License {
    /// Its number.
    pub id: LicenseId,
    /// Its own id, or one that was made here.
    pub uuid: Uuid,
    /// When it was added.
    pub uploaded_at: Instant,
    /// The end of its grace period, after which it says nothing.
    pub ends_at: Instant,
    /// The token itself.
    pub token: LicenseToken,
}

impl NewLicense {
    /// The same under its number.
    #[must_use]
    pub fn stored_as(self, id: LicenseId) -> License {
        let Self { uuid, uploaded_at, ends_at, token } = self;
        License { id, uuid, uploaded_at, ends_at, token }
    }
}
