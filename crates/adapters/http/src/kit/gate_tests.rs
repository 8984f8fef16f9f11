//! The conventions of every request, each tested once.

use crate::kit::settings::{CompatibilitySettings, CookieSettings, HttpSettings, SecureCookies, ServerSettings};
use crate::testing::{Answer, TOKEN, as_user, in_browser, send, send_all, send_with, settings, signed_in, user};
use actix_web::App;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::users::UserPage;
use doorward_testkit::settings::changed;

#[path = "gate_tests/forms.rs"]
mod forms;

fn request(method: Method, uri: &str) -> TestRequest {
    TestRequest::with_uri(uri).method(method)
}

fn get(uri: &str) -> TestRequest {
    request(Method::GET, uri)
}

fn post(uri: &str) -> TestRequest {
    request(Method::POST, uri)
}

#[actix_web::test]
async fn an_unknown_path_is_json_in_the_api_and_a_page_elsewhere() {
    let api = send(MockRepositories::default(), get("/api/v2/nothing/here?x=1")).await;
    assert_eq!((api.status.as_u16(), api.header("content-type")), (404, "application/json; charset=utf-8"));
    assert_eq!(api.body, "{\"message\":\"Route not found.\"}\n");
    let page = send(MockRepositories::default(), get("/nothing")).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "text/html; charset=utf-8"));
    for path in ["/api", "/api/nothing", "/oauth2", "/oauth2/nothing", "/.well-known", "/.well-known/webfinger"] {
        let program = send(MockRepositories::default(), get(path)).await;
        let found = (program.status.as_u16(), program.header("content-type"));
        assert_eq!(found, (404, "application/json; charset=utf-8"), "{path}");
    }
    assert_eq!(send(MockRepositories::default(), get("/oauth2")).await.json()["error"], "invalid_request");
}

#[actix_web::test]
async fn a_wrong_method_is_405_and_names_the_right_ones() {
    let api = send(MockRepositories::default(), post("/api/v2/buildinfo")).await;
    assert_eq!((api.status.as_u16(), api.header("allow")), (405, "GET, HEAD"));
    assert_eq!(api.json()["detail"], "The methods allowed here are GET, HEAD.");
    let api = send(MockRepositories::default(), request(Method::PATCH, "/api/v2/users/me")).await;
    assert_eq!((api.status.as_u16(), api.header("allow")), (405, "GET, HEAD, DELETE"));
    let oauth = send(MockRepositories::default(), get("/oauth2/revoke")).await;
    assert_eq!((oauth.status.as_u16(), oauth.header("allow")), (405, "POST, OPTIONS"));
    assert_eq!(oauth.json()["error"], "invalid_request");
}

#[actix_web::test]
async fn api_answers_carry_id_version_and_safe_headers() {
    let answers = send_all(
        HttpSettings {
            version: "1.2.3+x".into(),
            compatibility: changed(|api: &mut CompatibilitySettings| api.version = "v2.36.0".into()),
            ..settings()
        },
        MockRepositories::default(),
        vec![get("/api/v2/buildinfo"), get("/api/v2/buildinfo"), get("/api/v2/nothing")],
    )
    .await;
    let ids: Vec<uuid::Uuid> = answers.iter().map(|a| a.header("x-coder-request-id").parse().unwrap()).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    for answer in &answers {
        assert_eq!(answer.header("x-coder-build-version"), "v2.36.0+doorward.1.2.3.x");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    }
    assert_eq!(answers[0].json()["external_url"], "https://door.example");
    let tls = HttpSettings { hsts: Some(std::time::Duration::from_mins(1)), ..settings() };
    let answer = send_with(tls, MockRepositories::default(), get("/healthz")).await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=60");
}

#[actix_web::test]
async fn head_is_answered_like_get() {
    let answer = send(MockRepositories::default(), request(Method::HEAD, "/healthz")).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[actix_web::test]
async fn metrics_know_routes_and_nothing_that_clients_invent() {
    let mut repos = MockRepositories::default();
    let invented = Method::from_bytes(b"INVENTED").unwrap();
    let requests = vec![
        get("/api/v2/users/first?x=invented"),
        request(invented, "/invented"),
        request(Method::PATCH, "/api/v2/users/invented"),
    ];
    repos.users.expect_any_exists().returning(|| Ok(true));
    let site = crate::kit::site::Site::new(crate::testing::context(repos), settings(), crate::openapi_json).unwrap();
    let site = std::sync::Arc::new(site);
    let app = init_service(App::new().configure(|config| crate::routes::configure(&site, config))).await;
    for request in requests {
        call_service(&app, request.to_request()).await;
    }
    let text = crate::testing::body_of(crate::status::metrics(&site)).await;
    assert!(text.contains("_count{method=\"GET\",route=\"/api/v2/users/first\",status=\"200\"} 1"), "{text}");
    assert!(text.contains("_count{method=\"ANY\",route=\"(none)\",status=\"404\"} 1"), "{text}");
    assert!(text.contains("_count{method=\"ANY\",route=\"(none)\",status=\"405\"} 1"), "{text}");
    assert!(!text.to_lowercase().contains("invented"));
}

#[actix_web::test]
async fn metrics_are_not_for_clients_of_the_site() {
    let answer = send(MockRepositories::default(), get("/metrics")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_panic_is_an_internal_error() {
    // A mock without expectations panics when it is called.
    let answers = send_all(
        settings(),
        MockRepositories::default(),
        vec![as_user(get("/api/v2/users/me")), get("/api/v2/buildinfo")],
    )
    .await;
    assert_eq!(answers[0].status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answers[0].body, crate::kit::answer::INTERNAL);
    assert!(!answers[0].header("x-coder-request-id").is_empty());
    assert_eq!(answers[1].status, StatusCode::OK);
}

#[actix_web::test]
async fn who_is_not_signed_in_learns_how_to_be() {
    let none = send(MockRepositories::default(), get("/api/v2/users/me")).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        none.header("www-authenticate"),
        "Bearer realm=\"coder\", resource_metadata=\"https://door.example/.well-known/oauth-protected-resource/api/v2/users/me\""
    );
    assert!(none.json()["detail"].as_str().unwrap().contains("coder_session_token"));

    let bad = post("/api/v2/users/logout").insert_header(("Authorization", "Bearer nonsense"));
    let bad = send(MockRepositories::default(), bad).await;
    assert_eq!(bad.status, StatusCode::UNAUTHORIZED);
    assert!(bad.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[actix_web::test]
async fn the_credential_comes_before_the_body_and_the_path() {
    let answer = send(MockRepositories::default(), post("/api/v2/oauth2-provider/apps").set_payload("nonsense")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = send(MockRepositories::default(), get("/api/v2/oauth2-provider/apps/nonsense")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = send(signed_in(&[]), as_user(get("/api/v2/oauth2-provider/apps/nonsense"))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.json()["message"].as_str().unwrap().contains("\"nonsense\""));
}

#[actix_web::test]
async fn bodies_are_checked() {
    let login = |body: &'static str| post("/api/v2/users/login").set_payload(body);
    for body in ["", "nonsense", "[]", "{\"email\":1}"] {
        let answer = send(MockRepositories::default(), login(body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["message"], "Request body must be valid JSON.");
        assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
    }
    let answer = send(MockRepositories::default(), login("{\"EMAIL\":\"x\"}")).await;
    assert_eq!(answer.json()["message"], "Validation failed.");
    assert_eq!(answer.json()["validations"][0]["field"], "email");
}

#[actix_web::test]
async fn a_body_over_the_limit_is_not_parsed() {
    let small = || {
        let usual = settings();
        HttpSettings { server: ServerSettings { body_limit: 16, ..usual.server }, ..usual }
    };
    let answer =
        send_with(small(), MockRepositories::default(), post("/api/v2/users/login").set_payload("x".repeat(17))).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.json()["message"].is_string());
    let answer =
        send_with(small(), MockRepositories::default(), post("/oauth2/tokens").set_payload("x".repeat(17))).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (413, &"invalid_request".into()));
    let announced = post("/api/v2/users/login").insert_header(("Content-Length", "17"));
    let answer = send_with(small(), MockRepositories::default(), announced).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[actix_web::test]
async fn every_defect_of_a_query_is_told() {
    let answer = send(signed_in(&["owner"]), as_user(get("/api/v2/users?limit=-1&offset=x&foo=1"))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let fields: Vec<_> = answer.json()["validations"].as_array().unwrap().iter().map(|v| v["field"].clone()).collect();
    assert_eq!(fields, ["limit", "offset"]);
}

#[actix_web::test]
async fn oauth_answers_are_never_cached_and_open_to_any_origin() {
    let answer = send(MockRepositories::default(), post("/oauth2/tokens")).await;
    assert_eq!(answer.json()["error"], "invalid_request");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("pragma", "no-cache"),
        ("access-control-allow-origin", "*"),
        (
            "access-control-expose-headers",
            "Content-Type, Authorization, DPoP-Nonce, WWW-Authenticate, x-api-key, Mcp-Session-Id, MCP-Protocol-Version",
        ),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let asked = request(Method::OPTIONS, "/oauth2/tokens").insert_header(("Origin", "https://a.example"));
    let preflight = send(MockRepositories::default(), asked).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-methods"), "GET, POST, PUT, DELETE, OPTIONS");
    assert!(preflight.header("access-control-allow-headers").contains("MCP-Protocol-Version"));
    assert_eq!(preflight.header("access-control-max-age"), "86400");

    let consent = send(MockRepositories::default(), get("/oauth2/authorize")).await;
    assert_eq!((consent.status.as_u16(), &consent.json()["error"]), (400, &"invalid_request".into()));
    assert_eq!((consent.header("cache-control"), consent.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(consent.header("access-control-allow-origin"), "");
    let consent = send(MockRepositories::default(), request(Method::OPTIONS, "/oauth2/authorize")).await;
    assert_eq!(consent.status, StatusCode::METHOD_NOT_ALLOWED);

    let management = send(MockRepositories::default(), get("/api/v2/oauth2-provider/apps")).await;
    assert_eq!((management.header("cache-control"), management.header("pragma")), ("no-store", "no-cache"));
    assert_eq!(management.header("access-control-allow-origin"), "");
}

#[actix_web::test]
async fn documents_are_open_and_cacheable() {
    for uri in ["/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/a/b"] {
        let answer = send(MockRepositories::default(), get(uri)).await;
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, "*"));
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert!(answer.header("cache-control").starts_with("public"));
        assert_eq!(answer.json()["issuer"], "https://door.example");
    }
    let root = send(MockRepositories::default(), get("/.well-known/oauth-protected-resource")).await;
    assert_eq!(root.json()["resource"], "https://door.example");
    let below = send(MockRepositories::default(), get("/.well-known/oauth-protected-resource/mcp")).await;
    assert_eq!(below.json()["resource"], "https://door.example/mcp");
}

async fn limited(repos: MockRepositories, limit: i64, requests: Vec<TestRequest>) -> Vec<Answer> {
    let mut settings = settings();
    (settings.rate_limit.api, settings.rate_limit.login) = (limit, limit);
    send_all(settings, repos, requests).await
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status.as_u16()).collect()
}

#[actix_web::test]
async fn the_one_too_many_is_429() {
    let answers = limited(MockRepositories::default(), 2, (0..3).map(|_| get("/api/v2/buildinfo")).collect()).await;
    assert_eq!(statuses(&answers), [200, 200, 429]);
    assert_eq!(answers[0].header("x-ratelimit-limit"), "2");
    assert_eq!(answers[0].header("x-ratelimit-remaining"), "1");
    assert_eq!(answers[2].header("x-ratelimit-remaining"), "0");
    assert_eq!(answers[2].header("x-ratelimit-reset"), "1772366460");
    assert_eq!(answers[2].header("retry-after"), "60");
    assert!(answers[2].json()["message"].as_str().unwrap().contains("2 requests per minute"));
}

#[actix_web::test]
async fn callers_are_counted_by_user_else_by_address() {
    let from = |ip: &str| get("/api/v2/buildinfo").peer_addr(format!("{ip}:1").parse().unwrap());
    let answers =
        limited(MockRepositories::default(), 1, vec![from("192.0.2.1"), from("192.0.2.2"), from("192.0.2.1")]).await;
    assert_eq!(statuses(&answers), [200, 200, 429]);

    let me = |ip: &str| as_user(get("/api/v2/users/me")).peer_addr(format!("{ip}:1").parse().unwrap());
    let answers = limited(signed_in(&[]), 1, vec![me("192.0.2.1"), me("192.0.2.2")]).await;
    assert_eq!(statuses(&answers), [200, 429]);

    let bad = || get("/api/v2/users/me").insert_header(("Coder-Session-Token", "bad"));
    let answers = limited(MockRepositories::default(), 1, vec![bad(), bad()]).await;
    assert_eq!(statuses(&answers), [401, 429], "bad credentials count against the address");
}

#[actix_web::test]
async fn failures_at_the_endpoints_for_clients_count_by_address_together() {
    let answers = limited(MockRepositories::default(), 1, vec![post("/oauth2/tokens"), post("/oauth2/revoke")]).await;
    assert_eq!(statuses(&answers), [400, 429]);
    assert_eq!(answers[1].json()["error"], "temporarily_unavailable");
    assert_eq!(answers[1].header("cache-control"), "no-store");
    assert_eq!(answers[1].header("retry-after"), "60");
}

#[actix_web::test]
async fn zero_turns_limits_off() {
    let answers = limited(MockRepositories::default(), 0, (0..50).map(|_| get("/api/v2/buildinfo")).collect()).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    assert_eq!(answers[0].header("x-ratelimit-limit"), "");
}

#[actix_web::test]
async fn only_owners_bypass_limits() {
    let bypass = || as_user(get("/api/v2/users/me")).insert_header(("X-Coder-Bypass-Ratelimit", "true"));
    let answers = limited(signed_in(&["owner"]), 1, vec![bypass(), bypass(), bypass()]).await;
    assert_eq!(statuses(&answers), [200, 200, 200]);
    let answers = limited(signed_in(&[]), 1, vec![bypass()]).await;
    assert_eq!(statuses(&answers), [428]);
    let nobody = get("/api/v2/buildinfo").insert_header(("X-Coder-Bypass-Ratelimit", "true"));
    assert_eq!(statuses(&limited(MockRepositories::default(), 1, vec![nobody]).await), [428]);
}

#[actix_web::test]
async fn users_are_sent_as_coder_sends_them() {
    let mut repos = signed_in(&["owner"]);
    repos.users.expect_list().returning(|_, _, _| Ok(UserPage { users: vec![user(&["owner"])], count: 1 }));
    repos.organizations.expect_list_memberships_of().returning(|_| Ok(Vec::new()));
    let answer = send(repos, as_user(get("/api/v2/users"))).await;
    assert_eq!(
        answer.body,
        "{\"users\":[{\"id\":\"00000000-0000-0000-0000-00000000000b\",\"username\":\"ann\",\"name\":\"Ann\",\
         \"email\":\"ann@example.com\",\"created_at\":\"2026-03-01T12:00:00Z\",\"updated_at\":\"2026-03-01T12:00:00Z\",\
         \"last_seen_at\":\"0001-01-01T00:00:00Z\",\"status\":\"active\",\"login_type\":\"password\",\
         \"organization_ids\":[],\"roles\":[{\"name\":\"owner\",\"display_name\":\"Owner\"}]}],\"count\":1}\n"
    );
}

/// How large the future is that serves a request of this handler, in bytes.
fn future_of<H: crate::kit::gate::Handle>(handler: &H) -> usize {
    let site = std::sync::Arc::new(crate::testing::site());
    let endpoint = crate::kit::gate::Endpoint {
        method: Method::POST,
        path: "/oauth2/tokens",
        convention: &crate::conventions::OAuth2,
        limit: crate::kit::limits::Limit::Client,
        callers: crate::kit::origins::Callers::AnySite,
        body: 0,
        streams: false,
        no_store: false,
        needs: None,
        counts: None,
    };
    let (request, payload) = (TestRequest::default().to_http_request(), actix_web::dev::Payload::None);
    size_of_val(&crate::kit::gate::serve(&endpoint, handler, site, request, payload))
}

#[actix_web::test]
async fn the_future_of_a_request_is_copied_once_and_stays_small() {
    use crate::conventions::OAuth2;
    use crate::kit::gate::Public;
    use crate::oauth2::tokens::{exchange, introspect};
    for (name, size) in
        [("exchange", future_of(&Public(OAuth2, exchange))), ("introspect", future_of(&Public(OAuth2, introspect)))]
    {
        eprintln!("{name}: {size} bytes");
        assert!(size <= 100_000, "{name}: {size} bytes");
    }
}
