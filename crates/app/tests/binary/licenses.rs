//! Licences: signed on the command line, believed by servers, on all of them at once.

use crate::client::{Api, Site, builder, on_both};
use doorward_testkit::process::Builder;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// How late another server may be.
const BOUND: Duration = Duration::from_secs(1);
/// What no licence has to give is refused before anybody is asked who they are.
const GATED: &str = "/api/v2/groups";

fn license(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(crate::DOORWARD).arg("license").args(arguments).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A key in `key.pem` of the folder; answers its id and its public part.
fn keygen(folder: &Path) -> [String; 2] {
    let made = license(folder, &["keygen", "--out", "key.pem", "--json"]);
    assert!(made.status.success(), "{}", said(&made));
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    ["id", "public_key"].map(|name| made[name].as_str().unwrap().to_owned())
}

fn mint(folder: &Path, arguments: &[&str]) -> String {
    let minted = license(folder, &[&["mint", "--key", "key.pem"][..], arguments].concat());
    assert!(minted.status.success(), "{}", said(&minted));
    String::from_utf8(minted.stdout).unwrap().trim().to_owned()
}

fn enforced(builder: Builder, [id, public_key]: &[String; 2]) -> Builder {
    builder
        .setting("licensing.mode", "enforced")
        .env("DOORWARD__LICENSING__KEYS__0__ID", id)
        .env("DOORWARD__LICENSING__KEYS__0__PUBLIC_KEY", public_key)
}

fn add(api: &Api, text: &str) -> Value {
    let added = api.post("/api/v2/licenses", &json!({ "license": text }));
    assert_eq!(added.status, 201, "{}", added.text);
    added.json()
}

/// Waits until `changed`, no longer than another server may be late.
fn soon(what: &str, answered: Instant, mut changed: impl FnMut() -> bool) {
    loop {
        let asked = Instant::now();
        if changed() {
            return;
        }
        assert!(asked.duration_since(answered) < BOUND, "{what}: not after {BOUND:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_licence_that_was_minted_opens_what_it_gives() {
    let folder = tempfile::tempdir().unwrap();
    let key = keygen(folder.path());
    on_both(
        |builder| enforced(builder, &key),
        |site| {
            let api = &site.api;
            let shut = api.get(GATED);
            assert_eq!(
                (shut.status.as_u16(), &shut.json()["message"]),
                (403, &json!("Template RBAC is a Premium feature. Contact sales!"))
            );
            let id = api.get("/api/v2/buildinfo").json()["deployment_id"].as_str().unwrap().to_owned();
            let text = mint(
                folder.path(),
                &["--feature-set", "premium", "--users", "5", "--days", "365", "--deployment-id", &id],
            );
            let license = add(api, &text);
            assert_eq!(license["claims"]["features"], json!({ "user_limit": 5 }));
            assert_eq!(api.get(GATED).status, 200);
            let all = api.get("/api/v2/entitlements").json();
            assert_eq!((&all["has_license"], &all["warnings"]), (&json!(true), &json!([])));
            assert_eq!(all["features"]["user_limit"]["limit"], 5);
            assert_eq!(api.delete(&format!("/api/v2/licenses/{}", license["id"])).status, 200);
            assert_eq!(api.get(GATED).status, 403);
        },
    );
}

#[test]
fn a_licence_counts_on_another_server_within_a_second_and_costs_the_database_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let key = keygen(folder.path());
    let site = Site::on_postgres(|builder| enforced(builder, &key));
    let other = enforced(builder(), &key).database(&site.database.as_ref().unwrap().url()).start().unwrap();
    let there = site.api.at(other.url());
    let premium = mint(folder.path(), &["--feature-set", "premium", "--days", "365"]);
    for round in 0..3 {
        assert_eq!(there.get(GATED).status, 403, "{round}");
        let added = add(&site.api, &premium);
        let answered = Instant::now();
        assert_eq!(site.api.get(GATED).status, 200);
        soon("a licence", answered, || there.get(GATED).status == 200);
        assert_eq!(site.api.delete(&format!("/api/v2/licenses/{}", added["id"])).status, 200);
        let answered = Instant::now();
        assert_eq!(site.api.get(GATED).status, 403);
        soon("its end", answered, || there.get(GATED).status == 403);
    }
    let reads = || there.metric("doorward_store_reads_total");
    // The servers look for changes in their memory meanwhile; a reading of licences in between is the only one.
    let before = reads();
    assert!((0..50).all(|_| there.get(GATED).status == 403 && there.get("/api/v2/entitlements").status == 200));
    assert!(reads() - before <= 2.0, "a gate asks no database");
}

#[test]
fn keys_are_made_for_their_owner_only_and_never_over_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let [id, public_key] = keygen(folder.path());
    assert_eq!(id.len(), 16);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let before = std::fs::read_to_string(folder.path().join("key.pem")).unwrap();
    let again = license(folder.path(), &["keygen", "--out", "key.pem"]);
    assert!(!again.status.success() && said(&again).contains("there already"), "{}", said(&again));
    assert_eq!(std::fs::read_to_string(folder.path().join("key.pem")).unwrap(), before);
    let named = license(folder.path(), &["keygen", "--out", "other.pem", "--id", "2026-03"]);
    assert!(named.status.success() && said(&named).contains("id = \"2026-03\"") && !said(&named).contains(&public_key));
    let bad = license(folder.path(), &["keygen", "--out", "third.pem", "--id", "a b"]);
    assert!(!bad.status.success() && !folder.path().join("third.pem").exists(), "{}", said(&bad));
}

#[test]
fn what_cannot_be_minted_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    keygen(folder.path());
    std::fs::write(folder.path().join("no.pem"), "no key").unwrap();
    for (arguments, words) in [
        (&["--key", "key.pem", "--days", "5"][..], "would give nothing"),
        (&["--key", "key.pem", "--days", "0", "--users", "5"], "0 is not in 1.."),
        (&["--key", "key.pem", "--days", "5", "--users", "0"], "0 is not in 1.."),
        (&["--key", "key.pem", "--days", "5", "--feature", "flying"], "flying"),
        (&["--key", "key.pem", "--days", "5", "--feature", "user_limit"], "--users"),
        (&["--key", "key.pem", "--days", "5", "--users", "5", "--starts", "tomorrow"], "2026-04-01T00:00:00Z"),
        (&["--key", "no.pem", "--days", "5", "--users", "5"], "no private key"),
        (&["--key", "nowhere.pem", "--days", "5", "--users", "5"], "cannot read the file nowhere.pem"),
    ] {
        let refused = license(folder.path(), &[&["mint"][..], arguments].concat());
        assert!(!refused.status.success() && said(&refused).contains(words), "{arguments:?}: {}", said(&refused));
    }
    for command in [&[][..], &["mint"], &["keygen"], &["inspect"]] {
        let help = license(folder.path(), &[command, &["--help"]].concat());
        assert!(help.status.success() && said(&help).contains("Usage"), "{}", said(&help));
    }
}

#[test]
fn a_licence_is_looked_into_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let [id, public_key] = keygen(folder.path());
    let inspect = |file: &str, trusted: bool| {
        let mut command = Command::new(crate::DOORWARD);
        command.args(["license", "inspect", file, "--json"]).current_dir(folder.path());
        if trusted {
            command
                .env("DOORWARD__LICENSING__KEYS__0__ID", &id)
                .env("DOORWARD__LICENSING__KEYS__0__PUBLIC_KEY", &public_key);
        }
        let output = command.output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), told["state"].as_str().unwrap_or_default().to_owned(), said(&output))
    };
    let made = license(
        folder.path(),
        &[
            "mint",
            "--key",
            "key.pem",
            "--feature",
            "scim",
            "--days",
            "5",
            "--account",
            "acme",
            "--trial",
            "--out",
            "good.jwt",
        ],
    );
    assert!(made.status.success() && made.stdout.is_empty(), "{}", said(&made));
    let (status, state, told) = inspect("good.jwt", true);
    assert!(
        status == Some(0) && state.starts_with("good; paid until") && told.contains("\"account_id\":\"acme\""),
        "{told}"
    );
    let (status, state, _) = inspect("good.jwt", false);
    assert!(status == Some(2) && state.contains("not believed"), "{state}");
    let later = mint(folder.path(), &["--users", "5", "--days", "5", "--starts", "2099-01-01T00:00:00Z"]);
    std::fs::write(folder.path().join("later.jwt"), &later).unwrap();
    assert!(inspect("later.jwt", true).1.contains("good from 2099"));
    let over =
        mint(folder.path(), &["--users", "5", "--days", "5", "--grace-days", "0", "--starts", "2020-01-01T00:00:00Z"]);
    std::fs::write(folder.path().join("over.jwt"), &over).unwrap();
    let (status, state, _) = inspect("over.jwt", true);
    assert!(status == Some(2) && state.contains("over since 2020"), "{state}");
    std::fs::write(folder.path().join("none.jwt"), "hello").unwrap();
    let (status, _, told) = inspect("none.jwt", true);
    assert!(status == Some(1) && told.contains("no licence"), "{told}");
}
