//! What was chosen fold by fold, and what came of it.

use std::ops::Range;

use anyhow::{Context as _, Result};
use betaflow_engine::metrics::Figures;
use betaflow_engine::validation::{
    BacktestPath, Certainty, Chosen, Effort, Fold, PathScores, Preferred, Resampling, judge_across, prefer,
};

use super::aligned::Aligned;
use crate::config::Config;

/// Mean length of resampled blocks in days: a month, in which what neighbouring days have in common is kept.
const BLOCK_DAYS: u32 = 21;

/// The choice for a fold.
pub(crate) struct Choice {
    pub(crate) chosen: Chosen,
    /// The same beside the best by the training frames.
    pub(crate) preferred: Preferred,
    pub(crate) fold: Fold,
    /// What the choice scores on the tested blocks.
    pub(crate) test_score: f64,
}

/// All choices, and what came of them.
pub(crate) struct Tuned {
    pub(crate) choices: Vec<Choice>,
    /// One, but for combinatorial folds.
    pub(crate) paths: Vec<BacktestPath>,
    pub(crate) path_scores: PathScores,
    /// The path whose score is the median, or the one below it.
    pub(crate) shown: usize,
    /// Of its returns.
    pub(crate) out_of_sample: Figures,
    /// Of the configuration as it is on the same frames.
    pub(crate) base: Figures,
    /// Of the best in hindsight on the same frames.
    pub(crate) hindsight: Figures,
    /// The choice by all frames, which is recommended, and the best by them.
    pub(crate) in_sample: Preferred,
    /// Figures of the recommended setting.
    pub(crate) in_sample_figures: Figures,
    /// Figures of the best setting.
    pub(crate) best_figures: Figures,
    /// Said where resamples are fewer than usual.
    pub(crate) note: Option<String>,
}

impl Tuned {
    /// Chooses among the settings that were not ruined; `base` is the place of the configuration as it is, which may be none of them;
    /// `configs` are those of the settings.
    ///
    /// # Errors
    /// There are too few frames for the folds.
    pub(crate) fn of(aligned: &Aligned, base: usize, config: &Config, configs: &[Config]) -> Result<Self> {
        let (tune, calendar) = (&config.tune, config.data.calendar());
        let (frames, year) = (aligned.times.len(), calendar.frames_per_year());
        let survivors = &aligned.survivors;
        let candidates: Vec<&[f64]> =
            survivors.iter().map(|setting| &aligned.returns[*setting][..]).collect();
        let (candidates, count) = (&candidates[..], candidates.len());
        // Among the candidates by place, among all settings by number.
        let numbered = |chosen: Chosen| Chosen { setting: survivors[chosen.setting], ..chosen };
        let objective = tune.objective();
        let splits = tune.splits(frames, &calendar).with_context(|| {
            format!(
                "tune: {} folds, an embargo of {} days and a purge of {} do not fit into the {frames} frames that all \
                 settings decide on",
                tune.folds(),
                tune.embargo,
                tune.purge
            )
        })?;
        let trained = |fold: &Fold| fold.train.iter().map(ExactSizeIterator::len).sum::<usize>();
        let work = frames + splits.folds.iter().map(trained).sum::<usize>();
        let block = calendar.frames(BLOCK_DAYS) as f64;
        let kelly: Vec<f64> =
            survivors.iter().map(|setting| configs[*setting].sizing.kelly_fraction).collect();
        let turnover: Vec<Vec<f64>> =
            survivors.iter().map(|setting| aligned.turnover[*setting].clone()).collect();
        let effort = Effort { turnover: &turnover, kelly_fraction: &kelly };
        let mut preferred: Vec<Preferred> = Vec::with_capacity(splits.folds.len() + 1);
        let choose = |train: &[Range<usize>]| {
            let seed = preferred.len() as u64;
            let resampling = Resampling::affordable(count, work, objective, block, seed);
            let found = prefer(candidates, effort, train, objective, year, &resampling)?;
            preferred.push(found);
            Ok(found.chosen)
        };
        // Of a walk forward the training frames of a fold all lie before its block.
        let score = |returns: &[f64]| objective.score(returns, year);
        let selection = judge_across(candidates, &splits.folds, &splits.paths, score, choose)?;
        // One for each fold, and that of all frames.
        let preferred: Vec<Preferred> = preferred
            .into_iter()
            .map(|found| Preferred {
                chosen: numbered(found.chosen),
                best: numbered(found.best),
                certainty: Certainty {
                    runner_up: found.certainty.runner_up.map(numbered),
                    ..found.certainty
                },
                ..found
            })
            .collect();
        let in_sample = *preferred.last().context("no setting was chosen")?;
        let chosen = selection.choices.iter().zip(splits.folds).zip(&preferred);
        let choices: Vec<Choice> = chosen
            .map(|((choice, fold), preferred)| Choice {
                chosen: numbered(choice.chosen),
                preferred: *preferred,
                fold,
                test_score: choice.out_of_sample_score,
            })
            .collect();
        let figures = |returns: &[f64]| Figures::of(returns.iter().copied(), year);
        let path_scores = selection.path_scores();
        let shown = median(&selection.paths);
        let path = &selection.paths[shown];
        let same = |setting: usize| {
            let part = |block: &Range<usize>| &aligned.returns[setting][block.clone()];
            let returns = path.blocks.iter().map(part).collect::<Vec<_>>().concat();
            if returns.iter().any(|r| r.is_nan()) { Figures::ruined() } else { figures(&returns) }
        };
        let made = in_sample.certainty.resamples;
        let note = (made < Resampling::COUNT).then(|| {
            format!(
                "how sure choices are is known from {made} resamples instead of {}: more would take too long with {count} \
                 settings on {work} training frames",
                Resampling::COUNT
            )
        });
        Ok(Self {
            note,
            out_of_sample: figures(&path.returns),
            base: same(base),
            hindsight: same(in_sample.best.setting),
            in_sample_figures: figures(&aligned.returns[in_sample.chosen.setting]),
            best_figures: figures(&aligned.returns[in_sample.best.setting]),
            in_sample,
            choices,
            path_scores,
            shown,
            paths: selection.paths,
        })
    }

    /// The path that is shown.
    pub(crate) fn path(&self) -> &BacktestPath {
        &self.paths[self.shown]
    }
}

/// The path whose score is the median, or the one below it where there are two; without scores the first.
fn median(paths: &[BacktestPath]) -> usize {
    let mut known: Vec<usize> = (0..paths.len()).filter(|path| !paths[*path].score.is_nan()).collect();
    known.sort_by(|a, b| paths[*a].score.total_cmp(&paths[*b].score));
    known.get(known.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}
