//! Groups within groups, and those who look after their members.

use crate::groups::{World, everything, group, insert, join, world};
use crate::support::*;
use doorward_domain::groups::{Group, GroupFilter, NESTED_DEEP, NestingError};
use doorward_domain::ids::{GroupId, UserId};
use doorward_domain::organizations::Organization;
use doorward_domain::page::Page;
use doorward_domain::users::{User, UserFilter};
use doorward_ports::groups::{GroupPage, MemberScope};
use doorward_ports::{Repositories, StoreError};

type Nested = Result<bool, NestingError>;

async fn nest(db: &Fixture, parent: &Group, child: &Group) -> Nested {
    let (parent, child) = (parent.clone(), child.clone());
    db.write(move |repos| repos.groups().nest(&permit(), &parent, &child)).await
}

async fn part(db: &Fixture, parent: &Group, child: &Group) -> bool {
    let (parent, child) = (parent.clone(), child.id);
    db.write(move |repos| repos.groups().part(&permit(), &parent, child)).await
}

async fn leave(db: &Fixture, group: &Group, users: &[UserId]) -> Vec<UserId> {
    let (group, users) = (group.clone(), users.to_vec());
    db.write(move |repos| repos.groups().delete_members(&permit(), &group, &users)).await
}

async fn listed(db: &Fixture, group: &Group, scope: MemberScope) -> Vec<UserId> {
    let group = group.clone();
    let found =
        db.read(move |repos| repos.groups().list_members(std::slice::from_ref(&group), &scope, None, 100)).await;
    found.into_iter().map(|member| member.user.id).collect()
}

async fn members(db: &Fixture, group: &Group) -> Vec<UserId> {
    listed(db, group, MemberScope::All).await
}

/// Whether who is in which group, and how many there are, is what the memberships and the nestings say, counted anew.
fn check(db: &Fixture, when: &str) {
    let real = "WITH RECURSIVE inside(inner_id, outer_id) AS (SELECT id, id FROM groups UNION \
                SELECT i.inner_id, n.parent_id FROM inside i JOIN group_nestings n ON n.child_id = i.outer_id) \
                SELECT i.outer_id, m.user_id, m.organization_id, count(*) FROM inside i JOIN group_members m \
                ON m.group_id = i.inner_id GROUP BY i.outer_id, m.user_id, m.organization_id";
    let kept = "SELECT group_id, user_id, organization_id, sources FROM effective_members";
    for (one, other, what) in [(real, kept, "missing"), (kept, real, "left over")] {
        let differing =
            db.number(&format!("SELECT count(*) FROM (SELECT * FROM ({one}) a EXCEPT SELECT * FROM ({other}) b) c"));
        assert_eq!(differing, 0, "{what} {when}");
    }
    let counted = "SELECT e.group_id FROM effective_members e JOIN users u ON u.id = e.user_id WHERE NOT u.deleted AND NOT u.is_system";
    let explicit = "group_id NOT IN (SELECT organization_id FROM groups)";
    let noted = if db.is_postgres() {
        format!(
            "(SELECT coalesce(sum(members), 0) FROM member_counts WHERE {explicit}) \
                 + (SELECT coalesce(sum(change), 0) FROM member_changes WHERE {explicit})"
        )
    } else {
        format!("(SELECT coalesce(sum(members), 0) FROM member_counts WHERE {explicit})")
    };
    let (real, noted) = (format!("SELECT count(*) FROM ({counted}) c"), format!("SELECT CAST({noted} AS bigint)"));
    assert_eq!(db.number(&noted), db.number(&real), "counts {when}");
}

/// Groups of one organization.
async fn groups(db: &Fixture, place: &Organization, names: &[&str]) -> Vec<Group> {
    let groups: Vec<Group> = names.iter().map(|name| group(place, name)).collect();
    insert(db, &groups.iter().collect::<Vec<_>>()).await;
    groups
}

contract! {
    async fn who_is_in_a_group_is_in_all_in_which_it_lies_and_is_told_once(db) {
        let World { acme, ann, bob, cy, .. } = world(&db).await;
        let made = groups(&db, &acme, &["all", "devs", "ops"]).await;
        let [all, devs, ops] = [0, 1, 2].map(|n: usize| made[n].clone());
        join(&db, &devs, &[ann.id, bob.id]).await;
        join(&db, &ops, &[bob.id, cy.id]).await;
        join(&db, &all, &[cy.id]).await;
        assert_eq!(nest(&db, &devs, &ops).await, Ok(true));
        assert_eq!(nest(&db, &all, &devs).await, Ok(true));
        assert_eq!(nest(&db, &all, &devs).await, Ok(false), "it is there already");
        let everybody = [ann.id, bob.id, cy.id];
        assert_eq!(members(&db, &all).await, everybody);
        assert_eq!(listed(&db, &all, MemberScope::Direct).await, [cy.id]);
        assert_eq!(members(&db, &devs).await, everybody);
        assert_eq!(members(&db, &ops).await, [bob.id, cy.id]);
        let (a, b, c) = (all.clone(), ann.id, [all.clone(), devs.clone(), ops.clone()]);
        let (page, mine, held, direct, counts, put_in, budget, nested, only) = db.read(move |repos| {
            let filter = GroupFilter { has_member: Some(b), ..GroupFilter::default() };
            let listed = repos.groups().list(&filter, &everything(), &GroupPage::default())?;
            let mut counts = repos.groups().count_members(&c)?;
            let mut put_in = repos.groups().count_direct_members(&c)?;
            counts.sort_unstable();
            put_in.sort_unstable();
            Ok((
                repos.groups().page_members(&a, &UserFilter::default(), &MemberScope::All, Page::default())?,
                listed.into_iter().map(|found| found.group.name.to_string()).collect::<Vec<_>>(),
                repos.users().list_group_ids_of(&[b])?,
                repos.users().list_group_ids(b)?,
                counts,
                put_in,
                repos.quotas().budget(b, a.organization_id)?,
                repos.groups().list_nested(a.id)?,
                repos.groups().members_by_nesting(a.id, &[b, everybody[2]])?,
            ))
        }).await;
        assert_eq!((page.users.len(), page.count), (3, 3));
        assert_eq!(mine, ["all", "devs", "Everyone"]);
        assert_eq!(held, [(ann.id, all.id), (ann.id, devs.id)]);
        assert_eq!(direct, [devs.id], "what sign-ins may change is what was put in");
        assert_eq!(counts, [(all.id, 3), (devs.id, 3), (ops.id, 2)]);
        assert_eq!(put_in, [(all.id, 1), (devs.id, 2), (ops.id, 2)]);
        assert_eq!(budget, -10, "the allowances of both");
        assert_eq!(nested.into_iter().map(|found| found.group).collect::<Vec<_>>(), std::slice::from_ref(&devs));
        assert_eq!(only, [ann.id], "cy was put in too");
        check(&db, "nested");

        assert_eq!(leave(&db, &ops, &[bob.id]).await, [bob.id]);
        assert_eq!(members(&db, &devs).await, everybody, "bob was put into both");
        assert_eq!(leave(&db, &all, &[ann.id]).await, [], "ann was not put in");
        assert!(part(&db, &all, &devs).await);
        assert!(!part(&db, &all, &devs).await);
        assert!(!part(&db, &all, &ops).await, "it never lay directly there");
        assert_eq!(members(&db, &all).await, [cy.id]);
        check(&db, "parted");
    }

    async fn a_circle_is_refused_and_so_is_what_is_too_deep_or_of_elsewhere(db) {
        let World { acme, zoo, .. } = world(&db).await;
        let names: Vec<String> = (0..=NESTED_DEEP + 1).map(|n| format!("g{n}")).collect();
        let chain = groups(&db, &acme, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        for pair in chain[..=NESTED_DEEP].windows(2) {
            assert_eq!(nest(&db, &pair[0], &pair[1]).await, Ok(true));
        }
        assert_eq!(nest(&db, &chain[NESTED_DEEP], &chain[NESTED_DEEP + 1]).await, Err(NestingError::TooDeep));
        assert_eq!(nest(&db, &chain[NESTED_DEEP], &chain[0]).await, Err(NestingError::Circle));
        assert_eq!(nest(&db, &chain[0], &chain[0]).await, Err(NestingError::Itself));
        assert_eq!(nest(&db, &Group::everyone(&acme), &chain[0]).await, Err(NestingError::Everyone));
        assert_eq!(nest(&db, &chain[0], &Group::everyone(&acme)).await, Err(NestingError::Everyone));
        let other = groups(&db, &zoo, &["other"]).await;
        assert_eq!(nest(&db, &chain[0], &other[0]).await, Err(NestingError::OtherOrganization));
        assert_eq!(db.rows("group_nestings"), i64::try_from(NESTED_DEEP).unwrap());
        assert_eq!(db.rows("group_ancestors"), i64::try_from(NESTED_DEEP * (NESTED_DEEP + 1) / 2).unwrap());
    }

    async fn a_group_that_is_deleted_leaves_nobody_behind(db) {
        let World { acme, ann, bob, .. } = world(&db).await;
        let made = groups(&db, &acme, &["outer", "middle", "inner"]).await;
        join(&db, &made[1], &[ann.id]).await;
        join(&db, &made[2], &[bob.id]).await;
        nest(&db, &made[0], &made[1]).await.unwrap();
        nest(&db, &made[1], &made[2]).await.unwrap();
        let middle = made[1].id;
        assert!(db.write(move |repos| repos.groups().delete(&permit(), middle)).await);
        assert_eq!(members(&db, &made[0]).await, []);
        assert_eq!(members(&db, &made[2]).await, [bob.id]);
        assert_eq!((db.rows("group_nestings"), db.rows("group_ancestors"), db.rows("effective_members")), (0, 0, 1));
        check(&db, "deleted");
        // Who leaves the organization leaves all.
        nest(&db, &made[0], &made[2]).await.unwrap();
        let (place, user) = (acme.id, bob.id);
        assert!(db.write(move |repos| repos.members().delete(&permit(), place, user)).await);
        assert_eq!(db.rows("effective_members"), 0);
        check(&db, "left");
    }

    async fn of_two_who_make_a_circle_together_one_is_refused(db) {
        let World { acme, ann, .. } = world(&db).await;
        for round in 0..12 {
            let names = ["a", "b", "c", "d"].map(|name| format!("{name}{round}"));
            let made = groups(&db, &acme, &names.each_ref().map(String::as_str)).await;
            join(&db, &made[0], &[ann.id]).await;
            nest(&db, &made[0], &made[1]).await.unwrap();
            nest(&db, &made[2], &made[3]).await.unwrap();
            let turn = |parent: usize, child: usize| {
                let (parent, child) = (made[parent].clone(), made[child].clone());
                db.store.write(move |repos: &mut dyn Repositories| repos.groups().nest(&permit(), &parent, &child))
            };
            let (one, two): (Result<Nested, StoreError>, Result<Nested, StoreError>) = tokio::join!(turn(1, 2), turn(3, 0));
            let both = [one.unwrap(), two.unwrap()];
            assert!(both.contains(&Ok(true)) && both.contains(&Err(NestingError::Circle)), "{both:?}");
            check(&db, "after a race");
        }
    }

    async fn who_joins_or_leaves_while_groups_are_nested_is_overlooked_by_nobody(db) {
        let World { acme, ann, bob, .. } = world(&db).await;
        for round in 0..12 {
            let names = ["outer", "middle", "inner"].map(|name| format!("{name}{round}"));
            let made = groups(&db, &acme, &names.each_ref().map(String::as_str)).await;
            let [outer, middle, inner] = [0, 1, 2].map(|n: usize| made[n].clone());
            join(&db, &inner, &[bob.id]).await;
            nest(&db, &middle, &inner).await.unwrap();
            if round % 2 == 1 {
                nest(&db, &outer, &middle).await.unwrap();
            }
            let (here, there) = (inner.clone(), inner.clone());
            let (joined, left, moved) = tokio::join!(
                db.store.write(move |repos: &mut dyn Repositories| -> Result<usize, StoreError> {
                    repos.groups().insert_memberships(&permit(), ann.id, &[here.id])
                }),
                db.store.write(move |repos: &mut dyn Repositories| -> Result<Vec<UserId>, StoreError> {
                    repos.groups().delete_members(&permit(), &there, &[bob.id])
                }),
                db.store.write(move |repos: &mut dyn Repositories| -> Result<bool, StoreError> {
                    if round % 2 == 1 {
                        repos.groups().part(&permit(), &outer, middle.id)
                    } else {
                        Ok(repos.groups().nest(&permit(), &outer, &middle)? == Ok(true))
                    }
                }),
            );
            assert_eq!((joined.unwrap(), left.unwrap(), moved.unwrap()), (1, vec![bob.id], true));
            check(&db, &format!("after round {round}"));
        }
    }

    async fn whatever_happens_who_is_in_a_group_is_right(db) {
        let place = organization("acme");
        let users: Vec<User> = (0..8).map(|n| User { is_system: n == 7, ..user(&format!("user-{n}")) }).collect();
        let (p, u) = (place.clone(), users.clone());
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &p)?;
            u.iter().try_for_each(|user| repos.users().insert(&permit(), user))
        }).await;
        let made = groups(&db, &place, &["a", "b", "c", "d", "e", "f"]).await;
        let mut seed = 7_u64;
        let mut roll = |sides: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % sides
        };
        let (mut nested, mut refused) = (0, 0);
        for round in 0..240 {
            let (one, other, user) = (made[roll(6)].clone(), made[roll(6)].clone(), users[roll(8)].id);
            match roll(10) {
                0..3 => {
                    let place = place.id;
                    let _: Result<(), StoreError> = db.store.write(move |repos| {
                        if repos.groups().members_for_key_share(place, &[user])?.is_empty() {
                            repos.organizations().insert_member(&permit(), &membership(place, user))?;
                        }
                        repos.groups().insert_members(&permit(), &one, &[user]).map(drop)
                    }).await;
                }
                3 => drop(leave(&db, &one, &[user]).await),
                4..7 => match nest(&db, &one, &other).await {
                    Ok(_) => nested += 1,
                    Err(_) => refused += 1,
                },
                7 => drop(part(&db, &one, &other).await),
                8 => {
                    db.write(move |repos| {
                        repos.groups().delete(&permit(), one.id)?;
                        repos.groups().insert(&permit(), &one)
                    }).await;
                }
                _ => {
                    let place = place.id;
                    db.write(move |repos| repos.members().delete(&permit(), place, user)).await;
                }
            }
            if round % 10 == 9 {
                check(&db, &format!("in round {round}"));
            }
        }
        assert!(nested > 20 && refused > 5, "{nested} {refused}");
        assert!(db.rows("effective_members") > db.rows("group_members"), "some are in by nesting");
        db.execute("UPDATE users SET deleted = NOT deleted WHERE username_key < 'user-4'");
        check(&db, "with deleted users");
    }

    async fn a_manager_is_one_as_long_as_a_member_of_the_organization(db) {
        let World { acme, ann, bob, .. } = world(&db).await;
        let devs = groups(&db, &acme, &["devs"]).await.remove(0);
        let (one, two, group, place) = (bob.id, ann.id, devs.clone(), acme.id);
        let (made, again, managers, is_one, elsewhere, ended, twice) = db.write(move |repos| {
            let made = repos.groups().insert_manager(&permit(), &group, one)?;
            repos.groups().insert_manager(&permit(), &group, two)?;
            let again = repos.groups().insert_manager(&permit(), &group, one)?;
            let managers = repos.groups().list_managers(group.id)?;
            let is_one = repos.groups().is_manager(group.id, one)?;
            let elsewhere = repos.groups().is_manager(GroupId::NIL, one)?;
            let ended = repos.groups().delete_manager(&permit(), &group, two)?;
            Ok((made, again, managers, is_one, elsewhere, ended, repos.groups().delete_manager(&permit(), &group, two)?))
        }).await;
        assert_eq!((made, again, is_one, elsewhere, ended, twice), (true, false, true, false, true, false));
        assert_eq!(managers.into_iter().map(|user| user.id).collect::<Vec<_>>(), [ann.id, bob.id], "by name");
        assert!(members(&db, &devs).await.is_empty(), "managers are no members");
        // A manager who is no member sees the group in lists.
        let visible = doorward_domain::roles::Subject::for_user(bob.id.0).membership(acme.id.0, [""; 0])
            .scope(doorward_domain::roles::Scope::all()).build()
            .list_filter(doorward_domain::roles::Action::Read, doorward_domain::roles::ResourceType::Group);
        let shown = visible.clone();
        let mine = db.read(move |repos| repos.groups().list(&GroupFilter::default(), &shown, &GroupPage::default())).await;
        assert_eq!(mine.into_iter().map(|found| found.group.name.to_string()).collect::<Vec<_>>(), ["devs", "Everyone"]);
        assert!(db.write(move |repos| repos.members().delete(&permit(), place, one)).await);
        assert_eq!(db.rows("group_managers"), 0);
    }
}
