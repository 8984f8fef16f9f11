//! Proof of possession (DPoP, RFC 9449), as it stands in headers.

use crate::kit::answer::set_header;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use doorward_domain::Secret;
use doorward_domain::oauth2::OAuthErrorCode;
use doorward_services::oauth2::dpop::{self, RequestProof, SentProof};
use doorward_services::{Context, OAuthError};

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

/// Notes the nonce that goes with the answer to this request.
pub(crate) fn note_nonce(request: &HttpRequest, nonce: Option<&str>) {
    if let Some(nonce) = nonce {
        request.extensions_mut().insert(NextNonce(nonce.to_owned()));
    }
}

/// Notes the nonce that goes with the answer to a request that was refused for lack of one.
pub(crate) fn note_wanted(request: &HttpRequest, ctx: &Context, error: &OAuthError) {
    if error.code == OAuthErrorCode::UseDpopNonce {
        note_nonce(request, Some(&dpop::nonce(ctx)));
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

/// The challenge for who was refused, by this code and in these words, which are printable.
pub(crate) fn challenge_for(code: &str, description: &str) -> String {
    let algorithms = dpop::algorithms().join(" ");
    format!("DPoP error=\"{code}\", error_description=\"{description}\", algs=\"{algorithms}\"")
}
