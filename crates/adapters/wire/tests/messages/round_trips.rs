//! What is written is read again as it was.

use crate::corpus::{preset, resource, timing};
use doorward_wire::messages::provisioner::{
    ChunkPiece, DataUpload, ExternalAuthProvider, Metadata, RichParameter, RichParameterValue, Role,
    RunningAgentAuthToken, TemplateVariable, VariableValue,
};
use doorward_wire::messages::provisionerd::{
    AcquiredJob, AcquiredTemplateDryRun, AcquiredTemplateImport, AcquiredType, AcquiredWorkspaceBuild,
    CommitQuotaRequest, CommitQuotaResponse, CompletedJob, CompletedTemplateDryRun, CompletedTemplateImport,
    CompletedType, CompletedWorkspaceBuild, Empty, FailedJob, FailedType, FailedWorkspaceBuild, JobReference, Log,
    UpdateJobRequest, UpdateJobResponse, UploadFileRequest, UploadFileType,
};
use doorward_wire::messages::resources::Resource;
use doorward_wire::messages::{read, write};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn text() -> BoxedStrategy<String> {
    prop_oneof![".{0,12}", Just(String::new())].boxed()
}

fn bytes() -> BoxedStrategy<Vec<u8>> {
    vec(any::<u8>(), 0..40).boxed()
}

fn resources() -> BoxedStrategy<Vec<Resource>> {
    let one = (text(), text(), any::<i32>(), any::<bool>()).prop_map(|(name, icon, daily_cost, hide)| Resource {
        name,
        icon,
        daily_cost,
        hide,
        ..resource()
    });
    vec(one, 0..3).boxed()
}

fn variable_values() -> BoxedStrategy<Vec<VariableValue>> {
    let one = (text(), text(), any::<bool>());
    vec(one.prop_map(|(name, value, sensitive)| VariableValue { name, value, sensitive }), 0..4).boxed()
}

fn rich_values() -> BoxedStrategy<Vec<RichParameterValue>> {
    vec((text(), text()).prop_map(|(name, value)| RichParameterValue { name, value }), 0..4).boxed()
}

fn metadata() -> BoxedStrategy<Option<Metadata>> {
    let one = (text(), 0..3_i32, vec(text(), 0..3), text(), text()).prop_map(
        |(coder_url, workspace_transition, workspace_owner_groups, name, token)| Metadata {
            coder_url,
            workspace_transition,
            workspace_owner_groups,
            workspace_owner_rbac_roles: vec![Role { name: name.clone(), org_id: name.clone() }],
            running_agent_auth_tokens: vec![RunningAgentAuthToken { agent_id: name.clone(), token: token.clone() }],
            workspace_name: name,
            workspace_owner_session_token: token,
            template_version_id: "x".to_owned(),
            ..Metadata::default()
        },
    );
    proptest::option::of(one).boxed()
}

fn acquired() -> BoxedStrategy<AcquiredJob> {
    let build = (rich_values(), variable_values(), metadata(), bytes(), text()).prop_map(
        |(rich_parameter_values, variable_values, metadata, state, name)| {
            AcquiredType::WorkspaceBuild(AcquiredWorkspaceBuild {
                workspace_build_id: name.clone(),
                previous_parameter_values: rich_parameter_values.clone(),
                external_auth_providers: vec![ExternalAuthProvider { id: name.clone(), access_token: name.clone() }],
                log_level: name.clone(),
                workspace_name: name,
                rich_parameter_values,
                variable_values,
                metadata,
                state,
            })
        },
    );
    let import = (metadata(), variable_values()).prop_map(|(metadata, user_variable_values)| {
        AcquiredType::TemplateImport(AcquiredTemplateImport { metadata, user_variable_values })
    });
    let run = (rich_values(), variable_values(), metadata()).prop_map(
        |(rich_parameter_values, variable_values, metadata)| {
            AcquiredType::TemplateDryRun(AcquiredTemplateDryRun { rich_parameter_values, variable_values, metadata })
        },
    );
    let kind = proptest::option::of(prop_oneof![build, import, run]);
    (text(), any::<i64>(), bytes(), kind, btree_map(text(), text(), 0..3))
        .prop_map(|(job_id, created_at, template_source_archive, r#type, trace_metadata)| AcquiredJob {
            user_name: job_id.clone(),
            provisioner: job_id.clone(),
            job_id,
            created_at,
            template_source_archive,
            r#type,
            trace_metadata,
        })
        .boxed()
}

fn update() -> BoxedStrategy<UpdateJobRequest> {
    let log = (0..2_i32, 0..5_i32, any::<i64>(), text(), text())
        .prop_map(|(source, level, created_at, stage, output)| Log { source, level, created_at, stage, output });
    let variable = (text(), any::<bool>()).prop_map(|(name, required)| TemplateVariable {
        default_value: name.clone(),
        name,
        required,
        ..TemplateVariable::default()
    });
    (text(), vec(log, 0..5), vec(variable, 0..3), variable_values(), bytes(), btree_map(text(), text(), 0..3))
        .prop_map(|(job_id, logs, template_variables, user_variable_values, readme, workspace_tags)| UpdateJobRequest {
            job_id,
            logs,
            template_variables,
            user_variable_values,
            readme,
            workspace_tags,
        })
        .boxed()
}

fn completed() -> BoxedStrategy<CompletedJob> {
    let build = (bytes(), resources()).prop_map(|(state, resources)| {
        let timings = vec![timing()];
        let build = CompletedWorkspaceBuild { state, resources, timings, ..CompletedWorkspaceBuild::default() };
        CompletedType::WorkspaceBuild(build)
    });
    let parameter = (text(), proptest::option::of(any::<i32>()), any::<i32>(), 0..11_i32).prop_map(
        |(name, validation_min, order, form_type)| RichParameter {
            name,
            validation_min,
            order,
            form_type,
            ..RichParameter::default()
        },
    );
    let import = (resources(), resources(), vec(parameter, 0..3), bytes()).prop_map(
        |(start_resources, stop_resources, rich_parameters, module_files)| {
            CompletedType::TemplateImport(CompletedTemplateImport {
                start_resources,
                stop_resources,
                rich_parameters,
                module_files_hash: module_files.clone(),
                module_files,
                presets: vec![preset()],
                has_ai_tasks: true,
                ..CompletedTemplateImport::default()
            })
        },
    );
    let run = resources().prop_map(|resources| {
        CompletedType::TemplateDryRun(CompletedTemplateDryRun { resources, modules: Vec::new() })
    });
    (text(), proptest::option::of(prop_oneof![build, import, run]))
        .prop_map(|(job_id, r#type)| CompletedJob { job_id, r#type })
        .boxed()
}

fn failed() -> BoxedStrategy<FailedJob> {
    let build =
        bytes().prop_map(|state| FailedType::WorkspaceBuild(FailedWorkspaceBuild { state, timings: vec![timing()] }));
    let kind =
        prop_oneof![build, Just(FailedType::TemplateImport(Empty {})), Just(FailedType::TemplateDryRun(Empty {}))];
    (text(), text(), proptest::option::of(kind), text())
        .prop_map(|(job_id, error, r#type, error_code)| FailedJob { job_id, error, r#type, error_code })
        .boxed()
}

fn upload() -> BoxedStrategy<UploadFileRequest> {
    let announced =
        (0..2_i32, bytes(), any::<i64>(), any::<i32>()).prop_map(|(upload_type, data_hash, file_size, chunks)| {
            UploadFileType::DataUpload(DataUpload { upload_type, data_hash, file_size, chunks })
        });
    let piece = (bytes(), bytes(), any::<i32>()).prop_map(|(data, full_data_hash, piece_index)| {
        UploadFileType::ChunkPiece(ChunkPiece { data, full_data_hash, piece_index })
    });
    let part = prop_oneof![announced, piece, bytes().prop_map(UploadFileType::Error)];
    proptest::option::of(part).prop_map(|r#type| UploadFileRequest { r#type }).boxed()
}

/// Whether a job is found in a message without reading the rest.
fn job_of(bytes: &[u8]) -> String {
    read::<JobReference>(bytes).unwrap().job_id
}

proptest! {
    #[test]
    fn jobs(job in acquired()) {
        let bytes = write(&job);
        prop_assert_eq!(job_of(&bytes), job.job_id.clone());
        prop_assert_eq!(read::<AcquiredJob>(&bytes).unwrap(), job);
    }

    #[test]
    fn updates(told in update(), canceled in any::<bool>(), variable_values in variable_values()) {
        let bytes = write(&told);
        prop_assert_eq!(job_of(&bytes), told.job_id.clone());
        prop_assert_eq!(read::<UpdateJobRequest>(&bytes).unwrap(), told);
        let answer = UpdateJobResponse { canceled, variable_values };
        prop_assert_eq!(read::<UpdateJobResponse>(&write(&answer)).unwrap(), answer);
    }

    #[test]
    fn ends(done in completed(), failed in failed()) {
        let bytes = write(&done);
        prop_assert_eq!(job_of(&bytes), done.job_id.clone());
        prop_assert_eq!(read::<CompletedJob>(&bytes).unwrap(), done);
        let bytes = write(&failed);
        prop_assert_eq!(job_of(&bytes), failed.job_id.clone());
        prop_assert_eq!(read::<FailedJob>(&bytes).unwrap(), failed);
    }

    #[test]
    fn costs_and_files(part in upload(), job_id in text(), daily_cost in any::<i32>(), ok in any::<bool>(), budget in any::<i32>()) {
        prop_assert_eq!(read::<UploadFileRequest>(&write(&part)).unwrap(), part);
        let asked = CommitQuotaRequest { job_id, daily_cost };
        prop_assert_eq!(read::<CommitQuotaRequest>(&write(&asked)).unwrap(), asked);
        let answer = CommitQuotaResponse { ok, credits_consumed: daily_cost, budget };
        prop_assert_eq!(read::<CommitQuotaResponse>(&write(&answer)).unwrap(), answer);
    }

    #[test]
    fn messages_are_the_same_with_what_newer_daemons_add(told in update(), extra in bytes()) {
        let mut with = write(&told).to_vec();
        // A field of number 2047 with bytes.
        with.extend([0xfa, 0x7f, u8::try_from(extra.len()).unwrap()]);
        with.extend(extra);
        prop_assert_eq!(read::<UpdateJobRequest>(&with).unwrap(), told);
    }
}
