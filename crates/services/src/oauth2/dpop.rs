//! Proof of possession (DPoP, RFC 9449; `oauth2.md` 14.16): the check of proofs that the token endpoint, the endpoint for pushed requests and the
//! API have in common.

mod memory;

pub use memory::ProofMemory;

use super::policy::ClientPolicy;
use crate::settings::{ApiReplay, NonceRule};
use crate::{Context, Error, OAuthError, Origin, Principal, keys};
use doorward_domain::oauth2::{
    App, CheckedProof, DPOP_ALGORITHMS, DPOP_NONCE_KEY_LEN, DPOP_NONCES, DpopNonces, DpopProof, DpopRule,
    KeyThumbprint, OAuthErrorCode, ProofDefect, ProofPolicy, Resource,
};
use doorward_domain::replays::{ReplayKind, SeenToken};
use doorward_domain::roles::System;
use doorward_domain::{Instant, Secret};

/// What of the header `DPoP` came with a request.
#[derive(Clone, Debug, Default)]
pub enum SentProof {
    /// Nothing.
    #[default]
    None,
    /// One proof.
    One(RequestProof),
    /// Several, or what is no text.
    Unreadable,
}

/// A proof, and the request with which it came.
#[derive(Clone, Debug)]
pub struct RequestProof {
    /// The proof.
    pub text: Secret<String>,
    /// The method of the request.
    pub method: String,
    /// Its path, below the access URL.
    pub path: String,
}

/// A key that a client has proved to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProvenKey {
    pub(crate) jkt: KeyThumbprint,
    /// The nonce for its next proof, if it is to have another one.
    pub(crate) next_nonce: Option<String>,
}

/// Why a proof is not accepted.
#[derive(Debug)]
pub enum ProofError {
    /// It is not good; in words for whoever made it.
    Invalid(String),
    /// It needs this nonce.
    Nonce(String),
    /// It could not be looked at now.
    Other(Error),
}

impl From<ProofError> for OAuthError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Invalid(text) => Self::new(OAuthErrorCode::InvalidDpopProof, text),
            ProofError::Nonce(_) => {
                let text = "use the nonce of the header DPoP-Nonce in the DPoP proof";
                Self::new(OAuthErrorCode::UseDpopNonce, text)
            }
            ProofError::Other(error) => keys::for_token(error),
        }
    }
}

/// The names of the algorithms by which proofs may be signed.
#[must_use]
pub fn algorithms() -> Vec<&'static str> {
    DPOP_ALGORITHMS.iter().map(|algorithm| algorithm.as_str()).collect()
}

/// The nonce to hand out now, to whoever needs one.
#[must_use]
pub fn nonce(ctx: &Context) -> String {
    let now = ctx.clock.now();
    nonces(ctx, now).at(now)
}

/// What the nonces of this deployment are made of: every server has the same.
fn nonces(ctx: &Context, now: Instant) -> DpopNonces {
    let ring = ctx.keys.ring();
    let signing = ring.forms().shared_that_signs(DPOP_NONCES, DPOP_NONCE_KEY_LEN, now).secret;
    let verifying = ring.forms().shared(DPOP_NONCES, DPOP_NONCE_KEY_LEN, now);
    let verifying: Vec<_> = verifying.into_iter().map(|key| key.secret).collect();
    DpopNonces::new(&signing, &verifying)
}

/// Checks a proof, but for whether it was used before. A token comes with those for the API.
fn check(ctx: &Context, proof: &RequestProof, token: Option<&str>, now: Instant) -> Result<Checked, ProofError> {
    let settings = &ctx.settings.oauth2.dpop;
    let target = format!("{}{}", ctx.settings.issuer(), proof.path);
    let policy = ProofPolicy {
        method: &proof.method,
        target: &target,
        access_token: token,
        max_age: settings.max_age.get(),
        max_future: settings.max_future.get(),
        needs_nonce: settings.nonce == NonceRule::Always,
    };
    let nonces = nonces(ctx, now);
    let checked = DpopProof::parse(proof.text.expose()).and_then(|proof| proof.check(&policy, &nonces, now));
    match checked {
        Ok(proof) => Ok(Checked { next_nonce: proof.nonce_is_old.then(|| nonces.at(now)), proof }),
        Err(ProofDefect::NonceNeeded) => Err(ProofError::Nonce(nonces.at(now))),
        Err(defect) => Err(ProofError::Invalid(defect.to_string())),
    }
}

struct Checked {
    proof: CheckedProof,
    next_nonce: Option<String>,
}

impl Checked {
    fn seen(&self) -> SeenToken {
        let CheckedProof { key, id, remember_until, .. } = &self.proof;
        SeenToken::new(ReplayKind::DpopProof, key.as_str(), id, *remember_until)
    }

    fn into_key(self) -> ProvenKey {
        ProvenKey { jkt: self.proof.key, next_nonce: self.next_nonce }
    }
}

fn used_before() -> ProofError {
    ProofError::Invalid("the DPoP proof was used before".to_owned())
}

fn unreadable() -> ProofError {
    ProofError::Invalid("there must be one header DPoP, with one proof".to_owned())
}

/// Uses a proof up, in the table that all servers share.
async fn use_up(ctx: &Context, seen: SeenToken) -> Result<(), ProofError> {
    let is_first = ctx
        .act(&Principal::anonymous(Origin::unknown()), move |deed| {
            let permit = System::because("a client proves that it has a key").permit();
            let is_first = deed.repos.replays().insert(&permit, &seen)?;
            Ok::<_, Error>(deed.unrecorded("that a client proves a key is not recorded", is_first))
        })
        .await
        .map_err(ProofError::Other)?;
    if is_first { Ok(()) } else { Err(used_before()) }
}

/// The key that a client proves at an endpoint for clients; `None` if it proves none. The proof is used up by it.
///
/// Errors: [`ProofError`].
pub(super) async fn prove(ctx: &Context, sent: &SentProof) -> Result<Option<ProvenKey>, ProofError> {
    let proof = match sent {
        SentProof::None => return Ok(None),
        SentProof::One(proof) => proof,
        SentProof::Unreadable => return Err(unreadable()),
    };
    let checked = check(ctx, proof, None, ctx.clock.now())?;
    use_up(ctx, checked.seen()).await?;
    Ok(Some(checked.into_key()))
}

/// A proof for the API that is good, and not used up yet: that comes when it is known that the token beside it is good.
#[derive(Debug)]
pub struct ApiProof {
    key: ProvenKey,
    seen: SeenToken,
    is_safe: bool,
}

impl ApiProof {
    /// The key that is proved.
    #[must_use]
    pub const fn jkt(&self) -> &KeyThumbprint {
        &self.key.jkt
    }

    /// The nonce for the next proof, if it is to have another one.
    #[must_use]
    pub fn next_nonce(&self) -> Option<&str> {
        self.key.next_nonce.as_deref()
    }
}

/// Checks the proof that came with an access token.
///
/// Needs no permission. Errors: [`ProofError`].
pub fn check_for_api(ctx: &Context, sent: &SentProof, token: &str) -> Result<ApiProof, ProofError> {
    let SentProof::One(proof) = sent else { return Err(unreadable()) };
    let checked = check(ctx, proof, Some(token), ctx.clock.now())?;
    let is_safe = matches!(proof.method.as_str(), "GET" | "HEAD");
    Ok(ApiProof { seen: checked.seen(), is_safe, key: checked.into_key() })
}

/// Uses the proof up. What only reads is remembered by this server alone, unless the settings say otherwise; what may change something, by all.
///
/// Needs no permission. Errors: [`ProofError`].
pub async fn use_for_api(ctx: &Context, proof: &ApiProof) -> Result<(), ProofError> {
    if proof.is_safe && ctx.settings.oauth2.dpop.api_replay == ApiReplay::Local {
        let is_first = ctx.proofs.insert(proof.seen, ctx.clock.now());
        return if is_first { Ok(()) } else { Err(used_before()) };
    }
    use_up(ctx, proof.seen).await
}

/// Refuses a client without a key where tokens must be bound to one: the app is registered so, or the resource is.
pub(super) fn check_required(
    policy: &ClientPolicy,
    app: &App,
    resource: Option<&Resource>,
    jkt: Option<&KeyThumbprint>,
) -> Result<(), OAuthError> {
    let wants =
        |server: &std::sync::Arc<doorward_domain::oauth2::ResourceServer>| server.rules.dpop == DpopRule::Required;
    let text = if jkt.is_some() {
        return Ok(());
    } else if app.rules.dpop_bound {
        "this app must prove a key by the header DPoP (RFC 9449)"
    } else if policy.resource(resource).is_some_and(wants) {
        "tokens for this resource are given to those only who prove a key by the header DPoP (RFC 9449)"
    } else {
        return Ok(());
    };
    Err(OAuthError::new(OAuthErrorCode::InvalidDpopProof, text))
}

#[cfg(test)]
mod tests;
