use crate::lost_updates::futures;
use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{
    App, Authorization, DEVICE_CODE_LIFETIME, DeviceAuthorization, DeviceDecision, POLL_INTERVAL, Resource,
};
use doorward_ports::oauth2::LiveDeviceCodes;
use doorward_ports::{Conflict, StoreError};
use std::sync::atomic::{AtomicUsize, Ordering};
use time::Duration;

/// What a device asks for in the name of this app.
pub(crate) fn asked(app: &App) -> DeviceAuthorization {
    DeviceAuthorization {
        id: id(),
        prefix: random_text(),
        digest: Digest::of(random_text()),
        user_code: Digest::of(random_text()),
        app_id: app.id,
        authorization: Authorization {
            scopes: scopes("user:read offline_access"),
            resource: Some(Resource::from_storage("https://mcp.example/".to_owned())),
        },
        ip: "192.0.2.7".to_owned(),
        user_agent: "television/1".to_owned(),
        created_at: NOW,
        expires_at: NOW + DEVICE_CODE_LIFETIME,
        interval: POLL_INTERVAL,
        polled_at: None,
        decision: DeviceDecision::Pending,
    }
}

contract! {
    async fn every_field_of_what_a_device_asks_for_is_kept(db) {
        let granted = Granted::in_store(&db).await;
        let bare = DeviceAuthorization {
            authorization: Authorization { scopes: scopes(""), resource: None },
            polled_at: Some(NOW + Duration::SECOND),
            decision: DeviceDecision::Approved(granted.user.id),
            ..asked(&granted.app)
        };
        let denied = DeviceAuthorization { decision: DeviceDecision::Denied, ..asked(&granted.app) };
        for asked in [asked(&granted.app), bare, denied] {
            let expected = (Some(asked.clone()), Some(asked.clone()), None);
            let found = db
                .write(move |repos| {
                    let devices = repos.device_authorizations();
                    devices.insert(&permit(), &asked)?;
                    Ok((
                        devices.find_for_update(&asked.prefix)?,
                        devices.find_by_user_code(&[Digest::of("another key"), asked.user_code])?,
                        devices.find_by_user_code(&[Digest::of("nothing")])?,
                    ))
                })
                .await;
            assert_eq!(found, expected);
        }
    }

    async fn a_person_decides_once_and_in_time(db) {
        let granted = Granted::in_store(&db).await;
        let (asked, user) = (asked(&granted.app), granted.user.id);
        let (end, denied) = (asked.expires_at, DeviceDecision::Denied);
        let decided = db
            .write(move |repos| {
                let devices = repos.device_authorizations();
                devices.insert(&permit(), &asked)?;
                let mut decide = |decision, now| devices.decide(&permit(), asked.id, decision, now);
                let decided =
                    [decide(denied, end)?, decide(DeviceDecision::Approved(user), NOW)?, decide(denied, NOW)?];
                let found = devices.find_for_update(&asked.prefix)?;
                Ok((decided, found.map(|found| found.decision)))
            })
            .await;
        assert_eq!(decided, ([false, true, false], Some(DeviceDecision::Approved(user))));
    }

    async fn polls_are_noted(db) {
        let granted = Granted::in_store(&db).await;
        let asked = asked(&granted.app);
        let found = db
            .write(move |repos| {
                let devices = repos.device_authorizations();
                devices.insert(&permit(), &asked)?;
                devices.note_poll(&permit(), asked.id, 10, NOW + Duration::SECOND)?;
                devices.find_for_update(&asked.prefix)
            })
            .await
            .unwrap();
        assert_eq!((found.interval, found.polled_at), (10, Some(NOW + Duration::SECOND)));
    }

    async fn of_many_polls_at_once_one_gets_what_was_approved(db) {
        let granted = Granted::in_store(&db).await;
        let other = Granted::in_store(&db).await.user.id;
        let (asked, user) = (asked(&granted.app), granted.user.id);
        let (id, pending) = (asked.id, asked.id);
        db.write(move |repos| repos.device_authorizations().insert(&permit(), &asked)).await;
        let consume = move |user| move |repos: &mut dyn doorward_ports::Repositories| {
            repos.device_authorizations().consume(&permit(), id, user)
        };
        assert!(!db.write(consume(user)).await, "nobody has approved");
        let approved = DeviceDecision::Approved(user);
        db.write(move |repos| repos.device_authorizations().decide(&permit(), pending, approved, NOW)).await;
        assert!(!db.write(consume(other)).await, "another user has");
        let firsts = AtomicUsize::new(0);
        futures(8, async |_| {
            let first = db.write(consume(user)).await;
            firsts.fetch_add(usize::from(first), Ordering::Relaxed);
        })
        .await;
        assert_eq!(firsts.into_inner(), 1);
    }

    async fn those_that_wait_are_counted_by_app_and_address(db) {
        let (one, two) = (Granted::in_store(&db).await, Granted::in_store(&db).await);
        let denied = DeviceAuthorization { decision: DeviceDecision::Denied, ..asked(&one.app) };
        let elsewhere = DeviceAuthorization { ip: "192.0.2.8".to_owned(), ..asked(&one.app) };
        let old = DeviceAuthorization { expires_at: NOW, ..asked(&one.app) };
        let app: AppId = one.app.id;
        let all = [asked(&one.app), asked(&one.app), asked(&two.app), denied, elsewhere, old];
        let counted = db
            .write(move |repos| {
                for asked in &all {
                    repos.device_authorizations().insert(&permit(), asked)?;
                }
                repos.device_authorizations().count_live(app, "192.0.2.7", NOW)
            })
            .await;
        assert_eq!(counted, LiveDeviceCodes { all: 5, pending: 2 });
    }

    async fn codes_of_devices_are_unique(db) {
        let granted = Granted::in_store(&db).await;
        let first = asked(&granted.app);
        let twins = [
            DeviceAuthorization { prefix: first.prefix.clone(), ..asked(&granted.app) },
            DeviceAuthorization { user_code: first.user_code, ..asked(&granted.app) },
        ];
        db.write(move |repos| repos.device_authorizations().insert(&permit(), &first)).await;
        for twin in twins {
            let error = db.refused(move |repos| repos.device_authorizations().insert(&permit(), &twin)).await;
            assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");
        }
    }

    async fn what_a_device_asked_for_ends_with_its_time_its_app_and_the_access_of_its_user(db) {
        let granted = Granted::in_store(&db).await;
        let (app, user) = (granted.app.id, granted.user.id);
        let approved = DeviceAuthorization { decision: DeviceDecision::Approved(user), ..asked(&granted.app) };
        let [first, second] = [approved.clone(), DeviceAuthorization { user_code: Digest::of("2"), prefix: "2".to_owned(), id: id(), ..approved }];
        let (pending, end) = (asked(&granted.app), NOW + DEVICE_CODE_LIFETIME);
        db.write(move |repos| {
            repos.device_authorizations().insert(&permit(), &first)?;
            repos.device_authorizations().insert(&permit(), &pending)
        })
        .await;
        db.write(move |repos| repos.grants().delete_of_user_and_app(&permit(), user, app)).await;
        assert_eq!(db.rows("oauth2_device_authorizations"), 1, "what was approved is withdrawn");
        db.write(move |repos| repos.device_authorizations().insert(&permit(), &second)).await;
        db.write(move |repos| repos.users().delete(&permit(), user, NOW)).await;
        assert_eq!(db.rows("oauth2_device_authorizations"), 1, "and when the user goes");
        let purged = |now| move |repos: &mut dyn doorward_ports::Repositories| repos.maintenance().purge(&permit(), now, 100);
        assert_eq!(db.write(purged(NOW)).await.of("oauth2_device_authorizations"), 0);
        assert_eq!(db.write(purged(end)).await.of("oauth2_device_authorizations"), 1);
        let last = asked(&granted.app);
        db.write(move |repos| repos.device_authorizations().insert(&permit(), &last)).await;
        db.write(move |repos| repos.apps().delete(&permit(), app)).await;
        assert_eq!(db.rows("oauth2_device_authorizations"), 0);
    }
}
