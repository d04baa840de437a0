//! The `betaflow` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    betaflow_replay::main(std::env::args_os()).into()
}
