//! The account of a user of a directory: what is written of it, and what of it is shown.

use super::answer::{self, Place, Shown};
use super::refusal::Refusal;
use crate::deed::{Deed, Done};
use crate::notifications::accounts::account_changed;
use crate::users::access;
use crate::users::caller::Held;
use doorward_domain::Instant;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::names::{self, Email, NAME_MAX, RealName, Username};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::scim::{AccountFields, Lookup, Projection, ProvisionedUser, USER, UserRecord};
use doorward_domain::users::User;
use doorward_ports::{Repositories, StoreError};

/// So many can be meant by a name: who is called so by the directory, and who has an account of that name.
const CANDIDATES: u32 = 2;
/// So many random characters tell names of accounts apart that would be the same.
const SUFFIX: usize = 6;

/// What of a user was asked for.
pub(super) fn shown(
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

/// An organization does not decide about those to whom the deployment or another organization has given roles: who takes over their
/// address could sign in as them. The user is locked, so that nobody gives them roles meanwhile.
pub(super) fn refuse_powerful(repos: &mut dyn Repositories, place: &Place, account: &User) -> Result<(), Refusal> {
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

/// What is stored of what a directory says.
pub(super) fn recorded(fields: &AccountFields, old: Option<&UserRecord>, now: Instant) -> UserRecord {
    UserRecord {
        user_name: fields.user_name.clone(),
        external_id: fields.external_id.clone(),
        attributes: fields.attributes.clone(),
        created_at: old.map_or(now, |old| old.created_at),
        updated_at: now,
    }
}

/// Writes what is different of a user, whose row is locked.
pub(super) fn store(
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
    permit: &Permit<action::UpdatePersonal, resource::User>,
    id: UserId,
    username: &Username,
    name: &RealName,
    now: Instant,
) -> Result<(), Refusal> {
    if repos.users().update_profile(permit, id, username, name, now)? { Ok(()) } else { Err(Refusal::not_found(&USER)) }
}

/// Whom the directory knows by this name, if it is somebody else than this one.
pub(super) fn namesake(
    repos: &mut dyn Repositories,
    directory: Option<OrganizationId>,
    user_name: &str,
    me: Option<UserId>,
) -> Result<Option<UserId>, StoreError> {
    let key = names::key(user_name);
    let lookup = Lookup { user_names: vec![key.clone()], ..Lookup::default() };
    let candidates = repos.scim().find_users(directory, &lookup, CANDIDATES)?;
    let is_named = |user: &&ProvisionedUser| Some(user.account.id) != me && names::key(user.user_name()) == key;
    Ok(candidates.iter().find(is_named).map(|user| user.account.id))
}

/// How the directory calls an account that it writes to for the first time when it has given the name of the account to somebody else:
/// by the mail address, or with some random characters. Nobody's state depends on a name.
pub(super) fn other_user_name(deed: &mut Deed<'_>, place: &Place, account: &User) -> Result<String, StoreError> {
    if let Some(email) = &account.email
        && namesake(deed.repos, place.directory, email.as_str(), Some(account.id))?.is_none()
    {
        return Ok(email.as_str().to_owned());
    }
    let suffix = deed.random().alphanumeric(SUFFIX).expose().to_lowercase();
    Ok(format!("{}-{suffix}", account.username))
}

/// What the directory calls the user, made valid (`identity.md` 1.7).
pub(super) fn suggested_username(user_name: &str, email: Option<&Email>) -> Option<Username> {
    Username::suggested_by(user_name).or_else(|| Username::suggested_by(email?.as_str()))
}

/// The name of the account of a user: what the directory calls the user, made valid (`identity.md` 1.7), with some random
/// characters if somebody else has that name or nothing is left of it.
pub(super) fn free_username(
    deed: &mut Deed<'_>,
    user_name: &str,
    email: Option<&Email>,
    me: UserId,
) -> Result<Username, StoreError> {
    let suggested = suggested_username(user_name, email);
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
