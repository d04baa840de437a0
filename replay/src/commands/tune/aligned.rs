//! Returns of all settings on the frames that all of them have: errors and notes in words.

use anyhow::{Error, Result, anyhow};
use betaflow_engine::time::TimestampNs;
use betaflow_engine::validation::{AlignedReturns, AlignmentError, TrialReturns};

use crate::study::Outcome;
use crate::summary::time_text;

/// Aligns the outcomes of a study; the first `settings` of them compete.
///
/// # Errors
/// All settings are ruined, one has no returns, or is on other frames than the rest.
pub(crate) fn align(outcomes: &[Outcome], settings: usize) -> Result<AlignedReturns> {
    let trials: Vec<TrialReturns> = outcomes.iter().map(trial).collect();
    AlignedReturns::new(&trials, settings).map_err(in_words)
}

fn trial(outcome: &Outcome) -> TrialReturns<'_> {
    let (number, ruined) = (outcome.row.number, outcome.row.ruined);
    match &outcome.returns {
        Some(of) => TrialReturns {
            number,
            ruined,
            first_seq: of.first_seq,
            timestamps: &of.timestamps,
            returns: &of.returns,
            turnover: &of.turnover,
        },
        None => TrialReturns { number, ruined, first_seq: 0, timestamps: &[], returns: &[], turnover: &[] },
    }
}

fn in_words(error: AlignmentError) -> Error {
    match error {
        AlignmentError::AllRuined { trials } => anyhow!(
            "tune: found that each of the {trials} settings is ruined: its value fell to 0 or below; expected at least \
             one that survives the data: lower sizing.gross_max or sizing.kelly_fraction in the grid"
        ),
        AlignmentError::NoReturns { number } => anyhow!(
            "scenario {number}: found no returns to score; expected a setting that decides before the data ends \
             (estimator.warmup), and fewer settings where they are too many to keep the returns of"
        ),
        AlignmentError::OtherFrames { number, other } => anyhow!(
            "scenario {number}: found other frames than those of scenario {other}; expected all settings on the same frames: \
             leave out what changes which frames there are (universe, factors)"
        ),
        AlignmentError::BadReturn { number, found, time } => anyhow!(
            "scenario {number}: found a return of {found} at {}, expected a finite one above -1: leave the setting out",
            time_text(time).unwrap_or_default()
        ),
    }
}

/// Notes where settings begin to decide on different frames.
pub(crate) fn notes(aligned: &AlignedReturns) -> Vec<String> {
    let text = |time: Option<TimestampNs>| time_text(time).unwrap_or_default();
    let earlier = (aligned.earlier > 0).then(|| {
        format!(
            "settings begin to decide on different frames (warm-up or schedule): {} of {} are scored only from {} on, where \
             all have decided",
            aligned.earlier,
            aligned.survivors.len(),
            text(aligned.times.first().copied())
        )
    });
    let later = aligned.later.map(|time| {
        format!(
            "the configuration as it is decides later than the settings to choose from, and is compared as if it held cash \
             before {}",
            text(Some(time))
        )
    });
    [earlier, later].into_iter().flatten().collect()
}
