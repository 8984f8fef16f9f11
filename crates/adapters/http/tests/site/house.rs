//! A site of one's own for each test.

use actix_http::Request;
use actix_web::body::{BoxBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::{Method, StatusCode, header::HeaderMap};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error};
use doorward_domain::Instant;
use doorward_domain::ids::ReplicaId;
use doorward_domain::settings::{Section as _, Span};
use doorward_http::{
    Application, CompatibilitySettings, CookieSettings, HttpSettings, RateLimitSettings, SecureCookies, ServerSettings,
    SettingOption, SettingSource,
};
use doorward_ports::mocks::{FixedClock, PlainHasher, PlainSealer, SeededRandom};
use doorward_ports::{Sealer, Store};
use doorward_services::identity_providers::Upstreams;
use doorward_services::notifications::Outlets;
use doorward_services::workspace_proxies::ProxyHealth;
use doorward_services::{Context, Licensing, ServerIdentity, Settings, SubjectCache, entitlements, maintenance};
use doorward_testkit::postgres::{self, Database};
use doorward_testkit::settings::{Defaults, changed, defaults};
use serde_json::{Value, json};
use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) const NOW: Instant = datetime!(2026-03-01 12:00 UTC);
pub(crate) const PASSWORD: &str = "SomeSecurePassword!";
pub(crate) const ISSUER: &str = "https://door.example";

/// A running site with its own database.
pub(crate) struct House<S> {
    app: S,
    pub(crate) clock: Arc<FixedClock>,
    /// For what only the server itself knows.
    pub(crate) context: Context,
    /// What no request can do yet.
    pub(crate) store: Store,
    /// The database, deleted with the house.
    _database: Box<dyn Any>,
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

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{} {error}: {:?}", self.status, self.body))
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// A member of the query of the redirect.
    pub(crate) fn redirected_with(&self, name: &str) -> Option<String> {
        let (_, query) = self.header("location").split_once('?')?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// Cookies of the answer, for the next request.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let set = self.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
        set.map(|cookie| cookie.split(';').next().unwrap().to_owned()).collect()
    }
}

/// A fresh site. Nobody is there yet.
pub(crate) async fn house() -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    house_at(&url, Box::new(folder)).await
}

/// A fresh site with limits on requests.
pub(crate) async fn house_with_limits(
    api: i64,
    login: i64,
) -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    house_of(&url, Box::new(folder), (api, login), (Upstreams::default(), Outlets::default()), usual()).await
}

/// A fresh site with identity providers, and settings that differ from the usual ones.
pub(crate) async fn house_beside(
    upstreams: Upstreams,
    change: impl FnOnce(&mut Settings),
) -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let mut settings = usual();
    change(&mut settings);
    house_of(&url, Box::new(folder), (0, 0), (upstreams, Outlets::default()), settings).await
}

/// A fresh site from which mail goes out, with settings that differ from the usual ones.
pub(crate) async fn house_with_outlets(
    outlets: Outlets,
    upstreams: Upstreams,
    change: impl FnOnce(&mut Settings),
) -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let mut settings = usual();
    change(&mut settings);
    house_of(&url, Box::new(folder), (0, 0), (upstreams, outlets), settings).await
}

/// A fresh site over an empty database, which is kept as long as the site.
pub(crate) async fn house_at(
    url: &str,
    database: Box<dyn Any>,
) -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + use<>> {
    house_of(url, database, (0, 0), (Upstreams::default(), Outlets::default()), usual()).await
}

fn usual() -> Settings {
    Settings::from_sections(ISSUER.parse().unwrap(), &Defaults)
}

/// A fresh site with other settings than the usual ones.
pub(crate) async fn house_with(
    change: impl FnOnce(&mut Settings),
) -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> {
    house_beside(Upstreams::default(), change).await
}

/// A fresh site on PostgreSQL with settings that differ from the usual ones, and its database.
pub(crate) async fn house_on_postgres(
    change: impl FnOnce(&mut Settings),
) -> (House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>>, Rc<Database>) {
    let database = Rc::new(postgres::cluster().unwrap().fresh_database().unwrap());
    let url = database.url();
    let mut settings = usual();
    change(&mut settings);
    let kept = Box::new(Rc::clone(&database));
    (house_of(&url, kept, (0, 0), (Upstreams::default(), Outlets::default()), settings).await, database)
}

async fn house_of(
    url: &str,
    database: Box<dyn Any>,
    (api, login): (i64, i64),
    (upstreams, outlets): (Upstreams, Outlets),
    settings: Settings,
) -> House<impl Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + use<>> {
    // Without optimization, on a busy machine, a statement about 50,000 rows takes its time.
    let options =
        doorward_storage::Options { deadline: Span::seconds(600), ..defaults(doorward_storage::Options::NAME) };
    let opened = doorward_storage::open(url, &options).unwrap();
    let clock = Arc::new(FixedClock::at(NOW));
    let random = Arc::new(SeededRandom::new(7));
    let sealer: Arc<dyn Sealer> = Arc::new(PlainSealer);
    let bootstrap = maintenance::bootstrap(&opened.store, &*clock, &*random, &sealer, opened.changes()).await.unwrap();
    bootstrap.keys.mint_by(Arc::new(doorward_crypto::RingMint));
    let licensing = Licensing::new(&settings.licensing, bootstrap.deployment_id, opened.changes()).unwrap();
    let context = Context {
        licensing,
        store: opened.store.clone().into(),
        clock: Arc::<FixedClock>::clone(&clock),
        random,
        passwords: Arc::new(PlainHasher),
        keys: bootstrap.keys,
        settings: Arc::new(settings),
        cache: SubjectCache::off(),
        bus: doorward_ports::Bus::default(),
        upstreams,
        server: Arc::new(ServerIdentity {
            deployment_id: bootstrap.deployment_id,
            replica_id: ReplicaId(Uuid::from_u128(0x5e)),
            hostname: "house".to_owned(),
            version: "v2.24.4".to_owned(),
        }),
        outlets,
        proxy_health: ProxyHealth::default(),
        looks: doorward_services::appearance::Looks::default(),
        policies: doorward_services::oauth2::Policies::new(opened.changes()),
        devices: doorward_services::oauth2::DeviceTally::default(),
        proofs: doorward_services::oauth2::ProofMemory::default(),
        job_waiters: doorward_services::provisioner_jobs::JobWaiters::default(),
    };
    entitlements::reload(&context).await.unwrap();
    let kept = context.clone();
    let application = Application::new(http_settings((api, login)), context).unwrap();
    let app = init_service(App::new().configure(|config| application.configure(config))).await;
    House { app, clock, store: opened.store, context: kept, _database: database }
}

/// The settings of a site with these limits on requests.
pub(crate) fn http_settings((api, login): (i64, i64)) -> HttpSettings {
    let mut rate_limit: RateLimitSettings = defaults(RateLimitSettings::NAME);
    (rate_limit.api, rate_limit.login) = (api, login);
    HttpSettings {
        server: defaults(ServerSettings::NAME),
        rate_limit,
        compatibility: defaults(CompatibilitySettings::NAME),
        cookies: changed(|cookies: &mut CookieSettings| cookies.secure_cookies = SecureCookies::Never),
        blocking_threads: 16,
        hsts: None,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        deployment_id: String::new(),
        gauges: Vec::new(),
        options: vec![SettingOption {
            name: "scim.key".to_owned(),
            description: "A key.".to_owned(),
            flag: "",
            env: "DOORWARD__SCIM__KEY".to_owned(),
            yaml: "scim.key".to_owned(),
            default: "".into(),
            value: "".into(),
            hidden: false,
            source: SettingSource::Environment,
        }],
    }
}

impl<S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>> House<S> {
    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        let (_, response) = call_service(&self.app, request.to_request()).await.into_parts();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap();
        Answer { status, headers, body }
    }

    /// A request whose answer is no text.
    pub(crate) async fn bytes(&self, request: TestRequest) -> (StatusCode, HeaderMap, Vec<u8>) {
        let (_, response) = call_service(&self.app, request.to_request()).await.into_parts();
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, to_bytes(response.into_body()).await.unwrap().to_vec())
    }

    /// A request to the API with this token; no token when it is empty.
    pub(crate) async fn api(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        let peer = "127.0.0.1:1".parse().unwrap();
        let mut request = TestRequest::with_uri(&format!("/api/v2{path}")).method(method).peer_addr(peer);
        request = request.insert_header(("Doorward-Setup-Token", self.setup_token()));
        if !token.is_empty() {
            request = request.insert_header(("Coder-Session-Token", token));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(request.set_payload(body)).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.api(Method::GET, path, token, Value::Null).await
    }

    /// The token of the set-up link, which is needed everywhere, for the access URL leads elsewhere.
    pub(crate) fn setup_token(&self) -> String {
        doorward_services::users::setup_token(&self.context).into_exposed()
    }

    /// Sets the site up and signs the owner in.
    pub(crate) async fn owner(&self) -> String {
        let first = json!({ "email": "ann@example.com", "username": "ann", "password": PASSWORD });
        self.api(Method::POST, "/users/first", "", first).await.expect(201);
        self.login("ann@example.com").await
    }

    pub(crate) async fn login(&self, email: &str) -> String {
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = self.api(Method::POST, "/users/login", "", body).await.expect(201);
        answer.json()["session_token"].as_str().unwrap().to_owned()
    }

    /// Adds a member and signs in as them.
    pub(crate) async fn member(&self, owner: &str, name: &str) -> String {
        let organizations = self.get("/users/me/organizations", owner).await.json();
        let email = format!("{name}@example.com");
        let user = json!({
            "email": email, "username": name, "password": PASSWORD, "organization_ids": [organizations[0]["id"]],
        });
        self.api(Method::POST, "/users", owner, user).await.expect(201);
        self.login(&email).await
    }

    pub(crate) async fn form(&self, path: &str, authorization: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = TestRequest::post().uri(path).set_payload(body);
        if !authorization.is_empty() {
            request = request.insert_header(("Authorization", authorization));
        }
        self.send(request).await
    }
}
