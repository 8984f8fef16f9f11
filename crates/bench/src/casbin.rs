//! Casbin: roles with domains. The order of the rules is the order of the levels; only rules of roles that the subject
//! has are loaded.

use std::collections::BTreeSet;

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};
use doorward_domain::roles::{PermissionSet, Role};

use crate::scenario::Scenario;

pub struct Peer {
    enforcer: Enforcer,
    request: [String; 6],
}

impl Peer {
    /// # Panics
    /// When the model is refused.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let text = |id: Option<uuid::Uuid>| id.map_or_else(String::new, |id| id.to_string());
        let subject = &scenario.subject;
        let object = text(scenario.id);
        let organization = text(scenario.organization);

        let mut rules: Vec<Vec<String>> = Vec::new();
        for (group, actions) in &scenario.group_acl {
            for action in actions {
                let rule = [&group.to_string(), "list", &object, action.as_str(), "allow"];
                rules.push(rule.map(str::to_owned).to_vec());
            }
        }
        let mut seen = BTreeSet::new();
        for (level, eft) in [
            ("site", "deny"),
            ("site", "allow"),
            ("org", "deny"),
            ("org", "allow"),
            ("user", "deny"),
            ("user", "allow"),
        ] {
            for role in subject.roles() {
                for rule in lines(role, level, eft) {
                    if seen.insert(rule.clone()) {
                        rules.push(rule);
                    }
                }
            }
        }
        let mut groupings: Vec<Vec<String>> = Vec::new();
        let user = subject.id().to_string();
        let mut belongs = |to: &str, domain: &str| {
            let line = vec![user.clone(), to.to_owned(), domain.to_owned()];
            if !groupings.contains(&line) {
                groupings.push(line);
            }
        };
        for role in subject.roles() {
            belongs(role.name(), "*");
            for (id, _) in role.organizations() {
                belongs(role.name(), &id.to_string());
            }
        }
        if subject.is_member(organization.as_str()) {
            for group in subject.groups() {
                belongs(&group.to_string(), &organization);
            }
        }
        let enforcer = runtime.block_on(async {
            let model = DefaultModel::from_str(include_str!("../policies/model.conf")).await.unwrap();
            let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.unwrap();
            enforcer.add_policies(rules).await.unwrap();
            enforcer.add_grouping_policies(groupings).await.unwrap();
            enforcer
        });
        let (kind, action) = (scenario.resource.as_str().to_owned(), scenario.action.as_str().to_owned());
        Self { enforcer, request: [user, organization, text(scenario.owner), object, kind, action] }
    }

    /// # Panics
    /// When a matcher fails.
    #[must_use]
    pub fn decide(&self) -> bool {
        let [sub, dom, own, id, kind, act] = &self.request;
        self.enforcer
            .enforce((sub.as_str(), dom.as_str(), own.as_str(), id.as_str(), kind.as_str(), act.as_str()))
            .unwrap()
    }
}

fn lines(role: &Role, level: &str, eft: &str) -> Vec<Vec<String>> {
    let lists: Vec<&PermissionSet> = match level {
        "site" => vec![role.site()],
        "org" => role.organizations().map(|(_, list)| list).collect(),
        _ => vec![role.user()],
    };
    let permissions = lists.into_iter().flat_map(PermissionSet::permissions).filter(|p| p.negate == (eft == "deny"));
    let line = |resource: &str, action: &str| [role.name(), level, resource, action, eft].map(str::to_owned).to_vec();
    permissions.map(|p| line(p.resource_name(), p.action_name())).collect()
}
