//! What a client learns, step by step, whose token is too narrow for what its user may do.

use crate::house::house;
use crate::scopes::{asked_for, token};
use crate::templates::id;
use actix_web::http::Method;
use serde_json::{Value, json};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// The same path to an organization or an object that does not exist.
fn missing(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "zoo" => "zoox",
        id if uuid::Uuid::parse_str(id).is_ok() => NIL,
        other => other,
    });
    segments.collect::<Vec<_>>().join("/")
}

#[actix_web::test]
async fn every_room_says_step_by_step_which_scope_is_lacking() {
    let house = house().await;
    let owner = house.owner().await;
    let (bob, dan) = (house.member(&owner, "bob").await, house.member(&owner, "dan").await);
    house.member(&owner, "cat").await;
    let make = async |path: &str, body: Value| house.api(POST, path, &owner, body).await.expect(201).json();
    // A place of which bob may know nothing, and where dan has no roles.
    make("/organizations", json!({ "name": "zoo" })).await;
    house.api(POST, "/organizations/zoo/members/dan", &owner, Value::Null).await.expect(200);
    let dev = make("/organizations/zoo/templates", json!({ "name": "dev" })).await;
    let old = make("/organizations/zoo/templates", json!({ "name": "old" })).await;
    let group = make("/organizations/zoo/groups", json!({ "name": "crew" })).await;
    let cage = make("/users/me/workspaces", json!({ "template_id": dev["id"], "name": "cage" })).await;
    let (dev, old, group, cage) = (id(&dev), id(&old), id(&group), id(&cage));
    let (template, ended) = (format!("/templates/{dev}"), format!("/templates/{old}"));
    let (group, workspace) = (format!("/groups/{group}"), format!("/workspaces/{cage}"));

    let role = json!({
        "name": "helper", "organization_permissions": [{ "resource_type": "template", "action": "read" }],
    });
    let box_of = |template: &str| json!({ "template_id": template, "name": "box" });
    let start = json!({ "transition": "start" });
    let zoo = |rest: &str| format!("/organizations/zoo{rest}");
    let nothing = || Value::Null;
    // How it is asked for, how it ends well, and the scopes that are named on the way; in this order.
    let rooms = [
        (GET, template.clone(), nothing(), 200, "template:read"),
        (GET, zoo("/templates/dev"), nothing(), 200, "organization:read template:read"),
        (GET, format!("{template}/acl"), nothing(), 200, "template:read template:update user:read"),
        (GET, format!("{template}/acl/available"), nothing(), 200, "template:read template:update user:read"),
        (PATCH, template.clone(), json!({ "icon": "/i.png" }), 200, "template:read template:update"),
        (PATCH, format!("{template}/acl"), json!({}), 200, "template:read template:update"),
        (DELETE, ended, nothing(), 200, "template:read template:delete"),
        (GET, group.clone(), nothing(), 200, "group:read"),
        (GET, zoo("/groups/crew"), nothing(), 200, "organization:read group:read"),
        (PATCH, group.clone(), json!({ "quota_allowance": 9 }), 200, "group:read group:update"),
        (DELETE, group, nothing(), 200, "group:read group:delete"),
        (GET, workspace.clone(), nothing(), 200, "workspace:read"),
        (GET, format!("{workspace}/builds"), nothing(), 200, "workspace:read"),
        (POST, format!("{workspace}/builds"), start, 201, "workspace:read workspace:start workspace:update"),
        (PUT, format!("{workspace}/dormant"), json!({ "dormant": true }), 200, "workspace:read workspace:update"),
        (POST, "/users/me/workspaces".to_owned(), box_of(dev), 201, "template:read template:use workspace:create"),
        (GET, zoo("/members/roles"), nothing(), 200, "organization:read assign_org_role:read"),
        (POST, zoo("/members/roles"), role.clone(), 200, "organization:read assign_org_role:create template:read"),
        (PUT, zoo("/members/roles"), role, 200, "organization:read assign_org_role:update template:read"),
        (
            DELETE,
            zoo("/members/roles/helper"),
            nothing(),
            204,
            "organization:read assign_org_role:read assign_org_role:delete",
        ),
        (
            POST,
            zoo("/members/cat"),
            nothing(),
            200,
            "organization:read user:read assign_org_role:assign organization_member:create",
        ),
        (
            POST,
            zoo("/members/cat/workspaces"),
            box_of(dev),
            201,
            "organization:read user:read template:read template:use workspace:create",
        ),
        (
            PUT,
            zoo("/members/cat/roles"),
            json!({ "roles": ["organization-auditor"] }),
            200,
            "organization:read organization_member:read assign_org_role:assign",
        ),
        (GET, zoo("/members/me/workspace-quota"), nothing(), 200, "organization:read user:read"),
        (
            DELETE,
            zoo("/members/cat"),
            nothing(),
            204,
            "organization:read organization_member:read organization_member:delete",
        ),
        (PATCH, zoo(""), json!({ "icon": "/i.png" }), 200, "organization:read organization:update"),
    ];
    let bobs = token(&house, &bob, json!({ "scopes": ["license:read"] })).await;
    for (method, path, body, status, scopes) in &rooms {
        // Whoever may not know of it learns nothing, with or without scopes.
        let known = path.starts_with("/users/me/");
        for key in [&bob, &bobs].into_iter().filter(|_| !known) {
            let hidden = house.api(method.clone(), path, key, body.clone()).await.expect(404);
            assert_eq!(asked_for(&hidden), None, "{method} {path}");
        }
        // What does not exist is not found, whatever the scopes.
        let unknown = missing(path);
        let mut held = vec!["license:read".to_owned()];
        for scope in scopes.split(' ') {
            let short = token(&house, &owner, json!({ "scopes": held })).await;
            if unknown != *path {
                let absent = house.api(method.clone(), &unknown, &short, body.clone()).await.expect(404);
                assert_eq!(asked_for(&absent), None, "{method} {unknown}");
            }
            let refused = house.api(method.clone(), path, &short, body.clone()).await;
            assert_eq!((refused.status.as_u16(), asked_for(&refused)), (403, Some(scope)), "{method} {path}: {held:?}");
            held.push(scope.to_owned());
        }
        let enough = token(&house, &owner, json!({ "scopes": held })).await;
        house.api(method.clone(), path, &enough, body.clone()).await.expect(*status);
    }

    // What is named within a place that may be read, or in a body.
    let reader = token(&house, &owner, json!({ "scopes": ["user:read", "organization:read"] })).await;
    for (method, path, body, status) in [
        (GET, zoo("/templates/none"), nothing(), 404),
        (GET, zoo("/groups/none"), nothing(), 404),
        (POST, zoo("/members/none"), nothing(), 400),
        (PUT, zoo("/members/none/roles"), json!({ "roles": [] }), 400),
        (DELETE, zoo("/members/none"), nothing(), 400),
        (DELETE, zoo("/members/bob"), nothing(), 404),
        (GET, zoo("/members/none/workspace-quota"), nothing(), 400),
        (POST, "/users/me/workspaces".to_owned(), box_of(NIL), 400),
    ] {
        let absent = house.api(method.clone(), &path, &reader, body).await.expect(status);
        assert_eq!(asked_for(&absent), None, "{method} {path}");
    }
    let narrow = token(&house, &owner, json!({ "scopes": ["organization:read"] })).await;
    let hidden = house.api(DELETE, &zoo("/members/bob"), &narrow, nothing()).await.expect(403);
    assert_eq!(asked_for(&hidden), Some("user:read"), "he is no member, but there is such a user");

    // No scope makes up for a role.
    let scopes = json!({ "scopes": ["organization:read", "template:read", "organization_member:read"] });
    let dans = token(&house, &dan, scopes).await;
    for (method, path, body, status) in [
        (GET, format!("{template}/acl"), nothing(), 403),
        (GET, format!("{template}/acl/available"), nothing(), 404),
        (PATCH, template.clone(), json!({}), 403),
        (PATCH, zoo(""), json!({ "icon": "x" }), 404),
        (POST, zoo("/members/roles"), json!({ "name": "mine" }), 404),
        (POST, zoo("/members/cat"), nothing(), 400),
        (DELETE, zoo("/members/ann"), nothing(), 400),
        (GET, workspace, nothing(), 404),
        (GET, zoo("/members/ann/workspace-quota"), nothing(), 400),
    ] {
        for key in [&dan, &dans] {
            let refused = house.api(method.clone(), &path, key, body.clone()).await;
            assert_eq!((refused.status.as_u16(), asked_for(&refused)), (status, None), "{method} {path}");
        }
    }
}

#[actix_web::test]
async fn users_are_not_shown_to_a_token_that_reaches_only_some() {
    let house = house().await;
    let owner = house.owner().await;
    let dev = house.template(&owner, "dev").await;
    for path in ["acl", "acl/available"].map(|list| format!("/templates/{}/{list}", id(&dev))) {
        for (list, status) in [(json!(["template:*"]), 403), (json!(["template:*", "user:*"]), 200)] {
            let limited = token(&house, &owner, json!({ "allow_list": list })).await;
            let answer = house.get(&path, &limited).await.expect(status);
            assert_eq!(asked_for(&answer), None, "no scope would do");
        }
    }
}
