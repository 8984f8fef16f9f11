//! How PostgreSQL looks up what is to be told: by index, however much there is.

use crate::notifications::{delivery, in_inbox, notice};
use crate::plans::{scans, watch};
use crate::support::*;
use doorward_domain::ids::{DeliveryId, InboxNotificationId};
use doorward_domain::notifications::{InboxFilter, ReadStatus, ids};
use doorward_ports::StoreError;
use time::Duration;
use uuid::Uuid;

const TABLES: [&str; 4] =
    ["inbox_notifications", "notification_deliveries", "notification_notices", "notification_preferences"];

/// Enough of everything that reading all of a table is a bad idea, and statistics that say so: what is delivered later, what was given
/// up, and the inboxes and wishes of others.
fn fill(db: &Fixture) {
    let like = |table: &str, columns: &str| {
        format!(
            "INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(t) || jsonb_build_object({columns}))).* \
               FROM (SELECT * FROM {table} LIMIT 1) t, (SELECT id, row_number() OVER () AS n FROM users) u; "
        )
    };
    db.execute(
        &[
            like("users", "'id', gen_random_uuid(), 'username', n, 'username_key', n, 'email', n, 'email_key', n")
                .replace("(SELECT id, row_number() OVER () AS n FROM users) u", "generate_series(1, 4000) AS s(n)"),
            like("notification_notices", "'id', md5('n' || n)::uuid"),
            like(
                "notification_deliveries",
                "'id', md5('d' || n)::uuid, 'user_id', u.id, 'next_attempt_at', '2100-01-01Z', \
                 'dead_at', CASE WHEN n % 2 = 0 THEN '2100-01-01Z' END",
            ),
            like("inbox_notifications", "'id', md5('i' || n)::uuid, 'user_id', u.id"),
            like("notification_preferences", "'user_id', u.id, 'template_id', md5('t' || n)::uuid"),
            "ANALYZE".to_owned(),
        ]
        .concat(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_by_index() {
    let db = Fixture::postgres();
    let ann = user("ann");
    let of = ann.id;
    db.write(move |repos| {
        repos.users().insert(&permit(), &ann)?;
        repos.notifications().enqueue(&permit(), &[notice(1, of)])?;
        repos.notifications().insert_deliveries(&permit(), &[delivery(1, of)])?;
        repos.notifications().update_preferences(&permit(), of, &[(ids::TEST, true)], NOW)?;
        repos.inbox().insert(&permit(), &[in_inbox(1, of)])
    })
    .await;
    fill(&db);
    let (store, _) = watch(&db);
    db.end_connections();
    let before = scans(&db, &TABLES);
    assert_eq!(before.len(), TABLES.len());
    // Often enough that the plan for all parameters takes over from plans for these.
    for n in 10..22 {
        let walked: Result<(), StoreError> = store
            .write(move |repos| {
                let notifications = repos.notifications();
                notifications.enqueue(&permit(), &[notice(n, of)])?;
                assert_eq!(notifications.take(&permit(), 1)?.len(), 1);
                notifications.list_preferences(of)?;
                assert_eq!(notifications.list_refusals(ids::TEST, &[of])?, [(of, true)]);
                notifications.insert_deliveries(&permit(), &[delivery(n, of)])?;
                let claimed = notifications.claim(&permit(), 9, Duration::HOUR)?;
                assert!(!claimed.is_empty());
                let id = DeliveryId(Uuid::from_u128(n));
                notifications.hand_over(&permit(), id, 1)?;
                notifications.postpone(&permit(), id, 1, Duration::HOUR, "later")?;
                notifications.finish(&permit(), id, 1)?;
                notifications.bury_lost(&permit(), "lost")?;
                notifications.let_go(&permit())?;
                notifications.due_in()?;
                notifications.list_dead(9)?;
                let inbox = repos.inbox();
                inbox.insert(&permit(), &[in_inbox(n, of)])?;
                let any =
                    InboxFilter { targets: Vec::new(), templates: Vec::new(), read: ReadStatus::All, before: None };
                assert!(!inbox.list(of, &any, 9)?.is_empty());
                inbox.count_unread(of)?;
                inbox.mark(&permit(), of, InboxNotificationId(Uuid::from_u128(n)), Some(NOW))?;
                inbox.mark_all(&permit(), of, NOW)
            })
            .await;
        walked.unwrap();
    }
    drop(store);
    db.end_connections();
    assert_eq!(scans(&db, &TABLES), before, "no table was read from end to end");
}
