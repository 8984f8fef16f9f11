//! Keys replace others.

use super::list::{ListedKey, describe};
use super::start::new_key;
use crate::audit::{Audited, Snapshot};
use crate::{Context, Error, Principal};
use doorward_domain::audit::AuditResource;
use doorward_domain::keys::{CryptoKey, FORMS_KEPT, KeyPurpose, KeyRotation, LEAD, MARGIN, WORKSPACE_APPS_KEPT};
use doorward_domain::roles::{Object, action, resource};
use serde_json::{Map, Value};
use time::Duration;

/// Makes a new key for each of these purposes, which replaces the newest one: for all of them or for none. Answers the keys of
/// the purposes. The new keys sign after [`LEAD`], or from now on if `at_once`. The old ones verify until everything that was
/// made with them has expired.
///
/// Needs `crypto_key:create`. Errors: [`Error::Forbidden`], and [`Error::Conflict`] if a rotation is under way.
pub async fn rotate(
    ctx: &Context,
    by: &Principal,
    purposes: &[KeyPurpose],
    at_once: bool,
) -> Result<Vec<ListedKey>, Error> {
    let permit = by.permit::<action::Create, resource::CryptoKey>(&Object::of::<resource::CryptoKey>())?;
    let sealer = ctx.keys.sealer()?;
    let lead = if at_once { Duration::ZERO } else { LEAD };
    // Each once, whoever names it twice.
    let wanted: Vec<KeyPurpose> = KeyPurpose::ALL.iter().copied().filter(|known| purposes.contains(known)).collect();
    let refresh_tokens_kept = ctx.settings.oauth2.refresh_token_lifetime.get().saturating_add(MARGIN);
    let shown = wanted.clone();
    let (keys, now) = ctx
        .act(by, move |deed| {
            let stored = deed.repos.keys().list()?;
            let mut recorded = None;
            for purpose in wanted {
                let kept = match purpose {
                    KeyPurpose::RefreshTokens => refresh_tokens_kept,
                    KeyPurpose::Forms => FORMS_KEPT,
                    KeyPurpose::WorkspaceApps => WORKSPACE_APPS_KEPT,
                };
                let rotation = KeyRotation::plan(&stored, purpose, deed.now, lead, kept).map_err(|error| {
                    Error::conflict(format!("The key for {purpose} cannot be replaced now: {error}."))
                })?;
                let key = new_key(purpose, rotation.new, rotation.starts_at, deed.random(), &*sealer)
                    .map_err(|error| Error::Internal(error.into()))?;
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
