//! `doorward access eval`.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn eval(document: &str) -> Output {
    let mut child = Command::new(crate::DOORWARD)
        .args(["access", "eval", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn answers_come_in_the_order_of_the_questions() {
    let output = eval(
        r#"{"roles": [{"name": "reader", "site": [], "org": {"o1": [{"negate": false, "resource": "template", "actions": ["read"]}]}, "user": []}],
            "scopes": [{"name": "only-x", "site": [{"negate": false, "resource": "*", "actions": ["*"]}], "org": {}, "user": [], "allow_list": ["x"]}],
            "subjects": {"ann": {"id": "a", "roles": ["member", "custom:reader"], "groups": [], "scope": "all"},
                         "bob": {"id": "b", "roles": ["owner"], "scope": "only-x"}},
            "questions": [
              {"subject": "ann", "action": "read", "object": {"type": "template", "org": "o1"}},
              {"subject": "ann", "action": "update", "object": {"type": "template", "org": "o1"}},
              {"subject": "ann", "action": "use", "object": {"type": "template", "org": "o1", "acl_user_list": {"a": ["use"]}}},
              {"subject": "bob", "action": "read", "object": {"type": "user", "id": "x"}},
              {"subject": "bob", "action": "read", "object": {"type": "user", "id": "y"}}]}"#,
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: Vec<bool> =
        answer["results"].as_array().unwrap().iter().map(|r| r["allow"].as_bool().unwrap()).collect();
    assert_eq!(allowed, [true, false, true, true, false]);
    assert!(answer["results"].as_array().unwrap().iter().all(|result| result["because"].is_object()));
}

#[test]
fn bad_input_is_exit_2_with_the_place() {
    for (document, place) in [
        ("", "line"),
        ("{", "line"),
        (
            r#"{"questions": [{"subject": "nobody", "action": "read", "object": {"type": "user"}}]}"#,
            "questions[0].subject",
        ),
        (r#"{"subjects": {"a": {"id": "a", "roles": ["no-such-role"], "scope": "all"}}}"#, "subjects.a.roles[0]"),
        (r#"{"subjects": {"a": {"id": 7}}}"#, "subjects.a.id"),
        (r#"{"question": []}"#, "question"),
    ] {
        let output = eval(document);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{document}: {message}");
        assert!(message.contains(place), "{document}: {message}");
        assert!(output.stdout.is_empty());
    }
}
