//! The language in which the server says what is wrong. The attempts of those who may not choose it are caught, and no error
//! in the log of the server.

use super::Conn;
use crate::known::{ABSENT, Known};
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::sql_types::{Nullable, Text};

/// Has the server speak English, where this role may choose that: a superuser always, others from PostgreSQL 15 on by
/// `GRANT SET ON PARAMETER lc_messages`.
const ENGLISH: &str = "DO $$ BEGIN PERFORM set_config('lc_messages', 'C', false); \
                       EXCEPTION WHEN insufficient_privilege OR undefined_object THEN NULL; END $$";

/// Whether the language is the one that the server speaks before it knows who connects.
const OF_THE_SERVER: &str =
    "source IN ('default', 'environment variable', 'configuration file', 'command line', 'override')";

/// Sets the language, and learns which one it is if that is not known yet. Who may not set it goes on in that of the server.
pub(super) fn settle(conn: &mut Conn, known: &Known) {
    let refuses = if known.is_learned() { Ok(()) } else { conn.batch_execute(&note("refuses", OF_THE_SERVER)) };
    // By itself, for a failure must not undo the other settings.
    if let Err(error) = conn.batch_execute(ENGLISH) {
        tracing::debug!(%error, "the database may speak another language than English");
    }
    if known.is_learned() {
        return;
    }
    let noted = |name: &str| sql::<Nullable<Text>>(&format!("current_setting('doorward.{name}', true)"));
    let learned = refuses.and_then(|()| conn.batch_execute(&note("says", "true")));
    let learned = learned.and_then(|()| diesel::select((noted("says"), noted("refuses"))).get_result(conn));
    match learned {
        Ok((says, refuses)) => {
            let (says, refuses): (Option<String>, Option<String>) = (says, refuses);
            known.learn(&says.unwrap_or_default(), &refuses.unwrap_or_default());
        }
        Err(error) => {
            tracing::debug!(%error, "the language of the database is not known");
            known.learn("", "");
        }
    }
}

/// Notes in a setting of the session what is said of a table that is not there, if `condition` holds for the language.
fn note(name: &str, condition: &str) -> String {
    format!(
        "DO $$ DECLARE words text; BEGIN \
         BEGIN EXECUTE 'SELECT FROM {ABSENT}'; EXCEPTION WHEN undefined_table THEN words := SQLERRM; END; \
         PERFORM set_config('doorward.{name}', coalesce((SELECT words FROM pg_catalog.pg_settings \
         WHERE name = 'lc_messages' AND {condition}), ''), false); END $$"
    )
}
