//! A fresh database for every test, and things to put into it.

mod fixture;
mod oauth2;

pub(crate) use fixture::*;
pub(crate) use oauth2::*;

use doorward_domain::Instant;
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::names::{
    DisplayName, Email, GroupName, OrganizationName, RealName, TemplateName, Username, WorkspaceName,
};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{
    ActionMarker, CustomRole, DefaultRoles, Permission, Permit, PlacePermit, ResourceMarker, RoleName, RoleNames,
    System,
};
use doorward_domain::sessions::ApiKeyId;
use doorward_domain::templates::{Template, TemplateSettings, everyone};
use doorward_domain::users::{LoginType, PasswordHash, User, UserStatus};
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
use std::sync::atomic::{AtomicU64, Ordering};
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;

/// When everything happens.
pub(crate) const NOW: Instant = datetime!(2026-03-01 12:34:56.789012 UTC);

/// A permit for anything: here the storage is tested, not who may use it.
pub(crate) fn permit<A: ActionMarker, R: ResourceMarker>() -> Permit<A, R> {
    System::because("a test").permit()
}

/// The server's own permit for all of a kind in a place.
pub(crate) fn permit_in<A: ActionMarker, R: ResourceMarker>(place: Option<OrganizationId>) -> PlacePermit<A, R> {
    System::because("a test").permit_in(place.map(|id| id.0))
}

fn next() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    COUNTER.fetch_add(1, Ordering::Relaxed)
}

/// An id that was not there before.
pub(crate) fn id<T: From<Uuid>>() -> T {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(next())).into()
}

/// Ten characters that were not there before.
pub(crate) fn random_text() -> String {
    format!("r{:09}", next())
}

pub(crate) fn key_id() -> ApiKeyId {
    ApiKeyId::new(random_text()).unwrap()
}

pub(crate) fn username(text: &str) -> Username {
    text.parse().unwrap()
}

/// Names of roles in this order, as they may be stored.
pub(crate) fn role_names(names: &[&str]) -> RoleNames {
    RoleNames::from_storage(names.iter().map(|name| (*name).to_owned()).collect())
}

pub(crate) fn real_name(text: &str) -> RealName {
    text.parse().unwrap()
}

pub(crate) fn user(name: &str) -> User {
    User {
        id: id(),
        email: Some(Email::from_storage(format!("{name}@Example.com"))),
        username: Username::from_storage(name.to_owned()),
        name: RealName::from_storage(format!("{name} the Great")),
        avatar_url: "/a.png".to_owned(),
        password_hash: Some(PasswordHash::new("$argon2id$x".to_owned())),
        status: UserStatus::Active,
        login_type: LoginType::Password,
        roles: role_names(&["auditor"]),
        created_at: NOW,
        updated_at: NOW,
        last_seen_at: None,
        deleted: false,
        is_system: false,
        theme_preference: "dark".to_owned(),
        terminal_font: "fira-code".to_owned(),
    }
}

pub(crate) fn organization(name: &str) -> Organization {
    Organization {
        id: id(),
        name: OrganizationName::from_storage(name.to_owned()),
        display_name: DisplayName::from_storage(format!("The {name}")),
        description: "about".to_owned(),
        icon: "/o.svg".to_owned(),
        created_at: NOW,
        updated_at: NOW,
        is_default: false,
        default_roles: DefaultRoles::default(),
    }
}

pub(crate) fn membership(organization_id: OrganizationId, user_id: UserId) -> Membership {
    Membership {
        organization_id,
        user_id,
        roles: role_names(&["organization-auditor"]),
        created_at: NOW,
        updated_at: NOW + Duration::SECOND,
    }
}

/// A custom role that grants this in its organization.
pub(crate) fn custom(name: &str, place: Option<OrganizationId>, grants: &[Permission]) -> CustomRole {
    let full = place.map_or_else(|| RoleName::site(name), |place| RoleName::organization(name, place.0));
    CustomRole::new(full, format!("The {name}"), Vec::new(), grants.to_vec(), Vec::new())
}

/// An organization with these users as members.
pub(crate) async fn populate(db: &Fixture, names: &[&str]) -> (Organization, Vec<User>) {
    let place = organization("acme");
    let users: Vec<User> = names.iter().map(|name| user(name)).collect();
    let made = (place.clone(), users.clone());
    db.write(move |repos| {
        repos.organizations().insert(&permit(), &place)?;
        users.iter().try_for_each(|user| {
            repos.users().insert(&permit(), user)?;
            repos.organizations().insert_member(&permit(), &membership(place.id, user.id))
        })
    })
    .await;
    made
}

/// A group without members.
pub(crate) fn group(organization_id: OrganizationId, name: &str, quota_allowance: i32) -> Group {
    Group {
        id: id(),
        organization_id,
        name: GroupName::from_storage(name.to_owned()),
        display_name: DisplayName::default(),
        avatar_url: String::new(),
        quota_allowance,
        source: GroupSource::User,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A template that all members may use.
pub(crate) fn template(organization_id: OrganizationId, created_by: UserId, name: &str) -> Template {
    Template {
        id: id(),
        organization_id,
        name: TemplateName::from_storage(name.to_owned()),
        display_name: DisplayName::from_storage(format!("The {name}")),
        description: "about".to_owned(),
        icon: "/t.svg".to_owned(),
        active_version_id: Some(id()),
        created_by,
        created_at: NOW,
        updated_at: NOW,
        deleted: false,
        user_acl: doorward_domain::roles::Acl::new(),
        group_acl: everyone(organization_id),
        deprecation_message: String::new(),
        settings: TemplateSettings { default_ttl_ms: 7, ..TemplateSettings::default() },
    }
}

/// A workspace of the one who made the template.
pub(crate) fn workspace(of: &Template, name: &str) -> Workspace {
    Workspace {
        id: id(),
        owner_id: of.created_by,
        organization_id: of.organization_id,
        template_id: of.id,
        name: WorkspaceName::from_storage(name.to_owned()),
        created_at: NOW,
        updated_at: NOW,
        last_used_at: NOW,
        dormant_at: None,
        deleted: false,
    }
}

/// A successful start.
pub(crate) fn build(of: &Workspace, build_number: i32, daily_cost: i32) -> Build {
    Build {
        id: id(),
        workspace_id: of.id,
        build_number,
        transition: Transition::Start,
        outcome: Outcome::Succeeded,
        error: String::new(),
        daily_cost,
        template_version_id: None,
        initiator_id: of.owner_id,
        created_at: NOW + Duration::SECOND,
        job_id: None,
    }
}

/// An organization, a member of it, and a template that the member made.
pub(crate) async fn templated(db: &Fixture) -> (Organization, User, Template) {
    let (acme, ann) = (organization("acme"), user("ann"));
    let dev = template(acme.id, ann.id, "Dev");
    let all = (acme.clone(), ann.clone(), dev.clone());
    db.write(move |repos| {
        repos.organizations().insert(&permit(), &acme)?;
        repos.users().insert(&permit(), &ann)?;
        repos.organizations().insert_member(&permit(), &membership(acme.id, ann.id))?;
        repos.templates().insert(&permit(), &dev)
    })
    .await;
    all
}
