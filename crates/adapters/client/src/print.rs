//! Printing: tables for people, JSON for programs.

use crate::failure::usage;
use crate::options::{Format, Output};
use crate::words::{shown, shown_json};
use anyhow::Context as _;
use serde_json::Value;
use std::io::{self, Write as _};
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr as _;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// Whether it is there when no columns are asked for.
    pub(crate) usual: bool,
    pub(crate) of: fn(&Value) -> String,
}

/// A column that is always there.
pub(crate) const fn usual(name: &'static str, of: fn(&Value) -> String) -> Column {
    Column { name, usual: true, of }
}

/// A column that is there when it is asked for.
pub(crate) const fn further(name: &'static str, of: fn(&Value) -> String) -> Column {
    Column { name, usual: false, of }
}

/// Whether what was written has been taken. A reader that went away is no error worth a word.
pub(crate) fn taken(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true),
    }
}

/// Prints a text.
pub(crate) fn print(text: &str) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    taken(written).map(|_| ExitCode::SUCCESS).context("cannot write to standard output")
}

/// Prints JSON, in which nothing moves the cursor of a terminal.
pub(crate) fn print_json(value: &Value) -> anyhow::Result<ExitCode> {
    let text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    print(&(shown_json(&text).into_owned() + "\n"))
}

/// Says what was done, or prints what the server says of it.
pub(crate) fn print_done(output: &Output, words: &str, value: &Value) -> anyhow::Result<ExitCode> {
    match output.format {
        Format::Json => print_json(value),
        Format::Table => print(&format!("{}\n", shown(words))),
    }
}

/// Prints a list.
pub(crate) fn print_list(output: &Output, columns: &[Column], rows: &[Value]) -> anyhow::Result<ExitCode> {
    let chosen = choose(output, columns)?;
    match output.format {
        Format::Json => print_json(&Value::Array(rows.to_vec())),
        Format::Table => print(&table(&chosen, rows, !output.no_header)),
    }
}

/// Prints one thing: a line for each column.
pub(crate) fn print_one(output: &Output, columns: &[Column], row: &Value) -> anyhow::Result<ExitCode> {
    let chosen = if output.columns.is_empty() { columns.to_vec() } else { choose(output, columns)? };
    if output.format == Format::Json {
        return print_json(row);
    }
    let width = chosen.iter().map(|column| column.name.len()).max().unwrap_or(0);
    let line = |column: &Column| {
        let value = (column.of)(row);
        let value = shown(&value);
        if output.no_header {
            format!("{value}\n")
        } else {
            format!("{:width$}  {value}", column.name).trim_end().to_owned() + "\n"
        }
    };
    print(&chosen.iter().map(line).collect::<String>())
}

fn choose(output: &Output, columns: &[Column]) -> anyhow::Result<Vec<Column>> {
    if output.columns.is_empty() {
        return Ok(columns.iter().filter(|column| column.usual).copied().collect());
    }
    let find = |name: &String| {
        columns.iter().find(|column| column.name.eq_ignore_ascii_case(name.trim())).copied().ok_or_else(|| {
            let known: Vec<&str> = columns.iter().map(|column| column.name).collect();
            usage(format!("there is no column `{}`; there are {}", shown(name), known.join(", ")))
        })
    };
    output.columns.iter().map(find).collect()
}

/// Columns as wide as what is in them, two blanks apart; the last one is not filled up.
fn table(columns: &[Column], rows: &[Value], with_header: bool) -> String {
    let header = with_header.then(|| columns.iter().map(|column| column.name.to_uppercase()).collect());
    let cells = |row: &Value| columns.iter().map(|column| shown(&(column.of)(row)).into_owned()).collect();
    let lines: Vec<Vec<String>> = header.into_iter().chain(rows.iter().map(cells)).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.width()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for line in &lines {
        let start = out.len();
        for (cell, width) in line.iter().zip(&widths) {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
        let end = out.get(start..).map_or(start, |text| start + text.trim_end().len());
        out.truncate(end);
        out.push('\n');
    }
    out
}

/// A moment of the API, to the second; what never was, or never ends, is "never".
pub(crate) fn moment(value: &Value, member: &str) -> String {
    let text = crate::words::text(value, member);
    if text.is_empty() || text.starts_with("0001-01-01T00:00:00") {
        return "never".to_owned();
    }
    match text.split_once('.') {
        Some((seconds, _)) if text.ends_with('Z') => format!("{seconds}Z"),
        _ => text.to_owned(),
    }
}

/// Any member, as a text.
pub(crate) fn plain(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The names of roles that stand in a member.
pub(crate) fn names(value: &Value, member: &str) -> String {
    let list = value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|one| crate::words::text(one, "name")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: [Column; 3] = [
        usual("name", |row| plain(row, "name")),
        usual("size", |row| plain(row, "size")),
        further("id", |row| plain(row, "id")),
    ];

    fn output(columns: &[&str]) -> Output {
        Output { columns: columns.iter().map(|&name| name.to_owned()).collect(), ..Output::default() }
    }

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [json!({"name": "日本", "size": 1}), json!({"name": "a\nb", "size": null}), json!({})];
        let chosen = choose(&output(&[]), &COLUMNS).unwrap();
        assert_eq!(table(&chosen, &rows, true), "NAME     SIZE\n日本     1\na\\u{a}b\n\n");
        assert_eq!(table(&chosen, &[], false), "");
    }

    #[test]
    fn columns_are_chosen_by_name() {
        let chosen = choose(&output(&["ID", "name"]), &COLUMNS).unwrap();
        assert_eq!(chosen.iter().map(|column| column.name).collect::<Vec<_>>(), ["id", "name"]);
        let error = choose(&output(&["x"]), &COLUMNS).unwrap_err();
        assert!(error.to_string().contains("name, size, id"), "{error}");
    }

    #[test]
    fn moments_are_told_to_the_second() {
        let value =
            json!({"a": "2026-04-01T10:00:00.123456Z", "b": "0001-01-01T00:00:00Z", "c": "2026-04-01T10:00:00Z"});
        let told = ["a", "b", "c", "d"].map(|member| moment(&value, member));
        assert_eq!(told, ["2026-04-01T10:00:00Z", "never", "2026-04-01T10:00:00Z", "never"]);
    }
}
