//! Signing in on the command line: by a browser, by a device, by a token.

use crate::client::{Answer, Api, Site, query};
use crate::command_line::{Person, Said};
use serde_json::json;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

/// Signs in by a browser that is a script: it presses Allow and goes where it is sent.
fn sign_in(person: &Person, api: &Api, arguments: &[&str]) -> Said {
    let mut command = person.begins(&[&["login", &api.url, "--no-browser"], arguments].concat());
    let url = command.hear(|line| line.strip_prefix("http").map(|rest| format!("http{rest}")));
    let path = url.strip_prefix(&api.url).unwrap();
    assert!(path.starts_with("/oauth2/authorize?") && path.contains("code_challenge_method=S256"), "{path}");
    let back = api.post_form(path, &[]).location.unwrap();
    assert!(back.starts_with("http://127.0.0.1:"), "{back}");
    // Somebody else's answer changes nothing.
    let port = url::Url::parse(&back).unwrap().port().unwrap();
    let other = format!("http://127.0.0.1:{port}/callback?code=x&state=y&iss={}", api.url);
    assert_eq!(visit(&other).status, 400);
    let page = visit(&back);
    assert!(page.status == 200 && page.text.contains("Go back to the command line"), "{}", page.text);
    assert!(!page.text.contains(&query(&back, "code").unwrap()), "the code is not shown");
    command.end()
}

fn visit(url: &str) -> Answer {
    let url = url::Url::parse(url).unwrap();
    let base = format!("http://127.0.0.1:{}", url.port().unwrap());
    Api::new(&base, "").get(&format!("{}?{}", url.path(), url.query().unwrap()))
}

#[test]
fn a_browser_signs_in_and_the_sign_in_renews_itself_until_it_is_ended() {
    // An access token that is nearly over is renewed before it is used, so each command renews.
    let site = Site::on_sqlite(|b| {
        b.setting("oauth2.registration.mode", "open").setting("oauth2.access_token_lifetime", "20s")
    });
    let person = Person::new();
    let said = sign_in(&person, &site.api, &[]).expect(0);
    assert_eq!(said.out, format!("Signed in to {} as owner.\n", site.api.url));
    let metadata = std::fs::metadata(person.credentials()).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o600);

    let kept = || serde_json::from_str(&std::fs::read_to_string(person.credentials()).unwrap()).unwrap();
    let token = |kept: &serde_json::Value| {
        let credential = &kept["servers"][&site.api.url]["credential"];
        assert_eq!(credential["kind"], "grant");
        credential["access_token"].as_str().unwrap().to_owned()
    };
    let first = token(&kept());
    let me = person.types(&["whoami", "-o", "json"]).expect(0).json();
    assert_eq!((&me["username"], &me["signed_in_by"]), (&json!("owner"), &json!("an app (OAuth 2.1)")));
    let second = token(&kept());
    assert_ne!(first, second, "it was renewed");
    // Several commands at once renew once after the other, and none is left out.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| person.types(&["ctl", "user", "list"]).expect(0));
        }
    });

    // What an app may not do is told, with what would help.
    let refused = person.types(&["ctl", "token", "create", "--name", "x"]).expect(1);
    assert!(refused.err.contains("(403)") && refused.err.contains("--key"), "{}", refused.err);
    let file = person
        .file("door.yaml", "organizations: [{name: acme, roles: [{name: reader, permissions: ['template:read']}]}]");
    let apply = person.types(&["apply", "-f", &file, "--yes"]).expect(1);
    assert!(apply.err.contains("nothing was done"), "{}", apply.err);
    person.types(&["ctl", "org", "show", "acme"]).expect(1);

    let last = token(&kept());
    assert!(site.api.is_live(&last));
    person.types(&["logout"]).expect(0);
    assert!(!site.api.is_live(&last), "the grant has ended at the server");
    assert!(!std::fs::read_to_string(person.credentials()).unwrap().contains(&last), "nothing is kept");
    let out = person.types(&["whoami"]).expect(1);
    assert!(out.err.contains("doorward login"), "{}", out.err);
    assert!(person.types(&["logout"]).expect(0).out.contains("not signed in"));
}

#[test]
fn a_sign_in_that_is_refused_in_the_browser_is_told() {
    let site = Site::on_sqlite(|b| b.setting("oauth2.registration.mode", "open"));
    let person = Person::new();
    let mut command = person.begins(&["login", &site.api.url, "--no-browser", "--scope", "no-such:scope"]);
    let url = command.hear(|line| line.strip_prefix("http").map(|rest| format!("http{rest}")));
    let back = site.api.get(url.strip_prefix(&site.api.url).unwrap()).location.unwrap();
    visit(&back);
    let said = command.end().expect(1);
    assert!(said.err.contains("invalid_scope"), "{}", said.err);
    assert!(!person.credentials().exists());
}

#[test]
fn an_app_of_the_server_signs_devices_in() {
    let site = Site::on_sqlite(|b| b);
    let app = site.api.register(&json!({"public": true, "device_flow": true, "scopes": ["coder:all"]}));
    let person = Person::new();
    let none = person.types(&["login", &site.api.url, "--device"]).expect(2);
    assert!(none.err.contains("--client-id"), "{}", none.err);
    let mut command = person.begins(&["login", &site.api.url, "--device", "--client-id", &app.id, "--no-browser"]);
    let is_code = |line: &str| (line.len() == 9 && line.as_bytes()[4] == b'-').then(|| line.to_owned());
    let code = command.hear(is_code);
    let page = "/oauth2/device/verify";
    let form = |text: &str| {
        let token = text.split("name=\"csrf_token\" value=\"").nth(2).unwrap().split('"').next().unwrap();
        token.to_owned()
    };
    let entry = site.api.get(page).text;
    let asked = site.api.post_form(page, &[("csrf_token", &form(&entry)), ("user_code", &code)]).text;
    let fields = [("csrf_token", &*form(&asked)), ("user_code", &code), ("action", "authorize")];
    let allowed = site.api.post_form(page, &fields);
    assert_eq!(allowed.status, 200, "{}", allowed.text);
    assert!(command.end().expect(0).out.contains("as owner"));
    assert_eq!(person.types(&["whoami", "--columns", "username", "--no-header"]).expect(0).out, "owner\n");
}

#[test]
fn a_token_is_taken_from_standard_input_and_never_ended_by_a_sign_out() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::new();
    let token = site.api.post("/api/v2/users/me/keys/tokens", &json!({"token_name": "ci"})).json()["key"].clone();
    let token = token.as_str().unwrap();
    person.typing(&["login", &site.api.url, "--token-stdin"], &format!("{token}\n")).expect(0);
    let host = site.api.url.strip_prefix("http://").unwrap();
    let out = person.types(&["whoami", "--server", host]).expect(0).out;
    assert!(out.contains("owner@example.com") && out.contains("a token"), "{out}");
    let servers = person.types(&["whoami", "--servers", "--columns", "server,username", "--no-header"]).expect(0).out;
    assert_eq!(servers, format!("{}  owner\n", site.api.url));
    assert!(person.types(&["logout"]).expect(0).out.contains("stays good"));
    assert_eq!(site.api.with(token).get("/api/v2/users/me").status, 200);

    // Without any sign-in, as in scripts.
    let mut command = person.command(&["ctl", "user", "list", "--columns", "username", "--no-header"]);
    let output = command.env("DOORWARD_URL", &site.api.url).env("DOORWARD_TOKEN", token).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "owner\n");
    // A token is sent to the server that is named with it, and to no other.
    let nowhere = person.command(&["whoami"]).env("DOORWARD_TOKEN", token).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
    let other = Site::on_sqlite(|b| b);
    for server in [&*other.api.url, "http://127.0.0.1:1"] {
        let mut elsewhere = person.command(&["whoami", "--server", server]);
        let elsewhere = elsewhere.env("DOORWARD_URL", &site.api.url).env("DOORWARD_TOKEN", token).output().unwrap();
        let told = String::from_utf8(elsewhere.stderr).unwrap();
        assert!(elsewhere.status.code() == Some(2) && told.contains("is for the server that DOORWARD_URL"), "{told}");
    }
    let mut same = person.command(&["whoami", "--server", &format!("{}/", site.api.url)]);
    let same = same.env("DOORWARD_URL", &site.api.url).env("DOORWARD_TOKEN", token).output().unwrap();
    assert_eq!(same.status.code(), Some(0));
    // Nothing is sent in clear to another machine.
    let mut clear = person.command(&["whoami"]);
    let clear = clear.env("DOORWARD_URL", "http://192.0.2.2:48115").env("DOORWARD_TOKEN", token).output().unwrap();
    let told = String::from_utf8(clear.stderr).unwrap();
    assert!(clear.status.code() == Some(2) && told.contains("--allow-http"), "{told}");
    let clear = person.typing(&["login", "http://192.0.2.2:48115", "--token-stdin"], "x\n").expect(2);
    assert!(clear.err.contains("--allow-http"), "{}", clear.err);

    let wrong = person.typing(&["login", &site.api.url, "--token-stdin"], "hunter2-hunter2\n").expect(1);
    assert!(!wrong.err.contains("hunter2") && wrong.err.contains("(401)"), "{}", wrong.err);
    let broken = person.typing(&["login", &site.api.url, "--token-stdin"], "hunter\u{1}2\n").expect(1);
    assert!(!broken.err.contains("hunter"), "{}", broken.err);
    person.typing(&["login", &site.api.url, "--token-stdin"], "\n").expect(2);
}

#[test]
fn a_session_of_ones_own_ends_with_the_sign_out() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::new();
    // Where no app may register itself a key is pasted, which takes a terminal.
    let said = person.types(&["login", &site.api.url, "--no-browser"]).expect(2);
    assert!(said.err.contains("/cli-auth") && said.err.contains("no terminal"), "{}", said.err);
    assert!(!person.credentials().exists());

    // What the page of the server gives is such a key.
    let key = site.api.post("/api/v2/users/me/keys", &json!({})).json()["key"].as_str().unwrap().to_owned();
    let kept = json!({"current": site.api.url, "servers": {(&site.api.url): {
        "user": "owner", "credential": {"kind": "session", "token": key},
    }}});
    let folder = person.folder().join("doorward");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(person.credentials(), kept.to_string()).unwrap();
    let open = person.types(&["whoami"]).expect(1);
    assert!(open.err.contains("chmod 600") && !open.err.contains(&key), "{}", open.err);
    std::fs::set_permissions(person.credentials(), std::fs::Permissions::from_mode(0o600)).unwrap();
    person.types(&["whoami"]).expect(0);
    person.types(&["logout"]).expect(0);
    assert_eq!(site.api.with(&key).get("/api/v2/users/me").status, 401);

    // So does that of before, when one signs in anew; not where it is the same.
    let key = site.api.post("/api/v2/users/me/keys", &json!({})).json()["key"].as_str().unwrap().to_owned();
    for (token, status) in [(&key, 200), (&site.api.sign_in("owner@example.com"), 401)] {
        let kept = json!({"current": site.api.url, "servers": {(&site.api.url): {
            "user": "owner", "credential": {"kind": "session", "token": key},
        }}});
        std::fs::write(person.credentials(), kept.to_string()).unwrap();
        person.typing(&["login", &site.api.url, "--token-stdin"], &format!("{token}\n")).expect(0);
        assert_eq!(site.api.with(&key).get("/api/v2/users/me").status, status);
        person.types(&["whoami"]).expect(0);
    }
}

#[test]
fn a_server_that_is_none_or_away_is_told_in_words() {
    let site = Site::on_sqlite(|b| b);
    let person = Person::signed_in(&site.api);
    for (url, words) in [
        ("http://127.0.0.1:1", "nobody listens"),
        ("https://does-not-exist.invalid", "does not resolve"),
        ("ftp://a.example", "begins with https://"),
        ("https://ann:hunter2@a.example", "no password"),
    ] {
        let said = person.types(&["login", url, "--no-browser"]);
        assert!(
            said.code != Some(0) && said.err.contains(words) && !said.err.contains("hunter2"),
            "{url}: {}",
            said.err
        );
    }
    // Another name for the same server is not believed.
    let other = site.api.url.replace("127.0.0.1", "localhost");
    let said = person.types(&["login", &other, "--no-browser"]);
    assert!(
        said.code == Some(0) || said.err.contains(&site.api.url) || said.err.contains("no terminal"),
        "{}",
        said.err
    );
    let elsewhere = person.types(&["whoami", "--server", "https://other.example"]).expect(1);
    assert!(elsewhere.err.contains("not signed in to https://other.example"), "{}", elsewhere.err);
}
