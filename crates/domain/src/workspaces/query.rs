//! The search language of workspace lists.

use crate::ids::{OrganizationId, UserId};
use crate::users::QueryError;
use crate::users::query::{each_term, once, repeated, unknown};

/// What a list of workspaces is narrowed to; `None` and empty narrow nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceFilter {
    /// Of this user.
    pub owner: Option<UserId>,
    /// Of this organization.
    pub organization: Option<OrganizationId>,
    /// Of templates with exactly this name, without regard to letter case.
    pub template: Option<String>,
    /// With this in the name, lower case.
    pub name: String,
}

/// A query as it was written: owner and organization are still names or ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceQuery {
    /// The owner as it was named.
    pub owner: Option<String>,
    /// The organization as it was named.
    pub organization: Option<String>,
    /// All the rest.
    pub filter: WorkspaceFilter,
}

/// Reads the query text of a workspace list: `owner:`, `organization:`, `template:`, `name:` (or a bare word). Every
/// term that cannot be understood is reported.
pub fn parse_workspace_query(text: &str) -> Result<WorkspaceQuery, Vec<QueryError>> {
    let mut query = WorkspaceQuery::default();
    let errors = each_term(text, "name", |key, value| {
        match key {
            "owner" => once(key, &mut query.owner, value.to_owned())?,
            "organization" => once(key, &mut query.organization, value.to_owned())?,
            "template" => once(key, &mut query.filter.template, value.to_owned())?,
            "name" if query.filter.name.is_empty() => value.clone_into(&mut query.filter.name),
            "name" => return Err(repeated(key)),
            _ => return Err(unknown(key)),
        }
        Ok(())
    });
    if errors.is_empty() { Ok(query) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_narrow() {
        let query = parse_workspace_query("owner:me Dev organization:acme template:\"t\"").unwrap();
        assert_eq!((query.owner.as_deref(), query.organization.as_deref()), (Some("me"), Some("acme")));
        assert_eq!((query.filter.template.as_deref(), query.filter.name.as_str()), (Some("t"), "dev"));
        let errors = parse_workspace_query("owner:a owner:b status:running").unwrap_err();
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["owner", "status"]);
    }
}
