//! Cedar: a pair such as `workspace:update` is an action, the permission lists of roles are groups of actions, roles of
//! an organization are attributes of it.

use std::fmt::Write as _;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use doorward_domain::roles::{BuiltIn, Kind, ResourceType};
use serde_json::{Value as Json, json};

use crate::listed;
use crate::scenario::Scenario;

const BAN: &str = "organization-workspace-creation-ban";

pub struct Peer {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    request: Request,
}

impl Peer {
    /// # Panics
    /// When policies or entities are refused.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let action = format!("{}:{}", scenario.resource, scenario.action);
        let request = Request::new(
            uid("User", &scenario.subject.id().to_string()),
            uid("Action", &action),
            uid("Object", "it"),
            Context::empty(),
            None,
        );
        Self {
            authorizer: Authorizer::new(),
            policies: policies().parse().unwrap(),
            entities: Entities::from_json_value(entities(scenario), None).unwrap(),
            request: request.unwrap(),
        }
    }

    #[must_use]
    pub fn decide(&self) -> bool {
        self.authorizer.is_authorized(&self.request, &self.policies, &self.entities).decision() == Decision::Allow
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    format!("{kind}::{id:?}").parse().unwrap()
}

fn policies() -> String {
    let mut text = String::new();
    let ban = format!(
        "unless {{ resource has org && principal in resource.org[\"{BAN}\"] && action in Action::\"{BAN}/deny\" }}"
    );
    for role in BuiltIn::all() {
        let name = role.name();
        if !role.site().permissions().is_empty() {
            let _ =
                writeln!(text, "permit(principal in Role::\"{name}\", action in Action::\"{name}/site\", resource);");
        }
        if !listed(role.organization(), false).is_empty() {
            let _ = writeln!(
                text,
                "permit(principal, action in Action::\"{name}/org\", resource)
                 when {{ resource has org && principal in resource.org[\"{name}\"] }} {ban};"
            );
        }
        if !role.user().permissions().is_empty() {
            let _ = writeln!(
                text,
                "permit(principal in Role::\"{name}\", action in Action::\"{name}/user\", resource)
                 when {{ resource has owner && resource.owner == principal
                     && (!(resource has org) || principal in resource.org[\"organization-member\"]) }} {ban};"
            );
        }
    }
    // The two roles of an access list.
    text.push_str(
        "permit(principal, action in [Action::\"template:read\", Action::\"template:use\"], resource)
             when { resource has users && resource has org
                 && principal in resource.org[\"organization-member\"] && principal in resource.users };
         permit(principal, action, resource)
             when { resource has admins && resource has org
                 && principal in resource.org[\"organization-member\"] && principal in resource.admins };",
    );
    text
}

fn reference(kind: &str, id: &str) -> Json {
    json!({ "type": kind, "id": id })
}

fn attribute(kind: &str, id: &str) -> Json {
    json!({ "__entity": reference(kind, id) })
}

fn entities(scenario: &Scenario) -> Json {
    let subject = &scenario.subject;
    let mut all = Vec::new();
    let mut parents: Vec<Json> = subject.groups().iter().map(|id| reference("Group", &id.to_string())).collect();
    for role in subject.roles() {
        let mut organizations = role.organizations().peekable();
        if organizations.peek().is_none() {
            parents.push(reference("Role", role.name()));
        }
        for (id, _) in organizations {
            // A role of an organization is a role, too: its site permissions are site-wide.
            let role_id = format!("{id}/{}", role.name());
            parents.push(reference("OrganizationRole", &role_id));
            let kind = [reference("Role", role.name())];
            all.push(json!({ "uid": reference("OrganizationRole", &role_id), "attrs": {}, "parents": kind }));
        }
    }
    all.push(json!({ "uid": reference("User", &subject.id().to_string()), "attrs": {}, "parents": parents }));

    let mut object = json!({});
    if let Some(owner) = scenario.owner {
        object["owner"] = attribute("User", &owner.to_string());
    }
    if let Some(organization) = scenario.organization {
        object["org"] = attribute("Organization", &organization.to_string());
        let roles = BuiltIn::all().iter().filter(|role| role.kind() == Kind::Organization).map(BuiltIn::name);
        let roles: serde_json::Map<String, Json> = roles
            .map(|name| (name.to_owned(), attribute("OrganizationRole", &format!("{organization}/{name}"))))
            .collect();
        all.push(json!({ "uid": reference("Organization", &organization.to_string()), "attrs": roles, "parents": [] }));
    }
    if !scenario.group_acl.is_empty() {
        let groups = scenario.group_acl.iter().map(|(id, _)| attribute("Group", &id.to_string()));
        object["users"] = groups.collect();
    }
    all.push(json!({ "uid": reference("Object", "it"), "attrs": object, "parents": [] }));
    all.extend(actions());
    Json::from(all)
}

/// Every pair, in the lists of the roles that have it.
fn actions() -> Vec<Json> {
    let action = |(resource, action): (ResourceType, doorward_domain::roles::Action)| {
        let mut parents = Vec::new();
        for role in BuiltIn::all() {
            for (suffix, list, negate) in [
                ("site", role.site(), false),
                ("org", role.organization(), false),
                ("user", role.user(), false),
                ("deny", role.organization(), true),
            ] {
                if listed(list, negate).contains(&(resource, action)) {
                    parents.push(reference("Action", &format!("{}/{suffix}", role.name())));
                }
            }
        }
        json!({ "uid": reference("Action", &format!("{resource}:{action}")), "attrs": {}, "parents": parents })
    };
    let pairs =
        ResourceType::ALL.into_iter().flat_map(|resource| resource.actions().iter().map(move |a| (resource, *a)));
    pairs.map(action).collect()
}
