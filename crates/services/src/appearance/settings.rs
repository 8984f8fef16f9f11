//! The section `appearance` of the settings.

use doorward_domain::appearance::SupportLink;
use doorward_domain::settings::{Defects, Section};
use serde::{Deserialize, Serialize};
use url::Url;

/// Most links.
const LINKS_MAX: usize = 32;

/// The section `appearance`: where people find documentation and help.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AppearanceSettings {
    /// Where the documentation is; empty: that of the API, on this server.
    pub docs_url: String,
    /// Where people find help; empty: the documentation.
    pub support_links: Vec<SupportLink>,
}

impl AppearanceSettings {
    /// Where the documentation of a server with this address is.
    pub(super) fn docs_url(&self, issuer: &str) -> String {
        if self.docs_url.is_empty() { format!("{issuer}/docs") } else { self.docs_url.clone() }
    }
}

impl Section for AppearanceSettings {
    const NAME: &'static str = "appearance";

    fn check(&self, defects: &mut Defects) {
        let is_web = |text: &str| Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        let is_url = self.docs_url.is_empty() || is_web(&self.docs_url);
        defects.unless(is_url, "docs_url", "must be a URL with http or https, or empty");
        defects.unless(
            self.support_links.len() <= LINKS_MAX,
            "support_links",
            &format!("must be at most {LINKS_MAX} links"),
        );
        for defect in self.support_links.iter().filter_map(SupportLink::defect) {
            defects.unless(false, "support_links", &defect);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(docs_url: &str, links: &Value) -> AppearanceSettings {
        serde_json::from_value(json!({ "docs_url": docs_url, "support_links": links })).unwrap()
    }

    #[test]
    fn links_that_lead_nowhere_are_told() {
        let settings: AppearanceSettings = doorward_testkit::settings::defaults(AppearanceSettings::NAME);
        assert!(settings.defects().is_empty());
        let link = |target: &str| json!({ "name": "Help", "target": target, "icon": "chat" });
        assert!(read("https://docs.example", &json!([link("mailto:help@example.com")])).defects().is_empty());
        for (settings, told) in [
            (read("docs", &json!([])), "`appearance.docs_url`"),
            (read("", &json!([link("javascript:x")])), "`appearance.support_links` must have targets"),
            (read("", &json!(vec![link("https://a.example"); 33])), "at most 32"),
        ] {
            let defects = settings.defects().join("; ");
            assert!(defects.contains(told), "{defects}");
        }
    }
}
