use super::completed::{import, timings};
use super::made::resources;
use super::updated::job_update;
use doorward_domain::provisioner_jobs::{AgentAuth, OpenIn, SharingLevel};
use doorward_wire::messages::provisioner::{ExternalAuthProviderResource, RichParameter};
use doorward_wire::messages::provisionerd::{CompletedTemplateImport, Log, UpdateJobRequest};
use doorward_wire::messages::resources::{Agent, AgentAuth as Auth, App, Env, Resource, Timestamp, Timing};
use time::macros::datetime;

fn with_agent(agent: Agent) -> Vec<Resource> {
    vec![Resource { name: "box".to_owned(), agents: vec![agent], ..Resource::default() }]
}

fn with_app(app: App) -> Vec<Resource> {
    with_agent(Agent { apps: vec![app], ..Agent::default() })
}

#[test]
fn tokens_of_agents_are_looked_at_and_not_kept() {
    let token = "11111111-2222-3333-4444-555555555555";
    let known = resources(with_agent(Agent { auth: Some(Auth::Token(token.to_owned())), ..Agent::default() })).unwrap();
    assert_eq!(known[0].agents[0].auth, AgentAuth::Token);
    let wrong = with_agent(Agent { auth: Some(Auth::Token("secret".to_owned())), ..Agent::default() });
    let told = resources(wrong).unwrap_err().text;
    assert!(told.contains("no UUID") && !told.contains("secret"), "{told}");
}

#[test]
fn what_an_agent_is_given_itself_goes_before_what_others_give_it() {
    let extra = |name: &str, value: &str| Env { name: name.to_owned(), value: value.to_owned() };
    let agent = Agent {
        extra_envs: vec![extra("a", "1"), extra("b", "2"), extra("b", "3")],
        env: [("a".to_owned(), "own".to_owned())].into(),
        ..Agent::default()
    };
    let env = &resources(with_agent(agent)).unwrap()[0].agents[0].env;
    assert_eq!((env["a"].as_str(), env["b"].as_str(), env.len()), ("own", "3", 2));
}

#[test]
fn apps_have_ids_and_choices_that_are_known() {
    let app = &resources(with_app(App { sharing_level: 2, ..App::default() })).unwrap()[0].agents[0].apps[0];
    assert_eq!((app.sharing_level, app.open_in, app.id.is_nil()), (SharingLevel::Public, OpenIn::SlimWindow, true));
    for wrong in [
        App { id: "x".to_owned(), ..App::default() },
        App { sharing_level: 3, ..App::default() },
        App { open_in: -1, ..App::default() },
    ] {
        assert!(resources(with_app(wrong.clone())).is_err(), "{wrong:?}");
    }
}

#[test]
fn an_import_names_its_providers_in_the_new_way_or_the_old() {
    let old = CompletedTemplateImport {
        external_auth_providers_names: vec!["github".to_owned()],
        ..CompletedTemplateImport::default()
    };
    assert!(!import(old.clone()).unwrap().external_auth[0].optional);
    let new = ExternalAuthProviderResource { id: "gitlab".to_owned(), optional: true };
    let both = CompletedTemplateImport { external_auth_providers: vec![new], ..old };
    let told = import(both).unwrap().external_auth;
    assert_eq!((told.len(), told[0].id.as_str(), told[0].optional), (1, "gitlab", true));
    let parameter = RichParameter { form_type: 11, ..RichParameter::default() };
    let wrong = CompletedTemplateImport { rich_parameters: vec![parameter], ..CompletedTemplateImport::default() };
    assert!(import(wrong).unwrap_err().text.contains("11 is no form type"));
}

#[test]
fn lines_of_the_log_say_who_when_and_how_much() {
    let update = |log: Log| job_update(UpdateJobRequest { logs: vec![log], ..UpdateJobRequest::default() });
    let log = Log { source: 1, level: 3, created_at: 1_700_000_000_123, ..Log::default() };
    assert_eq!(update(log.clone()).unwrap().logs[0].created_at.unix_timestamp(), 1_700_000_000);
    for wrong in [
        Log { source: 2, ..log.clone() },
        Log { level: 5, ..log.clone() },
        Log { level: -1, ..log.clone() },
        Log { created_at: i64::MAX, ..log.clone() },
        Log { created_at: i64::MIN, ..log },
    ] {
        assert!(update(wrong.clone()).is_err(), "{wrong:?}");
    }
    let readme = UpdateJobRequest { readme: vec![0xff], ..UpdateJobRequest::default() };
    assert!(job_update(readme).unwrap_err().text.contains("UTF-8"));
}

#[test]
fn steps_without_times_that_can_be_are_left_out() {
    let at = |seconds, nanos| Some(Timestamp { seconds, nanos });
    let timing = |start, end| Timing { start, end, stage: "plan".to_owned(), ..Timing::default() };
    let told = vec![
        timing(at(0, 1_234_567), at(1, 0)),
        timing(None, at(1, 0)),
        timing(at(0, 0), None),
        timing(at(0, 0), at(i64::MAX, -1)),
        timing(at(i64::MIN, i32::MIN), at(1, 0)),
    ];
    let read = timings(told);
    assert_eq!(read.len(), 1);
    let [step] = read.as_slice() else { panic!() };
    assert_eq!(
        (step.started_at, step.ended_at),
        (datetime!(1970-01-01 0:00:00.001234 UTC), datetime!(1970-01-01 0:00:01 UTC))
    );
}
