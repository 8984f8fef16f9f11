//! What directories have stored of groups.

use crate::support::*;
use doorward_domain::groups::Group;
use doorward_domain::ids::GroupId;
use doorward_domain::scim::{GroupRecord, Lookup};
use doorward_domain::users::User;
use doorward_ports::{Conflict, Repositories, StoreError};
use time::Duration;

/// What a directory says of a group.
pub(crate) fn scim_group_record(display_name: &str, external_id: Option<&str>) -> GroupRecord {
    GroupRecord {
        display_name: display_name.to_owned(),
        external_id: external_id.map(str::to_owned),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

/// Ann and Bob in an organization with two groups, of which the directory has made the first, in which Ann is.
async fn two(db: &Fixture) -> (Vec<User>, Group, Group) {
    let (acme, users) = populate(db, &["ann", "bob"]).await;
    let (devs, ops) = (group(acme.id, "devs", 0), group(acme.id, "ops", 0));
    let (ann, made) = (users[0].id, (devs.clone(), ops.clone()));
    db.write(move |repos| {
        repos.groups().insert(&permit(), &devs)?;
        repos.groups().insert(&permit(), &ops)?;
        repos.groups().insert_members(&permit(), &devs, &[ann])?;
        repos.groups().insert_members(&permit(), &ops, &[ann])?;
        repos.scim().store_group(&permit(), None, &devs, &scim_group_record("The Devs", Some("00gD")))
    })
    .await;
    (users, made.0, made.1)
}

fn found(repos: &mut dyn Repositories, lookup: &Lookup) -> Result<Vec<GroupId>, StoreError> {
    Ok(repos.scim().find_groups(None, lookup, 9)?.into_iter().map(|found| found.group.id).collect())
}

contract! {
    async fn a_group_is_found_by_all_that_an_index_knows(db) {
        let (users, devs, ops) = two(&db).await;
        let (ann, bob) = (users[0].id, users[1].id);
        db.read(move |repos| {
            let none = Lookup::default;
            for (lookup, expected) in [
                (Lookup { display_names: vec!["the devs".to_owned()], ..none() }, vec![devs.id]),
                (Lookup { display_names: vec!["ops".to_owned()], ..none() }, vec![]),
                (Lookup { display_name_prefixes: vec!["the".to_owned()], ..none() }, vec![devs.id]),
                (Lookup { display_name_prefixes: vec!["th\u{10ffff}".to_owned(), "ops".to_owned()], ..none() }, vec![]),
                (Lookup { modified_since: Some(NOW), ..none() }, vec![devs.id]),
                (Lookup { modified_since: Some(NOW + Duration::SECOND), ..none() }, vec![]),
                (Lookup { external_ids: vec!["00gD".to_owned()], ..none() }, vec![devs.id]),
                (Lookup { external_ids: vec!["00gd".to_owned()], ..none() }, vec![]),
                (Lookup { ids: vec![devs.id.0, ops.id.0], ..none() }, vec![devs.id]),
                (Lookup { members: vec![ann.0, bob.0], ..none() }, vec![devs.id]),
                (Lookup { members: vec![bob.0], ..none() }, vec![]),
                (none(), vec![]),
            ] {
                assert_eq!(found(repos, &lookup)?, expected, "{lookup:?}");
            }
            let one = repos.scim().find_group(None, devs.id)?.unwrap();
            assert_eq!((one.record, one.group.name), (scim_group_record("The Devs", Some("00gD")), devs.name));
            assert_eq!(repos.scim().find_group(None, ops.id)?, None, "others have made it");
            assert_eq!(repos.scim().find_group(Some(devs.organization_id), devs.id)?, None);
            let all = repos.scim().list_groups(None, None, 0, 9)?;
            assert_eq!((all.len(), all[0].group.id, repos.scim().count_groups(None)?), (1, devs.id, 1));
            assert_eq!(repos.scim().list_groups(None, Some(devs.id), 0, 9)?, vec![]);
            assert_eq!(repos.scim().list_groups(None, None, 1, 9)?, vec![]);
            let mine = repos.scim().list_user_groups(None, &[ann, bob])?;
            assert_eq!(mine.len(), 1);
            assert_eq!((mine[0].user_id, mine[0].group_id, mine[0].display_name.as_str()), (ann, devs.id, "The Devs"));
            assert_eq!(repos.scim().list_user_groups(None, &[])?, vec![]);
            assert_eq!(repos.scim().members_among(devs.id, &[bob, ann])?, vec![ann]);
            assert_eq!(repos.scim().members_among(devs.id, &[])?, vec![]);
            let among = repos.scim().list_members_among(&[ops.id, devs.id], &[bob, ann])?;
            let mut both = [devs.id, ops.id];
            both.sort();
            assert!(among.iter().map(|member| (member.group_id, member.user.id)).eq(both.map(|group| (group, ann))));
            assert_eq!(repos.scim().list_members_among(&[devs.id], &[bob])?, vec![]);
            assert_eq!(repos.scim().list_members_among(&[devs.id], &[])?, vec![]);
            assert_eq!(repos.scim().list_members_among(&[], &[ann])?, vec![]);
            Ok(())
        })
        .await;
    }

    async fn names_and_external_ids_of_groups_are_unique_in_a_directory(db) {
        let (_, devs, ops) = two(&db).await;
        for (record, rule) in [
            (scim_group_record("the DEVS", None), Conflict::ScimDisplayName),
            (scim_group_record("Ops", Some("00gD")), Conflict::ScimExternalId),
        ] {
            let ops = ops.clone();
            let refused = db.refused(move |repos| repos.scim().store_group(&permit(), None, &ops, &record)).await;
            assert!(matches!(refused, StoreError::Conflict(broken) if broken == rule), "{refused:?}");
        }
        let place = ops.organization_id;
        db.write(move |repos| {
            repos.scim().store_group(&permit(), Some(place), &ops, &scim_group_record("The Devs", Some("00gD")))?;
            let renamed = GroupRecord { version: 2, ..scim_group_record("Developers", None) };
            repos.scim().store_group(&permit(), None, &devs, &renamed)?;
            assert_eq!(repos.scim().find_group(None, devs.id)?.unwrap().record, renamed);
            repos.scim().store_group(&permit(), None, &ops, &scim_group_record("The Devs", Some("00gD")))
        })
        .await;
    }

    async fn whoever_comes_or_goes_counts_the_version_up(db) {
        let (users, devs, ops) = two(&db).await;
        let (ann, bob) = (users[0].id, users[1].id);
        db.write(move |repos| {
            let version = |repos: &mut dyn Repositories| -> Result<i64, StoreError> {
                Ok(repos.scim().find_group(None, devs.id)?.unwrap().record.version)
            };
            let first = version(repos)?;
            repos.groups().insert_members(&permit(), &devs, &[bob])?;
            let second = version(repos)?;
            repos.groups().delete_members(&permit(), &devs, &[bob])?;
            let third = version(repos)?;
            assert!(first < second && second < third, "{first} {second} {third}");
            // Who is none, and members of other groups, change nothing.
            repos.groups().delete_members(&permit(), &devs, &[bob])?;
            repos.groups().delete_members(&permit(), &ops, &[ann])?;
            assert_eq!(version(repos)?, third);
            // Nobody says that a deleted user is a member no more.
            assert!(repos.users().delete(&permit(), ann, NOW)?);
            assert!(version(repos)? > third);
            Ok(())
        })
        .await;
    }

    async fn a_deleted_group_leaves_nothing(db) {
        let (_, devs, _) = two(&db).await;
        db.write(move |repos| {
            assert!(repos.groups().delete(&permit(), devs.id)?);
            assert_eq!(repos.scim().find_group(None, devs.id)?, None);
            Ok(())
        })
        .await;
        assert_eq!(db.rows("scim_groups"), 0);
    }
}
