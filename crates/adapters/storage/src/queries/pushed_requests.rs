//! Authorization requests that clients have pushed.

use super::Conn;
use super::expiring::Expiring;
use crate::rows::PushedRequestRow;
use crate::schema::oauth2_pushed_requests as pushed;
use crate::touches::Touches;
use crate::types::{At, Hash};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::oauth2::PushedRequest;
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::{Digest, Instant};
use doorward_ports::StoreError;
use doorward_ports::oauth2::PushedRequestRepository;

/// They live for a minute, or a few while somebody signs in.
pub(super) const EXPIRING: Expiring = Expiring::at("oauth2_pushed_requests", "digest", "expires_at");

const NOBODY: &str = "what a client asks for is no key";

impl PushedRequestRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, digest: &Digest) -> Result<Option<PushedRequest>, StoreError> {
        self.run(|conn| {
            let row = pushed::table.find(Hash(*digest)).select(PushedRequestRow::as_select());
            Ok(row.get_result(conn).optional()?.map(PushedRequest::from))
        })
    }

    fn count_live(&mut self, now: Instant) -> Result<u64, StoreError> {
        self.run(|conn| {
            let live: i64 = pushed::table.filter(pushed::expires_at.gt(At(now))).count().get_result(conn)?;
            Ok(u64::try_from(live).unwrap_or_default())
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        request: &PushedRequest,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(pushed::table).values(PushedRequestRow::from(request)).execute(conn)?;
            Ok(())
        })
    }

    fn open(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppCodeToken>,
        digest: &Digest,
        browser: &Digest,
        now: Instant,
        until: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let closed = pushed::table
                .find(Hash(*digest))
                .filter(pushed::browser.is_null())
                .filter(pushed::expires_at.gt(At(now)));
            let set = (pushed::browser.eq(Some(Hash(*browser))), pushed::expires_at.eq(At(until)));
            Ok(diesel::update(closed).set(set).execute(conn)? == 1)
        })
    }

    fn consume(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        digest: &Digest,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            let live = pushed::table.find(Hash(*digest)).filter(pushed::expires_at.gt(At(now)));
            Ok(diesel::delete(live).execute(conn)? == 1)
        })
    }
}
