//! Moments of returns as they go by.

/// Count, mean, sum of squares around it (Welford 1962) and sum of squares below zero.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) count: f64,
    mean: f64,
    squares: f64,
    downside: f64,
}

impl Moments {
    pub(super) fn push(&mut self, r: f64) {
        self.count += 1.0;
        let before = r - self.mean;
        self.mean += before / self.count;
        self.squares += before * (r - self.mean);
        let below = r.min(0.0);
        self.downside += below * below;
    }

    /// Sample deviation; NaN for fewer than two returns.
    pub(super) fn deviation(&self) -> f64 {
        if self.count < 2.0 { f64::NAN } else { (self.squares / (self.count - 1.0)).sqrt() }
    }

    /// mean/std · √(frames a year).
    pub(super) fn sharpe(&self, frames_per_year: f64) -> f64 {
        ratio(self.mean, self.deviation()) * frames_per_year.sqrt()
    }

    /// Annualised mean over annualised downside deviation, which counts all returns.
    pub(super) fn sortino(&self, frames_per_year: f64) -> f64 {
        let downside = (self.downside / self.count).sqrt();
        ratio(self.mean * frames_per_year, downside * frames_per_year.sqrt())
    }
}

/// NaN rather than an infinity where the divisor is nothing.
pub(super) fn ratio(numerator: f64, divisor: f64) -> f64 {
    if divisor == 0.0 { f64::NAN } else { numerator / divisor }
}
