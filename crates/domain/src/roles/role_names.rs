//! The roles that somebody holds.

use uuid::Uuid;

use super::RoleName;

/// The roles that somebody holds in one place, as they are stored: on the site, or in one organization. Names without
/// organization, each once, sorted; the implied role is not among them unless it was given explicitly. Names of roles that are
/// gone may be among them, and grant nothing.
///
/// ```
/// use doorward_domain::roles::{OWNER, RoleName, RoleNames};
///
/// let mut held: RoleNames = ["owner", "auditor", "owner"].into_iter().collect();
/// assert_eq!(held.as_slice(), ["auditor", "owner"]);
/// assert!(held.contains(OWNER) && !held.contains("member"));
/// assert_eq!(held.on_site().next(), Some(RoleName::site("auditor")));
/// held.insert("member");
/// assert_eq!(held.as_slice(), ["auditor", "member", "owner"]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct RoleNames(Vec<String>);

impl RoleNames {
    /// Takes names as they were stored, each once, and puts them in order: there are rows in which `owner` is the last one
    /// whatever the others are, and [`Self::insert`] would find no place among them.
    #[must_use]
    pub fn from_storage(mut names: Vec<String>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// The names, without organization.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The names, without a copy.
    #[must_use]
    pub fn into_vec(self) -> Vec<String> {
        self.0
    }

    /// The names, without organization, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, String> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a role of exactly this name is among them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }

    /// Adds a role, unless it is among them.
    pub fn insert(&mut self, name: &str) {
        if !self.contains(name) {
            let place = self.0.partition_point(|known| known.as_str() < name);
            self.0.insert(place, name.to_owned());
        }
    }

    /// The identities of the roles, when they are held on the site.
    pub fn on_site(&self) -> impl Iterator<Item = RoleName> {
        self.0.iter().map(RoleName::site)
    }

    /// The identities of the roles, when they are held in this organization.
    pub fn in_organization(&self, organization: Uuid) -> impl Iterator<Item = RoleName> {
        self.0.iter().map(move |name| RoleName::organization(name, organization))
    }
}

impl<N: Into<String>> FromIterator<N> for RoleNames {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        Self::from_storage(names.into_iter().map(Into::into).collect())
    }
}

impl<'a> IntoIterator for &'a RoleNames {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_in_order_and_each_name_is_there_once() {
        let row = ["user-admin", "auditor", "user-admin", "owner"].map(str::to_owned).to_vec();
        let mut stored = RoleNames::from_storage(row.clone());
        assert_eq!(stored.as_slice(), ["auditor", "owner", "user-admin"]);
        assert_eq!(stored, row.into_iter().collect::<RoleNames>());
        stored.insert("template-admin");
        assert_eq!(stored.into_vec(), ["auditor", "owner", "template-admin", "user-admin"]);
    }

    #[test]
    fn a_role_is_added_once() {
        let mut held = RoleNames::default();
        assert!(held.is_empty());
        for name in ["b", "a", "b", "c"] {
            held.insert(name);
        }
        assert_eq!(held.as_slice(), ["a", "b", "c"]);
    }

    #[test]
    fn the_place_makes_the_identity() {
        let held: RoleNames = ["organization-auditor"].into_iter().collect();
        let place = Uuid::NAMESPACE_DNS;
        let there: Vec<RoleName> = held.in_organization(place).collect();
        assert_eq!(there, [RoleName::organization("organization-auditor", place)]);
        assert!(there.iter().all(RoleName::is_built_in) && !held.on_site().any(|role| role.is_built_in()));
    }
}
