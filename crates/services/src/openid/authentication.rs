//! What an authentication request asks of the user (OpenID Connect Core 1.0, 3.1.2), before the question whether they allow it.

use super::{hint, issue};
use crate::oauth2::authorize::ConsentRequest;
use crate::oauth2::block_list;
use crate::{Context, Error, OAuthError, Principal};
use doorward_domain::Instant;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_domain::openid::{AppProfile, ConsentQuestion, Prompt};
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
    /// The user is asked whether they allow it, and shown this of the app.
    Ask(AppProfile),
    /// The user has allowed it before.
    Allowed(AppProfile),
    /// An owner has blocked the client, or the place where the answer would go: nobody is sent anywhere.
    Blocked,
    /// The client is told that it cannot be; the whole address.
    Refused(String),
}

/// What is to be done next for this request. `actor` is who is signed in; `asked_at` when they were asked to sign in anew, if they were, see
/// [`asked_at`].
///
/// Needs no permission. Errors: none but those of the store.
pub async fn next_step(
    ctx: &Context,
    actor: Option<&Principal>,
    consent: &ConsentRequest,
    asked_at: Option<Instant>,
) -> Result<Step, Error> {
    let request = &consent.authentication;
    let is_silent = request.asks(Prompt::None);
    let refuse =
        |code, reason: &'static str| Ok(Step::Refused(consent.refused_location(ctx, &OAuthError::new(code, reason))));
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
    let (key, app, remembered) = (account.key.id.clone(), consent.app.id, ctx.settings.oauth2.remember_consent);
    let resource = consent.authorization.resource.as_ref().map_or_else(String::new, |bound| bound.as_str().to_owned());
    let (rules, known, session, blocked) = ctx
        .read(move |repos| {
            let rules = repos.openid().find_rules(app)?.unwrap_or_default();
            let known = repos.openid().find_consent(user, app, &resource)?;
            let blocked = block_list::load(repos)?;
            Ok::<_, Error>((rules, known, repos.federated_sessions().find(&key)?, blocked))
        })
        .await?;
    if blocked.blocks_client(&consent.client_id()) || blocked.blocks_redirect(&consent.redirect_uri) {
        return Ok(Step::Blocked);
    }
    let auth_time = session.as_ref().map_or(account.key.created_at, |(session, _)| session.auth_time);
    if request.needs_new_proof(rules.default_max_age, auth_time, asked_at, ctx.clock.now()) {
        return sign_in("the user must sign in again");
    }
    let essential = &request.claims.essential_acr;
    let acr = session.map_or_else(|| issue::PASSWORD.to_owned(), |(session, _)| session.acr);
    if !essential.is_empty() && !essential.contains(&acr) {
        let code = OAuthErrorCode::UnmetAuthenticationRequirements;
        return refuse(code, "the user cannot sign in by one of the ways that are essential");
    }
    if request.asks(Prompt::Consent) || request.asks(Prompt::SelectAccount) {
        return Ok(Step::Ask(rules.profile));
    }
    let told = consent.told();
    let question = ConsentQuestion {
        app: &consent.app,
        rules: &rules,
        redirect_uri: &consent.redirect_uri,
        authorization: &consent.authorization,
        told: &told,
        is_remembered: remembered,
        is_listed: consent.is_listed(&ctx.settings),
    };
    if question.is_answered(known.as_ref()) {
        return Ok(Step::Allowed(rules.profile));
    }
    if is_silent {
        return refuse(OAuthErrorCode::ConsentRequired, "the user must allow it");
    }
    Ok(Step::Ask(rules.profile))
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
