//! Owners answer for clients that are known by their documents (`oauth2.md` 14.13).

use super::app_rules::{AppWithRules, fetch_logo};
use super::apps::{AppCommand, apply, may_create};
use super::client_documents;
use crate::openid::known::Asking;
use crate::{Context, Error, FieldError, OAuthError, Principal, VALIDATION_FAILED};
use doorward_domain::names::{NAME_MAX, is_name};
use doorward_domain::oauth2::{App, RegisteredClient};
use doorward_domain::openid::AppRules;
use doorward_domain::roles::System;

/// Answers for the client of this document, which need not be known yet: from now on the document says only where its answers go.
///
/// Needs `oauth2_app:create`. Errors: `Forbidden`, `Refused` (asked by an app), `Invalid` (it is no URL of a document that the settings allow, or the
/// document cannot be fetched or breaks a rule, or any field), `Conflict` (the client is there already: it is changed as any app is).
pub async fn adopt(ctx: &Context, actor: &Principal, url: &str, mut command: AppCommand) -> Result<App, Error> {
    may_create(actor)?;
    let refused = |error: OAuthError| {
        let field = FieldError::new("client_id_url", error.description.into_owned());
        Error::invalid_fields(VALIDATION_FAILED, vec![field])
    };
    let url = client_documents::admit(ctx, url).map_err(refused)?;
    let (found, _) = client_documents::find(ctx, &url, Asking::default()).await.map_err(refused)?;
    if command.name.is_empty() && is_name(&found.name) {
        command.name.clone_from(&found.name);
    } else if command.name.is_empty() {
        // What it calls itself is for people; its host is a name as owners give them.
        command.rules.display_name.get_or_insert_with(|| found.name.clone());
        command.name = url.host().replace(|c: char| !c.is_ascii_alphanumeric(), "-").chars().take(NAME_MAX).collect();
    }
    // The document says where its answers go, and how it proves itself.
    let client = &mut command.client;
    (client.auth_method, client.jwks, client.jwks_uri, client.assertion_alg) = (None, None, None, None);
    (command.callback_url, command.redirect_uris, command.service_account) = (None, None, None);
    let sent_logo = command.rules.logo_uri.clone();
    let (app, mut rules) = apply(&ctx.settings, (found, AppRules::default()), command, ctx.clock.now())?;
    let logo = fetch_logo(ctx, sent_logo.as_deref(), None).await?;
    ctx.act(actor, move |deed| {
        let Some(made) = client_documents::insert_app(deed, &app)? else {
            return Err(Error::conflict("this client is there already; change it instead"));
        };
        logo.store(deed, app.id, &mut rules)?;
        let update = System::because("an owner answers for the app").permit();
        if rules != AppRules::default() {
            deed.repos.openid().update_rules(&update, app.id, &rules)?;
        }
        if let Some(client) = deed.repos.registrations().find_for_update(app.id)? {
            deed.repos.registrations().update(&update, &RegisteredClient { adopted: true, ..client })?;
        }
        if rules == AppRules::default() {
            return Ok(made.answer(app));
        }
        let plain = AppRules::default();
        let (before, after) = (AppWithRules { app: &app, rules: &plain }, AppWithRules { app: &app, rules: &rules });
        Ok(deed.changed(&before, &after)?.answer(app))
    })
    .await
}
