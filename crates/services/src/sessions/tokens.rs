//! API tokens, which users make for their scripts (`identity.md` 2.7).

use super::issue::{IssuedKey, KeySpec};
use super::reach::{check_reach, max_lifetime};
use super::revalidate::with_key_owner;
use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::settings::SessionSettings;
use crate::users::fields::Fields;
use crate::users::reference::resolve;
use crate::users::{UserRef, access};
use doorward_domain::names::{Named, is_plain};
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::{Action, AllowEntry, ScopeName, action, resource};
use doorward_domain::sessions::ApiKey;
use doorward_domain::users::LoginType;
use doorward_ports::{Conflict, StoreError};
use time::Duration;

/// What the scope that limits nothing is called beside a list of scopes.
const SCOPE_ALL: &str = "all";
/// Longest name of a token, in characters.
const TOKEN_NAME_MAX: usize = 64;

/// What is asked for a token.
#[derive(Clone, Debug, Default)]
pub struct CreateToken {
    /// How long it lives; zero means the default.
    pub lifetime: Duration,
    /// The scope that limits it, as older clients name it; empty means `all`. Beside `scopes` it must be one of them.
    pub scope: String,
    /// Names of the scopes that limit it; none means `scope`.
    pub scopes: Vec<String>,
    /// The objects that it is limited to, each as `type:id` with `*` for all in either place; none means that it is not.
    pub allow_list: Vec<String>,
    /// Its name; empty means a random one.
    pub name: String,
}

/// A token with the name of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedToken {
    /// The token.
    pub key: ApiKey,
    /// Name of the user as whom it acts.
    pub username: String,
}

/// What a user may ask for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenConfig {
    /// Longest lifetime.
    pub max_lifetime: Duration,
}

/// Makes a token for a user.
///
/// Needs `api_key:create` on those of the user, and `user:read` if that is somebody else. Errors: `UserNotFound`
/// (missing, deleted, part of the server, or not readable), `Forbidden`, `Refused` (asked by an app, by a caller
/// without an account, or with a key that may do less than the new one), `Invalid` (`scope`, `allow_list`,
/// `token_name`, `lifetime`; or the user may not act), `Conflict` (`name`; or roles of the caller were just changed),
/// `Unauthenticated` (the key of the caller has just ended).
pub async fn create_token(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    command: CreateToken,
) -> Result<IssuedKey, Error> {
    let mut fields = Fields::default();
    let scopes = match (command.scopes.as_slice(), command.scope.as_str()) {
        ([], "") => Scopes::all(),
        ([], _) => fields.keep(known_scopes(&[command.scope]))?.unwrap_or_default(),
        (names, beside) => {
            // Of two limits, none is dropped in silence.
            let fits = beside.is_empty() || beside == SCOPE_ALL || names.iter().any(|name| name == beside);
            fields = fields.that("scope", fits, "must be one of `scopes` when both are given");
            fields.keep(known_scopes(names))?.unwrap_or_default()
        }
    };
    let allow_list = fields.keep(known_entries(&command.allow_list))?.flatten();
    let name = match command.name {
        name if name.is_empty() => format!("token-{}", ctx.alphanumeric(8).into_exposed()),
        name => fields.keep(check_name(name))?.unwrap_or_default(),
    };
    // Whose token it is, is known later; what is too long for everybody is known now.
    let settings = ctx.settings.sessions;
    fields.keep(check_lifetime(command.lifetime, settings, longest_for(settings, actor, user)))?;
    fields.done()?;
    check_reach(actor, &scopes, allow_list.as_deref())?;

    let reference = user.clone();
    ctx.act(actor, move |deed| {
        with_key_owner(deed, &reference, |deed, actor, user| {
            let lifetime = check_lifetime(command.lifetime, settings, max_lifetime(settings, &user))?;
            let spec = KeySpec {
                user_id: user.id,
                login_type: LoginType::Token,
                scopes,
                allow_list,
                token_name: name,
                lifetime,
                ip: actor.origin.ip.clone(),
            };
            let IssuedKey { token, key } = IssuedKey::new(deed.random(), deed.now, spec)?;
            // Who asks for an end gets that end.
            let slides_until = (!command.lifetime.is_zero()).then_some(key.expires_at);
            let key = ApiKey { slides_until, ..key };
            let permit = access::permit::<action::Create, resource::ApiKey>(actor, &access::keys_of(user.id))?;
            match deed.repos.api_keys().insert(&permit, &key) {
                Err(StoreError::Conflict(Conflict::TokenName)) => {
                    let message = format!("A token with name \"{}\" already exists.", key.token_name);
                    return Err(Error::taken(message, "name"));
                }
                inserted => inserted?,
            }
            Ok(deed.made(&key)?.answer(IssuedKey { token, key }))
        })
    })
    .await
}

/// Which tokens are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenQuery {
    /// Those of all users, not of one.
    pub all_users: bool,
    /// Those that have stopped working too.
    pub expired: bool,
}

/// Lists the tokens of a user, or of all, as far as the caller may read them.
///
/// Shows what `api_key:read` reaches. Needs `user:read` if the user is somebody else. Errors: `UserNotFound` (missing
/// or not readable), `Forbidden` (only the scope is too short).
pub async fn list_tokens(
    ctx: &Context,
    actor: &Principal,
    user: &UserRef,
    query: TokenQuery,
) -> Result<Vec<ListedToken>, Error> {
    let reference = user.clone();
    ctx.look(actor, move |look| {
        let (now, user) = (look.now, resolve(look.repos, look.by, &reference)?);
        let owner = if query.all_users { None } else { Some(user.id) };
        let tokens = look.repos.api_keys().list(LoginType::Token, owner)?;
        Ok(tokens
            .into_iter()
            .filter(|(key, _)| query.expired || !key.is_expired(now))
            .filter(|(key, _)| access::may(look.by, Action::Read, &access::key(key)).is_ok())
            .map(|(key, username)| ListedToken { key, username })
            .collect())
    })
    .await
}

/// Shows a token of a user by its name.
///
/// Needs `api_key:read`, and `user:read` if the user is somebody else. Errors: `UserNotFound` (missing or not
/// readable), `NotFound` (missing or not readable), `Forbidden` (only the scope is too short).
pub async fn find_token(ctx: &Context, actor: &Principal, user: &UserRef, name: &str) -> Result<ApiKey, Error> {
    let (reference, name) = (user.clone(), name.to_owned());
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        let key = look.repos.api_keys().find_token(user.id, &name)?.ok_or(Error::NotFound)?;
        access::may(look.by, Action::Read, &access::key(&key))
            .map_err(|denied| Error::NotFound.unless_scope_is_short(denied))?;
        Ok(key)
    })
    .await
}

/// What a user may ask for a token.
///
/// Needs `user:read` if the user is somebody else. Errors: `UserNotFound` (missing or not readable), `Forbidden`
/// (only the scope is too short).
pub async fn token_config(ctx: &Context, actor: &Principal, user: &UserRef) -> Result<TokenConfig, Error> {
    let (reference, settings) = (user.clone(), ctx.settings.sessions);
    ctx.look(actor, move |look| {
        let user = resolve(look.repos, look.by, &reference)?;
        Ok(TokenConfig { max_lifetime: max_lifetime(settings, &user) })
    })
    .await
}

/// What no token of the user who is named lives longer than, as far as the name says.
fn longest_for(settings: SessionSettings, actor: &Principal, user: &UserRef) -> Duration {
    match (user, actor.as_account()) {
        (UserRef::Me, Some(account)) => max_lifetime(settings, &account.user),
        _ => settings.token_lifetime_max.max(settings.token_lifetime_max_owner).get(),
    }
}

/// The lifetime asked for, or the default, which never exceeds the longest that may be asked for.
fn check_lifetime(asked: Duration, settings: SessionSettings, longest: Duration) -> Result<Duration, Error> {
    if asked.is_zero() {
        return Ok(settings.token_lifetime_default.get().min(longest));
    }
    let detail = if asked.is_negative() {
        "lifetime must be positive number".to_owned()
    } else if asked > longest {
        format!("lifetime must be less than {} hours", longest.whole_hours())
    } else {
        return Ok(asked);
    };
    Err(Error::Invalid {
        message: "Failed to validate create API key request.".to_owned(),
        fields: vec![FieldError::new("lifetime", detail.clone())],
        detail,
    })
}

/// A name by which the token can be asked for later: it is a segment of a path then.
pub(super) fn check_name(name: String) -> Result<String, Error> {
    let is_short = name.chars().nth(TOKEN_NAME_MAX).is_none();
    if is_short && !name.contains('/') && is_plain(&name) && !Named::Token.is_reserved(&name) {
        return Ok(name);
    }
    let rule = format!("must have at most {TOKEN_NAME_MAX} characters, no `/`, nothing that does not show");
    Err(Error::invalid_field("token_name", format!("{rule}, and none of these: {}", Named::Token.reserved().join(" "))))
}

/// Scopes of the catalogue; every name that is none is told.
fn known_scopes(names: &[String]) -> Result<Scopes, Error> {
    let (mut known, mut unknown) = (Scopes::default(), Vec::new());
    for name in names {
        match ScopeName::parse(name) {
            Ok(scope) => known.insert(scope),
            Err(error) => unknown.push(error),
        }
    }
    Fields::default().defects("scope", unknown).done()?;
    Ok(known)
}

/// The objects that a token is limited to; every entry that is none is told.
fn known_entries(texts: &[String]) -> Result<Option<Vec<AllowEntry>>, Error> {
    AllowEntry::parse_list(texts).or_else(|first| {
        let broken = texts.iter().filter_map(|text| text.parse::<AllowEntry>().err()).collect::<Vec<_>>();
        // A list that is too long is broken as a whole.
        let whole = broken.is_empty().then_some(first);
        Fields::default().defects("allow_list", broken.into_iter().chain(whole)).done()?;
        Ok(None)
    })
}
