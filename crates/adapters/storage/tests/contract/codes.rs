use crate::support::*;
use doorward_domain::ids::{AppId, GrantId};
use doorward_domain::oauth2::{Authorization, AuthorizationCode, CodeChallenge, Resource};
use doorward_ports::oauth2::RedeemingQuery;
use doorward_ports::{Conflict, Outage, StoreError};
use time::Duration;

contract! {
    async fn every_field_of_a_code_is_kept(db) {
        let granted = Granted::in_store(&db).await;
        let full = AuthorizationCode {
            jkt: Some(jkt('A')),
            challenge: Some(CodeChallenge::parse(&"c".repeat(43), None).unwrap()),
            authorization: Authorization {
                scopes: scopes("user:read gone:read openid"),
                resource: Some(Resource::from_storage("https://mcp.example/".to_owned())),
            },
            ..code(&granted.app, &granted.user)
        };
        let authorization = Authorization { scopes: scopes(""), resource: None };
        let bare = AuthorizationCode { redirect_uri: None, authorization, ..code(&granted.app, &granted.user) };
        for code in [full, bare] {
            let expected = code.clone();
            let found = db
                .write(move |repos| {
                    repos.codes().replace(&permit(), &code)?;
                    repos.codes().find_by_prefix(&code.prefix)
                })
                .await;
            assert_eq!(found, Some(expected));
        }
        assert_eq!(db.read(|repos| repos.codes().find_by_prefix("nothing")).await, None);
    }

    async fn what_a_redeeming_request_names_is_found_at_once_as_far_as_it_is_there(db) {
        let granted = Granted::in_store(&db).await;
        let other = Granted::in_store(&db).await;
        let code = code(&other.app, &other.user);
        let kept = code.clone();
        db.write(move |repos| repos.codes().insert(&permit(), &code)).await;
        let whole = RedeemingQuery {
            app_id: granted.app.id,
            secret_prefix: Some(granted.secret.prefix.clone()),
            code_prefix: kept.prefix.clone(),
        };
        let of = |query: RedeemingQuery| db.read(move |repos| repos.codes().find_redeeming(&query));
        let found = of(whole.clone()).await;
        // Whosever the code is: who asks finds out.
        assert_eq!(
            (found.app, found.secret, found.code, found.user),
            (Some(granted.app.clone()), Some(granted.secret.clone()), Some(kept), Some(other.user.clone()))
        );
        let found = of(RedeemingQuery { secret_prefix: None, code_prefix: String::new(), ..whole.clone() }).await;
        assert_eq!((found.app.map(|app| app.id), found.secret, found.code, found.user), (Some(granted.app.id), None, None, None));
        let found = of(RedeemingQuery { app_id: AppId::NIL, ..whole }).await;
        assert_eq!((found.app, found.secret, found.code, found.user), (None, None, None, None));
    }

    async fn a_new_code_replaces_the_open_ones_of_the_same_app_and_user(db) {
        let granted = Granted::in_store(&db).await;
        let other = Granted::in_store(&db).await;
        let redeemed = code(&granted.app, &granted.user);
        let open = code(&granted.app, &granted.user);
        let others = [code(&granted.app, &other.user), code(&other.app, &granted.user)];
        let newest = code(&granted.app, &granted.user);
        let prefixes: Vec<String> =
            [&redeemed, &open, &others[0], &others[1], &newest].map(|code| code.prefix.clone()).to_vec();
        let found = db
            .write(move |repos| {
                let codes = repos.codes();
                codes.replace(&permit(), &redeemed)?;
                assert!(codes.redeem(&permit(), redeemed.id, GrantId::NIL, NOW)?);
                for code in [&open, &others[0], &others[1], &newest] {
                    codes.replace(&permit(), code)?;
                }
                prefixes.iter().map(|prefix| Ok(codes.find_by_prefix(prefix)?.is_some())).collect::<Result<Vec<_>, StoreError>>()
            })
            .await;
        assert_eq!(found, [true, false, true, true, true]);
    }

    // Between the look at an app and what is made for it, the app may be deleted: the next try will find it gone.
    async fn what_refers_to_something_deleted_meanwhile_is_a_conflict_to_try_again(db) {
        let granted = Granted::in_store(&db).await;
        let late = code(&app("gone"), &granted.user);
        let error = db.refused(move |repos| repos.codes().replace(&permit(), &late)).await;
        assert_eq!(error.outage(), Some(Outage::Conflict), "{error:?}");
        assert_eq!(db.rows("oauth2_codes"), 0);
    }

    async fn an_added_code_leaves_the_open_ones(db) {
        let granted = Granted::in_store(&db).await;
        let [one, two] = [code(&granted.app, &granted.user), code(&granted.app, &granted.user)];
        let prefixes = [one.prefix.clone(), two.prefix.clone()];
        db.write(move |repos| repos.codes().insert(&permit(), &one)).await;
        db.write(move |repos| repos.codes().insert(&permit(), &two)).await;
        for prefix in prefixes {
            assert!(db.read(move |repos| repos.codes().find_by_prefix(&prefix)).await.is_some());
        }
    }

    async fn prefixes_and_ids_are_unique(db) {
        let (one, two) = (Granted::in_store(&db).await, Granted::in_store(&db).await);
        let first = code(&one.app, &one.user);
        let twins = [
            AuthorizationCode { prefix: first.prefix.clone(), ..code(&two.app, &two.user) },
            AuthorizationCode { id: first.id, ..code(&two.app, &two.user) },
        ];
        db.write(move |repos| repos.codes().replace(&permit(), &first)).await;
        for twin in twins {
            let error = db.refused(move |repos| repos.codes().replace(&permit(), &twin)).await;
            assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");
        }
    }

    async fn of_many_that_redeem_a_code_one_wins(db) {
        let granted = Granted::in_store(&db).await;
        let code = code(&granted.app, &granted.user);
        let (id, prefix) = (code.id, code.prefix.clone());
        db.write(move |repos| repos.codes().replace(&permit(), &code)).await;
        let other = db.open_again();
        let tasks: Vec<_> = (0..16_u128)
            .map(|n| {
                let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
                let grant = GrantId(uuid::Uuid::from_u128(n));
                tokio::spawn(async move {
                    let won = store.write(move |repos| repos.codes().redeem(&permit(), id, grant, NOW + Duration::SECOND));
                    won.await.map(|won| won.then_some(grant))
                })
            })
            .collect();
        let mut winners = Vec::new();
        for task in tasks {
            winners.extend(task.await.unwrap().unwrap());
        }
        let found = db.read(move |repos| repos.codes().find_by_prefix(&prefix)).await.unwrap();
        assert_eq!(winners.len(), 1);
        assert_eq!(found.redeemed, Some((NOW + Duration::SECOND, winners[0])));
        let gone = db.write(move |repos| repos.codes().redeem(&permit(), doorward_domain::ids::CodeId::NIL, winners[0], NOW)).await;
        assert!(!gone);
    }
}
