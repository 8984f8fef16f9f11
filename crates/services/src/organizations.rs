//! Organizations (`identity.md` 4). The default one is made by [`crate::maintenance::bootstrap`].
//!
//! Who changes something is looked up once more in the transaction. So besides the errors that each use case names there
//! are [`Error::Conflict`] for those whose own rights have just changed, and [`Error::Unauthenticated`] for those whose
//! key is gone.

use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use crate::users::access;
use doorward_domain::ids::OrganizationId;
use doorward_domain::organizations::{Blocker, Organization};
use doorward_domain::roles::Action;
use doorward_ports::Repositories;
use uuid::Uuid;

mod change;

pub use change::{CreateOrganization, UpdateOrganization, create, delete, update};

/// A name that another organization has.
pub(crate) fn name_taken() -> Error {
    Error::taken("Organization already exists with that name.", "name")
}

/// An organization as named in a request (`identity.md` 1.4).
///
/// ```
/// use doorward_services::organizations::OrganizationRef;
/// assert_eq!(OrganizationRef::parse("default"), OrganizationRef::Default);
/// assert_eq!(OrganizationRef::parse("00000000-0000-0000-0000-000000000000"), OrganizationRef::Default);
/// assert_eq!(OrganizationRef::parse("acme"), OrganizationRef::Name("acme".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrganizationRef {
    /// The one of those for whom none is named.
    Default,
    /// By id.
    Id(OrganizationId),
    /// By name, without regard to letter case.
    Name(String),
}

impl OrganizationRef {
    /// Reads a segment of a path.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match Uuid::parse_str(text) {
            Ok(id) if id.is_nil() => Self::Default,
            Ok(id) => Self::Id(OrganizationId(id)),
            Err(_not_a_uuid) if text == "default" => Self::Default,
            Err(_not_a_uuid) => Self::Name(text.to_owned()),
        }
    }
}

impl std::fmt::Display for OrganizationRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Shows an organization. One that the caller cannot read does not exist.
///
/// Needs `organization:read`. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden` (only the scope is
/// too short).
pub async fn find(ctx: &Context, actor: &Principal, organization: &OrganizationRef) -> Result<Organization, Error> {
    let reference = organization.clone();
    ctx.look(actor, move |look| resolve(look.repos, look.by, &reference)).await
}

/// Lists the organizations that the caller may read, by name.
///
/// Shows what `organization:read` reaches. Errors: none of its own.
pub async fn list(ctx: &Context, actor: &Principal) -> Result<Vec<Organization>, Error> {
    let visible = access::visible_organizations(actor);
    ctx.look(actor, move |look| Ok(look.repos.organizations().list(&visible)?)).await
}

/// What keeps an organization from being deleted, as of now; empty when nothing does. The default one stays in any case.
///
/// Needs `organization:delete`. Errors: `OrganizationNotFound` (missing or not readable), `Forbidden`.
pub async fn delete_blockers(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
) -> Result<Vec<Blocker>, Error> {
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let known = resolve(look.repos, look.by, &reference)?;
        access::may(look.by, Action::Delete, &access::organization(known.id))?;
        Ok(look.repos.organizations().delete_blockers(known.id)?)
    })
    .await
}

/// The organization that `reference` names, if the caller may read it.
pub(crate) fn resolve(
    repos: &mut dyn Repositories,
    actor: &Principal,
    reference: &OrganizationRef,
) -> Result<Organization, Error> {
    let found = match reference {
        OrganizationRef::Default => repos.organizations().find_default()?,
        OrganizationRef::Id(id) => repos.organizations().find(*id)?,
        OrganizationRef::Name(name) => repos.organizations().find_by_name(name)?,
    };
    let not_found = || Error::OrganizationNotFound(reference.to_string());
    let found = found.ok_or_else(not_found)?;
    access::may(actor, Action::Read, &access::organization(found.id))
        .map_err(|denied| not_found().unless_scope_is_short(denied))?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{ORGANIZATION, actor, context, organization, owner};
    use doorward_ports::mocks::MockRepositories;

    #[tokio::test]
    async fn a_member_finds_the_default_organization_by_any_of_its_names() {
        for name in ["default", "00000000-0000-0000-0000-000000000000"] {
            let mut repos = MockRepositories::default();
            repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
            let found = find(&context(repos), &actor().build(), &OrganizationRef::parse(name)).await.unwrap();
            assert_eq!(found.id, ORGANIZATION);
        }
    }

    #[tokio::test]
    async fn who_may_delete_an_organization_may_ask_what_is_in_the_way() {
        let repos = || {
            let mut repos = MockRepositories::default();
            repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
            repos.organizations.expect_delete_blockers().returning(|_| Ok(vec![Blocker::Members(2)]));
            context(repos)
        };
        let found = delete_blockers(&repos(), &owner().build(), &OrganizationRef::Default).await.unwrap();
        assert_eq!(found, [Blocker::Members(2)]);
        let refused = delete_blockers(&repos(), &actor().build(), &OrganizationRef::Default).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
    }

    #[tokio::test]
    async fn an_organization_that_cannot_be_read_does_not_exist() {
        let mut repos = MockRepositories::default();
        repos.organizations.expect_find_by_name().returning(|_| Ok(Some(organization())));
        let stranger = actor().without_memberships().build();
        let refused = find(&context(repos), &stranger, &OrganizationRef::parse("Acme")).await;
        assert!(matches!(refused, Err(Error::OrganizationNotFound(name)) if name == "Acme"));
    }
}
