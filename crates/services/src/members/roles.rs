//! The roles of members.

use super::{MemberView, locate, view};
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::idp_sync::owned;
use crate::organizations::{OrganizationRef, resolve};
use crate::roles::custom_among;
use crate::sessions::in_person::InPerson;
use crate::users::caller::{Held, with_caller_and};
use crate::users::{UserRef, access, refuse_assignment};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::{Member, Membership};
use doorward_domain::roles::assign::{AssignmentLevel, RoleChange, plan_or_all};
use doorward_domain::roles::{CustomRoles, Permit, RoleName, RoleNames, RoleSet, System, action, resource};
use doorward_ports::Repositories;
use std::collections::BTreeSet;

/// Whether the caller may change roles of a member at all, as far as that does not depend on which.
///
/// Needs `organization_member:read`. Errors: `OrganizationNotFound`, `UserNotFound` and `NotFound` (missing or not
/// readable), `Invalid` (oneself), `Forbidden`.
pub async fn may_change_roles(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    user: &UserRef,
) -> Result<(), Error> {
    let (place, user) = (organization.clone(), user.clone());
    ctx.look(actor, move |look| locate_other(look.repos, look.by, &place, &user).map(drop)).await
}

/// Replaces the roles of a member (`rbac.md` 9). Names come without organization.
///
/// Needs `organization_member:read`, `assign_org_role:assign` to give and `assign_org_role:unassign` to take, and a
/// role that may give and take each of them. Errors: `Refused` (an app by a grant; the service account of the app that
/// asks), `OrganizationNotFound`, `UserNotFound` and `NotFound` (missing or not readable), `Invalid` (oneself;
/// `roles`; a user whose roles there follow a claim), `Forbidden`.
pub async fn update_roles(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    user: &UserRef,
    names: Vec<String>,
) -> Result<MemberView, Error> {
    replace(ctx, actor, (organization, user), None, names).await
}

/// The same for somebody who was shown `shown` and chose by that. If the member holds other roles there by now, nothing is done: else
/// a choice would give back what somebody else has taken meanwhile, or take what they have given.
///
/// Needs and errors: those of [`update_roles`], and `Conflict` for one who holds other roles by now.
pub async fn update_shown_roles(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    user: &UserRef,
    shown: Vec<String>,
    names: Vec<String>,
) -> Result<MemberView, Error> {
    replace(ctx, actor, (organization, user), Some(shown.into_iter().collect()), names).await
}

async fn replace(
    ctx: &Context,
    actor: &Principal,
    (organization, user): (&OrganizationRef, &UserRef),
    shown: Option<RoleNames>,
    names: Vec<String>,
) -> Result<MemberView, Error> {
    actor.not_by_grant(InPerson::GiveRoles)?;
    let (place, user) = (organization.clone(), user.clone());
    ctx.act(actor, move |deed| {
        let (organization, id) = locate_other(deed.repos, deed.by, &place, &user)?;
        deed.by.not_for_own_account(deed.repos, [id])?;
        let wanted = role_names(&names, organization)?;
        with_caller_and(deed, id, |deed, actor, _| {
            // First the roles, then the member: in the order in which a role is deleted.
            let kept: Vec<RoleName> = wanted.iter().filter(|name| !name.is_built_in()).cloned().collect();
            let kept =
                if kept.is_empty() { Vec::new() } else { deed.repos.roles().find_custom_for_key_share(&kept)? };
            let old = deed.repos.members().find_for_update(organization, id)?.ok_or(Error::NotFound)?;
            if shown.is_some_and(|shown| shown != old.membership.roles) {
                let name = &old.user.username;
                let message = format!("The roles of {name} have been changed meanwhile, so nothing was done.");
                return Err(Error::conflict(message));
            }
            let (permit, change) = authorize(deed.repos, actor, &old, &wanted, kept.into_iter().collect())?;
            owned::refuse_member_roles(deed.repos, organization, old.user.login_type)?;

            let roles = change.stored().clone();
            if !deed.repos.members().update_roles(&permit, organization, id, &roles, deed.now)? {
                return Err(Error::NotFound);
            }
            let membership = Membership { roles, updated_at: deed.now, ..old.membership.clone() };
            let new = Member { membership, ..old.clone() };
            Ok(deed.changed(&old, &new)?.answer(view(deed.repos, new)?))
        })
    })
    .await
}

/// The organization and the member, who must not be the caller and whom the caller may read.
fn locate_other(
    repos: &mut dyn Repositories,
    actor: &Principal,
    place: &OrganizationRef,
    user: &UserRef,
) -> Result<(OrganizationId, UserId), Error> {
    let organization = resolve(repos, actor, place)?.id;
    let (member, readable) = locate(repos, actor, organization, user)?;
    let id = member.membership.user_id;
    if actor.is(id) {
        return Err(Error::invalid("You cannot change your own organization roles."));
    }
    readable?;
    Ok((organization, id))
}

/// The names as roles of the organization, each once.
fn role_names(names: &[String], organization: OrganizationId) -> Result<Vec<RoleName>, Error> {
    let names: BTreeSet<&String> = names.iter().collect();
    let mut misnamed = names.iter().filter(|name| name.contains(':')).map(|name| {
        FieldError::new("roles", format!("role \"{name}\" must be named without organization, so without a colon"))
    });
    if let Some(first) = misnamed.next() {
        let mut fields: Vec<FieldError> = misnamed.collect();
        let message = if fields.is_empty() { first.detail.clone() } else { VALIDATION_FAILED.to_owned() };
        fields.insert(0, first);
        return Err(Error::invalid_fields(message, fields));
    }
    Ok(names.into_iter().map(|name| RoleName::organization(name, organization.0)).collect())
}

/// Asks whether the caller may make this of the roles of a member. The proof says so. `kept` are the custom roles among
/// those that are wanted.
fn authorize(
    repos: &mut dyn Repositories,
    actor: &Held,
    member: &Member,
    wanted: &[RoleName],
    mut kept: CustomRoles,
) -> Result<(Permit<action::Assign, resource::AssignOrgRole>, RoleChange), Error> {
    let organization = member.membership.organization_id;
    let current: Vec<RoleName> = member.membership.roles.in_organization(organization.0).collect();
    let lost = custom_among(repos, current.iter().filter(|name| !wanted.contains(name)))?;
    lost.iter().cloned().for_each(|role| kept.insert(role));
    let level = AssignmentLevel::Organization(organization.0);
    let change = plan_or_all(&actor.subject, level, &current, wanted, &RoleSet::new().custom(&kept))
        .map_err(refuse_assignment)?;
    if change.added().is_empty() {
        return Ok((System::because("the plan allows the caller to take these roles").permit(), change));
    }
    Ok((access::permit(actor, &access::roles_of(organization))?, change))
}
