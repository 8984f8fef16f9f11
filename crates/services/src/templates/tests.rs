use super::*;
use crate::error::Error;
use crate::users::testing::*;
use doorward_domain::groups::Group;
use doorward_domain::ids::{GroupId, OrganizationId, TemplateId, UserId};
use doorward_domain::names::DisplayName;
use doorward_domain::roles::Acl;
use doorward_domain::templates::{Template, TemplateRole, TemplateSettings, everyone, role_of, set_role, set_roles};
use doorward_domain::users::User;
use doorward_ports::groups::FoundGroup;
use doorward_ports::mocks::MockRepositories;
use std::collections::BTreeMap;
use uuid::Uuid;

const ID: TemplateId = TemplateId(Uuid::from_u128(0x7e));
const OTHER: OrganizationId = OrganizationId(Uuid::from_u128(0xB0));

fn template() -> Template {
    Template {
        id: ID,
        organization_id: ORGANIZATION,
        name: "dev".parse().unwrap(),
        display_name: DisplayName::default(),
        description: String::new(),
        icon: String::new(),
        active_version_id: None,
        created_by: ANN,
        created_at: NOW,
        updated_at: NOW,
        deleted: false,
        user_acl: Acl::new(),
        group_acl: everyone(ORGANIZATION),
        deprecation_message: String::new(),
        settings: TemplateSettings::default(),
    }
}

/// Mocks with this template, these users, of whom only `member` belongs to the organization, and a group of either kind.
fn repos(template: Template, users: &[User]) -> MockRepositories {
    let mut repos = MockRepositories::default();
    let held = template.clone();
    repos.templates.expect_find_for_update().returning(move |id| Ok((id == ID).then(|| held.clone())));
    repos.templates.expect_find().returning(move |id| Ok((id == ID).then(|| template.clone())));
    let known = users.to_vec();
    repos
        .users
        .expect_list_by_id()
        .returning(move |ids| Ok(known.iter().filter(|user| ids.contains(&user.id)).cloned().collect()));
    repos
        .groups
        .expect_members_for_key_share()
        .returning(|_, ids| Ok(ids.iter().copied().filter(|id| *id == ANN).collect()));
    repos.groups.expect_list_by_id().returning(|ids| {
        let home = |id: GroupId| if id.0.as_u128() < 100 { ORGANIZATION } else { OTHER };
        let found = |id: &GroupId| FoundGroup {
            group: Group {
                id: *id,
                ..Group::everyone(&doorward_domain::organizations::Organization { id: home(*id), ..organization() })
            },
            organization_name: organization().name,
            organization_display_name: organization().display_name,
        };
        Ok(ids.iter().filter(|id| id.0.as_u128() != 99).map(found).collect())
    });
    repos
}

fn asked(entries: &[(u128, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(id, role)| (Uuid::from_u128(*id).to_string(), (*role).to_owned())).collect()
}

fn command(users: &[(u128, &str)], groups: &[(u128, &str)]) -> UpdateTemplateAcl {
    UpdateTemplateAcl { users: asked(users), groups: asked(groups) }
}

#[tokio::test]
async fn an_entry_must_belong_to_the_organization_unless_it_is_removed() {
    let gone = User { deleted: true, ..user(UserId(Uuid::from_u128(3)), "gone") };
    for (users, groups, expected) in [
        (vec![(2, "use")], vec![], vec!["user_perms"]),
        (vec![(3, ""), (4, "use")], vec![], vec!["user_perms", "user_perms"]),
        (vec![], vec![(100, "use")], vec!["group_perms"]),
        (vec![(1, "root")], vec![(99, ""), (100, "admin")], vec!["user_perms", "group_perms", "group_perms"]),
    ] {
        let mut mocks = repos(template(), &[ann(), bob(), gone.clone()]);
        mocks.templates.expect_update().never();
        let refused = update_acl(&context(mocks), &owner().build(), ID, command(&users, &groups)).await;
        let Err(Error::Invalid { fields, .. }) = refused else { panic!("{refused:?}") };
        let fields: Vec<&str> = fields.iter().map(|field| field.field.as_ref()).collect();
        assert_eq!(fields, expected);
    }
}

#[tokio::test]
async fn named_entries_are_set_or_removed_and_all_others_stay() {
    let mut old = template();
    set_role(&mut old.user_acl, BOB.0, Some(TemplateRole::Admin));
    set_role(&mut old.user_acl, Uuid::from_u128(77), Some(TemplateRole::Use));
    set_role(&mut old.group_acl, Uuid::from_u128(100), Some(TemplateRole::Use));
    let mut mocks = repos(old, &[ann(), bob()]);
    mocks
        .templates
        .expect_update()
        .times(1)
        .withf(|_, new| {
            let role = |n| role_of(&new.user_acl, Uuid::from_u128(n)).flatten();
            (role(1), role(2), role(77)) == (Some(TemplateRole::Admin), None, Some(TemplateRole::Use))
                && role_of(&new.group_acl, ORGANIZATION.0).is_some()
                && role_of(&new.group_acl, Uuid::from_u128(100)).is_none()
                && role_of(&new.group_acl, Uuid::from_u128(5)) == Some(Some(TemplateRole::Use))
                && new.updated_at == NOW
        })
        .returning(|_, _| Ok(true));
    mocks
        .audit
        .expect_insert()
        .times(1)
        .withf(|_, record| {
            let diff = record.diff.as_object().unwrap();
            record.organization_id == Some(ORGANIZATION)
                && diff.keys().collect::<Vec<_>>() == ["group_acl", "user_acl"]
                && diff["user_acl"]["old"].as_str().unwrap().contains(&BOB.to_string())
        })
        .returning(|_, _| Ok(()));
    // Bob is no member any more, and the group is of another organization: both can be taken off.
    let command = command(&[(1, "admin"), (2, "")], &[(5, "use"), (100, "")]);
    update_acl(&context(mocks), &owner().build(), ID, command).await.unwrap();
}

/// A list that is searched once per entry, or moved, does not get through this.
#[tokio::test]
async fn an_access_list_of_many_is_changed_and_shown_in_one_pass() {
    const MANY: u128 = 100_000;
    let id = |n: u128| UserId(Uuid::from_u128(n + 1000));
    let people: Vec<User> = (0..MANY).map(|n| user(id(n), "somebody")).collect();
    let mut full = template();
    set_roles(&mut full.user_acl, (0..MANY).map(|n| (id(n).0, Some(TemplateRole::Use))));

    let mut mocks = MockRepositories::default();
    let held = full.clone();
    mocks.templates.expect_find_for_update().return_once(move |_| Ok(Some(held)));
    let known = people.clone();
    mocks.users.expect_list_by_id().return_once(move |_| Ok(known));
    mocks.groups.expect_members_for_key_share().returning(|_, ids| Ok(ids.to_vec()));
    mocks
        .templates
        .expect_update()
        .times(1)
        .withf(move |_, new| (0..MANY).all(|n| role_of(&new.user_acl, id(n).0) == Some(Some(TemplateRole::Admin))))
        .returning(|_, _| Ok(true));
    mocks.audit.expect_insert().times(1).returning(|_, _| Ok(()));
    let users = (0..MANY).map(|n| (id(n).to_string(), "admin".to_owned())).collect();
    let command = UpdateTemplateAcl { users, groups: BTreeMap::new() };
    update_acl(&context(mocks), &owner().build(), ID, command).await.unwrap();

    let mut mocks = MockRepositories::default();
    mocks.templates.expect_find().return_once(move |_| Ok(Some(full)));
    mocks.users.expect_list_by_id().return_once(move |_| Ok(people));
    mocks.groups.expect_list_by_id().returning(|_| Ok(Vec::new()));
    mocks
        .organizations
        .expect_list_memberships_of()
        .times(1)
        .returning(|ids| Ok(ids.iter().copied().map(membership).collect()));
    let shown = acl(&context(mocks), &owner().build(), ID).await.unwrap();
    assert_eq!(shown.users.len(), usize::try_from(MANY).unwrap());
    for Listed { who, role } in shown.users {
        assert_eq!((who.organization_ids, role), (vec![ORGANIZATION], Some(TemplateRole::Use)));
    }
}

#[tokio::test]
async fn who_can_only_read_is_forbidden_and_others_find_nothing() {
    let mut closed = template();
    closed.group_acl = Acl::new();
    let refused = update_acl(&context(repos(template(), &[])), &actor().build(), ID, command(&[], &[])).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    assert!(matches!(acl(&context(repos(template(), &[])), &actor().build(), ID).await, Err(Error::Forbidden(_))));
    let page = doorward_domain::page::Page::default();
    let refused = available(&context(repos(template(), &[])), &actor().build(), ID, "", page).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    for (stranger, what) in [(actor().build(), closed), (actor().without_memberships().build(), template())] {
        assert!(matches!(acl(&context(repos(what.clone(), &[])), &stranger, ID).await, Err(Error::NotFound)));
        let refused = delete(&context(repos(what, &[])), &stranger, ID).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_template_with_workspaces_is_not_deleted() {
    let mut mocks = repos(template(), &[]);
    mocks.workspaces.expect_count_of_template().returning(|_| Ok(1));
    let refused = delete(&context(mocks), &owner().build(), ID).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");

    let mut mocks = repos(template(), &[]);
    mocks.workspaces.expect_count_of_template().returning(|_| Ok(0));
    mocks.templates.expect_delete().times(1).returning(|_, _, _| Ok(true));
    expect_audit(&mut mocks, "delete", 200);
    delete(&context(mocks), &owner().build(), ID).await.unwrap();
}
