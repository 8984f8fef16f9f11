//! The sync with identity providers (`enterprise-identity.md` 4): its settings, what it does at a sign-in (`apply`) and would do
//! ([`dry_run`]), what it did ([`list_syncs`]), and which claims there are for it ([`available_fields`], [`field_values`]).
//!
//! Organization sync is set for the deployment, group and role sync for each organization. What nobody has stored yet comes
//! from the settings file: organization sync, and group sync of the default organization.

mod apply;
mod audited;
mod discovery;
mod dry_run;
mod log;
pub(crate) mod owned;
mod scene;
pub(crate) mod settings;
mod told;

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
mod owned_tests;
#[cfg(test)]
mod tests;

pub(crate) use apply::{Synced, apply, note_refused};
pub use discovery::{available_fields, field_values};
pub use dry_run::{DryRun, DryRunResult, dry_run};
pub use log::list_syncs;
pub use scene::Trial;
pub use settings::{GivenGroup, GivenOrganizations, GivenRoles, IdpSyncSettings};

use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::organizations::{OrganizationRef, resolve};
use crate::runtime_settings;
use crate::users::access;
use crate::users::caller::with_caller;
use audited::{Kind, Stored};
use doorward_domain::idp_sync::{
    FIELD_MAX, Filter, GroupSync, Mapping, MappingChange, NotAdmitted, OrganizationSync, PAIRS_MAX, RoleSync,
    SyncClaims, admit,
};
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::names::hidden_in_name;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Action, Object, action, resource};
use doorward_domain::runtime_settings::RuntimeSetting;
use doorward_ports::{Repositories, StoreError};
use std::hash::Hash;

/// A setting of this room.
trait SyncSetting: RuntimeSetting<Resource = resource::IdpsyncSettings> + Kind + Clone + Default {
    /// What holds while nobody has stored it; `place` is `None` for the deployment.
    fn fallback(settings: &IdpSyncSettings, place: Option<&Organization>) -> Self;

    /// The claim, and how many pairs its mapping has.
    fn size(&self) -> (&str, usize);
}

impl SyncSetting for OrganizationSync {
    fn fallback(settings: &IdpSyncSettings, _place: Option<&Organization>) -> Self {
        settings.organization_sync()
    }

    fn size(&self) -> (&str, usize) {
        (&self.field, self.mapping.as_ref().map_or(0, Mapping::pairs))
    }
}

impl SyncSetting for GroupSync {
    fn fallback(settings: &IdpSyncSettings, place: Option<&Organization>) -> Self {
        if place.is_some_and(|organization| organization.is_default) { settings.group_sync() } else { Self::default() }
    }

    fn size(&self) -> (&str, usize) {
        (&self.field, self.mapping.as_ref().map_or(0, Mapping::pairs))
    }
}

impl SyncSetting for RoleSync {
    fn fallback(_settings: &IdpSyncSettings, _place: Option<&Organization>) -> Self {
        Self::default()
    }

    fn size(&self) -> (&str, usize) {
        (&self.field, self.mapping.as_ref().map_or(0, Mapping::pairs))
    }
}

/// What is to be told of a bad setting, before it is stored.
fn check(setting: &impl SyncSetting) -> Result<(), Error> {
    let (field, pairs) = setting.size();
    let mut defects = Vec::new();
    if field.len() > FIELD_MAX || hidden_in_name(field).is_some() {
        defects.push(FieldError::new("field", format!("must be the name of a claim, at most {FIELD_MAX} bytes")));
    }
    if pairs > PAIRS_MAX {
        defects.push(FieldError::new("mapping", format!("must have at most {PAIRS_MAX} pairs")));
    }
    if defects.is_empty() { Ok(()) } else { Err(Error::invalid_fields("The sync settings break a rule.", defects)) }
}

fn object(organization: Option<OrganizationId>) -> Object<'static> {
    let object = Object::of::<resource::IdpsyncSettings>();
    match organization {
        Some(id) => object.organization(id.0),
        None => object,
    }
}

async fn find<S: SyncSetting>(ctx: &Context, actor: &Principal, place: Option<&OrganizationRef>) -> Result<S, Error> {
    let (place, settings) = (place.cloned(), ctx.settings.idp_sync.clone());
    ctx.look(actor, move |look| {
        let place = place.map(|reference| resolve(look.repos, look.by, &reference)).transpose()?;
        let id = place.as_ref().map(|organization| organization.id);
        access::may(look.by, Action::Read, &object(id))?;
        let stored = runtime_settings::find(look.repos, id)?;
        Ok(stored.unwrap_or_else(|| S::fallback(&settings, place.as_ref())))
    })
    .await
}

async fn change<S: SyncSetting>(
    ctx: &Context,
    actor: &Principal,
    place: Option<&OrganizationRef>,
    edit: impl FnOnce(S) -> Result<S, Error> + Clone + Send + 'static,
) -> Result<S, Error> {
    let (place, settings) = (place.cloned(), ctx.settings.idp_sync.clone());
    ctx.act(actor, move |deed| {
        let place = place.map(|reference| resolve(deed.repos, deed.by, &reference)).transpose()?;
        let id = place.as_ref().map(|organization| organization.id);
        with_caller(deed, |deed, actor| {
            let permit = actor.permit_in::<action::Update, resource::IdpsyncSettings>(id)?;
            if let Some(id) = id {
                // It is not deleted until this is stored.
                let gone = || Error::OrganizationNotFound(id.to_string());
                deed.repos.organizations().find_for_update(id)?.ok_or_else(gone)?;
            }
            let stored = runtime_settings::find_for_update(deed.repos, id)?;
            let old = stored.unwrap_or_else(|| S::fallback(&settings, place.as_ref()));
            let new = edit(old.clone())?;
            check(&new)?;
            runtime_settings::store(deed.repos, &permit, &new)?;
            let recorded = deed.changed(&Stored::new(&old, place.as_ref()), &Stored::new(&new, place.as_ref()))?;
            Ok(recorded.answer(new))
        })
    })
    .await
}

/// Whether somebody with these claims may sign in at all: with one at least of the groups of `idp_sync.group_allow_list`, if
/// there are any. Needs no permission.
pub fn may_sign_in(claims: &SyncClaims, settings: &IdpSyncSettings) -> Result<(), NotAdmitted> {
    admit(claims, &settings.group_field, &settings.group_allow_list)
}

/// How members of organizations follow claims, for the use cases that make users.
pub(crate) fn current_organization_sync(
    repos: &mut dyn Repositories,
    settings: &IdpSyncSettings,
) -> Result<OrganizationSync, StoreError> {
    let stored = runtime_settings::find(repos, None)?;
    Ok(stored.unwrap_or_else(|| OrganizationSync::fallback(settings, None)))
}

/// How members of organizations follow claims.
///
/// Needs `idpsync_settings:read`. Errors: `Forbidden`.
pub async fn find_organization_sync(ctx: &Context, actor: &Principal) -> Result<OrganizationSync, Error> {
    find(ctx, actor, None).await
}

/// Sets how members of organizations follow claims. Organizations of the mapping need not exist.
///
/// Needs `idpsync_settings:update`. Errors: `Forbidden`, `Invalid` (`field`, `mapping`).
pub async fn set_organization_sync(
    ctx: &Context,
    actor: &Principal,
    new: OrganizationSync,
) -> Result<OrganizationSync, Error> {
    change(ctx, actor, None, move |_old| Ok(new)).await
}

/// Sets the claim of organization sync, and whether everybody belongs to the default organization; the mapping stays.
///
/// Needs `idpsync_settings:update`. Errors: `Forbidden`, `Invalid` (`field`).
pub async fn configure_organization_sync(
    ctx: &Context,
    actor: &Principal,
    field: String,
    assign_default: bool,
) -> Result<OrganizationSync, Error> {
    let edit = move |old: OrganizationSync| Ok(OrganizationSync { field, assign_default, ..old });
    change(ctx, actor, None, edit).await
}

/// Adds pairs to the mapping of organization sync and removes others.
///
/// Needs `idpsync_settings:update`. Errors: `Forbidden`, `Invalid` (`mapping`).
pub async fn map_organization_sync(
    ctx: &Context,
    actor: &Principal,
    pairs: MappingChange<OrganizationId>,
) -> Result<OrganizationSync, Error> {
    refuse_long(&pairs)?;
    let edit = move |old: OrganizationSync| Ok(OrganizationSync { mapping: Some(mapped(old.mapping, pairs)), ..old });
    change(ctx, actor, None, edit).await
}

/// How the groups of an organization follow claims.
///
/// Needs `idpsync_settings:read` in the organization. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`.
pub async fn find_group_sync(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
) -> Result<GroupSync, Error> {
    find(ctx, actor, Some(organization)).await
}

/// Sets how the groups of an organization follow claims. Groups of the mapping need not exist. Names from the settings file are
/// dropped, and none may be given.
///
/// Needs `idpsync_settings:update` in the organization. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`,
/// `Invalid` (`field`, `mapping`, `legacy_group_name_mapping`).
pub async fn set_group_sync(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    new: GroupSync,
) -> Result<GroupSync, Error> {
    let edit = move |_old| {
        if new.legacy_group_name_mapping.is_empty() {
            return Ok(new);
        }
        let told = "cannot be set here; use `mapping` with the ids of groups";
        Err(Error::invalid_field("legacy_group_name_mapping", told))
    };
    change(ctx, actor, Some(organization), edit).await
}

/// Sets the claim of group sync, its filter, and whether missing groups are made; both mappings stay.
///
/// Needs `idpsync_settings:update` in the organization. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`,
/// `Invalid` (`field`).
pub async fn configure_group_sync(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    (field, regex_filter, auto_create_missing_groups): (String, Option<Filter>, bool),
) -> Result<GroupSync, Error> {
    let edit = move |old: GroupSync| Ok(GroupSync { field, regex_filter, auto_create_missing_groups, ..old });
    change(ctx, actor, Some(organization), edit).await
}

/// Adds pairs to the mapping of group sync and removes others.
///
/// Needs `idpsync_settings:update` in the organization. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`,
/// `Invalid` (`mapping`).
pub async fn map_group_sync(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    pairs: MappingChange<GroupId>,
) -> Result<GroupSync, Error> {
    refuse_long(&pairs)?;
    let edit = move |old: GroupSync| Ok(GroupSync { mapping: Some(mapped(old.mapping, pairs)), ..old });
    change(ctx, actor, Some(organization), edit).await
}

/// How the roles of the members of an organization follow claims.
///
/// Needs `idpsync_settings:read` in the organization. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`.
pub async fn find_role_sync(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
) -> Result<RoleSync, Error> {
    find(ctx, actor, Some(organization)).await
}

/// Sets how the roles of the members of an organization follow claims. Roles of the mapping need not exist.
///
/// Needs `idpsync_settings:update` in the organization. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`,
/// `Invalid` (`field`, `mapping`).
pub async fn set_role_sync(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    new: RoleSync,
) -> Result<RoleSync, Error> {
    change(ctx, actor, Some(organization), move |_old| Ok(new)).await
}

/// Sets the claim of role sync; the mapping stays.
///
/// Needs `idpsync_settings:update` in the organization. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`,
/// `Invalid` (`field`).
pub async fn configure_role_sync(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    field: String,
) -> Result<RoleSync, Error> {
    change(ctx, actor, Some(organization), move |old: RoleSync| Ok(RoleSync { field, ..old })).await
}

/// Adds pairs to the mapping of role sync and removes others.
///
/// Needs `idpsync_settings:update` in the organization. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`,
/// `Invalid` (`mapping`).
pub async fn map_role_sync(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    pairs: MappingChange<String>,
) -> Result<RoleSync, Error> {
    refuse_long(&pairs)?;
    let edit = move |old: RoleSync| Ok(RoleSync { mapping: Some(mapped(old.mapping, pairs)), ..old });
    change(ctx, actor, Some(organization), edit).await
}

/// Refuses a change of more pairs than a mapping may have, before anything is locked for it.
fn refuse_long<T>(pairs: &MappingChange<T>) -> Result<(), Error> {
    if pairs.pairs() <= PAIRS_MAX {
        return Ok(());
    }
    Err(Error::invalid_field("mapping", format!("must be changed by at most {PAIRS_MAX} pairs at once")))
}

fn mapped<T: Eq + Hash + Clone>(old: Option<Mapping<T>>, pairs: MappingChange<T>) -> Mapping<T> {
    old.unwrap_or_default().changed(pairs)
}
