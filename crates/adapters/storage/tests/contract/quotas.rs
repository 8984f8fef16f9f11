use crate::support::*;
use doorward_domain::ids::{UserId, WorkspaceId};
use doorward_domain::quotas::{Budget, Quota};
use doorward_domain::users::User;
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
use doorward_ports::{Isolation, Repositories, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

/// Starts a workspace for one credit if the quota allows it, as the use case does.
fn spend_one(repos: &mut dyn Repositories, workspace: &Workspace) -> Result<bool, StoreError> {
    assert!(repos.users().find_for_update(workspace.owner_id)?.is_some());
    spend_one_of(repos, workspace)
}

/// The same for one who relies on more than a lock.
fn spend_one_of(repos: &mut dyn Repositories, workspace: &Workspace) -> Result<bool, StoreError> {
    let (owner, organization) = (workspace.owner_id, workspace.organization_id);
    let held = repos.workspaces().find_for_update(workspace.id)?;
    assert!(held.is_some());
    let previous = repos.workspaces().latest_build(workspace.id)?;
    let consumed = repos.quotas().consumed(owner, organization, Some(workspace.id))?;
    let quota = Quota { consumed, budget: Budget::Credits(repos.quotas().budget(owner, organization)?) };
    let allowed = quota.spend(1, previous.as_ref().map(|build| build.daily_cost)).is_ok();
    let number = previous.map_or(0, |build| build.build_number) + 1;
    let (outcome, cost) = if allowed { (Outcome::Succeeded, 1) } else { (Outcome::Failed, 0) };
    repos.workspaces().insert_build(&permit(), &Build { outcome, id: id(), ..build(workspace, number, cost) })?;
    Ok(allowed)
}

/// Starts all of the workspaces at once, by turns through each of the stores; says how many were allowed.
async fn race(stores: &[Store], workspaces: &[Workspace]) -> usize {
    let spending: Vec<_> = workspaces
        .iter()
        .zip(stores.iter().cycle())
        .map(|(workspace, store)| {
            let (store, workspace) = (store.clone(), workspace.clone());
            tokio::spawn(async move {
                let done: Result<bool, StoreError> = store.write(move |repos| spend_one(repos, &workspace)).await;
                done.unwrap()
            })
        })
        .collect();
    let mut allowed = 0;
    for one in spending {
        allowed += usize::from(one.await.unwrap());
    }
    allowed
}

/// A user with a budget and so many workspaces that cost nothing yet.
async fn with_workspaces(db: &Fixture, budget: i32, count: usize) -> (User, Vec<Workspace>) {
    let (acme, ann, dev) = templated(db).await;
    let workspaces: Vec<Workspace> = (0..count).map(|n| workspace(&dev, &format!("w{n}"))).collect();
    let (rich, stored, id) = (group(acme.id, "rich", budget), workspaces.clone(), ann.id);
    db.write(move |repos| {
        repos.groups().insert(&permit(), &rich)?;
        repos.groups().insert_members(&permit(), &rich, &[id])?;
        stored.iter().try_for_each(|one| repos.workspaces().insert(&permit(), one))
    })
    .await;
    (ann, workspaces)
}

contract! {
    async fn the_budget_is_that_of_all_groups_of_the_organization(db) {
        let (acme, ann, _) = templated(&db).await;
        let (bob, beta) = (user("bob"), organization("beta"));
        let groups = [group(acme.id, "one", 30), group(acme.id, "minus", -5), group(acme.id, "other", 1000)];
        let elsewhere = group(beta.id, "beta", 7);
        let (id, bob_id, organization, other) = (ann.id, bob.id, acme.id, beta.id);
        let budgets = |db: &Fixture| {
            let store = db.store.clone();
            async move {
                let read: Result<[i64; 4], StoreError> = store
                    .read(move |repos| {
                        let quotas = repos.quotas();
                        Ok([
                            quotas.budget(id, organization)?,
                            quotas.budget(id, other)?,
                            quotas.budget(bob_id, organization)?,
                            quotas.budget(UserId::NIL, organization)?,
                        ])
                    })
                    .await;
                read.unwrap()
            }
        };
        assert_eq!(budgets(&db).await, [0, 0, 0, 0], "Everyone gives nothing at first");
        db.write(move |repos| {
            repos.users().insert(&permit(), &bob)?;
            repos.organizations().insert(&permit(), &beta)?;
            repos.organizations().insert_member(&permit(), &membership(beta.id, id))?;
            groups.iter().try_for_each(|group| repos.groups().insert(&permit(), group))?;
            repos.groups().insert(&permit(), &elsewhere)?;
            repos.groups().insert_members(&permit(), &groups[0], &[id])?;
            repos.groups().insert_members(&permit(), &groups[1], &[id])?;
            repos.groups().insert_members(&permit(), &elsewhere, &[id]).map(drop)
        })
        .await;
        assert_eq!(budgets(&db).await, [25, 7, 0, 0]);
        db.execute("UPDATE groups SET quota_allowance = 2147483647 WHERE id = organization_id");
        assert_eq!(budgets(&db).await, [2_147_483_672, 2_147_483_654, 0, 0], "more than 32 bits, and only for members");
    }

    async fn consumed_is_the_latest_build_of_each_living_workspace(db) {
        let (ann, workspaces) = with_workspaces(&db, 0, 5).await;
        let organization = workspaces[0].organization_id;
        let bob = user("bob");
        let his = Workspace { owner_id: bob.id, ..workspaces[0].clone() };
        let his = Workspace { id: id(), ..his };
        let (first, one) = (workspaces[0].id, workspaces.clone());
        let (all, without, of_bob, elsewhere) = db
            .write(move |repos| {
                repos.users().insert(&permit(), &bob)?;
                repos.workspaces().insert(&permit(), &his)?;
                for build in [
                    build(&one[0], 1, 100),
                    build(&one[0], 2, 3),
                    Build { transition: Transition::Stop, ..build(&one[1], 1, 4) },
                    build(&one[2], 1, 50),
                    // A failed build counts too: it costs nothing.
                    Build { outcome: Outcome::Failed, ..build(&one[2], 2, 0) },
                    build(&one[3], 1, 1000),
                    Build { transition: Transition::Delete, ..build(&one[3], 2, 500) },
                    build(&his, 1, 8),
                ] {
                    assert!(repos.workspaces().insert_build(&permit(), &build)?);
                }
                let quotas = repos.quotas();
                Ok((
                    quotas.consumed(ann.id, organization, None)?,
                    quotas.consumed(ann.id, organization, Some(first))?,
                    quotas.consumed(bob.id, organization, Some(WorkspaceId(Uuid::max())))?,
                    quotas.consumed(ann.id, id(), None)?,
                ))
            })
            .await;
        assert_eq!((all, without, of_bob, elsewhere), (7, 4, 8, 0));
    }

    async fn of_many_builds_at_once_as_many_pass_as_the_budget_has_credits(db) {
        let (ann, workspaces) = with_workspaces(&db, 10, 24).await;
        assert_eq!(race(std::slice::from_ref(&db.store), &workspaces).await, 10);
        let organization = workspaces[0].organization_id;
        let consumed = db.read(move |repos| repos.quotas().consumed(ann.id, organization, None)).await;
        assert_eq!((consumed, db.rows("workspace_builds")), (10, 24));
    }

    async fn so_it_is_with_several_servers(db) {
        let (_, workspaces) = with_workspaces(&db, 10, 24).await;
        let other = db.open_again();
        assert_eq!(race(&[db.store.clone(), other.store.clone()], &workspaces).await, 10);
    }

    async fn of_many_makers_at_once_nobody_has_to_do_it_again(db) {
        let (acme, ann, dev) = templated(&db).await;
        let (rich, acme) = (group(acme.id, "rich", 1_000), acme.id);
        let others: Vec<User> = (0..3).map(|n| user(&format!("maker{n}"))).collect();
        let makers: Vec<UserId> = std::iter::once(ann.id).chain(others.iter().map(|user| user.id)).collect();
        db.write(move |repos| {
            repos.groups().insert(&permit(), &rich)?;
            repos.groups().insert_members(&permit(), &rich, &[ann.id])?;
            others.iter().try_for_each(|other| {
                repos.users().insert(&permit(), other)?;
                repos.organizations().insert_member(&permit(), &membership(acme, other.id))
            })
        })
        .await;
        let stores = [db.store.clone(), db.open_again().store];
        let making: Vec<_> = (0..64_usize)
            .map(|n| {
                let (store, owner_id) = (stores[n % 2].clone(), makers[n / 2 % makers.len()]);
                let new = Workspace { owner_id, ..workspace(&dev, &format!("n{n}")) };
                tokio::spawn(async move {
                    let made: Result<bool, StoreError> = store
                        .write(move |repos| {
                            assert!(repos.users().find_for_update(owner_id)?.is_some());
                            assert!(repos.templates().find_for_share(new.template_id)?.is_some());
                            repos.workspaces().insert(&permit(), &new)?;
                            spend_one_of(repos, &new)
                        })
                        .await;
                    made
                })
            })
            .collect();
        let mut allowed = 0;
        for one in making {
            allowed += usize::from(one.await.unwrap().unwrap());
        }
        // The others have no allowance, so that their builds fail and cost nothing.
        let consumed = db.read(move |repos| repos.quotas().consumed(ann.id, acme, None)).await;
        assert_eq!((allowed, consumed, db.rows("workspace_builds")), (16, 16, 64));
    }

    async fn builds_of_one_workspace_at_once_are_numbered(db) {
        let (_, workspaces) = with_workspaces(&db, 1, 1).await;
        let same: Vec<Workspace> = std::iter::repeat_n(workspaces[0].clone(), 6).collect();
        race(&[db.store.clone(), db.open_again().store], &same).await;
        assert_eq!((db.rows("workspace_builds"), db.number("SELECT CAST(max(build_number) AS bigint) FROM workspace_builds")), (6, 6));
    }

    async fn work_that_fails_by_itself_is_not_done_again(db) {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let (acme, _, _) = templated(&db).await;
        let failed: Result<(), StoreError> = db
            .store
            .write_with(Isolation::Serializable, move |repos| {
                counted.fetch_add(1, Ordering::Relaxed);
                repos.organizations().insert(&permit(), &organization("beta"))?;
                repos.organizations().insert(&permit(), &acme)
            })
            .await;
        assert!(matches!(failed, Err(StoreError::Conflict(_))), "{failed:?}");
        assert_eq!((tries.load(Ordering::Relaxed), db.rows("organizations")), (1, 1), "and nothing of it is kept");
    }
}

/// Two who each read what the other writes: one must do it again, and then sees what the other did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_serializable_transaction_has_read_is_still_true_when_it_commits() {
    let db = Fixture::postgres();
    let (_, workspaces) = with_workspaces(&db, 1, 2).await;
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let tries = Arc::new(AtomicUsize::new(0));
    let spending: Vec<_> = workspaces
        .into_iter()
        .map(|workspace| {
            let (store, barrier, tries) = (db.store.clone(), Arc::clone(&barrier), Arc::clone(&tries));
            tokio::spawn(async move {
                let first = Arc::new(AtomicUsize::new(1));
                let done: Result<bool, StoreError> = store
                    .write_with(Isolation::Serializable, move |repos| {
                        tries.fetch_add(1, Ordering::Relaxed);
                        let allowed = spend_one_of(repos, &workspace)?;
                        // Both have read before either commits.
                        if first.swap(0, Ordering::Relaxed) == 1 {
                            barrier.wait();
                        }
                        Ok(allowed)
                    })
                    .await;
                done.unwrap()
            })
        })
        .collect();
    let mut allowed = 0;
    for one in spending {
        allowed += usize::from(one.await.unwrap());
    }
    assert_eq!(allowed, 1);
    assert!(tries.load(Ordering::Relaxed) >= 3, "one was done again");
}
