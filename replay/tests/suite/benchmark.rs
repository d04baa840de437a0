//! Benchmarks of one's choice: figures and values are computed again from the run folder and the data.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::paper::{SETTINGS, Serving, arguments};
use crate::support::{
    DAY_NS, Panel, Run, Table, call, folder, joined, numbers, run, sets, texts, times, write,
};

/// Digest of the tutorial, which the benchmark does not change.
const TUTORIAL: &str = "619432b84b3fc64a71723f954b144b2c56d8c51b550875850b57e6660b624065";

/// Closes of an instrument of the tutorial by time.
fn closes(symbol: &str) -> BTreeMap<i64, f64> {
    let table =
        Table::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors/data/tutorial.parquet"));
    let rows = table.days_of("date").into_iter().zip(table.texts("symbol")).zip(table.numbers("close"));
    rows.filter(|((_, name), _)| name == symbol).map(|((day, _), close)| (day * DAY_NS, close)).collect()
}

fn returns(levels: &[f64]) -> Vec<f64> {
    levels.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Σ(a − ā)(b − b̄)/(T − 1), as in pandas.
fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (of_a, of_b) = (mean(a), mean(b));
    let products = a.iter().zip(b).map(|(a, b)| (a - of_a) * (b - of_b));
    products.sum::<f64>() / (a.len() - 1) as f64
}

fn assert_near(found: &Value, expected: f64, name: &str) {
    let found = found.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= 1e-10 * expected.abs().max(1.0),
        "{name}: {found}, expected {expected}"
    );
}

/// Checks tracking error, information ratio, beta and alpha of the summary against the two levels.
fn assert_figures(run: &Run, nav: &[f64], benchmark: &[f64]) {
    let (net, against) = (returns(nav), returns(benchmark));
    let active: Vec<f64> = net.iter().zip(&against).map(|(r, b)| r - b).collect();
    let deviation = covariance(&active, &active).sqrt();
    let beta = covariance(&net, &against) / covariance(&against, &against);
    let unexplained: Vec<f64> = net.iter().zip(&against).map(|(r, b)| r - beta * b).collect();
    let (risk, figures) = (&run.summary["active_risk"], &run.summary["metrics"]["net"]);
    assert_near(&risk["tracking_error"], deviation * 252.0_f64.sqrt(), "tracking error");
    assert_near(
        &risk["information_ratio"],
        mean(&active) / deviation * 252.0_f64.sqrt(),
        "information ratio",
    );
    assert_near(&figures["beta"], beta, "beta");
    assert_near(&figures["alpha"], (1.0 + mean(&unexplained)).powi(252) - 1.0, "alpha");
}

#[test]
fn figures_against_spx_on_the_tutorial_equal_a_plain_computation() {
    let folder = folder();
    let path = folder.path();
    let spx = ["benchmark.kind=instrument", "benchmark.symbol=SPX"];
    let ended = call(path, &[vec!["replay", "--out", "spx"], sets(&spx)].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let run_spx = Run::at(path.join("spx"));
    assert_eq!(run_spx.digest(), TUTORIAL);
    let equity = run_spx.table("equity");
    let closes = closes("SPX");
    let level: Vec<f64> = equity.times().iter().map(|time| closes[time]).collect();
    let (nav, benchmark) = (equity.numbers("nav"), equity.numbers("benchmark_nav"));
    assert_eq!((benchmark[0], nav.len()), (1e6, benchmark.len()));
    let drift = benchmark.iter().zip(&level).map(|(nav, close)| nav / 1e6 / (close / level[0]) - 1.0);
    assert!(drift.fold(0.0_f64, |most, one| most.max(one.abs())) < 1e-12);
    assert_figures(&run_spx, &nav, &level);
    assert_eq!(run_spx.summary["benchmark"]["kind"], "instrument");
    assert_eq!(run_spx.summary["benchmark"]["name"], "SPX");
    // Every output names the benchmark.
    assert!(
        ended.out.contains("against SPX") && ended.flat().contains(" the benchmark SPX: "),
        "{}",
        ended.out
    );
    let report = fs::read_to_string(path.join("spx").join("report.html")).unwrap();
    assert!(report.contains("benchmark SPX") && report.contains("holds SPX from the first rebalance on"));
    assert!(!ended.out.contains("equal-weight") && !report.contains("equal-weight"));
    // The factor that is SPX gives the same benchmark.
    let factor = ["benchmark.kind=factor", "benchmark.symbol=mkt"];
    let run_mkt = run(path, "mkt", &[vec!["replay", "--no-report"], sets(&factor)].concat());
    let of_factor = run_mkt.table("equity").numbers("benchmark_nav");
    assert!(of_factor.iter().zip(&benchmark).all(|(a, b)| (a / b - 1.0).abs() < 1e-12));
}

#[test]
fn factor_of_a_file_is_funded_at_the_risk_free_return() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(5, 200, 6);
    let data = panel.write(path);
    let own = ["estimator.warmup=40", "benchmark.kind=factor", "benchmark.symbol=mom"];
    let with_rf = run(path, "funded", &[joined("replay", &data, &own), vec!["--no-report"]].concat());
    let plain = [own.to_vec(), vec!["data.excess=false"]].concat();
    let without = run(path, "plain", &[joined("replay", &data, &plain), vec!["--no-report"]].concat());
    for (run, funding) in [(with_rf, 1.0), (without, 0.0)] {
        let equity = run.table("equity");
        let found = returns(&equity.numbers("benchmark_nav"));
        for (at, time) in equity.times()[1..].iter().enumerate() {
            let [_, mom, rf] = panel.factors[panel.times.partition_point(|row| row < time)];
            assert!((found[at] - mom - funding * rf).abs() < 1e-12);
        }
    }
}

#[test]
fn file_of_returns_is_compounded_and_gaps_are_counted() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(6, 160, 6);
    let data = panel.write(path);
    let kept: Vec<usize> = (0..panel.times.len()).filter(|at| at % 50 != 49).collect();
    let value = |at: usize| 0.001 * (at % 7) as f64 - 0.002;
    write(
        &path.join("index.parquet"),
        vec![
            times(kept.iter().map(|at| panel.times[*at])),
            ("index", numbers(kept.iter().map(|at| Some(value(*at))))),
        ],
    );
    let own = ["estimator.warmup=40", "benchmark.kind=file", "benchmark.path=index.parquet"];
    let run = run(path, "run", &[joined("replay", &data, &own), vec!["--no-report"]].concat());
    let equity = run.table("equity");
    let found = returns(&equity.numbers("benchmark_nav"));
    let mut gaps = 0;
    for (row, time) in equity.times()[1..].iter().enumerate() {
        let at = panel.times.partition_point(|row| row < time);
        let missing = at % 50 == 49;
        gaps += u64::from(missing);
        assert!((found[row] - if missing { 0.0 } else { value(at) }).abs() < 1e-12);
    }
    assert!(gaps > 1);
    let codes = run.summary["warning_codes"].as_array().unwrap();
    assert!(codes.contains(&"benchmark_without_return".into()), "{codes:?}");
    assert_eq!(run.summary["benchmark"]["name"], "index.parquet");
    // run.toml has the absolute path, and runs again to the same benchmark.
    let again = crate::support::run(path, "again", &["replay", "--no-report", "--config", "run/run.toml"]);
    assert_eq!(again.table("equity").numbers("benchmark_nav"), equity.numbers("benchmark_nav"));
}

/// A file of the weights of S00 and S04, half each, rebalanced once.
fn write_weights(path: &Path, panel: &Panel) {
    let time = panel.times[60];
    write(
        &path.join("weights.parquet"),
        vec![
            times([time; 3]),
            ("symbol", texts(["S00", "S04", "GONE"])),
            ("weight", numbers([Some(0.5), Some(0.4), Some(0.1)])),
        ],
    );
}

#[test]
fn file_of_weights_drifts_after_its_rebalance() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(7, 200, 6);
    let data = panel.write(path);
    write_weights(path, &panel);
    let own = [
        "estimator.warmup=40",
        "benchmark.kind=file",
        "benchmark.path=weights.parquet",
        "execution.commission_bps=0",
        "execution.half_spread_bps=0",
        "execution.cash_interest=0",
    ];
    let run = run(path, "run", &[joined("replay", &data, &own), vec!["--no-report"]].concat());
    let equity = run.table("equity");
    let found = equity.numbers("benchmark_nav");
    // Ordered at the close of frame 60 and filled at that of the next frame with a price; then held.
    let close = |symbol: &str, until: i64| {
        let mut bars = panel.bars.iter().filter(|bar| bar.symbol == symbol && bar.time <= until);
        bars.next_back().map(|bar| bar.close).unwrap()
    };
    let has_bar = |symbol: &str, at: usize| {
        panel.bars.iter().any(|bar| bar.symbol == symbol && bar.time == panel.times[at])
    };
    assert!(
        ["S00", "S04"].iter().all(|symbol| has_bar(symbol, 60) && has_bar(symbol, 61)),
        "choose another seed"
    );
    let quantity = |symbol: &str, weight: f64| weight * 1e6 / close(symbol, panel.times[60]);
    let held = [("S00", quantity("S00", 0.5)), ("S04", quantity("S04", 0.4))];
    let value = |time: i64| held.iter().map(|(symbol, quantity)| quantity * close(symbol, time)).sum::<f64>();
    let filled = value(panel.times[61]);
    for (time, nav) in equity.times().into_iter().zip(found) {
        let expected = if time <= panel.times[61] { 1e6 } else { 1e6 - filled + value(time) };
        assert!((nav / expected - 1.0).abs() < 1e-12, "{nav}, expected {expected}");
    }
    let codes = run.summary["warning_codes"].as_array().unwrap();
    assert!(codes.contains(&"benchmark_not_bought".into()), "{codes:?}");
}

#[test]
fn weights_that_never_act_or_are_in_percent_are_warnings() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(7, 120, 6);
    let data = panel.write(path);
    let own = ["estimator.warmup=40", "benchmark.kind=file", "benchmark.path=weights.parquet"];
    let (before, after) = (panel.times[30], panel.times[119] + DAY_NS);
    // (times of the weights, weight, without weights, in percent)
    let cases = [
        ([before, before], 0.5, false, false),
        ([after, after], 0.5, true, false),
        ([before, before], 50.0, false, true),
        // Weights after the data tell nothing about the run.
        ([before, after], 50.0, false, true),
        ([after, after], 50.0, true, false),
    ];
    for (stamps, weight, without, percent) in cases {
        write(
            &path.join("weights.parquet"),
            vec![
                times(stamps),
                ("symbol", texts(["S00", "S04"])),
                ("weight", numbers([Some(weight), Some(weight)])),
            ],
        );
        let run = run(path, "run", &[joined("replay", &data, &own), vec!["--no-report", "--force"]].concat());
        let codes = run.summary["warning_codes"].as_array().unwrap();
        let has = |code: &str| codes.contains(&code.into());
        let found = (has("benchmark_without_weights"), has("percent_for_share"));
        assert_eq!(found, (without, percent), "{stamps:?}, {weight}: {codes:?}");
    }
}

#[test]
fn active_sizing_follows_the_weights_of_the_benchmark() {
    let folder = folder();
    let path = folder.path();
    // A small share of Kelly makes small bets: cash without a benchmark, the benchmark with active risk.
    let small = ["sizing.kelly_fraction=0.02"];
    let base = [vec!["replay", "--no-report"], sets(&small)].concat();
    let plain = run(path, "plain", &base);
    let active = run(path, "active", &[base.clone(), sets(&["sizing.active=true"])].concat());
    let error = |run: &Run| run.summary["active_risk"]["tracking_error"].as_f64().unwrap();
    let beta = active.summary["metrics"]["net"]["beta"].as_f64().unwrap();
    assert!(error(&active) < 0.2 * error(&plain), "{} {}", error(&active), error(&plain));
    assert!((beta - 1.0).abs() < 0.1, "{beta}");
    let benchmark = |run: &Run| run.table("equity").numbers("benchmark_nav");
    assert_eq!(benchmark(&active), benchmark(&plain));
    // `size` shows the weights that risk is measured against, and a scenario equals the run that it stands for.
    let size = [vec!["size", "--at", "2019-05-01", "--json"], sets(&["sizing.active=true"])].concat();
    let shown: Value = serde_json::from_str(&call(path, &size).out).unwrap();
    let weights = shown["problem"]["benchmark"].as_array().unwrap();
    let sum: f64 = weights.iter().map(|weight| weight.as_f64().unwrap()).sum();
    assert!(weights.len() == 20 && (sum - 1.0).abs() < 0.01, "{weights:?}");
    fs::write(path.join("grid.toml"), "[grid]\n\"sizing.active\" = [false, true]\n").unwrap();
    let stress = [vec!["stress", "--grid", "grid.toml", "--no-report"], sets(&small)].concat();
    let stress = run(path, "stress", &stress);
    let digests = stress.table("scenarios").texts("digest");
    assert_eq!(digests, [plain.digest(), active.digest()]);
}

#[test]
fn unusable_benchmark_is_a_located_error() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(7, 120, 6);
    let data = panel.write(path);
    write_weights(path, &panel);
    write(
        &path.join("bad.parquet"),
        vec![times(panel.times[..3].iter().copied()), ("return", numbers([Some(0.1), Some(25.0), None]))],
    );
    let levels = vec![
        times(panel.times[..2].iter().copied()),
        ("spx", numbers([Some(1.0), Some(2.0)])),
        ("ndx", numbers([Some(1.0), Some(2.0)])),
    ];
    write(&path.join("several.parquet"), levels);
    let twice = vec![
        times([panel.times[0]; 2]),
        ("symbol", texts(["S00", "S00"])),
        ("weight", numbers([Some(1.0), Some(1.0)])),
    ];
    write(&path.join("twice.parquet"), twice);
    let unsorted = vec![times([panel.times[1], panel.times[0]]), ("return", numbers([Some(0.0), Some(0.0)]))];
    write(&path.join("unsorted.parquet"), unsorted);
    let file = |name: &'static str| vec!["benchmark.kind=file", name];
    let cases: Vec<(Vec<&str>, &[&str])> = vec![
        (
            vec!["benchmark.kind=instrument", "benchmark.symbol=S0O"],
            &["prices.parquet", "`S0O`", "did you mean `S00`"],
        ),
        (vec!["benchmark.kind=factor", "benchmark.symbol=mkd"], &["benchmark.symbol", "mkd", "mkt"]),
        (
            vec!["benchmark.kind=instrument"],
            &["benchmark.symbol", "found nothing", "the symbol of an instrument"],
        ),
        (
            vec!["benchmark.symbol=S00"],
            &["benchmark.symbol", "set by --set", "benchmark.kind is \"equal_weight\""],
        ),
        (vec!["benchmark.kind=file"], &["benchmark.path", "the path of a file"]),
        (vec!["benchmark.kind=index"], &["benchmark.kind", "\"equal_weight\"", "\"file\""]),
        (file("benchmark.path=absent.parquet"), &["absent.parquet", "no such file"]),
        (
            file("benchmark.path=bad.parquet"),
            &["bad.parquet: row 1", "column `return`", "found 25", "at most 10"],
        ),
        (
            file("benchmark.path=several.parquet"),
            &["several.parquet", "`spx`, `ndx`", "one column of returns"],
        ),
        (file("benchmark.path=twice.parquet"), &["twice.parquet: row 1", "a second weight of `S00`"]),
        (file("benchmark.path=unsorted.parquet"), &["unsorted.parquet: row 1", "increasing times"]),
        (
            vec!["benchmark.kind=factor", "benchmark.symbol=mkt", "sizing.active=true"],
            &["sizing.active", "the factor mkt", "\"equal_weight\", a \"file\""],
        ),
        (
            vec![
                "benchmark.kind=instrument",
                "benchmark.symbol=S00",
                "universe.exclude=[\"S00\"]",
                "sizing.active=true",
            ],
            &["sizing.active", "S00, which is not traded"],
        ),
        (vec!["sizing.active=true", "sizing.cap_method=scale"], &["sizing.cap_method", "active"]),
        (
            vec!["benchmark.kind=instrument", "benchmark.symbol=S00", "world.reverse_factor=mkt"],
            &["world.reverse_factor", "benchmark"],
        ),
        (
            [file("benchmark.path=weights.parquet"), vec!["world.bootstrap_seed=1"]].concat(),
            &["benchmark.kind", "resampled path"],
        ),
    ];
    for (own, parts) in cases {
        let all = [vec!["estimator.warmup=40"], own.clone()].concat();
        let ended = call(path, &joined("replay", &data, &all));
        assert_ne!(ended.code, Some(0), "{own:?} is accepted");
        assert!(parts.iter().all(|part| ended.err.contains(part)), "{own:?}: {}", ended.err);
    }
    // Weights suit active sizing.
    let own = [
        "estimator.warmup=40",
        "benchmark.kind=file",
        "benchmark.path=weights.parquet",
        "sizing.active=true",
    ];
    assert_eq!(call(path, &joined("replay", &data, &own)).code, Some(0));
    fs::write(path.join("grid.toml"), "[grid]\n\"benchmark.symbol\" = [\"S00\", \"S01\"]\n").unwrap();
    let stress = [joined("stress", &data, &[]), vec!["--grid", "grid.toml", "--out", "out"]].concat();
    let ended = call(path, &stress);
    assert!(ended.err.contains("grid.toml") && ended.err.contains("`benchmark.symbol`"), "{}", ended.err);
}

#[test]
fn rows_of_the_hold_out_are_not_read() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(6, 160, 6);
    let data = panel.write(path);
    let seal = 120;
    let value = |at: usize| if at < seal { Some(0.001) } else { None };
    write(
        &path.join("index.parquet"),
        vec![times(panel.times.iter().copied()), ("return", numbers((0..panel.times.len()).map(value)))],
    );
    let own = ["estimator.warmup=40", "benchmark.kind=file", "benchmark.path=index.parquet"];
    let refused = call(path, &joined("replay", &data, &own));
    assert!(
        refused.err.contains(&format!("row {seal}")) && refused.err.contains("found null"),
        "{}",
        refused.err
    );
    let from = format!("holdout.from={}", date(panel.times[seal]));
    let sealed = [own.to_vec(), vec![&from]].concat();
    let run = run(path, "run", &[joined("replay", &data, &sealed), vec!["--no-report"]].concat());
    assert!(returns(&run.table("equity").numbers("benchmark_nav")).iter().all(|r| (r - 0.001).abs() < 1e-12));
}

/// Date of a time as YYYY-MM-DD, by the days of the civil calendar.
fn date(time: i64) -> String {
    let (mut year, mut day) = (1970, time / DAY_NS);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while day >= 365 + i64::from(leap(year)) {
        day -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, day + 1)
}

#[test]
fn paper_run_has_the_benchmark_of_its_replay() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(71, 220, 8).acting().write(path);
    // S00 has a bar in every frame and is only the benchmark.
    let own = ["benchmark.kind=instrument", "benchmark.symbol=S00", "universe.exclude=[\"S00\"]"];
    let all = [SETTINGS.to_vec(), own.to_vec()].concat();
    let replay = run(path, "replay", &[joined("replay", &data, &all), vec!["--no-report"]].concat());
    let serving = Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let ended = call(path, &[arguments(&serving.url, "state"), sets(&own)].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let connection = Connection::open(path.join("state").join("state.db")).unwrap();
    let mut statement = connection.prepare("SELECT benchmark_nav FROM equity ORDER BY seq").unwrap();
    let navs: Vec<f64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(navs, replay.table("equity").numbers("benchmark_nav"));
    assert!(navs.iter().any(|nav| *nav != navs[0]));
    // A restart under another benchmark is refused; under the same one it continues.
    let other = ["benchmark.kind=instrument", "benchmark.symbol=S01", "universe.exclude=[\"S00\"]"];
    let refused = call(path, &[arguments(&serving.url, "state"), sets(&other)].concat());
    assert_ne!(refused.code, Some(0), "{}", refused.out);
    let resumed = call(path, &[arguments(&serving.url, "state"), sets(&own)].concat());
    assert_eq!(resumed.code, Some(0), "{}", resumed.err);
}
