//! Use cases of Doorward, one public async function each, named as a user would say it.
//!
//! The order inside is always: authorize, load, decide by the rules of the domain, write, audit, all in one trip to the
//! store. There are no HTTP words and no SQL words here.
#![forbid(unsafe_code)]

pub mod appearance;
pub mod audit;
pub mod background;
mod cache;
mod conflicts;
mod context;
mod deed;
mod error;
pub mod intent;
mod principal;
mod runtime_settings;
mod settings;

pub mod authcheck;
pub mod deployment;
pub mod entitlements;
pub mod factors;
pub mod files;
pub mod groups;
pub mod identity_providers;
pub mod idp_sync;
pub mod jobs;
pub mod keys;
pub mod licenses;
pub mod maintenance;
pub mod members;
mod notices;
pub mod notifications;
pub mod oauth2;
pub mod openid;
pub mod organizations;
mod origin;
pub mod outbox;
pub mod passcodes;
pub mod provisioner_jobs;
pub mod provisioners;
pub mod quiet_hours;
pub mod quotas;
pub mod replicas;
pub mod roles;
pub mod scim;
mod server_identity;
mod session_ends;
pub mod sessions;
pub mod template_versions;
pub mod templates;
pub mod users;
pub mod workspace_proxies;
pub mod workspaces;

pub use cache::SubjectCache;
pub use context::{Context, Essentials};
pub use deed::Door;
pub use doorward_ports::Outage;
pub use doorward_ports::bus::{Heard, Subscription};
pub use entitlements::Licensing;
pub use error::{Error, FieldError, OAuthError, VALIDATION_FAILED};
pub use keys::Keys;
pub use origin::Origin;
pub use principal::{Account, Principal, Who};
pub use server_identity::ServerIdentity;
pub use settings::{
    ApiReplay, AuditSettings, CacheSettings, CleanupSettings, DpopSettings, NonceRule, OAuth2Settings,
    QuietHoursSettings, SessionSettings, Settings,
};
