//! Multiple testing in terminal output.

use super::Luck;
use crate::summary::{Code, Rendered};
use crate::terminal::{Page, counted};

impl Luck {
    /// Returns the section about trials, deflated Sharpe ratio and overfitting.
    pub(crate) fn page(&self) -> Page {
        let mut page = Page::default();
        page.section("Multiple testing").field("Trials", self.trials_text());
        if let Some(best) = &self.chosen[0].1 {
            let single = best.observed.probability_above(0.0);
            let text = match self.deflated(best) {
                Ok(_) if self.counted.trials == 1 => {
                    format!("{single:.3}, with one trial and so no correction; above 0.95 is good")
                }
                Ok(deflated) => {
                    format!(
                        "{deflated:.3} ({single:.3} without the correction for {}); above 0.95 is good",
                        counted(self.counted.trials as u64, "trial")
                    )
                }
                Err(reason) => format!("not defined: {reason}; {single:.3} without a correction"),
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
                "{:.2} (0.5: choosing is no better than chance), from {} and {} of {blocks} blocks",
                found.probability,
                counted(self.compared as u64, "trial"),
                counted(found.splits, "split")
            ),
            Err(reason) => format!("not defined: {reason}"),
        };
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
