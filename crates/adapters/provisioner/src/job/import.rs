//! A version of a template is looked at: what it needs, and what it would make.

use super::{Bench, Failure};
use crate::echo::{Code, Scope, Template, Transition};
use doorward_wire::messages::provisioner::LogLevel;
use doorward_wire::messages::provisionerd::{
    AcquiredTemplateImport, CompletedTemplateImport, UpdateJobRequest, UpdateJobResponse,
};
use doorward_wire::messages::{read, write};

impl Bench<'_> {
    pub(super) async fn import(
        &self,
        template: &Template,
        readme: Vec<u8>,
        job: AcquiredTemplateImport,
    ) -> Result<CompletedTemplateImport, Failure> {
        self.report.stage("Parsing template parameters");
        self.walk(Scope::steps_of_import(template)?).await?;
        let asked = UpdateJobRequest {
            job_id: self.job_id.clone(),
            template_variables: template.variables(),
            user_variable_values: job.user_variable_values.clone(),
            readme: String::from_utf8_lossy(&readme).into_owned().into_bytes(),
            workspace_tags: template.tags(),
            ..UpdateJobRequest::default()
        };
        let answer = self.link.call("UpdateJob", &write(&asked)).await.map_err(|status| {
            // The server knows all values, those of versions before too.
            let code = if status.text.contains("required template variables") {
                Code::RequiredTemplateVariables
            } else {
                Code::None
            };
            Failure { error: status.text, code, build: None }
        })?;
        let answer: UpdateJobResponse =
            read(&answer).map_err(|error| Failure { error, code: Code::None, build: None })?;
        let variables = answer.variable_values;
        let metadata = job.metadata.unwrap_or_default();

        let mut resources = [Vec::new(), Vec::new()];
        for ((stage, transition), planned) in
            [("Detecting persistent resources", Transition::Stop), ("Detecting ephemeral resources", Transition::Start)]
                .into_iter()
                .zip(&mut resources)
        {
            self.report.stage(stage);
            let scope = Scope::of_import(template, &variables, &metadata, transition)?;
            let plan = scope.plan(template, transition, &|| self.id())?;
            for resource in &plan.resources {
                self.report.line(LogLevel::Info, format!("{}.{}", resource.r#type, resource.name));
            }
            *planned = plan.resources;
        }
        if let Some(interrupt) = self.report.interrupt() {
            return Err(interrupt.into());
        }
        let [stop_resources, start_resources] = resources;
        Ok(CompletedTemplateImport {
            start_resources,
            stop_resources,
            rich_parameters: template.parameters(),
            external_auth_providers_names: template.external_auth().into_iter().map(|auth| auth.id).collect(),
            external_auth_providers: template.external_auth(),
            presets: template.presets(),
            plan: b"{}".to_vec(),
            ..CompletedTemplateImport::default()
        })
    }
}
