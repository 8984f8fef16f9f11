//! The `oauth2` crate as a client: metadata, code with PKCE, refresh, introspection, revocation, errors.

use crate::client::{Api, PASSWORD, REDIRECT, Site, on_both, query};
use oauth2::basic::BasicClient;
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IntrospectionUrl, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, RevocationUrl,
    Scope, StandardRevocableToken, TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};
use serde_json::json;
use std::error::Error;

/// The crate revokes over https only; the test server speaks http on loopback.
fn http(mut request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let plain = request.uri().to_string().replace("https://127.0.0.1", "http://127.0.0.1");
    *request.uri_mut() = plain.parse().unwrap();
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
    let response = config.new_agent().run(request)?;
    let (parts, mut body) = response.into_parts();
    Ok(HttpResponse::from_parts(parts, body.read_to_vec()?))
}

/// The browser's part: the owner, signed in, presses Allow.
fn allow(api: &Api, url: &url::Url) -> (String, String) {
    let path = format!("{}?{}", url.path(), url.query().unwrap());
    let answer = api.post(&path, &json!({}));
    assert_eq!(answer.status, 302, "{}", answer.text);
    let location = answer.location.unwrap();
    assert_eq!(query(&location, "iss").as_deref(), Some(api.url.as_str()));
    (query(&location, "code").unwrap(), query(&location, "state").unwrap())
}

fn whole_flow(site: &Site, auth: AuthType) -> Result<(), Box<dyn Error>> {
    let app = site.api.register(&json!({}));
    let metadata = site.api.get("/.well-known/oauth-authorization-server").json();
    let endpoint = |name: &str| metadata[name].as_str().unwrap().to_owned();
    let client = BasicClient::new(ClientId::new(app.id.clone()))
        .set_client_secret(ClientSecret::new(app.secret.clone().unwrap()))
        .set_auth_type(auth)
        .set_auth_uri(AuthUrl::new(endpoint("authorization_endpoint"))?)
        .set_token_uri(TokenUrl::new(endpoint("token_endpoint"))?)
        .set_revocation_url(RevocationUrl::new(endpoint("revocation_endpoint").replace("http://", "https://"))?)
        .set_introspection_url(IntrospectionUrl::new(endpoint("introspection_endpoint"))?)
        .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned())?);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("user:read".to_owned()))
        .add_scope(Scope::new("workspace:read".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let (code, returned) = allow(&site.api, &url);
    assert_eq!(&returned, state.secret());

    let wrong = PkceCodeVerifier::new("x".repeat(43));
    let refused = client.exchange_code(AuthorizationCode::new(code.clone())).set_pkce_verifier(wrong).request(&http);
    assert!(
        matches!(&refused, Err(RequestTokenError::ServerResponse(e)) if e.error().as_ref() == "invalid_grant"),
        "{refused:?}"
    );

    let tokens = client.exchange_code(AuthorizationCode::new(code)).set_pkce_verifier(verifier).request(&http)?;
    assert!(tokens.expires_in().is_some_and(|left| left.as_secs() > 3600));
    assert_eq!(tokens.scopes().map(Vec::len), Some(2));
    let access: &AccessToken = tokens.access_token();
    let me = site.api.get_with_bearer("/api/v2/users/me", access.secret());
    assert_eq!(me.json()["username"], "owner");
    // The scope allows reading only, whatever the owner may do.
    let listed = site.api.get_with_bearer("/api/v2/oauth2-provider/apps", access.secret());
    assert_eq!(listed.status, 403, "{}", listed.text);

    let facts = client.introspect(access).request(&http)?;
    assert!(facts.active());
    assert_eq!((facts.username(), facts.client_id().map(|id| id.as_str())), (Some("owner"), Some(app.id.as_str())));

    let refresh: &RefreshToken = tokens.refresh_token().unwrap();
    let next = client.exchange_refresh_token(refresh).request(&http)?;
    assert!(!client.introspect(access).request(&http)?.active());
    assert!(client.introspect(next.access_token()).request(&http)?.active());
    let wider = client
        .exchange_refresh_token(next.refresh_token().unwrap())
        .add_scope(Scope::new("user:create".to_owned()))
        .request(&http);
    assert!(
        matches!(&wider, Err(RequestTokenError::ServerResponse(e)) if e.error().as_ref() == "invalid_scope"),
        "{wider:?}"
    );

    client.revoke_token(StandardRevocableToken::RefreshToken(next.refresh_token().unwrap().clone()))?.request(&http)?;
    assert!(!client.introspect(next.access_token()).request(&http)?.active());
    assert!(!site.api.is_live(next.access_token().secret()));
    let gone = client.exchange_refresh_token(next.refresh_token().unwrap()).request(&http);
    assert!(
        matches!(&gone, Err(RequestTokenError::ServerResponse(e)) if e.error().as_ref() == "invalid_grant"),
        "{gone:?}"
    );
    Ok(())
}

#[test]
fn the_whole_flow_with_basic_and_with_credentials_in_the_body() {
    on_both(
        |b| b,
        |site| {
            whole_flow(site, AuthType::BasicAuth).unwrap();
            whole_flow(site, AuthType::RequestBody).unwrap();
        },
    );
}

#[test]
fn client_credentials_act_as_the_service_account() {
    on_both(
        |b| b,
        |site| {
            let plain = site.api.register(&json!({}));
            let refused = site.api.token(&plain, &[("grant_type", "client_credentials")]);
            assert_eq!((refused.status.as_u16(), refused.json()["error"].as_str()), (400, Some("unauthorized_client")));

            let robot = site.api.register(&json!({"name": "robot", "service_account": true}));
            let answer = site.api.token(&robot, &[("grant_type", "client_credentials")]);
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert!(answer.json().get("refresh_token").is_none());
            let token = answer.json()["access_token"].as_str().unwrap().to_owned();
            let me = site.api.get_with_bearer("/api/v2/users/me", &token).json();
            assert_eq!(me["login_type"], "none");
            assert_eq!(site.api.get_with_bearer("/api/v2/users", &token).json()["count"], 1, "it sees only itself");
            let account = me["id"].as_str().unwrap();
            let owner = site.api.put(&format!("/api/v2/users/{account}/roles"), &json!({"roles": ["owner"]}));
            assert_eq!(owner.status, 200, "{}", owner.text);
            let seen = site.api.get_with_bearer("/api/v2/users", &token).json();
            assert_eq!(seen["count"], 2, "roles given to it act on the next request: {seen}");
            let login = site.api.post("/api/v2/users/login", &json!({"email": me["email"], "password": PASSWORD}));
            assert_eq!(login.status, 400, "nobody signs in as a service account, which has no address");
        },
    );
}

#[test]
fn a_token_bound_to_another_resource_is_refused_here_and_known_to_its_resource_server() {
    on_both(
        |b| b,
        |site| {
            let client = site.api.register(&json!({"public": true}));
            let server = site.api.register(&json!({"name": "mcp-server", "resources": ["https://mcp.example/mcp"]}));
            let code = site.api.code(&client, "&resource=https%3A%2F%2Fmcp.example%2Fmcp");
            let fields =
                [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::client::VERIFIER)];
            let answer = site.api.token(&client, &fields);
            let access = answer.json()["access_token"].as_str().unwrap().to_owned();
            let refused = site.api.get_with_bearer("/api/v2/users/me", &access);
            assert_eq!(refused.status, 401);
            assert!(refused.text.contains("audience"), "{}", refused.text);
            let secret = server.secret.as_deref().unwrap();
            let fields = [("client_id", &*server.id), ("client_secret", secret), ("token", &*access)];
            let facts = site.api.form("/oauth2/introspect", &fields).json();
            assert_eq!((&facts["active"], &facts["aud"]), (&json!(true), &json!("https://mcp.example/mcp")));
            let stranger = site.api.register(&json!({"name": "stranger"}));
            let secret = stranger.secret.as_deref().unwrap();
            let fields = [("client_id", &*stranger.id), ("client_secret", secret), ("token", &*access)];
            assert_eq!(site.api.form("/oauth2/introspect", &fields).text.trim(), "{\"active\":false}");
        },
    );
}

#[test]
fn a_limited_key_cannot_consent_to_more_than_it_may_do() {
    on_both(
        |b| b,
        |site| {
            let client = site.api.register(&json!({}));
            let scopes = json!({"scopes": ["oauth2_app_code_token:create", "user:read"]});
            let limited = site.api.post("/api/v2/users/me/keys/tokens", &scopes);
            let limited = limited.json()["key"].as_str().unwrap().to_owned();
            let api = site.api.with(&limited);
            let ask = |scope: &str| {
                let path = format!(
                    "/oauth2/authorize?response_type=code&client_id={}&code_challenge={}{scope}",
                    client.id,
                    crate::client::CHALLENGE
                );
                let answer = api.post(&path, &json!({}));
                assert_eq!(answer.status, 302, "{}", answer.text);
                query(&answer.location.unwrap(), "error")
            };
            assert_eq!(ask("").as_deref(), Some("access_denied"), "nothing asked means everything");
            assert_eq!(ask("&scope=user:read%20workspace:read").as_deref(), Some("access_denied"));
            assert_eq!(ask("&scope=user:read"), None);
        },
    );
}

#[test]
fn a_repeated_refresh_tells_what_the_token_can_do() {
    on_both(
        |b| b,
        |site| {
            let client = site.api.register(&json!({"public": true}));
            let code = site.api.code(&client, "&scope=user:read%20workspace:read");
            let fields =
                [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", crate::client::VERIFIER)];
            let refresh = site.api.token(&client, &fields).json()["refresh_token"].as_str().unwrap().to_owned();
            let narrow = [("grant_type", "refresh_token"), ("refresh_token", &*refresh), ("scope", "user:read")];
            assert_eq!(site.api.token(&client, &narrow).json()["scope"], "user:read");
            assert_eq!(site.api.refresh(&client, &refresh).json()["scope"], "user:read");
        },
    );
}
