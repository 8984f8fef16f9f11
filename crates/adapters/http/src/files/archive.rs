//! From zip to tar and back. Pure functions over readers and writers, with limits on what comes out of them.

use std::io::{self, Read, Seek, Write};
use tar::{EntryType, Header};
use zip::write::SimpleFileOptions;

/// Most entries of an archive.
const ENTRIES_MAX: usize = 20_000;
/// Longest name of an entry, in bytes.
const NAME_MAX: usize = 4096;

/// Why an archive is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// It is none, or is broken.
    #[error("the archive cannot be read: {0}")]
    Broken(String),
    /// It would become larger than may be.
    #[error("the files of the archive have more than {0} bytes together")]
    TooLarge(u64),
    /// There are more entries than are taken.
    #[error("the archive has more than {ENTRIES_MAX} entries")]
    TooMany,
    /// An entry would come to lie outside of the folder into which the archive is unpacked.
    #[error("the archive has an entry with a name that leads elsewhere")]
    Name,
    /// What is made of it cannot be written.
    #[error("the archive cannot be written: {0}")]
    Output(#[source] io::Error),
}

fn broken(error: impl std::fmt::Display) -> ArchiveError {
    ArchiveError::Broken(error.to_string())
}

/// A reader of at most so many bytes: one more is an error, so that what is packed tightly does not fill the disk.
struct Bounded<'a, R> {
    inner: R,
    left: &'a mut u64,
}

/// Marks that a bound was passed.
const PASSED: &str = "the bound of the archive is passed";

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let size = u64::try_from(read).unwrap_or(u64::MAX);
        *self.left = self.left.checked_sub(size).ok_or_else(|| io::Error::other(PASSED))?;
        Ok(read)
    }
}

/// Copies one entry; says whether reading or writing failed.
fn copy(mut from: impl Read, to: &mut impl Write, limit: u64) -> Result<u64, ArchiveError> {
    let (mut buffer, mut copied) = (vec![0; 64 * 1024], 0_u64);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.to_string() == PASSED => return Err(ArchiveError::TooLarge(limit)),
            Err(error) => return Err(broken(error)),
        };
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(copied) };
        to.write_all(bytes).map_err(ArchiveError::Output)?;
        copied += u64::try_from(read).unwrap_or(u64::MAX);
    }
}

/// A name that stays within the folder.
fn checked(name: &str) -> Result<String, ArchiveError> {
    let plain = name.replace('\\', "/");
    let is_elsewhere = plain.starts_with('/') || plain.split('/').any(|part| part == "..") || plain.contains('\0');
    let kept = plain.trim_start_matches("./").to_owned();
    let has_drive = kept.as_bytes().get(1) == Some(&b':');
    if is_elsewhere || has_drive || kept.len() > NAME_MAX { Err(ArchiveError::Name) } else { Ok(kept) }
}

/// Writes the files of a zip archive as a tar archive of at most `limit` bytes. Links and devices are left out.
pub(super) fn zip_to_tar(from: impl Read + Seek, to: impl Write, limit: u64) -> Result<(), ArchiveError> {
    let mut archive = zip::ZipArchive::new(from).map_err(broken)?;
    if archive.len() > ENTRIES_MAX {
        return Err(ArchiveError::TooMany);
    }
    let mut builder = tar::Builder::new(to);
    // Each entry has a head, and is filled up to whole blocks; so is the end.
    let overhead = u64::try_from(archive.len()).unwrap_or(u64::MAX).saturating_mul(1024).saturating_add(1024);
    let mut left = limit.saturating_sub(overhead);
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(broken)?;
        let name = checked(&String::from_utf8_lossy(entry.name_raw()))?;
        if name.is_empty() || !(entry.is_file() || entry.is_dir()) {
            continue;
        }
        let mut header = Header::new_gnu();
        header.set_mode(entry.unix_mode().unwrap_or(if entry.is_dir() { 0o755 } else { 0o644 }) & 0o777);
        if entry.is_dir() {
            header.set_entry_type(EntryType::Directory);
            header.set_size(0);
            builder.append_data(&mut header, &name, io::empty()).map_err(ArchiveError::Output)?;
            continue;
        }
        // What an entry says of its size is not believed: it is read into memory no further than the bound.
        let size = entry.size();
        if size > left {
            return Err(ArchiveError::TooLarge(limit));
        }
        let mut bytes = Vec::new();
        copy(Bounded { inner: (&mut entry).take(size.saturating_add(1)), left: &mut left }, &mut bytes, limit)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) != size {
            return Err(broken("an entry has another size than it says"));
        }
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        builder.append_data(&mut header, &name, bytes.as_slice()).map_err(ArchiveError::Output)?;
    }
    builder.into_inner().and_then(|mut to| to.flush()).map_err(ArchiveError::Output)
}

/// Writes the files of a tar archive as a zip archive, of at most `limit` bytes before they are packed. Links and devices are left out.
pub(super) fn tar_to_zip(from: impl Read, to: impl Write + Seek, limit: u64) -> Result<(), ArchiveError> {
    let mut archive = tar::Archive::new(from);
    let mut writer = zip::ZipWriter::new(to);
    let output = |error: zip::result::ZipError| ArchiveError::Output(io::Error::other(error.to_string()));
    let (mut left, mut count, mut is_archive) = (limit, 0, false);
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        is_archive = true;
        count += 1;
        if count > ENTRIES_MAX {
            return Err(ArchiveError::TooMany);
        }
        let name = checked(&String::from_utf8_lossy(&entry.path_bytes()))?;
        let mode = entry.header().mode().unwrap_or(0o644) & 0o777;
        let options = SimpleFileOptions::default().unix_permissions(mode);
        let kind = entry.header().entry_type();
        if name.is_empty() {
            continue;
        }
        if kind == EntryType::Directory {
            writer.add_directory(name, options).map_err(output)?;
        } else if matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse) {
            writer.start_file(name, options).map_err(output)?;
            copy(Bounded { inner: &mut entry, left: &mut left }, &mut writer, limit)?;
        }
    }
    if !is_archive {
        return Err(broken("it holds nothing"));
    }
    writer.finish().map_err(output)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const LIMIT: u64 = 1024 * 1024;

    fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = Header::new_gnu();
            header.set_size(u64::try_from(bytes.len()).unwrap());
            header.set_mode(0o755);
            // Names that no builder would write.
            let field = &mut header.as_old_mut().name;
            field[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn zipped(tar: &[u8]) -> Result<Vec<u8>, ArchiveError> {
        let mut out = Cursor::new(Vec::new());
        tar_to_zip(tar, &mut out, LIMIT).map(|()| out.into_inner())
    }

    #[test]
    fn there_and_back_the_files_stay_the_same() {
        let long = vec![b'x'; 70_000];
        let tar = tar_of(&[("main.tf", b"resource"), ("./modules/a.tf", &long)]);
        let zip = zipped(&tar).unwrap();
        assert!(zip.len() < 2_000);
        let mut back = Vec::new();
        zip_to_tar(Cursor::new(zip), &mut back, LIMIT).unwrap();
        let mut found = Vec::new();
        for entry in tar::Archive::new(back.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            found.push((
                String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
                bytes,
                entry.header().mode().unwrap(),
            ));
        }
        assert_eq!(
            found,
            [("main.tf".to_owned(), b"resource".to_vec(), 0o755), ("modules/a.tf".to_owned(), long, 0o755)]
        );
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for name in ["../a", "a/../../b", "/etc/passwd", "..\\a", "C:\\a"] {
            assert!(matches!(zipped(&tar_of(&[(name, b"x")])), Err(ArchiveError::Name)), "{name}");
        }
    }

    #[test]
    fn what_becomes_too_large_is_refused_before_it_is() {
        let mut out = Cursor::new(Vec::new());
        let large = tar_of(&[("a", &vec![0; 600]), ("b", &vec![0; 600])]);
        assert!(matches!(tar_to_zip(large.as_slice(), &mut out, 1000), Err(ArchiveError::TooLarge(1000))));
        // A megabyte of zeroes in a kilobyte.
        let bomb = zipped(&tar_of(&[("a", &vec![0; 1_000_000])])).unwrap();
        assert!(bomb.len() < 3_000);
        let refused = zip_to_tar(Cursor::new(bomb), io::sink(), 500_000);
        assert!(matches!(refused, Err(ArchiveError::TooLarge(500_000))), "{refused:?}");
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        for bytes in [&b""[..], b"hello", &[7; 2000], &[0; 1024]] {
            assert!(matches!(zipped(bytes), Err(ArchiveError::Broken(_))), "{bytes:?}");
            let refused = zip_to_tar(Cursor::new(bytes), io::sink(), LIMIT);
            assert!(matches!(refused, Err(ArchiveError::Broken(_))), "{refused:?}");
        }
        let cut = tar_of(&[("a", &[7; 4000])]);
        assert!(matches!(zipped(&cut[..2000]), Err(ArchiveError::Broken(_))));
    }
}
