//! The portfolio after a frame: the input of sizing on that frame.

use serde::{Deserialize, Serialize};

use crate::range::NUMBER_MAX;
use crate::time::{TimestampNs, UtcOffset};

/// Positions, prices and net asset value after a frame. Columns have length n in engine order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Portfolio {
    /// Number of the frame.
    pub seq: u64,
    /// Time at which the frame's bars closed.
    pub timestamp: TimestampNs,
    /// Local time less UTC, as [`Frame::utc_offset`](crate::frame::Frame::utc_offset).
    pub utc_offset: UtcOffset,
    /// Net asset value at the close.
    pub nav: f64,
    /// Cash.
    pub cash: f64,
    /// Quantity held, signed.
    pub quantity: Vec<f64>,
    /// Quantity of orders whose fill frame is still to come; irrevocable, and counted as held.
    pub in_flight: Vec<f64>,
    /// Last price.
    pub price: Vec<f64>,
    /// True if the instrument can be ordered on this frame: it has a price and known costs.
    pub tradable: Vec<bool>,
    /// False if the instrument is outside its spells of membership: it can only be sold. Empty without a membership.
    pub members: Vec<bool>,
    /// Current cost of trading a unit of notional before impact: commission and half-spread.
    pub linear_cost: Vec<f64>,
    /// Current impact as the coefficient of |trade|^{3/2}, trade as a share of NAV. Empty without an impact
    /// model.
    pub impact: Vec<f64>,
    /// Fees on shorts in force, bps per year, NaN where `borrow_bps_per_year` applies; empty without `borrow_file`.
    pub borrow_bps: Vec<f64>,
    /// Units that can be short in all, infinite for any number; empty without `borrow_file`.
    pub shortable: Vec<f64>,
    /// Weights of the benchmark after its rebalance of this frame; empty unless sizing measures risk against
    /// them.
    pub benchmark: Vec<f64>,
}

/// Returns true if an account of this NAV is ruined: NAV is 0 or below. A NAV out of range is an error of the
/// data or the settings, not ruin.
#[must_use]
pub fn is_ruined(nav: f64) -> bool {
    (-NUMBER_MAX..=0.0).contains(&nav)
}

impl Portfolio {
    /// Local date, in days since 1970-01-01.
    #[must_use]
    pub const fn date(&self) -> i64 {
        self.timestamp.local(self.utc_offset).date()
    }

    /// Returns true if the account is ruined: NAV is 0 or below.
    #[must_use]
    pub fn is_ruined(&self) -> bool {
        is_ruined(self.nav)
    }

    /// Returns true unless the instrument is outside its spells of membership.
    #[must_use]
    pub fn is_member(&self, instrument: usize) -> bool {
        self.members.get(instrument).copied().unwrap_or(true)
    }

    /// Weight of an instrument, with orders in flight counted as filled.
    #[must_use]
    pub fn weight(&self, instrument: usize) -> f64 {
        (self.quantity[instrument] + self.in_flight[instrument]) * self.price[instrument] / self.nav
    }
}
