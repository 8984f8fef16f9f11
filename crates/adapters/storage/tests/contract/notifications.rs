//! Notifications: what is told is there exactly when its transaction was committed, is taken once, and is delivered by one server
//! at a time.

use crate::support::*;
use doorward_domain::ids::{DeliveryId, InboxNotificationId, NoticeId, UserId};
use doorward_domain::notifications::{
    Audience, Delivery, InboxFilter, InboxNotification, LinkedAction, Matter, Method, Notice, PasscodeSeed, ReadStatus,
    ids,
};
use doorward_domain::organizations::Membership;
use doorward_domain::passcodes::{Passcode, digest_of};
use doorward_domain::sessions::{Acquaintance, DEVICES_MAX, Device};
use doorward_domain::users::{User, UserStatus};
use doorward_domain::workspaces::Workspace;
use doorward_ports::notifications::Backlog;
use doorward_ports::{Repositories, StoreError};
use std::collections::BTreeSet;
use time::Duration;
use uuid::Uuid;

pub(crate) fn notice(number: u128, user: UserId) -> Notice {
    let seed = PasscodeSeed { key: "1".to_owned(), nonce: "n".to_owned() };
    Notice {
        id: NoticeId(Uuid::from_u128(number)),
        template_id: ids::TEST,
        audience: Audience::User(user),
        matter: Matter { passcode: Some(seed), ..Matter::default() }.label("a", "\u{e9}\"<").about(user),
        created_at: NOW,
        expires_at: Some(NOW + Duration::HOUR),
    }
}

pub(crate) fn delivery(number: u128, user: UserId) -> Delivery {
    let Notice { template_id, matter, created_at, expires_at, .. } = notice(number, user);
    let id = DeliveryId(Uuid::from_u128(number));
    Delivery { id, template_id, user_id: user, method: Method::Smtp, matter, created_at, expires_at, attempts: 0 }
}

pub(crate) fn in_inbox(number: u128, user: UserId) -> InboxNotification {
    InboxNotification {
        id: InboxNotificationId(Uuid::from_u128(number)),
        user_id: user,
        template_id: ids::TEST,
        targets: vec![Uuid::from_u128(7), Uuid::from_u128(number)],
        title: format!("Number {number}"),
        content: "text".to_owned(),
        actions: vec![LinkedAction { label: "Go".to_owned(), url: "https://door.example".to_owned() }],
        read_at: None,
        created_at: NOW,
    }
}

pub(crate) fn passcode(user: UserId, code: &str) -> Passcode {
    Passcode { user_id: user, digest: digest_of(code), created_at: NOW, expires_at: NOW + Duration::MINUTE }
}

/// Ends all attempts, as time does.
fn end_attempts(db: &Fixture) {
    let long_ago = if db.is_postgres() { "'epoch'" } else { "0" };
    db.execute(&format!("UPDATE notification_deliveries SET next_attempt_at = {long_ago}"));
}

async fn ann(db: &Fixture) -> UserId {
    let ann = user("ann");
    let id = ann.id;
    db.write(move |repos| repos.users().insert(&permit(), &ann)).await;
    id
}

async fn claim(db: &Fixture, limit: u32) -> Vec<(u128, u32)> {
    let claimed = db.write(move |repos| repos.notifications().claim(&permit(), limit, Duration::HOUR)).await;
    claimed.into_iter().map(|one| (one.id.0.as_u128(), one.attempts)).collect()
}

fn one(repos: &mut dyn Repositories, number: u128) -> DeliveryId {
    let _ = repos;
    DeliveryId(Uuid::from_u128(number))
}

contract! {
    async fn a_notice_is_there_when_its_transaction_was_committed_and_is_taken_once(db) {
        let ann = ann(&db).await;
        let undone = db.refused(move |repos| {
            repos.notifications().enqueue(&permit(), &[notice(1, ann)])?;
            Err::<(), _>(StoreError::other("changed my mind"))
        });
        undone.await;
        assert_eq!(db.rows("notification_notices"), 0);
        assert!(!db.read(|repos| repos.notifications().is_busy()).await);
        db.write(move |repos| repos.notifications().enqueue(&permit(), &[notice(3, ann), notice(2, ann), notice(4, ann)])).await;
        assert!(db.read(|repos| repos.notifications().is_busy()).await);
        let take = async |limit| db.write(move |repos| repos.notifications().take(&permit(), limit)).await;
        assert_eq!(take(2).await, [notice(2, ann), notice(3, ann)]);
        let undone = db.refused(move |repos| {
            assert_eq!(repos.notifications().take(&permit(), 9)?, [notice(4, ann)]);
            Err::<(), _>(StoreError::other("changed my mind"))
        });
        undone.await;
        assert_eq!((take(9).await, take(9).await), (vec![notice(4, ann)], Vec::new()));
    }

    async fn of_several_servers_one_gets_each_delivery(db) {
        let ann = ann(&db).await;
        let all: Vec<Delivery> = (1..=60).map(|number| delivery(number, ann)).collect();
        let expected = all[0].clone();
        db.write(move |repos| repos.notifications().insert_deliveries(&permit(), &all)).await;
        let others: Vec<_> = (0..3).map(|_| db.open_again()).collect();
        let mut servers = tokio::task::JoinSet::new();
        for server in &others {
            let store = server.store.clone();
            servers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claim = store.write(|repos| repos.notifications().claim(&permit(), 7, Duration::HOUR));
                    let some: Vec<Delivery> = claim.await.unwrap();
                    if some.is_empty() {
                        return mine;
                    }
                    mine.extend(some);
                }
            });
        }
        let claimed: Vec<Delivery> = servers.join_all().await.into_iter().flatten().collect();
        let different: BTreeSet<_> = claimed.iter().map(|one| one.id).collect();
        assert_eq!((claimed.len(), different.len()), (60, 60));
        let first = claimed.into_iter().find(|one| one.id == expected.id).unwrap();
        assert_eq!(first, Delivery { attempts: 1, ..expected });
    }

    async fn an_attempt_ends_well_or_is_made_again_or_is_given_up(db) {
        let ann = ann(&db).await;
        db.write(move |repos| repos.notifications().insert_deliveries(&permit(), &[delivery(1, ann), delivery(2, ann), delivery(3, ann)])).await;
        assert_eq!(db.read(|repos| repos.notifications().due_in()).await, Some(Duration::ZERO));
        assert!(db.read(|repos| repos.notifications().is_busy()).await);
        assert_eq!(claim(&db, 9).await, [(1, 1), (2, 1), (3, 1)]);
        assert!(claim(&db, 9).await.is_empty(), "they are under way");
        assert!(db.read(|repos| repos.notifications().due_in()).await.unwrap() > Duration::minutes(59));
        let done = db.write(|repos| {
            let (first, second, third) = (one(repos, 1), one(repos, 2), one(repos, 3));
            let queue = repos.notifications();
            assert!(!queue.finish(&permit(), first, 2)? && queue.finish(&permit(), first, 1)?);
            assert!(!queue.finish(&permit(), first, 1)?, "it is gone");
            assert!(queue.postpone(&permit(), second, 1, Duration::HOUR, "away")?);
            assert!(!queue.bury(&permit(), third, 7, "no")? && queue.bury(&permit(), third, 1, "refused")?);
            assert!(!queue.postpone(&permit(), third, 1, Duration::ZERO, "x")?, "what is given up stays so");
            queue.backlog()
        });
        assert_eq!(done.await, Backlog { notices: 0, deliveries: 1, dead: 1 });
        assert!(claim(&db, 9).await.is_empty());
        end_attempts(&db);
        assert_eq!(claim(&db, 9).await, [(2, 2)]);
        let dead = db.read(|repos| repos.notifications().list_dead(9)).await;
        assert_eq!(dead.len(), 1);
        assert_eq!((&dead[0].delivery, dead[0].error.as_str()), (&Delivery { attempts: 1, ..delivery(3, ann) }, "refused"));

        let revived = db.write(|repos| {
            let third = one(repos, 3);
            let none = repos.notifications().revive(&permit(), Some(DeliveryId::NIL))?;
            Ok((none, repos.notifications().revive(&permit(), Some(third))?, repos.notifications().revive(&permit(), None)?))
        });
        assert_eq!(revived.await, (0, 1, 0));
        assert_eq!(claim(&db, 9).await, [(3, 1)]);
    }

    async fn what_was_handed_over_by_an_attempt_that_ended_is_given_up_and_not_tried_again(db) {
        let ann = ann(&db).await;
        db.write(move |repos| repos.notifications().insert_deliveries(&permit(), &[delivery(1, ann), delivery(2, ann)])).await;
        assert_eq!(claim(&db, 9).await.len(), 2);
        let handed = db.write(|repos| {
            let first = one(repos, 1);
            let handed = repos.notifications().hand_over(&permit(), first, 1)?;
            Ok((handed, repos.notifications().hand_over(&permit(), first, 2)?))
        });
        assert_eq!(handed.await, (true, false));
        end_attempts(&db);
        let late = db.write(|repos| {
            let second = one(repos, 2);
            repos.notifications().hand_over(&permit(), second, 1)
        });
        assert!(!late.await, "an attempt that is over hands nothing over");
        assert_eq!(claim(&db, 9).await, [(2, 2)], "what may have been sent is not sent again");
        assert!(db.read(|repos| repos.notifications().due_in()).await.unwrap() > Duration::ZERO);
        assert_eq!(db.write(|repos| repos.notifications().bury_lost(&permit(), "lost")).await, 1);
        let dead = db.read(|repos| repos.notifications().list_dead(9)).await;
        assert_eq!((dead[0].delivery.id.0.as_u128(), dead[0].error.as_str()), (1, "lost"));
    }

    async fn whoever_takes_over_has_what_was_begun_and_not_handed_over(db) {
        let ann = ann(&db).await;
        db.write(move |repos| {
            let all: Vec<_> = (1..=3).map(|number| delivery(number, ann)).collect();
            repos.notifications().insert_deliveries(&permit(), &all)
        })
        .await;
        assert_eq!(claim(&db, 2).await.len(), 2);
        let left = db.write(|repos| {
            let first = one(repos, 1);
            repos.notifications().hand_over(&permit(), first, 1)?;
            repos.notifications().let_go(&permit())
        });
        assert_eq!(left.await, 1);
        assert_eq!(claim(&db, 9).await, [(2, 2), (3, 1)]);
        let late = db.write(|repos| {
            let second = one(repos, 2);
            repos.notifications().hand_over(&permit(), second, 1)
        });
        assert!(!late.await, "the attempt before is over");
    }

    async fn a_clock_that_was_set_back_holds_nothing_up(db) {
        let ann = ann(&db).await;
        db.write(move |repos| repos.notifications().insert_deliveries(&permit(), &[delivery(1, ann)])).await;
        assert_eq!(claim(&db, 9).await.len(), 1);
        let day = if db.is_postgres() { "interval '1 day'" } else { "86400000000" };
        db.execute(&format!("UPDATE notification_deliveries SET next_attempt_at = next_attempt_at + {day}"));
        assert_eq!(db.read(|repos| repos.notifications().due_in()).await, Some(Duration::ZERO));
        assert_eq!(claim(&db, 9).await.len(), 1);
    }

    async fn what_was_given_up_and_what_is_old_is_removed(db) {
        let ann = ann(&db).await;
        db.write(move |repos| {
            repos.notifications().insert_deliveries(&permit(), &[delivery(1, ann), delivery(2, ann)])?;
            repos.notifications().claim(&permit(), 1, Duration::HOUR)?;
            let first = one(repos, 1);
            repos.notifications().bury(&permit(), first, 1, "no")?;
            repos.passcodes().upsert(&permit(), &passcode(ann, "x"))?;
            repos.inbox().insert(&permit(), &[in_inbox(1, ann)])
        })
        .await;
        // The dead die by the clock of the database.
        let later = time::macros::datetime!(2100-01-01 00:00 UTC);
        let purged = db.write(move |repos| repos.maintenance().purge(&permit(), later, 100)).await;
        assert_eq!((purged.of("notification_deliveries"), purged.of("one_time_passcodes"), purged.of("inbox_notifications")), (1, 1, 1));
        assert_eq!(["notification_deliveries", "one_time_passcodes", "inbox_notifications"].map(|table| db.rows(table)), [1, 0, 0]);
    }

    async fn ways_and_wishes_are_kept(db) {
        let ann = ann(&db).await;
        let choose = async |method| db.write(move |repos| repos.notifications().update_method(&permit(), ids::TEST, method)).await;
        assert_eq!((choose(Method::Smtp).await, choose(Method::Smtp).await, choose(Method::Inbox).await), (true, false, true));
        assert_eq!(db.read(|repos| repos.notifications().list_methods()).await, [(ids::TEST, Method::Inbox)]);
        let said = db
            .write(move |repos| {
                repos.notifications().update_preferences(&permit(), ann, &[(ids::TEST, true), (ids::USER_CREATED, true)], NOW)?;
                repos.notifications().update_preferences(&permit(), ann, &[(ids::TEST, false)], NOW + Duration::SECOND)?;
                repos.notifications().list_preferences(ann)
            })
            .await;
        let said: BTreeSet<_> = said.iter().map(|one| (one.template_id, one.disabled, one.updated_at)).collect();
        assert_eq!(said, BTreeSet::from([(ids::TEST, false, NOW + Duration::SECOND), (ids::USER_CREATED, true, NOW)]));
        let refusals = db.read(move |repos| repos.notifications().list_refusals(ids::USER_CREATED, &[ann, UserId::NIL])).await;
        assert_eq!(refusals, [(ann, true)]);
    }

    async fn those_who_look_after_accounts_are_active_and_can_be_written_to(db) {
        let with = |name: &str, role: &str| User { roles: role_names(&[role]), ..user(name) };
        let all = [
            with("owner", "owner"),
            with("admin", "user-admin"),
            with("auditor", "auditor"),
            User { status: UserStatus::Suspended, ..with("away", "owner") },
            User { email: None, ..with("robot", "owner") },
        ];
        db.write(move |repos| all.iter().try_for_each(|user| repos.users().insert(&permit(), user))).await;
        let found = db.read(|repos| repos.notifications().list_user_admins()).await;
        let names: BTreeSet<_> = found.iter().map(|user| user.username.as_str()).collect();
        assert_eq!(names, BTreeSet::from(["admin", "owner"]));
    }

    async fn those_who_look_after_templates_and_those_who_have_workspaces_are_found(db) {
        let (acme, ann, dev) = templated(&db).await;
        let (place, template) = (acme.id, dev.id);
        let with = |name: &str, role: &str| {
            let mut user = user(name);
            user.roles.insert(role);
            user
        };
        let (admin, head, steward, plain) = (with("admin", "template-admin"), user("head"), user("steward"), user("plain"));
        let gone = User { status: UserStatus::Suspended, ..with("gone", "owner") };
        let other = organization("other");
        db.write(move |repos| {
            for one in [&admin, &head, &steward, &plain, &gone, &with("auditor", "auditor")] {
                repos.users().insert(&permit(), one)?;
            }
            repos.organizations().insert(&permit(), &other)?;
            for (place, user, role) in [
                (place, &head, "organization-admin"),
                (place, &steward, "organization-template-admin"),
                (place, &plain, "organization-auditor"),
                (other.id, &plain, "organization-template-admin"),
            ] {
                let member = membership(place, user.id);
                repos.organizations().insert_member(&permit(), &Membership { roles: role_names(&[role]), ..member })?;
            }
            for (name, owner, deleted) in [("a", ann.id, false), ("b", ann.id, false), ("c", plain.id, true), ("d", gone.id, false)] {
                let one = workspace(&dev, name);
                repos.workspaces().insert(&permit(), &Workspace { owner_id: owner, deleted, ..one })?;
            }
            Ok(())
        })
        .await;
        let names = |found: Vec<User>| found.iter().map(|user| user.username.to_string()).collect::<BTreeSet<_>>();
        let found = db.read(move |repos| repos.notifications().list_template_admins(place)).await;
        assert_eq!(names(found), ["admin", "head", "steward"].map(str::to_owned).into());
        let found = db.read(move |repos| repos.notifications().list_workspace_owners(template)).await;
        assert_eq!(found.len(), 1, "once, whoever has several");
        assert_eq!(names(found), ["ann"].map(str::to_owned).into());
    }

    async fn an_inbox_is_read_by_its_owner_page_by_page(db) {
        let ann = ann(&db).await;
        let bob = user("bob");
        let bobs = bob.id;
        db.write(move |repos| {
            repos.users().insert(&permit(), &bob)?;
            let mut all: Vec<_> = (1..=5).map(|number| in_inbox(number, ann)).collect();
            all[4].template_id = ids::USER_CREATED;
            all.push(in_inbox(9, bobs));
            repos.inbox().insert(&permit(), &all)
        })
        .await;
        let any = || InboxFilter { targets: Vec::new(), templates: Vec::new(), read: ReadStatus::All, before: None };
        let list = async |filter: InboxFilter, limit| {
            let page = db.read(move |repos| repos.inbox().list(ann, &filter, limit)).await;
            page.into_iter().map(|one| one.id.0.as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(list(any(), 2).await, [5, 4]);
        assert_eq!(list(InboxFilter { before: Some(InboxNotificationId(Uuid::from_u128(4))), ..any() }, 9).await, [3, 2, 1]);
        assert_eq!(list(InboxFilter { targets: vec![Uuid::from_u128(7), Uuid::from_u128(2)], ..any() }, 9).await, [2]);
        assert_eq!(list(InboxFilter { templates: vec![ids::USER_CREATED], ..any() }, 9).await, [5]);
        let mark = async |number, read_at| {
            let id = InboxNotificationId(Uuid::from_u128(number));
            db.write(move |repos| repos.inbox().mark(&permit(), ann, id, read_at)).await
        };
        assert_eq!(mark(3, Some(NOW)).await, Some(InboxNotification { read_at: Some(NOW), ..in_inbox(3, ann) }));
        assert_eq!(mark(9, Some(NOW)).await, None, "it is Bob's");
        assert_eq!(list(InboxFilter { read: ReadStatus::Read, ..any() }, 9).await, [3]);
        assert_eq!(list(InboxFilter { read: ReadStatus::Unread, ..any() }, 9).await, [5, 4, 2, 1]);
        mark(3, None).await;
        assert_eq!(db.read(move |repos| repos.inbox().count_unread(ann)).await, 5);
        db.write(move |repos| repos.inbox().mark_all(&permit(), ann, NOW)).await;
        let unread = db.read(move |repos| Ok((repos.inbox().count_unread(ann)?, repos.inbox().count_unread(bobs)?))).await;
        assert_eq!(unread, (0, 1));
    }

    async fn a_passcode_is_replaced_used_once_and_ends_with_the_password(db) {
        let ann = ann(&db).await;
        let (first, second) = (passcode(ann, "first"), passcode(ann, "second"));
        let (old, new) = (first.clone(), second.clone());
        db.write(move |repos| {
            repos.passcodes().upsert(&permit(), &old)?;
            repos.passcodes().upsert(&permit(), &new)
        })
        .await;
        assert_eq!(db.read(move |repos| repos.passcodes().find(ann)).await, Some(second.clone()));
        let used = db.write(move |repos| {
            let replaced = repos.passcodes().consume(&permit(), &first)?;
            Ok((replaced, repos.passcodes().consume(&permit(), &second)?, repos.passcodes().consume(&permit(), &second)?))
        });
        assert_eq!(used.await, (false, true, false));
        db.write(move |repos| {
            repos.passcodes().upsert(&permit(), &passcode(ann, "third"))?;
            let hash = doorward_domain::users::PasswordHash::new("hash".to_owned());
            repos.users().update_password(&permit(), ann, &hash, NOW)
        })
        .await;
        assert_eq!(db.read(move |repos| repos.passcodes().find(ann)).await, None);
    }

    async fn devices_are_remembered_until_there_are_too_many(db) {
        let ann = ann(&db).await;
        let remember = async |number: u32| {
            let device = Device::of(&format!("agent{number}/1"), "192.0.2.7").digest();
            db.write(move |repos| repos.throttles().remember_device(&permit(), ann, &device, NOW + Duration::seconds(number.into()))).await
        };
        assert_eq!(remember(0).await, Acquaintance::First);
        assert_eq!((remember(1).await, remember(1).await), (Acquaintance::New, Acquaintance::Known));
        for number in 2..=DEVICES_MAX {
            assert_eq!(remember(number).await, Acquaintance::New);
        }
        assert_eq!(db.rows("known_devices"), i64::from(DEVICES_MAX));
        assert_eq!((remember(1).await, remember(0).await), (Acquaintance::Known, Acquaintance::New), "the first one is forgotten");
    }

    async fn what_somebody_is_told_ends_with_them(db) {
        let ann = ann(&db).await;
        db.write(move |repos| {
            repos.notifications().insert_deliveries(&permit(), &[delivery(1, ann)])?;
            repos.inbox().insert(&permit(), &[in_inbox(1, ann)])?;
            repos.notifications().update_preferences(&permit(), ann, &[(ids::TEST, true)], NOW)?;
            repos.passcodes().upsert(&permit(), &passcode(ann, "x"))?;
            repos.throttles().remember_device(&permit(), ann, &Device::of("", "").digest(), NOW)?;
            repos.users().delete(&permit(), ann, NOW)
        })
        .await;
        for table in ["notification_deliveries", "inbox_notifications", "notification_preferences", "one_time_passcodes", "known_devices"] {
            assert_eq!(db.rows(table), 0, "{table}");
        }
    }
}
