//! Events that wait to be handled.

use super::Conn;
use super::clock::{later, wait};
use super::moments::{self, NOW};
use crate::schema::outbox;
use crate::touches::Touches;
use crate::types::{At, sql as types};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use doorward_domain::Instant;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::outbox::{Message, OutboxRepository};
use time::Duration;

/// Subjects know no events.
const NOBODY: &str = "subjects know no events";

/// Id, topic, payload, when it was announced, failures, when it is to be tried again, now.
type Row = (i64, String, String, At, i32, Option<At>, At);

impl OutboxRepository for UnitOfWork<'_, Conn> {
    fn announce(
        &mut self,
        permit: &Permit<action::Create, resource::System>,
        topic: &str,
        payload: &str,
        now: Instant,
    ) -> Result<i64, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            // Before the id is given.
            moments::lock_topic(conn, topic)?;
            let new = (outbox::topic.eq(topic), outbox::payload.eq(payload), outbox::created_at.eq(At(now)));
            Ok(diesel::insert_into(outbox::table).values(new).returning(outbox::id).get_result(conn)?)
        })
    }

    fn first(&mut self, topic: &str, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.run(|conn| {
            let rows: Vec<Row> = outbox::table
                .filter(outbox::topic.eq(topic))
                .order(outbox::id)
                .limit(limit.into())
                .select((
                    outbox::id,
                    outbox::topic,
                    outbox::payload,
                    outbox::created_at,
                    outbox::attempts,
                    outbox::next_attempt_at,
                    sql::<types::Instant>(NOW),
                ))
                .load(conn)?;
            Ok(rows.into_iter().map(message).collect())
        })
    }

    fn remove(&mut self, permit: &Permit<action::Delete, resource::System>, ids: &[i64]) -> Result<usize, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            Ok(diesel::delete(outbox::table.filter(outbox::id.eq_any(ids))).execute(conn)?)
        })
    }

    fn postpone(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        id: i64,
        pause: Duration,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let postponed = diesel::update(outbox::table.find(id))
                .set((
                    outbox::attempts.eq(outbox::attempts + 1),
                    outbox::next_attempt_at.eq(later(pause).nullable()),
                    outbox::last_error.eq(error),
                ))
                .execute(conn)?;
            Ok(postponed > 0)
        })
    }

    fn count(&mut self) -> Result<Vec<(String, u64)>, StoreError> {
        self.run(|conn| {
            let counts = sql::<(Text, BigInt)>("SELECT topic, count(*) FROM outbox GROUP BY topic ORDER BY topic");
            let counts: Vec<(String, i64)> = counts.load(conn)?;
            Ok(counts.into_iter().map(|(topic, rows)| (topic, u64::try_from(rows).unwrap_or(0))).collect())
        })
    }
}

fn message((id, topic, payload, created_at, attempts, next_attempt_at, now): Row) -> Message {
    Message {
        id,
        topic,
        payload,
        created_at: created_at.0,
        attempts: u32::try_from(attempts).unwrap_or(0),
        wait: next_attempt_at.map_or(Duration::ZERO, |at| wait(at.0, now.0)),
    }
}
