//! Workspaces and their builds.

use crate::StoreError;
use crate::provisioner_jobs::JobView;
use doorward_domain::Instant;
use doorward_domain::ids::{BuildId, OrganizationId, TemplateId, UserId, WorkspaceId};
use doorward_domain::names::{OrganizationName, Username};
use doorward_domain::page::Page;
use doorward_domain::roles::{ListFilter, Permit, action, resource};
use doorward_domain::templates::Template;
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace, WorkspaceFilter};
use std::collections::BTreeMap;

/// A build with what is shown of its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildView {
    /// The build.
    pub build: Build,
    /// Name of the user who asked for it.
    pub initiator_name: Username,
    /// The job that carries it out, if one does.
    pub job: Option<JobView>,
}

/// A workspace with what is shown of its surroundings.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceView {
    /// The workspace.
    pub workspace: Workspace,
    /// Name of its owner.
    pub owner_name: Username,
    /// Picture of its owner, may be empty.
    pub owner_avatar_url: String,
    /// Name of its organization.
    pub organization_name: OrganizationName,
    /// The template.
    pub template: Template,
    /// The build with the highest number; `None` before the first.
    pub latest_build: Option<BuildView>,
}

/// One page of workspaces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkspacePage {
    /// The workspaces of the page.
    pub workspaces: Vec<WorkspaceView>,
    /// How many match, before limit and offset.
    pub count: u64,
}

/// How many workspaces have a last build of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastBuilds {
    /// What the build did, and how it ended; `None` for workspaces without any.
    pub build: Option<(Transition, Outcome)>,
    /// How many workspaces.
    pub workspaces: u64,
}

/// Stores workspaces and their builds.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait WorkspaceRepository {
    /// The workspace with this id, unless it is deleted.
    fn find(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError>;
    /// The workspace with this id, deleted ones included.
    fn find_with_deleted(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError>;
    /// The workspace with this id, deleted ones included, and a row lock (`FOR NO KEY UPDATE`) until the transaction ends.
    fn find_for_update(&mut self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError>;
    /// The workspace of an owner that has this name, by its key; with `include_deleted`, one that is deleted too, if no living one has it:
    /// that which was made last.
    fn find_by_name(
        &mut self,
        owner: UserId,
        key: &str,
        include_deleted: bool,
    ) -> Result<Option<WorkspaceId>, StoreError>;
    /// The workspace with this id and what is shown with it, deleted ones included.
    fn view(&mut self, id: WorkspaceId) -> Result<Option<WorkspaceView>, StoreError>;
    /// A page of the workspaces that `visible` lets through, by lower-cased name; deleted ones are left out.
    fn list(&mut self, filter: &WorkspaceFilter, visible: &ListFilter, page: Page)
    -> Result<WorkspacePage, StoreError>;
    /// How many workspaces of a user are not deleted.
    fn count_of_owner(&mut self, owner: UserId) -> Result<u64, StoreError>;
    /// How many workspaces of a template are not deleted.
    fn count_of_template(&mut self, template: TemplateId) -> Result<u64, StoreError>;
    /// How many workspaces in an organization are not deleted.
    fn count_in(&mut self, organization: OrganizationId) -> Result<u64, StoreError>;
    /// How many workspaces are not deleted, by what their builds with the highest number did.
    fn count_by_last_build(&mut self) -> Result<Vec<LastBuilds>, StoreError>;
    /// The build with the highest number.
    fn latest_build(&mut self, id: WorkspaceId) -> Result<Option<Build>, StoreError>;
    /// The build with this id.
    fn find_build(&mut self, id: BuildId) -> Result<Option<Build>, StoreError>;
    /// The build with this id and what is shown with it.
    fn view_build(&mut self, id: BuildId) -> Result<Option<BuildView>, StoreError>;
    /// The build of a workspace with this number and what is shown with it.
    fn view_build_by_number(&mut self, id: WorkspaceId, number: i32) -> Result<Option<BuildView>, StoreError>;
    /// The values that a build was given for the parameters of its version; `None` for one that no job carries out.
    fn build_parameters(&mut self, id: BuildId) -> Result<Option<BTreeMap<String, String>>, StoreError>;
    /// The state that a provisioner has left behind, or was given, sealed; `None` when there is none.
    fn build_state(&mut self, id: BuildId) -> Result<Option<Vec<u8>>, StoreError>;
    /// A page of the builds of a workspace, the latest first.
    fn list_builds(&mut self, id: WorkspaceId, page: Page) -> Result<Vec<BuildView>, StoreError>;
    /// Adds a workspace. May answer `Conflict::WorkspaceName`.
    fn insert(
        &mut self,
        permit: &Permit<action::Create, resource::Workspace>,
        workspace: &Workspace,
    ) -> Result<(), StoreError>;
    /// Makes a workspace dormant or wakes it. `false` when there is no such workspace.
    fn update_dormancy(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        id: WorkspaceId,
        dormant_at: Option<Instant>,
        now: Instant,
    ) -> Result<bool, StoreError>;
    /// Notes that these workspaces are used now; of how many that is news.
    fn touch(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        ids: &[WorkspaceId],
        now: Instant,
    ) -> Result<usize, StoreError>;
    /// Adds a build and changes its workspace accordingly: a successful start is use, a successful deletion marks it as
    /// deleted, which frees its name. The workspace changes in any case, so that whoever [locks](Self::find_for_update) it waits.
    /// May answer `Conflict::BuildNumber`. `false` when there is no such workspace.
    fn insert_build(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        build: &Build,
    ) -> Result<bool, StoreError>;
    /// Adds what a build is given besides: values of parameters, and the state that the provisioner begins with, sealed. `false` when there is
    /// no such build.
    fn insert_build_input(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        build: &Build,
        parameters: &BTreeMap<String, String>,
        state: Option<Vec<u8>>,
    ) -> Result<bool, StoreError>;
    /// Replaces the state of a build, sealed. `false` when there is no such build, or no job carries it out.
    fn update_build_state(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        build: &Build,
        state: &[u8],
    ) -> Result<bool, StoreError>;
    /// Replaces the outcome, the error and the cost of a build, and changes its workspace accordingly, as of
    /// [`insert_build`](Self::insert_build). `false` when there is no such build, or its workspace is deleted.
    fn update_build(
        &mut self,
        permit: &Permit<action::Update, resource::Workspace>,
        build: &Build,
        now: Instant,
    ) -> Result<bool, StoreError>;
}
