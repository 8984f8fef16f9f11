//! Which notifications users want.

use crate::users::UserRef;
use crate::users::reference::resolve_live;
use crate::{Context, Error, Principal};
use doorward_domain::ids::{NotificationTemplateId, UserId};
use doorward_domain::notifications::{NotificationPreference, find};
use doorward_domain::roles::{Action, Object, action, resource};

/// Most templates that one request may speak of.
const TEMPLATES_MAX: usize = 200;

fn preferences_of(user: UserId) -> Object<'static> {
    Object::of::<resource::NotificationPreference>().owner(user.0)
}

/// What a user has said about templates.
///
/// Needs `user:read` and `notification_preference:read`. Errors: `UserNotFound` (missing or not readable), `NotFound` (the
/// preferences are not readable).
pub async fn list_preferences(
    ctx: &Context,
    by: &Principal,
    user: &UserRef,
) -> Result<Vec<NotificationPreference>, Error> {
    let reference = user.clone();
    ctx.look(by, move |look| {
        let user = resolve_live(look.repos, look.by, &reference)?;
        look.by
            .subject
            .check(Action::Read, &preferences_of(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        Ok(look.repos.notifications().list_preferences(user.id)?)
    })
    .await
}

/// Writes what a user says about templates: whether they do not want them. What is not named stays as it is.
///
/// Needs `user:read` and `notification_preference:update`. Errors: `UserNotFound` (missing or not readable), `Invalid` (an id of no
/// template, too many), `NotFound` (not to be changed).
pub async fn update_preferences(
    ctx: &Context,
    by: &Principal,
    user: &UserRef,
    disabled: Vec<(NotificationTemplateId, bool)>,
) -> Result<Vec<NotificationPreference>, Error> {
    let reference = user.clone();
    ctx.act(by, move |deed| {
        let user = resolve_live(deed.repos, deed.by, &reference)?;
        let permit = deed
            .by
            .permit::<action::Update, resource::NotificationPreference>(&preferences_of(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        if disabled.len() > TEMPLATES_MAX {
            return Err(Error::invalid_field("template_disabled_map", "names too many templates"));
        }
        if let Some((unknown, _)) = disabled.iter().find(|(id, _)| find(*id).is_none()) {
            let detail = format!("`{unknown}` is the id of no template");
            return Err(Error::invalid_field("template_disabled_map", detail));
        }
        deed.repos.notifications().update_preferences(&permit, user.id, &disabled, deed.now)?;
        let all = deed.repos.notifications().list_preferences(user.id)?;
        Ok(deed.unrecorded("what somebody wants to read is their own affair", all))
    })
    .await
}
