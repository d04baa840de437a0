//! Offline estimation: smoothing, EM, and the comparisons with rolling regressions and with other risk models.
//!
//! It runs after the pipeline and reads the data a second time. Its results cannot reach the pipeline, which does not accept
//! the types of betas with hindsight.
//!
//! The comparison of risk models holds 252 frames. For all else, returns above 2 GB are rejected. Instruments are smoothed and fitted one after the other, so that memory holds the moments
//! of one. The DLM of a single instrument starts from the same S₀ as among the others (`Dlm::start`), and gives the same bits.

mod findings;
mod hindsight;
mod risk;
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

/// Maximum bytes of the returns.
const BYTES_MAX: u64 = 2_000_000_000;

/// Smooths, fits and compares as requested, and writes the tables into the folder.
///
/// # Errors
/// The data does not fit into memory, cannot be read again, or a table cannot be written.
pub(crate) fn run(asked: &OfflineArgs, config: &Config, facts: &RunFacts, folder: &Path) -> Result<Findings> {
    let mut findings = Findings::default();
    if !asked.smooth && asked.em.is_none() && asked.compare.is_none() {
        return Ok(findings);
    }
    if let Some(Rival::Risk) = asked.compare {
        findings.risk = Some(risk::compare(config)?);
    }
    let rolls = matches!(asked.compare, Some(Rival::Rolling));
    if !asked.smooth && asked.em.is_none() && !rolls {
        return Ok(findings);
    }
    let panel = read(config, facts)?;
    if asked.smooth || asked.em.is_some() {
        hindsight::look_back(asked.smooth, asked.em, config, &panel, folder, &mut findings)?;
    }
    if rolls {
        findings.compared = Some(rolling::compare(config, &panel, folder)?);
    }
    Ok(findings)
}

/// Reads the data a second time, after the pipeline.
fn read(config: &Config, facts: &RunFacts) -> Result<Panel> {
    let Opened { source, progress, .. } = open(config)?;
    let (mut source, counter) = Counted::new(source);
    let line = Line::start(config.host(), progress, counter);
    let panel = Panel::read(&mut source, PanelShape::from(&facts.data), config.data.excess, BYTES_MAX);
    drop(line);
    panel.map_err(error_of)
}

fn error_of(error: PanelError) -> Error {
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
            "the data changed during the run: found {} frames of {} instruments, expected {} of {}; run again",
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
    fn panel_that_is_too_large_is_rejected_with_a_remedy() {
        let shape = PanelShape { instruments: 505, frames: 20_000_000 };
        let error = error_of(PanelError::TooLarge { shape, bytes_max: BYTES_MAX }).to_string();
        for part in ["505 instruments", "80.8 GB", "at most 2 GB", "--from", "universe.include"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
