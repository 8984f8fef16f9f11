//! Templates and their access lists.

use crate::house::{House, house};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use serde_json::{Value, json};

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
const TEMPLATES: &str = "/organizations/default/templates";
const NIL: &str = "00000000-0000-0000-0000-000000000000";

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// Makes a template in the default organization.
    pub(crate) async fn template(&self, token: &str, name: &str) -> Value {
        self.api(POST, TEMPLATES, token, json!({ "name": name })).await.expect(201).json()
    }

    /// Changes the access lists of a template.
    async fn share(&self, token: &str, template: &Value, body: Value, status: u16) -> Value {
        let path = format!("/templates/{}/acl", id(template));
        self.api(PATCH, &path, token, body).await.expect(status).json()
    }

    async fn acl(&self, token: &str, template: &Value) -> Value {
        self.get(&format!("/templates/{}/acl", id(template)), token).await.expect(200).json()
    }

    /// The id of a user, by any name.
    pub(crate) async fn user_id(&self, token: &str, name: &str) -> String {
        id(&self.get(&format!("/users/{name}"), token).await.expect(200).json()).to_owned()
    }

    /// The only organization.
    pub(crate) async fn organization_id(&self, token: &str) -> String {
        id(&self.get("/users/me/organizations", token).await.expect(200).json()[0]).to_owned()
    }
}

pub(crate) fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

fn blamed(answer: &Value) -> Vec<&str> {
    answer["validations"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn a_new_template_has_all_keys_with_their_types() {
    let house = house().await;
    let owner = house.owner().await;
    let made = house.template(&owner, "dev").await;
    let organization = &house.get("/users/me/organizations", &owner).await.json()[0];
    assert_eq!(
        made,
        json!({
            "id": made["id"], "created_at": made["created_at"], "updated_at": made["created_at"],
            "organization_id": organization["id"], "organization_name": "coder",
            "organization_display_name": organization["display_name"], "organization_icon": "",
            "name": "dev", "display_name": "", "provisioner": "terraform", "active_version_id": NIL, "active_user_count": 0,
            "build_time_stats": {}, "description": "", "deprecated": false, "deprecation_message": "", "icon": "",
            "default_ttl_ms": 0, "activity_bump_ms": 3_600_000,
            "autostop_requirement": { "days_of_week": [], "weeks": 1 },
            "autostart_requirement": {
                "days_of_week": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
            },
            "created_by_id": house.user_id(&owner, "me").await, "created_by_name": "ann", "allow_user_autostart": true,
            "allow_user_autostop": true, "allow_user_cancel_workspace_jobs": true, "failure_ttl_ms": 0,
            "time_til_dormant_ms": 0, "time_til_dormant_autodelete_ms": 0, "require_active_version": false,
            "max_port_share_level": "public", "use_classic_parameter_flow": false, "agents_allowed": true,
            "cors_behavior": "simple",
        })
    );
    for path in [format!("/templates/{}", id(&made)), format!("{TEMPLATES}/DEV")] {
        assert_eq!(house.get(&path, &owner).await.expect(200).json(), made, "{path}");
    }
    let full = json!({
        "name": "full", "template_version_id": made["id"], "default_ttl_ms": 7, "dormant_ttl_ms": 60_000, "delete_ttl_ms": 120_000,
        "autostop_requirement": { "days_of_week": ["sunday"], "weeks": 2 }, "allow_user_autostart": false,
        "max_port_share_level": "owner", "require_active_version": true, "template_use_classic_parameter_flow": true,
        "cors_behavior": "passthru", "agents_allowed": true,
    });
    let full = house.api(POST, TEMPLATES, &owner, full).await.expect(201).json();
    assert_eq!((&full["active_version_id"], &full["default_ttl_ms"]), (&made["id"], &json!(7)));
    assert_eq!(
        (&full["time_til_dormant_ms"], &full["time_til_dormant_autodelete_ms"]),
        (&json!(60_000), &json!(120_000))
    );
    assert_eq!(full["autostop_requirement"], json!({ "days_of_week": ["sunday"], "weeks": 2 }));
    assert_eq!((&full["allow_user_autostart"], &full["use_classic_parameter_flow"]), (&json!(false), &json!(true)));
    assert_eq!((&full["cors_behavior"], &full["agents_allowed"]), (&json!("passthru"), &json!(true)));
}

#[actix_web::test]
async fn bad_templates_are_refused() {
    let house = house().await;
    let owner = house.owner().await;
    let dev = house.template(&owner, "dev").await;
    for (body, status, fields) in [
        (json!({}), 400, vec!["name"]),
        (json!({ "name": "a_b", "display_name": " x" }), 400, vec!["name", "display_name"]),
        (
            json!({ "name": "a", "failure_ttl_ms": 1, "default_ttl_ms": -1 }),
            400,
            vec!["default_ttl_ms", "failure_ttl_ms"],
        ),
        (json!({ "name": "a", "max_port_share_level": "x" }), 400, vec!["max_port_share_level"]),
        (json!({ "name": "a", "agents_allowed": false }), 400, vec!["agents_allowed"]),
        (json!({ "name": "a", "cors_behavior": "all" }), 400, vec!["cors_behavior"]),
        (json!({ "name": "a", "cors_behavior": "" }), 400, vec!["cors_behavior"]),
        (json!({ "name": "a", "description": "x".repeat(9000) }), 400, vec!["description"]),
        (json!({ "name": "DEV" }), 409, vec!["name"]),
    ] {
        let refused = house.api(POST, TEMPLATES, &owner, body.clone()).await.expect(status).json();
        assert_eq!(blamed(&refused), fields, "{body}");
    }
    let path = format!("/templates/{}", id(&dev));
    house.api(PATCH, &path, &owner, json!({ "agents_allowed": false })).await.expect(400);
    house.api(PATCH, &path, &owner, json!({ "agents_allowed": true })).await.expect(200);
    let refused = house.api(PATCH, &path, &owner, json!({ "cors_behavior": "Simple" })).await.expect(400).json();
    assert_eq!(blamed(&refused), ["cors_behavior"]);
    house.api(POST, "/organizations/none/templates", &owner, json!({ "name": "a" })).await.expect(404);
    house.get("/templates/dev", &owner).await.expect(400);
    house.get(&format!("/templates/{NIL}"), &owner).await.expect(404);
    house.get(&format!("{TEMPLATES}/none"), &owner).await.expect(404);
    assert_eq!(blamed(&house.get("/templates?q=author:me", &owner).await.expect(400).json()), ["author"]);
    assert_eq!(blamed(&house.get("/templates?q=organization:none", &owner).await.expect(400).json()), ["organization"]);
    let bob = house.member(&owner, "bob").await;
    house.api(POST, TEMPLATES, &bob, json!({ "name": "mine" })).await.expect(403);
    house.api(PATCH, &path, &bob, json!({ "name": "mine" })).await.expect(403);
    house.api(DELETE, &path, &bob, Value::Null).await.expect(403);
}

#[actix_web::test]
async fn templates_change_and_go() {
    let house = house().await;
    let owner = house.owner().await;
    let (dev, ops) = (house.template(&owner, "dev").await, house.template(&owner, "ops").await);
    let path = format!("/templates/{}", id(&dev));
    let taken = house.api(PATCH, &path, &owner, json!({ "name": "OPS" })).await.expect(409).json();
    assert_eq!(blamed(&taken), ["name"]);
    let change = json!({
        "display_name": "Dev!", "activity_bump_ms": 5, "allow_user_autostop": false, "deprecation_message": "use ops",
        "icon": null, "cors_behavior": "passthru",
    });
    let changed = house.api(PATCH, &path, &owner, change).await.expect(200).json();
    assert_eq!((&changed["name"], &changed["display_name"]), (&json!("dev"), &json!("Dev!")));
    assert_eq!((&changed["allow_user_autostart"], &changed["allow_user_autostop"]), (&json!(true), &json!(false)));
    assert_eq!(changed["cors_behavior"], "passthru");
    let unchanged = house.api(PATCH, &path, &owner, json!({})).await.expect(200).json();
    for (key, value) in changed.as_object().unwrap() {
        assert!(*key == "updated_at" || unchanged[key] == *value, "{key} is absent and stays: {unchanged}");
    }
    let cleared = house.api(PATCH, &path, &owner, json!({ "display_name": "" })).await.expect(200).json();
    assert_eq!((&cleared["display_name"], &cleared["activity_bump_ms"]), (&json!(""), &json!(5)));
    house.api(PATCH, &path, &owner, json!({ "display_name": "Dev!" })).await.expect(200);
    assert_eq!((&changed["activity_bump_ms"], &changed["max_port_share_level"]), (&json!(5), &json!("public")));
    assert_eq!((&changed["deprecated"], &changed["deprecation_message"]), (&json!(true), &json!("use ops")));
    assert_eq!(names(&house.get("/templates?q=deprecated:true", &owner).await.json()), ["dev"]);
    assert_eq!(names(&house.get(&format!("{TEMPLATES}?q=p"), &owner).await.json()), ["ops"]);
    assert_eq!(names(&house.get("/templates?q=organization:coder", &owner).await.json()), ["dev", "ops"]);

    house.api(DELETE, &format!("/templates/{}", id(&ops)), &owner, Value::Null).await.expect(200);
    house.get(&format!("/templates/{}", id(&ops)), &owner).await.expect(404);
    house.api(DELETE, &format!("/templates/{}", id(&ops)), &owner, Value::Null).await.expect(404);
    house.template(&owner, "ops").await;
}

#[actix_web::test]
async fn everyone_may_use_a_template_until_that_is_taken_off() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let organization = house.organization_id(&owner).await;
    let dev = house.template(&owner, "dev").await;
    let path = format!("/templates/{}", id(&dev));
    house.get(&path, &bob).await.expect(200);
    // Members see it, but neither the lists nor whom one could add.
    house.get(&format!("{path}/acl"), &bob).await.expect(403);
    house.get(&format!("{path}/acl/available"), &bob).await.expect(404);
    house.api(PATCH, &format!("{path}/acl"), &bob, json!({})).await.expect(403);

    let acl = house.acl(&owner, &dev).await;
    assert_eq!((&acl["users"], acl.get("groups")), (&json!([]), None));
    let everyone = &acl["group"][0];
    assert_eq!(
        (id(everyone), &everyone["name"], &everyone["role"]),
        (&*organization, &json!("Everyone"), &json!("use"))
    );
    assert_eq!((everyone["members"].as_array().unwrap().len(), &everyone["total_member_count"]), (2, &json!(2)));

    let done = house.share(&owner, &dev, json!({ "GROUP_PERMS": { organization.clone(): "" } }), 200).await;
    assert!(done["message"].as_str().unwrap().contains("ACL"));
    assert_eq!(house.acl(&owner, &dev).await, json!({ "users": [], "group": [] }));
    for path in [path.clone(), format!("{path}/acl"), format!("{path}/acl/available"), format!("{TEMPLATES}/dev")] {
        house.get(&path, &bob).await.expect(404);
    }
    house.share(&bob, &dev, json!({}), 404).await;
    assert_eq!(house.get("/templates", &bob).await.expect(200).body, "[]\n");
    house.share(&owner, &dev, json!({ "group_perms": { organization.clone(): "use" } }), 200).await;
    house.get(&path, &bob).await.expect(200);

    house.api(PATCH, &path, &owner, json!({ "disable_everyone_group_access": true })).await.expect(200);
    house.get(&path, &bob).await.expect(404);
    let closed = json!({ "name": "closed", "disable_everyone_group_access": true });
    house.api(POST, TEMPLATES, &owner, closed).await.expect(201);
    assert_eq!(names(&house.get("/templates", &bob).await.expect(200).json()), Vec::<&str>::new());
}

#[actix_web::test]
async fn users_and_groups_are_listed_with_their_roles() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, cy) = (house.member(&owner, "bob").await, house.member(&owner, "cy").await);
    let (bob_id, cy_id) = (house.user_id(&owner, "bob").await, house.user_id(&owner, "cy").await);
    let organization = house.organization_id(&owner).await;
    let dev = house.template(&owner, "dev").await;
    let devs =
        house.api(POST, "/organizations/default/groups", &owner, json!({ "name": "devs" })).await.expect(201).json();
    let add = json!({ "add_users": [cy_id] });
    house.api(PATCH, &format!("/groups/{}", id(&devs)), &owner, add).await.expect(200);
    let share = json!({
        "user_perms": { bob_id.to_uppercase(): "admin" }, "group_perms": { id(&devs): "use", organization.clone(): "" },
    });
    house.share(&owner, &dev, share, 200).await;
    let acl = house.acl(&owner, &dev).await;
    let listed = &acl["users"][0];
    assert_eq!(
        (id(listed), &listed["role"], &listed["organization_ids"]),
        (&*bob_id, &json!("admin"), &json!([organization]))
    );
    assert!(listed["roles"].is_array() && listed["email"] == "bob@example.com");
    let group = &acl["group"][0];
    assert_eq!((id(group), &group["role"], &group["total_member_count"]), (id(&devs), &json!("use"), &json!(1)));
    assert_eq!(group["members"][0]["username"], "cy");
    assert_eq!((acl["users"].as_array().unwrap().len(), acl["group"].as_array().unwrap().len()), (1, 1));

    // An administrator of the template changes the lists, and sees all that could be on them.
    assert_eq!(house.acl(&bob, &dev).await["users"][0]["role"], "admin");
    house.share(&cy, &dev, json!({}), 403).await;
    let path = format!("/templates/{}/acl/available", id(&dev));
    let available = house.get(&path, &bob).await.expect(200).json();
    let users: Vec<&str> =
        available["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
    assert_eq!((users, available.get("group")), (vec!["ann", "bob", "cy"], None));
    assert!(available["users"][0].get("organization_ids").is_none());
    assert_eq!(names(&available["groups"]), ["devs", "Everyone"]);
    assert_eq!(available["groups"][1]["members"].as_array().unwrap().len(), 3);
    let narrowed = house.get(&format!("{path}?q=c&limit=1"), &bob).await.expect(200).json();
    assert_eq!((narrowed["users"].as_array().unwrap().len(), names(&narrowed["groups"]).len()), (1, 2));
    house.get(&format!("{path}?limit=-1"), &bob).await.expect(400);
    house.get(&format!("{path}?q=nope:1"), &bob).await.expect(400);

    // The group gone and the user suspended: both are left out.
    house.api(DELETE, &format!("/groups/{}", id(&devs)), &owner, Value::Null).await.expect(200);
    house.api(PUT, "/users/bob/status/suspend", &owner, Value::Null).await.expect(200);
    assert_eq!(house.acl(&owner, &dev).await, json!({ "users": [], "group": [] }));
    house.get(&format!("/templates/{}", id(&dev)), &cy).await.expect(404);
    house.api(PUT, "/users/bob/status/activate", &owner, Value::Null).await.expect(200);
    assert_eq!(house.acl(&owner, &dev).await["users"][0]["role"], "admin", "the entry was still there");
}

#[actix_web::test]
async fn every_bad_entry_is_blamed_and_nothing_changes() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let bob = house.user_id(&owner, "bob").await;
    let dev = house.template(&owner, "dev").await;
    let before = house.acl(&owner, &dev).await;
    let body = json!({
        "user_perms": { bob.clone(): "owner", "bob": "use", NIL: "use", "00000000-0000-0000-0000-000000000007": "" },
        "group_perms": { "devs": "", NIL: "", bob.clone(): "use" },
    });
    let refused = house.share(&owner, &dev, body, 400).await;
    let fields = blamed(&refused);
    assert_eq!(fields.iter().filter(|field| **field == "user_perms").count(), 4, "{refused}");
    assert_eq!(fields.iter().filter(|field| **field == "group_perms").count(), 3, "{refused}");
    let details = refused["validations"].to_string();
    assert!(details.contains(NIL) && details.contains("\\\"owner\\\""), "{details}");
    let mixed = json!({ "user_perms": { bob.clone(): "use" }, "group_perms": { NIL: "use" } });
    house.share(&owner, &dev, mixed, 400).await;
    house.share(&owner, &dev, json!({ "user_perms": { bob.clone(): 1 } }), 400).await;
    assert_eq!(house.acl(&owner, &dev).await, before);
}
