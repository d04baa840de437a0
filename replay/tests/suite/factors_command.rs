//! `betaflow factors`: factors over the last months, and the chance of luck.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{DAY_NS, Panel, Random, Table, call, folder, joined, numbers, run, times, write};

/// Writes a factor file with two factors and `rf`, a row per day from 2014-01-01 on, and returns the factors.
fn write_factors(path: &Path, days: i64) -> [Vec<f64>; 2] {
    let mut random = Random(11);
    let factors =
        [0.001, -0.0005].map(|mean| (0..days).map(|_| mean + 0.01 * random.normal()).collect::<Vec<f64>>());
    let column = |returns: &[f64]| numbers(returns.iter().copied().map(Some));
    let rf = numbers((0..days).map(|_| Some(0.0001)));
    let time = times((0..days).map(|day| (16_071 + day) * DAY_NS));
    write(path, vec![time, ("mkt", column(&factors[0])), ("RF", rf), ("mom", column(&factors[1]))]);
    factors
}

/// Result of `factors --json`, which must succeed.
fn factors(folder: &Path, arguments: &[&str]) -> Value {
    let ended = call(folder, &[&["factors", "--json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

fn near(found: &Value, expected: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!((found - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{what}: {found} {expected}");
}

#[test]
fn figures_of_a_file_equal_a_plain_computation() {
    let folder = folder();
    let path = folder.path();
    let returns = write_factors(&path.join("f.parquet"), 500);
    let found = factors(path, &["f.parquet", "--out", "out", "--set", "sizing.premium_prior_days=100"]);
    assert_eq!(found["dates"], 500);
    let names: Vec<&str> =
        found["factors"].as_array().unwrap().iter().map(|f| f["factor"].as_str().unwrap()).collect();
    assert_eq!(names, ["mkt", "mom"], "rf is not a factor");
    for (at, returns) in returns.iter().enumerate() {
        let factor = &found["factors"][at];
        let all = &factor["windows"][5];
        let count = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let deviation = (returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (count - 1.0)).sqrt();
        near(&all["t"], mean / deviation * count.sqrt(), "t");
        near(&all["annual_volatility"], deviation * 252_f64.sqrt(), "volatility");
        near(&all["total_return"], returns.iter().fold(1.0, |wealth, r| wealth * (1.0 + r)) - 1.0, "return");
        // 2015-05-15 less 12 months is 2014-05-15.
        near(&factor["windows"][3]["dates"], 365.0, "dates of 12 months");
        assert!(factor["windows"][4]["total_return"].is_null(), "36 months are longer than the data");
        assert_eq!(factor["last_month"]["month"], 5);
        assert_eq!(factor["last_month"]["months"], 17);
        near(&factor["premium"], returns.iter().sum::<f64>() / (100.0 + count), "premium");
        let chances = ["chance_as_best", "chance_alone"].map(|key| factor[key].as_f64().unwrap());
        assert!(chances[0] >= chances[1] && chances[0] <= 1.0, "{chances:?}");
    }
    assert_eq!(
        found["warning_codes"],
        serde_json::json!(["dates_per_year"]),
        "a row on each day of the week"
    );
    assert_eq!(found["luck"]["months"], 12);
    assert_eq!(found["luck"]["resamples"], 5_000);

    let out = path.join("out");
    let windows = Table::read(&out.join("factors.parquet"));
    assert_eq!(windows.rows(), 10, "36 months have no row");
    assert_eq!(windows.integers("months")[..5], [1, 3, 6, 12, -1]);
    near(&found["factors"][0]["windows"][0]["t"], windows.numbers("t")[0], "table");
    let premia = Table::read(&out.join("premia.parquet"));
    assert_eq!(premia.rows(), 1_000);
    assert_eq!(premia.texts("factor")[..2], ["mkt", "mom"]);
    near(&found["factors"][1]["premium"], premia.numbers("premium")[999], "last premium");
    near(&found["factors"][1]["premium_sd"], premia.numbers("premium_sd")[999], "its deviation");
    let third: f64 = returns[0][..3].iter().sum();
    assert!((premia.numbers("premium")[4] - third / 103.0).abs() < 1e-15);

    // The report is made from the folder alone.
    let report = fs::read(out.join("report.html")).unwrap();
    fs::remove_file(out.join("report.html")).unwrap();
    assert_eq!(call(path, &["report", "out"]).code, Some(0));
    assert!(fs::read(out.join("report.html")).unwrap() == report, "rebuilt to the byte");
    let again = factors(path, &["f.parquet", "--seed", "2"]);
    assert_eq!(again["factors"][0]["windows"], found["factors"][0]["windows"]);
    assert_ne!(again["factors"][0]["chance_alone"], found["factors"][0]["chance_alone"]);
}

/// The tutorial is the default, and a replay of it has the same figures in its summary and a section in its report.
#[test]
fn replay_has_the_same_figures_as_the_command() {
    let folder = folder();
    let path = folder.path();
    let found = factors(path, &[]);
    assert_eq!(found["factors"].as_array().unwrap().len(), 6, "{}", found["factors"]);
    assert_eq!((found["first"].as_str(), found["last"].as_str()), (Some("2014-01-03"), Some("2022-12-28")));
    let replay = run(path, "run", &["replay"]);
    for key in ["factors", "correlations", "luck", "dates", "first", "last"] {
        assert_eq!(replay.summary["factors"][key], found[key], "{key}");
    }
    let report = fs::read_to_string(path.join("run/report.html")).unwrap();
    assert!(
        report.contains("id=\"factors-over-the-last-months\"")
            && report.contains("id=\"correlations-of-the-factors\"")
    );
    // `estimate` trades on nothing.
    let estimate = run(path, "estimate", &["estimate", "--no-report", "--set", "record.betas=none"]);
    assert!(estimate.summary.get("factors").is_none());
    let none = run(path, "none", &["replay", "--no-report", "--factors", "none"]);
    assert!(none.summary.get("factors").is_none());
}

/// The report of a replay draws the premia of `premia.parquet` in the run folder.
#[test]
fn report_of_a_replay_draws_the_premia_of_its_folder() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(21, 300, 5).write(path);
    let ended =
        call(path, &[&joined("replay", &data, &["estimator.warmup=60"])[..], &["--out", "run"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let alone = call(path, &["factors", "factors.parquet", "--out", "alone"]);
    assert_eq!(alone.code, Some(0), "{}", alone.err);
    fs::copy(path.join("alone/premia.parquet"), path.join("run/premia.parquet")).unwrap();
    assert_eq!(call(path, &["report", "run"]).code, Some(0));
    let report = fs::read_to_string(path.join("run/report.html")).unwrap();
    assert!(report.contains("Factor premia as sizing uses them"));
}

#[test]
fn dates_from_the_hold_out_on_are_not_read() {
    let folder = folder();
    let path = folder.path();
    write_factors(&path.join("f.parquet"), 500);
    let until = factors(path, &["f.parquet", "--to", "2015-02-28"]);
    let sealed = factors(path, &["f.parquet", "--set", "holdout.from=2015-03-01"]);
    assert_eq!(sealed["factors"], until["factors"]);
    assert_eq!(
        (sealed["last"].as_str(), sealed["holdout"].as_str()),
        (Some("2015-02-28"), Some("2015-03-01"))
    );
    let later = factors(path, &["f.parquet", "--from", "2014-06-01"]);
    assert_eq!(later["first"], "2014-06-01");
}

#[test]
fn unusable_files_are_refused_with_their_place() {
    let folder = folder();
    let path = folder.path();
    let refused = |arguments: &[&str], expected: &[&str]| {
        let ended = call(path, &[&["factors"], arguments].concat());
        assert!(ended.code.is_some_and(|code| code > 0), "{arguments:?}");
        for part in expected {
            assert!(ended.err.contains(part), "{part}: {}", ended.err);
        }
    };
    let day = |days: [i64; 3]| times(days.map(|day| day * DAY_NS));
    write(&path.join("null.parquet"), vec![day([0, 1, 2]), ("mkt", numbers([Some(0.1), None, Some(0.0)]))]);
    refused(&["null.parquet"], &["row 1", "column `mkt`", "found null"]);
    write(&path.join("percent.parquet"), vec![day([0, 1, 2]), ("mkt", numbers([0.1, -1.5, 0.2].map(Some)))]);
    refused(&["percent.parquet"], &["row 1", "found -1.5", "percent"]);
    write(&path.join("order.parquet"), vec![day([0, 2, 1]), ("mkt", numbers([0.1; 3].map(Some)))]);
    refused(&["order.parquet"], &["row 2", "expected a later time"]);
    write(&path.join("rf.parquet"), vec![day([0, 1, 2]), ("rf", numbers([0.0001; 3].map(Some)))]);
    refused(&["rf.parquet"], &["no column of returns"]);
    refused(&["--factors", "none"], &["found none"]);
    refused(&["rf.parquet", "--prices", "x.parquet"], &["--prices"]);
    refused(&["absent.parquet", "--out", "out"], &["absent.parquet", "no such file"]);
    assert!(!path.join("out").exists());
    // A table of the result would replace the file.
    write_factors(&path.join("here/factors.parquet"), 40);
    refused(&["here/factors.parquet", "--out", "here", "--force"], &["factors.parquet is the file to read"]);
    // Too few dates for a bootstrap: a reason, not an error.
    write(&path.join("short.parquet"), vec![day([0, 1, 2]), ("mkt", numbers([0.01; 3].map(Some)))]);
    let short = factors(path, &["short.parquet"]);
    assert!(short["luck"].is_null() && short["luck_reason"].is_string());
    assert!(short["factors"][0]["windows"][5]["t"].is_null(), "no volatility");
}
