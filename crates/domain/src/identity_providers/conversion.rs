//! A user who is about to sign in otherwise than with the password (`identity.md` 2.8): what the browser carries from the
//! proof of the password to the answer of the provider.

use super::own_token;
use crate::ids::UserId;
use crate::users::LoginType;
use crate::{Instant, Secret};
use serde::{Deserialize, Serialize};
use std::fmt;
use time::Duration;

/// How long the user may take.
pub const CONVERSION_LIFETIME: Duration = Duration::minutes(5);

/// What was agreed upon when the password was proved.
#[derive(Clone, PartialEq, Eq)]
pub struct Conversion {
    /// Which deployment agreed.
    pub deployment: String,
    /// The state that the provider sends back.
    pub state: String,
    /// Whose account it is.
    pub user: UserId,
    /// How the user signs in.
    pub from: LoginType,
    /// How the user will.
    pub to: LoginType,
    /// When it was agreed.
    pub issued_at: Instant,
    /// Until when it holds.
    pub expires_at: Instant,
    /// Tells it from others.
    pub id: String,
    /// A keyed digest of the password that was proved: another password ends it.
    pub password: String,
}

/// Whoever knows the state could end it.
impl fmt::Debug for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversion").field("user", &self.user).field("to", &self.to).finish_non_exhaustive()
    }
}

/// The same as a JWT, with the names that Coder's servers use.
#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    sub: String,
    aud: [String; 1],
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    user_id: UserId,
    state: String,
    from_login_type: String,
    to_login_type: String,
    password: String,
}

impl Conversion {
    /// A token that only this server can make. `key` is a text of it for this purpose.
    #[must_use]
    pub fn sign(&self, key: &Secret<String>) -> Secret<String> {
        let wire = Wire {
            iss: self.deployment.clone(),
            sub: self.state.clone(),
            aud: [self.user.to_string()],
            exp: self.expires_at.unix_timestamp(),
            nbf: self.issued_at.unix_timestamp(),
            iat: self.issued_at.unix_timestamp(),
            jti: self.id.clone(),
            user_id: self.user,
            state: self.state.clone(),
            from_login_type: self.from.as_str().to_owned(),
            to_login_type: self.to.as_str().to_owned(),
            password: self.password.clone(),
        };
        own_token::sign(&wire, key)
    }

    /// What a token says that this server has made, with `key`; `None` of any other text.
    ///
    /// ```
    /// # use doorward_domain::identity_providers::Conversion;
    /// # use doorward_domain::{Instant, Secret, ids::UserId, users::LoginType};
    /// # let at = Instant::UNIX_EPOCH;
    /// # let (from, to) = (LoginType::Password, LoginType::Oidc);
    /// # let text = String::from;
    /// # let conversion = Conversion { deployment: text("d"), state: text("s"), user: UserId::NIL, from, to, issued_at: at, expires_at: at, id: text("1"), password: text("p") };
    /// let key = Secret::from("of this server");
    /// let token = conversion.sign(&key);
    /// assert_eq!(Conversion::read(token.expose(), &key), Some(conversion));
    /// assert_eq!(Conversion::read(token.expose(), &Secret::from("of another one")), None);
    /// ```
    #[must_use]
    pub fn read(token: &str, key: &Secret<String>) -> Option<Self> {
        let wire: Wire = own_token::read(token, key)?;
        let [audience] = wire.aud;
        if audience != wire.user_id.to_string() || wire.sub != wire.state {
            return None;
        }
        Some(Self {
            deployment: wire.iss,
            state: wire.state,
            user: wire.user_id,
            from: wire.from_login_type.parse().ok()?,
            to: wire.to_login_type.parse().ok()?,
            issued_at: Instant::from_unix_timestamp(wire.iat).ok()?,
            expires_at: Instant::from_unix_timestamp(wire.exp).ok()?,
            id: wire.jti,
            password: wire.password,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    fn conversion() -> Conversion {
        Conversion {
            deployment: "d".to_owned(),
            state: "convert-abc".to_owned(),
            user: UserId(Uuid::from_u128(7)),
            from: LoginType::Password,
            to: LoginType::Oidc,
            issued_at: datetime!(2026-03-01 12:00 UTC),
            expires_at: datetime!(2026-03-01 12:05 UTC),
            id: "1".to_owned(),
            password: "p".to_owned(),
        }
    }

    #[test]
    fn whatever_is_changed_nothing_is_read() {
        let key = Secret::from("key");
        let token = conversion().sign(&key);
        let token = token.expose();
        assert_eq!(Conversion::read(token, &key), Some(conversion()));
        for at in 0..token.len() {
            let mut changed = token.to_owned().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character of a part may hold bits that mean nothing, which are refused by the decoder.
            assert_eq!(Conversion::read(&changed, &key), None, "{at}");
        }
        let unsigned = token.rsplit_once('.').unwrap().0;
        for bad in ["", ".", "..", unsigned, &format!("{unsigned}."), &"a".repeat(5000)] {
            assert_eq!(Conversion::read(bad, &key), None, "{bad}");
        }
    }
}
