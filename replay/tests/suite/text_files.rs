//! Commands on CSV files and files of Ken French's form: equal digests, notes, `betaflow import`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use jiff::civil::date;

use crate::support::{Bar, DAY_NS, Panel, call, folder, joined, run};

const SETTINGS: &[&str] = &["estimator.warmup=60", "sizing.weight_min=-0.05"];

fn day(time: i64, form: &str) -> String {
    (date(1970, 1, 1) + jiff::Span::new().days(time / DAY_NS)).strftime(form).to_string()
}

fn tidy(bars: &[Bar]) -> String {
    let mut text = "date,symbol,open,high,low,close,volume\n".to_owned();
    for bar in bars {
        let date = day(bar.time, "%Y-%m-%d");
        let (high, low) = (bar.high(), bar.low());
        let Bar { symbol, open, close, volume, .. } = bar;
        writeln!(text, "{date},{symbol},{open},{high},{low},{close},{volume}").unwrap();
    }
    text
}

/// Writes two files of factors in Ken French's form, and the same numbers as one CSV file.
fn write_factors(folder: &Path, panel: &Panel) {
    let (mut market, mut momentum) =
        ("Prose, by hand.\n\n,Mkt-RF,RF\n".to_owned(), "Prose.\n\n,Mom\n".to_owned());
    let mut table = "date,mkt_rf,mom,rf\n".to_owned();
    for (time, [mkt, mom, rf]) in panel.times.iter().zip(&panel.factors) {
        let date = day(*time, "%Y%m%d");
        let [mkt, mom, rf] = [mkt, mom, rf].map(|number| (number * 1e4).round() / 100.0);
        writeln!(market, "{date}, {mkt:7.2}, {rf:7.2}").unwrap();
        writeln!(momentum, "{date}, {mom:7.2}").unwrap();
        writeln!(table, "{},{mkt}e-2,{mom}e-2,{rf}e-2", day(*time, "%Y-%m-%d")).unwrap();
    }
    for (name, text) in [("market.csv", market), ("momentum.csv", momentum)] {
        fs::write(folder.join(name), text + "\nCopyright\n").unwrap();
    }
    fs::write(folder.join("table.csv"), table).unwrap();
}

#[test]
fn csv_files_give_the_digest_of_the_parquet_files() {
    let folder = folder();
    let folder = folder.path();
    let panel = Panel::new(3, 200, 6);
    let data = panel.write(folder);
    let expected = run(folder, "parquet", &joined("replay", &data, SETTINGS));
    let mut by_symbol = panel.bars.clone();
    by_symbol.sort_by(|a, b| a.symbol.cmp(&b.symbol));
    fs::write(folder.join("tidy.csv"), tidy(&panel.bars)).unwrap();
    fs::write(folder.join("by_symbol.csv"), tidy(&by_symbol)).unwrap();
    crate::support::write_tidy(&folder.join("by_symbol.parquet"), &by_symbol);
    for (name, out) in [("tidy.csv", "a"), ("by_symbol.csv", "b"), ("by_symbol.parquet", "c")] {
        let from = run(folder, out, &joined("replay", &panel.arguments(folder, name), SETTINGS));
        assert_eq!(from.digest(), expected.digest(), "{name}");
        let codes = from.summary["warning_codes"].as_array().unwrap();
        assert_eq!(codes.iter().filter(|code| *code == "imported").count(), 1, "{name}");
        // The settings that a run writes give the run again.
        let config = from.path.join("run.toml").display().to_string();
        let again = run(folder, &format!("{out}-again"), &["replay", "--config", &config]);
        assert_eq!(again.digest(), expected.digest());
    }
    let imported = call(folder, &["import", "by_symbol.csv", "--out", "imported.parquet", "--json"]);
    assert_eq!(imported.code, Some(0), "{}", imported.err);
    let summary: serde_json::Value = serde_json::from_str(&imported.out).unwrap();
    assert_eq!((&summary["symbols"], &summary["rows"]), (&6.into(), &panel.bars.len().into()));
    assert_eq!(summary["files"][0]["format"], "CSV");
    let from =
        run(folder, "imported", &joined("replay", &panel.arguments(folder, "imported.parquet"), SETTINGS));
    assert_eq!(from.digest(), expected.digest());
    let codes = from.summary["warning_codes"].as_array().unwrap();
    assert!(!codes.contains(&"imported".into()));
    let checked = call(folder, &["check", "tidy.csv"]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
}

#[test]
fn factor_files_are_joined_and_named_in_the_configuration() {
    let folder = folder();
    let folder = folder.path();
    let panel = Panel::new(4, 200, 6);
    crate::support::write_tidy(&folder.join("prices.parquet"), &panel.bars);
    write_factors(folder, &panel);
    let settings = crate::support::sets(SETTINGS);
    let digest = |out: &str, arguments: &[&str]| {
        let all = [&["replay", "--prices", "prices.parquet"], arguments, &settings].concat();
        run(folder, out, &all)
    };
    let expected = digest("table", &["--factors", "table.csv"]);
    let both = digest("both", &["--factors", "market.csv", "--factors", "momentum.csv"]);
    assert_eq!(both.digest(), expected.digest());
    assert_eq!(both.setting("data", "factors").as_array().unwrap().len(), 2);
    let config = both.path.join("run.toml").display().to_string();
    assert_eq!(run(folder, "again", &["replay", "--config", &config]).digest(), expected.digest());
    let listed = digest("listed", &["--set", "data.factors=[\"market.csv\",\"momentum.csv\"]"]);
    assert_eq!(listed.digest(), expected.digest());
    for bad in ["data.factors=[]", "data.factors=[\"none\", \"market.csv\"]", "data.factors=3"] {
        let ended = call(folder, &["replay", "--prices", "prices.parquet", "--set", bad]);
        assert!(ended.code != Some(0) && ended.err.contains("data.factors"), "{bad}: {}", ended.err);
    }
}

#[test]
fn rows_that_a_run_refuses_are_counted_by_import() {
    let folder = folder();
    let folder = folder.path();
    // Rows in any order, rows that repeat an earlier one, and rows without a symbol.
    let cases = [
        ("date,symbol,close\n2020-01-02,A,2\n2020-01-01,A,1\n2020-01-01,B,1\n", 0, 0),
        ("date,symbol,close\n2020-01-02,A,2\n2020-01-01,A,1\n2020-01-02,B,1\n2020-01-02,A,2\n", 1, 0),
        ("date,symbol,close\n2020-01-01,A,1\n2020-01-01,,1\n2020-01-01,,2\n2020-01-02, ,2\n", 0, 3),
        ("date,A,B\n2020-01-01,1,2\n2020-01-01,1,3\n", 1, 0),
    ];
    for (text, repeated, without_symbol) in cases {
        fs::write(folder.join("prices.csv"), text).unwrap();
        let ended = call(folder, &["import", "prices.csv", "--json"]);
        assert_eq!(ended.code, Some(0), "{text}: {}", ended.err);
        let found: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
        let expected = (&repeated.into(), &without_symbol.into());
        assert_eq!((&found["repeated"], &found["without_symbol"]), expected, "{text}");
        let page = call(folder, &["import", "prices.csv"]).out;
        let shown = ["Repeated", "Without symbol"].map(|label| page.contains(label));
        assert_eq!(shown, [repeated > 0, without_symbol > 0], "{page}");
    }
}

#[test]
fn refused_file_leaves_no_output() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("cut.csv"), "date,symbol,close\n2020-01-01,A,1\n2020-01-02,A").unwrap();
    let ended = call(folder, &["import", "cut.csv", "--out", "cut.parquet"]);
    assert_eq!(ended.code, Some(1));
    let error = crate::support::flat(&ended.err);
    assert!(error.contains("cut.csv: line 3") && error.contains("truncated"), "{error}");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}
