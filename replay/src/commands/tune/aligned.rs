//! Returns of all settings on their common frames: errors and warnings as text.

use anyhow::{Error, Result, anyhow};
use betaflow_engine::time::TimestampNs;
use betaflow_engine::validation::{AlignedReturns, AlignmentError, TrialReturns};

use crate::study::Outcome;
use crate::summary::time_text;

/// Aligns the outcomes of a study; the first `settings` of them compete.
///
/// # Errors
/// All settings are ruined, or one has no returns or different frames.
pub(crate) fn align(outcomes: &[Outcome], settings: usize) -> Result<AlignedReturns> {
    let trials: Vec<TrialReturns> = outcomes.iter().map(trial).collect();
    AlignedReturns::new(&trials, settings).map_err(error_of)
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

fn error_of(error: AlignmentError) -> Error {
    match error {
        AlignmentError::AllRuined { trials } => anyhow!(
            "tune: found that all {trials} settings are ruined: their value fell to 0 or below; expected at least one that \
             survives: lower sizing.gross_max or sizing.kelly_fraction in the grid"
        ),
        AlignmentError::NoReturns { number } => anyhow!(
            "scenario {number}: found no returns to score; expected a setting that rebalances before the data ends \
             (estimator.warmup), and a grid small enough to keep all returns"
        ),
        AlignmentError::OtherFrames { number, other } => anyhow!(
            "scenario {number}: found other frames than those of scenario {other}; expected the same frames for all settings: \
             leave out settings that change the frames (universe, factors)"
        ),
        AlignmentError::BadReturn { number, found, time } => anyhow!(
            "scenario {number}: found a return of {found} at {}, expected a finite one above -1: leave the setting out",
            time_text(time).unwrap_or_default()
        ),
    }
}

/// Returns warnings if the settings have different first rebalances.
pub(crate) fn notes(aligned: &AlignedReturns) -> Vec<String> {
    let text = |time: Option<TimestampNs>| time_text(time).unwrap_or_default();
    let earlier = (aligned.earlier > 0).then(|| {
        format!(
            "The settings have different first rebalances (warm-up or schedule). {} of {} are scored only from {} on, when all \
             have rebalanced.",
            aligned.earlier,
            aligned.survivors.len(),
            text(aligned.times.first().copied())
        )
    });
    let later = aligned.later.map(|time| {
        format!(
            "The configuration as it is rebalances later than the settings, and is compared as if it held cash before {}.",
            text(Some(time))
        )
    });
    [earlier, later].into_iter().flatten().collect()
}
