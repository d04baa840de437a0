//! `betaflow estimate`.

mod args;
mod offline;

use anyhow::Result;

use crate::host::Host;
use crate::run::{self, Prepared, Reported, open};

pub(super) use args::{ESTIMATE, EstimateArgs};
use args::{OfflineArgs, Rival};

/// Estimates alpha and betas through historical data.
///
/// # Errors
/// Settings or data are invalid, or a file cannot be written.
pub(super) fn estimate(args: &EstimateArgs, host: &Host) -> Result<()> {
    let plot = (!args.report.no_report).then_some(&args.report.plot[..]);
    let config = run::resolve(&args.run, &run::ESTIMATE, host)?;
    let (smooths, compares) = (args.offline.smooth, matches!(args.offline.compare, Some(Rival::Rolling)));
    let kind = run::ESTIMATE.with_tables(smooths, compares);
    let finished = Prepared::new(&config, &args.run, &kind, open(&config)?, None)?.execute()?;
    let findings = offline::run(&args.offline, &config, finished.facts(), finished.folder())?;
    finished.conclude(Reported { findings: findings.section(), plot, ..Reported::default() })
}
