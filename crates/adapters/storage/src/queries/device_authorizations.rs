//! What devices ask for.

use super::advisory::Advisory;
use super::expiring::Expiring;
use super::{Conn, locks};
use crate::rows::{DeviceAuthorizationRow, PENDING_DEVICE, decided_device};
use crate::schema::oauth2_device_authorizations as devices;
use crate::touches::Touches;
use crate::types::{At, Hash, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::ids::{AppId, DeviceAuthorizationId, UserId};
use doorward_domain::oauth2::{DeviceAuthorization, DeviceDecision};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::{Digest, Instant};
use doorward_ports::StoreError;
use doorward_ports::oauth2::{DeviceAuthorizationRepository, LiveDeviceCodes};

/// Device codes expire.
pub(super) const EXPIRING: Expiring = Expiring::at("oauth2_device_authorizations", "id", "expires_at");

const NOBODY: &str = "what a device asks for is no key";

impl DeviceAuthorizationRepository for UnitOfWork<'_, Conn> {
    fn find_for_update(&mut self, prefix: &str) -> Result<Option<DeviceAuthorization>, StoreError> {
        self.run(|conn| {
            let row = locks::device_authorization_for_update(conn, prefix)?;
            Ok(row.map(DeviceAuthorization::try_from).transpose()?)
        })
    }

    fn find_by_user_code(&mut self, any_of: &[Digest]) -> Result<Option<DeviceAuthorization>, StoreError> {
        self.run(|conn| {
            // One by one, for there are few keys, and mostly one: a list is another statement for each length.
            for digest in any_of {
                let row = devices::table
                    .filter(devices::user_code.eq(Hash(*digest)))
                    .select(DeviceAuthorizationRow::as_select())
                    .get_result(conn)
                    .optional()?;
                if let Some(row) = row {
                    return Ok(Some(DeviceAuthorization::try_from(row)?));
                }
            }
            Ok(None)
        })
    }

    fn count_live(&mut self, app: AppId, ip: &str, now: Instant) -> Result<LiveDeviceCodes, StoreError> {
        self.run(|conn| {
            Advisory::DeviceAuthorizations.lock(conn)?;
            let live = devices::table.filter(devices::expires_at.gt(At(now)));
            let all: i64 = live.count().get_result(conn)?;
            let of_app = live.filter(devices::app_id.eq(Id(app))).filter(devices::ip.eq(ip));
            let pending: i64 = of_app.filter(devices::decision.eq(PENDING_DEVICE)).count().get_result(conn)?;
            let count = |number: i64| u64::try_from(number).unwrap_or_default();
            Ok(LiveDeviceCodes { all: count(all), pending: count(pending) })
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        asked: &DeviceAuthorization,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(asked.id.0), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(devices::table).values(DeviceAuthorizationRow::from(asked)).execute(conn)?;
            Ok(())
        })
    }

    fn note_poll(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppCodeToken>,
        id: DeviceAuthorizationId,
        interval: i32,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(id.0), Touches::nobody(NOBODY), |conn| {
            diesel::update(devices::table.find(Id(id)))
                .set((devices::interval_seconds.eq(interval), devices::polled_at.eq(Some(At(now)))))
                .execute(conn)?;
            Ok(())
        })
    }

    fn decide(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppCodeToken>,
        id: DeviceAuthorizationId,
        decision: DeviceDecision,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let (text, user) = decided_device(decision);
        self.write(permit, &permit.kind().id(id.0), Touches::nobody(NOBODY), |conn| {
            let open = devices::table
                .find(Id(id))
                .filter(devices::decision.eq(PENDING_DEVICE))
                .filter(devices::expires_at.gt(At(now)));
            let set = (devices::decision.eq(text), devices::user_id.eq(user));
            Ok(diesel::update(open).set(set).execute(conn)? == 1)
        })
    }

    fn consume(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        id: DeviceAuthorizationId,
        user: UserId,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0), Touches::nobody(NOBODY), |conn| {
            let approved = devices::table.find(Id(id)).filter(devices::user_id.eq(Some(Id(user))));
            Ok(diesel::delete(approved).execute(conn)? == 1)
        })
    }
}
