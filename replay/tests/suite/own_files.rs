//! Forecasts, weights and risk models of the user: when they act, what they mean, and what is reported.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::support::{
    Bar, DAY_NS, Panel, Random, Run, call, folder, joined, numbers, run, texts, times, write,
};

const WARMUP: &str = "estimator.warmup=40";

/// Rows of a tidy file: time, symbol, value.
type Rows = Vec<(i64, String, f64)>;

/// Writes a tidy file of one column of values; returns its path.
fn write_rows(path: PathBuf, column: &str, rows: &Rows) -> String {
    write(
        &path,
        vec![
            times(rows.iter().map(|row| row.0)),
            ("symbol", texts(rows.iter().map(|row| &row.1))),
            (column, numbers(rows.iter().map(|row| Some(row.2)))),
        ],
    );
    path.display().to_string()
}

/// Writes the three files of a user at these times: forecasts, weights and betas.
fn write_all(folder: &Path, stamps: &[i64], seed: u64, symbols: usize) -> [String; 3] {
    let mut random = Random(seed);
    let mut rows = [Rows::new(), Rows::new(), Rows::new()];
    for time in stamps {
        for i in 0..symbols {
            let symbol = format!("S{i:02}");
            rows[0].push((*time, symbol.clone(), 0.02 * random.normal()));
            rows[1].push((*time, symbol.clone(), 0.3 * random.share()));
            rows[2].push((*time, symbol, 0.5 + random.share()));
        }
    }
    let forecasts = write_rows(folder.join("forecasts.parquet"), "forecast", &rows[0]);
    let weights = write_rows(folder.join("weights.parquet"), "weight", &rows[1]);
    let betas = folder.join("betas.parquet");
    let column = |of: fn(f64) -> f64| numbers(rows[2].iter().map(|row| Some(of(row.2))));
    write(
        &betas,
        vec![
            times(rows[2].iter().map(|row| row.0)),
            ("symbol", texts(rows[2].iter().map(|row| &row.1))),
            ("mkt", column(|beta| beta)),
            ("mom", column(|beta| 1.0 - beta)),
            ("residual_sd", column(|beta| 0.01 * beta)),
        ],
    );
    [forecasts, weights, betas.display().to_string()]
}

/// Arguments that select one of the user's files, and settings that let it trade.
fn own(kind: &str, [forecasts, weights, betas]: &[String; 3]) -> Vec<String> {
    match kind {
        "forecasts" => vec!["--forecasts".into(), forecasts.clone()],
        "weights" => vec!["--weights".into(), weights.clone()],
        _ => vec![
            "--set".into(),
            "estimator.kind=given".into(),
            "--set".into(),
            format!("estimator.betas={betas}"),
        ],
    }
}

fn replay(folder: &Path, out: &str, data: &[String], own: &[String], settings: &[&str]) -> Run {
    let mut arguments = joined("replay", data, settings);
    arguments.extend(own.iter().map(String::as_str));
    run(folder, out, &arguments)
}

/// Lines of the tables up to a time.
fn past(run: &Run, time: i64) -> Vec<String> {
    ["equity", "fills", "weights"].iter().flat_map(|table| run.table(table).lines_until(time)).collect()
}

#[test]
fn rows_after_a_cut_change_nothing_before_it() {
    let config =
        ProptestConfig { cases: 4, failure_persistence: None, max_shrink_iters: 4, ..Default::default() };
    for kind in ["forecasts", "weights", "given"] {
        for minutes in [false, true] {
            proptest!(config.clone(), |(seed in any::<u64>(), cut in 60_usize..110, dates in any::<bool>())| {
                let folder = folder();
                let hours: &[i64] = if minutes { &[14, 15, 16] } else { &[0] };
                let days = if minutes { 45 } else { 130 };
                let panel = Panel::of_bars(seed, days, hours, 6);
                let frames = if minutes { "data.frames_per_day=3" } else { "data.frames_per_day=1" };
                let warmup = if minutes { "estimator.warmup=12" } else { WARMUP };
                let hour = DAY_NS / 24;
                // Dates, or times between the frames.
                let mut stamps: Vec<i64> = panel.times.iter().step_by(2)
                    .map(|time| if dates { time - time % DAY_NS } else { time - hour / 3 })
                    .collect();
                stamps.dedup();
                let settings = [frames, warmup, "record.weights=all", "strategy.valid_for=3"];
                let settings = if kind == "given" { &settings[..3] } else { &settings[..] };
                let last = panel.times[cut];
                let of = |name: &str, panel: &Panel, stamps: &[i64]| {
                    let folder = folder.path().join(name);
                    std::fs::create_dir_all(&folder).unwrap();
                    let data = panel.write(&folder);
                    replay(&folder, "out", &data, &own(kind, &write_all(&folder, stamps, seed, 6)), settings)
                };
                let whole = of("whole", &panel, &stamps);
                let kept: Vec<i64> = stamps.iter().copied().filter(|time| *time <= last).collect();
                let short = of("short", &panel.first(cut + 1), &kept);
                prop_assert_eq!(past(&whole, last), past(&short, last));
                prop_assert!(short.table("equity").rows() > 5);
            });
        }
    }
}

/// Times of the fills, each after the stamp of the latest rows that may have caused it.
#[test]
fn rows_act_on_the_frame_that_knows_them_and_fill_a_bar_later() {
    let day = |number: i64| (16_436 + number) * DAY_NS;
    let hour = DAY_NS / 24;
    // (hours of the bars, frames per day, stamp, frame on which the orders are decided)
    let cases: [(&[i64], u32, i64, i64); 6] = [
        (&[0], 1, day(62), day(62)),
        (&[0], 1, day(62) + hour, day(63)),
        (&[21], 1, day(62), day(62) + 21 * hour),
        (&[14, 15, 16], 3, day(62), day(63) + 14 * hour),
        (&[14, 15, 16], 3, day(62) + 15 * hour, day(62) + 15 * hour),
        (&[14, 15, 16], 3, day(62) + 15 * hour + 1, day(62) + 16 * hour),
    ];
    for (hours, frames, stamp, decided) in cases {
        let folder = folder();
        let panel = Panel::of_bars(5, 60, hours, 4);
        let data = panel.write(folder.path());
        let rows: Rows = vec![(stamp, "S00".into(), 0.05)];
        let path = write_rows(folder.path().join("weights.parquet"), "weight", &rows);
        let frames = format!("data.frames_per_day={frames}");
        let run = replay(
            folder.path(),
            "out",
            &data,
            &["--weights".into(), path],
            &[&frames, "estimator.warmup=10", "record.weights=all"],
        );
        let at = panel.times.iter().position(|time| *time == decided).unwrap();
        let fills = run.table("fills");
        assert_eq!(fills.times()[0], panel.times[at + 1], "stamp {stamp}, hours {hours:?}");
        assert_eq!(fills.integers("decided_seq")[0], at as i64);
        let weights = run.table("weights");
        let targets = weights.times().into_iter().zip(weights.numbers("target_weight"));
        let wanted: Vec<i64> = targets.filter(|row| row.1 > 0.0).map(|row| row.0).collect();
        assert_eq!(wanted[0], decided);
    }
}

#[test]
fn known_at_delays_rows_and_late_rows_are_counted() {
    let folder = folder();
    let panel = Panel::new(9, 90, 4);
    let data = panel.write(folder.path());
    let [early, late] = [panel.times[50], panel.times[60]];
    let path = folder.path().join("weights.parquet");
    let known = [Some(late), Some(early), Some(panel.times[70])];
    write(
        &path,
        vec![
            times([early, early, panel.times[65]]),
            ("symbol", texts(["S00", "S04", "S00"])),
            ("weight", numbers([Some(0.05), Some(0.02), Some(0.08)])),
            ("known_at", times(known.into_iter().flatten()).1),
        ],
    );
    let own = ["--weights".into(), path.display().to_string()];
    let run = replay(folder.path(), "out", &data, &own, &[WARMUP, "record.weights=all"]);
    let fills = run.table("fills");
    let first = fills.texts("symbol").iter().position(|symbol| symbol == "S00").unwrap();
    assert_eq!(fills.integers("decided_seq")[first], 60);
    let weights = run.table("weights");
    let targets: BTreeMap<i64, f64> = weights
        .times()
        .into_iter()
        .zip(weights.texts("symbol"))
        .zip(weights.numbers("target_weight"))
        .filter(|((_, symbol), _)| symbol == "S00")
        .map(|((time, _), target)| (time, target))
        .collect();
    assert!(targets[&panel.times[69]] < 0.06, "{}", targets[&panel.times[69]]);
    assert!((targets[&panel.times[71]] - 0.08).abs() < 1e-9);
    let file = &run.summary["given"]["files"][0];
    assert_eq!((file["dates"].as_u64(), file["unmatched"].as_u64()), (Some(2), Some(1)));
    assert_eq!(file["unmatched_first"][0], "S04");
}

#[test]
fn expected_returns_of_a_run_reproduce_its_targets() {
    let folder = folder();
    let panel = Panel::new(11, 200, 8);
    let data = panel.write(folder.path());
    let settings =
        [WARMUP, "sizing.cost_horizon=5", "record.weights=all", "sizing.weight_min=-0.1", "data.rf_max=1e9"];
    let of = |name: &str, own: &[String], more: &[&str]| {
        let settings: Vec<&str> = settings.iter().chain(more).copied().collect();
        replay(folder.path(), name, &data, own, &settings)
    };
    let own_alpha = of("quarter_kelly", &[], &[]);
    let table = own_alpha.path.join("weights.parquet").display().to_string();
    let given = of("given", &["--forecasts".into(), table], &[]);
    let targets = |run: &Run| -> BTreeMap<(i64, String), f64> {
        let table = run.table("weights");
        let keys = table.times().into_iter().zip(table.texts("symbol"));
        keys.zip(table.numbers("target_weight")).filter(|(_, target)| *target != 0.0).collect()
    };
    let (first, second) = (targets(&own_alpha), targets(&given));
    assert!(first.len() > 500);
    for (key, target) in &first {
        let other = second.get(key).copied().unwrap_or(0.0);
        assert!((target - other).abs() < 1e-10, "{key:?}: {target} and {other}");
    }
}

#[test]
fn recorded_betas_as_a_risk_model_reproduce_the_targets() {
    let folder = folder();
    let panel = Panel::new(12, 160, 6);
    let data = panel.write(folder.path());
    let settings = [
        WARMUP,
        "sizing.parameter_uncertainty=false",
        "record.betas=all",
        "strategy.alpha_shrink=1",
        "data.rf_max=1e9",
    ];
    let first = replay(folder.path(), "filter", &data, &[], &settings);
    let betas = format!("estimator.betas={}", first.path.join("betas.parquet").display());
    let more: Vec<&str> = settings.iter().copied().chain(["estimator.kind=given", &betas]).collect();
    let second = replay(folder.path(), "given", &data, &[], &more);
    let targets = |run: &Run| run.table("weights").numbers("target_weight");
    let (first, second) = (targets(&first), targets(&second));
    assert_eq!(first.len(), second.len());
    assert!(first.iter().zip(&second).all(|(a, b)| (a - b).abs() < 1e-9 || (a.is_nan() && b.is_nan())));
}

/// Panel of `n` instruments with independent residuals, and scores that know the next one.
struct Scores {
    panel: Panel,
    residuals: Vec<Vec<f64>>,
}

impl Scores {
    fn new(seed: u64, days: usize, n: usize) -> Self {
        let mut random = Random(seed);
        let panel = Panel::new(seed, days, 1);
        let (mut bars, mut prices) = (Vec::new(), vec![50.0; n]);
        let mut residuals = Vec::new();
        for (at, time) in panel.times.iter().enumerate() {
            let own: Vec<f64> = (0..n).map(|_| random.normal()).collect();
            for i in 0..n {
                let [mkt, _, rf] = panel.factors[at];
                let open = prices[i];
                prices[i] *= 1.0 + rf + mkt + 0.02 * own[i];
                bars.push(Bar::new(*time, &format!("S{i:02}"), open, prices[i]));
            }
            residuals.push(own);
        }
        Self { panel: Panel { bars, ..panel }, residuals }
    }

    /// Scores of each frame about the residual return `ahead` frames later (0: the frame's own).
    fn about(&self, ahead: usize, ic: f64) -> Rows {
        let mut random = Random(77);
        let frames = self.residuals.len() - ahead;
        let mut rows = Rows::new();
        for at in 0..frames {
            for (i, residual) in self.residuals[at + ahead].iter().enumerate() {
                let value = ic * residual + (1.0 - ic * ic).sqrt() * random.normal();
                rows.push((self.panel.times[at], format!("S{i:02}"), value));
            }
        }
        rows
    }
}

#[test]
fn leaks_are_told_from_reversal_and_from_noise() {
    let scores = Scores::new(21, 500, 60);
    let folder = folder();
    let data = scores.panel.write(folder.path());
    let reversal: Rows = {
        let mut last = BTreeMap::new();
        let rows = scores.panel.bars.iter().filter_map(|bar| {
            let before = last.insert(bar.symbol.clone(), bar.close)?;
            Some((bar.time, bar.symbol.clone(), 1.0 - bar.close / before))
        });
        rows.collect()
    };
    // (scores, suspicion, warned)
    let cases = [
        ("leak", scores.about(1, 0.3), Some("next_bar")),
        ("honest", scores.about(1, 0.05), None),
        ("own", scores.about(0, 0.3), Some("own_bar")),
        ("reversal", reversal, Some("own_bar")),
        ("noise", scores.about(1, 0.0), None),
    ];
    for (name, rows, suspicion) in cases {
        let path = write_rows(folder.path().join(format!("{name}.parquet")), "score", &rows);
        let own = ["--forecasts".into(), path];
        let settings = [WARMUP, "strategy.unit=zscore", "sizing.weight_min=-0.1", "data.rf_max=1e9"];
        let run = replay(folder.path(), &format!("out_{name}"), &data, &own, &settings);
        let found = &run.summary["given"]["rank_correlations"][0];
        assert_eq!(found["suspicion"].as_str(), suspicion, "{name}: {found}");
        let codes = run.summary["warning_codes"].as_array().unwrap();
        let warned = codes.iter().any(|code| code == "forecast_contains_return");
        assert_eq!(warned, suspicion == Some("next_bar"), "{name}");
        let learned = &run.summary["given"]["information_coefficient"];
        let (mean, observations) =
            (learned["mean"].as_f64().unwrap(), learned["observations"].as_f64().unwrap());
        // The prior of 2,500 observations of 0 shrinks the coefficient.
        let shrunk = observations / (observations + 2_500.0);
        match name {
            "leak" => assert!((mean / (0.3 * shrunk) - 1.0).abs() < 0.1, "{mean}"),
            "honest" => assert!((mean / (0.05 * shrunk) - 1.0).abs() < 0.25, "{mean}"),
            "noise" => {
                assert!(mean.abs() < 0.015, "{mean}");
                assert!(run.summary["turnover"]["mean"].as_f64().unwrap() < 0.005);
            }
            _ => {}
        }
    }
}

#[test]
fn sharpe_ratio_rises_with_the_coefficient_and_falls_with_cost() {
    let scores = Scores::new(31, 400, 40);
    let folder = folder();
    let data = scores.panel.write(folder.path());
    let sharpe = |ic: f64, spread: f64| {
        // The forecast is about the return after the fill.
        let name = format!("{ic}_{spread}");
        let path = write_rows(folder.path().join(format!("{name}.parquet")), "score", &scores.about(2, ic));
        let own = ["--forecasts".into(), path];
        let (coefficient, spread) =
            (format!("strategy.information_coefficient={ic}"), format!("execution.half_spread_bps={spread}"));
        let settings = [
            WARMUP,
            "strategy.unit=zscore",
            "sizing.weight_min=-0.1",
            "sizing.turnover_cap=2",
            "data.rf_max=1e9",
            "execution.commission_bps=0",
            &coefficient,
            &spread,
        ];
        let run = replay(folder.path(), &name, &data, &own, &settings);
        run.summary["metrics"]["net"]["sharpe"].as_f64().unwrap()
    };
    let by_ic = [0.02, 0.06, 0.15].map(|ic| sharpe(ic, 1.0));
    assert!(by_ic[0] < by_ic[1] && by_ic[1] < by_ic[2], "{by_ic:?}");
    let by_cost = [0.0, 5.0, 15.0].map(|spread| sharpe(0.15, spread));
    assert!(by_cost[0] > by_cost[1] && by_cost[1] > by_cost[2], "{by_cost:?}");
}

#[test]
fn weights_are_reached_under_the_cap_and_expire() {
    let folder = folder();
    let panel = Panel::new(41, 150, 5);
    let data = panel.write(folder.path());
    let rows: Rows = (0..5).map(|i| (panel.times[60], format!("S{i:02}"), 0.1)).collect();
    let path = write_rows(folder.path().join("weights.parquet"), "weight", &rows);
    let settings = [WARMUP, "strategy.valid_for=20", "sizing.turnover_cap=0.1", "record.weights=all"];
    let run = replay(folder.path(), "out", &data, &["--weights".into(), path], &settings);
    let weights = run.table("weights");
    let total = |time: i64| -> f64 {
        let rows = weights.times().into_iter().zip(weights.numbers("target_weight"));
        rows.filter(|(row, target)| *row == time && !target.is_nan()).map(|(_, target)| target).sum()
    };
    assert!((total(panel.times[60]) - 0.1).abs() < 1e-9, "the cap allows 0.1: {}", total(panel.times[60]));
    assert!(total(panel.times[70]) > 0.35, "{}", total(panel.times[70]));
    assert!(total(panel.times[95]) < 1e-9, "{}", total(panel.times[95]));
    let given = &run.summary["given"];
    assert_eq!(given["dates_used"], 1);
    assert!(given["rebalances_expired"].as_u64().unwrap() > 50);
    let codes = run.summary["warning_codes"].as_array().unwrap();
    assert!(codes.iter().any(|code| code == "forecasts_expired"), "{codes:?}");
    let turnover = run.table("equity").numbers("turnover").into_iter().fold(0.0, f64::max);
    assert!(turnover <= 0.1 + 1e-9, "{turnover}");
}

#[test]
fn wide_and_tidy_files_give_one_digest() {
    let folder = folder();
    let panel = Panel::new(51, 120, 3);
    let data = panel.write(folder.path());
    let mut random = Random(3);
    let values: Vec<[Option<f64>; 3]> = panel
        .times
        .iter()
        .map(|_| [0, 1, 2].map(|_| (random.share() > 0.1).then(|| 0.01 * random.normal())))
        .collect();
    let wide = folder.path().join("wide.parquet");
    let column = |at: usize| numbers(values.iter().map(|row| row[at]));
    write(
        &wide,
        vec![times(panel.times.clone()), ("S00", column(0)), ("S01", column(1)), ("S02", column(2))],
    );
    let rows = panel.times.iter().zip(&values).flat_map(|(time, row)| {
        row.iter().enumerate().filter_map(move |(i, value)| Some((*time, format!("S{i:02}"), (*value)?)))
    });
    let tidy = write_rows(folder.path().join("tidy.parquet"), "forecast", &rows.collect());
    let digest = |name: &str, path: String| {
        let run = replay(folder.path(), name, &data, &["--forecasts".into(), path], &[WARMUP]);
        run.digest().to_owned()
    };
    assert_eq!(digest("wide", wide.display().to_string()), digest("tidy", tidy));
}

#[test]
fn errors_name_file_row_and_column() {
    let folder = folder();
    let panel = Panel::of_bars(61, 40, &[14, 15], 3);
    let data = panel.write(folder.path());
    let at = |number: usize| panel.times[number];
    let good: Rows = (0..10).map(|i| (at(i), "S00".to_owned(), 0.01)).collect();
    let with = |row: usize, change: fn(&mut (i64, String, f64))| {
        let mut rows = good.clone();
        change(&mut rows[row]);
        rows
    };
    let dates: Rows = (0..10).map(|i| (at(2 * i) - at(2 * i) % DAY_NS, "S00".to_owned(), 0.01)).collect();
    let foreign: Rows = good.iter().map(|row| (row.0, "X00".to_owned(), row.2)).collect();
    let cases: [(&str, Rows, &[&str]); 6] = [
        ("forecast", with(4, |row| row.2 = f64::INFINITY), &["row 4", "`forecast`", "`S00`", "inf"]),
        ("forecast", with(5, |row| row.0 -= DAY_NS), &["row 5", "sort"]),
        ("forecast", with(3, |row| row.1 = " ".into()), &["row 3", "`symbol`"]),
        ("forecast", [good.clone(), vec![good[9].clone()]].concat(), &["row 10", "second row", "`S00`"]),
        ("forecast", dates, &["dates", "data.frames_per_day"]),
        ("forecast", foreign, &["X00", "forecasts", "prices"]),
    ];
    for (number, (column, rows, expected)) in cases.into_iter().enumerate() {
        let path = write_rows(folder.path().join(format!("f{number}.parquet")), column, &rows);
        let mut arguments = joined("replay", &data, &["estimator.warmup=5"]);
        arguments.extend(["--no-report", "--forecasts", &path]);
        let ended = call(folder.path(), &arguments);
        assert_eq!(ended.code, Some(1), "{number}: {}", ended.out);
        for part in expected {
            assert!(ended.err.contains(part), "{number}: {part} in {}", ended.err);
        }
    }
    let mut arguments = joined("replay", &data, &[]);
    arguments.extend(["--set", "strategy.kind=forecasts"]);
    let ended = call(folder.path(), &arguments);
    assert!(ended.err.contains("strategy.path") && ended.err.contains("--forecasts"), "{}", ended.err);
}

#[test]
fn weights_in_percent_are_a_warning() {
    let folder = folder();
    let panel = Panel::new(71, 60, 4);
    let data = panel.write(folder.path());
    let rows: Rows = (0..4).map(|i| (panel.times[45], format!("S{i:02}"), 25.0)).collect();
    let path = write_rows(folder.path().join("weights.parquet"), "weight", &rows);
    let run = replay(folder.path(), "out", &data, &["--weights".into(), path], &[WARMUP]);
    let codes = run.summary["warning_codes"].as_array().unwrap();
    assert!(codes.iter().any(|code| code == "percent_for_share"), "{codes:?}");
}

#[test]
fn text_and_unsorted_files_give_the_digest_of_parquet() {
    let folder = folder();
    let panel = Panel::new(81, 120, 3);
    let data = panel.write(folder.path());
    let mut random = Random(5);
    let mut rows: Rows = Vec::new();
    for time in &panel.times {
        rows.extend((0..3).map(|i| (*time, format!("S{i:02}"), 0.01 * random.normal())));
    }
    let sorted = write_rows(folder.path().join("sorted.parquet"), "forecast", &rows);
    let mut by_symbol = rows.clone();
    by_symbol.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
    let unsorted = write_rows(folder.path().join("by_symbol.parquet"), "forecast", &by_symbol);
    let date = |time: i64| {
        let day = betaflow_engine::time::TimestampNs(time);
        betaflow_engine::time::Iso(day).to_string()
    };
    let text: String =
        rows.iter().map(|(time, symbol, value)| format!("{},{symbol},{value:?}\n", date(*time))).collect();
    let csv = folder.path().join("forecasts.csv");
    std::fs::write(&csv, format!("date,symbol,forecast\n{text}")).unwrap();
    let digest = |name: &str, path: String| {
        replay(folder.path(), name, &data, &["--forecasts".into(), path], &[WARMUP]).digest().to_owned()
    };
    let expected = digest("sorted", sorted);
    assert_eq!(digest("by_symbol", unsorted), expected);
    assert_eq!(digest("csv", csv.display().to_string()), expected);
}
