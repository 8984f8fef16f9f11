use super::*;
use crate::users::testing::{
    ORGANIZATION, actor, ann, context_with, expect_audit, organization, owner, repos_of, settings,
};
use doorward_domain::idp_sync::Pair;
use doorward_domain::settings::Section as _;
use doorward_ports::mocks::MockRepositories;
use uuid::Uuid;

const ENG: GroupId = GroupId(Uuid::from_u128(5));

fn place() -> OrganizationRef {
    OrganizationRef::Id(ORGANIZATION)
}

/// Mocks that have this document, or none, and know the organization.
fn with_stored(mut repos: MockRepositories, document: Option<&'static str>) -> MockRepositories {
    let found = move |_: &str, _| Ok(document.map(str::to_owned));
    repos.runtime_settings.expect_find().returning(found);
    repos.runtime_settings.expect_find_for_update().returning(found);
    repos.organizations.expect_find().returning(|_| Ok(Some(organization())));
    repos.organizations.expect_find_for_update().returning(|_| Ok(Some(organization())));
    repos
}

fn from_file() -> crate::Settings {
    let mut settings = settings();
    let file = &mut settings.idp_sync;
    (file.organization_field, file.organization_assign_default) = ("orgs".to_owned(), false);
    file.organization_mapping = vec![GivenOrganizations { given: "a".to_owned(), gets: vec![ORGANIZATION] }];
    file.group_field = "groups".to_owned();
    file.group_mapping = vec![GivenGroup { given: "old".to_owned(), gets: "new".to_owned() }];
    settings
}

#[tokio::test]
async fn what_nobody_has_stored_comes_from_the_settings_file() {
    let me = owner().build();
    let ctx = context_with(with_stored(repos_of(&me, &[ann()]), None), from_file());
    let sync = find_organization_sync(&ctx, &me).await.unwrap();
    assert_eq!((sync.field.as_str(), sync.assign_default), ("orgs", false));
    assert_eq!(sync.mapping.unwrap().get("a"), Some(&[ORGANIZATION][..]));
    let sync = find_group_sync(&ctx, &me, &place()).await.unwrap();
    assert_eq!((sync.field.as_str(), sync.legacy_group_name_mapping.len()), ("groups", 1));
    assert_eq!(find_role_sync(&ctx, &me, &place()).await.unwrap(), RoleSync::default());

    let stored = with_stored(repos_of(&me, &[ann()]), Some(r#"{"field": "stored"}"#));
    let ctx = context_with(stored, from_file());
    let sync = find_group_sync(&ctx, &me, &place()).await.unwrap();
    assert_eq!(sync, GroupSync { field: "stored".to_owned(), ..GroupSync::default() });
}

#[tokio::test]
async fn a_part_is_changed_and_the_rest_stays_also_what_came_from_the_file() {
    let me = owner().build();
    let mut repos = with_stored(repos_of(&me, &[ann()]), None);
    repos
        .runtime_settings
        .expect_update()
        .withf(|change| {
            let stored: serde_json::Value = serde_json::from_str(change.document()).unwrap();
            change.name() == "group_sync"
                && change.organization() == Some(ORGANIZATION)
                && stored["field"] == "groups"
                && stored["legacy_group_name_mapping"]["old"] == "new"
                && stored["mapping"]["eng"][0] == ENG.to_string()
        })
        .times(1)
        .returning(|_| Ok(()));
    expect_audit(&mut repos, "write", 200);
    let pairs = MappingChange { add: vec![Pair { given: "eng".to_owned(), gets: ENG }], remove: Vec::new() };
    let sync = map_group_sync(&context_with(repos, from_file()), &me, &place(), pairs).await.unwrap();
    assert_eq!(sync.mapping.unwrap().get("eng"), Some(&[ENG][..]));
}

#[tokio::test]
async fn who_may_not_is_refused_and_nothing_is_written() {
    let me = actor().build();
    let ctx = context_with(with_stored(repos_of(&me, &[ann()]), None), settings());
    assert!(matches!(find_organization_sync(&ctx, &me).await, Err(Error::Forbidden(_))));
    assert!(matches!(find_group_sync(&ctx, &me, &place()).await, Err(Error::Forbidden(_))));
    let refused = set_organization_sync(&ctx, &me, OrganizationSync::default()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let refused = set_role_sync(&ctx, &me, &place(), RoleSync::default()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[test]
fn who_may_sign_in_is_told_by_the_claim_of_groups() {
    let mut file = from_file().idp_sync;
    let claims =
        |groups: serde_json::Value| SyncClaims::new(serde_json::Map::from_iter([("groups".to_owned(), groups)]));
    assert_eq!(may_sign_in(&SyncClaims::default(), &file), Ok(()), "nobody is listed");
    file.group_allow_list = vec!["eng".to_owned(), "ops".to_owned()];
    assert_eq!(may_sign_in(&claims("ops".into()), &file), Ok(()));
    assert_eq!(may_sign_in(&claims("sales".into()), &file), Err(NotAdmitted::NotListed));
    assert_eq!(may_sign_in(&SyncClaims::default(), &file), Err(NotAdmitted::Absent("groups".to_owned())));
}

#[test]
fn settings_that_contradict_one_another_are_told() {
    let mut file = from_file().idp_sync;
    assert!(file.defects().is_empty());
    file.group_field.clear();
    file.group_allow_list = vec!["eng".to_owned()];
    file.site_role_field = "a\nb".to_owned();
    file.site_role_defaults = vec!["auditor".to_owned(), "organization-admin".to_owned()];
    let told = file.defects();
    for key in ["idp_sync.group_allow_list", "idp_sync.site_role_field", "idp_sync.site_role_defaults"] {
        assert!(told.iter().any(|defect| defect.contains(key)), "{key}: {told:?}");
    }
    assert_eq!(told.len(), 3);
}
