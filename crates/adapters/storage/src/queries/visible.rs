//! The closed form of `rbac.md` 11 as a condition on rows: what of a list somebody may see.

use super::{Conn, lists};
use crate::types::{Id, Ids, Texts, sql};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::roles::{self, ListFilter, OwnerClause};
use uuid::Uuid;

type Backend = <Conn as Connection>::Backend;

/// Which columns of a table say what a row is to access control. Names are written as in SQL: `groups.id`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// The id of the object.
    pub(super) id: &'static str,
    /// The organization it belongs to; `None` when rows of this kind belong to none.
    pub(super) organization: Option<&'static str>,
    /// The user it belongs to; `None` when rows of this kind belong to nobody.
    pub(super) owner: Option<&'static str>,
    /// Its access lists.
    pub(super) lists: Lists,
}

/// Where the access lists of a row are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lists {
    /// Rows of this kind have none.
    None,
    /// Those in the group named by the id of the row may read it, and nothing else (`rbac.md` 6: groups).
    OwnMembers,
    /// In two columns with JSON objects: from user or group id to the names of actions.
    Stored {
        /// By user.
        user: &'static str,
        /// By group, or by organization for all its members.
        group: &'static str,
    },
}

/// The condition, to be given to `filter`.
#[derive(Debug)]
pub(super) struct Visible {
    columns: Columns,
    terms: Terms,
    /// The ids that the credential is limited to.
    gate: Option<Ids>,
}

#[derive(Debug)]
enum Terms {
    Nothing,
    Everything,
    Some(Box<Clauses>),
}

#[derive(Debug)]
struct Clauses {
    organizations: Ids,
    /// Rows without organization too.
    without_organization: bool,
    owner: Option<Owner>,
    memberships: Ids,
    groups: Ids,
    /// The same, as keys of a list.
    group_keys: Texts,
    user_key: String,
    user: Option<UserId>,
    /// The action and `*`.
    actions: Texts,
    reads: bool,
}

#[derive(Debug)]
struct Owner {
    id: Id<Uuid>,
    organizations: Ids,
    without_organization: bool,
}

impl Visible {
    /// What `filter` lets through of a table with these columns.
    pub(super) fn new(filter: &ListFilter, columns: Columns) -> Self {
        let gate = filter.allowed_ids().map(uuids);
        let terms = if filter.is_never() {
            Terms::Nothing
        } else if filter.is_all() {
            Terms::Everything
        } else {
            let acl = filter.acl();
            let groups = uuids(acl.groups());
            Terms::Some(Box::new(Clauses {
                organizations: uuids(filter.organizations()),
                without_organization: filter.organizations().contains(&roles::Id::EMPTY),
                owner: filter.owner().and_then(Owner::of),
                memberships: uuids(acl.memberships()),
                group_keys: Texts(groups.iter().map(|id| id.to_string()).collect()),
                groups,
                user_key: acl.user().to_string(),
                user: acl.user().as_uuid().map(UserId),
                actions: Texts(vec![filter.action().as_str().to_owned(), "*".to_owned()]),
                reads: filter.action() == roles::Action::Read,
            }))
        };
        Self { columns, terms, gate }
    }

    /// Whether it lets nothing through, so that there is nothing to ask.
    pub(super) fn is_never(&self) -> bool {
        matches!(self.terms, Terms::Nothing) || self.gate.as_ref().is_some_and(Ids::is_empty)
    }

    /// Whether it lets everything through.
    pub(super) fn is_all(&self) -> bool {
        matches!(self.terms, Terms::Everything) && self.gate.is_none()
    }

    /// Whether it lets everything through that belongs to this organization.
    pub(super) fn is_all_of(&self, organization: Uuid) -> bool {
        let shown = |terms: &Terms| match terms {
            Terms::Nothing => false,
            Terms::Everything => true,
            Terms::Some(clauses) => {
                self.columns.organization.is_some() && clauses.organizations.iter().any(|id| id == organization)
            }
        };
        self.gate.is_none() && shown(&self.terms)
    }

    /// Whose rows it lets through by [`Lists::OwnMembers`], if it lets others through than all.
    pub(super) fn reader(&self) -> Option<UserId> {
        let Terms::Some(clauses) = &self.terms else { return None };
        clauses.user.filter(|_| clauses.reads)
    }

    /// Lets these rows through too, as if the reader were in the groups.
    pub(super) fn and_groups(&mut self, ids: impl IntoIterator<Item = GroupId>) {
        if let Terms::Some(clauses) = &mut self.terms {
            clauses.groups = clauses.groups.iter().chain(ids.into_iter().map(Uuid::from)).collect();
        }
    }

    /// The owner of all that it lets through, when only rows of one owner are: said apart, the owner leads to them by index.
    pub(super) fn only_owner(&self) -> Option<Id<Uuid>> {
        let Terms::Some(clauses) = &self.terms else { return None };
        let by_owner_alone = matches!(self.columns.lists, Lists::None)
            && clauses.organizations.is_empty()
            && !clauses.without_organization;
        clauses.owner.as_ref().filter(|_| by_owner_alone && self.columns.owner.is_some()).map(|owner| owner.id)
    }
}

impl Owner {
    fn of(clause: &OwnerClause) -> Option<Self> {
        Some(Self {
            id: Id(clause.owner().as_uuid()?),
            organizations: uuids(clause.organizations()),
            without_organization: clause.without_organization(),
        })
    }
}

/// Only what is a UUID can be in a column of UUIDs.
fn uuids(ids: &[roles::Id]) -> Ids {
    ids.iter().filter_map(roles::Id::as_uuid).collect()
}

condition!(Visible);

impl QueryFragment<Backend> for Visible {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("(");
        if let Some(ids) = &self.gate {
            lists::one_of(&mut out, self.columns.id, ids)?;
            out.push_sql(" AND ");
        }
        match &self.terms {
            Terms::Nothing => out.push_sql(FALSE),
            Terms::Everything => out.push_sql(TRUE),
            Terms::Some(clauses) => clauses.walk(&mut out, self.columns)?,
        }
        out.push_sql(")");
        Ok(())
    }
}

const TRUE: &str = "1 = 1";
const FALSE: &str = "1 = 0";

impl Clauses {
    fn walk<'b>(&'b self, out: &mut AstPass<'_, 'b, Backend>, columns: Columns) -> QueryResult<()> {
        let mut any = Any::begin(out);
        match columns.organization {
            Some(column) => {
                if !self.organizations.is_empty() {
                    lists::one_of(any.or(out), column, &self.organizations)?;
                }
                if self.without_organization {
                    any.or(out).push_sql(column);
                    out.push_sql(" IS NULL");
                }
            }
            None if self.without_organization => any.or(out).push_sql(TRUE),
            None => {}
        }
        if let (Some(column), Some(owner)) = (columns.owner, &self.owner) {
            owner.walk(any.or(out), column, columns.organization)?;
        }
        match (columns.lists, columns.organization) {
            (Lists::None, _) => {}
            (Lists::OwnMembers, organization) => {
                if let Some(organization) = organization.filter(|_| self.reads && !self.memberships.is_empty()) {
                    any.or(out).push_sql("(");
                    lists::one_of(out, organization, &self.memberships)?;
                    out.push_sql(" AND (");
                    out.push_sql(columns.id);
                    out.push_sql(" = ");
                    out.push_sql(organization);
                    if !self.groups.is_empty() {
                        out.push_sql(" OR ");
                        lists::one_of(out, columns.id, &self.groups)?;
                    }
                    out.push_sql("))");
                }
            }
            (Lists::Stored { user, group }, organization) => {
                lists::user_may(any.or(out), user, &self.user_key, &self.actions)?;
                if let Some(organization) = organization.filter(|_| !self.memberships.is_empty()) {
                    any.or(out).push_sql("(");
                    lists::one_of(out, organization, &self.memberships)?;
                    out.push_sql(" AND ");
                    lists::group_may(out, group, organization, &self.group_keys, &self.actions)?;
                    out.push_sql(")");
                }
            }
        }
        any.end(out);
        Ok(())
    }
}

/// Conditions of which one must hold. Nothing stands before the first, or SQLite would not go by an index.
struct Any(bool);

impl Any {
    fn begin(out: &mut AstPass<'_, '_, Backend>) -> Self {
        out.push_sql("(");
        Self(false)
    }

    /// Before each condition.
    fn or<'o, 'a, 'b>(&mut self, out: &'o mut AstPass<'a, 'b, Backend>) -> &'o mut AstPass<'a, 'b, Backend> {
        if std::mem::replace(&mut self.0, true) {
            out.push_sql(" OR ");
        }
        out
    }

    fn end(self, out: &mut AstPass<'_, '_, Backend>) {
        out.push_sql(if self.0 { ")" } else { "1 = 0)" });
    }
}

impl Owner {
    fn walk<'b>(
        &'b self,
        out: &mut AstPass<'_, 'b, Backend>,
        column: &'static str,
        organization: Option<&'static str>,
    ) -> QueryResult<()> {
        out.push_sql("(");
        out.push_sql(column);
        out.push_sql(" = ");
        out.push_bind_param::<sql::Uuid, _>(&self.id)?;
        out.push_sql(" AND ");
        let mut any = Any::begin(out);
        match organization {
            None if self.without_organization => any.or(out).push_sql(TRUE),
            None => {}
            Some(organization) => {
                if !self.organizations.is_empty() {
                    lists::one_of(any.or(out), organization, &self.organizations)?;
                }
                if self.without_organization {
                    any.or(out).push_sql(organization);
                    out.push_sql(" IS NULL");
                }
            }
        }
        any.end(out);
        out.push_sql(")");
        Ok(())
    }
}
