use crate::error::RowError;
use crate::schema::crypto_keys;
use crate::types::At;
use diesel::prelude::*;
use doorward_domain::Secret;
use doorward_domain::keys::CryptoKey;
use std::fmt;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = crypto_keys)]
pub(crate) struct CryptoKeyRow {
    purpose: String,
    id: String,
    algorithm: String,
    secret: Vec<u8>,
    starts_at: At,
    ends_at: Option<At>,
}

impl From<&CryptoKey> for CryptoKeyRow {
    fn from(key: &CryptoKey) -> Self {
        Self {
            purpose: key.purpose.to_string(),
            id: key.id.to_string(),
            algorithm: key.algorithm.to_string(),
            secret: key.stored.expose().clone(),
            starts_at: At(key.starts_at),
            ends_at: key.ends_at.map(At),
        }
    }
}

impl TryFrom<CryptoKeyRow> for CryptoKey {
    type Error = RowError;

    fn try_from(row: CryptoKeyRow) -> Result<Self, RowError> {
        let bad = |column| RowError::new("crypto_keys", column, format!("{}/{}", row.purpose, row.id));
        Ok(Self {
            purpose: row.purpose.parse().map_err(|cause| bad("purpose").because(cause))?,
            id: row.id.parse().map_err(|cause| bad("id").because(cause))?,
            algorithm: row.algorithm.parse().map_err(|cause| bad("algorithm").because(cause))?,
            stored: Secret::new(row.secret),
            starts_at: row.starts_at.0,
            ends_at: row.ends_at.map(|at| at.0),
        })
    }
}

impl fmt::Debug for CryptoKeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoKeyRow").field("purpose", &self.purpose).field("id", &self.id).finish_non_exhaustive()
    }
}
