//! Role assignment on the site: reading and replacing the roles of users.

use super::access;
use super::caller::{Held, with_caller_and};
use super::reference::{UserRef, UserView, resolve, resolve_live};
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::idp_sync::owned;
use crate::roles::custom_among;
use crate::sessions::in_person::InPerson;
use crate::sessions::max_lifetime;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::assign::{AssignError, AssignmentLevel, Refusals, plan, plan_or_all};
use doorward_domain::roles::{Action, Object, Permit, RoleName, RoleNames, RoleSet, System, action, resource};
use doorward_domain::users::User;
use doorward_ports::Repositories;

/// The stored roles of a user; implied ones are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRoles {
    /// The site roles.
    pub roles: RoleNames,
    /// The roles in each organization the user belongs to.
    pub organization_roles: Vec<(OrganizationId, RoleNames)>,
}

/// The roles that a user holds. Who may not read personal things of the user is told that nothing is there.
///
/// Needs `user:read` and `user:read_personal`. Errors: `UserNotFound` (missing or not readable), `NotFound` (this is not to
/// be read), `Forbidden` (only the scope is too short).
pub async fn roles(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<UserRoles, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        access::may(look.by, Action::ReadPersonal, &access::user(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        let memberships = look.repos.organizations().list_memberships(user.id)?;
        let organization_roles = memberships.into_iter().map(|m| (m.organization_id, m.roles)).collect();
        Ok(UserRoles { roles: user.roles, organization_roles })
    })
    .await
}

/// Whether the caller may change roles of a user at all, as far as that does not depend on which.
///
/// Needs `user:read`. Errors: `UserNotFound` (missing or not readable), `Invalid` (oneself), `Forbidden` (only the scope is
/// too short).
pub async fn may_change_roles(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<(), Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| resolve_other(look.repos, look.by, &reference).map(drop)).await
}

/// Replaces the site roles of a user (`identity.md` 3.3). The last active owner stays one. API tokens that live
/// longer than the new roles allow are shortened to that.
///
/// Needs `user:read`, `assign_role:assign` to give and `assign_role:unassign` to take, and a role that may give and take
/// each of them. Errors: `Refused` (an app by a grant; the service account of the app that asks), `UserNotFound` (missing or
/// not readable), `Invalid` (oneself; `roles`; a user whose roles follow a claim), `Forbidden`, `Conflict` (the last active
/// owner).
pub async fn update_roles(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    names: Vec<String>,
) -> Result<UserView, Error> {
    replace(ctx, actor, user, None, names).await
}

/// The same for somebody who was shown `shown` and chose by that. If the user holds other roles by now, nothing is done: else a
/// choice would give back what somebody else has taken meanwhile, or take what they have given.
///
/// Needs and errors: those of [`update_roles`], and `Conflict` for one who holds other roles by now.
pub async fn update_shown_roles(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    shown: Vec<String>,
    names: Vec<String>,
) -> Result<UserView, Error> {
    replace(ctx, actor, user, Some(shown.into_iter().collect()), names).await
}

async fn replace(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    shown: Option<RoleNames>,
    names: Vec<String>,
) -> Result<UserView, Error> {
    actor.not_by_grant(InPerson::GiveRoles)?;
    let (reference, settings, sync) = (user.clone(), ctx.settings.sessions, ctx.settings.idp_sync.clone());
    ctx.act(actor, move |deed| {
        let id = resolve_other(deed.repos, deed.by, &reference)?.id;
        deed.by.not_for_own_account(deed.repos, [id])?;
        with_caller_and(deed, id, |deed, actor, user| {
            if shown.is_some_and(|shown| shown != user.roles) {
                let message =
                    format!("The roles of {} have been changed meanwhile, so nothing was done.", user.username);
                return Err(Error::conflict(message));
            }
            // `member` is implied, but who grants it explicitly sees it listed.
            let roles: RoleNames = names.into_iter().collect();
            let permit = authorize_change(deed.repos, actor, &user.roles, &roles)?;
            owned::refuse_site_roles(&sync, &user)?;
            if !deed.repos.users().update_roles(&permit, id, &roles, deed.now)? {
                return Err(Error::UserNotFound);
            }
            let changed = User { roles, updated_at: deed.now, ..user.clone() };
            let longest = max_lifetime(settings, &changed);
            if longest < max_lifetime(settings, &user) {
                let permit = System::because("no token lives longer than the roles of its user allow").permit();
                deed.repos.api_keys().shorten_tokens(&permit, id, longest, deed.now)?;
            }
            let recorded = deed.changed(&user, &changed)?;
            Ok(recorded.answer(UserView::load(changed, deed.repos)?))
        })
    })
    .await
}

/// The user that `reference` names, who must not be the caller.
fn resolve_other(repos: &mut dyn Repositories, actor: &Principal, reference: &UserRef) -> Result<User, Error> {
    let user = resolve_live(repos, actor, reference)?;
    if actor.is(user.id) {
        return Err(Error::invalid("You cannot change your own roles."));
    }
    access::may(actor, Action::Read, &access::user(user.id))?;
    Ok(user)
}

/// Asks whether the caller may make this of the roles of a user. The proof says so.
pub(super) fn authorize_change(
    repos: &mut dyn Repositories,
    actor: &Held,
    current: &RoleNames,
    wanted: &RoleNames,
) -> Result<Permit<action::Assign, resource::AssignRole>, Error> {
    let (current, wanted): (Vec<RoleName>, Vec<RoleName>) = (current.on_site().collect(), wanted.on_site().collect());
    let custom = custom_among(repos, current.iter().chain(&wanted))?;
    let change = plan_or_all(&actor.subject, AssignmentLevel::Site, &current, &wanted, &RoleSet::new().custom(&custom))
        .map_err(refuse_assignment)?;
    if change.added().is_empty() {
        return Ok(System::because("the plan allows the caller to take these roles").permit());
    }
    Ok(access::permit(actor, &Object::of::<resource::AssignRole>())?)
}

/// What a refused change of roles means to the one who asked for it. A single reason is the message too.
pub(crate) fn refuse_assignment(refusals: Refusals) -> Error {
    refuse_assignment_of("roles", refusals)
}

/// The same, of roles that this field names.
pub(crate) fn refuse_assignment_of(field: &'static str, Refusals { first, others }: Refusals) -> Error {
    match first {
        AssignError::Denied(denied) => Error::Forbidden(denied),
        AssignError::WrongLevel(_) | AssignError::Unknown(_) | AssignError::NotAuthorized(_) => {
            let message = if others.is_empty() { first.to_string() } else { VALIDATION_FAILED.to_owned() };
            let reasons = std::iter::once(first).chain(others);
            Error::invalid_fields(message, reasons.map(|reason| FieldError::new(field, reason.to_string())).collect())
        }
    }
}

/// Asks whether the caller may give a new user or member the role that is implied there.
pub(crate) fn may_make_member(actor: &Principal, level: AssignmentLevel) -> Result<(), Error> {
    match plan(&actor.subject, level, &[], &[], &RoleSet::new()) {
        Ok(_change) => Ok(()),
        Err(AssignError::Denied(denied)) => Err(Error::Forbidden(denied)),
        Err(error) => Err(Error::Refused(error.to_string())),
    }
}

/// Built-in site roles by name, each once; any other name is refused.
pub(super) fn check_site_roles(names: Vec<String>) -> Result<RoleNames, Error> {
    let names: RoleNames = names.into_iter().collect();
    let unknown = names.on_site().filter(|name| !name.is_built_in());
    Refusals::of(unknown.map(AssignError::Unknown)).map_or(Ok(()), |refusals| Err(refuse_assignment(refusals)))?;
    Ok(names)
}
