//! Products as they answer: their discovery documents, keys, tokens and other answers, each signed in to through the whole site.
//!
//! The answers are written down from what the products' documents say of them. Where they differ from the standard and from each other,
//! the tests assert what comes of it. They are given by servers on a network in memory, by TLS, and asked for by the very way out that the
//! product has.

mod bridges;
mod entra;
mod github;
mod gitlab;
mod google;
mod keycloak;
mod network;
mod okta;

use super::Browser;
use crate::house::{Answer, House, NOW, house_beside};
use crate::public_keys;
use actix_http::Request as HttpRequest;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_domain::Secret;
use doorward_domain::identity_providers::Provider;
use doorward_ports::fetch::ChosenBy;
use doorward_services::Settings;
use doorward_services::identity_providers::Upstreams;
use network::Authority;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// The key with which the product signs, as it names it.
const KEY: &str = "2026-key";

/// What this server has asked.
#[derive(Clone, Debug)]
struct Asked {
    url: String,
    headers: BTreeMap<String, String>,
    form: BTreeMap<String, String>,
}

/// A product.
struct State {
    /// Where codes become tokens.
    token_endpoint: String,
    /// The claims of the ID token, but for the nonce and the times; none at GitHub.
    id_token: Option<Value>,
    /// What the token endpoint says besides.
    token: Value,
    /// Members of the header of tokens besides.
    header: Value,
    /// Documents by their addresses.
    documents: BTreeMap<String, Value>,
    nonce: String,
    challenge: String,
    asked: Vec<Asked>,
    /// The hosts that were looked for, each at an address of its own, and who chose them.
    hosts: Vec<(String, ChosenBy)>,
}

#[derive(Clone)]
struct Product {
    state: Arc<Mutex<State>>,
    authority: Arc<Authority>,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with the signature of the key, RS256.
fn signed(header: &Value, claims: &Value) -> String {
    let mut whole = json!({ "alg": "RS256", "typ": "JWT", "kid": KEY });
    whole.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
    let signed = format!("{}.{}", encode(whole.to_string()), encode(claims.to_string()));
    let key = public_keys::rsa_key();
    let mut signature = vec![0; key.public().modulus_len()];
    #[expect(clippy::disallowed_methods, reason = "the randomness of a test")]
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", encode(signature))
}

/// The keys, as the product publishes them, with members that it adds to each.
fn jwks(more: &Value) -> Value {
    let mut key = public_keys::rsa(KEY);
    key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    // Products have several.
    json!({ "keys": [public_keys::p256("older-key"), key] })
}

impl Product {
    /// One with this discovery document.
    fn new(discovery_url: &str, discovery: Value, keys: Value) -> Self {
        let token_endpoint = discovery["token_endpoint"].as_str().unwrap().to_owned();
        let keys_url = discovery["jwks_uri"].as_str().unwrap().to_owned();
        let documents = [(discovery_url.to_owned(), discovery), (keys_url, keys)].into();
        let state = State {
            token_endpoint,
            id_token: Some(json!({})),
            token: json!({ "access_token": "the-access-token", "token_type": "Bearer", "expires_in": 3599 }),
            header: json!({}),
            documents,
            nonce: String::new(),
            challenge: String::new(),
            asked: Vec::new(),
            hosts: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), authority: Arc::new(Authority::new()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on, ID tokens say this.
    fn says(&self, claims: Value) {
        self.state().id_token = Some(claims);
    }

    /// From now on, this is at this address.
    fn has(&self, url: &str, document: Value) {
        self.state().documents.insert(url.to_owned(), document);
    }

    /// From now on, nothing is there.
    fn lacks(&self, url: &str) {
        self.state().documents.remove(url);
    }

    /// The last request to this address.
    fn asked(&self, url: &str) -> Option<Asked> {
        self.state().asked.iter().rev().find(|asked| asked.url == url).cloned()
    }

    /// Who chose this host, when it was last asked.
    fn chosen_by(&self, host: &str) -> Option<ChosenBy> {
        self.state().hosts.iter().find(|(known, _)| known == host).map(|(_, chosen_by)| *chosen_by)
    }
}

impl State {
    fn tokens(&self, form: &BTreeMap<String, String>) -> Value {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        assert_eq!((field("grant_type"), field("code")), ("authorization_code", "the-code"));
        assert_eq!(encode(digest(&SHA256, field("code_verifier").as_bytes())), self.challenge, "the verifier");
        let mut answer = self.token.clone();
        if let Some(claims) = &self.id_token {
            let now = NOW.unix_timestamp();
            let mut all = json!({ "iat": now, "exp": now + 3600, "nonce": self.nonce });
            all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            answer["id_token"] = signed(&self.header, &all).into();
        }
        answer
    }

    /// What is answered; nothing is 404.
    fn answer(&self, asked: &Asked) -> Option<Value> {
        if asked.form.is_empty() {
            return self.documents.get(&asked.url).cloned();
        }
        (asked.url == self.token_endpoint).then(|| self.tokens(&asked.form))
    }
}

/// A site with this product as provider, and its owner.
async fn site(
    product: &Product,
    change: impl FnOnce(&mut Settings),
) -> (House<impl Service<HttpRequest, Response = ServiceResponse<BoxBody>, Error = Error>>, String) {
    let house = house_beside(Upstreams::new(Arc::new(product.outbound())), change).await;
    let owner = house.owner().await;
    (house, owner)
}

/// The entry of a product in the settings, as the documentation has it.
fn entry(name: &str, issuer: &str) -> Provider {
    Provider {
        name: name.to_owned(),
        issuer: issuer.to_owned(),
        client_id: "doorward-client".to_owned(),
        client_secret: Secret::from("the+secret/"),
        ..Provider::default()
    }
}

/// What a browser has met on the way.
struct Visit {
    /// The parameters of the authorization request, with its address before `?`.
    place: String,
    sent: BTreeMap<String, String>,
    answer: Answer,
    /// The session, if there is one.
    session: Option<String>,
}

/// Signs in at this path.
async fn visit<S>(house: &House<S>, product: &Product, path: &str) -> Visit
where
    S: Service<HttpRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    visit_with(house, product, path, &[]).await
}

/// The same, when the product sends these parameters back besides code and state.
async fn visit_with<S>(house: &House<S>, product: &Product, path: &str, more: &[(&str, &str)]) -> Visit
where
    S: Service<HttpRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let mut browser = Browser::new(house);
    let sent = browser.get(path).await.expect(307);
    let location = url::Url::parse(sent.header("location")).unwrap();
    let (place, _) = sent.header("location").split_once('?').unwrap();
    let place = place.to_owned();
    let sent: BTreeMap<_, _> = location.query_pairs().into_owned().collect();
    assert_eq!(sent["code_challenge_method"], "S256");
    {
        let mut state = product.state();
        state.challenge.clone_from(&sent["code_challenge"]);
        state.nonce = sent.get("nonce").cloned().unwrap_or_default();
    }
    let pairs = [("code", "the-code"), ("state", sent["state"].as_str())].into_iter().chain(more.iter().copied());
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let answer = browser.get(&format!("{path}?{query}")).await;
    Visit { place, answer, session: browser.session(), sent }
}

impl Visit {
    /// Who has signed in.
    async fn me<S>(&self, house: &House<S>) -> Value
    where
        S: Service<HttpRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    {
        assert_eq!(self.answer.status, 307, "{}", self.answer.body);
        house.get("/users/me", self.session.as_deref().unwrap()).await.expect(200).json()
    }

    /// The status of the answer that was expected.
    #[track_caller]
    fn expect(&self, status: u16) -> &str {
        assert_eq!(self.answer.status.as_u16(), status, "{}", self.answer.body);
        &self.answer.body
    }
}

/// What the header `Authorization` says for the client.
fn basic() -> String {
    format!("Basic {}", STANDARD.encode("doorward-client:the%2Bsecret%2F"))
}

/// Lets groups of the default organization follow this claim, and makes those that are missing.
async fn follow_groups<S>(house: &House<S>, owner: &str, claim: &str)
where
    S: Service<HttpRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let settings = json!({ "field": claim, "auto_create_missing_groups": true });
    let path = "/organizations/coder/settings/idpsync/groups";
    house.api(actix_web::http::Method::PATCH, path, owner, settings).await.expect(200);
}

/// The names of the groups of a user, without Everyone.
async fn groups<S>(house: &House<S>, owner: &str, user: &Value) -> Vec<String>
where
    S: Service<HttpRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let path = format!("/groups?has_member={}", user["username"].as_str().unwrap());
    let found = house.get(&path, owner).await.expect(200).json();
    let names = found.as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap().to_owned());
    let mut names: Vec<_> = names.filter(|name| name != "Everyone").collect();
    names.sort();
    names
}

/// Makes a user who waits for a sign-in with OpenID Connect.
async fn waiting<S>(house: &House<S>, owner: &str, name: &str, email: &str)
where
    S: Service<HttpRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let organizations = house.get("/users/me/organizations", owner).await.json();
    let user = json!({
        "email": email, "username": name, "login_type": "oidc", "organization_ids": [organizations[0]["id"]],
    });
    house.api(actix_web::http::Method::POST, "/users", owner, user).await.expect(201);
}
