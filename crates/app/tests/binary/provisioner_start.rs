//! `doorward provisioner start` against a real server: from a template to a workspace, and to its end.

use crate::client::{Api, Site, builder, on_both};
use doorward_testkit::postgres;
use doorward_testkit::process::Builder;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const PSK: &str = "0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(40);

const TEMPLATE: &str = r#"
[[variable]]
name = "image"
default = "debian"

[[parameter]]
name = "size"
type = "number"
default = 1
mutable = true

[[parameter]]
name = "delay"
default = "0s"
mutable = true

[[preset]]
name = "large"
parameters = { size = 4 }

[[resource]]
name = "home"
type = "disk"
on = ["start", "stop"]
daily_cost = 1

[[resource]]
name = "dev"
type = "container"
daily_cost = "${size}"
metadata = [{ key = "image", value = "${image}" }]

[[resource.agent]]
name = "main"

[[resource.agent.app]]
slug = "code"
url = "http://localhost:8080"

[start.apply]
log = ["starting ${workspace.name} of ${workspace.owner}"]
delay = "${delay}"
"#;

/// A running daemon, killed when it is dropped.
struct Daemon {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Daemon {
    fn start(folder: &Path, url: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(crate::DOORWARD);
        for (key, _) in std::env::vars_os() {
            let key = key.to_string_lossy().into_owned();
            if key.starts_with("DOORWARD_") || key.starts_with("CODER_") {
                command.env_remove(key);
            }
        }
        command.args(["provisioner", "start", "--url", url]).args(arguments).envs(environment.iter().copied());
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, lines) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut lines = lines.lock().unwrap();
                lines.push_str(&line);
                lines.push('\n');
            }
        });
        Self { child, log }
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    fn says(&self, text: &str) {
        until(text, || self.log().contains(text).then_some(()));
    }

    fn signal(&self, name: &str) {
        let script = ["-c", "kill -s \"$1\" \"$2\"", "kill", name, &self.child.id().to_string()];
        assert!(Command::new("/bin/sh").args(script).status().unwrap().success());
    }

    fn ends(&mut self) -> ExitStatus {
        until("the end of the daemon", || self.child.try_wait().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until<T>(what: &str, found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut found = found;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come about: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The archive of a template with this description.
fn archive(file: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [("doorward.toml", file), ("README.md", "# A template")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("no id in {object}")).to_owned()
}

/// Makes a version of a template with this description; its job has ended.
fn push(api: &Api, file: &str, provisioner: &str) -> Value {
    let body = json!({ "storage_method": "file", "file_id": api.upload(&archive(file)), "provisioner": provisioner });
    let made = api.post("/api/v2/organizations/default/templateversions", &body);
    assert_eq!(made.status, 201, "{}", made.text);
    ended(api, &format!("/api/v2/templateversions/{}", id(&made.json())))
}

/// A version or a build whose job has ended.
fn ended(api: &Api, path: &str) -> Value {
    until(path, || {
        let object = api.get(path).json();
        let status = object["job"]["status"].as_str().unwrap_or_default().to_owned();
        ["succeeded", "failed", "canceled"].contains(&status.as_str()).then_some(object)
    })
}

fn made_template(api: &Api, file: &str) -> String {
    let version = push(api, file, "echo");
    assert_eq!(version["job"]["status"], "succeeded", "{version}");
    let body = json!({ "name": "echo", "template_version_id": version["id"] });
    let made = api.post("/api/v2/organizations/default/templates", &body);
    assert_eq!(made.status, 201, "{}", made.text);
    id(&made.json())
}

fn workspace(api: &Api, template: &str, name: &str, values: &[(&str, &str)]) -> Value {
    let values: Vec<_> = values.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let body = json!({ "template_id": template, "name": name, "rich_parameter_values": values });
    let made = api.post("/api/v2/users/me/workspaces", &body);
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

fn build_of(workspace: &Value) -> String {
    format!("/api/v2/workspacebuilds/{}", id(&workspace["latest_build"]))
}

fn build(api: &Api, workspace: &Value, transition: &str) -> String {
    let body = json!({ "transition": transition });
    let made = api.post(&format!("/api/v2/workspaces/{}/builds", id(workspace)), &body);
    assert_eq!(made.status, 201, "{}", made.text);
    format!("/api/v2/workspacebuilds/{}", id(&made.json()))
}

fn lines(api: &Api, path: &str) -> Vec<String> {
    let log = api.get(&format!("{path}/logs")).json();
    log.as_array().unwrap().iter().map(|line| line["output"].as_str().unwrap().to_owned()).collect()
}

/// Lets everybody spend so much a day.
fn allow(api: &Api, credits: i32) {
    let everyone = id(&api.get("/api/v2/organizations/default").json());
    let allowed = api.patch(&format!("/api/v2/groups/{everyone}"), &json!({ "quota_allowance": credits }));
    assert_eq!(allowed.status, 200, "{}", allowed.text);
}

fn new_key(site: &Site) -> String {
    let made = site.api.post("/api/v2/organizations/default/provisionerkeys", &json!({ "name": "rack" }));
    made.json()["key"].as_str().unwrap().to_owned()
}

#[test]
fn from_a_template_to_a_workspace_and_to_its_end() {
    on_both(
        |builder| builder,
        |site| {
            let folder = tempfile::tempdir().unwrap();
            let (api, key) = (&site.api, new_key(site));
            std::fs::write(folder.path().join("key"), format!("{key}\n")).unwrap();
            let mut daemon = Daemon::start(folder.path(), &api.url, &["--key-file", "key", "--name", "rack"], &[]);
            daemon.says("connected to");

            let wrong = push(api, "[[resource]]\nname = \"a\"\nsize = 3", "terraform");
            assert_eq!(wrong["job"]["status"], "failed");
            assert!(
                wrong["job"]["error"].as_str().unwrap().contains("doorward.toml: line 3: unknown field"),
                "{wrong}"
            );

            let template = made_template(api, TEMPLATE);
            let listed = api.get(&format!("/api/v2/templates/{template}/versions")).json();
            let version = format!("/api/v2/templateversions/{}", id(&listed[0]));
            assert_eq!(listed[0]["readme"], "# A template");
            let resources = api.get(&format!("{version}/resources")).json();
            assert_eq!(resources.as_array().unwrap().len(), 3, "{resources}");
            assert_eq!(api.get(&format!("{version}/presets")).json().as_array().unwrap().len(), 1);

            let poor = ended(api, &build_of(&workspace(api, &template, "poor", &[])));
            assert_eq!(poor["job"]["error"], "insufficient quota", "nobody may spend anything at first");
            allow(api, 10);
            let desk = workspace(api, &template, "desk", &[("size", "3")]);
            let started = ended(api, &build_of(&desk));
            assert_eq!((&started["status"], &started["daily_cost"]), (&json!("running"), &json!(4)), "{started}");
            let log = lines(api, &build_of(&desk));
            assert!(log.contains(&"starting desk of owner".to_owned()), "{log:?}");
            let made = api.get(&format!("{}/resources", build_of(&desk))).json();
            let dev = made.as_array().unwrap().iter().find(|resource| resource["name"] == "dev").unwrap();
            assert_eq!(dev["agents"][0]["apps"][0]["slug"], "code", "{dev}");

            let stopped = ended(api, &build(api, &desk, "stop"));
            assert_eq!((&stopped["status"], &stopped["daily_cost"]), (&json!("stopped"), &json!(1)), "{stopped}");
            let again = build(api, &desk, "start");
            assert_eq!(ended(api, &again)["status"], "running");
            // The state came back: the disk is not made a second time.
            let log = lines(api, &again);
            assert!(log.contains(&"container.dev: created".to_owned()), "{log:?}");
            assert!(!log.iter().any(|line| line.contains("disk.home")), "{log:?}");

            let refused = ended(api, &build_of(&workspace(api, &template, "bench", &[("size", "7")])));
            assert_eq!(
                (&refused["job"]["status"], &refused["job"]["error"]),
                (&json!("failed"), &json!("insufficient quota"))
            );
            assert_eq!(refused["job"]["error_code"], "INSUFFICIENT_QUOTA");
            let allowed = ended(api, &build_of(&workspace(api, &template, "shelf", &[("size", "5")])));
            assert_eq!(allowed["status"], "running");

            let deleted = ended(api, &build(api, &desk, "delete"));
            assert_eq!(deleted["status"], "deleted");
            let quota = api.get("/api/v2/organizations/default/members/me/workspace-quota").json();
            assert_eq!(quota, json!({ "credits_consumed": 6, "budget": 10 }));

            daemon.signal("TERM");
            assert!(daemon.ends().success(), "{}", daemon.log());
            assert!(!daemon.log().contains(&key), "{}", daemon.log());
        },
    );
}

#[test]
fn a_job_outlives_the_connection_of_its_daemon_and_can_be_cancelled() {
    on_both(
        |builder| builder.setting("provisioners.psk", PSK),
        |site| {
            let (folder, api) = (tempfile::tempdir().unwrap(), &site.api);
            let environment = [("CODER_PROVISIONER_DAEMON_PSK", PSK), ("CODER_PROVISIONER_DAEMON_NAME", "host")];
            let mut daemon = Daemon::start(folder.path(), &api.url, &[], &environment);
            let template = made_template(api, TEMPLATE);
            allow(api, 10);
            let slow = workspace(api, &template, "slow", &[("delay", "1h")]);
            until("the build runs", || {
                lines(api, &build_of(&slow)).iter().any(|line| line.contains("starting slow")).then_some(())
            });
            let cancel = api.patch(&format!("{}/cancel", build_of(&slow)), &json!({}));
            assert_eq!(cancel.status, 200, "{}", cancel.text);
            assert_eq!(ended(api, &build_of(&slow))["job"]["status"], "canceled");
            daemon.says("cancelled");

            // Told once it finishes its job, told twice it gives it up.
            let other = workspace(api, &template, "other", &[("delay", "1h")]);
            until("the build runs", || {
                lines(api, &build_of(&other)).iter().any(|line| line.contains("starting other")).then_some(())
            });
            daemon.signal("TERM");
            daemon.says("told to stop");
            thread::sleep(Duration::from_millis(200));
            assert!(daemon.child.try_wait().unwrap().is_none());
            daemon.signal("TERM");
            assert!(daemon.ends().success(), "{}", daemon.log());
            let failed = ended(api, &build_of(&other));
            assert_eq!(failed["job"]["error"], "the provisioner daemon was stopped");
        },
    );
}

#[test]
fn a_server_that_comes_back_finds_its_daemon_and_the_job_goes_on() {
    comes_back(|builder| builder);
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    comes_back(|builder| builder.database(&database.url()));
}

fn comes_back(stored: impl Fn(Builder) -> Builder) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let start = || {
        let builder = builder().setting("provisioners.psk", PSK).setting("server.listen", &listen);
        stored(builder.data_dir(&data)).start().unwrap()
    };
    let server = start();
    let api = Api::set_up(server.url());
    let token = [("CODER_SESSION_TOKEN", api.session.as_str())];
    let mut daemon = Daemon::start(folder.path(), &api.url, &["--name", "host"], &token);
    let template = made_template(&api, TEMPLATE);
    allow(&api, 10);
    let slow = workspace(&api, &template, "slow", &[("delay", "4s")]);
    until("the build runs", || {
        lines(&api, &build_of(&slow)).iter().any(|line| line.contains("starting slow")).then_some(())
    });
    server.kill().unwrap();
    daemon.says("not connected to");
    let server = start();
    let build = ended(&api, &build_of(&slow));
    assert_eq!(build["status"], "running", "{build}\n{}", daemon.log());
    // Nothing is left behind: the next one is carried out as well.
    assert_eq!(ended(&api, &self::build(&api, &slow, "stop"))["status"], "stopped");
    daemon.signal("INT");
    assert!(daemon.ends().success(), "{}", daemon.log());
    drop(server);
}

#[test]
fn who_is_not_wanted_is_told_why_and_ends() {
    on_both(|builder| builder.setting("provisioners.psk", PSK), |site| none_but_wanted(&site.api));
}

fn none_but_wanted(api: &Api) {
    let folder = tempfile::tempdir().unwrap();
    let member = json!({
        "email": "mem@example.com", "username": "mem", "password": crate::client::PASSWORD,
        "organization_ids": [api.get("/api/v2/organizations/default").json()["id"]],
    });
    assert_eq!(api.post("/api/v2/users", &member).status, 201);
    let session = api.sign_in("mem@example.com");
    for (arguments, environment, told) in [
        (&["--key", &*"x".repeat(43)][..], vec![], "provisioner daemon key invalid"),
        (&["--organization", "coder"], vec![("CODER_SESSION_TOKEN", session.as_str())], "not authorized"),
        (&[], vec![], "comes in by a provisioner key"),
        (&["--psk", "x", "--poll-interval", "soon"], vec![], "--poll-interval"),
    ] {
        let mut daemon = Daemon::start(folder.path(), &api.url, arguments, &environment);
        assert!(!daemon.ends().success(), "{arguments:?}");
        daemon.says(told);
        assert!(!daemon.log().contains(&session), "{}", daemon.log());
    }
    // A wrong shared key may become right: the daemon goes on trying.
    let mut daemon = Daemon::start(folder.path(), &api.url, &["--psk", "wrong"], &[]);
    daemon.says("the server answers 401");
    assert!(daemon.child.try_wait().unwrap().is_none());
    daemon.signal("TERM");
    assert!(daemon.ends().success());
    let help = Command::new(crate::DOORWARD).args(["provisioner", "start", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for name in ["--key-file", "CODER_PROVISIONER_DAEMON_KEY", "--tag", "--organization", "--poll-interval"] {
        assert!(help.contains(name), "{name}: {help}");
    }
    assert!(!std::fs::exists(folder.path().join("data")).unwrap(), "a daemon needs no data");
}
