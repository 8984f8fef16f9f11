//! Notifications that somebody asks for: a test, and words of their own.

use crate::notices::Told;
use crate::principal::Who;
use crate::{Context, Error, FieldError, Principal};
use doorward_domain::names::{hidden_in_name, hidden_in_text};
use doorward_domain::notifications::{Audience, CUSTOM_MESSAGE_MAX, CUSTOM_TITLE_MAX, Matter, ids};
use doorward_domain::roles::{Action, Object, resource};

/// Words of somebody's own.
#[derive(Clone, Debug, Default)]
pub struct CustomMessage {
    /// One line.
    pub title: String,
    /// The text.
    pub message: String,
}

/// Sends a test to the caller.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`, `Refused` (a caller without an account), `Invalid` (nothing is set up by
/// which it could reach anybody).
pub async fn send_test(ctx: &Context, by: &Principal) -> Result<(), Error> {
    by.subject.check(Action::Update, &Object::of::<resource::DeploymentConfig>())?;
    let me = by.account()?.user.id;
    reachable(ctx)?;
    ctx.act(by, move |deed| {
        deed.notify(Told::new(ids::TEST, Audience::User(me), Matter::default()));
        Ok(deed.unrecorded("a test changes nothing", ()))
    })
    .await
}

/// Sends words of the caller's own to the caller.
///
/// Needs `notification_message:create` on oneself. Errors: `Invalid` (`title`, `message`; nothing is set up by which it could reach
/// anybody), `Forbidden`, `Refused` (accounts for programs, callers without an account).
pub async fn send_custom(ctx: &Context, by: &Principal, message: CustomMessage) -> Result<(), Error> {
    let me = by.account()?.user.id;
    if matches!(by.who, Who::ServiceAccount(_)) {
        return Err(Error::Refused("Service accounts cannot send notifications.".to_owned()));
    }
    by.subject.check(Action::Create, &Object::of::<resource::NotificationMessage>().owner(me.0))?;
    let CustomMessage { title, message } = message;
    let mut fields = Vec::new();
    let hidden = (hidden_in_name(&title), hidden_in_text(&message));
    for (field, text, most, hidden) in
        [("title", &title, CUSTOM_TITLE_MAX, hidden.0), ("message", &message, CUSTOM_MESSAGE_MAX, hidden.1)]
    {
        let length = text.trim().chars().count();
        if length == 0 {
            fields.push(FieldError::new(format!("content.{field}"), "must not be empty"));
        } else if text.chars().count() > most {
            fields.push(FieldError::new(format!("content.{field}"), format!("must have at most {most} characters")));
        } else if let Some(hidden) = hidden {
            let message = format!("must not hold the hidden character {}", hidden.escape_unicode());
            fields.push(FieldError::new(format!("content.{field}"), message));
        }
    }
    if !fields.is_empty() {
        return Err(Error::invalid_fields(
            "Provide a title and a message that are not too long and show all of their characters.",
            fields,
        ));
    }
    reachable(ctx)?;
    ctx.act(by, move |deed| {
        let matter = Matter::default().label("custom_title", title).label("custom_message", message).about(me);
        deed.notify(Told::new(ids::CUSTOM, Audience::User(me), matter));
        Ok(deed.unrecorded("what somebody writes to themselves changes nothing", ()))
    })
    .await
}

fn reachable(ctx: &Context) -> Result<(), Error> {
    if ctx.outlets.any(&ctx.settings) {
        return Ok(());
    }
    Err(Error::invalid_because(
        "Nothing is set up by which notifications could reach anybody.",
        "see the sections `smtp`, `webhook` and `notifications` of the settings",
    ))
}
