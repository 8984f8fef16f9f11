//! Making groups.

use super::access;
use super::record::{self, DISPLAY_NAME};
use super::views::GroupView;
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::organizations::{self, OrganizationRef};
use crate::users::fields::Fields;
use doorward_domain::groups::{AVATAR_URL_MAX, EVERYONE, Group, GroupSource};
use doorward_domain::organizations::Organization;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::Repositories;

/// What is asked of a new group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateGroup {
    /// Its name.
    pub name: String,
    /// What people see; may be empty.
    pub display_name: String,
    /// URL of a picture, may be empty.
    pub avatar_url: String,
    /// What each member may spend; must fit into 32 bits.
    pub quota_allowance: i64,
}

/// Makes a group without members.
///
/// Needs `group:create`. Errors: `OrganizationNotFound`, `Forbidden`, `Invalid` (`name`, `display_name`, `avatar_url`,
/// `quota_allowance`), `Conflict` (`name`).
pub async fn create(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    command: CreateGroup,
) -> Result<GroupView, Error> {
    let reference = organization.clone();
    ctx.act(actor, move |deed| {
        let (organization, permit) = authorize(deed.repos, deed.by, &reference)?;
        let reserved = command.name == EVERYONE;
        let mut fields = Fields::default();
        let name = fields.group_name("name", &command.name);
        let reserved = reserved.then(|| format!("{EVERYONE:?} is reserved for the group of all members."));
        let mut fields = fields.defect("name", reserved);
        let display_name = fields.value("display_name", DISPLAY_NAME, &command.display_name);
        let mut fields =
            fields.at_most("avatar_url", &command.avatar_url, AVATAR_URL_MAX).plain("avatar_url", &command.avatar_url);
        let quota_allowance = fields.fitting("quota_allowance", command.quota_allowance);
        let ((name, display_name), quota_allowance) = fields.done_with(name.zip(display_name).zip(quota_allowance))?;
        if deed.repos.groups().find_by_name(organization.id, name.as_str())?.is_some() {
            return Err(record::name_taken(&name));
        }
        let group = Group {
            id: deed.new_id(),
            organization_id: organization.id,
            name,
            display_name,
            avatar_url: command.avatar_url,
            quota_allowance,
            source: GroupSource::User,
            created_at: deed.now,
            updated_at: deed.now,
        };
        deed.repos.groups().insert(&permit, &group)?;
        Ok(deed.made(&group)?.answer(GroupView {
            group,
            organization_name: organization.name,
            organization_display_name: organization.display_name,
            members: Vec::new(),
            total_member_count: 0,
        }))
    })
    .await
}

/// Whether the caller may make groups in the organization at all.
///
/// Needs `group:create`. Errors: `OrganizationNotFound`, `Forbidden`.
pub async fn may_create(ctx: &Context, actor: &Principal, organization: &OrganizationRef) -> Result<(), Error> {
    let reference = organization.clone();
    ctx.look(actor, move |look| authorize(look.repos, look.by, &reference).map(drop)).await
}

fn authorize(
    repos: &mut dyn Repositories,
    actor: &Principal,
    reference: &OrganizationRef,
) -> Result<(Organization, Permit<action::Create, resource::Group>), Error> {
    let organization = organizations::resolve(repos, actor, reference)?;
    let permit = access::permit_new(actor, organization.id)?;
    Ok((organization, permit))
}
