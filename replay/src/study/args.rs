//! Arguments of the commands that run many scenarios.

use std::path::PathBuf;

use clap::Args;

use crate::run::RunArgs;

/// Arguments of the commands that run many scenarios.
#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// TOML file of the settings that vary, and their values.
    #[arg(long, value_name = "FILE")]
    pub grid: PathBuf,
    #[command(flatten)]
    pub run: RunArgs,
    /// Resume an interrupted run for this folder.
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Trials log of the data, or `none` [default: PRICES.trials.jsonl].
    #[arg(long, value_name = "FILE")]
    pub trials: Option<PathBuf>,
    /// Skip report.html, which has 5 MB.
    #[arg(long)]
    pub no_report: bool,
}
