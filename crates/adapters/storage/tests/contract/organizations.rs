use crate::support::*;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::{Membership, Organization};
use doorward_domain::roles::{
    Action, ListFilter, Object, Permit, ResourceType, Scope, Subject, System, action, resource,
};
use doorward_ports::{Conflict, StoreError};
use uuid::Uuid;

fn everything() -> ListFilter {
    let owner = Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
    owner.list_filter(Action::Read, ResourceType::Organization)
}

contract! {
    async fn an_organization_is_found_and_has_its_group_everyone(db) {
        let acme = Organization { is_default: true, ..organization("Acme") };
        let expected = Some(acme.clone());
        let id = acme.id;
        db.write(move |repos| repos.organizations().insert(&permit(), &acme)).await;
        let found = db
            .read(move |repos| {
                let organizations = repos.organizations();
                Ok([
                    organizations.find(id)?,
                    organizations.find_by_name("aCME")?,
                    organizations.find_default()?,
                    organizations.find(OrganizationId::NIL)?,
                    organizations.find_by_name("acm")?,
                ])
            })
            .await;
        assert_eq!(found, [expected.clone(), expected.clone(), expected, None, None]);
        assert_eq!(db.number("SELECT count(*) FROM groups WHERE id = organization_id AND name = 'Everyone'"), 1);
        db.execute("UPDATE organizations SET deleted = NOT deleted");
        let found = db
            .read(move |repos| Ok([repos.organizations().find(id)?, repos.organizations().find_by_name("acme")?]))
            .await;
        assert_eq!(found, [None, None]);
    }

    async fn names_are_unique_and_there_is_one_default(db) {
        let acme = Organization { is_default: true, ..organization("Acme") };
        let (id, default) = (acme.id, Organization { is_default: true, ..organization("other") });
        db.write(move |repos| repos.organizations().insert(&permit(), &acme)).await;
        let same_id = Organization { id, ..organization("third") };
        for (twin, conflict) in [
            (organization("ACME"), Conflict::OrganizationName),
            (default, Conflict::OrganizationName),
            (same_id, Conflict::Random),
        ] {
            let error = db.refused(move |repos| repos.organizations().insert(&permit(), &twin)).await;
            assert!(matches!(error, StoreError::Conflict(told) if told == conflict), "{error:?}");
        }
        assert_eq!((db.rows("organizations"), db.rows("groups")), (1, 1), "nothing is left of the refused ones");
    }

    async fn members_and_their_organizations(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let organizations = [organization("zoo"), organization("Acme"), organization("gone")];
        let (a, b) = (ann.id, bob.id);
        let ids = organizations.each_ref().map(|organization| organization.id);
        let memberships: Vec<Membership> =
            [(ids[0], a), (ids[1], a), (ids[1], b), (ids[2], a)].map(|(org, user)| membership(org, user)).to_vec();
        let expected = memberships.clone();
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)?;
            for organization in &organizations {
                repos.organizations().insert(&permit(), organization)?;
            }
            memberships.iter().try_for_each(|member| repos.organizations().insert_member(&permit(), member))
        })
        .await;
        db.execute("UPDATE organizations SET deleted = NOT deleted WHERE name = 'gone'");
        let (names, of_a, of_both, of_none) = db
            .read(move |repos| {
                let organizations = repos.organizations();
                let of_ann = organizations.list_of_user(a, &everything())?;
                let names: Vec<String> = of_ann.into_iter().map(|org| org.name.into_string()).collect();
                let both = organizations.list_memberships_of(&[b, a])?;
                Ok((names, organizations.list_memberships(a)?, both, organizations.list_memberships_of(&[])?))
            })
            .await;
        assert_eq!(names, ["Acme", "zoo"]);
        let [zoo, acme_a, acme_b, gone] = expected.try_into().unwrap();
        assert_eq!(of_a, [zoo.clone(), acme_a.clone(), gone.clone()], "by organization id");
        assert_eq!(of_both, [zoo, acme_a, gone, acme_b.clone()], "by user and organization id");
        assert!(of_none.is_empty());
        let error = db.refused(move |repos| repos.organizations().insert_member(&permit(), &acme_b)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Membership)), "{error:?}");
    }

    async fn many_are_found_by_id_and_a_user_joins_many_at_once_or_none(db) {
        let (ann, bob) = (user("ann"), user("bob"));
        let (a, b) = (ann.id, bob.id);
        let places: Vec<Organization> = ["zoo", "Acme", "gone"].map(organization).to_vec();
        let ids: Vec<OrganizationId> = places.iter().map(|place| place.id).collect();
        db.write(move |repos| {
            repos.users().insert(&permit(), &ann)?;
            repos.users().insert(&permit(), &bob)?;
            places.iter().try_for_each(|place| repos.organizations().insert(&permit(), place))
        })
        .await;
        db.execute("UPDATE organizations SET deleted = NOT deleted WHERE name = 'gone'");
        let asked = [ids.clone(), vec![OrganizationId::NIL]].concat();
        let (found, none) = db
            .read(move |repos| Ok((repos.organizations().list_by_id(&asked)?, repos.organizations().list_by_id(&[])?)))
            .await;
        assert_eq!(found.iter().map(|place| place.name.as_str()).collect::<Vec<_>>(), ["Acme", "zoo"]);
        assert_eq!(none, []);

        let joining = |user: UserId, places: &[OrganizationId]| -> Vec<(Permit<action::Create, resource::OrganizationMember>, Membership)> {
            places.iter().map(|place| (permit(), membership(*place, user))).collect()
        };
        let members = [joining(a, &ids[..2]), joining(b, &ids[..1])].concat();
        db.write(move |repos| {
            repos.organizations().insert_members(&[])?;
            repos.organizations().insert_members(&members)
        })
        .await;
        let held = db.read(move |repos| repos.organizations().list_memberships_of(&[a, b])).await;
        assert_eq!(held.len(), 3);
        assert!(held.iter().all(|member| *member == membership(member.organization_id, member.user_id)));
        // Of several, none is added when one cannot be: a member already, a deleted organization, a permit for another.
        let twice = [joining(b, &ids[1..2]), joining(a, &ids[..1])].concat();
        let error = db.refused(move |repos| repos.organizations().insert_members(&twice)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Membership)), "{error:?}");
        let late = joining(b, &ids[1..]);
        let error = db.refused(move |repos| repos.organizations().insert_members(&late)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::OrganizationDeleted)), "{error:?}");
        let other = Object::of::<resource::OrganizationMember>().organization(ids[0].0);
        let (acme, mine) = (ids[1], System::because("a test").permit_on(&other));
        let error = db
            .refused(move |repos| {
                let members = [(permit(), membership(acme, b)), (mine, membership(acme, a))];
                repos.organizations().insert_members(&members)
            })
            .await;
        assert!(error.to_string().contains("permit"), "{error:?}");
        assert_eq!(db.read(move |repos| repos.organizations().list_memberships_of(&[a, b])).await.len(), 3);
    }
}
