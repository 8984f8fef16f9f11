//! What lists and answers show: projection, order, pages, messages (RFC 7644 3.4.2, 3.4.3, 3.9).

use super::*;
use crate::scim::{ErrorMessage, ListResponse, Paging, Projection, SearchRequest, Sort, SortOrder};
use std::cmp::Ordering;

fn shown(attributes: Option<&str>, excluded: Option<&str>) -> Value {
    Projection::read(&USER, attributes, excluded).unwrap().apply(&bjensen()).into()
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn nothing_asked_for_shows_all() {
    assert_eq!(shown(None, None), Value::from(bjensen()));
    assert_eq!(shown(Some(""), Some(" ")), Value::from(bjensen()));
    assert_eq!(Projection::all(&USER).apply(&bjensen()), bjensen());
}

#[test]
fn what_is_asked_for_comes_with_what_is_always_shown() {
    let user = shown(Some("userName, NAME.familyname,emails.value,nope"), None);
    assert_eq!(names(&user), ["emails", "id", "name", "schemas", "userName"]);
    assert_eq!(user["name"], json!({ "familyName": "Jensen" }));
    assert_eq!(user["emails"], json!([{ "value": "bjensen@example.com" }, { "value": "babs@jensen.org" }]));
    assert_eq!(names(&shown(Some("nope"), None)), ["id", "schemas"]);
    // A part and the whole: the whole.
    assert_eq!(shown(Some("name.familyName,name"), None)["name"], *bjensen().get("name").unwrap());
}

#[test]
fn urns_name_attributes_and_whole_extensions() {
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User:userName";
    assert_eq!(names(&shown(Some(urn), None)), ["id", "schemas", "userName"]);
    let user = shown(Some(&format!("{ENTERPRISE}:manager.value,{ENTERPRISE}:department")), None);
    let manager = json!({ "value": "26118915-6090-4610-87e4-49d8ca9f808d" });
    assert_eq!(user[ENTERPRISE], json!({ "department": "Tour Operations", "manager": manager }));
    assert_eq!(shown(Some(ENTERPRISE), None)[ENTERPRISE], *bjensen().get(ENTERPRISE).unwrap());
    assert_eq!(shown(None, Some(ENTERPRISE)).get(ENTERPRISE), None);
    assert_eq!(shown(None, Some(&format!("{ENTERPRISE}:manager")))[ENTERPRISE].get("manager"), None);
}

#[test]
fn what_is_excluded_is_not_shown_but_for_what_always_is() {
    let user = shown(None, Some("id,schemas,emails,name.givenName,meta"));
    assert_eq!((user.get("emails"), user.get("meta"), user["name"].get("givenName")), (None, None, None));
    assert_eq!(user["name"]["familyName"], "Jensen");
    assert!(user.get("id").is_some() && user.get("schemas").is_some());
}

#[test]
fn not_both_can_be_asked_for() {
    assert_eq!(kind(Projection::read(&USER, Some("a"), Some("b"))), ScimType::InvalidValue);
}

#[test]
fn members_that_are_not_shown_need_not_be_read() {
    let shows = |attributes, excluded| Projection::read(&GROUP, attributes, excluded).unwrap().shows("members");
    assert!(shows(None, None));
    assert!(shows(Some("members.value"), None));
    assert!(!shows(Some("displayName"), None));
    assert!(!shows(None, Some("members")));
    assert!(shows(None, Some("members.display")));
    let mut group = tour_guides();
    group.insert("members", json!([]));
    assert_eq!(Projection::all(&GROUP).apply(&group).get("members"), Some(&json!([])));
}

#[test]
fn lists_are_sorted_by_types_and_primary_values() {
    let user = |body: Value| USER.read(&body).unwrap();
    let sorted = |by: &str, order: Option<&str>| -> Vec<String> {
        let mut users = [
            user(
                json!({ "userName": "b", "title": "X", "emails": [{ "value": "z@x" }, { "value": "a@x", "primary": true }] }),
            ),
            user(json!({ "userName": "A", "emails": [{ "value": "B@x" }] })),
            user(json!({ "userName": "c", "title": "a", "active": false })),
        ];
        let sort = Sort::read(&USER, by, order).unwrap();
        users.sort_by(|one, other| sort.compare(one, other));
        users.iter().map(|user| user.text("userName").unwrap().to_owned()).collect()
    };
    assert_eq!(sorted("userName", None), ["A", "b", "c"]);
    assert_eq!(sorted("USERNAME", Some("Descending")), ["c", "b", "A"]);
    assert_eq!(sorted("title", None), ["c", "b", "A"]);
    assert_eq!(sorted("title", Some("descending")), ["A", "b", "c"]);
    assert_eq!(sorted("emails", Some("ascending")), ["b", "A", "c"]);
    assert_eq!(sorted("emails.value", None), ["b", "A", "c"]);
    let mut changed = bjensen();
    changed.insert("meta", json!({ "lastModified": "2011-05-13T04:42:35+01:00" }));
    let sort = Sort::read(&USER, "meta.lastModified", None).unwrap();
    assert_eq!((sort.compare(&changed, &bjensen()), sort.order), (Ordering::Less, SortOrder::Ascending));
}

#[test]
fn what_cannot_be_sorted_by_is_refused() {
    for (by, order) in [("nope", None), ("name", None), ("a b", None), ("userName", Some("up")), (ENTERPRISE, None)] {
        assert_eq!(kind(Sort::read(&USER, by, order)), ScimType::InvalidValue, "{by}");
    }
}

#[test]
fn pages_start_at_one_and_have_a_limit() {
    let page = |start, count| {
        let paging = Paging::new(start, count, 100);
        (paging.start_index, paging.count, paging.offset())
    };
    assert_eq!(page(None, None), (1, 100, 0));
    assert_eq!(page(Some(0), Some(0)), (1, 0, 0));
    assert_eq!(page(Some(i64::MIN), Some(i64::MIN)), (1, 0, 0));
    assert_eq!(page(Some(101), Some(50)), (101, 50, 100));
    assert_eq!(page(Some(i64::MAX), Some(i64::MAX)).1, 100);
}

#[test]
fn lists_and_errors_have_the_forms_of_the_rfc() {
    let list = ListResponse::new(vec![json!({ "id": "1" })], 12, Paging::new(Some(3), Some(1), 10));
    assert_eq!(
        serde_json::to_value(list).unwrap(),
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 12,
            "startIndex": 3,
            "itemsPerPage": 1,
            "Resources": [{ "id": "1" }]
        })
    );
    let empty = serde_json::to_value(ListResponse::<Value>::whole(Vec::new())).unwrap();
    assert_eq!((&empty["totalResults"], &empty["startIndex"], &empty["Resources"]), (&json!(0), &json!(1), &json!([])));
    let error = serde_json::to_value(ErrorMessage::new(404, None, "no such user")).unwrap();
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
    assert_eq!(error, json!({ "schemas": schemas, "status": "404", "detail": "no such user" }));
    for kind in ScimType::ALL {
        let error = ErrorMessage::from(&ScimError::new(*kind, "x"));
        assert_eq!((error.status, error.kind), (kind.status().to_string(), Some(*kind)));
    }
}

#[test]
fn searches_are_read_as_the_parameters_of_lists() {
    // RFC 7644 3.4.3.
    let request = SearchRequest::read(&json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "attributes": ["displayName", "userName"],
        "filter": "displayName sw \"smith\"",
        "startIndex": 1,
        "Count": 10
    }))
    .unwrap();
    assert_eq!(
        request,
        SearchRequest {
            attributes: Some("displayName,userName".to_owned()),
            filter: Some("displayName sw \"smith\"".to_owned()),
            start_index: Some(1),
            count: Some(10),
            ..SearchRequest::default()
        }
    );
    for body in [json!([]), json!({ "count": "1" }), json!({ "filter": 1 }), json!({ "attributes": [1] })] {
        assert_eq!(kind(SearchRequest::read(&body)), ScimType::InvalidSyntax, "{body}");
    }
}
