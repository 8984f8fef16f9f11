//! Counts of users that come from marks and changes are those of the users that are there.

use crate::support::*;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, ResourceType, Scope, Subject};
use doorward_domain::users::{User, UserFilter, UserStatus};
use doorward_ports::{Store, StoreError};
use uuid::Uuid;

const STATUSES: [UserStatus; 3] = [UserStatus::Active, UserStatus::Dormant, UserStatus::Suspended];

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

fn everything() -> ListFilter {
    let owner = Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
    owner.list_filter(Action::Read, ResourceType::User)
}

fn named(number: usize, status: UserStatus) -> User {
    User { status, ..user(&format!("user-{number:05}")) }
}

/// Makes new marks, if it is time for them.
async fn renew(db: &Fixture) -> bool {
    db.write(|repos| repos.maintenance().renew_counts(&permit())).await
}

/// Compares the counts with the users themselves, from several places of the list and by several states.
async fn check(db: &Fixture, after: &[Option<Uuid>]) {
    for after_id in after.iter().copied() {
        for statuses in [vec![], vec![STATUSES[0]], vec![STATUSES[2], STATUSES[1], STATUSES[2]]] {
            let (filter, page) =
                (UserFilter { statuses, ..UserFilter::default() }, Page { after_id, ..Page::default() });
            let asked = format!("{filter:?} {page:?}");
            let found = db.read(move |repos| repos.users().list(&filter, &everything(), page)).await;
            assert_eq!(found.count, found.users.len() as u64, "{asked}");
        }
    }
}

/// One change of one user or another, as any use case may make it.
async fn change(store: &Store, numbers: &mut Numbers, users: &[User], keep: bool) {
    let (what, new) = (numbers.below(10), numbers.below(100_000));
    let victim = users[numbers.below(users.len())].id;
    let status = STATUSES[numbers.below(3)];
    let result: Result<(), StoreError> = store
        .write(move |repos| {
            match what {
                0..4 => repos.users().insert(&permit(), &named(new, status))?,
                4 => repos.users().insert(&permit(), &User { is_system: true, ..named(new, status) })?,
                5 => drop(repos.users().delete(&permit(), victim, NOW)?),
                6 => {
                    let name = username(&format!("new-{new}"));
                    repos.users().update_profile(&permit(), victim, &name, &real_name(""), NOW)?;
                }
                7 => repos.users().touch(&permit(), victim, NOW)?,
                _ => drop(repos.users().update_status(&permit(), victim, status, NOW)?),
            }
            if keep { Ok(()) } else { Err(StoreError::other("changed its mind")) }
        })
        .await;
    // A name may be taken.
    assert!(keep || result.is_err());
}

async fn fill(db: &Fixture, amount: usize) -> Vec<User> {
    let users: Vec<User> = (0..amount).map(|n| named(n * 37 % 100_000, STATUSES[n % 3])).collect();
    let inserted = users.clone();
    db.write(move |repos| inserted.iter().try_for_each(|user| repos.users().insert(&permit(), user))).await;
    users
}

contract! {
    async fn counts_are_those_of_the_users_whatever_happened_since_the_marks(db) {
        let mut numbers = Numbers(5);
        check(&db, &[None]).await;
        let users = fill(&db, 700).await;
        check(&db, &[None, Some(users[3].id.0)]).await;
        assert!(renew(&db).await, "there were none");
        assert!(!renew(&db).await, "nothing has changed");
        assert_eq!((db.rows("user_marks"), db.rows("user_changes")), (4 * 3, 0), "three stretches, each state");
        for round in 0..60 {
            change(&db.store, &mut numbers, &users, round % 5 != 0).await;
            if round % 6 == 0 {
                let somewhere = users[numbers.below(users.len())].id.0;
                check(&db, &[None, Some(somewhere)]).await;
            }
        }
        assert!(db.rows("user_changes") > 20, "most changes are noted");
        // Many at once, and then marks that contain them.
        fill_more(&db).await;
        check(&db, &[None, Some(users[0].id.0)]).await;
        assert!(renew(&db).await, "many changes");
        assert_eq!(db.rows("user_changes"), 0);
        let last = db.read(|repos| repos.users().list(&UserFilter::default(), &everything(), Page::default())).await;
        let places: Vec<_> = last.users.iter().step_by(301).chain(last.users.last()).map(|user| Some(user.id.0)).collect();
        check(&db, &places).await;
    }

    async fn counts_are_right_when_marks_are_made_while_others_write(db) {
        let users = fill(&db, 600).await;
        assert!(renew(&db).await);
        let mut tasks = Vec::new();
        for writer in 1..4 {
            let (store, users) = (db.store.clone(), users.clone());
            tasks.push(tokio::spawn(async move {
                let mut numbers = Numbers(writer);
                for _ in 0..60 {
                    change(&store, &mut numbers, &users, true).await;
                }
            }));
        }
        for _ in 0..20 {
            // As if it were time.
            db.execute("DELETE FROM user_marks");
            renew(&db).await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        check(&db, &[None, Some(users[17].id.0), Some(users[400].id.0)]).await;
    }
}

async fn fill_more(db: &Fixture) {
    let more: Vec<User> = (0..1_100).map(|n| named(100_000 + n, STATUSES[n % 2])).collect();
    db.write(move |repos| more.iter().try_for_each(|user| repos.users().insert(&permit(), user))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_do_not_make_marks_at_once() {
    let db = Fixture::postgres();
    fill(&db, 300).await;
    let other = db.open_again().store;
    let both: (Result<bool, StoreError>, Result<bool, StoreError>) = tokio::join!(
        db.store.write(|repos| repos.maintenance().renew_counts(&permit())),
        other.write(|repos| repos.maintenance().renew_counts(&permit())),
    );
    assert_eq!(u8::from(both.0.unwrap()) + u8::from(both.1.unwrap()), 1);
    check(&db, &[None]).await;
}
