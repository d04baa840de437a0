//! Costs: none, twice as large, and each fill by the rates of the settings.

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use toml::Value;

use crate::driver::{Case, check, check_some};
use crate::market::{Feature, Market};
use crate::run::{Rule, Run, completed, replay_case, replay_market};

/// Costs of the account in `equity.parquet`.
const ITEMS: [&str; 5] = ["commission", "spread", "impact", "borrow", "financing"];

/// Share of the usual rates at which costs leave all trades as they are, within the tolerance.
const SHARE: f64 = 1e-9;

fn column(run: &Run, table: &str, name: &str) -> Vec<f64> {
    let table = run.table(table);
    table[name].as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

/// The case with constant spreads and every cost at a share of a usual rate.
fn with_rates(case: &Case, share: f64) -> Case {
    let rates = [
        ("commission_bps", 1.0),
        ("commission_per_share", 0.001),
        ("half_spread_bps", 4.0),
        ("impact_coefficient", 0.5),
        ("borrow_bps_per_year", 80.0),
        ("financing_bps_per_year", 150.0),
    ];
    let case = case.clone().without(&[Feature::Borrow, Feature::Pennies]);
    let rates = rates.map(|(key, rate)| (format!("execution.{key}"), Value::Float(rate * share)));
    let rates: Vec<(&str, Value)> = rates.iter().map(|(name, rate)| (name.as_str(), rate.clone())).collect();
    case.set(&rates).set(&[
        ("execution.commission_min", Value::Float(0.0)),
        ("execution.permanent_impact_coefficient", Value::Float(0.0)),
        ("execution.spread_model", "constant".into()),
    ])
}

#[test]
fn without_costs_equity_equals_gross_equity() {
    check("without_costs_equity_equals_gross_equity", 13, |case| {
        let case = with_rates(case, 0.0);
        let Some((_, run)) = replay_case(&case)? else { return Ok(false) };
        if let Some(item) = ITEMS.iter().find(|item| run.sum("equity", item) != 0.0) {
            return Err(format!("{item} is {}", run.sum("equity", item)));
        }
        let (nav, gross) = (column(&run, "equity", "nav"), column(&run, "equity", "nav_gross"));
        match nav.iter().zip(&gross).position(|(nav, gross)| nav != gross) {
            Some(at) => Err(format!("row {at}: nav {}, nav_gross {}", nav[at], gross[at])),
            None => Ok(true),
        }
    });
}

#[test]
fn doubled_costs_double_every_item_of_the_same_trades() {
    check("doubled_costs_double_every_item_of_the_same_trades", 22, |case| {
        let case = with_rates(&case.clone().without(&[Feature::Ties]), SHARE)
            .set(&[("execution.lot", Value::Float(0.0)), ("world.sizing_knows", Value::Boolean(false))]);
        let Some((market, first)) = replay_case(&case)? else { return Ok(false) };
        let nav = case.settings.get("execution.nav").and_then(Value::as_float).unwrap_or(1e6);
        let set = case.settings.get("world.cost_multiplier").and_then(Value::as_float).unwrap_or(1.0);
        let case = case.set(&[("world.cost_multiplier", Value::Float(2.0 * set))]);
        let second = completed(replay_market(&market, &case.settings))?;
        let traded =
            |run: &Run| column(run, "fills", "notional").iter().map(|value| value.abs()).sum::<f64>();
        let (one, two) = (traded(&first), traded(&second));
        if (two - one).abs() > 1e-6 * one {
            return Err(format!("the trades differ: {one} and {two}"));
        }
        for item in ITEMS {
            let (one, two) = (first.sum("equity", item), second.sum("equity", item));
            // Shorts of a rounding error of NAV cost nothing that can be compared.
            if (two - 2.0 * one).abs() > 1e-5 * two.abs() + SHARE * 1e-12 * nav {
                return Err(format!("{item}: {one} and {two}"));
            }
        }
        Ok(first.sum("equity", "commission") > 0.0)
    });
}

#[test]
fn every_fill_is_charged_the_rates_of_the_settings() {
    check_some("every_fill_is_charged_the_rates_of_the_settings", 13, 0.3, |case| {
        let case = with_rates(case, 1.0);
        let Some((_, run)) = replay_case(&case)? else { return Ok(false) };
        let number = |name: &str| case.settings.get(name).and_then(Value::as_float);
        let [all, commissions, spreads] = ["cost", "commission", "spread"]
            .map(|item| number(&format!("world.{item}_multiplier")).unwrap_or(1.0));
        let follows = ["world.volatile_cost_multiplier", "world.spread_follows_volatility"];
        if follows.iter().any(|name| number(name).is_some()) {
            return Ok(false);
        }
        let [quantity, notional, commission, spread, price] =
            ["quantity", "notional", "commission", "spread", "price"].map(|name| column(&run, "fills", name));
        for at in 0..quantity.len() {
            let value = notional[at].abs();
            let expected = [
                (commission[at], all * commissions * (1e-4 * value + 0.001 * quantity[at].abs())),
                (spread[at], all * spreads * 4e-4 * value),
                (notional[at], quantity[at] * price[at]),
            ];
            let charged = commission[at] != 0.0 || spread[at] != 0.0;
            if let Some((found, expected)) = expected
                .iter()
                .find(|(found, expected)| charged && (found - expected).abs() > 1e-9 * expected.abs())
            {
                return Err(format!("fill {at}: {found}, expected {expected}"));
            }
        }
        // What the fills cost is what the account pays.
        for item in ["commission", "spread", "impact"] {
            let (account, fills) = (run.sum("equity", item), run.sum("fills", item));
            if (account - fills).abs() > 1e-9 * account.abs() {
                return Err(format!("{item}: the account pays {account}, its fills cost {fills}"));
            }
        }
        Ok(!quantity.is_empty())
    });
}

#[test]
fn market_in_two_runs_has_one_digest() {
    check("market_in_two_runs_has_one_digest", 6, |case| {
        let Some((_, first)) = replay_case(case)? else { return Ok(false) };
        let second = completed(replay_market(&Market::new(&case.shape), &case.settings))?;
        Rule::SAME.check(&first, &second)
    });
}
