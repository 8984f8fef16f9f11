//! What the tests need besides Rust: found, or installed where that is possible, else an error that says what to do.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use doorward_testkit::postgres;

use crate::command::{cargo, find_program, output, run, run_quietly, succeeds};
use crate::workspace::Workspace;

/// The cargo-deny that is installed when there is none; any other that is there is used.
const CARGO_DENY: &str = "0.20.2";
/// The same of cargo-machete.
const CARGO_MACHETE: &str = "0.9.2";
/// The spelling checker, from a Python wheel that holds the program.
const TYPOS: &str = "typos==1.52.0";

/// Something that a chore needs besides Rust.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Need {
    Postgres,
    Chromium,
    Python,
    Node,
    CargoDeny,
    CargoMachete,
    Typos,
}

impl Need {
    fn is_met(self, workspace: &Workspace) -> bool {
        match self {
            Self::Postgres => {
                env::var_os(postgres::DATABASE_URL).is_some_and(|url| !url.is_empty()) || postgres::is_installed()
            }
            Self::Chromium => env::var_os("DOORWARD_CHROMIUM").is_some() || find_chromium().is_some(),
            Self::Python => ready_python(workspace).is_ok_and(|found| found.is_some()),
            Self::Node => ready_node(workspace).is_ok_and(|found| found.is_some()),
            Self::CargoDeny => succeeds(&mut cargo(workspace, &["deny", "--version"])),
            Self::CargoMachete => succeeds(&mut cargo(workspace, &["machete", "--version"])),
            Self::Typos => ready_typos(workspace).is_some(),
        }
    }

    /// What will be done about it.
    fn remedy(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL, by `apt-get install postgresql` (as root or by sudo)",
            Self::Chromium => "a headless browser, by `apt-get install chromium` (as root or by sudo)",
            Self::Python => "the Python clients of tests/clients/python/requirements.txt, by pip into .cache/python",
            Self::Node => {
                "the programs of tests/clients/node, by npm into .cache/node (Node by apt-get, as root or by sudo)"
            }
            Self::CargoDeny => "cargo-deny, by `cargo install` (some minutes, once)",
            Self::CargoMachete => "cargo-machete, by `cargo install` (a minute or two, once)",
            Self::Typos => "the spelling checker typos, by pip into .cache/typos",
        }
    }
}

/// Says what is missing and how it will be installed. If that is not wanted, it is an error that names all of it.
pub(crate) fn announce(workspace: &Workspace, needs: &[Need], no_install: bool) -> anyhow::Result<()> {
    let missing: Vec<&str> = needs.iter().filter(|need| !need.is_met(workspace)).map(|need| need.remedy()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if no_install {
        bail!("missing, and not installed because of --no-install:\n  {}", missing.join("\n  "));
    }
    println!("  This is missing and will be installed now (`--no-install` refuses instead):");
    for remedy in missing {
        println!("    {remedy}");
    }
    Ok(())
}

/// Makes sure that a throw-away cluster can be started.
pub(crate) fn postgres() -> anyhow::Result<()> {
    let named = env::var_os(postgres::DATABASE_URL).is_some_and(|url| !url.is_empty());
    if !named && !postgres::is_installed() {
        install_packages("PostgreSQL", &["postgresql"])?;
    }
    Ok(())
}

/// The browser, as `DOORWARD_CHROMIUM` names it or PATH knows it.
pub(crate) fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(named) = env::var_os("DOORWARD_CHROMIUM") {
        return Ok(PathBuf::from(named));
    }
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    install_packages("a headless browser", &["chromium"])?;
    find_chromium().context("the package chromium is installed, but there is no program `chromium` in PATH")
}

fn find_chromium() -> Option<PathBuf> {
    find_program(&["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"])
}

/// The Python of a virtual environment with the pinned clients in it.
pub(crate) fn python(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    if let Some(python) = ready_python(workspace)? {
        return Ok(python);
    }
    let (requirements, wanted) = requirements(workspace)?;
    let folder = workspace.cache().join("python");
    let python = folder.join("bin/python");
    println!("  making {} with the packages of {}", folder.display(), requirements.display());
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    make_virtual_environment(&folder)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    run(&mut pip)?;
    fs::write(folder.join(STAMP), wanted)?;
    Ok(python)
}

/// Says in a virtual environment what was installed there.
const STAMP: &str = "requirements.installed";

fn requirements(workspace: &Workspace) -> anyhow::Result<(PathBuf, String)> {
    let path = workspace.clients().join("requirements.txt");
    let wanted = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok((path, wanted))
}

/// The folder with the programs for Node and the packages they need.
pub(crate) fn node(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    if let Some(folder) = ready_node(workspace)? {
        return Ok(folder);
    }
    if find_program(&["npm"]).is_none() {
        install_packages("Node", &["nodejs", "npm"])?;
    }
    let (source, folder) = (workspace.node(), workspace.cache().join("node"));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for name in ["package.json", LOCK] {
        fs::copy(source.join(name), folder.join(name)).with_context(|| format!("copying {name}"))?;
    }
    let mut npm = Command::new("npm");
    run(npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder))?;
    fs::copy(folder.join(LOCK), folder.join(STAMP))?;
    ready_node(workspace)?.context("the packages of tests/clients/node are installed, and not found")
}

/// The Keycloak that is started, as Maven names it.
const KEYCLOAK: &str = "26.5.6";

/// The folder with Keycloak. It comes from Maven's central repository, which must be at hand together with Java 17.
pub(crate) fn keycloak(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let folder = workspace.cache().join(format!("keycloak/keycloak-{KEYCLOAK}"));
    if folder.join("bin/kc.sh").exists() {
        return Ok(folder);
    }
    must_be_there("Keycloak", &["java", "mvn", "unzip"])?;
    let parent = workspace.cache().join("keycloak");
    fs::create_dir_all(&parent)?;
    println!("  fetching Keycloak {KEYCLOAK}, some 150 MB");
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "dependency:copy", "-Dmdep.stripVersion=true"]);
    maven.arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{KEYCLOAK}:zip"));
    run(maven.arg(format!("-DoutputDirectory={}", parent.display())))?;
    let archive = parent.join("keycloak-quarkus-dist.zip");
    run(Command::new("unzip").arg("-q").arg(&archive).arg("-d").arg(&parent))?;
    fs::remove_file(archive)?;
    Ok(folder)
}

/// The class path of the clients in tests/clients/java, compiled. It comes from Maven's central repository, as Keycloak does.
pub(crate) fn java_client(workspace: &Workspace) -> anyhow::Result<String> {
    must_be_there("the clients in Java", &["java", "mvn"])?;
    let source = workspace.java();
    let (folder, jars) = (workspace.cache().join("java"), workspace.cache().join("java/jars"));
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-f"]).arg(source.join("pom.xml")).arg("dependency:copy-dependencies");
    run(maven.arg(format!("-DoutputDirectory={}", jars.display())))?;
    let libraries = format!("{}/*", jars.display());
    let mut compiler = Command::new("javac");
    compiler.args(["-proc:none", "-cp", &libraries, "-d"]).arg(&folder);
    compiler.args(["OpenId.java", "Scim.java"].map(|name| source.join(name)));
    run(&mut compiler)?;
    Ok(format!("{}:{libraries}", folder.display()))
}

/// The client in tests/clients/rust, built with the versions that its lock file names.
pub(crate) fn rust_client(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let target = workspace.cache().join("rust");
    let manifest = workspace.rust().join("Cargo.toml");
    let mut build = cargo(workspace, &["build", "--locked", "--quiet", "--manifest-path"]);
    run(build.arg(manifest).env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join("debug/mcp-client"))
}

/// oauth2-proxy, built of the versions that its lock file names.
pub(crate) fn oauth2_proxy(workspace: &Workspace, go: &Path) -> anyhow::Result<PathBuf> {
    let (source, program) = (workspace.go().join("proxy"), workspace.cache().join("go/oauth2-proxy"));
    fs::create_dir_all(workspace.cache().join("go"))?;
    // Go sees by itself whether there is something to do.
    let mut build = Command::new(go);
    build.args(["build", "-trimpath", "-o"]).arg(&program).arg("github.com/oauth2-proxy/oauth2-proxy/v7");
    build.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-mod=readonly");
    run(build.current_dir(source))?;
    Ok(program)
}

fn must_be_there(what: &str, programs: &[&str]) -> anyhow::Result<()> {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| find_program(&[program]).is_none()).collect();
    if !missing.is_empty() {
        bail!("{what} needs {}; missing: {}", programs.join(", "), missing.join(", "));
    }
    Ok(())
}

const LOCK: &str = "package-lock.json";

/// The folder, if all packages are there. Its programs are always the present ones.
fn ready_node(workspace: &Workspace) -> anyhow::Result<Option<PathBuf>> {
    let (source, folder) = (workspace.node(), workspace.cache().join("node"));
    let wanted = fs::read(source.join(LOCK)).context("reading the lock file of tests/clients/node")?;
    let is_there = fs::read(folder.join(STAMP)).is_ok_and(|installed| installed == wanted);
    if !is_there || find_program(&["node"]).is_none() {
        return Ok(None);
    }
    for entry in fs::read_dir(&source)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if path.extension().is_some_and(|extension| extension == "mjs") {
            fs::copy(&path, folder.join(&name)).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(Some(folder))
}

/// The Python that has everything already.
fn ready_python(workspace: &Workspace) -> anyhow::Result<Option<PathBuf>> {
    let (_, wanted) = requirements(workspace)?;
    let folder = workspace.cache().join("python");
    let python = folder.join("bin/python");
    let stamped = fs::read_to_string(folder.join(STAMP)).is_ok_and(|installed| installed == wanted);
    Ok((stamped && works(&python)).then_some(python))
}

/// The spelling checker, in a virtual environment of its own.
pub(crate) fn typos(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    if let Some(found) = ready_typos(workspace) {
        return Ok(found);
    }
    let folder = workspace.cache().join("typos");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    make_virtual_environment(&folder)?;
    let mut pip = Command::new(folder.join("bin/python"));
    run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", TYPOS]))?;
    fs::write(folder.join(STAMP), TYPOS)?;
    ready_typos(workspace).context("the spelling checker was installed and does not start")
}

fn ready_typos(workspace: &Workspace) -> Option<PathBuf> {
    let folder = workspace.cache().join("typos");
    let program = folder.join("bin/typos");
    let stamped = fs::read_to_string(folder.join(STAMP)).is_ok_and(|installed| installed == TYPOS);
    (stamped && succeeds(Command::new(&program).arg("--version"))).then_some(program)
}

fn make_virtual_environment(folder: &Path) -> anyhow::Result<()> {
    let make = || run(Command::new("python3").args(["-m", "venv"]).arg(folder));
    if find_program(&["python3"]).is_some() && make().is_ok() {
        return Ok(());
    }
    install_packages("Python with virtual environments", &["python3", "python3-venv"])?;
    make()
}

fn works(python: &Path) -> bool {
    succeeds(Command::new(python).args(["-c", "import pytest"]))
}

/// Makes sure that `cargo deny` works. The first time on a machine it is built, which takes some minutes.
pub(crate) fn cargo_deny(workspace: &Workspace) -> anyhow::Result<()> {
    cargo_tool(workspace, "deny", CARGO_DENY)
}

/// Makes sure that `cargo machete` works, which finds dependencies that nothing uses.
pub(crate) fn cargo_machete(workspace: &Workspace) -> anyhow::Result<()> {
    cargo_tool(workspace, "machete", CARGO_MACHETE)
}

fn cargo_tool(workspace: &Workspace, name: &str, version: &str) -> anyhow::Result<()> {
    if succeeds(&mut cargo(workspace, &[name, "--version"])) {
        return Ok(());
    }
    println!("  cargo-{name} is not installed; it is built once");
    let target = workspace.target().join("tools");
    let package = format!("cargo-{name}");
    let mut install = cargo(workspace, &["install", &package, "--locked", "--quiet", "--version", version]);
    run(install.env("CARGO_TARGET_DIR", &target))?;
    fs::remove_dir_all(&target).with_context(|| format!("removing {}", target.display()))
}

/// Installs packages of the system, when we may.
fn install_packages(purpose: &str, packages: &[&str]) -> anyhow::Result<()> {
    let names = packages.join(" ");
    let by_hand = format!("{purpose} is missing; install it, on Debian or Ubuntu by `apt-get install {names}`");
    if find_program(&["apt-get"]).is_none() {
        bail!("{by_hand}");
    }
    let root = output(Command::new("id").arg("-u"))?.trim() == "0";
    if !root && !succeeds(Command::new("sudo").args(["-n", "true"])) {
        bail!("{by_hand} (not done for you: this is not root, and `sudo` would ask for a password)");
    }
    println!("  {purpose} is missing; installing {names}");
    let apt = |arguments: &[&str]| {
        let mut command = if root { Command::new("env") } else { Command::new("sudo") };
        if !root {
            command.args(["-n", "env"]);
        }
        // Waits for another apt-get instead of giving up at once.
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600"]);
        command.args(arguments);
        run_quietly(&mut command)
    };
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}
