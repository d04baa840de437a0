//! What settings are compared by.

use crate::metrics::{Figures, ObservedSharpe, annual_growth};

/// What makes one setting better than another, of its returns on the frames that count. More is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// Annualised Sharpe ratio.
    Sharpe,
    /// Annualised Sortino ratio.
    Sortino,
    /// Annual return over the deepest drawdown.
    Calmar,
    /// Compound annual return.
    Growth,
    /// The lowest annualised Sharpe ratio of so many contiguous blocks: a setting is as good as its worst time.
    /// Blocks differ in length by a frame at most; none, or more than there are frames, cannot be scored.
    WorstBlock {
        /// Blocks.
        blocks: usize,
    },
}

impl Objective {
    /// The score of simple returns, a frame each; NaN where it is not defined.
    #[must_use]
    pub fn score(self, returns: &[f64], frames_per_year: f64) -> f64 {
        let figures = |returns: &[f64]| Figures::of(returns.iter().copied(), frames_per_year);
        let sharpe =
            |returns: &[f64]| ObservedSharpe::of(returns.iter().copied()).ratio * frames_per_year.sqrt();
        match self {
            Self::Sharpe => sharpe(returns),
            Self::Sortino => figures(returns).sortino,
            Self::Calmar => figures(returns).calmar,
            Self::Growth => {
                let wealth = returns.iter().fold(1.0, |wealth, r| wealth * (1.0 + r));
                annual_growth(wealth, returns.len() as f64, frames_per_year)
            }
            Self::WorstBlock { blocks } => {
                let edge = |block: usize| block * returns.len() / blocks;
                let sharpes = (0..blocks).map(|block| sharpe(&returns[edge(block)..edge(block + 1)]));
                // A block without volatility has no ratio, and then the whole has none: NaN must not lose to `min`.
                let worst =
                    |worst: f64, next: f64| if worst.is_nan() || next >= worst { worst } else { next };
                sharpes.reduce(worst).unwrap_or(f64::NAN)
            }
        }
    }
}

/// The place of the highest score, the first of equal ones; `None` where all are NaN.
#[must_use]
pub fn best(scores: &[f64]) -> Option<usize> {
    let known = scores.iter().enumerate().filter(|(_, score)| !score.is_nan());
    known.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(at, _)| at)
}
