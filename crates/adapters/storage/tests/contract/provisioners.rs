//! Provisioner daemons and their keys.

use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::ids::{OrganizationId, ProvisionerDaemonId, ProvisionerKeyId};
use doorward_domain::provisioners::{KEPT, ProvisionerDaemon, ProvisionerKey, ProvisionerType, Tags};
use doorward_ports::provisioners::DaemonFilter;
use doorward_ports::{Conflict, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    Tags::from_storage(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// A key of an organization.
pub(crate) fn provisioner_key(organization_id: OrganizationId, name: &str) -> ProvisionerKey {
    ProvisionerKey {
        id: id(),
        created_at: NOW,
        organization_id,
        name: name.parse().unwrap(),
        digest: Digest::of(random_text()),
        tags: tags(&[("gpu", "\u{e9} yes"), ("", "")]),
    }
}

/// A daemon that came in with a key.
pub(crate) fn provisioner_daemon(
    organization_id: OrganizationId,
    key_id: ProvisionerKeyId,
    name: &str,
) -> ProvisionerDaemon {
    ProvisionerDaemon {
        id: id(),
        organization_id,
        key_id,
        name: name.to_owned(),
        created_at: NOW,
        last_seen_at: NOW,
        version: "v2.24.2".to_owned(),
        api_version: "1.7".to_owned(),
        provisioners: BTreeSet::from([ProvisionerType::Terraform, ProvisionerType::Echo]),
        tags: tags(&[("owner", ""), ("scope", "organization")]),
    }
}

contract! {
    async fn a_key_is_found_by_its_digest_and_deleted_with_its_daemons(db) {
        let (acme, zoo) = (organization("acme"), organization("zoo"));
        let early = ProvisionerKey { created_at: NOW - Duration::HOUR, ..provisioner_key(acme.id, "early") };
        let late = ProvisionerKey { tags: Tags::from_storage(BTreeMap::new()), ..provisioner_key(acme.id, "late") };
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &zoo)?;
            repos.provisioner_keys().insert(&permit(), &late)?;
            repos.provisioner_keys().insert(&permit(), &early)?;
            assert_eq!(repos.provisioner_keys().list(acme.id)?, vec![early.clone(), late.clone()]);
            assert_eq!(repos.provisioner_keys().list(zoo.id)?, vec![]);
            assert_eq!(repos.provisioner_keys().find_by_digest(&early.digest)?, Some(early.clone()));
            assert_eq!(repos.provisioner_keys().find_by_digest(&Digest::of("no"))?, None);

            let mine = provisioner_daemon(acme.id, early.id, "mine");
            let other = provisioner_daemon(acme.id, late.id, "other");
            repos.provisioner_daemons().upsert(&permit(), &mine)?;
            repos.provisioner_daemons().upsert(&permit(), &other)?;
            assert!(!repos.provisioner_keys().delete(&permit(), zoo.id, early.id)?);
            assert!(repos.provisioner_keys().delete(&permit(), acme.id, early.id)?);
            assert!(!repos.provisioner_keys().delete(&permit(), acme.id, early.id)?);
            assert_eq!(repos.provisioner_daemons().list(acme.id, &DaemonFilter::default())?, vec![other]);
            // What is of a deleted organization lets nobody in.
            assert!(repos.organizations().delete(&permit(), acme.id, NOW)?);
            assert_eq!(repos.provisioner_keys().find_by_digest(&late.digest)?, None);
            Ok(())
        })
        .await;
    }

    async fn names_of_keys_are_unique_in_their_organization(db) {
        let (acme, zoo) = (organization("acme"), organization("zoo"));
        let (one, other) = (provisioner_key(acme.id, "one"), provisioner_key(acme.id, "one"));
        let (elsewhere, same) = (provisioner_key(zoo.id, "one"), provisioner_key(zoo.id, "two"));
        let same = ProvisionerKey { digest: one.digest, ..same };
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &zoo)?;
            repos.provisioner_keys().insert(&permit(), &one)?;
            repos.provisioner_keys().insert(&permit(), &elsewhere)
        })
        .await;
        let refused = db.refused(move |repos| repos.provisioner_keys().insert(&permit(), &other)).await;
        assert!(matches!(refused, StoreError::Conflict(Conflict::ProvisionerKeyName)));
        let refused = db.refused(move |repos| repos.provisioner_keys().insert(&permit(), &same)).await;
        assert!(matches!(refused, StoreError::Conflict(Conflict::Random)));
    }

    async fn a_daemon_that_comes_back_is_the_same_one_and_is_never_seen_earlier(db) {
        let acme = organization("acme");
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            let first = provisioner_daemon(acme.id, id(), "host");
            assert_eq!(repos.provisioner_daemons().upsert(&permit(), &first)?, first);
            let again = ProvisionerDaemon {
                created_at: NOW + Duration::HOUR,
                last_seen_at: NOW + Duration::HOUR,
                version: "v2.25.0".to_owned(),
                api_version: "1.8".to_owned(),
                provisioners: BTreeSet::from([ProvisionerType::Echo]),
                tags: tags(&[("owner", ""), ("scope", "organization"), ("gpu", "yes")]),
                ..provisioner_daemon(acme.id, id(), "host")
            };
            let known = repos.provisioner_daemons().upsert(&permit(), &again)?;
            assert_eq!(known, ProvisionerDaemon { id: first.id, created_at: NOW, ..again.clone() });
            let of_user = ProvisionerDaemon { tags: tags(&[("owner", "ann"), ("scope", "user")]), ..provisioner_daemon(acme.id, id(), "host") };
            assert_eq!(repos.provisioner_daemons().upsert(&permit(), &of_user)?.id, of_user.id);
            for (owner, daemons) in [("", 1), ("ann", 1), ("bob", 0)] {
                assert_eq!(repos.provisioner_daemons().count(acme.id, owner)?, daemons, "{owner}");
            }

            for (at, seen) in [(NOW, NOW + Duration::HOUR), (NOW + Duration::DAY, NOW + Duration::DAY)] {
                assert!(repos.provisioner_daemons().touch(&permit(), first.id, at)?);
                let only = DaemonFilter { ids: Some(vec![first.id]), ..DaemonFilter::default() };
                assert_eq!(repos.provisioner_daemons().list(acme.id, &only)?[0].last_seen_at, seen);
            }
            assert!(!repos.provisioner_daemons().touch(&permit(), id(), NOW)?);
            Ok(())
        })
        .await;
    }

    async fn the_oldest_daemons_of_an_owner_that_are_offline_make_room(db) {
        let (acme, zoo) = (organization("acme"), organization("zoo"));
        let seen = |place: OrganizationId, owner: &str, name: &str, ago: i64| ProvisionerDaemon {
            created_at: NOW - Duration::minutes(ago),
            last_seen_at: NOW - Duration::minutes(ago),
            tags: tags(&[("owner", owner), ("scope", "user")]),
            ..provisioner_daemon(place, id(), name)
        };
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &zoo)?;
            for (name, ago) in [("d", 4), ("a", 1), ("c", 3), ("b", 2)] {
                repos.provisioner_daemons().upsert(&permit(), &seen(acme.id, "ann", name, ago))?;
            }
            repos.provisioner_daemons().upsert(&permit(), &seen(acme.id, "bob", "x", 9))?;
            repos.provisioner_daemons().upsert(&permit(), &seen(zoo.id, "ann", "y", 9))?;
            let mut room = |most, online_for| {
                let since = NOW - Duration::minutes(online_for);
                let gone = repos.provisioner_daemons().make_room(&permit(), acme.id, "ann", most, since)?;
                let left = repos.provisioner_daemons().list(acme.id, &DaemonFilter::default())?;
                let left: String = left.into_iter().map(|daemon| daemon.name).collect();
                Ok::<_, StoreError>((gone, left))
            };
            assert_eq!(room(4, 0)?, (0, "abcdx".to_owned()));
            assert_eq!(room(3, 0)?, (1, "abcx".to_owned()));
            assert_eq!(room(1, 2)?, (1, "abx".to_owned()), "who is online stays");
            assert_eq!(room(0, 0)?, (2, "x".to_owned()));
            assert_eq!(repos.provisioner_daemons().list(zoo.id, &DaemonFilter::default())?.len(), 1);
            Ok(())
        })
        .await;
    }

    async fn daemons_are_listed_newest_first_and_forgotten_after_a_week(db) {
        let (acme, zoo) = (organization("acme"), organization("zoo"));
        let seen = |name: &str, ago: Duration| ProvisionerDaemon {
            created_at: NOW - ago,
            last_seen_at: NOW - ago,
            ..provisioner_daemon(acme.id, id(), name)
        };
        let all = [seen("a", Duration::ZERO), seen("b", Duration::HOUR), seen("c", KEPT)];
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &zoo)?;
            for daemon in &all {
                repos.provisioner_daemons().upsert(&permit(), daemon)?;
            }
            let mut names = |filter: DaemonFilter| -> Result<String, StoreError> {
                let found = repos.provisioner_daemons().list(acme.id, &filter)?;
                Ok(found.into_iter().map(|daemon| daemon.name).collect())
            };
            assert_eq!(names(DaemonFilter::default())?, "abc");
            assert_eq!(names(DaemonFilter { ids: Some(vec![all[2].id, all[0].id]), ..DaemonFilter::default() })?, "ac");
            assert_eq!(names(DaemonFilter { ids: Some(Vec::new()), ..DaemonFilter::default() })?, "");
            assert_eq!(names(DaemonFilter { seen_since: Some(NOW - Duration::HOUR), ..DaemonFilter::default() })?, "ab");
            assert_eq!(repos.provisioner_daemons().list(zoo.id, &DaemonFilter::default())?, vec![]);
            assert_eq!(repos.maintenance().purge(&permit(), NOW, 9)?.of("provisioner_daemons"), 1);
            let left = repos.provisioner_daemons().list(acme.id, &DaemonFilter::default())?;
            let ids: Vec<ProvisionerDaemonId> = left.iter().map(|daemon| daemon.id).collect();
            assert_eq!(ids, [all[0].id, all[1].id]);
            Ok(())
        })
        .await;
    }

    async fn daemons_of_all_organizations_are_listed_by_when_they_were_seen(db) {
        let (acme, zoo) = (organization("acme"), organization("zoo"));
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &zoo)?;
            let at = |place: OrganizationId, name: &str, made: i64, seen: i64| ProvisionerDaemon {
                created_at: NOW + Duration::minutes(made),
                last_seen_at: NOW + Duration::minutes(seen),
                ..provisioner_daemon(place, id(), name)
            };
            for daemon in [at(acme.id, "gone", 9, -1), at(acme.id, "old", 1, 0), at(zoo.id, "new", 2, 30)] {
                repos.provisioner_daemons().upsert(&permit(), &daemon)?;
            }
            let mut names = |since, limit| -> Result<Vec<String>, StoreError> {
                let found = repos.provisioner_daemons().list_seen(since, limit)?;
                Ok(found.into_iter().map(|daemon| daemon.name).collect())
            };
            assert_eq!(names(NOW, 10)?, ["new", "old"]);
            assert_eq!(names(NOW, 1)?, ["new"]);
            assert_eq!(names(NOW - Duration::HOUR, 10)?, ["gone", "new", "old"]);
            assert!(names(NOW + Duration::HOUR, 10)?.is_empty());
            Ok(())
        })
        .await;
    }
}
