//! How another team writes and tests a use case of its own on these ports, without a database. Copy it.
//!
//! Their product: accounts that nobody has used for 90 days are suspended.
#![cfg(feature = "mocks")]

use doorward_domain::ids::UserId;
use doorward_domain::roles::{Denied, Object, Scope, Subject, action, resource};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::mocks::{FixedClock, MockRepositories, people};
use doorward_ports::{Clock, Commit, Outage, Store, StoreError, WorkMode};
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

// --- The use case: it depends on `doorward-domain` and `doorward-ports` only. ---

/// For how long an account may lie idle.
const IDLE: Duration = Duration::days(90);

/// Why an account is not suspended. `#[from] StoreError` is what `Store::write` asks of an error.
#[derive(Debug, thiserror::Error)]
enum SuspendIdleError {
    #[error("no such user")]
    NotFound,
    #[error("the account is in use")]
    InUse,
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Suspends an account that has been idle for too long: authorize, load, decide, write.
async fn suspend_idle(store: &Store, clock: &dyn Clock, who: &Subject, id: UserId) -> Result<(), SuspendIdleError> {
    // Without this permit, `update_status` below does not compile.
    let permit = who.permit::<action::Update, resource::User>(&Object::of::<resource::User>().id(id.0).owner(id.0))?;
    let now = clock.now();
    // One closure is one transaction: `Ok` commits, `Err` rolls back.
    store
        .write(move |repos| {
            let user = repos.users().find(id)?.filter(|user| !user.deleted).ok_or(SuspendIdleError::NotFound)?;
            if now - user.last_seen_at.unwrap_or(user.created_at) < IDLE {
                return Err(SuspendIdleError::InUse);
            }
            if !repos.users().update_status(&permit, id, UserStatus::Suspended, now)? {
                return Err(SuspendIdleError::NotFound);
            }
            Ok(())
        })
        .await
}

// --- Its tests. ---

const GUEST: UserId = UserId(Uuid::from_u128(7));

/// A user who was last seen when the clock starts.
fn guest() -> User {
    let start = datetime!(2026-01-01 00:00 UTC);
    User { login_type: LoginType::None, last_seen_at: Some(start), ..people::user(GUEST, "guest", start) }
}

fn clock() -> FixedClock {
    FixedClock::at(guest().created_at)
}

/// A caller with these roles, as a request would bring one.
fn caller(roles: &[&str]) -> Subject {
    Subject::for_user(Uuid::from_u128(1)).site_roles(roles).scope(Scope::all()).build()
}

#[tokio::test]
async fn an_account_that_was_idle_for_ninety_days_is_suspended() {
    let mut repos = MockRepositories::default();
    repos.users.expect_find().returning(|_| Ok(Some(guest())));
    repos
        .users
        .expect_update_status()
        .times(1)
        .withf(|_, id, status, _| (*id, *status) == (GUEST, UserStatus::Suspended))
        .returning(|_, _, _, _| Ok(true));
    let clock = clock();
    clock.advance(IDLE);
    suspend_idle(&repos.into_store(), &clock, &caller(&["user-admin"]), GUEST).await.unwrap();
}

#[tokio::test]
async fn an_account_in_use_is_left_alone() {
    let mut repos = MockRepositories::default();
    repos.users.expect_find().returning(|_| Ok(Some(guest())));
    let clock = clock();
    clock.advance(IDLE - Duration::SECOND);
    // `update_status` has no expectation: a call would fail the test. And were there another write, it would not be kept.
    let calls = repos.calls.clone();
    let refused = suspend_idle(&repos.into_store(), &clock, &caller(&["user-admin"]), GUEST).await;
    assert!(matches!(refused, Err(SuspendIdleError::InUse)));
    assert_eq!(calls.all(), [(WorkMode::Write, Commit::No)]);
}

#[tokio::test]
async fn who_may_not_change_users_never_reaches_the_store() {
    let store = MockRepositories::default().into_store();
    let refused = suspend_idle(&store, &clock(), &caller(&["auditor"]), GUEST).await;
    assert!(matches!(refused, Err(SuspendIdleError::Denied(_))));
}

#[tokio::test]
async fn a_database_that_is_away_is_told_from_a_user_who_is() {
    let mut repos = MockRepositories::default();
    repos.users.expect_find().returning(|_| Err(StoreError::unavailable(Outage::Unreachable, "no connection")));
    let failed = suspend_idle(&repos.into_store(), &clock(), &caller(&["owner"]), GUEST).await;
    assert!(matches!(failed, Err(SuspendIdleError::Store(StoreError::Unavailable(_)))));

    let mut repos = MockRepositories::default();
    repos.users.expect_find().returning(|_| Ok(None));
    let missing = suspend_idle(&repos.into_store(), &clock(), &caller(&["owner"]), GUEST).await;
    assert!(matches!(missing, Err(SuspendIdleError::NotFound)));
}
