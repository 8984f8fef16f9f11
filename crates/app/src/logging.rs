//! Logs: text on a terminal, JSON otherwise, always to standard error.

use crate::settings::{Log, LogFormat};
use anyhow::Context as _;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

pub(crate) fn start(settings: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .parse(&settings.filter)
        .with_context(|| format!("the setting `log.filter` is not valid: `{}`", settings.filter))?;
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
