//! `betaflow luck`: multiple testing of trials from any program.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use serde_json::Value;

use crate::support::{DAY_NS, Random, Table, call, folder, numbers, texts, times, write};

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/tests/reference/");

/// Writes a file with a column per trial and a row per day.
fn write_trials(path: &Path, trials: &[(&str, Vec<Option<f64>>)]) {
    let rows = trials[0].1.len() as i64;
    let mut columns: Vec<(&str, ArrayRef)> = vec![times((0..rows).map(|day| day * DAY_NS))];
    columns.extend(trials.iter().map(|(name, returns)| (*name, numbers(returns.iter().copied()))));
    write(path, columns);
}

/// Result of `luck --json`, which must succeed.
fn luck(folder: &Path, arguments: &[&str]) -> Value {
    let ended = call(folder, &[&["luck", "trials.parquet", "--json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

fn near(found: &Value, expected: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!((found - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{what}: {found} {expected}");
}

/// Returns of noise trials.
fn noise(seed: u64, trials: usize, rows: usize) -> Vec<Vec<Option<f64>>> {
    let mut random = Random(seed);
    (0..trials).map(|_| (0..rows).map(|_| Some(0.01 * random.normal())).collect()).collect()
}

fn named<'a>(names: &'a [String], returns: &[Vec<Option<f64>>]) -> Vec<(&'a str, Vec<Option<f64>>)> {
    names.iter().map(String::as_str).zip(returns.iter().cloned()).collect()
}

/// Reference numbers of `skfolio` 1.12.2 for the deflated Sharpe ratio, and of the paper's algorithm on the raw returns for
/// the probability of overfitting.
#[test]
fn figures_equal_skfolio_and_the_paper() {
    let folder = folder();
    let text = fs::read_to_string(format!("{REFERENCE}trials.csv")).unwrap();
    let rows = text.lines().map(|line| line.split(',').map(|r| Some(r.parse().unwrap())).collect());
    // The last trial of the reference has constant returns.
    let trials: Vec<Vec<Option<f64>>> = rows.collect::<Vec<_>>()[..10].to_vec();
    let names: Vec<String> = (0..10).map(|trial| format!("t{trial}")).collect();
    let of_first = |count: usize| {
        write_trials(&folder.path().join("trials.parquet"), &named(&names[..count], &trials[..count]));
        luck(folder.path(), &["--periods-per-year", "252"])
    };
    let (found, of_eight) = (of_first(10), of_first(8));
    let reference = fs::read_to_string(format!("{REFERENCE}validation.csv")).unwrap();
    let mut compared = [0; 3];
    for line in reference.lines() {
        let parts: Vec<&str> = line.split(',').collect();
        let words = || parts[1].split(' ').collect::<Vec<_>>();
        match parts[0] {
            "deflated_sharpe" if words()[1] == "10" => {
                let trial: usize = words()[0].parse().unwrap();
                near(&found["each"][trial]["deflated_sharpe"], parts[2].parse().unwrap(), line);
                compared[0] += 1;
            }
            "probabilistic_sharpe" if words()[1] == "0.0" && words()[0] != "10" => {
                let trial: usize = words()[0].parse().unwrap();
                near(&found["each"][trial]["probabilistic_sharpe"], parts[2].parse().unwrap(), line);
                compared[1] += 1;
            }
            "overfitting" if words() == ["8", "16", "probability"] => {
                near(&of_eight["overfitting"]["probability"], parts[2].parse().unwrap(), line);
                compared[2] += 1;
            }
            _ => {}
        }
    }
    assert!(compared[0] >= 9 && compared[1] >= 9 && compared[2] == 1, "{compared:?}");
    assert_eq!(of_eight["overfitting"]["splits"], 12_870);
    assert_eq!(found["trials"]["count"], 10);
}

#[test]
fn missing_returns_are_left_out_by_rule_and_counted() {
    let folder = folder();
    let mut returns = noise(5, 3, 400);
    returns[1][..50].fill(None);
    returns[1][100] = None;
    returns[2] = returns[0].iter().map(|r| r.map(|r| 0.5 * r + 0.001)).collect();
    let names = ["a", "b", "c"].map(str::to_owned);
    write_trials(&folder.path().join("trials.parquet"), &named(&names, &returns));
    let found = luck(folder.path(), &["--out", "out"]);
    assert_eq!(found["common"]["count"], 349);
    assert_eq!(found["common"]["left_out"], 51);
    assert_eq!(found["warning_codes"], serde_json::json!(["unequal_trials"]));
    let second = &found["each"][1];
    assert_eq!((second["returns"].as_u64(), second["missing"].as_u64()), (Some(349), Some(1)));
    let own: Vec<f64> = returns[1].iter().flatten().copied().collect();
    let mean = own.iter().sum::<f64>() / own.len() as f64;
    let variance = own.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (own.len() as f64 - 1.0);
    near(&second["sharpe"], mean / variance.sqrt() * 365_f64.sqrt(), "every day of the week has a row");
    assert_eq!(found["periods_per_year"], 365.0);
    // The third trial is the first one scaled and moved.
    near(&found["each"][2]["highest_correlation"], 1.0, "c and a");
    assert_eq!(found["each"][2]["correlated_with"], "a");
    assert_eq!(found["correlation"]["above"], 1);
    assert_eq!(found["overfitting"]["blocks"], 16);
    let out = folder.path().join("out");
    let table = Table::read(&out.join("luck.parquet"));
    assert_eq!(table.texts("trial"), names);
    near(&second["deflated_sharpe"], table.numbers("deflated_sharpe")[1], "table");
    let pairs = Table::read(&out.join("correlations.parquet"));
    assert_eq!(
        (pairs.texts("trial"), pairs.texts("before")),
        (["b", "c", "c"].map(str::to_owned).to_vec(), ["a", "a", "b"].map(str::to_owned).to_vec(),)
    );
    // The report is made from the folder alone.
    let report = fs::read(out.join("report.html")).unwrap();
    fs::remove_file(out.join("report.html")).unwrap();
    assert_eq!(call(folder.path(), &["report", "out"]).code, Some(0));
    assert!(fs::read(out.join("report.html")).unwrap() == report, "rebuilt to the byte");
}

#[test]
fn stated_trials_and_variance_deflate_a_single_column() {
    let folder = folder();
    let names = ["one".to_owned()];
    let mut returns = noise(7, 1, 300);
    returns[0].iter_mut().flatten().for_each(|r| *r += 0.002);
    write_trials(&folder.path().join("trials.parquet"), &named(&names, &returns));
    let alone = luck(folder.path(), &[]);
    assert_eq!(alone["best"]["deflated_sharpe"], alone["best"]["probabilistic_sharpe"]);
    assert_eq!(alone["best"]["min_backtest_years"], 0.0);
    assert!(alone["overfitting"].is_null() && alone["overfitting_reason"].is_string());
    let unknown = luck(folder.path(), &["--trials", "50"]);
    assert!(unknown["best"]["deflated_sharpe"].is_null());
    assert!(unknown["best"]["deflated_sharpe_reason"].as_str().unwrap().contains("--sharpe-variance"));
    let stated = luck(folder.path(), &["--trials", "50", "--sharpe-variance", "0.5"]);
    let [single, deflated] =
        ["probabilistic_sharpe", "deflated_sharpe"].map(|key| stated["best"][key].as_f64().unwrap());
    assert!(deflated < single, "{deflated} {single}");
    assert_eq!(stated["trials"]["count"], 50);
}

#[test]
fn flat_trials_and_percent_are_warned_of_and_rf_is_no_trial() {
    let folder = folder();
    let mut returns = noise(9, 2, 60);
    returns.push(vec![Some(0.0); 60]);
    returns.push(vec![Some(0.0001); 60]);
    returns[1][3] = Some(1.5);
    let names = ["a", "percent", "flat", "rf"].map(str::to_owned);
    write_trials(&folder.path().join("trials.parquet"), &named(&names, &returns));
    let found = luck(folder.path(), &[]);
    assert_eq!(
        found["warning_codes"],
        serde_json::json!(["risk_free_column", "returns_in_percent", "no_sharpe_ratio"])
    );
    assert!(found["each"][2]["sharpe"].is_null());
    assert_eq!(
        (found["trials"]["of_this_run"].as_u64(), found["trials"]["count"].as_u64()),
        (Some(3), Some(2))
    );
    // A trial without a ratio does not have to be among those stated.
    assert_eq!(luck(folder.path(), &["--trials", "2"])["trials"]["count"], 2);
    // 60 rows are enough for 6 blocks of 10.
    assert_eq!(found["overfitting"]["blocks"], 6);
}

#[test]
fn unusable_files_and_options_are_refused_with_their_place() {
    let folder = folder();
    let path = folder.path().join("trials.parquet");
    let refused = |arguments: &[&str], expected: &[&str]| {
        let ended = call(folder.path(), &[&["luck", "trials.parquet"], arguments].concat());
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        for part in expected {
            assert!(ended.err.contains(part), "{part}: {}", ended.err);
        }
    };
    let names = ["a", "b"].map(str::to_owned);
    let mut returns = noise(3, 2, 40);
    returns[1][7] = Some(-1.2);
    write_trials(&path, &named(&names, &returns));
    refused(&[], &["row 7", "column `b`", "found -1.2", "percent"]);
    returns[1][7] = Some(f64::NAN);
    write_trials(&path, &named(&names, &returns));
    refused(&[], &["row 7", "column `b`", "found NaN"]);
    returns[1].fill(None);
    write_trials(&path, &named(&names, &returns));
    refused(&[], &["column `b`", "found no return"]);
    write_trials(&path, &named(&names, &noise(3, 2, 40)));
    refused(&["--trials", "1"], &["--trials", "found 1", "at least 2"]);
    let labels: ArrayRef = Arc::new(StringArray::from(vec!["x"; 2]));
    let columns = vec![times([0, DAY_NS]), ("a", numbers([Some(0.01), Some(0.02)])), ("label", labels)];
    write(&folder.path().join("labelled.parquet"), columns);
    let ended = call(folder.path(), &["luck", "labelled.parquet"]);
    assert!(ended.code == Some(1) && ended.err.contains("`label`"), "{}", ended.err);
    assert!(!ended.err.contains("factor"), "{}", ended.err);
    refused(&["--blocks", "7"], &["--blocks", "found 7"]);
    refused(&["--periods-per-year", "0"], &["--periods-per-year", "found 0"]);
    refused(&["--max-correlation", "2"], &["--max-correlation", "found 2"]);
    // A table of the result would replace the file.
    fs::rename(&path, folder.path().join("luck.parquet")).unwrap();
    let ended = call(folder.path(), &["luck", "luck.parquet", "--out", ".", "--force"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("luck.parquet is the file to read"), "{}", ended.err);
    write(&path, vec![times([0, DAY_NS, 2 * DAY_NS])]);
    refused(&[], &["no column of returns"]);
    let symbols: ArrayRef = Arc::clone(&texts(["A", "B", "C"]));
    write(&path, vec![times([0, DAY_NS, 2 * DAY_NS]), ("symbol", symbols)]);
    refused(&[], &["column `symbol`", "expected a floating-point number"]);
    let two: ArrayRef = numbers([Some(0.1), Some(0.2)]);
    write(&path, vec![times([0, DAY_NS]), ("a", Arc::clone(&two))]);
    refused(&[], &["--periods-per-year"]);
    write(&path, vec![times([DAY_NS, 0]), ("a", two)]);
    refused(&[], &["row 1", "expected a later time"]);
}
