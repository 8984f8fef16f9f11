//! What is wrong with an authentication request.

/// The longest `nonce`, in bytes.
pub(super) const NONCE_MAX: usize = 1024;

/// Why a request is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestDefect {
    /// The nonce is longer than any.
    #[error("nonce has more than {NONCE_MAX} bytes")]
    Nonce,
    /// `none` is not alone.
    #[error("prompt=none goes with no other value")]
    Prompt,
    /// It is no number of seconds.
    #[error("max_age must be a number of seconds, 0 or more")]
    MaxAge,
    /// The parameter `claims` cannot be read.
    #[error("claims cannot be read: {0}")]
    Claims(&'static str),
    /// A parameter is longer than any.
    #[error("the parameter {0} is too long")]
    TooLong(&'static str),
}
