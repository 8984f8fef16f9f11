//! Who may give which role, and what a custom role may grant.

use doorward_domain::roles::assign::{AssignError, AssignmentLevel, can_assign, plan, plan_or_all};
use doorward_domain::roles::custom::{CustomRoleError, Draft, check_maker, check_name};
use doorward_domain::roles::{
    Action, BuiltIn, CustomRole, CustomRoles, Kind, Object, Permission, ResourceType, RoleName, RoleSet, Scope,
    Subject, SystemSubject,
};
use serde_json::Value;
use uuid::Uuid;

const ALICE: Uuid = Uuid::from_u128(1);
const ACME: Uuid = Uuid::from_u128(2);
const OTHER: Uuid = Uuid::from_u128(3);

fn user(roles: &[&str], organization_roles: &[&str]) -> Subject {
    let builder = Subject::for_user(ALICE).site_roles(roles).membership(ACME, organization_roles);
    builder.scope(Scope::all()).build()
}

fn site(names: &[&str]) -> Vec<RoleName> {
    names.iter().map(|name| RoleName::site(*name)).collect()
}

fn inside(organization: Uuid, names: &[&str]) -> Vec<RoleName> {
    names.iter().map(|name| RoleName::organization(*name, organization)).collect()
}

#[test]
fn every_actor_may_assign_what_the_data_says() {
    let extra: Value = serde_json::from_str(include_str!("../data/rbac-extra.json")).unwrap();
    let custom =
        [("custom-site-role", RoleName::site("c")), ("custom-organization-role", RoleName::organization("c", ACME))];
    for actor in BuiltIn::all() {
        let subject = Subject::builder(ALICE).scope(Scope::all());
        let subject = match actor.kind() {
            Kind::Site => subject.site_roles([actor.name()]).build(),
            Kind::Organization => subject.membership(ACME, [actor.name()]).build(),
        };
        let assigns = |name: &str| {
            extra["assign"][actor.name()].as_array().is_some_and(|list| list.iter().any(|listed| listed == name))
        };
        let targets = BuiltIn::all().iter().map(|target| (target.name(), target.role_name(ACME))).chain(custom.clone());
        for (name, target) in targets {
            assert_eq!(can_assign(&subject, &target), assigns(name), "{} {target}", actor.name());
        }
        let elsewhere = RoleName::organization("organization-member", OTHER);
        let reaches = actor.kind() == Kind::Site && assigns("organization-member");
        assert_eq!(can_assign(&subject, &elsewhere), reaches, "{}", actor.name());
    }
    let system = SystemSubject::find("System").unwrap().subject();
    assert!(can_assign(&system, &RoleName::site("owner")) && can_assign(&system, &RoleName::organization("c", ACME)));
    let prebuilds = SystemSubject::find("Prebuilds Orchestrator").unwrap().subject();
    assert!(can_assign(&prebuilds, &RoleName::organization("organization-member", ACME)));
    assert!(!can_assign(&prebuilds, &RoleName::site("member")));
}

#[test]
fn a_change_is_planned_with_the_implied_role() {
    let owner = user(&["owner"], &[]);
    let change =
        plan(&owner, AssignmentLevel::Site, &site(&["auditor"]), &site(&["owner", "owner"]), &RoleSet::new()).unwrap();
    assert_eq!(change.added(), site(&["member", "owner"]));
    assert_eq!(change.removed(), site(&["auditor"]));
    assert_eq!(change.stored().as_slice(), ["owner"]);

    let admin = user(&[], &["organization-admin"]);
    let wanted = inside(ACME, &["organization-auditor"]);
    let change = plan(&admin, AssignmentLevel::Organization(ACME), &[], &wanted, &RoleSet::new()).unwrap();
    assert_eq!(change.added(), inside(ACME, &["organization-auditor", "organization-member"]));
    assert_eq!(change.stored().as_slice(), ["organization-auditor"]);
}

#[test]
fn user_admins_make_users_but_promote_nobody() {
    let admin = user(&["user-admin"], &[]);
    assert!(plan(&admin, AssignmentLevel::Site, &[], &[], &RoleSet::new()).is_ok());
    assert!(plan(&admin, AssignmentLevel::Organization(OTHER), &[], &[], &RoleSet::new()).is_ok());
    let error = plan(&admin, AssignmentLevel::Site, &[], &site(&["owner"]), &RoleSet::new()).unwrap_err();
    assert_eq!(error.to_string(), "not authorized to assign role \"owner\"");
    let error = plan(&admin, AssignmentLevel::Site, &site(&["owner"]), &[], &RoleSet::new()).unwrap_err();
    assert_eq!(error, AssignError::NotAuthorized(RoleName::site("owner")));
}

#[test]
fn the_checks_come_in_order() {
    let member = user(&[], &[]);
    let level = AssignmentLevel::Organization(ACME);
    let wrong = plan(&member, AssignmentLevel::Site, &[], &inside(ACME, &["nonsense"]), &RoleSet::new());
    assert!(matches!(wrong, Err(AssignError::WrongLevel(_))));
    let elsewhere = plan(&member, level, &[], &inside(OTHER, &["organization-admin"]), &RoleSet::new());
    assert!(matches!(elsewhere, Err(AssignError::WrongLevel(_))));
    let unknown = plan(&member, AssignmentLevel::Site, &[], &site(&["nonsense"]), &RoleSet::new()).unwrap_err();
    assert_eq!(unknown.to_string(), "\"nonsense\" is not a supported role");
    let misplaced = plan(&member, level, &[], &inside(ACME, &["owner"]), &RoleSet::new());
    assert!(matches!(misplaced, Err(AssignError::Unknown(_))));
    let denied = plan(&member, level, &[], &inside(ACME, &["organization-admin"]), &RoleSet::new());
    let Err(AssignError::Denied(denied)) = denied else { panic!("{denied:?}") };
    assert_eq!((denied.action(), denied.resource()), (Action::Assign, ResourceType::AssignOrgRole));
}

#[test]
fn all_names_that_cannot_stand_are_told_at_once() {
    let owner = user(&["owner"], &[]);
    let refused = |actor: &Subject, wanted: &[&str]| {
        let refusals = plan_or_all(actor, AssignmentLevel::Site, &[], &site(wanted), &RoleSet::new()).unwrap_err();
        let reasons = std::iter::once(refusals.first).chain(refusals.others);
        reasons.map(|reason| reason.to_string()).collect::<Vec<_>>()
    };
    let unknown = ["\"nonsense\" is not a supported role", "\"rubbish\" is not a supported role"];
    assert_eq!(refused(&owner, &["rubbish", "auditor", "nonsense"]), unknown);
    let admin = user(&["user-admin"], &[]);
    let withheld = ["not authorized to assign role \"auditor\"", "not authorized to assign role \"owner\""];
    assert_eq!(refused(&admin, &["owner", "auditor"]), withheld);
}

#[test]
fn custom_roles_are_assigned_by_organization_admins() {
    let cook = CustomRole::new(RoleName::organization("cook", ACME), "Cook", vec![], vec![], vec![]);
    let custom: CustomRoles = [cook].into_iter().collect();
    let known = RoleSet::new().custom(&custom);
    let wanted = inside(ACME, &["cook"]);
    let admin = user(&[], &["organization-admin"]);
    assert!(plan(&admin, AssignmentLevel::Organization(ACME), &[], &wanted, &known).is_ok());
    assert!(plan(&admin, AssignmentLevel::Organization(ACME), &[], &wanted, &RoleSet::new()).is_err());
    let user_admin = user(&[], &["organization-user-admin"]);
    let error = plan(&user_admin, AssignmentLevel::Organization(ACME), &[], &wanted, &known).unwrap_err();
    assert_eq!(error.to_string(), format!("not authorized to assign role \"cook:{ACME}\""));
}

#[test]
fn custom_roles_count_in_their_organization_only() {
    let grant = |resource| vec![Permission::allow(resource, Action::Read)];
    let name = RoleName::organization("cook", ACME);
    let cook = CustomRole::new(name, "Cook", vec![], grant(ResourceType::Template), vec![]);
    let custom: CustomRoles = [cook].into_iter().collect();
    let builder = Subject::for_user(ALICE).membership(ACME, ["cook"]).membership(OTHER, ["cook"]);
    let subject = builder.custom_roles(&custom).scope(Scope::all()).build();
    let template = |organization| Object::new(ResourceType::Template).organization(organization);
    assert!(subject.allows(Action::Read, &template(ACME)) && !subject.allows(Action::Read, &template(OTHER)));
}

#[test]
fn names_of_custom_roles_are_checked() {
    for name in ["a", "Cook", "sous-chef-2", &"x".repeat(32)] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
    for name in ["", "-a", "a-", "a--b", "a b", "a_b", "\u{e9}", "new", "create", "New", "CREATE", &"x".repeat(33)] {
        assert_eq!(check_name(name), Err(CustomRoleError::Name), "{name}");
    }
    for name in ["owner", "Organization-Admin"] {
        assert_eq!(check_name(name), Err(CustomRoleError::Reserved(name.to_owned())));
    }
}

#[test]
fn a_custom_role_grants_only_what_its_maker_has() {
    let draft = |permission| Draft { name: "Cook".to_owned(), organization: vec![permission], ..Draft::default() };
    let (owner, admin) = (user(&["owner"], &[]), user(&[], &["organization-admin"]));
    let ssh = draft(Permission::allow(ResourceType::Workspace, Action::Ssh));
    assert_eq!(ssh.check_permissions(&owner, ACME), Ok(()));
    assert!(matches!(ssh.check_permissions(&admin, ACME), Err(CustomRoleError::NotHeld { .. })));
    let limited = owner.with_scope(Scope::application_connect());
    assert!(matches!(ssh.check_permissions(&limited, ACME), Err(CustomRoleError::NotHeld { .. })));

    let refused = |permission| draft(permission).check_permissions(&owner, ACME).unwrap_err();
    assert!(matches!(refused(Permission::deny(ResourceType::Group, Action::Read)), CustomRoleError::Negated(_)));
    assert!(matches!(refused(Permission::named(false, "group", "*")), CustomRoleError::Wildcard(_)));
    assert!(matches!(refused(Permission::named(false, "*", "read")), CustomRoleError::Wildcard(_)));
    assert!(matches!(refused(Permission::named(false, "group", "fly")), CustomRoleError::Unknown(_)));
    assert!(matches!(refused(Permission::named(false, "group", "ssh")), CustomRoleError::Unknown(_)));
    let read = Permission::allow(ResourceType::Group, Action::Read);
    let twice = Draft { organization: vec![read.clone(), read.clone()], ..draft(read.clone()) };
    assert_eq!(twice.check_permissions(&admin, ACME), Err(CustomRoleError::Twice(read.clone())));

    let bad =
        [Permission::named(false, "group", "*"), Permission::named(false, "group", "fly"), read.clone(), read.clone()];
    let defects = Draft { organization: bad.to_vec(), ..draft(read.clone()) }.permission_defects(&owner, ACME);
    assert!(
        matches!(
            defects.as_slice(),
            [CustomRoleError::Wildcard(_), CustomRoleError::Unknown(_), CustomRoleError::Twice(_)]
        ),
        "{defects:?}"
    );

    let unknown = Permission::named(false, "spaceship", "fly");
    let name = RoleName::organization("cook", ACME);
    let stored = |list| CustomRole::new(name.clone(), "Cook", vec![], list, vec![]);
    let mut old = draft(unknown.clone());
    old.drop_unknown(&stored(vec![]));
    assert_eq!(old.organization, std::slice::from_ref(&unknown), "a new one stays, to be refused");
    old.drop_unknown(&stored(vec![unknown]));
    assert!(old.organization.is_empty());
    assert_eq!(old.into_role(ACME).name(), &RoleName::organization("cook", ACME));
}

#[test]
fn custom_roles_have_no_site_and_no_user_permissions() {
    let permission = vec![Permission::allow(ResourceType::Group, Action::Read)];
    let draft = Draft { name: "cook".to_owned(), ..Draft::default() };
    assert_eq!(draft.check(), Ok(()));
    let with_site = Draft { site: permission.clone(), ..draft.clone() };
    assert!(with_site.check().unwrap_err().to_string().ends_with("for an organization role"));
    let with_user = Draft { user: permission, ..draft };
    assert_eq!(with_user.check(), Err(CustomRoleError::UserPermissions));
    let all = Draft { name: "new".to_owned(), site: with_user.user.clone(), ..with_user };
    let expected = [CustomRoleError::Name, CustomRoleError::SitePermissions, CustomRoleError::UserPermissions];
    assert_eq!(all.defects(), expected);
    assert!(check_maker(&user(&["owner"], &[]), Action::Create, ACME).is_ok());
    assert!(check_maker(&user(&["user-admin"], &[]), Action::Create, ACME).is_err());
}

#[test]
fn what_a_member_owns_is_opened_where_the_role_is() {
    let (other, alice) = (Uuid::from_u128(0x07), Uuid::from_u128(0xa1));
    let permission = Permission::allow(ResourceType::OrganizationMember, Action::Delete);
    let draft = Draft { name: "keeper".to_owned(), organization_member: vec![permission.clone()], ..Draft::default() };
    assert_eq!(draft.check(), Ok(()));
    let admin = user(&[], &["organization-admin"]);
    assert_eq!(draft.owned_permission_defects(&admin, ACME), []);
    let plain = user(&[], &[]);
    let refused = draft.owned_permission_defects(&plain, ACME);
    assert!(matches!(refused.as_slice(), [CustomRoleError::NotHeld { owned: true, .. }]), "{refused:?}");
    assert!(refused[0].to_string().contains("on what you own in this organization"), "{}", refused[0]);
    let wild = Draft {
        organization_member: vec![Permission::named(false, "*", "read"), permission.clone(), permission],
        ..draft.clone()
    };
    let defects = wild.owned_permission_defects(&admin, ACME);
    assert!(matches!(defects.as_slice(), [CustomRoleError::Wildcard(_), CustomRoleError::Twice(_)]), "{defects:?}");

    let roles: CustomRoles = [draft.into_role(ACME)].into_iter().collect();
    let builder = Subject::for_user(alice).membership(other, None::<&str>).custom_roles(&roles);
    let subject = builder.membership(ACME, ["keeper"]).scope(Scope::all()).build();
    let membership =
        |place, owner: Uuid| Object::new(ResourceType::OrganizationMember).organization(place).owner(owner);
    assert!(subject.allows(Action::Delete, &membership(ACME, alice)));
    assert!(!subject.allows(Action::Delete, &membership(other, alice)), "another organization");
    assert!(!subject.allows(Action::Delete, &membership(ACME, other)), "somebody else's");
    let filter = subject.list_filter(Action::Delete, ResourceType::OrganizationMember);
    assert_eq!(filter.owner().unwrap().organizations(), [ACME.into()]);
    assert!(!filter.owner().unwrap().without_organization());
}
