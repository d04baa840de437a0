//! What of a run's performance can be summed up as the ledger goes by.

use serde::{Deserialize, Serialize};

use super::capacity::Capacity;
use super::moments::Moments;
use super::shortfall::Shortfall;
use crate::execution::Costs;
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
    #[serde(rename = "sharpe_excess")]
    pub sharpe: f64,
    /// Sortino ratio.
    #[serde(rename = "sortino_excess")]
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

impl Performance {
    /// Marks the account as ruined at `at`: what takes a whole series of its returns is no longer defined.
    pub(crate) fn ruin(&mut self, at: TimestampNs) {
        self.ruined = Some(at);
        self.in_excess.net = ExcessRatios::default();
        self.in_excess.gross = ExcessRatios::default();
        self.capacity = Capacity::default();
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

/// Moments of the returns in excess of the risk-free return.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ExcessMoments {
    net: Moments,
    gross: Moments,
    benchmark: Moments,
}

impl ExcessMoments {
    /// Adds one frame's returns.
    pub(crate) fn push(&mut self, net: f64, gross: f64, benchmark: f64, rf: f64) {
        self.net.push(excess(net, rf));
        self.gross.push(excess(gross, rf));
        self.benchmark.push(excess(benchmark, rf));
    }

    pub(crate) fn ratios(&self, frames_per_year: f64) -> InExcess {
        let of = |moments: &Moments| ExcessRatios {
            sharpe: moments.sharpe(frames_per_year),
            sortino: moments.sortino(frames_per_year),
        };
        InExcess { net: of(&self.net), gross: of(&self.gross), benchmark: of(&self.benchmark) }
    }
}

/// Return in excess of `rf`; 0 where they differ by the rounding of a NAV alone.
fn excess(r: f64, rf: f64) -> f64 {
    let excess = r - rf;
    if excess.abs() <= 4.0 * f64::EPSILON { 0.0 } else { excess }
}
