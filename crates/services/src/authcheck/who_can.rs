//! Who can do something: those whose roles, ownership or entries may let them are gathered, and each is then asked about.

use super::change::says_yes;
use super::others::{AccessView, Asking, Whom, answer, judged, record, recorded, scope_of};
use super::people::load;
use super::question::{Asked, AskedView, Question, reach, read};
use super::{Explained, Names};
use crate::context::Context;
use crate::error::Error;
use crate::principal::Principal;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::organizations::Organization;
use doorward_domain::page::Page;
use doorward_domain::roles::{
    Action, BuiltIn, CustomRole, Kind, ListFilter, MEMBER, ORGANIZATION_MEMBER, ResourceType,
};
use doorward_domain::users::{ReducedUser, UserFilter, UserStatus};
use doorward_ports::groups::MemberScope;
use doorward_ports::{Repositories, StoreError};
use std::collections::BTreeSet;
use uuid::Uuid;

/// So many are told.
pub const WHO_CAN_MAX: usize = 25;
/// From each source, and of all of them together, at most so many are asked about.
const LOOKED_AT_MAX: u32 = 500;

/// Who can do something.
#[derive(Clone, Debug)]
pub struct WhoCan {
    /// What was asked.
    pub asked: AskedView,
    /// The first of them by name, at most [`WHO_CAN_MAX`].
    pub users: Vec<Capable>,
    /// How many there are of those who were asked about.
    pub count: usize,
    /// Whether all were asked about who can be in question; else there may be more than `count`.
    pub is_complete: bool,
    /// Only members of this organization were asked about, because the caller may ask about no others.
    pub within: Option<OrganizationId>,
    /// What the ids in all of it are called.
    pub names: Names,
}

/// Somebody who can.
#[derive(Clone, Debug)]
pub struct Capable {
    /// Who.
    pub user: ReducedUser,
    /// Why.
    pub why: Explained,
}

/// Says who can do something, through a session: the first by name, and how many there are, within a bound. Suspended users
/// cannot. It is recorded who asked.
///
/// Those may ask who may ask about others, see [`explain_access`](super::explain_access). Errors: `Forbidden`,
/// `OrganizationNotFound`, `UserNotFound` and `NoSuch` (missing or not readable), `Invalid` (`action`, `resource_type`, `resource_id`).
pub async fn who_can(ctx: &Context, actor: &Principal, question: Question) -> Result<WhoCan, Error> {
    let (found, kind) = ctx.look(actor, move |look| search(look.repos, look.by, &question)).await?;
    record(ctx, actor, AuditAction::SearchAccess, asking(actor, &found, kind)).await?;
    Ok(found)
}

/// Both at once, of the same state: [`explain_access`](super::explain_access), and [`who_can`] for callers who may ask that. It is
/// one question, and one record: that of the user, if it is about another one.
///
/// Needs and errors: those of [`explain_access`](super::explain_access).
pub async fn explain_with_others(
    ctx: &Context,
    actor: &Principal,
    whom: Whom,
    question: Question,
) -> Result<(AccessView, Option<WhoCan>), Error> {
    let scope = scope_of(&whom)?;
    let look = ctx.look(actor, move |look| {
        let view = answer(look.repos, look.by, &whom, scope, &question)?;
        match search(look.repos, look.by, &question) {
            Ok(found) => Ok((view, Some(found))),
            // Who may not ask about others asks about themselves.
            Err(Error::Forbidden(_)) => Ok((view, None)),
            Err(error) => Err(error),
        }
    });
    let (view, found) = look.await?;
    if !actor.is(view.user.id) {
        let mut asking = Asking::about(&view);
        if found.is_some() {
            asking.about.insert("who_can".to_owned(), true.into());
        }
        record(ctx, actor, AuditAction::ExplainAccess, asking).await?;
    } else if let Some((found, kind)) = &found {
        record(ctx, actor, AuditAction::SearchAccess, asking(actor, found, *kind)).await?;
    }
    Ok((view, found.map(|(found, _)| found)))
}

/// The question as it is recorded.
fn asking(actor: &Principal, found: &WhoCan, kind: Option<AuditResource>) -> Asking {
    let thing = found.asked.thing.clone().zip(kind);
    let place = found.asked.organization.clone();
    let me = actor.as_account().map(|account| (account.user.id.to_string(), account.user.username.to_string()));
    let (kind, (id, target)) = match (thing, place) {
        (Some((thing, kind)), _) => (kind, thing),
        (None, Some((id, name))) => (AuditResource::Organization, (id.to_string(), name)),
        // All of a type, wherever it is: the record stands with the one who asked.
        (None, None) => (AuditResource::User, me.unwrap_or_default()),
    };
    let organization = found.asked.organization.as_ref().map(|(id, _)| *id);
    Asking { kind, id, target, organization, about: recorded(&found.asked, None) }
}

fn search(
    repos: &mut dyn Repositories,
    actor: &Principal,
    question: &Question,
) -> Result<(WhoCan, Option<AuditResource>), Error> {
    // Who may ask nothing at all is told that first.
    if actor.organizations_with_roles().is_empty() {
        reach(actor, None)?;
    }
    let asked = read(repos, actor, question)?;
    let everywhere = reach(actor, asked.place())?;
    let within = asked.place().filter(|_| !everywhere);
    let mut candidates = Candidates::default();
    candidates.gather(repos, &asked)?;
    let mut ids: Vec<UserId> = candidates.ids.into_iter().collect();
    let is_complete = candidates.is_complete && ids.len() <= page_len();
    ids.truncate(page_len());
    let people = load(repos, &ids)?;
    let mut users = Vec::new();
    for person in people.list {
        if !person.user.may_act() || within.is_some_and(|place| person.membership(place).is_none()) {
            continue;
        }
        let subject = person.in_session(&people.custom);
        if subject.allows(asked.view.action, &asked.thing.object()) {
            let (why, _) = judged(&person, &subject, Vec::new(), &asked);
            users.push(Capable { user: person.user.into(), why });
        }
    }
    let count = users.len();
    users.truncate(WHO_CAN_MAX);
    let names = names_in(repos, &users)?;
    Ok((WhoCan { asked: asked.view, users, count, is_complete, within, names }, asked.recorded))
}

/// Those who may be able to.
struct Candidates {
    ids: BTreeSet<UserId>,
    is_complete: bool,
}

impl Default for Candidates {
    fn default() -> Self {
        Self { ids: BTreeSet::new(), is_complete: true }
    }
}

impl Candidates {
    fn add(&mut self, ids: impl IntoIterator<Item = UserId>) {
        let ids: Vec<UserId> = ids.into_iter().collect();
        self.is_complete &= ids.len() < page_len();
        self.ids.extend(ids);
    }

    fn gather(&mut self, repos: &mut dyn Repositories, asked: &Asked) -> Result<(), Error> {
        self.by_site_roles(repos, asked)?;
        if let Some(id) = asked.place()
            && let Some(place) = repos.organizations().find(id)?
        {
            self.by_organization(repos, asked, &place)?;
        }
        self.add(asked.thing.owner.as_uuid().map(UserId));
        let named = asked.thing.user_acl.iter().filter(|(_, actions)| lists(asked.view.action, actions));
        self.add(named.filter_map(|(id, _)| id.as_uuid()).map(UserId).take(page_len()));
        Ok(())
    }

    /// By what roles say of the whole site.
    fn by_site_roles(&mut self, repos: &mut dyn Repositories, asked: &Asked) -> Result<(), Error> {
        let yes = |role: &&BuiltIn| says_yes(role.site(), asked);
        let of_kind = |kind: Kind| BuiltIn::all().iter().filter(move |role| role.kind() == kind);
        let custom = repos.roles().list_custom(None)?;
        let custom =
            custom.iter().filter(|role| says_yes(role.role().site(), asked)).map(|role| role.name().name().to_owned());
        let built_in = of_kind(Kind::Site).filter(yes).map(|role| role.name().to_owned());
        let roles: BTreeSet<String> = built_in.chain(custom).collect();
        if !roles.is_empty() {
            let roles = if roles.contains(MEMBER) { Vec::new() } else { roles.into_iter().collect() };
            let statuses = vec![UserStatus::Active, UserStatus::Dormant];
            let filter = UserFilter { roles, statuses, ..UserFilter::default() };
            let page = Page { limit: Some(LOOKED_AT_MAX), ..Page::default() };
            let found = repos.users().list(&filter, &everything(ResourceType::User), page)?;
            self.add(found.users.into_iter().map(|user| user.id));
        }
        // Some roles of organizations speak of the whole site too.
        let spoken: Vec<String> = of_kind(Kind::Organization).filter(yes).map(|role| role.name().to_owned()).collect();
        if spoken.is_empty() {
            return Ok(());
        }
        let holders = repos.members().list_holders(None, &spoken, LOOKED_AT_MAX)?;
        self.add(holders);
        let places = repos.organizations().list(&everything(ResourceType::Organization))?;
        let given = |place: &&Organization| place.default_roles.names().iter().any(|name| spoken.contains(name));
        for place in places.iter().filter(given) {
            self.members_of(repos, place.id)?;
        }
        Ok(())
    }

    /// By what roles and access lists say in the organization of the thing.
    fn by_organization(
        &mut self,
        repos: &mut dyn Repositories,
        asked: &Asked,
        place: &Organization,
    ) -> Result<(), Error> {
        let built_in = BuiltIn::all().iter().filter(|role| role.kind() == Kind::Organization);
        let built_in = built_in.filter(|role| says_yes(role.organization(), asked)).map(|role| role.name().to_owned());
        let custom = repos.roles().list_custom(Some(place.id))?;
        let in_custom = |role: &&CustomRole| role.role().organizations().any(|(_, list)| says_yes(list, asked));
        let custom = custom.iter().filter(in_custom).map(|role| role.name().name().to_owned());
        let roles: BTreeSet<String> = built_in.chain(custom).collect();
        let to_all = |name: &String| name == ORGANIZATION_MEMBER || place.default_roles.names().contains(name);
        let everyone_listed = asked.thing.group_acl.actions_of(&place.id.0.into());
        if roles.iter().any(to_all) || everyone_listed.is_some_and(|actions| lists(asked.view.action, &actions)) {
            self.members_of(repos, place.id)?;
        } else if !roles.is_empty() {
            let roles: Vec<String> = roles.into_iter().collect();
            let holders = repos.members().list_holders(Some(place.id), &roles, LOOKED_AT_MAX)?;
            self.add(holders);
        }
        let listed = asked.thing.group_acl.iter().filter(|(_, actions)| lists(asked.view.action, actions));
        let listed: Vec<Uuid> = listed.filter_map(|(id, _)| id.as_uuid()).filter(|id| *id != place.id.0).collect();
        let groups: Vec<GroupId> = listed.into_iter().map(GroupId).collect();
        for found in repos.groups().list_by_id(&groups)? {
            self.members_of_group(repos, &found.group)?;
        }
        Ok(())
    }

    /// Whether no more are asked about anyway.
    fn is_full(&mut self) -> bool {
        let is_full = self.ids.len() >= page_len();
        self.is_complete &= !is_full;
        is_full
    }

    fn members_of(&mut self, repos: &mut dyn Repositories, place: OrganizationId) -> Result<(), StoreError> {
        if self.is_full() {
            return Ok(());
        }
        let page = Page { limit: Some(LOOKED_AT_MAX), ..Page::default() };
        let found = repos.members().list(place, &everything(ResourceType::OrganizationMember), page)?;
        self.add(found.members.into_iter().map(|member| member.membership.user_id));
        Ok(())
    }

    fn members_of_group(&mut self, repos: &mut dyn Repositories, group: &Group) -> Result<(), StoreError> {
        if self.is_full() {
            return Ok(());
        }
        let page = Page { limit: Some(LOOKED_AT_MAX), ..Page::default() };
        let found = repos.groups().page_members(group, &UserFilter::default(), &MemberScope::All, page)?;
        self.add(found.users.into_iter().map(|user| user.id));
        Ok(())
    }
}

fn page_len() -> usize {
    usize::try_from(LOOKED_AT_MAX).unwrap_or(usize::MAX)
}

/// Whether an entry with these actions allows one.
fn lists(action: Action, actions: &[&str]) -> bool {
    actions.iter().any(|listed| *listed == action.as_str() || *listed == "*")
}

/// All of a type: whom the answer names the caller may read, which was asked before.
fn everything(kind: ResourceType) -> ListFilter {
    Principal::system("who can do something is looked for among all").subject.list_filter(Action::Read, kind)
}

fn names_in(repos: &mut dyn Repositories, users: &[Capable]) -> Result<Names, Error> {
    let places = users.iter().flat_map(|capable| &capable.why.roles).filter_map(|(_, place)| place.as_deref());
    let groups = users.iter().filter_map(|capable| capable.why.entry.as_ref()).filter(|entry| entry.is_group);
    let ids = |text: &str| Uuid::parse_str(text).ok();
    Names::of(repos, places.filter_map(ids), groups.filter_map(|entry| ids(&entry.id)), [])
}
