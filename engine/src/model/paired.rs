//! Two forecasters on the same returns.

/// Hedged R² of two forecasters over the returns that both have forecast: 1 − Σ error² / Σ return².
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Paired {
    forecasts: u64,
    returns_squared: f64,
    errors_squared: [f64; 2],
}

impl Paired {
    /// Takes a return and the two forecasts of it, all in the same unit. Where one of them is missing (NaN), the
    /// return counts for neither.
    pub fn observe(&mut self, y: f64, forecasts: [f64; 2]) {
        if y.is_nan() || forecasts.iter().any(|f| f.is_nan()) {
            return;
        }
        self.forecasts += 1;
        self.returns_squared += y * y;
        for (sum, f) in self.errors_squared.iter_mut().zip(forecasts) {
            *sum += (y - f) * (y - f);
        }
    }

    /// Returns that both have forecast.
    #[must_use]
    pub fn forecasts(&self) -> u64 {
        self.forecasts
    }

    /// Of both, in the order of [`Self::observe`]; `None` where no return has moved.
    #[must_use]
    pub fn hedged_r2(&self) -> Option<[f64; 2]> {
        let known = self.returns_squared > 0.0;
        known.then(|| self.errors_squared.map(|errors| 1.0 - errors / self.returns_squared))
    }
}
