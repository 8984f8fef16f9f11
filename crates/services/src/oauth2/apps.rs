//! Client registration (RFC 6749 2): owners manage apps, every signed-in user may see them (`oauth2.md` 5).

use super::app_access::object;
use super::app_rules::{AppWithRules, RulesCommand, fetch_logo};
use super::client_rules::{self, ClientRulesCommand};
use crate::deed::Deed;
use crate::sessions::check_reach;
use crate::sessions::in_person::InPerson;
use crate::users::caller::with_caller;
use crate::users::fields::hides;
use crate::users::{self, insert_service_account};
use crate::{Context, Error, FieldError, Principal, Settings, VALIDATION_FAILED};
use doorward_domain::Instant;
use doorward_domain::ids::{AppId, UserId};
use doorward_domain::names::{RealName, Username, hidden_in_name, is_name};
use doorward_domain::oauth2::{
    App, ClientRules, ClientType, ICON_MAX, REDIRECT_URIS_MAX, RedirectMatch, RedirectUri, RegisteredClient, Resource,
    ResourceError, Scopes, parse_scope_list,
};
use doorward_domain::openid::AppRules;
use doorward_domain::roles::{Action, Object, System, action, resource};
use doorward_ports::Repositories;
use std::sync::Arc;

/// What an owner says about an app. `None` keeps (update) or takes the default (create).
#[derive(Clone, Debug, Default)]
pub struct AppCommand {
    /// Its name.
    pub name: String,
    /// Its first redirect URI.
    pub callback_url: Option<String>,
    /// All its redirect URIs.
    pub redirect_uris: Option<Vec<String>>,
    /// URL or path of its icon.
    pub icon: String,
    /// `exact` or `prefix`.
    pub redirect_match: Option<String>,
    /// Whether it is a public client; fixed at creation.
    pub public: Option<bool>,
    /// Whether it must use PKCE.
    pub require_pkce: Option<bool>,
    /// Scopes it may ask for; none means any.
    pub scopes: Option<Vec<String>>,
    /// The same in one text, separated by blanks. Beside `scopes` it must say the same.
    pub scope: Option<String>,
    /// Resources its tokens may be bound to.
    pub allowed_resources: Option<Vec<String>>,
    /// Resources it serves, whose tokens it may introspect.
    pub resources: Option<Vec<String>>,
    /// Whether it has a service account for `client_credentials`.
    pub service_account: Option<bool>,
    /// Whether devices may ask for access in its name.
    pub device_flow: Option<bool>,
    /// How it authenticates and how its requests must come.
    pub client: ClientRulesCommand,
    /// What is particular about it as a relying party.
    pub rules: RulesCommand,
    /// Whether somebody answers for an app that registered itself, so that it stays and no longer changes itself. An owner who changes one
    /// answers for it, unless this says otherwise.
    pub pinned: Option<bool>,
}

/// All apps, by name.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`.
pub async fn list(ctx: &Context, actor: &Principal) -> Result<Vec<App>, Error> {
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>())?;
    ctx.look(actor, move |look| Ok(look.repos.apps().list()?)).await
}

/// The apps that hold a live grant of a user. Ordinary users may ask only about themselves.
///
/// Needs `oauth2_app_code_token:read` on those of the user. Errors: `Forbidden`.
pub async fn list_of_user(ctx: &Context, actor: &Principal, user: UserId) -> Result<Vec<App>, Error> {
    let object = Object::of::<resource::Oauth2AppCodeToken>().owner(user.0);
    actor.subject.check(Action::Read, &object)?;
    let now = ctx.clock.now();
    ctx.look(actor, move |look| Ok(look.repos.apps().list_granted_by(user, now)?)).await
}

/// One app.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`, `NotFound`.
pub async fn find(ctx: &Context, actor: &Principal, id: AppId) -> Result<App, Error> {
    // Every user may read apps, so what is missing here is a scope, and saying so hides nothing.
    actor.subject.check(Action::Read, &object(id))?;
    ctx.look(actor, move |look| look.repos.apps().find(id)?.ok_or(Error::NotFound)).await
}

/// The same, with what is particular about it as a relying party.
async fn find_with_rules(ctx: &Context, actor: &Principal, id: AppId) -> Result<(App, AppRules), Error> {
    actor.subject.check(Action::Read, &object(id))?;
    ctx.look(actor, move |look| {
        let app = look.repos.apps().find(id)?.ok_or(Error::NotFound)?;
        Ok((app, look.repos.openid().find_rules(id)?.unwrap_or_default()))
    })
    .await
}

/// Whether the actor may register apps; asked before the body of the request is looked at.
///
/// Needs `oauth2_app:create`. Errors: `Forbidden`, `Refused` (asked by an app).
pub fn may_create(actor: &Principal) -> Result<(), Error> {
    actor.subject.check(Action::Create, &Object::of::<resource::Oauth2App>())?;
    actor.in_person(InPerson::ManageApps)
}

/// Whether the actor may change an app; asked before the body of the request is looked at.
///
/// Needs `oauth2_app:update`. Errors: `Forbidden`, `Refused` (asked by an app).
pub fn may_update(actor: &Principal, id: AppId) -> Result<(), Error> {
    actor.subject.check(Action::Update, &object(id))?;
    actor.in_person(InPerson::ManageApps)
}

/// Registers an app, with its service account if it is to have one.
///
/// Needs `oauth2_app:create`; for a service account also `user:create`, and `organization_member:create` in the
/// default organization. Errors: `Forbidden`, `Refused` (asked by an app, or with a key that may do less than the
/// service account could), `Invalid` (any field), `Conflict` (roles of the caller were just changed),
/// `Unauthenticated` (the key of the caller has just ended).
pub async fn create(ctx: &Context, actor: &Principal, command: AppCommand) -> Result<App, Error> {
    let permit = actor.permit::<action::Create, resource::Oauth2App>(&Object::of::<resource::Oauth2App>())?;
    actor.in_person(InPerson::ManageApps)?;
    let (now, id) = ctx.new_id();
    let fresh = App {
        id,
        name: String::new(),
        icon: String::new(),
        redirect_uris: Vec::new(),
        redirect_match: RedirectMatch::Exact,
        client_type: if command.public == Some(true) { ClientType::Public } else { ClientType::Confidential },
        require_pkce: ctx.settings.oauth2.require_pkce,
        allowed_scopes: None,
        allowed_resources: None,
        resources: Vec::new(),
        service_account_id: None,
        device_flow: false,
        refresh_tokens: true,
        rules: ClientRules::default(),
        created_at: now,
        updated_at: now,
        revision: 0,
    };
    let wants_account = command.service_account == Some(true);
    let sent_logo = command.rules.logo_uri.clone();
    let (mut app, mut rules) = apply(&ctx.settings, (fresh, AppRules::default()), command, now)?;
    let logo = fetch_logo(ctx, sent_logo.as_deref(), None).await?;
    ctx.act(actor, move |deed| {
        if wants_account {
            app.service_account_id = Some(open_account(deed, &app)?);
        }
        deed.repos.apps().insert(&permit, &app)?;
        logo.store(deed, app.id, &mut rules)?;
        if rules != AppRules::default() {
            let permit = System::because("the app is registered so").permit();
            deed.repos.openid().update_rules(&permit, app.id, &rules)?;
        }
        Ok(deed.made(&AppWithRules { app: &app, rules: &rules })?.answer(app))
    })
    .await
}

/// Replaces what is registered of an app. Codes and tokens stay.
///
/// Needs `oauth2_app:read` and `oauth2_app:update`; for a new service account also `user:create`, and
/// `organization_member:create` in the default organization. Errors: `NotFound`, `Forbidden`, `Refused` (asked by an
/// app, or with a key that may do less than the service account could), `Invalid` (any field), `Conflict` (roles of
/// the caller were just changed), `Unauthenticated` (the key of the caller has just ended).
pub async fn update(ctx: &Context, actor: &Principal, id: AppId, command: AppCommand) -> Result<App, Error> {
    let old = find_with_rules(ctx, actor, id).await?;
    let permit = actor.permit::<action::Update, resource::Oauth2App>(&object(id))?;
    actor.in_person(InPerson::ManageApps)?;
    // Checked outside, so that a bad body never opens a transaction; applied to what is stored at that moment.
    let settings = Arc::clone(&ctx.settings);
    let (_, rules) = apply(&settings, old, command.clone(), ctx.clock.now())?;
    let logo = fetch_logo(ctx, command.rules.logo_uri.as_deref(), rules.profile.logo.as_ref()).await?;
    ctx.act(actor, move |deed| {
        let old = deed.repos.apps().find_for_update(id)?.ok_or(Error::NotFound)?;
        let old_rules = deed.repos.openid().find_rules(id)?.unwrap_or_default();
        let (wants_account, pinned) = (command.service_account, command.pinned);
        let (mut app, mut rules) = apply(&settings, (old.clone(), old_rules.clone()), command, deed.now)?;
        // An account that was deleted is none: who asks for one gets a new one.
        let live = match app.service_account_id {
            Some(id) => deed.repos.users().find(id)?.filter(|user| !user.deleted).map(|user| user.id),
            None => None,
        };
        if app.service_account_id.is_some() && app.allowed_scopes != old.allowed_scopes {
            check_client_reach(deed.by, &app)?;
        }
        match (wants_account, live) {
            (Some(true), None) => app.service_account_id = Some(open_account(deed, &app)?),
            (Some(false), found) => {
                if let Some(id) = found {
                    close_account(deed, id)?;
                }
                app.service_account_id = None;
            }
            (None, _) | (Some(true), Some(_)) => {}
        }
        deed.repos.apps().update(&permit, &app)?;
        logo.store(deed, id, &mut rules)?;
        if rules != old_rules {
            deed.repos.openid().update_rules(&permit, id, &rules)?;
        }
        // What somebody answers for is no longer changed or removed by whoever registered it.
        let adopted = pinned.unwrap_or(true);
        if let Some(client) = deed.repos.registrations().find_for_update(id)? {
            if !adopted && let Some(detail) = why_pinned(deed.repos, &app, &rules)? {
                return Err(Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("pinned", detail)]));
            }
            if client.adopted != adopted {
                deed.repos.registrations().update(&permit, &RegisteredClient { adopted, ..client })?;
            }
        }
        let (before, after) =
            (AppWithRules { app: &old, rules: &old_rules }, AppWithRules { app: &app, rules: &rules });
        Ok(deed.changed(&before, &after)?.answer(app))
    })
    .await
}

/// What an app has that is only for those that somebody answers for: whoever registered one changes where its answers go. `None` if it has
/// nothing of the kind.
fn why_pinned(repos: &mut dyn Repositories, app: &App, rules: &AppRules) -> Result<Option<&'static str>, Error> {
    Ok(if rules.trusted {
        Some("users can only be spared the question about an app that somebody answers for")
    } else if app.device_flow {
        Some("devices may only use an app that somebody answers for; take away `device_flow` first")
    } else if app.service_account_id.is_some() {
        Some("only an app that somebody answers for has a service account; take that away first")
    } else if !app.resources.is_empty()
        || repos.resource_servers().list()?.iter().any(|server| server.rules.introspectors.contains(&app.id))
    {
        Some("only an app that somebody answers for may ask about tokens of others; take that away first")
    } else {
        None
    })
}

/// Deletes an app; its secrets, codes, grants, keys and service account go with it.
///
/// Needs `oauth2_app:read` and `oauth2_app:delete`. Errors: `NotFound`, `Forbidden`, `Refused` (asked by an app).
pub async fn delete(ctx: &Context, actor: &Principal, id: AppId) -> Result<(), Error> {
    find(ctx, actor, id).await?;
    let permit = actor.permit::<action::Delete, resource::Oauth2App>(&object(id))?;
    actor.in_person(InPerson::ManageApps)?;
    ctx.act(actor, move |deed| {
        let old = deed.repos.apps().find_for_update(id)?.ok_or(Error::NotFound)?;
        deed.repos.apps().delete(&permit, id)?;
        if let Some(id) = old.service_account_id {
            close_account(deed, id)?;
        }
        Ok(deed.ended(&old)?.answer(()))
    })
    .await
}

/// Gives an app its service account, in the transaction that changes the app. It is a user like any other: who opens one must
/// be allowed to make users, and its making and its end are records of their own.
fn open_account(deed: &mut Deed<'_>, app: &App) -> Result<UserId, Error> {
    check_client_reach(deed.by, app)?;
    // The name is free by construction: the id of the app is in it.
    let username = format!("app-{}", app.id.0.simple().to_string().get(20..).unwrap_or_default());
    let username = Username::try_from(username).map_err(|broken| Error::Internal(broken.into()))?;
    // The rule of names of apps is narrower.
    let name = RealName::from_storage(app.name.clone());
    Ok(with_caller(deed, |deed, actor| insert_service_account(deed, actor, username, name))?.id)
}

fn close_account(deed: &mut Deed<'_>, id: UserId) -> Result<(), Error> {
    let permit = System::because("its app has no use for the service account any more").permit();
    let user = deed.repos.users().find_for_update(id)?;
    deed.repos.users().delete(&permit, id, deed.now)?;
    if let Some(user) = user.filter(|user| !user.deleted) {
        let _receipt = users::ended(deed, &user)?;
    }
    Ok(())
}

/// Refuses a key that may do less than an app may as its service account.
pub(super) fn check_client_reach(actor: &Principal, app: &App) -> Result<(), Error> {
    let allowed = app.allowed_scopes.clone().unwrap_or_else(Scopes::all);
    let rights = allowed.iter().filter(|scope| !scope.is_oidc());
    check_reach(actor, &rights.cloned().collect(), None)
}

/// Checks every field and names all that are wrong.
pub(super) fn apply(
    settings: &Settings,
    (mut app, rules): (App, AppRules),
    command: AppCommand,
    now: Instant,
) -> Result<(App, AppRules), Error> {
    let mut fields = Vec::new();
    let rules = command.rules.apply(settings, rules, app.client_type, &mut fields);
    if command.name.is_empty() {
        fields.push(FieldError::new("name", "Validation failed for tag \"required\" with value: \"\""));
    } else if !is_name(&command.name) {
        fields.push(FieldError::new(
            "name",
            format!("Validation failed for tag \"oauth2_app_name\" with value: \"{}\"", command.name),
        ));
    }
    let public = app.client_type == ClientType::Public;
    match redirect_uris(&app, &command, public) {
        Ok(uris) => app.redirect_uris = uris,
        Err(errors) => fields.extend(errors),
    }
    if command.service_account == Some(true) && public {
        fields.push(FieldError::new("service_account", "a public client cannot have a service account"));
    }
    if command.public.is_some_and(|wanted| wanted != public) {
        fields.push(FieldError::new("public", "an app stays public or confidential; register another one"));
    }
    if command.icon.chars().count() > ICON_MAX {
        fields.push(FieldError::new("icon", format!("at most {ICON_MAX} characters are allowed")));
    } else if let Some(hidden) = hidden_in_name(&command.icon) {
        fields.push(FieldError::new("icon", hides(hidden)));
    }
    match command.redirect_match.as_deref().map(str::parse::<RedirectMatch>) {
        None => {}
        Some(Ok(rule)) => app.redirect_match = rule,
        Some(Err(_)) => fields.push(FieldError::new("redirect_match", "must be `exact` or `prefix`")),
    }
    app.device_flow = command.device_flow.unwrap_or(app.device_flow);
    client_rules::apply(&mut app, &command.client, &mut fields);
    if let Some(scopes) = asked_scopes(&command, &mut fields) {
        app.allowed_scopes = (!scopes.is_empty()).then_some(scopes);
    }
    if let Some(list) = command.allowed_resources.as_deref() {
        let list = parse_resources("allowed_resources", list, &mut fields);
        app.allowed_resources = (!list.is_empty()).then_some(list);
    }
    if let Some(list) = command.resources.as_deref() {
        app.resources = parse_resources("resources", list, &mut fields);
    }
    if !fields.is_empty() {
        return Err(Error::invalid_fields(VALIDATION_FAILED, fields));
    }
    app.name = command.name;
    app.icon = command.icon;
    app.require_pkce = command.require_pkce.unwrap_or(app.require_pkce);
    app.updated_at = now;
    Ok((app, rules))
}

/// The scopes that the app is to be limited to, in the form in which they are kept; `None` when nothing is said.
fn asked_scopes(command: &AppCommand, fields: &mut Vec<FieldError>) -> Option<Scopes> {
    let listed = command.scopes.as_deref().map(|names| known("scopes", names, fields));
    let written = match command.scope.as_deref().map(parse_scope_list) {
        Some(Ok(names)) => Some(known("scope", &names, fields)),
        Some(Err(error)) => {
            fields.push(FieldError::new("scope", error.to_string()));
            None
        }
        None => None,
    };
    if let (Some(listed), Some(written)) = (&listed, &written)
        && (listed.len() != written.len() || !listed.iter().all(|scope| written.contains(scope)))
    {
        fields.push(FieldError::new("scope", "must name the same as scopes when both are given"));
    }
    listed.or(written)
}

/// The scopes of a field; every name that is unknown is told.
fn known<T: AsRef<str>>(field: &'static str, names: &[T], fields: &mut Vec<FieldError>) -> Scopes {
    if names.len() > SCOPES_MAX {
        fields.push(FieldError::new(field, format!("must name at most {SCOPES_MAX} scopes")));
        return Scopes::default();
    }
    let scopes = Scopes::from_names(names);
    if let Err(unknown) = &scopes {
        let defects = unknown.names().iter().map(|name| FieldError::new(field, format!("unknown scope: `{name}`")));
        fields.extend(defects);
    }
    // Known ones are compared with those of the other field even so.
    scopes.unwrap_or_else(|_told| Scopes::known_among(names)).simplified()
}

/// Most scopes in one list of an app, well above all that there are.
const SCOPES_MAX: usize = 1024;
/// Most resources in one list of an app.
const RESOURCES_MAX: usize = 64;

/// The resources of a list; every text that is none is told.
fn parse_resources(field: &'static str, list: &[String], fields: &mut Vec<FieldError>) -> Vec<Resource> {
    if list.len() > RESOURCES_MAX {
        fields.push(FieldError::new(field, ResourceError::TooLong.to_string()));
        return Vec::new();
    }
    let mut known = Vec::with_capacity(list.len());
    for text in list {
        match Resource::parse(text) {
            Ok(resource) => known.push(resource),
            Err(error) => fields.push(FieldError::new(field, error.to_string())),
        }
    }
    known
}

/// `callback_url` is the first of `redirect_uris`; alone it replaces only the first, and neither keeps the list. Each is
/// kept once, where it is mentioned first: a `callback_url` that was a later entry is that entry.
fn redirect_uris(app: &App, command: &AppCommand, public: bool) -> Result<Vec<RedirectUri>, Vec<FieldError>> {
    let callback = command.callback_url.as_deref().filter(|text| !text.is_empty());
    let listed = command.redirect_uris.as_deref().filter(|list| !list.is_empty());
    let mut errors = Vec::new();
    if let (Some(callback), Some([first, ..])) = (callback, listed)
        && first != callback
    {
        errors.push(FieldError::new("callback_url", "must be the first of redirect_uris when both are given"));
    }
    let texts: Vec<String> = match (callback, listed) {
        (_, Some(list)) if list.len() > REDIRECT_URIS_MAX => {
            errors.push(FieldError::new("redirect_uris", format!("at most {REDIRECT_URIS_MAX} are allowed")));
            return Err(errors);
        }
        (_, Some(list)) => list.to_vec(),
        (Some(callback), None) => {
            let others = app.redirect_uris.iter().skip(1).map(RedirectUri::as_str);
            std::iter::once(callback).chain(others).map(str::to_owned).collect()
        }
        (None, None) if app.redirect_uris.is_empty() => {
            return Err(vec![FieldError::new(
                "callback_url",
                "Validation failed for tag \"required\" with value: \"\"",
            )]);
        }
        (None, None) => return Ok(app.redirect_uris.clone()),
    };
    let field = if listed.is_some() { "redirect_uris" } else { "callback_url" };
    let mut uris = Vec::with_capacity(texts.len());
    for text in &texts {
        match RedirectUri::register(text, public) {
            Ok(uri) if uris.contains(&uri) => {}
            Ok(uri) => uris.push(uri),
            Err(error) => errors.push(FieldError::new(field, error.to_string())),
        }
    }
    if errors.is_empty() { Ok(uris) } else { Err(errors) }
}
