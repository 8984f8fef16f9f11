//! The section `workspace_proxies`.

use doorward_domain::settings::{Defects, Section, Span};
use serde::{Deserialize, Serialize};

/// The section `workspace_proxies`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ProxySettings {
    /// How often each is asked how it does.
    pub health_interval: Span,
}

impl Section for ProxySettings {
    const NAME: &'static str = "workspace_proxies";

    fn check(&self, defects: &mut Defects) {
        defects.at_least_a_second("health_interval", self.health_interval);
    }
}
