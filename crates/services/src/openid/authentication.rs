//! What an authentication request asks of the user (OpenID Connect Core 1.0, 3.1.2), before the question whether they allow it.

use super::{hint, issue};
use crate::oauth2::authorize::{Answer, ConsentRequest};
use crate::{Context, Error, OAuthError, Principal};
use doorward_domain::Instant;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_domain::openid::{ConsentQuestion, Prompt};
use doorward_ports::openid::Known;
use time::Duration;

/// For how long it is remembered that somebody was asked to sign in.
const ASKED_FOR: Duration = Duration::minutes(10);
/// The purpose of the text that says so.
const PURPOSE: &str = "sign in again";

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The user must sign in, whether or not somebody is signed in.
    SignIn,
    /// The user is asked whether they allow it.
    Ask,
    /// The user has allowed it before.
    Allowed,
    /// The client is told that it cannot be.
    Refused(Answer),
}

/// What is to be done next for this request. `actor` is who is signed in; `asked_at` when they were asked to sign in anew, if they
/// were, see [`asked_at`].
///
/// Needs no permission. Errors: none but those of the keys, where a hint is to be verified.
pub async fn next_step(
    ctx: &Context,
    actor: Option<&Principal>,
    consent: &ConsentRequest,
    asked_at: Option<Instant>,
) -> Result<Step, Error> {
    let request = &consent.authentication;
    let is_silent = request.asks(Prompt::None);
    let refuse = |code, reason: &'static str| Ok(Step::Refused(consent.refused(ctx, &OAuthError::new(code, reason))));
    let hinted = match consent.id_token_hint.as_deref() {
        None => None,
        Some(text) => match hint::read(ctx, text).await? {
            Some(hint) if hint.app == consent.app.id => Some(hint),
            _ => {
                return refuse(
                    OAuthErrorCode::InvalidRequest,
                    "id_token_hint is no ID token of this server for this app",
                );
            }
        },
    };
    let sign_in = |reason| if is_silent { refuse(OAuthErrorCode::LoginRequired, reason) } else { Ok(Step::SignIn) };
    let Some(account) = actor.and_then(Principal::as_account) else { return sign_in("nobody is signed in") };
    let user = account.user.id;
    let is_other = |subject: &str| subject != user.to_string();
    if hinted.is_some_and(|hint| hint.user != user) || request.claims.subject.as_deref().is_some_and(is_other) {
        return sign_in("somebody else is signed in");
    }
    let Known { rules, is_its_own, sign_in: began, consents } = &consent.known;
    let auth_time = began.as_ref().map_or(account.key.created_at, |(auth_time, _)| *auth_time);
    if request.needs_new_proof(rules.default_max_age, auth_time, asked_at, ctx.clock.now()) {
        return sign_in("the user must sign in again");
    }
    let essential = &request.claims.essential_acr;
    let acr = issue::acr(began.as_ref().map(|(_, acr)| acr.as_str()));
    if !essential.is_empty() && !essential.iter().any(|essential| essential == acr) {
        let code = OAuthErrorCode::UnmetAuthenticationRequirements;
        return refuse(code, "the user cannot sign in by one of the ways that are essential");
    }
    if consent.server.as_ref().is_some_and(|server| !server.rules.takes_acr(acr)) {
        let code = OAuthErrorCode::UnmetAuthenticationRequirements;
        return refuse(code, "the resource wants a sign-in that is worth more than that of the user");
    }
    if request.asks(Prompt::Consent) || request.asks(Prompt::SelectAccount) {
        return Ok(Step::Ask);
    }
    let told = consent.told();
    let question = ConsentQuestion {
        app: &consent.app,
        rules,
        redirect_uri: &consent.redirect_uri,
        authorization: &consent.authorization,
        told: &told,
        server: consent.server.as_deref(),
        is_remembered: ctx.settings.oauth2.remember_consent,
        // What a document says of its client may be another thing tomorrow, unless the operator trusts that very document.
        is_vouched_for: match consent.document {
            None => !is_its_own,
            Some(_) => consent.is_listed(&ctx.settings),
        },
    };
    let known = consents.iter().find(|known| known.resource == question.resource());
    if question.is_answered(known) {
        return Ok(Step::Allowed);
    }
    if is_silent {
        return refuse(OAuthErrorCode::ConsentRequired, "the user must allow it");
    }
    Ok(Step::Ask)
}

/// Text that says that whoever comes back with it to this query was asked to sign in anew now.
#[must_use]
pub fn ask_anew(ctx: &Context, query: &str) -> String {
    let now = ctx.clock.now();
    let at = (now.unix_timestamp_nanos() / 1_000).to_string();
    let text = ctx.keys.ring().forms().text(PURPOSE, &[at.as_bytes(), query.as_bytes()], now);
    format!("{at}.{}", text.expose())
}

/// When whoever comes back with `text` to this query was asked to sign in anew; `None` if this server has not asked, or long ago.
#[must_use]
pub fn asked_at(ctx: &Context, query: &str, text: &str) -> Option<Instant> {
    let (at, proof) = text.split_once('.')?;
    let now = ctx.clock.now();
    if !ctx.keys.ring().forms().is_text(PURPOSE, &[at.as_bytes(), query.as_bytes()], proof, now) {
        return None;
    }
    let at = Instant::from_unix_timestamp_nanos(at.parse::<i128>().ok()?.checked_mul(1_000)?).ok()?;
    (now - at <= ASKED_FOR).then_some(at)
}
