//! The servers somebody is signed in to, and by what: a file that only its owner can read.

use crate::failure::usage;
use crate::place::Place;
use anyhow::{Context as _, bail};
use doorward_domain::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The variable that names another folder.
pub(crate) const FOLDER: &str = "DOORWARD_CONFIG_DIR";
/// The file in the folder.
const FILE: &str = "credentials.json";
/// Whoever holds it changes the file.
const LOCK: &str = "credentials.lock";

/// Who is signed in where.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Vault {
    /// The server that is meant when none is named.
    current: String,
    servers: BTreeMap<String, Entry>,
}

/// What is known of a server.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Entry {
    /// The name of the user there.
    pub(crate) user: String,
    /// By which id this command line is known there as a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// By what one is signed in; nothing after a sign-out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<Credential>,
}

/// What proves who one is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Credential {
    /// A session of one's own, which may do what one may do oneself.
    Session {
        #[serde(with = "exposed")]
        token: Secret<String>,
    },
    /// A token that was given, and is not this command line's to end.
    Token {
        #[serde(with = "exposed")]
        token: Secret<String>,
    },
    /// Tokens that an authorization server gave to this command line as an app.
    Grant(Grant),
}

/// Tokens of an app.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Grant {
    #[serde(with = "exposed")]
    pub(crate) access_token: Secret<String>,
    #[serde(with = "exposed")]
    pub(crate) refresh_token: Secret<String>,
    /// Until when the access token is good, in seconds since 1970.
    pub(crate) expires_at: i64,
    pub(crate) client_id: String,
    pub(crate) token_endpoint: String,
    #[serde(default)]
    pub(crate) revocation_endpoint: String,
    #[serde(default)]
    pub(crate) scope: String,
}

impl Credential {
    /// What is presented to the server.
    pub(crate) const fn token(&self) -> &Secret<String> {
        match self {
            Self::Session { token } | Self::Token { token } => token,
            Self::Grant(grant) => &grant.access_token,
        }
    }

    /// In words.
    pub(crate) const fn words(&self) -> &'static str {
        match self {
            Self::Session { .. } => "a session",
            Self::Token { .. } => "a token",
            Self::Grant(_) => "an app (OAuth 2.1)",
        }
    }
}

/// The one place where secrets are written down.
mod exposed {
    use doorward_domain::Secret;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

impl Vault {
    /// What is known of a server.
    pub(crate) fn entry(&self, place: &Place) -> Option<&Entry> {
        self.servers.get(place.as_str())
    }

    /// What is known of a server, to be changed.
    pub(crate) fn entry_mut(&mut self, place: &Place) -> &mut Entry {
        self.servers.entry(place.as_str().to_owned()).or_default()
    }

    /// The server is meant from now on when none is named.
    pub(crate) fn prefer(&mut self, place: &Place) {
        place.as_str().clone_into(&mut self.current);
    }

    /// The servers one is signed in to.
    pub(crate) fn signed_in(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.servers.iter().filter(|(_, entry)| entry.credential.is_some()).map(|(at, entry)| (at.as_str(), entry))
    }

    /// The address of the server that is meant when none is named.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    /// The server that is meant: by address, by the host of one that is known, or the one of the last sign-in.
    pub(crate) fn choose(&self, named: Option<&str>) -> anyhow::Result<Place> {
        let Some(named) = named.map(str::trim).filter(|named| !named.is_empty()) else {
            if self.current.is_empty() {
                return Err(usage("no server is named: sign in by `doorward login URL` first, or say --server URL"));
            }
            return Place::parse(&self.current);
        };
        if named.contains("://") {
            return Place::parse(named);
        }
        let known = self.servers.keys().filter_map(|at| Place::parse(at).ok());
        let mut known: Vec<Place> = known.filter(|place| place.host() == named).collect();
        match (known.pop(), known.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Place::parse(named),
            (Some(_), false) => Err(usage(format!("several servers are `{named}`: name the whole address"))),
        }
    }
}

/// Where the vault is.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// Nobody else changes the vault while this is held.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    folder: &'a Folder,
    _lock: File,
}

impl Folder {
    /// `DOORWARD_CONFIG_DIR`, or the folder `doorward` where programs of a user keep their settings.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        if let Some(own) = std::env::var_os(FOLDER).filter(|path| !path.is_empty()) {
            return Ok(Self(own.into()));
        }
        let home = || variable("HOME").map(|home| home.join(".config"));
        let base = variable("XDG_CONFIG_HOME").or_else(home);
        let base = base.with_context(|| {
            format!("there is no home folder (HOME), and {FOLDER} names none to keep credentials in")
        })?;
        Ok(Self(base.join("doorward")))
    }

    /// Reads the vault; nothing is made.
    pub(crate) fn read(&self) -> anyhow::Result<Vault> {
        let path = self.0.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vault::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        refuse_others(&path)?;
        // What is wrong with it may quote a secret.
        serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            anyhow::anyhow!("{} is damaged (line {line}, column {column}); remove it and sign in anew", path.display())
        })
    }

    /// Waits until nobody else changes the vault.
    pub(crate) fn hold(&self) -> anyhow::Result<Held<'_>> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.with_context(|| format!("cannot make the folder {}", self.0.display()))?;
        refuse_writers(&self.0)?;
        let path = self.0.join(LOCK);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            bail!("{} is a link to another file; remove it", path.display());
        }
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
        lock.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Held { folder: self, _lock: lock })
    }

    /// Changes the vault.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Vault)) -> anyhow::Result<()> {
        let held = self.hold()?;
        let mut vault = self.read()?;
        change(&mut vault);
        held.write(&vault)
    }
}

impl Held<'_> {
    /// Writes the vault, all of it or nothing; only its owner can read it at any moment.
    pub(crate) fn write(&self, vault: &Vault) -> anyhow::Result<()> {
        // Where it is a link, the tokens are in the file that it leads to.
        let path = real(&self.folder.0.join(FILE));
        let folder = path.parent().unwrap_or(&self.folder.0);
        let write = || -> io::Result<()> {
            // A temporary file is made with mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, vault)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Where a file is that may be a link.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn mode_of(path: &Path) -> anyhow::Result<u32> {
    Ok(fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?.mode() & 0o777)
}

/// Refuses a folder in which others could put a file of theirs in the place of ours.
fn refuse_writers(folder: &Path) -> anyhow::Result<()> {
    let mode = mode_of(folder)?;
    if mode & 0o022 != 0 {
        bail!("others can write into {0} (mode {mode:o}): `chmod 700 {0}`", folder.display());
    }
    Ok(())
}

/// Refuses a file that others can read, or could have, or could put theirs in the place of.
fn refuse_others(path: &Path) -> anyhow::Result<()> {
    for folder in [path.parent(), real(path).parent()].into_iter().flatten() {
        refuse_writers(folder)?;
    }
    let mode = mode_of(path)?;
    if mode & 0o077 != 0 {
        bail!(
            "others can use {0} (mode {mode:o}): `chmod 600 {0}`, and sign in anew if somebody may have read it",
            path.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn place(at: &str) -> Place {
        Place::parse(at).unwrap()
    }

    fn session(token: &str) -> Entry {
        let credential = Credential::Session { token: Secret::from(token) };
        Entry { user: "ann".to_owned(), client_id: None, credential: Some(credential) }
    }

    #[test]
    fn what_is_kept_is_found_again_and_only_its_owner_reads_it() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder(outer.path().join("a/doorward"));
        assert!(folder.read().unwrap().choose(None).is_err());
        assert!(!outer.path().join("a").exists(), "looking makes nothing");
        folder
            .change(|vault| {
                *vault.entry_mut(&place("https://a.example")) = session("one");
                *vault.entry_mut(&place("http://b.example:3000")) = session("two");
                vault.prefer(&place("https://a.example"));
            })
            .unwrap();
        let path = folder.0.join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&folder.0).unwrap().mode() & 0o777, 0o700);
        let vault = folder.read().unwrap();
        let token = |named: Option<&str>| {
            let entry = vault.entry(&vault.choose(named).unwrap()).unwrap();
            entry.credential.as_ref().unwrap().token().expose().clone()
        };
        assert_eq!(
            (token(None), token(Some("b.example:3000")), token(Some("http://b.example:3000/"))),
            ("one".to_owned(), "two".to_owned(), "two".to_owned())
        );
        assert!(!format!("{vault:?}").contains("\"one\""), "secrets are not printed");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(folder.read().unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_link_leads_to_what_is_kept_and_nowhere_else() {
        let outer = tempfile::tempdir().unwrap();
        let (folder, other) = (Folder(outer.path().join("doorward")), outer.path().join("other.json"));
        folder.change(|vault| *vault.entry_mut(&place("https://a.example")) = session("one")).unwrap();
        let path = folder.0.join(FILE);
        fs::rename(&path, &other).unwrap();
        std::os::unix::fs::symlink(&other, &path).unwrap();
        // What is forgotten is forgotten where it was.
        folder.change(|vault| vault.entry_mut(&place("https://a.example")).credential = None).unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert!(!fs::read_to_string(&other).unwrap().contains("one"));
        // The file that is held makes no other.
        let (lock, made) = (folder.0.join(LOCK), outer.path().join("made"));
        fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink(&made, &lock).unwrap();
        assert!(folder.hold().unwrap_err().to_string().contains("is a link") && !made.exists());
    }

    #[test]
    fn a_folder_of_others_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder(outer.path().join("doorward"));
        folder.change(|vault| *vault.entry_mut(&place("https://a.example")) = session("one")).unwrap();
        for mode in [0o777, 0o770] {
            fs::set_permissions(&folder.0, fs::Permissions::from_mode(mode)).unwrap();
            assert!(folder.read().unwrap_err().to_string().contains("chmod 700"));
            assert!(folder.hold().unwrap_err().to_string().contains("chmod 700"));
        }
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
        folder.read().unwrap();
    }

    #[test]
    fn a_damaged_file_is_told_without_what_stands_in_it() {
        let outer = tempfile::tempdir().unwrap();
        let folder = Folder(outer.path().to_path_buf());
        folder.hold().unwrap().write(&Vault::default()).unwrap();
        fs::write(folder.0.join(FILE), "{\"servers\": {\"x\": \"hunter2\"}}").unwrap();
        let error = format!("{:#}", folder.read().unwrap_err());
        assert!(error.contains("damaged") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn one_host_with_two_addresses_must_be_named_whole() {
        let mut vault = Vault::default();
        vault.entry_mut(&place("https://a.example/one"));
        vault.entry_mut(&place("https://a.example/two"));
        assert!(vault.choose(Some("a.example")).unwrap_err().to_string().contains("whole address"));
        assert_eq!(vault.choose(Some("b.example")).unwrap().as_str(), "https://b.example");
    }
}
