//! Messages between stages.

use std::sync::Arc;

use crate::execution::{ExecutionFacts, Order, Portfolio};
use crate::frame::{Batch, Frame};
use crate::ledger::{EstimatesOfFrame, LedgerFrame, RunFacts, SizingFacts};
use crate::metrics::{Figures, Performance};
use crate::model::Estimates;
use crate::names::InstrumentNames;
use crate::portfolio::{Halt, Multipliers, Rebalance, RiskPart};
use crate::range::OutOfRange;
use crate::state::Checkpoint;
use crate::time::TimestampNs;

/// A message between stages. Each is a pointer; the memory is reused after all receivers have dropped it.
#[derive(Clone, Debug)]
pub enum Message {
    /// Call of a stage without inlets, to produce output.
    Poll,
    /// Source to estimate and to execute.
    Frames(Arc<Batch<Frame>>),
    /// Estimate to size (or to record in a pipeline without trading).
    Estimates(Arc<Batch<Estimates>>),
    /// Execute to size: the portfolio after a frame.
    Acknowledged(Arc<Portfolio>),
    /// Size to execute: the decision on that frame, possibly without trades.
    Decided(Arc<Decision>),
    /// Execute to record: a frame is complete.
    Ledger(Arc<LedgerFrame>),
    /// Execute to record: a frame without a ledger is complete.
    WithoutLedger(FrameWithoutLedger),
    /// Scenarios to gather: their results.
    Outcomes(Vec<ScenarioOutcome>),
    /// End of the stream, with the facts of the stages so far.
    End(Box<RunFacts>),
}

impl Message {
    /// Name of the kind of message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Frames(_) => "frames",
            Self::Estimates(_) => "estimates",
            Self::Acknowledged(_) => "portfolio",
            Self::Decided(_) => "decision",
            Self::Ledger(_) => "ledger",
            Self::WithoutLedger(_) => "without_ledger",
            Self::Outcomes(_) => "outcomes",
            Self::End(_) => "end",
        }
    }
}

/// A frame without a ledger: before the first rebalance, or after ruin.
#[derive(Clone, Debug)]
pub struct FrameWithoutLedger {
    /// Number of the frame.
    pub seq: u64,
    /// Time at which the frame's bars closed.
    pub timestamp: TimestampNs,
    /// State after the frame including the execute stage, if the source requested it.
    pub checkpoint: Option<Arc<Checkpoint>>,
}

/// Result of a scenario.
#[derive(Clone, Debug)]
pub struct ScenarioOutcome {
    /// Number of the scenario.
    pub number: usize,
    /// Digest of a separate run with the same settings; `None` if the scenario re-prices the trades of
    /// another run.
    pub digest: Option<[u8; 32]>,
    /// Figures after costs; those relative to a benchmark are NaN.
    pub net: Figures,
    /// Figures before costs.
    pub gross: Figures,
    /// Performance of its ledger.
    pub performance: Performance,
    /// Counts of its rebalances.
    pub sizing: SizingFacts,
    /// Counts of its orders and fills.
    pub execution: ExecutionFacts,
    /// Break-even cost in bps of turnover, at which the mean return is 0; NaN without turnover.
    pub break_even_bps: f64,
    /// Capacity: starting NAV at which impact would halve the Sharpe ratio with the same trades; NaN without
    /// impact.
    pub capacity: f64,
    /// Number of the frame of the first return.
    pub first_return: u64,
    /// Net return of each frame of the ledger after the first.
    pub returns: Vec<f64>,
    /// Turnover of the rebalance on each of those frames; 0 without one.
    pub turnover: Vec<f64>,
}

impl ScenarioOutcome {
    /// Returns an outcome without data: every figure is NaN.
    #[must_use]
    pub fn nothing() -> Self {
        let figures = Figures::of(std::iter::empty(), 1.0);
        Self {
            number: 0,
            digest: None,
            net: figures,
            gross: figures,
            performance: Performance::default(),
            sizing: SizingFacts::default(),
            execution: ExecutionFacts::default(),
            break_even_bps: f64::NAN,
            capacity: f64::NAN,
            first_return: 0,
            returns: Vec::new(),
            turnover: Vec::new(),
        }
    }
}

/// Decision on a frame.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Number of the frame.
    pub seq: u64,
    /// True if the frame rebalances.
    pub decides: bool,
    /// True if it is due to rebalance, even if the account is ruined.
    pub due: bool,
    /// Orders.
    pub orders: Vec<Order>,
    /// Target weights, length n; empty without a rebalance.
    pub target: Vec<f64>,
    /// Expected excess returns per frame as sized, length n; empty if the strategy gives weights.
    pub expected: Vec<f64>,
    /// Premium λ of each factor per frame and its standard deviation; empty without a rebalance.
    pub premia: Vec<(f64, f64)>,
    /// Predicted volatility of the book after the frame, a year; NaN before the first rebalance.
    pub predicted_volatility: f64,
    /// Parts of its variance per frame: the factors, then the residual part; empty without a prediction.
    pub risk: Vec<RiskPart>,
    /// Names of the factors of groups, which follow the given ones in `premia`.
    pub group_factors: InstrumentNames,
    /// Turnover of the orders.
    pub turnover: f64,
    /// Multipliers of the limits; that of the cap is the marginal value of turnover.
    pub multipliers: Multipliers,
    /// Reason why a rebalance does not trade.
    pub halt: Option<Halt>,
    /// Loss of a halt by a loss limit, as a share; else 0.
    pub loss: f64,
    /// The value out of range that halted trading.
    pub out_of_range: Option<Box<OutOfRange>>,
    /// True if the turnover cap binds.
    pub capped: bool,
    /// Estimates of the frame, if complete.
    pub estimates: Option<EstimatesOfFrame>,
    /// Estimates of the frame, complete or not, if the run has groups.
    pub groups: Option<EstimatesOfFrame>,
    /// Inputs and result of the rebalance, for requested dates.
    pub shown: Option<Arc<Rebalance>>,
    /// State after the frame including the size stage, if the source requested it.
    pub checkpoint: Option<Arc<Checkpoint>>,
}
