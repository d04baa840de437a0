//! Mean and standard deviation of numbers that arrive one by one.

/// Count, mean and sum of squared deviations of the numbers that are not NaN.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Average {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Average {
    /// Adds a number; NaN is left out.
    pub(super) fn push(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.count += 1;
        let step = value - self.mean;
        self.mean += step / self.count as f64;
        self.squares += step * (value - self.mean);
    }

    /// Number of values.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Mean; NaN without values.
    pub(super) fn mean(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.mean }
    }

    /// Standard error of the mean for independent values; NaN for fewer than two.
    pub(super) fn standard_error(&self) -> f64 {
        let count = self.count as f64;
        if self.count < 2 { f64::NAN } else { (self.squares / (count - 1.0) / count).sqrt() }
    }
}
