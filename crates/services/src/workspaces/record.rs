//! What workspaces and their builds leave in the audit log (`enterprise-platform.md` 9.2).

use crate::audit::{Audited, Diff, Snapshot};
use crate::deed::{Deed, Recorded};
use crate::notifications::workspaces as notifications;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::OrganizationId;
use doorward_domain::users::User;
use doorward_domain::workspaces::{Build, Outcome, Transition, Workspace};
use doorward_ports::StoreError;
use serde_json::{Map, Value, json};

/// The tracked fields are those of a new workspace. That one becomes dormant or wakes is noted by itself.
impl Audited for Workspace {
    fn kind(&self) -> AuditResource {
        AuditResource::Workspace
    }

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn target(&self) -> String {
        self.name.to_string()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.organization_id)
    }

    fn tracked(&self) -> Snapshot {
        Snapshot::default()
            .field("id", self.id.to_string())
            .field("owner_id", self.owner_id.to_string())
            .field("template_id", self.template_id.to_string())
            .field("name", self.name.as_str())
    }
}

/// A build, with what its record says of the workspace.
struct Built<'a> {
    build: &'a Build,
    workspace: &'a Workspace,
    owner: &'a User,
}

impl Audited for Built<'_> {
    fn kind(&self) -> AuditResource {
        AuditResource::WorkspaceBuild
    }

    fn id(&self) -> String {
        self.build.id.to_string()
    }

    fn target(&self) -> String {
        self.workspace.name.to_string()
    }

    fn organization(&self) -> Option<OrganizationId> {
        Some(self.workspace.organization_id)
    }

    fn about(&self) -> Map<String, Value> {
        let mut about = names(self.workspace, self.owner);
        about.insert("build_number".to_owned(), self.build.build_number.to_string().into());
        about.insert("build_reason".to_owned(), "initiator".into());
        about.insert("workspace_id".to_owned(), json!(self.workspace.id));
        about
    }

    fn tracked(&self) -> Snapshot {
        let version = self.build.template_version_id.map(|id| id.to_string());
        Snapshot::default().field("template_version_id", version.unwrap_or_default())
    }
}

/// What people call a workspace and its owner.
pub(super) fn names(workspace: &Workspace, owner: &User) -> Map<String, Value> {
    let name = |field: &str, name: &str| (field.to_owned(), Value::from(name));
    Map::from_iter([name("workspace_name", workspace.name.as_str()), name("workspace_owner", owner.username.as_str())])
}

/// Records what became of a build, and tells people of it; the build `previous` is the one before it.
pub(super) fn built(
    deed: &mut Deed<'_>,
    workspace: &Workspace,
    owner: &User,
    previous: Option<&Build>,
    build: &Build,
) -> Result<Recorded, StoreError> {
    let action = match build.transition {
        Transition::Start => AuditAction::Start,
        Transition::Stop => AuditAction::Stop,
        Transition::Delete => AuditAction::Delete,
    };
    let new = Built { build, workspace, owner };
    let (status, diff) = match (build.outcome, previous) {
        (Outcome::Succeeded, Some(build)) => (200, Diff::between(&Built { build, ..new }, &new)),
        (Outcome::Succeeded, None) => (200, Diff::created(&new)),
        (Outcome::Failed | Outcome::Canceled | Outcome::Pending, _) => (500, Diff::default()),
    };
    // Builds are found by their job (`enterprise-platform.md` 9.2); one without has the id of the build.
    let job = build.job_id.map_or(build.id.0, |id| id.0);
    let recorded = deed.entry().of_user(Some(build.initiator_id)).of_job(job).noted(action, status, &new, diff)?;
    notifications::build_ended(deed, workspace, owner, build)?;
    Ok(recorded)
}
