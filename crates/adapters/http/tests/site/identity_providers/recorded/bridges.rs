//! Amazon Cognito, Auth0 and `FusionAuth`: booleans as texts, an issuer with a slash, claims with addresses as names, an address in two
//! places.

use super::{Product, entry, follow_groups, groups, jwks, site, visit, waiting};
use doorward_domain::identity_providers::{Provider, ProviderKind};
use serde_json::{Value, json};

fn discovery(issuer: &str, base: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/oauth/token"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "jwks_uri": format!("{base}/jwks.json"),
        "response_types_supported": ["code", "token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

#[actix_web::test]
async fn cognito_writes_booleans_as_texts() {
    let (issuer, base) = (
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123",
        "https://acme.auth.eu-west-1.amazoncognito.com",
    );
    for (verified, status) in [("true", 307), ("false", 403)] {
        let product = Product::new(
            &format!("{issuer}/.well-known/openid-configuration"),
            discovery(issuer, base),
            jwks(&json!({})),
        );
        product.says(json!({
            "sub": "aaaaaaaa-bbbb-cccc-dddd-example", "cognito:groups": ["eng", "ops"], "iss": issuer, "cognito:username": "ann",
            "origin_jti": "aaaa", "aud": "doorward-client", "event_id": "64f5", "token_use": "id", "auth_time": 1_772_366_000,
            "email_verified": true, "email": "ann@acme.example",
        }));
        product.has(&format!("{base}/userinfo"), json!({
            "sub": "aaaaaaaa-bbbb-cccc-dddd-example", "email_verified": verified, "email": "ann@acme.example", "username": "ann",
        }));
        let (house, owner) = site(&product, |all| {
            all.oidc.providers = vec![Provider {
                kind: ProviderKind::Cognito,
                groups_claim: "cognito:groups".to_owned(),
                username_claim: "cognito:username".to_owned(),
                ..entry("cognito", issuer)
            }];
        })
        .await;
        follow_groups(&house, &owner, "cognito:groups").await;
        waiting(&house, &owner, "waiting", "ann@acme.example").await;
        let visited = visit(&house, &product, "/api/v2/users/oidc/cognito/callback").await;
        visited.expect(status);
        if status == 307 {
            let me = visited.me(&house).await;
            assert_eq!(me["username"], "waiting", "a word that is a text is one");
            assert_eq!(groups(&house, &owner, &me).await, ["eng", "ops"]);
        }
    }
}

#[actix_web::test]
async fn auth0_has_an_issuer_with_a_slash_and_claims_with_addresses_as_names() {
    let (issuer, base) = ("https://acme.eu.auth0.com/", "https://acme.eu.auth0.com");
    let claim = "https://acme.example/claims/groups";
    let url = "https://acme.eu.auth0.com/.well-known/openid-configuration";
    let product = Product::new(url, discovery(issuer, base), jwks(&json!({ "x5t": "abc" })));
    let says = |issuer: &str| {
        product.says(json!({
            claim: ["eng"], "nickname": "annlee", "name": "ann@acme.example", "picture": "https://s.gravatar.com/avatar/1.png",
            "updated_at": "2026-03-01T11:00:00.000Z", "email": "ann@acme.example", "email_verified": true, "iss": issuer,
            "aud": "doorward-client", "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "sid": "9QxA",
        }));
    };
    says(issuer);
    product.has(&format!("{base}/userinfo"), json!({ "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "nickname": "annlee", "email": "ann@acme.example", "email_verified": true }));
    let settings = |issuer: &str| Provider {
        groups_claim: claim.to_owned(),
        username_claim: "nickname".to_owned(),
        ..entry("auth0", issuer)
    };
    let (house, owner) = site(&product, |all| all.oidc.providers = vec![settings(issuer)]).await;
    follow_groups(&house, &owner, claim).await;
    let path = "/api/v2/users/oidc/auth0/callback";
    let me = visit(&house, &product, path).await.me(&house).await;
    assert_eq!(me["username"], "annlee");
    assert_eq!(groups(&house, &owner, &me).await, ["eng"], "the name of a claim is no path");
    says(base);
    visit(&house, &product, path).await.expect(400);
    // Whoever leaves the slash out is told by a page, and not by an account of somebody else.
    let (house, _owner) = site(&product, |all| all.oidc.providers = vec![settings(base)]).await;
    super::Browser::new(&house).get(path).await.expect(502);
}

#[actix_web::test]
async fn the_word_on_an_address_is_taken_from_where_the_address_is() {
    // `FusionAuth` has what it knows of the person at the endpoint, and what the application knows in the token.
    let issuer = "https://auth.acme.example";
    for (at_endpoint, is_linked) in [
        (json!({ "email": "ann@acme.example", "email_verified": true }), true),
        (json!({ "email": "ann@acme.example" }), false),
        (json!({ "email": "ann@acme.example", "email_verified": "unknown" }), false),
    ] {
        let product = Product::new(
            &format!("{issuer}/.well-known/openid-configuration"),
            discovery(issuer, issuer),
            jwks(&json!({})),
        );
        product.says(json!({
            "iss": issuer, "aud": "doorward-client", "sub": "3c219e58-ed0e-4b18-ad48-f4f92793ae32", "applicationId": "10000000",
            "authenticationType": "PASSWORD", "roles": [], "email": "private@home.example", "email_verified": true, "preferred_username": "ann",
        }));
        let mut userinfo = at_endpoint.clone();
        userinfo["sub"] = "3c219e58-ed0e-4b18-ad48-f4f92793ae32".into();
        product.has(&format!("{issuer}/userinfo"), userinfo);
        let (house, owner) = site(&product, |all| all.oidc.providers = vec![entry("fusion", issuer)]).await;
        waiting(&house, &owner, "waiting", "ann@acme.example").await;
        let visited = visit(&house, &product, "/api/v2/users/oidc/fusion/callback").await;
        assert_eq!(visited.answer.status == 307, is_linked, "{at_endpoint}: {}", visited.answer.body);
    }
}
