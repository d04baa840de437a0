//! Terminal page of a tuning: out-of-sample result first, then the recommended settings.

use std::cmp::Ordering;
use std::path::Path;

use betaflow_engine::metrics::Figures;
use betaflow_engine::time::TimestampNs;
use betaflow_engine::validation::{FoldChoice, PreferredSetting};

use super::Tuning;
use super::tables::{ends, frames};
use crate::config::Method;
use crate::summary::{IN_SAMPLE, add_files, figure, figure_text, kept_holdout, labels, sentence, time_text};
use crate::terminal::{NONE, Page, Table, counted, decimals, grouped, points, signed};

/// Maximum folds of the table; all are in `folds.parquet`.
const SHOWN: usize = 12;
/// Figures of the comparison.
const COMPARED: [&str; 6] =
    ["annual_return", "annual_volatility", "sharpe", "sharpe_standard_error", "max_drawdown", "calmar"];
/// Files of the run folder.
const FILES: [(&str, &str); 9] = [
    ("best.toml", "the recommended settings; `--config` uses them"),
    ("report.html", "folds, choices and figures on one page"),
    ("folds.parquet", "a row for each tested block: training, choice and scores"),
    ("out_of_sample.parquet", "net return of each frame by the choice of its fold"),
    ("scenarios.parquet", "a row for each setting with its figures"),
    ("scenario_returns.parquet", "net return of each setting on each bar"),
    ("summary.json", "all figures"),
    ("grid.toml", "the settings; `--grid` runs them again"),
    ("run.toml", "all other settings"),
];

impl Tuning {
    /// Returns the page. `out`: the run folder.
    pub(super) fn page(&self, out: &Path) -> Page {
        let mut page = Page::default();
        let ruined = self.ruined.warning();
        if let Some(ruined) = &ruined {
            page.alert(&ruined.text);
        }
        self.add_out_of_sample(&mut page);
        self.add_folds(&mut page);
        self.add_in_sample(&mut page);
        page.append(self.luck.page());
        add_files(&mut page, out, &FILES, None);
        let listed = self.warnings.iter().filter(|warning| ruined.as_ref() != Some(*warning));
        page.notices("Warnings", listed.map(|warning| (warning.code, warning.text.as_str())));
        page
    }

    fn add_out_of_sample(&self, page: &mut Page) {
        let Self { tuned, study, .. } = self;
        let tune = &study.base.tune;
        let path = tuned.path();
        let [first, last] = ends(&self.aligned.times, &path.blocks).map(day);
        let method = match tune.method {
            Method::WalkForward => "each block uses the choice by the frames before its embargo",
            Method::KFold => "each block uses the choice by the frames on both sides of it",
            Method::Combinatorial => "each block uses the choices by the other blocks",
        };
        page.section(format!("Out of sample: {}", study.base.strategy_kind()));
        page.field("Period", format!("{first} to {last}, {} frames", grouped(frames(&path.blocks) as f64)));
        page.field("Method", format!("{}: {method}", tune.method.name()));
        if let Some(from) = &study.base.holdout.from {
            page.field("Hold-out", kept_holdout(from));
        }
        if tuned.paths.len() > 1 {
            let scores = &tuned.path_scores;
            page.field(
                "Paths",
                format!(
                    "{}: {} from {} to {}, median {}, below 0 in {} %; the table shows the median path",
                    tuned.paths.len(),
                    self.objective(),
                    decimals(scores.lowest, 2),
                    decimals(scores.highest, 2),
                    decimals(scores.median, 2),
                    decimals(100.0 * scores.below_zero, 0)
                ),
            );
        }
        let header = ["", "Tuned", "Configuration", "Difference", "Best in hindsight"];
        let mut table = Table::new(header).optional([3]);
        let columns: [&Figures; 3] = [&tuned.out_of_sample, &tuned.base, &tuned.hindsight];
        for (name, label) in labels().filter(|(name, _)| COMPARED.contains(name)) {
            let [own, base, hindsight] = columns.map(|figures| figure(figures, name));
            let difference = match name {
                "sharpe_standard_error" => String::new(),
                "sharpe" | "calmar" => signed(own - base, 2),
                _ => points(own - base),
            };
            let [a, b, c] = [own, base, hindsight].map(|value| figure_text(name, value));
            table.row([label.to_owned(), a, b, difference, c]);
        }
        page.table(table);
        if let Some(sentence) = compared_text(tuned.out_of_sample.sharpe, tuned.base.sharpe) {
            page.text(sentence);
        }
    }

    fn add_folds(&self, page: &mut Page) {
        let choices = &self.tuned.choices;
        page.section(format!("Folds: {} in training and out of sample", self.objective()));
        let trained =
            if self.study.base.tune.method == Method::WalkForward { "Trained until" } else { "Trained on" };
        let header = ["Fold", trained, "Tested on", "Training", "Test", "Best", "Again", "Chosen"];
        let mut table = Table::new(header).words([1, 2, 7]).optional([1, 6, 5]);
        for (fold, choice) in choices.iter().enumerate().take(SHOWN) {
            table.row(self.fold_row(fold, choice));
        }
        let resamples = choices.iter().map(|choice| choice.preferred.certainty.resamples).min().unwrap_or(0);
        page.text(format!(
            "Training and Test: scores of the chosen setting. Best: highest score in training. Again: share of {resamples} \
             resamples of the training frames in which the best is the best again. Chosen: lowest turnover of the settings \
             as good as the best in training. {}",
            self.rule()
        ));
        page.table(table);
        if choices.len() > SHOWN {
            page.text(format!("… {} in folds.parquet", counted((choices.len() - SHOWN) as u64, "more fold")));
        }
    }

    fn fold_row(&self, fold: usize, choice: &FoldChoice) -> [String; 8] {
        let days = |ranges: &[std::ops::Range<usize>]| ends(&self.aligned.times, ranges).map(day);
        let blocks = choice.fold.test.iter().map(|block| days(std::slice::from_ref(block)).join(" to "));
        let trained = match self.study.base.tune.method {
            Method::WalkForward => days(&choice.fold.train)[1].clone(),
            _ => format!("{} frames", grouped(frames(&choice.fold.train) as f64)),
        };
        [
            fold.to_string(),
            trained,
            blocks.collect::<Vec<_>>().join(", "),
            decimals(choice.chosen.score, 2),
            decimals(choice.test_score, 2),
            decimals(choice.preferred.best.score, 2),
            whole_percent(choice.preferred.certainty.share),
            self.name(choice.chosen.setting),
        ]
    }

    fn add_in_sample(&self, page: &mut Page) {
        let Self { tuned, .. } = self;
        let PreferredSetting { chosen, difference, best, certainty: sure, .. } = &tuned.in_sample;
        let objective = self.objective();
        page.section("Recommended settings");
        page.field("Settings", self.name(chosen.setting));
        page.field(
            "In sample",
            format!(
                "{objective} {} on all frames, turnover {} % a year",
                decimals(chosen.score, 2),
                self.yearly_turnover(chosen.setting)
            ),
        );
        page.field(
            "Reason",
            format!(
                "lowest turnover of the {} of {} that are as good as the best",
                sure.within_one_error,
                counted(self.aligned.survivors.len() as u64, "setting")
            ),
        );
        if chosen.setting == best.setting {
            page.field("Best", "The recommended setting is also the best.");
            page.field(
                "Certainty",
                format!(
                    "± {} (s.e.); best again in {} of the resamples",
                    decimals(sure.standard_error, 2),
                    whole_percent(sure.share)
                ),
            );
        } else {
            page.field(
                "Less than the best",
                format!(
                    "{} ± {} (s.e.)",
                    decimals(difference.value, 2),
                    decimals(difference.standard_error, 2)
                ),
            );
            page.field(
                "Best",
                format!(
                    "{}: {objective} {} ± {} (s.e.), turnover {} % a year; best again in {} of the resamples",
                    self.name(best.setting),
                    decimals(best.score, 2),
                    decimals(sure.standard_error, 2),
                    self.yearly_turnover(best.setting),
                    whole_percent(sure.share)
                ),
            );
        }
        if let Some(next) = sure.runner_up {
            page.field("Next", format!("{}: {}", self.name(next.setting), decimals(next.score, 2)));
        }
        page.text(sentence(IN_SAMPLE));
    }

    /// Returns the rule by which a setting is as good as the best.
    fn rule(&self) -> &'static str {
        match self.study.base.tune.objective.name() {
            "sharpe" => {
                "A setting is as good if its Sharpe ratio and its mean return are each at most one standard error of \
                 their difference to the best below it."
            }
            _ => {
                "A setting is as good if its score is at most one standard error of the difference to the best below it."
            }
        }
    }

    /// Returns the turnover in percent a year: the column `turnover` of `scenarios.parquet`, a mean over dates, times the
    /// days of a year.
    fn yearly_turnover(&self, setting: usize) -> String {
        let days = self.study.base.data.days_per_year;
        grouped(100.0 * days * self.results.outcomes[setting].figure("turnover"))
    }

    /// Returns the objective in words.
    fn objective(&self) -> String {
        match self.study.base.tune.objective.name() {
            "sharpe" => "net Sharpe ratio".to_owned(),
            "sortino" => "net Sortino ratio".to_owned(),
            name => format!("net {}", name.replace('_', " ")),
        }
    }

    /// Returns a setting as `--set` takes it.
    fn name(&self, setting: usize) -> String {
        match self.study.grid.sets(setting).join(", ") {
            sets if sets.is_empty() => "the configuration as it is".to_owned(),
            sets => sets,
        }
    }
}

/// Returns whether tuning did better or worse out of sample than the configuration as it is, by Sharpe ratios as they are
/// shown; `None` where one is not defined.
fn compared_text(tuned: f64, base: f64) -> Option<String> {
    if !(tuned.is_finite() && base.is_finite()) {
        return None;
    }
    let [own, other] = [tuned, base].map(|ratio| decimals(ratio, 2));
    let did = match tuned.total_cmp(&base) {
        _ if own == other => "as well as",
        Ordering::Less => "worse than",
        _ => "better than",
    };
    Some(format!("Tuning did {did} the configuration as it is: Sharpe ratio {own} against {other}."))
}

fn day(time: TimestampNs) -> String {
    time_text(Some(time)).unwrap_or_default()
}

fn whole_percent(share: f64) -> String {
    if share.is_nan() { NONE.to_owned() } else { format!("{} %", decimals(100.0 * share, 0)) }
}

#[cfg(test)]
mod tests {
    use super::compared_text;

    #[test]
    fn tuning_is_compared_with_the_configuration() {
        let cases = [(1.47, 1.53, "worse than"), (1.6, 1.53, "better than"), (1.531, 1.529, "as well as")];
        for (tuned, base, words) in cases {
            let text = compared_text(tuned, base).unwrap_or_default();
            assert!(text.contains(&format!("did {words} the configuration")), "{text}");
        }
        assert_eq!(compared_text(f64::NAN, 1.0), None);
    }
}
