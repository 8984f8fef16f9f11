//! Delivering one notification.

use crate::passcodes::passcode_of_seed;
use crate::{Context, Error, Principal};
use doorward_domain::Secret;
use doorward_domain::names::Email;
use doorward_domain::notifications::{Delivery, Method, Recipient, Rendered, find, pause_before_retry, render};
use doorward_domain::roles::{System, action, resource};
use doorward_domain::users::User;
use doorward_ports::fetch::{FetchError, Request};
use doorward_ports::mail::{Mail, MailError};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Longest answer of the receiver of a webhook that is read.
const ANSWER_MAX: usize = 16 * 1024;
/// Most characters of an error that are stored.
const ERROR_MAX: usize = 500;
const WHY: &str = "notifications are delivered";
/// Why a mail was given up whose sending nobody has seen the end of.
pub(super) const LOST: &str = "the server ended while it sent this mail, so it may have been sent";

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was delivered, or is of no use any more.
    Done,
    /// It may work later.
    Later(String),
    /// It will not work.
    Never(String),
    /// The attempt is over; another one has begun.
    Overtaken,
}

/// Tries to deliver, and writes down what came of it.
pub(super) async fn deliver(ctx: &Context, delivery: Delivery, user: Option<User>) -> Result<(), Error> {
    let (id, attempt, method) = (delivery.id, delivery.attempts, delivery.method);
    let outcome = attempt_it(ctx, &delivery, user).await?;
    let settings = ctx.settings.notifications;
    let is_last = attempt >= settings.attempts_max;
    let outcome = match outcome {
        Outcome::Later(why) if is_last => Outcome::Never(why),
        Outcome::Done | Outcome::Later(_) | Outcome::Never(_) | Outcome::Overtaken => outcome,
    };
    match &outcome {
        Outcome::Later(error) => tracing::info!(%id, %method, attempt, error, "a notification was not delivered yet"),
        Outcome::Never(error) => tracing::warn!(%id, %method, attempt, error, "a notification was given up"),
        Outcome::Done | Outcome::Overtaken => tracing::debug!(%id, %method, attempt, ?outcome, "a notification"),
    }
    let pause = pause_before_retry(attempt, settings.retry_pause.get());
    let cut = |error: String| error.chars().take(ERROR_MAX).collect::<String>();
    ctx.act(&Principal::system(WHY), move |deed| {
        let update = System::because(WHY).permit::<action::Update, resource::NotificationMessage>();
        let queue = deed.repos.notifications();
        match outcome {
            Outcome::Done => {
                let permit = System::because(WHY).permit::<action::Delete, resource::NotificationMessage>();
                queue.finish(&permit, id, attempt)?;
            }
            Outcome::Later(error) => {
                queue.postpone(&update, id, attempt, pause, &cut(error))?;
            }
            Outcome::Never(error) => {
                queue.bury(&update, id, attempt, &cut(error))?;
            }
            Outcome::Overtaken => {}
        }
        Ok(deed.unrecorded("what was done is recorded", ()))
    })
    .await
}

async fn attempt_it(ctx: &Context, delivery: &Delivery, user: Option<User>) -> Result<Outcome, Error> {
    let Some(user) = user.filter(|user| !user.deleted) else { return Ok(Outcome::Done) };
    if delivery.expires_at.is_some_and(|at| at <= ctx.clock.now()) {
        return Ok(Outcome::Done);
    }
    let Some(template) = find(delivery.template_id) else {
        return Ok(Outcome::Later("this version does not know the template".to_owned()));
    };
    let mut matter = delivery.matter.clone();
    if let Some(seed) = &matter.passcode {
        let Some(code) = passcode_of_seed(ctx, user.id, seed) else { return Ok(Outcome::Done) };
        matter = matter.label("one_time_passcode", code.into_exposed());
    }
    let words = match render(template, Recipient { user: &user, base_url: ctx.settings.issuer() }, &matter) {
        Ok(words) => words,
        Err(error) => return Ok(Outcome::Never(format!("the template cannot be read: {error}"))),
    };
    match delivery.method {
        Method::Smtp => by_mail(ctx, delivery, &user, &words).await,
        Method::Webhook => {
            let body = webhook_body(delivery, template.name, &user, &words, &matter.labels);
            Ok(by_webhook(ctx, delivery, body).await)
        }
        Method::Inbox => Ok(Outcome::Done),
    }
}

async fn by_mail(ctx: &Context, delivery: &Delivery, user: &User, words: &Rendered) -> Result<Outcome, Error> {
    let Some(mailer) = ctx.outlets.mailer() else { return Ok(Outcome::Later("no mail is set up".to_owned())) };
    let address = delivery.matter.address.as_deref().or(user.email.as_ref().map(Email::as_str));
    let Some(address) = address else { return Ok(Outcome::Done) };
    let host = ctx.settings.access_url.host_str().unwrap_or("localhost").trim_matches(['[', ']']);
    let mail = Mail {
        message_id: format!("{}@{host}", delivery.id),
        date: delivery.created_at,
        to: address.to_owned(),
        to_name: user.name.as_str().to_owned(),
        subject: words.title.clone(),
        text: plain(ctx, user, words),
        html: html(ctx, user, words),
    };
    let resend = ctx.settings.notifications.resend_unknown;
    let sent = match mailer.prepare(mail).await {
        Ok(ready) => {
            if !resend && !hand_over(ctx, delivery).await? {
                return Ok(Outcome::Overtaken);
            }
            ready.send().await
        }
        Err(error) => Err(error),
    };
    Ok(match sent {
        Ok(()) => Outcome::Done,
        Err(MailError::Later(why)) => Outcome::Later(why),
        Err(MailError::Never(why)) => Outcome::Never(why),
        Err(MailError::Unknown(why)) if resend => Outcome::Later(why),
        Err(MailError::Unknown(why)) => Outcome::Never(format!("it may have been sent: {why}")),
    })
}

/// Writes down that the mail is about to be sent; `false` when the attempt is over.
async fn hand_over(ctx: &Context, delivery: &Delivery) -> Result<bool, Error> {
    let (id, attempt) = (delivery.id, delivery.attempts);
    ctx.act(&Principal::system(WHY), move |deed| {
        let permit = System::because(WHY).permit::<action::Update, resource::NotificationMessage>();
        let is_ours = deed.repos.notifications().hand_over(&permit, id, attempt)?;
        Ok(deed.unrecorded("what was done is recorded", is_ours))
    })
    .await
}

async fn by_webhook(ctx: &Context, delivery: &Delivery, body: Value) -> Outcome {
    let settings = &ctx.settings.webhook;
    let Some(endpoint) = &settings.endpoint else { return Outcome::Later("no webhook is set up".to_owned()) };
    let (id, now, body) = (delivery.id.to_string(), ctx.clock.now(), body.to_string().into_bytes());
    let signature = settings.key().map(|key| key.sign(&id, now, &body));
    let mut request = Request::post(endpoint.as_str(), "application/json", Secret::new(body), ANSWER_MAX)
        .chosen_by_operator()
        .header("webhook-id", Secret::new(id.clone()))
        .header("webhook-timestamp", Secret::new(now.unix_timestamp().to_string()))
        .header("x-message-id", Secret::new(id));
    if let Some(signature) = signature {
        request = request.header("webhook-signature", Secret::new(signature));
    }
    match ctx.upstreams.fetch(request).await {
        Ok(_taken) => Outcome::Done,
        Err(FetchError { class, detail }) => Outcome::Later(format!("{}: {detail}", class.as_str())),
    }
}

fn webhook_body(
    delivery: &Delivery,
    name: &str,
    user: &User,
    words: &Rendered,
    labels: &BTreeMap<String, String>,
) -> Value {
    json!({
        "_version": "1.1",
        "msg_id": delivery.id,
        "payload": {
            "_version": "1.2",
            "notification_name": name,
            "notification_template_id": delivery.template_id,
            "user_id": user.id,
            "user_email": user.shown_email(),
            "user_name": called(user),
            "user_username": user.username.as_str(),
            "actions": words.actions,
            "labels": labels,
            "data": delivery.matter.data,
            "targets": delivery.matter.targets,
        },
        "title": words.title,
        "title_markdown": words.title,
        "body": words.text,
        "body_markdown": words.text,
    })
}

fn called(user: &User) -> &str {
    if user.name.as_str().is_empty() { user.username.as_str() } else { user.name.as_str() }
}

fn plain(ctx: &Context, user: &User, words: &Rendered) -> String {
    let mut text = format!("Hi {},\n\n{}\n", called(user), words.text);
    for action in &words.actions {
        text.extend(["\n", &action.label, ": ", &action.url, "\n"]);
    }
    text.extend(["\n-- \n", ctx.settings.issuer(), "\n"]);
    text
}

fn html(ctx: &Context, user: &User, words: &Rendered) -> String {
    let link = |label: &str, url: &str| format!("<a href=\"{}\">{}</a>", escaped(url), escaped(label));
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family: sans-serif; line-height: 1.5\">\n<p>Hi {},</p>\n{}\n",
        escaped(&words.title),
        escaped(called(user)),
        words.html,
    );
    for action in &words.actions {
        text.extend(["<p>", &link(&action.label, &action.url), "</p>\n"]);
    }
    let issuer = ctx.settings.issuer();
    text.extend(["<hr>\n<p><small>", &link(issuer, issuer), "</small></p>\n</body>\n</html>\n"]);
    text
}

/// A text as it stands in HTML.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
