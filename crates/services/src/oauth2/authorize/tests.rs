use super::*;
use crate::users::testing::{ANN, NOW, actor, ann, context, key};
use doorward_domain::oauth2::{ClientRules, ClientType, RedirectMatch};
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
        rules: ClientRules::default(),
        created_at: NOW,
        updated_at: NOW,
        revision: 0,
    };
    let authorization = Authorization { scopes: Scopes::all(), resource: None };
    ConsentRequest {
        server: None,
        app,
        redirect_uri,
        authorization,
        document: None,
        authentication: AuthenticationRequest::default(),
        id_token_hint: None,
        known: Known::default(),
        challenge: None,
        jkt: None,
        redirect_uri_sent: true,
        state: None,
        response_mode: ResponseMode::Query,
        pushed: None,
        signed: None,
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
    let answer = approve(&context(repos), &actor().build(), consent()).await.unwrap();
    let is_there = |location: &String| location.starts_with("https://app.example/cb?code=");
    assert!(matches!(&answer, Answer::Redirect(location) if is_there(location)), "{answer:?}");
}

#[tokio::test]
async fn a_client_that_asks_for_a_form_gets_code_and_errors_in_one() {
    let mut repos = signed_in(Some(consent().app));
    repos.codes.expect_insert().once().returning(|_, _| Ok(()));
    let ctx = context(repos);
    let posted =
        || ConsentRequest { response_mode: ResponseMode::FormPost, state: Some("a\"<b".to_owned()), ..consent() };
    for (answer, first) in
        [(approve(&ctx, &actor().build(), posted()).await.unwrap(), "code"), (posted().canceled(&ctx), "error")]
    {
        let Answer::Form { action, members } = answer else { panic!("{answer:?}") };
        assert_eq!((action.as_str(), members[0].0), ("https://app.example/cb", first));
        let member = |name: &str| members.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!((member("state"), member("iss")), (Some("a\"<b"), Some(ctx.settings.issuer())));
    }
}

#[tokio::test]
async fn no_code_is_made_for_an_app_that_was_deleted_meanwhile() {
    let mut repos = signed_in(None);
    let refer = || StoreError::Serialization("there is no such app".into());
    repos.codes.expect_insert().returning(move |_, _| Err(refer()));
    let refused = approve(&context(repos), &actor().build(), consent()).await;
    assert!(matches!(&refused, Err(Error::NoSuch(text)) if text.contains("deleted")), "{refused:?}");
}
