//! Making, changing and deleting custom roles of an organization.

use super::RoleView;
use crate::audit::{Diff, Trail};
use crate::context::{Actor, Context};
use crate::error::{Error, FieldError};
use crate::organizations::{OrganizationRef, resolve};
use crate::sessions::in_person::Deed;
use crate::users::access;
use crate::users::caller::{Held, with_caller};
use crate::users::fields::Fields;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{CustomRoleId, OrganizationId};
use doorward_domain::roles::custom::{CustomRoleError, Draft, check_maker};
use doorward_domain::roles::{Action, CustomRole, Object, Permission, RoleName, action, resource};
use doorward_ports::{Conflict, Repositories, StoreError};

/// Makes a custom role (`rbac.md` 10). Who may not is told that nothing is there.
pub async fn create(
    ctx: &Context,
    actor: &Actor,
    organization: &OrganizationRef,
    draft: Draft,
) -> Result<RoleView, Error> {
    actor.not_by_grant(Deed::GiveRoles)?;
    let (actor, reference, trail) = (actor.clone(), organization.clone(), Trail::of(ctx, actor));
    let (now, id) = ctx.new_id::<CustomRoleId>();
    ctx.store
        .write(move |repos| {
            define(repos, &actor, &reference, |repos, actor, place| {
                let role = accept(actor, Action::Create, place, draft)?;
                let permit = access::permit::<action::Create, resource::AssignOrgRole>(actor, &access::roles_of(place))
                    .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
                match repos.roles().insert(&permit, id, &role, now) {
                    Err(StoreError::Conflict(Conflict::RoleName)) => return Err(refused(&Conflict::RoleName)),
                    Err(StoreError::Conflict(Conflict::OrganizationDeleted)) => {
                        return Err(Error::OrganizationNotFound(reference.to_string()));
                    }
                    inserted => inserted?,
                }
                record(trail.within(place), repos, AuditAction::Create, id, (None, Some(&role)))?;
                Ok(RoleView::from(&role))
            })
        })
        .await
}

/// Replaces all of a custom role but its name. Permissions of the role that are no longer known are dropped, so that an old
/// role can be changed; a new one that is not known is refused.
pub async fn update(
    ctx: &Context,
    actor: &Actor,
    organization: &OrganizationRef,
    mut draft: Draft,
) -> Result<RoleView, Error> {
    actor.not_by_grant(Deed::GiveRoles)?;
    let (actor, reference, trail) = (actor.clone(), organization.clone(), Trail::of(ctx, actor));
    ctx.store
        .write(move |repos| {
            define(repos, &actor, &reference, |repos, actor, place| {
                let name = RoleName::organization(draft.name.to_lowercase(), place.0);
                let stored = repos.roles().hold_custom(&name)?;
                if let Some((_, stored)) = &stored {
                    draft.drop_unknown(stored);
                }
                let role = accept(actor, Action::Update, place, draft)?;
                let permit = access::permit::<action::Update, resource::AssignOrgRole>(actor, &access::roles_of(place))
                    .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
                let (id, before) = stored.ok_or(Error::NotFound)?;
                if !repos.roles().update(&permit, id, &role, trail.now)? {
                    return Err(Error::NotFound);
                }
                record(trail.within(place), repos, AuditAction::Write, id, (Some(&before), Some(&role)))?;
                Ok(RoleView::from(&role))
            })
        })
        .await
}

/// Deletes a custom role and takes it from all members of the organization.
pub async fn delete(ctx: &Context, actor: &Actor, organization: &OrganizationRef, name: &str) -> Result<(), Error> {
    let (actor, reference, trail) = (actor.clone(), organization.clone(), Trail::of(ctx, actor));
    let name = name.to_owned();
    ctx.store
        .write(move |repos| {
            define(repos, &actor, &reference, |repos, actor, place| {
                access::may(actor, Action::Read, &access::roles_of(place))?;
                let permit =
                    access::permit::<action::Delete, resource::AssignOrgRole>(actor, &access::roles_of(place))?;
                let role = RoleName::organization(name.to_lowercase(), place.0);
                let unknown = || Error::NoSuch(format!("No custom role with the name {name} found"));
                let (id, before) = repos.roles().hold_custom(&role)?.ok_or_else(unknown)?;
                if !repos.roles().delete(&permit, &role, trail.now)? {
                    return Err(unknown());
                }
                record(trail.within(place), repos, AuditAction::Delete, id, (Some(&before), None))?;
                Ok(())
            })
        })
        .await
}

/// Does `work` for the caller as of now, in an organization that the caller may read. Those who define roles come one
/// after the other: the role that one changes may be the right of the next.
fn define<T>(
    repos: &mut dyn Repositories,
    actor: &Actor,
    reference: &OrganizationRef,
    work: impl FnOnce(&mut dyn Repositories, &Held, OrganizationId) -> Result<T, Error>,
) -> Result<T, Error> {
    repos.roles().lock_definitions()?;
    let place = resolve(repos, actor, reference)?.id;
    with_caller(repos, actor, |repos, actor| work(repos, actor, place))
}

/// All checks of a role that somebody wants to make or change, in their order.
fn accept(actor: &Actor, action: Action, place: OrganizationId, draft: Draft) -> Result<CustomRole, Error> {
    let mut fields =
        Fields::default().role_name("name", &draft.name).shown_name("display_name", &draft.display_name).that(
            "display_name",
            draft.display_name.trim() == draft.display_name,
            "must not begin or end with white space",
        );
    for error in draft.defects() {
        fields.keep::<()>(Err(bad_draft(&error)))?;
    }
    if let Err(denied) = check_maker(&actor.subject, action, place.0) {
        fields.done()?;
        return Err(Error::NotFound.unless_scope_is_short(denied));
    }
    let mut short_of_scope = None;
    let (there, owned) =
        (draft.permission_defects(&actor.subject, place.0), draft.owned_permission_defects(&actor.subject, place.0));
    let there = there.into_iter().map(|error| ("organization_permissions", error));
    for (field, error) in there.chain(owned.into_iter().map(|error| ("organization_member_permissions", error))) {
        let refused = not_accepted(actor, place, field, &error);
        if matches!(refused, Error::Forbidden(_)) {
            // What the credential lacks is told once nothing else is wrong.
            short_of_scope.get_or_insert(refused);
        } else {
            fields.keep_item::<()>(Err(refused))?;
        }
    }
    fields.done()?;
    short_of_scope.map_or_else(|| Ok(draft.into_role(place.0)), Err)
}

/// What is wrong with a role, whoever makes it.
fn bad_draft(error: &CustomRoleError) -> Error {
    let (field, message) = match error {
        CustomRoleError::Reserved(_) => {
            let fields = vec![FieldError::new("name", error.to_string())];
            return Error::Invalid { message: "Reserved role name".to_owned(), detail: error.to_string(), fields };
        }
        CustomRoleError::Name => ("name", format!("Invalid request, {error}")),
        CustomRoleError::SitePermissions => ("site_permissions", format!("Invalid request, {error}")),
        CustomRoleError::UserPermissions => ("user_permissions", format!("Invalid request, {error}")),
        CustomRoleError::Negated(_)
        | CustomRoleError::Wildcard(_)
        | CustomRoleError::Unknown(_)
        | CustomRoleError::Twice(_)
        | CustomRoleError::NotHeld { .. } => ("organization_permissions", format!("Invalid request, {error}")),
    };
    Error::invalid_fields(message, vec![FieldError::new(field, error.to_string())])
}

/// A permission that the maker lacks only by the scope of the credential is refused as that.
fn not_accepted(actor: &Actor, place: OrganizationId, field: &'static str, error: &CustomRoleError) -> Error {
    if let CustomRoleError::NotHeld { owned, permission, .. } = error
        && let Some((resource, action)) = permission.defined()
    {
        let object = Object::new(resource).organization(place.0);
        let object = if *owned { object.owner(actor.subject.id().clone()) } else { object };
        if let Err(denied) = access::may(actor, action, &object) {
            return bad_permission(field, error).unless_scope_is_short(denied);
        }
    }
    bad_permission(field, error)
}

/// A permission that cannot be given.
fn bad_permission(field: &'static str, error: &CustomRoleError) -> Error {
    let fields = vec![FieldError::new(field, error.to_string())];
    Error::Invalid { message: NOT_UPDATED.to_owned(), detail: error.to_string(), fields }
}

fn refused(reason: &impl ToString) -> Error {
    Error::invalid_because(NOT_UPDATED, reason.to_string())
}

const NOT_UPDATED: &str = "Failed to update role permissions";

fn record(
    trail: Trail,
    repos: &mut dyn Repositories,
    action: AuditAction,
    id: CustomRoleId,
    (old, new): (Option<&CustomRole>, Option<&CustomRole>),
) -> Result<(), StoreError> {
    let lists = |of: fn(&CustomRole) -> &[Permission]| {
        let read = |role: Option<&CustomRole>| -> Vec<String> {
            role.map(of).unwrap_or_default().iter().map(ToString::to_string).collect()
        };
        (read(old), read(new))
    };
    let name = |role: Option<&CustomRole>| role.map(|role| role.name().name().to_owned()).unwrap_or_default();
    let display_name = |role: Option<&CustomRole>| role.map(|role| role.display_name().to_owned()).unwrap_or_default();
    let (site, organization) = (lists(|role| role.role().site().permissions()), lists(CustomRole::in_organization));
    let (user, owned) = (lists(|role| role.role().user().permissions()), lists(CustomRole::on_owned));
    let diff = Diff::default()
        .field("name", name(old), name(new))
        .field("display_name", display_name(old), display_name(new))
        .field("site_permissions", site.0, site.1)
        .field("org_permissions", organization.0, organization.1)
        .field("user_permissions", user.0, user.1)
        .field("member_permissions", owned.0, owned.1);
    let target = (AuditResource::CustomRole, id.to_string(), name(new.or(old)));
    let status = if action == AuditAction::Delete { 204 } else { 200 };
    trail.write(repos, action, status, target, diff)
}
