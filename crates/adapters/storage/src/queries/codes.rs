//! Authorization codes.

use super::Conn;
use super::expiring::Expiring;
use crate::rows::CodeRow;
use crate::schema::oauth2_codes;
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{CodeId, GrantId};
use doorward_domain::oauth2::AuthorizationCode;
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::oauth2::CodeRepository;

/// Codes expire.
pub(super) const EXPIRING: Expiring = Expiring::at("oauth2_codes", "id", "expires_at");

impl CodeRepository for UnitOfWork<'_, Conn> {
    fn find_by_prefix(&mut self, prefix: &str) -> Result<Option<AuthorizationCode>, StoreError> {
        self.run(|conn| {
            let row = oauth2_codes::table
                .filter(oauth2_codes::prefix.eq(prefix))
                .select(CodeRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(AuthorizationCode::try_from).transpose()?)
        })
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        code: &AuthorizationCode,
    ) -> Result<(), StoreError> {
        self.write(
            permit,
            &permit.kind().id(code.id.0).owner(code.user_id.0),
            Touches::nobody("a code is no key"),
            |conn| {
                diesel::insert_into(oauth2_codes::table).values(CodeRow::from(code)).execute(conn)?;
                Ok(())
            },
        )
    }

    fn replace(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        code: &AuthorizationCode,
    ) -> Result<(), StoreError> {
        self.write_all(
            permit,
            &permit.kind().id(code.id.0).owner(code.user_id.0),
            Touches::nobody("a code is no key"),
            |conn| {
                let earlier = oauth2_codes::table
                    .filter(oauth2_codes::user_id.eq(Id(code.user_id)))
                    .filter(oauth2_codes::app_id.eq(Id(code.app_id)))
                    .filter(oauth2_codes::redeemed_at.is_null());
                diesel::delete(earlier).execute(conn)?;
                diesel::insert_into(oauth2_codes::table).values(CodeRow::from(code)).execute(conn)?;
                Ok(())
            },
        )
    }

    fn redeem(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        id: CodeId,
        grant: GrantId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0), Touches::nobody("a code is no key"), |conn| {
            let open = oauth2_codes::table.find(Id(id)).filter(oauth2_codes::redeemed_at.is_null());
            let redeemed = diesel::update(open)
                .set((oauth2_codes::redeemed_at.eq(Some(At(now))), oauth2_codes::grant_id.eq(Some(Id(grant)))))
                .execute(conn)?;
            Ok(redeemed == 1)
        })
    }
}
