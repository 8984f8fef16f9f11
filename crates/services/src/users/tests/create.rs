use crate::Principal;
use crate::error::Error;
use crate::users::caller::with_caller;
use crate::users::testing::*;
use crate::users::{
    CreateFirstUser, CreateUser, SetupProof, UserView, create, create_first, first_exists, insert_service_account,
    may_set_up, setup_token,
};
use doorward_domain::Secret;
use doorward_domain::ids::OrganizationId;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::mocks::{MockPasswordHasher, MockRepositories};
use doorward_ports::{Conflict, StoreError};
use std::sync::Arc;
use uuid::Uuid;

fn first(password: &str) -> CreateFirstUser {
    CreateFirstUser {
        email: "olivia@example.com".to_owned(),
        username: "olivia".to_owned(),
        name: "Olivia".to_owned(),
        password: Secret::from(password),
        proof: SetupProof::Local,
    }
}

fn command() -> CreateUser {
    CreateUser {
        roles: Vec::new(),
        service_account: false,
        email: "carl@example.com".to_owned(),
        username: "carl".to_owned(),
        name: String::new(),
        password: Secret::from(PASSWORD),
        login_type: String::new(),
        status: String::new(),
        organization_ids: vec![ORGANIZATION],
    }
}

/// Mocks in which only these users exist, and the one organization.
fn town(users: &[User]) -> MockRepositories {
    let mut repos = repos_with(users);
    let known = users.to_vec();
    let with = move |email: &str| known.iter().find(|user| user.shown_email().eq_ignore_ascii_case(email)).cloned();
    repos.users.expect_find_by_email().returning(move |email| Ok(with(email)));
    repos
        .organizations
        .expect_list_by_id()
        .returning(|ids| Ok(Some(organization()).into_iter().filter(|known| ids.contains(&known.id)).collect()));
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    repos
}

/// Like [`town`], and one user moves in.
fn growing_town() -> MockRepositories {
    let mut repos = town(&[]);
    repos.users.expect_insert().times(1).returning(|_, _| Ok(()));
    repos
        .organizations
        .expect_insert_members()
        .times(1)
        .withf(|members| {
            matches!(members, [(_, member)] if member.organization_id == ORGANIZATION && member.roles.is_empty())
        })
        .returning(|_| Ok(()));
    expect_audit(&mut repos, "create", 201);
    repos
}

async fn ask(mut repos: MockRepositories, actor: &Principal, command: CreateUser) -> Result<UserView, Error> {
    expect_caller(&mut repos, actor);
    create(&context(repos), actor, command).await
}

#[tokio::test]
async fn the_first_user_is_an_active_owner_and_member_of_the_default_organization() {
    let mut repos = town(&[]);
    repos.users.expect_any_exists().returning(|| Ok(false));
    repos
        .users
        .expect_insert_first()
        .times(1)
        .withf(|_, user| {
            user.roles.as_slice() == ["owner"]
                && user.status == UserStatus::Active
                && user.name == "Olivia"
                && user.password_hash.is_some()
        })
        .returning(|_, _| Ok(()));
    repos.organizations.expect_insert_member().times(1).withf(|_, m| m.roles.is_empty()).returning(|_, _| Ok(()));
    expect_audit(&mut repos, "create", 201);
    let made = create_first(&context(repos), first(PASSWORD), &origin()).await.unwrap();
    assert_eq!(made.organization_id, ORGANIZATION);
}

#[tokio::test]
async fn there_is_only_one_first_user_and_this_is_said_before_the_password_is_judged() {
    for password in ["weak", PASSWORD] {
        let mut repos = MockRepositories::default();
        repos.users.expect_any_exists().returning(|| Ok(true));
        let refused = create_first(&context(repos), first(password), &origin()).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })));
    }
    let mut repos = MockRepositories::default();
    repos.users.expect_any_exists().returning(|| Ok(false));
    let refused = create_first(&context(repos), first("weak"), &origin()).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "password"));
}

#[tokio::test]
async fn whoever_comes_first_from_elsewhere_needs_the_token_of_the_link() {
    let token = |text: &str| SetupProof::Token(Some(Secret::from(text)));
    let ctx = context(MockRepositories::default());
    let right = SetupProof::Token(Some(setup_token(&ctx)));
    assert!(may_set_up(&ctx, &right) && may_set_up(&ctx, &SetupProof::Local));
    for proof in [SetupProof::Token(None), token(""), token("guess")] {
        let mut repos = MockRepositories::default();
        repos.users.expect_any_exists().returning(|| Ok(false));
        let refused = create_first(&context(repos), CreateFirstUser { proof, ..first(PASSWORD) }, &origin()).await;
        assert!(matches!(refused, Err(Error::Refused(why)) if why.contains("Doorward-Setup-Token")));
    }
    let mut repos = MockRepositories::default();
    repos.users.expect_any_exists().returning(|| Ok(true));
    let late = CreateFirstUser { proof: SetupProof::Token(None), ..first(PASSWORD) };
    assert!(matches!(create_first(&context(repos), late, &origin()).await, Err(Error::Conflict { .. })));
}

#[tokio::test]
async fn blanks_around_an_address_do_not_matter_and_a_weak_password_is_told_with_the_rest() {
    let mut repos = town(&[]);
    repos.users.expect_any_exists().returning(|| Ok(false));
    repos
        .users
        .expect_insert_first()
        .times(1)
        .withf(|_, user| user.shown_email() == "olivia@example.com")
        .returning(|_, _| Ok(()));
    repos.organizations.expect_insert_member().returning(|_, _| Ok(()));
    expect_audit(&mut repos, "create", 201);
    let spaced = CreateFirstUser { email: " olivia@example.com\t".to_owned(), ..first(PASSWORD) };
    create_first(&context(repos), spaced, &origin()).await.unwrap();

    let bad = CreateFirstUser { email: "x".to_owned(), username: "a_b".to_owned(), ..first("weak") };
    let refused = create_first(&context(MockRepositories::default()), bad, &origin()).await;
    let Err(Error::Invalid { fields, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(fields.iter().map(|field| &*field.field).collect::<Vec<_>>(), ["email", "username", "password"]);
}

#[tokio::test]
async fn of_two_first_users_at_once_one_wins() {
    let mut repos = town(&[]);
    repos.users.expect_any_exists().returning(|| Ok(false));
    repos.users.expect_insert_first().returning(|_, _| Err(StoreError::Conflict(Conflict::FirstUser)));
    let refused = create_first(&context(repos), first(PASSWORD), &origin()).await;
    assert!(matches!(refused, Err(Error::Conflict { message, .. }) if message.contains("already been created")));
}

#[tokio::test]
async fn whether_there_is_a_first_user_is_told_to_anyone() {
    for known in [true, false] {
        let mut repos = MockRepositories::default();
        repos.users.expect_any_exists().returning(move || Ok(known));
        assert_eq!(first_exists(&context(repos)).await.unwrap(), known);
    }
}

#[tokio::test]
async fn an_owner_creates_a_user_who_is_dormant_until_seen() {
    let UserView { user, organization_ids, .. } = ask(growing_town(), &owner().build(), command()).await.unwrap();
    assert_eq!((user.status, user.login_type), (UserStatus::Dormant, LoginType::Password));
    assert_eq!(user.password_hash.unwrap().expose(), format!("plain:{PASSWORD}"));
    assert!(user.roles.is_empty());
    assert_eq!(organization_ids, [ORGANIZATION]);
}

#[tokio::test]
async fn the_nil_organization_is_the_default_one_and_counts_once() {
    let twice = CreateUser { organization_ids: vec![OrganizationId::NIL, ORGANIZATION], ..command() };
    let view = ask(growing_town(), &owner().build(), twice).await.unwrap();
    assert_eq!(view.organization_ids, [ORGANIZATION]);
}

#[tokio::test]
async fn a_user_who_does_not_sign_in_has_no_password() {
    let password = Secret::from("");
    let command = CreateUser { password, login_type: "none".to_owned(), status: "active".to_owned(), ..command() };
    let user = ask(growing_town(), &owner().build(), command).await.unwrap().user;
    assert_eq!((user.login_type, user.status, user.password_hash), (LoginType::None, UserStatus::Active, None));
}

#[tokio::test]
async fn refusals_come_in_the_order_of_the_contract() {
    let elsewhere = OrganizationId(Uuid::from_u128(0xB));
    // Each command breaks its own rule and all that follow.
    let last = CreateUser { password: Secret::from("weak"), organization_ids: vec![elsewhere], ..command() };
    let taken_email = CreateUser { email: "ANN@example.com".to_owned(), ..last.clone() };
    let taken_name = CreateUser { username: "Ann".to_owned(), ..last.clone() };
    let nowhere = CreateUser { organization_ids: Vec::new(), ..taken_email.clone() };
    let passworded = CreateUser { login_type: "none".to_owned(), ..nowhere.clone() };
    let nobody = actor().build();

    let refused = ask(town(&[ann()]), &nobody, passworded).await;
    let Err(Error::Invalid { fields, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(fields.iter().map(|one| one.field.as_ref()).collect::<Vec<_>>(), ["password", "organization_ids"]);
    let disabled = with_sessions(|sessions| sessions.password_login = false);
    let refused = create(&context_with(town(&[ann()]), disabled), &nobody, nowhere.clone()).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    let refused = ask(town(&[ann()]), &nobody, nowhere).await;
    let Err(Error::Invalid { fields, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(fields.iter().map(|one| one.field.as_ref()).collect::<Vec<_>>(), ["organization_ids", "password"]);
    let refused = ask(town(&[ann()]), &nobody, taken_email).await;
    assert!(matches!(refused, Err(Error::Conflict { fields, .. }) if fields[0].field == "email"));
    let refused = ask(town(&[ann()]), &nobody, taken_name).await;
    assert!(matches!(refused, Err(Error::Conflict { fields, .. }) if fields[0].field == "username"));
    let refused = ask(town(&[ann()]), &nobody, last).await;
    assert!(matches!(refused, Err(Error::OrganizationNotFound(name)) if name == elsewhere.to_string()));
    let refused = ask(town(&[]), &nobody, CreateUser { password: Secret::from("weak"), ..command() }).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "password"));
    let refused = ask(town(&[]), &nobody, command()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn no_password_is_hashed_for_those_who_may_not_create_users() {
    let ctx = crate::Context { passwords: Arc::new(MockPasswordHasher::new()), ..context(town(&[])) };
    assert!(matches!(create(&ctx, &actor().build(), command()).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn some_login_types_cannot_be_given() {
    for login_type in ["oidc", "token", "oauth2_provider_app", "magic"] {
        let command = CreateUser { password: Secret::from(""), login_type: login_type.to_owned(), ..command() };
        assert!(matches!(ask(town(&[]), &owner().build(), command).await, Err(Error::Invalid { .. })), "{login_type}");
    }
    let command = CreateUser { status: "asleep".to_owned(), ..command() };
    let refused = ask(town(&[]), &owner().build(), command).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "user_status"));
}

#[tokio::test]
async fn a_name_taken_meanwhile_is_a_conflict() {
    let mut repos = town(&[]);
    repos.users.expect_insert().returning(|_, _| Err(StoreError::Conflict(Conflict::Username)));
    assert!(matches!(ask(repos, &owner().build(), command()).await, Err(Error::Conflict { .. })));
}

#[tokio::test]
async fn a_service_account_is_an_active_member_who_cannot_sign_in() {
    let open = async |repos: MockRepositories, by: &Principal| {
        let ctx = context(repos);
        let opened = ctx.act(by, |deed| {
            with_caller(deed, |deed, actor| {
                let user = insert_service_account(deed, actor, "app-7".parse().unwrap(), "Printer".parse().unwrap())?;
                Ok(deed.unrecorded("it is recorded with the account", user))
            })
        });
        opened.await
    };
    let mut repos = town(&[]);
    repos.users.expect_insert().times(1).returning(|_, _| Ok(()));
    repos.organizations.expect_insert_member().times(1).returning(|_, _| Ok(()));
    expect_audit(&mut repos, "create", 201);
    let user = open(repos, &Principal::operator()).await.unwrap();
    assert_eq!((user.login_type, user.status, user.password_hash), (LoginType::None, UserStatus::Active, None));
    assert_eq!((user.username.as_str(), user.name.as_str()), ("app-7", "Printer"));
    // It is a user, so who has it made must be allowed to make users.
    let doorman = actor().role("template-admin").build();
    let mut repos = town(&[]);
    expect_caller(&mut repos, &doorman);
    let refused = open(repos, &doorman).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn a_service_account_has_no_address_and_is_active_at_once() {
    let account = CreateUser {
        email: String::new(),
        password: Secret::from(""),
        login_type: "none".to_owned(),
        service_account: true,
        ..command()
    };
    let made = ask(growing_town(), &owner().build(), account.clone()).await.unwrap().user;
    assert!(made.is_service_account() && made.password_hash.is_none());
    assert_eq!((made.status, made.login_type, made.email), (UserStatus::Active, LoginType::None, None));
    let implied = CreateUser { login_type: String::new(), ..account.clone() };
    assert_eq!(ask(growing_town(), &owner().build(), implied).await.unwrap().user.login_type, LoginType::None);

    let wrong = CreateUser {
        email: "carl@example.com".to_owned(),
        password: Secret::from(PASSWORD),
        login_type: "password".to_owned(),
        ..account
    };
    let Err(Error::Invalid { fields, .. }) = ask(town(&[]), &owner().build(), wrong).await else { panic!() };
    assert_eq!(fields.iter().map(|f| &*f.field).collect::<Vec<_>>(), ["email", "password", "login_type"]);
    let without = CreateUser { email: String::new(), ..command() };
    let Err(Error::Invalid { fields, .. }) = ask(town(&[]), &owner().build(), without).await else { panic!() };
    assert_eq!(fields[0].field, "email", "only service accounts have none");
}

#[tokio::test]
async fn roles_are_given_at_creation_to_those_who_may_be_given_them() {
    let asked = |names: &[&str]| CreateUser { roles: names.iter().map(|n| (*n).to_owned()).collect(), ..command() };
    let made = ask(growing_town(), &owner().build(), asked(&["auditor", "template-admin", "auditor"])).await.unwrap();
    assert_eq!(made.user.roles.as_slice(), ["auditor", "template-admin"]);
    let user_admin = as_user(User { roles: ["user-admin"].into_iter().collect(), ..ann() }).build();
    for (actor, name) in [(user_admin, "owner"), (owner().build(), "no-such-role")] {
        let mut repos = town(&[]);
        repos.roles.expect_find_custom().returning(|_| Ok(Vec::new()));
        let refused = ask(repos, &actor, asked(&[name])).await;
        assert!(matches!(refused, Err(Error::Invalid { .. } | Error::Forbidden(_))), "{name}: {refused:?}");
    }
}
