use crate::schema::licenses;
use crate::types::{At, Hash, Id};
use diesel::prelude::*;
use doorward_domain::licenses::{License, LicenseId, LicenseToken, NewLicense};
use std::fmt;
use uuid::Uuid;

#[derive(Queryable, Selectable)]
#[diesel(table_name = licenses)]
pub(crate) struct LicenseRow {
    id: i32,
    uuid: Id<Uuid>,
    uploaded_at: At,
    ends_at: At,
    token: String,
}

impl From<LicenseRow> for License {
    fn from(row: LicenseRow) -> Self {
        Self {
            id: LicenseId(row.id),
            uuid: row.uuid.0,
            uploaded_at: row.uploaded_at.0,
            ends_at: row.ends_at.0,
            token: LicenseToken::new(row.token),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = licenses)]
pub(crate) struct NewLicenseRow<'a> {
    uuid: Id<Uuid>,
    uploaded_at: At,
    ends_at: At,
    token: &'a str,
    digest: Hash,
}

impl<'a> From<&'a NewLicense> for NewLicenseRow<'a> {
    fn from(license: &'a NewLicense) -> Self {
        Self {
            uuid: Id(license.uuid),
            uploaded_at: At(license.uploaded_at),
            ends_at: At(license.ends_at),
            token: license.token.expose(),
            digest: Hash(license.token.digest()),
        }
    }
}

impl fmt::Debug for LicenseRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LicenseRow").field("id", &self.id).field("uuid", &self.uuid).finish_non_exhaustive()
    }
}
