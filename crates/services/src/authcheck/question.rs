//! What is asked about the access of others, and who may ask.

use super::{Kind, Thing, find};
use crate::error::{Error, FieldError, VALIDATION_FAILED};
use crate::organizations::{self, OrganizationRef};
use crate::principal::Principal;
use crate::users::reference::{look_up, resolve as resolve_user};
use crate::users::{UserRef, access};
use doorward_domain::audit::AuditResource;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::roles::{Acl, Action, Denied, Id, Object, ResourceType};
use doorward_ports::Repositories;
use uuid::Uuid;

/// A question as it is sent; what is empty is unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// To do what.
    pub action: String,
    /// On which type of resource.
    pub resource_type: String,
    /// One that exists: the id of a user, group, template or workspace, or the name of a user, group or template. What is stored
    /// of it replaces what else is said.
    pub resource: String,
    /// In which organization: id or name. Names of groups and templates without it are those of the default one.
    pub organization: String,
    /// Whose it is: id, name or `me`.
    pub owner: String,
}

/// A question that can be answered, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedView {
    /// To do what.
    pub action: Action,
    /// On which type of resource; a dormant workspace is of another one than was asked for.
    pub resource_type: ResourceType,
    /// Id and name of the one thing that is asked about.
    pub thing: Option<(String, String)>,
    /// The organization: id and name.
    pub organization: Option<(OrganizationId, String)>,
    /// The owner, if the question has one.
    pub owner: Option<UserId>,
}

/// A question that can be answered.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) view: AskedView,
    pub(super) thing: Thing,
    /// What audit records call the one thing that is asked about.
    pub(super) recorded: Option<AuditResource>,
}

impl Asked {
    /// The organization that the question is about.
    pub(super) fn place(&self) -> Option<OrganizationId> {
        self.thing.organization.as_uuid().filter(|id| !id.is_nil()).map(OrganizationId)
    }
}

/// Reads a question. Every defect is told; what it names must be there, and the caller be able to read it.
pub(super) fn read(repos: &mut dyn Repositories, actor: &Principal, question: &Question) -> Result<Asked, Error> {
    let (action, resource) = names(question)?;
    let organization = match &*question.organization {
        "" => None,
        text => Some(organizations::resolve(repos, actor, &OrganizationRef::parse(text))?),
    };
    let named = match &*question.resource {
        "" => None,
        text => Some(named(repos, actor, resource, text, organization.as_ref().map(|place| place.id))?),
    };
    let owner = match &*question.owner {
        "" => None,
        text => Some(resolve_user(repos, actor, &UserRef::parse(text))?.id),
    };
    let is_named = named.is_some();
    let (thing, target, recorded) = match named {
        Some((thing, target, recorded)) => (thing, Some(target), Some(recorded)),
        None => (described(resource, organization.as_ref().map(|place| place.id), owner), None, None),
    };
    let place = thing.organization.as_uuid().map(OrganizationId);
    // That of the thing, which may be another one than was said.
    let organization = match (place, organization) {
        (Some(place), Some(known)) if known.id == place => Some((place, known.name.to_string())),
        (Some(place), _) => repos.organizations().find(place)?.map(|found| (found.id, found.name.to_string())),
        (None, _) => None,
    };
    let owner = if is_named { thing.owner.as_uuid().map(UserId) } else { owner };
    let view = AskedView {
        action,
        resource_type: thing.resource,
        thing: target.map(|target| (thing.id.to_string(), target)),
        organization,
        owner,
    };
    Ok(Asked { view, thing, recorded })
}

/// Action and type, which must be known and fit together: here nobody guesses in vain.
fn names(question: &Question) -> Result<(Action, ResourceType), Error> {
    let mut fields = Vec::new();
    let resource = ResourceType::parse(&question.resource_type);
    if resource.is_none() {
        let known = ResourceType::ALL.map(ResourceType::as_str).join(", ");
        let detail = format!("`{}` is no type of resource: it must be one of {known}", question.resource_type);
        fields.push(FieldError::new("resource_type", detail));
    }
    let action = Action::parse(&question.action);
    let fits = |action: Action| resource.is_none_or(|resource: ResourceType| resource.defines(action));
    if !action.is_some_and(fits) {
        let detail = match resource {
            Some(resource) => {
                let known: Vec<&str> = resource.actions().iter().map(|action| action.as_str()).collect();
                format!("nobody can `{}` a {resource}: it must be one of {}", question.action, known.join(", "))
            }
            None => format!("`{}` is no action", question.action),
        };
        fields.push(FieldError::new("action", detail));
    }
    match (action, resource) {
        (Some(action), Some(resource)) if fields.is_empty() => Ok((action, resource)),
        _ => {
            let message = match fields.as_slice() {
                [only] => only.detail.clone(),
                _ => VALIDATION_FAILED.to_owned(),
            };
            Err(Error::invalid_fields(message, fields))
        }
    }
}

/// The thing that is named, what people call it, and what audit records do.
fn named(
    repos: &mut dyn Repositories,
    actor: &Principal,
    resource: ResourceType,
    text: &str,
    place: Option<OrganizationId>,
) -> Result<(Thing, String, AuditResource), Error> {
    let Some(kind) = Kind::parse(resource.as_str()) else {
        let detail = format!("no single {resource} can be named: leave it out to ask about all of them");
        return Err(Error::invalid_field("resource_id", detail));
    };
    let uuid = Uuid::try_parse(text).ok();
    let found = match (kind, uuid) {
        (Kind::Workspace, None) => {
            return Err(Error::invalid_field("resource_id", "a workspace is named by its id, a UUID"));
        }
        (_, Some(id)) => Some(id),
        (Kind::User, None) => look_up(repos, actor, &UserRef::parse(text))?.map(|user| user.id.0),
        (Kind::Group, None) => {
            let place = place_of_name(repos, actor, place)?;
            repos.groups().find_by_name(place, text)?.map(|found| found.group.id.0)
        }
        (Kind::Template, None) => {
            let place = place_of_name(repos, actor, place)?;
            repos.templates().find_by_name(place, text)?.map(|template| template.id.0)
        }
    };
    let found = match found {
        Some(id) => find(repos, kind, id)?.map(|thing| (id, thing)),
        None => None,
    };
    let (id, thing) = found
        .filter(|(_, thing)| actor.subject.allows(Action::Read, &thing.object()))
        .ok_or_else(|| Error::NoSuch(format!("There is no {resource} `{text}` here that you can read.")))?;
    let target = target(repos, kind, id)?.unwrap_or_else(|| text.to_owned());
    let recorded = match kind {
        Kind::User => AuditResource::User,
        Kind::Group => AuditResource::Group,
        Kind::Template => AuditResource::Template,
        Kind::Workspace => AuditResource::Workspace,
    };
    Ok((thing, target, recorded))
}

/// The organization in which a name is looked for.
fn place_of_name(
    repos: &mut dyn Repositories,
    actor: &Principal,
    place: Option<OrganizationId>,
) -> Result<OrganizationId, Error> {
    let reference = place.map_or(OrganizationRef::Default, OrganizationRef::Id);
    Ok(organizations::resolve(repos, actor, &reference)?.id)
}

/// What people call a thing.
fn target(repos: &mut dyn Repositories, kind: Kind, id: Uuid) -> Result<Option<String>, Error> {
    Ok(match kind {
        Kind::User => repos.users().find(UserId(id))?.map(|user| user.username.to_string()),
        Kind::Group => repos.groups().find(id.into())?.map(|found| found.group.name.to_string()),
        Kind::Template => repos.templates().find_with_deleted(id.into())?.map(|template| template.name.to_string()),
        Kind::Workspace => repos.workspaces().find_with_deleted(id.into())?.map(|workspace| workspace.name.to_string()),
    })
}

/// A thing that is described.
fn described(resource: ResourceType, place: Option<OrganizationId>, owner: Option<UserId>) -> Thing {
    Thing {
        resource,
        id: Id::EMPTY,
        owner: owner.map_or(Id::EMPTY, |id| id.0.into()),
        organization: place.map_or(Id::EMPTY, |id| id.0.into()),
        user_acl: Acl::new(),
        group_acl: Acl::new(),
    }
}

/// What an answer about others rests on: whoever asks must be able to read all of it.
const RESTS_ON: [ResourceType; 3] =
    [ResourceType::OrganizationMember, ResourceType::GroupMember, ResourceType::AssignOrgRole];

/// Whether the caller may ask about everybody and everything.
pub(super) fn may_ask_everywhere(actor: &Principal) -> Result<(), Denied> {
    access::may(actor, Action::Read, &Object::new(ResourceType::User))?;
    RESTS_ON.into_iter().try_for_each(|kind| access::may(actor, Action::Read, &Object::new(kind)))
}

/// Whether the caller may ask about the members of this organization and what belongs to it, or (`None`) about everything;
/// which, if so: `true` is everywhere.
pub(super) fn reach(actor: &Principal, place: Option<OrganizationId>) -> Result<bool, Denied> {
    let everywhere = may_ask_everywhere(actor);
    match (everywhere, place) {
        (Ok(()), _) => Ok(true),
        (Err(denied), None) => Err(denied),
        (Err(_), Some(place)) => {
            let there = |kind| access::may(actor, Action::Read, &Object::new(kind).organization(place.0));
            RESTS_ON.into_iter().try_for_each(there).map(|()| false)
        }
    }
}
