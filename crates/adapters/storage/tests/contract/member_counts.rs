//! Counts of members are those of the memberships that are there, whatever happened, and few rows are read for them and
//! for the first members of an organization.

use crate::groups::{crowd, group, insert, join};
use crate::plans::{plan, taken, watch};
use crate::support::*;
use crate::worlds::Dice;
use diesel::{Connection as _, PgConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use doorward_domain::groups::Group;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::organizations::Organization;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, ResourceType, Scope, Subject};
use doorward_domain::users::User;
use doorward_ports::members::MemberPage;
use doorward_ports::{Repositories, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../../migrations/sqlite");

/// Three organizations with two groups each, and thirty users, of whom some are members; one user is part of the server.
struct Place {
    organizations: Vec<Organization>,
    groups: Vec<Group>,
    users: Vec<User>,
}

impl Place {
    async fn new(db: &Fixture) -> Self {
        let organizations: Vec<_> = (0..3).map(|n| organization(&format!("place-{n}"))).collect();
        let groups: Vec<_> =
            (0..6).map(|n| group(&organizations[n % organizations.len()], &format!("group-{n}"))).collect();
        let users: Vec<_> = (0..30).map(|n| User { is_system: n == 7, ..user(&format!("user-{n:02}")) }).collect();
        let (o, g, u) = (organizations.clone(), groups.clone(), users.clone());
        db.write(move |repos| {
            o.iter().try_for_each(|place| repos.organizations().insert(&permit(), place))?;
            g.iter().try_for_each(|group| repos.groups().insert(&permit(), group))?;
            u.iter().try_for_each(|user| repos.users().insert(&permit(), user))
        })
        .await;
        Self { organizations, groups, users }
    }

    /// All groups, Everyone of each organization too.
    fn all(&self) -> Vec<Group> {
        self.organizations.iter().map(Group::everyone).chain(self.groups.iter().cloned()).collect()
    }

    /// Compares the counts with the memberships themselves.
    async fn check(&self, db: &Fixture, when: &str) {
        let all = self.all();
        let counted = all.clone();
        let counts = db.read(move |repos| repos.groups().count_members(&counted)).await;
        for group in all {
            let (table, column) = if group.is_everyone() {
                ("organization_members", "organization_id")
            } else {
                ("group_members", "group_id")
            };
            let real = db.number(&format!(
                "SELECT count(*) FROM {table} m JOIN users u ON u.id = m.user_id \
                 WHERE NOT u.deleted AND NOT u.is_system AND m.{column} = {}",
                db.uuid(group.id.0)
            ));
            let found = counts.iter().find(|(id, _)| *id == group.id).map_or(0, |(_, count)| *count);
            assert_eq!(i64::try_from(found).unwrap(), real, "{} {when}", group.name);
        }
    }

    /// Something that changes who is a member, as use cases do it.
    fn change(
        &self,
        dice: &mut Dice,
    ) -> impl FnOnce(&mut dyn Repositories) -> Result<(), StoreError> + Clone + Send + 'static {
        let what = dice.roll(24);
        let (place, group, user) =
            (dice.pick(&self.organizations).id, dice.pick(&self.groups).clone(), dice.pick(&self.users).id);
        let some: Vec<UserId> = dice.some(&self.users, 3).iter().map(|user| user.id).collect();
        move |repos| {
            match what {
                0..8 => {
                    repos
                        .users()
                        .find_for_update(user)?
                        .filter(|user| !user.deleted)
                        .ok_or(StoreError::other("is deleted"))?;
                    repos.organizations().insert_member(&permit(), &membership(place, user))?;
                }
                8..16 => {
                    let held = repos.groups().members_for_key_share(group.organization_id, &some)?;
                    repos.groups().insert_members(&permit(), &group, &held).map(drop)?;
                }
                16..19 => repos.groups().delete_members(&permit(), &group, &some).map(drop)?,
                19..22 => repos.members().delete(&permit(), place, user).map(drop)?,
                22 => {
                    repos.users().find_for_update(user)?;
                    repos.users().delete(&permit(), user, NOW).map(drop)?;
                }
                _ => {
                    // It comes back without members.
                    repos.groups().find_for_update(group.id)?;
                    if repos.groups().delete(&permit(), group.id)? {
                        repos.groups().insert(&permit(), &group)?;
                    }
                }
            }
            Ok(())
        }
    }
}

/// Folds the changes. As if there were many: some that change nothing.
async fn fold(db: &Fixture) {
    if db.is_postgres() {
        db.execute("INSERT INTO member_changes SELECT gen_random_uuid(), 0 FROM generate_series(1, 1000)");
    }
    db.write(|repos| repos.maintenance().renew_counts(&permit())).await;
}

/// Changes that are noted and not yet folded.
fn noted(db: &Fixture) -> i64 {
    if db.is_postgres() { db.rows("member_changes") } else { 0 }
}

async fn attempt(
    store: &Store,
    change: impl FnOnce(&mut dyn Repositories) -> Result<(), StoreError> + Clone + Send + 'static,
) {
    // Who is a member already is refused.
    let _: Result<(), StoreError> = store.write(change).await;
}

/// Who may see all members, as an owner or as an auditor of the organization, and who sees only itself.
fn owner() -> ListFilter {
    let owner = Subject::for_user(Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
    owner.list_filter(Action::Read, ResourceType::OrganizationMember)
}

fn member_with(role: &[&str], place: OrganizationId, user: UserId) -> ListFilter {
    let subject = Subject::for_user(user.0).membership(place.0, role.iter().copied()).scope(Scope::all()).build();
    subject.list_filter(Action::Read, ResourceType::OrganizationMember)
}

async fn page(store: &Store, place: OrganizationId, visible: ListFilter, limit: u32, offset: u32) -> MemberPage {
    let page = Page { limit: Some(limit), offset, after_id: None };
    let found: Result<_, StoreError> = store.read(move |repos| repos.members().list(place, &visible, page)).await;
    found.unwrap()
}

contract! {
    async fn counts_are_those_of_the_memberships_whatever_happened(db) {
        let (place, mut dice) = (Place::new(&db).await, Dice::new(3));
        place.check(&db, "at first").await;
        for round in 0..300 {
            let change = place.change(&mut dice);
            if round % 7 == 0 {
                let undone: Result<(), StoreError> = db.store.write(move |repos| {
                    change(repos)?;
                    Err(StoreError::other("changed its mind"))
                }).await;
                undone.unwrap_err();
            } else {
                attempt(&db.store, change).await;
            }
            if round % 20 == 0 {
                place.check(&db, &format!("in round {round}")).await;
            }
            if round % 90 == 89 {
                fold(&db).await;
                assert_eq!(noted(&db), 0);
            }
        }
        assert!(db.rows("organization_members") > 20 && db.rows("group_members") > 5, "there is something to count");
        // By hand, past the use cases: users go and come back, many members leave at once.
        let victims = "(SELECT user_id FROM organization_members ORDER BY user_id LIMIT 6)";
        db.execute(&format!("UPDATE users SET deleted = NOT deleted WHERE id IN {victims}"));
        place.check(&db, "with deleted members").await;
        db.execute(&format!("DELETE FROM group_members WHERE user_id IN {victims}"));
        db.execute("UPDATE users SET deleted = NOT deleted WHERE deleted");
        place.check(&db, "with members who came back").await;
        db.execute("UPDATE users SET is_system = NOT is_system WHERE username_key < 'user-12'");
        place.check(&db, "with members that are part of the server").await;
        let first = place.organizations[0].id;
        assert!(db.write(move |repos| repos.organizations().delete(&permit(), first, NOW)).await);
        place.check(&db, "without an organization").await;
        db.execute("DELETE FROM organization_members");
        place.check(&db, "without anybody").await;
        fold(&db).await;
        assert_eq!((db.rows("member_counts"), noted(&db)), (0, 0), "nothing is left behind");
    }

    async fn counts_are_right_when_changes_are_folded_while_others_write(db) {
        let place = Arc::new(Place::new(&db).await);
        // A group that nobody changes meanwhile.
        let still = group(&place.organizations[0], "still");
        insert(&db, &[&still]).await;
        let others: Vec<_> = (0..5).map(|n| user(&format!("other-{n}"))).collect();
        let (member_of, ids) = (still.organization_id, others.iter().map(|user| user.id).collect::<Vec<_>>());
        db.write(move |repos| others.iter().try_for_each(|user| {
            repos.users().insert(&permit(), user)?;
            repos.organizations().insert_member(&permit(), &membership(member_of, user.id))
        })).await;
        join(&db, &still, &ids).await;

        let ended = Arc::new(AtomicBool::new(false));
        let (reader, group, stop) = (db.store.clone(), [still], Arc::clone(&ended));
        let reader = tokio::spawn(async move {
            let mut looks = 0;
            while !stop.load(Ordering::Relaxed) || looks == 0 {
                let counted = group.clone();
                let counts: Result<_, StoreError> =
                    reader.read(move |repos| repos.groups().count_members(&counted)).await;
                assert_eq!(counts.unwrap(), [(group[0].id, 5)]);
                looks += 1;
            }
        });
        let mut writers = Vec::new();
        for writer in 1..4 {
            let (store, place) = (db.store.clone(), Arc::clone(&place));
            writers.push(tokio::spawn(async move {
                let mut dice = Dice::new(writer);
                for _ in 0..80 {
                    attempt(&store, place.change(&mut dice)).await;
                }
            }));
        }
        for _ in 0..20 {
            fold(&db).await;
        }
        for writer in writers {
            writer.await.unwrap();
        }
        place.check(&db, "after all").await;
        fold(&db).await;
        place.check(&db, "after all, folded").await;
        ended.store(true, Ordering::Relaxed);
        reader.await.unwrap();
    }

    async fn who_is_added_to_a_group_and_deleted_at_once_is_not_counted(db) {
        let place = Place::new(&db).await;
        let (home, devs) = (place.organizations[0].id, place.groups[0].clone());
        for round in 0..20 {
            let victim = place.users[round].id;
            db.write(move |repos| repos.organizations().insert_member(&permit(), &membership(home, victim))).await;
            let group = devs.clone();
            let add = db.store.write(move |repos| repos.groups().insert_members(&permit(), &group, &[victim]));
            let end = db.store.write(move |repos| {
                repos.users().find_for_update(victim)?;
                repos.users().delete(&permit(), victim, NOW)
            });
            let (added, ended): (Result<usize, StoreError>, Result<bool, StoreError>) = tokio::join!(add, end);
            assert!(ended.unwrap(), "{added:?}");
            place.check(&db, &format!("in round {round}: {added:?}")).await;
        }
        assert_eq!((db.rows("group_members"), db.rows("organization_members")), (0, 0));
    }

    async fn members_from_before_are_counted(db) {
        let (place, mut dice) = (Place::new(&db).await, Dice::new(8));
        for _ in 0..200 {
            attempt(&db.store, place.change(&mut dice)).await;
        }
        db.execute("UPDATE users SET deleted = NOT deleted WHERE username_key < 'user-03'");
        db.execute("UPDATE users SET is_system = NOT is_system WHERE username_key > 'user-27'");
        if db.is_postgres() {
            again(&mut PgConnection::establish(&db.url).unwrap(), || POSTGRES);
        } else {
            again(&mut db.sqlite_connection(), || SQLITE);
        }
        place.check(&db, "after the migration").await;
        for _ in 0..60 {
            attempt(&db.store, place.change(&mut dice)).await;
        }
        place.check(&db, "later").await;
    }

    async fn pages_of_a_large_organization_are_those_of_the_whole_list(db) {
        let (place, users) = populate(&db, &["ann", "zoe"]).await;
        // Those who come first are strangers, more than are looked at; then members.
        crowd(&db, &place, None, 2_500);
        let whole = |limit| page(&db.store, place.id, owner(), limit, 0);
        let all = whole(5_000).await;
        assert_eq!((all.members.len(), all.count), (2_502, 2_502));
        for strangers in [0, 1_000, 2_500] {
            db.execute(&format!(
                "UPDATE users SET username_key = '0' || username_key WHERE id IN \
                 (SELECT id FROM users WHERE username_key LIKE 'member%' ORDER BY id LIMIT {strangers})"
            ));
            if strangers == 1_000 {
                db.execute("DELETE FROM organization_members WHERE user_id IN \
                            (SELECT id FROM users WHERE username_key LIKE '0%' ORDER BY id LIMIT 990)");
            }
            let all = whole(5_000).await;
            assert_eq!(all.members.len() as u64, all.count);
            for (limit, offset) in [(0, 0), (1, 0), (25, 0), (25, 3), (40, 990), (1_000, 1_000), (25, 1_490), (25, 2_490), (25, 9_999)] {
                for visible in [owner(), member_with(&["organization-auditor"], place.id, users[0].id)] {
                    let found = page(&db.store, place.id, visible, limit, offset).await;
                    let expected = all.members.iter().skip(offset as usize).take(limit as usize);
                    assert!(found.members.iter().eq(expected), "{limit} from {offset}, {strangers} strangers");
                    assert_eq!(found.count, all.count);
                }
            }
        }
        let own = page(&db.store, place.id, member_with(&[], place.id, users[0].id), 25, 0).await;
        assert_eq!((own.members.len(), own.count), (1, 1), "one's own membership");
    }
}

/// Undoes the migration and those after it, and does them again.
fn again<C: diesel::Connection + MigrationHarness<C::Backend>>(conn: &mut C, migrations: fn() -> EmbeddedMigrations) {
    while conn.revert_last_migration(migrations()).unwrap().to_string().as_str() > "20260207000000" {}
    conn.run_pending_migrations(migrations()).unwrap();
}

/// Some thousand members, most of them in a group too.
async fn many(db: &Fixture) -> (Organization, Vec<Group>) {
    let (place, _) = populate(db, &["ann", "zoe"]).await;
    let devs = group(&place, "devs");
    insert(db, &[&devs]).await;
    crowd(db, &place, Some(&devs), 20_000);
    fold(db).await;
    db.execute("ANALYZE");
    let groups = vec![Group::everyone(&place), devs];
    (place, groups)
}

async fn count(store: &Store, groups: &[Group]) -> u64 {
    let groups = groups.to_vec();
    let counts: Result<_, StoreError> = store.read(move |repos| repos.groups().count_members(&groups)).await;
    counts.unwrap().into_iter().map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_reads_few_rows_for_counts_and_first_members() {
    let db = Fixture::postgres();
    let (place, groups) = many(&db).await;
    let (store, _) = watch(&db);
    db.end_connections();
    let read =
        || db.number("SELECT CAST(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS bigint) FROM pg_stat_user_tables");
    let entries = || db.number("SELECT CAST(sum(idx_tup_read) AS bigint) FROM pg_stat_user_indexes");
    let (rows, before) = (read(), entries());
    // Often enough that the plan for all parameters takes over from plans for these.
    for _ in 0..12 {
        assert_eq!(count(&store, &groups).await, 40_002);
    }
    db.end_connections();
    let (counted, entered) = (read(), entries());
    assert!(
        counted - rows < 12 * 20 && entered - before < 12 * 20,
        "{} rows, {} entries",
        counted - rows,
        entered - before
    );
    for _ in 0..12 {
        let found = page(&store, place.id, owner(), 25, 0).await;
        assert_eq!((found.members.len(), found.count), (25, 20_002));
    }
    db.end_connections();
    let (listed, looked) = (read() - counted, entries() - entered);
    assert!(listed < 12 * 300 && looked < 12 * 300, "{listed} rows and {looked} entries were read for 12 pages");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_reads_few_rows_for_counts_and_first_members() {
    let db = Fixture::sqlite();
    let (place, groups) = many(&db).await;
    let (store, log) = watch(&db);
    assert_eq!(count(&store, &groups).await, 40_002);
    let lines = plans(&db, &taken(&log));
    assert!(lines.iter().any(|line| line == "SEARCH member_counts USING PRIMARY KEY (group_id=?)"), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains("group_members") && !line.contains("organization_members")));
    let found = page(&store, place.id, owner(), 25, 0).await;
    assert_eq!((found.members.len(), found.count), (25, 20_002));
    let lines = plans(&db, &taken(&log));
    for expected in [
        "SCAN users USING INDEX users_username_unique",
        "SEARCH m USING PRIMARY KEY (organization_id=? AND user_id=?)",
        "SEARCH organization_members USING PRIMARY KEY (organization_id=? AND user_id=?)",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected}: {lines:#?}");
    }
    let scans: Vec<_> = lines.iter().filter(|line| line.starts_with("SCAN") && line.contains("members")).collect();
    assert!(scans.is_empty(), "{scans:?}");
}

/// What SQLite does for these statements.
fn plans(db: &Fixture, statements: &[String]) -> Vec<String> {
    statements.iter().flat_map(|statement| plan(db, statement.split(" -- binds").next().unwrap())).collect()
}
