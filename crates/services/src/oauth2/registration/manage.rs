//! A client looks at its registration, changes it, ends it (RFC 7592).

use super::document::{ClientMetadata, check};
use super::register::{check_blocked, presented};
use super::{RegistrationError, SentMetadata, logos};
use crate::oauth2::app_rules::AppWithRules;
use crate::oauth2::policy;
use crate::{Context, Origin, Principal};
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{App, RegisteredClient};
use doorward_domain::roles::{System, action, resource};
use doorward_domain::{Digest, Instant};
use doorward_ports::Repositories;
use std::sync::Arc;

/// A client as it is registered.
#[derive(Debug)]
pub struct Managed {
    /// Its id.
    pub id: AppId,
    /// What it says of itself.
    pub metadata: ClientMetadata,
    /// When it was registered first.
    pub issued_at: Instant,
}

/// Shows a client to itself (RFC 7592 2.1).
///
/// Needs the token of one of its registrations. Errors: `NotAnId`, `Unauthorized` (also where there is no such client), `NotPermitted` (it
/// did not register itself), `Failed`.
pub async fn find(ctx: &Context, id: &str, token: Option<&str>) -> Result<Managed, RegistrationError> {
    let (id, token) = (parse(id)?, presented(token)?);
    ctx.read(move |repos| {
        repos.apps().find(id)?.ok_or_else(unknown)?;
        let client = repos.registrations().find(id)?;
        let client = authenticate(repos, id, client, &token)?;
        Ok(Managed { id, metadata: ClientMetadata::read(&client.metadata)?, issued_at: client.created_at })
    })
    .await
}

/// Replaces what is registered of a client (RFC 7592 2.2). `named` is the `client_id` in the body.
///
/// Needs the token of one of its registrations. A client that others share keeps all by which it is known. Errors: `NotAnId`,
/// `Unauthorized`, `NotPermitted` (it did not register itself, others share it, or an administrator has changed it), `Metadata`,
/// `Failed`.
pub async fn update(
    ctx: &Context,
    origin: &Arc<Origin>,
    id: &str,
    token: Option<&str>,
    named: Option<&str>,
    sent: SentMetadata,
) -> Result<Managed, RegistrationError> {
    let (id, token, named) = (parse(id)?, presented(token)?, named.map(str::to_owned));
    let (settings, policy) = (Arc::clone(&ctx.settings), policy::of_client(ctx).await?);
    let caller = Principal::anonymous(Arc::clone(origin));
    let changed = ctx.act(&caller, move |deed| {
        let old = deed.repos.apps().find_for_update(id)?.ok_or_else(unknown)?;
        let client = deed.repos.registrations().find_for_update(id)?;
        let client = authenticate(deed.repos, id, client, &token)?;
        if client.adopted {
            return Err(RegistrationError::NotPermitted("an administrator of this server has changed this client"));
        }
        if named.is_some_and(|named| named != id.to_string()) {
            return Err(RegistrationError::Metadata("client_id is not that of this client".to_owned()));
        }
        let mut checked = check(&settings, sent, &client.limits)?;
        check_blocked(&policy, &checked)?;
        if checked.client_type != old.client_type {
            let text = "a client stays public, with a secret, or with keys; register another one";
            return Err(RegistrationError::Metadata(text.to_owned()));
        }
        let is_another = ClientMetadata::read(&client.metadata)?.identity(&client.limits) != checked.identity;
        let rules = deed.repos.openid().find_rules(id)?.unwrap_or_default();
        // What an owner said of it is no matter of the client.
        checked.rules.profile.clone_from(&rules.profile);
        if (is_another || rules != checked.rules) && client.shared {
            return Err(RegistrationError::NotPermitted("others share this client; register another one"));
        }
        let identity = match client.identity {
            // Where another client is known by it, that one stays the one that is found.
            Some(_) if is_another => {
                let is_known = deed.repos.registrations().find_by_identity_for_update(&checked.identity)?.is_some();
                (!is_known).then_some(checked.identity)
            }
            same => same,
        };
        let permit =
            System::because("a client changes its registration").permit::<action::Update, resource::Oauth2App>();
        let is_shared = client.shared;
        let client = RegisteredClient { identity, metadata: checked.metadata.to_document()?, ..client };
        deed.repos.registrations().update(&permit, &client)?;
        let app = App {
            name: checked.metadata.client_name.clone(),
            redirect_uris: checked.redirect_uris,
            allowed_scopes: checked.allowed_scopes,
            rules: checked.client_rules,
            refresh_tokens: checked.refresh_tokens,
            updated_at: deed.now,
            ..old.clone()
        };
        if rules != checked.rules {
            deed.repos.openid().update_rules(&permit, id, &checked.rules)?;
        }
        let managed = Managed { id, metadata: checked.metadata, issued_at: client.created_at };
        if is_another {
            deed.repos.apps().update(&permit, &app)?;
        }
        if is_another || rules != checked.rules {
            let (before, after) = (
                AppWithRules { app: &old, rules: &rules },
                AppWithRules { app: if is_another { &app } else { &old }, rules: &checked.rules },
            );
            return Ok(deed.changed(&before, &after)?.answer((managed, is_shared)));
        }
        Ok(deed.unrecorded("nothing that the audit log follows was changed", (managed, is_shared)))
    });
    let (managed, is_shared): (Managed, bool) = changed.await?;
    if !is_shared {
        logos::keep(ctx, id, managed.metadata.logo_uri.as_deref()).await;
    }
    Ok(managed)
}

/// Ends a registration (RFC 7592 2.3). The client goes with its last one, with its secrets, codes and tokens, unless an administrator
/// has changed it, or others share it and somebody uses it: who registers often enough has all tokens that are kept of such a client,
/// and nobody ends what is another's. It goes later, as every client that nobody uses.
///
/// Needs the token of the registration. Errors: `NotAnId`, `Unauthorized`, `NotPermitted` (it did not register itself), `Failed`.
pub async fn delete(
    ctx: &Context,
    origin: &Arc<Origin>,
    id: &str,
    token: Option<&str>,
) -> Result<(), RegistrationError> {
    let (id, token) = (parse(id)?, presented(token)?);
    let caller = Principal::anonymous(Arc::clone(origin));
    ctx.act(&caller, move |deed| {
        let app = deed.repos.apps().find_for_update(id)?.ok_or_else(unknown)?;
        let client = deed.repos.registrations().find_for_update(id)?;
        let client = authenticate(deed.repos, id, client, &token)?;
        let permit = System::because("a client ends its registration").permit();
        let left = deed.repos.registrations().delete_token(&permit, id, &token)?.ok_or_else(unknown)?;
        let is_of_others = client.adopted || client.shared && deed.repos.registrations().is_in_use(id, deed.now)?;
        if left > 0 || is_of_others {
            return Ok(deed.unrecorded("the client stays", ()));
        }
        let permit = System::because("a client ends its last registration").permit();
        deed.repos.apps().delete(&permit, id)?;
        Ok(deed.ended(&app)?.answer(()))
    })
    .await
}

fn parse(id: &str) -> Result<AppId, RegistrationError> {
    id.parse().map_err(|_malformed: uuid::Error| RegistrationError::NotAnId)
}

/// Whether there is such a client is not told.
fn unknown() -> RegistrationError {
    RegistrationError::Unauthorized("the registration access token is not good")
}

fn authenticate(
    repos: &mut dyn Repositories,
    id: AppId,
    client: Option<RegisteredClient>,
    token: &Digest,
) -> Result<RegisteredClient, RegistrationError> {
    let own = RegistrationError::NotPermitted("this client did not register itself");
    let client = client.ok_or(own)?;
    if repos.registrations().has_token(id, token)? { Ok(client) } else { Err(unknown()) }
}
