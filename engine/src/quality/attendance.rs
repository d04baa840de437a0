//! Calendar of the panel, and the dates on which each instrument has a row.

use std::collections::VecDeque;

use crate::time::TimestampNs;

/// Largest number of missing dates in a gap that are reported one by one; the earlier dates of a longer gap
/// are one finding.
pub(super) const GAP_MAX: usize = 40;
/// Dates of the panel without a row after which an instrument counts as delisted.
const GONE: u64 = 40;
/// Minimum share of live instruments with a row on an expected date.
const QUORUM: f64 = 0.5;
/// Minimum share of expected dates with a row for a regular instrument.
const REGULAR: f64 = 0.9;
/// Dates with a row after which that share is known.
const KNOWN: u32 = 5;

#[derive(Clone, Copy, Debug, Default)]
struct Presence {
    /// Number of expected dates up to the last one with a row.
    mark: u64,
    here: bool,
    days: u32,
    missed: u32,
}

/// Calendar of the panel, and the presence of each instrument.
#[derive(Clone, Debug, Default)]
pub(super) struct Attendance {
    date: Option<i64>,
    began: TimestampNs,
    expected: u64,
    dates: VecDeque<TimestampNs>,
    presences: Vec<Presence>,
}

impl Attendance {
    /// Starts a frame; a new date, in days since 1970, ends the previous one.
    pub(super) fn begin(&mut self, time: TimestampNs, date: i64, instruments: usize) {
        if self.date != Some(date) {
            if self.date.is_some() {
                self.end_date();
            }
            (self.date, self.began) = (Some(date), time);
        }
        self.presences.resize(instruments, Presence::default());
    }

    fn end_date(&mut self) {
        let is_alive = |presence: &&Presence| self.expected - presence.mark < GONE;
        let alive = self.presences.iter().filter(is_alive).count();
        let here = self.presences.iter().filter(|presence| presence.here).count();
        if alive > 1 && here as f64 >= QUORUM * alive as f64 {
            self.expected += 1;
            self.dates.push_back(self.began);
            if self.dates.len() > GAP_MAX {
                self.dates.pop_front();
            }
        }
        for presence in &mut self.presences {
            if presence.here {
                presence.here = false;
                presence.days += 1;
                presence.mark = self.expected;
            }
        }
    }

    /// Records a price in this frame; returns the number of expected dates missed just before it.
    #[inline]
    pub(super) fn present(&mut self, instrument: usize) -> u64 {
        let presence = &mut self.presences[instrument];
        if presence.here {
            return 0;
        }
        presence.here = true;
        if presence.days == 0 { 0 } else { self.expected - presence.mark }
    }

    /// Dates of a gap that has just ended, for an instrument that trades on almost every expected date; at
    /// most the last [`GAP_MAX`].
    pub(super) fn missed(&mut self, instrument: usize, gap: u64) -> Vec<TimestampNs> {
        let presence = &mut self.presences[instrument];
        let (days, missed) = (presence.days, presence.missed);
        presence.missed = missed.saturating_add(u32::try_from(gap.min(GONE)).unwrap_or(u32::MAX));
        if days < KNOWN || f64::from(days) < REGULAR * f64::from(days + missed) {
            return Vec::new();
        }
        let known = usize::try_from(gap).unwrap_or(usize::MAX).min(self.dates.len());
        self.dates.iter().skip(self.dates.len() - known).copied().collect()
    }
}
