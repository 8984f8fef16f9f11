//! Which apps are to be told that a session has ended. Times are by the clock of the database.

use super::Conn;
use super::clock::{LONGEST_WAIT, later, micros, wait};
use super::moments::{LATER, NOW, ONE_OF, SKIP_LOCKED};
use crate::error::Error;
use crate::schema::{oauth2_grants, openid_apps, openid_grants, openid_logouts, openid_sessions};
use crate::touches::Touches;
use crate::types::{At, Id, Json, sql as types};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};
use doorward_domain::ids::{AppId, GrantId, UserId};
use doorward_domain::openid::{AppRules, LogoutNotice};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::openid::LogoutRepository;
use std::collections::BTreeSet;
use time::Duration;
use uuid::Uuid;

const NOBODY: &str = "no permission depends on what an app is told";
/// So many rows are written by one statement.
const AT_ONCE: usize = 1000;
/// The columns of a [`Row`].
type Columns = (BigInt, types::Uuid, types::Uuid, types::Uuid, Integer);
/// Id, app, user, session, attempts.
type Row = (i64, Id<AppId>, Id<UserId>, Id<Uuid>, i32);
/// Grant, whom to tell of what, access token, and what is particular about the app.
type Found = (Id<GrantId>, (Id<AppId>, Id<UserId>, Id<Uuid>), String, Json<AppRules>);
/// Whom to tell of what: app, user, session.
type Told = (AppId, UserId, Uuid);

/// Before a key is deleted or ends: notes which apps are to be told, if it is that of a session of which apps were told, and ends the
/// grants that end with it. Answers whom that concerns.
///
/// The name of the session goes first: that waits for exchanges of its codes, whose grants are found then, and later ones do not find it.
pub(super) fn note_end(conn: &mut Conn, key: &ApiKeyId) -> Result<Vec<Change>, Error> {
    let ended = diesel::delete(openid_sessions::table.find(key.as_str())).returning(openid_sessions::sid);
    let sid: Option<Id<Uuid>> = ended.get_result(conn).optional()?;
    note_end_of(conn, sid.into_iter().collect())
}

/// The same for several keys, as many as one statement can name.
pub(super) fn note_ends(conn: &mut Conn, keys: &[String]) -> Result<Vec<Change>, Error> {
    let those = openid_sessions::table.filter(openid_sessions::key_id.eq_any(keys));
    let sids: Vec<Id<Uuid>> = diesel::delete(those).returning(openid_sessions::sid).get_results(conn)?;
    note_end_of(conn, sids)
}

fn note_end_of(conn: &mut Conn, sids: Vec<Id<Uuid>>) -> Result<Vec<Change>, Error> {
    if sids.is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<Found> = openid_grants::table
        .inner_join(oauth2_grants::table.on(oauth2_grants::id.eq(openid_grants::grant_id)))
        .inner_join(openid_apps::table.on(openid_apps::app_id.eq(oauth2_grants::app_id)))
        .filter(openid_grants::sid.eq_any(sids))
        .select((
            oauth2_grants::id,
            (oauth2_grants::app_id, oauth2_grants::user_id, openid_grants::sid),
            oauth2_grants::access_key_id,
            openid_apps::rules,
        ))
        .order(oauth2_grants::id)
        .load(conn)?;
    let mut told = BTreeSet::new();
    let (mut ending, mut touched) = (Vec::new(), Vec::new());
    for (Id(grant), (Id(app), Id(user), Id(sid)), access, Json(rules)) in found {
        if rules.backchannel_logout_uri.is_some() {
            told.insert((app, user, sid));
        }
        if rules.end_with_session {
            ending.push(Id(grant));
            touched.extend(ApiKeyId::new(access).ok().map(Change::Key));
        }
    }
    insert(conn, &told)?;
    for some in ending.chunks(AT_ONCE) {
        diesel::delete(oauth2_grants::table.filter(oauth2_grants::id.eq_any(some))).execute(conn)?;
    }
    Ok(touched)
}

/// Before all ends that a user has: notes which apps are to be told.
pub(super) fn note_end_of_all(conn: &mut Conn, user: UserId) -> Result<(), Error> {
    let found: Vec<(Id<AppId>, Id<Uuid>, Json<AppRules>)> = openid_grants::table
        .inner_join(oauth2_grants::table.on(oauth2_grants::id.eq(openid_grants::grant_id)))
        .inner_join(openid_apps::table.on(openid_apps::app_id.eq(oauth2_grants::app_id)))
        .filter(oauth2_grants::user_id.eq(Id(user)))
        .select((oauth2_grants::app_id, openid_grants::sid, openid_apps::rules))
        .load(conn)?;
    let told = found.into_iter().filter(|(_, _, Json(rules))| rules.backchannel_logout_uri.is_some());
    let told = told.map(|(Id(app), Id(sid), Json(rules))| {
        (app, user, if rules.backchannel_logout_session_required { sid } else { Uuid::nil() })
    });
    insert(conn, &told.collect())
}

/// What is noted already begins anew: what came later was perhaps not told.
fn insert(conn: &mut Conn, told: &BTreeSet<Told>) -> Result<(), Error> {
    let rows: Vec<_> = told
        .iter()
        .map(|(app, user, sid)| {
            (
                openid_logouts::app_id.eq(Id(*app)),
                openid_logouts::user_id.eq(Id(*user)),
                openid_logouts::sid.eq(Id(*sid)),
                openid_logouts::next_attempt_at.eq(later(Duration::ZERO)),
            )
        })
        .collect();
    for rows in rows.chunks(AT_ONCE) {
        diesel::insert_into(openid_logouts::table)
            .values(rows)
            .on_conflict((openid_logouts::app_id, openid_logouts::user_id, openid_logouts::sid))
            .do_update()
            .set((openid_logouts::attempts.eq(0), openid_logouts::next_attempt_at.eq(later(Duration::ZERO))))
            .execute(conn)?;
    }
    Ok(())
}

/// The row of an attempt, as long as no other one has begun.
macro_rules! during {
    ($notice:ident) => {
        openid_logouts::table
            .find($notice.id)
            .filter(openid_logouts::attempts.eq(i32::try_from($notice.attempt).unwrap_or(i32::MAX)))
    };
}

impl LogoutRepository for UnitOfWork<'_, Conn> {
    fn due_in(&mut self) -> Result<Option<Duration>, StoreError> {
        self.run(|conn| {
            let first: Option<(At, At)> = openid_logouts::table
                .order(openid_logouts::next_attempt_at)
                .select((openid_logouts::next_attempt_at, sql::<types::Instant>(NOW)))
                .first(conn)
                .optional()?;
            Ok(first.map(|(at, now)| wait(at.0, now.0)))
        })
    }

    fn claim(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<LogoutNotice>, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let of_before = openid_logouts::table.filter(openid_logouts::next_attempt_at.gt(later(LONGEST_WAIT)));
            diesel::update(of_before).set(openid_logouts::next_attempt_at.eq(later(Duration::ZERO))).execute(conn)?;
            let claim = sql::<Columns>("UPDATE openid_logouts SET attempts = attempts + 1, next_attempt_at = ")
                .sql(LATER.0)
                .bind::<BigInt, _>(micros(lease))
                .sql(LATER.1)
                .sql(" WHERE id")
                .sql(ONE_OF.0)
                .sql(&format!(
                    "SELECT id FROM openid_logouts WHERE next_attempt_at <= {NOW} ORDER BY next_attempt_at, id LIMIT "
                ))
                .bind::<BigInt, _>(i64::from(limit))
                .sql(SKIP_LOCKED)
                .sql(ONE_OF.1)
                .sql(" RETURNING id, app_id, user_id, sid, attempts");
            let rows: Vec<Row> = claim.load(conn)?;
            let mut claimed: Vec<LogoutNotice> = rows.into_iter().map(notice).collect();
            claimed.sort_by_key(|notice| notice.id);
            Ok(claimed)
        })
    }

    fn remove(
        &mut self,
        permit: &Permit<action::Delete, resource::System>,
        notice: &LogoutNotice,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            Ok(diesel::delete(during!(notice)).execute(conn)? > 0)
        })
    }

    fn postpone(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        notice: &LogoutNotice,
        pause: Duration,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let postponed = diesel::update(during!(notice))
                .set((openid_logouts::next_attempt_at.eq(later(pause)), openid_logouts::last_error.eq(error)))
                .execute(conn)?;
            Ok(postponed > 0)
        })
    }
}

fn notice((id, Id(app_id), Id(user_id), Id(sid), attempts): Row) -> LogoutNotice {
    let sid = Some(sid).filter(|sid| !sid.is_nil());
    LogoutNotice { id, app_id, user_id, sid, attempt: u32::try_from(attempts).unwrap_or(0) }
}
