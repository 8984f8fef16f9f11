//! Rego, run by regorus: compiled to its virtual machine, subject loaded as data, object ready as input.

use std::sync::Arc;

use doorward_domain::roles::{PermissionSet, Role};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine, Value};
use serde_json::{Map, Value as Json, json};

use crate::scenario::Scenario;

const RULE: &str = "data.doorward.rbac.allow";

pub struct Peer {
    machine: RegoVM,
    interpreter: Engine,
    input: Value,
}

impl Peer {
    /// # Panics
    /// When the policy does not compile.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let data = value(&json!({ "subject": subject(scenario) }));
        let mut engine = Engine::new();
        engine.add_policy("rbac.rego".to_owned(), include_str!("../policies/rbac.rego").to_owned()).unwrap();
        engine.add_data(data.clone()).unwrap();
        let policy = engine.compile_with_entrypoint(&RULE.into()).unwrap();
        let program = Compiler::compile_from_policy(&policy, &[RULE]).unwrap();
        let mut machine = RegoVM::new();
        machine.load_program(Arc::clone(&program));
        machine.set_data(data).unwrap();
        Self { machine, interpreter: engine, input: value(&input(scenario)) }
    }

    /// On the virtual machine.
    ///
    /// # Panics
    /// When the policy fails.
    pub fn decide(&mut self) -> bool {
        self.machine.set_input(self.input.clone());
        self.machine.execute().unwrap() == Value::from(true)
    }

    /// On the interpreter.
    ///
    /// # Panics
    /// When the policy fails.
    pub fn interpret(&mut self) -> bool {
        self.interpreter.set_input(self.input.clone());
        self.interpreter.eval_rule(RULE.to_owned()).unwrap() == Value::from(true)
    }
}

fn value(json: &Json) -> Value {
    Value::from_json_str(&json.to_string()).unwrap()
}

/// Lists of one level, joined and indexed: `{"allow": {type: {action: true}}, "deny": {..}}`.
fn level<'a>(lists: impl Iterator<Item = &'a PermissionSet>) -> Json {
    let (mut allow, mut deny) = (Map::new(), Map::new());
    for permission in lists.flat_map(PermissionSet::permissions) {
        let half = if permission.negate { &mut deny } else { &mut allow };
        let actions = half.entry(permission.resource_name()).or_insert_with(|| json!({}));
        actions[permission.action_name()] = json!(true);
    }
    json!({ "allow": allow, "deny": deny })
}

fn subject(scenario: &Scenario) -> Json {
    let subject = &scenario.subject;
    let roles = || subject.roles().iter();
    let organizations: Map<String, Json> = (subject.memberships())
        .map(|id| (id.to_string(), level(roles().filter_map(|role| role.organization(id)))))
        .collect();
    let mut scope = level(subject.scope().map(|scope| scope.site()).into_iter());
    scope["allow_list"] = json!(["*"]);
    json!({
        "id": subject.id(),
        "site": level(roles().map(Role::site)),
        "organizations": organizations,
        "user": level(roles().map(Role::user)),
        "groups": subject.groups(),
        "scope": scope,
    })
}

fn input(scenario: &Scenario) -> Json {
    let text = |id: Option<uuid::Uuid>| id.map_or_else(String::new, |id| id.to_string());
    json!({
        "action": scenario.action.as_str(),
        "object": {
            "type": scenario.resource.as_str(),
            "id": text(scenario.id),
            "owner": text(scenario.owner),
            "organization": text(scenario.organization),
            "any_organization": false,
            "user_list": {},
            "group_list": scenario.acl(),
        }
    })
}
