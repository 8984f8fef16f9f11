use crate::support::*;
use doorward_domain::groups::{Group, GroupFilter, GroupSource};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::names::{DisplayName, GroupName};
use doorward_domain::organizations::Organization;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, ResourceType, Scope, Subject};
use doorward_domain::users::{User, UserFilter, UserStatus};
use doorward_ports::groups::{FoundGroup, GroupPage, MemberScope};
use doorward_ports::{Conflict, StoreError};
use std::sync::Arc;
use time::Duration;
use uuid::Uuid;

pub(crate) fn group(organization: &Organization, name: &str) -> Group {
    Group {
        id: id(),
        organization_id: organization.id,
        name: GroupName::from_storage(name.to_owned()),
        display_name: DisplayName::from_storage(format!("The {name}")),
        avatar_url: "/g.png".to_owned(),
        quota_allowance: -5,
        source: GroupSource::Oidc,
        created_at: NOW,
        updated_at: NOW + Duration::SECOND,
    }
}

pub(crate) fn everything() -> ListFilter {
    let owner = Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
    owner.list_filter(Action::Read, ResourceType::Group)
}

/// Two organizations; ann, bob and cy are in the first, bob in the second too; dan is nowhere.
pub(crate) struct World {
    pub(crate) acme: Organization,
    pub(crate) zoo: Organization,
    pub(crate) ann: User,
    pub(crate) bob: User,
    pub(crate) cy: User,
    pub(crate) dan: User,
}

pub(crate) async fn world(db: &Fixture) -> World {
    let world = World {
        acme: organization("Acme"),
        zoo: organization("zoo"),
        ann: user("ann"),
        bob: user("bob"),
        cy: User { status: UserStatus::Suspended, ..user("cy") },
        dan: user("dan"),
    };
    let (organizations, users) =
        ([world.acme.clone(), world.zoo.clone()], [&world.ann, &world.bob, &world.cy, &world.dan].map(Clone::clone));
    let members = [(0, world.ann.id), (0, world.bob.id), (0, world.cy.id), (1, world.bob.id)];
    db.write(move |repos| {
        organizations.iter().try_for_each(|o| repos.organizations().insert(&permit(), o))?;
        users.iter().try_for_each(|user| repos.users().insert(&permit(), user))?;
        members.iter().try_for_each(|(organization, user)| {
            let member = membership(organizations[*organization].id, *user);
            repos.organizations().insert_member(&permit(), &member)
        })
    })
    .await;
    world
}

pub(crate) async fn insert(db: &Fixture, groups: &[&Group]) {
    let groups: Vec<Group> = groups.iter().copied().cloned().collect();
    db.write(move |repos| groups.iter().try_for_each(|group| repos.groups().insert(&permit(), group))).await;
}

pub(crate) async fn join(db: &Fixture, group: &Group, users: &[UserId]) -> usize {
    let (group, users) = (group.clone(), users.to_vec());
    db.write(move |repos| repos.groups().insert_members(&permit(), &group, &users)).await
}

async fn list(db: &Fixture, filter: GroupFilter, page: GroupPage) -> Vec<String> {
    let found = db.read(move |repos| repos.groups().list(&filter, &everything(), &page)).await;
    found.into_iter().map(|found| format!("{}/{}", found.organization_name, found.group.name)).collect()
}

/// Ids of the members of a group.
async fn members(db: &Fixture, group: &Group) -> Vec<UserId> {
    let groups = [group.clone()];
    let found = db.read(move |repos| repos.groups().list_members(&groups, &MemberScope::All, None, 100)).await;
    assert!(found.iter().all(|member| member.group_id == group.id));
    found.into_iter().map(|member| member.user.id).collect()
}

contract! {
    async fn a_group_is_stored_as_it_is_and_found_by_exact_name(db) {
        let World { acme, zoo, .. } = world(&db).await;
        let (lower, upper) = (group(&acme, "devs"), group(&acme, "Devs"));
        insert(&db, &[&lower, &upper]).await;
        let expected = FoundGroup {
            group: lower.clone(),
            organization_name: "Acme".parse().unwrap(),
            organization_display_name: "The Acme".parse().unwrap(),
        };
        let (a, z, id, other) = (acme.id, zoo.id, lower.id, upper.id);
        let (found, held, by_name, upper_by_name, nothing, by_id) = db
            .write(move |repos| {
                let groups = repos.groups();
                let nothing = [groups.find(GroupId::NIL)?, groups.find_by_name(a, "DEVS")?, groups.find_by_name(z, "devs")?];
                Ok((
                    groups.find(id)?,
                    groups.find_for_update(id)?,
                    groups.find_by_name(a, "devs")?,
                    groups.find_by_name(a, "Devs")?,
                    nothing,
                    groups.list_by_id(&[other, GroupId(z.0), GroupId::NIL])?,
                ))
            })
            .await;
        assert_eq!((found.as_ref(), by_name.as_ref(), held), (Some(&expected), Some(&expected), Some(lower.clone())));
        assert_eq!(upper_by_name.unwrap().group, upper);
        assert_eq!(nothing, [None, None, None]);
        let by_id: Vec<GroupName> = by_id.into_iter().map(|found| found.group.name).collect();
        assert_eq!(by_id, ["Devs", "Everyone"]);
        db.execute("UPDATE organizations SET deleted = NOT deleted WHERE name_key = 'acme'");
        assert_eq!(db.read(move |repos| repos.groups().find(id)).await, None);
        assert_eq!(list(&db, GroupFilter::default(), GroupPage::default()).await, ["zoo/Everyone"]);
    }

    async fn names_are_unique_in_the_organization_with_regard_to_case(db) {
        let World { acme, zoo, .. } = world(&db).await;
        let (devs, ops) = (group(&acme, "devs"), group(&acme, "ops"));
        insert(&db, &[&devs, &group(&acme, "DEVS"), &ops, &group(&zoo, "devs")]).await;
        let twin = group(&acme, "devs");
        let error = db.refused(move |repos| repos.groups().insert(&permit(), &twin)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::GroupName)), "{error:?}");
        let renamed = Group { name: "devs".parse().unwrap(), ..ops };
        let error = db.refused(move |repos| repos.groups().update(&permit(), &renamed)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::GroupName)), "{error:?}");
        let twin = Group { name: "x".parse().unwrap(), ..devs };
        let error = db.refused(move |repos| repos.groups().insert(&permit(), &twin)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");
    }

    async fn lists_are_sorted_filtered_and_paged(db) {
        let World { acme, zoo, ann, bob, dan, .. } = world(&db).await;
        let groups = ["b", "A", "a-b", "B"].map(|name| group(&acme, name));
        insert(&db, &groups.each_ref()).await;
        let zebras = group(&zoo, "zebras");
        insert(&db, &[&zebras]).await;
        join(&db, &groups[0], &[ann.id, bob.id]).await;
        join(&db, &zebras, &[bob.id]).await;
        let none = GroupFilter::default();
        let of = |user: &User| GroupFilter { has_member: Some(user.id), ..GroupFilter::default() };
        let ids = |groups: &[&Group]| Some(groups.iter().map(|group| group.id).collect());
        for (filter, expected) in [
            (none.clone(), "Acme/A Acme/a-b Acme/b Acme/B Acme/Everyone zoo/Everyone zoo/zebras"),
            (GroupFilter { organization: Some(zoo.id), ..none.clone() }, "zoo/Everyone zoo/zebras"),
            (GroupFilter { organization: Some(OrganizationId::NIL), ..none.clone() }, ""),
            (of(&ann), "Acme/b Acme/Everyone"),
            (of(&bob), "Acme/b Acme/Everyone zoo/Everyone zoo/zebras"),
            (of(&dan), ""),
            (GroupFilter { organization: Some(zoo.id), ..of(&bob) }, "zoo/Everyone zoo/zebras"),
            (GroupFilter { ids: ids(&[&zebras, &groups[0], &groups[1]]), ..none.clone() }, "Acme/A Acme/b zoo/zebras"),
            (GroupFilter { ids: ids(&[&zebras, &groups[1]]), organization: Some(zoo.id), ..of(&bob) }, "zoo/zebras"),
            (GroupFilter { ids: Some(Vec::new()), ..none.clone() }, ""),
            (GroupFilter { ids: Some((0..10_000).map(|n| GroupId(Uuid::from_u128(n))).collect()), ..none.clone() }, ""),
        ] {
            let listed = list(&db, filter.clone(), GroupPage::default()).await.join(" ");
            assert_eq!(listed, expected, "{:?}", filter.has_member);
        }
        let after = |group: &Group| Some((group.name.to_string(), group.id));
        for (page, expected) in [
            (GroupPage { limit: Some(2), ..GroupPage::default() }, "Acme/A Acme/a-b"),
            (GroupPage { limit: Some(2), offset: 1, after: None }, "Acme/a-b Acme/b"),
            (GroupPage { limit: Some(2), offset: 0, after: after(&groups[0]) }, "Acme/B Acme/Everyone"),
            (GroupPage { limit: None, offset: 2, after: after(&groups[3]) }, "zoo/zebras"),
            (GroupPage { limit: Some(0), ..GroupPage::default() }, ""),
        ] {
            assert_eq!(list(&db, none.clone(), page.clone()).await.join(" "), expected, "{page:?}");
        }
    }

    async fn members_are_listed_and_counted(db) {
        let World { acme, zoo, ann, bob, cy, dan } = world(&db).await;
        let (devs, ops, empty) = (group(&acme, "devs"), group(&acme, "ops"), group(&zoo, "empty"));
        insert(&db, &[&devs, &ops, &empty]).await;
        let robot = User { is_system: true, ..user("robot") };
        let robots = robot.id;
        let member = membership(acme.id, robot.id);
        db.write(move |repos| {
            repos.users().insert(&permit(), &robot)?;
            repos.organizations().insert_member(&permit(), &member)
        })
        .await;
        assert_eq!(join(&db, &devs, &[cy.id, ann.id, robots, dan.id]).await, 3, "dan is not in the organization");
        assert_eq!(join(&db, &ops, &[bob.id]).await, 1);
        let everyone = [Group::everyone(&acme), Group::everyone(&zoo)];
        assert_eq!(members(&db, &devs).await, [ann.id, cy.id]);
        assert_eq!(members(&db, &everyone[0]).await, [ann.id, bob.id, cy.id], "suspended ones too");
        assert!(members(&db, &empty).await.is_empty());
        let all = [devs.clone(), ops.clone(), empty, everyone[0].clone(), everyone[1].clone()];
        let counted = all.clone();
        let mut counts = db.read(move |repos| repos.groups().count_members(&counted)).await;
        counts.sort_unstable();
        let mut expected = vec![(devs.id, 2), (ops.id, 1), (everyone[0].id, 3), (everyone[1].id, 1)];
        expected.sort_unstable();
        assert_eq!(counts, expected);
        // Both kinds together, in pages of every size, are all of them in the order of ids.
        let whole = pages(&db, &all, 100).await;
        assert_eq!(whole.len(), 7);
        assert!(whole.is_sorted());
        for limit in 1..7 {
            assert_eq!(pages(&db, &all, limit).await, whole, "in pages of {limit}");
        }
        let shown = db.read(move |repos| repos.groups().list_members(&[ops], &MemberScope::All, None, 1)).await;
        assert_eq!(shown[0].user, bob.into());
        assert!(db.read(|repos| repos.groups().list_members(&[], &MemberScope::All, None, 1)).await.is_empty());
        assert!(db.read(|repos| repos.groups().count_members(&[])).await.is_empty());
    }

    async fn members_of_one_group_come_in_pages_by_name(db) {
        let World { acme, ann, bob, cy, .. } = world(&db).await;
        let (devs, everyone) = (group(&acme, "devs"), Group::everyone(&acme));
        insert(&db, &[&devs]).await;
        join(&db, &devs, &[cy.id, bob.id, ann.id]).await;
        for group in [&devs, &everyone] {
            let page = async |filter: UserFilter, page: Page| {
                let group = group.clone();
                let found = db
                    .read(move |repos| repos.groups().page_members(&group, &filter, &MemberScope::All, page))
                    .await;
                (found.users.into_iter().map(|user| user.username.into_string()).collect::<Vec<_>>(), found.count)
            };
            let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            let all = UserFilter::default;
            assert_eq!(page(all(), Page::default()).await, (names(&["ann", "bob", "cy"]), 3));
            let second = Page { limit: Some(1), offset: 1, after_id: None };
            assert_eq!(page(all(), second).await, (names(&["bob"]), 3));
            let after = Page { limit: Some(1), offset: 0, after_id: Some(ann.id.0) };
            assert_eq!(page(all(), after).await, (names(&["bob"]), 2));
            let nowhere = Page { after_id: Some(Uuid::nil()), ..Page::default() };
            assert_eq!(page(all(), nowhere).await, (names(&[]), 0));
            let suspended = UserFilter { statuses: vec![UserStatus::Suspended], ..all() };
            assert_eq!(page(suspended, Page::default()).await, (names(&["cy"]), 1));
            let found = UserFilter { search: "bo".to_owned(), roles: vec!["member".to_owned()], ..all() };
            assert_eq!(page(found, Page::default()).await, (names(&["bob"]), 1));
            let owners = UserFilter { roles: vec!["owner".to_owned()], ..all() };
            assert_eq!(page(owners, Page::default()).await, (names(&[]), 0));
        }
        // What somebody may read of the members, and nothing more.
        let subject = Subject::for_user(bob.id.0).membership(acme.id.0, None::<&str>).scope(Scope::all()).build();
        for group in [devs, everyone] {
            let scope = MemberScope::Visible(subject.list_filter(Action::Read, ResourceType::GroupMember));
            let found = db
                .read(move |repos| repos.groups().page_members(&group, &UserFilter::default(), &scope, Page::default()))
                .await;
            assert_eq!((found.users.len(), found.count), (1, 1));
        }
    }

    async fn groups_are_found_by_part_of_a_name_and_counted(db) {
        let World { acme, zoo, .. } = world(&db).await;
        let devs = Group { display_name: "The Builders_".parse().unwrap(), ..group(&acme, "Devs") };
        insert(&db, &[&devs, &group(&acme, "ops"), &group(&zoo, "devs")]).await;
        for (search, count) in [("", 3), ("dev", 1), ("build", 1), ("s_", 1), ("e_b", 0), ("%", 0), ("everyone", 1)] {
            let filter = GroupFilter { organization: Some(acme.id), search: search.to_owned(), ..GroupFilter::default() };
            let again = filter.clone();
            assert_eq!(db.read(move |repos| repos.groups().count(&again, &everything())).await, count, "{search}");
            let found = list(&db, filter, GroupPage::default()).await;
            assert_eq!(found.len() as u64, count, "{search}: {found:?}");
        }
    }

    async fn members_are_added_all_or_none_and_removed(db) {
        let World { acme, ann, bob, cy, dan, .. } = world(&db).await;
        let devs = group(&acme, "devs");
        insert(&db, &[&devs]).await;
        join(&db, &devs, &[ann.id]).await;
        let (again, ids) = (devs.clone(), [bob.id, ann.id]);
        let error = db.refused(move |repos| repos.groups().insert_members(&permit(), &again, &ids)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::GroupMembership)), "{error:?}");
        assert_eq!(members(&db, &devs).await, [ann.id]);
        let (everyone, a, ids) = (Group::everyone(&acme), acme.id, [dan.id, cy.id, ann.id, UserId::NIL]);
        let (held, added) = db
            .write(move |repos| {
                let held = repos.groups().members_for_key_share(a, &ids)?;
                Ok((held, repos.groups().insert_members(&permit(), &everyone, &[ids[1]])?))
            })
            .await;
        assert_eq!((held, added), (vec![ann.id, cy.id], 0), "nobody is added to Everyone");
        join(&db, &devs, &[cy.id, bob.id]).await;
        let (from, ids) = (devs.clone(), [cy.id, dan.id, ann.id]);
        let removed = db.write(move |repos| repos.groups().delete_members(&permit(), &from, &ids)).await;
        assert_eq!(removed, [ann.id, cy.id]);
        assert_eq!(members(&db, &devs).await, [bob.id]);
    }

    async fn groups_change_and_end(db) {
        let World { acme, ann, .. } = world(&db).await;
        let devs = group(&acme, "devs");
        insert(&db, &[&devs]).await;
        join(&db, &devs, &[ann.id]).await;
        let new = Group {
            name: "Devs".parse().unwrap(),
            display_name: DisplayName::default(),
            avatar_url: String::new(),
            quota_allowance: i32::MAX,
            updated_at: NOW + Duration::DAY,
            ..devs.clone()
        };
        let (change, missing) = (new.clone(), Group { id: id(), ..devs.clone() });
        let changed = db
            .write(move |repos| {
                Ok([repos.groups().update(&permit(), &change)?, repos.groups().update(&permit(), &missing)?])
            })
            .await;
        assert_eq!(changed, [true, false]);
        let id = devs.id;
        assert_eq!(db.read(move |repos| repos.groups().find(id)).await.unwrap().group, new);
        assert!(db.write(move |repos| repos.groups().delete(&permit(), id)).await);
        assert!(!db.write(move |repos| repos.groups().delete(&permit(), id)).await, "twice");
        assert_eq!(db.rows("group_members"), 0);
    }

    async fn nobody_stays_in_a_group_who_leaves_the_organization(db) {
        let World { acme, zoo, ann, bob, .. } = world(&db).await;
        let (devs, zebras) = (group(&acme, "devs"), group(&zoo, "zebras"));
        insert(&db, &[&devs, &zebras]).await;
        join(&db, &devs, &[ann.id, bob.id]).await;
        join(&db, &zebras, &[bob.id]).await;
        db.execute(&format!("DELETE FROM organization_members WHERE user_id = {} AND organization_id = {}",
            literal(&db, bob.id.0), literal(&db, acme.id.0)));
        assert_eq!((members(&db, &devs).await, members(&db, &zebras).await), (vec![ann.id], vec![bob.id]));
    }

    async fn who_is_removed_from_the_organization_meanwhile_is_not_added(db) {
        let World { acme, ann, .. } = world(&db).await;
        let devs = group(&acme, "devs");
        insert(&db, &[&devs]).await;
        let db = Arc::new(db);
        let remove = format!("DELETE FROM organization_members WHERE user_id = {}", literal(&db, ann.id.0));
        let (group, other) = (devs.clone(), Arc::clone(&db));
        // Ann is found to be a member, then she is removed, then she is added.
        let removal = db
            .write(move |repos| {
                let held = repos.groups().members_for_key_share(group.organization_id, &[ann.id])?;
                assert_eq!(held, [ann.id]);
                let watched = Arc::clone(&other);
                let removal = std::thread::spawn(move || other.execute(&remove));
                while watched.is_postgres() && watched.number(WAITING) == 0 {
                    std::thread::yield_now();
                }
                assert_eq!(repos.groups().insert_members(&permit(), &group, &[ann.id])?, 1);
                Ok(removal)
            })
            .await;
        removal.join().unwrap();
        assert_eq!(db.number("SELECT count(*) FROM group_members"), 0);
        assert_eq!(members(&db, &Group::everyone(&acme)).await.len(), 2);
    }

    async fn fifty_thousand_members_come_in_pages(db) {
        let World { acme, .. } = world(&db).await;
        let devs = group(&acme, "devs");
        insert(&db, &[&devs]).await;
        crowd(&db, &acme, Some(&devs), 50_000);
        for (group, total) in [(devs, 50_000), (Group::everyone(&acme), 50_003)] {
            let groups = [group];
            let (count, pages, seen) = db
                .read(move |repos| {
                    let count = repos.groups().count_members(&groups)?[0].1;
                    let (mut pages, mut seen, mut after) = (0, Vec::new(), None);
                    loop {
                        let page = repos.groups().list_members(&groups, &MemberScope::All, after, 1000)?;
                        assert!(page.len() <= 1000);
                        pages += 1;
                        let Some(last) = page.last() else { break };
                        after = Some((last.group_id, last.user.id));
                        seen.extend(page.iter().map(|member| member.user.id));
                    }
                    Ok((count, pages, seen))
                })
                .await;
            assert_eq!((count, seen.len()), (total, usize::try_from(total).unwrap()));
            assert!(seen.is_sorted_by(|a, b| a < b), "each once");
            assert!((51..=52).contains(&pages), "{pages}");
        }
    }
}

/// Statements that wait for a lock.
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A UUID in SQL.
pub(crate) fn literal(db: &Fixture, id: Uuid) -> String {
    if db.is_postgres() { format!("'{id}'::uuid") } else { format!("x'{}'", id.simple()) }
}

/// Puts so many users into the organization and the group, past the store, with statistics that say so.
pub(crate) fn crowd(db: &Fixture, organization: &Organization, group: Option<&Group>, size: u32) {
    let organization = literal(db, organization.id.0);
    let (series, id) = if db.is_postgres() {
        (format!("generate_series(1, {size}) AS s(n)"), "gen_random_uuid()")
    } else {
        let series = format!(
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {size}) SELECT n FROM s)"
        );
        (series, "randomblob(16)")
    };
    let text = if db.is_postgres() {
        "'member' || md5(n::text || random()::text)"
    } else {
        "'member' || lower(hex(randomblob(16)))"
    };
    db.execute(&format!(
        "INSERT INTO users SELECT {id}, {text}, {text}, {text}, {text}, '', '', NULL, 'active', 'password', '[]', \
           u.created_at, u.created_at, NULL, u.is_system, u.is_system, '', '' \
           FROM {series}, (SELECT created_at, is_system FROM users WHERE username_key = 'ann') u; \
         INSERT INTO organization_members SELECT {organization}, id, '[]', created_at, created_at FROM users \
           WHERE username_key LIKE 'member%';"
    ));
    if let Some(group) = group {
        db.execute(&format!(
            "INSERT INTO group_members SELECT {}, id, {organization} FROM users WHERE username_key LIKE 'member%';",
            literal(db, group.id.0)
        ));
    }
    db.execute("ANALYZE");
}

/// Groups and users, read in pages of this size.
async fn pages(db: &Fixture, groups: &[Group], limit: u32) -> Vec<(GroupId, UserId)> {
    let groups = groups.to_vec();
    db.read(move |repos| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = repos.groups().list_members(&groups, &MemberScope::All, after, limit)?;
            assert!(page.len() <= usize::try_from(limit).unwrap());
            all.extend(page.iter().map(|member| (member.group_id, member.user.id)));
            after = all.last().copied();
            if page.is_empty() {
                return Ok(all);
            }
        }
    })
    .await
}
