//! Every numeric setting over its declared range: also at its ends, just inside, and outside.

use betaflow_replay::CallErrorKind;
use toml::Value;

use crate::declared::{Declared, Form, declared};
use crate::driver::{Case, Checked, check_settings};
use crate::market::{Feature, Market, Shape, table};
use crate::run::replay;
use crate::settings::{Draw as _, Settings};
use crate::support::{DAY_NS, Random, numbers, texts, times};

/// Largest whole number of a setting without a declared range.
const WHOLE_MAX: f64 = 9e15;
/// Commands other than `replay` read these tables; `replay` checks their ranges alone.
const CHECKED_ALONE: [&str; 2] = ["feed", "tune"];

/// Values of a setting, each with true if it is in the declared range.
fn values(setting: &Declared) -> Vec<(f64, bool)> {
    let whole = setting.form == Some(Form::Whole);
    let [least, most] = setting.range.unwrap_or([0.0, WHOLE_MAX]);
    let mut all = vec![(least, true), (most, true)];
    all.extend(setting.also.map(|also| (also, true)));
    let outside = |value: f64| {
        let accepted = (least..=most).contains(&value) || setting.also == Some(value);
        (value, accepted)
    };
    if whole {
        // Odd numbers of a range of even ones are refused as numbers outside are.
        let step = if setting.unit.ends_with("even") { 2.0 } else { 1.0 };
        all.extend([least + step, most - step].map(|value| (value.clamp(least, most), true)));
        if step > 1.0 {
            all.push((least + 1.0, false));
        }
        all.extend([least - 1.0, -1.0].map(outside));
        if setting.range.is_some() {
            all.extend([most + 1.0, 9.2e18].map(outside));
        }
    } else {
        let middle =
            if least > 0.0 { (least.ln() / 2.0 + most.ln() / 2.0).exp() } else { least / 2.0 + most / 2.0 };
        all.extend([least.next_up(), most.next_down(), middle.clamp(least, most)].map(|value| (value, true)));
        all.extend([least.next_down(), most.next_up(), f64::MAX, f64::MIN].map(outside));
        all.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|value| (value, false)));
    }
    all
}

/// Value of a setting with a number; `None` if the form is unknown here.
fn of_number(setting: &Declared, number: f64) -> Option<Value> {
    let name = |table: &str| match setting.name.as_str() {
        "sizing.exposure_bounds" => "mkt".to_owned(),
        "sizing.group_bounds" => "sector".to_owned(),
        "execution.half_spreads" => "S00".to_owned(),
        _ => panic!("{}: a setting by name whose names this test does not know ({table})", setting.name),
    };
    let one = |value: Value, name: String| Value::Table([(name, value)].into_iter().collect());
    Some(match setting.form? {
        Form::Number => Value::Float(number),
        Form::Whole => Value::Integer(number as i64),
        Form::List => Value::Array(vec![Value::Float(number)]),
        Form::ByName => one(Value::Float(number), name("number")),
        Form::BoundsByName => {
            let bounds = if number < 0.0 { [number, 1e6] } else { [-1e6, number] };
            one(Value::Array(bounds.map(Value::Float).to_vec()), name("bounds"))
        }
        Form::GroupBoundsByName => {
            let bounds = if number < 0.0 { [number, 1e6] } else { [-1e6, number] };
            let net = Value::Array(bounds.map(Value::Float).to_vec());
            one(one(net, "net".to_owned()), name("group bounds"))
        }
    })
}

/// Settings beside which a setting has an effect.
fn beside(setting: &Declared, random: &mut Random) -> Settings {
    let mut settings = Settings::default();
    settings.set("estimator.warmup", Value::Integer(10));
    let (table, key) = setting.parts();
    if let Some(kind) = &setting.strategy {
        settings.set("strategy.kind", kind.as_str());
        match kind.as_str() {
            "forecasts" | "weights" => settings.set("strategy.path", format!("memory:{kind}")),
            "max_sharpe" | "min_variance" if random.share() < 0.5 => {
                settings.set("strategy.from", "returns");
                settings.set("strategy.window", Value::Integer(12));
            }
            _ => {}
        }
    } else {
        let kinds = ["quarter_kelly", "residual_reversal", "equal_weight", "factor_momentum", "stat_arb"];
        settings.set("strategy.kind", kinds[random.below(kinds.len())]);
    }
    let kinds: &[&str] = match (table, key) {
        ("estimator", "transition_variance" | "alpha_transition_variance") => &["fixed"],
        ("estimator", "discount_factor") => &["dlm"],
        (
            "estimator",
            "discount_grid" | "forgetting" | "error_clip" | "dispersion_power" | "reversion_grid",
        ) => &["mixture"],
        _ => &["mixture", "dlm", "fixed"],
    };
    let kind = kinds[random.below(kinds.len())];
    settings.set("estimator.kind", kind);
    if kind == "fixed" {
        settings.set("estimator.transition_variance", 1e-6);
        settings.set("estimator.observation_variance", 1e-4);
    }
    if random.share() < 0.6 {
        let costly: [(&str, Value); 10] = [
            ("sizing.weight_min", (-0.2).into()),
            ("sizing.gross_max", 3.0.into()),
            ("sizing.turnover_cap", 1.0.into()),
            ("execution.impact_coefficient", 1.0.into()),
            ("execution.permanent_impact_coefficient", 0.3.into()),
            ("execution.borrow_bps_per_year", 50.0.into()),
            ("execution.financing_bps_per_year", 100.0.into()),
            ("execution.commission_min", 1.0.into()),
            ("execution.participation_cap", 0.5.into()),
            ("execution.delisting_haircut", 0.5.into()),
        ];
        costly.into_iter().for_each(|(name, value)| settings.set(name, value));
    }
    if key.starts_with("spread_") && table == "execution" {
        let models = ["corwin_schultz", "abdi_ranaldo", "edge", "quotes"];
        settings.set("execution.spread_model", models[random.below(models.len())]);
    }
    match (table, key) {
        ("world", "gap_frames") => {
            settings.set("world.gap_from", "2015-02-02".parse::<toml::value::Datetime>().unwrap())
        }
        ("world", "worst_window_days") => settings.set("world.worst_windows", Value::Integer(2)),
        ("world", "bootstrap_block") => settings.set("world.bootstrap_seed", Value::Integer(3)),
        ("world", "volatile_share") => settings.set("world.volatile_cost_multiplier", 3.0),
        ("tune", "tested") => settings.set("tune.method", "combinatorial"),
        _ => {}
    }
    settings
}

/// Market of the ranges: all three factors, and random features.
fn shape(random: &mut Random) -> Shape {
    let mut shape = Shape::random(random).without(&[Feature::Renames, Feature::Borrow, Feature::Membership]);
    (shape.instruments, shape.factors) = ([1, 3, 5, 9][random.below(4)], 3);
    shape.days = if shape.has(Feature::Intraday) { 24 } else { 36 };
    shape.features.retain(|feature| *feature != Feature::Groups);
    shape.features.push(Feature::Groups);
    shape
}

/// Forecasts or weights of every instrument on every fifth frame.
fn given(market: &Market, name: &'static str) -> betaflow_connectors::parquet::MemoryTable {
    let symbols = market.symbols();
    let every: Vec<i64> = market.times.iter().step_by(5).copied().collect();
    let rows: Vec<(i64, &String, usize)> = every
        .iter()
        .flat_map(|time| symbols.iter().enumerate().map(move |(at, symbol)| (*time, symbol, at)))
        .collect();
    let value = |(time, _, at): &(i64, &String, usize)| {
        Some(
            0.01 * (((time / DAY_NS) as usize * 7 + at * 5) % 11) as f64
                - if name == "weights" { 0.0 } else { 0.05 },
        )
    };
    table(
        name,
        vec![
            times(rows.iter().map(|row| row.0)),
            ("symbol", texts(rows.iter().map(|row| row.1))),
            (name.trim_end_matches('s'), numbers(rows.iter().map(value))),
        ],
    )
}

/// Checks one run with a number of a setting; `inside`: the declared range contains the number.
fn check_number(case: &Case, setting: &Declared, number: f64, inside: bool) -> Checked {
    let market = Market::new(&case.shape);
    let mut settings = case.settings.clone();
    let value = of_number(setting, number).unwrap();
    settings.set(&setting.name, value);
    settings.set("record.betas", "all");
    let mut tables = market.tables();
    tables.extend(["forecasts", "weights"].map(|name| given(&market, name)));
    let at = format!("{}={number:e}", setting.name);
    let factors = (case.shape.factors > 0).then_some("memory:factors");
    let outcome =
        replay("memory:prices", factors, tables, &settings).map_err(|error| format!("{at}: {error}"))?;
    match outcome {
        Ok(_) if !inside => Err(format!("{at}: accepted outside its range {:?}", setting.range)),
        Ok(run) => run.unfinite().map_or(Ok(true), |place| Err(format!("{at}: {place}"))),
        Err(error) => {
            let own = error.setting.as_deref() == Some(setting.name.as_str());
            let expected = error.expected.clone().unwrap_or_default();
            if !inside {
                let names =
                    own && !error.found.clone().unwrap_or_default().is_empty() && expected.contains(" to ")
                        || own && setting.range.is_none() && !expected.is_empty();
                return if names {
                    Ok(true)
                } else {
                    Err(format!("{at}: the error names no range: {}", error.message))
                };
            }
            let of_range = own && error.kind == CallErrorKind::Config && expected.contains(" to ");
            if of_range || !error.message.contains("expected") {
                return Err(format!("{at}: {}", error.message));
            }
            // Refused beside the other settings or on this data, with what was expected.
            Ok(false)
        }
    }
}

/// Settings with a number.
fn numeric() -> Vec<&'static Declared> {
    declared().iter().filter(|setting| setting.form.is_some()).collect()
}

#[test]
fn every_number_of_a_range_is_refused_by_name_or_gives_finite_numbers() {
    let all = numeric();
    assert!(all.len() > 90, "only {} settings with numbers", all.len());
    let cases: Vec<(&Declared, f64, bool)> = all
        .iter()
        .flat_map(|setting| values(setting).into_iter().map(|(number, inside)| (*setting, number, inside)))
        .collect();
    check_settings(
        "every_number_of_a_range_is_refused_by_name_or_gives_finite_numbers",
        &cases,
        |(setting, _, _), random| Case { seed: 0, shape: shape(random), settings: beside(setting, random) },
        |case, (setting, number, inside)| check_number(case, setting, *number, *inside),
    );
}

#[test]
fn pairs_of_settings_at_their_ends_give_finite_numbers_or_an_error() {
    let all: Vec<&Declared> =
        numeric().into_iter().filter(|s| !CHECKED_ALONE.contains(&s.parts().0)).collect();
    let mut random = Random(crate::driver::first_seed() ^ 0x9a1);
    let end =
        |setting: &Declared, random: &mut Random| setting.range.unwrap_or([0.0, WHOLE_MAX])[random.below(2)];
    let mut pairs = Vec::new();
    for _ in 0..crate::driver::case_count(150) {
        let (a, b) = (all[random.below(all.len())], all[random.below(all.len())]);
        if a.name != b.name && (a.strategy.is_none() || b.strategy.is_none() || a.strategy == b.strategy) {
            // The setting of a strategy comes second, because it selects the strategy.
            let (a, b) = if a.strategy.is_some() { (b, a) } else { (a, b) };
            pairs.push((a, end(a, &mut random), b, end(b, &mut random)));
        }
    }
    check_settings(
        "pairs_of_settings_at_their_ends_give_finite_numbers_or_an_error",
        &pairs,
        |(first, number, second, _), random| {
            let mut settings = beside(second, random);
            settings.set(&first.name, of_number(first, *number).unwrap());
            Case { seed: 0, shape: shape(random), settings }
        },
        |case, (_, _, second, number)| {
            match check_number(case, second, *number, true) {
                // A range of one may follow from the other: the pair is refused by name.
                Err(error) if error.contains("found") && error.contains("expected") => Ok(false),
                other => other,
            }
        },
    );
}
