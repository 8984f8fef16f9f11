use crate::support::*;
use doorward_domain::ids::{OrganizationId, TemplateId, UserId};
use doorward_domain::names::DisplayName;
use doorward_domain::roles::{Action, ListFilter, ResourceType, Scope, Subject};
use doorward_domain::templates::{
    CorsBehavior, PortSharing, Template, TemplateFilter, TemplateRole, TemplateSettings, set_role,
};
use doorward_ports::{Conflict, StoreError};
use time::Duration;
use uuid::Uuid;

fn all() -> ListFilter {
    let owner = Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
    owner.list_filter(Action::Read, ResourceType::Template)
}

contract! {
    async fn a_template_is_found_as_it_was_stored(db) {
        let (acme, ann, dev) = templated(&db).await;
        let (id, organization) = (dev.id, acme.id);
        let (found, any, held, shared, named, other, view, count) = db
            .write(move |repos| {
                let templates = repos.templates();
                Ok((
                    templates.find(id)?,
                    templates.find_with_deleted(id)?,
                    templates.find_for_update(id)?,
                    templates.find_for_share(id)?,
                    templates.find_by_name(organization, "dEV")?,
                    templates.find_by_name(OrganizationId::NIL, "dev")?,
                    templates.view(id)?,
                    templates.count_in(organization)?,
                ))
            })
            .await;
        for found in [found, any, held, shared, named] {
            assert_eq!(found.as_ref(), Some(&dev));
        }
        assert_eq!((other, count), (None, 1));
        let view = view.unwrap();
        assert_eq!((view.organization_name, view.organization_display_name), (acme.name, acme.display_name));
        assert_eq!((view.organization_icon, view.created_by_name, view.user_count), (acme.icon, ann.username, 0));
        let nobody = db.read(|repos| Ok((repos.templates().find(TemplateId::NIL)?, repos.templates().view(TemplateId::NIL)?))).await;
        assert_eq!(nobody, (None, None));
    }

    async fn all_of_a_template_changes(db) {
        let (acme, _, dev) = templated(&db).await;
        let mut new = Template {
            name: "Ops".parse().unwrap(),
            display_name: DisplayName::default(),
            description: "new".to_owned(),
            icon: String::new(),
            active_version_id: None,
            updated_at: NOW + Duration::HOUR,
            deprecation_message: "old".to_owned(),
            settings: TemplateSettings {
                max_port_share_level: PortSharing::Owner,
                cors_behavior: CorsBehavior::Passthru,
                ..TemplateSettings::default()
            },
            ..dev.clone()
        };
        set_role(&mut new.user_acl, Uuid::from_u128(5), Some(TemplateRole::Admin));
        set_role(&mut new.group_acl, acme.id.0, None);
        let (stored, unknown) = (new.clone(), Template { id: id(), ..new.clone() });
        let (changed, nobody, found) = db
            .write(move |repos| {
                let templates = repos.templates();
                let changed = templates.update(&permit(), &stored)?;
                let nobody = templates.update(&permit(), &unknown)?;
                Ok((changed, nobody, templates.find(stored.id)?))
            })
            .await;
        assert!(changed && !nobody);
        assert_eq!(found, Some(new));
    }

    async fn names_are_unique_in_an_organization_until_deletion(db) {
        let (acme, ann, dev) = templated(&db).await;
        let twin = template(acme.id, ann.id, "DEV");
        let (again, elsewhere) = (twin.clone(), organization("beta"));
        let error = db.refused(move |repos| repos.templates().insert(&permit(), &again)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::TemplateName)), "{error:?}");
        let (other, copy) = (template(acme.id, ann.id, "other"), template(elsewhere.id, ann.id, "dev"));
        let renamed = Template { name: "Dev".parse().unwrap(), ..other.clone() };
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &elsewhere)?;
            repos.templates().insert(&permit(), &copy)?;
            repos.templates().insert(&permit(), &other)
        })
        .await;
        let error = db.refused(move |repos| repos.templates().update(&permit(), &renamed)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::TemplateName)), "{error:?}");
        let same_id = Template { name: "third".parse().unwrap(), ..dev.clone() };
        let error = db.refused(move |repos| repos.templates().insert(&permit(), &same_id)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");

        let later = NOW + Duration::HOUR;
        let (deleted, twice, found, view, any) = db
            .write(move |repos| {
                let templates = repos.templates();
                let deleted = templates.delete(&permit(), dev.id, later)?;
                let twice = templates.delete(&permit(), dev.id, later)?;
                templates.insert(&permit(), &twin)?;
                Ok((deleted, twice, templates.find(dev.id)?, templates.view(dev.id)?, templates.find_with_deleted(dev.id)?))
            })
            .await;
        assert_eq!((deleted, twice, found, view), (true, false, None, None));
        let any = any.unwrap();
        assert!(any.deleted && any.updated_at == later && any.group_acl == dev.group_acl);
    }

    async fn lists_are_narrowed_and_sorted(db) {
        let (acme, ann, _) = templated(&db).await;
        let beta = organization("beta");
        let old = Template { deprecation_message: "use dev".to_owned(), ..template(acme.id, ann.id, "a-100") };
        let gone = Template { deleted: true, ..template(acme.id, ann.id, "gone") };
        let (in_acme, in_beta) = (acme.id, beta.id);
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &beta)?;
            [old, gone, template(beta.id, ann.id, "B"), template(beta.id, ann.id, "devs")]
                .iter()
                .try_for_each(|template| repos.templates().insert(&permit(), template))
        })
        .await;
        let none = TemplateFilter::default;
        for (filter, expected) in [
            (none(), vec!["a-100", "B", "Dev", "devs"]),
            (TemplateFilter { organization: Some(in_acme), ..none() }, vec!["a-100", "Dev"]),
            (TemplateFilter { exact_name: Some("DEV".to_owned()), ..none() }, vec!["Dev"]),
            (TemplateFilter { name: "ev".to_owned(), ..none() }, vec!["Dev", "devs"]),
            (TemplateFilter { name: "%".to_owned(), ..none() }, vec![]),
            (TemplateFilter { deprecated: Some(true), ..none() }, vec!["a-100"]),
            (TemplateFilter { deprecated: Some(false), organization: Some(in_acme), ..none() }, vec!["Dev"]),
            (TemplateFilter { organization: Some(OrganizationId::NIL), ..none() }, vec![]),
        ] {
            let asked = filter.clone();
            let found = db.read(move |repos| repos.templates().list(&asked, &all())).await;
            let names: Vec<&str> = found.iter().map(|view| view.template.name.as_str()).collect();
            assert_eq!(names, expected, "{filter:?}");
            assert!(found.iter().all(|view| !view.organization_name.as_str().is_empty() && view.created_by_name == "ann"));
        }
        let counts = db.read(move |repos| Ok((repos.templates().count_in(in_acme)?, repos.templates().count_in(in_beta)?))).await;
        assert_eq!(counts, (2, 2));
    }

    async fn users_of_a_template_are_counted_once(db) {
        let (_, _, dev) = templated(&db).await;
        let bob = user("bob");
        let mine = [workspace(&dev, "w1"), workspace(&dev, "w2")];
        let his = doorward_domain::workspaces::Workspace { owner_id: bob.id, ..workspace(&dev, "w1") };
        let gone = doorward_domain::workspaces::Workspace { deleted: true, owner_id: UserId::NIL, ..workspace(&dev, "w3") };
        let gone = doorward_domain::workspaces::Workspace { owner_id: bob.id, ..gone };
        let view = db
            .write(move |repos| {
                repos.users().insert(&permit(), &bob)?;
                mine.iter().chain([&his, &gone]).try_for_each(|one| repos.workspaces().insert(&permit(), one))?;
                repos.templates().view(dev.id)
            })
            .await;
        assert_eq!(view.unwrap().user_count, 2);
    }

    async fn of_two_who_change_a_template_none_loses(db) {
        let (_, _, dev) = templated(&db).await;
        let other = db.open_again();
        let id = dev.id;
        let writers = (0..8_u128).map(|n| {
            let store = if n % 2 == 0 { db.store.clone() } else { other.store.clone() };
            tokio::spawn(async move {
                let done: Result<bool, StoreError> = store
                    .write(move |repos| {
                        let mut template = repos.templates().find_for_update(id)?.unwrap();
                        set_role(&mut template.user_acl, Uuid::from_u128(n), Some(TemplateRole::Use));
                        repos.templates().update(&permit(), &template)
                    })
                    .await;
                done.unwrap()
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            assert!(writer.await.unwrap());
        }
        let found = db.read(move |repos| repos.templates().find(id)).await.unwrap();
        assert_eq!(found.user_acl.iter().count(), 8);
    }

    async fn users_are_found_by_many_ids(db) {
        let users = ["b", "A", "c"].map(user);
        let ids: Vec<UserId> = users.iter().map(|user| user.id).take(2).chain([UserId::NIL]).collect();
        db.write(move |repos| users.iter().try_for_each(|user| repos.users().insert(&permit(), user))).await;
        let found = db.read(move |repos| repos.users().list_by_id(&ids)).await;
        assert_eq!(found.iter().map(|user| user.username.as_str()).collect::<Vec<_>>(), ["A", "b"]);
        assert_eq!(db.read(|repos| repos.users().list_by_id(&[])).await, []);
    }
}
