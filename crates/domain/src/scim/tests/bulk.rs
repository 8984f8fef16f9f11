//! Bulk requests (RFC 7644 3.7).

use super::*;
use crate::scim::{BulkError, BulkIds, BulkRequest, BulkResponse, BulkResult, ErrorMessage, Method};

fn read(operations: Value) -> Result<BulkRequest, BulkError> {
    let mut body = json!({ "failOnErrors": 1 });
    body["Operations"] = operations;
    BulkRequest::read(&body, 10)
}

fn user(bulk_id: &str) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": bulk_id, "data": { "userName": bulk_id } })
}

fn group(bulk_id: &str, members: &[&str]) -> Value {
    let members: Vec<Value> =
        members.iter().map(|id| json!({ "type": "User", "value": format!("bulkId:{id}") })).collect();
    let data = json!({ "displayName": bulk_id, "members": members });
    json!({ "method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data })
}

#[test]
fn operations_are_read() {
    // RFC 7644 3.7.3.
    let request = read(json!([
        { "method": "POST", "path": "/Users", "bulkId": "qwerty", "data": { "userName": "Alice" } },
        { "method": "PUT", "path": "/Users/b7c14771", "version": "W/\"3694e05e9dff591\"", "data": { "userName": "Bob" } },
        { "method": "patch", "path": "Users/5d8d29d3", "data": { "Operations": [] } },
        { "method": "DELETE", "path": "/Users/e9025315", "version": "W/\"0ee8add0a938e1a\"" },
    ]))
    .unwrap();
    let read: Vec<_> =
        request.operations.iter().flatten().map(|o| (o.method, o.target.kind.name, o.target.id.as_deref())).collect();
    assert_eq!(
        read,
        [
            (Method::Post, "User", None),
            (Method::Put, "User", Some("b7c14771")),
            (Method::Patch, "User", Some("5d8d29d3")),
            (Method::Delete, "User", Some("e9025315")),
        ]
    );
    assert_eq!(request.operations[3].as_ref().unwrap().version.as_deref(), Some("W/\"0ee8add0a938e1a\""));
    assert_eq!(request.order().unwrap(), [0, 1, 2, 3]);
    assert!(!request.stops_after(0) && request.stops_after(1));
    let patient = BulkRequest::read(&json!({ "Operations": [] }), 10).unwrap();
    assert!(!patient.stops_after(u32::MAX));
}

#[test]
fn what_is_referred_to_is_made_before() {
    let request = read(json!([group("tours", &["alice", "bob"]), user("bob"), user("alice"), user("carol")])).unwrap();
    assert_eq!(request.order().unwrap(), [1, 2, 0, 3]);
    let by_path = read(json!([
        { "method": "PATCH", "path": "/Groups/bulkId:tours", "data": {
            "Operations": [{ "op": "remove", "path": "members[value eq \"bulkId:bob\"]" }]
        } },
        group("tours", &[]),
        user("bob"),
    ]))
    .unwrap();
    assert_eq!(by_path.order().unwrap(), [1, 2, 0]);
}

#[test]
fn those_that_wait_for_one_another_in_a_row_are_done_from_its_end() {
    const MANY: usize = 10_000;
    let name = |n: usize| format!("g{n}");
    let operations: Vec<Value> =
        (0..MANY).map(|n| if n + 1 < MANY { group(&name(n), &[&name(n + 1)]) } else { group(&name(n), &[]) }).collect();
    let request = BulkRequest::read(&json!({ "Operations": operations }), MANY).unwrap();
    let order = request.order().unwrap();
    assert!(order.into_iter().eq((0..MANY).rev()));
}

#[test]
fn circles_are_refused_and_what_nobody_makes_is_not_waited_for() {
    let circle = read(json!([user("x"), group("a", &["b"]), group("b", &["a"])])).unwrap().order().unwrap_err();
    assert_eq!(circle, BulkError::Circular("a, b".to_owned()));
    assert_eq!(ErrorMessage::from(&circle).status, "409");
    let own = read(json!([group("a", &["a"])])).unwrap().order();
    assert_eq!(own, Err(BulkError::Circular("a".to_owned())));
    // Whoever made it cannot be read, or is not there: the one that refers to it fails by itself.
    let bad = json!({ "method": "POST", "path": "/Users", "bulkId": "b" });
    let request = read(json!([group("a", &["b", "nobody"]), bad, user("x")])).unwrap();
    assert_eq!(request.order().unwrap(), [0, 1, 2]);
}

#[test]
fn references_are_replaced_by_ids() {
    let mut ids = BulkIds::default();
    ids.insert("alice", "92b725cd");
    let mut data = json!({
        "members": [{ "value": "bulkId:alice", "type": "User" }],
        "Operations": [{ "path": "members[value eq \"bulkId:alice\" or value eq \"bulkId:alice\"]" }],
        "displayName": "about bulkId:alice",
    });
    ids.resolve(&mut data).unwrap();
    assert_eq!(
        data,
        json!({
            "members": [{ "value": "92b725cd", "type": "User" }],
            "Operations": [{ "path": "members[value eq \"92b725cd\" or value eq \"92b725cd\"]" }],
            "displayName": "about bulkId:alice",
        })
    );
    assert_eq!(ids.resolve_id("bulkId:alice").as_deref(), Ok("92b725cd"));
    assert_eq!(ids.resolve_id("17").as_deref(), Ok("17"));
    assert_eq!(kind(ids.resolve_id("bulkId:bob")), ScimType::InvalidValue);
    assert_eq!(kind(ids.resolve(&mut json!(["bulkId:bob"]))), ScimType::InvalidValue);
}

#[test]
fn an_operation_that_cannot_be_read_is_an_error_of_its_own() {
    for (operation, method, bulk_id) in [
        (json!(1), "", None),
        (json!({ "method": "GET", "path": "/Users/1" }), "GET", None),
        (json!({ "method": 7, "bulkId": "a" }), "", Some("a")),
        (json!({ "method": "POST", "path": "/Users", "data": {} }), "POST", None),
        (json!({ "method": "post", "path": "/Users/1", "bulkId": "a", "data": {} }), "post", Some("a")),
        (json!({ "method": "POST", "path": "/Devices", "bulkId": "a", "data": {} }), "POST", Some("a")),
        (json!({ "method": "POST", "path": "/Users", "bulkId": "a" }), "POST", Some("a")),
        (json!({ "method": "PUT", "path": "/Users", "data": {} }), "PUT", None),
        (json!({ "method": "PUT", "path": "/Users/1" }), "PUT", None),
        (json!({ "method": "DELETE", "path": "/Users/1/2" }), "DELETE", None),
        (json!({ "method": "DELETE" }), "DELETE", None),
        (user("x"), "POST", Some("x")),
    ] {
        let request = read(json!([user("x"), operation, user("y")])).unwrap();
        assert!(request.operations[0].is_ok() && request.operations[2].is_ok(), "{operation}");
        let bad = request.operations[1].as_ref().unwrap_err();
        assert_eq!((bad.method.as_str(), bad.bulk_id.as_deref()), (method, bulk_id), "{operation}");
        assert_eq!(bad.error.kind, ScimType::InvalidSyntax, "{operation}");
        assert!(bad.error.detail.starts_with("operation 2: "), "{}", bad.error.detail);
        assert_eq!(request.order().unwrap(), [0, 1, 2]);
    }
    let long = read(json!([{ "method": "x".repeat(1000), "bulkId": "y".repeat(1000) }])).unwrap();
    let bad = long.operations[0].as_ref().unwrap_err();
    assert_eq!((bad.method.len(), bad.bulk_id.as_ref().unwrap().len()), (256, 256));
}

#[test]
fn requests_that_cannot_be_done_are_refused_as_a_whole() {
    assert!(BulkRequest::read(&json!({}), 10).is_err());
    assert!(BulkRequest::read(&json!({ "Operations": {} }), 10).is_err());
    assert!(BulkRequest::read(&json!({ "failOnErrors": "x", "Operations": [] }), 10).is_err());
    let many = read(json!(vec![json!(1); 11])).unwrap_err();
    assert_eq!((ErrorMessage::from(&many).status.as_str(), many), ("413", BulkError::TooManyOperations(10)));
}

#[test]
fn answers_have_the_form_of_the_rfc() {
    let failed = BulkResult {
        location: None,
        method: "POST".to_owned(),
        bulk_id: Some("qwerty".to_owned()),
        version: None,
        status: "400".to_owned(),
        response: Some(ErrorMessage::new(400, Some(ScimType::InvalidSyntax), "no")),
    };
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
    assert_eq!(
        serde_json::to_value(BulkResponse::new(vec![failed])).unwrap(),
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
            "Operations": [{
                "method": "POST",
                "bulkId": "qwerty",
                "status": "400",
                "response": { "schemas": schemas, "status": "400", "scimType": "invalidSyntax", "detail": "no" }
            }]
        })
    );
}
