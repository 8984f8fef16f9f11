//! What limits credentials: scopes, allow lists, and how a client learns what it lacks.

use crate::house::{Answer, House, PASSWORD, house};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const POST: Method = Method::POST;
// RFC 7636 appendix B
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Makes an API token with these limits.
pub(crate) async fn token<S>(house: &House<S>, who: &str, limits: Value) -> String
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let made = house.api(POST, "/users/me/keys/tokens", who, limits).await.expect(201).json();
    made["key"].as_str().unwrap().to_owned()
}

/// The authorization request of a new public app for these scopes, and the id of the app.
async fn authorization<S>(house: &House<S>, owner: &str, scope: &str) -> (String, String)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let app = json!({ "name": "robot", "callback_url": "http://127.0.0.1/cb", "public": true });
    let app = house.api(POST, "/oauth2-provider/apps", owner, app).await.expect(201).json();
    let id = app["id"].as_str().unwrap().to_owned();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", &*id), ("response_type", "code"), ("code_challenge", CHALLENGE)])
        .append_pair("scope", scope)
        .finish();
    (format!("/oauth2/authorize?{query}"), id)
}

fn with_token(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header(("Coder-Session-Token", token))
}

/// The scope that the answer asks for.
pub(crate) fn asked_for(answer: &Answer) -> Option<&str> {
    let (_, scope) =
        answer.header("www-authenticate").split_once("error=\"insufficient_scope\"")?.1.split_once(" scope=\"")?;
    scope.strip_suffix('"')
}

#[actix_web::test]
async fn an_allow_list_is_kept_shown_and_obeyed() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    house.member(&owner, "eve").await;
    let id =
        async |name: &str| house.get(&format!("/users/{name}"), &owner).await.json()["id"].as_str().unwrap().to_owned();
    let (bob, eve) = (id("bob").await, id("eve").await);

    let member = ["organization:*", "organization_member:*", "assign_role:*", "assign_org_role:*"];
    let list = json!([&[&*format!("user:{bob}"), "api_key:*"], &member[..]].concat());
    let mut asked = list.as_array().unwrap().clone();
    asked.push(list[0].clone());
    let limits = json!({ "token_name": "bobs", "scopes": ["coder:all"], "allow_list": asked });
    let limited = token(&house, &owner, limits).await;
    let shown = house.get("/users/me/keys/tokens/bobs", &owner).await.expect(200).json();
    assert_eq!(shown["allow_list"], list);
    assert_eq!((&shown["scope"], &shown["scopes"]), (&json!("all"), &json!(["coder:all"])));
    let plain = token(&house, &owner, json!({ "token_name": "plain", "scope": "all" })).await;
    let listed = house.get("/users/me/keys/tokens", &plain).await.expect(200).json();
    let lists: Vec<&Value> = listed.as_array().unwrap().iter().map(|key| &key["allow_list"]).collect();
    assert!(lists.contains(&&json!(["*:*"])) && lists.contains(&&list), "{listed}");

    // One user is seen, in lists too; others are as if they did not exist, and saying why would help nobody.
    let seen = house.get("/users", &limited).await.expect(200).json();
    assert_eq!((&seen["count"], &seen["users"][0]["username"]), (&json!(1), &json!("bob")));
    assert_eq!(seen["users"].as_array().unwrap().len(), 1);
    assert_eq!(house.get(&format!("/users/{bob}"), &limited).await.expect(200).json()["username"], "bob");
    for other in [&*eve, "eve"] {
        let hidden = house.get(&format!("/users/{other}"), &limited).await.expect(400);
        assert!(hidden.header("www-authenticate").is_empty());
        assert_eq!(hidden.body, house.get("/users/nobody", &limited).await.body);
    }
    house.get("/users/me/keys/tokens/bobs", &limited).await.expect(200);

    // What has no id yet is reached by `type:*` only.
    let organizations = house.get("/users/me/organizations", &owner).await.json();
    let new = json!({
        "email": "newt@example.com", "username": "newt", "password": PASSWORD,
        "organization_ids": [organizations[0]["id"]],
    });
    let refused = house.api(POST, "/users", &limited, new.clone()).await.expect(403);
    assert!(refused.header("www-authenticate").is_empty(), "no scope would do");
    let limits = json!({ "token_name": "people", "allow_list": ([&["user:*"], &member[..]].concat()) });
    let people = token(&house, &owner, limits).await;
    house.api(POST, "/users", &people, new).await.expect(201);
    assert_eq!(house.get("/users", &people).await.expect(200).json()["count"], 4);
    house.api(POST, "/users/me/keys/tokens", &people, json!({ "allow_list": ["user:*"] })).await.expect(403);
}

#[actix_web::test]
async fn allow_lists_are_checked_strictly() {
    let house = house().await;
    let owner = house.owner().await;
    for bad in [
        json!(["user"]),
        json!(["*"]),
        json!(["user:"]),
        json!(["user:me"]),
        json!(["spaceship:*"]),
        json!(["user:{6ba7b810-9dad-11d1-80b4-00c04fd430c8}"]),
        json!(vec!["user:*"; 129]),
    ] {
        let refused = house.api(POST, "/users/me/keys/tokens", &owner, json!({ "allow_list": bad })).await.expect(400);
        assert_eq!(refused.json()["validations"][0]["field"], "allow_list", "{}", refused.body);
    }
    house.api(POST, "/users/me/keys/tokens", &owner, json!({ "allow_list": "user:*" })).await.expect(400);
    for nothing in [json!([]), Value::Null, json!(["user:*", "*:*"]), json!(vec!["*:*"; 128])] {
        token(&house, &owner, json!({ "allow_list": nothing })).await;
    }
    for key in house.get("/users/me/keys/tokens", &owner).await.json().as_array().unwrap() {
        assert_eq!(key["allow_list"], json!(["*:*"]));
    }
}

#[actix_web::test]
async fn a_limited_key_gives_nothing_away_that_it_does_not_reach() {
    let house = house().await;
    let owner = house.owner().await;
    let (uri, _) = authorization(&house, &owner, "user:read").await;
    let limits = json!({ "allow_list": ["api_key:*", "oauth2_app:*", "oauth2_app_code_token:*", "user:*"] });
    let limited = token(&house, &owner, limits).await;
    let refused = house.send(with_token(TestRequest::post().uri(&uri), &limited)).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("access_denied"));
    assert!(refused.redirected_with("error_description").unwrap().contains("limited to some objects"));
    house.api(POST, "/users/me/keys", &limited, Value::Null).await.expect(403);
    for wider in [json!({}), json!({ "allow_list": ["*:*"] }), json!({ "allow_list": ["workspace:*"] })] {
        house.api(POST, "/users/me/keys/tokens", &limited, wider).await.expect(403);
    }
    token(&house, &limited, json!({ "allow_list": ["user:*"] })).await;
    // The same by scopes alone.
    let narrow = token(&house, &owner, json!({ "scopes": ["oauth2_app_code_token:create", "template:read"] })).await;
    let refused = house.send(with_token(TestRequest::post().uri(&uri), &narrow)).await.expect(302);
    assert_eq!(refused.redirected_with("error").as_deref(), Some("access_denied"));
}

#[actix_web::test]
async fn a_list_of_scopes_is_not_widened_by_the_single_one() {
    let house = house().await;
    let owner = house.owner().await;
    let narrow = token(&house, &owner, json!({ "scope": "all", "scopes": ["group:read", "api_key:read"] })).await;
    let shown = house.get("/users/me/keys/tokens", &narrow).await.expect(200).json()[0].clone();
    assert_eq!((&shown["scope"], &shown["scopes"]), (&json!("group:read"), &json!(["group:read", "api_key:read"])));
    house.get("/users", &narrow).await.expect(200);
    house.api(POST, "/organizations", &narrow, json!({ "name": "x" })).await.expect(403);
    for bad in [json!({ "scopes": [""] }), json!({ "scopes": ["group:read", ""] })] {
        house.api(POST, "/users/me/keys/tokens", &owner, bad).await.expect(400);
    }
    let wide = token(&house, &owner, json!({ "scopes": ["group:read", "all"] })).await;
    let shown = house.get("/users/me/keys/tokens", &wide).await.json();
    assert!(shown.as_array().unwrap().iter().any(|key| key["scope"] == "all" && key["scopes"][0] == "group:read"));
}

#[actix_web::test]
async fn api_tokens_learn_which_scope_they_lack() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let reader = token(&house, &owner, json!({ "scopes": ["workspace:read", "coder:apikeys.manage_self"] })).await;
    let shown = house.get("/users/me/keys/tokens", &owner).await.json();
    assert_eq!(shown[0]["scopes"], json!(["workspace:read", "coder:apikeys.manage_self"]));
    house.get("/users/me/keys/tokens", &reader).await.expect(200);

    // What exists, and what the role would allow.
    let organization = house.get("/users/me/organizations", &owner).await.json()[0]["name"].clone();
    let organization = format!("/users/me/organizations/{}", organization.as_str().unwrap());
    let unknown = house.get("/users/nobody", &reader).await.expect(400);
    assert_eq!(asked_for(&unknown), None);
    for (method, path, body, scope) in [
        (Method::GET, "/users/bob", Value::Null, "user:read"),
        (Method::GET, "/users/me/roles", Value::Null, "user:read_personal"),
        (Method::GET, &*organization, Value::Null, "organization:read"),
        (Method::GET, "/oauth2-provider/apps", Value::Null, "oauth2_app:read"),
        (
            POST,
            "/oauth2-provider/apps",
            json!({ "name": "a", "callback_url": "https://a.example" }),
            "oauth2_app:create",
        ),
        (Method::PUT, "/users/me/profile", json!({ "username": "ann" }), "user:update_personal"),
    ] {
        let refused = house.api(method, path, &reader, body.clone()).await.expect(403);
        assert_eq!(asked_for(&refused), Some(scope), "{path}");
        assert!(refused.header("www-authenticate").contains("resource_metadata=\"https://door.example/"));
        let body = refused.json();
        assert!(body["detail"].as_str().unwrap().contains(&format!("\"{scope}\"")), "{body}");
    }
    // With the scope it named, it works.
    let stepped = token(&house, &owner, json!({ "scopes": ["user:read"] })).await;
    house.get("/users/bob", &stepped).await.expect(200);

    // A member may not create apps with any scope.
    let limited = token(&house, &bob, json!({ "scopes": ["workspace:read"] })).await;
    for key in [&bob, &limited] {
        let app = json!({ "name": "a", "callback_url": "https://a.example" });
        assert_eq!(asked_for(&house.api(POST, "/oauth2-provider/apps", key, app).await.expect(403)), None);
    }
    assert_eq!(asked_for(&house.get("/users/ann", &limited).await.expect(400)), None);
}

#[actix_web::test]
async fn oauth2_tokens_carry_their_scopes_and_learn_which_they_lack() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let (uri, client_id) = authorization(&house, &owner, "workspace:read coder:templates.author").await;
    let allowed = house.send(with_token(TestRequest::post().uri(&uri), &bob)).await.expect(302);
    let code = allowed.redirected_with("code").unwrap();
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", &*client_id),
        ("code", &*code),
        ("code_verifier", VERIFIER),
    ];
    let tokens = house.form("/oauth2/tokens", "", &exchange).await.expect(200).json();
    assert_eq!(tokens["scope"], "workspace:read coder:templates.author");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let get = |path: &str| {
        let request = TestRequest::get().uri(&format!("/api/v2{path}"));
        house.send(request.insert_header(("Authorization", bearer.clone())))
    };
    let organizations = get("/users/me/organizations").await.expect(200).json();
    let organization = organizations[0]["name"].as_str().unwrap();
    get(&format!("/users/me/organizations/{organization}")).await.expect(200);
    assert_eq!(asked_for(&get("/users/me").await.expect(403)), Some("user:read"));
    let refused = get("/users/me/appearance").await.expect(403);
    assert_eq!(asked_for(&refused), Some("user:read_personal"));
    let refused = get("/users/ann/roles").await.expect(400);
    assert_eq!(asked_for(&refused), None, "bob could not see ann either");
}

#[actix_web::test]
async fn the_consent_page_says_in_words_what_is_asked_for() {
    let house = house().await;
    let owner = house.owner().await;
    let scopes = "workspace:ssh license:read template:* user:read coder:workspaces.create coder:apikeys.manage_self";
    let (uri, _) = authorization(&house, &owner, scopes).await;
    let bob = house.member(&owner, "bob").await;
    let page = house.send(with_token(TestRequest::get().uri(&uri), &bob)).await.expect(200);
    assert_eq!(
        scope_list(&page.body),
        [
            "With care",
            "Connect to your workspaces over SSH workspace:ssh",
            "Do everything with templates template:*",
            "See, create, change and delete your API tokens coder:apikeys.manage_self",
            "Workspaces",
            "Create workspaces for you from the templates you may use coder:workspaces.create",
            "People and organizations",
            "See users, your own profile included user:read",
            "Only if you get more rights one day (1) See licenses license:read",
        ]
    );
    let uri = asking(&uri, "all user:read");
    let page = house.send(with_token(TestRequest::get().uri(&uri), &owner)).await.expect(200);
    let full = scope_list(&page.body);
    assert!(full.len() == 1 && full[0].starts_with("Do everything you can do"), "{full:?}");
    for unknown in ["user:fly", "user:read nonsense", "no_user_data", "*:*"] {
        let uri = asking(&uri, unknown);
        let refused = house.send(with_token(TestRequest::get().uri(&uri), &owner)).await.expect(302);
        assert_eq!(refused.redirected_with("error").as_deref(), Some("invalid_scope"), "{unknown}");
    }
}

#[actix_web::test]
async fn an_allow_list_of_one_app_opens_that_app_and_no_other() {
    let house = house().await;
    let owner = house.owner().await;
    let app = |name: &str| json!({ "name": name, "callback_url": "https://a.example/cb" });
    let mut ids = Vec::new();
    for name in ["one", "other"] {
        let made = house.api(Method::POST, "/oauth2-provider/apps", &owner, app(name)).await.expect(201).json();
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    let limits =
        json!({ "token_name": "of-one", "scopes": ["coder:all"], "allow_list": [format!("oauth2_app:{}", ids[0])] });
    let made = house.api(Method::POST, "/users/me/keys/tokens", &owner, limits).await.expect(201).json();
    let token = made["key"].as_str().unwrap();
    for (id, read) in ids.iter().zip([200, 403]) {
        let path = format!("/oauth2-provider/apps/{id}");
        house.get(&path, token).await.expect(read);
        house.api(Method::PUT, &path, token, app("renamed")).await.expect(read);
    }
    house.api(Method::POST, "/oauth2-provider/apps", token, app("third")).await.expect(403);
    let path = |id: &str| format!("/oauth2-provider/apps/{id}");
    house.api(Method::DELETE, &path(&ids[1]), token, Value::Null).await.expect(403);
    house.api(Method::DELETE, &path(&ids[0]), token, Value::Null).await.expect(204);
}

/// The same request for other scopes.
fn asking(uri: &str, scope: &str) -> String {
    let (path, query) = uri.split_once('?').unwrap();
    let pairs = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "scope");
    let mut next = url::form_urlencoded::Serializer::new(String::new());
    format!("{path}?{}", next.extend_pairs(pairs).append_pair("scope", scope).finish())
}

/// What a person reads in the list of scopes, line by line.
fn scope_list(html: &str) -> Vec<String> {
    let (_, list) = html.split_once("id=\"scope-list\">").unwrap();
    let (list, _) = list.split_once("</div>").unwrap();
    let (mut text, mut in_tag) = (String::new(), false);
    for c in list.replace("</li>", "|").replace("</h3>", "|").chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    let lines = text.split('|').map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}
