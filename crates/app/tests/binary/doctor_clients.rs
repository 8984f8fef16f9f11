//! `doorward doctor --client` against the real binary.

use crate::client::{REDIRECT, Site, on_both};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

fn doctor(arguments: &[&str], secret: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(crate::DOORWARD)
        .arg("doctor")
        .args(arguments)
        .current_dir(folder.path())
        // Nothing outside is asked.
        .env("DOORWARD__FETCH__PROXY", "http://127.0.0.1:1")
        .env("DOORWARD_CLIENT_SECRET", secret)
        .output()
        .unwrap()
}

/// Whether all is well, and what it says.
fn play(client: &str, url: &str, more: &[&str]) -> (bool, String) {
    let output = doctor(&[&["--client", client, url], more].concat(), "");
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn assert_told(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
}

const REGISTERED: [&str; 5] = [
    "PKCE by S256 is known",
    "has registered itself",
    "would have people sign in",
    "knows the client, and refuses a code that is none",
    "the registration was ended again",
];

#[test]
fn mcp_clients_register_themselves_and_leave_nothing_behind() {
    let open = |server: doorward_testkit::process::Builder| {
        server.setting("oauth2.registration.mode", "open").setting("oauth2.cimd.enabled", "false")
    };
    on_both(open, |site| {
        for client in ["claude", "vscode", "cursor", "codex"] {
            let (is_well, told) = play(client, &site.api.url, &[]);
            assert!(is_well, "{told}");
            assert_told(&told, &REGISTERED);
            assert!(!told.contains("FAIL"), "{told}");
        }
        let (is_well, told) = play("chatgpt", &site.api.url, &[]);
        assert!(!is_well, "{told}");
        assert_told(&told, &REGISTERED);
        assert_told(
            &told,
            &["FAIL  `127.0.0.1` has an address that only your network reaches, and ChatGPT connects from"],
        );
        assert_eq!(site.api.get("/api/v2/oauth2-provider/apps").json(), json!([]));
    });
}

#[test]
fn clients_with_a_document_need_no_registration() {
    let site = Site::on_sqlite(|server| server);
    for client in ["claude", "vscode"] {
        let (is_well, told) = play(client, &site.api.url, &[]);
        assert!(is_well, "{told}");
        assert_told(&told, &["is known by its document https://", "cannot be read from here", "has people sign in"]);
    }
    // These have none, and are told how else.
    for client in ["cursor", "codex"] {
        let (is_well, told) = play(client, &site.api.url, &[]);
        assert!(!is_well, "{told}");
        assert_told(
            &told,
            &["oauth2.registration.mode = \"open\"", "--client-id", "does not connect: see the 1 above"],
        );
    }
    let app =
        site.api.register(&json!({ "public": true, "callback_url": "cursor://anysphere.cursor-mcp/oauth/callback" }));
    let (is_well, told) = play("cursor", &site.api.url, &["--client-id", &app.id]);
    assert!(is_well, "{told}");
    assert_told(&told, &["was registered for it", "knows the client"]);
}

#[test]
fn a_host_whose_documents_are_refused_is_told() {
    let site = Site::on_sqlite(|server| server.setting("oauth2.cimd.deny_hosts", "[\"claude.ai\"]"));
    let (is_well, told) = play("claude", &site.api.url, &[]);
    assert!(!is_well && told.contains("is refused: it answers"), "{told}");
}

#[test]
fn relying_parties_are_told_whether_their_app_fits() {
    on_both(
        |server| server,
        |site| {
            let url = &site.api.url;
            for client in ["grafana", "argocd", "oauth2-proxy"] {
                let (is_well, told) = play(client, url, &[]);
                assert!(is_well, "{told}");
                assert_told(&told, &["knows the scopes", "has a key for RS256", "wants a token", "give --client-id"]);
            }
            let app = site.api.register(&json!({}));
            let secret = app.secret.clone().unwrap();
            let fits = ["--client", "grafana", url, "--client-id", &app.id, "--redirect-uri", REDIRECT];
            for (secret, is_well, part) in [
                (secret.as_str(), true, "knows the client"),
                ("coder_wrong_secret", false, "does not take the client, or its secret"),
                ("", true, "the app has a secret, which was not given"),
            ] {
                let output = doctor(&fits, secret);
                let told = String::from_utf8(output.stdout).unwrap();
                assert_eq!(output.status.success(), is_well, "{told}");
                assert_told(&told, &[part, "would have people sign in"]);
                assert!(secret.is_empty() || !told.contains(secret), "{told}");
            }
            let (is_well, told) = play("grafana", url, &["--client-id", &app.id]);
            assert!(!is_well, "{told}");
            assert_told(
                &told,
                &["FAIL  asking for authorization to come back at https://grafana.example/login/generic_oauth"],
            );
            let (is_well, told) = play("oauth2-proxy", url, &["--client-id", "00000000-0000-0000-0000-000000000000"]);
            assert!(!is_well && told.contains("is refused"), "{told}");
            let (is_well, told) = play("kubernetes", url, &[]);
            assert!(!is_well, "{told}");
            assert_told(&told, &["FAIL  Kubernetes takes no issuer without https"]);
        },
    );
}

#[test]
fn openid_connect_that_is_off_is_told() {
    let site = Site::on_sqlite(|server| server.setting("oidc.enabled", "false"));
    let (is_well, told) = play("grafana", &site.api.url, &[]);
    assert!(!is_well && told.contains("FAIL"), "{told}");
}

#[test]
fn a_server_under_another_name_than_its_own_is_told() {
    let site = Site::on_sqlite(|server| server);
    let other = site.api.url.replace("127.0.0.1", "localhost");
    let (is_well, told) = play("argocd", &other, &[]);
    assert!(!is_well, "{told}");
    assert_told(&told, &[&format!("is the document of `{}` and not of {other} (server.access_url)", site.api.url)]);
    let (is_well, told) = play("claude", "http://127.0.0.1:1", &[]);
    assert!(!is_well && told.contains("does not answer"), "{told}");
}

/// A server that answers a path with a status, a header and a body; the URL.
fn stub(answers: impl Fn(&str, &str) -> (u16, String, Value) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own = url.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut head: Vec<String> = Vec::new();
            while head.last().is_none_or(|line| !line.trim().is_empty()) {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 {
                    break;
                }
                head.push(line.to_lowercase());
            }
            let length = head.iter().find_map(|line| line.strip_prefix("content-length:"));
            let mut sent = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
            reader.read_exact(&mut sent).unwrap();
            let (status, header, body) = answers(&own, head[0].split(' ').nth(1).unwrap_or_default());
            let body = body.to_string();
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n");
            drop(stream.write_all((head + &body).as_bytes()));
        }
    });
    url
}

#[test]
fn an_mcp_server_leads_to_its_authorization_server() {
    let site = Site::on_sqlite(|server| server.setting("oauth2.registration.mode", "open"));
    let issuer = site.api.url.clone();
    let mcp = stub(move |own, path| match path {
        "/mcp" => {
            let named = format!("WWW-Authenticate: Bearer resource_metadata=\"{own}/about\"\r\n");
            (401, named, Value::Null)
        }
        "/other" => (401, format!("WWW-Authenticate: Bearer resource_metadata=\"{own}/about\"\r\n"), Value::Null),
        "/quiet" => (401, String::new(), Value::Null),
        "/about" => {
            (200, String::new(), json!({ "resource": format!("{own}/mcp"), "authorization_servers": [issuer] }))
        }
        _ => (404, String::new(), Value::Null),
    });
    let (is_well, told) = play("codex", &format!("{mcp}/mcp"), &[]);
    assert!(is_well, "{told}");
    assert_told(&told, &["wants a token, and names", "names the authorization server", "has registered itself"]);
    let (is_well, told) = play("codex", &format!("{mcp}/other"), &[]);
    assert!(!is_well && told.contains("clients refuse that"), "{told}");
    let (is_well, told) = play("codex", &format!("{mcp}/quiet"), &[]);
    assert!(!is_well, "{told}");
    assert_told(&told, &["names no resource_metadata", "there is no document of the protected resource"]);
}

#[test]
fn what_is_no_client_and_no_url_is_refused() {
    for (arguments, status) in [
        (&["--client", "netscape"][..], 2),
        (&["http://127.0.0.1:1"], 2),
        (&["--client", "claude", "nowhere"], 1),
        (&["--client", "claude", "ftp://127.0.0.1/"], 1),
    ] {
        let output = doctor(arguments, "");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
    }
}
