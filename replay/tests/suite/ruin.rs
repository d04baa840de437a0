//! A ruined account (NAV of 0 or below) is reported by every command before its figures.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{DAY_NS, Panel, Run, Table, call, folder, joined, paper, run, sets};

/// Three times the NAV in equal weights; fully invested with a gross limit of 1.
const SETTINGS: [&str; 6] = [
    "strategy.kind=equal_weight",
    "estimator.warmup=40",
    "sizing.weight_max=1",
    "sizing.net_target=3",
    "sizing.turnover_cap=2",
    "sizing.gross_max=4",
];
/// Frame in which all prices fall by 70 %.
const FALL: usize = 150;

fn panel() -> Panel {
    let mut panel = Panel::new(53, 220, 5);
    let at = panel.times[FALL];
    for bar in panel.bars.iter_mut().filter(|bar| bar.time >= at) {
        bar.open *= 0.3;
        bar.close *= 0.3;
    }
    panel
}

fn date(panel: &Panel, frame: usize) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(panel.times[frame])).unwrap().strftime("%Y-%m-%d").to_string()
}

/// Checks that a text has no NaN and no infinite number.
fn is_finite(text: &str) {
    for word in ["NaN", "nan", "inf ", "Infinity"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

/// Runs `stress` or `tune` with a grid.
fn study(path: &Path, command: &str, data: &[String], grid: &str, more: &[&str]) -> (Run, String) {
    fs::write(path.join("grid.toml"), grid).unwrap();
    let name = format!("{command}-{}", fs::read_dir(path).unwrap().count());
    let tail = ["--grid", "grid.toml", "--out", &name, "--trials", "none"];
    let ended = call(path, &[&joined(command, data, &SETTINGS)[..], &sets(more), &tail].concat());
    assert_eq!(ended.code, Some(0), "{grid}: {}", ended.err);
    is_finite(&ended.out);
    (Run::at(path.join(name)), ended.out)
}

fn outcomes(run: &Run) -> Vec<String> {
    run.table("scenarios").texts("outcome")
}

#[test]
fn replay_report_size_and_diff_report_a_ruined_account() {
    let folder = folder();
    let (path, panel) = (folder.path(), panel());
    let data = panel.write(path);
    let at = date(&panel, FALL);
    let ended = call(path, &[joined("replay", &data, &SETTINGS), vec!["--out", "a"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.starts_with(&format!("RUINED at {at}")), "{}", ended.out);
    is_finite(&ended.out);
    let run = Run::at(path.join("a"));
    assert_eq!(run.summary["outcome"], serde_json::json!({"kind": "ruined", "at": at}));
    assert_eq!(run.summary["warning_codes"][0], "ruined");
    let equity = run.table("equity");
    let nav = equity.numbers("nav");
    assert_eq!(equity.integers("seq").last(), Some(&(FALL as i64)));
    assert!(nav[nav.len() - 1] < 0.0 && nav[..nav.len() - 1].iter().all(|nav| *nav > 0.0));
    let fills = run.table("fills");
    let closing = fills.texts("reason").iter().filter(|reason| *reason == "ruin").count();
    assert!(closing > 0, "positions were not closed");

    let report = fs::read_to_string(path.join("a/report.html")).unwrap();
    let place = |text: &str| report.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(place("RUINED at") < place("class=\"lead\"") && place("RUINED at") < place("class=\"tiles\""));
    assert_eq!(call(path, &["report", "a"]).code, Some(0));
    assert_eq!(fs::read_to_string(path.join("a/report.html")).unwrap(), report);

    let later = date(&panel, FALL + 10);
    let size = call(path, &[joined("size", &data, &SETTINGS), vec!["--at", &later]].concat());
    assert!(size.code == Some(1) && size.err.contains(&format!("was ruined at {at}")), "{}", size.err);

    let safe = [&SETTINGS[..5], &["sizing.gross_max=1"]].concat();
    crate::support::run(path, "b", &joined("replay", &data, &safe));
    for (one, other, name) in [("a", "b", "A"), ("b", "a", "B")] {
        let diff = call(path, &["diff", one, other]);
        let expected = format!("{name} (");
        assert!(
            diff.code == Some(1) && diff.out.contains(&expected) && diff.out.contains("[ruined]"),
            "{}",
            diff.out
        );
    }
    let json = call(path, &["diff", "a", "b", "--json"]).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    let gap = &json["gap"];
    let [all, parts] = ["gap", "sum_of_parts"].map(|name| gap[name].as_f64().unwrap());
    assert!((all - parts).abs() <= 1e-6 * all.abs(), "{gap}");
    assert!(gap["parts"]["not_explained"].as_f64().unwrap().abs() <= 1e-6 * all.abs(), "{gap}");
}

#[test]
fn ruined_scenario_is_marked_and_never_best() {
    let folder = folder();
    let path = folder.path();
    let data = panel().write(path);
    // The ruined scenarios have the highest limits, and the best is next to them.
    let grid = "[grid]\n\"sizing.gross_max\" = [0.2, 0.6, 1, 2, 4]\n";
    let (run, out) = study(path, "stress", &data, grid, &[]);
    assert_eq!(outcomes(&run), ["completed", "completed", "completed", "ruined", "ruined"]);
    let table = run.table("scenarios");
    for name in ["net_sharpe", "net_sortino", "net_calmar", "net_omega", "gross_sharpe"] {
        let values = table.numbers(name);
        assert!(values[..3].iter().all(|value| value.is_finite()), "{name}: {values:?}");
        assert!(values[3..].iter().all(|value| value.is_nan()), "{name}: {values:?}");
    }
    for name in ["net_total_return", "net_annual_return", "net_max_drawdown"] {
        assert_eq!(table.numbers(name)[3..], [-1.0, -1.0], "{name}");
    }
    assert!(table.numbers("nav_last")[4] < table.numbers("nav_last")[3]);
    let ruined: Vec<_> = run.summary["ruined"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["scenario"].as_u64().unwrap())
        .collect();
    assert_eq!(ruined, [3, 4]);
    assert_eq!(run.summary["ruined"][0]["settings"]["sizing.gross_max"], 2.0);
    assert!(run.summary["warning_codes"].as_array().unwrap().contains(&"ruined_scenarios".into()));
    let luck = &run.summary["luck"];
    assert_eq!((&luck["compared"], &luck["ruined"]), (&3.into(), &serde_json::json!([3, 4])));
    assert!(luck["best"]["scenario"].as_u64().unwrap() < 3);
    assert!(luck["base"].is_null(), "the ruined configuration has no ratio: {}", luck["base"]);
    // A neighbour of a ruined scenario is not robust.
    assert!(luck["robust"]["scenario"].as_u64().unwrap() < 2, "{}", luck["robust"]);
    let lines: Vec<&str> = out.lines().collect();
    let place = |word: &str| lines.iter().position(|line| line.starts_with(word)).unwrap();
    assert!(place("RUINED: 2 of 5 scenarios") < place("  Best  "), "{out}");
    // A scenario equals the replay with its settings, returns included.
    let own = [&SETTINGS[..5], &["sizing.gross_max=2"]].concat();
    let replay =
        crate::support::run(path, "replay", &[joined("replay", &data, &own), vec!["--no-report"]].concat());
    assert_eq!(table.texts("digest")[3], replay.digest());
    let returns = run.table("scenario_returns");
    let of = |number: i64| -> Vec<f64> {
        let rows = returns.integers("scenario").into_iter().zip(returns.numbers("net_return"));
        rows.filter(|(scenario, _)| *scenario == number).map(|(_, net)| net).collect()
    };
    let nav = replay.table("equity").numbers("nav");
    let expected: Vec<f64> = nav.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    assert_eq!(of(3), expected);
    let rows = returns.integers("scenario").into_iter().zip(returns.times());
    let last = rows.filter(|(scenario, _)| *scenario == 3).map(|(_, time)| time).next_back();
    assert_eq!(last, replay.table("equity").times().last().copied());
    let report = fs::read_to_string(run.path.join("report.html")).unwrap();
    assert!(report.find("RUINED").unwrap() < report.find("class=\"lead\"").unwrap());
}

#[test]
fn repriced_scenario_is_ruined_by_its_costs_or_with_its_base() {
    let folder = folder();
    let path = folder.path();
    let data = panel().write(path);
    let grid = "trades = \"fixed\"\n[grid]\n\"execution.half_spread_bps\" = [4, 8000]\n";
    let (run, _) = study(path, "stress", &data, grid, &["sizing.gross_max=1"]);
    assert_eq!(outcomes(&run), ["completed", "ruined"]);
    let (nav, total) =
        (run.table("scenarios").numbers("nav_last"), run.table("scenarios").numbers("net_total_return"));
    assert!(nav[1] <= 0.0 && total[1] == -1.0 && total[0] > -1.0, "{nav:?} {total:?}");
    let rows = run.table("scenario_returns").integers("scenario");
    let [first, second] = [0, 1].map(|number| rows.iter().filter(|scenario| **scenario == number).count());
    assert!(second < first, "{second} returns before the ruin");
    // Trades end with the base account, whatever their costs in a scenario.
    let (run, _) = study(path, "stress", &data, grid, &[]);
    assert_eq!(outcomes(&run), ["ruined", "ruined"]);
    let scenarios = run.table("scenarios");
    assert_eq!(scenarios.numbers("net_total_return"), [-1.0; 2]);
    for side in ["net", "gross"] {
        for ratio in ["sharpe", "sortino", "calmar", "sharpe_excess", "sortino_excess"] {
            let found = scenarios.numbers(&format!("{side}_{ratio}"));
            assert!(found.iter().all(|value| value.is_nan()), "{side}_{ratio}: {found:?}");
        }
        let total = scenarios.numbers(&format!("{side}_total_return"));
        assert!(total.iter().all(|total| total.is_nan() || *total == -1.0), "{side}: {total:?}");
    }
}

#[test]
fn tune_chooses_among_settings_that_survive() {
    let folder = folder();
    let path = folder.path();
    let data = panel().write(path);
    let settings = ["tune.embargo=2", "tune.folds=3"];
    let grid = "[grid]\n\"sizing.gross_max\" = [4, 0.3, 2, 1]\n";
    let (run, out) = study(path, "tune", &data, grid, &settings);
    assert_eq!(outcomes(&run), ["ruined", "completed", "ruined", "completed"]);
    let numbers = |list: &Value| -> Vec<u64> {
        list.as_array().unwrap().iter().map(|one| one["scenario"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(&run.summary["ruined"]), [0, 2]);
    let survives = |scenario: &u64| [1, 3].contains(scenario);
    assert!(numbers(&run.summary["choices"]).iter().all(survives));
    assert!(survives(&run.summary["in_sample"]["scenario"].as_u64().unwrap()));
    for choice in run.summary["choices"].as_array().unwrap() {
        let next = choice["runner_up"]["scenario"].as_u64();
        assert!(next.is_none_or(|next| survives(&next)), "{choice}");
    }
    assert_eq!(run.summary["luck"]["compared"], 2);
    assert!(out.starts_with("RUINED: 2 of") || out.contains("\nRUINED: 2 of"), "{out}");
    assert!(out.contains("sizing.gross_max=4"), "settings are missing: {out}");
    let best = fs::read_to_string(run.path.join("best.toml")).unwrap();
    assert!(["gross_max = 0.3\n", "gross_max = 1.0\n"].iter().any(|line| best.contains(line)), "{best}");
    // The configuration has a gross limit of 4, like the first scenario.
    let base = &run.summary["out_of_sample"]["base"];
    assert_eq!(base["total_return"], -1.0);
    assert!(base["sharpe"].is_null());
    let beside = Table::read(&run.path.join("out_of_sample.parquet"));
    let (times, net) = (beside.times(), beside.numbers("base_net_return"));
    let after = panel().times[FALL];
    for (time, net) in times.iter().zip(net) {
        assert_eq!(net.is_nan(), *time > after, "return after the ruin, at {}", time / DAY_NS);
    }

    fs::write(path.join("grid.toml"), "[grid]\n\"sizing.gross_max\" = [3, 4]\n").unwrap();
    let tail = ["--grid", "grid.toml", "--out", "none", "--trials", "none"];
    let ended = call(path, &[&joined("tune", &data, &SETTINGS)[..], &sets(&settings), &tail].concat());
    assert!(ended.code == Some(1) && ended.err.contains("all 2 settings are ruined"), "{}", ended.err);
}

#[test]
fn score_reports_a_ruin_before_or_in_the_hold_out() {
    let folder = folder();
    let (path, panel) = (folder.path(), panel());
    let data = panel.write(path);
    let score = |frame: usize, out: &str| {
        let from = format!("holdout.from={}", date(&panel, frame));
        let all = [joined("score", &data, &SETTINGS), sets(&[&from]), vec!["--out", out]].concat();
        call(path, &all)
    };
    let after = score(FALL + 5, "after");
    let expected =
        format!("ruined at {}, before the hold-out begins at {}", date(&panel, FALL), date(&panel, FALL + 5));
    assert!(after.code == Some(1) && after.err.contains(&expected), "{}", after.err);
    let inside = score(FALL - 20, "inside");
    assert_eq!(inside.code, Some(0), "{}", inside.err);
    assert!(inside.out.starts_with("RUINED at"), "{}", inside.out);
    is_finite(&inside.out);
    let run = Run::at(path.join("inside"));
    let net = &run.summary["holdout"]["metrics"]["net"];
    assert_eq!((&net["total_return"], &net["sharpe"]), (&(-1.0).into(), &Value::Null));
    assert!(run.summary["holdout"]["before"]["metrics"]["net"]["sharpe"].is_number());
    let report = fs::read_to_string(path.join("inside/report.html")).unwrap();
    assert!(report.find("RUINED").unwrap() < report.find("class=\"lead\"").unwrap());
}

#[test]
fn paper_of_a_ruined_account_stops_trading_permanently() {
    let folder = folder();
    let (path, panel) = (folder.path(), panel());
    let data = panel.write(path);
    let own: Vec<&str> = SETTINGS.iter().copied().filter(|set| !set.starts_with("estimator")).collect();
    let both = [&paper::SETTINGS[..], &own].concat();
    let replay = run(path, "replay", &[joined("replay", &data, &both), vec!["--no-report"]].concat());
    assert_eq!(replay.summary["outcome"]["kind"], "ruined");
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let arguments = [paper::arguments(&serving.url, "state"), sets(&own)].concat();
    let at = date(&panel, FALL);
    let ended = call(path, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains(&format!("RUINED at {at}")), "{}", ended.out);
    assert_eq!(paper::digest(&ended.out), replay.digest(), "{}", ended.out);

    let connection = Connection::open(path.join("state/state.db")).unwrap();
    let one = |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(one("SELECT count(*) || '' FROM events WHERE kind = 'ruined'"), "1");
    assert_eq!(one("SELECT count(*) || '' FROM weights"), "0", "positions remain");
    assert_eq!(one("SELECT reason FROM fills ORDER BY seq DESC, n DESC LIMIT 1"), "ruin");
    let status = || one("SELECT value FROM status WHERE key = 'trading'");
    assert!(status().contains("\"ruined\"") && status().contains("RUINED at"), "{}", status());
    let rows = one("SELECT count(*) || '' FROM equity");

    // A restart stays ruined, whatever the flags.
    let again = call(path, &[&arguments[..], &["--resume-trading"]].concat());
    assert!(
        again.code == Some(0) && again.out.matches("RUINED at").count() == 2,
        "{} {}",
        again.out,
        again.err
    );
    assert_eq!(paper::digest(&again.out), replay.digest());
    assert_eq!(one("SELECT count(*) || '' FROM equity"), rows);
    assert!(status().contains("\"ruined\""), "{}", status());
    let state = call(path, &["state", "state"]).out;
    assert!(state.starts_with(&format!("RUINED at {at}")), "{state}");
    let json: Value = serde_json::from_str(&call(path, &["state", "state", "--json"]).out).unwrap();
    assert_eq!(json["ruined"], at);
    assert_eq!(json["value"]["return"], -1.0);
    let session = call(path, &["replay", "--session", "state", "--out", "session", "--no-report"]);
    assert!(
        session.code == Some(0) && session.out.starts_with("RUINED at"),
        "{} {}",
        session.out,
        session.err
    );
}
