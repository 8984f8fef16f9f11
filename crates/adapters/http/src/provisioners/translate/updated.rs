//! What a daemon tells while it works.

use super::acquired::values;
use doorward_domain::Instant;
use doorward_domain::provisioner_jobs::{LogLevel, LogSource, NewLog};
use doorward_domain::template_versions::Variable;
use doorward_services::provisioner_jobs::{JobUpdate, Updated};
use doorward_wire::Status;
use doorward_wire::messages::provisioner::{self as wire, TemplateVariable};
use doorward_wire::messages::provisionerd::{self, Log, UpdateJobRequest, UpdateJobResponse};

/// What is told. Errors: of a line it is not said who says it, how much it matters, or when.
pub(crate) fn job_update(request: UpdateJobRequest) -> Result<JobUpdate, Status> {
    let UpdateJobRequest { logs, template_variables, user_variable_values, readme, workspace_tags, .. } = request;
    let readme =
        String::from_utf8(readme).map_err(|error| Status::error(format!("the readme is no UTF-8: {error}")))?;
    Ok(JobUpdate {
        logs: logs.into_iter().map(line).collect::<Result<_, _>>()?,
        variables: template_variables.into_iter().map(variable).collect(),
        variable_values: user_variable_values.into_iter().map(|value| (value.name, value.value)).collect(),
        readme,
        workspace_tags,
    })
}

/// What the daemon is told then.
pub(crate) fn answer(updated: Updated) -> UpdateJobResponse {
    UpdateJobResponse { canceled: updated.canceled, variable_values: values(updated.variable_values) }
}

fn line(log: Log) -> Result<NewLog, Status> {
    let Log { source, level, created_at, stage, output } = log;
    let unknown = |what: &str, number: i32| Status::error(format!("{number} is no {what} of a line of the log"));
    let source = match provisionerd::LogSource::try_from(source) {
        Ok(provisionerd::LogSource::ProvisionerDaemon) => LogSource::ProvisionerDaemon,
        Ok(provisionerd::LogSource::Provisioner) => LogSource::Provisioner,
        Err(_) => return Err(unknown("source", source)),
    };
    let level = match wire::LogLevel::try_from(level) {
        Ok(wire::LogLevel::Trace) => LogLevel::Trace,
        Ok(wire::LogLevel::Debug) => LogLevel::Debug,
        Ok(wire::LogLevel::Info) => LogLevel::Info,
        Ok(wire::LogLevel::Warn) => LogLevel::Warn,
        Ok(wire::LogLevel::Error) => LogLevel::Error,
        Err(_) => return Err(unknown("level", level)),
    };
    let created_at = Instant::from_unix_timestamp_nanos(i128::from(created_at) * 1_000_000)
        .map_err(|error| Status::error(format!("a line of the log has an impossible time: {error}")))?;
    Ok(NewLog { created_at, source, level, stage, output })
}

fn variable(variable: TemplateVariable) -> Variable {
    let TemplateVariable { name, description, r#type, default_value, required, sensitive } = variable;
    Variable { name, description, kind: r#type, value: String::new(), default_value, required, sensitive }
}
