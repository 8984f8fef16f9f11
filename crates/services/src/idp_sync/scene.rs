//! What a sync depends on, read with a number of queries that does not depend on how much there is.

use super::SyncSetting;
use super::settings::IdpSyncSettings;
use crate::runtime_settings;
use doorward_domain::idp_sync::{
    GroupSync, Held, Known, KnownGroup, OrganizationSync, Plan, RoleSync, Rules, SyncClaims, Unsyncable,
};
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::RoleName;
use doorward_domain::runtime_settings::RuntimeSetting;
use doorward_domain::users::User;
use doorward_ports::groups::FoundGroup;
use doorward_ports::runtime_settings::{StoredSetting, read};
use doorward_ports::{Repositories, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Settings that are tried before they are stored, in the place of those that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Of the deployment.
    pub organizations: Option<OrganizationSync>,
    /// Of groups, by organization.
    pub groups: BTreeMap<OrganizationId, GroupSync>,
    /// Of roles, by organization.
    pub roles: BTreeMap<OrganizationId, RoleSync>,
}

/// Whether what is read is held until the transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is, so that what was planned can be carried out.
    Yes,
    /// Nothing is written.
    No,
}

/// The settings that hold for somebody who signs in, what there is, and what they have.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) rules: Rules,
    pub(super) known: Known,
    pub(super) held: Held,
}

impl Scene {
    /// Reads what somebody's sync depends on; `None` is somebody who has nothing yet.
    pub(super) fn load(
        repos: &mut dyn Repositories,
        settings: &IdpSyncSettings,
        user: Option<&User>,
        claims: &SyncClaims,
        (trial, hold): (Trial, Hold),
    ) -> Result<Self, StoreError> {
        let site_roles = settings.site_role_sync();
        // Before anything else is locked.
        let owner = user.filter(|user| site_roles.is_some() && user.is_active_owner());
        let is_last_owner = match (owner, hold) {
            (None, _) => false,
            (Some(owner), Hold::Yes) => repos.users().is_last_owner_for_update(owner.id)?,
            (Some(owner), Hold::No) => repos.users().is_last_owner(owner.id)?,
        };
        let organizations = match trial.organizations {
            Some(tried) => tried,
            None => runtime_settings::find(repos, None)?.unwrap_or_else(|| settings.organization_sync()),
        };
        let memberships = match user {
            Some(user) => repos.organizations().list_memberships(user.id)?,
            None => Vec::new(),
        };
        let memberships: BTreeMap<_, _> =
            memberships.into_iter().map(|membership| (membership.organization_id, membership.roles)).collect();
        let default = repos.organizations().find_default()?;
        let places: BTreeSet<OrganizationId> = organizations
            .mentioned(claims)
            .into_iter()
            .chain(memberships.keys().copied())
            .chain(default.as_ref().map(|default| default.id))
            .collect();
        let places: Vec<OrganizationId> = places.into_iter().collect();
        let found = match hold {
            Hold::Yes => repos.organizations().list_by_id_for_key_share(&places)?,
            Hold::No => repos.organizations().list_by_id(&places)?,
        };
        let stored = repos.runtime_settings().list(&[GroupSync::NAME, RoleSync::NAME], &places)?;
        let rules = Rules {
            organizations,
            groups: by_place(settings, &found, &stored, trial.groups),
            roles: by_place(settings, &found, &stored, trial.roles),
            site_roles,
        };
        let groups = match user {
            Some(user) => repos.users().list_group_ids(user.id)?,
            None => Vec::new(),
        };
        let known = Known {
            default_organization: default.map(|default| default.id),
            organizations: found.iter().map(|place| (place.id, place.name.to_string())).collect(),
            groups: known_groups(repos, &rules, claims, &groups)?,
            custom_roles: custom_roles(repos, &rules, claims, hold)?,
        };
        let site_roles = user.map(|user| user.roles.clone()).unwrap_or_default();
        let groups = groups.into_iter().collect();
        Ok(Self { rules, known, held: Held { memberships, groups, site_roles, is_last_owner } })
    }

    /// What is gained and lost.
    pub(super) fn plan(&self, claims: &SyncClaims) -> Result<Plan, Unsyncable> {
        self.rules.plan(claims, &self.known, &self.held)
    }
}

/// The settings of each organization: those that are tried, else those that are stored, else those of the settings file.
fn by_place<S: SyncSetting>(
    settings: &IdpSyncSettings,
    places: &[Organization],
    stored: &[StoredSetting],
    mut tried: BTreeMap<OrganizationId, S>,
) -> BTreeMap<OrganizationId, S> {
    let documents: BTreeMap<OrganizationId, &str> = stored
        .iter()
        .filter(|setting| setting.name == S::NAME)
        .map(|setting| (setting.organization, setting.document.as_str()))
        .collect();
    let setting = |place: &Organization| {
        if let Some(tried) = tried.remove(&place.id) {
            return Some((place.id, tried));
        }
        match read(documents.get(&place.id).copied()) {
            Ok(stored) => Some((place.id, stored.unwrap_or_else(|| S::fallback(settings, Some(place))))),
            // The organization is left out, as if nothing followed there: nobody stays out of all the others for it.
            Err(error) => {
                tracing::error!(organization = %place.id, setting = S::NAME, %error, "a stored setting cannot be read");
                None
            }
        }
    };
    places.iter().filter_map(setting).collect()
}

/// The custom roles among those that claims name.
fn custom_roles(
    repos: &mut dyn Repositories,
    rules: &Rules,
    claims: &SyncClaims,
    hold: Hold,
) -> Result<HashSet<RoleName>, StoreError> {
    let names = rules.mentioned_custom_roles(claims);
    if names.is_empty() {
        return Ok(HashSet::new());
    }
    let found = match hold {
        Hold::Yes => repos.roles().find_custom_for_key_share(&names)?,
        Hold::No => repos.roles().find_custom(&names)?,
    };
    Ok(found.into_iter().map(|role| role.name().clone()).collect())
}

/// The groups that somebody is in, and those that claims name: by id, then by name.
fn known_groups(
    repos: &mut dyn Repositories,
    rules: &Rules,
    claims: &SyncClaims,
    held: &[GroupId],
) -> Result<Vec<KnownGroup>, StoreError> {
    let ids: BTreeSet<GroupId> = rules.mentioned_groups(claims).into_iter().chain(held.iter().copied()).collect();
    let ids: Vec<GroupId> = ids.into_iter().collect();
    let names: Vec<(OrganizationId, String)> = rules.mentioned_group_names(claims).into_iter().collect();
    let mut found = if ids.is_empty() { Vec::new() } else { repos.groups().list_by_id(&ids)? };
    if !names.is_empty() {
        let known: BTreeSet<GroupId> = found.iter().map(|found| found.group.id).collect();
        let others = repos.groups().list_by_name(&names)?;
        found.extend(others.into_iter().filter(|other| !known.contains(&other.group.id)));
    }
    let group = |FoundGroup { group, .. }| KnownGroup {
        id: group.id,
        organization_id: group.organization_id,
        name: group.name.into_string(),
    };
    Ok(found.into_iter().map(group).collect())
}
