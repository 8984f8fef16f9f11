//! Role-based access control inside another service: `cargo run -p doorward-domain --example embed_rbac`.

use doorward_domain::roles::{
    Acl, Action, CustomRole, CustomRoles, Denied, Object, Permission, Permit, ResourceType, RoleName, Scope, ScopeName,
    Subject, action, resource,
};
use uuid::Uuid;

const ACME: Uuid = Uuid::from_u128(0xac3e);
const ALICE: Uuid = Uuid::from_u128(0xa11ce);
const DESIGNERS: Uuid = Uuid::from_u128(0xde51);

fn main() -> Result<(), Box<dyn std::error::Error>> {
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
        println!("{action} on a template: {} ({})", decision.allow(), decision.because());
    }
    let mine = Object::of::<resource::Workspace>().organization(ACME).owner(ALICE);
    println!("delete my workspace: {}", alice.decide(Action::Delete, &mine).because());

    // Ask for a proof, and hand it to the code that writes.
    println!("{}", rename(&alice.permit(&template)?, "a better name"));
    let refused: Result<Permit<action::Update, resource::Template>, Denied> =
        alice.permit(&Object::of::<resource::Template>());
    println!("all templates: {}", refused.err().map_or_else(String::new, |denied| denied.to_string()));

    // What of a list she may see, to be turned into a WHERE clause.
    let filter = alice.list_filter(Action::Read, ResourceType::Template);
    println!("templates with a list that names {:?} in {:?}", filter.acl().groups(), filter.acl().memberships());
    Ok(())
}

/// Cannot be called without authorization.
fn rename(permit: &Permit<action::Update, resource::Template>, name: &str) -> String {
    format!("template {} is now `{name}`, says {:?}", permit.id(), permit.actor())
}
