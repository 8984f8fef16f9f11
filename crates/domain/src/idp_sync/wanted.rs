//! What the values of claims name, before it is known what of it is there.

use super::{ClaimValues, GroupSync, Mapping, OrganizationSync, RoleSync, SiteRoleSync, SyncClaims};
use crate::ids::{GroupId, OrganizationId};
use crate::names::{GROUP_NAME_MAX, hidden_in_name};
use crate::roles::RoleName;
use std::collections::{BTreeMap, BTreeSet};

/// All that is to be followed, as it is set. What follows no claim is not among it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Members of organizations.
    pub organizations: OrganizationSync,
    /// Groups, by organization.
    pub groups: BTreeMap<OrganizationId, GroupSync>,
    /// Roles, by organization.
    pub roles: BTreeMap<OrganizationId, RoleSync>,
    /// Roles on the site.
    pub site_roles: Option<SiteRoleSync>,
}

/// A group that a value names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GroupWanted<'s> {
    /// The filter does not let the value through.
    Filtered,
    /// These groups.
    Ids(&'s [GroupId]),
    /// The one of this name.
    Named(&'s str),
}

/// What a value of the claim of groups names: first the names of old deployments, then the filter, then the mapping.
pub(super) fn group_wanted<'s>(sync: &'s GroupSync, value: &'s str) -> GroupWanted<'s> {
    let value = sync.legacy_group_name_mapping.get(value).map_or(value, String::as_str);
    if sync.regex_filter.as_ref().is_some_and(|filter| !filter.passes(value)) {
        return GroupWanted::Filtered;
    }
    match sync.mapping.as_ref().and_then(|mapping| mapping.get(value)) {
        Some(ids) => GroupWanted::Ids(ids),
        None => GroupWanted::Named(value),
    }
}

/// The roles that a value of a claim names: those of the mapping, or the one that has it as its name.
pub(super) fn roles_wanted<'s>(
    mapping: Option<&'s Mapping<String>>,
    value: &'s String,
) -> impl Iterator<Item = &'s str> {
    let names = mapping.and_then(|mapping| mapping.get(value)).unwrap_or(std::slice::from_ref(value));
    names.iter().map(String::as_str)
}

impl OrganizationSync {
    /// The organizations that these claims name, whether or not they are there. What cannot be read names none.
    #[must_use]
    pub fn mentioned(&self, claims: &SyncClaims) -> BTreeSet<OrganizationId> {
        let texts = texts(claims, &self.field);
        let mapped = |text: &String| self.mapping.as_ref().and_then(|mapping| mapping.get(text)).unwrap_or_default();
        texts.iter().flat_map(mapped).copied().collect()
    }
}

impl Rules {
    /// The groups that these claims name, by id.
    #[must_use]
    pub fn mentioned_groups(&self, claims: &SyncClaims) -> BTreeSet<GroupId> {
        let mut ids = BTreeSet::new();
        for sync in self.groups.values() {
            for text in &texts(claims, &sync.field) {
                if let GroupWanted::Ids(wanted) = group_wanted(sync, text) {
                    ids.extend(wanted);
                }
            }
        }
        ids
    }

    /// The groups that these claims name, by name.
    #[must_use]
    pub fn mentioned_group_names(&self, claims: &SyncClaims) -> BTreeSet<(OrganizationId, String)> {
        let mut names = BTreeSet::new();
        for (organization, sync) in &self.groups {
            for text in &texts(claims, &sync.field) {
                if let GroupWanted::Named(name) = group_wanted(sync, text)
                    && can_be_named(name)
                {
                    names.insert((*organization, name.to_owned()));
                }
            }
        }
        names
    }

    /// The roles that these claims name, but for built-in ones.
    #[must_use]
    pub fn mentioned_custom_roles(&self, claims: &SyncClaims) -> Vec<RoleName> {
        let mut names = BTreeSet::new();
        for (organization, sync) in &self.roles {
            for text in &texts(claims, &sync.field) {
                let wanted = roles_wanted(sync.mapping.as_ref(), text);
                names.extend(wanted.map(|name| RoleName::organization(name, organization.0)));
            }
        }
        if let Some(sync) = &self.site_roles {
            names.extend(sync.defaults.iter().map(RoleName::site));
            for text in &texts(claims, &sync.field) {
                names.extend(roles_wanted(Some(&sync.mapping), text).map(RoleName::site));
            }
        }
        names.into_iter().filter(|name| !name.is_built_in()).collect()
    }
}

/// Whether a group can have this name. The rule for names that people choose does not hold for those of a provider, but for characters
/// that do not show.
pub(super) fn can_be_named(name: &str) -> bool {
    name.len() <= GROUP_NAME_MAX && !name.is_empty() && hidden_in_name(name).is_none()
}

/// The values of a claim; none while it is not there or cannot be read.
fn texts(claims: &SyncClaims, field: &str) -> Vec<String> {
    match claims.read(field) {
        Ok(ClaimValues::These(values)) if !field.is_empty() => values.texts,
        Ok(_) | Err(_) => Vec::new(),
    }
}
