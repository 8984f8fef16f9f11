//! The names of roles.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Where a role is given: to a user, or to a member of one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Site-wide.
    Site,
    /// In one organization.
    Organization,
}

/// The identity of a role: a name and, for an organization role, the organization. Text form `name` or `name:uuid`.
///
/// ```
/// use doorward_domain::roles::RoleName;
///
/// let name: RoleName = "organization-admin:6ba7b810-9dad-11d1-80b4-00c04fd430c8".parse()?;
/// assert_eq!(name.name(), "organization-admin");
/// assert!("organization-admin:nowhere".parse::<RoleName>().is_err());
/// # Ok::<(), doorward_domain::roles::RoleNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName {
    name: String,
    organization: Option<Uuid>,
}

impl RoleName {
    /// A site role.
    #[must_use]
    pub fn site(name: impl Into<String>) -> Self {
        Self { name: name.into(), organization: None }
    }

    /// A role in one organization.
    #[must_use]
    pub fn organization(name: impl Into<String>, organization: Uuid) -> Self {
        Self { name: name.into(), organization: Some(organization) }
    }

    /// A custom role of an organization, whatever letter case it is named in: they are stored in lower case.
    ///
    /// ```
    /// use doorward_domain::roles::RoleName;
    /// # let acme = uuid::Uuid::NAMESPACE_DNS;
    /// assert_eq!(RoleName::custom("Cook", acme), RoleName::organization("cook", acme));
    /// ```
    #[must_use]
    pub fn custom(name: &str, organization: Uuid) -> Self {
        Self::organization(name.to_lowercase(), organization)
    }

    /// The name without organization.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The organization of an organization role.
    #[must_use]
    pub const fn organization_id(&self) -> Option<Uuid> {
        self.organization
    }

    /// Where the role is given.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        if self.organization.is_some() { Kind::Organization } else { Kind::Site }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.organization {
            None => f.write_str(&self.name),
            Some(organization) => write!(f, "{}:{organization}", self.name),
        }
    }
}

/// A text that is no role name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleNameError {
    /// Nothing before the colon, or nothing at all.
    #[error("the name of a role must not be empty")]
    Empty,
    /// More than one colon.
    #[error("`{0}` is not a role: more than one colon")]
    Colons(String),
    /// The part after the colon.
    #[error("`{text}` is not a role: the organization is not a uuid")]
    Organization {
        /// The whole text.
        text: String,
        /// What is wrong with it.
        source: uuid::Error,
    },
}

impl FromStr for RoleName {
    type Err = RoleNameError;

    fn from_str(text: &str) -> Result<Self, RoleNameError> {
        let (name, organization) = match text.split_once(':') {
            None => (text, None),
            Some((_, rest)) if rest.contains(':') => return Err(RoleNameError::Colons(text.to_owned())),
            Some((name, organization)) => (name, Some(organization)),
        };
        if name.is_empty() {
            return Err(RoleNameError::Empty);
        }
        let organization = organization.map(Uuid::try_parse).transpose();
        let organization =
            organization.map_err(|source| RoleNameError::Organization { text: text.to_owned(), source })?;
        Ok(Self { name: name.to_owned(), organization })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_strictly() {
        let id = Uuid::NAMESPACE_DNS;
        assert_eq!("owner".parse(), Ok(RoleName::site("owner")));
        assert_eq!(format!("a:{id}").parse(), Ok(RoleName::organization("a", id)));
        assert_eq!(format!("a:{id}").parse::<RoleName>().unwrap().to_string(), format!("a:{id}"));
        for text in ["", ":", "a:", "a:b", &format!(":{id}"), &format!("a:{id}:"), "a:b:c"] {
            assert!(text.parse::<RoleName>().is_err(), "{text}");
        }
    }
}
