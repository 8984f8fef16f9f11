//! Requests that cannot be served, whatever they ask for.

use crate::testing::{send, send_all, settings};
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Outage, StoreError};

fn get(uri: &str) -> TestRequest {
    TestRequest::get().uri(uri)
}

fn post(uri: &str) -> TestRequest {
    TestRequest::post().uri(uri)
}

#[actix_web::test]
async fn readiness_names_what_is_wrong_and_is_found_out_once() {
    for (outage, words) in [
        (Outage::Unreachable, "the database cannot be reached"),
        (Outage::Full, "the disk of the database is full"),
        (Outage::ReadOnly, "the database takes no changes at the moment"),
        (Outage::MissingTables, "the database lacks its tables"),
    ] {
        let mut repos = MockRepositories::default();
        let failed = move |_: &_, _| Err(StoreError::unavailable(outage, "secret cause"));
        repos.maintenance.expect_prove_writable().times(1).returning(failed);
        let answers = send_all(settings(), repos, vec![get("/readyz"), get("/readyz")]).await;
        assert!(
            answers.iter().all(|answer| (answer.status.as_u16(), answer.body.as_str()) == (503, words)),
            "{answers:?}"
        );
    }
    let mut repos = MockRepositories::default();
    repos.maintenance.expect_prove_writable().times(1).returning(|_, _| Ok(()));
    let answers = send_all(settings(), repos, vec![get("/readyz"), get("/readyz")]).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
}

#[actix_web::test]
async fn an_address_that_is_too_long_is_414_in_the_form_of_its_place() {
    let long = "x".repeat(61 * 1024);
    for (uri, content_type) in [
        (format!("/api/v2/users?q={long}"), "application/json; charset=utf-8"),
        (format!("/api/v2/{long}"), "application/json; charset=utf-8"),
        (format!("/oauth2/revoke?x={long}"), "application/json; charset=utf-8"),
        (format!("/login?x={long}"), "text/html; charset=utf-8"),
    ] {
        let request = if uri.starts_with("/oauth2/revoke") { post(&uri) } else { get(&uri) };
        let answer = send(MockRepositories::default(), request).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (414, content_type));
        assert!(answer.body.contains("too long"), "{}", answer.body);
    }
}

#[actix_web::test]
async fn a_body_in_an_unknown_encoding_is_415() {
    let api =
        |encoding: &str| post("/api/v2/users/login").insert_header(("Content-Encoding", encoding)).set_payload("{}");
    for encoding in ["gzip", "br", "identity, gzip", "made-up"] {
        let answer = send(MockRepositories::default(), api(encoding)).await;
        assert_eq!((answer.status.as_u16(), answer.header("accept-encoding")), (415, "identity"), "{encoding}");
        assert!(answer.json()["message"].as_str().unwrap().contains("Content-Encoding"));
    }
    for encoding in ["identity", "Identity", ""] {
        assert_eq!(
            send(MockRepositories::default(), api(encoding)).await.status,
            StatusCode::BAD_REQUEST,
            "{encoding}"
        );
    }
    let report = post("/api/v2/csp/reports").insert_header(("Content-Encoding", "br")).set_payload("x");
    assert_eq!(send(MockRepositories::default(), report).await.status.as_u16(), 415);
    let form = post("/oauth2/tokens").insert_header(("Content-Encoding", "gzip")).set_payload("x");
    let answer = send(MockRepositories::default(), form).await;
    assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str().unwrap()), (415, "invalid_request"));
}
