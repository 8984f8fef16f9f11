use crate::error::Error;
use crate::users::admin::{CreateUserAsOperator, create_user, reset_password};
use crate::users::testing::*;
use doorward_domain::Secret;
use doorward_domain::audit::AuditAction;
use doorward_domain::users::{LoginType, User};
use doorward_ports::mocks::MockRepositories;

fn command(roles: &[&str]) -> CreateUserAsOperator {
    CreateUserAsOperator {
        email: "carl@example.com".to_owned(),
        username: "carl".to_owned(),
        name: String::new(),
        password: Secret::from(PASSWORD),
        roles: roles.iter().map(ToString::to_string).collect(),
    }
}

fn growing_town(inhabited: bool) -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos.users.expect_any_exists().returning(move || Ok(inhabited));
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    repos.users.expect_insert().times(1).returning(|_, _| Ok(()));
    repos.organizations.expect_insert_members().times(1).returning(|_| Ok(()));
    repos
        .audit
        .expect_insert()
        .times(1)
        .withf(|_, record| record.user_id.is_none() && record.action == AuditAction::Create)
        .returning(|_, _| Ok(()));
    repos
}

#[tokio::test]
async fn the_operators_first_user_is_an_owner() {
    assert_eq!(create_user(&context(growing_town(false)), command(&[])).await.unwrap().roles.as_slice(), ["owner"]);
    assert_eq!(
        create_user(&context(growing_town(true)), command(&["auditor"])).await.unwrap().roles.as_slice(),
        ["auditor"]
    );
    assert!(create_user(&context(growing_town(true)), command(&[])).await.unwrap().roles.is_empty());
}

#[tokio::test]
async fn the_operator_gives_only_roles_that_exist() {
    for role in ["doorman", "organization-admin", "owner:x"] {
        let refused = create_user(&context(MockRepositories::default()), command(&[role])).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{role}: {refused:?}");
    }
}

#[tokio::test]
async fn the_operator_resets_a_password_by_name_address_or_id() {
    for name in ["ann", "Ann@example.com", &ANN.to_string()] {
        let mut repos = repos_with(&[ann()]);
        repos.users.expect_find_by_email().returning(|_| Ok(Some(ann())));
        repos.users.expect_update_password().times(1).withf(|_, id, _, _| *id == ANN).returning(|_, _, _, _| Ok(true));
        expect_audit(&mut repos, "write", 200);
        let user = reset_password(&context(repos), name, Secret::from("AnotherPassword!")).await.unwrap();
        assert_eq!(user.username, "ann");
    }
}

#[tokio::test]
async fn a_reset_needs_a_user_with_a_password_and_a_strong_one() {
    let strong = || Secret::from("AnotherPassword!");
    let refused = reset_password(&context(repos_with(&[])), "ann", strong()).await;
    assert!(matches!(refused, Err(Error::UserNotFound)));
    let service = User { login_type: LoginType::None, ..ann() };
    let refused = reset_password(&context(repos_with(&[service])), "ann", strong()).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
    let refused = reset_password(&context(MockRepositories::default()), "ann", Secret::from("weak")).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
    // Converted while the new one was hashed.
    let mut repos = MockRepositories::default();
    repos.users.expect_find_by_username().returning(|_| Ok(Some(ann())));
    let converted = User { login_type: LoginType::Oidc, password_hash: None, ..ann() };
    repos.users.expect_find_for_update().returning(move |_| Ok(Some(converted.clone())));
    let refused = reset_password(&context(repos), "ann", strong()).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}
