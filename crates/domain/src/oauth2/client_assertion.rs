//! How clients prove who they are by a signature (`private_key_jwt`: RFC 7523 2.2 and 3, with the rules about the audience of
//! draft-ietf-oauth-rfc7523bis).

use super::client_jwt::{ClientJwt, ClientJwtDefect, OneUse, is_issuer};
use super::client_rules::ClientRules;
use crate::Instant;
use crate::identity_providers::KeySet;
use time::Duration;

/// Longest assertion, in bytes.
pub const CLIENT_ASSERTION_MAX: usize = 8 * 1024;
/// What the header may say that it is.
const KINDS: [&str; 2] = ["jwt", "client-authentication+jwt"];

/// For whom an assertion may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct AssertionPolicy<'a> {
    /// The issuer identifier of this server, without a slash at its end.
    pub issuer: &'a str,
    /// The URL of the token endpoint, where it is taken too: see [`AssertionAudience`](super::AssertionAudience).
    pub token_endpoint: Option<&'a str>,
    /// How far in the future it may end.
    pub max_lifetime: Duration,
}

/// An assertion that was taken apart.
#[derive(Clone, Debug)]
pub struct ClientAssertion<'t>(ClientJwt<'t>);

impl<'t> ClientAssertion<'t> {
    /// Takes an assertion apart.
    ///
    /// ```
    /// use doorward_domain::oauth2::ClientAssertion;
    /// // {"alg":"ES256"}, {"iss":"app","sub":"app"}
    /// let assertion = ClientAssertion::parse("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhcHAiLCJzdWIiOiJhcHAifQ.c2ln").unwrap();
    /// assert_eq!(assertion.client_id(), Ok("app"));
    /// // {"alg":"none"}
    /// assert!(ClientAssertion::parse("eyJhbGciOiJub25lIn0.e30.c2ln").is_err());
    /// ```
    pub fn parse(text: &'t str) -> Result<Self, ClientJwtDefect> {
        ClientJwt::parse(text, CLIENT_ASSERTION_MAX, &KINDS).map(Self)
    }

    /// Who it says the client is. To be believed only when the keys of that client have signed it.
    pub fn client_id(&self) -> Result<&str, ClientJwtDefect> {
        let subject = self.0.text("sub")?;
        if self.0.text("iss")? == subject { Ok(subject) } else { Err(ClientJwtDefect::Party("iss")) }
    }

    /// Whether one of these keys has signed it.
    #[must_use]
    pub fn is_signed_by(&self, keys: &KeySet) -> bool {
        self.0.is_signed_by(keys)
    }

    /// Checks all that it says, for a client with these rules. Its id, which is good once, is for whoever remembers ids.
    pub fn check(
        &self,
        rules: &ClientRules,
        policy: &AssertionPolicy<'_>,
        now: Instant,
    ) -> Result<OneUse, ClientJwtDefect> {
        self.client_id()?;
        self.0.check_algorithm(rules.assertion_alg.as_deref())?;
        match self.0.claims.texts("aud")?.ok_or(ClientJwtDefect::Missing("aud"))?.as_slice() {
            // Who is one of several may use it at the others.
            [only] if is_issuer(only, policy.issuer) || Some(*only) == policy.token_endpoint => {}
            _ => return Err(ClientJwtDefect::Audience),
        }
        let expires_at = self.0.check_times(policy.max_lifetime, now)?;
        self.0.one_use(expires_at)?.ok_or(ClientJwtDefect::Missing("jti"))
    }
}

#[cfg(test)]
mod tests;
