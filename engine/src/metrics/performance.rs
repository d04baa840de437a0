//! Performance sums accumulated over the ledger.

use serde::{Deserialize, Serialize};

use super::build_up::BuildUp;
use super::capacity::Capacity;
use super::moments::Moments;
use super::shortfall::Shortfall;
use crate::execution::Costs;
use crate::time::TimestampNs;

/// Sums over a ledger.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Performance {
    /// Number of frames of the ledger.
    pub frames: u64,
    /// First and last NAV; `None` if no frame rebalanced.
    pub nav: Option<(f64, f64)>,
    /// Time of the frame on which the account was ruined (NAV at most 0).
    pub ruined: Option<TimestampNs>,
    /// Ratios of the returns in excess of the risk-free return.
    pub in_excess: ExcessFigures,
    /// Total costs by item.
    pub costs: Costs,
    /// Total interest on cash.
    pub interest: f64,
    /// Total dividends booked.
    pub dividends: f64,
    /// Turnover by date.
    pub turnover: TurnoverFacts,
    /// Build-up of the book under the turnover cap.
    pub build_up: BuildUp,
    /// Implementation shortfall of the fills.
    pub shortfall: Shortfall,
    /// Moments of returns and impact, for the Sharpe ratio at other sizes.
    pub capacity: Capacity,
}

/// Ratios of the returns less the risk-free return of their frame; NaN if undefined.
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
    /// Ratios without returns: NaN.
    fn default() -> Self {
        Self { sharpe: f64::NAN, sortino: f64::NAN }
    }
}

impl ExcessRatios {
    /// Each ratio with its name in outputs.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 2] {
        [("sharpe_excess", self.sharpe), ("sortino_excess", self.sortino)]
    }
}

/// Ratios in excess of the risk-free return, for each series of returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExcessFigures {
    /// Ratios of the returns after costs.
    pub net: ExcessRatios,
    /// Ratios of the returns (ΔNAV_t + costs_t)/NAV_{t−1}.
    pub gross: ExcessRatios,
    /// Ratios of the benchmark after its costs; NaN without a benchmark.
    pub benchmark: ExcessRatios,
}

impl Performance {
    /// Marks the account as ruined at `at`; ratios that need the whole series become undefined.
    pub(crate) fn ruin(&mut self, at: TimestampNs) {
        self.ruined = Some(at);
        self.in_excess.net = ExcessRatios::default();
        self.in_excess.gross = ExcessRatios::default();
        self.capacity = Capacity::default();
    }
}

/// Turnover by UTC date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnoverFacts {
    /// Mean over the dates of the decided turnover.
    pub mean: f64,
    /// Mean over the dates of the filled turnover, Σ|quantity × price| over NAV.
    pub filled: f64,
    /// Largest decided turnover of a date.
    pub max: f64,
    /// Share of the rebalances in which the turnover cap bound.
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
    /// Adds the returns of one frame.
    pub(crate) fn push(&mut self, net: f64, gross: f64, benchmark: f64, rf: f64) {
        self.net.push(excess(net, rf));
        self.gross.push(excess(gross, rf));
        self.benchmark.push(excess(benchmark, rf));
    }

    pub(crate) fn ratios(&self, frames_per_year: f64) -> ExcessFigures {
        let of = |moments: &Moments| ExcessRatios {
            sharpe: moments.sharpe(frames_per_year),
            sortino: moments.sortino(frames_per_year),
        };
        ExcessFigures { net: of(&self.net), gross: of(&self.gross), benchmark: of(&self.benchmark) }
    }
}

/// Return in excess of `rf`; 0 if they differ by the rounding of NAV alone.
fn excess(r: f64, rf: f64) -> f64 {
    let excess = r - rf;
    if excess.abs() <= 4.0 * f64::EPSILON { 0.0 } else { excess }
}
