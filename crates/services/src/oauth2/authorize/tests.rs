use super::*;
use crate::users::testing::{ANN, NOW, actor, ann, context, key};
use doorward_domain::oauth2::RedirectMatch;
use doorward_ports::StoreError;
use doorward_ports::mocks::MockRepositories;

fn consent() -> ConsentRequest {
    let redirect_uri = RedirectUri::register("https://app.example/cb", false).unwrap();
    let app = App {
        id: AppId::NIL,
        name: "editor".to_owned(),
        icon: String::new(),
        redirect_uris: vec![redirect_uri.clone()],
        redirect_match: RedirectMatch::Exact,
        client_type: ClientType::Confidential,
        require_pkce: false,
        allowed_scopes: None,
        allowed_resources: None,
        resources: Vec::new(),
        service_account_id: None,
        device_flow: false,
        refresh_tokens: true,
        created_at: NOW,
        updated_at: NOW,
        revision: 0,
    };
    let authorization = Authorization { scopes: Scopes::all(), resource: None };
    ConsentRequest {
        app,
        redirect_uri,
        authorization,
        document: None,
        authentication: AuthenticationRequest::default(),
        id_token_hint: None,
        known: Known::default(),
        challenge: None,
        redirect_uri_sent: true,
        state: None,
    }
}

fn signed_in(app: Option<App>) -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos.users.expect_find_for_update().returning(|_| Ok(Some(ann())));
    repos.api_keys.expect_find().returning(|_| Ok(Some(key(ANN))));
    repos.apps.expect_find().returning(move |_| Ok(app.clone()));
    repos.openid.expect_upsert_consent().returning(|_, _| Ok(()));
    repos
}

#[tokio::test]
async fn a_code_carries_what_was_consented_to() {
    let mut repos = signed_in(Some(consent().app));
    repos
        .codes
        .expect_insert()
        .once()
        .withf(|_, code| code.authorization == consent().authorization && code.user_id == ANN)
        .returning(|_, _| Ok(()));
    let location = approve(&context(repos), &actor().build(), consent()).await.unwrap();
    assert!(location.starts_with("https://app.example/cb?code="), "{location}");
}

#[tokio::test]
async fn no_code_is_made_for_an_app_that_was_deleted_meanwhile() {
    let mut repos = signed_in(None);
    let refer = || StoreError::Serialization("there is no such app".into());
    repos.codes.expect_insert().returning(move |_, _| Err(refer()));
    let refused = approve(&context(repos), &actor().build(), consent()).await;
    assert!(matches!(&refused, Err(Error::NoSuch(text)) if text.contains("deleted")), "{refused:?}");
}
