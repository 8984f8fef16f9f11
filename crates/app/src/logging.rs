//! Logs: text on a terminal, JSON otherwise, always to standard error.

use anyhow::Context as _;
use doorward_domain::settings::{Defects, Section};
use serde::{Deserialize, Serialize};
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// The section `log`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct LogSettings {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Auto,
    Text,
    Json,
}

impl Section for LogSettings {
    const NAME: &'static str = "log";

    fn check(&self, defects: &mut Defects) {
        if let Err(error) = filter(self) {
            defects.note(format!("{error:#}"));
        }
    }
}

/// What is logged.
fn filter(settings: &LogSettings) -> anyhow::Result<EnvFilter> {
    // What clients send that is no HTTP is nothing an operator can act on, and this target logs nothing else.
    let filter = if settings.filter.contains("actix_http") {
        settings.filter.clone()
    } else {
        format!("{},actix_http::h1::dispatcher=off", settings.filter)
    };
    EnvFilter::builder()
        .parse(&filter)
        .with_context(|| format!("the setting `log.filter` is not valid: `{}`", settings.filter))
}

pub(crate) fn start(settings: &LogSettings) -> anyhow::Result<()> {
    let filter = filter(settings)?;
    let json = match settings.format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started =
        if json { builder.json().flatten_event(true).try_init() } else { builder.with_target(false).try_init() };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
