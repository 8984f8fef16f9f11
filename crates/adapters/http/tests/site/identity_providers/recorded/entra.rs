//! Microsoft Entra ID.

use super::{Product, entry, follow_groups, groups, jwks, site, visit, waiting};
use doorward_domain::identity_providers::{GRAPH_GROUPS_URL, Provider, ProviderKind};
use doorward_ports::fetch::ChosenBy;
use serde_json::{Value, json};

const HOST: &str = "https://login.microsoftonline.com";
const TENANT: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
const STRANGE: &str = "7ba7b810-9dad-11d1-80b4-00c04fd430c8";
const PATH: &str = "/api/v2/users/oidc/entra/callback";
const USERINFO: &str = "https://graph.microsoft.com/oidc/userinfo";

/// That of all tenants: the issuer has a place for one.
fn product() -> Product {
    let discovery = json!({
        "token_endpoint": format!("{HOST}/common/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic", "self_signed_tls_client_auth"],
        "jwks_uri": format!("{HOST}/common/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{HOST}/{{tenantid}}/v2.0"),
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": USERINFO,
        "authorization_endpoint": format!("{HOST}/common/oauth2/v2.0/authorize"),
        "device_authorization_endpoint": format!("{HOST}/common/oauth2/v2.0/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{HOST}/common/oauth2/v2.0/logout"),
        "claims_supported": ["sub", "iss", "cloud_instance_name", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"],
        "kerberos_endpoint": format!("{HOST}/common/kerberos"),
        "tenant_region_scope": null,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
        "rbac_url": "https://pas.windows.net",
    });
    let keys = jwks(&json!({ "x5t": "2026-key", "x5c": ["MIIC"], "issuer": format!("{HOST}/{{tenantid}}/v2.0") }));
    let product = Product::new(&format!("{HOST}/common/v2.0/.well-known/openid-configuration"), discovery, keys);
    product.has(USERINFO, json!({ "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "name": "Ann Lee", "family_name": "Lee", "given_name": "Ann", "picture": "https://graph.microsoft.com/v1.0/me/photo/$value" }));
    product.says(claims(TENANT));
    product
}

/// An ID token of this tenant.
fn claims(tenant: &str) -> Value {
    json!({
        "ver": "2.0", "iss": format!("{HOST}/{tenant}/v2.0"), "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "aud": "doorward-client", "name": "Ann Lee", "preferred_username": "ann@contoso.example", "oid": "00000000-0000-0000-66f3-3332eca7ea81",
        "tid": tenant, "email": "ann@contoso.example", "aio": "Df2UVXL1ix!lMCWMSOJBcFatzcGfvFGhjKv8q5g0x732dR5MB5BisvGQO7YWByjd8iQDLq!eGbIDakyp5mnOrcdqHeYSnltepQmRp6AIZ8jY",
    })
}

fn with(more: Value) -> Value {
    let (mut claims, Value::Object(more)) = (claims(TENANT), more) else { panic!("no object") };
    claims.as_object_mut().unwrap().extend(more);
    claims
}

fn settings() -> Provider {
    Provider {
        kind: ProviderKind::Entra,
        allowed_tenants: vec![TENANT.to_owned()],
        groups_claim: "groups".to_owned(),
        ..entry("entra", &format!("{HOST}/common/v2.0"))
    }
}

#[actix_web::test]
async fn people_of_the_tenants_of_the_list_sign_in_and_an_address_says_nothing() {
    let product = product();
    let (house, owner) = site(&product, |all| all.oidc.providers = vec![settings()]).await;
    waiting(&house, &owner, "waiting", "ann@contoso.example").await;
    // Its administrators write addresses: without a word on the domain nobody gets an account for one.
    visit(&house, &product, PATH).await.expect(403);
    product.says(claims(STRANGE));
    visit(&house, &product, PATH).await.expect(400);
    // A token that says it is of one tenant and was issued by another.
    product.says(with(json!({ "iss": format!("{HOST}/{STRANGE}/v2.0") })));
    visit(&house, &product, PATH).await.expect(400);
    for verified in [json!("1"), json!(1), json!(true)] {
        product.says(with(json!({ "xms_edov": verified })));
        let visited = visit(&house, &product, PATH).await;
        assert_eq!(visited.place, format!("{HOST}/common/oauth2/v2.0/authorize"));
        let me = visited.me(&house).await;
        assert_eq!((&me["username"], &me["name"]), (&json!("waiting"), &json!("Ann Lee")));
        let links = house.get("/users/me/links", visited.session.as_deref().unwrap()).await.expect(200).json();
        assert_eq!(links[0]["issuer"], format!("{HOST}/{TENANT}/v2.0"), "that of the tenant");
    }
    // Graph is no place that the operator has chosen, and the token endpoint is.
    assert_eq!(product.chosen_by("graph.microsoft.com"), Some(ChosenBy::Trusted));
    assert_eq!(product.chosen_by("login.microsoftonline.com"), Some(ChosenBy::Operator));
    let asked = product.asked(&format!("{HOST}/common/oauth2/v2.0/token")).unwrap();
    assert_eq!(asked.headers["authorization"], super::basic());
}

#[actix_web::test]
async fn keys_are_of_their_issuer() {
    let product = product();
    let keys = format!("{HOST}/common/discovery/v2.0/keys");
    product.has(&keys, jwks(&json!({ "issuer": format!("{HOST}/{STRANGE}/v2.0") })));
    let (house, _owner) = site(&product, |all| all.oidc.providers = vec![settings()]).await;
    visit(&house, &product, PATH).await.expect(400);
    product.has(&keys, jwks(&json!({ "issuer": format!("{HOST}/{TENANT}/v2.0") })));
    house.clock.advance(time::Duration::minutes(2));
    visit(&house, &product, PATH).await.expect(307);
}

#[actix_web::test]
async fn groups_are_ids_and_those_that_are_too_many_come_from_graph() {
    let product = product();
    let (house, owner) = site(&product, |all| all.oidc.providers = vec![settings()]).await;
    follow_groups(&house, &owner, "groups").await;
    product.says(with(json!({ "groups": ["0f9c-a", "0f9c-b"], "roles": ["Doorward.Admin"] })));
    let me = visit(&house, &product, PATH).await.me(&house).await;
    assert_eq!(groups(&house, &owner, &me).await, ["0f9c-a", "0f9c-b"]);
    let roles = house.get("/settings/idpsync/field-values?claimField=roles", &owner).await.expect(200).json();
    assert_eq!(roles, json!(["Doorward.Admin"]), "roles of the app are in the token");
    // The claim is absent, where the app is not set to send it: that means nothing.
    product.says(claims(TENANT));
    visit(&house, &product, PATH).await.expect(307);
    assert_eq!(groups(&house, &owner, &me).await.len(), 2);
    let overages = [
        json!({
            "_claim_names": { "groups": "src1" },
            "_claim_sources": { "src1": { "endpoint": format!("https://graph.windows.net/{TENANT}/users/00/getMemberObjects") } },
        }),
        json!({ "hasgroups": true }),
    ];
    let next =
        "https://graph.microsoft.com/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$skiptoken=RFNwdAIA";
    for overage in overages {
        product.says(with(overage));
        // Graph refuses: nothing is known, so nothing changes.
        product.lacks(GRAPH_GROUPS_URL);
        visit(&house, &product, PATH).await.expect(307);
        assert_eq!(groups(&house, &owner, &me).await.len(), 2);
    }
    let context = "https://graph.microsoft.com/v1.0/$metadata#groups(id)";
    product.has(
        GRAPH_GROUPS_URL,
        json!({ "@odata.context": context, "@odata.nextLink": next, "value": [{ "id": "0f9c-b" }] }),
    );
    product.has(next, json!({ "@odata.context": context, "value": [{ "id": "0f9c-c" }] }));
    visit(&house, &product, PATH).await.expect(307);
    assert_eq!(groups(&house, &owner, &me).await, ["0f9c-b", "0f9c-c"]);
    for url in [GRAPH_GROUPS_URL, next] {
        let asked = product.asked(url).unwrap();
        assert_eq!(asked.headers["authorization"], "Bearer the-access-token");
    }
    assert!(!product.state().asked.iter().any(|asked| asked.url.contains("graph.windows.net")));
}
