//! OAuth2 apps and their secrets.

use super::{Conn, locks};
use crate::rows::{AppRow, SecretRow, entities};
use crate::schema::{oauth2_app_secrets, oauth2_apps, oauth2_grants};
use crate::touches::Touches;
use crate::types::{At, Id};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, AppSecretId, UserId};
use doorward_domain::oauth2::{App, AppSecret};
use doorward_domain::roles::{Permit, action, resource};
use doorward_ports::StoreError;
use doorward_ports::oauth2::AppRepository;

impl AppRepository for UnitOfWork<'_, Conn> {
    fn find(&mut self, id: AppId) -> Result<Option<App>, StoreError> {
        self.run(|conn| {
            let row = oauth2_apps::table.find(Id(id)).select(AppRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(App::try_from).transpose()?)
        })
    }

    fn find_for_update(&mut self, id: AppId) -> Result<Option<App>, StoreError> {
        self.run(|conn| Ok(locks::app_for_update(conn, id)?.map(App::try_from).transpose()?))
    }

    fn list(&mut self) -> Result<Vec<App>, StoreError> {
        self.run(|conn| {
            let rows: Vec<AppRow> = oauth2_apps::table
                .order((oauth2_apps::name, oauth2_apps::id))
                .select(AppRow::as_select())
                .load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn list_granted_by(&mut self, user: UserId, now: Instant) -> Result<Vec<App>, StoreError> {
        self.run(|conn| {
            let granted = oauth2_grants::table
                .filter(oauth2_grants::user_id.eq(Id(user)))
                .filter(oauth2_grants::refresh_expires_at.gt(At(now)))
                .select(oauth2_grants::app_id);
            let rows: Vec<AppRow> = oauth2_apps::table
                .filter(oauth2_apps::id.eq_any(granted))
                .order((oauth2_apps::name, oauth2_apps::id))
                .select(AppRow::as_select())
                .load(conn)?;
            Ok(entities(rows)?)
        })
    }

    fn insert(&mut self, permit: &Permit<action::Create, resource::Oauth2App>, app: &App) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(app.id.0), Touches::nobody("it has no keys yet"), |conn| {
            diesel::insert_into(oauth2_apps::table).values(AppRow::from(app)).execute(conn)?;
            Ok(())
        })
    }

    fn update(&mut self, permit: &Permit<action::Update, resource::Oauth2App>, app: &App) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().id(app.id.0), Touches::app(app.id), |conn| {
            let changed = diesel::update(oauth2_apps::table.find(Id(app.id)))
                .set((AppRow::from(app), oauth2_apps::revision.eq(oauth2_apps::revision + 1)))
                .execute(conn)?;
            Ok(changed > 0)
        })
    }

    fn delete(&mut self, permit: &Permit<action::Delete, resource::Oauth2App>, id: AppId) -> Result<bool, StoreError> {
        // Secrets, codes, grants and keys go by the cascades of their foreign keys.
        self.write(permit, &permit.kind().id(id.0), Touches::app(id), |conn| {
            Ok(diesel::delete(oauth2_apps::table.find(Id(id))).execute(conn)? > 0)
        })
    }

    fn find_secret(&mut self, id: AppSecretId) -> Result<Option<AppSecret>, StoreError> {
        self.run(|conn| {
            let row =
                oauth2_app_secrets::table.find(Id(id)).select(SecretRow::as_select()).get_result(conn).optional()?;
            Ok(row.map(AppSecret::from))
        })
    }

    fn find_secret_by_prefix(&mut self, prefix: &str) -> Result<Option<AppSecret>, StoreError> {
        self.run(|conn| {
            let row = oauth2_app_secrets::table
                .filter(oauth2_app_secrets::prefix.eq(prefix))
                .select(SecretRow::as_select())
                .get_result(conn)
                .optional()?;
            Ok(row.map(AppSecret::from))
        })
    }

    fn list_secrets(&mut self, app: AppId) -> Result<Vec<AppSecret>, StoreError> {
        self.run(|conn| {
            let rows = oauth2_app_secrets::table
                .filter(oauth2_app_secrets::app_id.eq(Id(app)))
                .order((oauth2_app_secrets::created_at, oauth2_app_secrets::id))
                .select(SecretRow::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(AppSecret::from).collect())
        })
    }

    fn insert_secret(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppSecret>,
        secret: &AppSecret,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(secret.id.0), Touches::nobody("no key was obtained with it yet"), |conn| {
            diesel::insert_into(oauth2_app_secrets::table).values(SecretRow::from(secret)).execute(conn)?;
            Ok(())
        })
    }

    fn delete_secret(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppSecret>,
        id: AppSecretId,
    ) -> Result<bool, StoreError> {
        // Grants and keys that were obtained with it go by the cascades of their foreign keys.
        let deleted = diesel::delete(oauth2_app_secrets::table.find(Id(id))).returning(oauth2_app_secrets::app_id);
        let touches =
            |app: &Option<Id<AppId>>| app.map_or(Touches::nobody("it is not there"), |Id(app)| Touches::app(app));
        let app =
            self.write(permit, &permit.kind().id(id.0), touches, |conn| Ok(deleted.get_result(conn).optional()?))?;
        Ok(app.is_some())
    }

    fn touch_secret(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2AppSecret>,
        id: AppSecretId,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.write(
            permit,
            &permit.kind().id(id.0),
            Touches::nobody("no key depends on when its secret was used"),
            |conn| {
                diesel::update(oauth2_app_secrets::table.find(Id(id)))
                    .set(oauth2_app_secrets::last_used_at.eq(Some(At(now))))
                    .execute(conn)?;
                Ok(())
            },
        )
    }
}
