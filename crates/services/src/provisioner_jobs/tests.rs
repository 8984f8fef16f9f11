use super::*;
use crate::principal::Who;
use crate::users::testing::*;
use crate::{Error, Principal};
use doorward_domain::Digest;
use doorward_domain::files::File;
use doorward_domain::ids::{FileId, ProvisionerDaemonId, ProvisionerJobId, TemplateVersionId};
use doorward_domain::provisioner_jobs::{
    JobStatus, JobType, LINES_AT_ONCE, LogLevel, LogSource, NewLog, ProvisionerJob,
};
use doorward_domain::provisioners::{ProvisionerType, Tags};
use doorward_domain::template_versions::{README_MAX, Variable};
use doorward_ports::mocks::MockRepositories;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use time::Duration;
use uuid::Uuid;

const RACK: ProvisionerDaemonId = ProvisionerDaemonId(Uuid::from_u128(0xD));
const JOB: ProvisionerJobId = ProvisionerJobId(Uuid::from_u128(0x10b));

fn daemon() -> Principal {
    let tags =
        Arc::new(BTreeMap::from([("scope", "organization"), ("owner", "")].map(|(a, b)| (a.to_owned(), b.to_owned()))));
    let who = Who::Provisioner { id: RACK.0, organization: ORGANIZATION, tags };
    Principal::fixed(who, "Provisioner Daemon", origin()).unwrap()
}

fn echo() -> BTreeSet<ProvisionerType> {
    BTreeSet::from([ProvisionerType::Echo])
}

/// An import that the daemon has.
fn running() -> ProvisionerJob {
    ProvisionerJob {
        id: JOB,
        organization_id: ORGANIZATION,
        created_at: NOW,
        updated_at: NOW,
        started_at: Some(NOW),
        completed_at: None,
        canceled_at: None,
        worker_id: Some(RACK),
        initiator_id: ANN,
        provisioner: ProvisionerType::Echo,
        kind: JobType::TemplateVersionImport,
        file_id: FileId::NIL,
        tags: Tags::default(),
        template_version_id: TemplateVersionId::NIL,
        workspace_build_id: None,
        error: String::new(),
        error_code: String::new(),
        log_size: 0,
    }
}

fn line(output: &str) -> NewLog {
    NewLog {
        created_at: NOW,
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: String::new(),
        output: output.to_owned(),
    }
}

#[tokio::test]
async fn a_job_for_which_nothing_can_be_made_up_has_failed_and_the_next_is_looked_for() {
    let mut repos = MockRepositories::default();
    let mut jobs = vec![None, Some(running())];
    repos.provisioner_jobs.expect_claim().times(2).returning(move |_, worker, _| {
        assert_eq!((worker.id, worker.organization_id, &worker.provisioners), (RACK, ORGANIZATION, &echo()));
        Ok(jobs.pop().unwrap())
    });
    repos.users.expect_find().returning(|_| Ok(Some(ann())));
    let file = File { id: FileId::NIL, created_by: ANN, created_at: NOW, digest: Digest::of(""), size: 0 };
    repos.files.expect_find().returning(move |_| Ok(Some(file.clone())));
    repos.template_versions.expect_find().returning(|_| Ok(None));
    repos
        .provisioner_jobs
        .expect_update()
        .times(1)
        .withf(|_, job| job.status() == JobStatus::Failed && job.error.contains("its version is not there any more"))
        .returning(|_, _| Ok(true));
    let calls = repos.calls.clone();
    assert!(claim(&context(repos), &daemon(), &echo()).await.unwrap().is_none());
    calls.assert_committed();
}

#[tokio::test]
async fn only_daemons_speak_of_jobs() {
    let nobody = Principal::machine(Who::Proxy(RACK.0), daemon().subject, origin());
    for by in [owner().build(), actor().build(), Principal::operator(), Principal::system("a test"), nobody] {
        let ctx = || context(MockRepositories::default());
        assert!(matches!(claim(&ctx(), &by, &echo()).await, Err(Error::Refused(_))));
        assert!(matches!(update(&ctx(), &by, JOB, JobUpdate::default()).await, Err(Error::Refused(_))));
        assert!(matches!(commit_quota(&ctx(), &by, JOB, 1).await, Err(Error::Refused(_))));
        assert!(matches!(complete_import(&ctx(), &by, JOB, CompletedImport::default()).await, Err(Error::Refused(_))));
    }
    // A daemon whose rights were taken from it.
    let Principal { who, .. } = daemon();
    let powerless = Principal::machine(who, Principal::anonymous(origin()).subject, origin());
    let refused = update(&context(MockRepositories::default()), &powerless, JOB, JobUpdate::default()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn what_is_told_is_bounded() {
    let variable = |name: &str| Variable { name: name.to_owned(), ..Variable::default() };
    for told in [
        JobUpdate { logs: vec![line("x"); LINES_AT_ONCE + 1], ..JobUpdate::default() },
        JobUpdate { readme: "x".repeat(README_MAX + 1), ..JobUpdate::default() },
        JobUpdate { readme: "\0".to_owned(), ..JobUpdate::default() },
        JobUpdate { variables: vec![variable("a"), variable("a")], ..JobUpdate::default() },
        JobUpdate { variables: vec![variable("")], ..JobUpdate::default() },
        JobUpdate { variables: (0..501).map(|n| variable(&n.to_string())).collect(), ..JobUpdate::default() },
        JobUpdate { variable_values: BTreeMap::from([("a".to_owned(), "x".repeat(70_000))]), ..JobUpdate::default() },
        JobUpdate { workspace_tags: BTreeMap::from([("a".to_owned(), "x".repeat(2_000))]), ..JobUpdate::default() },
    ] {
        let refused = update(&context(MockRepositories::default()), &daemon(), JOB, told).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_sign_of_life_is_written_and_says_whether_to_stop() {
    for canceled_at in [None, Some(NOW)] {
        let mut repos = MockRepositories::default();
        let job = ProvisionerJob { canceled_at, updated_at: NOW - Duration::MINUTE, ..running() };
        repos.provisioner_jobs.expect_find_for_update().returning(move |_| Ok(Some(job.clone())));
        repos
            .provisioner_jobs
            .expect_update()
            .times(1)
            .withf(|_, job| job.updated_at == NOW)
            .returning(|_, _| Ok(true));
        let told = update(&context(repos), &daemon(), JOB, JobUpdate::default()).await.unwrap();
        assert_eq!(told, Updated { canceled: canceled_at.is_some(), variable_values: Vec::new() });
    }
}

#[tokio::test]
async fn what_was_heard_of_meanwhile_is_not_given_up() {
    for (silent, reaped) in [(Duration::minutes(4), false), (Duration::minutes(5), true)] {
        let mut repos = MockRepositories::default();
        let job = ProvisionerJob { updated_at: NOW - silent, ..running() };
        let found = job.clone();
        repos.provisioner_jobs.expect_find().returning(move |_| Ok(Some(found.clone())));
        repos.provisioner_jobs.expect_find_for_update().returning(move |_| Ok(Some(job.clone())));
        let times = usize::from(reaped);
        repos.provisioner_jobs.expect_append_logs().times(times).returning(|_, _, _, _| Ok(1));
        repos
            .provisioner_jobs
            .expect_update()
            .times(times)
            .withf(|_, job| job.status() == JobStatus::Failed && job.error.contains("5 minutes"))
            .returning(|_, _| Ok(true));
        assert_eq!(reap(&context(repos), JOB, None).await.unwrap(), reaped);
    }
}

#[test]
fn ids_of_jobs_are_uuids() {
    assert_eq!(job_id(&JOB.to_string()).unwrap(), JOB);
    assert!(matches!(job_id("7"), Err(Error::Invalid { message, .. }) if message == "the id of a job must be a UUID"));
}
