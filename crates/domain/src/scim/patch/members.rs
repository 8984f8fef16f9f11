//! How a PATCH changes the members of a group, told without knowing them.

use super::values::{Change, read_list};
use super::{CONDITIONS_MAX, Op};
use crate::scim::attribute_path::AttributePath;
use crate::scim::error::{ScimError, ScimType};
use crate::scim::filter::{Condition, Filter, Literal, Operator, TERMS_MAX};
use crate::scim::member::Member;
use crate::scim::schema::{USER, same};
use crate::scim::value::{MEMBERS_MAX, has_value};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl Member {
    /// Whether the member meets the condition of [`MembershipChange::RemoveWhere`].
    #[must_use]
    pub fn meets(&self, condition: &Condition) -> bool {
        condition.matches_value(&self.document())
    }

    fn document(&self) -> Value {
        // Without this, `type ne "User"` would be true of everybody whose type was not said.
        let kind = self.kind.as_deref().unwrap_or(USER.name);
        let all = [("value", Some(self.value.as_str())), ("type", Some(kind)), ("display", self.display.as_deref())];
        let known = all.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?))));
        known.collect::<Map<_, _>>().into()
    }
}

/// One step of a change of members.
#[derive(Clone, Debug, PartialEq)]
pub enum MembershipChange {
    /// These become members. Who is one already stays so.
    Add(Vec<Member>),
    /// Those with these ids, in the spelling of the caller, are members no more. Who is none is no error.
    Remove(Vec<String>),
    /// Those who meet the condition are members no more. Its targets name `value`, `type` and `display` of `members`, and a
    /// member whose type was not said is a `User`. A request has at most [`CONDITIONS_MAX`] of these.
    RemoveWhere(Condition),
    /// These are the members, and nobody else.
    ReplaceAll(Vec<Member>),
    /// Nobody is a member.
    RemoveAll,
}

/// How members change: steps in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MembershipChanges(Vec<MembershipChange>);

/// Who becomes a member, and who is one no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Who becomes a member, by id.
    pub added: Vec<Member>,
    /// The ids of those who are members no more, in their order.
    pub removed: Vec<String>,
}

impl MembershipChanges {
    /// The steps, in their order.
    #[must_use]
    pub fn steps(&self) -> &[MembershipChange] {
        &self.0
    }

    /// Nothing changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be added and removed when that can be said without knowing the members: the last word about each id
    /// counts. Adding who is a member, and removing who is none, change nothing.
    ///
    /// `None` if all members are replaced or removed, or some by a condition: read them, and ask [`Self::difference`].
    #[must_use]
    pub fn net(&self) -> Option<Difference> {
        let mut last: BTreeMap<&str, Option<&Member>> = BTreeMap::new();
        for step in &self.0 {
            match step {
                MembershipChange::Add(members) => {
                    last.extend(members.iter().map(|member| (member.value.as_str(), Some(member))));
                }
                MembershipChange::Remove(ids) => last.extend(ids.iter().map(|id| (id.as_str(), None))),
                MembershipChange::RemoveWhere(_) | MembershipChange::ReplaceAll(_) | MembershipChange::RemoveAll => {
                    return None;
                }
            }
        }
        let mut difference = Difference::default();
        for (id, member) in last {
            match member {
                Some(member) => difference.added.push(member.clone()),
                None => difference.removed.push(id.to_owned()),
            }
        }
        Some(difference)
    }

    /// What is to be added and removed when these are the members.
    #[must_use]
    pub fn difference(&self, current: &[Member]) -> Difference {
        let before: BTreeMap<&str, &Member> = current.iter().map(|member| (member.value.as_str(), member)).collect();
        let mut after = before.clone();
        for step in &self.0 {
            match step {
                MembershipChange::Add(members) => {
                    for member in members {
                        after.entry(&member.value).or_insert(member);
                    }
                }
                MembershipChange::Remove(ids) => {
                    for id in ids {
                        after.remove(id.as_str());
                    }
                }
                MembershipChange::RemoveWhere(condition) => after.retain(|_, member| !member.meets(condition)),
                MembershipChange::ReplaceAll(members) => {
                    after = members.iter().map(|member| (member.value.as_str(), member)).collect();
                }
                MembershipChange::RemoveAll => after.clear(),
            }
        }
        let added = after.iter().filter(|(id, _)| !before.contains_key(*id)).map(|(_, member)| (*member).clone());
        let removed = before.keys().filter(|id| !after.contains_key(*id)).map(|id| (*id).to_owned());
        Difference { added: added.collect(), removed: removed.collect() }
    }

    /// Adds a step. What was before does not matter when all members are replaced or removed.
    fn push(&mut self, step: MembershipChange) {
        if matches!(step, MembershipChange::ReplaceAll(_) | MembershipChange::RemoveAll) {
            self.0.clear();
        }
        self.0.push(step);
    }

    fn named(&self) -> usize {
        let named = |step: &MembershipChange| match step {
            MembershipChange::Add(members) | MembershipChange::ReplaceAll(members) => members.len(),
            MembershipChange::Remove(ids) => ids.len(),
            MembershipChange::RemoveWhere(_) | MembershipChange::RemoveAll => 0,
        };
        self.0.iter().map(named).sum()
    }

    /// The conditions by which members are removed.
    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter().filter_map(|step| match step {
            MembershipChange::RemoveWhere(condition) => Some(condition),
            MembershipChange::Add(_)
            | MembershipChange::Remove(_)
            | MembershipChange::ReplaceAll(_)
            | MembershipChange::RemoveAll => None,
        })
    }
}

/// An operation on `members`.
pub(super) fn change(
    change: &Change<'_>,
    value: Option<&Value>,
    changes: &mut MembershipChanges,
) -> Result<(), ScimError> {
    if change.sub.is_some() {
        return Err(ScimError::mutability("members are added and removed as a whole; their parts cannot be changed"));
    }
    let given = value.filter(|value| has_value(value));
    let step = match (change.op, change.filter) {
        (Op::Add | Op::Replace, Some(_)) => {
            return Err(ScimError::mutability("members that are selected by a filter can only be removed"));
        }
        (Op::Remove, Some(filter)) => match ids(filter) {
            Some(ids) => MembershipChange::Remove(ids),
            None => MembershipChange::RemoveWhere(condition(change, filter)?),
        },
        (Op::Add, None) => MembershipChange::Add(given.map_or(Ok(Vec::new()), |value| members(change, value))?),
        (Op::Replace, None) => match given {
            Some(value) => MembershipChange::ReplaceAll(members(change, value)?),
            None => MembershipChange::RemoveAll,
        },
        // Microsoft Entra names the members to remove in the value. An empty list names nobody, not everybody.
        (Op::Remove, None) => match value.filter(|value| !value.is_null()) {
            Some(value) if has_value(value) => {
                MembershipChange::Remove(members(change, value)?.into_iter().map(|member| member.value).collect())
            }
            Some(_) => MembershipChange::Remove(Vec::new()),
            None => MembershipChange::RemoveAll,
        },
    };
    let names_nobody = match &step {
        MembershipChange::Add(members) => members.is_empty(),
        MembershipChange::Remove(ids) => ids.is_empty(),
        MembershipChange::RemoveWhere(_) | MembershipChange::ReplaceAll(_) | MembershipChange::RemoveAll => false,
    };
    if !names_nobody {
        changes.push(step);
    }
    if changes.named() > MEMBERS_MAX {
        return Err(ScimError::value(format!("a request must name at most {MEMBERS_MAX} members")));
    }
    // Each condition is asked of every member, so what one request may ask is limited.
    if changes.conditions().count() > CONDITIONS_MAX {
        let detail = format!("a request must remove members by a condition at most {CONDITIONS_MAX} times");
        return Err(ScimError::new(ScimType::TooMany, detail));
    }
    if changes.conditions().map(Condition::comparisons).sum::<usize>() > TERMS_MAX {
        let detail =
            format!("the conditions by which members are removed must have at most {TERMS_MAX} comparisons in all");
        return Err(ScimError::new(ScimType::TooMany, detail));
    }
    Ok(())
}

/// What a filter on members means.
fn condition(change: &Change<'_>, filter: &Filter) -> Result<Condition, ScimError> {
    if let Some(path) = stranger(filter) {
        let detail = format!("members are selected by their value, type and display, not by `{path}`");
        return Err(ScimError::new(ScimType::InvalidFilter, detail));
    }
    Ok(filter.resolve_values(change.target)?)
}

/// The first attribute of a filter that no member has: `$ref`, which is not kept, and what no schema knows. All members are
/// without it, so that `ne` or `not` would select everybody, and a slip of the pen would empty the group.
fn stranger(filter: &Filter) -> Option<&AttributePath> {
    match filter {
        Filter::Compare { path, .. } | Filter::Present(path) => {
            let is_bare = path.schema.is_none() && path.sub.is_none();
            let is_known = is_bare && ["value", "type", "display"].iter().any(|known| same(known, &path.name));
            (!is_known).then_some(path)
        }
        // What members consist of has no parts.
        Filter::Values { path, .. } => Some(path),
        Filter::And(filters) | Filter::Or(filters) => filters.iter().find_map(stranger),
        Filter::Not(filter) => stranger(filter),
    }
}

fn members(change: &Change<'_>, value: &Value) -> Result<Vec<Member>, ScimError> {
    let read = read_list(change.target.attribute, value)?;
    Ok(read.iter().filter_map(Member::of).collect())
}

/// The ids of `value eq "x"`, or of several joined by `or`.
fn ids(filter: &Filter) -> Option<Vec<String>> {
    match filter {
        Filter::Compare { path, operator: Operator::Equal, value: Literal::Text(id) } => {
            let is_id = path.schema.is_none() && path.sub.is_none() && path.name.eq_ignore_ascii_case("value");
            is_id.then(|| vec![id.clone()])
        }
        Filter::Or(filters) => {
            let all = filters.iter().map(ids).collect::<Option<Vec<_>>>()?;
            Some(all.into_iter().flatten().collect())
        }
        Filter::Compare { .. } | Filter::Present(_) | Filter::Values { .. } | Filter::And(_) | Filter::Not(_) => None,
    }
}
