//! What `doorward doctor` says of an access URL that is https, before a real TLS server; and of background jobs.

use crate::client::builder;
use doorward_testkit::postgres;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An authority of our own, with its certificate in a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// A server with a certificate for this name, which passes requests on to that address.
    fn serve(&self, name: &str, to: &str, change: impl FnOnce(&mut CertificateParams)) -> SocketAddr {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let (config, to) = (Arc::new(config), to.to_owned());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                // Whoever does not trust the certificate hangs up.
                drop(pass_on(StreamOwned::new(connection, stream), &to));
            }
        });
        address
    }
}

/// Passes one request on, and its answer back.
fn pass_on(mut tls: StreamOwned<ServerConnection, TcpStream>, to: &str) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let mut server = TcpStream::connect(to)?;
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    write!(server, "{line}\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    tls.write_all(&answer)?;
    tls.conn.send_close_notify();
    tls.flush()
}

/// What the doctor says, and whether all is well.
fn doctor(data: &Path, access_url: &str, trusting: &str) -> (bool, String) {
    doctor_with(data, access_url, trusting, &[])
}

fn doctor_with(data: &Path, access_url: &str, trusting: &str, settings: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new(crate::DOORWARD)
        .arg("doctor")
        .env("DOORWARD__DATA_DIR", data)
        .env("DOORWARD__SERVER__ACCESS_URL", access_url)
        .env("DOORWARD__SERVER__LISTEN", "127.0.0.1:0")
        .env("SSL_CERT_FILE", trusting)
        .env_remove("SSL_CERT_DIR")
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_doctor_asks_over_tls_and_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = builder().data_dir(folder.path()).start().unwrap();
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let ask = |address: SocketAddr, host: &str, trusting: &Authority| {
        doctor(folder.path(), &format!("https://{host}:{}", address.port()), &trusting.file())
    };
    let good = authority.serve("localhost", server.address(), |_| {});
    let (well, said) = ask(good, "localhost", &authority);
    assert!(well && said.contains("is this server"), "{said}");

    for untrusting in [stranger, Authority::new("ours")] {
        let (well, said) = ask(good, "localhost", &untrusting);
        assert!(!well && said.contains("nobody whom this machine trusts") && said.contains("SSL_CERT_FILE"), "{said}");
    }

    let elsewhere = authority.serve("door.example", server.address(), |_| {});
    let (well, said) = ask(elsewhere, "localhost", &authority);
    assert!(!well && said.contains("for other names") && said.contains("door.example"), "{said}");

    let old = |params: &mut CertificateParams| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    };
    let (well, said) = ask(authority.serve("localhost", server.address(), old), "localhost", &authority);
    assert!(!well && said.contains("has expired"), "{said}");

    let plain: SocketAddr = server.address().parse().unwrap();
    let (well, said) = ask(plain, "localhost", &authority);
    assert!(!well && said.contains("no TLS is spoken there"), "{said}");

    // Somebody else, over TLS.
    let other = builder().start().unwrap();
    let (well, said) = ask(authority.serve("localhost", other.address(), |_| {}), "localhost", &authority);
    assert!(!well && said.contains("is another server"), "{said}");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (well, said) = ask(free, "localhost", &authority);
    assert!(well && said.contains("connection refused"), "{said}");
    assert!(said.contains("background jobs run as planned"), "on SQLite too: {said}");

    let (well, said) = doctor(folder.path(), "https://localhost:1", "/nonexistent");
    assert!(!well && said.contains("trusts no certificate"), "{said}");
}

/// The jobs of a server with the settings that it comes with, by name.
const JOBS: [&str; 8] = [
    "blocked_clients",
    "cleanup",
    "counts",
    "logouts",
    "notifications",
    "provisioner_job_reaper",
    "registration_reaper",
    "signing_keys",
];

#[test]
fn the_doctor_names_background_jobs_that_failed_or_that_nobody_runs() {
    let database = postgres::cluster().unwrap().fresh_database().unwrap();
    let interval = "10m";
    let server = builder().database(&database.url()).setting("cleanup.interval", interval).start().unwrap();
    let url = server.url().to_owned();
    let ask = || {
        let output = Command::new(crate::DOORWARD)
            .arg("doctor")
            .env("DOORWARD__DATABASE__URL", database.url())
            .env("DOORWARD__CLEANUP__INTERVAL", interval)
            .env("DOORWARD__SERVER__ACCESS_URL", &url)
            .env("DOORWARD__SERVER__LISTEN", "127.0.0.1:0")
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // All jobs run at the first start, and all but `logouts` and `notifications` are not due again before the end of this test.
    let began = Instant::now();
    while database.execute("SELECT count(last_finished_at) FROM jobs").unwrap().trim() != JOBS.len().to_string() {
        assert!(began.elapsed() < Duration::from_secs(30), "no job runs");
        thread::sleep(Duration::from_millis(50));
    }
    let (well, said) = ask();
    assert!(well && said.contains(&format!("background jobs run as planned ({})", JOBS.join(", "))), "{said}");

    let set = |what: &str| drop(database.execute(&format!("UPDATE jobs SET {what} WHERE name = 'cleanup'")).unwrap());
    set("last_error = 'the disk is full'");
    let (well, said) = ask();
    assert!(!well && said.contains("cleanup failed when it last ran") && said.contains("the disk is full"), "{said}");
    assert!(said.contains("job=cleanup") && !said.contains("planned"), "{said}");

    // From now on nobody can claim a job.
    drop(
        database
            .execute(
                "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
                 CREATE TRIGGER keep BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.holder IS NOT NULL) \
                 EXECUTE FUNCTION keep()",
            )
            .unwrap(),
    );
    set("last_error = NULL, next_run_at = now() - interval '30 minutes'");
    let (well, said) = ask();
    assert!(well && said.contains("as planned"), "it is late, but not by much: {said}");
    set("next_run_at = now() - interval '5 hours'");
    let (well, said) = ask();
    assert!(!well && said.contains("cleanup is due for 5 hours and nobody runs it, although Doorward runs"), "{said}");
    assert!(said.contains("job=cleanup"), "{said}");
    server.stop().unwrap();
    let (well, said) = ask();
    assert!(well && said.contains("nobody runs it; that is fine if Doorward does not run"), "{said}");
}

#[test]
fn the_doctor_asks_by_the_way_that_the_server_has_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = builder().data_dir(folder.path()).start().unwrap();
    let authority = Authority::new("ours");
    let address = authority.serve("localhost", server.address(), |_| {});
    let url = format!("https://localhost:{}", address.port());
    let ask = |settings: &[(&str, &str)]| doctor_with(folder.path(), &url, "/nonexistent", settings);
    let file = authority.file();
    let trusted = ("DOORWARD__FETCH__EXTRA_CA", file.as_str());
    let (well, said) = ask(&[trusted]);
    assert!(well && said.contains("is this server"), "{said}");

    // Whatever may not be asked for strangers, the access URL may; and it is asked directly.
    let narrow = [
        trusted,
        ("DOORWARD__FETCH__DENY_NETWORKS", "127.0.0.0/8,::1/128"),
        ("DOORWARD__FETCH__ALLOW_PORTS", "443"),
        ("DOORWARD__FETCH__PROXY", "http://127.0.0.1:1"),
    ];
    let (well, said) = ask(&narrow);
    assert!(well && said.contains("is this server"), "{said}");

    let (well, said) = ask(&[("DOORWARD__FETCH__EXTRA_CA", "/nonexistent/ca.pem")]);
    assert!(!well && said.contains("/nonexistent/ca.pem") && said.contains("fetch.extra_ca"), "{said}");
}

#[test]
fn a_server_whose_authorities_cannot_be_read_does_not_start() {
    let refused = builder().setting("fetch.extra_ca", "/nonexistent/ca.pem").start().unwrap_err();
    let refused = format!("{refused:#}");
    assert!(refused.contains("/nonexistent/ca.pem") && refused.contains("fetch.extra_ca"), "{refused}");
}

#[test]
fn a_server_whose_key_for_a_provider_does_not_sign_does_not_start() {
    let provider = || {
        builder()
            .setting("oidc.providers.0.name", "corp")
            .setting("oidc.providers.0.issuer", "https://id.example.com")
            .setting("oidc.providers.0.client_id", "doorward")
    };
    let started = provider().setting("oidc.providers.0.private_key", doorward_testkit::keys::RSA).start();
    assert!(started.is_ok(), "{:?}", started.err());
    for (key, value, words) in [
        ("private_key", "hunter2", "no private key in PEM"),
        ("private_key", doorward_testkit::keys::P256, "does not sign by RS256"),
        ("private_key_file", "/nonexistent/key.pem", "/nonexistent/key.pem"),
    ] {
        let refused = provider().setting(&format!("oidc.providers.0.{key}"), value).start().unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains(words) && refused.contains("oidc.providers.0.private_key"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }
}

/// A mail server that says this to who signs in; and what it heard.
fn mail_server(to_sign_in: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut out = stream.try_clone().unwrap();
            out.write_all(b"220 sink\r\n").unwrap();
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let command = line.split(' ').next().unwrap_or_default().to_owned();
                let answer = match command.as_str() {
                    "EHLO" => "250-sink\r\n250 AUTH PLAIN",
                    "AUTH" => to_sign_in,
                    _ => "250 ok",
                };
                kept.lock().unwrap().push(command);
                if out.write_all(format!("{answer}\r\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    (address, heard)
}

#[test]
fn the_doctor_asks_the_mail_server_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ask = |server: &str, security: &str| {
        let settings = [
            ("DOORWARD__SMTP__SMARTHOST", server),
            ("DOORWARD__SMTP__FROM", "Doorward <doorward@example.com>"),
            ("DOORWARD__SMTP__SECURITY", security),
            ("DOORWARD__SMTP__USERNAME", "doorward"),
            ("DOORWARD__SMTP__PASSWORD", "hunter2"),
            ("DOORWARD__SMTP__TIMEOUT", "5s"),
        ];
        doctor_with(folder.path(), "http://127.0.0.1:1", "", &settings)
    };
    let (good, heard) = mail_server("235 welcome");
    let (_, said) = ask(&good, "none");
    assert!(said.contains(&format!("ok    the mail server {good} lets this server in")), "{said}");
    let commands = heard.lock().unwrap().clone();
    assert_eq!(commands, ["EHLO", "AUTH", "QUIT"]);

    let (bad, _) = mail_server("535 go away");
    let (well, said) = ask(&bad, "none");
    assert!(!well && said.contains("the password is refused by") && said.contains("go away"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let (well, said) = ask(&good, "starttls");
    assert!(!well && said.contains("no STARTTLS with"), "{said}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (well, said) = ask(&nobody, "none");
    assert!(!well && said.contains(&format!("cannot connect to {nobody}")), "{said}");
    assert!(
        !doctor(folder.path(), "http://127.0.0.1:1", "").1.contains("mail server"),
        "where there is none, nothing is said"
    );
}
