//! Authorization requests that a client has signed (RFC 9101).

use super::client_jwt::{ClientJwt, ClientJwtDefect, OneUse, is_issuer};
use super::client_rules::ClientRules;
use crate::Instant;
use crate::identity_providers::KeySet;
use serde_json::Value;
use time::Duration;

/// Longest request object, in bytes.
pub const REQUEST_OBJECT_MAX: usize = 8 * 1024;
/// What the header may say that it is.
const KINDS: [&str; 2] = ["jwt", "oauth-authz-req+jwt"];
/// How far in the future it may end.
const LONGEST: Duration = Duration::HOUR;
/// The parameters that are texts.
const TEXTS: [&str; 13] = [
    "response_type",
    "redirect_uri",
    "state",
    "response_mode",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "prompt",
    "acr_values",
    "id_token_hint",
    "login_hint",
    "registration",
];

/// What a request object asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// The parameters of the authorization request, as its query would have them.
    pub parameters: Vec<(&'static str, String)>,
    /// Its id, if it has one: then it is good for one code.
    pub one_use: Option<OneUse>,
}

/// A request object that was taken apart.
#[derive(Clone, Debug)]
pub struct RequestObject<'t>(ClientJwt<'t>);

impl<'t> RequestObject<'t> {
    /// Takes one apart. One that is encrypted has five parts, and is none.
    ///
    /// ```
    /// use doorward_domain::oauth2::RequestObject;
    /// // {"alg":"ES256"}, {"iss":"app"}
    /// assert!(RequestObject::parse("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhcHAifQ.c2ln").is_ok());
    /// // {"alg":"none"}
    /// assert!(RequestObject::parse("eyJhbGciOiJub25lIn0.e30.").is_err());
    /// ```
    pub fn parse(text: &'t str) -> Result<Self, ClientJwtDefect> {
        ClientJwt::parse(text, REQUEST_OBJECT_MAX, &KINDS).map(Self)
    }

    /// Whether one of these keys has signed it.
    #[must_use]
    pub fn is_signed_by(&self, keys: &KeySet) -> bool {
        self.0.is_signed_by(keys)
    }

    /// Checks all that it says for this client, and answers what it asks for.
    pub fn check(
        &self,
        client_id: &str,
        rules: &ClientRules,
        issuer: &str,
        now: Instant,
    ) -> Result<SignedRequest, ClientJwtDefect> {
        self.0.check_algorithm(rules.request_object_alg.as_deref())?;
        let claims = &self.0.claims;
        if self.0.text("iss")? != client_id {
            return Err(ClientJwtDefect::Party("iss"));
        }
        if claims.text("client_id")?.is_some_and(|named| named != client_id) {
            return Err(ClientJwtDefect::Party("client_id"));
        }
        // With that it could be used as an assertion.
        if claims.get("sub").is_some_and(|subject| subject.as_str().is_none_or(|subject| subject == client_id)) {
            return Err(ClientJwtDefect::Party("sub"));
        }
        // Where they stand is not said by themselves.
        for name in ["request", "request_uri"] {
            if claims.members().contains_key(name) {
                return Err(ClientJwtDefect::Party(name));
            }
        }
        let audiences = claims.texts("aud")?.ok_or(ClientJwtDefect::Missing("aud"))?;
        if !audiences.iter().any(|audience| is_issuer(audience, issuer)) {
            return Err(ClientJwtDefect::Audience);
        }
        let expires_at = self.0.check_times(LONGEST, now)?;
        Ok(SignedRequest { parameters: self.parameters()?, one_use: self.0.one_use(expires_at)? })
    }

    fn parameters(&self) -> Result<Vec<(&'static str, String)>, ClientJwtDefect> {
        let claims = &self.0.claims;
        let mut parameters = Vec::new();
        for name in TEXTS {
            parameters.extend(claims.text(name)?.map(|value| (name, value.to_owned())));
        }
        for resource in claims.texts("resource")?.unwrap_or_default() {
            parameters.push(("resource", resource.to_owned()));
        }
        match claims.get("max_age") {
            None => {}
            Some(Value::Number(seconds)) => parameters.push(("max_age", seconds.to_string())),
            Some(_) => parameters.extend(claims.text("max_age")?.map(|text| ("max_age", text.to_owned()))),
        }
        match claims.get("claims") {
            None => {}
            Some(object @ Value::Object(_)) => parameters.push(("claims", object.to_string())),
            Some(_) => parameters.extend(claims.text("claims")?.map(|text| ("claims", text.to_owned()))),
        }
        Ok(parameters)
    }
}

#[cfg(test)]
mod tests;
