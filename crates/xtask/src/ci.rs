//! `cargo xtask ci`: what decides whether a change may land, cheapest first.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use crate::command::{cargo, output, run, step};
use crate::install::{self, Need};
use crate::lint;
use crate::roles::Roles;
use crate::tests::Test;
use crate::workspace::Workspace;

/// Check everything that decides whether a change may land
///
/// In this order: format, the rules of the house, spelling, clippy, dependencies that nothing uses, licences and bans of
/// dependencies, documentation, the crates for others as packages, the committed OpenAPI document, all tests.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[derive(Args, Debug)]
pub(crate) struct Ci {
    /// Also look up security advisories; needs to reach their database
    #[arg(long)]
    advisories: bool,

    /// Go on after a failure, and fail in the end
    #[arg(long)]
    keep_going: bool,

    /// Stop before the tests
    #[arg(long)]
    no_tests: bool,

    /// Install nothing: what is missing is an error
    #[arg(long)]
    no_install: bool,
}

/// What is checked, by its name.
type Check<'a> = (&'static str, &'a dyn Fn() -> anyhow::Result<()>);

impl Ci {
    pub(crate) fn run(&self, workspace: &Workspace) -> anyhow::Result<()> {
        let clippy = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
        let doc = ["doc", "--workspace", "--all-features", "--no-deps"];
        let tests = Test::everything(self.no_install);
        let mut needs = vec![Need::Typos, Need::CargoMachete, Need::CargoDeny];
        if !self.no_tests {
            needs.extend(tests.needs());
        }
        install::announce(workspace, &needs, self.no_install)?;
        let checks: [Check<'_>; 12] = [
            ("Format", &|| run(&mut cargo(workspace, &["fmt", "--all", "--check"]))),
            ("Rules of the house", &|| lint::run(workspace)),
            ("Tables of roles", &|| Roles { check: true }.run(workspace)),
            ("Spelling", &|| run(Command::new(install::typos(workspace)?).current_dir(workspace.root()))),
            ("Clippy", &|| run(&mut cargo(workspace, &clippy))),
            ("The domain and the ports by themselves", &|| alone(workspace)),
            ("Unused dependencies", &|| unused(workspace)),
            ("Dependencies", &|| self.dependencies(workspace)),
            ("Documentation", &|| run(cargo(workspace, &doc).env("RUSTDOCFLAGS", "-D warnings"))),
            ("Packages", &|| packages(workspace)),
            ("OpenAPI document", &|| openapi(workspace)),
            ("Tests", &|| if self.no_tests { Ok(()) } else { tests.run(workspace) }),
        ];
        let mut failures = Vec::new();
        for (name, check) in checks {
            let Err(error) = step(name, check) else { continue };
            if !self.keep_going {
                return Err(error);
            }
            println!("==> {error:#}");
            failures.push(name);
        }
        ensure!(failures.is_empty(), "failed: {}", failures.join(", "));
        Ok(())
    }

    fn dependencies(&self, workspace: &Workspace) -> anyhow::Result<()> {
        install::cargo_deny(workspace)?;
        let mut deny = cargo(workspace, &["deny", "--workspace", "check", "licenses", "bans", "sources"]);
        if self.advisories {
            deny.arg("advisories");
        } else {
            println!(
                "  advisories are not looked up; `cargo xtask ci --advisories` does, where their database is reached"
            );
        }
        run(&mut deny)
    }
}

/// Whoever embeds the domain crate gets it without features, and then with few others; and the ports without a runtime.
fn alone(workspace: &Workspace) -> anyhow::Result<()> {
    const MOST: usize = 6;
    let clippy = ["clippy", "--package", "doorward-domain", "--no-default-features", "--", "-D", "warnings"];
    run(&mut cargo(workspace, &clippy))?;
    let tree = ["tree", "--package", "doorward-domain", "--edges", "normal,build", "--prefix", "none", "--depth"];
    let direct = output(cargo(workspace, &tree).arg("1"))?;
    let number = direct.lines().count().saturating_sub(1);
    ensure!(number <= MOST, "doorward-domain has {number} direct dependencies, more than {MOST}:\n{direct}");
    let all = output(cargo(workspace, &tree).arg("9"))?;
    ensure!(!all.contains("serde_json"), "doorward-domain brings serde_json along without being asked for it");
    run(&mut cargo(
        workspace,
        &["clippy", "--package", "doorward-ports", "--no-default-features", "--", "-D", "warnings"],
    ))?;
    let tree = ["tree", "--package", "doorward-ports", "--edges", "normal,build", "--prefix", "none"];
    let all = output(&mut cargo(workspace, &tree))?;
    let brought = |name: &&str| all.lines().any(|line| line.split(' ').next() == Some(*name));
    let runtime: Vec<_> = ["tokio", "backon"].into_iter().filter(brought).collect();
    ensure!(runtime.is_empty(), "doorward-ports brings {} along without being asked for it", runtime.join(", "));
    Ok(())
}

/// Dependencies that are named and not used.
fn unused(workspace: &Workspace) -> anyhow::Result<()> {
    install::cargo_machete(workspace)?;
    run(&mut cargo(workspace, &["machete", "--skip-target-dir", "crates"]))
}

/// The crates that are meant for others can be packed, and what is packed builds by itself.
fn packages(workspace: &Workspace) -> anyhow::Result<()> {
    let package =
        ["package", "--quiet", "--allow-dirty", "--package", "doorward-domain", "--package", "doorward-ports"];
    forget_packages()?;
    run(&mut cargo(workspace, &package))
}

/// Cargo keeps what it unpacked of a package, and takes it for the next one of the same version.
fn forget_packages() -> anyhow::Result<()> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let Some(registries) = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok()) else { return Ok(()) };
    for registry in registries {
        for unpacked in fs::read_dir(registry?.path())? {
            let unpacked = unpacked?;
            let name = unpacked.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("doorward-domain-") || name.starts_with("doorward-ports-") {
                fs::remove_dir_all(unpacked.path()).with_context(|| unpacked.path().display().to_string())?;
            }
        }
    }
    Ok(())
}

/// The committed document is what the binary would serve.
fn openapi(workspace: &Workspace) -> anyhow::Result<()> {
    let served = output(&mut cargo(workspace, &["run", "--quiet", "--package", "doorward", "--", "openapi"]))?;
    let path = workspace.root().join("docs/openapi.json");
    let committed = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    if served.trim_end() != committed.trim_end() {
        bail!("docs/openapi.json is stale; renew it by `cargo run --quiet -- openapi > docs/openapi.json`");
    }
    Ok(())
}
