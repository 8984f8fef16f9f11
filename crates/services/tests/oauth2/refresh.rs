use crate::fixtures::{APP, NOW, SECRET, USER, app, context, key, repos, user, with_secret};
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::GrantId;
use doorward_domain::oauth2::{ClientType, ExchangedTokens, Grant, OAuthErrorCode, OpaqueToken};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::users::UserStatus;
use doorward_domain::{Instant, Secret};
use doorward_ports::mocks::MockRepositories;
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
        audience: None,
        scopes: vec!["coder:all".into()],
        access_key_id: key_id(),
        access_expires_at: at + Duration::DAY,
        refresh_prefix: first().prefix().to_owned(),
        refresh_digest: key().successor(&first()).refresh.digest(),
        refresh_expires_at: at + Duration::days(30),
        exchanged,
        generation: 1,
        created_at: at,
    }
}

fn rotated() -> Rotated {
    Rotated { grant_id: GRANT, access_key_id: key_id(), scopes: vec!["coder:all".into()], secret: None }
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
    let tokens = exchange(&context(repos), request, Origin::default()).await?;
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
    repos.grants.expect_delete().once().withf(|_, id| *id == GRANT).returning(|_, _| Ok(true));
    repos
        .audit
        .expect_insert()
        .once()
        .withf(|_, r| r.action == AuditAction::RefreshTokenReuse)
        .returning(|_, _| Ok(()));
    assert_eq!(refresh(repos, |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidGrant);
}

#[tokio::test]
async fn an_invented_token_ends_nothing() {
    let mut repos = repos(app(ClientType::Confidential));
    repos.grants.expect_rotate().returning(|_, _| Ok(None));
    repos.grants.expect_find_by_prefix().returning(|_| Ok(Some(exchanged_at(NOW - Duration::DAY))));
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
        scopes: vec!["workspace:read".into(), "template:read".into()],
        ..exchanged_at(NOW)
    };
    let mut narrowed = repos(app(ClientType::Confidential));
    narrowed.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    narrowed.grants.expect_find_by_prefix().returning(move |_| Ok(Some(live())));
    narrowed
        .grants
        .expect_rotate()
        .once()
        .returning(move |_, _| Ok(Some(Rotated { scopes: live().scopes, ..rotated() })));
    narrowed.grants.expect_narrow_access().once().withf(|_, _, s| s == ["template:read"]).returning(|_, _, _| Ok(()));
    refresh(narrowed, |r| r.scope = Some("template:read".into())).await.unwrap();

    let mut widened = repos(app(ClientType::Confidential));
    widened.grants.expect_find_by_prefix().returning(move |_| Ok(Some(live())));
    let error = refresh(widened, |r| r.scope = Some("template:read user:read".into())).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidScope);
}
