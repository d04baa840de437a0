//! Comparison of the spacing of the data with the calendar of the settings.

use crate::quality::units::Times;
use crate::settings::Calendar;
use crate::time::{DAY_NS, TimestampNs};
use crate::warning::{FramesOfDate, Warning};

/// Counts of frames and dates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spacing {
    calendar: Calendar,
    frames: u64,
    dates: u64,
    /// Frame counts of the first and of the last date so far, which may be partial.
    of_first: u64,
    of_last: u64,
    first: TimestampNs,
    last: TimestampNs,
    times: Times,
}

impl Spacing {
    pub(super) fn new(calendar: Calendar) -> Self {
        let never = TimestampNs(i64::MIN);
        Self {
            calendar,
            frames: 0,
            dates: 0,
            of_first: 0,
            of_last: 0,
            first: never,
            last: never,
            times: Times::default(),
        }
    }

    pub(super) fn observe(&mut self, timestamp: TimestampNs) {
        if self.frames == 0 {
            self.first = timestamp;
        }
        if self.frames == 0 || timestamp.date() != self.last.date() {
            self.dates += 1;
            self.of_last = 0;
        }
        self.of_last += 1;
        self.of_first += u64::from(self.dates == 1);
        self.frames += 1;
        self.last = timestamp;
        self.times.observe(timestamp);
    }

    /// Warning if the calendar makes rates per day or annualisation wrong by a factor of two or more.
    pub(super) fn warning(&self) -> Option<Warning> {
        // Times in a wrong unit have a finding of their own; their spacing has no meaning.
        if self.frames < 3 || self.times.are_wrong() {
            return None;
        }
        let Calendar { frames_per_day, days_per_year } = self.calendar;
        let stated = f64::from(frames_per_day);
        // A run may begin and end inside a date: only the dates between count as whole.
        let whole = self.dates.saturating_sub(2);
        if whole == 0 {
            let most = self.of_first.max(self.of_last);
            let found = FramesOfDate::AtLeast(most);
            return (most as f64 >= 2.0 * stated)
                .then_some(Warning::FramesPerDay { stated: frames_per_day, found });
        }
        let found = (self.frames - self.of_first - self.of_last) as f64 / whole as f64;
        if found >= 2.0 * stated || 2.0 * found <= stated {
            let found = FramesOfDate::Mean(found);
            return Some(Warning::FramesPerDay { stated: frames_per_day, found });
        }
        let years = (self.last.0 - self.first.0) as f64 / (365.25 * DAY_NS as f64);
        let per_year = self.dates as f64 / years;
        // Fewer than 20 dates do not determine the days of a year.
        let out = per_year >= 2.0 * days_per_year || 2.0 * per_year <= days_per_year;
        (self.dates >= 20 && out).then_some(Warning::DaysPerYear { stated: days_per_year, found: per_year })
    }
}
