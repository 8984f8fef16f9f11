//! Asking why others may do something, and who can.

use super::{EntryObject, ExplainedObject, RoleObject};
use crate::conventions::Api;
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::roles::Vote;
use doorward_services::Principal;
use doorward_services::authcheck::{
    AccessView, Capable, Change, Question, StepView, WhoCan, Whom, explain_access, who_can as find_who_can,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_explain, explain);
    r.user(__path_who_can, who_can);
}

/// Whose access is asked about.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = AccessSubject)]
pub(crate) struct SubjectBody {
    /// Id or name; without it, or with `me`, the caller.
    user: String,
    /// The scopes of the app's token through which they come; without them, a session.
    app_token_scopes: Option<Vec<String>>,
}

/// What is asked about.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default)]
#[schema(as = AccessObject)]
pub(crate) struct ObjectBody {
    #[schema(required)]
    resource_type: String,
    /// Id of a user, group, template or workspace that exists, or name of a user, group or template. What is stored of it replaces
    /// the rest.
    resource_id: String,
    /// Id or name of the organization.
    organization_id: String,
    /// Id or name of the owner; `me` is the caller.
    owner_id: String,
}

/// A question about the access of somebody.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ExplainAccessRequest)]
pub(crate) struct ExplainBody {
    subject: SubjectBody,
    #[schema(required)]
    action: String,
    #[schema(required)]
    object: ObjectBody,
}

/// A question about who has access.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = WhoCanRequest)]
pub(crate) struct WhoCanBody {
    #[schema(required)]
    action: String,
    #[schema(required)]
    object: ObjectBody,
}

impl ObjectBody {
    fn question(self, action: String) -> Question {
        let Self { resource_type, resource_id, organization_id, owner_id } = self;
        Question { action, resource_type, resource: resource_id, organization: organization_id, owner: owner_id }
    }
}

/// Somebody.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessUser)]
pub(crate) struct PersonObject {
    id: Uuid,
    username: String,
}

/// An answer about somebody.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessExplanation)]
pub(crate) struct AccessObject {
    subject: PersonObject,
    #[serde(flatten)]
    answer: ExplainedObject,
    /// What each level says, from the first that is asked to the last.
    chain: Vec<StepObject>,
    change: ChangesObject,
}

/// What one level says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessStep)]
pub(crate) struct StepObject {
    /// `scope`, `site`, `organization`, `user` or `access_list`.
    level: &'static str,
    /// `allow`, `deny` or `silent`.
    says: &'static str,
    /// Whether that counts: no level before it has decided.
    heard: bool,
    /// The roles that say so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    roles: Vec<RoleObject>,
    /// The entries of access lists that say so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    access_lists: Vec<EntryObject>,
}

/// What would change the answer; empty for those who may not read how rights are given there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessChanges)]
pub(crate) struct ChangesObject {
    /// `any` of `ways` would do, or `all` of them are needed.
    needs: &'static str,
    /// What is needed in any case, before the rest does anything.
    first: Vec<ChangeObject>,
    /// What would give access that is denied, that which gives least first; or what gives access that is allowed.
    ways: Vec<ChangeObject>,
}

/// One thing to do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccessChange)]
pub(crate) struct ChangeObject {
    /// `activate`, `suspend`, `add_scope`, `give_site_role`, `take_site_role`, `add_member`, `remove_member`, `give_organization_role`,
    /// `take_organization_role`, `take_default_role`, `add_to_group`, `remove_from_group`, `add_to_access_list`,
    /// `remove_from_access_list` or `remove_everyone_from_access_list`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Set when the user must become a member of the organization before, for this is done of members alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    member_first: bool,
}

/// Who can do something.
#[derive(Serialize, ToSchema)]
#[schema(as = WhoCanAnswer)]
pub(crate) struct WhoCanObject {
    /// The first of them by name, at most 25.
    users: Vec<CapableObject>,
    /// How many there are of those who were asked about.
    count: usize,
    /// Whether there may be more than `count`: more people can be in question than are asked about at once.
    truncated: bool,
    /// Only members of this organization were asked about, because the caller may ask about no others.
    #[serde(skip_serializing_if = "Option::is_none")]
    within_organization_id: Option<Uuid>,
}

/// Somebody who can.
#[derive(Serialize, ToSchema)]
#[schema(as = WhoCanUser)]
pub(crate) struct CapableObject {
    id: Uuid,
    username: String,
    #[serde(flatten)]
    answer: ExplainedObject,
}

impl From<StepView> for StepObject {
    fn from(step: StepView) -> Self {
        Self {
            level: step.level.as_str(),
            says: match step.vote {
                Vote::Allow => "allow",
                Vote::Deny => "deny",
                Vote::Silent => "silent",
            },
            heard: step.heard,
            roles: step.roles.into_iter().map(RoleObject::from).collect(),
            access_lists: step.entries.into_iter().map(EntryObject::from).collect(),
        }
    }
}

impl From<Change> for ChangeObject {
    fn from(change: Change) -> Self {
        Self {
            kind: change.kind.as_str(),
            role: change.role.map(|(name, _)| name),
            organization_id: change.organization,
            group_id: change.group,
            scope: change.scope,
            member_first: change.member_first,
        }
    }
}

impl From<AccessView> for AccessObject {
    fn from(view: AccessView) -> Self {
        let list = |changes: Vec<Change>| changes.into_iter().map(ChangeObject::from).collect();
        Self {
            subject: PersonObject { id: view.user.id.0, username: view.user.username.into() },
            answer: view.why.into(),
            chain: view.steps.into_iter().map(StepObject::from).collect(),
            change: ChangesObject {
                needs: if view.changes.all { "all" } else { "any" },
                first: list(view.changes.first),
                ways: list(view.changes.ways),
            },
        }
    }
}

impl From<WhoCan> for WhoCanObject {
    fn from(found: WhoCan) -> Self {
        let one = |Capable { user, why }: Capable| CapableObject {
            id: user.id.0,
            username: user.username.into(),
            answer: why.into(),
        };
        Self {
            users: found.users.into_iter().map(one).collect(),
            count: found.count,
            truncated: !found.is_complete,
            within_organization_id: found.within.map(|id| id.0),
        }
    }
}

/// Says whether somebody may do something, why, and what would change it.
///
/// About others those may ask who may read what the answer rests on: users, members and their roles, and who is in which group;
/// everywhere, or in the organization that the question is about. It is recorded in the audit log.
#[utoipa::path(
    post, path = "/api/v2/authcheck/explain", tag = "authorization", operation_id = "explain_access",
    request_body = ExplainBody,
    responses((status = 200, body = AccessObject)),
)]
pub(crate) async fn explain(mut call: Call, actor: Principal) -> HandlerResult {
    let body: ExplainBody = call.json_of_anybody("anybody may ask about themselves")?;
    let SubjectBody { user, app_token_scopes: scopes } = body.subject;
    let question = body.object.question(body.action);
    let view = explain_access(call.context(), &actor, Whom { user, scopes }, question).await?;
    Ok(ok(&AccessObject::from(view)))
}

/// Says who can do something: the first 25 by name, and how many there are.
///
/// For those who may ask about others. It is recorded in the audit log.
#[utoipa::path(
    post, path = "/api/v2/authcheck/who-can", tag = "authorization", operation_id = "who_can",
    request_body = WhoCanBody,
    responses((status = 200, body = WhoCanObject)),
)]
pub(crate) async fn who_can(mut call: Call, actor: Principal) -> HandlerResult {
    let body: WhoCanBody = call.json_of_anybody("whom it may be about is found out with what it is about")?;
    let found = find_who_can(call.context(), &actor, body.object.question(body.action)).await?;
    Ok(ok(&WhoCanObject::from(found)))
}
