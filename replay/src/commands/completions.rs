//! `betaflow completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::Cli;
use crate::terminal::say;

pub(super) const COMPLETIONS: &str = "\
Print the completions of all commands and flags for a shell.

Examples:
  betaflow completions bash > ~/.local/share/bash-completion/completions/betaflow
  betaflow completions zsh > ~/.zfunc/_betaflow
  betaflow completions fish > ~/.config/fish/completions/betaflow.fish";

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell that reads the completions.
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the completions for a shell.
pub(super) fn completions(args: &CompletionsArgs) {
    let mut text = Vec::new();
    generate(args.shell, &mut Cli::command(), "betaflow", &mut text);
    say(&String::from_utf8_lossy(&text));
}
