//! Choice of a setting for blocks with training frames on both sides.

use std::ops::Range;

use super::choice::ChosenSetting;
use super::folds::Fold;
use super::objective::{Objective, best};
use super::trials::common_frames;
use crate::settings::{Invalid, require};

/// Choices split by split, and the result of each path.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossSelection {
    /// Choice for each split.
    pub choices: Vec<CrossChoice>,
    /// Returns of the chosen settings, block by block through all frames, for each path.
    pub paths: Vec<BacktestPath>,
    /// Best setting on all frames; its score does not predict performance,
    /// see [`Selection`](super::Selection).
    pub in_sample: ChosenSetting,
}

/// Choice for one split.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossChoice {
    /// Setting chosen by the training frames of the split, joined in time order.
    pub chosen: ChosenSetting,
    /// Score of the chosen setting on the tested blocks, joined; NaN if undefined.
    pub out_of_sample_score: f64,
    /// Tested frames, one range per block.
    pub test: Vec<Range<usize>>,
}

/// Path through all tested blocks: the choice tested on a block was made without that block.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestPath {
    /// Blocks in time order.
    pub blocks: Vec<Range<usize>>,
    /// Split that gives the result of each block.
    pub splits: Vec<usize>,
    /// Out-of-sample returns of the blocks, joined.
    pub returns: Vec<f64>,
    /// Score of the returns; NaN if undefined.
    pub score: f64,
}

/// Distribution of the scores of the paths; NaN if no path has one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathScores {
    /// Number of paths with a score.
    pub count: usize,
    /// Mean score.
    pub mean: f64,
    /// Sample standard deviation; NaN for fewer than two. Paths share data, so it is not a standard error of
    /// the mean.
    pub deviation: f64,
    /// Lowest score.
    pub lowest: f64,
    /// Median score.
    pub median: f64,
    /// Highest score.
    pub highest: f64,
    /// Share of the paths with a score below 0.
    pub below_zero: f64,
}

impl CrossSelection {
    /// Distribution of the score over the paths.
    #[must_use]
    pub fn path_scores(&self) -> PathScores {
        let mut known: Vec<f64> =
            self.paths.iter().map(|path| path.score).filter(|score| !score.is_nan()).collect();
        known.sort_by(f64::total_cmp);
        let count = known.len();
        let mean = known.iter().sum::<f64>() / count as f64;
        let squares: f64 = known.iter().map(|score| (score - mean) * (score - mean)).sum();
        let at = |place: usize| known.get(place).copied().unwrap_or(f64::NAN);
        PathScores {
            count,
            mean,
            deviation: if count < 2 { f64::NAN } else { (squares / (count as f64 - 1.0)).sqrt() },
            lowest: at(0),
            median: 0.5 * (at(count.saturating_sub(1) / 2) + at(count / 2)),
            highest: at(count.saturating_sub(1)),
            below_zero: known.iter().filter(|score| **score < 0.0).count() as f64 / count as f64,
        }
    }
}

/// Chooses a setting for each split by `objective` on the split's training frames, joined in time order.
///
/// Row `returns[i]` has the net returns of setting i, one per frame. `paths` names for each block, in time
/// order, the split that gives its result: [`one_path`] for the folds
/// of [`purged_k_fold`](super::purged_k_fold), or the value
/// of [`CombinatorialPurged::paths`](super::CombinatorialPurged::paths). Of equal scores the first setting wins.
///
/// ```
/// use betaflow_engine::validation::{Objective, one_path, purged_k_fold, select_across};
///
/// let returns: Vec<Vec<f64>> =
///     (0..3).map(|setting| (0..60).map(|frame| 0.001 * f64::from((frame * (setting + 2)) % 7 - 3)).collect()).collect();
/// let folds: Vec<_> = purged_k_fold(60, 5, 0, 3)?.collect();
/// let selection = select_across(&returns, &folds, &one_path(5), Objective::Sharpe, 252.0)?;
/// assert_eq!((selection.choices.len(), selection.paths.len()), (5, 1));
/// assert_eq!(selection.paths[0].returns.len(), 60);
/// # Ok::<(), betaflow_engine::settings::Invalid>(())
/// ```
///
/// # Errors
/// See [`select_across_by`].
pub fn select_across<R: AsRef<[f64]>>(
    returns: &[R],
    folds: &[Fold],
    paths: &[Vec<usize>],
    objective: Objective,
    frames_per_year: f64,
) -> Result<CrossSelection, Invalid> {
    select_across_by(returns, folds, paths, |returns| objective.score(returns, frames_per_year))
}

/// Selects like [`select_across`], with another score. `score` receives only the joined training frames of
/// one setting, so frames in a tested block, or purged around it, cannot change the choice for that block.
///
/// # Errors
/// Fails without settings, folds or paths; for settings of different length; for a return that is not finite;
/// for a fold without training or test frames, or with ranges that are unordered, overlap or lie outside the
/// returns; for a path that does not take each block from a split that tests it.
pub fn select_across_by<R: AsRef<[f64]>>(
    returns: &[R],
    folds: &[Fold],
    paths: &[Vec<usize>],
    score: impl Fn(&[f64]) -> f64,
) -> Result<CrossSelection, Invalid> {
    require(!returns.is_empty(), "returns", 0, "at least 1 setting")?;
    let mut joined = Vec::new();
    let best_of = |ranges: &[Range<usize>]| {
        let mut score_of = |setting: usize| {
            join(&mut joined, returns[setting].as_ref(), ranges);
            score(&joined)
        };
        let scores: Vec<f64> = (0..returns.len()).map(&mut score_of).collect();
        let setting = best(&scores).unwrap_or(0);
        Ok(ChosenSetting { setting, score: scores[setting] })
    };
    judge_across(returns, folds, paths, &score, best_of)
}

/// Judges the choices of `choose`, which is called with the training ranges of each fold, in order, and then
/// with all frames.
///
/// # Errors
/// See [`select_across_by`]; or the error of `choose`.
pub fn judge_across<R: AsRef<[f64]>>(
    returns: &[R],
    folds: &[Fold],
    paths: &[Vec<usize>],
    score: impl Fn(&[f64]) -> f64,
    mut choose: impl FnMut(&[Range<usize>]) -> Result<ChosenSetting, Invalid>,
) -> Result<CrossSelection, Invalid> {
    require(!returns.is_empty(), "returns", 0, "at least 1 setting")?;
    require(!folds.is_empty(), "folds", 0, "at least 1 fold")?;
    require(!paths.is_empty(), "paths", 0, "at least 1 path")?;
    let frames = common_frames(returns)?;
    let mut joined = Vec::with_capacity(frames);
    let mut score_of = |setting: usize, ranges: &[Range<usize>]| {
        join(&mut joined, returns[setting].as_ref(), ranges);
        score(&joined)
    };
    let mut choices = Vec::with_capacity(folds.len());
    for (at, fold) in folds.iter().enumerate() {
        require(is_split(fold, frames), "folds", format!("fold {at}"), FOLD)?;
        let chosen = choose(&fold.train)?;
        let test = fold.test.clone();
        choices.push(CrossChoice { chosen, out_of_sample_score: f64::NAN, test });
    }
    let in_sample = choose(std::slice::from_ref(&(0..frames)))?;
    for choice in &mut choices {
        choice.out_of_sample_score = score_of(choice.chosen.setting, &choice.test);
    }
    let blocks = blocks(folds);
    let mut walked = Vec::with_capacity(paths.len());
    for (at, splits) in paths.iter().enumerate() {
        let tests = |(split, block): (&usize, _)| {
            choices.get(*split).is_some_and(|choice| choice.test.contains(block))
        };
        let fits = splits.len() == blocks.len() && splits.iter().zip(&blocks).all(tests);
        require(fits, "paths", format!("path {at}"), "for each tested block, a split that tests it")?;
        let part = |(split, block): (&usize, &Range<usize>)| {
            &returns[choices[*split].chosen.setting].as_ref()[block.clone()]
        };
        let returns = splits.iter().zip(&blocks).map(part).collect::<Vec<_>>().concat();
        walked.push(BacktestPath {
            blocks: blocks.clone(),
            splits: splits.clone(),
            score: score(&returns),
            returns,
        });
    }
    Ok(CrossSelection { choices, paths: walked, in_sample })
}

/// Single path of `folds` folds that test one block each, in time order.
#[must_use]
pub fn one_path(folds: usize) -> Vec<Vec<usize>> {
    vec![(0..folds).collect()]
}

const FOLD: &str = "ordered ranges of training and test frames that do not overlap and lie inside the \
                    returns";

fn is_split(fold: &Fold, frames: usize) -> bool {
    let both = fold.train.iter().chain(&fold.test);
    let ascend = |ranges: &[Range<usize>]| ranges.windows(2).all(|pair| pair[0].end <= pair[1].start);
    let apart = |train: &Range<usize>| {
        fold.test.iter().all(|test| train.end <= test.start || test.end <= train.start)
    };
    !fold.train.is_empty()
        && !fold.test.is_empty()
        && both.clone().all(|range| range.start < range.end && range.end <= frames)
        && ascend(&fold.train)
        && ascend(&fold.test)
        && fold.train.iter().all(apart)
}

/// All tested blocks, each once, in time order.
fn blocks(folds: &[Fold]) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = folds.iter().flat_map(|fold| fold.test.iter().cloned()).collect();
    blocks.sort_by_key(|block| (block.start, block.end));
    blocks.dedup();
    blocks
}

/// Joins the returns of the ranges.
pub(super) fn join(joined: &mut Vec<f64>, returns: &[f64], ranges: &[Range<usize>]) {
    joined.clear();
    ranges.iter().for_each(|range| joined.extend_from_slice(&returns[range.clone()]));
}
