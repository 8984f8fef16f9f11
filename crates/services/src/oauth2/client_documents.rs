//! Clients whose `client_id` is the URL of their metadata document (`oauth2.md` 14.13).
//!
//! The document is asked for once somebody has signed in, and again when it has gone stale. Its app is made when a user allows it
//! something; from then on it follows the document. Clients with grants go on by a copy for a week when the document cannot be fetched.

mod document;
mod settings;

#[cfg(test)]
mod tests;

pub use settings::DocumentSettings;

use super::block_list;
use super::client::unknown_client;
use super::registration;
use crate::deed::{Deed, Recorded};
use crate::{Context, Error, OAuthError, Principal};
use document::Document;
use doorward_domain::Instant;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{
    App, ClientUrl, DOCUMENT_BRAKE, DOCUMENT_MAX, OAuthErrorCode, RegisteredClient, StoredDocument, fresh_for,
    is_of_document,
};
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_ports::fetch::{ContentType, Request};
use std::collections::BTreeMap;

/// Reads a `client_id` that is meant to be the URL of a document, and asks the settings about its host.
///
/// Needs no permission. Errors: `invalid_client`.
pub fn admit(ctx: &Context, text: &str) -> Result<ClientUrl, OAuthError> {
    let settings = &ctx.settings.oauth2.cimd;
    let url = ClientUrl::parse(text).filter(|url| settings.allows(url.host()));
    url.ok_or_else(unknown_client)
}

/// The client of this URL, for a user who is signed in. It need not be stored yet.
///
/// Needs no permission. Errors: `invalid_client` (the document cannot be fetched), `invalid_client_metadata` (it breaks a rule),
/// `temporarily_unavailable`, `server_error`.
pub async fn find(ctx: &Context, url: &ClientUrl) -> Result<App, OAuthError> {
    let (id, now) = (url.app_id(), ctx.clock.now());
    let (copy, app) = look(ctx, url).await?;
    let adopted = registration::find_adopted(ctx, id).await?;
    let document = match copy {
        Some(copy) if copy.is_fresh(now) => Document::parse(url, &copy.body)?,
        Some(copy) if copy.is_braked(now) => return Err(not_fetched()),
        _ => match fetch(ctx, url).await {
            Ok((document, copy)) => {
                store(ctx, copy, document.clone()).await?;
                document
            }
            Err(error) => {
                brake(ctx, id, now).await?;
                return Err(error);
            }
        },
    };
    Ok(match app {
        Some(app) => document.applied_to(app, adopted, now),
        None => document.to_app(url, now),
    })
}

/// Sees to it that a client that is known by its document, and to which somebody has allowed something, is as its document says. To be
/// called before tokens are issued.
///
/// Needs no permission. Errors: `invalid_client` (the settings do not allow it, or it has no app), `temporarily_unavailable` (the document
/// cannot be fetched, and there is no copy of this week), `server_error`.
pub(super) async fn revalidate(ctx: &Context, client_id: Option<&str>) -> Result<(), OAuthError> {
    let Some(text) = client_id.filter(|text| ClientUrl::is_meant(text)) else { return Ok(()) };
    let (url, now) = (admit(ctx, text)?, ctx.clock.now());
    let (copy, app) = look(ctx, &url).await?;
    app.ok_or_else(unknown_client)?;
    let usable = copy.filter(|copy| copy.is_usable(now));
    if usable.as_ref().is_some_and(|copy| copy.is_fresh(now) || copy.is_braked(now)) {
        return Ok(());
    }
    match fetch(ctx, &url).await {
        Ok((document, copy)) => store(ctx, copy, document).await,
        Err(error) if usable.is_some() => {
            tracing::info!(host = url.host(), reason = %error.reason, "a client goes on by the copy of its document");
            brake(ctx, url.app_id(), now).await
        }
        Err(error) => Err(OAuthError::new(
            OAuthErrorCode::TemporarilyUnavailable,
            "the metadata document of the client could not be fetched",
        )
        .because(error.reason)),
    }
}

/// The `client_id` of an app, as its clients write it.
///
/// Needs no permission. Errors: none of its own.
pub async fn client_id(ctx: &Context, id: AppId) -> Result<String, Error> {
    if !is_of_document(id) {
        return Ok(id.to_string());
    }
    let copy = ctx.read(move |repos| Ok::<_, Error>(repos.client_documents().find(id)?)).await?;
    Ok(copy.map_or_else(|| id.to_string(), |copy| copy.url.as_str().to_owned()))
}

/// The `client_id` of those of these apps that are known by a document.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`.
pub async fn urls(ctx: &Context, actor: &Principal, apps: Vec<AppId>) -> Result<BTreeMap<AppId, ClientUrl>, Error> {
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>())?;
    let of_documents: Vec<AppId> = apps.into_iter().filter(|id| is_of_document(*id)).collect();
    if of_documents.is_empty() {
        return Ok(BTreeMap::new());
    }
    ctx.look(actor, move |look| Ok(look.repos.client_documents().list_urls(&of_documents)?.into_iter().collect())).await
}

/// Makes the app of a document, when a user allows it something. `None` when somebody else just did.
pub(super) fn insert_app(deed: &mut Deed<'_>, app: &App) -> Result<Option<Recorded>, Error> {
    deed.repos.registrations().wait_for_turn()?;
    if deed.repos.apps().find(app.id)?.is_some() {
        return Ok(None);
    }
    let permit: Permit<action::Create, resource::Oauth2App> =
        System::because("a user allows something to a client that is known by its document").permit();
    let app = App { created_at: deed.now, updated_at: deed.now, ..app.clone() };
    let client = RegisteredClient {
        app_id: app.id,
        identity: None,
        shared: false,
        adopted: false,
        metadata: String::new(),
        created_from: String::new(),
        created_at: deed.now,
        matched_at: deed.now,
        granted_at: None,
    };
    deed.repos.apps().insert(&permit, &app)?;
    deed.repos.registrations().insert(&permit, &client)?;
    Ok(Some(deed.made(&app)?))
}

async fn look(ctx: &Context, url: &ClientUrl) -> Result<(Option<StoredDocument>, Option<App>), OAuthError> {
    let url = url.clone();
    ctx.read(move |repos| {
        if block_list::load(repos)?.blocks_client(url.as_str()) {
            return Err(block_list::blocked());
        }
        let id = url.app_id();
        let copy = repos.client_documents().find(id)?.filter(|copy| copy.url == url);
        Ok((copy, repos.apps().find(id)?))
    })
    .await
}

/// Asks for the document, which must keep all rules.
async fn fetch(ctx: &Context, url: &ClientUrl) -> Result<(Document, StoredDocument), OAuthError> {
    let request = Request::get(url.as_str(), DOCUMENT_MAX).expecting(ContentType::Json);
    let answer = ctx.upstreams.fetch(request).await.map_err(|error| not_fetched().because(error.detail))?;
    if answer.status != 200 {
        return Err(not_fetched().because(format!("status {}", answer.status)));
    }
    let body = String::from_utf8(answer.body.expose().clone())
        .map_err(|error| not_fetched().because(format!("the document is no text: {error}")))?;
    let document = Document::parse(url, &body)?;
    let now = ctx.clock.now();
    let fresh_until = now + fresh_for(answer.header("cache-control"));
    Ok((document, StoredDocument { url: url.clone(), body, fetched_at: now, fresh_until, retry_at: None }))
}

/// Keeps the copy, and has the app follow it.
async fn store(ctx: &Context, copy: StoredDocument, document: Document) -> Result<(), OAuthError> {
    let why = "the document of a client was fetched";
    ctx.act(&Principal::system(why), move |deed| {
        let id = copy.url.app_id();
        deed.repos.client_documents().upsert(&System::because(why).permit(), &copy)?;
        let Some(old) = deed.repos.apps().find_for_update(id)? else {
            return Ok(deed.unrecorded("nobody has allowed it anything", ()));
        };
        let adopted = deed.repos.registrations().find(id)?.is_some_and(|client| client.adopted);
        let new = document.applied_to(old.clone(), adopted, deed.now);
        let is_same = old == App { updated_at: old.updated_at, ..new.clone() };
        if is_same {
            return Ok(deed.unrecorded("nothing was changed", ()));
        }
        deed.repos.apps().update(&System::because(why).permit(), &new)?;
        Ok(deed.changed(&old, &new)?.answer(()))
    })
    .await
}

/// Has nobody ask again for a moment.
async fn brake(ctx: &Context, id: AppId, now: Instant) -> Result<(), OAuthError> {
    ctx.act(&Principal::system("the document of a client could not be fetched"), move |deed| {
        let permit = System::because("the document of a client could not be fetched").permit();
        deed.repos.client_documents().note_failure(&permit, id, now + DOCUMENT_BRAKE)?;
        Ok(deed.unrecorded("the copy stays as it is", ()))
    })
    .await
}

/// Why is for the log: what inner hosts answer is nobody's business.
fn not_fetched() -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidClient, "the metadata document of the client could not be fetched")
}
