use crate::fixtures::{
    APP, NOW, SECRET, USER, app, app_secret, authorization, context_with, oauth2_settings, repos, scopes, user,
    with_secret,
};
use doorward_domain::Secret;
use doorward_domain::audit::AuditAction;
use doorward_domain::ids::{CodeId, GrantId};
use doorward_domain::oauth2::{
    App, Authorization, AuthorizationCode, ClientType, CodeChallenge, OAuthErrorCode, OpaqueToken, RedirectUri,
    Resource,
};
use doorward_domain::users::UserStatus;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::oauth2::{Redeeming, RedeemingQuery};
use doorward_services::oauth2::token::{TokenRequest, TokenSet, exchange};
use doorward_services::{OAuth2Settings, OAuthError, Origin};
use time::Duration;
use uuid::Uuid;

const CODE: &str = "coder_codeprefix_0123456789012345678901234567890123456789";
// RFC 7636 appendix B
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn code() -> AuthorizationCode {
    let token = OpaqueToken::parse(CODE).unwrap();
    AuthorizationCode {
        jkt: None,
        id: CodeId(Uuid::from_u128(1)),
        prefix: token.prefix().to_owned(),
        digest: token.digest(),
        app_id: APP,
        user_id: USER,
        redirect_uri: Some("https://app.example/cb".into()),
        challenge: Some(CodeChallenge::parse(CHALLENGE, None).unwrap()),
        authorization: authorization("coder:all"),
        created_at: NOW,
        expires_at: NOW + Duration::minutes(10),
        redeemed: None,
        implied_redirect_uri: None,
    }
}

fn bound_to(resource: Option<Resource>) -> AuthorizationCode {
    AuthorizationCode { authorization: Authorization { resource, ..code().authorization }, ..code() }
}

fn for_scopes(text: &str) -> AuthorizationCode {
    AuthorizationCode { authorization: authorization(text), ..code() }
}

/// What the request names, if it is this app and this code.
fn named(app: &App, code: &AuthorizationCode, query: &RedeemingQuery) -> Redeeming {
    let secret = OpaqueToken::parse(SECRET).unwrap();
    let is_secret = query.secret_prefix.as_deref() == Some(secret.prefix());
    let is_code = query.code_prefix == code.prefix;
    Redeeming {
        app: (query.app_id == app.id).then(|| app.clone()),
        secret: is_secret.then(|| app_secret(&secret)),
        code: is_code.then(|| code.clone()),
        user: is_code.then(|| user(UserStatus::Active)),
    }
}

fn with_code(code: AuthorizationCode) -> MockRepositories {
    with_code_of(app(ClientType::Confidential), code)
}

fn with_code_of(app: App, code: AuthorizationCode) -> MockRepositories {
    let mut repos = repos(app.clone());
    repos.codes.expect_find_redeeming().returning(move |query| Ok(named(&app, &code, query)));
    repos
}

fn redeemable(code: AuthorizationCode) -> MockRepositories {
    let mut repos = with_code(code);
    repos.codes.expect_redeem().once().returning(|_, _, _, _| Ok(true));
    repos.grants.expect_insert().once().returning(|_, _, _| Ok(()));
    repos
}

async fn redeem(repos: MockRepositories, change: impl FnOnce(&mut TokenRequest)) -> Result<TokenSet, OAuthError> {
    redeem_under(repos, oauth2_settings(), change).await
}

async fn redeem_under(
    repos: MockRepositories,
    settings: OAuth2Settings,
    change: impl FnOnce(&mut TokenRequest),
) -> Result<TokenSet, OAuthError> {
    let mut request = TokenRequest {
        client: with_secret(Some(SECRET)),
        grant_type: Some("authorization_code".into()),
        code: Some(Secret::from(CODE)),
        redirect_uri: Some("https://app.example/cb".into()),
        code_verifier: Some(Secret::from(VERIFIER)),
        ..TokenRequest::default()
    };
    change(&mut request);
    exchange(&context_with(repos, settings), request, Origin::unknown()).await
}

#[tokio::test]
async fn a_good_code_gives_both_tokens() {
    let tokens = redeem(redeemable(code()), |_| ()).await.unwrap();
    assert_eq!(tokens.expires_in, 86_400);
    let refresh = OpaqueToken::parse(tokens.refresh_token.unwrap().expose()).unwrap();
    assert_eq!(refresh.secret().expose().len(), OpaqueToken::SECRET_LEN);
    assert!(crate::fixtures::key().has_issued(&refresh));
}

#[tokio::test]
async fn each_defect_has_its_error_and_uses_nothing_up() {
    type Change = fn(&mut TokenRequest);
    let cases: [(Change, OAuthErrorCode); 9] = [
        (|r| r.client.client_id = None, OAuthErrorCode::InvalidRequest),
        (|r| r.client.client_id = Some("x".into()), OAuthErrorCode::InvalidClient),
        (|r| r.client.client_secret = None, OAuthErrorCode::InvalidRequest),
        (|r| r.client.client_secret = Some(Secret::from("coder_secretpref_x")), OAuthErrorCode::InvalidClient),
        (|r| r.code = Some(Secret::from("coder_codeprefix_x")), OAuthErrorCode::InvalidGrant),
        (|r| r.redirect_uri = None, OAuthErrorCode::InvalidGrant),
        (|r| r.code_verifier = None, OAuthErrorCode::InvalidGrant),
        (|r| r.code_verifier = Some(Secret::new("x".repeat(43))), OAuthErrorCode::InvalidGrant),
        (|r| r.resources = vec!["https://other.example".into()], OAuthErrorCode::InvalidTarget),
    ];
    for (at, (change, expected)) in cases.into_iter().enumerate() {
        assert_eq!(redeem(with_code(code()), change).await.unwrap_err().code, expected, "case {at}");
    }
}

#[tokio::test]
async fn a_code_of_another_app_or_an_expired_one_is_refused() {
    let foreign = AuthorizationCode { app_id: doorward_domain::ids::AppId::NIL, ..code() };
    let expired = AuthorizationCode { expires_at: NOW, ..code() };
    for bad in [foreign, expired] {
        assert_eq!(redeem(with_code(bad), |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidGrant);
    }
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let open = AuthorizationCode { challenge: None, ..code() };
    assert_eq!(redeem(with_code(open), |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidGrant);
}

#[tokio::test]
async fn a_bound_resource_is_carried_over_unless_it_must_be_repeated() {
    let resource = || Some(Resource::parse("https://api.example").unwrap());
    let bound = || bound_to(resource());
    redeem(redeemable(bound()), |_| ()).await.unwrap();
    redeem(redeemable(bound()), |r| r.resources = vec!["https://api.example".into()]).await.unwrap();
    redeem(redeemable(bound()), |r| r.resources = vec!["HTTPS://API.example:443/".into()]).await.unwrap();
    let same = || vec!["https://api.example".into(), "https://api.example/".into()];
    redeem(redeemable(bound()), |r| r.resources = same()).await.unwrap();
    let strict = OAuth2Settings { require_resource_at_exchange: true, ..oauth2_settings() };
    let error = redeem_under(with_code(bound()), strict, |_| ()).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidTarget);
}

#[tokio::test]
async fn what_scope_says_at_the_exchange_does_not_matter() {
    for scope in [" ", "user:read", "no-such-scope", "\u{e9}"] {
        let tokens = redeem(redeemable(code()), |r| r.scope = Some(scope.into())).await.unwrap();
        assert_eq!(tokens.scopes, scopes("coder:all"), "{scope}");
    }
}

#[tokio::test]
async fn a_code_with_a_scope_that_is_no_more_is_refused() {
    let error = redeem(with_code(for_scopes("user:read gone:read")), |_| ()).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidGrant);
    assert!(error.reason.contains("gone:read"));
    let mut repos = redeemable(for_scopes("openid offline_access"));
    // A code of before it was noted what codes say of their users.
    repos.openid.expect_find_of_code().once().returning(|_| Ok(None));
    let identity = redeem(repos, |_| ()).await.unwrap();
    assert!(identity.id_token.is_none());
    assert_eq!(identity.scopes, scopes("openid offline_access"));
}

#[tokio::test]
async fn a_replay_ends_the_grant_unless_that_is_switched_off() {
    let grant = GrantId(Uuid::from_u128(9));
    let redeemed = || AuthorizationCode { redeemed: Some((NOW, grant)), ..code() };
    let mut strict = with_code(redeemed());
    strict.grants.expect_delete().once().withf(move |_, id| *id == grant).returning(|_, _| Ok(true));
    strict.audit.expect_insert().once().returning(|_, _| Ok(()));
    let calls = strict.calls.clone();
    assert_eq!(redeem(strict, |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidGrant);
    calls.assert_committed();
    let lenient = OAuth2Settings { revoke_on_code_replay: false, ..oauth2_settings() };
    let error = redeem_under(with_code(redeemed()), lenient, |_| ()).await.unwrap_err();
    assert_eq!(error.code, OAuthErrorCode::InvalidGrant);
}

#[tokio::test]
async fn of_two_who_redeem_at_once_the_second_ends_the_grant_of_the_first() {
    let grant = GrantId(Uuid::from_u128(9));
    let mut repos = with_code(code());
    repos
        .codes
        .expect_find_by_prefix()
        .once()
        .returning(move |_| Ok(Some(AuthorizationCode { redeemed: Some((NOW, grant)), ..code() })));
    repos.codes.expect_redeem().once().returning(|_, _, _, _| Ok(false));
    repos.grants.expect_delete().once().withf(move |_, id| *id == grant).returning(|_, _| Ok(true));
    repos
        .audit
        .expect_insert()
        .once()
        .withf(|_, record| record.action == AuditAction::AuthorizationCodeReplay)
        .returning(|_, _| Ok(()));
    let calls = repos.calls.clone();
    assert_eq!(redeem(repos, |_| ()).await.unwrap_err().code, OAuthErrorCode::InvalidGrant);
    calls.assert_committed();
}

#[tokio::test]
async fn a_single_grant_per_app_replaces_the_earlier_one() {
    let mut repos = redeemable(code());
    repos.grants.expect_delete_of_user_and_app().once().returning(|_, _, _| Ok(1));
    let single = OAuth2Settings { single_grant_per_app: true, ..oauth2_settings() };
    redeem_under(repos, single, |_| ()).await.unwrap();
}

#[tokio::test]
async fn what_was_taken_from_the_app_since_the_consent_is_not_issued() {
    let resource = |text: &str| Resource::parse(text).unwrap();
    let redirect_uris = vec![RedirectUri::register("https://app.example/new", false).unwrap()];
    let moved = App { redirect_uris, ..app(ClientType::Confidential) };
    let asked = "workspace:read template:read";
    let narrowed = App { allowed_scopes: Some(scopes("template:*")), ..app(ClientType::Confidential) };
    let elsewhere =
        App { allowed_resources: Some(vec![resource("https://other.example")]), ..app(ClientType::Confidential) };
    let implied =
        AuthorizationCode { redirect_uri: None, implied_redirect_uri: Some("https://app.example/cb".into()), ..code() };
    let unproven = AuthorizationCode { challenge: None, ..code() };
    let cases = [
        (moved.clone(), code(), "redirect URI"),
        (moved, implied, "redirect URI"),
        (narrowed.clone(), for_scopes(asked), "workspace:read"),
        (narrowed, code(), "coder:all"),
        (elsewhere.clone(), bound_to(Some(resource("https://api.example"))), "https://api.example"),
        (elsewhere, code(), "https://door.example"),
        (app(ClientType::Confidential), unproven, "PKCE"),
    ];
    for (app, code, named) in cases {
        let (uri, challenge) = (code.redirect_uri.clone(), code.challenge.is_some());
        let refused = redeem(with_code_of(app, code), |request| {
            request.redirect_uri = uri;
            request.code_verifier = request.code_verifier.take().filter(|_| challenge);
        });
        let error = refused.await.unwrap_err();
        assert_eq!(error.code, OAuthErrorCode::InvalidGrant, "{named}");
        assert!(error.description.contains(named), "{named}: {}", error.description);
    }
    let wider = App { allowed_scopes: Some(scopes("template:* workspace:*")), ..app(ClientType::Confidential) };
    let mut kept = with_code_of(wider, for_scopes(asked));
    kept.codes.expect_redeem().once().returning(|_, _, _, _| Ok(true));
    kept.grants
        .expect_insert()
        .once()
        .withf(move |_, grant, key| grant.authorization == authorization(asked) && key.scopes == scopes(asked))
        .returning(|_, _, _| Ok(()));
    redeem(kept, |_| ()).await.unwrap();
}
