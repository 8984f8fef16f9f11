//! Builds by jobs, and jobs themselves.

use crate::files::tar;
use crate::house::{House, house};
use crate::templates::id;
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_domain::Instant;
use doorward_domain::provisioner_jobs::{Agent, App, JobTiming, LogLevel, LogSource, NewLog, Resource};
use doorward_domain::provisioners::ProvisionerType;
use doorward_domain::template_versions::{ParameterOption, Preset, PresetParameter, RichParameter, Variable};
use doorward_services::organizations::OrganizationRef;
use doorward_services::provisioner_jobs::{
    Acquired, CompletedBuild, CompletedImport, JobUpdate, Left, claim, commit_quota, complete_build, complete_import,
    fail, update,
};
use doorward_services::provisioners::serving::{Pass, ServeCommand, connect};
use doorward_services::{Origin, Principal};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::Duration;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;

const JOBS: &str = "/organizations/default/provisionerjobs";

/// What one daemon takes.
fn kinds() -> BTreeSet<ProvisionerType> {
    BTreeSet::from([ProvisionerType::Echo, ProvisionerType::Terraform])
}

pub(crate) fn line(output: &str) -> NewLog {
    NewLog {
        created_at: Instant::UNIX_EPOCH,
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: "Planning".to_owned(),
        output: output.to_owned(),
    }
}

/// A step of a build.
fn step(stage: &str) -> JobTiming {
    JobTiming {
        started_at: Instant::UNIX_EPOCH,
        ended_at: Instant::UNIX_EPOCH + Duration::milliseconds(1_500),
        stage: stage.to_owned(),
        action: "create".to_owned(),
        source: "docker".to_owned(),
        resource: "docker_container.main".to_owned(),
    }
}

/// What imports of these tests find.
pub(crate) fn read_out() -> CompletedImport {
    let option =
        |value: &str| ParameterOption { name: value.to_owned(), value: value.to_owned(), ..ParameterOption::default() };
    let size = RichParameter {
        name: "size".to_owned(),
        kind: "string".to_owned(),
        mutable: true,
        default_value: "small".to_owned(),
        options: vec![option("small"), option("large")],
        order: 2,
        ..RichParameter::default()
    };
    let zone = RichParameter {
        name: "zone".to_owned(),
        kind: "string".to_owned(),
        required: true,
        order: 1,
        ..RichParameter::default()
    };
    let values = vec![PresetParameter { name: "zone".to_owned(), value: "eu".to_owned() }];
    let app = App { slug: "code".to_owned(), ..App::default() };
    let agent = Agent { name: "main".to_owned(), apps: vec![app], ..Agent::default() };
    CompletedImport {
        start_resources: vec![Resource {
            name: "box".to_owned(),
            kind: "null".to_owned(),
            agents: vec![agent],
            daily_cost: 3,
            ..Resource::default()
        }],
        parameters: vec![size, zone],
        presets: vec![Preset { name: "europe".to_owned(), parameters: values, default: true, ..Preset::default() }],
        ..CompletedImport::default()
    }
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    pub(crate) async fn daemon(&self, name: &str) -> Principal {
        let command = ServeCommand {
            name: name.to_owned(),
            provisioners: vec!["echo".to_owned(), "terraform".to_owned()],
            ..ServeCommand::default()
        };
        let (pass, place) = (Some(Pass::Shared), OrganizationRef::Default);
        connect(&self.context, None, pass, &Origin::unknown(), &place, command).await.unwrap().principal
    }

    pub(crate) async fn claim(&self, daemon: &Principal) -> Acquired {
        claim(&self.context, daemon, &kinds()).await.unwrap().unwrap()
    }

    /// Posts a version.
    pub(crate) async fn new_version(&self, token: &str, template: Option<&Value>) -> Value {
        let file = self.file(token, tar(&[("main.tf", "")])).await;
        let mut body = json!({ "file_id": file, "storage_method": "file", "provisioner": "terraform" });
        if let Some(template) = template {
            body["template_id"] = template["id"].clone();
        }
        self.api(POST, "/organizations/default/templateversions", token, body).await.expect(201).json()
    }

    /// A version that this daemon has imported.
    pub(crate) async fn imported(&self, token: &str, template: Option<&Value>, daemon: &Principal) -> Value {
        let version = self.new_version(token, template).await;
        let job = self.claim(daemon).await.job.id;
        let variable = Variable {
            name: "token".to_owned(),
            default_value: "hunter2".to_owned(),
            sensitive: true,
            ..Variable::default()
        };
        let told =
            JobUpdate { logs: vec![line("one"), line("two")], variables: vec![variable], ..JobUpdate::default() };
        update(&self.context, daemon, job, told).await.unwrap();
        complete_import(&self.context, daemon, job, read_out()).await.unwrap();
        version
    }

    /// A template of an imported version.
    pub(crate) async fn template_of(&self, token: &str, name: &str, version: &Value) -> Value {
        let body = json!({ "name": name, "template_version_id": version["id"] });
        self.api(POST, "/organizations/default/templates", token, body).await.expect(201).json()
    }

    async fn job(&self, token: &str, build: &Value) -> Value {
        self.get(&format!("/workspacebuilds/{}", id(build)), token).await.expect(200).json()
    }
}

#[actix_web::test]
async fn a_workspace_is_made_started_stopped_and_deleted_by_jobs() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let daemon = house.daemon("rack").await;
    let version = house.imported(&owner, None, &daemon).await;
    let dev = house.template_of(&owner, "dev", &version).await;
    let create = |values: Value| json!({ "template_id": dev["id"], "name": "box", "rich_parameter_values": values });
    let refused = house
        .api(
            POST,
            "/users/me/workspaces",
            &bob,
            create(json!([{ "name": "size", "value": "huge" }, { "name": "x", "value": "" }])),
        )
        .await;
    let refused = refused.expect(400).json();
    let mut fields: Vec<&str> =
        refused["validations"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["size", "x", "zone"]);
    let made = create(json!([{ "name": "zone", "value": "eu" }]));
    let made = house.api(POST, "/organizations/default/members/me/workspaces", &bob, made).await.expect(201).json();
    let build = &made["latest_build"];
    assert_eq!(
        (&build["status"], &build["job"]["status"], &build["job"]["queue_position"]),
        (&json!("pending"), &json!("pending"), &json!(1))
    );
    assert_eq!((&build["template_version_id"], &build["template_version_name"]), (&version["id"], &version["name"]));
    let parameters = house.get(&format!("/workspacebuilds/{}/parameters", id(build)), &bob).await.expect(200).json();
    assert_eq!(parameters, json!([{ "name": "size", "value": "small" }, { "name": "zone", "value": "eu" }]));

    let job = house.claim(&daemon).await.job.id;
    assert_eq!(house.job(&bob, build).await["status"], "starting");
    assert!(commit_quota(&house.context, &daemon, job, 0).await.unwrap().ok);
    update(&house.context, &daemon, job, JobUpdate { logs: vec![line("hello")], ..JobUpdate::default() })
        .await
        .unwrap();
    let logs = house.get(&format!("/workspacebuilds/{}/logs", id(build)), &bob).await.expect(200).json();
    assert_eq!(
        (&logs[0]["output"], &logs[0]["log_source"], &logs[0]["log_level"]),
        (&json!("hello"), &json!("provisioner"), &json!("info"))
    );
    let after = format!("/workspacebuilds/{}/logs?after={}", id(build), logs[0]["id"]);
    assert_eq!(house.get(&after, &bob).await.expect(200).json(), json!([]));
    let none = json!({ "provisioner_timings": [], "agent_script_timings": [], "agent_connection_timings": [] });
    let timings = format!("/workspacebuilds/{}/timings", id(build));
    assert_eq!(house.get(&timings, &bob).await.expect(200).json(), none);
    let done = CompletedBuild {
        resources: read_out().start_resources,
        state: b"{\"secret\":1}".to_vec(),
        timings: vec![step("plan"), step("elsewhere")],
    };
    complete_build(&house.context, &daemon, job, done).await.unwrap();
    let shown = house.job(&bob, build).await;
    assert_eq!((&shown["status"], &shown["job"]["worker_name"]), (&json!("running"), &json!("rack")));
    let agent = &shown["resources"][0]["agents"][0];
    assert_eq!(
        (&agent["name"], &agent["apps"][0]["slug"], &agent["status"]),
        (&json!("main"), &json!("code"), &json!("timeout"))
    );
    assert_eq!(
        house.get(&format!("/workspacebuilds/{}/resources", id(build)), &bob).await.expect(200).json(),
        shown["resources"]
    );
    let told = house.get(&timings, &bob).await.expect(200).json();
    let wanted = json!([{
        "job_id": build["job"]["id"], "started_at": "1970-01-01T00:00:00Z", "ended_at": "1970-01-01T00:00:01.5Z", "stage": "plan",
        "source": "docker", "action": "create", "resource": "docker_container.main",
    }]);
    assert_eq!(told["provisioner_timings"], wanted);
    assert_eq!(house.get(&format!("/workspaces/{}/timings", id(&made)), &bob).await.expect(200).json(), told);
    let cy = house.member(&owner, "cy").await;
    house.get(&timings, &cy).await.expect(404);
    house.get(&format!("/workspaces/{}/timings", id(&made)), &cy).await.expect(404);
    // The state is for those who make templates.
    let state = format!("/workspacebuilds/{}/state", id(build));
    assert_eq!(house.get(&state, &owner).await.expect(200).body, "{\"secret\":1}");
    house.get(&state, &bob).await.expect(403);

    house.clock.advance(Duration::SECOND);
    let path = format!("/workspaces/{}/builds", id(&made));
    let stop = house.api(POST, &path, &bob, json!({ "transition": "stop" })).await.expect(201).json();
    house.api(POST, &path, &bob, json!({ "transition": "start" })).await.expect(409);
    let job = house.claim(&daemon).await.job.id;
    complete_build(&house.context, &daemon, job, CompletedBuild::default()).await.unwrap();
    assert_eq!(house.job(&bob, &stop).await["status"], "stopped");
    let by_name = house.get("/users/me/workspace/BOX", &bob).await.expect(200).json();
    assert_eq!(by_name["latest_build"]["build_number"], 2);
    assert_eq!(house.get("/users/bob/workspace/box/builds/1", &owner).await.expect(200).json()["id"], build["id"]);
    house.get("/users/bob/workspace/box/builds/9", &owner).await.expect(404);
    house.get("/users/bob/workspace/box/builds/x", &owner).await.expect(400);

    house.clock.advance(Duration::SECOND);
    house.api(POST, &path, &bob, json!({ "transition": "delete" })).await.expect(201);
    let job = house.claim(&daemon).await.job.id;
    complete_build(&house.context, &daemon, job, CompletedBuild::default()).await.unwrap();
    house.get("/users/me/workspace/box", &bob).await.expect(404);
    let gone = house.get("/users/me/workspace/box?include_deleted=true", &bob).await.expect(200).json();
    assert_eq!(gone["latest_build"]["status"], "deleted");
    let log = house.get("/audit?q=resource_type:workspace_build", &owner).await.expect(200).json();
    let seen: Vec<_> = log["audit_logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["action"].as_str().unwrap(),
                entry["status_code"].as_i64().unwrap(),
                entry["user"]["username"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("delete", 200, "bob"), ("stop", 200, "bob"), ("start", 200, "bob")]);
}

#[actix_web::test]
async fn jobs_are_cancelled_before_and_while_they_run() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let daemon = house.daemon("rack").await;
    let version = house.imported(&owner, None, &daemon).await;
    let dev = house.template_of(&owner, "dev", &version).await;
    let preset = house.get(&format!("/templateversions/{}/presets", id(&version)), &bob).await.expect(200).json();
    let body =
        json!({ "template_version_id": version["id"], "name": "box", "template_version_preset_id": preset[0]["ID"] });
    let made = house.api(POST, "/users/me/workspaces", &bob, body).await.expect(201).json();
    let first = made["latest_build"].clone();
    let cancel = |build: &Value| format!("/workspacebuilds/{}/cancel", id(build));
    house.api(PATCH, &cancel(&first), &bob, Value::Null).await.expect(200);
    assert_eq!(house.job(&bob, &first).await["status"], "canceled");
    house.api(PATCH, &cancel(&first), &bob, Value::Null).await.expect(412);

    let path = format!("/workspaces/{}/builds", id(&made));
    let second = house.api(POST, &path, &bob, json!({ "transition": "start" })).await.expect(201).json();
    let job = house.claim(&daemon).await.job.id;
    house
        .api(PATCH, &format!("/templates/{}", id(&dev)), &owner, json!({ "allow_user_cancel_workspace_jobs": false }))
        .await
        .expect(200);
    house.api(PATCH, &cancel(&second), &bob, Value::Null).await.expect(403);
    house.api(PATCH, &cancel(&second), &owner, Value::Null).await.expect(200);
    house.api(PATCH, &cancel(&second), &owner, Value::Null).await.expect(412);
    assert_eq!(house.job(&bob, &second).await["status"], "canceling");
    assert!(update(&house.context, &daemon, job, JobUpdate::default()).await.unwrap().canceled);
    fail(&house.context, &daemon, job, String::new(), String::new(), Left::default()).await.unwrap();
    assert_eq!(house.job(&bob, &second).await["status"], "canceled");
    // Those of others cannot be seen.
    let cy = house.member(&owner, "cy").await;
    for path in ["", "/logs", "/resources", "/parameters", "/state"] {
        house.get(&format!("/workspacebuilds/{}{path}", id(&first)), &cy).await.expect(404);
    }
    house.api(PATCH, &cancel(&first), &cy, Value::Null).await.expect(404);
}

#[actix_web::test]
async fn jobs_are_listed_for_those_who_run_daemons() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let daemon = house.daemon("rack").await;
    assert_eq!(house.get(JOBS, &owner).await.expect(200).json(), json!([]));
    let done = house.imported(&owner, None, &daemon).await;
    house.clock.advance(Duration::SECOND);
    let waits = house.new_version(&owner, None).await;
    assert_eq!(waits["matched_provisioners"]["available"], 1);
    let shown = house.get(&format!("/templateversions/{}", id(&waits)), &owner).await.expect(200).json();
    assert_eq!(shown["matched_provisioners"]["count"], 1);
    let listed = async |query: &str| {
        let jobs = house.get(&format!("{JOBS}{query}"), &owner).await.expect(200).json();
        jobs.as_array().unwrap().iter().map(|job| job["input"]["template_version_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, [waits["id"].clone(), done["id"].clone()]);
    assert_eq!(listed("?limit=1").await, [waits["id"].clone()]);
    assert_eq!(listed("?status=succeeded,failed").await, [done["id"].clone()]);
    assert_eq!(listed("?tags=%7B%22gpu%22:%22yes%22%7D").await, [] as [Value; 0]);
    assert_eq!(listed("?tags=%7B%22scope%22:%22organization%22%7D").await.len(), 2);
    let job = done["job"]["id"].as_str().unwrap();
    assert_eq!(listed(&format!("?ids={job}")).await, [done["id"].clone()]);
    for bad in ["?limit=x", "?status=asleep", "?tags=1", "?ids=x", "?initiator=me"] {
        house.get(&format!("{JOBS}{bad}"), &owner).await.expect(400);
    }
    let daemons = house.get("/organizations/default/provisionerdaemons", &owner).await.expect(200).json();
    let first = house.get(&format!("{JOBS}?limit=1"), &owner).await.expect(200).json();
    assert_eq!(first[0]["available_workers"], json!([daemons[0]["id"]]));
    let one = house.get(&format!("{JOBS}/{job}"), &owner).await.expect(200).json();
    assert!(one.get("available_workers").is_none(), "nobody takes what is done: {one}");
    assert_eq!((&one["status"], &one["type"]), (&json!("succeeded"), &json!("template_version_import")));
    house.get(&format!("{JOBS}/{}", id(&done)), &owner).await.expect(404);
    house.get(JOBS, &bob).await.expect(404);
    house.get(&format!("{JOBS}/{job}"), &bob).await.expect(404);

    // One that has not been seen for long takes none.
    house.clock.advance(Duration::minutes(2));
    let first = house.get(&format!("{JOBS}?limit=1"), &owner).await.expect(200).json();
    assert!(first[0].get("available_workers").is_none(), "{first}");
    let daemon = house.daemon("rack").await;
    house.claim(&daemon).await;
    let daemons =
        house.api(GET, "/organizations/default/provisionerdaemons", &owner, Value::Null).await.expect(200).json();
    assert_eq!((&daemons[0]["status"], &daemons[0]["current_job"]["id"]), (&json!("busy"), &waits["job"]["id"]));
    assert_eq!(
        (&daemons[0]["previous_job"]["id"], &daemons[0]["previous_job"]["status"]),
        (&done["job"]["id"], &json!("succeeded"))
    );
}
