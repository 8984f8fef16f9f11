//! Workspaces and their builds, as far as access and quotas need them. Nothing here runs a workspace: a provisioner daemon does, or whoever
//! reports builds with what they cost.

mod query;

pub use query::{WorkspaceFilter, WorkspaceQuery, parse_workspace_query};

use crate::Instant;
use crate::ids::{BuildId, OrganizationId, ProvisionerJobId, TemplateId, UserId, WorkspaceId};
use crate::names::WorkspaceName;
use crate::roles::{Object, ResourceType};
use crate::text_enum::text_enum;
use uuid::Uuid;

/// The user that workspaces belong to which were built before somebody asked for them (`rbac.md` 6).
pub const PREBUILDS_USER: UserId = UserId(Uuid::from_u128(0xc42f_df75_3097_471c_8c33_fb52_454d_81c0));

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Whose it is.
    pub owner_id: UserId,
    /// The organization of its template.
    pub organization_id: OrganizationId,
    /// What it is made from.
    pub template_id: TemplateId,
    /// Its name, unique for the owner by its key among workspaces that are not deleted.
    pub name: WorkspaceName,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed or built.
    pub updated_at: Instant,
    /// When it was last started.
    pub last_used_at: Instant,
    /// Since when it is dormant; `None` while it is not.
    pub dormant_at: Option<Instant>,
    /// Whether it was deleted. Deleted workspaces keep their row.
    pub deleted: bool,
}

impl Workspace {
    /// The workspace as access control sees it: a dormant one is of another type (`rbac.md` 6).
    #[must_use]
    pub fn object(&self) -> Object<'static> {
        let kind = if self.dormant_at.is_some() { ResourceType::WorkspaceDormant } else { ResourceType::Workspace };
        Object::new(kind).id(self.id.0).organization(self.organization_id.0).owner(self.owner_id.0)
    }

    /// What a refused `update` or `delete` is tried on again: only what belongs to [`PREBUILDS_USER`] has it.
    ///
    /// ```
    /// # use doorward_domain::{Instant, ids::UserId, workspaces::{PREBUILDS_USER, Workspace}};
    /// # let nil = uuid::Uuid::nil();
    /// # let workspace = Workspace {
    /// #     id: nil.into(), owner_id: PREBUILDS_USER, organization_id: nil.into(), template_id: nil.into(),
    /// #     name: "desk".parse().unwrap(), created_at: Instant::UNIX_EPOCH, updated_at: Instant::UNIX_EPOCH,
    /// #     last_used_at: Instant::UNIX_EPOCH, dormant_at: None, deleted: false,
    /// # };
    /// assert!(workspace.prebuilt_object().is_some());
    /// assert!(Workspace { owner_id: UserId(nil), ..workspace }.prebuilt_object().is_none());
    /// ```
    #[must_use]
    pub fn prebuilt_object(&self) -> Option<Object<'static>> {
        (self.owner_id == PREBUILDS_USER).then(|| self.object().as_type(ResourceType::PrebuiltWorkspace))
    }
}

text_enum! {
    /// What a build does to a workspace.
    Transition {
        /// Starts it.
        Start = "start",
        /// Stops it.
        Stop = "stop",
        /// Ends it for good.
        Delete = "delete",
    }
}

text_enum! {
    /// How a build ended.
    Outcome {
        /// It has not: a provisioner daemon has it, or will.
        Pending = "pending",
        /// It did what it was to do.
        Succeeded = "succeeded",
        /// It did nothing.
        Failed = "failed",
        /// It was stopped before its end.
        Canceled = "canceled",
    }
}

/// A build of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Its id.
    pub id: BuildId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Counted from 1; the highest one says what the workspace is and costs.
    pub build_number: i32,
    /// What it does.
    pub transition: Transition,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed; empty otherwise.
    pub error: String,
    /// Credits that the workspace spends from then on, per day; never negative.
    pub daily_cost: i32,
    /// Version of the template it was made from.
    pub template_version_id: Option<Uuid>,
    /// Who asked for it.
    pub initiator_id: UserId,
    /// When it was made.
    pub created_at: Instant,
    /// The job that carries it out; `None` for one that was over when it was reported.
    pub job_id: Option<ProvisionerJobId>,
}

impl Build {
    /// The state it leaves the workspace in, in one word.
    ///
    /// ```
    /// # use doorward_domain::workspaces::{Outcome, Transition, status};
    /// assert_eq!(status(Transition::Start, Outcome::Succeeded), "running");
    /// assert_eq!(status(Transition::Start, Outcome::Failed), "failed");
    /// ```
    #[must_use]
    pub const fn status(&self) -> &'static str {
        status(self.transition, self.outcome)
    }
}

/// The state that such a build leaves a workspace in, in one word.
#[must_use]
pub const fn status(transition: Transition, outcome: Outcome) -> &'static str {
    match (outcome, transition) {
        (Outcome::Pending, _) => "pending",
        (Outcome::Failed, _) => "failed",
        (Outcome::Canceled, _) => "canceled",
        (Outcome::Succeeded, Transition::Start) => "running",
        (Outcome::Succeeded, Transition::Stop) => "stopped",
        (Outcome::Succeeded, Transition::Delete) => "deleted",
    }
}
