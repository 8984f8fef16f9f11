//! A throw-away PostgreSQL cluster for tests.
//!
//! [`cluster`] gives the cluster to use:
//!
//! - the server that `DOORWARD_TEST_DATABASE_URL` names, when it is set (its user must be allowed to create databases);
//! - else one cluster for all test processes of this workspace: the first one starts it, the others join it, and a
//!   keeper (a small shell process) stops and removes it a few seconds after the last of them has ended, also after
//!   a `kill -9`.
//!
//! It listens on a Unix socket in a temporary folder that only this user can enter, never on TCP. It works as root too:
//! `initdb` and `postgres` then run as the user `postgres` or `nobody`.
//!
//! Text sorts by the rules of a language (`en-US`) and not by bytes, as in most databases out there. A query that
//! leans on byte order, or on the order that SQLite happens to give, is found here.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let database = doorward_testkit::postgres::cluster()?.fresh_database()?;
//! println!("{}", database.url()); // postgres://postgres@%2Ftmp%2Fdoorward-pg-x1Y2z3/test_4711_0_9f2c
//! # Ok(())
//! # }
//! ```
//!
//! A test that needs a schema in its database saves the migrations by a template:
//! ```no_run
//! # fn migrate(url: &str) -> anyhow::Result<()> { Ok(()) }
//! # fn main() -> anyhow::Result<()> {
//! let cluster = doorward_testkit::postgres::cluster()?;
//! let template = cluster.template("schema_7f3a", migrate)?; // once per cluster, whoever comes first
//! let database = cluster.fresh_database_from(&template)?;
//! # Ok(())
//! # }
//! ```
//!
//! A test in which the database goes away starts one of its own: [`Cluster::private`].

mod address;
mod binaries;
mod instance;
mod relay;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, anyhow, bail, ensure};

use self::address::Address;
use self::binaries::{Binaries, Psql};
pub use self::instance::Options;
use self::instance::{Instance, Rendezvous};
pub use self::relay::Relay;

/// The environment variable that names a running server to use instead of a throw-away cluster.
pub const DATABASE_URL: &str = "DOORWARD_TEST_DATABASE_URL";

/// The cluster that the tests of this process use. Started or joined by the first call, then kept until the process
/// ends.
///
/// # Errors
/// When PostgreSQL is not installed, does not start, or the server of [`DATABASE_URL`] does not answer.
pub fn cluster() -> anyhow::Result<&'static Cluster> {
    static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
    let found = CLUSTER.get_or_init(|| Cluster::from_environment().map_err(|error| format!("{error:#}")));
    found.as_ref().map_err(|error| anyhow!("{error}"))
}

/// Whether the programs are there that a throw-away cluster needs.
#[must_use]
pub fn is_installed() -> bool {
    Binaries::find(None).is_ok() && Psql::find().is_ok()
}

/// A PostgreSQL server that answers.
#[derive(Debug)]
pub struct Cluster {
    address: Address,
    psql: Psql,
    instance: Option<Instance>,
}

impl Cluster {
    fn from_environment() -> anyhow::Result<Self> {
        match std::env::var(DATABASE_URL) {
            Ok(url) if !url.is_empty() => Self::at(&url).with_context(|| format!("using {DATABASE_URL}")),
            _ => Self::shared(),
        }
    }

    fn at(url: &str) -> anyhow::Result<Self> {
        let cluster = Self { address: Address::parse(url)?, psql: Psql::find()?, instance: None };
        cluster.execute("SELECT 1")?;
        Ok(cluster)
    }

    /// Joins the cluster of this workspace's test processes, or starts it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn shared() -> anyhow::Result<Self> {
        let mut rendezvous = Rendezvous::enter()?;
        if let Some(instance) = rendezvous.join()? {
            let cluster = Self::of(instance)?;
            if cluster.execute("SELECT 1").is_ok() {
                return Ok(cluster);
            }
        }
        let mut instance = Instance::create(&Options::default(), Some(&rendezvous))?;
        instance.start()?;
        rendezvous.publish(&instance)?;
        Self::of(instance)
    }

    /// Starts a cluster for this value alone: stopped and removed when it is dropped or this process ends.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn private(options: &Options) -> anyhow::Result<Self> {
        let mut instance = Instance::create(options, None)?;
        instance.start()?;
        Self::of(instance)
    }

    fn of(instance: Instance) -> anyhow::Result<Self> {
        Ok(Self { address: instance.address()?, psql: Psql::find()?, instance: Some(instance) })
    }

    /// The URL of the server's maintenance database.
    #[must_use]
    pub fn url(&self) -> String {
        self.address.url()
    }

    /// An empty database of its own.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn fresh_database(&self) -> anyhow::Result<Database> {
        self.create("test", None)
    }

    /// A database that starts as a copy of `template`.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn fresh_database_from(&self, template: &Template) -> anyhow::Result<Database> {
        self.create("test", Some(template))
    }

    /// The template of this name, filled by `fill` (given its URL) when nobody has done so on this cluster yet.
    ///
    /// Put a digest of what `fill` does into the name: on a server named by [`DATABASE_URL`] the template stays for the
    /// next run. No connection may stay open in it.
    ///
    /// # Errors
    /// When `fill` fails or the server refuses.
    pub fn template(&self, name: &str, fill: impl FnOnce(&str) -> anyhow::Result<()>) -> anyhow::Result<Template> {
        ensure!(is_plain(name), "a template's name may hold a-z, 0-9 and _ and at most 40 of them, unlike `{name}`");
        let template = Template { name: format!("doorward_template_{name}") };
        if self.has(&template.name)? {
            return Ok(template);
        }
        // Filled under another name and renamed when it is whole: whoever else fills it at the same time, one wins.
        let mut draft = self.create("template", None)?;
        fill(&draft.url()).with_context(|| format!("filling the template `{name}`"))?;
        let renamed = self.execute(&format!("ALTER DATABASE {} RENAME TO {}", draft.name, template.name));
        match renamed {
            Ok(_) => draft.keep = true,
            Err(_) if self.has(&template.name)? => {}
            Err(error) => return Err(error),
        }
        Ok(template)
    }

    /// Runs SQL in the maintenance database and returns its rows, tab-separated.
    ///
    /// # Errors
    /// What the server says.
    pub fn execute(&self, sql: &str) -> anyhow::Result<String> {
        self.psql.run(&self.address.url(), sql)
    }

    /// Stops the server at once, without a check point, as a crash would. Only for a [`Cluster::private`] one.
    ///
    /// # Errors
    /// When it is not a private cluster or does not stop.
    pub fn crash(&mut self) -> anyhow::Result<()> {
        self.own()?.stop("immediate")
    }

    /// Starts the server again after [`Cluster::crash`].
    ///
    /// # Errors
    /// When it is not a private cluster or does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.own()?.start()
    }

    fn own(&mut self) -> anyhow::Result<&mut Instance> {
        match &mut self.instance {
            Some(instance) if instance.is_private() => Ok(instance),
            _ => bail!("other tests use this cluster; start one with `Cluster::private`"),
        }
    }

    fn has(&self, database: &str) -> anyhow::Result<bool> {
        let found = self.execute(&format!("SELECT count(*) FROM pg_database WHERE datname = '{database}'"))?;
        Ok(found.trim() != "0")
    }

    fn create(&self, purpose: &str, template: Option<&Template>) -> anyhow::Result<Database> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{purpose}_{}_{number}_{:08x}", std::process::id(), random());
        let template = template.map_or("template0", |template| &template.name);
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        Ok(Database { name, address: self.address.clone(), psql: self.psql.clone(), keep: false })
    }
}

/// A database to copy from, made by [`Cluster::template`].
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
}

/// A database of one test. Dropped with this value, whoever is still connected.
#[derive(Debug)]
pub struct Database {
    name: String,
    address: Address,
    psql: Psql,
    keep: bool,
}

impl Database {
    /// The URL that libpq and the server understand.
    #[must_use]
    pub fn url(&self) -> String {
        self.address.with_database(&self.name).url()
    }

    /// The name within the cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL in this database and returns its rows, tab-separated.
    ///
    /// # Errors
    /// What the server says.
    pub fn execute(&self, sql: &str) -> anyhow::Result<String> {
        self.psql.run(&self.url(), sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        if let Err(error) = self.psql.run(&self.address.url(), &sql) {
            eprintln!("the test database {} stays behind: {error:#}", self.name);
        }
    }
}

fn is_plain(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Different in every process, so that names do not meet on a server that outlives one.
fn random() -> u32 {
    use std::hash::{BuildHasher as _, RandomState};
    let hash = RandomState::new().hash_one(std::process::id());
    u32::try_from(hash >> 32).unwrap_or_default()
}
