//! Permissions of roles, as people write them: `template:read`, and `!workspace:delete` for what is denied, as built-in roles do.

use crate::failure::usage;
use crate::words::{shown, text};
use serde_json::{Value, json};

/// Reads a permission, as the API has it.
pub(crate) fn parse(written: &str) -> anyhow::Result<Value> {
    let (negate, rest) = written.strip_prefix('!').map_or((false, written), |rest| (true, rest));
    match rest.split_once(':') {
        Some((resource, action)) if !resource.is_empty() && !action.is_empty() && !action.contains(':') => {
            Ok(json!({ "negate": negate, "resource_type": resource, "action": action }))
        }
        _ => Err(usage(format!("`{}` is no permission, such as `template:read`", shown(written)))),
    }
}

/// Writes a permission of the API.
pub(crate) fn write(permission: &Value) -> String {
    let negate = permission.get("negate").and_then(Value::as_bool).unwrap_or(false);
    format!("{}{}:{}", if negate { "!" } else { "" }, text(permission, "resource_type"), text(permission, "action"))
}

/// Writes all permissions that stand in a member.
pub(crate) fn write_all(role: &Value, member: &str) -> Vec<String> {
    let list = role.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for written in ["template:read", "!workspace:delete", "*:*"] {
            assert_eq!(write(&parse(written).unwrap()), written);
        }
        for written in ["", "template", ":read", "template:", "a:b:c", "!"] {
            assert!(parse(written).is_err(), "{written}");
        }
    }
}
