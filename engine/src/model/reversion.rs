//! Mean reversion of a series: Ornstein-Uhlenbeck process from an AR(1) regression.

/// Ornstein-Uhlenbeck process sampled once per frame: X_t+1 = a + b X_t + ζ with 0 < b < 1.
///
/// Estimators of Avellaneda & Lee (2010, appendix), by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reversion {
    /// Intercept a.
    pub a: f64,
    /// Slope b.
    pub b: f64,
    /// Rate κ = −ln b per frame; times the frames of a year, the paper's κ.
    pub rate: f64,
    /// Mean m = a/(1 − b).
    pub mean: f64,
    /// Deviation in equilibrium σ_eq = √(Var ζ/(1 − b²)); Var ζ is the mean square of the regression's
    /// residuals.
    pub deviation: f64,
}

impl Reversion {
    /// Fits a series; returns `None` without mean reversion (b outside 0 to 1), without noise, or with fewer
    /// than four values.
    #[must_use]
    pub fn fit(series: &[f64]) -> Option<Self> {
        if series.len() < 4 {
            return None;
        }
        let (from, to) = (&series[..series.len() - 1], &series[1..]);
        let count = from.len() as f64;
        let (mean_from, mean_to) = (from.iter().sum::<f64>() / count, to.iter().sum::<f64>() / count);
        let (mut square, mut product) = (0.0, 0.0);
        for (x, y) in from.iter().zip(to) {
            square += (x - mean_from) * (x - mean_from);
            product += (x - mean_from) * (y - mean_to);
        }
        let b = product / square;
        if !(b > 0.0 && b < 1.0) {
            return None;
        }
        let a = mean_to - b * mean_from;
        let residuals = from.iter().zip(to).map(|(x, y)| y - a - b * x);
        let squares: f64 = residuals.map(|residual| residual * residual).sum();
        let deviation = (squares / count / (1.0 - b * b)).sqrt();
        let fit = Self { a, b, rate: -libm::log(b), mean: a / (1.0 - b), deviation };
        (deviation > 0.0 && fit.mean.is_finite()).then_some(fit)
    }

    /// Returns the s-score (x − m)/σ_eq of the value x.
    #[must_use]
    pub fn score(&self, value: f64) -> f64 {
        (value - self.mean) / self.deviation
    }
}
