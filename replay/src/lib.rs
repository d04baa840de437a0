//! The `betaflow` program as a library: [`main`] takes the arguments and returns the exit code.
//!
//! | module | content |
//! |---|---|
//! | `commands` | commands, one file or folder each |
//! | `config` | settings, as typed and as validated |
//! | `run` | one run: data, run folder, progress |
//! | `study` | many runs of one grid |
//! | `summary` | figures of a run, for the terminal and `summary.json` |
//! | `report` | `report.html` |
//! | `terminal` | pages on a terminal |

mod commands;
mod config;
mod report;
mod run;
mod study;
mod summary;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

/// Runs the program with the arguments `argv`; the first is the name of the program.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match commands::Cli::try_parse_from(argv) {
        Ok(cli) => cli.command,
        Err(error) => {
            // Help and version are not failures; ignore a closed standard output.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    command.run().unwrap_or_else(|error| {
        print_error(&error);
        command.failure()
    })
}

/// Prints an error with its causes and remedy.
fn print_error(error: &anyhow::Error) {
    let mut text = config::error_text(error);
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref()) {
        text += commands::advice(error);
    }
    terminal::tell_error(&text);
}
