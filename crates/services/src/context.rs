//! What every use case gets: the ports, the settings, and where a request comes from.

use crate::appearance::Looks;
use crate::cache::SubjectCache;
use crate::deed::Door;
use crate::entitlements::licensing::Licensing;
use crate::identity_providers::Upstreams;
use crate::keys::Keys;
use crate::notifications::Outlets;
use crate::oauth2::{DeviceTally, Policies, ProofMemory};
use crate::provisioner_jobs::JobWaiters;
use crate::server_identity::ServerIdentity;
use crate::settings::Settings;
use crate::workspace_proxies::ProxyHealth;
use doorward_domain::{Instant, Secret};
use doorward_ports::{Bus, Clock, PasswordHasher, Random};
use std::sync::Arc;
use uuid::Uuid;

/// The ports and settings of the running server; cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The database. It can be put here and not be taken from here: whoever holds a context acts by use cases only.
    pub store: Door,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Password hashing.
    pub passwords: Arc<dyn PasswordHasher>,
    /// The keys of the server: of refresh tokens, of forms.
    pub keys: Keys,
    /// What licences entitle this deployment to.
    pub licensing: Licensing,
    /// The settings that use cases depend on.
    pub settings: Arc<Settings>,
    /// What is remembered of the database between requests.
    pub cache: SubjectCache,
    /// Wake-ups between servers.
    pub bus: Bus,
    /// Identity providers, and the way to other servers.
    pub upstreams: Upstreams,
    /// Which server this is.
    pub server: Arc<ServerIdentity>,
    /// The ways by which notifications leave this server.
    pub outlets: Outlets,
    /// What this server has seen of workspace proxies.
    pub proxy_health: ProxyHealth,
    /// What this server has read of how pages look.
    pub looks: Looks,
    /// What this server has read of what owners say about clients and resources.
    pub policies: Policies,
    /// What has become of devices that asked this server for access.
    pub devices: DeviceTally,
    /// What this server has seen by which clients prove that they have a key.
    pub proofs: ProofMemory,
    /// Provisioner daemons that wait at this server.
    pub job_waiters: JobWaiters,
}

/// What no server can be without.
pub struct Essentials {
    /// The database.
    pub store: Door,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// Password hashing.
    pub passwords: Arc<dyn PasswordHasher>,
    /// The keys of the server.
    pub keys: Keys,
    /// The settings that use cases depend on.
    pub settings: Settings,
}

/// A server with nothing else: it remembers nothing, no licence limits it, it has no identity provider and no way for notifications,
/// blocks nobody, and other servers hear nothing of it. For tests, which set the fields that they are about.
impl From<Essentials> for Context {
    fn from(essentials: Essentials) -> Self {
        let Essentials { store, clock, random, passwords, keys, settings } = essentials;
        Self {
            store,
            clock,
            random,
            passwords,
            keys,
            licensing: Licensing::unlimited(),
            settings: Arc::new(settings),
            cache: SubjectCache::off(),
            bus: Bus::default(),
            upstreams: Upstreams::default(),
            server: Arc::default(),
            outlets: Outlets::default(),
            proxy_health: ProxyHealth::default(),
            looks: Looks::default(),
            policies: Policies::none(),
            devices: DeviceTally::default(),
            proofs: ProofMemory::default(),
            job_waiters: JobWaiters::default(),
        }
    }
}

impl Context {
    /// Now, and a new id of that moment.
    #[must_use]
    pub fn new_id<T: From<Uuid>>(&self) -> (Instant, T) {
        let now = self.clock.now();
        (now, self.random.id(now))
    }

    /// Random alphanumeric text.
    #[must_use]
    pub fn alphanumeric(&self, len: usize) -> Secret<String> {
        self.random.alphanumeric(len)
    }
}

impl std::fmt::Debug for Essentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Essentials").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("settings", &self.settings).finish_non_exhaustive()
    }
}
