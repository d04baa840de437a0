//! `signal` measures forecasts as a plain computation does, replays them as `replay` does, and reads nothing later.

use std::fs;
use std::path::Path;

use crate::support::{
    DAY_NS, Panel, Random, Run, Table, call, folder, joined, numbers, run, texts, times, write,
};

const SETTINGS: [&str; 3] = ["estimator.warmup=20", "strategy.unit=zscore", "sizing.weight_min=-0.1"];

/// A forecast: time, symbol, value.
type Forecast = (i64, String, f64);

/// Forecasts with some power over the next bar, for most bars and for a symbol without prices.
fn forecasts(panel: &Panel) -> Vec<Forecast> {
    let mut random = Random(9);
    let frames = panel.by_time();
    let mut rows = Vec::new();
    for (at, time) in panel.times.iter().enumerate() {
        let next = panel.times.get(at + 1).map(|time| &frames[time]);
        for (symbol, bar) in &frames[time] {
            let ahead =
                next.and_then(|next| next.get(symbol)).map_or(0.0, |next| next.close / bar.close - 1.0);
            let value = 0.3 * ahead / 0.012 + random.normal();
            if random.share() < 0.9 {
                rows.push((*time, (*symbol).to_owned(), value));
            }
        }
        rows.push((*time, "ZZZ".to_owned(), 1.0));
    }
    rows
}

fn write_forecasts(path: &Path, rows: &[Forecast]) {
    write(
        path,
        vec![
            times(rows.iter().map(|row| row.0)),
            ("symbol", texts(rows.iter().map(|row| &row.1))),
            ("forecast", numbers(rows.iter().map(|row| Some(row.2)))),
        ],
    );
}

/// Writes panel and forecasts; returns the arguments of the data.
fn data(folder: &Path, panel: &Panel) -> [String; 4] {
    write_forecasts(&folder.join("forecasts.parquet"), &forecasts(panel));
    panel.write(folder)
}

fn signal(folder: &Path, out: &str, data: &[String], more: &[&str]) -> Run {
    let arguments =
        [&joined("signal", data, &SETTINGS), &["forecasts.parquet", "--no-report"][..], more].concat();
    run(folder, out, &arguments)
}

/// Ranks of distinct values.
fn ranks(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| values.iter().filter(|other| *other < value).count() as f64).collect()
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (a, b) = (mean(x), mean(y));
    let sum =
        |x: &[f64], a: f64, y: &[f64], b: f64| x.iter().zip(y).map(|(x, y)| (x - a) * (y - b)).sum::<f64>();
    sum(x, a, y, b) / (sum(x, a, x, a) * sum(y, b, y, b)).sqrt()
}

/// Rows of one horizon: position in the table.
fn rows_of(table: &Table, horizon: i64) -> Vec<usize> {
    let horizons = table.integers("horizon");
    (0..table.rows()).filter(|row| horizons[*row] == horizon).collect()
}

#[test]
fn coefficients_equal_a_plain_computation() {
    let folder = folder();
    let panel = Panel::new(5, 120, 12);
    let data = data(folder.path(), &panel);
    let run = signal(folder.path(), "signal", &data, &["--horizons", "1,5"]);
    let table = run.table("signal");
    let (frames, forecasts) = (panel.by_time(), forecasts(&panel));
    for horizon in [1_usize, 5] {
        let places = rows_of(&table, horizon as i64);
        assert_eq!(places.len(), panel.times.len(), "one cross-section on each bar");
        for (at, place) in places.iter().enumerate() {
            let time = panel.times[at];
            let own: Vec<&Forecast> = forecasts
                .iter()
                .filter(|row| row.0 == time && frames[&time].contains_key(row.1.as_str()))
                .collect();
            assert_eq!(table.times()[*place], time);
            assert_eq!(table.integers("signals")[*place], own.len() as i64);
            assert_eq!(table.integers("instruments")[*place], frames[&time].len() as i64);
            let Some(end) = panel.times.get(at + horizon) else {
                assert!(table.numbers("rank_ic")[*place].is_nan() && table.integers("names")[*place] == 0);
                continue;
            };
            let pair = |row: &&Forecast| {
                let symbol = row.1.as_str();
                Some((row.2, frames[end].get(symbol)?.close / frames[&time][symbol].close - 1.0))
            };
            let (signals, returns): (Vec<f64>, Vec<f64>) = own.iter().filter_map(pair).unzip();
            assert_eq!(table.integers("names")[*place], signals.len() as i64);
            let expected = correlation(&ranks(&signals), &ranks(&returns));
            assert!((table.numbers("rank_ic")[*place] - expected).abs() < 1e-12);
            assert!((table.numbers("ic")[*place] - correlation(&signals, &returns)).abs() < 1e-12);
        }
    }
    let found = &run.summary["signal"];
    assert_eq!((found["horizon"].as_u64(), found["cross_sections"].as_u64()), (Some(1), Some(120)));
    let means = table.numbers("rank_ic");
    let places = rows_of(&table, 1);
    let known: Vec<f64> = places.iter().map(|place| means[*place]).filter(|value| !value.is_nan()).collect();
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    let summary = &found["horizons"][0]["rank_ic"];
    assert!((summary["mean"].as_f64().unwrap() - mean).abs() < 1e-12 && mean > 0.1);
    assert_eq!(found["exposures"].as_array().unwrap().len(), 2, "mkt and mom");
    assert!(found["horizons"][0]["residual_rank_ic"]["mean"].as_f64().unwrap() > 0.1);
}

#[test]
fn replay_inside_equals_the_command_replay() {
    let folder = folder();
    let data = data(folder.path(), &Panel::new(6, 120, 10));
    let own = signal(folder.path(), "signal", &data, &[]);
    let arguments =
        [&joined("replay", &data, &SETTINGS)[..], &["--forecasts", "forecasts.parquet", "--no-report"]]
            .concat();
    let replay = run(folder.path(), "replay", &arguments);
    assert_eq!(own.digest(), replay.digest());
    assert_eq!(own.summary["metrics"]["net"], replay.summary["metrics"]["net"]);
    assert_eq!(own.bytes("equity"), replay.bytes("equity"));
    // The law: IC times the root of names times independent cross-sections.
    let law = &own.summary["signal"]["horizons"][0]["law"];
    let number = |key: &str| law[key].as_f64().unwrap();
    let promised = number("ic") * (number("names") * number("independent_per_year")).sqrt();
    assert!((number("information_ratio") - promised).abs() < 1e-12);
    // Without the replay the analysis is the same.
    let alone = signal(folder.path(), "alone", &data, &["--no-replay"]);
    assert_eq!(alone.bytes("signal"), own.bytes("signal"));
    assert_eq!(alone.summary["signal"], own.summary["signal"]);
    assert!(!alone.path.join("equity.parquet").exists() && alone.summary.get("metrics").is_none());
}

#[test]
fn no_row_depends_on_data_after_its_horizon() {
    let folder = folder();
    let panel = Panel::new(7, 90, 8);
    let data = data(folder.path(), &panel);
    let whole = signal(folder.path(), "whole", &data, &["--no-replay", "--horizons", "1,3"]);
    let cut = panel.first(60);
    let part = cut.write(&folder.path().join("cut"));
    let part = signal(folder.path(), "part", &part, &["--no-replay", "--horizons", "1,3"]);
    let until = panel.times[60 - 1 - 3];
    assert_eq!(whole.table("signal").lines_until(until), part.table("signal").lines_until(until));
    // The hold-out ends the data in the same way.
    let from = panel.times[60] / DAY_NS;
    let date = |days: i64| {
        // Days to a civil date (Hinnant).
        let z = days + 719_468;
        let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
        let year = yoe + era * 400 + i64::from(month <= 2);
        format!("{year:04}-{month:02}-{day:02}")
    };
    let holdout = format!("holdout.from={}", date(from));
    let kept = signal(folder.path(), "kept", &data, &["--no-replay", "--horizons", "1,3", "--set", &holdout]);
    assert_eq!(kept.table("signal").rows(), part.table("signal").rows());
    assert_eq!(kept.bytes("signal"), part.bytes("signal"));
}

#[test]
fn report_is_rebuilt_to_the_byte() {
    let folder = folder();
    let data = data(folder.path(), &Panel::new(8, 80, 8));
    let arguments = [&joined("signal", &data, &SETTINGS)[..], &["forecasts.parquet"]].concat();
    let own = run(folder.path(), "signal", &arguments);
    let html = fs::read(own.path.join("report.html")).unwrap();
    fs::remove_file(own.path.join("report.html")).unwrap();
    assert_eq!(call(folder.path(), &["report", "signal"]).code, Some(0));
    assert_eq!(fs::read(own.path.join("report.html")).unwrap(), html);
    let text = String::from_utf8(html).unwrap();
    for id in [
        "cumulative-rank-ic",
        "decay-of-the-information-coefficient",
        "returns-by-quantile",
        "turnover-and-spread-by-horizon",
    ] {
        assert!(text.contains(&format!("<section id=\"{id}\">")), "{id}");
    }
    // run.toml names the file of forecasts.
    let again = ["signal", "--config", "signal/run.toml", "--no-report"];
    assert_eq!(run(folder.path(), "again", &again).bytes("signal"), own.bytes("signal"));
}

#[test]
fn invalid_arguments_are_errors() {
    let folder = folder();
    let panel = Panel::new(9, 60, 6);
    let data = data(folder.path(), &panel);
    let late: Vec<Forecast> = vec![(panel.times[59] + 10 * DAY_NS, "S00".to_owned(), 1.0)];
    write_forecasts(&folder.path().join("late.parquet"), &late);
    let ended = call(folder.path(), &joined("signal", &data, &[]));
    assert!(ended.code == Some(1) && ended.err.contains("FORECASTS"), "{}", ended.err);
    let cases: [(&[&str], &[&str]); 3] = [
        (&["absent.parquet"], &["absent.parquet"]),
        (&["forecasts.parquet", "--horizons", "5,1"], &["--horizons", "[5, 1]", "ascending"]),
        (&["late.parquet"], &["late.parquet", "no cross-section", "2015-01-01"]),
    ];
    for (more, parts) in cases {
        let ended =
            call(folder.path(), &[&joined("signal", &data, &SETTINGS)[..], more, &["--out", "out"]].concat());
        assert_eq!(ended.code, Some(1), "{more:?}: {}", ended.out);
        for part in parts {
            assert!(ended.err.contains(part), "{more:?}: {part}: {}", ended.err);
        }
        assert!(!folder.path().join("out").exists());
    }
}
