//! One key replaces another.

use super::list::{ListedKey, describe};
use super::start::new_key;
use crate::audit::{Audited, Snapshot};
use crate::{Context, Error, Principal};
use doorward_domain::audit::AuditResource;
use doorward_domain::keys::{CryptoKey, FORMS_KEPT, KeyPurpose, KeyRotation, LEAD, MARGIN};
use doorward_domain::roles::{Object, action, resource};
use serde_json::{Map, Value};
use time::Duration;

/// Makes a new key for a purpose, which replaces the newest one; answers the keys of the purpose. The new key signs after
/// [`LEAD`], or from now on if `at_once`. The old one verifies until everything that was made with it has expired.
///
/// Needs `crypto_key:create`. Errors: [`Error::Forbidden`], and [`Error::Conflict`] if a rotation is under way.
pub async fn rotate(
    ctx: &Context,
    by: &Principal,
    purpose: KeyPurpose,
    at_once: bool,
) -> Result<Vec<ListedKey>, Error> {
    let permit = by.permit::<action::Create, resource::CryptoKey>(&Object::of::<resource::CryptoKey>())?;
    let sealer = ctx.keys.sealer()?;
    let lead = if at_once { Duration::ZERO } else { LEAD };
    let kept = match purpose {
        KeyPurpose::RefreshTokens => ctx.settings.oauth2.refresh_token_lifetime.get().saturating_add(MARGIN),
        KeyPurpose::Forms => FORMS_KEPT,
    };
    let now = ctx.clock.now();
    let keys = ctx
        .act(by, move |deed| {
            let conflict = |message: String| Error::Conflict { message, fields: Vec::new() };
            let stored = deed.repos.keys().list()?;
            let rotation = KeyRotation::plan(&stored, purpose, deed.now, lead, kept)
                .map_err(|error| conflict(format!("The key for {purpose} cannot be replaced now: {error}.")))?;
            let key = new_key(purpose, rotation.new, rotation.starts_at, deed.random(), &*sealer)
                .map_err(|error| Error::Internal(error.into()))?;
            if !deed.repos.keys().rotate(&permit, &rotation, &key)? {
                return Err(conflict(format!("The key for {purpose} was replaced by somebody else just now.")));
            }
            let keys = deed.repos.keys().list()?;
            let replaces = Map::from_iter([
                ("replaces".to_owned(), Value::from(rotation.old.to_string())),
                ("replaced_ends_at".to_owned(), crate::audit::moment(Some(rotation.old_ends_at)).into()),
            ]);
            Ok(deed.entry().with(replaces).made(&key)?.answer(keys))
        })
        .await?;
    super::reload(ctx).await?;
    let mut listed = describe(ctx, &keys, now)?;
    listed.retain(|listed| listed.key.purpose == purpose);
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
