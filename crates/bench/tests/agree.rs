//! A comparison is fair when all give the same answers.

use doorward_bench::scenario::{self, Scenario};
use doorward_bench::{casbin, cedar, rego};
use doorward_domain::roles::{Action, ResourceType, Scope, Subject};

fn assert_all(scenario: &Scenario) {
    let acl = scenario.acl();
    let allow = scenario.subject.allows(scenario.action, &scenario.object(&acl));
    let what = format!(
        "{} {} {} {:?} {:?}",
        scenario.name, scenario.resource, scenario.action, scenario.owner, scenario.organization
    );
    assert_eq!(allow, scenario.expected, "{what}");
    let mut rego = rego::Peer::new(scenario);
    assert_eq!(rego.decide(), allow, "rego {what}");
    assert_eq!(rego.interpret(), allow, "rego {what}");
    assert_eq!(cedar::Peer::new(scenario).decide(), allow, "cedar {what}");
    assert_eq!(casbin::Peer::new(scenario).decide(), allow, "casbin {what}");
}

#[test]
fn all_agree_on_the_scenarios() {
    scenario::all().iter().for_each(assert_all);
}

#[test]
fn all_agree_on_neighbouring_questions() {
    let banned = Subject::for_user(scenario::ALICE)
        .membership(scenario::organization(1), ["organization-admin", "organization-workspace-creation-ban"])
        .scope(Scope::all())
        .build();
    let owner = Subject::for_user(scenario::ALICE).site_roles(["owner"]).scope(Scope::all()).build();
    let mut scenarios = scenario::all();
    let own = scenarios[0].clone();
    scenarios.push(Scenario { name: "banned", subject: banned, ..own.clone() });
    scenarios.push(Scenario { name: "owner", subject: owner, ..own });
    for scenario in scenarios {
        for organization in [None, Some(scenario::organization(1)), Some(scenario::organization(99))] {
            for owner in [None, Some(scenario::ALICE), Some(scenario::BOB)] {
                for (resource, action) in [
                    (ResourceType::Workspace, Action::Create),
                    (ResourceType::Workspace, Action::Ssh),
                    (ResourceType::WorkspaceDormant, Action::Start),
                    (ResourceType::Template, Action::Read),
                    (ResourceType::Template, Action::Update),
                    (ResourceType::User, Action::Read),
                ] {
                    let mut question = Scenario { organization, owner, resource, action, ..scenario.clone() };
                    // The access lists of the Cedar translation are those of templates.
                    if resource != ResourceType::Template {
                        question.group_acl.clear();
                    }
                    let acl = question.acl();
                    question.expected = question.subject.allows(action, &question.object(&acl));
                    assert_all(&question);
                }
            }
        }
    }
}
