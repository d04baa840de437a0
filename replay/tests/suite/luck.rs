//! Multiple testing of the best scenario, counted over all runs on the same data.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use betaflow_engine::metrics::ObservedSharpe;
use betaflow_engine::validation::{Trials, min_backtest_years, overfitting};
use serde_json::Value;

use crate::support::{Ended, Panel, Run, Table, call, folder, joined};

const TRIALS_LOG: &str = "prices.parquet.trials.jsonl";
const CAPS: &str = "\"sizing.turnover_cap\" = [0.01, 0.03, 0.08, 0.2]";
const SPREADS: &str = "\"execution.half_spread_bps\" = [0, 4, 20]";

/// Runs a grid with these lines, which must succeed.
fn stress(folder: &Path, data: &[String], lines: &[&str], extra: &[&str]) -> (Run, Ended) {
    fs::write(folder.join("grid.toml"), format!("[grid]\n{}\n", lines.join("\n"))).unwrap();
    let common = joined("stress", data, &["estimator.warmup=60"]);
    let arguments = ["--grid", "grid.toml", "--out", "out", "--force"];
    let ended = call(folder, &[&common[..], &arguments, extra].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    (Run::at(folder.join("out")), ended)
}

fn trials(run: &Run) -> [u64; 3] {
    ["count", "of_this_run", "measured"].map(|name| run.summary["luck"]["trials"][name].as_u64().unwrap())
}

fn near(found: &Value, expected: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!((found - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{what}: {found} {expected}");
}

/// Returns of each scenario from its table.
fn returns(run: &Run) -> BTreeMap<i64, Vec<f64>> {
    let table = run.table("scenario_returns");
    let mut returns = BTreeMap::<i64, Vec<f64>>::new();
    for (scenario, net) in table.integers("scenario").into_iter().zip(table.numbers("net_return")) {
        returns.entry(scenario).or_default().push(net);
    }
    returns
}

#[test]
fn best_is_deflated_by_the_choices_in_its_environment() {
    let folder = folder();
    let data = Panel::new(71, 260, 8).write(folder.path());
    // A choice with a longer warm-up has fewer returns; all are compared on those frames.
    let warmup = "\"estimator.warmup\" = [60, 120]";
    let (run, ended) = stress(folder.path(), &data, &[CAPS, SPREADS, warmup], &[]);
    let table = run.table("scenarios");
    let (spreads, sharpe) = (table.numbers("execution.half_spread_bps"), table.numbers("net_sharpe"));
    let rows: Vec<usize> = (0..table.rows()).filter(|row| spreads[*row] == 4.0).collect();
    assert_eq!((table.rows(), rows.len()), (24, 8));
    let best = *rows.iter().max_by(|a, b| sharpe[**a].total_cmp(&sharpe[**b])).unwrap();
    assert!(sharpe.iter().any(|other| *other > sharpe[best]), "no other environment is better");

    let luck = &run.summary["luck"];
    assert_eq!(luck["best"]["scenario"], best, "{luck}");
    let all = returns(&run);
    let frames = rows.iter().map(|row| all[&(*row as i64)].len()).min().unwrap();
    assert!(frames < all[&0].len() && frames == all[&1].len(), "{frames}");
    let common: Vec<&[f64]> = rows.iter().map(|row| &all[&(*row as i64)][..]).collect();
    let common: Vec<&[f64]> = common.iter().map(|returns| &returns[returns.len() - frames..]).collect();
    let observed: Vec<ObservedSharpe> =
        common.iter().map(|returns| ObservedSharpe::of(returns.iter().copied())).collect();
    let tried = Trials::of(&observed.iter().map(|trial| trial.ratio).collect::<Vec<_>>());
    let chosen = observed[rows.iter().position(|row| *row == best).unwrap()];

    assert_eq!(trials(&run), [8; 3]);
    near(&luck["trials"]["variance"], tried.variance, "variance");
    near(&luck["trials"]["expected_best_sharpe"], tried.expected_best() * 252_f64.sqrt(), "expected best");
    let of = &luck["best"];
    near(&of["sharpe"], chosen.ratio * 252_f64.sqrt(), "ratio");
    near(&of["deflated_sharpe"], tried.deflated_sharpe(&chosen), "deflated");
    near(&of["probabilistic_sharpe"], chosen.probability_above(0.0), "alone");
    assert!(of["deflated_sharpe"].as_f64() < of["probabilistic_sharpe"].as_f64());
    let years = min_backtest_years(8.0, chosen.ratio * 252_f64.sqrt());
    near(&of["min_backtest_years"], years, "years");
    near(&luck["years"], frames as f64 / 252.0, "years of data");
    // Ten frames per block, and an even number of blocks.
    let blocks = frames / 10 / 2 * 2;
    let expected = overfitting(&common, blocks).unwrap();
    near(&luck["overfitting"]["probability"], expected.probability, "overfitting");
    assert_eq!(luck["overfitting"]["blocks"], blocks);
    assert_eq!(luck["overfitting"]["splits"], expected.splits);

    let deflated = of["deflated_sharpe"].as_f64().unwrap();
    let text = format!(
        "scenario {best}: best of the 8 choices in the configured environment; net Sharpe ratio {:.2}",
        sharpe[best]
    );
    for part in [
        &text[..],
        "Trials 8 distinct choices, all of this run; trials log: ",
        &format!("Deflated Sharpe ratio {deflated:.3} ("),
    ] {
        assert!(ended.flat().contains(part), "{part}: {}", ended.out);
    }
    let report = fs::read_to_string(run.path.join("report.html")).unwrap();
    for part in ["<b>8 trials</b>", "Deflated Sharpe ratio", "Probability of backtest overfitting: <b>"] {
        assert!(report.contains(part), "{part}");
    }
}

#[test]
fn choice_counts_once_over_all_environments_and_runs() {
    let folder = folder();
    let data = Panel::new(72, 140, 6).write(folder.path());
    let list = |name: &str, scale: f64| {
        let values: Vec<String> = (1..=10).map(|at| format!("{}", f64::from(at) * scale)).collect();
        format!("\"{name}\" = [{}]", values.join(", "))
    };
    let (caps, costs) = (list("sizing.turnover_cap", 0.01), list("execution.half_spread_bps", 1.0));
    let kelly = list("sizing.kelly_fraction", 0.05);
    let quick = ["--no-report"];
    // Lines of the grid; trials in total, of this run, and measured in its environment; lines of the log.
    let cases: [(&[&str], [u64; 3], usize); 5] = [
        (&[&caps, &costs], [10, 10, 10], 1),
        (&[&caps, &costs], [10, 10, 10], 2),
        // One of the ten caps is the default, 0.08.
        (&[&kelly], [19, 10, 19], 3),
        // The same choices in another environment are the same trials, but not measured there before.
        (&[&kelly, "\"execution.delay_bars\" = [3]"], [19, 10, 10], 4),
        (&[&costs], [19, 1, 19], 5),
    ];
    for (lines, expected, count) in cases {
        let (run, _) = stress(folder.path(), &data, lines, &quick);
        assert_eq!(trials(&run), expected, "{lines:?}");
        let log = fs::read_to_string(folder.path().join(TRIALS_LOG)).unwrap();
        assert_eq!(log.lines().count(), count, "{lines:?}");
        assert_eq!(run.summary["luck"]["ledger"]["runs_before"], count - 1);
    }
    // A resumed run is logged once.
    let (run, _) = stress(folder.path(), &data, cases[0].0, &["--no-report", "--resume"]);
    assert_eq!(trials(&run), [19, 10, 19]);
    let log = fs::read_to_string(folder.path().join(TRIALS_LOG)).unwrap();
    assert_eq!(log.lines().count(), 5);
    let first: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(
        (first["command"].as_str(), first["strategy"].as_str()),
        (Some("stress"), Some("quarter_kelly"))
    );
    // The last of 140 weekdays since 2015-01-01.
    assert_eq!(first["data"]["last"], "2015-07-15");
    let choices = first["choices"].as_object().unwrap();
    assert!(choices.iter().all(|(digest, ratio)| digest.len() == 16 && ratio.is_f64()), "{choices:?}");

    // Extended data shares the log, but its ratios have another period.
    Panel::new(72, 150, 6).write(folder.path());
    let (run, _) = stress(folder.path(), &data, &[&kelly], &quick);
    assert_eq!(trials(&run), [19, 10, 10]);
    let (run, _) = stress(folder.path(), &data, &["\"sizing.gross_max\" = [0.5]"], &quick);
    assert_eq!(trials(&run), [20, 1, 11]);
}

#[test]
fn varying_only_the_environment_is_one_trial() {
    let folder = folder();
    let data = Panel::new(73, 140, 6).write(folder.path());
    let (run, ended) = stress(folder.path(), &data, &[SPREADS], &[]);
    let luck = &run.summary["luck"];
    assert_eq!((trials(&run), luck["best"]["scenario"].as_u64()), ([1; 3], Some(1)));
    assert_eq!(luck["best"]["deflated_sharpe"], luck["best"]["probabilistic_sharpe"]);
    assert_eq!(
        (&luck["overfitting"], luck["best"]["min_backtest_years"].as_f64()),
        (&Value::Null, Some(0.0))
    );
    assert!(ended.flat().contains("Environments execution.half_spread_bps varies"), "{}", ended.out);
    assert!(ended.flat().contains("with one trial and so no correction"), "{}", ended.out);
    let report = fs::read_to_string(run.path.join("report.html")).unwrap();
    assert!(report.contains("It is <b>one trial</b>"));
}

#[test]
fn trials_log_may_be_elsewhere_absent_or_unwritable() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(74, 140, 6).write(path);
    let (run, ended) = stress(path, &data, &[CAPS], &["--trials", "none"]);
    assert_eq!((trials(&run), &run.summary["luck"]["ledger"]["file"]), ([4; 3], &Value::Null));
    assert!(ended.flat().contains("no trials log is kept"), "{}", ended.out);
    assert!(!path.join(TRIALS_LOG).exists());
    let (run, ended) = stress(path, &data, &[CAPS], &["--trials", "other.jsonl"]);
    let ledger = &run.summary["luck"]["ledger"];
    assert_eq!((&ledger["problem"], &ledger["runs_before"]), (&Value::Null, &0.into()), "{ledger}");
    assert!(
        ended.flat().contains("trials log: other.jsonl") && path.join("other.jsonl").exists(),
        "{}",
        ended.out
    );
    assert!(!path.join(TRIALS_LOG).exists());
    // A folder blocks the path of the log; root ignores permissions.
    fs::create_dir(path.join(TRIALS_LOG)).unwrap();
    let (run, ended) = stress(path, &data, &[CAPS], &[]);
    let problem = run.summary["luck"]["ledger"]["problem"].as_str().unwrap();
    assert!(problem.contains(TRIALS_LOG) && problem.contains("--trials FILE"), "{problem}");
    assert!(ended.flat().contains(problem) && ended.out.contains("[trials_log]"), "{}", ended.out);
    assert_eq!(trials(&run), [4; 3]);
}

#[test]
fn hold_out_is_reported_and_settings_without_results_cannot_vary() {
    let folder = folder();
    let data = Panel::new(75, 140, 6).write(folder.path());
    let sealed = ["--set", "holdout.from=2015-06-01"];
    let (run, ended) = stress(folder.path(), &data, &[CAPS], &sealed);
    let said = "Hold-out nothing from 2015-06-01 on was read";
    assert!(ended.flat().contains(said), "{}", ended.out);
    assert_eq!(run.summary["holdout"]["from"], "2015-06-01");
    assert_eq!(run.summary["data"]["last"], "2015-05-29");
    let report = fs::read_to_string(run.path.join("report.html")).unwrap();
    assert!(report.contains("Hold-out from 2015-06-01:"));
    let last = Table::read(&run.path.join("scenario_returns.parquet")).times().into_iter().max();
    assert_eq!(last, Some(16_584 * crate::support::DAY_NS), "2015-05-29");

    let arguments = joined("stress", &data, &[]);
    for (setting, values) in [
        ("holdout.from", "[\"2015-06-01\", \"2015-07-01\"]"),
        ("feed.bar", "[\"1m\", \"5m\"]"),
        ("tune.folds", "[3, 5]"),
        ("pipeline.capacity", "[8, 64]"),
        ("record.weights", "[\"all\", \"none\"]"),
        ("alerts.webhook", "[\"http://127.0.0.1:9\"]"),
    ] {
        fs::write(folder.path().join("grid.toml"), format!("[grid]\n\"{setting}\" = {values}\n")).unwrap();
        let ended =
            call(folder.path(), &[&arguments[..], &["--grid", "grid.toml", "--out", "varied"]].concat());
        assert_eq!(ended.code, Some(1), "{setting}");
        assert!(ended.err.contains(&format!("grid.toml: `{setting}`")), "{}", ended.err);
    }
}

#[test]
fn settings_without_effect_are_named() {
    let folder = folder();
    let data = Panel::new(72, 140, 6).write(folder.path());
    // The mixture has discount factors of its own.
    let (idle, kelly) =
        ("\"estimator.discount_factor\" = [0.9, 0.95]", "\"sizing.kelly_fraction\" = [0.1, 0.5]");
    // Lines of the grid, and the settings that the warning names.
    let cases: [(&[&str], &[&str]); 3] = [
        (&[CAPS, idle], &["estimator.discount_factor"]),
        (
            &[kelly, idle, "\"strategy.kind\" = [\"flat\"]"],
            &["sizing.kelly_fraction", "estimator.discount_factor"],
        ),
        (&[CAPS, SPREADS], &[]),
    ];
    for (lines, expected) in cases {
        let (run, ended) = stress(folder.path(), &data, lines, &["--no-report", "--trials", "none"]);
        let codes = run.summary["warning_codes"].as_array().unwrap();
        let at = codes.iter().position(|code| code == "setting_without_effect");
        let text = at.map_or_else(String::new, |at| run.summary["warnings"][at].as_str().unwrap().to_owned());
        for setting in ["sizing.turnover_cap", "sizing.kelly_fraction", "estimator.discount_factor"] {
            assert_eq!(text.contains(setting), expected.contains(&setting), "{lines:?} {setting}: {text}");
        }
        assert_eq!(at.is_some(), ended.out.contains("[setting_without_effect]"), "{}", ended.out);
    }
}
