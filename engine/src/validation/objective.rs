//! Objectives by which settings are compared.

use crate::metrics::{Figures, ObservedSharpe, annual_growth};

/// Score of the returns of a setting. Higher is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// Annualised Sharpe ratio.
    Sharpe,
    /// Annualised Sortino ratio.
    Sortino,
    /// Annual return over the maximum drawdown.
    Calmar,
    /// Compound annual return.
    Growth,
    /// Lowest annualised Sharpe ratio of `blocks` contiguous blocks. Their lengths differ by at most one
    /// frame; the score is undefined for 0 blocks or more blocks than frames.
    WorstBlock {
        /// Number of blocks.
        blocks: usize,
    },
}

impl Objective {
    /// Score of simple returns, one per frame; NaN if undefined.
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
                // A block without volatility makes the score NaN; `min` would skip it.
                let worst =
                    |worst: f64, next: f64| if worst.is_nan() || next >= worst { worst } else { next };
                sharpes.reduce(worst).unwrap_or(f64::NAN)
            }
        }
    }
}

/// Index of the highest score, the first of equal ones; `None` if all are NaN.
#[must_use]
pub fn best(scores: &[f64]) -> Option<usize> {
    let known = scores.iter().enumerate().filter(|(_, score)| !score.is_nan());
    known.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(at, _)| at)
}
