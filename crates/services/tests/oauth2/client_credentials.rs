use crate::fixtures::{SECRET, USER, app, context, repos, user, with_secret};
use doorward_domain::oauth2::{ClientType, OAuthErrorCode};
use doorward_domain::users::UserStatus;
use doorward_ports::mocks::MockRepositories;
use doorward_services::oauth2::token::{TokenRequest, TokenSet, exchange};
use doorward_services::{OAuthError, Origin};

async fn issue(repos: MockRepositories, change: impl FnOnce(&mut TokenRequest)) -> Result<TokenSet, OAuthError> {
    let mut request = TokenRequest {
        client: with_secret(Some(SECRET)),
        grant_type: Some("client_credentials".into()),
        ..TokenRequest::default()
    };
    change(&mut request);
    exchange(&context(repos), request, Origin::default()).await
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
    assert_eq!(tokens.scopes, ["coder:all"]);
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
        app.allowed_scopes = Some(vec!["workspace:read".into()]);
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
    repos.api_keys.expect_insert().once().withf(|_, key| key.scopes == ["workspace:read"]).returning(|_, _| Ok(()));
    assert_eq!(issue(repos, |_| ()).await.unwrap().scopes, ["workspace:read"]);
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
