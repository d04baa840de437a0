//! Performance of a run that traded, and its part of `summary.json`.

use std::path::Path;

use anyhow::Result;
use betaflow_engine::ledger::{RunFacts, hex};
use betaflow_engine::metrics::{
    Comparison, CostAnalysis, Distribution, ExcessRatios, Figures, RiskAccuracy, TurnoverFacts,
    chance_of_ever_losing,
};

use super::run::{
    AfterBuildUp, BuildUpSummary, CostAnalysisSummary, KellySummary, LossChance, NavSummary, Outcome,
    SizingSummary, TurnoverSummary,
};
use super::{
    GroupSummary, MembershipSummary, Metrics, MetricsBySeries, Number, RiskSummary, Summary, TradingSummary,
    read_group_summaries, time_text,
};
use crate::config::Config;
use crate::terminal::{decimals, percent};

/// Loss whose probability is reported.
const LOSS: f64 = 0.2;
/// Largest number of parts of the variance in the text.
const PARTS_SHOWN: usize = 6;

/// Performance of a run.
pub(crate) struct Trading {
    /// Net, gross and benchmark.
    pub(crate) comparison: Comparison,
    /// Histogram of the net returns.
    pub(crate) distribution: Distribution,
    /// Costs against returns.
    pub(super) cost_analysis: CostAnalysis,
    /// Accuracy of the predicted volatility, and its parts.
    pub(super) risk: RiskSummary,
    /// Exposure, gain and risk by group.
    pub(super) groups: Vec<GroupSummary>,
    /// Root of the mean predicted variance, a year.
    pub(super) predicted_volatility: f64,
    /// NAV at which impact halves the Sharpe ratio of the same trades; NaN without impact or without a positive ratio.
    pub(super) capacity: f64,
    /// Net figures of the frames after the build-up; `None` without a build-up that ended.
    pub(super) after_build_up: Option<Figures>,
}

impl Trading {
    pub(crate) fn new(
        config: &Config,
        facts: &RunFacts,
        comparison: Comparison,
        distribution: Distribution,
        after_build_up: Option<Figures>,
        accuracy: &RiskAccuracy,
    ) -> Self {
        let calendar = config.run().calendar;
        let multiple = facts.performance.capacity.multiple_at_half(config.execution.impact_exponent);
        let start = facts.performance.nav.map_or(f64::NAN, |(first, _)| first);
        Self {
            after_build_up,
            capacity: multiple.map_or(f64::NAN, |multiple| multiple * start),
            cost_analysis: CostAnalysis::of(&comparison, &facts.performance, &calendar),
            predicted_volatility: accuracy.total.predicted_volatility,
            groups: Vec::new(),
            risk: RiskSummary::new(
                accuracy,
                &facts.sizing.risk,
                &[&facts.factor_names[..], &facts.sizing.group_factors].concat(),
                calendar.frames_per_year(),
            ),
            comparison,
            distribution,
        }
    }
}

impl Trading {
    /// Adds the groups of the run folder.
    ///
    /// # Errors
    /// Their table cannot be read.
    pub(crate) fn with_groups(mut self, folder: &Path) -> Result<Self> {
        self.groups = read_group_summaries(folder, &self.risk)?;
        Ok(self)
    }

    /// Returns the bias statistic, that of each tercile, and QLIKE.
    pub(super) fn bias_text(&self) -> String {
        let RiskSummary { total, .. } = &self.risk;
        let terciles: Vec<String> =
            self.risk.tercile_biases().into_iter().map(|bias| decimals(bias, 2)).collect();
        format!(
            "{} of realised over predicted volatility; by third of the predicted volatility {}; QLIKE {}",
            decimals(total.bias.into(), 2),
            terciles.join(", "),
            decimals(total.qlike.into(), 3)
        )
    }

    /// Returns the parts of the mean predicted variance, the largest first.
    pub(super) fn risk_text(&self) -> String {
        let mut parts: Vec<(&str, f64)> =
            self.risk.attribution.iter().map(|part| (&*part.factor, part.mean.share.into())).collect();
        parts.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let parts: Vec<String> = parts
            .into_iter()
            .take(PARTS_SHOWN)
            .map(|(factor, share)| format!("{factor} {}", percent(share)))
            .collect();
        parts.join(", ")
    }
}

impl Summary<'_> {
    /// Returns the keys of a run that traded.
    pub(super) fn trading_summary(&self, trading: &Trading) -> TradingSummary {
        let RunFacts { sizing, performance, execution, .. } = self.facts;
        let Comparison { net, gross, benchmark, drawdowns, months, years, ruined, .. } = &trading.comparison;
        let excess = performance.in_excess;
        let with =
            |figures: &Figures, excess: ExcessRatios| Metrics { figures: *figures, excess: Some(excess) };
        let TurnoverFacts { mean, filled, max, share_at_cap } = performance.turnover;
        TradingSummary {
            // Without a rebalance the digest covers no frame.
            digest: performance.nav.is_some().then(|| hex(&self.facts.digest)),
            outcome: Some(match time_text(*ruined) {
                Some(at) => Outcome::Ruined { at },
                None => Outcome::Completed,
            }),
            look_ahead: self.config.look_ahead().map(str::to_owned),
            strategy: self.config.strategy_kind().to_owned(),
            first_rebalance: time_text(trading.comparison.first),
            nav: performance.nav.map(|(first, last)| NavSummary { first: first.into(), last: last.into() }),
            metrics: Some(MetricsBySeries {
                net: with(net, excess.net),
                gross: with(gross, excess.gross),
                benchmark: with(benchmark, excess.benchmark),
            }),
            benchmark: (&self.config.benchmark).into(),
            active_risk: trading.comparison.active.into(),
            costs: performance.costs.into(),
            interest: performance.interest.into(),
            dividends: performance.dividends.into(),
            cash_in_lieu: execution.cash_in_lieu.into(),
            turnover: TurnoverSummary {
                mean: mean.into(),
                filled: filled.into(),
                max: max.into(),
                cap: self.config.sizing.turnover_cap.into(),
                share_at_cap: share_at_cap.into(),
            },
            execution: execution.into(),
            build_up: self.build_up(trading),
            sizing: SizingSummary::new(sizing, self.config.sizes_forecasts()),
            membership: MembershipSummary::of(self.facts),
            cost_analysis: CostAnalysisSummary {
                annual_drag: trading.cost_analysis.annual_drag.into(),
                break_even_bps: trading.cost_analysis.break_even_bps.into(),
                capacity_of_same_trades: trading.capacity.into(),
            },
            shortfall_bps: (&performance.shortfall).into(),
            kelly: self.kelly(trading),
            risk: performance.nav.map(|_| trading.risk.clone()),
            groups: trading.groups.clone(),
            drawdowns: Some(drawdowns.iter().map(Into::into).collect()),
            monthly: Some(months.iter().map(Into::into).collect()),
            yearly: Some(years.iter().map(Into::into).collect()),
            distribution: Some((&trading.distribution).into()),
        }
    }

    fn build_up(&self, trading: &Trading) -> Option<BuildUpSummary> {
        let build_up = Some(self.facts.performance.build_up).filter(|build_up| build_up.frames > 0)?;
        let after = trading.after_build_up.map(|figures| AfterBuildUp {
            sharpe: figures.sharpe.into(),
            annual_return: figures.annual_return.into(),
            annual_volatility: figures.annual_volatility.into(),
        });
        Some(BuildUpSummary { frames: build_up.frames, until: time_text(build_up.until), after })
    }

    fn kelly(&self, trading: &Trading) -> KellySummary {
        let fraction = self.config.sizing.kelly_fraction;
        let chance = |fraction: f64| Number(chance_of_ever_losing(LOSS, fraction));
        let predicted = self.facts.performance.nav.map(|_| trading.predicted_volatility);
        KellySummary {
            fraction: fraction.into(),
            chance_of_ever_losing_20_percent: LossChance {
                at_this_fraction: chance(fraction),
                full: chance(1.0),
                half: chance(0.5),
                quarter: chance(0.25),
            },
            predicted_volatility: predicted.into(),
            realised_volatility: trading.comparison.net.annual_volatility.into(),
            decisions: self.facts.sizing.decisions,
        }
    }
}
