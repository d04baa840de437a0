//! Warnings about risk and execution.

use super::{Code, Rendered};
use crate::summary::Summary;

/// Range of realised over predicted volatility in which a risk forecast counts as good.
const RISK_RATIO: (f64, f64) = (0.67, 1.5);
/// Relative difference of impact above which fills differ from the sizing's model of it.
const IMPACT_TOLERANCE: f64 = 1e-9;

impl Summary<'_> {
    /// Warning about a predicted volatility far from the realised one, for runs of at least a year.
    pub(super) fn risk_warning(&self) -> Option<Rendered> {
        let trading = self.trading.as_ref()?;
        let year = self.config.data.calendar().frames_per_year();
        let (realised, predicted) = (trading.comparison.net.annual_volatility, trading.predicted_volatility);
        let ratio = realised / predicted;
        let agrees = ratio.is_nan() || (RISK_RATIO.0..=RISK_RATIO.1).contains(&ratio);
        if (self.facts.performance.frames as f64) < year || agrees {
            return None;
        }
        let remedy = match (ratio > 1.0, self.facts.factor_names.is_empty()) {
            (true, true) => {
                "without factors the instruments count as independent of each other: name their factors"
            }
            (true, false) if !self.config.sizing.parameter_uncertainty => {
                "set sizing.parameter_uncertainty = true, or add the factors that the instruments share"
            }
            (true, false) => {
                "the instruments share risk beyond the factors: add factors, or make fewer and smaller bets \
                 (sizing.gross_max, sizing.weight_max, sizing.kelly_fraction)"
            }
            (false, _) => {
                "positions are smaller than sizing.kelly_fraction allows: check that factors and prices belong together"
            }
        };
        let text = format!(
            "volatility {:.1} % a year, {:.1} % as predicted at the rebalances: ratio {ratio:.2}, expected {} to {}; {remedy}",
            100.0 * realised,
            100.0 * predicted,
            RISK_RATIO.0,
            RISK_RATIO.1
        );
        Some(Rendered::new(Code::RiskForecast, text))
    }

    /// Warnings about orders, fills and costs.
    pub(super) fn warn_of_execution(&self, warnings: &mut Vec<Rendered>) {
        self.warn_of_orders(warnings);
        self.warn_of_costs(warnings);
    }

    fn warn_of_orders(&self, warnings: &mut Vec<Rendered>) {
        let (execution, settings) = (self.facts.execution, &self.config.execution);
        let cancelled = execution.cancelled - execution.cancelled_without_volume;
        if cancelled > 0 {
            let reason = match settings.participation_cap {
                Some(cap) => format!(
                    "exceeded {} % of the volume of their bars, or found no price, and were cancelled ({} partially filled)",
                    100.0 * cap,
                    execution.partly_filled
                ),
                None => "found no price on their frame, or were smaller than a lot after a split, and were cancelled"
                    .to_owned(),
            };
            warnings.push(Rendered::new(
                Code::OrdersCancelled,
                format!(
                    "{cancelled} of {} orders {reason}; their unfilled part counts against the turnover cap",
                    execution.orders
                ),
            ));
        }
        let world = &self.config.world;
        if self.trading.is_some() && world.volatile_cost_multiplier != 1.0 {
            warnings.push(Rendered::new(
                Code::VolatileDates,
                format!(
                    "{} dates were volatile, with costs multiplied by {} (world.volatile_cost_multiplier); none is in the \
                     first year",
                    execution.volatile_dates, world.volatile_cost_multiplier
                ),
            ));
        }
        if execution.delistings > 0 {
            let haircut = settings.delisting_haircut * world.haircut_multiplier;
            warnings.push(Rendered::new(
                Code::Delisted,
                format!(
                    "{} position(s) without a price for {} days (execution.delist_after) were closed at the last price less \
                     {} % (execution.delisting_haircut): a loss for longs and a gain for shorts",
                    execution.delistings,
                    settings.delist_after,
                    100.0 * haircut.min(1.0)
                ),
            ));
        }
    }

    fn warn_of_costs(&self, warnings: &mut Vec<Rendered>) {
        let (execution, settings) = (self.facts.execution, &self.config.execution);
        if self.config.sizing.weight_min < 0.0 && settings.borrow_bps_per_year == 0.0 {
            let text = "short positions pay no fee: execution.borrow_bps_per_year is 0";
            warnings.push(Rendered::new(Code::FreeShorts, text));
        }
        if execution.crossed_quotes > 0 || execution.spread_usual > 0 {
            warnings.push(Rendered::new(
                Code::UsualSpread,
                format!(
                    "{} fills without a quote or an estimate paid execution.half_spread_bps = {}; {} quotes were crossed and \
                     cost nothing",
                    execution.spread_usual, settings.half_spread_bps, execution.crossed_quotes
                ),
            ));
        }
        let off = execution.impact / execution.impact_as_sized - 1.0;
        if off.abs() > IMPACT_TOLERANCE && execution.impact > 0.0 {
            warnings.push(Rendered::new(
                Code::ImpactAsSized,
                format!(
                    "impact {:.0}, {:+.1} % against the model of sizing: sizing uses a 3/2 power that agrees with the settings \
                     at 1 % of a day's volume",
                    execution.impact,
                    100.0 * off
                ),
            ));
        }
        let known = |name: &&String| self.facts.names.iter().any(|known| **known == ***name);
        let unknown: Vec<&String> = settings.half_spreads.keys().filter(|name| !known(name)).collect();
        if let (Some(first), count) = (unknown.first(), unknown.len()) {
            warnings.push(Rendered::new(
                Code::UnknownHalfSpreads,
                format!(
                    "execution.half_spreads names {count} instrument(s) that are not in the data, such as `{first}`"
                ),
            ));
        }
    }
}
