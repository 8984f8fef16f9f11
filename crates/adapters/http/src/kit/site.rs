//! What all requests share.

use crate::kit::closing::Closing;
use crate::kit::json;
use crate::kit::limits::RateLimit;
use crate::kit::metrics::Metrics;
use crate::kit::places::Places;
use crate::kit::rates::Rates;
use crate::kit::readiness::Readiness;
use crate::kit::settings::HttpSettings;
use actix_web::web::Bytes;
use doorward_domain::wire;
use doorward_services::Context;
use doorward_services::oauth2::registration::RegistrationMode;
use doorward_services::oauth2::{metadata, provider};
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Most files that are uploaded, or packed anew, at once. Each holds a mebibyte or two in memory.
const UPLOADS: usize = 32;
/// Most of these of one user: whoever sends slowly keeps a place for long.
const UPLOADS_OF_USER: usize = 8;
/// Most exports of the audit log at once. Each has a page of it in memory.
const EXPORTS: usize = 32;
/// Most of these of one user.
const EXPORTS_OF_USER: usize = 4;
/// Most logs that are followed at once.
const FOLLOWERS: usize = 1000;
/// Most logs that one user follows at once: a program may build many workspaces.
const FOLLOWED_MAX: usize = 100;

/// Most connections over which people watch their inboxes.
const WATCHERS_MAX: usize = 2000;
/// Most connections over which one user does: pages in as many windows.
const WATCHED_MAX: usize = 20;

/// Most provisioner daemons that one user has connected with sessions.
const OWN_DAEMONS_MAX: usize = 20;

/// For so long it is remembered whether clients may register themselves.
const FRESH: Duration = Duration::from_secs(2);

/// The running site: settings, limits, and documents that never change.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) context: Context,
    pub(crate) settings: HttpSettings,
    /// For each endpoint of the API.
    pub(crate) api_limit: Option<Arc<RateLimit>>,
    /// For each endpoint where passwords are checked, and for all OAuth2 endpoints together.
    pub(crate) login_limit: Option<Arc<RateLimit>>,
    /// That of downloads of files.
    pub(crate) files_limit: Option<Arc<RateLimit>>,
    pub(crate) metrics: Metrics,
    /// What has happened in the last hour.
    pub(crate) rates: Rates,
    /// What clients are told is the version of the server: `v2.24.4+doorward.0.1.0`.
    pub(crate) build_version: String,
    /// Whether cookies are only sent over TLS.
    pub(crate) secure_cookies: bool,
    pub(crate) readiness: Readiness,
    /// Places for provisioner daemons.
    pub(crate) daemons: Places,
    /// Those of them that daemons may have which users start with their sessions.
    pub(crate) own_daemons: Places,
    /// Places for those who upload files.
    pub(crate) uploads: Places,
    /// Places for those who export the audit log.
    pub(crate) exports: Places,
    /// Places for those who follow logs.
    pub(crate) followers: Places,
    /// Places for those who watch their inboxes.
    pub(crate) watchers: Places,
    /// When connections that would stay are to end.
    pub(crate) closing: Closing,
    /// RFC 8414.
    authorization_server: Bytes,
    /// The same while clients may register themselves.
    with_registration: Bytes,
    /// Whether they may, as this server has read it last, and when.
    registers: Mutex<Option<(bool, Instant)>>,
    /// RFC 9728, of the whole server.
    pub(crate) protected_resource: Bytes,
    /// Writes the OpenAPI document.
    write_openapi: fn() -> String,
    /// It, once somebody has asked for it.
    openapi: OnceLock<Bytes>,
}

impl Site {
    pub(crate) fn new(context: Context, settings: HttpSettings, write_openapi: fn() -> String) -> io::Result<Self> {
        let authorization_server = metadata::authorization_server(&context.settings);
        let with_registration = json::to_bytes(&authorization_server.clone().with_registration())?;
        let authorization_server = json::to_bytes(&authorization_server)?;
        let protected_resource = json::to_bytes(&metadata::protected_resource(&context.settings, ""))?;
        Ok(Self {
            api_limit: RateLimit::per_minute(settings.rate_limit.api).map(Arc::new),
            login_limit: RateLimit::per_minute(settings.rate_limit.login).map(Arc::new),
            files_limit: RateLimit::per_minute(settings.rate_limit.files).map(Arc::new),
            rates: Rates::default(),
            metrics: Metrics::new(&settings.version).map_err(io::Error::other)?,
            build_version: settings.compatibility.build_version(&settings.version),
            secure_cookies: settings.cookies.secure_cookies.apply_to(&context.settings.access_url),
            readiness: Readiness::default(),
            daemons: Places::new(context.settings.provisioners.connections_max),
            own_daemons: Places::shared(context.settings.provisioners.connections_max.div_ceil(2), OWN_DAEMONS_MAX),
            uploads: Places::shared(UPLOADS, UPLOADS_OF_USER),
            exports: Places::shared(EXPORTS, EXPORTS_OF_USER),
            followers: Places::shared(FOLLOWERS, FOLLOWED_MAX),
            watchers: Places::shared(WATCHERS_MAX, WATCHED_MAX),
            closing: Closing::default(),
            authorization_server: authorization_server.into(),
            with_registration: with_registration.into(),
            registers: Mutex::default(),
            protected_resource: protected_resource.into(),
            write_openapi,
            openapi: OnceLock::new(),
            context,
            settings,
        })
    }

    /// The metadata of the authorization server (RFC 8414). Another server may have switched registration a moment ago.
    pub(crate) async fn authorization_server(&self) -> &Bytes {
        if self.may_register().await { &self.with_registration } else { &self.authorization_server }
    }

    /// Whether clients may register themselves. What cannot be read is as it was.
    async fn may_register(&self) -> bool {
        let known = *self.registers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((registers, at)) = known
            && at.elapsed() < FRESH
        {
            return registers;
        }
        let registers = match provider::registration_mode(&self.context).await {
            Ok(mode) => mode != RegistrationMode::Off,
            Err(_) => match known {
                Some((registers, _)) => registers,
                None => self.context.settings.oauth2.registration.mode != RegistrationMode::Off,
            },
        };
        self.registration_is(registers);
        registers
    }

    /// Remembers whether clients may register themselves.
    pub(crate) fn registration_is(&self, on: bool) {
        *self.registers.lock().unwrap_or_else(PoisonError::into_inner) = Some((on, Instant::now()));
    }

    /// `WWW-Authenticate` of a request to this path without credential. It names the document of this very path, for a
    /// client believes no other (RFC 9728 3.3). The path of the access URL is inserted too, as RFC 9728 3.1 has it: an
    /// access URL may end with `/api`, and then no other form tells whose `/api` it is.
    pub(crate) fn challenge(&self, path: &str) -> String {
        const LONGEST: usize = 1024;
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&b);
        let is_named = path != "/" && path.len() <= LONGEST && path.bytes().all(is_plain);
        let (base, below) = if is_named { (self.base(), path) } else { ("", "") };
        format!(
            "Bearer realm=\"{}\", resource_metadata=\"{}/.well-known/oauth-protected-resource{base}{below}\"",
            wire::REALM,
            self.context.settings.issuer()
        )
    }

    /// The path of the access URL, without trailing slash: where a proxy that takes it off puts this server. Links and
    /// redirects of pages lead below it.
    pub(crate) fn base(&self) -> &str {
        self.context.settings.access_url.path().trim_end_matches('/')
    }

    /// The OpenAPI document.
    pub(crate) fn openapi(&self) -> Bytes {
        self.openapi.get_or_init(|| (self.write_openapi)().into()).clone()
    }
}
