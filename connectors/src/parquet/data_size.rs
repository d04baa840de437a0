//! Size of price files before they are read.

use betaflow_engine::time::TimestampNs;

use super::files::{Opened, range};
use super::row_groups::RowGroup;
use super::schema::Layout;
use super::settings::Settings;

/// Size of price files in the range of a run, by the footers of the files: known before the first frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DataSize {
    /// Bars: rows of tidy tables, cells of wide ones. A row group that the range cuts counts by its share of time.
    pub bars: f64,
    /// First and last time.
    pub times: (TimestampNs, TimestampNs),
}

impl DataSize {
    /// Size of one file; `None` if its footer has no times. A row group with rows of the hold-out is left out: its size
    /// depends on them.
    pub(super) fn of(opened: &Opened, settings: &Settings) -> Option<Self> {
        let (from, to) = range(settings);
        let seal = settings.sealed_from.map_or(i64::MAX, |seal| seal.0);
        let open = |group: &&RowGroup| group.is_wanted && group.times.is_none_or(|(_, last)| last < seal);
        let symbols = match &opened.layout {
            Layout::Tidy { .. } => 1,
            Layout::Wide { symbols, .. } => symbols.len(),
            Layout::Levels { symbols, .. } => symbols.len(),
        };
        let mut size: Option<Self> = None;
        for group in opened.groups.iter().filter(open) {
            let (first, last) = group.times?;
            let part = Self {
                bars: (group.rows() * symbols as u64) as f64,
                times: (TimestampNs(first), TimestampNs(last)),
            };
            let part = part.within(from, to);
            size = Some(size.map_or(part, |size| size.and(part)));
        }
        size
    }

    /// Size of two files together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            bars: self.bars + other.bars,
            times: (self.times.0.min(other.times.0), self.times.1.max(other.times.1)),
        }
    }

    /// Part from one time to another, both included; the bars are spread evenly over time.
    pub(super) fn within(self, from: i64, to: i64) -> Self {
        let (first, last) = (self.times.0.0, self.times.1.0);
        let (from, to) = (first.max(from), last.min(to));
        let length = |first: i64, last: i64| (i128::from(last) - i128::from(first)).max(0) as f64;
        let share = if last > first { length(from, to) / length(first, last) } else { 1.0 };
        Self { bars: self.bars * share, times: (TimestampNs(from), TimestampNs(to.max(from))) }
    }
}
