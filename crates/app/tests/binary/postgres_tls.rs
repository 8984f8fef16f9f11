//! PostgreSQL over TLS: a cluster that refuses everything else.

use crate::client::builder;
use doorward_testkit::postgres::{Cluster, Database, Options};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What the certificate of the server is for.
const NAME: &str = "db.example";

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.crt"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("root.crt")
    }

    /// A certificate and its key.
    fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// What a client shows who is this user, as parameters of the URL.
    fn client(&self, user: &str, mode: u32) -> String {
        let (certificate, key) = self.certify(user, |_| {});
        let [shown, secret] = ["crt", "key"].map(|ending| self.folder.path().join(format!("{user}{mode}.{ending}")));
        std::fs::write(&shown, certificate).unwrap();
        std::fs::write(&secret, key).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        format!("&sslcert={}&sslkey={}", shown.display(), secret.display())
    }
}

/// A cluster on an address of its own that takes none but TLS over the network: `postgres` by that alone, `ann` by a
/// certificate.
struct Server {
    cluster: Cluster,
    address: String,
}

impl Server {
    fn new(authority: &Authority, number: u8, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let process = std::process::id();
        let address = format!("127.{}.{}.{number}", 1 + process / 250 % 250, 1 + process % 250);
        let (certificate, key) = authority.certify(NAME, change);
        let hba = "local all all trust\nhostssl all ann all cert\nhostssl all all all trust\n";
        let settings = [
            format!("listen_addresses = '{address}'"),
            "ssl = on".to_owned(),
            "ssl_cert_file = 'own.crt'".to_owned(),
            "ssl_key_file = 'own.key'".to_owned(),
            "ssl_ca_file = 'root.crt'".to_owned(),
        ];
        let files = [
            ("own.crt", certificate.as_str()),
            ("own.key", &key),
            ("root.crt", &authority.issuer.pem()),
            ("pg_hba.conf", hba),
        ]
        .map(|(name, content)| (name.to_owned(), content.to_owned()));
        let options = Options { settings: settings.into(), files: files.into(), ..Options::default() };
        Self { cluster: Cluster::private(&options).unwrap(), address }
    }

    fn url(&self, user: &str, host: &str, database: &Database, parameters: &str) -> String {
        format!("postgres://{user}@{host}/{}?hostaddr={}&{parameters}", database.name(), self.address)
    }

    /// With the name checked, and the authority.
    fn full(&self, database: &Database, authority: &Authority) -> String {
        let parameters = format!("sslmode=verify-full&sslrootcert={}", authority.file().display());
        self.url("postgres", NAME, database, &parameters)
    }
}

/// What a command says about the database, and whether all is well.
fn run(command: &str, url: &str, environment: &[(&str, &Path)]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(crate::DOORWARD)
        .arg(command)
        .env("DOORWARD__DATA_DIR", folder.path())
        .env("DOORWARD__SERVER__LISTEN", "127.0.0.1:0")
        .env("DOORWARD__DATABASE__URL", url)
        // Nothing that this machine keeps for other programs.
        .env("HOME", folder.path())
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    (output.status.success(), said)
}

#[test]
fn all_connections_are_encrypted_and_the_server_is_known_by_its_certificate() {
    let authority = Authority::new("ours");
    let server = Server::new(&authority, 1, |_| {});
    let database = server.cluster.fresh_database().unwrap();
    let url = server.full(&database, &authority);
    let running = builder().database(&url).start().unwrap();

    let seen = || {
        let sql = format!(
            "SELECT ssl, application_name = 'doorward changes', count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
             WHERE datname = '{}' GROUP BY 1, 2 ORDER BY 1, 2",
            database.name()
        );
        let rows = server.cluster.execute(&sql).unwrap();
        rows.lines().map(|row| row.split('\t').take(2).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let patience = Instant::now();
    while seen() != ["t f", "t t"] && patience.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(seen(), ["t f", "t t"], "those of the pool and the one that listens, and none without TLS");
    drop(running);

    let (_, said) = run("doctor", &url, &[]);
    assert!(said.contains("answers") && said.contains("no migration is outstanding"), "{said}");
    let trusted = server.url("postgres", NAME, &database, "sslrootcert=system");
    let (_, said) = run("doctor", &trusted, &[("SSL_CERT_FILE", &authority.file())]);
    assert!(said.contains("answers"), "whom the machine trusts, and the name: {said}");
    let (_, said) = run(
        "doctor",
        &server.url("postgres", "other.example", &database, "sslrootcert=system"),
        &[("SSL_CERT_FILE", &authority.file())],
    );
    assert!(said.contains("does not match host name"), "{said}");
}

#[test]
fn what_is_wrong_with_tls_is_told_and_not_waited_for() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let server = Server::new(&authority, 2, |_| {});
    let database = server.cluster.fresh_database().unwrap();
    let root = format!("sslrootcert={}", authority.file().display());
    let full = format!("sslmode=verify-full&{root}");
    let others = format!("sslmode=verify-ca&sslrootcert={}", stranger.file().display());
    let shut_off = format!("{full}{}", stranger.client("ann", 0o600));
    let open = format!("{full}{}", authority.client("ann", 0o644));
    let bob = format!("{full}{}", authority.client("bob", 0o600));
    for (user, host, parameters, words) in [
        ("postgres", NAME, "sslmode=disable", "sslmode=verify-full"),
        ("postgres", "other.example", full.as_str(), "name that the certificate is for"),
        ("postgres", NAME, &others, "nobody whom `sslrootcert` names"),
        ("postgres", NAME, "sslmode=verify-full", "sslrootcert=system"),
        ("ann", NAME, &full, "sslcert=/path/client.crt"),
        ("ann", NAME, &shut_off, "client's certificate"),
        ("ann", NAME, &open, "mode 0600"),
        ("ann", NAME, &bob, "common name"),
    ] {
        let url = server.url(user, host, &database, parameters);
        for command in ["doctor", "serve"] {
            let (well, said) = run(command, &url, &[]);
            assert!(!well && said.contains(words), "{command} {url}: {said}");
        }
    }
}

#[test]
fn the_name_goes_unchecked_only_when_that_is_asked_for() {
    let authority = Authority::new("ours");
    let server = Server::new(&authority, 3, |_| {});
    let database = server.cluster.fresh_database().unwrap();
    for parameters in
        ["sslmode=require".to_owned(), format!("sslmode=verify-ca&sslrootcert={}", authority.file().display())]
    {
        let (_, said) = run("doctor", &server.url("postgres", "other.example", &database, &parameters), &[]);
        assert!(said.contains("answers"), "{parameters}: {said}");
    }
}

#[test]
fn a_client_shows_its_certificate() {
    let authority = Authority::new("ours");
    let server = Server::new(&authority, 4, |_| {});
    let database = server.cluster.fresh_database().unwrap();
    server.cluster.execute("CREATE ROLE ann LOGIN").unwrap();
    server.cluster.execute(&format!("ALTER DATABASE {} OWNER TO ann", database.name())).unwrap();
    let parameters = format!("sslmode=verify-full&sslrootcert={}", authority.file().display());
    let url = server.url("ann", NAME, &database, &(parameters + &authority.client("ann", 0o600)));
    let (well, said) = run("migrate", &url, &[]);
    assert!(well, "{said}");
}

#[test]
fn a_certificate_that_has_expired_is_not_taken() {
    let authority = Authority::new("ours");
    let server = Server::new(&authority, 5, |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    });
    let database = server.cluster.fresh_database().unwrap();
    let (well, said) = run("doctor", &server.full(&database, &authority), &[]);
    assert!(!well && said.contains("not valid at this time"), "{said}");
}
