//! What licences entitle this deployment to (`enterprise-platform.md` 2).
//!
//! Each server works it out and remembers it ([`Licensing`]), so that a request asks its memory only. It reads licences anew when
//! one was added or removed, here or elsewhere, when somebody asks for it, and now and then ([`watch`]). That a licence begins or ends
//! by time needs no reading: it is seen at the next question.

pub(crate) mod settings;
#[cfg(test)]
mod tests;

pub use settings::{LicensingMode, LicensingSettings, TrustedKeySetting};

use crate::users::access;
use crate::{Context, Error, Principal};
use doorward_domain::Instant;
use doorward_domain::entitlements::{
    Entitlements, Feature, Features, Gate, HeldLicense, Surroundings, Verdict, next_change,
};
use doorward_domain::licenses::{TrustedKeyError, TrustedKeys, read};
use doorward_domain::replicas::FRESH;
use doorward_domain::roles::{Action, Object, resource};
use doorward_ports::bus::Event;
use doorward_ports::changes::{Change, ChangeLog, LogPosition};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use time::Duration;
use uuid::Uuid;

/// The topic of the bus under which servers ask each other to read licences anew.
const TOPIC: &str = "entitlements";
/// How often it is looked whether a licence was added or removed.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(250);
/// How often licences and users are read in any case.
const READ_EVERY: std::time::Duration = std::time::Duration::from_mins(10);
/// Pause after a reading that failed.
const AWAY: std::time::Duration = std::time::Duration::from_secs(2);
/// Between two readings that somebody asks for.
const PAUSE: Duration = Duration::MINUTE;

/// What the settings of this server always switch on.
const ALWAYS_ON: [Feature; 8] = [
    Feature::AuditLog,
    Feature::TemplateRbac,
    Feature::AdvancedTemplateScheduling,
    Feature::WorkspaceProxy,
    Feature::UserRoleManagement,
    Feature::AccessControl,
    Feature::ControlSharedPorts,
    Feature::ExternalProvisionerDaemons,
];

/// What this deployment is entitled to, as this server knows. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Licensing(Arc<Inner>);

struct Inner {
    mode: LicensingMode,
    trusted: TrustedKeys,
    deployment: Uuid,
    log: ChangeLog,
    gate: Gate,
    held: RwLock<Held>,
}

struct Held {
    licenses: Vec<HeldLicense>,
    around: Surroundings,
    current: Arc<Entitlements>,
    /// Whether they were read at all.
    is_read: bool,
    /// What was not seen when they were read was reported after this.
    since: LogPosition,
}

impl Licensing {
    /// By these settings, for the deployment with this id; `log` tells of changes. Until the first [`reload`] nobody has
    /// licensed anything.
    ///
    /// Errors: what is wrong with a trusted key.
    pub fn new(settings: &LicensingSettings, deployment: Uuid, log: ChangeLog) -> Result<Self, TrustedKeyError> {
        Ok(Self::of(settings.mode, settings.trusted()?, deployment, log))
    }

    /// Everything may be used, whatever is stored.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::of(LicensingMode::Unlimited, TrustedKeys::default(), Uuid::nil(), ChangeLog::default())
    }

    fn of(mode: LicensingMode, trusted: TrustedKeys, deployment: Uuid, log: ChangeLog) -> Self {
        let around = Surroundings { servers: 1, ..Surroundings::default() };
        let never = Instant::UNIX_EPOCH;
        let (open, current) = match mode {
            LicensingMode::Unlimited => (Features::ALL, Entitlements::unlimited(&around, never)),
            LicensingMode::Enforced => (Features::NONE, Entitlements::of(&[], &around, never, never)),
        };
        let held = Held { licenses: Vec::new(), around, current: Arc::new(current), is_read: false, since: log.now() };
        Self(Arc::new(Inner { mode, trusted, deployment, log, gate: Gate::new(open), held: RwLock::new(held) }))
    }

    /// Whose licences are believed.
    #[must_use]
    pub fn trusted(&self) -> &TrustedKeys {
        &self.0.trusted
    }

    /// The deployment for which licences must be.
    #[must_use]
    pub fn deployment(&self) -> Uuid {
        self.0.deployment
    }

    /// Whether a feature may be used, as far as licences are concerned. It costs no more than a look into memory.
    #[must_use]
    pub fn allows(&self, feature: Feature, now: Instant) -> bool {
        match self.0.gate.check(feature, now) {
            Verdict::Open => true,
            Verdict::Closed => false,
            Verdict::Stale => self.renewed(now).open().contains(feature),
        }
    }

    /// All features that may be used, as far as licences are concerned.
    #[must_use]
    pub fn open(&self, now: Instant) -> Features {
        self.0.gate.open(now).unwrap_or_else(|| self.renewed(now).open())
    }

    /// Whether owners have to be told something.
    #[must_use]
    pub fn warns(&self, now: Instant) -> bool {
        if self.0.gate.is_stale(now) { !self.renewed(now).warnings.is_empty() } else { self.0.gate.warns() }
    }

    /// All of it.
    #[must_use]
    pub fn current(&self, now: Instant) -> Arc<Entitlements> {
        if self.0.gate.is_stale(now) {
            return self.renewed(now);
        }
        Arc::clone(&self.0.held.read().unwrap_or_else(PoisonError::into_inner).current)
    }

    /// What is so at this moment, of what is remembered.
    fn renewed(&self, now: Instant) -> Arc<Entitlements> {
        let mut held = self.0.held.write().unwrap_or_else(PoisonError::into_inner);
        let refreshed_at = held.current.refreshed_at;
        self.settle(&mut held, now, refreshed_at);
        Arc::clone(&held.current)
    }

    /// Keeps what was read after `since`, unless something newer is kept.
    fn keep(&self, licenses: Vec<HeldLicense>, around: Surroundings, now: Instant, since: LogPosition) {
        let mut held = self.0.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.since <= since {
            (held.licenses, held.around, held.since) = (licenses, around, since);
            self.settle(&mut held, now, now);
            held.is_read = true;
        }
    }

    /// Works out what is held, and opens the gate accordingly. The lock is held, so that the gate says what is held.
    fn settle(&self, held: &mut Held, now: Instant, refreshed_at: Instant) {
        let current = match self.0.mode {
            LicensingMode::Unlimited => Entitlements::unlimited(&held.around, refreshed_at),
            LicensingMode::Enforced => {
                let all = Entitlements::of(&held.licenses, &held.around, now, refreshed_at);
                if held.is_read {
                    all.or_before(&held.current)
                } else {
                    all.or_before(&Entitlements::of(&[], &held.around, now, refreshed_at))
                }
            }
        };
        self.0.gate.set(current.open(), !current.warnings.is_empty(), next_change(&held.licenses, now));
        held.current = Arc::new(current);
    }

    /// Whether a licence may have been added or removed since they were read.
    fn may_have_changed(&self) -> bool {
        let since = self.0.held.read().unwrap_or_else(PoisonError::into_inner).since;
        !self.0.log.is_unchanged(since, &[self.0.log.slot(&Change::Licenses)])
    }
}

impl fmt::Debug for Licensing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Licensing").field("mode", &self.0.mode).finish_non_exhaustive()
    }
}

/// Reads licences and users anew. What cannot be read leaves everything as it is.
pub async fn reload(ctx: &Context) -> Result<(), Error> {
    let licensing = &ctx.licensing.0;
    let (since, now, mode) = (licensing.log.now(), ctx.clock.now(), licensing.mode);
    let (stored, active_users, servers) = ctx
        .read(move |repos| {
            let stored = match mode {
                LicensingMode::Unlimited => Vec::new(),
                LicensingMode::Enforced => repos.licenses().list_live(now)?,
            };
            let servers = repos.replicas().list_live(FRESH)?.iter().filter(|server| server.counts_at(now)).count();
            Ok::<_, Error>((stored, repos.licenses().count_active_users()?, servers))
        })
        .await?;
    let held = stored.iter().map(|license| HeldLicense {
        uuid: license.uuid,
        terms: read(&license.token, &licensing.trusted).map_err(|defect| defect.to_string()),
    });
    let around = Surroundings {
        active_users,
        // This one is there, though it may have started just now.
        servers: u64::try_from(servers).unwrap_or(u64::MAX).max(1),
        // There are no providers of tokens for workspaces.
        external_auth_providers: 0,
        configured: configured(ctx),
    };
    ctx.licensing.keep(held.collect(), around, now, since);
    Ok(())
}

/// What the settings switch on.
fn configured(ctx: &Context) -> Features {
    let scim = &ctx.settings.scim;
    let has_directories = scim.organization_directories || !scim.key.expose().is_empty();
    let scim = has_directories.then_some(Feature::Scim);
    let sealing = ctx.keys.are_sealed().then_some(Feature::ExternalTokenEncryption);
    let browser_only = ctx.settings.workspaces.browser_only.then_some(Feature::BrowserOnly);
    ALWAYS_ON.into_iter().chain(scim).chain(sealing).chain(browser_only).collect()
}

/// A licence was added or removed here: it counts at once. When it cannot be read now, [`watch`] does so soon.
pub(crate) async fn changed(ctx: &Context) {
    if let Err(error) = reload(ctx).await {
        tracing::warn!(%error, "what licences give cannot be read yet");
    }
}

/// Reads licences and users anew whenever there is a reason to, for as long as the server runs.
pub async fn watch(ctx: Context) {
    let mut wakes = ctx.bus.subscribe(TOPIC);
    let mut read_at = std::time::Instant::now();
    loop {
        let woken = tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => false,
            _heard = wakes.next() => true,
        };
        if !woken && !ctx.licensing.may_have_changed() && read_at.elapsed() < READ_EVERY {
            continue;
        }
        wakes.skip();
        while let Err(error) = reload(&ctx).await {
            tracing::debug!(%error, "cannot read what licences give now");
            tokio::time::sleep(AWAY).await;
        }
        read_at = std::time::Instant::now();
    }
}

/// What came of asking for a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// It was done.
    Done,
    /// The last one was just now; ask again after so long.
    TooSoon(Duration),
}

/// Reads licences and users anew, and has other servers do so, unless that was done within the last minute.
///
/// Needs `license:create`. Errors: `Forbidden`.
pub async fn refresh(ctx: &Context, actor: &Principal) -> Result<Refresh, Error> {
    access::may(actor, Action::Create, &Object::of::<resource::License>())?;
    let now = ctx.clock.now();
    let since = (now - ctx.licensing.current(now).refreshed_at).max(Duration::ZERO);
    if since < PAUSE {
        return Ok(Refresh::TooSoon(PAUSE - since));
    }
    reload(ctx).await?;
    if let Ok(event) = Event::new(TOPIC, "") {
        ctx.bus.publish(event);
    }
    Ok(Refresh::Done)
}
