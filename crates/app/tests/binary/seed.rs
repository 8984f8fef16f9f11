//! `doorward dev seed`: exact sizes, the same data again, and no surprise for a database in use.

use crate::client::{Api, builder};
use doorward_testkit::postgres;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const SIZES: [&str; 10] =
    ["--users", "600", "--organizations", "12", "--groups", "30", "--memberships", "2000", "--audit-rows", "40"];

fn doorward(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(crate::DOORWARD);
    command.args(arguments).current_dir(folder).env("DOORWARD__DATA_DIR", folder).env("DOORWARD__DATABASE__URL", url);
    command.output().unwrap()
}

fn seed(folder: &Path, url: &str, more: &[&str]) -> Output {
    doorward(folder, url, &[&["dev", "seed", "--json"], &SIZES[..], more].concat())
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn message(output: &Output) -> String {
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What the server says of the data, as the three people see it who got tokens.
fn look(api: &Api, report: &Value) -> Value {
    let [owner, member, plain] = ["owner", "member_of_many", "plain"].map(|who| {
        let token = &report["tokens"][who];
        let api = api.with(token["token"].as_str().unwrap());
        let me = api.get("/api/v2/users/me").json();
        assert_eq!(me["username"], token["username"]);
        (api, me)
    });
    let names =
        |me: &Value| me["roles"].as_array().unwrap().iter().map(|role| role["name"].clone()).collect::<Vec<_>>();
    assert_eq!((names(&owner.1), names(&member.1), names(&plain.1)), (vec!["owner".into()], vec![], vec![]));
    assert_eq!(member.1["organization_ids"].as_array().unwrap().len(), 12, "of many organizations");
    let users = owner.0.get("/api/v2/users").json();
    assert_eq!(users["count"], 600);
    let users = users["users"].as_array().unwrap();
    let memberships: usize = users.iter().map(|user| user["organization_ids"].as_array().unwrap().len()).sum();
    assert_eq!(memberships, 2000, "exactly as many as asked");
    assert_eq!(plain.0.get("/api/v2/users").json()["count"], 1, "nobody else is a plain user's business");
    for status in ["active", "dormant", "suspended"] {
        let of_status = users.iter().filter(|user| user["status"] == status).count();
        assert!(of_status > 0, "{status}");
        let counted = owner.0.get(&format!("/api/v2/users?limit=1&q=status:{status}")).json();
        assert_eq!(counted["count"], of_status, "{status}");
    }
    let after = owner.0.get(&format!("/api/v2/users?limit=1&after_id={}", users[539]["id"].as_str().unwrap())).json();
    assert_eq!((&after["count"], &after["users"][0]["username"]), (&60.into(), &users[540]["username"]));
    // The ids of organizations, and what the three have just done, differ from one database to the next.
    let steady = ["id", "username", "email", "name", "status", "created_at"];
    users.iter().map(|user| steady.iter().map(|key| user[key].clone()).collect::<Value>()).collect()
}

/// What of a report is determined by sizes and seed.
fn determined(report: &Value) -> Vec<Value> {
    ["users", "organizations", "groups", "organization_memberships", "group_memberships", "audit_rows", "largest_group"]
        .map(|key| report[key].clone())
        .to_vec()
}

#[test]
fn a_seed_gives_what_was_asked_and_the_same_again_on_both_databases() {
    let databases = [0, 1].map(|_| postgres::cluster().unwrap().fresh_database().unwrap());
    let urls = ["", &databases[0].url(), &databases[1].url()];
    let mut seen = Vec::new();
    for (url, number) in urls.into_iter().zip(["7", "7", "8"]) {
        let folder = tempfile::tempdir().unwrap();
        let output = seed(folder.path(), url, &["--seed", number]);
        let report = report(&output);
        let lines = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(lines.contains("2000 memberships in "), "a line for each kind where nobody looks: {lines}");
        let server = builder().data_dir(folder.path());
        let server = if url.is_empty() { server } else { server.database(url) }.start().unwrap();
        seen.push((determined(&report), look(&Api::new(server.url(), ""), &report)));
        drop(server);
        assert!(message(&seed(folder.path(), url, &["--seed", "9"])).contains("--yes"), "it is in use now");
        let again = message(&seed(folder.path(), url, &["--seed", "9", "--yes"]));
        assert!(again.contains("nothing was added") && again.contains("users"), "the names are taken: {again}");
    }
    assert!(seen[0] == seen[1], "the same seed, on another database");
    assert_ne!(seen[1], seen[2], "another seed");
    let counts = databases[0].execute(
        "SELECT concat_ws(' ', (SELECT count(*) FROM users), (SELECT count(*) FROM organizations), \
         (SELECT count(*) FROM organization_members), (SELECT count(*) FROM groups), (SELECT count(*) FROM group_members), \
         (SELECT max(n) FROM (SELECT count(*) AS n FROM group_members GROUP BY group_id) AS sizes), \
         (SELECT count(*) FROM group_members g JOIN groups ON id = group_id WHERE NOT EXISTS (SELECT 1 FROM \
           organization_members o WHERE o.organization_id = groups.organization_id AND o.user_id = g.user_id)), \
         (SELECT count(*) FROM audit_logs WHERE user_agent = 'doorward-seed'), (SELECT count(*) FROM custom_roles))",
    );
    // Each organization has its group of all members; every group has members of its organization alone.
    let expected = format!("600 12 2000 42 {} 300 0 40 2", seen[0].0[4]);
    assert_eq!(counts.unwrap().trim(), expected);
    assert!(seen[0].0[4].as_u64().unwrap() > 1_200, "of 1,000 and 300");
}

#[test]
fn sizes_that_cannot_be_are_refused_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| message(&doorward(folder.path(), "", &[&["dev", "seed"], arguments].concat()));
    assert!(refused(&["--scale", "NaN"]).contains("scale"));
    assert!(refused(&["--scale", "0"]).contains("scale"));
    assert!(refused(&["--users", "2"]).contains("users must be from 3"));
    let few = refused(&["--users", "10", "--organizations", "2", "--memberships", "21"]);
    assert!(few.contains("memberships must be from 11 to 20, not 21"), "{few}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
}
