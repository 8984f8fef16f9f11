//! From claims, settings and what somebody has to what is gained and lost (`enterprise-identity.md` 4.6).

use super::effects::{Because, Effect, Followed, Ignored, Note, Plan, Unsyncable};
use super::wanted::{GroupWanted, can_be_named, group_wanted, roles_wanted};
use super::{ClaimError, ClaimValues, GroupSync, Mapping, Rules, SyncClaims, Values};
use crate::groups::EVERYONE;
use crate::ids::{GroupId, OrganizationId};
use crate::roles::{MEMBER, ORGANIZATION_MEMBER, OWNER, RoleName, RoleNames};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

#[cfg(test)]
mod tests;

/// A group that somebody is in, or that a claim may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownGroup {
    /// Its id.
    pub id: GroupId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
}

/// What there is of all that claims may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The organization that everybody belongs to, where that is so.
    pub default_organization: Option<OrganizationId>,
    /// Names of the organizations that are not deleted: those of the user, those that claims name, and the default one.
    pub organizations: BTreeMap<OrganizationId, String>,
    /// Groups: those of the user, and those that claims name.
    pub groups: Vec<KnownGroup>,
    /// Custom roles, among those that claims name.
    pub custom_roles: HashSet<RoleName>,
}

/// What somebody has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Organizations, and the roles there.
    pub memberships: BTreeMap<OrganizationId, RoleNames>,
    /// Groups besides those of all members.
    pub groups: BTreeSet<GroupId>,
    /// Roles on the site.
    pub site_roles: RoleNames,
    /// Whether nobody else can administer the server.
    pub is_last_owner: bool,
}

impl Rules {
    /// What of a sign-in with these claims is gained and lost: organizations first, then groups in those that remain, then
    /// roles there and on the site.
    ///
    /// A claim that is absent is an empty list. One that nobody knows, because it was not fetched or because its absence means
    /// nothing, changes nothing of what follows it. One that cannot be read changes nothing either, but for organizations and
    /// roles on the site: then nobody signs in.
    pub fn plan(&self, claims: &SyncClaims, known: &Known, held: &Held) -> Result<Plan, Unsyncable> {
        let mut planner = Planner { claims, known, plan: Plan::default() };
        let members = planner.organizations(self, held)?;
        planner.groups(self, held, &members);
        planner.organization_roles(self, held, &members);
        planner.site_roles(self, held)?;
        Ok(planner.plan)
    }
}

/// A plan in the making.
struct Planner<'a> {
    claims: &'a SyncClaims,
    known: &'a Known,
    plan: Plan,
}

impl Planner<'_> {
    fn note(&mut self, kind: Followed, organization: Option<OrganizationId>, value: Option<&str>, because: Ignored) {
        let value = value.map(str::to_owned);
        self.plan.note(Note { kind, organization_id: organization, value, because });
    }

    /// What a claim says, with notes of what of it is left out; `None` if nobody knows.
    fn said(
        &mut self,
        kind: Followed,
        place: Option<OrganizationId>,
        field: &str,
    ) -> Result<Option<Values>, ClaimError> {
        let values = match self.claims.read(field)? {
            ClaimValues::Absent => Values::default(),
            ClaimValues::These(values) => values,
            ClaimValues::Unknown => {
                self.note(kind, place, None, Ignored::Unknown(field.to_owned()));
                return Ok(None);
            }
        };
        if values.unreadable > 0 {
            self.note(kind, place, None, Ignored::UnreadableEntries(values.unreadable));
        }
        if values.too_many > 0 {
            self.note(kind, place, None, Ignored::TooLong(values.too_many));
        }
        Ok(Some(values))
    }

    /// Plans the memberships, and answers in which organizations the user is afterwards.
    fn organizations(&mut self, rules: &Rules, held: &Held) -> Result<BTreeSet<OrganizationId>, Unsyncable> {
        let kind = Followed::Organization;
        let (sync, known) = (&rules.organizations, self.known);
        // A membership in an organization that is gone is none.
        let now: BTreeSet<_> =
            held.memberships.keys().copied().filter(|id| known.organizations.contains_key(id)).collect();
        if sync.field.is_empty() {
            return Ok(now);
        }
        let said = self.said(kind, None, &sync.field).map_err(|error| Unsyncable { kind, error })?;
        let Some(values) = said else { return Ok(now) };
        let mut wanted = BTreeMap::new();
        if let Some(id) = known.default_organization.filter(|_| sync.assign_default) {
            wanted.insert(id, Because::GivenToAll);
        }
        for value in &values.texts {
            let Some(ids) = sync.mapping.as_ref().and_then(|mapping| mapping.get(value)) else {
                self.note(kind, None, Some(value), Ignored::Unmapped);
                continue;
            };
            for id in ids {
                if known.organizations.contains_key(id) {
                    wanted.entry(*id).or_insert_with(|| claimed(&sync.field, value));
                } else {
                    self.note(kind, None, Some(value), Ignored::NoOrganization(*id));
                }
            }
        }
        let mut members = now.clone();
        for (id, because) in wanted.iter().filter(|(id, _)| !now.contains(id)) {
            members.insert(*id);
            self.plan.gain(organization(known, *id, because.clone()));
        }
        for id in now.iter().filter(|id| !wanted.contains_key(id) && values.too_many == 0) {
            members.remove(id);
            self.plan.lose(organization(known, *id, Because::NotClaimed(sync.field.clone())));
        }
        Ok(members)
    }

    /// Plans the groups: those of organizations that are left, and those that follow claims.
    fn groups(&mut self, rules: &Rules, held: &Held, members: &BTreeSet<OrganizationId>) {
        let known = self.known;
        let groups = Groups::new(&known.groups);
        let mut mine: BTreeMap<OrganizationId, Vec<&KnownGroup>> = BTreeMap::new();
        for group in held.groups.iter().filter_map(|id| groups.by_id.get(id)) {
            mine.entry(group.organization_id).or_default().push(group);
        }
        for (_, groups) in mine.iter().filter(|(place, _)| !members.contains(place)) {
            for group in groups {
                self.plan.lose(membership(group, Because::LeftOrganization));
            }
        }
        for place in members {
            let Some(sync) = rules.groups.get(place).filter(|sync| !sync.field.is_empty()) else { continue };
            let values = match self.said(Followed::Group, Some(*place), &sync.field) {
                Ok(Some(values)) => values,
                Ok(None) => continue,
                Err(error) => {
                    self.note(Followed::Group, Some(*place), None, error.into());
                    continue;
                }
            };
            let wanted = self.wanted_groups(*place, sync, &values, &groups);
            let mine = mine.get(place).map(Vec::as_slice).unwrap_or_default();
            for (id, because) in wanted.there.iter().filter(|(id, _)| !held.groups.contains(id)) {
                if let Some(group) = groups.by_id.get(id) {
                    self.plan.gain(membership(group, because.clone()));
                }
            }
            for (name, because) in wanted.to_make {
                let (kind, organization_id) = (Followed::Group, Some(*place));
                self.plan.gain(Effect { kind, organization_id, group_id: None, name, because });
            }
            for group in mine.iter().filter(|group| !wanted.there.contains_key(&group.id) && values.too_many == 0) {
                self.plan.lose(membership(group, Because::NotClaimed(sync.field.clone())));
            }
        }
    }

    fn wanted_groups(
        &mut self,
        place: OrganizationId,
        sync: &GroupSync,
        values: &Values,
        known: &Groups<'_>,
    ) -> WantedGroups {
        let mut wanted = WantedGroups::default();
        for value in &values.texts {
            let because = || claimed(&sync.field, value);
            let ignored = match group_wanted(sync, value) {
                GroupWanted::Filtered => vec![Ignored::Filtered],
                GroupWanted::Named(EVERYONE) => vec![Ignored::Everyone],
                GroupWanted::Named(name) => match known.by_name.get(&(place, name)) {
                    Some(group) => {
                        wanted.there.entry(group.id).or_insert_with(because);
                        Vec::new()
                    }
                    None if !can_be_named(name) => vec![Ignored::BadGroupName],
                    None if sync.auto_create_missing_groups => {
                        wanted.to_make.entry(name.to_owned()).or_insert_with(because);
                        Vec::new()
                    }
                    None => vec![Ignored::NoGroupNamed(name.to_owned())],
                },
                GroupWanted::Ids(ids) => ids
                    .iter()
                    .filter_map(|id| match known.by_id.get(id) {
                        _ if id.0 == place.0 => Some(Ignored::Everyone),
                        None => Some(Ignored::NoGroup(*id)),
                        Some(group) if group.organization_id != place => Some(Ignored::GroupElsewhere(*id)),
                        Some(_) => {
                            wanted.there.entry(*id).or_insert_with(because);
                            None
                        }
                    })
                    .collect(),
            };
            for because in ignored {
                self.note(Followed::Group, Some(place), Some(value), because);
            }
        }
        wanted
    }

    /// Plans the roles of organizations: those of organizations that are left, and those that follow claims.
    fn organization_roles(&mut self, rules: &Rules, held: &Held, members: &BTreeSet<OrganizationId>) {
        let (kind, nobody) = (Followed::OrganizationRole, RoleNames::default());
        for (place, roles) in held.memberships.iter().filter(|(place, _)| !members.contains(place)) {
            for name in roles {
                self.plan.lose(role(kind, Some(*place), name, Because::LeftOrganization));
            }
        }
        for place in members {
            let Some(sync) = rules.roles.get(place).filter(|sync| !sync.field.is_empty()) else { continue };
            let values = match self.said(kind, Some(*place), &sync.field) {
                Ok(Some(values)) => values,
                Ok(None) => continue,
                Err(error) => {
                    self.note(kind, Some(*place), None, error.into());
                    continue;
                }
            };
            let held = held.memberships.get(place).unwrap_or(&nobody);
            let wanted = self.wanted_roles(Some(*place), (&sync.field, sync.mapping.as_ref()), &values);
            self.roles(Some(*place), &sync.field, held, &wanted, values.too_many > 0);
        }
    }

    fn site_roles(&mut self, rules: &Rules, held: &Held) -> Result<(), Unsyncable> {
        let Some(sync) = rules.site_roles.as_ref().filter(|sync| !sync.field.is_empty()) else { return Ok(()) };
        let kind = Followed::SiteRole;
        let said = self.said(kind, None, &sync.field).map_err(|error| Unsyncable { kind, error })?;
        let Some(values) = said else { return Ok(()) };
        let mut wanted = BTreeMap::new();
        for name in &sync.defaults {
            match self.role_or_not(None, name) {
                None => {
                    wanted.insert(name.clone(), Because::GivenToAll);
                }
                Some(ignored) => self.note(kind, None, None, ignored),
            }
        }
        for (name, because) in self.wanted_roles(None, (&sync.field, Some(&sync.mapping)), &values) {
            wanted.entry(name).or_insert(because);
        }
        if held.is_last_owner && held.site_roles.contains(OWNER) && !wanted.contains_key(OWNER) {
            wanted.insert(OWNER.to_owned(), Because::GivenToAll);
            self.note(kind, None, None, Ignored::LastOwner);
        }
        self.roles(None, &sync.field, &held.site_roles, &wanted, values.too_many > 0);
        Ok(())
    }

    /// The roles that values give, by name.
    fn wanted_roles(
        &mut self,
        place: Option<OrganizationId>,
        (field, mapping): (&str, Option<&Mapping<String>>),
        values: &Values,
    ) -> BTreeMap<String, Because> {
        let mut wanted = BTreeMap::new();
        for value in &values.texts {
            for name in roles_wanted(mapping, value) {
                match self.role_or_not(place, name) {
                    None => {
                        wanted.entry(name.to_owned()).or_insert_with(|| claimed(field, value));
                    }
                    Some(ignored) => self.note(kind_of(place), place, Some(value), ignored),
                }
            }
        }
        wanted
    }

    /// Why this cannot be given as a role, if so.
    fn role_or_not(&self, place: Option<OrganizationId>, name: &str) -> Option<Ignored> {
        if name == implied_in(place) {
            return Some(Ignored::ImpliedRole(name.to_owned()));
        }
        let role = place.map_or_else(|| RoleName::site(name), |place| RoleName::organization(name, place.0));
        let is_there = role.is_built_in() || self.known.custom_roles.contains(&role);
        (!is_there).then(|| Ignored::NoRole(name.to_owned()))
    }

    /// Plans the roles of a place: exactly those that are wanted. The implied one stays as it is.
    fn roles(
        &mut self,
        place: Option<OrganizationId>,
        field: &str,
        held: &RoleNames,
        wanted: &BTreeMap<String, Because>,
        keeps_all: bool,
    ) {
        for (name, because) in wanted.iter().filter(|(name, _)| !held.contains(name)) {
            self.plan.gain(role(kind_of(place), place, name, because.clone()));
        }
        let gone = |name: &&String| !wanted.contains_key(*name) && *name != implied_in(place) && !keeps_all;
        for name in held.iter().filter(gone) {
            self.plan.lose(role(kind_of(place), place, name, Because::NotClaimed(field.to_owned())));
        }
    }
}

/// Groups by id, and by organization and name.
struct Groups<'k> {
    by_id: HashMap<GroupId, &'k KnownGroup>,
    by_name: HashMap<(OrganizationId, &'k str), &'k KnownGroup>,
}

impl<'k> Groups<'k> {
    fn new(groups: &'k [KnownGroup]) -> Self {
        Self {
            by_id: groups.iter().map(|group| (group.id, group)).collect(),
            by_name: groups.iter().map(|group| ((group.organization_id, group.name.as_str()), group)).collect(),
        }
    }
}

/// Groups that claims give in one organization.
#[derive(Default)]
struct WantedGroups {
    there: BTreeMap<GroupId, Because>,
    to_make: BTreeMap<String, Because>,
}

const fn kind_of(place: Option<OrganizationId>) -> Followed {
    if place.is_some() { Followed::OrganizationRole } else { Followed::SiteRole }
}

/// The role that everybody has there.
const fn implied_in(place: Option<OrganizationId>) -> &'static str {
    if place.is_some() { ORGANIZATION_MEMBER } else { MEMBER }
}

fn claimed(field: &str, value: &str) -> Because {
    Because::Claimed { field: field.to_owned(), value: value.to_owned() }
}

fn organization(known: &Known, id: OrganizationId, because: Because) -> Effect {
    let name = known.organizations.get(&id).cloned().unwrap_or_default();
    Effect { kind: Followed::Organization, organization_id: Some(id), group_id: None, name, because }
}

fn membership(group: &KnownGroup, because: Because) -> Effect {
    let (organization_id, group_id) = (Some(group.organization_id), Some(group.id));
    Effect { kind: Followed::Group, organization_id, group_id, name: group.name.clone(), because }
}

fn role(kind: Followed, organization_id: Option<OrganizationId>, name: &str, because: Because) -> Effect {
    Effect { kind, organization_id, group_id: None, name: name.to_owned(), because }
}
