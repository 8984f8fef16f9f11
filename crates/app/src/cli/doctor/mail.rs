//! Asking the mail server whether it would take mail from here.

use super::Finding;
use crate::settings::Settings;
use crate::wiring;
use anyhow::Context as _;

/// What is to be said of the mail server, if the settings name one: whether it answers, over TLS, and lets this server in. No mail is sent.
pub(super) fn look(settings: &Settings) -> Option<Finding> {
    match asked(settings) {
        Ok(Some(server)) => Some(Finding::Good(format!("the mail server {server} lets this server in"))),
        Ok(None) => None,
        Err(error) => Some(Finding::Bad(format!("the mail server cannot be used: {error:#} (smtp)"))),
    }
}

/// Asks it, if there is one; its name and port.
fn asked(settings: &Settings) -> anyhow::Result<Option<String>> {
    let Some((host, port)) = settings.smtp.address() else { return Ok(None) };
    let Some(smtp) = wiring::mail_server(settings)? else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(smtp.check())?;
    Ok(Some(format!("{host}:{port}")))
}
