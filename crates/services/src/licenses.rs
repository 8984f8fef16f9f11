//! Licences (`enterprise-platform.md` 1): added, listed, removed. What they give is in [`crate::entitlements`].

#[cfg(test)]
mod tests;

use crate::audit::{Audited, Snapshot};
use crate::users::access;
use crate::users::fields::Fields;
use crate::{Context, Error, Principal, entitlements};
use doorward_domain::audit::AuditResource;
use doorward_domain::licenses::{License, LicenseDefect, LicenseId, LicenseToken, NewLicense, verify};
use doorward_domain::roles::{Action, Object, action, resource};
use uuid::Uuid;

/// The licences that the caller may read, by id.
///
/// Needs `license:read`; others get an empty list. Errors: none of its own.
pub async fn list(ctx: &Context, actor: &Principal) -> Result<Vec<License>, Error> {
    ctx.look(actor, |look| {
        let mut licenses = look.repos.licenses().list()?;
        licenses.retain(|license| look.by.permit::<action::Read, resource::License>(&object(license.id)).is_ok());
        Ok(licenses)
    })
    .await
}

/// Whether the caller may add licences, for who sent something that cannot be read.
///
/// Errors: `Forbidden`.
pub fn may_add(actor: &Principal) -> Result<(), Error> {
    Ok(access::may(actor, Action::Create, &Object::of::<resource::License>())?)
}

/// Adds a licence. What it gives holds at once on this server, and within a second on the others; one whose term has not begun may be added
/// early.
///
/// Needs `license:create`. Errors: `Forbidden`, `Invalid` (it is missing, not signed by a trusted key, over, for other
/// deployments, or does not say what it must), `Conflict` (it was added before).
pub async fn add(ctx: &Context, actor: &Principal, text: &str) -> Result<License, Error> {
    let permit = actor.permit::<action::Create, resource::License>(&Object::of::<resource::License>())?;
    let text = text.trim();
    Fields::default().required("license", text).done()?;
    let token = LicenseToken::new(text.to_owned());
    let (trusted, deployment) = (ctx.licensing.trusted(), ctx.licensing.deployment());
    let terms = verify(&token, trusted, deployment, ctx.clock.now()).map_err(|defect| refused(&defect, deployment))?;
    let license = ctx
        .act(actor, move |deed| {
            let uuid = terms.id.unwrap_or_else(|| deed.new_id());
            let new = NewLicense { uuid, uploaded_at: deed.now, ends_at: terms.ends_at, token };
            let id = deed.repos.licenses().insert(&permit, &new)?;
            let license = new.stored_as(id);
            Ok::<_, Error>(deed.made(&license)?.answer(license))
        })
        .await?;
    entitlements::changed(ctx).await;
    Ok(license)
}

/// Removes a licence. What it gave ends at once on this server, and within a second on the others.
///
/// Needs `license:delete`. Errors: `Forbidden`, `NotFound`.
pub async fn delete(ctx: &Context, actor: &Principal, id: LicenseId) -> Result<(), Error> {
    let permit = actor.permit::<action::Delete, resource::License>(&object(id))?;
    ctx.act(actor, move |deed| {
        let license = deed.repos.licenses().find(id)?.ok_or(Error::NotFound)?;
        if !deed.repos.licenses().delete(&permit, id)? {
            return Err(Error::NotFound);
        }
        Ok(deed.ended(&license)?.answer(()))
    })
    .await?;
    entitlements::changed(ctx).await;
    Ok(())
}

fn object(id: LicenseId) -> Object<'static> {
    Object::of::<resource::License>().id(id.to_string())
}

/// What is told of a licence that is not taken.
fn refused(defect: &LicenseDefect, deployment: Uuid) -> Error {
    if let LicenseDefect::Deployment(allowed) = defect {
        let detail = format!("It is for the deployments {}; the id of this one is {deployment}.", allowed.join(", "));
        return Error::invalid_because("License cannot be used on this deployment!", detail);
    }
    Error::invalid_because("Invalid license", defect.to_string())
}

/// The same licence is there.
pub(crate) fn is_added_already() -> Error {
    Error::conflict("This license has been added already.")
}

impl Audited for License {
    fn kind(&self) -> AuditResource {
        AuditResource::License
    }

    fn id(&self) -> String {
        self.uuid.to_string()
    }

    fn target(&self) -> String {
        self.id.to_string()
    }

    /// Nothing of the token.
    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .moment("uploaded_at", Some(self.uploaded_at))
            .moment("exp", Some(self.ends_at))
            .field("uuid", self.uuid.to_string())
    }
}
