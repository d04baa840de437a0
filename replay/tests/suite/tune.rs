//! `betaflow tune`: choices follow only from the returns before them.
#![allow(clippy::single_range_in_vec_init)]

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use crate::support::{DAY_NS, Panel, Run, Table, call, folder, joined};

const GRID: &str =
    "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.3]\n\"sizing.kelly_fraction\" = [0.1, 0.5, 1.0]\n";
const COMMON: [&str; 2] = ["estimator.warmup=60", "tune.embargo=10"];

/// Runs `tune` with `GRID` and returns its results.
fn tune(path: &Path, data: &[String], out: &str, more: &[&str]) -> Tuned {
    fs::write(path.join("grid.toml"), GRID).unwrap();
    let arguments =
        [joined("tune", data, &COMMON), vec!["--grid", "grid.toml", "--out", out], more.to_vec()].concat();
    let ended = call(path, &arguments);
    assert_eq!(ended.code, Some(0), "{more:?}: {}", ended.err);
    Tuned { run: Run::at(path.join(out)), text: ended.flat() }
}

struct Tuned {
    run: Run,
    text: String,
}

impl Tuned {
    /// Returns of each scenario, and the times of their frames.
    fn returns(&self) -> (Vec<Vec<f64>>, Vec<i64>) {
        let table = self.run.table("scenario_returns");
        let mut returns = BTreeMap::<i64, Vec<f64>>::new();
        let mut times = BTreeMap::<i64, Vec<i64>>::new();
        for ((scenario, time), net) in
            table.integers("scenario").iter().zip(table.times()).zip(table.numbers("net_return"))
        {
            returns.entry(*scenario).or_default().push(net);
            times.entry(*scenario).or_default().push(time);
        }
        let times = times.into_values().next().unwrap();
        (returns.into_values().collect(), times)
    }

    /// Turnover of each scenario in the same frames.
    fn turnover(&self) -> Vec<Vec<f64>> {
        let table = self.run.table("scenario_returns");
        let mut turnover = BTreeMap::<i64, Vec<f64>>::new();
        for (scenario, of_frame) in table.integers("scenario").iter().zip(table.numbers("turnover")) {
            turnover.entry(*scenario).or_default().push(of_frame);
        }
        turnover.into_values().collect()
    }

    fn choices(&self) -> &Vec<Value> {
        self.run.summary["choices"].as_array().unwrap()
    }
}

/// Annualised Sharpe ratio with the sample standard deviation.
fn sharpe(returns: &[f64]) -> f64 {
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let variance = returns.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / (count - 1.0);
    mean / variance.sqrt() * 252_f64.sqrt()
}

fn growth(returns: &[f64]) -> f64 {
    let wealth: f64 = returns.iter().map(|r| 1.0 + r).product();
    wealth.powf(252.0 / returns.len() as f64) - 1.0
}

fn first_best(scores: &[f64]) -> usize {
    (1..scores.len()).fold(0, |best, at| if scores[at] > scores[best] { at } else { best })
}

fn joined_ranges(returns: &[f64], ranges: &[Range<usize>]) -> Vec<f64> {
    ranges.iter().flat_map(|range| &returns[range.clone()]).copied().collect()
}

type TrainAndTest = (Vec<Range<usize>>, Vec<Range<usize>>);
type Split = fn(usize, usize, usize) -> Vec<TrainAndTest>;
type Score = fn(&[f64]) -> f64;

/// Training and test ranges of each walk-forward fold.
fn forward(frames: usize, folds: usize, embargo: usize) -> Vec<TrainAndTest> {
    let test = frames / (folds + 1);
    let first = frames - folds * test;
    let start = |fold: usize| first + fold * test;
    let each = |fold: usize| (vec![0..start(fold) - embargo], vec![start(fold)..start(fold) + test]);
    (0..folds).map(each).collect()
}

/// Training and test ranges of k folds, without `embargo` frames after each test block.
fn k_fold(frames: usize, folds: usize, embargo: usize) -> Vec<TrainAndTest> {
    let start = |fold: usize| fold * (frames / folds) + fold.min(frames % folds);
    let each = |fold: usize| {
        let train = [0..start(fold), (start(fold + 1) + embargo).min(frames)..frames];
        let train = train.into_iter().filter(|range| !range.is_empty()).collect();
        (train, std::iter::once(start(fold)..start(fold + 1)).collect())
    };
    (0..folds).map(each).collect()
}

fn close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} {expected}");
}

#[test]
fn choices_and_their_results_follow_from_the_returns() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(71, 420, 8).write(path);
    let cases: [(&str, &[&str], Split, usize, Score); 3] = [
        ("a", &[], forward, 5, sharpe),
        ("b", &["--folds", "3", "--objective", "growth"], forward, 3, growth),
        ("c", &["--method", "k_fold"], k_fold, 5, sharpe),
    ];
    for (out, more, split, folds, score) in cases {
        let tuned = tune(path, &data, out, more);
        let (returns, times) = tuned.returns();
        let turnover = tuned.turnover();
        let mean = |setting: usize, ranges: &[Range<usize>]| {
            let of = joined_ranges(&turnover[setting], ranges);
            of.iter().sum::<f64>() / of.len() as f64
        };
        let table = tuned.run.table("folds");
        let joined = tuned.run.table("out_of_sample");
        let splits = split(times.len(), folds, 10);
        assert_eq!((table.rows(), tuned.choices().len()), (folds, folds));
        let (mut expected, mut base) = (Vec::new(), Vec::new());
        for (fold, ((train, test), choice)) in splits.iter().zip(tuned.choices()).enumerate() {
            let of =
                |setting: usize, ranges: &[Range<usize>]| score(&joined_ranges(&returns[setting], ranges));
            let scores: Vec<f64> = (0..returns.len()).map(|setting| of(setting, train)).collect();
            let best = first_best(&scores);
            assert_eq!(choice["best"]["scenario"], best, "{out}, fold {fold}: {scores:?}");
            assert_eq!(table.integers("best_scenario")[fold], best as i64);
            close(&choice["best"]["train_score"], scores[best]);
            close(&choice["best"]["train_turnover"], mean(best, train));
            // The choice with the least turnover among those as good as the best.
            let chosen = choice["scenario"].as_u64().unwrap() as usize;
            assert_eq!(table.integers("scenario")[fold], chosen as i64);
            assert!(mean(chosen, train) <= mean(best, train), "{out}, fold {fold}");
            close(&choice["train_turnover"], mean(chosen, train));
            close(&choice["difference"], scores[best] - scores[chosen]);
            let error = choice["difference_standard_error"].as_f64().unwrap();
            assert!(scores[best] - scores[chosen] <= error, "{out}, fold {fold}");
            close(&choice["train_score"], scores[chosen]);
            close(&choice["test_score"], of(chosen, test));
            close(&choice["test_score"], table.numbers("test_score")[fold]);
            let mut others = scores.clone();
            others[best] = f64::NEG_INFINITY;
            assert_eq!(choice["runner_up"]["scenario"], first_best(&others));
            let sure = choice["certainty"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&sure) && choice["resamples"] == 200);
            assert!(choice["within_one_error"].as_u64().unwrap() >= 1);
            let day = |frame: usize| times[frame];
            let (first, last) = (&train[0], &train[train.len() - 1]);
            let row = ["train_first", "train_last", "test_first", "test_last"]
                .map(|name| table.times_of(name)[fold]);
            assert_eq!(row, [day(first.start), day(last.end - 1), day(test[0].start), day(test[0].end - 1)]);
            assert_eq!(choice["settings"]["sizing.turnover_cap"], [0.02, 0.3][chosen / 3]);
            let judged = |frame: usize| (times[frame], fold as i64, chosen, returns[chosen][frame]);
            expected.extend(test[0].clone().map(judged));
            base.extend(test[0].clone());
        }
        let seq = joined.integers("seq");
        let rows: Vec<_> = (0..joined.rows())
            .map(|row| {
                let scenario = joined.integers("scenario")[row] as usize;
                (
                    joined.times()[row],
                    joined.integers("fold")[row],
                    scenario,
                    joined.numbers("net_return")[row],
                )
            })
            .collect();
        assert_eq!(rows, expected);
        assert!(seq.windows(2).all(|pair| pair[1] == pair[0] + 1));
        let net: Vec<f64> = rows.iter().map(|row| row.3).collect();
        let out_of_sample = &tuned.run.summary["out_of_sample"];
        close(&out_of_sample["metrics"]["sharpe"], sharpe(&net));
        close(&out_of_sample["metrics"]["annual_return"], growth(&net));
        close(&out_of_sample["score"], score(&net));
        assert!(out_of_sample["metrics"]["sharpe_standard_error"].as_f64().unwrap() > 0.0);
        // Best of all frames, in-sample, and its returns in the test frames.
        let all: Vec<f64> = returns.iter().map(|setting| score(setting)).collect();
        let best = first_best(&all);
        let in_sample = &tuned.run.summary["in_sample"];
        assert_eq!(in_sample["best"]["scenario"], best);
        close(&in_sample["best"]["train_score"], all[best]);
        let chosen = in_sample["scenario"].as_u64().unwrap() as usize;
        let whole = std::slice::from_ref(&(0..times.len())).to_vec();
        assert!(mean(chosen, &whole) <= mean(best, &whole));
        assert!(in_sample["label"].as_str().unwrap().starts_with("in-sample"));
        close(&in_sample["train_score"], all[chosen]);
        let hindsight: Vec<f64> = base.iter().map(|frame| returns[best][*frame]).collect();
        close(&out_of_sample["hindsight"]["sharpe"], sharpe(&hindsight));
        assert_eq!(joined.numbers("hindsight_net_return"), hindsight);
        assert!(tuned.text.contains("In-sample: it says what to use, not what to expect."), "{}", tuned.text);
    }
}

#[test]
fn recommended_settings_and_configuration_equal_replays() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(73, 300, 6).write(path);
    let tuned = tune(path, &data, "tuned", &["--no-report"]);
    let best = tuned.run.summary["in_sample"]["scenario"].as_u64().unwrap() as usize;
    let digest = tuned.run.table("scenarios").texts("digest")[best].clone();
    let replay = |config: &str, out: &str| {
        let ended = call(path, &["replay", "--config", config, "--no-report", "--out", out]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        Run::at(path.join(out))
    };
    assert_eq!(replay("tuned/best.toml", "best").digest(), digest);
    let text = fs::read_to_string(path.join("tuned/best.toml")).unwrap();
    assert!(text.starts_with("# Recommended by betaflow tune (in-sample"), "{text}");
    // The configuration is not in the grid, and is compared in the test frames.
    let equity = replay("tuned/run.toml", "base").table("equity");
    let nav: BTreeMap<i64, f64> = equity.times().into_iter().zip(equity.numbers("nav")).collect();
    let joined = tuned.run.table("out_of_sample");
    let before = |time: i64| *nav.range(..time).next_back().unwrap().1;
    for (time, base) in joined.times().into_iter().zip(joined.numbers("base_net_return")) {
        assert!((nav[&time] / before(time) - 1.0 - base).abs() < 1e-12);
    }
    close(&tuned.run.summary["out_of_sample"]["base"]["sharpe"], sharpe(&joined.numbers("base_net_return")));
    assert_eq!(tuned.run.table("scenarios").rows(), 6, "only scenarios of the grid");
    // run.toml of a tune run reproduces it.
    let again =
        ["tune", "--grid", "tuned/grid.toml", "--config", "tuned/run.toml", "--no-report", "--out", "again"];
    let ended = call(path, &again);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let again = Run::at(path.join("again"));
    for key in ["choices", "out_of_sample", "in_sample"] {
        assert_eq!(again.summary[key], tuned.run.summary[key]);
    }
}

#[test]
fn prices_after_a_training_window_do_not_change_its_choice() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(77, 400, 6);
    let data = panel.write(path);
    let before = tune(path, &data, "before", &["--no-report"]);
    for fold in [1, 3] {
        // From the first frame of the embargo on, the data is that of a different market.
        let trained = before.choices()[fold]["train"][0]["frames"].as_u64().unwrap() as usize;
        let (_, times) = before.returns();
        let end = times[trained - 1];
        let mut changed = panel.clone();
        for (at, bar) in changed.bars.iter_mut().enumerate().filter(|(_, bar)| bar.time > end) {
            let factor = 1.0 + 0.3 * ((at % 7) as f64 / 7.0 - 0.4);
            (bar.open, bar.close) = (bar.open * factor, bar.close * factor);
        }
        crate::support::write_tidy(&path.join("changed.parquet"), &changed.bars);
        let out = format!("after-{fold}");
        let after = tune(path, &panel.arguments(path, "changed.parquet"), &out, &["--no-report"]);
        for (at, (a, b)) in before.choices().iter().zip(after.choices()).enumerate() {
            let known = |choice: &Value| {
                let keys = [
                    "scenario",
                    "best",
                    "train",
                    "train_score",
                    "train_turnover",
                    "certainty",
                    "runner_up",
                    "within_one_error",
                ];
                keys.map(|key| choice[key].clone())
            };
            if at <= fold {
                assert_eq!(known(a), known(b), "fold {at}");
            } else {
                assert_ne!(known(a), known(b), "fold {at} uses the changed prices");
            }
        }
        assert_ne!(before.choices()[fold]["test_score"], after.choices()[fold]["test_score"]);
    }
}

#[test]
fn combinatorial_folds_give_a_distribution_of_paths() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 420, 6).write(path);
    let tuned = tune(path, &data, "out", &["--method", "combinatorial", "--folds", "6"]);
    let summary = &tuned.run.summary;
    let (returns, times) = tuned.returns();
    assert_eq!(tuned.choices().len(), 15);
    let out = &summary["out_of_sample"];
    assert_eq!((&out["paths"], &out["frames"]), (&Value::from(5), &Value::from(times.len())));
    let joined = tuned.run.table("out_of_sample");
    let (paths, net) = (joined.integers("path"), joined.numbers("net_return"));
    assert_eq!(joined.rows(), 5 * times.len());
    let mut scores: Vec<f64> = (0..5)
        .map(|path| {
            sharpe(
                &net.iter().zip(&paths).filter(|(_, at)| **at == path).map(|(r, _)| *r).collect::<Vec<_>>(),
            )
        })
        .collect();
    close(&out["metrics"]["sharpe"], scores[out["path"].as_u64().unwrap() as usize]);
    scores.sort_by(f64::total_cmp);
    for (key, expected) in [("lowest", scores[0]), ("median", scores[2]), ("highest", scores[4])] {
        close(&out["scores"][key], expected);
    }
    // The table has a row for each of the two test blocks of a fold; the embargo follows a block.
    let table = tuned.run.table("folds");
    assert_eq!(table.rows(), 30);
    assert!(table.integers("scenario").iter().all(|scenario| (0..returns.len() as i64).contains(scenario)));
    let size = times.len() / 6;
    let first = &tuned.choices()[0];
    assert_eq!(first["test"].as_array().unwrap().len(), 2);
    assert_eq!(first["train"][0]["frames"], times.len() - 2 * size - 10);
}

#[test]
fn short_embargo_is_reported_if_training_follows_a_test_block() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(81, 300, 5).write(path);
    let cases: [(&str, &[&str], Option<&str>); 6] = [
        ("walk_forward", &[], None),
        (
            "k_fold",
            &[],
            Some(
                "embargo is 10 days, but the filter remembers a tested block for about 500 days (1/(1 − 0.998)",
            ),
        ),
        ("k_fold", &["--set", "estimator.kind=dlm"], Some("for about 200 days (1/(1 − 0.995)")),
        ("k_fold", &["--set", "estimator.kind=dlm", "--set", "estimator.discount_factor=0.9"], None),
        (
            "k_fold",
            &["--set", "estimator.kind=dlm", "--set", "estimator.discount_factor=1"],
            Some("never forgets"),
        ),
        (
            "combinatorial",
            &[
                "--folds",
                "5",
                "--set",
                "estimator.kind=fixed",
                "--set",
                "estimator.observation_variance=1e-4",
                "--set",
                "estimator.transition_variance=1e-5",
            ],
            Some("`fixed` has no discount factor"),
        ),
    ];
    for (at, (method, more, warning)) in cases.into_iter().enumerate() {
        let more = [&["--method", method, "--no-report"], more].concat();
        let tuned = tune(path, &data, &format!("out-{at}"), &more);
        let warnings = tuned.run.summary["warnings"].to_string();
        match warning {
            Some(warning) => {
                assert!(warnings.contains(warning), "{more:?}: {warnings}");
                assert!(tuned.text.contains(warning), "{more:?}: {}", tuned.text);
            }
            None => assert!(!warnings.contains("embargo"), "{more:?}: {warnings}"),
        }
    }
}

#[test]
fn environment_settings_and_invalid_folds_are_refused() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(83, 200, 5).write(path);
    let refused = |grid: &str, more: &[&str], words: &[&str]| {
        fs::write(path.join("grid.toml"), grid).unwrap();
        let arguments = [
            joined("tune", &data, &["estimator.warmup=60"]),
            vec!["--grid", "grid.toml", "--out", "out"],
            more.to_vec(),
        ];
        let ended = call(path, &arguments.concat());
        assert_eq!(ended.code, Some(1), "{grid} {more:?}: {}", ended.out);
        for word in words {
            assert!(ended.err.contains(word), "{grid} {more:?}: {word}: {}", ended.err);
        }
        assert!(!path.join("out").exists());
    };
    for setting in ["execution.half_spread_bps", "execution.nav", "data.excess"] {
        let grid = format!("[grid]\n\"{setting}\" = [1]\n");
        let grid = grid.replace("excess\" = [1]", "excess\" = [true]");
        refused(&grid, &[], &[setting, "environment are not tuned", "betaflow stress"]);
    }
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--method", "loo"], &["`tune.method`, set by --method", "walk_forward", "combinatorial"]),
        (&["--objective", "luck"], &["`tune.objective`, set by --objective", "worst_block"]),
        (
            &["--folds", "0"],
            &["`tune.folds`, set by --folds: found 0, expected a whole number from 1 to 1000"],
        ),
        (&["--folds", "two"], &["`tune.folds`, set by --folds", "whole number"]),
        (&["--method", "k_fold", "--folds", "1"], &["`tune.folds`", "found 1", "at least 2"]),
        (&["--set", "tune.embargoes=3"], &["did you mean `tune.embargo`"]),
        (&["--set", "tune.overfitting_blocks=7"], &["`tune.overfitting_blocks`", "found 7", "even"]),
        (
            &["--set", "tune.tested=6", "--method", "combinatorial", "--folds", "6"],
            &["`tune.tested`", "found 6"],
        ),
        (
            &["--embargo", "100", "--force"],
            &["5 folds with an embargo of 100 days", "139 frames", "--resume"],
        ),
    ];
    for (more, words) in cases {
        refused(GRID, more, words);
    }
    // Results of scenarios are stored, so that other folds need no second run.
    let more = ["--grid", "grid.toml", "--out", "out", "--resume", "--embargo", "5", "--no-report"];
    let ended = call(path, &[joined("tune", &data, &["estimator.warmup=60"]), more.to_vec()].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("7 of 7 scenarios resumed"), "{}", ended.err);
    // No setting has a score.
    let sets = ["estimator.warmup=60", "strategy.kind=flat"];
    let ended =
        call(path, &[joined("tune", &data, &sets), vec!["--grid", "grid.toml", "--out", "flat"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.err.contains("no score") && ended.err.contains("strategy.kind"), "{}", ended.err);
    assert!(!path.join("flat").exists());
}

#[test]
fn later_starts_are_aligned_and_the_hold_out_is_kept() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(85, 320, 5);
    let data = panel.write(path);
    fs::write(path.join("grid.toml"), "[grid]\n\"estimator.warmup\" = [60, 90]\n").unwrap();
    // Frames are weekdays.
    let from = panel.times[260] / DAY_NS;
    let sealed = format!("holdout.from={}", date(from));
    let arguments =
        [joined("tune", &data, &[&sealed, "tune.embargo=5"]), vec!["--grid", "grid.toml", "--out", "out"]]
            .concat();
    let ended = call(path, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let run = Run::at(path.join("out"));
    assert!(ended.flat().contains("Hold-out nothing from"), "{}", ended.out);
    assert_eq!(run.summary["holdout"]["opened"], false);
    let report = fs::read_to_string(path.join("out/report.html")).unwrap();
    assert!(report.contains("<b>Hold-out from"), "missing in the report");
    assert!(run.summary["warning_codes"].to_string().contains("aligned_frames"));
    assert!(ended.out.contains("[aligned_frames]"), "{}", ended.out);
    // The configuration itself has a warm-up of 252 days.
    assert!(ended.flat().contains("compared as if it held cash"), "{}", ended.out);
    let joined = run.table("out_of_sample");
    assert!(joined.times().iter().all(|time| *time < panel.times[260]));
    // 260 frames: 90 returns of warm-up, and the frame of the first rebalance.
    assert_eq!(run.summary["frames"], 260 - 91);
    assert_eq!(Table::read(&path.join("out/scenarios.parquet")).rows(), 2);
}

/// Date of a day since 1970.
fn date(day: i64) -> String {
    let mut left = day - 16_436;
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    for year in 2015.. {
        let leap = i64::from(year % 4 == 0);
        for (month, length) in lengths.iter().enumerate() {
            let length = length + if month == 1 { leap } else { 0 };
            if left < length {
                return format!("{year}-{:02}-{:02}", month + 1, left + 1);
            }
            left -= length;
        }
    }
    unreachable!()
}
