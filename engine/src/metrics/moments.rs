//! Online moments of returns.

use serde::{Deserialize, Serialize};

/// Standard deviation up to which returns differ by rounding alone: that of (1 + r), with a margin. A series
/// below it counts as without volatility.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Count, central moments up to the fourth (Pébay 2008, eq. 3.1), and sum of squared negative returns.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Moments {
    pub(super) count: f64,
    pub(super) mean: f64,
    /// Sums of the second to fourth powers of the deviations from the mean.
    sums: [f64; 3],
    downside: f64,
}

impl Moments {
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
        let below = r.min(0.0);
        self.downside += below * below;
    }

    /// Sample standard deviation; NaN for fewer than two returns.
    pub(super) fn deviation(&self) -> f64 {
        if self.count < 2.0 { f64::NAN } else { (self.sums[0] / (self.count - 1.0)).sqrt() }
    }

    /// Sample standard deviation as a divisor; 0 for returns that are equal up to rounding.
    pub(super) fn dispersion(&self) -> f64 {
        let deviation = self.deviation();
        if deviation <= ROUNDING { 0.0 } else { deviation }
    }

    /// Annualised Sharpe ratio: mean/std · √(frames per year); NaN for fewer than two returns or no
    /// volatility.
    pub(super) fn sharpe(&self, frames_per_year: f64) -> f64 {
        ratio(self.mean, self.dispersion()) * frames_per_year.sqrt()
    }

    /// Annualised mean over annualised downside deviation of all returns; NaN for fewer than two returns or
    /// no loss.
    pub(super) fn sortino(&self, frames_per_year: f64) -> f64 {
        if self.count < 2.0 {
            return f64::NAN;
        }
        let downside = (self.downside / self.count).sqrt();
        ratio(self.mean * frames_per_year, downside * frames_per_year.sqrt())
    }

    /// Population skewness γ₃; NaN without volatility.
    pub(super) fn skewness(&self) -> f64 {
        let variance = self.variance();
        ratio(self.sums[1] / self.count, variance * variance.sqrt())
    }

    /// Population kurtosis γ₄, 3 for a normal distribution; NaN without volatility.
    pub(super) fn kurtosis(&self) -> f64 {
        let variance = self.variance();
        ratio(self.sums[2] / self.count, variance * variance)
    }

    /// Population variance; 0 for returns that are equal up to rounding.
    fn variance(&self) -> f64 {
        if self.dispersion() > 0.0 { self.sums[0] / self.count } else { 0.0 }
    }
}

/// Quotient, or NaN for a divisor of 0.
pub(super) fn ratio(numerator: f64, divisor: f64) -> f64 {
    if divisor == 0.0 { f64::NAN } else { numerator / divisor }
}

/// Compound annual growth rate of one unit that grew to `wealth` after `frames` frames; NaN without frames or
/// for a negative value.
pub(crate) fn annual_growth(wealth: f64, frames: f64, frames_per_year: f64) -> f64 {
    if frames == 0.0 || wealth < 0.0 {
        return f64::NAN;
    }
    libm::pow(wealth, frames_per_year / frames) - 1.0
}

/// Online regression of the cumulated log returns on time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trend {
    count: f64,
    level: f64,
    mean_time: f64,
    mean_level: f64,
    times: f64,
    levels: f64,
    products: f64,
}

impl Trend {
    pub(super) fn push(&mut self, r: f64) {
        self.level += libm::log1p(r);
        let time = self.count;
        self.count += 1.0;
        let (time_before, level_before) = (time - self.mean_time, self.level - self.mean_level);
        self.mean_time += time_before / self.count;
        self.mean_level += level_before / self.count;
        self.times += time_before * (time - self.mean_time);
        self.levels += level_before * (self.level - self.mean_level);
        self.products += time_before * (self.level - self.mean_level);
    }

    /// R², from 0 to 1; NaN for fewer than two returns or a constant value.
    pub(super) fn r_squared(&self) -> f64 {
        if self.count < 2.0 || self.levels == 0.0 {
            return f64::NAN;
        }
        let r_squared = self.products / self.times * (self.products / self.levels);
        // `min` would turn the NaN of a value below zero into 1.
        if r_squared > 1.0 { 1.0 } else { r_squared }
    }
}
