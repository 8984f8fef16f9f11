//! What is said of a user, as of now.

use crate::identity_providers::settings::{GroupsFormat, OidcSettings};
use crate::principal::Principal;
use doorward_domain::groups::GroupFilter;
use doorward_domain::ids::OrganizationId;
use doorward_domain::openid::ClaimName;
use doorward_domain::roles::{Action, ResourceType};
use doorward_domain::user_links::UserLink;
use doorward_domain::users::User;
use doorward_ports::groups::GroupPage;
use doorward_ports::{Repositories, StoreError};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// These claims about a user; what is not known is left out.
pub(super) fn of_user(
    repos: &mut dyn Repositories,
    settings: &OidcSettings,
    user: &User,
    wanted: &BTreeSet<ClaimName>,
) -> Result<Map<String, Value>, StoreError> {
    let mut claims = Map::new();
    for claim in wanted {
        let value = match claim {
            ClaimName::Name => {
                let name = user.name.as_str();
                Some(if name.is_empty() { user.username.as_str() } else { name }.into())
            }
            ClaimName::PreferredUsername => Some(user.username.as_str().into()),
            ClaimName::Picture => Some(user.avatar_url.as_str()).filter(|url| !url.is_empty()).map(Value::from),
            ClaimName::UpdatedAt => Some(user.updated_at.unix_timestamp().into()),
            ClaimName::Email => user.email.as_ref().map(|email| email.as_str().into()),
            ClaimName::EmailVerified => match &user.email {
                Some(_) => Some(is_verified(repos, user)?.into()),
                None => None,
            },
            ClaimName::Groups => Some(json!(groups(repos, settings.groups_format, user)?)),
            ClaimName::Roles => Some(json!(roles(repos, user)?)),
        };
        if let Some(value) = value {
            claims.insert(claim.as_str().to_owned(), value);
        }
    }
    Ok(claims)
}

/// Whether a provider or an administrator has vouched for the very address that the user has, or the user has shown to read it.
pub(super) fn is_verified(repos: &mut dyn Repositories, user: &User) -> Result<bool, StoreError> {
    let Some(email) = &user.email else { return Ok(false) };
    let proven = repos.openid().find_verified_email(user.id)?;
    if proven.is_some_and(|proven| proven.eq_ignore_ascii_case(email.as_str())) {
        return Ok(true);
    }
    let vouches = |link: &UserLink| {
        let told = link.claims.get("email").and_then(Value::as_str);
        link.email_verified && told.is_some_and(|told| told.eq_ignore_ascii_case(email.as_str()))
    };
    Ok(repos.user_links().list_of_user(user.id)?.iter().any(vouches))
}

/// The groups of the user but for Everyone, sorted.
fn groups(repos: &mut dyn Repositories, format: GroupsFormat, user: &User) -> Result<BTreeSet<String>, StoreError> {
    // Which groups a person is in that person may know, and tell.
    let reader = Principal::system("people say of themselves in which groups they are");
    let visible = reader.subject.list_filter(Action::Read, ResourceType::Group);
    let filter = GroupFilter { has_member: Some(user.id), ..GroupFilter::default() };
    let found = repos.groups().list(&filter, &visible, &GroupPage::default())?;
    let named = |found: doorward_ports::groups::FoundGroup| match format {
        GroupsFormat::Qualified => format!("{}/{}", found.organization_name, found.group.name),
        GroupsFormat::Name => found.group.name.to_string(),
        GroupsFormat::Id => found.group.id.to_string(),
    };
    Ok(found.into_iter().filter(|found| !found.group.is_everyone()).map(named).collect())
}

/// The roles of the user, sorted: `owner` on the site, `organization:role` in an organization.
fn roles(repos: &mut dyn Repositories, user: &User) -> Result<BTreeSet<String>, StoreError> {
    let mut roles: BTreeSet<String> = user.roles.iter().cloned().collect();
    let mut memberships = repos.organizations().list_memberships(user.id)?;
    memberships.retain(|membership| !membership.roles.is_empty());
    if memberships.is_empty() {
        return Ok(roles);
    }
    let ids: Vec<OrganizationId> = memberships.iter().map(|membership| membership.organization_id).collect();
    let names: BTreeMap<OrganizationId, String> =
        repos.organizations().list_by_id(&ids)?.into_iter().map(|found| (found.id, found.name.to_string())).collect();
    for membership in memberships {
        let Some(organization) = names.get(&membership.organization_id) else { continue };
        roles.extend(membership.roles.iter().map(|role| format!("{organization}:{role}")));
    }
    Ok(roles)
}
