//! One-standard-error rule: of the settings as good as the best, the one with the least turnover.

use std::ops::Range;

use super::certainty::{Certainty, Difference, Resampling, score_settings};
use super::choice::ChosenSetting;
use super::objective::Objective;
use crate::settings::{Invalid, require};

/// Secondary criteria among settings whose scores do not differ significantly.
#[derive(Clone, Copy, Debug)]
pub struct SecondaryCriteria<'a> {
    /// Turnover of each setting, one value per return.
    pub turnover: &'a [Vec<f64>],
    /// Kelly fraction of each setting.
    pub kelly_fraction: &'a [f64],
}

/// Preferred setting, and the best one on the same frames.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PreferredSetting {
    /// Preferred setting.
    pub chosen: ChosenSetting,
    /// Its mean turnover per frame.
    pub turnover: f64,
    /// Score of the best setting less that of the preferred one; 0 if it is the best.
    pub difference: Difference,
    /// Setting with the highest score.
    pub best: ChosenSetting,
    /// Mean turnover per frame of the best setting.
    pub best_turnover: f64,
    /// Certainty of the best setting.
    pub certainty: Certainty,
}

/// Chooses a setting by the one-standard-error rule (Hastie, Tibshirani & Friedman 2009, section 7.10).
///
/// A setting is as good as the best if its paired difference to the best is at most one standard error of
/// that difference, by the stationary bootstrap (Politis & Romano 1994) with the same frames for all
/// settings. For the Sharpe ratio the difference of mean returns must also be at most one standard error.
/// Among those settings the lowest turnover wins, then the smallest Kelly fraction, then the first. Only the
/// training frames are read.
///
/// # Errors
/// Errors of [`certainty`](super::certainty()); also fails without a turnover for each return, or a Kelly
/// fraction for each setting.
pub fn prefer<R: AsRef<[f64]>>(
    returns: &[R],
    criteria: SecondaryCriteria<'_>,
    train: &[Range<usize>],
    objective: Objective,
    frames_per_year: f64,
    resampling: &Resampling,
) -> Result<PreferredSetting, Invalid> {
    let settings = returns.len();
    let same = criteria.turnover.len() == settings
        && criteria.turnover.iter().zip(returns).all(|(turnover, own)| turnover.len() == own.as_ref().len());
    require(same, "turnover", criteria.turnover.len(), "one turnover for each return of each setting")?;
    let count = criteria.kelly_fraction.len();
    require(count == settings, "kelly_fraction", count, "one Kelly fraction for each setting")?;
    let scored = score_settings(returns, train, objective, frames_per_year, resampling)?;
    let frames: usize = train.iter().map(ExactSizeIterator::len).sum();
    let turnover = |setting: usize| {
        let ranges = train.iter().flat_map(|range| &criteria.turnover[setting][range.clone()]);
        ranges.sum::<f64>() / frames as f64
    };
    let cheaper = |a: &(usize, f64), b: &(usize, f64)| {
        let kelly = |setting: usize| criteria.kelly_fraction[setting];
        a.1.total_cmp(&b.1).then(kelly(a.0).total_cmp(&kelly(b.0))).then(a.0.cmp(&b.0))
    };
    let best = scored.best;
    let as_good = (0..settings).filter(|&setting| scored.within[setting]);
    let chosen = as_good.map(|setting| (setting, turnover(setting))).min_by(cheaper);
    let (setting, chosen_turnover) = chosen.unwrap_or((best.setting, turnover(best.setting)));
    Ok(PreferredSetting {
        chosen: ChosenSetting { setting, score: scored.scores[setting] },
        turnover: chosen_turnover,
        difference: scored.differences[setting],
        best,
        best_turnover: turnover(best.setting),
        certainty: scored.certainty,
    })
}
