use crate::provisioners::provisioner_daemon;
use crate::support::*;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use doorward_domain::oauth2::{AuthorizationCode, Grant};
use doorward_domain::provisioners::{KEPT, ProvisionerDaemon};
use doorward_domain::replays::{ReplayKind, SeenToken};
use doorward_domain::sessions::{ApiKey, PLACE_MEMORY, ThrottlePolicy};
use doorward_ports::maintenance::Purged;
use time::Duration;
use uuid::Uuid;

/// What has so many dead rows here; each of the others that expire has a test beside its queries, which
/// `every_table_that_expires_is_shown_to_be_cleaned` looks for.
const TABLES: [&str; 7] = [
    "oauth2_codes",
    "oauth2_grants",
    "api_keys",
    "signin_throttles",
    "signin_places",
    "seen_tokens",
    "provisioner_daemons",
];

contract! {
    async fn it_answers(db) {
        db.read(|repos| repos.maintenance().ping()).await;
    }

    async fn a_key_of_the_server_is_made_once(db) {
        let other = db.open_again();
        let tasks: Vec<_> = (0..12_u8)
            .map(|n| {
                let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
                tokio::spawn(async move {
                    store.write(move |repos| repos.maintenance().server_key(&permit(), "derivation", &[n; 32], NOW)).await
                })
            })
            .collect();
        let mut keys = Vec::new();
        for task in tasks {
            keys.push(task.await.unwrap().unwrap());
        }
        assert_eq!(keys[0].len(), 32);
        keys.dedup();
        assert_eq!(keys.len(), 1, "all got the same");
        let second = db.write(|repos| repos.maintenance().server_key(&permit(), "other", b"x", NOW)).await;
        assert_eq!(second, b"x");
    }

    async fn the_dead_are_removed_in_batches_and_the_living_are_spared(db) {
        let granted = Granted::in_store(&db).await;
        let second = Duration::SECOND;
        let dead_codes: Vec<AuthorizationCode> =
            (0..5).map(|_| AuthorizationCode { expires_at: NOW, redeemed: Some((NOW, granted.grant.id)), ..code(&granted.app, &granted.user) }).collect();
        let live_code = AuthorizationCode { expires_at: NOW + second, ..code(&granted.app, &granted.user) };
        let mut grants: Vec<(Grant, ApiKey)> = (0..5).map(|_| grant(&granted.app, None, &granted.user)).collect();
        for (grant, _) in &mut grants {
            grant.refresh_expires_at = NOW;
        }
        // Its access token has expired, its refresh token has not; both days are the same.
        let (mut live_grant, mut live_key) = grant(&granted.app, None, &granted.user);
        live_grant.refresh_expires_at = NOW + second;
        live_key.expires_at = NOW - Duration::HOUR;
        let dead_keys: Vec<ApiKey> = (0..5).map(|_| ApiKey { expires_at: NOW, ..session(&granted.user) }).collect();
        let fresh_key = ApiKey { expires_at: NOW + second, ..session(&granted.user) };
        let user = granted.user.id;
        let (survivor, survivor_key) = (live_grant.id, live_key.id.clone());
        db.write(move |repos| {
            dead_codes.iter().chain([&live_code]).try_for_each(|code| repos.codes().replace(&permit(), code))?;
            grants.push((live_grant, live_key));
            grants.iter().try_for_each(|(grant, key)| repos.grants().insert(&permit(), grant, key))?;
            dead_keys.iter().chain([&fresh_key]).try_for_each(|key| repos.api_keys().insert(&permit(), key))?;
            let policy = ThrottlePolicy::ACCOUNT;
            let forgotten: Vec<_> = (0..5).map(|n| (format!("user:{n}"), policy)).collect();
            repos.throttles().record_failure(&permit(), &forgotten, NOW - policy.memory)?;
            let remembered = [("user:9".to_owned(), policy)];
            repos.throttles().record_failure(&permit(), &remembered, NOW - policy.memory + second)?;
            for n in 0..5 {
                repos.throttles().remember_place(&permit(), user, &n.to_string(), NOW - PLACE_MEMORY)?;
            }
            for n in 0..6 {
                let expires_at = if n < 5 { NOW } else { NOW + second };
                let seen = SeenToken::new(ReplayKind::LogoutToken, "issuer", &n.to_string(), expires_at);
                repos.replays().insert(&permit(), &seen)?;
            }
            let place = organization("acme");
            repos.organizations().insert(&permit(), &place)?;
            for n in 0..6 {
                let seen = NOW - KEPT + if n < 5 { Duration::ZERO } else { second };
                let daemon = provisioner_daemon(place.id, Uuid::nil().into(), &n.to_string());
                repos.provisioner_daemons().upsert(&permit(), &ProvisionerDaemon { last_seen_at: seen, ..daemon })?;
            }
            repos.throttles().remember_place(&permit(), user, "9", NOW - PLACE_MEMORY + second)
        })
        .await;
        let mut batches = Vec::new();
        for _ in 0..4 {
            batches.push(db.write(|repos| repos.maintenance().purge(&permit(), NOW, 2)).await);
        }
        let each = |purged: &Purged| (TABLES.map(|table| purged.of(table)), purged.total());
        let found: Vec<_> = batches.iter().map(each).collect();
        assert_eq!(found, [([2; 7], 14), ([2; 7], 14), ([1; 7], 7), ([0; 7], 0)]);
        let left = TABLES.map(|table| db.rows(table));
        assert_eq!(left, [1, 2, 3, 1, 1, 1, 1]);
        let found = db
            .read(move |repos| Ok((repos.grants().find(survivor)?, repos.api_keys().find(&survivor_key)?)))
            .await;
        assert!(found.0.is_some() && found.1.is_some(), "a key whose grant lives is spared");
        let rest = db.write(|repos| repos.maintenance().purge(&permit(), NOW + 60 * Duration::DAY, 100)).await;
        assert_eq!(each(&rest), ([1, 2, 1, 1, 1, 1, 1], 8));
        assert_eq!(db.rows("api_keys"), 0);
    }

    // The product has one list of them, in which a table cannot stand without a test that counts what was removed from it.
    async fn every_table_that_expires_is_shown_to_be_cleaned(db) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract");
        let texts: String = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok())
            .collect();
        let purged = db.write(|repos| repos.maintenance().purge(&permit(), NOW, 2)).await;
        assert!(purged.0.len() > TABLES.len() && purged.total() == 0, "{purged:?}");
        for (table, _) in purged.0 {
            assert!(TABLES.contains(&table) || texts.contains(&format!(".of(\"{table}\")")), "{table}");
        }
    }

    async fn cleaning_while_grants_are_refreshed_removes_none_of_them(db) {
        let granted = Granted::in_store(&db).await;
        let (mut grant, client) = (granted.grant.clone(), granted.client());
        for n in 0..10 {
            let rotation = rotation(client.clone(), &grant, n);
            let (store, expiry) = (db.store.clone(), grant.refresh_expires_at - Duration::MICROSECOND);
            grant.refresh_expires_at = rotation.refresh_expires_at;
            let cleaning = tokio::spawn(async move {
                store.write(move |repos| repos.maintenance().purge(&permit(), expiry, 10)).await
            });
            let rotated = db.store.at_once(move |once| once.rotate(&permit(), &rotation)).await;
            assert!(rotated.unwrap().is_some());
            assert_eq!(cleaning.await.unwrap().unwrap().total(), 0);
        }
    }
}

/// A row that somebody holds is left for the next time, and nobody waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cleaning_passes_over_rows_that_others_hold() {
    let db = Fixture::postgres();
    let ann = user("ann");
    let keys: Vec<ApiKey> = (0..3).map(|_| ApiKey { expires_at: NOW, ..session(&ann) }).collect();
    let held = keys[1].id.clone();
    db.write(move |repos| {
        repos.users().insert(&permit(), &ann)?;
        keys.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))
    })
    .await;
    let mut other = PgConnection::establish(&db.url).unwrap();
    other.batch_execute(&format!("BEGIN; SELECT 1 FROM api_keys WHERE id = '{held}' FOR UPDATE")).unwrap();
    let purge = || db.write(|repos| repos.maintenance().purge(&permit(), NOW, 10));
    assert_eq!(purge().await.of("api_keys"), 2);
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(purge().await.of("api_keys"), 1);
}
