//! Logs: text on a terminal, JSON otherwise, always to standard error.

use crate::settings::{Log, LogFormat};
use anyhow::Context as _;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// What is logged.
pub(crate) fn filter(settings: &Log) -> anyhow::Result<EnvFilter> {
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

pub(crate) fn start(settings: &Log) -> anyhow::Result<()> {
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
