//! `groups list`, and what newer SDKs and dashboards ask of big groups.

use super::{GET, PATCH, POST};
use crate::house::house;
use serde_json::{Value, json};

#[actix_web::test]
async fn members_of_a_group_come_in_pages_and_the_group_without_them() {
    let house = house().await;
    let owner = house.owner().await;
    let mut ids = Vec::new();
    for name in ["bob", "carl", "dora"] {
        house.member(&owner, name).await;
        ids.push(house.sdk(GET, &format!("/api/v2/users/{name}"), &owner, Value::Null).await.json()["id"].clone());
    }
    let make = json!({ "name": "devs-qa", "display_name": "Devs", "avatar_url": "", "quota_allowance": 0 });
    let group = house.sdk(POST, "/api/v2/organizations/default/groups", &owner, make).await.expect(201).json();
    let by_id = format!("/api/v2/groups/{}", group["id"].as_str().unwrap());
    let by_name = "/api/v2/organizations/default/groups/devs%2Dqa";
    let change = json!({
        "add_users": ids, "remove_users": null, "name": "", "display_name": null, "avatar_url": null, "quota_allowance": null,
    });
    house.sdk(PATCH, &by_id, &owner, change).await.expect(200);

    for path in [&*by_id, by_name] {
        let whole = house.sdk(GET, path, &owner, Value::Null).await.expect(200).json();
        assert_eq!(whole["members"].as_array().unwrap().len(), 3);
        let bare =
            house.sdk(GET, &format!("{path}?exclude_members=true"), &owner, Value::Null).await.expect(200).json();
        assert_eq!((&bare["members"], &bare["total_member_count"]), (&json!([]), &json!(3)));
        house.sdk(GET, &format!("{path}?exclude_members=maybe"), &owner, Value::Null).await.expect(400);

        let members = async |query: &str| {
            let path = format!("{path}/members?{query}");
            let found = house.sdk(GET, &path, &owner, Value::Null).await.expect(200).json();
            let names = found["users"].as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap());
            (names.collect::<Vec<_>>().join(" "), found["count"].as_u64().unwrap())
        };
        assert_eq!(members("q=").await, ("bob carl dora".to_owned(), 3));
        assert_eq!(members("limit=1&offset=1").await, ("carl".to_owned(), 3));
        assert_eq!(members(&format!("after_id={}", ids[0].as_str().unwrap())).await, ("carl dora".to_owned(), 2));
        assert_eq!(members("q=CARL").await, ("carl".to_owned(), 1));
        assert_eq!(members("q=status:suspended").await, (String::new(), 0));
        house.sdk(GET, &format!("{path}/members?q=flying:yes"), &owner, Value::Null).await.expect(400);
    }
    let everyone = "/api/v2/organizations/default/groups/Everyone/members?limit=2";
    let everyone = house.sdk(GET, everyone, &owner, Value::Null).await.expect(200).json();
    assert_eq!((everyone["users"].as_array().unwrap().len(), &everyone["count"]), (2, &json!(4)));

    // Whoever is in the group may look at it, and reads no other member.
    let bob = house.login("bob@example.com").await;
    let own = house.sdk(GET, &format!("{by_id}/members"), &bob, Value::Null).await.expect(200).json();
    assert_eq!((&own["users"][0]["username"], &own["count"]), (&json!("bob"), &json!(1)));
    let eve = house.member(&owner, "eve").await;
    house.sdk(GET, &format!("{by_id}/members"), &eve, Value::Null).await.expect(404);
}

#[actix_web::test]
async fn groups_of_an_organization_come_in_pages_without_members() {
    let house = house().await;
    let owner = house.owner().await;
    let bob = house.member(&owner, "bob").await;
    for (name, display_name) in [("devs", "Builders"), ("ops", ""), ("qa", "Break things")] {
        let body = json!({ "name": name, "display_name": display_name, "avatar_url": "", "quota_allowance": 0 });
        house.sdk(POST, "/api/v2/organizations/default/groups", &owner, body).await.expect(201);
    }
    let path = "/api/v2/organizations/default/paginated-groups";
    let page = async |query: &str| {
        let found = house.sdk(GET, &format!("{path}?{query}"), &owner, Value::Null).await.expect(200).json();
        let groups = found["groups"].as_array().unwrap().clone();
        assert!(groups.iter().all(|group| group.get("members").is_none() && group["total_member_count"].is_u64()));
        let names = groups.iter().map(|group| group["name"].as_str().unwrap()).collect::<Vec<_>>().join(" ");
        (names, found["count"].as_u64().unwrap())
    };
    assert_eq!(page("").await, ("devs Everyone ops qa".to_owned(), 4));
    assert_eq!(page("limit=2&offset=1").await, ("Everyone ops".to_owned(), 4));
    assert_eq!(page("q=B").await, ("devs qa".to_owned(), 2));
    assert_eq!(page("q=OPS").await, ("ops".to_owned(), 1));
    assert_eq!(page("q=nothing").await, (String::new(), 0));
    house.sdk(GET, path, &bob, Value::Null).await.expect(403);
    house.sdk(GET, &format!("{path}?limit=-1"), &owner, Value::Null).await.expect(400);
}
