//! Organizations and their members in the console.

use crate::browser::Browser;
use crate::console::town;
use crate::console_sessions::odd_texts;
use crate::house::house;
use actix_web::http::Method;
use serde_json::{Value, json};

const NEW: &str = "/organizations/new";
const PLACE: &str = "/organizations/coder";

#[actix_web::test]
async fn an_organization_is_made_changed_and_deleted() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    owner.get(NEW).await.expect(200);
    let fields = [("name", "zoo"), ("display_name", "The Zoo"), ("description", "a\r\nb"), ("icon", "")];
    let wrong = owner.submit(NEW, &[&[("name", "new")][..], &fields[1..]].concat()).await.expect(400).body;
    assert!(wrong.contains("value=\"The Zoo\"") && wrong.contains("value=\"new\"") && wrong.contains("role=\"alert\""));
    let made = owner.submit(NEW, &fields).await.expect(303);
    assert!(made.header("location").starts_with("/organizations/zoo?done=made&by="));
    assert!(owner.get(made.header("location")).await.expect(200).body.contains("The organization is made"));
    let twice = owner.submit(NEW, &fields).await.expect(409).body;
    assert!(twice.contains("already exists") && twice.contains("value=\"zoo\""), "{twice}");
    let list = owner.get("/organizations").await.expect(200).body;
    assert!(list.contains(">The Zoo<") && list.contains(">Default<") && list.contains("/organizations/new"));

    // An old form changes what was changed in it, and nothing else.
    let path = "/organizations/zoo/settings";
    let page = owner.get(path).await.expect(200).body;
    assert!(page.contains("name=\"shown_display_name\" value=\"The Zoo\"") && page.contains("<textarea"));
    house.api(Method::PATCH, "/organizations/zoo", &token, json!({ "display_name": "Zoo" })).await.expect(200);
    let old = [("do", "settings"), ("name", "zoo"), ("display_name", "The Zoo"), ("description", "all animals")];
    let shown = [("shown_name", "zoo"), ("shown_display_name", "The Zoo"), ("shown_description", "a\nb")];
    let done = owner.submit(path, &[&old[..], &shown].concat()).await.expect(303);
    assert!(owner.get(done.header("location")).await.expect(200).body.contains("The organization is changed."));
    let found = house.get("/organizations/zoo", &token).await.json();
    assert_eq!((&found["display_name"], &found["description"]), (&json!("Zoo"), &json!("all animals")));
    let taken = owner.submit(path, &[("do", "settings"), ("name", "coder")]).await.expect(409).body;
    assert!(taken.contains("value=\"coder\"") && taken.contains("name=\"shown_name\" value=\"zoo\""), "{taken}");
    let renamed = owner.submit(path, &[("do", "settings"), ("name", "ark")]).await.expect(303);
    assert!(renamed.header("location").starts_with("/organizations/ark/settings?done=saved"));
    owner.get(path).await.expect(404);

    // What is in the way is told before.
    let path = "/organizations/ark/settings";
    house.api(Method::POST, "/organizations/ark/groups", &token, json!({ "name": "birds" })).await.expect(201);
    let page = owner.get(path).await.expect(200).body;
    assert!(page.contains("<li>1 group</li>") && !page.contains("value=\"delete\""), "{page}");
    let refused = owner.submit(path, &[("do", "delete"), ("confirm", "ark")]).await.expect(400).body;
    assert!(refused.contains("1 group"), "{refused}");
    let group = house.get("/organizations/ark/groups/birds", &token).await.json()["id"].as_str().unwrap().to_owned();
    house.api(Method::DELETE, &format!("/groups/{group}"), &token, Value::Null).await.expect(200);
    assert!(owner.get(path).await.expect(200).body.contains("value=\"delete\""));
    for confirm in ["", "zoo", "ARK"] {
        let refused = owner.submit(path, &[("do", "delete"), ("confirm", confirm)]).await.expect(400).body;
        assert!(refused.contains("type `ark`"), "{refused}");
    }
    let gone = owner.submit(path, &[("do", "delete"), ("confirm", "ark")]).await.expect(303);
    assert!(owner.get(gone.header("location")).await.expect(200).body.contains("The organization is deleted."));
    owner.submit(path, &[("do", "delete"), ("confirm", "ark")]).await.expect(404);
    owner.get("/organizations/ark").await.expect(404);
    // The default one stays, and says why.
    let page = owner.get("/organizations/coder/settings").await.expect(200).body;
    assert!(page.contains("cannot be deleted") && !page.contains("value=\"delete\""));
    owner.submit("/organizations/coder/settings", &[("do", "delete"), ("confirm", "coder")]).await.expect(400);
}

#[actix_web::test]
async fn members_come_get_roles_and_go() {
    let house = house().await;
    let (token, place) = town(&house).await;
    house.member(&token, "dora").await;
    let dora = house.get("/users/dora", &token).await.json()["id"].as_str().unwrap().to_owned();
    let roles = || async {
        let members = house.get("/organizations/default/members", &token).await.json();
        let dora = members.as_array().unwrap().iter().find(|member| member["username"] == "dora").cloned();
        dora.map(|dora| dora["roles"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect::<Vec<_>>())
    };
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let page = owner.get(PLACE).await.expect(200).body;
    assert!(page.contains(">dora<") && page.contains("value=\"organization-admin\""), "{page}");
    assert_eq!(page.matches("value=\"remove\"").count(), 2, "nobody removes themselves");

    let give = [("do", "roles"), ("member", dora.as_str()), ("role", "organization-auditor"), ("q", "dora")];
    let done = owner.submit(PLACE, &give).await.expect(303);
    let page = owner.get(done.header("location")).await.expect(200).body;
    assert!(page.contains("The roles are changed.") && page.contains("Auditor") && !page.contains(">bob<"), "{page}");
    assert_eq!(roles().await.unwrap(), ["organization-auditor"]);
    // The same form once more was made for somebody without roles.
    let stale = owner.submit(PLACE, &give).await.expect(409).body;
    assert!(stale.contains("have been changed meanwhile") && stale.contains("class=\"edit\" open"), "{stale}");
    let shown = [("do", "roles"), ("member", dora.as_str()), ("shown", "organization-auditor")];
    let unknown = owner.submit(PLACE, &[&shown[..], &[("role", "spaceship")]].concat()).await.expect(400).body;
    assert!(unknown.contains("spaceship"), "{unknown}");
    // What was chosen stays chosen, and what somebody else took is not given back.
    let path = format!("/organizations/{}/members/dora/roles", place["id"].as_str().unwrap());
    house.api(Method::PUT, &path, &token, json!({ "roles": [] })).await.expect(200);
    let chosen = [("role", "organization-auditor"), ("role", "organization-admin")];
    let stale = owner.submit(PLACE, &[&shown[..], &chosen].concat()).await.expect(409).body;
    let form = stale.split("class=\"edit\" open").nth(1).unwrap().split("</form>").next().unwrap();
    let is_on = |role: &str| form.contains(&format!("value=\"{role}\" checked"));
    assert!(is_on("organization-admin") && !is_on("organization-auditor"), "{form}");
    assert!(roles().await.unwrap().is_empty());

    let gone = owner.submit(PLACE, &[("do", "remove"), ("member", &dora)]).await.expect(303);
    assert!(owner.get(gone.header("location")).await.expect(200).body.contains("They are no member any more"));
    assert!(roles().await.is_none());
    for fields in [&[("do", "remove"), ("member", dora.as_str())][..], &shown] {
        let twice = owner.submit(PLACE, fields).await.expect(404).body;
        assert!(twice.contains("They are no member any more."), "{twice}");
    }
    let unknown = owner.submit(PLACE, &[("do", "add"), ("user", "nobody")]).await.expect(404).body;
    assert!(unknown.contains("There is no such user") && unknown.contains("value=\"nobody\""));
    owner.submit(PLACE, &[("do", "add"), ("user", " dora ")]).await.expect(303);
    let twice = owner.submit(PLACE, &[("do", "add"), ("user", "dora")]).await.expect(400).body;
    assert!(twice.contains("already exists"), "{twice}");
    assert!(roles().await.unwrap().is_empty());

    // The form of one organization is none of another, nor that of its settings.
    house.api(Method::POST, "/organizations", &token, json!({ "name": "zoo" })).await.expect(201);
    let form = owner.tokens.borrow()[PLACE].clone();
    for other in ["/organizations/zoo", "/organizations/coder/settings"] {
        owner.tokens.borrow_mut().insert(other.to_owned(), form.clone());
        let forged = owner.submit(other, &[("do", "add"), ("user", "bob")]).await.expect(400).body;
        assert!(forged.contains("out of date"), "{other}");
    }
}

#[actix_web::test]
async fn odd_texts_make_nothing_and_members_change_nothing() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let settings = "/organizations/coder/settings";
    for path in [NEW, PLACE, settings] {
        owner.get(path).await.expect(200);
    }
    let before = house.get("/organizations", &token).await.json();
    for text in odd_texts() {
        let text = text.as_str();
        for (path, fields) in [
            (NEW, vec![("name", text)]),
            (NEW, vec![("name", "zoo"), ("display_name", if text.is_empty() { "\u{202e}" } else { text })]),
            (
                NEW,
                vec![("name", "zoo"), ("description", if text.is_empty() { "\u{202e}" } else { text }), ("icon", "\0")],
            ),
            (PLACE, vec![("do", "add"), ("user", text)]),
            (PLACE, vec![("do", "remove"), ("member", text)]),
            (
                PLACE,
                vec![
                    ("do", "roles"),
                    ("member", "bob"),
                    ("role", if text.is_empty() { "x" } else { text }),
                    ("q", text),
                ],
            ),
            (PLACE, vec![("do", text)]),
            (settings, vec![("do", "settings"), ("name", text), ("shown_name", "coder")]),
            (settings, vec![("do", "delete"), ("confirm", text)]),
        ] {
            let page = owner.submit(path, &fields).await;
            assert!(matches!(page.status.as_u16(), 400 | 404 | 413), "{path} {fields:?}: {}", page.status);
            assert!(!page.body.contains("<b onclick"), "{path} {fields:?}");
        }
    }
    assert_eq!(house.get("/organizations", &token).await.json(), before);

    let bob = Browser::new(&house);
    bob.sign_in("bob@example.com").await;
    let page = bob.get(PLACE).await.expect(200).body;
    assert!(!page.contains("value=\"add\"") && !page.contains("value=\"remove\"") && !page.contains("value=\"roles\""));
    let page = bob.get(settings).await.expect(200).body;
    assert!(!page.contains("value=\"settings\"") && !page.contains("value=\"delete\""));
    let list = bob.get("/organizations").await.expect(200).body;
    assert!(!list.contains("/organizations/new"));
    bob.submit(NEW, &[("name", "zoo")]).await.expect(403);
}
