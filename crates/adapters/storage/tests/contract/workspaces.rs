use crate::support::*;
use doorward_domain::ids::{OrganizationId, TemplateId, UserId, WorkspaceId};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, ResourceType, Scope, Subject};
use doorward_domain::users::User;
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace, WorkspaceFilter};
use doorward_ports::workspaces::LastBuilds;
use doorward_ports::{Conflict, StoreError};
use time::Duration;
use uuid::Uuid;

fn visible(subject: &Subject) -> ListFilter {
    subject.list_filter(Action::Read, ResourceType::Workspace)
}

fn owner() -> Subject {
    Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build()
}

contract! {
    async fn a_workspace_is_found_as_it_was_stored(db) {
        let (acme, ann, dev) = templated(&db).await;
        let mine = Workspace { dormant_at: Some(NOW), ..workspace(&dev, "Box") };
        let id = mine.id;
        let stored = mine.clone();
        let (found, any, held, view, nobody, counts) = db
            .write(move |repos| {
                let workspaces = repos.workspaces();
                workspaces.insert(&permit(), &stored)?;
                let counts = (
                    workspaces.count_of_owner(stored.owner_id)?,
                    workspaces.count_of_template(stored.template_id)?,
                    workspaces.count_in(stored.organization_id)?,
                    workspaces.count_of_owner(UserId::NIL)?
                        + workspaces.count_of_template(TemplateId::NIL)?
                        + workspaces.count_in(OrganizationId::NIL)?,
                );
                let view = workspaces.view(id)?;
                Ok((
                    workspaces.find(id)?,
                    workspaces.find_with_deleted(id)?,
                    workspaces.find_for_update(id)?,
                    view,
                    (workspaces.find(WorkspaceId::NIL)?, workspaces.view(WorkspaceId::NIL)?),
                    counts,
                ))
            })
            .await;
        for found in [found, any, held] {
            assert_eq!(found.as_ref(), Some(&mine));
        }
        assert_eq!((nobody, counts), ((None, None), (1, 1, 1, 0)));
        let view = view.unwrap();
        assert_eq!((&view.workspace, &view.template, view.latest_build), (&mine, &dev, None));
        assert_eq!((view.owner_name, view.owner_avatar_url), (ann.username, ann.avatar_url));
        assert_eq!(view.organization_name, acme.name);
    }

    async fn builds_make_a_workspace_what_it_is(db) {
        let (_, _, dev) = templated(&db).await;
        let mine = workspace(&dev, "box");
        let (first, second) = (build(&mine, 1, 5), Build { transition: Transition::Stop, ..build(&mine, 2, 2) });
        let failed = Build {
            transition: Transition::Delete,
            outcome: Outcome::Failed,
            error: "insufficient quota".to_owned(),
            created_at: NOW + Duration::HOUR,
            template_version_id: Some(id()),
            ..build(&mine, 3, 0)
        };
        let (id, stored, builds) = (mine.id, mine.clone(), [first.clone(), second, failed.clone()]);
        let expected = builds.clone();
        let (latest, used, view, listed, page) = db
            .write(move |repos| {
                let workspaces = repos.workspaces();
                workspaces.insert(&permit(), &stored)?;
                assert_eq!(workspaces.latest_build(id)?, None);
                assert!(workspaces.insert_build(&permit(), &builds[0])?);
                let used = workspaces.find(id)?.unwrap();
                assert!(workspaces.insert_build(&permit(), &builds[1])?);
                assert!(workspaces.insert_build(&permit(), &builds[2])?);
                assert!(!workspaces.insert_build(&permit(), &Build { workspace_id: WorkspaceId::NIL, ..builds[0].clone() })?);
                let page = workspaces.list_builds(id, Page { limit: Some(1), offset: 1, after_id: None })?;
                Ok((workspaces.latest_build(id)?, used, workspaces.view(id)?, workspaces.list_builds(id, Page::default())?, page))
            })
            .await;
        assert_eq!(latest.as_ref(), Some(&failed));
        assert_eq!((used.last_used_at, used.updated_at), (first.created_at, first.created_at));
        let view = view.unwrap();
        assert_eq!(view.latest_build.as_ref().map(|latest| &latest.build), Some(&failed));
        assert_eq!(view.latest_build.unwrap().initiator_name, "ann");
        // A build that failed uses and deletes nothing.
        let expected_workspace = Workspace { last_used_at: first.created_at, updated_at: failed.created_at, ..mine.clone() };
        assert_eq!(view.workspace, expected_workspace);
        let listed: Vec<Build> = listed.into_iter().map(|view| view.build).collect();
        assert_eq!(listed, expected.iter().rev().cloned().collect::<Vec<_>>());
        assert_eq!(page.into_iter().map(|view| view.build.build_number).collect::<Vec<_>>(), [2]);

        let again = build(&mine, 3, 0);
        let error = db.refused(move |repos| repos.workspaces().insert_build(&permit(), &again)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::BuildNumber)), "{error:?}");
        let same = Build { id: first.id, ..build(&mine, 9, 0) };
        let error = db.refused(move |repos| repos.workspaces().insert_build(&permit(), &same)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");
    }

    async fn names_are_unique_for_an_owner_until_deletion(db) {
        let (_, _, dev) = templated(&db).await;
        let (mine, twin, bob) = (workspace(&dev, "Box"), workspace(&dev, "bOX"), user("bob"));
        let his = Workspace { owner_id: bob.id, ..workspace(&dev, "box") };
        let (same_id, stored) = (Workspace { name: "x".parse().unwrap(), ..mine.clone() }, mine.clone());
        db.write(move |repos| {
            repos.users().insert(&permit(), &bob)?;
            repos.workspaces().insert(&permit(), &stored)?;
            repos.workspaces().insert(&permit(), &his)
        })
        .await;
        let again = twin.clone();
        let error = db.refused(move |repos| repos.workspaces().insert(&permit(), &again)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::WorkspaceName)), "{error:?}");
        let error = db.refused(move |repos| repos.workspaces().insert(&permit(), &same_id)).await;
        assert!(matches!(error, StoreError::Conflict(Conflict::Random)), "{error:?}");

        let end = Build { transition: Transition::Delete, ..build(&mine, 1, 0) };
        let (found, any, counts, late) = db
            .write(move |repos| {
                let workspaces = repos.workspaces();
                assert!(workspaces.insert_build(&permit(), &end)?);
                let late = (
                    workspaces.insert_build(&permit(), &build(&mine, 2, 0))?,
                    workspaces.update_dormancy(&permit(), mine.id, Some(NOW), NOW)?,
                );
                workspaces.insert(&permit(), &twin)?;
                let counts = (workspaces.count_of_owner(mine.owner_id)?, workspaces.count_of_template(dev.id)?);
                Ok((workspaces.find(mine.id)?, workspaces.view(mine.id)?, counts, late))
            })
            .await;
        assert_eq!((found, counts, late), (None, (1, 2), (false, false)));
        let any = any.unwrap();
        assert!(any.workspace.deleted && any.latest_build.is_some());
    }

    async fn workspaces_are_counted_by_their_last_build(db) {
        let (_, _, dev) = templated(&db).await;
        let [one, two, three] = ["one", "two", "three"].map(|name| workspace(&dev, name));
        let counted = db
            .write(move |repos| {
                [&one, &two, &three].into_iter().try_for_each(|workspace| repos.workspaces().insert(&permit(), workspace))?;
                let failed = Build { transition: Transition::Stop, outcome: Outcome::Failed, ..build(&one, 2, 0) };
                for build in [build(&one, 1, 0), failed, build(&two, 1, 0)] {
                    repos.workspaces().insert_build(&permit(), &build)?;
                }
                repos.workspaces().count_by_last_build()
            })
            .await;
        let expected = [
            (Some((Transition::Start, Outcome::Succeeded)), 1),
            (Some((Transition::Stop, Outcome::Failed)), 1),
            (None, 1),
        ];
        assert_eq!(counted, expected.map(|(build, workspaces)| LastBuilds { build, workspaces }));
    }

    async fn use_is_noted_and_never_taken_back(db) {
        let (_, _, dev) = templated(&db).await;
        let (mine, other) = (workspace(&dev, "one"), workspace(&dev, "two"));
        let (used, unused) = (mine.id, other.id);
        db.write(move |repos| {
            repos.workspaces().insert(&permit(), &mine)?;
            repos.workspaces().insert(&permit(), &other)?;
            let later = NOW + Duration::HOUR;
            assert_eq!(repos.workspaces().touch(&permit(), &[used, id()], later)?, 1);
            assert_eq!(repos.workspaces().touch(&permit(), &[used], NOW)?, 0);
            assert_eq!(repos.workspaces().touch(&permit(), &[], later)?, 0);
            assert_eq!(repos.workspaces().find(used)?.unwrap().last_used_at, later);
            assert_eq!(repos.workspaces().find(unused)?.unwrap().last_used_at, other.last_used_at);
            Ok(())
        })
        .await;
    }

    async fn dormancy_comes_and_goes(db) {
        let (_, _, dev) = templated(&db).await;
        let mine = workspace(&dev, "box");
        let id = mine.id;
        db.write(move |repos| repos.workspaces().insert(&permit(), &mine)).await;
        for dormant_at in [Some(NOW), None] {
            let now = NOW + Duration::DAY;
            let found = db
                .write(move |repos| {
                    assert!(repos.workspaces().update_dormancy(&permit(), id, dormant_at, now)?);
                    repos.workspaces().find(id)
                })
                .await
                .unwrap();
            assert_eq!((found.dormant_at, found.updated_at), (dormant_at, now));
        }
    }

    async fn lists_are_narrowed_sorted_and_counted(db) {
        let (acme, ann, dev) = templated(&db).await;
        let (bob, beta) = (user("bob"), organization("beta"));
        let ops = template(beta.id, bob.id, "ops");
        let all = [
            workspace(&dev, "B"),
            workspace(&dev, "a-1"),
            Workspace { deleted: true, ..workspace(&dev, "gone") },
            Workspace { dormant_at: Some(NOW), ..workspace(&ops, "b-2") },
            Workspace { owner_id: ann.id, ..workspace(&ops, "c") },
        ];
        let (of_ann, of_bob, in_beta) = (ann.id, bob.id, beta.id);
        db.write(move |repos| {
            repos.users().insert(&permit(), &bob)?;
            repos.organizations().insert(&permit(), &beta)?;
            repos.templates().insert(&permit(), &ops)?;
            all.iter().try_for_each(|workspace| repos.workspaces().insert(&permit(), workspace))?;
            repos.workspaces().insert_build(&permit(), &build(&all[1], 1, 3)).map(drop)
        })
        .await;
        let none = WorkspaceFilter::default;
        let page = |limit, offset| Page { limit, offset, after_id: None };
        let member = |user: &User, organization: OrganizationId, roles: &[&str]| {
            Subject::for_user(user.id.0).membership(organization.0, roles.to_vec()).scope(Scope::all()).build()
        };
        let bob = User { id: of_bob, ..user("bob") };
        for (filter, subject, page, expected, count) in [
            (none(), owner(), page(None, 0), vec!["a-1", "B", "b-2", "c"], 4),
            (none(), owner(), page(Some(2), 1), vec!["B", "b-2"], 4),
            (none(), owner(), page(Some(2), 4), vec![], 4),
            (WorkspaceFilter { owner: Some(of_ann), ..none() }, owner(), page(None, 0), vec!["a-1", "B", "c"], 3),
            (WorkspaceFilter { organization: Some(in_beta), ..none() }, owner(), page(None, 0), vec!["b-2", "c"], 2),
            (WorkspaceFilter { template: Some("DEV".to_owned()), ..none() }, owner(), page(None, 0), vec!["a-1", "B"], 2),
            (WorkspaceFilter { name: "b".to_owned(), ..none() }, owner(), page(None, 0), vec!["B", "b-2"], 2),
            // One's own, but only where one is a member; and a reader of an organization.
            (none(), member(&ann, acme.id, &[]), page(None, 0), vec!["a-1", "B"], 2),
            (none(), member(&bob, acme.id, &[]), page(None, 0), vec![], 0),
            (none(), member(&bob, in_beta, &[]), page(None, 0), vec!["b-2"], 1),
            (none(), member(&bob, in_beta, &["organization-template-admin"]), page(None, 0), vec!["b-2", "c"], 2),
        ] {
            let (asked, filter_of) = (filter.clone(), visible(&subject));
            let found = db.read(move |repos| repos.workspaces().list(&asked, &filter_of, page)).await;
            let names: Vec<&str> = found.workspaces.iter().map(|view| view.workspace.name.as_str()).collect();
            assert_eq!((names, found.count), (expected, count), "{filter:?} {page:?}");
            for view in found.workspaces {
                assert_eq!(view.latest_build.is_some(), view.workspace.name == "a-1");
                assert_eq!(view.template.id, view.workspace.template_id);
            }
        }
    }
}
