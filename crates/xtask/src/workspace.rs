//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The folder of the workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> anyhow::Result<Self> {
        let own =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = own.ancestors().nth(2).context("this crate stands in crates/xtask")?;
        Ok(Self { root: root.to_path_buf() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Tools that the tests need and that are made here; not tracked.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join(".cache")
    }

    /// The tests with clients that we did not write.
    pub(crate) fn clients(&self) -> PathBuf {
        self.root.join("tests/clients/python")
    }

    /// Programs for Node that we did not write, and what starts them.
    pub(crate) fn node(&self) -> PathBuf {
        self.root.join("tests/clients/node")
    }

    /// A client in Java.
    pub(crate) fn java(&self) -> PathBuf {
        self.root.join("tests/clients/java")
    }

    /// A client of MCP servers in Rust, a package of its own.
    pub(crate) fn rust(&self) -> PathBuf {
        self.root.join("tests/clients/rust")
    }

    /// Clients in Go, of modules that we did not write.
    pub(crate) fn go(&self) -> PathBuf {
        self.root.join("tests/clients/go")
    }

    /// Where cargo builds, as told by the program that is running.
    pub(crate) fn target(&self) -> PathBuf {
        let program = env::current_exe().unwrap_or_default();
        let tagged = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
        tagged.map_or_else(|| self.root.join("target"), Path::to_path_buf)
    }
}
