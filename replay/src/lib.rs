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
//! | `host` | terminal of the program, or a caller in the same process |
//! | `terminal` | pages on a terminal |

mod commands;
mod config;
mod host;
mod report;
mod run;
mod study;
mod summary;
mod terminal;

use std::ffi::OsString;

use clap::Parser as _;
pub use commands::{CallError, CallErrorKind, call, part_settings, scenarios};
pub use config::PartSettings;
use host::Host;
pub use host::{Call, CallProgress, CallSetting, Reply, StrategyFactory};

/// Runs the program with the arguments `argv`, beginning with the name of the program; returns the exit code.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> u8 {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let command = match commands::Cli::try_parse_from(&argv) {
        Ok(cli) => cli.command,
        Err(error) if commands::asks_for_details(&error, &argv) => {
            terminal::say(&commands::version_details());
            return 0;
        }
        Err(error) => {
            // Help and version are not failures; ignore a closed standard output.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(1);
        }
    };
    command.run(&Host::default()).unwrap_or_else(|error| {
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
