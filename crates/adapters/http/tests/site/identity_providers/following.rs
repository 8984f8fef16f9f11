//! Memberships and groups follow what the provider says at each sign-in.

use super::{Browser, ann, town};
use crate::provider::entry;
use actix_web::http::Method;
use doorward_domain::identity_providers::{GroupsMissing, Provider, ProviderKind};
use serde_json::{Value, json};

fn with_groups(groups: Value) -> Value {
    let mut claims = ann();
    claims["groups"] = groups;
    claims
}

#[actix_web::test]
async fn groups_and_organizations_are_those_of_the_last_sign_in() {
    let (house, provider, owner) = town(|settings| settings.oidc.providers[0].strip_group_slash = true).await;
    let acme = house.api(Method::POST, "/organizations", &owner, json!({ "name": "acme" })).await.expect(201).json();
    let sync = json!({ "field": "groups", "mapping": { "staff": [acme["id"]] }, "organization_assign_default": false });
    house.api(Method::PATCH, "/settings/idpsync/organization", &owner, sync).await.expect(200);
    let groups = json!({ "field": "groups", "regex_filter": "^eng-", "auto_create_missing_groups": true });
    house.api(Method::PATCH, "/organizations/acme/settings/idpsync/groups", &owner, groups).await.expect(200);
    let mut browser = Browser::new(&house);
    provider.say(with_groups(json!(["/staff", "/eng-core", { "name": "/eng-ui" }, 7])));
    browser.sign_in(&provider).await.expect(307);
    let token = browser.session().unwrap();
    let names = |list: Value, key: &str| -> Vec<String> {
        let mut names: Vec<_> =
            list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let mine = house.get("/users/me/organizations", &token).await.expect(200).json();
    assert_eq!(names(mine, "name"), ["acme"]);
    let groups = house.get("/groups?has_member=ann-lee", &owner).await.expect(200).json();
    assert_eq!(names(groups, "name"), ["Everyone", "eng-core", "eng-ui"]);

    provider.say(with_groups(json!(["staff", "eng-ui"])));
    browser.sign_in(&provider).await.expect(307);
    let groups = house.get("/groups?has_member=ann-lee", &owner).await.expect(200).json();
    assert_eq!(names(groups, "name"), ["Everyone", "eng-ui"]);
    let log = house.get("/users/ann-lee/idpsync/log", &owner).await.expect(200).json();
    assert_eq!(log.as_array().unwrap().len(), 2, "{log}");
    let seen = house.get("/settings/idpsync/field-values?claimField=groups", &owner).await.expect(200).json();
    assert_eq!(seen, json!(["eng-ui", "staff"]));

    provider.say(ann());
    browser.sign_in(&provider).await.expect(307);
    let mine = house.get("/users/me/organizations", &browser.session().unwrap()).await.expect(200).json();
    assert_eq!(mine, json!([]), "no claim, no group, no organization");
}

#[actix_web::test]
async fn what_could_not_be_fetched_takes_nobody_out() {
    let (house, provider, owner) = town(|settings| {
        settings.oidc.providers = vec![Provider { groups_missing: Some(GroupsMissing::Keep), ..entry() }];
    })
    .await;
    let groups = json!({ "field": "groups", "auto_create_missing_groups": true });
    house.api(Method::PATCH, "/organizations/coder/settings/idpsync/groups", &owner, groups).await.expect(200);
    let mut browser = Browser::new(&house);
    provider.say(with_groups(json!(["eng"])));
    browser.sign_in(&provider).await.expect(307);
    for claims in [ann(), with_groups(json!(7)), {
        let mut overage = ann();
        overage["_claim_names"] = json!({ "groups": "src1" });
        overage
    }] {
        provider.say(claims);
        browser.sign_in(&provider).await.expect(307);
        let groups = house.get("/groups?has_member=ann-lee", &owner).await.expect(200).json();
        assert_eq!(groups.as_array().unwrap().len(), 2, "{groups}");
    }
    provider.say(with_groups(json!([])));
    browser.sign_in(&provider).await.expect(307);
    let groups = house.get("/groups?has_member=ann-lee", &owner).await.expect(200).json();
    assert_eq!(groups.as_array().unwrap().len(), 1, "an empty list is an answer: {groups}");
}

#[actix_web::test]
async fn groups_that_a_token_of_entra_has_no_room_for_come_from_graph() {
    const TENANT: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let (house, provider, owner) = town(|settings| {
        settings.oidc.providers =
            vec![Provider { kind: ProviderKind::Entra, allowed_tenants: vec![TENANT.to_owned()], ..entry() }];
    })
    .await;
    let groups = json!({ "field": "groups", "auto_create_missing_groups": true });
    house.api(Method::PATCH, "/organizations/coder/settings/idpsync/groups", &owner, groups).await.expect(200);
    let first = "https://graph.microsoft.com/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$top=999";
    let next = "https://graph.microsoft.com/v1.0/next";
    let mut claims = ann();
    claims["tid"] = TENANT.into();
    claims["_claim_names"] = json!({ "groups": "src1" });
    claims["_claim_sources"] = json!({ "src1": { "endpoint": "https://graph.windows.net/evil" } });
    provider.say(claims);
    let page = |ids: &[&str], next: Option<&str>| {
        let mut page = json!({ "value": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>() });
        if let Some(next) = next {
            page["@odata.nextLink"] = next.into();
        }
        page
    };
    provider.state().others =
        vec![(first.to_owned(), page(&["g1"], Some(next))), (next.to_owned(), page(&["g2"], None))];
    let mut browser = Browser::new(&house);
    browser.sign_in(&provider).await.expect(307);
    let count =
        async || house.get("/groups?has_member=ann-lee", &owner).await.expect(200).json().as_array().unwrap().len();
    assert_eq!(count().await, 3);
    // A page elsewhere, and none at all, change nothing.
    provider.state().others = vec![(first.to_owned(), page(&["g9"], Some("https://evil.example/next")))];
    browser.sign_in(&provider).await.expect(307);
    provider.state().others.clear();
    browser.sign_in(&provider).await.expect(307);
    assert_eq!(count().await, 3);
    assert_eq!(provider.times("graph.windows.net/evil"), 0);
}

#[actix_web::test]
async fn only_groups_that_are_listed_come_in() {
    let (house, provider, _owner) = town(|settings| {
        settings.idp_sync.group_field = "groups".to_owned();
        settings.idp_sync.group_allow_list = vec!["eng".to_owned()];
    })
    .await;
    for (claims, status) in [(ann(), 403), (with_groups(json!(["ops"])), 403), (with_groups(json!(["eng"])), 307)] {
        provider.say(claims.clone());
        let answer = Browser::new(&house).sign_in(&provider).await;
        assert_eq!(answer.status.as_u16(), status, "{claims}: {}", answer.body);
    }
}
