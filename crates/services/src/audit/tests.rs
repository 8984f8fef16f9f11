use crate::audit::{AuditList, GenerateEntry, generate, list};
use crate::error::Error;
use crate::users::testing::*;
use doorward_domain::audit::{AuditAction, AuditRecord, AuditResource};
use doorward_domain::ids::AuditId;
use doorward_domain::page::Page;
use doorward_ports::audit::{AuditEntry, AuditPage};
use doorward_ports::mocks::MockRepositories;
use serde_json::json;
use uuid::Uuid;

fn entry(resource_type: AuditResource, resource_id: &str) -> AuditEntry {
    let record = AuditRecord {
        id: AuditId::NIL,
        time: NOW,
        user_id: None,
        organization_id: None,
        ip: String::new(),
        user_agent: String::new(),
        resource_type,
        resource_id: resource_id.to_owned(),
        resource_target: String::new(),
        action: AuditAction::Write,
        diff: json!({}),
        status_code: 200,
        additional_fields: json!({}),
        request_id: None,
    };
    AuditEntry { record, user: None, organization: None }
}

fn empty() -> MockRepositories {
    let mut repos = repos_with(&[ann(), bob()]);
    repos.users.expect_find_deleted().returning(|_| Ok(None));
    repos.users.expect_find_by_email().returning(|email| Ok((email == "bob@example.com").then(bob)));
    repos.organizations.expect_find_by_name().returning(|name| Ok((name == "acme").then(organization)));
    repos
}

#[tokio::test]
async fn names_become_ids_and_the_page_is_bounded() {
    for (query, user, organization, limit, bounded) in [
        ("", None, None, None, 100),
        ("username:bob", Some(BOB), None, Some(0), 100),
        ("email:Bob@example.com username:bob", Some(BOB), None, Some(7), 7),
        ("username:me organization:acme", Some(owner_of_site().id), Some(ORGANIZATION), Some(u32::MAX), 10_000),
    ] {
        let mut repos = empty();
        repos
            .audit
            .expect_list()
            .times(1)
            .withf(move |filter, visible, page| {
                let wanted = Page { limit: Some(bounded), offset: 3, after_id: Some(Uuid::nil()) };
                visible.is_all() && *page == wanted && (filter.user_id, filter.organization_id) == (user, organization)
            })
            .returning(|_, _, _| Ok(AuditPage::default()));
        let page = Page { limit, offset: 3, after_id: Some(Uuid::nil()) };
        let found = list(&context(repos), &owner().build(), query, page).await.unwrap();
        assert_eq!(found, AuditList::default(), "{query}");
    }
}

#[tokio::test]
async fn nobody_did_what_is_asked_for() {
    for query in ["username:nobody", "email:nobody@example.com", "username:ann email:bob@example.com"] {
        let found = list(&context(empty()), &owner().build(), query, Page::default()).await.unwrap();
        assert_eq!(found, AuditList::default(), "{query}");
    }
}

#[tokio::test]
async fn who_may_read_nothing_is_refused_and_who_may_read_some_gets_that() {
    let refused = list(&context(empty()), &actor().build(), "", Page::default()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let limited = owner().scopes(&["user:read"]).build();
    assert!(matches!(list(&context(empty()), &limited, "", Page::default()).await, Err(Error::Forbidden(_))));

    let refused = list(&context(empty()), &owner().build(), "organization:other", Page::default()).await;
    assert!(matches!(refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "organization"));
    let stranger = actor().role("auditor").without_memberships().build();
    let mut repos = empty();
    repos.audit.expect_list().returning(|_, _, _| Ok(AuditPage::default()));
    assert!(list(&context(repos), &stranger, "", Page::default()).await.is_ok());
}

#[tokio::test]
async fn each_thing_is_looked_up_once_and_all_of_its_entries_know_that_it_is_gone() {
    let (gone, here) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut repos = empty();
    repos.audit.expect_list().returning(move |_, _, _| {
        let user = |id: Uuid| entry(AuditResource::User, &id.to_string());
        let odd = [entry(AuditResource::ApiKey, ""), user(Uuid::nil())];
        let entries = [user(gone), user(here), user(gone)].into_iter().chain(odd).collect();
        Ok(AuditPage { entries, count: 9 })
    });
    repos
        .audit
        .expect_list_deleted()
        .times(1)
        .withf(move |things| things.len() == 2 && things.contains(&(AuditResource::User, here)))
        .returning(move |_| Ok(vec![(AuditResource::User, gone)]));
    let found = list(&context(repos), &owner().build(), "", Page::default()).await.unwrap();
    let deleted: Vec<bool> = found.entries.iter().map(|entry| entry.is_deleted).collect();
    assert_eq!((deleted, found.count), (vec![true, false, true, false, false], 9));
}

#[tokio::test]
async fn an_entry_on_demand_is_the_callers_and_owners_alone_may_ask() {
    let mut repos = MockRepositories::default();
    repos
        .audit
        .expect_insert()
        .times(1)
        .withf(|_, record| {
            let by = record.user_id == Some(owner_of_site().id) && record.resource_target == "olivia";
            by && record.action == AuditAction::Create
                && record.resource_type == AuditResource::User
                && record.time == NOW
        })
        .returning(|_, _| Ok(()));
    generate(&context(repos), &owner().build(), GenerateEntry::default()).await.unwrap();

    for reader in [actor().build(), actor().role("auditor").build()] {
        let refused = generate(&context(MockRepositories::default()), &reader, GenerateEntry::default()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
    }
}
