use crate::context::Context;
use crate::error::Error;
use crate::sessions::{Login, SignedIn, auth_methods, login, logout};
use crate::settings::Settings;
use crate::users::testing::*;
use doorward_domain::Secret;
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::ScopeName;
use doorward_domain::sessions::{ApiToken, Throttle, ThrottlePolicy};
use doorward_domain::users::{LoginType, PasswordHash, User, UserStatus};
use doorward_ports::Outage;
use doorward_ports::crypto::HashingBusy;
use doorward_ports::mocks::{MockPasswordHasher, MockRepositories};
use std::sync::Arc;
use time::Duration;

const FREE: Throttle = Throttle { failures: 0, last_failure: None };
const EXHAUSTED: Throttle = Throttle { failures: 8, last_failure: Some(NOW) };

/// Mocks that know Ann by her address, and that remember these failures of the account and of the address.
fn door(user: Option<User>, known_place: bool, remembered: [Throttle; 2]) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let found = user.clone();
    repos.users.expect_find_by_email().returning(move |_| Ok(found.clone()));
    repos.users.expect_find_for_update().returning(move |_| Ok(user.clone()));
    repos.throttles.expect_knows_place().returning(move |_, place, since| {
        assert_eq!((place, since), ("192.0.2.7", NOW - Duration::days(30)));
        Ok(known_place)
    });
    repos.throttles.expect_find().returning(move |_| Ok(remembered.to_vec()));
    repos
}

/// The session that is to be opened.
fn expect_session(repos: &mut MockRepositories) {
    repos.throttles.expect_clear().times(1).withf(|_, key| key == format!("account:{ANN}")).returning(|_, _| Ok(()));
    repos
        .throttles
        .expect_remember_place()
        .times(1)
        .withf(|_, user, place, now| (*user, place, *now) == (ANN, "192.0.2.7", NOW))
        .returning(|_, _, _, _| Ok(()));
    repos.sessions.expect_describe().withf(|_, _, device| device == "tests").returning(|_, _, _| Ok(()));
    repos
        .api_keys
        .expect_insert()
        .times(1)
        .withf(|_, key| {
            let day = key.expires_at == NOW + Duration::DAY && key.lifetime_seconds == 86_400;
            day && key.user_id == ANN && key.scopes == Scopes::all() && key.login_type == LoginType::Password
        })
        .returning(|_, _| Ok(()));
}

fn expect_failure(repos: &mut MockRepositories, account: &'static str) {
    repos
        .throttles
        .expect_record_failure()
        .times(1)
        .withf(move |_, keys, now| {
            let [(first, account_policy), (second, address_policy)] = keys else { return false };
            *now == NOW
                && first.starts_with(account)
                && second == "address:192.0.2.7"
                && (*account_policy, *address_policy) == (ThrottlePolicy::ACCOUNT, ThrottlePolicy::ADDRESS)
        })
        .returning(|_, _, _| Ok(()));
    expect_audit(repos, "login", 401);
}

/// A try that is refused, and leaves its trace all the same.
async fn refused(repos: MockRepositories, settings: Settings, password: &str) -> Error {
    let calls = repos.calls.clone();
    let refusal = try_with(&context_with(repos, settings), password).await.unwrap_err();
    calls.assert_committed();
    refusal
}

async fn try_with(ctx: &Context, password: &str) -> Result<SignedIn, Error> {
    let command = Login { email: "ann@example.com".to_owned(), password: Secret::from(password) };
    login(ctx, command, &origin()).await
}

fn unauthenticated(refusal: Error) -> String {
    let Error::Unauthenticated { message, detail } = refusal else { panic!("{refusal:?}") };
    format!("{message}{detail}")
}

#[tokio::test]
async fn the_right_password_opens_a_session() {
    let mut repos = door(Some(ann()), false, [FREE; 2]);
    expect_session(&mut repos);
    expect_audit(&mut repos, "login", 201);
    let SignedIn { user, session } = try_with(&context(repos), PASSWORD).await.unwrap();
    let token = ApiToken::parse(session.token.expose()).unwrap();
    assert_eq!((user, token.id.clone(), token.digest()), (ann(), session.key.id, session.key.secret_digest));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_one_answer_and_are_counted() {
    let mut repos = door(Some(ann()), false, [FREE; 2]);
    expect_failure(&mut repos, "account:00000000");
    let wrong = unauthenticated(refused(repos, settings(), "wrong").await);

    let mut repos = door(None, false, [FREE; 2]);
    expect_failure(&mut repos, "account-name:");
    let unknown = unauthenticated(refused(repos, settings(), PASSWORD).await);
    assert_eq!(wrong, unknown);
}

#[tokio::test]
async fn an_unknown_user_still_costs_a_hash() {
    let mut repos = door(None, false, [FREE; 2]);
    expect_failure(&mut repos, "account-name:");
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_verify().times(1).withf(|_, hash| hash.is_none()).returning(|_, _| Ok(false));
    let ctx = Context { passwords: Arc::new(hasher), ..context(repos) };
    unauthenticated(try_with(&ctx, PASSWORD).await.unwrap_err());
}

#[tokio::test]
async fn letter_case_of_an_unknown_address_does_not_split_the_count() {
    let counted = |email: &'static str| async move {
        let (send, receive) = std::sync::mpsc::channel();
        let mut repos = door(None, false, [FREE; 2]);
        repos.throttles.expect_record_failure().returning(move |_, keys, _| {
            send.send(keys[0].0.clone()).unwrap();
            Ok(())
        });
        expect_audit(&mut repos, "login", 401);
        let command = Login { email: email.to_owned(), password: Secret::from("x") };
        login(&context(repos), command, &origin()).await.unwrap_err();
        receive.recv().unwrap()
    };
    assert_eq!(counted("who@example.com").await, counted("WHO@Example.com").await);
    assert_ne!(counted("who@example.com").await, counted("she@example.com").await);
}

#[tokio::test]
async fn after_too_many_failures_the_password_is_not_even_looked_at() {
    for remembered in [[EXHAUSTED, FREE], [FREE, Throttle { failures: 23, ..EXHAUSTED }]] {
        let hasher = MockPasswordHasher::new();
        let ctx = Context { passwords: Arc::new(hasher), ..context(door(Some(ann()), false, remembered)) };
        match try_with(&ctx, PASSWORD).await {
            Err(Error::TooManyAttempts { retry_after }) => assert_eq!(retry_after, Duration::seconds(8)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn failures_in_the_future_are_counted_from_now_though_the_try_is_refused() {
    let ahead = Throttle { last_failure: Some(NOW + Duration::HOUR), ..EXHAUSTED };
    let expect_mended = |repos: &mut MockRepositories| {
        let is_account = |keys: &[String]| matches!(keys, [key] if *key == format!("account:{ANN}"));
        repos
            .throttles
            .expect_bring_back()
            .times(1)
            .withf(move |_, keys, now| is_account(keys) && *now == NOW)
            .returning(|_, _, _| Ok(()));
    };
    let mut repos = door(Some(ann()), false, [ahead, FREE]);
    expect_mended(&mut repos);
    assert!(matches!(refused(repos, settings(), PASSWORD).await, Error::TooManyAttempts { .. }));

    // Counted by another try while the password was looked at.
    let mut repos = MockRepositories::default();
    repos.users.expect_find_by_email().returning(|_| Ok(Some(ann())));
    repos.throttles.expect_knows_place().returning(|_, _, _| Ok(false));
    let mut remembered = vec![vec![ahead, FREE], vec![FREE; 2]];
    repos.throttles.expect_find().times(2).returning(move |_| Ok(remembered.pop().unwrap()));
    expect_mended(&mut repos);
    assert!(matches!(refused(repos, settings(), PASSWORD).await, Error::TooManyAttempts { .. }));
}

#[tokio::test]
async fn an_attacker_elsewhere_cannot_lock_a_user_out_of_a_known_place() {
    let mut repos = door(Some(ann()), true, [EXHAUSTED, FREE]);
    expect_session(&mut repos);
    expect_audit(&mut repos, "login", 201);
    assert!(try_with(&context(repos), PASSWORD).await.is_ok());

    let repos = door(Some(ann()), true, [FREE, Throttle { failures: 20, ..EXHAUSTED }]);
    assert!(matches!(try_with(&context(repos), PASSWORD).await, Err(Error::TooManyAttempts { .. })));
}

#[tokio::test]
async fn many_tries_at_once_do_not_slip_through_before_the_first_is_counted() {
    for password in [PASSWORD, "wrong"] {
        let mut repos = MockRepositories::default();
        repos.users.expect_find_by_email().returning(|_| Ok(Some(ann())));
        repos.throttles.expect_knows_place().returning(|_, _, _| Ok(false));
        let mut remembered = vec![vec![EXHAUSTED, FREE], vec![FREE; 2]];
        repos.throttles.expect_find().times(2).returning(move |_| Ok(remembered.pop().unwrap()));
        let refused = try_with(&context(repos), password).await;
        assert!(matches!(refused, Err(Error::TooManyAttempts { .. })), "right and wrong look alike");
    }
}

#[tokio::test]
async fn a_password_that_changed_meanwhile_is_a_wrong_one() {
    let mut repos = MockRepositories::default();
    repos.users.expect_find_by_email().returning(|_| Ok(Some(ann())));
    let changed = User { password_hash: Some(PasswordHash::new("plain:other".to_owned())), ..ann() };
    repos.users.expect_find_for_update().returning(move |_| Ok(Some(changed.clone())));
    repos.throttles.expect_knows_place().returning(|_, _, _| Ok(false));
    repos.throttles.expect_find().returning(|_| Ok(vec![FREE; 2]));
    expect_failure(&mut repos, "account:");
    unauthenticated(refused(repos, settings(), PASSWORD).await);
}

#[tokio::test]
async fn other_reasons_to_refuse_are_told_only_to_those_who_know_the_password() {
    let oidc = || User { login_type: LoginType::Oidc, ..ann() };
    let suspended = || User { status: UserStatus::Suspended, ..ann() };
    let disabled = || with_sessions(|sessions| sessions.password_login = false);

    let door = |user: User, status: u16| {
        let mut repos = door(Some(user), false, [FREE; 2]);
        expect_audit(&mut repos, "login", status);
        repos
    };
    let refusal = refused(door(ann(), 403), disabled(), PASSWORD).await;
    assert!(matches!(refusal, Error::Refused(message) if message.contains("disabled")));
    let refusal = refused(door(oidc(), 403), settings(), PASSWORD).await;
    assert!(matches!(refusal, Error::Refused(m) if m.contains("\"password\"") && m.contains("\"oidc\"")));
    let message = unauthenticated(refused(door(suspended(), 401), settings(), PASSWORD).await);
    assert!(message.contains("\"suspended\""), "{message}");

    for (user, settings) in [(ann(), disabled()), (oidc(), settings()), (suspended(), settings())] {
        let mut repos = self::door(Some(user), false, [FREE; 2]);
        expect_failure(&mut repos, "account:");
        let message = unauthenticated(refused(repos, settings, "wrong").await);
        assert_eq!(message, "Incorrect email or password.");
    }
}

#[tokio::test]
async fn signing_in_wakes_a_dormant_user() {
    let mut repos = door(Some(User { status: UserStatus::Dormant, ..ann() }), false, [FREE; 2]);
    expect_session(&mut repos);
    repos.users.expect_touch().times(1).returning(|_, _, _| Ok(()));
    expect_audit(&mut repos, "write", 200);
    expect_audit(&mut repos, "login", 201);
    assert_eq!(try_with(&context(repos), PASSWORD).await.unwrap().user.status, UserStatus::Active);
}

#[tokio::test]
async fn a_full_hashing_queue_asks_to_come_back_later() {
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_verify().returning(|_, _| Err(HashingBusy));
    let ctx = Context { passwords: Arc::new(hasher), ..context(door(Some(ann()), false, [FREE; 2])) };
    assert!(matches!(try_with(&ctx, PASSWORD).await, Err(Error::Unavailable { outage: Outage::Overloaded, .. })));
}

#[tokio::test]
async fn empty_fields_are_named_before_anything_is_looked_up() {
    let ctx = context(MockRepositories::default());
    let refused = login(&ctx, Login { email: String::new(), password: Secret::from("") }, &origin()).await;
    let Err(Error::Invalid { fields, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(fields.iter().map(|field| field.field.as_ref()).collect::<Vec<_>>(), ["email", "password"]);
}

#[tokio::test]
async fn signing_out_ends_the_key_in_use_and_those_of_apps() {
    let mut repos = MockRepositories::default();
    repos.api_keys.expect_delete().times(1).withf(|_, id| *id == key(ANN).id).returning(|_, _| Ok(true));
    repos
        .api_keys
        .expect_delete_of_scope()
        .times(1)
        .withf(|_, user, scope| *user == ANN && *scope == ScopeName::APPLICATION_CONNECT)
        .returning(|_, _, _| Ok(0));
    expect_audit(&mut repos, "logout", 200);
    logout(&context(repos), &actor().build()).await.unwrap();
}

#[test]
fn the_ways_to_sign_in_follow_the_settings() {
    assert!(auth_methods(&context(MockRepositories::default())).password);
    let disabled = with_sessions(|sessions| sessions.password_login = false);
    assert!(!auth_methods(&context_with(MockRepositories::default(), disabled)).password);
}
