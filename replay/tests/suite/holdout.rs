//! Only `score` reads the hold-out, and the hold-out log records every opening.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{Bar, DAY_NS, Panel, Random, Run, call, folder, joined, numbers, run, texts};

const DAYS: usize = 130;
/// First frame of the hold-out, a Friday: 2015-05-08.
const SEALED: usize = 91;
const FROM: &str = "2015-05-08";
const HOLDOUT: &str = "holdout.from=2015-05-08";
const SETTINGS: [&str; 2] = ["estimator.warmup=40", HOLDOUT];

/// Row of prices: day, symbol, close.
type Price = (Option<i64>, String, f64);
/// Row of factors: day, returns.
type Factor = (Option<i64>, [f64; 3]);

/// Data as rows, which may be invalid.
#[derive(Clone)]
struct Data {
    prices: Vec<Price>,
    factors: Vec<Factor>,
    /// Number of price and factor rows before the hold-out.
    open: (usize, usize),
}

impl Data {
    fn new() -> Self {
        let panel = Panel::new(7, DAYS, 6);
        let day = |time: i64| Some(time / DAY_NS);
        assert_eq!(panel.times[SEALED], 16_563 * DAY_NS, "{FROM}");
        let before = panel.bars.partition_point(|bar| bar.time < panel.times[SEALED]);
        let price = |bar: &Bar| (day(bar.time), bar.symbol.clone(), bar.close);
        let factors = panel.times.iter().zip(&panel.factors).map(|(time, row)| (day(*time), *row));
        Self {
            prices: panel.bars.iter().map(price).collect(),
            factors: factors.collect(),
            open: (before, SEALED),
        }
    }

    /// Returns the data without the rows of the hold-out.
    fn cut_off(mut self) -> Self {
        self.prices.truncate(self.open.0);
        self.factors.truncate(self.open.1);
        self
    }

    /// Returns data with other values in the hold-out, and a new instrument that is first in alphabetical order.
    fn changed(mut self) -> Self {
        let mut random = Random(5);
        self.prices[self.open.0..].iter_mut().for_each(|(.., close)| *close *= 0.5 + random.share());
        self.factors[self.open.1..].iter_mut().for_each(|(_, row)| row[0] += 0.05 * random.share());
        let new: Vec<Price> = self.prices[self.open.0..]
            .iter()
            .filter(|(_, symbol, _)| symbol == "S00")
            .map(|(day, ..)| (*day, "A".to_owned(), 50.0 + random.share()))
            .collect();
        self.prices.extend(new);
        let sealed = &mut self.prices[self.open.0..];
        sealed.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        self
    }

    /// Returns data with invalid values from the second day of the hold-out: NaN, negative and zero prices, a
    /// duplicate. Times stay in order, because they are checked.
    fn invalid(mut self) -> Self {
        let (prices, factors) = self.open;
        let first_day = self.prices[prices].0;
        let rest = self.prices.iter().skip(prices).take_while(|row| row.0 == first_day).count() + prices;
        self.prices[rest].2 = f64::NAN;
        self.prices[rest + 1].2 = -3.0;
        self.prices[rest + 2].2 = 0.0;
        let twice = self.prices[rest + 3].clone();
        self.prices.insert(rest + 3, twice);
        self.prices[rest + 6].2 = f64::INFINITY;
        self.factors[factors + 1].1[1] = f64::NAN;
        self.factors[factors + 2].1[0] = -7.0;
        self
    }

    /// Returns data with one fault each in the times of the hold-out: missing, out of order, too early.
    fn with_wrong_times(&self) -> [(&'static str, Self); 5] {
        let (prices, factors) = self.open;
        let changed = |change: &dyn Fn(&mut Self)| {
            let mut data = self.clone();
            change(&mut data);
            data
        };
        [
            ("prices.parquet", changed(&|data| data.prices[prices + 9].0 = None)),
            ("prices.parquet", changed(&|data| data.prices[prices + 8..].reverse())),
            ("prices.parquet", changed(&|data| data.prices.push((Some(16_440), "S00".to_owned(), 1.0)))),
            ("factors.parquet", changed(&|data| data.factors[factors + 3].0 = None)),
            ("factors.parquet", changed(&|data| data.factors[factors + 4..].reverse())),
        ]
    }

    /// Writes the prices with one column per symbol; consecutive rows of one time become one row.
    fn write_wide(&self, path: &Path) {
        let mut rows: Vec<(Option<i64>, BTreeMap<&str, f64>)> = Vec::new();
        for (day, symbol, close) in &self.prices {
            match rows.last_mut() {
                Some((last, row)) if last == day && !row.contains_key(symbol.as_str()) => {
                    row.insert(symbol, *close);
                }
                _ => rows.push((*day, BTreeMap::from([(symbol.as_str(), *close)]))),
            }
        }
        let days = rows.iter().map(|(day, _)| day.map(|day| day as i32));
        let days: ArrayRef = Arc::new(Date32Array::from_iter(days));
        let column = |name: &'static str| (name, numbers(rows.iter().map(|(_, row)| row.get(name).copied())));
        let symbols = ["S00", "S01", "S02", "S03", "S04", "S05"].map(column);
        write(path, [("date", days)].into_iter().chain(symbols).collect(), Some(20));
    }

    /// Writes both files with `rows` rows per row group; with `None`, without statistics.
    fn write(&self, folder: &Path, rows: Option<usize>) -> [String; 4] {
        let days = |days: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(Date32Array::from_iter(days.into_iter().map(|day| day.map(|day| day as i32))))
        };
        let prices = vec![
            ("date", days(self.prices.iter().map(|row| row.0).collect())),
            ("symbol", texts(self.prices.iter().map(|row| &row.1))),
            ("close", numbers(self.prices.iter().map(|row| Some(row.2)))),
        ];
        let column = |at: usize| numbers(self.factors.iter().map(|row| Some(row.1[at])));
        let dates = days(self.factors.iter().map(|row| row.0).collect());
        let factors = vec![("date", dates), ("mkt", column(0)), ("mom", column(1)), ("rf", column(2))];
        write(&folder.join("prices.parquet"), prices, rows);
        write(&folder.join("factors.parquet"), factors, rows);
        let path = |name| folder.join(name).display().to_string();
        ["--prices".into(), path("prices.parquet"), "--factors".into(), path("factors.parquet")]
    }
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, rows: Option<usize>) {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows.unwrap_or(1 << 20)));
    let properties = match rows {
        Some(_) => properties,
        None => properties.set_statistics_enabled(EnabledStatistics::None),
    };
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Content of a run folder without timings.
fn content(run: &Run) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(&run.path).unwrap().map(|entry| entry.unwrap());
    let read = |path: &Path| match path.ends_with("summary.json") {
        true => {
            let mut summary = run.summary.clone();
            summary["timing"] = Value::Null;
            summary.to_string().into_bytes()
        }
        false => fs::read(path).unwrap(),
    };
    files.map(|entry| (entry.file_name().into_string().unwrap(), read(&entry.path()))).collect()
}

/// Lines of the hold-out log beside the prices.
fn holdout_log(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("prices.parquet.holdout.jsonl")).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn no_output_except_that_of_score_depends_on_the_hold_out() {
    let data = Data::new();
    let versions = [
        ("cut off", data.clone().cut_off()),
        ("changed", data.clone().changed()),
        ("invalid", data.clone().invalid()),
    ];
    for rows in [Some(1 << 20), Some(50), None] {
        let folder = folder();
        let of = |command: &str, data: &Data, extra: &[&str]| {
            let arguments = data.write(folder.path(), rows);
            let mut arguments = joined(command, &arguments, &SETTINGS);
            arguments.extend(extra);
            let out = run(folder.path(), "out", &[&arguments[..], &["--force"]].concat());
            content(&out)
        };
        // A symbol that occurs only in the hold-out; outputs must not reveal that it occurs.
        let excluding = ["--set", "universe.exclude=[\"A\"]"];
        for (command, extra) in
            [("replay", &excluding[..]), ("replay", &[]), ("estimate", &["--smooth", "--compare", "rolling"])]
        {
            let known = of(command, &data, extra);
            assert!(known.len() > 4 && known.contains_key("betas.parquet"), "{:?}", known.keys());
            for (name, other) in &versions {
                let other = of(command, other, extra);
                assert_eq!(known.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
                let differs: Vec<_> = known.iter().filter(|(file, bytes)| other[*file] != **bytes).collect();
                let differs: Vec<_> = differs.iter().map(|(file, _)| file).collect();
                assert_eq!(differs, Vec::<&&String>::new(), "{command}, {name}, row groups of {rows:?}");
            }
        }
    }
}

#[test]
fn times_of_the_hold_out_are_checked_without_revealing_values() {
    for rows in [Some(1 << 20), Some(50), None] {
        for (file, data) in Data::new().with_wrong_times() {
            let folder = folder();
            let arguments = data.write(folder.path(), rows);
            let ended = call(
                folder.path(),
                &[&joined("replay", &arguments, &SETTINGS)[..], &["--out", "out"]].concat(),
            );
            assert_eq!(ended.code, Some(1), "{file} {rows:?}: {}", ended.out);
            assert!(ended.err.contains(&format!("{file}: row ")), "{file} {rows:?}: {}", ended.err);
            // The random name of the folder may contain a symbol.
            let err = ended.err.replace(&folder.path().display().to_string(), "");
            assert!(err.contains("column `date`") && !err.contains("S0"), "{err}");
            assert!(!folder.path().join("out").exists(), "{file} {rows:?}: a partial result");
        }
    }
}

#[test]
fn no_output_of_wide_data_depends_on_the_hold_out() {
    let data = Data::new();
    let folder = folder();
    let of = |data: &Data| {
        let arguments = data.write(folder.path(), Some(50));
        data.write_wide(&folder.path().join("prices.parquet"));
        content(&run(
            folder.path(),
            "out",
            &[&joined("replay", &arguments, &SETTINGS)[..], &["--force"]].concat(),
        ))
    };
    let known = of(&data);
    for other in [data.clone().cut_off(), data.clone().changed(), data.clone().invalid()] {
        assert!(of(&other) == known);
    }
}

#[test]
fn hold_out_is_reported_and_size_and_check_cannot_read_it() {
    let folder = folder();
    let arguments = Data::new().invalid().write(folder.path(), Some(50));
    let replay =
        call(folder.path(), &[&joined("replay", &arguments, &SETTINGS)[..], &["--out", "out"]].concat());
    assert!(replay.flat().contains(&format!("Hold-out nothing from {FROM} on was read")), "{}", replay.out);
    let out = Run::at(folder.path().join("out"));
    assert_eq!(out.summary["holdout"]["from"], FROM);
    assert_eq!(out.summary["data"]["last"], "2015-05-07");
    assert_eq!(out.setting("holdout", "from").as_str(), Some(FROM));
    let report = fs::read_to_string(out.path.join("report.html")).unwrap();
    assert!(report.contains(&format!("Hold-out from {FROM}:")));
    // Its run.toml runs again with the same hold-out.
    let again = run(folder.path(), "again", &["replay", "--config", "out/run.toml"]);
    assert_eq!(again.digest(), out.digest());

    let size =
        |at| call(folder.path(), &[&joined("size", &arguments, &SETTINGS)[..], &["--at", at]].concat());
    assert_eq!(size("2015-05-07").code, Some(0));
    let refused = size(FROM);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("where the hold-out begins (holdout.from)"), "{}", refused.err);

    let check =
        call(folder.path(), &["check", "prices.parquet", "--factors", "factors.parquet", "--set", HOLDOUT]);
    assert_eq!(check.code, Some(0), "{}", check.err);
    assert!(check.out.contains("was read or checked") && check.out.contains("Fit: "), "{}", check.out);
    let all = call(folder.path(), &["check", "prices.parquet"]);
    assert!(all.out.contains("broken_bar"), "{} {}", all.out, all.err);
}

#[test]
fn file_within_the_hold_out_may_have_any_content() {
    let folder = folder();
    let data = Data::new();
    let prices = folder.path().join("prices");
    fs::create_dir(&prices).unwrap();
    let mut arguments = data.clone().cut_off().write(&prices, Some(50));
    fs::rename(prices.join("factors.parquet"), folder.path().join("factors.parquet")).unwrap();
    arguments[1] = prices.display().to_string();
    arguments[3] = folder.path().join("factors.parquet").display().to_string();
    let replay = |out| run(folder.path(), out, &joined("replay", &arguments, &SETTINGS));
    let known = content(&replay("known"));
    // No close and no symbol, but a column that would be read.
    let days: ArrayRef = Arc::new(Date32Array::from_iter_values(16_563..16_570));
    let odd = vec![("date", days), ("dividend", texts(["x"; 7])), ("open", numbers([Some(1.0); 7]))];
    write(&prices.join("odd.parquet"), odd, Some(50));
    assert!(content(&replay("other")) == known);
    // The hold-out log of a folder is beside it; a file that score cannot read is an error.
    let ended =
        call(folder.path(), &[&joined("score", &arguments, &SETTINGS)[..], &["--out", "score"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(!folder.path().join("prices.holdout.jsonl").exists(), "the hold-out was opened");
    fs::remove_file(prices.join("odd.parquet")).unwrap();
    data.write(&prices, Some(50));
    fs::rename(prices.join("factors.parquet"), folder.path().join("factors.parquet")).unwrap();
    run(folder.path(), "score", &joined("score", &arguments, &SETTINGS));
    assert!(folder.path().join("prices.holdout.jsonl").exists());
}

#[test]
fn score_measures_the_hold_out_and_logs_every_opening() {
    let folder = folder();
    let data = Data::new();
    let arguments = data.write(folder.path(), Some(50));
    let score = |out: &str| {
        let ended =
            call(folder.path(), &[&joined("score", &arguments, &SETTINGS)[..], &["--out", out]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        (Run::at(folder.path().join(out)), ended.out)
    };
    let (first, text) = score("first");
    assert!(text.starts_with("Hold-out\n") && text.contains("first opening"), "{text}");
    let holdout = &first.summary["holdout"];
    assert_eq!((holdout["from"].as_str(), holdout["openings"].as_u64()), (Some(FROM), Some(1)));
    assert_eq!(holdout["frames"], DAYS - SEALED);
    recomputed(&first);

    // The digest is that of one causal replay over all data.
    let whole = run(folder.path(), "whole", &joined("replay", &arguments, &SETTINGS[..1]));
    assert_eq!(whole.digest(), first.digest());

    let lines = holdout_log(folder.path());
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["opened", "scored"]);
    let bytes = ["prices.parquet", "factors.parquet"].map(|name| fs::read(folder.path().join(name)).unwrap());
    let digest: String = Sha256::digest(bytes.concat()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(lines[1]["data_digest"], digest);
    assert_eq!(lines[1]["digest"], first.digest());
    assert_eq!(lines[1]["net_sharpe"], holdout["metrics"]["net"]["sharpe"]);
    assert_eq!((&lines[0]["from"], &lines[0]["net_sharpe"]), (&Value::from(FROM), &Value::Null));
    assert!(lines[0]["time"].as_str().unwrap().ends_with('Z'));

    let (second, text) = score("second");
    assert!(text.contains("OPENED ONCE BEFORE"), "{text}");
    let earlier = &second.summary["holdout"]["earlier_openings"];
    assert_eq!(second.summary["holdout"]["openings"], 2);
    assert_eq!(earlier[0]["net_sharpe"], holdout["metrics"]["net"]["sharpe"]);
    let report = fs::read_to_string(second.path.join("report.html")).unwrap();
    assert!(report.contains("Opened 1 time before,</b> 1 of them with exactly this data"));
    let lines = holdout_log(folder.path());
    assert_eq!((lines.len(), lines[3]["opening"].as_u64()), (4, Some(2)));
    assert_eq!(lines[3]["configuration_digest"], lines[1]["configuration_digest"]);

    // Changed data gives another score, but the earlier openings still count.
    data.changed().write(folder.path(), Some(50));
    let (other, text) = score("other");
    assert!(
        text.contains("OPENED 2 TIMES BEFORE")
            && text.contains("Same data and start       0 earlier openings"),
        "{text}"
    );
    assert_ne!(other.digest(), first.digest());
    assert_ne!(other.summary["holdout"]["metrics"], holdout["metrics"]);
    assert_eq!(other.summary["holdout"]["before"], holdout["before"]);
    assert_ne!(holdout_log(folder.path())[5]["data_digest"], lines[1]["data_digest"]);
}

/// An opening counts by the period that it has read, whatever the bytes of the data and the exact date.
#[test]
fn opening_counts_if_its_period_overlaps_the_hold_out() {
    let folder = folder();
    let data = Data::new();
    let arguments = data.write(folder.path(), Some(50));
    let score = |arguments: &[String], from: &str, to: &str| {
        let (from, to) = (format!("holdout.from={from}"), format!("data.to={to}"));
        let settings = [SETTINGS[0], &from, &to];
        let arguments = [&joined("score", arguments, &settings)[..], &["--force", "--no-report"]].concat();
        run(folder.path(), "out", &arguments).summary["holdout"].take()
    };
    // Days of the panel: 2015-05-08 is frame 91 of 130, 2015-05-29 frame 106, 2015-07-01 the last.
    let first = score(&arguments, FROM, "2015-05-29");
    assert_eq!((first["openings"].as_u64(), first["to"].as_str()), (Some(1), Some("2015-05-29")));
    let lines = holdout_log(folder.path());
    assert_eq!(lines[0]["to"], "2015-05-29T23:59:59.999999999Z");
    assert_eq!((&lines[1]["to"], &lines[1]["frames"]), (&Value::from("2015-05-29"), &Value::from(16)));

    // Name, period, its frames, frames seen before, earlier openings that have seen some.
    let cases = [
        ("moved by a day", "2015-05-11", "2015-05-29", 15, 15, 1),
        ("inside", "2015-05-18", "2015-05-20", 3, 3, 2),
        ("around", "2015-05-05", "2015-06-02", 21, 16, 3),
        ("after all openings", "2015-06-03", "2015-07-01", 21, 0, 0),
        ("across the end of one and the start of another", "2015-06-01", "2015-06-04", 4, 4, 2),
    ];
    for (name, from, to, frames, seen, openings) in cases {
        let found = score(&arguments, from, to);
        let expected = [frames, seen, 1 + openings].map(Value::from);
        assert_eq!(
            [&found["frames"], &found["seen_frames"], &found["openings"]],
            expected.each_ref(),
            "{name}"
        );
        let earlier = found["earlier_openings"].as_array().unwrap();
        assert_eq!(earlier.len(), openings, "{name}");
        assert!(earlier.iter().all(|opening| opening["same_data_and_start"] == false), "{name}");
    }
    let opening = &score(&arguments, "2015-05-28", "2015-06-01")["earlier_openings"][0];
    assert_eq!([&opening["seen_from"], &opening["seen_to"]], ["2015-05-28", "2015-05-29"]);
    assert_eq!((&opening["seen_frames"], &opening["from"]), (&Value::from(2), &Value::from(FROM)));

    // Appended rows change the digest, but the old part of the hold-out has been seen.
    let mut longer = data;
    for later in 1..=10 {
        longer
            .prices
            .extend((0..6).map(|at| (Some(16_617 + later), format!("S{at:02}"), 50.0 + later as f64)));
        longer.factors.push((Some(16_617 + later), [0.0; 3]));
    }
    let arguments = longer.write(folder.path(), Some(50));
    let found = score(&arguments, FROM, "2016-01-01");
    assert_eq!((&found["frames"], &found["openings"]), (&Value::from(DAYS - SEALED + 10), &Value::from(8)));
    assert_eq!(found["seen_frames"], DAYS - SEALED, "all except the new rows");
    assert_eq!(found["other_openings"], 0);

    // A line of an older version has no end: that opening has read all data.
    let path = folder.path().join("prices.parquet.holdout.jsonl");
    let mut line = lines[0].clone();
    line.as_object_mut().unwrap().retain(|key, _| key != "to" && key != "frames");
    fs::write(&path, line.to_string() + "\n").unwrap();
    let found = score(&arguments, "2015-07-10", "2016-01-01");
    assert_eq!((&found["seen_frames"], &found["openings"]), (&found["frames"], &Value::from(2)));
}

/// Checks the figures of the hold-out against the equity table.
fn recomputed(run: &Run) {
    let equity = run.table("equity");
    let from = 16_563 * DAY_NS;
    let first = equity.times().partition_point(|time| *time < from);
    assert!(first > 20, "the run traded before the hold-out");
    let costs: Vec<Vec<f64>> = ["commission", "spread", "impact", "borrow", "financing"]
        .iter()
        .map(|name| equity.numbers(name))
        .collect();
    let (nav, benchmark) = (equity.numbers("nav"), equity.numbers("benchmark_nav"));
    let frames = first..nav.len();
    let net: Vec<f64> = frames.clone().map(|t| nav[t] / nav[t - 1] - 1.0).collect();
    let gross = frames.clone().map(|t| {
        let costs: f64 = costs.iter().map(|item| item[t]).sum();
        (nav[t] - nav[t - 1] + costs) / nav[t - 1]
    });
    let gross: Vec<f64> = gross.collect();
    let benchmark: Vec<f64> = frames.map(|t| benchmark[t] / benchmark[t - 1] - 1.0).collect();
    for (name, returns) in [("net", net), ("gross", gross), ("benchmark", benchmark)] {
        let found = &run.summary["holdout"]["metrics"][name];
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let deviation = (returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        let (mut value, mut peak, mut drawdown) = (1.0_f64, 1.0_f64, 0.0_f64);
        for r in &returns {
            value *= 1.0 + r;
            peak = peak.max(value);
            drawdown = drawdown.min(value / peak - 1.0);
        }
        let expected = [
            ("sharpe", mean / deviation * 252_f64.sqrt()),
            ("annual_volatility", deviation * 252_f64.sqrt()),
            ("total_return", value - 1.0),
            ("max_drawdown", drawdown),
        ];
        for (figure, expected) in expected {
            let found = found[figure].as_f64().unwrap();
            assert!(
                (found - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "{name} {figure}: {found} {expected}"
            );
        }
    }
}

#[test]
fn score_refuses_damaged_data_before_it_opens_the_hold_out() {
    let folder = folder();
    let arguments = Data::new().invalid().write(folder.path(), Some(50));
    let ended =
        call(folder.path(), &[&joined("score", &arguments, &SETTINGS)[..], &["--out", "out"]].concat());
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.err.contains("prices.parquet: row ") || ended.err.contains("factors.parquet: row "),
        "{}",
        ended.err
    );
    assert!(!folder.path().join("out").exists());
    assert!(!folder.path().join("prices.parquet.holdout.jsonl").exists(), "the hold-out was opened");
}

#[test]
fn opening_that_ended_in_an_error_is_reported_and_does_not_count() {
    let folder = folder();
    let arguments = Data::new().write(folder.path(), Some(50));
    let typed = |settings: &[&str], out: &str| -> Vec<String> {
        let all = [&joined("score", &arguments, settings)[..], &["--no-report", "--out", out]].concat();
        all.into_iter().map(str::to_owned).collect()
    };
    let score = |settings: &[&str], out: &str| {
        let typed = typed(settings, out);
        call(folder.path(), &typed.iter().map(String::as_str).collect::<Vec<_>>())
    };
    // The warm-up is longer than the data, which is known only at the end of the data.
    let failed = score(&["estimator.warmup=500", HOLDOUT], "failed");
    assert_eq!(failed.code, Some(1), "{}", failed.out);
    assert!(!folder.path().join("failed").exists());
    let lines = holdout_log(folder.path());
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["opened", "failed"]);
    assert!(lines[1]["error"].as_str().unwrap().contains("warmup"), "{}", lines[1]);
    let scored = score(&SETTINGS, "scored");
    assert_eq!(scored.code, Some(0), "{}", scored.err);
    let holdout = &Run::at(folder.path().join("scored")).summary["holdout"];
    let counts = ["openings", "seen_frames", "other_openings"].map(|key| holdout[key].as_u64());
    assert_eq!(counts, [Some(1), Some(0), Some(0)]);
    assert_eq!(holdout["failed_openings"].as_array().unwrap().len(), 1);
    // A killed run has no second line and counts, because it may have shown results.
    let path = folder.path().join("prices.parquet.holdout.jsonl");
    fs::write(&path, lines[0].to_string() + "\n").unwrap();
    let scored = score(&SETTINGS, "again");
    assert_eq!(scored.code, Some(0), "{}", scored.err);
    assert_eq!(Run::at(folder.path().join("again")).summary["holdout"]["openings"], 2);
}

#[test]
fn score_reports_trials_that_have_seen_the_hold_out() {
    let folder = folder();
    let arguments = Data::new().write(folder.path(), Some(50));
    fs::write(folder.path().join("grid.toml"), "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.1]\n").unwrap();
    let stress = |settings: &[&str], out| {
        let more = ["--grid", "grid.toml", "--no-report", "--out", out];
        let ended = call(folder.path(), &[&joined("stress", &arguments, settings)[..], &more].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    };
    let score = |out| {
        let more = ["--no-report", "--out", out];
        let ended = call(folder.path(), &[&joined("score", &arguments, &SETTINGS)[..], &more].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let summary = Run::at(folder.path().join(out)).summary;
        let texts =
            summary["warnings"].as_array().unwrap().iter().zip(summary["warning_codes"].as_array().unwrap());
        let text =
            texts.into_iter().find(|(_, code)| *code == "holdout_seen_by_trials").map(|(text, _)| text);
        // Standard error has the warning before anything is scored.
        assert_eq!(ended.err.contains("warning: "), text.is_some(), "{}", ended.err);
        assert!(text.is_none_or(|text| ended.err.contains(text.as_str().unwrap())), "{}", ended.err);
        (summary["holdout"]["trials"].clone(), text.is_some())
    };
    // Trials that end before the hold-out have not seen it.
    stress(&SETTINGS, "sealed");
    assert_eq!(score("clean"), (Value::Null, false));
    stress(&SETTINGS[..1], "open");
    let (trials, warned) = score("seen");
    assert_eq!((trials["runs"].as_u64(), trials["choices"].as_u64(), warned), (Some(1), Some(2), true));
    assert_eq!((trials["seen_from"].as_str(), trials["seen_to"].as_str()), (Some(FROM), Some("2015-07-01")));
    assert!(trials["first_run"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn score_needs_a_hold_out_and_a_writable_log() {
    let folder = folder();
    let arguments = Data::new().write(folder.path(), Some(50));
    let score = |settings: &[&str]| {
        let ended =
            call(folder.path(), &[&joined("score", &arguments, settings)[..], &["--out", "scored"]].concat());
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("scored")), "{left:?}");
        ended.err
    };
    let none = score(&SETTINGS[..1]);
    assert!(none.contains("holdout.from=2020-01-01"), "{none}");
    let late = score(&[SETTINGS[0], HOLDOUT, "data.to=2015-03-01"]);
    assert!(late.contains("data.to"), "{late}");
    // A folder blocks the path of the log; root ignores permissions.
    fs::create_dir(folder.path().join("prices.parquet.holdout.jsonl")).unwrap();
    let refused = score(&SETTINGS);
    assert!(
        refused.contains("prices.parquet.holdout.jsonl: the opening of the hold-out cannot be recorded"),
        "{refused}"
    );
}

#[test]
fn tutorial_profile_halves_costs_and_explains_figures() {
    let folder = folder();
    let settings =
        ["--set", "holdout.from=2020-01-01", "--set", "execution.commission_per_share=0.01", "--no-report"];
    let ended =
        call(folder.path(), &[&["score", "--profile", "tutorial", "--out", "out"], &settings[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("Meaning of the figures"), "{}", ended.out);
    assert!(ended.flat().contains("its hold-out log is in the current folder"), "{}", ended.out);
    assert!(folder.path().join("tutorial.holdout.jsonl").exists());
    let out = Run::at(folder.path().join("out"));
    assert_eq!(out.number("execution", "half_spread_bps"), 2.0);
    assert_eq!(out.number("execution", "commission_per_share"), 0.005);
    assert_eq!(out.summary["holdout"]["profile"], "tutorial");
    // A look-ahead is reported before the figures.
    let ahead = ["score", "--set", "execution.fill_at=same_close", "--out", "ahead"];
    let ahead = call(folder.path(), &[&ahead[..], &settings[..]].concat());
    assert!(ahead.out.starts_with("LOOK-AHEAD"), "{}", ahead.out);
    // Its run.toml gives the same digest.
    let again = run(folder.path(), "again", &["score", "--config", "out/run.toml", "--no-report"]);
    assert_eq!(again.digest(), out.digest());
    assert_eq!(again.summary["holdout"]["openings"], 3);
}
