//! Closes that stay the same: of one instrument on many days, and of all on one date.

use crate::time::{DAY_NS, TimestampNs};

/// Frames nearer to each other than this are not daily.
const DAILY_MIN_NS: i64 = DAY_NS / 24 * 20;
/// Days after which the share of an instrument's flat days is known.
const KNOWN: u32 = 60;
/// Least share of flat days that is a finding, and how many times the median of all it must be.
const SHARE_MIN: f64 = 0.15;
const TIMES: f64 = 4.0;
/// A date on which no close changed is flagged where chance would give it less often than this.
const CHANCE: f64 = 1e-5;
/// Share of unchanged closes that is assumed at first, as if of so many closes; and the least that is.
const PRIOR: (f64, f64) = (3.0, 100.0);
const STAYED_MIN: f64 = 0.01;

/// How often one instrument's close stayed the same.
#[derive(Clone, Copy, Debug, Default)]
struct Flat {
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
    instruments: Vec<Flat>,
}

impl Default for Inactivity {
    fn default() -> Self {
        let (stayed, closes) = PRIOR;
        Self { last: None, stayed, closes, frames: 0, daily: 0, instruments: Vec::new() }
    }
}

impl Inactivity {
    /// Takes the returns of a frame, NaN where there is none. `silent`: the data has volumes, and all are 0. Returns how
    /// many closes there are, where none of them changed and that is no chance.
    pub(super) fn observe(&mut self, time: TimestampNs, changes: &[f64], silent: bool) -> Option<usize> {
        let is_daily = self.last.replace(time).is_some_and(|last| time.0 - last.0 >= DAILY_MIN_NS);
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
        self.instruments.resize(changes.len(), Flat::default());
        for (flat, change) in self.instruments.iter_mut().zip(changes) {
            flat.days += u32::from(change.is_finite());
            flat.flat += u32::from(*change == 0.0);
        }
        None
    }

    /// Instruments that are flat on many more days than the others: share of their days, how many, and the median share.
    pub(super) fn flat(&self) -> Vec<(usize, f64, u32, f64)> {
        let share = |flat: &Flat| f64::from(flat.flat) / f64::from(flat.days);
        let mut shares: Vec<f64> =
            self.instruments.iter().filter(|flat| flat.days >= KNOWN).map(share).collect();
        shares.sort_unstable_by(f64::total_cmp);
        // The lower one of two: it must be another instrument.
        let Some(&median) = shares.get(shares.len().saturating_sub(1) / 2) else { return Vec::new() };
        if shares.len() < 2 || 2 * self.daily < self.frames {
            return Vec::new();
        }
        let known = self.instruments.iter().enumerate().filter(|(_, flat)| flat.days >= KNOWN);
        let found = known.map(|(i, flat)| (i, share(flat), flat.days, median));
        found.filter(|(_, share, ..)| *share >= SHARE_MIN && *share >= TIMES * median).collect()
    }
}
