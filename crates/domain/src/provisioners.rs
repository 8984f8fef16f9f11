//! Provisioner daemons, which carry out builds elsewhere, and the keys with which they come in (`enterprise-platform.md` 5 and 6).

mod daemon;
mod key;
mod tags;
mod version;

pub use daemon::{
    DAEMON_NAME_MAX, DAEMONS_MAX, DAEMONS_OF_USER_MAX, DaemonStatus, KEPT, OFFLINE_AFTER, ProvisionerDaemon,
    ProvisionerType, RECENT,
};
pub use key::{KEYS_MAX, KeyName, KeyNameError, ProvisionerKey, ReservedKey, SECRET_LEN};
pub use tags::{OWNER, SCOPE, SCOPE_ORGANIZATION, SCOPE_USER, TAG_MAX, TAGS_MAX, TagError, Tags};
pub use version::{ApiVersion, VersionError};
