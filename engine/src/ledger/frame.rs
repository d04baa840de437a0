//! Everything that happened on one frame, complete once its decision is known.

use std::sync::Arc;

use super::attribution::Contributions;
use crate::execution::{Account, Fill, OrderRecord};
use crate::frame::Batch;
use crate::model::Estimates;
use crate::names::Names;
use crate::portfolio::{Halt, Multipliers, Rebalance};
use crate::range::OutOfRange;
use crate::state::Checkpoint;
use crate::time::TimestampNs;

/// One frame of the ledger. Frames before the first decision have none, but for the opening of the account.
#[derive(Clone, Debug, Default)]
pub struct LedgerFrame {
    /// Number of the frame.
    pub seq: u64,
    /// When its bars closed.
    pub timestamp: TimestampNs,
    /// Names of the instruments in engine order.
    pub names: Names,
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
    /// Orders that ended on the frame, those cancelled by its decision included.
    pub ended: Vec<OrderRecord>,
    /// Change of NAV since the preceding frame.
    pub change: f64,
    /// What the change is made of.
    pub contributions: Contributions,
    /// Exposure to each factor at the preceding close, as a share of NAV, by the betas believed then.
    pub exposures: Vec<f64>,
    /// Opening of the account where orders fill on the frame that decides them: the configured NAV at the frame before
    /// the first decision, so that the first return has the costs of the first fills.
    pub opening: bool,
    /// Whether the frame decided.
    pub decided: bool,
    /// What kept it from trading, though it decides.
    pub halt: Option<Halt>,
    /// The value out of range that halted trading, where one has.
    pub out_of_range: Option<Box<OutOfRange>>,
    /// Turnover as decided on the frame; 0 where it did not decide.
    pub turnover: f64,
    /// Marginal value of each limit at the decision; 0 on a frame without one.
    pub multipliers: Multipliers,
    /// All that the decision was made from, where asked for.
    pub shown: Option<Arc<Rebalance>>,
    /// Whether the turnover cap stopped the decision.
    pub capped: bool,
    /// Target weights as decided on the frame, length n; empty where it did not decide.
    pub target: Vec<f64>,
    /// Held weights after the frame's fills, at its close, length n; empty where not recorded.
    pub held: Vec<f64>,
    /// Estimates of the frame, where it has complete ones.
    pub estimates: Option<EstimatesOfFrame>,
    /// d_t, the digest of the run up to and including this frame.
    pub digest: [u8; 32],
    /// Where the source asked for it: the state after the frame, the execute stage's included.
    pub checkpoint: Option<Arc<Checkpoint>>,
}

/// One frame's estimates inside the message that they came in.
#[derive(Clone, Debug)]
pub struct EstimatesOfFrame {
    /// The message.
    pub batch: Arc<Batch<Estimates>>,
    /// Position of the frame in it.
    pub position: usize,
}

impl EstimatesOfFrame {
    /// The estimates.
    #[must_use]
    pub fn get(&self) -> &Estimates {
        &self.batch[self.position]
    }
}
