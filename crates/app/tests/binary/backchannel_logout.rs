//! Apps that are told, by a server of their own, that a session has ended: tried again when they fail, and by whichever server is left.

use crate::client::{Api, Site, VERIFIER, builder, on_both};
use doorward_domain::jws::Compact;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What a busy machine may need; the second attempt comes after five seconds, and a lease of a job lasts 15 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// An app that is told; it fails the first time.
#[derive(Clone, Default)]
struct Listener {
    told: Arc<Mutex<Vec<String>>>,
    failed: Arc<Mutex<usize>>,
}

impl Listener {
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A sender that is killed breaks the connection, which is no fault here.
                drop(app.answer(&stream));
            }
        });
        format!("http://localhost:{port}/backchannel")
    }

    fn answer(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line)? > 0 && line.trim() != "" {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let is_first = {
            let mut failed = self.failed.lock().unwrap();
            *failed += 1;
            *failed == 1
        };
        if is_first {
            return stream.write_all(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        let mut form = url::form_urlencoded::parse(&body);
        let token = form.find(|(name, _)| name == "logout_token").unwrap().1.into_owned();
        self.told.lock().unwrap().push(token);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    }

    /// What the only token says that was taken.
    fn claims(&self) -> Value {
        let began = Instant::now();
        while self.told.lock().unwrap().is_empty() {
            assert!(began.elapsed() < PATIENCE, "the app is not told");
            thread::sleep(Duration::from_millis(50));
        }
        let told = self.told.lock().unwrap();
        assert_eq!(told.len(), 1);
        serde_json::from_slice(&Compact::parse(&told[0]).unwrap().payload).unwrap()
    }
}

/// Signs somebody in whom an app is told of; the session.
fn session_of_which(api: &Api, uri: &str) -> String {
    let app = api.register(&json!({ "backchannel_logout_uri": uri }));
    let session = api.sign_in("owner@example.com");
    let code = api.with(&session).code(&app, "&scope=openid");
    let fields = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
    let answer = api.token(&app, &fields);
    assert_eq!(answer.status, 200, "{}", answer.text);
    session
}

#[test]
fn an_app_that_fails_is_told_a_moment_later() {
    let test = |site: &Site| {
        let app = Listener::default();
        let session = session_of_which(&site.api, &app.start());
        assert_eq!(site.api.with(&session).post("/api/v2/users/logout", &json!({})).status, 200);
        let claims = app.claims();
        assert!(claims["sid"].is_string() && claims.get("nonce").is_none(), "{claims}");
        assert_eq!(*app.failed.lock().unwrap(), 2, "once in vain");
    };
    on_both(|b| b.setting("fetch.development", "true"), test);
}

#[test]
fn what_a_server_has_not_told_another_one_tells() {
    let site = Site::on_postgres(|b| b.setting("fetch.development", "true"));
    let other = builder().setting("fetch.development", "true");
    let other = other.database(&site.database.as_ref().unwrap().url()).start().unwrap();
    let there = site.api.at(other.url());
    let app = Listener::default();
    let session = session_of_which(&there, &app.start());
    assert_eq!(there.with(&session).post("/api/v2/users/logout", &json!({})).status, 200);
    drop(other);
    assert!(app.claims()["sid"].is_string());
}
