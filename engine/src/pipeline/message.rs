//! What travels between stages.

use std::sync::Arc;

use crate::execution::{ExecutionFacts, Order, Portfolio};
use crate::frame::{Batch, Frame};
use crate::ledger::{EstimatesOfFrame, LedgerFrame, RunFacts, SizingFacts};
use crate::metrics::{Figures, Performance};
use crate::model::Estimates;
use crate::portfolio::{Halt, Multipliers, Rebalance};
use crate::range::OutOfRange;
use crate::state::Checkpoint;
use crate::time::TimestampNs;

/// A message. Each is a pointer; the memory behind it is written again once all receivers dropped it.
#[derive(Clone, Debug)]
pub enum Message {
    /// To a stage without inlets: produce something.
    Poll,
    /// Source to estimate and to execute.
    Frames(Arc<Batch<Frame>>),
    /// Estimate to size (or to record, where nothing trades).
    Estimates(Arc<Batch<Estimates>>),
    /// Execute to size: the portfolio after a frame.
    Acknowledged(Arc<Portfolio>),
    /// Size to execute: what was decided on that frame, "no trade" included.
    Decided(Arc<Decision>),
    /// Execute to record: a frame is complete.
    Ledger(Arc<LedgerFrame>),
    /// Execute to record: a frame before the first decision is complete; it has no ledger.
    Passed(Passed),
    /// Scenarios to gather: what they came to.
    Outcomes(Vec<ScenarioOutcome>),
    /// No message follows. It carries what each stage on the way knows of the run.
    End(Box<RunFacts>),
}

impl Message {
    /// What it is, as a word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Frames(_) => "frames",
            Self::Estimates(_) => "estimates",
            Self::Acknowledged(_) => "portfolio",
            Self::Decided(_) => "decision",
            Self::Ledger(_) => "ledger",
            Self::Passed(_) => "passed",
            Self::Outcomes(_) => "outcomes",
            Self::End(_) => "end",
        }
    }
}

/// A frame before the first decision.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Number of the frame.
    pub seq: u64,
    /// When its bars closed.
    pub timestamp: TimestampNs,
    /// Where the source asked for it: the state after the frame, the execute stage's included.
    pub checkpoint: Option<Arc<Checkpoint>>,
}

/// What a scenario came to.
#[derive(Clone, Debug)]
pub struct ScenarioOutcome {
    /// Which one.
    pub number: usize,
    /// The digest that a run of its own with these settings would have; none of a scenario that is no run, but has the
    /// trades of another.
    pub digest: Option<[u8; 32]>,
    /// Figures after costs; those against a benchmark are NaN.
    pub net: Figures,
    /// Figures before costs.
    pub gross: Figures,
    /// Sums of its ledger.
    pub performance: Performance,
    /// Counts of its decisions.
    pub sizing: SizingFacts,
    /// What became of its orders.
    pub execution: ExecutionFacts,
    /// Cost of a unit of turnover, in bps, that would leave a mean return of nothing; NaN without turnover.
    pub break_even_bps: f64,
    /// The starting value at which impact would halve the Sharpe ratio with the same trades; NaN without impact.
    pub capacity: f64,
    /// Number of the frame of the first return.
    pub first_return: u64,
    /// Net return of each frame of the ledger after its first.
    pub returns: Vec<f64>,
    /// Turnover decided on each of those frames.
    pub turnover: Vec<f64>,
}

impl ScenarioOutcome {
    /// That of no data: every figure is there, and none is a number.
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

/// What was decided on a frame.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Number of the frame.
    pub seq: u64,
    /// Whether the frame decided at all.
    pub decides: bool,
    /// Orders.
    pub orders: Vec<Order>,
    /// Target weights, length n; empty where the frame did not decide.
    pub target: Vec<f64>,
    /// Turnover of the orders.
    pub turnover: f64,
    /// Prices of the limits; that of the cap is the marginal value of turnover.
    pub multipliers: Multipliers,
    /// What kept a frame that decides from trading.
    pub halt: Option<Halt>,
    /// The value out of range that halted trading, where one has.
    pub out_of_range: Option<Box<OutOfRange>>,
    /// Whether the cap stopped the decision.
    pub capped: bool,
    /// The estimates behind it, where complete.
    pub estimates: Option<EstimatesOfFrame>,
    /// All that it was made from, where asked for.
    pub shown: Option<Arc<Rebalance>>,
    /// Where the source asked for it: the state after the frame, the size stage's included.
    pub checkpoint: Option<Arc<Checkpoint>>,
}
