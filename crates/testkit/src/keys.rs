//! Private keys for tests, which open nothing. They were made for that by `openssl genpkey`: `ring` makes no RSA keys.

/// RSA with 2048 bits, in PKCS #8.
pub const RSA: &str = include_str!("../keys/rsa.pem");
/// The same key in PKCS #1.
pub const RSA_PKCS1: &str = include_str!("../keys/rsa-pkcs1.pem");
/// P-256, in PKCS #8.
pub const P256: &str = include_str!("../keys/p256.pem");
/// The same key in SEC 1.
pub const P256_SEC1: &str = include_str!("../keys/p256-sec1.pem");
/// P-384, in PKCS #8.
pub const P384: &str = include_str!("../keys/p384.pem");
/// Ed25519, in PKCS #8 without its public part.
pub const ED25519: &str = include_str!("../keys/ed25519.pem");
