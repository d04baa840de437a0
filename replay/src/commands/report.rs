//! `betaflow report`.

use std::path::PathBuf;

use anyhow::Result;
use betaflow_connectors::record::replace_file;
use clap::Args;

use crate::report::{self, FILE};
use crate::terminal::say;

pub(super) const REPORT: &str = "\
Make the report of a run folder again.

It reads the folder alone: summary.json, run.toml and the tables that are
there, and writes report.html into it. A section whose table or figures are
missing says so, so the folder of an older run has a report as well.

Example:
  betaflow report runs/replay-1";

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The folder of a run
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Instruments to draw, of an estimate, such as AAPL,MSFT; without it a few are chosen
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub plot: Vec<String>,
}

/// Makes the report of a run folder again.
///
/// # Errors
/// The folder cannot be read or written.
pub(super) fn report(args: &ReportArgs) -> Result<()> {
    let html = report::html_of(&args.folder, &args.plot)?;
    let path = replace_file(&args.folder, FILE, &html)?;
    say(&format!("written to {}\n", path.display()));
    Ok(())
}
