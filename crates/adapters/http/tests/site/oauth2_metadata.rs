//! What the documents say, and what is served, are found out apart and compared.

use crate::client_keys::{self, Keys};
use crate::house::{House, ISSUER, house};
use crate::oauth2::{CHALLENGE, Client, VERIFIER, access_token, allow, client};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

/// The list that a document has under this name.
fn listed(document: &Value, member: &str) -> Vec<String> {
    let list = document[member].as_array().unwrap_or_else(|| panic!("{member} in {document}"));
    let mut list: Vec<_> = list.iter().map(|value| value.as_str().unwrap().to_owned()).collect();
    list.sort();
    list
}

fn sorted(list: Vec<&str>) -> Vec<String> {
    let mut list: Vec<_> = list.into_iter().map(str::to_owned).collect();
    list.sort();
    list
}

async fn document<S>(house: &House<S>, path: &str) -> Value
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    house.send(TestRequest::get().uri(path)).await.expect(200).json()
}

/// An authorization request in which one parameter has this value; the error of the redirect, if it is refused.
async fn authorize<S>(house: &House<S>, user: &str, client: &Client, change: (&str, &str)) -> Option<String>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let mut fields = vec![
        ("client_id", &*client.id),
        ("response_type", "code"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    fields.retain(|(name, _)| *name != change.0);
    fields.push(change);
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let answer = allow(house, user, &format!("/oauth2/authorize?{query}")).await;
    if change == ("response_mode", "form_post") {
        assert!(answer.expect(200).body.contains("name=\"code\""));
        return None;
    }
    let answer = answer.expect(302);
    assert_eq!(answer.redirected_with("iss").as_deref(), Some(ISSUER));
    let error = answer.redirected_with("error");
    assert_eq!(error.is_none(), answer.redirected_with("code").is_some());
    error
}

#[actix_web::test]
async fn the_metadata_says_what_the_authorization_endpoint_takes() {
    let house = house().await;
    let owner = house.owner().await;
    let client = client(&house, &owner, json!({})).await;
    let metadata = document(&house, "/.well-known/oauth-authorization-server").await;
    for (member, parameter, values) in [
        ("response_types_supported", "response_type", vec!["code", "token", "id_token", "none", "code token"]),
        (
            "response_modes_supported",
            "response_mode",
            vec!["query", "fragment", "form_post", "query.jwt", "web_message"],
        ),
        ("code_challenge_methods_supported", "code_challenge_method", vec!["S256", "plain", "S512", "s256"]),
    ] {
        let mut taken = Vec::new();
        for value in values {
            if authorize(&house, &owner, &client, (parameter, value)).await.is_none() {
                taken.push(value);
            }
        }
        assert_eq!(listed(&metadata, member), sorted(taken), "{member}");
    }
    let error = authorize(&house, &owner, &client, ("request_uri", "https://a.example/")).await;
    assert_eq!(error.as_deref(), Some("request_uri_not_supported"));
    assert_eq!(metadata["request_uri_parameter_supported"], false);
    // Of apps that have keys.
    let error = authorize(&house, &owner, &client, ("request", "e30.e30.e30")).await;
    assert_eq!(error.as_deref(), Some("request_not_supported"));
    assert_eq!(metadata["request_parameter_supported"], true);
    assert_eq!(
        listed(&metadata, "request_object_signing_alg_values_supported"),
        ["ES256", "ES384", "EdDSA", "PS256", "RS256"]
    );
    assert_eq!(metadata["pushed_authorization_request_endpoint"], format!("{ISSUER}/oauth2/par"));
    // Every answer above had it.
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    for name in listed(&metadata, "scopes_supported") {
        assert_eq!(authorize(&house, &owner, &client, ("scope", &name)).await, None, "{name}");
    }
    let all = listed(&metadata, "scopes_supported").join(" ");
    assert_eq!(authorize(&house, &owner, &client, ("scope", &all)).await, None);
    let thrice = format!("{all} {all} {all}");
    assert_eq!(authorize(&house, &owner, &client, ("scope", &thrice)).await, None);
}

#[actix_web::test]
async fn the_metadata_says_which_grants_and_client_authentication_there_are() {
    let house = house().await;
    let owner = house.owner().await;
    let private = client(&house, &owner, json!({ "service_account": true })).await;
    let app = json!({ "name": "public", "callback_url": crate::oauth2::CALLBACK, "public": true });
    let public = house.api(Method::POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let public = Client { id: public["id"].as_str().unwrap().to_owned(), secret: String::new() };
    let keys = Keys::new();
    let keyed = client_keys::app(&house, &owner, json!({ "jwks": keys.jwks() })).await;
    let keyed = Client { id: keyed, secret: String::new() };
    let metadata = document(&house, "/.well-known/oauth-authorization-server").await;

    let mut served = Vec::new();
    for grant in [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        let fields = [("grant_type", grant), ("code", "coder_a_b"), ("refresh_token", "coder_a_b")];
        let answer = house.form("/oauth2/tokens", &private.basic(), &fields).await;
        if answer.json()["error"] != "unsupported_grant_type" {
            served.push(grant);
        }
    }
    assert_eq!(listed(&metadata, "grant_types_supported"), sorted(served));

    for (endpoint, member) in [
        ("/oauth2/tokens", "token_endpoint_auth_methods_supported"),
        ("/oauth2/revoke", "revocation_endpoint_auth_methods_supported"),
        ("/oauth2/introspect", "introspection_endpoint_auth_methods_supported"),
    ] {
        let mut taken = Vec::new();
        for method in ["client_secret_basic", "client_secret_post", "none", "private_key_jwt", "client_secret_jwt"] {
            let asked = match method {
                "none" => &public,
                "private_key_jwt" => &keyed,
                _ => &private,
            };
            let assertion = if method == "private_key_jwt" {
                keys.good(&keyed.id)
            } else {
                keys.assertion(&asked.id, json!({ "alg": "HS256" }), json!({}))
            };
            let code = allow(&house, &owner, &asked.authorize(&[])).await.expect(302).redirected_with("code").unwrap();
            let mut fields = vec![
                ("grant_type", "authorization_code"),
                ("code", &*code),
                ("code_verifier", VERIFIER),
                ("token", "coder_unknown_token"),
            ];
            let mut header = String::new();
            match method {
                "client_secret_basic" => header = asked.basic(),
                "client_secret_post" => {
                    fields.extend([("client_id", &*asked.id), ("client_secret", &*asked.secret)]);
                }
                "none" => fields.push(("client_id", &*asked.id)),
                _ => fields.extend([
                    ("client_id", &*asked.id),
                    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                    ("client_assertion", &*assertion),
                ]),
            }
            if house.form(endpoint, &header, &fields).await.status.is_success() {
                taken.push(method);
            }
        }
        assert_eq!(listed(&metadata, member), sorted(taken), "{member}");
        let algorithms = listed(&metadata, &member.replace("methods", "signing_alg_values"));
        assert_eq!(algorithms, ["ES256", "ES384", "EdDSA", "PS256", "RS256"]);
    }
}

#[actix_web::test]
async fn a_refused_request_names_the_document_of_its_own_url() {
    let house = house().await;
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let robot = client(&house, &owner, json!({})).await;
    let narrow = access_token(&house, &owner, &robot, &[("scope", "workspace:read")]).await;
    for (path, token, status) in [
        ("/api/v2/users/me", "", 401),
        ("/api/v2/users/me?coder_session_token=nonsense", "", 401),
        ("/api/v2/users/me", "nonsense", 401),
        ("/api/v2/users/a%20b/roles", "", 401),
        ("/api/v2/oauth2-provider/apps", &*narrow, 403),
    ] {
        let mut request = TestRequest::get().uri(path);
        if !token.is_empty() {
            request = request.insert_header(("Authorization", format!("Bearer {token}")));
        }
        let refused = house.send(request).await.expect(status);
        let challenge = refused.header("www-authenticate").to_owned();
        let (_, url) = challenge.split_once("resource_metadata=\"").unwrap();
        let url = url.split('"').next().unwrap().strip_prefix(ISSUER).unwrap();
        let asked = path.split('?').next().unwrap();
        assert_eq!(url, format!("/.well-known/oauth-protected-resource{asked}"));
        let found = document(&house, url).await;
        assert_eq!(found["resource"], format!("{ISSUER}{asked}"), "the URL that was asked (RFC 9728 3.3)");
        assert_eq!(found["authorization_servers"], json!([ISSUER]));
        // A token that is asked for as the document says is good there.
        let token = access_token(&house, &owner, &robot, &[("resource", found["resource"].as_str().unwrap())]).await;
        house.get("/users/me", &token).await.expect(200);
    }
}

#[actix_web::test]
async fn the_documents_of_resources_say_how_a_token_is_sent_and_which_scopes_matter() {
    let house = house().await;
    let owner = house.owner().await;
    let robot = client(&house, &owner, json!({})).await;
    let token = access_token(&house, &owner, &robot, &[]).await;
    let found = document(&house, "/.well-known/oauth-protected-resource").await;
    let header = TestRequest::get().uri("/api/v2/users/me").insert_header(("Authorization", format!("Bearer {token}")));
    let query = TestRequest::get().uri(&format!("/api/v2/users/me?access_token={token}"));
    let body = TestRequest::get().uri("/api/v2/users/me").set_payload(format!("access_token={token}"));
    let body = body.insert_header(("Content-Type", "application/x-www-form-urlencoded"));
    let mut taken = Vec::new();
    for (method, request) in [("header", header), ("query", query), ("body", body)] {
        if house.send(request).await.status.is_success() {
            taken.push(method);
        }
    }
    assert_eq!(listed(&found, "bearer_methods_supported"), sorted(taken));
    assert_eq!(found["resource"], ISSUER);
    let metadata = document(&house, "/.well-known/oauth-authorization-server").await;
    let mut of_server = listed(&metadata, "scopes_supported");
    of_server
        .retain(|name| !["openid", "profile", "email", "groups", "roles", "offline_access"].contains(&name.as_str()));
    assert_eq!(listed(&found, "scopes_supported"), of_server, "these are no scopes of a resource");
    assert_eq!(of_server.len() + 6, listed(&metadata, "scopes_supported").len());
}
