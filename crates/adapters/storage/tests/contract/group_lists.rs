//! Lists of groups and members: what of them is visible, and how the databases go about them.

use crate::groups::{World, crowd, everything, group, insert, join, world};
use crate::plans::{plan, taken, watch};
use crate::support::*;
use doorward_domain::groups::{Group, GroupFilter};
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::organizations::Organization;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, AllowEntry, Object, Permission, ResourceType, Role, Scope, Subject};
use doorward_domain::users::{User, UserFilter, UserStatus};
use doorward_ports::groups::{GroupPage, MemberScope};
use doorward_ports::{Repositories, StoreError};
use std::sync::Arc;
use uuid::Uuid;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn one_of<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const SITE_ROLES: [&str; 6] = ["", "", "auditor", "template-admin", "user-admin", "owner"];
const ORGANIZATION_ROLES: [&str; 6] =
    ["", "", "organization-auditor", "organization-admin", "organization-user-admin", "organization-template-admin"];

/// Some user with some roles, memberships, groups, and a credential that may be limited.
fn subject(dice: &mut Dice, organizations: &[Organization], groups: &[Group], users: &[User]) -> Subject {
    let id = dice.one_of(users).id.0;
    let mut subject = Subject::for_user(id).site_roles(Some(*dice.one_of(&SITE_ROLES)).filter(|name| !name.is_empty()));
    for organization in organizations {
        if dice.chance(50) {
            let role = Some(*dice.one_of(&ORGANIZATION_ROLES)).filter(|name| !name.is_empty());
            subject = subject.membership(organization.id.0, role);
        }
    }
    if dice.chance(40) {
        let mut permission = || {
            let resource = *dice.one_of(&[ResourceType::Group, ResourceType::GroupMember]);
            if dice.chance(50) {
                Permission::allow(resource, Action::Read)
            } else {
                Permission::deny(resource, Action::Read)
            }
        };
        let list = vec![permission()];
        let organization = organizations[dice.below(organizations.len())].id.0;
        let custom = match dice.below(3) {
            0 => Role::custom("custom", list, [], Vec::new()),
            1 => Role::custom("custom", Vec::new(), [(organization.into(), list)], Vec::new()),
            _ => Role::custom("custom", Vec::new(), [], list),
        };
        subject = subject.roles([custom]);
    }
    let explicit: Vec<Uuid> = groups.iter().filter(|_| dice.chance(30)).map(|group| group.id.0).collect();
    let scope = match dice.below(8) {
        0 => Scope::all().limited_to(vec![AllowEntry::any_type(dice.one_of(groups).id.0)]),
        1 => Scope::all().limited_to(vec![AllowEntry::typed(ResourceType::GroupMember, dice.one_of(users).id.0)]),
        2 => Scope::application_connect(),
        _ => Scope::all(),
    };
    subject.groups(explicit).scope(scope).build()
}

contract! {
    async fn what_is_visible_is_what_the_engine_says_of_each(db) {
        let World { acme, zoo, ann, bob, cy, dan } = world(&db).await;
        let explicit = [group(&acme, "devs"), group(&acme, "ops"), group(&zoo, "zebras"), group(&zoo, "ants")];
        insert(&db, &explicit.each_ref()).await;
        join(&db, &explicit[0], &[ann.id, bob.id, cy.id]).await;
        join(&db, &explicit[1], &[cy.id]).await;
        join(&db, &explicit[2], &[bob.id]).await;
        let organizations = [acme.clone(), zoo.clone()];
        let users = [ann, bob, cy, dan];
        let groups: Vec<Group> =
            explicit.into_iter().chain([Group::everyone(&acme), Group::everyone(&zoo)]).collect();
        let all = groups.clone();
        let pairs: Vec<(GroupId, UserId)> = db
            .read(move |repos| repos.groups().list_members(&all, &MemberScope::All, None, 100))
            .await
            .into_iter()
            .map(|member| (member.group_id, member.user.id))
            .collect();
        assert_eq!(pairs.len(), 9);
        let mut dice = Dice(42);
        let mut seen = (0, 0);
        for round in 0..150 {
            let subject = subject(&mut dice, &organizations, &groups, &users);
            let mut expected: Vec<GroupId> = Vec::new();
            for group in &groups {
                let readers = group.readers();
                let object = Object::new(ResourceType::Group).id(group.id.0).organization(group.organization_id.0);
                if subject.check(Action::Read, &object.group_acl(&readers)).is_ok() {
                    expected.push(group.id);
                }
            }
            expected.sort_unstable();
            let filter = subject.list_filter(Action::Read, ResourceType::Group);
            let found = db
                .read(move |repos| repos.groups().list(&GroupFilter::default(), &filter, &GroupPage::default()))
                .await;
            let mut found: Vec<GroupId> = found.into_iter().map(|found| found.group.id).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "groups of round {round}");

            let organization_of = |id: GroupId| groups.iter().find(|group| group.id == id).unwrap().organization_id.0;
            let may = |(group, user): &(GroupId, UserId)| {
                let object = Object::new(ResourceType::GroupMember).id(user.0).owner(user.0);
                subject.check(Action::Read, &object.organization(organization_of(*group))).is_ok()
            };
            let readable: Vec<(GroupId, UserId)> = pairs.iter().copied().filter(may).collect();
            let scope = MemberScope::Visible(subject.list_filter(Action::Read, ResourceType::GroupMember));
            let all = groups.clone();
            let found = db.read(move |repos| repos.groups().list_members(&all, &scope, None, 100)).await;
            let found: Vec<(GroupId, UserId)> = found.into_iter().map(|m| (m.group_id, m.user.id)).collect();
            assert_eq!(found, readable, "members of round {round}");
            seen.0 += found.len();
            seen.1 += expected.len();
        }
        assert!(seen.0 > 150 && seen.1 > 150, "the rounds are not all alike: {seen:?}");
    }
}

/// What the lists below are about: small groups of a small organization, among many large ones.
struct Lists {
    acme: Organization,
    devs: Group,
    ann: User,
}

type Step = fn(&mut dyn Repositories, &Lists) -> Result<(), StoreError>;

const STEPS: [(&str, Step); 9] = [
    ("of one organization", |repos, lists| {
        let filter = GroupFilter { organization: Some(lists.acme.id), ..GroupFilter::default() };
        let page = GroupPage { limit: Some(1000), ..GroupPage::default() };
        assert_eq!(repos.groups().list(&filter, &everything(), &page)?.len(), 22);
        Ok(())
    }),
    ("has_member", |repos, lists| {
        let filter = GroupFilter { has_member: Some(lists.ann.id), ..GroupFilter::default() };
        assert_eq!(repos.groups().list(&filter, &everything(), &GroupPage::default())?.len(), 2);
        Ok(())
    }),
    ("group_ids", |repos, lists| {
        let filter = GroupFilter { ids: Some(vec![lists.devs.id, GroupId::NIL]), ..GroupFilter::default() };
        assert_eq!(repos.groups().list(&filter, &everything(), &GroupPage::default())?.len(), 1);
        assert_eq!(repos.groups().list_by_id(&[lists.devs.id])?.len(), 1);
        Ok(())
    }),
    ("one group", |repos, lists| {
        assert!(repos.groups().find(lists.devs.id)?.is_some());
        assert!(repos.groups().find_for_update(lists.devs.id)?.is_some());
        assert!(repos.groups().find_by_name(lists.acme.id, "devs")?.is_some());
        Ok(())
    }),
    ("counts", |repos, lists| {
        let groups = [lists.devs.clone(), Group::everyone(&lists.acme)];
        assert_eq!(repos.groups().count_members(&groups)?.len(), 2);
        Ok(())
    }),
    ("members", |repos, lists| {
        let ann =
            Subject::for_user(lists.ann.id.0).membership(lists.acme.id.0, None::<&str>).scope(Scope::all()).build();
        let own = MemberScope::Visible(ann.list_filter(Action::Read, ResourceType::GroupMember));
        let (devs, everyone) = (lists.devs.clone(), Group::everyone(&lists.acme));
        for (scope, count) in [(MemberScope::All, [3, 5]), (own, [1, 2])] {
            assert_eq!(
                repos.groups().list_members(std::slice::from_ref(&everyone), &scope, None, 1000)?.len(),
                count[0]
            );
            assert_eq!(
                repos.groups().list_members(&[devs.clone(), everyone.clone()], &scope, None, 1000)?.len(),
                count[1]
            );
            let after = Some((devs.id, UserId::NIL));
            assert!(!repos.groups().list_members(std::slice::from_ref(&devs), &scope, after, 1000)?.is_empty());
        }
        Ok(())
    }),
    ("a page of the members of one group", |repos, lists| {
        let ann =
            Subject::for_user(lists.ann.id.0).membership(lists.acme.id.0, None::<&str>).scope(Scope::all()).build();
        let own = MemberScope::Visible(ann.list_filter(Action::Read, ResourceType::GroupMember));
        let page = Page { limit: Some(25), ..Page::default() };
        let active = UserFilter { statuses: vec![UserStatus::Active], ..UserFilter::default() };
        for group in [lists.devs.clone(), Group::everyone(&lists.acme)] {
            assert!(
                !repos.groups().page_members(&group, &UserFilter::default(), &MemberScope::All, page)?.users.is_empty()
            );
            assert_eq!(repos.groups().page_members(&group, &UserFilter::default(), &own, page)?.count, 1);
            assert!(repos.groups().page_members(&group, &active, &MemberScope::All, page)?.count > 0);
        }
        Ok(())
    }),
    ("how many groups an organization has", |repos, lists| {
        let filter = GroupFilter { organization: Some(lists.acme.id), ..GroupFilter::default() };
        assert_eq!(repos.groups().count(&filter, &everything())?, 22);
        Ok(())
    }),
    ("members come and go", |repos, lists| {
        let ann = [lists.ann.id];
        assert_eq!(repos.groups().delete_members(&permit(), &lists.devs, &ann)?, ann);
        assert_eq!(repos.groups().members_for_key_share(lists.acme.id, &ann)?, ann);
        assert_eq!(repos.groups().insert_members(&permit(), &lists.devs, &ann)?, 1);
        Ok(())
    }),
];

/// Tables that must not be read from end to end.
const TABLES: [&str; 4] = ["group_members", "groups", "organization_members", "users"];

/// Enough rows that reading all of a table is a bad idea, and statistics that say so.
async fn fill(db: &Fixture) -> Lists {
    let World { acme, zoo, ann, bob, .. } = world(db).await;
    let (devs, zebras) = (group(&acme, "devs"), group(&zoo, "zebras"));
    insert(db, &[&devs, &zebras]).await;
    join(db, &devs, &[ann.id, bob.id]).await;
    let (series, id, text) = if db.is_postgres() {
        ("generate_series(1, 200) AS s(n)", "gen_random_uuid()", "'x' || md5(n::text || random()::text)")
    } else {
        (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 200) SELECT n FROM s)",
            "randomblob(16)",
            "'x' || lower(hex(randomblob(16)))",
        )
    };
    db.execute(&format!(
        "INSERT INTO organizations SELECT {id}, {text}, {text}, '', '', '', created_at, created_at, is_default, deleted, '[]' \
           FROM {series}, (SELECT created_at, is_default, deleted FROM organizations WHERE name_key = 'zoo') o; \
         INSERT INTO groups SELECT {id}, o.id, {text}, {text}, '', '', 0, 'user', o.created_at, o.created_at \
           FROM organizations o, {series} WHERE s.n <= 20;",
        series = if db.is_postgres() { series.to_owned() } else { format!("{series} AS s") },
    ));
    crowd(db, &zoo, Some(&zebras), 8000);
    Lists { acme, devs, ann }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_lists_by_index() {
    let db = Fixture::postgres();
    let lists = Arc::new(fill(&db).await);
    let (store, _) = watch(&db);
    let scans = |db: &Fixture| {
        let sql = "SELECT relname || ' ' || coalesce(seq_scan, 0) AS t FROM pg_stat_user_tables ORDER BY relname";
        let all = db.texts(sql);
        all.into_iter().filter(|line| TABLES.contains(&line.split(' ').next().unwrap())).collect::<Vec<_>>()
    };
    db.end_connections();
    let mut before = scans(&db);
    assert_eq!(before.len(), TABLES.len());
    for (name, step) in STEPS {
        // Often enough that the plan for all parameters takes over from plans for these.
        for _ in 0..12 {
            let lists = Arc::clone(&lists);
            let result: Result<(), StoreError> = store.write(move |repos| step(repos, &lists)).await;
            result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        db.end_connections();
        let after = scans(&db);
        assert_eq!(after, before, "{name}: no table was read from end to end");
        before = after;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_lists_by_index() {
    let db = Fixture::sqlite();
    let lists = Arc::new(fill(&db).await);
    let (store, log) = watch(&db);
    for (name, step) in STEPS {
        let lists = Arc::clone(&lists);
        let result: Result<(), StoreError> = store.write(move |repos| step(repos, &lists)).await;
        result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let statements = taken(&log);
        assert!(!statements.is_empty(), "{name}");
        for statement in statements {
            let sql = statement.split(" -- binds").next().unwrap();
            for line in plan(&db, sql) {
                let reads_all = line.starts_with("SCAN ") && !line.contains("VIRTUAL TABLE");
                let watched = TABLES.iter().any(|table| line.contains(table));
                assert!(!(reads_all && watched), "{name}: `{line}` of\n{sql}");
            }
        }
    }
}
