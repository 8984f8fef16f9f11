//! Bodies of answers, and of searches (RFC 7644 3.4.2, 3.4.3, 3.12).

use super::error::{ScimError, ScimType};
use super::list::Paging;
use super::patch::field;
use super::{ERROR_URN, LIST_RESPONSE_URN};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

impl Serialize for ScimType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The body of an error (RFC 7644 3.12).
///
/// ```
/// use doorward_domain::scim::{ErrorMessage, ScimError, ScimType};
/// let message = ErrorMessage::from(&ScimError::new(ScimType::Mutability, "`id` cannot be changed"));
/// let body = serde_json::json!({
///     "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
///     "status": "400",
///     "scimType": "mutability",
///     "detail": "`id` cannot be changed",
/// });
/// assert_eq!(serde_json::to_value(&message).ok(), Some(body));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorMessage {
    schemas: [&'static str; 1],
    /// The HTTP status, as text.
    pub status: String,
    /// The kind of error, if it is one of the RFC's.
    #[serde(rename = "scimType", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ScimType>,
    /// What is wrong, for people.
    pub detail: String,
}

impl ErrorMessage {
    /// An error with this HTTP status.
    #[must_use]
    pub fn new(status: u16, kind: Option<ScimType>, detail: impl Into<String>) -> Self {
        Self { schemas: [ERROR_URN], status: status.to_string(), kind, detail: detail.into() }
    }
}

impl From<&ScimError> for ErrorMessage {
    fn from(error: &ScimError) -> Self {
        Self::new(error.kind.status(), Some(error.kind), &*error.detail)
    }
}

/// The body of a list (RFC 7644 3.4.2). `Resources` is there without any too: Okta reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResponse<T> {
    schemas: [&'static str; 1],
    /// How many resources there are in all.
    pub total_results: u64,
    /// The place of the first of these, counted from 1.
    pub start_index: u64,
    /// How many are here.
    pub items_per_page: usize,
    /// The resources.
    #[serde(rename = "Resources")]
    pub resources: Vec<T>,
}

impl<T> ListResponse<T> {
    /// One page of a list.
    #[must_use]
    pub const fn new(resources: Vec<T>, total_results: u64, paging: Paging) -> Self {
        let (start_index, items_per_page) = (paging.start_index, resources.len());
        Self { schemas: [LIST_RESPONSE_URN], total_results, start_index, items_per_page, resources }
    }

    /// A list that is always shown as a whole: schemas and kinds of resources.
    #[must_use]
    pub fn whole(resources: Vec<T>) -> Self {
        let total = u64::try_from(resources.len()).unwrap_or(u64::MAX);
        Self::new(resources, total, Paging { start_index: 1, count: u32::MAX })
    }
}

/// The body of `POST /.search` (RFC 7644 3.4.3): the parameters of a list. They are read as those are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchRequest {
    /// For [`Projection::read`](super::Projection::read).
    pub attributes: Option<String>,
    /// For [`Projection::read`](super::Projection::read).
    pub excluded_attributes: Option<String>,
    /// A [`Filter`](super::Filter).
    pub filter: Option<String>,
    /// For [`Sort::read`](super::Sort::read).
    pub sort_by: Option<String>,
    /// For [`Sort::read`](super::Sort::read).
    pub sort_order: Option<String>,
    /// For [`Paging::new`].
    pub start_index: Option<i64>,
    /// For [`Paging::new`].
    pub count: Option<i64>,
}

impl SearchRequest {
    /// Reads a body. Keys are read without regard to letter case; unknown ones are ignored. Lists of attributes may be texts
    /// with commas.
    ///
    /// # Errors
    ///
    /// [`ScimType::InvalidSyntax`] for a body that is no object, and for values of another type.
    pub fn read(body: &Value) -> Result<Self, ScimError> {
        let fields = body.as_object().ok_or_else(|| ScimError::syntax("the body must be a JSON object"))?;
        Ok(Self {
            attributes: list(fields, "attributes")?,
            excluded_attributes: list(fields, "excludedAttributes")?,
            filter: text(fields, "filter")?,
            sort_by: text(fields, "sortBy")?,
            sort_order: text(fields, "sortOrder")?,
            start_index: number(fields, "startIndex")?,
            count: number(fields, "count")?,
        })
    }
}

fn given<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Value>, ScimError> {
    Ok(field(fields, name)?.filter(|value| !value.is_null()))
}

pub(super) fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, ScimError> {
    let Some(value) = given(fields, name)? else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| ScimError::syntax(format!("{name}: must be text")))?;
    Ok(Some(text.to_owned()))
}

pub(super) fn number(fields: &Map<String, Value>, name: &str) -> Result<Option<i64>, ScimError> {
    let Some(value) = given(fields, name)? else { return Ok(None) };
    value.as_i64().map(Some).ok_or_else(|| ScimError::syntax(format!("{name}: must be a whole number")))
}

fn list(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, ScimError> {
    let Some(value) = given(fields, name)? else { return Ok(None) };
    let joined = match value.as_array() {
        None => value.as_str().map(str::to_owned),
        Some(names) => names.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|names| names.join(",")),
    };
    joined.map(Some).ok_or_else(|| ScimError::syntax(format!("{name}: must be a list of texts")))
}
