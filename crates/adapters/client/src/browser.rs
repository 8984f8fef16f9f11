//! Opening a page in the browser of whoever sits at this machine.

use std::process::{Command, Stdio};
use url::Url;

/// Programs that open pages, in the order in which they are tried.
#[cfg(target_os = "macos")]
const OPENERS: [&str; 1] = ["open"];
#[cfg(not(target_os = "macos"))]
const OPENERS: [&str; 3] = ["xdg-open", "gio", "wslview"];

/// Opens the address of a page, by the program in `BROWSER` or one of the system; says whether any program took it.
pub(crate) fn open(url: &Url) -> bool {
    if !["http", "https"].contains(&url.scheme()) {
        return false;
    }
    let own = std::env::var("BROWSER").ok().filter(|program| !program.is_empty());
    // As other programs read it: several, of which the first that works is taken.
    let own: Vec<String> = own.iter().flat_map(|programs| programs.split(':')).map(str::to_owned).collect();
    let mut programs = own.iter().map(String::as_str).chain(OPENERS);
    programs.any(|program| start(program, url.as_str()))
}

fn start(program: &str, url: &str) -> bool {
    let mut command = Command::new(program);
    if program == "gio" {
        command.arg("open");
    }
    let started = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = started else { return false };
    // A browser stays; what only hands the address over ends. Nobody waits for either.
    std::thread::spawn(move || child.wait());
    true
}
