//! Terminal page of `luck`.

use super::examined::Examined;
use crate::commands::result_folder::Written;
use crate::summary::{add_files, backtest_length_text, deflated_text, overfitting_text, sharpe_text};
use crate::terminal::{NONE, Page, Table, counted, decimals, grouped, percent};

/// Maximum trials of the table; `--json` has all.
const SHOWN: usize = 20;
const FILES: [(&str, &str); 4] = [
    ("report.html", "the result on one page; opens without a network"),
    ("luck.parquet", "figures of each trial"),
    ("correlations.parquet", "correlation of each trial with each one before it"),
    ("summary.json", "all figures"),
];

impl Examined {
    /// Returns the page. `written`: the folder of the result.
    pub(super) fn page(&self, written: Option<&Written>) -> Page {
        let mut page = Page::default();
        self.add_data(&mut page);
        self.add_best(&mut page);
        self.add_trials(&mut page);
        if let Some(Written(out)) = written {
            add_files(&mut page, out, &FILES, None);
        }
        let warnings = self.warnings();
        page.notices("Warnings", warnings.iter().map(|warning| (warning.code, warning.text.as_str())));
        page
    }

    fn add_data(&self, page: &mut Page) {
        let [first, last] = self.range().map(|time| time.unwrap_or_else(|| NONE.to_owned()));
        let columns = self.names.len();
        let outside = (self.trials.count as usize).saturating_sub(columns);
        page.section("Trials");
        page.field("File", &self.file);
        page.field("Period", format!("{first} to {last}, {}", counted(self.rows_read() as u64, "row")));
        page.field(
            "Trials",
            match outside {
                0 => grouped(columns as f64),
                _ => format!(
                    "{}: {columns} of the file, {} more",
                    grouped(self.trials.count),
                    grouped(outside as f64)
                ),
            },
        );
        let origin = if self.from_spacing { "by the spacing of the rows" } else { "by --periods-per-year" };
        page.field("Periods a year", format!("{}, {origin}", decimals(self.periods, 0)));
        page.field(
            "Rows that all trials have",
            format!("{} of {}", grouped(self.panel.times.len() as f64), grouped(self.rows_read() as f64)),
        );
    }

    fn add_best(&self, page: &mut Page) {
        let overfitting =
            self.overfitting.as_ref().map_err(String::as_str).map(|(found, blocks)| {
                (found.probability, self.measured as u64, found.splits, *blocks as u64)
            });
        let Some(at) = self.best else {
            page.section("Best trial").text("No trial has a Sharpe ratio.");
            return;
        };
        let (trial, count) = (&self.panel.trials[at], self.trials.count as u64);
        page.section(format!("Best trial: {}", self.names[at]));
        page.field("Sharpe ratio", sharpe_text(&trial.figures));
        let single = trial.figures.uncertainty.probabilistic_sharpe;
        page.field("Deflated Sharpe ratio", deflated_text(single, self.deflated(trial), count));
        if count > 1 && self.deflated(trial).is_ok() {
            page.field(
                "Expected highest ratio",
                format!(
                    "{} if all {} trials were worthless",
                    decimals(self.expected_best(), 2),
                    grouped(count as f64)
                ),
            );
        }
        let [needed, bound] = self.backtest_years(trial);
        if let Some(text) = backtest_length_text(needed, self.years(trial), count) {
            page.field(
                "Minimum backtest length",
                format!("{text} (bound 2 ln N/SR²: {} years)", decimals(bound, 1)),
            );
        }
        let record = trial.figures.uncertainty.min_track_record_years;
        if record.is_finite() {
            page.field(
                "Minimum track record length",
                format!("{} years for P(SR > 0) 0.95, as a single trial", decimals(record, 1)),
            );
        }
        page.field("Probability of overfitting", overfitting_text(overfitting));
    }

    fn add_trials(&self, page: &mut Page) {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        let sharpe = |at: usize| self.panel.trials[at].figures.sharpe;
        // Undefined ratios are last.
        order.sort_by(|&a, &b| {
            sharpe(a).is_nan().cmp(&sharpe(b).is_nan()).then(sharpe(b).total_cmp(&sharpe(a)))
        });
        page.section("Trials by Sharpe ratio");
        let mut table = Table::new([
            "",
            "Sharpe",
            "± s.e.",
            "P(SR > 0)",
            "Deflated",
            "Volatility",
            "Returns",
            "Correlation",
            "with",
        ])
        .words([8])
        .optional([6, 5]);
        for &at in order.iter().take(SHOWN) {
            let trial = &self.panel.trials[at];
            let similar = self.similar[at];
            table.row([
                self.names[at].to_string(),
                decimals(sharpe(at), 2),
                decimals(trial.figures.uncertainty.standard_error, 2),
                decimals(trial.figures.uncertainty.probabilistic_sharpe, 3),
                decimals(self.deflated(trial).unwrap_or(f64::NAN), 3),
                percent(trial.figures.annual_volatility),
                grouped(trial.count as f64),
                decimals(similar.map_or(f64::NAN, |(_, correlation)| correlation), 2),
                similar.map(|(before, _)| self.names[before].to_string()).unwrap_or_default(),
            ]);
        }
        page.table(table);
        if order.len() > SHOWN {
            page.text(format!("… {} with --json", counted((order.len() - SHOWN) as u64, "more trial")));
        }
        if self.names.len() > 1 {
            page.text(format!(
                "Correlation: the highest with a trial before it in the file; above {} in {} of {}.",
                self.limit,
                self.above(),
                counted(self.names.len() as u64, "trial")
            ));
        }
    }
}
