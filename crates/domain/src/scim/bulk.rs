//! Several operations in one request (RFC 7644 3.7).

use super::BULK_RESPONSE_URN;
use super::error::ScimError;
use super::messages::{ErrorMessage, number, text};
use super::patch::field;
use super::schema::{RESOURCE_TYPES, ResourceType, same};
use crate::text_enum::text_enum;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How a reference to what another operation makes begins.
const REFERENCE: &str = "bulkId:";

text_enum! {
    /// The HTTP method of an operation.
    Method {
        /// Makes a resource.
        Post = "POST",
        /// Replaces a resource.
        Put = "PUT",
        /// Changes a resource.
        Patch = "PATCH",
        /// Deletes a resource.
        Delete = "DELETE",
    }
}

/// What an operation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkTarget {
    /// The kind of resource.
    pub kind: &'static ResourceType,
    /// Its id, which may be a reference that [`BulkIds::resolve_id`] resolves; `None` for one that is made.
    pub id: Option<String>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkOperation {
    /// What it does.
    pub method: Method,
    /// What other operations call the resource that it makes.
    pub bulk_id: Option<String>,
    /// The version that the resource must have, as in `If-Match`.
    pub version: Option<String>,
    /// What it is about.
    pub target: BulkTarget,
    /// The body of the request.
    pub data: Option<Value>,
}

/// An operation that cannot be read: an error of its own, and of no other (RFC 7644 3.7.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadOperation {
    /// What it was to do, as it was sent; may be empty.
    pub method: String,
    /// What other operations call it.
    pub bulk_id: Option<String>,
    /// What is wrong with it.
    pub error: ScimError,
}

/// The body of `POST /Bulk`.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkRequest {
    /// After so many errors nothing more is done; `None`: all is tried.
    pub fail_on_errors: Option<u32>,
    /// The operations, in the order of the request.
    pub operations: Vec<Result<BulkOperation, BadOperation>>,
}

/// A bulk request that is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BulkError {
    /// It has too many operations.
    #[error("a bulk request may have at most {0} operations")]
    TooManyOperations(usize),
    /// Operations wait for one another.
    #[error("operations refer to one another in a circle: {0}")]
    Circular(String),
    /// It cannot be read.
    #[error(transparent)]
    Scim(#[from] ScimError),
}

impl From<&BulkError> for ErrorMessage {
    fn from(error: &BulkError) -> Self {
        match error {
            BulkError::TooManyOperations(_) => Self::new(413, None, error.to_string()),
            BulkError::Circular(_) => Self::new(409, None, error.to_string()),
            BulkError::Scim(error) => error.into(),
        }
    }
}

impl BulkRequest {
    /// Reads a body. `most` is the number of operations that the server allows.
    ///
    /// # Errors
    ///
    /// [`BulkError::TooManyOperations`], and [`ScimType::InvalidSyntax`](super::ScimType::InvalidSyntax) for a body that is no
    /// such request. What is wrong with one operation is an error of that one: an unknown method or path, `POST` without a `bulkId` or with one that another has
    /// before it, a method that lacks its data.
    pub fn read(body: &Value, most: usize) -> Result<Self, BulkError> {
        let fields = body.as_object().ok_or_else(|| ScimError::syntax("the body must be a JSON object"))?;
        let Some(operations) = field(fields, "Operations")?.and_then(Value::as_array) else {
            return Err(ScimError::syntax("Operations: must be a list of operations").into());
        };
        if operations.len() > most {
            return Err(BulkError::TooManyOperations(most));
        }
        let fail_on_errors = number(fields, "failOnErrors")?.filter(|errors| *errors > 0);
        let mut made = BTreeSet::new();
        let read = |(number, operation): (usize, &Value)| {
            let bad = |error: ScimError| BadOperation::of(operation, error.at(&format!("operation {number}")));
            let read = BulkOperation::read(operation).map_err(bad)?;
            match read.makes() {
                Some(id) if !made.insert(id.to_owned()) => {
                    Err(bad(ScimError::syntax(format!("bulkId `{id}` is there twice"))))
                }
                Some(_) | None => Ok(read),
            }
        };
        let operations = (1..).zip(operations).map(read).collect();
        let fail_on_errors = fail_on_errors.map(|errors| u32::try_from(errors).unwrap_or(u32::MAX));
        Ok(Self { fail_on_errors, operations })
    }

    /// In which order the operations can be done, as their places in the request: that of the request, except that what is
    /// referred to is made before.
    ///
    /// # Errors
    ///
    /// [`BulkError::Circular`] when operations refer to one another (RFC 7644 3.7.1 allows to refuse it). What no operation makes is
    /// not waited for: [`BulkIds::resolve`] refuses the operation that refers to it.
    pub fn order(&self) -> Result<Vec<usize>, BulkError> {
        let readable = || self.operations.iter().enumerate().filter_map(|(at, read)| Some((at, read.as_ref().ok()?)));
        let makers: BTreeMap<&str, usize> =
            readable().filter_map(|(at, operation)| Some((operation.makes()?, at))).collect();
        let mut waits = vec![BTreeSet::new(); self.operations.len()];
        for (at, operation) in readable() {
            if let Some(before) = waits.get_mut(at) {
                before.extend(operation.references().iter().filter_map(|id| makers.get(id.as_str()).copied()));
            }
        }
        let order = in_order(&waits);
        if order.len() == waits.len() {
            return Ok(order);
        }
        let done: BTreeSet<usize> = order.into_iter().collect();
        let left = readable().filter(|(at, _)| !done.contains(at));
        let circle = left.filter_map(|(_, operation)| operation.bulk_id.as_deref());
        Err(BulkError::Circular(circle.collect::<Vec<_>>().join(", ")))
    }

    /// Whether nothing more is to be done after so many errors.
    #[must_use]
    pub fn stops_after(&self, errors: u32) -> bool {
        self.fail_on_errors.is_some_and(|most| errors >= most)
    }
}

impl BadOperation {
    fn of(operation: &Value, error: ScimError) -> Self {
        /// So much of a text that is none of ours is repeated.
        const REPEATED: usize = 256;
        let text = |name| operation.as_object().and_then(|fields| text(fields, name).ok().flatten());
        let short = |text: String| text.chars().take(REPEATED).collect::<String>();
        let bulk_id = text("bulkId").map(short).filter(|id| !id.is_empty());
        Self { method: text("method").map(short).unwrap_or_default(), bulk_id, error }
    }
}

impl BulkOperation {
    fn read(operation: &Value) -> Result<Self, ScimError> {
        let fields = operation.as_object().ok_or_else(|| ScimError::syntax("must be an object"))?;
        let method = text(fields, "method")?.unwrap_or_default().to_ascii_uppercase();
        let Ok(method) = method.parse::<Method>() else {
            return Err(ScimError::syntax("method must be POST, PUT, PATCH or DELETE"));
        };
        let path = text(fields, "path")?.unwrap_or_default();
        let Some(target) = BulkTarget::of(&path).filter(|target| target.id.is_none() == (method == Method::Post))
        else {
            return Err(ScimError::syntax(format!("`{path}` is no path for {method}")));
        };
        let bulk_id = text(fields, "bulkId")?.filter(|id| !id.is_empty());
        if method == Method::Post && bulk_id.is_none() {
            return Err(ScimError::syntax("POST needs a bulkId"));
        }
        let data = field(fields, "data")?.filter(|data| !data.is_null()).cloned();
        if method != Method::Delete && data.is_none() {
            return Err(ScimError::syntax(format!("{method} needs data")));
        }
        Ok(Self { method, bulk_id, version: text(fields, "version")?, target, data })
    }

    /// What others call the resource that it makes.
    fn makes(&self) -> Option<&str> {
        self.bulk_id.as_deref().filter(|_| self.method == Method::Post)
    }

    /// What it refers to.
    fn references(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut keep = |text: &str| {
            let _same = replaced(text, &mut |id: &str| {
                all.push(id.to_owned());
                Ok(String::new())
            });
        };
        if let Some(id) = &self.target.id {
            keep(id);
        }
        if let Some(data) = &self.data {
            each_text(data, &mut keep);
        }
        all
    }
}

impl BulkTarget {
    /// `/Users`, `/Groups/{id}`.
    fn of(path: &str) -> Option<Self> {
        let mut parts = path.trim_start_matches('/').splitn(2, '/');
        let endpoint = parts.next()?;
        let kind = RESOURCE_TYPES.into_iter().find(|kind| same(kind.endpoint.trim_start_matches('/'), endpoint))?;
        match parts.next().filter(|id| !id.is_empty()) {
            Some(id) if id.contains('/') => None,
            id => Some(Self { kind, id: id.map(str::to_owned) }),
        }
    }
}

/// The ids of what the operations of a request made.
#[derive(Clone, Debug, Default)]
pub struct BulkIds(BTreeMap<String, String>);

impl BulkIds {
    /// Remembers what an operation made.
    pub fn insert(&mut self, bulk_id: &str, id: impl Into<String>) {
        self.0.insert(bulk_id.to_owned(), id.into());
    }

    /// The id that a path names, which may be a reference.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidValue`](super::ScimType::InvalidValue) for a reference to what was not made.
    pub fn resolve_id(&self, id: &str) -> Result<String, ScimError> {
        replaced(id, &mut |bulk_id| self.find(bulk_id))
    }

    /// Replaces all references in the data of an operation: texts that are one, and those in double quotes within a text, as
    /// in the path `members[value eq "bulkId:x"]`.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidValue`](super::ScimType::InvalidValue) for a reference to what was not made: the operation that should
    /// have made it failed.
    pub fn resolve(&self, data: &mut Value) -> Result<(), ScimError> {
        match data {
            Value::String(text) => *text = replaced(text, &mut |bulk_id| self.find(bulk_id))?,
            Value::Array(values) => values.iter_mut().try_for_each(|value| self.resolve(value))?,
            Value::Object(fields) => fields.values_mut().try_for_each(|value| self.resolve(value))?,
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Ok(())
    }

    fn find(&self, bulk_id: &str) -> Result<String, ScimError> {
        let unknown = || ScimError::value(format!("there is nothing with bulkId `{bulk_id}`"));
        self.0.get(bulk_id).cloned().ok_or_else(unknown)
    }
}

/// The places of those that can be done, each behind those that it waits for, and else in their order. Each is looked at once for
/// everybody who waits for it: there may be ten thousand in a row.
fn in_order(waits: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = waits.iter().map(BTreeSet::len).collect();
    let mut followers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, before) in waits.iter().enumerate() {
        for maker in before {
            followers.entry(*maker).or_default().push(at);
        }
    }
    let mut free: BTreeSet<usize> =
        waiting.iter().enumerate().filter(|(_, left)| **left == 0).map(|(at, _)| at).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(next) = free.pop_first() {
        order.push(next);
        for follower in followers.remove(&next).unwrap_or_default() {
            let Some(left) = waiting.get_mut(follower) else { continue };
            *left -= 1;
            if *left == 0 {
                free.insert(follower);
            }
        }
    }
    order
}

/// The text with its references replaced.
fn replaced(text: &str, find: &mut dyn FnMut(&str) -> Result<String, ScimError>) -> Result<String, ScimError> {
    if let Some(bulk_id) = text.strip_prefix(REFERENCE) {
        return find(bulk_id);
    }
    let quoted = format!("\"{REFERENCE}");
    let mut parts = text.split(quoted.as_str());
    let mut new = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (bulk_id, rest) = part.split_once('"').unwrap_or((part, ""));
        for piece in ["\"", &find(bulk_id)?, "\"", rest] {
            new.push_str(piece);
        }
    }
    Ok(new)
}

fn each_text(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(values) => values.iter().for_each(|value| each_text(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| each_text(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkResult {
    /// The address of the resource; `None` if it was not made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What the operation was to do: a [`Method`], or what was sent in the place of one.
    pub method: String,
    /// What other operations called it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<String>,
    /// The version of the resource afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The HTTP status, as text.
    pub status: String,
    /// The body of an error, which must be told (RFC 7644 3.7.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ErrorMessage>,
}

/// The body of the answer to a bulk request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BulkResponse {
    schemas: [&'static str; 1],
    /// What became of each operation that was tried.
    #[serde(rename = "Operations")]
    pub operations: Vec<BulkResult>,
}

impl BulkResponse {
    /// The answer with these results.
    #[must_use]
    pub const fn new(operations: Vec<BulkResult>) -> Self {
        Self { schemas: [BULK_RESPONSE_URN], operations }
    }
}
