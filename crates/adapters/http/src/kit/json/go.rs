//! JSON as Go writes it: compact, one newline at the end, nothing in it that HTML could take for markup.

use serde::Serialize;
use serde_json::ser::Formatter;
use std::io;

/// The JSON text of a value, as answers carry it.
pub(crate) fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut body = Vec::with_capacity(256);
    append(&mut body, value)?;
    body.push(b'\n');
    Ok(body)
}

/// Writes a value behind what is there, without a newline: for answers that are too long to be one value.
pub(crate) fn append<T: Serialize + ?Sized>(body: &mut Vec<u8>, value: &T) -> Result<(), serde_json::Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(body, GoFormatter))
}

struct GoFormatter;

/// The first byte of U+2028 and U+2029 in UTF-8, and of some thousand other characters. It begins a character wherever it stands.
const LINE_SEPARATORS: u8 = 0xE2;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        // By bytes, because nearly no fragment has any of them: `str::find` would decode every character.
        while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'<' | b'>' | b'&' | LINE_SEPARATORS)) {
            let (before, found) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = found.chars();
            match chars.next() {
                Some(c @ ('<' | '>' | '&' | '\u{2028}' | '\u{2029}')) => write!(writer, "\\u{:04x}", u32::from(c))?,
                Some(other) => writer.write_all(other.encode_utf8(&mut [0; 4]).as_bytes())?,
                None => {}
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        let text = String::from_utf8(to_bytes(&["a<b>&\u{2028}\u{2029}é€\"\\\n", "", "€"]).unwrap()).unwrap();
        assert_eq!(text, "[\"a\\u003cb\\u003e\\u0026\\u2028\\u2029é€\\\"\\\\\\n\",\"\",\"€\"]\n");
    }
}
