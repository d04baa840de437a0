//! Uncertainty of a Sharpe ratio.

use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::observed_sharpe::ObservedSharpe;

/// The standard normal's 95th percentile.
const Z95: f64 = 1.644_853_626_951_472_2;

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
