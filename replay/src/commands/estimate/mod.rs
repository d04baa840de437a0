//! `betaflow estimate`.

mod args;
mod offline;

use anyhow::{Result, bail};

use crate::config::Config;
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
    refuse_groups(&args.offline, &config)?;
    let (smooths, compares) = (args.offline.smooth, matches!(args.offline.compare, Some(Rival::Rolling)));
    let kind = run::ESTIMATE.with_tables(smooths, compares);
    let finished = Prepared::new(&config, &args.run, &kind, open(&config)?, None)?.execute()?;
    let findings = offline::run(&args.offline, &config, finished.facts(), finished.folder())?;
    finished.conclude(Reported { findings: findings.section(), plot, ..Reported::default() })
}

/// Refuses analyses of a whole history, which have no factors of groups.
fn refuse_groups(offline: &OfflineArgs, config: &Config) -> Result<()> {
    let Some(column) = config.run().groups.iter().find(|column| column.has_factors) else { return Ok(()) };
    let flags = [
        ("--smooth", offline.smooth),
        ("--em", offline.em.is_some()),
        ("--compare rolling", matches!(offline.compare, Some(Rival::Rolling))),
    ];
    let Some((flag, _)) = flags.iter().find(|(_, is_set)| *is_set) else { return Ok(()) };
    bail!(
        "{flag}: found the factor `{}` of groups in [factors], expected none with this flag, because the analysis of a whole \
         history has no factors of groups; leave one of the two out",
        column.factor
    )
}
