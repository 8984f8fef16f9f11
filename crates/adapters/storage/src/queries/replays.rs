//! Tokens of others that are good for one use.

use super::Conn;
use super::expiring::Expiring;
use crate::schema::seen_tokens;
use crate::touches::Touches;
use crate::types::{At, Hash};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::replays::SeenToken;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::replays::ReplayRepository;

/// A token that is over is refused by itself.
pub(super) const EXPIRING: Expiring = Expiring::at("seen_tokens", "key", "expires_at");

impl ReplayRepository for UnitOfWork<'_, Conn> {
    fn insert(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        seen: &SeenToken,
    ) -> Result<bool, StoreError> {
        let why = "no permission depends on tokens of others";
        self.write(permit, &permit.kind(), Touches::nobody(why), |conn| {
            let inserted = diesel::insert_into(seen_tokens::table)
                .values((seen_tokens::key.eq(Hash(seen.key)), seen_tokens::expires_at.eq(At(seen.expires_at))))
                .on_conflict_do_nothing()
                .execute(conn)?;
            Ok(inserted > 0)
        })
    }
}
