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
    let find = || find_program(&["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]);
    if let Some(found) = find() {
        return Ok(found);
    }
    install_packages("a headless browser", &["chromium"])?;
    find().context("the package chromium is installed, but there is no program `chromium` in PATH")
}

/// The Python of a virtual environment with the pinned clients in it.
pub(crate) fn python(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let requirements = workspace.clients().join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let folder = workspace.cache().join("python");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && works(&python) {
        return Ok(python);
    }
    println!("  making {} with the packages of {}", folder.display(), requirements.display());
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    make_virtual_environment(&folder)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    run(&mut pip)?;
    fs::write(&stamp, wanted)?;
    Ok(python)
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
    if succeeds(&mut cargo(workspace, &["deny", "--version"])) {
        return Ok(());
    }
    println!("  cargo-deny is not installed; building it takes some minutes, once");
    let target = workspace.target().join("tools");
    let mut install = cargo(workspace, &["install", "cargo-deny", "--locked", "--quiet", "--version", CARGO_DENY]);
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
