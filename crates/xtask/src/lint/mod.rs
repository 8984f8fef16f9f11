//! `cargo xtask lint`: the rules of the house that no compiler knows.

mod layers;
mod migrations;
mod modules;
mod references;
mod text;
mod writes;

use std::fmt;

use anyhow::bail;

use crate::workspace::Workspace;

/// Something that breaks a rule.
#[derive(Debug, Eq, PartialEq)]
struct Finding {
    /// A crate, or a file with a line number.
    place: String,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Checks all rules and names every finding before it fails.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<()> {
    let mut findings = layers::check(workspace)?;
    let files = text::tracked_files(workspace)?;
    findings.extend(text::check(workspace, &files));
    findings.extend(migrations::check(&files));
    findings.extend(modules::check(&files));
    findings.extend(references::check(&files));
    findings.extend(writes::check(&files));
    for hint in files.iter().filter_map(text::too_long) {
        println!("  hint: {hint}");
    }
    for finding in &findings {
        println!("  {finding}");
    }
    if !findings.is_empty() {
        bail!("{} rules are broken", findings.len());
    }
    println!("  {} files keep the rules", files.len());
    Ok(())
}
