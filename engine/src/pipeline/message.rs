//! What travels between stages.

use std::sync::Arc;

use super::batch::Batch;
use crate::execution::{Order, Portfolio};
use crate::frame::Frame;
use crate::ledger::{BeliefsOfFrame, LedgerFrame, RunFacts};
use crate::model::Beliefs;
use crate::portfolio::{Multipliers, Rebalance};

/// A message. Each is a pointer; the memory behind it is written again once all receivers dropped it.
#[derive(Clone, Debug)]
pub enum Message {
    /// To a stage without inlets: produce something.
    Poll,
    /// Source to estimate and to execute.
    Frames(Arc<Batch<Frame>>),
    /// Estimate to size (or to record, where nothing trades).
    Beliefs(Arc<Batch<Beliefs>>),
    /// Execute to size: the portfolio after a frame.
    Acknowledged(Arc<Portfolio>),
    /// Size to execute: what was decided on that frame, "no trade" included.
    Decided(Arc<Decision>),
    /// Execute to record: a frame is complete.
    Ledger(Arc<LedgerFrame>),
    /// No message follows. It carries what each stage on the way knows of the run.
    End(Box<RunFacts>),
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
    /// Whether the cap stopped the decision.
    pub capped: bool,
    /// The beliefs behind it, where complete.
    pub beliefs: Option<BeliefsOfFrame>,
    /// All that it was made from, where asked for.
    pub shown: Option<Arc<Rebalance>>,
}
