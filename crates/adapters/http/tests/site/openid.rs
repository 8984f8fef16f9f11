//! This server as a provider of OpenID Connect. Tests have the names of the modules of the certification suite where there is one.

mod asking;
mod basic;
mod keys;
mod logout;
mod userinfo;

use crate::house::{Answer, House, ISSUER};
use crate::oauth2::{Client, VERIFIER, allow, client};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use doorward_domain::identity_providers::{Claims, Compact, KeySet, SignatureAlgorithm, TokenHeader};
use serde_json::{Value, json};

pub(crate) const CALLBACK: &str = "https://app.example/cb";

/// A client whose answers go to a site, so that what users allow is remembered.
pub(crate) async fn relying_party<S>(house: &House<S>, owner: &str) -> Client
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    client(house, owner, json!({ "callback_url": CALLBACK })).await
}

/// Looks at the authorization endpoint with this session.
pub(crate) async fn ask<S>(house: &House<S>, session: &str, uri: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let request = TestRequest::get().uri(uri);
    let request = if session.is_empty() { request } else { request.insert_header(("Coder-Session-Token", session)) };
    house.send(request).await
}

/// Exchanges a code.
pub(crate) async fn exchange<S>(house: &House<S>, client: &Client, code: &str) -> Answer
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let fields = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
    house.form("/oauth2/tokens", &client.basic(), &fields).await
}

/// The tokens of a client to which this user allows what `more` asks for.
pub(crate) async fn tokens<S>(house: &House<S>, session: &str, client: &Client, more: &[(&str, &str)]) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let code = allow(house, session, &client.authorize(more)).await.expect(302).redirected_with("code").unwrap();
    exchange(house, client, &code).await.expect(200).json()
}

/// What an ID token says, which must be signed by a published key.
pub(crate) async fn claims_of<S>(house: &House<S>, token: &Value) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let compact = Compact::parse(token.as_str().unwrap()).unwrap();
    let header = TokenHeader::parse(&compact.header, SignatureAlgorithm::ALL).unwrap();
    assert!(header.key_id.is_some());
    let claims = Claims::parse(&compact.payload).unwrap();
    let keys = house.send(TestRequest::get().uri("/oauth2/jwks")).await.expect(200);
    let set = KeySet::parse(keys.body.as_bytes()).unwrap();
    let key = set.candidates(&header, &claims)[0].material.clone();
    assert!(compact.is_signed_by(&key, header.algorithm));
    let claims = Value::Object(claims.into_members());
    assert_eq!(claims["iss"], ISSUER);
    claims
}

/// The modules of the certification suite that concern what is built: Config OP, and Basic OP with the code flow.
const MODULES: &str = "\
    oidcc-discovery-endpoint-verification oidcc-server oidcc-alternate-happy-flow oidcc-response-type-missing \
    oidcc-idtoken-signature oidcc-idtoken-unsigned oidcc-userinfo-get oidcc-userinfo-post-header oidcc-userinfo-post-body \
    oidcc-ensure-request-without-nonce-succeeds-for-code-flow oidcc-scope-profile oidcc-scope-email oidcc-scope-address \
    oidcc-scope-phone oidcc-scope-all oidcc-display-page oidcc-display-popup oidcc-ui-locales oidcc-claims-locales \
    oidcc-login-hint oidcc-ensure-request-with-unknown-parameter-succeeds oidcc-prompt-login \
    oidcc-prompt-none-not-logged-in oidcc-prompt-none-logged-in oidcc-max-age-1 oidcc-max-age-10000 oidcc-id-token-hint \
    oidcc-ensure-request-with-acr-values-succeeds oidcc-codereuse oidcc-codereuse-30seconds \
    oidcc-ensure-registered-redirect-uri oidcc-ensure-post-request-succeeds oidcc-server-client-secret-post \
    oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported \
    oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported \
    oidcc-ensure-request-object-with-redirect-uri oidcc-claims-essential oidcc-refresh-token \
    oidcc-ensure-request-with-valid-pkce-succeeds";

#[test]
fn each_module_of_the_certification_suite_is_a_test_of_that_name() {
    let tests = [
        include_str!("openid/asking.rs"),
        include_str!("openid/basic.rs"),
        include_str!("openid/keys.rs"),
        include_str!("openid/userinfo.rs"),
    ];
    for module in MODULES.split_whitespace() {
        let function = format!("#[actix_web::test]\nasync fn {}() {{", module.replace('-', "_"));
        assert!(tests.iter().any(|tests| tests.contains(&function)), "{module}");
    }
}
