//! Arguments of the commands that write a run folder.

use std::path::PathBuf;

use clap::Args;

use crate::config::InputArgs;

/// Arguments of the commands that write a run folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Last date, included
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Folder to write; without it the next free runs/NAME-1, runs/NAME-2, ...
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace what is in that folder
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Show where the time went, stage by stage
    #[arg(long)]
    pub timing: bool,
    /// Print summary.json on standard output, and nothing else there
    #[arg(long)]
    pub json: bool,
}

/// Arguments of commands that write a report.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Instruments to draw in the report, such as AAPL,MSFT; without it a few are chosen
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub plot: Vec<String>,
    /// Write no report.html (it takes 5 MB)
    #[arg(long, conflicts_with = "plot")]
    pub no_report: bool,
}
