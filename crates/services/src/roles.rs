//! Roles: those that can be given, and custom ones (`rbac.md` 9 and 10).
//!
//! Who changes something is looked up once more in the transaction. So besides the errors that each use case names there
//! are [`Error::Conflict`] for those whose own rights have just changed, and [`Error::Unauthenticated`] for those whose
//! key is gone.

mod custom;
mod review;
#[cfg(test)]
mod tests;

pub(crate) use custom::name_taken;
pub use custom::{create, delete, update, update_reviewed};
pub use review::{Difference, Granted, HOLDERS_MAX, Holder, Review, holders, review};

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::organizations::{OrganizationRef, resolve};
use crate::users::access;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::Digest;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::assign::can_assign;
use doorward_domain::roles::{Action, BuiltIn, CustomRole, CustomRoles, Kind, Object, Permission, RoleName, resource};
use doorward_ports::{Repositories, StoreError};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A role that somebody holds, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLabel {
    /// Its identity.
    pub name: RoleName,
    /// Its display name; the name itself when there is none.
    pub display_name: String,
}

/// A role with all that it grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleView {
    /// Its identity.
    pub name: RoleName,
    /// Its name for people, may be empty.
    pub display_name: String,
    /// On the whole site.
    pub site: Vec<Permission>,
    /// In its organization.
    pub organization: Vec<Permission>,
    /// On what the holder owns.
    pub user: Vec<Permission>,
    /// On what the holder owns in its organization.
    pub organization_member: Vec<Permission>,
}

/// A role in a list of those that can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignableRole {
    /// The role.
    pub role: RoleView,
    /// Whether the caller may give and take it.
    pub assignable: bool,
    /// Whether it is part of the server.
    pub built_in: bool,
}

/// Lists the site roles.
///
/// Needs `assign_role:read`. Errors: `Forbidden`.
pub async fn list_site(ctx: &Context, actor: &Principal) -> Result<Vec<AssignableRole>, Error> {
    access::may(actor, Action::Read, &Object::of::<resource::AssignRole>())?;
    ctx.look(actor, |look| Ok(assignable(look.by, None, &look.repos.roles().list_custom(None)?))).await
}

/// Lists the roles of an organization. Who may not read them is told that nothing is there.
///
/// Needs `assign_org_role:read`. Errors: `OrganizationNotFound` (missing or not readable), `NotFound` (not allowed),
/// `Forbidden` (only the scope is too short).
pub async fn list_organization(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
) -> Result<Vec<AssignableRole>, Error> {
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let id = resolve(look.repos, look.by, &reference)?.id;
        access::may(look.by, Action::Read, &access::roles_of(id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        Ok(assignable(look.by, Some(id), &look.repos.roles().list_custom(Some(id))?))
    })
    .await
}

/// Built-in roles of the level, then the custom ones.
fn assignable(actor: &Principal, organization: Option<OrganizationId>, custom: &[CustomRole]) -> Vec<AssignableRole> {
    let kind = if organization.is_some() { Kind::Organization } else { Kind::Site };
    let place = organization.map_or(Uuid::nil(), |id| id.0);
    let built_in = BuiltIn::all().iter().filter(|role| role.kind() == kind && role.listed());
    let built_in = built_in.map(|role| (RoleView::of_built_in(role, place), true));
    let custom = custom.iter().map(|role| (RoleView::from(role), false));
    let entry = |(role, built_in): (RoleView, bool)| AssignableRole {
        assignable: can_assign(&actor.subject, &role.name),
        role,
        built_in,
    };
    built_in.chain(custom).map(entry).collect()
}

impl RoleView {
    /// Tells what the role is now from what it was before: another text whenever its name for people or what it gives is another.
    #[must_use]
    pub fn version(&self) -> String {
        let lists = [&self.site, &self.organization, &self.user, &self.organization_member];
        let list = |list: &Vec<Permission>| {
            let mut texts: Vec<String> = list.iter().map(ToString::to_string).collect();
            texts.sort_unstable();
            texts
        };
        let parts = (&self.display_name, lists.map(list));
        URL_SAFE_NO_PAD.encode(Digest::of(format!("{parts:?}")).as_bytes())
    }

    fn of_built_in(role: &BuiltIn, organization: Uuid) -> Self {
        Self {
            name: role.role_name(organization),
            display_name: role.display_name().to_owned(),
            site: role.site().permissions().to_vec(),
            organization: role.organization().permissions().to_vec(),
            user: role.user().permissions().to_vec(),
            organization_member: Vec::new(),
        }
    }
}

impl From<&CustomRole> for RoleView {
    fn from(role: &CustomRole) -> Self {
        Self {
            name: role.name().clone(),
            display_name: role.display_name().to_owned(),
            site: role.role().site().permissions().to_vec(),
            organization: role.in_organization().to_vec(),
            user: role.role().user().permissions().to_vec(),
            organization_member: role.on_owned().to_vec(),
        }
    }
}

/// The custom roles among these names, in one query, or none when all are built in.
pub(crate) fn custom_among<'a>(
    repos: &mut dyn Repositories,
    names: impl IntoIterator<Item = &'a RoleName>,
) -> Result<CustomRoles, StoreError> {
    let wanted: BTreeSet<&RoleName> = names.into_iter().filter(|name| !name.is_built_in()).collect();
    if wanted.is_empty() {
        return Ok(CustomRoles::default());
    }
    let wanted: Vec<RoleName> = wanted.into_iter().cloned().collect();
    Ok(repos.roles().find_custom(&wanted)?.into_iter().collect())
}

/// What people see of these roles.
pub(crate) fn labels(names: &[RoleName], custom: &CustomRoles) -> Vec<RoleLabel> {
    let label = |name: &RoleName| {
        let display_name = BuiltIn::find(name).map(BuiltIn::display_name);
        let display_name = display_name.or_else(|| custom.find(name).map(CustomRole::display_name));
        let display_name = display_name.filter(|text| !text.is_empty()).unwrap_or(name.name()).to_owned();
        RoleLabel { name: name.clone(), display_name }
    };
    names.iter().map(label).collect()
}
