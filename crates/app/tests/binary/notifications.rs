//! A server that is killed while it sends mail: no mail is sent twice, and none is lost. And people who watch their inboxes.

use crate::client::{Api, builder};
use doorward_testkit::postgres::{self, Database};
use doorward_testkit::process::Builder;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// So many mails are to be sent.
const MAILS: usize = 60;
/// What a busy machine may need; a lease of a job lasts 15 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// A mail server that takes everything, slowly, and remembers it before it says so.
#[derive(Clone, Default)]
struct MailServer(Arc<Mutex<BTreeMap<String, usize>>>);

impl MailServer {
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                // A sender that is killed breaks the connection, which is no fault here.
                thread::spawn(move || drop(server.talk(&stream)));
            }
        });
        address
    }

    fn talk(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut out = stream;
        let mut lines = BufReader::new(stream).lines();
        out.write_all(b"220 sink\r\n")?;
        while let Some(line) = lines.next().transpose()? {
            let answer: &[u8] = match line.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
                "EHLO" => b"250 sink\r\n",
                "QUIT" => b"221 bye\r\n",
                "DATA" => {
                    out.write_all(b"354 go on\r\n")?;
                    let mut id = String::new();
                    for line in lines.by_ref() {
                        let line = line?;
                        if line == "." {
                            break;
                        }
                        if let Some(found) = line.strip_prefix("Message-ID: ") {
                            found.clone_into(&mut id);
                        }
                    }
                    *self.0.lock().unwrap().entry(id).or_default() += 1;
                    thread::sleep(Duration::from_millis(40));
                    b"250 taken\r\n"
                }
                _ => b"250 ok\r\n",
            };
            out.write_all(answer)?;
        }
        Ok(())
    }

    fn taken(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The mails that came more than once.
    fn twice(&self) -> Vec<String> {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.clone()).collect()
    }
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < PATIENCE, "{what} does not happen within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What `doorward notifications dead --json` says, for the same settings.
fn dead(settings: &[(&str, String)]) -> Vec<Value> {
    let output = command(settings, &["dead", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs `doorward notifications` with the same settings.
fn command(settings: &[(&str, String)], arguments: &[&str]) -> Output {
    let mut command = Command::new(crate::DOORWARD);
    command.arg("notifications").args(arguments);
    for (name, value) in settings {
        command.env(format!("DOORWARD__{}", name.to_uppercase().replace('.', "__")), value);
    }
    command.output().unwrap()
}

fn no_mail_is_sent_twice_and_none_is_lost(place: &[(&str, String)]) {
    let sink = MailServer::default();
    let mut settings = vec![
        ("smtp.smarthost", sink.start()),
        ("smtp.from", "Door <door@example.com>".to_owned()),
        ("smtp.security", "none".to_owned()),
        ("notifications.concurrency", "4".to_owned()),
        ("notifications.inbox_enabled", "false".to_owned()),
    ];
    settings.extend_from_slice(place);
    let patient = || settings.iter().fold(builder(), |builder: Builder, (name, value)| builder.setting(name, value));
    let first = patient().start().unwrap();
    let api = Api::set_up(first.url());
    for number in 0..MAILS {
        let body = json!({ "content": { "title": format!("Mail {number}"), "message": "text" } });
        assert_eq!(api.post("/api/v2/notifications/custom", &body).status, 204);
    }
    // Twice it is killed in the midst of it.
    wait_until("the first mails", || sink.taken() >= 10);
    first.kill().unwrap();
    let second = patient().start().unwrap();
    let so_far = sink.taken();
    wait_until("mails of the heir", || sink.taken() >= so_far + 10);
    second.kill().unwrap();
    let third = patient().start().unwrap();
    // What was handed over when a server died may have been sent or not. It is not sent again, but listed.
    let unsent = || {
        let seen = sink.0.lock().unwrap();
        let given_up = dead(&settings).into_iter().map(|one| one["id"].as_str().unwrap().to_owned());
        given_up.filter(|id| !seen.keys().any(|seen| seen.contains(id.as_str()))).collect::<Vec<_>>()
    };
    wait_until("the end of all mails", || sink.taken() + unsent().len() == MAILS);
    assert_eq!(sink.twice(), Vec::<String>::new());
    assert!(dead(&settings).len() <= 8, "as many as were sent at once when it died");
    for id in unsent() {
        assert!(command(&settings, &["retry", &id]).status.success());
    }
    wait_until("all mails", || sink.taken() == MAILS);
    thread::sleep(Duration::from_millis(300));
    assert_eq!((sink.twice(), sink.taken()), (Vec::new(), MAILS));
    assert!(third.stop().unwrap().success());
}

/// The next text message of a WebSocket.
fn text(stream: &mut TcpStream) -> Value {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x81, "one frame of text");
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            u16::from_be_bytes(length)
        }
        short => u16::from(short),
    };
    let mut payload = vec![0; usize::from(length)];
    stream.read_exact(&mut payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[test]
fn an_inbox_is_watched_over_a_websocket_until_the_server_ends() {
    let server = builder().start().unwrap();
    let api = Api::set_up(server.url());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "GET /api/v2/notifications/inbox/watch?read_status=unread&format=plaintext HTTP/1.1\r\nHost: {}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCoder-Session-Token: {}\r\n\r\n",
        server.address(),
        api.session
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    for (number, title) in ["first", "second"].into_iter().enumerate() {
        let body = json!({ "content": { "title": title, "message": "text" } });
        assert_eq!(api.post("/api/v2/notifications/custom", &body).status, 204);
        let told = text(&mut stream);
        assert_eq!((&told["notification"]["title"], &told["unread_count"]), (&json!(title), &json!(number + 1)));
    }
    let began = Instant::now();
    server.signal("TERM").unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x88, "it is closed");
    assert!(server.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn of_a_server_on_postgresql_that_is_killed_no_mail_is_sent_twice_and_none_is_lost() {
    let database: Database = postgres::cluster().unwrap().fresh_database().unwrap();
    no_mail_is_sent_twice_and_none_is_lost(&[("database.url", database.url())]);
}

#[test]
fn of_a_server_on_sqlite_that_is_killed_no_mail_is_sent_twice_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    no_mail_is_sent_twice_and_none_is_lost(&[("data_dir", folder.path().display().to_string())]);
}
