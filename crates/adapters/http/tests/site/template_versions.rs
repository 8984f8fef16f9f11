//! Versions of templates.

use crate::files::tar;
use crate::house::house;
use crate::provisioner_jobs::{line, read_out};
use crate::templates::id;
use actix_web::http::Method;
use doorward_services::provisioner_jobs::{
    CompletedDryRun, JobUpdate, Left, complete_dry_run, complete_import, fail, update,
};
use serde_json::{Value, json};
use time::Duration;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const VERSIONS: &str = "/organizations/default/templateversions";

#[actix_web::test]
async fn a_template_is_pushed() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let daemon = house.daemon("rack").await;
    let version = house.new_version(&owner, None).await;
    let path = format!("/templateversions/{}", id(&version));
    assert_eq!((&version["job"]["status"], &version["created_by"]["username"]), (&json!("pending"), &json!("ann")));
    assert!(version.get("template_id").is_none() && version["name"].as_str().unwrap().len() >= 8);
    for below in ["resources", "variables", "rich-parameters", "presets"] {
        house.get(&format!("{path}/{below}"), &owner).await.expect(412);
    }
    let early = json!({ "name": "dev", "template_version_id": version["id"] });
    house.api(POST, "/organizations/default/templates", &owner, early).await.expect(400);
    let job = house.claim(&daemon).await.job.id;
    let told = JobUpdate { logs: vec![line("one"), line("two")], readme: "# Dev".to_owned(), ..JobUpdate::default() };
    update(&house.context, &daemon, job, told).await.unwrap();
    complete_import(&house.context, &daemon, job, read_out()).await.unwrap();
    let shown = house.get(&path, &owner).await.expect(200).json();
    assert_eq!((&shown["job"]["status"], &shown["readme"]), (&json!("succeeded"), &json!("# Dev")));
    assert!(shown.get("matched_provisioners").is_none());
    let logs = house.get(&format!("{path}/logs"), &owner).await.expect(200).json();
    assert_eq!((logs.as_array().unwrap().len(), &logs[1]["output"]), (2, &json!("two")));
    house.get(&format!("{path}/logs?after=x"), &owner).await.expect(400);
    let resources = house.get(&format!("{path}/resources"), &owner).await.expect(200).json();
    assert_eq!(
        (&resources[0]["name"], &resources[0]["workspace_transition"], &resources[0]["daily_cost"]),
        (&json!("box"), &json!("start"), &json!(3))
    );
    let parameters = house.get(&format!("{path}/rich-parameters"), &owner).await.expect(200).json();
    assert_eq!((&parameters[0]["name"], &parameters[1]["name"]), (&json!("zone"), &json!("size")), "by their places");
    assert_eq!((&parameters[1]["type"], &parameters[1]["options"][1]["value"]), (&json!("string"), &json!("large")));
    let presets = house.get(&format!("{path}/presets"), &owner).await.expect(200).json();
    assert_eq!(
        (&presets[0]["Name"], &presets[0]["Parameters"]),
        (&json!("europe"), &json!([{ "Name": "zone", "Value": "eu" }]))
    );
    assert_eq!(house.get(&format!("{path}/external-auth"), &owner).await.expect(200).json(), json!([]));
    // One without a template is for those who make templates.
    house.get(&path, &bob).await.expect(404);

    let dev = house.template_of(&owner, "dev", &version).await;
    assert_eq!(dev["active_version_id"], version["id"]);
    let again = json!({ "name": "other", "template_version_id": version["id"] });
    let refused = house.api(POST, "/organizations/default/templates", &owner, again).await.expect(400).json();
    assert_eq!(refused["validations"][0]["field"], "template_version_id");
    assert_eq!(house.get(&path, &bob).await.expect(200).json()["template_id"], dev["id"]);
    house.api(PATCH, &path, &bob, json!({ "name": "mine" })).await.expect(403);
    let log = house.get("/audit?q=resource_type:template_version", &owner).await.expect(200).json();
    assert_eq!(
        (&log["audit_logs"][0]["action"], &log["audit_logs"][0]["resource_target"]),
        (&json!("create"), &version["name"])
    );
}

#[actix_web::test]
async fn versions_follow_each_other() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let daemon = house.daemon("rack").await;
    let first = house.imported(&owner, None, &daemon).await;
    let dev = house.template_of(&owner, "dev", &first).await;
    let below = |path: &str| format!("/templates/{}/versions{path}", id(&dev));
    let at = |version: &Value, path: &str| format!("/templateversions/{}{path}", id(version));
    house.clock.advance(Duration::SECOND);
    let second = house.imported(&owner, Some(&dev), &daemon).await;
    let variables = house.get(&at(&second, "/variables"), &bob).await.expect(200).json();
    assert_eq!((&variables[0]["name"], &variables[0]["value"]), (&json!("token"), &json!("*redacted*")));
    house.clock.advance(Duration::SECOND);
    let third = house.new_version(&owner, Some(&dev)).await;
    let job = house.claim(&daemon).await.job.id;
    fail(&house.context, &daemon, job, "no plan".to_owned(), "REQUIRED_TEMPLATE_VARIABLES".to_owned(), Left::default())
        .await
        .unwrap();
    let failed = house.get(&at(&third, ""), &bob).await.expect(200).json();
    assert_eq!(
        (&failed["job"]["status"], &failed["job"]["error"], &failed["job"]["error_code"]),
        (&json!("failed"), &json!("no plan"), &json!("REQUIRED_TEMPLATE_VARIABLES"))
    );

    let listed = async |query: &str| {
        let found = house.get(&below(query), &bob).await.expect(200).json();
        found.as_array().unwrap().iter().map(|version| version["id"].clone()).collect::<Vec<_>>()
    };
    let ids = [&third, &second, &first].map(|version| version["id"].clone());
    assert_eq!(listed("").await, ids);
    assert_eq!(listed("?limit=1&offset=1").await, ids[1..2]);
    assert_eq!(listed(&format!("?after_id={}", id(&third))).await, ids[1..]);

    let renamed = json!({ "name": "v2", "message": "second" });
    let renamed = house.api(PATCH, &at(&second, ""), &owner, renamed).await.expect(200).json();
    assert_eq!((&renamed["name"], &renamed["message"]), (&json!("v2"), &json!("second")));
    assert_eq!(house.get(&below("/V2"), &bob).await.expect(200).json()["id"], second["id"]);
    house.get(&below("/none"), &bob).await.expect(404);
    house.api(PATCH, &at(&first, ""), &owner, json!({ "name": "V2" })).await.expect(409);
    house.api(PATCH, &at(&first, ""), &owner, json!({ "name": "a b" })).await.expect(400);

    // Only what was imported, and of this template.
    for other in [third["id"].clone(), json!("00000000-0000-0000-0000-000000000000")] {
        house.api(PATCH, &below(""), &owner, json!({ "id": other })).await.expect(400);
    }
    house.api(PATCH, &below(""), &bob, json!({ "id": second["id"] })).await.expect(403);
    house.api(PATCH, &below(""), &owner, json!({ "id": second["id"] })).await.expect(200);
    assert_eq!(house.get(&format!("/templates/{}", id(&dev)), &bob).await.json()["active_version_id"], second["id"]);

    house.api(POST, &at(&second, "/archive"), &owner, Value::Null).await.expect(400);
    house.api(POST, &at(&first, "/archive"), &bob, Value::Null).await.expect(403);
    house.api(POST, &at(&first, "/archive"), &owner, Value::Null).await.expect(200);
    house.api(POST, &at(&first, "/archive"), &owner, Value::Null).await.expect(400);
    assert_eq!(listed("").await, ids[..2]);
    assert_eq!(listed("?include_archived=true").await, ids);
    house.api(PATCH, &below(""), &owner, json!({ "id": first["id"] })).await.expect(400);
    house.api(POST, &at(&first, "/unarchive"), &owner, Value::Null).await.expect(200);
    house.api(POST, &at(&first, "/unarchive"), &owner, Value::Null).await.expect(400);
    let archived = house.api(POST, &below("/archive"), &owner, json!({ "all": false })).await.expect(200).json();
    assert_eq!(archived, json!({ "template_id": dev["id"], "archived_ids": [third["id"]] }));
    let archived = house.api(POST, &below("/archive"), &owner, json!({ "all": true })).await.expect(200).json();
    assert_eq!(archived["archived_ids"], json!([first["id"]]));
}

#[actix_web::test]
async fn what_a_version_must_be() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    // Of the organization: roles of the site reach all files.
    let roles = json!({ "roles": ["organization-template-admin"] });
    house.api(PUT, "/organizations/default/members/cy/roles", &owner, roles).await.expect(200);
    let (mine, of_cy) = (house.file(&owner, tar(&[("a", "1")])).await, house.file(&cy, tar(&[("a", "2")])).await);
    for (field, change) in [
        ("name", json!({ "name": "a b" })),
        ("provisioner", json!({ "provisioner": "ansible" })),
        ("provisioner", json!({ "provisioner": "" })),
        ("file_id", json!({ "file_id": null })),
        ("file_id", json!({ "file_id": "5f5a6d5e-8a2d-4f35-9a1c-111111111111" })),
        ("storage_method", json!({ "storage_method": "git" })),
        ("tags", json!({ "tags": { "a": "x".repeat(2000) } })),
        ("user_variable_values", json!({ "user_variable_values": [{ "name": "a", "value": "x".repeat(70_000) }] })),
        ("message", json!({ "message": "x".repeat(1_048_577) })),
    ] {
        let mut body = json!({ "file_id": mine, "storage_method": "file", "provisioner": "echo" });
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let refused = house.api(POST, VERSIONS, &owner, body).await.expect(400).json();
        assert_eq!(refused["validations"][0]["field"], field, "{refused}");
    }
    let body = |file: &Value| json!({ "file_id": file, "storage_method": "file", "provisioner": "echo", "tags": { "scope": "user", "gpu": "yes" } });
    // A member makes no templates, and a file of somebody else is not there.
    house.api(POST, VERSIONS, &bob, body(&mine)).await.expect(403);
    house.api(POST, VERSIONS, &cy, body(&mine)).await.expect(400);
    let made = house.api(POST, VERSIONS, &cy, body(&of_cy)).await.expect(201).json();
    let cy_id = house.get("/users/cy", &owner).await.json()["id"].clone();
    assert_eq!(made["job"]["tags"], json!({ "gpu": "yes", "scope": "user", "owner": cy_id }));
    assert_eq!(made["matched_provisioners"], json!({ "count": 0, "available": 0, "most_recently_seen": null }));
    let unknown =
        json!({ "file_id": of_cy, "provisioner": "echo", "template_id": "5f5a6d5e-8a2d-4f35-9a1c-111111111111" });
    house.api(POST, VERSIONS, &cy, unknown).await.expect(404);
    let path = format!("/templateversions/{}", id(&made));
    house.api(PATCH, &format!("{path}/cancel"), &bob, Value::Null).await.expect(404);
    house.api(PATCH, &format!("{path}/cancel"), &cy, Value::Null).await.expect(200);
    assert_eq!(house.get(&path, &cy).await.json()["job"]["status"], "canceled");
    house.api(PATCH, &format!("{path}/cancel"), &cy, Value::Null).await.expect(412);
}

#[actix_web::test]
async fn whoever_may_make_a_workspace_may_try_what_comes_of_it() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    let daemon = house.daemon("rack").await;
    let version = house.imported(&owner, None, &daemon).await;
    house.template_of(&owner, "dev", &version).await;
    let path = format!("/templateversions/{}/dry-run", id(&version));
    house.api(POST, &path, &bob, json!({ "workspace_name": "box" })).await.expect(400);
    let zone = json!({ "workspace_name": "box", "rich_parameter_values": [{ "name": "zone", "value": "eu" }] });
    let job = house.api(POST, &path, &bob, zone.clone()).await.expect(201).json();
    assert_eq!((&job["type"], &job["status"]), (&json!("template_version_dry_run"), &json!("pending")));
    let of = format!("{path}/{}", id(&job));
    house.get(&format!("{of}/resources"), &bob).await.expect(412);
    for other in [of.clone(), format!("{of}/logs"), format!("{of}/resources")] {
        house.get(&other, &cy).await.expect(404);
    }
    let claimed = house.claim(&daemon).await.job.id;
    update(&house.context, &daemon, claimed, JobUpdate { logs: vec![line("x")], ..JobUpdate::default() })
        .await
        .unwrap();
    complete_dry_run(&house.context, &daemon, claimed, CompletedDryRun { resources: read_out().start_resources })
        .await
        .unwrap();
    assert_eq!(house.get(&of, &bob).await.expect(200).json()["status"], "succeeded");
    assert_eq!(house.get(&format!("{of}/resources"), &bob).await.expect(200).json()[0]["name"], "box");
    assert_eq!(house.get(&format!("{of}/logs"), &bob).await.expect(200).json()[0]["output"], "x");
    let other = house.api(POST, &path, &bob, zone).await.expect(201).json();
    house.api(PATCH, &format!("{path}/{}/cancel", id(&other)), &cy, Value::Null).await.expect(404);
    house.api(PATCH, &format!("{path}/{}/cancel", id(&other)), &bob, Value::Null).await.expect(200);
    assert_eq!(house.api(GET, &format!("{path}/{}", id(&other)), &bob, Value::Null).await.json()["status"], "canceled");
}
