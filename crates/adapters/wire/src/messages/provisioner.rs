//! Parameters, presets and what a job is told (package `provisioner`).
#![expect(
    missing_docs,
    reason = "names and numbers are those of the protocol; `docs/spec/provisioner-wire.md` 5 tells what they mean"
)]

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum ParameterFormType {
    Default = 0,
    FormError = 1,
    Radio = 2,
    Dropdown = 3,
    Input = 4,
    Textarea = 5,
    Slider = 6,
    Checkbox = 7,
    Switch = 8,
    TagSelect = 9,
    MultiSelect = 10,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum LogLevel {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum WorkspaceTransition {
    Start = 0,
    Stop = 1,
    Destroy = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum PrebuiltWorkspaceBuildStage {
    None = 0,
    Create = 1,
    Claim = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum DataUploadType {
    Unknown = 0,
    ModuleFiles = 1,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct TemplateVariable {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub description: String,
    #[prost(string, tag = "3")]
    pub r#type: String,
    #[prost(string, tag = "4")]
    pub default_value: String,
    #[prost(bool, tag = "5")]
    pub required: bool,
    #[prost(bool, tag = "6")]
    pub sensitive: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RichParameterOption {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub description: String,
    #[prost(string, tag = "3")]
    pub value: String,
    #[prost(string, tag = "4")]
    pub icon: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RichParameter {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub description: String,
    #[prost(string, tag = "3")]
    pub r#type: String,
    #[prost(bool, tag = "4")]
    pub mutable: bool,
    #[prost(string, tag = "5")]
    pub default_value: String,
    #[prost(string, tag = "6")]
    pub icon: String,
    #[prost(message, repeated, tag = "7")]
    pub options: Vec<RichParameterOption>,
    #[prost(string, tag = "8")]
    pub validation_regex: String,
    #[prost(string, tag = "9")]
    pub validation_error: String,
    #[prost(int32, optional, tag = "10")]
    pub validation_min: Option<i32>,
    #[prost(int32, optional, tag = "11")]
    pub validation_max: Option<i32>,
    #[prost(string, tag = "12")]
    pub validation_monotonic: String,
    #[prost(bool, tag = "13")]
    pub required: bool,
    #[prost(string, tag = "15")]
    pub display_name: String,
    #[prost(int32, tag = "16")]
    pub order: i32,
    #[prost(bool, tag = "17")]
    pub ephemeral: bool,
    #[prost(enumeration = "ParameterFormType", tag = "18")]
    pub form_type: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct RichParameterValue {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct VariableValue {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
    #[prost(bool, tag = "3")]
    pub sensitive: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PresetParameter {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct ExpirationPolicy {
    #[prost(int32, tag = "1")]
    pub ttl: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Schedule {
    #[prost(string, tag = "1")]
    pub cron: String,
    #[prost(int32, tag = "2")]
    pub instances: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Scheduling {
    #[prost(string, tag = "1")]
    pub timezone: String,
    #[prost(message, repeated, tag = "2")]
    pub schedule: Vec<Schedule>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Prebuild {
    #[prost(int32, tag = "1")]
    pub instances: i32,
    #[prost(message, optional, tag = "2")]
    pub expiration_policy: Option<ExpirationPolicy>,
    #[prost(message, optional, tag = "3")]
    pub scheduling: Option<Scheduling>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Preset {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, repeated, tag = "2")]
    pub parameters: Vec<PresetParameter>,
    #[prost(message, optional, tag = "3")]
    pub prebuild: Option<Prebuild>,
    #[prost(bool, tag = "4")]
    pub default: bool,
    #[prost(string, tag = "5")]
    pub description: String,
    #[prost(string, tag = "6")]
    pub icon: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ExternalAuthProviderResource {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(bool, tag = "2")]
    pub optional: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct ExternalAuthProvider {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub access_token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Role {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub org_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct RunningAgentAuthToken {
    #[prost(string, tag = "1")]
    pub agent_id: String,
    #[prost(string, tag = "2")]
    pub token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Metadata {
    #[prost(string, tag = "1")]
    pub coder_url: String,
    #[prost(enumeration = "WorkspaceTransition", tag = "2")]
    pub workspace_transition: i32,
    #[prost(string, tag = "3")]
    pub workspace_name: String,
    #[prost(string, tag = "4")]
    pub workspace_owner: String,
    #[prost(string, tag = "5")]
    pub workspace_id: String,
    #[prost(string, tag = "6")]
    pub workspace_owner_id: String,
    #[prost(string, tag = "7")]
    pub workspace_owner_email: String,
    #[prost(string, tag = "8")]
    pub template_name: String,
    #[prost(string, tag = "9")]
    pub template_version: String,
    #[prost(string, tag = "10")]
    pub workspace_owner_oidc_access_token: String,
    #[prost(string, tag = "11")]
    pub workspace_owner_session_token: String,
    #[prost(string, tag = "12")]
    pub template_id: String,
    #[prost(string, tag = "13")]
    pub workspace_owner_name: String,
    #[prost(string, repeated, tag = "14")]
    pub workspace_owner_groups: Vec<String>,
    #[prost(string, tag = "15")]
    pub workspace_owner_ssh_public_key: String,
    #[prost(string, tag = "16")]
    pub workspace_owner_ssh_private_key: String,
    #[prost(string, tag = "17")]
    pub workspace_build_id: String,
    #[prost(string, tag = "18")]
    pub workspace_owner_login_type: String,
    #[prost(message, repeated, tag = "19")]
    pub workspace_owner_rbac_roles: Vec<Role>,
    #[prost(enumeration = "PrebuiltWorkspaceBuildStage", tag = "20")]
    pub prebuilt_workspace_build_stage: i32,
    #[prost(message, repeated, tag = "21")]
    pub running_agent_auth_tokens: Vec<RunningAgentAuthToken>,
    #[prost(string, tag = "22")]
    pub task_id: String,
    #[prost(string, tag = "23")]
    pub task_prompt: String,
    #[prost(string, tag = "24")]
    pub template_version_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DataUpload {
    #[prost(enumeration = "DataUploadType", tag = "1")]
    pub upload_type: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub data_hash: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub file_size: i64,
    #[prost(int32, tag = "4")]
    pub chunks: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ChunkPiece {
    #[prost(bytes = "vec", tag = "1")]
    pub data: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub full_data_hash: Vec<u8>,
    #[prost(int32, tag = "3")]
    pub piece_index: i32,
}

hidden!(TemplateVariable, RichParameterValue, VariableValue, ExternalAuthProvider, RunningAgentAuthToken, Metadata);
