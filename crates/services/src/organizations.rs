//! Organizations. The default one is made by [`crate::maintenance::bootstrap`].

use crate::context::{Actor, Context};
use crate::error::Error;
use crate::users::access;
use doorward_domain::ids::OrganizationId;
use doorward_domain::organizations::Organization;
use doorward_domain::roles::Action;
use doorward_ports::Repositories;
use uuid::Uuid;

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
pub async fn find(ctx: &Context, actor: &Actor, organization: &OrganizationRef) -> Result<Organization, Error> {
    let (actor, reference) = (actor.clone(), organization.clone());
    ctx.store.read(move |repos| resolve(repos, &actor, &reference)).await
}

/// The organization that `reference` names, if the caller may read it.
pub(crate) fn resolve(
    repos: &mut dyn Repositories,
    actor: &Actor,
    reference: &OrganizationRef,
) -> Result<Organization, Error> {
    let found = match reference {
        OrganizationRef::Default => repos.organizations().find_default()?,
        OrganizationRef::Id(id) => repos.organizations().find(*id)?,
        OrganizationRef::Name(name) => repos.organizations().find_by_name(name)?,
    };
    found
        .filter(|known| access::may(actor, Action::Read, &access::organization(known.id)).is_ok())
        .ok_or_else(|| Error::OrganizationNotFound(reference.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{ORGANIZATION, actor, context, organization};
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
    async fn an_organization_that_cannot_be_read_does_not_exist() {
        let mut repos = MockRepositories::default();
        repos.organizations.expect_find_by_name().returning(|_| Ok(Some(organization())));
        let stranger = actor().without_memberships().build();
        let refused = find(&context(repos), &stranger, &OrganizationRef::parse("Acme")).await;
        assert!(matches!(refused, Err(Error::OrganizationNotFound(name)) if name == "Acme"));
    }
}
