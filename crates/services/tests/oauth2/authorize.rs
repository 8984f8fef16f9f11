use crate::fixtures::{app, context, repos};
use doorward_domain::oauth2::ClientType;
use doorward_services::oauth2::authorize::{AuthorizeError, AuthorizeRequest, find_client, prepare};
use std::collections::HashMap;

fn request() -> AuthorizeRequest {
    AuthorizeRequest {
        client_id: Some(crate::fixtures::APP.to_string()),
        response_type: Some("code".into()),
        redirect_uri: Some("https://app.example/cb".into()),
        state: Some("a b&c".into()),
        code_challenge: Some("x".repeat(43)),
        ..AuthorizeRequest::default()
    }
}

/// The error members of the redirect that answers the changed request.
fn refused(change: impl FnOnce(&mut AuthorizeRequest)) -> HashMap<String, String> {
    let mut request = request();
    change(&mut request);
    match prepare(&context(repos(app(ClientType::Confidential))), app(ClientType::Confidential), &request) {
        Err(AuthorizeError::Redirect { location, .. }) => {
            assert!(location.starts_with("https://app.example/cb?"));
            url::Url::parse(&location).unwrap().query_pairs().into_owned().collect()
        }
        other => panic!("no redirect: {other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_client_is_never_redirected() {
    let ctx = context(repos(app(ClientType::Confidential)));
    for id in [None, Some("x".to_owned()), Some(uuid::Uuid::from_u128(99).to_string())] {
        let error = find_client(&ctx, &AuthorizeRequest { client_id: id, ..request() }).await.unwrap_err();
        assert!(matches!(error, AuthorizeError::Client(_)));
    }
}

#[tokio::test]
async fn a_foreign_redirect_uri_is_never_redirected_to() {
    let ctx = context(repos(app(ClientType::Confidential)));
    let request = AuthorizeRequest { redirect_uri: Some("https://evil.example/cb".into()), ..request() };
    let error = prepare(&ctx, app(ClientType::Confidential), &request).unwrap_err();
    assert!(matches!(error, AuthorizeError::RedirectUri(_)));
}

#[tokio::test]
async fn everything_else_is_told_by_redirect_with_state_and_issuer() {
    type Change = fn(&mut AuthorizeRequest);
    let cases: [(Change, &str); 9] = [
        (|r| r.response_type = None, "invalid_request"),
        (|r| r.response_type = Some("token".into()), "unsupported_response_type"),
        (|r| r.code_challenge = None, "invalid_request"),
        (|r| r.code_challenge_method = Some("plain".into()), "invalid_request"),
        (|r| r.resources = vec!["not a uri".into()], "invalid_target"),
        (|r| r.resources = vec!["https://a.example".into(), "https://b.example".into()], "invalid_target"),
        (|r| r.scope = Some("nothing-known".into()), "invalid_scope"),
        (|r| r.repeated = vec!["scope"], "invalid_request"),
        (|r| r.code_challenge = Some("short".into()), "invalid_request"),
    ];
    for (change, code) in cases {
        let members = refused(change);
        assert_eq!(members["error"], code);
        assert_eq!(members["iss"], "https://door.example");
        assert_eq!(members["state"], "a b&c");
    }
}

#[tokio::test]
async fn whoever_asks_for_all_that_is_advertised_asks_for_everything() {
    let ctx = context(repos(app(ClientType::Confidential)));
    let advertised = doorward_services::oauth2::metadata::authorization_server(&ctx.settings).scopes_supported;
    let request = AuthorizeRequest { scope: Some(advertised.join(" ")), ..request() };
    assert_eq!(prepare(&ctx, app(ClientType::Confidential), &request).unwrap().scopes, ["coder:all"]);
}

#[tokio::test]
async fn cancel_leads_back_with_access_denied() {
    let ctx = context(repos(app(ClientType::Confidential)));
    let consent = prepare(&ctx, app(ClientType::Confidential), &request()).unwrap();
    assert!(consent.cancel_location(&ctx).contains("error=access_denied"));
    assert_eq!(consent.scopes, ["coder:all"]);
}
