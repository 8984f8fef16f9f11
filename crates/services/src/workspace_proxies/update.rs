//! Changing proxies.

use super::access::{ProxyRef, may_read, name_taken, object};
use super::create::new_token;
use super::health;
use super::list::ProxyView;
use super::primary::Primary;
use crate::deed::{Deed, Done};
use crate::sessions::in_person::InPerson;
use crate::users::fields::Fields;
use crate::{Context, Error, Principal, runtime_settings};
use doorward_domain::Secret;
use doorward_domain::names::ProxyName;
use doorward_domain::roles::{Permit, PlacePermit, action, resource};
use doorward_domain::workspace_proxies::{PRIMARY, PrimaryAppearance, ProxyToken, WorkspaceProxy};

/// What is asked of a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateProxy {
    /// Its name.
    pub name: String,
    /// What people see; empty keeps it.
    pub display_name: String,
    /// URL of a picture; empty keeps it.
    pub icon: String,
    /// Whether it gets another token: the one that it has is good for nothing then.
    pub regenerate_token: bool,
}

/// Changes a proxy. Answers the new token, if one was asked for. Of the deployment itself only what people see can be changed.
///
/// Needs `workspace_proxy:update`. Errors: `NotFound` (missing, deleted or not readable), `Forbidden`, `Refused` (a token, asked by an
/// app), `Invalid` (`name`, `display_name`, `icon`, `regenerate_token`), `Conflict` (`name`).
pub async fn update(
    ctx: &Context,
    by: &Principal,
    reference: &ProxyRef,
    command: UpdateProxy,
) -> Result<(ProxyView, Option<Secret<String>>), Error> {
    if command.regenerate_token {
        by.in_person(InPerson::MakeKey)?;
    }
    let (reference, context) = (reference.clone(), ctx.clone());
    let changed = ctx
        .act(by, move |deed| {
            let found = reference.find(deed.repos)?;
            let object = object(&context, found.as_ref());
            may_read(deed.by, &object)?;
            match found {
                // How the deployment itself is shown is a setting, and those belong to no object.
                None => primary(&context, deed, &deed.by.permit_in(None)?, command),
                Some(found) => proxy(&context, deed, &deed.by.permit(&object)?, &found, command),
            }
        })
        .await?;
    health::wake(ctx);
    Ok(changed)
}

type Changed = Done<(ProxyView, Option<Secret<String>>)>;

fn proxy(
    ctx: &Context,
    deed: &mut Deed<'_>,
    permit: &Permit<action::Update, resource::WorkspaceProxy>,
    found: &WorkspaceProxy,
    command: UpdateProxy,
) -> Result<Changed, Error> {
    let old = deed.repos.workspace_proxies().find_for_update(found.id)?.filter(|proxy| !proxy.deleted);
    let old = old.ok_or(Error::NotFound)?;
    let mut fields = Fields::default();
    // A name that the proxy has already need not be one that people may give.
    let name = if old.name == command.name.as_str() {
        Some(old.name.clone())
    } else {
        fields.value::<ProxyName>("name", "proxy_name", &command.name)
    };
    let fields = fields.shown_name("display_name", &command.display_name).shown_name("icon", &command.icon);
    let name = fields.done_with(name)?;
    let others = deed.repos.workspace_proxies().list()?;
    if others.iter().any(|other| other.id != old.id && other.name.key() == name.key()) {
        return Err(name_taken());
    }
    let token = command.regenerate_token.then(|| new_token(old.id, deed.random()));
    let kept = |new: String, old: &str| if new.is_empty() { old.to_owned() } else { new };
    let new = WorkspaceProxy {
        name,
        display_name: kept(command.display_name, &old.display_name),
        icon: kept(command.icon, &old.icon),
        digest: token.as_ref().map_or(old.digest, ProxyToken::digest),
        updated_at: deed.now,
        ..old.clone()
    };
    if !deed.repos.workspace_proxies().update(permit, &new)? {
        return Err(Error::NotFound);
    }
    let recorded = deed.changed(&old, &new)?;
    Ok(recorded.answer((ProxyView::of(ctx, new, deed.now), token.map(|token| token.to_wire()))))
}

fn primary(
    ctx: &Context,
    deed: &mut Deed<'_>,
    permit: &PlacePermit<action::Update, resource::WorkspaceProxy>,
    command: UpdateProxy,
) -> Result<Changed, Error> {
    Fields::default()
        .that("name", command.name == PRIMARY, "The name of the primary proxy cannot be changed.")
        .that(
            "regenerate_token",
            !command.regenerate_token,
            "The primary proxy is this deployment itself, and has no token.",
        )
        .shown_name("display_name", &command.display_name)
        .shown_name("icon", &command.icon)
        .done()?;
    let old: PrimaryAppearance = runtime_settings::find_for_update(deed.repos, None)?.unwrap_or_default();
    let kept = |new: String, old: &str| if new.is_empty() { old.to_owned() } else { new };
    let new = PrimaryAppearance {
        display_name: kept(command.display_name, &old.display_name),
        icon: kept(command.icon, &old.icon),
    };
    runtime_settings::store(deed.repos, permit, &new)?;
    let seen = |appearance| Primary { deployment: ctx.server.deployment_id, appearance };
    let recorded = deed.changed(&seen(&old), &seen(&new))?;
    Ok(recorded.answer((ProxyView::primary(ctx, &new, deed.now), None)))
}
