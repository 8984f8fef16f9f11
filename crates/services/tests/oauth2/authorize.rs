use crate::fixtures::{app, context, context_with, oauth2_settings, repos, scopes};
use doorward_domain::oauth2::{App, ClientType, OAuthErrorCode, RedirectUri, Resource};
use doorward_services::OAuth2Settings;
use doorward_services::oauth2::authorize::{Answer, AuthorizeError, AuthorizeRequest, find_client, prepare};
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
async fn refused(change: impl FnOnce(&mut AuthorizeRequest)) -> HashMap<String, String> {
    let mut request = request();
    change(&mut request);
    match prepare(&context(repos(app(ClientType::Confidential))), app(ClientType::Confidential), &request).await {
        Err(AuthorizeError::Redirect { answer: Answer::Redirect(location), .. }) => {
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
    let error = prepare(&ctx, app(ClientType::Confidential), &request).await.unwrap_err();
    assert!(matches!(error, AuthorizeError::RedirectUri(_)));
}

#[tokio::test]
async fn everything_else_is_told_by_redirect_with_state_and_issuer() {
    type Change = fn(&mut AuthorizeRequest);
    let cases: [(Change, &str); 13] = [
        (|r| r.response_mode = Some("fragment".into()), "invalid_request"),
        (|r| r.response_mode = Some("QUERY".into()), "invalid_request"),
        (|r| r.request = Some("e30.e30.".into()), "request_not_supported"),
        (|r| r.request_uri = Some("https://app.example/request".into()), "request_uri_not_supported"),
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
        let members = refused(change).await;
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
    let consent = prepare(&ctx, app(ClientType::Confidential), &request).await.unwrap();
    assert_eq!(consent.authorization.scopes, scopes("coder:all openid profile email groups roles offline_access"));
}

async fn bound(app: App, list: Option<&[&str]>, asked: &[&str]) -> Result<Option<String>, OAuthErrorCode> {
    let resources = list.map(|list| list.iter().map(|text| Resource::parse(text).unwrap()).collect());
    let ctx = context_with(repos(app.clone()), OAuth2Settings { resources, ..oauth2_settings() });
    let resources = asked.iter().map(|text| (*text).to_owned()).collect();
    match prepare(&ctx, app, &AuthorizeRequest { resources, ..request() }).await {
        Ok(consent) => Ok(consent.authorization.resource.map(|resource| resource.as_str().to_owned())),
        Err(AuthorizeError::Redirect { error, .. }) => Err(error.code),
        Err(other) => panic!("no redirect: {other:?}"),
    }
}

#[tokio::test]
async fn with_a_list_of_resources_nothing_asked_means_its_only_entry() {
    let app = |list: &[&str]| App {
        allowed_resources: Some(list.iter().map(|text| Resource::parse(text).unwrap()).collect()),
        ..app(ClientType::Confidential)
    };
    let (one, two) = ("https://a.example", "https://b.example");
    let only = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(bound(crate::fixtures::app(ClientType::Public), None, &[]).await, Ok(None));
    assert_eq!(bound(app(&[one]), None, &[]).await, only(one));
    assert_eq!(bound(crate::fixtures::app(ClientType::Public), Some(&[one]), &[]).await, only(one));
    assert_eq!(bound(app(&[one, two]), None, &[]).await, Err(OAuthErrorCode::InvalidTarget));
    assert_eq!(bound(app(&[one, two]), Some(&[two]), &[]).await, only(two));
    assert_eq!(bound(app(&[one]), Some(&[two]), &[]).await, Err(OAuthErrorCode::InvalidTarget));
    assert_eq!(bound(app(&[one, two]), None, &["https://B.example:443/"]).await, only("https://B.example:443/"));
    assert_eq!(bound(app(&[one]), None, &["https://door.example"]).await, Err(OAuthErrorCode::InvalidTarget));
    assert_eq!(bound(app(&[one]), None, &[one, "https://a.example/"]).await, only(one));
}

#[tokio::test]
async fn what_is_no_uri_is_no_resource() {
    for text in [
        "http://127.0.0.1:8080\\@evil.example",
        "https://a.example/<x>",
        "https://a.example/|",
        "https://a.example/^",
        "https://a.example/{}",
        "https://a.example/\"",
        "https://a.example/'\u{e9}",
        "https://door.example:\u{ff14}\u{ff14}\u{ff13}",
        "https://user@door.example/",
    ] {
        let asked = bound(app(ClientType::Confidential), None, &[text]).await;
        assert_eq!(asked, Err(OAuthErrorCode::InvalidTarget), "{text}");
    }
}

#[tokio::test]
async fn a_stored_redirect_uri_that_is_not_acceptable_any_more_is_never_redirected_to() {
    let ctx = context(repos(app(ClientType::Confidential)));
    for stored in ["filesystem:https://a.example/x", "javascript:alert(1)", "https://a.example\\@b.example/"] {
        let old = App { redirect_uris: vec![RedirectUri::from_storage(stored.to_owned())], ..app(ClientType::Public) };
        for presented in [None, Some(stored.to_owned())] {
            let request = AuthorizeRequest { redirect_uri: presented, response_type: None, ..request() };
            let error = prepare(&ctx, old.clone(), &request).await.unwrap_err();
            assert!(
                matches!(&error, AuthorizeError::RedirectUri(error) if error.code == OAuthErrorCode::ServerError),
                "{stored} {error:?}"
            );
        }
    }
}

#[tokio::test]
async fn cancel_leads_back_with_access_denied() {
    let ctx = context(repos(app(ClientType::Confidential)));
    let consent = prepare(&ctx, app(ClientType::Confidential), &request()).await.unwrap();
    assert!(matches!(consent.canceled(&ctx), Answer::Redirect(location) if location.contains("error=access_denied")));
    assert_eq!(consent.authorization.scopes, scopes("coder:all"));
}
