//! Custom roles.

use super::Conn;
use crate::schema::custom_roles;
use crate::session::Session;
use crate::types::{Id, Json};
use diesel::prelude::*;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{CustomRole, Permission, RoleName};
use doorward_ports::StoreError;
use doorward_ports::roles::RoleRepository;

/// Name, organization, display name and the three lists of permissions.
type Columns =
    (String, Option<Id<OrganizationId>>, String, Json<Vec<Permission>>, Json<Vec<Permission>>, Json<Vec<Permission>>);

impl RoleRepository for Session<'_, Conn> {
    fn find_custom(&mut self, names: &[RoleName]) -> Result<Vec<CustomRole>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|conn| {
            let wanted: Vec<&str> = names.iter().map(RoleName::name).collect();
            let rows: Vec<Columns> = custom_roles::table
                .filter(custom_roles::name.eq_any(wanted))
                .order((custom_roles::name, custom_roles::id))
                .select((
                    custom_roles::name,
                    custom_roles::organization_id,
                    custom_roles::display_name,
                    custom_roles::site_permissions,
                    custom_roles::organization_permissions,
                    custom_roles::user_permissions,
                ))
                .load(conn)?;
            // A name may exist in several organizations, of which one is meant.
            let roles = rows.into_iter().filter_map(|(name, organization, display_name, site, members, user)| {
                let name = match organization {
                    Some(organization) => RoleName::organization(name, organization.0.0),
                    None => RoleName::site(name),
                };
                names.contains(&name).then(|| CustomRole::new(name, display_name, site.0, members.0, user.0))
            });
            Ok(roles.collect())
        })
    }
}
