use crate::fixtures::{
    APP, NOW, SECRET, USER, app, authorization, context, context_with, oauth2_settings, repos, scopes, user,
    with_secret,
};
use doorward_domain::Secret;
use doorward_domain::ids::{AppId, DeviceAuthorizationId};
use doorward_domain::oauth2::{
    App, ClientType, DEVICE_CODE_LIFETIME, DeviceAuthorization, DeviceDecision, OAuthErrorCode, OpaqueToken,
    POLL_INTERVAL,
};
use doorward_domain::users::UserStatus;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::oauth2::LiveDeviceCodes;
use doorward_services::oauth2::device::{DeviceRequest, begin};
use doorward_services::oauth2::token::{DEVICE_CODE, TokenRequest, TokenSet, exchange};
use doorward_services::{Context, OAuth2Settings, OAuthError, Origin};
use time::Duration;

const CODE: &str = "coder_devicepref_0123456789012345678901234567890123456789";

fn television() -> App {
    App { device_flow: true, ..app(ClientType::Confidential) }
}

fn asked(decision: DeviceDecision) -> DeviceAuthorization {
    let token = OpaqueToken::parse(CODE).unwrap();
    DeviceAuthorization {
        id: DeviceAuthorizationId::NIL,
        prefix: token.prefix().to_owned(),
        digest: token.digest(),
        user_code: doorward_domain::Digest::of("code"),
        app_id: APP,
        authorization: authorization("workspace:read"),
        ip: String::new(),
        user_agent: String::new(),
        created_at: NOW,
        expires_at: NOW + DEVICE_CODE_LIFETIME,
        interval: POLL_INTERVAL,
        polled_at: None,
        decision,
    }
}

/// The app, and what it asked for.
fn waiting(app: App, asked: DeviceAuthorization) -> MockRepositories {
    let mut repos = repos(app);
    repos
        .device_authorizations
        .expect_find_for_update()
        .returning(move |prefix| Ok((prefix == asked.prefix).then(|| asked.clone())));
    repos
}

async fn poll(ctx: Context) -> Result<TokenSet, OAuthError> {
    let request = TokenRequest {
        client: with_secret(Some(SECRET)),
        grant_type: Some(DEVICE_CODE.to_owned()),
        device_code: Some(Secret::from(CODE)),
        ..TokenRequest::default()
    };
    exchange(&ctx, request, Origin::unknown()).await
}

async fn refusal(repos: MockRepositories) -> OAuthErrorCode {
    poll(context(repos)).await.unwrap_err().code
}

#[tokio::test]
async fn a_question_is_noted_though_its_answer_is_an_error() {
    let too_soon = DeviceAuthorization { polled_at: Some(NOW - Duration::SECOND), ..asked(DeviceDecision::Pending) };
    for (asked, interval, code) in [
        (asked(DeviceDecision::Pending), 5, OAuthErrorCode::AuthorizationPending),
        (too_soon, 10, OAuthErrorCode::SlowDown),
    ] {
        let mut repos = waiting(television(), asked);
        let noted = repos.device_authorizations.expect_note_poll();
        noted.once().withf(move |_, _, kept, at| (*kept, *at) == (interval, NOW)).returning(|_, _, _, _| Ok(()));
        let calls = repos.calls.clone();
        assert_eq!(refusal(repos).await, code);
        calls.assert_committed();
    }
}

#[tokio::test]
async fn tokens_are_for_who_approved_with_what_was_approved() {
    let mut repos = waiting(television(), asked(DeviceDecision::Approved(USER)));
    repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    repos.device_authorizations.expect_consume().once().withf(|_, _, by| *by == USER).returning(|_, _, _| Ok(true));
    repos
        .grants
        .expect_insert()
        .once()
        .withf(|_, grant, key| {
            (grant.user_id, key.user_id) == (USER, USER)
                && grant.authorization == authorization("workspace:read")
                && (grant.is_device, grant.refresh_expires_at) == (true, NOW + Duration::WEEK)
        })
        .returning(|_, _, _| Ok(()));
    let tokens = poll(context(repos)).await.unwrap();
    assert_eq!((tokens.scopes, tokens.refresh_token.is_some()), (scopes("workspace:read"), true));
}

#[tokio::test]
async fn of_two_who_get_them_at_once_one_does() {
    let mut repos = waiting(television(), asked(DeviceDecision::Approved(USER)));
    repos.users.expect_find().returning(|_| Ok(Some(user(UserStatus::Active))));
    repos.device_authorizations.expect_consume().once().returning(|_, _, _| Ok(false));
    assert_eq!(refusal(repos).await, OAuthErrorCode::InvalidGrant);
}

#[tokio::test]
async fn nothing_is_given_for_what_is_no_good_any_more() {
    let approved = || asked(DeviceDecision::Approved(USER));
    let narrowed = App { allowed_scopes: Some(scopes("user:read")), ..television() };
    let switched_off = App { device_flow: false, ..television() };
    let others = DeviceAuthorization { app_id: AppId::NIL, ..approved() };
    let guessed = DeviceAuthorization { digest: doorward_domain::Digest::of("another"), ..approved() };
    let denied = asked(DeviceDecision::Denied);
    let old = DeviceAuthorization { expires_at: NOW, ..approved() };
    for (app, asked, status, code) in [
        (television(), approved(), UserStatus::Suspended, OAuthErrorCode::InvalidGrant),
        (narrowed, approved(), UserStatus::Active, OAuthErrorCode::InvalidGrant),
        (switched_off, approved(), UserStatus::Active, OAuthErrorCode::UnauthorizedClient),
        (television(), others, UserStatus::Active, OAuthErrorCode::InvalidGrant),
        (television(), guessed, UserStatus::Active, OAuthErrorCode::InvalidGrant),
        (television(), old, UserStatus::Active, OAuthErrorCode::ExpiredToken),
        (television(), denied, UserStatus::Active, OAuthErrorCode::AccessDenied),
    ] {
        let mut repos = waiting(app, asked);
        repos.users.expect_find().returning(move |_| Ok(Some(user(status))));
        assert_eq!(refusal(repos).await, code);
    }
}

#[tokio::test]
async fn too_many_codes_are_refused_before_another_is_made() {
    let ask = async |live: LiveDeviceCodes, settings: OAuth2Settings| {
        let mut repos = repos(television());
        repos.device_authorizations.expect_count_live().returning(move |_, _, _| Ok(live));
        let request = DeviceRequest {
            client: with_secret(Some(SECRET)),
            scope: Some("workspace:read".to_owned()),
            ..DeviceRequest::default()
        };
        begin(&context_with(repos, settings), request, Origin::unknown()).await.unwrap_err().code
    };
    for live in [LiveDeviceCodes { all: 10_000, pending: 0 }, LiveDeviceCodes { all: 20, pending: 20 }] {
        assert_eq!(ask(live, oauth2_settings()).await, OAuthErrorCode::TemporarilyUnavailable);
    }
    let mut off = oauth2_settings();
    off.device.enabled = false;
    assert_eq!(ask(LiveDeviceCodes::default(), off).await, OAuthErrorCode::UnauthorizedClient);
}
