//! Arguments of the commands that write a run folder.

use std::path::PathBuf;

use clap::Args;

use crate::config::InputArgs;

/// Arguments of the commands that write a run folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Last date, included [default: all data].
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Run folder to write [default: the next free runs/COMMAND-1, runs/COMMAND-2, ...].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace an earlier run in that folder; other files stay.
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Show the time that each stage took.
    #[arg(long)]
    pub timing: bool,
    /// Print summary.json, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of commands that write a report.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Instruments to plot in the report, such as AAPL,MSFT [default: a few].
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub plot: Vec<String>,
    /// Skip report.html, which has 5 MB.
    #[arg(long, conflicts_with = "plot")]
    pub no_report: bool,
}
