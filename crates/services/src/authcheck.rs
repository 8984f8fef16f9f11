//! Asking what one may do, many questions at once (`rbac.md` 13).
//!
//! The use case has three steps, so that a caller can do the two that only think where it wants to, and so that nothing
//! is asked of the store when no question names a resource: [`wanted`] reads the questions, [`look_up`] loads what they
//! name, [`NamedObjects`] answers them. Nothing is written and nothing audited.
//!
//! What others may do is told by [`explain_access`] and [`who_can`], to those who may read what it rests on.

mod change;
mod others;
mod people;
mod question;
mod who_can;

pub use change::{Change, ChangeKind, Changes};
pub use others::{AccessView, Names, StepView, Whom, explain_access};
pub(crate) use people::{People, Person, load};
pub use question::{AskedView, Question};
pub use who_can::{Capable, WHO_CAN_MAX, WhoCan, explain_with_others, who_can};

use crate::Principal;
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::users::fields::Fields;
use crate::{groups, templates, users, workspaces};
use doorward_domain::ids::{GroupId, TemplateId, UserId, WorkspaceId};
use doorward_domain::roles::{
    Acl, Action, Explanation, Grounds, Id, Level, Listed, Object, ResourceType, Role, Subject,
};
use doorward_ports::Repositories;
use std::borrow::Cow;
use uuid::Uuid;

/// Most questions of one request that may name a resource.
pub const RESOURCE_IDS_MAX: usize = 10;

/// One question. Ids are text, as they are sent; empty means unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check<'a> {
    /// To do what; may be unknown.
    pub action: Cow<'a, str>,
    /// On what; may be unknown.
    pub resource_type: Cow<'a, str>,
    /// Whose it is; `me` stands for the caller.
    pub owner_id: Cow<'a, str>,
    /// In which organization it is.
    pub organization_id: Cow<'a, str>,
    /// A thing that exists. What is stored of it replaces what else is said here.
    pub resource_id: Cow<'a, str>,
    /// Whether any organization will do.
    pub any_org: bool,
}

/// Types of which a single thing can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Workspace,
    Template,
    User,
    Group,
}

impl Kind {
    fn parse(resource_type: &str) -> Option<Self> {
        Some(match resource_type {
            "workspace" => Self::Workspace,
            "template" => Self::Template,
            "user" => Self::User,
            "group" => Self::Group,
            _ => return None,
        })
    }
}

/// The things that the questions of a request name.
#[derive(Clone, Debug, Default)]
pub struct Wanted(Vec<(Kind, Uuid)>);

impl Wanted {
    /// Whether they name nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Finds out what the questions, each under its key, need to know; or which of them cannot be asked.
pub fn wanted<'a>(checks: impl Iterator<Item = (&'a str, &'a Check<'a>)> + Clone) -> Result<Wanted, Error> {
    let named = checks.clone().filter(|(_, check)| !check.resource_id.is_empty()).count();
    if named > RESOURCE_IDS_MAX {
        return Err(Error::invalid(format!(
            "Endpoint only supports using \"resource_id\" field {RESOURCE_IDS_MAX} times, found {named} usages. \
             Remove {} objects with this field set.",
            named - RESOURCE_IDS_MAX
        )));
    }
    let mut wanted = Vec::new();
    let mut fields = Fields::default();
    for (key, check) in checks {
        if check.resource_type.is_empty() {
            let message = format!("Object's \"resource_type\" field must be defined for key {key:?}.");
            let field = FieldError::new("resource_type", message.clone());
            fields.keep_item::<()>(Err(Error::invalid_fields(message, vec![field])))?;
        } else if let Some(thing) = fields.keep_item(named_thing(check))?.flatten() {
            wanted.push(thing);
        }
    }
    fields.done()?;
    Ok(Wanted(wanted))
}

/// The thing that a question names, if it names one.
fn named_thing(check: &Check<'_>) -> Result<Option<(Kind, Uuid)>, Error> {
    let (id, resource) = (&*check.resource_id, &*check.resource_type);
    if id.is_empty() {
        return Ok(None);
    }
    let uuid = Uuid::try_parse(id).map_err(|error| Error::Invalid {
        message: format!("Object {id:?} id is not a valid uuid."),
        detail: String::new(),
        fields: vec![FieldError::new("resource_id", format!("{id:?}: {error}"))],
    })?;
    let Some(kind) = Kind::parse(resource) else {
        let message = format!("Object type {resource:?} does not support \"resource_id\" field.");
        let fields = vec![FieldError::new("resource_type", message.clone())];
        return Err(Error::Invalid { detail: message.clone(), message, fields });
    };
    Ok(Some((kind, uuid)))
}

/// What is stored of a thing, as access control sees it.
#[derive(Clone, Debug)]
struct Thing {
    resource: ResourceType,
    id: Id,
    owner: Id,
    organization: Id,
    user_acl: Acl,
    group_acl: Acl,
}

impl Thing {
    /// Without access lists.
    fn of(object: &Object<'_>) -> Self {
        Self {
            resource: object.resource(),
            id: object.object_id().clone(),
            owner: object.owner_id().clone(),
            organization: object.organization_id().clone(),
            user_acl: Acl::new(),
            group_acl: Acl::new(),
        }
    }

    fn object(&self) -> Object<'_> {
        Object::new(self.resource)
            .id(&self.id)
            .owner(&self.owner)
            .organization(&self.organization)
            .user_acl(&self.user_acl)
            .group_acl(&self.group_acl)
    }
}

/// The things that questions name, as far as they are there and the caller may read them.
#[derive(Clone, Debug, Default)]
pub struct NamedObjects(Vec<(Kind, Uuid, Option<Thing>)>);

/// Loads what the questions name, in one trip to the store; in none if they name nothing.
pub async fn look_up(ctx: &Context, actor: &Principal, wanted: Wanted) -> Result<NamedObjects, Error> {
    if wanted.0.is_empty() {
        return Ok(NamedObjects::default());
    }
    let subject = actor.subject.clone();
    ctx.look(actor, move |look| {
        let found = wanted.0.into_iter().map(|(kind, id)| {
            let thing = find(look.repos, kind, id)?;
            let readable = thing.filter(|thing| subject.allows(Action::Read, &thing.object()));
            Ok((kind, id, readable))
        });
        Ok(NamedObjects(found.collect::<Result<_, Error>>()?))
    })
    .await
}

/// Finds a thing, deleted ones included.
fn find(repos: &mut dyn Repositories, kind: Kind, id: Uuid) -> Result<Option<Thing>, Error> {
    match kind {
        Kind::User => Ok(repos.users().find(UserId(id))?.map(|user| Thing::of(&users::access::user(user.id)))),
        Kind::Group => Ok(repos.groups().find(GroupId(id))?.map(|found| {
            let group = found.group;
            let object = groups::access::object(&group);
            Thing { group_acl: group.readers(), ..Thing::of(&object) }
        })),
        Kind::Template => Ok(repos.templates().find_with_deleted(TemplateId(id))?.map(|template| {
            let object = Thing::of(&templates::access::object(&template));
            Thing { user_acl: template.user_acl, group_acl: template.group_acl, ..object }
        })),
        // A dormant one is of another type.
        Kind::Workspace => {
            let found = repos.workspaces().find_with_deleted(WorkspaceId(id))?;
            Ok(found.map(|workspace| Thing::of(&workspaces::access::object(&workspace))))
        }
    }
}

/// An answer with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Whether it is allowed.
    pub allowed: bool,
    /// A stable word for the reason.
    pub code: &'static str,
    /// The reason for people.
    pub text: String,
    /// The level that decided, if one did.
    pub level: Option<Level>,
    /// The roles that decided: name, and organization if it is one of an organization.
    pub roles: Vec<(String, Option<String>)>,
    /// The entry of an access list that decided.
    pub entry: Option<Entry>,
    /// The scopes of the credential, when they are what refused.
    pub scopes: Vec<String>,
    /// What would still allow it without the above, one after the other; without all of it, it is denied.
    pub further: Vec<Further>,
}

/// What would allow something by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Further {
    /// The level.
    pub level: Level,
    /// The roles: name, and organization if it is one of an organization.
    pub roles: Vec<(String, Option<String>)>,
    /// The entries of access lists.
    pub entries: Vec<Entry>,
}

/// An entry of an access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whether it is in the list of groups, not of users.
    pub is_group: bool,
    /// The user, the group, or the organization for "Everyone".
    pub id: String,
    /// The action in the list; `*` if every action is listed.
    pub action: String,
}

impl NamedObjects {
    /// Answers one question.
    #[must_use]
    pub fn allows(&self, actor: &Principal, check: &Check<'_>) -> bool {
        if actor.refused_in_person(&check.action, &check.resource_type).is_some() {
            return false;
        }
        if check.resource_id.is_empty() {
            let object = described(actor, check);
            return actor.subject.decide_named(&check.action, &check.resource_type, &object).allow();
        }
        self.thing(check).is_some_and(|thing| {
            actor.subject.decide_named(&check.action, thing.resource.as_str(), &thing.object()).allow()
        })
    }

    /// Answers one question and says why: the same answer, at a higher price.
    #[must_use]
    pub fn explain(&self, actor: &Principal, check: &Check<'_>) -> Explained {
        let why = self.explain_access(actor, check);
        match actor.refused_in_person(&check.action, &check.resource_type) {
            Some(text) if why.allowed => refused("app_refused", text),
            Some(_) | None => why,
        }
    }

    fn explain_access(&self, actor: &Principal, check: &Check<'_>) -> Explained {
        if check.resource_id.is_empty() {
            let object = described(actor, check);
            return of_caller(actor, &actor.subject.explain(&check.action, &check.resource_type, &object));
        }
        match self.thing(check) {
            Some(thing) => {
                let object = thing.object();
                of_caller(actor, &actor.subject.explain(&check.action, thing.resource.as_str(), &object))
            }
            None => refused("not_found", "the object does not exist, or the caller may not read it".to_owned()),
        }
    }

    fn thing(&self, check: &Check<'_>) -> Option<&Thing> {
        let (kind, id) = named_thing(check).ok().flatten()?;
        self.0.iter().find(|(known, known_id, _)| (*known, *known_id) == (kind, id))?.2.as_ref()
    }
}

/// A refusal that comes of no level.
const fn refused(code: &'static str, text: String) -> Explained {
    Explained {
        allowed: false,
        code,
        text,
        level: None,
        roles: Vec::new(),
        entry: None,
        scopes: Vec::new(),
        further: Vec::new(),
    }
}

/// The object that a question describes.
fn described(actor: &Principal, check: &Check<'_>) -> Object<'static> {
    let owner = if check.owner_id == "me" { actor.subject.id().clone() } else { Id::from(&*check.owner_id) };
    // The type is taken from its name, which need not be known.
    let object = Object::new(ResourceType::System).owner(owner).organization(&*check.organization_id);
    if check.any_org { object.any_organization() } else { object }
}

/// The answer about the caller.
fn of_caller(actor: &Principal, why: &Explanation<'_>) -> Explained {
    let scopes = || {
        let account = actor.as_account();
        account.map(|account| account.key.scope_names().map(Cow::into_owned).collect()).unwrap_or_default()
    };
    explained(&actor.subject, scopes, why)
}

/// The answer about a subject, whose credential has these scopes.
fn explained(subject: &Subject, scopes: impl FnOnce() -> Vec<String>, why: &Explanation<'_>) -> Explained {
    let because = why.decision.because();
    let refused_by_scope = why.level == Some(Level::Scope);
    let entry = |listed: &Listed<'_>| entry_of(subject, listed);
    let further = |grounds: &Grounds<'_>| Further {
        level: grounds.level,
        roles: names_of(&grounds.roles),
        entries: grounds.listed.iter().map(entry).collect(),
    };
    Explained {
        allowed: because.allow(),
        code: because.code(),
        text: because.to_string(),
        level: why.level,
        roles: names_of(&why.roles),
        entry: why.listed.as_ref().map(entry),
        scopes: if refused_by_scope { scopes() } else { Vec::new() },
        further: why.further.iter().map(further).collect(),
    }
}

/// The names of roles, each with its organization.
fn names_of(roles: &[&Role]) -> Vec<(String, Option<String>)> {
    roles.iter().map(|role| (role.name().to_owned(), organization_of(role))).collect()
}

fn entry_of(subject: &Subject, listed: &Listed<'_>) -> Entry {
    Entry { is_group: listed.id != subject.id(), id: listed.id.to_string(), action: listed.action.to_owned() }
}

/// The organization of a role that has exactly one.
fn organization_of(role: &Role) -> Option<String> {
    let mut organizations = role.organizations().map(|(id, _)| id);
    let first = organizations.next()?;
    organizations.next().is_none().then(|| first.to_string())
}

#[cfg(test)]
mod tests;
