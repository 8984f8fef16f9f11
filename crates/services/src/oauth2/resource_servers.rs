//! Resources that owners register.

use super::app_rules::signs_by;
use crate::audit::{Audited, Snapshot};
use crate::sessions::in_person::InPerson;
use crate::{Context, Error, FieldError, Principal, Settings, VALIDATION_FAILED};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::{AppId, ResourceServerId};
use doorward_domain::names::hidden_in_name;
use doorward_domain::oauth2::{
    ACR_MAX, ClientType, INTROSPECTORS_MAX, OWN_SCOPE_TEXT_MAX, OWN_SCOPES_MAX, OidcScope, RESOURCE_NAME_MAX,
    RESOURCE_SERVERS_MAX, Resource, ResourceRules, ResourceServer, SIGNED_LIFETIME_MAX, SIGNED_LIFETIME_MIN,
    may_be_told, own_scope_defect,
};
use doorward_domain::roles::{Action, Object, action, resource};
use doorward_ports::Repositories;
use std::collections::{BTreeMap, HashSet};

/// What an owner says about a resource. `None` keeps what there is, or the default.
#[derive(Clone, Debug, Default)]
pub struct ResourceCommand {
    /// What clients call it; fixed at creation.
    pub identifier: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// `opaque` or `jwt`.
    pub token_format: Option<String>,
    /// By which algorithm its tokens are signed.
    pub jwt_alg: Option<String>,
    /// For how many seconds; `Some(None)`: as the settings say.
    pub access_token_lifetime: Option<Option<u32>>,
    /// What signed tokens say of the user: of `email`, `groups` and `roles`.
    pub claims: Option<Vec<String>>,
    /// Its own scopes, with what people are told of them.
    pub scopes: Option<BTreeMap<String, String>>,
    /// Which of them an app gets that asks for none.
    pub default_scopes: Option<Vec<String>>,
    /// What the sign-in of its users must have been worth at least (`acr`); empty: it does not matter.
    pub min_acr: Option<String>,
    /// Whether its tokens are bound to a key: `optional` or `required`.
    pub dpop: Option<String>,
    /// The apps that may ask about tokens that are bound to it.
    pub introspectors: Option<Vec<AppId>>,
}

/// All resources, by identifier.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`.
pub async fn list(ctx: &Context, actor: &Principal) -> Result<Vec<ResourceServer>, Error> {
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>())?;
    ctx.look(actor, |look| {
        let mut found = look.repos.resource_servers().list()?;
        without_gone(look.repos, &mut found)?;
        Ok(found)
    })
    .await
}

/// One resource.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`, `NotFound`.
pub async fn find(ctx: &Context, actor: &Principal, id: ResourceServerId) -> Result<ResourceServer, Error> {
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>())?;
    ctx.look(actor, move |look| {
        let mut found = look.repos.resource_servers().find(id)?.ok_or(Error::NotFound)?;
        without_gone(look.repos, std::slice::from_mut(&mut found))?;
        Ok(found)
    })
    .await
}

/// Leaves out apps that are not there any more: apps go in many ways, and no other is ever called as one that has gone.
fn without_gone(repos: &mut dyn Repositories, servers: &mut [ResourceServer]) -> Result<(), Error> {
    if servers.iter().all(|server| server.rules.introspectors.is_empty()) {
        return Ok(());
    }
    let live: HashSet<AppId> = repos.apps().list()?.into_iter().map(|app| app.id).collect();
    for server in servers {
        server.rules.introspectors.retain(|app| live.contains(app));
    }
    Ok(())
}

/// Registers a resource.
///
/// Needs `oauth2_app:create`. Errors: `Forbidden`, `Refused` (asked by an app), `Invalid` (any field; this server is none), `Conflict` (it is there
/// already, or there are too many).
pub async fn create(ctx: &Context, actor: &Principal, command: ResourceCommand) -> Result<ResourceServer, Error> {
    let permit = actor.permit::<action::Create, resource::Oauth2App>(&Object::of::<resource::Oauth2App>())?;
    actor.in_person(InPerson::ManageApps)?;
    let mut fields = Vec::new();
    let identifier = match command.identifier.as_deref().map(Resource::parse) {
        None => Err("required".to_owned()),
        Some(Err(error)) => Err(error.to_string()),
        Some(Ok(found)) if found.is_within(&ctx.settings.resource()) => {
            Err("this server and what is below it are no resources of others".to_owned())
        }
        Some(Ok(found)) => Ok(found),
    };
    let rules = apply(&ctx.settings, ResourceRules::default(), &command, &mut fields);
    let identifier = identifier.map_err(|error| fields.push(FieldError::new("identifier", error)));
    let Ok(identifier) = identifier else { return Err(Error::invalid_fields(VALIDATION_FAILED, fields)) };
    if !fields.is_empty() {
        return Err(Error::invalid_fields(VALIDATION_FAILED, fields));
    }
    ctx.act(actor, move |deed| {
        if deed.repos.resource_servers().list()?.len() >= RESOURCE_SERVERS_MAX {
            return Err(Error::conflict(format!("there are {RESOURCE_SERVERS_MAX} resources already")));
        }
        check_introspectors(deed.repos, &rules.introspectors)?;
        let server = ResourceServer {
            id: deed.new_id(),
            identifier: identifier.clone(),
            rules: rules.clone(),
            created_at: deed.now,
            updated_at: deed.now,
        };
        if !deed.repos.resource_servers().insert(&permit, &server)? {
            return Err(Error::conflict("this resource is registered already"));
        }
        Ok(deed.made(&server)?.answer(server))
    })
    .await
}

/// Changes a resource. What was issued stays as it is; people are asked anew where they would be told another thing today.
///
/// Needs `oauth2_app:update`. Errors: `Forbidden`, `Refused` (asked by an app), `NotFound`, `Invalid` (any field).
pub async fn update(
    ctx: &Context,
    actor: &Principal,
    id: ResourceServerId,
    command: ResourceCommand,
) -> Result<ResourceServer, Error> {
    let permit = actor.permit::<action::Update, resource::Oauth2App>(&Object::of::<resource::Oauth2App>())?;
    actor.in_person(InPerson::ManageApps)?;
    let settings = std::sync::Arc::clone(&ctx.settings);
    ctx.act(actor, move |deed| {
        let mut old = deed.repos.resource_servers().find(id)?.ok_or(Error::NotFound)?;
        without_gone(deed.repos, std::slice::from_mut(&mut old))?;
        let mut fields = Vec::new();
        let is_same = |text: &String| Resource::parse(text).is_ok_and(|found| found.is_same_as(&old.identifier));
        if command.identifier.as_ref().is_some_and(|text| !is_same(text)) {
            fields.push(FieldError::new("identifier", "a resource keeps its identifier; register another one"));
        }
        let rules = apply(&settings, old.rules.clone(), &command, &mut fields);
        if !fields.is_empty() {
            return Err(Error::invalid_fields(VALIDATION_FAILED, fields));
        }
        if command.introspectors.is_some() {
            check_introspectors(deed.repos, &rules.introspectors)?;
        }
        let rules = rules.noting_changes(&old.rules, deed.now);
        let new = ResourceServer { rules, updated_at: deed.now, ..old.clone() };
        deed.repos.resource_servers().update(&permit, &new)?;
        Ok(deed.changed(&old, &new)?.answer(new))
    })
    .await
}

/// Removes a resource. Tokens that are bound to it are opaque again when they are next issued.
///
/// Needs `oauth2_app:delete`. Errors: `Forbidden`, `Refused` (asked by an app), `NotFound`.
pub async fn delete(ctx: &Context, actor: &Principal, id: ResourceServerId) -> Result<(), Error> {
    let permit = actor.permit::<action::Delete, resource::Oauth2App>(&Object::of::<resource::Oauth2App>())?;
    actor.in_person(InPerson::ManageApps)?;
    ctx.act(actor, move |deed| {
        let old = deed.repos.resource_servers().find(id)?.ok_or(Error::NotFound)?;
        deed.repos.resource_servers().delete(&permit, id)?;
        Ok(deed.ended(&old)?.answer(()))
    })
    .await
}

fn apply(
    settings: &Settings,
    mut rules: ResourceRules,
    command: &ResourceCommand,
    fields: &mut Vec<FieldError>,
) -> ResourceRules {
    if let Some(name) = &command.name {
        if name.chars().count() > RESOURCE_NAME_MAX || hidden_in_name(name).is_some() {
            let rule = format!("at most {RESOURCE_NAME_MAX} characters are allowed, and none that hides");
            fields.push(FieldError::new("name", rule));
        }
        rules.name.clone_from(name);
    }
    match command.token_format.as_deref().map(str::parse) {
        None => {}
        Some(Ok(format)) => rules.token_format = format,
        Some(Err(_)) => fields.push(FieldError::new("token_format", "must be `opaque` or `jwt`")),
    }
    if let Some(name) = command.jwt_alg.as_deref() {
        match signs_by(settings, name) {
            Some(algorithm) => rules.jwt_alg = algorithm,
            None => fields.push(FieldError::new("jwt_alg", super::app_rules::ALGORITHMS_TEXT)),
        }
    }
    if let Some(lifetime) = command.access_token_lifetime {
        let range = SIGNED_LIFETIME_MIN.whole_seconds()..=SIGNED_LIFETIME_MAX.whole_seconds();
        if lifetime.is_some_and(|seconds| !range.contains(&seconds.into())) {
            fields.push(FieldError::new("access_token_lifetime", "must be 60 to 3600 seconds"));
        }
        rules.access_token_lifetime = lifetime;
    }
    if let Some(claims) = &command.claims {
        let is_one = |name: &String| name.parse::<OidcScope>().is_ok_and(may_be_told);
        if claims.len() > 3 || !claims.iter().all(is_one) {
            fields.push(FieldError::new("claims", "must be of email, groups and roles"));
        }
        rules.claims.clone_from(claims);
    }
    apply_scopes(&mut rules, command, fields);
    if let Some(acr) = &command.min_acr {
        if acr.len() > ACR_MAX || !acr.bytes().all(|byte| byte.is_ascii_graphic()) {
            let rule = format!("must be at most {ACR_MAX} printable characters of ASCII without spaces");
            fields.push(FieldError::new("min_acr", rule));
        }
        rules.min_acr.clone_from(acr);
    }
    match command.dpop.as_deref().map(str::parse) {
        None => {}
        Some(Ok(rule)) => rules.dpop = rule,
        Some(Err(_)) => fields.push(FieldError::new("dpop", "must be `optional` or `required`")),
    }
    if let Some(apps) = &command.introspectors {
        if apps.len() > INTROSPECTORS_MAX {
            fields.push(FieldError::new("introspectors", format!("at most {INTROSPECTORS_MAX} apps are allowed")));
        } else {
            rules.introspectors.clone_from(apps);
        }
    }
    rules
}

fn apply_scopes(rules: &mut ResourceRules, command: &ResourceCommand, fields: &mut Vec<FieldError>) {
    if let Some(scopes) = &command.scopes {
        let is_bad = |text: &String| text.chars().count() > OWN_SCOPE_TEXT_MAX || hidden_in_name(text).is_some();
        if scopes.len() > OWN_SCOPES_MAX {
            fields.push(FieldError::new("scopes", format!("at most {OWN_SCOPES_MAX} scopes are allowed")));
        } else if let Some((name, defect)) =
            scopes.keys().find_map(|name| own_scope_defect(name).map(|defect| (name, defect)))
        {
            let name: String = name.chars().take(OWN_SCOPE_TEXT_MAX).collect();
            fields.push(FieldError::new("scopes", format!("`{}` {defect}", name.escape_debug())));
        } else if scopes.values().any(is_bad) {
            let rule = format!("texts have at most {OWN_SCOPE_TEXT_MAX} characters, and none that hides");
            fields.push(FieldError::new("scopes", rule));
        } else {
            rules.scopes.clone_from(scopes);
        }
    }
    if let Some(usual) = &command.default_scopes {
        rules.default_scopes.clone_from(usual);
        rules.default_scopes.sort_unstable();
        rules.default_scopes.dedup();
    }
    if !rules.default_scopes.iter().all(|name| rules.scopes.contains_key(name)) {
        fields.push(FieldError::new("default_scopes", "must be of its scopes"));
    }
}

/// Only apps that can prove who they are, and for which somebody answers, may ask about tokens.
fn check_introspectors(repos: &mut dyn Repositories, apps: &[AppId]) -> Result<(), Error> {
    for id in apps {
        let app = repos.apps().find(*id)?;
        let refused = |rule| {
            let rule = format!("{id} {rule}");
            Err(Error::invalid_fields(VALIDATION_FAILED, vec![FieldError::new("introspectors", rule)]))
        };
        if app.is_none_or(|app| app.client_type == ClientType::Public) {
            return refused("is no app with a secret or keys");
        }
        if repos.registrations().find(*id)?.is_some_and(|client| !client.adopted) {
            return refused("registered itself, and nobody answers for it (`pinned`)");
        }
    }
    Ok(())
}

impl Audited for ResourceServer {
    fn kind(&self) -> AuditResource {
        AuditResource::Oauth2ProviderApp
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.identifier.to_string()
    }

    fn ended_status(&self) -> u16 {
        204
    }

    fn tracked(&self) -> Snapshot {
        let rules = &self.rules;
        Snapshot::default()
            .field("identifier", self.identifier.as_str())
            .field("name", rules.name.as_str())
            .field("token_format", rules.token_format.as_str())
            .field("jwt_alg", rules.jwt_alg.as_str())
            .field(
                "access_token_lifetime",
                rules.access_token_lifetime.map(|seconds| seconds.to_string()).unwrap_or_default(),
            )
            .field("claims", rules.claims.clone())
            .field("scopes", rules.scopes.keys().cloned().collect::<Vec<_>>())
            .field("default_scopes", rules.default_scopes.clone())
            .field("min_acr", rules.min_acr.as_str())
            .field("dpop", rules.dpop.as_str())
            .field("introspectors", rules.introspectors.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}
