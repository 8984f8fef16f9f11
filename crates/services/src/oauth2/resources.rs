//! Resources that owners register.

use super::app_rules::signs_by;
use crate::audit::{Audited, Snapshot};
use crate::sessions::in_person::InPerson;
use crate::{Context, Error, FieldError, Principal, Settings, VALIDATION_FAILED};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::ResourceServerId;
use doorward_domain::names::hidden_in_name;
use doorward_domain::oauth2::{
    OidcScope, RESOURCE_NAME_MAX, RESOURCE_SERVERS_MAX, Resource, ResourceRules, ResourceServer, SIGNED_LIFETIME_MAX,
    SIGNED_LIFETIME_MIN, may_be_told,
};
use doorward_domain::roles::{Action, Object, action, resource};

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
}

/// All resources, by identifier.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`.
pub async fn list(ctx: &Context, actor: &Principal) -> Result<Vec<ResourceServer>, Error> {
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>())?;
    ctx.look(actor, |look| Ok(look.repos.resource_servers().list()?)).await
}

/// One resource.
///
/// Needs `oauth2_app:read`. Errors: `Forbidden`, `NotFound`.
pub async fn find(ctx: &Context, actor: &Principal, id: ResourceServerId) -> Result<ResourceServer, Error> {
    actor.subject.check(Action::Read, &Object::of::<resource::Oauth2App>())?;
    ctx.look(actor, move |look| look.repos.resource_servers().find(id)?.ok_or(Error::NotFound)).await
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
            Err("this server and what is below it take no signed tokens, and need not be registered".to_owned())
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

/// Changes a resource. What was issued stays as it is.
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
        let old = deed.repos.resource_servers().find(id)?.ok_or(Error::NotFound)?;
        let mut fields = Vec::new();
        let is_same = |text: &String| Resource::parse(text).is_ok_and(|found| found.is_same_as(&old.identifier));
        if command.identifier.as_ref().is_some_and(|text| !is_same(text)) {
            fields.push(FieldError::new("identifier", "a resource keeps its identifier; register another one"));
        }
        let rules = apply(&settings, old.rules.clone(), &command, &mut fields);
        if !fields.is_empty() {
            return Err(Error::invalid_fields(VALIDATION_FAILED, fields));
        }
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
    rules
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
    }
}
