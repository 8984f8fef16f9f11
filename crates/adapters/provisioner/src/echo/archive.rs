//! The archive of a template.

use super::Defect;
use std::io::Read as _;
use std::path::{Component, Path};

/// The file that describes a template.
pub(crate) const FILE: &str = "doorward.toml";
/// The file that tells people about it.
const README: &str = "README.md";
/// Longest description, in bytes.
const FILE_MAX: u64 = 256 * 1024;
/// Longest text for people, in bytes.
const README_MAX: u64 = 1024 * 1024;
/// Most entries that are looked at.
const ENTRIES_MAX: usize = 10_000;

/// What is taken out of an archive; all else in it means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    /// The description.
    pub(crate) file: String,
    /// What is told to people; empty if there is none.
    pub(crate) readme: Vec<u8>,
}

impl Archive {
    /// Reads a tar. Errors: it is none, has too many entries, or has no description, or one that is too long or no text.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Defect> {
        let broken = |error: std::io::Error| Defect::new(format!("the archive of the template is no tar: {error}"));
        let (mut file, mut readme) = (None, Vec::new());
        let mut archive = tar::Archive::new(bytes);
        for (n, entry) in archive.entries().map_err(broken)?.enumerate() {
            if n >= ENTRIES_MAX {
                return Err(Defect::new(format!("the archive of the template has more than {ENTRIES_MAX} entries")));
            }
            let mut entry = entry.map_err(broken)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let (wanted, most) = match name(&entry.path().map_err(broken)?) {
                Some(FILE) => (FILE, FILE_MAX),
                Some(README) => (README, README_MAX),
                Some(_) | None => continue,
            };
            if entry.size() > most {
                return Err(Defect::new(format!("{wanted} is longer than {most} bytes")));
            }
            let mut content = Vec::new();
            entry.by_ref().take(most).read_to_end(&mut content).map_err(broken)?;
            // As on a disk, the last one of a name counts.
            if wanted == FILE {
                file = Some(content);
            } else {
                readme = content;
            }
        }
        let file = file.ok_or_else(|| {
            Defect::new(format!(
                "the archive of the template has no file {FILE} at its top; the provisioner echo carries out nothing else"
            ))
        })?;
        let file = String::from_utf8(file).map_err(|error| Defect::new(format!("{FILE} is no UTF-8: {error}")))?;
        Ok(Self { file, readme })
    }
}

/// The name of an entry at the top of the archive.
fn name(path: &Path) -> Option<&str> {
    let mut names = path.components().filter(|part| *part != Component::CurDir);
    match (names.next(), names.next()) {
        (Some(Component::Normal(name)), None) => name.to_str(),
        _ => None,
    }
}
