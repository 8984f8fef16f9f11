//! Groups of a directory, bulk requests, and the search among all.

use crate::house::{House, house_with};
use crate::scim::{KEY, directories, patch};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_domain::Secret;
use serde_json::{Value, json};
use time::Duration;

const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    /// Makes a group, and answers the id.
    async fn scim_group(&self, name: &str, members: &[&str]) -> String {
        self.clock.advance(Duration::MILLISECOND);
        let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
        let body = json!({ "schemas": [GROUP], "displayName": name, "members": members });
        let made = self.scim(Method::POST, "/Groups", body).await.expect(201).json();
        made["id"].as_str().unwrap().to_owned()
    }
}

fn ids(group: &Value) -> Vec<&str> {
    let members = group["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    members.iter().map(|member| member["value"].as_str().unwrap()).collect()
}

directories! {
    async fn a_group_is_made_read_and_ended(house) {
        let owner = house.owner().await;
        let bob = house.scim_user("bob@example.com").await;
        let body = json!({ "schemas": [GROUP], "externalId": "00g1", "displayName": "R & D (Berlin)", "members": [{ "value": bob }] });
        let made = house.scim(Method::POST, "/Groups", body.clone()).await.expect(201);
        let group = made.json();
        let id = group["id"].as_str().unwrap();
        let path = format!("/Groups/{id}");
        assert_eq!(made.header("location"), format!("https://door.example/scim/v2{path}"));
        assert_eq!((&group["displayName"], &group["externalId"]), (&json!("R & D (Berlin)"), &json!("00g1")));
        let member = json!({ "value": bob, "$ref": format!("https://door.example/scim/v2/Users/{bob}"), "type": "User", "display": "bob" });
        assert_eq!(group["members"], json!([member]));
        assert_eq!(house.scim_get(&path).await.expect(200).json(), group);

        // The group itself, and the user.
        let own = house.get(&format!("/groups/{id}"), &owner).await.expect(200).json();
        assert_eq!(
            [&own["name"], &own["display_name"], &own["source"], &own["members"][0]["id"]],
            [&json!("R-D-Berlin"), &json!("R & D (Berlin)"), &json!("oidc"), &json!(bob)]
        );
        let user = house.scim_get(&format!("/Users/{bob}")).await.expect(200).json();
        assert_eq!((&user["groups"][0]["value"], &user["groups"][0]["display"]), (&json!(id), &json!("R & D (Berlin)")));
        let of_group = house.scim_get("/Users?filter=groups.display%20sw%20%22R%22").await.expect(200).json();
        assert_eq!((&of_group["totalResults"], &of_group["Resources"][0]["id"]), (&json!(1), &json!(bob)));

        let same_name = json!({ "displayName": "r & d (BERLIN)" });
        let same_id = json!({ "displayName": "Other", "externalId": "00g1" });
        for taken in [same_name, same_id] {
            assert_eq!(house.scim(Method::POST, "/Groups", taken).await.expect(409).json()["scimType"], "uniqueness");
        }
        // Another group whose name would be the same has some characters more.
        let like = house.scim_group("R-D Berlin", &[]).await;
        let own = house.get(&format!("/groups/{like}"), &owner).await.expect(200).json();
        assert!(own["name"].as_str().unwrap().starts_with("R-D-Berlin-"), "{own}");

        house.scim(Method::DELETE, &path, Value::Null).await.expect(204);
        house.scim_get(&path).await.expect(404);
        assert_eq!(house.scim_get(&format!("/Users/{bob}")).await.expect(200).json().get("groups"), None);
        house.scim(Method::POST, "/Groups", body).await.expect(201);
    }

    async fn members_come_and_go(house) {
        house.owner().await;
        let (bob, carl) = (house.scim_user("bob@example.com").await, house.scim_user("carl@example.com").await);
        let path = format!("/Groups/{}", house.scim_group("Devs", &[]).await);
        let change = async |operations: Value| house.scim(Method::PATCH, &path, patch(operations)).await;
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": bob }, { "value": carl }] }]);
        assert_eq!(ids(&change(add.clone()).await.expect(200).json()).len(), 2);
        // Who is a member already stays one.
        let again = change(add).await.expect(200);
        assert_eq!(ids(&again.json()).len(), 2);
        let one = json!([{ "op": "remove", "path": format!("members[value eq \"{bob}\"]") }]);
        assert_eq!(ids(&change(one.clone()).await.expect(200).json()), [carl.as_str()]);
        change(one).await.expect(200);
        let by_display = json!([{ "op": "remove", "path": "members[display eq \"carl\"]" }]);
        assert!(ids(&change(by_display).await.expect(200).json()).is_empty());
        let all = json!([{ "op": "replace", "path": "members", "value": [{ "value": bob }] }]);
        assert_eq!(ids(&change(all).await.expect(200).json()), [bob.as_str()]);

        // Who is not of the organization, or not there, is refused, and nothing is done.
        let nobody = "00000000-0000-0000-0000-00000000abcd";
        for stranger in [nobody, "nonsense"] {
            let operations =
                json!([{ "op": "add", "path": "members", "value": [{ "value": carl }, { "value": stranger }] }]);
            let refused = change(operations).await.expect(400).json();
            assert_eq!(refused["scimType"], "invalidValue");
            assert!(refused["detail"].as_str().unwrap().contains(stranger), "{refused}");
        }
        assert_eq!(ids(&house.scim_get(&path).await.expect(200).json()), [bob.as_str()]);

        let replaced =
            house.scim(Method::PUT, &path, json!({ "displayName": "Developers", "members": [{ "value": carl }] })).await;
        let replaced = replaced.expect(200).json();
        assert_eq!((&replaced["displayName"], ids(&replaced)), (&json!("Developers"), vec![carl.as_str()]));
        let without = house.scim_get(&format!("{path}?excludedAttributes=members")).await.expect(200).json();
        assert_eq!(without.get("members"), None);
    }

    async fn versions_of_groups_change_with_their_members(house) {
        house.owner().await;
        let bob = house.scim_user("bob@example.com").await;
        let path = format!("/Groups/{}", house.scim_group("Devs", &[]).await);
        let first = house.scim_get(&path).await.expect(200).header("etag").to_owned();
        house.scim_if(Method::GET, &path, Value::Null, &[("If-None-Match", &first)]).await.expect(304);
        let add = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": bob }] }]));
        let headers = [("If-Match", first.as_str())];
        let new = house.scim_if(Method::PATCH, &path, add.clone(), &headers).await.expect(200);
        assert_ne!(new.header("etag"), first);
        house.scim_if(Method::PATCH, &path, add, &headers).await.expect(412);
        house.scim_if(Method::DELETE, &path, Value::Null, &headers).await.expect(412);
    }

    async fn groups_are_found_and_others_are_not_seen(house) {
        let owner = house.owner().await;
        let bob = house.scim_user("bob@example.com").await;
        let devs = house.scim_group("Devs", &[&bob]).await;
        let ops = house.scim_group("Ops", &[]).await;
        let organization = house.get("/users/me/organizations", &owner).await.json()[0]["id"].as_str().unwrap().to_owned();
        let own = json!({ "name": "own" });
        let own =
            house.api(Method::POST, &format!("/organizations/{organization}/groups"), &owner, own).await.expect(201).json();
        house.scim_get(&format!("/Groups/{}", own["id"].as_str().unwrap())).await.expect(404);
        let encoded = |filter: &str| url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>();
        for (filter, expected) in [
            ("displayName eq \"devs\"".to_owned(), vec![&devs]),
            ("displayName sw \"o\"".to_owned(), vec![&ops]),
            (format!("members eq \"{bob}\""), vec![&devs]),
            (format!("id eq \"{ops}\" and members[value eq \"{bob}\"]"), vec![]),
            ("displayName pr".to_owned(), vec![&devs, &ops]),
        ] {
            let page = house.scim_get(&format!("/Groups?filter={}", encoded(&filter))).await.expect(200).json();
            let found: Vec<&str> =
                page["Resources"].as_array().unwrap().iter().map(|group| group["id"].as_str().unwrap()).collect();
            assert_eq!(found, expected, "{filter}");
        }
        let refused = house.scim_get(&format!("/Groups?filter={}", encoded("not (members pr)"))).await.expect(400).json();
        assert_eq!(refused["scimType"], "tooMany");
        let sorted = house.scim_get("/Groups?sortBy=displayName&sortOrder=descending&count=1").await.expect(200).json();
        assert_eq!((&sorted["totalResults"], &sorted["Resources"][0]["displayName"]), (&json!(2), &json!("Ops")));

        let search = json!({ "filter": format!("id eq \"{bob}\" or displayName eq \"Devs\""), "sortBy": "id" });
        let both = house.scim(Method::POST, "/.search", search).await.expect(200).json();
        let kinds: Vec<_> = both["Resources"].as_array().unwrap().iter().map(|one| &one["meta"]["resourceType"]).collect();
        assert_eq!(kinds, ["User", "Group"]);
    }

    async fn a_bulk_request_makes_what_it_refers_to_first(house) {
        house.owner().await;
        let operations = json!([
            { "method": "POST", "path": "/Groups", "bulkId": "g", "data": { "displayName": "Tour Guides", "members": [{ "type": "User", "value": "bulkId:u" }] } },
            { "method": "POST", "path": "/Users", "bulkId": "u", "data": { "userName": "alice@example.com" } },
            { "method": "PATCH", "path": "/Users/bulkId:u", "data": patch(json!([{ "op": "add", "path": "title", "value": "Boss" }])) },
            { "method": "POST", "path": "/Users", "bulkId": "bad", "data": { "userName": "no-address" } },
            { "method": "DELETE", "path": "/Users/00000000-0000-0000-0000-00000000abcd" },
        ]);
        let done = house.scim(Method::POST, "/Bulk", json!({ "schemas": [BULK], "Operations": operations })).await;
        let done = done.expect(200).json();
        assert_eq!(done["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
        let results = done["Operations"].as_array().unwrap();
        let statuses: Vec<&str> = results.iter().map(|result| result["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["201", "201", "200", "400", "404"]);
        assert_eq!(results[3]["response"]["scimType"], "invalidValue");
        let at = |result: &Value| result["location"].as_str().unwrap().replace("https://door.example/scim/v2", "");
        let group = house.scim_get(&at(&results[0])).await.expect(200).json();
        let user = house.scim_get(&at(&results[1])).await.expect(200);
        assert_eq!((ids(&group), &user.json()["title"]), (vec![user.json()["id"].as_str().unwrap()], &json!("Boss")));
        // Who reads a user with its groups sees their version beside.
        let version = results[2]["version"].as_str().unwrap().trim_end_matches('"');
        assert!(user.header("etag").starts_with(version), "{version}: {}", user.header("etag"));

        let two_bad = json!([
            { "method": "DELETE", "path": "/Users/1" }, { "method": "DELETE", "path": "/Users/2" }, { "method": "DELETE", "path": "/Users/3" },
        ]);
        let stopped = json!({ "schemas": [BULK], "failOnErrors": 2, "Operations": two_bad });
        let stopped = house.scim(Method::POST, "/Bulk", stopped).await.expect(200).json();
        assert_eq!(stopped["Operations"].as_array().unwrap().len(), 2);
        // What cannot be read is an error of its own, and counts as one.
        let mixed = json!([
            { "method": "COPY", "path": "/Users/1", "bulkId": "odd" },
            { "method": "POST", "path": "/Users", "bulkId": "b", "data": { "userName": "bob@example.com" } },
            { "method": "POST", "path": "/Groups", "bulkId": "h", "data": { "displayName": "H", "members": [{ "value": "bulkId:odd" }] } },
            { "method": "POST", "path": "/Users", "bulkId": "c", "data": { "userName": "carl@example.com" } },
        ]);
        let mixed = json!({ "schemas": [BULK], "failOnErrors": 2, "Operations": mixed });
        let mixed = house.scim(Method::POST, "/Bulk", mixed).await.expect(200).json();
        let told: Vec<_> = mixed["Operations"].as_array().unwrap().iter().map(|one| (&one["method"], &one["status"])).collect();
        assert_eq!(told, [(&json!("COPY"), &json!("400")), (&json!("POST"), &json!("201")), (&json!("POST"), &json!("400"))]);
        let odd = &mixed["Operations"][0];
        assert_eq!((&odd["bulkId"], &odd["response"]["scimType"]), (&json!("odd"), &json!("invalidSyntax")));
        let circle = json!([
            { "method": "POST", "path": "/Groups", "bulkId": "a", "data": { "displayName": "A", "members": [{ "value": "bulkId:b" }] } },
            { "method": "POST", "path": "/Groups", "bulkId": "b", "data": { "displayName": "B", "members": [{ "value": "bulkId:a" }] } },
        ]);
        house.scim(Method::POST, "/Bulk", json!({ "schemas": [BULK], "Operations": circle })).await.expect(409);
    }
}

#[actix_web::test]
async fn bulk_requests_have_limits_and_the_server_tells_them() {
    let house = house_with(|settings| {
        settings.scim.key = Secret::from(KEY);
        settings.scim.bulk_operations_max = 2;
        settings.scim.bulk_bytes_max = 500;
    })
    .await;
    house.owner().await;
    let config = house.scim_get("/ServiceProviderConfig").await.expect(200).json();
    assert_eq!(config["bulk"], json!({ "supported": true, "maxOperations": 2, "maxPayloadSize": 500 }));
    let request = |many: usize, extra: &str| {
        let one = json!({ "method": "DELETE", "path": "/Users/1" });
        json!({ "schemas": [BULK], "Operations": vec![one; many], "extra": extra })
    };
    house.scim(Method::POST, "/Bulk", request(2, "")).await.expect(200);
    for large in [request(3, ""), request(1, &"x".repeat(500))] {
        let refused = house.scim(Method::POST, "/Bulk", large).await.expect(413).json();
        assert_eq!(refused["status"], "413");
    }
}
