//! Bodies of requests as JSON.

use super::error::{ScimError, ScimType};
use crate::json::{Rules, parse_strictly};
use serde_json::Value;

/// As deep as the JSON of most programs.
const DEPTH_MAX: usize = 127;

/// Reads the body of a request. A member that stands twice in an object is an error, as one is that stands there in different letter
/// case: names of attributes are the same then (RFC 7643 2.1), and nobody knows which one is meant.
///
/// # Errors
///
/// [`ScimType::InvalidSyntax`].
///
/// ```
/// use doorward_domain::scim::read_document;
/// assert_eq!(read_document(br#"{"userName": "ann"}"#)?["userName"], "ann");
/// assert!(read_document(br#"{"userName": "ann", "userName": "bob"}"#).is_err());
/// # Ok::<(), doorward_domain::scim::ScimError>(())
/// ```
pub fn read_document(body: &[u8]) -> Result<Value, ScimError> {
    // The attribute that has a NUL is named by who reads it.
    let rules = Rules { depth_max: DEPTH_MAX, may_have_nul: true };
    let told = |error| ScimError::new(ScimType::InvalidSyntax, format!("the body must be a JSON document: {error}"));
    parse_strictly(body, rules).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_stands_twice_is_refused_wherever_it_is() {
        for body in [
            r#"{"userName":"a","userName":"a"}"#,
            r#"{"emails":[{"value":"a","valu\u0065":"b"}]}"#,
            r#"{"Operations":[{"op":"add","path":"title","value":1,"value":2}]}"#,
            r#"{"Operations":[{"data":{"name":{"givenName":"a","givenName":"b"}}}]}"#,
        ] {
            let error = read_document(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind, ScimType::InvalidSyntax, "{body}");
            assert!(error.detail.contains("twice") && error.detail.contains("line 1"), "{error}");
        }
        assert!(read_document(br#"{"emails":[{"value":"a"},{"value":"a"}],"name":{"value":1},"value":2}"#).is_ok());
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = "[".repeat(100_000);
        for body in ["", "{", "{} {}", "nope", "{\"a\":1e999}", &deep] {
            assert_eq!(read_document(body.as_bytes()).unwrap_err().kind, ScimType::InvalidSyntax, "{body:.9}");
        }
        assert_eq!(
            read_document(br#"{"a":"\u0000"}"#).unwrap()["a"],
            "\0",
            "another place refuses it, and names the attribute"
        );
    }
}
