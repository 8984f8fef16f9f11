//! Jobs of provisioner daemons.

use crate::files::{file, upload};
use crate::provisioners::provisioner_daemon;
use crate::support::*;
use crate::template_versions::template_version;
use doorward_domain::Instant;
use doorward_domain::files::File;
use doorward_domain::ids::{FileId, OrganizationId, ProvisionerDaemonId, ProvisionerJobId, UserId};
use doorward_domain::provisioner_jobs::{
    Agent, AgentAuth, App, HUNG_AFTER, JobStatus, JobTiming, JobType, LOGS_KEPT, LogLevel, LogSource, NewLog, OpenIn,
    PENDING_FOR, ProvisionerJob, Resource, Worker,
};
use doorward_domain::provisioners::{ProvisionerDaemon, ProvisionerType, Tags};
use doorward_domain::template_versions::TemplateVersion;
use doorward_domain::workspaces::{Build, Outcome, Transition};
use doorward_ports::provisioner_jobs::{JobFilter, StoredResource};
use doorward_ports::{Repositories, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    Tags::from_storage(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn plain() -> Tags {
    tags(&[("owner", ""), ("scope", "organization")])
}

/// An import that waits.
pub(crate) fn provisioner_job(
    organization_id: OrganizationId,
    initiator_id: UserId,
    file_id: FileId,
) -> ProvisionerJob {
    ProvisionerJob {
        id: id(),
        organization_id,
        created_at: NOW,
        updated_at: NOW,
        started_at: None,
        completed_at: None,
        canceled_at: None,
        worker_id: None,
        initiator_id,
        provisioner: ProvisionerType::Echo,
        kind: JobType::TemplateVersionImport,
        file_id,
        tags: plain(),
        template_version_id: id(),
        workspace_build_id: None,
        error: String::new(),
        error_code: String::new(),
        log_size: 0,
    }
}

/// A daemon, as one that takes jobs.
pub(crate) fn worker(daemon: &ProvisionerDaemon) -> Worker {
    Worker {
        id: daemon.id,
        organization_id: daemon.organization_id,
        provisioners: daemon.provisioners.clone(),
        tags: daemon.tags.clone(),
    }
}

/// A step of a build.
pub(crate) fn timing(stage: &str) -> JobTiming {
    let text = |text: &str| text.to_owned();
    JobTiming {
        started_at: NOW,
        ended_at: NOW + Duration::milliseconds(1_500),
        stage: text(stage),
        action: text("create"),
        source: text("docker"),
        resource: text("docker_container.main"),
    }
}

/// A line of a log.
pub(crate) fn line(output: &str) -> NewLog {
    NewLog {
        created_at: NOW,
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: "Planning".to_owned(),
        output: output.to_owned(),
    }
}

/// A resource with an agent.
pub(crate) fn stored_resource(job: &ProvisionerJob, name: &str) -> StoredResource {
    let app = App { slug: "code".to_owned(), open_in: OpenIn::Tab, ..App::default() };
    let agent = Agent {
        name: "main".to_owned(),
        auth: AgentAuth::Instance("i-1".to_owned()),
        apps: vec![app],
        ..Agent::default()
    };
    let resource = Resource { name: name.to_owned(), agents: vec![agent], daily_cost: 3, ..Resource::default() };
    StoredResource { id: id(), job_id: job.id, created_at: NOW, transition: Transition::Start, resource }
}

/// Stores a job of this kind, whose file is there.
fn posted(repos: &mut dyn Repositories, source: &File, job: ProvisionerJob) -> Result<ProvisionerJob, StoreError> {
    let job = ProvisionerJob { file_id: source.id, ..job };
    assert!(repos.provisioner_jobs().insert(&permit(), &job, b"sealed", None)?);
    Ok(job)
}

/// An organization with a member and a file of theirs.
async fn with_file(db: &Fixture) -> (OrganizationId, UserId, File) {
    let (acme, ann, _) = templated(db).await;
    let source = file(ann.id, "tar");
    let stored = source.clone();
    db.write(move |repos| upload(repos, &stored, "tar").map(drop)).await;
    (acme.id, ann.id, source)
}

fn rack(organization_id: OrganizationId, tags: Tags) -> Worker {
    Worker { id: id(), organization_id, provisioners: BTreeSet::from([ProvisionerType::Echo]), tags }
}

contract! {
    async fn a_job_is_stored_found_and_changed(db) {
        let (acme, ann, source) = with_file(&db).await;
        db.write(move |repos| {
            let job = posted(repos, &source, provisioner_job(acme, ann, source.id))?;
            assert_eq!(repos.provisioner_jobs().find(job.id)?, Some(job.clone()));
            assert_eq!(repos.provisioner_jobs().input(job.id)?, Some(b"sealed".to_vec()));
            let changed = ProvisionerJob {
                started_at: Some(NOW),
                canceled_at: Some(NOW + Duration::SECOND),
                worker_id: Some(id()),
                log_size: 7,
                ..job
            }
            .ended(NOW + Duration::MINUTE, "no", "CODE");
            assert!(repos.provisioner_jobs().update(&permit(), &changed)?);
            assert_eq!(repos.provisioner_jobs().find_for_update(changed.id)?, Some(changed.clone()));
            assert!(!repos.provisioner_jobs().update(&permit(), &ProvisionerJob { id: id(), ..changed })?);
            assert_eq!((repos.provisioner_jobs().find(id())?, repos.provisioner_jobs().input(id())?), (None, None));
            Ok(())
        })
        .await;
    }

    async fn a_daemon_gets_the_oldest_job_that_it_may_take(db) {
        let (acme, ann, source) = with_file(&db).await;
        let zoo = organization("zoo");
        db.write(move |repos| {
            repos.organizations().insert(&permit(), &zoo)?;
            let mut post = |later: i64, tags: Tags, provisioner, organization_id| {
                let created_at = NOW + Duration::seconds(later);
                let job = ProvisionerJob { created_at, tags, provisioner, ..provisioner_job(organization_id, ann, source.id) };
                posted(repos, &source, job).unwrap().id
            };
            let echo = ProvisionerType::Echo;
            let gpu = tags(&[("owner", ""), ("scope", "organization"), ("gpu", "yes")]);
            let late = post(9, plain(), echo, acme);
            let early = post(1, plain(), echo, acme);
            let tagged = post(0, gpu.clone(), echo, acme);
            let other_kind = post(0, plain(), ProvisionerType::Terraform, acme);
            let elsewhere = post(0, plain(), echo, zoo.id);
            assert_eq!(repos.provisioner_jobs().count_pending(acme)?, 4);

            let mut claim = |worker: &Worker| -> Result<Option<ProvisionerJobId>, StoreError> {
                let at = NOW + Duration::MINUTE;
                let claimed = repos.provisioner_jobs().claim(&permit(), worker, at)?;
                if let Some(job) = &claimed {
                    assert_eq!((job.worker_id, job.started_at, job.updated_at), (Some(worker.id), Some(at), at));
                }
                Ok(claimed.map(|job| job.id))
            };
            let usual = rack(acme, plain());
            assert_eq!([claim(&usual)?, claim(&usual)?, claim(&usual)?], [Some(early), Some(late), None]);
            // One that has more than is wanted takes it, but nothing that wants nothing particular.
            let special = rack(acme, tags(&[("owner", ""), ("scope", "organization"), ("gpu", "yes"), ("zone", "eu")]));
            assert_eq!([claim(&special)?, claim(&special)?], [Some(tagged), None]);
            let both = Worker { provisioners: ProvisionerType::ALL.iter().copied().collect(), ..rack(acme, plain()) };
            assert_eq!(claim(&both)?, Some(other_kind));
            assert_eq!(claim(&rack(zoo.id, plain()))?, Some(elsewhere));
            let nobody = Worker { provisioners: BTreeSet::new(), ..rack(acme, gpu) };
            assert_eq!(claim(&nobody)?, None);
            assert_eq!(repos.provisioner_jobs().count_pending(acme)?, 0);
            Ok(())
        })
        .await;
    }

    async fn tags_are_matched_as_the_rule_has_it(db) {
        let (acme, ann, source) = with_file(&db).await;
        let sets = [
            plain(),
            tags(&[("owner", ""), ("scope", "organization"), ("gpu", "yes")]),
            tags(&[("owner", ""), ("scope", "organization"), ("gpu", "no"), ("a\"b\u{e9}", "'%_\\")]),
            tags(&[("owner", "ann"), ("scope", "user")]),
            tags(&[("a\"b\u{e9}", "'%_\\")]),
            tags(&[]),
        ];
        for wanted in sets.clone() {
            for had in sets.clone() {
                let (rule, reverse) = (had.satisfy(&wanted), wanted.satisfy(&had));
                let (wanted, source) = (wanted.clone(), source.clone());
                let told = format!("{had:?} for {wanted:?}");
                let (taken, listed) = db
                    .write(move |repos| {
                        let job = ProvisionerJob { tags: wanted, ..provisioner_job(acme, ann, source.id) };
                        let job = posted(repos, &source, job)?;
                        let filter = JobFilter { tags: Some(had.clone()), ids: Some(vec![job.id]), ..JobFilter::default() };
                        let listed = repos.provisioner_jobs().list(acme, &filter)?.len();
                        let taken = repos.provisioner_jobs().claim(&permit(), &rack(acme, had), NOW)?;
                        repos.provisioner_jobs().update(&permit(), &job.ended(NOW, "", ""))?;
                        Ok((taken.is_some(), listed == 1))
                    })
                    .await;
                assert_eq!((taken, listed), (rule, reverse), "{told}");
            }
        }
    }

    async fn of_fifty_who_ask_at_once_each_job_goes_to_one(db) {
        const JOBS: usize = 500;
        const CLAIMERS: usize = 50;
        let (acme, ann, source) = with_file(&db).await;
        db.write(move |repos| {
            for n in 0..JOBS {
                let created_at = NOW + Duration::milliseconds(i64::try_from(n % 7).unwrap());
                posted(repos, &source, ProvisionerJob { created_at, ..provisioner_job(acme, ann, source.id) })?;
            }
            Ok(())
        })
        .await;
        let second = db.open_again().store;
        let claimers: Vec<_> = (0..CLAIMERS)
            .map(|n| {
                let store = if n % 2 == 0 { db.store.clone() } else { second.clone() };
                tokio::spawn(claim_all(store, rack(acme, plain())))
            })
            .collect();
        let mut taken = Vec::new();
        for claimer in claimers {
            taken.extend(claimer.await.unwrap());
        }
        let distinct: BTreeSet<ProvisionerJobId> = taken.iter().map(|(job, _)| *job).collect();
        assert_eq!((taken.len(), distinct.len()), (JOBS, JOBS));
        for (job, worker) in taken {
            let stored = db.read(move |repos| repos.provisioner_jobs().find(job)).await.unwrap();
            assert_eq!(stored.worker_id, Some(worker), "whoever was told has it");
        }
    }

    async fn lines_are_kept_in_their_order_and_go_after_a_while(db) {
        let (acme, ann, source) = with_file(&db).await;
        db.write(move |repos| {
            let job = posted(repos, &source, provisioner_job(acme, ann, source.id))?;
            let other = posted(repos, &source, provisioner_job(acme, ann, source.id))?;
            let texts: Vec<String> = (0..1200).map(|n| n.to_string()).collect();
            let lines: Vec<NewLog> = texts.iter().map(|text| line(text)).collect();
            let last = repos.provisioner_jobs().append_logs(&permit(), &job, NOW, &lines)?;
            repos.provisioner_jobs().append_logs(&permit(), &other, NOW, &[line("other")])?;
            let first = repos.provisioner_jobs().list_logs(job.id, 0, 700)?;
            let rest = repos.provisioner_jobs().list_logs(job.id, first[699].id, 9999)?;
            let read: Vec<String> = first.iter().chain(&rest).map(|log| log.line.output.clone()).collect();
            assert_eq!(read, texts);
            assert_eq!((rest.last().unwrap().id, &rest[0].line), (last, &lines[700]));
            assert_eq!(repos.provisioner_jobs().list_logs(job.id, last, 9)?, vec![]);
            let before = repos.maintenance().purge(&permit(), NOW + LOGS_KEPT - Duration::SECOND, 9999)?;
            let after = repos.maintenance().purge(&permit(), NOW + LOGS_KEPT, 9999)?;
            assert_eq!((before.of("provisioner_job_logs"), after.of("provisioner_job_logs")), (0, 1201));
            Ok(())
        })
        .await;
    }

    async fn what_a_job_makes_is_kept_with_it(db) {
        let (acme, ann, source) = with_file(&db).await;
        db.write(move |repos| {
            let trial = ProvisionerJob { kind: JobType::TemplateVersionDryRun, ..provisioner_job(acme, ann, source.id) };
            assert!(repos.provisioner_jobs().insert(&permit(), &trial, b"", Some(NOW + Duration::DAY))?);
            let made: Vec<_> = (0..600).map(|n| stored_resource(&trial, &format!("r{n}"))).collect();
            repos.provisioner_jobs().insert_resources(&permit(), &trial, &made)?;
            assert_eq!(repos.provisioner_jobs().list_resources(trial.id)?, made);
            repos.provisioner_jobs().append_logs(&permit(), &trial, NOW, &[line("x")])?;
            assert_eq!(repos.maintenance().purge(&permit(), NOW + Duration::DAY, 9)?.of("provisioner_jobs"), 1);
            assert_eq!(repos.provisioner_jobs().list_resources(trial.id)?, vec![]);
            assert_eq!(repos.provisioner_jobs().list_logs(trial.id, 0, 9)?, vec![]);
            Ok(())
        })
        .await;
    }

    async fn how_long_steps_took_is_kept_and_replaced(db) {
        let (acme, ann, source) = with_file(&db).await;
        db.write(move |repos| {
            let job = posted(repos, &source, provisioner_job(acme, ann, source.id))?;
            let other = posted(repos, &source, provisioner_job(acme, ann, source.id))?;
            assert_eq!(repos.provisioner_jobs().list_timings(job.id)?, vec![]);
            for steps in [vec![timing("init"), timing("plan")], vec![timing("apply")]] {
                assert!(repos.provisioner_jobs().update_timings(&permit(), &job, &steps)?);
                assert_eq!(repos.provisioner_jobs().list_timings(job.id)?, steps);
            }
            assert_eq!(repos.provisioner_jobs().list_timings(other.id)?, vec![]);
            assert!(!repos.provisioner_jobs().update_timings(&permit(), &ProvisionerJob { id: id(), ..job }, &[timing("plan")])?);
            Ok(())
        })
        .await;
    }

    async fn jobs_are_listed_with_their_places_in_the_queue(db) {
        let (acme, ann, dev) = templated(&db).await;
        let source = file(ann.id, "tar");
        db.write(move |repos| {
            upload(repos, &source, "tar")?;
            let host = provisioner_daemon(acme.id, id(), "host");
            repos.provisioner_daemons().upsert(&permit(), &host)?;
            let mut post = |later: i64, job: ProvisionerJob| {
                let created_at = NOW + Duration::seconds(later);
                posted(repos, &source, ProvisionerJob { created_at, updated_at: created_at, ..job })
            };
            let usual = || provisioner_job(acme.id, ann.id, source.id);
            let done = post(0, ProvisionerJob { worker_id: Some(host.id), started_at: Some(NOW), ..usual() })?;
            let running = post(1, ProvisionerJob { worker_id: Some(host.id), started_at: Some(NOW), ..usual() })?;
            let waiting = post(2, ProvisionerJob { initiator_id: ann.id, ..usual() })?;
            let behind = post(3, usual())?;
            let terraform = post(4, ProvisionerJob { provisioner: ProvisionerType::Terraform, ..usual() })?;
            repos.provisioner_jobs().update(&permit(), &done.clone().ended(NOW, "", ""))?;
            let desk = workspace(&dev, "desk");
            repos.workspaces().insert(&permit(), &desk)?;
            let version = TemplateVersion { template_id: Some(dev.id), ..template_version(&done, "v1") };
            repos.template_versions().insert(&permit(), &version)?;
            let built = Build { outcome: Outcome::Pending, job_id: Some(id()), ..build(&desk, 1, 0) };
            repos.workspaces().insert_build(&permit(), &built)?;
            let job = ProvisionerJob {
                id: built.job_id.unwrap(),
                kind: JobType::WorkspaceBuild,
                workspace_build_id: Some(built.id),
                template_version_id: version.id,
                ..usual()
            };
            let job = posted(repos, &source, ProvisionerJob { created_at: NOW + Duration::seconds(9), ..job })?;

            let all = repos.provisioner_jobs().list(acme.id, &JobFilter::default())?;
            let places: Vec<_> = all.iter().map(|view| (view.job.id, view.queue_position, view.queue_size)).collect();
            assert_eq!(
                places,
                [(job.id, 3, 3), (terraform.id, 1, 1), (behind.id, 2, 3), (waiting.id, 1, 3), (running.id, 0, 0), (done.id, 0, 0)]
            );
            let of = all[0].clone();
            assert_eq!((of.template_version_name.as_str(), of.workspace), ("v1", Some((desk.id, "desk".to_owned()))));
            assert_eq!(of.template.map(|template| (template.id, template.name)), Some((dev.id, "Dev".to_owned())));
            assert_eq!((all[4].worker_name.as_str(), all[2].worker_name.as_str()), ("host", ""));
            assert_eq!(repos.provisioner_jobs().view(job.id)?, Some(all[0].clone()));
            let shown = repos.workspaces().view(desk.id)?.unwrap().latest_build.unwrap();
            assert_eq!(shown.job, Some(all[0].clone()));

            let mut listed = |filter: JobFilter| -> Result<Vec<ProvisionerJobId>, StoreError> {
                Ok(repos.provisioner_jobs().list(acme.id, &filter)?.into_iter().map(|view| view.job.id).collect())
            };
            let of = |statuses: &[JobStatus]| JobFilter { statuses: Some(statuses.iter().copied().collect()), ..JobFilter::default() };
            assert_eq!(listed(of(&[JobStatus::Running]))?, [running.id]);
            assert_eq!(listed(of(&[JobStatus::Running, JobStatus::Succeeded]))?, [running.id, done.id]);
            assert_eq!(listed(of(&[]))?, []);
            assert_eq!(listed(JobFilter { limit: Some(1), ..JobFilter::default() })?, [job.id]);
            assert_eq!(listed(JobFilter { initiator: Some(id()), ..JobFilter::default() })?, []);

            let current = repos.provisioner_jobs().current_of(&[host.id, id()])?;
            assert_eq!(current.iter().map(|known| (known.worker_id, known.job.id)).collect::<Vec<_>>(), [(host.id, running.id)]);
            let previous = repos.provisioner_jobs().previous_of(&[host.id])?;
            assert_eq!(previous.iter().map(|known| known.job.id).collect::<Vec<_>>(), [done.id]);
            assert_eq!(previous[0].template.as_ref().map(|template| template.id), Some(dev.id));
            Ok(())
        })
        .await;
    }

    async fn every_status_is_told_by_the_database_as_by_the_rule(db) {
        let (acme, ann, source) = with_file(&db).await;
        db.write(move |repos| {
            let times = [None, Some(NOW)];
            let mut jobs = Vec::new();
            for started_at in times {
                for completed_at in times {
                    for canceled_at in times {
                        for error in ["", "no"] {
                            let error = error.to_owned();
                            let job = ProvisionerJob { started_at, completed_at, canceled_at, error, ..provisioner_job(acme, ann, source.id) };
                            jobs.push(posted(repos, &source, job)?);
                        }
                    }
                }
            }
            for status in JobStatus::ALL {
                let filter = JobFilter { statuses: Some(BTreeSet::from([*status])), ..JobFilter::default() };
                let found = repos.provisioner_jobs().list(acme, &filter)?;
                let found: BTreeSet<_> = found.into_iter().map(|view| view.job.id).collect();
                let expected: BTreeSet<_> = jobs.iter().filter(|job| job.status() == *status).map(|job| job.id).collect();
                assert_eq!(found, expected, "{status}");
            }
            Ok(())
        })
        .await;
    }

    async fn jobs_of_which_nothing_is_heard_are_found(db) {
        let (acme, ann, source) = with_file(&db).await;
        db.write(move |repos| {
            let mut post = |silent: i64, runs: bool, over: bool| {
                let updated_at = NOW - Duration::minutes(silent);
                let (started_at, completed_at) = (runs.then_some(NOW), over.then_some(NOW));
                posted(repos, &source, ProvisionerJob { updated_at, started_at, completed_at, ..provisioner_job(acme, ann, source.id) })
            };
            let hung = post(6, true, false)?;
            let fresh = post(4, true, false)?;
            let waits = post(6, false, false)?;
            let forgotten = post(31, false, false)?;
            let over = post(99, true, true)?;
            let minutes = |minutes| NOW - Duration::minutes(minutes);
            assert_eq!(repos.provisioner_jobs().list_silent(minutes(5), minutes(30), 9)?, [forgotten.id, hung.id]);
            assert_eq!(repos.provisioner_jobs().list_silent(minutes(5), minutes(30), 1)?, [forgotten.id]);
            let spared = [fresh, waits, over].map(|job| job.id);
            let all = repos.provisioner_jobs().list_silent(NOW - HUNG_AFTER, NOW - PENDING_FOR, 99)?;
            assert!(all.len() == 2 && spared.iter().all(|job| !all.contains(job)));
            Ok(())
        })
        .await;
    }

    async fn builds_keep_what_they_are_given_and_change_their_workspace_at_their_end(db) {
        let (_, _, dev) = templated(&db).await;
        db.write(move |repos| {
            let desk = workspace(&dev, "desk");
            repos.workspaces().insert(&permit(), &desk)?;
            let pending = Build { outcome: Outcome::Pending, transition: Transition::Delete, ..build(&desk, 1, 0) };
            assert!(repos.workspaces().insert_build(&permit(), &pending)?);
            assert!(repos.workspaces().find(desk.id)?.is_some(), "it is not over");
            let values = BTreeMap::from([("size".to_owned(), "1".to_owned())]);
            assert!(repos.workspaces().insert_build_input(&permit(), &pending, &values, None)?);
            assert_eq!(repos.workspaces().build_parameters(pending.id)?, Some(values));
            assert_eq!(repos.workspaces().build_state(pending.id)?, None);
            assert!(repos.workspaces().update_build_state(&permit(), &pending, &[0, 1, 255])?);
            assert_eq!(repos.workspaces().build_state(pending.id)?, Some(vec![0, 1, 255]));
            let failed = Build { outcome: Outcome::Failed, error: "no".to_owned(), daily_cost: 4, ..pending.clone() };
            assert!(repos.workspaces().update_build(&permit(), &failed, NOW)?);
            assert_eq!(repos.workspaces().find_build(pending.id)?, Some(failed.clone()));
            assert!(repos.workspaces().find(desk.id)?.is_some());
            let done = Build { outcome: Outcome::Succeeded, error: String::new(), ..failed };
            assert!(repos.workspaces().update_build(&permit(), &done, NOW)?);
            assert_eq!(repos.workspaces().find(desk.id)?, None, "it is gone");
            assert_eq!(repos.workspaces().view_build(done.id)?.map(|view| view.build), Some(done.clone()));
            assert_eq!(repos.workspaces().view_build_by_number(desk.id, 1)?.map(|view| view.build), Some(done));
            assert_eq!(repos.workspaces().view_build_by_number(desk.id, 2)?, None);
            Ok(())
        })
        .await;
    }
}

/// Takes jobs until there are none.
async fn claim_all(store: Store, worker: Worker) -> Vec<(ProvisionerJobId, ProvisionerDaemonId)> {
    let mut taken = Vec::new();
    loop {
        let asks = worker.clone();
        let claimed: Result<Option<ProvisionerJob>, StoreError> =
            store.write(move |repos| repos.provisioner_jobs().claim(&permit(), &asks, NOW)).await;
        match claimed.unwrap() {
            Some(job) => taken.push((job.id, worker.id)),
            None => return taken,
        }
    }
}

/// Whoever asks while another is about to take a job gets the next one at once, and does not wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_job_that_somebody_else_is_taking() {
    use diesel::connection::SimpleConnection as _;
    use diesel::{Connection as _, PgConnection};
    let db = Fixture::postgres();
    let (acme, ann, source) = with_file(&db).await;
    let (first, second) = db
        .write(move |repos| {
            let later = |seconds| NOW + Duration::seconds(seconds);
            let mut post = |created_at: Instant| {
                posted(repos, &source, ProvisionerJob { created_at, ..provisioner_job(acme, ann, source.id) })
            };
            Ok((post(later(0))?.id, post(later(1))?.id))
        })
        .await;
    let mut other = PgConnection::establish(&db.url).unwrap();
    other.batch_execute(&format!("BEGIN; SELECT 1 FROM provisioner_jobs WHERE id = '{first}' FOR UPDATE")).unwrap();
    let claimed = db.write(move |repos| repos.provisioner_jobs().claim(&permit(), &rack(acme, plain()), NOW)).await;
    assert_eq!(claimed.map(|job| job.id), Some(second));
    other.batch_execute("ROLLBACK").unwrap();
    let claimed = db.write(move |repos| repos.provisioner_jobs().claim(&permit(), &rack(acme, plain()), NOW)).await;
    assert_eq!(claimed.map(|job| job.id), Some(first));
}
