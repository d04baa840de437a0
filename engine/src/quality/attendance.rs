//! Who has a row on which date.

use std::collections::VecDeque;

use crate::time::TimestampNs;

/// Dates that are named one by one in a gap; a longer one is a single finding.
pub(super) const GAP_MAX: usize = 40;
/// An instrument is gone, and not asked for, after so many dates of the panel.
const GONE: u64 = 40;
/// Share of the instruments alive that makes a date one on which trading is expected.
const QUORUM: f64 = 0.5;
/// Share of the expected dates that an instrument must have had a row on, to be missed.
const REGULAR: f64 = 0.9;
/// Dates after which that share is known.
const KNOWN: u32 = 5;

#[derive(Clone, Copy, Debug, Default)]
struct Presence {
    /// Expected dates up to the last one with a row.
    mark: u64,
    here: bool,
    days: u32,
    missed: u32,
}

/// The panel's calendar and each instrument's place in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Attendance {
    date: Option<i64>,
    began: TimestampNs,
    expected: u64,
    dates: VecDeque<TimestampNs>,
    presences: Vec<Presence>,
}

impl Attendance {
    /// Starts a frame; a new date ends the one before it.
    pub(super) fn begin(&mut self, time: TimestampNs, instruments: usize) {
        if self.date != Some(time.date()) {
            if self.date.is_some() {
                self.end_date();
            }
            (self.date, self.began) = (Some(time.date()), time);
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

    /// The instrument has a price in this frame: how many expected dates it had none on, just before this one.
    #[inline]
    pub(super) fn present(&mut self, instrument: usize) -> u64 {
        let presence = &mut self.presences[instrument];
        if presence.here {
            return 0;
        }
        presence.here = true;
        if presence.days == 0 { 0 } else { self.expected - presence.mark }
    }

    /// The dates of a gap that has just ended, if the instrument is one that trades on every expected date; without
    /// those that are too long ago to be known.
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
