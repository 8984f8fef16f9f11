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
