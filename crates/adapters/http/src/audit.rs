//! The audit log (`enterprise-platform.md` 9).

pub(crate) mod description;
mod export;
mod facets;
mod objects;

use objects::AuditObject;

use crate::conventions::Api;
use crate::kit::answer::{no_content, ok};
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::routes::Routes;
use doorward_domain::Instant;
use doorward_domain::audit::{AuditAction, AuditResource};
use doorward_domain::ids::OrganizationId;
use doorward_domain::roles::{Action, ResourceType};
use doorward_services::intent::Intent;
use doorward_services::{Error, FieldError, Principal, VALIDATION_FAILED, audit};
use serde::Deserialize;
use std::fmt::Display;
use std::str::FromStr;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn routes(routes: &mut Routes) {
    let mut r = routes.of(&Api);
    r.user(__path_list, list);
    r.user(facets::__path_facets, facets::facets);
    r.user(export::__path_export, export::export).no_store();
    r.user(export::__path_tail, export::tail).no_store().opens_socket();
    r.user(__path_generate, generate);
}

/// Lists the records that the caller may read, newest first.
#[utoipa::path(
    get, path = "/api/v2/audit", tag = "audit",
    params(
        ("q" = Option<String>, Query, description = "Search: `key:value` terms; a bare word is a resource type"),
        ("after_id" = Option<Uuid>, Query, description = "Only records behind this one, which are older"),
        ("limit" = Option<i32>, Query, minimum = 0, description = "At most so many; 0 means 100"),
        ("offset" = Option<i32>, Query, minimum = 0, description = "So many are left out at the start"),
    ),
    responses((status = 200, body = AuditObject)),
)]
pub(crate) async fn list(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let (text, page) = (query.text("q").unwrap_or_default(), query.page());
    query.done_loosely()?;
    let found = audit::list(call.context(), &actor, &text, page).await?;
    Ok(ok(&AuditObject::from(found)))
}

/// An entry to be written for a test.
#[derive(Deserialize, ToSchema, Default)]
#[serde(default)]
#[schema(as = CreateTestAuditLogRequest)]
pub(crate) struct Generate {
    /// `create` when empty.
    action: String,
    /// `user` when empty.
    resource_type: String,
    /// A new one when absent.
    resource_id: Option<Uuid>,
    #[schema(value_type = Object)]
    additional_fields: serde_json::Map<String, serde_json::Value>,
    /// Now when absent.
    #[schema(value_type = String, format = DateTime)]
    time: String,
    organization_id: Option<Uuid>,
    request_id: Option<Uuid>,
}

/// Writes an entry about something that did not happen, for tests of what reads the log.
#[utoipa::path(
    post, path = "/api/v2/audit/testgenerate", tag = "audit", request_body = Generate,
    responses((status = 204)),
)]
pub(crate) async fn generate(mut call: Call, actor: Principal) -> HandlerResult {
    let body: Generate = call.json_for(&actor, Intent::Anywhere(Action::Create, ResourceType::AuditLog)).await?;
    let mut defects = Vec::new();
    let command = audit::GenerateEntry {
        action: read::<AuditAction>("action", &body.action, &mut defects),
        resource_type: read::<AuditResource>("resource_type", &body.resource_type, &mut defects),
        resource_id: body.resource_id.filter(|id| !id.is_nil()),
        additional_fields: Some(body.additional_fields),
        time: moment(&body.time, &mut defects),
        organization_id: body.organization_id.filter(|id| !id.is_nil()).map(OrganizationId),
        request_id: body.request_id.filter(|id| !id.is_nil()),
    };
    if !defects.is_empty() {
        return Err(Error::invalid_fields(VALIDATION_FAILED, defects).into());
    }
    audit::generate(call.context(), &actor, command).await?;
    Ok(no_content())
}

/// A word that may be empty.
fn read<T: FromStr<Err: Display>>(field: &'static str, text: &str, defects: &mut Vec<FieldError>) -> Option<T> {
    if text.is_empty() {
        return None;
    }
    text.parse().map_err(|error: T::Err| defects.push(FieldError::new(field, error.to_string()))).ok()
}

/// An instant that may be empty, with the microseconds that a database keeps. The first instant of all is none.
fn moment(text: &str, defects: &mut Vec<FieldError>) -> Option<Instant> {
    if text.is_empty() {
        return None;
    }
    match Instant::parse(text, &Rfc3339) {
        Ok(at) if at.year() < 1900 => None,
        Ok(at) => at.to_offset(time::UtcOffset::UTC).replace_microsecond(at.microsecond()).ok(),
        Err(error) => {
            defects.push(FieldError::new("time", format!("must be an RFC 3339 time: {error}")));
            None
        }
    }
}
