//! `execution.borrow_file` and `sizing.weight_bounds`: fees are computed again from the run folder, and errors name
//! the cell.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::support::{DAY_NS, Panel, Run, call, folder, joined, numbers, run, sets, texts, times, write};

/// Long and short, with little in the way.
const SETTINGS: [&str; 7] = [
    "estimator.warmup=40",
    "record.weights=all",
    "sizing.weight_min=-0.1",
    "sizing.gross_max=2",
    "sizing.net_target=0",
    "sizing.turnover_cap=0.5",
    "execution.borrow_bps_per_year=30",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SETTINGS, more].concat()
}

/// A panel of 160 weekdays and its arguments.
fn panel(folder: &Path) -> (Panel, [String; 4]) {
    let panel = Panel::of_bars(11, 160, &[0], 8);
    let data = panel.write(folder);
    (panel, data)
}

fn replay(folder: &Path, out: &str, data: &[String], more: &[&str]) -> Run {
    run(folder, out, &joined("replay", data, &with(more)))
}

/// Weights by time and symbol.
fn weights(run: &Run, column: &str) -> BTreeMap<i64, BTreeMap<String, f64>> {
    let table = run.table("weights");
    let mut all: BTreeMap<i64, BTreeMap<String, f64>> = BTreeMap::new();
    for ((time, symbol), weight) in table.times().iter().zip(table.texts("symbol")).zip(table.numbers(column))
    {
        all.entry(*time).or_default().insert(symbol, weight);
    }
    all
}

/// Codes of the warnings of a run.
fn codes(run: &Run) -> Vec<String> {
    let codes = run.summary["warning_codes"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

fn near(found: f64, expected: f64, case: &str) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{case}: {found} of {expected}");
}

#[test]
fn fees_by_name_and_date_follow_from_the_run_folder() {
    let folder = folder();
    let (panel, data) = panel(folder.path());
    let change = panel.times[100];
    let file = format!(
        "symbol,from,bps_per_year,available\nS00,,250,\nS04,,80,1\nS04,{},900,\nS05,,,\nNONE,,1,\n",
        day(change)
    );
    fs::write(folder.path().join("borrow.csv"), file).unwrap();
    let made = replay(folder.path(), "out", &data, &["execution.borrow_file=borrow.csv"]);
    let rate = |symbol: &str, time: i64| match symbol {
        "S00" => 250.0,
        "S04" if time >= change => 900.0,
        "S04" => 80.0,
        _ => 30.0,
    };
    let (equity, held) = (made.table("equity"), weights(&made, "held_weight"));
    let (stamps, nav, charged) = (equity.times(), equity.numbers("nav"), equity.numbers("borrow"));
    let mut by_name: BTreeMap<(i64, String), f64> = BTreeMap::new();
    for at in 1..stamps.len() {
        let days = ((stamps[at] - stamps[at - 1]) / DAY_NS) as f64;
        let mut sum = 0.0;
        for (symbol, weight) in held.get(&stamps[at - 1]).into_iter().flatten().filter(|(_, w)| **w < 0.0) {
            let fee = -weight * nav[at - 1] * rate(symbol, stamps[at - 1]) * 1e-4 * days / 365.0;
            by_name.insert((stamps[at], symbol.clone()), fee);
            sum += fee;
        }
        near(charged[at], sum, &format!("fees at {}", stamps[at]));
    }
    let table = made.table("borrow");
    let rows = table.times().into_iter().zip(table.texts("symbol")).zip(table.numbers("fee"));
    let mut found = 0;
    for (key, fee) in rows {
        near(fee, by_name[&key], &key.1);
        found += 1;
    }
    assert_eq!(found, by_name.len());
    assert!(by_name.keys().any(|(time, symbol)| symbol == "S04" && *time > change));
    assert!(codes(&made).contains(&"unknown_symbols".to_owned()), "{:?}", codes(&made));
    // The configuration runs again to the same digest; a run without the file has no table.
    let again = call(folder.path(), &["replay", "--config", "out/run.toml", "--out", "again"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert_eq!(Run::at(folder.path().join("again")).digest(), made.digest());
    let plain = replay(folder.path(), "plain", &data, &[]);
    assert!(!plain.path.join("borrow.parquet").exists());
}

/// Date of a time as text.
fn day(time: i64) -> String {
    let timestamp = jiff::Timestamp::from_nanosecond(i128::from(time)).unwrap();
    timestamp.strftime("%Y-%m-%d").to_string()
}

#[test]
fn fee_of_half_the_value_removes_a_short_and_a_recall_closes_it_on_the_next_bar() {
    let folder = folder();
    let (panel, data) = panel(folder.path());
    let free = replay(folder.path(), "free", &data, &[]);
    let held = weights(&free, "held_weight");
    let mut shorts: BTreeMap<&str, usize> = BTreeMap::new();
    for (symbol, _) in held.values().flatten().filter(|(_, weight)| **weight < 0.0) {
        *shorts.entry(symbol).or_default() += 1;
    }
    let (dear, count) = shorts.iter().max_by_key(|(_, count)| **count).unwrap();
    assert!(*count > 30);
    let fees = vec![("symbol", texts([dear])), ("bps_per_year", numbers([Some(5_000.0)]))];
    write(&folder.path().join("dear.parquet"), fees);
    let charged = replay(folder.path(), "charged", &data, &["execution.borrow_file=dear.parquet"]);
    let still = weights(&charged, "held_weight");
    let short =
        still.values().filter(|weights| weights.get(*dear).is_some_and(|weight| *weight < 0.0)).count();
    assert_eq!(short, 0, "{dear} is short");
    // No shares from the last frame on which the first run is short and traded next.
    let traded: Vec<i64> = panel.bars.iter().filter(|bar| bar.symbol == **dear).map(|bar| bar.time).collect();
    let (at, _) = held
        .iter()
        .rfind(|(time, weights)| {
            let next =
                panel.times.iter().position(|known| known == *time).and_then(|at| panel.times.get(at + 1));
            weights.get(*dear).is_some_and(|weight| *weight < -0.001)
                && traded.contains(time)
                && next.is_some_and(|next| traded.contains(next))
        })
        .unwrap();
    let next = *panel.times.iter().find(|time| *time > at).unwrap();
    let recall = vec![
        ("symbol", texts([dear])),
        ("bps_per_year", numbers([None])),
        ("from", times([*at]).1),
        ("available", numbers([Some(0.0)])),
    ];
    write(&folder.path().join("recall.parquet"), recall);
    let recalled = replay(folder.path(), "recalled", &data, &["execution.borrow_file=recall.parquet"]);
    let fills = recalled.table("fills");
    let rows = fills.times().into_iter().zip(fills.texts("symbol")).zip(fills.texts("reason"));
    let mut at_recall =
        rows.zip(fills.integers("decided_seq")).filter(|(((_, _), reason), _)| reason == "recall");
    assert_eq!(at_recall.next(), Some((((next, (*dear).to_owned()), "recall".to_owned()), -1)));
    assert_eq!(at_recall.next(), None);
    assert_eq!(recalled.summary["execution"]["recalls"], 1);
    let found = codes(&recalled);
    assert!(
        found.contains(&"recalled".to_owned()) && !found.contains(&"unknown_symbols".to_owned()),
        "{found:?}"
    );
    for (time, weights) in weights(&recalled, "held_weight").iter().filter(|(time, _)| **time >= next) {
        assert!(weights.get(*dear).is_none_or(|weight| *weight >= 0.0), "{time}");
    }
}

#[test]
fn scenarios_and_repriced_trades_charge_the_fees_of_the_file() {
    let folder = folder();
    let (_, data) = panel(folder.path());
    fs::write(folder.path().join("borrow.csv"), "symbol,bps_per_year\nS00,400\nS04,900\nS05,900\n").unwrap();
    fs::write(folder.path().join("grid.toml"), "[grid]\n\"world.borrow_multiplier\" = [1.0, 3.0]\n").unwrap();
    let file = "execution.borrow_file=borrow.csv";
    for trades in ["world.sizing_knows=false", "world.sizing_knows=true"] {
        let own = replay(folder.path(), trades, &data, &[file, trades, "world.borrow_multiplier=3"]);
        let mut arguments = joined("stress", &data, &with(&[file, trades]));
        arguments.extend(["--grid", "grid.toml", "--out", "stress", "--force"]);
        let ended = call(folder.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let table = crate::support::Table::read(&folder.path().join("stress/scenarios.parquet"));
        let at = table.numbers("world.borrow_multiplier").iter().position(|value| *value == 3.0).unwrap();
        assert_eq!(table.texts("digest")[at], own.digest());
    }
    // Re-priced trades cost what the run is charged, and more with a multiplier.
    let own = replay(folder.path(), "own", &data, &[file]);
    fs::write(
        folder.path().join("fixed.toml"),
        "trades = \"fixed\"\n[grid]\n\"world.borrow_multiplier\" = [1.0, 3.0]\n",
    )
    .unwrap();
    let mut arguments = joined("stress", &data, &with(&[file]));
    arguments.extend(["--grid", "fixed.toml", "--out", "fixed"]);
    let ended = call(folder.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let table = crate::support::Table::read(&folder.path().join("fixed/scenarios.parquet"));
    let returns = table.numbers("net_annual_return");
    let of = |times: f64| {
        let at = table.numbers("world.borrow_multiplier").iter().position(|value| *value == times);
        returns[at.unwrap()]
    };
    let of_run = own.summary["metrics"]["net"]["annual_return"].as_f64().unwrap();
    assert!((of(1.0) - of_run).abs() < 1e-12, "{} of {of_run}", of(1.0));
    assert!(of(3.0) < of_run - 1e-4, "{} of {of_run}", of(3.0));
}

#[test]
fn weights_stay_inside_the_bounds_of_a_file() {
    let folder = folder();
    let (panel, data) = panel(folder.path());
    let change = panel.times[90];
    let file =
        format!("symbol,from,weight_min,weight_max\nS00,,-0.01,0.02\nS00,{},,0.005\nS04,,0,\n", day(change));
    fs::write(folder.path().join("bounds.csv"), file).unwrap();
    let made = replay(folder.path(), "out", &data, &["sizing.weight_bounds=bounds.csv"]);
    let target = weights(&made, "target_weight");
    let mut reached = 0;
    for (time, weights) in &target {
        let bounds = if *time >= change { (-0.1, 0.005) } else { (-0.01, 0.02) };
        let weight = weights.get("S00").copied().unwrap_or(0.0);
        assert!(weight.is_nan() || (bounds.0 - 1e-9..=bounds.1 + 1e-9).contains(&weight), "{time}: {weight}");
        assert!(weights.get("S04").is_none_or(|weight| weight.is_nan() || *weight >= -1e-9));
        reached += usize::from((weight - bounds.1).abs() < 1e-12 || (weight - bounds.0).abs() < 1e-12);
    }
    assert!(reached > 5, "{reached}");
    let at = day(change);
    let mut arguments = joined("size", &data, &with(&["sizing.weight_bounds=bounds.csv"]));
    arguments.extend(["--at", &at, "--json"]);
    let ended = call(folder.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let shown: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let symbols = shown["symbols"].as_array().unwrap();
    let i = symbols.iter().position(|symbol| symbol == "S00").unwrap();
    assert_eq!(shown["problem"]["upper"][i], 0.005);
}

#[test]
fn size_shows_the_fees_of_the_file() {
    let folder = folder();
    let (panel, data) = panel(folder.path());
    fs::write(folder.path().join("borrow.csv"), "symbol,bps_per_year\nS00,252\n").unwrap();
    let at = day(panel.times[90]);
    let mut arguments = joined("size", &data, &with(&["execution.borrow_file=borrow.csv"]));
    arguments.extend(["--at", &at, "--json"]);
    let ended = call(folder.path(), &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let shown: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let symbols = shown["symbols"].as_array().unwrap();
    for (symbol, fee) in symbols.iter().zip(shown["problem"]["borrow"].as_array().unwrap()) {
        let bps = if symbol == "S00" { 252.0 } else { 30.0 };
        near(fee.as_f64().unwrap() * 252.0, bps * 1e-4, "fee per bar");
    }
    assert!(shown["problem"]["objective"].as_str().unwrap().contains("- borrow'max(-w, 0)"));
    assert!(shown["growth_given_up"]["borrow"].is_number());
}

#[test]
fn invalid_files_are_located() {
    let folder = folder();
    let (_, data) = panel(folder.path());
    let cases = [
        ("borrow", "symbol,bps_per_year\nA,1\nB,-5\n", &["line 3", "bps_per_year", "-5", "0 to 1e6"][..]),
        ("borrow", "symbol,bps_per_year,available\nA,1,-2\n", &["line 2", "available", "-2"]),
        ("borrow", "symbol,fee\nA,1\n", &["bps_per_year"]),
        ("borrow", "symbol,bps_per_year,from\nA,1,soon\n", &["line 2", "from", "soon"]),
        (
            "borrow",
            "symbol,bps_per_year,from\nA,1,2015-01-05\nA,2,2015-01-05\n",
            &["line 3", "from", "2015-01-05"],
        ),
        ("borrow", "symbol,bps_per_year\n,1\n", &["line 2", "symbol"]),
        ("bounds", "symbol,weight_min,weight_max\nA,0.05,0.01\n", &["line 2", "weight_max", "0.05 and 0.01"]),
        (
            "bounds",
            "symbol,weight_min,weight_max\nA,,2000\n",
            &["line 2", "weight_max", "2000", "-1000 to 1000"],
        ),
        ("bounds", "symbol,weight_max\nA,0.01\n", &["weight_min"]),
    ];
    for (kind, text, expected) in cases {
        fs::write(folder.path().join("file.csv"), text).unwrap();
        let setting = match kind {
            "borrow" => "execution.borrow_file=file.csv",
            _ => "sizing.weight_bounds=file.csv",
        };
        let ended = call(folder.path(), &joined("replay", &data, &with(&[setting])));
        assert_eq!(ended.code, Some(1), "{text}: {}", ended.out);
        for part in expected {
            assert!(crate::support::flat(&ended.err).contains(part), "{text}: no {part} in {}", ended.err);
        }
    }
    let absent =
        call(folder.path(), &[&["replay"][..], &sets(&["execution.borrow_file=absent.csv"])].concat());
    assert_eq!(absent.code, Some(1));
    assert!(absent.err.contains("absent.csv"), "{}", absent.err);
}
