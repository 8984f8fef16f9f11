//! The authorization endpoint (RFC 6749 3.1): validation of the request, and the authorization code that a consent gives.

use super::block_list;
use super::scopes;
use super::token::{bind, parse_resource};
use crate::keys::signing_ring;
use crate::openid::issue;
use crate::sessions::in_person::InPerson;
use crate::sessions::reaches;
use crate::sessions::revalidate::still_valid;
use crate::{Context, Error, OAuthError, Principal, Settings};
use doorward_domain::Secret;
use doorward_domain::ids::CodeId;
use doorward_domain::oauth2::{
    App, Authorization, AuthorizationCode, CODE_LIFETIME, ClientType, ClientUrl, CodeChallenge, OAuthErrorCode,
    OidcScope, OpaqueToken, RedirectUri, ScopeEntry, Scopes, app_of_client_id,
};
use doorward_domain::openid::{AuthenticationRequest, Consent, fingerprint};
use doorward_domain::roles::{Object, action, resource};
use std::borrow::Cow;
use uuid::Uuid;

/// How authorization responses are sent: in the query of the redirect URI.
pub(super) const RESPONSE_MODE: &str = "query";

/// The parameters of an authorization request as they were sent; empty values count as missing.
#[derive(Clone, Debug, Default)]
pub struct AuthorizeRequest {
    /// `client_id`.
    pub client_id: Option<String>,
    /// `response_type`.
    pub response_type: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `response_mode`.
    pub response_mode: Option<String>,
    /// `request`, which is not supported.
    pub request: Option<String>,
    /// `request_uri`, which is not supported.
    pub request_uri: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `code_challenge`.
    pub code_challenge: Option<String>,
    /// `code_challenge_method`.
    pub code_challenge_method: Option<String>,
    /// Every `resource`, in order.
    pub resources: Vec<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `prompt`.
    pub prompt: Option<String>,
    /// `max_age`.
    pub max_age: Option<String>,
    /// `acr_values`.
    pub acr_values: Option<String>,
    /// `claims`.
    pub claims: Option<String>,
    /// `id_token_hint`.
    pub id_token_hint: Option<String>,
    /// `registration`, which is not supported.
    pub registration: Option<String>,
    /// Parameters that may come once and came twice.
    pub repeated: Vec<&'static str>,
}

/// A request that may be put before the user.
#[derive(Clone, Debug)]
pub struct ConsentRequest {
    /// Who asks.
    pub app: App,
    /// Where the answer goes.
    pub redirect_uri: RedirectUri,
    /// What is asked for.
    pub authorization: Authorization,
    /// The `client_id`, if it is the URL of the client's document: then the app need not be stored yet.
    pub document: Option<ClientUrl>,
    /// What is asked of the user, and for what is to be told of them.
    pub authentication: AuthenticationRequest,
    /// An ID token of the user who is meant.
    pub(crate) id_token_hint: Option<String>,
    challenge: Option<CodeChallenge>,
    redirect_uri_sent: bool,
    state: Option<String>,
}

/// Why a request is not put before the user, and how that is told.
#[derive(Debug)]
pub enum AuthorizeError {
    /// The client is not known: told as an OAuth2 error body, never by redirect.
    Client(OAuthError),
    /// The redirect URI cannot be trusted: told on an error page, never by redirect.
    RedirectUri(OAuthError),
    /// Everything else is told to the client by redirect (RFC 6749 4.1.2.1).
    Redirect {
        /// The whole URI, with error, description, state and issuer.
        location: String,
        /// What is told, for the log.
        error: OAuthError,
    },
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

/// Finds the client of an authorization request; this comes before the question who is signed in.
///
/// Needs no permission. Errors: [`AuthorizeError::Client`] with `invalid_request` (`client_id` is missing or was
/// given twice), `invalid_client` (it names no client), `temporarily_unavailable` or `server_error`.
pub async fn find_client(ctx: &Context, request: &AuthorizeRequest) -> Result<App, AuthorizeError> {
    if request.repeated.contains(&"client_id") {
        return Err(AuthorizeError::Client(repeated("client_id")));
    }
    let Some(text) = given(request.client_id.as_deref()) else {
        return Err(AuthorizeError::Client(OAuthError::missing("client_id")));
    };
    let unknown = || AuthorizeError::Client(OAuthError::invalid_client("client_id names no client"));
    let Some(id) = app_of_client_id(text) else { return Err(unknown()) };
    let found = ctx.read(move |repos| Ok::<_, OAuthError>(repos.apps().find(id)?)).await;
    found.map_err(AuthorizeError::Client)?.ok_or_else(unknown)
}

/// Checks an authorization request, in the order of `oauth2.md` 7.
///
/// Needs no permission. Errors: [`AuthorizeError::RedirectUri`] with `invalid_request` (given twice, or not a
/// registered one) or `server_error` (registered, but nothing may be sent there); [`AuthorizeError::Redirect`] with
/// `invalid_request` (a parameter is missing, was given twice or is malformed), `unsupported_response_type`,
/// `request_not_supported`, `request_uri_not_supported`, `invalid_target` or `invalid_scope`.
pub fn prepare(ctx: &Context, app: App, request: &AuthorizeRequest) -> Result<ConsentRequest, AuthorizeError> {
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
    let state = given(request.state.as_deref()).filter(|_| !request.repeated.contains(&"state"));
    match check(ctx, &app, request) {
        Ok((authorization, authentication, challenge)) => Ok(ConsentRequest {
            app,
            redirect_uri,
            authorization,
            document: request.client_id.as_deref().and_then(ClientUrl::parse),
            authentication,
            id_token_hint: given(request.id_token_hint.as_deref()).map(str::to_owned),
            challenge,
            redirect_uri_sent: given(request.redirect_uri.as_deref()).is_some(),
            state: state.map(str::to_owned),
        }),
        Err(error) => {
            Err(AuthorizeError::Redirect { location: error_location(ctx, &redirect_uri, &error, state), error })
        }
    }
}

type Checked = (Authorization, AuthenticationRequest, Option<CodeChallenge>);

fn check(ctx: &Context, app: &App, request: &AuthorizeRequest) -> Result<Checked, OAuthError> {
    if let Some(name) = request.repeated.first() {
        return Err(repeated(name));
    }
    if given(request.response_mode.as_deref()).is_some_and(|mode| mode != RESPONSE_MODE) {
        return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, "response_mode must be query"));
    }
    // What stands in a request object would be meant instead of the parameters; to ignore it would be to do another thing.
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
    let (asked, is_offline) = scopes::parse(request.scope.as_deref())?;
    let mut scopes = scopes::negotiate(app.allowed_scopes.as_ref(), asked)?;
    if is_offline {
        scopes.insert(OidcScope::OfflineAccess);
    }
    Ok((Authorization { scopes, resource }, authentication(request)?, challenge))
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

fn error_location(ctx: &Context, redirect_uri: &RedirectUri, error: &OAuthError, state: Option<&str>) -> String {
    let mut members = vec![("error", error.code.as_str()), ("error_description", &*error.description)];
    members.extend(state.map(|state| ("state", state)));
    members.push(("iss", ctx.settings.issuer()));
    redirect_uri.with_response(&members)
}

impl ConsentRequest {
    /// Where Cancel leads: back to the client with `access_denied`.
    #[must_use]
    pub fn cancel_location(&self, ctx: &Context) -> String {
        denied_location(ctx, self, "the user did not allow the request")
    }

    /// All scopes of which the page tells: those that are asked for, and those that stand for single claims.
    #[must_use]
    pub fn told(&self) -> Scopes {
        let mut told = self.authorization.scopes.clone();
        for scope in self.authentication.claims.as_scopes() {
            told.insert(scope);
        }
        told
    }

    /// The `client_id`, as clients write it.
    pub(crate) fn client_id(&self) -> String {
        self.document.as_ref().map_or_else(|| self.app.id.to_string(), |url| url.as_str().to_owned())
    }

    /// Whether the operator has listed the very document of the client.
    pub(crate) fn is_listed(&self, settings: &Settings) -> bool {
        let listed = &settings.oauth2.cimd.trusted;
        self.document.as_ref().is_some_and(|url| listed.iter().any(|id| id == url.as_str()))
    }

    /// Where the browser goes to tell the client of this error.
    pub(crate) fn refused_location(&self, ctx: &Context, error: &OAuthError) -> String {
        error_location(ctx, &self.redirect_uri, error, self.state.as_deref())
    }
}

fn denied_location(ctx: &Context, consent: &ConsentRequest, reason: impl Into<Cow<'static, str>>) -> String {
    let error = OAuthError::new(OAuthErrorCode::AccessDenied, reason);
    error_location(ctx, &consent.redirect_uri, &error, consent.state.as_deref())
}

/// Whether the credential in use may decide what an app is given: it is no app's, and reaches as far.
pub(super) fn may_decide(actor: &Principal, scopes: &Scopes) -> Result<(), Error> {
    actor.in_person(InPerson::AllowApp)?;
    // Whoever consents with a limited key cannot give away more than that key may do.
    let key = &actor.account()?.key;
    let is_more = |scope: &&ScopeEntry| !scope.is_oidc() && !key.scopes.covers(scope);
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

/// The user pressed Allow: makes the code and answers where the browser goes with it. When the credential in use may not
/// decide this, the browser goes to the client too, with `access_denied`.
///
/// Needs `oauth2_app_code_token:create` on those of the caller, and a credential that is no app's, covers the scopes
/// and has no allow list: otherwise the answer is `access_denied`, and `Ok`. Errors: `Refused` (a caller without an
/// account), `Unauthenticated` (the key of the caller has just ended, or the user may not act any more), `NoSuch`
/// (the app was just deleted).
pub async fn approve(ctx: &Context, actor: &Principal, consent: ConsentRequest) -> Result<String, Error> {
    let user_id = actor.account()?.user.id;
    let object = Object::of::<resource::Oauth2AppCodeToken>().owner(user_id.0);
    let permit = match may_decide(actor, &consent.authorization.scopes)
        .and_then(|()| Ok(actor.permit::<action::Create, resource::Oauth2AppCodeToken>(&object)?))
    {
        Ok(permit) => permit,
        Err(Error::Refused(reason)) => return Ok(denied_location(ctx, &consent, reason)),
        Err(Error::Forbidden(_)) => {
            return Ok(denied_location(ctx, &consent, "the credential in use may not allow this"));
        }
        Err(other) => return Err(other),
    };
    let (now, id) = ctx.new_id::<CodeId>();
    let (told, is_listed) = (consent.told(), consent.is_listed(&ctx.settings));
    let (client_id, redirect_uri) = (consent.client_id(), consent.redirect_uri.clone());
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
    let remembered = remembered(ctx, &consent.app, is_listed, &code, told);
    let (authentication, sid) = (consent.authentication, ctx.random.id::<Uuid>(now));
    ctx.act(actor, move |deed| {
        // The key may have been ended since the request came in; then nothing may come of it.
        still_valid(deed.repos, deed.by)?;
        let blocked = block_list::load(deed.repos)?;
        if blocked.blocks_client(&client_id) || blocked.blocks_redirect(&redirect_uri) {
            return Err(Error::Refused("An administrator of this server has blocked this app.".to_owned()));
        }
        // It was there a moment ago. If it is deleted between this and the next statement, all of this is done again.
        let made = match (deed.repos.apps().find(code.app_id)?, &of_document) {
            (Some(_), _) => None,
            (None, Some(app)) => super::client_documents::insert_app(deed, app)?,
            (None, None) => return Err(Error::NoSuch("The app that asked for access was deleted.".to_owned())),
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
    })
    .await?;
    let wire: Secret<String> = token.to_wire();
    let mut members = vec![("code", wire.expose().as_str())];
    members.extend(consent.state.as_deref().map(|state| ("state", state)));
    members.push(("iss", ctx.settings.issuer()));
    Ok(consent.redirect_uri.with_response(&members))
}

/// What is remembered of this consent; `None` if the user is asked again in any case.
fn remembered(ctx: &Context, app: &App, is_listed: bool, code: &AuthorizationCode, told: Scopes) -> Option<Consent> {
    let is_known = is_listed || app.client_type == ClientType::Confidential;
    (ctx.settings.oauth2.remember_consent && is_known).then(|| Consent {
        user_id: code.user_id,
        app_id: app.id,
        resource: code.authorization.resource.as_ref().map_or_else(String::new, |bound| bound.as_str().to_owned()),
        scopes: told,
        fingerprint: fingerprint(app),
        created_at: code.created_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::testing::{ANN, NOW, actor, ann, context, key};
    use doorward_domain::ids::AppId;
    use doorward_domain::oauth2::RedirectMatch;
    use doorward_ports::mocks::MockRepositories;

    fn consent() -> ConsentRequest {
        let redirect_uri = RedirectUri::register("https://app.example/cb", false).unwrap();
        let app = App {
            id: AppId::NIL,
            name: "editor".to_owned(),
            icon: String::new(),
            redirect_uris: vec![redirect_uri.clone()],
            redirect_match: RedirectMatch::Exact,
            client_type: ClientType::Confidential,
            require_pkce: false,
            allowed_scopes: None,
            allowed_resources: None,
            resources: Vec::new(),
            service_account_id: None,
            device_flow: false,
            created_at: NOW,
            updated_at: NOW,
            revision: 0,
        };
        let authorization = Authorization { scopes: Scopes::all(), resource: None };
        ConsentRequest {
            app,
            redirect_uri,
            authorization,
            document: None,
            authentication: AuthenticationRequest::default(),
            id_token_hint: None,
            challenge: None,
            redirect_uri_sent: true,
            state: None,
        }
    }

    fn signed_in(app: Option<App>) -> MockRepositories {
        let mut repos = MockRepositories::default();
        repos.users.expect_find_for_update().returning(|_| Ok(Some(ann())));
        repos.api_keys.expect_find().returning(|_| Ok(Some(key(ANN))));
        repos.apps.expect_find().returning(move |_| Ok(app.clone()));
        repos.openid.expect_upsert_consent().returning(|_, _| Ok(()));
        repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
        repos
    }

    #[tokio::test]
    async fn a_code_carries_what_was_consented_to() {
        let mut repos = signed_in(Some(consent().app));
        repos
            .codes
            .expect_insert()
            .once()
            .withf(|_, code| code.authorization == consent().authorization && code.user_id == ANN)
            .returning(|_, _| Ok(()));
        let location = approve(&context(repos), &actor().build(), consent()).await.unwrap();
        assert!(location.starts_with("https://app.example/cb?code="), "{location}");
    }

    #[tokio::test]
    async fn no_code_is_made_for_an_app_that_was_deleted_meanwhile() {
        let refused = approve(&context(signed_in(None)), &actor().build(), consent()).await;
        assert!(matches!(&refused, Err(Error::NoSuch(text)) if text.contains("deleted")), "{refused:?}");
    }
}
