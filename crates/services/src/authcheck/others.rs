//! Why somebody may do something, or may not, and what would change it.

use super::change::{Changes, changes};
use super::people::{Person, load};
use super::question::{Asked, AskedView, Question, may_ask_everywhere, reach, read};
use super::{Entry, Explained, entry_of, explained, names_of, refused};
use crate::audit::{Audited, Diff, Snapshot};
use crate::context::Context;
use crate::error::{Error, FieldError};
use crate::principal::Principal;
use crate::users::reference::look_up;
use crate::users::{UserRef, access};
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::oauth2::Scopes;
use doorward_domain::roles::{Action, Level, Scope, Step, Subject, Vote};
use doorward_domain::users::ReducedUser;
use doorward_ports::Repositories;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Whose access is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whom {
    /// Id or name; empty or `me` is the caller.
    pub user: String,
    /// The scopes of the token through which they come; `None` is a session, which may do all that its user may.
    pub scopes: Option<Vec<String>>,
}

/// An answer about somebody.
#[derive(Clone, Debug)]
pub struct AccessView {
    /// Whom it is about.
    pub user: ReducedUser,
    /// What it is about.
    pub asked: AskedView,
    /// The answer and its reason.
    pub why: Explained,
    /// What each level says, from the first that is asked to the last.
    pub steps: Vec<StepView>,
    /// What would change it.
    pub changes: Changes,
    /// What the ids in all of it are called.
    pub names: Names,
}

/// What one level says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepView {
    /// The level.
    pub level: Level,
    /// What it says.
    pub vote: Vote,
    /// Whether it is heard: levels before it have not decided.
    pub heard: bool,
    /// The roles that say so: name, and organization if it is one of an organization.
    pub roles: Vec<(String, Option<String>)>,
    /// The entries that say so, at the level of access lists.
    pub entries: Vec<Entry>,
}

/// The names of things, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Organizations.
    pub organizations: BTreeMap<String, String>,
    /// Groups.
    pub groups: BTreeMap<String, String>,
    /// Users.
    pub users: BTreeMap<String, String>,
}

/// Says whether somebody may do something, why, and what would change it. Nobody is told of it; that others were asked about is
/// recorded.
///
/// About oneself anybody may ask who may read what is personal to them. About others those may ask who may read what the answer
/// rests on: `user:read`, `organization_member:read`, `group_member:read` and `assign_org_role:read`; with the last three in one
/// organization alone, about its members and what belongs to it. Errors: `Forbidden`, `UserNotFound` (missing, or no member
/// there), `OrganizationNotFound` and `NoSuch` (missing or not readable), `Invalid` (`action`, `resource_type`, `resource_id`,
/// `app_token_scopes`).
pub async fn explain_access(
    ctx: &Context,
    actor: &Principal,
    whom: Whom,
    question: Question,
) -> Result<AccessView, Error> {
    let scope = scope_of(&whom)?;
    let asked = question.clone();
    let view = ctx.look(actor, move |look| answer(look.repos, look.by, &whom, scope, &asked)).await?;
    if !actor.is(view.user.id) {
        record(ctx, actor, AuditAction::ExplainAccess, Asking::about(&view)).await?;
    }
    Ok(view)
}

/// The scope of the credential that is asked about, with the names of its scopes.
pub(super) fn scope_of(whom: &Whom) -> Result<(Scope, Vec<String>), Error> {
    let Some(names) = &whom.scopes else { return Ok((Scope::all(), Vec::new())) };
    let scopes = Scopes::from_names(names).map_err(|unknown| {
        let field = FieldError::new("app_token_scopes", unknown.to_string());
        Error::invalid_fields(field.detail.clone(), vec![field])
    })?;
    Ok((scopes.to_scope(), names.clone()))
}

pub(super) fn answer(
    repos: &mut dyn Repositories,
    actor: &Principal,
    whom: &Whom,
    (scope, scopes): (Scope, Vec<String>),
    question: &Question,
) -> Result<AccessView, Error> {
    let reference = if whom.user.is_empty() { UserRef::Me } else { UserRef::parse(&whom.user) };
    let found = look_up(repos, actor, &reference)?;
    let is_self = found.as_ref().is_some_and(|user| actor.is(user.id));
    if is_self {
        let me = actor.account()?.user.id;
        access::may(actor, Action::ReadPersonal, &access::user(me))?;
    }
    let asked = match read(repos, actor, question) {
        // Who may ask nothing of others is told that, whatever the question is.
        Err(error) if !is_self => return Err(refusal(actor, error)),
        asked => asked?,
    };
    let reached = reach(actor, asked.place());
    if !is_self && let Err(denied) = &reached {
        return Err(Error::Forbidden(denied.clone()));
    }
    let id = found.ok_or(Error::UserNotFound)?.id;
    let people = load(repos, &[id])?;
    let person = people.list.into_iter().next().ok_or(Error::UserNotFound)?;
    let is_there = |person: &Person| asked.place().is_some_and(|place| person.membership(place).is_some());
    if !is_self && matches!(reached, Ok(false)) && !is_there(&person) {
        return Err(Error::UserNotFound);
    }
    let subject = person.subject(&people.custom, scope);
    let (why, steps) = judged(&person, &subject, scopes, &asked);
    let changes = changes(repos, &person, &people.custom, &asked, &subject, &why, reached.is_ok())?;
    let names = named(repos, &why, &steps, &changes)?;
    Ok(AccessView { user: person.user.into(), asked: asked.view, why, steps, changes, names })
}

/// The error about a question of one who may perhaps not ask at all.
fn refusal(actor: &Principal, error: Error) -> Error {
    // In no organization, or in none that could be found.
    match (may_ask_everywhere(actor), &error) {
        (Err(denied), Error::OrganizationNotFound(_) | Error::NoSuch(_) | Error::UserNotFound)
            if actor.organizations_with_roles().is_empty() =>
        {
            Error::Forbidden(denied)
        }
        _ => error,
    }
}

/// The answer with its reason, and what each level says.
pub(super) fn judged(
    person: &Person,
    subject: &Subject,
    scopes: Vec<String>,
    asked: &Asked,
) -> (Explained, Vec<StepView>) {
    let object = asked.thing.object();
    let (action, resource) = (asked.view.action.as_str(), asked.view.resource_type.as_str());
    let why = if person.user.may_act() {
        explained(subject, || scopes, &subject.explain(action, resource, &object))
    } else {
        refused("suspended", "the account is suspended, so that no credential of it is accepted".to_owned())
    };
    let step = |step: &Step<'_>| StepView {
        level: step.level,
        vote: step.vote,
        heard: step.heard && person.user.may_act(),
        roles: names_of(&step.roles),
        entries: step.listed.iter().map(|listed| entry_of(subject, listed)).collect(),
    };
    let steps = subject.chain(action, resource, &object).iter().map(step).collect();
    (why, steps)
}

/// Looks up what ids are called.
fn named(repos: &mut dyn Repositories, why: &Explained, steps: &[StepView], changes: &Changes) -> Result<Names, Error> {
    let entries = steps.iter().flat_map(|step| &step.entries).chain(&why.entry);
    let (groups, users): (Vec<&Entry>, Vec<&Entry>) = entries.partition(|entry| entry.is_group);
    let groups = groups.into_iter().filter_map(|entry| Uuid::parse_str(&entry.id).ok()).chain(changes.groups());
    let users = users.into_iter().filter_map(|entry| entry.id.parse().ok());
    let roles = steps.iter().flat_map(|step| &step.roles).chain(&why.roles);
    let places = roles.filter_map(|(_, place)| Uuid::parse_str(place.as_deref()?).ok()).chain(changes.organizations());
    Names::of(repos, places, groups, users)
}

impl Names {
    /// The names of these organizations, groups and users, as far as they are there; each is looked up once.
    pub(super) fn of(
        repos: &mut dyn Repositories,
        organizations: impl IntoIterator<Item = Uuid>,
        groups: impl IntoIterator<Item = Uuid>,
        users: impl IntoIterator<Item = UserId>,
    ) -> Result<Self, Error> {
        let places: BTreeSet<_> = organizations.into_iter().map(OrganizationId).collect();
        let groups: BTreeSet<_> = groups.into_iter().map(GroupId).collect();
        let users: BTreeSet<_> = users.into_iter().collect();
        let (places, groups, users) = (Vec::from_iter(places), Vec::from_iter(groups), Vec::from_iter(users));
        let places = repos.organizations().list_by_id(&places)?;
        let groups = repos.groups().list_by_id(&groups)?;
        let users = repos.users().list_by_id(&users)?;
        Ok(Self {
            organizations: places.into_iter().map(|place| (place.id.to_string(), place.name.to_string())).collect(),
            groups: groups
                .into_iter()
                .map(|found| (found.group.id.to_string(), found.group.name.to_string()))
                .collect(),
            users: users.into_iter().map(|user| (user.id.to_string(), user.username.to_string())).collect(),
        })
    }
}

/// What audit records say of a question.
pub(super) fn recorded(asked: &AskedView, allowed: Option<bool>) -> Map<String, Value> {
    let mut question = json!({ "action": asked.action.as_str(), "resource_type": asked.resource_type.as_str() });
    let more = [
        ("resource_id", asked.thing.as_ref().map(|(id, _)| id.clone())),
        ("organization_id", asked.organization.as_ref().map(|(id, _)| id.to_string())),
        ("owner_id", asked.owner.map(|id| id.to_string())),
    ];
    if let Some(object) = question.as_object_mut() {
        object.extend(more.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into()))));
    }
    let allowed = allowed.map(|allowed| ("allowed".to_owned(), allowed.into()));
    [("question".to_owned(), question)].into_iter().chain(allowed).collect()
}

/// Writes that somebody asked.
pub(super) async fn record(ctx: &Context, actor: &Principal, action: AuditAction, about: Asking) -> Result<(), Error> {
    ctx.act(actor, move |deed| Ok::<_, Error>(deed.entry().noted(action, 200, &about, Diff::default())?.answer(())))
        .await
}

/// A question, as the audit log knows it.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) kind: AuditResource,
    pub(super) id: String,
    pub(super) target: String,
    pub(super) organization: Option<OrganizationId>,
    pub(super) about: Map<String, Value>,
}

impl Asking {
    /// A question about a user that was answered.
    pub(super) fn about(view: &AccessView) -> Self {
        Self {
            kind: AuditResource::User,
            id: view.user.id.to_string(),
            target: view.user.username.to_string(),
            organization: view.asked.organization.as_ref().map(|(id, _)| *id),
            about: recorded(&view.asked, Some(view.why.allowed)),
        }
    }
}

impl Audited for Asking {
    fn kind(&self) -> AuditResource {
        self.kind
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn target(&self) -> String {
        self.target.clone()
    }

    fn organization(&self) -> Option<OrganizationId> {
        self.organization
    }

    fn about(&self) -> Map<String, Value> {
        self.about.clone()
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
    }
}
