//! Tokens by which clients may be registered.

use super::expiring::Expiring;
use super::{Conn, locks};
use crate::rows::InitialTokenRow;
use crate::schema::oauth2_registration_tokens;
use crate::touches::Touches;
use crate::types::Id;
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::ids::RegistrationTokenId;
use doorward_domain::oauth2::InitialAccessToken;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::registrations::InitialTokenRepository;
use time::Duration;

/// For so long a token that is over is still listed.
const KEPT: Duration = Duration::days(30);
pub(super) const EXPIRING: Expiring = Expiring::after("oauth2_registration_tokens", "id", "expires_at", KEPT);

/// Who registers is asked for the token each time.
const WHY: &str = "no remembered subject depends on a token for registration";

impl InitialTokenRepository for UnitOfWork<'_, Conn> {
    fn list(&mut self) -> Result<Vec<InitialAccessToken>, StoreError> {
        self.run(|conn| {
            let rows: Vec<InitialTokenRow> = oauth2_registration_tokens::table
                .order(oauth2_registration_tokens::id)
                .select(InitialTokenRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(InitialAccessToken::from).collect())
        })
    }

    fn find_by_prefix_for_update(&mut self, prefix: &str) -> Result<Option<InitialAccessToken>, StoreError> {
        self.run(|conn| Ok(locks::initial_token_for_update(conn, prefix)?.map(InitialAccessToken::from)))
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2App>,
        token: &InitialAccessToken,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(WHY), |conn| {
            diesel::insert_into(oauth2_registration_tokens::table)
                .values(InitialTokenRow::from(token))
                .execute(conn)?;
            Ok(())
        })
    }

    fn count_use(
        &mut self,
        permit: &Permit<action::Update, resource::System>,
        id: RegistrationTokenId,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(WHY), |conn| {
            let row = oauth2_registration_tokens::table.find(Id(id));
            let uses = oauth2_registration_tokens::uses;
            Ok(diesel::update(row).set(uses.eq(uses + 1)).execute(conn)? > 0)
        })
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2App>,
        id: RegistrationTokenId,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(WHY), |conn| {
            Ok(diesel::delete(oauth2_registration_tokens::table.find(Id(id))).execute(conn)? > 0)
        })
    }
}
