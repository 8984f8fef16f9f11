//! How values lie in both databases: one SQL type each, mapped to what either has.
//!
//! | SQL type here | PostgreSQL | SQLite |
//! |---|---|---|
//! | [`sql::Uuid`] | `uuid` | blob of 16 bytes |
//! | [`sql::Instant`] | `timestamptz` | integer, microseconds since 1970 |
//! | [`sql::Json`] | `jsonb` | text |
//! | [`sql::Digest`] | `bytea` | blob of 32 bytes |

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Array, BigInt, Text};
use diesel::sqlite::Sqlite;
use doorward_domain::oauth2::Scopes;
use doorward_domain::{Digest, Instant};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::io::Write as _;
use time::Duration;

/// The SQL side.
pub(crate) mod sql {
    use diesel::query_builder::QueryId;
    use diesel::sql_types::SqlType;

    /// An id.
    #[derive(Debug, Clone, Copy, QueryId, SqlType)]
    #[diesel(postgres_type(oid = 2950, array_oid = 2951))]
    #[diesel(sqlite_type(name = "Binary"))]
    pub struct Uuid;

    /// A point in time, UTC, with microseconds.
    #[derive(Debug, Clone, Copy, QueryId, SqlType)]
    #[diesel(postgres_type(oid = 1184, array_oid = 1185))]
    #[diesel(sqlite_type(name = "Long"))]
    pub struct Instant;

    /// JSON.
    #[derive(Debug, Clone, Copy, QueryId, SqlType)]
    #[diesel(postgres_type(oid = 3802, array_oid = 3807))]
    #[diesel(sqlite_type(name = "Text"))]
    pub struct Json;

    /// A SHA-256 digest.
    #[derive(Debug, Clone, Copy, QueryId, SqlType)]
    #[diesel(postgres_type(oid = 17, array_oid = 1001))]
    #[diesel(sqlite_type(name = "Binary"))]
    pub struct Digest;
}

/// An id of any kind, on its way to or from a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Uuid)]
pub(crate) struct Id<T: Debug>(pub(crate) T);

impl<T: From<uuid::Uuid> + Debug> FromSql<sql::Uuid, Pg> for Id<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(uuid::Uuid::from_slice(value.as_bytes())?.into()))
    }
}
impl<T: From<uuid::Uuid> + Debug> FromSql<sql::Uuid, Sqlite> for Id<T> {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(uuid::Uuid::from_slice(value.read_blob())?.into()))
    }
}
impl<T: Into<uuid::Uuid> + Copy + Debug> ToSql<sql::Uuid, Pg> for Id<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.into().as_bytes())?;
        Ok(IsNull::No)
    }
}
impl<T: Into<uuid::Uuid> + Copy + Debug> ToSql<sql::Uuid, Sqlite> for Id<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.into().as_bytes().to_vec());
        Ok(IsNull::No)
    }
}

/// An instant on its way to or from a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Instant)]
pub(crate) struct At(pub(crate) Instant);

/// Where PostgreSQL begins to count.
const PG_EPOCH: Instant = time::macros::datetime!(2000-01-01 00:00 UTC);

fn micros_since(epoch: Instant, instant: Instant) -> Result<i64, std::num::TryFromIntError> {
    i64::try_from((instant - epoch).whole_microseconds())
}

fn micros_after(epoch: Instant, micros: i64) -> deserialize::Result<At> {
    epoch
        .checked_add(Duration::microseconds(micros))
        .map(At)
        .ok_or_else(|| format!("{micros} microseconds after {epoch} is out of range").into())
}

impl FromSql<sql::Instant, Pg> for At {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        micros_after(PG_EPOCH, <i64 as FromSql<BigInt, Pg>>::from_sql(value)?)
    }
}
impl FromSql<sql::Instant, Sqlite> for At {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        micros_after(Instant::UNIX_EPOCH, value.read_long())
    }
}
impl ToSql<sql::Instant, Pg> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&micros_since(PG_EPOCH, self.0)?.to_be_bytes())?;
        Ok(IsNull::No)
    }
}
impl ToSql<sql::Instant, Sqlite> for At {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(micros_since(Instant::UNIX_EPOCH, self.0)?);
        Ok(IsNull::No)
    }
}

/// A digest on its way to or from a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Digest)]
pub(crate) struct Hash(pub(crate) Digest);

impl Hash {
    fn from_slice(bytes: &[u8]) -> deserialize::Result<Self> {
        Digest::from_slice(bytes).map(Self).ok_or_else(|| format!("a digest of {} bytes", bytes.len()).into())
    }
}

impl FromSql<sql::Digest, Pg> for Hash {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Self::from_slice(value.as_bytes())
    }
}
impl FromSql<sql::Digest, Sqlite> for Hash {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Self::from_slice(value.read_blob())
    }
}
impl ToSql<sql::Digest, Pg> for Hash {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}
impl ToSql<sql::Digest, Sqlite> for Hash {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().to_vec());
        Ok(IsNull::No)
    }
}

/// A value that is stored as JSON.
#[derive(Debug, Clone, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Json)]
pub(crate) struct Json<T: Debug>(pub(crate) T);

impl<T: DeserializeOwned + Debug> FromSql<sql::Json, Pg> for Json<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        // The first byte of jsonb is the version of its format.
        match value.as_bytes() {
            [1, text @ ..] => Ok(Self(serde_json::from_slice(text)?)),
            _ => Err("an unknown version of jsonb".into()),
        }
    }
}
impl<T: DeserializeOwned + Debug> FromSql<sql::Json, Sqlite> for Json<T> {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(serde_json::from_str(value.read_text())?))
    }
}
impl<T: Serialize + Debug> ToSql<sql::Json, Pg> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}
impl<T: Serialize + Debug> ToSql<sql::Json, Sqlite> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}

/// Scopes of codes and grants, on their way to or from a database: their names, separated by single spaces.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub(crate) struct ScopeText(pub(crate) Scopes);

impl FromSql<Text, Pg> for ScopeText {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Scopes::from_storage(std::str::from_utf8(value.as_bytes())?)))
    }
}
impl FromSql<Text, Sqlite> for ScopeText {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Scopes::from_storage(value.read_text())))
    }
}
impl ToSql<Text, Pg> for ScopeText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.to_storage().as_bytes())?;
        Ok(IsNull::No)
    }
}
impl ToSql<Text, Sqlite> for ScopeText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_storage());
        Ok(IsNull::No)
    }
}

/// Several ids as one parameter: an array, or JSON in which each stands as hexadecimal digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ids(Vec<Id<uuid::Uuid>>);

impl Ids {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids, as they are stored.
    pub(crate) fn as_slice(&self) -> &[Id<uuid::Uuid>] {
        &self.0
    }

    /// The ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = uuid::Uuid> {
        self.0.iter().map(|id| id.0)
    }
}

impl<T: Into<uuid::Uuid>> FromIterator<T> for Ids {
    fn from_iter<I: IntoIterator<Item = T>>(ids: I) -> Self {
        Self(ids.into_iter().map(|id| Id(id.into())).collect())
    }
}

impl ToSql<Array<sql::Uuid>, Pg> for Ids {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Array<sql::Uuid>, Pg>::to_sql(&self.0, out)
    }
}
impl ToSql<Text, Sqlite> for Ids {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        let digits: Vec<_> = self.iter().map(uuid::Uuid::simple).collect();
        out.set_value(serde_json::to_string(&digits)?);
        Ok(IsNull::No)
    }
}

/// Several texts as one parameter: an array, or JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl ToSql<Array<Text>, Pg> for Texts {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Array<Text>, Pg>::to_sql(&self.0, out)
    }
}
impl ToSql<Text, Sqlite> for Texts {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}
