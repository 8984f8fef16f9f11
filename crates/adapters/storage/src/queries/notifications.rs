//! What people are to be told, and by which ways. Times of deliveries are by the clock of the database.

use super::clock::{LONGEST_WAIT, later, micros, wait};
use super::expiring::Expiring;
use super::moments::{LATER, NOW, ONE_OF, SKIP_LOCKED};
use super::one_of::OneOf;
use super::{Conn, filters};
use crate::error::RowError;
use crate::rows::{DeliveryRow, NewDeliveryRow, UserRow, dead_delivery, entities};
use crate::schema::{
    notification_deliveries as deliveries, notification_methods as methods, notification_notices as notices,
    notification_preferences as preferences, organization_members, users, workspaces,
};
use crate::touches::Touches;
use crate::types::{At, Id, sql as types};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
use diesel::upsert::excluded;
use doorward_domain::Instant;
use doorward_domain::ids::{DeliveryId, NotificationTemplateId, OrganizationId, TemplateId, UserId};
use doorward_domain::notifications::{DEAD_KEPT, Delivery, Method, Notice, NotificationPreference};
use doorward_domain::roles::{
    ORGANIZATION_ADMIN, ORGANIZATION_TEMPLATE_ADMIN, OWNER, Permit, TEMPLATE_ADMIN, USER_ADMIN, action, resource,
};
use doorward_domain::users::{User, UserStatus};
use doorward_ports::StoreError;
use doorward_ports::notifications::{Backlog, DeadDelivery, NotificationRepository};
use time::Duration;

const NOBODY: &str = "no permission depends on notifications";

/// What was given up is kept for a while.
pub(super) const EXPIRING: Expiring = Expiring::after("notification_deliveries", "id", "dead_at", DEAD_KEPT);

/// The columns of a [`DeliveryRow`].
type DeliveryColumns =
    (types::Uuid, types::Uuid, types::Uuid, Text, Text, types::Instant, Nullable<types::Instant>, Integer);
const DELIVERY: &str = "id, template_id, user_id, method, matter, created_at, expires_at, attempts";

/// The row of a delivery during an attempt, as long as no other one has begun.
macro_rules! during {
    ($id:ident, $attempt:ident) => {
        deliveries::table
            .find(Id($id))
            .filter(deliveries::attempts.eq(i32::try_from($attempt).unwrap_or(i32::MAX)))
            .filter(deliveries::dead_at.is_null())
    };
}

/// Active users who can be written to, by id.
macro_rules! reachable {
    () => {
        users::table
            .filter(not(users::deleted))
            .filter(not(users::is_system))
            .filter(users::status.eq(UserStatus::Active.as_str()))
            .filter(users::email_key.ne(""))
            .order(users::id)
            .select(UserRow::as_select())
    };
}

impl NotificationRepository for UnitOfWork<'_, Conn> {
    fn list_methods(&mut self) -> Result<Vec<(NotificationTemplateId, Method)>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(Id<NotificationTemplateId>, String)> =
                methods::table.order(methods::template_id).load(conn)?;
            let read = |(id, method): (Id<NotificationTemplateId>, String)| {
                let method = method.parse().map_err(|error: doorward_domain::users::UnknownValueError| {
                    RowError::new("notification_methods", "method", id.0).because(error)
                })?;
                Ok((id.0, method))
            };
            Ok(rows.into_iter().map(read).collect::<Result<_, RowError>>()?)
        })
    }

    fn update_method(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationTemplate>,
        template: NotificationTemplateId,
        method: Method,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind().id(template.0), Touches::nobody(NOBODY), |conn| {
            let other = methods::table.find(Id(template)).filter(methods::method.ne(method.as_str()));
            let changed = diesel::update(other).set(methods::method.eq(method.as_str())).execute(conn)?;
            let made = diesel::insert_into(methods::table)
                .values((methods::template_id.eq(Id(template)), methods::method.eq(method.as_str())))
                .on_conflict(methods::template_id)
                .do_nothing()
                .execute(conn)?;
            Ok(changed + made > 0)
        })
    }

    fn list_preferences(&mut self, user: UserId) -> Result<Vec<NotificationPreference>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(Id<NotificationTemplateId>, bool, At)> = preferences::table
                .filter(preferences::user_id.eq(Id(user)))
                .order(preferences::template_id)
                .select((preferences::template_id, preferences::disabled, preferences::updated_at))
                .load(conn)?;
            let preference = |(id, disabled, at): (Id<NotificationTemplateId>, bool, At)| NotificationPreference {
                template_id: id.0,
                disabled,
                updated_at: at.0,
            };
            Ok(rows.into_iter().map(preference).collect())
        })
    }

    fn list_refusals(
        &mut self,
        template: NotificationTemplateId,
        users: &[UserId],
    ) -> Result<Vec<(UserId, bool)>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(Id<UserId>, bool)> = preferences::table
                .filter(preferences::template_id.eq(Id(template)))
                .filter(OneOf::ids("notification_preferences.user_id", users.iter().copied()))
                .select((preferences::user_id, preferences::disabled))
                .load(conn)?;
            Ok(rows.into_iter().map(|(id, disabled)| (id.0, disabled)).collect())
        })
    }

    fn update_preferences(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationPreference>,
        user: UserId,
        disabled: &[(NotificationTemplateId, bool)],
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write_all(permit, &permit.kind().owner(user.0), Touches::nobody(NOBODY), |conn| {
            for (template, disabled) in disabled {
                diesel::insert_into(preferences::table)
                    .values((
                        preferences::user_id.eq(Id(user)),
                        preferences::template_id.eq(Id(*template)),
                        preferences::disabled.eq(disabled),
                        preferences::updated_at.eq(At(now)),
                    ))
                    .on_conflict((preferences::user_id, preferences::template_id))
                    .do_update()
                    .set((
                        preferences::disabled.eq(excluded(preferences::disabled)),
                        preferences::updated_at.eq(excluded(preferences::updated_at)),
                    ))
                    .execute(conn)?;
            }
            Ok(())
        })
    }

    fn list_user_admins(&mut self) -> Result<Vec<User>, StoreError> {
        let roles = [OWNER, USER_ADMIN].map(str::to_owned);
        self.run(|conn| {
            let rows: Vec<UserRow> = reachable!().filter(filters::holds_any_role(&roles)).load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn list_template_admins(&mut self, organization: OrganizationId) -> Result<Vec<User>, StoreError> {
        let roles = [OWNER, TEMPLATE_ADMIN].map(str::to_owned);
        self.run(|conn| {
            let in_charge: Vec<Id<UserId>> = organization_members::table
                .filter(organization_members::organization_id.eq(Id(organization)))
                .filter(
                    filters::member_holds(ORGANIZATION_ADMIN).or(filters::member_holds(ORGANIZATION_TEMPLATE_ADMIN)),
                )
                .select(organization_members::user_id)
                .load(conn)?;
            let in_charge = OneOf::ids("users.id", in_charge.into_iter().map(|id| id.0));
            let rows: Vec<UserRow> = reachable!().filter(filters::holds_any_role(&roles).or(in_charge)).load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn list_workspace_owners(&mut self, template: TemplateId) -> Result<Vec<User>, StoreError> {
        self.run(|conn| {
            let owners = workspaces::table
                .filter(workspaces::template_id.eq(Id(template)))
                .filter(not(workspaces::deleted))
                .select(workspaces::owner_id);
            let rows: Vec<UserRow> = reachable!().filter(users::id.eq_any(owners)).load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn enqueue(
        &mut self,
        permit: &Permit<action::Create, resource::NotificationMessage>,
        new: &[Notice],
    ) -> Result<(), StoreError> {
        let texts = new.iter().map(|notice| Ok((notice.id, serde_json::to_string(notice)?)));
        let texts = texts.collect::<Result<Vec<_>, serde_json::Error>>().map_err(StoreError::other)?;
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let rows: Vec<_> =
                texts.into_iter().map(|(id, text)| (notices::id.eq(Id(id)), notices::notice.eq(text))).collect();
            match rows.as_slice() {
                // The statement for one row stays prepared.
                [row] => diesel::insert_into(notices::table).values(row).execute(conn)?,
                rows => diesel::insert_into(notices::table).values(rows).execute(conn)?,
            };
            Ok(())
        })
    }

    fn take(
        &mut self,
        permit: &Permit<action::Delete, resource::NotificationMessage>,
        limit: u32,
    ) -> Result<Vec<Notice>, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let take = sql::<(types::Uuid, Text)>("DELETE FROM notification_notices WHERE id")
                .sql(ONE_OF.0)
                .sql("SELECT id FROM notification_notices ORDER BY id LIMIT ")
                .bind::<BigInt, _>(i64::from(limit))
                .sql(SKIP_LOCKED)
                .sql(ONE_OF.1)
                .sql(" RETURNING id, notice");
            let rows: Vec<(Id<uuid::Uuid>, String)> = take.load(conn)?;
            let read = |(id, text): (Id<uuid::Uuid>, String)| {
                serde_json::from_str::<Notice>(&text)
                    .map_err(|error| RowError::new("notification_notices", "notice", id.0).because(error))
            };
            let mut taken = rows.into_iter().map(read).collect::<Result<Vec<_>, RowError>>()?;
            taken.sort_by_key(|notice| notice.id);
            Ok(taken)
        })
    }

    fn insert_deliveries(
        &mut self,
        permit: &Permit<action::Create, resource::NotificationMessage>,
        new: &[Delivery],
    ) -> Result<(), StoreError> {
        let rows = new.iter().map(NewDeliveryRow::try_from).collect::<Result<Vec<_>, StoreError>>()?;
        self.write_all(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            for some in rows.chunks(500) {
                diesel::insert_into(deliveries::table).values(some).execute(conn)?;
            }
            Ok(())
        })
    }

    fn claim(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let of_before = deliveries::table
                .filter(deliveries::dead_at.is_null())
                .filter(deliveries::next_attempt_at.gt(later(LONGEST_WAIT)));
            diesel::update(of_before).set(deliveries::next_attempt_at.eq(later(Duration::ZERO))).execute(conn)?;
            let claim = sql::<DeliveryColumns>(
                "UPDATE notification_deliveries SET attempts = attempts + 1, claimed = TRUE, handed_over = FALSE, \
                 next_attempt_at = ",
            )
            .sql(LATER.0)
            .bind::<BigInt, _>(micros(lease))
            .sql(LATER.1)
            .sql(" WHERE id")
            .sql(ONE_OF.0)
            .sql(&format!(
                "SELECT id FROM notification_deliveries WHERE dead_at IS NULL AND NOT handed_over \
                 AND next_attempt_at <= {NOW} \
                 ORDER BY next_attempt_at, id LIMIT "
            ))
            .bind::<BigInt, _>(i64::from(limit))
            .sql(SKIP_LOCKED)
            .sql(ONE_OF.1)
            .sql(&format!(" RETURNING {DELIVERY}"));
            let rows: Vec<DeliveryRow> = claim.load(conn)?;
            let mut claimed: Vec<Delivery> = entities(rows)?;
            claimed.sort_by_key(|delivery| delivery.id);
            Ok(claimed)
        })
    }

    fn hand_over(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        id: DeliveryId,
        attempt: u32,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let in_time = deliveries::next_attempt_at.gt(later(Duration::ZERO));
            let attempt = during!(id, attempt).filter(in_time);
            Ok(diesel::update(attempt).set(deliveries::handed_over.eq(true)).execute(conn)? > 0)
        })
    }

    fn finish(
        &mut self,
        permit: &Permit<action::Delete, resource::NotificationMessage>,
        id: DeliveryId,
        attempt: u32,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            Ok(diesel::delete(during!(id, attempt)).execute(conn)? > 0)
        })
    }

    fn postpone(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        id: DeliveryId,
        attempt: u32,
        pause: Duration,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let postponed = diesel::update(during!(id, attempt))
                .set((
                    deliveries::next_attempt_at.eq(later(pause)),
                    deliveries::claimed.eq(false),
                    deliveries::handed_over.eq(false),
                    deliveries::last_error.eq(error),
                ))
                .execute(conn)?;
            Ok(postponed > 0)
        })
    }

    fn bury(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        id: DeliveryId,
        attempt: u32,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let buried = diesel::update(during!(id, attempt))
                .set((
                    deliveries::dead_at.eq(later(Duration::ZERO).nullable()),
                    deliveries::claimed.eq(false),
                    deliveries::last_error.eq(error),
                ))
                .execute(conn)?;
            Ok(buried > 0)
        })
    }

    fn bury_lost(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        error: &str,
    ) -> Result<usize, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let lost = deliveries::table
                .filter(deliveries::dead_at.is_null())
                .filter(deliveries::claimed)
                .filter(deliveries::handed_over);
            let buried = diesel::update(lost).set((
                deliveries::dead_at.eq(later(Duration::ZERO).nullable()),
                deliveries::claimed.eq(false),
                deliveries::last_error.eq(error),
            ));
            Ok(buried.execute(conn)?)
        })
    }

    fn let_go(&mut self, permit: &Permit<action::Update, resource::NotificationMessage>) -> Result<usize, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let left = deliveries::table
                .filter(deliveries::dead_at.is_null())
                .filter(deliveries::claimed)
                .filter(not(deliveries::handed_over));
            let due = diesel::update(left)
                .set((deliveries::claimed.eq(false), deliveries::next_attempt_at.eq(later(Duration::ZERO))));
            Ok(due.execute(conn)?)
        })
    }

    fn due_in(&mut self) -> Result<Option<Duration>, StoreError> {
        self.run(|conn| {
            let first: Option<(At, At)> = deliveries::table
                .filter(deliveries::dead_at.is_null())
                .filter(not(deliveries::handed_over))
                .order(deliveries::next_attempt_at)
                .select((deliveries::next_attempt_at, sql::<types::Instant>(NOW)))
                .first(conn)
                .optional()?;
            Ok(first.map(|(at, now)| wait(at.0, now.0)))
        })
    }

    fn list_dead(&mut self, limit: u32) -> Result<Vec<DeadDelivery>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(DeliveryRow, Option<At>, Option<String>)> = deliveries::table
                .filter(deliveries::dead_at.is_not_null())
                .order((deliveries::dead_at.desc(), deliveries::id.desc()))
                .limit(limit.into())
                .select((DeliveryRow::as_select(), deliveries::dead_at, deliveries::last_error))
                .load(conn)?;
            Ok(rows.into_iter().map(dead_delivery).collect::<Result<_, RowError>>()?)
        })
    }

    fn revive(
        &mut self,
        permit: &Permit<action::Update, resource::NotificationMessage>,
        id: Option<DeliveryId>,
    ) -> Result<usize, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let is_all = id.is_none();
            let which = deliveries::id.eq(Id(id.unwrap_or(DeliveryId::NIL))).or(is_all.into_sql::<Bool>());
            let dead = deliveries::table.filter(deliveries::dead_at.is_not_null()).filter(which);
            let revived = diesel::update(dead).set((
                deliveries::dead_at.eq(None::<At>),
                deliveries::attempts.eq(0),
                deliveries::claimed.eq(false),
                deliveries::handed_over.eq(false),
                deliveries::next_attempt_at.eq(later(Duration::ZERO)),
            ));
            Ok(revived.execute(conn)?)
        })
    }

    fn is_busy(&mut self) -> Result<bool, StoreError> {
        self.run(|conn| {
            let on_their_way = deliveries::table.filter(deliveries::dead_at.is_null());
            let is_busy: bool = diesel::select(exists(notices::table.select(notices::id))).get_result(conn)?;
            Ok(is_busy || diesel::select(exists(on_their_way)).get_result(conn)?)
        })
    }

    fn backlog(&mut self) -> Result<Backlog, StoreError> {
        self.run(|conn| {
            let counts = sql::<(BigInt, BigInt, BigInt)>(
                "SELECT (SELECT count(*) FROM notification_notices), \
                 (SELECT count(*) FROM notification_deliveries WHERE dead_at IS NULL), \
                 (SELECT count(*) FROM notification_deliveries WHERE dead_at IS NOT NULL)",
            );
            let (notices, deliveries, dead): (i64, i64, i64) = counts.get_result(conn)?;
            let number = |count: i64| u64::try_from(count).unwrap_or(0);
            Ok(Backlog { notices: number(notices), deliveries: number(deliveries), dead: number(dead) })
        })
    }
}
