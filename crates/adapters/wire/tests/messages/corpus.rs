//! Calls as daemons make them, one of each kind, to begin with.

use doorward_wire::messages::provisioner::{
    ChunkPiece, DataUpload, DataUploadType, ExternalAuthProviderResource, ParameterFormType, Prebuild, Preset,
    PresetParameter, RichParameter, RichParameterOption, Schedule, Scheduling, TemplateVariable, VariableValue,
};
use doorward_wire::messages::provisionerd::{
    CommitQuotaRequest, CompletedJob, CompletedTemplateDryRun, CompletedTemplateImport, CompletedType,
    CompletedWorkspaceBuild, Empty, FailedJob, FailedType, FailedWorkspaceBuild, Log, UpdateJobRequest,
    UploadFileRequest, UploadFileType,
};
use doorward_wire::messages::resources::{
    Agent, AgentAuth, AgentMetadata, AiTask, App, Devcontainer, DisplayApps, Env, Healthcheck, MemoryMonitor, Module,
    Resource, ResourceMetadata, ResourceReplacement, ResourcesMonitoring, Script, SidebarApp, Timestamp, Timing,
    VolumeMonitor,
};
use doorward_wire::messages::write;

const JOB: &str = "11111111-2222-3333-4444-555555555555";

fn text(text: &str) -> String {
    text.to_owned()
}

/// A resource with all that one may have.
pub(crate) fn resource() -> Resource {
    let app = App {
        slug: text("code"),
        display_name: text("Code"),
        url: text("http://localhost"),
        subdomain: true,
        healthcheck: Some(Healthcheck { url: text("http://localhost/healthz"), interval: 5, threshold: 6 }),
        sharing_level: 1,
        order: -3,
        open_in: 2,
        group: text("g"),
        id: text(JOB),
        ..App::default()
    };
    let monitoring = ResourcesMonitoring {
        memory: Some(MemoryMonitor { enabled: true, threshold: 80 }),
        volumes: vec![VolumeMonitor { path: text("/"), enabled: true, threshold: 90 }],
    };
    let agent = Agent {
        id: text(JOB),
        name: text("main"),
        env: [(text("A"), text("1"))].into(),
        operating_system: text("linux"),
        architecture: text("amd64"),
        apps: vec![app],
        auth: Some(AgentAuth::Token(text(JOB))),
        connection_timeout_seconds: 120,
        metadata: vec![AgentMetadata { key: text("cpu"), interval: 10, ..AgentMetadata::default() }],
        display_apps: Some(DisplayApps { vscode: true, ..DisplayApps::default() }),
        scripts: vec![Script { display_name: text("s"), run_on_start: true, ..Script::default() }],
        extra_envs: vec![Env { name: text("B"), value: text("2") }],
        resources_monitoring: Some(monitoring),
        devcontainers: vec![Devcontainer { name: text("d"), ..Devcontainer::default() }],
        api_key_scope: text("all"),
        ..Agent::default()
    };
    Resource {
        name: text("dev"),
        r#type: text("container"),
        agents: vec![agent.clone(), Agent { auth: Some(AgentAuth::InstanceId(text("i"))), ..agent }],
        metadata: vec![ResourceMetadata { key: text("k"), value: text("v"), sensitive: true, is_null: false }],
        daily_cost: 12,
        ..Resource::default()
    }
}

fn parameter() -> RichParameter {
    RichParameter {
        name: text("size"),
        r#type: text("number"),
        mutable: true,
        default_value: text("2"),
        options: vec![RichParameterOption { name: text("two"), value: text("2"), ..RichParameterOption::default() }],
        validation_min: Some(-1),
        validation_max: Some(i32::MAX),
        required: true,
        order: i32::MIN,
        form_type: ParameterFormType::Slider.into(),
        ..RichParameter::default()
    }
}

pub(crate) fn preset() -> Preset {
    let scheduling =
        Scheduling { timezone: text("UTC"), schedule: vec![Schedule { cron: text("* * * * *"), instances: 3 }] };
    Preset {
        name: text("large"),
        parameters: vec![PresetParameter { name: text("size"), value: text("8") }],
        prebuild: Some(Prebuild { instances: 2, expiration_policy: None, scheduling: Some(scheduling) }),
        default: true,
        ..Preset::default()
    }
}

pub(crate) fn timing() -> Timing {
    Timing {
        start: Some(Timestamp { seconds: 1, nanos: 999 }),
        end: Some(Timestamp { seconds: i64::MAX, nanos: -1 }),
        stage: text("plan"),
        state: 1,
        ..Timing::default()
    }
}

fn completed(kind: CompletedType) -> Vec<u8> {
    write(&CompletedJob { job_id: text(JOB), r#type: Some(kind) }).to_vec()
}

/// The method and the messages of a call.
pub(crate) type Call = (&'static str, Vec<Vec<u8>>);

/// One call of each kind.
pub(crate) fn calls() -> Vec<Call> {
    let update = UpdateJobRequest {
        job_id: text(JOB),
        logs: vec![Log { source: 1, level: 2, created_at: 3, stage: text("s"), output: text("o") }; 3],
        template_variables: vec![TemplateVariable { name: text("v"), required: true, ..TemplateVariable::default() }],
        user_variable_values: vec![VariableValue { name: text("v"), value: text("x"), sensitive: true }],
        readme: b"# r".to_vec(),
        workspace_tags: [(text("a"), text("b"))].into(),
    };
    let failed = |kind| {
        let (error, error_code) = (text("no"), text("INSUFFICIENT_QUOTA"));
        write(&FailedJob { job_id: text(JOB), error, r#type: Some(kind), error_code }).to_vec()
    };
    let build = CompletedWorkspaceBuild {
        state: vec![1, 2, 3],
        resources: vec![resource()],
        timings: vec![timing()],
        modules: vec![Module { source: text("m"), ..Module::default() }],
        resource_replacements: vec![ResourceReplacement { resource: text("r"), paths: vec![text("p")] }],
        ai_tasks: vec![AiTask { id: text("t"), sidebar_app: Some(SidebarApp { id: text("s") }), app_id: text("a") }],
    };
    let import = CompletedTemplateImport {
        start_resources: vec![resource()],
        stop_resources: vec![resource()],
        rich_parameters: vec![parameter()],
        external_auth_providers_names: vec![text("github")],
        external_auth_providers: vec![ExternalAuthProviderResource { id: text("github"), optional: true }],
        presets: vec![preset()],
        plan: b"{}".to_vec(),
        module_files: vec![7; 100],
        module_files_hash: vec![8; 32],
        has_ai_tasks: true,
        ..CompletedTemplateImport::default()
    };
    let upload = |part| write(&UploadFileRequest { r#type: Some(part) }).to_vec();
    let announced =
        DataUpload { upload_type: DataUploadType::ModuleFiles.into(), data_hash: vec![9; 32], file_size: 4, chunks: 2 };
    let piece = |piece_index| ChunkPiece { data: vec![1, 2], full_data_hash: vec![9; 32], piece_index };
    vec![
        ("AcquireJob", vec![Vec::new()]),
        ("AcquireJobWithCancel", vec![Vec::new()]),
        ("UpdateJob", vec![write(&update).to_vec()]),
        ("CommitQuota", vec![write(&CommitQuotaRequest { job_id: text(JOB), daily_cost: -5 }).to_vec()]),
        (
            "FailJob",
            vec![failed(FailedType::WorkspaceBuild(FailedWorkspaceBuild { state: vec![1], timings: vec![timing()] }))],
        ),
        ("FailJob", vec![failed(FailedType::TemplateDryRun(Empty {}))]),
        ("CompleteJob", vec![completed(CompletedType::WorkspaceBuild(build))]),
        ("CompleteJob", vec![completed(CompletedType::TemplateImport(import))]),
        (
            "CompleteJob",
            vec![completed(CompletedType::TemplateDryRun(CompletedTemplateDryRun {
                resources: vec![resource()],
                modules: Vec::new(),
            }))],
        ),
        (
            "UploadFile",
            vec![
                upload(UploadFileType::DataUpload(announced)),
                upload(UploadFileType::ChunkPiece(piece(0))),
                upload(UploadFileType::ChunkPiece(piece(1))),
            ],
        ),
        ("UploadFile", vec![upload(UploadFileType::Error(vec![0x0a, 1, 0x78]))]),
    ]
}

/// All these calls as one session of a daemon: each on a stream of its own.
pub(crate) fn session(calls: &[Call]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (n, (method, messages)) in calls.iter().enumerate() {
        let stream = u32::try_from(2 * n + 1).unwrap();
        frame(&mut bytes, 1, 1, stream, 0, &[]);
        let path = format!("/provisionerd.ProvisionerDaemon/{method}");
        let mut packets = packet(0x03, 1, path.as_bytes());
        for (message, content) in messages.iter().enumerate() {
            packets.extend(packet(0x05, message + 2, content));
        }
        packets.extend(packet(0x0d, messages.len() + 2, &[]));
        let length = u32::try_from(packets.len()).unwrap();
        // The stream stays open: whoever ends it does not want the answer.
        frame(&mut bytes, 0, 0, stream, length, &packets);
    }
    bytes
}

fn frame(bytes: &mut Vec<u8>, kind: u8, flags: u16, stream: u32, length: u32, data: &[u8]) {
    bytes.extend([0, kind]);
    bytes.extend(flags.to_be_bytes());
    bytes.extend(stream.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(data);
}

fn packet(control: u8, message: usize, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![control, 1, u8::try_from(message).unwrap()];
    let mut length = data.len();
    while length > 0x7f {
        bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes.extend(data);
    bytes
}
