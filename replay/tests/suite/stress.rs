//! `betaflow stress` writes one row per scenario, each equal to the replay with its settings.

use std::fs;

use crate::support::{Panel, Run, Table, call, folder, joined};

const GRID: &str = r#"[grid]
"sizing.turnover_cap" = [0.02, 0.08, 0.3]
"execution.half_spread_bps" = [0, 4.5, 25]
"strategy.kind" = ["quarter_kelly", "equal_weight"]
"sizing.rebalance_every" = [1, 3]
"#;
const LIST: &str = r#"[[scenario]]
"execution.impact_coefficient" = 1.0
"execution.fill_at" = "open"
[[scenario]]
"execution.delay_bars" = 2
"sizing.weight_min" = -0.1
[[scenario]]
"estimator.kind" = "dlm"
"#;

#[test]
fn each_scenario_equals_the_replay_with_its_settings() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(41, 160, 8).acting().write(path);
    let common = ["estimator.warmup=60", "execution.nav=1e5"];
    for (name, grid, count) in [("grid", GRID, 36), ("list", LIST, 3)] {
        fs::write(path.join("grid.toml"), grid).unwrap();
        let out = format!("stress-{name}");
        let arguments =
            [joined("stress", &data, &common), vec!["--grid", "grid.toml", "--out", &out]].concat();
        let ended = call(path, &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.flat().contains(&format!("Count {count} scenarios")), "{}", ended.out);
        let table = Table::read(&path.join(&out).join("scenarios.parquet"));
        assert_eq!(table.rows(), count);
        assert_eq!(table.integers("scenario"), (0..count as i64).collect::<Vec<_>>());
        let settings: Vec<String> =
            table.columns().into_iter().map(|(name, _)| name).filter(|name| name.contains('.')).collect();
        assert_eq!(settings.len(), grid.lines().filter(|line| line.starts_with('"')).count());
        let digests = table.texts("digest");
        let sharpe = table.numbers("net_sharpe");
        let turnover = table.numbers("turnover");
        let list = Lists::of(grid);
        for row in (0..count).step_by(if count > 10 { 5 } else { 1 }) {
            let sets = list.sets(row);
            let all: Vec<&str> = common.iter().copied().chain(sets.iter().map(String::as_str)).collect();
            let arguments =
                [joined("replay", &data, &all), vec!["--no-report", "--force", "--out", "one"]].concat();
            let ended = call(path, &arguments);
            assert_eq!(ended.code, Some(0), "{}", ended.err);
            let run = Run::at(path.join("one"));
            assert_eq!(digests[row], run.digest(), "{sets:?}");
            let of = |pointer: &str| run.summary.pointer(pointer).unwrap().as_f64().unwrap();
            assert!((sharpe[row] - of("/metrics/net/sharpe")).abs() < 1e-9, "{sets:?}");
            assert!((turnover[row] - of("/turnover/mean")).abs() < 1e-12, "{sets:?}");
        }
        assert!(fs::read_to_string(path.join(&out).join("report.html")).unwrap().contains("</html>"));
    }
}

/// Scenarios of a grid file, parsed independently.
struct Lists(Vec<Vec<String>>);

impl Lists {
    fn of(text: &str) -> Self {
        let table: toml::Table = text.parse().unwrap();
        if let Some(list) = table.get("scenario") {
            let sets = |scenario: &toml::Value| {
                let scenario = scenario.as_table().unwrap().iter();
                scenario.map(|(name, value)| format!("{name}={value}")).collect()
            };
            return Self(list.as_array().unwrap().iter().map(sets).collect());
        }
        let mut rows = vec![Vec::new()];
        for (name, values) in table["grid"].as_table().unwrap() {
            let values = values.as_array().unwrap();
            let longer = |row: &Vec<String>| -> Vec<Vec<String>> {
                values.iter().map(|value| [row.clone(), vec![format!("{name}={value}")]].concat()).collect()
            };
            rows = rows.iter().flat_map(longer).collect();
        }
        Self(rows)
    }

    fn sets(&self, row: usize) -> Vec<String> {
        self.0[row].clone()
    }
}

#[test]
fn look_ahead_of_scenarios_is_reported() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(43, 120, 5).write(path);
    fs::write(path.join("grid.toml"), "[grid]\n\"execution.fill_at\" = [\"close\", \"same_close\"]\n")
        .unwrap();
    let arguments =
        [joined("stress", &data, &["estimator.warmup=60"]), vec!["--grid", "grid.toml", "--out", "out"]];
    let ended = call(path, &arguments.concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let note = "1 of 2 scenarios: LOOK-AHEAD";
    let summary = fs::read_to_string(path.join("out/summary.json")).unwrap();
    let table = fs::read(path.join("out/scenarios.parquet")).unwrap();
    let report = fs::read_to_string(path.join("out/report.html")).unwrap();
    for (what, text) in [("terminal", &ended.flat()), ("summary", &summary), ("report", &report)] {
        assert!(text.contains(note), "{what}");
    }
    assert!(table.windows(note.len()).any(|bytes| bytes == note.as_bytes()), "scenarios.parquet");
}

#[test]
fn invalid_grid_is_refused_with_its_place() {
    let folder = folder();
    let path = folder.path();
    let cases: [(&str, &[&str]); 7] = [
        (
            "[grid]\n\"sizing.turnover_capp\" = [1]\n",
            &["grid.toml: scenario 0", "did you mean `sizing.turnover_cap`"],
        ),
        ("[grid]\n\"sizing.turnover_cap\" = [0.1, -1]\n", &["scenario 1", "found -1", "expected"]),
        (
            "[grid]\n\"sizing.turnover_cap\" = 0.1\n",
            &["grid.toml", "`sizing.turnover_cap`", "expected a list"],
        ),
        ("[grid]\ncap = [0.1]\n", &["grid.toml", "`cap`", "dotted name"]),
        ("[gird]\n\"a.b\" = [1]\n", &["grid.toml", "`gird`", "[grid]"]),
        ("", &["grid.toml", "expected a table [grid]"]),
        ("[grid\n", &["grid.toml", "invalid TOML"]),
    ];
    for (text, words) in cases {
        fs::write(path.join("grid.toml"), text).unwrap();
        let ended = call(path, &["stress", "--grid", "grid.toml", "--out", "out"]);
        assert_eq!(ended.code, Some(1), "{text}: {}", ended.out);
        for word in words {
            assert!(ended.err.contains(word), "{text}: {word}: {}", ended.err);
        }
        assert!(!path.join("out").exists());
    }
    let ended = call(path, &["stress", "--grid", "absent.toml"]);
    assert!(ended.err.contains("absent.toml") && ended.code == Some(1), "{}", ended.err);
}

/// Each scenario needs its own pass, so that a run completes in parts.
const PASSES: &str = r#"[grid]
"estimator.kind" = ["dlm"]
"estimator.discount_factor" = { from = 0.9, to = 0.99, count = 40 }
"#;

/// Kills a stress run after `parts` completed passes; returns their number.
fn killed(path: &std::path::Path, arguments: &[&str], parts: usize) -> usize {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    let kept = |path: &std::path::Path| {
        let entries = fs::read_dir(path.join(".out.unfinished")).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("part-") && !name.ends_with(".partial")).count()
    };
    let mut program = Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args(arguments)
        .current_dir(path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while kept(path) < parts && program.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(120), "no completed pass");
        std::thread::sleep(Duration::from_millis(1));
    }
    // On Unix this is SIGKILL: no cleanup code runs.
    program.kill().unwrap();
    program.wait().unwrap();
    kept(path)
}

#[test]
fn killed_study_resumes_with_identical_tables() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(47, 1_500, 20).write(path);
    fs::write(path.join("grid.toml"), PASSES).unwrap();
    let common = joined("stress", &data, &["estimator.warmup=60"]);
    let whole = [common.clone(), vec!["--grid", "grid.toml", "--no-report", "--out", "whole"]].concat();
    let ended = call(path, &whole);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let arguments = [common, vec!["--grid", "grid.toml", "--no-report", "--out", "out"]].concat();
    let resume = [arguments.clone(), vec!["--resume"]].concat();
    let mut kept = killed(path, &arguments, 1);
    assert!(kept > 0 && !path.join("out").exists(), "{kept}");
    // Without a flag it is neither resumed nor deleted.
    let ended = call(path, &arguments);
    assert!(ended.code == Some(1) && ended.err.contains("--resume"), "{}", ended.err);
    // An incomplete part is ignored.
    fs::create_dir_all(path.join(".out.unfinished/part-000099.partial")).unwrap();
    for more in [2, 4] {
        let now = killed(path, &resume, kept + more);
        assert!(!path.join("out").exists(), "the run completed");
        assert!(now >= kept, "{now} after {kept}");
        kept = now;
    }
    let other = [resume.clone(), vec!["--set", "sizing.weight_max=0.2"]].concat();
    let ended = call(path, &other);
    assert!(ended.code == Some(1) && ended.err.contains("settings or its grid"), "{}", ended.err);
    let ended = call(path, &resume);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains(&format!("{kept} of 40 scenarios resumed")), "{}", ended.err);
    assert!(!path.join(".out.unfinished").exists());
    for table in ["scenarios.parquet", "scenario_returns.parquet"] {
        let bytes = |run: &str| fs::read(path.join(run).join(table)).unwrap();
        assert!(bytes("whole") == bytes("out"), "{table} differs");
    }
}

#[test]
fn returns_of_each_scenario_follow_from_its_nav() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(53, 120, 5).write(path);
    fs::write(
        path.join("grid.toml"),
        "[[scenario]]\n\"sizing.kelly_fraction\" = 0.5\n[[scenario]]\n\"estimator.warmup\" = 70\n",
    )
    .unwrap();
    let common = ["estimator.warmup=60"];
    let arguments = [joined("stress", &data, &common), vec!["--grid", "grid.toml", "--out", "out"]].concat();
    let ended = call(path, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let table = Table::read(&path.join("out/scenario_returns.parquet"));
    let scenarios = table.integers("scenario");
    for (number, set) in [(0, "sizing.kelly_fraction=0.5"), (1, "estimator.warmup=70")] {
        let sets = [common[0], set];
        let run = crate::support::run(path, &format!("one-{number}"), &joined("replay", &data, &sets));
        let equity = Table::read(&run.path.join("equity.parquet"));
        let nav = equity.numbers("nav");
        let rows: Vec<usize> = (0..table.rows()).filter(|row| scenarios[*row] == number).collect();
        assert_eq!(rows.len(), nav.len() - 1);
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(table.integers("seq")[*row], equity.integers("seq")[at + 1]);
            assert_eq!(table.times()[*row], equity.times()[at + 1]);
            assert_eq!(table.numbers("net_return")[*row], nav[at + 1] / nav[at] - 1.0);
        }
    }
}

#[test]
fn sample_is_drawn_from_ranges_and_lists() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(59, 100, 4).write(path);
    let sample = r#"[sample]
count = 8
seed = 5
"sizing.turnover_cap" = { from = 0.01, to = 0.64, scale = "log" }
"execution.delay_bars" = { from = 1, to = 4 }
"strategy.kind" = ["quarter_kelly", "equal_weight"]
"#;
    fs::write(path.join("grid.toml"), sample).unwrap();
    let run = |out: &str| {
        let arguments =
            [joined("stress", &data, &["estimator.warmup=60"]), vec!["--grid", "grid.toml", "--out", out]];
        let ended = call(path, &arguments.concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        Table::read(&path.join(out).join("scenarios.parquet"))
    };
    let table = run("one");
    assert_eq!(table.rows(), 8);
    let mut octaves: Vec<i64> = table
        .numbers("sizing.turnover_cap")
        .iter()
        .map(|cap| ((cap / 0.01).log2() * 8.0 / 6.0) as i64)
        .collect();
    octaves.sort_unstable();
    assert_eq!(octaves, (0..8).collect::<Vec<_>>(), "the sample is not evenly spread");
    let delays = table.numbers("execution.delay_bars");
    assert!((1..=4).all(|delay| delays.iter().filter(|value| **value == f64::from(delay)).count() == 2));
    let kinds = table.texts("strategy.kind");
    assert_eq!(kinds.iter().filter(|kind| *kind == "equal_weight").count(), 4);
    assert_eq!(run("two").texts("digest"), table.texts("digest"));
}

#[test]
fn resampled_paths_are_summarised_in_quantiles() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(61, 140, 4).write(path);
    fs::write(path.join("grid.toml"), "[grid]\n\"world.bootstrap_seed\" = { from = 1, to = 9 }\n").unwrap();
    let arguments =
        [joined("stress", &data, &["estimator.warmup=60"]), vec!["--grid", "grid.toml", "--out", "out"]];
    let ended = call(path, &arguments.concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("Resampled paths: 9"), "{}", ended.out);
    let summary: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("out/summary.json")).unwrap()).unwrap();
    let sharpe = Table::read(&path.join("out/scenarios.parquet")).numbers("net_sharpe");
    let mut sharpe: Vec<f64> = sharpe.into_iter().filter(|ratio| !ratio.is_nan()).collect();
    sharpe.sort_by(f64::total_cmp);
    assert!(sharpe.len() > 5, "too few paths trade");
    let found = |name: &str| summary["paths"][0]["net_sharpe"][name].as_f64().unwrap();
    for (name, level) in [("p05", 0.05), ("p25", 0.25), ("median", 0.5), ("p95", 0.95)] {
        let at = level * (sharpe.len() - 1) as f64;
        let (low, high) = (sharpe[at.floor() as usize], sharpe[at.ceil() as usize]);
        let expected = low + (at - at.floor()) * (high - low);
        assert!((found(name) - expected).abs() < 1e-12, "{name}: {} {expected}", found(name));
    }
    let report = fs::read_to_string(path.join("out/report.html")).unwrap();
    assert!(report.contains("<h2>Resampled paths</h2>"));
}
