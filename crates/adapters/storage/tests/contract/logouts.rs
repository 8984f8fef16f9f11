use crate::openid::identity;
use crate::support::*;
use doorward_domain::openid::{AppRules, LogoutNotice};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::{PasswordHash, UserStatus};
use time::Duration;
use uuid::Uuid;

const SID: Uuid = Uuid::from_u128(7);

/// A session of which an app with these rules was told, and its grant.
async fn told(db: &Fixture, rules: AppRules) -> (Granted, ApiKey) {
    let granted = Granted::in_store(db).await;
    let session = session(&granted.user);
    let (key, grant, app) = (session.clone(), granted.grant.id, granted.app.id);
    db.write(move |repos| {
        repos.api_keys().insert(&permit(), &key)?;
        repos.openid().insert_session(&permit(), &key.id, SID)?;
        repos.openid().insert_of_grant(&permit(), grant, &identity(SID).of_grant())?;
        repos.openid().update_rules(&permit(), app, &rules)
    })
    .await;
    (granted, session)
}

fn listening() -> AppRules {
    AppRules { backchannel_logout_uri: Some("https://app.example/l".to_owned()), ..AppRules::default() }
}

async fn claim(db: &Fixture, lease: Duration) -> Vec<LogoutNotice> {
    db.write(move |repos| repos.logouts().claim(&permit(), 10, lease)).await
}

contract! {
    async fn the_end_of_a_session_is_noted_once_for_each_app_that_listens(db) {
        let (granted, session) = told(&db, listening()).await;
        assert!(db.read(|repos| repos.logouts().due_in()).await.is_none());
        let key = session.id.clone();
        assert!(db.write(move |repos| repos.api_keys().expire(&permit(), &key, NOW)).await);
        let key = session.id.clone();
        assert!(db.write(move |repos| repos.api_keys().delete(&permit(), &key)).await);
        assert_eq!(db.read(|repos| repos.logouts().due_in()).await, Some(Duration::ZERO));
        let claimed = claim(&db, Duration::HOUR).await;
        let expected = LogoutNotice {
            id: claimed[0].id,
            app_id: granted.app.id,
            user_id: granted.user.id,
            sid: Some(SID),
            attempt: 1,
        };
        assert_eq!(claimed, std::slice::from_ref(&expected));
        assert_eq!(claim(&db, Duration::HOUR).await, [], "nobody else tries meanwhile");
        assert!(db.read(|repos| repos.logouts().due_in()).await.unwrap() > Duration::minutes(50));
        let notice = expected.clone();
        assert!(db.write(move |repos| repos.logouts().postpone(&permit(), &notice, Duration::ZERO, "away")).await);
        let again = claim(&db, Duration::ZERO).await;
        assert_eq!((again[0].attempt, again.len()), (2, 1));
        // The first attempt is over: what it says does not count.
        let (late, now) = (expected, again[0].clone());
        let removed = db
            .write(move |repos| {
                let logouts = repos.logouts();
                Ok([
                    logouts.remove(&permit(), &late)?,
                    logouts.postpone(&permit(), &late, Duration::HOUR, "late")?,
                    logouts.remove(&permit(), &now)?,
                    logouts.remove(&permit(), &now)?,
                ])
            })
            .await;
        assert_eq!(removed, [false, false, true, false]);
        assert!(db.read(|repos| repos.logouts().due_in()).await.is_none());
    }

    async fn who_does_not_listen_is_not_told(db) {
        let (granted, session) = told(&db, AppRules::default()).await;
        let access = granted.grant.access_key_id.clone();
        db.write(move |repos| repos.api_keys().delete(&permit(), &session.id)).await;
        assert!(db.read(move |repos| repos.api_keys().find(&access)).await.is_some(), "its grant stays");
        let user = granted.user.id;
        db.write(move |repos| repos.users().delete(&permit(), user, NOW)).await;
        assert!(db.read(|repos| repos.logouts().due_in()).await.is_none());
    }

    async fn a_grant_goes_with_its_session_where_that_is_wanted(db) {
        let (granted, session) = told(&db, AppRules { end_with_session: true, ..listening() }).await;
        let (grant, access) = (granted.grant.id, granted.grant.access_key_id.clone());
        db.write(move |repos| repos.api_keys().delete(&permit(), &session.id)).await;
        let left = db.read(move |repos| Ok((repos.grants().find(grant)?, repos.api_keys().find(&access)?))).await;
        assert_eq!(left, (None, None));
        assert_eq!(claim(&db, Duration::HOUR).await.len(), 1, "and it is told nevertheless");
    }

    async fn what_ends_all_that_a_user_has_is_told_of_the_user(db) {
        let (granted, _) = told(&db, listening()).await;
        let user = granted.user.id;
        db.write(move |repos| repos.users().update_status(&permit(), user, UserStatus::Suspended, NOW)).await;
        let claimed = claim(&db, Duration::HOUR).await;
        assert_eq!((claimed.len(), claimed[0].sid, claimed[0].user_id), (1, None, user));

        let strict = AppRules { backchannel_logout_session_required: true, ..listening() };
        let granted = Granted::in_store(&db).await;
        let (grant, app, user) = (granted.grant.id, granted.app.id, granted.user.id);
        let hash = PasswordHash::new("hash".to_owned());
        db.write(move |repos| {
            repos.openid().insert_of_grant(&permit(), grant, &identity(SID).of_grant())?;
            repos.openid().update_rules(&permit(), app, &strict)?;
            repos.users().update_password(&permit(), user, &hash, NOW)
        })
        .await;
        let claimed = claim(&db, Duration::HOUR).await;
        assert_eq!((claimed.len(), claimed[0].sid, claimed[0].user_id), (1, Some(SID), user));
        // Nobody waits for an app that is gone.
        let (one, other) = (granted.app.id, db.read(|repos| repos.apps().list()).await);
        assert!(other.iter().any(|app| app.id == one));
        for app in other {
            db.write(move |repos| repos.apps().delete(&permit(), app.id)).await;
        }
        assert!(db.read(|repos| repos.logouts().due_in()).await.is_none());
    }

    async fn what_is_noted_already_begins_anew(db) {
        let (granted, _) = told(&db, listening()).await;
        let (user, app) = (granted.user.clone(), granted.app.clone());
        let id = user.id;
        db.write(move |repos| repos.users().update_status(&permit(), id, UserStatus::Suspended, NOW)).await;
        let first = claim(&db, Duration::HOUR).await;
        let (grant, key) = grant(&app, None, &user);
        db.write(move |repos| {
            repos.users().update_status(&permit(), user.id, UserStatus::Active, NOW)?;
            repos.grants().insert(&permit(), &grant, &key)?;
            repos.openid().insert_of_grant(&permit(), grant.id, &identity(SID).of_grant())?;
            repos.users().delete(&permit(), user.id, NOW)
        })
        .await;
        let again = claim(&db, Duration::HOUR).await;
        assert_eq!((again.len(), again[0].id, again[0].attempt), (1, first[0].id, 1));
    }
}
