//! How the databases go about organizations, members and roles: by index wherever one organization or user is meant.

use crate::plans::{plan, taken, watch};
use crate::support::*;
use doorward_domain::ids::{OrganizationId, UserId};
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ListFilter, ResourceType, RoleName, Scope, Subject};
use doorward_ports::{Repositories, StoreError};
use std::sync::Arc;

/// A user who belongs to a hundred of eighty thousand organizations, one of which is looked at.
struct Place {
    user: UserId,
    organizations: Vec<OrganizationId>,
}

impl Place {
    fn one(&self) -> OrganizationId {
        self.organizations[0]
    }

    fn visible(&self, resource: ResourceType) -> ListFilter {
        let mut builder = Subject::for_user(self.user.0).scope(Scope::all());
        for place in &self.organizations {
            builder = builder.membership(place.0, ["organization-auditor"]);
        }
        builder.build().list_filter(Action::Read, resource)
    }
}

fn everything(resource: ResourceType) -> ListFilter {
    let owner = Subject::for_user(uuid::Uuid::nil()).site_roles(["owner"]).scope(Scope::all()).build();
    owner.list_filter(Action::Read, resource)
}

type Step = fn(&mut dyn Repositories, &Place) -> Result<(), StoreError>;

const PAGE: Page = Page { limit: Some(2), offset: 1, after_id: None };

const STEPS: [(&str, Step); 10] = [
    ("organizations of a member of a hundred", |repos, place| {
        let found = repos.organizations().list(&place.visible(ResourceType::Organization))?;
        assert_eq!(found.len(), 100);
        Ok(())
    }),
    ("organizations of a user", |repos, place| {
        let visible = everything(ResourceType::Organization);
        assert_eq!(repos.organizations().list_of_user(place.user, &visible)?.len(), 100);
        let visible = place.visible(ResourceType::Organization);
        assert_eq!(repos.organizations().list_of_user(place.user, &visible)?.len(), 100);
        Ok(())
    }),
    ("members for an owner", |repos, place| {
        let visible = everything(ResourceType::OrganizationMember);
        assert_eq!(repos.members().list(place.one(), &visible, Page::default())?.count, 4);
        assert_eq!(repos.members().list(place.one(), &visible, PAGE)?.members.len(), 2);
        Ok(())
    }),
    ("members for a member", |repos, place| {
        let visible = place.visible(ResourceType::OrganizationMember);
        assert_eq!(repos.members().list(place.one(), &visible, Page::default())?.count, 4);
        assert_eq!(repos.members().list(place.one(), &visible, PAGE)?.members.len(), 2);
        let plain = Subject::for_user(place.user.0).membership(place.one().0, [""; 0]).scope(Scope::all()).build();
        let visible = plain.list_filter(Action::Read, ResourceType::OrganizationMember);
        assert_eq!(repos.members().list(place.one(), &visible, Page::default())?.count, 1);
        Ok(())
    }),
    ("one member", |repos, place| {
        assert!(repos.members().find_for_update(place.one(), place.user)?.is_some());
        repos.members().update_roles(&permit(), place.one(), place.user, &role_names(&["cook"]), NOW)?;
        Ok(())
    }),
    ("memberships of users", |repos, place| {
        assert_eq!(repos.organizations().list_memberships_of(&[place.user, UserId::NIL])?.len(), 100);
        Ok(())
    }),
    ("one organization", |repos, place| {
        let found = repos.organizations().find_for_update(place.one())?.unwrap();
        repos.organizations().find_by_name(found.name.as_str())?;
        repos.organizations().update(&permit(), &found)?;
        repos.organizations().delete_blockers(found.id)?;
        Ok(())
    }),
    ("custom roles", |repos, place| {
        let name = RoleName::organization("cook", place.one().0);
        repos.roles().find_custom(std::slice::from_ref(&name))?;
        repos.roles().find_custom_for_key_share(std::slice::from_ref(&name))?;
        repos.roles().find_custom_for_update(&name)?;
        repos.roles().list_custom(Some(place.one()))?;
        repos.roles().list_custom(None)?;
        repos.roles().insert(&permit(), id(), &custom("cook", Some(place.one()), &[]), NOW)?;
        assert!(repos.roles().delete(&permit(), &name, NOW)?);
        Ok(())
    }),
    ("come and go", |repos, place| {
        repos.members().delete(&permit(), place.one(), place.user)?;
        repos.organizations().insert_member(&permit(), &membership(place.one(), place.user))
    }),
    ("an organization ends", |repos, _| {
        let short = organization(&random_text());
        repos.organizations().insert(&permit(), &short)?;
        assert!(repos.organizations().delete(&permit(), short.id, NOW)?);
        Ok(())
    }),
];

const TABLES: [&str; 6] = ["organizations", "organization_members", "users", "groups", "group_members", "custom_roles"];

async fn fill(db: &Fixture) -> Place {
    let ann = user("ann");
    let organizations: Vec<_> = (0..100).map(|n| organization(&format!("place-{n:03}"))).collect();
    let place = Place { user: ann.id, organizations: organizations.iter().map(|place| place.id).collect() };
    db.write(move |repos| {
        repos.users().insert(&permit(), &ann)?;
        for place in &organizations {
            repos.organizations().insert(&permit(), place)?;
            repos.organizations().insert_member(&permit(), &membership(place.id, ann.id))?;
        }
        Ok(())
    })
    .await;
    let (series, id, text, day) = if db.is_postgres() {
        ("generate_series(1, 20000) AS s(n)", "gen_random_uuid()", "md5(random()::text)", "now()")
    } else {
        (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000) SELECT n FROM s)",
            "randomblob(16)",
            "lower(hex(randomblob(8)))",
            "4102444800000000",
        )
    };
    let fourfold = "(SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4) f";
    let one = db.uuid(place.one().0);
    db.execute(&format!(
        "INSERT INTO users SELECT {id}, {text}, {text}, {text}, {text}, '', '', NULL, 'active', 'password', '[]', {day}, {day}, NULL, \
           is_system, is_system, '', '' FROM {series}, (SELECT is_system FROM users) u; \
         INSERT INTO organizations SELECT {id}, {text}, {text}, '', '', '', {day}, {day}, is_system, is_system, '[]' \
           FROM {series}, {fourfold}, (SELECT is_system FROM users LIMIT 1) u; \
         INSERT INTO groups SELECT id, id, 'Everyone', 'everyone', '', '', 0, 'user', {day}, {day} FROM organizations \
           WHERE name NOT LIKE 'place-%'; \
         INSERT INTO organization_members SELECT o.id, u.id, '[]', {day}, {day} FROM \
           (SELECT id, row_number() OVER () AS n FROM organizations WHERE name NOT LIKE 'place-%') o JOIN \
           (SELECT id, row_number() OVER () AS n FROM users WHERE username <> 'ann') u ON u.n = o.n; \
         INSERT INTO organization_members SELECT {one}, id, '[]', {day}, {day} FROM users WHERE username <> 'ann' LIMIT 3; \
         INSERT INTO custom_roles (id, organization_id, name, display_name, site_permissions, organization_permissions, user_permissions, created_at, updated_at) SELECT {id}, id, {text}, '', '[]', '[]', '[]', {day}, {day} FROM organizations; \
         INSERT INTO groups SELECT {id}, id, 'g', 'g', '', '', 0, 'user', {day}, {day} FROM organizations; \
         INSERT INTO group_members (group_id, organization_id, user_id) SELECT g.id, g.organization_id, m.user_id FROM groups g JOIN organization_members m \
           ON m.organization_id = g.organization_id WHERE g.name = 'g'; \
         ANALYZE"
    ));
    place
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_by_index() {
    let db = Fixture::postgres();
    let place = Arc::new(fill(&db).await);
    let (store, _) = watch(&db);
    let scans = |db: &Fixture| {
        let sql = "SELECT relname || ' ' || coalesce(seq_scan, 0) AS t FROM pg_stat_user_tables ORDER BY relname";
        let all = db.texts(sql);
        all.into_iter().filter(|line| TABLES.contains(&line.split(' ').next().unwrap())).collect::<Vec<_>>()
    };
    db.end_connections();
    let before = scans(&db);
    assert_eq!(before.len(), TABLES.len());
    for (name, step) in STEPS {
        // Often enough that the plan for all parameters takes over from plans for these.
        for _ in 0..12 {
            let place = Arc::clone(&place);
            let result: Result<(), StoreError> = store.write(move |repos| step(repos, &place)).await;
            result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    }
    drop(store);
    db.end_connections();
    assert_eq!(scans(&db), before, "no table was read from end to end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_by_index() {
    let db = Fixture::sqlite();
    let place = Arc::new(fill(&db).await);
    let (store, log) = watch(&db);
    for (name, step) in STEPS {
        let place = Arc::clone(&place);
        let result: Result<(), StoreError> = store.write(move |repos| step(repos, &place)).await;
        result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let statements = taken(&log);
        assert!(!statements.is_empty(), "{name}");
        for statement in &statements {
            let sql = statement.split(" -- binds").next().unwrap();
            for line in plan(&db, sql) {
                // Reading an index from end to end is no better.
                let reads_all = TABLES.iter().any(|table| line.starts_with(&format!("SCAN {table}")));
                assert!(!reads_all, "{name}: `{line}` of\n{sql}");
            }
        }
    }
    taken(&log);
    // Who sees all organizations gets them in order, without sorting.
    let found = store.read(|repos| repos.organizations().list(&everything(ResourceType::Organization))).await;
    let found: Result<_, StoreError> = found;
    assert_eq!(found.unwrap().len(), 80_100);
    let mut statements = taken(&log);
    statements.retain(|statement| statement.starts_with("SELECT"));
    let [sql] = statements.as_slice() else { panic!("one query, and not {statements:?}") };
    let lines = plan(&db, sql.split(" -- binds").next().unwrap());
    assert!(lines.iter().all(|line| !line.contains("TEMP B-TREE")), "{lines:?}");
}
