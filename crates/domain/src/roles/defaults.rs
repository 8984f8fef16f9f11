//! Roles that every member of an organization has.

use std::fmt;

use uuid::Uuid;

use super::Kind;
use super::assign::{AssignmentLevel, Refusals, RoleChange, plan_or_all};
use super::builtin::BuiltIn;
use super::role::implied_in;
use super::{RoleName, RoleSet, Subject};

/// A role of newer releases of Coder, with the rights on one's own workspaces. Here they are part of the implied role, so
/// that it adds nothing; no custom role may take the name.
pub const WORKSPACE_ACCESS: &str = "organization-workspace-access";

/// The built-in roles that an organization gives to each of its members besides the implied one, in the order in which
/// they were named, each once.
///
/// ```
/// use doorward_domain::roles::DefaultRoles;
///
/// let roles = DefaultRoles::new(&["organization-auditor", "organization-workspace-access"]).unwrap();
/// assert_eq!(roles.granted(uuid::Uuid::NAMESPACE_DNS).len(), 1);
/// assert_eq!(DefaultRoles::new(&["chef", "organization-auditor", "owner"]).unwrap_err().len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefaultRoles(Vec<String>);

/// A name that cannot be a default role: unknown, of a custom role, or of a site role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a built-in role of organizations")]
pub struct DefaultRoleError(String);

impl DefaultRoles {
    /// Takes names without organization; answers all that cannot stand.
    pub fn new<N: AsRef<str>>(names: &[N]) -> Result<Self, Vec<DefaultRoleError>> {
        let (mut roles, mut errors) = (Vec::<String>::new(), Vec::<DefaultRoleError>::new());
        for name in names.iter().map(AsRef::as_ref) {
            if name != WORKSPACE_ACCESS && BuiltIn::find_in(name, Kind::Organization).is_none() {
                let error = DefaultRoleError(name.to_owned());
                if !errors.contains(&error) {
                    errors.push(error);
                }
            } else if !roles.iter().any(|known| known == name) {
                roles.push(name.to_owned());
            }
        }
        if errors.is_empty() { Ok(Self(roles)) } else { Err(errors) }
    }

    /// Names as they were stored. Those that are no role any more grant nothing.
    #[must_use]
    pub const fn from_storage(names: Vec<String>) -> Self {
        Self(names)
    }

    /// The names, without organization.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// What they grant to a member of the organization.
    #[must_use]
    pub fn granted(&self, organization: Uuid) -> Vec<RoleName> {
        self.0.iter().map(|name| RoleName::organization(name, organization)).filter(RoleName::is_built_in).collect()
    }

    /// Plans the change of the default roles of an organization from these to the `wanted` ones: who may not give or take
    /// one of them may not do so for everybody.
    pub fn plan(&self, actor: &Subject, organization: Uuid, wanted: &Self) -> Result<RoleChange, Refusals> {
        let mut before = self.granted(organization);
        // Every member has the implied one, whatever the list says.
        before.push(implied_in(organization));
        let after = wanted.granted(organization);
        plan_or_all(actor, AssignmentLevel::Organization(organization), &before, &after, &RoleSet::new())
    }
}

impl fmt::Display for DefaultRoles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::*;

    const ACME: Uuid = Uuid::NAMESPACE_DNS;

    fn roles(names: &[&str]) -> DefaultRoles {
        DefaultRoles::new(names).unwrap()
    }

    #[test]
    fn only_built_in_roles_of_organizations_are_taken_each_once() {
        for role in BuiltIn::all() {
            assert_eq!(DefaultRoles::new(&[role.name()]).is_ok(), role.kind() == Kind::Organization, "{role:?}");
        }
        let named = roles(&["organization-auditor", WORKSPACE_ACCESS, "organization-admin", "organization-auditor"]);
        assert_eq!(named.names(), ["organization-auditor", WORKSPACE_ACCESS, "organization-admin"]);
        let errors = DefaultRoles::new(&["chef", "organization-auditor", "owner", "", "chef"]).unwrap_err();
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let text = |name| format!("\"{name}\" is not a built-in role of organizations");
        assert_eq!(texts, ["chef", "owner", ""].map(text));
    }

    #[test]
    fn what_adds_nothing_grants_nothing() {
        let granted: Vec<String> =
            DefaultRoles::from_storage(["organization-auditor", WORKSPACE_ACCESS, "gone"].map(str::to_owned).to_vec())
                .granted(ACME)
                .iter()
                .map(ToString::to_string)
                .collect();
        assert_eq!(granted, [format!("organization-auditor:{ACME}")]);
    }

    #[test]
    fn who_may_not_give_or_take_a_role_may_not_do_so_for_everybody() {
        let of_acme =
            |role: &str| Subject::for_user(Uuid::NAMESPACE_URL).membership(ACME, [role]).scope(Scope::all()).build();
        let (admin, user_admin) = (of_acme("organization-admin"), of_acme("organization-user-admin"));
        let (none, auditors) = (roles(&[]), roles(&["organization-auditor"]));
        assert_eq!(none.plan(&admin, ACME, &auditors).unwrap().added().len(), 1);
        assert_eq!(auditors.plan(&admin, ACME, &none).unwrap().removed().len(), 1);
        assert!(none.plan(&user_admin, ACME, &auditors).is_err());
        assert!(auditors.plan(&user_admin, ACME, &none).is_err());
        assert!(none.plan(&admin, Uuid::NAMESPACE_OID, &auditors).is_err(), "another organization");
        // What changes nothing needs nothing.
        let same = roles(&[WORKSPACE_ACCESS, "organization-auditor", "organization-member"]);
        let change = auditors.plan(&of_acme("organization-auditor"), ACME, &same).unwrap();
        assert!(change.added().is_empty() && change.removed().is_empty());
    }
}
