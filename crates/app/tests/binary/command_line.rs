//! The command line against a server, as somebody types it who has a folder of their own for what they are signed in by.

use crate::client::Api;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use tempfile::TempDir;

/// Somebody at a keyboard.
pub(crate) struct Person {
    folder: TempDir,
}

/// What a command has said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The same, if the command has ended so.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The lines of a table, without the one with the names of columns.
    pub(crate) fn rows(&self) -> Vec<Vec<&str>> {
        self.out.lines().skip(1).map(|line| line.split_whitespace().collect()).collect()
    }
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    err: BufReader<ChildStderr>,
    heard: String,
}

impl Running {
    /// Waits for a line on standard error in which `of` finds something.
    pub(crate) fn hear<T>(&mut self, of: impl Fn(&str) -> Option<T>) -> T {
        loop {
            let mut line = String::new();
            let read = self.err.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended: {}", self.heard);
            self.heard += &line;
            if let Some(found) = of(line.trim()) {
                return found;
            }
        }
    }

    pub(crate) fn end(mut self) -> Said {
        self.err.read_to_string(&mut self.heard).unwrap();
        let output = self.child.wait_with_output().unwrap();
        Said { err: self.heard, ..Said::of(output) }
    }
}

impl Person {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Somebody who is signed in to a server by a session.
    pub(crate) fn signed_in(api: &Api) -> Self {
        let person = Self::new();
        person.typing(&["login", &api.url, "--token-stdin"], &format!("{}\n", api.session)).expect(0);
        person
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.folder.path().join("doorward/credentials.json")
    }

    /// A file of theirs.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(crate::DOORWARD);
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.as_encoded_bytes().starts_with(b"DOORWARD_")) {
            command.env_remove(key);
        }
        command.env("XDG_CONFIG_HOME", self.folder.path()).env_remove("BROWSER").current_dir(self.folder.path());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn types(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// A command with something on standard input.
    pub(crate) fn typing(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Said::of(child.wait_with_output().unwrap())
    }

    /// A command whose reader goes away at once.
    pub(crate) fn types_to_nobody(&self, arguments: &[&str]) -> Said {
        let mut child = self.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        Said::of(child.wait_with_output().unwrap())
    }

    pub(crate) fn begins(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        Running { child, err, heard: String::new() }
    }
}
