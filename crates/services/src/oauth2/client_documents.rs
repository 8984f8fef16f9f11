//! Clients whose `client_id` is the URL of their metadata document (`oauth2.md` 14.13).
//!
//! The document is asked for once somebody has signed in, and again when it has gone stale. Its app is made when a user allows it
//! something; from then on it follows the document. Clients with grants go on by a copy for a week when the document cannot be fetched.

mod document;
pub(crate) mod settings;

#[cfg(test)]
mod tests;

pub use settings::DocumentSettings;

use super::client::unknown_client;
use super::policy;
use crate::deed::{Deed, Recorded};
use crate::openid::known::Asking;
use crate::{Context, Error, OAuthError, Principal};
use document::Document;
use doorward_domain::ids::AppId;
use doorward_domain::oauth2::{
    App, ClientUrl, DOCUMENT_BRAKE, DOCUMENT_MAX, DOCUMENT_WAIT, OAuthErrorCode, RegisteredClient, RegistrationLimits,
    StoredDocument, etag, fresh_for, is_of_document,
};
use doorward_domain::roles::{Permit, System, action, resource};
use doorward_domain::{Instant, Secret};
use doorward_ports::fetch::{ContentType, Request};
use doorward_ports::openid::Known;
use doorward_ports::{Repositories, StoreError};
use std::collections::BTreeMap;

/// Reads a `client_id` that is meant to be the URL of a document, and asks the settings about its host.
///
/// Needs no permission. Errors: `invalid_client`.
pub fn admit(ctx: &Context, text: &str) -> Result<ClientUrl, OAuthError> {
    let settings = &ctx.settings.oauth2.cimd;
    let url = ClientUrl::parse(text).filter(|url| settings.allows(url.host()));
    url.ok_or_else(unknown_client)
}

/// The client of this URL, for a user who is signed in, with what is known about their request. It need not be stored yet.
///
/// Needs no permission. Errors: `invalid_client` (the document cannot be fetched), `invalid_client_metadata` (it breaks a rule),
/// `temporarily_unavailable`, `server_error`.
pub async fn find(ctx: &Context, url: &ClientUrl, asking: Asking) -> Result<(App, Known), OAuthError> {
    let needs_key = ctx.settings.oauth2.cimd.require_key_when_listed;
    let now = ctx.clock.now();
    let stored = look(ctx, url, asking).await?;
    let document = match &stored.copy {
        Some(copy) if copy.is_fresh(now) => Document::parse(url, &copy.body, needs_key)?,
        Some(copy) if copy.is_braked(now) => return Err(not_fetched()),
        copy => refresh(ctx, url, copy.as_ref()).await?,
    };
    Ok(stored.app_by(&document, url, now))
}

/// The same without asking anybody, for those who are not signed in: without a fresh copy the client is not known.
///
/// Needs no permission. Errors: as of [`find`].
pub async fn find_fresh(ctx: &Context, url: &ClientUrl, asking: Asking) -> Result<(App, Known), OAuthError> {
    let now = ctx.clock.now();
    let stored = look(ctx, url, asking).await?;
    let copy = stored.copy.as_ref().filter(|copy| copy.is_fresh(now));
    let document =
        Document::parse(url, &copy.ok_or_else(not_fetched)?.body, ctx.settings.oauth2.cimd.require_key_when_listed)?;
    Ok(stored.app_by(&document, url, now))
}

/// Sees to it that a client that is known by its document, and to which somebody has allowed something, is as its document says. To be
/// called before tokens are issued.
///
/// Needs no permission. Errors: `invalid_client` (the settings do not allow it, or it has no app), `temporarily_unavailable` (the document
/// cannot be fetched, and there is no copy of this week), `server_error`.
pub(super) async fn revalidate(ctx: &Context, client_id: Option<&str>) -> Result<(), OAuthError> {
    let Some(text) = client_id.filter(|text| ClientUrl::is_meant(text)) else { return Ok(()) };
    let (url, now) = (admit(ctx, text)?, ctx.clock.now());
    let stored = look(ctx, &url, Asking::default()).await?;
    stored.app.as_ref().ok_or_else(unknown_client)?;
    let copy = stored.copy.as_ref();
    let is_usable = copy.is_some_and(|copy| copy.is_usable(now));
    if is_usable && copy.is_some_and(|copy| copy.is_fresh(now) || copy.is_braked(now)) {
        return Ok(());
    }
    let failed = if copy.is_some_and(|copy| copy.is_braked(now)) {
        not_fetched().because("it could not be a moment ago")
    } else {
        match refresh(ctx, &url, copy).await {
            Ok(_) => return Ok(()),
            Err(error) if is_usable => {
                tracing::info!(host = url.host(), reason = %error.reason, "a client goes on by the copy of its document");
                return Ok(());
            }
            Err(error) => error,
        }
    };
    // Never `invalid_client`: of that, clients throw away grants that are good.
    let text = "the metadata document of the client could not be fetched";
    let told = OAuthError::new(OAuthErrorCode::TemporarilyUnavailable, text).because(failed.reason);
    Err(OAuthError { retry_after: Some(DOCUMENT_WAIT), ..told })
}

/// The `client_id` of an app, as its clients write it.
///
/// Needs no permission. Errors: none of its own.
pub async fn client_id(ctx: &Context, id: AppId) -> Result<String, Error> {
    if !is_of_document(id) {
        return Ok(id.to_string());
    }
    ctx.read(move |repos| Ok(client_id_of(repos, id)?)).await
}

/// The same, within a call of the store.
pub(crate) fn client_id_of(repos: &mut dyn Repositories, id: AppId) -> Result<String, StoreError> {
    let copy = if is_of_document(id) { repos.client_documents().find(id)? } else { None };
    Ok(copy.map_or_else(|| id.to_string(), |copy| copy.url.as_str().to_owned()))
}

/// The `client_id` of those of these apps that are known by a document.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`.
pub async fn urls(ctx: &Context, actor: &Principal, apps: Vec<AppId>) -> Result<BTreeMap<AppId, ClientUrl>, Error> {
    super::app_access::may_read_each(actor, &apps)?;
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
        limits: RegistrationLimits::default(),
    };
    deed.repos.apps().insert(&permit, &app)?;
    deed.repos.registrations().insert(&permit, &client)?;
    Ok(Some(deed.made(&app)?))
}

/// What is stored here of a client.
struct Stored {
    copy: Option<StoredDocument>,
    app: Option<App>,
    known: Known,
}

impl Stored {
    /// The app as the document has it.
    fn app_by(self, document: &Document, url: &ClientUrl, now: Instant) -> (App, Known) {
        let app = match self.app {
            Some(app) => document.applied_to(app, !self.known.is_its_own, now),
            None => document.to_app(url, now),
        };
        (app, self.known)
    }
}

/// Looks at all that is stored.
async fn look(ctx: &Context, url: &ClientUrl, asking: Asking) -> Result<Stored, OAuthError> {
    policy::of_client(ctx).await?.check_client(url.as_str())?;
    let url = url.clone();
    ctx.read(move |repos| {
        let id = url.app_id();
        let copy = repos.client_documents().find(id)?.filter(|copy| copy.url == url);
        let (app, known) = asking.look(repos, id)?.map_or_else(Default::default, |(app, known)| (Some(app), known));
        Ok(Stored { copy, app, known })
    })
    .await
}

/// Asks for the document, which must keep all rules, and keeps it. After a failure nobody asks again for a moment.
async fn refresh(ctx: &Context, url: &ClientUrl, copy: Option<&StoredDocument>) -> Result<Document, OAuthError> {
    match fetch(ctx, url, copy).await {
        Ok((document, fetched)) => {
            store(ctx, fetched, document.clone()).await?;
            Ok(document)
        }
        Err(error) => {
            brake(ctx, url).await?;
            Err(error)
        }
    }
}

async fn fetch(
    ctx: &Context,
    url: &ClientUrl,
    copy: Option<&StoredDocument>,
) -> Result<(Document, StoredDocument), OAuthError> {
    let known = copy.and_then(|copy| copy.etag.as_deref().map(|etag| (copy, etag)));
    let request = Request::get(url.as_str(), DOCUMENT_MAX).expecting(ContentType::Json);
    let request = match known {
        Some((_, etag)) => request.header("if-none-match", Secret::new(etag.to_owned())),
        None => request,
    };
    let answer = ctx.upstreams.fetch(request).await.map_err(|error| not_fetched().because(error.detail))?;
    let body = match (answer.status, known) {
        (200, _) => String::from_utf8(answer.body.expose().clone())
            .map_err(|error| not_fetched().because(format!("the document is no text: {error}")))?,
        (304, Some((copy, _))) => copy.body.clone(),
        (status, _) => return Err(not_fetched().because(format!("status {status}"))),
    };
    let document = Document::parse(url, &body, ctx.settings.oauth2.cimd.require_key_when_listed)?;
    let now = ctx.clock.now();
    let etag = etag(answer.header("etag")).or(known.filter(|_| answer.status == 304).map(|(_, etag)| etag));
    let fetched = StoredDocument {
        url: url.clone(),
        body,
        etag: etag.map(str::to_owned),
        fetched_at: now,
        fresh_until: now + fresh_for(answer.header("cache-control"), answer.header("expires"), now),
        retry_at: None,
    };
    Ok((document, fetched))
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
async fn brake(ctx: &Context, url: &ClientUrl) -> Result<(), OAuthError> {
    let (why, url) = ("the document of a client could not be fetched", url.clone());
    ctx.act(&Principal::system(why), move |deed| {
        let failed = StoredDocument::without_copy(url.clone(), deed.now + DOCUMENT_BRAKE);
        deed.repos.client_documents().note_failure(&System::because(why).permit(), &failed)?;
        Ok(deed.unrecorded("the copy stays as it is", ()))
    })
    .await
}

/// Why is for the log: what inner hosts answer is nobody's business.
fn not_fetched() -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidClient, "the metadata document of the client could not be fetched")
}
