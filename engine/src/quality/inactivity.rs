//! Unchanged closes: of one instrument on many days, and of all instruments on one date.

use crate::time::{DAY_NS, TimestampNs};

/// Shortest time between daily frames.
const DAILY_MIN_NS: i64 = DAY_NS / 24 * 20;
/// Days after which the share of an instrument's flat days is known.
const KNOWN: u32 = 60;
/// Minimum share of flat days for a finding, and minimum ratio to the median share.
const SHARE_MIN: f64 = 0.15;
const TIMES: f64 = 4.0;
/// Probability of a date without any changed close, below which the date is flagged.
const CHANCE: f64 = 1e-5;
/// Prior of the share of unchanged closes (unchanged, total), and its lower bound.
const PRIOR: (f64, f64) = (3.0, 100.0);
const STAYED_MIN: f64 = 0.01;

/// Number of days and flat days of one instrument.
#[derive(Clone, Copy, Debug, Default)]
struct FlatDayCount {
    days: u32,
    flat: u32,
}

/// Counts of unchanged closes of daily data.
#[derive(Clone, Debug)]
pub(super) struct Inactivity {
    last: Option<TimestampNs>,
    stayed: f64,
    closes: f64,
    frames: u32,
    daily: u32,
    instruments: Vec<FlatDayCount>,
}

impl Default for Inactivity {
    fn default() -> Self {
        let (stayed, closes) = PRIOR;
        Self { last: None, stayed, closes, frames: 0, daily: 0, instruments: Vec::new() }
    }
}

impl Inactivity {
    /// Adds the returns of a frame; NaN for missing ones. `silent`: the data has volumes, and all are 0.
    /// Returns the number of closes if none changed and chance does not explain it.
    pub(super) fn observe(&mut self, time: TimestampNs, changes: &[f64], silent: bool) -> Option<usize> {
        let is_daily = self.last.replace(time).is_some_and(|last| time.since(last) >= DAILY_MIN_NS);
        self.frames += 1;
        self.daily += u32::from(is_daily);
        if !is_daily {
            return None;
        }
        let known = changes.iter().filter(|change| change.is_finite());
        let (count, stayed) =
            known.fold((0, 0), |(count, stayed), change| (count + 1, stayed + usize::from(*change == 0.0)));
        if count == stayed && count > 1 {
            let chance = (self.stayed / self.closes).max(STAYED_MIN);
            let by_chance = libm::pow(chance, count as f64);
            return (silent || by_chance < CHANCE).then_some(count);
        }
        self.stayed += stayed as f64;
        self.closes += count as f64;
        self.instruments.resize(changes.len(), FlatDayCount::default());
        for (flat, change) in self.instruments.iter_mut().zip(changes) {
            flat.days += u32::from(change.is_finite());
            flat.flat += u32::from(*change == 0.0);
        }
        None
    }

    /// Instruments with many more flat days than the others: share of flat days, number of days, and median
    /// share.
    pub(super) fn flat(&self) -> Vec<(usize, f64, u32, f64)> {
        let share = |flat: &FlatDayCount| f64::from(flat.flat) / f64::from(flat.days);
        let mut shares: Vec<f64> =
            self.instruments.iter().filter(|flat| flat.days >= KNOWN).map(share).collect();
        shares.sort_unstable_by(f64::total_cmp);
        // The lower median of two, so that it is another instrument's.
        let Some(&median) = shares.get(shares.len().saturating_sub(1) / 2) else { return Vec::new() };
        if shares.len() < 2 || 2 * self.daily < self.frames {
            return Vec::new();
        }
        let known = self.instruments.iter().enumerate().filter(|(_, flat)| flat.days >= KNOWN);
        let found = known.map(|(i, flat)| (i, share(flat), flat.days, median));
        found.filter(|(_, share, ..)| *share >= SHARE_MIN && *share >= TIMES * median).collect()
    }
}
