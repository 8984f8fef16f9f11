//! How things follow identity providers, in the console.

use crate::browser::Browser;
use crate::console::town;
use crate::console_sessions::odd_texts;
use crate::house::house;
use actix_web::http::Method;
use serde_json::json;

const SITE: &str = "/deployment/idp-org-sync";
const PLACE: &str = "/organizations/coder/idp-sync";

#[actix_web::test]
async fn claims_are_named_values_mapped_and_a_sign_in_is_tried() {
    let house = house().await;
    let (token, place) = town(&house).await;
    let id = place["id"].as_str().unwrap();
    house.api(Method::POST, "/organizations", &token, json!({ "name": "zoo" })).await.expect(201);
    let zoo = house.get("/organizations/zoo", &token).await.json()["id"].as_str().unwrap().to_owned();
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let page = owner.get(SITE).await.expect(200).body;
    assert!(page.contains("name=\"shown_flag\" value=\"on\"") && page.contains(">zoo</option>"), "{page}");

    let config = [("do", "config"), ("kind", "organizations"), ("field", "teams"), ("shown_field", "")];
    let shown = [&config[..], &[("flag", "on"), ("shown_flag", "on")]].concat();
    let saved = owner.submit(SITE, &shown).await.expect(303);
    assert!(owner.get(saved.header("location")).await.expect(200).body.contains("counts from the next sign-in on"));
    // Sent once more, it was made for another claim.
    let twice = owner.submit(SITE, &shown).await.expect(409).body;
    assert!(twice.contains("changed meanwhile") && twice.contains("value=\"teams\""), "{twice}");
    let pair = [("kind", "organizations"), ("given", "<keepers>"), ("gets", zoo.as_str())];
    let added = owner.submit(SITE, &[&[("do", "add")][..], &pair].concat()).await.expect(303);
    let page = owner.get(added.header("location")).await.expect(200).body;
    assert!(
        page.contains("The value is mapped.") && page.contains("&#60;keepers&#62;") && page.contains("<bdi>zoo</bdi>")
    );
    let stored = house.get("/settings/idpsync/organization", &token).await.json();
    let expected = json!({ "field": "teams", "mapping": { "<keepers>": [zoo] }, "organization_assign_default": true });
    assert_eq!(stored, expected);

    let tried = [("do", "try"), ("user", "bob"), ("claims", "{\"teams\": [\"<keepers>\", \"others\"]}")];
    let page = owner.submit(SITE, &tried).await.expect(200).body;
    let outlook = page.split("class=\"outlook\"").nth(1).unwrap();
    assert!(outlook.contains("Gained") && outlook.contains("organization zoo"), "{outlook}");
    assert!(
        outlook.contains("others") && !outlook.contains("<keepers>") && page.contains("value=\"bob\""),
        "{outlook}"
    );
    let members = house.get("/organizations/zoo/members", &token).await.json();
    assert_eq!(members.as_array().unwrap().len(), 1, "asking changes nothing");
    for claims in ["[]", "{", "\"x\""] {
        let told = owner.submit(SITE, &[("do", "try"), ("claims", claims)]).await.expect(400).body;
        assert!(told.contains("no JSON object"), "{told}");
    }
    owner.submit(SITE, &[("do", "try")]).await.expect(400);
    owner.submit(SITE, &[("do", "try"), ("user", "nobody"), ("claims", "{}")]).await.expect(404);

    for _ in 0..2 {
        // Removing what is not there does nothing.
        owner.submit(SITE, &[&[("do", "remove")][..], &pair].concat()).await.expect(303);
    }
    let stored = house.get("/settings/idpsync/organization", &token).await.json();
    assert_eq!(stored["mapping"], json!({ "<keepers>": [] }));

    // Groups and roles.
    owner.get(PLACE).await.expect(200);
    let groups = [("do", "config"), ("kind", "groups"), ("field", "groups"), ("filter", "^a("), ("flag", "on")];
    let broken = owner.submit(PLACE, &groups).await.expect(400).body;
    assert!(broken.contains("regular expression") && broken.contains("value=\"^a(\""), "{broken}");
    let groups = [("do", "config"), ("kind", "groups"), ("field", "groups"), ("filter", "^a"), ("flag", "on")];
    owner.submit(PLACE, &groups).await.expect(303);
    let devs = house.get("/organizations/default/groups/devs", &token).await.json()["id"].as_str().unwrap().to_owned();
    owner.submit(PLACE, &[("do", "add"), ("kind", "groups"), ("given", "makers"), ("gets", &devs)]).await.expect(303);
    owner.submit(PLACE, &[("do", "config"), ("kind", "roles"), ("field", "roles")]).await.expect(303);
    let role = [("do", "add"), ("kind", "roles"), ("given", "boss"), ("gets", "organization-admin")];
    owner.submit(PLACE, &role).await.expect(303);
    let page = owner.get(PLACE).await.expect(200).body;
    assert!(page.contains("<bdi>devs</bdi>") && page.contains("<bdi>organization-admin</bdi>"), "{page}");
    let path = format!("/organizations/{id}/settings/idpsync");
    let stored = house.get(&format!("{path}/groups"), &token).await.json();
    assert_eq!((&stored["regex_filter"], &stored["auto_create_missing_groups"]), (&json!("^a"), &json!(true)));
    let stored = house.get(&format!("{path}/roles"), &token).await.json();
    assert_eq!(stored["mapping"], json!({ "boss": ["organization-admin"] }));
    // The form of one page is none of another, and what is of the one is not done on the other.
    owner.submit(PLACE, &config).await.expect(400);
    owner.submit(SITE, &role).await.expect(400);
    let form = owner.tokens.borrow()[SITE].clone();
    owner.tokens.borrow_mut().insert(PLACE.to_owned(), form);
    assert!(owner.submit(PLACE, &role).await.expect(400).body.contains("out of date"));
}

#[actix_web::test]
async fn odd_texts_change_no_sync_and_nobody_else_does() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    owner.get(SITE).await.expect(200);
    owner.get(PLACE).await.expect(200);
    for text in odd_texts() {
        let text = text.as_str();
        for fields in [
            vec![("do", text), ("kind", "organizations")],
            vec![("do", "add"), ("kind", text), ("given", "x"), ("gets", "y")],
            vec![("do", "add"), ("kind", "organizations"), ("given", text), ("gets", text)],
            vec![("do", "try"), ("user", if text.is_empty() { "nobody" } else { text }), ("claims", text)],
        ] {
            for path in [SITE, PLACE] {
                let page = owner.submit(path, &fields).await;
                assert!(matches!(page.status.as_u16(), 400 | 404), "{path} {fields:?}: {}", page.status);
                assert!(!page.body.contains("<b onclick"), "{path} {fields:?}");
            }
        }
    }
    let huge = "x".repeat(20_000);
    for field in [huge.as_str(), "\u{202e}groups", "a\0"] {
        let config = [("do", "config"), ("kind", "roles"), ("field", field)];
        owner.submit(PLACE, &config).await.expect(400);
    }
    let stored = house.get("/settings/idpsync/organization", &token).await.json();
    assert_eq!(stored["field"], "");
    let bob = Browser::new(&house);
    bob.sign_in("bob@example.com").await;
    bob.submit(SITE, &[("do", "try"), ("user", "ann")]).await.expect(403);
    bob.submit(PLACE, &[("do", "config"), ("kind", "roles"), ("field", "x")]).await.expect(403);
}
