//! What a proxy presents.

use crate::ids::WorkspaceProxyId;
use crate::{Digest, Secret};
use std::str::FromStr;

/// The token of a proxy: its id, a colon, and a secret of 64 hexadecimal digits.
///
/// ```
/// use doorward_domain::ids::WorkspaceProxyId;
/// use doorward_domain::workspace_proxies::ProxyToken;
///
/// let token = ProxyToken::new(WorkspaceProxyId::NIL, &[7; 32]);
/// let presented: ProxyToken = token.to_wire().expose().parse()?;
/// assert_eq!((presented.id, presented.digest()), (token.id, token.digest()));
/// # Ok::<(), doorward_domain::workspace_proxies::ProxyTokenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProxyToken {
    /// The proxy.
    pub id: WorkspaceProxyId,
    secret: Secret<String>,
}

/// A text that is no token of a proxy. What it was is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token of a proxy is an id, a colon and 64 characters")]
pub struct ProxyTokenError;

impl ProxyToken {
    /// Characters of the secret.
    const SECRET_LEN: usize = 64;

    /// A token with these random bytes as its secret.
    #[must_use]
    pub fn new(id: WorkspaceProxyId, random: &[u8; 32]) -> Self {
        let mut secret = String::with_capacity(Self::SECRET_LEN);
        for byte in random {
            for digit in [byte >> 4, byte & 0xf] {
                secret.extend(char::from_digit(u32::from(digit), 16));
            }
        }
        Self { id, secret: Secret::new(secret) }
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.secret.expose())
    }

    /// The token as it is presented.
    #[must_use]
    pub fn to_wire(&self) -> Secret<String> {
        Secret::new(format!("{}:{}", self.id, self.secret.expose()))
    }
}

impl FromStr for ProxyToken {
    type Err = ProxyTokenError;

    fn from_str(text: &str) -> Result<Self, ProxyTokenError> {
        let (id, secret) = text.split_once(':').ok_or(ProxyTokenError)?;
        let is_secret = secret.len() == Self::SECRET_LEN && !secret.contains(':');
        let id = id.parse().ok().filter(|_| is_secret).ok_or(ProxyTokenError)?;
        Ok(Self { id, secret: Secret::from(secret) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_two_parts_of_fixed_length() {
        let token = ProxyToken::new(WorkspaceProxyId::NIL, &[0xab; 32]).to_wire().into_exposed();
        assert_eq!(token, format!("00000000-0000-0000-0000-000000000000:{}", "ab".repeat(32)));
        let secret = "ab".repeat(32);
        for bad in [
            String::new(),
            secret.clone(),
            format!("x:{secret}"),
            format!("{}:", WorkspaceProxyId::NIL),
            format!("{}:{secret}a", WorkspaceProxyId::NIL),
            format!("{}:{}", WorkspaceProxyId::NIL, &secret[1..]),
            format!("{}:{}:", WorkspaceProxyId::NIL, &secret[1..]),
        ] {
            assert_eq!(bad.parse::<ProxyToken>().unwrap_err(), ProxyTokenError, "{bad}");
        }
    }
}
