//! One tuning: preferred setting of each fold, out-of-sample paths, and their figures.

use std::ops::Range;

use super::aligned::AlignedReturns;
use super::certainty::{Certainty, Resampling};
use super::choice::ChosenSetting;
use super::cross::{BacktestPath, PathScores, judge_across};
use super::folds::Fold;
use super::objective::Objective;
use super::prefer::{PreferredSetting, SecondaryCriteria, prefer};
use crate::metrics::Figures;
use crate::settings::Invalid;

/// Inputs of a tuning, except the returns.
#[derive(Clone, Copy, Debug)]
pub struct TuningTask<'a> {
    /// Training and test frames.
    pub folds: &'a [Fold],
    /// For each path, the fold that gives the result of each tested block.
    pub paths: &'a [Vec<usize>],
    /// Score by which settings are compared.
    pub objective: Objective,
    /// Frames per year, for annualisation.
    pub frames_per_year: f64,
    /// Mean length of resampled blocks in frames, at least 1.
    pub mean_block: f64,
    /// Kelly fraction of each setting: the tie-break among settings of equal turnover.
    pub kelly_fraction: &'a [f64],
    /// Reference setting, reported for comparison.
    pub base: usize,
}

/// Choice for one fold. Settings are numbered as in [`AlignedReturns::returns`].
#[derive(Clone, Debug, PartialEq)]
pub struct FoldChoice {
    /// Setting used in the fold.
    pub chosen: ChosenSetting,
    /// Chosen setting and the best one by the training frames.
    pub preferred: PreferredSetting,
    /// Frames of the fold.
    pub fold: Fold,
    /// Score of the chosen setting on the tested blocks; NaN if undefined.
    pub test_score: f64,
}

/// Choices of a tuning and their results.
#[derive(Clone, Debug, PartialEq)]
pub struct TuningResult {
    /// Choice for each fold.
    pub choices: Vec<FoldChoice>,
    /// Out-of-sample paths; more than one only for combinatorial folds.
    pub paths: Vec<BacktestPath>,
    /// Distribution of the scores of the paths.
    pub path_scores: PathScores,
    /// Index of the path with the median score, see [`median_path`].
    pub median_path: usize,
    /// Figures of the median path.
    pub out_of_sample: Figures,
    /// Figures of the reference setting on the frames of that path.
    pub base: Figures,
    /// Figures of the setting that is best on the frames of that path, in hindsight.
    pub hindsight: Figures,
    /// Choice by all frames: the recommended setting, and the best one.
    pub in_sample: PreferredSetting,
    /// Figures of the recommended setting on all frames.
    pub in_sample_figures: Figures,
    /// Figures of the best setting on all frames.
    pub best_figures: Figures,
    /// Number of training frames of all choices together, including the choice by all frames.
    pub training_frames: usize,
}

impl TuningResult {
    /// Chooses a setting among the survivors for each fold and for all frames,
    /// by [`prefer`](super::prefer()), and judges each choice on the test blocks of its fold. The seed of the
    /// resamples is the number of the fold.
    ///
    /// # Errors
    /// Fails for folds or paths that do not fit the returns, see [`judge_across`]; also fails with the errors
    /// of [`prefer`](super::prefer()).
    pub fn new(aligned: &AlignedReturns, task: &TuningTask<'_>) -> Result<Self, Invalid> {
        let TuningTask { folds, paths, objective, frames_per_year: year, .. } = *task;
        let survivors = &aligned.survivors;
        let candidates: Vec<&[f64]> =
            survivors.iter().map(|setting| &aligned.returns[*setting][..]).collect();
        let turnover: Vec<Vec<f64>> =
            survivors.iter().map(|setting| aligned.turnover[*setting].clone()).collect();
        let kelly_fraction: Vec<f64> =
            survivors.iter().map(|setting| task.kelly_fraction[*setting]).collect();
        let criteria = SecondaryCriteria { turnover: &turnover, kelly_fraction: &kelly_fraction };
        let trained = |fold: &Fold| fold.train.iter().map(ExactSizeIterator::len).sum::<usize>();
        let training_frames = aligned.times.len() + folds.iter().map(trained).sum::<usize>();

        let mut preferred: Vec<PreferredSetting> = Vec::with_capacity(folds.len() + 1);
        let choose = |train: &[Range<usize>]| {
            let (count, seed) = (candidates.len(), preferred.len() as u64);
            let resampling = Resampling::affordable(count, training_frames, objective, task.mean_block, seed);
            let found = prefer(&candidates, criteria, train, objective, year, &resampling)?;
            preferred.push(found);
            Ok(found.chosen)
        };
        let score = |returns: &[f64]| objective.score(returns, year);
        let selection = judge_across(&candidates, folds, paths, score, choose)?;

        // One per fold, then that of all frames. Candidates are indices into the survivors.
        let mut preferred = preferred.into_iter().map(|found| numbered(found, survivors));
        let choices = selection.choices.iter().zip(folds).zip(&mut preferred);
        let choices: Vec<FoldChoice> = choices
            .map(|((choice, fold), preferred)| FoldChoice {
                chosen: preferred.chosen,
                preferred,
                fold: fold.clone(),
                test_score: choice.out_of_sample_score,
            })
            .collect();
        let in_sample = preferred.next().ok_or_else(|| Invalid {
            key: "folds",
            found: folds.len().to_string(),
            expected: "at least 1 fold".into(),
        })?;
        let figures = |returns: &[f64]| Figures::of(returns.iter().copied(), year);
        let median_path = median_path(&selection.paths);
        let path = &selection.paths[median_path];
        let on_path = |setting: usize| {
            let part = |block: &Range<usize>| &aligned.returns[setting][block.clone()];
            let returns = path.blocks.iter().map(part).collect::<Vec<_>>().concat();
            if returns.iter().any(|r| r.is_nan()) { Figures::ruined() } else { figures(&returns) }
        };
        Ok(Self {
            out_of_sample: figures(&path.returns),
            base: on_path(task.base),
            hindsight: on_path(in_sample.best.setting),
            in_sample_figures: figures(&aligned.returns[in_sample.chosen.setting]),
            best_figures: figures(&aligned.returns[in_sample.best.setting]),
            in_sample,
            choices,
            path_scores: selection.path_scores(),
            median_path,
            paths: selection.paths,
            training_frames,
        })
    }

    /// Path with the median score.
    #[must_use]
    pub fn path(&self) -> &BacktestPath {
        &self.paths[self.median_path]
    }
}

/// Index of the path with the median score, the lower of the two middle ones for an even number; 0 if no path
/// has a score.
#[must_use]
pub fn median_path(paths: &[BacktestPath]) -> usize {
    let mut known: Vec<usize> = (0..paths.len()).filter(|path| !paths[*path].score.is_nan()).collect();
    known.sort_by(|a, b| paths[*a].score.total_cmp(&paths[*b].score));
    known.get(known.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

/// Converts indices into the survivors to numbers of settings.
fn numbered(found: PreferredSetting, survivors: &[usize]) -> PreferredSetting {
    let numbered = |chosen: ChosenSetting| ChosenSetting { setting: survivors[chosen.setting], ..chosen };
    PreferredSetting {
        chosen: numbered(found.chosen),
        best: numbered(found.best),
        certainty: Certainty { runner_up: found.certainty.runner_up.map(numbered), ..found.certainty },
        ..found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::time::TimestampNs;
    use crate::validation::{WalkForward, one_path, select};

    const FRAMES: usize = 400;

    /// A ruined trial, noise, and the same noise with a drift that dominates it in every resample.
    fn aligned() -> AlignedReturns {
        let mut random = Random::new(4);
        let noise: Vec<f64> = (0..FRAMES).map(|_| 0.02 * (random.uniform() - 0.5)).collect();
        let better: Vec<f64> = noise.iter().map(|r| r + 0.002).collect();
        AlignedReturns {
            times: (0..FRAMES as i64).map(TimestampNs).collect(),
            first_seq: 0,
            returns: vec![vec![f64::NAN; FRAMES], noise, better],
            turnover: vec![vec![0.0; FRAMES], vec![0.1; FRAMES], vec![0.3; FRAMES]],
            survivors: vec![1, 2],
            earlier: 0,
            later: None,
        }
    }

    fn tuning(aligned: &AlignedReturns, folds: &[Fold], base: usize) -> TuningResult {
        let task = TuningTask {
            folds,
            paths: &one_path(folds.len()),
            objective: Objective::Sharpe,
            frames_per_year: 252.0,
            mean_block: 21.0,
            kelly_fraction: &[0.1, 0.25, 0.25],
            base,
        };
        TuningResult::new(aligned, &task).unwrap()
    }

    #[test]
    fn settings_keep_their_numbers_and_blocks_join_into_the_path() {
        let aligned = aligned();
        let folds: Vec<Fold> = WalkForward::split(FRAMES, 3, 5).unwrap().folds(FRAMES).unwrap().collect();
        let result = tuning(&aligned, &folds, 0);
        assert!(
            result
                .choices
                .iter()
                .all(|choice| choice.chosen.setting == 2 && choice.preferred.best.setting == 2)
        );
        assert_eq!((result.in_sample.chosen.setting, result.choices.len(), result.median_path), (2, 3, 0));
        // The choices are those of `select`, because the best wins every resample.
        let plain = select(&aligned.returns[1..], &folds, Objective::Sharpe, 252.0).unwrap();
        assert_eq!(result.path().returns, plain.out_of_sample);
        assert_eq!(result.out_of_sample.sharpe, result.hindsight.sharpe);
        assert!(result.base.sharpe.is_nan(), "a ruined reference has no ratio");
        let trained: usize = folds.iter().flat_map(|fold| &fold.train).map(ExactSizeIterator::len).sum();
        assert_eq!(result.training_frames, FRAMES + trained);
    }

    #[test]
    fn median_path_is_the_lower_of_the_middle_ones() {
        let path =
            |score| BacktestPath { blocks: Vec::new(), splits: Vec::new(), returns: Vec::new(), score };
        let paths = |scores: &[f64]| scores.iter().copied().map(path).collect::<Vec<_>>();
        assert_eq!(median_path(&paths(&[3.0, 1.0, f64::NAN, 2.0])), 3);
        assert_eq!(median_path(&paths(&[4.0, 1.0, 3.0, 2.0])), 3);
        assert_eq!(median_path(&paths(&[f64::NAN, f64::NAN])), 0);
        assert_eq!(median_path(&[]), 0);
    }
}
