//! Running sums over a ledger.

use serde::{Deserialize, Serialize};

use super::frame::LedgerFrame;
use crate::execution::{CostItem, Costs, is_ruined};
use crate::metrics::{ExcessMoments, ExcessRatios, Performance};
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, same_settings, save_under};
use crate::time::TimestampNs;

/// One frame's entry in a tally, except the implementation shortfall of its fills.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Number of the frame.
    pub seq: u64,
    /// Time at which the frame's bars closed.
    pub timestamp: TimestampNs,
    /// Local date, in days since 1970-01-01.
    pub date: i64,
    /// Net asset value at the close.
    pub nav: f64,
    /// Net asset value of the benchmark at the close; NaN without a benchmark.
    pub benchmark_nav: f64,
    /// Risk-free return.
    pub rf: f64,
    /// Costs by item.
    pub costs: Costs,
    /// Permanent part of the impact.
    pub permanent_impact: f64,
    /// Interest on cash.
    pub interest: f64,
    /// Dividends booked.
    pub dividends: f64,
    /// Traded value, Σ|quantity × price|.
    pub size: f64,
    /// Turnover of the rebalance.
    pub turnover: f64,
    /// True if the frame rebalances.
    pub decided: bool,
    /// True if a halt keeps the rebalance from trading.
    pub halted: bool,
    /// True if the turnover cap binds.
    pub capped: bool,
}

impl Entry {
    /// Entry of a frame of the ledger.
    #[must_use]
    pub fn of(frame: &LedgerFrame) -> Self {
        Self {
            seq: frame.seq,
            timestamp: frame.timestamp,
            date: frame.date(),
            nav: frame.nav,
            benchmark_nav: frame.benchmark_nav,
            rf: frame.rf,
            costs: frame.account.costs,
            permanent_impact: frame.fills.iter().map(|fill| fill.permanent_impact).sum(),
            interest: frame.account.interest,
            dividends: frame.account.dividends,
            size: frame.fills.iter().map(|fill| (fill.quantity * fill.price).abs()).sum(),
            turnover: frame.turnover,
            decided: frame.decided,
            halted: frame.halt.is_some(),
            capped: frame.capped,
        }
    }
}

/// Name used in error messages.
const STATE: &str = "record stage";

/// Accumulates [`Performance`] over a ledger, in constant memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    frames_per_year: f64,
    performance: Performance,
    excess: ExcessMoments,
    /// Last NAV of the benchmark.
    benchmark_nav: f64,
    date: Option<i64>,
    date_turnover: f64,
    dates: u64,
    turnover: f64,
    filled: f64,
    decisions: u64,
    capped: u64,
}

impl Tally {
    /// Returns an empty tally.
    #[must_use]
    pub fn new(calendar: &Calendar) -> Self {
        Self { frames_per_year: calendar.frames_per_year(), ..Self::default() }
    }

    /// Adds one frame.
    pub fn add(&mut self, frame: &LedgerFrame) {
        frame.fills.iter().for_each(|fill| self.performance.shortfall.add(fill));
        self.enter(&Entry::of(frame));
    }

    /// Adds one frame without the implementation shortfall of its fills.
    pub fn enter(&mut self, frame: &Entry) {
        let sums = &mut self.performance;
        sums.frames += 1;
        let (first, last) = sums.nav.unwrap_or((frame.nav, frame.nav));
        if sums.nav.is_some() {
            let costs = frame.costs.total();
            let net = frame.nav / last - 1.0;
            let gross = (frame.nav - last + costs) / last;
            self.excess.push(net, gross, frame.benchmark_nav / self.benchmark_nav - 1.0, frame.rf);
            let (impact, permanent) = (frame.costs[CostItem::Impact], frame.permanent_impact);
            let before_impact = (frame.nav + impact) / last - 1.0;
            sums.capacity.push(before_impact, (impact - permanent) / last, permanent / last);
        }
        sums.nav = Some((first, frame.nav));
        self.benchmark_nav = frame.benchmark_nav;
        if is_ruined(frame.nav) {
            sums.ruined.get_or_insert(frame.timestamp);
        }
        sums.costs += frame.costs;
        sums.interest += frame.interest;
        sums.dividends += frame.dividends;
        self.decisions += u64::from(frame.decided);
        self.capped += u64::from(frame.capped);
        let rebalances = frame.decided && !frame.halted;
        sums.build_up.add(frame.timestamp, rebalances, frame.turnover > 0.0, frame.capped);
        // Dates count from the first rebalance on.
        let counts = frame.decided || self.date.is_some();
        if counts && self.date != Some(frame.date) {
            self.date = Some(frame.date);
            self.dates += 1;
            self.date_turnover = 0.0;
        }
        self.turnover += frame.turnover;
        self.filled += if frame.nav > 0.0 { frame.size / frame.nav } else { 0.0 };
        self.date_turnover += frame.turnover;
        sums.turnover.max = sums.turnover.max.max(self.date_turnover);
    }

    /// Saves the state after the frames so far.
    ///
    /// # Errors
    /// Fails if the state cannot be encoded.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(STATE, &self.frames_per_year, self)
    }

    /// Restores a saved state.
    ///
    /// # Errors
    /// Fails if the bytes are not the state of a tally with the same calendar.
    pub fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let saved: Self = restore_under(STATE, &self.frames_per_year, state)?;
        same_settings(STATE, &saved.frames_per_year, &self.frames_per_year)?;
        *self = saved;
        Ok(())
    }

    /// Performance over all frames so far.
    #[must_use]
    pub fn performance(&self) -> Performance {
        let mut sums = self.performance.clone();
        if sums.nav.is_some() {
            let year = self.frames_per_year;
            sums.in_excess = self.excess.ratios(year);
            if is_ruined(self.benchmark_nav) {
                sums.in_excess.benchmark = ExcessRatios::default();
            }
            sums.turnover.mean = self.turnover / self.dates as f64;
            sums.turnover.filled = self.filled / self.dates as f64;
            sums.turnover.share_at_cap = self.capped as f64 / (self.decisions as f64).max(1.0);
        }
        if let Some(ruined) = sums.ruined {
            sums.ruin(ruined);
        }
        sums
    }
}
