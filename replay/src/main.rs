//! The `betaflow` program: arguments, configuration and subcommands. The mathematics is in the engine.

mod alerts;
mod args;
mod check;
mod commands;
mod config;
mod dashboard;
mod diff;
mod feeds;
mod json_lines;
mod offline;
mod paper;
mod progress;
mod report;
mod scenarios;
mod score;
mod serve;
mod session;
mod size;
mod state;
mod stress;
mod summary;
mod terminal;
mod tune;
mod version;
mod world;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Replay(args) => commands::replay(&args),
        Command::Score(args) => score::score(&args),
        Command::Estimate(args) => commands::estimate(&args),
        Command::Size(args) => size::size(&args),
        Command::Stress(args) => stress::stress(&args),
        Command::Tune(args) => tune::tune(&args),
        Command::Serve(args) => serve::serve(&args),
        Command::Paper(args) => paper::paper(&args),
        Command::State(args) => state::state(&args),
        Command::Diff(args) => match diff::diff(&args) {
            Ok(code) => return code,
            Err(error) => {
                say_error(&error);
                return ExitCode::from(diff::FAILED);
            }
        },
        Command::Report(args) => commands::report(&args),
        Command::Check(args) => check::check(&args),
        Command::Dashboard(args) => dashboard::dashboard(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// The chain of causes, each once: an error that repeats its cause says it itself.
fn say_error(error: &anyhow::Error) {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref()) {
        text += state::advice(error);
    }
    eprintln!("error: {}", terminal::printable(&text));
}
