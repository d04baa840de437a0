//! `summary.json` of a tuning.

use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use betaflow_engine::validation::{FoldChoice, PreferredSetting};

use super::Tuning;
use super::tables::{ends, frames};
use crate::summary::{
    BestSetting, ChoiceSummary, FoldSummary, FolderKind, FrameRange, IN_SAMPLE, Metrics, OutOfSample,
    PathScoresSummary, Recommendation, RunnerUp, TuneSummary, time_text,
};

impl Tuning {
    /// Returns the contents of `summary.json`.
    ///
    /// # Errors
    /// A setting cannot be written as JSON.
    pub(crate) fn summary(&self, time: Duration) -> Result<TuneSummary> {
        let Self { study, tuned, results, .. } = self;
        let tune = &study.base.tune;
        let choices = tuned.choices.iter().enumerate().map(|(fold, choice)| self.fold_choice(fold, choice));
        Ok(TuneSummary {
            study: study.head(FolderKind::Tune, results, (&self.ruined, &self.luck), &self.warnings, time)?,
            method: tune.method.name().to_owned(),
            folds: tune.folds() as u64,
            embargo: tune.embargo.into(),
            purge: tune.purge.into(),
            objective: tune.objective.name().to_owned(),
            frames: self.aligned.times.len() as u64,
            out_of_sample: self.out_of_sample(),
            choices: choices.collect::<Result<_>>()?,
            in_sample: self.recommendation()?,
        })
    }

    fn out_of_sample(&self) -> OutOfSample {
        let Self { tuned, .. } = self;
        let scores = &tuned.path_scores;
        let blocks = &tuned.path().blocks;
        OutOfSample {
            blocks: self.ranges(blocks),
            frames: Some(frames(blocks) as u64),
            paths: tuned.paths.len() as u64,
            path: Some(tuned.median_path as u64),
            score: tuned.path().score.into(),
            scores: PathScoresSummary {
                count: scores.count as u64,
                mean: scores.mean.into(),
                deviation: scores.deviation.into(),
                lowest: scores.lowest.into(),
                median: scores.median.into(),
                highest: scores.highest.into(),
                below_zero: scores.below_zero.into(),
            },
            metrics: tuned.out_of_sample.into(),
            base: tuned.base.into(),
            hindsight: tuned.hindsight.into(),
        }
    }

    fn fold_choice(&self, fold: usize, choice: &FoldChoice) -> Result<FoldSummary> {
        Ok(FoldSummary {
            fold: fold as u64,
            train: self.ranges(&choice.fold.train),
            test: self.ranges(&choice.fold.test),
            test_score: choice.test_score.into(),
            choice: self.choice(&choice.preferred, None)?,
        })
    }

    fn recommendation(&self) -> Result<Recommendation> {
        let Self { tuned, .. } = self;
        Ok(Recommendation {
            label: IN_SAMPLE.to_owned(),
            metrics: tuned.in_sample_figures.into(),
            choice: self.choice(&tuned.in_sample, Some(tuned.best_figures.into()))?,
        })
    }

    /// Returns the chosen setting beside the best. `best_metrics`: figures of the best on all frames.
    fn choice(&self, preferred: &PreferredSetting, best_metrics: Option<Metrics>) -> Result<ChoiceSummary> {
        let PreferredSetting { chosen, turnover, difference, best, best_turnover, certainty: sure } =
            preferred;
        let settings = |setting: usize| self.study.grid.values_of(&self.study.configs[setting]);
        let runner_up = sure.runner_up.map(|next| -> Result<RunnerUp> {
            let settings = settings(next.setting)?;
            Ok(RunnerUp { scenario: next.setting as u64, settings, train_score: next.score.into() })
        });
        Ok(ChoiceSummary {
            scenario: chosen.setting as u64,
            settings: settings(chosen.setting)?,
            train_score: chosen.score.into(),
            train_turnover: (*turnover).into(),
            difference: difference.value.into(),
            difference_standard_error: difference.standard_error.into(),
            best: BestSetting {
                scenario: best.setting as u64,
                settings: settings(best.setting)?,
                train_score: best.score.into(),
                train_turnover: (*best_turnover).into(),
                metrics: best_metrics,
            },
            train_score_standard_error: sure.standard_error.into(),
            certainty: sure.share.into(),
            resamples: sure.resamples as u64,
            within_one_error: sure.within_one_error as u64,
            runner_up: runner_up.transpose()?,
        })
    }

    /// Returns ranges of frames with their times.
    fn ranges(&self, ranges: &[Range<usize>]) -> Vec<FrameRange> {
        let range = |range: &Range<usize>| {
            let [first, last] = ends(&self.aligned.times, std::slice::from_ref(range));
            FrameRange {
                first: time_text(Some(first)),
                last: time_text(Some(last)),
                frames: range.len() as u64,
            }
        };
        ranges.iter().map(range).collect()
    }
}
