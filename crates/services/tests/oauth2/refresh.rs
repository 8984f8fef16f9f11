use crate::fixtures::{APP, NOW, SECRET, USER, app, authorization, context, key, repos, scopes, user, with_secret};
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::GrantId;
use doorward_domain::oauth2::{App, ClientType, ExchangedTokens, Grant, OAuthErrorCode, OpaqueToken, Resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId, ApiToken, OAuth2Binding};
use doorward_domain::users::{LoginType, UserStatus};
use doorward_domain::{Instant, Secret};
use doorward_ports::mocks::{MockRepositories, people};
use doorward_ports::oauth2::Rotated;
use doorward_services::oauth2::token::{TokenRequest, exchange};
use doorward_services::{OAuthError, Origin};
use mockall::Sequence;
use time::Duration;
use uuid::Uuid;

const GRANT: GrantId = GrantId(Uuid::from_u128(0xD));

fn first() -> OpaqueToken {
    key().first("grantprefi".into(), &Secret::new("r".repeat(30)))
}

fn key_id() -> ApiKeyId {
    ApiKeyId::new("accesskey0").unwrap()
}

/// The grant after `first()` was exchanged at `at`.
fn exchanged_at(at: Instant) -> Grant {
    let mut exchanged = ExchangedTokens::default();
    exchanged.push(first().digest(), at);
    Grant {
        id: GRANT,
        app_id: APP,
        user_id: USER,
        secret_id: None,
        by_key: false,
        jkt: None,
        authorization: authorization("coder:all"),
        access_key_id: key_id(),
        access_expires_at: at + Duration::DAY,
        refresh_prefix: first().prefix().to_owned(),
        refresh_digest: key().successor(&first()).refresh.digest(),
        refresh_expires_at: at + Duration::days(30),
        exchanged,
        generation: 1,
        created_at: at,
        app_revision: 0,
        is_device: false,
    }
}

/// The live access token of that grant.
fn access_key(unused: bool) -> ApiKey {
    let token = ApiToken::new(key_id(), key().successor(&first()).access_secret).unwrap();
    ApiKey {
        login_type: LoginType::Oauth2ProviderApp,
        last_used: None,
        expires_at: NOW + Duration::MINUTE,
        lifetime_seconds: 3600,
        oauth2: Some(OAuth2Binding {
            jkt: None,
            app_id: APP,
            grant_id: Some(GRANT),
            secret_id: None,
            audience: None,
            slides_until: NOW + Duration::days(30),
            unused,
        }),
        ..people::session(USER, &token, NOW)
    }
}

fn rotated() -> Rotated {
    Rotated { grant_id: GRANT, access_key_id: key_id(), scopes: scopes("coder:all"), secret: None, resource: None }
}

async fn refresh(
    repos: MockRepositories,
    change: impl FnOnce(&mut TokenRequest),
) -> Result<(String, String), OAuthError> {
    let mut request = TokenRequest {
        client: with_secret(Some(SECRET)),
        grant_type: Some("refresh_token".into()),
        refresh_token: Some(first().to_wire()),
        ..TokenRequest::default()
    };
    change(&mut request);
    let tokens = exchange(&context(repos), request, Origin::unknown()).await?;
    Ok((tokens.access_token.into_exposed(), tokens.refresh_token.unwrap().into_exposed()))
}

fn successor() -> (String, String) {
    let next = key().successor(&first());
    (format!("{}-{}", key_id(), next.access_secret.expose()), next.refresh.to_wire().into_exposed())
}

#[tokio::test]
async fn the_live_token_is_exchanged_in_one_step() {
    let mut repos = MockRepositories::default();
    repos.grants.expect_rotate().once().returning(|_, _| Ok(Some(rotated())));
    assert_eq!(refresh(repos, |_| ()).await.unwrap(), successor());
}

#[tokio::test]
async fn a_token_exchanged_a_moment_ago_gives_the_same_pair() {
    let mut repos = repos(app(ClientType::Confidential));
    repos.grants.expect_rotate().once().returning(|_, _| Ok(None));
    repos.grants.expect_find_by_prefix().returning(|_| Ok(Some(exchanged_at(NOW - Duration::seconds(59)))));
    repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    repos.api_keys.expect_find().returning(|_| Ok(None));
    assert_eq!(refresh(repos, |_| ()).await.unwrap(), successor());
}

#[tokio::test]
async fn reuse_after_the_grace_ends_the_grant_and_leaves_a_record() {
    let mut repos = repos(app(ClientType::Confidential));
    repos.grants.expect_rotate().once().returning(|_, _| Ok(None));
    repos.grants.expect_find_by_prefix().returning(|_| Ok(Some(exchanged_at(NOW - Duration::seconds(61)))));
    repos.api_keys.expect_find().returning(|_| Ok(Some(access_key(false))));
    repos.grants.expect_delete().once().withf(|_, id| *id == GRANT).returning(|_, _| Ok(true));
    repos
        .audit
        .expect_insert()
        .once()
        .withf(|_, r| r.action == AuditAction::RefreshTokenReuse)
        .returning(|_, _| Ok(()));
    let calls = repos.calls.clone();
    assert_eq!(refresh(repos, |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidGrant);
    calls.assert_committed();
}

#[tokio::test]
async fn an_invented_token_ends_nothing() {
    let mut repos = repos(app(ClientType::Confidential));
    repos.grants.expect_rotate().returning(|_, _| Ok(None));
    repos.grants.expect_find_by_prefix().returning(|_| Ok(Some(exchanged_at(NOW - Duration::DAY))));
    repos.api_keys.expect_find().returning(|_| Ok(Some(access_key(true))));
    let invented = "coder_grantprefi_0123456789012345678901234567890123456789";
    let error = refresh(repos, |r| r.refresh_token = Some(Secret::from(invented))).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidGrant);
}

#[tokio::test]
async fn a_lost_race_is_looked_at_again_and_gives_the_winners_pair() {
    let mut repos = repos(app(ClientType::Confidential));
    let mut order = Sequence::new();
    repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    repos.api_keys.expect_find().returning(|_| Ok(None));
    repos.grants.expect_rotate().times(2).returning(|_, _| Ok(None));
    repos.grants.expect_find_by_prefix().once().in_sequence(&mut order).returning(|_| {
        let live = Grant { refresh_digest: first().digest(), ..exchanged_at(NOW) };
        Ok(Some(Grant { exchanged: ExchangedTokens::default(), ..live }))
    });
    repos.grants.expect_find_by_prefix().once().in_sequence(&mut order).returning(|_| Ok(Some(exchanged_at(NOW))));
    assert_eq!(refresh(repos, |_| ()).await.unwrap(), successor());
}

#[tokio::test]
async fn a_revoked_grant_never_comes_back() {
    let mut repos = repos(app(ClientType::Confidential));
    repos.grants.expect_rotate().returning(|_, _| Ok(None));
    repos.grants.expect_find_by_prefix().returning(|_| Ok(None));
    assert_eq!(refresh(repos, |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidGrant);
}

#[tokio::test]
async fn a_suspended_user_gets_nothing() {
    let mut repos = repos(app(ClientType::Confidential));
    repos.grants.expect_rotate().returning(|_, _| Ok(None));
    repos.grants.expect_find_by_prefix().returning(|_| Ok(Some(exchanged_at(NOW))));
    repos.api_keys.expect_find().returning(|_| Ok(Some(access_key(true))));
    repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Suspended))));
    assert_eq!(refresh(repos, |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidGrant);
}

#[tokio::test]
async fn a_confidential_client_must_prove_itself() {
    for secret in [None, Some("coder_secretpref_wrong"), Some("nonsense")] {
        let mut repos = repos(app(ClientType::Confidential));
        repos.grants.expect_rotate().returning(|_, _| Ok(None));
        let error = refresh(repos, |r| r.client = with_secret(secret)).await.unwrap_err();
        assert_eq!(error.code, OAuthErrorCode::InvalidClient, "{secret:?}");
    }
}

#[tokio::test]
async fn a_narrower_scope_narrows_the_access_token_and_a_wider_one_is_refused() {
    let live = || Grant {
        refresh_digest: first().digest(),
        exchanged: ExchangedTokens::default(),
        authorization: authorization("workspace:read template:read"),
        ..exchanged_at(NOW)
    };
    let mut narrowed = repos(app(ClientType::Confidential));
    narrowed.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    narrowed.grants.expect_find_by_prefix().returning(move |_| Ok(Some(live())));
    narrowed
        .grants
        .expect_rotate()
        .once()
        .returning(move |_, _| Ok(Some(Rotated { scopes: live().authorization.scopes, ..rotated() })));
    narrowed
        .grants
        .expect_narrow_access()
        .once()
        .withf(|_, _, s| *s == scopes("template:read"))
        .returning(|_, _, _| Ok(()));
    refresh(narrowed, |r| r.scope = Some("template:read".into())).await.unwrap();

    let mut widened = repos(app(ClientType::Confidential));
    widened.grants.expect_find_by_prefix().returning(move |_| Ok(Some(live())));
    let error = refresh(widened, |r| r.scope = Some("template:read user:read".into())).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidScope);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_while_nobody_has_used_it() {
    let hour = Duration::HOUR;
    for (client_type, ago) in [
        (ClientType::Confidential, Duration::seconds(61)),
        (ClientType::Confidential, 24 * hour),
        (ClientType::Public, hour),
    ] {
        let mut repos = repos(app(client_type));
        repos.grants.expect_rotate().returning(|_, _| Ok(None));
        repos.grants.expect_find_by_prefix().returning(move |_| Ok(Some(exchanged_at(NOW - ago))));
        repos.api_keys.expect_find().returning(|_| Ok(Some(access_key(true))));
        repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
        repos
            .grants
            .expect_renew_access()
            .once()
            .withf(|_, renewal| renewal.access_expires_at == NOW + Duration::DAY && renewal.grant_id == GRANT)
            .returning(|_, _| Ok(true));
        let secret = (client_type == ClientType::Confidential).then_some(SECRET);
        assert_eq!(refresh(repos, |r| r.client = with_secret(secret)).await.unwrap(), successor(), "{ago}");
    }
    for (client_type, ago) in
        [(ClientType::Confidential, 24 * hour + Duration::SECOND), (ClientType::Public, hour + Duration::SECOND)]
    {
        let mut repos = repos(app(client_type));
        repos.grants.expect_rotate().returning(|_, _| Ok(None));
        repos.grants.expect_find_by_prefix().returning(move |_| Ok(Some(exchanged_at(NOW - ago))));
        repos.api_keys.expect_find().returning(|_| Ok(Some(access_key(true))));
        repos.grants.expect_delete().once().returning(|_, _| Ok(true));
        repos.audit.expect_insert().once().returning(|_, _| Ok(()));
        let calls = repos.calls.clone();
        let secret = (client_type == ClientType::Confidential).then_some(SECRET);
        let error = refresh(repos, |r| r.client = with_secret(secret)).await.unwrap_err();
        assert_eq!(error.code, OAuthErrorCode::InvalidGrant, "the window is over: {ago}");
        calls.assert_committed();
    }
}

#[tokio::test]
async fn a_token_two_generations_old_gives_the_pair_that_works() {
    let second = key().successor(&first()).refresh;
    let live = key().successor(&second);
    let mut exchanged = ExchangedTokens::default();
    exchanged.push(first().digest(), NOW - Duration::seconds(50));
    exchanged.push(second.digest(), NOW - Duration::seconds(10));
    let grant = Grant { refresh_digest: live.refresh.digest(), exchanged, generation: 2, ..exchanged_at(NOW) };
    let mut repos = repos(app(ClientType::Confidential));
    repos.grants.expect_rotate().returning(|_, _| Ok(None));
    repos.grants.expect_find_by_prefix().returning(move |_| Ok(Some(grant.clone())));
    repos.api_keys.expect_find().returning(|_| Ok(Some(access_key(false))));
    repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    let expected = (format!("{}-{}", key_id(), live.access_secret.expose()), live.refresh.to_wire().into_exposed());
    assert_eq!(refresh(repos, |_| ()).await.unwrap(), expected);
}

#[tokio::test]
async fn a_refresh_narrows_to_what_is_left_of_the_app() {
    let live = move || Grant {
        refresh_digest: first().digest(),
        exchanged: ExchangedTokens::default(),
        authorization: authorization("workspace:read template:read"),
        ..exchanged_at(NOW)
    };
    let narrowed =
        |allowed: &str| App { allowed_scopes: Some(scopes(allowed)), revision: 3, ..app(ClientType::Confidential) };
    let stored = |app: App| {
        let mut repos = repos(app);
        repos.grants.expect_find_by_prefix().returning(move |_| Ok(Some(live())));
        repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
        repos
    };
    let mut repos = stored(narrowed("template:*"));
    let mut order = Sequence::new();
    // Once in one step, in which the database finds that the app was changed, and once after that was looked at.
    repos.grants.expect_rotate().once().in_sequence(&mut order).returning(|_, _| Ok(None));
    repos
        .grants
        .expect_reconcile()
        .once()
        .in_sequence(&mut order)
        .withf(|_, id, left, revision| *id == GRANT && *left == scopes("template:read") && *revision == 3)
        .returning(|_, _, _, _| Ok(()));
    repos
        .grants
        .expect_rotate()
        .once()
        .in_sequence(&mut order)
        .returning(|_, _| Ok(Some(Rotated { scopes: scopes("template:read"), ..rotated() })));
    refresh(repos, |_| ()).await.unwrap();

    let resources = Some(vec![Resource::parse("https://other.example").unwrap()]);
    let elsewhere = App { allowed_resources: resources, revision: 3, ..app(ClientType::Confidential) };
    for (app, named) in [(narrowed("user:read"), "template:read"), (elsewhere, "https://door.example")] {
        let mut repos = stored(app);
        repos.grants.expect_rotate().returning(|_, _| Ok(None));
        let error = refresh(repos, |_| ()).await.unwrap_err();
        assert_eq!(error.code, OAuthErrorCode::InvalidGrant, "{named}");
        assert!(error.description.contains(named), "{}", error.description);
    }
}

#[tokio::test]
async fn a_repeated_refresh_of_which_nothing_is_left_is_refused() {
    // Of the grant nothing is left; of the grant something, but nothing of the token that was handed out.
    for (allowed, taken) in [("user:read", "workspace:read"), ("template:read", "workspace:read")] {
        let narrowed = App { allowed_scopes: Some(scopes(allowed)), revision: 3, ..app(ClientType::Confidential) };
        let mut repos = repos(narrowed);
        repos.grants.expect_rotate().returning(|_, _| Ok(None));
        let authorization = authorization("workspace:read template:read");
        let grant = Grant { authorization, ..exchanged_at(NOW - Duration::seconds(10)) };
        repos.grants.expect_find_by_prefix().returning(move |_| Ok(Some(grant.clone())));
        repos.grants.expect_reconcile().returning(|_, _, _, _| Ok(()));
        let key = ApiKey { scopes: scopes("workspace:read"), ..access_key(true) };
        repos.api_keys.expect_find().returning(move |_| Ok(Some(key.clone())));
        repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
        let error = refresh(repos, |_| ()).await.unwrap_err();
        assert_eq!(error.code, OAuthErrorCode::InvalidGrant, "{allowed}");
        assert!(error.description.contains(taken), "{}", error.description);
    }
}

#[tokio::test]
async fn a_repeated_refresh_never_hands_out_more_than_is_asked_for() {
    // What the token that was handed out can do, what is asked now, and whether it is handed out again.
    for (carried, asked, given) in [
        ("workspace:read template:read", None, true),
        ("workspace:read template:read", Some("template:read workspace:read"), true),
        ("workspace:read template:read", Some("workspace:*"), false),
        ("workspace:read template:read", Some("template:read"), false),
        ("workspace:read template:read", Some("template:read offline_access"), false),
        ("template:read", Some("template:read"), true),
        ("template:read", Some("template:read workspace:read"), true),
        ("template:read", None, true),
        ("workspace:* template:read", Some("workspace:read template:read"), false),
        ("coder:all", Some("workspace:read"), false),
    ] {
        let mut repos = repos(app(ClientType::Confidential));
        repos.grants.expect_rotate().returning(|_, _| Ok(None));
        let grant = exchanged_at(NOW - Duration::seconds(10));
        repos.grants.expect_find_by_prefix().returning(move |_| Ok(Some(grant.clone())));
        let key = ApiKey { scopes: scopes(carried), ..access_key(true) };
        repos.api_keys.expect_find().returning(move |_| Ok(Some(key.clone())));
        repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
        let request = TokenRequest {
            client: with_secret(Some(SECRET)),
            grant_type: Some("refresh_token".into()),
            refresh_token: Some(first().to_wire()),
            scope: asked.map(Into::into),
            ..TokenRequest::default()
        };
        let answered = exchange(&context(repos), request, Origin::unknown()).await;
        match answered {
            Ok(tokens) => {
                assert!(given, "{carried}, {asked:?}");
                assert_eq!(tokens.scopes, scopes(carried), "{asked:?}: the answer tells what it can do");
            }
            Err(error) => {
                assert!(!given, "{carried}, {asked:?}: {error}");
                assert_eq!(error.code, OAuthErrorCode::InvalidScope);
            }
        }
    }
}
