//! How jobs, versions and files are looked up: by index, however many there are.

use crate::files::{file, upload};
use crate::plans::{plan, scans, taken, watch};
use crate::provisioner_jobs::{line, provisioner_job, stored_resource, worker};
use crate::provisioners::provisioner_daemon;
use crate::support::*;
use crate::template_versions::template_version;
use doorward_domain::page::Page;
use doorward_domain::provisioner_jobs::JobStatus;
use doorward_domain::roles::{Action, ResourceType, Scope, Subject};
use doorward_domain::template_versions::TemplateVersion;
use doorward_domain::workspaces::{Build, WorkspaceFilter};
use doorward_ports::StoreError;
use doorward_ports::provisioner_jobs::JobFilter;
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;

/// Tables that nobody reads as a whole.
const TABLES: [&str; 8] = [
    "provisioner_jobs",
    "provisioner_job_logs",
    "provisioner_job_resources",
    "provisioner_daemons",
    "template_versions",
    "workspace_build",
    "files",
    "file_pieces",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_goes_by_index() {
    let db = Fixture::sqlite();
    let (acme, ann, dev) = templated(&db).await;
    let (store, log) = watch(&db);
    let walked: Result<(), StoreError> = store
        .write(move |repos| {
            let source = file(ann.id, "tar");
            upload(repos, &source, "tar")?;
            repos.files().find(source.id)?;
            repos.files().find_by_digest(ann.id, &source.digest)?;
            repos.files().piece(source.id, 0)?;
            let host = provisioner_daemon(acme.id, id(), "host");
            repos.provisioner_daemons().upsert(&permit(), &host)?;
            let job = provisioner_job(acme.id, ann.id, source.id);
            repos.provisioner_jobs().insert(&permit(), &job, b"", None)?;
            let version = TemplateVersion { template_id: Some(dev.id), ..template_version(&job, "v1") };
            repos.template_versions().insert(&permit(), &version)?;
            repos.files().templates_of(source.id)?;
            assert_eq!(repos.provisioner_jobs().count_pending(acme.id)?, 1);
            let statuses = Some(BTreeSet::from([JobStatus::Pending]));
            for filter in [
                JobFilter { limit: Some(9), ..JobFilter::default() },
                JobFilter { statuses, tags: Some(job.tags.clone()), initiator: Some(ann.id), ..JobFilter::default() },
            ] {
                assert_eq!(repos.provisioner_jobs().list(acme.id, &filter)?.len(), 1);
            }
            let claimed = repos.provisioner_jobs().claim(&permit(), &worker(&host), NOW)?.unwrap();
            repos.provisioner_jobs().find_for_update(job.id)?;
            repos.provisioner_jobs().view(job.id)?;
            repos.provisioner_jobs().append_logs(&permit(), &job, NOW, &[line("a")])?;
            repos.provisioner_jobs().list_logs(job.id, 0, 9)?;
            repos.provisioner_jobs().insert_resources(&permit(), &job, &[stored_resource(&job, "box")])?;
            repos.provisioner_jobs().list_resources(job.id)?;
            assert_eq!(repos.provisioner_jobs().current_of(&[host.id])?.len(), 1);
            repos.provisioner_jobs().list_silent(NOW, NOW, 9)?;
            repos.provisioner_jobs().update(&permit(), &claimed.ended(NOW, "", ""))?;
            assert_eq!(repos.provisioner_jobs().previous_of(&[host.id])?.len(), 1);
            repos.template_versions().find_for_update(version.id)?;
            repos.template_versions().find_by_name(dev.id, "v1")?;
            repos.template_versions().view(version.id)?;
            repos.template_versions().list(dev.id, false, Page { limit: Some(9), ..Page::default() })?;
            repos.template_versions().archive_unused(&permit(), dev.id, true, NOW)?;
            let desk = workspace(&dev, "desk");
            repos.workspaces().insert(&permit(), &desk)?;
            let built = build(&desk, 1, 0);
            repos.workspaces().insert_build(&permit(), &built)?;
            repos.workspaces().insert_build_input(&permit(), &built, &BTreeMap::new(), None)?;
            repos.workspaces().update_build(&permit(), &built, NOW)?;
            repos.workspaces().view_build(built.id)?;
            repos.workspaces().view_build_by_number(desk.id, 1)?;
            repos.maintenance().purge(&permit(), NOW + Duration::DAY, 9)?;
            Ok(())
        })
        .await;
    walked.unwrap();
    let statements = taken(&log);
    assert!(statements.len() >= 40, "{}", statements.len());
    for statement in &statements {
        let sql = statement.split(" -- binds").next().unwrap();
        for line in plan(&db, sql) {
            let scans = TABLES.iter().any(|table| line.starts_with(&format!("SCAN {table}")));
            assert!(!scans || line.contains("USING"), "`{line}` of\n{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_takes_as_many_statements_as_a_short_one() {
    let db = Fixture::sqlite();
    let (acme, ann, dev) = templated(&db).await;
    let (store, log) = watch(&db);
    let mut counts = Vec::new();
    for more in [1, 20] {
        let (of, template) = (ann.id, dev.id);
        let (ann, dev) = (ann.clone(), dev.clone());
        let filled: Result<(), StoreError> = store
            .write(move |repos| {
                for n in 0..more {
                    let source = file(ann.id, &format!("{more} {n}"));
                    upload(repos, &source, &format!("{more} {n}"))?;
                    let mut job = provisioner_job(acme.id, ann.id, source.id);
                    repos.provisioner_jobs().insert(&permit(), &job, b"", None)?;
                    let version = template_version(&job, &format!("v{more}-{n}"));
                    repos
                        .template_versions()
                        .insert(&permit(), &TemplateVersion { template_id: Some(dev.id), ..version })?;
                    let desk = workspace(&dev, &format!("w{more}-{n}"));
                    repos.workspaces().insert(&permit(), &desk)?;
                    let built = Build { job_id: Some(id()), ..build(&desk, 1, 0) };
                    repos.workspaces().insert_build(&permit(), &built)?;
                    (job.id, job.workspace_build_id) = (built.job_id.unwrap(), Some(built.id));
                    repos.provisioner_jobs().insert(&permit(), &job, b"", None)?;
                }
                Ok(())
            })
            .await;
        filled.unwrap();
        // A connection that is new has something to say of its own.
        let warm: Result<Vec<_>, StoreError> = store.read(move |repos| repos.provisioner_jobs().current_of(&[])).await;
        warm.unwrap();
        taken(&log);
        let by = Subject::for_user(of.0).site_roles(["owner"]).scope(Scope::all()).build();
        let place = acme.id;
        let read: Result<(), StoreError> = store
            .read(move |repos| {
                repos.provisioner_jobs().list(place, &JobFilter::default())?;
                repos.template_versions().list(template, true, Page::default())?;
                let visible = by.list_filter(Action::Read, ResourceType::Workspace);
                repos.workspaces().list(&WorkspaceFilter::default(), &visible, Page::default())?;
                Ok(())
            })
            .await;
        read.unwrap();
        counts.push(taken(&log).len());
    }
    assert!(counts[0] > 6 && counts[0] == counts[1], "{counts:?}");
}

/// Enough of everything that reading all of a table is a bad idea, and statistics that say so. Jobs of before are over.
fn fill_postgres(db: &Fixture) {
    // A row like the one that is there, but for these columns.
    let like = |table: &str, columns: &str| {
        format!(
            "INSERT INTO {table} OVERRIDING USER VALUE SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(t) || jsonb_build_object({columns}))).* \
               FROM (SELECT * FROM {table} LIMIT 1) t, generate_series(1, 4000) AS s(n); "
        )
    };
    let key = |prefix: &str| format!("md5('{prefix}' || n)::uuid");
    let (file, job, daemon) = (key("file"), key("job"), key("daemon"));
    let over = "'started_at', '2020-01-01Z', 'completed_at', '2020-01-01Z', 'updated_at', '2020-01-01Z'";
    db.execute(
        &[
            like("files", &format!("'id', {file}, 'digest', '\\x' || md5(n::text)")),
            like("file_pieces", &format!("'file_id', {file}")),
            like(
                "provisioner_jobs",
                &format!(
                    "'id', {job}, 'file_id', {file}, 'worker_id', {daemon}, 'template_version_id', {}, \
                 'created_at', '2020-01-01Z'::timestamptz + n * interval '1 minute', {over}",
                    key("version")
                ),
            ),
            like("provisioner_job_logs", &format!("'job_id', {job}")),
            like("provisioner_job_resources", &format!("'id', {}, 'job_id', {job}", key("resource"))),
            like(
                "template_versions",
                &format!(
                    "'id', {}, 'template_id', NULL, 'job_id', {job}, 'file_id', {file}, 'name', n, 'name_key', n",
                    key("version")
                ),
            ),
            "ANALYZE".to_owned(),
        ]
        .concat(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_by_index() {
    let db = Fixture::postgres();
    let (acme, ann, dev) = templated(&db).await;
    let source = file(ann.id, "tar");
    let host = provisioner_daemon(acme.id, id(), "host");
    let (of, maker, first, daemon) = (acme.id, ann.id, source.clone(), host.clone());
    db.write(move |repos| {
        upload(repos, &first, "tar")?;
        repos.provisioner_daemons().upsert(&permit(), &daemon)?;
        let job = provisioner_job(of, maker, first.id);
        repos.provisioner_jobs().insert(&permit(), &job, b"", None)?;
        repos.provisioner_jobs().append_logs(&permit(), &job, NOW, &[line("a")])?;
        repos.provisioner_jobs().insert_resources(&permit(), &job, &[stored_resource(&job, "box")])?;
        let version = TemplateVersion { template_id: Some(dev.id), ..template_version(&job, "v1") };
        repos.template_versions().insert(&permit(), &version)?;
        repos.provisioner_jobs().update(&permit(), &job.ended(NOW, "", "")).map(drop)
    })
    .await;
    fill_postgres(&db);
    let (store, _) = watch(&db);
    let tables = [
        "files",
        "file_pieces",
        "provisioner_jobs",
        "provisioner_job_logs",
        "provisioner_job_resources",
        "template_versions",
    ];
    db.end_connections();
    let before = scans(&db, &tables);
    assert_eq!(before.len(), tables.len());
    // Often enough that the plan for all parameters takes over from plans for these.
    for n in 0..12 {
        let (source, host) = (source.clone(), host.clone());
        let (of, maker, template) = (acme.id, ann.id, dev.id);
        let walked: Result<(), StoreError> = store
            .write(move |repos| {
                repos.files().find(source.id)?;
                assert!(repos.files().find_by_digest(maker, &source.digest)?.is_some());
                repos.files().piece(source.id, 0)?;
                repos.files().templates_of(source.id)?;
                let job = provisioner_job(of, maker, source.id);
                repos.provisioner_jobs().insert(&permit(), &job, b"", None)?;
                assert_eq!(repos.provisioner_jobs().count_pending(of)?, 1);
                let newest = JobFilter { limit: Some(9), ..JobFilter::default() };
                assert_eq!(repos.provisioner_jobs().list(of, &newest)?.len(), 9);
                let claimed = repos.provisioner_jobs().claim(&permit(), &worker(&host), NOW)?.unwrap();
                repos.provisioner_jobs().find_for_update(job.id)?;
                repos.provisioner_jobs().view(job.id)?;
                repos.provisioner_jobs().append_logs(&permit(), &job, NOW, &[line("a")])?;
                assert_eq!(repos.provisioner_jobs().list_logs(job.id, 0, 9)?.len(), 1);
                repos.provisioner_jobs().insert_resources(&permit(), &job, &[stored_resource(&job, "box")])?;
                assert_eq!(repos.provisioner_jobs().list_resources(job.id)?.len(), 1);
                assert_eq!(repos.provisioner_jobs().current_of(&[host.id])?.len(), 1);
                repos.provisioner_jobs().list_silent(NOW, NOW, 9)?;
                repos.provisioner_jobs().update(&permit(), &claimed.ended(NOW, "", ""))?;
                let version =
                    TemplateVersion { template_id: Some(template), ..template_version(&job, &format!("w{n}")) };
                repos.template_versions().insert(&permit(), &version)?;
                repos.template_versions().find_for_update(version.id)?;
                assert!(repos.template_versions().find_by_name(template, "v1")?.is_some());
                repos.template_versions().view(version.id)?;
                repos.template_versions().list(template, false, Page { limit: Some(9), ..Page::default() })?;
                Ok(())
            })
            .await;
        walked.unwrap();
    }
    drop(store);
    db.end_connections();
    assert_eq!(scans(&db, &tables), before, "no table was read from end to end");
}
