//! What a change of a custom role means, before it is made: the difference, and who gains or loses what.

use super::RoleView;
use super::custom::accept;
use crate::Principal;
use crate::authcheck::{People, Person, load};
use crate::context::Context;
use crate::error::Error;
use crate::organizations::{OrganizationRef, resolve};
use crate::users::access;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::custom::Draft;
use doorward_domain::roles::{Action, CustomRole, Object, Permission, RoleName, Subject};
use doorward_domain::users::ReducedUser;
use doorward_ports::Repositories;
use std::collections::BTreeSet;

/// So many holders of a role are looked at.
pub const HOLDERS_MAX: usize = 100;

/// A permission of a role, and where it counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Granted {
    /// Only on what the holder owns in the organization; else on all of the organization.
    pub owned: bool,
    /// The permission.
    pub permission: Permission,
}

/// What a role would give besides, and what not any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What it would give.
    pub added: Vec<Granted>,
    /// What it would give no longer.
    pub removed: Vec<Granted>,
    /// The name for people, before and after, if it changes.
    pub display_name: Option<(String, String)>,
}

/// Somebody who holds the role, and what the change means to them. What other roles give them anyway is no gain and no loss.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Who.
    pub user: ReducedUser,
    /// What they may not do now, and could do then.
    pub gains: Vec<Granted>,
    /// What they may do now, and could not do then.
    pub loses: Vec<Granted>,
}

/// What a change means.
#[derive(Clone, Debug)]
pub struct Review {
    /// The role as it is; `None` when it is to be made.
    pub before: Option<CustomRole>,
    /// The role as it would be.
    pub after: CustomRole,
    /// The difference.
    pub difference: Difference,
    /// Those who hold it, by name; at most [`HOLDERS_MAX`].
    pub holders: Vec<Holder>,
    /// Whether there are more of them.
    pub is_cut: bool,
}

impl Review {
    /// The version of the role that the draft was compared with; none when it is to be made.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        self.before.as_ref().map(|before| RoleView::from(before).version())
    }
}

/// Says what a custom role would become by a draft, and who would gain or lose what by it. Nothing is changed.
///
/// Needs what making or changing the role does, and `organization_member:read` to be told who holds it. Errors: those of
/// [`create`](super::create) and [`update`](super::update).
pub async fn review(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    mut draft: Draft,
    is_new: bool,
) -> Result<Review, Error> {
    let reference = organization.clone();
    ctx.look(actor, move |look| {
        let place = resolve(look.repos, look.by, &reference)?.id;
        let name = RoleName::custom(&draft.name, place.0);
        let before = look.repos.roles().find_custom(std::slice::from_ref(&name))?.pop();
        if let Some(before) = before.as_ref().filter(|_| !is_new) {
            draft.drop_unknown(before);
        }
        let action = if is_new { Action::Create } else { Action::Update };
        let after = accept(look.by, action, place, draft)?;
        match (&before, is_new) {
            (None, false) => return Err(Error::NotFound),
            (Some(_), true) => return Err(super::name_taken()),
            (None, true) | (Some(_), false) => {}
        }
        let difference = difference(before.as_ref(), &after);
        let (holders, is_cut) = match &before {
            Some(before) => weighed(look.repos, look.by, place, before, &after, &difference)?,
            None => (Vec::new(), false),
        };
        Ok(Review { before, after, difference, holders, is_cut })
    })
    .await
}

/// Who holds a role of an organization, by name: at most [`HOLDERS_MAX`], and whether there are more.
///
/// Needs `assign_org_role:read` and `organization_member:read` in the organization. Errors: `OrganizationNotFound` (missing or
/// not readable), `Forbidden`.
pub async fn holders(
    ctx: &Context,
    actor: &Principal,
    organization: &OrganizationRef,
    role: &str,
) -> Result<(Vec<ReducedUser>, bool), Error> {
    let (reference, role) = (organization.clone(), role.to_owned());
    ctx.look(actor, move |look| {
        let place = resolve(look.repos, look.by, &reference)?.id;
        access::may(look.by, Action::Read, &access::roles_of(place))?;
        access::may(look.by, Action::Read, &access::members_to_be(place))?;
        let (people, is_cut) = held_by(look.repos, place, &role)?;
        Ok((people.list.into_iter().map(|person| person.user.into()).collect(), is_cut))
    })
    .await
}

fn held_by(repos: &mut dyn Repositories, place: OrganizationId, role: &str) -> Result<(People, bool), Error> {
    let most = u32::try_from(HOLDERS_MAX + 1).unwrap_or(u32::MAX);
    let mut ids = repos.members().list_holders(Some(place), &[role.to_owned()], most)?;
    let is_cut = ids.len() > HOLDERS_MAX;
    ids.truncate(HOLDERS_MAX);
    Ok((load(repos, &ids)?, is_cut))
}

/// What one role gives and the other does not, both ways.
fn difference(before: Option<&CustomRole>, after: &CustomRole) -> Difference {
    let (old, new) = (before.map(grants).unwrap_or_default(), grants(after));
    let renamed = before.filter(|before| before.display_name() != after.display_name());
    Difference {
        added: new.difference(&old).cloned().collect(),
        removed: old.difference(&new).cloned().collect(),
        display_name: renamed.map(|before| (before.display_name().to_owned(), after.display_name().to_owned())),
    }
}

fn grants(role: &CustomRole) -> BTreeSet<Granted> {
    let there = role.in_organization().iter().map(|permission| (false, permission));
    let own = role.on_owned().iter().map(|permission| (true, permission));
    there.chain(own).map(|(owned, permission)| Granted { owned, permission: permission.clone() }).collect()
}

/// The holders, each asked before and after. Who may not read members is told of none.
fn weighed(
    repos: &mut dyn Repositories,
    actor: &Principal,
    place: OrganizationId,
    before: &CustomRole,
    after: &CustomRole,
    difference: &Difference,
) -> Result<(Vec<Holder>, bool), Error> {
    if access::may(actor, Action::Read, &access::members_to_be(place)).is_err() {
        return Ok((Vec::new(), false));
    }
    let (People { list, custom: old }, is_cut) = held_by(repos, place, before.name().name())?;
    let mut new = old.clone();
    new.insert(after.clone());
    let holder = |person: Person| {
        let (then, later) = (person.in_session(&old), person.in_session(&new));
        let may = |subject: &Subject, granted: &Granted| {
            let Some((resource, action)) = granted.permission.defined() else { return false };
            let object = Object::new(resource).organization(place.0);
            let object = if granted.owned { object.owner(person.user.id.0) } else { object };
            subject.allows(action, &object)
        };
        let changes = |list: &[Granted], now: bool| -> Vec<Granted> {
            let changed = list.iter().filter(|granted| may(&then, granted) != now && may(&later, granted) == now);
            changed.cloned().collect()
        };
        let (gains, loses) = (changes(&difference.added, true), changes(&difference.removed, false));
        Holder { user: person.user.into(), gains, loses }
    };
    Ok((list.into_iter().map(holder).collect(), is_cut))
}
