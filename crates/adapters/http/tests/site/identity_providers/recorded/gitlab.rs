//! GitLab.

use super::{Product, entry, follow_groups, groups, jwks, site, visit};
use doorward_domain::identity_providers::{Provider, ProviderKind};
use serde_json::{Value, json};

const ISSUER: &str = "https://gitlab.com";
const PATH: &str = "/api/v2/users/oidc/gitlab/callback";
const USERINFO: &str = "https://gitlab.com/oauth/userinfo";

fn product() -> Product {
    let discovery = json!({
        "issuer": ISSUER,
        "authorization_endpoint": "https://gitlab.com/oauth/authorize",
        "token_endpoint": "https://gitlab.com/oauth/token",
        "revocation_endpoint": "https://gitlab.com/oauth/revoke",
        "introspection_endpoint": "https://gitlab.com/oauth/introspect",
        "userinfo_endpoint": USERINFO,
        "jwks_uri": "https://gitlab.com/oauth/discovery/keys",
        "scopes_supported": ["api", "read_api", "read_user", "openid", "profile", "email"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": ["authorization_code", "password", "client_credentials", "device_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claim_types_supported": ["normal"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "sub_legacy", "name", "nickname", "preferred_username", "email", "email_verified", "website", "profile", "picture", "groups", "groups_direct"],
        "code_challenge_methods_supported": ["plain", "S256"],
    });
    let product = Product::new(&format!("{ISSUER}/.well-known/openid-configuration"), discovery, jwks(&json!({})));
    product.has(USERINFO, json!({
        "sub": "1234567", "name": "Ann Lee", "nickname": "ann.lee", "preferred_username": "ann.lee", "email": "ann@acme.example",
        "email_verified": true, "profile": "https://gitlab.com/ann.lee", "picture": "https://gitlab.com/uploads/avatar.png",
        "groups": ["acme", "acme-platform", "acme-docs"], "https://gitlab.org/claims/groups/owner": ["acme"],
    }));
    product
}

/// The ID token: of an older version without the address, or with it.
fn claims(more: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "1234567", "aud": "doorward-client", "auth_time": 1_772_366_000, "sub_legacy": "a3f0", "nickname": "ann.lee",
        "preferred_username": "ann.lee", "groups_direct": ["acme"],
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

#[actix_web::test]
async fn the_address_and_all_groups_are_at_the_userinfo_endpoint() {
    let with_address = json!({ "name": "Ann Lee", "email": "ann@acme.example", "email_verified": true });
    for more in [json!({}), with_address] {
        let product = product();
        product.says(claims(&more));
        let (house, owner) = site(&product, |all| {
            let groups_claim = "groups".to_owned();
            all.oidc.providers = vec![Provider { kind: ProviderKind::Gitlab, groups_claim, ..entry("gitlab", ISSUER) }];
        })
        .await;
        follow_groups(&house, &owner, "groups").await;
        let visited = visit(&house, &product, PATH).await;
        let me = visited.me(&house).await;
        assert_eq!((&me["email"], &me["name"]), (&json!("ann@acme.example"), &json!("Ann Lee")));
        assert_eq!(
            groups(&house, &owner, &me).await,
            ["acme", "acme-docs", "acme-platform"],
            "not those of `groups_direct`"
        );
        let links = house.get("/users/me/links", visited.session.as_deref().unwrap()).await.expect(200).json();
        assert_eq!(links[0]["subject"], "1234567", "a number as text");
    }
}
