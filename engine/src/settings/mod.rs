//! Parts shared by the settings of all components: errors of values out of range, and the calendar that converts rates
//! per day into rates per frame.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// Error of a setting with an invalid value. The program adds its table and where it was set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: found {found}, expected {expected}")]
pub struct Invalid {
    /// Name of the field.
    pub key: &'static str,
    /// The value found.
    pub found: String,
    /// The values expected.
    pub expected: &'static str,
}

/// Returns an error with the values found and expected if `valid` is false.
///
/// # Errors
/// `valid` is false.
pub fn require(
    valid: bool,
    key: &'static str,
    found: impl Display,
    expected: &'static str,
) -> Result<(), Invalid> {
    if valid { Ok(()) } else { Err(Invalid { key, found: found.to_string(), expected }) }
}

/// Requires a number within a range. The ends are written once, for the comparison and the error.
#[macro_export]
macro_rules! require_number {
    ($key:expr, $value:expr, $least:literal to $most:literal $($unit:literal)?) => {
        $crate::settings::require(
            ($least as f64..=$most as f64).contains(&$value),
            $key,
            $value,
            concat!("a number ", $($unit,)? "from ", stringify!($least), " to ", stringify!($most)),
        )
    };
}

/// [`require_number`] for whole numbers.
#[macro_export]
macro_rules! require_whole {
    ($key:expr, $value:expr, $least:literal to $most:literal $($unit:literal)?) => {
        $crate::settings::require(
            ($least..=$most).contains(&$value),
            $key,
            $value,
            concat!("a whole number ", $($unit,)? "from ", $least, " to ", $most),
        )
    };
}

/// Frames of a day and days of a year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Frames in a day, at least 1.
    pub frames_per_day: u32,
    /// Trading days in a year.
    pub days_per_year: f64,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { frames_per_day: 1, days_per_year: 252.0 }
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
        self.days_per_year * f64::from(self.frames_per_day)
    }
}
