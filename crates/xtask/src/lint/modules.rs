//! The floors within the http adapter: the kit knows neither conventions nor rooms, conventions know no room, and no two
//! modules import each other, not even by way of others. In no crate do two files. Tests may import what they like.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::text::TrackedFile;

/// Where the modules are.
const SOURCES: &str = "crates/adapters/http/src/";
/// Files that stand and fall together, so that they may import each other, and no third file in a circle with them: a context holds the
/// door whose file gives it its methods, and the list of repositories makes the mocks.
const TOGETHER: [(&str, &str); 2] = [("context", "deed"), ("mocks", "repositories")];
/// Modules that wire the others.
const WIRING: [&str; 3] = ["lib", "routes", "server"];
/// Folders whose files are modules of their own. A room is one module, however many files it has.
const FOLDERS: [&str; 2] = ["kit", "conventions"];

/// Where a module stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Floor {
    Kit,
    Conventions,
    Rooms,
    Wiring,
}

impl Floor {
    fn of(module: &str) -> Self {
        match module.split("::").next().unwrap_or_default() {
            "kit" => Self::Kit,
            "conventions" => Self::Conventions,
            first if WIRING.contains(&first) => Self::Wiring,
            _ => Self::Rooms,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kit => "the kit",
            Self::Conventions => "a convention",
            Self::Rooms => "a room",
            Self::Wiring => "the wiring",
        }
    }
}

/// Which modules a module imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

pub(super) fn check(files: &[TrackedFile]) -> Vec<Finding> {
    let mut findings = floors(files);
    findings.extend(crates(files).into_iter().filter_map(|sources| circle_of_files(sources, files)));
    findings
}

/// Where the code of each crate is.
fn crates(files: &[TrackedFile]) -> BTreeSet<&str> {
    let sources = |path: &'_ str| path.starts_with("crates/").then(|| path.find("/src/").map(|at| at + "/src/".len()));
    files.iter().filter_map(|file| file.path.get(..sources(&file.path)??)).collect()
}

/// A circle of files below `sources`, if there is one.
fn circle_of_files(sources: &str, files: &[TrackedFile]) -> Option<Finding> {
    let sources_of: Vec<(Vec<&str>, &TrackedFile)> =
        files.iter().filter_map(|file| Some((segments(sources, &file.path)?, file))).collect();
    let modules: BTreeSet<String> = sources_of.iter().map(|(segments, _)| segments.join("::")).collect();
    let mut imports = Imports::new();
    for (segments, file) in &sources_of {
        let module = segments.join("::");
        for path in paths(&code(&file.text), segments) {
            // The file that the longest part of the path names.
            let imported = (1..=path.len()).rev().map(|n| path.get(..n).unwrap_or_default().join("::"));
            let Some(imported) = imported.into_iter().find(|name| modules.contains(name)) else { continue };
            // A file and those below it are one module to others.
            if imported != module && !module.starts_with(&format!("{imported}::")) {
                imports.entry(module.clone()).or_default().insert(imported);
            }
        }
    }
    let knots = knots(&imports);
    let knot = knots.iter().find(|knot| !TOGETHER.iter().any(|pair| **knot == BTreeSet::from([pair.0, pair.1])))?;
    // Without what may be, for there may be a circle beside it.
    let mut others = imports.clone();
    others.retain(|module, _| knot.contains(module.as_str()));
    for (one, other) in TOGETHER {
        if let Some(imported) = others.get_mut(other) {
            imported.remove(one);
        }
    }
    let circle = circle(&others).unwrap_or_else(|| knot.iter().copied().collect());
    let what = format!("files import each other in a circle: {}", circle.join(" -> "));
    Some(Finding { place: sources.to_owned(), what })
}

fn floors(files: &[TrackedFile]) -> Vec<Finding> {
    let sources: Vec<(Vec<&str>, &TrackedFile)> =
        files.iter().filter_map(|file| Some((segments(SOURCES, &file.path)?, file))).collect();
    let modules: BTreeSet<String> = sources.iter().map(|(segments, _)| name(segments, FOLDERS.len())).collect();
    let mut findings = Vec::new();
    let mut imports = Imports::new();
    for (segments, file) in &sources {
        let module = name(segments, FOLDERS.len());
        let code = code(&file.text);
        for path in paths(&code, segments) {
            let Some(imported) = module_of(&path, &modules) else { continue };
            if imported == module {
                continue;
            }
            let (from, to) = (Floor::of(&module), Floor::of(&imported));
            if from < to {
                let what = format!("{} imports {}: {imported}", from.name(), to.name());
                findings.push(Finding { place: file.path.clone(), what });
            }
            imports.entry(module.clone()).or_default().insert(imported);
        }
    }
    if let Some(circle) = circle(&imports) {
        let what = format!("modules import each other in a circle: {}", circle.join(" -> "));
        findings.push(Finding { place: SOURCES.to_owned(), what });
    }
    findings
}

/// The path of a module by its file; `None` for other files, and for tests.
fn segments<'p>(sources: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let segments: Vec<&str> = path.strip_prefix(sources)?.strip_suffix(".rs")?.split('/').collect();
    let is_test = |segment: &&str| *segment == "tests" || *segment == "testing" || segment.ends_with("_tests");
    (!segments.iter().any(is_test)).then_some(segments)
}

/// The name of a module: that of its file within the folders, that of its room elsewhere.
fn name(segments: &[&str], depth: usize) -> String {
    let depth = if segments.first().is_some_and(|first| FOLDERS.contains(first)) { depth } else { 1 };
    segments.iter().take(depth).copied().collect::<Vec<_>>().join("::")
}

/// The module that a path leads to. What stands in the root of the crate belongs to the wiring.
fn module_of(path: &[String], modules: &BTreeSet<String>) -> Option<String> {
    let first = path.first()?;
    let both = path.iter().take(2).cloned().collect::<Vec<_>>().join("::");
    if FOLDERS.contains(&first.as_str()) && modules.contains(&both) {
        return Some(both);
    }
    if first == "testing" {
        return None;
    }
    Some(if modules.contains(first) { first.clone() } else { "lib".to_owned() })
}

/// The code of a file, without comments and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Every path from `crate::` or `super::` in the code of a module, from the root of the crate.
fn paths(code: &str, module: &[&str]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let parent: Vec<String> = module.iter().rev().skip(1).rev().map(ToString::to_string).collect();
    for (word, root) in [("crate::", Vec::new()), ("super::", parent)] {
        for (at, _) in code.match_indices(word) {
            let before = code.get(..at).and_then(|before| before.chars().next_back());
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':') {
                tree(code.get(at + word.len()..).unwrap_or_default(), &root, &mut found);
            }
        }
    }
    found
}

/// Reads the rest of a path, or a group of paths in braces, and returns what follows.
fn tree<'a>(text: &'a str, root: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = tree(rest, root, found).trim_start();
            match rest.strip_prefix(',') {
                Some(more) if !more.trim_start().starts_with('}') => rest = more,
                Some(end) => return end.trim_start().strip_prefix('}').unwrap_or_default(),
                None => return rest.strip_prefix('}').unwrap_or_default(),
            }
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let mut path = root.to_vec();
    match word {
        "self" => {}
        "super" => drop(path.pop()),
        word => path.push(word.to_owned()),
    }
    if let Some(more) = rest.strip_prefix("::") {
        return tree(more, &path, found);
    }
    found.push(path);
    rest.trim_start().strip_prefix("as ").map_or(rest, |name| {
        let name = name.trim_start();
        name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
    })
}

/// Modules of which each leads to all others of them: two or more.
fn knots(imports: &Imports) -> BTreeSet<BTreeSet<&str>> {
    let ways: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|module| (module.as_str(), reached(module, imports))).collect();
    let leads = |from: &str, to: &str| ways.get(from).is_some_and(|reached| reached.contains(to));
    let mut knots = BTreeSet::new();
    for (module, reached) in &ways {
        let knot: BTreeSet<&str> = reached.iter().copied().filter(|other| leads(other, module)).collect();
        if knot.len() > 1 {
            knots.insert(knot);
        }
    }
    knots
}

/// The modules to which one leads.
fn reached<'a>(module: &str, imports: &'a Imports) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports.get(module).into_iter().flatten().map(String::as_str).collect();
    while let Some(one) = next.pop() {
        if reached.insert(one) {
            next.extend(imports.get(one).into_iter().flatten().map(String::as_str));
        }
    }
    reached
}

/// A way from a module back to itself, if there is one.
fn circle(imports: &Imports) -> Option<Vec<&str>> {
    let mut done = BTreeSet::new();
    imports.keys().find_map(|module| walk(module, imports, &mut Vec::new(), &mut done))
}

fn walk<'a>(
    module: &'a str,
    imports: &'a Imports,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(at) = way.iter().position(|known| *known == module) {
        return Some(way.iter().skip(at).copied().chain([module]).collect());
    }
    if !done.insert(module) {
        return None;
    }
    way.push(module);
    let found = imports.get(module).into_iter().flatten().find_map(|next| walk(next, imports, way, done));
    way.pop();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in these files, each a path below the sources and its text.
    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| TrackedFile { path: format!("{SOURCES}{path}"), text: (*text).into() };
        let files: Vec<TrackedFile> = files.iter().map(file).collect();
        check(&files).into_iter().map(|finding| finding.what).collect()
    }

    const BELOW: [(&str, &str); 3] = [
        ("kit/call.rs", "use crate::kit::{error, extract::{form, path}};"),
        ("kit/error.rs", "// crate::users is no import\nuse std::fmt;"),
        ("kit/extract.rs", ""),
    ];

    #[test]
    fn each_floor_may_import_those_below_it() {
        let mut files = BELOW.to_vec();
        files.extend([
            ("conventions/api.rs", "use crate::kit::call::Call;"),
            ("conventions/page.rs", "use super::api;"),
            ("conventions.rs", "use crate::kit::call;"),
            ("users.rs", "use crate::conventions::{Api, page};\nuse crate::kit::call::Call;"),
            ("groups/objects.rs", "use crate::users::{self as people, UserObject};\nuse super::x;"),
            ("groups.rs", "#[cfg(test)]\nmod tests {\n    use crate::routes;\n}"),
            ("groups/tests.rs", "use crate::routes::table;"),
            ("routes.rs", "use crate::{groups, users};"),
        ]);
        assert_eq!(findings(&files), [""; 0]);
    }

    #[test]
    fn the_kit_imports_neither_conventions_nor_rooms_and_conventions_import_no_room() {
        for (path, text, expected) in [
            ("kit/call.rs", "use crate::conventions::page;", "the kit imports a convention: conventions::page"),
            ("kit/call.rs", "fn f() { crate::users::f() }", "the kit imports a room: users"),
            ("kit/call.rs", "use crate::{\n    kit::error,\n    users::{A, B},\n};", "the kit imports a room: users"),
            ("kit/extract/form.rs", "use super::super::super::users::A;", "the kit imports a room: users"),
            ("kit/call.rs", "use crate::openapi_json;", "the kit imports the wiring: lib"),
            ("conventions/api.rs", "use super::super::users;", "a convention imports a room: users"),
            ("users.rs", "use crate::routes::table;", "a room imports the wiring: routes"),
        ] {
            let mut files =
                vec![("conventions/page.rs", ""), ("users.rs", ""), ("routes.rs", ""), ("kit/error.rs", "")];
            files.retain(|(known, _)| *known != path);
            files.push((path, text));
            assert!(findings(&files).iter().any(|found| found == expected), "{text}: {:?}", findings(&files));
        }
    }

    #[test]
    fn files_of_the_other_crates_import_each_other_in_no_circle() {
        let file = |path: &str, text: &str| TrackedFile { path: format!("crates/app/src/{path}"), text: text.into() };
        let below = [file("lib.rs", ""), file("a.rs", "use crate::b::{self, B};"), file("b/c.rs", "use super::B;")];
        for (text, expected) in [
            ("use crate::x;\nuse std::a;", None),
            ("use crate::a::A;", Some("files import each other in a circle: a -> b -> a")),
            ("#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}", None),
        ] {
            let files: Vec<TrackedFile> = below.iter().cloned().chain([file("b.rs", text)]).collect();
            let told: Vec<String> = check(&files).into_iter().map(|finding| finding.what).collect();
            assert_eq!(told, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn files_that_stand_together_excuse_no_third_one() {
        let file =
            |path: &str, text: &str| TrackedFile { path: format!("crates/services/src/{path}"), text: text.into() };
        let pair = [file("context.rs", "use crate::deed::Door;"), file("deed.rs", "use crate::context::Context;")];
        let told = |more: &[TrackedFile]| {
            let files: Vec<TrackedFile> = pair.iter().cloned().chain(more.iter().cloned()).collect();
            check(&files).into_iter().map(|finding| finding.what).collect::<Vec<_>>()
        };
        assert_eq!(told(&[file("users.rs", "use crate::deed::Deed;")]), [""; 0]);
        let through_one =
            [file("context.rs", "use crate::{deed, settings};"), file("settings.rs", "use crate::deed::Deed;")];
        let files = [through_one[0].clone(), pair[1].clone(), through_one[1].clone()];
        let found: Vec<String> = check(&files).into_iter().map(|finding| finding.what).collect();
        assert_eq!(found, ["files import each other in a circle: context -> deed -> settings"]);
        let beside = [file("a.rs", "use crate::b::B;"), file("b.rs", "use crate::a::A;")];
        assert_eq!(told(&beside), ["files import each other in a circle: a -> b -> a"]);
    }

    #[test]
    fn the_files_of_every_crate_are_looked_at() {
        for folder in ["crates/adapters/provisioner", "crates/xtask", "crates/adapters/http", "crates/new"] {
            let file = |path: &str, text: &str| TrackedFile { path: format!("{folder}/src/{path}"), text: text.into() };
            let files = [file("kit/a.rs", "use super::b;"), file("kit/b.rs", "use super::a::A;")];
            let told: Vec<Finding> = check(&files);
            assert!(told.iter().any(|finding| finding.what.contains("files import each other")), "{folder}");
        }
    }

    #[test]
    fn a_circle_is_told_with_its_modules() {
        for (files, expected) in [
            (
                vec![
                    ("kit/a.rs", "use crate::kit::b;"),
                    ("kit/b.rs", "use super::c;"),
                    ("kit/c.rs", "use super::a::A;"),
                ],
                "kit::a -> kit::b -> kit::c -> kit::a",
            ),
            (
                vec![("users.rs", "use crate::groups;"), ("groups/objects.rs", "use crate::users::User;")],
                "groups -> users -> groups",
            ),
        ] {
            let expected = format!("modules import each other in a circle: {expected}");
            assert!(findings(&files).contains(&expected), "{:?}", findings(&files));
        }
    }
}
