//! Errors of stressed worlds.

use std::fmt;

use crate::time::{Iso, TimestampNs};

/// Reason why the data does not allow the stressed world of the settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WorldError {
    /// The data has no factor of this name.
    #[error("reversed factor: found {found:?}, expected {}", one_of(.factors))]
    UnknownFactor {
        /// Name found.
        found: String,
        /// Factors of the data.
        factors: Vec<String>,
    },
    /// The data does not fit in the memory limit.
    #[error(
        "found more than {} of data until {}, expected no more: a resampled path or repeated windows hold all frames in \
         memory",
        bytes(*.bytes_max), Iso(*.reached)
    )]
    TooLarge {
        /// Memory limit in bytes.
        bytes_max: u64,
        /// First frame that did not fit.
        reached: TimestampNs,
    },
    /// The data has too few dates.
    #[error("{change}: found data of {found} date(s), expected at least {expected}")]
    TooShort {
        /// Change of the data that needs more dates.
        change: PathChange,
        /// Dates of the data.
        found: usize,
        /// Dates needed.
        expected: usize,
    },
    /// Every frame lies in the gap.
    #[error("gap: found {found} frames, expected fewer: all {frames} frames of the data lie in the gap")]
    NothingSeen {
        /// Length of the gap in frames.
        found: u64,
        /// Frames of the data.
        frames: u64,
    },
}

/// Change of the order of the data's dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathChange {
    /// A path resampled by the block bootstrap.
    Resampling,
    /// Worst windows repeated after the end.
    WorstWindows,
}

impl fmt::Display for PathChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resampling => "resampled path",
            Self::WorstWindows => "worst windows",
        })
    }
}

fn one_of(factors: &[String]) -> String {
    match factors {
        [] => "none: the data has no factors".to_owned(),
        names => format!("one of the factors {}", names.join(", ")),
    }
}

fn bytes(count: u64) -> String {
    format!("{:.1} GB", count as f64 * 1e-9)
}
