//! Texts of servers on a terminal, and texts of our own.

use anyhow::Context as _;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

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

/// The same of a text of several lines, which stay.
pub(crate) fn shown_lines(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return shown(text);
    }
    Cow::Owned(text.split('\n').map(shown).collect::<Vec<_>>().join("\n"))
}

/// JSON that says the same, of which no text moves the cursor: what would is escaped (RFC 8259 7). What divides lines stays.
pub(crate) fn shown_json(json: &str) -> Cow<'_, str> {
    let is_hidden = |c: char| c != '\n' && is_hidden(c);
    if !json.chars().any(is_hidden) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a text cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Writes text to a terminal, as [`shown_json`] does. The text may come in pieces that end anywhere.
pub(crate) struct Terminal<W> {
    out: W,
    /// The beginning of a character.
    rest: Vec<u8>,
}

impl<W: io::Write> Terminal<W> {
    pub(crate) const fn new(out: W) -> Self {
        Self { out, rest: Vec::new() }
    }

    /// Writes what is whole, and in the end all of it.
    fn pass(&mut self, at_the_end: bool) -> io::Result<()> {
        let taken = std::mem::take(&mut self.rest);
        let mut chunks = taken.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            let is_last = chunks.peek().is_none() && !at_the_end;
            // Of an end of line nothing but that is heard; half of one waits for the rest.
            let half = chunk.valid().strip_suffix('\r').filter(|_| is_last && chunk.invalid().is_empty());
            let text = half.unwrap_or(chunk.valid()).replace("\r\n", "\n");
            self.out.write_all(shown_json(&text).as_bytes())?;
            if half.is_some() {
                self.rest.push(b'\r');
            } else if is_last {
                self.rest = chunk.invalid().to_vec();
            } else if !chunk.invalid().is_empty() {
                self.out.write_all("\u{fffd}".as_bytes())?;
            }
        }
        Ok(())
    }
}

impl<W: io::Write> io::Write for Terminal<W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(part);
        self.pass(false)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(true)?;
        self.out.flush()
    }
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
    fn lines_of_a_text_stay() {
        assert_eq!(shown_lines("a\u{1b}\nb\u{9b}2J\n"), "a\\u{1b}\nb\\u{9b}2J\n");
        assert_eq!(shown_lines("a\u{1b}b"), "a\\u{1b}b");
    }

    #[test]
    fn json_that_is_shown_says_the_same() {
        let text = "a\u{9b}2J\u{202e}b\u{7f}\u{2028}\u{e0041}\n\u{1b}عربى\u{1f600}";
        let json = serde_json::to_string_pretty(&serde_json::json!({ "x": text })).unwrap();
        let told = shown_json(&json);
        assert!(told.contains("\\u009b2J\\u202eb") && told.contains("عربى\u{1f600}"), "{told}");
        assert!(!told.chars().any(|c| c != '\n' && is_hidden(c)), "{told}");
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["x"], text);
    }

    #[test]
    fn a_terminal_is_told_the_same_whatever_the_pieces() {
        let mut text = "{\"a\":\"ä\u{9b}2J\u{202e}日\u{1f600}\"}\n".as_bytes().to_vec();
        text.extend(*b"\xff\x9b2J\r\nx\ry\r\xe6\x97");
        for size in 1..text.len() {
            let mut terminal = Terminal::new(Vec::new());
            for piece in text.chunks(size) {
                io::Write::write_all(&mut terminal, piece).unwrap();
            }
            io::Write::flush(&mut terminal).unwrap();
            let told = String::from_utf8(terminal.out).unwrap();
            assert_eq!(
                told, "{\"a\":\"ä\\u009b2J\\u202e日\u{1f600}\"}\n\u{fffd}\u{fffd}2J\nx\\u000dy\\u000d\u{fffd}",
                "in pieces of {size}"
            );
        }
    }

    #[test]
    fn one_is_one() {
        assert_eq!((count(1, "user"), count(0, "user")), ("1 user".to_owned(), "0 users".to_owned()));
    }
}
