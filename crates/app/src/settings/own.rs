//! Sections that the binary uses itself.

use super::DatabaseUrl;
use anyhow::{Context as _, bail};
use doorward_domain::settings::{Defects, Section};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// Keys that stand in no table.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct DataSettings {
    pub(crate) data_dir: PathBuf,
}

impl Section for DataSettings {
    const NAME: &'static str = "";

    fn check(&self, _: &mut Defects) {}
}

/// The section `server`, as far as it is about where the server is found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ListenSettings {
    pub(crate) listen: String,
    pub(crate) access_url: String,
}

impl ListenSettings {
    /// The access URL of the settings, or the address on which the server listens.
    pub(crate) fn access_url(&self, listen: &str) -> anyhow::Result<Url> {
        let given = self.access_url.trim_end_matches('/');
        // Nobody can visit "all addresses".
        let here = listen.replace("0.0.0.0", "localhost").replace("[::]", "localhost");
        let text = if given.is_empty() { format!("http://{here}") } else { given.to_owned() };
        let url = Url::parse(&text).with_context(|| format!("the setting `server.access_url` is no URL: `{text}`"))?;
        if !matches!(url.scheme(), "http" | "https")
            || url.query().is_some()
            || url.fragment().is_some()
            || url.username() != ""
        {
            bail!(
                "the setting `server.access_url` must be an http or https URL without user, query and fragment: `{text}`"
            );
        }
        Ok(url)
    }
}

impl Section for ListenSettings {
    const NAME: &'static str = "server";

    fn check(&self, defects: &mut Defects) {
        // What stands for it when it is empty is told by the system.
        if let Err(error) = self.access_url("localhost:3000") {
            defects.note(format!("{error:#}"));
        }
    }
}

/// The section `metrics`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct MetricsSettings {
    pub(crate) enabled: bool,
    pub(crate) listen: String,
}

impl Section for MetricsSettings {
    const NAME: &'static str = "metrics";

    fn check(&self, _: &mut Defects) {}
}

/// The section `database`, as far as it is about which one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct DatabaseSettings {
    pub(crate) url: DatabaseUrl,
}

impl Section for DatabaseSettings {
    const NAME: &'static str = "database";

    fn check(&self, _: &mut Defects) {}
}

/// The section `bootstrap`: the first user.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct BootstrapSettings {
    pub(crate) email: String,
    pub(crate) username: String,
    pub(crate) password_file: PathBuf,
}

impl BootstrapSettings {
    /// Whether they name an owner.
    pub(crate) fn is_given(&self) -> bool {
        !self.email.is_empty()
    }
}

impl Section for BootstrapSettings {
    const NAME: &'static str = "bootstrap";

    fn check(&self, defects: &mut Defects) {
        let others = [!self.username.is_empty(), !self.password_file.as_os_str().is_empty()];
        if others != [self.is_given(); 2] {
            let keys = "`bootstrap.email`, `bootstrap.username` and `bootstrap.password_file`";
            defects.note(format!("the settings {keys} go together"));
        }
    }
}
