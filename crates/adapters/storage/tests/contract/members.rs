use crate::support::*;
use crate::user_links::user_link;
use crate::worlds::{Dice, World};
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::{Blocker, Member, MemberFilter, Membership, Organization};
use doorward_domain::page::Page;
use doorward_domain::roles::{
    Acl, Action, DefaultRoles, ListFilter, Object, ResourceType, Scope, Subject, WORKSPACE_ACCESS,
};
use doorward_domain::templates::Template;
use doorward_domain::user_links::UserLink;
use doorward_domain::users::LoginType;
use doorward_ports::members::MemberPage;
use doorward_ports::{Conflict, StoreError};
use time::Duration;
use uuid::Uuid;

fn everything(resource: ResourceType) -> ListFilter {
    let owner = Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
    owner.list_filter(Action::Read, resource)
}

async fn list(db: &Fixture, place: OrganizationId, visible: ListFilter, page: Page) -> MemberPage {
    db.read(move |repos| repos.members().list(place, &visible, page)).await
}

async fn names(db: &Fixture, place: OrganizationId, page: Page) -> (String, u64) {
    let found = list(db, place, everything(ResourceType::OrganizationMember), page).await;
    (found.members.iter().map(|member| member.user.username.as_str()).collect(), found.count)
}

contract! {
    async fn members_are_searched_by_name_address_and_id(db) {
        let (place, users) = populate(&db, &["anna", "Hanna", "dan"]).await;
        let hanna = users.iter().find(|user| user.username == "Hanna").unwrap().id;
        let link = UserLink { login_type: LoginType::Github, ..user_link(hanna, "7") };
        db.write(move |repos| repos.user_links().insert(&permit(), &link)).await;
        let search = |text: &str| MemberFilter { search: text.to_owned(), ..MemberFilter::default() };
        for (filter, limit, expected, count) in [
            (search("anna"), None, vec!["anna", "Hanna"], 2),
            (search("anna"), Some(1), vec!["anna"], 2),
            (search("dan@"), None, vec!["dan"], 1),
            (search("%"), None, vec![], 0),
            (MemberFilter { user_id: Some(hanna), ..search("") }, None, vec!["Hanna"], 1),
            (MemberFilter { user_id: Some(hanna), ..search("dan") }, None, vec![], 0),
            (MemberFilter { github_user_id: Some(7), ..search("") }, None, vec!["Hanna"], 1),
            (MemberFilter { github_user_id: Some(8), ..search("") }, None, vec![], 0),
        ] {
            let (place, page) = (place.id, Page { limit, ..Page::default() });
            let visible = everything(ResourceType::OrganizationMember);
            let asked = filter.clone();
            let found = db.read(move |repos| repos.members().search(place, &visible, &asked, page)).await;
            let names: Vec<&str> = found.members.iter().map(|member| member.user.username.as_str()).collect();
            assert_eq!((names, found.count), (expected, count), "{filter:?}");
        }
        let subject = Subject::for_user(hanna.0).membership(place.id.0, None::<&str>).scope(Scope::all()).build();
        let own = subject.list_filter(Action::Read, ResourceType::OrganizationMember);
        let found = db.read(move |repos| repos.members().search(place.id, &own, &search("a"), Page::default())).await;
        assert_eq!((found.members.len(), found.count), (1, 1), "of her own only");
    }

    async fn who_holds_a_role_is_found_in_one_organization_or_in_any(db) {
        let (place, users) = populate(&db, &["dan", "Carl", "bea", "gone"]).await;
        let zoo = organization("zoo");
        let (here, there) = (place.id, zoo.id);
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let (dan, carl, bea, gone) = (ids[0], ids[1], ids[2], ids[3]);
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &zoo)?;
            repos.organizations().insert_member(&permit(), &membership(there, bea))?;
            for id in [dan, carl, gone] {
                repos.members().update_roles(&permit(), here, id, &role_names(&["cook", "helper"]), NOW)?;
            }
            repos.members().update_roles(&permit(), there, bea, &role_names(&["cook"]), NOW)?;
            repos.users().delete(&permit(), gone, NOW)
        })
        .await;
        for (organization, roles, limit, expected) in [
            (Some(here), &["cook"][..], 9, vec![carl, dan]),
            (Some(here), &["cook"], 1, vec![carl]),
            (Some(here), &["cook", "helper"], 9, vec![carl, dan]),
            (Some(there), &["cook", "helper"], 9, vec![bea]),
            (None, &["cook"], 9, vec![bea, carl, dan]),
            (None, &["coo"], 9, vec![]),
            (None, &[], 9, vec![]),
            (Some(there), &["helper"], 9, vec![]),
        ] {
            let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
            let found = db.read(move |repos| repos.members().list_holders(organization, &roles, limit)).await;
            assert_eq!(found, expected, "{organization:?} {limit}");
        }
    }

    async fn members_are_listed_by_name_and_in_pages(db) {
        let (place, users) = populate(&db, &["b", "A", "d", "C"]).await;
        let page = |limit, offset| Page { limit, offset, after_id: None };
        for (page, expected) in [
            (page(None, 0), ("AbCd", 4)),
            (page(Some(2), 0), ("Ab", 4)),
            (page(Some(2), 3), ("d", 4)),
            (page(None, 1), ("bCd", 4)),
            (page(Some(2), 4), ("", 4)),
        ] {
            let found = names(&db, place.id, page).await;
            assert_eq!((found.0.as_str(), found.1), expected, "{page:?}");
        }
        assert_eq!(names(&db, OrganizationId::NIL, Page::default()).await, (String::new(), 0));
        let (id, ann) = (place.id, users[1].clone());
        let found = db.read(move |repos| repos.members().find(id, ann.id)).await;
        let expected = Member {
            membership: membership(id, users[1].id),
            user: users[1].clone().into(),
            site_roles: role_names(&["auditor"]),
        };
        assert_eq!(found, Some(expected.clone()));
        let of = expected.membership.user_id;
        assert_eq!(db.write(move |repos| repos.members().find_for_update(id, of)).await, Some(expected));
        assert_eq!(db.write(move |repos| repos.members().find_for_update(id, UserId::NIL)).await, None);
        db.execute("UPDATE users SET deleted = NOT deleted WHERE username = 'A'; UPDATE users SET is_system = NOT is_system WHERE username = 'b'");
        assert_eq!(names(&db, id, Page::default()).await, ("Cd".to_owned(), 2));
        assert_eq!(db.read(move |repos| repos.members().find(id, of)).await, None);
    }

    async fn paging_by_user_goes_on_after_whoever_has_left(db) {
        let (place, users) = populate(&db, &["b", "A", "d", "C", "e"]).await;
        let named = |name: &str| users.iter().find(|user| user.username == name).unwrap().id;
        let (id, left) = (place.id, named("C"));
        db.write(move |repos| repos.members().delete(&permit(), id, left)).await;
        db.execute("UPDATE users SET deleted = NOT deleted WHERE username = 'd'");
        for (after, limit, offset, expected) in [
            (named("A"), None, 0, ("be", 2)),
            (named("A"), Some(1), 0, ("b", 2)),
            (named("A"), Some(1), 1, ("e", 2)),
            (named("b"), None, 0, ("e", 1)),
            (left, None, 0, ("e", 1)),
            (named("d"), None, 0, ("e", 1)),
            (named("e"), None, 0, ("", 0)),
            (UserId::NIL, None, 0, ("", 0)),
        ] {
            let page = Page { limit, offset, after_id: Some(after.0) };
            let found = names(&db, id, page).await;
            assert_eq!((found.0.as_str(), found.1), expected, "{page:?}");
            let (visible, all) = (everything(ResourceType::OrganizationMember), MemberFilter::default());
            let searched = db.read(move |repos| repos.members().search(id, &visible, &all, page)).await;
            assert_eq!((searched.members.len(), searched.count), (expected.0.len(), expected.1), "{page:?}");
        }
    }

    async fn roles_are_replaced_and_members_leave_all_groups(db) {
        let (place, users) = populate(&db, &["ann", "bob"]).await;
        let other = organization("other");
        let (id, ann, bob, elsewhere) = (place.id, users[0].id, users[1].id, other.id);
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &other)?;
            repos.organizations().insert_member(&permit(), &membership(elsewhere, bob))?;
            repos.organizations().insert_member(&permit(), &membership(elsewhere, ann))
        })
        .await;
        for (n, place) in [(1, id), (2, id), (3, elsewhere)] {
            let (group, place) = (db.uuid(Uuid::from_u128(n)), db.uuid(place.0));
            db.execute(&format!(
                "INSERT INTO groups SELECT {group}, {place}, 'g{n}', 'g{n}', '', '', 0, 'user', created_at, updated_at \
                 FROM organizations WHERE id = {place}; \
                 INSERT INTO group_members (group_id, organization_id, user_id) VALUES ({group}, {place}, {}), ({group}, {place}, {})",
                db.uuid(ann.0), db.uuid(bob.0)
            ));
        }
        let roles = role_names(&["x", "organization-admin"]);
        let (given, later) = (roles.clone(), NOW + Duration::HOUR);
        let (done, nobody) = db
            .write(move |repos| {
                let members = repos.members();
                let done = members.update_roles(&permit(), id, ann, &given, later)?;
                Ok((done, members.update_roles(&permit(), id, UserId::NIL, &given, later)?))
            })
            .await;
        let found = db.read(move |repos| repos.members().find(id, ann)).await.unwrap();
        assert_eq!((done, nobody, found.membership.roles, found.membership.updated_at), (true, false, roles, later));

        let (dev, theirs) = (template(id, bob, "dev"), template(elsewhere, bob, "theirs"));
        let (listing, other_listing) = (dev.id, theirs.id);
        let acl = Acl::new().grant_every(ann.0).grant(bob.0, Action::Read);
        db.write(move |repos| {
            repos.templates().insert(&permit(), &Template { user_acl: acl.clone(), ..dev })?;
            repos.templates().insert(&permit(), &Template { user_acl: acl, ..theirs })
        })
        .await;
        let (gone, again) = db
            .write(move |repos| {
                Ok((repos.members().delete(&permit(), id, ann)?, repos.members().delete(&permit(), id, ann)?))
            })
            .await;
        assert_eq!((gone, again), (true, false));
        let left = db.read(move |repos| repos.users().list_group_ids(ann)).await;
        assert_eq!(left, [Uuid::from_u128(3).into()], "those of the other organization");
        assert_eq!(db.rows("group_members"), 4);
        assert_eq!(db.rows("organization_members"), 3);
        // An entry on an access list counts without membership, so it goes too.
        let lists = db
            .read(move |repos| {
                let lists = [repos.templates().find_with_deleted(listing)?, repos.templates().find_with_deleted(other_listing)?];
                Ok(lists.map(|found| found.unwrap().user_acl.iter().map(|(id, _)| id.as_uuid()).collect::<Vec<_>>()))
            })
            .await;
        assert!(lists[0] == [Some(bob.0)] && lists[1].contains(&Some(ann.0)), "{lists:?}");
    }

    async fn organizations_change_and_are_deleted(db) {
        let (place, users) = populate(&db, &["ann", "bob"]).await;
        let other = Organization { is_default: true, ..organization("Other") };
        let (id, ann, default) = (place.id, users[0].id, other.clone());
        db.write(move |repos| repos.organizations().insert(&permit(), &other)).await;
        let changed = Organization {
            name: "ACME".parse().unwrap(),
            display_name: "x".parse().unwrap(),
            description: String::new(),
            icon: "i".to_owned(),
            default_roles: DefaultRoles::new(&["organization-auditor", WORKSPACE_ACCESS]).unwrap(),
            updated_at: NOW + Duration::HOUR,
            ..place
        };
        let (after, nowhere) = (changed.clone(), Organization { id: OrganizationId::NIL, ..changed.clone() });
        let (held, done, none) = db
            .write(move |repos| {
                let organizations = repos.organizations();
                let done = organizations.update(&permit(), &after)?;
                Ok((organizations.find_for_update(after.id)?, done, organizations.update(&permit(), &nowhere)?))
            })
            .await;
        assert_eq!((held, done, none), (Some(changed.clone()), true, false));
        let taken = Organization { name: "OTHER".parse().unwrap(), ..changed.clone() };
        let error = db.refused(move |repos| repos.organizations().update(&permit(), &taken)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::OrganizationName)), "{error:?}");

        let group = db.uuid(Uuid::from_u128(1));
        let key = db.uuid(id.0);
        db.execute(&format!(
            "INSERT INTO groups SELECT {group}, id, 'g', 'g', '', '', 0, 'user', created_at, updated_at FROM organizations \
             WHERE id = {key}; INSERT INTO group_members (group_id, organization_id, user_id) VALUES ({group}, {key}, {})", db.uuid(ann.0)
        ));
        let role = custom("helper", Some(id), &[]);
        db.write(move |repos| repos.roles().insert(&permit(), self::id(), &role, NOW)).await;
        let blockers = db.read(move |repos| repos.organizations().delete_blockers(id)).await;
        assert_eq!(blockers, [Blocker::Members(2), Blocker::Groups(1)]);
        assert_eq!(blockers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2 members", "1 group"]);
        let free = default.id;
        assert!(db.read(move |repos| repos.organizations().delete_blockers(free)).await.is_empty());

        let (gone, again, kept) = db
            .write(move |repos| {
                let organizations = repos.organizations();
                let gone = organizations.delete(&permit(), id, NOW)?;
                let again = organizations.delete(&permit(), id, NOW)?;
                Ok((gone, again, organizations.delete(&permit(), free, NOW)?))
            })
            .await;
        assert_eq!((gone, again, kept), (true, false, false), "the default organization stays");
        for table in ["organization_members", "group_members", "custom_roles"] {
            assert_eq!(db.rows(table), 0, "{table}");
        }
        assert_eq!((db.rows("groups"), db.rows("organizations")), (1, 2));
        let (held, listed) = db
            .write(move |repos| {
                let organizations = repos.organizations();
                Ok((organizations.find_for_update(id)?, organizations.list(&everything(ResourceType::Organization))?))
            })
            .await;
        assert_eq!((held, listed), (None, vec![default]));
        let error = db.refused(move |repos| repos.organizations().insert_member(&permit(), &membership(id, ann))).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::OrganizationDeleted)), "{error:?}");
        let late = custom("late", Some(id), &[]);
        let error = db.refused(move |repos| repos.roles().insert(&permit(), self::id(), &late, NOW)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::OrganizationDeleted)), "{error:?}");
        let reborn = Organization { id: self::id(), ..organization("Acme") };
        db.write(move |repos| repos.organizations().insert(&permit(), &reborn)).await;
    }

    async fn lists_show_what_the_engine_allows_row_by_row(db) {
        let mut dice = Dice::new(100 + u64::from(db.is_postgres()));
        // Worlds share the database: what is of another world must be left out like anything else.
        let mut worlds = Vec::new();
        for n in 0..4 {
            let world = World::random(&mut dice, n);
            world.store(&db).await;
            worlds.push(world);
        }
        let everywhere: Vec<Organization> = worlds.iter().flat_map(World::living).cloned().collect();
        let mut seen = [0_usize; 3];
        for world in &worlds {
            for (n, subject) in world.subjects(&mut dice).into_iter().enumerate() {
                let mut expected: Vec<&Organization> = everywhere.iter().filter(|place| {
                    let object = Object::new(ResourceType::Organization).id(place.id.0).organization(place.id.0);
                    subject.allows(Action::Read, &object)
                }).collect();
                expected.sort_by_key(|place| place.name.key());
                let visible = subject.list_filter(Action::Read, ResourceType::Organization);
                let of = world.users[n / 3 % world.users.len()].id;
                let (found, own) = db
                    .read(move |repos| {
                        let organizations = repos.organizations();
                        Ok((organizations.list(&visible)?, organizations.list_of_user(of, &visible)?))
                    })
                    .await;
                assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{subject:?}");
                let is_own = |place: &&Organization| {
                    world.memberships.iter().any(|member| member.user_id == of && member.organization_id == place.id)
                };
                assert_eq!(own.iter().collect::<Vec<_>>(), expected.into_iter().filter(is_own).collect::<Vec<_>>());
                seen[found.len().min(2)] += 1;

                for place in world.living() {
                    let members = world.memberships.iter().filter(|member| member.organization_id == place.id);
                    let mut expected: Vec<(String, &Membership)> = members.filter_map(|member| {
                        let user = world.users.iter().find(|user| user.id == member.user_id)?;
                        let object = Object::new(ResourceType::OrganizationMember)
                            .id(user.id.0).organization(place.id.0).owner(user.id.0);
                        let shown = !user.deleted && !user.is_system && subject.allows(Action::Read, &object);
                        shown.then(|| (user.username.key(), member))
                    }).collect();
                    expected.sort_by(|left, right| left.0.cmp(&right.0));
                    let visible = subject.list_filter(Action::Read, ResourceType::OrganizationMember);
                    let found = list(&db, place.id, visible.clone(), Page::default()).await;
                    let listed: Vec<&Membership> = found.members.iter().map(|member| &member.membership).collect();
                    let expected: Vec<&Membership> = expected.into_iter().map(|(_, member)| member).collect();
                    assert_eq!((listed, found.count), (expected, found.members.len() as u64), "{subject:?}");
                    let page = Page { limit: Some(2), offset: 1, after_id: None };
                    let part = list(&db, place.id, visible, page).await;
                    let expected: Vec<Member> = found.members.iter().skip(1).take(2).cloned().collect();
                    assert_eq!((part.members, part.count), (expected, found.count));
                    seen[found.members.len().min(2)] += 1;
                }
            }
        }
        assert!(seen.iter().all(|count| *count > 20), "none, one and several: {seen:?}");
    }

    async fn no_role_comes_back_that_is_deleted_while_it_is_given(db) {
        let (place, users) = populate(&db, &["ann", "bob"]).await;
        let (place, users) = (place.id, [users[0].id, users[1].id]);
        for round in 0..12 {
            let role = custom("helper", Some(place), &[]);
            let name = role.name().clone();
            db.write(move |repos| repos.roles().insert(&permit(), id(), &role, NOW)).await;
            let give = |user: UserId| {
                let name = name.clone();
                db.store.write(move |repos| {
                    let kept = repos.roles().find_custom_for_key_share(std::slice::from_ref(&name))?;
                    let Some(member) = repos.members().find_for_update(place, user)? else { return Ok(false) };
                    let mut roles = member.membership.roles;
                    for role in &kept {
                        roles.insert(role.name().name());
                    }
                    repos.members().update_roles(&permit(), place, user, &roles, NOW)
                })
            };
            let taken = name.clone();
            let take = db.store.write(move |repos| {
                repos.roles().find_custom_for_update(&taken)?;
                repos.roles().delete(&permit(), &taken, NOW)
            });
            let (first, gone, second): (Result<bool, StoreError>, Result<bool, StoreError>, Result<bool, StoreError>) =
                tokio::join!(give(users[0]), take, give(users[1]));
            assert_eq!((first.unwrap(), gone.unwrap(), second.unwrap()), (true, true, true), "{round}");
            for user in users {
                let member = db.read(move |repos| repos.members().find(place, user)).await.unwrap();
                assert_eq!(member.membership.roles.as_slice(), ["organization-auditor"], "{round}");
            }
        }
    }

    async fn nobody_joins_an_organization_that_is_being_deleted(db) {
        let ann = user("ann");
        let user = ann.id;
        db.write(move |repos| repos.users().insert(&permit(), &ann)).await;
        for round in 0..12 {
            let place = organization(&format!("place-{round}"));
            let id = place.id;
            db.write(move |repos| repos.organizations().insert(&permit(), &place)).await;
            let join = db.store.write(move |repos| {
                repos.users().find_for_update(user)?;
                repos.organizations().insert_member(&permit(), &membership(id, user))
            });
            let end = db.store.write(move |repos| {
                repos.organizations().find_for_update(id)?;
                repos.organizations().delete(&permit(), id, NOW)
            });
            let (joined, ended): (Result<(), StoreError>, Result<bool, StoreError>) = tokio::join!(join, end);
            assert!(ended.unwrap());
            assert!(matches!(joined, Ok(()) | Err(StoreError::Conflict(Conflict::OrganizationDeleted))), "{joined:?}");
            assert_eq!(db.rows("organization_members"), 0, "{round}: {joined:?}");
        }
    }

    async fn of_two_changes_of_roles_none_is_lost(db) {
        let (place, users) = populate(&db, &["ann"]).await;
        let (place, user) = (place.id, users[0].id);
        let add = |role: &'static str| {
            db.store.write(move |repos| {
                let Some(member) = repos.members().find_for_update(place, user)? else { return Ok(false) };
                let mut roles = member.membership.roles;
                roles.insert(role);
                repos.members().update_roles(&permit(), place, user, &roles, NOW)
            })
        };
        let [a, b, c, d] = ["a", "b", "c", "d"].map(add);
        let (a, b, c, d): (Result<bool, StoreError>, _, _, _) = tokio::join!(a, b, c, d);
        assert!([a, b, c, d].into_iter().all(|result| result.unwrap()));
        let member = db.read(move |repos| repos.members().find(place, user)).await.unwrap();
        assert_eq!(member.membership.roles.as_slice().len(), 1 + 4);
        let remove = db.store.write(move |repos| repos.members().delete(&permit(), place, user));
        let (changed, gone): (Result<bool, StoreError>, Result<bool, StoreError>) =
            tokio::join!(add("late"), remove);
        assert!(changed.is_ok() && gone.unwrap());
        assert_eq!(db.rows("organization_members"), 0, "a member who has left stays away");
    }
}
