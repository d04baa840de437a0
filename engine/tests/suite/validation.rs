//! Folds, deflated Sharpe ratios and the probability of overfitting agree with `skfolio`, `scikit-learn` and
//! the papers.
//!
//! The script `reference/make_validation.py` computes the reference numbers.

use std::ops::Range;

use betaflow_engine::metrics::ObservedSharpe;
use betaflow_engine::validation::{
    CombinatorialPurged, Fold, Overfitting, StationaryBootstrap, Trials, WalkForward, min_backtest_years,
    overfitting, purged_k_fold,
};

const TOLERANCE: f64 = 1e-9;

/// Arguments and reference values of one kind.
fn reference(what: &str) -> Vec<(Vec<&'static str>, &'static str)> {
    let lines = include_str!("../reference/validation.csv").lines().skip(1);
    let cells = lines.map(|line| line.splitn(3, ',').collect::<Vec<_>>());
    let cases: Vec<_> = cells
        .filter(|cells| cells[0] == what)
        .map(|cells| (cells[1].split(' ').collect(), cells[2]))
        .collect();
    assert!(!cases.is_empty(), "no reference for {what}");
    cases
}

fn sizes(arguments: &[&str]) -> Vec<usize> {
    arguments.iter().map(|text| text.parse().unwrap()).collect()
}

fn trials() -> Vec<Vec<f64>> {
    let lines = include_str!("../reference/trials.csv").lines();
    lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect()
}

fn written(folds: impl Iterator<Item = Fold>) -> String {
    let runs = |ranges: &[Range<usize>]| {
        ranges.iter().map(|range| format!("{}-{}", range.start, range.end)).collect::<Vec<_>>().join("+")
    };
    folds.map(|fold| format!("{}/{}", runs(&fold.train), runs(&fold.test))).collect::<Vec<_>>().join("|")
}

fn assert_close(found: f64, expected: &str, what: &[&str]) {
    let expected: f64 = expected.parse().unwrap();
    assert!((found - expected).abs() <= TOLERANCE, "{what:?}: {found}, reference {expected}");
}

#[test]
fn walk_forward_agrees_with_skfolio() {
    for (arguments, expected) in reference("walk_forward") {
        let [frames, train, test, embargo, expanding, keep_short] = sizes(&arguments)[..] else { panic!() };
        let (expanding, keep_short) = (expanding == 1, keep_short == 1);
        let windows = WalkForward { train, test, embargo, expanding, keep_short };
        assert_eq!(written(windows.folds(frames).unwrap()), expected, "{arguments:?}");
    }
}

#[test]
fn number_of_walk_forward_folds_agrees_with_scikit_learn() {
    for (arguments, expected) in reference("time_series_split") {
        let [frames, folds, embargo] = sizes(&arguments)[..] else { panic!() };
        let windows = WalkForward::split(frames, folds, embargo).unwrap();
        assert_eq!(written(windows.folds(frames).unwrap()), expected, "{arguments:?}");
    }
}

#[test]
fn purged_k_fold_agrees_with_scikit_learn_without_frames_near_the_test() {
    for (arguments, expected) in reference("purged_k_fold") {
        let [frames, folds, purge, embargo] = sizes(&arguments)[..] else { panic!() };
        let found = purged_k_fold(frames, folds, purge, embargo).unwrap();
        assert_eq!(written(found), expected, "{arguments:?}");
    }
}

#[test]
fn combinatorial_folds_and_paths_agree_with_skfolio() {
    for (arguments, expected) in reference("combinatorial") {
        let [frames, folds, tested, purge, embargo] = sizes(&arguments)[..] else { panic!() };
        let splits = CombinatorialPurged::new(frames, folds, tested, purge, embargo).unwrap();
        assert_eq!(written(splits.folds()), expected, "{arguments:?}");
        assert_eq!(splits.folds().count() as u64, splits.count());
    }
    for (arguments, expected) in reference("paths") {
        let [frames, folds, tested] = sizes(&arguments)[..] else { panic!() };
        let paths = CombinatorialPurged::new(frames, folds, tested, 0, 0).unwrap().paths();
        let path = |path: &Vec<usize>| path.iter().map(usize::to_string).collect::<Vec<_>>().join("+");
        assert_eq!(paths.iter().map(path).collect::<Vec<_>>().join("|"), expected, "{arguments:?}");
    }
}

#[test]
fn impossible_folds_are_rejected() {
    assert!(WalkForward::split(10, 0, 0).is_err());
    assert!(WalkForward::split(10, 10, 0).is_err());
    assert!(WalkForward::split(60, 5, 10).is_err());
    let windows = WalkForward { train: 10, test: 5, embargo: 0, expanding: true, keep_short: false };
    assert!(windows.folds(10).is_err() && windows.folds(11).is_ok());
    assert!(WalkForward { test: 0, ..windows }.folds(20).is_err());
    assert!(purged_k_fold(10, 1, 0, 0).is_err() && purged_k_fold(10, 5, 1, 1).is_err());
    assert!(purged_k_fold(10, 5, usize::MAX, 1).is_err());
    for (folds, tested, purge) in [(2, 2, 0), (6, 1, 0), (6, 6, 0), (30, 15, 0), (6, 2, 9)] {
        assert!(CombinatorialPurged::new(60, folds, tested, purge, 0).is_err());
    }
}

#[test]
fn deflated_sharpe_ratios_agree_with_skfolio() {
    let observed: Vec<_> = trials().into_iter().map(ObservedSharpe::of).collect();
    let ratios: Vec<f64> = observed.iter().map(|trial| trial.ratio).collect();
    for (arguments, expected) in reference("deflated_sharpe") {
        let [trial, count] = sizes(&arguments)[..] else { panic!() };
        assert_close(Trials::of(&ratios[..count]).deflated_sharpe(&observed[trial]), expected, &arguments);
    }
    for (arguments, expected) in reference("probabilistic_sharpe") {
        let (trial, benchmark): (usize, f64) = (arguments[0].parse().unwrap(), arguments[1].parse().unwrap());
        assert_close(observed[trial].probability_above(benchmark), expected, &arguments);
    }
    // The last trial has constant returns and does not count as a trial.
    assert!(ratios.last().unwrap().is_nan());
    assert_eq!(Trials::of(&ratios), Trials::of(&ratios[..ratios.len() - 1]));
}

#[test]
fn expected_maximum_and_backtest_length_agree_with_the_papers() {
    let pair = |arguments: &[&str]| -> [f64; 2] { [0, 1].map(|i| arguments[i].parse().unwrap()) };
    for (arguments, expected) in reference("expected_best") {
        let [count, deviation] = pair(&arguments);
        let found = Trials { count, variance: deviation * deviation }.expected_best();
        assert_close(found, expected, &arguments);
    }
    for (arguments, expected) in reference("min_backtest_years") {
        let [count, sharpe] = pair(&arguments);
        assert_close(min_backtest_years(count, sharpe), expected, &arguments);
    }
    // "If only 5 years of data are available, no more than 45 independent model configurations should be tried."
    assert!(min_backtest_years(45.0, 1.0) <= 5.0 && min_backtest_years(46.0, 1.0) > 4.99);
    assert_eq!([1.0, 1.01].map(|trials| min_backtest_years(trials, 1.0)), [0.0, 0.0]);
    assert!(min_backtest_years(0.0, 1.0).is_nan() && min_backtest_years(10.0, 0.0).is_nan());
    assert!(Trials::of(&[]).expected_best().is_nan());
}

fn figure(found: &Overfitting, name: &str) -> f64 {
    let logits = &found.logits;
    match name {
        "probability" => found.probability,
        "splits" => found.splits as f64,
        "frames" => found.frames as f64,
        "mean" => logits.mean,
        "deviation" => logits.deviation,
        "probability_of_loss" => found.probability_of_loss,
        "mean_in_sample" => found.mean_in_sample,
        "mean_out_of_sample" => found.mean_out_of_sample,
        "degradation" => found.degradation,
        _ => {
            let names = ["percentile_5", "percentile_25", "percentile_50", "percentile_75", "percentile_95"];
            logits.percentiles[names.iter().position(|known| *known == name).unwrap()]
        }
    }
}

#[test]
fn overfitting_agrees_with_raw_returns_split_by_split() {
    let trials = trials();
    for (arguments, expected) in reference("overfitting") {
        let (count, blocks) = (arguments[0].parse::<usize>().unwrap(), arguments[1].parse().unwrap());
        let found = overfitting(&trials[..count], blocks).unwrap();
        assert_close(figure(&found, arguments[2]), expected, &arguments);
    }
}

#[test]
fn overfitting_is_rejected_for_unusable_trials() {
    let trials = trials();
    for blocks in [0, 1, 7, 22] {
        assert!(overfitting(&trials, blocks).is_err());
    }
    assert!(overfitting(&trials[..1], 4).is_err());
    assert!(overfitting(&[vec![0.0; 7], vec![0.0; 7]], 4).is_err());
    assert!(overfitting(&[vec![0.0; 8], vec![0.0; 9]], 4).is_err());
    assert!(overfitting(&[vec![0.0; 8], vec![f64::NAN; 8]], 4).is_err());
    // A trial that is always better gives no overfitting; equal trials give full overfitting.
    let good: Vec<f64> = trials[0].iter().map(|r| r + 0.05).collect();
    assert_eq!(overfitting(&[trials[0].clone(), good], 16).unwrap().probability, 0.0);
    assert_eq!(overfitting(&[vec![0.0; 8], vec![0.0; 8]], 4).unwrap().probability, 1.0);
}

#[test]
fn bootstrap_blocks_have_their_mean_length_and_wrap_around() {
    let (frames, mean_block, length) = (50, 8.0, 4_000_000);
    let sample: Vec<usize> = StationaryBootstrap::new(frames, mean_block, 5).unwrap().take(length).collect();
    let follows = |pair: &[usize]| pair[1] == (pair[0] + 1) % frames;
    let breaks = sample.windows(2).filter(|pair| !follows(pair)).count();
    // Once in `frames` times a new block starts where the last one would continue.
    let mean = length as f64 / (breaks as f64 * frames as f64 / (frames - 1) as f64);
    assert!((mean - mean_block).abs() < 0.05, "{mean}");
    let wraps = sample.windows(2).filter(|pair| **pair == [frames - 1, 0]).count() as f64;
    let expected = length as f64 / frames as f64 * (1.0 - 1.0 / mean_block);
    assert!((wraps / expected - 1.0).abs() < 0.02, "{wraps} of {expected}");
    // Every frame is equally likely: the resampled series is stationary.
    let mut counts = vec![0.0; frames];
    sample.iter().for_each(|&at| counts[at] += 1.0);
    assert!(counts.iter().all(|count| (count * frames as f64 / length as f64 - 1.0).abs() < 0.03));
}

#[test]
fn bootstrap_is_a_function_of_its_seed() {
    let sample = |seed| StationaryBootstrap::new(10, 3.0, seed).unwrap().take(12).collect::<Vec<_>>();
    assert_eq!(sample(7), sample(7));
    assert_ne!(sample(7), sample(8));
    // Equal on every machine.
    assert_eq!(sample(7), [7, 8, 9, 0, 1, 1, 2, 5, 6, 7, 8, 9]);
    assert!(StationaryBootstrap::new(0, 3.0, 1).is_err());
    assert!(
        StationaryBootstrap::new(10, 0.5, 1).is_err() && StationaryBootstrap::new(10, f64::NAN, 1).is_err()
    );
    assert!(StationaryBootstrap::new(1, 5.0, 1).unwrap().take(5).all(|at| at == 0));
}
