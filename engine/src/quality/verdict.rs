//! Verdict on a panel: whether it is fit for a backtest.

use super::{Problem, Tally};

/// Largest share of rows that have a twin by chance in clean daily data.
const COPIES_BY_CHANCE: f64 = 1e-5;
/// Problems of a row that change the result of a backtest unless the row is a real move.
const GRAVE: [Problem; 12] = [
    Problem::CopiedBar,
    Problem::BrokenBar,
    Problem::Duplicate,
    Problem::Unsorted,
    Problem::Split,
    Problem::BadAdjustment,
    Problem::ReusedTicker,
    Problem::ExtremeReturn,
    Problem::LargeMove,
    Problem::IdenticalSeries,
    Problem::HolidayFilled,
    Problem::FlatDays,
];
/// Problems of a factor that leave its betas unidentified.
const UNIDENTIFIED: [Problem; 3] = [Problem::FactorConstant, Problem::FactorLevel, Problem::FactorsCollinear];

/// Fitness of a panel for research, by its gravest problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Times are in two units.
    MixedTimeUnits,
    /// All times are in a wrong unit.
    WrongTimeUnit,
    /// More bars are copied from another day than chance explains: look-ahead.
    CopiedBars {
        /// Copied bars.
        copied: u64,
    },
    /// The factors belong to another frame than the prices.
    FactorsMisaligned,
    /// Some factors cannot be distinguished from alpha or from each other.
    FactorsUnidentified {
        /// Findings about factors.
        factors: u64,
    },
    /// Fit once the rows with a grave problem are checked.
    FitOnceChecked {
        /// Findings of a grave problem.
        grave: u64,
    },
    /// Fit: no grave problem was found.
    Fit,
}

impl Tally {
    /// Returns the verdict on data of `rows` rows.
    #[must_use]
    pub fn verdict(&self, rows: u64) -> Verdict {
        let count = |problem: Problem| self.of(problem).findings;
        let sum = |problems: &[Problem]| problems.iter().map(|problem| count(*problem)).sum::<u64>();
        let copied = count(Problem::CopiedBar);
        match (sum(&UNIDENTIFIED), sum(&GRAVE)) {
            _ if count(Problem::MixedTimeUnits) > 0 => Verdict::MixedTimeUnits,
            _ if count(Problem::WrongTimeUnit) > 0 => Verdict::WrongTimeUnit,
            _ if copied as f64 > COPIES_BY_CHANCE * rows as f64 => Verdict::CopiedBars { copied },
            _ if count(Problem::FactorsMisaligned) > 0 => Verdict::FactorsMisaligned,
            (0, 0) => Verdict::Fit,
            (0, grave) => Verdict::FitOnceChecked { grave },
            (factors, _) => Verdict::FactorsUnidentified { factors },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::Finding;
    use crate::time::TimestampNs;

    fn verdict(problems: &[Problem], rows: u64) -> Verdict {
        let mut tally = Tally::default();
        for problem in problems {
            tally.add(&Finding {
                timestamp: TimestampNs(0),
                symbol: "A".into(),
                problem: *problem,
                detail: String::new(),
                severity: 1.0,
            });
        }
        tally.verdict(rows)
    }

    #[test]
    fn gravest_problem_decides() {
        assert_eq!(verdict(&[], 100), Verdict::Fit);
        assert_eq!(verdict(&[Problem::Stale], 100), Verdict::Fit);
        assert_eq!(verdict(&[Problem::Split, Problem::Stale], 100), Verdict::FitOnceChecked { grave: 1 });
        let factors = [Problem::FactorLevel, Problem::Split];
        assert_eq!(verdict(&factors, 100), Verdict::FactorsUnidentified { factors: 1 });
        assert_eq!(
            verdict(&[Problem::FactorsMisaligned, Problem::FactorLevel], 100),
            Verdict::FactorsMisaligned
        );
        let all = [Problem::WrongTimeUnit, Problem::MixedTimeUnits, Problem::CopiedBar];
        assert_eq!(verdict(&all, 100), Verdict::MixedTimeUnits);
        assert_eq!(verdict(&all[..1], 100), Verdict::WrongTimeUnit);
    }

    #[test]
    fn copies_within_chance_are_grave_without_look_ahead() {
        let copies = [Problem::CopiedBar; 2];
        assert_eq!(verdict(&copies, 100_000), Verdict::CopiedBars { copied: 2 });
        assert_eq!(verdict(&copies, 200_000), Verdict::FitOnceChecked { grave: 2 });
    }
}
