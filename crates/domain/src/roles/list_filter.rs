//! The decision for every row of a list at once.

use super::acl::{Asked, contains};
use super::permission::Vote;
use super::subject_data::Inner;
use super::{Action, Id, Object, ResourceType};

/// What of a list a subject may see, as data: a storage adapter turns it into SQL, and [`matches`](Self::matches)
/// evaluates it in memory. It equals the decision on each row.
///
/// ```text
/// never     -> false
/// gate      := no allowed_ids, or id = ANY(allowed_ids)
/// all       -> gate
/// otherwise -> gate AND (org = ANY(organizations) OR owner clause OR access lists)
/// ```
///
/// ```
/// use doorward_domain::roles::{Action, Object, ResourceType, Scope, Subject};
/// use uuid::Uuid;
///
/// let (alice, acme) = (Uuid::NAMESPACE_URL, Uuid::NAMESPACE_DNS);
/// let subject = Subject::for_user(alice).membership(acme, ["organization-auditor"]).scope(Scope::all()).build();
/// let filter = subject.list_filter(Action::Read, ResourceType::Template);
/// assert_eq!(filter.organizations(), [acme.into()]);
/// assert!(filter.matches(&Object::new(ResourceType::Template).organization(acme)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListFilter {
    action: Action,
    verdict: Verdict,
    /// `None`: any.
    gate: Option<Vec<Id>>,
    organizations: Vec<Id>,
    owner: Option<OwnerClause>,
    acl: AclClause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Never,
    All,
    Some,
}

/// `owner = owner AND (org = ANY(organizations) OR (without_organization AND org = ''))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerClause {
    owner: Id,
    organizations: Vec<Id>,
    without_organization: bool,
}

impl OwnerClause {
    /// The owner a row must have.
    #[must_use]
    pub const fn owner(&self) -> &Id {
        &self.owner
    }

    /// The organizations it may be in, sorted.
    #[must_use]
    pub fn organizations(&self) -> &[Id] {
        &self.organizations
    }

    /// Whether it may be in none.
    #[must_use]
    pub const fn without_organization(&self) -> bool {
        self.without_organization
    }
}

/// `user_acl -> user has action OR '*'`, or `org = ANY(memberships)` and the same for `group_acl -> org` or
/// `group_acl -> g` for one of `groups`. False on tables without lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclClause {
    user: Id,
    memberships: Vec<Id>,
    groups: Vec<Id>,
}

impl AclClause {
    /// The key to look up in the user list.
    #[must_use]
    pub const fn user(&self) -> &Id {
        &self.user
    }

    /// The organizations in which group lists count, sorted.
    #[must_use]
    pub fn memberships(&self) -> &[Id] {
        &self.memberships
    }

    /// The keys to look up in the group list, besides the row's organization; sorted.
    #[must_use]
    pub fn groups(&self) -> &[Id] {
        &self.groups
    }
}

impl ListFilter {
    pub(super) fn new(subject: &Inner, action: Action, resource: ResourceType) -> Self {
        let bit = action.bit();
        let row = subject.rows.get(resource.row()).copied().unwrap_or_default();
        let mut filter = Self::never(subject, action);
        let Some(scope) = &subject.scope else { return filter };
        if subject.roles.is_empty() || row.scope.vote(bit) != Vote::Allow {
            return filter;
        }
        filter.gate = gate(scope, resource);
        let site = row.site.vote(bit);
        filter.verdict = if site == Vote::Allow { Verdict::All } else { Verdict::Some };
        if site == Vote::Silent {
            let voting = |wanted: fn(Vote) -> bool| {
                let members = subject.members.iter();
                let members = members.filter(move |(_, masks)| wanted(masks.row(resource).vote(bit)));
                members.map(|(id, _)| id.clone()).collect::<Vec<Id>>()
            };
            filter.organizations = voting(|vote| vote == Vote::Allow);
            let user = row.user.vote(bit);
            let mut organizations = voting(|vote| vote != Vote::Deny);
            organizations.retain(|id| !id.is_empty() && user.max(subject.owned.vote(id, resource, bit)) == Vote::Allow);
            if (user == Vote::Allow || !organizations.is_empty()) && !subject.id.is_empty() {
                let denied = voting(|vote| vote == Vote::Deny);
                let without_organization = user == Vote::Allow && !denied.contains(&Id::EMPTY);
                filter.owner = Some(OwnerClause { owner: subject.id.clone(), organizations, without_organization });
            }
        }
        filter
    }

    fn never(subject: &Inner, action: Action) -> Self {
        let memberships = subject.members.iter().map(|(id, _)| id).filter(|id| !id.is_empty());
        Self {
            action,
            verdict: Verdict::Never,
            gate: None,
            organizations: Vec::new(),
            owner: None,
            acl: AclClause {
                user: subject.id.clone(),
                memberships: memberships.cloned().collect(),
                groups: subject.groups.clone(),
            },
        }
    }

    /// The action, whose name is looked up in access lists.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// No row at all.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.verdict == Verdict::Never
    }

    /// Every row that passes the gate; the clauses need not be looked at.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.verdict == Verdict::All
    }

    /// The gate: the ids that the scope is limited to. `None` when it is not.
    #[must_use]
    pub fn allowed_ids(&self) -> Option<&[Id]> {
        self.gate.as_deref()
    }

    /// Every row of these organizations, sorted.
    #[must_use]
    pub fn organizations(&self) -> &[Id] {
        &self.organizations
    }

    /// Rows that the subject owns.
    #[must_use]
    pub const fn owner(&self) -> Option<&OwnerClause> {
        self.owner.as_ref()
    }

    /// Rows that an access list opens.
    #[must_use]
    pub const fn acl(&self) -> &AclClause {
        &self.acl
    }

    /// Whether a row passes. Its type is not looked at; a row is in one organization or none, never in "any".
    #[must_use]
    pub fn matches(&self, row: &Object<'_>) -> bool {
        let open = self.gate.as_ref().is_none_or(|ids| ids.contains(&row.id));
        match self.verdict {
            Verdict::Never => false,
            Verdict::All => open,
            Verdict::Some => open && (self.allows_by_role(row) || self.allows_by_list(row)),
        }
    }

    fn allows_by_role(&self, row: &Object<'_>) -> bool {
        contains(&self.organizations, &row.organization)
            || self.owner.as_ref().is_some_and(|clause| {
                clause.owner == row.owner
                    && (contains(&clause.organizations, &row.organization)
                        || (clause.without_organization && row.organization.is_empty()))
            })
    }

    fn allows_by_list(&self, row: &Object<'_>) -> bool {
        let asked = Asked::Known(self.action);
        row.user_acl.is_some_and(|acl| acl.allows(&self.acl.user, asked))
            || row.group_acl.is_some_and(|acl| {
                contains(&self.acl.memberships, &row.organization)
                    && (acl.allows(&row.organization, asked) || acl.allows_any(&self.acl.groups, asked))
            })
    }
}

/// The ids of an allow list that count for a type; `None` when all do.
fn gate(scope: &super::Scope, resource: ResourceType) -> Option<Vec<Id>> {
    let entries = scope.allow_list();
    if entries.iter().any(|entry| entry.admits_type(Some(resource))) {
        return None;
    }
    let entries = entries.iter().filter(|entry| entry.resource().is_none_or(|limit| limit == resource));
    Some(entries.map(|entry| entry.id().clone()).collect())
}
