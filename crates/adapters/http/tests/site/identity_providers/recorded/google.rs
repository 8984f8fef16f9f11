//! Google.

use super::{Product, entry, jwks, site, visit, waiting};
use doorward_domain::identity_providers::{Provider, ProviderKind};
use doorward_ports::fetch::ChosenBy;
use serde_json::{Value, json};

const ISSUER: &str = "https://accounts.google.com";
const PATH: &str = "/api/v2/users/oidc/google/callback";
const USERINFO: &str = "https://openidconnect.googleapis.com/v1/userinfo";
const KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
const TOKEN: &str = "https://oauth2.googleapis.com/token";

fn product() -> Product {
    let discovery = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth",
        "device_authorization_endpoint": "https://oauth2.googleapis.com/device/code",
        "token_endpoint": TOKEN,
        "userinfo_endpoint": USERINFO,
        "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
        "jwks_uri": KEYS,
        "response_types_supported": ["code", "token", "id_token", "code token", "code id_token", "token id_token", "code token id_token", "none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss", "name", "picture", "sub"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "grant_types_supported": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
    });
    let product = Product::new(&format!("{ISSUER}/.well-known/openid-configuration"), discovery, jwks(&json!({})));
    product.says(claims(json!({})));
    product.has(USERINFO, userinfo(json!({})));
    product
}

fn extended(mut claims: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    for (name, value) in more {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(&name)
        } else {
            claims.as_object_mut().unwrap().insert(name, value)
        };
    }
    claims
}

fn claims(more: Value) -> Value {
    let claims = json!({
        "iss": ISSUER, "azp": "doorward-client", "aud": "doorward-client", "sub": "110169484474386276334", "hd": "acme.example",
        "email": "ann@acme.example", "email_verified": true,
    });
    extended(claims, more)
}

fn userinfo(more: Value) -> Value {
    let answer = json!({
        "sub": "110169484474386276334", "name": "Ann Lee", "given_name": "Ann", "family_name": "Lee", "hd": "acme.example",
        "picture": "https://lh3.googleusercontent.com/a/photo=s96-c", "email": "ann@acme.example", "email_verified": true, "locale": "en",
    });
    extended(answer, more)
}

fn settings() -> Provider {
    Provider {
        kind: ProviderKind::Google,
        authorize_parameters: [("access_type".to_owned(), "offline".to_owned())].into(),
        ..entry("google", ISSUER)
    }
}

#[actix_web::test]
async fn the_issuer_is_written_with_and_without_scheme() {
    let product = product();
    let (house, _owner) = site(&product, |all| all.oidc.providers = vec![settings()]).await;
    let visited = visit(&house, &product, PATH).await;
    assert_eq!(
        (visited.sent["access_type"].as_str(), visited.place.as_str()),
        ("offline", "https://accounts.google.com/o/oauth2/v2/auth")
    );
    let me = visited.me(&house).await;
    assert_eq!(
        (&me["name"], &me["avatar_url"]),
        (&json!("Ann Lee"), &json!("https://lh3.googleusercontent.com/a/photo=s96-c"))
    );
    product.says(claims(json!({ "iss": "accounts.google.com" })));
    assert_eq!(visit(&house, &product, PATH).await.me(&house).await["id"], me["id"], "the same account");
    product.says(claims(json!({ "iss": "https://accounts.google.com.evil.example" })));
    visit(&house, &product, PATH).await.expect(400);
    // Google has its endpoints at other hosts than the issuer, which must be public, and are.
    for url in [TOKEN, KEYS, USERINFO] {
        let (host, _) = url.trim_start_matches("https://").split_once('/').unwrap();
        assert!(product.asked(url).is_some() && product.chosen_by(host) == Some(ChosenBy::Trusted), "{url}");
    }
    assert_eq!(product.chosen_by("accounts.google.com"), Some(ChosenBy::Operator));
}

#[actix_web::test]
async fn the_workspace_is_that_of_the_claim() {
    let product = product();
    let (house, _owner) = site(&product, |all| {
        all.oidc.providers = vec![Provider { email_domains: vec!["acme.example".to_owned()], ..settings() }];
    })
    .await;
    visit(&house, &product, PATH).await.expect(307);
    // Somebody has opened a private account with an address of the company, or sits in another Workspace.
    for hd in [json!(null), json!("evil.example")] {
        let more = json!({ "sub": "2", "hd": hd });
        product.says(claims(more.clone()));
        product.has(USERINFO, userinfo(more));
        visit(&house, &product, PATH).await.expect(403);
    }
}

#[actix_web::test]
async fn only_addresses_that_google_rules_link_accounts() {
    for (email, hd, status) in [
        ("ann@acme.example", json!(null), 403),
        ("ann@acme.example", json!("acme.example"), 307),
        ("ann@gmail.com", json!(null), 307),
    ] {
        let product = product();
        let (house, owner) = site(&product, |all| all.oidc.providers = vec![settings()]).await;
        waiting(&house, &owner, "waiting", email).await;
        let more = json!({ "email": email, "hd": hd });
        product.says(claims(more.clone()));
        product.has(USERINFO, userinfo(more));
        visit(&house, &product, PATH).await.expect(status);
    }
}
