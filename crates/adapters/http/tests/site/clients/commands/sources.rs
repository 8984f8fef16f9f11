//! `templates pull`, `templates versions`, `templates archive`, `state`, `list` and `restart`: what is read back of what was pushed.

use super::builds::pushed;
use super::{Command, GET, NONE, PATCH, POST, all, has, text};
use crate::files::tar;
use crate::house::house;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_services::provisioner_jobs::{CompletedBuild, complete_build};
use serde_json::{Value, json};
use time::Duration;

#[actix_web::test]
async fn templates_pull_gets_the_sources_of_a_version() {
    let house = house().await;
    let owner = house.owner().await;
    let (_daemon, first, template) = pushed(&house, &owner).await;
    let command = Command::new(&house, &owner);
    let place = command.place().await;
    let found = command.get(&format!("{place}/templates/dev")).await;
    assert_eq!(text(&found, "id"), text(&template, "id"));
    // Without `--version` the active one, with it the one of the name.
    let active = command.get(&format!("/templateversions/{}", text(&found, "active_version_id"))).await;
    let named = command.get(&format!("/templates/{}/versions/v1", text(&found, "id"))).await;
    assert_eq!((text(&active, "id"), text(&named, "id")), (text(&first, "id"), text(&first, "id")));
    let file = text(&active["job"], "file_id");
    let sources = house.get(&format!("/files/{file}"), &owner).await.expect(200);
    assert_eq!(
        (sources.header("content-type"), sources.body.as_bytes()),
        ("application/x-tar", &*tar(&[("main.tf", "")]))
    );
    let zip = house.sdk(GET, &format!("/api/v2/files/{file}?format=zip"), &owner, NONE).await.expect(200);
    assert_eq!(zip.header("content-type"), "application/zip");
}

#[actix_web::test]
async fn templates_versions_archive_unarchive_promote_and_templates_archive() {
    let house = house().await;
    let owner = house.owner().await;
    let (daemon, first, template) = pushed(&house, &owner).await;
    let command = Command::new(&house, &owner);
    let place = command.place().await;
    house.clock.advance(Duration::SECOND);
    let second = command.imported(&place, Some(&template), "v2", &daemon).await;
    let versions = format!("/templates/{}/versions", text(&template, "id"));
    // Each command finds the template and the version by their names.
    command.get(&format!("{place}/templates/dev")).await;
    let found = command.get(&format!("{versions}/v2")).await;
    for (verb, archived) in [("archive", true), ("unarchive", false)] {
        command.call(POST, &format!("/templateversions/{}/{verb}", text(&found, "id")), NONE, 200).await;
        assert_eq!(command.get(&format!("{versions}/v2")).await["archived"], archived);
        let listed = command.get(&format!("{versions}?include_archived=false")).await;
        assert_eq!(all(&listed, "name").contains(&"v2"), !archived, "{listed}");
    }
    // `templates versions promote`
    command.call(PATCH, &versions, json!({ "id": second["id"] }), 200).await;
    let archived = command.call(POST, &format!("{versions}/archive"), json!({ "all": true }), 200).await;
    assert_eq!(archived, json!({ "template_id": template["id"], "archived_ids": [first["id"]] }));
    assert_eq!(all(&command.get(&format!("{versions}?include_archived=true")).await, "name"), ["v2", "v1"]);
}

#[actix_web::test]
async fn state_is_pulled_and_pushed_and_restart_is_a_stop_and_a_start() {
    let house = house().await;
    let owner = house.owner().await;
    let (daemon, version, template) = pushed(&house, &owner).await;
    let command = Command::new(&house, &owner);
    let zone = json!([{ "name": "zone", "value": "eu" }]);
    let body = json!({ "template_id": template["id"], "name": "desk", "rich_parameter_values": zone });
    command.call(POST, "/users/me/workspaces", body, 201).await;
    let job = house.claim(&daemon).await.job.id;
    let done = CompletedBuild { state: b"{\"pushed\":1}".to_vec(), ..CompletedBuild::default() };
    complete_build(&house.context, &daemon, job, done).await.unwrap();

    // `state pull`, of the latest build or of one by its number.
    let found = command.get("/users/me/workspace/desk?include_deleted=false").await;
    let by_number = command.get("/users/me/workspace/desk/builds/1").await;
    assert_eq!(found["latest_build"]["id"], by_number["id"]);
    let state = |build: &Value| format!("/workspacebuilds/{}/state", text(build, "id"));
    assert_eq!(command.get(&state(&by_number)).await, json!({ "pushed": 1 }));

    // `state push` builds once more with another state, and follows.
    house.clock.advance(Duration::SECOND);
    let builds = format!("/workspaces/{}/builds", text(&found, "id"));
    let body = json!({
        "template_version_id": version["id"], "transition": found["latest_build"]["transition"],
        "state": STANDARD.encode(b"{\"pushed\":2}"), "rich_parameter_values": null,
    });
    let pushed = command.call(POST, &builds, body, 201).await;
    assert_eq!(command.get(&state(&pushed)).await, json!({ "pushed": 2 }), "the provisioner gets it");
    let job = house.claim(&daemon).await.job.id;
    complete_build(
        &house.context,
        &daemon,
        job,
        CompletedBuild { state: b"{\"pushed\":3}".to_vec(), ..CompletedBuild::default() },
    )
    .await
    .unwrap();
    assert_eq!(command.get(&state(&pushed)).await, json!({ "pushed": 3 }));

    // `list`, and `restart`.
    let listed = command.get("/workspaces?q=owner%3Ame").await;
    assert_eq!((&listed["count"], all(&listed["workspaces"], "name").as_slice()), (&json!(1), &["desk"][..]));
    has(
        &listed["workspaces"][0],
        &["owner_name", "template_name", "latest_build", "outdated", "last_used_at", "health"],
    );
    for transition in ["stop", "start"] {
        house.clock.advance(Duration::SECOND);
        let body = json!({ "transition": transition });
        let build = command.call(POST, &builds, body, 201).await;
        assert_eq!(text(&command.built(&build, &daemon).await, "transition"), transition);
    }
    // What the dashboard shows beside a build.
    let timings = command.get(&format!("/workspaces/{}/timings", text(&found, "id"))).await;
    has(&timings, &["provisioner_timings", "agent_script_timings", "agent_connection_timings"]);
}
