//! What owners have blocked: clients, the hosts of their documents, and where answers go.

use super::{ClientUrl, HostPattern, RedirectUri, app_of_client_id};
use crate::ids::AppId;
use crate::roles::resource;
use crate::runtime_settings::RuntimeSetting;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::HashSet;
use url::Url;

/// Most entries of one list.
pub const BLOCKED_MAX: usize = 1000;

/// What owners have blocked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockList {
    /// Clients, by their `client_id`.
    pub client_ids: Vec<String>,
    /// Hosts of metadata documents.
    #[serde(deserialize_with = "known_hosts")]
    pub document_hosts: Vec<HostPattern>,
    /// Hosts of redirect URIs.
    #[serde(deserialize_with = "known_hosts")]
    pub redirect_hosts: Vec<HostPattern>,
}

impl RuntimeSetting for BlockList {
    const NAME: &'static str = "oauth2_block_list";
    type Resource = resource::DeploymentConfig;
}

impl BlockList {
    /// Whether nothing is blocked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the client of this `client_id` is blocked, however that is written, or the host of its document.
    ///
    /// ```
    /// use doorward_domain::oauth2::BlockList;
    /// let list = BlockList { document_hosts: vec!["*.evil.example".parse()?], ..BlockList::default() };
    /// assert!(list.blocks_client("https://a.evil.example/client.json"));
    /// assert!(!list.blocks_client("https://good.example/client.json"));
    /// # Ok::<(), doorward_domain::oauth2::HostPatternError>(())
    /// ```
    #[must_use]
    pub fn blocks_client(&self, client_id: &str) -> bool {
        let is_blocked = |app| self.apps().contains(&app);
        app_of_client_id(client_id).is_some_and(is_blocked) || self.blocks_document(client_id)
    }

    /// The apps that are blocked by their ids.
    #[must_use]
    pub fn apps(&self) -> HashSet<AppId> {
        self.client_ids.iter().filter_map(|id| app_of_client_id(id)).collect()
    }

    /// Whether this `client_id` is that of a document on a blocked host.
    #[must_use]
    pub fn blocks_document(&self, client_id: &str) -> bool {
        let url = if self.document_hosts.is_empty() { None } else { ClientUrl::parse(client_id) };
        url.is_some_and(|url| is_among(&self.document_hosts, url.host()))
    }

    /// Whether nothing may be sent there.
    #[must_use]
    pub fn blocks_redirect(&self, uri: &RedirectUri) -> bool {
        if self.redirect_hosts.is_empty() {
            return false;
        }
        let Ok(url) = Url::parse(uri.as_str()) else { return false };
        url.host_str().is_some_and(|host| is_among(&self.redirect_hosts, host))
    }
}

/// What is stored may be older than a rule. What is no host blocks nothing.
fn known_hosts<'de, D: Deserializer<'de>>(stored: D) -> Result<Vec<HostPattern>, D::Error> {
    let texts = Vec::<String>::deserialize(stored)?;
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

/// A host with dots at its end is the same host.
fn is_among(patterns: &[HostPattern], host: &str) -> bool {
    let host = host.trim_end_matches('.');
    patterns.iter().any(|pattern| pattern.matches(host))
}

/// Whether two hosts are of different sites: no one domain that somebody can register holds both.
///
/// ```
/// use doorward_domain::oauth2::are_other_sites;
/// assert!(!are_other_sites("app.example.com", "login.example.com"));
/// assert!(are_other_sites("a.github.io", "b.github.io"));
/// ```
#[must_use]
pub fn are_other_sites(one: &str, other: &str) -> bool {
    let site = |host: &str| {
        let host = host.to_ascii_lowercase();
        let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        if is_address { host } else { psl::domain_str(&host).map_or_else(|| host.clone(), str::to_owned) }
    };
    site(one) != site(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_from_before_a_rule_does_no_harm() {
        let stored = r#"{"client_ids": ["x"], "redirect_hosts": ["[zz]", "127.1"], "unheard_of": 1}"#;
        let list: BlockList = serde_json::from_str(stored).unwrap();
        assert_eq!((list.client_ids.len(), list.document_hosts.len()), (1, 0));
        assert_eq!(list.redirect_hosts, ["127.0.0.1".parse::<HostPattern>().unwrap()]);
    }

    #[test]
    fn each_list_blocks_what_it_names() {
        let list = BlockList {
            client_ids: vec!["https://app.example/c".to_owned(), "11111111-1111-4111-8111-111111111111".to_owned()],
            document_hosts: vec!["evil.example".parse().unwrap()],
            redirect_hosts: vec!["*.bad.example".parse().unwrap()],
        };
        for (id, blocked) in [
            ("https://app.example/c", true),
            ("https://app.example/d", false),
            ("11111111-1111-4111-8111-111111111111", true),
            ("{11111111-1111-4111-8111-111111111111}", true),
            ("11111111111141118111111111111111", true),
            ("11111111-1111-4111-8111-111111111112", false),
            ("https://evil.example/c", true),
            ("https://sub.evil.example/c", false),
            ("evil.example", false),
        ] {
            assert_eq!(list.blocks_client(id), blocked, "{id}");
        }
        let to = |uri: &str| list.blocks_redirect(&RedirectUri::from_storage(uri.to_owned()));
        assert!(
            to("https://a.bad.example/cb")
                && to("https://A.BAD.example:8443/cb")
                && to("https://a.bad.example./cb")
                && to("https://a.bad.example../cb")
        );
        assert!(!to("https://bad.example/cb") && !to("cursor://cb") && !to("http://127.0.0.1/cb"));
        assert!(!list.is_empty() && BlockList::default().is_empty());
    }

    #[test]
    fn sites_are_what_somebody_can_register() {
        for (one, other, differ) in [
            ("app.example.com", "APP.example.com", false),
            ("app.example.co.uk", "other.co.uk", true),
            ("127.0.0.1", "127.0.0.1", false),
            ("127.0.0.1", "127.0.0.2", true),
            ("localhost", "localhost", false),
            ("example.com", "example.org", true),
        ] {
            assert_eq!(are_other_sites(one, other), differ, "{one} {other}");
        }
    }
}
