//! Bodies that break off, sent by somebody who may do nothing.

use crate::house::house;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const BROKEN: &str = r#"{"name":"#;
/// What everybody may do, or everybody to what is theirs; and where the body says whether it may be done.
const FOR_EVERYBODY: [&str; 12] = [
    "post /api/v2/authcheck",
    "post /api/v2/authcheck/explain",
    "post /api/v2/authcheck/who-can",
    "post /api/v2/notifications/custom",
    "post /api/v2/organizations/{organization}/templateversions",
    "post /api/v2/users/first",
    "post /api/v2/users/login",
    "post /api/v2/users/login/mfa",
    "post /api/v2/users/otp/change-password",
    "post /api/v2/users/otp/request",
    "post /api/v2/users/validate-password",
    "put /api/v2/notifications/inbox/{id}/read-status",
];

#[actix_web::test]
async fn whoever_may_not_do_it_is_told_that_whatever_body_they_sent() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let made = async |path: &str, body: Value| -> String {
        let made = house.api(Method::POST, path, &owner, body).await.expect(201).json();
        made["id"].as_str().unwrap().to_owned()
    };
    let (group, template) = (
        made("/organizations/default/groups", json!({ "name": "devs" })).await,
        made("/organizations/default/templates", json!({ "name": "dev" })).await,
    );
    let app = made("/oauth2-provider/apps", json!({ "name": "app", "callback_url": "https://a.example/cb" })).await;
    let unknown = uuid::Uuid::from_u128(7).to_string();
    let document: Value = serde_json::from_str(&doorward_http::openapi_json()).unwrap();
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let takes_json = operation["requestBody"]["content"].get("application/json").is_some();
            if !path.starts_with("/api/v2/") || !takes_json {
                continue;
            }
            let uri: Vec<&str> = path
                .split('/')
                .map(|segment| match segment {
                    "{organization}" => "default",
                    "{user}" => "ann",
                    "{group}" => &group,
                    "{template}" => &template,
                    "{app}" => &app,
                    "{workspaceproxy}" => "primary",
                    segment if segment.starts_with('{') => &unknown,
                    segment => segment,
                })
                .collect();
            let request = TestRequest::with_uri(&uri.join("/")).method(method.to_uppercase().parse().unwrap());
            let answer = house.send(request.insert_header(("Coder-Session-Token", &*bob)).set_payload(BROKEN)).await;
            // Users who cannot be seen are told of by 400, as Coder does.
            let is_unknown = answer.body.contains("User not found");
            let is_refused = is_unknown || matches!(answer.status.as_u16(), 401 | 403 | 404);
            refused += usize::from(is_refused);
            if is_refused == FOR_EVERYBODY.contains(&&*format!("{method} {path}")) {
                wrong.push(format!("{method} {path}: {} {}", answer.status, answer.body));
            }
            // Who may do it is told what is wrong with the body.
            let request = TestRequest::with_uri(&uri.join("/")).method(method.to_uppercase().parse().unwrap());
            let answer = house.send(request.insert_header(("Coder-Session-Token", &*owner)).set_payload(BROKEN)).await;
            let is_there = !path.contains("/me/") && !uri.contains(&&*unknown);
            if is_there && answer.status != 400 {
                wrong.push(format!("the owner: {method} {path}: {} {}", answer.status, answer.body));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(refused > 40, "{refused}");
}
