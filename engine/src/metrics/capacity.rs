//! Capacity of a strategy: the NAV at which market impact halves its Sharpe ratio.

use serde::{Deserialize, Serialize};

/// Bisection steps: more than an f64 has bits.
const STEPS: u32 = 200;
/// Largest multiple that is searched.
const MULTIPLE_MAX: f64 = 1e12;

/// Capacity from the moments of returns and impact.
///
/// With the trades in weights fixed, impact as a share of the preceding NAV scales with NAV: its temporary
/// part with (NAV/NAV₀)^p, p the impact exponent, and its permanent part with NAV/NAV₀ (Almgren & Chriss
/// 2000; the square-root law is p = 0.5). At c times the NAV of the run, frame t has the return
/// `r_t(c) = a_t − c^p·u_t − c·v_t`.
///
/// Here a_t is the return with impact added back, u_t and v_t are the two parts of impact at the NAV of the
/// run. Mean and variance of r(c) follow from the means and covariances of (a, u, v), which are all that is
/// stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    count: f64,
    mean: [f64; 3],
    /// Sums of products of deviations from the means.
    products: [[f64; 3]; 3],
}

impl Capacity {
    /// Adds one frame, in shares of the preceding NAV: the net return with all impact added back, and the
    /// temporary and the permanent part of the impact, costs positive.
    pub fn push(&mut self, return_before_impact: f64, temporary: f64, permanent: f64) {
        let values = [return_before_impact, temporary, permanent];
        self.count += 1.0;
        let before: [f64; 3] = std::array::from_fn(|i| values[i] - self.mean[i]);
        for i in 0..3 {
            self.mean[i] += before[i] / self.count;
        }
        for i in 0..3 {
            for j in 0..3 {
                self.products[i][j] += before[i] * (values[j] - self.mean[j]);
            }
        }
    }

    /// Annualised Sharpe ratio at `multiple` times the NAV of the run; 0 excludes impact. NaN for fewer than
    /// two frames or no volatility.
    #[must_use]
    pub fn sharpe(&self, multiple: f64, exponent: f64, frames_per_year: f64) -> f64 {
        let scale = [1.0, -libm::pow(multiple, exponent), -multiple];
        let mut mean = 0.0;
        let mut squares = 0.0;
        for i in 0..3 {
            mean += scale[i] * self.mean[i];
            for j in 0..3 {
                squares += scale[i] * scale[j] * self.products[i][j];
            }
        }
        let deviation = (squares / (self.count - 1.0)).sqrt();
        if self.count < 2.0 || deviation.is_nan() || deviation == 0.0 {
            return f64::NAN;
        }
        mean / deviation * frames_per_year.sqrt()
    }

    /// Smallest multiple of the NAV of the run at which the Sharpe ratio is half of that without impact, by
    /// bisection. `None` if there is no impact, if the ratio without it is not above 0, or if a multiple of
    /// 10¹² does not halve it.
    #[must_use]
    pub fn multiple_at_half(&self, exponent: f64) -> Option<f64> {
        let whole = self.sharpe(0.0, exponent, 1.0);
        let impact = self.mean[1] > 0.0 || self.mean[2] > 0.0;
        if !(impact && whole > 0.0 && exponent > 0.0) {
            return None;
        }
        let halved = |multiple: f64| self.sharpe(multiple, exponent, 1.0) <= 0.5 * whole;
        // Start near 0, so that the first crossing is bracketed.
        let mut high = 1e-6;
        while !halved(high) {
            high *= 2.0;
            if high > MULTIPLE_MAX {
                return None;
            }
        }
        let mut low = if high > 1e-6 { high / 2.0 } else { 0.0 };
        for _ in 0..STEPS {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if halved(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Capacity of alternating returns with constant impact.
    fn of(temporary: f64, permanent: f64) -> Capacity {
        let mut capacity = Capacity::default();
        for at in 0..1_000 {
            let r = if at % 2 == 0 { 0.011 } else { -0.009 };
            capacity.push(r, temporary, permanent);
        }
        capacity
    }

    #[test]
    fn constant_impact_halves_the_ratio_at_half_of_the_mean() {
        // The mean is 0.001 and constant impact adds no variance: c^p u + c v = 0.0005.
        let close = |found: Option<f64>, expected: f64| (found.unwrap() / expected - 1.0).abs() < 1e-9;
        assert!(close(of(1e-4, 0.0).multiple_at_half(0.5), 25.0));
        assert!(close(of(1e-4, 0.0).multiple_at_half(1.0), 5.0));
        assert!(close(of(0.0, 2e-4).multiple_at_half(0.5), 2.5));
        // The solution of √c + c = 5 is √c = (√21 − 1)/2.
        let root = (21.0_f64.sqrt() - 1.0) / 2.0;
        assert!(close(of(1e-4, 1e-4).multiple_at_half(0.5), root * root));
        // Above capacity: the multiple is below 1.
        assert!(close(of(2e-3, 0.0).multiple_at_half(0.5), 0.0625));
    }

    #[test]
    fn moments_give_the_ratio_of_the_scaled_returns() {
        let rows: Vec<[f64; 3]> = (0..60_u32)
            .map(|at| {
                let [a, b, c] = [7, 11, 13].map(|k| f64::from(at * k % 17) / 17.0);
                [0.02 * a - 0.008, 1e-3 * b, 5e-4 * c]
            })
            .collect();
        let mut capacity = Capacity::default();
        rows.iter().for_each(|row| capacity.push(row[0], row[1], row[2]));
        for multiple in [0.0, 0.3, 1.0, 4.0] {
            let scaled = |row: &[f64; 3]| row[0] - libm::pow(multiple, 0.6) * row[1] - multiple * row[2];
            let figures = crate::metrics::Figures::of(rows.iter().map(scaled), 252.0);
            assert!((capacity.sharpe(multiple, 0.6, 252.0) - figures.sharpe).abs() < 1e-9);
        }
        let half = capacity.multiple_at_half(0.6).unwrap();
        let ratio = capacity.sharpe(half, 0.6, 1.0) / capacity.sharpe(0.0, 0.6, 1.0);
        assert!((ratio - 0.5).abs() < 1e-9);
    }

    #[test]
    fn capacity_is_undefined_without_impact_or_positive_return() {
        assert_eq!(of(0.0, 0.0).multiple_at_half(0.5), None);
        assert_eq!(Capacity::default().multiple_at_half(0.5), None);
        let mut losing = Capacity::default();
        [-0.01, 0.005, -0.02].into_iter().for_each(|r| losing.push(r, 1e-4, 0.0));
        assert_eq!(losing.multiple_at_half(0.5), None);
        let mut one = Capacity::default();
        one.push(0.01, 1e-4, 0.0);
        assert_eq!(one.multiple_at_half(0.5), None);
        // Impact too small to halve it within the search.
        assert_eq!(of(1e-20, 0.0).multiple_at_half(0.1), None);
    }
}
