//! Regression of the factor return on the mean return of the sample.

/// Co-moments of two series.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Regression {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    xy: f64,
}

impl Regression {
    /// Adds a pair; a pair with NaN is left out.
    pub(super) fn push(&mut self, x: f64, y: f64) {
        if x.is_nan() || y.is_nan() {
            return;
        }
        self.count += 1.0;
        let (from_x, from_y) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += from_x / self.count;
        self.mean_y += from_y / self.count;
        self.xx += from_x * (x - self.mean_x);
        self.xy += from_x * (y - self.mean_y);
    }

    /// Intercept and slope of y on x by least squares; NaN for fewer than two pairs or a constant x.
    pub(super) fn coefficients(&self) -> (f64, f64) {
        let slope = if self.xx > 0.0 { self.xy / self.xx } else { f64::NAN };
        (self.mean_y - slope * self.mean_x, slope)
    }
}
