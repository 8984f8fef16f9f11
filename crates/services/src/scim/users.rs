//! One user of a directory: found, changed, ended.

use super::account::{free_username, namesake, other_user_name, recorded, refuse_powerful, shown, store};
use super::answer::{self, Place, Shown, expect_version};
use super::refusal::Refusal;
use crate::Principal;
use crate::context::Context;
use crate::deed::{Deed, Done};
use crate::notifications::accounts::account_deleted;
use crate::users::caller::{Held, with_caller_and};
use crate::users::{access, ended};
use doorward_domain::ids::UserId;
use doorward_domain::names;
use doorward_domain::roles::{action, resource};
use doorward_domain::scim::{
    AccountFields, Patch, Preconditions, Projection, ProvisionedUser, Resource, ScimError, ScimType, USER,
};
use doorward_domain::users::{User, UserStatus};
use serde_json::Value;

/// One user.
///
/// Needs a directory. Errors: `NotFound`.
pub async fn find_user(ctx: &Context, by: &Principal, id: &str, projection: &Projection) -> Result<Shown, Refusal> {
    let (id, place, projection) = (user_id(id)?, Place::of(ctx, by), projection.clone());
    ctx.look(by, move |look| {
        access::may(look.by, doorward_domain::roles::Action::Read, &access::user(id))?;
        let found = look.repos.scim().find_user(place.directory, id)?.ok_or(Refusal::not_found(&USER))?;
        shown(look.repos, &place, &found, &projection)
    })
    .await
}

/// Replaces what a directory may change of a user (RFC 7644 3.5.1). Without `active` the user may sign in as before, and without
/// addresses or names the account keeps its own.
///
/// Needs a directory. Errors: `NotFound`, `Stale`, `Request` (the document; `mutability` for a name, unless
/// `scim.user_name_changes`; `uniqueness`), `Conflict` (the last active owner).
pub async fn replace_user(
    ctx: &Context,
    by: &Principal,
    id: &str,
    body: &Value,
    conditions: Preconditions,
    projection: &Projection,
) -> Result<Shown, Refusal> {
    let id = user_id(id)?;
    // What is wrong with the document is told before the user is looked for.
    USER.read(body)?;
    let body = body.clone();
    change(ctx, by, id, conditions, projection, move |stored| USER.replace(stored, &body)).await
}

/// Changes a user (RFC 7644 3.5.2): all operations or none.
///
/// Needs a directory. Errors: as [`replace_user`].
pub async fn patch_user(
    ctx: &Context,
    by: &Principal,
    id: &str,
    body: &Value,
    conditions: Preconditions,
    projection: &Projection,
) -> Result<Shown, Refusal> {
    let id = user_id(id)?;
    let patch = Patch::read(body)?;
    change(ctx, by, id, conditions, projection, move |stored| Ok(patch.apply(&USER, stored)?.resource)).await
}

/// Deletes the account of a user without workspaces, as an administrator does: name and address are free, and all sessions, keys
/// and grants end. The last active owner stays.
///
/// Needs a directory. Errors: `NotFound`, `Stale`, `Conflict` (the user has workspaces, or is the last active owner).
pub async fn delete_user(ctx: &Context, by: &Principal, id: &str, conditions: Preconditions) -> Result<(), Refusal> {
    let (id, place) = (user_id(id)?, Place::of(ctx, by));
    ctx.act(by, move |deed| {
        let done: Result<Done<()>, Refusal> =
            with_caller_and(deed, id, |deed, actor, _account| Ok(end(deed, actor, &place, id, &conditions)))?;
        done
    })
    .await
}

fn end(
    deed: &mut Deed<'_>,
    actor: &Held,
    place: &Place,
    id: UserId,
    conditions: &Preconditions,
) -> Result<Done<()>, Refusal> {
    let permit = access::permit::<action::Delete, resource::User>(actor, &access::user(id))?;
    let old = deed.repos.scim().find_user(place.directory, id)?.ok_or(Refusal::not_found(&USER))?;
    expect_version(conditions, &answer::whole_user(place, &old, &[]).version)?;
    refuse_powerful(deed.repos, place, &old.account)?;
    if deed.repos.workspaces().count_of_owner(id)? > 0 {
        let message = "The user owns workspaces, which must be deleted first. With `active` false the user cannot sign in any more.";
        return Err(Refusal::Conflict(message.to_owned()));
    }
    if !deed.repos.users().delete(&permit, id, deed.now)? {
        return Err(Refusal::not_found(&USER));
    }
    account_deleted(deed, &old.account);
    Ok(ended(deed, &old.account)?.answer(()))
}

/// Reads the id in a path. What is none is the id of nobody.
fn user_id(text: &str) -> Result<UserId, Refusal> {
    text.parse().map_err(|_not_a_uuid| Refusal::not_found(&USER))
}

async fn change(
    ctx: &Context,
    by: &Principal,
    id: UserId,
    conditions: Preconditions,
    projection: &Projection,
    edit: impl FnOnce(&Resource) -> Result<Resource, ScimError> + Clone + Send + 'static,
) -> Result<Shown, Refusal> {
    let (place, projection) = (Place::of(ctx, by), projection.clone());
    ctx.act(by, move |deed| {
        let done: Result<Done<ProvisionedUser>, Refusal> =
            with_caller_and(deed, id, |deed, actor, _account| Ok(edited(deed, actor, &place, id, &conditions, edit)))?;
        done?.map(|user| shown(deed.repos, &place, &user, &projection)).transpose()
    })
    .await
}

/// Nobody stays because of a name or an id that cannot be given: who is switched off keeps the old one.
fn keep_what_cannot_be(
    deed: &mut Deed<'_>,
    place: &Place,
    old: &ProvisionedUser,
    fields: &mut AccountFields,
) -> Result<(), Refusal> {
    let id = old.account.id;
    let is_renamed = names::key(&fields.user_name) != names::key(old.user_name());
    let may_be = |deed: &mut Deed<'_>| -> Result<bool, Refusal> {
        let is_free = place.settings.scim.user_name_changes
            && namesake(deed.repos, place.directory, &fields.user_name, Some(id))?.is_none();
        Ok(is_free)
    };
    if is_renamed && !may_be(deed)? {
        old.user_name().clone_into(&mut fields.user_name);
    }
    if let Some(external_id) = &fields.external_id
        && deed.repos.scim().find_user_by_external_id(place.directory, external_id)?.is_some_and(|other| other != id)
    {
        fields.external_id = old.record.as_ref().and_then(|record| record.external_id.clone());
    }
    Ok(())
}

/// Changes a user whose row is locked.
fn edited(
    deed: &mut Deed<'_>,
    actor: &Held,
    place: &Place,
    id: UserId,
    conditions: &Preconditions,
    edit: impl FnOnce(&Resource) -> Result<Resource, ScimError>,
) -> Result<Done<ProvisionedUser>, Refusal> {
    let old = deed.repos.scim().find_user(place.directory, id)?.ok_or(Refusal::not_found(&USER))?;
    let before = answer::whole_user(place, &old, &[]);
    expect_version(conditions, &before.version)?;
    let mut fields = AccountFields::of(&edit(&before.resource)?)?;
    if fields.active == Some(false) {
        keep_what_cannot_be(deed, place, &old, &mut fields)?;
    }
    let is_renamed = names::key(&fields.user_name) != names::key(old.user_name());
    if is_renamed && !place.settings.scim.user_name_changes {
        let detail = "`userName` cannot be changed; the setting `scim.user_name_changes` of the server would allow it";
        return Err(ScimError::new(ScimType::Mutability, detail).into());
    }
    if is_renamed && namesake(deed.repos, place.directory, &fields.user_name, Some(id))?.is_some() {
        return Err(ScimError::new(ScimType::Uniqueness, "A user with this userName already exists.").into());
    }
    let username = if is_renamed {
        free_username(deed, &fields.user_name, fields.email.as_ref(), id)?
    } else {
        old.account.username.clone()
    };
    // What the directory says anew. What it said before may be of long ago: address and name follow the provider too.
    let said = AccountFields::of(&before.resource).ok();
    let news_of_email = said.as_ref().is_none_or(|said| said.email != fields.email).then_some(&fields.email);
    let news_of_name = said.as_ref().is_none_or(|said| said.name != fields.name).then_some(&fields.name);
    let status = fields.status_after(old.account.status);
    let mut email = news_of_email.cloned().flatten();
    if let Some(new) = &email
        && status == UserStatus::Suspended
        && deed.repos.users().find_by_email(new.as_str())?.is_some_and(|other| other.id != id)
    {
        // Nobody stays because somebody else has the address.
        email = None;
    }
    let account = User {
        username,
        email: email.or_else(|| old.account.email.clone()),
        name: news_of_name.cloned().flatten().unwrap_or_else(|| old.account.name.clone()),
        status,
        ..old.account.clone()
    };
    let mut record = recorded(&fields, old.record.as_ref(), deed.now);
    if old.record.is_none()
        && !is_renamed
        && namesake(deed.repos, place.directory, &record.user_name, Some(id))?.is_some()
    {
        record.user_name = other_user_name(deed, place, &old.account)?;
    }
    store(deed, actor, place, &old, ProvisionedUser { account, record: Some(record) })
}
