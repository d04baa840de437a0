//! Luck on the terminal.

use std::fmt::Write as _;

use super::Luck;

impl Luck {
    /// Lines to stand below the best result.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        _ = writeln!(text, "  {}", self.trials_text());
        if let Some(best) = &self.chosen[0].1 {
            let alone = best.observed.probability_above(0.0);
            _ = match self.deflated(best) {
                Ok(_) if self.counted.trials == 1 => writeln!(
                    text,
                    "  probabilistic sharpe ratio {alone:.2}: the chance that the true one is above 0; one trial, so there is \
                     nothing to deflate"
                ),
                Ok(deflated) => writeln!(
                    text,
                    "  deflated sharpe ratio {deflated:.2}: the chance that the true one is above 0, as the best of so many \
                     (alone {alone:.2})"
                ),
                Err(reason) => writeln!(text, "  no deflated sharpe ratio: {reason} (alone {alone:.2})"),
            };
            let (there, needed) = (self.years(), self.years_min(best));
            if self.counted.trials > 1 && needed.is_finite() {
                let what = if there < needed { "too short" } else { "long enough" };
                _ = writeln!(
                    text,
                    "  minimum backtest length {needed:.1} years, there are {there:.1}: {what} not to expect such a ratio of \
                     worthless trials"
                );
            }
        }
        _ = match &self.overfitting {
            Ok((found, blocks)) => writeln!(
                text,
                "  probability of backtest overfitting {:.2} ({} trials, {} splits of {blocks} blocks)",
                found.probability, self.compared, found.splits
            ),
            Err(reason) => writeln!(text, "  no probability of backtest overfitting: {reason}"),
        };
        if let Some(problem) = &self.counted.problem {
            _ = writeln!(text, "note: {problem}");
        }
        if self.counted.unreadable > 0 {
            let count = self.counted.unreadable;
            _ = writeln!(
                text,
                "note: {count} line(s) of the ledger of trials cannot be read; each may be a run"
            );
        }
        text
    }

    fn trials_text(&self) -> String {
        let counted = &self.counted;
        let plural = if counted.trials == 1 { "" } else { "s" };
        let of = match &counted.ledger {
            Some(path) => format!(
                "{} of this run and those of {} before on the same data, in {}",
                counted.here,
                counted.runs_before,
                path.display()
            ),
            None => "of this run alone: no ledger is kept".to_owned(),
        };
        let ruined = match self.ruined.len() {
            0 => String::new(),
            count => format!("; {count} of them ruined, which count as tried and are not compared"),
        };
        format!("{} trial{plural} ({of}){ruined}", counted.trials)
    }
}
