//! The floors of the house (docs/architecture.md): what stands above may use what stands below, never the other way,
//! and never sideways between adapters.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::Finding;
use crate::command::{cargo, output};
use crate::workspace::Workspace;

/// Where a crate stands.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Floor {
    /// What others speak, without anything of the house: for adapters.
    Protocols,
    Domain,
    Ports,
    Services,
    Adapters,
    App,
    /// Not in the product: testkit, xtask.
    Tools,
}

/// Outside crates that belong to some of our crates only: a name, or its beginning with `*`.
const BELONGS_TO: [(&str, &[&str]); 18] = [
    ("diesel*", &["doorward-storage", "doorward"]),
    ("r2d2*", &["doorward-storage", "doorward"]),
    ("libsqlite3-sys", &["doorward-storage", "doorward"]),
    ("openssl-probe", &["doorward-storage"]),
    ("openssl-sys", &["doorward-storage"]),
    ("pq-sys", &["doorward-storage", "doorward"]),
    ("actix*", &["doorward-http", "doorward"]),
    ("askama*", &["doorward-http"]),
    ("argon2", &["doorward-crypto"]),
    ("hyper*", &["doorward-outbound"]),
    ("lettre", &["doorward-mail"]),
    ("tokio-rustls", &["doorward-outbound"]),
    ("tokio-websockets", &["doorward-provisioner"]),
    // It reads PEM and connects to nobody.
    ("rustls-pki-types", &["doorward-crypto", "doorward-outbound"]),
    ("rustls*", &["doorward-outbound", "doorward-client"]),
    ("config", &["doorward"]),
    // Asks whom an operator or a user names on the command line, and nobody whom a request names.
    ("ureq", &["doorward", "doorward-client"]),
    ("serde-saphyr", &["doorward-client"]),
];

/// Outside crates that do I/O, keep time or run tasks: not below the adapters.
const ABOVE_SERVICES: [&str; 6] =
    ["hyper*", "reqwest*", "tokio-postgres*", "rusqlite*", "notify*", "tracing-subscriber"];

/// Outside crates that the domain does without: it computes, and others embed it.
const NOT_IN_DOMAIN: [&str; 5] = ["tokio*", "futures*", "async-trait", "tracing*", "anyhow"];

#[derive(Debug)]
struct Package {
    name: String,
    floor: Floor,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    for_tests: bool,
}

pub(super) fn check(workspace: &Workspace) -> anyhow::Result<Vec<Finding>> {
    let metadata = output(&mut cargo(workspace, &["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("reading what `cargo metadata` printed")?;
    let mut packages = Vec::new();
    let mut findings = Vec::new();
    for package in metadata.get("packages").and_then(Value::as_array).context("no packages in the metadata")? {
        let manifest = text(package, "manifest_path")?;
        let content = fs::read_to_string(manifest).with_context(|| format!("reading {manifest}"))?;
        let package = read(workspace, package, manifest)?;
        if !content.contains("[lints]\nworkspace = true") {
            findings.push(Finding {
                place: package.name.clone(),
                what: "its manifest does not take the workspace's lints".to_owned(),
            });
        }
        packages.push(package);
    }
    findings.extend(judge(&packages));
    Ok(findings)
}

fn read(workspace: &Workspace, package: &Value, manifest: &str) -> anyhow::Result<Package> {
    let name = text(package, "name")?.to_owned();
    let root = workspace.root().canonicalize()?;
    let place = manifest.strip_prefix(&*root.to_string_lossy()).unwrap_or(manifest);
    let place = place.trim_start_matches('/').trim_end_matches("/Cargo.toml");
    let floor = match place {
        "crates/domain" => Floor::Domain,
        "crates/ports" => Floor::Ports,
        "crates/services" => Floor::Services,
        "crates/app" => Floor::App,
        "crates/adapters/wire" => Floor::Protocols,
        "crates/testkit" | "crates/xtask" => Floor::Tools,
        _ if place.starts_with("crates/adapters/") => Floor::Adapters,
        _ => bail!("{place} is no place for a crate: it stands on no floor (see docs/architecture.md)"),
    };
    let dependencies =
        package.get("dependencies").and_then(Value::as_array).context("no dependencies in the metadata")?;
    let dependencies = dependencies.iter().map(|dependency| {
        let for_tests = dependency.get("kind").and_then(Value::as_str) == Some("dev");
        Ok(Dependency { name: text(dependency, "name")?.to_owned(), for_tests })
    });
    Ok(Package { name, floor, dependencies: dependencies.collect::<anyhow::Result<_>>()? })
}

fn text<'a>(value: &'a Value, key: &str) -> anyhow::Result<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("no `{key}` in the metadata"))
}

fn judge(packages: &[Package]) -> Vec<Finding> {
    let floors: BTreeMap<&str, Floor> = packages.iter().map(|package| (package.name.as_str(), package.floor)).collect();
    let mut findings = Vec::new();
    for package in packages {
        for dependency in &package.dependencies {
            let refused = match floors.get(dependency.name.as_str()) {
                Some(floor) => refuse_inside(package, dependency, *floor),
                None => refuse_outside(package, dependency),
            };
            if let Some(reason) = refused {
                let what = format!("depends on {}: {reason}", dependency.name);
                findings.push(Finding { place: package.name.clone(), what });
            }
        }
    }
    findings
}

/// Why this crate may not use that other crate of ours.
fn refuse_inside(package: &Package, dependency: &Dependency, floor: Floor) -> Option<&'static str> {
    match (package.floor, floor) {
        (Floor::Tools, _) => None,
        // Tests of a crate with features want all of them.
        _ if dependency.for_tests && dependency.name == package.name => None,
        // Tests of an adapter run it with another real one.
        (_, Floor::Tools) | (Floor::Adapters, Floor::Adapters) if dependency.for_tests => None,
        (_, Floor::Tools) => Some("tools are no part of the product; only tests may use them"),
        (Floor::Adapters, Floor::Adapters) => Some("an adapter never uses another adapter"),
        (Floor::Adapters, Floor::Protocols) => None,
        (_, Floor::Protocols) => Some("only adapters speak with others"),
        (own, other) if other < own => None,
        _ => Some("it stands on the same floor or above"),
    }
}

/// Why this crate may not use a crate from outside.
fn refuse_outside(package: &Package, dependency: &Dependency) -> Option<&'static str> {
    let is = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => dependency.name.starts_with(start),
        None => dependency.name == pattern,
    };
    let owners = BELONGS_TO.iter().find(|(pattern, _)| is(pattern)).map(|(_, owners)| owners);
    if dependency.for_tests || package.floor == Floor::Tools {
        return None;
    }
    if owners.is_some_and(|owners| !owners.contains(&package.name.as_str())) {
        return Some("it belongs to another crate");
    }
    if package.floor < Floor::Adapters && ABOVE_SERVICES.iter().any(|pattern| is(pattern)) {
        return Some("what does I/O is an adapter's, behind a port");
    }
    if package.floor == Floor::Domain && NOT_IN_DOMAIN.iter().any(|pattern| is(pattern)) {
        return Some("the domain is pure: no async, no I/O, no logging, errors of its own");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Dependency, Floor, Package, judge};

    fn package(name: &str, floor: Floor, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|name| match name.strip_prefix("dev:") {
            Some(name) => Dependency { name: name.to_owned(), for_tests: true },
            None => Dependency { name: (*name).to_owned(), for_tests: false },
        });
        Package { name: name.to_owned(), floor, dependencies: dependencies.collect() }
    }

    fn findings(package: Package) -> usize {
        let house = [
            ("doorward-wire", Floor::Protocols),
            ("doorward-domain", Floor::Domain),
            ("doorward-ports", Floor::Ports),
            ("doorward-services", Floor::Services),
            ("doorward-storage", Floor::Adapters),
            ("doorward-http", Floor::Adapters),
            ("doorward", Floor::App),
            ("doorward-testkit", Floor::Tools),
        ];
        let others = house.into_iter().filter(|(name, _)| *name != package.name);
        let mut packages: Vec<Package> = others.map(|(name, floor)| self::package(name, floor, &[])).collect();
        packages.push(package);
        judge(&packages).len()
    }

    #[test]
    fn what_stands_above_uses_what_stands_below() {
        assert_eq!(findings(package("doorward-services", Floor::Services, &["doorward-ports", "doorward-domain"])), 0);
        assert_eq!(findings(package("doorward-domain", Floor::Domain, &["doorward-ports"])), 1);
        assert_eq!(findings(package("doorward-services", Floor::Services, &["dev:doorward-storage"])), 1);
    }

    #[test]
    fn adapters_meet_in_tests_only() {
        assert_eq!(findings(package("doorward-http", Floor::Adapters, &["doorward-storage"])), 1);
        assert_eq!(findings(package("doorward-http", Floor::Adapters, &["dev:doorward-storage"])), 0);
    }

    #[test]
    fn protocols_know_nothing_of_the_house_and_are_for_adapters() {
        assert_eq!(findings(package("doorward-wire", Floor::Protocols, &["doorward-domain"])), 1);
        assert_eq!(findings(package("doorward-http", Floor::Adapters, &["doorward-wire"])), 0);
        assert_eq!(findings(package("doorward-services", Floor::Services, &["doorward-wire"])), 1);
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        assert_eq!(findings(package("doorward", Floor::App, &["doorward-testkit"])), 1);
        assert_eq!(findings(package("doorward", Floor::App, &["dev:doorward-testkit"])), 0);
    }

    #[test]
    fn frameworks_stay_in_their_adapter() {
        assert_eq!(findings(package("doorward-http", Floor::Adapters, &["actix-web", "diesel"])), 1);
        assert_eq!(findings(package("doorward-storage", Floor::Adapters, &["diesel_migrations", "actix-rt"])), 1);
        assert_eq!(findings(package("doorward-services", Floor::Services, &["reqwest"])), 1);
        assert_eq!(findings(package("doorward-domain", Floor::Domain, &["tokio"])), 1);
    }
}
