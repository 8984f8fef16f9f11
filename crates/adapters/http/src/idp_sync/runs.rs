//! What syncs with identity providers would do, what they did, and which claims there are for them (`enterprise-identity.md` 4.2, 4.4,
//! 4.6).

use super::{GroupSyncObject, OrganizationSyncObject, RoleSyncObject};
use crate::kit::answer::ok;
use crate::kit::call::Call;
use crate::kit::error::{Failure, HandlerResult, api_error};
use crate::kit::json::Timestamp;
use actix_web::http::StatusCode;
use doorward_domain::idp_sync::{Effect, GroupSync, Note, OrganizationSync, RoleSync, SyncClaims, SyncRecord};
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::idp_sync::{self, DryRun, DryRunResult, Trial};
use doorward_services::intent::Intent;
use doorward_services::users::UserRef;
use doorward_services::{Error, Principal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is to be tried.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = IDPSyncDryRunRequest)]
pub(crate) struct DryRunRequest {
    /// The claims of the sign-in. Without them, those of the last sign-in of the user.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
    /// Id or name of the user who signs in. Without one, somebody who has nothing yet.
    user: Option<String>,
    /// Settings that are not stored, in the place of those that are.
    settings: DryRunSettings,
}

/// Settings that are tried. What is absent is as it is stored.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = IDPSyncDryRunSettings)]
pub(crate) struct DryRunSettings {
    organization: Option<OrganizationSyncObject>,
    /// By the id of the organization.
    #[schema(value_type = BTreeMap<String, GroupSyncObject>)]
    groups: BTreeMap<Uuid, GroupSyncObject>,
    /// By the id of the organization.
    #[schema(value_type = BTreeMap<String, RoleSyncObject>)]
    roles: BTreeMap<Uuid, RoleSyncObject>,
}

impl From<DryRunSettings> for Trial {
    fn from(body: DryRunSettings) -> Self {
        Self {
            organizations: body.organization.map(OrganizationSync::from),
            groups: body.groups.into_iter().map(|(id, sync)| (OrganizationId(id), GroupSync::from(sync))).collect(),
            roles: body.roles.into_iter().map(|(id, sync)| (OrganizationId(id), RoleSync::from(sync))).collect(),
        }
    }
}

/// What a sign-in would change.
#[derive(Serialize, ToSchema)]
#[schema(as = IDPSyncDryRun)]
pub(crate) struct DryRunObject {
    /// Who would sign in; `null` is somebody who has nothing yet.
    user_id: Option<Uuid>,
    /// Why nobody would be signed in; empty if somebody would.
    refused: String,
    /// Organizations, then groups, then roles.
    gained: Vec<EffectObject>,
    /// Organizations, then groups, then roles.
    lost: Vec<EffectObject>,
    /// What was said and does nothing.
    ignored: Vec<NoteObject>,
    /// How much more of that there is.
    ignored_more: usize,
}

/// Something that is gained or lost.
#[derive(Serialize, ToSchema)]
#[schema(as = IDPSyncEffect)]
pub(crate) struct EffectObject {
    /// `organization`, `group`, `organization_role` or `site_role`.
    kind: &'static str,
    organization_id: Option<Uuid>,
    /// The name of the organization; empty for a role on the site.
    organization_name: String,
    /// The group; `null` for one that would be made.
    group_id: Option<Uuid>,
    /// The name of the organization, the group or the role.
    name: String,
    /// Why, in words.
    because: String,
}

/// Something that was said and does nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = IDPSyncIgnored)]
pub(crate) struct NoteObject {
    /// `organization`, `group`, `organization_role` or `site_role`.
    kind: &'static str,
    organization_id: Option<Uuid>,
    /// The name of the organization; empty if it is about none.
    organization_name: String,
    /// The value of the claim, if it is about one.
    value: Option<String>,
    /// Why it does nothing, in words.
    because: String,
}

impl From<DryRunResult> for DryRunObject {
    fn from(result: DryRunResult) -> Self {
        let DryRunResult { user, plan, organizations } = result;
        let (plan, refused) = match plan {
            Ok(plan) => (plan, String::new()),
            Err(refused) => (doorward_domain::idp_sync::Plan::default(), refused.to_string()),
        };
        let name = |id: Option<OrganizationId>| id.and_then(|id| organizations.get(&id).cloned()).unwrap_or_default();
        let effect = |effect: Effect| EffectObject {
            kind: effect.kind.as_str(),
            organization_id: effect.organization_id.map(Uuid::from),
            organization_name: name(effect.organization_id),
            group_id: effect.group_id.map(Uuid::from),
            name: effect.name,
            because: effect.because.to_string(),
        };
        let note = |note: Note| NoteObject {
            kind: note.kind.as_str(),
            organization_id: note.organization_id.map(Uuid::from),
            organization_name: name(note.organization_id),
            value: note.value,
            because: note.because.to_string(),
        };
        Self {
            user_id: user.map(Uuid::from),
            refused,
            gained: plan.gained.into_iter().map(effect).collect(),
            lost: plan.lost.into_iter().map(effect).collect(),
            ignored: plan.ignored.into_iter().map(note).collect(),
            ignored_more: plan.ignored_more,
        }
    }
}

/// Says what a sign-in with OpenID Connect would change, and changes nothing.
#[utoipa::path(
    post, path = "/api/v2/settings/idpsync/dry-run", tag = "idp-sync", operation_id = "try_idp_sync",
    request_body = DryRunRequest,
    responses((status = 200, body = DryRunObject)),
)]
pub(crate) async fn dry_run(mut call: Call, actor: Principal) -> HandlerResult {
    let DryRunRequest { claims, user, settings } =
        call.json_for(&actor, Intent::Anywhere(Action::Read, ResourceType::IdpsyncSettings)).await?;
    let user = user.filter(|name| !name.is_empty()).map(|name| UserRef::parse(&name));
    let trial = DryRun { claims: claims.map(SyncClaims::new), user, settings: settings.into() };
    let result = idp_sync::dry_run(call.context(), &actor, trial).await?;
    Ok(ok(&DryRunObject::from(result)))
}

/// One sync of a user.
#[derive(Serialize, ToSchema)]
#[schema(as = IDPSyncRecord)]
pub(crate) struct SyncObject {
    id: Uuid,
    time: Timestamp,
    /// The provider, by the name that it has in the settings.
    provider: String,
    /// `changed`, `unchanged` or `refused`.
    outcome: &'static str,
    /// What was `gained`, `lost` and `ignored`, or why nobody was signed in (`refused`).
    #[schema(value_type = Object)]
    changes: Value,
}

impl From<SyncRecord> for SyncObject {
    fn from(record: SyncRecord) -> Self {
        Self {
            id: record.id.into(),
            time: record.time.into(),
            provider: record.provider,
            outcome: record.outcome.as_str(),
            // It was written as JSON, by this server or an earlier one.
            changes: serde_json::from_str(&record.document).unwrap_or_default(),
        }
    }
}

/// Lists the last syncs of a user, the last one first.
#[utoipa::path(
    get, path = "/api/v2/users/{user}/idpsync/log", tag = "idp-sync", operation_id = "list_idp_syncs",
    params(("user" = String, Path, description = "Id, name or `me`")),
    responses((status = 200, body = [SyncObject])),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let syncs = idp_sync::list_syncs(call.context(), &actor, &call.user()).await?;
    Ok(ok(&syncs.into_iter().map(SyncObject::from).collect::<Vec<_>>()))
}

/// Who may not see claims is told so in words of its own, unless it is only the scope that is too short.
fn seen(found: Result<Vec<String>, Error>) -> HandlerResult {
    match found {
        Ok(found) => Ok(ok(&found)),
        Err(Error::Forbidden(denied)) if denied.missing_scope().is_none() => {
            let message = "You are not authorized to view the claims of identity providers.";
            let detail = "Needs the permission idpsync_settings.read.";
            Err(Failure::from(api_error(StatusCode::FORBIDDEN, message, detail)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Lists the names of the claims of all users.
#[utoipa::path(
    get, path = "/api/v2/settings/idpsync/available-fields", tag = "idp-sync", operation_id = "list_claim_fields",
    responses((status = 200, body = [String])),
)]
pub(crate) async fn available_fields(call: Call, actor: Principal) -> HandlerResult {
    seen(idp_sync::available_fields(call.context(), &actor, None).await)
}

/// Lists the values of a claim of all users.
#[utoipa::path(
    get, path = "/api/v2/settings/idpsync/field-values", tag = "idp-sync", operation_id = "list_claim_values",
    params(("claimField" = String, Query, description = "The claim")),
    responses((status = 200, body = [String])),
)]
pub(crate) async fn field_values(call: Call, actor: Principal) -> HandlerResult {
    let field = claim_field(&call)?;
    seen(idp_sync::field_values(call.context(), &actor, None, field).await)
}

/// Lists the names of the claims of the members of an organization.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/settings/idpsync/available-fields", tag = "idp-sync",
    operation_id = "list_organization_claim_fields",
    params(("organization" = String, Path, description = "Id, name or `default`")),
    responses((status = 200, body = [String])),
)]
pub(crate) async fn organization_fields(call: Call, actor: Principal) -> HandlerResult {
    seen(idp_sync::available_fields(call.context(), &actor, Some(&call.organization())).await)
}

/// Lists the values of a claim of the members of an organization.
#[utoipa::path(
    get, path = "/api/v2/organizations/{organization}/settings/idpsync/field-values", tag = "idp-sync",
    operation_id = "list_organization_claim_values",
    params(
        ("organization" = String, Path, description = "Id, name or `default`"),
        ("claimField" = String, Query, description = "The claim"),
    ),
    responses((status = 200, body = [String])),
)]
pub(crate) async fn organization_values(call: Call, actor: Principal) -> HandlerResult {
    let field = claim_field(&call)?;
    seen(idp_sync::field_values(call.context(), &actor, Some(&call.organization()), field).await)
}

fn claim_field(call: &Call) -> Result<String, Failure> {
    let mut query = call.query();
    let field = query.text("claimField").unwrap_or_default();
    query.done_loosely()?;
    Ok(field)
}
