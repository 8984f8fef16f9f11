//! The section `oauth2.cimd` of the settings.

use doorward_domain::oauth2::HostPattern;
use serde::{Deserialize, Serialize};

/// The section `oauth2.cimd`: clients that are known by a document at the URL that is their id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DocumentSettings {
    /// Whether there may be such clients.
    pub enabled: bool,
    /// The hosts that documents may be on; empty: any.
    pub allow_hosts: Vec<HostPattern>,
    /// The hosts that they may not be on.
    pub deny_hosts: Vec<HostPattern>,
    /// Whether a client that names keys, and that it may do without them, may not.
    pub require_key_when_listed: bool,
    /// The hosts of which the consent page says that the operator knows them.
    pub verified_domains: Vec<HostPattern>,
    /// The very documents whose clients users are not asked about again.
    pub trusted: Vec<String>,
}

impl DocumentSettings {
    /// Whether the operator knows this host.
    #[must_use]
    pub fn verifies(&self, host: &str) -> bool {
        self.verified_domains.iter().any(|pattern| pattern.matches(host))
    }

    /// Whether documents of this host are taken.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let on = |list: &[HostPattern]| list.iter().any(|pattern| pattern.matches(host));
        self.enabled && (self.allow_hosts.is_empty() || on(&self.allow_hosts)) && !on(&self.deny_hosts)
    }
}
