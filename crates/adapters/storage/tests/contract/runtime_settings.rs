use crate::support::*;
use doorward_domain::idp_sync::RoleSync;
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{Object, Permit, System, action, resource};
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
                repos.runtime_settings().update(&SettingChange::new(&permit(), place, &of(field))?)?;
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
                    repos.runtime_settings().update(&SettingChange::new(&permit(), place, &of("x"))?)?;
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
                            repos.runtime_settings().update(&SettingChange::new(&permit(), None, &of(&longer))?)
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

    async fn a_permit_for_one_organization_is_for_no_other_place(_db) {
        let (acme, other) = (organization("acme").id, organization("other").id);
        let object = Object::of::<resource::IdpsyncSettings>().organization(acme.0);
        let permit: Permit<action::Update, resource::IdpsyncSettings> = System::because("a test").permit_on(&object);
        assert!(SettingChange::new(&permit, Some(acme), &of("x")).is_ok());
        for place in [Some(other), None] {
            let refused = SettingChange::new(&permit, place, &of("x")).unwrap_err();
            assert!(refused.to_string().contains("the permit is for another"));
        }
    }
}
