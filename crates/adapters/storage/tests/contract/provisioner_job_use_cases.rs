//! What provisioner daemons ask for and tell, over both databases.

use crate::audited::{PASSWORD, Walk, origin};
use crate::provisioner_jobs::{line, timing};
use crate::support::*;
use doorward_domain::Secret;
use doorward_domain::files::{FILE_MAX, PIECE};
use doorward_domain::ids::{
    FileId, GroupId, OrganizationId, ProvisionerJobId, TemplateId, TemplateVersionId, WorkspaceId,
};
use doorward_domain::provisioner_jobs::{HUNG_AFTER, JobStatus, PENDING_FOR, ProvisionerJob, Resource, UNHEARD_AFTER};
use doorward_domain::provisioners::ProvisionerType;
use doorward_domain::template_versions::{ExternalAuth, RichParameter, Variable};
use doorward_domain::workspaces::Outcome;
use doorward_services::groups::UpdateGroup;
use doorward_services::organizations::OrganizationRef;
use doorward_services::provisioner_jobs::{
    Acquired, AcquiredWork, CompletedBuild, CompletedImport, JobUpdate, Left, acquire, claim, commit_quota,
    complete_build, complete_import, disconnected, end_unheard, fail, reap, source, update,
};
use doorward_services::provisioners::serving::{Pass, ServeCommand, connect};
use doorward_services::sessions::authenticate;
use doorward_services::template_versions::{self, CreateTemplateVersion};
use doorward_services::templates::{self, CreateTemplate};
use doorward_services::users::{CreateFirstUser, SetupProof, UserRef, create_first};
use doorward_services::workspaces::{self, BuildWorkspace, CreateWorkspace, WorkspaceView};
use doorward_services::{Context, Error, Principal, files, groups};
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;

/// A deployment with its owner.
struct Site {
    walk: Walk,
    ann: Principal,
    place: OrganizationRef,
    place_id: OrganizationId,
}

impl Site {
    async fn begin(db: Fixture) -> Self {
        let walk = Walk::begin(db).await;
        let command = CreateFirstUser {
            email: "ann@example.com".to_owned(),
            username: "ann".to_owned(),
            name: String::new(),
            password: Secret::from(PASSWORD),
            proof: SetupProof::Local,
        };
        create_first(&walk.ctx, command, &origin()).await.unwrap();
        let ann = walk.sign_in("ann@example.com", PASSWORD, 1).await;
        let (place, first) = (OrganizationRef::Default, ann.as_account().unwrap().memberships[0].organization_id);
        Self { walk, ann, place, place_id: first }
    }

    fn ctx(&self) -> &Context {
        &self.walk.ctx
    }

    /// A daemon by the shared key.
    async fn daemon(&self, name: &str) -> Principal {
        let command = ServeCommand {
            name: name.to_owned(),
            provisioners: vec!["echo".to_owned()],
            version: "1.7".to_owned(),
            ..ServeCommand::default()
        };
        connect(self.ctx(), None, Some(Pass::Shared), &origin(), &self.place, command).await.unwrap().principal
    }

    async fn file(&self, bytes: &[u8]) -> FileId {
        let mut upload = files::begin(self.ctx(), &self.ann).await.unwrap();
        files::append(self.ctx(), &self.ann, &mut upload, bytes).await.unwrap();
        files::finish(self.ctx(), &self.ann, upload, None).await.unwrap().id
    }

    /// A version that waits for its import.
    async fn version(&self, template_id: Option<TemplateId>, values: &[(&str, &str)]) -> TemplateVersionId {
        let command = CreateTemplateVersion {
            file_id: Some(self.file(b"tar").await),
            provisioner: "echo".to_owned(),
            template_id,
            variables: values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..CreateTemplateVersion::default()
        };
        let made = template_versions::create(self.ctx(), &self.ann, &self.place, command).await.unwrap();
        made.view.version.id
    }

    async fn job_of(&self, version: TemplateVersionId) -> ProvisionerJob {
        template_versions::find(self.ctx(), &self.ann, version).await.unwrap().view.job.job
    }

    /// A template whose version was imported by this daemon, with a parameter.
    async fn template(&self, daemon: &Principal) -> (TemplateId, TemplateVersionId) {
        let version = self.version(None, &[]).await;
        let job = self.claim(daemon).await;
        let size = RichParameter {
            name: "size".to_owned(),
            mutable: true,
            default_value: "1".to_owned(),
            ..RichParameter::default()
        };
        let done = CompletedImport { parameters: vec![size], ..CompletedImport::default() };
        complete_import(self.ctx(), daemon, job.job.id, done).await.unwrap();
        let command =
            CreateTemplate { name: "dev".to_owned(), active_version_id: Some(version.0), ..CreateTemplate::default() };
        let made = templates::create(self.ctx(), &self.ann, &self.place, command).await.unwrap();
        (made.template.id, version)
    }

    async fn workspace(&self, template: TemplateId, name: &str) -> WorkspaceView {
        let command =
            CreateWorkspace { template_id: Some(template), name: name.to_owned(), ..CreateWorkspace::default() };
        workspaces::create(self.ctx(), &self.ann, None, &UserRef::Me, command).await.unwrap()
    }

    async fn build(&self, id: WorkspaceId, transition: &str) -> Result<WorkspaceView, Error> {
        let command = BuildWorkspace { transition: transition.to_owned(), ..BuildWorkspace::default() };
        workspaces::build(self.ctx(), &self.ann, id, command).await
    }

    async fn claim(&self, daemon: &Principal) -> Acquired {
        claim(self.ctx(), daemon, &echo()).await.unwrap().unwrap()
    }
}

fn echo() -> BTreeSet<ProvisionerType> {
    BTreeSet::from([ProvisionerType::Echo])
}

fn message(result: Result<impl std::fmt::Debug, Error>) -> String {
    result.unwrap_err().to_string()
}

contract! {
    async fn what_did_not_reach_a_daemon_ends_when_it_asks_again(db) {
        let site = Site::begin(db).await;
        let daemon = site.daemon("rack").await;
        let ask = async || end_unheard(site.ctx(), &daemon).await.unwrap();
        assert_eq!(ask().await, None);
        let version = site.version(None, &[]).await;
        site.claim(&daemon).await;
        assert_eq!(ask().await, Some(std::time::Duration::from_secs(10)), "another one of this name may have it");
        site.walk.wait(UNHEARD_AFTER / 2);
        assert_eq!(ask().await, Some(std::time::Duration::from_secs(5)));
        assert_eq!(site.job_of(version).await.status(), JobStatus::Running);
        site.walk.wait(UNHEARD_AFTER / 2);
        assert_eq!(ask().await, None);
        let lost = site.job_of(version).await;
        assert_eq!(lost.status(), JobStatus::Failed);
        assert!(lost.error.contains("broke while it got the job"), "{}", lost.error);

        // One of which it has said something goes on.
        let version = site.version(None, &[]).await;
        let job = site.claim(&daemon).await.job.id;
        site.walk.wait(Duration::SECOND);
        update(site.ctx(), &daemon, job, JobUpdate::default()).await.unwrap();
        site.walk.wait(UNHEARD_AFTER * 2);
        assert_eq!(ask().await, None);
        assert_eq!(site.job_of(version).await.status(), JobStatus::Running);
        assert!(matches!(end_unheard(site.ctx(), &site.ann).await, Err(Error::Refused(_))));
    }

    async fn a_version_is_imported(db) {
        let site = Site::begin(db).await;
        let daemon = site.daemon("rack").await;
        let version = site.version(None, &[("token", "hunter2")]).await;
        assert_eq!(site.job_of(version).await.status(), JobStatus::Pending);
        let Acquired { job, user_name, file, work } = site.claim(&daemon).await;
        assert_eq!((user_name.as_str(), file.size, job.template_version_id), ("ann", 3, version));
        let AcquiredWork::Import { variables, coder_url } = work else { panic!() };
        assert_eq!((variables[0].name.as_str(), variables[0].value.as_str(), variables[0].sensitive), ("token", "hunter2", true));
        assert_eq!(coder_url, "https://door.example");
        let (ctx, id) = (site.ctx(), job.id);
        assert_eq!(source(ctx, &daemon, id, 0).await.unwrap(), Some(b"tar".to_vec()));
        assert_eq!(source(ctx, &daemon, id, 1).await.unwrap(), None);
        assert!(claim(ctx, &daemon, &echo()).await.unwrap().is_none());

        let variable = |name: &str, default: &str, required| Variable {
            name: name.to_owned(), default_value: default.to_owned(), required, sensitive: true, ..Variable::default()
        };
        let told = JobUpdate {
            logs: vec![line("hello")],
            readme: "# Dev".to_owned(),
            variables: vec![variable("token", "", true), variable("zone", "eu", false), variable("size", "", true)],
            workspace_tags: BTreeMap::from([("zone".to_owned(), "\"eu\"".to_owned())]),
            ..JobUpdate::default()
        };
        // Kept all the same.
        assert!(message(update(ctx, &daemon, id, told.clone()).await).ends_with("need values: size"));
        let told = JobUpdate { variables: told.variables[..2].to_vec(), ..told };
        let answer = update(ctx, &daemon, id, told).await.unwrap();
        let values: Vec<_> = answer.variable_values.iter().map(|value| (value.name.as_str(), value.value.as_str())).collect();
        assert_eq!((answer.canceled, values), (false, vec![("token", "hunter2"), ("zone", "eu")]));
        // The bytes of the secret are sealed where there are seal keys; the log and the audit log never have them.
        assert!(!site.walk.texts("SELECT CAST(diff AS text) AS t FROM audit_logs").concat().contains("hunter2"));

        complete_import(ctx, &daemon, id, CompletedImport::default()).await.unwrap();
        let view = template_versions::find(ctx, &site.ann, version).await.unwrap().view;
        assert_eq!((view.job.job.status(), view.version.readme.as_str()), (JobStatus::Succeeded, "# Dev"));
        assert_eq!(view.job.worker_name, "rack");
    }

    async fn only_the_daemon_that_has_a_job_speaks_of_it_and_only_until_it_is_over(db) {
        let site = Site::begin(db).await;
        let (mine, other) = (site.daemon("mine").await, site.daemon("other").await);
        let version = site.version(None, &[]).await;
        let ctx = site.ctx();
        let id = site.job_of(version).await.id;
        let say = || JobUpdate { logs: vec![line("x")], ..JobUpdate::default() };
        assert_eq!(message(update(ctx, &mine, id, say()).await), "job isn't running yet");
        assert_eq!(site.claim(&mine).await.job.id, id);
        assert_eq!(message(update(ctx, &other, id, say()).await), "you don't own this job");
        assert_eq!(message(commit_quota(ctx, &other, id, 1).await), "you don't own this job");
        assert_eq!(message(fail(ctx, &other, id, "no".to_owned(), String::new(), Left::default()).await), "you don't own this job");
        assert_eq!(message(complete_import(ctx, &other, id, CompletedImport::default()).await), "you don't own this job");
        assert_eq!(message(source(ctx, &other, id, 0).await), "you don't own this job");
        assert_eq!(message(complete_build(ctx, &mine, id, CompletedBuild::default()).await), "the job is of another kind");
        assert_eq!(message(commit_quota(ctx, &mine, id, 1).await), "the job is of another kind");
        assert!(matches!(update(ctx, &site.ann, id, say()).await, Err(Error::Refused(_))), "people are no daemons");
        let unknown: ProvisionerJobId = crate::support::id();
        assert!(message(update(ctx, &mine, unknown, say()).await).starts_with("there is no job"));
        // The same name is the same daemon, by another connection.
        let again = site.daemon("mine").await;
        update(ctx, &again, id, say()).await.unwrap();
        complete_import(ctx, &again, id, CompletedImport::default()).await.unwrap();
        assert_eq!(message(complete_import(ctx, &mine, id, CompletedImport::default()).await), "job already completed");
        assert_eq!(message(fail(ctx, &mine, id, "no".to_owned(), String::new(), Left::default()).await), "job already completed");
        assert_eq!(message(update(ctx, &mine, id, say()).await), "job already completed");
        assert_eq!(site.job_of(version).await.status(), JobStatus::Succeeded);
    }

    async fn of_two_who_end_a_job_at_once_one_does(db) {
        let site = Site::begin(db).await;
        let daemon = site.daemon("rack").await;
        let version = site.version(None, &[]).await;
        let id = site.claim(&daemon).await.job.id;
        let resources = || vec![Resource { name: "box".to_owned(), ..Resource::default() }];
        let done = || CompletedImport { start_resources: resources(), ..CompletedImport::default() };
        let (one, other, failed) = tokio::join!(
            complete_import(site.ctx(), &daemon, id, done()),
            complete_import(site.ctx(), &daemon, id, done()),
            fail(site.ctx(), &daemon, id, "no".to_owned(), String::new(), Left::default()),
        );
        let ended = [one.is_ok(), other.is_ok(), failed.is_ok()];
        assert_eq!(ended.iter().filter(|ended| **ended).count(), 1, "{ended:?}");
        let stored = i64::from(failed.is_err());
        assert_eq!(site.walk.db.rows("provisioner_job_resources"), stored);
        assert!(site.job_of(version).await.is_over());
    }

    async fn a_version_that_needs_what_is_not_there_has_failed_and_bad_results_change_nothing(db) {
        let site = Site::begin(db).await;
        let daemon = site.daemon("rack").await;
        let version = site.version(None, &[]).await;
        let id = site.claim(&daemon).await.job.id;
        let same = || Resource { name: "\0".to_owned(), ..Resource::default() };
        let bad = CompletedImport { stop_resources: vec![same()], ..CompletedImport::default() };
        assert!(message(complete_import(site.ctx(), &daemon, id, bad).await).contains("NUL"));
        assert_eq!(site.job_of(version).await.status(), JobStatus::Running);
        let needs = CompletedImport {
            external_auth: vec![ExternalAuth { id: "github".to_owned(), optional: false }],
            ..CompletedImport::default()
        };
        complete_import(site.ctx(), &daemon, id, needs).await.unwrap();
        let job = site.job_of(version).await;
        assert!(job.status() == JobStatus::Failed && job.error.contains("github"), "{}", job.error);
    }

    async fn a_workspace_is_built_stopped_and_deleted_by_jobs(db) {
        let site = Site::begin(db).await;
        let daemon = site.daemon("rack").await;
        let (template, version) = site.template(&daemon).await;
        let ctx = site.ctx();
        let desk = site.workspace(template, "desk").await;
        let latest = desk.latest_build.clone().unwrap();
        assert_eq!((latest.build.outcome, latest.build.template_version_id), (Outcome::Pending, Some(version.0)));
        assert!(matches!(site.build(desk.workspace.id, "stop").await, Err(Error::Conflict { .. })), "one at a time");

        let Acquired { job, work, .. } = site.claim(&daemon).await;
        let AcquiredWork::Build(build) = work else { panic!() };
        assert_eq!(build.parameters, BTreeMap::from([("size".to_owned(), "1".to_owned())]));
        assert_eq!((build.metadata.owner_groups.as_slice(), build.state.expose().len()), (&["Everyone".to_owned()][..], 0));
        assert_eq!(build.metadata.owner_roles, [("owner".to_owned(), None)]);
        let first = build.metadata.session_token.unwrap();
        let session = doorward_domain::sessions::ApiToken::parse(first.expose()).unwrap();
        assert!(authenticate(ctx, first.expose(), &origin()).await.is_ok());
        let done = CompletedBuild {
            state: b"state 1".to_vec(),
            resources: vec![Resource { name: "box".to_owned(), ..Resource::default() }],
            timings: vec![timing("plan"), timing("elsewhere"), timing("apply")],
        };
        complete_build(ctx, &daemon, job.id, done).await.unwrap();
        let told = workspaces::build_timings(ctx, &site.ann, latest.build.id).await.unwrap();
        assert_eq!((told.job_id, told.steps), (job.id, vec![timing("plan"), timing("apply")]));
        let seen = workspaces::find(ctx, &site.ann, desk.workspace.id).await.unwrap();
        assert_eq!(seen.latest_build.unwrap().build.outcome, Outcome::Succeeded);

        // Records of one moment are in no order.
        site.walk.wait(Duration::SECOND);
        site.build(desk.workspace.id, "stop").await.unwrap();
        let Acquired { job, work, .. } = site.claim(&daemon).await;
        let AcquiredWork::Build(build) = work else { panic!() };
        assert_eq!(build.state.expose(), b"state 1");
        assert!(build.metadata.session_token.is_none());
        let gone = site.walk.db.read({ let key = session.id.clone(); move |repos| repos.api_keys().find(&key) }).await;
        assert_eq!(gone, None, "the session ends with the workspace");
        // A failure may leave something behind too.
        let left = Left { state: Some(b"state 2".to_vec()), timings: vec![timing("plan"), timing("elsewhere")] };
        fail(ctx, &daemon, job.id, "no room".to_owned(), String::new(), left).await.unwrap();
        let failed = workspaces::find(ctx, &site.ann, desk.workspace.id).await.unwrap().latest_build.unwrap();
        assert_eq!((failed.build.outcome, failed.build.error.as_str()), (Outcome::Failed, "no room"));
        let told = workspaces::latest_timings(ctx, &site.ann, desk.workspace.id).await.unwrap();
        assert_eq!((told.job_id, told.steps), (job.id, vec![timing("plan")]));

        site.walk.wait(Duration::SECOND);
        site.build(desk.workspace.id, "delete").await.unwrap();
        let Acquired { job, work, .. } = site.claim(&daemon).await;
        let AcquiredWork::Build(build) = work else { panic!() };
        assert_eq!(build.state.expose(), b"state 2");
        assert!(workspaces::find(ctx, &site.ann, desk.workspace.id).await.is_ok(), "not before it is done");
        complete_build(ctx, &daemon, job.id, CompletedBuild::default()).await.unwrap();
        assert!(matches!(workspaces::find(ctx, &site.ann, desk.workspace.id).await, Err(Error::NotFound)));

        let records = site.walk.texts("SELECT action || ' ' || CAST(status_code AS text) AS t FROM audit_logs WHERE resource_type = 'workspace_build' ORDER BY id");
        assert_eq!(records, ["start 200", "stop 500", "delete 200"]);
    }

    async fn of_several_builds_at_once_the_quota_lets_through_what_fits(db) {
        const BUILDS: usize = 6;
        let site = Site::begin(db).await;
        let first = site.daemon("first").await;
        let (template, _) = site.template(&first).await;
        // Four of six fit, at three credits each.
        let everyone = UpdateGroup { quota_allowance: Some(12), ..UpdateGroup::default() };
        groups::update(site.ctx(), &site.ann, GroupId(site.place_id.0), everyone).await.unwrap();
        let mut claimed = Vec::new();
        for n in 0..BUILDS {
            site.workspace(template, &format!("w{n}")).await;
            let daemon = site.daemon(&format!("rack{n}")).await;
            let job = site.claim(&daemon).await.job.id;
            claimed.push((daemon, job));
        }
        let asked: Vec<_> = claimed
            .iter()
            .map(|(daemon, job)| {
                let (ctx, daemon, job) = (site.ctx().clone(), daemon.clone(), *job);
                tokio::spawn(async move { commit_quota(&ctx, &daemon, job, 3).await.unwrap() })
            })
            .collect();
        let mut allowed = Vec::new();
        for one in asked {
            allowed.push(one.await.unwrap());
        }
        let consumed: BTreeSet<i64> = allowed.iter().filter(|one| one.ok).map(|one| one.credits_consumed).collect();
        assert_eq!(consumed, BTreeSet::from([3, 6, 9, 12]), "{allowed:?}");
        assert!(allowed.iter().all(|one| one.budget == 12 && (one.ok || one.credits_consumed == 12)));
        // Asked again, the same build is judged anew and not added up.
        let (daemon, job) = &claimed[allowed.iter().position(|one| one.ok).unwrap()];
        assert_eq!(commit_quota(site.ctx(), daemon, *job, 2).await.unwrap().credits_consumed, 11);
        assert!(message(commit_quota(site.ctx(), daemon, *job, -1).await).contains("less than nothing"));
    }

    async fn whoever_waits_is_woken_by_a_job_and_one_who_gives_up_gets_none(db) {
        let site = Site::begin(db).await;
        let daemon = site.daemon("rack").await;
        let never = acquire(site.ctx(), &daemon, &echo(), std::future::ready(())).await.unwrap();
        assert!(never.is_none());
        let (ctx, waiting) = (site.ctx().clone(), daemon.clone());
        let waits = tokio::spawn(async move { acquire(&ctx, &waiting, &echo(), std::future::pending()).await });
        let version = site.version(None, &[]).await;
        // Long before the poll.
        let acquired = tokio::time::timeout(std::time::Duration::from_secs(20), waits).await.unwrap().unwrap().unwrap();
        assert_eq!(acquired.unwrap().job.template_version_id, version);
        // A job that is there already is given although the daemon is about to give up, or it stays for others.
        let other = site.version(None, &[]).await;
        let acquired = acquire(site.ctx(), &daemon, &echo(), async { tokio::task::yield_now().await }).await.unwrap();
        match acquired {
            Some(acquired) => assert_eq!(acquired.job.template_version_id, other),
            None => assert_eq!(site.job_of(other).await.status(), JobStatus::Pending),
        }
    }

    async fn a_job_whose_daemon_was_cut_off_has_failed(db) {
        let site = Site::begin(db).await;
        let daemon = site.daemon("rack").await;
        let version = site.version(None, &[]).await;
        let id = site.claim(&daemon).await.job.id;
        disconnected(site.ctx(), &daemon, id).await.unwrap();
        let job = site.job_of(version).await;
        assert!(job.status() == JobStatus::Failed && job.error.contains("connection"));
    }

    async fn jobs_of_which_nothing_is_heard_are_given_up(db) {
        let site = Site::begin(db).await;
        let daemon = site.daemon("rack").await;
        let (template, _) = site.template(&daemon).await;
        let desk = site.workspace(template, "desk").await;
        let hung = site.claim(&daemon).await.job.id;
        let waits = site.version(None, &[]).await;
        assert!(!reap(site.ctx(), hung, None).await.unwrap());
        site.walk.wait(HUNG_AFTER);
        assert!(reap(site.ctx(), hung, None).await.unwrap());
        assert!(!reap(site.ctx(), hung, None).await.unwrap(), "once");
        let latest = workspaces::find(site.ctx(), &site.ann, desk.workspace.id).await.unwrap().latest_build.unwrap();
        assert!(latest.build.outcome == Outcome::Failed && latest.build.error.contains("5 minutes"));
        assert_eq!(message(update(site.ctx(), &daemon, hung, JobUpdate::default()).await), "job already completed");
        let waiting = site.job_of(waits).await;
        assert!(!reap(site.ctx(), waiting.id, None).await.unwrap());
        site.walk.wait(PENDING_FOR);
        assert!(reap(site.ctx(), waiting.id, None).await.unwrap());
        let logs = template_versions::logs(site.ctx(), &site.ann, waits, 0).await.unwrap();
        assert!(logs.is_all && logs.lines[0].line.output.contains("30 minutes"));
    }

    async fn files_are_one_per_user_and_bytes_and_no_larger_than_may_be(db) {
        let site = Site::begin(db).await;
        let (ctx, ann) = (site.ctx(), &site.ann);
        let bytes: Vec<u8> = (0..PIECE * 2 + 5).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let first = site.file(&bytes).await;
        assert_eq!(site.file(&bytes).await, first);
        let mut read = Vec::new();
        for position in 0.. {
            let Some(piece) = files::piece(ctx, ann, first, position).await.unwrap() else { break };
            assert!(piece.len() <= PIECE);
            read.extend(piece);
        }
        assert!(read == bytes);
        assert_eq!(site.walk.db.rows("file_pieces"), 3);

        let daemon = site.daemon("rack").await;
        let digest = doorward_domain::Digest::of(b"modules");
        let announced = |size| files::Announced { digest, size };
        let mut upload = files::begin(ctx, &daemon).await.unwrap();
        files::append(ctx, &daemon, &mut upload, b"modules").await.unwrap();
        assert!(matches!(files::finish(ctx, &daemon, upload, Some(announced(8))).await, Err(Error::Invalid { .. })));
        assert!(!files::is_known(ctx, &daemon, digest).await.unwrap());
        let mut upload = files::begin(ctx, &daemon).await.unwrap();
        files::append(ctx, &daemon, &mut upload, b"modules").await.unwrap();
        let modules = files::finish(ctx, &daemon, upload, Some(announced(7))).await.unwrap();
        assert!(modules.is_new && files::is_known(ctx, &daemon, digest).await.unwrap());
        // That of nobody is read by those who may read all.
        assert!(files::find(ctx, ann, modules.id).await.is_ok());

        let mut upload = files::begin(ctx, ann).await.unwrap();
        let piece = vec![0; PIECE];
        for _ in 0..FILE_MAX / u64::try_from(PIECE).unwrap() {
            files::append(ctx, ann, &mut upload, &piece).await.unwrap();
        }
        assert!(matches!(files::append(ctx, ann, &mut upload, b"x").await, Err(Error::Invalid { .. })));
        files::abandon(ctx, ann, upload).await.unwrap();
        assert_eq!(site.walk.db.rows("file_pieces"), 4);
    }
}
