//! What servers remember of users holds as long as nothing changes, as `docs/adr/0008` promises: a change counts at once
//! where it was made, and within a second at the other servers.

use crate::client::{Answer, Api, PASSWORD, Pair, Site, builder, on_both};
use doorward_testkit::process::Server;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How late another server may be.
const BOUND: Duration = Duration::from_secs(1);

fn metric(api: &Api, name: &str) -> u64 {
    let value = api.metric(name);
    assert!(value >= 0.0 && value.fract() == 0.0, "{name} {value}");
    format!("{value}").parse().unwrap()
}

fn reads(api: &Api) -> u64 {
    metric(api, "doorward_store_reads_total")
}

fn wait_for_trust(apis: &[&Api]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while apis.iter().any(|api| metric(api, "doorward_subject_cache_trusted") == 0) {
        assert!(Instant::now() < deadline, "a server does not begin to remember");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Two servers on one database, the second with what belongs to it.
fn two() -> (Site, Api, Server) {
    let site = Site::on_postgres(|b| b);
    let other = builder().database(&site.database.as_ref().unwrap().url()).start().unwrap();
    let api = site.api.at(other.url());
    wait_for_trust(&[&site.api, &api]);
    (site, api, other)
}

fn add_user(api: &Api, name: &str) -> Api {
    let organizations = api.get("/api/v2/users/me/organizations").json();
    let email = format!("{name}@example.com");
    let user = json!({
        "email": email, "username": name, "password": PASSWORD, "organization_ids": [organizations[0]["id"]],
    });
    assert_eq!(api.post("/api/v2/users", &user).status, 201);
    api.with(&api.sign_in(&email))
}

/// Waits until `changed` at the other server, no longer than it may be late since the change was answered.
fn soon(what: &str, answered: Instant, mut changed: impl FnMut() -> bool) {
    loop {
        let asked = Instant::now();
        if changed() {
            return;
        }
        assert!(asked.duration_since(answered) < BOUND, "{what}: the other server does not know after {BOUND:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn may(api: &Api, action: &str, resource: &str) -> bool {
    let check = json!({"checks": {"k": {"action": action, "object": {"resource_type": resource}}}});
    let answer = api.post("/api/v2/authcheck", &check);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["k"] == json!(true)
}

fn ok(answer: &Answer) {
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.text);
}

fn works(api: &Api) -> bool {
    api.get("/api/v2/users/me/appearance").status == 200
}

#[test]
fn a_change_counts_at_once_here_and_within_a_second_elsewhere() {
    let (site, there, _other) = two();
    let here = &site.api;
    for round in 0..3 {
        let bob = add_user(here, &format!("bob{round}"));
        let path = |rest: &str| format!("/api/v2/users/bob{round}/{rest}");
        let bob_there = bob.at(&there.url);
        assert!(works(&bob) && works(&bob_there));

        ok(&here.put(&path("roles"), &json!({"roles": ["auditor"]})));
        let answered = Instant::now();
        assert!(may(&bob, "read", "audit_log"));
        soon("a site role", answered, || may(&bob_there, "read", "audit_log"));
        ok(&there.put(&path("roles"), &json!({"roles": []})));
        let answered = Instant::now();
        assert!(!may(&bob_there, "read", "audit_log"));
        soon("a site role is gone", answered, || !may(&bob, "read", "audit_log"));

        let token =
            bob.post("/api/v2/users/me/keys/tokens", &json!({"token_name": format!("t{round}"), "lifetime": 0}));
        let token = token.json()["key"].as_str().unwrap().to_owned();
        let (with_token, with_token_there) = (bob.with(&token), bob_there.with(&token));
        assert!(works(&with_token) && works(&with_token_there));
        let id = token.split('-').next().unwrap();
        ok(&bob.delete(&format!("/api/v2/users/me/keys/{id}")));
        let answered = Instant::now();
        assert!(!works(&with_token));
        soon("a deleted key", answered, || !works(&with_token_there));

        ok(&there.put(&path("status/suspend"), &Value::Null));
        let answered = Instant::now();
        assert!(!works(&bob_there));
        soon("a suspended user", answered, || !works(&bob));
    }
}

#[test]
fn rotated_and_revoked_access_tokens_end_everywhere() {
    let (site, there, _other) = two();
    let here = &site.api;
    let client = here.register(&json!({}));
    let secret = client.secret.as_deref().unwrap();
    let active = |api: &Api, token: &str| {
        let fields = [("token", token), ("client_id", &client.id), ("client_secret", secret)];
        let answer = api.form("/oauth2/introspect", &fields);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["active"] == json!(true)
    };
    let mut pair = here.grant(&client);
    for _ in 0..10 {
        for api in [here, &there] {
            assert!((0..3).all(|_| api.is_live(&pair.access) && active(api, &pair.access)));
        }
        let next = Pair::of(&here.refresh(&client, &pair.refresh));
        let answered = Instant::now();
        assert!(!here.is_live(&pair.access) && here.is_live(&next.access));
        assert!(there.is_live(&next.access), "a new secret is never refused for an old one that is remembered");
        soon("a rotated token", answered, || !there.is_live(&pair.access));
        soon("a rotated token is inactive", answered, || !active(&there, &pair.access));
        assert!(!active(here, &pair.access) && active(&there, &next.access));
        pair = next;
    }
    let revoke = [("token", pair.refresh.as_str()), ("client_id", &client.id), ("client_secret", secret)];
    assert_eq!(here.form("/oauth2/revoke", &revoke).status, 200);
    let answered = Instant::now();
    assert!(!here.is_live(&pair.access) && !active(here, &pair.access));
    soon("a revoked token", answered, || !there.is_live(&pair.access) && !active(&there, &pair.access));
    // The secret of the client itself.
    let pair = here.grant(&client);
    assert!((0..3).all(|_| active(&there, &pair.access)));
    let path = format!("/api/v2/oauth2-provider/apps/{}/secrets", client.id);
    let secret_id = here.get(&path).json()[0]["id"].as_str().unwrap().to_owned();
    ok(&here.delete(&format!("{path}/{secret_id}")));
    let answered = Instant::now();
    let fields = [("token", pair.access.as_str()), ("client_id", &client.id), ("client_secret", secret)];
    soon("a deleted secret", answered, || there.form("/oauth2/introspect", &fields).status == 401);
}

#[test]
fn a_listener_that_is_cut_off_again_and_again_is_never_late() {
    let (site, there, _other) = two();
    let database = site.database.as_ref().unwrap();
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE application_name = 'doorward changes' AND datname = current_database()";
    let bob = add_user(&site.api, "bob");
    let bob_there = bob.at(&there.url);
    thread::scope(|scope| {
        let end = Instant::now() + Duration::from_secs(12);
        scope.spawn(move || {
            let mut pause = [30, 400, 90, 1100, 250].into_iter().cycle();
            while Instant::now() < end {
                database.execute(cut).unwrap();
                thread::sleep(Duration::from_millis(pause.next().unwrap()));
            }
        });
        let mut changes = 0;
        while Instant::now() < end {
            let roles = if changes % 2 == 0 { json!(["auditor"]) } else { json!([]) };
            let expected = changes % 2 == 0;
            // Remembered at both, if they remember anything just now.
            assert_eq!((may(&bob, "read", "audit_log"), may(&bob_there, "read", "audit_log")), (!expected, !expected));
            ok(&site.api.put("/api/v2/users/bob/roles", &json!({"roles": roles})));
            let answered = Instant::now();
            assert_eq!(may(&bob, "read", "audit_log"), expected, "at once where it was changed");
            soon("a role", answered, || may(&bob_there, "read", "audit_log") == expected);
            changes += 1;
        }
        assert!(changes > 20, "{changes}");
    });
    wait_for_trust(&[&site.api, &there]);
    assert!(metric(&there, "doorward_subject_cache_flushes_total") > 1);
}

#[test]
fn a_server_that_dies_does_not_leave_others_with_what_it_changed() {
    let site = Site::on_postgres(|b| b);
    let bob = add_user(&site.api, "bob");
    for round in 0..3 {
        let other = builder().database(&site.database.as_ref().unwrap().url()).start().unwrap();
        let there = site.api.at(other.url());
        wait_for_trust(&[&site.api, &there]);
        let expected = round % 2 == 0;
        assert_eq!(may(&bob, "read", "audit_log"), !expected);
        let roles = if expected { json!(["auditor"]) } else { json!([]) };
        ok(&there.put("/api/v2/users/bob/roles", &json!({"roles": roles})));
        let answered = Instant::now();
        other.kill().unwrap();
        soon("a role", answered, || may(&bob, "read", "audit_log") == expected);
    }
}

#[test]
fn commands_are_noticed_by_a_running_server() {
    on_both(
        |b| b,
        |site| {
            wait_for_trust(&[&site.api]);
            let bob = add_user(&site.api, "bob");
            assert!((0..3).all(|_| works(&bob)));
            let mut command = Command::new(crate::DOORWARD);
            command.args(["user", "reset-password", "bob", "--password-stdin"]).stdin(Stdio::piped());
            match &site.database {
                Some(database) => command.env("DOORWARD__DATABASE__URL", database.url()),
                None => command.env("DOORWARD__DATA_DIR", site.data_dir()),
            };
            let mut child = command.stdout(Stdio::null()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"AnotherSecure1!Password\n").unwrap();
            assert!(child.wait().unwrap().success());
            soon("a password", Instant::now(), || !works(&bob));
        },
    );
}

/// How often so many requests have the database read. Of several tries, the least: the server does something of its own now and then.
fn cost_of(api: &Api, requests: usize, request: &dyn Fn() -> bool) -> u64 {
    let once = || {
        let before = reads(api);
        assert!((0..requests).all(|_| request()));
        reads(api) - before
    };
    once().min(once()).min(once())
}

#[test]
fn a_remembered_subject_costs_no_call_of_the_database() {
    on_both(
        |b| b,
        |site| {
            let api = &site.api;
            wait_for_trust(&[api]);
            assert!(may(api, "read", "license") && works(api));
            let costs = |request: &dyn Fn() -> bool| cost_of(api, 20, request);
            assert_eq!(costs(&|| may(api, "read", "license")), 0, "questions that name nothing");
            let me = || api.get("/api/v2/users/me").status == 200;
            assert_eq!(costs(&me), 20, "the user itself is read, and who asks is not");
        },
    );
}

#[test]
fn nothing_is_remembered_when_it_is_switched_off() {
    let site = Site::on_sqlite(|b| b.setting("cache.subjects", "0"));
    let api = &site.api;
    thread::sleep(Duration::from_millis(300));
    assert_eq!(cost_of(api, 10, &|| may(api, "read", "license")), 10);
    assert_eq!(metric(api, "doorward_subject_cache_trusted"), 0);
}

#[test]
fn leaving_a_group_counts_everywhere() {
    let (site, there, _other) = two();
    let here = &site.api;
    let bob = add_user(here, "bob");
    let bob_there = bob.at(&there.url);
    let created = |path: &str, body: &Value| {
        let answer = here.post(path, body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let base = json!({"name": "base", "disable_everyone_group_access": true});
    let template = created("/api/v2/organizations/default/templates", &base);
    let uses = |api: &Api| {
        let object = json!({"resource_type": "template", "resource_id": template});
        let answer = api.post("/api/v2/authcheck", &json!({"checks": {"k": {"action": "use", "object": object}}}));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["k"] == json!(true)
    };
    let bob_id = bob.get("/api/v2/users/me").json()["id"].as_str().unwrap().to_owned();
    for round in 0..3 {
        let group = created("/api/v2/organizations/default/groups", &json!({"name": format!("devs{round}")}));
        let acl = json!({"group_perms": {&group: "use"}});
        ok(&here.patch(&format!("/api/v2/templates/{template}/acl"), &acl));
        assert!(!uses(&bob) && !uses(&bob_there));
        let path = format!("/api/v2/groups/{group}");
        ok(&there.patch(&path, &json!({"add_users": [bob_id]})));
        let answered = Instant::now();
        assert!(uses(&bob_there));
        soon("a new member", answered, || uses(&bob));
        if round == 0 {
            ok(&here.delete(&path));
        } else {
            ok(&here.patch(&path, &json!({"remove_users": [bob_id]})));
        }
        let answered = Instant::now();
        assert!(!uses(&bob));
        soon("a member who left", answered, || !uses(&bob_there));
    }
}
