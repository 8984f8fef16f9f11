use crate::fixtures::{APP, NOW, SECRET, USER, app, context, repos, with_secret};
use doorward_domain::Secret;
use doorward_domain::ids::{AppId, AppSecretId};
use doorward_domain::oauth2::{Authorization, ClientType, OAuthErrorCode, Resource, Scopes};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::oauth2::{Introspection, TokenFacts};
use doorward_ports::sessions::AppLimits;
use doorward_services::OAuthError;
use doorward_services::oauth2::introspect::{ActiveToken, IntrospectRequest, introspect};

fn answer_of(app_id: AppId, audience: Option<&str>, served: &[&str], app_resources: Option<&str>) -> MockRepositories {
    let resource = |text: &str| Resource::parse(text).unwrap();
    let answer = Introspection {
        secret_id: AppSecretId::NIL,
        secret_last_used_at: Some(NOW),
        caller_resources: served.iter().map(|text| resource(text)).collect(),
        token: Some(TokenFacts {
            app_id,
            user_id: USER,
            username: "ann".into(),
            authorization: Authorization { scopes: Scopes::all(), resource: audience.map(resource) },
            app: AppLimits { scopes: None, resources: app_resources.map(|one| vec![resource(one)]) },
            issued_at: NOW,
            expires_at: NOW,
            unused: false,
            jkt: None,
        }),
    };
    let mut repos = repos(app(ClientType::Confidential));
    repos
        .grants
        .expect_introspect_access()
        .withf(|query| query.token.is_some())
        .returning(move |_| Ok(Some(answer.clone())));
    repos
}

fn answer(app_id: AppId, audience: Option<&str>, served: &[&str]) -> MockRepositories {
    answer_of(app_id, audience, served, None)
}

async fn ask(repos: MockRepositories, secret: Option<&str>) -> Result<Option<ActiveToken>, OAuthError> {
    let token = Some(Secret::from("0123456789-abcdefghijABCDEFGHIJ01"));
    introspect(&context(repos), IntrospectRequest { client: with_secret(secret), token, repeated: None }).await
}

#[tokio::test]
async fn a_token_whose_resource_was_taken_from_its_app_is_not_active() {
    let api = Some("https://api.example");
    for (list, is_active) in
        [(None, true), (Some("https://API.example/"), true), (Some("https://other.example"), false)]
    {
        let found = ask(answer_of(APP, api, &[], list), Some(SECRET)).await.unwrap();
        assert_eq!(found.is_some(), is_active, "{list:?}");
        let unbound = ask(answer_of(APP, None, &[], list), Some(SECRET)).await.unwrap();
        assert_eq!(unbound.is_some(), list.is_none(), "without a resource it is for this server: {list:?}");
    }
}

#[tokio::test]
async fn a_client_may_know_its_own_tokens_and_those_of_resources_it_serves() {
    let other = AppId(uuid::Uuid::from_u128(99));
    assert!(ask(answer(APP, None, &[]), Some(SECRET)).await.unwrap().is_some());
    let served = ask(answer(other, Some("https://api.example"), &["https://API.example/"]), Some(SECRET)).await;
    assert!(served.unwrap().is_some());
    for foreign in [answer(other, None, &["https://api.example"]), answer(other, Some("https://api.example"), &[])] {
        assert!(ask(foreign, Some(SECRET)).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn nobody_introspects_without_a_secret() {
    let mut wrong = repos(app(ClientType::Confidential));
    wrong.grants.expect_introspect_access().returning(|_| Ok(None));
    let error = ask(wrong, Some("coder_secretpref_x")).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidClient);
    for client_type in [ClientType::Confidential, ClientType::Public] {
        assert_eq!(ask(repos(app(client_type)), None).await.unwrap_err().code, OAuthErrorCode::InvalidClient);
    }
}
