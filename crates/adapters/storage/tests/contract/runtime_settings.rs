use crate::support::*;
use doorward_domain::idp_sync::RoleSync;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{PlacePermit, action, resource};
use doorward_ports::Repositories;
use doorward_ports::StoreError;
use doorward_ports::runtime_settings::{SettingChange, read};

fn of(field: &str) -> RoleSync {
    RoleSync { field: field.to_owned(), mapping: None }
}

fn stored(repos: &mut dyn Repositories, organization: Option<OrganizationId>) -> Result<Option<RoleSync>, StoreError> {
    read(repos.runtime_settings().find("role_sync", organization)?.as_deref())
}

contract! {
    async fn a_setting_is_that_of_its_place(db) {
        let acme = organization("acme").id;
        db.write(move |repos| {
            for (place, field) in [(None, "all"), (Some(acme), "first"), (Some(acme), "second")] {
                repos.runtime_settings().update(&SettingChange::new(&permit_in(place), &of(field))?)?;
            }
            assert_eq!(stored(repos, None)?, Some(of("all")));
            assert_eq!(stored(repos, Some(acme))?, Some(of("second")));
            assert_eq!(stored(repos, Some(id()))?, None);
            assert_eq!(repos.runtime_settings().find("other", None)?, None);
            Ok(())
        })
        .await;
        db.execute("UPDATE runtime_settings SET document = '{'");
        let told = db.store.read(move |repos| stored(repos, None)).await.unwrap_err().to_string();
        assert!(told.contains("`runtime_settings`") && told.contains("`role_sync`"), "{told}");
    }

    async fn a_deleted_organization_leaves_no_settings(db) {
        let acme = organization("acme");
        let id = acme.id;
        let left = db
            .write(move |repos| {
                repos.organizations().insert(&permit(), &acme)?;
                for place in [None, Some(id)] {
                    repos.runtime_settings().update(&SettingChange::new(&permit_in(place), &of("x"))?)?;
                }
                assert!(repos.organizations().delete(&permit(), id, NOW)?);
                Ok((stored(repos, Some(id))?, stored(repos, None)?))
            })
            .await;
        assert_eq!(left, (None, Some(of("x"))));
    }

    async fn of_several_who_change_a_setting_each_sees_what_was_before(db) {
        let other = db.open_again();
        let tasks: Vec<_> = (0..12_u8)
            .map(|n| {
                let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
                tokio::spawn(async move {
                    store
                        .write(move |repos| {
                            let document = repos.runtime_settings().find_for_update("role_sync", None)?;
                            let old: Option<RoleSync> = read(document.as_deref())?;
                            let longer = format!("{}x", old.unwrap_or_default().field);
                            repos.runtime_settings().update(&SettingChange::new(&permit_in(None), &of(&longer))?)
                        })
                        .await
                })
            })
            .collect();
        for task in tasks {
            let done: Result<(), StoreError> = task.await.unwrap();
            done.unwrap();
        }
        let last = db.read(|repos| stored(repos, None)).await;
        assert_eq!(last, Some(of(&"x".repeat(12))));
    }

    async fn a_change_is_for_the_place_of_its_permit(db) {
        let (acme, other) = (organization("acme").id, organization("other").id);
        let found = db
            .write(move |repos| {
                let permit: PlacePermit<action::Update, resource::IdpsyncSettings> = permit_in(Some(acme));
                assert_eq!(permit.organization(), Some(acme.0));
                repos.runtime_settings().update(&SettingChange::new(&permit, &of("x"))?)?;
                Ok([Some(acme), Some(other), None].map(|place| stored(repos, place).unwrap().is_some()))
            })
            .await;
        assert_eq!(found, [true, false, false]);
    }
}
