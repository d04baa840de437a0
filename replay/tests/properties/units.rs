//! Units: currency and quantities may be counted in any unit.

use serde_json::Value as Json;
use toml::Value;

use crate::declared::declared;
use crate::driver::{Case, Checked, check, check_some};
use crate::market::{Feature, Market, table};
use crate::run::{Outcome, Rule, completed, replay, replay_case, replay_market};
use crate::settings::{Draw as _, Settings};

/// Factor of a number with a unit, if currency and units of an instrument are counted in other ones.
fn factor(unit: &str, currency: f64, units: f64) -> f64 {
    match unit {
        "currency" => currency,
        "units" | "units a day" => units,
        "currency per unit" => currency / units,
        _ => 1.0,
    }
}

/// Settings with every amount and quantity in the new units, defaults included.
fn in_units(settings: &Settings, currency: f64, units: f64) -> Settings {
    let mut scaled = settings.clone();
    for setting in declared() {
        let factor = factor(&setting.unit, currency, units);
        let value = settings.get(&setting.name).and_then(Value::as_float).or(setting.default.as_f64());
        if let (Some(value), true) = (value, factor != 1.0) {
            scaled.set(&setting.name, value * factor);
        }
    }
    scaled
}

/// Compares a run with the same run in other units.
fn compare(case: &Case, currency: f64, units: f64, tolerance: f64) -> Checked {
    let Some((market, first)) = replay_case(case)? else { return Ok(false) };
    let settings = in_units(&case.settings, currency, units);
    let second = completed(replay_market(&market.scaled(currency, units), &settings))?;
    let nav = case.settings.get("execution.nav").and_then(Value::as_float).unwrap_or(1e6) * currency;
    let scale = |_: &str, unit: &str| factor(unit, currency, units);
    let rule = Rule { scale: &scale, tolerance, absolute: tolerance, nav, ..Rule::SAME };
    let scales = [1.0, currency, 1.0 / currency, units, 1.0 / units, currency / units, units / currency];
    if tolerance == 0.0
        && let Some(difference) = unscaled(&first.summary, &second.summary, &scales, "summary.json")
    {
        return Err(difference);
    }
    rule.check(&first, &second)
        .map_err(|error| format!("currency times {currency}, units times {units}: {error}"))
}

/// Number of the second summary that is none of the multiples of its counterpart.
fn unscaled(first: &Json, second: &Json, scales: &[f64], place: &str) -> Option<String> {
    // Settings, times and sentences.
    let other =
        ["config", "run_config", "elapsed", "timing", "warnings", "digest", "data", "speed", "seconds"];
    match (first, second) {
        (Json::Object(a), Json::Object(b)) => {
            a.iter().filter(|(key, _)| !other.contains(&key.as_str())).find_map(|(key, value)| {
                unscaled(value, b.get(key).unwrap_or(&Json::Null), scales, &format!("{place}.{key}"))
            })
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(at, (a, b))| unscaled(a, b, scales, &format!("{place}[{at}]"))),
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64()?, b.as_f64()?);
            let follows = scales.iter().any(|scale| a * scale == b);
            (!follows).then(|| format!("{place}: {a} and {b}"))
        }
        (Json::Null | Json::Bool(_) | Json::String(_), _) if first != second => {
            Some(format!("{place}: {first} and {second}"))
        }
        (Json::Array(_) | Json::Object(_) | Json::Number(_), _) => {
            (first != second).then(|| format!("{place}: {first} and {second}"))
        }
        _ => None,
    }
}

#[test]
fn units_that_are_powers_of_two_scale_every_number_to_the_bit() {
    check("units_that_are_powers_of_two_scale_every_number_to_the_bit", 33, |case| {
        let mut random = case.random_numbers();
        let mut power = || 2.0_f64.powi(random.below(13) as i32 - 6);
        let (currency, units) = (power(), power());
        // Estimates from logarithms of prices are rounded at the size of the logarithm.
        let logarithms = ["edge", "abdi_ranaldo", "corwin_schultz"]
            .contains(&case.settings.text("execution.spread_model").unwrap_or(""));
        compare(case, currency, units, if logarithms { 1e-9 } else { 0.0 })
    });
}

#[test]
fn other_units_scale_every_number_within_rounding() {
    check_some("other_units_scale_every_number_within_rounding", 16, 0.2, |case| {
        let mut random = case.random_numbers();
        // Whole lots, and equal or absent forecasts, decide by the last bit of a number.
        let case = case.clone().without(&[Feature::Ties]).set(&[("execution.lot", Value::Float(0.0))]);
        let strategy = case.settings.text("strategy.kind").unwrap_or("quarter_kelly");
        if !["quarter_kelly", "equal_weight", "residual_reversal", "factor_momentum"].contains(&strategy) {
            return Ok(false);
        }
        let (currency, units) = (random.between(0.01, 80.0), random.between(0.2, 5.0));
        compare(&case, currency, units, 1e-6)
    });
}

#[test]
fn returns_of_any_scale_give_the_same_betas() {
    check("returns_of_any_scale_give_the_same_betas", 13, |case| {
        let case = case.clone().without(&[Feature::Splits, Feature::Dividends, Feature::Renames]);
        let mut case = case.set(&[("strategy.kind", "flat".into()), ("data.values", "returns".into())]);
        let (other, scale) = (case.settings.table("strategy"), 0.25);
        other
            .keys()
            .filter(|key| *key != "kind")
            .for_each(|key| case.settings.remove(&format!("strategy.{key}")));
        // Fills and costs need columns beside the returns.
        case.settings.keep(|name| !name.starts_with("execution.") && !name.starts_with("world."));
        let market = of_returns(Market::new(&case.shape));
        let Ok(first) = replay_returns(&market, &case.settings)? else { return Ok(false) };
        let mut smaller = market.clone();
        smaller.rows.iter_mut().for_each(|row| row.prices = row.prices.map(|price| price.map(|r| r * scale)));
        smaller.factors.iter_mut().flatten().for_each(|factor| *factor *= scale);
        let mut settings = case.settings.clone();
        let variances = ["initial_alpha_variance", "observation_variance", "alpha_transition_variance"];
        for name in variances.map(|key| format!("estimator.{key}")) {
            if let Some(value) = settings.get(&name).and_then(Value::as_float) {
                settings.set(&name, value * scale * scale);
            }
        }
        // The filter with fixed variances has one transition variance for alpha and betas, unless both are set.
        if case.settings.text("estimator.kind") == Some("fixed") {
            return Ok(false);
        }
        let second = completed(replay_returns(&smaller, &settings))?;
        let is_beta =
            |column: &str| ["mkt", "mom", "size"].iter().any(|name| column.trim_end_matches("_sd") == *name);
        let of =
            |column: &str, _: &str| if is_beta(column) || column == "forecast_dof" { 1.0 } else { scale };
        let rule = Rule { scale: &of, tolerance: 1e-6, absolute: 1e-9, tables: &["betas"], ..Rule::SAME };
        rule.check(&first, &second)
    });
}

/// Replays a market of returns, in a column of that name.
fn replay_returns(market: &Market, settings: &Settings) -> Outcome {
    let columns = Market::price_columns(&market.rows).into_iter();
    let columns = columns.filter(|(name, _)| ["date", "timestamp", "symbol", "close"].contains(name));
    let named = |(name, array): (&'static str, _)| (if name == "close" { "return" } else { name }, array);
    let mut tables = market.tables();
    tables[0] = table("prices", columns.map(named).collect());
    let mut settings = settings.clone();
    settings.set("record.betas", "all");
    let factors = (market.shape.factors > 0).then_some("memory:factors");
    replay("memory:prices", factors, tables, &settings)
}

/// The market with simple returns in place of closes, and without its other prices.
fn of_returns(mut market: Market) -> Market {
    let mut last = std::collections::BTreeMap::new();
    for row in &mut market.rows {
        let close = row.prices[3];
        let before = close.and_then(|close| last.insert(row.instrument, close));
        let change = close.map(|close| before.map_or(0.0, |before: f64| close / before - 1.0));
        row.prices = [None, None, None, change, None, None];
    }
    market
}
