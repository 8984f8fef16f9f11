//! Sessions as others look at them and end them.

use crate::openid::identity;
use crate::support::*;
use crate::user_links::federated;
use doorward_domain::ids::UserId;
use doorward_domain::openid::AppRules;
use doorward_domain::roles::{Action, AllowEntry, ListFilter, ResourceType, Scope, Subject};
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_domain::users::{LoginType, User};
use doorward_ports::sessions::{SessionFilter, SessionPage};
use time::Duration;
use uuid::Uuid;

fn visible(subject: &Subject) -> ListFilter {
    subject.list_filter(Action::Read, ResourceType::ApiKey)
}

fn everything() -> ListFilter {
    visible(&Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build())
}

fn own(user: UserId) -> ListFilter {
    visible(&Subject::for_user(user.0).site_roles(["member"]).scope(Scope::all()).build())
}

fn all() -> SessionFilter {
    SessionFilter { limit: 100, ..SessionFilter::default() }
}

async fn list(db: &Fixture, filter: SessionFilter, visible: ListFilter) -> SessionPage {
    db.read(move |repos| repos.sessions().list(&filter, &visible, NOW)).await.unwrap()
}

/// The keys of a page, and how many there are.
async fn keys(db: &Fixture, filter: SessionFilter, visible: ListFilter) -> (Vec<ApiKeyId>, u64) {
    let page = list(db, filter, visible).await;
    (page.sessions.into_iter().map(|session| session.key.id).collect(), page.count)
}

/// Two sessions of ann, the later first, one of bob that began at the same time as her first, and what is none.
async fn people(db: &Fixture) -> (User, User, [ApiKey; 3]) {
    let (ann, bob) = (user("ann"), user("bob"));
    let later = ApiKey { created_at: NOW + Duration::SECOND, ..session(&ann) };
    let (first, of_bob) = (session(&ann), session(&bob));
    let over = ApiKey { expires_at: NOW, ..session(&ann) };
    let made = [later.clone(), first.clone(), of_bob.clone(), over, token(&ann, "ci")];
    let users = [ann.clone(), bob.clone()];
    db.write(move |repos| {
        users.iter().try_for_each(|user| repos.users().insert(&permit(), user))?;
        made.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))
    })
    .await;
    // Of those of one moment the greater key comes first.
    let mut rest = [first, of_bob];
    rest.sort_by(|a, b| b.id.as_str().cmp(a.id.as_str()));
    let [second, third] = rest;
    (ann, bob, [later, second, third])
}

contract! {
    async fn the_newest_sessions_come_first_and_nothing_else_is_one(db) {
        let (ann, bob, sessions) = people(&db).await;
        let ids = sessions.each_ref().map(|key| key.id.clone());
        let page = list(&db, all(), everything()).await;
        let found: Vec<ApiKey> = page.sessions.iter().map(|session| session.key.clone()).collect();
        assert_eq!((found.as_slice(), page.count), (&sessions[..], 3));
        let name = |key: &ApiKey| if key.user_id == ann.id { "ann" } else { "bob" };
        assert!(page.sessions.iter().all(|session| session.username == name(&session.key)));
        assert!(page.sessions.iter().all(|session| (&session.device, &session.provider) == (&None, &None) && session.apps.is_empty()));

        let of_bob = SessionFilter { user: Some(bob.id), ..all() };
        let (found, count) = keys(&db, of_bob.clone(), everything()).await;
        assert_eq!((found.len(), count), (1, 1));
        assert_eq!(keys(&db, all(), own(bob.id)).await, (found, 1), "whoever sees their own sees no more");
        assert_eq!(keys(&db, of_bob, own(ann.id)).await, (vec![], 0));

        let first = SessionFilter { limit: 2, ..all() };
        assert_eq!(keys(&db, first, everything()).await, (ids[..2].to_vec(), 3));
        let behind = SessionFilter { after: Some(ids[1].clone()), limit: 2, ..all() };
        assert_eq!(keys(&db, behind, everything()).await, (ids[2..].to_vec(), 1));
        let left_out = SessionFilter { offset: 1, limit: 1, ..all() };
        assert_eq!(keys(&db, left_out, everything()).await, (ids[1..2].to_vec(), 3));
        let far = SessionFilter { offset: 9, ..all() };
        assert_eq!(keys(&db, far, everything()).await, (vec![], 3));
        let unknown = SessionFilter { after: Some(key_id()), ..all() };
        assert!(db.read(move |repos| repos.sessions().list(&unknown, &everything(), NOW)).await.is_none());
    }

    async fn a_credential_that_is_limited_to_keys_sees_those(db) {
        let (ann, _, sessions) = people(&db).await;
        let everything: Vec<ApiKeyId> = sessions.iter().map(|key| key.id.clone()).collect();
        let one = AllowEntry::typed(ResourceType::ApiKey, sessions[0].id.as_str());
        let other = AllowEntry::typed(ResourceType::ApiKey, Uuid::from_u128(7));
        let of = |text: &str| AllowEntry::parse_list(&[text]).unwrap().unwrap();
        for (list, expected) in [
            (of("api_key:*"), everything),
            (vec![one], vec![sessions[0].id.clone()]),
            (vec![other], Vec::new()),
            (of("workspace:*"), Vec::new()),
        ] {
            let scope = Scope::all().limited_to(list);
            let subject = Subject::for_user(ann.id.0).site_roles(["owner"]).scope(scope).build();
            let count = expected.len() as u64;
            assert_eq!(keys(&db, all(), visible(&subject)).await, (expected, count));
        }
    }

    async fn a_session_says_where_it_began_and_who_was_told_of_it(db) {
        let granted = Granted::in_store(&db).await;
        let key = ApiKey { login_type: LoginType::Oidc, ..session(&granted.user) };
        let (second, second_key) = grant(&granted.app, None, &granted.user);
        let (sid, first, made) = (Uuid::from_u128(7), granted.grant.id, key.clone());
        db.write(move |repos| {
            repos.api_keys().insert(&permit(), &made)?;
            repos.sessions().describe(&permit(), &made, "Firefox on Linux")?;
            repos.federated_sessions().insert(&permit(), &federated(&made), None)?;
            repos.openid().insert_session(&permit(), &made.id, sid)?;
            repos.grants().insert(&permit(), &second, &second_key)?;
            // An app that was told twice is named once.
            [first, second.id].iter().try_for_each(|grant| {
                repos.openid().insert_of_grant(&permit(), *grant, &identity(sid).of_grant())
            })
        })
        .await;
        let page = list(&db, all(), everything()).await;
        assert_eq!(page.sessions.len(), 1, "access tokens are no sessions");
        assert_eq!(page.sessions[0].device.as_deref(), Some("Firefox on Linux"));
        assert_eq!(page.sessions[0].provider.as_deref(), Some(federated(&key).provider.as_str()));
        assert_eq!(page.sessions[0].apps, [(granted.app.id, granted.app.name.clone())]);
    }

    async fn all_sessions_of_a_user_end_but_one_and_apps_are_told(db) {
        let granted = Granted::in_store(&db).await;
        let bystander = user("bystander");
        let (kept, ended, others) = (session(&granted.user), session(&granted.user), session(&bystander));
        let rules = AppRules {
            backchannel_logout_uri: Some("https://app.example/l".to_owned()),
            end_with_session: true,
            ..AppRules::default()
        };
        let (sid, grant, app, made) = (Uuid::from_u128(7), granted.grant.id, granted.app.id, ended.clone());
        let (keys, api_token) = ([kept.clone(), ended, others], token(&granted.user, "ci"));
        db.write(move |repos| {
            repos.users().insert(&permit(), &bystander)?;
            keys.iter().chain([&api_token]).try_for_each(|key| repos.api_keys().insert(&permit(), key))?;
            repos.openid().insert_session(&permit(), &made.id, sid)?;
            repos.openid().insert_of_grant(&permit(), grant, &identity(sid).of_grant())?;
            repos.openid().update_rules(&permit(), app, &rules)
        })
        .await;
        let (user, except) = (granted.user.id, kept.id.clone());
        let end = move |repos: &mut dyn doorward_ports::Repositories| {
            repos.sessions().delete_of_user(&permit(), user, Some(except.clone()))
        };
        assert_eq!(db.write(end.clone()).await, 1);
        assert_eq!(db.write(end).await, 0);
        let told = db.write(|repos| repos.logouts().claim(&permit(), 9, Duration::HOUR)).await;
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].app_id, told[0].user_id, told[0].sid), (app, user, Some(sid)));
        // The grant that ends with its session took its access token along; the API token and others stay.
        assert_eq!((db.rows("oauth2_grants"), db.rows("api_keys")), (0, 3));
        assert_eq!(db.write(move |repos| repos.sessions().delete_of_user(&permit(), user, None)).await, 1);
        assert_eq!(db.rows("api_keys"), 2);
    }

    async fn the_sessions_of_everybody_end_however_many_they_are(db) {
        let (ann, _, sessions) = people(&db).await;
        let many: Vec<ApiKey> = (0..1000).map(|_| session(&ann)).collect();
        let kept = sessions[0].id.clone();
        db.write(move |repos| many.iter().try_for_each(|key| repos.api_keys().insert(&permit(), key))).await;
        // One that is over counts as well.
        assert_eq!(db.write(move |repos| repos.sessions().delete_all(&permit(), Some(kept))).await, 1003);
        assert_eq!(keys(&db, all(), everything()).await, (vec![sessions[0].id.clone()], 1));
        assert_eq!(db.write(|repos| repos.sessions().delete_all(&permit(), None)).await, 1);
        assert_eq!(db.rows("api_keys"), 1, "the API token stays");
    }
}
