//! Who may give which role to whom.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::builtin::MEMBER;
use super::role::implied_in;
use super::{Action, Denied, Kind, Object, ResourceType, RoleName, RoleNames, RoleSet, Subject};

const CUSTOM_SITE: &str = "custom-site-role";
const CUSTOM_ORGANIZATION: &str = "custom-organization-role";

/// Whether one of the actor's roles lets it give or take `target`. An organization role counts in its organization.
#[must_use]
pub fn can_assign(actor: &Subject, target: &RoleName) -> bool {
    let wanted = match (target.is_built_in(), target.kind()) {
        (true, _) => target.name(),
        (false, Kind::Site) => CUSTOM_SITE,
        (false, Kind::Organization) => CUSTOM_ORGANIZATION,
    };
    actor.roles().iter().any(|role| {
        let mut organizations = role.organizations().map(|(id, _)| id).peekable();
        let in_reach = organizations.peek().is_none()
            || target.organization_id().is_some_and(|target| organizations.any(|id| id.as_uuid() == Some(target)));
        in_reach && role.assigns().contains(&wanted)
    })
}

/// Whose set of roles is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignmentLevel {
    /// The site roles of a user.
    Site,
    /// The roles of a member of an organization.
    Organization(Uuid),
}

impl AssignmentLevel {
    fn implied(self) -> RoleName {
        match self {
            Self::Site => RoleName::site(MEMBER),
            Self::Organization(organization) => implied_in(organization),
        }
    }

    fn fits(self, role: &RoleName) -> bool {
        match self {
            Self::Site => role.organization_id().is_none(),
            Self::Organization(organization) => role.organization_id() == Some(organization),
        }
    }

    fn object(self) -> Object<'static> {
        match self {
            Self::Site => Object::new(ResourceType::AssignRole),
            Self::Organization(organization) => Object::new(ResourceType::AssignOrgRole).organization(organization),
        }
    }
}

/// Why a set of roles cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    /// An organization role for a user, or a site role or a role of another organization for a member.
    #[error(
        "role \"{0}\" cannot be given here: site roles go to users, organization roles to members of that organization"
    )]
    WrongLevel(RoleName),
    /// Neither built in nor a custom role.
    #[error("\"{0}\" is not a supported role")]
    Unknown(RoleName),
    /// Not allowed to give or take roles at all.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Not allowed to give or take this role.
    #[error("not authorized to assign role \"{0}\"")]
    NotAuthorized(RoleName),
}

/// An authorized change of a set of roles. Only [`plan`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RoleChange {
    level: AssignmentLevel,
    added: Vec<RoleName>,
    removed: Vec<RoleName>,
    stored: RoleNames,
}

impl RoleChange {
    /// Whose set it is.
    #[must_use]
    pub const fn level(&self) -> AssignmentLevel {
        self.level
    }

    /// Roles that are new, the implied one included.
    #[must_use]
    pub fn added(&self) -> &[RoleName] {
        &self.added
    }

    /// Roles that go.
    #[must_use]
    pub fn removed(&self) -> &[RoleName] {
        &self.removed
    }

    /// The new set as it is stored: without the implied role.
    #[must_use]
    pub const fn stored(&self) -> &RoleNames {
        &self.stored
    }
}

/// Plans the change from the `current` set, as stored, to the `wanted` one, and asks whether `actor` may make it.
/// `known` must hold the custom roles that either names. Answers the first reason against it.
pub fn plan(
    actor: &Subject,
    level: AssignmentLevel,
    current: &[RoleName],
    wanted: &[RoleName],
    known: &RoleSet<'_>,
) -> Result<RoleChange, AssignError> {
    plan_or_all(actor, level, current, wanted, known).map_err(|refusals| refusals.first)
}

/// The first reason against a change of roles, and all others that can be told with it: names that cannot stand, or else
/// roles that the actor may not give or take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// The first one.
    pub first: AssignError,
    /// The others.
    pub others: Vec<AssignError>,
}

impl Refusals {
    /// `None` when nothing stands against it.
    pub fn of(reasons: impl IntoIterator<Item = AssignError>) -> Option<Self> {
        let mut reasons = reasons.into_iter();
        Some(Self { first: reasons.next()?, others: reasons.collect() })
    }
}

impl From<Denied> for Refusals {
    fn from(denied: Denied) -> Self {
        Self { first: denied.into(), others: Vec::new() }
    }
}

/// The same as [`plan`], with all reasons against it.
pub fn plan_or_all(
    actor: &Subject,
    level: AssignmentLevel,
    current: &[RoleName],
    wanted: &[RoleName],
    known: &RoleSet<'_>,
) -> Result<RoleChange, Refusals> {
    let before: BTreeSet<&RoleName> = current.iter().collect();
    let implied = level.implied();
    let after: BTreeSet<&RoleName> = wanted.iter().chain([&implied]).collect();
    let added: Vec<RoleName> = after.difference(&before).copied().cloned().collect();
    let removed: Vec<RoleName> = before.difference(&after).copied().cloned().collect();
    let touched = || added.iter().chain(&removed);

    let misplaced = touched().filter(|role| !level.fits(role)).cloned().map(AssignError::WrongLevel);
    let unknown = touched().filter(|role| level.fits(role) && known.find(role).is_none());
    if let Some(refusals) = Refusals::of(misplaced.chain(unknown.cloned().map(AssignError::Unknown))) {
        return Err(refusals);
    }
    if !added.is_empty() {
        actor.check(Action::Assign, &level.object())?;
    }
    if !removed.is_empty() {
        actor.check(Action::Unassign, &level.object())?;
    }
    let withheld = touched().filter(|role| !can_assign(actor, role)).cloned().map(AssignError::NotAuthorized);
    if let Some(refusals) = Refusals::of(withheld) {
        return Err(refusals);
    }
    let stored = after.iter().filter(|role| **role != &implied).map(|role| role.name().to_owned()).collect();
    Ok(RoleChange { level, added, removed, stored })
}
