//! What a daemon tells while it works.

use super::assemble::VariableValue;
use super::daemon::{Held, hold};
use super::events::told_of_logs;
use super::seal::{Seal, open_json, seal_json};
use crate::Principal;
use crate::context::Context;
use crate::deed::Deed;
use crate::error::Error;
use doorward_domain::ids::{ProvisionerJobId, TemplateVersionId};
use doorward_domain::provisioner_jobs::{JobInput, JobType, LINES_AT_ONCE, NewLog, ProvisionerJob, Tail, has_nul};
use doorward_domain::provisioners::Tags;
use doorward_domain::roles::System;
use doorward_domain::template_versions::{README_MAX, TemplateVersion, VALUE_MAX, VARIABLES_MAX, Variable};
use std::collections::{BTreeMap, BTreeSet};

/// What a daemon tells of a job.
#[derive(Clone, Debug, Default)]
pub struct JobUpdate {
    /// Lines for the log, in their order.
    pub logs: Vec<NewLog>,
    /// The variables of the source, without values.
    pub variables: Vec<Variable>,
    /// Values that are given to them, from the source; those that were given with the version go before.
    pub variable_values: BTreeMap<String, String>,
    /// What the source says of itself; empty: nothing.
    pub readme: String,
    /// Tags of the jobs that build from the version, as they are written in the source.
    pub workspace_tags: BTreeMap<String, String>,
}

/// What a daemon is told then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// Whether it is to stop.
    pub canceled: bool,
    /// The values of the variables, if it told of any.
    pub variable_values: Vec<VariableValue>,
}

/// Notes what a daemon tells of its job, and that it is there: a job of which nothing is heard for five minutes is given up. Variables are
/// kept even if the answer is that some that must have a value have none.
///
/// Needs the principal of the provisioner daemon that has the job. Errors: `Refused` (it has another daemon, or the principal is none),
/// `Conflict` (no daemon has it, or it is over), `NoSuch`, `Invalid` (more than is taken; variables without a value).
pub async fn update(ctx: &Context, by: &Principal, id: ProvisionerJobId, told: JobUpdate) -> Result<Updated, Error> {
    check(&told)?;
    let (seal, has_logs) = (ctx.seal(), !told.logs.is_empty());
    let verdict = ctx
        .act(by, move |deed| {
            let Held { mut job, permit } = hold(deed, id)?;
            job.updated_at = deed.now;
            let tail = Tail::of(job.log_size, told.logs);
            job.log_size = tail.size;
            if !tail.lines.is_empty() {
                deed.repos.provisioner_jobs().append_logs(&permit, &job, deed.now, &tail.lines)?;
            }
            deed.repos.provisioner_jobs().update(&permit, &job)?;
            let is_about_version =
                !told.readme.is_empty() || !told.workspace_tags.is_empty() || !told.variables.is_empty();
            let mut verdict = Ok(Vec::new());
            if is_about_version && job.kind == JobType::TemplateVersionImport {
                let why = System::because("a daemon has read the source of a version").permit();
                let mut version = hold_version(deed, job.template_version_id)?;
                if !told.readme.is_empty() {
                    version.readme = told.readme;
                }
                version.workspace_tags.extend(told.workspace_tags);
                deed.repos.template_versions().update(&why, &version)?;
                if !told.variables.is_empty() {
                    verdict = store_variables(deed, &seal, &job, told.variables, &told.variable_values)?;
                }
            }
            let told = verdict.map(|variable_values| Updated { canceled: job.canceled_at.is_some(), variable_values });
            Ok::<_, Error>(deed.unrecorded("a job is recorded by what comes of it", told))
        })
        .await?;
    if has_logs {
        told_of_logs(&ctx.bus, id);
    }
    verdict
        .map_err(|missing| Error::invalid(format!("required template variables need values: {}", missing.join(", "))))
}

/// What is told must be no more than is taken.
fn check(told: &JobUpdate) -> Result<(), Error> {
    let few = |count: usize, max: usize, of: &str| {
        if count > max { Err(Error::invalid(format!("there are more than {max} {of}"))) } else { Ok(()) }
    };
    few(told.logs.len(), LINES_AT_ONCE, "lines of the log at once")?;
    few(told.variables.len(), VARIABLES_MAX, "variables")?;
    few(told.variable_values.len(), VARIABLES_MAX, "values of variables")?;
    few(told.readme.len(), README_MAX, "bytes of the readme")?;
    if told.variable_values.values().any(|value| value.len() > VALUE_MAX) {
        return Err(Error::invalid(format!("a value has more than {VALUE_MAX} bytes")));
    }
    Tags::new(told.workspace_tags.clone()).map_err(|defect| Error::invalid(defect.to_string()))?;
    let mut names = BTreeSet::new();
    if told.variables.iter().any(|variable| variable.name.is_empty() || !names.insert(&variable.name)) {
        return Err(Error::invalid("each variable must have a name of its own"));
    }
    if told.readme.contains('\0') || has_nul(&told.variables) || has_nul(&told.variable_values) {
        return Err(Error::invalid("there is a NUL character in it"));
    }
    Ok(())
}

/// The version, which nobody else changes until the transaction ends.
pub(super) fn hold_version(deed: &mut Deed<'_>, id: TemplateVersionId) -> Result<TemplateVersion, Error> {
    let version = deed.repos.template_versions().find_for_update(id)?;
    let version = version.ok_or_else(|| Error::NoSuch("the version is not there any more".to_owned()))?;
    Ok(TemplateVersion { updated_at: deed.now, ..version })
}

/// Keeps variables with their values: what was given with the version, else what the source gives, else the default. Answers the values, or
/// the names of those that must have one and have none.
fn store_variables(
    deed: &mut Deed<'_>,
    seal: &Seal,
    job: &ProvisionerJob,
    told: Vec<Variable>,
    from_source: &BTreeMap<String, String>,
) -> Result<Result<Vec<VariableValue>, Vec<String>>, Error> {
    let stored = deed.repos.provisioner_jobs().input(job.id)?;
    let JobInput { variables: mut given, .. } = open_json(seal, &job.id, stored)?;
    let (mut missing, mut variables, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for mut variable in told {
        let found = given.remove(&variable.name).or_else(|| from_source.get(&variable.name).cloned());
        if found.is_none() && variable.required && variable.default_value.is_empty() {
            missing.push(variable.name.clone());
        }
        variable.value = found.unwrap_or_else(|| variable.default_value.clone());
        let (name, value) = (variable.name.clone(), variable.value.clone());
        values.push(VariableValue { name, value, sensitive: variable.sensitive });
        variables.push(variable);
    }
    let sealed = seal_json(seal, &job.template_version_id, &variables)?;
    let why = System::because("a daemon has read the source of a version").permit();
    deed.repos.template_versions().update_variables(&why, job.template_version_id, &sealed)?;
    Ok(if missing.is_empty() { Ok(values) } else { Err(missing) })
}
