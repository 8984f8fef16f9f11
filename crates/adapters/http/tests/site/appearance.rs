//! How the deployment looks: to programs, and on pages.

use crate::browser::Browser;
use crate::house::{Answer, House, house, house_with};
use crate::licenses::{enforced, giving};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_domain::appearance::SupportLink;
use serde_json::{Value, json};

const LOGO: &str = "https://cdn.example:8443/logo.png?size=<32>&x=\"1\"";

fn acme() -> Value {
    json!({
        "application_name": "Acme & <Sons>",
        "logo_url": LOGO,
        "service_banner": { "enabled": true, "message": "never shown", "background_color": "no colour" },
        "announcement_banners": [
            { "enabled": true, "message": "Closed on Sunday. <script>alert(1)</script>", "background_color": "#00485A" },
            { "enabled": false, "message": "not now", "background_color": "#ffffff" },
        ],
    })
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    async fn choose(&self, token: &str, body: Value) -> Answer {
        self.api(Method::PUT, "/appearance", token, body).await
    }
}

#[actix_web::test]
async fn nobody_has_chosen_anything_at_first() {
    let house = house().await;
    house.get("/appearance", "").await.expect(401);
    let owner = house.owner().await;
    let shown = house.get("/appearance", &owner).await.expect(200).json();
    assert_eq!(
        shown,
        json!({
            "application_name": "", "logo_url": "", "docs_url": "https://door.example/docs",
            "service_banner": { "enabled": false }, "announcement_banners": [],
            "support_links": [{ "name": "Documentation", "target": "https://door.example/docs", "icon": "docs" }],
        })
    );
}

#[actix_web::test]
async fn what_owners_choose_everybody_sees_and_what_is_left_out_is_taken_back() {
    let house = house().await;
    let owner = house.owner().await;
    let member = house.member(&owner, "mia").await;
    assert_eq!(house.choose(&owner, acme()).await.expect(200).json(), acme(), "the body is echoed as it was sent");
    let shown = house.get("/appearance", &member).await.expect(200).json();
    assert_eq!((&shown["application_name"], &shown["logo_url"]), (&json!("Acme & <Sons>"), &json!(LOGO)));
    assert_eq!(shown["announcement_banners"], acme()["announcement_banners"]);
    assert_eq!(
        shown["service_banner"],
        acme()["announcement_banners"][0],
        "the first banner, not what was sent as one"
    );

    let emptied = house.choose(&owner, json!({ "announcement_banners": null })).await.expect(200).json();
    assert_eq!(
        emptied,
        json!({
            "application_name": "", "logo_url": "", "service_banner": { "enabled": false }, "announcement_banners": [],
        })
    );
    assert_eq!(house.get("/appearance", &member).await.json()["application_name"], "");
    let log = house.get("/audit?limit=100", &owner).await.expect(200).body;
    assert!(!log.contains("Acme"), "how the deployment looks is not audited");
}

#[actix_web::test]
async fn only_owners_choose_and_bad_choices_are_told() {
    let house = house().await;
    let owner = house.owner().await;
    let member = house.member(&owner, "mia").await;
    house.choose("", acme()).await.expect(401);
    let refused = house.choose(&member, json!({ "logo_url": "javascript:x" })).await.expect(403).json();
    assert_eq!(refused["message"], "Forbidden.");
    house.choose(&member, json!([])).await.expect(403);
    house.choose(&owner, json!([])).await.expect(400);

    for (color, detail) in [("", "7 bytes"), ("#12345g", "hexadecimal"), ("00485a7", "# at the beginning")] {
        let banner = json!({ "enabled": false, "background_color": color });
        let told = house.choose(&owner, json!({ "announcement_banners": [banner] })).await.expect(400).json();
        assert_eq!(told["message"], format!("Invalid color format: \"{color}\""));
        assert!(told["detail"].as_str().unwrap().contains(detail), "{told}");
    }
    let banner = json!({ "message": "a".repeat(5000), "background_color": "#000000" });
    let all = json!({
        "application_name": "a".repeat(300), "logo_url": "data:image/svg+xml,<svg/>", "announcement_banners": [banner],
    });
    let told = house.choose(&owner, all).await.expect(400).json();
    let fields: Vec<_> = told["validations"].as_array().unwrap().iter().map(|v| v["field"].clone()).collect();
    assert_eq!(fields, ["application_name", "logo_url", "announcement_banners"]);
    assert_eq!(house.get("/appearance", &owner).await.json()["logo_url"], "", "nothing of it was stored");
}

#[actix_web::test]
async fn without_the_feature_it_is_stored_and_shown_once_a_licence_comes() {
    let help = SupportLink {
        name: "Help desk".to_owned(),
        target: "https://help.example".to_owned(),
        icon: "chat".to_owned(),
    };
    let links = vec![help];
    let house = house_with(|settings| {
        enforced(settings);
        settings.appearance.docs_url = "https://docs.example".to_owned();
        settings.appearance.support_links = links;
    })
    .await;
    let owner = house.owner().await;
    house.choose(&owner, acme()).await.expect(200);
    let shown = house.get("/appearance", &owner).await.expect(200).json();
    assert_eq!((&shown["application_name"], &shown["announcement_banners"]), (&json!(""), &json!([])));
    assert_eq!(
        (&shown["docs_url"], &shown["support_links"][0]["icon"]),
        (&json!("https://docs.example"), &json!("docs"))
    );
    assert!(!Browser::new(&house).get("/login").await.expect(200).body.contains("Acme"));

    house.add_license(&owner, &giving(&["appearance"])).await.expect(201);
    let shown = house.get("/appearance", &owner).await.expect(200).json();
    assert_eq!((&shown["application_name"], &shown["logo_url"]), (&json!("Acme & <Sons>"), &json!(LOGO)));
    assert_eq!(
        shown["support_links"],
        json!([{ "name": "Help desk", "target": "https://help.example", "icon": "chat" }])
    );
    assert!(Browser::new(&house).get("/login").await.expect(200).body.contains("Acme"));
}

#[actix_web::test]
async fn pages_show_name_logo_and_banners_and_let_nothing_else_in() {
    let house = house().await;
    let owner = house.owner().await;
    house.choose(&owner, acme()).await.expect(200);
    let app = json!({ "name": "robot", "callback_url": "https://app.example/cb", "icon": "https://icons.example/a.png",
        "require_pkce": false });
    let app = house.api(Method::POST, "/oauth2-provider/apps", &owner, app).await.expect(201).json();
    let consent = format!("/oauth2/authorize?client_id={}&response_type=code&state=1", app["id"].as_str().unwrap());

    let browser = Browser::new(&house);
    let sign_in = browser.get("/login").await.expect(200);
    let mut pages = vec![("/login", sign_in)];
    browser.sign_in("ann@example.com").await;
    for uri in ["/", "/cli-auth", "/account/applications", consent.as_str()] {
        pages.push((uri, browser.get(uri).await.expect(200)));
    }
    for (uri, page) in pages {
        let body = &page.body;
        assert!(body.contains("Acme &#38; &#60;Sons&#62;") && !body.contains("<Sons>"), "{uri}");
        assert!(body.contains("https://cdn.example:8443/logo.png?size=&#60;32&#62;&#38;x=&#34;1&#34;"), "{uri}");
        assert!(body.contains("Closed on Sunday. &#60;script&#62;") && body.contains("fill=\"#00485A\""), "{uri}");
        assert!(!body.contains("<script") && !body.contains("never shown") && !body.contains("not now"), "{uri}");
        let icons = if uri == consent { " https://icons.example" } else { "" };
        let policy = page.header("content-security-policy");
        let images = format!("img-src 'self' data: https://cdn.example:8443{icons};");
        assert!(policy.contains(&images) && !policy.contains("unsafe"), "{uri}: {policy}");
    }
}

#[actix_web::test]
async fn the_page_for_the_first_account_shows_it_too() {
    let house = house().await;
    let chosen = doorward_services::appearance::UpdateAppearance {
        application_name: "Acme".to_owned(),
        ..doorward_services::appearance::UpdateAppearance::default()
    };
    let operator = doorward_services::Principal::operator();
    doorward_services::appearance::update(&house.context, &operator, chosen).await.unwrap();
    let page = Browser::new(&house).get("/setup").await.expect(200);
    assert!(page.body.contains("Acme") && page.body.contains("Create the first account"), "{}", page.body);
}
