//! Authorization codes.

use super::Conn;
use super::expiring::Expiring;
use crate::rows::{AppRow, CodeRow, SecretRow, UserRow};
use crate::schema::{oauth2_app_secrets, oauth2_apps, oauth2_codes, oauth2_device_authorizations, users};
use crate::touches::Touches;
use crate::types::{At, Id, sql};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, CodeId, GrantId, UserId};
use doorward_domain::oauth2::{App, AppSecret, AuthorizationCode};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::users::User;
use doorward_ports::StoreError;
use doorward_ports::oauth2::{CodeRepository, Redeeming, RedeemingQuery};

type Backend = <Conn as Connection>::Backend;

/// Codes expire.
pub(super) const EXPIRING: Expiring = Expiring::at("oauth2_codes", "id", "expires_at");

/// Redeems a code that was not. Written out, for diesel has each of its own updates planned anew.
#[derive(Debug, QueryId)]
struct Redeem {
    id: Id<CodeId>,
    grant: Id<GrantId>,
    now: At,
}

impl RunQueryDsl<Conn> for Redeem {}

impl QueryFragment<Backend> for Redeem {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE oauth2_codes SET redeemed_at = ");
        out.push_bind_param::<sql::Instant, At>(&self.now)?;
        out.push_sql(", grant_id = ");
        out.push_bind_param::<sql::Uuid, Id<GrantId>>(&self.grant)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<sql::Uuid, Id<CodeId>>(&self.id)?;
        out.push_sql(" AND redeemed_at IS NULL");
        Ok(())
    }
}

/// Ends what a user allowed an app and it has not fetched: codes, and authorizations of devices.
pub(super) fn end(conn: &mut Conn, user: UserId, app: AppId) -> QueryResult<()> {
    let codes = oauth2_codes::table.filter(oauth2_codes::user_id.eq(Id(user))).filter(oauth2_codes::app_id.eq(Id(app)));
    diesel::delete(codes).execute(conn)?;
    let devices = oauth2_device_authorizations::table
        .filter(oauth2_device_authorizations::user_id.eq(Some(Id(user))))
        .filter(oauth2_device_authorizations::app_id.eq(Id(app)));
    diesel::delete(devices).execute(conn)?;
    Ok(())
}

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

    fn find_redeeming(&mut self, query: &RedeemingQuery) -> Result<Redeeming, StoreError> {
        // No secret has an empty prefix.
        let secret = query.secret_prefix.clone().unwrap_or_default();
        self.run(|conn| {
            let found = oauth2_apps::table
                .left_join(oauth2_app_secrets::table.on(oauth2_app_secrets::prefix.eq(secret)))
                .left_join(oauth2_codes::table.on(oauth2_codes::prefix.eq(query.code_prefix.clone())))
                .left_join(users::table.on(users::id.nullable().eq(oauth2_codes::user_id.nullable())))
                .filter(oauth2_apps::id.eq(Id(query.app_id)))
                .select((
                    AppRow::as_select(),
                    Option::<SecretRow>::as_select(),
                    Option::<CodeRow>::as_select(),
                    Option::<UserRow>::as_select(),
                ))
                .get_result::<(AppRow, Option<SecretRow>, Option<CodeRow>, Option<UserRow>)>(conn)
                .optional()?;
            let Some((app, secret, code, user)) = found else { return Ok(Redeeming::default()) };
            Ok(Redeeming {
                app: Some(App::try_from(app)?),
                secret: secret.map(AppSecret::from),
                code: code.map(AuthorizationCode::try_from).transpose()?,
                user: user.map(User::try_from).transpose()?,
            })
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

    fn delete_of_user_and_app(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        user: UserId,
        app: AppId,
    ) -> Result<(), StoreError> {
        let about = permit.kind().owner(user.0);
        self.write_all(permit, &about, Touches::nobody("a code is no key"), |conn| Ok(end(conn, user, app)?))
    }

    fn redeem(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        id: CodeId,
        grant: GrantId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(id.0), Touches::nobody("a code is no key"), |conn| {
            Ok(Redeem { id: Id(id), grant: Id(grant), now: At(now) }.execute(conn)? == 1)
        })
    }
}
