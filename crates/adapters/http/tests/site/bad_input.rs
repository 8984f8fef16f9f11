//! Whatever is sent, nothing breaks: no 5xx, and each refusal in the form of its area.

use crate::house::house;
use actix_web::http::Method;
use actix_web::test::TestRequest;

/// Every path of the OpenAPI document with its methods, and each parameter replaced by `value`.
fn every_operation(value: &str) -> Vec<(Method, String)> {
    let document: serde_json::Value = serde_json::from_str(&doorward_http::openapi_json()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let mut filled = path.clone();
        while let Some((before, rest)) = filled.clone().split_once('{') {
            filled = format!("{before}{value}{}", rest.split_once('}').unwrap().1);
        }
        for method in item.as_object().unwrap().keys() {
            operations.push((method.to_uppercase().parse().unwrap(), filled.clone()));
        }
    }
    operations
}

#[actix_web::test]
async fn no_request_breaks_the_server() {
    let house = house().await;
    let owner = house.owner().await;
    let long = "x".repeat(5000);
    let values = ["nonsense", "%00", "%FF", "%2F..%2F", "'--", "00000000-0000-0000-0000-000000000000", &long];
    let bodies = [
        "",
        "null",
        "[]",
        "{\"name\":{}}",
        "a=%FF&a=%FF",
        "{\"email\":\"\\u0000\",\"username\":\"\\u0000\",\"roles\":[\"\\u0000\"]}",
    ];
    let queries = ["", "?x=1&x=2", "?q=%FF", "?limit=99999999999999999999", "?q=a:b:c%00&client_id=%00"];
    for value in values {
        for (method, path) in every_operation(value) {
            // They end the session, or never end.
            let ends = path.ends_with("/logout") || (method == Method::DELETE && path.ends_with("/sessions"));
            if ends || path.ends_with("/audit/tail") {
                continue;
            }
            for (query, body) in queries.into_iter().cycle().zip(bodies) {
                let request = TestRequest::with_uri(&format!("{path}{query}")).method(method.clone());
                let request = request.insert_header(("Coder-Session-Token", owner.as_str())).set_payload(body);
                let answer = house.send(request).await;
                assert!(
                    answer.status.as_u16() < 500,
                    "{method} {path}{query} {body}: {} {}",
                    answer.status,
                    answer.body
                );
                // Back-Channel Logout 1.0, 2.8: the errors of OAuth.
                let is_api = path.starts_with("/api/") && !path.ends_with("/backchannel-logout");
                if is_api && answer.status.is_client_error() && answer.status.as_u16() != 405 {
                    assert!(answer.json()["message"].is_string(), "{method} {path}");
                }
            }
        }
    }
    house.get("/users/me", &owner).await.expect(200);
}

#[actix_web::test]
async fn nul_characters_never_reach_the_store() {
    let house = house().await;
    let owner = house.owner().await;
    let refused = house.get("/users/a%00b", &owner).await.expect(400);
    assert!(refused.json()["message"].as_str().unwrap().contains("NUL"));
    house.get("/users?q=%00", &owner).await.expect(400);
    let body = serde_json::json!({ "username": "ann", "name": "a\u{0}" });
    house.api(Method::PUT, "/users/me/profile", &owner, body).await.expect(400);
    let form = house.form("/oauth2/tokens", "", &[("client_id", "\u{0}")]).await.expect(400);
    assert_eq!(form.json()["error"], "invalid_request");
}
