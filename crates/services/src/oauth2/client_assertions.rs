//! Clients that prove themselves by what a key of theirs has signed (`private_key_jwt`, RFC 7523 2.2): verified, and used up.
//!
//! Whatever is wrong with an assertion, the client is told the same; the log says what it was.

use super::client::{ClientAuthentication, PresentedClient, PresentedSecret, unknown_client};
use super::client_keys;
use super::policy;
use crate::{Context, OAuthError, Origin, Principal};
use doorward_domain::identity_providers::CLIENT_ASSERTION_TYPE;
use doorward_domain::oauth2::endpoints;
use doorward_domain::oauth2::{
    App, AssertionAudience, AssertionPolicy, ClientAssertion, ClientJwtDefect, OAuthErrorCode, app_of_client_id,
};
use doorward_domain::replays::{ReplayKind, SeenToken};
use doorward_domain::roles::System;

/// What a client proves itself for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// For the exchange of a code or refresh token, which is bound to it by itself.
    BoundGrant,
    /// For anything else.
    Other,
}

/// Step 1 of every endpoint for clients (`oauth2.md` 11): who presents itself. An assertion is verified here, and cannot be used again,
/// whatever becomes of the request.
///
/// Errors: `invalid_request` (no id, or several ways to authenticate at once), `invalid_client`, `unauthorized_client` (an owner has
/// blocked it), `temporarily_unavailable`.
pub(super) async fn present(
    ctx: &Context,
    client: &ClientAuthentication,
    place: Place,
) -> Result<PresentedClient, OAuthError> {
    present_as(ctx, client, None, place).await
}

/// The same of a client whose app is known already.
pub(super) async fn present_as(
    ctx: &Context,
    client: &ClientAuthentication,
    app: Option<&App>,
    place: Place,
) -> Result<PresentedClient, OAuthError> {
    let is_there = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    let text = client.assertion.as_ref().map(|assertion| assertion.expose().as_str());
    let (Some(text), true) = (text, is_there(text)) else {
        if is_there(client.assertion_type.as_deref()) {
            return Err(OAuthError::missing("client_assertion"));
        }
        let presented = client.present()?;
        refuse_blocked(ctx, client.client_id.as_deref().unwrap_or_default()).await?;
        return Ok(presented);
    };
    if client.client_secret.as_ref().is_some_and(|secret| !secret.expose().is_empty()) || client.disagrees {
        let text = "the client authenticates in more than one way";
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, text));
    }
    match client.assertion_type.as_deref() {
        None | Some("") => return Err(OAuthError::missing("client_assertion_type")),
        Some(CLIENT_ASSERTION_TYPE) => {}
        Some(_) => return Err(not_accepted("the client_assertion_type is another one")),
    }
    let defective = |defect: ClientJwtDefect| not_accepted(defect.to_string());
    let assertion = ClientAssertion::parse(text).map_err(defective)?;
    let id = assertion.client_id().map_err(defective)?;
    if client.client_id.as_deref().is_some_and(|named| !named.is_empty() && named != id) {
        return Err(not_accepted("client_id is not the subject of the assertion"));
    }
    let app_id = app_of_client_id(id).ok_or_else(unknown_client)?;
    refuse_blocked(ctx, id).await?;
    if let Some(app) = app.filter(|app| app.id == app_id) {
        verify(ctx, app, &assertion, place).await?;
    } else {
        let found = ctx.read(move |repos| Ok::<_, OAuthError>(repos.apps().find(app_id)?)).await?;
        verify(ctx, &found.ok_or_else(unknown_client)?, &assertion, place).await?;
    }
    Ok(PresentedClient { app_id, secret: PresentedSecret::Key })
}

/// Owners have blocked it: then nothing is looked at that it brings.
async fn refuse_blocked(ctx: &Context, client_id: &str) -> Result<(), OAuthError> {
    policy::of_client(ctx).await?.check_client(client_id)
}

async fn verify(ctx: &Context, app: &App, assertion: &ClientAssertion<'_>, place: Place) -> Result<(), OAuthError> {
    let defective = |defect: ClientJwtDefect| not_accepted(defect.to_string());
    let keys = app.rules.keys.as_ref().ok_or_else(|| not_accepted("the client has no keys"))?;
    let endpoint = format!("{}{}", ctx.settings.issuer(), endpoints::TOKENS);
    let takes_endpoint =
        place == Place::BoundGrant && app.rules.assertion_audience == AssertionAudience::IssuerOrTokenEndpoint;
    let policy = AssertionPolicy {
        issuer: ctx.settings.issuer(),
        token_endpoint: takes_endpoint.then_some(endpoint.as_str()),
        max_lifetime: ctx.settings.oauth2.client_assertion_max_lifetime.get(),
    };
    // Before the keys are fetched: an assertion that is no good in itself makes this server ask nobody.
    let use_of = assertion.check(&app.rules, &policy, ctx.clock.now()).map_err(defective)?;
    if !client_keys::any(ctx, keys, |keys| assertion.is_signed_by(keys)).await? {
        return Err(not_accepted("no key of the client has signed the assertion"));
    }
    // After the signature, or strangers could use up ids that they have seen.
    let seen = SeenToken::new(ReplayKind::ClientAssertion, &app.id.to_string(), &use_of.id, use_of.remember_until);
    let is_first = ctx
        .act(&Principal::anonymous(Origin::unknown()), move |deed| {
            let permit = System::because("a client proves itself by an assertion").permit();
            let is_first = deed.repos.replays().insert(&permit, &seen)?;
            Ok::<_, OAuthError>(deed.unrecorded("that a client proves itself is not recorded", is_first))
        })
        .await?;
    if is_first { Ok(()) } else { Err(not_accepted("the assertion was used before")) }
}

fn not_accepted(reason: impl Into<std::borrow::Cow<'static, str>>) -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidClient, "assertion not accepted").because(reason)
}
