//! Certainty of a choice: how often resampled training frames lead to the same one.

use std::ops::Range;

use super::bootstrap::StationaryBootstrap;
use super::choice::ChosenSetting;
use super::cross::join;
use super::objective::{Objective, best};
use super::resampled::ResampledScores;
use super::trials::common_frames;
use crate::settings::{Invalid, require};

/// Settings of the resampling of a choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampling {
    /// Mean length of the resampled blocks in frames, at least 1; serial dependence is preserved within a
    /// block.
    pub mean_block: f64,
    /// Number of resamples.
    pub count: usize,
    /// Seed of the resampled indices.
    pub seed: u64,
}

impl Resampling {
    /// Number of resamples of a choice, unless limited by [`Self::affordable`].
    pub const COUNT: usize = 200;
    /// Largest number of returns that all resamples of a study process: some seconds of computation.
    const WORK_MAX: usize = 1_000_000_000;

    /// Limits the number of resamples for choices among `settings` settings by `frames` training frames,
    /// those of all folds together: at most [`Self::COUNT`], and 0 if a single one takes too long.
    /// `mean_block` in frames.
    #[must_use]
    pub fn affordable(
        settings: usize,
        frames: usize,
        objective: Objective,
        mean_block: f64,
        seed: u64,
    ) -> Self {
        let once = settings.saturating_mul(frames).saturating_mul(ResampledScores::work(objective));
        Self { mean_block, count: (Self::WORK_MAX / once.max(1)).min(Self::COUNT), seed }
    }
}

/// Certainty of the choice for a fold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certainty {
    /// Second best setting on the same frames; `None` if no other setting has a score.
    pub runner_up: Option<ChosenSetting>,
    /// Share of the resamples in which the best setting remains the best; NaN without resamples.
    pub share: f64,
    /// Standard error of the best setting's score: its standard deviation over the resamples (Efron &
    /// Tibshirani 1993, eq. 6.6). NaN for fewer than two resamples with a score.
    pub standard_error: f64,
    /// Number of settings within one standard error of the best, including the best;
    /// see [`prefer`](super::prefer()).
    pub within_one_error: usize,
    /// Number of resamples.
    pub resamples: usize,
}

/// Certainty of the choice by the training frames `train`.
///
/// Frames are resampled in blocks by the stationary bootstrap (Politis & Romano 1994), the same ones for all
/// settings, so that common variation does not add uncertainty. Only the training frames are read.
///
/// ```
/// use betaflow_engine::validation::{Objective, Resampling, certainty};
///
/// // The second setting earns a little more on every frame, so the choice is certain.
/// let returns: [Vec<f64>; 2] = [0.0, 0.001]
///     .map(|more| (0..100).map(|frame| more + 0.001 * f64::from(frame * frame % 11 - 5)).collect());
/// let resampling = Resampling { mean_block: 21.0, count: 50, seed: 1 };
/// let sure = certainty(&returns, std::slice::from_ref(&(0..80)), Objective::Sharpe, 252.0, &resampling)?;
/// assert_eq!((sure.share, sure.runner_up.map(|next| next.setting)), (1.0, Some(0)));
/// # Ok::<(), betaflow_engine::settings::Invalid>(())
/// ```
///
/// # Errors
/// Fails without settings, for settings of different length, a return that is not finite, training ranges
/// that are empty, unordered or outside the returns, or a mean block below 1.
pub fn certainty<R: AsRef<[f64]>>(
    returns: &[R],
    train: &[Range<usize>],
    objective: Objective,
    frames_per_year: f64,
    resampling: &Resampling,
) -> Result<Certainty, Invalid> {
    Ok(score_settings(returns, train, objective, frames_per_year, resampling)?.certainty)
}

/// Best setting by some training frames, and the distance of the others from it.
pub(super) struct ScoredSettings {
    pub(super) best: ChosenSetting,
    /// Score of each setting.
    pub(super) scores: Vec<f64>,
    /// Score of the best less that of each setting, with the standard error of the difference.
    pub(super) differences: Vec<Difference>,
    /// True for each setting within one standard error of the best.
    pub(super) within: Vec<bool>,
    pub(super) certainty: Certainty,
}

/// Paired difference and its standard error; NaN for fewer than two resamples with a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// Value of the difference.
    pub value: f64,
    /// Standard error of the difference.
    pub standard_error: f64,
}

impl Difference {
    /// True if it is at most one standard error; without a standard error, only if it is at most 0.
    fn is_within_error(self) -> bool {
        self.value <= if self.standard_error.is_nan() { 0.0 } else { self.standard_error }
    }
}

/// Sums over the resamples of the deviation of a difference from that of the original frames.
#[derive(Clone, Copy, Default)]
struct Spread {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, distance: f64) {
        if distance.is_finite() {
            self.count += 1.0;
            self.sum += distance;
            self.squares += distance * distance;
        }
    }

    fn deviation(self) -> f64 {
        let Self { count, sum, squares } = self;
        if count < 2.0 { f64::NAN } else { ((squares - sum * sum / count) / (count - 1.0)).max(0.0).sqrt() }
    }
}

/// Returns [`certainty`] with the scores and differences of all settings.
///
/// # Errors
/// See [`certainty`].
pub(super) fn score_settings<R: AsRef<[f64]>>(
    returns: &[R],
    train: &[Range<usize>],
    objective: Objective,
    frames_per_year: f64,
    resampling: &Resampling,
) -> Result<ScoredSettings, Invalid> {
    require(!returns.is_empty(), "returns", 0, "at least 1 setting")?;
    let frames = common_frames(returns)?;
    let inside = train.iter().all(|range| range.start < range.end && range.end <= frames);
    let ascend = train.windows(2).all(|pair| pair[0].end <= pair[1].start);
    require(
        !train.is_empty() && inside && ascend,
        "train",
        format!("{train:?}"),
        "ordered ranges of frames inside the returns",
    )?;
    let mut joined = Vec::new();
    let parts: Vec<Vec<f64>> = returns
        .iter()
        .map(|returns| {
            join(&mut joined, returns.as_ref(), train);
            joined.clone()
        })
        .collect();
    let scores: Vec<f64> = parts.iter().map(|part| objective.score(part, frames_per_year)).collect();
    let means: Vec<f64> = parts.iter().map(|part| part.iter().sum::<f64>() / part.len() as f64).collect();
    let setting = best(&scores).unwrap_or(0);
    let settings = scores.len();
    let [by_score, by_mean] =
        [&scores, &means].map(|all| (0..settings).map(|j| all[setting] - all[j]).collect::<Vec<f64>>());
    let mut resampled = ResampledScores::new(parts, objective, frames_per_year);
    let (mut wins, mut errors) = (0_usize, Vec::with_capacity(resampling.count));
    let mut spreads = vec![[Spread::default(); 2]; settings];
    let length = train.iter().map(ExactSizeIterator::len).sum();
    let mut drawn = StationaryBootstrap::new(length, resampling.mean_block, resampling.seed)?;
    for _ in 0..resampling.count {
        drawn.begin_again();
        let (scores, means) = resampled.scores_and_means(drawn.by_ref().take(length));
        wins += usize::from(best(scores) == Some(setting));
        errors.push(scores[setting]);
        for (j, [score, mean]) in spreads.iter_mut().enumerate() {
            score.add(scores[setting] - scores[j] - by_score[j]);
            mean.add(means[setting] - means[j] - by_mean[j]);
        }
    }
    let difference = |value: f64, spread: Spread| Difference { value, standard_error: spread.deviation() };
    let differences: Vec<Difference> =
        (0..settings).map(|j| difference(by_score[j], spreads[j][0])).collect();
    let within: Vec<bool> = (0..settings)
        .map(|j| {
            // Equal Sharpe ratios may hide different mean returns if the settings differ in risk, so the
            // means must agree too.
            let mean = difference(by_mean[j], spreads[j][1]);
            let returns = objective != Objective::Sharpe || mean.is_within_error();
            j == setting || (differences[j].is_within_error() && returns)
        })
        .collect();
    let others: Vec<f64> = (0..settings).map(|j| if j == setting { f64::NAN } else { scores[j] }).collect();
    let certainty = Certainty {
        runner_up: best(&others).map(|next| ChosenSetting { setting: next, score: scores[next] }),
        share: wins as f64 / resampling.count as f64,
        standard_error: deviation(&errors),
        within_one_error: within.iter().filter(|within| **within).count(),
        resamples: resampling.count,
    };
    Ok(ScoredSettings {
        best: ChosenSetting { setting, score: scores[setting] },
        scores,
        differences,
        within,
        certainty,
    })
}

/// Sample standard deviation of the finite values.
fn deviation(values: &[f64]) -> f64 {
    let known = || values.iter().filter(|value| value.is_finite());
    let count = known().count() as f64;
    if count < 2.0 {
        return f64::NAN;
    }
    let mean = known().sum::<f64>() / count;
    (known().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0)).sqrt()
}
