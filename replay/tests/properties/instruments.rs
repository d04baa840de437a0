//! Instruments: their order, their names, and instruments without effect.

use std::collections::BTreeMap;

use toml::Value;

use crate::driver::{Case, check, check_some};
use crate::market::{Feature, Market, Row, symbol};
use crate::run::{Rule, Run, completed, replay_case, replay_market, rows};
use crate::settings::Draw as _;
use crate::support::Random;

/// Names in reverse order: `S00` becomes `Z99`. A name after a symbol change stays the later one.
fn reversed(name: &str) -> String {
    let (number, rest) = (&name[1..3], &name[3..]);
    format!("Z{:02}{rest}", 99 - number.parse::<usize>().unwrap())
}

/// Orders rows of one time by chance.
fn shuffle(rows: &mut [Row], random: &mut Random) {
    let mut keyed: Vec<(i64, u64, Row)> =
        rows.iter().map(|row| (row.time, random.next(), row.clone())).collect();
    keyed.sort_by_key(|(time, key, _)| (*time, *key));
    rows.iter_mut().zip(keyed).for_each(|(row, (_, _, of))| *row = of);
}

#[test]
fn order_of_rows_of_one_time_changes_no_bit() {
    check("order_of_rows_of_one_time_changes_no_bit", 11, |case| {
        let Some((mut market, first)) = replay_case(case)? else { return Ok(false) };
        shuffle(&mut market.rows, &mut case.random_numbers());
        Rule::SAME.check(&first, &completed(replay_market(&market, &case.settings))?)
    });
}

#[test]
fn names_that_keep_their_order_change_no_bit() {
    check("names_that_keep_their_order_change_no_bit", 11, |case| {
        let Some((market, first)) = replay_case(case)? else { return Ok(false) };
        let name = |name: &str| format!("B.{name}");
        let second = completed(replay_market(&market.renamed(name), &case.settings))?;
        let name = |text: &str| if text.starts_with('S') { format!("B.{text}") } else { text.to_owned() };
        Rule { name: &name, ..Rule::SAME }.check(&first, &second)
    });
}

/// Case with a filter that uses no sum over instruments; `None` for `mixture`, whose volatility is common to all.
fn alone(case: &Case) -> Option<Case> {
    let kind = case.settings.text("estimator.kind").unwrap_or("mixture");
    let own = kind != "mixture";
    own.then(|| case.clone().set(&[("estimator.observation_variance", Value::Float(1e-4))]))
}

#[test]
fn order_of_instruments_changes_no_bit_of_their_estimates() {
    check_some("order_of_instruments_changes_no_bit_of_their_estimates", 22, 0.2, |case| {
        let Some(case) = alone(case) else { return Ok(false) };
        let Some((market, first)) = replay_case(&case)? else { return Ok(false) };
        let second = completed(replay_market(&market.renamed(reversed), &case.settings))?;
        let name = |text: &str| if text.starts_with('S') { reversed(text) } else { text.to_owned() };
        Rule { name: &name, tables: &["betas"], ..Rule::SAME }.check(&first, &second)
    });
}

#[test]
fn order_of_instruments_changes_results_only_within_rounding() {
    check_some("order_of_instruments_changes_results_only_within_rounding", 16, 0.2, |case| {
        let case = case.clone().without(&[Feature::Ties]).set(&[("execution.lot", Value::Float(0.0))]);
        let strategy = case.settings.text("strategy.kind").unwrap_or("quarter_kelly");
        if !["quarter_kelly", "equal_weight", "residual_reversal", "factor_momentum"].contains(&strategy) {
            return Ok(false);
        }
        let Some((market, first)) = replay_case(&case)? else { return Ok(false) };
        let second = completed(replay_market(&market.renamed(reversed), &case.settings))?;
        let name = |text: &str| if text.starts_with('S') { reversed(text) } else { text.to_owned() };
        let nav = case.settings.get("execution.nav").and_then(Value::as_float).unwrap_or(1e6);
        let tables = &["betas", "equity", "weights"];
        Rule { name: &name, tolerance: 1e-6, absolute: 1e-6, nav, tables, ..Rule::SAME }
            .check(&first, &second)
    });
}

/// Numbers of a table by its text cells, as bits.
fn bits(run: &Run, table: &str) -> BTreeMap<Vec<String>, Vec<Option<u64>>> {
    let (_, rows) = rows(&run.table(table), &str::to_owned, false);
    rows.into_iter()
        .map(|(key, values)| (key, values.iter().map(|v| v.map(f64::to_bits)).collect()))
        .collect()
}

#[test]
fn other_instruments_change_no_bit_of_estimates() {
    check_some("other_instruments_change_no_bit_of_estimates", 22, 0.2, |case| {
        // Missing bars give each instrument its own history. Fewer of them are in other lanes.
        let by_symbol = [Feature::Borrow, Feature::Groups, Feature::Membership, Feature::Renames];
        let Some(case) = alone(&case.clone().without(&by_symbol).with(&[Feature::Missing])) else {
            return Ok(false);
        };
        if case.shape.instruments < 7 {
            return Ok(false);
        }
        let Some((market, first)) = replay_case(&case)? else { return Ok(false) };
        let mut random = case.random_numbers();
        // The first instrument has a bar in every frame.
        let kept: Vec<bool> = (0..case.shape.instruments).map(|at| at == 0 || random.share() < 0.6).collect();
        let mut smaller = market.clone();
        smaller.rows.retain(|row| kept[row.instrument]);
        let second = completed(replay_market(&smaller, &case.settings))?;
        let all = bits(&first, "betas");
        for (key, values) in bits(&second, "betas") {
            if all.get(&key) != Some(&values) {
                return Err(format!(
                    "{key:?}: {values:?} without other instruments, {:?} with them",
                    all.get(&key)
                ));
            }
        }
        Ok(true)
    });
}

#[test]
fn copies_of_an_instrument_have_equal_estimates_in_every_lane() {
    check_some("copies_of_an_instrument_have_equal_estimates_in_every_lane", 22, 0.4, |case| {
        let case = case.clone().without(&[Feature::Groups]).with(&[Feature::Twins]);
        if case.shape.instruments < 7 {
            return Ok(false);
        }
        let Some((_, run)) = replay_case(&case)? else { return Ok(false) };
        let all = bits(&run, "betas");
        for (key, values) in &all {
            let name = key.last().unwrap();
            let number: usize = name[1..3].parse().unwrap();
            if number % 2 == 1 && number > 1 {
                let mut twin = key.clone();
                *twin.last_mut().unwrap() = format!("{}{}", symbol(1), &name[3..]);
                if all.get(&twin) != Some(values) {
                    return Err(format!(
                        "{key:?} differs from {twin:?}: {values:?} and {:?}",
                        all.get(&twin)
                    ));
                }
            }
        }
        Ok(true)
    });
}

#[test]
fn instruments_that_may_not_be_traded_change_no_bit() {
    check("instruments_that_may_not_be_traded_change_no_bit", 16, |case| {
        let Some((market, first)) = replay_case(case)? else { return Ok(false) };
        let mut random = case.random_numbers();
        let without_bars = random.share() < 0.5;
        let mut larger = market.clone();
        // Another instrument in the place of any other one: first, last or between them.
        let (name, like) = (["A", "S00a", "Z"][random.below(3)], random.below(market.shape.instruments));
        let rows = market.rows.iter().filter(|row| row.instrument == like).cloned();
        let added = rows.map(|row| Row {
            symbol: name.to_owned(),
            instrument: 98,
            prices: row.prices.map(|price| price.filter(|_| !without_bars).map(|price| price * 1.7)),
            dividend: row.dividend.filter(|_| !without_bars),
            split: row.split.filter(|_| !without_bars),
            ..row
        });
        larger.rows.extend(added);
        larger.rows.sort_by(|a, b| (a.time, &a.symbol).cmp(&(b.time, &b.symbol)));
        let mut settings = case.settings.clone();
        if !without_bars {
            settings.set("universe.exclude", vec![name]);
        }
        Rule::SAME.check(&first, &completed(replay_market(&larger, &settings))?)
    });
}

#[test]
fn same_seed_gives_the_same_market() {
    let shape = crate::market::Shape::random(&mut Random(5));
    assert_eq!(Market::new(&shape).rows, Market::new(&shape).rows);
}
