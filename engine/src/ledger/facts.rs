//! What the stages know of a run at its end. It travels with the end of the stream, and each stage adds
//! its part.

use serde::{Deserialize, Serialize};

use super::attribution::Contributions;
use crate::execution::{ExecutionFacts, OrderRecord};
use crate::metrics::Performance;
use crate::model::EstimatorFacts;
use crate::names::Names;
use crate::portfolio::NoTradeCounts;
use crate::source::DataFacts;

/// All that is known of a run at its end.
#[derive(Clone, Debug, Default)]
pub struct RunFacts {
    /// From the source.
    pub data: DataFacts,
    /// From the estimate stage.
    pub estimator: EstimatorFacts,
    /// Names of the instruments in engine order.
    pub names: Names,
    /// Names of the factors.
    pub factor_names: Vec<String>,
    /// From the size stage.
    pub sizing: SizingFacts,
    /// From the execute stage.
    pub execution: ExecutionFacts,
    /// Orders that were not done at the end.
    pub open_orders: Vec<OrderRecord>,
    /// What each instrument contributed over the run, in engine order.
    pub contributions: Vec<Contributions>,
    /// Interest and costs of the account, which belong to no instrument.
    pub cash_contributions: Contributions,
    /// End of the digest chain; all zeros where no frame decided.
    pub digest: [u8; 32],
    /// From the record stage.
    pub performance: Performance,
}

/// Largest investment that the limits allow a strategy that wants to be fully invested.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Instruments that it can hold: tradable, and known well enough.
    pub names: u64,
    /// Share of NAV that the limits allow.
    pub share: f64,
}

/// Counts of the size stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SizingFacts {
    /// Frames that decided.
    pub decisions: u64,
    /// Decisions that the turnover cap stopped.
    pub capped: u64,
    /// Decisions that the gross limit held back.
    pub at_gross: u64,
    /// Decisions that a limit on losses, or the feed, kept from trading.
    pub halted: u64,
    /// Decisions without any trade.
    pub no_trade: u64,
    /// The same by reason.
    pub no_trade_reasons: NoTradeCounts,
    /// Decisions after which a weight stood outside the box: drift or a halt, or a cap too tight to repair it.
    pub box_inherited: u64,
    /// The same for the gross limit.
    pub gross_inherited: u64,
    /// Decisions whose whole turnover went into bringing weights back into the box.
    pub repairing: u64,
    /// Decisions under whose cap the gross limit was out of reach.
    pub gross_out_of_reach: u64,
    /// Decisions in which the net target or a bound on an exposure was out of reach.
    pub net_out_of_reach: u64,
    /// Decisions of a strategy that wants to be fully invested, where the limits allow less.
    pub budget_out_of_reach: u64,
    /// The least that the limits allowed in them.
    pub least_budget: Option<Budget>,
    /// Sums over the decisions of the multipliers of cap, gross limit and net target.
    pub cap_multiplier: f64,
    /// See `cap_multiplier`.
    pub gross_multiplier: f64,
    /// See `cap_multiplier`.
    pub net_multiplier: f64,
    /// Sum over the decisions of w'Σw a frame of the target weights.
    pub predicted_variance: f64,
}

impl SizingFacts {
    /// Annual volatility of the portfolio as predicted, from the mean predicted variance of the decisions; 0 without one.
    #[must_use]
    pub fn predicted_volatility(&self, frames_per_year: f64) -> f64 {
        (self.predicted_variance / self.decisions.max(1) as f64 * frames_per_year).sqrt()
    }
}
