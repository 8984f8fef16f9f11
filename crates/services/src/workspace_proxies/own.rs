//! What proxies do for themselves, by their token. None of it is recorded: it says where they are, not what somebody did.

use super::access::acting;
use super::health;
use crate::users::fields::Fields;
use crate::{Context, Error, Principal, replicas};
use doorward_domain::ids::{ReplicaId, WorkspaceId, WorkspaceProxyId};
use doorward_domain::keys::SharedKey;
use doorward_domain::replicas::{ERROR_MAX, Heartbeat, MACHINE_TEXT_MAX, Replica, shortened};
use doorward_domain::roles::{System, action, resource};
use doorward_domain::workspace_proxies::{Registration, is_access_url, is_hostname_pattern};
use doorward_ports::bus::Event;
use std::collections::BTreeSet;
use time::Duration;

/// A server of a proxy registers again at least that often.
const HEARD_WITHIN: Duration = Duration::seconds(30);
/// Most uses of apps in one report.
const STATS_MAX: usize = 10_000;

const WHY: &str = "a workspace proxy presents its token";

/// What a server of a proxy says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register {
    /// Where browsers find the proxy.
    pub access_url: String,
    /// The pattern of its host names for apps, or empty.
    pub wildcard_hostname: String,
    /// Whether it relays connections.
    pub derp_enabled: bool,
    /// Whether that is all it does.
    pub derp_only: bool,
    /// Which of the servers of the proxy it is; another one at each start.
    pub replica_id: Option<ReplicaId>,
    /// The name of its machine.
    pub hostname: String,
    /// What it has to complain of, or empty.
    pub replica_error: String,
    /// Where other servers of the proxy reach it.
    pub replica_relay_address: String,
    /// Its version.
    pub version: String,
}

/// What a server of a proxy is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The region of the relay network in which it stands.
    pub region_id: i32,
    /// The other servers of the proxy.
    pub siblings: Vec<Replica>,
}

/// Notes where a proxy is, and that one of its servers lives. It is to be repeated every 15 seconds.
///
/// For proxies. Errors: `Refused` (no proxy), `Invalid` (`access_url`, `wildcard_hostname`, `replica_id`, `derp_only`, texts that are
/// too long), `Unauthenticated` (deleted at this very moment), `Conflict` (the server has ended, or is of another proxy).
pub async fn register(ctx: &Context, by: &Principal, command: Register) -> Result<Registered, Error> {
    let proxy_id = acting(by)?;
    let (said, beat) = check(proxy_id, command)?;
    let base = ctx.settings.replicas.region_id;
    let (registered, is_new) = ctx
        .act(by, move |deed| {
            let proxy = deed.repos.workspace_proxies().find_for_update(proxy_id)?.filter(|proxy| !proxy.deleted);
            let proxy = proxy.ok_or_else(gone)?;
            let new = proxy.registered(said, deed.now);
            if let Some(new) = &new {
                let permit = System::because(WHY).permit::<action::Update, resource::WorkspaceProxy>();
                deed.repos.workspace_proxies().update(&permit, new)?;
            }
            let region_id = proxy.region_id(base);
            let beat = Heartbeat { region_id, ..beat };
            let permit = System::because(WHY).permit::<action::Update, resource::System>();
            if !deed.repos.replicas().beat(&permit, &beat)? {
                return Err(Error::conflict("This replica has ended, or is of another proxy. Start with a new id."));
            }
            let mut siblings = deed.repos.replicas().list_live(HEARD_WITHIN)?;
            siblings.retain(|replica| replica.proxy_id == Some(proxy_id) && replica.id != beat.id);
            let why = "where a proxy is, it says itself";
            Ok(deed.unrecorded(why, (Registered { region_id, siblings }, new.is_some())))
        })
        .await?;
    if is_new {
        health::wake(ctx);
    }
    Ok(registered)
}

/// What is wrong with a registration, or what is to be stored of it.
fn check(proxy_id: WorkspaceProxyId, command: Register) -> Result<(Registration, Heartbeat), Error> {
    let pattern = command.wildcard_hostname.to_lowercase();
    let id = command.replica_id.filter(|id| *id != ReplicaId::NIL);
    let fields = Fields::default()
        .that("access_url", is_access_url(&command.access_url), "Must be an http or https URL without a path.")
        .that(
            "wildcard_hostname",
            pattern.is_empty() || is_hostname_pattern(&pattern),
            "Must be a host name such as *.apps.example.com, with one asterisk in front.",
        )
        .that("replica_id", id.is_some(), "Must be the id of the replica.")
        .that("derp_only", command.derp_enabled || !command.derp_only, "Needs derp_enabled.")
        .at_most("hostname", &command.hostname, MACHINE_TEXT_MAX)
        .plain("hostname", &command.hostname)
        .at_most("replica_relay_address", &command.replica_relay_address, MACHINE_TEXT_MAX)
        .plain("replica_relay_address", &command.replica_relay_address)
        .at_most("version", &command.version, MACHINE_TEXT_MAX)
        .plain("version", &command.version);
    let id = fields.done_with(id)?;
    let beat = Heartbeat {
        id,
        proxy_id: Some(proxy_id),
        hostname: command.hostname,
        region_id: 0,
        relay_address: command.replica_relay_address,
        version: command.version.clone(),
        error: shortened(&command.replica_error, ERROR_MAX),
        database_latency: Duration::ZERO,
    };
    let said = Registration {
        url: command.access_url.trim_end_matches('/').to_owned(),
        wildcard_hostname: pattern,
        derp_enabled: command.derp_enabled,
        derp_only: command.derp_only,
        version: command.version,
    };
    Ok((said, beat))
}

/// The proxy was deleted after its token was looked at.
fn gone() -> Error {
    Error::Unauthenticated {
        message: "The token of the workspace proxy is not accepted.".to_owned(),
        detail: "The proxy was deleted.".to_owned(),
    }
}

/// Notes that a server of a proxy has ended.
///
/// For proxies. Errors: `Refused` (no proxy), `NotFound` (the proxy has no such server), `Conflict` (it has ended already).
pub async fn deregister(ctx: &Context, by: &Principal, id: ReplicaId) -> Result<(), Error> {
    let proxy_id = acting(by)?;
    ctx.act(by, move |deed| {
        let found = deed.repos.replicas().find(id)?.filter(|replica| replica.proxy_id == Some(proxy_id));
        let found = found.ok_or(Error::NotFound)?;
        let permit = System::because(WHY).permit::<action::Update, resource::System>();
        if found.stopped_at.is_some() || !deed.repos.replicas().stop(&permit, Some(proxy_id), id)? {
            return Err(Error::conflict("This replica has ended already."));
        }
        Ok(deed.unrecorded("servers come and go, and nobody did it", ()))
    })
    .await?;
    match Event::new(replicas::TOPIC, &id.to_string()) {
        Ok(event) => ctx.bus.publish(event),
        Err(error) => tracing::debug!(%error, "others are not told; they find out at their next look"),
    }
    Ok(())
}

/// What a key is for that proxies share with this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFeature {
    /// Signs the tokens of apps: HS512.
    AppToken,
    /// Encrypts the API keys of apps: A256GCMKW and A256GCM.
    AppApiKey,
}

impl KeyFeature {
    const ALL: [Self; 2] = [Self::AppToken, Self::AppApiKey];

    /// Its name, as proxies know it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AppToken => "workspace_apps_token",
            Self::AppApiKey => "workspace_apps_api_key",
        }
    }

    /// Bytes of a key.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::AppToken => 64,
            Self::AppApiKey => 32,
        }
    }
}

/// The keys that proxies share with this server for `feature`, oldest first.
///
/// For proxies. Errors: `Refused` (no proxy), `Invalid` (`feature`).
pub fn crypto_keys(ctx: &Context, by: &Principal, feature: &str) -> Result<(KeyFeature, Vec<SharedKey>), Error> {
    acting(by)?;
    let known = KeyFeature::ALL.into_iter().find(|known| known.as_str() == feature);
    let known = known.ok_or_else(|| {
        let names = KeyFeature::ALL.map(KeyFeature::as_str).join(" or ");
        Error::invalid_field("feature", format!("must be {names}"))
    })?;
    let keys = ctx.keys.ring().workspace_apps().shared(known.as_str(), known.len(), ctx.clock.now());
    Ok((known, keys))
}

/// Notes that apps of these workspaces were used just now; those that are not there count for nothing.
///
/// For proxies. Errors: `Refused` (no proxy), `Invalid` (`stats`: too many).
pub async fn note_uses(ctx: &Context, by: &Principal, used: Vec<WorkspaceId>) -> Result<(), Error> {
    acting(by)?;
    if used.len() > STATS_MAX {
        return Err(Error::invalid_field("stats", format!("must have at most {STATS_MAX} entries")));
    }
    let used: Vec<WorkspaceId> = used.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    if used.is_empty() {
        return Ok(());
    }
    ctx.act(by, move |deed| {
        let permit = System::because(WHY).permit::<action::Update, resource::Workspace>();
        deed.repos.workspaces().touch(&permit, &used, deed.now)?;
        Ok(deed.unrecorded("use is no change", ()))
    })
    .await
}
