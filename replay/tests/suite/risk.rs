//! Predicted risk of the default book in the run folder.

use std::path::Path;

use serde_json::Value;

use crate::support::{Run, call, folder, run};

/// Range of the bias statistic, and of that of each tercile of the predicted volatility.
const BIAS: std::ops::RangeInclusive<f64> = 0.9..=1.1;
const TERCILE_BIAS: std::ops::RangeInclusive<f64> = 0.8..=1.25;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn assert_true_risk(name: &str, run: &Run) {
    let risk = &run.summary["risk"];
    let bias = number(&risk["bias"]);
    assert!(BIAS.contains(&bias), "{name}: bias {bias}");
    for tercile in risk["by_tercile"].as_array().unwrap() {
        let bias = number(&tercile["bias"]);
        assert!(TERCILE_BIAS.contains(&bias), "{name}: {tercile}");
    }
}

#[test]
fn risk_of_the_tutorial_is_true_and_follows_from_the_run_folder() {
    let place = folder();
    let run = run(place.path(), "replay", &["replay", "--no-report"]);
    assert_true_risk("tutorial", &run);
    let equity = run.table("equity");
    let (nav, predicted) = (equity.numbers("nav"), equity.numbers("predicted_volatility"));
    let standardised: Vec<f64> = (1..nav.len())
        .filter(|t| predicted[t - 1] > 0.0)
        .map(|t| (nav[t] / nav[t - 1] - 1.0) / predicted[t - 1] * 252.0_f64.sqrt())
        .collect();
    let count = standardised.len() as f64;
    let mean = standardised.iter().sum::<f64>() / count;
    let bias = (standardised.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    assert!((bias - number(&run.summary["risk"]["bias"])).abs() < 1e-10);
    assert_eq!(run.summary["risk"]["frames"], count as u64);

    // The parts of each frame add up to its variance.
    let table = run.table("risk");
    let (frames, parts) = (table.integers("seq"), table.numbers("variance"));
    let (seq, mut checked) = (equity.integers("seq"), 0);
    for (at, volatility) in predicted.iter().enumerate() {
        let of_frame = frames.iter().zip(&parts).filter(|(frame, _)| **frame == seq[at]);
        let (count, variance) = of_frame.fold((0, 0.0), |(count, sum), (_, part)| (count + 1, sum + part));
        if count > 0 {
            assert_eq!(count, 7, "six factors and the residual part");
            assert!((variance * 252.0 - volatility * volatility).abs() <= 1e-12 * variance * 252.0);
            checked += 1;
        }
    }
    assert!(checked > 2_000, "{checked}");
    let shares = run.summary["risk"]["attribution"].as_array().unwrap();
    for period in ["mean", "last"] {
        let sum: f64 = shares.iter().map(|part| number(&part[period]["share"])).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{period}");
    }
    assert_eq!(shares[6]["factor"], "residual");
}

#[test]
fn comparison_of_risk_has_a_row_for_each_model_and_kind() {
    let place = folder();
    let arguments = ["estimate", "--no-report", "--compare", "risk", "--to", "2016-12-30"];
    let run = run(place.path(), "estimate", &arguments);
    let rows = run.summary["compare_risk"]["models"].as_array().unwrap();
    assert_eq!(rows.len(), 4 * 5);
    for row in rows {
        assert!(number(&row["qlike"]) < 0.0 && number(&row["bias"]) > 0.5, "{row}");
    }
}

fn data() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").canonicalize().unwrap()
}

/// Commands of the panels: file, first date, last date.
const PANELS: [(&str, &str, &str); 6] = [
    ("us_stocks_2000_2016.parquet", "2000-01-03", "2016-12-30"),
    ("us_stocks_5yr_adj.parquet", "2012-12-06", "2017-12-05"),
    ("us_stocks_2000_2016.parquet", "2005-01-01", "2009-12-31"),
    ("us_stocks_2000_2016.parquet", "2006-06-01", "2010-06-01"),
    ("ff25_size_bm_daily.parquet", "2016-01-01", "2020-10-30"),
    ("skfolio_sp500_20.parquet", "2017-01-01", "2021-12-31"),
];

#[test]
#[ignore = "reads data outside the repository: ../shared/data"]
fn risk_of_the_default_book_is_true_on_real_panels() {
    let (place, data) = (folder(), data());
    for (at, (file, from, to)) in PANELS.into_iter().enumerate() {
        let (prices, factors) = (data.join(file), data.join("ff5_mom_daily.parquet"));
        let out = format!("run-{at}");
        let mut arguments = vec!["replay", "--no-report", "--out", &out, "--from", from, "--to", to];
        arguments.extend(["--prices", prices.to_str().unwrap(), "--factors", factors.to_str().unwrap()]);
        arguments.extend(["--set", "data.price=close", "--set", "record.weights=none"]);
        if file.starts_with("us_stocks") {
            arguments.extend(["--set", "data.return_price=adj_close"]);
        }
        let ended = call(place.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert_true_risk(&format!("{file} {from}"), &Run::at(place.path().join(&out)));
    }
}
