use super::*;
use crate::identity_providers::Upstreams;
use crate::users::testing::{NOW, context_with, settings};
use async_trait::async_trait;
use doorward_domain::Secret;
use doorward_ports::fetch::{Answer, FailureClass, Fetch, FetchError};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::openid::Known;
use std::sync::Arc;
use time::Duration;

const URL: &str = "https://app.example/oauth/client.json";
const ETAG: &str = "\"v1\"";
const DOCUMENT: &str = r#"{"client_id":"https://app.example/oauth/client.json","client_name":"App","redirect_uris":["https://app.example/cb"]}"#;

fn url() -> ClientUrl {
    ClientUrl::parse(URL).unwrap()
}

/// A server with a document, or none.
struct Host(Option<(u16, &'static str)>);

#[async_trait]
impl Fetch for Host {
    async fn fetch(&self, request: Request) -> Result<Answer, FetchError> {
        assert_eq!((request.url.as_str(), request.content, request.body_limit), (URL, ContentType::Json, DOCUMENT_MAX));
        match self.0 {
            Some((status, body)) => {
                let asked = request.headers.iter().map(|(name, value)| (*name, value.expose().as_str()));
                let expected = (status == 304).then_some(("if-none-match", ETAG));
                assert_eq!(asked.collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
                let headers = vec![("cache-control".to_owned(), "max-age=600".to_owned())];
                Ok(Answer { status, headers, body: Secret::new(body.as_bytes().to_vec()) })
            }
            None => Err(FetchError::new(FailureClass::ForbiddenAddress, "10.0.0.7")),
        }
    }
}

fn copy(age: Duration) -> StoredDocument {
    StoredDocument {
        url: url(),
        body: DOCUMENT.to_owned(),
        etag: None,
        fetched_at: NOW - age,
        fresh_until: NOW - age + Duration::HOUR,
        retry_at: None,
    }
}

fn app() -> App {
    Document::parse(&url(), DOCUMENT, false).unwrap().to_app(&url(), NOW)
}

fn knowing(copy: Option<StoredDocument>, app: Option<App>) -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos.client_documents.expect_find().returning(move |_| Ok(copy.clone()));
    let (found, held) = (app.clone(), app);
    repos
        .openid
        .expect_find_asking()
        .returning(move |_, _| Ok(found.clone().map(|app| (app, Known { is_its_own: true, ..Known::default() }))));
    repos.apps.expect_find_for_update().returning(move |_| Ok(held.clone()));
    repos.registrations.expect_find().returning(|_| Ok(None));
    repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
    repos
}

fn context(repos: MockRepositories, host: Host) -> Context {
    Context { upstreams: Upstreams::new(Arc::new(host)), ..context_with(repos, settings()) }
}

#[tokio::test]
async fn a_fresh_copy_is_used_and_nobody_is_asked() {
    let ctx = context(knowing(Some(copy(Duration::ZERO)), None), Host(None));
    let found = find(&ctx, &url(), Asking::default()).await.unwrap().0;
    assert_eq!((found.id, &*found.name), (url().app_id(), "App"));
}

#[tokio::test]
async fn a_stale_copy_or_none_is_fetched_and_kept() {
    for known in [None, Some(copy(Duration::HOUR))] {
        let mut repos = knowing(known, None);
        let is_kept = |copy: &StoredDocument| {
            copy.body == DOCUMENT && copy.fetched_at == NOW && copy.fresh_until == NOW + Duration::minutes(10)
        };
        repos.client_documents.expect_upsert().times(1).withf(move |_, copy| is_kept(copy)).returning(|_, _| Ok(()));
        let ctx = context(repos, Host(Some((200, DOCUMENT))));
        assert!(find(&ctx, &url(), Asking::default()).await.is_ok());
    }
}

#[tokio::test]
async fn what_cannot_be_fetched_or_is_no_document_is_refused_and_not_kept() {
    for (answer, code) in [
        (None, OAuthErrorCode::InvalidClient),
        (Some((201, DOCUMENT)), OAuthErrorCode::InvalidClient),
        (Some((200, "<html>")), OAuthErrorCode::InvalidClientMetadata),
    ] {
        // A copy of an hour ago serves no new authorization.
        let mut repos = knowing(Some(copy(Duration::HOUR)), Some(app()));
        repos
            .client_documents
            .expect_note_failure()
            .times(1)
            .withf(|_, failed| *failed == StoredDocument::without_copy(url(), NOW + DOCUMENT_BRAKE))
            .returning(|_, _| Ok(()));
        let ctx = context(repos, Host(answer));
        let refused = find(&ctx, &url(), Asking::default()).await.unwrap_err();
        assert_eq!(refused.code, code, "{answer:?}");
        assert!(!refused.description.contains("10.0.0.7"), "what inner hosts answer is nobody's business");
    }
    let braked = StoredDocument { retry_at: Some(NOW + Duration::SECOND), ..copy(Duration::HOUR) };
    for braked in [braked, StoredDocument::without_copy(url(), NOW + Duration::SECOND)] {
        let ctx = context(knowing(Some(braked), None), Host(Some((200, DOCUMENT))));
        let refused = find(&ctx, &url(), Asking::default()).await;
        assert_eq!(refused.unwrap_err().code, OAuthErrorCode::InvalidClient);
    }
}

#[tokio::test]
async fn a_document_that_could_not_be_fetched_just_now_is_not_asked_for_again_at_the_token_endpoint() {
    let failed = StoredDocument::without_copy(url(), NOW + Duration::SECOND);
    let refused =
        revalidate(&context(knowing(Some(failed), Some(app())), Host(Some((200, DOCUMENT)))), Some(URL)).await;
    let refused = refused.unwrap_err();
    assert_eq!((refused.code, refused.retry_after), (OAuthErrorCode::TemporarilyUnavailable, Some(DOCUMENT_WAIT)));
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let known = StoredDocument { etag: Some(ETAG.to_owned()), ..copy(Duration::DAY) };
    let mut repos = knowing(Some(known.clone()), None);
    let renewed = StoredDocument { fetched_at: NOW, fresh_until: NOW + Duration::minutes(10), ..known };
    repos.client_documents.expect_upsert().times(1).withf(move |_, copy| *copy == renewed).returning(|_, _| Ok(()));
    let ctx = context(repos, Host(Some((304, ""))));
    assert_eq!(&*find(&ctx, &url(), Asking::default()).await.unwrap().0.name, "App");
}

#[tokio::test]
async fn for_strangers_nobody_is_asked() {
    let ctx = context(knowing(Some(copy(Duration::ZERO)), None), Host(None));
    assert_eq!(&*find_fresh(&ctx, &url(), Asking::default()).await.unwrap().0.name, "App");
    for known in [None, Some(copy(Duration::HOUR)), Some(StoredDocument::without_copy(url(), NOW))] {
        let ctx = context(knowing(known, None), Host(Some((200, DOCUMENT))));
        assert_eq!(find_fresh(&ctx, &url(), Asking::default()).await.unwrap_err().code, OAuthErrorCode::InvalidClient);
    }
}

#[tokio::test]
async fn clients_with_grants_go_on_by_a_copy_of_this_week() {
    let ask = async |age: Duration| {
        let mut repos = knowing(Some(copy(age)), Some(app()));
        repos.client_documents.expect_note_failure().returning(|_, _| Ok(()));
        revalidate(&context(repos, Host(None)), Some(URL)).await.map_err(|error| error.code)
    };
    assert_eq!(ask(Duration::ZERO).await, Ok(()));
    assert_eq!(ask(Duration::days(6)).await, Ok(()));
    assert_eq!(ask(Duration::days(7)).await, Err(OAuthErrorCode::TemporarilyUnavailable));
}

#[tokio::test]
async fn at_the_token_endpoint_nobody_is_asked_for_a_client_without_an_app() {
    let refused = revalidate(&context(knowing(None, None), Host(None)), Some(URL)).await.unwrap_err();
    assert_eq!(refused.code, OAuthErrorCode::InvalidClient);
    let other = context(MockRepositories::default(), Host(None));
    for text in [None, Some("5b1f2a7e-0000-7000-8000-000000000000")] {
        assert!(revalidate(&other, text).await.is_ok(), "not of this kind");
    }
}

#[tokio::test]
async fn an_app_follows_its_document() {
    let old = App { name: "Old".to_owned(), redirect_uris: Vec::new(), ..app() };
    let mut repos = knowing(Some(copy(Duration::DAY)), Some(old));
    repos.client_documents.expect_upsert().times(1).returning(|_, _| Ok(()));
    let follows = |new: &App| new.name == "App" && new.redirect_uris.len() == 1;
    repos.apps.expect_update().times(1).withf(move |_, new| follows(new)).returning(|_, _| Ok(true));
    repos.audit.expect_insert().times(1).returning(|_, _| Ok(()));
    revalidate(&context(repos, Host(Some((200, DOCUMENT)))), Some(URL)).await.unwrap();
}

#[tokio::test]
async fn the_settings_say_which_hosts_are_taken() {
    let mut settings = settings();
    settings.oauth2.cimd.allow_hosts = vec!["*.example".parse().unwrap()];
    settings.oauth2.cimd.deny_hosts = vec!["bad.example".parse().unwrap()];
    let ctx = context_with(MockRepositories::default(), settings.clone());
    assert!(admit(&ctx, URL).is_ok());
    for text in ["https://bad.example/c", "https://app.test/c", "https://app.example/", "https://app.example/a/../c"] {
        assert_eq!(admit(&ctx, text).unwrap_err().code, OAuthErrorCode::InvalidClient, "{text}");
        assert!(revalidate(&ctx, Some(text)).await.is_err(), "{text}");
    }
    settings.oauth2.cimd.enabled = false;
    assert!(admit(&context_with(MockRepositories::default(), settings), URL).is_err());
}
