//! A tuning on the terminal: what to expect first, then what to use.

use std::fmt::Write as _;

use betaflow_engine::metrics::Figures;
use betaflow_engine::time::TimestampNs;
use betaflow_engine::validation::{FoldChoice, PreferredSetting};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::Tuning;
use super::tables::{ends, frames};
use crate::config::Method;
use crate::summary::{IN_SAMPLE, figure_text, grouped, kept_holdout, time_text};

/// Most folds of the table; all are in `folds.parquet`.
const SHOWN: usize = 12;
const COMPARED: [&str; 5] = ["sharpe", "annual_return", "annual_volatility", "max_drawdown", "calmar"];

impl Tuning {
    /// Returns the text for the terminal, without the path of the folder.
    pub(crate) fn text(&self) -> String {
        let mut text = self.ruined.text() + &self.out_of_sample_text();
        self.add_folds(&mut text);
        self.add_in_sample(&mut text);
        text += "multiple testing, highest net Sharpe of the settings:\n";
        text += &self.luck.text();
        if let Some(from) = &self.study.base.holdout.from {
            _ = writeln!(text, "{}", kept_holdout(from));
        }
        for note in self.warnings.iter().filter(|note| note.code != "ruined_scenarios") {
            _ = writeln!(text, "note: {note}");
        }
        text
    }

    fn out_of_sample_text(&self) -> String {
        let Self { tuned, study, .. } = self;
        let tune = &study.base.tune;
        let path = tuned.path();
        let [first, last] = ends(&self.aligned.times, &path.blocks).map(day);
        let how = match tune.method {
            Method::WalkForward => "each block by a choice from before its embargo",
            Method::KFold => "each block by a choice from both sides of it",
            Method::Combinatorial => "each block by choices from the others",
        };
        let mut text = format!(
            "out of sample: {} frames, {first} to {last}, {how}\n",
            grouped(frames(&path.blocks) as f64)
        );
        if tuned.paths.len() > 1 {
            let scores = &tuned.path_scores;
            _ = writeln!(
                text,
                "{} paths: {} min {:.2}, median {:.2}, max {:.2}, below 0 in {:.0} %; below is the median path",
                tuned.paths.len(),
                self.objective(),
                scores.lowest,
                scores.median,
                scores.highest,
                100.0 * scores.below_zero
            );
        }
        let mut table = plain();
        table.set_header(["", "tuned", "the configuration as it is", "best in hindsight"]);
        let columns = [&tuned.out_of_sample, &tuned.base, &tuned.hindsight];
        for name in COMPARED {
            let value = |figures: &&Figures| {
                let items = figures.items();
                let value =
                    items.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, value)| *value);
                let shown = figure_text(name, value);
                match name {
                    "sharpe" if value.is_finite() => {
                        format!("{shown} ± {:.2}", figures.uncertainty.standard_error)
                    }
                    _ => shown,
                }
            };
            let mut cells = vec![name.replace('_', " ")];
            cells.extend(columns.iter().map(value));
            table.add_row(cells);
        }
        _ = writeln!(text, "\n{}\n", right(table));
        text
    }

    fn add_folds(&self, text: &mut String) {
        let choices = &self.tuned.choices;
        let objective = self.objective();
        let mut table = plain();
        table.set_header([
            "fold",
            if self.study.base.tune.method == Method::WalkForward { "trained until" } else { "trained on" },
            "judged on",
            &format!("{objective} trained"),
            "judged",
            "best trained",
            "best again",
            "within 1 s.e.",
            "chosen",
        ]);
        for (fold, choice) in choices.iter().enumerate().take(SHOWN) {
            table.add_row(self.fold_row(fold, choice));
        }
        _ = writeln!(text, "{}", right(table));
        if choices.len() > SHOWN {
            _ = writeln!(text, "(and {} more folds in folds.parquet)", choices.len() - SHOWN);
        }
        let resamples = choices.iter().map(|choice| choice.preferred.certainty.resamples).min().unwrap_or(0);
        _ = writeln!(
            text,
            "chosen: of the settings within one standard error of the best, the one with the lowest turnover\nbest again: share of \
             {resamples} resamples of the training frames in which the best is the best again\n"
        );
    }

    fn fold_row(&self, fold: usize, choice: &FoldChoice) -> [String; 9] {
        let days = |ranges: &[std::ops::Range<usize>]| ends(&self.aligned.times, ranges).map(day);
        let blocks = choice.fold.test.iter().map(|block| days(std::slice::from_ref(block)).join(" to "));
        let trained = match self.study.base.tune.method {
            Method::WalkForward => days(&choice.fold.train)[1].clone(),
            _ => format!("{} frames", frames(&choice.fold.train)),
        };
        [
            fold.to_string(),
            trained,
            blocks.collect::<Vec<_>>().join(", "),
            format!("{:.2}", choice.chosen.score),
            format!("{:.2}", choice.test_score),
            format!("{:.2}", choice.preferred.best.score),
            percent(choice.preferred.certainty.share),
            choice.preferred.certainty.within_one_error.to_string(),
            self.name(choice.chosen.setting),
        ]
    }

    fn add_in_sample(&self, text: &mut String) {
        let Self { tuned, .. } = self;
        let PreferredSetting { chosen, turnover, difference, best, best_turnover, certainty: sure } =
            &tuned.in_sample;
        let objective = self.objective();
        let yearly = 100.0 * self.study.base.data.calendar().frames_per_year();
        _ = writeln!(text, "recommended ({IN_SAMPLE}):\n  {}", self.name(chosen.setting));
        _ = writeln!(
            text,
            "  {objective} {:.2} on all frames, turnover {:.0} % a year: the lowest of the {} of {} settings within one standard \
             error of the best",
            chosen.score,
            yearly * turnover,
            sure.within_one_error,
            self.aligned.survivors.len(),
        );
        if chosen.setting != best.setting {
            _ = writeln!(
                text,
                "  {:.2} ± {:.2} (s.e.) below the best",
                difference.value, difference.standard_error
            );
        }
        _ = writeln!(
            text,
            "best: {}\n  {objective} {:.2} ± {:.2} (s.e.), turnover {:.0} % a year; best again in {} of the resamples",
            self.name(best.setting),
            best.score,
            sure.standard_error,
            yearly * best_turnover,
            percent(sure.share)
        );
        if let Some(next) = sure.runner_up {
            _ = writeln!(text, "  next: {} with {:.2}", self.name(next.setting), next.score);
        }
    }

    /// The objective in words.
    fn objective(&self) -> String {
        format!("net {}", self.study.base.tune.objective.name().replace('_', " "))
    }

    /// A setting as `--set` takes it.
    fn name(&self, setting: usize) -> String {
        match self.study.grid.sets(setting).join(", ") {
            sets if sets.is_empty() => "the configuration as it is".to_owned(),
            sets => sets,
        }
    }
}

fn day(time: TimestampNs) -> String {
    time_text(Some(time)).unwrap_or_default()
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

/// Numbers stand to the right; the last column of words, where there is one, to the left.
fn right(mut table: Table) -> Table {
    let words = table.column_count() > 4;
    let last = table.column_count() - usize::from(words);
    let first = if words { 3 } else { 1 };
    for column in table.column_iter_mut().take(last).skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn percent(share: f64) -> String {
    if share.is_nan() { "-".to_owned() } else { format!("{:.0} %", 100.0 * share) }
}
