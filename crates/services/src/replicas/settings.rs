//! The section `replicas`.

use doorward_domain::replicas::MACHINE_TEXT_MAX;
use doorward_domain::settings::{Defects, Section, optional};
use serde::{Deserialize, Serialize};
use url::Url;

/// The section `replicas`: this server among others of the deployment.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReplicaSettings {
    /// Where other servers of the deployment reach this one directly.
    #[serde(with = "optional")]
    pub relay_url: Option<Url>,
    /// The region of the relay network in which it stands.
    pub region_id: i32,
}

impl ReplicaSettings {
    /// Where other servers reach this one, without trailing slash, or empty.
    #[must_use]
    pub fn relay_address(&self) -> &str {
        self.relay_url.as_ref().map_or("", |url| url.as_str().trim_end_matches('/'))
    }
}

impl Section for ReplicaSettings {
    const NAME: &'static str = "replicas";

    fn check(&self, defects: &mut Defects) {
        let is_address = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
                && url.as_str().len() <= MACHINE_TEXT_MAX
        };
        let rule = "must be an http or https URL of host and port alone, such as `http://10.0.0.5:3000`";
        defects.unless(self.relay_url.as_ref().is_none_or(is_address), "relay_url", rule);
        defects.unless((1..=9999).contains(&self.region_id), "region_id", "must lie between 1 and 9999");
    }
}
