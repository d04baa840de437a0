//! Multiple testing in terminal output.

use super::Luck;
use crate::summary::{Code, Rendered, backtest_length_text, deflated_text, overfitting_text};
use crate::terminal::{Page, counted};

impl Luck {
    /// Returns the section about trials, deflated Sharpe ratio and overfitting.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        page.section("Multiple testing").field("Trials", self.trials_text());
        if let Some(best) = &self.chosen[0].1 {
            let single = best.observed.probability_above(0.0);
            let trials = self.counted.trials as u64;
            page.field("Deflated Sharpe ratio", deflated_text(single, self.deflated(best), trials));
            if let Some(text) = backtest_length_text(self.years_min(best), self.years(), trials) {
                page.field("Minimum backtest length", text);
            }
        }
        let overfitting =
            self.overfitting.as_ref().map_err(String::as_str).map(|(found, blocks)| {
                (found.probability, self.compared as u64, found.splits, *blocks as u64)
            });
        let overfitting = overfitting_text(overfitting);
        page.field("Probability of overfitting", overfitting);
        page
    }

    /// Returns warnings about a trials log that cannot be read or written.
    pub(crate) fn warnings(&self) -> Vec<Rendered> {
        let unreadable = (self.counted.unreadable > 0).then(|| {
            let count = self.counted.unreadable;
            format!(
                "The trials log has {} that cannot be read. Each may be a run whose trials are not counted.",
                counted(count as u64, "line")
            )
        });
        let texts = self.counted.problem.clone().into_iter().chain(unreadable);
        texts.map(|text| Rendered::new(Code::TrialsLog, text)).collect()
    }

    fn trials_text(&self) -> String {
        let tally = &self.counted;
        let origin = match &tally.file {
            Some(path) if tally.runs_before == 0 => {
                format!(", all of this run; trials log: {}", path.display())
            }
            Some(path) => format!(
                ": {} of this run, {} more of {} on the same data; trials log: {}",
                tally.here,
                tally.trials.saturating_sub(tally.here),
                counted(tally.runs_before as u64, "earlier run"),
                path.display()
            ),
            None => ", all of this run; no trials log is kept".to_owned(),
        };
        let ruined = match self.ruined.len() {
            0 => String::new(),
            count => format!("; {count} ruined, counted as trials but not compared"),
        };
        format!("{}{origin}{ruined}", counted(tally.trials as u64, "distinct choice"))
    }
}
