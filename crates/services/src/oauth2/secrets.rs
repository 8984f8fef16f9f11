//! Client secrets of apps: shown once, kept as digests (`oauth2.md` 6).

use crate::context::Event;
use crate::{Actor, Context, Error};
use doorward_domain::Secret;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{AppId, AppSecretId, AuditId};
use doorward_domain::oauth2::{App, AppSecret, ClientType, OpaqueToken};
use doorward_domain::roles::{Action, Object, Permit, System, action, resource};
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
    insert(ctx, permit, Some(actor), app).await
}

/// Makes a secret from the command line of the server.
pub async fn create_as_operator(ctx: &Context, app: App) -> Result<(AppSecret, Secret<String>), Error> {
    let permit = System::because("the operator makes a client secret on the command line").permit();
    insert(ctx, permit, None, app).await
}

async fn insert(
    ctx: &Context,
    permit: Permit<action::Create, resource::Oauth2AppSecret>,
    actor: Option<&Actor>,
    app: App,
) -> Result<(AppSecret, Secret<String>), Error> {
    if app.client_type == ClientType::Public {
        return Err(Error::invalid("A public client has no secrets."));
    }
    let (now, id) = ctx.new_id::<AppSecretId>();
    let audit_id = ctx.random.id::<AuditId>(now);
    let token = OpaqueToken::new(
        ctx.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed(),
        ctx.alphanumeric(OpaqueToken::SECRET_LEN),
    );
    let secret = AppSecret {
        id,
        app_id: app.id,
        prefix: token.prefix().to_owned(),
        digest: token.digest(),
        display_suffix: token.display_suffix(),
        created_at: now,
        last_used_at: None,
    };
    let stored = secret.clone();
    let (by, origin) = actor.map(|actor| (actor.user.id, actor.origin.clone())).unzip();
    ctx.store
        .write(move |repos| {
            repos.apps().insert_secret(&permit, &stored)?;
            let event = Event {
                action: AuditAction::Create,
                resource_type: AuditResource::Oauth2ProviderAppSecret,
                resource_id: stored.id.to_string(),
                resource_target: app.name,
                user_id: by,
                organization_id: None,
                diff: json!({ "display_suffix": stored.display_suffix }),
                additional_fields: json!({ "app_id": app.id }),
                status_code: 201,
                origin: &origin.unwrap_or_default(),
            };
            Ok::<_, Error>(event.write(audit_id, now, repos)?)
        })
        .await?;
    Ok((secret, token.to_wire()))
}

/// Deletes a secret; every token obtained with it dies.
pub async fn delete(ctx: &Context, actor: &Actor, app: AppId, id: AppSecretId) -> Result<(), Error> {
    let app = super::apps::find(ctx, actor, app).await?;
    let permit =
        actor.subject.permit::<action::Delete, resource::Oauth2AppSecret>(&Object::of::<resource::Oauth2AppSecret>())?;
    let (now, audit_id) = ctx.new_id::<AuditId>();
    let (by, origin) = (actor.user.id, actor.origin.clone());
    ctx.store
        .write(move |repos| {
            let secret = repos.apps().find_secret(id)?.ok_or(Error::NotFound)?;
            if secret.app_id != app.id {
                return Err(Error::invalid("The secret belongs to another app."));
            }
            repos.apps().delete_secret(&permit, id)?;
            let event = Event {
                action: AuditAction::Delete,
                resource_type: AuditResource::Oauth2ProviderAppSecret,
                resource_id: id.to_string(),
                resource_target: app.name,
                user_id: Some(by),
                organization_id: None,
                diff: json!({ "display_suffix": secret.display_suffix }),
                additional_fields: json!({ "app_id": app.id }),
                status_code: 204,
                origin: &origin,
            };
            Ok(event.write(audit_id, now, repos)?)
        })
        .await
}
