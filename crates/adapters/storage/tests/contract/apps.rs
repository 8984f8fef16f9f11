use crate::support::*;
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, AppSecretId};
use doorward_domain::oauth2::{
    App, AppSecret, ClientRules, ClientType, KeySource, RedirectMatch, RedirectUri, Resource,
};
use doorward_ports::{Conflict, StoreError};
use time::Duration;

fn resource(text: &str) -> Resource {
    Resource::from_storage(text.to_owned())
}

contract! {
    async fn every_field_of_an_app_is_kept_and_replaced(db) {
        let robot = user("robot");
        let before = App {
            redirect_uris: ["https://a.example/", "http://localhost/"].map(|uri| RedirectUri::from_storage(uri.to_owned())).to_vec(),
            allowed_scopes: Some(scopes("user:read gone:read")),
            allowed_resources: Some(vec![resource("https://r.example/")]),
            resources: vec![resource("https://mcp.example/")],
            service_account_id: Some(robot.id),
            icon: "/icon.png".to_owned(),
            client_type: ClientType::Keyed,
            rules: ClientRules { keys: Some(KeySource::JwksUri("https://a.example/k".to_owned())), ..ClientRules::default() },
            ..app("portal")
        };
        let after = App {
            redirect_match: RedirectMatch::Prefix,
            client_type: ClientType::Public,
            require_pkce: false,
            updated_at: NOW + Duration::HOUR,
            created_at: NOW,
            id: before.id,
            ..app("renamed")
        };
        let forged = App { created_at: Instant::UNIX_EPOCH, ..after.clone() };
        let (id, stored) = (before.id, before.clone());
        let found = db
            .write(move |repos| {
                repos.users().insert(&permit(), &robot)?;
                let apps = repos.apps();
                apps.insert(&permit(), &stored)?;
                let first = apps.find(id)?;
                let changed = apps.update(&permit(), &forged)?;
                let unknown = apps.update(&permit(), &app("unknown"))?;
                Ok((first, changed, unknown, apps.find(id)?, apps.find(AppId::NIL)?))
            })
            .await;
        assert_eq!(found, (Some(before), true, false, Some(App { revision: 1, ..after }), None));
    }

    async fn apps_are_listed_by_name_and_id(db) {
        let apps = [app("b"), app("a-b"), app("B"), app("a"), app("ab"), app("a")];
        let expected = [&apps[2], &apps[3], &apps[5], &apps[1], &apps[4], &apps[0]].map(|app| app.id);
        let listed = db
            .write(move |repos| {
                apps.iter().rev().try_for_each(|app| repos.apps().insert(&permit(), app))?;
                repos.apps().list()
            })
            .await;
        assert_eq!(listed.iter().map(|app| app.id).collect::<Vec<_>>(), expected);
    }

    async fn apps_with_a_live_grant_of_a_user(db) {
        let granted = Granted::in_store(&db).await;
        let bystander = Granted::in_store(&db).await;
        let (second, key) = grant(&granted.app, Some(&granted.secret), &granted.user);
        let (user, id) = (granted.user.id, granted.app.id);
        let expiry = granted.grant.refresh_expires_at;
        let (live, dead) = db
            .write(move |repos| {
                repos.grants().insert(&permit(), &second, &key)?;
                let apps = repos.apps();
                Ok((apps.list_granted_by(user, expiry - Duration::MICROSECOND)?, apps.list_granted_by(user, expiry)?))
            })
            .await;
        assert_eq!(live.iter().map(|app| app.id).collect::<Vec<_>>(), [id], "once, and not {}", bystander.app.id);
        assert!(dead.is_empty());
    }

    async fn deleting_an_app_deletes_all_that_hangs_on_it(db) {
        let granted = Granted::in_store(&db).await;
        let bystander = Granted::in_store(&db).await;
        let public = public_app("public");
        let (public_grant, public_key) = grant(&public, None, &granted.user);
        let (code, id, public_id) = (code(&granted.app, &granted.user), granted.app.id, public.id);
        let (first, second, again) = db
            .write(move |repos| {
                repos.apps().insert(&permit(), &public)?;
                repos.grants().insert(&permit(), &public_grant, &public_key)?;
                repos.codes().replace(&permit(), &code)?;
                let apps = repos.apps();
                Ok((apps.delete(&permit(), id)?, apps.delete(&permit(), public_id)?, apps.delete(&permit(), id)?))
            })
            .await;
        assert!(first && second && !again);
        for (table, left) in
            [("oauth2_apps", 1), ("oauth2_app_secrets", 1), ("oauth2_codes", 0), ("oauth2_grants", 1), ("api_keys", 1)]
        {
            assert_eq!(db.rows(table), left, "{table}");
        }
        let found = db.read(move |repos| repos.grants().find(bystander.grant.id)).await;
        assert!(found.is_some());
    }

    async fn secrets(db) {
        let (app, other) = (app("a"), app("b"));
        let one = AppSecret { created_at: NOW + Duration::SECOND, ..secret(&app) };
        let two = secret(&app);
        let twins = [
            AppSecret { prefix: one.prefix.clone(), ..secret(&other) },
            AppSecret { id: one.id, ..secret(&other) },
        ];
        let (first, second) = (one.clone(), two.clone());
        let found = db
            .write(move |repos| {
                let apps = repos.apps();
                apps.insert(&permit(), &app)?;
                apps.insert(&permit(), &other)?;
                apps.insert_secret(&permit(), &one)?;
                apps.insert_secret(&permit(), &two)?;
                apps.touch_secret(&permit(), two.id, NOW + Duration::HOUR)?;
                Ok((
                    apps.list_secrets(app.id)?,
                    apps.find_secret(one.id)?,
                    apps.find_secret_by_prefix(&one.prefix)?,
                    apps.find_secret_by_prefix("nothing")?,
                    apps.find_secret(AppSecretId::NIL)?,
                    apps.list_secrets(other.id)?,
                ))
            })
            .await;
        let touched = AppSecret { last_used_at: Some(NOW + Duration::HOUR), ..second };
        assert_eq!(found, (vec![touched, first.clone()], Some(first.clone()), Some(first), None, None, vec![]));
        for twin in twins {
            let error = db.refused(move |repos| repos.apps().insert_secret(&permit(), &twin)).await;
            assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");
        }
    }

    async fn deleting_a_secret_ends_what_was_obtained_with_it(db) {
        let granted = Granted::in_store(&db).await;
        let other = secret(&granted.app);
        let (kept, kept_key) = grant(&granted.app, Some(&other), &granted.user);
        let (id, kept_id) = (granted.secret.id, kept.id);
        let client_key = doorward_domain::sessions::ApiKey {
            oauth2: granted.key.oauth2.clone().map(|binding| doorward_domain::sessions::OAuth2Binding { grant_id: None, ..binding }),
            ..session(&granted.user)
        };
        let (deleted, again, found) = db
            .write(move |repos| {
                repos.apps().insert_secret(&permit(), &other)?;
                repos.grants().insert(&permit(), &kept, &kept_key)?;
                repos.api_keys().insert(&permit(), &client_key)?;
                let apps = repos.apps();
                let deleted = apps.delete_secret(&permit(), id)?;
                let again = apps.delete_secret(&permit(), id)?;
                Ok((deleted, again, repos.grants().find(kept_id)?))
            })
            .await;
        assert!(deleted && !again && found.is_some());
        assert_eq!((db.rows("oauth2_grants"), db.rows("api_keys"), db.rows("oauth2_app_secrets")), (1, 1, 1));
    }
}
