//! Authorization requests that clients push before they send the user (RFC 9126; `oauth2.md` 14.9).

use super::authorize::{AuthorizeError, AuthorizeRequest, document_of, find_client, prepare};
use super::client::ClientAuthentication;
use super::client_assertions::{self, Place};
use super::client_documents;
use super::dpop::{self, ProvenKey, SentProof};
use super::{one_use, request_objects};
use crate::deed::Deed;
use crate::openid::known::Asking;
use crate::{Context, OAuthError, Origin, Principal};
use doorward_domain::oauth2::{
    App, ClientUrl, OAuthErrorCode, PUSHED_REQUEST_OPEN, PushedRequest, PushedUri, app_of_client_id,
};
use doorward_domain::roles::System;
use doorward_domain::{Digest, Instant};
use std::sync::Arc;
use url::form_urlencoded;

/// Most requests that are live at once.
const LIVE_MAX: u64 = 20_000;
/// By what a signed request stands among the parameters that are kept.
const SIGNED: &str = "request";

/// A request to the pushed authorization request endpoint.
#[derive(Clone, Debug, Default)]
pub struct PushRequest {
    /// Who asks.
    pub client: ClientAuthentication,
    /// What it asks for.
    pub request: AuthorizeRequest,
    /// By what the client proves that it has a key, to which the code will be bound.
    pub proof: SentProof,
}

/// What stands for a pushed request.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The `request_uri`.
    pub uri: PushedUri,
    /// Whole seconds until it stops being good.
    pub expires_in: i64,
    /// The nonce for the next proof, if it is to have another one.
    pub dpop_nonce: Option<String>,
}

/// Takes an authorization request, checked as at the authorization endpoint.
///
/// Needs no permission; a client that can prove itself does. Errors: those of the authorization endpoint, and `invalid_client`,
/// `temporarily_unavailable` (also: too many are live).
pub async fn push(ctx: &Context, push: PushRequest, origin: Arc<Origin>) -> Result<Pushed, OAuthError> {
    let PushRequest { client, mut request, proof } = push;
    let app = find_app(ctx, &client).await?;
    let presented = client_assertions::present_as(ctx, &client, app.as_ref(), Place::Other).await?;
    let app = app.ok_or_else(super::client::unknown_client)?;
    let (proving, proven) = (presented.clone(), app.clone());
    ctx.read(move |repos| proving.prove(&proven, repos).map(drop)).await?;
    if request.request_uri.as_deref().is_some_and(|uri| !uri.is_empty()) {
        let text = "request_uri cannot be pushed, for it stands for a request that was";
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, text));
    }
    request.client_id.clone_from(&client.client_id);
    let proven = dpop::prove(ctx, &proof).await?;
    let mut request = request_objects::open(ctx, &app, request).await?;
    let dpop_nonce = bind_to_key(&mut request, proven)?;
    let mut random = [0; 32];
    ctx.random.fill(&mut random);
    let uri = PushedUri::new(&random);
    request.pushed = Some(uri.digest());
    prepare(ctx, app.clone(), &request).await?;
    let lifetime = ctx.settings.oauth2.pushed_request_lifetime.get();
    let stored = PushedRequest {
        digest: uri.digest(),
        app_id: app.id,
        parameters: request.to_query(),
        expires_at: ctx.clock.now() + lifetime,
        browser: None,
    };
    ctx.act(&Principal::anonymous(origin), move |deed| {
        presented.authenticate(&app, deed.repos, deed.now)?;
        check_room(deed)?;
        if let Some(signed) = &request.signed
            && !one_use::use_up_signed(deed, signed)?
        {
            return Err(request_objects::bad("it was used before"));
        }
        let permit = System::because("a client pushes a request").permit();
        deed.repos.pushed_requests().insert(&permit, &stored)?;
        Ok(deed.unrecorded("what a client asks for is not recorded", ()))
    })
    .await?;
    Ok(Pushed { uri, expires_in: lifetime.whole_seconds(), dpop_nonce })
}

/// Binds the code to the key that is proved (RFC 9449 10.1), which must be the one that the request names. Answers the nonce for the next proof.
fn bind_to_key(request: &mut AuthorizeRequest, proven: Option<ProvenKey>) -> Result<Option<String>, OAuthError> {
    let Some(ProvenKey { jkt, next_nonce }) = proven else { return Ok(None) };
    if request.dpop_jkt.as_deref().is_some_and(|named| !named.is_empty() && named != jkt.as_str()) {
        let text = "dpop_jkt is another key than that of the DPoP proof";
        return Err(OAuthError::new(OAuthErrorCode::InvalidDpopProof, text));
    }
    request.dpop_jkt = Some(jkt.as_str().to_owned());
    Ok(next_nonce)
}

/// Keeps an authorization request that a client has sent by a browser in a body, and that is too long for a query, as if it had been pushed.
/// Nobody has proved anything by it: whoever wants requests to be pushed does not mean this.
///
/// Needs no permission. Errors: those of the authorization endpoint, and `temporarily_unavailable` (too many wait).
pub async fn park(ctx: &Context, request: AuthorizeRequest, origin: Arc<Origin>) -> Result<Pushed, AuthorizeError> {
    let app = match document_of(ctx, &request)? {
        // For strangers nothing is fetched.
        Some(url) => {
            client_documents::find_fresh(ctx, &url, Asking::default()).await.map_err(AuthorizeError::Client)?.0
        }
        None => find_client(ctx, &request).await?,
    };
    let app_id = app.id;
    let opened = request_objects::open(ctx, &app, request.clone()).await?;
    prepare(ctx, app, &opened).await?;
    let mut random = [0; 32];
    ctx.random.fill(&mut random);
    let uri = PushedUri::new(&random);
    let mut parameters = request.to_query();
    if let Some(signed) = &request.request {
        // It is opened again with the request, for it may be good once.
        let more: String = form_urlencoded::Serializer::new(String::new()).append_pair(SIGNED, signed).finish();
        parameters.extend(["&", &more]);
    }
    let lifetime = ctx.settings.oauth2.pushed_request_lifetime.get();
    let (digest, expires_at) = (uri.digest(), ctx.clock.now() + lifetime);
    let stored = PushedRequest { digest, app_id, parameters, expires_at, browser: None };
    let kept = ctx.act(&Principal::anonymous(origin), move |deed| {
        check_room(deed)?;
        let permit = System::because("a browser brings a long request").permit();
        deed.repos.pushed_requests().insert(&permit, &stored)?;
        Ok::<_, OAuthError>(deed.unrecorded("what a client asks for is not recorded", ()))
    });
    kept.await.map_err(AuthorizeError::Client)?;
    Ok(Pushed { uri, expires_in: lifetime.whole_seconds(), dpop_nonce: None })
}

/// Refuses a request that is one too many.
fn check_room(deed: &mut Deed<'_>) -> Result<(), OAuthError> {
    if deed.repos.pushed_requests().count_live(deed.now)? >= LIVE_MAX {
        return Err(OAuthError::too_many("too many pushed requests wait; try again"));
    }
    Ok(())
}

/// The app of a client, which need not be stored if it is known by a document.
async fn find_app(ctx: &Context, client: &ClientAuthentication) -> Result<Option<App>, OAuthError> {
    let Some(id) = client.client_id.as_deref().filter(|id| !id.is_empty()) else { return Ok(None) };
    if ClientUrl::is_meant(id) {
        let url = client_documents::admit(ctx, id)?;
        return client_documents::find(ctx, &url, Asking::default()).await.map(|(app, _)| Some(app));
    }
    let Some(app_id) = app_of_client_id(id) else { return Ok(None) };
    ctx.read(move |repos| Ok::<_, OAuthError>(repos.apps().find(app_id)?)).await
}

/// The request that a browser comes with. From then on it is that browser's, and lives until the user has decided, for ten minutes at most.
/// `browser` is what the browser is known by.
///
/// Needs no permission. Errors: `invalid_request_uri` (unknown, over, used, another client's or another browser's, which nobody is told
/// apart), `temporarily_unavailable`, `server_error`.
pub async fn open(
    ctx: &Context,
    client_id: Option<&str>,
    request_uri: &str,
    browser: &str,
) -> Result<AuthorizeRequest, OAuthError> {
    let digest = PushedUri::parse(request_uri).ok_or_else(|| unknown("it is none of this server"))?.digest();
    let (browser, now) = (Digest::of(browser), ctx.clock.now());
    let found = ctx.read(move |repos| Ok::<_, OAuthError>(repos.pushed_requests().find(&digest)?)).await?;
    let found = found.filter(|found| now < found.expires_at).ok_or_else(|| unknown("it is not there, or is over"))?;
    if client_id.and_then(app_of_client_id) != Some(found.app_id) {
        return Err(unknown("it is another client's"));
    }
    let is_ours = match found.browser {
        Some(known) => known == browser,
        None => claim(ctx, digest, browser, now).await?,
    };
    if !is_ours {
        return Err(unknown("it is another browser's"));
    }
    let signed = form_urlencoded::parse(found.parameters.as_bytes()).find(|(name, _)| name == SIGNED);
    Ok(AuthorizeRequest {
        pushed: Some(digest),
        request: signed.map(|(_, text)| text.into_owned()),
        ..AuthorizeRequest::from_query(&found.parameters)
    })
}

async fn claim(ctx: &Context, digest: Digest, browser: Digest, now: Instant) -> Result<bool, OAuthError> {
    ctx.act(&Principal::system("a browser comes with a pushed request"), move |deed| {
        let permit = System::because("a browser comes with a pushed request").permit();
        let until = now + PUSHED_REQUEST_OPEN;
        let is_ours = deed.repos.pushed_requests().open(&permit, &digest, &browser, now, until)?;
        Ok::<_, OAuthError>(deed.unrecorded("what a client asks for is not recorded", is_ours))
    })
    .await
}

fn unknown(reason: &'static str) -> OAuthError {
    let text = "request_uri is not known, was used, or has expired";
    OAuthError::new(OAuthErrorCode::InvalidRequestUri, text).because(reason)
}
