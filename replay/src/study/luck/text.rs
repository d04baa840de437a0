//! Multiple testing in terminal output.

use std::fmt::Write as _;

use super::Luck;

impl Luck {
    /// Returns the lines below the best result.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        _ = writeln!(text, "  {}", self.trials_text());
        if let Some(best) = &self.chosen[0].1 {
            let single = best.observed.probability_above(0.0);
            _ = match self.deflated(best) {
                Ok(_) if self.counted.trials == 1 => {
                    writeln!(text, "  P(SR>0) {single:.2}  one trial: no deflation")
                }
                Ok(deflated) => writeln!(
                    text,
                    "  deflated Sharpe ratio {deflated:.2} (P(SR>0) as the best of all trials; {single:.2} as a single trial)"
                ),
                Err(reason) => {
                    writeln!(
                        text,
                        "  deflated Sharpe ratio -: {reason} (P(SR>0) {single:.2} as a single trial)"
                    )
                }
            };
            let (years, needed) = (self.years(), self.years_min(best));
            if self.counted.trials > 1 && needed.is_finite() {
                let verdict = if years < needed { "too short" } else { "long enough" };
                _ = writeln!(
                    text,
                    "  minimum backtest length {needed:.1} years  data {years:.1} years: {verdict} for {} trials",
                    self.counted.trials
                );
            }
        }
        _ = match &self.overfitting {
            Ok((found, blocks)) => writeln!(
                text,
                "  probability of backtest overfitting {:.2} ({} trials, {} splits of {blocks} blocks)",
                found.probability, self.compared, found.splits
            ),
            Err(reason) => writeln!(text, "  probability of backtest overfitting -: {reason}"),
        };
        if let Some(problem) = &self.counted.problem {
            _ = writeln!(text, "note: {problem}");
        }
        if self.counted.unreadable > 0 {
            let count = self.counted.unreadable;
            _ = writeln!(text, "note: {count} unreadable line(s) in the trials log; each may be a run");
        }
        text
    }

    fn trials_text(&self) -> String {
        let counted = &self.counted;
        let plural = if counted.trials == 1 { "" } else { "s" };
        let of = match &counted.file {
            Some(path) => format!(
                "{} from this run, the others from {} earlier run(s) on the same data, in {}",
                counted.here,
                counted.runs_before,
                path.display()
            ),
            None => "from this run only: no trials log".to_owned(),
        };
        let ruined = match self.ruined.len() {
            0 => String::new(),
            count => format!("; {count} ruined, counted as trials but not compared"),
        };
        format!("{} trial{plural} ({of}){ruined}", counted.trials)
    }
}
