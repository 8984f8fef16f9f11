//! Organizations, groups and roles follow the claims of each sign-in (`enterprise-identity.md` 4.6).

use super::{Browser, CALLBACK, ann, town};
use crate::house::{Answer, House};
use crate::provider::FakeProvider;
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_ports::WorkMode;
use doorward_services::idp_sync::GivenRoles;
use serde_json::{Value, json};

const PATCH: Method = Method::PATCH;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;

fn with(more: &Value) -> Value {
    let mut claims = ann();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

/// What the user has: organizations, groups besides those of all members, and roles on the site, by name.
async fn belongings<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>>(
    house: &House<S>,
    owner: &str,
) -> (Vec<String>, Vec<String>, Vec<String>) {
    let names = |list: &Value| {
        let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
        let mut names: Vec<String> = list.as_array().unwrap().iter().map(name).collect();
        names.sort_unstable();
        names
    };
    let places = house.get("/users/ann-lee/organizations", owner).await.expect(200).json();
    let groups = house.get("/groups?has_member=ann-lee", owner).await.expect(200).json();
    let user = house.get("/users/ann-lee", owner).await.expect(200).json();
    let mut groups = names(&groups);
    groups.retain(|name| name != "Everyone");
    (names(&places), groups, names(&user["roles"]))
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn is_refused(answer: &Answer, words: &str) {
    let told = answer.json();
    assert!(told["message"].as_str().unwrap().contains(words) && told["detail"].as_str().is_some(), "{told}");
}

#[actix_web::test]
async fn everything_follows_the_claims_of_each_sign_in() {
    let (house, provider, owner) = town(|settings| {
        settings.idp_sync.site_role_field = "site".to_owned();
        settings.idp_sync.site_role_mapping =
            vec![GivenRoles { given: "boss".to_owned(), gets: vec!["user-admin".to_owned()] }];
        settings.idp_sync.site_role_defaults = vec!["auditor".to_owned()];
    })
    .await;
    let home =
        house.get("/organizations/default", &owner).await.expect(200).json()["name"].as_str().unwrap().to_owned();
    let acme = house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201).json();
    let sync = json!({ "field": "orgs", "mapping": { "a": [acme["id"]] } });
    house.api(PATCH, "/settings/idpsync/organization", &owner, sync).await.expect(200);
    let groups = json!({ "field": "groups", "regex_filter": "^acme ", "auto_create_missing_groups": true });
    house.api(PATCH, "/organizations/acme/settings/idpsync/groups", &owner, groups).await.expect(200);
    let roles = json!({ "field": "roles", "mapping": { "boss": ["organization-admin", "no-such"] } });
    house.api(PATCH, "/organizations/acme/settings/idpsync/roles", &owner, roles).await.expect(200);

    let all =
        json!({ "orgs": ["a"], "groups": ["acme devs", "acme ops", "other"], "roles": ["boss"], "site": ["boss"] });
    provider.say(with(&all));
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    // The account was made in the default organization, which no value of the claim gives.
    let expected = (texts(&["acme"]), texts(&["acme devs", "acme ops"]), texts(&["auditor", "user-admin"]));
    assert_eq!(belongings(&house, &owner).await, expected);
    let member = house.get("/organizations/acme/members/ann-lee", &owner).await.expect(200).json();
    assert_eq!(member["roles"][0]["name"], "organization-admin", "{member}");
    let made = house.get("/groups?has_member=ann-lee", &owner).await.expect(200).json();
    assert!(made.as_array().unwrap().iter().any(|group| group["source"] == "oidc"), "{made}");
    let log = house.get("/users/ann-lee/idpsync/log", &owner).await.expect(200).json();
    assert_eq!((&log[0]["outcome"], &log[0]["provider"]), (&json!("changed"), &json!("corp")));
    assert_eq!(log[0]["changes"]["gained"].as_array().unwrap().len(), 6, "{log}");
    let audit = house.get("/audit?q=username:ann-lee%20action:write&limit=10", &owner).await.expect(200).json();
    let told = &audit["audit_logs"][0];
    assert_eq!(told["additional_fields"]["idp_sync"]["gained"], log[0]["changes"]["gained"], "{audit}");

    // The same again changes nothing; what is tried says so, and so does the log.
    browser.sign_in(&provider).await.expect(307);
    assert_eq!(belongings(&house, &owner).await, expected);
    let tried =
        house.api(POST, "/settings/idpsync/dry-run", &owner, json!({ "user": "ann-lee" })).await.expect(200).json();
    assert_eq!((&tried["gained"], &tried["lost"]), (&json!([]), &json!([])), "{tried}");

    // What is elsewhere, and cannot be fetched, takes nothing away.
    let elsewhere = json!({ "orgs": null, "groups": null, "roles": null, "site": null,
        "_claim_names": { "orgs": "s", "groups": "s", "roles": "s", "site": "s" } });
    provider.say(with(&elsewhere));
    browser.sign_in(&provider).await.expect(307);
    assert_eq!(belongings(&house, &owner).await, expected);

    // What cannot be read keeps out, and everything stays.
    provider.say(with(&json!({ "orgs": 7 })));
    let refused = Browser::new(&house).sign_in(&provider).await;
    assert!(refused.status.as_u16() >= 400 && refused.body.contains("orgs"), "{}", refused.body);
    assert_eq!(belongings(&house, &owner).await, expected);

    // Absent is empty: all goes but what everybody has.
    provider.say(ann());
    browser.sign_in(&provider).await.expect(307);
    assert_eq!(belongings(&house, &owner).await, (Vec::new(), Vec::new(), texts(&["auditor"])));
    let log = house.get("/users/ann-lee/idpsync/log", &owner).await.expect(200).json();
    let outcomes: Vec<&str> = log.as_array().unwrap().iter().map(|sync| sync["outcome"].as_str().unwrap()).collect();
    let mut sorted = outcomes.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["changed", "changed", "refused", "unchanged", "unchanged"]);
    assert!(!home.is_empty());
}

#[actix_web::test]
async fn what_follows_claims_is_not_changed_by_hand() {
    let (house, provider, owner) = town(|settings| settings.idp_sync.site_role_field = "site".to_owned()).await;
    house.member(&owner, "bob").await;
    Browser::new(&house).sign_in(&provider).await.expect(307);
    house.api(POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201);
    let add = "/organizations/acme/members/ann-lee";
    let roles = || json!({ "roles": ["organization-auditor"] });
    house.api(POST, add, &owner, Value::Null).await.expect(200);
    house.api(PUT, &format!("{add}/roles"), &owner, roles()).await.expect(200);

    let on = json!({ "field": "roles" });
    house.api(PATCH, "/organizations/acme/settings/idpsync/roles", &owner, on).await.expect(200);
    is_refused(&house.api(PUT, &format!("{add}/roles"), &owner, roles()).await.expect(400), "follow their provider");
    house.api(Method::DELETE, add, &owner, Value::Null).await.expect(204);
    let on = json!({ "field": "orgs", "organization_assign_default": true });
    house.api(PATCH, "/settings/idpsync/organization", &owner, on).await.expect(200);
    is_refused(&house.api(POST, add, &owner, Value::Null).await.expect(400), "follow their provider");
    let site = json!({ "roles": ["auditor"] });
    is_refused(&house.api(PUT, "/users/ann-lee/roles", &owner, site).await.expect(400), "follow their provider");

    let group = house.api(POST, "/organizations/coder/groups", &owner, json!({ "name": "devs" })).await.expect(201);
    let group = format!("/groups/{}", group.json()["id"].as_str().unwrap());
    let ids = [house.get("/users/ann-lee", &owner).await.json(), house.get("/users/bob", &owner).await.json()];
    let [ann, bob] = ids.map(|user| user["id"].clone());
    house.api(PATCH, &group, &owner, json!({ "add_users": [ann] })).await.expect(200);
    let on = json!({ "field": "groups" });
    house.api(PATCH, "/organizations/coder/settings/idpsync/groups", &owner, on).await.expect(200);
    house.api(PATCH, &group, &owner, json!({ "remove_users": [ann] })).await.expect(200);
    let both = json!({ "add_users": [bob, ann] });
    is_refused(&house.api(PATCH, &group, &owner, both).await.expect(400), "follow their provider");

    // Whoever signs in otherwise is none of theirs.
    house.api(PATCH, &group, &owner, json!({ "add_users": [bob] })).await.expect(200);
    house.api(POST, "/organizations/acme/members/bob", &owner, Value::Null).await.expect(200);
    house.api(PUT, "/organizations/acme/members/bob/roles", &owner, roles()).await.expect(200);
    house.api(PUT, "/users/bob/roles", &owner, json!({ "roles": ["auditor"] })).await.expect(200);
}

#[actix_web::test]
async fn a_name_that_the_provider_says_is_not_changed_by_hand() {
    let (house, provider, owner) = town(|_| ()).await;
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let ann = browser.session().unwrap();
    let profile = |username: &str, name: &str| json!({ "username": username, "name": name });
    for (by, path) in [(&owner, "/users/ann-lee/profile"), (&ann, "/users/me/profile")] {
        let refused = house.api(PUT, path, by, profile("ann-lee", "By Hand")).await.expect(400);
        is_refused(&refused, "follows the identity provider");
    }
    // The user name is hers, in links and paths.
    house.api(PUT, "/users/me/profile", &ann, profile("annie", "Ann Lee")).await.expect(200);

    let mut silent = super::ann();
    silent.as_object_mut().unwrap().remove("name");
    provider.say(silent);
    browser.sign_in(&provider).await.expect(307);
    let ann = browser.session().unwrap();
    let changed = house.api(PUT, "/users/me/profile", &ann, profile("annie", "By Hand")).await.expect(200).json();
    assert_eq!(changed["name"], "By Hand", "a provider that says no name is not followed");
}

/// Calls of the store: those that only read, transactions, and calls that write without one. What a sign-in reads, it reads under the locks
/// of its transaction.
const ONE_TRANSACTION: [u64; 3] = [0, 1, 0];

/// Signs in; how often the store was called when the browser came back from the provider.
async fn calls_of_sign_in<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>>(
    house: &House<S>,
    browser: &mut Browser<'_, S>,
    provider: &FakeProvider,
) -> [u64; 3] {
    let modes = [WorkMode::Read, WorkMode::Write, WorkMode::AtOnce];
    let state = browser.go(provider, CALLBACK).await;
    let before = modes.map(|mode| house.store.calls(mode));
    browser.get(&format!("{CALLBACK}?code=the-code&state={state}")).await.expect(307);
    let mut calls = modes.map(|mode| house.store.calls(mode));
    calls.iter_mut().zip(before).for_each(|(after, before)| *after -= before);
    calls
}

#[actix_web::test]
async fn two_hundred_groups_over_fifty_organizations() {
    let (house, provider, owner) = town(|_| ()).await;
    let mut mapping = serde_json::Map::new();
    let (mut places, mut groups) = (Vec::new(), Vec::new());
    for n in 10..60 {
        let name = format!("place-{n}");
        let made = house.api(POST, "/organizations", &owner, json!({ "name": name })).await.expect(201).json();
        let sync =
            json!({ "field": "groups", "regex_filter": format!("^{name}-"), "auto_create_missing_groups": true });
        let path = format!("/organizations/{name}/settings/idpsync/groups");
        house.api(PATCH, &path, &owner, sync).await.expect(200);
        mapping.insert(name.clone(), json!([made["id"]]));
        groups.extend((0..4).map(|group| format!("{name}-group-{group}")));
        places.push(name);
    }
    let sync = json!({ "field": "orgs", "mapping": mapping });
    house.api(PATCH, "/settings/idpsync/organization", &owner, sync).await.expect(200);

    provider.say(with(&json!({ "orgs": places, "groups": groups })));
    let mut browser = Browser::new(&house);
    assert_eq!(calls_of_sign_in(&house, &mut browser, &provider).await, ONE_TRANSACTION, "with a new account");
    assert_eq!(belongings(&house, &owner).await, (places.clone(), groups.clone(), Vec::new()));

    // Half of it goes, and what is there is found by name.
    let (few_places, few_groups) = (places[..25].to_vec(), groups[..100].to_vec());
    provider.say(with(&json!({ "orgs": few_places, "groups": groups[2..].to_vec() })));
    assert_eq!(calls_of_sign_in(&house, &mut browser, &provider).await, ONE_TRANSACTION, "with a known one");
    assert_eq!(belongings(&house, &owner).await, (few_places, few_groups[2..].to_vec(), Vec::new()));
    let log = house.get("/users/ann-lee/idpsync/log", &owner).await.expect(200).json();
    let lost = log.as_array().unwrap().iter().map(|sync| sync["changes"]["lost"].as_array().unwrap().len()).max();
    assert_eq!(lost, Some(25 + 100 + 2));
}
