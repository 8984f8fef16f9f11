//! Sessions that began at an identity provider.

use super::Conn;
use crate::error::RowError;
use crate::rows::FederatedSessionRow;
use crate::schema::{api_keys, federated_sessions};
use crate::touches::Touches;
use crate::types::{At, Id, Json};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::ids::UserId;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::user_links::{FederatedSession, Upstream};
use doorward_ports::StoreError;
use doorward_ports::user_links::{FederatedSessionRepository, KnownSession};

impl FederatedSessionRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, key: &ApiKeyId) -> Result<Option<KnownSession>, StoreError> {
        self.run(|conn| {
            let row = federated_sessions::table.find(key.as_str()).select(FederatedSessionRow::as_select());
            let Some(mut row) = row.get_result(conn).optional()? else { return Ok(None) };
            let id_token = row.id_token.take();
            Ok(Some((FederatedSession::try_from(row)?, id_token)))
        })
    }

    fn list_keys(&mut self, issuers: &[String], upstream: &Upstream) -> Result<Vec<(ApiKeyId, UserId)>, StoreError> {
        self.run(|conn| {
            let of_issuer = || {
                federated_sessions::table
                    .inner_join(api_keys::table.on(api_keys::id.eq(federated_sessions::key_id)))
                    .filter(federated_sessions::issuer.eq_any(issuers))
                    .select((api_keys::id, api_keys::user_id))
                    .order(api_keys::id)
            };
            let rows: Vec<(String, Id<UserId>)> = match upstream {
                Upstream::Session { sid, subject } => {
                    let is_it = federated_sessions::upstream_sid.eq(sid.as_str()).assume_not_null();
                    let mut rows = of_issuer().filter(is_it).load(conn)?;
                    if let Some(subject) = subject {
                        let of_account = federated_sessions::subject.eq(subject);
                        let unknown = of_issuer().filter(of_account).filter(federated_sessions::upstream_sid.is_null());
                        rows.extend(unknown.load::<(String, Id<UserId>)>(conn)?);
                    }
                    rows
                }
                Upstream::Subject(subject) => of_issuer().filter(federated_sessions::subject.eq(subject)).load(conn)?,
            };
            let read = |(id, Id(user)): (String, _)| match ApiKeyId::new(id.clone()) {
                Ok(id) => Ok((id, user)),
                Err(cause) => Err(RowError::new("api_keys", "id", id).because(cause)),
            };
            Ok(rows.into_iter().map(read).collect::<Result<_, _>>()?)
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        session: &FederatedSession,
        id_token: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let why = "no permission depends on where a session began";
        self.write(permit, &permit.kind(), Touches::nobody(why), |conn| {
            diesel::insert_into(federated_sessions::table)
                .values((
                    federated_sessions::key_id.eq(session.key_id.as_str()),
                    federated_sessions::provider.eq(&session.provider),
                    federated_sessions::issuer.eq(&session.issuer),
                    federated_sessions::subject.eq(&session.subject),
                    federated_sessions::upstream_sid.eq(session.upstream_sid.as_deref()),
                    federated_sessions::auth_time.eq(At(session.auth_time)),
                    federated_sessions::amr.eq(Json(session.amr.clone())),
                    federated_sessions::acr.eq(&session.acr),
                    federated_sessions::id_token.eq(id_token),
                ))
                .execute(conn)?;
            Ok(())
        })
    }
}
