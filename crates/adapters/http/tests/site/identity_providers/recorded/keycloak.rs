//! Keycloak.

use super::{Product, entry, follow_groups, groups, jwks, signed, site, visit};
use crate::house::NOW;
use doorward_domain::identity_providers::Provider;
use serde_json::{Value, json};

const ISSUER: &str = "https://sso.acme.example/realms/acme";
const PATH: &str = "/api/v2/users/oidc/keycloak/callback";

fn product() -> Product {
    let base = format!("{ISSUER}/protocol/openid-connect");
    let discovery = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{base}/auth"),
        "token_endpoint": format!("{base}/token"),
        "introspection_endpoint": format!("{base}/token/introspect"),
        "userinfo_endpoint": format!("{base}/userinfo"),
        "end_session_endpoint": format!("{base}/logout"),
        "frontchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "jwks_uri": format!("{base}/certs"),
        "check_session_iframe": format!("{base}/login-status-iframe.html"),
        "grant_types_supported": ["authorization_code", "implicit", "refresh_token", "password", "client_credentials"],
        "acr_values_supported": ["0", "1"],
        "response_types_supported": ["code", "none", "id_token", "token", "id_token token", "code id_token", "code token", "code id_token token"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["PS384", "RS384", "EdDSA", "ES384", "HS256", "HS512", "ES256", "RS256", "HS384", "ES512", "PS256", "PS512", "RS512"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth", "client_secret_jwt"],
        "code_challenge_methods_supported": ["plain", "S256"],
        "tls_client_certificate_bound_access_tokens": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "authorization_response_iss_parameter_supported": true,
    });
    let product = Product::new(
        &format!("{ISSUER}/.well-known/openid-configuration"),
        discovery,
        jwks(&json!({ "x5c": ["MII"] })),
    );
    product.says(claims(&json!({})));
    product.has(&format!("{base}/userinfo"), json!({
        "sub": "f7f6aa3c-4d2c-4f5c-9e6e-5a1f3d7c1a11", "email_verified": true, "name": "Ann Lee", "preferred_username": "annlee",
        "given_name": "Ann", "family_name": "Lee", "email": "ann@acme.example", "groups": ["/eng/backend", "/staff"],
    }));
    // The access token is for the account console, and none of our business.
    let access_token =
        signed(&json!({}), &json!({ "iss": ISSUER, "aud": "account", "typ": "Bearer", "azp": "doorward-client" }));
    product.state().token = json!({
        "access_token": access_token, "token_type": "Bearer", "expires_in": 300, "refresh_expires_in": 1800, "refresh_token": "r",
        "not-before-policy": 0, "session_state": "3f1f3d2c-sid", "scope": "openid profile email",
    });
    product
}

fn claims(more: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "doorward-client", "azp": "doorward-client", "sub": "f7f6aa3c-4d2c-4f5c-9e6e-5a1f3d7c1a11", "typ": "ID",
        "auth_time": NOW.unix_timestamp() - 5, "jti": "9b1c", "acr": "1", "sid": "3f1f3d2c-sid", "email_verified": true,
        "name": "Ann Lee", "preferred_username": "annlee", "email": "ann@acme.example", "groups": ["/eng/backend", "/staff"],
        "realm_access": { "roles": ["offline_access", "doorward-admin"] },
    });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn settings(groups_claim: &str) -> Provider {
    Provider {
        groups_claim: groups_claim.to_owned(),
        strip_group_slash: true,
        upstream_logout: true,
        ..entry("keycloak", ISSUER)
    }
}

/// The answers of this realm say of which issuer they are.
async fn sign_in<S>(house: &crate::house::House<S>, product: &Product) -> super::Visit
where
    S: actix_web::dev::Service<
            actix_http::Request,
            Response = actix_web::dev::ServiceResponse<actix_web::body::BoxBody>,
            Error = actix_web::Error,
        >,
{
    super::visit_with(house, product, PATH, &[("iss", ISSUER), ("session_state", "3f1f3d2c-sid")]).await
}

#[actix_web::test]
async fn groups_are_paths_and_roles_stand_below_a_member() {
    let product = product();
    let (house, owner) = site(&product, |all| all.oidc.providers = vec![settings("groups")]).await;
    follow_groups(&house, &owner, "groups").await;
    let me = sign_in(&house, &product).await.me(&house).await;
    assert_eq!((&me["username"], &me["email"]), (&json!("annlee"), &json!("ann@acme.example")));
    let known = house.get("/settings/idpsync/field-values?claimField=groups", &owner).await.expect(200).json();
    assert_eq!(known, json!(["eng/backend", "staff"]), "without the first slash");
    assert_eq!(groups(&house, &owner, &me).await, ["eng/backend", "staff"]);

    let product = self::product();
    let (house, owner) = site(&product, |all| all.oidc.providers = vec![settings("realm_access.roles")]).await;
    follow_groups(&house, &owner, "realm_access.roles").await;
    let me = sign_in(&house, &product).await.me(&house).await;
    assert!(groups(&house, &owner, &me).await.contains(&"doorward-admin".to_owned()));
}

#[actix_web::test]
async fn realms_share_a_host_and_are_not_each_other() {
    let product = product();
    let (house, _owner) = site(&product, |all| all.oidc.providers = vec![settings("groups")]).await;
    for other in
        ["https://sso.acme.example/realms/other", "https://sso.acme.example/realms/acme/", "https://sso.acme.example"]
    {
        product.says(claims(&json!({ "iss": other })));
        sign_in(&house, &product).await.expect(400);
    }
    product.says(claims(&json!({})));
    // The realm says in each answer who it is; one that does not is of somebody else.
    visit(&house, &product, PATH).await.expect(400);
    super::visit_with(&house, &product, PATH, &[("iss", "https://sso.acme.example/realms/other")]).await.expect(400);
}

#[actix_web::test]
async fn a_logout_there_ends_the_session_here() {
    let product = product();
    let (house, _owner) = site(&product, |all| all.oidc.providers = vec![settings("groups")]).await;
    let session = sign_in(&house, &product).await.session.unwrap();
    house.get("/users/me", &session).await.expect(200);
    let now = NOW.unix_timestamp();
    let logout = signed(
        &json!({ "typ": "logout+jwt" }),
        &json!({
            "iss": ISSUER, "aud": "doorward-client", "iat": now, "exp": now + 120, "jti": "8e7d", "typ": "Logout",
            "sub": "f7f6aa3c-4d2c-4f5c-9e6e-5a1f3d7c1a11", "sid": "3f1f3d2c-sid",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        }),
    );
    house.form("/api/v2/users/oidc/keycloak/backchannel-logout", "", &[("logout_token", &logout)]).await.expect(200);
    house.get("/users/me", &session).await.expect(401);
}
