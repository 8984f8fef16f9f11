use crate::schema::oauth2_pushed_requests;
use crate::types::{At, Hash, Id};
use diesel::prelude::*;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::PushedRequest;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth2_pushed_requests, treat_none_as_default_value = false)]
pub(crate) struct PushedRequestRow {
    digest: Hash,
    app_id: Id<AppId>,
    parameters: String,
    expires_at: At,
    browser: Option<Hash>,
}

impl From<&PushedRequest> for PushedRequestRow {
    fn from(request: &PushedRequest) -> Self {
        Self {
            digest: Hash(request.digest),
            app_id: Id(request.app_id),
            parameters: request.parameters.clone(),
            expires_at: At(request.expires_at),
            browser: request.browser.map(Hash),
        }
    }
}

impl From<PushedRequestRow> for PushedRequest {
    fn from(row: PushedRequestRow) -> Self {
        Self {
            digest: row.digest.0,
            app_id: row.app_id.0,
            parameters: row.parameters,
            expires_at: row.expires_at.0,
            browser: row.browser.map(|browser| browser.0),
        }
    }
}
