use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::ids::{AppId, GrantId, UserId};
use doorward_domain::oauth2::{Authorization, ExchangedTokens, Grant, Resource};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::oauth2::{ClientCredentials, ClientToken, Introspection, IntrospectionQuery, TokenFacts};
use doorward_ports::sessions::AppLimits;
use doorward_ports::{Conflict, StoreError};
use time::Duration;

fn resource(text: &str) -> Resource {
    Resource::from_storage(text.to_owned())
}

contract! {
    async fn every_field_of_a_grant_is_kept(db) {
        let granted = Granted::in_store(&db).await;
        let mut exchanged = ExchangedTokens::default();
        exchanged.push(Digest::of("a"), NOW);
        exchanged.push(Digest::of("b"), NOW + Duration::SECOND);
        let (plain, key) = grant(&granted.app, None, &granted.user);
        let authorization =
            Authorization { resource: Some(resource("https://mcp.example/")), ..plain.authorization.clone() };
        let full = Grant { authorization, exchanged, generation: 7, jkt: Some(jkt('A')), ..plain };
        let expected = Some(full.clone());
        let found = db
            .write(move |repos| {
                let grants = repos.grants();
                grants.insert(&permit(), &full, &key)?;
                Ok([
                    grants.find(full.id)?,
                    grants.find_by_prefix(&full.refresh_prefix)?,
                    grants.find(GrantId::NIL)?,
                    grants.find_by_prefix("")?,
                ])
            })
            .await;
        assert_eq!(found, [expected.clone(), expected, None, None]);
        assert_eq!(db.read(|repos| repos.maintenance().count_grants()).await, 2);
    }

    async fn ids_and_prefixes_are_unique_and_a_refused_grant_leaves_nothing(db) {
        let granted = Granted::in_store(&db).await;
        let new = || grant(&granted.app, None, &granted.user);
        let (same_id, same_prefix, same_key) = (new(), new(), new());
        let of = |(fresh, key): (Grant, ApiKey), change: fn(&mut Grant, &Grant)| {
            let mut fresh = fresh;
            change(&mut fresh, &granted.grant);
            let mut key = key;
            key.oauth2.as_mut().unwrap().grant_id = Some(fresh.id);
            (fresh, key)
        };
        let same_id = of(same_id, |fresh, old| fresh.id = old.id);
        let same_prefix = of(same_prefix, |fresh, old| fresh.refresh_prefix.clone_from(&old.refresh_prefix));
        let (third, mut key) = same_key;
        key.id = granted.key.id.clone();
        for (fresh, key) in [same_id, same_prefix, (third, key)] {
            // Also without a transaction around it.
            let once = db.store.at_once(move |once| once.any().grants().insert(&permit(), &fresh, &key)).await;
            assert!(matches!(once, Err(StoreError::Conflict(Conflict::Random))), "{once:?}");
        }
        assert_eq!((db.rows("oauth2_grants"), db.rows("api_keys")), (1, 1));
    }

    async fn live_grants_of_a_user_newest_first(db) {
        let granted = Granted::in_store(&db).await;
        let bystander = Granted::in_store(&db).await;
        let (newer, newer_key) = grant(&granted.app, None, &granted.user);
        let newer = Grant { created_at: NOW + Duration::HOUR, ..newer };
        let newer_key = ApiKey { last_used: Some(NOW), ..newer_key };
        let (user, expected) = (granted.user.id, newer.clone());
        let expiry = newer.refresh_expires_at;
        let (live, dead) = db
            .write(move |repos| {
                let grants = repos.grants();
                grants.insert(&permit(), &newer, &newer_key)?;
                Ok((grants.list_of_user(user, NOW)?, grants.list_of_user(user, expiry)?))
            })
            .await;
        assert_eq!(live.len(), 2, "and not that of {}", bystander.user.username);
        assert_eq!((&live[0].grant, &live[0].app, live[0].last_used), (&expected, &granted.app, Some(NOW)));
        assert_eq!((&live[1].grant, &live[1].app, live[1].last_used), (&granted.grant, &granted.app, None));
        assert!(dead.is_empty());
    }

    async fn a_grant_is_ended_with_its_key(db) {
        let granted = Granted::in_store(&db).await;
        let (id, key) = (granted.grant.id, granted.key.id.clone());
        let (deleted, again, key) = db
            .write(move |repos| {
                let deleted = repos.grants().delete(&permit(), id)?;
                Ok((deleted, repos.grants().delete(&permit(), id)?, repos.api_keys().find(&key)?))
            })
            .await;
        assert!(deleted && !again);
        assert_eq!(key, None);
    }

    async fn all_grants_of_a_user_for_an_app_are_ended_with_their_codes(db) {
        let granted = Granted::in_store(&db).await;
        let bystander = Granted::in_store(&db).await;
        let (second, second_key) = grant(&granted.app, None, &granted.user);
        let kept = [grant(&granted.app, None, &bystander.user), grant(&bystander.app, None, &granted.user)];
        let codes = [code(&granted.app, &granted.user), code(&granted.app, &bystander.user)];
        let (user, app) = (granted.user.id, granted.app.id);
        let ended = db
            .write(move |repos| {
                let grants = repos.grants();
                grants.insert(&permit(), &second, &second_key)?;
                kept.iter().try_for_each(|(grant, key)| grants.insert(&permit(), grant, key))?;
                codes.iter().try_for_each(|code| repos.codes().replace(&permit(), code))?;
                let grants = repos.grants();
                Ok((
                    grants.delete_of_user_and_app(&permit(), user, app)?,
                    grants.delete_of_user_and_app(&permit(), user, app)?,
                    grants.delete_of_user_and_app(&permit(), UserId::NIL, app)?,
                ))
            })
            .await;
        assert_eq!(ended, (2, 0, 0));
        assert_eq!((db.rows("oauth2_grants"), db.rows("api_keys"), db.rows("oauth2_codes")), (3, 3, 1));
    }

    async fn all_grants_of_an_app_are_ended_with_its_codes(db) {
        let granted = Granted::in_store(&db).await;
        let bystander = Granted::in_store(&db).await;
        let others = grant(&granted.app, None, &bystander.user);
        let codes = [code(&granted.app, &bystander.user), code(&bystander.app, &granted.user)];
        let app = granted.app.id;
        // That of a service account, which came of no grant.
        let mut own = grant(&granted.app, None, &bystander.user).1;
        if let Some(binding) = &mut own.oauth2 {
            binding.grant_id = None;
        }
        let ended = db
            .write(move |repos| {
                repos.api_keys().insert(&permit(), &own)?;
                repos.grants().insert(&permit(), &others.0, &others.1)?;
                codes.iter().try_for_each(|code| repos.codes().insert(&permit(), code))?;
                let grants = repos.grants();
                Ok((grants.delete_of_app(&permit(), app)?, grants.delete_of_app(&permit(), app)?))
            })
            .await;
        assert_eq!(ended, (2, 0));
        assert_eq!((db.rows("oauth2_grants"), db.rows("api_keys"), db.rows("oauth2_codes")), (1, 1, 1));
    }

    async fn access_is_narrowed(db) {
        let granted = Granted::in_store(&db).await;
        let (id, key) = (granted.grant.id, granted.key.id.clone());
        let (grant, key) = db
            .write(move |repos| {
                repos.grants().narrow_access(&permit(), &key, &scopes("user:read"))?;
                Ok((repos.grants().find(id)?.unwrap(), repos.api_keys().find(&key)?.unwrap()))
            })
            .await;
        assert_eq!(key.scopes, scopes("user:read"));
        assert_eq!(grant.authorization, granted.grant.authorization);
    }

    async fn a_client_gets_a_token_of_its_service_account(db) {
        let setting = ClientSetting::in_store(&db).await;
        // More often than a database plans a statement anew.
        for _ in 0..8 {
            let token = setting.token();
            let asked = token.clone();
            let issued = db
                .store
                .at_once(move |once| once.issue_client_token(&permit(), &asked))
                .await
                .unwrap();
            assert_eq!(issued, Some((setting.secret, Some(NOW))));
            let key = db.read(move |repos| repos.api_keys().find(&token.key_id)).await.unwrap();
            let binding = key.oauth2.clone().unwrap();
            assert_eq!((key.user_id, key.login_type), (setting.robot.id, LoginType::Oauth2ProviderApp));
            assert_eq!((key.secret_digest, &key.scopes), (Digest::of("token"), &token.scopes));
            assert_eq!((key.created_at, key.updated_at, key.expires_at), (NOW, NOW, token.expires_at));
            assert_eq!((key.lifetime_seconds, key.last_used, key.ip.as_str()), (3600, None, "192.0.2.9"));
            assert_eq!((binding.app_id, binding.grant_id), (setting.app, None));
            assert_eq!((binding.secret_id, binding.audience), (Some(setting.secret), None));
            assert_eq!(binding.slides_until, token.expires_at);
        }
        let token = setting.token();
        let twin = token.clone();
        db.write(move |repos| repos.grants().issue_client_token(&permit(), &token)).await;
        let error = db.refused(move |repos| repos.grants().issue_client_token(&permit(), &twin)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");
        let purged = db.write(|repos| repos.maintenance().purge(&permit(), NOW + Duration::HOUR, 100)).await;
        assert_eq!(purged.of("api_keys"), 9);
    }

    async fn a_client_token_is_refused_without_a_trace(db) {
        let setting = ClientSetting::in_store(&db).await;
        let good = setting.token();
        let (prefix, digest) = good.client.secret.clone().unwrap();
        let with = |client: ClientCredentials| ClientToken { client, ..setting.token() };
        let app = setting.app;
        for token in [
            with(ClientCredentials { app_id: app, secret: None, by_key: false }),
            with(ClientCredentials { app_id: app, secret: Some((prefix.clone(), Digest::of("wrong"))), by_key: false }),
            with(ClientCredentials { app_id: app, secret: Some(("wrong".to_owned(), digest)), by_key: false }),
            with(ClientCredentials { app_id: AppId::NIL, secret: Some((prefix, digest)), by_key: false }),
        ] {
            let issued = db.write(move |repos| repos.grants().issue_client_token(&permit(), &token)).await;
            assert_eq!(issued, None);
        }
        for (spoil, mend) in [
            ("UPDATE users SET status = 'suspended'", "UPDATE users SET status = 'dormant'"),
            ("UPDATE users SET deleted = NOT deleted", "UPDATE users SET deleted = NOT deleted"),
            ("UPDATE oauth2_apps SET allowed_scopes = '[\"all\"]'", "UPDATE oauth2_apps SET allowed_scopes = NULL"),
            (
                "UPDATE oauth2_apps SET allowed_resources = '[\"https://a.example\"]'",
                "UPDATE oauth2_apps SET allowed_resources = NULL",
            ),
            ("UPDATE oauth2_apps SET client_type = 'public'", "UPDATE oauth2_apps SET client_type = 'confidential'"),
        ] {
            db.execute(spoil);
            let token = setting.token();
            let issued = db.write(move |repos| repos.grants().issue_client_token(&permit(), &token)).await;
            assert_eq!(issued, None, "{spoil}");
            db.execute(mend);
        }
        assert_eq!(db.rows("api_keys"), 0);
        assert!(db.write(move |repos| repos.grants().issue_client_token(&permit(), &good)).await.is_some());
        db.execute("UPDATE oauth2_apps SET service_account_id = NULL");
        let token = setting.token();
        assert_eq!(db.write(move |repos| repos.grants().issue_client_token(&permit(), &token)).await, None);
    }

    async fn a_client_token_is_bound_to_the_key_that_was_proved_and_must_be_where_the_app_says_so(db) {
        let setting = ClientSetting::in_store(&db).await;
        let issue = async |token: ClientToken| {
            let id = token.key_id.clone();
            let issued = db.write(move |repos| repos.grants().issue_client_token(&permit(), &token)).await;
            let key = db.read(move |repos| repos.api_keys().find(&id)).await;
            assert_eq!(issued.is_some(), key.is_some());
            key.map(|key| key.jkt().cloned())
        };
        let proven = || ClientToken { jkt: Some(jkt('A')), ..setting.token() };
        assert_eq!(issue(setting.token()).await, Some(None));
        assert_eq!(issue(proven()).await, Some(Some(jkt('A'))));
        let (id, rules) = (setting.app, doorward_domain::oauth2::ClientRules { dpop_bound: true, ..Default::default() });
        db.write(move |repos| {
            let app = repos.apps().find(id)?.unwrap();
            repos.apps().update(&permit(), &doorward_domain::oauth2::App { rules, ..app })
        })
        .await;
        assert_eq!(issue(setting.token()).await, None);
        assert_eq!(issue(proven()).await, Some(Some(jkt('A'))));
        let found = db.read(move |repos| repos.apps().find(id)).await;
        assert!(found.unwrap().rules.dpop_bound);
    }

    async fn a_token_is_introspected(db) {
        let granted = Granted::in_store(&db).await;
        let (grant, key) = grant(&granted.app, Some(&granted.secret), &granted.user);
        let bound = doorward_domain::sessions::OAuth2Binding {
            jkt: Some(jkt('A')),
            audience: Some(resource("https://mcp.example/")),
            ..key.oauth2.clone().unwrap()
        };
        let key = ApiKey { oauth2: Some(bound), ..key };
        let caller = doorward_domain::oauth2::App { resources: vec![resource("https://mcp.example/")], ..app("api") };
        let proof = doorward_domain::oauth2::AppSecret { last_used_at: Some(NOW), ..secret(&caller) };
        let (as_client, expected_key) = (client(&proof), key.clone());
        let plain = session(&granted.user);
        let (plain_id, secret_id) = (plain.id.clone(), proof.id);
        db.write(move |repos| {
            repos.apps().insert(&permit(), &caller)?;
            repos.apps().insert_secret(&permit(), &proof)?;
            repos.api_keys().insert(&permit(), &plain)?;
            repos.grants().insert(&permit(), &grant, &key)
        })
        .await;
        let facts = TokenFacts {
            jkt: Some(jkt('A')),
            app_id: granted.app.id,
            user_id: granted.user.id,
            username: granted.user.username.to_string(),
            authorization: Authorization {
                scopes: expected_key.scopes.clone(),
                resource: Some(resource("https://mcp.example/")),
            },
            app: AppLimits::default(),
            issued_at: NOW,
            expires_at: expected_key.expires_at,
            unused: false,
        };
        let answer = |token| Some(Introspection {
            secret_id,
            secret_last_used_at: Some(NOW),
            caller_resources: vec![resource("https://mcp.example/")],
            token,
        });
        let (right, wrong, expiry) = (Digest::of("access 0"), Digest::of("access 1"), expected_key.expires_at);
        let id = expected_key.id.clone();
        let bad_secret = ClientCredentials { secret: as_client.secret.clone().map(|(prefix, _)| (prefix, wrong)), ..as_client.clone() };
        let bad_app = ClientCredentials { app_id: granted.app.id, ..as_client.clone() };
        let bad_prefix = ClientCredentials { secret: Some(("x".to_owned(), right)), ..as_client.clone() };
        let asked = [
            (as_client.clone(), id.clone(), right, NOW, answer(Some(facts.clone()))),
            (as_client.clone(), id.clone(), right, expiry - Duration::MICROSECOND, answer(Some(facts))),
            (as_client.clone(), id.clone(), right, expiry, answer(None)),
            (as_client.clone(), id.clone(), wrong, NOW, answer(None)),
            (as_client.clone(), key_id(), right, NOW, answer(None)),
            (as_client.clone(), plain_id, right, NOW, answer(None)),
            (public_client(as_client.app_id), id.clone(), right, NOW, None),
            (bad_secret, id.clone(), right, NOW, None),
            (bad_app, id.clone(), right, NOW, None),
            (bad_prefix, id.clone(), right, NOW, None),
        ];
        for _ in 0..2 {
            for (client, key, digest, now, expected) in asked.clone() {
                let query = IntrospectionQuery { client: client.clone(), token: Some((key, digest)), now };
                let found = db.read(move |repos| repos.grants().introspect_access(&query)).await;
                assert_eq!(found, expected);
                let client_alone = IntrospectionQuery { client, token: None, now };
                let found = db.read(move |repos| repos.grants().introspect_access(&client_alone)).await;
                assert_eq!(found, expected.and(answer(None)), "without a token");
            }
        }
        let query = || IntrospectionQuery { client: as_client.clone(), token: Some((id.clone(), right)), now: NOW };
        for spoil in ["UPDATE users SET status = 'suspended'", "UPDATE users SET deleted = NOT deleted, status = 'active'"] {
            db.execute(spoil);
            let query = query();
            let found = db.read(move |repos| repos.grants().introspect_access(&query)).await;
            assert_eq!(found, answer(None), "{spoil}");
        }
        db.execute("UPDATE oauth2_apps SET client_type = 'public'");
        let query = query();
        let found = db.read(move |repos| repos.grants().introspect_access(&query)).await;
        assert_eq!(found, None);
    }
}

/// An app with a service account and a secret.
struct ClientSetting {
    app: AppId,
    robot: User,
    secret: doorward_domain::ids::AppSecretId,
    client: ClientCredentials,
}

impl ClientSetting {
    async fn in_store(db: &Fixture) -> Self {
        let robot = User { login_type: LoginType::None, status: UserStatus::Dormant, ..user("robot") };
        let app = doorward_domain::oauth2::App { service_account_id: Some(robot.id), ..app("cron") };
        let secret = doorward_domain::oauth2::AppSecret { last_used_at: Some(NOW), ..secret(&app) };
        let setting = Self { app: app.id, robot: robot.clone(), secret: secret.id, client: client(&secret) };
        db.write(move |repos| {
            repos.users().insert(&permit(), &robot)?;
            repos.apps().insert(&permit(), &app)?;
            repos.apps().insert_secret(&permit(), &secret)
        })
        .await;
        setting
    }

    fn token(&self) -> ClientToken {
        ClientToken {
            jkt: None,
            client: self.client.clone(),
            key_id: key_id(),
            key_digest: Digest::of("token"),
            scopes: scopes("user:read template:read"),
            ip: "192.0.2.9".to_owned(),
            now: NOW,
            expires_at: NOW + Duration::HOUR,
        }
    }
}
