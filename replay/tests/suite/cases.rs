//! Small inputs that once failed, each with the expected value, error or warning. Needs the shared data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Expected result.
enum Expected {
    /// Error that contains these parts: file, row, column, value found.
    Error(&'static [&'static str]),
    /// Number in `summary.json` by its path, within a tolerance.
    Number(&'static str, f64, f64),
    /// Text in `summary.json` by its path.
    Text(&'static str, &'static str),
    /// Null in `summary.json`.
    Null(&'static str),
    /// Warnings with these codes.
    Warnings(&'static [&'static str]),
    /// No warnings with these codes.
    NoWarnings(&'static [&'static str]),
    /// Digest of another case.
    DigestOf(&'static str),
    /// No fill of this instrument on bars with volume 0.
    NoFillWithoutVolume { prices: &'static str, symbol: &'static str },
}

use Expected::{DigestOf, Error, NoFillWithoutVolume, NoWarnings, Null, Number, Text, Warnings};

use crate::support::{Ended, Run, Table, call, folder};

/// Kind of fault, name of the case, arguments of `replay`, expected results.
type Case = (&'static str, &'static str, &'static str, &'static [Expected]);

const EIGHT: &str = "--factors factors_date.parquet --set estimator.kind=dlm --set estimator.warmup=60";
const LEVERAGE: &str = "--prices A_prices.parquet --factors A_factors.parquet --set estimator.warmup=60 \
                        --set sizing.turnover_cap=10 --set sizing.weight_min=-1 --set sizing.weight_max=1";
const IBM: &str = "--factors none --set factors.mkt=IBM --set estimator.warmup=20";
const ALIGNED: [&str; 2] = ["factors_misaligned", "hedged_r2_negative"];

const CASES: [Case; 36] = [
    (
        "ruin",
        "twice the value at full Kelly",
        "{LEVERAGE} --set sizing.gross_max=2 --set sizing.kelly_fraction=1",
        &[
            Text("outcome/kind", "ruined"),
            Number("metrics/net/total_return", -1.0, 0.0),
            Null("metrics/net/sharpe"),
            Null("metrics/net/calmar"),
            Number("nav/last", -2_793_666.0, 1.0),
        ],
    ),
    (
        "delisting",
        "short of a worthless company",
        "--prices C_prices.parquet --factors C_factors.parquet --set estimator.warmup=60 --set sizing.turnover_cap=10 \
         --set sizing.weight_min=-0.3 --set sizing.weight_max=0.5 --set execution.delist_after=5 \
         --set execution.delisting_haircut=1",
        // Reversing the sign of the loss gives 1,419,175; the tolerance covers later sizing from the larger NAV.
        &[Number("nav/last", 1_419_175.0, 3_000.0), Text("outcome/kind", "completed")],
    ),
    (
        "same close",
        "costs of the first fills",
        "--prices G_prices.parquet --factors G_factors.parquet --set strategy.kind=equal_weight --set estimator.warmup=19 \
         --set sizing.turnover_cap=2 --set sizing.weight_max=1 --set execution.fill_at=same_close",
        &[Number("metrics/net/total_return", -0.103_393, 1e-6), Number("nav/first", 1e6, 0.0)],
    ),
    (
        "risk-free return",
        "annual",
        "--prices B_prices.parquet --factors D_f_annual.parquet",
        &[Error(&["D_f_annual.parquet", "row 0", "`rf`", "0.02", "data.rf_max"])],
    ),
    (
        "risk-free return",
        "in percent",
        "--prices B_prices.parquet --factors D_f_percent.parquet",
        &[Error(&["D_f_percent.parquet", "row 0", "`rf`", "data.rf_max"])],
    ),
    (
        "risk-free return",
        "of a day",
        "--prices B_prices.parquet --factors D_f_daily.parquet",
        &[Number("nav/last", 1_140_468.0, 1.0), NoWarnings(&["rf_large"])],
    ),
    (
        "volume",
        "bars with volume 0",
        "--prices F_prices.parquet --factors F_factors.parquet --set strategy.kind=equal_weight --set sizing.weight_max=0.3 \
         --set sizing.turnover_cap=1",
        &[
            NoFillWithoutVolume { prices: "F_prices.parquet", symbol: "S0" },
            Warnings(&["bars_without_volume", "orders_cancelled_without_volume"]),
        ],
    ),
    (
        "factors of another day",
        "New York midnights",
        "--prices B_prices.parquet --factors B_f_ny.parquet",
        &[Error(&["B_f_ny.parquet", "2015-01-02", "2015-01-01T05:00:00Z", "America/New_York"])],
    ),
    (
        "factors of another day",
        "dates",
        "--prices B_prices.parquet --factors B_f_date.parquet",
        &[Number("estimator/hedged_r2", 0.69, 0.005), NoWarnings(&ALIGNED)],
    ),
    (
        "factors of another day",
        "New York midnights, real names",
        "--prices prices_date.parquet --factors factors_ny.parquet",
        &[Error(&["factors_ny.parquet", "2013-01-03", "America/New_York"])],
    ),
    (
        "factors of another day",
        "London midnights over the clock change",
        "--prices prices_london.parquet {EIGHT}",
        &[Error(&["2013-03-31T23:00:00Z", "Europe/London"])],
    ),
    (
        "degenerate factors",
        "none",
        "--prices H_prices.parquet --factors H_f.parquet",
        &[NoWarnings(&["factor_constant", "factors_collinear", "factor_level"])],
    ),
    (
        "degenerate factors",
        "a constant",
        "--prices H_prices.parquet --factors H_f_const.parquet",
        &[Warnings(&["factor_constant"])],
    ),
    (
        "degenerate factors",
        "two equal ones",
        "--prices H_prices.parquet --factors H_f_dup.parquet",
        &[Warnings(&["factors_collinear"])],
    ),
    (
        "rows lost",
        "sorted by symbol, with a hold-out",
        "--prices prices_by_symbol.parquet {EIGHT} --set holdout.from=2015-01-01",
        &[Number("data/instruments", 8.0, 0.0), Warnings(&["imported"])],
    ),
    (
        "rows lost",
        "sorted by symbol, with an end",
        "--prices prices_by_symbol.parquet {EIGHT} --to 2014-12-31",
        &[Number("data/instruments", 8.0, 0.0), Warnings(&["imported"])],
    ),
    (
        "forms",
        "eight names",
        "--prices prices_date.parquet {EIGHT}",
        &[Number("estimator/hedged_r2", 0.4575, 0.000_1), NoWarnings(&ALIGNED)],
    ),
    ("forms", "sorted by symbol", "--prices prices_by_symbol.parquet {EIGHT}", &[DigestOf("eight names")]),
    (
        "forms",
        "two column levels",
        "--prices yfinance_multiindex.parquet {EIGHT}",
        &[Number("data/instruments", 8.0, 0.0), DigestOf("eight names")],
    ),
    ("codecs", "gzip", "--prices gzip.parquet {EIGHT}", &[DigestOf("eight names")]),
    ("codecs", "brotli", "--prices duckdb_brotli.parquet {EIGHT}", &[DigestOf("eight names")]),
    ("codecs", "lz4", "--prices polars_lz4.parquet {EIGHT}", &[DigestOf("eight names")]),
    (
        "damage",
        "encrypted",
        "--prices encrypted.parquet {EIGHT}",
        &[Error(&["encrypted.parquet", "encrypted"])],
    ),
    (
        "damage",
        "a flipped bit in a page",
        "--prices bitrot_page_crc.parquet {EIGHT}",
        &[Error(&["bitrot_page_crc.parquet", "row group 0", "`close`", "CRC-32"])],
    ),
    ("damage", "good checksums", "--prices crc_good.parquet {IBM}", &[Text("outcome/kind", "completed")]),
    (
        "damage",
        "a wrong checksum",
        "--prices crc_mismatch_read_silently.parquet {IBM}",
        &[Error(&["crc_mismatch_read_silently.parquet", "row group 2", "`volume`", "CRC-32"])],
    ),
    (
        "damage",
        "an absurd number of values",
        "--prices pq2_347_eq1m.parquet --factors none --set execution.spread_model=quotes",
        &[Error(&["pq2_347_eq1m.parquet"])],
    ),
    (
        "symbols",
        "an empty one",
        "--prices empty_symbol.parquet {EIGHT}",
        &[Error(&["empty_symbol.parquet", "row 100", "`symbol`", "\"\""])],
    ),
    (
        "finite",
        "a price of 1e308",
        "--prices price_1e308.parquet --factors none",
        &[Error(&["price_1e308.parquet", "2024-01-06", "`A`", "1e308"])],
    ),
    ("budget", "turnover cap in percent", "--set sizing.turnover_cap=8", &[Warnings(&["percent_for_share"])]),
    ("budget", "a share", "--set sizing.turnover_cap=0.08", &[NoWarnings(&["percent_for_share"])]),
    (
        "budget",
        "four names of a tenth each",
        "--set strategy.kind=min_variance --set universe.trade=[\"AAPL\",\"XOM\",\"PEP\",\"HD\"]",
        &[Warnings(&["budget_out_of_reach"])],
    ),
    (
        "no order",
        "a cap of 0",
        "--set sizing.turnover_cap=0",
        &[Warnings(&["nothing_ordered"]), Number("turnover/mean", 0.0, 0.0)],
    ),
    (
        "risk forecast",
        "without factors",
        "--prices prices_date.parquet --factors none --set sizing.scale_residuals=false",
        &[Warnings(&["risk_forecast"])],
    ),
    (
        "risk forecast",
        "without factors, with the residual risk that the book shows",
        "--prices prices_date.parquet --factors none",
        &[NoWarnings(&["risk_forecast"])],
    ),
    ("risk forecast", "with factors", "", &[NoWarnings(&["risk_forecast"])]),
];

/// Folder of the inputs.
fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases")
}

fn at<'a>(summary: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(summary, |value, key| &value[key])
}

fn codes(run: &Run) -> Vec<&str> {
    run.summary["warning_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect()
}

fn check(
    name: &str,
    expected: &Expected,
    ended: &Ended,
    run: Option<&Run>,
    digests: &BTreeMap<&str, String>,
) {
    let run = || run.unwrap_or_else(|| panic!("{name}: {}", ended.err));
    match expected {
        Error(parts) => {
            assert_eq!(ended.code, Some(1), "{name}: {} {}", ended.out, ended.err);
            for part in *parts {
                assert!(ended.err.contains(part), "{name}: {part} is not in {}", ended.err);
            }
            assert!(!ended.err.contains("panicked"), "{name}: {}", ended.err);
        }
        Number(path, expected, tolerance) => {
            let found = at(&run().summary, path).as_f64().unwrap_or(f64::NAN);
            assert!((found - expected).abs() <= *tolerance, "{name}: {path} is {found}");
        }
        Text(path, expected) => assert_eq!(at(&run().summary, path), expected, "{name}: {path}"),
        Null(path) => assert!(at(&run().summary, path).is_null(), "{name}: {path}"),
        Warnings(expected) => {
            let run = run();
            let found = codes(run);
            assert!(expected.iter().all(|code| found.contains(code)), "{name}: {found:?}");
        }
        NoWarnings(unexpected) => {
            let run = run();
            let found = codes(run);
            assert!(unexpected.iter().all(|code| !found.contains(code)), "{name}: {found:?}");
        }
        DigestOf(other) => assert_eq!(run().digest(), digests[other], "{name}"),
        NoFillWithoutVolume { prices, symbol } => {
            let prices = Table::read(&run().path.parent().unwrap().join(prices));
            let bars = prices.days_of("date").into_iter().zip(prices.texts("symbol"));
            let stale: Vec<i64> = bars
                .zip(prices.numbers("volume"))
                .filter(|((_, name), volume)| name == symbol && *volume == 0.0)
                .map(|((day, _), _)| day * crate::support::DAY_NS)
                .collect();
            assert!(!stale.is_empty(), "{name}: no bar of {symbol} has volume 0");
            let fills = run().table("fills");
            let mut times = fills.times().into_iter().zip(fills.texts("symbol"));
            assert!(!times.any(|(time, name)| name == *symbol && stale.contains(&time)), "{name}");
        }
    }
}

#[test]
#[ignore = "reads data outside the repository: ../shared/cases"]
fn past_failures_give_the_expected_value_error_or_warning() {
    let cases = cases();
    let place = folder();
    for entry in fs::read_dir(cases).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            fs::copy(&path, place.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let mut digests = BTreeMap::new();
    for (kind, name, arguments, expected) in &CASES {
        let arguments =
            arguments.replace("{LEVERAGE}", LEVERAGE).replace("{EIGHT}", EIGHT).replace("{IBM}", IBM);
        let out = name.replace(' ', "_");
        let mut words = vec!["replay", "--no-report", "--out", &out];
        words.extend(arguments.split_whitespace());
        let ended = call(place.path(), &words);
        let run = (ended.code == Some(0)).then(|| Run::at(place.path().join(&out)));
        for expected in *expected {
            check(&format!("{kind}, {name}"), expected, &ended, run.as_ref(), &digests);
        }
        if let Some(run) = run.filter(|run| run.summary["digest"].is_string()) {
            digests.insert(*name, run.digest().to_owned());
        }
    }
}
