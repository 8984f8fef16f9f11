//! Members of organizations (`identity.md` 5).
//!
//! Who changes something is looked up once more in the transaction. So besides the errors that each use case names there
//! are [`Error::Conflict`] for those whose own rights have just changed, and [`Error::Unauthenticated`] for those whose
//! key is gone.

mod roles;
#[cfg(test)]
mod tests;

pub use roles::{may_change_roles, update_roles, update_shown_roles};

use crate::Principal;
use crate::audit::{Audited, Snapshot};
use crate::context::Context;
use crate::error::Error;
use crate::idp_sync::owned;
use crate::organizations::{OrganizationRef, resolve};
use crate::roles::{RoleLabel, custom_among, labels};
use crate::users::caller::with_caller_and;
use crate::users::reference::{look_up, resolve_live};
use crate::users::{self, UserRef, access};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::OrganizationId;
use doorward_domain::organizations::{Member, MemberFilter, Membership, parse_member_query};
use doorward_domain::page::Page;
use doorward_domain::roles::assign::AssignmentLevel;
use doorward_domain::roles::{Action, Denied, RoleName, action, resource};
use doorward_domain::users::User;
use doorward_ports::{Conflict, Repositories, StoreError};

/// The user is a member already.
pub(crate) fn is_member_already() -> Error {
    Error::invalid("Organization member already exists in this organization.")
}

/// A member with the display names of all roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The member.
    pub member: Member,
    /// The roles in the organization; the implied one is not among them.
    pub roles: Vec<RoleLabel>,
    /// The site roles; the implied one is not among them.
    pub site_roles: Vec<RoleLabel>,
}

/// A page of members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberList {
    /// The members of the page.
    pub members: Vec<MemberView>,
    /// How many the caller may read, before limit and offset.
    pub count: u64,
}

/// Lists the members that the caller may read, by user name, narrowed by a search query.
///
/// Shows what `organization_member:read` reaches. Errors: `Invalid` (the query), `OrganizationNotFound` (missing or not
/// readable), `Forbidden` (only the scope is too short for the organization).
pub async fn list(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    query: &str,
    page: Page,
) -> Result<MemberList, Error> {
    let filter = parse_member_query(query)
        .map_err(|errors| Error::bad_query("Invalid organization member search query.", errors))?;
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let place = resolve(look.repos, look.by, &reference)?.id;
        let visible = access::visible_members(look.by);
        let found = if filter == MemberFilter::default() {
            look.repos.members().list(place, &visible, page)?
        } else {
            look.repos.members().search(place, &visible, &filter, page)?
        };
        Ok(MemberList { members: views(look.repos, found.members)?, count: found.count })
    })
    .await
}

/// Shows one member. Who is none, may not be read as one, or does not exist is not found, whichever of it is so.
///
/// Needs `organization_member:read`. Errors: `OrganizationNotFound` (missing or not readable), `NotFound`, `Forbidden`
/// (only the scope is too short).
pub async fn find(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    user: &UserRef,
) -> Result<MemberView, Error> {
    let (place, user) = (organization.clone(), user.clone());
    ctx.look(actor, move |look| {
        let organization = resolve(look.repos, look.by, &place)?;
        let (member, readable) = match locate(look.repos, look.by, organization.id, &user) {
            Err(Error::UserNotFound) => return Err(Error::NotFound),
            located => located?,
        };
        readable.map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        view(look.repos, member)
    })
    .await
}

/// Makes a user a member, without roles. Who may not is told that nothing is there.
///
/// Needs `assign_org_role:assign` and `organization_member:create`. Errors: `OrganizationNotFound` and `UserNotFound`
/// (missing or not readable), `NotFound` (not allowed), `Forbidden` (only the scope is too short), `Refused` (the
/// service account of the app that asks), `Invalid` (a member already; a user whose organizations follow a claim).
pub async fn add(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    user: &UserRef,
) -> Result<MemberView, Error> {
    let (place, user, sync) = (organization.clone(), user.clone(), ctx.settings.idp_sync.clone());
    ctx.act(actor, move |deed| {
        let organization = resolve(deed.repos, deed.by, &place)?.id;
        let id = resolve_live(deed.repos, deed.by, &user)?.id;
        deed.by.not_for_own_account(deed.repos, [id])?;
        // Who is being deleted at this moment must not become a member.
        with_caller_and(deed, id, |deed, actor, user| {
            users::may_make_member(actor, AssignmentLevel::Organization(organization.0)).map_err(|error| {
                let Error::Forbidden(denied) = error else { return Error::NotFound };
                Error::NotFound.unless_scope_is_short(denied)
            })?;
            let object = access::new_member(organization, id);
            let permit = access::permit::<action::Create, resource::OrganizationMember>(actor, &object)
                .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
            owned::refuse_membership(deed.repos, &sync, &user)?;
            let membership = users::member(organization, id, deed.now);
            match deed.repos.organizations().insert_member(&permit, &membership) {
                Err(StoreError::Conflict(Conflict::OrganizationDeleted)) => {
                    return Err(Error::OrganizationNotFound(place.to_string()));
                }
                inserted => inserted?,
            }
            let member = member_of(user, membership);
            Ok(deed.entry().answering(200).made(&member)?.answer(view(deed.repos, member)?))
        })
    })
    .await
}

/// Ends a membership, and those in all groups of the organization.
///
/// Needs `organization_member:read` and `organization_member:delete`. Errors: `OrganizationNotFound`, `UserNotFound`
/// and `NotFound` (missing or not readable), `Forbidden`, `Invalid` (oneself), `Refused` (the service account of the
/// app that asks).
pub async fn remove(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    user: &UserRef,
) -> Result<(), Error> {
    let (place, user) = (organization.clone(), user.clone());
    ctx.act(actor, move |deed| {
        let organization = resolve(deed.repos, deed.by, &place)?.id;
        let (member, readable) = locate(deed.repos, deed.by, organization, &user)?;
        readable.map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        let id = member.membership.user_id;
        if deed.by.is(id) {
            return Err(Error::invalid("Cannot remove self from an organization."));
        }
        deed.by.not_for_own_account(deed.repos, [id])?;
        with_caller_and(deed, id, |deed, actor, _| {
            let object = access::member(organization, id);
            let permit = access::permit::<action::Delete, resource::OrganizationMember>(actor, &object)?;
            let member = deed.repos.members().find_for_update(organization, id)?.ok_or(Error::NotFound)?;
            if !deed.repos.members().delete(&permit, organization, id)? {
                return Err(Error::NotFound);
            }
            Ok(deed.ended(&member)?.answer(()))
        })
    })
    .await
}

/// The member that `reference` names, and whether the caller may read it. A user of whom the caller may know neither as
/// a user nor as a member does not exist; one who is no member is nothing. What only the scope of the credential hides is
/// told as that.
fn locate(
    repos: &mut dyn Repositories,
    actor: &Principal,
    organization: OrganizationId,
    reference: &UserRef,
) -> Result<(Member, Result<(), Denied>), Error> {
    let user = look_up(repos, actor, reference)?.filter(|user| !user.deleted && !user.is_system);
    let id = user.ok_or(Error::UserNotFound)?.id;
    let readable = access::may(actor, Action::Read, &access::member(organization, id));
    let known = if actor.is(id) { Ok(()) } else { access::may(actor, Action::Read, &access::user(id)) };
    match (repos.members().find(organization, id)?, readable, known) {
        (Some(_), Err(unreadable), Err(unknown)) => {
            // Whoever may read the member need not know the user, so the former is asked for first.
            Err(Error::UserNotFound.unless_scope_is_short(unknown).unless_scope_is_short(unreadable))
        }
        (Some(member), readable, _) => Ok((member, readable)),
        (None, _, Ok(())) => Err(Error::NotFound),
        (None, _, Err(unknown)) => Err(Error::UserNotFound.unless_scope_is_short(unknown)),
    }
}

/// The new member that this user is.
fn member_of(user: User, membership: Membership) -> Member {
    Member { membership, site_roles: user.roles.clone(), user: user.into() }
}

/// Adds display names, looking all custom roles up at once.
fn views(repos: &mut dyn Repositories, members: Vec<Member>) -> Result<Vec<MemberView>, StoreError> {
    let names: Vec<(Vec<RoleName>, Vec<RoleName>)> = members.iter().map(role_names).collect();
    let custom = custom_among(repos, names.iter().flat_map(|(organization, site)| organization.iter().chain(site)))?;
    let with_names = |(member, (organization, site)): (Member, (Vec<RoleName>, Vec<RoleName>))| MemberView {
        roles: labels(&organization, &custom),
        site_roles: labels(&site, &custom),
        member,
    };
    Ok(members.into_iter().zip(names).map(with_names).collect())
}

fn view(repos: &mut dyn Repositories, member: Member) -> Result<MemberView, Error> {
    let found = views(repos, vec![member])?.pop();
    found.ok_or_else(|| Error::Internal("a member has no view".into()))
}

/// The roles in the organization, and on the site.
fn role_names(member: &Member) -> (Vec<RoleName>, Vec<RoleName>) {
    let place = member.membership.organization_id.0;
    (member.membership.roles.in_organization(place).collect(), member.site_roles.on_site().collect())
}

/// The tracked fields are those of `enterprise-platform.md` 9.2.
impl Audited for Member {
    fn kind(&self) -> AuditResource {
        AuditResource::OrganizationMember
    }

    fn id(&self) -> String {
        self.membership.user_id.to_string()
    }

    fn target(&self) -> String {
        self.user.username.to_string()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.membership.organization_id)
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("username", self.user.username.as_str())
            .field("user_id", self.membership.user_id.to_string())
            .field("roles", self.membership.roles.as_slice())
            .moment("created_at", Some(self.membership.created_at))
            .moment("updated_at", Some(self.membership.updated_at))
    }
}
