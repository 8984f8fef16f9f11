//! Okta.

use super::{Product, entry, follow_groups, groups, jwks, site, visit};
use doorward_domain::identity_providers::{Provider, ProviderKind};
use serde_json::{Value, json};

const ORG: &str = "https://acme.okta.com";
const CUSTOM: &str = "https://acme.okta.com/oauth2/default";
const PATH: &str = "/api/v2/users/oidc/okta/callback";

/// The org server, or a custom server.
fn discovery(issuer: &str) -> Value {
    let base = if issuer == ORG { format!("{ORG}/oauth2/v1") } else { format!("{issuer}/v1") };
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "registration_endpoint": format!("{ORG}/oauth2/v1/clients"),
        "jwks_uri": format!("{base}/keys"),
        "response_types_supported": ["code", "id_token", "code id_token", "code token", "id_token token", "code id_token token"],
        "response_modes_supported": ["query", "fragment", "form_post", "okta_post_message"],
        "grant_types_supported": ["authorization_code", "implicit", "refresh_token", "password"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone", "offline_access", "groups"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"],
        "code_challenge_methods_supported": ["S256"],
        "end_session_endpoint": format!("{base}/logout"),
        "request_parameter_supported": true,
        "backchannel_token_delivery_modes_supported": ["poll"],
        "dpop_signing_alg_values_supported": ["RS256", "ES256"],
    })
}

fn product(issuer: &str) -> Product {
    let product =
        Product::new(&format!("{issuer}/.well-known/openid-configuration"), discovery(issuer), jwks(&json!({})));
    // With a code, the ID token is thin: all about the person is at the userinfo endpoint.
    product.says(json!({
        "ver": 1, "iss": issuer, "sub": "00u1pcla5qYIREDLWCQV", "aud": "doorward-client", "jti": "ID.Fg8rMmKLeDYTzFX",
        "amr": ["pwd", "mfa"], "idp": "00o1pbsxBnKbRhHKRZ15", "auth_time": 1_772_366_000, "preferred_username": "ann.lee@acme.example",
    }));
    product
}

fn settings(issuer: &str) -> Provider {
    let scopes = ["openid", "profile", "email", "groups"].map(str::to_owned).to_vec();
    Provider { kind: ProviderKind::Okta, scopes, groups_claim: "groups".to_owned(), ..entry("okta", issuer) }
}

#[actix_web::test]
async fn what_a_thin_token_leaves_out_is_at_the_userinfo_endpoint() {
    for issuer in [ORG, CUSTOM] {
        let product = product(issuer);
        let (house, owner) = site(&product, |all| all.oidc.providers = vec![settings(issuer)]).await;
        follow_groups(&house, &owner, "groups").await;
        let userinfo = discovery(issuer)["userinfo_endpoint"].as_str().unwrap().to_owned();
        // The claim has a filter, and about a hundred groups.
        let many: Vec<String> = (0..100).map(|n| format!("eng-{n:03}")).collect();
        product.has(&userinfo, json!({
            "sub": "00u1pcla5qYIREDLWCQV", "name": "Ann Lee", "nickname": "Ann", "given_name": "Ann", "family_name": "Lee",
            "locale": "en-US", "email": "ann.lee@acme.example", "email_verified": true, "preferred_username": "ann.lee@acme.example",
            "zoneinfo": "America/Los_Angeles", "updated_at": 1_772_000_000, "groups": many,
        }));
        let visited = visit(&house, &product, PATH).await;
        assert_eq!(visited.sent["scope"], "openid profile email groups");
        let me = visited.me(&house).await;
        assert_eq!(
            (&me["username"], &me["name"], &me["email"]),
            (&json!("annlee"), &json!("Ann Lee"), &json!("ann.lee@acme.example")),
        );
        assert_eq!(groups(&house, &owner, &me).await, many);
        assert_eq!(product.asked(&userinfo).unwrap().headers["authorization"], "Bearer the-access-token");
        // Without an answer about the person nobody is let in half-known.
        product.lacks(&userinfo);
        visit(&house, &product, PATH).await.expect(502);
        product.has(&userinfo, json!({ "sub": "00u2someoneelse", "email": "eve@acme.example" }));
        visit(&house, &product, PATH).await.expect(400);
    }
}

#[actix_web::test]
async fn the_org_server_is_not_the_custom_server() {
    let custom = product(CUSTOM);
    // The operator has written the one, and it answers as the other.
    custom.has(&format!("{ORG}/.well-known/openid-configuration"), discovery(CUSTOM));
    let (house, _owner) = site(&custom, |all| all.oidc.providers = vec![settings(ORG)]).await;
    super::Browser::new(&house).get(PATH).await.expect(502);
    // A token of the other one.
    let org = product(ORG);
    let (house, _owner) = site(&org, |all| all.oidc.providers = vec![settings(ORG)]).await;
    org.says(json!({ "iss": CUSTOM, "sub": "00u1pcla5qYIREDLWCQV", "aud": "doorward-client" }));
    visit(&house, &org, PATH).await.expect(400);
}
