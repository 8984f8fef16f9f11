use crate::support::*;
use doorward_domain::licenses::{License, LicenseId, LicenseToken, NewLicense};
use doorward_domain::users::{User, UserStatus};
use doorward_ports::{Conflict, StoreError};
use time::Duration;

/// A licence of this text, which nobody verifies here.
pub(crate) fn new_license(text: &str) -> NewLicense {
    NewLicense { uuid: id(), uploaded_at: NOW, ends_at: NOW + Duration::DAY, token: LicenseToken::new(text.to_owned()) }
}

fn ids(licenses: &[License]) -> Vec<i32> {
    licenses.iter().map(|license| license.id.0).collect()
}

contract! {
    async fn licences_are_numbered_from_one_listed_in_order_and_no_number_comes_again(db) {
        let stored = [new_license("one"), new_license("two"), new_license("three")];
        let (first, uuids) = (stored[0].clone(), stored.clone().map(|license| license.uuid));
        let given = db
            .write(move |repos| {
                let ids: Result<Vec<_>, _> =
                    stored.iter().map(|license| repos.licenses().insert(&permit(), license)).collect();
                ids
            })
            .await;
        assert_eq!(given, [1, 2, 3].map(LicenseId));
        let all = db.read(|repos| repos.licenses().list()).await;
        assert_eq!(ids(&all), [1, 2, 3]);
        let one = &all[0];
        assert_eq!((one.uuid, one.uploaded_at, one.ends_at), (uuids[0], first.uploaded_at, first.ends_at));
        assert_eq!(one.token.expose(), "one");

        let removed = db
            .write(|repos| {
                let removed = repos.licenses().delete(&permit(), LicenseId(3))?;
                let again = repos.licenses().delete(&permit(), LicenseId(3))?;
                Ok((removed, again, repos.licenses().find(LicenseId(3))?.is_some()))
            })
            .await;
        assert_eq!(removed, (true, false, false));
        let next = db.write(|repos| repos.licenses().insert(&permit(), &new_license("four"))).await;
        assert_eq!(next, LicenseId(4));
        let found = db.read(|repos| repos.licenses().find(LicenseId(2))).await;
        assert_eq!(found.map(|license| license.uuid), Some(uuids[1]));
    }

    async fn the_same_licence_is_stored_once_however_long_it_is(db) {
        let long = "x".repeat(30_000);
        let (one, same) = (new_license(&long), new_license(&long));
        db.write(move |repos| repos.licenses().insert(&permit(), &one)).await;
        let refused: Result<LicenseId, StoreError> =
            db.store.write(move |repos| repos.licenses().insert(&permit(), &same)).await;
        assert!(matches!(refused, Err(StoreError::Conflict(Conflict::License))), "{refused:?}");
        let other = new_license(&format!("{long}y"));
        db.write(move |repos| repos.licenses().insert(&permit(), &other)).await;
    }

    async fn what_has_ended_is_listed_and_is_not_live(db) {
        let over = NewLicense { ends_at: NOW, ..new_license("over") };
        let live = NewLicense { ends_at: NOW + Duration::MICROSECOND, ..new_license("live") };
        db.write(move |repos| {
            repos.licenses().insert(&permit(), &over)?;
            repos.licenses().insert(&permit(), &live)
        })
        .await;
        let (all, live) = db.read(|repos| Ok((repos.licenses().list()?, repos.licenses().list_live(NOW)?))).await;
        assert_eq!((ids(&all), ids(&live)), (vec![1, 2], vec![2]));
    }

    async fn active_users_are_counted_with_and_without_marks(db) {
        let count = async || db.read(|repos| repos.licenses().count_active_users()).await;
        assert_eq!(count().await, 0);
        let users = [
            user("ann"),
            user("bob"),
            User { status: UserStatus::Suspended, ..user("sam") },
            User { status: UserStatus::Dormant, ..user("dora") },
            User { is_system: true, ..user("prebuilds") },
        ];
        let gone = user("gone");
        db.write(move |repos| {
            users.iter().try_for_each(|user| repos.users().insert(&permit(), user))?;
            repos.users().insert(&permit(), &gone)?;
            repos.users().delete(&permit(), gone.id, NOW)
        })
        .await;
        assert_eq!(count().await, 2);
        db.write(|repos| repos.maintenance().renew_counts(&permit())).await;
        assert_eq!(count().await, 2);
        let late = user("zoe");
        db.write(move |repos| repos.users().insert(&permit(), &late)).await;
        assert_eq!(count().await, 3);
    }
}
