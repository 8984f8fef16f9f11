//! Use cases of directories, against mocks.

mod tokens;

use super::*;
use crate::Principal;
use crate::context::Context;
use crate::principal::Who;
use crate::settings::Settings;
use crate::users::testing::*;
use doorward_domain::Secret;
use doorward_domain::ids::OrganizationId;
use doorward_domain::names::Email;
use doorward_domain::roles::{Id, Scope, Subject};
use doorward_domain::scim::{Preconditions, Projection, ProvisionedUser, ScimType, SearchRequest, USER, UserRecord};
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};
use serde_json::{Value, json};

const KEY: &str = "0123456789abcdef";

fn scim_settings(change: impl FnOnce(&mut ScimSettings)) -> Settings {
    let mut settings = settings();
    settings.scim.key = Secret::from(KEY);
    change(&mut settings.scim);
    settings
}

fn ctx(repos: MockRepositories) -> Context {
    context_with(repos, scim_settings(|_| {}))
}

fn directory() -> Principal {
    directory_of(None)
}

fn directory_of(organization: Option<OrganizationId>) -> Principal {
    let subject = Subject::builder(Id::EMPTY).site_roles(["user-admin"]).scope(Scope::all()).build();
    Principal::machine(Who::ScimClient { id: uuid::Uuid::nil(), organization }, subject, origin())
}

fn all() -> Projection {
    Projection::all(&USER)
}

fn provisioned(account: User) -> ProvisionedUser {
    let attributes = json!({ "emails": [{ "value": account.shown_email() }], "displayName": account.name.as_str() });
    let record = UserRecord {
        user_name: format!("{}@corp.example", account.username),
        external_id: Some("00u1".to_owned()),
        attributes: attributes.as_object().unwrap().clone().into(),
        created_at: NOW,
        updated_at: NOW,
    };
    ProvisionedUser { account, record: Some(record) }
}

/// Mocks that know Bob, whom the directory has stored or not.
fn repos_knowing(user: &ProvisionedUser) -> MockRepositories {
    let mut repos = repos_with(std::slice::from_ref(&user.account));
    let known = user.clone();
    repos.scim.expect_find_user().returning(move |_, id| Ok(Some(known.clone()).filter(|user| user.account.id == id)));
    repos.scim.expect_find_user_by_external_id().withf(|_, id| id == "00u1").returning(|_, _| Ok(Some(BOB)));
    repos.scim.expect_list_user_groups().returning(|_, _| Ok(Vec::new()));
    repos
}

fn bob_id() -> String {
    BOB.to_string()
}

fn kind(refused: &Refusal) -> Option<ScimType> {
    if let Refusal::Request(error) = refused { Some(error.kind) } else { None }
}

fn off() -> Value {
    json!({ "Operations": [{ "op": "replace", "path": "active", "value": false }] })
}

#[tokio::test]
async fn only_the_key_of_the_settings_is_the_directory_of_the_deployment() {
    let known = ctx(MockRepositories::default());
    let enter = async |ctx: &Context, key: &str| authenticate(ctx, &Place::Deployment, key, &origin()).await;
    assert!(is_on(&known, &Place::Deployment) && enter(&known, KEY).await.unwrap().directory().is_none());
    for wrong in ["", "0123456789abcdeF", "0123456789abcdef0"] {
        assert!(matches!(enter(&known, wrong).await, Err(Error::Unauthenticated { .. })), "{wrong}");
    }
    let none = context(MockRepositories::default());
    assert!(!is_on(&none, &Place::Deployment) && enter(&none, "").await.is_err());
}

#[tokio::test]
async fn suspending_goes_through_the_store_of_users_and_is_recorded_as_automatic() {
    let user = provisioned(bob());
    let mut repos = repos_knowing(&user);
    repos
        .users
        .expect_update_status()
        .withf(|_, id, status, _| (*id, *status) == (BOB, UserStatus::Suspended))
        .times(1)
        .returning(|_, _, _, _| Ok(true));
    repos
        .audit
        .expect_insert()
        .withf(|_, record| {
            let about = &record.additional_fields;
            record.user_id.is_none()
                && about["automatic_actor"] == "coder"
                && about["automatic_subsystem"] == "scim"
                && record.diff["status"]["new"] == "suspended"
        })
        .times(1)
        .returning(|_, _| Ok(()));
    let shown =
        patch_user(&ctx(repos), &directory(), &bob_id(), &off(), Preconditions::default(), &all()).await.unwrap();
    assert_eq!(shown.resource.get("active"), Some(&json!(false)));
}

#[tokio::test]
async fn what_changes_nothing_writes_nothing() {
    let mut repos = repos_knowing(&provisioned(bob()));
    repos.audit.expect_insert().never();
    let same = json!({ "Operations": [{ "op": "add", "value": { "active": true, "externalId": "00u1" } }] });
    let calls = repos.calls.clone();
    patch_user(&ctx(repos), &directory(), &bob_id(), &same, Preconditions::default(), &all()).await.unwrap();
    drop(calls);
    // Neither of an account that the directory has not written to yet.
    let mut repos = repos_knowing(&ProvisionedUser { account: bob(), record: None });
    repos.scim.expect_find_users().returning(|_, _, _| Ok(Vec::new()));
    patch_user(&ctx(repos), &directory(), &bob_id(), &json!({ "active": true }), Preconditions::default(), &all())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_account_that_is_written_to_for_the_first_time_keeps_its_own_fields() {
    let mut repos = repos_knowing(&ProvisionedUser { account: bob(), record: None });
    repos.scim.expect_find_users().returning(|_, _, _| Ok(Vec::new()));
    repos
        .scim
        .expect_store_user()
        .withf(|_, directory, id, record| {
            directory.is_none()
                && *id == BOB
                && record.user_name == "bob"
                && record.attributes.text("title") == Some("Boss")
                && record.attributes.get("emails").is_some()
        })
        .times(1)
        .returning(|_, _, _, _| Ok(()));
    expect_audit(&mut repos, "write", 200);
    let title = json!({ "Operations": [{ "op": "add", "path": "title", "value": "Boss" }] });
    patch_user(&ctx(repos), &directory(), &bob_id(), &title, Preconditions::default(), &all()).await.unwrap();
}

#[tokio::test]
async fn another_version_than_the_named_one_is_not_changed() {
    let repos = repos_knowing(&provisioned(bob()));
    let other = Preconditions { matches: Some("W/\"other\"".parse().unwrap()), none_match: None };
    let refused = patch_user(&ctx(repos), &directory(), &bob_id(), &off(), other.clone(), &all()).await;
    assert!(matches!(refused, Err(Refusal::Stale)));
    let repos = repos_knowing(&provisioned(bob()));
    let refused = delete_user(&ctx(repos), &directory(), &bob_id(), other).await.unwrap_err();
    assert_eq!(refused.message().unwrap().status, "412");
}

#[tokio::test]
async fn the_last_owner_stays_and_so_does_who_owns_workspaces() {
    let mut repos = repos_knowing(&provisioned(bob()));
    repos.users.expect_update_status().returning(|_, _, _, _| Err(StoreError::Conflict(Conflict::LastOwner)));
    let refused =
        patch_user(&ctx(repos), &directory(), &bob_id(), &off(), Preconditions::default(), &all()).await.unwrap_err();
    assert!(matches!(&refused, Refusal::Conflict(told) if told.contains("last active owner")), "{refused:?}");
    assert_eq!(refused.message().unwrap().status, "409");

    let mut repos = repos_knowing(&provisioned(bob()));
    repos.workspaces.expect_count_of_owner().returning(|_| Ok(1));
    let refused = delete_user(&ctx(repos), &directory(), &bob_id(), Preconditions::default()).await.unwrap_err();
    assert!(matches!(refused, Refusal::Conflict(told) if told.contains("workspaces")));
}

#[tokio::test]
async fn names_change_only_if_the_settings_allow_it() {
    let rename = json!({ "Operations": [{ "op": "replace", "path": "userName", "value": "robert@corp.example" }] });
    let refused = patch_user(
        &ctx(repos_knowing(&provisioned(bob()))),
        &directory(),
        &bob_id(),
        &rename,
        Preconditions::default(),
        &all(),
    )
    .await;
    assert_eq!(kind(&refused.unwrap_err()), Some(ScimType::Mutability));

    let mut repos = repos_knowing(&provisioned(bob()));
    repos.scim.expect_find_users().times(1).returning(|_, _, _| Ok(Vec::new()));
    repos
        .users
        .expect_update_profile()
        .withf(|_, id, username, _, _| *id == BOB && *username == "robert")
        .times(1)
        .returning(|_, _, _, _, _| Ok(true));
    repos.scim.expect_store_user().times(1).returning(|_, _, _, _| Ok(()));
    expect_audit(&mut repos, "write", 200);
    let ctx = context_with(repos, scim_settings(|settings| settings.user_name_changes = true));
    let shown = patch_user(&ctx, &directory(), &bob_id(), &rename, Preconditions::default(), &all()).await.unwrap();
    assert_eq!(shown.resource.text("userName"), Some("robert@corp.example"));
}

#[tokio::test]
async fn nobody_stays_because_of_a_name_or_an_id_that_cannot_be_given() {
    let body = json!({ "userName": "robert@corp.example", "externalId": "taken", "active": false });
    for user_name_changes in [false, true] {
        let mut repos = repos_knowing(&provisioned(bob()));
        // Ann is called so, and has that id.
        let mut ann_as_robert = provisioned(ann());
        "robert@corp.example".clone_into(&mut ann_as_robert.record.as_mut().unwrap().user_name);
        repos.scim.expect_find_users().returning(move |_, _, _| Ok(vec![ann_as_robert.clone()]));
        repos.scim.expect_find_user_by_external_id().withf(|_, id| id == "taken").returning(|_, _| Ok(Some(ANN)));
        repos
            .users
            .expect_update_status()
            .withf(|_, id, status, _| *id == BOB && *status == UserStatus::Suspended)
            .times(1)
            .returning(|_, _, _, _| Ok(true));
        let kept = provisioned(bob()).record.unwrap();
        repos
            .scim
            .expect_store_user()
            .withf(move |_, _, _, record| {
                (&record.user_name, &record.external_id) == (&kept.user_name, &kept.external_id)
            })
            .returning(|_, _, _, _| Ok(()));
        expect_audit(&mut repos, "write", 200);
        let ctx = context_with(repos, scim_settings(|settings| settings.user_name_changes = user_name_changes));
        let shown = replace_user(&ctx, &directory(), &bob_id(), &body, Preconditions::default(), &all()).await.unwrap();
        assert_eq!(shown.resource.get("active"), Some(&json!(false)));
        assert_eq!(shown.resource.text("userName"), Some("bob@corp.example"));
    }
}

#[tokio::test]
async fn an_address_that_somebody_has_is_a_conflict() {
    let mut repos = repos_knowing(&provisioned(bob()));
    repos.users.expect_update_contact().returning(|_, _, _, _, _, _| Err(StoreError::Conflict(Conflict::Email)));
    let new = json!({ "Operations": [{ "op": "replace", "path": "emails", "value": [{ "value": "x@example.com" }] }] });
    let refused =
        patch_user(&ctx(repos), &directory(), &bob_id(), &new, Preconditions::default(), &all()).await.unwrap_err();
    assert_eq!(kind(&refused), Some(ScimType::Uniqueness));
    assert_eq!(refused.message().unwrap().status, "409");
}

#[tokio::test]
async fn a_new_user_is_dormant_and_has_no_password() {
    let mut repos = MockRepositories::default();
    // Nobody looks who is there: the names are unique in the database.
    repos.users.expect_any_exists().times(1).returning(|| Ok(true));
    repos
        .users
        .expect_insert()
        .withf(|_, user| {
            user.username == "Carl"
                && user.status == UserStatus::Dormant
                && user.login_type == LoginType::Oidc
                && user.password_hash.is_none()
                && user.email.as_ref().map(Email::as_str) == Some("Carl@x.example")
        })
        .times(1)
        .returning(|_, _| Ok(()));
    repos
        .runtime_settings
        .expect_find()
        .returning(|_, _| Ok(Some(r#"{"field":"x","organization_assign_default":false}"#.to_owned())));
    repos.scim.expect_insert_user().times(1).returning(|_, _, _, _| Ok(()));
    expect_audit(&mut repos, "create", 201);
    let made = create_user(&ctx(repos), &directory(), &json!({ "userName": "Carl@x.example" }), &all()).await.unwrap();
    assert!(made.is_new && made.shown.location.starts_with("https://door.example/scim/v2/Users/"));
}

#[tokio::test]
async fn a_user_that_is_there_is_refused_or_returned() {
    let body = json!({ "userName": "bob@corp.example", "active": true });
    let with = |post_existing, status| {
        let known = provisioned(User { status, ..bob() });
        let mut repos = repos_knowing(&known);
        repos.scim.expect_find_users().returning(move |_, _, _| Ok(vec![known.clone()]));
        repos.users.expect_any_exists().returning(|| Ok(true));
        repos.users.expect_insert().times(1).returning(|_, _| Err(StoreError::Conflict(Conflict::Username)));
        (repos, scim_settings(|settings| settings.post_existing = post_existing))
    };
    let (repos, settings) = with(PostExisting::Conflict, UserStatus::Active);
    let refused = create_user(&context_with(repos, settings), &directory(), &body, &all()).await.unwrap_err();
    assert_eq!(kind(&refused), Some(ScimType::Uniqueness));

    let (mut repos, settings) = with(PostExisting::Return, UserStatus::Active);
    repos.audit.expect_insert().never();
    let found = create_user(&context_with(repos, settings), &directory(), &body, &all()).await.unwrap();
    assert!(!found.is_new && found.shown.resource.text("id") == Some(&bob_id()));

    let (mut repos, settings) = with(PostExisting::Return, UserStatus::Suspended);
    repos
        .users
        .expect_update_status()
        .withf(|_, _, status, _| *status == UserStatus::Dormant)
        .times(1)
        .returning(|_, _, _, _| Ok(true));
    expect_audit(&mut repos, "write", 200);
    let woken = create_user(&context_with(repos, settings), &directory(), &body, &all()).await.unwrap();
    assert_eq!(woken.shown.resource.get("active"), Some(&json!(true)));
}

#[tokio::test]
async fn whoever_was_faster_is_found_at_the_next_try() {
    let body = json!({ "userName": "bob@corp.example", "emails": [{ "value": "bob@example.com" }] });
    for post_existing in [PostExisting::Return, PostExisting::Conflict] {
        let known = provisioned(bob());
        let mut repos = repos_knowing(&known);
        let mut asked = 0;
        // At first nobody looks, then nobody is found, then whoever was faster.
        repos.scim.expect_find_users().times(2).returning(move |_, _, _| {
            asked += 1;
            Ok(if asked == 1 { Vec::new() } else { vec![known.clone()] })
        });
        repos.users.expect_find_by_email().times(1).returning(|_| Ok(None));
        repos.users.expect_any_exists().returning(|| Ok(true));
        repos.users.expect_insert().times(2).returning(|_, _| Err(StoreError::Conflict(Conflict::Email)));
        let settings = scim_settings(|settings| settings.post_existing = post_existing);
        let made = create_user(&context_with(repos, settings), &directory(), &body, &all()).await;
        match post_existing {
            PostExisting::Return => assert!(!made.unwrap().is_new),
            PostExisting::Conflict => assert_eq!(kind(&made.unwrap_err()), Some(ScimType::Uniqueness)),
        }
    }
}

#[tokio::test]
async fn of_an_address_that_several_have_the_account_of_its_own_is_meant() {
    let body = json!({ "userName": "somebody@else.example", "emails": [{ "value": "bob@example.com" }] });
    let mut repos = repos_knowing(&provisioned(bob()));
    repos.scim.expect_find_users().returning(|_, _, _| Ok(Vec::new()));
    repos.users.expect_find_by_email().times(1).returning(|_| Ok(Some(bob())));
    repos.users.expect_any_exists().returning(|| Ok(true));
    repos.users.expect_insert().times(1).returning(|_, _| Err(StoreError::Conflict(Conflict::Email)));
    let refused = create_user(&ctx(repos), &directory(), &body, &all()).await.unwrap_err();
    assert_eq!(kind(&refused), Some(ScimType::Uniqueness));
}

#[tokio::test]
async fn lists_by_an_index_ask_for_candidates_only() {
    let mut repos = MockRepositories::default();
    let known = [provisioned(bob()), provisioned(ann())];
    repos.scim.expect_find_users().times(1).returning(move |_, _, _| Ok(known.to_vec()));
    repos.scim.expect_list_user_groups().times(1).returning(|_, _| Ok(Vec::new()));
    let request =
        SearchRequest { filter: Some("userName eq \"BOB@corp.example\"".to_owned()), ..SearchRequest::default() };
    let page = list_users(&ctx(repos), &directory(), &request).await.unwrap();
    assert_eq!((page.total_results, page.resources[0].text("id")), (1, Some(bob_id().as_str())));
}

#[tokio::test]
async fn a_scan_of_too_many_is_refused_before_it_begins() {
    let mut repos = MockRepositories::default();
    repos.scim.expect_count_users().returning(|_| Ok(20_001));
    let request = SearchRequest { filter: Some("title pr".to_owned()), ..SearchRequest::default() };
    let refused = list_users(&ctx(repos), &directory(), &request).await.unwrap_err();
    assert_eq!(kind(&refused), Some(ScimType::TooMany));
}

#[tokio::test]
async fn nobody_but_a_directory_or_an_admin_gets_anything() {
    let nobody = Principal::anonymous(origin());
    let refused = list_users(&ctx(MockRepositories::default()), &nobody, &SearchRequest::default()).await;
    assert!(matches!(refused, Err(Refusal::Other(Error::Forbidden(_)))));
    let repos = repos_knowing(&provisioned(bob()));
    let refused = patch_user(&ctx(repos), &nobody, &bob_id(), &off(), Preconditions::default(), &all()).await;
    assert!(matches!(refused, Err(Refusal::Other(Error::Forbidden(_)))), "{refused:?}");
    let refused = find_user(&ctx(MockRepositories::default()), &nobody, "nonsense", &all()).await;
    assert!(matches!(refused, Err(Refusal::NotFound("User"))));
}
