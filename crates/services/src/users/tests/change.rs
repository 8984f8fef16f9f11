use crate::error::Error;
use crate::users::testing::*;
use crate::users::{
    Appearance, UpdateProfile, UserRef, activate, appearance, delete, login_type, suspend, update_appearance,
    update_profile,
};
use doorward_domain::names::Username;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};

fn profile(username: &str, name: &str) -> UpdateProfile {
    UpdateProfile { username: username.to_owned(), name: name.to_owned() }
}

fn look(theme: &str, font: &str) -> Appearance {
    Appearance { theme_preference: theme.to_owned(), terminal_font: font.to_owned() }
}

#[tokio::test]
async fn users_change_their_own_profile() {
    let mut repos = repos_of(&actor().build(), &[ann()]);
    repos.user_links.expect_list_of_user().returning(|_| Ok(Vec::new()));
    repos
        .users
        .expect_update_profile()
        .times(1)
        .withf(|_, id, username, name, now| {
            (*id, username.as_str(), name.as_str(), *now) == (ANN, "anna", "Ann Lee", NOW)
        })
        .returning(|_, _, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    let view =
        update_profile(&context(repos), &actor().build(), &UserRef::Me, profile("anna", "Ann Lee")).await.unwrap();
    assert_eq!((view.user.username.as_str(), view.user.name.as_str(), view.user.updated_at), ("anna", "Ann Lee", NOW));
    assert_eq!(view.organization_ids, [ORGANIZATION]);
}

#[tokio::test]
async fn a_username_may_change_its_letter_case_but_not_become_that_of_another() {
    let mut repos = repos_of(&actor().build(), &[ann()]);
    repos.users.expect_update_profile().returning(|_, _, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    assert!(update_profile(&context(repos), &actor().build(), &UserRef::Me, profile("ANN", "")).await.is_ok());

    let repos = repos_of(&actor().build(), &[ann(), bob()]);
    let refused = update_profile(&context(repos), &actor().build(), &UserRef::Me, profile("Bob", "")).await;
    assert!(matches!(refused, Err(Error::Conflict { fields, .. }) if fields[0].field == "username"));

    let mut repos = repos_of(&actor().build(), &[ann()]);
    repos.users.expect_update_profile().returning(|_, _, _, _, _| Err(StoreError::Conflict(Conflict::Username)));
    let refused = update_profile(&context(repos), &actor().build(), &UserRef::Me, profile("bob", "")).await;
    assert!(matches!(refused, Err(Error::Conflict { fields, .. }) if fields[0].field == "username"));
}

#[tokio::test]
async fn bad_names_are_named_all_at_once() {
    let ctx = context(repos_of(&actor().build(), &[ann()]));
    let refused = update_profile(&ctx, &actor().build(), &UserRef::Me, profile("a b", " Ann")).await;
    let Err(Error::Invalid { fields, .. }) = refused else { panic!("{refused:?}") };
    assert!(fields[0].detail.contains("\"username\"") && fields[1].detail.contains("\"user_real_name\""), "{fields:?}");
    // A name that is taken for something else is told with the rest, but not to whoever has it already.
    let refused = update_profile(&ctx, &actor().build(), &UserRef::Me, profile("me", " Ann")).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields.len() == 2));
    let called_me = as_user(User { username: Username::from_storage("me".to_owned()), ..ann() }).build();
    let refused = update_profile(&ctx, &called_me, &UserRef::Me, profile("me", " Ann")).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields.len() == 1));
}

#[tokio::test]
async fn a_deleted_user_is_past_changing() {
    let repos = repos_with(&[User { deleted: true, ..bob() }]);
    let refused = update_profile(&context(repos), &owner().build(), &UserRef::Id(BOB), profile("bob", "")).await;
    assert!(matches!(refused, Err(Error::UserNotFound)));
}

#[tokio::test]
async fn an_appearance_is_stored_and_shown() {
    let mut repos = repos_of(&actor().build(), &[ann()]);
    repos
        .users
        .expect_update_appearance()
        .times(1)
        .withf(|_, id, theme, font, _| (*id, theme, font) == (ANN, "dark", "fira-code"))
        .returning(|_, _, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    let stored =
        update_appearance(&context(repos), &actor().build(), &UserRef::Me, look("dark", "fira-code")).await.unwrap();
    assert_eq!(stored, look("dark", "fira-code"));

    let repos = repos_with(&[User { theme_preference: "dark".to_owned(), ..ann() }]);
    let shown = appearance(&context(repos), &actor().build(), &UserRef::Me).await.unwrap();
    assert_eq!(shown, look("dark", ""));
}

#[tokio::test]
async fn an_appearance_needs_both_parts_and_a_font_that_exists() {
    for (asked, field) in [
        (look("", "fira-code"), "theme_preference"),
        (look("dark", ""), "terminal_font"),
        (look("dark", "comic-sans"), "terminal_font"),
        (look(&"x".repeat(65), "fira-code"), "theme_preference"),
    ] {
        let ctx = context(MockRepositories::default());
        let refused = update_appearance(&ctx, &actor().build(), &UserRef::Me, asked).await;
        assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == field), "{field}");
    }
}

#[tokio::test]
async fn how_a_user_signs_in_is_told_to_that_user_only() {
    let ctx = || context(repos_with(&[ann(), bob()]));
    assert_eq!(login_type(&ctx(), &actor().build(), &UserRef::Me).await.unwrap(), LoginType::Password);
    assert!(matches!(login_type(&ctx(), &owner().build(), &UserRef::Id(BOB)).await, Err(Error::Refused(_))));
}

#[tokio::test]
async fn an_owner_suspends_and_activates_users() {
    let mut repos = repos_of(&owner().build(), &[bob()]);
    repos
        .users
        .expect_update_status()
        .times(1)
        .withf(|_, id, status, _| (*id, *status) == (BOB, UserStatus::Suspended))
        .returning(|_, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    let view = suspend(&context(repos), &owner().build(), &UserRef::Id(BOB)).await.unwrap();
    assert_eq!(view.user.status, UserStatus::Suspended);

    let mut repos = repos_of(&owner().build(), &[User { status: UserStatus::Suspended, ..bob() }]);
    repos.users.expect_update_status().times(1).returning(|_, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    let view = activate(&context(repos), &owner().build(), &UserRef::Id(BOB)).await.unwrap();
    assert_eq!(view.user.status, UserStatus::Active);

    // Nothing to do, nothing written.
    let repos = repos_of(&owner().build(), &[bob()]);
    assert!(activate(&context(repos), &owner().build(), &UserRef::Id(BOB)).await.is_ok());
}

#[tokio::test]
async fn neither_oneself_nor_an_owner_is_suspended() {
    let other = User { roles: ["owner"].into_iter().collect(), ..bob() };
    for (target, id) in [(owner_of_site(), owner_of_site().id), (other, BOB)] {
        let repos = repos_of(&owner().build(), &[target]);
        let refused = suspend(&context(repos), &owner().build(), &UserRef::Id(id)).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })));
    }
    let refused = suspend(&context(repos_with(&[ann()])), &actor().build(), &UserRef::Me).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
    let refused = activate(&context(repos_of(&actor().build(), &[ann()])), &actor().build(), &UserRef::Me).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "who may not change a user is told so");
}

#[tokio::test]
async fn an_owner_deletes_users_but_nobody_deletes_themselves() {
    let mut repos = repos_of(&owner().build(), &[bob()]);
    repos.workspaces.expect_count_of_owner().returning(|_| Ok(0));
    repos.users.expect_delete().times(1).withf(|_, id, _| *id == BOB).returning(|_, _, _| Ok(true));
    expect_audit(&mut repos, "delete", 200);
    delete(&context(repos), &owner().build(), &UserRef::Name("BOB".to_owned())).await.unwrap();

    let refused = delete(&context(repos_with(&[owner_of_site()])), &owner().build(), &UserRef::Me).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    let reader = actor().role("auditor").build();
    let refused = delete(&context(repos_of(&reader, &[bob()])), &reader, &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::Forbidden(_) | Error::UserNotFound)), "{refused:?}");

    let mut repos = repos_of(&owner().build(), &[bob()]);
    repos.workspaces.expect_count_of_owner().withf(|id| *id == BOB).returning(|_| Ok(1));
    let refused = delete(&context(repos), &owner().build(), &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::Precondition(_))), "{refused:?}");
}
