use crate::fixtures::{SECRET, USER, app, context_with, oauth2_settings, repos, scopes, user, with_secret};
use doorward_domain::oauth2::{ClientType, OAuthErrorCode, Resource};
use doorward_domain::users::UserStatus;
use doorward_ports::mocks::MockRepositories;
use doorward_services::oauth2::token::{TokenRequest, TokenSet, exchange};
use doorward_services::{OAuth2Settings, OAuthError, Origin};

async fn issue(repos: MockRepositories, change: impl FnOnce(&mut TokenRequest)) -> Result<TokenSet, OAuthError> {
    issue_under(repos, oauth2_settings(), change).await
}

async fn issue_under(
    repos: MockRepositories,
    settings: OAuth2Settings,
    change: impl FnOnce(&mut TokenRequest),
) -> Result<TokenSet, OAuthError> {
    let mut request = TokenRequest {
        client: with_secret(Some(SECRET)),
        grant_type: Some("client_credentials".into()),
        ..TokenRequest::default()
    };
    change(&mut request);
    exchange(&context_with(repos, settings), request, Origin::unknown()).await
}

#[tokio::test]
async fn the_service_account_gets_an_access_token_and_no_refresh_token() {
    let mut repos = MockRepositories::default();
    let secret = doorward_domain::ids::AppSecretId::NIL;
    repos
        .grants
        .expect_issue_client_token()
        .once()
        .returning(move |_, _| Ok(Some((secret, Some(crate::fixtures::NOW)))));
    let tokens = issue(repos, |_| ()).await.unwrap();
    assert!(tokens.refresh_token.is_none());
    assert_eq!(tokens.scopes, scopes("coder:all"));
}

#[tokio::test]
async fn an_app_without_a_service_account_is_not_authorized() {
    for client_type in [ClientType::Confidential, ClientType::Public] {
        let mut repos = repos(app(client_type));
        repos.grants.expect_issue_client_token().returning(|_, _| Ok(None));
        let secret = (client_type == ClientType::Confidential).then_some(SECRET);
        let error = issue(repos, |r| r.client = with_secret(secret)).await.unwrap_err();
        assert_eq!(error.code, OAuthErrorCode::UnauthorizedClient);
    }
}

#[tokio::test]
async fn asked_scopes_stay_within_those_of_the_app() {
    let limited = || {
        let mut app = app(ClientType::Confidential);
        app.allowed_scopes = Some(scopes("workspace:read"));
        app.service_account_id = Some(USER);
        let mut repos = repos(app);
        repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
        repos.grants.expect_issue_client_token().returning(|_, _| Ok(None));
        repos
    };
    let error = issue(limited(), |r| r.scope = Some("user:read".into())).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidScope);
    let error = issue(limited(), |r| r.scope = Some("no-such-scope".into())).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidScope);
    let mut repos = limited();
    repos
        .api_keys
        .expect_insert()
        .once()
        .withf(|_, key| key.scopes == scopes("workspace:read"))
        .returning(|_, _| Ok(()));
    assert_eq!(issue(repos, |_| ()).await.unwrap().scopes, scopes("workspace:read"));
}

fn resources(list: &[&str]) -> Vec<Resource> {
    list.iter().map(|text| Resource::parse(text).unwrap()).collect()
}

/// An app with that list of resources, of which a token is expected to be bound to `bound`.
fn with_list(list: Option<&[&str]>, bound: Option<&'static str>) -> MockRepositories {
    let mut app = app(ClientType::Confidential);
    app.allowed_resources = list.map(resources);
    app.service_account_id = Some(USER);
    let mut repos = repos(app);
    repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    // The one statement issues nothing to an app with a list.
    repos.grants.expect_issue_client_token().returning(|_, _| Ok(None));
    if let Some(bound) = bound {
        let is_bound = move |key: &doorward_domain::sessions::ApiKey| {
            key.oauth2.as_ref().and_then(|binding| binding.audience.as_ref()).map(Resource::as_str) == Some(bound)
        };
        repos.api_keys.expect_insert().once().withf(move |_, key| is_bound(key)).returning(|_, _| Ok(()));
    }
    repos
}

#[tokio::test]
async fn a_list_of_resources_is_a_limit_when_none_is_asked_for_too() {
    let one = "https://a.example";
    let server = |list: &[&str]| OAuth2Settings { resources: Some(resources(list)), ..oauth2_settings() };
    issue(with_list(Some(&[one]), Some(one)), |_| ()).await.unwrap();
    issue_under(with_list(None, Some(one)), server(&[one]), |_| ()).await.unwrap();
    let both = with_list(Some(&["https://b.example", one]), Some(one));
    issue_under(both, server(&[one, "https://c.example"]), |_| ()).await.unwrap();
    let several = with_list(Some(&[one, "https://b.example"]), None);
    assert_eq!(issue(several, |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidTarget);
    let several = server(&[one, "https://b.example"]);
    let error = issue_under(with_list(None, None), several, |_| ()).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidTarget);
    let elsewhere = |r: &mut TokenRequest| r.resources = vec!["https://door.example".into()];
    let error = issue_under(with_list(None, None), server(&[one]), elsewhere).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidTarget);
}

#[tokio::test]
async fn names_of_openid_connect_give_a_service_account_nothing() {
    let mut app = app(ClientType::Confidential);
    app.service_account_id = Some(USER);
    let mut repos = repos(app);
    repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    repos.api_keys.expect_insert().once().withf(|_, key| key.scopes == scopes("openid")).returning(|_, _| Ok(()));
    assert_eq!(issue(repos, |r| r.scope = Some("openid".into())).await.unwrap().scopes, scopes("openid"));
}

#[tokio::test]
async fn an_unknown_client_is_told_so_before_anything_about_its_parameters() {
    let unknown = |r: &mut TokenRequest| {
        r.client.client_id = Some(uuid::Uuid::from_u128(99).to_string());
        r.grant_type = Some("password".into());
    };
    let error = issue(repos(app(ClientType::Confidential)), unknown).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidClient);
    let known = |r: &mut TokenRequest| r.grant_type = Some("password".into());
    let error = issue(repos(app(ClientType::Confidential)), known).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::UnsupportedGrantType);
}
