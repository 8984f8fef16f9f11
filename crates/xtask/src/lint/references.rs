//! What comments and documents refer to must be there.
//!
//! A page is named by its path (`docs/security.md`, relative to the workspace or to the file) or, if it stands in
//! `docs/spec`, by its name alone. A number behind such a page is a section of it: `identity.md` 3.1.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::text::{TrackedFile, has_extension};

/// Pages that are referred to by name and section.
const SPEC: &str = "docs/spec/";

pub(super) fn check(files: &[TrackedFile]) -> Vec<Finding> {
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let pages = files.iter().filter(|file| file.path.starts_with(SPEC));
    let sections: BTreeMap<&str, BTreeSet<&str>> =
        pages.map(|file| (file.path.as_str(), sections(&file.text))).collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_read(&file.path)) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let mut found = |what: String| findings.push(Finding { place: format!("{}:{number}", file.path), what });
            for Reference { page, section } in references(line) {
                let Some(path) = resolve(&file.path, page, &paths) else {
                    found(format!("refers to {page}, which is not there"));
                    continue;
                };
                let known = sections.get(path.as_str());
                if let (Some(section), Some(known)) = (section, known)
                    && !known.contains(section)
                {
                    found(format!("refers to section {section} of {path}, which is not there"));
                }
            }
            if has_extension(&file.path, "md") {
                for link in links(line) {
                    if !exists(&beside(&file.path, link), &paths) {
                        found(format!("links to {link}, which is not there"));
                    }
                }
            }
        }
    }
    findings
}

/// Files in which people write.
fn is_read(path: &str) -> bool {
    let kinds = ["rs", "md", "toml", "py", "sql", "sh", "html", "css"];
    kinds.iter().any(|kind| has_extension(path, kind)) && path != "crates/xtask/src/lint/references.rs"
}

/// A page that is named, and the first section behind it.
#[derive(Debug, Eq, PartialEq)]
struct Reference<'a> {
    page: &'a str,
    section: Option<&'a str>,
}

/// The pages that a line names.
fn references(line: &str) -> Vec<Reference<'_>> {
    let ends = line.match_indices(".md").map(|(at, end)| at + end.len());
    let named = ends.filter_map(|end| {
        let (before, after) = line.split_at_checked(end)?;
        if after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let begin = before.rfind(|c: char| !c.is_ascii_alphanumeric() && !"._-/".contains(c)).map_or(0, |at| at + 1);
        let page = before.get(begin..)?;
        let is_path = page.len() > ".md".len() && !page.starts_with('/');
        is_path.then(|| Reference { page, section: section(after) })
    });
    named.collect()
}

/// The number that stands behind a page: `` ` 3.1`` or ` 3.1`.
fn section(after: &str) -> Option<&str> {
    let after = after.strip_prefix('`').unwrap_or(after).strip_prefix(' ')?;
    let end = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
    let number = after.get(..end)?.trim_end_matches('.');
    (!number.is_empty() && number.starts_with(|c: char| c.is_ascii_digit())).then_some(number)
}

/// The numbers of the headings of a page.
fn sections(text: &str) -> BTreeSet<&str> {
    let headings = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let numbers = headings.filter_map(|heading| heading.split(' ').next()).map(|word| word.trim_end_matches('.'));
    numbers.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).collect()
}

/// Where the links of a line of a document lead, those within the workspace.
fn links(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The tracked file that is meant.
fn resolve(from: &str, page: &str, paths: &BTreeSet<&str>) -> Option<String> {
    let crate_root = from.split("/src/").next().filter(|root| root.len() < from.len());
    let candidates = [
        Some(beside(from, page)),
        Some(page.to_owned()),
        Some(format!("docs/{page}")),
        Some(format!("{SPEC}{page}")),
        crate_root.map(|root| format!("{root}/{page}")),
    ];
    candidates.into_iter().flatten().find(|path| paths.contains(path.as_str()))
}

fn exists(path: &str, paths: &BTreeSet<&str>) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    paths.contains(path) || paths.iter().any(|known| known.starts_with(&folder))
}

/// A path as seen from the folder of a file.
fn beside(from: &str, path: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TrackedFile {
        TrackedFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_page_is_found_with_its_section() {
        let found =
            references("//! Users (`identity.md` 3.1 and more), see docs/x.md. Not a.mdx nor https://h.example/b.md");
        let expected = [("identity.md", Some("3.1")), ("docs/x.md", None)];
        assert_eq!(found.iter().map(|r| (r.page, r.section)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_not_there_is_told() {
        let files = [
            file("docs/spec/identity.md", "# Identity\n## 3. Users\n### 3.1 Lists\n"),
            file(
                "docs/adr/0001-x.md",
                "See [users](../spec/identity.md#users), [code](../../crates), [lost](gone.png).\n",
            ),
            file(
                "crates/a/src/lib.rs",
                "//! `identity.md` 3.1, `identity.md` 3.2, `rbac.md` 1, and `identity.md` 3.\n",
            ),
        ];
        let findings: Vec<String> = check(&files).iter().map(ToString::to_string).collect();
        assert_eq!(
            findings,
            [
                "docs/adr/0001-x.md:1: links to gone.png, which is not there",
                "crates/a/src/lib.rs:1: refers to section 3.2 of docs/spec/identity.md, which is not there",
                "crates/a/src/lib.rs:1: refers to rbac.md, which is not there",
            ]
        );
    }
}
