//! A job from its first line to the word that it is done.

mod build;
mod import;

use crate::echo::{Archive, Code, Defect, Plan, Scope, Step, Template, Transition};
use crate::link::Link;
use crate::parts::Parts;
use crate::report::{Interrupt, Report};
use crate::stops::Stops;
use doorward_ports::Random;
use doorward_wire::messages::provisioner::{LogLevel, Metadata, WorkspaceTransition};
use doorward_wire::messages::provisionerd::{
    AcquiredJob, AcquiredTemplateDryRun, AcquiredType, CompletedJob, CompletedTemplateDryRun, CompletedType, Empty,
    FailedJob, FailedType, FailedWorkspaceBuild,
};
use doorward_wire::messages::write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// So long a daemon that gives up its job may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What a job is carried out with.
pub(crate) struct Bench<'a> {
    job_id: String,
    link: &'a Link,
    parts: &'a Parts,
    report: &'a Report,
}

/// How a job ended that was not completed.
#[derive(Clone, Debug, PartialEq)]
struct Failure {
    /// Empty: it was cancelled.
    error: String,
    code: Code,
    /// What a build has changed, and nobody may forget.
    build: Option<FailedWorkspaceBuild>,
}

impl From<Defect> for Failure {
    fn from(defect: Defect) -> Self {
        Self { error: defect.to_string(), code: defect.code(), build: None }
    }
}

impl From<Interrupt> for Failure {
    fn from(interrupt: Interrupt) -> Self {
        let error = match interrupt {
            // Without an error the server counts it as cancelled.
            Interrupt::Canceled => String::new(),
            Interrupt::GivenUp => "the provisioner daemon was stopped".to_owned(),
            Interrupt::NotOurs(why) => format!("the server refused what it was told of the job: {why}"),
        };
        Self { error, code: Code::None, build: None }
    }
}

/// Carries out a job, and says how it ended. Never fails: what goes wrong is said to the server, and in the log.
pub(crate) async fn carry_out(job: AcquiredJob, link: &Link, parts: &Parts, stops: &Stops) {
    let job_id = job.job_id.clone();
    let kind = Kind::of(job.r#type.as_ref());
    tracing::info!("job {job_id}: {}", about(&job));
    let report = Report::new(job_id.clone(), Arc::clone(&parts.clock));
    let bench = Bench { job_id: job_id.clone(), link, parts, report: &report };
    let carrying = async {
        let outcome = bench.carry(job).await;
        report.close();
        outcome
    };
    let (outcome, ()) = tokio::join!(carrying, report.tell(link, stops));
    tokio::select! {
        () = deliver(link, job_id.clone(), kind, outcome) => {}
        () = last_words(stops) => tracing::warn!("job {job_id}: the server was not told how it ended"),
    }
}

/// Says that a job cannot be read.
pub(crate) async fn fail_unread(job_id: String, why: &str, link: &Link, stops: &Stops) {
    let error = format!("the provisioner daemon cannot read the job: {why}");
    let failure = Failure { error, code: Code::None, build: None };
    tokio::select! {
        () = deliver(link, job_id, Kind::Import, Err(failure)) => {}
        () = last_words(stops) => {}
    }
}

/// Until when a daemon that gives up its job may say so.
async fn last_words(stops: &Stops) {
    stops.giving_up().await;
    sleep(LAST_WORDS).await;
}

/// Which kind of job it is, for the word that it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Build,
    Import,
    DryRun,
}

impl Kind {
    const fn of(job: Option<&AcquiredType>) -> Self {
        match job {
            Some(AcquiredType::WorkspaceBuild(_)) => Self::Build,
            Some(AcquiredType::TemplateDryRun(_)) => Self::DryRun,
            Some(AcquiredType::TemplateImport(_)) | None => Self::Import,
        }
    }
}

async fn deliver(link: &Link, job_id: String, kind: Kind, outcome: Result<CompletedType, Failure>) {
    let failure = match outcome {
        Ok(done) => {
            let request = CompletedJob { job_id: job_id.clone(), r#type: Some(done) };
            match link.call("CompleteJob", &write(&request)).await {
                Ok(_) => return tracing::info!("job {job_id}: done"),
                Err(status) => Failure { error: status.text, code: Code::None, build: None },
            }
        }
        Err(failure) => failure,
    };
    let Failure { error, code, build } = failure;
    if error.is_empty() {
        tracing::info!("job {job_id}: cancelled");
    } else {
        tracing::warn!("job {job_id}: failed: {error}");
    }
    let kind = match kind {
        Kind::Build => FailedType::WorkspaceBuild(build.unwrap_or_default()),
        Kind::Import => FailedType::TemplateImport(Empty {}),
        Kind::DryRun => FailedType::TemplateDryRun(Empty {}),
    };
    let request = FailedJob { job_id: job_id.clone(), error, r#type: Some(kind), error_code: code.as_str().to_owned() };
    if let Err(status) = link.call("FailJob", &write(&request)).await {
        tracing::warn!("job {job_id}: the server does not take it that it failed: {status}");
    }
}

/// What a job is about, for the log of the daemon.
fn about(job: &AcquiredJob) -> String {
    let user = &job.user_name;
    match &job.r#type {
        Some(AcquiredType::TemplateImport(_)) => format!("a version of a template, for {user}"),
        Some(AcquiredType::TemplateDryRun(_)) => format!("a dry run, for {user}"),
        Some(AcquiredType::WorkspaceBuild(build)) => {
            let verb = match transition(build.metadata.as_ref()) {
                Transition::Start => "start",
                Transition::Stop => "stop",
                Transition::Delete => "delete",
            };
            format!("{verb} the workspace {}, for {user}", build.workspace_name)
        }
        None => "of a kind that is not known".to_owned(),
    }
}

fn transition(metadata: Option<&Metadata>) -> Transition {
    match metadata.map(Metadata::workspace_transition) {
        Some(WorkspaceTransition::Stop) => Transition::Stop,
        Some(WorkspaceTransition::Destroy) => Transition::Delete,
        Some(WorkspaceTransition::Start) | None => Transition::Start,
    }
}

impl Bench<'_> {
    async fn carry(&self, job: AcquiredJob) -> Result<CompletedType, Failure> {
        let AcquiredJob { template_source_archive, r#type, .. } = job;
        let Some(kind) = r#type else {
            return Err(Defect::new("the job is of a kind that this provisioner daemon does not know").into());
        };
        self.report.stage("Setting up");
        let archive = Archive::read(&template_source_archive)?;
        let template = Template::parse(&archive.file)?;
        match kind {
            AcquiredType::TemplateImport(job) => {
                self.import(&template, archive.readme, job).await.map(CompletedType::TemplateImport)
            }
            AcquiredType::WorkspaceBuild(job) => self.build(&template, job).await.map(CompletedType::WorkspaceBuild),
            AcquiredType::TemplateDryRun(job) => self.dry_run(&template, job).await.map(CompletedType::TemplateDryRun),
        }
    }

    async fn dry_run(
        &self,
        template: &Template,
        job: AcquiredTemplateDryRun,
    ) -> Result<CompletedTemplateDryRun, Failure> {
        let metadata = job.metadata.unwrap_or_default();
        let scope =
            Scope::of_build(template, &job.variable_values, &job.rich_parameter_values, &metadata, Transition::Start)?;
        self.report.stage("Planning infrastructure");
        let [planning, _] = scope.stages(template, Transition::Start)?;
        self.walk(planning).await?;
        let Plan { resources, .. } = scope.plan(template, Transition::Start, &|| self.id())?;
        Ok(CompletedTemplateDryRun { resources, modules: Vec::new() })
    }

    /// Goes through a stage. Errors: it fails as the template wants it, or the job is not to be carried on.
    async fn walk(&self, steps: Vec<Step>) -> Result<(), Failure> {
        for step in steps {
            if let Some(interrupt) = self.report.interrupt() {
                return Err(interrupt.into());
            }
            match step {
                Step::Log(level, text) => self.report.line(level, text),
                Step::Pause(duration) => {
                    tokio::select! {
                        () = sleep(duration) => {}
                        interrupt = self.report.interrupted() => return Err(interrupt.into()),
                    }
                }
                Step::Fail(why) => {
                    self.report.line(LogLevel::Error, why.clone());
                    return Err(Defect::new(why).into());
                }
            }
        }
        Ok(())
    }

    fn id(&self) -> Uuid {
        let random: &dyn Random = &*self.parts.random;
        random.id(self.parts.clock.now())
    }
}
