//! What a server remembers of what licences give.

use super::settings::{LicensingMode, LicensingSettings};
use doorward_domain::Instant;
use doorward_domain::entitlements::{
    Entitlements, Feature, Features, Gate, HeldLicense, Surroundings, Verdict, next_change,
};
use doorward_domain::licenses::{TrustedKeyError, TrustedKeys};
use doorward_ports::changes::{Change, ChangeLog, LogPosition};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use uuid::Uuid;

/// What this deployment is entitled to, as this server knows. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Licensing(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) mode: LicensingMode,
    pub(super) trusted: TrustedKeys,
    deployment: Uuid,
    pub(super) log: ChangeLog,
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
    /// By these settings, for the deployment with this id; `log` tells of changes. Until the first [`reload`](super::reload) nobody has
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
    pub(super) fn keep(&self, licenses: Vec<HeldLicense>, around: Surroundings, now: Instant, since: LogPosition) {
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
    pub(super) fn may_have_changed(&self) -> bool {
        let since = self.0.held.read().unwrap_or_else(PoisonError::into_inner).since;
        !self.0.log.is_unchanged(since, &[self.0.log.slot(&Change::Licenses)])
    }
}

impl fmt::Debug for Licensing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Licensing").field("mode", &self.0.mode).finish_non_exhaustive()
    }
}
