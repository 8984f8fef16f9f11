//! Client secrets of apps: shown once, kept as digests (`oauth2.md` 6).

use crate::audit::{Audited, Snapshot};
use crate::deed::Deed;
use crate::sessions::in_person::InPerson;
use crate::{Context, Error, Principal};
use doorward_domain::Secret;
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::{AppId, AppSecretId};
use doorward_domain::oauth2::{App, AppSecret, ClientType, OpaqueToken};
use doorward_domain::roles::{Action, Object, Permit, action, resource};
use doorward_ports::StoreError;
use serde_json::{Map, Value};

/// The secrets of an app, by time of creation.
///
/// Needs `oauth2_app:read` and `oauth2_app_secret:read`. Errors: `NotFound` (no such app), `Forbidden`.
pub async fn list(ctx: &Context, actor: &Principal, app: AppId) -> Result<Vec<AppSecret>, Error> {
    super::apps::find(ctx, actor, app).await?;
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2AppSecret>())?;
    ctx.look(actor, move |look| Ok(look.repos.apps().list_secrets(app)?)).await
}

/// Makes a secret; this is the only time that it is seen.
///
/// Needs `oauth2_app:read` and `oauth2_app_secret:create`. Errors: `NotFound` (no such app), `Forbidden`, `Refused`
/// (asked by an app, or with a key that may do less than the service account of the app), `Invalid` (a client
/// that has none: public, or with keys).
pub async fn create(ctx: &Context, actor: &Principal, app: AppId) -> Result<(AppSecret, Secret<String>), Error> {
    let app = super::apps::find(ctx, actor, app).await?.id;
    let permit =
        actor.permit::<action::Create, resource::Oauth2AppSecret>(&Object::of::<resource::Oauth2AppSecret>())?;
    actor.in_person(InPerson::ManageApps)?;
    ctx.act(actor, move |deed| {
        // As it is at this moment, and stays until the secret is there.
        let app = deed.repos.apps().find_for_update(app)?.ok_or(Error::NotFound)?;
        match app.client_type {
            ClientType::Public => return Err(Error::invalid("A public client has no secrets.")),
            ClientType::Keyed => return Err(Error::invalid("A client that proves itself by keys has no secrets.")),
            ClientType::Confidential => {}
        }
        if app.service_account_id.is_some() {
            // With the secret, whoever has it acts as the service account.
            super::apps::check_client_reach(deed.by, &app)?;
        }
        let (secret, text) = insert(deed, &permit, app.id)?;
        let recorded = deed.made(&SecretOf { app: &app, id: secret.id })?;
        Ok(recorded.answer((secret, text)))
    })
    .await
}

/// Makes a secret of the app and stores it; also the secret as it is shown.
pub(super) fn insert(
    deed: &mut Deed<'_>,
    permit: &Permit<action::Create, resource::Oauth2AppSecret>,
    app_id: AppId,
) -> Result<(AppSecret, Secret<String>), StoreError> {
    let random = deed.random();
    let prefix = random.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed();
    let token = OpaqueToken::new(prefix, random.alphanumeric(OpaqueToken::SECRET_LEN));
    let secret = AppSecret {
        id: deed.new_id(),
        app_id,
        prefix: token.prefix().to_owned(),
        digest: token.digest(),
        display_suffix: token.display_suffix(),
        created_at: deed.now,
        last_used_at: None,
    };
    deed.repos.apps().insert_secret(permit, &secret)?;
    Ok((secret, token.to_wire()))
}

/// Deletes a secret; every token obtained with it dies.
///
/// Needs `oauth2_app:read` and `oauth2_app_secret:delete`. Errors: `NotFound` (no such app or secret), `Forbidden`,
/// `Refused` (asked by an app), `Invalid` (the secret of another app).
pub async fn delete(ctx: &Context, actor: &Principal, app: AppId, id: AppSecretId) -> Result<(), Error> {
    let app = super::apps::find(ctx, actor, app).await?;
    let permit =
        actor.permit::<action::Delete, resource::Oauth2AppSecret>(&Object::of::<resource::Oauth2AppSecret>())?;
    actor.in_person(InPerson::ManageApps)?;
    ctx.act(actor, move |deed| {
        let secret = deed.repos.apps().find_secret(id)?.ok_or(Error::NotFound)?;
        if secret.app_id != app.id {
            return Err(Error::invalid("The secret belongs to another app."));
        }
        if !deed.repos.apps().delete_secret(&permit, id)? {
            return Err(Error::NotFound);
        }
        Ok(deed.ended(&SecretOf { app: &app, id })?.answer(()))
    })
    .await
}

/// Nothing of a secret is tracked; its record says of which app it is.
struct SecretOf<'a> {
    app: &'a App,
    id: AppSecretId,
}

impl Audited for SecretOf<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::Oauth2ProviderAppSecret
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.app.name.clone()
    }

    fn about(&self) -> Map<String, Value> {
        Map::from_iter([("app_id".to_owned(), self.app.id.to_string().into())])
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
    }
}
