//! Proof of possession (DPoP, RFC 9449): what a client signs with each request so that its tokens are of use to nobody who has not its key.

mod target;

use super::KeyThumbprint;
use crate::identity_providers::KeySet;
use crate::jws::{
    Claims, ClaimsError, Compact, CompactDefect, HeaderDefect, PublicKeyMaterial, SignatureAlgorithm, TokenHeader,
    WrongTypeError,
};
use crate::{Instant, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::{Value, json};
use std::fmt;
use subtle::ConstantTimeEq;
use time::Duration;

pub use target::normalized_target;

/// Longest proof, in bytes.
pub const DPOP_PROOF_MAX: usize = 4 * 1024;
/// The `typ` of proofs (RFC 9449 4.2).
pub const DPOP_PROOF: &str = "dpop+jwt";
/// By which algorithms proofs may be signed, the likely ones first.
pub const DPOP_ALGORITHMS: [SignatureAlgorithm; 5] = [
    SignatureAlgorithm::Es256,
    SignatureAlgorithm::EdDsa,
    SignatureAlgorithm::Es384,
    SignatureAlgorithm::Rs256,
    SignatureAlgorithm::Ps256,
];
/// For whom the keys of nonces are derived.
pub const DPOP_NONCES: &str = "dpop-nonce";
/// Bytes of a key of nonces.
pub const DPOP_NONCE_KEY_LEN: usize = 32;

/// Longest `jti`, in bytes.
const ID_MAX: usize = 256;
/// How far clocks of clients may be off that bring a nonce of this server.
const WITH_NONCE: Duration = Duration::DAY;
/// So many seconds a nonce is the one to hand out.
const STEP: i64 = 60;
/// So many steps a nonce may be old.
const STEPS_KEPT: i64 = 4;
/// A nonce of so many steps ago is still good, and replaced at the next opportunity.
const STEPS_FRESH: i64 = 2;

/// Why a proof is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofDefect {
    /// It is longer than any.
    #[error("the DPoP proof is too long")]
    TooLong,
    /// It is not written as a signed token is.
    #[error("the DPoP proof: {0}")]
    Compact(#[from] CompactDefect),
    /// Its header is not accepted.
    #[error("the DPoP proof: {0}")]
    Header(#[from] HeaderDefect),
    /// Its header or payload cannot be read.
    #[error("the DPoP proof cannot be read: {0}")]
    Claims(#[from] ClaimsError),
    /// A claim has another type.
    #[error("in the DPoP proof: {0}")]
    Type(#[from] WrongTypeError),
    /// It does not say that it is one.
    #[error("typ of the DPoP proof must be {DPOP_PROOF}")]
    Kind,
    /// There is no public key in it, or more than that.
    #[error("jwk of the DPoP proof must be the public part of a key, and no more")]
    Key,
    /// The key in it has not signed it.
    #[error("the DPoP proof is not signed by the key in it")]
    Signature,
    /// A claim is missing.
    #[error("the DPoP proof has no {0}")]
    Missing(&'static str),
    /// Its id is empty or too long.
    #[error("jti of the DPoP proof must have 1 to {ID_MAX} bytes")]
    Id,
    /// It is for another method.
    #[error("htm of the DPoP proof is not the method of the request")]
    Method,
    /// It is for another place.
    #[error("htu of the DPoP proof is not the URL of the request")]
    Target,
    /// It is for another access token.
    #[error("ath of the DPoP proof is not the hash of the access token")]
    AccessToken,
    /// It was made too long ago, or is from the future, by more than a clock is off.
    #[error("iat of the DPoP proof is too far from now")]
    Time,
    /// It would be good if it had a nonce that this server gave out lately.
    #[error("the DPoP proof needs a nonce of this server")]
    NonceNeeded,
}

/// For what a proof must be, and how old it may be.
#[derive(Clone, Copy, Debug)]
pub struct ProofPolicy<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// Its URL, without a query.
    pub target: &'a str,
    /// The access token that comes with it, if one does.
    pub access_token: Option<&'a str>,
    /// How old it may be without a nonce.
    pub max_age: Duration,
    /// How far in the future it may be without a nonce.
    pub max_future: Duration,
    /// Whether there must be a nonce.
    pub needs_nonce: bool,
}

/// A proof that is good, but for what is to be remembered of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedProof {
    /// The key that has signed it.
    pub key: KeyThumbprint,
    /// Its id, which is good once.
    pub id: String,
    /// Until when its id must be remembered: after that it is over by itself.
    pub remember_until: Instant,
    /// Whether its nonce should be replaced soon.
    pub nonce_is_old: bool,
}

/// A proof that was taken apart, and is signed by the key in it.
#[derive(Clone, Debug)]
pub struct DpopProof {
    key: PublicKeyMaterial,
    claims: Claims,
}

impl DpopProof {
    /// Takes a proof apart and verifies its signature.
    pub fn parse(text: &str) -> Result<Self, ProofDefect> {
        if text.len() > DPOP_PROOF_MAX {
            return Err(ProofDefect::TooLong);
        }
        let compact = Compact::parse(text)?;
        let header = TokenHeader::parse(&compact.header, &DPOP_ALGORITHMS)?;
        let members = Claims::parse(&compact.header)?;
        // As it is written: no other kind of token has exactly this.
        if members.text("typ")? != Some(DPOP_PROOF) {
            return Err(ProofDefect::Kind);
        }
        let key = public_key(members.get("jwk"))?;
        if !compact.is_signed_by(&key, header.algorithm) {
            return Err(ProofDefect::Signature);
        }
        let claims = Claims::parse(&compact.payload)?;
        Ok(Self { key, claims })
    }

    /// Checks all that it says. That its id was not used is for whoever remembers ids.
    pub fn check(
        &self,
        policy: &ProofPolicy<'_>,
        nonces: &DpopNonces,
        now: Instant,
    ) -> Result<CheckedProof, ProofDefect> {
        let text = |name: &'static str| self.claims.text(name)?.ok_or(ProofDefect::Missing(name));
        let id = text("jti")?;
        if id.is_empty() || id.len() > ID_MAX {
            return Err(ProofDefect::Id);
        }
        if text("htm")? != policy.method {
            return Err(ProofDefect::Method);
        }
        let target = normalized_target(text("htu")?);
        if target.is_none() || target != normalized_target(policy.target) {
            return Err(ProofDefect::Target);
        }
        if let Some(token) = policy.access_token
            && !bool::from(text("ath")?.as_bytes().ct_eq(token_hash(token).as_bytes()))
        {
            return Err(ProofDefect::AccessToken);
        }
        let issued_at = self.claims.instant("iat")?.ok_or(ProofDefect::Missing("iat"))?;
        let (remember_until, nonce_is_old) = self.check_time(issued_at, policy, nonces, now)?;
        let key = KeyThumbprint(self.key.thumbprint());
        Ok(CheckedProof { key, id: id.to_owned(), remember_until, nonce_is_old })
    }

    /// Until when it is good, and whether its nonce is an old one.
    fn check_time(
        &self,
        issued_at: Instant,
        policy: &ProofPolicy<'_>,
        nonces: &DpopNonces,
        now: Instant,
    ) -> Result<(Instant, bool), ProofDefect> {
        let Some(nonce) = self.claims.text("nonce")? else {
            let is_fresh = now - issued_at <= policy.max_age && issued_at - now <= policy.max_future;
            if policy.needs_nonce || !is_fresh {
                return Err(ProofDefect::NonceNeeded);
            }
            return Ok((issued_at.saturating_add(policy.max_age), false));
        };
        let step = nonces.step_of(nonce, now).ok_or(ProofDefect::NonceNeeded)?;
        // Whose clock is off that far, to whom a nonce does not help.
        if (now - issued_at).abs() > WITH_NONCE {
            return Err(ProofDefect::Time);
        }
        let ends_at = (step + STEPS_KEPT + 1).saturating_mul(STEP);
        let remember_until = Instant::from_unix_timestamp(ends_at).unwrap_or_else(|_out_of_range| now + WITH_NONCE);
        Ok((remember_until, step_at(now) - step >= STEPS_FRESH))
    }
}

/// What `ath` must be for an access token: its hash (RFC 9449 4.2).
///
/// ```
/// use doorward_domain::oauth2::token_hash;
/// let token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
/// assert_eq!(token_hash(token), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
/// ```
#[must_use]
pub fn token_hash(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, access_token.as_bytes()))
}

fn public_key(jwk: Option<&Value>) -> Result<PublicKeyMaterial, ProofDefect> {
    let set = json!({ "keys": [jwk.ok_or(ProofDefect::Key)?] }).to_string();
    let set = KeySet::parse(set.as_bytes()).or(Err(ProofDefect::Key))?;
    let is_private = set.exposed > 0 || jwk.and_then(|jwk| jwk.get("k")).is_some();
    match set.keys() {
        [key] if !is_private => Ok(key.material.clone()),
        _ => Err(ProofDefect::Key),
    }
}

/// What makes nonces and knows them again. Nothing is kept of them: all servers of a deployment have the same keys.
#[derive(Clone)]
pub struct DpopNonces {
    signing: hmac::Key,
    verifying: Vec<hmac::Key>,
}

impl fmt::Debug for DpopNonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpopNonces(..)")
    }
}

impl DpopNonces {
    /// With the key that makes them, and all by which they may have been made.
    #[must_use]
    pub fn new(signing: &Secret<Vec<u8>>, verifying: &[Secret<Vec<u8>>]) -> Self {
        let key = |secret: &Secret<Vec<u8>>| hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        Self { signing: key(signing), verifying: verifying.iter().map(key).collect() }
    }

    /// The nonce to hand out now.
    ///
    /// ```
    /// use doorward_domain::oauth2::DpopNonces;
    /// use doorward_domain::{Instant, Secret};
    /// let key = Secret::new((0..32).collect::<Vec<u8>>());
    /// let nonces = DpopNonces::new(&key, std::slice::from_ref(&key));
    /// let now = Instant::from_unix_timestamp(1_700_000_000).unwrap();
    /// assert_eq!(nonces.at(now), "iX46O_EkbpPErMdGJv2mLg");
    /// ```
    #[must_use]
    pub fn at(&self, now: Instant) -> String {
        nonce(&self.signing, step_at(now))
    }

    /// When it was made, if it is one that is still good.
    fn step_of(&self, presented: &str, now: Instant) -> Option<i64> {
        let now = step_at(now);
        // One step ahead, for clocks of servers differ.
        let mut steps = (now - STEPS_KEPT..=now + 1).rev();
        let is_it = |key: &hmac::Key, step| bool::from(nonce(key, step).as_bytes().ct_eq(presented.as_bytes()));
        steps.find(|step| self.verifying.iter().any(|key| is_it(key, *step)))
    }
}

fn step_at(now: Instant) -> i64 {
    now.unix_timestamp().div_euclid(STEP)
}

fn nonce(key: &hmac::Key, step: i64) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(b"doorward/dpop-nonce/v1\0");
    context.update(&step.to_be_bytes());
    let tag = context.sign();
    URL_SAFE_NO_PAD.encode(tag.as_ref().first_chunk::<16>().map_or(&[][..], |half| half.as_slice()))
}

#[cfg(test)]
mod tests;
