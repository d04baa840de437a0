//! Calls of a command from the same process, and their errors.

use std::path::Path;

use clap::Parser as _;
use clap::error::ErrorKind;

use super::{Cli, advice};
use crate::config::{self, PartSettings, SettingError, SettingProblem};
use crate::host::{Call, CallSetting, Host, Interrupted, Reply};
use crate::study::Grid;
use betaflow_connectors::{DataError, DataPlace};
use betaflow_engine::pipeline::PipelineError;
use betaflow_engine::strategy::StrategyFailure;

/// Error of a call.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// Kind of the error.
    pub kind: CallErrorKind,
    /// Text as the program would show it.
    pub message: String,
    /// Place in the data that the error names.
    pub place: Option<DataPlace>,
    /// Dotted name of a refused setting.
    pub setting: Option<String>,
    /// Value of a refused setting.
    pub found: Option<String>,
    /// Values that the setting accepts.
    pub expected: Option<String>,
    /// Failure of the caller's strategy.
    pub strategy: Option<StrategyFailure>,
}

/// Kind of the error of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallErrorKind {
    /// Argument or setting that is not accepted.
    Config,
    /// Data that cannot be used.
    Input,
    /// Strategy that fails.
    Strategy,
    /// Interruption by the caller.
    Interrupted,
    /// Any other error.
    Other,
}

/// Runs a command for a caller; nothing is written to the terminal, except the log of `paper` on standard error.
///
/// # Errors
/// The command fails; its kind, place and setting are those of the first cause that has them.
pub fn call(call: Call) -> Result<Reply, Box<CallError>> {
    let cli = Cli::try_parse_from(&call.arguments).map_err(|error| {
        let message = match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.to_string(),
            _ => error.to_string().trim_start_matches("error: ").to_owned(),
        };
        Box::new(CallError::new(CallErrorKind::Config, message))
    })?;
    let host = Host::of(call);
    cli.command.run(&host).map_err(|error| Box::new(CallError::of(&error)))?;
    Ok(host.reply())
}

/// Checks settings of `[estimator]`, `[sizing]` and `[data]` for a caller that uses filters or the solver without a run.
///
/// # Errors
/// A setting is unknown, or has a value that is not accepted: an error of the kind `Config`.
pub fn part_settings(settings: &[CallSetting]) -> Result<PartSettings, Box<CallError>> {
    PartSettings::of(settings).map_err(|error| Box::new(CallError::of(&error)))
}

/// Returns the number of scenarios of a grid: of the file `path`, or of the content `grid`.
///
/// # Errors
/// The grid cannot be read, or is none.
pub fn scenarios(path: &Path, grid: Option<toml::Table>) -> Result<usize, Box<CallError>> {
    let host = Host::of(Call { grid, ..Call::default() });
    let grid = Grid::read(path, &host).map_err(|error| Box::new(CallError::of(&error)))?;
    Ok(grid.scenarios.len())
}

impl CallError {
    fn new(kind: CallErrorKind, message: String) -> Self {
        Self { kind, message, place: None, setting: None, found: None, expected: None, strategy: None }
    }

    fn of(error: &anyhow::Error) -> Self {
        let mut text = config::error_text(error);
        if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref()) {
            text += advice(error);
        }
        let mut call = Self::new(CallErrorKind::Other, text);
        for cause in error.chain() {
            // The cause of a failed stage is an error of its own type.
            let cause = match cause.downcast_ref() {
                Some(PipelineError::Failed { source, .. }) => &**source as &(dyn std::error::Error + 'static),
                _ => cause,
            };
            if cause.is::<Interrupted>() {
                call.kind = CallErrorKind::Interrupted;
            } else if let Some(data) = cause.downcast_ref::<DataError>() {
                call.kind = CallErrorKind::Input;
                call.place = data.place();
            } else if let Some(failure) = cause.downcast_ref::<StrategyFailure>() {
                call.kind = CallErrorKind::Strategy;
                call.strategy = Some(failure.clone());
            } else if let Some(setting) = cause.downcast_ref::<SettingError>() {
                call.kind = CallErrorKind::Config;
                call.setting = Some(setting.setting.clone());
                if let SettingProblem::Value { found, expected } = &setting.problem {
                    (call.found, call.expected) = (Some(found.clone()), Some(expected.clone()));
                }
            } else {
                continue;
            }
            break;
        }
        call
    }
}
