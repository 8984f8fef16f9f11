//! What other sites, other users and strangers try.

use crate::browser::Browser;
use crate::house::{House, PASSWORD, house};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_services::users;
use serde_json::{Value, json};

/// What OAuth clients in browsers call from any site, what browsers report by themselves, to which nothing is done, and where the browser is
/// only sent to ask again.
const OPEN: [&str; 9] = [
    "/api/v2/csp/reports",
    "/oauth2/device",
    "/oauth2/introspect",
    "/oauth2/logout",
    "/oauth2/par",
    "/oauth2/register",
    "/oauth2/revoke",
    "/oauth2/tokens",
    "/oauth2/userinfo",
];
/// What the token of a registration opens, and no cookie.
const MANAGED: &str = "/oauth2/clients/{client_id}";

#[actix_web::test]
async fn every_route_that_changes_something_refuses_other_sites() {
    let house = house().await;
    let owner = house.owner().await;
    let document: Value = serde_json::from_str(&doorward_http::openapi_json()).unwrap();
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|method| !matches!(method.as_str(), "get" | "parameters"))
        {
            let uri = path.replace(['{', '}'], "");
            for (name, value) in [
                ("Origin", "https://evil.example"),
                ("Origin", "https://evil.door.example"),
                ("Origin", "null"),
                ("Sec-Fetch-Site", "cross-site"),
                ("Sec-Fetch-Site", "same-site"),
            ] {
                for credential in [("Accept", "*/*"), ("Coder-Session-Token", &*owner)] {
                    let method: Method = method.to_uppercase().parse().unwrap();
                    let is_posted = OPEN.contains(&path.as_str()) && method == Method::POST;
                    // SCIM clients bring a key, and no cookie is looked at.
                    let is_open = is_posted || path == MANAGED || path.starts_with("/scim/");
                    let request = TestRequest::with_uri(&uri).method(method.clone());
                    let answer = house.send(request.insert_header((name, value)).insert_header(credential)).await;
                    assert_eq!(answer.status == 403, !is_open, "{method} {path} {name}: {value}: {}", answer.body);
                    assert_eq!(answer.header("set-cookie"), "", "{method} {path}");
                    refused += usize::from(answer.status == 403);
                }
            }
        }
    }
    assert!(refused > 300, "{refused}");
    house.get("/users/me", &owner).await.expect(200);
}

#[actix_web::test]
async fn the_refusal_has_the_shape_of_its_place() {
    let house = house().await;
    let ask = async |path: &str, accept: &str| {
        let request =
            TestRequest::with_uri(path).method(if path == "/oauth2/tokens" { Method::DELETE } else { Method::POST });
        let request = request.insert_header(("Origin", "https://evil.example")).insert_header(("Accept", accept));
        house.send(request).await.expect(403)
    };
    assert!(ask("/api/v2/users/login", "text/html").await.json()["message"].is_string());
    assert_eq!(ask("/oauth2/tokens", "text/html").await.json()["error"], "access_denied");
    for path in ["/login", "/setup", "/logout", "/account/applications", "/oauth2/authorize", "/cli-auth"] {
        assert!(ask(path, "text/html").await.body.contains("Sent by another site"), "{path}");
        assert!(ask(path, "application/json").await.json()["message"].is_string(), "{path}");
    }
}

#[actix_web::test]
async fn a_form_in_plain_text_signs_nobody_in_and_makes_no_owner() {
    let house = house().await;
    let send = |path: &str, body: Value| {
        let request = TestRequest::post().uri(path).peer_addr("127.0.0.1:1".parse().unwrap());
        let request =
            request.insert_header(("Content-Type", "text/plain")).insert_header(("Origin", "https://evil.example"));
        house.send(request.set_payload(body.to_string()))
    };
    let first = json!({ "email": "eve@example.com", "username": "eve", "password": PASSWORD });
    send("/api/v2/users/first", first).await.expect(403);
    house.get("/users/first", "").await.expect(404);
    house.owner().await;
    let refused =
        send("/api/v2/users/login", json!({ "email": "ann@example.com", "password": PASSWORD })).await.expect(403);
    assert_eq!(refused.cookies(), Vec::<String>::new());
}

#[actix_web::test]
async fn old_and_foreign_cookies_of_the_name_keep_nobody_out() {
    let house = house().await;
    let owner = house.owner().await;
    let stale = house.login("ann@example.com").await;
    house.api(Method::POST, "/users/logout", &stale, Value::Null).await.expect(200);
    let with = |request: TestRequest, cookies: &str| house.send(request.insert_header(("Cookie", cookies)));
    let get = || TestRequest::get().uri("/api/v2/users/me");
    let cookies = format!("coder_session_token=junk; coder_session_token={stale}; coder_session_token={owner}");
    with(get(), &cookies).await.expect(200);
    with(get(), &format!("coder_session_token={stale}")).await.expect(401);
    let repeated = get().insert_header(("Coder-Session-Token", stale.as_str()));
    with(repeated, &cookies).await.expect(401);

    // A cookie that another host has set, and its value in the address, prove nothing about the session.
    let put = |uri: &str| TestRequest::put().uri(uri).set_payload(r#"{"username":"eve"}"#);
    let tossed = format!("coder_session_token=tossed; coder_session_token={owner}");
    with(put("/api/v2/users/me/profile?coder_session_token=tossed"), &tossed).await.expect(401);
    with(put("/api/v2/users/me/profile"), &tossed).await.expect(400);
    let own = format!("/api/v2/users/me/profile?coder_session_token={owner}");
    with(put(&own), &tossed).await.expect(200);
}

#[actix_web::test]
async fn however_many_old_cookies_come_first_the_good_one_counts() {
    let house = house().await;
    let owner = house.owner().await;
    let mut cookies = Vec::new();
    for n in 0..30 {
        // Signed out, never there, and with the id of the good one but another secret.
        let stale = house.login("ann@example.com").await;
        house.api(Method::POST, "/users/logout", &stale, Value::Null).await.expect(200);
        let (id, secret) = owner.split_once('-').unwrap();
        let wrong = format!("{id}-{}", format!("{n:02}") + &secret[2..]);
        for value in [stale, format!("{n:010}-{secret}"), wrong] {
            cookies.push(format!("coder_session_token={value}; "));
        }
    }
    let get = |cookies: &str| {
        house.send(TestRequest::get().uri("/api/v2/users/me").insert_header(("Cookie", cookies.to_owned())))
    };
    let cookies = cookies.concat();
    get(&cookies).await.expect(401);
    let reads = || house.store.calls(doorward_ports::WorkMode::Read);
    let before = reads();
    get(&format!("{cookies}coder_session_token={owner}")).await.expect(200);
    // The first cookie, all others at once, the good one, and what the handler reads.
    assert!(reads() - before <= 4, "{} trips", reads() - before);
}

async fn app<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>>(
    house: &House<S>,
    owner: &str,
    scope: &str,
) -> String {
    let app = json!({ "name": "robot", "callback_url": "https://app.example/cb", "require_pkce": false });
    let app = house.api(Method::POST, "/oauth2-provider/apps", owner, app).await.expect(201).json();
    let query = [("client_id", app["id"].as_str().unwrap()), ("response_type", "code"), ("scope", scope)];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    format!("/oauth2/authorize?{query}")
}

#[actix_web::test]
async fn a_consent_page_of_one_user_never_acts_for_another() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let uri = app(&house, &owner, "user:read").await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    assert!(browser.get(&uri).await.expect(200).body.contains("ann@example.com"));
    let shown_to_ann = browser.tokens.borrow()[&uri].clone();

    // In a second tab.
    browser.cookies.borrow_mut().clear();
    browser.sign_in("bob@example.com").await;
    browser.tokens.borrow_mut().insert(uri.clone(), shown_to_ann);
    let again = browser.submit(&uri, &[]).await.expect(400);
    assert!(again.body.contains("You are signed in as bob") && again.body.contains("bob@example.com"));
    assert!(!again.body.contains("ann@example.com"));
    let allowed = browser.submit(&uri, &[]).await.expect(302);
    assert!(allowed.header("location").starts_with("https://app.example/cb?code="));
}

#[actix_web::test]
async fn nothing_is_allowed_but_what_was_shown() {
    let house = house().await;
    let owner = house.owner().await;
    let uri = app(&house, &owner, "user:read").await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    browser.get(&uri).await.expect(200);
    let id = uri.split("client_id=").nth(1).unwrap().split('&').next().unwrap();
    let changed = json!({ "name": "another-name", "callback_url": "https://app.example/cb" });
    house.api(Method::PUT, &format!("/oauth2-provider/apps/{id}"), &owner, changed).await.expect(200);
    let again = browser.submit(&uri, &[]).await.expect(400);
    assert!(again.body.contains("Nothing was allowed") && again.body.contains("another-name"));
    browser.submit(&uri, &[]).await.expect(302);
}

#[actix_web::test]
async fn a_token_is_good_for_its_own_form_only() {
    let house = house().await;
    let owner = house.owner().await;
    let uri = app(&house, &owner, "user:read").await;
    let wider = uri.replace("user%3Aread", "coder%3Aall");
    let browser = Browser::new(&house);
    browser.get("/login").await.expect(200);
    let sign_in = browser.tokens.borrow()["/login"].clone();
    browser.sign_in("ann@example.com").await;
    for page in [&*uri, "/account/applications", "/cli-auth"] {
        browser.get(page).await.expect(200);
    }
    let tokens = browser.tokens.borrow().clone();
    let others = |own: &'static str| {
        let others = tokens.iter().filter(move |(place, _)| *place != own).map(|(_, token)| token.clone());
        others.chain([sign_in.clone(), String::new(), "A".repeat(86)]).collect::<Vec<_>>()
    };
    for place in ["/logout", "/cli-auth"] {
        for token in others(place) {
            browser.tokens.borrow_mut().insert(place.to_owned(), token);
            browser.submit(place, &[]).await.expect(400);
        }
    }
    for (place, token) in &tokens {
        browser.tokens.borrow_mut().insert(wider.clone(), token.clone());
        let page = browser.submit(&wider, &[]).await.expect(400);
        assert!(page.body.contains("Nothing was allowed"), "the token of {place}");
    }
    browser.get("/").await.expect(200);
}

#[actix_web::test]
async fn an_unknown_app_is_told_to_a_person_on_a_page_and_to_a_program_in_json() {
    let house = house().await;
    house.owner().await;
    for (uri, status) in
        [("/oauth2/authorize?client_id=1a2b3c4d-0000-4000-8000-000000000000", 401), ("/oauth2/authorize", 400)]
    {
        for (accept, is_page) in [("text/html,*/*;q=0.8", true), ("application/json", false), ("*/*", false)] {
            let answer = house.send(TestRequest::get().uri(uri).insert_header(("Accept", accept))).await.expect(status);
            assert_eq!(answer.body.contains("<h1>Unknown application</h1>"), is_page, "{accept}");
            assert_eq!(answer.body.starts_with("{\"error\":"), !is_page, "{accept}");
            assert_eq!(answer.header("www-authenticate"), "");
        }
    }
}

#[actix_web::test]
async fn a_server_whose_access_url_leads_elsewhere_is_set_up_under_its_link_only() {
    let house = house().await;
    let token = users::setup_token(&house.context).into_exposed();
    let first = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
    let from = |ip: &str, request: TestRequest| request.peer_addr(format!("{ip}:1").parse().unwrap());
    let post = |uri: &str| TestRequest::post().uri(uri).set_payload(first.to_string());
    for request in [
        from("192.0.2.1", post("/api/v2/users/first")),
        // A proxy on the same machine that adds no header looks like this.
        from("127.0.0.1", post("/api/v2/users/first")),
        from("127.0.0.1", post("/api/v2/users/first")).insert_header(("X-Forwarded-For", "127.0.0.1")),
        from("127.0.0.1", post("/api/v2/users/first")).insert_header(("Host", "evil.example")),
        from("192.0.2.1", post("/api/v2/users/first?token=guess")),
        from("192.0.2.1", post("/api/v2/users/first")).insert_header(("Doorward-Setup-Token", "guess")),
    ] {
        let refused = house.send(request).await.expect(403);
        assert!(refused.json()["message"].as_str().unwrap().contains("set-up link"));
    }
    let page = |uri: &str| house.send(from("192.0.2.1", TestRequest::get().uri(uri)));
    assert!(page("/setup").await.expect(403).body.contains("Open the set-up link"));
    assert!(page("/setup?token=guess").await.expect(403).body.contains("This set-up link does not work"));
    let form = page(&format!("/setup?token={token}")).await.expect(200);
    assert!(form.body.contains(&format!("name=\"token\" value=\"{token}\"")));
    let header = from("192.0.2.1", post("/api/v2/users/first")).insert_header(("Doorward-Setup-Token", token.as_str()));
    house.send(header).await.expect(201);
    house.send(from("192.0.2.1", post(&format!("/api/v2/users/first?token={token}")))).await.expect(409);
    house.send(from("192.0.2.1", post("/api/v2/users/first"))).await.expect(409);
}

#[actix_web::test]
async fn a_command_line_gets_its_key_by_a_press_of_the_button_alone() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let browser = Browser::new(&house);
    let to_login = browser.get("/cli-auth").await.expect(303);
    assert_eq!(to_login.redirected_with("redirect").as_deref(), Some("/cli-auth"));
    browser.sign_in("bob@example.com").await;
    let page = browser.get("/cli-auth").await.expect(200);
    assert!(page.body.contains("Make a key") && !page.body.contains("cli-key"));
    let made = browser.submit("/cli-auth", &[]).await.expect(200);
    assert_eq!(made.header("cache-control"), "no-store");
    assert!(made.header("content-security-policy").contains("frame-ancestors 'none'"));
    let key = made.body.split("<code>").nth(1).unwrap().split('<').next().unwrap();
    assert_eq!(house.get("/users/me", key).await.expect(200).json()["username"], "bob");
    let log = house.get("/audit?q=resource_type:api_key%20action:create", &owner).await.expect(200).json();
    let id = key.split('-').next().unwrap();
    assert!(log["audit_logs"].to_string().contains(id) || log["count"] == 1, "{log}");
    let anonymous = house.send(TestRequest::post().uri("/cli-auth")).await.expect(303);
    assert!(anonymous.header("location").starts_with("/login?"));
}

#[actix_web::test]
async fn an_owner_is_told_what_roles_add_and_a_member_is_not() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let uri = app(&house, &owner, "workspace:read template:read api_key:create").await;
    let browser = Browser::new(&house);
    browser.sign_in("ann@example.com").await;
    let page = browser.get(&uri).await.expect(200).body;
    assert!(page.contains("You are <strong>Owner of this server</strong>"));
    assert_eq!(
        page.matches("Your roles reach what belongs to others").count(),
        2,
        "in the notice, and once over the list"
    );
    let (sensitive, by_roles) = page.split_once("topic-roles").unwrap();
    assert!(sensitive.contains("<code>api_key:create</code>") && by_roles.contains("<code>workspace:read</code>"));
    browser.cookies.borrow_mut().clear();
    let sign_in = url::form_urlencoded::byte_serialize(uri.as_bytes()).collect::<String>();
    let sign_in = browser.get(&format!("/login?redirect={sign_in}")).await.expect(200).body;
    assert!(sign_in.contains("<bdi>robot</bdi></strong>, which asks for access"), "{sign_in}");
    browser.sign_in("bob@example.com").await;
    let page = browser.get(&uri).await.expect(200).body;
    assert!(!page.contains("id=\"standing\"") && !page.contains("our roles reach"));
    let (care, rest) = page.split_once("topic-1").unwrap();
    assert!(care.contains("<code>api_key:create</code>") && rest.contains("<code>workspace:read</code>"));
}
