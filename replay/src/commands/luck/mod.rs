//! `betaflow luck`: multiple testing of trials from anywhere.

mod args;
mod examined;
mod text;

use anyhow::{Result, bail};
use betaflow_connectors::parquet::{ReturnRows, ReturnTable, read_returns};
use betaflow_connectors::record::{CorrelationRow, RunFolder, RunNames, TableWriter, TrialRow};

use super::result_folder::{Written, refuse_overwritten};
use crate::host::Host;
use crate::summary::to_json;
pub(super) use args::{LUCK, LuckArgs};
use examined::Examined;

/// Table of the trials.
const TABLE: &str = "luck.parquet";

/// Tests the trials of a file for luck.
///
/// # Errors
/// The file cannot be read or has no trial, an option is out of range, or the folder cannot be written.
pub(super) fn luck(args: &LuckArgs, host: &Host) -> Result<()> {
    check(args)?;
    let out = args.out.as_deref();
    refuse_overwritten(&args.returns, out, &[TABLE, "correlations.parquet"])?;
    let examined = Examined::new(args, read(args, host)?)?;
    let json = to_json(&examined.summary())?;
    let written = out.map(|out| {
        let folder = RunFolder::create(out, args.force)?;
        examined.write(&folder)?;
        Written::complete(folder, out, &json)
    });
    let written = written.transpose()?;
    let page = || examined.page(written.as_ref());
    host.conclude(args.json, &json, page, written.as_ref().map(Written::path));
    Ok(())
}

/// Checks the options.
fn check(args: &LuckArgs) -> Result<()> {
    let positive =
        |flag: &str, value: Option<f64>| match value.filter(|value| !(value.is_finite() && *value > 0.0)) {
            Some(found) => bail!("{flag}: found {found}, expected a number above 0"),
            None => Ok(()),
        };
    positive("--periods-per-year", args.periods_per_year)?;
    positive("--sharpe-variance", args.sharpe_variance)?;
    if !(2..=20).contains(&args.blocks) || args.blocks % 2 == 1 {
        bail!("--blocks: found {}, expected an even number from 2 to 20", args.blocks);
    }
    if !(-1.0..=1.0).contains(&args.max_correlation) {
        bail!("--max-correlation: found {}, expected a number from -1 to 1", args.max_correlation);
    }
    Ok(())
}

/// Reads the returns.
fn read(args: &LuckArgs, host: &Host) -> Result<ReturnTable> {
    let rows = ReturnRows { what: "returns of trials", nulls: true, ..ReturnRows::default() };
    let table = read_returns(&host.input(&args.returns.to_string_lossy()), &rows)?;
    let file = args.returns.display();
    if table.names.is_empty() {
        bail!("{file}: found no column of returns, expected one for each trial besides the time column");
    }
    if let Some((name, _)) =
        table.names.iter().zip(&table.returns).find(|(_, returns)| returns.iter().all(|r| r.is_nan()))
    {
        bail!("{file}: column `{name}`: found no return, expected at least 2; remove the column");
    }
    Ok(table)
}

impl Examined {
    /// Writes both tables.
    fn write(&self, folder: &RunFolder) -> Result<()> {
        let mut table = TableWriter::<TrialRow>::create(folder.path(), &RunNames::default(), None)?;
        self.rows().iter().try_for_each(|row| table.push(row))?;
        table.close()?;
        let mut table = TableWriter::<CorrelationRow>::create(folder.path(), &RunNames::default(), None)?;
        self.pairs().try_for_each(|row| table.push(&row))?;
        Ok(table.close()?)
    }
}
