use super::*;
use crate::Settings;
use crate::users::testing::*;
use doorward_domain::Instant;
use doorward_domain::entitlements::{Entitlement, FeatureSet};
use doorward_domain::ids::{ReplicaId, WorkspaceProxyId};
use doorward_domain::licenses::{License, LicenseDraft, LicenseId, LicenseToken};
use doorward_domain::replicas::Replica;
use doorward_ports::changes::{Change, ChangeLog};
use doorward_ports::mocks::{FixedClock, MockRepositories};
use doorward_testkit::licenses::{Signer, draft};
use std::sync::Arc;
use uuid::Uuid;

const DEPLOYMENT: Uuid = Uuid::from_u128(0xD0);

fn license(id: i32, token: &LicenseToken, ends_at: Instant) -> License {
    License { id: LicenseId(id), uuid: Uuid::from_u128(7), uploaded_at: NOW, ends_at, token: token.clone() }
}

/// A context with a clock of its own, whose store has these licences. Read once for each of `readings`.
fn with(licenses: &[LicenseDraft], readings: usize) -> (Context, Arc<FixedClock>, ChangeLog) {
    let signer = Signer::new(1);
    let stored = (1..).zip(licenses).map(|(id, draft)| license(id, &signer.sign(draft), draft.ends_at));
    with_stored(stored.collect(), readings)
}

fn with_stored(stored: Vec<License>, readings: usize) -> (Context, Arc<FixedClock>, ChangeLog) {
    let mut repos = MockRepositories::default();
    repos.licenses.expect_list_live().times(readings).returning(move |_| Ok(stored.clone()));
    repos.licenses.expect_count_active_users().times(readings).returning(|| Ok(5));
    repos.replicas.expect_list_live().times(readings).returning(|_| Ok(Vec::new()));
    let mut settings = settings();
    settings.licensing = serde_json::from_value(Signer::new(1).settings("enforced")).unwrap();
    let (log, clock) = (ChangeLog::default(), Arc::new(FixedClock::at(NOW)));
    let licensing = Licensing::new(&settings.licensing, DEPLOYMENT, log.clone()).unwrap();
    let ctx = Context { licensing, clock: Arc::<FixedClock>::clone(&clock), ..context_with(repos, settings) };
    (ctx, clock, log)
}

fn premium() -> LicenseDraft {
    LicenseDraft { feature_set: FeatureSet::Premium, ..draft(NOW) }
}

#[tokio::test]
async fn without_limits_everything_may_be_used_and_users_are_counted() {
    let mut repos = MockRepositories::default();
    repos.licenses.expect_count_active_users().times(1).returning(|| Ok(5));
    repos.replicas.expect_list_live().times(1).returning(|_| Ok(Vec::new()));
    let ctx = context(repos);
    assert_eq!(ctx.licensing.open(NOW), Features::ALL);
    reload(&ctx).await.unwrap();
    let current = ctx.licensing.current(NOW);
    assert_eq!((current.state(Feature::UserLimit).actual, current.refreshed_at), (Some(5), NOW));
    assert!(!ctx.licensing.warns(NOW) && !current.has_license);
}

fn server(age: i64, proxy_id: Option<WorkspaceProxyId>) -> Replica {
    Replica {
        id: ReplicaId(Uuid::nil()),
        proxy_id,
        created_at: NOW,
        started_at: NOW - Duration::seconds(age),
        stopped_at: None,
        updated_at: NOW,
        hostname: String::new(),
        region_id: 999,
        relay_address: String::new(),
        version: String::new(),
        error: String::new(),
        database_latency: Duration::ZERO,
    }
}

#[tokio::test]
async fn servers_of_the_deployment_count_once_they_have_run_for_a_minute() {
    let of_proxy = server(90, Some(WorkspaceProxyId::NIL));
    for (servers, is_told) in
        [(vec![server(90, None), server(59, None), of_proxy], false), (vec![server(60, None); 2], true)]
    {
        let mut repos = MockRepositories::default();
        repos.licenses.expect_list_live().returning(|_| Ok(Vec::new()));
        repos.licenses.expect_count_active_users().returning(|| Ok(1));
        repos.replicas.expect_list_live().returning(move |_| Ok(servers.clone()));
        let mut settings = settings();
        settings.licensing = serde_json::from_value(Signer::new(1).settings("enforced")).unwrap();
        let licensing = Licensing::new(&settings.licensing, DEPLOYMENT, ChangeLog::default()).unwrap();
        let ctx = Context { licensing, ..context_with(repos, settings) };
        reload(&ctx).await.unwrap();
        let current = ctx.licensing.current(NOW);
        assert_eq!(!current.errors.is_empty(), is_told, "{:?}", current.errors);
    }
}

#[tokio::test]
async fn a_licence_begins_and_ends_by_time_without_a_reading() {
    let later = LicenseDraft {
        starts_at: NOW + Duration::DAY,
        paid_until: NOW + Duration::days(40),
        ends_at: NOW + Duration::days(50),
        ..premium()
    };
    let (ctx, _clock, _log) = with(&[later], 1);
    reload(&ctx).await.unwrap();
    let at = |days: i64| NOW + Duration::days(days);
    assert!(!ctx.licensing.allows(Feature::Scim, NOW) || !ctx.licensing.allows(Feature::CustomRoles, NOW));
    assert!(!ctx.licensing.allows(Feature::TemplateRbac, at(1) - Duration::SECOND));
    assert!(ctx.licensing.allows(Feature::TemplateRbac, at(1)));
    assert!(!ctx.licensing.warns(at(2)) && ctx.licensing.warns(at(20)), "the end is near");
    assert!(ctx.licensing.allows(Feature::TemplateRbac, at(45)));
    assert_eq!(ctx.licensing.current(at(45)).state(Feature::TemplateRbac).entitlement, Entitlement::GracePeriod);
    assert!(!ctx.licensing.allows(Feature::TemplateRbac, at(50)));
    assert!(!ctx.licensing.open(at(51)).contains(Feature::CustomRoles));
    assert_eq!(ctx.licensing.current(at(51)).refreshed_at, NOW, "nothing was read for it");
}

#[tokio::test]
async fn a_refresh_waits_a_minute() {
    let (ctx, clock, _log) = with(&[premium()], 2);
    let owner = owner().build();
    reload(&ctx).await.unwrap();
    clock.advance(Duration::milliseconds(18_500));
    assert_eq!(refresh(&ctx, &owner).await.unwrap(), Refresh::TooSoon(Duration::milliseconds(41_500)));
    clock.advance(Duration::MINUTE);
    let mut wakes = ctx.bus.subscribe(TOPIC);
    assert_eq!(refresh(&ctx, &owner).await.unwrap(), Refresh::Done);
    wakes.next().await;
    assert_eq!(refresh(&ctx, &owner).await.unwrap(), Refresh::TooSoon(PAUSE));
}

#[tokio::test]
async fn what_was_reported_is_read_anew() {
    let (ctx, _clock, log) = with(&[premium()], 1);
    reload(&ctx).await.unwrap();
    assert!(!ctx.licensing.may_have_changed());
    log.report(&[Change::CryptoKeys]);
    assert!(!ctx.licensing.may_have_changed());
    log.report(&[Change::Licenses]);
    assert!(ctx.licensing.may_have_changed());
}

#[tokio::test]
async fn a_licence_of_a_key_that_is_no_longer_trusted_gives_nothing_and_is_told() {
    let (ctx, _clock, log) = with(&[premium()], 1);
    let other: LicensingSettings = serde_json::from_value(Signer::new(2).settings("enforced")).unwrap();
    let ctx = Context { licensing: Licensing::new(&other, DEPLOYMENT, log).unwrap(), ..ctx };
    reload(&ctx).await.unwrap();
    let current = ctx.licensing.current(NOW);
    assert!(!current.has_license && current.errors[0].contains(&Uuid::from_u128(7).to_string()), "{current:?}");
}

#[tokio::test]
async fn without_a_licence_for_it_the_log_is_not_written_and_quotas_do_not_limit() {
    let (ctx, _clock, _log) = with(&[], 1);
    reload(&ctx).await.unwrap();
    // The mock of the log would panic.
    ctx.act(&owner().build(), |deed| Ok::<_, Error>(deed.made(&bob())?.answer(()))).await.unwrap();
    assert!(!ctx.licensing.allows(Feature::TemplateRbac, NOW));
}

#[tokio::test]
async fn a_licence_that_wants_telemetry_opens_nothing_from_the_start() {
    let token = Signer::new(1).sign_with(&premium(), &serde_json::json!({ "require_telemetry": true }));
    let (ctx, _clock, _log) = with_stored(vec![license(1, &token, NOW + Duration::DAY)], 2);
    for _ in 0..2 {
        reload(&ctx).await.unwrap();
        assert!(!ctx.licensing.allows(Feature::TemplateRbac, NOW) && !ctx.licensing.allows(Feature::CustomRoles, NOW));
        let current = ctx.licensing.current(NOW);
        assert!(!current.has_license && current.errors[0].contains("telemetry"), "{current:?}");
    }
}

#[tokio::test]
async fn browsers_are_the_only_way_to_workspaces_when_the_settings_say_so() {
    for browser_only in [false, true] {
        let (ctx, ..) = with(&[premium()], 1);
        let mut settings = Settings::clone(&ctx.settings);
        settings.workspaces.browser_only = browser_only;
        let ctx = Context { settings: Arc::new(settings), ..ctx };
        reload(&ctx).await.unwrap();
        let state = ctx.licensing.current(NOW).state(Feature::BrowserOnly);
        assert_eq!((state.entitlement, state.enabled), (Entitlement::Entitled, browser_only));
    }
}
