//! What no app does in the name of its user, whatever its scopes.

use crate::house::{Answer, House, NOW, PASSWORD, house, house_beside};
use crate::oauth2::{CALLBACK, access_token, allow, client};
use crate::provider::{FakeProvider, entry};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// An API token that the user makes.
async fn api_token<S>(house: &House<S>, user: &str, body: Value) -> String
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let made = house.api(POST, "/users/me/keys/tokens", user, body).await.expect(201).json();
    made["key"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn the_token_of_an_app_presses_allow_for_no_app() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let other = client(&house, &owner, json!({ "name": "other" })).await;
    let granted = access_token(&house, &owner, &robot, &[]).await;
    let own = house.form("/oauth2/tokens", &robot.basic(), &[("grant_type", "client_credentials")]).await.expect(200);
    let own = own.json()["access_token"].as_str().unwrap().to_owned();
    for token in [&granted, &own] {
        for asked in [&other, &robot] {
            let refused = allow(&house, token, &asked.authorize(&[])).await.expect(302);
            assert_eq!(refused.redirected_with("code"), None);
            assert_eq!(refused.redirected_with("error").as_deref(), Some("access_denied"));
            assert_eq!(refused.redirected_with("state").as_deref(), Some("s t"));
        }
    }
    // As Coder's clients do it.
    let scripted = api_token(&house, &owner, json!({})).await;
    let allowed = allow(&house, &scripted, &other.authorize(&[])).await.expect(302);
    assert!(allowed.redirected_with("code").is_some());
}

#[actix_web::test]
async fn a_limited_key_that_presses_allow_is_told_by_redirect() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    for limits in [
        json!({ "scopes": ["workspace:read"] }),
        json!({ "scopes": ["oauth2_app_code_token:*", "user:read"] }),
        json!({ "allow_list": ["template:*"] }),
    ] {
        let limited = api_token(&house, &owner, limits.clone()).await;
        let refused = allow(&house, &limited, &robot.authorize(&[])).await.expect(302);
        assert_eq!(refused.redirected_with("error").as_deref(), Some("access_denied"), "{limits}");
        assert_eq!(refused.redirected_with("code"), None, "{limits}");
    }
    let fitting = api_token(&house, &owner, json!({ "scopes": ["oauth2_app_code_token:*", "user:read"] })).await;
    let allowed = allow(&house, &fitting, &robot.authorize(&[("scope", "user:read")])).await.expect(302);
    assert!(allowed.redirected_with("code").is_some());
}

#[actix_web::test]
async fn an_app_makes_nothing_that_outlives_its_grant() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let other = client(&house, &owner, json!({ "name": "other" })).await;
    access_token(&house, &owner, &other, &[]).await;
    let kept = api_token(&house, &owner, json!({})).await;
    let token = access_token(&house, &owner, &robot, &[]).await;

    let app = json!({ "name": "mine", "callback_url": CALLBACK, "service_account": true });
    let password = json!({ "password": "AnotherSecurePassword!", "old_password": PASSWORD });
    let one = format!("/oauth2-provider/apps/{}", other.id);
    let secret = house.get(&format!("{one}/secrets"), &owner).await.expect(200).json()[0]["id"].clone();
    let secret = format!("{one}/secrets/{}", secret.as_str().unwrap());
    let key = format!("/users/me/keys/{}", kept.split('-').next().unwrap());
    let organization = house.get("/users/me/organizations", &owner).await.expect(200).json()[0]["id"].clone();
    let account = |more: Value| {
        let mut body = json!({ "email": "eve@example.com", "username": "eve", "organization_ids": [&organization] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let custom =
        json!({ "name": "reader", "organization_permissions": [{ "resource_type": "group", "action": "read" }] });
    for (method, path, body) in [
        (POST, "/users", account(json!({ "password": PASSWORD }))),
        (POST, "/users", account(json!({ "login_type": "none", "roles": ["owner"] }))),
        (PUT, "/users/bob/roles", json!({ "roles": ["auditor"] })),
        (PUT, "/organizations/coder/members/bob/roles", json!({ "roles": ["organization-auditor"] })),
        (POST, "/organizations/coder/members/roles", custom),
        (POST, "/users/me/keys", Value::Null),
        (POST, "/users/me/keys/tokens", json!({})),
        (POST, "/users/bob/keys/tokens", json!({})),
        (DELETE, &key, Value::Null),
        (PUT, "/users/me/password", password.clone()),
        (PUT, "/users/bob/password", password),
        (POST, "/oauth2-provider/apps", app.clone()),
        (PUT, &one, app),
        (DELETE, &one, Value::Null),
        (POST, &format!("{one}/secrets"), Value::Null),
        (DELETE, &secret, Value::Null),
        (PUT, "/oauth2-provider/settings", json!({})),
    ] {
        let refused = house.api(method.clone(), path, &token, body).await.expect(403);
        assert!(refused.json()["message"].as_str().unwrap().starts_with("An app cannot"), "{method} {path}");
        // No other scope would help, so none is named.
        assert_eq!(refused.header("www-authenticate"), "", "{method} {path}");
    }
    let withdraw = async |id: &str| {
        let request = TestRequest::delete().uri(&format!("/oauth2/tokens?client_id={id}"));
        house.send(request.insert_header(("Coder-Session-Token", token.as_str()))).await
    };
    withdraw(&other.id).await.expect(403);
    // What it holds itself, it may give back.
    withdraw(&robot.id).await.expect(204);
    house.get("/users/me", &token).await.expect(401);
    house.get("/users/me", &kept).await.expect(200);
}

#[actix_web::test]
async fn an_app_does_not_decide_where_its_own_service_account_belongs() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let other = client(&house, &owner, json!({ "name": "other", "service_account": true })).await;
    let account = async |id: &str| {
        let app = house.get(&format!("/oauth2-provider/apps/{id}"), &owner).await.expect(200).json();
        app["service_account_id"].as_str().unwrap().to_owned()
    };
    let (account, others) = (account(&robot.id).await, account(&other.id).await);
    let bob = house.get("/users/bob", &owner).await.expect(200).json()["id"].as_str().unwrap().to_owned();
    let id = |made: Answer, status: u16| made.expect(status).json()["id"].as_str().unwrap().to_owned();
    let body = |name: &str| json!({ "name": name });
    id(house.api(POST, "/organizations", &owner, body("acme")).await, 201);
    id(house.api(POST, "/organizations", &owner, body("zoo")).await, 201);
    for user in [&account, &others, &bob] {
        house.api(POST, &format!("/organizations/zoo/members/{user}"), &owner, Value::Null).await.expect(200);
    }
    let group = id(house.api(POST, "/organizations/zoo/groups", &owner, body("devs")).await, 201);
    let template = id(house.api(POST, "/organizations/zoo/templates", &owner, body("dev")).await, 201);
    let (group, template) = (format!("/groups/{group}"), format!("/templates/{template}/acl"));
    // So that nothing else stands in the way of the account.
    house.api(PUT, &format!("/users/{account}/roles"), &owner, json!({ "roles": ["owner"] })).await.expect(200);
    let granted = access_token(&house, &owner, &robot, &[]).await;
    let own = house.form("/oauth2/tokens", &robot.basic(), &[("grant_type", "client_credentials")]).await.expect(200);
    let own = own.json()["access_token"].as_str().unwrap().to_owned();

    let joining = |user: &str| (POST, format!("/organizations/acme/members/{user}"), Value::Null);
    let leaving = |user: &str| (DELETE, format!("/organizations/zoo/members/{user}"), Value::Null);
    let added = |user: &str| (PATCH, group.clone(), json!({ "add_users": [user] }));
    let removed = |user: &str| (PATCH, group.clone(), json!({ "remove_users": [user] }));
    let listed = |user: &str| (PATCH, template.clone(), json!({ "user_perms": { user: "admin" } }));
    let unlisted = |user: &str| (PATCH, template.clone(), json!({ "user_perms": { user: "" } }));
    let site_roles = |user: &str| (PUT, format!("/users/{user}/roles"), json!({ "roles": ["auditor"] }));
    let roles = |user: &str| {
        (PUT, format!("/organizations/zoo/members/{user}/roles"), json!({ "roles": ["organization-admin"] }))
    };
    for token in [&granted, &own] {
        for (method, path, body) in [
            joining(&account),
            added(&account),
            (PATCH, group.clone(), json!({ "add_users": [&bob, &account] })),
            removed(&account),
            listed(&account),
            (PATCH, template.clone(), json!({ "user_perms": { &bob: "use", &account: "" } })),
        ] {
            let refused = house.api(method.clone(), &path, token, body.clone()).await.expect(403);
            let message = refused.json()["message"].as_str().unwrap().to_owned();
            assert!(
                message.starts_with("An app cannot change memberships, groups, roles"),
                "{method} {path}: {message}"
            );
        }
        // Roles are given by no app in the name of its user, and nobody changes their own, or leaves.
        for (method, path, body) in [site_roles(&account), roles(&account), leaving(&account)] {
            let status = if *token == granted { 403 } else { 400 };
            house.api(method, &path, token, body).await.expect(status);
        }
        // All others it places as its user may.
        for user in [&bob, &others] {
            for (method, path, body) in [added(user), removed(user), listed(user), unlisted(user)] {
                house.api(method, &path, token, body).await.expect(200);
            }
            house.api(POST, &format!("/organizations/acme/members/{user}"), token, Value::Null).await.expect(200);
            house.api(DELETE, &format!("/organizations/acme/members/{user}"), token, Value::Null).await.expect(204);
        }
    }
    // A person does.
    for ((method, path, body), status) in [
        (joining(&account), 200),
        (added(&account), 200),
        (removed(&account), 200),
        (listed(&account), 200),
        (unlisted(&account), 200),
        (site_roles(&account), 200),
        (roles(&account), 200),
        (leaving(&account), 204),
    ] {
        house.api(method, &path, &owner, body).await.expect(status);
    }
}

#[actix_web::test]
async fn an_app_may_end_its_own_key() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    let token = access_token(&house, &owner, &robot, &[]).await;
    let own = format!("/users/me/keys/{}", token.split('-').next().unwrap());
    house.api(DELETE, &own, &token, Value::Null).await.expect(204);
    house.get("/users/me", &token).await.expect(401);
}

#[actix_web::test]
async fn an_app_that_signs_out_ends_its_own_key_only() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    let token = access_token(&house, &owner, &robot, &[]).await;
    let connect = api_token(&house, &owner, json!({ "scope": "application_connect" })).await;
    let id = connect.split('-').next().unwrap();
    house.api(POST, "/users/logout", &token, Value::Null).await.expect(200);
    house.get("/users/me", &token).await.expect(401);
    house.get("/users/me", &owner).await.expect(200);
    house.get(&format!("/users/me/keys/{id}"), &owner).await.expect(200);
}

/// Routes of later days too: who adds one at such a place and forgets apps, learns it here.
#[actix_web::test]
async fn every_route_that_changes_keys_passwords_and_apps_is_for_persons() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    let other = client(&house, &owner, json!({ "name": "other" })).await;
    let token = access_token(&house, &owner, &robot, &[]).await;
    let kept = api_token(&house, &owner, json!({ "token_name": "kept" })).await;
    let secret = house.get(&format!("/oauth2-provider/apps/{}/secrets", other.id), &owner).await.expect(200).json();
    access_token(&house, &owner, &other, &[]).await;
    let grants = house.get(&format!("/oauth2-provider/apps/{}/grants", other.id), &owner).await.expect(200).json();
    let document = house.get("/openapi.json", "").await.expect(200).json();
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(below) = path.strip_prefix("/api/v2") else { continue };
        let is_own_matter = below.starts_with("/oauth2-provider/")
            || below.starts_with("/users/{user}/keys")
            || below.ends_with("/email/verification")
            || below.ends_with("/email")
            || below.starts_with("/sessions")
            || below.starts_with("/users/{user}/sessions")
            || below.ends_with("/password");
        for method in methods.as_object().unwrap().keys().filter(|method| is_own_matter && *method != "get") {
            let path = below
                .replace("{user}", "me")
                .replace("{keyid}", kept.split('-').next().unwrap())
                .replace("{keyname}", "kept")
                .replace("{app}", &other.id)
                .replace("{session}", owner.split('-').next().unwrap())
                .replace("{grant}", grants["grants"][0]["id"].as_str().unwrap())
                .replace("{secretID}", secret[0]["id"].as_str().unwrap())
                // Whether there is such a one does not matter.
                .replace("{token}", &other.id)
                .replace("{resource}", &other.id);
            assert!(!path.contains('{'), "{path} has a parameter that this test does not know");
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let refused = house.api(method.clone(), &path, &token, json!({})).await;
            let told = refused.body.contains("An app cannot");
            assert!(refused.status == 403 && told, "{method} {path}: {} {}", refused.status, refused.body);
            tried += 1;
        }
    }
    assert!(tried >= 10, "{tried}");
    house.get("/users/me", &kept).await.expect(200);
}

/// What may be asked, and the request that does it; both answers must agree, for a person, an app that acts by a grant, and
/// the service account of an app.
#[actix_web::test]
async fn who_asks_what_it_may_do_is_told_what_happens_when_it_does() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let account = house.get(&format!("/oauth2-provider/apps/{}", robot.id), &owner).await.expect(200).json();
    let account = account["service_account_id"].as_str().unwrap().to_owned();
    house.api(PUT, &format!("/users/{account}/roles"), &owner, json!({ "roles": ["owner"] })).await.expect(200);
    let granted = access_token(&house, &owner, &robot, &[]).await;
    let own = house.form("/oauth2/tokens", &robot.basic(), &[("grant_type", "client_credentials")]).await.expect(200);
    let own = own.json()["access_token"].as_str().unwrap().to_owned();
    let organization = house.get("/users/me/organizations", &owner).await.expect(200).json()[0]["id"].clone();
    let role = |name: &str| json!({ "name": name, "organization_permissions": [] });
    house.api(POST, "/organizations/coder/members/roles", &owner, role("kept")).await.expect(200);

    for (who, token) in [("a person", &owner), ("by a grant", &granted), ("a service account", &own)] {
        let app = client(&house, &owner, json!({ "name": "other" })).await;
        let one = format!("/oauth2-provider/apps/{}", app.id);
        let secrets = house.get(&format!("{one}/secrets"), &owner).await.expect(200).json();
        let secret = format!("{one}/secrets/{}", secrets[0]["id"].as_str().unwrap());
        let body = json!({ "name": "other", "callback_url": CALLBACK });
        let made = format!("made-by-{}", who.len());
        let questions = [
            ("create", "api_key", POST, "/users/me/keys/tokens".to_owned(), json!({})),
            ("create", "oauth2_app", POST, "/oauth2-provider/apps".to_owned(), body.clone()),
            ("update", "oauth2_app", PUT, one.clone(), body),
            ("create", "oauth2_app_secret", POST, format!("{one}/secrets"), Value::Null),
            ("delete", "oauth2_app_secret", DELETE, secret, Value::Null),
            ("delete", "oauth2_app", DELETE, one, Value::Null),
            ("create", "workspace_proxy", POST, "/workspaceproxies".to_owned(), json!({ "name": made.clone() })),
            ("update", "deployment_config", PUT, "/oauth2-provider/settings".to_owned(), json!({})),
            ("assign", "assign_role", PUT, "/users/bob/roles".to_owned(), json!({ "roles": ["auditor"] })),
            ("unassign", "assign_role", PUT, "/users/bob/roles".to_owned(), json!({ "roles": [] })),
            (
                "assign",
                "assign_org_role",
                PUT,
                "/organizations/coder/members/bob/roles".to_owned(),
                json!({ "roles": ["organization-auditor"] }),
            ),
            ("create", "assign_org_role", POST, "/organizations/coder/members/roles".to_owned(), role(&made)),
            ("update", "assign_org_role", PUT, "/organizations/coder/members/roles".to_owned(), role("kept")),
            ("delete", "assign_org_role", DELETE, format!("/organizations/coder/members/roles/{made}"), Value::Null),
            // Those below are nobody's alone.
            ("read", "oauth2_app", Method::GET, "/oauth2-provider/apps".to_owned(), Value::Null),
            ("create", "group", POST, "/organizations/coder/groups".to_owned(), json!({ "name": made.clone() })),
        ];
        for (action, resource, method, path, body) in questions {
            let object = json!({ "resource_type": resource, "owner_id": "me", "organization_id": organization });
            // A thing of no organization is asked about without one.
            let object = if matches!(resource, "assign_org_role" | "group") {
                object
            } else {
                json!({ "resource_type": resource, "owner_id": if resource == "api_key" { "me" } else { "" } })
            };
            let asked = json!({ "checks": { "it": { "action": action, "object": object } } });
            let told = house.api(POST, "/authcheck", token, asked.clone()).await.expect(200).json()["it"].clone();
            let why = house.api(POST, "/authcheck?explain=true", token, asked).await.expect(200).json()["it"].clone();
            assert_eq!(why["allowed"], told, "{who}: {action} {resource}");
            let done = house.api(method, &path, token, body).await;
            assert_eq!(
                told,
                json!(done.status.is_success()),
                "{who}: {action} {resource}: {} {} {why}",
                done.status,
                done.body
            );
            if !done.status.is_success() {
                assert_eq!(why["because"]["code"], "app_refused", "{who}: {action} {resource}");
                assert_eq!(why["because"]["text"], done.json()["message"], "{who}: {action} {resource}");
            }
        }
        let consent = json!({ "checks": { "it": {
            "action": "create", "object": { "resource_type": "oauth2_app_code_token", "owner_id": "me" },
        }}});
        let told = house.api(POST, "/authcheck", token, consent).await.expect(200).json()["it"].clone();
        let pressed = allow(&house, token, &robot.authorize(&[])).await.expect(302);
        assert_eq!(told, json!(pressed.redirected_with("code").is_some()), "{who}");
    }
}

#[actix_web::test]
async fn the_token_of_an_app_links_no_account_and_removes_none() {
    let provider = FakeProvider::new(NOW.unix_timestamp());
    let house = house_beside(provider.upstreams(), |settings| settings.oidc.providers = vec![entry()]).await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({ "service_account": true })).await;
    let granted = access_token(&house, &owner, &robot, &[]).await;
    let body = json!({ "provider": "corp", "password": PASSWORD });
    let refused = house.api(POST, "/users/me/links", &granted, body.clone()).await.expect(403);
    assert!(refused.body.contains("An app cannot change with which accounts"), "{}", refused.body);
    let none = "/users/me/links/00000000-0000-8000-8000-000000000000";
    house.api(DELETE, none, &granted, Value::Null).await.expect(403);
    house.get("/users/me/links", &granted).await.expect(200);
    // The person may, also by an API token.
    let token = api_token(&house, &owner, json!({})).await;
    house.api(POST, "/users/me/links", &token, body).await.expect(201);
    house.api(DELETE, none, &token, Value::Null).await.expect(404);
}
