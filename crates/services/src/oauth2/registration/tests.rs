use super::*;
use crate::users::testing::{NOW, context_with, settings};
use crate::{Context, Origin};
use doorward_domain::oauth2::{App, ClientRules, ClientType, RedirectMatch, RegisteredClient, SHARED_FOR};
use doorward_domain::oauth2::{CLIENT_NAME_MAX, RedirectUri, RegistrationLimits};
use doorward_ports::mocks::MockRepositories;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

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
        refresh_tokens: true,
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
    let checked = document::check(&settings(), sent(), &RegistrationLimits::default()).unwrap();
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
        limits: RegistrationLimits::default(),
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

/// Texts that clients might send, and others.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(https|http|app|javascript)://(a\\.example|127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]{0,6})?/[a-z?#@%.\\\\]{0,9}",
        "[a-z_]{0,70}",
        "(openid|user:read|workspace:\\*|coder:all|offline_access| |x){0,6}",
        Just("authorization_code".to_owned()),
        Just("client_secret_post".to_owned()),
    ]
}

prop_compose! {
    fn metadata()(
        redirect_uris in vec(texts(), 0..4),
        names in vec(option::of(texts()), 9),
        post_logout_redirect_uris in vec(texts(), 0..3),
        default_max_age in option::of(any::<u32>()),
        backchannel_logout_session_required in option::of(any::<bool>()),
        grant_types in vec(texts(), 0..3),
        contacts in vec(texts(), 0..3),
        token_endpoint_auth_method in option::of(texts()),
        application_type in option::of(texts()),
        scope in option::of(texts()),
    ) -> SentMetadata {
        let mut names = names.into_iter();
        let mut next = || names.next().flatten();
        SentMetadata {
            redirect_uris,
            client_name: next(),
            client_uri: next(),
            logo_uri: next(),
            tos_uri: next(),
            policy_uri: next(),
            software_id: next(),
            software_version: next(),
            contacts,
            grant_types,
            response_types: Vec::new(),
            token_endpoint_auth_method,
            application_type,
            scope,
            relying_party: RelyingParty {
                id_token_signed_response_alg: next(),
                default_max_age,
                post_logout_redirect_uris,
                backchannel_logout_uri: next(),
                backchannel_logout_session_required,
                subject_type: next(),
                initiate_login_uri: next(),
                ..RelyingParty::default()
            },
            ..SentMetadata::default()
        }
    }
}

/// What was answered to a client, as it sends it again.
fn echoed(metadata: ClientMetadata) -> SentMetadata {
    SentMetadata {
        redirect_uris: metadata.redirect_uris,
        client_name: Some(metadata.client_name),
        client_uri: metadata.client_uri,
        logo_uri: metadata.logo_uri,
        tos_uri: metadata.tos_uri,
        policy_uri: metadata.policy_uri,
        contacts: metadata.contacts,
        software_id: metadata.software_id,
        software_version: metadata.software_version,
        grant_types: metadata.grant_types,
        response_types: metadata.response_types,
        token_endpoint_auth_method: Some(metadata.token_endpoint_auth_method),
        token_endpoint_auth_signing_alg: metadata.token_endpoint_auth_signing_alg,
        jwks: metadata.jwks,
        jwks_uri: metadata.jwks_uri,
        require_pushed_authorization_requests: metadata.require_pushed_authorization_requests,
        require_signed_request_object: metadata.require_signed_request_object,
        request_object_signing_alg: metadata.request_object_signing_alg,
        dpop_bound_access_tokens: metadata.dpop_bound_access_tokens,
        application_type: Some(metadata.application_type),
        scope: metadata.scope,
        relying_party: metadata.relying_party,
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_refused_or_kept_and_known_again(
        sent in metadata(),
        good in option::of(vec(Just("https://a.example/cb".to_owned()), 1..3)),
        public in any::<bool>(),
        max_scopes in vec(prop_oneof![Just("user:read".to_owned()), Just("openid".to_owned())], 0..3),
    ) {
        // Most of what is made up breaks a rule: with redirect URIs that are good, more of it comes through.
        let sent = SentMetadata {
            redirect_uris: good.unwrap_or(sent.redirect_uris),
            token_endpoint_auth_method: if public { Some("none".to_owned()) } else { sent.token_endpoint_auth_method },
            ..sent
        };
        let mut settings = settings();
        settings.oauth2.registration.max_scopes = max_scopes;
        if let Ok(checked) = document::check(&settings, sent, &RegistrationLimits::default()) {
            prop_assert!((1..=CLIENT_NAME_MAX).contains(&checked.metadata.client_name.len()));
            let public = checked.client_type == ClientType::Public;
            prop_assert!(checked.redirect_uris.iter().all(|uri| RedirectUri::register(uri.as_str(), public).is_ok()));
            let stored = ClientMetadata::read(&checked.metadata.to_document().unwrap()).unwrap();
            prop_assert_eq!(&stored, &checked.metadata);
            let again = document::check(&settings, echoed(stored), &RegistrationLimits::default());
            let again = again.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(again.identity, checked.identity);
            prop_assert_eq!(again.metadata, checked.metadata);
            prop_assert_eq!(again.allowed_scopes, checked.allowed_scopes);
        }
    }
}
