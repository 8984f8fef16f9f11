//! What `/Schemas` says of each attribute is what the server does.

use crate::house::{House, house_with};
use crate::scim::{KEY, directory, patch};
use actix_http::Request;
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::Method;
use doorward_domain::Secret;
use serde_json::{Value, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A value of the type of an attribute, other than the `n`th one.
fn sample(attribute: &Value, n: usize) -> Value {
    let value = match attribute["type"].as_str().unwrap() {
        "string" => json!(format!("Value-{n}@x.example")),
        "reference" => json!(format!("https://x.example/{n}")),
        "boolean" => json!(true),
        "complex" => {
            let parts = attribute["subAttributes"].as_array().unwrap();
            let parts = parts.iter().filter(|part| part["mutability"] != "readOnly");
            let parts = parts.map(|part| (part["name"].as_str().unwrap().to_owned(), sample(part, n)));
            Value::Object(parts.collect())
        }
        other => panic!("no attribute had the type {other}"),
    };
    if attribute["multiValued"] == true { json!([value]) } else { value }
}

/// The attributes of a schema.
async fn attributes<S>(house: &House<S>, schema: &str) -> Vec<Value>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    let document = house.scim_get(&format!("/Schemas/{schema}")).await.expect(200).json();
    document["attributes"].as_array().unwrap().clone()
}

/// The path of an attribute in a PATCH, and its value in a user.
fn found<'u>(schema: &str, name: &str, user: &'u Value) -> (String, &'u Value) {
    if schema == USER { (name.to_owned(), &user[name]) } else { (format!("{schema}:{name}"), &user[schema][name]) }
}

#[actix_web::test]
async fn what_may_be_changed_changes_and_what_may_not_is_refused() {
    let house = house_with(|settings| {
        settings.scim.key = Secret::from(KEY);
        settings.scim.user_name_changes = true;
    })
    .await;
    house.owner().await;
    let path = format!("/Users/{}", house.scim_user("bob@example.com").await);
    for schema in [USER, ENTERPRISE] {
        for attribute in attributes(&house, schema).await {
            let name = attribute["name"].as_str().unwrap();
            let value = sample(&attribute, 1);
            let (at, _) = found(schema, name, &Value::Null);
            let body = patch(json!([{ "op": "replace", "path": at, "value": value }]));
            let answer = house.scim(Method::PATCH, &path, body).await;
            match attribute["mutability"].as_str().unwrap() {
                "readWrite" => {
                    let user = answer.expect(200).json();
                    assert_eq!(found(schema, name, &user).1, &value, "{name}");
                }
                "readOnly" => assert_eq!(answer.expect(400).json()["scimType"], "mutability", "{name}"),
                other => panic!("{name} is {other}"),
            }
            // What is shown by default is there, unless it is ruled out.
            assert_eq!(attribute["returned"], "default", "{name}");
            let without = house.scim_get(&format!("{path}?excludedAttributes={at}")).await.expect(200).json();
            assert!(found(schema, name, &without).1.is_null(), "{name}");
            let remove = patch(json!([{ "op": "remove", "path": at }]));
            let removed = house.scim(Method::PATCH, &path, remove).await;
            // Addresses may go: what is said of them is that they should be sent.
            let is_required = attribute["required"] == true && name != "emails";
            if is_required || attribute["mutability"] == "readOnly" {
                assert_eq!(removed.expect(400).json()["scimType"], "mutability", "{name}");
            } else if name != "active" {
                assert!(found(schema, name, &removed.expect(200).json()).1.is_null(), "{name}");
            }
        }
    }
}

#[actix_web::test]
async fn a_name_that_stays_is_called_so() {
    let house = directory().await;
    house.owner().await;
    let of = async |name: &str| attributes(&house, USER).await.into_iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(of("userName").await["mutability"], "immutable");
    let path = format!("/Users/{}", house.scim_user("bob@example.com").await);
    let rename = patch(json!([{ "op": "replace", "path": "userName", "value": "rob@example.com" }]));
    assert_eq!(house.scim(Method::PATCH, &path, rename).await.expect(400).json()["scimType"], "mutability");
    let all = house.scim_get("/Schemas").await.expect(200).json();
    let listed = all["Resources"].as_array().unwrap().iter().find(|schema| schema["id"] == USER).unwrap();
    assert_eq!(listed["attributes"], json!(attributes(&house, USER).await));
}

#[actix_web::test]
async fn what_is_unique_and_where_letter_case_matters_is_told() {
    let house = directory().await;
    house.owner().await;
    let filled = |name: &str| json!({ "userName": format!("{name}@example.com"), "emails": [{ "value": format!("{name}@example.com") }] });
    for schema in [USER, ENTERPRISE] {
        for attribute in attributes(&house, schema).await {
            let name = attribute["name"].as_str().unwrap();
            let is_text = ["string", "reference"].contains(&attribute["type"].as_str().unwrap());
            if !is_text || attribute["mutability"] == "readOnly" {
                continue;
            }
            let value = sample(&attribute, 2);
            let mut statuses = Vec::new();
            for who in ["one", "two"] {
                let mut body = filled(&format!("{who}-{}", name.to_lowercase()));
                if schema == USER {
                    body[name] = value.clone();
                } else {
                    body[schema] = json!({ name: value });
                }
                statuses.push(house.scim(Method::POST, "/Users", body).await.status.as_u16());
            }
            let second = if attribute["uniqueness"] == "server" { 409 } else { 201 };
            assert_eq!(statuses, [201, second], "{name}");
            // Letter case.
            let (at, _) = found(schema, name, &Value::Null);
            let filter = format!("{at} eq \"{}\"", value.as_str().unwrap().to_uppercase());
            let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
            let page = house.scim_get(&format!("/Users?filter={filter}")).await.expect(200).json();
            assert_eq!(page["totalResults"] == 0, attribute["caseExact"] == true, "{name}");
        }
    }
}

#[actix_web::test]
async fn groups_are_as_their_schema_says() {
    const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
    let house = directory().await;
    house.owner().await;
    let bob = house.scim_user("bob@example.com").await;
    let attributes = attributes(&house, GROUP).await;
    let display_name = &attributes[0];
    let told = ["name", "required", "uniqueness", "caseExact", "mutability"].map(|key| display_name[key].clone());
    assert_eq!(told, [json!("displayName"), json!(true), json!("server"), json!(false), json!("readWrite")]);
    assert_eq!(house.scim(Method::POST, "/Groups", json!({})).await.expect(400).json()["scimType"], "invalidValue");

    let member = json!({ "value": bob, "$ref": "https://other.example/x", "display": "other", "type": "User" });
    let made = house.scim(Method::POST, "/Groups", json!({ "displayName": "Devs", "members": [member] })).await;
    let made = made.expect(201).json();
    let path = format!("/Groups/{}", made["id"].as_str().unwrap());
    for part in attributes[1]["subAttributes"].as_array().unwrap() {
        let name = part["name"].as_str().unwrap();
        let kept = made["members"][0][name] == member[name];
        match part["mutability"].as_str().unwrap() {
            "immutable" => {
                assert!(kept, "{name}");
                let at = format!("members[value eq \"{bob}\"].{name}");
                let body = patch(json!([{ "op": "replace", "path": at, "value": "x" }]));
                assert_eq!(house.scim(Method::PATCH, &path, body).await.expect(400).json()["scimType"], "mutability");
            }
            "readOnly" => assert!(!kept && !made["members"][0][name].is_null(), "{name}"),
            other => panic!("{name} is {other}"),
        }
    }
}
