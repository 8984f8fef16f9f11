//! Role-based access control inside another service: `cargo run -p doorward-domain --example embed_rbac`.

use doorward_domain::roles::{
    Acl, Action, CustomRole, CustomRoles, Denied, Id, ListFilter, Object, Permission, Permit, ResourceType, RoleName,
    Scope, ScopeName, Subject, action, resource,
};
use std::fmt::Write as _;
use uuid::Uuid;

const ACME: Uuid = Uuid::from_u128(0xac3e);
const ALICE: Uuid = Uuid::from_u128(0xa11ce);
const DESIGNERS: Uuid = Uuid::from_u128(0xde51);

fn run() -> Result<String, Box<dyn std::error::Error>> {
    let mut report = String::new();

    // Custom roles come from your store; they are compiled once.
    let name = RoleName::organization("librarian", ACME);
    let permissions = vec![Permission::allow(ResourceType::Template, Action::Update)];
    let custom: CustomRoles =
        [CustomRole::new(name, "Librarian", Vec::new(), permissions, Vec::new())].into_iter().collect();

    // The subject of a request: a user, and the credential it came with.
    let scope = Scope::from_names(&[ScopeName::parse("template:*")?, ScopeName::parse("workspace:read")?]);
    let alice = Subject::for_user(ALICE)
        .membership(ACME, ["librarian"])
        .groups([DESIGNERS])
        .custom_roles(&custom)
        .scope(scope)
        .build();

    // Ask, and learn why.
    let shared = Acl::new().grant(DESIGNERS, Action::Use);
    let template = Object::of::<resource::Template>().id("t1").organization(ACME).group_acl(&shared);
    for action in [Action::Use, Action::Update, Action::Delete] {
        let decision = alice.decide(action, &template);
        writeln!(report, "{action} on a template: {} ({})", decision.allow(), decision.because())?;
    }
    let mine = Object::of::<resource::Workspace>().organization(ACME).owner(ALICE);
    writeln!(report, "delete my workspace: {}", alice.decide(Action::Delete, &mine).because())?;

    // Ask for a proof, and hand it to the code that writes.
    writeln!(report, "{}", rename(&alice.permit(&template)?, "a better name"))?;
    let refused: Result<Permit<action::Update, resource::Template>, Denied> =
        alice.permit(&Object::of::<resource::Template>());
    writeln!(report, "all templates: {}", refused.err().map_or_else(String::new, |denied| denied.to_string()))?;

    // What only her credential lacks, it can be asked for.
    let workspace = mine.id("w1");
    if let Err(denied) = alice.check(Action::Delete, &workspace)
        && let Some(scope) = denied.missing_scope()
    {
        writeln!(report, "she could with the scope {scope}: {}", scope.describe())?;
    }

    // What of a list she may see, as a WHERE clause.
    let (sql, parameters) = where_clause(&alice.list_filter(Action::Read, ResourceType::Template));
    writeln!(report, "she sees templates WHERE {sql}")?;
    for (n, parameter) in (1..).zip(parameters) {
        writeln!(report, "  ${n} = {}", parameter.join(", "))?;
    }
    Ok(report)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", run()?);
    Ok(())
}

/// Cannot be called without authorization.
fn rename(permit: &Permit<action::Update, resource::Template>, name: &str) -> String {
    format!("template {} is now `{name}`, says {:?}", permit.id(), permit.actor())
}

/// The decision for every row at once, for a table with the columns `id`, `organization`, `owner` and two access lists in
/// JSON: from user or group id to the names of actions. Each parameter is an array of texts.
fn where_clause(filter: &ListFilter) -> (String, Vec<Vec<String>>) {
    if filter.is_never() {
        return ("false".to_owned(), Vec::new());
    }
    let mut parameters: Vec<Vec<String>> = Vec::new();
    let mut parameter = |ids: &[Id]| {
        parameters.push(ids.iter().map(ToString::to_string).collect());
        format!("${}", parameters.len())
    };
    let gate = filter.allowed_ids().map(|ids| format!("id = ANY({})", parameter(ids)));
    let mut ways = Vec::new();
    if filter.is_all() {
        ways.push("true".to_owned());
    } else {
        if !filter.organizations().is_empty() {
            ways.push(format!("organization = ANY({})", parameter(filter.organizations())));
        }
        if let Some(clause) = filter.owner() {
            let owner = parameter(&[clause.owner().clone()]);
            let organizations = parameter(clause.organizations());
            let or_none = if clause.without_organization() { " OR organization IS NULL" } else { "" };
            ways.push(format!("owner = ANY({owner}) AND (organization = ANY({organizations}){or_none})"));
        }
        let (acl, action) = (filter.acl(), filter.action());
        let user = parameter(&[acl.user().clone()]);
        ways.push(format!("may(user_list, {user}, '{action}')"));
        let members = parameter(acl.memberships());
        let groups = parameter(acl.groups());
        ways.push(format!(
            "organization = ANY({members}) AND may(group_list, ARRAY[organization] || {groups}, '{action}')"
        ));
    }
    let ways = ways.iter().map(|way| format!("({way})")).collect::<Vec<_>>().join("\n    OR ");
    (gate.map_or_else(|| ways.clone(), |gate| format!("{gate}\n  AND ({ways})")), parameters)
}

#[test]
fn it_prints_what_the_rules_say() {
    assert_eq!(
        run().unwrap_or_else(|error| error.to_string()),
        "use on a template: true (the object's group list allows it to a group of the subject)\n\
         update on a template: true (a permission in the organization allows it)\n\
         delete on a template: false (no permission allows it)\n\
         delete my workspace: the scope of the credential does not permit it\n\
         template t1 is now `a better name`, says Subject(Id(00000000-0000-0000-0000-0000000a11ce))\n\
         all templates: update on template is denied: no permission allows it\n\
         she could with the scope workspace:delete: Delete your workspaces\n\
         she sees templates WHERE (owner = ANY($1) AND (organization = ANY($2) OR organization IS NULL))\n    \
         OR (may(user_list, $3, 'read'))\n    \
         OR (organization = ANY($4) AND may(group_list, ARRAY[organization] || $5, 'read'))\n  \
         $1 = 00000000-0000-0000-0000-0000000a11ce\n  \
         $2 = 00000000-0000-0000-0000-00000000ac3e\n  \
         $3 = 00000000-0000-0000-0000-0000000a11ce\n  \
         $4 = 00000000-0000-0000-0000-00000000ac3e\n  \
         $5 = 00000000-0000-0000-0000-00000000de51\n"
    );
}
