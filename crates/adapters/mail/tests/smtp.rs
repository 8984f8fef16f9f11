//! A mail server that answers as the test says, and what becomes of a mail.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, in its helpers too")]

use doorward_domain::settings::Section as _;
use doorward_mail::{Security, Smtp, SmtpSettings};
use doorward_ports::mail::{Mail, MailError, Mailer as _};
use doorward_testkit::settings::defaults;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use time::macros::datetime;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Whether a failure is of the kind that is expected.
type Judge = fn(&MailError) -> bool;

/// What the server says to a command; nothing ends the connection. The end of a mail is the command `.`.
type Script = HashMap<&'static str, &'static str>;

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn times(&self, start: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(start)).count()
    }
}

/// Starts a server; answers its port, and what it hears.
async fn server(script: Script) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let kept = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, script.clone(), kept.clone()));
        }
    });
    (port, heard)
}

async fn talk(stream: TcpStream, script: Script, heard: Heard) -> std::io::Result<()> {
    let (reader, mut out) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    out.write_all(b"220 sink\r\n").await?;
    let mut in_mail = false;
    while let Some(line) = lines.next_line().await? {
        heard.0.lock().unwrap().push(line.clone());
        if in_mail && line != "." {
            continue;
        }
        let command = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        let answer = script.get(command.as_str()).copied().unwrap_or(match command.as_str() {
            "DATA" => "354 go on",
            _ => "250 ok",
        });
        if answer.is_empty() {
            return Ok(());
        }
        in_mail = command == "DATA" && answer.starts_with("354");
        out.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn settings(port: u16) -> SmtpSettings {
    SmtpSettings {
        smarthost: Some(format!("127.0.0.1:{port}").parse().unwrap()),
        from: Some("Door <door@example.com>".parse().unwrap()),
        security: Security::None,
        ..defaults(SmtpSettings::NAME)
    }
}

fn mail() -> Mail {
    Mail {
        message_id: "1@door.example".to_owned(),
        date: datetime!(2026-03-01 12:00 UTC),
        to: "ann@example.com".to_owned(),
        to_name: "Ann\r\nBcc: eve@example.com".to_owned(),
        subject: "Grüße\r\nBcc: eve@example.com".to_owned(),
        text: ".\nä".to_owned(),
        html: "<p>ä</p>".to_owned(),
    }
}

async fn sent_by(smtp: &Smtp, mail: Mail) -> Result<(), MailError> {
    smtp.prepare(mail).await?.send().await
}

async fn sent(script: Script) -> (Result<(), MailError>, Heard) {
    let (port, heard) = server(script).await;
    let smtp = Smtp::new(&settings(port), "host.example").unwrap().unwrap();
    (sent_by(&smtp, mail()).await, heard)
}

#[tokio::test]
async fn a_mail_is_sent_as_it_is_and_brings_no_headers_of_others() {
    let (outcome, heard) = sent(Script::new()).await;
    outcome.unwrap();
    let lines = heard.lines();
    for line in [
        "EHLO host.example",
        "MAIL FROM:<door@example.com>",
        "RCPT TO:<ann@example.com>",
        "Message-ID: <1@door.example>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(lines.iter().any(|heard| heard == line), "{line}: {lines:?}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("Bcc")), "{lines:?}");
    assert!(lines.iter().any(|line| line == "Lg0Kw6Q="), "the text, of which a point is a line: {lines:?}");
}

#[tokio::test]
async fn whether_trying_again_may_help_is_told_by_what_the_server_says() {
    let later = |error: &MailError| matches!(error, MailError::Later(_));
    let never = |error: &MailError| matches!(error, MailError::Never(_));
    let unknown = |error: &MailError| matches!(error, MailError::Unknown(_));
    let cases: [(&str, &str, Judge); 10] = [
        ("MAIL", "550 no such sender", later),
        ("RCPT", "550 no such user", never),
        ("RCPT", "451 grey", later),
        ("RCPT", "", later),
        ("DATA", "451 full", later),
        ("DATA", "", later),
        (".", "554 no", never),
        (".", "451 later", later),
        (".", "", unknown),
        ("EHLO", "", later),
    ];
    for (command, answer, judge) in cases {
        let error = sent(Script::from([(command, answer)])).await.0.unwrap_err();
        assert!(judge(&error), "{command} {answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_and_a_server_that_is_not_there_are_told() {
    let (port, heard) = server(Script::new()).await;
    let smtp = Smtp::new(&settings(port), "host.example").unwrap().unwrap();
    let nowhere = sent_by(&smtp, Mail { to: "a b@c>\r\nRCPT TO:<eve@example.com".to_owned(), ..mail() }).await;
    assert!(matches!(nowhere, Err(MailError::Never(_))));
    assert_eq!(heard.times("RCPT"), 0);
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let away = Smtp::new(&settings(free), "host.example").unwrap().unwrap();
    assert!(matches!(sent_by(&away, mail()).await, Err(MailError::Later(why)) if why.contains("cannot connect")));
}

#[tokio::test]
async fn whatever_people_are_called_a_mail_can_be_written_to_them() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let away = Smtp::new(&settings(free), "host.example").unwrap().unwrap();
    for code in (0..0x3000_u32).step_by(7).chain(0..0x100).chain([0x2028, 0xfeff, 0x1_f600]) {
        let Some(c) = char::from_u32(code) else { continue };
        let strange = Mail { to_name: format!("{c}a{c}\"{c}"), subject: format!("{c}{c}b"), ..mail() };
        assert!(matches!(sent_by(&away, strange).await, Err(MailError::Later(_))), "{c:?}");
    }
}

#[tokio::test]
async fn what_is_prepared_and_dropped_is_not_sent() {
    let (port, heard) = server(Script::new()).await;
    let smtp = Smtp::new(&settings(port), "host.example").unwrap().unwrap();
    drop(smtp.prepare(mail()).await.unwrap());
    sent_by(&smtp, mail()).await.unwrap();
    assert_eq!((heard.times("DATA"), heard.times("Message-ID")), (2, 1));
}

#[tokio::test]
async fn a_connection_is_used_again_as_long_as_it_is_there() {
    let (port, heard) = server(Script::new()).await;
    let smtp = Smtp::new(&settings(port), "host.example").unwrap().unwrap();
    for _ in 0..3 {
        sent_by(&smtp, mail()).await.unwrap();
    }
    assert_eq!((heard.times("EHLO"), heard.times("Message-ID")), (1, 3));
    let (port, heard) = server(Script::from([("NOOP", "")])).await;
    let smtp = Smtp::new(&settings(port), "host.example").unwrap().unwrap();
    for _ in 0..3 {
        sent_by(&smtp, mail()).await.unwrap();
    }
    assert_eq!((heard.times("EHLO"), heard.times("Message-ID")), (3, 3));
}

#[tokio::test]
async fn a_server_without_starttls_gets_neither_mail_nor_password() {
    let (port, heard) = server(Script::new()).await;
    let settings = SmtpSettings {
        security: Security::Starttls,
        username: "door".to_owned(),
        password: "hunter2".into(),
        ..settings(port)
    };
    let smtp = Smtp::new(&settings, "host.example").unwrap().unwrap();
    assert!(matches!(sent_by(&smtp, mail()).await, Err(MailError::Later(why)) if why.contains("STARTTLS")));
    assert_eq!((heard.times("AUTH"), heard.times("MAIL")), (0, 0));
    assert!(!format!("{smtp:?}").contains("hunter2"));
}

#[test]
fn without_a_server_there_is_no_mail_and_files_that_are_not_there_are_told() {
    let off: SmtpSettings = defaults(SmtpSettings::NAME);
    assert!(Smtp::new(&off, "host.example").unwrap().is_none());
    let missing = || std::path::PathBuf::from("no-such-file");
    for (wrong, key) in [
        (SmtpSettings { password_file: missing(), username: "u".to_owned(), ..settings(1) }, "smtp.password_file"),
        (SmtpSettings { ca_file: missing(), security: Security::Starttls, ..settings(1) }, "smtp.ca_file"),
    ] {
        assert!(Smtp::new(&wrong, "host.example").unwrap_err().to_string().contains(key));
    }
}
