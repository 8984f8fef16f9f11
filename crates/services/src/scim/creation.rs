//! A user of a directory is made, or found to be there.

use super::account::{free_username, namesake, recorded, shown, store, suggested_username};
use super::answer::{self, Created, Place};
use super::refusal::Refusal;
use super::settings::PostExisting;
use crate::Principal;
use crate::context::Context;
use crate::deed::{Deed, Done};
use crate::idp_sync;
use crate::notifications::accounts::account_created;
use crate::users::caller::{Held, with_caller};
use crate::users::{access, member};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::names::Email;
use doorward_domain::roles::{Object, RoleNames, action, resource};
use doorward_domain::scim::{AccountFields, Projection, ProvisionedUser, ScimError, ScimType, USER};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::{Repositories, StoreError};
use serde_json::Value;

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
    let place = Place::of(ctx, by);
    let mut tries = 1;
    loop {
        match create_once(ctx, by, (&fields, &email), &place, projection, tries > 1).await {
            Ok(created) => return Ok(created),
            Err(Unmade::Overtaken(_)) if tries < TRIES => tries += 1,
            Err(Unmade::Overtaken(refusal) | Unmade::Refused(refusal)) => return Err(refusal),
        }
    }
}

/// How often it is tried: at first without looking who is there, for most are new, and each look is a trip to the database; then by
/// looking, and again when somebody else has made the user since.
const TRIES: u32 = 4;

/// Why a user was not made.
enum Unmade {
    /// Somebody has the name or the address of whom nothing was known.
    Overtaken(Refusal),
    /// For any other reason.
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for Unmade {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl Unmade {
    /// Why a user was not inserted who was thought to be new.
    fn inserting(refusal: Refusal) -> Self {
        let is_taken = matches!(&refusal, Refusal::Request(error) if error.kind == ScimType::Uniqueness);
        if is_taken { Self::Overtaken(refusal) } else { Self::Refused(refusal) }
    }
}

async fn create_once(
    ctx: &Context,
    by: &Principal,
    (fields, email): (&AccountFields, &Email),
    place: &Place,
    projection: &Projection,
    looks: bool,
) -> Result<Created, Unmade> {
    let (fields, email, place, projection) = (fields.clone(), email.clone(), place.clone(), projection.clone());
    ctx.act(by, move |deed| {
        let done: Result<Done<(ProvisionedUser, bool)>, Unmade> = with_caller(deed, |deed, actor| {
            let existing = if looks { find_existing(deed.repos, place.directory, &fields, &email) } else { Ok(None) };
            Ok(match existing {
                Err(error) => Err(error.into()),
                Ok(Some(_)) if place.settings.scim.post_existing == PostExisting::Conflict => {
                    let detail = "A user with this userName or mail address already exists.";
                    Err(ScimError::new(ScimType::Uniqueness, detail).into())
                }
                Ok(Some(id)) => {
                    let adopted = adopt(deed, actor, &place, id, &fields).map_err(Unmade::from);
                    adopted.map(|done| done.map(|user| (user, false)))
                }
                Ok(None) => {
                    let made = insert(deed, actor, &place, &fields, email, looks).map_err(Unmade::inserting);
                    made.map(|done| done.map(|user| (user, true)))
                }
            })
        })?;
        let created = done?.map(|(user, is_new)| {
            // Who is new is in no group.
            let shown = if is_new {
                answer::user(&place, &user, &[], &projection)
            } else {
                shown(deed.repos, &place, &user, &projection)?
            };
            Ok::<_, Refusal>(Created { shown, is_new })
        });
        Ok(created.transpose()?)
    })
    .await
}

/// The user that is meant by this name or this address, if there is one.
fn find_existing(
    repos: &mut dyn Repositories,
    directory: Option<OrganizationId>,
    fields: &AccountFields,
    email: &Email,
) -> Result<Option<UserId>, StoreError> {
    if let Some(named) = namesake(repos, directory, &fields.user_name, None)? {
        return Ok(Some(named));
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
    looks: bool,
) -> Result<Done<ProvisionedUser>, Refusal> {
    let permit = access::permit::<action::Create, resource::User>(actor, &Object::of::<resource::User>())?;
    // With anybody here nobody could become the first owner any more.
    if !deed.has_users()? {
        let message = "This server has not been set up yet. Its operator makes the first user with the set-up link.";
        return Err(Refusal::Conflict(message.to_owned()));
    }
    let id: UserId = deed.new_id();
    let username = match suggested_username(&fields.user_name, Some(&email)).filter(|_| !looks) {
        Some(name) => name,
        None => free_username(deed, &fields.user_name, Some(&email), id)?,
    };
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
    if let Some(organization) = home(deed, place)? {
        let permit = access::add_member(actor, organization)?;
        deed.repos.organizations().insert_members(&[(permit, member(organization, id, deed.now))])?;
    }
    let record = recorded(fields, None, deed.now);
    let permit = access::permit::<action::Update, resource::User>(actor, &access::user(id))?;
    deed.repos.scim().insert_user(&permit, place.directory, id, &record)?;
    let user = ProvisionedUser { account, record: Some(record) };
    account_created(deed, &user.account);
    Ok(deed.made(&user)?.answer(user))
}

/// Where a new user belongs.
fn home(deed: &mut Deed<'_>, place: &Place) -> Result<Option<OrganizationId>, StoreError> {
    if place.directory.is_some() {
        return Ok(place.directory);
    }
    let sync = idp_sync::current_organization_sync(deed.repos, &place.settings.idp_sync)?;
    if sync.assign_default { Ok(Some(deed.default_organization()?)) } else { Ok(None) }
}
