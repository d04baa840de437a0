//! `betaflow report`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use betaflow_connectors::record::{layout_of, replace_file};
use clap::Args;

use crate::host::Host;
use crate::report::{self, FILE};

pub(super) const REPORT: &str = "\
Write the report of a run folder again.

The command reads only the folder (summary.json, run.toml and its tables) and
writes report.html into it. A section names a missing table or figure, so that
the folder of an older version has a report as well. A table that is cut off is
an error (exit code 1), after the report of the others.

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
/// The folder cannot be read or written, or one of its tables is damaged.
pub(super) fn report(args: &ReportArgs, host: &Host) -> Result<()> {
    let html = report::html_of(&args.folder, &args.plot)?;
    let path = replace_file(&args.folder, FILE, &html)?;
    host.say(&format!("written to {}\n", path.display()));
    check_tables(&args.folder)
}

/// Opens every table of a folder.
fn check_tables(folder: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    for name in names.iter().filter(|name| name.ends_with(".parquet")) {
        layout_of(folder, name)
            .context("the report lacks a table; run the command again that wrote the folder")?;
    }
    Ok(())
}
