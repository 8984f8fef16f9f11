use crate::support::*;
use doorward_domain::roles::{Action, CustomRole, Permission, ResourceType, RoleName, Vote};
use doorward_ports::{Conflict, StoreError};
use time::Duration;

contract! {
    async fn custom_roles_are_found_by_name_and_place(db) {
        let (acme, other) = (organization("acme"), organization("other"));
        let ids = [acme.id, other.id];
        let read = [Permission::allow(ResourceType::Template, Action::Read)];
        let site = CustomRole::new(RoleName::site("everywhere"), "Helper 1", read.to_vec(), Vec::new(), Vec::new());
        let roles = [site, custom("helper", Some(ids[0]), &read), custom("other", Some(ids[1]), &read)];
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &acme)?;
            repos.organizations().insert(&permit(), &other)?;
            roles.iter().try_for_each(|role| repos.roles().insert(&permit(), id(), role, NOW))
        })
        .await;
        let wanted = [
            RoleName::site("everywhere"),
            RoleName::site("helper"),
            RoleName::organization("helper", ids[0].0),
            RoleName::organization("nothing", ids[0].0),
            RoleName::organization("other", ids[0].0),
        ];
        let found = db.read(move |repos| repos.roles().find_custom(&wanted)).await;
        let shown: Vec<&str> = found.iter().map(CustomRole::display_name).collect();
        assert_eq!(shown, ["Helper 1", "The helper"]);
        assert_eq!(found[0].role().site().vote(Action::Read, ResourceType::Template), Vote::Allow);
        let in_acme = found[1].role().organization(&ids[0].0.into()).unwrap();
        assert_eq!(in_acme.vote(Action::Read, ResourceType::Template), Vote::Allow);
        assert!(db.read(|repos| repos.roles().find_custom(&[])).await.is_empty());
    }

    async fn custom_roles_are_kept_and_taken(db) {
        let (place, users) = populate(&db, &["ann", "bob"]).await;
        let other = organization("other");
        let (place, elsewhere, ann) = (place.id, other.id, users[0].id);
        db.write(move |repos| repos.organizations().insert(&permit(), &other)).await;
        let read = [Permission::allow(ResourceType::Template, Action::Read)];
        let (helper, cook) = (custom("helper", Some(place), &read), custom("cook", Some(place), &[]));
        let (site, far) = (custom("site", None, &[]), custom("far", Some(elsewhere), &[]));
        let key = id();
        db.write({
            let (helper, cook) = (helper.clone(), cook.clone());
            move |repos| {
                repos.roles().insert(&permit(), key, &helper, NOW)?;
                [cook, site, far].iter().try_for_each(|role| repos.roles().insert(&permit(), id(), role, NOW))
            }
        })
        .await;
        for (twin, key, conflict) in [
            (custom("helper", Some(place), &[]), id(), Conflict::RoleName),
            (custom("helper", Some(elsewhere), &[]), id(), Conflict::RoleName),
            (custom("helper", None, &[]), id(), Conflict::RoleName),
            (custom("new-one", None, &[]), key, Conflict::Random),
        ] {
            let error = db.refused(move |repos| repos.roles().insert(&permit(), key, &twin, NOW)).await;
            assert!(matches!(error, StoreError::Conflict(found) if found == conflict), "{error:?}");
        }
        let shown = |roles: Vec<CustomRole>| -> Vec<String> {
            roles.iter().map(|role| role.name().name().to_owned()).collect()
        };
        let (of_place, of_site) = db
            .read(move |repos| Ok((repos.roles().list_custom(Some(place))?, repos.roles().list_custom(None)?)))
            .await;
        assert_eq!(of_place[1].in_organization(), read);
        assert_eq!((shown(of_place), shown(of_site)), (vec!["cook".to_owned(), "helper".to_owned()], vec!["site".to_owned()]));
        let wanted = [cook.name().clone(), RoleName::organization("far", place.0), RoleName::site("site")];
        let (kept, held, odd, none) = db
            .write(move |repos| {
                let roles = repos.roles();
                let held = roles.find_custom_for_update(&RoleName::organization("helper", place.0))?;
                let odd = roles.find_custom_for_update(&RoleName::organization("helper", elsewhere.0))?;
                Ok((roles.find_custom_for_key_share(&wanted)?, held, odd, roles.find_custom_for_key_share(&[])?))
            })
            .await;
        assert_eq!((shown(kept), none.len()), (vec!["cook".to_owned(), "site".to_owned()], 0));
        let (found, role) = held.unwrap();
        assert_eq!((found, role.display_name(), odd.is_none()), (key, "The helper", true));

        let owned = vec![Permission::allow(ResourceType::OrganizationMember, Action::Delete)];
        let less = CustomRole::new(helper.name().clone(), "Less", vec![], vec![], vec![]).with_owned(owned);
        let (done, nobody) = db
            .write(move |repos| {
                let roles = repos.roles();
                Ok((roles.update(&permit(), key, &less, NOW)?, roles.update(&permit(), id(), &less, NOW)?))
            })
            .await;
        assert_eq!((done, nobody), (true, false));
        let name = helper.name().clone();
        let found = db.read(move |repos| repos.roles().find_custom(&[name])).await;
        assert_eq!((found[0].display_name(), found[0].in_organization().len()), ("Less", 0));
        assert_eq!(found[0].on_owned(), [Permission::allow(ResourceType::OrganizationMember, Action::Delete)]);

        let held = role_names(&["helper", "cook", "helper-2"]);
        let later = NOW + Duration::HOUR;
        let taken = db
            .write(move |repos| {
                repos.members().update_roles(&permit(), place, ann, &held, NOW)?;
                let wrong = repos.roles().delete(&permit(), &RoleName::organization("helper", elsewhere.0), later)?;
                Ok((wrong, repos.roles().delete(&permit(), &RoleName::organization("helper", place.0), later)?))
            })
            .await;
        assert_eq!(taken, (false, true));
        let (ann, bob) = db
            .read(move |repos| Ok((repos.members().find(place, ann)?, repos.members().find(place, users[1].id)?)))
            .await;
        let (ann, bob) = (ann.unwrap().membership, bob.unwrap().membership);
        assert_eq!((ann.roles, ann.updated_at), (role_names(&["cook", "helper-2"]), later));
        assert_eq!(bob, membership(place, bob.user_id), "who does not hold it is not touched");
        let many: Vec<RoleName> = (0..40_000).map(|n| RoleName::site(format!("r{n}"))).collect();
        assert!(db.read(move |repos| repos.roles().find_custom(&many)).await.is_empty());
    }
}
