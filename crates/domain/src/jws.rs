//! Signed tokens: JSON Web Signatures in compact form (RFC 7515), the claims in them, and the public keys that verify them. What a token
//! must say, and who may have signed it, is for the rooms that read it: [`identity_providers`](crate::identity_providers),
//! [`licenses`](crate::licenses).

mod claims;
mod compact;
mod header;
mod key;

pub use claims::{CLAIMS_MAX, Claims, ClaimsError, DEPTH_MAX, WrongTypeError, parse_list};
pub use compact::{Compact, CompactDefect};
pub(crate) use header::KEY_ID_MAX;
pub use header::{HeaderDefect, SignatureAlgorithm, TokenHeader, access_token_hash};
pub use key::PublicKeyMaterial;
