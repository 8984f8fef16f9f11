//! The use cases against mocks.

use super::*;
use crate::Principal;
use crate::error::Error;
use crate::organizations::OrganizationRef;
use crate::users::testing::{ANN, BOB, NOW, ORGANIZATION, actor, ann, bob, context, organization, owner};
use doorward_domain::groups::{Group, GroupMember, GroupSource};
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::names::DisplayName;
use doorward_domain::users::ReducedUser;
use doorward_ports::mocks::MockRepositories;
use doorward_ports::{Conflict, StoreError};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

const DEVS: GroupId = GroupId(Uuid::from_u128(0xDE));

fn group(id: GroupId, name: &str) -> Group {
    Group {
        id,
        organization_id: ORGANIZATION,
        name: name.parse().unwrap(),
        display_name: DisplayName::default(),
        avatar_url: String::new(),
        quota_allowance: 1,
        source: GroupSource::User,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn devs() -> Group {
    group(DEVS, "devs")
}

fn found(group: Group) -> FoundGroup {
    let organization = organization();
    FoundGroup { group, organization_name: organization.name, organization_display_name: organization.display_name }
}

fn reduced(n: u128) -> ReducedUser {
    ReducedUser { id: UserId(Uuid::from_u128(n)), username: format!("u{n}").parse().unwrap(), ..ann().into() }
}

/// Mocks that know this group, and that the name `ops` is taken.
fn knowing(known: &Group) -> MockRepositories {
    managed(known, None)
}

/// The same, with somebody who looks after the members of the group.
fn managed(known: &Group, manager: Option<UserId>) -> MockRepositories {
    nested(known, manager, &[])
}

/// The same, with those who are members by a group within it only.
fn nested(known: &Group, manager: Option<UserId>, inner: &'static [UserId]) -> MockRepositories {
    let mut repos = MockRepositories::default();
    repos.groups.expect_is_manager().returning(move |_, user| Ok(Some(user) == manager));
    let only_inner = |_: GroupId, users: &[UserId]| Ok(users.iter().copied().filter(|id| inner.contains(id)).collect());
    repos.groups.expect_members_by_nesting().returning(only_inner);
    // Groups follow no claim.
    repos.runtime_settings.expect_find().returning(|_, _| Ok(None));
    let stored = known.clone();
    repos.groups.expect_find().returning(move |id| Ok((id == stored.id).then(|| found(stored.clone()))));
    let stored = known.clone();
    repos.groups.expect_find_for_update().returning(move |id| Ok((id == stored.id).then(|| stored.clone())));
    repos
        .groups
        .expect_find_by_name()
        .returning(|_, name| Ok((name == "ops").then(|| found(group(GroupId(Uuid::from_u128(7)), "ops")))));
    repos.groups.expect_members_for_key_share().returning(|_, ids| {
        assert!(ids.is_sorted_by(|a, b| a < b), "each once, so that the lower id is held first");
        Ok(ids.iter().copied().filter(|id| [ANN, BOB].contains(id)).collect())
    });
    repos
}

/// Keeps the audit records.
fn recording(repos: &mut MockRepositories) -> Arc<Mutex<Vec<(String, u16, Value)>>> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&log);
    repos.audit.expect_insert().returning(move |_, record| {
        assert_eq!(record.organization_id, Some(ORGANIZATION));
        assert_eq!((record.resource_type.as_str(), record.resource_id.is_empty()), ("group", false));
        kept.lock().unwrap().push((record.action.to_string(), record.status_code, record.diff.clone()));
        Ok(())
    });
    log
}

async fn change(repos: MockRepositories, actor: &Principal, command: UpdateGroup) -> Result<(), Error> {
    update(&context(repos), actor, DEVS, command).await
}

fn ids(ids: &[UserId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn each_check_of_a_change_comes_before_the_next() {
    let named = |name: &str, add: Vec<String>| UpdateGroup {
        name: Some(name.to_owned()),
        add_users: add,
        ..UpdateGroup::default()
    };
    let stranger = UserId(Uuid::from_u128(99));
    // None of these writes: a mock that is asked to would panic.
    for (command, field) in [
        (named("a_b", vec!["x".to_owned()]), "name"),
        (named("Everyone", vec!["x".to_owned()]), "name"),
        (named("ops", vec!["x".to_owned()]), "add_users"),
        (named("ops", ids(&[stranger])), "add_users"),
        (named("ops", ids(&[ANN, ANN])), "add_users"),
        (UpdateGroup { remove_users: ids(&[ANN, stranger]), ..named("ops", ids(&[ANN])) }, "remove_users"),
    ] {
        let refused = change(knowing(&devs()), &owner().build(), command.clone()).await;
        let Err(Error::Invalid { fields, .. }) = refused else { panic!("{command:?}: {refused:?}") };
        assert_eq!(fields[0].field, field, "{command:?}");
    }
    let refused = change(knowing(&devs()), &owner().build(), named("ops", ids(&[ANN]))).await;
    assert!(matches!(&refused, Err(Error::Conflict { fields, .. }) if fields[0].field == "name"), "{refused:?}");
}

#[tokio::test]
async fn who_may_not_change_a_group_learns_no_more_than_they_may_know() {
    let broken = || UpdateGroup { name: Some("a_b".to_owned()), ..UpdateGroup::default() };
    let hidden = change(knowing(&devs()), &actor().build(), broken()).await;
    assert!(matches!(hidden, Err(Error::NotFound)), "{hidden:?}");
    let auditor = actor().role("auditor").build();
    let refused = change(knowing(&devs()), &auditor, broken()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    assert!(matches!(delete(&context(knowing(&devs())), &auditor, DEVS).await, Err(Error::Forbidden(_))));
    assert!(matches!(may_update(&context(knowing(&devs())), &auditor, DEVS).await, Err(Error::Forbidden(_))));
    let everyone = Group::everyone(&organization());
    let (all, repos) = (everyone.id, knowing(&everyone));
    let shut = delete(&context(repos), &owner().build(), all).await;
    assert!(matches!(shut, Err(Error::Invalid { .. })), "{shut:?}");
    let mut repos = knowing(&devs());
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    let made = create(&context(repos), &auditor, &OrganizationRef::Default, CreateGroup::default()).await;
    assert!(matches!(made, Err(Error::Forbidden(_))), "before the fields are looked at: {made:?}");
}

#[tokio::test]
async fn adding_somebody_twice_is_refused_and_not_recorded() {
    for conflict in [true, false] {
        let mut repos = knowing(&devs());
        repos.groups.expect_update().returning(|_, _| Ok(true));
        repos.groups.expect_list_members().returning(|_, _, _, _| Ok(Vec::new()));
        repos.groups.expect_insert_members().returning(move |_, _, _| {
            if conflict { Err(StoreError::Conflict(Conflict::GroupMembership)) } else { Ok(1) }
        });
        let command = UpdateGroup { add_users: ids(&[ANN, BOB]), ..UpdateGroup::default() };
        let refused = change(repos, &owner().build(), command).await;
        assert!(
            matches!(&refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "add_users"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_change_leaves_one_record_with_the_members_before_and_after() {
    let mut repos = knowing(&devs());
    let log = recording(&mut repos);
    repos.groups.expect_update().times(1).withf(|_, group| group.quota_allowance == -3).returning(|_, _| Ok(true));
    repos.groups.expect_insert_members().times(1).returning(|_, _, users| Ok(users.len()));
    repos.groups.expect_delete_members().times(1).returning(|_, _, users| Ok(users.to_vec()));
    let mut reads = 0;
    repos.groups.expect_list_members().returning(move |_, scope, _, _| {
        reads += 1;
        assert_eq!(
            *scope == MemberScope::Direct,
            reads < 3,
            "the record knows who was put in, the caller sees who is in it"
        );
        let user = if reads == 1 { bob() } else { ann() };
        Ok(vec![GroupMember { group_id: DEVS, user: user.into() }])
    });
    repos.groups.expect_count_members().returning(|_| Ok(vec![(DEVS, 1)]));
    let command = UpdateGroup {
        name: Some("devs".to_owned()),
        quota_allowance: Some(-3),
        add_users: ids(&[ANN]),
        remove_users: ids(&[BOB]),
        ..UpdateGroup::default()
    };
    let (ctx, owner) = (context(repos), owner().build());
    update(&ctx, &owner, DEVS, command).await.unwrap();
    let views: Vec<GroupView> = find(&ctx, &owner, &GroupRef::Id(DEVS), true, Vec::new()).await.unwrap();
    assert_eq!((views[0].members.len(), views[0].total_member_count), (1, 1));
    let field = |old: Value, new: Value| json!({ "old": old, "new": new, "secret": false });
    let diff =
        json!({ "quota_allowance": field(json!(1), json!(-3)), "members": field(json!(["bob"]), json!(["ann"])) });
    assert_eq!(*log.lock().unwrap(), [("write".to_owned(), 200, diff)]);
}

#[tokio::test]
async fn a_record_of_a_large_group_holds_numbers_and_who_moved() {
    let mut repos = knowing(&devs());
    let log = recording(&mut repos);
    repos.groups.expect_update().returning(|_, _| Ok(true));
    repos.groups.expect_insert_members().returning(|_, _, users| Ok(users.len()));
    repos.groups.expect_delete_members().returning(|_, _, _| Ok(Vec::new()));
    let mut total = 5000;
    repos.groups.expect_count_direct_members().returning(move |_| {
        total += 1;
        Ok(vec![(DEVS, total)])
    });
    repos.groups.expect_list_members().returning(|_, scope, _, limit| {
        let rows = if *scope == MemberScope::Direct { limit.into() } else { 0 };
        Ok((0..rows).map(|n| GroupMember { group_id: DEVS, user: reduced(n) }).collect())
    });
    let command = UpdateGroup { add_users: ids(&[ANN]), remove_users: ids(&[BOB]), ..UpdateGroup::default() };
    change(repos, &owner().build(), command).await.unwrap();
    let members = json!({
        "old": { "total": 5001 },
        "new": { "total": 5002, "added": [ANN.to_string()], "removed": [] },
        "secret": false,
    });
    assert_eq!(*log.lock().unwrap(), [("write".to_owned(), 200, json!({ "members": members }))]);
}

#[tokio::test]
async fn a_manager_changes_the_members_and_the_record_says_so() {
    let mut repos = managed(&devs(), Some(ANN));
    let log = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&log);
    repos.audit.expect_insert().returning(move |_, record| {
        kept.lock().unwrap().push((record.user_id, record.additional_fields.clone()));
        Ok(())
    });
    repos.groups.expect_update().returning(|_, _| Ok(true));
    repos.groups.expect_list_members().returning(|_, _, _, _| Ok(Vec::new()));
    repos
        .groups
        .expect_insert_members()
        .times(1)
        .withf(|_, _, users| users == [BOB])
        .returning(|_, _, users| Ok(users.len()));
    repos.groups.expect_delete_members().returning(|_, _, users| Ok(users.to_vec()));
    // A form that sends back what is there changes members only.
    let command = UpdateGroup {
        name: Some(String::new()),
        display_name: Some(String::new()),
        quota_allowance: Some(1),
        add_users: ids(&[BOB]),
        ..UpdateGroup::default()
    };
    change(repos, &actor().build(), command).await.unwrap();
    let log = log.lock().unwrap();
    assert_eq!((log.len(), log[0].0, &log[0].1["as_manager"]), (1, Some(ANN), &json!(true)));
}

#[tokio::test]
async fn a_manager_may_do_nothing_else() {
    let with = |command: UpdateGroup| UpdateGroup { add_users: ids(&[BOB]), ..command };
    // None of these writes: a mock that is asked to would panic.
    for command in [
        with(UpdateGroup { name: Some("new".to_owned()), ..UpdateGroup::default() }),
        with(UpdateGroup { display_name: Some("New".to_owned()), ..UpdateGroup::default() }),
        with(UpdateGroup { avatar_url: Some("/new".to_owned()), ..UpdateGroup::default() }),
        with(UpdateGroup { quota_allowance: Some(2), ..UpdateGroup::default() }),
        UpdateGroup::default(),
    ] {
        let refused = change(managed(&devs(), Some(ANN)), &actor().build(), command.clone()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{command:?}: {refused:?}");
    }
    let themselves = UpdateGroup { add_users: ids(&[BOB, ANN]), ..UpdateGroup::default() };
    let refused = change(managed(&devs(), Some(ANN)), &actor().build(), themselves).await;
    assert!(matches!(&refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "add_users"), "{refused:?}");
    let deleted = delete(&context(managed(&devs(), Some(ANN))), &actor().build(), DEVS).await;
    assert!(matches!(deleted, Err(Error::Forbidden(_))), "{deleted:?}");
    // Nor by a credential that may not change groups, and nobody else at all.
    let members = || with(UpdateGroup::default());
    let short = actor().scopes(&["group:read"]).build();
    let refused = change(managed(&devs(), Some(ANN)), &short, members()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    let refused = change(managed(&devs(), Some(BOB)), &actor().build(), members()).await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
}

#[tokio::test]
async fn who_is_in_by_a_group_within_it_only_is_not_removed_here() {
    let repos = nested(&devs(), None, &[BOB]);
    let command = UpdateGroup { remove_users: ids(&[BOB]), ..UpdateGroup::default() };
    let refused = change(repos, &owner().build(), command).await;
    assert!(matches!(&refused, Err(Error::Invalid { fields, .. }) if fields[0].field == "remove_users"), "{refused:?}");
}

#[tokio::test]
async fn making_and_ending_are_recorded() {
    let mut repos = knowing(&devs());
    let log = recording(&mut repos);
    repos.organizations.expect_find_default().returning(|| Ok(Some(organization())));
    repos.groups.expect_insert().times(1).returning(|_, _| Ok(()));
    repos
        .groups
        .expect_list_members()
        .returning(|_, _, _, _| Ok(vec![GroupMember { group_id: DEVS, user: bob().into() }]));
    repos.groups.expect_delete().times(1).returning(|_, _| Ok(true));
    let ctx = context(repos);
    let command = CreateGroup { name: "new-one".to_owned(), ..CreateGroup::default() };
    let made = create(&ctx, &owner().build(), &OrganizationRef::Default, command).await.unwrap();
    assert_eq!((made.group.source, made.total_member_count), (GroupSource::User, 0));
    delete(&ctx, &owner().build(), DEVS).await.unwrap();
    let log = log.lock().unwrap();
    let (action, status, diff) = &log[0];
    assert_eq!((action.as_str(), *status, &diff["name"]["new"]), ("create", 201, &json!("new-one")));
    assert_eq!(diff["id"], json!({ "old": "", "new": made.group.id.to_string(), "secret": false }));
    let (action, status, diff) = &log[1];
    assert_eq!((action.as_str(), *status, &diff["name"]["old"]), ("delete", 200, &json!("devs")));
    assert_eq!(diff["members"], json!({ "old": ["bob"], "new": [], "secret": false }));
}

/// Counts what it is given.
#[derive(Default)]
struct Counter {
    groups: Vec<(u64, u64)>,
    largest: usize,
}

impl GroupSink for Counter {
    fn begin(&mut self, _: &FoundGroup) -> Result<(), Error> {
        self.groups.push((0, 0));
        Ok(())
    }

    fn members(&mut self, members: Vec<ReducedUser>) -> Result<(), Error> {
        self.largest = self.largest.max(members.len());
        self.groups.last_mut().unwrap().0 += u64::try_from(members.len()).unwrap();
        Ok(())
    }

    fn end(&mut self, total: u64) -> Result<(), Error> {
        self.groups.last_mut().unwrap().1 = total;
        Ok(())
    }
}

/// Mocks with groups of these sizes, of which so many members are visible; counts the queries for members.
fn sized(sizes: &'static [u64], visible: u64) -> (MockRepositories, Arc<Mutex<usize>>) {
    let id = |n: usize| GroupId(Uuid::from_u128(1000 - u128::try_from(n).unwrap()));
    let mut repos = MockRepositories::default();
    repos.groups.expect_list().times(1).returning(move |_, _, page| {
        assert!(page.limit.is_some_and(|limit| limit <= 1000));
        Ok((0..sizes.len()).map(|n| found(group(id(n), "g"))).collect())
    });
    repos
        .groups
        .expect_count_members()
        .times(1)
        .returning(move |_| Ok(sizes.iter().enumerate().map(|(n, size)| (id(n), *size)).collect()));
    let queries = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&queries);
    repos.groups.expect_list_members().returning(move |groups, _, after, limit| {
        assert_eq!(limit, MEMBER_PAGE);
        *counted.lock().unwrap() += 1;
        let mut rows: Vec<GroupMember> = Vec::new();
        let mut wanted: Vec<GroupId> = groups.iter().map(|group| group.id).collect();
        wanted.sort_unstable();
        for group_id in wanted {
            let n = (0..sizes.len()).find(|n| id(*n) == group_id).unwrap();
            let users = (0..sizes[n].min(visible)).map(|n| reduced(n.into()));
            let rest = users.map(|user| GroupMember { group_id, user });
            let later = rest.filter(|member| after.is_none_or(|after| (member.group_id, member.user.id) > after));
            rows.extend(later.take(usize::try_from(limit).unwrap() - rows.len()));
        }
        Ok(rows)
    });
    (repos, queries)
}

#[tokio::test]
async fn of_fifty_thousand_members_a_page_is_held_at_a_time() {
    let (repos, queries) = sized(&[50_000], u64::MAX);
    let shown = list(&context(repos), &owner().build(), None, GroupQuery::default(), Counter::default()).await.unwrap();
    assert_eq!((shown.groups, shown.largest), (vec![(50_000, 50_000)], 1000));
    assert_eq!(*queries.lock().unwrap(), 51);
}

#[tokio::test]
async fn small_groups_share_queries_and_keep_their_order() {
    const SIZES: &[u64] = &[0, 0, 300, 700, 1, 0, 2500, 1000, 5, 5];
    let (repos, queries) = sized(SIZES, u64::MAX);
    let shown = list(&context(repos), &owner().build(), None, GroupQuery::default(), Counter::default()).await.unwrap();
    assert_eq!(shown.groups, SIZES.iter().map(|size| (*size, *size)).collect::<Vec<_>>());
    assert!(shown.largest <= 1000);
    // Three for 0 to 700 and its end, one for 1 and 0, three for 2500, two for 1000, one for the rest: no query per group.
    assert_eq!(*queries.lock().unwrap(), 2 + 1 + 3 + 2 + 1);
    let (repos, queries) = sized(SIZES, 1);
    let shown = list(&context(repos), &actor().build(), None, GroupQuery::default(), Counter::default()).await.unwrap();
    assert_eq!(shown.groups, SIZES.iter().map(|size| (1.min(*size), *size)).collect::<Vec<_>>(), "all are counted");
    assert_eq!(*queries.lock().unwrap(), 5);
}

#[tokio::test]
async fn who_joined_while_it_was_read_is_counted() {
    let mut repos = knowing(&devs());
    repos.groups.expect_count_members().returning(|_| Ok(vec![(DEVS, 1)]));
    repos
        .groups
        .expect_list_members()
        .returning(|_, _, _, _| Ok((0..2).map(|n| GroupMember { group_id: DEVS, user: reduced(n) }).collect()));
    let views = find(&context(repos), &owner().build(), &GroupRef::Id(DEVS), true, Vec::new()).await.unwrap();
    assert_eq!((views[0].members.len(), views[0].total_member_count), (2, 2));
}
