//! The authorization endpoint (RFC 6749 3.1): validation of the request, and the authorization code that a consent gives.

mod answer;
mod query;
#[cfg(test)]
mod tests;

pub use answer::{Answer, AuthorizeError};
pub use query::AuthorizeRequest;

use super::one_use;
use super::policy::{self, ClientPolicy};
use super::resources::{bind, parse_resource};
use super::scopes;
use super::shown_app::ShownApp;
use crate::keys::signing_ring;
use crate::openid::issue;
use crate::openid::known::Asking;
use crate::sessions::in_person::InPerson;
use crate::sessions::reaches;
use crate::sessions::revalidate::still_valid;
use crate::{Context, Error, OAuthError, Principal, Settings};
use doorward_domain::ids::{AppId, CodeId, UserId};
use doorward_domain::oauth2::{
    App, Authorization, AuthorizationCode, CODE_LIFETIME, ClientUrl, CodeChallenge, KeyThumbprint, OAuthErrorCode,
    OpaqueToken, RedirectUri, ResourceServer, ResponseMode, ScopeEntry, Scopes, ThumbprintError, app_of_client_id,
    is_of_document,
};
use doorward_domain::openid::{AppProfile, AuthenticationRequest, Consent, fingerprint};
use doorward_domain::replays::SeenToken;
use doorward_domain::roles::{Object, action, resource};
use doorward_domain::{Digest, Instant, Secret};
use doorward_ports::Outage;
use doorward_ports::openid::Known;
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

/// A request that may be put before the user.
#[derive(Clone, Debug)]
pub struct ConsentRequest {
    /// Who asks.
    pub app: App,
    /// Where the answer goes.
    pub redirect_uri: RedirectUri,
    /// What is asked for.
    pub authorization: Authorization,
    /// The registered resource for which they are.
    pub server: Option<Arc<ResourceServer>>,
    /// The `client_id`, if it is the URL of the client's document: then the app need not be stored yet.
    pub document: Option<ClientUrl>,
    /// What is asked of the user, and for what is to be told of them.
    pub authentication: AuthenticationRequest,
    /// An ID token of the user who is meant.
    pub(crate) id_token_hint: Option<String>,
    /// What is known of the app and the user.
    pub(crate) known: Known,
    challenge: Option<CodeChallenge>,
    /// The key that whoever redeems the code must prove.
    jkt: Option<KeyThumbprint>,
    redirect_uri_sent: bool,
    state: Option<String>,
    response_mode: ResponseMode,
    /// By what the request was pushed, which is good for one code.
    pushed: Option<Digest>,
    /// By what it was signed, if that is good for one code.
    signed: Option<SeenToken>,
}

/// The URL of the document that the client of an authorization request is known by; `None` when it is none of these. Such a client is
/// found by [`client_documents::find`](super::client_documents::find), once somebody is signed in.
///
/// Needs no permission. Errors: [`AuthorizeError::Client`] with `invalid_request` (`client_id` was given twice) or `invalid_client`
/// (the URL cannot be one, or the settings do not allow it).
pub fn document_of(ctx: &Context, request: &AuthorizeRequest) -> Result<Option<ClientUrl>, AuthorizeError> {
    let Some(text) = request.client_id.as_deref().filter(|text| ClientUrl::is_meant(text)) else { return Ok(None) };
    if request.repeated.contains(&"client_id") {
        return Err(AuthorizeError::Client(repeated("client_id")));
    }
    super::client_documents::admit(ctx, text).map(Some).map_err(AuthorizeError::Client)
}

/// Finds the client of an authorization request; this comes before the question whether anybody is signed in.
///
/// Needs no permission. Errors: [`AuthorizeError::Client`] with `invalid_request` (`client_id` is missing or was
/// given twice), `invalid_client` (it names no client), `temporarily_unavailable` or `server_error`.
pub async fn find_client(ctx: &Context, request: &AuthorizeRequest) -> Result<App, AuthorizeError> {
    let id = known_client(ctx, request).await?;
    let found = ctx.read(move |repos| Ok::<_, OAuthError>(repos.apps().find(id)?)).await;
    found.map_err(AuthorizeError::Client)?.ok_or_else(no_client)
}

/// The same, with what is known of the client when it asks this user.
///
/// Needs no permission. Errors: as of [`find_client`].
pub async fn find_asking_client(
    ctx: &Context,
    request: &AuthorizeRequest,
    asking: Asking,
) -> Result<(App, Known), AuthorizeError> {
    let id = known_client(ctx, request).await?;
    let found = ctx.read(move |repos| Ok::<_, OAuthError>(asking.look(repos, id)?));
    found.await.map_err(AuthorizeError::Client)?.ok_or_else(no_client)
}

/// The client of this id, as people are shown it.
///
/// Needs no permission. Errors: as of [`find_client`].
pub async fn find_shown_client(ctx: &Context, request: &AuthorizeRequest) -> Result<ShownApp, AuthorizeError> {
    let (app, known) = find_asking_client(ctx, request, Asking::default()).await?;
    Ok(ShownApp::of(&app, &known.rules.profile))
}

/// The client, if owners have not blocked it: then nobody is asked for its keys either.
async fn known_client(ctx: &Context, request: &AuthorizeRequest) -> Result<AppId, AuthorizeError> {
    let id = client_of(request)?;
    let policy = policy::of_client(ctx).await.map_err(AuthorizeError::Client)?;
    policy.check_client(request.client_id.as_deref().unwrap_or_default()).map_err(AuthorizeError::Client)?;
    Ok(id)
}

fn client_of(request: &AuthorizeRequest) -> Result<AppId, AuthorizeError> {
    if request.repeated.contains(&"client_id") {
        return Err(AuthorizeError::Client(repeated("client_id")));
    }
    let Some(text) = given(request.client_id.as_deref()) else {
        return Err(AuthorizeError::Client(OAuthError::missing("client_id")));
    };
    app_of_client_id(text).ok_or_else(no_client)
}

fn no_client() -> AuthorizeError {
    AuthorizeError::Client(OAuthError::invalid_client("client_id names no client"))
}

/// Checks an authorization request, in the order of `oauth2.md` 7.
///
/// Needs no permission. Errors: [`AuthorizeError::Client`] with `unauthorized_client` (an owner has blocked the client, or where its
/// answer would go: nobody is sent anywhere); [`AuthorizeError::RedirectUri`] with `invalid_request` (given twice, or not a registered one) or `server_error` (registered, but nothing may be sent there); [`AuthorizeError::Redirect`] with
/// `invalid_request` (a parameter is missing, was given twice or is malformed), `unsupported_response_type`,
/// `request_not_supported`, `request_uri_not_supported`, `invalid_target` or `invalid_scope`.
pub async fn prepare(ctx: &Context, app: App, request: &AuthorizeRequest) -> Result<ConsentRequest, AuthorizeError> {
    let policy = policy::of_client(ctx).await.map_err(AuthorizeError::Client)?;
    prepare_by(ctx, &policy, app, request)
}

fn prepare_by(
    ctx: &Context,
    policy: &ClientPolicy,
    app: App,
    request: &AuthorizeRequest,
) -> Result<ConsentRequest, AuthorizeError> {
    policy.check_client(request.client_id.as_deref().unwrap_or_default()).map_err(AuthorizeError::Client)?;
    if request.repeated.contains(&"redirect_uri") {
        return Err(AuthorizeError::RedirectUri(repeated("redirect_uri")));
    }
    let redirect_uri = app.redirect_uri(given(request.redirect_uri.as_deref())).map_err(|code| {
        let description = if code == OAuthErrorCode::ServerError {
            "the registered redirect URI is one that nothing is sent to"
        } else {
            "redirect_uri is not one of the registered redirect URIs"
        };
        AuthorizeError::RedirectUri(OAuthError::new(code, description))
    })?;
    policy.check_redirect(&redirect_uri).map_err(AuthorizeError::Client)?;
    let state = given(request.state.as_deref()).filter(|_| !request.repeated.contains(&"state"));
    let asked = given(request.response_mode.as_deref()).filter(|_| !request.repeated.contains(&"response_mode"));
    let mode = ResponseMode::choose(asked, &redirect_uri);
    // What is wrong with the mode is told in the usual one.
    let response_mode = mode.unwrap_or(ResponseMode::Query);
    match check(ctx, policy, &app, request, mode) {
        Ok(Checked { authorization, authentication, challenge, jkt }) => Ok(ConsentRequest {
            server: policy.resource(authorization.resource.as_ref()).map(Arc::clone),
            app,
            redirect_uri,
            authorization,
            document: request.client_id.as_deref().and_then(ClientUrl::parse),
            authentication,
            id_token_hint: given(request.id_token_hint.as_deref()).map(str::to_owned),
            known: Known::default(),
            challenge,
            jkt,
            redirect_uri_sent: given(request.redirect_uri.as_deref()).is_some(),
            state: state.map(str::to_owned),
            response_mode,
            pushed: request.pushed,
            signed: request.signed,
        }),
        Err(error) => {
            let answer = refusal(ctx, response_mode, &redirect_uri, &error, state);
            Err(AuthorizeError::Redirect { answer, error })
        }
    }
}

struct Checked {
    authorization: Authorization,
    authentication: AuthenticationRequest,
    challenge: Option<CodeChallenge>,
    jkt: Option<KeyThumbprint>,
}

fn check(
    ctx: &Context,
    policy: &ClientPolicy,
    app: &App,
    request: &AuthorizeRequest,
    mode: Option<ResponseMode>,
) -> Result<Checked, OAuthError> {
    if let Some(name) = request.repeated.first() {
        return Err(repeated(name));
    }
    if mode.is_none() {
        let text = "response_mode must be query, or form_post where the redirect URI takes forms";
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, text));
    }
    if request.pushed.is_none() && (ctx.settings.oauth2.require_pushed_requests || app.rules.require_pushed_requests) {
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, "this request must be pushed (RFC 9126)"));
    }
    // It was not opened; to ignore it would be to do another thing.
    if given(request.request.as_deref()).is_some() {
        return Err(OAuthError::new(OAuthErrorCode::RequestNotSupported, "the parameter request is not supported"));
    }
    if given(request.request_uri.as_deref()).is_some() {
        let text = "the parameter request_uri is not supported";
        return Err(OAuthError::new(OAuthErrorCode::RequestUriNotSupported, text));
    }
    match given(request.response_type.as_deref()) {
        Some("code") => {}
        Some(_) => return Err(OAuthError::new(OAuthErrorCode::UnsupportedResponseType, "response_type must be code")),
        None => return Err(OAuthError::missing("response_type")),
    }
    let challenge = CodeChallenge::from_request(
        given(request.code_challenge.as_deref()),
        given(request.code_challenge_method.as_deref()),
    )
    .map_err(|error| OAuthError::new(OAuthErrorCode::InvalidRequest, error.to_string()))?;
    if challenge.is_none() && app.needs_pkce() {
        return Err(OAuthError::new(
            OAuthErrorCode::InvalidRequest,
            "missing parameter: code_challenge (this app must use PKCE with S256)",
        ));
    }
    let resource = bind(&ctx.settings, app, parse_resource(&request.resources)?.as_ref())?;
    let names = policy.names(&ctx.settings, resource.as_ref());
    let scopes = scopes::grant(names, app.allowed_scopes.as_ref(), request.scope.as_deref())?;
    let jkt = given(request.dpop_jkt.as_deref()).map(str::parse).transpose().map_err(|error: ThumbprintError| {
        OAuthError::new(OAuthErrorCode::InvalidRequest, format!("dpop_jkt: {error}"))
    })?;
    let (authorization, authentication) = (Authorization { scopes, resource }, authentication(request)?);
    Ok(Checked { authorization, authentication, challenge, jkt })
}

/// The parameters of OpenID Connect, which are understood without `openid` too.
fn authentication(request: &AuthorizeRequest) -> Result<AuthenticationRequest, OAuthError> {
    if given(request.registration.as_deref()).is_some() {
        let text = "the parameter registration is not supported";
        return Err(OAuthError::new(OAuthErrorCode::RegistrationNotSupported, text));
    }
    let parsed = AuthenticationRequest::parse(
        given(request.nonce.as_deref()),
        given(request.prompt.as_deref()),
        given(request.max_age.as_deref()),
        given(request.acr_values.as_deref()),
        given(request.claims.as_deref()),
    );
    parsed.map_err(|defect| OAuthError::new(OAuthErrorCode::InvalidRequest, defect.to_string()))
}

fn given(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

fn repeated(name: &str) -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidRequest, format!("parameter given twice: {name}"))
}

/// What is told of a request that was not even opened: to the client, if it is clear without that where it gets its answers.
pub(super) fn refuse_unopened(
    ctx: &Context,
    app: &App,
    request: &AuthorizeRequest,
    error: OAuthError,
) -> AuthorizeError {
    let once = |name: &'static str, text: &'_ Option<String>| {
        given(text.as_deref()).filter(|_| !request.repeated.contains(&name)).map(str::to_owned)
    };
    if request.repeated.contains(&"redirect_uri") {
        return AuthorizeError::RedirectUri(error);
    }
    match app.redirect_uri(given(request.redirect_uri.as_deref())) {
        Ok(uri) => {
            let state = once("state", &request.state);
            let mode = ResponseMode::choose(once("response_mode", &request.response_mode).as_deref(), &uri);
            let answer = refusal(ctx, mode.unwrap_or(ResponseMode::Query), &uri, &error, state.as_deref());
            AuthorizeError::Redirect { answer, error }
        }
        Err(_not_registered) => AuthorizeError::RedirectUri(error),
    }
}

fn refusal(
    ctx: &Context,
    mode: ResponseMode,
    redirect_uri: &RedirectUri,
    error: &OAuthError,
    state: Option<&str>,
) -> Answer {
    let mut members = vec![("error", error.code.as_str()), ("error_description", &*error.description)];
    members.extend(state.map(|state| ("state", state)));
    members.push(("iss", ctx.settings.issuer()));
    Answer::new(mode, redirect_uri, &members)
}

impl ConsentRequest {
    /// The same request, with what is known of the app and the user.
    #[must_use]
    pub fn with(self, known: Known) -> Self {
        Self { known, ..self }
    }

    /// Whether the app registered itself, and no administrator has changed it since: then nobody answers for its name.
    #[must_use]
    pub const fn is_of_itself(&self) -> bool {
        self.known.is_its_own
    }

    /// Whether the operator has listed the very document of the client.
    pub(crate) fn is_listed(&self, settings: &Settings) -> bool {
        let listed = &settings.oauth2.cimd.trusted;
        self.document.as_ref().is_some_and(|url| listed.iter().any(|id| id == url.as_str()))
    }

    /// What people are shown of the app beside its name and its picture.
    #[must_use]
    pub const fn profile(&self) -> &AppProfile {
        &self.known.rules.profile
    }

    /// The app, as people are shown it.
    #[must_use]
    pub fn shown_app(&self) -> ShownApp {
        ShownApp::of(&self.app, self.profile())
    }

    /// What Cancel does: the client is told `access_denied`.
    #[must_use]
    pub fn canceled(&self, ctx: &Context) -> Answer {
        denied(ctx, self, "the user did not allow the request")
    }

    /// Whether it is good for one decision only, which this server must hear of: it was pushed.
    #[must_use]
    pub const fn is_pushed(&self) -> bool {
        self.pushed.is_some()
    }

    /// All scopes of which the page tells: those that are asked for, and those that stand for single claims, and for
    /// what the tokens of the resource say of the user.
    #[must_use]
    pub fn told(&self) -> Scopes {
        let mut told = self.authorization.scopes.clone();
        for scope in self.authentication.claims.as_scopes() {
            told.insert(scope);
        }
        match &self.server {
            Some(server) => server.with_told(told),
            None => told,
        }
    }

    /// What the browser does to tell the client of this error.
    pub(crate) fn refused(&self, ctx: &Context, error: &OAuthError) -> Answer {
        refusal(ctx, self.response_mode, &self.redirect_uri, error, self.state.as_deref())
    }
}

fn denied(ctx: &Context, consent: &ConsentRequest, reason: impl Into<Cow<'static, str>>) -> Answer {
    consent.refused(ctx, &OAuthError::new(OAuthErrorCode::AccessDenied, reason))
}

/// Whether the credential in use may decide what an app is given: it is no app's, and reaches as far.
pub(super) fn may_decide(actor: &Principal, scopes: &Scopes) -> Result<(), Error> {
    actor.in_person(InPerson::AllowApp)?;
    // Whoever consents with a limited key cannot give away more than that key may do.
    let key = &actor.account()?.key;
    // What a resource of others lets an app do in the name of the user is no part of what a limited key may do.
    let is_more = |scope: &&ScopeEntry| match scope.own() {
        Some(_) => !key.scopes.is_unrestricted(),
        None => !scope.is_oidc() && !key.scopes.covers(scope),
    };
    if let Some(scope) = scopes.iter().find(is_more) {
        return Err(Error::Refused(format!(
            "The credential in use does not cover the scope {scope} that is asked for."
        )));
    }
    // Grants have no allow list: what comes of one reaches every object.
    if !reaches(key, None) {
        return Err(Error::Refused(
            "The credential in use is limited to some objects and cannot allow an app to reach all.".to_owned(),
        ));
    }
    Ok(())
}

/// The user pressed Allow: makes the code and answers what the browser does with it. When the credential in use may not
/// decide this, the client gets an answer too, `access_denied`.
///
/// Needs `oauth2_app_code_token:create` on those of the caller, and a credential that is no app's, covers the scopes
/// and has no allow list: otherwise the answer is `access_denied`, and `Ok`. Errors: `Refused` (a caller without an
/// account), `Unauthenticated` (the key of the caller has just ended, or the user may not act any more), `NoSuch`
/// (the app was just deleted), `Invalid` (a pushed request that was used meanwhile).
pub async fn approve(ctx: &Context, actor: &Principal, consent: ConsentRequest) -> Result<Answer, Error> {
    let user_id = actor.account()?.user.id;
    let object = Object::of::<resource::Oauth2AppCodeToken>().owner(user_id.0);
    let permit = match may_decide(actor, &consent.authorization.scopes)
        .and_then(|()| Ok(actor.permit::<action::Create, resource::Oauth2AppCodeToken>(&object)?))
    {
        Ok(permit) => permit,
        Err(Error::Refused(reason)) => return Ok(denied(ctx, &consent, reason)),
        Err(Error::Forbidden(_)) => {
            return Ok(denied(ctx, &consent, "the credential in use may not allow this"));
        }
        Err(other) => return Err(other),
    };
    let (now, id) = ctx.new_id::<CodeId>();
    let remembered = remembered(ctx, &consent, user_id, now);
    let token = OpaqueToken::new(
        ctx.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed(),
        ctx.alphanumeric(OpaqueToken::SECRET_LEN),
    );
    let code = AuthorizationCode {
        id,
        prefix: token.prefix().to_owned(),
        digest: token.digest(),
        app_id: consent.app.id,
        user_id,
        redirect_uri: consent.redirect_uri_sent.then(|| consent.redirect_uri.as_str().to_owned()),
        implied_redirect_uri: (!consent.redirect_uri_sent).then(|| consent.redirect_uri.as_str().to_owned()),
        challenge: consent.challenge,
        jkt: consent.jkt,
        authorization: consent.authorization,
        created_at: now,
        expires_at: now + CODE_LIFETIME,
        redeemed: None,
    };
    let single = ctx.settings.oauth2.single_grant_per_app;
    let of_document = consent.document.is_some().then(|| consent.app.clone());
    let is_openid = issue::is_asked_for(&ctx.settings, &code.authorization.scopes);
    if is_openid {
        // Before somebody is promised a token.
        signing_ring(ctx).await?;
    }
    let (authentication, sid) = (consent.authentication, ctx.random.id::<Uuid>(now));
    let (pushed, signed) = (consent.pushed, consent.signed);
    let app = code.app_id;
    let made = ctx.act(actor, move |deed| {
        // The key may have been ended since the request came in; then nothing may come of it.
        still_valid(deed.repos, deed.by)?;
        one_use::use_up(deed, pushed.as_ref(), signed.as_ref())?;
        let made = match &of_document {
            Some(app) if deed.repos.apps().find(app.id)?.is_none() => super::client_documents::insert_app(deed, app)?,
            Some(_) | None => None,
        };
        // One sign-in must not spoil another that is under way, unless there may be only one grant anyway.
        let added =
            if single { deed.repos.codes().replace(&permit, &code) } else { deed.repos.codes().insert(&permit, &code) };
        added?;
        if is_openid {
            issue::note_code(deed.repos, code.id, &deed.by.account()?.key, &authentication, sid)?;
        }
        if let Some(remembered) = &remembered {
            deed.repos.openid().upsert_consent(&permit, remembered)?;
        }
        Ok::<_, Error>(match made {
            Some(recorded) => recorded.answer(()),
            None => deed.unrecorded("codes are not recorded", ()),
        })
    });
    if let Err(error) = made.await {
        return Err(why_not(ctx, app, error).await);
    }
    let wire: Secret<String> = token.to_wire();
    let mut members = vec![("code", wire.expose().as_str())];
    members.extend(consent.state.as_deref().map(|state| ("state", state)));
    members.push(("iss", ctx.settings.issuer()));
    Ok(Answer::new(consent.response_mode, &consent.redirect_uri, &members))
}

/// The user pressed Cancel on a request that is good for one decision: it is used up. Answers what the browser does to tell the client.
///
/// Needs no permission. Errors: `Unauthenticated` (the key of the caller has just ended), `Invalid` (it was used meanwhile).
pub async fn cancel(ctx: &Context, actor: &Principal, consent: &ConsentRequest) -> Result<Answer, Error> {
    let pushed = consent.pushed;
    ctx.act(actor, move |deed| {
        still_valid(deed.repos, deed.by)?;
        one_use::use_up(deed, pushed.as_ref(), None)?;
        Ok::<_, Error>(deed.unrecorded("what a user does not allow is not recorded", ()))
    })
    .await?;
    Ok(consent.canceled(ctx))
}

/// Why no code was made. The app was there when it asked: when it was deleted since, what refers to it cannot be stored.
async fn why_not(ctx: &Context, app: AppId, error: Error) -> Error {
    if !matches!(error, Error::Unavailable { outage: Outage::Conflict, .. }) {
        return error;
    }
    match ctx.read(move |repos| Ok::<_, Error>(repos.apps().find(app)?)).await {
        Ok(None) => Error::NoSuch("The app that asked for access was deleted.".to_owned()),
        Ok(Some(_)) | Err(_) => error,
    }
}

/// What is remembered of this consent; `None` if the user is asked again in any case, or it is remembered already. Whether an administrator
/// answers for the app is looked at when it comes again.
fn remembered(ctx: &Context, request: &ConsentRequest, user_id: UserId, now: Instant) -> Option<Consent> {
    let app = &request.app;
    let is_known = !is_of_document(app.id) || request.is_listed(&ctx.settings);
    let is_of_use = request.redirect_uri.is_of_a_site() && is_known;
    if !ctx.settings.oauth2.remember_consent || !is_of_use {
        return None;
    }
    let remembered = Consent {
        user_id,
        app_id: app.id,
        resource: request.authorization.resource.as_ref().map_or_else(String::new, |bound| bound.as_str().to_owned()),
        scopes: request.told(),
        fingerprint: fingerprint(app),
        created_at: now,
    };
    let server = request.server.as_deref();
    let is_known = request.known.consents.iter().any(|known| known.says_as(&remembered) && known.is_current(server));
    (!is_known).then_some(remembered)
}
