//! What of a run's performance can be summed up as the ledger goes by.

use serde::{Deserialize, Serialize};

use super::capacity::Capacity;
use super::moments::Moments;
use super::shortfall::Shortfall;
use crate::execution::{Costs, is_ruined};
use crate::ledger::LedgerFrame;
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, save_under};
use crate::time::TimestampNs;

/// Sums over a ledger.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Performance {
    /// Frames of the ledger.
    pub frames: u64,
    /// First and last NAV; `None` where no frame decided.
    pub nav: Option<(f64, f64)>,
    /// Time of the frame on which the account was ruined: NAV was 0 or below.
    pub ruined: Option<TimestampNs>,
    /// Ratios in excess of the risk-free return.
    pub in_excess: InExcess,
    /// Sums by item.
    pub costs: Costs,
    /// Sum of the interest on cash.
    pub interest: f64,
    /// Sum of the dividends that were booked.
    pub dividends: f64,
    /// Turnover as decided.
    pub turnover: TurnoverFacts,
    /// What fills fell short of the prices of their decisions.
    pub shortfall: Shortfall,
    /// What impact does to returns at other sizes.
    pub capacity: Capacity,
}

/// Ratios of returns less the risk-free return of their frame. Each is NaN where it is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExcessRatios {
    /// Sharpe ratio.
    pub sharpe: f64,
    /// Sortino ratio.
    pub sortino: f64,
}

impl Default for ExcessRatios {
    /// Ratios of no returns.
    fn default() -> Self {
        Self { sharpe: f64::NAN, sortino: f64::NAN }
    }
}

impl ExcessRatios {
    /// Each ratio under the name that outputs have for it.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 2] {
        [("sharpe_excess", self.sharpe), ("sortino_excess", self.sortino)]
    }
}

/// Ratios in excess of the risk-free return, of each series of returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InExcess {
    /// Ratios of the returns after costs.
    pub net: ExcessRatios,
    /// Ratios of the returns (ΔNAV_t + costs_t)/NAV_{t−1}.
    pub gross: ExcessRatios,
    /// Ratios of the benchmark after its costs; NaN where a run has none.
    pub benchmark: ExcessRatios,
}

/// Return in excess of `rf`; 0 where they differ by the rounding of a NAV alone.
fn excess(r: f64, rf: f64) -> f64 {
    let excess = r - rf;
    if excess.abs() <= 4.0 * f64::EPSILON { 0.0 } else { excess }
}

impl Performance {
    /// Marks the account as ruined at `at`: what takes a whole series of its returns is no longer defined.
    pub(crate) fn ruin(&mut self, at: TimestampNs) {
        self.ruined = Some(at);
        self.in_excess.net = ExcessRatios::default();
        self.in_excess.gross = ExcessRatios::default();
        self.capacity = Capacity::default();
    }
}

/// Moments of the returns in excess of the risk-free return.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Excess {
    net: Moments,
    gross: Moments,
    benchmark: Moments,
}

impl Excess {
    fn ratios(&self, frames_per_year: f64) -> InExcess {
        let of = |moments: &Moments| ExcessRatios {
            sharpe: moments.sharpe(frames_per_year),
            sortino: moments.sortino(frames_per_year),
        };
        InExcess { net: of(&self.net), gross: of(&self.gross), benchmark: of(&self.benchmark) }
    }
}

/// Turnover as decided, by UTC date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnoverFacts {
    /// Mean over the dates, as decided.
    pub mean: f64,
    /// Mean over the dates of what was filled: Σ|quantity × price| over NAV.
    pub filled: f64,
    /// Largest of a date.
    pub max: f64,
    /// Share of the decisions that the cap stopped.
    pub share_at_cap: f64,
}

/// What a frame adds to a tally, besides what its fills fell short of.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Number of the frame.
    pub seq: u64,
    /// When its bars closed.
    pub timestamp: TimestampNs,
    /// Net asset value at the close.
    pub nav: f64,
    /// Net asset value of the benchmark at the close; NaN where there is none.
    pub benchmark_nav: f64,
    /// Risk-free return.
    pub rf: f64,
    /// Costs by item.
    pub costs: Costs,
    /// What of the impact is permanent.
    pub permanent_impact: f64,
    /// Interest on cash.
    pub interest: f64,
    /// Dividends that were booked.
    pub dividends: f64,
    /// Size of the fills, Σ|quantity × price|.
    pub size: f64,
    /// Turnover as decided.
    pub turnover: f64,
    /// Whether the frame decided.
    pub decided: bool,
    /// Whether the turnover cap stopped the decision.
    pub capped: bool,
}

impl Entry {
    /// Of a frame of the ledger.
    #[must_use]
    pub fn of(frame: &LedgerFrame) -> Self {
        Self {
            seq: frame.seq,
            timestamp: frame.timestamp,
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
            capped: frame.capped,
        }
    }
}

/// As errors call it.
const STATE: &str = "record stage";

/// Takes the ledger in and gives [`Performance`] at its end. Its size does not depend on the length.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    frames_per_year: f64,
    performance: Performance,
    excess: Excess,
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
    /// An empty tally.
    #[must_use]
    pub fn new(calendar: &Calendar) -> Self {
        Self { frames_per_year: calendar.frames_per_year(), ..Self::default() }
    }

    /// One frame.
    pub fn add(&mut self, frame: &LedgerFrame) {
        frame.fills.iter().for_each(|fill| self.performance.shortfall.add(fill));
        self.enter(&Entry::of(frame));
    }

    /// One frame, without what its fills fell short of.
    pub fn enter(&mut self, frame: &Entry) {
        let sums = &mut self.performance;
        sums.frames += 1;
        let (first, last) = sums.nav.unwrap_or((frame.nav, frame.nav));
        if sums.nav.is_some() {
            let costs = frame.costs.total();
            self.excess.net.push(excess(frame.nav / last - 1.0, frame.rf));
            self.excess.gross.push(excess((frame.nav - last + costs) / last, frame.rf));
            self.excess.benchmark.push(excess(frame.benchmark_nav / self.benchmark_nav - 1.0, frame.rf));
            let (impact, permanent) = (frame.costs.impact, frame.permanent_impact);
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
        // The dates are those from the first decision on.
        let counts = frame.decided || self.date.is_some();
        if counts && self.date != Some(frame.timestamp.date()) {
            self.date = Some(frame.timestamp.date());
            self.dates += 1;
            self.date_turnover = 0.0;
        }
        self.turnover += frame.turnover;
        self.filled += if frame.nav > 0.0 { frame.size / frame.nav } else { 0.0 };
        self.date_turnover += frame.turnover;
        sums.turnover.max = sums.turnover.max.max(self.date_turnover);
    }

    /// All that the frames so far have made of it.
    ///
    /// # Errors
    /// None is known.
    pub fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(STATE, &self.frames_per_year, self)
    }

    /// Becomes what was saved.
    ///
    /// # Errors
    /// The bytes are no state of a tally with the same calendar.
    pub fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        *self = restore_under(STATE, &self.frames_per_year, state)?;
        Ok(())
    }

    /// The sums of all frames so far.
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
