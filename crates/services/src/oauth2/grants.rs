//! What a user sees of the apps that act for them, and takes back.

use crate::context::Event;
use crate::{Actor, Context, Error};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{AppId, AuditId, GrantId};
use doorward_domain::oauth2::App;
use doorward_domain::roles::{Action, Object, action, resource};
use doorward_ports::oauth2::AuthorizedGrant;
use std::sync::Arc;

/// The live grants of the actor, newest first.
pub async fn list_mine(ctx: &Context, actor: &Actor) -> Result<Vec<AuthorizedGrant>, Error> {
    let object = Object::of::<resource::Oauth2AppCodeToken>().owner(actor.user.id.0);
    actor.subject.check(Action::Read, &object)?;
    let (user, now) = (actor.user.id, ctx.clock.now());
    ctx.store.read(move |repos| Ok(repos.grants().list_of_user(user, now)?)).await
}

/// Ends one grant of the actor; somebody else's looks like none.
pub async fn revoke(ctx: &Context, actor: &Actor, id: GrantId) -> Result<(), Error> {
    let object = Object::of::<resource::Oauth2AppCodeToken>().owner(actor.user.id.0);
    let permit = actor.subject.permit::<action::Delete, resource::Oauth2AppCodeToken>(&object)?;
    let (now, audit_id) = ctx.new_id::<AuditId>();
    let (user, origin) = (Arc::clone(&actor.user), actor.origin.clone());
    ctx.store
        .write(move |repos| {
            let grant = repos.grants().find(id)?.filter(|grant| grant.user_id == user.id).ok_or(Error::NotFound)?;
            repos.grants().delete(&permit, grant.id)?;
            let event = Event {
                action: AuditAction::Delete,
                resource_type: AuditResource::Oauth2ProviderGrant,
                resource_id: grant.id.to_string(),
                resource_target: grant.app_id.to_string(),
                user_id: Some(user.id),
                organization_id: None,
                diff: serde_json::json!({}),
                additional_fields: serde_json::json!({}),
                status_code: 200,
                origin: &origin,
            };
            Ok(event.write(audit_id, now, repos)?)
        })
        .await
}

/// Withdraws an app: all its grants and codes of the actor end (`oauth2.md` 12). It is no error when there were none.
pub async fn withdraw(ctx: &Context, actor: &Actor, app: &App) -> Result<(), Error> {
    let object = Object::of::<resource::Oauth2AppCodeToken>().owner(actor.user.id.0);
    let permit = actor.subject.permit::<action::Delete, resource::Oauth2AppCodeToken>(&object)?;
    let (now, audit_id) = ctx.new_id::<AuditId>();
    let (user, origin, app_id, name): (_, _, AppId, _) =
        (actor.user.id, actor.origin.clone(), app.id, app.name.clone());
    ctx.store
        .write(move |repos| {
            let ended = repos.grants().delete_of_user_and_app(&permit, user, app_id)?;
            let event = Event {
                action: AuditAction::Delete,
                resource_type: AuditResource::Oauth2ProviderGrant,
                resource_id: app_id.to_string(),
                resource_target: name,
                user_id: Some(user),
                organization_id: None,
                diff: serde_json::json!({}),
                additional_fields: serde_json::json!({ "grants": ended }),
                status_code: 204,
                origin: &origin,
            };
            if ended > 0 { Ok(event.write(audit_id, now, repos)?) } else { Ok(()) }
        })
        .await
}
