//! Of two changes of one row at once, none undoes the other, and the audit log says who changed what.

use crate::audited::{Walk, origin};
use crate::support::*;
use doorward_domain::Secret;
use doorward_domain::oauth2::App;
use doorward_domain::sessions::{ApiKey, ApiToken};
use doorward_domain::users::User;
use doorward_ports::StoreError;
use doorward_services::oauth2::{apps, secrets};
use doorward_services::sessions::authenticate;
use doorward_services::{Error, Principal};
use std::collections::BTreeSet;

/// An owner who is signed in.
async fn owner(walk: &Walk, name: &str) -> Principal {
    let ann = User { roles: role_names(&["owner"]), ..user(name) };
    let token = ApiToken::new(key_id(), Secret::new(format!("{name:0<22}"))).unwrap();
    let key = ApiKey { id: token.id.clone(), secret_digest: token.digest(), ..session(&ann) };
    let stored = walk.db.store.write(move |repos| {
        repos.users().insert(&permit(), &ann)?;
        repos.api_keys().insert(&permit(), &key)
    });
    let stored: Result<(), StoreError> = stored.await;
    stored.unwrap();
    authenticate(&walk.ctx, token.to_wire().expose(), &origin()).await.unwrap()
}

fn command(name: &str) -> apps::AppCommand {
    apps::AppCommand {
        name: name.to_owned(),
        callback_url: Some("https://tool.example/cb".to_owned()),
        ..apps::AppCommand::default()
    }
}

contract! {
    async fn two_owners_who_change_an_app_at_once_undo_nothing_of_each_other(db) {
        let walk = Walk::begin(db).await;
        let ctx = &walk.ctx;
        let (ann, bob) = (owner(&walk, "ann").await, owner(&walk, "bob").await);
        for round in 0..12 {
            let name = format!("tool-{round}");
            let app = apps::create(ctx, &ann, command(&name)).await.unwrap();
            let scopes = apps::AppCommand { scopes: Some(vec!["user:read".to_owned()]), ..command(&name) };
            let serves = apps::AppCommand { resources: Some(vec!["https://mcp.example/".to_owned()]), ..command(&name) };
            let (one, two) = tokio::join!(
                apps::update(ctx, &ann, app.id, scopes),
                apps::update(ctx, &bob, app.id, serves)
            );
            one.unwrap();
            two.unwrap();
            let stored: App = apps::find(ctx, &ann, app.id).await.unwrap();
            assert_eq!(stored.allowed_scopes, Some(crate::support::scopes("user:read")), "{round}");
            assert_eq!(stored.resources.len(), 1, "{round}");
            let target = if walk.is_postgres() { "diff::text" } else { "diff" };
            let diffs = walk.texts(&format!(
                "SELECT {target} AS t FROM audit_logs WHERE action = 'write' AND resource_target = '{name}'"
            ));
            let changed: Vec<BTreeSet<String>> = diffs
                .iter()
                .map(|diff| {
                    let diff: serde_json::Map<String, serde_json::Value> = serde_json::from_str(diff).unwrap();
                    diff.into_iter().map(|(field, _)| field).collect()
                })
                .collect();
            let one = |field: &str| BTreeSet::from([field.to_owned()]);
            assert_eq!(changed.len(), 2, "{diffs:?}");
            assert!(changed.contains(&one("scopes")) && changed.contains(&one("resources")), "{diffs:?}");
        }
    }

    async fn of_two_who_delete_a_secret_or_an_app_at_once_one_has_and_nothing_is_added_to_what_is_gone(db) {
        let walk = Walk::begin(db).await;
        let ctx = &walk.ctx;
        let (ann, bob) = (owner(&walk, "ann").await, owner(&walk, "bob").await);
        let gone = |result: &Result<(), Error>| matches!(result, Err(Error::NotFound));
        for round in 0..12 {
            let name = format!("tool-{round}");
            let app = apps::create(ctx, &ann, command(&name)).await.unwrap().id;
            let secret = secrets::create(ctx, &ann, app).await.unwrap().0.id;
            let (one, two) = tokio::join!(secrets::delete(ctx, &ann, app, secret), secrets::delete(ctx, &bob, app, secret));
            assert!(one.is_ok() != two.is_ok() && (gone(&one) || gone(&two)), "{one:?} {two:?}");
            let (one, two, made) =
                tokio::join!(apps::delete(ctx, &ann, app), apps::delete(ctx, &bob, app), secrets::create(ctx, &ann, app));
            assert!(one.is_ok() != two.is_ok() && (gone(&one) || gone(&two)), "{one:?} {two:?}");
            assert!(made.is_ok() || matches!(made, Err(Error::NotFound)), "{made:?}");
            let deleted = walk.texts(&format!(
                "SELECT action AS t FROM audit_logs WHERE action = 'delete' AND resource_target = '{name}'"
            ));
            assert_eq!(deleted.len(), 2, "one record for the secret and one for the app");
        }
    }
}
