//! Profile and appearance settings of users: user name, real name, theme, terminal font.

use super::access;
use super::caller::with_caller_and;
use super::fields::Fields;
use super::reference::{UserRef, UserView, resolve, resolve_live};
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::identity_providers::owned_name::refuse_name;
use doorward_domain::names::{RealName, is_spelled_like_a_name};
use doorward_domain::roles::{Action, action, resource};
use doorward_domain::users::{LoginType, TERMINAL_FONTS, User};
use std::sync::Arc;

/// What is asked of a profile.
#[derive(Clone, Debug)]
pub struct UpdateProfile {
    /// The new user name.
    pub username: String,
    /// The new real name; empty clears it.
    pub name: String,
}

/// How the dashboard looks to a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appearance {
    /// Colours of the dashboard, or empty.
    pub theme_preference: String,
    /// Font of the web terminal, or empty.
    pub terminal_font: String,
}

/// Changes user name and real name.
///
/// Needs `user:read` and `user:update_personal`. Errors: `Invalid` (`username`, `name`), `UserNotFound` (missing or not
/// readable), `Forbidden`, `Conflict` (`username`). `Invalid` too, without a field, for a real name that follows an identity provider
/// or a directory.
pub async fn update_profile(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    command: UpdateProfile,
) -> Result<UserView, Error> {
    let mut fields = Fields::default();
    if !is_spelled_like_a_name(&command.username) || command.name.parse::<RealName>().is_err() {
        // Then it is told besides that the name is not free for users; but not to somebody whose name it is. Otherwise it is
        // seen once the user is known, who may keep a name from before a word was reserved.
        let mine = actor.as_account().map(|account| &account.user.username);
        let username = mine.map_or_else(|| command.username.parse(), |mine| mine.renamed(&command.username));
        fields.checked("username", "username", &command.username, username);
    }
    let name = fields.real_name("name", &command.name);
    let name = fields.done_with(name)?;
    let (reference, settings) = (user.clone(), Arc::clone(&ctx.settings));
    ctx.act(actor, move |deed| {
        let id = resolve_live(deed.repos, deed.by, &reference)?.id;
        with_caller_and(deed, id, |deed, actor, old| {
            let permit = access::permit::<action::UpdatePersonal, resource::User>(actor, &access::user(id))?;
            let mut fields = Fields::default();
            let renamed = old.username.renamed(&command.username);
            let username = fields.checked("username", "username", &command.username, renamed);
            let username = fields.done_with(username)?;
            if name != old.name {
                refuse_name(deed.repos, &settings, &old)?;
            }
            let namesake = deed.repos.users().find_by_username(username.as_str())?;
            if namesake.is_some_and(|other| other.id != id) {
                return Err(Error::taken("A user with this username already exists.", "username"));
            }
            if !deed.repos.users().update_profile(&permit, id, &username, &name, deed.now)? {
                return Err(Error::UserNotFound);
            }
            let new = User { username, name, updated_at: deed.now, ..old.clone() };
            let recorded = deed.changed(&old, &new)?;
            Ok(recorded.answer(UserView::load(new, deed.repos)?))
        })
    })
    .await
}

/// How the dashboard looks to a user.
///
/// Needs `user:read` and `user:read_personal`. Errors: `UserNotFound` (missing or not readable), `NotFound` (this is not to
/// be read), `Forbidden` (only the scope is too short).
pub async fn appearance(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<Appearance, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        access::may(look.by, Action::ReadPersonal, &access::user(user.id))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        Ok(Appearance { theme_preference: user.theme_preference, terminal_font: user.terminal_font })
    })
    .await
}

/// Changes how the dashboard looks to a user. Both parts are required.
///
/// Needs `user:read` and `user:update_personal`. Errors: `Invalid` (`theme_preference`, `terminal_font`), `UserNotFound`
/// (missing or not readable), `Forbidden`.
pub async fn update_appearance(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    command: Appearance,
) -> Result<Appearance, Error> {
    let strange = command.theme_preference.len() > THEME_MAX || command.theme_preference.contains(char::is_control);
    let mut fields = Fields::default()
        .required("theme_preference", &command.theme_preference)
        .required("terminal_font", &command.terminal_font)
        .defect("theme_preference", strange.then(|| format!("must be the name of a theme, at most {THEME_MAX} bytes")));
    fields.keep(known_font(&command.terminal_font))?;
    fields.done()?;
    let reference = user.clone();
    ctx.act(actor, move |deed| {
        let id = resolve_live(deed.repos, deed.by, &reference)?.id;
        with_caller_and(deed, id, |deed, actor, old| {
            let permit = access::permit::<action::UpdatePersonal, resource::User>(actor, &access::user(id))?;
            let Appearance { theme_preference, terminal_font } = command.clone();
            if !deed.repos.users().update_appearance(&permit, id, &theme_preference, &terminal_font, deed.now)? {
                return Err(Error::UserNotFound);
            }
            Ok(deed.changed(&old, &User { theme_preference, terminal_font, ..old.clone() })?.answer(command))
        })
    })
    .await
}

fn known_font(font: &str) -> Result<(), Error> {
    if TERMINAL_FONTS.contains(&font) {
        return Ok(());
    }
    let detail = format!("must be one of {}", TERMINAL_FONTS.join(", "));
    Err(Error::invalid_fields("Unsupported font family.", vec![FieldError::new("terminal_font", detail)]))
}

/// How a user signs in. Only the user itself may know.
///
/// Needs `user:read_personal`. Errors: `UserNotFound` (missing or not readable), `Refused` (somebody else), `Forbidden`
/// (only the scope is too short).
pub async fn login_type(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<LoginType, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        if !look.by.is(user.id) {
            return Err(Error::Refused("You are not authorized to view this user's login type.".to_owned()));
        }
        access::may(look.by, Action::ReadPersonal, &access::user(user.id))?;
        Ok(user.login_type)
    })
    .await
}

/// Longest name of a theme.
const THEME_MAX: usize = 64;
