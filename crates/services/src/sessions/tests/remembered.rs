//! What is remembered between requests, and for how long.

use crate::Principal;
use crate::SubjectCache;
use crate::context::Context;
use crate::error::Error;
use crate::principal::Account;
use crate::sessions::authenticate;
use crate::users::testing::*;
use doorward_domain::Digest;
use doorward_domain::ids::{AppId, GroupId, OrganizationId};
use doorward_domain::oauth2::{Resource, Scopes};
use doorward_domain::sessions::{ApiKey, OAuth2Binding};
use doorward_domain::users::{User, UserStatus};
use doorward_ports::changes::{Change, ChangeLog};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::sessions::{AppLimits, KeyOwner};
use doorward_ports::{Outage, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

const GROUP: GroupId = GroupId(Uuid::from_u128(0x6));

/// A context that remembers, with the log that it heeds and the number of reads.
fn remembering(
    mut owner: impl FnMut(usize) -> Option<KeyOwner> + Send + 'static,
) -> (Context, ChangeLog, Arc<AtomicUsize>) {
    let (log, reads) = (ChangeLog::default(), Arc::new(AtomicUsize::new(0)));
    log.extend_lease(Instant::now() + Duration::from_mins(10));
    let mut repos = MockRepositories::default();
    let counter = Arc::clone(&reads);
    repos.api_keys.expect_find_owner().returning(move |_| Ok(owner(counter.fetch_add(1, Ordering::SeqCst))));
    let ctx = Context { cache: SubjectCache::new(log.clone(), 100), ..context(repos) };
    (ctx, log, reads)
}

fn ann_as(key: ApiKey) -> KeyOwner {
    let (memberships, groups) = (vec![membership(ANN)], vec![GROUP]);
    KeyOwner { key, user: ann(), memberships, default_roles: Vec::new(), groups, app: None }
}

async fn present(ctx: &Context) -> Result<Principal, Error> {
    authenticate(ctx, TOKEN, &origin()).await
}

#[tokio::test]
async fn a_subject_is_read_once_and_again_after_each_change_that_concerns_it() {
    let audience = Some(Resource::parse("https://door.example").unwrap());
    let app_id = AppId(Uuid::from_u128(0xABC));
    let slides_until = NOW + time::Duration::DAY;
    let binding =
        OAuth2Binding { jkt: None, app_id, grant_id: None, secret_id: None, audience, slides_until, unused: false };
    let bound = ApiKey { oauth2: Some(binding), ..key(ANN) };
    let (ctx, log, reads) = remembering(move |_| Some(ann_as(bound.clone())));
    for _ in 0..3 {
        let actor = present(&ctx).await.unwrap();
        let Account { user, memberships, .. } = actor.account().unwrap();
        assert_eq!((&**user, memberships.len()), (&ann(), 1));
    }
    assert_eq!((reads.load(Ordering::SeqCst), ctx.cache.hits(), ctx.cache.misses()), (1, 2, 1));
    let concerned = [
        Change::User(ANN),
        Change::Key(key(ANN).id),
        Change::App(app_id),
        Change::Group(GROUP),
        Change::Organization(ORGANIZATION),
        Change::Everything,
    ];
    for (n, change) in concerned.into_iter().enumerate() {
        log.report(std::slice::from_ref(&change));
        for _ in 0..2 {
            present(&ctx).await.unwrap();
        }
        assert_eq!(reads.load(Ordering::SeqCst), n + 2, "{change:?}");
    }
    // Of many others, some share a place with what concerns it; most do not.
    let before = reads.load(Ordering::SeqCst);
    for n in 0..100 {
        log.report(&[Change::User(BOB), Change::Organization(OrganizationId(Uuid::from_u128(1000 + n)))]);
        present(&ctx).await.unwrap();
    }
    assert!(reads.load(Ordering::SeqCst) - before < 10);
}

/// The request reads the old rows, the change commits and is reported, the request goes on.
#[tokio::test]
async fn what_changes_while_it_is_read_is_not_remembered() {
    let log = Arc::new(std::sync::Mutex::new(None::<ChangeLog>));
    let reporting = Arc::clone(&log);
    let (ctx, changes, reads) = remembering(move |n| {
        if n == 0 {
            reporting.lock().unwrap().as_ref().unwrap().report(&[Change::User(ANN)]);
        }
        Some(KeyOwner { user: User { name: format!("read {n}").parse().unwrap(), ..ann() }, ..ann_as(key(ANN)) })
    });
    *log.lock().unwrap() = Some(changes);
    let mut names = Vec::new();
    for _ in 0..3 {
        names.push(present(&ctx).await.unwrap().account().unwrap().user.name.clone());
    }
    assert_eq!(names, ["read 0", "read 1", "read 1"]);
    assert_eq!(reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn nothing_is_remembered_while_nobody_vouches_for_it() {
    let (ctx, log, reads) = remembering(|_| Some(ann_as(key(ANN))));
    log.revoke_lease();
    for _ in 0..2 {
        present(&ctx).await.unwrap();
    }
    assert_eq!(reads.load(Ordering::SeqCst), 2);
    log.extend_lease(Instant::now() + Duration::from_mins(10));
    for _ in 0..2 {
        present(&ctx).await.unwrap();
    }
    assert_eq!(reads.load(Ordering::SeqCst), 3, "what was read before the promise is not used");
    // A promise that ends and comes back while a request reads.
    log.revoke_lease();
    log.extend_lease(Instant::now() + Duration::from_mins(10));
    present(&ctx).await.unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn refusals_are_neither_remembered_nor_made_from_memory() {
    let old = ApiKey { secret_digest: Digest::of("an older secret"), ..key(ANN) };
    let (ctx, _, reads) = remembering(move |n| match n {
        0 => None,
        1 => Some(ann_as(old.clone())),
        2 => Some(KeyOwner { user: User { status: UserStatus::Suspended, ..ann() }, ..ann_as(key(ANN)) }),
        3 => Some(ann_as(ApiKey { expires_at: NOW, ..key(ANN) })),
        _ => Some(ann_as(key(ANN))),
    });
    for _ in 0..4 {
        assert!(matches!(present(&ctx).await, Err(Error::Unauthenticated { .. })));
    }
    assert!(present(&ctx).await.is_ok() && present(&ctx).await.is_ok());
    assert_eq!(reads.load(Ordering::SeqCst), 5);
    // Another secret than the remembered one may be a newer one, so the store is asked; it is not.
    let other = TOKEN.replace("abc", "xyz");
    assert!(authenticate(&ctx, &other, &origin()).await.is_err());
    assert_eq!(reads.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn the_first_use_of_an_access_token_is_noted_once_and_costs_no_call() {
    let slides_until = NOW + time::Duration::DAY;
    let binding = |unused| OAuth2Binding {
        jkt: None,
        app_id: AppId(Uuid::from_u128(0xABC)),
        grant_id: None,
        secret_id: None,
        audience: None,
        slides_until,
        unused,
    };
    for unused in [true, false] {
        let fresh = ApiKey { oauth2: Some(binding(unused)), ..key(ANN) };
        let owner = fresh.clone();
        let (ctx, _log, reads) = remembering(move |_| Some(ann_as(owner.clone())));
        let noted = if unused { vec![(fresh.id.clone(), fresh.secret_digest)] } else { Vec::new() };
        present(&ctx).await.unwrap();
        assert_eq!(ctx.cache.noted_uses(), noted);
        ctx.cache.forget_uses(&noted);
        present(&ctx).await.unwrap();
        assert!(ctx.cache.noted_uses().is_empty(), "what was noted is not noted again");
        assert_eq!(reads.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_token_of_an_app_can_do_no_more_than_the_app_may_now() {
    let limits = |scopes: Option<&str>, resource: Option<&str>| AppLimits {
        scopes: scopes.map(Scopes::from_storage),
        resources: resource.map(|text| vec![Resource::parse(text).unwrap()]),
    };
    let bound = |app: AppLimits| {
        let binding = OAuth2Binding {
            jkt: None,
            app_id: AppId(Uuid::from_u128(0xABC)),
            grant_id: None,
            secret_id: None,
            audience: None,
            slides_until: NOW + time::Duration::DAY,
            unused: false,
        };
        let key = ApiKey { oauth2: Some(binding), scopes: Scopes::all(), ..key(ANN) };
        remembering(move |_| Some(KeyOwner { app: Some(app.clone()), ..ann_as(key.clone()) })).0
    };
    let unlimited = present(&bound(limits(None, None))).await.unwrap();
    assert_eq!(unlimited.account().unwrap().key.scopes, Scopes::all());
    let narrowed = present(&bound(limits(Some("user:read"), Some("https://door.example/")))).await.unwrap();
    assert_eq!(narrowed.account().unwrap().key.scopes.to_string(), "user:read");
    assert!(present(&bound(limits(None, Some("https://other.example")))).await.is_err());
}

/// A context with a database that is away from the second read on.
fn with_an_outage(stale_for: Duration, outage: Outage) -> (Context, ChangeLog) {
    let log = ChangeLog::default();
    log.extend_lease(Instant::now() + Duration::from_mins(10));
    let mut repos = MockRepositories::default();
    let mut reads = 0;
    repos.api_keys.expect_find_owner().returning(move |_| {
        reads += 1;
        if reads == 1 { Ok(Some(ann_as(key(ANN)))) } else { Err(StoreError::unavailable(outage, "away")) }
    });
    (Context { cache: SubjectCache::serving_stale(log.clone(), 100, stale_for), ..context(repos) }, log)
}

#[tokio::test]
async fn while_the_database_is_away_what_is_remembered_is_used_as_long_as_is_set() {
    let (ctx, log) = with_an_outage(Duration::from_mins(1), Outage::Unreachable);
    present(&ctx).await.unwrap();
    log.revoke_lease();
    for _ in 0..3 {
        present(&ctx).await.unwrap();
    }
    let other = TOKEN.replace("abc", "xyz");
    let unknown = authenticate(&ctx, &other, &origin()).await;
    assert!(matches!(unknown, Err(Error::Unavailable { .. })), "another secret lets nobody in: {unknown:?}");
    log.report(&[Change::User(ANN)]);
    let revoked = present(&ctx).await;
    assert!(matches!(revoked, Err(Error::Unavailable { .. })), "a known change ends it: {revoked:?}");
}

#[tokio::test]
async fn nothing_stale_is_used_by_default_nor_while_the_database_is_there() {
    for (stale_for, outage) in [
        (Duration::ZERO, Outage::Unreachable),
        (Duration::ZERO, Outage::Silent),
        (Duration::from_mins(1), Outage::Overloaded),
        (Duration::from_mins(1), Outage::Conflict),
    ] {
        let (ctx, log) = with_an_outage(stale_for, outage);
        present(&ctx).await.unwrap();
        log.revoke_lease();
        let refused = present(&ctx).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{stale_for:?} {outage:?} {refused:?}");
    }
}
