//! A job for a daemon.

use doorward_domain::Secret;
use doorward_domain::workspaces::Transition;
use doorward_services::provisioner_jobs::{Acquired, AcquiredBuild, AcquiredWork, Metadata, VariableValue as Value};
use doorward_wire::messages::provisioner::{
    self as wire, RichParameterValue, Role, VariableValue, WorkspaceTransition,
};
use doorward_wire::messages::provisionerd::{
    AcquiredJob, AcquiredTemplateDryRun, AcquiredTemplateImport, AcquiredType, AcquiredWorkspaceBuild,
};
use std::collections::BTreeMap;

/// The message for a job, with the archive of its template.
pub(crate) fn job(acquired: Acquired, archive: Vec<u8>) -> AcquiredJob {
    let Acquired { job, user_name, work, .. } = acquired;
    let created_at = i64::try_from(job.created_at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    let usual = |coder_url: String| wire::Metadata {
        coder_url,
        workspace_owner_groups: AcquiredWork::usual_groups(),
        ..wire::Metadata::default()
    };
    let work = match work {
        AcquiredWork::Import { variables, coder_url } => AcquiredType::TemplateImport(AcquiredTemplateImport {
            metadata: Some(usual(coder_url)),
            user_variable_values: values(variables),
        }),
        AcquiredWork::DryRun { parameters, variables, workspace_name, coder_url } => {
            AcquiredType::TemplateDryRun(AcquiredTemplateDryRun {
                rich_parameter_values: rich_values(parameters),
                variable_values: values(variables),
                metadata: Some(wire::Metadata { workspace_name, ..usual(coder_url) }),
            })
        }
        AcquiredWork::Build(build) => AcquiredType::WorkspaceBuild(workspace_build(*build)),
    };
    AcquiredJob {
        job_id: job.id.to_string(),
        created_at,
        provisioner: job.provisioner.as_str().to_owned(),
        user_name,
        template_source_archive: archive,
        r#type: Some(work),
        trace_metadata: BTreeMap::new(),
    }
}

fn workspace_build(acquired: AcquiredBuild) -> AcquiredWorkspaceBuild {
    let AcquiredBuild { build, workspace, parameters, previous_parameters, variables, state, log_level, metadata } =
        acquired;
    let Metadata { coder_url, owner, owner_groups, owner_roles, session_token, template, version } = metadata;
    let transition = match build.transition {
        Transition::Start => WorkspaceTransition::Start,
        Transition::Stop => WorkspaceTransition::Stop,
        Transition::Delete => WorkspaceTransition::Destroy,
    };
    let roles = owner_roles
        .into_iter()
        .map(|(name, organization)| Role { name, org_id: organization.map(|id| id.to_string()).unwrap_or_default() });
    let metadata = wire::Metadata {
        coder_url,
        workspace_transition: transition.into(),
        workspace_name: workspace.name.to_string(),
        workspace_owner: owner.username.to_string(),
        workspace_id: workspace.id.to_string(),
        workspace_owner_id: owner.id.to_string(),
        workspace_owner_email: owner.email.as_ref().map(ToString::to_string).unwrap_or_default(),
        template_name: template.name.to_string(),
        template_version: version.name.to_string(),
        workspace_owner_session_token: session_token.map(Secret::into_exposed).unwrap_or_default(),
        template_id: template.id.to_string(),
        workspace_owner_name: owner.name.to_string(),
        workspace_owner_groups: owner_groups,
        workspace_build_id: build.id.to_string(),
        workspace_owner_login_type: owner.login_type.as_str().to_owned(),
        workspace_owner_rbac_roles: roles.collect(),
        template_version_id: version.id.to_string(),
        ..wire::Metadata::default()
    };
    AcquiredWorkspaceBuild {
        workspace_build_id: build.id.to_string(),
        workspace_name: workspace.name.to_string(),
        rich_parameter_values: rich_values(parameters),
        variable_values: values(variables),
        external_auth_providers: Vec::new(),
        metadata: Some(metadata),
        state: state.into_exposed(),
        log_level,
        previous_parameter_values: rich_values(previous_parameters),
    }
}

fn rich_values(values: BTreeMap<String, String>) -> Vec<RichParameterValue> {
    values.into_iter().map(|(name, value)| RichParameterValue { name, value }).collect()
}

/// Values of variables.
pub(super) fn values(values: Vec<Value>) -> Vec<VariableValue> {
    values.into_iter().map(|Value { name, value, sensitive }| VariableValue { name, value, sensitive }).collect()
}
