//! Calendar of a run: frames per day and days per year.

use serde::{Deserialize, Serialize};

/// Frames of a day and days of a year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Frames in a day, at least 1.
    pub frames_per_day: u32,
    /// Trading days in a year.
    pub days_per_year: f64,
    /// Mean length of a day as a share of that of a day with `frames_per_day`: below 1 if half-days are known.
    pub mean_day: f64,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { frames_per_day: 1, days_per_year: 252.0, mean_day: 1.0 }
    }
}

impl Calendar {
    /// Converts a discount or forgetting factor per day to one per frame: δ^(1/`frames_per_day`).
    #[must_use]
    pub fn per_frame(&self, factor_per_day: f64) -> f64 {
        if self.frames_per_day == 1 {
            factor_per_day
        } else {
            libm::pow(factor_per_day, 1.0 / f64::from(self.frames_per_day))
        }
    }

    /// Converts days to frames.
    #[must_use]
    pub fn frames(&self, days: u32) -> u64 {
        u64::from(days) * u64::from(self.frames_per_day)
    }

    /// Frames in a year, by which returns are annualised.
    #[must_use]
    pub fn frames_per_year(&self) -> f64 {
        self.days_per_year * f64::from(self.frames_per_day) * self.mean_day
    }
}
