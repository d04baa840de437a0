//! Warnings about bars without volume, and about rebalances that miss their target.

use betaflow_engine::execution::Unfilled;
use betaflow_engine::portfolio::NoTrade;

use super::{Code, Rendered};
use crate::summary::{Summary, time_text};
use crate::terminal::{counted, grouped};

impl Summary<'_> {
    /// Adds warnings about bars and instruments without volume.
    pub(super) fn warn_of_volume(&self, warnings: &mut Vec<Rendered>) {
        let (execution, settings) = (self.facts.execution, &self.config.execution);
        let volumes = execution.volumes;
        let name =
            |i: Option<u32>| i.and_then(|i| self.facts.names.get(i as usize)).map_or("?", |name| &**name);
        if volumes.stale_bars > 0 {
            warnings.push(Rendered::new(
                Code::BarsWithoutVolume,
                format!(
                    "{} of {} {} a price but a volume of 0, most of them of `{}`. Their price is stale, and no order fills on \
                     them.",
                    counted(volumes.stale_bars, "bar"),
                    counted(volumes.stale_instruments, "instrument"),
                    if volumes.stale_bars == 1 { "has" } else { "have" },
                    name(volumes.stalest)
                ),
            ));
        }
        if execution.cancelled_without_volume > 0 {
            let remedy = match settings.unfilled {
                Unfilled::Cancel => {
                    "Set execution.unfilled = \"carry\" to keep them working until the next rebalance."
                }
                Unfilled::Carry => {
                    "The next rebalance cancelled them: raise sizing.rebalance_every to keep them longer."
                }
            };
            warnings.push(Rendered::new(
                Code::OrdersCancelledWithoutVolume,
                format!(
                    "{} of {} met a bar with a volume of 0 and {} cancelled. They used the day's turnover cap in full. {remedy}",
                    grouped(execution.cancelled_without_volume as f64),
                    counted(execution.orders, "order"),
                    if execution.cancelled_without_volume == 1 { "was" } else { "were" }
                ),
            ));
        }
        if volumes.without_volume > 0 {
            let needs = settings.has_impact() || settings.participation_cap.is_some();
            let (count, first) = (volumes.without_volume, name(volumes.first_without_volume));
            let found =
                format!("{}, such as `{first}`, without a volume above 0.", counted(count, "instrument"));
            warnings.push(if needs {
                let text = format!(
                    "{found} They are not traded, because impact and the participation cap need volume. To trade them, leave out \
                     execution.impact_coefficient, permanent_impact_coefficient and participation_cap."
                );
                Rendered::new(Code::NotTradableWithoutVolume, text)
            } else {
                let text = format!("{found} Their orders fill as in data without a volume column.");
                Rendered::new(Code::NoVolumeData, text)
            });
        }
    }

    /// Adds a warning if limits prevent the full investment that a strategy requires.
    pub(super) fn warn_of_budget(&self, warnings: &mut Vec<Rendered>) {
        let (facts, sizing) = (&self.facts.sizing, &self.config.sizing);
        let Some(least) = facts.least_budget else { return };
        let by_names = least.names as f64 * sizing.weight_max;
        let (limit, remedy) = if by_names <= least.share {
            let enough = (1e4 / least.names as f64).ceil() / 1e4;
            (
                format!(
                    "{} tradable instruments with sizing.weight_max = {}",
                    least.names, sizing.weight_max
                ),
                format!("Set sizing.weight_max to at least {enough}, or trade more instruments."),
            )
        } else if sizing.gross_max <= least.share {
            (format!("sizing.gross_max = {}", sizing.gross_max), "Set it to 1.".to_owned())
        } else {
            let net = sizing.net_target.unwrap_or_default();
            (format!("sizing.net_target = {net}"), "Leave it out.".to_owned())
        };
        warnings.push(Rendered::new(
            Code::BudgetOutOfReach,
            format!(
                "{} should be fully invested, and was not in {} of {}: {limit} allows at most {} % of NAV, and the \
                 rest is cash. {remedy}",
                self.config.strategy_kind(),
                grouped(facts.budget_out_of_reach as f64),
                counted(facts.decisions, "rebalance"),
                (1e6 * least.share).round() / 1e4
            ),
        ));
    }

    /// Adds a warning about a run without any order, with the reasons and their counts, or about one whose orders all wait
    /// for a later frame than the last.
    pub(super) fn warn_of_idleness(&self, warnings: &mut Vec<Rendered>) {
        let facts = &self.facts.sizing;
        let execution = &self.facts.execution;
        // With `carry`, an open order may have met bars without a fill.
        let all_wait = execution.orders > 0 && execution.open == execution.orders;
        if all_wait && self.config.execution.unfilled == Unfilled::Cancel {
            let text = format!(
                "No fill of {}: all wait for a frame after the end of the data (execution.delay_bars = {}).",
                counted(execution.orders, "order"),
                self.config.execution.delay_bars
            );
            warnings.push(Rendered::new(Code::NothingFilled, text));
        }
        if self.facts.execution.orders > 0 || facts.decisions == 0 {
            return;
        }
        let known = facts.no_trade_reasons.items().filter(|(_, count)| *count > 0);
        let mut reasons: Vec<(NoTrade, u64)> = known.collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, count)| format!("{} ({})", self.reason_text(*reason), grouped(*count as f64)))
            .collect();
        warnings.push(Rendered::new(
            Code::NothingOrdered,
            format!(
                "No order in {}: {}. `betaflow size --at DATE` shows one rebalance in full.",
                counted(facts.decisions, "rebalance"),
                reasons.join(", ")
            ),
        ));
    }

    fn reason_text(&self, reason: NoTrade) -> String {
        let (sizing, execution) = (&self.config.sizing, &self.config.execution);
        match reason {
            NoTrade::Halted => "trading was halted by [limits]".into(),
            NoTrade::Ruined => "the account was ruined".into(),
            NoTrade::NoForecast => "no forecast other than 0".into(),
            NoTrade::StrategyHolds => format!("{} kept its weights", self.config.strategy_kind()),
            NoTrade::WithinDrift => {
                format!("drift below sizing.rebalance_drift = {}", sizing.rebalance_drift)
            }
            NoTrade::NotTradable => "no instrument was tradable".into(),
            NoTrade::CapIsZero => "sizing.turnover_cap is 0".into(),
            NoTrade::CapSpent => "the turnover cap of the date was used up".into(),
            NoTrade::LotTooLarge => format!("every order was smaller than execution.lot = {}", execution.lot),
            NoTrade::NetOutOfReach => "the net target or an exposure bound was out of reach".into(),
            NoTrade::LimitOutOfReach => "the box of weights or the gross limit was out of reach".into(),
            NoTrade::CostAboveGain => "every trade cost more than its expected gain".into(),
            NoTrade::AtTarget => "held weights were at their targets".into(),
        }
    }

    /// Adds warnings about limits out of reach, and about a run without any rebalance.
    pub(super) fn warn_of_limits(&self, warnings: &mut Vec<Rendered>) {
        let facts = &self.facts.sizing;
        let limits = [
            (facts.net_out_of_reach, "The net target or an exposure bound"),
            (facts.group_out_of_reach, "The bound of a group"),
            (facts.gross_out_of_reach, "The gross limit"),
            (facts.repairing, "The box of weights, after drift or a halt,"),
        ];
        for (count, limit) in limits.into_iter().filter(|(count, _)| *count > 0) {
            warnings.push(Rendered::new(
                Code::LimitOutOfReach,
                format!(
                    "{limit} could not be met in {} of {}, because of the turnover cap and the limits that come \
                     before it. These rebalances came as close as possible.",
                    grouped(count as f64),
                    counted(facts.decisions, "rebalance")
                ),
            ));
        }
        let warmup = self.config.estimator.warmup;
        if self.trading.is_none() || self.facts.performance.nav.is_some() {
            return;
        }
        let (trade_from, last) = (self.config.run().trade_from, self.facts.data.last);
        let text = match &self.config.sizing.rebalance_at {
            _ if trade_from.is_some_and(|from| last.is_some_and(|last| last < from)) => format!(
                "No rebalance: the data ends at {}, before trading begins at {} (data.trade_from, or the end of the history \
                 of `paper`). Give later data, or trade earlier.",
                time_text(last).unwrap_or_default(),
                time_text(trade_from).unwrap_or_default()
            ),
            Some(at) => format!(
                "No rebalance: no frame after the warm-up closes at {at} or later (sizing.rebalance_at), or the data \
                 ends before the warm-up of {warmup} days."
            ),
            None => format!(
                "No rebalance: the data ends before the warm-up of {warmup} days. Give more data, or lower \
                 estimator.warmup."
            ),
        };
        warnings.push(Rendered::new(Code::NoFrameDecided, text));
    }
}
