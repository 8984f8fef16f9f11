//! Asking the person at the keyboard.

use crate::failure::usage;
use anyhow::{Context as _, bail};
use doorward_domain::Secret;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

/// Whether to go ahead. Without a terminal nobody can be asked.
pub(crate) fn confirm(question: &str, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return Err(usage(format!("there is no terminal to ask: {question} Say --yes to go ahead")));
    }
    let mut out = io::stderr().lock();
    write!(out, "{question} [y/N] ").and_then(|()| out.flush()).context("cannot ask")?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
    Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A secret of one line from standard input.
pub(crate) fn secret_from_stdin(what: &str) -> anyhow::Result<Secret<String>> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).with_context(|| format!("cannot read the {what} from standard input"))?;
    let line = line.trim_end_matches(['\n', '\r']);
    if line.is_empty() {
        return Err(usage(format!("there is no {what} on standard input")));
    }
    Ok(Secret::from(line))
}

/// A secret that somebody types, or pastes; it is not shown.
pub(crate) fn secret_from_terminal(prompt: &str, otherwise: &str) -> anyhow::Result<Secret<String>> {
    if !io::stdin().is_terminal() {
        return Err(usage(format!("there is no terminal to ask on; use {otherwise}")));
    }
    let text = rpassword::prompt_password(prompt).context("cannot read what is typed")?;
    Ok(Secret::new(text))
}

/// A new password, typed twice or given on standard input.
pub(crate) fn new_password(from_stdin: bool) -> anyhow::Result<Secret<String>> {
    if from_stdin {
        return secret_from_stdin("password");
    }
    let first = secret_from_terminal("Password: ", "--password-stdin")?;
    let again = secret_from_terminal("Again: ", "--password-stdin")?;
    if first.expose() != again.expose() {
        bail!("the two passwords differ");
    }
    Ok(first)
}
