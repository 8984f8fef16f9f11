//! The site over mock repositories, for tests.

use crate::kit::settings::{
    CompatibilitySettings, CookieSettings, HttpSettings, RateLimitSettings, SecureCookies, ServerSettings,
};
use crate::kit::site::Site;
use crate::server::Application;
use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpResponse};
use doorward_domain::Instant;
use doorward_domain::ids::UserId;
use doorward_domain::keys::KeyRing;
use doorward_domain::sessions::ApiToken;
use doorward_domain::settings::Section as _;
use doorward_domain::users::User;
use doorward_ports::mocks::{FixedClock, MockRepositories, PlainHasher, SeededRandom, people};
use doorward_ports::sessions::KeyOwner;
use doorward_services::{Context, Essentials, Keys, Settings};
use doorward_testkit::settings::{Defaults, changed, defaults};
use std::pin::Pin;
use std::sync::Arc;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) const NOW: Instant = datetime!(2026-03-01 12:00 UTC);
pub(crate) const USER: UserId = UserId(Uuid::from_u128(0xB));
/// A token that [`signed_in`] knows.
pub(crate) const TOKEN: &str = "0123456789-abcdefghijABCDEFGHIJ01";

/// The settings with their defaults, for a browser that does without TLS.
pub(crate) fn settings() -> HttpSettings {
    HttpSettings {
        server: defaults(ServerSettings::NAME),
        rate_limit: defaults(RateLimitSettings::NAME),
        compatibility: defaults(CompatibilitySettings::NAME),
        cookies: changed(|cookies: &mut CookieSettings| cookies.secure_cookies = SecureCookies::Never),
        blocking_threads: 16,
        hsts: None,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        deployment_id: String::new(),
        gauges: Vec::new(),
        options: Vec::new(),
    }
}

pub(crate) fn context(mut repos: MockRepositories) -> Context {
    // Nobody has chosen how pages look, unless the test says so.
    repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
    // Nobody has a second factor, unless the test says so.
    repos.factors.expect_find_totp().returning(|_| Ok(None));
    repos.factors.expect_find_proof().returning(|_| Ok(None));
    Context::from(Essentials {
        store: repos.into_store().into(),
        clock: Arc::new(FixedClock::at(NOW)),
        random: Arc::new(SeededRandom::new(1)),
        passwords: Arc::new(PlainHasher),
        keys: Keys::fixed(KeyRing::single(&[7; 32])),
        settings: Settings::from_sections("https://door.example".parse().unwrap(), &Defaults),
    })
}

pub(crate) fn site() -> Site {
    Site::new(context(MockRepositories::default()), settings(), crate::openapi_json).unwrap()
}

pub(crate) fn user(roles: &[&str]) -> User {
    User { name: "Ann".parse().unwrap(), roles: roles.iter().copied().collect(), ..people::user(USER, "ann", NOW) }
}

/// Repositories that know [`TOKEN`] as a session of a user with these site roles.
pub(crate) fn signed_in(roles: &[&str]) -> MockRepositories {
    let token = ApiToken::parse(TOKEN).unwrap();
    let owner = KeyOwner {
        app: None,
        key: people::session(USER, &token, NOW),
        user: user(roles),
        memberships: Vec::new(),
        default_roles: Vec::new(),
        groups: Vec::new(),
    };
    let mut repos = MockRepositories::default();
    repos.api_keys.expect_find_owner().returning(move |id| Ok((*id == owner.key.id).then(|| owner.clone())));
    let found = user(roles);
    repos.users.expect_find().returning(move |id| Ok((id == USER).then(|| found.clone())));
    repos.organizations.expect_list_memberships().returning(|_| Ok(Vec::new()));
    repos
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

/// Sends requests, one after the other, to one site.
pub(crate) async fn send_all(
    settings: HttpSettings,
    repos: MockRepositories,
    requests: Vec<TestRequest>,
) -> Vec<Answer> {
    send_to(settings, context(repos), requests).await
}

/// Sends one request to a site with this access URL.
pub(crate) async fn send_at(access_url: &str, repos: MockRepositories, request: TestRequest) -> Answer {
    send_to(settings(), at(access_url, context(repos)), vec![request]).await.remove(0)
}

/// The context of a site with this access URL.
pub(crate) fn at(access_url: &str, context: Context) -> Context {
    let settings = Settings { access_url: access_url.parse().unwrap(), ..Settings::clone(&context.settings) };
    Context { settings: Arc::new(settings), ..context }
}

async fn send_to(settings: HttpSettings, context: Context, requests: Vec<TestRequest>) -> Vec<Answer> {
    let application = Application::new(settings, context).unwrap();
    let app = init_service(App::new().configure(|config| application.configure(config))).await;
    let mut answers = Vec::new();
    for request in requests {
        let (_, response) = call_service(&app, request.to_request()).await.into_parts();
        let (status, headers) = (response.status(), response.headers().clone());
        answers.push(Answer { status, headers, body: body_of(response.map_into_boxed_body()).await });
    }
    answers
}

pub(crate) async fn send_with(settings: HttpSettings, repos: MockRepositories, request: TestRequest) -> Answer {
    send_all(settings, repos, vec![request]).await.remove(0)
}

/// Boxed, for the mocks of all repositories are large.
pub(crate) fn send(repos: MockRepositories, request: TestRequest) -> Pin<Box<dyn Future<Output = Answer>>> {
    Box::pin(send_with(settings(), repos, request))
}

pub(crate) async fn body_of(response: HttpResponse) -> String {
    String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap()
}

/// A request with the session in the header.
pub(crate) fn as_user(request: TestRequest) -> TestRequest {
    request.insert_header(("Coder-Session-Token", TOKEN))
}

/// A request with the session in the cookie.
pub(crate) fn in_browser(request: TestRequest) -> TestRequest {
    request.insert_header(("Cookie", format!("coder_session_token={TOKEN}")))
}
