//! The questions of a web interface, for somebody who belongs to many organizations: 15 of each, as text.

use doorward_domain::roles::{Object, ResourceType, Scope, Subject};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Generous: the machine may be busy, and the code not optimised.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 1 });

#[test]
fn questions_about_a_hundred_organizations_cost_next_to_nothing() {
    let me = Uuid::from_u128(1);
    let organizations: Vec<Uuid> = (0..100).map(|n| Uuid::from_u128(1000 + n)).collect();
    let mut builder = Subject::for_user(me).scope(Scope::all());
    for organization in &organizations {
        builder = builder.membership(*organization, ["organization-auditor"]);
    }
    let subject = builder.build();
    let texts: Vec<String> = organizations.iter().map(ToString::to_string).collect();
    let kinds = ["template", "group", "organization", "audit_log", "workspace"];
    let actions = ["read", "update", "delete"];
    let ask = || {
        let mut allowed = 0;
        for organization in &texts {
            for (kind, action) in kinds.iter().flat_map(|kind| actions.map(|action| (kind, action))) {
                let object = Object::new(ResourceType::System).organization(organization.as_str());
                allowed += usize::from(subject.decide_named(action, kind, &object).allow());
            }
        }
        allowed
    };
    assert_eq!(ask(), 400, "auditors read four of the kinds");
    let fastest = (0..20).map(|_| Instant::now()).map(|began| (ask(), began.elapsed()).1).min().unwrap_or_default();
    println!("1500 questions in {fastest:?}");
    assert!(fastest < LIMIT, "{fastest:?}");
}

/// Looking through all roles once per organization does not get through this.
#[test]
fn a_question_about_any_organization_is_explained_in_one_pass_over_the_roles() {
    let mut builder = Subject::for_user(Uuid::from_u128(1)).scope(Scope::all());
    for n in 0..5_000 {
        builder = builder.membership(Uuid::from_u128(1000 + n), ["organization-auditor"]);
    }
    let subject = builder.build();
    let log = Object::new(ResourceType::AuditLog).any_organization();
    for _ in 0..100 {
        let why = subject.explain("read", "audit_log", &log);
        assert!(why.decision.allow() && why.roles.len() == 5_000, "{}", why.roles.len());
    }
}
