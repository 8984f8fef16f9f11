//! Account creation: the first user (bootstrap), further users, and service accounts.

use super::access;
use super::caller::{Held, with_caller};
use super::fields::{Fields, strong_password, trimmed};
use super::identity::{Identity, blank_user, person};
use super::reference::UserView;
use super::roles::{authorize_change, check_site_roles, may_make_member};
use crate::Principal;
use crate::context::Context;
use crate::deed::{Deed, Done};
use crate::error::{Error, FieldError};
use crate::notifications::accounts::account_created;
use crate::origin::Origin;
use crate::sessions::in_person::InPerson;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::names::{RealName, Username};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::assign::AssignmentLevel;
use doorward_domain::roles::{Action, OWNER, Object, Permit, RoleNames, System, action, resource};
use doorward_domain::users::{LoginType, PasswordHash, User, UserStatus};
use doorward_domain::wire::SETUP_TOKEN_HEADER;
use doorward_domain::{Instant, Secret};
use doorward_ports::{Repositories, StoreError};
use std::collections::HashSet;
use std::sync::Arc;

/// What is asked for the first user.
#[derive(Clone, Debug)]
pub struct CreateFirstUser {
    /// Mail address.
    pub email: String,
    /// User name.
    pub username: String,
    /// Real name, may be empty.
    pub name: String,
    /// Password.
    pub password: Secret<String>,
    /// Why whoever asks may set the server up.
    pub proof: SetupProof,
}

/// Why somebody may set the server up. A database without users is not open to whoever comes first.
#[derive(Clone, Debug)]
pub enum SetupProof {
    /// Whoever asks is at the machine: its settings say so, or its loopback address.
    Local,
    /// Whoever asks knows the one-time token of the set-up link. Nothing, or a wrong one, is no proof.
    Token(Option<Secret<String>>),
}

/// Purpose of the keyed text that is the set-up token.
const SETUP: &str = "set-up";
/// To how many organizations a user can be added at once.
const ORGANIZATIONS_MAX: usize = 1000;

/// The token of the set-up link: the same on every replica, and worth nothing once there is a user. Whoever has it may set the
/// server up, so it is for the operator only.
#[must_use]
pub fn setup_token(ctx: &Context) -> Secret<String> {
    ctx.keys.ring().forms().text(SETUP, &[], ctx.clock.now())
}

/// Whether this lets somebody set the server up, as long as there are no users. Anyone may ask.
#[must_use]
pub fn may_set_up(ctx: &Context, proof: &SetupProof) -> bool {
    match proof {
        SetupProof::Local => true,
        SetupProof::Token(token) => {
            let (keys, now) = (ctx.keys.ring(), ctx.clock.now());
            token.as_ref().is_some_and(|token| keys.forms().is_text(SETUP, &[], token.expose(), now))
        }
    }
}

/// The first user, and where it is a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstUser {
    /// The user.
    pub user_id: UserId,
    /// The default organization.
    pub organization_id: OrganizationId,
}

/// What is asked for a further user (`identity.md` 3.2).
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Mail address.
    pub email: String,
    /// User name.
    pub username: String,
    /// Real name, may be empty.
    pub name: String,
    /// Password; empty for users who sign in otherwise.
    pub password: Secret<String>,
    /// How the user signs in, as it was sent; empty means with a password.
    pub login_type: String,
    /// State at first, as it was sent; empty means dormant.
    pub status: String,
    /// Where the user becomes a member; the nil id means the default organization.
    pub organization_ids: Vec<OrganizationId>,
    /// Names of the site roles.
    pub roles: Vec<String>,
    /// Whether this is an account for a program: active at once, without address and password.
    pub service_account: bool,
}

/// Whether the server has been set up, that is, has a first user. Anyone may ask.
///
/// Needs nothing. Errors: none of its own.
pub async fn first_exists(ctx: &Context) -> Result<bool, Error> {
    ctx.read(|repos| Ok(repos.users().any_exists()?)).await
}

/// Sets the server up: creates an active owner in the default organization. Whoever proves to be the operator may, but
/// only once; of two who try at once, one wins.
///
/// Needs a [`SetupProof`]. Errors: `Refused` (no proof), `Conflict` (there is a user already), `Invalid` (`email`,
/// `username`, `password`, `name`).
pub async fn create_first(ctx: &Context, command: CreateFirstUser, origin: &Arc<Origin>) -> Result<FirstUser, Error> {
    if !may_set_up(ctx, &command.proof) {
        if first_exists(ctx).await? {
            return Err(super::first_exists_already());
        }
        return Err(Error::Refused(format!(
            "The first user is made with the one-time token of the set-up link, which the server prints when it starts: \
             send it in the header {SETUP_TOKEN_HEADER}, or as the query parameter `token`."
        )));
    }
    let (mut fields, identity) = person(&command.email, &command.username, &command.password, &command.name);
    if fields.is_empty() && first_exists(ctx).await? {
        return Err(super::first_exists_already());
    }
    fields.keep(strong_password(&command.password))?;
    let identity = fields.done_with(identity)?;
    let hash = ctx.hash_password(command.password).await?;

    let caller = Principal::anonymous(Arc::clone(origin));
    ctx.act(&caller, move |deed| {
        let (id, now) = (deed.new_id(), deed.now);
        let user =
            User { password_hash: Some(hash), roles: [OWNER].into_iter().collect(), ..blank_user(id, identity, now) };
        let organization = default_organization(deed.repos)?;
        let because = System::because("the first user sets the server up");
        deed.repos.users().insert_first(&because.permit(), &user)?;
        deed.repos.organizations().insert_member(&because.permit(), &member(organization.id, id, now))?;
        let recorded = deed.entry().of_user(Some(id)).made(&user)?;
        Ok(recorded.answer(FirstUser { user_id: id, organization_id: organization.id }))
    })
    .await
}

/// Creates a user in one or more organizations.
///
/// Needs `assign_role:assign` and `user:create`, in each organization `organization:read`, `assign_org_role:assign` and
/// `organization_member:create`, and roles that may give the implied ones and each of `roles`. Errors: `Invalid` (`email`,
/// `username`, `name`, `password`, `login_type`, `user_status`, `organization_ids`, `roles`), `Conflict` (`email`,
/// `username`), `OrganizationNotFound` and `NoSuch` (one or several organizations are missing or not readable), `NotFound`
/// (an organization is deleted at this moment), `Forbidden`, `Refused` (passwords are switched off; an app by a grant that
/// sets a password or gives roles; the implied roles are not the caller's to give).
pub async fn create(ctx: &Context, actor: &Principal, command: CreateUser) -> Result<UserView, Error> {
    let (mut fields, identity) = identity(&command);
    let login_type = match command.login_type.as_str() {
        "" if command.service_account => LoginType::None.as_str(),
        "" => LoginType::Password.as_str(),
        given => given,
    };
    let with_password = login_type == LoginType::Password.as_str();
    if command.service_account {
        // What is wrong with those is told already.
    } else if !with_password {
        fields.keep(no_password(login_type, &command.password))?;
    } else if !ctx.settings.sessions.password_login {
        fields.done()?;
        return Err(Error::Refused("Password based authentication is disabled.".to_owned()));
    }
    fields.keep(some_organization(&command.organization_ids))?;
    let status = fields.keep(parse_status(&command.status))?.unwrap_or(UserStatus::Dormant);
    let status = if command.service_account { UserStatus::Active } else { status };
    let roles = fields.keep(check_site_roles(command.roles))?.unwrap_or_default();
    // Alone, what follows is told after what is taken or cannot be found.
    let organizations = match &identity {
        Some(identity) if fields.is_empty() => {
            find_places(ctx, actor, identity.clone(), command.organization_ids).await?
        }
        _ => Vec::new(),
    };
    let login_type =
        fields.keep(parse_login_type(login_type, !ctx.settings.oidc.providers.is_empty()))?.unwrap_or(LoginType::None);
    if with_password {
        fields.keep(strong_password(&command.password))?;
    }
    let identity = fields.done_with(identity)?;
    if with_password {
        actor.not_by_grant(InPerson::SetPassword)?;
    }
    if !roles.is_empty() {
        actor.not_by_grant(InPerson::GiveRoles)?;
    }
    may_create(actor, &organizations)?;
    let password_hash =
        if login_type == LoginType::Password { Some(ctx.hash_password(command.password).await?) } else { None };

    ctx.act(actor, move |deed| {
        with_caller(deed, |deed, actor| {
            may_create(actor, &organizations)?;
            if !roles.is_empty() {
                authorize_change(deed.repos, actor, &RoleNames::default(), &roles).map(drop)?;
            }
            let user =
                User { password_hash, status, login_type, roles, ..blank_user(deed.new_id(), identity, deed.now) };
            let permit = access::permit::<action::Create, resource::User>(actor, &Object::of::<resource::User>())?;
            let places = organizations.into_iter().map(|id| Ok((id, access::add_member(actor, id)?)));
            insert(deed, &permit, user, places.collect::<Result<Vec<_>, Error>>()?)
        })
    })
    .await
}

/// Whether the caller may make a user who belongs to these organizations.
fn may_create(actor: &Principal, organizations: &[OrganizationId]) -> Result<(), Error> {
    may_make_member(actor, AssignmentLevel::Site)?;
    access::may(actor, Action::Create, &Object::of::<resource::User>())?;
    for id in organizations {
        may_make_member(actor, AssignmentLevel::Organization(id.0))?;
        access::may(actor, Action::Create, &access::members_to_be(*id))?;
    }
    Ok(())
}

/// Address and names. A service account has no address, no password, and no way to sign in.
fn identity(command: &CreateUser) -> (Fields, Option<Identity>) {
    let mut fields = Fields::default();
    let email = trimmed(&command.email);
    let email = if command.service_account {
        let no_login = matches!(command.login_type.as_str(), "" | "none");
        fields = fields
            .that("email", email.is_empty(), "must be empty for a service account")
            .that("password", command.password.expose().is_empty(), "must be empty for a service account")
            .that("login_type", no_login, "must be `none` for a service account");
        Some(None)
    } else {
        fields.email("email", email).map(Some)
    };
    let identity =
        email.zip(fields.username("username", &command.username)).zip(fields.real_name("name", &command.name));
    (fields, identity.map(|((email, username), name)| Identity { email, username, name }))
}

/// Adds an active user of login type `none` to the default organization: the account as which an app acts. For use
/// inside the transaction that creates the app. The caller must be allowed to make users and members there.
pub(crate) fn insert_service_account(
    deed: &mut Deed<'_>,
    actor: &Held,
    username: Username,
    name: RealName,
) -> Result<User, Error> {
    let organization = default_organization(deed.repos)?;
    let user_permit = access::permit::<action::Create, resource::User>(actor, &Object::of::<resource::User>())?;
    let member_permit = access::add_member(actor, organization.id)?;
    let identity = Identity { email: None, username, name };
    let user = User { login_type: LoginType::None, ..blank_user(deed.new_id(), identity, deed.now) };
    deed.repos.users().insert(&user_permit, &user)?;
    deed.repos.organizations().insert_member(&member_permit, &member(organization.id, user.id, deed.now))?;
    let _receipt = deed.made(&user)?;
    Ok(user)
}

/// Adds a user with memberships and the audit record.
pub(super) fn insert(
    deed: &mut Deed<'_>,
    permit: &Permit<action::Create, resource::User>,
    user: User,
    places: Vec<(OrganizationId, Permit<action::Create, resource::OrganizationMember>)>,
) -> Result<Done<UserView>, Error> {
    deed.repos.users().insert(permit, &user)?;
    let organization_ids = places.iter().map(|(id, _)| *id).collect();
    let membership = |(organization, permit)| (permit, member(organization, user.id, deed.now));
    let members: Vec<_> = places.into_iter().map(membership).collect();
    deed.repos.organizations().insert_members(&members)?;
    account_created(deed, &user);
    let recorded = deed.made(&user)?;
    Ok(recorded.answer(UserView { organization_ids, ..UserView::alone(user) }))
}

/// The organization of those for whom none is named.
pub(crate) fn default_organization(repos: &mut dyn Repositories) -> Result<Organization, StoreError> {
    repos.organizations().find_default()?.ok_or_else(|| StoreError::other("there is no default organization"))
}

/// A membership without roles.
pub(crate) fn member(organization_id: OrganizationId, user_id: UserId, now: Instant) -> Membership {
    Membership { organization_id, user_id, roles: RoleNames::default(), created_at: now, updated_at: now }
}

/// Checks that name and address are free, then finds the organizations: each must exist and be readable. Of both, all that
/// is wrong is told.
async fn find_places(
    ctx: &Context,
    actor: &Principal,
    identity: Identity,
    asked: Vec<OrganizationId>,
) -> Result<Vec<OrganizationId>, Error> {
    ctx.look(actor, move |look| {
        let mut taken = Vec::new();
        if let Some(email) = &identity.email
            && look.repos.users().find_by_email(email.as_str())?.is_some()
        {
            taken.push("email");
        }
        if look.repos.users().find_by_username(identity.username.as_str())?.is_some() {
            taken.push("username");
        }
        if !taken.is_empty() {
            return Err(super::taken(taken));
        }
        let (mut places, mut unknown) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        let asked: Vec<OrganizationId> = asked.into_iter().filter(|id| seen.insert(*id)).collect();
        let known = look.repos.organizations().list_by_id(&asked)?;
        let known: HashSet<OrganizationId> = known.into_iter().map(|organization| organization.id).collect();
        let default =
            if seen.contains(&OrganizationId::NIL) { look.repos.organizations().find_default()? } else { None };
        let default = default.map(|organization| organization.id);
        let mut joined = HashSet::new();
        for id in asked {
            let found = if id == OrganizationId::NIL { default } else { known.get(&id).copied() };
            let Some(place) = found else {
                unknown.push(id);
                continue;
            };
            match access::may(look.by, Action::Read, &access::organization(place)) {
                Ok(()) if joined.insert(place) => places.push(place),
                Ok(()) => {}
                Err(denied) if denied.missing_scope().is_some() => return Err(Error::Forbidden(denied)),
                Err(_unreadable) => unknown.push(id),
            }
        }
        match unknown.as_slice() {
            [] => Ok(places),
            [one] => Err(Error::OrganizationNotFound(one.to_string())),
            several => {
                let named = several.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
                Err(Error::NoSuch(format!("Organizations {named} not found.")))
            }
        }
    })
    .await
}

/// Who signs in otherwise has no password.
fn no_password(login_type: &str, password: &Secret<String>) -> Result<(), Error> {
    if password.expose().is_empty() {
        return Ok(());
    }
    let message = format!("Password cannot be set for login type \"{login_type}\".");
    Err(Error::invalid_fields(message, vec![FieldError::new("password", "must be empty")]))
}

fn some_organization(asked: &[OrganizationId]) -> Result<(), Error> {
    if asked.is_empty() {
        return Err(Error::invalid_fields(
            "No organization specified to place the user as a member of. It is required to specify at least one \
             organization id to place the user in.",
            vec![FieldError::new("organization_ids", "required")],
        ));
    }
    if asked.len() > ORGANIZATIONS_MAX {
        return Err(Error::invalid_field(
            "organization_ids",
            format!("must name at most {ORGANIZATIONS_MAX} organizations"),
        ));
    }
    Ok(())
}

fn parse_login_type(text: &str, oidc: bool) -> Result<LoginType, Error> {
    match text.parse() {
        Ok(kind @ (LoginType::Password | LoginType::None | LoginType::Github)) => Ok(kind),
        Ok(LoginType::Oidc) if oidc => Ok(LoginType::Oidc),
        Ok(LoginType::Oidc) => {
            let message = "You must configure OIDC before you can create users with the OIDC login type.";
            Err(Error::invalid_fields(message, vec![FieldError::new("login_type", "is not configured")]))
        }
        Ok(LoginType::Token | LoginType::Oauth2ProviderApp) | Err(_) => {
            let message = format!("Unsupported login type \"{text}\" for manually creating new users.");
            Err(Error::invalid_fields(message, vec![FieldError::new("login_type", "is not supported")]))
        }
    }
}

fn parse_status(text: &str) -> Result<UserStatus, Error> {
    if text.is_empty() {
        return Ok(UserStatus::Dormant);
    }
    text.parse().map_err(|unknown: doorward_domain::users::UnknownValueError| {
        Error::invalid_field("user_status", unknown.to_string())
    })
}

impl Context {
    /// Hashes a password, off the async threads. To be called outside the store's closures.
    pub(crate) async fn hash_password(&self, password: Secret<String>) -> Result<PasswordHash, Error> {
        self.passwords.hash(password).await.map_err(Error::overloaded)
    }

    /// Whether this is the password; `None` is nobody's.
    pub(crate) async fn verify_password(
        &self,
        password: Secret<String>,
        hash: Option<PasswordHash>,
    ) -> Result<bool, Error> {
        self.passwords.verify(password, hash).await.map_err(Error::overloaded)
    }
}
