//! `templates push`, `create`, `start`, `stop`, `delete`, `provisioner jobs` and `notifications`.

use super::{Command, DELETE, GET, NONE, PATCH, POST, PUT, all, has, text};
use crate::files::tar;
use crate::house::{House, house};
use crate::notifications::{deliver, mailing};
use crate::provisioner_jobs::{line, read_out};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use doorward_services::Principal;
use doorward_services::provisioner_jobs::{
    CompletedBuild, CompletedDryRun, JobUpdate, complete_build, complete_dry_run, complete_import, update,
};
use serde_json::{Value, json};
use time::Duration;

/// What commands read of a job.
const JOB: [&str; 8] =
    ["id", "created_at", "status", "file_id", "tags", "queue_position", "queue_size", "organization_id"];

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> Command<'_, S> {
    /// Uploads sources and makes a version of them, as `templates push` does before it follows the log; the version.
    async fn push(&self, place: &str, template: Option<&Value>, name: &str) -> Value {
        let file = self.house.file(&self.session, tar(&[("main.tf", "")])).await;
        let body = json!({
            "name": name, "message": "", "template_id": template.map_or(&json!(ZERO), |template| &template["id"]).clone(),
            "storage_method": "file", "file_id": file, "example_id": "", "provisioner": "terraform", "tags": {},
            "user_variable_values": null,
        });
        let version = self.call(POST, &format!("{place}/templateversions"), body, 201).await;
        for member in ["id", "name", "organization_id", "created_at", "updated_at"] {
            text(&version, member);
        }
        has(&version["job"], &JOB);
        has(&version, &["message", "readme", "created_by", "archived", "matched_provisioners"]);
        version
    }

    /// Imports a version that was pushed, and waits for it as the command does.
    pub(super) async fn imported(
        &self,
        place: &str,
        template: Option<&Value>,
        name: &str,
        daemon: &Principal,
    ) -> Value {
        let version = self.push(place, template, name).await;
        let job = self.house.claim(daemon).await.job.id;
        let told = JobUpdate { logs: vec![line("reading")], ..JobUpdate::default() };
        update(&self.house.context, daemon, job, told).await.unwrap();
        let path = format!("/templateversions/{}", text(&version, "id"));
        assert_eq!(self.get(&path).await["job"]["status"], "running");
        complete_import(&self.house.context, daemon, job, read_out()).await.unwrap();
        let logs = self.get(&format!("{path}/logs?after=0")).await;
        has(&logs[0], &["id", "created_at", "log_source", "log_level", "stage", "output"]);
        let version = self.get(&path).await;
        assert_eq!(version["job"]["status"], "succeeded");
        assert_eq!(all(&self.get(&format!("{path}/resources")).await, "name"), ["box"]);
        version
    }

    /// Has the next build done, and waits for it as commands do; the build.
    pub(super) async fn built(&self, build: &Value, daemon: &Principal) -> Value {
        let path = format!("/workspacebuilds/{}", text(build, "id"));
        has(&build["job"], &JOB);
        let job = self.house.claim(daemon).await.job.id;
        complete_build(&self.house.context, daemon, job, CompletedBuild::default()).await.unwrap();
        self.get(&format!("{path}/logs?after=0")).await;
        let build = self.get(&path).await;
        assert_eq!(build["job"]["status"], "succeeded");
        build
    }
}

const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// A house with a daemon and a template of one version.
pub(super) async fn pushed<S>(house: &House<S>, owner: &str) -> (Principal, Value, Value)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let command = Command::new(house, owner);
    let place = command.place().await;
    let daemon = house.daemon("rack").await;
    let version = command.imported(&place, None, "v1", &daemon).await;
    let body =
        json!({ "name": "dev", "display_name": "", "template_version_id": version["id"], "default_ttl_ms": null });
    let template = command.call(POST, &format!("{place}/templates"), body, 201).await;
    (daemon, version, template)
}

#[actix_web::test]
async fn templates_push_makes_a_template_and_then_versions_of_it() {
    let house = house().await;
    let owner = house.owner().await;
    let command = Command::new(&house, &owner);
    let place = command.place().await;
    command.call(GET, &format!("{place}/templates/dev"), NONE, 404).await;
    let (daemon, first, template) = pushed(&house, &owner).await;
    assert_eq!(text(&template, "active_version_id"), text(&first, "id"));
    assert!(first.get("template_id").is_none(), "none yet: {first}");

    house.clock.advance(Duration::SECOND);
    let template = command.get(&format!("{place}/templates/dev")).await;
    let second = command.imported(&place, Some(&template), "", &daemon).await;
    assert_eq!(second["template_id"], template["id"]);
    let versions = format!("/templates/{}/versions", text(&template, "id"));
    command.call(PATCH, &versions, json!({ "id": second["id"] }), 200).await;
    assert_eq!(command.get(&format!("{place}/templates/dev")).await["active_version_id"], second["id"]);
    // `templates versions list`, and `templates pull`.
    assert_eq!(all(&command.get(&versions).await, "id"), [text(&second, "id"), text(&first, "id")]);
    assert_eq!(command.get(&format!("{versions}/v1")).await["id"], first["id"]);
    let rename = json!({ "name": "v2", "message": "better" });
    let renamed = command.call(PATCH, &format!("/templateversions/{}", text(&second, "id")), rename, 200).await;
    assert_eq!(text(&renamed, "name"), "v2");
}

#[actix_web::test]
async fn create_tries_the_version_before_it_makes_the_workspace() {
    let house = house().await;
    let owner = house.owner().await;
    let (daemon, version, template) = pushed(&house, &owner).await;
    let bob = house.member(&owner, "bob").await;
    let command = Command::new(&house, &bob);
    let place = command.place().await;
    command.call(GET, "/users/me/workspace/desk", NONE, 404).await;
    assert_eq!(all(&command.get("/templates").await, "id"), [text(&template, "id")]);
    let of = format!("/templateversions/{}", text(&version, "id"));
    command.get(&of).await;
    assert_eq!(all(&command.get(&format!("{of}/rich-parameters")).await, "name"), ["zone", "size"]);
    assert_eq!(command.get(&format!("{of}/external-auth")).await, json!([]));
    let zone = json!([{ "name": "zone", "value": "eu" }]);
    let trial = json!({ "workspace_name": "desk", "rich_parameter_values": zone, "user_variable_values": null });
    let trial = command.call(POST, &format!("{of}/dry-run"), trial, 201).await;
    let job = house.claim(&daemon).await.job.id;
    let done = CompletedDryRun { resources: read_out().start_resources };
    complete_dry_run(&house.context, &daemon, job, done).await.unwrap();
    let trial = format!("{of}/dry-run/{}", text(&trial, "id"));
    assert_eq!(text(&command.get(&trial).await, "status"), "succeeded");
    command.get(&format!("{trial}/logs?after=0")).await;
    assert_eq!(all(&command.get(&format!("{trial}/resources")).await, "name"), ["box"]);

    let body = json!({
        "template_version_id": version["id"], "name": "desk", "autostart_schedule": null, "ttl_ms": null,
        "rich_parameter_values": zone, "automatic_updates": "never",
    });
    let desk = command.call(POST, &format!("{place}/members/me/workspaces"), body, 201).await;
    for member in ["id", "name", "owner_name", "template_name", "organization_id"] {
        text(&desk, member);
    }
    let build = command.built(&desk["latest_build"], &daemon).await;
    assert_eq!((&build["transition"], &build["status"]), (&json!("start"), &json!("running")));
}

#[actix_web::test]
async fn start_stop_and_delete_make_builds() {
    let house = house().await;
    let owner = house.owner().await;
    let (daemon, version, template) = pushed(&house, &owner).await;
    let command = Command::new(&house, &owner);
    let zone = json!([{ "name": "zone", "value": "eu" }]);
    let body = json!({ "template_id": template["id"], "name": "desk", "rich_parameter_values": zone });
    let desk = command.call(POST, "/users/me/workspaces", body, 201).await;
    command.built(&desk["latest_build"], &daemon).await;
    for (transition, status) in [("stop", "stopped"), ("start", "running"), ("delete", "deleted")] {
        house.clock.advance(Duration::SECOND);
        // The name is looked up as `owner/name`, or as one's own.
        let found = command.get("/users/me/workspace/desk?include_deleted=false").await;
        let last = format!("/workspacebuilds/{}/parameters", text(&found["latest_build"], "id"));
        assert_eq!(all(&command.get(&last).await, "name"), ["size", "zone"]);
        if transition == "start" {
            command.get(&format!("/templates/{}", text(&found, "template_id"))).await;
            command.get(&format!("/templateversions/{}/rich-parameters", text(&version, "id"))).await;
        }
        let body =
            json!({ "transition": transition, "template_version_id": version["id"], "rich_parameter_values": null });
        let build = command.call(POST, &format!("/workspaces/{}/builds", text(&found, "id")), body, 201).await;
        let build = command.built(&build, &daemon).await;
        assert_eq!((text(&build, "transition"), text(&build, "status")), (transition, status));
    }
    command.call(GET, "/users/me/workspace/desk", NONE, 404).await;
    command.get("/users/me/workspace/desk?include_deleted=true").await;
}

#[actix_web::test]
async fn provisioner_jobs_are_listed_and_cancelled_by_what_they_are_about() {
    let house = house().await;
    let owner = house.owner().await;
    let (_daemon, version, template) = pushed(&house, &owner).await;
    let command = Command::new(&house, &owner);
    let place = command.place().await;
    let jobs = format!("{place}/provisionerjobs");
    house.clock.advance(Duration::SECOND);
    command.push(&place, Some(&template), "v2").await;
    let trial = json!({ "workspace_name": "x", "rich_parameter_values": [{ "name": "zone", "value": "eu" }] });
    house.clock.advance(Duration::SECOND);
    command.call(POST, &format!("/templateversions/{}/dry-run", text(&version, "id")), trial, 201).await;
    house.clock.advance(Duration::SECOND);
    let desk = json!({ "template_id": template["id"], "name": "desk", "rich_parameter_values": [{ "name": "zone", "value": "eu" }] });
    command.call(POST, "/users/me/workspaces", desk, 201).await;

    let listed = command.get(&format!("{jobs}?limit=50&status=pending,running&ids=&tags=%7B%7D")).await;
    assert_eq!(all(&listed, "type"), ["workspace_build", "template_version_dry_run", "template_version_import"]);
    for job in listed.as_array().unwrap() {
        has(job, &JOB);
        assert_eq!(job["available_workers"].as_array().unwrap().len(), 1, "{job}");
        let one = command.get(&format!("{jobs}/{}", text(job, "id"))).await;
        let version = || text(&one["input"], "template_version_id").to_owned();
        let path = match text(&one, "type") {
            "workspace_build" => format!("/workspacebuilds/{}/cancel", text(&one["input"], "workspace_build_id")),
            "template_version_import" => format!("/templateversions/{}/cancel", version()),
            _ => format!("/templateversions/{}/dry-run/{}/cancel", version(), text(&one, "id")),
        };
        command.call(PATCH, &path, NONE, 200).await;
        assert_eq!(command.get(&format!("{jobs}/{}", text(job, "id"))).await["status"], "canceled");
    }
    assert_eq!(command.get(&format!("{jobs}?status=pending,running")).await, json!([]));
}

#[actix_web::test]
async fn notifications_are_paused_resumed_and_tried() {
    let (house, mailer) = mailing(|_| {}).await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let command = Command::new(&house, &owner);
    for paused in [true, false] {
        let body = json!({ "notifier_paused": paused });
        let refused = Command::new(&house, &bob).call(PUT, "/notifications/settings", body.clone(), 403).await;
        assert_eq!(text(&refused, "message"), "Forbidden.");
        command.call(PUT, "/notifications/settings", body.clone(), 200).await;
        command.call(PUT, "/notifications/settings", body, 304).await;
    }
    deliver(&house).await;
    mailer.take();
    house.clock.advance(Duration::SECOND);
    command.call(POST, "/notifications/test", NONE, 204).await;
    let custom = json!({ "content": { "title": "Lunch", "message": "at noon" } });
    command.call(POST, "/notifications/custom", custom, 204).await;
    deliver(&house).await;
    let subjects: Vec<String> = mailer.take().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["A test notification", "Lunch"]);
    command.call(DELETE, "/notifications/test", NONE, 405).await;
}
