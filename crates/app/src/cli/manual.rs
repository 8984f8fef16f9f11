//! `doorward completions` and `doorward man`: made of the commands themselves, so that they are never behind.

use super::print;
use anyhow::{Context as _, bail};
use clap::{Args, Command};
use clap_complete::Shell;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  doorward completions bash > /etc/bash_completion.d/doorward\n  \
                  doorward completions zsh > ~/.zfunc/_doorward\n  \
                  doorward completions fish > ~/.config/fish/completions/doorward.fish")]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  doorward man | man -l -\n  doorward man ctl user | man -l -\n  \
                  doorward man --dir /usr/local/share/man/man1")]
pub(super) struct Man {
    /// Of which command, such as `ctl user`; of all of it without any
    command: Vec<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    dir: Option<PathBuf>,
}

impl Completions {
    pub(super) fn run(&self, mut whole: Command) -> anyhow::Result<ExitCode> {
        let mut out = Vec::new();
        clap_complete::generate(self.shell, &mut whole, "doorward", &mut out);
        print(&String::from_utf8(out).context("cannot write completions")?)
    }
}

impl Man {
    pub(super) fn run(&self, mut whole: Command) -> anyhow::Result<ExitCode> {
        whole.build();
        if let Some(folder) = &self.dir {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
            clap_mangen::generate_to(whole, folder)
                .with_context(|| format!("cannot write into {}", folder.display()))?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut found = &whole;
        for name in &self.command {
            let Some(inner) = found.find_subcommand(name) else { bail!("there is no command `{name}`") };
            found = inner;
        }
        let mut out = Vec::new();
        clap_mangen::Man::new(found.clone()).render(&mut out).context("cannot write a page")?;
        print(&String::from_utf8(out).context("cannot write a page")?)
    }
}
