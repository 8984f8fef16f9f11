//! A client registers itself.

use super::document::{Checked, check};
use super::{ClientMetadata, RegistrationError, RegistrationMode, RegistrationSettings, SentMetadata, logos, tokens};
use crate::deed::{Deed, Done};
use crate::oauth2::policy::{self, ClientPolicy};
use crate::oauth2::provider::registration_mode;
use crate::oauth2::secrets;
use crate::{Context, OAuthError, Origin, Principal};
use doorward_domain::oauth2::{
    App, ClientType, NEW_PER_ADDRESS, RedirectMatch, RegisteredClient, RegistrationLimits, RegistrationToken,
};
use doorward_domain::openid::AppRules;
use doorward_domain::roles::{System, action, resource};
use doorward_domain::{Digest, Instant, Secret};
use std::sync::Arc;
use time::Duration;

/// Clients are counted over this time.
const WINDOW: Duration = Duration::HOUR;
/// For so long a client that nobody has used keeps its place when there are too many.
const KEPT_FOR: Duration = Duration::HOUR;

/// A registration, with what is shown this once.
#[derive(Debug)]
pub struct Registered {
    /// The app of the client.
    pub app: App,
    /// What it says of itself.
    pub metadata: ClientMetadata,
    /// When the client was registered first.
    pub issued_at: Instant,
    /// By what this registration is managed.
    pub token: Secret<String>,
    /// The secret of a confidential client.
    pub secret: Option<Secret<String>>,
    /// Whether the client was not there before.
    pub is_new: bool,
}

/// Registers a client (RFC 7591 3.1). A public one with the same metadata as one that was registered within a day is that one.
///
/// Needs no permission: the settings say whether clients register themselves, and whether they need a token. A token that is presented
/// must be good, and lifts the limits. Errors: `Off`, `Unauthorized`, `Metadata`, `TooMany`, `Failed`.
pub async fn register(
    ctx: &Context,
    origin: &Arc<Origin>,
    token: Option<&str>,
    sent: SentMetadata,
) -> Result<Registered, RegistrationError> {
    match (registration_mode(ctx).await?, token) {
        (RegistrationMode::Off, _) => return Err(RegistrationError::Off),
        (RegistrationMode::Token, None) => {
            return Err(RegistrationError::Unauthorized("an initial access token is needed"));
        }
        (RegistrationMode::Open, _) | (RegistrationMode::Token, Some(_)) => {}
    }
    let by_token = token.map(str::to_owned);
    let settings = ctx.settings.oauth2.registration.clone();
    let limits = match token {
        Some(token) => tokens::limits(ctx, token).await?,
        None => RegistrationLimits::default(),
    };
    let checked = check(&ctx.settings, sent, &limits)?;
    check_blocked(&*policy::of_client(ctx).await?, &checked)?;
    let address = origin.ip.clone();
    let caller = Principal::anonymous(Arc::clone(origin));
    let made = ctx.act(&caller, move |deed| {
        if let Some(presented) = &by_token {
            tokens::use_up(deed, presented)?;
        }
        let mut random = [0; 32];
        deed.random().fill(&mut random);
        let token = RegistrationToken::new(&random);
        if is_shared(checked.client_type)
            && let Some(known) = deed.repos.registrations().find_by_identity_for_update(&checked.identity)?
        {
            if known.is_current(deed.now) {
                return join(deed, known, checked, &token);
            }
            // It stays what it is to those who have it.
            let permit = System::because("another client comes in its place").permit();
            let former = RegisteredClient { identity: None, ..known };
            deed.repos.registrations().update(&permit, &former)?;
        }
        deed.repos.registrations().wait_for_turn()?;
        if by_token.is_none() {
            make_room(deed, &settings, &address)?;
        }
        add(deed, checked, (address, limits), &token)
    });
    let made = made.await?;
    // One that is there already has the logo that it named first.
    if made.is_new {
        logos::keep(ctx, made.app.id, made.metadata.logo_uri.as_deref()).await;
    }
    Ok(made)
}

/// Whether the same metadata is of the same client. One with a secret is always a new one: with a second secret, a stranger could act as
/// it. Keys are part of the metadata.
fn is_shared(client_type: ClientType) -> bool {
    client_type != ClientType::Confidential
}

/// One more registration of a client that is there.
fn join(
    deed: &mut Deed<'_>,
    known: RegisteredClient,
    checked: Checked,
    token: &RegistrationToken,
) -> Result<Done<Registered>, RegistrationError> {
    let permit = System::because("a client registers itself").permit::<action::Update, resource::Oauth2App>();
    let gone = || OAuthError::internal("a registered client has no app");
    let app = deed.repos.apps().find(known.app_id)?.ok_or_else(gone)?;
    let client = RegisteredClient { shared: true, matched_at: deed.now, ..known };
    deed.repos.registrations().update(&permit, &client)?;
    deed.repos.registrations().insert_token(&permit, client.app_id, &token.digest(), deed.now)?;
    let relying_party = ClientMetadata::read(&client.metadata)?.relying_party;
    let registered = Registered {
        app,
        metadata: ClientMetadata { relying_party, ..checked.metadata },
        issued_at: client.created_at,
        token: token.to_wire(),
        secret: None,
        is_new: false,
    };
    Ok(deed.unrecorded("the client is there already", registered))
}

/// Refuses a client that is one too many, or lets one go that nobody has used.
fn make_room(deed: &mut Deed<'_>, settings: &RegistrationSettings, address: &str) -> Result<(), RegistrationError> {
    let (new, here) = deed.repos.registrations().count_new(deed.now - WINDOW, address)?;
    let most = usize::try_from(settings.max_new_per_hour).unwrap_or(usize::MAX);
    if new >= most || here >= NEW_PER_ADDRESS {
        return Err(RegistrationError::TooMany { retry_after: WINDOW / 12 });
    }
    let most = usize::try_from(settings.max_idle_clients).unwrap_or(usize::MAX);
    if deed.repos.registrations().count_idle(deed.now, most)? < most {
        return Ok(());
    }
    let oldest = deed.repos.registrations().find_replaceable(deed.now - KEPT_FOR, deed.now)?;
    let Some(oldest) = oldest else { return Err(RegistrationError::TooMany { retry_after: WINDOW / 12 }) };
    let permit = System::because("a client that nobody has used makes room for another one").permit();
    deed.repos.apps().delete(&permit, oldest)?;
    Ok(())
}

/// Refuses redirect URIs that owners have blocked.
pub(super) fn check_blocked(policy: &ClientPolicy, checked: &Checked) -> Result<(), RegistrationError> {
    policy.blocked_among(&checked.redirect_uris).map_or(Ok(()), |uri| {
        let text = format!("redirect_uris: an administrator of this server has blocked {}", uri.as_str());
        Err(RegistrationError::Metadata(text))
    })
}

fn add(
    deed: &mut Deed<'_>,
    checked: Checked,
    (address, limits): (String, RegistrationLimits),
    token: &RegistrationToken,
) -> Result<Done<Registered>, RegistrationError> {
    let permit = System::because("a client registers itself").permit::<action::Create, resource::Oauth2App>();
    let has_secret = !is_shared(checked.client_type);
    let app = App {
        id: deed.new_id(),
        name: checked.metadata.client_name.clone(),
        icon: String::new(),
        redirect_uris: checked.redirect_uris,
        redirect_match: RedirectMatch::Exact,
        client_type: checked.client_type,
        require_pkce: true,
        device_flow: false,
        rules: checked.client_rules,
        refresh_tokens: checked.refresh_tokens,
        allowed_scopes: checked.allowed_scopes,
        allowed_resources: None,
        resources: Vec::new(),
        service_account_id: None,
        created_at: deed.now,
        updated_at: deed.now,
        revision: 0,
    };
    let client = RegisteredClient {
        app_id: app.id,
        identity: (!has_secret).then_some(checked.identity),
        shared: false,
        adopted: false,
        metadata: checked.metadata.to_document()?,
        created_from: address,
        created_at: deed.now,
        matched_at: deed.now,
        granted_at: None,
        limits,
    };
    deed.repos.apps().insert(&permit, &app)?;
    deed.repos.registrations().insert(&permit, &client)?;
    if checked.rules != AppRules::default() {
        let permit = System::because("a client registers itself").permit();
        deed.repos.openid().update_rules(&permit, app.id, &checked.rules)?;
    }
    let for_token = System::because("a client registers itself").permit();
    deed.repos.registrations().insert_token(&for_token, app.id, &token.digest(), deed.now)?;
    let secret = if has_secret { Some(add_secret(deed, &app)?) } else { None };
    let recorded = deed.made(&app)?;
    Ok(recorded.answer(Registered {
        issued_at: app.created_at,
        app,
        metadata: checked.metadata,
        token: token.to_wire(),
        secret,
        is_new: true,
    }))
}

fn add_secret(deed: &mut Deed<'_>, app: &App) -> Result<Secret<String>, RegistrationError> {
    let permit = System::because("a client registers itself").permit();
    Ok(secrets::insert(deed, &permit, app.id)?.1)
}

/// The digest of a presented registration token.
pub(super) fn presented(text: Option<&str>) -> Result<Digest, RegistrationError> {
    let text = text.ok_or(RegistrationError::Unauthorized("the registration access token is missing"))?;
    RegistrationToken::read(text).ok_or(RegistrationError::Unauthorized("the registration access token is not good"))
}
