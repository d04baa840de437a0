//! Offline estimation: smoothing, EM, and the comparison with rolling regressions.
//!
//! It runs after the pipeline and reads the data once more. Nothing here reaches the pipeline: betas with hindsight are of
//! types that nothing there accepts.
//!
//! Data above 2 GB is refused. Each instrument is smoothed or fitted by itself, so that the moments of one
//! instrument are held at a time. An instrument's DLM runs alone from the S₀ that it began with among the
//! others (`Dlm::start`), which gives the same bits.

mod findings;
mod hindsight;
mod rolling;

use std::path::Path;

use anyhow::{Error, Result, anyhow};
use betaflow_engine::ledger::RunFacts;
use betaflow_engine::model::{Panel, PanelError, PanelShape};

pub(crate) use findings::Findings;

use super::{OfflineArgs, Rival};
use crate::config::{Config, source_error};
use crate::run::data::Opened;
use crate::run::open;
use crate::run::progress::{Counted, Line};

/// Bytes that the returns may take.
const BYTES_MAX: u64 = 2_000_000_000;

/// Smooths, fits and compares as asked, and writes the tables into the folder.
///
/// # Errors
/// The data does not fit into memory, cannot be read again, or a table cannot be written.
pub(crate) fn run(asked: &OfflineArgs, config: &Config, facts: &RunFacts, folder: &Path) -> Result<Findings> {
    let mut findings = Findings::default();
    if !asked.smooth && asked.em.is_none() && asked.compare.is_none() {
        return Ok(findings);
    }
    let panel = read(config, facts)?;
    if asked.smooth || asked.em.is_some() {
        hindsight::look_back(asked.smooth, asked.em, config, &panel, folder, &mut findings)?;
    }
    if let Some(Rival::Rolling) = asked.compare {
        findings.compared = Some(rolling::compare(config, &panel, folder)?);
    }
    Ok(findings)
}

/// Reads the data once more, which the pipeline has read already.
fn read(config: &Config, facts: &RunFacts) -> Result<Panel> {
    let Opened { source, progress } = open(config)?;
    let (mut source, counter) = Counted::new(source);
    let line = Line::start(progress, counter);
    let panel = Panel::read(&mut source, PanelShape::from(&facts.data), config.data.excess, BYTES_MAX);
    drop(line);
    panel.map_err(in_words)
}

fn in_words(error: PanelError) -> Error {
    match error {
        PanelError::TooLarge { shape, bytes_max } => anyhow!(
            "--smooth, --em and --compare hold all returns in memory: found {} instruments × {} frames, {:.1} GB; expected at \
             most {:.0} GB; choose a shorter period with --from and --to, or fewer instruments with universe.include",
            shape.instruments,
            shape.frames,
            shape.bytes() as f64 * 1e-9,
            bytes_max as f64 * 1e-9
        ),
        PanelError::Changed { expected, found } => anyhow!(
            "the data changed while it was read: found {} frames of {} instruments, and before {} of {}; run again",
            found.frames,
            found.instruments,
            expected.frames,
            expected.instruments
        ),
        PanelError::Source(error) => source_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_that_is_too_large_is_refused_with_a_remedy() {
        let shape = PanelShape { instruments: 505, frames: 20_000_000 };
        let refused = in_words(PanelError::TooLarge { shape, bytes_max: BYTES_MAX }).to_string();
        for part in ["505 instruments", "80.8 GB", "at most 2 GB", "--from", "universe.include"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
    }
}
