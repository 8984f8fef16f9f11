//! Tokens by which clients may be registered: made, listed, revoked. Each is shown once, and kept as a digest.

use super::RegistrationError;
use super::settings::is_place;
use crate::audit::{Audited, Snapshot};
use crate::deed::Deed;
use crate::sessions::in_person::InPerson;
use crate::{Context, Error, FieldError, Principal, VALIDATION_FAILED};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::RegistrationTokenId;
use doorward_domain::names::hidden_in_name;
use doorward_domain::oauth2::{
    INITIAL_TOKENS_MAX, InitialAccessToken, LIMITS_MAX, OpaqueToken, RegistrationLimits, Scopes, TokenAuthMethod,
};
use doorward_domain::roles::{Action, Object, Permit, System, action, resource};
use doorward_domain::{Instant, Secret};
use doorward_ports::Repositories;
use time::Duration;

/// Longest name, in bytes.
const NAME_MAX: usize = 64;
/// Longest entry of a list of limits, in bytes.
const LIMIT_LEN: usize = 256;
/// How long a token may be good.
const LIFETIME_MAX: Duration = Duration::days(366);

/// What is asked of a new token.
#[derive(Clone, Debug)]
pub struct CreateInitialToken {
    /// What people call it.
    pub name: String,
    /// Until when it is good.
    pub expires_at: Option<Instant>,
    /// How many registrations it is good for; `None`: any number.
    pub max_uses: Option<i32>,
    /// What clients may be that are registered by it.
    pub limits: RegistrationLimits,
}

/// The tokens, in the order in which they were made.
///
/// Needs `oauth2_app:create`. Errors: `Forbidden`.
pub async fn list(ctx: &Context, actor: &Principal) -> Result<Vec<InitialAccessToken>, Error> {
    actor.subject.check(Action::Create, &Object::of::<resource::Oauth2App>())?;
    ctx.look(actor, |look| Ok(look.repos.initial_tokens().list()?)).await
}

/// Makes a token; this is the only time that it is seen.
///
/// Needs `oauth2_app:create`. Errors: `Forbidden`, `Refused` (asked by an app), `Invalid` (`name`, `expires_at`, `max_uses`, the limits), `Conflict` (too
/// many).
pub async fn create(
    ctx: &Context,
    actor: &Principal,
    command: CreateInitialToken,
) -> Result<(InitialAccessToken, Secret<String>), Error> {
    let permit = permit(actor)?;
    let (name, expires_at) = check(&command, ctx.clock.now())?;
    let limits = command.limits;
    ctx.act(actor, move |deed| {
        // So that they are counted right.
        deed.repos.registrations().wait_for_turn()?;
        if deed.repos.initial_tokens().list()?.len() >= INITIAL_TOKENS_MAX {
            return Err(Error::conflict(format!("There are at most {INITIAL_TOKENS_MAX} tokens. Revoke some first.")));
        }
        if let Some(id) = limits.organization_id
            && deed.repos.organizations().find(id)?.is_none()
        {
            let field = FieldError::new("organization_id", "there is no such organization");
            return Err(Error::invalid_fields(VALIDATION_FAILED, vec![field]));
        }
        let random = deed.random();
        let prefix = random.alphanumeric(OpaqueToken::PREFIX_LEN).into_exposed();
        let secret = OpaqueToken::new(prefix, random.alphanumeric(OpaqueToken::SECRET_LEN));
        let token = InitialAccessToken {
            id: deed.new_id(),
            name,
            prefix: secret.prefix().to_owned(),
            digest: secret.digest(),
            created_by: deed.by.user_id(),
            created_at: deed.now,
            expires_at,
            max_uses: command.max_uses,
            uses: 0,
            limits,
        };
        deed.repos.initial_tokens().insert(&permit, &token)?;
        Ok(deed.made(&token)?.answer((token, InitialAccessToken::to_wire(&secret))))
    })
    .await
}

/// Ends a token at once. Clients that were registered by it stay.
///
/// Needs `oauth2_app:create`. Errors: `Forbidden`, `Refused` (asked by an app), `NotFound`.
pub async fn revoke(ctx: &Context, actor: &Principal, id: RegistrationTokenId) -> Result<(), Error> {
    let permit = permit(actor)?;
    ctx.act(actor, move |deed| {
        let all = deed.repos.initial_tokens().list()?;
        let old = all.iter().find(|token| token.id == id).ok_or(Error::NotFound)?;
        if !deed.repos.initial_tokens().delete(&permit, id)? {
            return Err(Error::NotFound);
        }
        Ok(deed.ended(old)?.answer(()))
    })
    .await
}

fn permit(actor: &Principal) -> Result<Permit<action::Create, resource::Oauth2App>, Error> {
    let permit = actor.permit::<action::Create, resource::Oauth2App>(&Object::of::<resource::Oauth2App>())?;
    actor.in_person(InPerson::ManageApps)?;
    Ok(permit)
}

fn check(command: &CreateInitialToken, now: Instant) -> Result<(String, Instant), Error> {
    let (name, mut fields) = (command.name.trim().to_owned(), Vec::new());
    if name.is_empty() || name.len() > NAME_MAX || hidden_in_name(&name).is_some() {
        fields.push(FieldError::new("name", format!("must be plain text of 1 to {NAME_MAX} bytes")));
    }
    let is_good = |at: &Instant| *at > now && *at - now <= LIFETIME_MAX;
    let expires_at = command.expires_at.filter(is_good);
    if expires_at.is_none() {
        fields.push(FieldError::new("expires_at", "must be a time within the next 366 days"));
    }
    if command.max_uses.is_some_and(|max| max < 1) {
        fields.push(FieldError::new("max_uses", "must be at least 1"));
    }
    check_limits(&command.limits, &mut fields);
    match expires_at {
        Some(expires_at) if fields.is_empty() => Ok((name, expires_at)),
        _ => Err(Error::invalid_fields(VALIDATION_FAILED, fields)),
    }
}

fn check_limits(limits: &RegistrationLimits, fields: &mut Vec<FieldError>) {
    let RegistrationLimits { organization_id: _, scopes, redirect_hosts, auth_methods } = limits;
    for (name, list) in [("scopes", scopes), ("redirect_hosts", redirect_hosts), ("auth_methods", auth_methods)] {
        if list.len() > LIMITS_MAX || list.iter().any(|entry| entry.len() > LIMIT_LEN) {
            let rule = format!("must have at most {LIMITS_MAX} entries of at most {LIMIT_LEN} bytes");
            fields.push(FieldError::new(name, rule));
            return;
        }
    }
    if let Err(unknown) = Scopes::from_names(scopes) {
        fields.push(FieldError::new("scopes", unknown.to_string()));
    }
    if let Some(bad) = redirect_hosts.iter().find(|entry| !is_place(entry)) {
        let rule = format!("`{}` is no host, no `*.` and host, and no scheme with a colon", bad.escape_debug());
        fields.push(FieldError::new("redirect_hosts", rule));
    }
    if auth_methods.iter().any(|method| method.parse::<TokenAuthMethod>().is_err()) {
        let rule = "must be of client_secret_basic, client_secret_post, private_key_jwt and none";
        fields.push(FieldError::new("auth_methods", rule));
    }
}

/// What clients may be that are registered by the presented token.
pub(super) async fn limits(ctx: &Context, presented: &str) -> Result<RegistrationLimits, RegistrationError> {
    let token = InitialAccessToken::read(presented).ok_or_else(no_good)?;
    let now = ctx.clock.now();
    ctx.read(move |repos| {
        let all = repos.initial_tokens().list()?;
        // In constant time, by the type.
        let is_meant = |known: &InitialAccessToken| known.prefix == token.prefix() && known.digest == token.digest();
        let known = all.into_iter().find(is_meant).filter(|known| known.is_live(now)).ok_or_else(no_good)?;
        check_organization(repos, &known.limits)?;
        Ok(known.limits)
    })
    .await
}

/// A token for an organization that is gone is no good.
fn check_organization(repos: &mut dyn Repositories, limits: &RegistrationLimits) -> Result<(), RegistrationError> {
    match limits.organization_id {
        Some(id) if repos.organizations().find(id)?.is_none() => Err(no_good()),
        _ => Ok(()),
    }
}

fn no_good() -> RegistrationError {
    RegistrationError::Unauthorized("the initial access token is not good")
}

/// Uses the presented token for one registration.
pub(super) fn use_up(deed: &mut Deed<'_>, presented: &str) -> Result<(), RegistrationError> {
    let token = InitialAccessToken::read(presented).ok_or_else(no_good)?;
    let known = deed.repos.initial_tokens().find_by_prefix_for_update(token.prefix())?;
    // In constant time, by the type.
    let known = known.filter(|known| known.digest == token.digest() && known.is_live(deed.now)).ok_or_else(no_good)?;
    check_organization(deed.repos, &known.limits)?;
    let permit = System::because("a client is registered by the token").permit();
    deed.repos.initial_tokens().count_use(&permit, known.id)?;
    Ok(())
}

impl Audited for InitialAccessToken {
    fn kind(&self) -> AuditResource {
        AuditResource::Oauth2ProviderAppSecret
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.clone()
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("name", self.name.as_str())
            .moment("expires_at", Some(self.expires_at))
            .field("max_uses", self.max_uses)
            .field("organization_id", self.limits.organization_id.map(|id| id.to_string()).unwrap_or_default())
            .field("scopes", self.limits.scopes.clone())
            .field("redirect_hosts", self.limits.redirect_hosts.clone())
            .field("auth_methods", self.limits.auth_methods.clone())
    }
}
