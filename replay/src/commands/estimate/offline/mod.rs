//! What looks at a run from its end: smoothing, EM, and the comparison with rolling regressions.
//!
//! All of it comes after the pipeline and reads the data once more. Nothing here reaches the pipeline: betas with
//! hindsight are of types that nothing there accepts.

mod findings;
mod hindsight;
mod panel;
mod rolling;

use std::path::Path;

use anyhow::Result;
use betaflow_engine::ledger::RunFacts;

pub(crate) use findings::Findings;
use panel::Panel;

use super::{OfflineArgs, Rival};
use crate::config::Config;

/// Does what is asked for and writes its tables into the folder.
///
/// # Errors
/// The data does not fit into memory, cannot be read again, or a table cannot be written.
pub(crate) fn run(asked: &OfflineArgs, config: &Config, facts: &RunFacts, folder: &Path) -> Result<Findings> {
    let mut findings = Findings::default();
    if !asked.smooth && asked.em.is_none() && asked.compare.is_none() {
        return Ok(findings);
    }
    let panel = Panel::read(config, facts)?;
    if asked.smooth || asked.em.is_some() {
        hindsight::look_back(asked.smooth, asked.em, config, &panel, folder, &mut findings)?;
    }
    if let Some(Rival::Rolling) = asked.compare {
        findings.compared = Some(rolling::compare(config, &panel, folder)?);
    }
    Ok(findings)
}
