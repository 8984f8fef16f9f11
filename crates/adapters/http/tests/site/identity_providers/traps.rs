//! Ways in which accounts were once to be had by others, and people once lost what they had.

use super::{Browser, ann, town};
use crate::provider::{OTHER, entry, other};
use actix_web::http::Method;
use doorward_domain::identity_providers::{GRAPH_GROUPS_URL, Provider, ProviderKind};
use serde_json::{Value, json};

const AT_OTHER: &str = "/api/v2/users/oidc/other/callback";

fn with(more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object") };
    let mut claims = ann();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

#[actix_web::test]
async fn an_address_that_nobody_vouched_for_is_not_proven_by_a_word_on_another_one() {
    let (house, provider, owner) = town(|settings| settings.oidc.providers = vec![entry(), other()]).await;
    house.member(&owner, "eve").await;
    let victim = "victim@corp.example";
    // Somebody writes down the address of the victim, and then one that is their own and another account's.
    provider.say(with(json!({ "sub": "attacker", "email": victim, "email_verified": null })));
    Browser::new(&house).sign_in(&provider).await.expect(307);
    provider.say(with(json!({ "sub": "attacker", "email": "eve@example.com" })));
    Browser::new(&house).sign_in(&provider).await.expect(307);
    provider.say(with(json!({ "sub": "victim", "email": victim })));
    Browser::new(&house).sign_in_at(&provider, AT_OTHER).await.expect(403);
    assert_eq!(provider.times(&format!("{OTHER}/token")), 1);
}

#[actix_web::test]
async fn a_word_on_the_mail_address_is_not_one_on_another_claim() {
    let (house, provider, owner) = town(|settings| {
        settings.oidc.providers[0].email_claim = "preferred_username".to_owned();
    })
    .await;
    let organizations = house.get("/users/me/organizations", &owner).await.json();
    let waiting = json!({
        "email": "victim@corp.example", "username": "victim", "login_type": "oidc", "organization_ids": [organizations[0]["id"]],
    });
    house.api(Method::POST, "/users", &owner, waiting).await.expect(201);
    provider.say(with(json!({ "email": "atk@evil.example", "preferred_username": "victim@corp.example" })));
    Browser::new(&house).sign_in(&provider).await.expect(403);
    provider.say(with(json!({ "email": "victim@corp.example", "preferred_username": "victim@corp.example" })));
    Browser::new(&house).sign_in(&provider).await.expect(307);
    let log = house.get("/audit?q=resource_type:user%20action:write&limit=10", &owner).await.expect(200).json();
    let is_link = |record: &Value| record["additional_fields"]["linked_by"] == "email";
    assert!(log["audit_logs"].as_array().unwrap().iter().any(is_link), "{log}");
}

#[actix_web::test]
async fn a_google_account_of_a_foreign_domain_gives_its_address_to_nobody() {
    let (house, provider, _owner) = town(|settings| {
        settings.oidc.providers = vec![Provider { kind: ProviderKind::Google, ..entry() }, other()];
    })
    .await;
    provider.say(with(json!({ "sub": "private" })));
    Browser::new(&house).sign_in(&provider).await.expect(307);
    provider.say(with(json!({ "sub": "of the company" })));
    Browser::new(&house).sign_in_at(&provider, AT_OTHER).await.expect(403);
}

#[actix_web::test]
async fn a_sign_in_that_is_refused_for_a_claim_leaves_nothing_behind() {
    let (house, provider, owner) = town(|_| ()).await;
    let sync = json!({ "field": "orgs" });
    house.api(Method::PATCH, "/settings/idpsync/organization", &owner, sync).await.expect(200);
    for claim in [json!("a,b"), json!([1]), json!(5)] {
        provider.say(with(json!({ "orgs": claim })));
        Browser::new(&house).sign_in(&provider).await.expect(403);
    }
    assert_eq!(house.get("/users", &owner).await.expect(200).json()["count"], 1);
    provider.say(with(json!({ "orgs": [] })));
    Browser::new(&house).sign_in(&provider).await.expect(307);
    // The log has the last one first, and ids say nothing of the order within a millisecond.
    house.clock.advance(time::Duration::SECOND);
    provider.say(with(json!({ "orgs": 5, "name": "Other" })));
    Browser::new(&house).sign_in(&provider).await.expect(403);
    assert_eq!(house.get("/users/ann-lee", &owner).await.expect(200).json()["name"], "Ann Lee");
    let log = house.get("/users/ann-lee/idpsync/log", &owner).await.expect(200).json();
    assert_eq!(log[0]["outcome"], "refused", "{log}");
}

#[actix_web::test]
async fn a_long_user_name_that_is_taken_gets_a_suffix_too() {
    let (house, provider, owner) = town(|_| ()).await;
    let name = "a-name-of-thirty-two-characters1";
    assert_eq!(name.len(), 32);
    house.member(&owner, name).await;
    provider.say(with(json!({ "preferred_username": name })));
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let me = house.get("/users/me", &browser.session().unwrap()).await.expect(200).json();
    assert!(me["username"].as_str().unwrap().starts_with("a-name-of-thirty-two"), "{me}");
}

#[actix_web::test]
async fn of_too_many_groups_the_first_are_gained_and_none_is_lost() {
    const TENANT: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let (house, provider, owner) = town(|settings| {
        settings.oidc.providers =
            vec![Provider { kind: ProviderKind::Entra, allowed_tenants: vec![TENANT.to_owned()], ..entry() }];
    })
    .await;
    for name in ["kept", "g3"] {
        house.api(Method::POST, "/organizations/coder/groups", &owner, json!({ "name": name })).await.expect(201);
    }
    let groups = json!({ "field": "groups" });
    house.api(Method::PATCH, "/organizations/coder/settings/idpsync/groups", &owner, groups).await.expect(200);
    let mut claims = with(json!({ "tid": TENANT, "groups": ["kept"] }));
    provider.say(claims.clone());
    Browser::new(&house).sign_in(&provider).await.expect(307);
    // Exactly as many as are taken stand on the first pages, and there are more.
    let next = |page: usize| format!("https://graph.microsoft.com/v1.0/next{page}");
    let page = |page: usize| {
        let ids: Vec<Value> = (0..100).map(|n| json!({ "id": format!("g{}", page * 100 + n) })).collect();
        json!({ "value": ids, "@odata.nextLink": next(page + 1) })
    };
    let pages = (0..21).map(|n| (if n == 0 { GRAPH_GROUPS_URL.to_owned() } else { next(n) }, page(n)));
    provider.state().others = pages.collect();
    claims.as_object_mut().unwrap().remove("groups");
    claims["hasgroups"] = true.into();
    provider.say(claims);
    Browser::new(&house).sign_in(&provider).await.expect(307);
    let found = house.get("/groups?has_member=ann-lee", &owner).await.expect(200).json();
    let mut names: Vec<_> = found.as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Everyone", "g3", "kept"]);
}
