//! How the databases look up the users of a directory: by index, however many there are.

use crate::plans::{plan, taken, watch};
use crate::scim::scim_record;
use crate::scim_groups::scim_group_record;
use crate::support::*;
use doorward_domain::Instant;
use doorward_domain::ids::UserId;
use doorward_domain::scim::Lookup;
use doorward_ports::{Repositories, StoreError};
use time::macros::datetime;

/// Nothing has changed since.
const LATER: Instant = datetime!(2120-01-01 00:00 UTC);

type Step = fn(&mut dyn Repositories, UserId) -> Result<(), StoreError>;

fn one(repos: &mut dyn Repositories, lookup: &Lookup) -> Result<(), StoreError> {
    assert_eq!(repos.scim().find_users(None, lookup, 9)?.len(), 1, "{lookup:?}");
    Ok(())
}

const STEPS: [(&str, Step); 14] = [
    ("by id", |repos, id| {
        assert!(repos.scim().find_user(None, id)?.is_some());
        one(repos, &Lookup { ids: vec![id.0], ..Lookup::default() })
    }),
    ("by user name", |repos, _| {
        one(repos, &Lookup { user_names: vec!["ann@corp.example".to_owned()], ..Lookup::default() })
    }),
    ("by external id", |repos, id| {
        assert_eq!(repos.scim().find_user_by_external_id(None, "00uA")?, Some(id));
        one(repos, &Lookup { external_ids: vec!["00uA".to_owned()], ..Lookup::default() })
    }),
    ("by address", |repos, _| one(repos, &Lookup { emails: vec!["home@x.example".to_owned()], ..Lookup::default() })),
    ("by the address of the account", |repos, _| {
        one(repos, &Lookup { emails: vec!["ann@example.com".to_owned()], ..Lookup::default() })
    }),
    ("store", |repos, id| {
        repos.scim().store_user(
            &permit(),
            None,
            id,
            &scim_record("ann@corp.example", Some("00uA"), &["home@x.example"]),
        )
    }),
    ("groups of a user", |repos, id| {
        assert_eq!(repos.scim().list_user_groups(None, &[id])?.len(), 1);
        let mine = repos.scim().find_groups(None, &Lookup { members: vec![id.0], ..Lookup::default() }, 9)?;
        let group = &mine[0].group;
        assert_eq!(repos.scim().members_among(group.id, &[id])?, vec![id]);
        assert!(repos.scim().find_group(None, group.id)?.is_some());
        repos.scim().store_group(&permit(), None, group, &scim_group_record("Devs", Some("00gD")))
    }),
    ("groups by name and external id", |repos, _| {
        for lookup in [
            Lookup { display_names: vec!["devs".to_owned()], ..Lookup::default() },
            Lookup { external_ids: vec!["00gD".to_owned()], ..Lookup::default() },
        ] {
            assert_eq!(repos.scim().find_groups(None, &lookup, 9)?.len(), 1, "{lookup:?}");
        }
        Ok(())
    }),
    ("a member comes and goes", |repos, id| {
        let mine = repos.scim().find_groups(None, &Lookup { members: vec![id.0], ..Lookup::default() }, 9)?;
        let group = &mine[0].group;
        assert_eq!(repos.scim().list_members_among(&[group.id], &[id])?.len(), 1);
        assert_eq!(repos.groups().delete_members(&permit(), group, &[id])?, vec![id]);
        assert_eq!(repos.groups().insert_members(&permit(), group, &[id])?, 1);
        Ok(())
    }),
    ("groups by id", |repos, id| {
        let mine = repos.scim().find_groups(None, &Lookup { members: vec![id.0], ..Lookup::default() }, 9)?;
        let ids = mine.iter().map(|found| found.group.id.0).collect();
        assert_eq!(repos.scim().find_groups(None, &Lookup { ids, ..Lookup::default() }, 9)?, mine);
        Ok(())
    }),
    ("users of the directory of an organization", |repos, id| {
        let place = repos.organizations().list_memberships(id)?[0].organization_id;
        let record = scim_record("ann@acme.example", Some("A1"), &["work@acme.example"]);
        repos.scim().store_user(&permit(), Some(place), id, &record)?;
        for lookup in [
            Lookup { ids: vec![id.0], ..Lookup::default() },
            Lookup { user_names: vec!["ann@acme.example".to_owned()], ..Lookup::default() },
            Lookup { external_ids: vec!["A1".to_owned()], ..Lookup::default() },
            Lookup { emails: vec!["work@acme.example".to_owned()], ..Lookup::default() },
        ] {
            assert_eq!(repos.scim().find_users(Some(place), &lookup, 9)?.len(), 1, "{lookup:?}");
        }
        Ok(())
    }),
    ("users by beginning and time", |repos, _| {
        one(repos, &Lookup { user_name_prefixes: vec!["ann@".to_owned()], ..Lookup::default() })?;
        let later = Lookup { modified_since: Some(LATER), ..Lookup::default() };
        assert_eq!(repos.scim().find_users(None, &later, 9)?, vec![]);
        Ok(())
    }),
    ("groups by beginning and time", |repos, _| {
        let named = Lookup { display_name_prefixes: vec!["dev".to_owned()], ..Lookup::default() };
        assert_eq!(repos.scim().find_groups(None, &named, 9)?.len(), 1);
        let later = Lookup { modified_since: Some(LATER), ..Lookup::default() };
        assert_eq!(repos.scim().find_groups(None, &later, 9)?, vec![]);
        Ok(())
    }),
    ("the first page", |repos, _| {
        assert_eq!(repos.scim().list_users(None, None, 0, 20)?.len(), 20);
        Ok(())
    }),
];

const TABLES: [&str; 6] = ["users", "scim_users", "scim_emails", "groups", "scim_groups", "group_members"];

async fn fill(db: &Fixture) -> UserId {
    let ann = user("ann");
    let id = ann.id;
    db.write(move |repos| {
        repos.users().insert(&permit(), &ann)?;
        let record = scim_record("ann@corp.example", Some("00uA"), &["home@x.example"]);
        repos.scim().store_user(&permit(), None, id, &record)?;
        let acme = organization("acme");
        let devs = group(acme.id, "devs", 0);
        repos.organizations().insert(&permit(), &acme)?;
        repos.organizations().insert_member(&permit(), &membership(acme.id, id))?;
        repos.groups().insert(&permit(), &devs)?;
        repos.groups().insert_members(&permit(), &devs, &[id])?;
        repos.scim().store_group(&permit(), None, &devs, &scim_group_record("Devs", Some("00gD")))
    })
    .await;
    let (series, new, text, at) = if db.is_postgres() {
        ("generate_series(1, 4000) AS s(n)", "gen_random_uuid()", "md5(random()::text)", "now()")
    } else {
        (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 4000) SELECT n FROM s)",
            "randomblob(16)",
            "lower(hex(randomblob(8)))",
            "1772368496000000",
        )
    };
    let nil = db.uuid(uuid::Uuid::nil());
    db.execute(&format!(
        "INSERT INTO users SELECT {new}, {text}, {text}, {text}, {text}, '', '', NULL, 'active', 'oidc', '[]', {at}, {at}, NULL, \
           is_system, is_system, '', '' FROM {series}, (SELECT is_system FROM users WHERE username = 'ann') u; \
         INSERT INTO scim_users SELECT {nil}, id, {text}, username, username_key, '{{}}', {at}, {at} FROM users WHERE username <> 'ann'; \
         INSERT INTO scim_emails SELECT {nil}, email_key, id FROM users WHERE username <> 'ann'; \
         INSERT INTO organization_members SELECT o.id, u.id, '[]', {at}, {at} FROM organizations o, users u \
           WHERE o.name = 'acme' AND u.username <> 'ann'; \
         INSERT INTO groups SELECT {new}, o.id, {text}, {text}, '', '', 0, 'oidc', {at}, {at} FROM organizations o, {series} \
           WHERE o.name = 'acme'; \
         INSERT INTO scim_groups SELECT {nil}, id, {text}, name, name_key, 1, {at}, {at} FROM groups WHERE source = 'oidc'; \
         INSERT INTO group_members (group_id, organization_id, user_id) SELECT g.id, g.organization_id, m.user_id \
           FROM (SELECT id, organization_id, row_number() OVER (ORDER BY id) AS n FROM groups WHERE source = 'oidc') g \
           JOIN (SELECT user_id, row_number() OVER (ORDER BY user_id) AS n FROM organization_members m JOIN users u ON u.id = m.user_id \
           WHERE u.username <> 'ann') m ON m.n = g.n; \
         ANALYZE"
    ));
    id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_by_index() {
    let db = Fixture::postgres();
    let id = fill(&db).await;
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
            let result: Result<(), StoreError> = store.write(move |repos| step(repos, id)).await;
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
    let id = fill(&db).await;
    let (store, log) = watch(&db);
    for (name, step) in STEPS {
        let result: Result<(), StoreError> = store.write(move |repos| step(repos, id)).await;
        result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let statements = taken(&log);
        assert!(!statements.is_empty(), "{name}");
        for statement in &statements {
            let sql = statement.split(" -- binds").next().unwrap();
            for line in plan(&db, sql) {
                // The page goes along the primary key and stops.
                let reads_all = TABLES.iter().any(|table| line.starts_with(&format!("SCAN {table}")));
                assert!(
                    !reads_all || (name == "the first page" && line.contains("USING INDEX")),
                    "{name}: `{line}` of\n{sql}"
                );
            }
        }
    }
}
