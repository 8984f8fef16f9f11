//! SHA-256 digests of random secrets, compared in constant time.

use std::fmt;
use subtle::ConstantTimeEq;

/// SHA-256 of a secret with enough randomness of its own: keys, codes, refresh tokens, client secrets.
///
/// Equality takes the same time wherever the first difference is. Passwords want Argon2id instead.
///
/// ```
/// use doorward_domain::Digest;
/// let stored = Digest::of("secret").as_bytes().to_vec();
/// assert_eq!(Digest::from_slice(&stored), Some(Digest::of("secret")));
/// ```
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes.as_ref());
        let mut out = [0; 32];
        out.copy_from_slice(digest.as_ref());
        Self(out)
    }

    /// A digest read back from storage; `None` when it has not 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes, for storage.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}
