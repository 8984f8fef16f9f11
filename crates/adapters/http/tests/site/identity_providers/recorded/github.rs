//! GitHub, and GitHub Enterprise Server.

use super::{Product, site, visit};
use doorward_domain::Secret;
use doorward_ports::fetch::ChosenBy;
use doorward_services::Settings;
use serde_json::{Value, json};

const PATH: &str = "/api/v2/users/oauth2/github/callback";
const API: &str = "https://api.github.com";

fn product(base: &str, api: &str) -> Product {
    // It has no discovery document: only the two addresses matter here.
    let addresses =
        json!({ "token_endpoint": format!("{base}/login/oauth/access_token"), "jwks_uri": format!("{base}/none") });
    let product = Product::new(&format!("{base}/none"), addresses, json!({}));
    product.state().id_token = None;
    // It says nothing of when the token ends.
    product.state().token = json!({ "access_token": "gho_16C7e42F292c6912E7710c838347Ae178B4a", "scope": "read:user,user:email", "token_type": "bearer" });
    product.has(&format!("{api}/user"), user());
    product.has(&format!("{api}/user/emails"), emails(true));
    product
}

fn user() -> Value {
    json!({
        "login": "octocat", "id": 583_231, "node_id": "MDQ6VXNlcjU4MzIzMQ==", "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4",
        "gravatar_id": "", "url": "https://api.github.com/users/octocat", "html_url": "https://github.com/octocat", "type": "User",
        "site_admin": false, "name": "The Octocat", "company": "@github", "blog": "", "location": "San Francisco",
        "email": "shown@elsewhere.example", "hireable": null, "bio": null, "two_factor_authentication": true,
    })
}

fn emails(is_verified: bool) -> Value {
    json!([
        { "email": "old@acme.example", "primary": false, "verified": true, "visibility": null },
        { "email": "octo@acme.example", "primary": true, "verified": is_verified, "visibility": "private" },
        { "email": "583231+octocat@users.noreply.github.com", "primary": false, "verified": true, "visibility": null },
    ])
}

fn settings(all: &mut Settings) {
    "gh-client".clone_into(&mut all.github.client_id);
    all.github.client_secret = Secret::from("gh-secret");
    all.github.allow_everyone = true;
    all.github.allow_signups = true;
}

#[actix_web::test]
async fn who_it_is_says_the_api_and_the_identity_is_the_number() {
    let product = product("https://github.com", API);
    let (house, _owner) = site(&product, settings).await;
    let visited = visit(&house, &product, PATH).await;
    assert_eq!(visited.place, "https://github.com/login/oauth/authorize");
    assert_eq!((visited.sent["scope"].as_str(), visited.sent.get("nonce")), ("read:user user:email", None));
    let me = visited.me(&house).await;
    assert_eq!(
        (&me["username"], &me["name"], &me["email"], &me["login_type"]),
        (&json!("octocat"), &json!("The Octocat"), &json!("octo@acme.example"), &json!("github")),
    );
    let asked = product.asked("https://github.com/login/oauth/access_token").unwrap();
    assert_eq!((asked.form["client_id"].as_str(), asked.form["client_secret"].as_str()), ("gh-client", "gh-secret"));
    let asked = product.asked(&format!("{API}/user")).unwrap();
    assert_eq!(asked.headers["authorization"], "Bearer gho_16C7e42F292c6912E7710c838347Ae178B4a");
    assert_eq!(asked.headers["x-github-api-version"], "2022-11-28");
    assert_eq!(product.chosen_by("api.github.com"), Some(ChosenBy::Operator));
    // Renamed, it is the same person.
    let mut renamed = user();
    renamed["login"] = "hexacat".into();
    product.has(&format!("{API}/user"), renamed);
    assert_eq!(visit(&house, &product, PATH).await.me(&house).await["id"], me["id"]);
}

#[actix_web::test]
async fn an_address_is_primary_verified_and_not_hidden() {
    let product = product("https://github.com", API);
    let (house, owner) = site(&product, settings).await;
    let hidden = json!([{ "email": "583231+octocat@users.noreply.github.com", "primary": true, "verified": true }]);
    for bad in [emails(false), hidden, json!([])] {
        product.has(&format!("{API}/user/emails"), bad);
        visit(&house, &product, PATH).await.expect(400);
    }
    // A code that is no good is answered with 200.
    product.state().token = json!({ "error": "bad_verification_code", "error_description": "The code passed is incorrect or expired.", "error_uri": "https://docs.github.com/" });
    visit(&house, &product, PATH).await.expect(502);
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 1);
}

#[actix_web::test]
async fn only_active_members_of_organizations_and_teams_come_in() {
    let product = product("https://github.com", API);
    let (house, _owner) = site(&product, |all| {
        settings(all);
        all.github.allow_everyone = false;
        all.github.allowed_organizations = vec!["acme".to_owned()];
        all.github.allowed_teams = vec!["acme/platform".to_owned()];
    })
    .await;
    let membership = |state: &str| json!([{ "url": "https://api.github.com/orgs/acme/memberships/octocat", "state": state, "role": "member", "organization": { "login": "Acme", "id": 1 } }]);
    let team = |slug: &str| json!([{ "id": 1, "name": "Platform", "slug": slug, "privacy": "closed", "organization": { "login": "acme", "id": 1 } }]);
    for (state, slug, status) in [("active", "platform", 307), ("pending", "platform", 403), ("active", "docs", 403)] {
        product.has(&format!("{API}/user/memberships/orgs?state=active&per_page=100"), membership(state));
        product.has(&format!("{API}/user/teams?per_page=100"), team(slug));
        let visited = visit(&house, &product, PATH).await;
        assert_eq!(visited.sent["scope"], "read:user user:email read:org");
        visited.expect(status);
    }
}

#[actix_web::test]
async fn an_enterprise_server_is_at_other_addresses_and_has_other_people() {
    let (base, api) = ("https://github.acme.example", "https://github.acme.example/api/v3");
    let product = product(base, api);
    let (house, _owner) = site(&product, |all| {
        settings(all);
        base.clone_into(&mut all.github.base_url);
        api.clone_into(&mut all.github.api_url);
    })
    .await;
    let visited = visit(&house, &product, PATH).await;
    assert_eq!(visited.place, format!("{base}/login/oauth/authorize"));
    visited.me(&house).await;
    let links = house.get("/users/me/links", visited.session.as_deref().unwrap()).await.expect(200).json();
    assert_eq!((&links[0]["issuer"], &links[0]["subject"]), (&json!(base), &json!("583231")));
    assert!(!product.state().asked.iter().any(|asked| asked.url.contains("github.com")));
}
