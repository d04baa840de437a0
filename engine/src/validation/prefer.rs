//! The one-standard-error rule: of settings that cannot be told from the best, the one that trades least.

use std::ops::Range;

use super::certainty::{Certainty, Difference, Resampling, weigh};
use super::choice::Chosen;
use super::objective::Objective;
use crate::settings::{Invalid, require};

/// Criteria among settings whose returns do not tell them apart.
#[derive(Clone, Copy, Debug)]
pub struct Effort<'a> {
    /// Turnover of each setting, as many frames as it has returns.
    pub turnover: &'a [Vec<f64>],
    /// Kelly fraction of each setting.
    pub kelly_fraction: &'a [f64],
}

/// The setting to use, beside the best by the same frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preferred {
    /// The setting to use.
    pub chosen: Chosen,
    /// Mean turnover of a frame of it.
    pub turnover: f64,
    /// Score of the best less its own; 0 where it is the best.
    pub difference: Difference,
    /// The setting with the highest score.
    pub best: Chosen,
    /// Mean turnover of a frame of that.
    pub best_turnover: f64,
    /// How sure it is that the best is the best.
    pub certainty: Certainty,
}

/// Chooses a setting by the one-standard-error rule (Hastie, Tibshirani & Friedman 2009, section 7.10), with paired
/// differences: a setting is as good as the best where its difference to the best is at most one standard error of that
/// difference, by the stationary bootstrap (Politis & Romano 1994) with the same frames for all settings. For the Sharpe
/// ratio this holds of the mean of its returns too. Of those settings it takes the one with the lowest turnover, then
/// with the smallest Kelly fraction, then the first. Nothing outside the training frames is looked at.
///
/// # Errors
/// See [`certainty`](super::certainty()); and where there is no turnover of each return or no Kelly fraction of each
/// setting.
pub fn prefer<R: AsRef<[f64]>>(
    returns: &[R],
    effort: Effort<'_>,
    train: &[Range<usize>],
    objective: Objective,
    frames_per_year: f64,
    resampling: &Resampling,
) -> Result<Preferred, Invalid> {
    let settings = returns.len();
    let same = effort.turnover.len() == settings
        && effort.turnover.iter().zip(returns).all(|(turnover, own)| turnover.len() == own.as_ref().len());
    require(same, "turnover", effort.turnover.len(), "a turnover for each return of each setting")?;
    let count = effort.kelly_fraction.len();
    require(count == settings, "kelly_fraction", count, "a Kelly fraction for each setting")?;
    let weighed = weigh(returns, train, objective, frames_per_year, resampling)?;
    let frames: usize = train.iter().map(ExactSizeIterator::len).sum();
    let turnover = |setting: usize| {
        let ranges = train.iter().flat_map(|range| &effort.turnover[setting][range.clone()]);
        ranges.sum::<f64>() / frames as f64
    };
    let cheaper = |a: &(usize, f64), b: &(usize, f64)| {
        let kelly = |setting: usize| effort.kelly_fraction[setting];
        a.1.total_cmp(&b.1).then(kelly(a.0).total_cmp(&kelly(b.0))).then(a.0.cmp(&b.0))
    };
    let best = weighed.best;
    let as_good = (0..settings).filter(|&setting| weighed.within[setting]);
    let chosen = as_good.map(|setting| (setting, turnover(setting))).min_by(cheaper);
    let (setting, chosen_turnover) = chosen.unwrap_or((best.setting, turnover(best.setting)));
    Ok(Preferred {
        chosen: Chosen { setting, score: weighed.scores[setting] },
        turnover: chosen_turnover,
        difference: weighed.differences[setting],
        best,
        best_turnover: turnover(best.setting),
        certainty: weighed.certainty,
    })
}
