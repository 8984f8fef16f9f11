//! What an ID token must say (OpenID Connect Core 1.0, 3.1.3.7). Its signature was verified before.

use super::issuer::IssuerDefect;
use super::provider::{NonceRule, Provider};
use crate::Instant;
use crate::jws::{Claims, WrongTypeError};
use subtle::ConstantTimeEq as _;
use time::Duration;

/// Longest subject, in bytes.
pub(super) const SUBJECT_MAX: usize = 255;
/// Longest id of a session of the provider, in bytes.
const SESSION_ID_MAX: usize = 255;
/// How old an ID token may be when it comes.
const AGE_MAX: Duration = Duration::hours(24);

/// What is expected of an ID token, besides what the provider's settings say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The present.
    pub now: Instant,
    /// How far the clocks of the two may be apart.
    pub skew: Duration,
    /// The nonce that was sent.
    pub nonce: &'a str,
    /// [`access_token_hash`](super::access_token_hash) of the access token that came with it, if one did.
    pub access_token_hash: Option<&'a str>,
    /// What was asked about the age of the authentication, if it was.
    pub max_age: Option<MaxAge>,
    /// One of these must be the `acr`, where it was asked for as essential; empty: it was not.
    pub essential_acr: &'a [&'a str],
}

/// What was asked by `max_age`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAge {
    /// When it was asked. People take their time over a password.
    pub asked_at: Instant,
    /// How old the authentication might be then; zero: a new one was wanted.
    pub allowed: Duration,
}

/// An ID token that was believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdToken {
    /// The issuer under which a link is stored: with the tenant, where there are many.
    pub issuer: String,
    /// Who it is at this issuer.
    pub subject: String,
    /// When the person authenticated there, if it says so.
    pub authenticated_at: Option<Instant>,
    /// The session there, if it says so.
    pub session_id: Option<String>,
    /// When it was issued.
    pub issued_at: Instant,
    /// When it ends.
    pub expires_at: Instant,
}

/// Why an ID token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTokenDefect {
    /// A claim is of another type.
    #[error(transparent)]
    Type(#[from] WrongTypeError),
    /// A claim is missing.
    #[error("the ID token has no `{0}`")]
    Missing(&'static str),
    /// It is of somebody else.
    #[error(transparent)]
    Issuer(#[from] IssuerDefect),
    /// It is for somebody else.
    #[error(transparent)]
    Audience(#[from] AudienceDefect),
    /// It is over.
    #[error("the ID token has expired")]
    Expired,
    /// It is from the future.
    #[error("the ID token is not valid yet; the clocks of the two servers may differ")]
    NotYet,
    /// It was issued long ago.
    #[error("the ID token was issued too long ago")]
    TooOld,
    /// It answers another request.
    #[error("the ID token answers another request: its nonce is not the one that was sent")]
    Nonce,
    /// The subject is empty or too long.
    #[error("the subject must have 1 to {SUBJECT_MAX} bytes")]
    Subject,
    /// It came with another access token.
    #[error("the ID token belongs to another access token")]
    AccessToken,
    /// The person authenticated longer ago than was asked for.
    #[error("the person has not authenticated again")]
    AuthenticationTooOld,
    /// The person did not authenticate as was asked for.
    #[error("the person has not authenticated in the way that was asked for")]
    AuthenticationContext,
}

/// Why a token is for somebody else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudienceDefect {
    /// `aud` or `azp` is of another type.
    #[error(transparent)]
    Type(#[from] WrongTypeError),
    /// It does not say for whom it is.
    #[error("the token has no `aud`")]
    Missing,
    /// It is for somebody else.
    #[error("the token is not for this server")]
    Other,
    /// It is also for somebody who is not trusted.
    #[error("the token has an audience that is not trusted")]
    Untrusted,
    /// It was issued to somebody else, or does not say to whom of several.
    #[error("the token was issued to another client")]
    AuthorizedParty,
}

/// Checks the claims of an ID token of this provider.
///
/// ```
/// use doorward_domain::identity_providers::{Claims, Expected, IdTokenDefect, Provider, check_id_token};
/// use time::{Duration, macros::datetime};
/// let provider =
///     Provider { issuer: "https://id.example".to_owned(), client_id: "me".to_owned(), ..Provider::default() };
/// let now = datetime!(2023-11-14 22:14 UTC);
/// let expected = Expected {
///     now, skew: Duration::minutes(1), nonce: "n1", access_token_hash: None, max_age: None, essential_acr: &[],
/// };
/// let claims = Claims::parse(
///     br#"{"iss":"https://id.example","sub":"ann","aud":"me","iat":1700000000,"exp":1700003600,"nonce":"n1"}"#,
/// ).unwrap();
/// assert_eq!(check_id_token(&claims, &provider, &expected)?.subject, "ann");
/// let other = Expected { nonce: "n2", ..expected };
/// assert_eq!(check_id_token(&claims, &provider, &other), Err(IdTokenDefect::Nonce));
/// # Ok::<(), IdTokenDefect>(())
/// ```
pub fn check_id_token(claims: &Claims, provider: &Provider, expected: &Expected<'_>) -> Result<IdToken, IdTokenDefect> {
    let issuer = provider.issuer_of(claims)?;
    check_audience(claims, provider)?;
    let (issued_at, expires_at) = check_times(claims, expected)?;
    check_nonce(claims, provider.nonce, expected.nonce)?;
    let subject = claims.text("sub")?.ok_or(IdTokenDefect::Missing("sub"))?;
    if subject.is_empty() || subject.len() > SUBJECT_MAX {
        return Err(IdTokenDefect::Subject);
    }
    // One that cannot be checked is not believed either.
    if claims.text("at_hash")?.is_some_and(|hash| Some(hash) != expected.access_token_hash) {
        return Err(IdTokenDefect::AccessToken);
    }
    let authenticated_at = check_authentication(claims, expected)?;
    Ok(IdToken {
        issuer,
        subject: subject.to_owned(),
        authenticated_at,
        session_id: session_id(claims),
        issued_at,
        expires_at,
    })
}

/// Checks for whom a token is; ID tokens and logout tokens have the same rule.
pub(super) fn check_audience(claims: &Claims, provider: &Provider) -> Result<(), AudienceDefect> {
    let audiences = claims.texts("aud")?.ok_or(AudienceDefect::Missing)?;
    if !audiences.contains(&provider.client_id.as_str()) {
        return Err(AudienceDefect::Other);
    }
    let is_trusted = |audience: &str| {
        audience == provider.client_id || provider.trusted_audiences.iter().any(|known| known == audience)
    };
    if !audiences.iter().all(|audience| is_trusted(audience)) {
        return Err(AudienceDefect::Untrusted);
    }
    match claims.text("azp")? {
        Some(party) if party != provider.client_id => Err(AudienceDefect::AuthorizedParty),
        None if audiences.len() > 1 => Err(AudienceDefect::AuthorizedParty),
        _ => Ok(()),
    }
}

/// The session of the provider to which a token belongs. One that is too long is none: it is kept for signing out only.
pub(super) fn session_id(claims: &Claims) -> Option<String> {
    let id = claims.text("sid").ok().flatten()?;
    (!id.is_empty() && id.len() <= SESSION_ID_MAX).then(|| id.to_owned())
}

fn check_times(claims: &Claims, expected: &Expected<'_>) -> Result<(Instant, Instant), IdTokenDefect> {
    let Expected { now, skew, .. } = *expected;
    let expires_at = claims.instant("exp")?.ok_or(IdTokenDefect::Missing("exp"))?;
    if now - expires_at >= skew {
        return Err(IdTokenDefect::Expired);
    }
    let issued_at = claims.instant("iat")?.ok_or(IdTokenDefect::Missing("iat"))?;
    let begins_at = claims.instant("nbf")?.unwrap_or(issued_at).max(issued_at);
    if begins_at - now > skew {
        return Err(IdTokenDefect::NotYet);
    }
    if now - issued_at > AGE_MAX {
        return Err(IdTokenDefect::TooOld);
    }
    Ok((issued_at, expires_at))
}

fn check_nonce(claims: &Claims, rule: NonceRule, sent: &str) -> Result<(), IdTokenDefect> {
    match (claims.text("nonce")?, rule) {
        (Some(nonce), _) if bool::from(nonce.as_bytes().ct_eq(sent.as_bytes())) => Ok(()),
        (None, NonceRule::IfPresent) => Ok(()),
        (_, NonceRule::Required | NonceRule::IfPresent) => Err(IdTokenDefect::Nonce),
    }
}

fn check_authentication(claims: &Claims, expected: &Expected<'_>) -> Result<Option<Instant>, IdTokenDefect> {
    let acr = claims.text("acr").ok().flatten();
    if !expected.essential_acr.is_empty() && !acr.is_some_and(|acr| expected.essential_acr.contains(&acr)) {
        return Err(IdTokenDefect::AuthenticationContext);
    }
    let Some(asked) = expected.max_age else {
        // Nobody asked; a provider that writes nonsense here loses no one.
        return Ok(claims.instant("auth_time").ok().flatten());
    };
    let at = claims.instant("auth_time")?.ok_or(IdTokenDefect::Missing("auth_time"))?;
    if at - expected.now > expected.skew {
        return Err(IdTokenDefect::NotYet);
    }
    let age = asked.asked_at.min(expected.now) - at;
    if age.checked_sub(asked.allowed).is_none_or(|over| over > expected.skew) {
        return Err(IdTokenDefect::AuthenticationTooOld);
    }
    Ok(Some(at))
}

#[cfg(test)]
mod tests;
