//! Looking after a server from the command line.

use crate::client::{PASSWORD, Site};
use crate::command_line::Person;
use serde_json::json;

#[test]
fn users_are_made_found_changed_and_deleted() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    for name in ["ann", "bob"] {
        let mail = format!("{name}@example.com");
        let made = person.typing(
            &["ctl", "user", "create", "--username", name, "--email", &mail, "--password-stdin"],
            &format!("{PASSWORD}\n"),
        );
        assert!(made.expect(0).out.starts_with(&format!("Created {name} (")));
    }
    let taken = person.typing(
        &["ctl", "user", "create", "--username", "ann", "--email", "x@example.com", "--password-stdin"],
        &format!("{PASSWORD}\n"),
    );
    let taken = taken.expect(1);
    assert!(taken.err.contains("(409)") && taken.err.contains("username:"), "{}", taken.err);
    let weak = person.typing(
        &["ctl", "user", "create", "--username", "carol", "--email", "carol@example.com", "--password-stdin"],
        "hunter2\n",
    );
    let weak = weak.expect(1);
    assert!(weak.err.contains("password:") && !weak.err.contains("hunter2"), "{}", weak.err);

    let robot = person.types(&["ctl", "user", "create", "--username", "robot", "--service-account", "-o", "json"]);
    assert_eq!(robot.expect(0).json()["is_service_account"], true);

    let listed = person.types(&["ctl", "user", "list"]).expect(0);
    assert!(listed.out.starts_with("USERNAME") && listed.rows().len() == 4, "{}", listed.out);
    let found = person.types(&["ctl", "user", "ls", "ann", "--columns", "email,username", "--no-header"]).expect(0);
    assert_eq!(found.out, "ann@example.com  ann\n");
    assert_eq!(
        person.types(&["ctl", "user", "list", "--limit", "2", "-o", "json"]).expect(0).json().as_array().unwrap().len(),
        2
    );
    let columns = person.types(&["ctl", "user", "list", "--columns", "shoe-size"]).expect(2);
    assert!(columns.err.contains("username, email"), "{}", columns.err);

    person.types(&["ctl", "user", "edit", "ann", "--name", "Ann Example", "--role", "auditor"]).expect(0);
    let shown = person.types(&["ctl", "user", "show", "ann"]).expect(0).out;
    assert!(shown.contains("Ann Example") && shown.contains("auditor"), "{shown}");
    person.types(&["ctl", "user", "edit", "ann", "--no-roles"]).expect(0);
    assert!(!person.types(&["ctl", "user", "show", "ann"]).expect(0).out.contains("auditor"));
    person.types(&["ctl", "user", "edit", "ann"]).expect(2);

    let asked = person.types(&["ctl", "user", "suspend", "ann"]).expect(2);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    person.types(&["ctl", "user", "suspend", "ann", "--yes"]).expect(0);
    let status = ["ctl", "user", "show", "ann", "--columns", "status", "--no-header"];
    assert_eq!(person.types(&status).expect(0).out, "suspended\n");
    person.types(&["ctl", "user", "activate", "ann"]).expect(0);
    person.typing(&["ctl", "user", "set-password", "ann", "--password-stdin"], "AnotherSecure1!Password\n").expect(0);
    person.types(&["ctl", "user", "delete", "bob", "--yes"]).expect(0);
    let gone = person.types(&["ctl", "user", "delete", "bob", "--yes"]).expect(1);
    assert!(gone.err.contains("bob") || gone.err.contains("(400)"), "{}", gone.err);
    // Where a name would lead elsewhere, nothing is sent.
    person.types(&["ctl", "user", "show", ".."]).expect(2);
    for name in [".\t.", ".\n.", "\t"] {
        person.types(&["ctl", "user", "show", name]).expect(2);
        person.types(&["ctl", "session", "end", name, "--user", "ann", "--yes"]).expect(2);
    }
    person.types(&["ctl", "user", "show", "ann"]).expect(0);
}

#[test]
fn lists_of_many_are_followed_page_by_page() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    let organization = site.api.get("/api/v2/organizations/default").json()["id"].clone();
    for n in 0..205 {
        let body =
            json!({"username": format!("robot{n:03}"), "service_account": true, "organization_ids": [organization]});
        assert_eq!(site.api.post("/api/v2/users", &body).status, 201);
    }
    let names = |arguments: &[&str]| {
        let said = person.types(arguments).expect(0);
        let mut names: Vec<String> = said.out.lines().map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names.len()
    };
    assert_eq!(names(&["ctl", "user", "list", "--columns", "username", "--no-header"]), 206);
    assert_eq!(names(&["ctl", "user", "list", "--columns", "username", "--no-header", "--limit", "203"]), 203);
    assert_eq!(names(&["ctl", "org", "members", "default", "--columns", "username", "--no-header"]), 206);
    assert!(names(&["ctl", "audit", "list", "--limit", "0", "--columns", "id", "--no-header"]) >= 206);
    assert_eq!(names(&["ctl", "audit", "list", "--columns", "id", "--no-header"]), 100);
}

#[test]
fn organizations_groups_and_roles_are_looked_after() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    for name in ["ann", "bob"] {
        person.types(&["ctl", "user", "create", "--username", name, "--service-account"]).expect(0);
    }
    person.types(&["ctl", "org", "create", "acme", "--display-name", "Acme Ltd"]).expect(0);
    person.types(&["ctl", "org", "edit", "acme", "--description", "all of it"]).expect(0);
    assert!(person.types(&["ctl", "org", "show", "acme"]).expect(0).out.contains("all of it"));
    assert_eq!(person.types(&["ctl", "org", "list"]).expect(0).rows().len(), 2);

    let role = ["ctl", "role", "create", "deployer", "--org", "acme", "--permission", "template:read"];
    person.types(&role).expect(0);
    let bad = person.types(&["ctl", "role", "create", "x", "--org", "acme", "--permission", "template"]).expect(2);
    assert!(bad.err.contains("`template` is no permission"), "{}", bad.err);
    let edit = [
        "ctl",
        "role",
        "edit",
        "deployer",
        "--org",
        "acme",
        "--permission",
        "template:read",
        "--permission",
        "template:use",
    ];
    person.types(&edit).expect(0);
    let shown = person.types(&["ctl", "role", "show", "deployer", "--org", "acme"]).expect(0).out;
    assert!(shown.contains("template:read template:use"), "{shown}");
    assert!(person.types(&["ctl", "role", "list"]).expect(0).out.contains("owner"));

    person.types(&["ctl", "org", "add-member", "acme", "ann", "bob", "--role", "deployer"]).expect(0);
    let members = person.types(&["ctl", "org", "members", "acme", "--columns", "username,roles"]).expect(0);
    assert!(members.rows().contains(&vec!["ann", "deployer"]), "{}", members.out);
    person.types(&["ctl", "org", "set-roles", "acme", "ann"]).expect(0);

    person.types(&["ctl", "group", "create", "eng", "--org", "acme", "--quota", "3", "--add", "ann"]).expect(0);
    person
        .types(&[
            "ctl",
            "group",
            "edit",
            "eng",
            "--org",
            "acme",
            "--add",
            "bob",
            "--remove",
            "ann",
            "--display-name",
            "E",
        ])
        .expect(0);
    let of = person.types(&["ctl", "group", "members", "eng", "--org", "acme", "--columns", "username", "--no-header"]);
    assert_eq!(of.expect(0).out, "bob\n");
    let listed = person.types(&["ctl", "group", "list", "--org", "acme", "--member", "bob"]).expect(0);
    assert!(listed.rows().iter().any(|row| row[0] == "eng" && row.contains(&"3")), "{}", listed.out);
    let missing = person.types(&["ctl", "group", "show", "eng"]).expect(1);
    assert!(missing.err.contains("(404)"), "of another organization: {}", missing.err);

    person.types(&["ctl", "group", "delete", "eng", "--org", "acme", "--yes"]).expect(0);
    person.types(&["ctl", "role", "rm", "deployer", "--org", "acme", "--yes"]).expect(0);
    person.types(&["ctl", "org", "remove-member", "acme", "ann", "bob", "--yes"]).expect(0);
    person.types(&["ctl", "org", "delete", "acme", "--yes"]).expect(0);
}

#[test]
fn a_command_of_several_steps_looks_first_and_says_how_far_it_came() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    for name in ["ann", "bob", "dave"] {
        person.types(&["ctl", "user", "create", "--username", name, "--service-account"]).expect(0);
    }
    person.types(&["ctl", "org", "create", "acme"]).expect(0);
    let members = || {
        let said = person.types(&["ctl", "org", "members", "acme", "--columns", "username", "--no-header"]).expect(0);
        said.out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mistyped = person.types(&["ctl", "org", "add-member", "acme", "ann", "nosuch", "bob"]).expect(1);
    assert!(mistyped.err.contains("nobody was added, because of nosuch"), "{}", mistyped.err);
    let role = person.types(&["ctl", "org", "add-member", "acme", "ann", "--role", "nonsense"]).expect(1);
    assert!(role.err.contains("no role `nonsense` of the organization acme"), "{}", role.err);
    assert_eq!(members(), ["owner"]);
    // Who belongs to it already holds nobody up.
    person.types(&["ctl", "org", "add-member", "acme", "ann"]).expect(0);
    person.types(&["ctl", "org", "add-member", "acme", "ann", "bob", "--role", "organization-auditor"]).expect(0);
    assert_eq!(members(), ["ann", "bob", "owner"]);

    let stranger = person.types(&["ctl", "group", "create", "eng", "--org", "acme", "--add", "dave"]).expect(1);
    assert!(stranger.err.contains("dave is no member of acme"), "{}", stranger.err);
    person.types(&["ctl", "group", "show", "eng", "--org", "acme"]).expect(1);
    person.types(&["ctl", "user", "edit", "dave", "--username", "dave2", "--role", "nonsense"]).expect(1);
    person.types(&["ctl", "user", "show", "dave"]).expect(0);

    let nobody = person.types(&["ctl", "org", "remove-member", "acme", "ann", "nosuch", "--yes"]).expect(1);
    assert!(nobody.err.contains("nosuch is no member of acme"), "{}", nobody.err);
    assert_eq!(members(), ["ann", "bob", "owner"]);
    let oneself = person.types(&["ctl", "org", "remove-member", "acme", "ann", "owner", "bob", "--yes"]).expect(1);
    assert!(oneself.err.contains("done: ann; not done: owner, bob"), "{}", oneself.err);
    assert_eq!(members(), ["bob", "owner"]);
}

#[test]
fn apps_tokens_and_the_audit_log_are_looked_after() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    let made = [
        "ctl",
        "app",
        "create",
        "grafana",
        "--redirect-uri",
        "https://g.example/cb",
        "--icon",
        "/icon/x.svg",
        "-o",
        "json",
    ];
    let made = person.types(&made).expect(0).json();
    let secret = made["client_secret"].as_str().unwrap();
    assert!(secret.starts_with("coder_"));
    person
        .types(&["ctl", "app", "edit", "grafana", "--redirect-uri", "https://g.example/new", "--trusted", "true"])
        .expect(0);
    let app = person.types(&["ctl", "app", "show", "grafana", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&app["redirect_uris"], &app["icon"], &app["trusted"]),
        (&json!(["https://g.example/new"]), &json!("/icon/x.svg"), &json!(true))
    );
    let more = person.types(&["ctl", "app", "secret", "create", "grafana"]).expect(0).out;
    let listed = person.types(&["ctl", "app", "secret", "list", "grafana"]).expect(0);
    assert!(listed.rows().len() == 2 && !listed.out.contains(more.trim()), "{}", listed.out);
    let id = listed.rows()[0][0].to_owned();
    person.types(&["ctl", "app", "secret", "delete", "grafana", &id, "--yes"]).expect(0);
    let bad = person.types(&["ctl", "app", "create", "evil", "--redirect-uri", "javascript:alert(1)"]).expect(1);
    assert!(bad.err.contains("redirect_uris"), "{}", bad.err);
    person.types(&["ctl", "app", "delete", "grafana", "--yes"]).expect(0);
    assert!(person.types(&["ctl", "app", "show", "grafana"]).expect(1).err.contains("no app `grafana`"));

    let key = person
        .types(&["ctl", "token", "create", "--name", "ci", "--lifetime", "2h", "--scope", "user:read"])
        .expect(0)
        .out;
    assert_eq!(site.api.with(key.trim()).get("/api/v2/users/me").status, 200);
    let tokens = person.types(&["ctl", "token", "list"]).expect(0);
    assert!(
        tokens.out.contains("ci") && tokens.out.contains("user:read") && !tokens.out.contains(key.trim()),
        "{}",
        tokens.out
    );
    person.types(&["ctl", "token", "expire", "ci"]).expect(0);
    assert_eq!(site.api.with(key.trim()).get("/api/v2/users/me").status, 401);
    person.types(&["ctl", "token", "create", "--name", "other"]).expect(0);
    person.types(&["ctl", "token", "delete", "other", "--yes"]).expect(0);

    let log = person.types(&["ctl", "audit", "list", "resource_type:oauth2_provider_app action:delete"]).expect(0);
    assert!(log.rows().len() == 1 && log.out.contains("grafana") && log.out.contains("owner"), "{}", log.out);
    let bad = person.types(&["ctl", "audit", "list", "shoe_size:43"]).expect(1);
    assert!(bad.err.contains("(400)") && bad.err.contains("shoe_size"), "{}", bad.err);
}

#[test]
fn what_one_may_do_is_asked_and_explained() {
    let site = Site::on_sqlite(|b| b);
    let owner = Person::signed_in(&site.api);
    let created = ["ctl", "user", "create", "--username", "ann", "--email", "ann@example.com", "--password-stdin"];
    owner.typing(&created, &format!("{PASSWORD}\n")).expect(0);
    owner.types(&["can", "me", "create", "organization"]).expect(0);
    let why = owner.types(&["can", "me", "delete", "user/ann", "--why"]).expect(0).out;
    assert!(why.starts_with("You may delete user/ann.\nBecause ") && why.contains("owner"), "{why}");

    let ann = Person::signed_in(&site.api.with(&site.api.sign_in("ann@example.com")));
    let no = ann.types(&["can", "me", "create", "organization", "--why"]).expect(1).out;
    assert!(no.starts_with("You may not create organization.\nBecause "), "{no}");
    ann.types(&["can", "ann", "read", "organization/default"]).expect(0);
    let json = ann.types(&["can", "me", "create", "template", "--org", "default", "-o", "json"]).expect(1).json();
    assert_eq!(json["allowed"], false);
    for bad in [
        &["can", "me", "read", "template/no-such"][..],
        &["can", "me", "read", "shoe/x"],
        &["can", "me", "read", "user//"],
        &["can", "me", "read", "nonsense"],
        &["can", "me", "fly", "user"],
    ] {
        ann.types(bad).expect(2);
        owner.types(bad).expect(2);
    }
}

#[test]
fn shells_complete_and_manuals_are_written() {
    let person = Person::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = person.types(&["completions", shell]).expect(0).out;
        assert!(script.contains("whoami") && script.contains("add-member"), "{shell}");
    }
    let page = person.types(&["man"]).expect(0).out;
    assert!(page.contains(".TH doorward") && page.contains("login"), "{page}");
    assert!(person.types(&["man", "ctl", "user"]).expect(0).out.contains("doorward\\-ctl\\-user"));
    person.types(&["man", "no-such"]).expect(1);
    let pages = person.folder().join("man");
    person.types(&["man", "--dir", pages.to_str().unwrap()]).expect(0);
    for page in ["doorward.1", "doorward-apply.1", "doorward-ctl-org-add-member.1"] {
        assert!(pages.join(page).exists(), "{page}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    for arguments in [
        &["completions", "bash"][..],
        &["man"],
        &["openapi"],
        &["config"],
        &["ctl", "user", "list"],
        &["ctl", "audit", "export"],
    ] {
        let said = person.types_to_nobody(arguments).expect(0);
        assert_eq!(said.err, "", "{arguments:?}");
    }
}

#[test]
fn sessions_are_listed_and_ended_where_the_server_tells_of_them() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    let listed = person.types(&["ctl", "session", "list"]);
    if site.api.get("/api/v2/sessions").status == 404 {
        let listed = listed.expect(1);
        assert!(listed.err.contains("does not tell of sessions"), "{}", listed.err);
        return;
    }
    let other = site.api.sign_in("owner@example.com");
    let listed = person.types(&["ctl", "session", "list", "--all", "--columns", "id,user,current"]).expect(0);
    assert!(listed.rows().len() >= 2 && listed.out.contains("owner"), "{}", listed.out);
    let id = other.split('-').next().unwrap();
    person.types(&["ctl", "session", "end", id, "--yes"]).expect(0);
    assert_eq!(site.api.with(&other).get("/api/v2/users/me").status, 401);
    let more = site.api.sign_in("owner@example.com");
    let ended = person.types(&["ctl", "session", "end-all", "--except-current", "--yes"]).expect(0);
    assert!(ended.out.contains("ended."), "{}", ended.out);
    assert_eq!(site.api.with(&more).get("/api/v2/users/me").status, 401);
    person.types(&["whoami"]).expect(0);
    person.types(&["ctl", "session", "end-all", "--everybody"]).expect(2);
}

#[test]
fn the_audit_log_is_written_out_where_the_server_does_so() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    let file = person.folder().join("audit.jsonl");
    let path = file.to_str().unwrap();
    let written = person.types(&["ctl", "audit", "export", "resource_type:user", "--out", path]);
    if site.api.get("/api/v2/audit/export").status == 404 {
        let written = written.expect(1);
        assert!(written.err.contains("does not write its log out"), "{}", written.err);
        assert!(!file.exists(), "nothing is left behind");
        return;
    }
    written.expect(0);
    let text = std::fs::read_to_string(&file).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["resource_type"], "user");
    let csv = person.types(&["ctl", "audit", "export", "--format", "csv"]).expect(0).out;
    assert!(csv.starts_with("time,id,action"), "{csv}");
    let bad = person.types(&["ctl", "audit", "export", "shoe_size:43", "--out", path]).expect(1);
    assert!(bad.err.contains("shoe_size"), "{}", bad.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "what was there stays");
}

#[test]
fn what_others_may_do_is_explained_where_the_server_does_so() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    person.types(&["ctl", "user", "create", "--username", "bob", "--service-account"]).expect(0);
    let asked = person.types(&["can", "bob", "update", "template", "--org", "default", "--why"]);
    if asked.err.contains("does not say what others may do") {
        asked.expect(2);
        return;
    }
    let no = asked.expect(1).out;
    assert!(no.starts_with("bob may not update template.\nBecause ") && no.contains("would change it: "), "{no}");
    person.types(&["ctl", "org", "set-roles", "default", "bob", "organization-template-admin"]).expect(0);
    let yes = person.types(&["can", "bob", "update", "template", "--org", "default", "--why"]).expect(0).out;
    assert!(yes.contains("organization-template-admin"), "{yes}");
}
