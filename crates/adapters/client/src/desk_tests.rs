//! Servers that answer as none should.

use super::*;
use crate::Ctl;
use crate::mock::{Mock, json};
use clap::Parser;
use serde_json::json;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    ctl: Ctl,
}

/// Carries out what is typed behind `doorward ctl`.
fn types(desk: &Desk, typed: &str) -> anyhow::Result<ExitCode> {
    match Line::parse_from(["ctl"].into_iter().chain(typed.split(' '))).ctl {
        Ctl::User(noun) => noun.command.act(desk),
        Ctl::Org(noun) => noun.command.act(desk),
        Ctl::Group(noun) => noun.command.act(desk),
        Ctl::Role(noun) => noun.command.act(desk),
        Ctl::App(noun) => noun.command.act(desk),
        Ctl::Token(noun) => noun.command.act(desk),
        Ctl::Session(noun) => noun.command.act(desk),
        Ctl::Audit(noun) => noun.command.act(desk),
        Ctl::Verb(_) => panic!("{typed} is not about a thing"),
    }
}

const ID: &str = "00000000-0000-7000-8000-000000000001";

#[test]
fn a_page_of_something_else_is_no_success() {
    let page = || (200, "text/html", "<!doctype html><title>portal</title>".to_owned());
    let (portal, empty) = (Mock::new(move |_| page()), Mock::new(|_| (200, "text/html", String::new())));
    for typed in [
        "user list",
        "user show ann",
        "user create --username robot --service-account",
        "user suspend ann --yes",
        "user delete ann --yes",
        "org list",
        "org set-roles acme ann auditor",
        "org remove-member acme ann --yes",
        "group list",
        "role list",
        "role delete deployer --yes",
        "app list",
        "app secret create grafana",
        "token list",
        "token create",
        "session list",
        "session end x --yes",
        "audit list",
        "audit export",
    ] {
        for mock in [&portal, &empty] {
            let error = types(&mock.desk(), typed).unwrap_err().to_string();
            assert!(error.contains(STRANGE) || error.contains("answers without"), "{typed}: {error}");
        }
    }
}

#[test]
fn an_answer_without_what_each_has_is_no_success() {
    let mock = Mock::new(|_| json(200, &json!({})));
    let typed = [
        "user list",
        "user show ann",
        "user suspend ann --yes",
        "org list",
        "org create acme",
        "group create eng",
        "role list",
        "app create grafana",
        "token list",
        "token create",
        "session list",
        "audit list",
        "audit export --format csv",
    ];
    for typed in typed {
        let error = types(&mock.desk(), typed).unwrap_err().to_string();
        assert!(error.contains(STRANGE) || error.contains("answers without"), "{typed}: {error}");
    }
    let app = format!("app secret create {ID}");
    let mock = Mock::new(|asked| json(200, &if asked.starts_with("GET") { json!({"id": ID}) } else { json!({}) }));
    assert!(types(&mock.desk(), &app).unwrap_err().to_string().contains("client_secret_full"));
    // What says nothing on purpose is done.
    let mock = Mock::new(|asked| {
        if asked.starts_with("GET") { json(200, &json!({"user_id": ID})) } else { (204, "text/plain", String::new()) }
    });
    types(&mock.desk(), "org remove-member acme ann --yes").unwrap();
}

#[test]
fn a_list_that_does_not_end_is_none() {
    let row = json!({"id": ID, "username": "ann", "time": "x"});
    let mock = Mock::new(move |_| json(200, &json!({"users": vec![&row; 200], "audit_logs": vec![&row; 200]})));
    for typed in ["user list", "audit list --limit 0"] {
        let before = mock.heard().len();
        let error = types(&mock.desk(), typed).unwrap_err().to_string();
        assert!(error.contains("again and again"), "{typed}: {error}");
        assert_eq!(mock.heard().len() - before, 2, "{typed}");
    }
    // More than was asked for is not taken.
    let list = Paged { parts: &["users"], query: &[], member: "users", by_id: true };
    assert_eq!(mock.desk().pages(&list, Some(3)).unwrap().len(), 3);
}
