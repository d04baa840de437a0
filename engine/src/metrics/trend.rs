//! How straight the logarithm of a value grows.

/// Regression of the cumulated logarithmic returns on their number, as returns go by.
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

    /// R², from 0 to 1; NaN for fewer than two returns or a value that never moves.
    pub(super) fn r_squared(&self) -> f64 {
        if self.count < 2.0 || self.levels == 0.0 {
            return f64::NAN;
        }
        let r_squared = self.products / self.times * (self.products / self.levels);
        // Not `min`: of a value that fell below zero nothing is known.
        if r_squared > 1.0 { 1.0 } else { r_squared }
    }
}
