//! Values of attributes, and how much there may be of them.

use serde_json::Value;

/// Most characters of one text.
pub const ATTRIBUTE_TEXT_MAX: usize = 2048;
/// Most values of an attribute, but for members of a group.
pub const VALUES_MAX: usize = 100;
/// Most members in one request.
pub const MEMBERS_MAX: usize = 50_000;
/// Whether a value is one (RFC 7643 2.5): not `null`, empty text, or a list or object without values.
pub(super) fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(has_value),
        Value::Object(fields) => fields.values().any(has_value),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// The primary value of a list, or else its first; any other value itself.
pub(super) fn preferred(value: &Value) -> Option<&Value> {
    let Some(values) = value.as_array() else { return Some(value) };
    values.iter().find(|value| is_primary(value)).or_else(|| values.first())
}

/// Whether a value says of itself that it is the preferred one.
pub(super) fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}
