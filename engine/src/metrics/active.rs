//! Returns against those of a benchmark: tracking error and information ratio.

use super::moments::{Moments, ratio};

/// Annualised active risk, and active return per unit of it. The active return of a frame is aₜ = rₜ − bₜ, the return of
/// the strategy less that of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActiveRisk {
    /// Tracking error: √(Σₜ (aₜ − ā)²/(T − 1)) · √(frames a year), ā the mean of T active returns. NaN for fewer than two.
    pub tracking_error: f64,
    /// Information ratio: ā/std(a) · √(frames a year), std(a) the sample deviation above. NaN where the active return is
    /// constant.
    pub information_ratio: f64,
}

/// Accumulates active returns.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActiveReturns {
    moments: Moments,
    /// True once a return has taken all wealth: later returns are not defined.
    is_ruined: bool,
}

impl ActiveReturns {
    /// Adds the returns of the strategy and of the benchmark on the same frame.
    pub fn push(&mut self, r: f64, benchmark: f64) {
        self.is_ruined |= r <= -1.0;
        self.moments.push(r - benchmark);
    }

    /// Returns both figures; NaN for a ruined account.
    #[must_use]
    pub fn risk(&self, frames_per_year: f64) -> ActiveRisk {
        if self.is_ruined {
            return ActiveRisk { tracking_error: f64::NAN, information_ratio: f64::NAN };
        }
        let deviation = self.moments.dispersion();
        ActiveRisk {
            tracking_error: deviation * frames_per_year.sqrt(),
            information_ratio: ratio(self.moments.mean, deviation) * frames_per_year.sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETURNS: [(f64, f64); 5] =
        [(0.012, 0.004), (-0.007, -0.011), (0.003, 0.006), (0.0, -0.002), (0.021, 0.009)];

    fn risk(returns: &[(f64, f64)], frames_per_year: f64) -> ActiveRisk {
        let mut active = ActiveReturns::default();
        returns.iter().for_each(|(r, b)| active.push(*r, *b));
        active.risk(frames_per_year)
    }

    #[test]
    fn tracking_error_and_information_ratio_equal_a_plain_computation() {
        let active: Vec<f64> = RETURNS.iter().map(|(r, b)| r - b).collect();
        let count = active.len() as f64;
        let mean = active.iter().sum::<f64>() / count;
        let squares: f64 = active.iter().map(|a| (a - mean) * (a - mean)).sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        let found = risk(&RETURNS, 252.0);
        assert!((found.tracking_error - deviation * 252.0_f64.sqrt()).abs() < 1e-15);
        // Annualised mean over annualised deviation.
        let information_ratio = 252.0 * mean / (252.0_f64.sqrt() * deviation);
        assert!((found.information_ratio / information_ratio - 1.0).abs() < 1e-13);
    }

    #[test]
    fn figures_without_active_risk_are_not_defined() {
        assert!(risk(&RETURNS[..1], 252.0).tracking_error.is_nan());
        let same = risk(&[(0.01, 0.01), (-0.02, -0.02)], 252.0);
        assert!(same.tracking_error == 0.0 && same.information_ratio.is_nan());
        let ruined = risk(&[(0.01, 0.02), (-1.0, 0.0), (0.5, 0.0)], 252.0);
        assert!(ruined.tracking_error.is_nan() && ruined.information_ratio.is_nan());
    }
}
