//! Warnings about bars without volume, and about rebalances that could not do what they should.

use betaflow_engine::execution::Unfilled;
use betaflow_engine::portfolio::NoTrade;
use betaflow_engine::warning::Warning;

use super::Summary;

impl Summary<'_> {
    pub(super) fn warn_of_volume(&self, warnings: &mut Vec<Warning>) {
        let (execution, settings) = (self.facts.execution, &self.config.execution);
        let volumes = execution.volumes;
        let name =
            |i: Option<u32>| i.and_then(|i| self.facts.names.get(i as usize)).map_or("?", |name| &**name);
        if volumes.stale_bars > 0 {
            warnings.push(Warning::new(
                "bars_without_volume",
                format!(
                    "{} bars of {} instrument(s) have a price and volume 0, most of them of `{}`: their price is stale, and \
                     no order fills on them",
                    volumes.stale_bars,
                    volumes.stale_instruments,
                    name(volumes.stalest)
                ),
            ));
        }
        if execution.cancelled_without_volume > 0 {
            let remedy = match settings.unfilled {
                Unfilled::Cancel => "execution.unfilled = \"carry\" lets them work until the next rebalance",
                Unfilled::Carry => {
                    "the next rebalance cancelled them; sizing.rebalance_every gives them longer"
                }
            };
            warnings.push(Warning::new(
                "orders_cancelled_without_volume",
                format!(
                    "{} of {} orders met a bar with volume 0 and were cancelled; {remedy}; what they would have traded \
                     counts against the turnover cap",
                    execution.cancelled_without_volume, execution.orders
                ),
            ));
        }
        if volumes.without_volume > 0 {
            let needs = settings.has_impact() || settings.participation_cap.is_some();
            let (count, first) = (volumes.without_volume, name(volumes.first_without_volume));
            let what = format!("{count} instrument(s), such as `{first}`, never show a volume above 0");
            warnings.push(if needs {
                let text = format!(
                    "{what} and are not traded: impact and a participation cap need the volume; leave out \
                     execution.impact_coefficient, permanent_impact_coefficient and participation_cap to trade them"
                );
                Warning::new("not_tradable_without_volume", text)
            } else {
                Warning::new("no_volume_data", format!("{what}: their orders fill as without the column of volumes"))
            });
        }
    }

    /// A strategy that should be fully invested, and cannot be.
    pub(super) fn warn_of_budget(&self, warnings: &mut Vec<Warning>) {
        let (facts, sizing) = (&self.facts.sizing, &self.config.sizing);
        let Some(least) = facts.least_budget else { return };
        let by_names = least.names as f64 * sizing.weight_max;
        let (why, remedy) = if by_names <= least.share {
            let enough = (1e4 / least.names as f64).ceil() / 1e4;
            (
                format!(
                    "{} tradable instruments at a sizing.weight_max of {}",
                    least.names, sizing.weight_max
                ),
                format!("set sizing.weight_max to at least {enough}, or trade more instruments"),
            )
        } else if sizing.gross_max <= least.share {
            (format!("a sizing.gross_max of {}", sizing.gross_max), "set it to 1".to_owned())
        } else {
            let net = sizing.net_target.unwrap_or_default();
            (format!("a sizing.net_target of {net}"), "leave it out".to_owned())
        };
        warnings.push(Warning::new(
            "budget_out_of_reach",
            format!(
                "{} wants to be fully invested and could not be in {} of {} rebalances: {why} allows at most {} % of NAV; \
                 the rest stays in cash; {remedy}",
                self.config.strategy_kind(),
                facts.budget_out_of_reach,
                facts.decisions,
                (1e6 * least.share).round() / 1e4
            ),
        ));
    }

    /// A run in which nothing was ever ordered.
    pub(super) fn warn_of_idleness(&self, warnings: &mut Vec<Warning>) {
        let facts = &self.facts.sizing;
        if self.facts.execution.orders > 0 || facts.decisions == 0 {
            return;
        }
        let counted = facts.no_trade_reasons.items().filter(|(_, count)| *count > 0);
        let mut reasons: Vec<(NoTrade, u64)> = counted.collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let reasons: Vec<String> =
            reasons.iter().map(|(why, count)| format!("{} ({count})", self.reason_text(*why))).collect();
        warnings.push(Warning::new(
            "nothing_ordered",
            format!(
                "nothing was ever ordered in {} rebalances: {}; `betaflow size --at DATE` shows a rebalance in full",
                facts.decisions,
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
            NoTrade::StrategyHolds => format!("{} held", self.config.strategy_kind()),
            NoTrade::WithinDrift => {
                format!("drift below sizing.rebalance_drift = {}", sizing.rebalance_drift)
            }
            NoTrade::NotTradable => "no instrument was tradable".into(),
            NoTrade::CapIsZero => "sizing.turnover_cap is 0".into(),
            NoTrade::CapSpent => "the turnover cap of the date was spent".into(),
            NoTrade::LotTooLarge => format!("every order was smaller than execution.lot = {}", execution.lot),
            NoTrade::NetOutOfReach => "the net target or a bound on an exposure was out of reach".into(),
            NoTrade::LimitOutOfReach => "the box or the gross limit was out of reach".into(),
            NoTrade::CostAboveGain => "every trade cost more than its expected gain".into(),
            NoTrade::AtTarget => "the target weights were those held".into(),
        }
    }
}
