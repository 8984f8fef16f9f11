//! What is known of the keys, but for the keys themselves.

use crate::{Context, Error, Principal};
use doorward_domain::Instant;
use doorward_domain::keys::{CryptoKey, KeyState};
use doorward_domain::roles::{Action, Object, resource};

/// A key, as it is listed.
#[derive(Clone, Debug)]
pub struct ListedKey {
    /// The key; what is stored of it may be sealed.
    pub key: CryptoKey,
    /// What it does now.
    pub state: KeyState,
    /// The name of the seal key with which it is sealed; `None` if it is stored as it is.
    pub sealed_with: Option<String>,
}

/// All keys, by purpose and in the order in which they sign.
///
/// Needs `crypto_key:read`. Errors: [`Error::Forbidden`].
pub async fn list(ctx: &Context, by: &Principal) -> Result<Vec<ListedKey>, Error> {
    by.subject.check(Action::Read, &Object::of::<resource::CryptoKey>())?;
    let (keys, now) = ctx.look(by, |look| Ok::<_, Error>((look.repos.keys().list()?, look.now))).await?;
    describe(ctx, &keys, now)
}

/// What is known of these keys, which are all there are.
pub(super) fn describe(ctx: &Context, keys: &[CryptoKey], now: Instant) -> Result<Vec<ListedKey>, Error> {
    let sealer = ctx.keys.sealer()?;
    let listed = |key: &CryptoKey| ListedKey {
        state: key.state(keys, now),
        sealed_with: sealer.sealed_with(key.stored.expose()),
        key: key.clone(),
    };
    Ok(keys.iter().map(listed).collect())
}
