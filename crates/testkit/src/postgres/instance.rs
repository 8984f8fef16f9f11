//! One throw-away cluster on disk, how test processes share it, and the keeper that takes it away.
//!
//! Two locks decide. Each process that uses a cluster holds a shared lock on the cluster's `users` file. The rendezvous
//! file of the workspace says where the shared cluster is; whoever starts, joins or removes it holds that file's
//! exclusive lock meanwhile. The kernel frees both when a process ends, however it ends, so that the keeper only has
//! to wait for the exclusive lock on `users`.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, ensure};

use super::address::Address;
use super::binaries::{Binaries, User, in_path, run};

const SUPERUSER: &str = "postgres";

/// Seconds that a shared cluster waits for the next test process.
const LINGER: &str = "4";

/// Standard input is the rendezvous file (or nothing), standard output the `users` file. `$1` is the cluster's folder,
/// `$2` the program that stops the server, `$3` the seconds to linger, empty for a cluster that nobody can join.
const KEEPER: &str = r#"
while :; do
    flock 1
    test -n "$3" || break
    flock -u 1
    sleep "$3"
    flock 0
    flock -n 1 && break
    flock -u 0
done
"$2" stop -D "$1/data" -m immediate -s >&2
rm -rf "$1"
"#;

/// How a [`private`](super::Cluster::private) cluster differs from the shared one.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether commits are flushed to the disk, as in production. Tests are faster without.
    pub durable: bool,
    /// Further lines for `postgresql.conf`.
    pub settings: Vec<String>,
    /// Files within the cluster that only the server can read, as its keys, or other contents of those that it has.
    pub files: Vec<(String, String)>,
}

/// The place where the test processes of a workspace find their shared cluster. Locked while this value lives.
#[derive(Debug)]
pub(super) struct Rendezvous {
    path: PathBuf,
    file: File,
}

impl Rendezvous {
    pub(super) fn enter() -> anyhow::Result<Self> {
        let folder = target_folder().unwrap_or_else(env::temp_dir).join("doorward-testkit");
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let path = folder.join("postgres");
        let file = open_lock(&path)?;
        file.lock().with_context(|| format!("locking {}", path.display()))?;
        Ok(Self { path, file })
    }

    /// The cluster that another process started, with this process counted among its users.
    pub(super) fn join(&mut self) -> anyhow::Result<Option<Instance>> {
        let mut folder = String::new();
        self.file.rewind()?;
        self.file.read_to_string(&mut folder)?;
        let folder = PathBuf::from(folder.trim());
        let users = folder.join("users");
        if !users.is_file() {
            return Ok(None);
        }
        let users = open_lock(&users)?;
        users.lock_shared().context("counting as a user of the cluster")?;
        let binaries = Binaries::find(server_user(&folder)?)?;
        Ok(Some(Instance { folder, binaries, users: Some(users), own_keeper: None }))
    }

    pub(super) fn publish(&mut self, instance: &Instance) -> anyhow::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", instance.folder.display())?;
        Ok(())
    }
}

/// A cluster in a folder of its own. The keeper takes it away when the last process that holds one has ended.
#[derive(Debug)]
pub(super) struct Instance {
    folder: PathBuf,
    binaries: Binaries,
    users: Option<File>,
    /// The keeper of a cluster that no other process uses.
    own_keeper: Option<Child>,
}

impl Instance {
    pub(super) fn create(options: &Options, rendezvous: Option<&Rendezvous>) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("doorward-pg-").tempdir_in(short_temp_dir())?;
        let user = server_user(folder.path())?;
        let binaries = Binaries::find(user)?;
        if let Some(user) = user {
            chown(folder.path(), Some(user.uid), Some(user.gid))
                .context("giving the cluster's folder to the server's user")?;
        }
        let users = open_lock(&folder.path().join("users"))?;
        users.lock_shared()?;
        let keeper = spawn_keeper(folder.path(), &binaries, rendezvous)?;
        // From here on the keeper removes the folder, also when this process is killed half way.
        let folder = folder.keep();
        let own_keeper = rendezvous.is_none().then_some(keeper);
        let instance = Self { folder, binaries, users: Some(users), own_keeper };
        instance.initialise(options)?;
        Ok(instance)
    }

    fn initialise(&self, options: &Options) -> anyhow::Result<()> {
        let mut initdb = self.binaries.command("initdb");
        initdb.args(["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        if self.binaries.version()? >= 15 {
            initdb.args(["--locale-provider=icu", "--icu-locale=en-US"]);
        }
        run(initdb.arg("--pgdata").arg(self.data())).context("creating a PostgreSQL cluster")?;

        let folder = self.folder.to_str().context("the temporary folder's path is not text")?;
        let mut settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nunix_socket_permissions = 0700\n\
             max_connections = 300\nshared_buffers = 64MB\nlog_min_duration_statement = -1\n",
            folder.replace('\'', "''"),
        );
        if !options.durable {
            settings.push_str("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n");
        }
        for line in &options.settings {
            settings.push_str(line);
            settings.push('\n');
        }
        let path = self.data().join("postgresql.conf");
        let mut file = OpenOptions::new().append(true).open(&path)?;
        file.write_all(settings.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
        options.files.iter().try_for_each(|(name, content)| self.write(name, content))
    }

    fn write(&self, name: &str, content: &str) -> anyhow::Result<()> {
        let path = self.data().join(name);
        let doing = || format!("writing {}", path.display());
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(content.as_bytes()).with_context(doing)?;
        if let Some(User { uid, gid }) = self.binaries.run_as() {
            chown(&path, Some(uid), Some(gid)).with_context(doing)?;
        }
        Ok(())
    }

    /// Starts the server and waits until it accepts connections.
    pub(super) fn start(&mut self) -> anyhow::Result<()> {
        let log = self.folder.join("log");
        let mut start = self.binaries.command("pg_ctl");
        start.args(["start", "--wait", "--silent", "--timeout=60", "--pgdata"]).arg(self.data()).arg("--log").arg(&log);
        // A pipe would be inherited by the server and never close.
        let status = start.stdout(Stdio::null()).stderr(Stdio::null()).status().context("starting pg_ctl")?;
        let said = || fs::read_to_string(&log).unwrap_or_default();
        ensure!(status.success(), "PostgreSQL does not start; its log says:\n{}", said().trim());
        Ok(())
    }

    pub(super) fn stop(&mut self, mode: &str) -> anyhow::Result<()> {
        let mut stop = self.binaries.command("pg_ctl");
        run(stop.args(["stop", "--silent", "--mode", mode, "--pgdata"]).arg(self.data()))?;
        Ok(())
    }

    pub(super) fn address(&self) -> anyhow::Result<Address> {
        let folder = self.folder.to_str().context("the temporary folder's path is not text")?;
        Ok(Address::of_socket(folder, SUPERUSER))
    }

    pub(super) fn is_private(&self) -> bool {
        self.own_keeper.is_some()
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.users.take(); // closes the file and with it frees the lock: the keeper does the rest
        if let Some(mut keeper) = self.own_keeper.take()
            && let Err(error) = keeper.wait()
        {
            eprintln!("waiting until the PostgreSQL cluster is removed: {error}");
        }
    }
}

/// A shell of its own, out of reach of the terminal's Ctrl-C, that holds nothing of ours open.
fn spawn_keeper(folder: &Path, binaries: &Binaries, rendezvous: Option<&Rendezvous>) -> anyhow::Result<Child> {
    ensure!(
        in_path("flock"),
        "the program `flock` (package util-linux) is not installed; a throw-away cluster needs it"
    );
    // Files opened anew: a lock belongs to the opening, and a copied descriptor would share ours.
    let users = open_lock(&folder.join("users"))?;
    let rendezvous_file = rendezvous.map(|rendezvous| open_lock(&rendezvous.path)).transpose()?;
    let linger = if rendezvous.is_some() { LINGER } else { "" };
    let mut keeper = Command::new("/bin/sh");
    keeper.args(["-c", KEEPER, "doorward-testkit-keeper"]).arg(folder).arg(binaries.path("pg_ctl")).arg(linger);
    keeper.stdin(rendezvous_file.map_or_else(Stdio::null, Stdio::from)).stdout(users).stderr(Stdio::null());
    if let Some(User { uid, gid }) = binaries.run_as() {
        keeper.uid(uid).gid(gid);
    }
    keeper.current_dir("/").process_group(0);
    keeper.spawn().context("starting the shell that removes the cluster afterwards")
}

fn open_lock(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).with_context(|| format!("opening {}", path.display()))
}

/// `target` of the workspace, in which the running test or tool was built.
fn target_folder() -> Option<PathBuf> {
    let program = env::current_exe().ok()?;
    program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).map(Path::to_path_buf)
}

/// The system's temporary folder, or `/tmp` when a socket's path (at most 103 bytes) would not fit.
fn short_temp_dir() -> PathBuf {
    let folder = env::temp_dir();
    if folder.as_os_str().len() > 60 { PathBuf::from("/tmp") } else { folder }
}

/// Nobody in particular when this process is an ordinary user; PostgreSQL refuses to run as root.
///
/// `ours` is something this process owns, or root gave to the server's user.
fn server_user(ours: &Path) -> anyhow::Result<Option<User>> {
    let probe = tempfile::tempfile()?.metadata()?;
    if probe.uid() != 0 {
        return Ok(None);
    }
    let owner = fs::metadata(ours)?;
    if owner.uid() != 0 {
        return Ok(Some(User { uid: owner.uid(), gid: owner.gid() }));
    }
    let accounts = fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let named = |name: &str| accounts.lines().find_map(|line| user_of(line, name));
    let user = named("postgres").or_else(|| named("nobody"));
    user.context("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as")
        .map(Some)
}

fn user_of(line: &str, name: &str) -> Option<User> {
    let mut fields = line.split(':');
    if fields.next()? != name {
        return None;
    }
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User { uid, gid })
}
