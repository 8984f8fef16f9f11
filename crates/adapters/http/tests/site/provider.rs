//! An identity provider within the process: it signs what a test wants it to say, and looks at what it is asked.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::Secret;
use doorward_domain::identity_providers::{Claims, Compact, KeySet, Provider, SignatureAlgorithm, TokenHeader};
use doorward_ports::Signer;
use doorward_ports::fetch::{Answer, ChosenBy, FailureClass, Fetch, FetchError, Method, Request};
use doorward_services::identity_providers::Upstreams;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};

pub(crate) const PROVIDER: &str = "https://id.example";

/// Another one, which says the same.
pub(crate) const OTHER: &str = "https://other-id.example";

/// Its entry in the settings.
pub(crate) fn other() -> Provider {
    Provider { name: "other".to_owned(), issuer: OTHER.to_owned(), ..entry() }
}

/// Its entry in the settings.
pub(crate) fn entry() -> Provider {
    Provider {
        name: "corp".to_owned(),
        display_name: "The Corp".to_owned(),
        issuer: PROVIDER.to_owned(),
        client_id: "doorward".to_owned(),
        client_secret: Secret::from("s3cret"),
        algs: vec![SignatureAlgorithm::Es256],
        groups_claim: "groups".to_owned(),
        ..Provider::default()
    }
}

/// What it does at this moment.
pub(crate) struct State {
    /// What the ID token says besides what every one does; `null` takes a claim away.
    pub(crate) claims: Value,
    /// What its header says besides; `null` takes a member away.
    pub(crate) header: Value,
    /// What the userinfo endpoint says; none if there is none.
    pub(crate) userinfo: Option<Value>,
    /// Whether nobody answers.
    pub(crate) is_down: bool,
    /// The text in the place of the ID token.
    pub(crate) id_token: Option<String>,
    /// In the place of the signature.
    pub(crate) signature: Option<String>,
    /// Answers of other addresses.
    pub(crate) others: Vec<(String, Value)>,
    /// The same, byte by byte, with their type.
    pub(crate) raws: Vec<(String, &'static str, Vec<u8>)>,
    /// What the discovery document says besides; `null` takes a member away.
    pub(crate) discovery: Value,
    /// The keys by one of which this server proves who it is, in the place of its secret.
    pub(crate) client_keys: Option<Value>,
    /// The ids of assertions that were used.
    assertions: Vec<String>,
    keys: Vec<(String, EcdsaKeyPair)>,
    nonce: String,
    challenge: String,
    now: i64,
    fetched: Vec<(String, ChosenBy)>,
}

#[derive(Clone)]
pub(crate) struct FakeProvider(Arc<Mutex<State>>);

#[expect(clippy::disallowed_methods, reason = "keys of a test")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

fn key() -> EcdsaKeyPair {
    let random = random();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn merged(base: Value, more: &Value) -> Value {
    let Value::Object(mut members) = base else { panic!("no object") };
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    members.into()
}

impl FakeProvider {
    pub(crate) fn new(now: i64) -> Self {
        Self(Arc::new(Mutex::new(State {
            claims: json!({}),
            header: json!({}),
            userinfo: None,
            is_down: false,
            id_token: None,
            signature: None,
            others: Vec::new(),
            raws: Vec::new(),
            discovery: json!({}),
            client_keys: None,
            assertions: Vec::new(),
            keys: vec![("k1".to_owned(), key())],
            nonce: String::new(),
            challenge: String::new(),
            now,
            fetched: Vec::new(),
        })))
    }

    pub(crate) fn upstreams(&self) -> Upstreams {
        Upstreams::new(Arc::new(self.clone()))
    }

    /// The same for a server that signs with this key at the provider `corp`.
    pub(crate) fn upstreams_with(&self, signer: Arc<dyn Signer>) -> Upstreams {
        Upstreams::with_signers(Arc::new(self.clone()), [("corp".to_owned(), signer)].into())
    }

    /// What was asked for, in order.
    pub(crate) fn fetched(&self) -> Vec<String> {
        self.state().fetched.iter().map(|(url, _)| url.clone()).collect()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// From now on it says this.
    pub(crate) fn say(&self, claims: Value) {
        self.state().claims = claims;
    }

    /// Takes the parameters of an authorization request.
    pub(crate) fn visited(&self, nonce: String, challenge: String) {
        let mut state = self.state();
        (state.nonce, state.challenge) = (nonce, challenge);
    }

    /// So many seconds go by.
    pub(crate) fn advance(&self, seconds: i64) {
        self.state().now += seconds;
    }

    /// Another key signs from now on, and the old one is gone.
    pub(crate) fn rotate(&self) {
        let mut state = self.state();
        let id = format!("{}+", state.keys[0].0);
        state.keys = vec![(id, key())];
    }

    /// How often this address was asked.
    pub(crate) fn times(&self, path: &str) -> usize {
        self.state().fetched.iter().filter(|(url, _)| url.ends_with(path)).count()
    }

    /// Who chose this address, when it was last asked.
    pub(crate) fn chosen_by(&self, path: &str) -> Option<ChosenBy> {
        self.state().fetched.iter().rev().find(|(url, _)| url.ends_with(path)).map(|(_, by)| *by)
    }

    /// A token that the provider signs, whose header and payload are these bytes.
    pub(crate) fn sign_raw(&self, header: &[u8], payload: &[u8]) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = self.state().keys[0].1.sign(&random(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature))
    }

    /// The public keys, as the provider publishes them.
    pub(crate) fn jwks(&self) -> Vec<Value> {
        self.state().jwks()
    }

    /// The nonce of the last authorization request.
    pub(crate) fn nonce(&self) -> String {
        self.state().nonce.clone()
    }

    /// A token that the provider signs.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.state().sign(header, claims)
    }
}

impl State {
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let (id, pair) = &self.keys[0];
        let header = merged(json!({ "alg": "ES256", "kid": id }), header);
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = pair.sign(&random(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", self.signature.clone().unwrap_or_else(|| encode(signature)))
    }

    /// The public key as the text that a forger would take for a shared secret.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.keys[0].1.public_key().as_ref().to_vec()
    }

    fn jwks(&self) -> Vec<Value> {
        let jwk = |(id, pair): &(String, EcdsaKeyPair)| {
            let point = pair.public_key().as_ref();
            json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": encode(&point[1..33]), "y": encode(&point[33..]) })
        };
        self.keys.iter().map(jwk).collect()
    }

    /// Whether an assertion is one of this server for the token endpoint, by the rules of RFC 7523 3.
    fn proves(&mut self, keys: &Value, issuer: &str, assertion: &str) -> bool {
        let Ok(compact) = Compact::parse(assertion) else { return false };
        let header = TokenHeader::parse(&compact.header, SignatureAlgorithm::ALL).unwrap();
        let claims = Claims::parse(&compact.payload).unwrap();
        let keys = KeySet::parse(keys.to_string().as_bytes()).unwrap();
        let candidates = keys.candidates(&header, &claims);
        let is_signed = candidates.into_iter().any(|key| compact.is_signed_by(&key.material, header.algorithm));
        let is = |name: &str, text: &str| claims.text(name) == Ok(Some(text));
        let seconds = |name: &str| claims.instant(name).unwrap().unwrap().unix_timestamp();
        let id = claims.text("jti").unwrap().unwrap().to_owned();
        let is_first = !self.assertions.contains(&id);
        self.assertions.push(id);
        let is_short = seconds("exp") > self.now && seconds("exp") <= self.now + 300 && seconds("iat") <= self.now;
        let is_for_us = is("aud", &format!("{issuer}/token"));
        is_signed && is_first && is_short && is_for_us && is("iss", "doorward") && is("sub", "doorward")
    }

    fn token(&mut self, issuer: &str, form: &[(String, String)], authorization: Option<&str>) -> (u16, Value) {
        let field = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("doorward:s3cret"));
        let verifier = field("code_verifier").unwrap_or_default();
        let is_proven = encode(digest(&SHA256, verifier.as_bytes())) == self.challenge && verifier.len() >= 43;
        let is_known = match self.client_keys.clone() {
            None => authorization == Some(basic.as_str()),
            Some(keys) => {
                authorization.is_none()
                    && field("client_id") == Some("doorward")
                    && field("client_secret").is_none()
                    && field("client_assertion_type") == Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                    && self.proves(&keys, issuer, field("client_assertion").unwrap_or_default())
            }
        };
        if !is_known {
            return (401, json!({ "error": "invalid_client" }));
        }
        if field("code") != Some("the-code") || !is_proven {
            return (400, json!({ "error": "invalid_grant", "error_description": "<b>secret words</b>" }));
        }
        let claims = json!({
            "iss": issuer, "sub": "sub-1", "aud": "doorward", "iat": self.now, "exp": self.now + 300, "nonce": self.nonce,
        });
        let id_token = self.sign(&self.header, &merged(claims, &self.claims));
        let id_token = self.id_token.clone().unwrap_or(id_token);
        (200, json!({ "access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": id_token }))
    }
}

#[async_trait]
impl Fetch for FakeProvider {
    async fn fetch(&self, request: Request) -> Result<Answer, FetchError> {
        let mut state = self.state();
        state.fetched.push((request.url.clone(), request.chosen_by));
        if state.is_down {
            return Err(FetchError::new(FailureClass::Connection, "10.0.0.7 refuses"));
        }
        let answer = |status: u16, body: Value| {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            Ok(Answer { status, headers, body: Secret::new(body.to_string().into_bytes()) })
        };
        if let Some((_, content_type, body)) = state.raws.iter().find(|(url, ..)| *url == request.url) {
            let headers = vec![("content-type".to_owned(), (*content_type).to_owned())];
            return Ok(Answer { status: 200, headers, body: Secret::new(body.clone()) });
        }
        if let Some((_, body)) = state.others.iter().find(|(url, _)| *url == request.url) {
            return answer(200, body.clone());
        }
        let issuer = if request.url.starts_with(OTHER) { OTHER } else { PROVIDER };
        match (request.url.strip_prefix(issuer), &request.method) {
            (Some("/.well-known/openid-configuration"), Method::Get) => {
                let document = json!({
                    "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
                    "userinfo_endpoint": state.userinfo.is_some().then(|| format!("{issuer}/userinfo")),
                    "response_types_supported": ["code"], "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["ES256"],
                });
                answer(200, merged(document, &state.discovery))
            }
            (Some("/jwks"), Method::Get) => answer(200, json!({ "keys": state.jwks() })),
            (Some("/token"), Method::Post { body, .. }) => {
                let form: Vec<_> = url::form_urlencoded::parse(body.expose()).into_owned().collect();
                let given = request.headers.iter().find(|(name, _)| *name == "authorization");
                let (status, body) = state.token(issuer, &form, given.map(|(_, value)| value.expose().as_str()));
                answer(status, body)
            }
            (Some("/userinfo"), Method::Get) => answer(200, state.userinfo.clone().unwrap()),
            _ => Err(FetchError::new(FailureClass::Status, "404")),
        }
    }
}
