//! What directories have stored of users.

use crate::support::*;
use doorward_domain::Instant;
use doorward_domain::ids::UserId;
use doorward_domain::names::Email;
use doorward_domain::scim::{Lookup, Resource, UserRecord};
use doorward_domain::users::User;
use doorward_ports::{Conflict, Repositories, StoreError};
use serde_json::json;
use time::Duration;

/// What a directory says of a user with these addresses.
pub(crate) fn scim_record(user_name: &str, external_id: Option<&str>, emails: &[&str]) -> UserRecord {
    let mut attributes = Resource::default();
    attributes.insert("title", "Boss");
    let emails: Vec<_> = emails.iter().map(|email| json!({ "value": email })).collect();
    attributes.insert("emails", emails);
    UserRecord {
        user_name: user_name.to_owned(),
        external_id: external_id.map(str::to_owned),
        attributes,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn names(lookup: &str) -> Lookup {
    Lookup { user_names: vec![lookup.to_owned()], ..Lookup::default() }
}

fn emails(lookup: &str) -> Lookup {
    Lookup { emails: vec![lookup.to_owned()], ..Lookup::default() }
}

fn external_ids(lookup: &str) -> Lookup {
    Lookup { external_ids: vec![lookup.to_owned()], ..Lookup::default() }
}

fn begins(prefix: &str) -> Lookup {
    Lookup { user_name_prefixes: vec![prefix.to_owned()], ..Lookup::default() }
}

fn since(moment: Instant) -> Lookup {
    Lookup { modified_since: Some(moment), ..Lookup::default() }
}

/// Ann, whom the directory knows, and Bob, whom it does not.
async fn two(db: &Fixture) -> (User, User) {
    let (ann, bob) = (user("ann"), user("bob"));
    let both = (ann.clone(), bob.clone());
    db.write(move |repos| {
        repos.users().insert(&permit(), &ann)?;
        repos.users().insert(&permit(), &bob)?;
        let record = scim_record("Ann@Corp.example", Some("00uA"), &["ann@Corp.example", "home@x.example"]);
        repos.scim().insert_user(&permit(), None, ann.id, &record)
    })
    .await;
    both
}

fn found(repos: &mut dyn Repositories, lookup: &Lookup) -> Result<Vec<UserId>, StoreError> {
    let users = repos.scim().find_users(None, lookup, 9)?;
    Ok(users.into_iter().map(|user| user.account.id).collect())
}

contract! {
    async fn a_user_is_found_by_all_that_an_index_knows(db) {
        let (ann, bob) = two(&db).await;
        let (a, b) = (ann.id, bob.id);
        let expected = vec![
            (names("ann@corp.example"), vec![a]),
            (names("bob"), vec![b]),
            (names("nobody"), vec![]),
            (external_ids("00uA"), vec![a]),
            (external_ids("00ua"), vec![]),
            (emails("home@x.example"), vec![a]),
            (emails("ann@example.com"), vec![a]),
            (emails("bob@example.com"), vec![b]),
            (Lookup { ids: vec![b.0, a.0, id::<UserId>().0], ..Lookup::default() }, vec![a, b]),
            (Lookup { ids: vec![b.0], ..names("ann@corp.example") }, vec![a, b]),
            (begins("ann@"), vec![a]),
            (begins("bo"), vec![b]),
            (begins("an\u{10ffff}"), vec![]),
            (Lookup { ids: vec![b.0], ..begins("ann") }, vec![a, b]),
            (since(NOW), vec![a, b]),
            (since(NOW + Duration::SECOND), vec![]),
            (Lookup::default(), vec![]),
        ];
        db.read(move |repos| {
            for (lookup, ids) in expected {
                assert_eq!(found(repos, &lookup)?, ids, "{lookup:?}");
            }
            assert_eq!(repos.scim().find_users(None, &Lookup { ids: vec![a.0, b.0], ..Lookup::default() }, 1)?.len(), 1);
            assert_eq!(repos.scim().find_users(None, &since(NOW), 1)?.len(), 1);
            assert_eq!(repos.scim().users_among(None, &[b, id(), a])?, vec![a, b]);
            assert_eq!(repos.scim().users_among(Some(id()), &[b, a])?, vec![]);
            assert_eq!(repos.scim().users_among(None, &[])?, vec![]);
            assert_eq!(repos.scim().find_user_by_external_id(None, "00uA")?, Some(a));
            assert_eq!(repos.scim().find_user_by_external_id(None, "00ua")?, None);
            let user = repos.scim().find_user(None, a)?.unwrap();
            let record = user.record.unwrap();
            assert_eq!((record.user_name.as_str(), record.external_id.as_deref()), ("Ann@Corp.example", Some("00uA")));
            assert_eq!(record.attributes.text("title"), Some("Boss"));
            assert_eq!(repos.scim().find_user(None, b)?.unwrap().record, None);
            Ok(())
        })
        .await;
    }

    async fn what_is_said_last_counts(db) {
        let (ann, bob) = two(&db).await;
        db.write(move |repos| {
            repos.scim().store_user(&permit(), None, ann.id, &scim_record("annie", None, &["new@x.example"]))?;
            for gone in [names("ann@corp.example"), external_ids("00uA"), emails("home@x.example")] {
                assert_eq!(found(repos, &gone)?, vec![], "{gone:?}");
            }
            assert_eq!(found(repos, &emails("new@x.example"))?, vec![ann.id]);
            // What somebody no longer has, others may have; several may share an address, and have no external id.
            repos.scim().store_user(&permit(), None, bob.id, &scim_record("b", Some("00uA"), &["new@x.example"]))?;
            assert_eq!(found(repos, &emails("new@x.example"))?, vec![ann.id, bob.id]);
            repos.scim().store_user(&permit(), None, bob.id, &scim_record("b", None, &[]))
        })
        .await;
    }

    async fn names_and_external_ids_are_unique_in_a_directory(db) {
        let (ann, bob) = two(&db).await;
        for (record, rule) in [
            (scim_record("ANN@corp.example", None, &[]), Conflict::ScimUserName),
            (scim_record("bob", Some("00uA"), &[]), Conflict::ScimExternalId),
        ] {
            let refused = db.refused(move |repos| repos.scim().store_user(&permit(), None, bob.id, &record)).await;
            assert!(matches!(refused, StoreError::Conflict(broken) if broken == rule), "{refused:?}");
        }
        let acme = organization("acme");
        db.write(move |repos| {
            let same = scim_record("Ann@Corp.example", Some("00uA"), &["ann@corp.example"]);
            repos.organizations().insert(&permit(), &acme)?;
            repos.scim().store_user(&permit(), Some(acme.id), bob.id, &same)?;
            // Who does not belong to the organization is none of its directory's users.
            assert_eq!(repos.scim().count_users(Some(acme.id))?, 0);
            repos.organizations().insert_member(&permit(), &membership(acme.id, bob.id))?;
            let here = repos.scim().list_users(Some(acme.id), None, 0, 9)?;
            assert_eq!(here.iter().map(|user| user.account.id).collect::<Vec<_>>(), vec![bob.id]);
            assert_eq!(repos.scim().count_users(Some(acme.id))?, 1);
            assert_eq!(repos.scim().find_user(Some(acme.id), ann.id)?, None);
            assert_eq!(repos.scim().find_users(Some(acme.id), &names("ann"), 9)?, vec![]);
            assert_eq!(repos.scim().find_user_by_external_id(Some(acme.id), "00uA")?, Some(bob.id));
            assert_eq!(repos.scim().find_user_by_external_id(None, "00uA")?, Some(ann.id));
            Ok(())
        })
        .await;
    }

    async fn people_are_listed_by_id_and_nobody_else(db) {
        let (ann, bob) = two(&db).await;
        let printer = User { email: None, ..user("printer") };
        let (carl, part) = (user("carl"), User { is_system: true, ..user("part") });
        let (a, b, c) = (ann.id, bob.id, carl.id);
        db.write(move |repos| {
            for user in [&printer, &carl, &part] {
                repos.users().insert(&permit(), user)?;
            }
            let all = repos.scim().list_users(None, None, 0, 9)?;
            assert_eq!(all.iter().map(|user| user.account.id).collect::<Vec<_>>(), vec![a, b, c]);
            let ids = |after, offset, limit, repos: &mut dyn Repositories| -> Result<Vec<UserId>, StoreError> {
                Ok(repos.scim().list_users(None, after, offset, limit)?.iter().map(|user| user.account.id).collect())
            };
            assert_eq!(ids(None, 1, 1, repos)?, vec![b]);
            assert_eq!(ids(Some(a), 0, 9, repos)?, vec![b, c]);
            assert_eq!(ids(None, 3, 9, repos)?, vec![]);
            assert_eq!(repos.scim().count_users(None)?, 3);
            assert_eq!(repos.scim().find_user(None, printer.id)?, None);
            assert_eq!(repos.scim().find_users(None, &names("part"), 9)?, vec![]);
            Ok(())
        })
        .await;
    }

    async fn a_deleted_user_leaves_nothing(db) {
        let (ann, bob) = two(&db).await;
        db.write(move |repos| {
            assert!(repos.users().delete(&permit(), ann.id, NOW)?);
            assert_eq!(repos.scim().find_user(None, ann.id)?, None);
            assert_eq!(repos.scim().find_user_by_external_id(None, "00uA")?, None);
            let record = scim_record("Ann@Corp.example", Some("00uA"), &["home@x.example"]);
            repos.scim().store_user(&permit(), None, bob.id, &record)
        })
        .await;
        assert_eq!((db.rows("scim_users"), db.rows("scim_emails")), (1, 1));
    }

    async fn an_address_is_changed_and_stays_unique(db) {
        let (ann, bob) = two(&db).await;
        let email = |text: &str| Email::from_storage(text.to_owned());
        let new = email("Ann@New.example");
        let found = db
            .write(move |repos| {
                assert!(repos.users().update_contact(&permit(), ann.id, &new, &real_name("Ann"), "", NOW)?);
                assert!(!repos.users().update_contact(&permit(), id(), &new, &real_name("Ann"), "", NOW)?);
                repos.users().find_by_email("ann@new.example")
            })
            .await;
        assert_eq!(found.unwrap().email.unwrap().as_str(), "Ann@New.example");
        let taken = email("ANN@new.example");
        let refused = db.refused(move |repos| repos.users().update_contact(&permit(), bob.id, &taken, &real_name("Ann"), "", NOW)).await;
        assert!(matches!(refused, StoreError::Conflict(Conflict::Email)));
    }
}
