use crate::support::*;
use doorward_domain::Instant;
use doorward_domain::ids::UserId;
use doorward_domain::names::Email;
use doorward_domain::sessions::ApiKey;
use doorward_domain::user_links::{FederatedSession, Upstream, UserLink};
use doorward_domain::users::LoginType;
use doorward_ports::{Conflict, StoreError};
use serde_json::{Value, json};
use time::Duration;

const ISSUER: &str = "https://id.example.com/";

pub(crate) fn user_link(user_id: UserId, subject: &str) -> UserLink {
    UserLink {
        user_id,
        login_type: LoginType::Oidc,
        provider: "corp".to_owned(),
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        is_main: true,
        email_verified: true,
        claims: claims(json!({ "groups": ["a", "b"], "name": "Ann \u{1F600}", "nested": { "n": 1.5, "z": null } })),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn claims(value: Value) -> serde_json::Map<String, Value> {
    let Value::Object(members) = value else { panic!("no object") };
    members
}

pub(crate) fn federated(key: &ApiKey) -> FederatedSession {
    FederatedSession {
        key_id: key.id.clone(),
        provider: "corp".to_owned(),
        issuer: ISSUER.to_owned(),
        subject: "1".to_owned(),
        upstream_sid: Some("s1".to_owned()),
        auth_time: NOW - Duration::HOUR,
        amr: vec!["pwd".to_owned(), "fed".to_owned()],
        acr: "mfa".to_owned(),
    }
}

fn sid(sid: &str, subject: Option<&str>) -> Upstream {
    Upstream::Session { sid: sid.to_owned(), subject: subject.map(str::to_owned) }
}

contract! {
    async fn a_link_is_found_by_issuer_and_subject_as_they_are(db) {
        let ann = user("ann");
        let link = user_link(ann.id, "Sub-1");
        let stored = link.clone();
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.user_links().insert(&permit(), &stored)
        })
        .await;
        let find = |issuer: &'static str, subject: &'static str| move |repos: &mut dyn doorward_ports::Repositories| {
            repos.user_links().find(&[issuer.to_owned()], subject)
        };
        assert_eq!(db.read(find(ISSUER, "Sub-1")).await, Some(link.clone()));
        for (issuer, subject) in [(ISSUER, "sub-1"), ("https://id.example.com", "Sub-1"), ("", "")] {
            assert_eq!(db.read(find(issuer, subject)).await, None, "{issuer} {subject}");
        }
        let user_id = link.user_id;
        assert_eq!(db.read(move |repos| repos.user_links().list_of_user(user_id)).await, [link]);
    }

    async fn an_account_belongs_to_one_user(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let links = [user_link(ann.id, "1"), user_link(bob.id, "1")];
        let [first, second] = links;
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)?;
            repos.user_links().insert(&permit(), &first)
        })
        .await;
        let stolen = second.clone();
        let told: StoreError =
            db.store.write(move |repos| repos.user_links().insert(&permit(), &stolen)).await.unwrap_err();
        assert!(matches!(told, StoreError::Conflict(Conflict::UserLink)), "{told}");
        // What is not linked to the user is not changed.
        assert!(!db.write(move |repos| repos.user_links().update(&permit(), &second)).await);
        assert_eq!(db.rows("user_links"), 1);
    }

    async fn a_sign_in_replaces_what_was_said_before(db) {
        let ann = user("ann");
        let old = user_link(ann.id, "1");
        let new = UserLink {
            provider: "corp2".to_owned(),
            is_main: false,
            email_verified: false,
            claims: claims(json!({})),
            updated_at: NOW + Duration::HOUR,
            ..old.clone()
        };
        let expected = new.clone();
        let found = db
            .write(move |repos| {
                repos.users().insert(&permit(), &ann)?;
                repos.user_links().insert(&permit(), &old)?;
                assert!(repos.user_links().update(&permit(), &UserLink { created_at: Instant::UNIX_EPOCH, ..new })?);
                // Under an older spelling too, after the present one.
                repos.user_links().find(&["https://new.example.com/".to_owned(), ISSUER.to_owned()], "1")
            })
            .await;
        assert_eq!(found, Some(expected));
    }

    async fn a_link_is_removed_from_its_user_alone(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let (mine, theirs) = (ann.id, bob.id);
        let links = [user_link(mine, "1"), user_link(mine, "2"), user_link(theirs, "3")];
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)?;
            links.iter().try_for_each(|link| repos.user_links().insert(&permit(), link))
        })
        .await;
        let delete = |user: UserId, issuer: &'static str, subject: &'static str| {
            move |repos: &mut dyn doorward_ports::Repositories| {
                repos.user_links().delete(&permit(), user, issuer, subject)
            }
        };
        for (user, issuer, subject) in [(theirs, ISSUER, "1"), (mine, "https://id.example.com", "1"), (mine, ISSUER, "3")] {
            assert!(!db.write(delete(user, issuer, subject)).await, "{subject}");
        }
        assert_eq!(db.rows("user_links"), 3);
        assert!(db.write(delete(mine, ISSUER, "1")).await);
        assert!(!db.write(delete(mine, ISSUER, "1")).await);
        let left = db.read(move |repos| repos.user_links().list_of_user(mine)).await;
        assert_eq!(left.iter().map(|link| link.subject.as_str()).collect::<Vec<_>>(), ["2"]);
        // The account is free for anybody again.
        db.write(move |repos| repos.user_links().insert(&permit(), &user_link(theirs, "1"))).await;
    }

    async fn a_login_type_that_follows_ends_nothing(db) {
        let granted = Granted::in_store(&db).await;
        let id = granted.user.id;
        let keys = db.rows("api_keys");
        let change = move |repos: &mut dyn doorward_ports::Repositories| {
            repos.users().follow_login_type(&permit(), id, LoginType::Github, NOW)
        };
        assert!(db.write(change).await);
        assert!(!db.write(change).await, "nothing is to be changed");
        let found = db.read(move |repos| repos.users().find(id)).await.unwrap();
        assert_eq!((found.login_type, found.updated_at), (LoginType::Github, NOW));
        assert_eq!((db.rows("api_keys"), db.rows("oauth2_grants")), (keys, 1));
    }

    async fn a_deleted_user_leaves_the_account_to_others(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let (links, gone) = ([user_link(ann.id, "1"), user_link(bob.id, "1")], ann.id);
        let [first, second] = links;
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)?;
            repos.user_links().insert(&permit(), &first)?;
            assert!(repos.users().delete(&permit(), gone, NOW)?);
            repos.user_links().insert(&permit(), &second)
        })
        .await;
        assert_eq!(db.rows("user_links"), 1);
    }

    async fn an_address_from_a_provider_is_unique_too(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let (id, taken) = (ann.id, bob.email.clone().unwrap());
        let free = Email::from_storage("New@Example.org".to_owned());
        let expected = free.clone();
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)
        })
        .await;
        let write = |email: Email| move |repos: &mut dyn doorward_ports::Repositories| {
            repos.users().update_contact(&permit(), id, &email, &real_name("Ann B."), "https://a.example/p.png", NOW)
        };
        let told: StoreError = db.store.write(write(taken)).await.unwrap_err();
        assert!(matches!(told, StoreError::Conflict(Conflict::Email)), "{told}");
        assert!(db.write(write(free)).await);
        let found = db.read(move |repos| repos.users().find_by_email("new@example.org")).await.unwrap();
        assert_eq!((found.id, found.email), (id, Some(expected)));
        assert_eq!((found.name.to_string().as_str(), found.avatar_url.as_str()), ("Ann B.", "https://a.example/p.png"));
    }

    async fn another_way_to_sign_in_forgets_the_password_and_ends_everything(db) {
        let granted = Granted::in_store(&db).await;
        let id = granted.user.id;
        let change = move |repos: &mut dyn doorward_ports::Repositories| {
            repos.users().update_login_type(&permit(), id, LoginType::Oidc, NOW)
        };
        assert!(db.write(change).await);
        assert!(!db.write(change).await, "nothing is to be changed");
        let found = db.read(move |repos| repos.users().find(id)).await.unwrap();
        assert_eq!((found.login_type, found.password_hash), (LoginType::Oidc, None));
        assert_eq!((db.rows("api_keys"), db.rows("oauth2_grants")), (0, 0));
    }

    async fn sessions_are_found_by_what_the_provider_knows_and_go_with_their_keys(db) {
        let ann = user("ann");
        let (user_id, keys) = (ann.id, [session(&ann), session(&ann)]);
        let ids = [keys[0].id.clone(), keys[1].id.clone()];
        let known = [federated(&keys[0]), FederatedSession { upstream_sid: None, ..federated(&keys[1]) }];
        let expected = known[0].clone();
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            for (key, known) in keys.iter().zip(&known) {
                repos.api_keys().insert(&permit(), key)?;
                repos.federated_sessions().insert(&permit(), known, Some(b"sealed"))?;
            }
            Ok(())
        })
        .await;
        let list = |issuer: &'static str, upstream: Upstream| move |repos: &mut dyn doorward_ports::Repositories| {
            repos.federated_sessions().list_keys(&[issuer.to_owned()], &upstream)
        };
        let by_sid = db.read(list(ISSUER, sid("s1", None))).await;
        assert_eq!(by_sid, [(ids[0].clone(), user_id)]);
        // One of which it is not known where it began may be that session.
        let with_unknown = db.read(list(ISSUER, sid("s1", Some("1")))).await;
        assert_eq!(with_unknown.len(), 2);
        let mut by_subject = db.read(list(ISSUER, Upstream::Subject("1".to_owned()))).await;
        by_subject.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        let mut both: Vec<_> = ids.iter().map(|id| (id.clone(), user_id)).collect();
        both.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
        assert_eq!(by_subject, both);
        for (issuer, upstream) in [
            ("https://other.example", Upstream::Subject("1".to_owned())),
            (ISSUER, sid("1", None)),
            (ISSUER, Upstream::Subject("s1".to_owned())),
        ] {
            assert_eq!(db.read(list(issuer, upstream)).await, []);
        }
        let [first, _] = ids;
        let found = db
            .write(move |repos| {
                let found = repos.federated_sessions().find(&first)?;
                repos.api_keys().delete(&permit(), &first)?;
                Ok((found, repos.federated_sessions().find(&first)?))
            })
            .await;
        assert_eq!(found, (Some((expected, Some(b"sealed".to_vec()))), None));
        assert_eq!(db.rows("federated_sessions"), 1);
    }
}
