//! Times in another unit than the declared one: seconds in a column of milliseconds fall into January 1970.

use crate::time::{DAY_NS, TimestampNs};

/// Expected years of data, in nanoseconds: 1980 to 2100.
const EXPECTED_NS: std::ops::Range<i64> = 3_652 * DAY_NS..47_482 * DAY_NS;
/// Factors between units of time.
const FACTORS: [i64; 3] = [1_000, 1_000_000, 1_000_000_000];
/// Minimum number of frames to decide that the unit of all times is wrong.
const FRAMES_MIN: u64 = 20;
/// Largest mean distance between frames in the right unit, that of monthly data.
const SPACING_MAX_NS: i64 = 40 * DAY_NS;
/// Latest time that is taken for another unit if the neighbouring time is at least ten years later.
const BEFORE_NS: i64 = 366 * DAY_NS;
const JUMP_NS: i64 = 3_653 * DAY_NS;

/// Factor that brings a time into the expected years; `None` if no unit does.
fn factor(time: TimestampNs) -> Option<i64> {
    FACTORS
        .into_iter()
        .find(|factor| (EXPECTED_NS.start / factor..EXPECTED_NS.end / factor).contains(&time.0))
}

/// True if two consecutive times of the data are in different units.
#[must_use]
pub fn is_change_of_unit(one: TimestampNs, other: TimestampNs) -> bool {
    let (before, after) = (one.0.min(other.0), one.0.max(other.0));
    let is_late = (0..BEFORE_NS).contains(&before) && after - before >= JUMP_NS;
    let factors = factor(TimestampNs(before)).zip(factor(TimestampNs(after)));
    is_late || factors.is_some_and(|(before, after)| before != after)
}

/// Summary of the times of all frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    first: TimestampNs,
    last: TimestampNs,
    frames: u64,
    changed: bool,
}

impl Times {
    /// Adds the time of the next frame; returns the previous time if its unit differs.
    pub(crate) fn observe(&mut self, time: TimestampNs) -> Option<TimestampNs> {
        if self.frames == 0 {
            (self.first, self.last) = (time, time);
        }
        self.frames += 1;
        let before = std::mem::replace(&mut self.last, time);
        let changes = is_change_of_unit(before, time);
        self.changed |= changes;
        changes.then_some(before)
    }

    /// Factor by which all times are too small.
    pub(crate) fn too_small_by(&self) -> Option<i64> {
        let factor = factor(self.first).filter(|found| factor(self.last) == Some(*found))?;
        let spacing = self.last.since(self.first).saturating_mul(factor)
            / i64::try_from(self.frames).unwrap_or(i64::MAX).max(1);
        (!self.changed && self.frames >= FRAMES_MIN && spacing <= SPACING_MAX_NS).then_some(factor)
    }

    /// True if some times are in a wrong unit.
    pub(crate) fn are_wrong(&self) -> bool {
        self.changed || self.too_small_by().is_some()
    }

    /// First time as stated, and multiplied by the factor.
    pub(crate) fn first_by(&self, factor: i64) -> (TimestampNs, TimestampNs) {
        (self.first, TimestampNs(self.first.0.saturating_mul(factor)))
    }
}

/// Likely units of the values and of the column.
pub(crate) const fn likely(factor: i64) -> &'static str {
    match factor {
        1_000 => {
            "seconds in a column of milliseconds, milliseconds in one of microseconds, or microseconds in one of \
             nanoseconds"
        }
        1_000_000 => "seconds in a column of microseconds, or milliseconds in one of nanoseconds",
        _ => "seconds in a column of nanoseconds",
    }
}
