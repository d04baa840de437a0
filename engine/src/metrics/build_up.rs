//! Build-up of a book under the turnover cap, and the returns after it.

use serde::{Deserialize, Serialize};

use super::equity_point::EquityPoint;
use super::figures::Figures;
use super::series::Accumulator;
use crate::time::TimestampNs;

/// Frames from the first trade to the first rebalance in which the turnover cap does not bind: the target is
/// then reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildUp {
    /// Frames from that of the first trade to the one before `until`; 0 if the cap did not bind on the first trade.
    pub frames: u64,
    /// Time of the first rebalance in which the cap does not bind, from the first trade on; `None` before it.
    pub until: Option<TimestampNs>,
}

impl BuildUp {
    /// Adds a frame. `rebalances`: true for a rebalance that is not halted; `trades`: true if it orders.
    pub fn add(&mut self, timestamp: TimestampNs, rebalances: bool, trades: bool, capped: bool) {
        let started = self.frames > 0 || trades;
        match () {
            () if self.until.is_some() || !started => {}
            () if rebalances && !capped => self.until = Some(timestamp),
            () => self.frames += 1,
        }
    }
}

/// Net returns of the frames after the build-up.
#[derive(Clone, Debug)]
pub struct ReturnsAfterBuildUp {
    until: TimestampNs,
    nav: Option<f64>,
    returns: Accumulator,
}

impl ReturnsAfterBuildUp {
    /// Returns after a time, of a ledger of `frames` rows. `None` without a build-up that ended.
    #[must_use]
    pub fn new(build_up: BuildUp, frames: usize) -> Option<Self> {
        let until = build_up.until.filter(|_| build_up.frames > 0)?;
        // Only figures that need no quantile are used, so more returns than there are do no harm.
        Some(Self { until, nav: None, returns: Accumulator::new(frames) })
    }

    /// Adds the next row of the equity.
    pub fn push(&mut self, point: EquityPoint) {
        if let Some(nav) = self.nav {
            self.returns.push(point.nav / nav - 1.0);
        }
        if point.timestamp >= self.until {
            self.nav = Some(point.nav);
        }
    }

    /// Figures of these returns, without quantiles.
    #[must_use]
    pub fn figures(self, frames_per_year: f64) -> Figures {
        self.returns.figures(frames_per_year)
    }
}
