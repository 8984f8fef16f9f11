//! What the ports declare.

use std::collections::BTreeSet;

/// The calls of the ports that take a permit. A change of a setting is not among them: what it is about is what its permit is about,
/// by its type.
pub(super) fn declared() -> BTreeSet<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ports/src");
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        for port in text.split("\npub trait ").skip(1) {
            let end = port.find("\n}").unwrap();
            let repository = port.split([':', ' ']).next().unwrap();
            for call in port[..end].split("\n    fn ").skip(1) {
                let signature = call.split(';').next().unwrap();
                if signature.contains("Permit<") {
                    found.insert(format!("{repository}::{}", call.split(['(', '<']).next().unwrap()));
                }
            }
        }
    }
    found
}
