//! `summary.json` of `replay`, `estimate` and `score`.

use std::collections::BTreeMap;

use betaflow_engine::execution::ExecutionFacts;
use betaflow_engine::ledger::SizingFacts;
use betaflow_engine::metrics::{ActiveRisk, Distribution, Drawdown, Period, Shortfall};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::number::read_if_present;
use super::{
    BenchmarkSummary, Calibration, CostSums, FactorsSummary, GivenSummary, GroupFactorSummary, GroupSummary,
    Head, HoldoutSummary, MembershipSummary, MetricsBySeries, Number, OfflineSummary, RiskSummary, time_text,
};

/// `summary.json` of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RunSummary {
    #[serde(flatten)]
    pub(crate) head: Head,
    pub(crate) estimator: EstimatorSummary,
    pub(crate) timing: TimingSummary,
    /// Forecasts, weights or a risk model of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) given: Option<GivenSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holdout: Option<HoldoutSummary>,
    /// Factor returns of the data, of a run that trades on factors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) factors: Option<FactorsSummary>,
    #[serde(flatten)]
    pub(crate) offline: OfflineSummary,
    /// Keys of a run that traded.
    #[serde(flatten, deserialize_with = "read_trading")]
    #[schemars(with = "Option<TradingSummary>")]
    pub(crate) trading: Option<TradingSummary>,
}

/// Reads the keys of a run that traded, which has a strategy.
fn read_trading<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TradingSummary>, D::Error> {
    read_if_present("strategy", deserializer)
}

/// Calibration of the estimator, as a whole and by instrument.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct EstimatorSummary {
    pub(crate) kind: Option<String>,
    #[serde(flatten)]
    pub(crate) total: Calibration,
    /// `log_predictive_density` under its earlier name.
    pub(crate) mean_log_predictive_density: Number,
    /// Groups of instruments that share one covariance.
    pub(crate) groups: u64,
    pub(crate) largest_group: u64,
    /// Factors made of groups, such as sectors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) group_factors: Vec<GroupFactorSummary>,
    /// Instruments in alarm at the end, by alarm.
    pub(crate) alarms: BTreeMap<String, u64>,
    pub(crate) instruments: Vec<InstrumentSummary>,
}

/// Calibration of one instrument.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct InstrumentSummary {
    pub(crate) symbol: String,
    #[serde(flatten)]
    pub(crate) calibration: Calibration,
}

/// Wall time, memory and the timing of each stage.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TimingSummary {
    pub(crate) seconds: f64,
    pub(crate) rows_per_second: Number,
    pub(crate) peak_memory_bytes: Option<u64>,
    /// Empty without `--timing`.
    pub(crate) stages: Vec<StageSummary>,
}

/// Timing of one stage of the pipeline.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct StageSummary {
    pub(crate) stage: String,
    pub(crate) messages: u64,
    pub(crate) handling_seconds: f64,
    pub(crate) blocked_seconds: f64,
    pub(crate) queue_mean: Number,
    pub(crate) queue_max: u64,
}

/// Keys of a run that traded.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TradingSummary {
    /// End of the digest chain; null without a rebalance.
    pub(crate) digest: Option<String>,
    pub(crate) outcome: Option<Outcome>,
    /// Look-ahead of the fills, if there is any.
    pub(crate) look_ahead: Option<String>,
    pub(crate) strategy: String,
    /// Time of the first rebalance, from which returns count; null without one.
    pub(crate) first_rebalance: Option<String>,
    /// Null without a rebalance.
    pub(crate) nav: Option<NavSummary>,
    pub(crate) metrics: Option<MetricsBySeries>,
    /// Benchmark of `metrics.benchmark` and of `active_risk`.
    pub(crate) benchmark: BenchmarkSummary,
    /// Net returns against those of the benchmark.
    pub(crate) active_risk: ActiveRiskSummary,
    pub(crate) costs: CostSums,
    pub(crate) interest: Number,
    pub(crate) dividends: Number,
    pub(crate) cash_in_lieu: Number,
    pub(crate) turnover: TurnoverSummary,
    pub(crate) execution: ExecutionSummary,
    /// Build-up of the book under the turnover cap; null if the cap did not bind on the first trade.
    pub(crate) build_up: Option<BuildUpSummary>,
    pub(crate) sizing: SizingSummary,
    /// Membership of the universe, if it has spells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) membership: Option<MembershipSummary>,
    pub(crate) cost_analysis: CostAnalysisSummary,
    pub(crate) shortfall_bps: ShortfallSummary,
    pub(crate) kelly: KellySummary,
    /// Accuracy of the predicted volatility, and its parts.
    pub(crate) risk: Option<RiskSummary>,
    /// Exposure, gain and risk by group; empty without groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<GroupSummary>,
    /// Worst drawdowns, the deepest first.
    pub(crate) drawdowns: Option<Vec<DrawdownSummary>>,
    pub(crate) monthly: Option<Vec<PeriodSummary>>,
    pub(crate) yearly: Option<Vec<PeriodSummary>>,
    pub(crate) distribution: Option<DistributionSummary>,
}

/// Frames from the first trade to the first rebalance in which the turnover cap does not bind.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct BuildUpSummary {
    pub(crate) frames: u64,
    /// Time of that rebalance; null if the cap bound until the end.
    pub(crate) until: Option<String>,
    /// Net figures of the frames after it.
    pub(crate) after: Option<AfterBuildUp>,
}

/// Net figures without the build-up.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct AfterBuildUp {
    pub(crate) sharpe: Number,
    pub(crate) annual_return: Number,
    pub(crate) annual_volatility: Number,
}

/// End of a run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The run read all the data.
    Completed,
    /// The account was ruined.
    Ruined {
        /// Time of the frame.
        at: String,
    },
}

/// First and last net asset value.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct NavSummary {
    pub(crate) first: Number,
    pub(crate) last: Number,
}

/// Annual tracking error, and information ratio.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ActiveRiskSummary {
    /// Annual standard deviation of the net return less that of the benchmark.
    pub(crate) tracking_error: Number,
    /// Annual mean of that difference over the tracking error.
    pub(crate) information_ratio: Number,
}

impl From<ActiveRisk> for ActiveRiskSummary {
    fn from(risk: ActiveRisk) -> Self {
        Self { tracking_error: risk.tracking_error.into(), information_ratio: risk.information_ratio.into() }
    }
}

/// Turnover a day as a share of NAV.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct TurnoverSummary {
    /// Mean turnover that rebalances decided.
    pub(crate) mean: Number,
    /// Mean turnover of fills.
    pub(crate) filled: Number,
    pub(crate) max: Number,
    /// `sizing.turnover_cap`.
    pub(crate) cap: Number,
    /// Share of the rebalances in which the cap bound.
    pub(crate) share_at_cap: Number,
}

/// Counts of orders and fills.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ExecutionSummary {
    pub(crate) orders: u64,
    pub(crate) filled: u64,
    pub(crate) cancelled: u64,
    pub(crate) cancelled_without_volume: u64,
    pub(crate) expired: u64,
    pub(crate) partly_filled: u64,
    pub(crate) open: u64,
    pub(crate) delistings: u64,
    /// Fills that bought back recalled shares.
    pub(crate) recalls: u64,
    /// Fills of sales cut because no more shares could be borrowed.
    pub(crate) fills_without_borrow: u64,
    pub(crate) fractions_paid_out: u64,
    pub(crate) bars_without_volume: u64,
    pub(crate) instruments_without_volume: u64,
    pub(crate) fills_at_usual_spread: u64,
    pub(crate) crossed_quotes: u64,
    pub(crate) fills_of_unknown_impact: u64,
    /// Impact charged on fills.
    pub(crate) impact: Number,
    /// Impact predicted by sizing.
    pub(crate) impact_as_sized: Number,
}

impl From<&ExecutionFacts> for ExecutionSummary {
    fn from(facts: &ExecutionFacts) -> Self {
        Self {
            orders: facts.orders,
            filled: facts.filled,
            cancelled: facts.cancelled,
            cancelled_without_volume: facts.cancelled_without_volume,
            expired: facts.expired,
            partly_filled: facts.partly_filled,
            open: facts.open,
            delistings: facts.delistings,
            recalls: facts.recalls,
            fills_without_borrow: facts.cut_shorts,
            fractions_paid_out: facts.fractions,
            bars_without_volume: facts.volumes.stale_bars,
            instruments_without_volume: facts.volumes.without_volume,
            fills_at_usual_spread: facts.spread_usual,
            crossed_quotes: facts.crossed_quotes,
            fills_of_unknown_impact: facts.impact_unknown,
            impact: facts.impact.into(),
            impact_as_sized: facts.impact_as_sized.into(),
        }
    }
}

/// Counts of rebalances and the multipliers of the limits.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SizingSummary {
    /// True if targets follow from forecasts; a strategy may also set weights.
    pub(crate) of_forecasts: Option<bool>,
    /// Rebalances.
    pub(crate) decisions: u64,
    pub(crate) capped: u64,
    pub(crate) at_gross: u64,
    pub(crate) no_trade: u64,
    pub(crate) no_trade_reasons: BTreeMap<String, u64>,
    pub(crate) halted: u64,
    pub(crate) box_inherited: u64,
    pub(crate) gross_inherited: u64,
    pub(crate) repairing: u64,
    pub(crate) gross_out_of_reach: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) group_out_of_reach: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) group_inherited: u64,
    pub(crate) net_out_of_reach: u64,
    pub(crate) budget_out_of_reach: u64,
    pub(crate) mean_cap_multiplier: Number,
    pub(crate) mean_gross_multiplier: Number,
    pub(crate) mean_net_multiplier: Number,
}

/// Returns true for a count of 0, which is left out.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl SizingSummary {
    pub(super) fn new(facts: &SizingFacts, of_forecasts: bool) -> Self {
        let reasons = facts.no_trade_reasons.items();
        let mean = |sum: f64| Number(sum / facts.decisions.max(1) as f64);
        Self {
            of_forecasts: Some(of_forecasts),
            decisions: facts.decisions,
            capped: facts.capped,
            at_gross: facts.at_gross,
            no_trade: facts.no_trade,
            no_trade_reasons: reasons.map(|(reason, count)| (reason.name().to_owned(), count)).collect(),
            halted: facts.halted,
            box_inherited: facts.box_inherited,
            gross_inherited: facts.gross_inherited,
            repairing: facts.repairing,
            gross_out_of_reach: facts.gross_out_of_reach,
            group_out_of_reach: facts.group_out_of_reach,
            group_inherited: facts.group_inherited,
            net_out_of_reach: facts.net_out_of_reach,
            budget_out_of_reach: facts.budget_out_of_reach,
            mean_cap_multiplier: mean(facts.cap_multiplier),
            mean_gross_multiplier: mean(facts.gross_multiplier),
            mean_net_multiplier: mean(facts.net_multiplier),
        }
    }
}

/// Costs against returns.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CostAnalysisSummary {
    /// Gross less net annual return.
    pub(crate) annual_drag: Number,
    /// Break-even cost in bps of the traded notional.
    pub(crate) break_even_bps: Number,
    /// NAV at which impact halves the Sharpe ratio of the same trades.
    pub(crate) capacity_of_same_trades: Number,
}

/// Implementation shortfall in bps of the traded notional.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct ShortfallSummary {
    pub(crate) delay: Number,
    pub(crate) spread: Number,
    pub(crate) impact: Number,
    pub(crate) commission: Number,
    pub(crate) total: Number,
}

impl ShortfallSummary {
    /// Returns each part with its name, without the total.
    pub(crate) fn parts(&self) -> [(&'static str, Number); 4] {
        let Self { delay, spread, impact, commission, .. } = *self;
        [("delay", delay), ("spread", spread), ("impact", impact), ("commission", commission)]
    }
}

impl From<&Shortfall> for ShortfallSummary {
    fn from(shortfall: &Shortfall) -> Self {
        let [delay, spread, impact, commission, total] = shortfall.in_bps().map(|(_, bps)| Number(bps));
        Self { delay, spread, impact, commission, total }
    }
}

/// Kelly fraction, the probability of a loss that it implies, and predicted against realised volatility.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct KellySummary {
    pub(crate) fraction: Number,
    pub(crate) chance_of_ever_losing_20_percent: LossChance,
    pub(crate) predicted_volatility: Number,
    pub(crate) realised_volatility: Number,
    /// Rebalances that the prediction is averaged over.
    pub(crate) decisions: u64,
}

/// Probability of ever losing a share of the starting value, by Kelly fraction.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct LossChance {
    pub(crate) at_this_fraction: Number,
    pub(crate) full: Number,
    pub(crate) half: Number,
    pub(crate) quarter: Number,
}

/// One drawdown.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct DrawdownSummary {
    /// Last frame at the running maximum.
    pub(crate) start: Option<String>,
    pub(crate) trough: Option<String>,
    /// First frame back at the running maximum; null before recovery.
    pub(crate) end: Option<String>,
    pub(crate) depth: Number,
    pub(crate) frames: u64,
}

impl From<&Drawdown> for DrawdownSummary {
    fn from(drawdown: &Drawdown) -> Self {
        Self {
            start: time_text(Some(drawdown.start)),
            trough: time_text(Some(drawdown.trough)),
            end: time_text(drawdown.end),
            depth: drawdown.depth.into(),
            frames: drawdown.frames,
        }
    }
}

/// Returns of a calendar month or year, UTC.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct PeriodSummary {
    pub(crate) year: i64,
    /// From 1 to 12; absent for a year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) month: Option<i64>,
    pub(crate) net: Number,
    pub(crate) gross: Number,
    pub(crate) benchmark: Number,
}

impl From<&Period> for PeriodSummary {
    fn from(period: &Period) -> Self {
        Self {
            year: period.year,
            month: period.month,
            net: period.net.into(),
            gross: period.gross.into(),
            benchmark: period.benchmark.into(),
        }
    }
}

/// Histogram of the net returns.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct DistributionSummary {
    /// Edges of the bins, ascending; one more than counts.
    pub(crate) edges: Vec<f64>,
    pub(crate) counts: Vec<u64>,
}

impl From<&Distribution> for DistributionSummary {
    fn from(distribution: &Distribution) -> Self {
        Self { edges: distribution.edges.clone(), counts: distribution.counts.clone() }
    }
}
