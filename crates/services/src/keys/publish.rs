//! Private keys are made when the first is needed, and replace each other by themselves.

use super::reload;
use super::rotate::replace;
use super::signing::{SigningRing, generate};
use super::start::sealed_key;
use crate::jobs::{Job, Lease, Next, Schedule};
use crate::{Context, Error, Principal};
use async_trait::async_trait;
use doorward_domain::keys::{KeyId, KeyPurpose, KeyRotation};
use doorward_domain::roles::{System, action, resource};
use std::sync::Arc;
use time::Duration;

/// The private keys, once there is one for each purpose that this server signs for. What is missing is read anew, and made if
/// nobody has made it.
///
/// Errors: `Precondition` (a server that signs nothing for others), `Unavailable`, `Internal` (a key cannot be made or opened).
pub(crate) async fn signing_ring(ctx: &Context) -> Result<Arc<SigningRing>, Error> {
    let ring = ctx.keys.signing()?;
    let needed: Vec<KeyPurpose> = purposes(ctx).collect();
    if needed.iter().all(|purpose| ring.has(*purpose)) {
        return Ok(ring);
    }
    reload(ctx).await?;
    let ring = ctx.keys.signing()?;
    let missing: Vec<KeyPurpose> = needed.into_iter().filter(|purpose| !ring.has(*purpose)).collect();
    if missing.is_empty() {
        return Ok(ring);
    }
    make_first(ctx, &missing).await?;
    reload(ctx).await?;
    ctx.keys.signing()
}

/// What this server signs for.
fn purposes(ctx: &Context) -> impl Iterator<Item = KeyPurpose> {
    let eddsa = ctx.settings.oidc.eddsa;
    let all = KeyPurpose::ALL.iter().copied().filter(|purpose| purpose.is_published());
    all.filter(move |purpose| eddsa || *purpose != KeyPurpose::SignEdDsa)
}

/// Makes the first keys. Of several servers that do it at once, one has.
async fn make_first(ctx: &Context, missing: &[KeyPurpose]) -> Result<(), Error> {
    let sealer = ctx.keys.sealer()?;
    let mut keys = Vec::new();
    for purpose in missing {
        let document = generate(&ctx.keys, *purpose).await?;
        let key = sealed_key(*purpose, KeyId::FIRST, ctx.clock.now(), &document, &*sealer);
        keys.push(key.map_err(|error| Error::Internal(error.into()))?);
    }
    let why = "the server signs with keys of its own";
    ctx.act(&Principal::system(why), move |deed| {
        let permit = System::because(why).permit::<action::Create, resource::CryptoKey>();
        keys.iter().try_for_each(|key| deed.repos.keys().insert_first(&permit, key))?;
        Ok::<_, Error>(deed.unrecorded("the server keeps its own keys", ()))
    })
    .await
}

/// Replaces private keys in time: their successors are published a while before they sign.
#[derive(Clone, Copy, Debug)]
pub struct SigningRotation;

#[async_trait]
impl Job for SigningRotation {
    fn name(&self) -> &'static str {
        "signing_keys"
    }

    fn schedule(&self) -> Schedule {
        Schedule::every(Duration::minutes(10)).with_jitter(Duration::MINUTE)
    }

    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        // The first ones are made by whoever needs one; without any there is nothing to replace.
        lease.check()?;
        rotate_due(ctx).await?;
        Ok(Next::Scheduled)
    }
}

/// Replaces the private keys whose time has come; how many.
pub(crate) async fn rotate_due(ctx: &Context) -> Result<usize, Error> {
    let (settings, now) = (&ctx.settings.oidc.keys, ctx.clock.now());
    let stored = ctx.read(|repos| Ok::<_, Error>(repos.keys().list()?)).await?;
    let (lead, every) = (settings.lead.get(), settings.rotation.get());
    let due: Vec<KeyPurpose> =
        purposes(ctx).filter(|purpose| KeyRotation::is_due(&stored, *purpose, now, lead, every)).collect();
    if due.is_empty() {
        return Ok(0);
    }
    let why = "keys that sign for others are replaced in time";
    let permit = System::because(why).permit::<action::Create, resource::CryptoKey>();
    let wanted = due.iter().map(|purpose| (*purpose, None)).collect();
    replace(ctx, &Principal::system(why), permit, wanted, false).await?;
    Ok(due.len())
}
