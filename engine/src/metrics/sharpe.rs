//! Observed Sharpe ratio and its uncertainty.

use serde::{Deserialize, Serialize};

use super::moments::{Moments, ratio};
use crate::distributions::{Z95, normal_cdf};

/// Sharpe ratio of a series of returns per frame (not annualised), with the moments that its standard error
/// needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservedSharpe {
    /// Number T of returns.
    pub count: f64,
    /// Mean over sample standard deviation, per frame; NaN for fewer than two returns or no volatility.
    pub ratio: f64,
    /// Population skewness γ₃.
    pub skewness: f64,
    /// Population kurtosis γ₄, 3 for a normal distribution.
    pub kurtosis: f64,
}

impl ObservedSharpe {
    /// Ratio of simple returns, or of returns in excess of the risk-free return, one per frame.
    #[must_use]
    pub fn of(returns: impl IntoIterator<Item = f64>) -> Self {
        let mut moments = Moments::default();
        returns.into_iter().for_each(|r| moments.push(r));
        Self::from(&moments)
    }

    /// Reconstructs a ratio from its standard error, both per frame, if the returns are not available:
    /// skewness 0, kurtosis 1 (its minimum) and T = 1 + 1/s.e.². Its [`Self::standard_error`] equals
    /// `standard_error`.
    #[must_use]
    pub fn from_standard_error(ratio: f64, standard_error: f64) -> Self {
        let count = 1.0 + 1.0 / (standard_error * standard_error);
        Self { count, ratio, skewness: 0.0, kurtosis: 1.0 }
    }

    /// Squared standard error times T − 1: 1 − γ₃ s + (γ₄ − 1)/4 s² (Mertens 2002).
    #[must_use]
    pub fn spread(&self) -> f64 {
        1.0 - self.skewness * self.ratio + (self.kurtosis - 1.0) / 4.0 * self.ratio * self.ratio
    }

    /// Standard error of the ratio per frame, for independent and identically distributed returns.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        (self.spread() / (self.count - 1.0)).sqrt()
    }

    /// Probabilistic Sharpe ratio: probability that the true ratio per frame is above `benchmark` (Bailey &
    /// López de Prado 2012, eq. 11). NaN if the ratio is NaN.
    #[must_use]
    pub fn probability_above(&self, benchmark: f64) -> f64 {
        normal_cdf(ratio(self.ratio - benchmark, self.standard_error()))
    }
}

impl ObservedSharpe {
    /// Minimum track record length: number of returns with these moments after which the true ratio per frame is above
    /// `benchmark` with a probability of 95 % (Bailey & López de Prado 2012, eq. 13); NaN for a ratio of `benchmark` or
    /// less.
    #[must_use]
    pub fn min_track_record(&self, benchmark: f64) -> f64 {
        let scaled = Z95 / (self.ratio - benchmark);
        if self.ratio > benchmark { 1.0 + self.spread() * scaled * scaled } else { f64::NAN }
    }
}

impl From<&Moments> for ObservedSharpe {
    fn from(moments: &Moments) -> Self {
        let (ratio, skewness, kurtosis) = (moments.sharpe(1.0), moments.skewness(), moments.kurtosis());
        Self { count: moments.count, ratio, skewness, kurtosis }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconstructed_ratio_has_the_same_standard_error_and_probability() {
        let observed = ObservedSharpe { count: 1_000.0, ratio: 0.07, skewness: -0.5, kurtosis: 6.0 };
        let rebuilt = ObservedSharpe::from_standard_error(observed.ratio, observed.standard_error());
        assert!((rebuilt.standard_error() / observed.standard_error() - 1.0).abs() < 1e-14);
        assert!((rebuilt.probability_above(0.0) - observed.probability_above(0.0)).abs() < 1e-12);
    }
}

/// Uncertainty of the Sharpe ratio of a series of returns. NaN for fewer than two returns or no volatility.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharpeUncertainty {
    /// Standard error of the annualised ratio for independent and identically distributed returns (Lo 2002),
    /// with skewness γ₃ and kurtosis γ₄ (Mertens 2002): √((1 − γ₃ s + (γ₄ − 1)/4 s²)/(T − 1)), s the ratio
    /// per frame.
    #[serde(rename = "sharpe_standard_error")]
    pub standard_error: f64,
    /// Probabilistic Sharpe ratio: probability that the true ratio is above 0 (Bailey & López de Prado 2012).
    pub probabilistic_sharpe: f64,
    /// Years of returns with these moments after which that probability is 95 %; NaN for a ratio of 0 or
    /// less.
    pub min_track_record_years: f64,
}

impl SharpeUncertainty {
    /// Every figure with its name.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 3] {
        [
            ("sharpe_standard_error", self.standard_error),
            ("probabilistic_sharpe", self.probabilistic_sharpe),
            ("min_track_record_years", self.min_track_record_years),
        ]
    }

    /// Uncertainty from population moments γ₃ and γ₄ and the ratio with the sample standard deviation, as in
    /// `sharpe`.
    pub(super) fn of(moments: &Moments, frames_per_year: f64) -> Self {
        let observed = ObservedSharpe::from(moments);
        Self {
            standard_error: observed.standard_error() * frames_per_year.sqrt(),
            probabilistic_sharpe: observed.probability_above(0.0),
            min_track_record_years: observed.min_track_record(0.0) / frames_per_year,
        }
    }
}
