//! In the storage crate nothing is changed where the permit and those who remember subjects are not asked for: `run` is for reading.

use super::Finding;
use super::text::TrackedFile;

/// Where repositories are implemented.
const QUERIES: &str = "crates/adapters/storage/src/queries/";
/// How a call that only reads begins.
const READING: &str = "self.run(";
/// What changes something, or may.
const CHANGING: [&str; 7] =
    ["insert_into(", "diesel::update(", "diesel::delete(", ".execute(", "INSERT INTO", "UPDATE ", "DELETE FROM"];

pub(super) fn check(files: &[TrackedFile]) -> Vec<Finding> {
    let queries = files.iter().filter(|file| file.path.starts_with(QUERIES));
    queries.flat_map(|file| changes_in(&file.text).map(|line| found(file, line))).collect()
}

fn found(file: &TrackedFile, line: usize) -> Finding {
    Finding {
        place: format!("{}:{line}", file.path),
        what: "something is changed within `run`: use `write`, which asks for a permit and for what it touches"
            .to_owned(),
    }
}

/// The lines of calls that read, and change something.
fn changes_in(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices(READING).filter_map(move |(at, _)| {
        let call = arguments(text.get(at + READING.len()..)?);
        let is_changing = CHANGING.iter().any(|word| call.contains(word));
        is_changing.then(|| text.get(..at).unwrap_or_default().matches('\n').count() + 1)
    })
}

/// The text up to the parenthesis that ends the arguments.
fn arguments(rest: &str) -> &str {
    let mut depth = 1_usize;
    for (at, c) in rest.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return rest.get(..at).unwrap_or_default();
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_reads_changes_nothing() {
        let told = |path: &str, text: &str| {
            let file = TrackedFile { path: path.to_owned(), text: text.to_owned() };
            check(&[file]).into_iter().map(|finding| finding.place).collect::<Vec<_>>()
        };
        let path = "crates/adapters/storage/src/queries/users.rs";
        let writing =
            "fn f() {\n    self.run(|conn| {\n        diesel::insert_into(x).values((a, b)).execute(conn)?;\n    })\n}";
        assert_eq!(told(path, writing), [format!("{path}:2")]);
        assert_eq!(told(path, &writing.replace("self.run(", "self.write(permit, about, touches, ")), [""; 0]);
        assert_eq!(told("crates/adapters/storage/src/unit_of_work.rs", writing), [""; 0]);
        let reading = "self.run(|conn| x.get_result(conn))\nself.write(|conn| diesel::delete(x).execute(conn))";
        assert_eq!(told(path, reading), [""; 0]);
        assert_eq!(told(path, "self.run(|conn| sql_query(\"DELETE FROM x\").load(conn))"), [format!("{path}:1")]);
    }
}
