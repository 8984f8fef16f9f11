//! Connects the adapters to the ports.

use crate::settings::Settings;
use anyhow::{Context as _, bail};
use doorward_crypto::{Argon2Hasher, RingMint, SigningKey, SystemClock, SystemRandom};
use doorward_domain::Secret;
use doorward_domain::ids::ReplicaId;
use doorward_domain::keys::CryptoKey;
use doorward_mail::Smtp;
use doorward_outbound::Outbound;
use doorward_ports::jobs::JobState;
use doorward_ports::{Clock, Mailer, Outage, Random, Sealer, Signer};
use doorward_services::identity_providers::Upstreams;
use doorward_services::notifications::Outlets;
use doorward_services::workspace_proxies::ProxyHealth;
use doorward_services::{Context, Licensing, ServerIdentity, SubjectCache, entitlements, maintenance};
use doorward_storage::{Opened, Options};
use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use url::Url;

/// The running parts that outlive a request.
pub(crate) struct Parts {
    pub(crate) context: Context,
    pub(crate) opened: Opened,
    pub(crate) hasher: Arc<Argon2Hasher>,
}

/// Opens the database and makes what every use case needs.
pub(crate) async fn connect(
    settings: &Settings,
    access_url: Url,
    upstreams: Upstreams,
    outlets: Outlets,
) -> anyhow::Result<Parts> {
    let opened = open(settings, &settings.storage)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    let hasher = Arc::new(Argon2Hasher::new(settings.passwords));
    let sealer: Arc<dyn Sealer> = Arc::new(settings.secrets.seal_keys()?);
    let bootstrap = maintenance::bootstrap(&opened.store, &*clock, &*random, &sealer, opened.changes())
        .await
        .context("cannot prepare the database for the first request")?;
    bootstrap.keys.mint_by(Arc::new(RingMint));
    let server = ServerIdentity {
        deployment_id: bootstrap.deployment_id,
        replica_id: ReplicaId(random.id(clock.now())),
        hostname: hostname(),
        version: settings.compatibility.build_version(env!("CARGO_PKG_VERSION")),
    };
    let context = Context {
        cache: SubjectCache::serving_stale(opened.changes(), settings.cache.subjects, settings.cache.serve_stale.std()),
        bus: opened.bus(),
        upstreams,
        licensing: Licensing::new(&settings.licensing, bootstrap.deployment_id, opened.changes())?,
        store: opened.store.clone().into(),
        clock,
        random,
        passwords: Arc::<Argon2Hasher>::clone(&hasher),
        keys: bootstrap.keys,
        settings: Arc::new(doorward_services::Settings::from_sections(access_url, settings)),
        server: Arc::new(server),
        outlets,
        proxy_health: ProxyHealth::default(),
        looks: doorward_services::appearance::Looks::default(),
        policies: doorward_services::oauth2::Policies::new(opened.changes()),
        devices: doorward_services::oauth2::DeviceTally::default(),
        proofs: doorward_services::oauth2::ProofMemory::default(),
        job_waiters: doorward_services::provisioner_jobs::JobWaiters::default(),
    };
    entitlements::reload(&context).await.context("cannot read what licences give")?;
    Ok(Parts { context, opened, hasher })
}

/// The name of this machine, as far as it tells.
pub(crate) fn hostname() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_elsewhere| std::env::var("HOSTNAME"));
    let name = told.map(|name| name.trim().to_owned()).unwrap_or_default();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

/// The way out to other servers. Reads the certificates that are trusted, and connects to nobody.
pub(crate) fn outbound(settings: &Settings) -> anyhow::Result<Outbound> {
    Outbound::new(&settings.fetch).context("nothing can be asked of other servers")
}

/// The mail server, if there is one. Connects to nobody yet.
pub(crate) fn mail_server(settings: &Settings) -> anyhow::Result<Option<Smtp>> {
    Smtp::new(&settings.smtp, &hostname()).context("no mail can be sent")
}

/// What sends mail, if it is set up. Connects to nobody.
pub(crate) fn outlets(settings: &Settings) -> anyhow::Result<Outlets> {
    let smtp = mail_server(settings)?;
    Ok(Outlets::with_mailer(smtp.map(|smtp| Arc::new(smtp) as Arc<dyn Mailer>)))
}

/// The identity providers, and the private keys by which this server proves to them who it is.
pub(crate) fn upstreams(settings: &Settings, outbound: Outbound) -> anyhow::Result<Upstreams> {
    let mut signers: HashMap<String, Arc<dyn Signer>> = HashMap::new();
    for (at, provider) in settings.oidc.providers.iter().enumerate().filter(|(_, provider)| provider.has_private_key())
    {
        let (file, key) = (&provider.private_key_file, format!("oidc.providers.{at}.private_key"));
        let pem = if file.as_os_str().is_empty() {
            provider.private_key.clone()
        } else {
            let text = std::fs::read_to_string(file);
            Secret::new(text.with_context(|| format!("cannot read the file {} ({key}_file)", file.display()))?)
        };
        let signer = SigningKey::parse(&pem, provider.private_key_alg)
            .with_context(|| format!("the key of the identity provider `{}` is not taken ({key})", provider.name))?;
        signers.insert(provider.name.clone(), Arc::new(signer));
    }
    Ok(Upstreams::with_signers(Arc::new(outbound), signers))
}

fn open(settings: &Settings, options: &Options) -> anyhow::Result<Opened> {
    make_data_dir(settings)?;
    let url = settings.database_url();
    doorward_storage::open(url.expose(), options).with_context(|| format!("cannot open the database {url}"))
}

/// Runs a command on the database without serving. An embedded database is made for a command that `begins` with one; another
/// one would find nothing in it.
pub(crate) fn with_context<F, Fut>(settings: &Settings, begins: bool, run: F) -> anyhow::Result<ExitCode>
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = anyhow::Result<ExitCode>>,
{
    if settings.database.url.is_empty() && !begins && !settings.data.data_dir.join("doorward.db").exists() {
        bail!("there is no database in the folder {} yet (data_dir)", settings.data.data_dir.display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let access_url = settings.listen.access_url(&settings.listen.listen)?;
        // A command asks nothing of other servers.
        let parts = connect(settings, access_url, Upstreams::default(), outlets(settings)?).await?;
        run(parts.context).await
    })
}

/// For filling the database of the settings, which must be up to date.
pub(crate) fn seeder(settings: &Settings) -> anyhow::Result<doorward_storage::seed::Seeder> {
    Ok(doorward_storage::seed::Seeder::begin(settings.database_url().expose(), &settings.storage)?)
}

/// Migrations that have not run yet. Makes nothing: a database that does not exist lacks all of them.
pub(crate) fn pending_migrations(settings: &Settings) -> anyhow::Result<Vec<String>> {
    if settings.database.url.is_empty() && !settings.data.data_dir.exists() {
        return Ok(doorward_storage::known_sqlite_migrations()?);
    }
    let url = settings.database_url();
    doorward_storage::pending_migrations(url.expose(), &settings.storage)
        .with_context(|| format!("cannot look into the database {url}"))
}

/// Whether migrations may be applied with the settings.
pub(crate) fn may_migrate(settings: &Settings) -> anyhow::Result<bool> {
    Ok(doorward_storage::may_migrate(settings.database_url().expose(), &settings.storage)?)
}

/// Tells this deployment from others; the database must be up to date. `None` before the first start.
pub(crate) fn deployment_id(settings: &Settings) -> anyhow::Result<Option<String>> {
    let url = settings.database_url();
    let id = doorward_storage::server_key(url.expose(), &settings.storage, "deployment_id")?;
    Ok(id.and_then(|bytes| uuid::Uuid::from_slice(&bytes).ok()).map(|id| id.to_string()))
}

/// The stored keys of the server; the database must be up to date.
pub(crate) fn crypto_keys(settings: &Settings) -> anyhow::Result<Vec<CryptoKey>> {
    Ok(doorward_storage::crypto_keys(settings.database_url().expose(), &settings.storage)?)
}

/// The background jobs by their names; the database must be up to date.
pub(crate) fn jobs(settings: &Settings) -> anyhow::Result<Vec<(String, JobState)>> {
    Ok(doorward_storage::jobs(settings.database_url().expose(), &settings.storage)?)
}

/// `doorward migrate`.
pub(crate) fn migrate(settings: &Settings, check: bool) -> anyhow::Result<ExitCode> {
    let pending = pending_migrations(settings)?;
    if pending.is_empty() {
        println!("The database is up to date.");
        return Ok(ExitCode::SUCCESS);
    }
    for name in &pending {
        println!("{} {name}", if check { "outstanding" } else { "running    " });
    }
    if check {
        return Ok(ExitCode::FAILURE);
    }
    open(settings, &Options { auto_migrate: true, ..settings.storage.clone() })?;
    println!("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

/// Makes this process the only server of an embedded database. Commands may use it beside.
pub(crate) fn claim(settings: &Settings) -> anyhow::Result<Option<doorward_storage::Claim>> {
    make_data_dir(settings)?;
    Ok(doorward_storage::claim(settings.database_url().expose())?)
}

/// Whether trying to open the database again may help.
pub(crate) fn is_passing(error: &anyhow::Error) -> bool {
    let opening = error.downcast_ref::<doorward_storage::OpenError>();
    let working = error.downcast_ref::<doorward_services::Error>();
    opening.is_some_and(doorward_storage::OpenError::is_passing)
        || matches!(working, Some(doorward_services::Error::Unavailable { outage, .. }) if *outage != Outage::MissingTables)
}

fn make_data_dir(settings: &Settings) -> anyhow::Result<()> {
    if settings.database.url.is_empty() {
        std::fs::create_dir_all(&settings.data.data_dir)
            .with_context(|| format!("cannot make the folder {} (data_dir)", settings.data.data_dir.display()))?;
    }
    Ok(())
}
