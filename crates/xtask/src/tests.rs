//! `cargo xtask test` and `cargo xtask fuzz`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use doorward_testkit::postgres;

use crate::command::{cargo, find_program, run, step};
use crate::install::{self, Need};
use crate::workspace::Workspace;

/// Run the tests: Rust, real clients (in Go too, where Go is found), a browser, a short fuzz run
///
/// What they need is installed where that is possible, and named before: PostgreSQL and Chromium by apt-get (as root, or
/// by sudo when it asks for no password), the Python clients into `.cache/python`, an identity provider for Node into `.cache/node`. PostgreSQL runs as a throw-away cluster without TCP,
/// gone afterwards; `DOORWARD_TEST_DATABASE_URL` names a running server to use instead. A part that cannot run is an
/// error, never a skip.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask test --only rust
  cargo xtask test --only rust -- refresh          only Rust tests whose name holds `refresh`
  cargo xtask test --only clients -- -k authlib -x
  cargo xtask test --only go -- -run Acquire -v    some tests of the daemon in Go
  cargo xtask test --only browser,fuzz --binary target/release/doorward")]
pub(crate) struct Test {
    /// Only these parts, comma separated
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    only: Vec<Part>,

    /// Test this binary with the clients, instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,

    /// Build the binary for the clients with optimizations
    #[arg(long, conflicts_with = "binary")]
    release: bool,

    /// Install nothing: what is missing is an error
    #[arg(long)]
    no_install: bool,

    /// Passed on to the test runners: libtest's for `rust`, `go test`'s for `go`, pytest's for the others
    #[arg(last = true, requires = "only")]
    rest: Vec<String>,
}

/// Fuzz for long what `cargo xtask test` fuzzes shortly
///
/// The API: schemathesis sends what the OpenAPI document allows, and what it does not. Fails on any 5xx answer and on any status
/// that the document does not name. The wire of provisioner daemons: damaged messages, packets and sessions. Fails on a panic, on a
/// session that does not end, and when memory grows.
#[derive(Args, Debug)]
pub(crate) struct Fuzz {
    /// What is fuzzed
    #[arg(value_enum, default_value_t = Fuzzed::Api)]
    what: Fuzzed,

    /// Stop after so many seconds, on each database (the API)
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    seconds: u32,

    /// Stop after so many inputs (the wire)
    #[arg(long, default_value_t = 10_000_000, value_name = "INPUTS")]
    inputs: u64,

    /// Repeat a run with the seed it printed
    #[arg(long)]
    seed: Option<u64>,

    /// Fuzz this binary instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,

    /// Install nothing: what is missing is an error
    #[arg(long)]
    no_install: bool,

    /// Passed on to pytest
    #[arg(last = true)]
    rest: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Fuzzed {
    /// The API, by its OpenAPI document
    Api,
    /// What provisioner daemons speak
    Wire,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Part {
    /// Unit, contract, HTTP and binary tests: `cargo test`
    Rust,
    /// OAuth, MCP and SCIM clients that we did not write
    Clients,
    /// The pages in headless Chromium
    Browser,
    /// Requests made from the OpenAPI document
    Fuzz,
    /// A provisioner daemon and clients of OpenID Connect in Go; without being named, only where Go is found
    Go,
    /// oauth2-proxy, built by Go, and a page behind it in Chromium; without being named, only where Go is found
    Proxy,
    /// Sign-in through Keycloak, which needs Java 17 and Maven; only if it is named
    Keycloak,
    /// Clients of OpenID Connect and SCIM in Java, which need Java 17 and Maven; only if it is named
    Java,
}

/// The files of tests in Python, by the parts that run them.
const PYTHON: [(Part, &[&str]); 6] = [
    (
        Part::Clients,
        &[
            "test_authlib.py",
            "test_client_documents.py",
            "test_fastmcp.py",
            "test_mails.py",
            "test_mcp.py",
            "test_mcp_node.py",
            "test_mcp_programs.py",
            "test_mcp_rust.py",
            "test_node_libraries.py",
            "test_scim.py",
        ],
    ),
    (
        Part::Browser,
        &[
            "test_pages.py",
            "test_page_layout.py",
            "test_console.py",
            "test_browser_attacks.py",
            "test_identity_provider.py",
            "test_command_line.py",
        ],
    ),
    (Part::Fuzz, &["test_fuzz.py"]),
    (Part::Proxy, &["test_oauth2_proxy.py"]),
    (Part::Keycloak, &["test_keycloak.py"]),
    (Part::Java, &["test_openid_java.py", "test_scim_java.py"]),
];

impl Part {
    /// Parts that need more than is installed by itself.
    const IF_NAMED: [Self; 2] = [Self::Keycloak, Self::Java];
    /// Parts that need Go.
    const IN_GO: [Self; 2] = [Self::Go, Self::Proxy];
}

impl Test {
    /// All parts, with a binary built for them.
    pub(crate) fn everything(no_install: bool) -> Self {
        Self { only: Vec::new(), binary: None, release: false, no_install, rest: Vec::new() }
    }

    /// What it stands on.
    pub(crate) fn needs(&self) -> &'static [Need] {
        match self.only.as_slice() {
            [Part::Rust | Part::Go] => &[Need::Postgres],
            _ => &CLIENT_NEEDS,
        }
    }

    pub(crate) fn run(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let wants = |part| self.only.contains(&part) || (self.only.is_empty() && !Part::IF_NAMED.contains(&part));
        install::announce(workspace, self.needs(), self.no_install)?;
        let go = find_program(&["go"]);
        if go.is_none() && self.only.iter().any(|part| Part::IN_GO.contains(part)) {
            bail!("the clients in Go need Go; there is no program `go` in PATH");
        }
        let cluster = start_postgres()?;
        if wants(Part::Go)
            && let Some(go) = &go
        {
            step("Clients in Go", || self.run_go(workspace, go, &cluster.url()))?;
        }
        if wants(Part::Rust) {
            step("Rust tests", || {
                let mut test = cargo(workspace, &["test", "--workspace", "--all-features", "--no-fail-fast"]);
                if !self.rest.is_empty() {
                    test.arg("--").args(&self.rest);
                }
                run(test.env(postgres::DATABASE_URL, cluster.url()))
            })?;
        }
        let files: Vec<&str> = PYTHON
            .iter()
            .filter(|(part, _)| wants(*part) && (*part != Part::Proxy || go.is_some()))
            .flat_map(|(_, files)| files.iter().copied())
            .collect();
        if files.is_empty() {
            return Ok(());
        }
        let suite = Suite::prepare(workspace, self.binary.as_deref(), self.release, &cluster.url())?;
        let mut pytest = suite.pytest();
        if wants(Part::Clients) {
            pytest.env("DOORWARD_RUST_CLIENT", install::rust_client(workspace)?);
        }
        if wants(Part::Proxy)
            && let Some(go) = &go
        {
            pytest.env("DOORWARD_OAUTH2_PROXY", install::oauth2_proxy(workspace, go)?);
        }
        if wants(Part::Keycloak) {
            pytest.env("DOORWARD_KEYCLOAK", install::keycloak(workspace)?);
        }
        if wants(Part::Java) {
            pytest.env("DOORWARD_JAVA_CLIENT", install::java_client(workspace)?);
        }
        step("Clients against the real binary", || run(pytest.args(files).args(&self.rest)))?;
        if wants(Part::Go) && go.is_none() {
            println!("==> left out: the clients in Go and oauth2-proxy, for there is no program `go` in PATH");
        }
        Ok(())
    }

    /// Runs the tests in Go. Their modules are fetched by Go itself, as their lock file names them.
    fn run_go(&self, workspace: &Workspace, go: &Path, database_url: &str) -> anyhow::Result<()> {
        let binary = binary(workspace, self.binary.as_deref(), self.release)?;
        let mut test = Command::new(go);
        test.args(["test", "-count=1", "./..."]).current_dir(workspace.go());
        test.env("DOORWARD_BIN", binary)
            .env(postgres::DATABASE_URL, database_url)
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-mod=readonly");
        if self.only.as_slice() == [Part::Go] {
            test.args(&self.rest);
        }
        run(&mut test)
    }
}

impl Fuzz {
    pub(crate) fn run(&self, workspace: &Workspace) -> anyhow::Result<()> {
        match self.what {
            Fuzzed::Api => self.api(workspace),
            Fuzzed::Wire => self.wire(workspace),
        }
    }

    fn wire(&self, workspace: &Workspace) -> anyhow::Result<()> {
        step("Fuzzing the wire", || {
            let arguments = [
                "test",
                "--release",
                "--package",
                "doorward-wire",
                "--all-features",
                "--test",
                "fuzz",
                "--",
                "--nocapture",
                "damaged",
            ];
            let mut cargo = cargo(workspace, &arguments);
            cargo.env("DOORWARD_FUZZ_INPUTS", self.inputs.to_string());
            cargo.env("DOORWARD_FUZZ_SEED", self.seed.unwrap_or(0).to_string());
            run(cargo.args(&self.rest))
        })
    }

    fn api(&self, workspace: &Workspace) -> anyhow::Result<()> {
        install::announce(workspace, &CLIENT_NEEDS, self.no_install)?;
        let cluster = start_postgres()?;
        let suite = Suite::prepare(workspace, self.binary.as_deref(), false, &cluster.url())?;
        step("Fuzzing", || {
            let mut pytest = suite.pytest();
            pytest.args(["test_fuzz.py", "--capture=no"]).env("DOORWARD_FUZZ_SECONDS", self.seconds.to_string());
            if let Some(seed) = self.seed {
                pytest.env("DOORWARD_FUZZ_SEED", seed.to_string());
            }
            run(pytest.args(&self.rest))
        })
    }
}

/// What the clients stand on.
const CLIENT_NEEDS: [Need; 4] = [Need::Postgres, Need::Chromium, Need::Python, Need::Node];

/// One cluster for everything that follows, also for the processes that we start.
fn start_postgres() -> anyhow::Result<&'static postgres::Cluster> {
    install::postgres()?;
    let cluster = postgres::cluster()?;
    println!("  PostgreSQL: {}", cluster.execute("SELECT current_setting('server_version')")?.trim());
    Ok(cluster)
}

/// The Python suite, ready to run.
struct Suite {
    folder: PathBuf,
    python: PathBuf,
    node: PathBuf,
    chromium: PathBuf,
    binary: PathBuf,
    database_url: String,
}

impl Suite {
    fn prepare(
        workspace: &Workspace,
        binary: Option<&Path>,
        release: bool,
        database_url: &str,
    ) -> anyhow::Result<Self> {
        let chromium = install::chromium()?;
        let python = install::python(workspace)?;
        let node = install::node(workspace)?;
        let binary = self::binary(workspace, binary, release)?;
        let folder = workspace.clients();
        Ok(Self { folder, python, node, chromium, binary, database_url: database_url.to_owned() })
    }

    fn pytest(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-m", "pytest"]).current_dir(&self.folder);
        command.env("DOORWARD_BIN", &self.binary).env("DOORWARD_CHROMIUM", &self.chromium);
        command.env("DOORWARD_NODE", &self.node);
        command.env(postgres::DATABASE_URL, &self.database_url).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// The binary to be tested: the one that was named, or one that is built.
fn binary(workspace: &Workspace, named: Option<&Path>, release: bool) -> anyhow::Result<PathBuf> {
    match named {
        Some(named) => named.canonicalize().with_context(|| format!("looking for {}", named.display())),
        None => build(workspace, release),
    }
}

fn build(workspace: &Workspace, release: bool) -> anyhow::Result<PathBuf> {
    let mut build = cargo(workspace, &["build", "--package", "doorward"]);
    if release {
        build.arg("--release");
    }
    run(&mut build)?;
    Ok(workspace.target().join(if release { "release" } else { "debug" }).join("doorward"))
}

#[cfg(test)]
mod files {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_file_of_tests_in_python_belongs_to_one_part() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/python");
        let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let there: BTreeSet<String> =
            entries.filter(|name| name.starts_with("test_") && Path::new(name).extension().is_some()).collect();
        let named = || PYTHON.iter().flat_map(|(_, files)| files.iter().map(|file| (*file).to_owned()));
        assert_eq!(named().collect::<BTreeSet<_>>(), there, "a file that no part names is never run");
        assert_eq!(named().count(), there.len(), "a file is named twice");
    }
}
