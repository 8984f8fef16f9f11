//! What is remembered elsewhere of what a write changes.

use doorward_domain::ids::{AppId, GroupId, OrganizationId, UserId};
use doorward_domain::sessions::ApiKeyId;
use doorward_ports::changes::Change;

/// Which remembered subjects a write concerns. Every write has to say so, for a subject that is not forgotten keeps what was
/// taken from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Touches {
    /// None.
    Nobody,
    /// These, who are to be forgotten everywhere at once.
    Now(Vec<Change>),
    /// This, which happens all day long and takes nothing from anybody by surprise: others may learn of it a moment later,
    /// together with more of the kind.
    Soon(Change),
}

impl Touches {
    /// No subject depends on it, for this reason.
    pub(crate) const fn nobody(_why: &'static str) -> Self {
        Self::Nobody
    }

    /// A user with all of its keys.
    pub(crate) fn user(id: UserId) -> Self {
        Self::from(Change::User(id))
    }

    /// Several users.
    pub(crate) fn users(ids: &[UserId]) -> Self {
        Self::Now(ids.iter().copied().map(Change::User).collect())
    }

    /// One key.
    pub(crate) fn key(id: &ApiKeyId) -> Self {
        Self::from(Change::Key(id.clone()))
    }

    /// The keys of an app.
    pub(crate) fn app(id: AppId) -> Self {
        Self::from(Change::App(id))
    }

    /// The members of a group.
    pub(crate) fn group(id: GroupId) -> Self {
        Self::from(Change::Group(id))
    }

    /// The members of an organization.
    pub(crate) fn organization(id: OrganizationId) -> Self {
        Self::from(Change::Organization(id))
    }
}

impl From<Change> for Touches {
    fn from(change: Change) -> Self {
        Self::Now(vec![change])
    }
}

/// What a write touches: known before, or told by what came of it.
pub(crate) trait Touching<T> {
    /// The subjects concerned by a write with this outcome.
    fn of(self, done: &T) -> Touches;
}

impl<T> Touching<T> for Touches {
    fn of(self, _done: &T) -> Touches {
        self
    }
}

impl<T, F: FnOnce(&T) -> Touches> Touching<T> for F {
    fn of(self, done: &T) -> Touches {
        self(done)
    }
}
