//! Connects the adapters to the ports.

use crate::settings::{SecureCookies, Settings, Synchronous};
use crate::{logging, owner};
use anyhow::{Context as _, bail};
use doorward_crypto::{Argon2Hasher, SealKeys, SystemClock, SystemRandom};
use doorward_domain::Secret;
use doorward_domain::keys::CryptoKey;
use doorward_domain::oauth2::Resource;
use doorward_http::Network;
use doorward_ports::{Clock, Random, Sealer};
use doorward_services::{AuditSettings, Context, OAuth2Settings, SessionSettings, SubjectCache, maintenance};
use doorward_storage::Opened;
use std::process::ExitCode;
use std::sync::Arc;
use url::Url;

/// The running parts that outlive a request.
pub(crate) struct Parts {
    pub(crate) context: Context,
    pub(crate) opened: Opened,
    pub(crate) hasher: Arc<Argon2Hasher>,
    pub(crate) deployment_id: uuid::Uuid,
}

/// The access URL of the settings, or the address on which the server listens.
pub(crate) fn access_url(settings: &Settings, listen: &str) -> anyhow::Result<Url> {
    let given = settings.server.access_url.trim_end_matches('/');
    // Nobody can visit "all addresses".
    let here = listen.replace("0.0.0.0", "localhost").replace("[::]", "localhost");
    let text = if given.is_empty() { format!("http://{here}") } else { given.to_owned() };
    let url = Url::parse(&text).with_context(|| format!("the setting `server.access_url` is no URL: `{text}`"))?;
    if !matches!(url.scheme(), "http" | "https")
        || url.query().is_some()
        || url.fragment().is_some()
        || url.username() != ""
    {
        bail!(
            "the setting `server.access_url` must be an http or https URL without user, query and fragment: `{text}`"
        );
    }
    Ok(url)
}

/// The proxies whose word on the address of a client counts.
pub(crate) fn trusted_proxies(settings: &Settings) -> anyhow::Result<Vec<Network>> {
    let proxies = settings.server.trusted_proxies.iter();
    proxies.map(|text| text.parse().context("the setting `server.trusted_proxies`")).collect()
}

/// Looks at the settings that are text of a kind of its own, as far as that needs nothing but them.
pub(crate) fn check(settings: &Settings) -> anyhow::Result<()> {
    logging::filter(&settings.log)?;
    trusted_proxies(settings)?;
    resources(settings)?;
    owner::is_named(&settings.bootstrap)?;
    seal_keys(settings)?;
    // What stands for it when it is empty is told by the system.
    access_url(settings, "localhost:3000")?;
    Ok(())
}

/// The resources for which tokens are given, if they are limited.
fn resources(settings: &Settings) -> anyhow::Result<Option<Vec<Resource>>> {
    let parse =
        |text: &String| Resource::parse(text).with_context(|| format!("the setting `oauth2.resources` names `{text}`"));
    let resources: Vec<Resource> = settings.oauth2.resources.iter().map(parse).collect::<anyhow::Result<_>>()?;
    Ok((!resources.is_empty()).then_some(resources))
}

/// The keys with which secrets are sealed in the database: those of the settings, then those of the file, one a line.
pub(crate) fn seal_keys(settings: &Settings) -> anyhow::Result<SealKeys> {
    let secrets = &settings.secrets;
    let given = secrets.seal_keys.iter().map(|text| Secret::new(text.clone()));
    if secrets.seal_keys_file.as_os_str().is_empty() {
        return SealKeys::parse(&given.collect::<Vec<_>>()).context("the setting `secrets.seal_keys`");
    }
    let name = secrets.seal_keys_file.display();
    let text = std::fs::read_to_string(&secrets.seal_keys_file)
        .with_context(|| format!("cannot read the file {name} (secrets.seal_keys_file)"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::from);
    let keys: Vec<_> = given.chain(lines).collect();
    if keys.is_empty() {
        bail!("the file {name} holds no key (secrets.seal_keys_file)");
    }
    SealKeys::parse(&keys).with_context(|| format!("the setting `secrets.seal_keys` and the file {name}"))
}

pub(crate) fn secure_cookies(settings: &Settings, access_url: &Url) -> bool {
    match settings.session.secure_cookies {
        SecureCookies::Auto => access_url.scheme() == "https",
        SecureCookies::Always => true,
        SecureCookies::Never => false,
    }
}

/// Opens the database and makes what every use case needs.
pub(crate) async fn connect(settings: &Settings, access_url: Url) -> anyhow::Result<Parts> {
    let opened = open(settings, settings.database.auto_migrate)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    let hasher = Arc::new(Argon2Hasher::new(settings.passwords.concurrency, settings.passwords.queue));
    let sealer: Arc<dyn Sealer> = Arc::new(seal_keys(settings)?);
    let bootstrap = maintenance::bootstrap(&opened.store, &*clock, &*random, &sealer, opened.changes())
        .await
        .context("cannot prepare the database for the first request")?;
    let context = Context {
        cache: SubjectCache::serving_stale(
            opened.changes(),
            settings.cache.subjects,
            settings.cache.serve_stale.unsigned_abs(),
        ),
        bus: opened.bus(),
        store: opened.store.clone(),
        clock,
        random,
        passwords: Arc::<Argon2Hasher>::clone(&hasher),
        keys: bootstrap.keys,
        settings: Arc::new(service_settings(settings, access_url)?),
    };
    Ok(Parts { context, opened, hasher, deployment_id: bootstrap.deployment_id })
}

fn open(settings: &Settings, migrate: bool) -> anyhow::Result<Opened> {
    make_data_dir(settings)?;
    let options = storage_options(settings, migrate)?;
    let url = settings.database_url();
    doorward_storage::open(&url, &options)
        .with_context(|| format!("cannot open the database {}", crate::settings::without_password(&url)))
}

fn storage_options(settings: &Settings, migrate: bool) -> anyhow::Result<doorward_storage::Options> {
    let database = &settings.database;
    Ok(doorward_storage::Options {
        auto_migrate: migrate,
        pool_size: (database.pool_size > 0).then_some(database.pool_size),
        connect_timeout: database.connect_timeout.try_into().context("database.connect_timeout")?,
        statement_timeout: database.statement_timeout.try_into().context("database.statement_timeout")?,
        deadline: database.deadline.try_into().context("database.deadline")?,
        synchronous: match database.sqlite_synchronous {
            Synchronous::Full => doorward_storage::Synchronous::Full,
            Synchronous::Normal => doorward_storage::Synchronous::Normal,
        },
    })
}

fn service_settings(settings: &Settings, access_url: Url) -> anyhow::Result<doorward_services::Settings> {
    let oauth2 = &settings.oauth2;
    Ok(doorward_services::Settings {
        access_url,
        sessions: SessionSettings {
            lifetime: settings.session.lifetime,
            refresh: settings.session.refresh,
            token_lifetime_default: settings.session.token_lifetime_default,
            token_lifetime_max: settings.session.token_lifetime_max,
            token_lifetime_max_owner: settings.session.token_lifetime_max_owner,
            password_login: settings.session.password_login,
        },
        oauth2: OAuth2Settings {
            access_token_lifetime: oauth2.access_token_lifetime,
            refresh_token_lifetime: oauth2.refresh_token_lifetime,
            refresh_reuse_grace: oauth2.refresh_reuse_grace,
            refresh_unused_window: oauth2.refresh_unused_window,
            refresh_unused_window_public: oauth2.refresh_unused_window_public,
            single_grant_per_app: oauth2.single_grant_per_app,
            revoke_on_code_replay: oauth2.revoke_on_code_replay,
            require_pkce: oauth2.require_pkce,
            require_resource_at_exchange: oauth2.require_resource_at_exchange,
            resources: resources(settings)?,
        },
        audit: AuditSettings { retention: settings.audit.retention },
    })
}

/// Runs a command on the database without serving. An embedded database is made for a command that `begins` with one; another
/// one would find nothing in it.
pub(crate) fn with_context<F, Fut>(settings: &Settings, begins: bool, run: F) -> anyhow::Result<ExitCode>
where
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = anyhow::Result<ExitCode>>,
{
    if settings.database.url.is_empty() && !begins && !settings.data_dir.join("doorward.db").exists() {
        bail!("there is no database in the folder {} yet (data_dir)", settings.data_dir.display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let parts = connect(settings, access_url(settings, &settings.server.listen)?).await?;
        run(parts.context).await
    })
}

/// For filling the database of the settings, which must be up to date.
pub(crate) fn seeder(settings: &Settings) -> anyhow::Result<doorward_storage::seed::Seeder> {
    let options = storage_options(settings, false)?;
    Ok(doorward_storage::seed::Seeder::begin(&settings.database_url(), &options)?)
}

/// Migrations that have not run yet. Makes nothing: a database that does not exist lacks all of them.
pub(crate) fn pending_migrations(settings: &Settings) -> anyhow::Result<Vec<String>> {
    let options = storage_options(settings, false)?;
    if settings.database.url.is_empty() && !settings.data_dir.exists() {
        return Ok(doorward_storage::known_sqlite_migrations()?);
    }
    let url = settings.database_url();
    doorward_storage::pending_migrations(&url, &options)
        .with_context(|| format!("cannot look into the database {}", crate::settings::without_password(&url)))
}

/// Whether migrations may be applied with the settings.
pub(crate) fn may_migrate(settings: &Settings) -> anyhow::Result<bool> {
    Ok(doorward_storage::may_migrate(&settings.database_url(), &storage_options(settings, false)?)?)
}

/// Tells this deployment from others; the database must be up to date. `None` before the first start.
pub(crate) fn deployment_id(settings: &Settings) -> anyhow::Result<Option<String>> {
    let id =
        doorward_storage::server_key(&settings.database_url(), &storage_options(settings, false)?, "deployment_id")?;
    Ok(id.and_then(|bytes| uuid::Uuid::from_slice(&bytes).ok()).map(|id| id.to_string()))
}

/// The stored keys of the server; the database must be up to date.
pub(crate) fn crypto_keys(settings: &Settings) -> anyhow::Result<Vec<CryptoKey>> {
    Ok(doorward_storage::crypto_keys(&settings.database_url(), &storage_options(settings, false)?)?)
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
    open(settings, true)?;
    println!("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

/// Makes this process the only server of an embedded database. Commands may use it beside.
pub(crate) fn claim(settings: &Settings) -> anyhow::Result<Option<doorward_storage::Claim>> {
    make_data_dir(settings)?;
    Ok(doorward_storage::claim(&settings.database_url())?)
}

/// Whether trying to open the database again may help.
pub(crate) fn is_passing(error: &anyhow::Error) -> bool {
    let opening = error.downcast_ref::<doorward_storage::OpenError>();
    let working = error.downcast_ref::<doorward_services::Error>();
    opening.is_some_and(doorward_storage::OpenError::is_passing)
        || matches!(working, Some(doorward_services::Error::Unavailable { .. }))
}

fn make_data_dir(settings: &Settings) -> anyhow::Result<()> {
    if settings.database.url.is_empty() {
        std::fs::create_dir_all(&settings.data_dir)
            .with_context(|| format!("cannot make the folder {} (data_dir)", settings.data_dir.display()))?;
    }
    Ok(())
}
