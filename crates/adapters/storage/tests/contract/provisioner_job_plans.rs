//! How jobs, versions and files are looked up: by index, however many there are.

use crate::files::{file, upload};
use crate::plans::{plan, taken, watch};
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
            repos.provisioner_jobs().append_logs(&permit(), job.id, NOW, &[line("a")])?;
            repos.provisioner_jobs().list_logs(job.id, 0, 9)?;
            repos.provisioner_jobs().insert_resources(&permit(), job.id, &[stored_resource(&job, "box")])?;
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
