use crate::Principal;
use crate::error::Error;
use crate::users::testing::*;
use crate::users::{ChangePassword, UserRef, change_password, may_change_password, validate_password};
use doorward_domain::Secret;
use doorward_domain::users::{LoginType, PasswordHash, User};
use doorward_ports::mocks::MockRepositories;

const NEW: &str = "AnotherPassword!";

fn change(password: &str, old: Option<&str>) -> ChangePassword {
    ChangePassword { password: Secret::from(password), old_password: old.map(Secret::from) }
}

fn changing(actor: &Principal, user: User) -> MockRepositories {
    let mut repos = repos_of(actor, &[User::clone(&actor.account().unwrap().user), user]);
    repos
        .users
        .expect_update_password()
        .times(1)
        .withf(|_, _, hash, now| hash.expose() == format!("plain:{NEW}") && *now == NOW)
        .returning(|_, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 204);
    repos
}

async fn ask(repos: MockRepositories, actor: &Principal, user: &UserRef, command: ChangePassword) -> Result<(), Error> {
    change_password(&context(repos), actor, user, command).await
}

async fn blamed(actor: &Principal, target: User, command: ChangePassword) -> String {
    let id = UserRef::Id(target.id);
    match ask(repos_with(&[target]), actor, &id, command).await {
        Err(Error::Invalid { message, fields, .. }) => fields.first().map_or(message, |field| field.field.to_string()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn users_change_their_password_by_giving_the_old_one() {
    ask(changing(&actor().build(), ann()), &actor().build(), &UserRef::Me, change(NEW, Some(PASSWORD))).await.unwrap();
}

#[tokio::test]
async fn an_owner_changes_the_password_of_others_without_the_old_one() {
    ask(changing(&owner().build(), bob()), &owner().build(), &UserRef::Id(BOB), change(NEW, None)).await.unwrap();
}

#[tokio::test]
async fn refusals_come_in_the_order_of_the_contract() {
    let anns = actor().build();
    assert_eq!(blamed(&anns, ann(), change("", None)).await, "password");
    let service = User { login_type: LoginType::None, ..ann() };
    assert!(blamed(&anns, service, change("weak", None)).await.contains("login type"));
    assert_eq!(blamed(&anns, ann(), change("weak", None)).await, "old_password");
    assert_eq!(blamed(&anns, ann(), change("weak", Some(""))).await, "old_password");
    assert_eq!(blamed(&anns, ann(), change("weak", Some("wrong"))).await, "password");
    assert_eq!(blamed(&anns, ann(), change(NEW, Some("wrong"))).await, "old_password");
    assert_eq!(blamed(&anns, ann(), change(PASSWORD, Some(PASSWORD))).await, "password");
    let owners = owner().build();
    assert_eq!(blamed(&owners, bob(), change(NEW, Some("wrong"))).await, "old_password");
    assert_eq!(blamed(&owners, bob(), change(PASSWORD, None)).await, "password");
}

#[tokio::test]
async fn a_password_that_one_may_not_change_is_not_found() {
    let reader = actor().role("template-admin").build();
    let refused = ask(repos_with(&[bob()]), &reader, &UserRef::Id(BOB), change(NEW, Some(PASSWORD))).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
}

#[tokio::test]
async fn what_one_may_not_change_is_not_found_before_the_new_password_is_looked_at() {
    let reader = actor().role("template-admin").build();
    let refused = ask(repos_with(&[bob()]), &reader, &UserRef::Id(BOB), change("", None)).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    let refused = may_change_password(&context(repos_with(&[bob()])), &reader, &UserRef::Id(BOB)).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
    // Who only lacks the scope is told so.
    let limited = actor().scopes(&["application_connect"]).build();
    let refused = may_change_password(&context(repos_with(&[ann()])), &limited, &UserRef::Me).await;
    let Err(Error::Forbidden(denied)) = refused else { panic!("{refused:?}") };
    assert_eq!(denied.missing_scope().unwrap().to_string(), "user:update_personal");
    may_change_password(&context(repos_with(&[ann()])), &actor().build(), &UserRef::Me).await.unwrap();
}

#[tokio::test]
async fn of_two_changes_at_once_the_second_finds_the_old_password_wrong() {
    let asking = owner().build();
    let mut repos = MockRepositories::default();
    repos.users.expect_find().returning(|_| Ok(Some(bob())));
    repos
        .users
        .expect_find_for_update()
        .withf(|id| *id == BOB)
        .returning(|_| Ok(Some(User { password_hash: Some(PasswordHash::new("plain:other".to_owned())), ..bob() })));
    expect_caller(&mut repos, &asking);
    let refused = ask(repos, &asking, &UserRef::Id(BOB), change(NEW, Some(PASSWORD))).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "old_password"));
}

#[tokio::test]
async fn who_is_converted_meanwhile_gets_no_password() {
    let asking = owner().build();
    let mut repos = MockRepositories::default();
    repos.users.expect_find().returning(|_| Ok(Some(bob())));
    let converted = User { login_type: LoginType::Oidc, password_hash: None, ..bob() };
    repos.users.expect_find_for_update().withf(|id| *id == BOB).returning(move |_| Ok(Some(converted.clone())));
    expect_caller(&mut repos, &asking);
    let refused = ask(repos, &asking, &UserRef::Id(BOB), change(NEW, None)).await;
    assert!(
        matches!(&refused, Err(Error::Invalid { message, .. }) if message.contains("without password")),
        "{refused:?}"
    );
}

#[test]
fn a_password_is_judged_without_being_stored() {
    assert!(validate_password(&Secret::from(PASSWORD)).unwrap().valid);
    let weak = validate_password(&Secret::from("newpassword")).unwrap();
    assert!(!weak.valid && !weak.details.is_empty());
    assert!(matches!(validate_password(&Secret::from("")), Err(Error::Invalid { .. })));
}
