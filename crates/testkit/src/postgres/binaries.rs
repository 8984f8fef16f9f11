//! Finds the installed PostgreSQL and runs its programs.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

const MISSING: &str = "PostgreSQL is not installed here, or not found: looked for initdb, pg_ctl and postgres in PATH, \
    in /usr/lib/postgresql/*/bin and where `pg_config --bindir` points. `cargo xtask test` installs it where it may; \
    by hand: `apt-get install postgresql`. Or name a running server in DOORWARD_TEST_DATABASE_URL";

/// The folder of the server's programs.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    folder: PathBuf,
    run_as: Option<User>,
}

/// Whom the server runs as when the tests run as root.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Binaries {
    pub(super) fn find(run_as: Option<User>) -> anyhow::Result<Self> {
        let folder = candidates().find(|folder| is_server(folder)).context(MISSING)?;
        Ok(Self { folder, run_as })
    }

    /// A program of the server, run as the server's user, without this process's PostgreSQL settings.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.path(program));
        // The current folder may be closed to the server's user.
        clean(&mut command).current_dir("/").stdin(Stdio::null());
        if let Some(user) = self.run_as {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    pub(super) fn run_as(&self) -> Option<User> {
        self.run_as
    }

    /// The major version, as `15` of `postgres (PostgreSQL) 15.18`.
    pub(super) fn version(&self) -> anyhow::Result<u32> {
        let output = run(self.command("postgres").arg("--version"))?;
        let major = output.split_whitespace().nth(2).and_then(|version| version.split('.').next());
        let digits: String = major.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().with_context(|| format!("reading the version out of `{}`", output.trim()))
    }
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    // A link in PATH leads to the folder where all the others stand.
    let in_path =
        search_path().filter_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(PathBuf::from));
    let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut packaged: Vec<(u32, PathBuf)> = packaged
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    packaged.sort_by(|a, b| b.cmp(a));
    let configured = run(Command::new("pg_config").arg("--bindir")).ok().map(|folder| PathBuf::from(folder.trim()));
    in_path.chain(packaged.into_iter().map(|(_, folder)| folder)).chain(configured)
}

fn is_server(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Whether a program of this name can be run.
pub(super) fn in_path(program: &str) -> bool {
    search_path().any(|folder| folder.join(program).is_file())
}

/// The `psql` program.
#[derive(Clone, Debug)]
pub(super) struct Psql(PathBuf);

impl Psql {
    /// The one beside the server's programs, else the one in PATH: a distribution's wrapper there costs more per call.
    pub(super) fn find() -> anyhow::Result<Self> {
        let beside = candidates().map(|folder| folder.join("psql"));
        let in_path = search_path().map(|folder| folder.join("psql"));
        let found = beside.chain(in_path).find(|program| program.is_file());
        found.map(Self).context("psql is not installed: `apt-get install postgresql-client`")
    }

    pub(super) fn run(&self, url: &str, sql: &str) -> anyhow::Result<String> {
        let mut command = Command::new(&self.0);
        clean(&mut command).stdin(Stdio::null());
        command.args([
            "--no-psqlrc",
            "--no-password",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--field-separator=\t",
        ]);
        command.args(["--set=ON_ERROR_STOP=1", "--command", sql, url]);
        run(&mut command).with_context(|| format!("running `{sql}`"))
    }
}

fn clean(command: &mut Command) -> &mut Command {
    for (key, _) in env::vars_os().filter(|(key, _)| key.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(key);
    }
    command.env("LC_ALL", "C")
}

/// Runs to the end; the error holds what the program wrote.
pub(super) fn run(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("starting {program}"))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{program} ended with {}: {}", output.status, String::from_utf8_lossy(&said).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
