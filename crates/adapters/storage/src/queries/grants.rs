//! Grants with their tokens.

use super::expiring::Expiring;
use super::{Conn, codes, grant_lists, hot};
use crate::error::Error;
use crate::rows::{AppRow, GrantRow, KeyRow};
use crate::schema::{
    api_keys, oauth2_apps, oauth2_codes, oauth2_consents, oauth2_device_authorizations, oauth2_grants,
    oauth2_pushed_requests,
};
use crate::touches::Touches;
use crate::types::{At, Hash, Id, ScopeText};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, AppSecretId, GrantId, UserId};
use doorward_domain::oauth2::{App, Grant, Scopes};
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::sessions::{ApiKey, ApiKeyId};
use doorward_ports::StoreError;
use doorward_ports::changes::Change;
use doorward_ports::oauth2::{
    AuthorizedGrant, ClientToken, GrantFilter, GrantPage, GrantRepository, Introspection, IntrospectionQuery, Renewal,
    Rotated, Rotation,
};

/// A grant is dead when its refresh token is.
pub(super) const EXPIRING: Expiring = Expiring::on_day("oauth2_grants", "id", "purge_on", "refresh_expires_at");

impl GrantRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.run(|conn| {
            let row = oauth2_grants::table.find(Id(id)).select(GrantRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(Grant::try_from).transpose()?)
        })
    }

    fn find_by_prefix(&mut self, prefix: &str) -> Result<Option<Grant>, StoreError> {
        self.run(|conn| {
            let row = oauth2_grants::table
                .filter(oauth2_grants::refresh_prefix.eq(prefix))
                .select(GrantRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(Grant::try_from).transpose()?)
        })
    }

    fn list_of_user(&mut self, user: UserId, now: Instant) -> Result<Vec<AuthorizedGrant>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(GrantRow, AppRow, Option<At>)> = oauth2_grants::table
                .inner_join(oauth2_apps::table.on(oauth2_apps::id.eq(oauth2_grants::app_id)))
                .inner_join(api_keys::table.on(api_keys::grant_id.eq(oauth2_grants::id.nullable())))
                .filter(oauth2_grants::user_id.eq(Id(user)))
                .filter(oauth2_grants::refresh_expires_at.gt(At(now)))
                .order((oauth2_grants::created_at.desc(), oauth2_grants::id.desc()))
                .select((GrantRow::as_select(), AppRow::as_select(), api_keys::last_used))
                .load(conn)?;
            let grants = rows.into_iter().map(|(grant, app, last_used)| {
                Ok(AuthorizedGrant {
                    grant: Grant::try_from(grant)?,
                    app: App::try_from(app)?,
                    last_used: last_used.map(|at| at.0),
                })
            });
            grants.collect::<Result<_, Error>>()
        })
    }

    fn list(
        &mut self,
        filter: GrantFilter,
        visible: &ListFilter,
        page: Page,
        now: Instant,
    ) -> Result<Option<GrantPage>, StoreError> {
        self.run(|conn| grant_lists::list(conn, filter, visible, page, now))
    }

    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        grant: &Grant,
        key: &ApiKey,
    ) -> Result<(), StoreError> {
        self.write_all(
            permit,
            &permit.kind().id(grant.id.0).owner(grant.user_id.0),
            Touches::nobody("nobody has used its key yet"),
            |conn| hot::insert_grant(conn, GrantRow::from(grant), KeyRow::from(key)),
        )
    }

    fn rotate(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        rotation: &Rotation,
    ) -> Result<Option<Rotated>, StoreError> {
        // The same key with another secret.
        let touches = |rotated: &Option<Rotated>| match rotated {
            Some(rotated) => Touches::Soon(Change::Key(rotated.access_key_id.clone())),
            None => Touches::nobody("nothing was exchanged"),
        };
        self.write(permit, &permit.kind(), touches, |conn| hot::rotate(conn, rotation))
    }

    fn renew_access(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        renewal: &Renewal,
    ) -> Result<bool, StoreError> {
        let renewed = self.write_all(
            permit,
            &permit.kind().id(renewal.grant_id.0),
            |key: &Option<String>| of_key(key.as_ref()),
            |conn| {
                let live = oauth2_grants::table
                    .find(Id(renewal.grant_id))
                    .filter(oauth2_grants::refresh_digest.eq(Hash(renewal.live)));
                let key: Option<String> = diesel::update(live)
                    .set(oauth2_grants::access_expires_at.eq(At(renewal.access_expires_at)))
                    .returning(oauth2_grants::access_key_id)
                    .get_result(conn)
                    .optional()?;
                if let Some(key) = &key {
                    diesel::update(api_keys::table.find(key))
                        .set((
                            api_keys::created_at.eq(At(renewal.now)),
                            api_keys::updated_at.eq(At(renewal.now)),
                            api_keys::expires_at.eq(At(renewal.access_expires_at)),
                            api_keys::lifetime_seconds.eq(renewal.access_lifetime_seconds),
                        ))
                        .execute(conn)?;
                }
                Ok(key)
            },
        )?;
        Ok(renewed.is_some())
    }

    fn reconcile(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppCodeToken>,
        id: GrantId,
        scopes: &Scopes,
        app_revision: i32,
    ) -> Result<(), StoreError> {
        self.write(
            permit,
            &permit.kind().id(id.0),
            Touches::nobody("its key keeps its scopes until it is exchanged"),
            |conn| {
                diesel::update(oauth2_grants::table.find(Id(id)))
                    .set((
                        oauth2_grants::scopes.eq(ScopeText(scopes.clone())),
                        oauth2_grants::app_revision.eq(app_revision),
                    ))
                    .execute(conn)?;
                Ok(())
            },
        )
    }

    fn narrow_access(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        key: &ApiKeyId,
        scopes: &Scopes,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(key.as_str()), Touches::key(key), |conn| {
            diesel::update(api_keys::table.find(key.as_str()))
                .set(api_keys::scopes.eq(ScopeText(scopes.clone())))
                .execute(conn)?;
            Ok(())
        })
    }

    fn issue_client_token(
        &mut self,
        permit: &Permit<action::Create, resource::ApiKey>,
        token: &ClientToken,
    ) -> Result<Option<(AppSecretId, Option<Instant>)>, StoreError> {
        let nobody = Touches::nobody("nobody has used the key yet");
        self.write(permit, &permit.kind().id(token.key_id.as_str()), nobody, |conn| {
            hot::issue_client_token(conn, token)
        })
    }

    fn introspect_access(&mut self, query: &IntrospectionQuery) -> Result<Option<Introspection>, StoreError> {
        self.run(|conn| hot::introspect_access(conn, query))
    }

    fn delete(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        id: GrantId,
    ) -> Result<bool, StoreError> {
        // The key goes by the cascade of its foreign key.
        let deleted = diesel::delete(oauth2_grants::table.find(Id(id))).returning(oauth2_grants::access_key_id);
        let key = self.write(
            permit,
            &permit.kind().id(id.0),
            |key: &Option<String>| of_key(key.as_ref()),
            |conn| Ok(deleted.get_result(conn).optional()?),
        )?;
        Ok(key.is_some())
    }

    fn delete_of_app(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        app: AppId,
    ) -> Result<usize, StoreError> {
        self.write_all(permit, &permit.kind(), Touches::app(app), |conn| {
            // Codes first, for the reason given at `sessions::end_all`.
            diesel::delete(oauth2_codes::table.filter(oauth2_codes::app_id.eq(Id(app)))).execute(conn)?;
            let devices = oauth2_device_authorizations::table.filter(oauth2_device_authorizations::app_id.eq(Id(app)));
            diesel::delete(devices).execute(conn)?;
            let pushed = oauth2_pushed_requests::table.filter(oauth2_pushed_requests::app_id.eq(Id(app)));
            diesel::delete(pushed).execute(conn)?;
            let consents = oauth2_consents::table.filter(oauth2_consents::app_id.eq(Id(app)));
            diesel::delete(consents).execute(conn)?;
            let ended = diesel::delete(oauth2_grants::table.filter(oauth2_grants::app_id.eq(Id(app)))).execute(conn)?;
            // Tokens of its service account came of no grant.
            diesel::delete(api_keys::table.filter(api_keys::app_id.eq(Id(app)))).execute(conn)?;
            Ok(ended)
        })
    }

    fn delete_of_user_and_app(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        user: UserId,
        app: AppId,
    ) -> Result<usize, StoreError> {
        self.write_all(permit, &permit.kind().owner(user.0), Touches::user(user), |conn| {
            // Codes first, for the reason given at `sessions::end_all`.
            codes::end(conn, user, app)?;
            let grants = oauth2_grants::table
                .filter(oauth2_grants::user_id.eq(Id(user)))
                .filter(oauth2_grants::app_id.eq(Id(app)));
            Ok(diesel::delete(grants).execute(conn)?)
        })
    }
}

/// The live key of a grant, if there was one.
fn of_key(key: Option<&String>) -> Touches {
    let Some(key) = key else { return Touches::nobody("there is no such grant") };
    // An id that is none belongs to no key either.
    ApiKeyId::new(key.clone()).map_or(Change::Everything, Change::Key).into()
}
