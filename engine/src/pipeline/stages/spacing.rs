//! Comparison of the data's spacing with the calendar that the user states.

use crate::quality::units::Times;
use crate::settings::Calendar;
use crate::time::{DAY_NS, TimestampNs};
use crate::warning::Warning;

/// Counts frames and dates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spacing {
    calendar: Calendar,
    frames: u64,
    dates: u64,
    /// Frames of the first and of the last date so far, which may be partial.
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

    /// A sentence where rates per day, or annualisation, would be wrong by a factor of two or more.
    pub(super) fn warning(&self) -> Option<Warning> {
        // Times in a wrong unit have a finding of their own, and their distances say nothing.
        if self.frames < 3 || self.times.are_wrong() {
            return None;
        }
        let Calendar { frames_per_day, days_per_year } = self.calendar;
        let stated = f64::from(frames_per_day);
        // A run may begin and end inside a date: those two say nothing of how many frames a whole one has.
        let whole = self.dates.saturating_sub(2);
        if whole == 0 {
            let most = self.of_first.max(self.of_last);
            return (most as f64 >= 2.0 * stated).then(|| {
                let text = format!(
                    "a date has at least {most} frames, and data.frames_per_day is {frames_per_day}: warm-up, discounts and \
                     annualisation count in days of that many frames; set it to the frames of a whole date"
                );
                Warning::new("frames_per_day", text)
            });
        }
        let found = (self.frames - self.of_first - self.of_last) as f64 / whole as f64;
        if found >= 2.0 * stated || 2.0 * found <= stated {
            let text = format!(
                "the data has {found:.1} frames a date, and data.frames_per_day is {frames_per_day}: warm-up, \
                 discounts and annualisation count in days of that many frames; set it to {found:.0}"
            );
            return Some(Warning::new("frames_per_day", text));
        }
        let years = (self.last.0 - self.first.0) as f64 / (365.25 * DAY_NS as f64);
        let per_year = self.dates as f64 / years;
        // Short stretches of daily data say nothing about the days of a year.
        let out = per_year >= 2.0 * days_per_year || 2.0 * per_year <= days_per_year;
        (self.dates >= 20 && out).then(|| {
            let text = format!(
                "the data has {per_year:.0} dates a year, and data.days_per_year is {days_per_year}: \
                 annualised figures are off by that; set it to the days that trade in a year"
            );
            Warning::new("days_per_year", text)
        })
    }
}
