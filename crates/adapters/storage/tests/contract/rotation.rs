use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::oauth2::{App, Authorization, ClientType, ExchangedTokens, Grant};
use doorward_domain::sessions::ApiKey;
use doorward_ports::Store;
use doorward_ports::oauth2::{ClientCredentials, IntrospectionQuery, Rotated, Rotation};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use time::Duration;

async fn rotate(store: &Store, rotation: Rotation) -> Option<Rotated> {
    store.at_once(move |once| once.rotate(&permit(), &rotation)).await.unwrap()
}

contract! {
    async fn a_refresh_token_is_exchanged(db) {
        let granted = Granted::in_store(&db).await;
        let mut grant = granted.grant.clone();
        let key = granted.key.id.clone();
        db.write(move |repos| repos.grants().narrow_access(&permit(), &key, &scopes("user:read"))).await;
        // More often than a database plans a statement anew, and than exchanged tokens are remembered.
        for n in 0..12 {
            let asked = rotation(granted.client(), &grant, n);
            let rotated = rotate(&db.store, asked.clone()).await;
            assert_eq!(
                rotated,
                Some(Rotated {
                    grant_id: grant.id,
                    access_key_id: granted.key.id.clone(),
                    scopes: grant.authorization.scopes.clone(),
                    secret: Some((granted.secret.id, None)),
                    resource: None,
                })
            );
            grant.refresh_digest = asked.next;
            grant.refresh_expires_at = asked.refresh_expires_at;
            grant.access_expires_at = asked.access_expires_at;
            grant.exchanged.push(asked.presented, asked.now);
            grant.generation += 1;
            let (id, key) = (grant.id, granted.key.id.clone());
            let (found, key) = db.read(move |repos| Ok((repos.grants().find(id)?, repos.api_keys().find(&key)?))).await;
            assert_eq!(found.as_ref(), Some(&grant));
            let expected = ApiKey {
                secret_digest: asked.next_access,
                created_at: asked.now,
                updated_at: asked.now,
                expires_at: asked.access_expires_at,
                lifetime_seconds: asked.access_lifetime_seconds,
                oauth2: granted.key.oauth2.clone().map(|binding| doorward_domain::sessions::OAuth2Binding {
                    slides_until: asked.refresh_expires_at,
                    unused: true,
                    ..binding
                }),
                ..granted.key.clone()
            };
            assert_eq!(key, Some(expected));
        }
        assert_eq!(grant.exchanged.to_bytes().len(), ExchangedTokens::MAX * ExchangedTokens::ENTRY_LEN);
        assert_eq!(rotate(&db.store, rotation(granted.client(), &grant, 3)).await, None, "an old one");
    }

    async fn a_grant_of_a_device_has_a_lifetime_of_its_own(db) {
        let granted = Granted::in_store(&db).await;
        let (grant, key) = grant(&granted.app, Some(&granted.secret), &granted.user);
        let grant = Grant { is_device: true, ..grant };
        let (stored, key_id) = (grant.clone(), key.id.clone());
        db.write(move |repos| repos.grants().insert(&permit(), &stored, &key)).await;
        let asked = rotation(granted.client(), &grant, 0);
        assert!(rotate(&db.store, asked.clone()).await.is_some());
        let id = grant.id;
        let (found, key) = db.read(move |repos| Ok((repos.grants().find(id)?, repos.api_keys().find(&key_id)?))).await;
        let found = found.unwrap();
        assert_eq!((found.is_device, found.refresh_expires_at), (true, asked.device_refresh_expires_at));
        assert_eq!(key.unwrap().oauth2.unwrap().slides_until, asked.device_refresh_expires_at);
    }

    async fn a_public_client_proves_itself_by_the_token_alone(db) {
        let (ann, public) = (user("ann"), public_app("cli"));
        let (grant, key) = grant(&public, None, &ann);
        let stored = (ann, public.clone(), grant.clone(), key);
        db.write(move |repos| {
            let (ann, public, grant, key) = stored;
            repos.users().insert(&permit(), &ann)?;
            repos.apps().insert(&permit(), &public)?;
            repos.grants().insert(&permit(), &grant, &key)
        })
        .await;
        let secret = Some(("x".to_owned(), Digest::of("x")));
        let pretender = ClientCredentials { app_id: public.id, secret, by_key: false };
        assert_eq!(rotate(&db.store, rotation(pretender, &grant, 0)).await, None);
        let rotated = rotate(&db.store, rotation(public_client(public.id), &grant, 0)).await.unwrap();
        assert_eq!(rotated.secret, None);
    }

    async fn a_client_with_keys_proves_itself_by_one_and_a_grant_given_for_a_key_asks_for_one(db) {
        for (client_type, was_by_key, without) in [
            (ClientType::Keyed, false, false),
            (ClientType::Keyed, true, false),
            (ClientType::Public, true, false),
            (ClientType::Public, false, true),
            (ClientType::Confidential, false, false),
        ] {
            let keyed = App { client_type, ..app("keyed") };
            let ann = user(&format!("{}-{was_by_key}", client_type.as_str()));
            let (grant, key) = grant(&keyed, None, &ann);
            let grant = Grant { by_key: was_by_key, ..grant };
            let stored = (ann, keyed.clone(), grant.clone(), key);
            db.write(move |repos| {
                let (ann, keyed, grant, key) = stored;
                repos.users().insert(&permit(), &ann)?;
                repos.apps().insert(&permit(), &keyed)?;
                repos.grants().insert(&permit(), &grant, &key)
            })
            .await;
            let found = grant.id;
            assert_eq!(db.read(move |repos| repos.grants().find(found)).await.unwrap().by_key, was_by_key);
            let client = |by_key| ClientCredentials { by_key, ..public_client(keyed.id) };
            let first = rotate(&db.store, rotation(client(false), &grant, 0)).await;
            assert_eq!(first.is_some(), without, "{client_type:?} {was_by_key}");
            if !without {
                let second = rotate(&db.store, rotation(client(true), &grant, 0)).await;
                assert_eq!(second.is_some(), client_type != ClientType::Confidential, "{client_type:?}");
            }
        }
    }

    async fn what_does_not_hold_is_refused_without_a_trace(db) {
        let granted = Granted::in_store(&db).await;
        let other = Granted::in_store(&db).await;
        let good = rotation(granted.client(), &granted.grant, 0);
        let expiry = granted.grant.refresh_expires_at;
        let wrong = ClientCredentials {
            secret: Some((granted.secret.prefix.clone(), Digest::of("wrong"))),
            ..granted.client()
        };
        let borrowed = ClientCredentials { secret: other.client().secret, ..granted.client() };
        for bad in [
            Rotation { client: public_client(granted.app.id), ..good.clone() },
            Rotation { client: wrong, ..good.clone() },
            Rotation { client: borrowed, ..good.clone() },
            Rotation { client: other.client(), ..good.clone() },
            Rotation { prefix: "nothing".to_owned(), ..good.clone() },
            Rotation { prefix: other.grant.refresh_prefix.clone(), ..good.clone() },
            Rotation { presented: Digest::of("invented"), ..good.clone() },
            Rotation { now: expiry, ..good.clone() },
        ] {
            assert_eq!(rotate(&db.store, bad.clone()).await, None, "{bad:?}");
        }
        for (spoil, mend) in [
            ("UPDATE users SET status = 'suspended'", "UPDATE users SET status = 'active'"),
            ("UPDATE users SET deleted = NOT deleted", "UPDATE users SET deleted = NOT deleted"),
        ] {
            db.execute(spoil);
            assert_eq!(rotate(&db.store, good.clone()).await, None, "{spoil}");
            db.execute(mend);
        }
        let (id, key) = (granted.grant.id, granted.key.id.clone());
        let found = db.read(move |repos| Ok((repos.grants().find(id)?, repos.api_keys().find(&key)?))).await;
        assert_eq!(found, (Some(granted.grant), Some(granted.key)));
        assert!(rotate(&db.store, good).await.is_some());
    }

    async fn of_many_at_once_on_two_servers_exactly_one_gets_it(db) {
        let granted = Granted::in_store(&db).await;
        let other = db.open_again();
        for round in 0..10 {
            let tasks: Vec<_> = (0..32)
                .map(|n| {
                    let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
                    let rotation = rotation(granted.client(), &granted.grant, round);
                    tokio::spawn(async move { rotate(&store, rotation).await.is_some() })
                })
                .collect();
            let mut winners = 0;
            for task in tasks {
                winners += u32::from(task.await.unwrap());
            }
            assert_eq!(winners, 1, "round {round}");
        }
        let id = granted.grant.id;
        let found = db.read(move |repos| repos.grants().find(id)).await.unwrap();
        assert_eq!((found.generation, found.refresh_digest), (10, Digest::of("refresh 10")));
    }

    async fn a_grant_deleted_during_rotations_never_comes_back(db) {
        let other = db.open_again();
        for round in 0..12 {
            let granted = Granted::in_store(&db).await;
            let stop = Arc::new(AtomicBool::new(false));
            let rotators: Vec<_> = (0..4)
                .map(|n| {
                    let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
                    let (stop, client, grant) = (Arc::clone(&stop), granted.client(), granted.grant.clone());
                    tokio::spawn(rotate_until(store, stop, client, grant))
                })
                .collect();
            tokio::task::yield_now().await;
            let (id, key, user, app) = (granted.grant.id, granted.key.id.clone(), granted.user.id, granted.app.id);
            let secret = granted.secret.id;
            db.write(move |repos| {
                match round % 6 {
                    0 => repos.grants().delete(&permit(), id)?,
                    1 => repos.api_keys().delete(&permit(), &key)?,
                    2 => repos.grants().delete_of_user_and_app(&permit(), user, app)? > 0,
                    3 => repos.apps().delete_secret(&permit(), secret)?,
                    4 => repos.users().delete(&permit(), user, NOW)?,
                    _ => repos.apps().delete(&permit(), app)?,
                };
                Ok(())
            })
            .await;
            stop.store(true, Ordering::Relaxed);
            for rotator in rotators {
                rotator.await.unwrap();
            }
            assert_eq!((db.rows("oauth2_grants"), db.rows("api_keys")), (0, 0), "round {round}");
        }
    }
}

async fn rotate_until(store: Store, stop: Arc<AtomicBool>, client: ClientCredentials, grant: Grant) {
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let next = Rotation { refresh_expires_at: NOW + 60 * Duration::DAY, ..rotation(client.clone(), &grant, n) };
        // Whoever loses a round goes on with the next, as all know what it would be.
        rotate(&store, next).await;
        n += 1;
    }
}

contract! {
    async fn a_grant_whose_app_was_changed_is_looked_at_before_it_is_exchanged(db) {
        let granted = Granted::in_store(&db).await;
        let good = rotation(granted.client(), &granted.grant, 0);
        let (app, id) = (granted.app.clone(), granted.grant.id);
        db.write(move |repos| repos.apps().update(&permit(), &app)).await;
        assert_eq!(rotate(&db.store, good.clone()).await, None);
        let left = scopes("user:read");
        let stored = left.clone();
        db.write(move |repos| repos.grants().reconcile(&permit(), id, &stored, 1)).await;
        let rotated = rotate(&db.store, good).await.unwrap();
        assert_eq!(rotated.scopes, left);
        let key = granted.key.id.clone();
        let (grant, key) = db.read(move |repos| Ok((repos.grants().find(id)?, repos.api_keys().find(&key)?))).await;
        assert_eq!((grant.unwrap().app_revision, key.unwrap().scopes), (1, left));
    }

    async fn a_grant_is_exchanged_by_the_key_to_which_it_is_bound_and_bound_to_the_one_that_is_proved(db) {
        let granted = Granted::in_store(&db).await;
        let (id, key) = (granted.grant.id, granted.key.id.clone());
        let mut grant = granted.grant.clone();
        let steps = [(None, None), (None, Some('A')), (Some('A'), Some('A')), (Some('A'), Some('I')), (Some('I'), None), (None, None)];
        for (n, (held, next)) in (0_i64..).zip(steps) {
            let asked = Rotation { jkt: next.map(jkt), ..rotation(granted.client(), &grant, n) };
            for wrong in [None, Some('A'), Some('I'), Some('E')].into_iter().filter(|wrong| *wrong != held) {
                let asked = Rotation { bound_to: wrong.map(jkt), ..asked.clone() };
                assert_eq!(rotate(&db.store, asked).await, None, "{held:?} {wrong:?}");
            }
            let asked = Rotation { bound_to: held.map(jkt), ..asked };
            assert!(rotate(&db.store, asked.clone()).await.is_some(), "{held:?}");
            grant.refresh_digest = asked.next;
            let key = key.clone();
            let (found, key) = db.read(move |repos| Ok((repos.grants().find(id)?, repos.api_keys().find(&key)?))).await;
            assert_eq!((found.unwrap().jkt, key.unwrap().jkt()), (next.map(jkt), next.map(jkt).as_ref()));
        }
    }

    async fn the_resource_of_a_grant_must_be_among_those_of_the_server(db) {
        let granted = Granted::in_store(&db).await;
        let resource = |text: &str| doorward_domain::oauth2::Resource::from_storage(text.to_owned());
        let (bound, key) = grant(&granted.app, None, &granted.user);
        let authorization =
            Authorization { resource: Some(resource("https://a.example")), ..bound.authorization.clone() };
        let bound = Grant { authorization, ..bound };
        let stored = bound.clone();
        db.write(move |repos| repos.grants().insert(&permit(), &stored, &key)).await;
        let among = |grant: &Grant, list: &[&str]| Rotation {
            resources: Some(list.iter().map(|text| resource(text)).collect()),
            ..rotation(granted.client(), grant, 0)
        };
        assert_eq!(rotate(&db.store, among(&bound, &[])).await, None);
        assert_eq!(rotate(&db.store, among(&bound, &["https://b.example", "https://a.example/"])).await, None);
        assert!(rotate(&db.store, among(&bound, &["https://b.example", "https://a.example"])).await.is_some());
        assert_eq!(rotate(&db.store, among(&granted.grant, &["https://a.example"])).await, None, "for this server");
    }

    async fn an_access_token_is_unused_from_its_exchange_to_its_use(db) {
        let granted = Granted::in_store(&db).await;
        let client = granted.client();
        let is_unused = async || {
            let id = granted.key.id.clone();
            db.read(move |repos| repos.api_keys().find(&id)).await.unwrap().is_unused()
        };
        let mark = async |digest: Digest| {
            let uses = vec![(granted.key.id.clone(), digest), (key_id(), Digest::of("gone"))];
            let done = db.store.at_once(move |once| once.mark_used(&permit(), &uses)).await;
            let done: Result<(), doorward_ports::StoreError> = done;
            done.unwrap();
        };
        assert!(!is_unused().await, "the first pair of a grant came of no exchange");
        let first = rotation(client.clone(), &granted.grant, 0);
        assert!(rotate(&db.store, first.clone()).await.is_some());
        let (id, digest) = (granted.key.id.clone(), first.next_access);
        let query = IntrospectionQuery { client, token: Some((id, digest)), now: NOW };
        let facts = db.read(move |repos| repos.grants().introspect_access(&query)).await;
        assert!(facts.unwrap().token.unwrap().unused);
        assert!(is_unused().await);
        mark(Digest::of("access 0")).await;
        assert!(is_unused().await, "another secret was used");
        mark(first.next_access).await;
        assert!(!is_unused().await);
        let grant = Grant { refresh_digest: first.next, ..granted.grant.clone() };
        assert!(rotate(&db.store, rotation(granted.client(), &grant, 1)).await.is_some());
        assert!(is_unused().await);
        // The hourly note of a use says so, too.
        let id = granted.key.id.clone();
        db.write(move |repos| {
            let key = repos.api_keys().find(&id)?.unwrap();
            let refresh = doorward_domain::sessions::KeyRefresh { last_used: Some(NOW), expires_at: key.expires_at };
            repos.api_keys().refresh(&permit(), &key, refresh, "", NOW)
        })
        .await;
        assert!(!is_unused().await);
    }

    async fn the_life_of_the_live_access_token_begins_anew(db) {
        let granted = Granted::in_store(&db).await;
        let first = rotation(granted.client(), &granted.grant, 0);
        assert!(rotate(&db.store, first.clone()).await.is_some());
        let at = NOW + Duration::days(1);
        let renewal = |live: Digest| doorward_ports::oauth2::Renewal {
            grant_id: granted.grant.id,
            live,
            now: at,
            access_expires_at: at + Duration::HOUR,
            access_lifetime_seconds: 3600,
        };
        let (stale, good, id) = (renewal(first.presented), renewal(first.next), granted.key.id.clone());
        let (refused, renewed, key) = db
            .write(move |repos| {
                let grants = repos.grants();
                let refused = grants.renew_access(&permit(), &stale)?;
                Ok((refused, grants.renew_access(&permit(), &good)?, repos.api_keys().find(&id)?.unwrap()))
            })
            .await;
        assert_eq!((refused, renewed), (false, true));
        assert_eq!((key.created_at, key.expires_at, key.lifetime_seconds), (at, at + Duration::HOUR, 3600));
        assert!(key.secret_digest == first.next_access && key.is_unused());
        let id = granted.grant.id;
        let grant = db.read(move |repos| repos.grants().find(id)).await.unwrap();
        assert_eq!((grant.access_expires_at, grant.refresh_digest), (at + Duration::HOUR, first.next));
    }
}
