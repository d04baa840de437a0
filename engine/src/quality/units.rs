//! Times in another unit than the declared one: seconds in a column of milliseconds lie in January 1970.

use crate::time::{DAY_NS, TimestampNs};

/// Years in which data is expected, as nanoseconds: 1980 to 2100.
const EXPECTED_NS: std::ops::Range<i64> = 3_652 * DAY_NS..47_482 * DAY_NS;
/// Factors between units.
const FACTORS: [i64; 3] = [1_000, 1_000_000, 1_000_000_000];
/// Least frames that show that the unit of all times is wrong.
const FRAMES_MIN: u64 = 20;
/// Longest mean distance between frames in the right unit, of monthly data.
const SPACING_MAX_NS: i64 = 40 * DAY_NS;
/// Times up to here are those of another unit, where later ones are ten years and more after them.
const BEFORE_NS: i64 = 366 * DAY_NS;
const JUMP_NS: i64 = 3_653 * DAY_NS;

/// By how much a time has to be multiplied to lie in the expected years; `None` where no unit does that.
fn factor(time: TimestampNs) -> Option<i64> {
    FACTORS
        .into_iter()
        .find(|factor| (EXPECTED_NS.start / factor..EXPECTED_NS.end / factor).contains(&time.0))
}

/// Whether one of two times that follow each other in the data is in another unit than the other one.
#[must_use]
pub fn is_change_of_unit(one: TimestampNs, other: TimestampNs) -> bool {
    let (before, after) = (one.0.min(other.0), one.0.max(other.0));
    let is_late = (0..BEFORE_NS).contains(&before) && after - before >= JUMP_NS;
    let factors = factor(TimestampNs(before)).zip(factor(TimestampNs(after)));
    is_late || factors.is_some_and(|(before, after)| before != after)
}

/// The times of all frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    first: TimestampNs,
    last: TimestampNs,
    frames: u64,
    changed: bool,
}

impl Times {
    /// Takes the time of the next frame. Returns the time before, where its unit is another one.
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

    /// The factor that all times are too small by.
    pub(crate) fn too_small_by(&self) -> Option<i64> {
        let factor = factor(self.first).filter(|found| factor(self.last) == Some(*found))?;
        let spacing = (self.last.0 - self.first.0).saturating_mul(factor)
            / i64::try_from(self.frames).unwrap_or(i64::MAX).max(1);
        (!self.changed && self.frames >= FRAMES_MIN && spacing <= SPACING_MAX_NS).then_some(factor)
    }

    /// Whether some times are in a wrong unit.
    pub(crate) fn are_wrong(&self) -> bool {
        self.changed || self.too_small_by().is_some()
    }

    /// The first time, as the data has it and in the likely unit.
    pub(crate) fn first_by(&self, factor: i64) -> (TimestampNs, TimestampNs) {
        (self.first, TimestampNs(self.first.0.saturating_mul(factor)))
    }
}

/// Which unit is likely to stand in which column.
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
