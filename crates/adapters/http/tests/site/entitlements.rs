//! What licences give, and what is refused without one.

use crate::house::{Answer, House, NOW, house, house_with};
use crate::licenses::{enforced, giving};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use doorward_domain::Secret;
use doorward_domain::entitlements::{Feature, FeatureSet};
use doorward_domain::licenses::LicenseDraft;
use serde_json::{Value, json};
use time::Duration;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const ID: &str = "00000000-0000-0000-0000-00000000abcd";

/// When it is looked whether a feature may be used.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    First,
    SignedIn,
}

/// Addresses that a feature opens, below `/api/v2` if they do not begin with `/scim`.
type Gated = (Feature, At, Vec<(Method, String)>);

/// All of them.
fn gated() -> Vec<Gated> {
    let (get, post, put, patch, delete) = (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let at = |method: &Method, place: &str| (method.clone(), place.replace("ID", ID));
    vec![
        (
            Feature::TemplateRbac,
            At::First,
            vec![
                at(&get, "/groups"),
                at(&get, "/groups/ID"),
                at(&patch, "/groups/ID"),
                at(&delete, "/groups/ID"),
                at(&get, "/groups/ID/members"),
                at(&get, "/templates/ID/acl"),
                at(&patch, "/templates/ID/acl"),
                at(&get, "/templates/ID/acl/available"),
            ],
        ),
        (
            Feature::TemplateRbac,
            At::SignedIn,
            vec![
                at(&get, "/organizations/default/groups"),
                at(&post, "/organizations/default/groups"),
                at(&get, "/organizations/default/groups/devs"),
                at(&get, "/organizations/default/groups/devs/members"),
                at(&get, "/organizations/default/paginated-groups"),
            ],
        ),
        (
            Feature::CustomRoles,
            At::SignedIn,
            vec![
                at(&post, "/organizations/default/members/roles"),
                at(&put, "/organizations/default/members/roles"),
                at(&delete, "/organizations/default/members/roles/helper"),
            ],
        ),
        (
            Feature::MultipleOrganizations,
            At::SignedIn,
            vec![
                at(&post, "/organizations"),
                at(&patch, "/organizations/default"),
                at(&delete, "/organizations/default"),
            ],
        ),
        (
            Feature::AdvancedTemplateScheduling,
            At::First,
            vec![at(&get, "/users/me/quiet-hours"), at(&put, "/users/me/quiet-hours")],
        ),
        (
            Feature::Scim,
            At::First,
            vec![
                at(&get, "/scim/v2/ServiceProviderConfig"),
                at(&get, "/scim/v2/Users"),
                at(&post, "/scim/v2/Groups"),
                at(&post, "/scim/v2/Bulk"),
                at(&get, "/scim/v2/organizations/default/Users"),
            ],
        ),
        (
            Feature::Scim,
            At::SignedIn,
            vec![
                at(&post, "/organizations/default/scim/tokens"),
                at(&post, "/organizations/default/scim/tokens/ID/rotate"),
            ],
        ),
    ]
}

/// A house in which licences matter, with directories.
async fn limited() -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> {
    house_with(|settings| {
        enforced(settings);
        settings.scim.key = Secret::from(KEY);
        settings.scim.organization_directories = true;
    })
    .await
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// A request with a session, and with the key of a directory where that is asked for.
    async fn ask(&self, method: &Method, path: &str, token: &str) -> Answer {
        if !path.starts_with("/scim") {
            return self.api(method.clone(), path, token, json!({})).await;
        }
        let request = TestRequest::with_uri(path).method(method.clone()).peer_addr("127.0.0.1:1".parse().unwrap());
        let bearer = if token.is_empty() { String::new() } else { format!("Bearer {KEY}") };
        self.send(request.insert_header(("Authorization", bearer)).set_payload("{}")).await
    }

    async fn feature(&self, name: &str) -> Value {
        self.get("/entitlements", "").await.expect(200).json()["features"][name].clone()
    }
}

fn refusal(feature: Feature) -> String {
    format!("{} is a Premium feature. Contact sales!", feature.title())
}

#[actix_web::test]
async fn without_limits_everything_is_entitled_and_says_so() {
    let house = house().await;
    let owner = house.owner().await;
    let all = house.get("/entitlements", "").await.expect(200).json();
    assert_eq!(
        (&all["has_license"], &all["trial"], &all["require_telemetry"]),
        (&json!(false), &json!(false), &json!(false))
    );
    assert_eq!((&all["warnings"], &all["errors"]), (&json!([]), &json!([])));
    for feature in Feature::ALL {
        let state = &all["features"][feature.as_str()];
        assert_eq!((&state["entitlement"], &state["enabled"]), (&json!("entitled"), &json!(true)), "{feature}");
        assert!(state.get("limit").is_none());
    }
    assert_eq!(all["features"]["service_accounts"]["entitlement"], "entitled");
    assert_eq!(all["features"]["aibridge"], json!({ "entitlement": "not_entitled", "enabled": false }));
    for (_, _, paths) in gated() {
        for (method, path) in paths {
            let answer = house.ask(&method, &path, &owner).await;
            assert!(!answer.body.contains("Contact sales"), "{method} {path}: {}", answer.body);
        }
    }
}

#[actix_web::test]
async fn each_gate_is_shut_without_its_feature_and_open_with_it() {
    for (feature, at, paths) in gated() {
        let house = limited().await;
        let owner = house.owner().await;
        // All others, so that none of them opens this one.
        let others: Vec<&str> =
            Feature::ALL.iter().filter(|other| **other != feature).map(|other| other.as_str()).collect();
        house.add_license(&owner, &giving(&others)).await.expect(201);
        for (method, path) in &paths {
            let shut = house.ask(method, path, &owner).await.expect(403);
            assert_eq!(shut.json(), json!({ "message": refusal(feature) }), "{method} {path}");
            assert!(shut.header("content-type").starts_with("application/json"), "the ordinary body");
            let stranger = house.ask(method, path, "").await;
            assert_eq!(stranger.status.as_u16(), if at == At::First { 403 } else { 401 }, "{method} {path}");
        }
        let one = LicenseDraft { id: uuid::Uuid::from_u128(9), ..giving(&[feature.as_str()]) };
        let id = house.add_license(&owner, &one).await.expect(201).json()["id"].clone();
        for (method, path) in &paths {
            let open = house.ask(method, path, &owner).await;
            assert!(open.status.as_u16() != 403, "{method} {path}: {}", open.body);
        }
        house.api(Method::DELETE, &format!("/licenses/{id}"), &owner, Value::Null).await.expect(200);
        let (method, path) = &paths[0];
        house.ask(method, path, &owner).await.expect(403);
    }
}

#[actix_web::test]
async fn what_is_switched_off_says_so_and_what_is_not_gated_is_open() {
    let house = house_with(enforced).await;
    let owner = house.owner().await;
    let off = house.ask(&Method::GET, "/scim/v2/Users", &owner).await.expect(404);
    assert!(off.json()["detail"].as_str().unwrap().contains("scim.key"));
    for path in [
        "/licenses",
        "/entitlements",
        "/audit",
        "/organizations",
        "/organizations/default/members/roles",
        "/regions",
        "/settings/idpsync/organization",
        "/organizations/default/members/me/workspace-quota",
    ] {
        house.get(path, &owner).await.expect(200);
    }
}

#[actix_web::test]
async fn a_licence_begins_and_ends_by_time() {
    let house = limited().await;
    let owner = house.owner().await;
    let draft = LicenseDraft {
        starts_at: NOW + Duration::HOUR,
        paid_until: NOW + Duration::hours(3),
        ends_at: NOW + Duration::hours(5),
        ..giving(&["custom_roles"])
    };
    house.add_license(&owner, &draft).await.expect(201);
    let state = async || house.feature("custom_roles").await["entitlement"].as_str().unwrap().to_owned();
    let open =
        async || house.ask(&Method::DELETE, "/organizations/default/members/roles/x", &owner).await.status != 403;
    assert_eq!((state().await.as_str(), open().await), ("not_entitled", false));
    for (hours, expected) in [(1, "entitled"), (1, "entitled"), (1, "grace_period"), (2, "not_entitled")] {
        house.clock.advance(Duration::hours(hours) + Duration::SECOND);
        assert_eq!((state().await.as_str(), open().await), (expected, expected != "not_entitled"), "{hours}");
    }
}

#[actix_web::test]
async fn users_are_counted_and_too_many_of_them_are_warned_of() {
    let house = limited().await;
    let owner = house.owner().await;
    assert_eq!(
        house.feature("user_limit").await,
        json!({ "entitlement": "not_entitled", "enabled": false, "actual": 0 })
    );
    let mut seats = LicenseDraft { feature_set: FeatureSet::Premium, ..giving(&[]) };
    seats.features.insert("user_limit".to_owned(), 2);
    house.add_license(&owner, &seats).await.expect(201);
    let expected = json!({ "entitlement": "entitled", "enabled": true, "limit": 2, "actual": 1 });
    assert_eq!(house.feature("user_limit").await, expected);
    // Nobody is kept out.
    for name in ["bob", "carl"] {
        house.member(&owner, name).await;
    }
    house.clock.advance(Duration::minutes(2));
    house.api(Method::POST, "/licenses/refresh-entitlements", &owner, Value::Null).await.expect(200);
    assert_eq!(house.feature("user_limit").await["actual"], 3);
    let all = house.get("/entitlements", "").await.json();
    assert!(all["warnings"][0].as_str().unwrap().contains("3 active users"), "{all}");
}

#[actix_web::test]
async fn who_may_read_the_configuration_is_warned_with_every_answer() {
    let house = limited().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    let audrey = house.member(&owner, "audrey").await;
    house.api(Method::PUT, "/users/audrey/roles", &owner, json!({ "roles": ["auditor"] })).await.expect(200);
    let warned = |answer: &Answer| {
        let lines =
            answer.headers.get_all("x-coder-entitlements-warning").map(|line| line.to_str().unwrap().to_owned());
        lines.collect::<Vec<_>>()
    };
    assert!(warned(&house.get("/users/me", &owner).await).is_empty());
    let ending = LicenseDraft {
        paid_until: NOW + Duration::hours(20),
        feature_set: FeatureSet::Enterprise,
        ..giving(&["user_limit"])
    };
    house.add_license(&owner, &ending).await.expect(201);
    let told = warned(&house.get("/users/me", &owner).await.expect(200));
    assert_eq!(told[0], "Your license expires in 1 day.");
    assert!(told.len() == 2 && told[1].contains("3 active users"), "{told:?}");
    assert_eq!(warned(&house.get("/users/me", &audrey).await), told);
    assert_eq!(warned(&house.get("/organizations/nowhere", &owner).await.expect(404)), told, "with refusals too");
    assert!(warned(&house.get("/users/me", &bob).await).is_empty());
    assert!(warned(&house.get("/buildinfo", &owner).await).is_empty(), "nobody is asked who they are");
}

#[actix_web::test]
async fn the_log_is_written_and_quotas_limit_only_with_a_licence() {
    let house = limited().await;
    let owner = house.owner().await;
    let log = async || house.get("/audit", &owner).await.expect(200).json()["count"].as_u64().unwrap();
    let budget = async || {
        let quota = house.get("/organizations/default/members/me/workspace-quota", &owner).await.expect(200);
        quota.json()["budget"].as_i64().unwrap()
    };
    assert_eq!((log().await, budget().await), (0, -1));
    house.add_license(&owner, &giving(&["audit_log", "template_rbac"])).await.expect(201);
    house.member(&owner, "bob").await;
    assert!(log().await > 0);
    assert_eq!(budget().await, 0);
}
