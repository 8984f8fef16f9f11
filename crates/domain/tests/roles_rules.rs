//! The corners of the rule, one test each.

use doorward_domain::roles::{
    Acl, Action, AllowEntry, Because, Id, Object, Permission, ResourceType, Role, Scope, ScopeName, Subject, System,
    SystemSubject, action, resource,
};
use uuid::Uuid;

const ALICE: Uuid = Uuid::from_u128(0xa11ce);
const BOB: Uuid = Uuid::from_u128(0xb0b);
const ACME: Uuid = Uuid::from_u128(0xac3e);
const OTHER: Uuid = Uuid::from_u128(0x07e4);
const GROUP: Uuid = Uuid::from_u128(0x64);

fn user(roles: &[&str], organization_roles: &[&str]) -> Subject {
    let builder = Subject::for_user(ALICE).site_roles(roles).membership(ACME, organization_roles);
    builder.groups([GROUP]).scope(Scope::all()).build()
}

fn workspace(organization: Uuid, owner: Uuid) -> Object<'static> {
    Object::new(ResourceType::Workspace).organization(organization).owner(owner)
}

fn because(subject: &Subject, action: Action, object: &Object<'_>) -> Because {
    subject.decide(action, object).because()
}

#[test]
fn a_deny_does_not_stop_an_access_list() {
    let deny = Role::custom(
        "deny",
        vec![Permission::deny(ResourceType::Template, Action::Read)],
        [(Id::from(ACME), vec![Permission::deny(ResourceType::Template, Action::Use)])],
        Vec::new(),
    );
    let subject = Subject::builder(ALICE).roles([deny]).groups([GROUP]).scope(Scope::all()).build();
    let users = Acl::new().grant(ALICE, Action::Read);
    let groups = Acl::new().grant(GROUP, Action::Use);
    let template = Object::new(ResourceType::Template).organization(ACME);
    assert_eq!(because(&subject, Action::Read, &template), Because::SiteDenies);
    assert_eq!(because(&subject, Action::Use, &template), Because::OrganizationDenies);
    let listed = template.user_acl(&users).group_acl(&groups);
    assert_eq!(because(&subject, Action::Read, &listed), Because::UserListed);
    assert_eq!(because(&subject, Action::Use, &listed), Because::GroupListed);
}

#[test]
fn a_user_list_needs_no_membership_but_a_group_list_does() {
    let subject = user(&[], &[]);
    let (users, groups) = (Acl::new().grant(ALICE, Action::Read), Acl::new().grant_every(GROUP));
    let elsewhere = Object::new(ResourceType::Template).organization(OTHER);
    assert!(subject.allows(Action::Read, &elsewhere.clone().user_acl(&users)));
    assert!(!subject.allows(Action::Read, &elsewhere.clone().group_acl(&groups)));
    assert!(!subject.allows(Action::Read, &Object::new(ResourceType::Template).group_acl(&groups)));
    let here = Object::new(ResourceType::Template).organization(ACME).group_acl(&groups);
    assert!(subject.allows(Action::Delete, &here));
    let anywhere = Object::new(ResourceType::Template).any_organization().group_acl(&groups);
    assert_eq!(because(&subject, Action::Update, &anywhere), Because::GroupListed);
    let stranger = Subject::for_user(ALICE).groups([GROUP]).scope(Scope::all()).build();
    assert!(!stranger.allows(Action::Update, &anywhere));
}

#[test]
fn the_organization_in_a_group_list_is_everyone_in_it() {
    let everyone = Acl::new().grant(ACME, Action::Use);
    let template = Object::new(ResourceType::Template).organization(ACME).group_acl(&everyone);
    assert_eq!(because(&user(&[], &[]), Action::Use, &template), Because::EveryoneListed);
    let stranger = Subject::for_user(BOB).membership(OTHER, [""; 0]).scope(Scope::all()).build();
    assert!(!stranger.allows(Action::Use, &template));
    // Nor does a claim to be in that group help.
    let liar = Subject::for_user(BOB).groups([ACME]).scope(Scope::all()).build();
    assert!(!liar.allows(Action::Use, &template));
}

#[test]
fn leaving_an_organization_takes_the_own_workspaces_there() {
    let subject = user(&[], &[]);
    assert_eq!(because(&subject, Action::Delete, &workspace(ACME, ALICE)), Because::UserAllows);
    assert_eq!(because(&subject, Action::Delete, &workspace(OTHER, ALICE)), Because::NotMember);
    assert_eq!(because(&subject, Action::Delete, &workspace(ACME, BOB)), Because::NothingAllows);
    assert!(subject.allows(Action::Delete, &Object::new(ResourceType::Workspace).owner(ALICE)));
}

#[test]
fn the_nil_uuid_is_an_ordinary_organization_except_with_any() {
    let subject = user(&["template-admin"], &["organization-admin"]);
    let nil = workspace(Uuid::nil(), ALICE);
    assert_eq!(because(&subject, Action::Delete, &nil), Because::NotMember);
    assert_eq!(because(&subject, Action::Delete, &nil.any_organization()), Because::OrganizationAllows);
    let both = workspace(ACME, ALICE).any_organization();
    assert_eq!(because(&subject, Action::Delete, &both), Because::OrganizationAndAny);
    assert_eq!(because(&user(&["owner"], &[]), Action::Delete, &both), Because::OrganizationAndAny);
}

#[test]
fn any_members_objects_are_nobodys_own() {
    let anyones = Object::new(ResourceType::Workspace).organization(ACME).owner("*");
    assert!(!user(&[], &[]).allows(Action::Read, &anyones));
    assert!(user(&[], &["organization-admin"]).allows(Action::Read, &anyones));
    assert!(user(&["owner"], &[]).allows(Action::Read, &anyones));
}

#[test]
fn the_creation_ban_beats_organization_admin_but_not_owner() {
    let ban = "organization-workspace-creation-ban";
    let mine = workspace(ACME, ALICE);
    let banned = user(&[], &["organization-admin", ban]);
    assert_eq!(because(&banned, Action::Create, &mine), Because::OrganizationDenies);
    assert_eq!(because(&user(&[], &[ban]), Action::Delete, &mine), Because::OrganizationDenies);
    assert_eq!(because(&banned, Action::Start, &mine), Because::OrganizationAllows);
    assert_eq!(because(&user(&["owner"], &[ban]), Action::Create, &mine), Because::SiteAllows);
    // Any other organization that allows is enough for "any", and the ban says nothing there.
    let builder = Subject::for_user(ALICE).membership(ACME, [ban]).membership(OTHER, ["organization-admin"]);
    let subject = builder.scope(Scope::all()).build();
    let anywhere = Object::new(ResourceType::Workspace).any_organization();
    assert!(subject.allows(Action::Create, &anywhere));
    assert!(user(&[], &[ban]).allows(Action::Create, &anywhere.owner(ALICE)));
}

#[test]
fn an_unset_id_in_an_allow_list_admits_objects_without_id() {
    let limited = |id: &str| Scope::all().limited_to(vec![AllowEntry::any_type(id)]);
    let subject = user(&["owner"], &[]);
    let (made, new) = (workspace(ACME, ALICE).id("w"), workspace(ACME, ALICE));
    for (id, made_allowed, new_allowed) in
        [("", false, true), ("w", true, false), ("*", true, true), ("x", false, false)]
    {
        let subject = subject.with_scope(limited(id));
        assert_eq!(subject.allows(Action::Read, &made), made_allowed, "{id}");
        assert_eq!(subject.allows(Action::Read, &new), new_allowed, "{id}");
    }
    let typed = subject.with_scope(Scope::all().limited_to(vec![AllowEntry::typed(ResourceType::Workspace, "w")]));
    assert!(typed.allows(Action::Read, &made));
    assert_eq!(because(&typed, Action::Read, &made.as_type(ResourceType::Template)), Because::ScopeOtherObject);
}

#[test]
fn unknown_names_are_matched_as_text() {
    let (owner, admin, member) = (user(&["owner"], &[]), user(&[], &["organization-admin"]), user(&[], &[]));
    let mine = workspace(ACME, ALICE);
    let asks = |subject: &Subject, action, kind| subject.decide_named(action, kind, &mine).allow();
    for kind in ["*", "spaceship", ""] {
        assert!(!asks(&owner, "read", kind), "{kind}");
    }
    for unknown in ["fly", "*"] {
        assert!(
            asks(&owner, unknown, "template")
                && asks(&admin, unknown, "template")
                && asks(&member, unknown, "template")
        );
        assert!(asks(&member, unknown, "workspace"), "any member on own objects");
        let bobs = workspace(ACME, BOB);
        assert!(!owner.decide_named(unknown, "workspace", &bobs).allow());
        assert!(!admin.decide_named(unknown, "workspace", &bobs).allow());
        for kind in ["workspace_dormant", "prebuilt_workspace"] {
            assert!(!asks(&owner, unknown, kind) && !asks(&admin, unknown, kind) && !asks(&member, unknown, kind));
        }
        assert!(!user(&["auditor"], &[]).decide_named(unknown, "template", &bobs).allow());
    }
    // Known names take the same answers either way.
    assert!(asks(&owner, "read", "workspace"));
}

#[test]
fn nobody_without_roles_or_scope_may_anything() {
    let everyone = Acl::new().grant_every(ALICE);
    let object = workspace(ACME, ALICE).user_acl(&everyone);
    let nameless = Subject::builder(ALICE).scope(Scope::all()).build();
    assert_eq!(because(&nameless, Action::Read, &object), Because::NoRoles);
    let deleted = Subject::builder(ALICE).site_roles(["deleted custom role"]).scope(Scope::all()).build();
    assert_eq!(because(&deleted, Action::Read, &object), Because::NoRoles);
    let unscoped = Subject::for_user(ALICE).site_roles(["owner"]).build();
    assert_eq!(because(&unscoped, Action::Read, &object), Because::NoScope);
    assert!(unscoped.list_filter(Action::Read, ResourceType::Workspace).is_never());
}

#[test]
fn a_scope_limits_owners_and_lists_alike() {
    let apps = user(&["owner"], &[]).with_scope(Scope::application_connect());
    let everyone = Acl::new().grant_every(ALICE);
    let object = workspace(ACME, BOB).user_acl(&everyone);
    assert!(apps.allows(Action::ApplicationConnect, &object));
    assert_eq!(because(&apps, Action::Read, &object), Because::ScopeSilent);
}

#[test]
fn dormant_workspaces_cannot_be_started_by_anyone() {
    let dormant = workspace(ACME, ALICE).as_type(ResourceType::WorkspaceDormant);
    let subject = user(&["owner"], &["organization-admin"]);
    for action in [Action::Start, Action::Ssh, Action::ApplicationConnect] {
        assert!(!subject.allows(action, &dormant), "{action}");
    }
    assert!(subject.allows(Action::Delete, &dormant));
}

#[test]
fn organization_admins_read_all_users() {
    let elsewhere = Object::new(ResourceType::User).id(BOB).owner(BOB);
    assert!(user(&[], &["organization-admin"]).allows(Action::Read, &elsewhere));
    assert!(!user(&[], &[]).allows(Action::Read, &elsewhere));
}

#[test]
fn organization_admins_reach_no_workspace_by_ssh_but_their_own() {
    let admin = user(&[], &["organization-admin"]);
    assert!(admin.allows(Action::Ssh, &workspace(ACME, ALICE)));
    assert!(!admin.allows(Action::Ssh, &workspace(ACME, BOB)));
}

#[test]
fn an_own_object_without_organization_is_open_to_members() {
    let subject = user(&[], &[]);
    assert!(subject.allows(Action::Create, &Object::new(ResourceType::License).owner(ALICE)));
    assert!(!subject.allows(Action::Create, &Object::new(ResourceType::License)));
    // "any organization" with membership counts as being in one.
    let anywhere = Object::new(ResourceType::Workspace).owner(ALICE).any_organization();
    assert_eq!(because(&subject, Action::Create, &anywhere), Because::UserAllows);
    let stranger = Subject::for_user(ALICE).scope(Scope::all()).build();
    assert_eq!(because(&stranger, Action::Create, &anywhere), Because::NotMember);
}

#[test]
fn permits_carry_who_and_what() {
    let subject = user(&["owner"], &[]);
    let object = Object::of::<resource::Workspace>().id("w").organization(ACME).owner(BOB);
    let permit = subject.permit::<action::Delete, resource::Workspace>(&object).unwrap();
    assert_eq!((permit.id(), permit.organization(), permit.owner()), (&"w".into(), &ACME.into(), &BOB.into()));
    assert_eq!(format!("{permit:?}"), format!("Permit(workspace:delete for Subject(Id({ALICE})))"));
    let other = subject.permit::<action::Delete, resource::Template>(&object).unwrap_err();
    assert_eq!(other.because(), Because::OtherType);
    let denied = user(&[], &[]).permit::<action::Delete, resource::Workspace>(&object).unwrap_err();
    assert_eq!(denied.to_string(), "delete on workspace is denied: no permission allows it");
}

#[test]
fn a_permit_covers_what_it_was_about_and_nothing_known_to_be_something_else() {
    let all = || Object::of::<resource::Workspace>();
    let permit =
        |object: Object<'_>| System::because("a test").permit_on::<action::Delete, resource::Workspace>(&object);
    let whole = || all().id("w").owner(BOB).organization(ACME);
    for (about, covered) in [
        (all(), true),
        (all().id("w"), true),
        (all().id("w").organization(ACME), true),
        (all().owner(BOB), true),
        (all().organization(ACME), true),
        (all().id("other"), false),
        (all().id("w").owner(ALICE), false),
        (all().organization(OTHER), false),
    ] {
        assert_eq!(permit(about.clone()).covers(&whole()), covered, "{about:?}");
    }
    assert!(permit(whole()).covers(&all().id("w")), "it is the same one");
    assert!(permit(all()).covers(&all().id("w")) && permit(all()).covers(&all()), "all are all");
    assert!(!permit(all().organization(ACME)).covers(&all().id("w")), "whose it is is not known");
    assert!(!permit(all().owner(BOB)).covers(&all().id("w").organization(ACME)), "whose it is is not known");
    assert!(!permit(all().owner(BOB)).covers(&all()), "those of one are not all");
    assert!(!permit(whole()).covers(&all()), "one is not all");
    assert!(!permit(all().id("w")).covers(&all().owner(BOB)), "one is not all of an owner");
}

#[test]
fn subjects_say_who_they_are() {
    let subject = user(&["owner"], &["organization-auditor"]);
    assert!(subject.is_owner() && !user(&[], &[]).is_owner());
    let roles: Vec<String> = subject.roles().iter().map(ToString::to_string).collect();
    let organization = |name| format!("{name}:{ACME}");
    assert_eq!(roles, ["member", "owner", &organization("organization-member"), &organization("organization-auditor")]);
    assert_eq!(subject.memberships().collect::<Vec<_>>(), [&Id::from(ACME)]);
    assert!(subject.is_member(ACME) && !subject.is_member(OTHER) && !subject.is_member(""));
    let raw = Subject::builder(ALICE).membership(ACME, [""; 0]).build();
    assert_eq!((raw.roles().len(), raw.memberships().count()), (0, 0));
}

#[test]
fn a_custom_role_called_owner_is_not_an_owner() {
    let fake = Role::custom("owner", Vec::new(), [], Vec::new());
    assert!(!Subject::builder(ALICE).roles([fake]).scope(Scope::all()).build().is_owner());
    let placed = Subject::builder(ALICE).organization_role("owner", ACME).scope(Scope::all()).build();
    assert!(placed.roles().is_empty());
}

#[test]
fn prebuilt_workspaces_are_deleted_by_template_admins() {
    let prebuilds = SystemSubject::find("Prebuilds Orchestrator").unwrap().subject();
    let prebuilt = Object::new(ResourceType::PrebuiltWorkspace).organization(ACME).owner(prebuilds.id());
    let admin = user(&["template-admin"], &[]);
    assert!(admin.allows(Action::Delete, &prebuilt));
    assert!(!admin.allows(Action::Delete, &prebuilt.as_type(ResourceType::Workspace)));
}

#[test]
fn a_scope_is_called_missing_only_when_it_is_all_that_is() {
    let narrow = |names: &[&str]| {
        let names: Vec<ScopeName> = names.iter().map(|name| ScopeName::parse(name).unwrap()).collect();
        Scope::from_names(&names)
    };
    let through = |scope| Subject::for_user(ALICE).membership(ACME, [""; 0]).scope(scope).build();
    let missing = |subject: &Subject, action, object: &Object<'_>| {
        subject.check(action, object).unwrap_err().missing_scope().map(|name| name.to_string())
    };
    let reader = through(narrow(&["workspace:read"]));
    let mine = workspace(ACME, ALICE).id(GROUP);
    assert_eq!(missing(&reader, Action::Delete, &mine).as_deref(), Some("workspace:delete"));
    assert_eq!(missing(&reader, Action::Delete, &workspace(ACME, BOB)), None);
    assert_eq!(missing(&reader, Action::Read, &workspace(ACME, BOB)), None);
    // An action that no scope names is named by all of its type.
    let license = Object::new(ResourceType::License);
    let owner = reader_of(&["owner"], narrow(&["workspace:read"]));
    assert_eq!(missing(&owner, Action::Ssh, &license).as_deref(), Some("license:*"));
    // The access lists count as well.
    let users = Acl::new().grant(ALICE, Action::Use);
    let listed = Object::new(ResourceType::Template).organization(ACME).user_acl(&users);
    assert_eq!(missing(&reader, Action::Use, &listed).as_deref(), Some("template:use"));
    // With another object in the allow list, the scope would not help.
    let limited = |id| narrow(&["workspace:read"]).cut(&[AllowEntry::typed(ResourceType::Workspace, id)]);
    assert_eq!(missing(&through(limited(GROUP)), Action::Delete, &mine).as_deref(), Some("workspace:delete"));
    assert_eq!(missing(&through(limited(OTHER)), Action::Delete, &mine), None);
    let elsewhere = through(limited(OTHER)).check(Action::Read, &mine).unwrap_err();
    assert_eq!((elsewhere.because(), elsewhere.missing_scope()), (Because::ScopeOtherObject, None));
    // Questions that are mistakes stay mistakes.
    let both = workspace(ACME, ALICE).any_organization();
    assert_eq!(missing(&owner, Action::Delete, &both), None);
}

#[test]
fn objects_without_id_are_reached_by_entries_for_all_of_their_type() {
    let through = |entry: &str| {
        Subject::for_user(ALICE)
            .site_roles(["owner"])
            .scope(Scope::all().cut(&[entry.parse::<AllowEntry>().unwrap()]))
            .build()
    };
    let templates = Object::of::<resource::Template>().organization(ACME);
    for (entry, reached) in [("template:*", true), ("*:*", true), ("workspace:*", false), (&format!("*:{ACME}"), false)]
    {
        assert_eq!(through(entry).allows(Action::Create, &templates), reached, "{entry}");
        let filter = through(entry).list_filter(Action::Read, ResourceType::Template);
        assert_eq!(filter.matches(&templates.clone().id(GROUP)), reached, "{entry}");
    }
    let one = through(&format!("template:{GROUP}"));
    assert!(one.allows(Action::Delete, &templates.clone().id(GROUP)));
    assert!(!one.allows(Action::Create, &templates) && !one.allows(Action::Read, &templates.clone().id(OTHER)));
    assert!(one.permit::<action::Delete, resource::Template>(&templates.id(GROUP)).is_ok());
}

fn reader_of(roles: &[&str], scope: Scope) -> Subject {
    Subject::for_user(ALICE).site_roles(roles).scope(scope).build()
}
