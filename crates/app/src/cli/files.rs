//! Files that commands read.

use anyhow::{Context as _, bail};
use std::io::Read as _;
use std::path::Path;

/// The longest file that is read, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// The text of a file, or of standard input.
pub(super) fn read_text(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let name = file.display();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(FILE_MAX + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(FILE_MAX + 1).read_to_string(&mut text))
    };
    let length = read.with_context(|| format!("cannot read the file {name}"))?;
    if u64::try_from(length).is_ok_and(|length| length > FILE_MAX) {
        bail!("the file {name} has more than {FILE_MAX} bytes");
    }
    Ok(text)
}
