//! The console, as a browser without scripts walks it.

use crate::browser::Browser;
use crate::house::{House, house};
use actix_http::Request;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

/// A name that would do something if it were no text.
pub(crate) const HOSTILE: &str = "<b onclick=x>\"'&amp;\u{202e}\u{1f3e1}";

/// A site with an owner, a member `bob` and the group `devs`; and its default organization.
pub(crate) async fn town<S>(house: &House<S>) -> (String, Value)
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
{
    let owner = house.owner().await;
    house.member(&owner, "bob").await;
    let place = house.get("/users/me/organizations", &owner).await.json()[0].clone();
    house.api(Method::POST, "/organizations/default/groups", &owner, json!({ "name": "devs" })).await.expect(201);
    (owner, place)
}

/// Every screen.
const SCREENS: [&str; 22] = [
    "/deployment/access",
    "/deployment/access?user=bob&action=read&type=template&organization=coder",
    "/deployment/users",
    "/deployment/users/bob",
    "/deployment/roles",
    "/deployment/roles/auditor",
    "/organizations/coder/roles",
    "/organizations/coder/roles/create",
    "/organizations/coder/roles/organization-admin",
    "/organizations/coder/groups",
    "/organizations/coder/groups/devs",
    "/deployment/overview",
    "/deployment/sessions",
    "/deployment/sessions?user=bob",
    "/deployment/tokens",
    "/logs/audit",
    "/organizations",
    "/organizations/new",
    "/organizations/coder",
    "/organizations/coder/settings",
    "/deployment/idp-org-sync",
    "/organizations/coder/idp-sync",
];

#[actix_web::test]
async fn every_screen_is_a_whole_page_without_scripts_and_for_those_who_are_signed_in() {
    let house = house().await;
    town(&house).await;
    let stranger = Browser::new(&house);
    for path in SCREENS {
        let location = stranger.get(path).await.expect(303).header("location").to_owned();
        assert!(location.starts_with("/login?") && location.contains("redirect="), "{path}: {location}");
    }
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    for path in SCREENS {
        let page = owner.get(path).await.expect(200);
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'self'"), "{path}");
        assert_eq!(page.body.matches("<h1").count(), 1, "{path}");
        for part in ["<!doctype html>", "class=\"skip\"", "<main id=\"main\">", "/assets/console.css?v="] {
            assert!(page.body.contains(part), "{path} lacks {part}");
        }
        for forbidden in ["<script", " style=", "javascript:"] {
            assert!(!page.body.contains(forbidden), "{path} has {forbidden}");
        }
        let mut ids: Vec<&str> = page.body.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let labels = page.body.split(" for=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for label in labels {
            assert!(ids.contains(&label), "{path} has a label of {label}, which is not there");
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{path} has an id twice");
    }
    // A link of the menu leads to a page.
    let page = owner.get("/deployment/access").await.expect(200).body;
    let menu = page.split("<nav").nth(1).unwrap().split("</nav>").next().unwrap();
    let links: Vec<&str> = menu.split("href=\"/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links.len(), 14, "{links:?}");
    for link in links {
        owner.get(&format!("/{link}")).await.expect(200);
    }
}

#[actix_web::test]
async fn whoever_may_not_see_a_screen_is_told_so() {
    let house = house().await;
    town(&house).await;
    let bob = Browser::new(&house);
    bob.sign_in("bob@example.com").await;
    for (path, status) in [
        ("/deployment/users/ann", 404),
        ("/organizations/coder/groups", 403),
        ("/organizations/coder/groups/devs", 404),
        ("/organizations/nowhere/roles", 404),
        ("/organizations/coder/roles/nothing", 404),
        ("/organizations/coder/roles/create", 403),
        ("/deployment/roles/nothing", 404),
        ("/deployment/users/bob", 200),
        ("/deployment/sessions?user=ann", 404),
        ("/logs/audit", 403),
        ("/deployment/overview", 403),
        ("/deployment/idp-org-sync", 403),
        ("/organizations/coder/idp-sync", 403),
        ("/organizations/new", 403),
        ("/organizations/nowhere", 404),
        ("/organizations/nowhere/settings", 404),
        ("/deployment/access?user=ann&action=read&type=license", 403),
    ] {
        let page = bob.get(path).await.expect(status);
        assert!(page.body.contains("<h1"), "{path}");
    }
    let users = bob.get("/deployment/users").await.expect(200).body;
    assert!(users.contains(">bob<") && !users.contains(">ann<"));
    let page = bob.get("/organizations/coder/roles").await.expect(200).body;
    assert!(!page.contains("Make a role"));
}

#[actix_web::test]
async fn what_is_typed_is_text_and_stays() {
    let house = house().await;
    town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let hostile: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    let huge = "x".repeat(5000);
    for path in [
        format!("/deployment/access?user={hostile}&action=read&type=template"),
        format!("/deployment/access?user=bob&action={hostile}&type={hostile}&organization={hostile}"),
        format!("/deployment/access?action=read&type=template&resource={huge}&owner={hostile}&scope={hostile}"),
        format!("/deployment/users?q={hostile}:x"),
        format!("/organizations/coder/groups?q={hostile}"),
        format!("/organizations/coder/groups/devs?q={hostile}:x"),
    ] {
        let page = owner.get(&path).await;
        assert!(matches!(page.status.as_u16(), 200 | 400 | 404), "{path}: {}", page.status);
        assert!(!page.body.contains("<b onclick"), "{path}");
    }
    for path in ["/deployment/users?after=x", "/deployment/users?q=a&q=b", "/deployment/access?user=%ff"] {
        owner.get(path).await.expect(400);
    }
    owner.get("/deployment/access?user=a%00b").await.expect(400);
    // After somebody who is not there, there is nothing.
    let page = owner.get("/deployment/users?after=6ba7b810-9dad-11d1-80b4-00c04fd430c8").await.expect(200).body;
    assert!(page.contains("No more users") && page.contains("First page"));
}

#[actix_web::test]
async fn accounts_are_changed_by_forms_with_their_token() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let path = "/deployment/users/bob";
    let stale = owner.submit(path, &[("do", "suspend")]).await.expect(400);
    assert!(stale.body.contains("out of date"));
    owner.get(path).await.expect(200);
    let done = owner.submit(path, &[("do", "suspend")]).await.expect(303);
    let (bare, proof) = done.header("location").split_once("&by=").unwrap();
    assert_eq!(bare, "/deployment/users/bob?done=suspended");
    assert_eq!(house.get("/users/bob", &token).await.json()["status"], "suspended");
    let page = owner.get(done.header("location")).await.expect(200).body;
    assert!(page.contains("The account is suspended.") && page.contains(">Activate<"));
    owner.submit(path, &[("do", "activate")]).await.expect(303);
    // Another link says nothing, and that one nothing that is not so any more.
    let others = [format!("{path}?done=roles&by={proof}"), "/deployment/users?done=deleted".to_owned()];
    for link in others.iter().map(String::as_str).chain([bare, done.header("location")]) {
        assert!(!owner.get(link).await.expect(200).body.contains("notice-done"), "{link}");
    }
    owner.submit(path, &[("do", "roles"), ("role", "auditor"), ("role", "user-admin")]).await.expect(303);
    let roles = house.get("/users/bob/roles", &token).await.json()["roles"].clone();
    assert_eq!(roles, json!(["auditor", "user-admin"]));
    let page = owner.get(path).await.expect(200).body;
    assert_eq!(page.matches("name=\"shown\"").count(), 2);
    let shown = [("do", "roles"), ("shown", "auditor"), ("shown", "user-admin")];
    let refused = owner.submit(path, &[&shown[..], &[("role", "spaceship")]].concat()).await.expect(400);
    assert!(refused.body.contains("spaceship"));
    // A form from before somebody else took a role does not give it back. What was chosen in it stays chosen.
    house.api(Method::PUT, "/users/bob/roles", &token, json!({ "roles": [] })).await.expect(200);
    let chosen = [("role", "user-admin"), ("role", "template-admin")];
    let stale = owner.submit(path, &[&shown[..], &chosen].concat()).await.expect(409);
    assert!(stale.body.contains("have been changed meanwhile"));
    let boxes = |role: &str| stale.body.contains(&format!("value=\"{role}\" checked"));
    assert!(boxes("template-admin") && !boxes("user-admin") && !boxes("auditor"), "{}", stale.body);
    assert_eq!(house.get("/users/bob/roles", &token).await.json()["roles"], json!([]));
    owner.submit(path, &[("do", "nothing")]).await.expect(400);
    // The form of one user is none of another.
    house.member(&token, "dora").await;
    let form = owner.tokens.borrow()[path].clone();
    owner.tokens.borrow_mut().insert("/deployment/users/dora".to_owned(), form);
    owner.submit("/deployment/users/dora", &[("do", "suspend")]).await.expect(400);
    assert_ne!(house.get("/users/dora", &token).await.json()["status"], "suspended");
    owner.get("/deployment/users/dora").await.expect(200);
    let dora = house.get("/users/dora", &token).await.json()["id"].as_str().unwrap().to_owned();
    let gone = owner.submit("/deployment/users/dora", &[("do", "delete")]).await.expect(303);
    assert!(owner.get(gone.header("location")).await.expect(200).body.contains("The account is deleted."));
    let page = owner.get(&format!("/deployment/users/{dora}")).await.expect(200).body;
    assert!(page.contains(">Deleted</span>") && !page.contains(">Active</span>"), "{page}");
    assert!(!page.contains("Explain access</a>\n</div>") && !page.contains("value=\"suspend\""));
    // Oneself.
    owner.get("/deployment/users/ann").await.expect(200);
    let own = owner.submit("/deployment/users/ann", &[("do", "suspend")]).await;
    assert!(
        own.status.as_u16() == 400 && own.body.contains("cannot suspend yourself") || own.body.contains("out of date")
    );
}

#[actix_web::test]
async fn a_change_of_a_role_is_shown_before_it_is_made() {
    let house = house().await;
    let (token, place) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let (new, role) = ("/organizations/coder/roles/create", "/organizations/coder/roles/cook");
    owner.get(new).await.expect(200);
    let fields = [("name", "cook"), ("display_name", "The cook"), ("org", "template:read"), ("org", "group:read")];
    let review = owner.submit(new, &[&[("do", "review")][..], &fields].concat()).await.expect(200).body;
    assert!(review.contains("template:read") && review.contains("Nobody holds it yet."));
    assert_eq!(house.get("/organizations/default/members/roles", &token).await.json().as_array().unwrap().len(), 5);
    let made = owner.submit(new, &[&[("do", "save")][..], &fields].concat()).await.expect(303);
    assert!(made.header("location").starts_with("/organizations/coder/roles/cook?done=made&by="));
    assert!(owner.get(made.header("location")).await.expect(200).body.contains("The role is made."));

    let path = format!("/organizations/{}/members/bob/roles", place["id"].as_str().unwrap());
    let held = json!({ "roles": ["cook", "organization-auditor"] });
    house.api(Method::PUT, &path, &token, held).await.expect(200);
    owner.get(role).await.expect(200);
    let change = [("display_name", "The chef"), ("org", "group:read"), ("org", "group:update"), ("own", "file:read")];
    let review = owner.submit(role, &[&[("do", "review")][..], &change].concat()).await.expect(200).body;
    let (difference, people) = review.split_once("Who gains or loses what").unwrap();
    assert!(difference.contains("The chef") && difference.contains("The cook"));
    assert!(difference.contains("template:read") && difference.contains("file:read"));
    // Bob reads templates as an auditor, and his own files as a member.
    assert!(people.contains(">bob<") && people.contains("Gains: </span><code>group:update"), "{people}");
    assert!(!people.split("<form").next().unwrap().contains("template:read"), "{people}");
    // What is saved is what was reviewed: not without a review, and not when the role is another one by now.
    owner.submit(role, &[&[("do", "save")][..], &change].concat()).await.expect(409);
    let version = version_in(&review);
    let roles = "/organizations/default/members/roles";
    let narrow =
        json!({ "name": "cook", "organization_permissions": [{ "resource_type": "group", "action": "read" }] });
    house.api(Method::PUT, roles, &token, narrow).await.expect(200);
    let save = [("do", "save"), ("version", version.as_str())];
    let refused = owner.submit(role, &[&save[..], &change].concat()).await.expect(409).body;
    assert!(refused.contains("has been changed meanwhile"));
    assert!(refused.contains("value=\"group:update\" aria-label=\"group:update\" checked"), "{refused}");
    let asked = [("do", "review"), ("version", version.as_str())];
    let review = owner.submit(role, &[&asked[..], &change].concat()).await.expect(200).body;
    assert!(review.contains("has been changed since you opened the form"));
    let version = version_in(&review);
    let save = [("do", "save"), ("version", version.as_str())];
    owner.submit(role, &[&save[..], &change].concat()).await.expect(303);
    let roles = house.get("/organizations/default/members/roles", &token).await.json();
    let saved = roles.as_array().unwrap().iter().find(|known| known["name"] == "cook").unwrap();
    assert_eq!(saved["organization_permissions"].as_array().unwrap().len(), 2);
    assert_eq!(saved["organization_member_permissions"][0]["resource_type"], "file");

    // What cannot be made is told, and nothing that was typed is lost.
    let odd = [("name", "owner"), ("display_name", HOSTILE), ("org", "spaceship:fly"), ("org", "template:read")];
    let refused = owner.submit(new, &[&[("do", "review")][..], &odd].concat()).await.expect(400).body;
    assert!(refused.contains("reserved") && refused.contains("value=\"owner\""));
    assert!(refused.contains("value=\"template:read\" aria-label=\"template:read\" checked"));
    let twice = owner.submit(new, &[&[("do", "review")][..], &fields].concat()).await.expect(400).body;
    assert!(twice.contains("taken"), "{twice}");
    let gone = owner.submit(role, &[("do", "delete")]).await.expect(303);
    assert!(owner.get(gone.header("location")).await.expect(200).body.contains("The role is deleted"));
    // What was chosen for a role that is gone can be made a new one of.
    let lost = owner.submit(role, &[&save[..], &change].concat()).await.expect(404).body;
    assert!(lost.contains("There is no role `cook` any more") && lost.contains("name=\"name\""), "{lost}");
    assert!(lost.contains("value=\"group:update\" aria-label=\"group:update\" checked"));
}

/// The version that a page about a role names.
fn version_in(page: &str) -> String {
    let rest = page.split("name=\"version\" value=\"").nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_look_at_an_answer_is_recorded_once_and_a_look_ahead_is_not() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let path = "/deployment/access?user=bob&action=read&type=template&organization=coder";
    let ask = |method: Method, header: (&'static str, &'static str)| {
        let request =
            TestRequest::default().method(method).uri(path).insert_header(("Coder-Session-Token", token.clone()));
        house.send(request.insert_header(("Accept", "text/html")).insert_header(header))
    };
    let count = async || {
        let found = house.get("/audit?q=resource_type:user", &token).await.expect(200).json();
        let asked = |action: &Value| action == "explain_access" || action == "search_access";
        found["audit_logs"].as_array().unwrap().iter().filter(|log| asked(&log["action"])).count()
    };
    let before = count().await;
    let ahead = ask(Method::GET, ("Sec-Purpose", "prefetch;prerender")).await.expect(200).body;
    assert!(!ahead.contains("class=\"verdict") && ahead.contains("value=\"bob\""));
    ask(Method::GET, ("Sec-Fetch-Site", "cross-site")).await.expect(200);
    ask(Method::HEAD, ("X-Nothing", "1")).await.expect(200);
    assert_eq!(count().await, before);
    let page = ask(Method::GET, ("Sec-Fetch-Site", "same-origin")).await.expect(200).body;
    assert!(page.contains("class=\"verdict"));
    assert_eq!(count().await, before + 1);
}

#[actix_web::test]
async fn groups_are_made_changed_and_deleted() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let list = "/organizations/coder/groups";
    owner.get(list).await.expect(200);
    let refused = owner.submit(list, &[("name", "-"), ("display_name", "Kept")]).await.expect(400).body;
    assert!(refused.contains("value=\"Kept\"") && refused.contains("role=\"alert\""));
    let made = owner.submit(list, &[("name", "ops")]).await.expect(303);
    let group = "/organizations/coder/groups/ops";
    assert!(made.header("location").starts_with(&format!("{group}?done=made&by=")));
    let words = owner.submit(list, &[("name", "a b")]).await.expect(400).body;
    assert!(words.contains("The name must be letters, digits and single hyphens"), "{words}");
    // Everyone has the id of the organization, and yet its forms are others.
    let everyone = format!("{list}/Everyone");
    let form = owner.tokens.borrow()[list].clone();
    owner.tokens.borrow_mut().insert(everyone.clone(), form);
    let forged = owner.submit(&everyone, &[("do", "settings"), ("quota_allowance", "3")]).await.expect(400).body;
    assert!(forged.contains("out of date"));
    owner.get(group).await.expect(200);
    let refused = owner.submit(group, &[("do", "add"), ("users", "bob nobody")]).await.expect(400).body;
    assert!(refused.contains("nobody") && refused.contains(">bob nobody</textarea>"));
    owner.submit(group, &[("do", "add"), ("users", "")]).await.expect(400);
    let many = "x ".repeat(101);
    owner.submit(group, &[("do", "add"), ("users", &many)]).await.expect(400);
    owner.submit(group, &[("do", "add"), ("users", "bob, ann")]).await.expect(303);
    // Who is in it already, or is named twice, is no reason to add nobody.
    house.member(&token, "dora").await;
    owner.submit(group, &[("do", "add"), ("users", "bob dora dora")]).await.expect(303);
    let dora = house.get("/users/dora", &token).await.json()["id"].as_str().unwrap().to_owned();
    owner.submit(group, &[("do", "remove"), ("member", &dora)]).await.expect(303);
    let page = owner.get(&format!("{group}?q=bob")).await.expect(200).body;
    assert!(page.contains(">bob<") && page.contains("1 member"));
    let bob = house.get("/users/bob", &token).await.json()["id"].as_str().unwrap().to_owned();
    owner.submit(group, &[("do", "remove"), ("member", &bob)]).await.expect(303);
    let settings = [("do", "settings"), ("display_name", "Ops"), ("quota_allowance", "many")];
    let refused = owner.submit(group, &settings).await.expect(400).body;
    assert!(refused.contains("value=\"Ops\"") && refused.contains("value=\"many\""), "{refused}");
    owner.submit(group, &[("do", "settings"), ("display_name", "Ops"), ("quota_allowance", "9")]).await.expect(303);
    let found = house.get("/organizations/default/groups/ops", &token).await.json();
    assert_eq!((&found["display_name"], &found["quota_allowance"]), (&json!("Ops"), &json!(9)));
    assert_eq!(found["total_member_count"], 1);
    // An old form changes what was changed in it, and nothing else.
    let old = [("display_name", "Ops"), ("quota_allowance", "7")];
    let old = [&old[..], &[("shown_display_name", "Ops"), ("shown_quota_allowance", "9")]].concat();
    let path = format!("/groups/{}", found["id"].as_str().unwrap());
    house.api(Method::PATCH, &path, &token, json!({ "display_name": "Operators" })).await.expect(200);
    owner.submit(group, &[&[("do", "settings")][..], &old].concat()).await.expect(303);
    let found = house.get("/organizations/default/groups/ops", &token).await.json();
    assert_eq!((&found["display_name"], &found["quota_allowance"]), (&json!("Operators"), &json!(7)));
    let everyone = owner.get(&format!("{list}/Everyone")).await.expect(200).body;
    assert!(everyone.contains("it has no members of its own") && !everyone.contains("Add members"));
    owner.submit(group, &[("do", "delete")]).await.expect(303);
    owner.get(group).await.expect(404);
}

#[actix_web::test]
async fn groups_are_nested_and_managers_appointed() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let list = "/organizations/coder/groups";
    owner.get(list).await.expect(200);
    owner.submit(list, &[("name", "outer")]).await.expect(303);
    owner.submit(list, &[("name", "inner")]).await.expect(303);
    let (outer, inner) = ("/organizations/coder/groups/outer", "/organizations/coder/groups/inner");
    owner.get(inner).await.expect(200);
    owner.submit(inner, &[("do", "add"), ("users", "bob")]).await.expect(303);
    owner.get(outer).await.expect(200);
    let refused = owner.submit(outer, &[("do", "nest"), ("nested", "nothing")]).await.expect(400).body;
    assert!(refused.contains("no group `nothing`") && refused.contains("value=\"nothing\""), "{refused}");
    owner.submit(outer, &[("do", "nest"), ("nested", "inner")]).await.expect(303);
    let refused = owner.submit(outer, &[("do", "nest"), ("nested", "outer")]).await.expect(400).body;
    assert!(refused.contains("cannot contain itself"), "{refused}");
    let page = owner.get(outer).await.expect(200).body;
    assert!(page.contains(">bob<") && page.contains(&format!("href=\"{inner}\"")), "{page}");
    let bob = house.get("/users/bob", &token).await.json()["id"].as_str().unwrap().to_owned();
    let refused = owner.submit(outer, &[("do", "remove"), ("member", &bob)]).await.expect(400).body;
    assert!(refused.contains("User bob is a member by a group within this one"), "{refused}");

    let refused = owner.submit(outer, &[("do", "appoint"), ("manager", "nobody")]).await.expect(400).body;
    assert!(refused.contains("no user `nobody`"), "{refused}");
    owner.submit(outer, &[("do", "appoint"), ("manager", "bob")]).await.expect(303);
    // Who manages a group gets the forms for its members, and no others.
    let manager = Browser::new(&house);
    manager.sign_in("bob@example.com").await;
    let page = manager.get(outer).await.expect(200).body;
    assert!(
        page.contains("value=\"add\"") && !page.contains("value=\"settings\"") && !page.contains("value=\"nest\""),
        "{page}"
    );
    house.member(&token, "dora").await;
    manager.submit(outer, &[("do", "add"), ("users", "dora")]).await;
    manager.submit(outer, &[("do", "nest"), ("nested", "inner")]).await.expect(403);

    owner.get(outer).await.expect(200);
    owner.submit(outer, &[("do", "dismiss"), ("appointed", &bob)]).await.expect(303);
    let id = house.get("/organizations/default/groups/inner", &token).await.json()["id"].as_str().unwrap().to_owned();
    owner.submit(outer, &[("do", "part"), ("inner", &id)]).await.expect(303);
    owner.submit(outer, &[("do", "part"), ("inner", "x")]).await.expect(404);
    let page = owner.get(outer).await.expect(200).body;
    assert!(!page.contains(">bob<"), "{page}");
}

#[actix_web::test]
async fn the_overview_tells_what_there_is_and_what_is_still_to_be_done() {
    let house = house().await;
    let (token, _) = town(&house).await;
    let owner = Browser::new(&house);
    owner.sign_in("ann@example.com").await;
    let page = owner.get("/deployment/overview").await.expect(200).body;
    let done = |page: &str, text: &str| {
        page.split(text).next().unwrap().rsplit("<li class=\"").next().unwrap().starts_with("yes")
    };
    assert!(done(&page, "by https") && !done(&page, "a second owner") && page.contains("locked out"), "{page}");
    assert!(page.contains("Active users") && page.contains("<rect ") && page.contains("created group"));
    house.api(Method::PUT, "/users/bob/roles", &token, json!({ "roles": ["owner"] })).await.expect(200);
    let page = owner.get("/deployment/overview").await.expect(200).body;
    assert!(done(&page, "a second owner") && !page.contains("locked out"));
}
