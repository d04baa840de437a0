//! `betaflow report`.

use std::path::PathBuf;

use anyhow::Result;
use betaflow_connectors::record::replace_file;
use clap::Args;

use crate::host::Host;
use crate::report::{self, FILE};

pub(super) const REPORT: &str = "\
Write the report of a run folder again.

The command reads only the folder (summary.json, run.toml and its tables) and
writes report.html into it. A section names a missing table or figure, so that
the folder of an older version has a report as well.

Example:
  betaflow report runs/replay-1";

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Run folder.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Instruments to plot for an estimate, such as AAPL,MSFT [default: a few].
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub plot: Vec<String>,
}

/// Writes the report of a run folder again.
///
/// # Errors
/// The folder cannot be read or written.
pub(super) fn report(args: &ReportArgs, host: &Host) -> Result<()> {
    let html = report::html_of(&args.folder, &args.plot)?;
    let path = replace_file(&args.folder, FILE, &html)?;
    host.say(&format!("written to {}\n", path.display()));
    Ok(())
}
