//! Members of groups.

use serde::Serialize;
use serde_json::Value;

/// A member of a group (RFC 7643 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its id.
    pub value: String,
    /// What it is: `User`. `None` if it was not said; then it is a `User` too, for groups have no other members.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name. What callers send for it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

impl Member {
    /// The member that a value of `members` names; `None` without an id.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { value: text("value")?, kind: text("type"), display: text("display") })
    }
}
