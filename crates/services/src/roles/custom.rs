//! Making, changing and deleting custom roles of an organization.

use super::RoleView;
use crate::Principal;
use crate::audit::{Audited, Snapshot};
use crate::context::Context;
use crate::deed::Deed;
use crate::error::{Error, FieldError};
use crate::organizations::{OrganizationRef, resolve};
use crate::sessions::in_person::InPerson;
use crate::users::access;
use crate::users::caller::{Held, with_caller};
use crate::users::fields::Fields;
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::{CustomRoleId, OrganizationId};
use doorward_domain::roles::custom::{CustomRoleError, Draft, check_maker};
use doorward_domain::roles::{Action, CustomRole, Object, Permission, RoleName, action, resource};
use doorward_ports::{Conflict, StoreError};

/// Makes a custom role (`rbac.md` 10). Who may not is told that nothing is there.
///
/// Needs `assign_org_role:create`, and every permission that the role is to grant. Errors: `Refused` (an app by a
/// grant), `OrganizationNotFound` (missing or not readable), `NotFound` (not allowed), `Invalid` (`name`,
/// `display_name`, a list of permissions), `Forbidden` (only the scope is too short).
pub async fn create(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    draft: Draft,
) -> Result<RoleView, Error> {
    actor.not_by_grant(InPerson::GiveRoles)?;
    let reference = organization.clone();
    ctx.act(actor, move |deed| {
        define(deed, &reference, |deed, actor, place| {
            let role = accept(actor, Action::Create, place, draft)?;
            let permit = access::permit::<action::Create, resource::AssignOrgRole>(actor, &access::roles_of(place))
                .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
            let id = deed.new_id::<CustomRoleId>();
            match deed.repos.roles().insert(&permit, id, &role, deed.now) {
                Err(StoreError::Conflict(Conflict::OrganizationDeleted)) => {
                    return Err(Error::OrganizationNotFound(reference.to_string()));
                }
                inserted => inserted?,
            }
            Ok(deed.entry().answering(200).made(&Stored { id, role: &role })?.answer(RoleView::from(&role)))
        })
    })
    .await
}

/// Replaces all of a custom role but its name. Permissions of the role that are no longer known are dropped, so that an old
/// role can be changed; a new one that is not known is refused.
///
/// Needs `assign_org_role:update`, and every permission that the role is to grant. Errors: those of [`create`], and
/// `NotFound` if there is no such role.
pub async fn update(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    draft: Draft,
) -> Result<RoleView, Error> {
    replace(ctx, actor, organization, None, draft).await
}

/// The same for somebody who was shown what the change means ([`review`](super::review())), to a role of this version. If it is
/// another one by now, nothing is done: the change would be another one than was shown.
///
/// Needs and errors: those of [`update`], and `Conflict` for a role that is another one by now.
pub async fn update_reviewed(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    version: String,
    draft: Draft,
) -> Result<RoleView, Error> {
    replace(ctx, actor, organization, Some(version), draft).await
}

async fn replace(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    version: Option<String>,
    mut draft: Draft,
) -> Result<RoleView, Error> {
    actor.not_by_grant(InPerson::GiveRoles)?;
    let reference = organization.clone();
    ctx.act(actor, move |deed| {
        define(deed, &reference, |deed, actor, place| {
            let name = RoleName::custom(&draft.name, place.0);
            let stored = deed.repos.roles().find_custom_for_update(&name)?;
            if let Some((_, stored)) = &stored {
                draft.drop_unknown(stored);
            }
            let role = accept(actor, Action::Update, place, draft)?;
            let permit = access::permit::<action::Update, resource::AssignOrgRole>(actor, &access::roles_of(place))
                .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
            let (id, before) = stored.ok_or(Error::NotFound)?;
            if version.is_some_and(|version| version != RoleView::from(&before).version()) {
                return Err(Error::conflict("The role has been changed meanwhile, so nothing was done."));
            }
            if !deed.repos.roles().update(&permit, id, &role, deed.now)? {
                return Err(Error::NotFound);
            }
            let recorded = deed.changed(&Stored { id, role: &before }, &Stored { id, role: &role })?;
            Ok(recorded.answer(RoleView::from(&role)))
        })
    })
    .await
}

/// Deletes a custom role and takes it from all members of the organization.
///
/// Needs `assign_org_role:read` and `assign_org_role:delete`. Errors: `OrganizationNotFound` (missing or not readable),
/// `Forbidden`, `Refused` (an app, in the name of its user), `NoSuch`.
pub async fn delete(ctx: &Context, actor: &Principal, organization: &OrganizationRef, name: &str) -> Result<(), Error> {
    actor.not_by_grant(InPerson::GiveRoles)?;
    let (reference, name) = (organization.clone(), name.to_owned());
    ctx.act(actor, move |deed| {
        define(deed, &reference, |deed, actor, place| {
            access::may(actor, Action::Read, &access::roles_of(place))?;
            let permit = access::permit::<action::Delete, resource::AssignOrgRole>(actor, &access::roles_of(place))?;
            let role = RoleName::custom(&name, place.0);
            let unknown = || Error::NoSuch(format!("No custom role with the name {name} found"));
            let (id, before) = deed.repos.roles().find_custom_for_update(&role)?.ok_or_else(unknown)?;
            if !deed.repos.roles().delete(&permit, &role, deed.now)? {
                return Err(unknown());
            }
            Ok(deed.ended(&Stored { id, role: &before })?.answer(()))
        })
    })
    .await
}

/// Does `work` for the caller as of now, in an organization that the caller may read. Those who define roles come one
/// after the other: the role that one changes may be the right of the next.
fn define<T>(
    deed: &mut Deed<'_>,
    reference: &OrganizationRef,
    work: impl FnOnce(&mut Deed<'_>, &Held, OrganizationId) -> Result<T, Error>,
) -> Result<T, Error> {
    deed.repos.roles().lock_definitions()?;
    let place = resolve(deed.repos, deed.by, reference)?.id;
    with_caller(deed, |deed, actor| work(deed, actor, place))
}

/// All checks of a role that somebody wants to make or change, in their order.
pub(super) fn accept(
    actor: &Principal,
    action: Action,
    place: OrganizationId,
    draft: Draft,
) -> Result<CustomRole, Error> {
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
fn not_accepted(actor: &Principal, place: OrganizationId, field: &'static str, error: &CustomRoleError) -> Error {
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

/// A name that another custom role has.
pub(crate) fn name_taken() -> Error {
    Error::invalid_because(NOT_UPDATED, "the role name is taken")
}

const NOT_UPDATED: &str = "Failed to update role permissions";

/// A custom role as the audit log knows it. The tracked fields are those of `enterprise-platform.md` 9.2.
struct Stored<'a> {
    id: CustomRoleId,
    role: &'a CustomRole,
}

impl Audited for Stored<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::CustomRole
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.role.name().name().to_owned()
    }

    fn organization(&self) -> Option<OrganizationId> {
        self.role.name().organization_id().map(OrganizationId)
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        let texts = |list: &[Permission]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        Snapshot::default()
            .field("name", self.role.name().name())
            .field("display_name", self.role.display_name())
            .field("site_permissions", texts(self.role.role().site().permissions()))
            .field("org_permissions", texts(self.role.in_organization()))
            .field("user_permissions", texts(self.role.role().user().permissions()))
            .field("member_permissions", texts(self.role.on_owned()))
    }
}
