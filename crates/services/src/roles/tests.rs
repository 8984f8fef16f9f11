use super::{RoleView, create, delete, update, update_reviewed};
use crate::Principal;
use crate::error::Error;
use crate::organizations::OrganizationRef;
use crate::users::testing::*;
use doorward_domain::ids::CustomRoleId;
use doorward_domain::roles::custom::Draft;
use doorward_domain::roles::{Action, CustomRole, Permission, ResourceType, RoleName};
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

const ID: CustomRoleId = CustomRoleId(Uuid::from_u128(0xC));

fn town() -> MockRepositories {
    town_of(&owner().build())
}

/// There is the custom role `cook`, and this caller.
fn town_of(actor: &Principal) -> MockRepositories {
    let mut repos = repos_of(actor, &[]);
    repos.roles.expect_lock_definitions().returning(|| Ok(()));
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    let cook = CustomRole::new(name(), "Cook", vec![], vec![read()], vec![]);
    repos
        .roles
        .expect_find_custom_for_update()
        .returning(move |asked| Ok((*asked == name()).then(|| (ID, cook.clone()))));
    repos
}

fn name() -> RoleName {
    RoleName::organization("cook", ORGANIZATION.0)
}

fn read() -> Permission {
    Permission::allow(ResourceType::Template, Action::Read)
}

fn draft(list: Vec<Permission>) -> Draft {
    Draft { name: "Cook".to_owned(), display_name: "Chef".to_owned(), organization: list, ..Draft::default() }
}

fn expect_record(repos: &mut MockRepositories, action: &'static str, status: u16, diff: Value) {
    repos.audit.expect_insert().times(1).returning(move |_, record| {
        assert_eq!((record.action.as_str(), record.status_code), (action, status));
        assert_eq!((record.resource_type.as_str(), record.resource_target.as_str()), ("custom_role", "cook"));
        assert_eq!((record.organization_id, &record.diff), (Some(ORGANIZATION), &diff));
        Ok(())
    });
}

fn change(old: impl Into<Value>, new: impl Into<Value>) -> Value {
    json!({ "old": old.into(), "new": new.into(), "secret": false })
}

#[tokio::test]
async fn roles_are_made_changed_and_deleted_with_a_record() {
    let (owner, place) = (owner().build(), OrganizationRef::Default);
    let mut repos = town();
    repos.roles.expect_insert().times(1).withf(|_, _, role, _| *role.name() == name()).returning(|_, _, _, _| Ok(()));
    let diff = json!({
        "name": change("", "cook"), "display_name": change("", "Chef"),
        "org_permissions": change(json!([]), json!(["template:read"])),
    });
    expect_record(&mut repos, "create", 200, diff);
    let made = create(&context(repos), &owner, &place, draft(vec![read()])).await.unwrap();
    let expected = RoleView {
        name: name(),
        display_name: "Chef".to_owned(),
        site: vec![],
        organization: vec![read()],
        user: vec![],
        organization_member: vec![],
    };
    assert_eq!(made, expected);

    let mut repos = town();
    repos.roles.expect_update().times(1).withf(|_, id, _, _| *id == ID).returning(|_, _, _, _| Ok(true));
    let diff = json!({
        "display_name": change("Cook", "Chef"), "org_permissions": change(json!(["template:read"]), json!([])),
    });
    expect_record(&mut repos, "write", 200, diff);
    let changed = update(&context(repos), &owner, &place, draft(vec![])).await.unwrap();
    assert!(changed.organization.is_empty());
    let odd = Permission::named(false, "spaceship", "fly");
    let refused = update(&context(town()), &owner, &place, draft(vec![odd])).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "organization_permissions"));

    let mut repos = town();
    repos.roles.expect_delete().times(1).withf(|_, asked, _| *asked == name()).returning(|_, _, _| Ok(true));
    let diff = json!({
        "name": change("cook", ""), "display_name": change("Cook", ""),
        "org_permissions": change(json!(["template:read"]), json!([])),
    });
    expect_record(&mut repos, "delete", 204, diff);
    delete(&context(repos), &owner, &place, "COOK").await.unwrap();
}

#[tokio::test]
async fn a_reviewed_change_is_made_to_the_role_that_was_reviewed_alone() {
    let stored = RoleView::from(&CustomRole::new(name(), "Cook", vec![], vec![read()], vec![]));
    let ask = async |repos: MockRepositories, version: String| {
        update_reviewed(&context(repos), &owner().build(), &OrganizationRef::Default, version, draft(vec![])).await
    };
    let mut repos = town();
    repos.roles.expect_update().times(1).returning(|_, _, _, _| Ok(true));
    repos.audit.expect_insert().times(1).returning(|_, _| Ok(()));
    assert!(ask(repos, stored.version()).await.is_ok());
    let others = [
        RoleView { display_name: "Chef".to_owned(), ..stored.clone() },
        RoleView { organization: vec![], ..stored.clone() },
        RoleView { organization: vec![], organization_member: vec![read()], ..stored.clone() },
    ];
    for version in others.iter().map(RoleView::version).chain([String::new()]) {
        let refused = ask(town(), version).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_taken_name_is_told_like_any_other_fault_of_a_role() {
    for (conflict, gone) in [(Conflict::RoleName, false), (Conflict::OrganizationDeleted, true)] {
        let mut repos = town();
        repos.roles.expect_insert().returning(move |_, _, _, _| Err(StoreError::Conflict(conflict)));
        match create(&context(repos), &owner().build(), &OrganizationRef::Default, draft(vec![])).await {
            Err(Error::Invalid { message, .. }) => assert!(!gone && message == "Failed to update role permissions"),
            Err(Error::OrganizationNotFound(_)) => assert!(gone),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn faults_of_the_role_come_before_the_permission_and_what_it_grants_after() {
    let ask = async |draft: Draft| {
        let actor = actor().build();
        create(&context(town_of(&actor)), &actor, &OrganizationRef::Default, draft).await
    };
    let bad = Draft { site: vec![read()], ..draft(vec![]) };
    assert!(matches!(ask(bad).await, Err(Error::Invalid { .. })));
    let all = Permission::named(false, "*", "*");
    assert!(matches!(ask(draft(vec![all])).await, Err(Error::NotFound)));
}
