use crate::error::RowError;
use crate::schema::{session_proofs, totp_factors};
use crate::types::{At, Id, Json};
use diesel::prelude::*;
use doorward_domain::Secret;
use doorward_domain::factors::{Failures, PendingTotp, Proof, Totp};
use doorward_domain::ids::UserId;
use doorward_domain::sessions::ApiKeyId;

#[derive(Queryable, Selectable)]
#[diesel(table_name = totp_factors)]
pub(crate) struct TotpRow {
    user_id: Id<UserId>,
    secret: Option<Vec<u8>>,
    confirmed_at: Option<At>,
    last_step: i64,
    pending: Option<Vec<u8>>,
    pending_until: Option<At>,
    failures: i32,
    failures_since: Option<At>,
    locked_at: Option<At>,
}

impl From<TotpRow> for Totp {
    fn from(row: TotpRow) -> Self {
        let pending = row.pending.zip(row.pending_until);
        Self {
            user_id: row.user_id.0,
            sealed: row.secret.map(Secret::new),
            confirmed_at: row.confirmed_at.map(|At(at)| at),
            last_step: row.last_step,
            pending: pending.map(|(sealed, At(expires_at))| PendingTotp { sealed: Secret::new(sealed), expires_at }),
            failures: Failures { count: row.failures, since: row.failures_since.map(|At(at)| at) },
            locked_at: row.locked_at.map(|At(at)| at),
        }
    }
}

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = session_proofs)]
#[diesel(treat_none_as_null = true)]
pub(crate) struct ProofRow {
    key_id: String,
    auth_time: At,
    factor_at: Option<At>,
    amr: Json<Vec<String>>,
    acr: String,
}

impl From<&Proof> for ProofRow {
    fn from(proof: &Proof) -> Self {
        Self {
            key_id: proof.key_id.as_str().to_owned(),
            auth_time: At(proof.auth_time),
            factor_at: proof.factor_at.map(At),
            amr: Json(proof.amr.clone()),
            acr: proof.acr.clone(),
        }
    }
}

impl TryFrom<ProofRow> for Proof {
    type Error = RowError;

    fn try_from(row: ProofRow) -> Result<Self, RowError> {
        let key_id = ApiKeyId::new(row.key_id.clone())
            .map_err(|cause| RowError::new("session_proofs", "key_id", row.key_id).because(cause))?;
        Ok(Self {
            key_id,
            auth_time: row.auth_time.0,
            factor_at: row.factor_at.map(|At(at)| at),
            amr: row.amr.0,
            acr: row.acr,
        })
    }
}
