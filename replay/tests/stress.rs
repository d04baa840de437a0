//! `betaflow stress`: a row a scenario, each the replay with its settings.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::fs;

use support::{Panel, Run, Table, call, folder, joined};

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
fn each_scenario_is_the_replay_with_its_settings() {
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
        assert!(ended.out.contains(&format!("{count} scenarios")), "{}", ended.out);
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

/// The scenarios of a grid file, by a reading of its own.
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
fn scenarios_that_look_ahead_are_called_so() {
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
    for (what, text) in [("terminal", &ended.out), ("summary", &summary), ("report", &report)] {
        assert!(text.contains(note), "{what}");
    }
    assert!(table.windows(note.len()).any(|bytes| bytes == note.as_bytes()), "scenarios.parquet");
}

#[test]
fn a_bad_grid_is_refused_with_its_place() {
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
        ("[grid\n", &["grid.toml", "not valid TOML"]),
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
