//! What syncs with identity providers read and write at once.

use crate::support::*;
use crate::user_links::user_link;
use doorward_domain::groups::{Group, GroupSource};
use doorward_domain::idp_sync::{GroupSync, RoleSync, SyncOutcome, SyncRecord};
use doorward_domain::ids::{GroupId, OrganizationId, UserId};
use doorward_domain::organizations::Organization;
use doorward_domain::runtime_settings::RuntimeSetting as _;
use doorward_domain::user_links::UserLink;
use doorward_domain::users::{LoginType, User, UserStatus};
use doorward_ports::runtime_settings::SettingChange;
use doorward_ports::{Repositories, StoreError};
use serde_json::json;
use std::collections::BTreeSet;
use time::Duration;

pub(crate) fn sync_record(user_id: UserId) -> SyncRecord {
    SyncRecord {
        id: id(),
        user_id,
        time: NOW,
        provider: "corp".to_owned(),
        outcome: SyncOutcome::Changed,
        document: r#"{"gained": []}"#.to_owned(),
    }
}

/// A user who is a member of these organizations, which are made.
fn member_of(repos: &mut dyn Repositories, user: &User, places: &[Organization]) -> Result<(), StoreError> {
    repos.users().insert(&permit(), user)?;
    for place in places {
        repos.organizations().insert(&permit(), place)?;
        repos.organizations().insert_member(&permit(), &membership(place.id, user.id))?;
    }
    Ok(())
}

fn roles_of(repos: &mut dyn Repositories, user: UserId) -> Result<Vec<(OrganizationId, Vec<String>)>, StoreError> {
    let found = repos.organizations().list_memberships(user)?;
    Ok(found.into_iter().map(|found| (found.organization_id, found.roles.into_vec())).collect())
}

contract! {
    async fn roles_in_several_organizations_are_replaced_at_once(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let mut places = [organization("one"), organization("two"), organization("three")];
        places.sort_by_key(|place| place.id);
        let ids = places.each_ref().map(|place| place.id);
        let (ann_id, bob_id) = (ann.id, bob.id);
        db.write(move |repos| {
            member_of(repos, &ann, &places)?;
            repos.users().insert(&permit(), &bob)?;
            repos.organizations().insert_member(&permit(), &membership(ids[0], bob.id))?;
            let first = [(ids[1], role_names(&["cook"])), (ids[2], role_names(&["chef"]))];
            assert_eq!(repos.members().update_roles_of(&permit(), ann.id, &first, NOW)?, 2);
            let later = NOW + Duration::HOUR;
            let then = [(ids[0], role_names(&["b", "a\"'"])), (ids[1], role_names(&[])), (id(), role_names(&["x"]))];
            assert_eq!(repos.members().update_roles_of(&permit(), ann.id, &then, later)?, 2);
            assert_eq!(repos.members().update_roles_of(&permit(), ann.id, &[], later)?, 0);
            let changed = repos.organizations().list_memberships(ann.id)?;
            let times: Vec<_> = changed.iter().map(|found| found.updated_at).collect();
            assert_eq!(times, [later, later, NOW]);
            Ok(())
        })
        .await;
        let (of_ann, of_bob) = db.read(move |repos| Ok((roles_of(repos, ann_id)?, roles_of(repos, bob_id)?))).await;
        let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of_ann, [(ids[0], texts(&["a\"'", "b"])), (ids[1], texts(&[])), (ids[2], texts(&["chef"]))]);
        assert_eq!(of_bob, [(ids[0], texts(&["organization-auditor"]))], "nobody else's");
    }

    async fn several_memberships_end_with_groups_and_entries_of_access_lists(db) {
        let (ann, places) = (user("ann"), [organization("one"), organization("two"), organization("three")]);
        let ids = places.each_ref().map(|place| place.id);
        let groups = ids.map(|place| group(place, "devs", 0));
        let group_ids = groups.each_ref().map(|group| group.id);
        let (left, templates) = db
            .write(move |repos| {
                member_of(repos, &ann, &places)?;
                let mut made = Vec::new();
                for (place, group) in places.iter().zip(&groups) {
                    repos.groups().insert(&permit(), group)?;
                    let mut template = template(place.id, ann.id, "dev");
                    template.user_acl = template.user_acl.grant(ann.id.0, doorward_domain::roles::Action::Read);
                    repos.templates().insert(&permit(), &template)?;
                    made.push(template.id);
                }
                assert_eq!(repos.groups().insert_memberships(&permit(), ann.id, &group_ids)?, 3);
                assert_eq!(repos.members().delete_of(&permit(), ann.id, &[ids[0], ids[2], id()])?, 2);
                assert_eq!(repos.members().delete_of(&permit(), ann.id, &[])?, 0);
                let left: Vec<_> = roles_of(repos, ann.id)?.into_iter().map(|(place, _)| place).collect();
                assert_eq!(repos.users().list_group_ids(ann.id)?, [group_ids[1]]);
                let mut lists = Vec::new();
                for template in made {
                    let found = repos.templates().find(template)?.unwrap();
                    lists.push(found.user_acl.iter().count());
                }
                Ok((left, lists))
            })
            .await;
        assert_eq!((left, templates), (vec![ids[1]], vec![0, 1, 0]));
    }

    async fn missing_groups_are_made_and_the_others_stay_as_they_are(db) {
        let (one, two) = (organization("one"), organization("two"));
        let (here, there) = (one.id, two.id);
        let existing = group(here, "devs", 7);
        let kept = existing.clone();
        let (made, found) = db
            .write(move |repos| {
                repos.organizations().insert(&permit(), &one)?;
                repos.organizations().insert(&permit(), &two)?;
                repos.groups().insert(&permit(), &existing)?;
                let of_provider = |place, name| Group { source: GroupSource::Oidc, ..group(place, name, 0) };
                let mut odd = of_provider(there, "x");
                odd.name = doorward_domain::names::GroupName::from_storage("two words \u{e9}".to_owned());
                let wanted = [of_provider(here, "devs"), of_provider(there, "devs"), of_provider(here, "Devs"), odd];
                let made = repos.groups().insert_missing(&permit(), &wanted)?;
                assert_eq!(repos.groups().insert_missing(&permit(), &wanted)?, 0);
                assert_eq!(repos.groups().insert_missing(&permit(), &[])?, 0);
                let names = [(here, "devs"), (here, "Devs"), (there, "two words \u{e9}"), (there, "Devs"), (id(), "devs")];
                let names: Vec<_> = names.into_iter().map(|(place, name)| (place, name.to_owned())).collect();
                assert!(repos.groups().list_by_name(&[])?.is_empty());
                Ok((made, repos.groups().list_by_name(&names)?))
            })
            .await;
        assert_eq!(made, 3);
        let found: BTreeSet<(OrganizationId, String, i32)> = found
            .into_iter()
            .map(|found| (found.group.organization_id, found.group.name.into_string(), found.group.quota_allowance))
            .collect();
        let expected = [(here, "devs", 7), (here, "Devs", 0), (there, "two words \u{e9}", 0)];
        assert_eq!(found, expected.into_iter().map(|(place, name, n)| (place, name.to_owned(), n)).collect());
        assert_eq!(db.read(move |repos| Ok(repos.groups().find(kept.id)?.unwrap().group)).await, kept);
    }

    async fn a_user_enters_and_leaves_several_groups_at_once(db) {
        let (ann, one, two) = (user("ann"), organization("one"), organization("two"));
        let (devs, ops, elsewhere) = (group(one.id, "devs", 0), group(one.id, "ops", 0), group(two.id, "devs", 0));
        let ids = [devs.id, ops.id, elsewhere.id];
        let counted = devs.clone();
        let user_id = ann.id;
        let count = db
            .write(move |repos| {
                member_of(repos, &ann, std::slice::from_ref(&one))?;
                repos.organizations().insert(&permit(), &two)?;
                for group in [&devs, &ops, &elsewhere] {
                    repos.groups().insert(&permit(), group)?;
                }
                let all = [ids[0], ids[1], ids[2], GroupId(one.id.0), id()];
                assert_eq!(repos.groups().insert_memberships(&permit(), ann.id, &[ids[0]])?, 1);
                assert_eq!(repos.groups().insert_memberships(&permit(), ann.id, &all)?, 1, "one is new and possible");
                assert_eq!(repos.groups().insert_memberships(&permit(), ann.id, &[])?, 0);
                let mut mine = repos.users().list_group_ids(ann.id)?;
                mine.sort_unstable();
                let mut expected = [ids[0], ids[1]];
                expected.sort_unstable();
                assert_eq!(mine, expected);
                assert_eq!(repos.groups().delete_memberships(&permit(), ann.id, &[ids[1], ids[2], id()])?, 1);
                repos.groups().count_members(std::slice::from_ref(&counted))
            })
            .await;
        assert_eq!(count, [(ids[0], 1)]);
        assert_eq!(db.read(move |repos| repos.users().list_group_ids(user_id)).await, [ids[0]]);
    }

    async fn settings_of_several_organizations_come_at_once(db) {
        let ids: [OrganizationId; 3] = [id(), id(), id()];
        let found = db
            .write(move |repos| {
                for place in ids {
                    let roles = RoleSync { field: place.to_string(), mapping: None };
                    repos.runtime_settings().update(&SettingChange::new(&permit_in(Some(place)), &roles)?)?;
                }
                let groups = GroupSync { field: "groups".to_owned(), ..GroupSync::default() };
                repos.runtime_settings().update(&SettingChange::new(&permit_in(Some(ids[0])), &groups)?)?;
                repos.runtime_settings().update(&SettingChange::new(&permit_in(None), &groups)?)?;
                let settings = repos.runtime_settings();
                assert!(settings.list(&[], &ids)?.is_empty() && settings.list(&[GroupSync::NAME], &[])?.is_empty());
                settings.list(&[GroupSync::NAME, RoleSync::NAME], &[ids[0], ids[1]])
            })
            .await;
        let found: BTreeSet<(OrganizationId, String)> =
            found.into_iter().map(|setting| (setting.organization, setting.name)).collect();
        let expected = [(ids[0], GroupSync::NAME), (ids[0], RoleSync::NAME), (ids[1], RoleSync::NAME)];
        assert_eq!(found, expected.into_iter().map(|(place, name)| (place, name.to_owned())).collect());
    }

    async fn organizations_that_are_held_are_those_that_are_there(db) {
        let (one, two, gone) = (organization("one"), organization("two"), organization("gone"));
        let ids = [two.id, gone.id, one.id, id()];
        let mut expected = [one.id, two.id];
        expected.sort_unstable();
        let found = db
            .write(move |repos| {
                for place in [&one, &two, &gone] {
                    repos.organizations().insert(&permit(), place)?;
                }
                assert!(repos.organizations().delete(&permit(), gone.id, NOW)?);
                assert!(repos.organizations().list_by_id_for_key_share(&[])?.is_empty());
                repos.organizations().list_by_id_for_key_share(&ids)
            })
            .await;
        assert_eq!(found.iter().map(|place| place.id).collect::<Vec<_>>(), expected);
    }

    async fn the_last_owner_is_told(db) {
        let owner = |name| User { roles: role_names(&["owner"]), ..user(name) };
        let (ann, bob) = (owner("ann"), owner("bob"));
        let member = user("member");
        db.write(move |repos| {
            for user in [&ann, &bob, &member] {
                repos.users().insert(&permit(), user)?;
            }
            let is_last = |repos: &mut dyn Repositories, id| {
                let (plain, held) = (repos.users().is_last_owner(id)?, repos.users().is_last_owner_for_update(id)?);
                assert_eq!(plain, held);
                Ok::<_, StoreError>(plain)
            };
            assert!(!is_last(repos, ann.id)? && !is_last(repos, bob.id)?);
            assert!(repos.users().update_status(&permit(), bob.id, UserStatus::Suspended, NOW)?);
            assert!(is_last(repos, ann.id)? && !is_last(repos, bob.id)? && !is_last(repos, member.id)?);
            assert!(!is_last(repos, id())?);
            Ok(())
        })
        .await;
    }

    async fn the_last_syncs_of_a_user_are_kept_and_go_with_the_user(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let (first, other) = (ann.id, bob.id);
        let kept = db
            .write(move |repos| {
                repos.users().insert(&permit(), &ann)?;
                repos.users().insert(&permit(), &bob)?;
                repos.sync_log().insert(&permit(), &sync_record(bob.id), 3)?;
                for n in 0..5_i64 {
                    let outcome = if n == 4 { SyncOutcome::Refused } else { SyncOutcome::Unchanged };
                    let record = SyncRecord { time: NOW + Duration::minutes(n), outcome, ..sync_record(ann.id) };
                    repos.sync_log().insert(&permit(), &record, 3)?;
                }
                repos.sync_log().list_of_user(ann.id)
            })
            .await;
        let told: Vec<_> = kept.iter().map(|record| ((record.time - NOW).whole_minutes(), record.outcome)).collect();
        assert_eq!(told, [(4, SyncOutcome::Refused), (3, SyncOutcome::Unchanged), (2, SyncOutcome::Unchanged)]);
        assert_eq!(kept[0].document, r#"{"gained": []}"#);
        let left = db
            .write(move |repos| {
                assert!(repos.users().delete(&permit(), first, NOW)?);
                Ok((repos.sync_log().list_of_user(first)?.len(), repos.sync_log().list_of_user(other)?.len()))
            })
            .await;
        assert_eq!(left, (0, 1));
        db.execute("UPDATE sync_log SET outcome = 'odd'");
        let told = db.store.read(move |repos| repos.sync_log().list_of_user(other)).await.unwrap_err().to_string();
        assert!(told.contains("`sync_log`") && told.contains("`outcome`"), "{told}");
    }

    async fn claims_are_those_of_the_last_sign_ins_of_a_place(db) {
        let people = ["ann", "bob", "cid", "dan"].map(user);
        let place = organization("acme");
        let acme = place.id;
        db.write(move |repos| {
            member_of(repos, &people[0], &[place])?;
            for (n, user) in people.iter().enumerate() {
                if n > 0 {
                    repos.users().insert(&permit(), user)?;
                }
                let claims = json!({ "n": n, "long": "x".repeat(if n == 2 { 200 } else { 1 }) });
                let link = UserLink {
                    login_type: if n == 3 { LoginType::Github } else { LoginType::Oidc },
                    claims: claims.as_object().unwrap().clone(),
                    updated_at: NOW + Duration::minutes(i64::try_from(n).unwrap()),
                    ..user_link(user.id, &n.to_string())
                };
                repos.user_links().insert(&permit(), &link)?;
            }
            Ok(())
        })
        .await;
        let list = |place, offset, limit| {
            db.read(move |repos| {
                let page = repos.user_links().list_claims(place, 100, offset, limit)?;
                let found = page.claims.iter().map(|claims| claims.members()["n"].as_u64().unwrap()).collect::<Vec<_>>();
                Ok((found, page.is_full))
            })
        };
        assert_eq!(list(None, 0, 9).await, (vec![1, 0], false));
        assert_eq!(list(None, 0, 2).await, (vec![1], true), "what is too long is left out, and counts");
        assert_eq!(list(None, 2, 2).await, (vec![0], false));
        assert_eq!(list(Some(acme), 0, 9).await, (vec![0], false));
        assert_eq!(list(Some(id()), 0, 9).await, (vec![], false));
    }
}
