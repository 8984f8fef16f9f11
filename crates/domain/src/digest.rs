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

/// A digest of bytes that come piece by piece.
///
/// ```
/// use doorward_domain::{Digest, digest::Digesting};
/// let mut digesting = Digesting::default();
/// digesting.update(b"sec");
/// digesting.update(b"ret");
/// assert_eq!(digesting.finish(), Digest::of("secret"));
/// ```
#[derive(Clone)]
pub struct Digesting(ring::digest::Context);

impl Default for Digesting {
    fn default() -> Self {
        Self(ring::digest::Context::new(&ring::digest::SHA256))
    }
}

impl Digesting {
    /// Adds a piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    #[must_use]
    pub fn finish(self) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        Digest(out)
    }
}

impl fmt::Debug for Digesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digesting(..)")
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
