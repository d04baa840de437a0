//! Comparison of the spacing of the data with the calendar of the settings.

use std::sync::Arc;

use crate::frame::Frame;
use crate::quality::units::Times;
use crate::settings::Calendar;
use crate::source::SessionFacts;
use crate::time::{DAY_NS, Sessions, TimestampNs};
use crate::warning::{FramesOfDate, Warning};

/// Sessions, and the frames in them.
#[derive(Clone, Debug)]
struct InSessions {
    sessions: Arc<Sessions>,
    facts: SessionFacts,
    /// Dates of the first frame and of the last session with a frame.
    first: Option<i64>,
    last: Option<i64>,
}

impl InSessions {
    /// Counts a frame; returns the date of the session in which it closes.
    fn observe(&mut self, frame: &Frame) -> Option<i64> {
        let date = self.sessions.at(frame.timestamp).map(|session| session.date);
        match date {
            Some(date) => {
                self.facts.inside += 1;
                self.facts.sessions += u64::from(self.last != Some(date));
                self.first.get_or_insert(date);
                self.last = Some(date);
            }
            None if self.sessions.on(frame.date()).is_some() => self.facts.outside += 1,
            None => self.facts.without_session.add(frame.timestamp.0),
        }
        date
    }

    fn facts(&self) -> SessionFacts {
        let (Some(first), Some(last)) = (self.first, self.last) else { return self.facts.clone() };
        let rows = self.sessions.rows();
        let until = |date: i64| rows.partition_point(|row| row.date <= date);
        let spanned = (until(last) - until(first - 1)) as u64;
        SessionFacts { without_frames: spanned.saturating_sub(self.facts.sessions), ..self.facts.clone() }
    }
}

/// Counts of frames and dates.
#[derive(Clone, Debug)]
pub(super) struct Spacing {
    calendar: Calendar,
    frames: u64,
    dates: u64,
    /// Frame counts of the first and of the last date so far, which may be partial.
    of_first: u64,
    of_last: u64,
    first: TimestampNs,
    last: TimestampNs,
    /// Date of the last frame.
    date: i64,
    times: Times,
    sessions: Option<InSessions>,
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
            date: 0,
            times: Times::default(),
            sessions: None,
        }
    }

    /// Counts only frames in a session, each for the date of its session.
    pub(super) fn with_sessions(self, sessions: Option<Arc<Sessions>>) -> Self {
        let facts = SessionFacts::default();
        Self {
            sessions: sessions.map(|sessions| InSessions { sessions, facts, first: None, last: None }),
            ..self
        }
    }

    pub(super) fn observe(&mut self, frame: &Frame) {
        let Some(date) =
            self.sessions.as_mut().map_or(Some(frame.date()), |sessions| sessions.observe(frame))
        else {
            return;
        };
        let timestamp = frame.timestamp;
        if self.frames == 0 {
            self.first = timestamp;
        }
        if self.frames == 0 || self.date != date {
            self.dates += 1;
            self.of_last = 0;
        }
        self.of_last += 1;
        self.of_first += u64::from(self.dates == 1);
        self.frames += 1;
        (self.last, self.date) = (timestamp, date);
        self.times.observe(timestamp);
    }

    /// Counts of frames by sessions.
    pub(super) fn sessions(&self) -> Option<SessionFacts> {
        let per_year = (self.calendar.days_per_year, self.calendar.frames_per_year());
        self.sessions.as_ref().map(|sessions| SessionFacts { per_year, ..sessions.facts() })
    }

    /// Warning if the calendar makes rates per day or annualisation wrong by a factor of two or more.
    pub(super) fn warning(&self) -> Option<Warning> {
        // Times in a wrong unit have a finding of their own; their spacing has no meaning.
        if self.frames < 3 || self.times.are_wrong() {
            return None;
        }
        let Calendar { frames_per_day, days_per_year, .. } = self.calendar;
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
        let years = (i128::from(self.last.0) - i128::from(self.first.0)) as f64 / (365.25 * DAY_NS as f64);
        let per_year = self.dates as f64 / years;
        // Fewer than 20 dates do not determine the days of a year.
        let out = per_year >= 2.0 * days_per_year || 2.0 * per_year <= days_per_year;
        (self.dates >= 20 && out).then_some(Warning::DaysPerYear { stated: days_per_year, found: per_year })
    }
}
