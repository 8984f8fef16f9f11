//! The version of the protocol that a daemon speaks.

use std::fmt;
use std::str::FromStr;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

/// Why a version is not spoken here. The texts are those that clients know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// It is no version.
    #[error("invalid version string: `{0}`")]
    Malformed(String),
    /// The server does not know it yet.
    #[error("server is at version {current}, behind requested major version {0}", current = ApiVersion::CURRENT)]
    NewerMajor(u16),
    /// The server does not know it yet.
    #[error("server is at version {current}, behind requested minor version {0}", current = ApiVersion::CURRENT)]
    NewerMinor(u16),
    /// The server does not speak it any more.
    #[error("server is at version {current}, and does not speak the requested major version {0}", current = ApiVersion::CURRENT)]
    Older(u16),
}

impl ApiVersion {
    /// The newest that is spoken.
    pub const CURRENT: Self = Self { major: 1, minor: 18 };
    /// What a daemon speaks that does not say.
    pub const DEFAULT: Self = Self { major: 1, minor: 0 };

    /// The same, if it is spoken here. Minor versions add fields, and are spoken all.
    pub const fn spoken(self) -> Result<Self, VersionError> {
        if self.major > Self::CURRENT.major {
            return Err(VersionError::NewerMajor(self.major));
        }
        if self.major < Self::CURRENT.major {
            return Err(VersionError::Older(self.major));
        }
        if self.minor > Self::CURRENT.minor {
            return Err(VersionError::NewerMinor(self.minor));
        }
        Ok(self)
    }
}

impl FromStr for ApiVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        /// Longer texts are not repeated.
        const SHOWN: usize = 32;
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_: &u16| is_number)
        };
        let version = text.split_once('.').and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
        match version {
            Some((major, minor)) => Ok(Self { major, minor }),
            None => Err(VersionError::Malformed(text.chars().take(SHOWN).collect())),
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<String, String> {
        let version = text.parse::<ApiVersion>().and_then(ApiVersion::spoken);
        version.map(|version| version.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn all_minor_versions_of_the_major_one_are_spoken() {
        for version in ["1.0", "1.7", "1.18"] {
            assert_eq!(told(version), Ok(version.to_owned()));
        }
        assert_eq!(told("1.19").unwrap_err(), "server is at version 1.18, behind requested minor version 19");
        assert_eq!(told("2.0").unwrap_err(), "server is at version 1.18, behind requested major version 2");
        assert!(told("0.9").unwrap_err().contains("major version 0"));
        for wrong in ["", "1", "1.", ".1", "1.x", "+1.0", "1.0.0", "1.99999999999", "v1.0"] {
            assert!(told(wrong).unwrap_err().starts_with("invalid version string"), "{wrong}");
        }
    }
}
