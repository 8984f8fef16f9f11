//! Migrations: of two with one version the database gets only one, and both databases have the same.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::text::TrackedFile;

/// Where the migrations of a database are.
const FOLDERS: [&str; 2] = ["migrations/postgres/", "migrations/sqlite/"];

/// Names every version that two migrations have, and every migration that only one of the databases has.
pub(super) fn check(files: &[TrackedFile]) -> Vec<Finding> {
    let names = FOLDERS.map(|folder| names(files, folder));
    let mut findings = Vec::new();
    for (folder, names) in FOLDERS.into_iter().zip(&names) {
        let mut versions: BTreeMap<String, &str> = BTreeMap::new();
        for name in names {
            if let Some(other) = versions.insert(version(name), name) {
                let what = format!("has the version of `{other}`, so that only one of them is run");
                findings.push(Finding { place: format!("{folder}{name}"), what });
            }
        }
    }
    let [postgres, sqlite] = &names;
    for name in postgres.symmetric_difference(sqlite) {
        findings
            .push(Finding { place: format!("migrations/*/{name}"), what: "is there for one database only".to_owned() });
    }
    findings
}

fn names<'a>(files: &'a [TrackedFile], folder: &str) -> BTreeSet<&'a str> {
    let below = files.iter().filter_map(|file| file.path.strip_prefix(folder));
    below.filter_map(|rest| rest.split_once('/')).map(|(name, _file)| name).collect()
}

/// What the migration is known by: all before the first underscore, without hyphens.
fn version(name: &str) -> String {
    name.split('_').next().unwrap_or(name).replace('-', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&str]) -> Vec<String> {
        let file = |path: &&str| TrackedFile { path: (*path).to_owned(), text: String::new() };
        let files: Vec<TrackedFile> = paths.iter().map(file).collect();
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_version_is_there_once_and_for_both_databases() {
        let fine = ["migrations/postgres/2026-01-01-000001_a/up.sql", "migrations/sqlite/2026-01-01-000001_a/up.sql"];
        assert_eq!(found(&fine), [""; 0]);
        assert_eq!(found(&fine[..1]), ["migrations/*/2026-01-01-000001_a: is there for one database only"]);
        let again = ["migrations/postgres/2026-01-01-000001_b/up.sql", "migrations/sqlite/2026-01-01-000001_b/up.sql"];
        let twice = found(&[fine, again].concat());
        assert_eq!(twice.len(), 2);
        assert!(twice[0].contains("has the version of `2026-01-01-000001_a`"), "{twice:?}");
    }
}
