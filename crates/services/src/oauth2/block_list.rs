//! What owners block: clients, hosts of documents, and places where answers go.
//!
//! Who is blocked is asked wherever a client comes: at the authorization endpoint, at those for clients, at registration, and before a document
//! is fetched; see `policy`. What it was given ends when the list is changed.

use crate::error::Error;
use crate::jobs::{Job, Lease, Next, Schedule};
use crate::runtime_settings;
use crate::sessions::in_person::InPerson;
use crate::{Context, FieldError, OAuthError, Principal, VALIDATION_FAILED};
use async_trait::async_trait;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{
    App, BLOCKED_MAX, BlockList, HostPattern, OAuthErrorCode, app_of_client_id, is_of_document,
};
use doorward_domain::roles::{Action, Object, System, resource};
use doorward_ports::{Repositories, StoreError};
use std::collections::BTreeMap;
use time::Duration;

const WHY: &str = "an owner has blocked the app";
/// How often it is looked whether blocked clients have something.
const SWEPT_EVERY: Duration = Duration::MINUTE;

/// Longest entry, in bytes.
const ENTRY_MAX: usize = 2048;

/// What an owner wants to be blocked, as it was sent.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "they are the members of the list, by their names")]
pub struct BlockCommand {
    pub client_ids: Vec<String>,
    pub document_hosts: Vec<String>,
    pub redirect_hosts: Vec<String>,
}

/// Shows what is blocked, to those who may change it.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`.
pub async fn find(ctx: &Context, actor: &Principal) -> Result<BlockList, Error> {
    actor.subject.check(Action::Update, &Object::of::<resource::DeploymentConfig>())?;
    ctx.look(actor, |look| Ok::<_, Error>(load(look.repos)?)).await
}

/// Blocks this and nothing else. What blocked clients were allowed ends: their grants, codes and device codes.
///
/// Needs `deployment_config:update`. Errors: `Forbidden`, `Refused` (asked by an app), `Invalid` (any field).
pub async fn replace(ctx: &Context, actor: &Principal, command: BlockCommand) -> Result<BlockList, Error> {
    actor.subject.check(Action::Update, &Object::of::<resource::DeploymentConfig>())?;
    actor.in_person(InPerson::ManageApps)?;
    let list = check(command)?;
    let in_store = list.clone();
    ctx.act(actor, move |deed| {
        let permit = deed.by.permit_in(None)?;
        runtime_settings::find_for_update::<BlockList>(deed.repos, None)?;
        runtime_settings::store(deed.repos, &permit, &in_store)?;
        end_all(deed.repos, &in_store)?;
        Ok::<_, Error>(deed.unrecorded("no record is about settings of the authorization server", ()))
    })
    .await?;
    // Now every request that begins is refused. One that began before may have got something since: that ends too.
    let in_store = list.clone();
    ctx.act(actor, move |deed| {
        end_all(deed.repos, &in_store)?;
        Ok(deed.unrecorded("no record is about settings of the authorization server", list))
    })
    .await
}

/// Ends what blocked clients got meanwhile: a request that began on another server before it heard of the change is not refused there, and
/// may end after [`replace`] has looked.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockedClients;

#[async_trait]
impl Job for BlockedClients {
    fn name(&self) -> &'static str {
        "blocked_clients"
    }

    fn schedule(&self) -> Schedule {
        Schedule::every(SWEPT_EVERY).with_jitter(SWEPT_EVERY / 10)
    }

    async fn run(&self, ctx: &Context, lease: &Lease) -> Result<Next, Error> {
        sweep(ctx, Some(lease)).await?;
        Ok(Next::Scheduled)
    }
}

/// Ends what clients have that are blocked. A job does it under its lease.
///
/// Needs nothing: the server does it for itself. Errors: none of its own.
pub async fn sweep(ctx: &Context, lease: Option<&Lease>) -> Result<(), Error> {
    let lease = lease.cloned();
    ctx.act(&Principal::system(WHY), move |deed| {
        let list = load(deed.repos)?;
        end_all(deed.repos, &list)?;
        lease.map_or(Ok(()), |lease| lease.confirm(deed.repos))?;
        Ok::<_, Error>(deed.unrecorded("the change of the list is what somebody did", ()))
    })
    .await
}

/// Ends what blocked apps were allowed.
fn end_all(repos: &mut dyn Repositories, list: &BlockList) -> Result<(), StoreError> {
    let why = System::because(WHY);
    for app in blocked_apps(repos, list)? {
        let ended = repos.grants().delete_of_app(&why.permit(), app)?;
        if ended > 0 {
            tracing::info!(%app, ended, "the grants of a blocked app have ended");
        }
    }
    Ok(())
}

fn check(command: BlockCommand) -> Result<BlockList, Error> {
    let mut fields = Vec::new();
    let BlockCommand { client_ids, document_hosts, redirect_hosts } = command;
    let too_long = |list: &[String]| list.len() > BLOCKED_MAX || list.iter().any(|entry| entry.len() > ENTRY_MAX);
    for (name, list) in
        [("client_ids", &client_ids), ("document_hosts", &document_hosts), ("redirect_hosts", &redirect_hosts)]
    {
        if too_long(list) {
            let rule = format!("must have at most {BLOCKED_MAX} entries of at most {ENTRY_MAX} bytes");
            fields.push(FieldError::new(name, rule));
        }
    }
    if !fields.is_empty() {
        return Err(Error::invalid_fields(VALIDATION_FAILED, fields));
    }
    let mut hosts = |name: &'static str, list: Vec<String>| -> Vec<HostPattern> {
        let mut read = Vec::with_capacity(list.len());
        for entry in list {
            match entry.parse::<HostPattern>() {
                Ok(pattern) => read.push(pattern),
                Err(error) => fields.push(FieldError::new(name, error.to_string())),
            }
        }
        read
    };
    let document_hosts = hosts("document_hosts", document_hosts);
    let redirect_hosts = hosts("redirect_hosts", redirect_hosts);
    if let Some(bad) = client_ids.iter().find(|id| app_of_client_id(id).is_none()) {
        let rule = format!("`{bad}` is no client_id: neither the id of an app nor the https URL of a document");
        fields.push(FieldError::new("client_ids", rule));
    }
    if !fields.is_empty() {
        return Err(Error::invalid_fields(VALIDATION_FAILED, fields));
    }
    Ok(BlockList { client_ids, document_hosts, redirect_hosts })
}

/// The apps that are blocked by their ids or documents, or all of whose redirect URIs are.
fn blocked_apps(repos: &mut dyn Repositories, list: &BlockList) -> Result<Vec<AppId>, StoreError> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let (apps, by_id) = (repos.apps().list()?, list.apps());
    let of_documents: Vec<AppId> = apps.iter().map(|app| app.id).filter(|id| is_of_document(*id)).collect();
    let urls: BTreeMap<AppId, String> = repos
        .client_documents()
        .list_urls(&of_documents)?
        .into_iter()
        .map(|(app, url)| (app, url.as_str().to_owned()))
        .collect();
    let is_blocked = |app: &App| {
        let of_document = urls.get(&app.id).is_some_and(|url| list.blocks_document(url));
        let leads_nowhere =
            !app.redirect_uris.is_empty() && app.redirect_uris.iter().all(|uri| list.blocks_redirect(uri));
        by_id.contains(&app.id) || of_document || leads_nowhere
    };
    Ok(apps.into_iter().filter(is_blocked).map(|app| app.id).collect())
}

/// What is blocked now.
pub(crate) fn load(repos: &mut dyn Repositories) -> Result<BlockList, StoreError> {
    Ok(runtime_settings::find::<BlockList>(repos, None)?.unwrap_or_default())
}

/// What a blocked client is told.
pub(crate) fn blocked() -> OAuthError {
    OAuthError::new(OAuthErrorCode::UnauthorizedClient, "an administrator of this server has blocked this client")
}
