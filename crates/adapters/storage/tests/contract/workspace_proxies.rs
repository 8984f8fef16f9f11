use crate::lost_updates::futures;
use crate::support::*;
use doorward_domain::Digest;
use doorward_domain::names::ProxyName;
use doorward_domain::workspace_proxies::WorkspaceProxy;
use doorward_ports::{Conflict, StoreError};
use std::sync::Mutex;
use time::Duration;

/// A proxy that has not registered.
pub(crate) fn proxy(name: &str, region_number: i32) -> WorkspaceProxy {
    WorkspaceProxy {
        id: id(),
        name: ProxyName::from_storage(name.to_owned()),
        display_name: format!("The {name}"),
        icon: "/p.svg".to_owned(),
        url: String::new(),
        wildcard_hostname: String::new(),
        derp_enabled: true,
        derp_only: false,
        version: String::new(),
        region_number,
        digest: Digest::of(name),
        created_at: NOW,
        updated_at: NOW,
        deleted: false,
    }
}

contract! {
    async fn a_proxy_is_found_changed_and_deleted(db) {
        let (sydney, paris) = (proxy("Sydney", 1), proxy("paris", 2));
        db.write(move |repos| {
            assert_eq!(repos.workspace_proxies().next_region_number()?, 1);
            repos.workspace_proxies().insert(&permit(), &sydney)?;
            repos.workspace_proxies().insert(&permit(), &paris)?;
            assert_eq!(repos.workspace_proxies().next_region_number()?, 3);
            assert_eq!(repos.workspace_proxies().list()?, vec![sydney.clone(), paris.clone()]);
            assert_eq!(repos.workspace_proxies().find(sydney.id)?, Some(sydney.clone()));
            assert_eq!(repos.workspace_proxies().find_for_update(paris.id)?, Some(paris.clone()));
            assert_eq!(repos.workspace_proxies().find(id())?, None);
            assert_eq!(repos.workspace_proxies().find_by_name("Sydney")?, Some(sydney.clone()));
            assert_eq!(repos.workspace_proxies().find_by_name("sydney")?, None, "letter case matters");

            let later = NOW + Duration::HOUR;
            let changed = WorkspaceProxy {
                name: ProxyName::from_storage("Melbourne".to_owned()),
                url: "https://m.example".to_owned(),
                wildcard_hostname: "*.m.example".to_owned(),
                derp_enabled: false,
                version: "v1".to_owned(),
                digest: Digest::of("another"),
                updated_at: later,
                ..sydney.clone()
            };
            assert!(repos.workspace_proxies().update(&permit(), &changed)?);
            assert_eq!(repos.workspace_proxies().find(sydney.id)?, Some(changed.clone()));

            assert!(repos.workspace_proxies().delete(&permit(), sydney.id, later)?);
            assert!(!repos.workspace_proxies().delete(&permit(), sydney.id, later)?);
            assert!(!repos.workspace_proxies().update(&permit(), &changed)?, "what is deleted stays as it is");
            assert_eq!(repos.workspace_proxies().find(sydney.id)?, Some(WorkspaceProxy { deleted: true, ..changed }));
            assert_eq!(repos.workspace_proxies().find_by_name("Melbourne")?, None);
            assert_eq!(repos.workspace_proxies().list()?, vec![paris]);
            repos.workspace_proxies().insert(&permit(), &proxy("melbourne", 3))?;
            Ok(())
        })
        .await;
    }

    async fn a_name_belongs_to_one_live_proxy_whatever_its_letter_case(db) {
        let (one, other) = (proxy("sydney", 1), proxy("paris", 2));
        let (taken, renamed) = (proxy("SYDNEY", 3), WorkspaceProxy { name: ProxyName::from_storage("Sydney".to_owned()), ..other.clone() });
        db.write(move |repos| {
            repos.workspace_proxies().insert(&permit(), &one)?;
            repos.workspace_proxies().insert(&permit(), &other)
        })
        .await;
        let refused = db.refused(move |repos| repos.workspace_proxies().insert(&permit(), &taken)).await;
        assert!(matches!(refused, StoreError::Conflict(Conflict::ProxyName)), "{refused:?}");
        let refused = db.refused(move |repos| repos.workspace_proxies().update(&permit(), &renamed)).await;
        assert!(matches!(refused, StoreError::Conflict(Conflict::ProxyName)), "{refused:?}");
    }

    async fn proxies_that_are_made_at_once_have_regions_of_their_own(db) {
        let numbers = Mutex::new(Vec::new());
        futures(8, async |n| {
            let made = db
                .write(move |repos| {
                    let number = repos.workspace_proxies().next_region_number()?;
                    repos.workspace_proxies().insert(&permit(), &proxy(&format!("p{n}"), number))?;
                    Ok(number)
                })
                .await;
            numbers.lock().unwrap().push(made);
        })
        .await;
        let mut numbers = numbers.into_inner().unwrap();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    }
}
