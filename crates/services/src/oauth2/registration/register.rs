//! A client registers itself.

use super::document::{Checked, check};
use super::{ClientMetadata, RegistrationError, RegistrationMode, RegistrationSettings, SentMetadata};
use crate::deed::{Deed, Done};
use crate::oauth2::block_list;
use crate::oauth2::provider::registration_mode;
use crate::{Context, OAuthError, Origin, Principal};
use doorward_domain::oauth2::{
    App, AppSecret, ClientType, NEW_PER_ADDRESS, OpaqueToken, RedirectMatch, RegisteredClient, RegistrationToken,
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
}

/// Registers a client (RFC 7591 3.1). A public one with the same metadata as one that was registered within a day is that one.
///
/// Needs no permission: the settings say whether clients register themselves. Errors: `Off`, `Metadata`, `TooMany`, `Failed`.
pub async fn register(
    ctx: &Context,
    origin: &Arc<Origin>,
    sent: SentMetadata,
) -> Result<Registered, RegistrationError> {
    if registration_mode(ctx).await? == RegistrationMode::Off {
        return Err(RegistrationError::Off);
    }
    let settings = ctx.settings.oauth2.registration.clone();
    let checked = check(&ctx.settings, sent)?;
    let address = origin.ip.clone();
    let caller = Principal::anonymous(Arc::clone(origin));
    ctx.act(&caller, move |deed| {
        let blocked = block_list::load(deed.repos)?;
        if let Some(uri) = checked.redirect_uris.iter().find(|uri| blocked.blocks_redirect(uri)) {
            let text = format!("redirect_uris: an administrator of this server has blocked {}", uri.as_str());
            return Err(RegistrationError::Metadata(text));
        }
        let mut random = [0; 32];
        deed.random().fill(&mut random);
        let token = RegistrationToken::new(&random);
        if checked.auth_method.is_public()
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
        make_room(deed, &settings, &address)?;
        add(deed, checked, address, &token)
    })
    .await
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

fn add(
    deed: &mut Deed<'_>,
    checked: Checked,
    address: String,
    token: &RegistrationToken,
) -> Result<Done<Registered>, RegistrationError> {
    let permit = System::because("a client registers itself").permit::<action::Create, resource::Oauth2App>();
    let is_public = checked.auth_method.is_public();
    let app = App {
        id: deed.new_id(),
        name: checked.metadata.client_name.clone(),
        icon: String::new(),
        redirect_uris: checked.redirect_uris,
        redirect_match: RedirectMatch::Exact,
        client_type: if is_public { ClientType::Public } else { ClientType::Confidential },
        require_pkce: true,
        device_flow: false,
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
        identity: is_public.then_some(checked.identity),
        shared: false,
        adopted: false,
        metadata: checked.metadata.to_document()?,
        created_from: address,
        created_at: deed.now,
        matched_at: deed.now,
        granted_at: None,
    };
    deed.repos.apps().insert(&permit, &app)?;
    deed.repos.registrations().insert(&permit, &client)?;
    if checked.rules != AppRules::default() {
        let permit = System::because("a client registers itself").permit();
        deed.repos.openid().update_rules(&permit, app.id, &checked.rules)?;
    }
    let for_token = System::because("a client registers itself").permit();
    deed.repos.registrations().insert_token(&for_token, app.id, &token.digest(), deed.now)?;
    let secret = if is_public { None } else { Some(add_secret(deed, &app)?) };
    let recorded = deed.made(&app)?;
    Ok(recorded.answer(Registered {
        issued_at: app.created_at,
        app,
        metadata: checked.metadata,
        token: token.to_wire(),
        secret,
    }))
}

fn add_secret(deed: &mut Deed<'_>, app: &App) -> Result<Secret<String>, RegistrationError> {
    let permit = System::because("a client registers itself").permit();
    let random = deed.random();
    let prefix = random.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed();
    let token = OpaqueToken::new(prefix, random.alphanumeric(OpaqueToken::SECRET_LEN));
    let secret = AppSecret {
        id: deed.new_id(),
        app_id: app.id,
        prefix: token.prefix().to_owned(),
        digest: token.digest(),
        display_suffix: token.display_suffix(),
        created_at: deed.now,
        last_used_at: None,
    };
    deed.repos.apps().insert_secret(&permit, &secret)?;
    Ok(token.to_wire())
}

/// The digest of a presented registration token.
pub(super) fn presented(text: Option<&str>) -> Result<Digest, RegistrationError> {
    let text = text.ok_or(RegistrationError::Unauthorized("the registration access token is missing"))?;
    RegistrationToken::read(text).ok_or(RegistrationError::Unauthorized("the registration access token is not good"))
}
