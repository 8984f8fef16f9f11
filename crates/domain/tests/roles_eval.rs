//! Documents of questions: what is answered, and what is refused where.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use doorward_domain::roles::eval::evaluate;
use serde_json::{Value, json};

fn answers(document: &Value) -> Vec<Value> {
    let answer = evaluate(&document.to_string()).unwrap();
    answer["results"].as_array().unwrap().clone()
}

/// A document with one subject `s` and one question on `object`.
fn ask(subject: &Value, action: &str, object: &Value) -> Value {
    let question = json!({"subject": "s", "action": action, "object": object});
    answers(&json!({"subjects": {"s": subject}, "questions": [question]})).remove(0)
}

fn code(subject: &Value, action: &str, object: &Value) -> String {
    ask(subject, action, object)["because"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_document_is_answered_in_order() {
    let document = json!({
        "roles": [
            {"name": "cook", "site": [], "org": {"kitchen": [{"negate": false, "resource": "spaceship", "actions": ["fly", "land"]}], "hall": []}, "user": []}
        ],
        "scopes": [
            {"name": "reader", "site": [{"negate": false, "resource": "*", "actions": ["read"]}], "org": {}, "user": [], "allow_list": ["*"]}
        ],
        "subjects": {
            "cook": {"id": "c", "roles": ["custom:cook"], "groups": ["g"], "scope": "all"},
            "reader": {"id": "r", "roles": ["owner"], "groups": [], "scope": "reader"}
        },
        "questions": [
            {"subject": "cook", "action": "fly", "object": {"type": "spaceship", "org": "kitchen"}},
            {"subject": "cook", "action": "*", "object": {"type": "spaceship", "org": "kitchen"}},
            {"subject": "cook", "action": "fly", "object": {"type": "spaceship", "any_org": true}},
            {"subject": "cook", "action": "read", "object": {"type": "template", "org": "hall", "acl_group_list": {"hall": ["read"]}}},
            {"subject": "cook", "action": "x", "object": {"type": "y", "org": "hall", "acl_group_list": {"g": ["x"]}}},
            {"subject": "cook", "action": "x", "object": {"type": "y", "org": "nowhere", "acl_group_list": {"g": ["*"]}}},
            {"subject": "reader", "action": "read", "object": {"type": "template"}},
            {"subject": "reader", "action": "update", "object": {"type": "template"}}
        ]
    });
    let allowed: Vec<bool> = answers(&document).iter().map(|answer| answer["allow"].as_bool().unwrap()).collect();
    assert_eq!(allowed, [true, false, true, true, true, false, true, false]);
    assert_eq!(answers(&document)[0]["because"]["roles"], json!(["cook"]));
}

#[test]
fn nothing_set_is_an_answer() {
    let workspace = json!({"type": "workspace", "acl_user_list": {"a": ["*"]}});
    for roles in [json!([]), Value::Null] {
        assert_eq!(code(&json!({"id": "a", "roles": roles, "scope": "all"}), "read", &workspace), "no_roles");
    }
    for scope in [json!(""), Value::Null] {
        assert_eq!(code(&json!({"id": "a", "roles": ["owner"], "scope": scope}), "read", &workspace), "no_scope");
    }
    assert_eq!(code(&json!({}), "read", &workspace), "no_roles");
    assert_eq!(evaluate(r#"{"questions": []}"#).unwrap(), json!({"results": []}));
}

#[test]
fn any_organization_and_an_organization_is_denied() {
    let owner = json!({"id": "a", "roles": ["owner", "organization-admin:o"], "scope": "all"});
    let asks =
        |org: &Value, any: &Value| code(&owner, "read", &json!({"type": "workspace", "org": org, "any_org": any}));
    assert_eq!(asks(&json!("o"), &json!(true)), "organization_and_any");
    assert_eq!(asks(&json!("00000000-0000-0000-0000-000000000000"), &json!(true)), "site_allows");
    assert_eq!(asks(&json!("o"), &Value::Null), "site_allows");
    assert_eq!(asks(&Value::Null, &json!(true)), "site_allows");
}

#[test]
fn subjects_have_exactly_the_roles_they_name() {
    let mine = json!({"type": "workspace", "owner": "a"});
    assert_eq!(code(&json!({"id": "a", "roles": ["auditor"], "scope": "all"}), "read", &mine), "nothing_allows");
    assert_eq!(code(&json!({"id": "a", "roles": ["member"], "scope": "all"}), "read", &mine), "user_allows");
    let text = json!({"type": "group", "org": "any: text"});
    assert_eq!(
        code(&json!({"id": "a", "roles": ["organization-admin:any: text"], "scope": "all"}), "read", &text),
        "organization_allows"
    );
}

#[test]
fn mistakes_are_named_with_their_place() {
    let good = json!({
        "roles": [{"name": "r", "site": [{"negate": false, "resource": "x", "actions": ["y"]}], "org": {"o": []}, "user": []}],
        "scopes": [{"name": "c", "site": [], "org": {}, "user": [], "allow_list": ["*"]}],
        "subjects": {"s": {"id": "a", "roles": ["owner"], "groups": [], "scope": "all"}},
        "questions": [{"subject": "s", "action": "read", "object": {"type": "user", "acl_user_list": {"a b": []}}}]
    });
    assert!(evaluate(&good.to_string()).is_ok());
    let cases = [
        ("/more", json!(1), "more", "unknown key `more`, expected one of roles, scopes, subjects, questions"),
        ("/questions", Value::Null, "questions", "expected an array, found nothing"),
        ("/questions/0/subject", json!("t"), "questions[0].subject", "unknown subject `t`"),
        ("/questions/0/action", Value::Null, "questions[0].action", "expected a string, found nothing"),
        ("/questions/0/object", json!([]), "questions[0].object", "expected an object, found an array"),
        ("/questions/0/object/type", json!(1), "questions[0].object.type", "expected a string, found a number"),
        (
            "/questions/0/object/any_org",
            json!("true"),
            "questions[0].object.any_org",
            "expected a boolean, found a string",
        ),
        ("/questions/0/object/organization", json!(""), "questions[0].object.organization", ""),
        ("/questions/0/object/acl_user_list/a b", json!("read"), "questions[0].object.acl_user_list[\"a b\"]", ""),
        ("/questions/0/object/acl_group_list", json!([]), "questions[0].object.acl_group_list", ""),
        ("/subjects/s/roles", json!("owner"), "subjects.s.roles", "expected an array, found a string"),
        ("/subjects/s/roles/0", json!("nobody"), "subjects.s.roles[0]", "unknown role `nobody`"),
        ("/subjects/s/roles/0", json!("r"), "subjects.s.roles[0]", "unknown role `r`"),
        (
            "/subjects/s/roles/0",
            json!("custom:q"),
            "subjects.s.roles[0]",
            "unknown role `custom:q`: `roles` has no `q`",
        ),
        (
            "/subjects/s/roles/0",
            json!("owner:o"),
            "subjects.s.roles[0]",
            "unknown role `owner:o`: it is a site role and takes no organization",
        ),
        (
            "/subjects/s/roles/0",
            json!("organization-admin"),
            "subjects.s.roles[0]",
            "unknown role `organization-admin`: it is an organization role, written `name:organization`",
        ),
        ("/subjects/s/roles/0", json!("organization-admin:"), "subjects.s.roles[0]", ""),
        ("/subjects/s/scope", json!("none"), "subjects.s.scope", "unknown scope `none`"),
        ("/subjects/s/scope", json!(["all"]), "subjects.s.scope", "expected a string, found an array"),
        ("/subjects/s/id", json!(7), "subjects.s.id", ""),
        ("/subjects/s/username", json!("a"), "subjects.s.username", ""),
        ("/roles/0/name", json!(""), "roles[0].name", "the name must not be empty"),
        ("/roles/0/site/0/action", json!("read"), "roles[0].site[0].action", ""),
        ("/roles/0/site/0/actions", json!("*"), "roles[0].site[0].actions", ""),
        ("/roles/0/site/0/resource", Value::Null, "roles[0].site[0].resource", ""),
        ("/roles/0/org", json!([]), "roles[0].org", "expected an object, found an array"),
        ("/roles/0/org/o", json!({}), "roles[0].org.o", "expected an array, found an object"),
        ("/scopes/0/allow_list/0", json!(true), "scopes[0].allow_list[0]", "expected a string, found a boolean"),
        ("/scopes/0/org", json!({"o": [1]}), "scopes[0].org.o[0]", ""),
    ];
    for (pointer, value, place, message) in cases {
        let mut document = good.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Object(map) => {
                map.insert(key.to_owned(), value);
            }
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("{pointer}"),
        }
        let error = evaluate(&document.to_string()).unwrap_err();
        assert_eq!(error.place(), place);
        assert!(error.message().starts_with(message), "{place}: {}", error.message());
        assert_eq!(error.to_string(), format!("{place}: {}", error.message()));
    }
}

#[test]
fn text_that_is_not_json_is_named_with_its_position() {
    for (text, position, message) in [
        ("", (1, 0), "EOF while parsing a value"),
        ("{\n  \"questions\": [,]\n}", (2, 17), "expected value"),
        ("{} {}", (1, 4), "trailing characters"),
        ("{\"questions\": [],\n\"questions\": []}", (2, 16), "key `questions` stands twice"),
    ] {
        let error = evaluate(text).unwrap_err();
        assert_eq!((error.position(), error.message()), (Some(position), message), "{text}");
        assert!(error.to_string().starts_with("line "), "{error}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(evaluate(&deep).unwrap_err().message(), "recursion limit exceeded");
    let twice = json!({"scopes": [{"name": "a"}, {"name": "a"}], "questions": []});
    assert_eq!(evaluate(&twice.to_string()).unwrap_err().to_string(), "scopes[1]: `a` is defined twice");
    for name in ["all", "application_connect"] {
        let built_in = json!({"scopes": [{"name": "a"}, {"name": name}], "questions": []});
        let told = format!("scopes[1].name: `{name}` is a built-in scope and cannot be defined");
        assert_eq!(evaluate(&built_in.to_string()).unwrap_err().to_string(), told);
    }
}
