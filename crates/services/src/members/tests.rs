use super::{add, list, remove, update_roles, update_shown_roles};
use crate::Principal;
use crate::error::Error;
use crate::organizations::OrganizationRef;
use crate::users::UserRef;
use crate::users::testing::*;
use doorward_domain::organizations::{Member, Membership};
use doorward_domain::page::Page;
use doorward_domain::roles::{CustomRole, RoleName};
use doorward_domain::users::User;
use doorward_domain::wire::NEVER;
use doorward_ports::members::MemberPage;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};
use serde_json::{Value, json};

fn member(user: &User, roles: &[&str]) -> Member {
    let roles = roles.iter().map(ToString::to_string).collect();
    super::member_of(user.clone(), Membership { roles, ..membership(user.id) })
}

/// The organization, and Bob as a member with these roles.
fn town(roles: &[&str]) -> MockRepositories {
    town_of(&owner().build(), roles)
}

/// The same for this caller.
fn town_of(actor: &Principal, roles: &[&str]) -> MockRepositories {
    let mut users = vec![User::clone(&actor.as_account().unwrap().user), bob(), owner_of_site(), ann()];
    users.dedup_by_key(|user| user.id);
    let mut repos = repos_of(actor, &users);
    let known = member(&bob(), roles);
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    let found = known.clone();
    repos.members.expect_find().returning(move |_, user| Ok((user == BOB).then(|| found.clone())));
    repos.members.expect_find_for_update().returning(move |_, user| Ok((user == BOB).then(|| known.clone())));
    repos.roles.expect_find_custom().returning(|names| Ok(known_roles(names)));
    repos.roles.expect_find_custom_for_key_share().returning(|names| Ok(known_roles(names)));
    repos
}

/// There is the custom role `cook`.
fn known_roles(names: &[RoleName]) -> Vec<CustomRole> {
    let cook = RoleName::organization("cook", ORGANIZATION.0);
    let role = CustomRole::new(cook.clone(), "The Cook", vec![], vec![], vec![]);
    if names.contains(&cook) { vec![role] } else { Vec::new() }
}

/// One record about Bob with this difference.
fn expect_record(repos: &mut MockRepositories, action: &'static str, status: u16, diff: Value) {
    repos.audit.expect_insert().times(1).returning(move |_, record| {
        assert_eq!((record.action.as_str(), record.status_code), (action, status));
        assert_eq!(record.resource_type.as_str(), "organization_member");
        assert_eq!((&record.resource_id, record.resource_target.as_str()), (&BOB.to_string(), "bob"));
        assert_eq!((record.organization_id, &record.diff), (Some(ORGANIZATION), &diff));
        Ok(())
    });
}

fn change(old: impl Into<Value>, new: impl Into<Value>) -> Value {
    json!({ "old": old.into(), "new": new.into(), "secret": false })
}

const THEN: &str = "2026-03-04T05:06:07Z";

async fn assign(repos: MockRepositories, actor: &Principal, names: &[&str]) -> Result<super::MemberView, Error> {
    let names = names.iter().map(ToString::to_string).collect();
    update_roles(&context(repos), actor, &OrganizationRef::Default, &UserRef::Id(BOB), names).await
}

#[tokio::test]
async fn new_roles_are_stored_recorded_and_shown_with_their_names() {
    let mut repos = town(&["organization-auditor"]);
    repos
        .members
        .expect_update_roles()
        .times(1)
        .withf(|_, place, user, roles, _| *place == ORGANIZATION && *user == BOB && roles.as_slice() == ["cook"])
        .returning(|_, _, _, _, _| Ok(true));
    // Both times are those of the tests.
    let diff = json!({ "roles": change(json!(["organization-auditor"]), json!(["cook"])) });
    expect_record(&mut repos, "write", 200, diff);
    let view = assign(repos, &owner().build(), &["cook", "organization-member", "cook"]).await.unwrap();
    assert_eq!((view.roles.len(), view.roles[0].display_name.as_str()), (1, "The Cook"));
}

#[tokio::test]
async fn who_was_shown_other_roles_changes_none() {
    let choose = async |repos, shown: &[&str]| {
        let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let (place, bob) = (OrganizationRef::Default, UserRef::Id(BOB));
        update_shown_roles(&context(repos), &owner().build(), &place, &bob, texts(shown), texts(&["cook"])).await
    };
    for shown in [&[][..], &["cook"], &["cook", "organization-auditor"]] {
        let refused = choose(town(&["organization-auditor"]), shown).await;
        assert!(matches!(refused, Err(Error::Conflict { message, .. }) if message.contains("bob")), "{shown:?}");
    }
    let mut repos = town(&["organization-auditor"]);
    repos.members.expect_update_roles().times(1).returning(|_, _, _, _, _| Ok(true));
    repos.audit.expect_insert().times(1).returning(|_, _| Ok(()));
    choose(repos, &["organization-auditor"]).await.unwrap();
}

#[tokio::test]
async fn a_role_that_is_being_taken_must_be_one_the_caller_may_take() {
    let admin = as_user(User { roles: ["user-admin"].into_iter().collect(), ..ann() }).build();
    let refused = assign(town_of(&admin, &["organization-admin"]), &admin, &[]).await;
    assert!(
        matches!(refused, Err(Error::Invalid { message, .. }) if message.contains("not authorized to assign role"))
    );
    let auditor = as_user(User { roles: ["auditor"].into_iter().collect(), ..ann() }).build();
    assert!(matches!(assign(town_of(&auditor, &[]), &auditor, &["cook"]).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn a_member_who_leaves_meanwhile_gets_no_roles() {
    let mut repos = town(&[]);
    repos.members.checkpoint();
    repos.members.expect_find().returning(|_, _| Ok(Some(member(&bob(), &[]))));
    repos.members.expect_find_for_update().returning(|_, _| Ok(None));
    assert!(matches!(assign(repos, &owner().build(), &[]).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn members_come_and_go_with_a_record() {
    let mut repos = town(&[]);
    repos.organizations.expect_insert_member().times(1).returning(|_, _| Ok(()));
    let fields = |old: bool| {
        let side = |text: &str, none: &str| if old { change(text, none) } else { change(none, text) };
        json!({
            "username": side("bob", ""),
            "user_id": side(&BOB.to_string(), ""),
            "created_at": side(THEN, NEVER),
            "updated_at": side(THEN, NEVER),
        })
    };
    expect_record(&mut repos, "create", 200, fields(false));
    let (place, bob) = (OrganizationRef::Default, UserRef::Id(BOB));
    let added = add(&context(repos), &owner().build(), &place, &bob).await.unwrap();
    assert_eq!((added.member.user.username.as_str(), added.roles.len()), ("bob", 0));

    let mut repos = town(&[]);
    repos.members.expect_delete().times(1).returning(|_, _, _| Ok(true));
    expect_record(&mut repos, "delete", 204, fields(true));
    remove(&context(repos), &owner().build(), &place, &bob).await.unwrap();
}

#[tokio::test]
async fn what_the_database_refuses_is_told_in_words() {
    for (conflict, not_found) in [(Conflict::Membership, false), (Conflict::OrganizationDeleted, true)] {
        let mut repos = town(&[]);
        repos.organizations.expect_insert_member().returning(move |_, _| Err(StoreError::Conflict(conflict)));
        let refused = add(&context(repos), &owner().build(), &OrganizationRef::Default, &UserRef::Id(BOB)).await;
        match refused {
            Err(Error::Invalid { message, .. }) => assert!(!not_found && message.contains("already exists")),
            Err(Error::OrganizationNotFound(_)) => assert!(not_found),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_may_know_of_the_user_but_not_of_the_member_is_told_apart_from_who_knows_neither() {
    // Ann reads nobody: Bob does not exist for her.
    let refused = remove(&context(town(&[])), &actor().build(), &OrganizationRef::Default, &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::UserNotFound)));
    let auditor = as_user(User { roles: ["auditor"].into_iter().collect(), ..ann() }).build();
    let refused =
        remove(&context(town_of(&auditor, &[])), &auditor, &OrganizationRef::Default, &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let stranger =
        remove(&context(town_of(&auditor, &[])), &auditor, &OrganizationRef::Default, &UserRef::Id(ANN)).await;
    assert!(matches!(stranger, Err(Error::NotFound)), "she is no member here");
}

#[tokio::test]
async fn the_names_of_all_roles_of_a_page_are_looked_up_at_once() {
    let mut repos = repos_with(&[]);
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    repos.members.expect_list().times(1).returning(|_, _, _| {
        Ok(MemberPage { members: vec![member(&ann(), &["cook", "gone"]), member(&bob(), &["cook"])], count: 9 })
    });
    repos.roles.expect_find_custom().times(1).returning(|names| Ok(known_roles(names)));
    let found = list(&context(repos), &owner().build(), &OrganizationRef::Default, "", Page::default()).await.unwrap();
    let shown: Vec<&str> =
        found.members.iter().flat_map(|view| &view.roles).map(|role| role.display_name.as_str()).collect();
    assert_eq!((shown, found.count), (vec!["The Cook", "gone", "The Cook"], 9));
}
