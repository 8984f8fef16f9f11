//! Client secrets of apps: shown once, kept as digests (`oauth2.md` 6).

use crate::audit::{Diff, Trail};
use crate::sessions::in_person::Deed;
use crate::{Actor, Context, Error, Origin};
use doorward_domain::Secret;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{AppId, AppSecretId};
use doorward_domain::oauth2::{App, AppSecret, ClientType, OpaqueToken};
use doorward_domain::roles::{Action, Object, Permit, System, action, resource};
use doorward_ports::{Repositories, StoreError};
use serde_json::json;

/// The secrets of an app, by time of creation.
pub async fn list(ctx: &Context, actor: &Actor, app: AppId) -> Result<Vec<AppSecret>, Error> {
    super::apps::find(ctx, actor, app).await?;
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2AppSecret>())?;
    ctx.store.read(move |repos| Ok(repos.apps().list_secrets(app)?)).await
}

/// Makes a secret; this is the only time that it is seen.
pub async fn create(ctx: &Context, actor: &Actor, app: AppId) -> Result<(AppSecret, Secret<String>), Error> {
    let app = super::apps::find(ctx, actor, app).await?;
    let permit =
        actor.subject.permit::<action::Create, resource::Oauth2AppSecret>(&Object::of::<resource::Oauth2AppSecret>())?;
    actor.in_person(Deed::ManageApps)?;
    insert(ctx, permit, Trail::of(ctx, actor), app.id, Some(actor.clone())).await
}

/// Makes a secret from the command line of the server.
pub async fn create_as_operator(ctx: &Context, app: App) -> Result<(AppSecret, Secret<String>), Error> {
    let permit = System::because("the operator makes a client secret on the command line").permit();
    insert(ctx, permit, Trail::from(ctx, None, &Origin::default()), app.id, None).await
}

async fn insert(
    ctx: &Context,
    permit: Permit<action::Create, resource::Oauth2AppSecret>,
    trail: Trail,
    app: AppId,
    by: Option<Actor>,
) -> Result<(AppSecret, Secret<String>), Error> {
    let now = trail.now;
    let token = OpaqueToken::new(
        ctx.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed(),
        ctx.alphanumeric(OpaqueToken::SECRET_LEN),
    );
    let secret = AppSecret {
        id: ctx.random.id(now),
        app_id: app,
        prefix: token.prefix().to_owned(),
        digest: token.digest(),
        display_suffix: token.display_suffix(),
        created_at: now,
        last_used_at: None,
    };
    let stored = secret.clone();
    ctx.store
        .write(move |repos| {
            // As it is at this moment, and stays until the secret is there.
            let app = repos.apps().hold(app)?.ok_or(Error::NotFound)?;
            if app.client_type == ClientType::Public {
                return Err(Error::invalid("A public client has no secrets."));
            }
            // With the secret, whoever has it acts as the service account.
            if let (Some(actor), Some(_)) = (&by, app.service_account_id) {
                super::apps::check_client_reach(actor, &app)?;
            }
            repos.apps().insert_secret(&permit, &stored)?;
            Ok::<_, Error>(record(trail, repos, AuditAction::Create, 201, &app, stored.id)?)
        })
        .await?;
    Ok((secret, token.to_wire()))
}

/// Deletes a secret; every token obtained with it dies.
pub async fn delete(ctx: &Context, actor: &Actor, app: AppId, id: AppSecretId) -> Result<(), Error> {
    let app = super::apps::find(ctx, actor, app).await?;
    let permit =
        actor.subject.permit::<action::Delete, resource::Oauth2AppSecret>(&Object::of::<resource::Oauth2AppSecret>())?;
    actor.in_person(Deed::ManageApps)?;
    let trail = Trail::of(ctx, actor);
    ctx.store
        .write(move |repos| {
            let secret = repos.apps().find_secret(id)?.ok_or(Error::NotFound)?;
            if secret.app_id != app.id {
                return Err(Error::invalid("The secret belongs to another app."));
            }
            if !repos.apps().delete_secret(&permit, id)? {
                return Err(Error::NotFound);
            }
            Ok(record(trail, repos, AuditAction::Delete, 204, &app, id)?)
        })
        .await
}

/// Nothing of a secret is tracked; the record says of which app it is.
fn record(
    trail: Trail,
    repos: &mut dyn Repositories,
    action: AuditAction,
    status: u16,
    app: &App,
    id: AppSecretId,
) -> Result<(), StoreError> {
    let thing = (AuditResource::Oauth2ProviderAppSecret, id.to_string(), app.name.clone());
    trail.with(json!({ "app_id": app.id })).write(repos, action, status, thing, Diff::default())
}
