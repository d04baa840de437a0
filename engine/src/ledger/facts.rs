//! Facts of a run at its end: each stage adds its part to the end of the stream.

use serde::{Deserialize, Serialize};

use super::attribution::Contributions;
use crate::execution::{BenchmarkFacts, ExecutionFacts, OrderRecord};
use crate::groups::GroupFacts;
use crate::membership::MembershipFacts;
use crate::metrics::Performance;
use crate::model::EstimatorFacts;
use crate::names::InstrumentNames;
use crate::portfolio::{NoTradeCounts, RiskPart};
use crate::signal::LeakFacts;
use crate::source::DataFacts;
use crate::strategy::StrategyFacts;

/// Facts of a run at its end.
#[derive(Clone, Debug, Default)]
pub struct RunFacts {
    /// Facts from the source.
    pub data: DataFacts,
    /// Rank correlations of the user's numbers with the bars around their stamps.
    pub leaks: Vec<LeakFacts>,
    /// Facts from the estimate stage.
    pub estimator: EstimatorFacts,
    /// Names of the instruments in engine order.
    pub names: InstrumentNames,
    /// Names of the factors.
    pub factor_names: Vec<String>,
    /// Groups of the instruments, one for each column.
    pub groups: Vec<GroupFacts>,
    /// Facts from the size stage.
    pub sizing: SizingFacts,
    /// Facts from the execute stage.
    pub execution: ExecutionFacts,
    /// Counts of the benchmark.
    pub benchmark: BenchmarkFacts,
    /// Counts of the membership; `None` without one.
    pub membership: Option<MembershipFacts>,
    /// Orders still open at the end.
    pub open_orders: Vec<OrderRecord>,
    /// Contribution of each instrument over the run, in engine order.
    pub contributions: Vec<Contributions>,
    /// Interest and costs of the account, which are not attributed to an instrument.
    pub cash_contributions: Contributions,
    /// Last digest of the chain; zeros if no frame rebalances.
    pub digest: [u8; 32],
    /// Performance from the record stage.
    pub performance: Performance,
}

/// Largest investment that the limits allow for a strategy that targets full investment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Number of instruments that it can hold: tradable, with an estimate.
    pub names: u64,
    /// Share of NAV that the limits allow.
    pub share: f64,
}

/// Counts of the size stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SizingFacts {
    /// Rebalances.
    pub decisions: u64,
    /// Rebalances in which the turnover cap binds.
    pub capped: u64,
    /// Rebalances in which the gross limit binds.
    pub at_gross: u64,
    /// Rebalances without trades because of a loss limit or a halt from the feed.
    pub halted: u64,
    /// Rebalances without trades.
    pub no_trade: u64,
    /// Rebalances without trades, by reason.
    pub no_trade_reasons: NoTradeCounts,
    /// Rebalances after which a weight lies outside the box because of drift, a halt or a tight turnover cap.
    pub box_inherited: u64,
    /// Rebalances after which the gross limit is exceeded, for the same reasons.
    pub gross_inherited: u64,
    /// Rebalances after which an instrument outside its spells of membership keeps a weight: the turnover cap is used
    /// up, or the instrument cannot be traded.
    pub membership_inherited: u64,
    /// Rebalances that spend all turnover on weights outside the box.
    pub repairing: u64,
    /// Rebalances in which the turnover cap puts the gross limit out of reach.
    pub gross_out_of_reach: u64,
    /// Rebalances in which the bound of a group is out of reach.
    pub group_out_of_reach: u64,
    /// Rebalances after which a bound of a group is exceeded, because of drift, a halt, a change of group, or limits that
    /// take precedence.
    pub group_inherited: u64,
    /// Rebalances in which the net target or an exposure bound is out of reach.
    pub net_out_of_reach: u64,
    /// Rebalances of a strategy that targets full investment in which the limits allow less.
    pub budget_out_of_reach: u64,
    /// Smallest budget in those rebalances.
    pub least_budget: Option<Budget>,
    /// Multiplier of the turnover cap, summed over the rebalances.
    pub cap_multiplier: f64,
    /// Multiplier of the gross limit, summed over the rebalances.
    pub gross_multiplier: f64,
    /// Multiplier of the net target, summed over the rebalances.
    pub net_multiplier: f64,
    /// Predicted variance of the held book per frame, summed over the rebalances.
    pub predicted_variance: f64,
    /// Names of the factors of groups, which follow the given ones in `risk`.
    pub group_factors: Vec<String>,
    /// Predicted risk of the book.
    pub risk: BookRiskFacts,
    /// Counts of the strategy.
    pub strategy: StrategyFacts,
}

/// Ex-ante attribution of the predicted variance of the book, over the frames with a prediction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BookRiskFacts {
    /// Frames with a prediction of a book with positions.
    pub frames: u64,
    /// Sums over those frames of each part: the factors, then the residual part.
    pub sums: Vec<RiskPart>,
    /// Parts of the last of those frames.
    pub last: Vec<RiskPart>,
}

impl BookRiskFacts {
    /// Adds the parts of a frame. A factor that appears later comes before the residual part, which stays the last.
    pub fn push(&mut self, parts: &[RiskPart]) {
        self.frames += 1;
        self.last.clear();
        self.last.extend_from_slice(parts);
        let new = parts.len().saturating_sub(self.sums.len());
        if new > 0 {
            let at = self.sums.len().saturating_sub(1);
            self.sums.splice(at..at, std::iter::repeat_n(RiskPart::default(), new));
        }
        for (sum, part) in self.sums.iter_mut().zip(parts) {
            sum.exposure += part.exposure;
            sum.variance += part.variance;
        }
    }
}

impl SizingFacts {
    /// Annual volatility of the portfolio predicted by the mean variance of the rebalances; 0 without
    /// rebalances.
    #[must_use]
    pub fn predicted_volatility(&self, frames_per_year: f64) -> f64 {
        (self.predicted_variance / self.decisions.max(1) as f64 * frames_per_year).sqrt()
    }
}
