//! Issuing keys: sessions and API tokens.

use crate::error::Error;
use doorward_domain::ids::UserId;
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::AllowEntry;
use doorward_domain::sessions::{ApiKey, ApiKeyId, ApiToken, TokenFormatError};
use doorward_domain::users::LoginType;
use doorward_domain::{Instant, Secret};
use doorward_ports::Random;
use time::Duration;

/// What a key is made of.
#[derive(Clone, Debug)]
pub(crate) struct KeySpec {
    pub(crate) user_id: UserId,
    pub(crate) login_type: LoginType,
    pub(crate) scopes: Scopes,
    pub(crate) allow_list: Option<Vec<AllowEntry>>,
    pub(crate) token_name: String,
    pub(crate) lifetime: Duration,
    pub(crate) ip: String,
}

impl KeySpec {
    /// The key of a session.
    pub(crate) fn session(user_id: UserId, lifetime: Duration, ip: &str) -> Self {
        Self {
            user_id,
            login_type: LoginType::Password,
            scopes: Scopes::all(),
            allow_list: None,
            token_name: String::new(),
            lifetime,
            ip: ip.to_owned(),
        }
    }
}

/// A key just made, with the text that only its owner gets to see.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    /// `<id>-<secret>`.
    pub token: Secret<String>,
    /// What is stored of it.
    pub key: ApiKey,
}

impl IssuedKey {
    /// Makes a key. It is not stored yet.
    pub(crate) fn new(random: &dyn Random, now: Instant, spec: KeySpec) -> Result<Self, Error> {
        let token = random_token(random).map_err(|defect| Error::Internal(defect.into()))?;
        let key = ApiKey {
            id: token.id.clone(),
            user_id: spec.user_id,
            secret_digest: token.digest(),
            login_type: spec.login_type,
            scopes: spec.scopes,
            allow_list: spec.allow_list,
            token_name: spec.token_name,
            ip: spec.ip,
            created_at: now,
            updated_at: now,
            last_used: None,
            expires_at: now.saturating_add(spec.lifetime),
            lifetime_seconds: spec.lifetime.whole_seconds(),
            slides_until: None,
            oauth2: None,
        };
        Ok(Self { token: token.to_wire(), key })
    }
}

/// A token that nobody can guess.
pub(crate) fn random_token(random: &dyn Random) -> Result<ApiToken, TokenFormatError> {
    let id = ApiKeyId::new(random.alphanumeric(ApiKeyId::LEN).into_exposed())?;
    ApiToken::new(id, random.alphanumeric(ApiToken::SECRET_LEN))
}
