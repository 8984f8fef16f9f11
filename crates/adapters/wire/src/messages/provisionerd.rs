//! Requests and answers (package `provisionerd`).
#![expect(
    missing_docs,
    reason = "names and numbers are those of the protocol; `docs/spec/provisioner-wire.md` 4 tells what they mean"
)]

use super::provisioner::{
    ChunkPiece, DataUpload, ExternalAuthProvider, ExternalAuthProviderResource, LogLevel, Metadata, Preset,
    RichParameter, RichParameterValue, TemplateVariable, VariableValue,
};
use super::resources::{AiTask, Module, Resource, ResourceReplacement, Timing};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum LogSource {
    ProvisionerDaemon = 0,
    Provisioner = 1,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Empty {}

/// The beginning of every request about a job: enough to see whose it is, before the rest, which may be large, is read.
#[derive(Clone, PartialEq, prost::Message)]
pub struct JobReference {
    #[prost(string, tag = "1")]
    pub job_id: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum AcquiredType {
    #[prost(message, tag = "6")]
    WorkspaceBuild(AcquiredWorkspaceBuild),
    #[prost(message, tag = "7")]
    TemplateImport(AcquiredTemplateImport),
    #[prost(message, tag = "8")]
    TemplateDryRun(AcquiredTemplateDryRun),
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct AcquiredWorkspaceBuild {
    #[prost(string, tag = "1")]
    pub workspace_build_id: String,
    #[prost(string, tag = "2")]
    pub workspace_name: String,
    #[prost(message, repeated, tag = "4")]
    pub rich_parameter_values: Vec<RichParameterValue>,
    #[prost(message, repeated, tag = "5")]
    pub variable_values: Vec<VariableValue>,
    #[prost(message, repeated, tag = "6")]
    pub external_auth_providers: Vec<ExternalAuthProvider>,
    #[prost(message, optional, tag = "7")]
    pub metadata: Option<Metadata>,
    #[prost(bytes = "vec", tag = "8")]
    pub state: Vec<u8>,
    #[prost(string, tag = "9")]
    pub log_level: String,
    #[prost(message, repeated, tag = "10")]
    pub previous_parameter_values: Vec<RichParameterValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AcquiredTemplateImport {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<Metadata>,
    #[prost(message, repeated, tag = "2")]
    pub user_variable_values: Vec<VariableValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AcquiredTemplateDryRun {
    #[prost(message, repeated, tag = "2")]
    pub rich_parameter_values: Vec<RichParameterValue>,
    #[prost(message, repeated, tag = "3")]
    pub variable_values: Vec<VariableValue>,
    #[prost(message, optional, tag = "4")]
    pub metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AcquiredJob {
    #[prost(string, tag = "1")]
    pub job_id: String,
    #[prost(int64, tag = "2")]
    pub created_at: i64,
    #[prost(string, tag = "3")]
    pub provisioner: String,
    #[prost(string, tag = "4")]
    pub user_name: String,
    #[prost(bytes = "vec", tag = "5")]
    pub template_source_archive: Vec<u8>,
    #[prost(oneof = "AcquiredType", tags = "6, 7, 8")]
    pub r#type: Option<AcquiredType>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub trace_metadata: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum FailedType {
    #[prost(message, tag = "3")]
    WorkspaceBuild(FailedWorkspaceBuild),
    #[prost(message, tag = "4")]
    TemplateImport(Empty),
    #[prost(message, tag = "5")]
    TemplateDryRun(Empty),
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct FailedWorkspaceBuild {
    #[prost(bytes = "vec", tag = "1")]
    pub state: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub timings: Vec<Timing>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct FailedJob {
    #[prost(string, tag = "1")]
    pub job_id: String,
    #[prost(string, tag = "2")]
    pub error: String,
    #[prost(oneof = "FailedType", tags = "3, 4, 5")]
    pub r#type: Option<FailedType>,
    #[prost(string, tag = "6")]
    pub error_code: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum CompletedType {
    #[prost(message, tag = "2")]
    WorkspaceBuild(CompletedWorkspaceBuild),
    #[prost(message, tag = "3")]
    TemplateImport(CompletedTemplateImport),
    #[prost(message, tag = "4")]
    TemplateDryRun(CompletedTemplateDryRun),
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct CompletedWorkspaceBuild {
    #[prost(bytes = "vec", tag = "1")]
    pub state: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub resources: Vec<Resource>,
    #[prost(message, repeated, tag = "3")]
    pub timings: Vec<Timing>,
    #[prost(message, repeated, tag = "4")]
    pub modules: Vec<Module>,
    #[prost(message, repeated, tag = "5")]
    pub resource_replacements: Vec<ResourceReplacement>,
    #[prost(message, repeated, tag = "6")]
    pub ai_tasks: Vec<AiTask>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CompletedTemplateImport {
    #[prost(message, repeated, tag = "1")]
    pub start_resources: Vec<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub stop_resources: Vec<Resource>,
    #[prost(message, repeated, tag = "3")]
    pub rich_parameters: Vec<RichParameter>,
    #[prost(string, repeated, tag = "4")]
    pub external_auth_providers_names: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub external_auth_providers: Vec<ExternalAuthProviderResource>,
    #[prost(message, repeated, tag = "6")]
    pub start_modules: Vec<Module>,
    #[prost(message, repeated, tag = "7")]
    pub stop_modules: Vec<Module>,
    #[prost(message, repeated, tag = "8")]
    pub presets: Vec<Preset>,
    #[prost(bytes = "vec", tag = "9")]
    pub plan: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    pub module_files: Vec<u8>,
    #[prost(bytes = "vec", tag = "11")]
    pub module_files_hash: Vec<u8>,
    #[prost(bool, tag = "12")]
    pub has_ai_tasks: bool,
    #[prost(bool, tag = "13")]
    pub has_external_agents: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CompletedTemplateDryRun {
    #[prost(message, repeated, tag = "1")]
    pub resources: Vec<Resource>,
    #[prost(message, repeated, tag = "2")]
    pub modules: Vec<Module>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CompletedJob {
    #[prost(string, tag = "1")]
    pub job_id: String,
    #[prost(oneof = "CompletedType", tags = "2, 3, 4")]
    pub r#type: Option<CompletedType>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Log {
    #[prost(enumeration = "LogSource", tag = "1")]
    pub source: i32,
    #[prost(enumeration = "LogLevel", tag = "2")]
    pub level: i32,
    #[prost(int64, tag = "3")]
    pub created_at: i64,
    #[prost(string, tag = "4")]
    pub stage: String,
    #[prost(string, tag = "5")]
    pub output: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UpdateJobRequest {
    #[prost(string, tag = "1")]
    pub job_id: String,
    #[prost(message, repeated, tag = "2")]
    pub logs: Vec<Log>,
    #[prost(message, repeated, tag = "4")]
    pub template_variables: Vec<TemplateVariable>,
    #[prost(message, repeated, tag = "5")]
    pub user_variable_values: Vec<VariableValue>,
    #[prost(bytes = "vec", tag = "6")]
    pub readme: Vec<u8>,
    #[prost(btree_map = "string, string", tag = "7")]
    pub workspace_tags: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UpdateJobResponse {
    #[prost(bool, tag = "1")]
    pub canceled: bool,
    #[prost(message, repeated, tag = "3")]
    pub variable_values: Vec<VariableValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct CommitQuotaRequest {
    #[prost(string, tag = "1")]
    pub job_id: String,
    #[prost(int32, tag = "2")]
    pub daily_cost: i32,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct CommitQuotaResponse {
    #[prost(bool, tag = "1")]
    pub ok: bool,
    #[prost(int32, tag = "2")]
    pub credits_consumed: i32,
    #[prost(int32, tag = "3")]
    pub budget: i32,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum UploadFileType {
    #[prost(message, tag = "1")]
    DataUpload(DataUpload),
    #[prost(message, tag = "2")]
    ChunkPiece(ChunkPiece),
    /// The daemon gives the upload up (from 1.8 on). What it says of it is not looked at.
    #[prost(bytes = "vec", tag = "3")]
    Error(Vec<u8>),
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct UploadFileRequest {
    #[prost(oneof = "UploadFileType", tags = "1, 2, 3")]
    pub r#type: Option<UploadFileType>,
}

hidden!(AcquiredWorkspaceBuild, FailedWorkspaceBuild, CompletedWorkspaceBuild);
