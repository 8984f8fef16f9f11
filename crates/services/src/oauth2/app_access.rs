//! What access control is asked about apps.

use crate::Principal;
use crate::error::Error;
use doorward_domain::ids::AppId;
use doorward_domain::roles::{Action, Object, resource};

/// Whether the actor may read each of these apps.
pub(super) fn may_read_each(actor: &Principal, apps: &[AppId]) -> Result<(), Error> {
    let all = actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>());
    // A token may be for some of them only.
    all.or_else(|_not_all| apps.iter().try_for_each(|id| actor.subject.check(Action::Read, &object(*id))))?;
    Ok(())
}

/// An app, which belongs to nobody.
pub(super) fn object(id: AppId) -> Object<'static> {
    Object::of::<resource::Oauth2App>().id(id.0)
}
