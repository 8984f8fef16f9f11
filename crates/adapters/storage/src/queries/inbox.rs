//! Inboxes.

use super::Conn;
use super::expiring::Expiring;
use super::one_of::OneOf;
use crate::rows::InboxRow;
use crate::schema::inbox_notifications;
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{InboxNotificationId, UserId};
use doorward_domain::notifications::{INBOX_KEPT, InboxFilter, InboxNotification, ReadStatus};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::notifications::InboxRepository;

const NOBODY: &str = "no permission depends on an inbox";
/// So many notifications are looked at for those about certain things.
const SCANNED: i64 = 2000;

/// Old notifications are removed, read or not.
pub(super) const EXPIRING: Expiring = Expiring::after("inbox_notifications", "id", "created_at", INBOX_KEPT);

impl InboxRepository for UnitOfWork<'_, Conn> {
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::InboxNotification>,
        notifications: &[InboxNotification],
    ) -> Result<(), StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            for some in notifications.chunks(500) {
                let rows: Vec<InboxRow> = some.iter().map(InboxRow::from).collect();
                diesel::insert_into(inbox_notifications::table).values(&rows).execute(conn)?;
            }
            Ok(())
        })
    }

    fn list(&mut self, user: UserId, filter: &InboxFilter, limit: u32) -> Result<Vec<InboxNotification>, StoreError> {
        self.run(|conn| {
            let mut query = inbox_notifications::table
                .filter(inbox_notifications::user_id.eq(Id(user)))
                .order(inbox_notifications::id.desc())
                .select(InboxRow::as_select())
                .into_boxed();
            query = match filter.read {
                ReadStatus::All => query,
                ReadStatus::Read => query.filter(inbox_notifications::read_at.is_not_null()),
                ReadStatus::Unread => query.filter(inbox_notifications::read_at.is_null()),
            };
            if !filter.templates.is_empty() {
                let templates = filter.templates.iter().copied();
                query = query.filter(OneOf::ids("inbox_notifications.template_id", templates));
            }
            if let Some(before) = filter.before {
                query = query.filter(inbox_notifications::id.lt(Id(before)));
            }
            // What they are about is a list, in which the databases look in different ways.
            let rows = if filter.targets.is_empty() { i64::from(limit) } else { SCANNED };
            let found: Vec<InboxRow> = query.limit(rows).load(conn)?;
            let found = found.into_iter().map(InboxNotification::from);
            Ok(found
                .filter(|one| filter.lets_through(one))
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .collect())
        })
    }

    fn count_unread(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.run(|conn| {
            let unread = inbox_notifications::table
                .filter(inbox_notifications::user_id.eq(Id(user)))
                .filter(inbox_notifications::read_at.is_null());
            let count: i64 = unread.count().get_result(conn)?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
    }

    fn mark(
        &mut self,
        permit: &Permit<action::Update, resource::InboxNotification>,
        user: UserId,
        id: InboxNotificationId,
        read_at: Option<Instant>,
    ) -> Result<Option<InboxNotification>, StoreError> {
        self.write(permit, &permit.kind().owner(user.0), Touches::nobody(NOBODY), |conn| {
            let one = inbox_notifications::table.find(Id(id)).filter(inbox_notifications::user_id.eq(Id(user)));
            let marked: Option<InboxRow> = diesel::update(one)
                .set(inbox_notifications::read_at.eq(read_at.map(At)))
                .returning(InboxRow::as_returning())
                .get_result(conn)
                .optional()?;
            Ok(marked.map(InboxNotification::from))
        })
    }

    fn mark_all(
        &mut self,
        permit: &Permit<action::Update, resource::InboxNotification>,
        user: UserId,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().owner(user.0), Touches::nobody(NOBODY), |conn| {
            let unread = inbox_notifications::table
                .filter(inbox_notifications::user_id.eq(Id(user)))
                .filter(inbox_notifications::read_at.is_null());
            diesel::update(unread).set(inbox_notifications::read_at.eq(Some(At(now)))).execute(conn)?;
            Ok(())
        })
    }
}
