//! A Sharpe ratio as observed, and how sure it is.

use super::moments::{Moments, ratio};
use super::normal;

/// The Sharpe ratio of a series of returns, per frame (not annualised), with what its standard error takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservedSharpe {
    /// Returns, T.
    pub count: f64,
    /// Mean over sample deviation of the returns, per frame; NaN for fewer than two returns or no volatility.
    pub ratio: f64,
    /// γ₃ of the population.
    pub skewness: f64,
    /// γ₄ of the population, 3 for a normal distribution.
    pub kurtosis: f64,
}

impl ObservedSharpe {
    /// Of simple returns, or of returns in excess of the risk-free return, a frame each.
    #[must_use]
    pub fn of(returns: impl IntoIterator<Item = f64>) -> Self {
        let mut moments = Moments::default();
        returns.into_iter().for_each(|r| moments.push(r));
        Self::from(&moments)
    }

    /// Squared standard error times T − 1: 1 − γ₃ s + (γ₄ − 1)/4 s² (Mertens 2002).
    #[must_use]
    pub fn spread(&self) -> f64 {
        1.0 - self.skewness * self.ratio + (self.kurtosis - 1.0) / 4.0 * self.ratio * self.ratio
    }

    /// Standard error of the ratio per frame, for independent returns of one distribution.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        (self.spread() / (self.count - 1.0)).sqrt()
    }

    /// Probabilistic Sharpe ratio: the chance that the true ratio per frame is above `benchmark` (Bailey & López de
    /// Prado 2012, eq. 11). NaN where the ratio is.
    #[must_use]
    pub fn probability_above(&self, benchmark: f64) -> f64 {
        normal::cdf(ratio(self.ratio - benchmark, self.standard_error()))
    }
}

impl From<&Moments> for ObservedSharpe {
    fn from(moments: &Moments) -> Self {
        let (ratio, skewness, kurtosis) = (moments.sharpe(1.0), moments.skewness(), moments.kurtosis());
        Self { count: moments.count, ratio, skewness, kurtosis }
    }
}
