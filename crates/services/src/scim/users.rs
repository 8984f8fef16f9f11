//! One user of a directory: found, made, changed, ended.

use super::answer::{self, Created, Place, Shown, expect_version};
use super::refusal::Refusal;
use super::settings::PostExisting;
use crate::Principal;
use crate::context::Context;
use crate::deed::{Deed, Done};
use crate::idp_sync;
use crate::notifications::accounts::{account_changed, account_created, account_deleted};
use crate::users::caller::{Held, with_caller, with_caller_and};
use crate::users::{access, default_organization, ended, member};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::names::{self, Email, NAME_MAX, RealName, Username};
use doorward_domain::roles::{Object, RoleNames, action, resource};
use doorward_domain::scim::{
    AccountFields, Lookup, Patch, Preconditions, Projection, ProvisionedUser, Resource, ScimError, ScimType, USER,
    UserRecord,
};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::{Repositories, StoreError};
use serde_json::Value;

/// So many random characters tell names of accounts apart that would be the same.
const SUFFIX: usize = 6;
/// So many can be meant by a name: who is called so by the directory, and who has an account of that name.
const CANDIDATES: u32 = 2;

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

/// Makes a user: a dormant account that signs in by OpenID Connect and has no password, a member of the default organization if
/// that is everybody's. If the user is there, by name or address, `scim.post_existing` says what happens: a refusal, or the
/// user that is there, who may sign in again if that is asked.
///
/// Needs a directory. Errors: `Request` (the document; `uniqueness`).
pub async fn create_user(
    ctx: &Context,
    by: &Principal,
    body: &Value,
    projection: &Projection,
) -> Result<Created, Refusal> {
    let fields = AccountFields::of(&USER.read(body)?)?;
    let email = fields.email_of_new()?;
    let (place, projection) = (Place::of(ctx, by), projection.clone());
    ctx.act(by, move |deed| {
        let done: Result<Done<(ProvisionedUser, bool)>, Refusal> = with_caller(deed, |deed, actor| {
            Ok(match find_existing(deed.repos, place.directory, &fields, &email) {
                Err(error) => Err(error.into()),
                Ok(Some(_)) if place.settings.scim.post_existing == PostExisting::Conflict => {
                    let detail = "A user with this userName or mail address already exists.";
                    Err(ScimError::new(ScimType::Uniqueness, detail).into())
                }
                Ok(Some(id)) => adopt(deed, actor, &place, id, &fields).map(|done| done.map(|user| (user, false))),
                Ok(None) => insert(deed, actor, &place, &fields, email).map(|done| done.map(|user| (user, true))),
            })
        })?;
        let created = done?
            .map(|(user, is_new)| shown(deed.repos, &place, &user, &projection).map(|shown| Created { shown, is_new }));
        created.transpose()
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

/// What of a user was asked for.
fn shown(
    repos: &mut dyn Repositories,
    place: &Place,
    user: &ProvisionedUser,
    projection: &Projection,
) -> Result<Shown, Refusal> {
    let groups = if projection.shows("groups") {
        repos.scim().list_user_groups(place.directory, &[user.account.id])?
    } else {
        Vec::new()
    };
    Ok(answer::user(place, user, &groups, projection))
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

/// The user that is meant by this name or this address, if there is one.
fn find_existing(
    repos: &mut dyn Repositories,
    directory: Option<OrganizationId>,
    fields: &AccountFields,
    email: &Email,
) -> Result<Option<UserId>, StoreError> {
    let name = names::key(&fields.user_name);
    let lookup = Lookup { user_names: vec![name.clone()], ..Lookup::default() };
    let candidates = repos.scim().find_users(directory, &lookup, CANDIDATES)?;
    if let Some(named) = candidates.iter().find(|user| names::key(user.user_name()) == name) {
        return Ok(Some(named.account.id));
    }
    // Of an address that several have, the account's own counts.
    let Some(owner) = repos.users().find_by_email(email.as_str())? else { return Ok(None) };
    Ok(repos.scim().find_user(directory, owner.id)?.map(|user| user.account.id))
}

/// A user that was there before. What the directory says is stored if it has not said anything yet.
fn adopt(
    deed: &mut Deed<'_>,
    actor: &Held,
    place: &Place,
    id: UserId,
    fields: &AccountFields,
) -> Result<Done<ProvisionedUser>, Refusal> {
    deed.repos.users().find_for_update(id)?;
    let old = deed.repos.scim().find_user(place.directory, id)?.ok_or(Refusal::not_found(&USER))?;
    let is_woken = fields.active == Some(true) && old.account.status == UserStatus::Suspended;
    let status = if is_woken { UserStatus::Dormant } else { old.account.status };
    let record = old.record.clone().unwrap_or_else(|| recorded(fields, None, deed.now));
    let account = User { status, ..old.account.clone() };
    store(deed, actor, place, &old, ProvisionedUser { account, record: Some(record) })
}

/// A user that was not there before.
fn insert(
    deed: &mut Deed<'_>,
    actor: &Held,
    place: &Place,
    fields: &AccountFields,
    email: Email,
) -> Result<Done<ProvisionedUser>, Refusal> {
    let permit = access::permit::<action::Create, resource::User>(actor, &Object::of::<resource::User>())?;
    let id: UserId = deed.new_id();
    let username = free_username(deed, &fields.user_name, Some(&email), id)?;
    let account = User {
        id,
        email: Some(email),
        username,
        name: fields.name.clone().unwrap_or_default(),
        avatar_url: String::new(),
        password_hash: None,
        status: fields.status_after(UserStatus::Dormant),
        login_type: LoginType::Oidc,
        roles: RoleNames::default(),
        created_at: deed.now,
        updated_at: deed.now,
        last_seen_at: None,
        deleted: false,
        is_system: false,
        theme_preference: String::new(),
        terminal_font: String::new(),
    };
    deed.repos.users().insert(&permit, &account)?;
    if let Some(organization) = home(deed.repos, place)? {
        let permit = access::add_member(actor, organization)?;
        deed.repos.organizations().insert_members(&[(permit, member(organization, id, deed.now))])?;
    }
    let record = recorded(fields, None, deed.now);
    let permit = access::permit::<action::Update, resource::User>(actor, &access::user(id))?;
    deed.repos.scim().store_user(&permit, place.directory, id, &record)?;
    let user = ProvisionedUser { account, record: Some(record) };
    account_created(deed, &user.account);
    Ok(deed.made(&user)?.answer(user))
}

/// Where a new user belongs.
fn home(repos: &mut dyn Repositories, place: &Place) -> Result<Option<OrganizationId>, StoreError> {
    if place.directory.is_some() {
        return Ok(place.directory);
    }
    let sync = idp_sync::current_organization_sync(repos, &place.settings.idp_sync)?;
    if sync.assign_default { Ok(Some(default_organization(repos)?.id)) } else { Ok(None) }
}

/// An organization does not decide about those to whom the deployment or another organization has given roles: who takes over their
/// address could sign in as them. The user is locked, so that nobody gives them roles meanwhile.
fn refuse_powerful(repos: &mut dyn Repositories, place: &Place, account: &User) -> Result<(), Refusal> {
    let Some(own) = place.directory else { return Ok(()) };
    let whose = if !account.roles.is_empty() {
        "the whole deployment"
    } else if has_roles_elsewhere(repos, own, account.id)? {
        "another organization"
    } else {
        return Ok(());
    };
    Err(Refusal::Conflict(format!("The user has roles of {whose}, and is not the organization's to change.")))
}

fn has_roles_elsewhere(repos: &mut dyn Repositories, own: OrganizationId, user: UserId) -> Result<bool, StoreError> {
    let memberships = repos.organizations().list_memberships(user)?;
    Ok(memberships.iter().any(|place| place.organization_id != own && !place.roles.is_empty()))
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
    let fields = AccountFields::of(&edit(&before.resource)?)?;
    let is_renamed = names::key(&fields.user_name) != names::key(old.user_name());
    if is_renamed && !place.settings.scim.user_name_changes {
        let detail = "`userName` cannot be changed; the setting `scim.user_name_changes` of the server would allow it";
        return Err(ScimError::new(ScimType::Mutability, detail).into());
    }
    let username = if is_renamed {
        free_username(deed, &fields.user_name, fields.email.as_ref(), id)?
    } else {
        old.account.username.clone()
    };
    let account = User {
        username,
        email: fields.email.clone().or_else(|| old.account.email.clone()),
        name: fields.name.clone().unwrap_or_else(|| old.account.name.clone()),
        status: fields.status_after(old.account.status),
        ..old.account.clone()
    };
    let record = recorded(&fields, old.record.as_ref(), deed.now);
    store(deed, actor, place, &old, ProvisionedUser { account, record: Some(record) })
}

/// What is stored of what a directory says.
fn recorded(fields: &AccountFields, old: Option<&UserRecord>, now: doorward_domain::Instant) -> UserRecord {
    UserRecord {
        user_name: fields.user_name.clone(),
        external_id: fields.external_id.clone(),
        attributes: fields.attributes.clone(),
        created_at: old.map_or(now, |old| old.created_at),
        updated_at: now,
    }
}

/// Writes what is different of a user, whose row is locked.
fn store(
    deed: &mut Deed<'_>,
    actor: &Held,
    place: &Place,
    old: &ProvisionedUser,
    mut new: ProvisionedUser,
) -> Result<Done<ProvisionedUser>, Refusal> {
    let (id, now) = (old.account.id, deed.now);
    let is_same = |old: &Option<UserRecord>, new: &Option<UserRecord>| match (old, new) {
        (Some(old), Some(new)) => UserRecord { updated_at: old.updated_at, ..new.clone() } == *old,
        (old, new) => old == new,
    };
    let is_record_same = is_same(&old.record, &new.record);
    if old.account == new.account && (is_record_same || (old.record.is_none() && new.resource() == old.resource())) {
        return Ok(deed.unrecorded("nothing changed", old.clone()));
    }
    refuse_powerful(deed.repos, place, &old.account)?;
    let gone = || Refusal::not_found(&USER);
    let personal = access::permit::<action::UpdatePersonal, resource::User>(actor, &access::user(id))?;
    let permit = access::permit::<action::Update, resource::User>(actor, &access::user(id))?;
    if old.account != new.account {
        new.account.updated_at = now;
    }
    let User { status, username, name, email, avatar_url, .. } = &new.account;
    // The user is locked already, so the last owner is looked for under the same lock.
    if *status != old.account.status && !deed.repos.users().update_status(&permit, id, *status, now)? {
        return Err(gone());
    }
    if (username, name) != (&old.account.username, &old.account.name) {
        update_names(deed.repos, &personal, id, username, name, now)?;
    }
    if let Some(email) = email.as_ref().filter(|email| old.account.email.as_ref() != Some(email))
        && !deed.repos.users().update_contact(&personal, id, email, name, avatar_url, now)?
    {
        return Err(gone());
    }
    if let Some(record) = new.record.as_ref().filter(|_| !is_record_same) {
        deed.repos.scim().store_user(&permit, place.directory, id, record)?;
    }
    account_changed(deed, &old.account, &new.account);
    Ok(deed.changed(old, &new)?.answer(new))
}

fn update_names(
    repos: &mut dyn Repositories,
    permit: &doorward_domain::roles::Permit<action::UpdatePersonal, resource::User>,
    id: UserId,
    username: &Username,
    name: &RealName,
    now: doorward_domain::Instant,
) -> Result<(), Refusal> {
    if repos.users().update_profile(permit, id, username, name, now)? { Ok(()) } else { Err(Refusal::not_found(&USER)) }
}

/// The name of the account of a user: what the directory calls the user, made valid (`identity.md` 1.7), with some random
/// characters if somebody else has that name or nothing is left of it.
fn free_username(
    deed: &mut Deed<'_>,
    user_name: &str,
    email: Option<&Email>,
    me: UserId,
) -> Result<Username, StoreError> {
    let suggested = Username::suggested_by(user_name);
    let suggested = suggested.or_else(|| Username::suggested_by(email?.as_str()));
    if let Some(name) = &suggested {
        let owner = deed.repos.users().find_by_username(name.as_str())?;
        if owner.is_none_or(|owner| owner.id == me) {
            return Ok(name.clone());
        }
    }
    let stem = suggested.as_ref().map_or("user", |name| name.as_str());
    let stem: String = stem.chars().take(NAME_MAX - SUFFIX - 1).collect();
    let suffix = deed.random().alphanumeric(SUFFIX).expose().to_lowercase();
    format!("{}-{suffix}", stem.trim_end_matches('-')).parse().map_err(StoreError::other)
}
