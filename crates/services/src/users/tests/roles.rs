use crate::Principal;
use crate::error::Error;
use crate::users::testing::*;
use crate::users::{UserRef, UserRoles, UserView, roles, update_roles, update_shown_roles};
use doorward_domain::roles::RoleNames;
use doorward_domain::users::{User, UserStatus};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};

fn user_admin() -> Principal {
    as_user(User { roles: ["user-admin"].into_iter().collect(), ..ann() }).build()
}

async fn ask(repos: MockRepositories, actor: &Principal, names: &[&str]) -> Result<UserView, Error> {
    let names = names.iter().map(ToString::to_string).collect();
    update_roles(&context(repos), actor, &UserRef::Id(BOB), names).await
}

fn storing(actor: &Principal, expected: &'static [&'static str], before: &[&str]) -> MockRepositories {
    let bob = User { roles: before.iter().copied().collect(), ..bob() };
    let mut repos = repos_of(actor, &[bob]);
    repos
        .users
        .expect_update_roles()
        .times(1)
        .withf(move |_, id, roles, _| *id == BOB && roles.as_slice() == expected)
        .returning(|_, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    repos
}

#[tokio::test]
async fn the_roles_of_the_first_user_are_owner_and_none_in_the_organization() {
    let shown = roles(&context(repos_with(&[owner_of_site()])), &owner().build(), &UserRef::Me).await.unwrap();
    let expected = UserRoles {
        roles: ["owner"].into_iter().collect(),
        organization_roles: vec![(ORGANIZATION, RoleNames::default())],
    };
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn who_may_not_read_personal_things_is_told_that_nothing_is_there() {
    let reader = actor().role("template-admin").build();
    let refused = roles(&context(repos_with(&[bob()])), &reader, &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    // Who only lacks the scope is told so.
    let limited = actor().scopes(&["application_connect"]).build();
    let refused = roles(&context(repos_with(&[ann()])), &limited, &UserRef::Me).await;
    let Err(Error::Forbidden(denied)) = refused else { panic!("{refused:?}") };
    assert_eq!(denied.missing_scope().unwrap().to_string(), "user:read_personal");
}

#[tokio::test]
async fn an_owner_replaces_all_roles() {
    let view =
        ask(storing(&owner().build(), &["auditor"], &["user-admin"]), &owner().build(), &["auditor"]).await.unwrap();
    assert_eq!((view.user.roles.as_slice(), view.user.updated_at), (["auditor".to_owned()].as_slice(), NOW));
    assert!(
        ask(storing(&owner().build(), &[], &["auditor"]), &owner().build(), &[]).await.unwrap().user.roles.is_empty()
    );
    assert!(ask(storing(&owner().build(), &["auditor"], &[]), &owner().build(), &["auditor", "auditor"]).await.is_ok());
}

#[tokio::test]
async fn a_choice_by_other_roles_than_the_user_holds_by_now_does_nothing() {
    let ask = async |repos: MockRepositories, shown: &[&str]| {
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let (actor, user) = (owner().build(), UserRef::Id(BOB));
        update_shown_roles(&context(repos), &actor, &user, list(shown), list(&["auditor", "user-admin"])).await
    };
    let held = ["template-admin", "auditor"];
    // In any order, and also when one is said twice.
    let repos = storing(&owner().build(), &["auditor", "user-admin"], &held);
    assert!(ask(repos, &["auditor", "template-admin", "auditor"]).await.is_ok());
    for shown in [&["auditor"][..], &["auditor", "template-admin", "owner"], &[]] {
        let bob = User { roles: held.into_iter().collect(), ..bob() };
        let refused = ask(repos_of(&owner().build(), &[bob]), shown).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn member_may_be_granted_and_is_then_listed() {
    let view = ask(storing(&user_admin(), &["member"], &[]), &user_admin(), &["member"]).await.unwrap();
    assert_eq!(view.user.roles.as_slice(), ["member"]);
}

#[tokio::test]
async fn nobody_changes_their_own_roles() {
    let refused =
        update_roles(&context(repos_with(&[owner_of_site()])), &owner().build(), &UserRef::Me, Vec::new()).await;
    assert!(matches!(refused, Err(Error::Invalid { message, .. }) if message == "You cannot change your own roles."));
}

#[tokio::test]
async fn roles_that_cannot_be_given_are_refused_with_the_reason() {
    for (actor, name, says) in [
        (owner().build(), "doorman", "not a supported role"),
        (owner().build(), "organization-admin", "organization-admin"),
        (owner().build(), "owner:x", "owner:x"),
        (user_admin(), "owner", "not authorized to assign role"),
    ] {
        let mut repos = repos_of(&actor, &[bob()]);
        repos.roles.expect_find_custom().returning(|_| Ok(Vec::new()));
        match ask(repos, &actor, &[name]).await {
            Err(Error::Invalid { message, .. }) => assert!(message.contains(says), "{message}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn who_may_not_assign_roles_is_forbidden_to() {
    let auditor = as_user(User { roles: ["auditor"].into_iter().collect(), ..ann() }).build();
    let refused = ask(repos_of(&auditor, &[bob()]), &auditor, &["auditor"]).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn who_lost_a_role_meanwhile_gives_and_takes_none() {
    let owner = owner().build();
    let demoted = User { roles: RoleNames::default(), ..User::clone(&owner.account().unwrap().user) };
    let refused = ask(repos_of(&owner, &[bob(), demoted.clone()]), &owner, &["auditor"]).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    for gone in [User { deleted: true, ..demoted.clone() }, User { status: UserStatus::Suspended, ..demoted }] {
        let refused = ask(repos_of(&owner, &[bob(), gone]), &owner, &["auditor"]).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn who_got_other_roles_meanwhile_and_may_still_do_it_is_not_bothered() {
    let now = owner().build();
    let before = as_user(User { roles: ["user-admin"].into_iter().collect(), ..owner_of_site() }).build();
    let mut repos = repos_of(&before, &[bob(), User::clone(&now.account().unwrap().user)]);
    repos.users.expect_update_roles().times(1).returning(|_, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    assert!(ask(repos, &before, &["auditor"]).await.is_ok(), "what only an owner may give");
}

#[tokio::test]
async fn the_last_owner_stays_one() {
    let owner = owner().build();
    let mut repos = repos_of(&owner, &[bob()]);
    repos.users.expect_update_roles().returning(|_, _, _, _| Err(StoreError::Conflict(Conflict::LastOwner)));
    let refused = ask(repos, &owner, &[]).await;
    assert!(matches!(refused, Err(Error::Conflict { message, .. }) if message.contains("last active owner")));
}
