//! The parameters of an authentication request (OpenID Connect Core 1.0, 3.1.2.1).

use super::claims::RequestedClaims;
use super::defect::{NONCE_MAX, RequestDefect};
use crate::Instant;
use crate::text_enum::text_enum;
use std::collections::BTreeSet;
use time::Duration;

/// The longest of the other parameters, in bytes.
const PARAMETER_MAX: usize = 1024;

text_enum! {
    /// What the user is to be asked, whatever is known.
    Prompt {
        /// Nothing: the answer comes at once, or an error.
        None = "none",
        /// To sign in.
        Login = "login",
        /// To allow it.
        Consent = "consent",
        /// Which account is meant.
        SelectAccount = "select_account",
    }
}

/// The parameters, checked. Those that are not known here, or may be ignored, are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthenticationRequest {
    /// What the app recognizes the first ID token by.
    pub nonce: Option<String>,
    /// What the user is to be asked.
    pub prompts: BTreeSet<Prompt>,
    /// How many seconds ago the user may have signed in at most.
    pub max_age: Option<u32>,
    /// The ways to sign in that the app would like best, in order.
    pub acr_values: Vec<String>,
    /// What the app asks to be told, one by one.
    pub claims: RequestedClaims,
}

impl AuthenticationRequest {
    /// Reads the parameters; those that are empty count as missing.
    pub fn parse(
        nonce: Option<&str>,
        prompt: Option<&str>,
        max_age: Option<&str>,
        acr_values: Option<&str>,
        claims: Option<&str>,
    ) -> Result<Self, RequestDefect> {
        if nonce.is_some_and(|nonce| nonce.len() > NONCE_MAX) {
            return Err(RequestDefect::Nonce);
        }
        for (name, value) in [("prompt", prompt), ("acr_values", acr_values), ("max_age", max_age)] {
            if value.is_some_and(|value| value.len() > PARAMETER_MAX) {
                return Err(RequestDefect::TooLong(name));
            }
        }
        let words = |text: Option<&str>| -> Vec<String> {
            text.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
        };
        let asked = words(prompt);
        if asked.iter().any(|word| word == Prompt::None.as_str()) && asked.len() > 1 {
            return Err(RequestDefect::Prompt);
        }
        let seconds = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            // What is longer than a lifetime is as good as the longest.
            if is_number { Ok(text.parse().unwrap_or(u32::MAX)) } else { Err(RequestDefect::MaxAge) }
        };
        Ok(Self {
            nonce: nonce.map(str::to_owned),
            prompts: asked.iter().filter_map(|word| word.parse().ok()).collect(),
            max_age: max_age.map(seconds).transpose()?,
            acr_values: words(acr_values),
            claims: claims.map(RequestedClaims::parse).transpose()?.unwrap_or_default(),
        })
    }

    /// Whether this is to be asked.
    #[must_use]
    pub fn asks(&self, prompt: Prompt) -> bool {
        self.prompts.contains(&prompt)
    }

    /// Whether somebody who signed in at `auth_time` must prove again that it is them. `asked_at` is when they were asked to, if they were:
    /// whoever signed in since then has done so, however long ago that is by now.
    #[must_use]
    pub fn needs_new_proof(
        &self,
        default_max_age: Option<u32>,
        auth_time: Instant,
        asked_at: Option<Instant>,
        now: Instant,
    ) -> bool {
        if asked_at.is_some_and(|asked_at| auth_time >= asked_at) {
            return false;
        }
        let max_age = self.max_age.or(default_max_age);
        self.asks(Prompt::Login)
            || max_age.is_some_and(|age| age == 0 || now - auth_time > Duration::seconds(age.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn parse(prompt: Option<&str>, max_age: Option<&str>) -> Result<AuthenticationRequest, RequestDefect> {
        AuthenticationRequest::parse(None, prompt, max_age, None, None)
    }

    #[test]
    fn what_is_asked_is_read_and_unknown_words_are_ignored() {
        let request = parse(Some(" login  consent create "), Some("30")).unwrap();
        assert_eq!(request.prompts, BTreeSet::from([Prompt::Login, Prompt::Consent]));
        assert_eq!(request.max_age, Some(30));
        assert_eq!(parse(Some("create"), Some("99999999999999")).unwrap().max_age, Some(u32::MAX));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for bad in ["none login", "consent none", "none create"] {
            assert_eq!(parse(Some(bad), None), Err(RequestDefect::Prompt), "{bad}");
        }
        for bad in ["-1", "1.5", "soon", " 1", "+1"] {
            assert_eq!(parse(None, Some(bad)), Err(RequestDefect::MaxAge), "{bad}");
        }
        let long = "n".repeat(NONCE_MAX + 1);
        assert_eq!(AuthenticationRequest::parse(Some(&long), None, None, None, None), Err(RequestDefect::Nonce));
        assert!(AuthenticationRequest::parse(Some(&long[1..]), None, None, None, None).is_ok());
        assert_eq!(parse(Some(&long), None), Err(RequestDefect::TooLong("prompt")));
    }

    #[test]
    fn a_proof_is_asked_for_once() {
        const THEN: Instant = datetime!(2026-01-02 03:00 UTC);
        let needs = |prompt, max_age, default, asked_at, now| {
            parse(prompt, max_age).unwrap().needs_new_proof(default, THEN, asked_at, now)
        };
        let later = THEN + Duration::minutes(1);
        assert!(!needs(None, None, None, None, later));
        assert!(needs(Some("login"), None, None, None, THEN));
        assert!(needs(None, Some("0"), None, None, THEN));
        assert!(!needs(None, Some("60"), None, None, later), "not older than that");
        assert!(needs(None, Some("59"), None, None, later));
        assert!(needs(None, None, Some(59), None, later));
        assert!(!needs(None, Some("60"), Some(1), None, later), "what is asked counts");
        for (prompt, max_age) in [(Some("login"), None), (None, Some("1")), (None, Some("0"))] {
            assert!(!needs(prompt, max_age, None, Some(THEN), later + Duration::HOUR), "they have signed in since");
            assert!(needs(prompt, max_age, None, Some(later), later + Duration::HOUR), "they have not");
        }
    }
}
