//! One frame of the ledger.

use std::sync::Arc;

use super::attribution::Contributions;
use super::groups::GroupEntry;
use crate::execution::{Account, BorrowCharge, Fill, OrderRecord};
use crate::frame::Batch;
use crate::membership::MembershipChange;
use crate::model::Estimates;
use crate::names::InstrumentNames;
use crate::portfolio::{Halt, Multipliers, Rebalance, RiskPart};
use crate::range::OutOfRange;
use crate::state::Checkpoint;
use crate::time::{TimestampNs, UtcOffset};

/// One frame of the ledger. Frames before the first rebalance have no ledger, except the opening of the
/// account.
#[derive(Clone, Debug, Default)]
pub struct LedgerFrame {
    /// Number of the frame.
    pub seq: u64,
    /// Time at which the frame's bars closed.
    pub timestamp: TimestampNs,
    /// Local time less UTC, as [`Frame::utc_offset`](crate::frame::Frame::utc_offset).
    pub utc_offset: UtcOffset,
    /// Names of the instruments in engine order.
    pub names: InstrumentNames,
    /// Net asset value after the frame's fills, at its close.
    pub nav: f64,
    /// `nav` with all costs so far added back.
    pub nav_gross: f64,
    /// Cash.
    pub cash: f64,
    /// Costs, interest and exposures.
    pub account: Account,
    /// Risk-free return of the frame.
    pub rf: f64,
    /// Net asset value of the benchmark.
    pub benchmark_nav: f64,
    /// Fills of the frame.
    pub fills: Vec<Fill>,
    /// Fees on shorts by instrument; empty without `borrow_file`.
    pub borrow: Vec<BorrowCharge>,
    /// Orders that ended on the frame, including those cancelled by its rebalance.
    pub ended: Vec<OrderRecord>,
    /// Changes of membership, if the universe has spells.
    pub membership: Vec<MembershipChange>,
    /// Change of NAV since the preceding frame.
    pub change: f64,
    /// Attribution of the change.
    pub contributions: Contributions,
    /// Exposure to each factor at the preceding close, as a share of NAV, by the betas of that frame.
    pub exposures: Vec<f64>,
    /// True for the opening of an account whose orders fill on the frame of their rebalance: the configured
    /// NAV at the frame before the first rebalance, so that the first return includes the costs of the first
    /// fills.
    pub opening: bool,
    /// True on the last frame of a month and on the last of all, in runs that record by month.
    pub ends_month: bool,
    /// True if the frame rebalances.
    pub decided: bool,
    /// Reason why a rebalance does not trade.
    pub halt: Option<Halt>,
    /// Loss of a halt by a loss limit, as a share; else 0.
    pub loss: f64,
    /// The value out of range that halted trading.
    pub out_of_range: Option<Box<OutOfRange>>,
    /// Turnover of the rebalance; 0 without one.
    pub turnover: f64,
    /// Marginal value of each limit in the rebalance; 0 without one.
    pub multipliers: Multipliers,
    /// Inputs and result of the rebalance, for requested dates.
    pub shown: Option<Arc<Rebalance>>,
    /// True if the turnover cap binds.
    pub capped: bool,
    /// Target weights of the rebalance, length n; empty without one.
    pub target: Vec<f64>,
    /// Expected excess returns per frame as sized, length n; empty without a rebalance or if the strategy
    /// gives weights.
    pub expected: Vec<f64>,
    /// Premium λ of each factor per frame as sized, and its standard deviation; empty without a rebalance.
    pub premia: Vec<(f64, f64)>,
    /// Predicted volatility of the book after the frame's fills, a year: that of its return in the next frame; NaN before
    /// the first rebalance.
    pub predicted_volatility: f64,
    /// Parts of its variance per frame: the factors, then the residual part; empty without a prediction.
    pub risk: Vec<RiskPart>,
    /// Number k of given factors, without those of groups.
    pub given_factors: usize,
    /// Names of the factors of groups, which follow the given ones in `premia` and `risk`.
    pub group_factors: InstrumentNames,
    /// Exposures and gains by group, on frames whose weights are recorded; empty without groups.
    pub groups: Vec<GroupEntry>,
    /// Held weights after the frame's fills, at its close, length n; empty if not recorded.
    pub held: Vec<f64>,
    /// Estimates of the frame, if complete.
    pub estimates: Option<EstimatesOfFrame>,
    /// Digest d_t of the run up to and including this frame.
    pub digest: [u8; 32],
    /// State after the frame including the execute stage, if the source requested it.
    pub checkpoint: Option<Arc<Checkpoint>>,
}

impl LedgerFrame {
    /// Local date, in days since 1970-01-01.
    #[must_use]
    pub const fn date(&self) -> i64 {
        self.timestamp.local(self.utc_offset).date()
    }
}

/// Estimates of one frame, inside their message.
#[derive(Clone, Debug)]
pub struct EstimatesOfFrame {
    /// The message.
    pub batch: Arc<Batch<Estimates>>,
    /// Position of the frame in the message.
    pub position: usize,
}

impl EstimatesOfFrame {
    /// Estimates of the frame.
    #[must_use]
    pub fn get(&self) -> &Estimates {
        &self.batch[self.position]
    }
}
