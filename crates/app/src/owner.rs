//! The first user: made of the settings, or asked for under a link.

use crate::settings::Settings;
use anyhow::{Context as _, bail};
use doorward_domain::Secret;
use doorward_services::users::{self, CreateFirstUser, SetupProof};
use doorward_services::{Context, Error, Origin};

/// Makes the owner that the settings name, if there are no users yet. Whether there is still none afterwards.
pub(crate) async fn is_wanted(settings: &Settings, context: &Context) -> anyhow::Result<bool> {
    let bootstrap = &settings.bootstrap;
    if users::first_exists(context).await? {
        return Ok(false);
    }
    if !bootstrap.is_given() {
        return Ok(true);
    }
    let file = &bootstrap.password_file;
    let password = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the password in {} (bootstrap.password_file)", file.display()))?;
    let command = CreateFirstUser {
        email: bootstrap.email.clone(),
        username: bootstrap.username.clone(),
        name: String::new(),
        password: Secret::new(password.trim_end_matches(['\r', '\n']).to_owned()),
        proof: SetupProof::Local,
    };
    match users::create_first(context, command, &Origin::unknown()).await {
        Ok(_) => tracing::info!(username = bootstrap.username, "made the owner that the settings name"),
        // Another server on the same database was quicker.
        Err(Error::Conflict { .. }) => {}
        Err(Error::Invalid { message, fields, .. }) => {
            let fields: Vec<String> = fields.iter().map(|field| format!("{}: {}", field.field, field.detail)).collect();
            bail!("cannot make the owner that the settings under `bootstrap` name: {message} {}", fields.join("; "));
        }
        Err(error) => return Err(error).context("cannot make the owner that the settings under `bootstrap` name"),
    }
    Ok(false)
}

/// What is printed while there are no users.
pub(crate) fn invitation(context: &Context) -> String {
    let token = users::setup_token(context);
    format!(
        "There are no users yet. Open {}/setup?token={} to make the first one, who becomes the owner.",
        context.settings.issuer(),
        token.expose()
    )
}
