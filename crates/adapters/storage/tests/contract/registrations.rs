use crate::audited::{Walk, origin};
use crate::lost_updates::futures;
use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::oauth2::{
    App, AuthorizationCode, InitialAccessToken, REGISTRATIONS_MAX, RegisteredClient, RegistrationLimits,
};
use doorward_ports::registrations::Idle;
use doorward_ports::{Conflict, Repositories, StoreError};
use doorward_services::oauth2::registration::{RegistrationMode, SentMetadata, reap, register};
use doorward_services::{Context, Settings};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use time::Duration;

/// What is kept of an app that registered itself.
pub(crate) fn registered(app: &App, identity: Option<&str>) -> RegisteredClient {
    RegisteredClient {
        app_id: app.id,
        identity: identity.map(Digest::of),
        shared: false,
        adopted: false,
        metadata: "{}".to_owned(),
        created_from: "192.0.2.1".to_owned(),
        created_at: NOW,
        matched_at: NOW,
        granted_at: None,
        limits: RegistrationLimits { scopes: vec!["user:read".to_owned()], ..RegistrationLimits::default() },
    }
}

/// An app that registered itself, in the store.
fn stored(
    repos: &mut dyn Repositories,
    name: &str,
    change: impl FnOnce(&mut RegisteredClient),
) -> Result<App, StoreError> {
    let app = public_app(name);
    let mut client = registered(&app, Some(name));
    change(&mut client);
    repos.apps().insert(&permit(), &app)?;
    repos.registrations().insert(&permit(), &client)?;
    Ok(app)
}

fn is_there(repos: &mut dyn Repositories, app: &App) -> Result<bool, StoreError> {
    Ok(repos.apps().find(app.id)?.is_some())
}

fn open_to_all(ctx: &Context) -> Context {
    let mut settings = Settings::clone(&ctx.settings);
    settings.oauth2.registration.mode = RegistrationMode::Open;
    Context { settings: Arc::new(settings), ..ctx.clone() }
}

fn metadata(name: &str) -> SentMetadata {
    SentMetadata {
        client_name: Some(name.to_owned()),
        redirect_uris: vec!["http://127.0.0.1/cb".to_owned()],
        token_endpoint_auth_method: Some("none".to_owned()),
        ..SentMetadata::default()
    }
}

/// A token by which clients may be registered.
pub(crate) fn initial_token(name: &str) -> InitialAccessToken {
    InitialAccessToken {
        id: id(),
        name: name.to_owned(),
        prefix: name.to_owned(),
        digest: Digest::of(name),
        created_by: None,
        created_at: NOW,
        expires_at: NOW + Duration::HOUR,
        max_uses: Some(1),
        uses: 0,
        limits: RegistrationLimits {
            organization_id: Some(id()),
            redirect_hosts: vec!["*.app.example".to_owned()],
            auth_methods: vec!["none".to_owned()],
            ..RegistrationLimits::default()
        },
    }
}

contract! {
    async fn a_token_for_registration_is_found_used_and_deleted(db) {
        db.write(|repos| {
            let (one, two) = (initial_token("one"), InitialAccessToken { max_uses: None, ..initial_token("two") });
            repos.initial_tokens().insert(&permit(), &one)?;
            repos.initial_tokens().insert(&permit(), &two)?;
            assert_eq!(repos.initial_tokens().list()?, [one.clone(), two.clone()]);
            assert!(repos.initial_tokens().count_use(&permit(), one.id)?);
            let used = InitialAccessToken { uses: 1, ..one.clone() };
            assert_eq!(repos.initial_tokens().find_by_prefix_for_update("one")?, Some(used));
            assert_eq!(repos.initial_tokens().find_by_prefix_for_update("three")?, None);
            assert!(repos.initial_tokens().delete(&permit(), one.id)?);
            assert!(!repos.initial_tokens().delete(&permit(), one.id)?);
            assert!(!repos.initial_tokens().count_use(&permit(), one.id)?);
            assert_eq!(repos.initial_tokens().list()?, [two]);
            Ok(())
        })
        .await;
        let taken = db.refused(|repos| repos.initial_tokens().insert(&permit(), &initial_token("two"))).await;
        assert!(matches!(taken, StoreError::Conflict(Conflict::Random)), "{taken:?}");
        let purged = |now| move |repos: &mut dyn Repositories| repos.maintenance().purge(&permit(), now, 100);
        let end = NOW + Duration::HOUR + Duration::days(30);
        assert_eq!(db.write(purged(end - Duration::SECOND)).await.of("oauth2_registration_tokens"), 0);
        assert_eq!(db.write(purged(end)).await.of("oauth2_registration_tokens"), 1);
    }

    async fn a_registered_client_is_found_by_its_app_and_by_its_identity(db) {
        db.write(move |repos| {
            let one = stored(repos, "one", |_| ())?;
            let other = stored(repos, "other", |client| client.identity = None)?;
            let (third, by_hand) = (stored(repos, "third", |client| client.identity = None)?, app("by hand"));
            repos.apps().insert(&permit(), &by_hand)?;
            let client = registered(&one, Some("one"));
            assert_eq!(repos.registrations().find(one.id)?, Some(client.clone()));
            assert_eq!(repos.registrations().find_for_update(one.id)?, Some(client.clone()));
            assert_eq!(repos.registrations().find(by_hand.id)?, None);
            let all = [one.id, other.id, third.id, by_hand.id];
            assert_eq!(repos.registrations().among(&all)?, BTreeSet::from([one.id, other.id, third.id]));
            assert_eq!(repos.registrations().among(&[])?, BTreeSet::new());
            assert_eq!(repos.registrations().adopted_among(&all)?, BTreeSet::new());
            let adopted = RegisteredClient { adopted: true, ..registered(&third, None) };
            assert!(repos.registrations().update(&permit(), &adopted)?);
            assert_eq!(repos.registrations().adopted_among(&all)?, BTreeSet::from([third.id]));
            assert_eq!(repos.registrations().adopted_among(&[one.id])?, BTreeSet::new());
            assert_eq!(repos.registrations().find_by_identity_for_update(&Digest::of("one"))?, Some(client.clone()));
            assert_eq!(repos.registrations().find_by_identity_for_update(&Digest::of("other"))?, None);

            let changed = RegisteredClient {
                identity: None,
                shared: true,
                adopted: true,
                metadata: "{\"a\":1}".to_owned(),
                matched_at: NOW + Duration::HOUR,
                // These stay.
                created_from: "198.51.100.1".to_owned(),
                created_at: NOW + Duration::HOUR,
                granted_at: Some(NOW),
                ..client.clone()
            };
            assert!(repos.registrations().update(&permit(), &changed)?);
            let expected = RegisteredClient {
                created_from: client.created_from.clone(),
                created_at: client.created_at,
                granted_at: None,
                ..changed.clone()
            };
            assert_eq!(repos.registrations().find(one.id)?, Some(expected));
            assert!(repos.apps().delete(&permit(), one.id)?);
            assert_eq!(repos.registrations().find(one.id)?, None, "it goes with its app");
            assert!(!repos.registrations().update(&permit(), &changed)?);
            Ok(())
        })
        .await;
    }

    async fn two_clients_are_never_of_one_identity(db) {
        db.write(|repos| stored(repos, "one", |_| ()).map(drop)).await;
        db.refused(|repos| stored(repos, "two", |client| client.identity = Some(Digest::of("one"))).map(drop)).await;
    }

    async fn the_newest_tokens_of_a_client_stay(db) {
        db.write(|repos| {
            let (app, other) = (stored(repos, "one", |_| ())?, stored(repos, "two", |_| ())?);
            let digest = |n: usize| Digest::of(n.to_string());
            for n in 0..REGISTRATIONS_MAX + 3 {
                let at = NOW + Duration::seconds(i64::try_from(n).unwrap());
                repos.registrations().insert_token(&permit(), app.id, &digest(n), at)?;
            }
            repos.registrations().insert_token(&permit(), other.id, &Digest::of("x"), NOW)?;
            assert!(!repos.registrations().has_token(app.id, &digest(2))?);
            assert!(repos.registrations().has_token(app.id, &digest(3))?);
            assert!(!repos.registrations().has_token(other.id, &digest(3))?, "of another client");
            assert_eq!(repos.registrations().delete_token(&permit(), other.id, &digest(3))?, None);
            assert_eq!(repos.registrations().delete_token(&permit(), app.id, &digest(3))?, Some(REGISTRATIONS_MAX - 1));
            assert_eq!(repos.registrations().delete_token(&permit(), app.id, &digest(3))?, None);
            assert_eq!(repos.registrations().delete_token(&permit(), other.id, &Digest::of("x"))?, Some(0));
            Ok(())
        })
        .await;
    }

    async fn new_and_idle_clients_are_counted(db) {
        db.write(|repos| {
            let ann = user("ann");
            repos.users().insert(&permit(), &ann)?;
            let one = stored(repos, "one", |client| client.created_at = NOW - Duration::HOUR)?;
            stored(repos, "two", |client| "198.51.100.1".clone_into(&mut client.created_from))?;
            stored(repos, "three", |_| ())?;
            assert_eq!(repos.registrations().count_new(NOW - Duration::HOUR, "192.0.2.1")?, (2, 1));
            assert_eq!(repos.registrations().count_new(NOW - Duration::DAY, "192.0.2.1")?, (3, 2));
            assert_eq!(repos.registrations().count_idle(NOW, 2)?, 2, "enough");
            assert_eq!(repos.registrations().count_idle(NOW, 9)?, 3);
            let (live, key) = grant(&one, None, &ann);
            repos.grants().insert(&permit(), &live, &key)?;
            assert_eq!(repos.registrations().count_idle(NOW, 9)?, 2);
            assert_eq!(repos.registrations().count_idle(live.refresh_expires_at, 9)?, 3);
            Ok(())
        })
        .await;
    }

    async fn the_oldest_that_nobody_has_used_makes_room(db) {
        db.write(|repos| {
            let ann = user("ann");
            repos.users().insert(&permit(), &ann)?;
            let day_ago = |client: &mut RegisteredClient| client.matched_at = NOW - Duration::DAY;
            let granted = stored(repos, "granted", day_ago)?;
            let (live, key) = grant(&granted, None, &ann);
            repos.grants().insert(&permit(), &live, &key)?;
            let waiting = stored(repos, "waiting", day_ago)?;
            repos.codes().insert(&permit(), &code(&waiting, &ann))?;
            stored(repos, "once", |client| (client.matched_at, client.granted_at) = (NOW - Duration::DAY, Some(NOW)))?;
            stored(repos, "adopted", |client| (client.matched_at, client.adopted) = (NOW - Duration::DAY, true))?;
            stored(repos, "new", |_| ())?;
            assert_eq!(repos.registrations().find_replaceable(NOW, NOW)?, None);
            let old = stored(repos, "old", |client| client.matched_at = NOW - Duration::HOUR)?;
            let older = stored(repos, "older", |client| client.matched_at = NOW - Duration::hours(2))?;
            assert_eq!(repos.registrations().find_replaceable(NOW, NOW)?, Some(older.id));
            assert!(repos.apps().delete(&permit(), older.id)?);
            assert_eq!(repos.registrations().find_replaceable(NOW, NOW)?, Some(old.id));
            Ok(())
        })
        .await;
    }

    async fn clients_go_when_nobody_uses_them_and_not_before(db) {
        db.write(|repos| {
            let ann = user("ann");
            repos.users().insert(&permit(), &ann)?;
            let idle = Idle { now: NOW, idle_since: NOW - Duration::days(30), unused_since: NOW - Duration::days(7) };
            let at = |days: i64| NOW - Duration::days(days);
            let unused = stored(repos, "unused", |client| client.matched_at = at(8))?;
            let ended = stored(repos, "ended", |client| (client.matched_at, client.granted_at) = (at(40), Some(at(31))))?;
            let stay = [
                stored(repos, "seldom", |client| client.matched_at = at(6))?,
                stored(repos, "just ended", |client| (client.matched_at, client.granted_at) = (at(40), Some(at(29))))?,
                stored(repos, "came back", |client| (client.matched_at, client.granted_at) = (at(29), Some(at(31))))?,
                stored(repos, "adopted", |client| (client.matched_at, client.adopted) = (at(90), true))?,
                stored(repos, "granted", |client| client.matched_at = at(90))?,
                stored(repos, "about to be", |client| client.matched_at = at(90))?,
            ];
            let (live, key) = grant(&stay[4], None, &ann);
            repos.grants().insert(&permit(), &live, &key)?;
            let pending = AuthorizationCode { expires_at: NOW + Duration::MINUTE, ..code(&stay[5], &ann) };
            repos.codes().insert(&permit(), &pending)?;
            let by_hand = App { created_at: at(900), ..app("by hand") };
            repos.apps().insert(&permit(), &by_hand)?;

            assert_eq!(repos.registrations().note_grants(&permit(), NOW)?, 1);
            assert_eq!(repos.registrations().find(stay[4].id)?.unwrap().granted_at, Some(NOW));
            let (soon, later) = (NOW + Duration::HOUR, NOW + Duration::HOUR + Duration::SECOND);
            assert_eq!(repos.registrations().note_grants(&permit(), soon)?, 0, "within the hour");
            assert_eq!(repos.registrations().note_grants(&permit(), later)?, 1);

            assert_eq!(repos.registrations().delete_idle(&permit(), &idle, 1)?, 1, "so many at once");
            assert!(!is_there(repos, &ended)?, "those first of which nothing was heard for longest");
            assert_eq!(repos.registrations().delete_idle(&permit(), &idle, 9)?, 1);
            assert!(!is_there(repos, &unused)?);
            for app in stay.iter().chain([&by_hand]) {
                assert!(is_there(repos, app)?, "{}", app.name);
            }
            Ok(())
        })
        .await;
    }

    async fn a_thousand_registrations_at_once_are_one_client(db) {
        let walk = Walk::begin(db).await;
        let ctx = open_to_all(&walk.ctx);
        let ids = Mutex::new(BTreeSet::new());
        futures(1000, async |_| {
            let made = register(&ctx, &origin(), None, metadata("Claude Code")).await.unwrap();
            ids.lock().unwrap().insert(made.app.id);
        })
        .await;
        assert_eq!(ids.lock().unwrap().len(), 1);
        let (apps, idle) = walk.db.read(|repos| Ok((repos.apps().list()?, repos.registrations().count_idle(NOW, 9)?))).await;
        assert_eq!((apps.len(), idle), (1, 1));
        let client = walk.db.read(move |repos| repos.registrations().find(apps[0].id)).await.unwrap();
        assert!(client.shared);
    }

    async fn the_job_removes_what_nobody_uses(db) {
        let walk = Walk::begin(db).await;
        let ctx = open_to_all(&walk.ctx);
        let made = register(&ctx, &origin(), None, metadata("Claude Code")).await.unwrap();
        assert_eq!(reap(&ctx, None).await.unwrap(), 0);
        walk.wait(Duration::days(7) + Duration::SECOND);
        assert_eq!(reap(&ctx, None).await.unwrap(), 1);
        assert!(walk.db.read(move |repos| repos.apps().find(made.app.id)).await.is_none());
    }
}
