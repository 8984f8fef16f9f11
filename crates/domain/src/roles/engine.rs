//! The decision. One text for known names, which are bits, and for unknown ones, which are matched as text.

use super::acl::Asked;
use super::permission::{Masks, PermissionSet, Vote};
use super::subject_data::{Inner, Row};
use super::{Action, Because, Id, Object, ResourceType, Role};

/// A pair of action and type, and how each level of a subject votes on it.
pub(super) trait Question: Copy {
    /// How the scope votes.
    fn scope(self, subject: &Inner) -> Vote;
    /// How the site level votes.
    fn site(self, subject: &Inner) -> Vote;
    /// How the subject's permissions on its own objects vote.
    fn user(self, subject: &Inner) -> Vote;
    /// How the subject's permissions on its own objects of one organization vote.
    fn owned(self, subject: &Inner, id: &Id) -> Vote;
    /// Whether some organization allows.
    fn any_organization(self, subject: &Inner) -> bool;
    /// How one organization votes, of which the subject is a member.
    fn organization(self, subject: &Inner, id: &Id, masks: &Masks) -> Vote;
    /// The type, if it is known.
    fn resource_type(self) -> Option<ResourceType>;
    /// The action, as access lists are asked.
    fn asked(&self) -> Asked<'_>;
}

/// Who may do it is in the masks.
#[derive(Clone, Copy)]
pub(super) struct Known {
    action: Action,
    resource: ResourceType,
    bit: u16,
    row: Row,
}

impl Known {
    #[inline]
    pub(super) fn new(subject: &Inner, action: Action, resource: ResourceType) -> Self {
        let row = subject.rows.get(resource.row()).copied().unwrap_or_default();
        Self { action, resource, bit: action.bit(), row }
    }
}

impl Question for Known {
    #[inline]
    fn scope(self, _: &Inner) -> Vote {
        self.row.scope.vote(self.bit)
    }

    #[inline]
    fn site(self, _: &Inner) -> Vote {
        self.row.site.vote(self.bit)
    }

    #[inline]
    fn user(self, _: &Inner) -> Vote {
        self.row.user.vote(self.bit)
    }

    fn owned(self, subject: &Inner, id: &Id) -> Vote {
        subject.owned.vote(id, self.resource, self.bit)
    }

    #[inline]
    fn any_organization(self, _: &Inner) -> bool {
        self.row.any & self.bit != 0
    }

    #[inline]
    fn organization(self, _: &Inner, _: &Id, masks: &Masks) -> Vote {
        masks.row(self.resource).vote(self.bit)
    }

    #[inline]
    fn resource_type(self) -> Option<ResourceType> {
        Some(self.resource)
    }

    #[inline]
    fn asked(&self) -> Asked<'_> {
        Asked::Known(self.action)
    }
}

/// Who may do it is read from the lists.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    pub(super) resource_type: Option<ResourceType>,
}

impl Named<'_> {
    fn join<'g>(self, lists: impl Iterator<Item = &'g PermissionSet>) -> Vote {
        lists.map(|list| list.vote_named(self.action, self.resource)).max().unwrap_or(Vote::Silent)
    }
}

impl Question for Named<'_> {
    fn scope(self, subject: &Inner) -> Vote {
        self.join(subject.scope.iter().map(super::Scope::site))
    }

    fn site(self, subject: &Inner) -> Vote {
        self.join(subject.roles.iter().map(Role::site))
    }

    fn user(self, subject: &Inner) -> Vote {
        self.join(subject.roles.iter().map(Role::user))
    }

    fn owned(self, subject: &Inner, id: &Id) -> Vote {
        self.join(subject.roles.iter().filter_map(|role| role.owned_in(id)))
    }

    fn any_organization(self, subject: &Inner) -> bool {
        // Most often no list at all allows, and one look at each tells.
        let mut lists = subject.roles.iter().flat_map(Role::organizations);
        lists.any(|(id, list)| {
            list.vote_named(self.action, self.resource) == Vote::Allow
                && self.join(subject.roles.iter().filter_map(|role| role.organization(id))) == Vote::Allow
        })
    }

    fn organization(self, subject: &Inner, id: &Id, _: &Masks) -> Vote {
        self.join(subject.roles.iter().filter_map(|role| role.organization(id)))
    }

    fn resource_type(self) -> Option<ResourceType> {
        self.resource_type
    }

    fn asked(&self) -> Asked<'_> {
        Asked::parse(self.action)
    }
}

/// The rule: scope and (roles or access lists). Higher levels first; lower ones are heard when those are silent.
#[inline]
pub(super) fn judge<Q: Question>(subject: &Inner, question: Q, object: &Object<'_>) -> Because {
    match refuse_at_the_door(subject, question, object) {
        Some(because) => because,
        None => judge_levels(subject, question, object),
    }
}

/// Whether a refusal for this reason comes of the scope's permissions and of nothing else.
pub(super) fn only_scope<Q: Question>(subject: &Inner, question: Q, object: &Object<'_>, because: Because) -> bool {
    matches!(because, Because::ScopeSilent | Because::ScopeDenies)
        && subject.scope.as_ref().is_some_and(|scope| scope.admits(question.resource_type(), &object.id))
        && judge_levels(subject, question, object).allow()
}

/// The part of the rule that is about the person, whatever the credential.
#[inline]
fn judge_levels<Q: Question>(subject: &Inner, question: Q, object: &Object<'_>) -> Because {
    let site = question.site(subject);
    if site == Vote::Allow {
        return Because::SiteAllows;
    }

    let (is_member, organization) = if object.any_organization {
        let allow = question.any_organization(subject);
        (!subject.members.is_empty(), if allow { Vote::Allow } else { Vote::Silent })
    } else {
        match subject.members.find(&object.organization) {
            None => (false, Vote::Silent),
            Some(masks) => {
                let vote = question.organization(subject, &object.organization, masks);
                (!object.organization.is_empty(), vote)
            }
        }
    };
    let mut because = Because::NothingAllows;
    if site == Vote::Deny {
        because = Because::SiteDenies;
    } else if organization == Vote::Allow {
        return Because::OrganizationAllows;
    } else if organization == Vote::Deny {
        because = Because::OrganizationDenies;
    } else if !object.owner.is_empty() && object.owner == subject.id {
        let in_organization = is_member || (object.organization.is_empty() && !object.any_organization);
        let user = question.user(subject);
        let user =
            if subject.owned.is_empty() { user } else { user.max(own_there(subject, question, object, is_member)) };
        match user {
            Vote::Allow if in_organization => return Because::UserAllows,
            Vote::Allow => because = Because::NotMember,
            Vote::Deny => because = Because::UserDenies,
            Vote::Silent => {}
        }
    }
    listed(subject, question.asked(), object, is_member).unwrap_or(because)
}

/// How the permissions on what the subject owns in an organization vote. Where any organization will do, one allows in which
/// the organization's own list does not deny.
#[cold]
fn own_there<Q: Question>(subject: &Inner, question: Q, object: &Object<'_>, is_member: bool) -> Vote {
    if !object.any_organization {
        return if is_member { question.owned(subject, &object.organization) } else { Vote::Silent };
    }
    let allows = |id: &Id| {
        let organization = |masks| question.organization(subject, id, masks);
        question.owned(subject, id) == Vote::Allow
            && subject.members.find(id).is_some_and(|masks| organization(masks) != Vote::Deny)
    };
    if subject.owned.iter().any(allows) { Vote::Allow } else { Vote::Silent }
}

/// Questions that are mistakes, and the scope.
#[inline]
fn refuse_at_the_door<Q: Question>(subject: &Inner, question: Q, object: &Object<'_>) -> Option<Because> {
    if subject.roles.is_empty() {
        return Some(Because::NoRoles);
    }
    let Some(scope) = &subject.scope else { return Some(Because::NoScope) };
    if object.any_organization && !object.organization.is_empty() && !object.organization.is_nil() {
        return Some(Because::OrganizationAndAny);
    }
    match question.scope(subject) {
        Vote::Deny => return Some(Because::ScopeDenies),
        Vote::Silent => return Some(Because::ScopeSilent),
        Vote::Allow => {}
    }
    if !scope.admits(question.resource_type(), &object.id) {
        return Some(Because::ScopeOtherObject);
    }
    None
}

/// Access lists, which no deny of a role can stop.
#[inline]
fn listed(subject: &Inner, asked: Asked<'_>, object: &Object<'_>, is_member: bool) -> Option<Because> {
    if object.user_acl.is_some_and(|acl| acl.allows(&subject.id, asked)) {
        return Some(Because::UserListed);
    }
    let acl = object.group_acl.filter(|_| is_member)?;
    if acl.allows(&object.organization, asked) {
        return Some(Because::EveryoneListed);
    }
    acl.allows_any(&subject.groups, asked).then_some(Because::GroupListed)
}
