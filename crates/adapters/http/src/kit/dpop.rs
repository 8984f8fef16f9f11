//! Proof of possession (DPoP, RFC 9449), as it stands in headers.

use crate::kit::answer::set_header;
use crate::kit::call::Call;
use crate::kit::error::{Failure, api_error, printable};
use crate::kit::extract::credential;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, WWW_AUTHENTICATE};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use doorward_domain::Secret;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::oauth2::dpop::{self, ProofError, RequestProof, SentProof};
use doorward_services::sessions::{self, Audience};
use doorward_services::{Error, OAuthError, Principal};

/// Where a proof stands.
const PROOF: &str = "dpop";
/// Where the nonce stands that the next proof is to have.
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The nonce that goes with the answer to a request.
struct NextNonce(String);

/// The proof that came with a request.
pub(crate) fn sent(request: &HttpRequest) -> SentProof {
    let mut proofs = request.headers().get_all(PROOF);
    let Some(first) = proofs.next() else { return SentProof::None };
    match (first.to_str(), proofs.next()) {
        (Ok(text), None) => SentProof::One(RequestProof {
            text: Secret::from(text.trim()),
            method: request.method().as_str().to_owned(),
            path: request.uri().path().to_owned(),
        }),
        _ => SentProof::Unreadable,
    }
}

/// Puts a nonce into an answer.
pub(crate) fn give_nonce(response: &mut HttpResponse, nonce: Option<&str>) {
    if let Some(nonce) = nonce {
        set_header(response.headers_mut(), NONCE, nonce);
    }
}

/// Puts the nonce into the answer that was noted for it, if one was.
pub(crate) fn give_noted_nonce(request: &HttpRequest, headers: &mut HeaderMap) {
    if let Some(NextNonce(nonce)) = request.extensions().get::<NextNonce>() {
        set_header(headers, NONCE, nonce);
    }
}

/// The challenge for who proves no key.
pub(crate) fn challenge() -> String {
    format!("DPoP algs=\"{}\"", dpop::algorithms().join(" "))
}

/// The challenge for who was refused.
pub(crate) fn challenge_for(error: &OAuthError) -> String {
    let (code, description) = (error.code.as_str(), printable(&error.description));
    format!("DPoP error=\"{code}\", error_description=\"{description}\", algs=\"{}\"", dpop::algorithms().join(" "))
}

/// Why somebody who presents a token by the scheme `DPoP` is not let in.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Proof or token are no good.
    Proof(OAuthError),
    /// It cannot be told now.
    Other(Error),
}

impl From<ProofError> for Refused {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Other(error) => Self::Other(error),
            error => Self::Proof(error.into()),
        }
    }
}

impl From<Refused> for Failure {
    /// The answer of the API.
    fn from(refused: Refused) -> Self {
        let error = match refused {
            Refused::Proof(error) => error,
            Refused::Other(error) => return Self::Api(error),
        };
        let mut response = api_error(StatusCode::UNAUTHORIZED, &error.description, "");
        set_header(response.headers_mut(), WWW_AUTHENTICATE, &challenge_for(&error));
        give_nonce(&mut response, error.dpop_nonce.as_deref());
        response.into()
    }
}

/// Finds out who presents this token by the scheme `DPoP`, with a proof beside it.
pub(crate) async fn enter(call: &Call, token: &str, audience: Audience) -> Result<Principal, Refused> {
    let ctx = call.context();
    let proof = dpop::check_for_api(ctx, &sent(&call.request), token)?;
    let actor = match sessions::authenticate_proven(ctx, token, &call.origin, audience, proof.jkt()).await {
        Ok(actor) => actor,
        Err(Error::Unauthenticated { message, detail }) => {
            let text = if detail.is_empty() { message } else { detail };
            return Err(Refused::Proof(OAuthError::new(OAuthErrorCode::InvalidToken, text)));
        }
        Err(error) => return Err(Refused::Other(error)),
    };
    dpop::use_for_api(ctx, &proof).await?;
    if let Some(nonce) = proof.next_nonce() {
        call.request.extensions_mut().insert(NextNonce(nonce.to_owned()));
    }
    Ok(actor)
}

/// The token that a request presents by the scheme `DPoP`, if it does.
pub(crate) fn token(request: &HttpRequest) -> Result<Option<String>, Failure> {
    credential::by_dpop(request).map_err(|_several| {
        let text = "There must be one header Authorization, with one credential.";
        api_error(StatusCode::BAD_REQUEST, text, "").into()
    })
}
