//! Workspace proxies: servers elsewhere, through which people reach workspaces that are near them (`enterprise-platform.md` 8).

mod apps;
mod health;
mod token;

pub use apps::{APP_TEXT_MAX, AccessMethod, AppRequest, AppToken, port_url};
pub use health::{Health, HealthReport, HealthStatus, REPORT_BYTES_MAX};
pub use token::{ProxyToken, ProxyTokenError};

use crate::ids::WorkspaceProxyId;
use crate::names::ProxyName;
use crate::roles::resource;
use crate::runtime_settings::RuntimeSetting;
use crate::{Digest, Instant};
use serde::{Deserialize, Serialize};
use url::Url;

/// What this deployment itself is called among its proxies, in any letter case.
pub const PRIMARY: &str = "primary";
/// Longest address and longest pattern of host names, in bytes.
pub const ADDRESS_MAX: usize = 255;

/// A workspace proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceProxy {
    /// Its id.
    pub id: WorkspaceProxyId,
    /// Its name. Live proxies have different ones, without regard to letter case.
    pub name: ProxyName,
    /// What people see; may be empty.
    pub display_name: String,
    /// URL of a picture; may be empty.
    pub icon: String,
    /// Where browsers find it; empty until it has registered.
    pub url: String,
    /// The pattern of its host names for apps, or empty.
    pub wildcard_hostname: String,
    /// Whether it relays connections.
    pub derp_enabled: bool,
    /// Whether that is all it does.
    pub derp_only: bool,
    /// Its version; empty until it has registered.
    pub version: String,
    /// Tells its region of the relay network from those of other proxies.
    pub region_number: i32,
    /// The digest of the secret part of its token.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// What a proxy says of itself when it registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Where browsers find it.
    pub url: String,
    /// The pattern of its host names for apps, or empty.
    pub wildcard_hostname: String,
    /// Whether it relays connections.
    pub derp_enabled: bool,
    /// Whether that is all it does.
    pub derp_only: bool,
    /// Its version.
    pub version: String,
}

impl WorkspaceProxy {
    /// The same, as it says that it is now; `None` if nothing is new.
    #[must_use]
    pub fn registered(&self, said: Registration, now: Instant) -> Option<Self> {
        let Registration { url, wildcard_hostname, derp_enabled, derp_only, version } = said;
        let new = Self { url, wildcard_hostname, derp_enabled, derp_only, version, ..self.clone() };
        (new != *self).then_some(Self { updated_at: now, ..new })
    }

    /// Its region of the relay network, where the servers of the deployment are in the region `base`.
    ///
    /// The regions of proxies begin 2,000 behind that, at the next multiple of 10,000.
    #[must_use]
    pub fn region_id(&self, base: i32) -> i32 {
        const STEP: i32 = 10_000;
        let least = base.saturating_add(2000).clamp(STEP, i32::MAX - STEP);
        let start = least.saturating_add(STEP - 1) / STEP * STEP;
        start.saturating_add(self.region_number)
    }
}

/// What people see of the deployment itself among its proxies; empty texts are the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrimaryAppearance {
    /// What people see.
    pub display_name: String,
    /// URL of a picture.
    pub icon: String,
}

impl RuntimeSetting for PrimaryAppearance {
    const NAME: &'static str = "primary_proxy";
    type Resource = resource::WorkspaceProxy;
}

impl PrimaryAppearance {
    /// What people see, and where the picture is.
    #[must_use]
    pub fn shown(&self) -> (&str, &str) {
        (or(&self.display_name, "Default"), or(&self.icon, "/emojis/1f3e1.png"))
    }
}

/// Whether a proxy may say that browsers find it there: http or https, a host and perhaps a port, and nothing else.
///
/// ```
/// use doorward_domain::workspace_proxies::is_access_url;
/// assert!(is_access_url("https://sydney.example.com") && is_access_url("http://10.0.0.5:3001/"));
/// assert!(!is_access_url("ftp://a.example") && !is_access_url("https://a.example/b") && !is_access_url(""));
/// ```
#[must_use]
pub fn is_access_url(text: &str) -> bool {
    let is_bare = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    text.len() <= ADDRESS_MAX && Url::parse(text).is_ok_and(|url| is_bare(&url))
}

/// Whether host names of apps may look like this: one asterisk, in the first of several labels; no scheme, no port.
///
/// ```
/// use doorward_domain::workspace_proxies::is_hostname_pattern;
/// assert!(is_hostname_pattern("*.apps.example.com") && is_hostname_pattern("*--suffix.example.com"));
/// assert!(!is_hostname_pattern("apps.example.com") && !is_hostname_pattern("a.*.example.com") && !is_hostname_pattern("*"));
/// assert!(!is_hostname_pattern("https://*.example.com") && !is_hostname_pattern("*.example.com:8080"));
/// ```
#[must_use]
pub fn is_hostname_pattern(text: &str) -> bool {
    let Some((first, rest)) = text.split_once('.') else { return false };
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some(suffix) = first.strip_prefix('*') else { return false };
    // What takes the place of the asterisk is a label, or the beginning of one.
    let is_suffix = suffix.is_empty() || (!suffix.contains('*') && is_label(&format!("a{suffix}")));
    text.len() <= ADDRESS_MAX && is_suffix && rest.split('.').all(is_label)
}

/// The usual text where there is none.
const fn or<'a>(own: &'a str, usual: &'a str) -> &'a str {
    if own.is_empty() { usual } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    fn proxy(region_number: i32) -> WorkspaceProxy {
        let at = Instant::UNIX_EPOCH;
        WorkspaceProxy {
            id: WorkspaceProxyId::NIL,
            name: ProxyName::from_storage("sydney".to_owned()),
            display_name: String::new(),
            icon: String::new(),
            url: String::new(),
            wildcard_hostname: String::new(),
            derp_enabled: true,
            derp_only: false,
            version: String::new(),
            region_number,
            digest: Digest::of("x"),
            created_at: at,
            updated_at: at,
            deleted: false,
        }
    }

    #[test]
    fn regions_of_proxies_begin_at_a_multiple_of_10_000_well_behind_the_others() {
        for (base, number, region) in
            [(999, 1, 10_001), (1, 7, 10_007), (8000, 1, 10_001), (8001, 1, 20_001), (i32::MAX, 1, 2_147_480_001)]
        {
            assert_eq!(proxy(number).region_id(base), region, "{base}");
        }
    }

    #[test]
    fn who_says_nothing_new_is_not_changed() {
        let said = Registration {
            url: "https://a.example".to_owned(),
            wildcard_hostname: String::new(),
            derp_enabled: true,
            derp_only: false,
            version: "v1".to_owned(),
        };
        let now = Instant::UNIX_EPOCH + Duration::DAY;
        let new = proxy(1).registered(said.clone(), now).unwrap();
        assert_eq!((new.url.as_str(), new.updated_at), ("https://a.example", now));
        assert_eq!(new.registered(said, now + Duration::DAY), None);
    }

    #[test]
    fn patterns_of_host_names_have_one_asterisk_in_front() {
        for good in ["*.a.example", "*-x.a_b.example", "*--a-b.c"] {
            assert!(is_hostname_pattern(good), "{good}");
        }
        let long = format!("*.{}.example", "a".repeat(64));
        for bad in
            ["", "*", "*.", "*..a", "a*.b", "**.a", "*.a.*", "*.a-", "*.-a", "*-.a", "*.a b", "*.é", long.as_str()]
        {
            assert!(!is_hostname_pattern(bad), "{bad}");
        }
    }

    #[test]
    fn the_deployment_itself_has_usual_texts() {
        let own = PrimaryAppearance { display_name: "Home".to_owned(), icon: String::new() };
        assert_eq!(PrimaryAppearance::default().shown(), ("Default", "/emojis/1f3e1.png"));
        assert_eq!(own.shown(), ("Home", "/emojis/1f3e1.png"));
    }
}
