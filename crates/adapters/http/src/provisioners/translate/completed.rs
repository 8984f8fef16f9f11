//! What came of a job.

use super::made::resources;
use doorward_domain::Instant;
use doorward_domain::provisioner_jobs::JobTiming;
use doorward_domain::template_versions::{
    ExternalAuth, FormType, ParameterOption, Preset, PresetParameter, RichParameter,
};
use doorward_services::provisioner_jobs::{CompletedBuild, CompletedDryRun, CompletedImport};
use doorward_wire::Status;
use doorward_wire::messages::provisioner::{self as wire, ParameterFormType};
use doorward_wire::messages::provisionerd::{
    CompletedTemplateDryRun, CompletedTemplateImport, CompletedWorkspaceBuild,
};
use doorward_wire::messages::resources::{Timestamp, Timing};
use time::Duration;

/// A build. Errors: something in it is none.
pub(crate) fn build(build: CompletedWorkspaceBuild) -> Result<CompletedBuild, Status> {
    Ok(CompletedBuild { resources: resources(build.resources)?, state: build.state, timings: timings(build.timings) })
}

/// How long steps took; those without times are left out.
pub(crate) fn timings(told: Vec<Timing>) -> Vec<JobTiming> {
    fn at(time: Option<Timestamp>) -> Option<Instant> {
        let Timestamp { seconds, nanos } = time?;
        // Microseconds are kept, here as everywhere.
        Instant::from_unix_timestamp(seconds).ok()?.checked_add(Duration::microseconds(i64::from(nanos / 1_000)))
    }
    let read = |timing: Timing| {
        Some(JobTiming {
            started_at: at(timing.start)?,
            ended_at: at(timing.end)?,
            stage: timing.stage,
            action: timing.action,
            source: timing.source,
            resource: timing.resource,
        })
    };
    told.into_iter().filter_map(read).collect()
}

/// A dry run. Errors: as of [`build`].
pub(crate) fn dry_run(run: CompletedTemplateDryRun) -> Result<CompletedDryRun, Status> {
    Ok(CompletedDryRun { resources: resources(run.resources)? })
}

/// An import. Errors: as of [`build`].
pub(crate) fn import(import: CompletedTemplateImport) -> Result<CompletedImport, Status> {
    let optional = |auth: wire::ExternalAuthProviderResource| ExternalAuth { id: auth.id, optional: auth.optional };
    let named = |id: String| ExternalAuth { id, optional: false };
    // Older daemons tell names only.
    let external_auth = if import.external_auth_providers.is_empty() {
        import.external_auth_providers_names.into_iter().map(named).collect()
    } else {
        import.external_auth_providers.into_iter().map(optional).collect()
    };
    Ok(CompletedImport {
        start_resources: resources(import.start_resources)?,
        stop_resources: resources(import.stop_resources)?,
        parameters: import.rich_parameters.into_iter().map(parameter).collect::<Result<_, _>>()?,
        presets: import.presets.into_iter().map(preset).collect(),
        external_auth,
        has_ai_tasks: import.has_ai_tasks,
    })
}

fn parameter(parameter: wire::RichParameter) -> Result<RichParameter, Status> {
    let form_type = match ParameterFormType::try_from(parameter.form_type) {
        Ok(ParameterFormType::Default) => FormType::Default,
        Ok(ParameterFormType::FormError) => FormType::Error,
        Ok(ParameterFormType::Radio) => FormType::Radio,
        Ok(ParameterFormType::Dropdown) => FormType::Dropdown,
        Ok(ParameterFormType::Input) => FormType::Input,
        Ok(ParameterFormType::Textarea) => FormType::Textarea,
        Ok(ParameterFormType::Slider) => FormType::Slider,
        Ok(ParameterFormType::Checkbox) => FormType::Checkbox,
        Ok(ParameterFormType::Switch) => FormType::Switch,
        Ok(ParameterFormType::TagSelect) => FormType::TagSelect,
        Ok(ParameterFormType::MultiSelect) => FormType::MultiSelect,
        Err(_) => {
            let number = parameter.form_type;
            return Err(Status::error(format!("{number} is no form type of a parameter")));
        }
    };
    let option = |option: wire::RichParameterOption| ParameterOption {
        name: option.name,
        description: option.description,
        value: option.value,
        icon: option.icon,
    };
    Ok(RichParameter {
        name: parameter.name,
        display_name: parameter.display_name,
        description: parameter.description,
        kind: parameter.r#type,
        mutable: parameter.mutable,
        default_value: parameter.default_value,
        icon: parameter.icon,
        options: parameter.options.into_iter().map(option).collect(),
        validation_regex: parameter.validation_regex,
        validation_error: parameter.validation_error,
        validation_min: parameter.validation_min,
        validation_max: parameter.validation_max,
        validation_monotonic: parameter.validation_monotonic,
        required: parameter.required,
        order: parameter.order,
        ephemeral: parameter.ephemeral,
        form_type,
    })
}

fn preset(preset: wire::Preset) -> Preset {
    let value = |value: wire::PresetParameter| PresetParameter { name: value.name, value: value.value };
    Preset {
        id: uuid::Uuid::nil(),
        name: preset.name,
        parameters: preset.parameters.into_iter().map(value).collect(),
        default: preset.default,
        description: preset.description,
        icon: preset.icon,
        prebuilds: preset.prebuild.map(|prebuild| prebuild.instances),
    }
}
