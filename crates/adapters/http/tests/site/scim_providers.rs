//! What directories of today send, replayed: Microsoft Entra, Okta, `OneLogin`, `JumpCloud`, and Coder's own documentation.

use crate::house::house_with;
use crate::scim::{KEY, directory, patch};
use actix_web::http::Method;
use doorward_domain::Secret;
use doorward_services::scim::PostExisting;
use serde_json::{Value, json};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn entra() {
    let house = directory().await;
    house.owner().await;
    // The test of the connection asks for a user that is not there.
    let none =
        house.scim_get("/Users?filter=userName+eq+%22131246f0-de4a-4ce4-9c3e-bd8d4e3c1c4f%22").await.expect(200).json();
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(0), &json!([])));
    let made = house
        .scim(POST, "/Users", json!({
            "schemas": [USER, ENTERPRISE], "externalId": "jyoung", "userName": "jyoung@testuser.com", "active": true,
            "addresses": null, "displayName": "Joy Young",
            "emails": [{ "type": "work", "value": "jyoung@Contoso.com", "primary": true }],
            "meta": { "resourceType": "User" },
            "name": { "familyName": "Young", "formatted": "Joy Young", "givenName": "Joy" },
            "phoneNumbers": null, "preferredLanguage": null, "title": null, "department": null,
            ENTERPRISE: { "department": "Tours", "manager": "the-boss" },
        }))
        .await
        .expect(201)
        .json();
    let path = format!("/Users/{}", id(&made));
    assert_eq!(made[ENTERPRISE]["manager"], json!({ "value": "the-boss" }));
    let found =
        house.scim_get("/Users?filter=externalId eq \"jyoung\"".replace(' ', "%20").replace('"', "%22").as_str()).await;
    assert_eq!(found.expect(200).json()["totalResults"], 1);
    // Operations with capitals, booleans as text, paths with filters and URNs.
    let changed = house
        .scim(
            PATCH,
            &path,
            patch(json!([
                { "op": "Replace", "path": "displayName", "value": "Pvlo" },
                { "op": "Add", "path": "emails[type eq \"work\"].value", "value": "updatedEmail@microsoft.com" },
                { "op": "Replace", "path": "name.familyName", "value": "updatedFamilyName" },
                { "op": "Add", "path": format!("{ENTERPRISE}:department"), "value": "Sales" },
                { "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555" },
            ])),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&changed["emails"][0]["value"], &changed[ENTERPRISE]["department"]),
        (&json!("updatedEmail@microsoft.com"), &json!("Sales"))
    );
    assert_eq!(changed["phoneNumbers"], json!([{ "type": "mobile", "value": "+1 555" }]));
    // Roles of its apps, and attributes of its own, are nothing that is kept here.
    let off = json!([
        { "op": "Add", "path": "roles[primary eq \"True\"].value", "value": "{\"value\":\"Admin\"}" },
        { "op": "Add", "path": "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag", "value": "a" },
        { "op": "Replace", "path": "active", "value": "False" },
    ]);
    let off = house.scim(PATCH, &path, patch(off)).await.expect(200).json();
    assert_eq!((&off["active"], off.get("roles")), (&json!(false), None));

    let group = house
        .scim(POST, "/Groups", json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159", "displayName": "displayName", "meta": { "resourceType": "Group" },
        }))
        .await
        .expect(201)
        .json();
    let group = format!("/Groups/{}", id(&group));
    house.scim_get(&format!("{group}?excludedAttributes=members")).await.expect(200);
    let member = json!([{ "op": "Add", "path": "members", "value": [{ "$ref": null, "value": id(&made) }] }]);
    house.scim(PATCH, &group, patch(member)).await.expect(200);
    let asked = format!(
        "/Groups?filter=id%20eq%20%22{}%22%20and%20members%20eq%20%22{}%22&attributes=id",
        &group[8..],
        id(&made)
    );
    assert_eq!(house.scim_get(&asked).await.expect(200).json()["totalResults"], 1);
    let member = json!([{ "op": "Remove", "path": "members", "value": [{ "$ref": null, "value": id(&made) }] }]);
    house.scim(PATCH, &group, patch(member)).await.expect(200);
    assert_eq!(house.scim_get(&asked).await.expect(200).json()["totalResults"], 0);
    house.scim(DELETE, &group, Value::Null).await.expect(204);
    house.scim(DELETE, &path, Value::Null).await.expect(204);
}

#[actix_web::test]
async fn okta() {
    let house = directory().await;
    house.owner().await;
    let asked = "/Users?filter=userName%20eq%20%22isaac.brock%40example.com%22&startIndex=1&count=100";
    let none = house.scim_get(asked).await.expect(200).json();
    assert_eq!((&none["totalResults"], &none["startIndex"], &none["itemsPerPage"]), (&json!(0), &json!(1), &json!(0)));
    let body = json!({
        "schemas": [USER], "userName": "isaac.brock@example.com", "name": { "givenName": "Isaac", "familyName": "Brock" },
        "emails": [{ "primary": true, "value": "isaac.brock@example.com", "type": "work" }], "displayName": "Isaac Brock",
        "locale": "en-US", "externalId": "00ujl29u0le5T6Aj10h7", "groups": [], "password": "1mz050nq", "active": true,
    });
    let made = house.scim(POST, "/Users", body.clone()).await.expect(201).json();
    assert!(made.get("password").is_none());
    let path = format!("/Users/{}", id(&made));
    house.scim(GET, asked, Value::Null).await.expect(200);
    let mut put = body;
    put["id"] = made["id"].clone();
    put["meta"] = made["meta"].clone();
    put["displayName"] = json!("Isaac B.");
    assert_eq!(house.scim(PUT, &path, put).await.expect(200).json()["displayName"], "Isaac B.");
    // Deactivation: no path, an object as value.
    let off = patch(json!([{ "op": "replace", "value": { "active": false } }]));
    assert_eq!(house.scim(PATCH, &path, off).await.expect(200).json()["active"], false);

    let group = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Test SCIMv2", "members": [] });
    let group = format!("/Groups/{}", id(&house.scim(POST, "/Groups", group).await.expect(201).json()));
    let push = json!([
        { "op": "remove", "path": format!("members[value eq \"{}\"]", id(&made)) },
        { "op": "add", "path": "members", "value": [{ "value": id(&made), "display": "isaac.brock@example.com" }] },
    ]);
    assert_eq!(
        house.scim(PATCH, &group, patch(push)).await.expect(200).json()["members"][0]["value"],
        json!(id(&made))
    );
    let renamed = json!([{ "op": "replace", "value": { "id": &group[8..], "displayName": "Test SCIMv2 new" } }]);
    assert_eq!(house.scim(PATCH, &group, patch(renamed)).await.expect(200).json()["displayName"], "Test SCIMv2 new");
    house.scim_get("/Groups?startIndex=1&count=100").await.expect(200);
    house.scim(DELETE, &group, Value::Null).await.expect(204);
}

#[actix_web::test]
async fn onelogin_and_jumpcloud() {
    let house = directory().await;
    house.owner().await;
    let made = house
        .scim(
            POST,
            "/Users",
            json!({
                "schemas": [USER], "userName": "jane", "externalId": "12345678", "active": true,
                "name": { "givenName": "Jane", "familyName": "Doe", "formatted": "Jane Doe" },
                "emails": [{ "value": "jane@example.com", "type": "work", "primary": true }],
                "title": "", "phoneNumbers": [{ "value": "", "type": "work" }],
            }),
        )
        .await
        .expect(201)
        .json();
    assert!(made.get("title").is_none());
    let path = format!("/Users/{}", id(&made));
    // OneLogin replaces all, JumpCloud only what it knows.
    let put = json!({ "schemas": [USER], "id": id(&made), "userName": "jane", "active": false, "emails": [{ "value": "jane@example.com" }] });
    assert_eq!(house.scim(PUT, &path, put).await.expect(200).json()["active"], false);
    let again = json!({ "userName": "jane", "active": true, "emails": [{ "value": "jane.d@example.com", "primary": true }], "department": "x" });
    let again = house.scim(PUT, &path, again).await.expect(200).json();
    assert_eq!((&again["active"], &again["emails"][0]["value"]), (&json!(true), &json!("jane.d@example.com")));
    house.scim_get("/Users?filter=userName%20Eq%20%22jane%22&startIndex=1&count=1").await.expect(200);
    let group =
        json!({ "displayName": "Staff", "members": [{ "value": id(&made), "display": "jane", "type": "User" }] });
    let group = house.scim(POST, "/Groups", group).await.expect(201).json();
    let put = json!({ "displayName": "Staff", "members": [] });
    let emptied = house.scim(PUT, &format!("/Groups/{}", id(&group)), put).await.expect(200).json();
    assert!(emptied["members"].as_array().is_none_or(Vec::is_empty), "{emptied}");
}

#[actix_web::test]
async fn coder() {
    let house = house_with(|settings| {
        settings.scim.key = Secret::from(KEY);
        settings.scim.post_existing = PostExisting::Return;
    })
    .await;
    let owner = house.owner().await;
    let user = |active: bool| {
        json!({
            "active": active, "emails": [{ "display": "string", "primary": true, "type": "string", "value": "user@example.com" }],
            "groups": [null], "id": "string", "meta": { "resourceType": "string" },
            "name": { "familyName": "string", "givenName": "string" }, "schemas": [USER], "userName": "user",
        })
    };
    let made = house.scim(POST, "/Users", user(true)).await.expect(201).json();
    let again = house.scim(POST, "/Users", user(true)).await.expect(200).json();
    assert_eq!((&again["id"], &again["userName"]), (&made["id"], &json!("user")));
    let path = format!("/Users/{}", id(&made));
    // PATCH takes the user object, of which `active` counts.
    assert_eq!(house.scim(PATCH, &path, user(false)).await.expect(200).json()["active"], false);
    assert_eq!(house.get("/users/user", &owner).await.expect(200).json()["status"], "suspended");
    assert_eq!(house.scim(PUT, &path, user(true)).await.expect(200).json()["active"], true);
    assert_eq!(house.get("/users/user", &owner).await.expect(200).json()["status"], "dormant");
    let mut renamed = user(true);
    renamed["userName"] = json!("other");
    assert_eq!(house.scim(PUT, &path, renamed).await.expect(400).json()["scimType"], "mutability");
    house.scim(PATCH, &path, json!({ "userName": "user" })).await.expect(400);
}
