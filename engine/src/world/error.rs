//! A world that cannot be.

use crate::time::Iso;
use crate::time::TimestampNs;

/// Why the data cannot be made into the world that is asked for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WorldError {
    /// There is no such factor.
    #[error("`world.reverse_factor`: found {found:?}, expected {}", one_of(.factors))]
    UnknownFactor {
        /// The name.
        found: String,
        /// Those that the data has.
        factors: Vec<String>,
    },
    /// The data is too large to be held.
    #[error(
        "found more than {} of data until {}, expected no more: world.bootstrap_seed and world.worst_windows hold all \
         frames in memory; give fewer dates (data.from, data.to), fewer instruments ([universe]) or longer bars",
        bytes(*.bytes_max), Iso(*.reached)
    )]
    TooLarge {
        /// Most bytes.
        bytes_max: u64,
        /// The frame that did not fit any more.
        reached: TimestampNs,
    },
    /// The data has too few dates.
    #[error("`world.{key}`: found data of {found} date(s), expected at least {expected}: {remedy}")]
    TooShort {
        /// The setting that needs them.
        key: &'static str,
        /// Dates that there are.
        found: usize,
        /// Dates that it takes.
        expected: usize,
        /// What to do.
        remedy: &'static str,
    },
    /// Nothing is left to be seen.
    #[error(
        "`world.gap_frames`: found {found}, expected fewer: all {frames} frames of the data lie in the gap, and none is \
         seen"
    )]
    NothingSeen {
        /// The length of the gap.
        found: u64,
        /// Frames of the data.
        frames: u64,
    },
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
