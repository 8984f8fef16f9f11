//! Who sends a request.

use crate::kit::answer;
use crate::kit::call::Call;
use crate::kit::csrf::{self, Purpose};
use crate::kit::dpop;
use crate::kit::error::{self, Failure};
use crate::kit::extract::credential;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_domain::wire;
use doorward_services::oauth2::dpop::{ProofError, check_for_api, use_for_api};
use doorward_services::sessions::Audience;
use doorward_services::{Error, OAuthError, Principal, sessions};
use std::collections::VecDeque;

/// Why a request is refused, as its plain text answer.
const MISSING: &str = "Bad Request: the CSRF token is missing or wrong. Reload the page and try again, or send the session token in the \
                       header Coder-Session-Token.\n";
const DIFFERENT: &str = "Bad Request: the session tokens in the cookie and in the header Coder-Session-Token differ.\n";

/// How a convention finds out who sends a request.
pub(crate) trait Authenticate {
    /// Who sends this request. What it learns on the way it notes in the call.
    fn authenticate(&self, call: &mut Call) -> impl Future<Output = Result<Principal, Failure>>;
}

/// What must come beside a cookie, which another site can make a browser send, before something is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieProof {
    /// A token in a header, or the session token once more: there are no forms.
    Header,
    /// A token in the form, at which the handler looks.
    Form,
}

/// Finds out who sends a request by its session token or access token, and notes in the call whether only a cookie says so.
///
/// Cookies are tried in the order in which they were sent until one is good: an old one, or one that a host beside this
/// one has set, keeps nobody out. All after the first cost one trip to the store, however many they are (`identity.md` 1.10).
pub(crate) async fn authenticate(call: &mut Call, proof: CookieProof) -> Result<Principal, Failure> {
    let request = call.request.clone();
    // It says by what it wants to be let in; nothing else counts then, and no other site can have sent it.
    if let Some(token) = by_dpop(&request)? {
        return Ok(enter_proven(call, &token, Audience::ThisServer).await?);
    }
    let cookies = credential::session_cookies(&request);
    if cookies.is_empty() {
        return enter(call, credential::token_elsewhere(&request).as_deref()).await;
    }
    let query = credential::query_parameter(&request, wire::SESSION_COOKIE);
    let header = credential::session_header(&request);
    // Whoever repeats a cookie elsewhere knows it, as no other site does; then it is that one that counts, not another
    // of the name.
    let repeated = cookies.iter().find(|cookie| [&query, &header].into_iter().flatten().any(|other| other == *cookie));
    if let Some(repeated) = repeated {
        return enter(call, Some(repeated)).await;
    }
    let token = csrf::header(&request);
    let needs_proof = proof == CookieProof::Header && !csrf::is_safe(request.method());
    if needs_proof && token.is_none() {
        let text = if header.is_some() { DIFFERENT } else { MISSING };
        return Err(answer::text(StatusCode::BAD_REQUEST, text).into());
    }
    call.by_cookie = needs_proof || credential::bearer(&request).is_none();
    let mut refused = None;
    let mut tried = 0;
    let mut rest: VecDeque<&str> = cookies.iter().map(AsRef::as_ref).collect();
    while let Some(cookie) = rest.pop_front() {
        tried += 1;
        match enter(call, Some(cookie)).await {
            Ok(actor) if needs_proof && csrf::check(call, &actor, Purpose::Api, "", None).is_err() => {
                return Err(answer::text(StatusCode::BAD_REQUEST, MISSING).into());
            }
            Ok(actor) => return Ok(actor),
            Err(failure @ Failure::Answer(_)) => refused = refused.or(Some(failure)),
            Err(failure) => return Err(failure),
        }
        if tried == 1 && !rest.is_empty() {
            rest = sessions::only_living(call.context(), rest.into()).await?.into();
        }
    }
    match refused {
        Some(refused) => Err(refused),
        None => enter(call, None).await,
    }
}

/// Why somebody who presents a token by the scheme `DPoP` is not let in.
#[derive(Debug)]
pub(crate) enum Unproven {
    /// Proof or token are no good.
    Refused(OAuthError),
    /// It cannot be told now.
    Failed(Error),
}

impl From<ProofError> for Unproven {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Other(error) => Self::Failed(error),
            error @ (ProofError::Invalid(_) | ProofError::Nonce(_)) => Self::Refused(error.into()),
        }
    }
}

impl From<Unproven> for Failure {
    fn from(why: Unproven) -> Self {
        match why {
            Unproven::Refused(error) => error::refused_proof(&error).into(),
            Unproven::Failed(error) => Self::Api(error),
        }
    }
}

/// The token that a request presents by the scheme `DPoP`, if it does.
pub(crate) fn by_dpop(request: &HttpRequest) -> Result<Option<String>, Failure> {
    credential::by_dpop(request).map_err(|_several| {
        let text = "There must be one header Authorization, with one credential.";
        error::api_error(StatusCode::BAD_REQUEST, text, "").into()
    })
}

/// Finds out who presents this token by the scheme `DPoP`, with a proof beside it.
pub(crate) async fn enter_proven(call: &Call, token: &str, audience: Audience) -> Result<Principal, Unproven> {
    let ctx = call.context();
    let proof = check_for_api(ctx, &dpop::sent(&call.request), token).inspect_err(|error| {
        if let ProofError::Nonce(nonce) = error {
            dpop::note_nonce(&call.request, Some(nonce));
        }
    })?;
    let actor = match sessions::authenticate_proven(ctx, token, &call.origin, audience, proof.jkt()).await {
        Ok(actor) => actor,
        Err(Error::Unauthenticated { message, detail }) => {
            let text = if detail.is_empty() { message } else { detail };
            return Err(Unproven::Refused(OAuthError::new(OAuthErrorCode::InvalidToken, text)));
        }
        Err(error) => return Err(Unproven::Failed(error)),
    };
    use_for_api(ctx, &proof).await?;
    dpop::note_nonce(&call.request, proof.next_nonce());
    Ok(actor)
}

async fn enter(call: &Call, token: Option<&str>) -> Result<Principal, Failure> {
    sessions::authenticate(call.context(), token.unwrap_or_default(), &call.origin).await.map_err(|error| {
        if matches!(error, Error::Unauthenticated { .. }) {
            error::refused_credential(&call.site, call.request.uri().path(), &error, token.is_some()).into()
        } else {
            Failure::Api(error)
        }
    })
}

/// What a program is told whose form lacks its token.
pub(crate) const STALE_FORM: &str = MISSING;
