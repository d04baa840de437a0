//! The choice of a fold with training frames on both sides of its test blocks depends only on those frames;
//! and the certainty of a choice.
#![allow(clippy::single_range_in_vec_init)]

use std::ops::Range;

use betaflow_engine::validation::{
    Certainty, ChosenSetting, CombinatorialPurged, CrossSelection, Fold, Objective, Resampling,
    StationaryBootstrap, WalkForward, best, certainty, one_path, purged_k_fold, select, select_across,
    select_across_by,
};
use proptest::prelude::*;

use crate::support::choices::{OBJECTIVES, returns};

/// Folds and paths of k folds, with one or two of them tested.
fn splits(
    frames: usize,
    folds: usize,
    purge: usize,
    embargo: usize,
    pairs: bool,
) -> (Vec<Fold>, Vec<Vec<usize>>) {
    if pairs {
        let splits = CombinatorialPurged::new(frames, folds, 2, purge, embargo).unwrap();
        (splits.folds().collect(), splits.paths())
    } else {
        (purged_k_fold(frames, folds, purge, embargo).unwrap().collect(), one_path(folds))
    }
}

fn joined(returns: &[f64], ranges: &[Range<usize>]) -> Vec<f64> {
    (0..returns.len())
        .filter(|at| ranges.iter().any(|range| range.contains(at)))
        .map(|at| returns[at])
        .collect()
}

/// Choice of each fold: the setting, its score and its certainty, as bits.
fn chosen(
    selection: &CrossSelection,
    returns: &[Vec<f64>],
    folds: &[Fold],
    at: usize,
    objective: Objective,
) -> (usize, u64, String) {
    let chosen = selection.choices[at].chosen;
    let resampling = Resampling { mean_block: 5.0, count: 9, seed: at as u64 };
    let sure = certainty(returns, &folds[at].train, objective, 252.0, &resampling).unwrap();
    (chosen.setting, chosen.score.to_bits(), format!("{sure:?}"))
}

proptest! {
    #[test]
    fn returns_outside_the_training_frames_do_not_change_the_choice(
        seed in 0_u64..1000,
        settings in 2_usize..6,
        frames in 80_usize..160,
        folds in 3_usize..6,
        purge in 0_usize..4,
        embargo in 0_usize..6,
        pairs in any::<bool>(),
        changed in (0_usize..6, 0_usize..160, prop_oneof![Just(9.0), Just(-0.9), -0.1..0.1]),
        objective in 0_usize..5,
    ) {
        let (folds, paths) = splits(frames, folds, purge, embargo, pairs);
        let objective = OBJECTIVES[objective];
        let mut returns = returns(seed, settings, frames);
        let select = |returns: &[Vec<f64>]| select_across(returns, &folds, &paths, objective, 252.0).unwrap();
        let (setting, frame, value) = changed;
        let frame = frame % frames;
        let unknown: Vec<usize> = (0..folds.len())
            .filter(|at| !folds[*at].train.iter().any(|range| range.contains(&frame)))
            .collect();
        // At least one fold tests the frame.
        prop_assert!(!unknown.is_empty());
        let selection = select(&returns);
        let before: Vec<_> = unknown.iter().map(|at| chosen(&selection, &returns, &folds, *at, objective)).collect();
        returns[setting % settings][frame] = value;
        let selection = select(&returns);
        let after: Vec<_> = unknown.iter().map(|at| chosen(&selection, &returns, &folds, *at, objective)).collect();
        prop_assert_eq!(before, after);
    }
}

#[test]
fn choice_is_best_in_training_and_paths_hold_its_test_returns() {
    let (settings, frames) = (6, 123);
    let returns = returns(4, settings, frames);
    for pairs in [false, true] {
        let (folds, paths) = splits(frames, 5, 1, 4, pairs);
        for objective in OBJECTIVES {
            let selection = select_across(&returns, &folds, &paths, objective, 252.0).unwrap();
            let score = |setting: usize, ranges: &[Range<usize>]| {
                objective.score(&joined(&returns[setting], ranges), 252.0)
            };
            for (choice, fold) in selection.choices.iter().zip(&folds) {
                let scores: Vec<f64> = (0..settings).map(|setting| score(setting, &fold.train)).collect();
                assert_eq!(Some(choice.chosen.setting), best(&scores));
                assert_eq!(choice.test, fold.test);
                assert_eq!(
                    choice.out_of_sample_score.to_bits(),
                    score(choice.chosen.setting, &fold.test).to_bits()
                );
            }
            assert_eq!(selection.paths.len(), if pairs { 4 } else { 1 });
            let mut blocks: Vec<Range<usize>> = folds.iter().flat_map(|fold| fold.test.clone()).collect();
            blocks.sort_by_key(|block| block.start);
            blocks.dedup();
            for (path, splits) in selection.paths.iter().zip(&paths) {
                let part = |(block, split): (&Range<usize>, &usize)| {
                    assert!(folds[*split].test.contains(block));
                    returns[selection.choices[*split].chosen.setting][block.clone()].to_vec()
                };
                let expected = blocks.iter().zip(splits).map(part).collect::<Vec<_>>().concat();
                assert_eq!((&path.returns, &path.splits, &path.blocks), (&expected, splits, &blocks));
                assert_eq!(path.returns.len(), frames);
                assert_eq!(path.score.to_bits(), objective.score(&expected, 252.0).to_bits());
            }
        }
    }
}

#[test]
fn walk_forward_agrees_between_select_and_select_across() {
    let returns = returns(5, 4, 150);
    let folds: Vec<Fold> = WalkForward::split(150, 5, 3).unwrap().folds(150).unwrap().collect();
    for objective in OBJECTIVES {
        let forward = select(&returns, &folds, objective, 252.0).unwrap();
        let across = select_across(&returns, &folds, &one_path(5), objective, 252.0).unwrap();
        let same = |a: &ChosenSetting, b: &ChosenSetting| {
            assert_eq!((a.setting, a.score.to_bits()), (b.setting, b.score.to_bits()))
        };
        forward.choices.iter().zip(&across.choices).for_each(|(a, b)| same(&a.chosen, &b.chosen));
        same(&forward.in_sample, &across.in_sample);
        assert_eq!(forward.out_of_sample, across.paths[0].returns);
    }
}

#[test]
fn scores_of_the_paths_are_summarised() {
    let returns = returns(9, 3, 200);
    let (folds, paths) = splits(200, 6, 0, 2, true);
    let selection = select_across(&returns, &folds, &paths, Objective::Growth, 252.0).unwrap();
    let mut scores: Vec<f64> = selection.paths.iter().map(|path| path.score).collect();
    scores.sort_by(f64::total_cmp);
    let of = selection.path_scores();
    assert_eq!((of.count, of.lowest, of.median, of.highest), (5, scores[0], scores[2], scores[4]));
    let mean = scores.iter().sum::<f64>() / 5.0;
    let variance = scores.iter().map(|score| (score - mean) * (score - mean)).sum::<f64>() / 4.0;
    assert!((of.mean - mean).abs() < 1e-12 && (of.deviation - variance.sqrt()).abs() < 1e-12);
    assert_eq!(of.below_zero, scores.iter().filter(|score| **score < 0.0).count() as f64 / 5.0);
}

#[test]
fn certainty_is_the_share_of_resamples_that_agree() {
    let frames = 240;
    let train = [10..90, 120..230];
    let resampling = Resampling { mean_block: 8.0, count: 40, seed: 3 };
    let sure =
        |returns: &[Vec<f64>], objective| certainty(returns, &train, objective, 252.0, &resampling).unwrap();
    let one = returns(6, 1, frames).remove(0);
    for objective in OBJECTIVES {
        // Settings that differ by a constant, the first of two equal settings, a single setting.
        let apart: Vec<Vec<f64>> =
            [0.0, 0.004, 0.001].map(|more| one.iter().map(|r| r + more).collect()).into();
        let of = sure(&apart, objective);
        assert_eq!((of.share, of.runner_up.map(|next| next.setting)), (1.0, Some(2)), "{objective:?}");
        let same = sure(&[one.clone(), one.clone()], objective);
        assert_eq!((same.share, same.within_one_error), (1.0, 2));
        let alone = sure(std::slice::from_ref(&one), objective);
        assert_eq!((alone.share, alone.runner_up, alone.within_one_error), (1.0, None, 1));
    }
    // Written out for one objective: the same frames for all settings, drawn from the joined training frames.
    let many = returns(7, 5, frames);
    let parts: Vec<Vec<f64>> = many.iter().map(|returns| joined(returns, &train)).collect();
    let score = |returns: &[f64]| Objective::Calmar.score(returns, 252.0);
    let first = best(&parts.iter().map(|part| score(part)).collect::<Vec<_>>()).unwrap();
    let drawn: Vec<usize> = StationaryBootstrap::new(190, 8.0, 3).unwrap().take(190).collect();
    let scores: Vec<f64> =
        parts.iter().map(|part| score(&drawn.iter().map(|at| part[*at]).collect::<Vec<_>>())).collect();
    let single = Resampling { count: 1, ..resampling };
    let of = certainty(&many, &train, Objective::Calmar, 252.0, &single).unwrap();
    assert_eq!(of.share, if best(&scores) == Some(first) { 1.0 } else { 0.0 });
    // A choice from noise is uncertain.
    let noise = sure(&returns(8, 30, frames), Objective::Sharpe);
    assert!(noise.share < 0.9 && noise.within_one_error > 1, "{noise:?}");
}

/// For independent returns, the standard error of a Sharpe ratio is close to the formula of Lo 2002.
#[test]
fn standard_error_agrees_with_lo_2002_for_independent_returns() {
    let returns = returns(12, 1, 1_000);
    let resampling = Resampling { mean_block: 1.0, count: 2_000, seed: 1 };
    let of = certainty(&returns, &[0..1_000], Objective::Sharpe, 252.0, &resampling).unwrap();
    let figures = betaflow_engine::metrics::Figures::of(returns[0].iter().copied(), 252.0);
    let ratio = of.standard_error / figures.uncertainty.standard_error;
    assert!((ratio - 1.0).abs() < 0.06, "{ratio}");
}

#[test]
fn number_of_resamples_is_limited_by_the_work() {
    let count =
        |settings, frames, objective| Resampling::affordable(settings, frames, objective, 21.0, 0).count;
    assert_eq!(count(100, 5_000, Objective::Sharpe), Resampling::COUNT);
    let few = count(5_000, 10_000, Objective::Sharpe);
    assert!((1..Resampling::COUNT).contains(&few));
    assert!(count(5_000, 10_000, Objective::Calmar) < few);
    assert_eq!(count(usize::MAX, 2, Objective::Sharpe), 0);
    let none = Resampling { mean_block: 2.0, count: 0, seed: 0 };
    let of: Certainty = certainty(&returns(1, 3, 50), &[0..50], Objective::Growth, 252.0, &none).unwrap();
    assert!(of.share.is_nan() && of.standard_error.is_nan() && of.runner_up.is_some());
}

#[test]
fn folds_that_share_frames_and_paths_that_miss_blocks_are_rejected() {
    let returns = returns(1, 2, 60);
    let score = |returns: &[f64]| returns.iter().sum();
    let (folds, paths) = splits(60, 5, 0, 2, false);
    let fold = |train: Range<usize>, test: Range<usize>| Fold { train: vec![train], test: vec![test] };
    let bad = [
        vec![],
        vec![fold(0..20, 15..30)],
        vec![fold(0..20, 20..61)],
        vec![fold(0..0, 20..30)],
        vec![fold(0..20, 30..30)],
        vec![Fold { train: vec![30..40, 0..20], test: vec![20..30] }],
    ];
    for folds in &bad {
        assert!(select_across_by(&returns, folds, &one_path(folds.len()), score).is_err(), "{folds:?}");
    }
    for paths in [vec![], vec![vec![0, 1, 2, 3]], vec![vec![1, 0, 2, 3, 4]], vec![vec![0, 1, 2, 3, 9]]] {
        assert!(select_across_by(&returns, &folds, &paths, score).is_err(), "{paths:?}");
    }
    assert!(select_across_by(&Vec::<Vec<f64>>::new(), &folds, &paths, score).is_err());
    assert!(select_across_by(&returns, &folds, &paths, score).is_ok());
    let resampling = Resampling { mean_block: 2.0, count: 3, seed: 0 };
    for train in [vec![], vec![0..61], vec![20..30, 0..10], vec![5..5]] {
        assert!(certainty(&returns, &train, Objective::Sharpe, 252.0, &resampling).is_err(), "{train:?}");
    }
    let shorter = Resampling { mean_block: 0.5, ..resampling };
    assert!(certainty(&returns, &[0..60], Objective::Sharpe, 252.0, &shorter).is_err());
}
