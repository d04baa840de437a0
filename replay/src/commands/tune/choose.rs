//! Choice of a setting for each fold, with the settings of `[tune]`.

use anyhow::{Context as _, Result};
use betaflow_engine::validation::{AlignedReturns, Resampling, TuningResult, TuningTask};

use crate::config::Config;

/// Mean length of resampled blocks in days: a month keeps the dependence between neighbouring days.
const BLOCK_DAYS: u32 = 21;

/// Chooses among the settings that were not ruined. `base`: index of the unchanged configuration, which may be outside
/// the settings; `configs`: configurations of the settings.
///
/// # Errors
/// There are too few frames for the folds.
pub(crate) fn choose(
    aligned: &AlignedReturns,
    base: usize,
    config: &Config,
    configs: &[Config],
) -> Result<TuningResult> {
    let (tune, calendar) = (&config.tune, config.run().calendar);
    let frames = aligned.times.len();
    let splits = tune.splits(frames, &calendar).with_context(|| {
        format!(
            "tune: {} folds with an embargo of {} days and a purge of {} do not fit into the {frames} frames on which all \
             settings have rebalanced",
            tune.folds(),
            tune.embargo,
            tune.purge
        )
    })?;
    let kelly_fraction: Vec<f64> = configs.iter().map(|config| config.sizing.kelly_fraction).collect();
    let task = TuningTask {
        folds: &splits.folds,
        paths: &splits.paths,
        objective: tune.objective(),
        frames_per_year: calendar.frames_per_year(),
        mean_block: calendar.frames(BLOCK_DAYS) as f64,
        kelly_fraction: &kelly_fraction,
        base,
    };
    Ok(TuningResult::new(aligned, &task)?)
}

/// Returns a warning if there are fewer resamples than usual.
pub(crate) fn note(result: &TuningResult, aligned: &AlignedReturns) -> Option<String> {
    let made = result.in_sample.certainty.resamples;
    (made < Resampling::COUNT).then(|| {
        format!(
            "The certainty of choices comes from {made} resamples instead of {}: more would take too long for {} settings on \
             {} training frames.",
            Resampling::COUNT,
            aligned.survivors.len(),
            result.training_frames
        )
    })
}
