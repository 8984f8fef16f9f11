//! What apps read before they know anything else: the metadata of the provider, and the keys with which it signs.

use crate::keys::signing_ring;
use crate::{Context, Error, Settings};
use doorward_domain::oauth2::{OidcScope, endpoints};
use doorward_domain::openid::{ClaimName, Prompt};
use serde::Serialize;
use serde_json::{Value, json};

/// What every ID token may say.
const PROTOCOL_CLAIMS: [&str; 10] = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"];

/// What OpenID Connect Discovery 1.0 (3) adds to the metadata of the authorization server. It names exactly what works.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are members of the document")]
pub struct ProviderMetadata {
    /// The keys with which this server signs.
    pub jwks_uri: String,
    /// Where claims are told.
    pub userinfo_endpoint: String,
    /// Where apps send users who sign out.
    pub end_session_endpoint: String,
    /// Apps are told when sessions end.
    pub backchannel_logout_supported: bool,
    /// And which one.
    pub backchannel_logout_session_supported: bool,
    /// No page of an app is loaded when a session ends.
    pub frontchannel_logout_supported: bool,
    /// What is told of people and sign-ins.
    pub claims_supported: Vec<&'static str>,
    /// Claims are what they are: none are aggregated or distributed.
    pub claim_types_supported: Vec<&'static str>,
    /// Claims can be asked for one by one.
    pub claims_parameter_supported: bool,
    /// What sign-ins are worth, the most first.
    pub acr_values_supported: Vec<&'static str>,
    /// What can be asked of users.
    pub prompt_values_supported: Vec<&'static str>,
    /// Everybody has one id for all apps.
    pub subject_types_supported: Vec<&'static str>,
    /// By which algorithms ID tokens are signed.
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// The metadata of this server as a provider; `None` when it is none. Anybody may read it.
#[must_use]
pub fn metadata(settings: &Settings) -> Option<ProviderMetadata> {
    if !settings.oidc.enabled {
        return None;
    }
    let issuer = settings.issuer();
    let eddsa = settings.oidc.eddsa.then_some("EdDSA");
    Some(ProviderMetadata {
        jwks_uri: format!("{issuer}{}", endpoints::JWKS),
        userinfo_endpoint: format!("{issuer}{}", endpoints::USERINFO),
        end_session_endpoint: format!("{issuer}{}", endpoints::END_SESSION),
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        frontchannel_logout_supported: false,
        claims_supported: PROTOCOL_CLAIMS
            .iter()
            .copied()
            .chain(ClaimName::ALL.iter().map(|claim| claim.as_str()))
            .collect(),
        claim_types_supported: vec!["normal"],
        claims_parameter_supported: true,
        acr_values_supported: vec!["phr", "mfa", "pwd"],
        prompt_values_supported: Prompt::ALL.iter().map(|prompt| prompt.as_str()).collect(),
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: ["RS256", "ES256"].into_iter().chain(eddsa).collect(),
    })
}

/// The scopes that the metadata names beside those of the catalogue.
pub(crate) fn scope_names(settings: &Settings) -> impl Iterator<Item = String> {
    let enabled = settings.oidc.enabled;
    let names = OidcScope::ALL.iter().filter(move |scope| enabled || **scope == OidcScope::OfflineAccess);
    names.map(ToString::to_string)
}

/// The public keys with which signatures of this server are verified (RFC 7517): those that sign first. The first keys are made when
/// somebody asks for them.
///
/// Anybody may ask. Errors: `NotFound` (this server is no provider).
pub async fn published_keys(ctx: &Context) -> Result<Value, Error> {
    if !ctx.settings.oidc.enabled {
        return Err(Error::NotFound);
    }
    let ring = signing_ring(ctx).await?;
    let keys = ring.published(ctx.clock.now());
    let keys: Vec<_> = keys.into_iter().map(|key| key.public.to_jwk(key.algorithm)).collect();
    Ok(json!({ "keys": keys }))
}
