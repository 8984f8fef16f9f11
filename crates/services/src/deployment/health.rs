//! Whether the deployment is well, as far as the server that is asked can tell: what `doorward doctor` looks at on the command
//! line, without looking at the machine.

use crate::workspace_proxies::{self, ProxyView};
use crate::{Context, Error, Principal, keys};
use doorward_domain::Instant;
use doorward_domain::provisioners::{OFFLINE_AFTER, ProvisionerDaemon};
use doorward_domain::replicas::FRESH;
use doorward_domain::roles::{Action, Object, resource};
use doorward_domain::workspace_proxies::HealthStatus;
use doorward_ports::fetch::Request;
use std::time::Duration;

/// A database that takes longer is worth a word.
const SLOW: Duration = Duration::from_millis(15);
/// Longest answer of the server to itself, in bytes.
const ANSWER_MAX: usize = 1024;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// All is well.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    /// One word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing, for programs.
    pub code: &'static str,
    /// In a sentence.
    pub message: String,
}

/// What came of a look at one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The worst of it.
    pub severity: Severity,
    /// All of it.
    pub findings: Vec<Finding>,
}

impl Check {
    fn new() -> Self {
        Self { severity: Severity::Ok, findings: Vec::new() }
    }

    fn note(&mut self, severity: Severity, code: &'static str, message: impl Into<String>) {
        self.severity = self.severity.max(severity);
        self.findings.push(Finding { code, message: message.into() });
    }
}

/// Whether the server finds itself under its access URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUrlCheck {
    /// What came of it.
    pub check: Check,
    /// Whether somebody answers there.
    pub is_reachable: bool,
    /// The status of the answer; 0 without one.
    pub status: u16,
    /// The answer.
    pub answer: String,
}

/// How the database does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseCheck {
    /// What came of it.
    pub check: Check,
    /// Whether it answers.
    pub is_reachable: bool,
    /// How long it takes.
    pub latency: Duration,
    /// How long it may take before that is worth a word.
    pub threshold: Duration,
}

/// How workspace proxies do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxiesCheck {
    /// What came of it.
    pub check: Check,
    /// This deployment itself, and its proxies.
    pub proxies: Vec<ProxyView>,
}

/// How provisioner daemons do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonsCheck {
    /// What came of it.
    pub check: Check,
    /// Those that are connected somewhere, of all organizations, those first that were first seen last.
    pub daemons: Vec<ProvisionerDaemon>,
}

/// How the deployment does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// When that was found out.
    pub time: Instant,
    /// The access URL.
    pub access_url: AccessUrlCheck,
    /// The database.
    pub database: DatabaseCheck,
    /// Whether a web socket can be opened, as far as that is known without opening one: they lead to the access URL.
    pub websocket: Check,
    /// Workspace proxies.
    pub workspace_proxies: ProxiesCheck,
    /// Provisioner daemons.
    pub provisioner_daemons: DaemonsCheck,
    /// What is particular to this server: its keys, its background jobs, the servers beside it.
    pub server: Check,
}

impl HealthCheck {
    /// The worst of all.
    #[must_use]
    pub fn severity(&self) -> Severity {
        let all = [
            &self.access_url.check,
            &self.database.check,
            &self.websocket,
            &self.workspace_proxies.check,
            &self.provisioner_daemons.check,
            &self.server,
        ];
        all.into_iter().map(|check| check.severity).max().unwrap_or(Severity::Ok)
    }
}

/// Looks how the deployment does.
///
/// Needs `debug_info:read`. Errors: [`Error::NotFound`], [`Error::Forbidden`] (only the scope is too short).
pub async fn health(ctx: &Context, by: &Principal) -> Result<HealthCheck, Error> {
    let allowed = by.subject.check(Action::Read, &Object::of::<resource::DebugInfo>());
    allowed.map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
    let (access_url, database, workspace_proxies, provisioner_daemons, server) =
        tokio::join!(access_url(ctx), database(ctx), proxies(ctx), daemons(ctx), server(ctx));
    let websocket = websocket(&access_url);
    let time = ctx.clock.now();
    Ok(HealthCheck { time, access_url, database, websocket, workspace_proxies, provisioner_daemons, server })
}

async fn access_url(ctx: &Context) -> AccessUrlCheck {
    let url = format!("{}/healthz", ctx.settings.issuer());
    let mut check = Check::new();
    // The address stands in the settings of this server, and may be http.
    let request = Request::get(&url, ANSWER_MAX).any_status().chosen_by_peer();
    match ctx.upstreams.fetch(request).await {
        Ok(answer) => {
            let status = answer.status;
            if status != 200 {
                check.note(Severity::Warning, "EACS04", format!("{url} answers with status {status} instead of 200."));
            }
            let answer = String::from_utf8_lossy(answer.body.expose()).into_owned();
            AccessUrlCheck { check, is_reachable: true, status, answer }
        }
        Err(error) => {
            check.note(Severity::Error, "EACS03", format!("{url} cannot be reached from here: {}.", error.detail));
            AccessUrlCheck { check, is_reachable: false, status: 0, answer: String::new() }
        }
    }
}

async fn database(ctx: &Context) -> DatabaseCheck {
    let pinged = ctx
        .read(|repos| {
            let asked = std::time::Instant::now();
            repos.maintenance().ping()?;
            Ok::<_, Error>(asked.elapsed())
        })
        .await;
    let mut check = Check::new();
    let (is_reachable, latency) = match pinged {
        Ok(latency) => {
            if latency > SLOW {
                let (took, limit) = (latency.as_millis(), SLOW.as_millis());
                let told = format!("The database takes {took} ms to answer; more than {limit} ms is slow.");
                check.note(Severity::Warning, "EDB02", told);
            }
            (true, latency)
        }
        Err(error) => {
            check.note(Severity::Error, "EDB01", format!("The database does not answer: {error}."));
            (false, Duration::ZERO)
        }
    };
    DatabaseCheck { check, is_reachable, latency, threshold: SLOW }
}

async fn proxies(ctx: &Context) -> ProxiesCheck {
    let mut check = Check::new();
    let listed = workspace_proxies::list(ctx, &Principal::system("the health of the deployment is asked for")).await;
    let proxies = listed.unwrap_or_else(|error| {
        check.note(Severity::Error, "EWP02", format!("The workspace proxies cannot be listed: {error}."));
        Vec::new()
    });
    for proxy in &proxies {
        if matches!(proxy.health.status, HealthStatus::Unreachable | HealthStatus::Unhealthy) {
            let why = proxy.health.report.errors.join(" ");
            check.note(Severity::Warning, "EWP04", format!("The workspace proxy {} is not well. {why}", proxy.name));
        }
    }
    ProxiesCheck { check, proxies }
}

/// What is known of web sockets without opening one.
fn websocket(access_url: &AccessUrlCheck) -> Check {
    let mut check = Check::new();
    if !access_url.is_reachable {
        let told = "WebSockets lead to the access URL, which cannot be reached from here.";
        check.note(Severity::Error, "EWS01", told);
    }
    check
}

/// Most daemons that are shown.
const DAEMONS_SHOWN: u32 = 1000;

pub(super) async fn daemons(ctx: &Context) -> DaemonsCheck {
    let online = ctx.clock.now() - OFFLINE_AFTER;
    let found = ctx
        .read(move |repos| {
            let daemons = repos.provisioner_daemons().list_seen(online, DAEMONS_SHOWN)?;
            // Without any at all there is nothing that they would do.
            let are_missing =
                daemons.is_empty() && !repos.provisioner_daemons().list_seen(Instant::UNIX_EPOCH, 1)?.is_empty();
            Ok::<_, Error>((daemons, are_missing))
        })
        .await;
    let mut check = Check::new();
    let daemons = match found {
        Ok((daemons, are_missing)) => {
            if are_missing {
                let told =
                    "No provisioner daemon is connected, though some were not long ago: what they would do waits.";
                check.note(Severity::Warning, "EPD01", told);
            }
            daemons
        }
        Err(error) => {
            check.note(Severity::Error, "EUNKNOWN", format!("The provisioner daemons cannot be listed: {error}."));
            Vec::new()
        }
    };
    DaemonsCheck { check, daemons }
}

async fn server(ctx: &Context) -> Check {
    let mut check = Check::new();
    let url = &ctx.settings.access_url;
    if url.scheme() != "https" && !matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        let told = format!("The access URL {url} is not https: OAuth 2.1 asks for it (server.access_url).");
        check.note(Severity::Warning, "access_url_not_https", told);
    }
    let by = Principal::system("the health of the deployment is asked for");
    match keys::list(ctx, &by).await {
        Ok(keys) if keys.iter().any(|key| key.sealed_with.is_none()) => {
            let told = "The keys of the server are stored as they are: whoever reads the database, or a backup, has them \
                        (secrets.seal_keys).";
            check.note(Severity::Warning, "keys_not_sealed", told);
        }
        Ok(_) => {}
        Err(error) => check.note(Severity::Error, "keys_unreadable", format!("The keys cannot be read: {error}.")),
    }
    let own = ctx.server.replica_id;
    let looked = ctx
        .read(move |repos| {
            let own = repos.replicas().list_live(FRESH)?.into_iter().find(|replica| replica.id == own);
            Ok::<_, Error>((own.map(|replica| replica.error), repos.jobs().list()?))
        })
        .await;
    match looked {
        Ok((own, jobs)) => {
            for (name, error) in jobs.into_iter().filter_map(|(name, job)| Some((name, job.last_error?))) {
                let told = format!("The background job {name} failed when it last ran: {error}.");
                check.note(Severity::Error, "job_failed", told);
            }
            if let Some(error) = own.filter(|error| !error.is_empty()) {
                check.note(Severity::Warning, "peers_unreachable", error);
            }
        }
        Err(error) => check.note(Severity::Error, "jobs_unreadable", format!("The jobs cannot be read: {error}.")),
    }
    check
}
