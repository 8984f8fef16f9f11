//! Device authorization (RFC 8628): a device asks, and a person at a browser compares its code and decides (`oauth2.md` 14.8).

use super::authorize::may_decide;
use super::client::ClientAuthentication;
use super::client_assertions::{self, Place};
use super::device_tally::{DeviceEvent, DeviceTally};
use super::policy::{self, ClientPolicy};
use super::resources::{bind, parse_resource};
use super::scopes;
use super::shown_app::ShownApp;
use crate::audit::{Audited, Diff, Snapshot};
use crate::deed::Deed;
use crate::factors::signed_in_at;
use crate::keys::signing_ring;
use crate::openid::issue;
use crate::sessions::in_person::InPerson;
use crate::sessions::place_of;
use crate::sessions::revalidate::still_valid;
use crate::{Context, Error, OAuthError, Origin, Principal};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::oauth2::{
    App, Authorization, DEVICE_CODE_LIFETIME, DeviceAuthorization, DeviceDecision, OAuthErrorCode, OpaqueToken,
    POLL_INTERVAL, ResourceServer, Scopes, UserCode, are_other_networks,
};
use doorward_domain::roles::{Object, Permit, System, action, resource};
use doorward_domain::sessions::ThrottlePolicy;
use doorward_domain::{Digest, Instant, Secret};
use doorward_ports::Repositories;
use serde_json::Map;
use std::sync::Arc;
use time::Duration;
use uuid::Uuid;

/// Most device codes that are live at once.
const LIVE_MAX: u64 = 10_000;
/// Most of one app and one address on which nobody has decided.
const PENDING_MAX: u64 = 20;
/// Purpose of the keyed digest of user codes.
const USER_CODE: &str = "device-user-code";
/// Longest name of a device that is kept, in characters.
const USER_AGENT_MAX: usize = 256;

/// Wrong codes of one user: five are free.
const OF_USER: ThrottlePolicy = ThrottlePolicy::ACCOUNT;
/// Wrong codes from one address: twenty are free.
const OF_ADDRESS: ThrottlePolicy = ThrottlePolicy::ADDRESS;
/// What wrong codes in the whole deployment are counted under.
const ALL: &str = "device-all";
/// Wrong codes in the whole deployment: after a thousand that come without a pause of an hour, each costs a minute.
const OF_ALL: ThrottlePolicy =
    ThrottlePolicy { free: 1000, first_wait: Duration::MINUTE, longest_wait: Duration::MINUTE, memory: Duration::HOUR };

/// A request to the device authorization endpoint, as it was sent; empty values count as missing.
#[derive(Clone, Debug, Default)]
pub struct DeviceRequest {
    /// Who asks.
    pub client: ClientAuthentication,
    /// `scope`.
    pub scope: Option<String>,
    /// Every `resource`, in order.
    pub resources: Vec<String>,
    /// A parameter that may come once and came twice.
    pub repeated: Option<&'static str>,
}

/// What the device is told (RFC 8628 3.2).
#[derive(Clone, Debug)]
pub struct DeviceCodes {
    /// For the device.
    pub device_code: Secret<String>,
    /// For the person, as it is shown.
    pub user_code: UserCode,
    /// Whole seconds until both stop being good.
    pub expires_in: i64,
    /// Seconds between two questions.
    pub interval: i32,
}

/// What a person is to decide.
#[derive(Clone, Debug)]
pub struct AskedByDevice {
    /// The app in whose name the device asks.
    pub app: ShownApp,
    /// What it asks for.
    pub authorization: Authorization,
    /// The registered resource for which these scopes are.
    pub server: Option<Arc<ResourceServer>>,
    /// The code, as the device shows it.
    pub user_code: UserCode,
    /// Address of the device.
    pub ip: String,
    /// What the device calls itself.
    pub user_agent: String,
    /// When it asked.
    pub asked_at: Instant,
}

impl AskedByDevice {
    /// All scopes of which the page tells: those that are asked for, and those that stand for what the tokens of the resource say of the user.
    #[must_use]
    pub fn told(&self) -> Scopes {
        let asked = self.authorization.scopes.clone();
        match &self.server {
            Some(server) => server.with_told(asked),
            None => asked,
        }
    }
}

fn switched_off() -> OAuthError {
    OAuthError::new(OAuthErrorCode::UnauthorizedClient, "this app may not use the device grant")
}

/// Begins the device grant.
///
/// Needs no permission; a confidential client authenticates. Errors: `invalid_request`, `invalid_client`, `unauthorized_client` (the
/// app may not do this, or it is switched off), `invalid_scope` (also everything, unless the list of the app names it),
/// `invalid_target`, `temporarily_unavailable` (there are too many codes), `server_error`.
pub async fn begin(ctx: &Context, request: DeviceRequest, origin: Arc<Origin>) -> Result<DeviceCodes, OAuthError> {
    let client = client_assertions::present(ctx, &request.client, Place::Other).await?;
    let policy = policy::of_client(ctx).await?;
    let token = OpaqueToken::new(
        ctx.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed(),
        ctx.alphanumeric(OpaqueToken::SECRET_LEN),
    );
    let user_code = random_code(ctx);
    let (ring, now) = (ctx.keys.ring(), ctx.clock.now());
    let keyed = ring.forms().text(USER_CODE, &[user_code.letters().as_bytes()], now);
    let (digest, prefix) = (token.digest(), token.prefix().to_owned());
    let (keyed, in_store) = (Digest::of(keyed.expose()), ctx.clone());
    ctx.act(&Principal::anonymous(origin), move |deed| {
        let app = client.find_app(deed.repos)?;
        client.authenticate(&app, deed.repos, deed.now)?;
        if let Some(name) = request.repeated {
            return Err(OAuthError::new(OAuthErrorCode::InvalidRequest, format!("parameter given twice: {name}")));
        }
        if !(app.device_flow && in_store.settings.oauth2.device.enabled) {
            return Err(switched_off());
        }
        let asked = DeviceAuthorization {
            id: deed.new_id(),
            prefix: prefix.clone(),
            digest,
            user_code: keyed,
            app_id: app.id,
            authorization: authorization(&in_store, &policy, &app, &request)?,
            ip: deed.by.origin.ip.clone(),
            user_agent: deed.by.origin.user_agent.chars().take(USER_AGENT_MAX).collect(),
            created_at: deed.now,
            expires_at: deed.now + DEVICE_CODE_LIFETIME,
            interval: POLL_INTERVAL,
            polled_at: None,
            decision: DeviceDecision::Pending,
        };
        let live = deed.repos.device_authorizations().count_live(app.id, &asked.ip, deed.now)?;
        if live.all >= LIVE_MAX || live.pending >= PENDING_MAX {
            let told = OAuthError::too_many("too many device codes wait; try again");
            return Err(told.because(format!("{} live, {} of this app and address", live.all, live.pending)));
        }
        let permit = System::because("a client asks for a device").permit();
        deed.repos.device_authorizations().insert(&permit, &asked)?;
        let entry = deed.entry().of_user(None);
        let noted = entry.noted(AuditAction::DeviceAuthorizationStart, 200, &Device(&asked, &app), Diff::default())?;
        Ok(noted.answer(()))
    })
    .await?;
    ctx.devices.count(DeviceEvent::Started);
    Ok(DeviceCodes {
        device_code: token.to_wire(),
        user_code,
        expires_in: DEVICE_CODE_LIFETIME.whole_seconds(),
        interval: POLL_INTERVAL,
    })
}

fn random_code(ctx: &Context) -> UserCode {
    let mut bytes = [0; 32];
    loop {
        ctx.random.fill(&mut bytes);
        if let Some(code) = UserCode::of_random(&bytes) {
            return code;
        }
    }
}

/// As at the authorization endpoint, but that everything must be named by somebody: by the list of the app.
fn authorization(
    ctx: &Context,
    policy: &ClientPolicy,
    app: &App,
    request: &DeviceRequest,
) -> Result<Authorization, OAuthError> {
    let resource = bind(&ctx.settings, app, parse_resource(&request.resources)?.as_ref())?;
    let names = policy.names(&ctx.settings, resource.as_ref());
    let scopes = scopes::grant(names, app.allowed_scopes.as_ref(), request.scope.as_deref())?;
    if scopes.is_unrestricted() && app.allowed_scopes.is_none() {
        let text = "a device gets no access to everything: ask for the scopes that it needs";
        return Err(OAuthError::new(OAuthErrorCode::InvalidScope, text));
    }
    Ok(Authorization { scopes, resource })
}

/// Whether the session in use is too old to decide about devices: its user is to sign in again.
pub async fn must_sign_in_again(ctx: &Context, actor: &Principal) -> Result<bool, Error> {
    let signed_in = signed_in_at(ctx, actor).await?;
    Ok(signed_in.is_some_and(|at| at + ctx.settings.oauth2.device.max_auth_age.get() < ctx.clock.now()))
}

/// What the device with this code asks for; `None` when no device waits with it, for whatever reason.
///
/// Needs a person, who has signed in lately. Errors: `Refused` (a token of an app, or signed in too long ago), `TooManyAttempts`,
/// `Unauthenticated` (the key of the caller has just ended).
pub async fn look(ctx: &Context, actor: &Principal, code: &UserCode) -> Result<Option<AskedByDevice>, Error> {
    let attempt = Attempt::new(ctx, actor, code).await?;
    let (code, policy) = (code.clone(), policy::current(ctx).await?);
    ctx.act(actor, move |deed| {
        let Some((asked, app)) = attempt.find(deed)? else {
            return Ok(deed.unrecorded("a wrong code is counted", None));
        };
        let asked = AskedByDevice {
            app: ShownApp::look(deed.repos, &app)?,
            server: policy.resource(asked.authorization.resource.as_ref()).map(Arc::clone),
            authorization: asked.authorization,
            user_code: code,
            ip: asked.ip,
            user_agent: asked.user_agent,
            asked_at: asked.created_at,
        };
        Ok(deed.unrecorded("a look is not recorded", Some(asked)))
    })
    .await
}

/// The person lets the device act, or says that they did not start it. Answers the app; `None` when no device waits with this code.
///
/// Needs a person, who has signed in lately; to approve also `oauth2_app_code_token:create` on those of the caller, and a credential that
/// covers the scopes. Errors: as of [`look`], and `Forbidden`.
pub async fn decide(
    ctx: &Context,
    actor: &Principal,
    code: &UserCode,
    approves: bool,
) -> Result<Option<ShownApp>, Error> {
    let attempt = Attempt::new(ctx, actor, code).await?;
    let user_id = actor.account()?.user.id;
    let object = Object::of::<resource::Oauth2AppCodeToken>().owner(user_id.0);
    if approves {
        actor.subject.check(doorward_domain::roles::Action::Create, &object)?;
    }
    if approves && ctx.settings.oidc.enabled {
        // Before a device is promised a token.
        signing_ring(ctx).await?;
    }
    let policy = policy::current(ctx).await?;
    let (actor_key, in_store, sid) = (actor.clone(), ctx.clone(), ctx.random.id::<Uuid>(ctx.clock.now()));
    let decided = ctx.act(actor, move |deed| {
        // The key may have been ended since the request came in; then nothing may come of it.
        still_valid(deed.repos, deed.by)?;
        let Some((asked, app)) = attempt.find(deed)? else {
            return Ok(deed.unrecorded("a wrong code is counted", None));
        };
        let (decision, action) = if approves {
            may_decide(&actor_key, &asked.authorization.scopes)?;
            let server = policy.resource(asked.authorization.resource.as_ref());
            if let Some(server) = server.filter(|server| !server.rules.min_acr.is_empty()) {
                let began = deed.repos.federated_sessions().find(&deed.by.account()?.key.id)?;
                if !server.rules.takes_acr(issue::acr(began.as_ref().map(|(session, _)| session.acr.as_str()))) {
                    return Err(Error::Refused(
                        "The service that the device wants to use asks for a stronger sign-in than yours.".to_owned(),
                    ));
                }
            }
            (DeviceDecision::Approved(user_id), AuditAction::DeviceAuthorizationApprove)
        } else {
            (DeviceDecision::Denied, AuditAction::DeviceAuthorizationDeny)
        };
        let permit: Permit<action::Update, resource::Oauth2AppCodeToken> =
            System::because("a person has compared the codes and decided").permit();
        if !deed.repos.device_authorizations().decide(&permit, asked.id, decision, deed.now)? {
            return Ok(deed.unrecorded("somebody else has decided", None));
        }
        if approves && issue::is_asked_for(&in_store.settings, &asked.authorization.scopes) {
            issue::note_device(deed.repos, asked.id, &deed.by.account()?.key, sid)?;
        }
        let noted = deed.entry().noted(action, 200, &Device(&asked, &app), Diff::default())?;
        let shown = ShownApp::look(deed.repos, &app)?;
        Ok(noted.answer(Some((shown, asked.ip))))
    });
    let Some((app, ip)): Option<(ShownApp, String)> = decided.await? else { return Ok(None) };
    ctx.devices.count(if approves { DeviceEvent::Approved } else { DeviceEvent::Denied });
    if approves && are_other_networks(&ip, &actor.origin.ip) {
        ctx.devices.count(DeviceEvent::ApprovedElsewhere);
    }
    Ok(Some(app))
}

/// Somebody enters a code. Wrong ones are counted by user, by address and in all.
#[derive(Clone)]
struct Attempt {
    counted: Vec<(String, ThrottlePolicy)>,
    /// Of the code, under each key of the server.
    digests: Vec<Digest>,
    is_on: bool,
    tally: DeviceTally,
}

impl Attempt {
    async fn new(ctx: &Context, actor: &Principal, code: &UserCode) -> Result<Self, Error> {
        actor.in_person(InPerson::AllowApp)?;
        if must_sign_in_again(ctx, actor).await? {
            return Err(Error::Refused(
                "You signed in too long ago to decide about devices. Sign in again.".to_owned(),
            ));
        }
        let user = actor.account()?.user.id;
        let mut counted = vec![(ALL.to_owned(), OF_ALL), (format!("device-user:{user}"), OF_USER)];
        counted.extend(place_of(&actor.origin.ip).map(|place| (format!("device-address:{place}"), OF_ADDRESS)));
        let ring = ctx.keys.ring();
        let keyed = |id| ring.forms().text_of(id, USER_CODE, &[code.letters().as_bytes()]);
        let digests = ring.forms().ids().filter_map(keyed).map(|text| Digest::of(text.expose())).collect();
        Ok(Self { counted, digests, is_on: ctx.settings.oauth2.device.enabled, tally: ctx.devices.clone() })
    }

    /// What waits for a decision with this code, and its app. A wrong code is counted, which stays.
    fn find(&self, deed: &mut Deed<'_>) -> Result<Option<(DeviceAuthorization, App)>, Error> {
        let names: Vec<String> = self.counted.iter().map(|(name, _)| name.clone()).collect();
        let known = deed.repos.throttles().find(&names)?;
        let waits = known.iter().zip(&self.counted).map(|(throttle, (_, policy))| throttle.wait(*policy, deed.now));
        let waits: Vec<Duration> = waits.collect();
        let retry_after = waits.iter().copied().max().unwrap_or(Duration::ZERO);
        if retry_after.is_positive() {
            if waits.first().is_some_and(|of_all| of_all.is_positive()) {
                self.tally.count(DeviceEvent::Paused);
            }
            return Err(Error::TooManyAttempts { retry_after });
        }
        let found = self.open(deed.repos, deed.now)?;
        if found.is_none() {
            let permit = System::because("a wrong code of a device is remembered").permit();
            deed.repos.throttles().record_failure(&permit, &self.counted, deed.now)?;
            self.tally.count(DeviceEvent::WrongCode);
        }
        Ok(found)
    }

    fn open(&self, repos: &mut dyn Repositories, now: Instant) -> Result<Option<(DeviceAuthorization, App)>, Error> {
        let asked = repos.device_authorizations().find_by_user_code(&self.digests)?;
        let Some(asked) = asked.filter(|asked| self.is_on && asked.is_open(now)) else { return Ok(None) };
        let app = repos.apps().find(asked.app_id)?.filter(|app| app.device_flow);
        Ok(app.map(|app| (asked, app)))
    }
}

/// What a device asks for, for the audit log: with the address of the device, besides that of whoever acts.
struct Device<'a>(&'a DeviceAuthorization, &'a App);

impl Audited for Device<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::Oauth2ProviderGrant
    }

    fn id(&self) -> String {
        self.0.id.to_string()
    }

    fn target(&self) -> String {
        self.1.name.clone()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
    }

    fn about(&self) -> Map<String, serde_json::Value> {
        let Self(asked, app) = self;
        Map::from_iter([
            ("app_id".to_owned(), app.id.to_string().into()),
            ("scopes".to_owned(), asked.authorization.scopes.to_names().into()),
            ("device_ip".to_owned(), asked.ip.as_str().into()),
            ("device_user_agent".to_owned(), asked.user_agent.as_str().into()),
        ])
    }
}
