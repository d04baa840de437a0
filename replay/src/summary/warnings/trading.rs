//! Warnings about risk and execution.

use std::collections::BTreeSet;

use betaflow_engine::dated::DatedValues;
use betaflow_engine::execution::{BenchmarkFacts, ExecutionFacts, ExecutionSettings};

use super::{Code, Rendered};
use crate::summary::Summary;
use crate::terminal::{counted, decimals, grouped};

/// Range of realised over predicted volatility without a warning.
const RISK_RATIO: (f64, f64) = (0.67, 1.5);
/// Relative difference above which the impact of fills differs from the model of sizing.
const IMPACT_TOLERANCE: f64 = 1e-9;

/// Sum of absolute weights from which they are probably in percent.
const PERCENT_GROSS: f64 = 20.0;

/// Largest number of instruments named in a warning.
const SYMBOLS_SHOWN: usize = 5;

impl Summary<'_> {
    /// Returns a warning if predicted and realised volatility differ widely, for runs of at least a year.
    pub(super) fn risk_warning(&self) -> Option<Rendered> {
        let trading = self.trading.as_ref()?;
        let year = self.config.run().calendar.frames_per_year();
        let (realised, predicted) = (trading.comparison.net.annual_volatility, trading.predicted_volatility);
        let ratio = realised / predicted;
        let agrees = ratio.is_nan() || (RISK_RATIO.0..=RISK_RATIO.1).contains(&ratio);
        if (self.facts.performance.frames as f64) < year || agrees {
            return None;
        }
        let remedy = match (ratio > 1.0, self.facts.factor_names.is_empty()) {
            (true, true) => "Without factors, instruments count as independent: name their factors.",
            (true, false) if !self.config.sizing.parameter_uncertainty => {
                "Set sizing.parameter_uncertainty = true, or add the factors that the instruments share."
            }
            (true, false) => {
                "The instruments share risk beyond the factors: add factors, or make fewer and smaller bets \
                 (sizing.gross_max, sizing.weight_max, sizing.kelly_fraction)."
            }
            (false, _) => {
                "Positions are smaller than sizing.kelly_fraction allows: check that factors and prices have the same days."
            }
        };
        let text = format!(
            "Realised volatility is {:.1} % a year, against a mean forecast of {:.1} %: a ratio of {ratio:.2}, \
             expected {} to {}. {remedy}",
            100.0 * realised,
            100.0 * predicted,
            RISK_RATIO.0,
            RISK_RATIO.1
        );
        Some(Rendered::new(Code::RiskForecast, text))
    }

    /// Adds warnings about orders, fills and costs.
    pub(super) fn warn_of_execution(&self, warnings: &mut Vec<Rendered>) {
        self.warn_of_orders(warnings);
        self.warn_of_benchmark(warnings);
        self.warn_of_costs(warnings);
    }

    fn warn_of_benchmark(&self, warnings: &mut Vec<Rendered>) {
        let BenchmarkFacts { frames, without_return, unplaced, unplaced_symbols, has_no_weights, gross_max } =
            &self.facts.benchmark;
        let name = self.config.benchmark.name();
        if *has_no_weights {
            let text = format!(
                "The benchmark {name} has no weights up to the last frame, and holds cash alone. Check the dates of the file."
            );
            warnings.push(Rendered::new(Code::BenchmarkWithoutWeights, text));
        }
        warnings.extend(gross_warning(&format!("a date in the benchmark {name}"), *gross_max));
        if *without_return > 0 {
            let text = format!(
                "The benchmark {name} has no return on {} of {}; it counts as 0 there, and the next one spans the gap if it is \
                 an instrument.",
                grouped(*without_return as f64),
                counted(*frames, "frame")
            );
            warnings.push(Rendered::new(Code::BenchmarkWithoutReturn, text));
        }
        if *unplaced > 0 {
            let shown: Vec<&str> = unplaced_symbols.iter().take(SYMBOLS_SHOWN).map(String::as_str).collect();
            let more = match unplaced_symbols.len().saturating_sub(SYMBOLS_SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let text = format!(
                "The benchmark {name} has {} of instruments that could not be traded on the frame, and holds cash or the \
                 earlier position instead: {}{more}.",
                counted(*unplaced, "weight"),
                shown.join(", ")
            );
            warnings.push(Rendered::new(Code::BenchmarkNotBought, text));
        }
    }

    fn warn_of_orders(&self, warnings: &mut Vec<Rendered>) {
        let (execution, settings) = (self.facts.execution, &self.config.execution);
        let cancelled = execution.cancelled - execution.cancelled_without_volume;
        if cancelled > 0 {
            warnings.push(Rendered::new(Code::OrdersCancelled, cancelled_text(&execution, settings)));
        }
        let world = &self.config.world;
        if self.trading.is_some() && world.volatile_cost_multiplier != 1.0 {
            warnings.push(Rendered::new(
                Code::VolatileDates,
                format!(
                    "Costs were multiplied by {} on {} (world.volatile_cost_multiplier). The first year has none.",
                    world.volatile_cost_multiplier,
                    counted(execution.volatile_dates, "volatile date")
                ),
            ));
        }
        if execution.delistings > 0 {
            let haircut = settings.delisting_haircut * world.haircut_multiplier;
            warnings.push(Rendered::new(
                Code::Delisted,
                format!(
                    "{} without a price for {} days (execution.delist_after), closed at the last price less {} % \
                     (execution.delisting_haircut): a loss for long and a gain for short positions.",
                    counted(execution.delistings, "position"),
                    settings.delist_after,
                    100.0 * haircut.min(1.0)
                ),
            ));
        }
    }

    fn warn_of_borrow(&self, warnings: &mut Vec<Rendered>) {
        let execution = self.facts.execution;
        if execution.recalls > 0 {
            let text = format!(
                "{} of borrowed shares: the lender had fewer than were short (available in execution.borrow_file), and they \
                 were bought on the next bar.",
                counted(execution.recalls, "recall")
            );
            warnings.push(Rendered::new(Code::Recalled, text));
        }
        if execution.cut_shorts > 0 {
            let text = format!(
                "{} of sales cut, because no more shares could be borrowed (available in execution.borrow_file).",
                counted(execution.cut_shorts, "fill")
            );
            warnings.push(Rendered::new(Code::NotBorrowed, text));
        }
        let run = self.config.run();
        let borrow = run.execution.borrow.as_ref().and_then(|rows| self.unknown_symbols(names_of(rows)));
        let bounds = run.sizing.bounds_by_name.as_ref().and_then(|rows| self.unknown_symbols(names_of(rows)));
        let found = [("execution.borrow_file", borrow), ("sizing.weight_bounds", bounds)];
        for (setting, (first, count)) in
            found.into_iter().filter_map(|(setting, found)| Some((setting, found?)))
        {
            let text = format!(
                "{setting} has rows of {} not in the data, such as `{first}`; they have no effect.",
                counted(count, "symbol")
            );
            warnings.push(Rendered::new(Code::UnknownSymbols, text));
        }
    }

    /// First of the symbols that is not in the data, and the number of such symbols. The symbols that instruments had
    /// before a symbol change are in the data.
    fn unknown_symbols<'a>(&self, symbols: impl Iterator<Item = &'a str>) -> Option<(&'a str, u64)> {
        let former = self.facts.data.symbol_changes.iter().map(|change| &*change.from);
        let known: BTreeSet<&str> = self.facts.names.iter().map(|name| &**name).chain(former).collect();
        let mut unknown = symbols.filter(|symbol| !known.contains(symbol));
        let first = unknown.next()?;
        Some((first, 1 + unknown.count() as u64))
    }

    fn warn_of_costs(&self, warnings: &mut Vec<Rendered>) {
        let (execution, settings) = (self.facts.execution, &self.config.execution);
        self.warn_of_borrow(warnings);
        let has_no_fee = settings.borrow_bps_per_year == 0.0 && settings.borrow_file.is_none();
        if self.config.sizing.weight_min < 0.0 && has_no_fee {
            let text = "Short positions pay no fee: execution.borrow_bps_per_year is 0. Set it to the cost of borrowing.";
            warnings.push(Rendered::new(Code::FreeShorts, text));
        }
        if execution.crossed_quotes > 0 || execution.spread_usual > 0 {
            warnings.push(Rendered::new(
                Code::UsualSpread,
                format!(
                    "{} had no quote or estimate and paid execution.half_spread_bps = {}. {} had a crossed quote, which counts \
                     as a spread of 0.",
                    counted(execution.spread_usual, "fill"),
                    settings.half_spread_bps,
                    counted(execution.crossed_quotes, "bar")
                ),
            ));
        }
        let off = execution.impact / execution.impact_as_sized - 1.0;
        if off.abs() > IMPACT_TOLERANCE && execution.impact > 0.0 {
            warnings.push(Rendered::new(
                Code::ImpactAsSized,
                format!(
                    "Impact cost {}, {:+.1} % against the model of sizing. Sizing uses a 3/2 power, which agrees with the \
                     settings at 1 % of a day's volume.",
                    grouped(execution.impact),
                    100.0 * off
                ),
            ));
        }
        // With the rows of the file.
        let names = self.config.run().execution.half_spreads.keys().map(String::as_str);
        if let Some((first, count)) = self.unknown_symbols(names) {
            let key = match settings.half_spreads.contains_key(first) {
                true => "execution.half_spreads",
                false => "execution.spread_file",
            };
            warnings.push(Rendered::new(
                Code::UnknownHalfSpreads,
                format!("{key} names {} not in the data, such as `{first}`.", counted(count, "instrument")),
            ));
        }
    }
}

/// Symbols of a table.
fn names_of<V>(rows: &DatedValues<V>) -> impl Iterator<Item = &str> {
    rows.symbols().map(|symbol| &**symbol)
}

/// Returns the sentences about orders that were cancelled on bars with volume. Orders that filled in part and those that
/// did not fill are counted apart, where the counts of the run allow it.
fn cancelled_text(execution: &ExecutionFacts, settings: &ExecutionSettings) -> String {
    let cancelled = execution.cancelled - execution.cancelled_without_volume;
    let orders = counted(execution.orders, "order");
    let cap = settings
        .participation_cap
        .map_or_else(String::new, |cap| format!(" (participation cap {} %)", (1e8 * cap).round() / 1e6));
    let used = "They used the day's turnover cap in full.";
    // Expired orders, and carried ones that end on a bar without volume, may be filled in part too.
    if execution.expired + execution.cancelled_without_volume > 0 || execution.partly_filled > cancelled {
        let part = grouped(execution.partly_filled as f64);
        let cancelled = grouped(cancelled as f64);
        return format!(
            "{cancelled} of {orders} did not fill in full{cap} or had no price; the rest of each was cancelled. {part} of all \
             orders filled only in part. {used}"
        );
    }
    let (part, unfilled) = (execution.partly_filled, cancelled - execution.partly_filled);
    let part = (part > 0).then(|| {
        format!("{} of {orders} filled only in part{cap}; the rest was cancelled.", grouped(part as f64))
    });
    let unfilled = (unfilled > 0).then(|| {
        let be = if unfilled == 1 { "was" } else { "were" };
        let count = grouped(unfilled as f64);
        format!("{count} of {orders} had no price, or room for less than a lot, and {be} cancelled unfilled.")
    });
    let texts = [part, unfilled, Some(used.to_owned())];
    texts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Returns a warning if the weights of a file may be in percent, because they add up to a large multiple of NAV.
/// `of`: phrase for the rows that are added up.
pub(crate) fn gross_warning(of: &str, gross_max: f64) -> Option<Rendered> {
    (gross_max > PERCENT_GROSS).then(|| {
        Rendered::new(
            Code::PercentForShare,
            format!(
                "The weights of {of} add up to {} times NAV. Weights are shares, not percent (0.1 is 10 %): divide them by 100 if \
                 they are in percent.",
                decimals(gross_max, 1)
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_filled_in_part_and_orders_without_a_price_are_counted_apart() {
        let settings = ExecutionSettings { participation_cap: Some(0.05), ..ExecutionSettings::default() };
        let facts = |cancelled, partly_filled| ExecutionFacts {
            orders: 11_734,
            cancelled,
            partly_filled,
            ..ExecutionFacts::default()
        };
        let text = cancelled_text(&facts(33, 33), &settings);
        let part = "33 of 11,734 orders filled only in part (participation cap 5 %); the rest was cancelled.";
        assert!(text.starts_with(part) && !text.contains("no price"), "{text}");
        let text = cancelled_text(&facts(34, 33), &settings);
        assert!(text.starts_with(part) && text.contains(" 1 of 11,734 orders had no price"), "{text}");
        let text = cancelled_text(&facts(2, 0), &settings);
        assert!(text.starts_with("2 of 11,734 orders had no price"), "{text}");
    }
}
