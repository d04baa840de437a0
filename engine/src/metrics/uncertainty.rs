//! How sure a Sharpe ratio is.

use super::moments::ratio;

/// The standard normal's 95th percentile.
const Z95: f64 = 1.644_853_626_951_472_2;

/// Uncertainty of the Sharpe ratio of a series of returns. NaN where it is not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharpeUncertainty {
    /// Standard error of the annualised ratio for independent returns of one distribution (Lo 2002), with their
    /// skewness γ₃ and kurtosis γ₄ (Mertens 2002): √((1 − γ₃ s + (γ₄ − 1)/4 s²)/(T − 1)), s the ratio a frame.
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
}

/// Central moments up to the fourth, updated return by return (Pébay 2008, eq. 3.1).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FourMoments {
    count: f64,
    mean: f64,
    sums: [f64; 3],
}

impl FourMoments {
    pub(super) fn push(&mut self, r: f64) {
        let before = self.count;
        self.count += 1.0;
        let n = self.count;
        let step = (r - self.mean) / n;
        let square = step * step;
        let term = (r - self.mean) * step * before;
        let [second, third, fourth] = self.sums;
        self.mean += step;
        self.sums = [
            second + term,
            third + term * step * (n - 2.0) - 3.0 * step * second,
            fourth + term * square * (n * n - 3.0 * n + 3.0) + 6.0 * square * second - 4.0 * step * third,
        ];
    }

    /// With population moments for γ₃ and γ₄, and the sample deviation for the ratio, as `sharpe` has it.
    pub(super) fn uncertainty(&self, frames_per_year: f64) -> SharpeUncertainty {
        let Self { count, mean, sums: [second, third, fourth] } = *self;
        let variance = second / count;
        let skewness = ratio(third / count, variance * variance.sqrt());
        let kurtosis = ratio(fourth / count, variance * variance);
        let sharpe = ratio(mean, (second / (count - 1.0)).sqrt());
        let spread = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
        let error = (spread / (count - 1.0)).sqrt();
        let years = (1.0 + spread * (Z95 / sharpe) * (Z95 / sharpe)) / frames_per_year;
        SharpeUncertainty {
            standard_error: error * frames_per_year.sqrt(),
            probabilistic_sharpe: 0.5 * libm::erfc(-ratio(sharpe, error) / std::f64::consts::SQRT_2),
            min_track_record_years: if sharpe > 0.0 { years } else { f64::NAN },
        }
    }
}
