//! The summary of a tuning as `summary.json`.

use std::ops::Range;

use anyhow::Result;
use betaflow_engine::metrics::Figures;
use betaflow_engine::validation::{FoldChoice, Preferred};
use serde_json::{Map, Value, json};

use super::Tuning;
use super::tables::{ends, frames};
use crate::study;
use crate::summary::{add_warnings, data_json, number, object, time_text};

/// What the recommendation is called, wherever it stands.
pub(crate) const IN_SAMPLE: &str = "in-sample: it says what to use, not what to expect";

impl Tuning {
    /// As `summary.json`.
    ///
    /// # Errors
    /// A setting has no place in JSON.
    pub(crate) fn json(&self, seconds: f64) -> Result<Value> {
        let Self { study, tuned, finished, .. } = self;
        let tune = &study.base.tune;
        let choices = tuned.choices.iter().enumerate().map(|(fold, choice)| self.choice_json(fold, choice));
        let mut summary = json!({
            "kind": "tune",
            "version": env!("CARGO_PKG_VERSION"),
            "data": data_json(&finished.data),
            "strategy": study.base.strategy_kind(),
            "method": tune.method.name(),
            "folds": tune.folds(),
            "embargo": tune.embargo,
            "purge": tune.purge,
            "objective": tune.objective.name(),
            "scenarios": self.settings,
            "frames": self.aligned.times.len(),
            "ruined": self.ruined.json()?,
            "grid": study::levels(&study.grid)?,
            "base": study::values_of(&study.grid, &study.base)?,
            "out_of_sample": self.out_of_sample_json(),
            "choices": choices.collect::<Result<Vec<_>>>()?,
            "in_sample": self.in_sample_json()?,
            "luck": self.luck.json(),
            "look_ahead": self.look_ahead,
            "world": study.base.world_note(true),
            "timing": {"seconds": seconds, "passes": finished.passes},
        });
        add_warnings(&self.warnings, &mut summary);
        if let Some(from) = &study.base.holdout.from {
            summary["holdout"] = json!({"from": from, "opened": false});
        }
        Ok(summary)
    }

    fn out_of_sample_json(&self) -> Value {
        let Self { tuned, .. } = self;
        let scores = &tuned.path_scores;
        let blocks = &tuned.path().blocks;
        json!({
            "blocks": self.range_json(blocks),
            "frames": frames(blocks),
            "paths": tuned.paths.len(),
            "path": tuned.median_path,
            "score": number(tuned.path().score),
            "scores": {
                "count": scores.count,
                "mean": number(scores.mean),
                "deviation": number(scores.deviation),
                "lowest": number(scores.lowest),
                "median": number(scores.median),
                "highest": number(scores.highest),
                "below_zero": number(scores.below_zero),
            },
            "metrics": metrics(&tuned.out_of_sample),
            "base": metrics(&tuned.base),
            "hindsight": metrics(&tuned.hindsight),
        })
    }

    fn choice_json(&self, fold: usize, choice: &FoldChoice) -> Result<Value> {
        let mut json = self.chosen_json(&choice.preferred)?;
        json.insert("fold".into(), fold.into());
        json.insert("train".into(), self.range_json(&choice.fold.train));
        json.insert("test".into(), self.range_json(&choice.fold.test));
        json.insert("test_score".into(), number(choice.test_score));
        Ok(json.into())
    }

    fn in_sample_json(&self) -> Result<Value> {
        let Self { tuned, .. } = self;
        let mut json = self.chosen_json(&tuned.in_sample)?;
        json.insert("label".into(), IN_SAMPLE.into());
        json.insert("metrics".into(), metrics(&tuned.in_sample_figures));
        json["best"]["metrics"] = metrics(&tuned.best_figures);
        Ok(json.into())
    }

    /// The setting that was chosen beside the best, and how sure it is that the best is the best.
    fn chosen_json(&self, preferred: &Preferred) -> Result<Map<String, Value>> {
        let Preferred { chosen, turnover, difference, best, best_turnover, certainty: sure } = preferred;
        let settings = |setting: usize| study::values_of(&self.study.grid, &self.study.configs[setting]);
        let runner_up = sure.runner_up.map(|next| -> Result<Value> {
            Ok(json!({
                "scenario": next.setting,
                "settings": settings(next.setting)?,
                "train_score": number(next.score),
            }))
        });
        let json = json!({
            "scenario": chosen.setting,
            "settings": settings(chosen.setting)?,
            "train_score": number(chosen.score),
            "train_turnover": number(*turnover),
            "difference": number(difference.value),
            "difference_standard_error": number(difference.standard_error),
            "best": {
                "scenario": best.setting,
                "settings": settings(best.setting)?,
                "train_score": number(best.score),
                "train_turnover": number(*best_turnover),
            },
            "train_score_standard_error": number(sure.standard_error),
            "certainty": number(sure.share),
            "resamples": sure.resamples,
            "within_one_error": sure.within_one_error,
            "runner_up": runner_up.transpose()?,
        });
        Ok(match json {
            Value::Object(map) => map,
            _ => Map::new(),
        })
    }

    /// Ranges of frames, each with its times.
    fn range_json(&self, ranges: &[Range<usize>]) -> Value {
        let range = |range: &Range<usize>| {
            let [first, last] = ends(&self.aligned.times, std::slice::from_ref(range));
            json!({"first": time_text(Some(first)), "last": time_text(Some(last)), "frames": range.len()})
        };
        ranges.iter().map(range).collect()
    }
}

fn metrics(figures: &Figures) -> Value {
    object(figures.items().into_iter().chain(figures.uncertainty.items())).into()
}
