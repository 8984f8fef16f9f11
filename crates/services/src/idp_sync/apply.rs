//! What happens at a sign-in (`enterprise-identity.md` 4.6): organizations, groups and roles follow the claims.

use super::scene::{Hold, Scene, Trial};
use super::told;
use crate::deed::Deed;
use crate::error::Error;
use crate::sessions::max_lifetime;
use crate::settings::Settings;
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::idp_sync::{Because, Effect, Followed, Plan, SyncClaims, SyncOutcome, SyncRecord, Unsyncable};
use doorward_domain::ids::{GroupId, OrganizationId};
use doorward_domain::names::{DisplayName, GroupName};
use doorward_domain::organizations::Membership;
use doorward_domain::roles::{RoleNames, System};
use doorward_domain::users::User;
use doorward_ports::StoreError;
use serde_json::Map;
use std::collections::BTreeSet;

/// How many syncs of each user are kept.
const SYNCS_KEPT: u32 = 20;

/// Why the server may write what a sync writes.
const BECAUSE: System = System::because("organizations, groups and roles follow the claims of the provider");

/// A user after a sync.
#[derive(Clone, Debug)]
pub(crate) struct Synced {
    /// The user, with the roles of now.
    pub(crate) user: User,
    /// What was gained and lost.
    pub(crate) plan: Plan,
}

/// Makes the organizations, the groups and the roles of a user those that claims give, at a sign-in with OpenID Connect. To be called
/// in the transaction of the sign-in, with the user locked ([`find_for_update`]) and active already, and before memberships
/// or organizations are locked. It leaves a record in the audit log if anything changes, and one in the log of syncs.
///
/// However much there is, the number of queries is the same, some thirty at most.
///
/// The inner error is a claim that cannot be read, without which nobody signs in: the sign-in is to be undone, and noted by
/// [`note_refused`]. Needs no permission: the provider has said who it is. Errors: those of the store.
///
/// [`find_for_update`]: doorward_ports::users::UserRepository::find_for_update
pub(crate) fn apply(
    deed: &mut Deed<'_>,
    settings: &Settings,
    user: &User,
    (provider, claims): (&str, &SyncClaims),
) -> Result<Result<Synced, Unsyncable>, Error> {
    let scene = Scene::load(deed.repos, &settings.idp_sync, Some(user), claims, (Trial::default(), Hold::Yes))?;
    let plan = match scene.plan(claims) {
        Ok(plan) => plan,
        Err(refused) => return Ok(Err(refused)),
    };
    if plan.is_empty() {
        note(deed, user, provider, (SyncOutcome::Unchanged, &told::all(&plan)))?;
        return Ok(Ok(Synced { user: user.clone(), plan }));
    }
    change_memberships(deed, user, &plan)?;
    change_groups(deed, user, &plan)?;
    change_organization_roles(deed, user, &scene, &plan)?;
    let after = change_site_roles(deed, settings, user, &plan)?;
    note(deed, user, provider, (SyncOutcome::Changed, &told::all(&plan)))?;
    let mut about = Map::new();
    about.insert("idp_sync".to_owned(), told::changes(&plan));
    about.insert("provider".to_owned(), provider.into());
    // The receipt is of no use here: that of the sign-in is.
    let _recorded = deed.entry().of_user(Some(user.id)).with(about).changed(user, &after)?;
    Ok(Ok(Synced { user: after, plan }))
}

/// Adds to the log of syncs that a sign-in was refused for a claim. It is undone itself, so this is of another transaction.
pub(crate) fn note_refused(
    deed: &mut Deed<'_>,
    user: &User,
    provider: &str,
    why: &Unsyncable,
) -> Result<(), StoreError> {
    note(deed, user, provider, (SyncOutcome::Refused, &told::refusal(why)))
}

/// Adds to the log of syncs.
fn note(
    deed: &mut Deed<'_>,
    user: &User,
    provider: &str,
    (outcome, document): (SyncOutcome, &serde_json::Value),
) -> Result<(), StoreError> {
    let record = SyncRecord {
        id: deed.new_id(),
        user_id: user.id,
        time: deed.now,
        provider: provider.to_owned(),
        outcome,
        document: document.to_string(),
    };
    deed.repos.sync_log().insert(&BECAUSE.permit(), &record, SYNCS_KEPT)
}

fn of_kind(effects: &[Effect], kind: Followed) -> impl Iterator<Item = &Effect> {
    effects.iter().filter(move |effect| effect.kind == kind)
}

fn places(effects: &[Effect], kind: Followed) -> BTreeSet<OrganizationId> {
    of_kind(effects, kind).filter_map(|effect| effect.organization_id).collect()
}

fn change_memberships(deed: &mut Deed<'_>, user: &User, plan: &Plan) -> Result<(), StoreError> {
    let lost: Vec<OrganizationId> = places(&plan.lost, Followed::Organization).into_iter().collect();
    if !lost.is_empty() {
        deed.repos.members().delete_of(&BECAUSE.permit(), user.id, &lost)?;
    }
    let now = deed.now;
    let member = |organization_id| Membership {
        organization_id,
        user_id: user.id,
        roles: RoleNames::default(),
        created_at: now,
        updated_at: now,
    };
    let gained = places(&plan.gained, Followed::Organization);
    let gained: Vec<_> = gained.into_iter().map(|place| (BECAUSE.permit(), member(place))).collect();
    if gained.is_empty() { Ok(()) } else { deed.repos.organizations().insert_members(&gained) }
}

fn change_groups(deed: &mut Deed<'_>, user: &User, plan: &Plan) -> Result<(), StoreError> {
    let mut gained: Vec<GroupId> =
        of_kind(&plan.gained, Followed::Group).filter_map(|effect| effect.group_id).collect();
    let missing = of_kind(&plan.gained, Followed::Group).filter(|effect| effect.group_id.is_none());
    let missing: Vec<(OrganizationId, String)> =
        missing.filter_map(|effect| Some((effect.organization_id?, effect.name.clone()))).collect();
    if !missing.is_empty() {
        let groups: Vec<Group> = missing.iter().map(|(place, name)| new_group(deed, *place, name)).collect();
        deed.repos.groups().insert_missing(&BECAUSE.permit(), &groups)?;
        // Somebody else who signs in at this moment may have made some of them.
        let made = deed.repos.groups().list_by_name(&missing)?;
        gained.extend(made.into_iter().map(|found| found.group.id));
    }
    if !gained.is_empty() {
        deed.repos.groups().insert_memberships(&BECAUSE.permit(), user.id, &gained)?;
    }
    // Those of an organization go with the membership there.
    let lost = of_kind(&plan.lost, Followed::Group).filter(|effect| effect.because != Because::LeftOrganization);
    let lost: Vec<GroupId> = lost.filter_map(|effect| effect.group_id).collect();
    if !lost.is_empty() {
        deed.repos.groups().delete_memberships(&BECAUSE.permit(), user.id, &lost)?;
    }
    Ok(())
}

/// A group of this name, whatever the rule for names that people choose says.
fn new_group(deed: &Deed<'_>, organization_id: OrganizationId, name: &str) -> Group {
    Group {
        id: deed.new_id(),
        organization_id,
        name: GroupName::from_storage(name.to_owned()),
        display_name: DisplayName::default(),
        avatar_url: String::new(),
        quota_allowance: 0,
        source: GroupSource::Oidc,
        created_at: deed.now,
        updated_at: deed.now,
    }
}

fn change_organization_roles(deed: &mut Deed<'_>, user: &User, scene: &Scene, plan: &Plan) -> Result<(), StoreError> {
    let kind = Followed::OrganizationRole;
    let mut changed = places(&plan.gained, kind);
    changed.extend(places(&plan.lost, kind));
    // Roles go with the membership.
    let left = places(&plan.lost, Followed::Organization);
    let nobody = RoleNames::default();
    let held = |place: &OrganizationId| scene.held.memberships.get(place).unwrap_or(&nobody);
    let roles: Vec<(OrganizationId, RoleNames)> = changed
        .into_iter()
        .filter(|place| !left.contains(place))
        .map(|place| (place, plan.roles_after(held(&place), Some(place))))
        .collect();
    if !roles.is_empty() {
        deed.repos.members().update_roles_of(&BECAUSE.permit(), user.id, &roles, deed.now)?;
    }
    Ok(())
}

fn change_site_roles(deed: &mut Deed<'_>, settings: &Settings, user: &User, plan: &Plan) -> Result<User, StoreError> {
    let roles = plan.roles_after(&user.roles, None);
    if roles == user.roles {
        return Ok(user.clone());
    }
    deed.repos.users().update_roles(&BECAUSE.permit(), user.id, &roles, deed.now)?;
    let after = User { roles, updated_at: deed.now, ..user.clone() };
    let longest = max_lifetime(settings.sessions, &after);
    if longest < max_lifetime(settings.sessions, user) {
        let permit = System::because("no token lives longer than the roles of its user allow").permit();
        deed.repos.api_keys().shorten_tokens(&permit, user.id, longest, deed.now)?;
    }
    Ok(after)
}
