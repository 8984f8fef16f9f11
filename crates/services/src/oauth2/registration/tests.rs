use super::*;
use crate::users::testing::{NOW, context_with, settings};
use crate::{Context, Origin};
use doorward_domain::oauth2::{App, ClientRules, ClientType, RedirectMatch, RegisteredClient, SHARED_FOR};
use doorward_ports::mocks::MockRepositories;

fn sent() -> SentMetadata {
    SentMetadata {
        client_name: Some("Tool".to_owned()),
        redirect_uris: vec!["http://127.0.0.1/cb".to_owned()],
        token_endpoint_auth_method: Some("none".to_owned()),
        ..SentMetadata::default()
    }
}

fn open(repos: MockRepositories, change: impl FnOnce(&mut RegistrationSettings)) -> Context {
    let mut repos = repos;
    repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
    let mut settings = settings();
    settings.oauth2.registration.mode = RegistrationMode::Open;
    change(&mut settings.oauth2.registration);
    context_with(repos, settings)
}

fn app() -> App {
    App {
        id: AppId::NIL,
        name: "Tool".to_owned(),
        icon: String::new(),
        redirect_uris: Vec::new(),
        redirect_match: RedirectMatch::Exact,
        client_type: ClientType::Public,
        require_pkce: true,
        device_flow: false,
        rules: ClientRules::default(),
        allowed_scopes: None,
        allowed_resources: None,
        resources: Vec::new(),
        service_account_id: None,
        created_at: NOW,
        updated_at: NOW,
        revision: 0,
    }
}

/// The client that the same metadata gave before.
fn known() -> RegisteredClient {
    let checked = document::check(&settings().oauth2.registration, sent()).unwrap();
    RegisteredClient {
        app_id: AppId::NIL,
        identity: Some(checked.identity),
        shared: false,
        adopted: false,
        metadata: checked.metadata.to_document().unwrap(),
        created_from: String::new(),
        created_at: NOW,
        matched_at: NOW,
        granted_at: None,
    }
}

/// Repositories that take a new client, after so many were registered within the hour, and so many are idle.
fn with_room(mut repos: MockRepositories, new: (usize, usize), idle: usize) -> MockRepositories {
    repos.registrations.expect_wait_for_turn().times(1).returning(|| Ok(()));
    repos.registrations.expect_count_new().returning(move |_, _| Ok(new));
    repos.registrations.expect_count_idle().returning(move |_, _| Ok(idle));
    repos
}

fn taking(mut repos: MockRepositories) -> MockRepositories {
    repos.apps.expect_insert().times(1).returning(|_, _| Ok(()));
    repos.registrations.expect_insert().times(1).returning(|_, _| Ok(()));
    repos.registrations.expect_insert_token().times(1).returning(|_, _, _, _| Ok(()));
    repos.audit.expect_insert().times(1).returning(|_, _| Ok(()));
    repos
}

#[tokio::test]
async fn nobody_registers_while_it_is_off() {
    let ctx = open(MockRepositories::default(), |settings| settings.mode = RegistrationMode::Off);
    assert!(matches!(register(&ctx, &Origin::unknown(), None, sent()).await, Err(RegistrationError::Off)));
}

#[tokio::test]
async fn what_breaks_a_rule_opens_no_transaction() {
    let ctx = open(MockRepositories::default(), |_| ());
    let refused = register(&ctx, &Origin::unknown(), None, SentMetadata::default()).await;
    assert!(matches!(refused, Err(RegistrationError::Metadata(text)) if text.contains("redirect_uris")));
}

#[tokio::test]
async fn who_registers_what_is_there_joins_it_and_counts_nowhere() {
    let mut repos = MockRepositories::default();
    repos.registrations.expect_find_by_identity_for_update().returning(|_| Ok(Some(known())));
    repos.apps.expect_find().returning(|_| Ok(Some(app())));
    repos.registrations.expect_update().times(1).withf(|_, client| client.shared).returning(|_, _| Ok(true));
    repos.registrations.expect_insert_token().times(1).returning(|_, _, _, _| Ok(()));
    let made = register(&open(repos, |_| ()), &Origin::unknown(), None, sent()).await.unwrap();
    assert_eq!((made.app.id, made.issued_at, made.secret.is_none()), (AppId::NIL, NOW, true));
}

#[tokio::test]
async fn one_of_yesterday_keeps_what_it_has_and_is_found_no_more() {
    let mut repos = MockRepositories::default();
    let old = RegisteredClient { matched_at: NOW - SHARED_FOR, ..known() };
    repos.registrations.expect_find_by_identity_for_update().returning(move |_| Ok(Some(old.clone())));
    let gives_way = |client: &RegisteredClient| client.identity.is_none() && !client.shared;
    repos.registrations.expect_update().times(1).withf(move |_, client| gives_way(client)).returning(|_, _| Ok(true));
    let ctx = open(taking(with_room(repos, (0, 0), 0)), |_| ());
    let made = register(&ctx, &Origin::unknown(), None, sent()).await.unwrap();
    assert_ne!(made.app.id, AppId::NIL);
}

#[tokio::test]
async fn a_confidential_client_is_looked_for_nowhere() {
    let mut repos = taking(with_room(MockRepositories::default(), (0, 0), 0));
    repos.apps.expect_insert_secret().times(1).returning(|_, _| Ok(()));
    let ctx = open(repos, |_| ());
    let made =
        register(&ctx, &Origin::unknown(), None, SentMetadata { token_endpoint_auth_method: None, ..sent() }).await;
    assert!(made.unwrap().secret.is_some());
}

#[tokio::test]
async fn new_ones_are_bounded_in_all_and_by_address_and_by_how_many_are_idle() {
    for (new, idle) in [((1000, 0), 0), ((100, 100), 0), ((0, 0), 10_000)] {
        let mut repos = with_room(MockRepositories::default(), new, idle);
        repos.registrations.expect_find_by_identity_for_update().returning(|_| Ok(None));
        repos.registrations.expect_find_replaceable().returning(|_, _| Ok(None));
        let refused = register(&open(repos, |_| ()), &Origin::unknown(), None, sent()).await;
        assert!(matches!(refused, Err(RegistrationError::TooMany { .. })), "{new:?} {idle}");
    }
    let mut repos = taking(with_room(MockRepositories::default(), (999, 99), 10_000));
    repos.registrations.expect_find_by_identity_for_update().returning(|_| Ok(None));
    repos.registrations.expect_find_replaceable().returning(|_, _| Ok(Some(AppId::NIL)));
    repos.apps.expect_delete().times(1).withf(|_, id| *id == AppId::NIL).returning(|_, _| Ok(true));
    register(&open(repos, |_| ()), &Origin::unknown(), None, sent()).await.unwrap();
}

#[test]
fn settings_that_mean_nothing_are_told() {
    let mut oauth2 = settings().oauth2;
    assert!(doorward_domain::settings::Section::defects(&oauth2).is_empty());
    let registration = &mut oauth2.registration;
    registration.max_new_per_hour = 0;
    registration.max_idle_clients = 0;
    registration.idle_ttl = doorward_domain::settings::Span::SECOND;
    registration.unused_ttl = doorward_domain::settings::Span::SECOND;
    registration.allowed_redirect_hosts =
        ["https://a.example", "https:", "*.a.example", "app:"].map(str::to_owned).to_vec();
    registration.default_scopes = vec!["no:such".to_owned()];
    registration.max_scopes = vec!["no:such".to_owned()];
    let defects = doorward_domain::settings::Section::defects(&oauth2);
    assert_eq!(defects.len(), 8, "{defects:#?}");
    assert!(defects.iter().all(|defect| defect.contains("`oauth2.registration.")), "{defects:#?}");
}
