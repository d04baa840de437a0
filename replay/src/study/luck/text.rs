//! Multiple testing in terminal output.

use super::Luck;
use crate::summary::{Code, Rendered};
use crate::terminal::{NONE, Page, grouped};

impl Luck {
    /// Returns the section about trials, deflated Sharpe ratio and overfitting.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        page.section("Multiple testing").field("Trials", self.trials_text());
        if let Some(best) = &self.chosen[0].1 {
            let single = best.observed.probability_above(0.0);
            let text = match self.deflated(best) {
                Ok(_) if self.counted.trials == 1 => {
                    format!("P(SR > 0) {single:.2}; one trial: no deflation")
                }
                Ok(deflated) => {
                    format!(
                        "{deflated:.2}: P(SR > 0) as the best of all trials, against {single:.2} as a single trial"
                    )
                }
                Err(reason) => format!("{NONE}: {reason}; P(SR > 0) {single:.2} as a single trial"),
            };
            page.field("Deflated Sharpe ratio", text);
            let (years, needed) = (self.years(), self.years_min(best));
            if self.counted.trials > 1 && needed.is_finite() {
                let verdict = if years < needed { "too short" } else { "long enough" };
                page.field(
                    "Minimum backtest length",
                    format!(
                        "{needed:.1} years; the data has {years:.1} years: {verdict} for {} trials",
                        self.counted.trials
                    ),
                );
            }
        }
        let overfitting = match &self.overfitting {
            Ok((found, blocks)) => format!(
                "{:.2}, from {} trials and {} splits of {blocks} blocks",
                found.probability,
                self.compared,
                grouped(found.splits as f64)
            ),
            Err(reason) => format!("{NONE}: {reason}"),
        };
        page.field("Probability of overfitting", overfitting);
        page
    }

    /// Returns warnings about a trials log that cannot be read or written.
    pub(crate) fn warnings(&self) -> Vec<Rendered> {
        let unreadable = (self.counted.unreadable > 0).then(|| {
            let count = self.counted.unreadable;
            format!("{count} line(s) of the trials log cannot be read. Each may be a run whose trials are not counted.")
        });
        let texts = self.counted.problem.clone().into_iter().chain(unreadable);
        texts.map(|text| Rendered::new(Code::TrialsLog, text)).collect()
    }

    fn trials_text(&self) -> String {
        let counted = &self.counted;
        let origin = match &counted.file {
            Some(path) if counted.runs_before == 0 => {
                format!(", all of this run; trials log: {}", path.display())
            }
            Some(path) => format!(
                ": {} of this run, {} of {} earlier run(s) on the same data; trials log: {}",
                counted.here,
                counted.trials.saturating_sub(counted.here),
                counted.runs_before,
                path.display()
            ),
            None => ", all of this run; no trials log is kept".to_owned(),
        };
        let ruined = match self.ruined.len() {
            0 => String::new(),
            count => format!("; {count} ruined, counted as trials but not compared"),
        };
        format!("{}{origin}{ruined}", counted.trials)
    }
}
