//! What a careful reader should know before believing the figures.

use betaflow_engine::warning::Warning;

use super::{Summary, time_text};
use crate::commands::score::Score;

/// Realised over predicted volatility within which a risk forecast has held.
const RISK_RATIO: (f64, f64) = (0.67, 1.5);

impl Summary<'_> {
    /// What a careful reader should know before believing the figures.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let look_ahead = self.trading.as_ref().and(self.config.execution.look_ahead());
        let mut warnings: Vec<Warning> =
            look_ahead.into_iter().map(|text| Warning::new("look_ahead", text)).collect();
        let world = self.config.world_note(self.trading.is_some());
        let world = world.iter().chain(&self.facts.data.world);
        warnings.extend(world.map(|text| Warning::new("world", text)));
        warnings.extend(self.score.iter().flat_map(Score::warnings));
        warnings.extend_from_slice(&self.facts.data.warnings);
        if self.config.is_tutorial() {
            warnings.push(Warning::new("survivorship", "the tutorial's 20 names were picked as survivors: its equal-weight benchmark profits from that, \
                 and no strategy here can"));
        }
        if self.trading.is_some() {
            warnings.extend(self.config.slips());
            self.warn_of_volume(&mut warnings);
            self.warn_of_budget(&mut warnings);
            self.warn_of_idleness(&mut warnings);
        }
        self.warn_of_execution(&mut warnings);
        warnings.extend(self.risk_warning());
        let facts = &self.facts.sizing;
        let limits = [
            (facts.net_out_of_reach, "the net target, or a bound on an exposure,"),
            (facts.gross_out_of_reach, "the gross limit"),
            (facts.repairing, "the box of weights, after drift or a halt,"),
        ];
        for (count, limit) in limits.into_iter().filter(|(count, _)| *count > 0) {
            warnings.push(Warning::new("limit_out_of_reach", format!(
                "{limit} was out of reach under the turnover cap and the limits before it in {count} of {} decisions, \
                 and was approached as near as they allow",
                facts.decisions
            )));
        }
        let idle = self.trading.is_some() && self.facts.performance.nav.is_none();
        if let (true, Some(at)) = (idle, &self.config.sizing.rebalance_at) {
            warnings.push(Warning::new("no_frame_decided", format!(
                "no frame decided: none after the warm-up closes at {at} UTC or later (sizing.rebalance_at), or the \
                 data ends before the warm-up of {} days is over",
                self.config.estimator.warmup
            )));
        } else if idle {
            warnings.push(Warning::new("no_frame_decided", format!(
                "no frame decided: the data ends before the warm-up of {} days is over; give more data or a \
                 smaller estimator.warmup",
                self.config.estimator.warmup
            )));
        }
        if let Some(text) = self.ruin() {
            warnings.insert(0, Warning::new("ruined", text));
        }
        warnings.extend(self.findings.notes().into_iter().map(|text| Warning::new("offline", text)));
        warnings
    }

    /// Warning about a predicted volatility that a year of returns does not agree with.
    fn risk_warning(&self) -> Option<Warning> {
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
                "the instruments share risk that the factors do not have: add factors, or make fewer and smaller bets \
                 (sizing.gross_max, sizing.weight_max, sizing.kelly_fraction)"
            }
            (false, _) => {
                "positions are smaller than sizing.kelly_fraction asks for: check that factors and prices belong together"
            }
        };
        let text = format!(
            "the volatility was {:.1} % a year, and {:.1} % as predicted at the rebalances: a ratio of {ratio:.2}, expected \
             {} to {}; {remedy}",
            100.0 * realised,
            100.0 * predicted,
            RISK_RATIO.0,
            RISK_RATIO.1
        );
        Some(Warning::new("risk_forecast", text))
    }

    /// Sentence before every figure of a ruined account.
    pub(super) fn ruin(&self) -> Option<String> {
        let time = time_text(self.trading.as_ref()?.comparison.ruined)?;
        let (_, last) = self.facts.performance.nav?;
        Some(format!(
            "RUINED at {time}: the value fell to {last:.0}; all positions were closed at the last prices known and trading \
             ended, so the return is -100 % and no ratio is defined; lower sizing.gross_max or sizing.kelly_fraction"
        ))
    }

    fn warn_of_execution(&self, warnings: &mut Vec<Warning>) {
        let (execution, settings) = (self.facts.execution, &self.config.execution);
        let cancelled = execution.cancelled - execution.cancelled_without_volume;
        if cancelled > 0 {
            let why = match settings.participation_cap {
                Some(cap) => format!(
                    "had more than {} % of the volume of their bars left, or no price, and were cancelled ({} filled in \
                     part)",
                    100.0 * cap,
                    execution.partly_filled
                ),
                None => "found no price on their frame, or less than a lot of them was left after a split, and were cancelled"
                    .to_owned(),
            };
            warnings.push(Warning::new(
                "orders_cancelled",
                format!(
                    "{} of {} orders {why}; what they would have traded counts against the turnover cap",
                    cancelled, execution.orders
                ),
            ));
        }
        let world = &self.config.world;
        if self.trading.is_some() && world.volatile_cost_multiplier != 1.0 {
            warnings.push(Warning::new("volatile_dates", format!(
                "{} dates were volatile, and trading cost {} times as much on them (world.volatile_cost_multiplier); none \
                 is in the first year",
                execution.volatile_dates, world.volatile_cost_multiplier
            )));
        }
        if execution.delistings > 0 {
            warnings.push(Warning::new("delisted", format!(
                "{} position(s) without a price for {} days (execution.delist_after) were closed at the last one less {} % \
                 (execution.delisting_haircut): a loss for longs and a gain for shorts",
                execution.delistings,
                settings.delist_after,
                100.0 * (settings.delisting_haircut * self.config.world.haircut_multiplier).min(1.0)
            )));
        }
        if self.config.sizing.weight_min < 0.0 && settings.borrow_bps_per_year == 0.0 {
            warnings.push(Warning::new("free_shorts", "shorts are free: execution.borrow_bps_per_year is 0"));
        }
        if execution.crossed_quotes > 0 || execution.spread_usual > 0 {
            warnings.push(Warning::new("usual_spread", format!(
                "{} fills paid the usual half-spread of {} bps, for want of a quote or of bars for an estimate; {} quotes \
                 were crossed and cost nothing",
                execution.spread_usual, settings.half_spread_bps, execution.crossed_quotes
            )));
        }
        let off = execution.impact / execution.impact_as_sized - 1.0;
        if off.abs() > 1e-9 && execution.impact > 0.0 {
            warnings.push(Warning::new("impact_as_sized", format!(
                "sizing knows impact as a 3/2 power that agrees with the settings at 1 % of a day's volume: fills paid \
                 {:.0}, {:+.1} % beside what it made of them",
                execution.impact,
                100.0 * off
            )));
        }
        let named = |name: &&String| self.facts.names.iter().any(|known| **known == ***name);
        let unknown: Vec<&String> = settings.half_spreads.keys().filter(|name| !named(name)).collect();
        if let (Some(first), count) = (unknown.first(), unknown.len()) {
            warnings.push(Warning::new("unknown_half_spreads", format!(
                "execution.half_spreads names {count} instrument(s) that the data does not have, such as `{first}`"
            )));
        }
    }
}
