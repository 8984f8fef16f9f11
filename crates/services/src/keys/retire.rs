//! A key verifies nothing any more.

use super::list::{ListedKey, describe};
use crate::{Context, Error, Principal};
use doorward_domain::keys::{KeyId, KeyPurpose, KeyState};
use doorward_domain::roles::{Object, action, resource};

/// Removes a key that was replaced, at once: what was made with it is good for nothing from now on, whoever made it. For a key that somebody
/// may have seen, once another one signs in its place. Answers the keys of the purpose that are left.
///
/// Needs `crypto_key:delete`. Errors: `Forbidden`, `NotFound`, `Conflict` (it signs, or will).
pub async fn retire(ctx: &Context, by: &Principal, purpose: KeyPurpose, id: KeyId) -> Result<Vec<ListedKey>, Error> {
    let permit = by.permit::<action::Delete, resource::CryptoKey>(&Object::of::<resource::CryptoKey>())?;
    let (keys, now) = ctx
        .act(by, move |deed| {
            let stored = deed.repos.keys().list()?;
            let key = stored.iter().find(|key| (key.purpose, key.id) == (purpose, id)).ok_or(Error::NotFound)?;
            match key.state(&stored, deed.now) {
                KeyState::Verifies | KeyState::Ended => {}
                KeyState::Signs => {
                    let way = format!("Replace it first: doorward keys rotate --purpose {purpose} --now.");
                    return Err(Error::conflict(format!("The key {id} for {purpose} signs. {way}")));
                }
                KeyState::Next => {
                    return Err(Error::conflict(format!(
                        "The key {id} for {purpose} will sign, in the place of another."
                    )));
                }
            }
            deed.repos.keys().delete(&permit, purpose, id)?;
            let recorded = deed.ended(key)?;
            let result = (deed.repos.keys().list()?, deed.now);
            Ok(recorded.answer(result))
        })
        .await?;
    // It is gone, whether or not this server can read that now: it tries again every second.
    if let Err(error) = super::reload(ctx).await {
        tracing::warn!(%error, "the keys that are left cannot be read yet");
    }
    let mut listed = describe(ctx, &keys, now)?;
    listed.retain(|listed| listed.key.purpose == purpose);
    Ok(listed)
}
