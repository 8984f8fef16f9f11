//! Several operations in one request (RFC 7644 3.7). Each is a transaction of its own, as if it had been sent alone.

use super::answer::{Place, Shown};
use super::refusal::Refusal;
use super::{creation, groups, users};
use crate::Principal;
use crate::context::Context;
use crate::error::Error;
use doorward_domain::scim::{
    BadOperation, BulkError, BulkIds, BulkOperation, BulkRequest, BulkResponse, BulkResult, ErrorMessage, Method,
    Preconditions, Projection, ScimError, ScimType, USER,
};
use serde_json::Value;

/// What became of an operation.
struct Outcome {
    status: u16,
    /// What was made or changed; `None` for what was deleted.
    shown: Option<Shown>,
}

/// Does the operations of a bulk request, those first that others refer to, and answers what became of each. After
/// `failOnErrors` errors nothing more is done; what was done stays. One that cannot be read is an error as any other.
///
/// Needs a directory. Errors: `Bulk` (the request as a whole: too many operations, references in a circle). Those of the operations
/// are in the answer; after one that is the server's own nothing more is done.
pub async fn bulk(ctx: &Context, by: &Principal, body: &Value) -> Result<BulkResponse, Refusal> {
    let most = usize::try_from(ctx.settings.scim.bulk_operations_max).unwrap_or(usize::MAX);
    let (request, place) = (BulkRequest::read(body, most)?, Place::of(ctx, by));
    let (mut ids, mut errors, mut results) = (BulkIds::default(), 0_u32, Vec::new());
    for at in request.order()? {
        let Some(operation) = request.operations.get(at) else { continue };
        if request.stops_after(errors) {
            break;
        }
        let operation = match operation {
            Ok(operation) => operation,
            Err(bad) => {
                errors += 1;
                results.push((at, unread(bad)));
                continue;
            }
        };
        let outcome = one(ctx, by, operation, &ids).await;
        // What is no fault of the operation would meet those behind it too. What was done is told all the same.
        let is_outage = matches!(outcome, Err(Refusal::Other(_)));
        if let (Some(bulk_id), Ok(Outcome { shown: Some(shown), .. })) = (&operation.bulk_id, &outcome)
            && let Some(id) = shown.resource.text("id")
        {
            ids.insert(bulk_id, id);
        }
        errors += u32::from(outcome.is_err());
        results.push((at, result(&place, operation, &ids, outcome)));
        if is_outage {
            break;
        }
    }
    // In the order of the request.
    results.sort_by_key(|(at, _)| *at);
    Ok(BulkResponse::new(results.into_iter().map(|(_, result)| result).collect()))
}

async fn one(ctx: &Context, by: &Principal, operation: &BulkOperation, ids: &BulkIds) -> Result<Outcome, Refusal> {
    let kind = operation.target.kind;
    let is_user = kind.name == USER.name;
    let mut data = operation.data.clone().unwrap_or_default();
    ids.resolve(&mut data)?;
    let matches = operation.version.as_deref().map(str::parse).transpose()?;
    let version = Preconditions { matches, none_match: None };
    let shown = Projection::read(kind, Some("id"), None)?;
    let id = match &operation.target.id {
        Some(id) => ids.resolve_id(id)?,
        None if operation.method == Method::Post => String::new(),
        None => return Err(ScimError::new(ScimType::InvalidSyntax, "path: must name a resource").into()),
    };
    let of = |status, shown| Outcome { status, shown: Some(shown) };
    Ok(match (operation.method, is_user) {
        (Method::Post, true) => {
            let created = creation::create_user(ctx, by, &data, &shown).await?;
            of(if created.is_new { 201 } else { 200 }, created.shown)
        }
        (Method::Post, false) => of(201, groups::create_group(ctx, by, &data, &shown).await?),
        (Method::Put, true) => of(200, users::replace_user(ctx, by, &id, &data, version, &shown).await?),
        (Method::Put, false) => of(200, groups::replace_group(ctx, by, &id, &data, version, &shown).await?),
        (Method::Patch, true) => of(200, users::patch_user(ctx, by, &id, &data, version, &shown).await?),
        (Method::Patch, false) => of(200, groups::patch_group(ctx, by, &id, &data, version, &shown).await?),
        (Method::Delete, true) => {
            users::delete_user(ctx, by, &id, version).await?;
            Outcome { status: 204, shown: None }
        }
        (Method::Delete, false) => {
            groups::delete_group(ctx, by, &id, version).await?;
            Outcome { status: 204, shown: None }
        }
    })
}

/// What became of an operation that cannot be read.
fn unread(bad: &BadOperation) -> BulkResult {
    let message = ErrorMessage::from(&bad.error);
    let (method, bulk_id, status) = (bad.method.clone(), bad.bulk_id.clone(), message.status.clone());
    BulkResult { location: None, method, bulk_id, version: None, status, response: Some(message) }
}

fn result(place: &Place, operation: &BulkOperation, ids: &BulkIds, outcome: Result<Outcome, Refusal>) -> BulkResult {
    let id = operation.target.id.as_ref().and_then(|id| ids.resolve_id(id).ok());
    let location = id.map(|id| place.location(operation.target.kind, id));
    let (method, bulk_id) = (operation.method.to_string(), operation.bulk_id.clone());
    match outcome {
        Ok(Outcome { status, shown }) => {
            let version = shown.as_ref().map(|shown| shown.version.to_string());
            let location = shown.map(|shown| shown.location).or(location);
            BulkResult { location, method, bulk_id, version, status: status.to_string(), response: None }
        }
        Err(refusal) => {
            let message = refusal.message().unwrap_or_else(|| own_fault(&refusal));
            let status = message.status.clone();
            BulkResult { location, method, bulk_id, version: None, status, response: Some(message) }
        }
    }
}

/// An error that is no matter of SCIM. Of its cause only the log knows.
fn own_fault(refusal: &Refusal) -> ErrorMessage {
    if let Refusal::Other(Error::Unavailable { outage, cause }) = refusal {
        tracing::warn!(outage = outage.as_str(), %cause, "unavailable");
        return ErrorMessage::new(503, None, outage.to_string());
    }
    if let Refusal::Other(Error::Internal(cause)) = refusal {
        tracing::error!(%cause, "internal error");
        return ErrorMessage::new(500, None, "internal error");
    }
    ErrorMessage::new(403, None, refusal.to_string())
}

impl From<BulkError> for Refusal {
    fn from(error: BulkError) -> Self {
        Self::Bulk(error)
    }
}
