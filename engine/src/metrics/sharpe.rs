//! A Sharpe ratio as observed, and its uncertainty.

use serde::{Deserialize, Serialize};

use super::moments::{Moments, ratio};
use crate::distributions::{Z95, normal_cdf};

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
    /// Ratio of simple returns, or of returns in excess of the risk-free return, one per frame.
    #[must_use]
    pub fn of(returns: impl IntoIterator<Item = f64>) -> Self {
        let mut moments = Moments::default();
        returns.into_iter().for_each(|r| moments.push(r));
        Self::from(&moments)
    }

    /// Reconstructs a ratio from its standard error, both per frame, where the returns are not at hand: of the
    /// distributions with this error it takes that without skewness and with the least kurtosis, 1, whose count is then
    /// T = 1 + 1/s.e.². Its [`Self::standard_error`] is `standard_error` again.
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

    /// Standard error of the ratio per frame, for independent returns of one distribution.
    #[must_use]
    pub fn standard_error(&self) -> f64 {
        (self.spread() / (self.count - 1.0)).sqrt()
    }

    /// Probabilistic Sharpe ratio: the chance that the true ratio per frame is above `benchmark` (Bailey & López de
    /// Prado 2012, eq. 11). NaN where the ratio is.
    #[must_use]
    pub fn probability_above(&self, benchmark: f64) -> f64 {
        normal_cdf(ratio(self.ratio - benchmark, self.standard_error()))
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

/// Uncertainty of the Sharpe ratio of a series of returns. NaN where it is not defined: fewer than two returns,
/// or returns that are all the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharpeUncertainty {
    /// Standard error of the annualised ratio for independent returns of one distribution (Lo 2002), with their
    /// skewness γ₃ and kurtosis γ₄ (Mertens 2002): √((1 − γ₃ s + (γ₄ − 1)/4 s²)/(T − 1)), s the ratio a frame.
    #[serde(rename = "sharpe_standard_error")]
    pub standard_error: f64,
    /// Probabilistic Sharpe ratio: the chance that the true ratio is above 0 (Bailey & López de Prado 2012).
    pub probabilistic_sharpe: f64,
    /// Years of returns after which that chance would be 95 %, if they went on like these; NaN for a ratio of 0
    /// or less.
    pub min_track_record_years: f64,
}

impl SharpeUncertainty {
    /// Every figure under its name.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 3] {
        [
            ("sharpe_standard_error", self.standard_error),
            ("probabilistic_sharpe", self.probabilistic_sharpe),
            ("min_track_record_years", self.min_track_record_years),
        ]
    }

    /// With population moments for γ₃ and γ₄, and the sample deviation for the ratio, as `sharpe` has it.
    pub(super) fn of(moments: &Moments, frames_per_year: f64) -> Self {
        let observed = ObservedSharpe::from(moments);
        let scaled = Z95 / observed.ratio;
        let years = (1.0 + observed.spread() * scaled * scaled) / frames_per_year;
        Self {
            standard_error: observed.standard_error() * frames_per_year.sqrt(),
            probabilistic_sharpe: observed.probability_above(0.0),
            min_track_record_years: if observed.ratio > 0.0 { years } else { f64::NAN },
        }
    }
}
