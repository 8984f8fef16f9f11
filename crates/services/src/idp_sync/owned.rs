//! What people may not change of users whose organizations, groups and roles follow the claims of an identity provider
//! (`enterprise-identity.md` 4.5, 4.6): the next sign-in would undo it. What is taken away by hand comes back there too, and is allowed.

use super::SyncSetting as _;
use super::settings::IdpSyncSettings;
use crate::error::Error;
use crate::runtime_settings;
use doorward_domain::groups::Group;
use doorward_domain::idp_sync::{GroupSync, OrganizationSync, RoleSync};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::users::{LoginType, User};
use doorward_ports::Repositories;

/// Whether what the user has may follow claims: nobody else signs in with any.
fn follows(user: &User) -> bool {
    user.login_type == LoginType::Oidc
}

/// Refuses to make a user a member by hand while memberships follow a claim. Errors: `Invalid`.
pub(crate) fn refuse_membership(
    repos: &mut dyn Repositories,
    settings: &IdpSyncSettings,
    user: &User,
) -> Result<(), Error> {
    if !follows(user) {
        return Ok(());
    }
    let stored: Option<OrganizationSync> = runtime_settings::find(repos, None)?;
    let sync = stored.unwrap_or_else(|| settings.organization_sync());
    if sync.field.is_empty() {
        return Ok(());
    }
    Err(Error::invalid_because(
        "Cannot add this user: the organizations of users who sign in with OpenID Connect follow their provider.",
        format!(
            "The claim `{}` says which organizations {} belongs to, and is read at each sign-in. Change it at the provider, or \
             change the mapping of organization sync.",
            sync.field, user.username
        ),
    ))
}

/// Refuses to change the roles of a member by hand while they follow a claim there. Errors: `Invalid`.
pub(crate) fn refuse_member_roles(
    repos: &mut dyn Repositories,
    organization: OrganizationId,
    user: LoginType,
) -> Result<(), Error> {
    if user != LoginType::Oidc {
        return Ok(());
    }
    let stored: Option<RoleSync> = runtime_settings::find(repos, Some(organization))?;
    let Some(sync) = stored.filter(|sync| !sync.field.is_empty()) else { return Ok(()) };
    Err(Error::invalid_because(
        "Cannot change the roles of this member: those of users who sign in with OpenID Connect follow their provider.",
        format!(
            "The claim `{}` says which roles the user has in this organization, and is read at each sign-in. Change it at the \
             provider, or change the mapping of role sync.",
            sync.field
        ),
    ))
}

/// Refuses to change the roles of a user on the site by hand while they follow a claim. Errors: `Invalid`.
pub(crate) fn refuse_site_roles(settings: &IdpSyncSettings, user: &User) -> Result<(), Error> {
    if !follows(user) || settings.site_role_field.is_empty() {
        return Ok(());
    }
    Err(Error::invalid_because(
        "Cannot change the roles of this user: those of users who sign in with OpenID Connect follow their provider.",
        format!(
            "The claim `{}` says which roles {} has, and is read at each sign-in. Change it at the provider, or change \
             `idp_sync.site_role_mapping`.",
            settings.site_role_field, user.username
        ),
    ))
}

/// Refuses to add users to a group by hand while the groups of its organization follow a claim. Errors: `Invalid`.
pub(crate) fn refuse_group_members(
    repos: &mut dyn Repositories,
    settings: &IdpSyncSettings,
    group: &Group,
    added: &[UserId],
) -> Result<(), Error> {
    if added.is_empty() {
        return Ok(());
    }
    let stored: Option<GroupSync> = runtime_settings::find(repos, Some(group.organization_id))?;
    let sync = match stored {
        Some(sync) => sync,
        // Only then is it asked which organization it is.
        None if !settings.group_field.is_empty() => {
            GroupSync::fallback(settings, repos.organizations().find(group.organization_id)?.as_ref())
        }
        None => return Ok(()),
    };
    if sync.field.is_empty() {
        return Ok(());
    }
    let Some(user) = repos.users().list_by_id(added)?.into_iter().find(follows) else { return Ok(()) };
    Err(Error::invalid_because(
        "Cannot add this user: the groups of users who sign in with OpenID Connect follow their provider.",
        format!(
            "The claim `{}` says which groups of this organization {} is in, and is read at each sign-in. Change it at the provider, \
             or change the mapping of group sync.",
            sync.field, user.username
        ),
    ))
}
