//! Templates, workspaces and quotas are found by index.

use crate::plans::{plan, taken, watch};
use crate::support::*;
use doorward_domain::page::Page;
use doorward_domain::roles::{Action, ResourceType, Scope, Subject};
use doorward_domain::templates::{Template, TemplateFilter};
use doorward_domain::workspaces::{Workspace, WorkspaceFilter};
use doorward_ports::{Repositories, StoreError};
use std::sync::Arc;

type Step = fn(&mut dyn Repositories, &Template, &Workspace) -> Result<(), StoreError>;

fn member(template: &Template) -> Subject {
    Subject::for_user(template.created_by.0).membership(template.organization_id.0, [""]).scope(Scope::all()).build()
}

const PAGE: Page = Page { limit: Some(10), offset: 0, after_id: None };

const STEPS: [(&str, Step); 9] = [
    ("templates by id and name", |repos, template, _| {
        repos.templates().find_for_update(template.id)?;
        repos.templates().view(template.id)?;
        repos.templates().find_by_name(template.organization_id, template.name.as_str())?;
        repos.templates().count_in(template.organization_id).map(drop)
    }),
    ("templates of an organization", |repos, template, _| {
        let visible = member(template).list_filter(Action::Read, ResourceType::Template);
        let filter = TemplateFilter { organization: Some(template.organization_id), ..TemplateFilter::default() };
        assert!(!repos.templates().list(&filter, &visible)?.is_empty());
        Ok(())
    }),
    ("all templates, by name", |repos, template, _| {
        let visible = member(template).list_filter(Action::Read, ResourceType::Template);
        repos.templates().list(&TemplateFilter::default(), &visible).map(drop)
    }),
    ("workspaces by id", |repos, _, workspace| {
        repos.workspaces().find_for_update(workspace.id)?;
        repos.workspaces().view(workspace.id)?;
        repos.workspaces().latest_build(workspace.id)?;
        repos.workspaces().list_builds(workspace.id, PAGE).map(drop)
    }),
    ("numbers of workspaces", |repos, template, workspace| {
        repos.workspaces().count_of_owner(workspace.owner_id)?;
        repos.workspaces().count_of_template(template.id)?;
        repos.workspaces().count_in(workspace.organization_id).map(drop)
    }),
    ("one's own workspaces", |repos, template, workspace| {
        let visible = member(template).list_filter(Action::Read, ResourceType::Workspace);
        let mine = WorkspaceFilter { owner: Some(workspace.owner_id), ..WorkspaceFilter::default() };
        assert!(!repos.workspaces().list(&mine, &visible, PAGE)?.workspaces.is_empty());
        repos.workspaces().list(&WorkspaceFilter::default(), &visible, PAGE).map(drop)
    }),
    ("a page of all workspaces", |repos, template, _| {
        let owner = Subject::for_user(template.created_by.0).site_roles(["owner"]).scope(Scope::all()).build();
        let visible = owner.list_filter(Action::Read, ResourceType::Workspace);
        repos.workspaces().list(&WorkspaceFilter::default(), &visible, PAGE).map(drop)
    }),
    ("quotas", |repos, _, workspace| {
        repos.quotas().consumed(workspace.owner_id, workspace.organization_id, Some(workspace.id))?;
        repos.quotas().budget(workspace.owner_id, workspace.organization_id).map(drop)
    }),
    ("a build", |repos, _, workspace| {
        let number = repos.workspaces().latest_build(workspace.id)?.map_or(0, |build| build.build_number) + 1;
        repos.workspaces().insert_build(&permit(), &build(workspace, number, 1)).map(drop)
    }),
];

/// Enough rows that reading all of a table is a bad idea, and statistics that say so.
async fn fill(db: &Fixture) -> (Template, Workspace) {
    let (_, _, dev) = templated(db).await;
    let mine = workspace(&dev, "mine");
    let (stored, owner) = (mine.clone(), mine.owner_id);
    db.write(move |repos| {
        repos.workspaces().insert(&permit(), &stored)?;
        repos.workspaces().insert_build(&permit(), &build(&stored, 1, 1)).map(drop)
    })
    .await;
    let (series, id, text) = if db.is_postgres() {
        ("generate_series(1, 4000) AS s(n)", "gen_random_uuid()", "md5(random()::text)")
    } else {
        (
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 4000) SELECT n FROM s)",
            "randomblob(16)",
            "lower(hex(randomblob(8)))",
        )
    };
    let owner = if db.is_postgres() { format!("'{owner}'") } else { format!("x'{}'", owner.0.simple()) };
    db.execute(&format!(
        "INSERT INTO organizations SELECT {id}, {text}, {text}, '', '', '', created_at, created_at, deleted, deleted, '[]' \
           FROM {series}, (SELECT * FROM organizations) o; \
         INSERT INTO groups SELECT id, id, 'Everyone', 'everyone', '', '', 0, 'user', created_at, created_at \
           FROM organizations WHERE name <> 'acme'; \
         INSERT INTO users SELECT {id}, {text}, {text}, {text}, {text}, '', '', NULL, 'active', 'password', '[]', u.created_at, \
           u.created_at, NULL, u.deleted, u.is_system, '', '' FROM {series}, (SELECT * FROM users) u; \
         INSERT INTO templates SELECT {id}, o.id, o.name, o.name, '', '', '', NULL, {owner}, o.created_at, o.created_at, o.deleted, \
           '{{}}', '{{}}', '', '{{}}' FROM organizations o WHERE o.name <> 'acme'; \
         INSERT INTO workspaces SELECT {id}, u.id, t.organization_id, t.id, u.username, u.username_key, t.created_at, t.created_at, \
           t.created_at, NULL, t.deleted FROM (SELECT *, row_number() OVER () AS n FROM users WHERE id <> {owner}) u \
           JOIN (SELECT *, row_number() OVER () AS n FROM templates) t ON t.n = u.n; \
         INSERT INTO workspace_builds SELECT {id}, w.id, n.n, 'start', 'succeeded', '', 1, NULL, w.owner_id, w.created_at, \
           NULL \
           FROM workspaces w, (SELECT 1 AS n UNION SELECT 2) n WHERE w.name <> 'mine'; \
         ANALYZE"
    ));
    (dev, mine)
}

const TABLES: [&str; 3] = ["templates", "workspaces", "workspace_builds"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_by_index() {
    let db = Fixture::postgres();
    let (template, workspace) = fill(&db).await;
    let (store, _) = watch(&db);
    let scans = |db: &Fixture| {
        let sql = "SELECT relname || ' ' || coalesce(seq_scan, 0) AS t FROM pg_stat_user_tables ORDER BY relname";
        let all = db.texts(sql);
        all.into_iter().filter(|line| TABLES.contains(&line.split(' ').next().unwrap())).collect::<Vec<_>>()
    };
    db.end_connections();
    let mut before = scans(&db);
    assert_eq!(before.len(), TABLES.len());
    let shared = Arc::new((template, workspace));
    for (name, step) in STEPS {
        // Lists of all that a server has read all of it.
        let reads_all = name.starts_with("all ") || name.starts_with("a page");
        // Often enough that the plan for all parameters takes over from plans for these.
        for _ in 0..12 {
            let shared = Arc::clone(&shared);
            let result: Result<(), StoreError> = store.write(move |repos| step(repos, &shared.0, &shared.1)).await;
            result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
        db.end_connections();
        let after = scans(&db);
        assert!(reads_all || after == before, "{name} read a table from end to end: {before:?} {after:?}");
        before = after;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_by_index() {
    let db = Fixture::sqlite();
    let shared = Arc::new(fill(&db).await);
    let (store, log) = watch(&db);
    for (name, step) in STEPS {
        let shared = Arc::clone(&shared);
        let result: Result<(), StoreError> = store.write(move |repos| step(repos, &shared.0, &shared.1)).await;
        result.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let statements = taken(&log);
        assert!(!statements.is_empty(), "{name}");
        // Whoever counts all reads all.
        let counts_all = |sql: &&String| name.starts_with("a page") && sql.contains("COUNT(*)");
        for statement in statements.iter().filter(|sql| !counts_all(sql)) {
            let sql = statement.split(" -- binds").next().unwrap();
            for line in plan(&db, sql) {
                let reads_all = line.starts_with("SCAN ") && !line.contains(" INDEX ");
                let watched = TABLES.iter().any(|table| line.contains(table));
                let sorts = line.contains("TEMP B-TREE FOR ORDER BY") && name.starts_with("a page");
                assert!(!(sorts || reads_all && watched), "{name}: `{line}` of\n{sql}");
            }
        }
    }
}
