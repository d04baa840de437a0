//! Arguments of the commands that try many settings.

use std::path::PathBuf;

use clap::Args;

use crate::run::RunArgs;

/// Arguments of the commands that try many settings.
#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// TOML file that says which settings vary
    #[arg(long, value_name = "FILE")]
    pub grid: PathBuf,
    #[command(flatten)]
    pub run: RunArgs,
    /// Go on with a run for this folder that was interrupted
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Ledger of what has been tried on the data; `none` to keep none [default: PRICES.trials.jsonl]
    #[arg(long, value_name = "FILE")]
    pub trials: Option<PathBuf>,
    /// Write no report.html (it takes 5 MB)
    #[arg(long)]
    pub no_report: bool,
}
