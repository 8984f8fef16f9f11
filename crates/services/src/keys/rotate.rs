//! Keys replace others.

use super::list::{ListedKey, describe};
use super::signing::generate;
use super::start::{new_key, sealed_key};
use crate::audit::{Audited, Snapshot};
use crate::{Context, Error, Principal};
use doorward_domain::Secret;
use doorward_domain::audit::AuditResource;
use doorward_domain::keys::{CryptoKey, FORMS_KEPT, KeyPurpose, KeyRotation, LEAD, MARGIN, WORKSPACE_APPS_KEPT};
use doorward_domain::roles::{Object, Permit, action, resource};
use serde_json::{Map, Value};
use time::Duration;

/// Makes a new key for each of these purposes, which replaces the newest one: for all of them or for none. Answers the keys of
/// the purposes. The new keys sign after [`LEAD`], those that are published after `oidc.keys.lead`; or from now on if `at_once`. The
/// old ones verify until everything that was made with them has expired. A purpose whose keys are published and were not needed
/// yet is left out.
///
/// Needs `crypto_key:create`. Errors: [`Error::Forbidden`], and [`Error::Conflict`] if a rotation is under way.
pub async fn rotate(
    ctx: &Context,
    by: &Principal,
    purposes: &[KeyPurpose],
    at_once: bool,
) -> Result<Vec<ListedKey>, Error> {
    let permit = by.permit::<action::Create, resource::CryptoKey>(&Object::of::<resource::CryptoKey>())?;
    // Each once, whoever names it twice.
    let wanted = KeyPurpose::ALL.iter().filter(|known| purposes.contains(known)).map(|known| (*known, None)).collect();
    replace(ctx, by, permit, wanted, at_once).await
}

/// How long before its start a new key is stored, and how long the one before verifies after that.
fn times(ctx: &Context, purpose: KeyPurpose, at_once: bool) -> (Duration, Duration) {
    let (oidc, oauth2) = (&ctx.settings.oidc, &ctx.settings.oauth2);
    let (lead, kept) = match purpose {
        KeyPurpose::RefreshTokens => (LEAD, oauth2.refresh_token_lifetime.get().saturating_add(MARGIN)),
        KeyPurpose::Forms => (LEAD, FORMS_KEPT),
        KeyPurpose::WorkspaceApps => (LEAD, WORKSPACE_APPS_KEPT),
        KeyPurpose::SignRs256 | KeyPurpose::SignEs256 | KeyPurpose::SignEdDsa => {
            (oidc.keys.lead.get(), oidc.keys.keep.get())
        }
    };
    (if at_once { Duration::ZERO } else { lead }, kept)
}

/// Makes the new keys, see [`rotate`], of these documents where there is one.
pub(super) async fn replace(
    ctx: &Context,
    by: &Principal,
    permit: Permit<action::Create, resource::CryptoKey>,
    wanted: Vec<(KeyPurpose, Option<Secret<Vec<u8>>>)>,
    at_once: bool,
) -> Result<Vec<ListedKey>, Error> {
    let sealer = ctx.keys.sealer()?;
    let mut plans = Vec::new();
    for (purpose, given) in wanted {
        if purpose.is_published() && !ctx.keys.holds_document(purpose) {
            continue;
        }
        // Before the transaction: it takes its time.
        let document = match given {
            Some(given) => Some(given),
            None if purpose.is_published() => Some(generate(&ctx.keys, purpose).await?),
            None => None,
        };
        plans.push((purpose, times(ctx, purpose, at_once), document));
    }
    let shown: Vec<KeyPurpose> = plans.iter().map(|(purpose, ..)| *purpose).collect();
    let (keys, now) = ctx
        .act(by, move |deed| {
            let stored = deed.repos.keys().list()?;
            let mut recorded = None;
            for (purpose, (lead, kept), document) in plans.clone() {
                let rotation = KeyRotation::plan(&stored, purpose, deed.now, lead, kept).map_err(|error| {
                    Error::conflict(format!("The key for {purpose} cannot be replaced now: {error}."))
                })?;
                let (id, starts_at) = (rotation.new, rotation.starts_at);
                let key = match document {
                    Some(document) => sealed_key(purpose, id, starts_at, &document, &*sealer),
                    None => new_key(purpose, id, starts_at, deed.random(), &*sealer),
                };
                let key = key.map_err(|error| Error::Internal(error.into()))?;
                if !deed.repos.keys().rotate(&permit, &rotation, &key)? {
                    return Err(Error::conflict(format!(
                        "The key for {purpose} was replaced by somebody else just now."
                    )));
                }
                let replaces = Map::from_iter([
                    ("replaces".to_owned(), Value::from(rotation.old.to_string())),
                    ("replaced_ends_at".to_owned(), crate::audit::moment(Some(rotation.old_ends_at)).into()),
                ]);
                recorded = Some(deed.entry().with(replaces).made(&key)?);
            }
            let result = (deed.repos.keys().list()?, deed.now);
            Ok(match recorded {
                Some(recorded) => recorded.answer(result),
                None => deed.unrecorded("no purpose was named", result),
            })
        })
        .await?;
    // They are replaced, whether or not this server can read them now: it tries again every second.
    if let Err(error) = super::reload(ctx).await {
        tracing::warn!(%error, "the new keys cannot be read yet");
    }
    let mut listed = describe(ctx, &keys, now)?;
    listed.retain(|listed| shown.contains(&listed.key.purpose));
    Ok(listed)
}

impl Audited for CryptoKey {
    fn kind(&self) -> AuditResource {
        AuditResource::CryptoKey
    }

    fn id(&self) -> String {
        format!("{}/{}", self.purpose, self.id)
    }

    fn target(&self) -> String {
        self.id()
    }

    /// Nothing of the key itself, not even that it has one: it is never changed.
    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("purpose", self.purpose.as_str())
            .field("algorithm", self.algorithm.as_str())
            .moment("starts_at", Some(self.starts_at))
            .moment("ends_at", self.ends_at)
    }
}
