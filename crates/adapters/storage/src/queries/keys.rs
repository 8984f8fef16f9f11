//! The keys of the server.

use super::Conn;
use crate::rows::{CryptoKeyRow, entities};
use crate::schema::crypto_keys;
use crate::touches::Touches;
use crate::types::At;
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::keys::{CryptoKey, KeyId, KeyPurpose, KeyRotation};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::keys::KeyRepository;

impl KeyRepository for UnitOfWork<'_, Conn> {
    fn list(&mut self) -> Result<Vec<CryptoKey>, StoreError> {
        self.run(|conn| {
            let rows = crypto_keys::table
                .order((crypto_keys::purpose, crypto_keys::starts_at, crypto_keys::id))
                .select(CryptoKeyRow::as_select())
                .load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn insert_first(
        &mut self,
        permit: &Permit<action::Create, resource::CryptoKey>,
        key: &CryptoKey,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody("no server has read keys before there are any"), |conn| {
            diesel::insert_into(crypto_keys::table)
                .values(CryptoKeyRow::from(key))
                .on_conflict((crypto_keys::purpose, crypto_keys::id))
                .do_nothing()
                .execute(conn)?;
            Ok(())
        })
    }

    fn rotate(
        &mut self,
        permit: &Permit<action::Create, resource::CryptoKey>,
        rotation: &KeyRotation,
        key: &CryptoKey,
    ) -> Result<bool, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::from(Change::CryptoKeys), |conn| {
            let made = diesel::insert_into(crypto_keys::table)
                .values(CryptoKeyRow::from(key))
                .on_conflict((crypto_keys::purpose, crypto_keys::id))
                .do_nothing()
                .execute(conn)?;
            if made > 0 {
                let old = crypto_keys::table.find((rotation.purpose.as_str(), rotation.old.to_string()));
                diesel::update(old).set(crypto_keys::ends_at.eq(Some(At(rotation.old_ends_at)))).execute(conn)?;
            }
            Ok(made > 0)
        })
    }

    fn reseal(
        &mut self,
        permit: &Permit<action::Update, resource::CryptoKey>,
        key: &CryptoKey,
        stored: &[u8],
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody("a key is the same in another form"), |conn| {
            let row = crypto_keys::table.find((key.purpose.as_str(), key.id.to_string()));
            let changed = diesel::update(row.filter(crypto_keys::secret.eq(key.stored.expose())))
                .set(crypto_keys::secret.eq(stored))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::CryptoKey>,
        purpose: KeyPurpose,
        id: KeyId,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::from(Change::CryptoKeys), |conn| {
            Ok(diesel::delete(crypto_keys::table.find((purpose.as_str(), id.to_string()))).execute(conn)? > 0)
        })
    }

    fn purge(
        &mut self,
        permit: &Permit<action::Delete, resource::CryptoKey>,
        now: Instant,
    ) -> Result<usize, StoreError> {
        let why = "what has ended verifies nothing, whoever remembers it";
        self.write(permit, &permit.kind(), Touches::nobody(why), |conn| {
            Ok(diesel::delete(crypto_keys::table.filter(crypto_keys::ends_at.le(At(now)))).execute(conn)?)
        })
    }
}
