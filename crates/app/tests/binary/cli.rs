//! The other commands, as an operator types them.

use doorward_testkit::postgres;
use std::path::Path;
use std::process::{Command, Output};

fn doorward(folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(crate::DOORWARD);
    command.args(arguments).current_dir(folder).env("DOORWARD__DATA_DIR", folder.join("data"));
    command.envs(env.iter().copied());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn an_unknown_or_ill_typed_setting_stops_the_start_with_its_name_and_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.toml"), "[server]\nlisen = \"x\"\n").unwrap();
    let output = doorward(folder.path(), &["--config", "own.toml", "serve"], &[]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(
        message.contains("server.lisen") && message.contains("own.toml") && message.contains("server.listen"),
        "{message}"
    );
    let output = doorward(folder.path(), &["config"], &[("DOORWARD__SERVER__WORKERS", "many")]);
    let message = text(&output.stderr);
    assert!(!output.status.success() && message.contains("DOORWARD__SERVER__WORKERS"), "{message}");
}

#[test]
fn users_and_apps_are_made_on_both_databases() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    for url in ["", &database.url()] {
        let folder = tempfile::tempdir().unwrap();
        let env = [("DOORWARD__DATABASE__URL", url)];
        let run = |arguments: &[&str]| doorward(folder.path(), arguments, &env);
        let check = run(&["migrate", "--check"]);
        assert_eq!(check.status.code(), Some(1), "{}", text(&check.stderr));
        assert!(run(&["migrate"]).status.success());
        assert!(run(&["migrate", "--check"]).status.success());

        let create = ["user", "create", "--email", "a@example.com", "--username", "ann", "--password-stdin", "--json"];
        let output = with_input(folder.path(), &create, &env, "SomeSecurePassword!\n");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let user: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(user["roles"], serde_json::json!(["owner"]), "the first user is the owner");
        let again = with_input(folder.path(), &create, &env, "SomeSecurePassword!\n");
        assert!(!again.status.success(), "the name is taken");
        let weak = with_input(folder.path(), &["user", "reset-password", "ann", "--password-stdin"], &env, "weak\n");
        assert!(!weak.status.success());
        let reset = with_input(
            folder.path(),
            &["user", "reset-password", "ann", "--password-stdin"],
            &env,
            "AnotherSecure1!Password\n",
        );
        assert!(reset.status.success(), "{}", text(&reset.stderr));

        let app = run(&[
            "app",
            "create",
            "robot",
            "--redirect-uri",
            "https://robot.example/cb",
            "--service-account",
            "--json",
        ]);
        assert!(app.status.success(), "{}", text(&app.stderr));
        let app: serde_json::Value = serde_json::from_slice(&app.stdout).unwrap();
        assert!(app["client_secret"].as_str().unwrap().starts_with("coder_"));
        let bad = run(&["app", "create", "robot", "--redirect-uri", "javascript:alert(1)"]);
        assert!(!bad.status.success() && text(&bad.stderr).contains("redirect_uris"), "{}", text(&bad.stderr));
        assert!(text(&run(&["app", "list"]).stdout).contains("robot"));
        let doctor = run(&["doctor"]);
        assert!(doctor.status.success(), "{}", text(&doctor.stdout));
    }
}

fn with_input(folder: &Path, arguments: &[&str], env: &[(&str, &str)], input: &str) -> Output {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = Command::new(crate::DOORWARD);
    command
        .args(arguments)
        .current_dir(folder)
        .env("DOORWARD__DATA_DIR", folder.join("data"))
        .envs(env.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_health_check_asks_the_server_of_the_same_settings() {
    let folder = tempfile::tempdir().unwrap();
    let server = crate::client::builder().start().unwrap();
    let there = server.url().strip_prefix("http://").unwrap().to_owned();
    let check = |listen: &str| doorward(folder.path(), &["healthcheck"], &[("DOORWARD__SERVER__LISTEN", listen)]);
    let well = check(&there);
    assert!(well.status.success() && text(&well.stdout) == "ok\n", "{}", text(&well.stderr));
    // Listening everywhere includes here.
    let port = there.rsplit(':').next().unwrap();
    assert!(check(&format!("0.0.0.0:{port}")).status.success());
    assert!(server.stop().unwrap().success());
    let gone = check(&there);
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stderr).contains("does not answer"), "{}", text(&gone.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
}

#[test]
fn a_database_of_no_known_kind_is_an_error_and_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = doorward(folder.path(), &["migrate"], &[("DOORWARD__DATABASE__URL", "mysql://x/y")]);
    assert!(!output.status.success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
}

#[test]
fn who_mistypes_the_folder_is_told_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["app", "list"][..], &["user", "reset-password", "ann"]] {
        let output = doorward(folder.path(), arguments, &[]);
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("no database"), "{}", text(&output.stderr));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
}

#[test]
fn what_can_never_connect_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for (url, words) in [
        ("postgres://localhost:99999/x", "malformed"),
        ("postgres://localhost/x?sslmode=require&sslrootcert=system", "say `verify-full`"),
        ("postgres://localhost/x?sslmode=sometimes", "malformed"),
    ] {
        let output = doorward(
            folder.path(),
            &["serve"],
            &[("DOORWARD__DATABASE__URL", url), ("DOORWARD__SERVER__LISTEN", "127.0.0.1:0")],
        );
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains(words), "{url}: {}", text(&output.stderr));
    }
}

#[test]
fn a_postgres_database_must_hold_every_name_and_take_tables() {
    let cluster = postgres::cluster().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = cluster.fresh_database().unwrap();
    let latin = format!("{}_latin", database.name());
    cluster.execute(&format!("CREATE DATABASE {latin} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")).unwrap();
    let told: Vec<(bool, String)> = [&["doctor"][..], &["migrate"]]
        .into_iter()
        .map(|command| {
            let url = database.url().replace(database.name(), &latin);
            let output = doorward(folder.path(), command, &[("DOORWARD__DATABASE__URL", &url)]);
            (output.status.success(), text(&output.stdout) + &text(&output.stderr))
        })
        .collect();
    cluster.execute(&format!("DROP DATABASE {latin}")).unwrap();
    for (success, told) in told {
        assert!(!success && told.contains("LATIN1") && told.contains("UTF8"), "{told}");
    }

    let role = format!("{}_reader", database.name());
    cluster.execute(&format!("CREATE ROLE {role} LOGIN")).unwrap();
    let url = database.url().replacen("://postgres", &format!("://{role}"), 1);
    let doctor = doorward(folder.path(), &["doctor"], &[("DOORWARD__DATABASE__URL", &url)]);
    cluster.execute(&format!("DROP ROLE {role}")).unwrap();
    let told = text(&doctor.stdout);
    assert!(!doctor.status.success() && told.contains("GRANT CREATE"), "{told}");
}

#[test]
fn the_openapi_document_and_the_settings_print() {
    let folder = tempfile::tempdir().unwrap();
    let document: serde_json::Value =
        serde_json::from_slice(&doorward(folder.path(), &["openapi"], &[]).stdout).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(text(&doorward(folder.path(), &["config"], &[]).stdout).contains("refresh_reuse_grace"));
    assert!(doorward(folder.path(), &["--help"], &[]).status.success());
}

#[test]
fn looking_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let check = doorward(folder.path(), &["migrate", "--check"], &[]);
    assert_eq!(check.status.code(), Some(1), "{}", text(&check.stderr));
    let doctor = doorward(folder.path(), &["doctor"], &[("DOORWARD__SERVER__LISTEN", "127.0.0.1:0")]);
    assert!(doctor.status.success(), "{}", text(&doctor.stdout));
    assert!(text(&doctor.stdout).contains("will be made"), "{}", text(&doctor.stdout));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made");
}

#[test]
fn the_doctor_tells_this_server_from_another_and_from_none() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let data = ours.path().join("data");
    let server = crate::client::builder().data_dir(&data).start().unwrap();
    let url = server.url().to_owned();
    let env = [("DOORWARD__SERVER__ACCESS_URL", url.as_str()), ("DOORWARD__SERVER__LISTEN", "127.0.0.1:0")];
    let good = doorward(ours.path(), &["doctor"], &env);
    assert!(good.status.success() && text(&good.stdout).contains("is this server"), "{}", text(&good.stdout));
    assert!(doorward(other.path(), &["migrate"], &[]).status.success());
    let bad = doorward(other.path(), &["doctor"], &env);
    assert!(!bad.status.success() && text(&bad.stdout).contains("is another server"), "{}", text(&bad.stdout));
    server.kill().unwrap();
    let none = doorward(ours.path(), &["doctor"], &env);
    assert!(none.status.success() && text(&none.stdout).contains("nothing answers"), "{}", text(&none.stdout));
    let nowhere = [("DOORWARD__SERVER__ACCESS_URL", "https://does-not-exist.invalid"), env[1]];
    let lost = doorward(ours.path(), &["doctor"], &nowhere);
    assert!(!lost.status.success() && text(&lost.stdout).contains("does not resolve"), "{}", text(&lost.stdout));
}

#[test]
fn a_password_in_a_database_setting_is_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        "host=127.0.0.1 port=1 user=ann password=hunter2 dbname=x",
        "postgres://ann:hunter2@127.0.0.1:1/x",
        "postgres://ann:hunter2@127.0.0.1:1/x?connect_timeout",
        "postgres://ann:hunter2%@127.0.0.1:1/x",
        "postgres://ann:hunter2@[::1/x",
        "postgres://127.0.0.1:1/x?password=hunter2&nonsense=1",
        "postgres://ann:left@hunter2@127.0.0.1:1/x",
        "postgres://ann:hunter2@right@127.0.0.1:1/x",
        "postgres://ann:1/hunter2@127.0.0.1:1/x",
        "postgres://ann:1#hunter2@127.0.0.1:1/x",
        "postgres://ann:1?hunter2@127.0.0.1:1/x",
    ] {
        for command in [&["config"][..], &["migrate"], &["migrate", "--check"], &["doctor"], &["app", "list"]] {
            let output = doorward(folder.path(), command, &[("DOORWARD__DATABASE__URL", url)]);
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(!said.contains("hunter2"), "{command:?} with {url}: {said}");
        }
    }
}

#[test]
fn a_password_that_is_not_escaped_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["postgres://ann:left@hunter2@127.0.0.1:1/x", "postgres://ann:1/hunter2@127.0.0.1:1/x"] {
        for command in [&["migrate"][..], &["serve"], &["doctor"]] {
            let env = [("DOORWARD__DATABASE__URL", url), ("DOORWARD__SERVER__LISTEN", "127.0.0.1:0")];
            let output = doorward(folder.path(), command, &env);
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(!output.status.success() && said.contains("%40") && said.contains("%2F"), "{command:?}: {said}");
        }
    }
}
