//! The section `idp_sync` of the settings: what holds until somebody stores something else.

use doorward_domain::idp_sync::{FIELD_MAX, Filter, GroupSync, Mapping, OrganizationSync, SiteRoleSync};
use doorward_domain::ids::OrganizationId;
use doorward_domain::names::hidden_in_name;
use doorward_domain::roles::RoleName;
use doorward_domain::settings::{Defects, Section, comma_list, optional};
use serde::{Deserialize, Serialize};

/// The section `idp_sync`: how members and groups follow the claims of identity providers until that is set through the API.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct IdpSyncSettings {
    /// The claim that names organizations; empty: members do not follow.
    pub organization_field: String,
    /// Organizations by the value of that claim.
    pub organization_mapping: Vec<GivenOrganizations>,
    /// Whether everybody belongs to the default organization.
    pub organization_assign_default: bool,
    /// The claim that names groups of the default organization; empty: groups do not follow.
    pub group_field: String,
    /// Names of groups by the value of that claim.
    pub group_mapping: Vec<GivenGroup>,
    /// Only values in which this is found count; `None`, written as an empty text: all.
    #[serde(with = "optional")]
    pub group_regex_filter: Option<Filter>,
    /// Whether groups that are named and not there are made.
    pub group_auto_create: bool,
    /// Values of the claim of groups, one of which at least is needed to sign in; empty: everybody may.
    pub group_allow_list: Vec<String>,
    /// The claim that names roles on the site; empty: they do not follow.
    pub site_role_field: String,
    /// Roles on the site by the value of that claim. A value that is not in it is the name of a role.
    pub site_role_mapping: Vec<GivenRoles>,
    /// The roles on the site that everybody has whose roles follow.
    pub site_role_defaults: Vec<String>,
}

/// What a value of the claim of organizations gives.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenOrganizations {
    /// The value.
    pub given: String,
    /// The organizations.
    #[serde(deserialize_with = "comma_list")]
    pub gets: Vec<OrganizationId>,
}

/// What a value of the claim of groups gives.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenGroup {
    /// The value.
    pub given: String,
    /// The name of the group.
    pub gets: String,
}

/// What a value of the claim of roles on the site gives.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GivenRoles {
    /// The value.
    pub given: String,
    /// The names of the roles; none: the value gives nothing.
    #[serde(default, deserialize_with = "comma_list")]
    pub gets: Vec<String>,
}

impl IdpSyncSettings {
    /// Sync of roles on the site; `None` if they do not follow.
    pub(super) fn site_role_sync(&self) -> Option<SiteRoleSync> {
        let pairs = self.site_role_mapping.iter().map(|pair| (pair.given.clone(), pair.gets.clone()));
        (!self.site_role_field.is_empty()).then(|| SiteRoleSync {
            field: self.site_role_field.clone(),
            mapping: pairs.collect(),
            defaults: self.site_role_defaults.clone(),
        })
    }

    /// Organization sync.
    pub(super) fn organization_sync(&self) -> OrganizationSync {
        let pairs = self.organization_mapping.iter().map(|pair| (pair.given.clone(), pair.gets.clone()));
        let mapping: Mapping<OrganizationId> = pairs.collect();
        OrganizationSync {
            field: self.organization_field.clone(),
            mapping: (mapping.pairs() > 0).then_some(mapping),
            assign_default: self.organization_assign_default,
        }
    }

    /// Group sync of the default organization.
    pub(super) fn group_sync(&self) -> GroupSync {
        GroupSync {
            field: self.group_field.clone(),
            mapping: None,
            regex_filter: self.group_regex_filter.clone(),
            auto_create_missing_groups: self.group_auto_create,
            legacy_group_name_mapping: self
                .group_mapping
                .iter()
                .map(|pair| (pair.given.clone(), pair.gets.clone()))
                .collect(),
        }
    }
}

impl Section for IdpSyncSettings {
    const NAME: &'static str = "idp_sync";

    fn check(&self, defects: &mut Defects) {
        let rule = format!("must be the name of a claim, at most {FIELD_MAX} bytes");
        let fields = [
            ("organization_field", &self.organization_field),
            ("group_field", &self.group_field),
            ("site_role_field", &self.site_role_field),
        ];
        for (key, field) in fields {
            defects.unless(field.len() <= FIELD_MAX && hidden_in_name(field).is_none(), key, &rule);
        }
        let by_group = self.group_allow_list.is_empty() || !self.group_field.is_empty();
        defects.unless(by_group, "group_allow_list", "needs `group_field`, the claim that it is about");
        let are_roles = self.site_role_defaults.iter().all(|name| RoleName::site(name).is_built_in());
        defects.unless(are_roles, "site_role_defaults", "must name roles on the site that are part of the server");
    }
}
