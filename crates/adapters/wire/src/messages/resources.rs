//! What builds are made of (package `provisioner`).
#![expect(
    missing_docs,
    reason = "names and numbers are those of the protocol; `docs/spec/provisioner-wire.md` 5 tells what they mean"
)]

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum AppSharingLevel {
    Owner = 0,
    Authenticated = 1,
    Public = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum AppOpenIn {
    Window = 0,
    SlimWindow = 1,
    Tab = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum TimingState {
    Started = 0,
    Completed = 1,
    Failed = 2,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ResourceReplacement {
    #[prost(string, tag = "1")]
    pub resource: String,
    #[prost(string, repeated, tag = "2")]
    pub paths: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct ResourceMetadata {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
    #[prost(bool, tag = "3")]
    pub sensitive: bool,
    #[prost(bool, tag = "4")]
    pub is_null: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Resource {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub r#type: String,
    #[prost(message, repeated, tag = "3")]
    pub agents: Vec<Agent>,
    #[prost(message, repeated, tag = "4")]
    pub metadata: Vec<ResourceMetadata>,
    #[prost(bool, tag = "5")]
    pub hide: bool,
    #[prost(string, tag = "6")]
    pub icon: String,
    #[prost(string, tag = "7")]
    pub instance_type: String,
    #[prost(int32, tag = "8")]
    pub daily_cost: i32,
    #[prost(string, tag = "9")]
    pub module_path: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Module {
    #[prost(string, tag = "1")]
    pub source: String,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(string, tag = "3")]
    pub key: String,
    #[prost(string, tag = "4")]
    pub dir: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Healthcheck {
    #[prost(string, tag = "1")]
    pub url: String,
    #[prost(int32, tag = "2")]
    pub interval: i32,
    #[prost(int32, tag = "3")]
    pub threshold: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct App {
    #[prost(string, tag = "1")]
    pub slug: String,
    #[prost(string, tag = "2")]
    pub display_name: String,
    #[prost(string, tag = "3")]
    pub command: String,
    #[prost(string, tag = "4")]
    pub url: String,
    #[prost(string, tag = "5")]
    pub icon: String,
    #[prost(bool, tag = "6")]
    pub subdomain: bool,
    #[prost(message, optional, tag = "7")]
    pub healthcheck: Option<Healthcheck>,
    #[prost(enumeration = "AppSharingLevel", tag = "8")]
    pub sharing_level: i32,
    #[prost(bool, tag = "9")]
    pub external: bool,
    #[prost(int64, tag = "10")]
    pub order: i64,
    #[prost(bool, tag = "11")]
    pub hidden: bool,
    #[prost(enumeration = "AppOpenIn", tag = "12")]
    pub open_in: i32,
    #[prost(string, tag = "13")]
    pub group: String,
    #[prost(string, tag = "14")]
    pub id: String,
    #[prost(string, tag = "15")]
    pub tooltip: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AgentMetadata {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub display_name: String,
    #[prost(string, tag = "3")]
    pub script: String,
    #[prost(int64, tag = "4")]
    pub interval: i64,
    #[prost(int64, tag = "5")]
    pub timeout: i64,
    #[prost(int64, tag = "6")]
    pub order: i64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
#[expect(clippy::struct_excessive_bools, reason = "a message of the protocol has these five")]
pub struct DisplayApps {
    #[prost(bool, tag = "1")]
    pub vscode: bool,
    #[prost(bool, tag = "2")]
    pub vscode_insiders: bool,
    #[prost(bool, tag = "3")]
    pub web_terminal: bool,
    #[prost(bool, tag = "4")]
    pub ssh_helper: bool,
    #[prost(bool, tag = "5")]
    pub port_forwarding_helper: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Script {
    #[prost(string, tag = "1")]
    pub display_name: String,
    #[prost(string, tag = "2")]
    pub icon: String,
    #[prost(string, tag = "3")]
    pub script: String,
    #[prost(string, tag = "4")]
    pub cron: String,
    #[prost(bool, tag = "5")]
    pub start_blocks_login: bool,
    #[prost(bool, tag = "6")]
    pub run_on_start: bool,
    #[prost(bool, tag = "7")]
    pub run_on_stop: bool,
    #[prost(int32, tag = "8")]
    pub timeout_seconds: i32,
    #[prost(string, tag = "9")]
    pub log_path: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Env {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct MemoryMonitor {
    #[prost(bool, tag = "1")]
    pub enabled: bool,
    #[prost(int32, tag = "2")]
    pub threshold: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct VolumeMonitor {
    #[prost(string, tag = "1")]
    pub path: String,
    #[prost(bool, tag = "2")]
    pub enabled: bool,
    #[prost(int32, tag = "3")]
    pub threshold: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ResourcesMonitoring {
    #[prost(message, optional, tag = "1")]
    pub memory: Option<MemoryMonitor>,
    #[prost(message, repeated, tag = "2")]
    pub volumes: Vec<VolumeMonitor>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Devcontainer {
    #[prost(string, tag = "1")]
    pub workspace_folder: String,
    #[prost(string, tag = "2")]
    pub config_path: String,
    #[prost(string, tag = "3")]
    pub name: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[prost(skip_debug)]
pub enum AgentAuth {
    #[prost(string, tag = "9")]
    Token(String),
    #[prost(string, tag = "10")]
    InstanceId(String),
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub struct Agent {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub env: BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub operating_system: String,
    #[prost(string, tag = "6")]
    pub architecture: String,
    #[prost(string, tag = "7")]
    pub directory: String,
    #[prost(message, repeated, tag = "8")]
    pub apps: Vec<App>,
    #[prost(oneof = "AgentAuth", tags = "9, 10")]
    pub auth: Option<AgentAuth>,
    #[prost(int32, tag = "11")]
    pub connection_timeout_seconds: i32,
    #[prost(string, tag = "12")]
    pub troubleshooting_url: String,
    #[prost(string, tag = "13")]
    pub motd_file: String,
    #[prost(message, repeated, tag = "18")]
    pub metadata: Vec<AgentMetadata>,
    #[prost(message, optional, tag = "20")]
    pub display_apps: Option<DisplayApps>,
    #[prost(message, repeated, tag = "21")]
    pub scripts: Vec<Script>,
    #[prost(message, repeated, tag = "22")]
    pub extra_envs: Vec<Env>,
    #[prost(int64, tag = "23")]
    pub order: i64,
    #[prost(message, optional, tag = "24")]
    pub resources_monitoring: Option<ResourcesMonitoring>,
    #[prost(message, repeated, tag = "25")]
    pub devcontainers: Vec<Devcontainer>,
    #[prost(string, tag = "26")]
    pub api_key_scope: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct SidebarApp {
    #[prost(string, tag = "1")]
    pub id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct AiTask {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(message, optional, tag = "2")]
    pub sidebar_app: Option<SidebarApp>,
    #[prost(string, tag = "3")]
    pub app_id: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Timing {
    #[prost(message, optional, tag = "1")]
    pub start: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub end: Option<Timestamp>,
    #[prost(string, tag = "3")]
    pub action: String,
    #[prost(string, tag = "4")]
    pub source: String,
    #[prost(string, tag = "5")]
    pub resource: String,
    #[prost(string, tag = "6")]
    pub stage: String,
    #[prost(enumeration = "TimingState", tag = "7")]
    pub state: i32,
}

hidden!(ResourceMetadata, Env, AgentAuth, Agent);
