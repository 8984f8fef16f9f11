//! Rules about the text of tracked files.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::Finding;
use crate::command::output;
use crate::workspace::Workspace;

/// A file longer than this is hard to read in one sitting.
const LONG: usize = 450;

/// Hosts of package registries, taken apart so that this file does not name them.
const REGISTRIES: [&[&str]; 6] = [
    &["crates", "io"],
    &["pypi", "org"],
    &["pythonhosted", "org"],
    &["registry", "npmjs", "org"],
    &["deb", "debian", "org"],
    &["proxy", "golang", "org"],
];

/// How an SQL statement in a string literal begins.
const SQL: [&str; 8] = [
    "\"SELECT ",
    "\"INSERT INTO ",
    "\"UPDATE ",
    "\"DELETE FROM ",
    "\"CREATE TABLE ",
    "\"ALTER TABLE ",
    "\"WITH ",
    "sql_query(",
];

#[derive(Clone, Debug)]
pub(super) struct TrackedFile {
    /// Relative to the workspace, with slashes.
    pub(super) path: String,
    pub(super) text: String,
}

/// Every tracked file. One that is no text, such as a picture, is there without any.
pub(super) fn tracked_files(workspace: &Workspace) -> anyhow::Result<Vec<TrackedFile>> {
    let list = output(Command::new("git").args(["ls-files", "-z"]).current_dir(workspace.root()))?;
    let read = |path: &str| {
        let bytes = fs::read(workspace.root().join(path)).ok()?;
        Some(TrackedFile { path: path.to_owned(), text: String::from_utf8(bytes).unwrap_or_default() })
    };
    Ok(list.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect())
}

pub(super) fn check(workspace: &Workspace, files: &[TrackedFile]) -> Vec<Finding> {
    let machine = machine_paths(workspace.root());
    let mut findings = Vec::new();
    for file in files {
        let sql_here = may_hold_sql(&file.path);
        for (number, line) in (1..).zip(file.text.lines()) {
            let mut found = |what: String| findings.push(Finding { place: format!("{}:{number}", file.path), what });
            if !is_lock_file(&file.path) {
                if let Some(host) = registry_in(line) {
                    found(format!("names the package registry {host}"));
                }
                if let Some(path) = machine.iter().find(|path| holds_path(line, path)) {
                    found(format!("holds {path}, a path of this machine"));
                }
            }
            if !sql_here && SQL.iter().any(|start| line.contains(start)) {
                found("SQL stands in the storage crate only".to_owned());
            }
        }
    }
    findings
}

/// A hint about the length of a source file.
pub(super) fn too_long(file: &TrackedFile) -> Option<String> {
    let lines = file.text.lines().count();
    let source = has_extension(&file.path, "rs") || has_extension(&file.path, "py");
    (source && lines > LONG).then(|| format!("{} has {lines} lines; split it by meaning", file.path))
}

fn may_hold_sql(path: &str) -> bool {
    let rust = has_extension(path, "rs");
    let elsewhere = ["crates/adapters/storage/", "crates/testkit/", "crates/xtask/"];
    !rust || path.contains("/tests/") || elsewhere.iter().any(|folder| path.starts_with(folder))
}

fn is_lock_file(path: &str) -> bool {
    has_extension(path, "lock") || path.ends_with("package-lock.json")
}

pub(super) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn registry_in(line: &str) -> Option<String> {
    REGISTRIES.iter().map(|parts| parts.join(".")).find(|host| line.contains(host.as_str()))
}

/// Folders that only exist here: the workspace, the folder it stands in, the home folder.
fn machine_paths(root: &Path) -> Vec<String> {
    let home = env::var_os("HOME").map(Into::into);
    let folders = [Some(root.to_path_buf()), root.parent().map(Path::to_path_buf), home];
    let everywhere =
        ["", "/", "/home", "/mnt", "/opt", "/srv", "/tmp", "/usr/src", "/var/tmp", "/build", "/src", "/app"];
    let folders = folders.into_iter().flatten().map(|folder| folder.to_string_lossy().into_owned());
    folders.filter(|folder| !everywhere.contains(&folder.as_str())).map(|folder| format!("{folder}/")).collect()
}

/// Whether the path stands in the line as a whole path, not as the end of a longer one.
fn holds_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "-_.}*/~".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::{holds_path, may_hold_sql, registry_in};

    #[test]
    fn a_path_is_found_only_as_a_whole() {
        assert!(holds_path("cd /srv1/clone", "/srv1/"));
        assert!(holds_path("\"/srv1/x\"", "/srv1/"));
        assert!(!holds_path("https://h.example/srv1/x", "/srv1/"));
        assert!(!holds_path("{base}/srv1/x", "/srv1/"));
    }

    #[test]
    fn registries_are_found() {
        let url = format!("https://index.{}.{}/", "crates", "io");
        assert!(registry_in(&url).is_some());
        assert!(registry_in("https://docs.example/io").is_none());
    }

    #[test]
    fn sql_stands_in_storage_and_tests() {
        assert!(may_hold_sql("crates/adapters/storage/src/postgres.rs"));
        assert!(may_hold_sql("crates/app/tests/outage.rs"));
        assert!(may_hold_sql("migrations/sqlite/1/up.sql"));
        assert!(!may_hold_sql("crates/services/src/groups.rs"));
    }
}
