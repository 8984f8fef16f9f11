//! The audit log in the console.

use crate::browser::Browser;
use crate::console::town;
use crate::console_sessions::odd_texts;
use crate::house::house;
use actix_web::http::Method;
use serde_json::json;

const AUDIT: &str = "/logs/audit";

/// The addresses of the links of a page that begin like this.
fn links(page: &str, beginning: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.map(|link| link.replace("&#38;", "&")).filter(|link| link.starts_with(beginning)).collect()
}

#[actix_web::test]
async fn records_are_told_opened_and_narrowed_by_links() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let bob = house.get("/users/bob", &token).await.json()["id"].as_str().unwrap().to_owned();
    house.clock.advance(time::Duration::hours(2));
    house.api(Method::PUT, "/users/bob/roles", &token, json!({ "roles": ["auditor"] })).await.expect(200);
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let page = owner.get(AUDIT).await.expect(200).body;
    assert!(page.contains("<bdi class=\"name\">ann</bdi> updated user <bdi class=\"name\">bob</bdi>"), "{page}");
    assert!(page.contains("[&#34;auditor&#34;]") && page.contains("2 hours ago"), "{page}");
    assert!(!page.contains("{user}") && !page.contains("{target}"));

    // Every link of the page is a search that is understood and finds something.
    let searches = links(&page, "/logs/audit?");
    assert!(searches.iter().any(|link| link.contains("request_id")) && searches.len() > 10, "{searches:?}");
    for link in &searches {
        let found = owner.get(link).await.expect(200).body;
        assert!(!found.contains("No record is found"), "{link}");
    }
    let facet = searches.iter().find(|link| link.ends_with("q=action%3Awrite")).unwrap();
    let narrowed = owner.get(facet).await.expect(200).body;
    assert!(narrowed.contains("updated user") && !narrowed.contains(" created "));
    assert!(narrowed.contains("class=\"chip on\" href=\"/logs/audit\""), "the one that is on leads back");
    let only = format!("/logs/audit?q=resource_id%3A{bob}");
    assert!(searches.contains(&only), "{searches:?}");
    let of_bob = owner.get(&only).await.expect(200).body;
    assert!(of_bob.contains("created user") && !of_bob.contains("created group"));

    // The files that are offered are what is shown.
    let exports = links(&of_bob, "/api/v2/audit/export?");
    assert_eq!(exports.len(), 2);
    for export in exports {
        let file = owner.get(&export).await.expect(200);
        assert!(file.body.contains("bob") && !file.body.contains("devs"), "{export}");
    }
}

#[actix_web::test]
async fn the_short_address_leads_to_the_log_and_keeps_the_search() {
    let house = house().await;
    town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    for (path, there) in [
        ("/audit", "/logs/audit"),
        ("/audit?q=action:login", "/logs/audit?q=action%3Alogin"),
        ("/audit?filter=user", "/logs/audit?q=user"),
        ("/audit?filter=%2F%2Fevil.example", "/logs/audit?q=%2F%2Fevil.example"),
    ] {
        assert_eq!(owner.get(path).await.expect(303).header("location"), there);
    }
}

#[actix_web::test]
async fn the_log_goes_on_page_by_page() {
    let house = house().await;
    let (token, _) = town(&house).await;
    for number in 0..30 {
        house.clock.advance(time::Duration::seconds(1));
        let group = json!({ "name": format!("group-{number}") });
        house.api(Method::POST, "/organizations/default/groups", &token, group).await.expect(201);
    }
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let first = owner.get("/logs/audit?q=group").await.expect(200).body;
    assert!(first.contains("group-29") && !first.contains(">group-4<") && first.contains("31 records"), "{first}");
    let next = links(&first, "/logs/audit?q=group&after=");
    let second = owner.get(&next[0]).await.expect(200).body;
    assert!(second.contains(">group-4<") && !second.contains(">group-29<") && second.contains("The last 6 records"));
    assert!(links(&second, "/logs/audit?q=group&after=").is_empty());
}

#[actix_web::test]
async fn odd_searches_are_told_and_whoever_may_read_nothing_is_refused() {
    let house = house().await;
    town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    for text in odd_texts() {
        let typed: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for path in
            [format!("{AUDIT}?q={typed}"), format!("{AUDIT}?q=username:{typed}"), format!("{AUDIT}?after={typed}")]
        {
            let page = owner.get(&path).await;
            assert!(matches!(page.status.as_u16(), 200 | 400 | 414), "{path}: {}", page.status);
            assert!(!page.body.contains("<b onclick"), "{path}");
        }
    }
    let told = owner.get("/logs/audit?q=action:fly").await.expect(400).body;
    assert!(told.contains("value=\"action:fly\"") && told.contains("Nothing was searched for."));
    assert!(!told.contains("/audit/export") && told.contains("role=\"alert\""));
    let gone = "/logs/audit?after=6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let page = owner.get(gone).await;
    assert!(matches!(page.status.as_u16(), 200 | 400), "{}", page.status);
    let bob = Browser::new(&house);
    bob.sign_in("bob@example.com").await;
    bob.get(AUDIT).await.expect(403);
    assert!(!bob.get("/deployment/access").await.expect(200).body.contains("Audit log"));
}
