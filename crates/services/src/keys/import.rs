//! A private key that somebody else has made.

use super::list::{ListedKey, list};
use super::rotate::replace;
use super::signing::algorithm_of;
use super::start::sealed_key;
use crate::{Context, Error, Principal};
use doorward_domain::Secret;
use doorward_domain::keys::{KeyId, KeyPurpose};
use doorward_domain::roles::{Object, action, resource};

/// Takes a private key in PKCS #8 as the new one of a purpose whose keys are published. It replaces the newest one as a key of our own would,
/// see [`rotate`](super::rotate()); the first of its purpose signs at once. Answers the keys of the purpose.
///
/// Needs `crypto_key:create`. Errors: `Forbidden`, `Invalid` (keys of the purpose are not published; it is no private key of this kind),
/// `Conflict` (it is there already, or a rotation is under way).
pub async fn import(
    ctx: &Context,
    by: &Principal,
    purpose: KeyPurpose,
    document: Secret<Vec<u8>>,
    at_once: bool,
) -> Result<Vec<ListedKey>, Error> {
    let permit = by.permit::<action::Create, resource::CryptoKey>(&Object::of::<resource::CryptoKey>())?;
    let Some(algorithm) = algorithm_of(purpose) else {
        return Err(Error::invalid(format!("Keys for {purpose} are made by the server itself.")));
    };
    let pair = ctx.keys.mint()?.open(algorithm, &document).map_err(|_no_key| {
        let kinds = "RSA of 2048 to 4096 bits for sign_rs256, P-256 for sign_es256, Ed25519 for sign_eddsa";
        Error::invalid(format!("This is no private key for {purpose}: it must be PKCS #8, {kinds}."))
    })?;
    super::reload(ctx).await?;
    if ctx.keys.signing()?.find(&pair.public.thumbprint()).is_some() {
        return Err(Error::conflict("This key is there already."));
    }
    if ctx.keys.holds_document(purpose) {
        return replace(ctx, by, permit, vec![(purpose, Some(document))], at_once).await;
    }
    let sealer = ctx.keys.sealer()?;
    let key = sealed_key(purpose, KeyId::FIRST, ctx.clock.now(), &document, &*sealer);
    let key = key.map_err(|error| Error::Internal(error.into()))?;
    ctx.act(by, move |deed| {
        deed.repos.keys().insert_first(&permit, &key)?;
        Ok::<_, Error>(deed.made(&key)?.answer(()))
    })
    .await?;
    super::reload(ctx).await?;
    let mut listed = list(ctx, by).await?;
    listed.retain(|listed| listed.key.purpose == purpose);
    Ok(listed)
}
