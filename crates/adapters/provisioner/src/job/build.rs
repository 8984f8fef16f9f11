//! A workspace is started, stopped or deleted.

use super::{Bench, Failure, transition};
use crate::echo::{Code, Defect, Plan, Scope, State, Step, Template, Transition};
use doorward_domain::Instant;
use doorward_wire::messages::provisioner::LogLevel;
use doorward_wire::messages::provisionerd::{
    AcquiredWorkspaceBuild, CommitQuotaRequest, CommitQuotaResponse, CompletedWorkspaceBuild, FailedWorkspaceBuild,
};
use doorward_wire::messages::resources::{Timestamp, Timing, TimingState};
use doorward_wire::messages::{read, write};

/// When the stages of a build began and ended.
#[derive(Default)]
struct Timings(Vec<Timing>);

impl Bench<'_> {
    pub(super) async fn build(
        &self,
        template: &Template,
        job: AcquiredWorkspaceBuild,
    ) -> Result<CompletedWorkspaceBuild, Failure> {
        let transition = transition(job.metadata.as_ref());
        let metadata = job.metadata.unwrap_or_default();
        let before = State::read(&job.state)?;
        let (values, variables) = (&job.rich_parameter_values, &job.variable_values);
        let scope = Scope::of_build(template, variables, values, &metadata, transition)?;
        let [planning, applying] = scope.stages(template, transition)?;
        let mut timings = Timings::default();

        self.report.stage("Planning infrastructure");
        self.timed(&mut timings, "plan", planning).await?;
        let plan = scope.plan(template, transition, &|| self.id())?;
        self.commit_quota(&plan, transition).await?;

        self.report.stage(match transition {
            Transition::Start => "Starting workspace",
            Transition::Stop => "Stopping workspace",
            Transition::Delete => "Destroying workspace",
        });
        if let Err(failure) = self.timed(&mut timings, "apply", applying).await {
            let build = FailedWorkspaceBuild { state: before.after_failure().write(), timings: timings.0 };
            return Err(Failure { build: Some(build), ..failure });
        }
        for line in before.differences(&plan) {
            self.report.line(LogLevel::Info, line);
        }
        self.report.stage("Cleaning Up");
        let state = before.after(&plan).write();
        let Plan { resources, .. } = plan;
        Ok(CompletedWorkspaceBuild { state, resources, timings: timings.0, ..CompletedWorkspaceBuild::default() })
    }

    async fn timed(&self, timings: &mut Timings, stage: &str, steps: Vec<Step>) -> Result<(), Failure> {
        let begun = self.parts.clock.now();
        let walked = self.walk(steps).await;
        let outcome = if walked.is_ok() { TimingState::Completed } else { TimingState::Failed };
        timings.0.push(Timing {
            start: Some(timestamp(begun)),
            end: Some(timestamp(self.parts.clock.now())),
            action: stage.to_owned(),
            source: "echo".to_owned(),
            resource: "template".to_owned(),
            stage: stage.to_owned(),
            state: outcome.into(),
        });
        walked
    }

    /// Asks whether the owner may spend so much. Nobody asks where nothing is spent, or all is given back.
    async fn commit_quota(&self, plan: &Plan, transition: Transition) -> Result<(), Failure> {
        if plan.daily_cost == 0 || transition == Transition::Delete {
            return Ok(());
        }
        self.report.stage("Commit quota");
        let asked = CommitQuotaRequest { job_id: self.job_id.clone(), daily_cost: plan.daily_cost };
        let answer = self.link.call("CommitQuota", &write(&asked)).await.map_err(|status| Defect::new(status.text))?;
        let answer: CommitQuotaResponse = read(&answer).map_err(Defect::new)?;
        let CommitQuotaResponse { ok, credits_consumed, budget } = answer;
        self.report.line(LogLevel::Info, format!("Build cost       —   {}", plan.daily_cost));
        if budget < 0 {
            self.report.line(LogLevel::Info, "Budget           —   unlimited");
        } else {
            self.report.line(LogLevel::Info, format!("Budget           —   {budget}"));
            self.report.line(LogLevel::Info, format!("Credits consumed —   {credits_consumed}"));
        }
        if ok {
            return Ok(());
        }
        self.report.line(LogLevel::Warn, "This build would exceed your quota. Failing.");
        Err(Defect::coded(Code::InsufficientQuota, "insufficient quota").into())
    }
}

fn timestamp(at: Instant) -> Timestamp {
    Timestamp { seconds: at.unix_timestamp(), nanos: i32::try_from(at.nanosecond()).unwrap_or_default() }
}
