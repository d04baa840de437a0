//! What a run that traded was worth: everything that is computed of it, and its part of `summary.json`.

use betaflow_engine::ledger::{RunFacts, hex};
use betaflow_engine::metrics::{
    Comparison, CostAnalysis, Distribution, Drawdown, Period, chance_of_ever_losing,
};
use betaflow_engine::time::TimestampNs;
use serde_json::{Map, Value, json};

use super::json::{number, object};
use super::{Summary, time_text};
use crate::config::Config;

/// The loss whose chance is stated.
const LOSS: f64 = 0.2;

/// The figures of a run.
pub(crate) struct Trading {
    /// Net, gross and benchmark.
    pub(crate) comparison: Comparison,
    /// Of the net returns.
    pub(crate) distribution: Distribution,
    /// Costs against returns.
    pub(super) cost_analysis: CostAnalysis,
    /// Annual volatility of the book as sizing predicted it, averaged over the decisions.
    pub(super) predicted_volatility: f64,
    /// The starting value at which impact halves the Sharpe ratio of the same trades; NaN where there is no impact, or nothing to halve.
    pub(super) capacity: f64,
}

impl Trading {
    pub(crate) fn new(
        config: &Config,
        facts: &RunFacts,
        comparison: Comparison,
        distribution: Distribution,
    ) -> Self {
        let calendar = config.data.calendar();
        let multiple = facts.performance.capacity.multiple_at_half(config.execution.impact_exponent);
        Self {
            capacity: multiple.map_or(f64::NAN, |multiple| multiple * config.execution.nav),
            cost_analysis: CostAnalysis::of(&comparison, &facts.performance, &calendar),
            predicted_volatility: facts.sizing.predicted_volatility(calendar.frames_per_year()),
            comparison,
            distribution,
        }
    }
}

impl Summary<'_> {
    /// What only a run that trades has.
    pub(super) fn add_trading(&self, trading: &Trading, summary: &mut Value) {
        let RunFacts { sizing, performance, execution, .. } = self.facts;
        let Comparison { net, gross, benchmark, drawdowns, months, years, ruined, .. } = &trading.comparison;
        let [mut net, mut gross, mut benchmark] =
            [object(net.all()), object(gross.all()), object(benchmark.all())];
        let excess = performance.in_excess;
        net.extend(object(excess.net.items()));
        gross.extend(object(excess.gross.items()));
        benchmark.extend(object(excess.benchmark.items()));
        // Nothing was decided: there is nothing that a digest could stand for.
        summary["digest"] =
            if performance.nav.is_some() { hex(&self.facts.digest).into() } else { Value::Null };
        summary["outcome"] = outcome_json(*ruined);
        summary["look_ahead"] = self.config.look_ahead().into();
        summary["strategy"] = self.config.strategy_kind().into();
        summary["nav"] =
            performance.nav.map_or(Value::Null, |(first, last)| json!({"first": first, "last": last}));
        summary["metrics"] = json!({"net": net, "gross": gross, "benchmark": benchmark});
        let costs = performance.costs;
        summary["costs"] = object(costs.items().into_iter().chain([("total", costs.total())])).into();
        summary["interest"] = number(performance.interest);
        summary["dividends"] = number(performance.dividends);
        summary["cash_in_lieu"] = number(execution.cash_in_lieu);
        summary["turnover"] = object([
            ("mean", performance.turnover.mean),
            ("filled", performance.turnover.filled),
            ("max", performance.turnover.max),
            ("cap", self.config.sizing.turnover_cap),
            ("share_at_cap", performance.turnover.share_at_cap),
        ])
        .into();
        let decisions = sizing.decisions.max(1) as f64;
        summary["execution"] = json!({
            "orders": execution.orders,
            "filled": execution.filled,
            "cancelled": execution.cancelled,
            "cancelled_without_volume": execution.cancelled_without_volume,
            "expired": execution.expired,
            "partly_filled": execution.partly_filled,
            "open": execution.open,
            "delistings": execution.delistings,
            "fractions_paid_out": execution.fractions,
            "bars_without_volume": execution.volumes.stale_bars,
            "instruments_without_volume": execution.volumes.without_volume,
            "fills_at_usual_spread": execution.spread_usual,
            "crossed_quotes": execution.crossed_quotes,
            "fills_of_unknown_impact": execution.impact_unknown,
            "impact": number(execution.impact),
            "impact_as_sized": number(execution.impact_as_sized),
        });
        let reasons = sizing.no_trade_reasons.items();
        let reasons: Map<String, Value> =
            reasons.map(|(reason, count)| (reason.name().to_owned(), count.into())).collect();
        summary["sizing"] = json!({
            "of_forecasts": self.config.sizes_forecasts(),
            "decisions": sizing.decisions,
            "capped": sizing.capped,
            "at_gross": sizing.at_gross,
            "no_trade": sizing.no_trade,
            "no_trade_reasons": reasons,
            "halted": sizing.halted,
            "box_inherited": sizing.box_inherited,
            "gross_inherited": sizing.gross_inherited,
            "repairing": sizing.repairing,
            "gross_out_of_reach": sizing.gross_out_of_reach,
            "net_out_of_reach": sizing.net_out_of_reach,
            "budget_out_of_reach": sizing.budget_out_of_reach,
            "mean_cap_multiplier": number(sizing.cap_multiplier / decisions),
            "mean_gross_multiplier": number(sizing.gross_multiplier / decisions),
            "mean_net_multiplier": number(sizing.net_multiplier / decisions),
        });
        summary["cost_analysis"] = object([
            ("annual_drag", trading.cost_analysis.annual_drag),
            ("break_even_bps", trading.cost_analysis.break_even_bps),
            ("capacity_of_same_trades", trading.capacity),
        ])
        .into();
        summary["shortfall_bps"] = object(performance.shortfall.in_bps()).into();
        summary["kelly"] = self.kelly_json(trading);
        summary["drawdowns"] = drawdowns.iter().map(drawdown_json).collect();
        summary["monthly"] = months.iter().map(period_json).collect();
        summary["yearly"] = years.iter().map(period_json).collect();
        let Distribution { edges, counts } = &trading.distribution;
        summary["distribution"] = json!({"edges": edges, "counts": counts});
    }

    /// What the Kelly fraction implies, and how the risk that it was given has held.
    fn kelly_json(&self, trading: &Trading) -> Value {
        let decided = self.facts.performance.nav.is_some();
        let of_decisions = |value: f64| if decided { number(value) } else { Value::Null };
        let fraction = self.config.sizing.kelly_fraction;
        let chance = |fraction: f64| chance_of_ever_losing(LOSS, fraction);
        json!({
            "fraction": number(fraction),
            "chance_of_ever_losing_20_percent": object([
                ("at_this_fraction", chance(fraction)),
                ("full", chance(1.0)),
                ("half", chance(0.5)),
                ("quarter", chance(0.25)),
            ]),
            "predicted_volatility": of_decisions(trading.predicted_volatility),
            "realised_volatility": number(trading.comparison.net.annual_volatility),
            "decisions": self.facts.sizing.decisions,
        })
    }
}

/// How a run ended: `completed`, or `ruined` with the time.
fn outcome_json(ruined: Option<TimestampNs>) -> Value {
    match time_text(ruined) {
        Some(at) => json!({"kind": "ruined", "at": at}),
        None => json!({"kind": "completed"}),
    }
}

fn drawdown_json(drawdown: &Drawdown) -> Value {
    json!({
        "start": time_text(Some(drawdown.start)),
        "trough": time_text(Some(drawdown.trough)),
        "end": time_text(drawdown.end),
        "depth": number(drawdown.depth),
        "frames": drawdown.frames,
    })
}

fn period_json(period: &Period) -> Value {
    let mut json = object([("net", period.net), ("gross", period.gross), ("benchmark", period.benchmark)]);
    json.insert("year".into(), period.year.into());
    if let Some(month) = period.month {
        json.insert("month".into(), month.into());
    }
    json.into()
}
