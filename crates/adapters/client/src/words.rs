//! Texts of servers on a terminal, and texts of our own.

use anyhow::Context as _;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;

/// A text that a server or a file has, as it may stand on a terminal: what would move the cursor, change colours or turn the direction of
/// writing is written out.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) {
            // Writing to a text cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters, and marks of direction that reach beyond their own text.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A number of things: "1 user", "3 users".
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A member of an object that is a text; empty where there is none.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A member that every answer of the kind has. One without it is no answer.
pub(crate) fn needed<'a>(value: &'a Value, member: &str) -> anyhow::Result<&'a str> {
    let found = Some(text(value, member)).filter(|text| !text.is_empty());
    found.with_context(|| format!("the server answers without `{member}`, as no Doorward does"))
}

/// The texts of a list, as they stand in a member.
pub(crate) fn texts(value: &Value, member: &str) -> Vec<String> {
    let list = value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The rows of a list that stands in a member.
pub(crate) fn rows(value: &Value, member: &str) -> Vec<Value> {
    value.get(member).and_then(Value::as_array).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_server_moves_the_cursor() {
        assert_eq!(shown("Ann Example"), "Ann Example");
        assert_eq!(shown("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(shown("safe\u{202e}gpj.exe"), "safe\\u{202e}gpj.exe");
        assert_eq!(shown("عربى"), "عربى");
    }

    #[test]
    fn one_is_one() {
        assert_eq!((count(1, "user"), count(0, "user")), ("1 user".to_owned(), "0 users".to_owned()));
    }
}
