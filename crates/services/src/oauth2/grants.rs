//! What a user sees of the apps that act for them, and takes back.

use crate::audit::{Diff, Trail};
use crate::sessions::in_person::Deed;
use crate::{Actor, Context, Error};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::GrantId;
use doorward_domain::oauth2::{App, Grant};
use doorward_domain::roles::{Action, Object, action, resource};
use doorward_ports::oauth2::AuthorizedGrant;

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
    let (asking, trail) = (actor.clone(), Trail::of(ctx, actor));
    ctx.store
        .write(move |repos| {
            let is_mine = |grant: &Grant| grant.user_id == asking.user.id;
            let grant = repos.grants().find(id)?.filter(is_mine).ok_or(Error::NotFound)?;
            asking.in_person_unless(grant.app_id, Deed::EndGrant)?;
            // Of two who end it at once, one has.
            if !repos.grants().delete(&permit, grant.id)? {
                return Err(Error::NotFound);
            }
            let thing = (AuditResource::Oauth2ProviderGrant, grant.id.to_string(), grant.app_id.to_string());
            Ok(trail.write(repos, AuditAction::Delete, 200, thing, Diff::deleted(&grant))?)
        })
        .await
}

/// Withdraws an app: all its grants and codes of the actor end (`oauth2.md` 12). It is no error when there were none.
pub async fn withdraw(ctx: &Context, actor: &Actor, app: &App) -> Result<(), Error> {
    let object = Object::of::<resource::Oauth2AppCodeToken>().owner(actor.user.id.0);
    let permit = actor.subject.permit::<action::Delete, resource::Oauth2AppCodeToken>(&object)?;
    actor.in_person_unless(app.id, Deed::EndGrant)?;
    let (user, app, name) = (actor.user.id, app.id, app.name.clone());
    let trail = Trail::of(ctx, actor);
    ctx.store
        .write(move |repos| {
            let ended = repos.grants().delete_of_user_and_app(&permit, user, app)?;
            if ended == 0 {
                return Ok(());
            }
            // One record for all of them, under the id of the app.
            let thing = (AuditResource::Oauth2ProviderGrant, app.to_string(), name);
            let trail = trail.with(serde_json::json!({ "grants": ended }));
            Ok(trail.write(repos, AuditAction::Delete, 204, thing, Diff::default())?)
        })
        .await
}
