//! What this server keeps as a provider of OpenID Connect.

use super::one_of::OneOf;
use super::{Conn, locks};
use crate::error::RowError;
use crate::rows::AppRow;
use crate::schema::{
    app_logos, federated_sessions, oauth2_apps, oauth2_consents, oauth2_grants, oauth2_registered_clients, openid_apps,
    openid_codes, openid_devices, openid_grants, openid_sessions, session_proofs, verified_emails,
};
use crate::touches::Touches;
use crate::types::{At, Hash, Id, Json, ScopeText};
use crate::unit_of_work::{Kind as _, UnitOfWork};
use diesel::prelude::*;
use doorward_domain::ids::{AppId, CodeId, DeviceAuthorizationId, GrantId, UserId};
use doorward_domain::oauth2::App;
use doorward_domain::openid::{AppRules, Consent, Identity, Logo};
use doorward_domain::roles::{Permit, action, resource};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::users::UnknownValueError;
use doorward_ports::StoreError;
use doorward_ports::openid::{Known, OpenIdRepository};
use uuid::Uuid;

/// Nobody remembers what is kept here.
const NOBODY: &str = "no permission depends on what an app is told";

/// An app with one of the things that a user has allowed it, if there are any.
type AskingRow = (
    AppRow,
    Option<Json<AppRules>>,
    Option<bool>,
    Option<(At, String)>,
    Option<(At, String)>,
    Option<(String, ScopeText, Hash, At)>,
);

impl OpenIdRepository for UnitOfWork<'_, Conn> {
    fn find_session(&mut self, key: &ApiKeyId) -> Result<Option<Uuid>, StoreError> {
        self.run(|conn| {
            let row = openid_sessions::table.find(key.as_str()).select(openid_sessions::sid);
            Ok(row.get_result::<Id<Uuid>>(conn).optional()?.map(|Id(sid)| sid))
        })
    }

    fn insert_session(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        key: &ApiKeyId,
        sid: Uuid,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(openid_sessions::table)
                .values((openid_sessions::key_id.eq(key.as_str()), openid_sessions::sid.eq(Id(sid))))
                .on_conflict(openid_sessions::key_id)
                .do_nothing()
                .execute(conn)?;
            Ok(())
        })
    }

    fn hold_session(&mut self, sid: Uuid) -> Result<bool, StoreError> {
        self.run(|conn| Ok(locks::session_for_key_share(conn, sid)?.is_some()))
    }

    fn find_of_code(&mut self, code: CodeId) -> Result<Option<Identity>, StoreError> {
        self.run(|conn| {
            let row = openid_codes::table.find(Id(code)).select(openid_codes::identity);
            Ok(row.get_result::<Json<Identity>>(conn).optional()?.map(|Json(identity)| identity))
        })
    }

    fn insert_of_code(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        code: CodeId,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(openid_codes::table)
                .values((openid_codes::code_id.eq(Id(code)), openid_codes::identity.eq(Json(identity.clone()))))
                .execute(conn)?;
            Ok(())
        })
    }

    fn find_of_device(&mut self, device: DeviceAuthorizationId) -> Result<Option<Identity>, StoreError> {
        self.run(|conn| {
            let row = openid_devices::table.find(Id(device)).select(openid_devices::identity);
            Ok(row.get_result::<Json<Identity>>(conn).optional()?.map(|Json(identity)| identity))
        })
    }

    fn insert_of_device(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        device: DeviceAuthorizationId,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(openid_devices::table)
                .values((openid_devices::device_id.eq(Id(device)), openid_devices::identity.eq(Json(identity.clone()))))
                .execute(conn)?;
            Ok(())
        })
    }

    fn find_of_grant(&mut self, grant: GrantId) -> Result<Option<Identity>, StoreError> {
        self.run(|conn| {
            let row = openid_grants::table.find(Id(grant)).select(openid_grants::identity);
            Ok(row.get_result::<Json<Identity>>(conn).optional()?.map(|Json(identity)| identity))
        })
    }

    fn insert_of_grant(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        grant: GrantId,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind(), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(openid_grants::table)
                .values((
                    openid_grants::grant_id.eq(Id(grant)),
                    openid_grants::sid.eq(Id(identity.sign_in.sid)),
                    openid_grants::identity.eq(Json(identity.clone())),
                ))
                .execute(conn)?;
            Ok(())
        })
    }

    fn list_grants_of_session(&mut self, sid: Uuid) -> Result<Vec<(GrantId, AppId, UserId)>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(Id<GrantId>, Id<AppId>, Id<UserId>)> = openid_grants::table
                .inner_join(oauth2_grants::table.on(oauth2_grants::id.eq(openid_grants::grant_id)))
                .filter(openid_grants::sid.eq(Id(sid)))
                .select((oauth2_grants::id, oauth2_grants::app_id, oauth2_grants::user_id))
                .order(oauth2_grants::id)
                .load(conn)?;
            Ok(rows.into_iter().map(|(Id(grant), Id(app), Id(user))| (grant, app, user)).collect())
        })
    }

    fn list_apps_of_user(&mut self, user: UserId) -> Result<Vec<AppId>, StoreError> {
        self.run(|conn| {
            let rows: Vec<Id<AppId>> = openid_grants::table
                .inner_join(oauth2_grants::table.on(oauth2_grants::id.eq(openid_grants::grant_id)))
                .filter(oauth2_grants::user_id.eq(Id(user)))
                .select(oauth2_grants::app_id)
                .distinct()
                .order(oauth2_grants::app_id)
                .load(conn)?;
            Ok(rows.into_iter().map(|Id(app)| app).collect())
        })
    }

    fn find_asking(
        &mut self,
        app: AppId,
        user: Option<(UserId, ApiKeyId)>,
    ) -> Result<Option<(App, Known)>, StoreError> {
        // No row is that of nobody.
        let (user, key) = user.map_or((UserId::NIL, String::new()), |(user, key)| (user, key.as_str().to_owned()));
        self.run(|conn| {
            let of_user = oauth2_consents::app_id.eq(oauth2_apps::id).and(oauth2_consents::user_id.eq(Id(user)));
            let rows: Vec<AskingRow> = oauth2_apps::table
                .left_join(openid_apps::table.on(openid_apps::app_id.eq(oauth2_apps::id)))
                .left_join(oauth2_registered_clients::table.on(oauth2_registered_clients::app_id.eq(oauth2_apps::id)))
                .left_join(federated_sessions::table.on(federated_sessions::key_id.eq(key.clone())))
                .left_join(session_proofs::table.on(session_proofs::key_id.eq(key)))
                .left_join(oauth2_consents::table.on(of_user))
                .filter(oauth2_apps::id.eq(Id(app)))
                .order(oauth2_consents::resource)
                .select((
                    AppRow::as_select(),
                    openid_apps::rules.nullable(),
                    oauth2_registered_clients::adopted.nullable(),
                    (federated_sessions::auth_time, federated_sessions::acr).nullable(),
                    (session_proofs::auth_time, session_proofs::acr).nullable(),
                    (
                        oauth2_consents::resource,
                        oauth2_consents::scopes,
                        oauth2_consents::fingerprint,
                        oauth2_consents::created_at,
                    )
                        .nullable(),
                ))
                .load(conn)?;
            let mut asking = None;
            for (row, rules, adopted, federated, proof, consent) in rows {
                let (_, known) = match &mut asking {
                    Some(asking) => asking,
                    none => {
                        let known = Known {
                            rules: rules.map(|Json(rules)| rules).unwrap_or_default(),
                            is_its_own: adopted == Some(false),
                            sign_in: proof.or(federated).map(|(At(auth_time), acr)| (auth_time, acr)),
                            consents: Vec::new(),
                        };
                        none.insert((App::try_from(row)?, known))
                    }
                };
                known.consents.extend(consent.map(
                    |(resource, ScopeText(scopes), Hash(fingerprint), At(created_at))| Consent {
                        user_id: user,
                        app_id: app,
                        resource,
                        scopes,
                        fingerprint,
                        created_at,
                    },
                ));
            }
            Ok(asking)
        })
    }

    fn find_rules(&mut self, app: AppId) -> Result<Option<AppRules>, StoreError> {
        self.run(|conn| {
            let row = openid_apps::table.find(Id(app)).select(openid_apps::rules);
            Ok(row.get_result::<Json<AppRules>>(conn).optional()?.map(|Json(rules)| rules))
        })
    }

    fn list_rules(&mut self, apps: &[AppId]) -> Result<Vec<(AppId, AppRules)>, StoreError> {
        self.run(|conn| {
            let rows: Vec<(Id<AppId>, Json<AppRules>)> = openid_apps::table
                .filter(OneOf::ids("openid_apps.app_id", apps.iter().copied()))
                .select((openid_apps::app_id, openid_apps::rules))
                .order(openid_apps::app_id)
                .load(conn)?;
            Ok(rows.into_iter().map(|(Id(app), Json(rules))| (app, rules)).collect())
        })
    }

    fn update_rules(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        app: AppId,
        rules: &AppRules,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().id(app.0), Touches::nobody(NOBODY), |conn| {
            diesel::insert_into(openid_apps::table)
                .values((openid_apps::app_id.eq(Id(app)), openid_apps::rules.eq(Json(rules.clone()))))
                .on_conflict(openid_apps::app_id)
                .do_update()
                .set(openid_apps::rules.eq(Json(rules.clone())))
                .execute(conn)?;
            Ok(())
        })
    }

    fn find_verified_email(&mut self, user: UserId) -> Result<Option<String>, StoreError> {
        self.run(|conn| {
            let row = verified_emails::table.find(Id(user)).select(verified_emails::email);
            Ok(row.get_result(conn).optional()?)
        })
    }

    fn update_verified_email(
        &mut self,
        permit: &Permit<action::Update, resource::User>,
        user: UserId,
        email: Option<&str>,
    ) -> Result<(), StoreError> {
        self.write_all(permit, &permit.kind().id(user.0).owner(user.0), Touches::nobody(NOBODY), |conn| {
            diesel::delete(verified_emails::table.find(Id(user))).execute(conn)?;
            if let Some(email) = email {
                let new =
                    (verified_emails::user_id.eq(Id(user)), verified_emails::email.eq(email.to_ascii_lowercase()));
                diesel::insert_into(verified_emails::table).values(new).execute(conn)?;
            }
            Ok(())
        })
    }

    fn find_logo(&mut self, app: AppId) -> Result<Option<Logo>, StoreError> {
        self.run(|conn| {
            let row = app_logos::table.find(Id(app)).select((app_logos::kind, app_logos::bytes));
            let Some((kind, bytes)) = row.get_result::<(String, Vec<u8>)>(conn).optional()? else { return Ok(None) };
            let bad = |cause: UnknownValueError| RowError::new("app_logos", "kind", app).because(cause);
            Ok(Some(Logo { kind: kind.parse().map_err(bad)?, bytes }))
        })
    }

    fn replace_logo(
        &mut self,
        permit: &Permit<action::Update, resource::Oauth2App>,
        app: AppId,
        logo: Option<&Logo>,
    ) -> Result<(), StoreError> {
        self.write_all(permit, &permit.kind().id(app.0), Touches::nobody(NOBODY), |conn| {
            diesel::delete(app_logos::table.find(Id(app))).execute(conn)?;
            if let Some(Logo { kind, bytes }) = logo {
                let new =
                    (app_logos::app_id.eq(Id(app)), app_logos::kind.eq(kind.as_str()), app_logos::bytes.eq(bytes));
                diesel::insert_into(app_logos::table).values(new).execute(conn)?;
            }
            Ok(())
        })
    }

    fn upsert_consent(
        &mut self,
        permit: &Permit<action::Create, resource::Oauth2AppCodeToken>,
        consent: &Consent,
    ) -> Result<(), StoreError> {
        self.write(permit, &permit.kind().owner(consent.user_id.0), Touches::nobody(NOBODY), |conn| {
            let changed = (
                oauth2_consents::scopes.eq(ScopeText(consent.scopes.clone())),
                oauth2_consents::fingerprint.eq(Hash(consent.fingerprint)),
                oauth2_consents::created_at.eq(At(consent.created_at)),
            );
            diesel::insert_into(oauth2_consents::table)
                .values((
                    oauth2_consents::user_id.eq(Id(consent.user_id)),
                    oauth2_consents::app_id.eq(Id(consent.app_id)),
                    oauth2_consents::resource.eq(&consent.resource),
                    changed.clone(),
                ))
                .on_conflict((oauth2_consents::user_id, oauth2_consents::app_id, oauth2_consents::resource))
                .do_update()
                .set(changed)
                .execute(conn)?;
            Ok(())
        })
    }

    fn delete_consents(
        &mut self,
        permit: &Permit<action::Delete, resource::Oauth2AppCodeToken>,
        user: UserId,
        app: AppId,
    ) -> Result<bool, StoreError> {
        self.write(permit, &permit.kind().owner(user.0), Touches::nobody(NOBODY), |conn| {
            let known = oauth2_consents::table
                .filter(oauth2_consents::user_id.eq(Id(user)))
                .filter(oauth2_consents::app_id.eq(Id(app)));
            Ok(diesel::delete(known).execute(conn)? > 0)
        })
    }
}
