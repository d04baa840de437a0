//! `data.renames`: a company with two symbols trades as one instrument.

use std::fs;
use std::path::Path;

use jiff::{Span, civil};

use crate::support::{Bar, DAY_NS, Panel, Run, call, folder, joined, paper, run, write_tidy};

const SETTINGS: [&str; 4] =
    ["estimator.warmup=40", "execution.delay_bars=2", "sizing.weight_min=-0.05", "data.renames=renames.csv"];

/// Frame of the change.
const AT: usize = 120;

fn date(day: i64) -> String {
    civil::date(1970, 1, 1).saturating_add(Span::new().days(day)).to_string()
}

/// Bars in which S05 is called T05 from the frame on.
fn renamed(panel: &Panel) -> Vec<Bar> {
    let mut bars = panel.bars.clone();
    for bar in bars.iter_mut().filter(|bar| bar.symbol == "S05" && bar.time >= panel.times[AT]) {
        bar.symbol = "T05".to_owned();
    }
    bars
}

fn write_change(path: &Path, panel: &Panel, from: &str, to: &str) {
    let day = date(panel.times[AT] / DAY_NS);
    fs::write(path.join("renames.csv"), format!("from_symbol,to_symbol,date\n{from},{to},{day}\n")).unwrap();
}

fn navs(run: &Run) -> Vec<f64> {
    run.table("equity").numbers("nav")
}

#[test]
fn company_with_two_symbols_trades_as_one() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(71, 220, 8);
    let data = panel.write(path);
    let plain = run(path, "plain", &joined("replay", &data, &SETTINGS[..3]));
    write_tidy(&path.join("two.parquet"), &renamed(&panel));
    let data = panel.arguments(path, "two.parquet");
    write_change(path, &panel, "S05", "T05");
    let own = [&SETTINGS[..], &["record.weights=all"]].concat();
    let joined_run = run(path, "joined", &joined("replay", &data, &own));
    assert_eq!(navs(&plain), navs(&joined_run));
    assert_eq!(joined_run.summary["data"]["instruments"], plain.summary["data"]["instruments"]);
    // Summary and terminal confirm the change.
    let day = date(panel.times[AT] / DAY_NS);
    let change = serde_json::json!([{"from": "S05", "to": "T05", "date": day}]);
    assert_eq!(joined_run.summary["data"]["symbol_changes"], change);
    let shown =
        call(path, &[&joined("replay", &data, &own)[..], &["--out", "shown", "--no-report"]].concat());
    assert!(shown.out.contains(&format!("S05 is T05 from {day}")), "{}", shown.out);
    let weights = joined_run.table("weights");
    for (time, symbol) in weights.times().into_iter().zip(weights.texts("symbol")) {
        assert!(symbol != "S05" || time < panel.times[AT], "S05 at {time}");
        assert!(symbol != "T05" || time >= panel.times[AT], "T05 at {time}");
    }
    assert!(weights.texts("symbol").contains(&"T05".to_owned()));
    let again = run(path, "again", &["replay", "--config", "joined/run.toml"]);
    assert_eq!(again.digest(), joined_run.digest());
    // Without the file it is two instruments.
    let two = run(path, "two", &joined("replay", &data, &SETTINGS[..3]));
    assert_ne!(navs(&two), navs(&plain));

    // A rule of the universe names both symbols.
    let exclude = [&SETTINGS[..], &["universe.exclude=['S05']"]].concat();
    let without = run(path, "without", &joined("replay", &data, &exclude));
    assert!(!without.table("fills").texts("symbol").iter().any(|symbol| symbol.ends_with("05")));
}

#[test]
fn rows_of_a_former_symbol_are_not_unknown() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(71, 200, 6);
    panel.write(path);
    write_tidy(&path.join("two.parquet"), &renamed(&panel));
    let data = panel.arguments(path, "two.parquet");
    write_change(path, &panel, "S05", "T05");
    for (file, columns, cells) in [
        ("borrow.csv", "symbol,bps_per_year", "50"),
        ("bounds.csv", "symbol,weight_min,weight_max", "-0.02,0.02"),
        ("spreads.csv", "symbol,half_spread_bps", "4"),
    ] {
        fs::write(path.join(file), format!("{columns}\nS05,{cells}\nT05,{cells}\n")).unwrap();
    }
    let files = [
        ("execution.borrow_file=borrow.csv", "unknown_symbols"),
        ("sizing.weight_bounds=bounds.csv", "unknown_symbols"),
        ("execution.half_spreads={S05=7}", "unknown_half_spreads"),
        ("execution.spread_file=spreads.csv", "unknown_half_spreads"),
    ];
    for (setting, code) in files {
        let codes = |settings: &[&str]| {
            let arguments = joined("replay", &data, settings);
            let run = run(path, "named", &[&arguments[..], &["--force", "--no-report"]].concat());
            run.summary["warning_codes"].as_array().unwrap().contains(&code.into())
        };
        assert!(!codes(&[&SETTINGS[..], &[setting]].concat()), "{setting}");
        // Without the change the old symbol is an instrument of its own, which this universe leaves out.
        let without = [&SETTINGS[..3], &["universe.exclude=['S05']", setting]].concat();
        assert!(codes(&without), "{setting}");
    }
}

#[test]
fn live_run_changes_the_symbol_as_its_replay_does() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(73, 200, 8);
    panel.write(path);
    write_tidy(&path.join("two.parquet"), &renamed(&panel));
    let data = panel.arguments(path, "two.parquet");
    write_change(path, &panel, "S05", "T05");
    let from_files = run(path, "files", &joined("replay", &data, &SETTINGS));
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let own = ["--set", "data.renames=renames.csv"];
    let ended = call(path, &[paper::arguments(&serving.url, "state"), own.to_vec()].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(paper::digest(&ended.out), from_files.digest());
    let again = call(path, &["replay", "--session", "state", "--out", "again", "--no-report"]);
    assert!(again.out.contains("Same result as the recorded session"), "{} {}", again.out, again.err);
}

#[test]
fn errors_of_changes_have_one_finding_and_one_expectation() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(71, 150, 6);
    let data = panel.write(path);
    let once = |text: &str, parts: &[&str]| {
        let text = crate::support::flat(text);
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?}: {text}");
        assert_eq!((text.matches("found").count(), text.matches("expected").count()), (1, 1), "{text}");
    };
    // (rows, parts of the error)
    let cases: [(&str, &[&str]); 4] = [
        ("S01,S01,2015-02-02,", &["line 2", "`to_symbol`", "\"S01\""]),
        ("S01,T01,2015-02-02,0", &["line 2", "`ratio`", "found 0,"]),
        ("S01,T01,2015-02-02,\nS01,U01,2015-03-02,", &["line 3", "`from_symbol`", "\"S01\"", "2015-02-02"]),
        ("S01,T01,2015-02-02,\nS02,T01,2015-03-02,", &["line 3", "`to_symbol`", "\"T01\"", "2015-02-02"]),
    ];
    for (rows, parts) in cases {
        fs::write(path.join("renames.csv"), format!("from_symbol,to_symbol,date,ratio\n{rows}\n")).unwrap();
        let ended = call(path, &joined("replay", &data, &SETTINGS));
        assert_eq!(ended.code, Some(1), "{rows}");
        once(&ended.err, parts);
    }
    // On a feed, prices of the new symbol before the date.
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    write_change(path, &panel, "S03", "S05");
    let own = ["--set", "data.renames=renames.csv"];
    let ended = call(path, &[paper::arguments(&serving.url, "state"), own.to_vec()].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    let error = crate::support::flat(&ended.err);
    once(&error[error.find(": bars ").unwrap()..], &["data.renames", "`S05`", "`S03`"]);
}

#[test]
fn contradictions_of_changes_and_rows_are_located() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(71, 150, 6);
    let data = panel.write(path);
    let fails = |parts: &[&str]| {
        let ended = call(path, &joined("replay", &data, &SETTINGS));
        assert_eq!(ended.code, Some(1), "{parts:?}");
        let text = crate::support::flat(&ended.err);
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?}: {text}");
    };
    // Rows of the old symbol after the change.
    write_change(path, &panel, "S00", "T00");
    fails(&["prices.parquet", "row", "`S00`", &date(panel.times[AT] / DAY_NS)]);
    // Rows of the new symbol before the change.
    write_change(path, &panel, "S03", "S05");
    fails(&["data.renames", "`S05`", "`S03`"]);
    // The same in wide rows of many instruments, sorted by time: the row is named, and alone skipped.
    let wide = Panel::new(72, 150, 20);
    let data = wide.write(path);
    write_change(path, &wide, "S07", "T07");
    let own = [&SETTINGS[..], &["data.on_bad_row=skip"]].concat();
    let ended = call(path, &joined("replay", &data, &SETTINGS));
    assert!(ended.err.contains("`S07`") && !ended.err.contains("second row"), "{}", ended.err);
    let skipped = run(path, "skipped", &joined("replay", &data, &own));
    let after = wide.bars.iter().filter(|bar| bar.symbol == "S07" && bar.time >= wide.times[AT]).count();
    assert_eq!(skipped.summary["data"]["skipped"], after);
    assert_eq!(skipped.summary["data"]["frames"], 150);
    let data = panel.write(path);
    let fails = |parts: &[&str]| {
        let ended = call(path, &joined("replay", &data, &SETTINGS));
        assert_eq!(ended.code, Some(1), "{parts:?}");
        let text = crate::support::flat(&ended.err);
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?}: {text}");
    };
    fs::write(path.join("renames.csv"), "from_symbol,to_symbol,date\nA,B,2015-01-01\nA,C,2015-02-01\n")
        .unwrap();
    fails(&["renames.csv", "line 3", "2015-01-01"]);
    fs::write(path.join("renames.csv"), "from_symbol,to_symbol,date,ratio\nA,B,2015-01-01,-1\n").unwrap();
    fails(&["renames.csv", "line 2", "-1"]);
    // Symbols that the data does not have.
    fs::write(path.join("renames.csv"), "from_symbol,to_symbol,date\nS0X,T05,2015-02-02\n").unwrap();
    let unknown = run(path, "unknown", &joined("replay", &data, &SETTINGS));
    assert_eq!(unknown.summary["data"]["symbol_changes"], serde_json::Value::Null);
    let warnings = unknown.summary["warnings"].to_string();
    assert!(warnings.contains("data.renames names `S0X`") && warnings.contains("`T05`"), "{warnings}");
}
