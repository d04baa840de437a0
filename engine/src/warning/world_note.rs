//! Changes that a stressed world makes to the data, as data. The program formats them as text.

use serde::{Deserialize, Serialize};

use crate::time::Date;

/// A change of the data by a stressed world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WorldNote {
    /// Frames lost in a gap of the feed.
    Gap {
        /// Number of frames.
        frames: u64,
        /// Date of the first.
        first: Date,
        /// Date of the last.
        last: Date,
    },
    /// A gap that begins after the end of the data and therefore loses no frame.
    GapAfterData {
        /// First date of the gap.
        from: Date,
    },
    /// A factor with returns of the opposite sign.
    FactorReversed {
        /// The factor.
        factor: String,
        /// First date; `None` for all dates.
        from: Option<Date>,
        /// Returns of instruments that were limited to -99 %.
        floored: u64,
    },
    /// A path resampled by the stationary block bootstrap.
    Resampled {
        /// Seed of the generator.
        seed: u64,
        /// Mean length of a block in days.
        block_days: f64,
    },
    /// The worst windows of the path, repeated after its end.
    WorstWindows {
        /// Last date before the repeated windows.
        after: Date,
        /// Dates of a window.
        dates: u64,
        /// The windows, worst first.
        windows: Vec<WorstWindow>,
    },
}

/// A repeated window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstWindow {
    /// First date.
    pub first: Date,
    /// Last date.
    pub last: Date,
    /// Return of equal weights over the window, decimal.
    pub market_return: f64,
}
