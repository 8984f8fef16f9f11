//! An authorization request, and the query that it might have been: what is kept of one that was pushed.

use doorward_domain::Digest;
use doorward_domain::replays::SeenToken;
use url::form_urlencoded;

/// The parameters of an authorization request as they were sent; empty values count as missing.
#[derive(Clone, Debug, Default)]
pub struct AuthorizeRequest {
    /// `client_id`.
    pub client_id: Option<String>,
    /// `response_type`.
    pub response_type: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `response_mode`.
    pub response_mode: Option<String>,
    /// `request`: one that is signed is opened before, see [`request_objects`](super::super::request_objects).
    pub request: Option<String>,
    /// `request_uri`; one that was pushed is opened before, see [`pushed_requests`](super::super::pushed_requests).
    pub request_uri: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `code_challenge`.
    pub code_challenge: Option<String>,
    /// `code_challenge_method`.
    pub code_challenge_method: Option<String>,
    /// `dpop_jkt`: the key that whoever redeems the code must prove (RFC 9449 10).
    pub dpop_jkt: Option<String>,
    /// Every `resource`, in order.
    pub resources: Vec<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `prompt`.
    pub prompt: Option<String>,
    /// `max_age`.
    pub max_age: Option<String>,
    /// `acr_values`.
    pub acr_values: Option<String>,
    /// `claims`.
    pub claims: Option<String>,
    /// `id_token_hint`.
    pub id_token_hint: Option<String>,
    /// `registration`, which is not supported.
    pub registration: Option<String>,
    /// Parameters that may come once and came twice.
    pub repeated: Vec<&'static str>,
    /// The digest of its `request_uri`, if it was pushed: set by [`pushed_requests`](super::super::pushed_requests) only.
    pub pushed: Option<Digest>,
    /// By what it was signed, if that is good once: set by [`request_objects`](super::super::request_objects) only.
    pub signed: Option<SeenToken>,
}

impl AuthorizeRequest {
    /// All of it but `request` and `request_uri`, which say where it stands.
    #[must_use]
    pub fn to_query(&self) -> String {
        let Self { client_id, response_type, redirect_uri, state, response_mode, scope, resources, .. } = self;
        let Self { code_challenge, code_challenge_method, nonce, prompt, max_age, acr_values, .. } = self;
        let Self { claims, id_token_hint, registration, dpop_jkt, .. } = self;
        let single = [
            ("client_id", client_id),
            ("response_type", response_type),
            ("redirect_uri", redirect_uri),
            ("state", state),
            ("response_mode", response_mode),
            ("scope", scope),
            ("code_challenge", code_challenge),
            ("code_challenge_method", code_challenge_method),
            ("nonce", nonce),
            ("prompt", prompt),
            ("max_age", max_age),
            ("acr_values", acr_values),
            ("claims", claims),
            ("id_token_hint", id_token_hint),
            ("registration", registration),
            ("dpop_jkt", dpop_jkt),
        ];
        let given = single.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let resources = resources.iter().map(|resource| ("resource", resource.as_str()));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(given.chain(resources)).finish()
    }

    /// Reads what [`Self::to_query`] wrote.
    pub(crate) fn from_query(query: &str) -> Self {
        Self::from_pairs(form_urlencoded::parse(query.as_bytes()).into_owned())
    }

    /// A request with these parameters. What is none is passed over.
    pub(crate) fn from_pairs<N: AsRef<str>>(pairs: impl IntoIterator<Item = (N, String)>) -> Self {
        let mut request = Self::default();
        for (name, value) in pairs {
            let member = match name.as_ref() {
                "client_id" => &mut request.client_id,
                "response_type" => &mut request.response_type,
                "redirect_uri" => &mut request.redirect_uri,
                "state" => &mut request.state,
                "response_mode" => &mut request.response_mode,
                "scope" => &mut request.scope,
                "code_challenge" => &mut request.code_challenge,
                "code_challenge_method" => &mut request.code_challenge_method,
                "nonce" => &mut request.nonce,
                "prompt" => &mut request.prompt,
                "max_age" => &mut request.max_age,
                "acr_values" => &mut request.acr_values,
                "claims" => &mut request.claims,
                "id_token_hint" => &mut request.id_token_hint,
                "registration" => &mut request.registration,
                "dpop_jkt" => &mut request.dpop_jkt,
                "resource" => {
                    request.resources.push(value);
                    continue;
                }
                _ => continue,
            };
            *member = Some(value);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_kept() {
        let text = |name: &str| Some(format!("{name} \u{e4}&=+%"));
        let request = AuthorizeRequest {
            client_id: text("client_id"),
            response_type: text("response_type"),
            redirect_uri: text("redirect_uri"),
            state: text("state"),
            response_mode: text("response_mode"),
            request: None,
            request_uri: None,
            scope: text("scope"),
            code_challenge: text("code_challenge"),
            code_challenge_method: text("code_challenge_method"),
            dpop_jkt: text("dpop_jkt"),
            resources: vec!["https://a.example".to_owned(), "https://b.example?x=1&y".to_owned()],
            nonce: text("nonce"),
            prompt: text("prompt"),
            max_age: text("max_age"),
            acr_values: text("acr_values"),
            claims: text("claims"),
            id_token_hint: text("id_token_hint"),
            registration: text("registration"),
            repeated: Vec::new(),
            pushed: None,
            signed: None,
        };
        let read = AuthorizeRequest::from_query(&request.to_query());
        assert_eq!(format!("{read:?}"), format!("{request:?}"));
        let elsewhere = AuthorizeRequest { request: text("request"), request_uri: text("uri"), ..request.clone() };
        assert_eq!(elsewhere.to_query(), request.to_query());
    }
}
