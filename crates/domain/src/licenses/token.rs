//! The text of a licence.

use crate::{Digest, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;

/// The longest licence, in bytes.
pub const LICENSE_MAX: usize = 32 * 1024;

/// The signed text of a licence: whoever has it could use it, so it is never printed.
#[derive(Clone)]
pub struct LicenseToken(Secret<String>);

impl LicenseToken {
    /// A text that says to be a licence.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// The text: for storing and verifying.
    #[must_use]
    pub const fn expose(&self) -> &str {
        self.0.expose().as_str()
    }

    /// By which the same licence is known again.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.expose())
    }

    /// What it says, as it was written; nothing of it is believed by that. `None` if it is not written as a signed token is.
    ///
    /// ```
    /// use doorward_domain::licenses::LicenseToken;
    /// let claims = |text: &str| LicenseToken::new(text.to_owned()).claims();
    /// assert_eq!(claims("e30.eyJ2ZXJzaW9uIjozfQ.c2ln").as_deref(), Some(r#"{"version":3}"#));
    /// assert_eq!(claims("eyJ2ZXJzaW9uIjozfQ"), None);
    /// ```
    #[must_use]
    pub fn claims(&self) -> Option<String> {
        let mut parts = self.expose().split('.');
        let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        String::from_utf8(URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

impl fmt::Debug for LicenseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LicenseToken(..)")
    }
}
