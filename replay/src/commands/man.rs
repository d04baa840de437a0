//! `betaflow man`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

use super::Cli;
use crate::terminal::say;

pub(super) const MAN: &str = "\
Write the manual pages: betaflow.1, and one page for each command.

Example:
  betaflow man --out man/man1
  man --local-file man/man1/betaflow-replay.1";

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder to write the pages into; created if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Writes the manual pages.
///
/// # Errors
/// The folder or a page cannot be written.
pub(super) fn man(args: &ManArgs) -> Result<()> {
    let folder = &args.out;
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: could not create the folder", folder.display()))?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let pages: Vec<clap::Command> = std::iter::once(command.clone()).chain(commands).collect();
    let count = pages.len();
    for page in pages {
        let man = Man::new(page);
        let path = folder.join(man.get_filename());
        let mut text = Vec::new();
        let failed = || format!("{}: could not write the page", path.display());
        man.render(&mut text).with_context(failed)?;
        fs::write(&path, text).with_context(failed)?;
    }
    say(&format!("{count} pages written to {}\n", folder.display()));
    Ok(())
}
