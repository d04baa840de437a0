//! The choice of a fold depends only on data before its embargo.

use betaflow_engine::validation::{
    Fold, Objective, Selection, WalkForward, best, purged_k_fold, select, select_by,
};
use proptest::prelude::*;

use crate::support::choices::{OBJECTIVES, returns};

fn folds(frames: usize, count: usize, embargo: usize) -> Vec<Fold> {
    WalkForward::split(frames, count, embargo).unwrap().folds(frames).unwrap().collect()
}

fn chosen(selection: &Selection, folds: usize) -> Vec<(usize, u64)> {
    let choices = selection.choices[..folds].iter();
    choices.map(|choice| (choice.chosen.setting, choice.chosen.score.to_bits())).collect()
}

proptest! {
    #[test]
    fn returns_in_embargo_or_test_block_do_not_change_earlier_choices(
        seed in 0_u64..1000,
        settings in 2_usize..8,
        frames in 60_usize..200,
        count in 1_usize..6,
        embargo in 0_usize..9,
        changed in (0_usize..8, 0_usize..200, prop_oneof![Just(9.0), Just(-0.9), -0.1..0.1]),
        objective in 0_usize..5,
    ) {
        let folds = folds(frames, count, embargo);
        let mut returns = returns(seed, settings, frames);
        let before = select(&returns, &folds, OBJECTIVES[objective], 252.0).unwrap();
        let (setting, frame, value) = changed;
        let frame = frame % frames;
        returns[setting % settings][frame] = value;
        let after = select(&returns, &folds, OBJECTIVES[objective], 252.0).unwrap();
        // Folds whose embargo begins at or before the changed frame do not depend on it.
        let untouched = folds.iter().filter(|fold| fold.train[0].end <= frame).count();
        prop_assert_eq!(chosen(&before, untouched), chosen(&after, untouched));
        // They include all folds up to the one whose embargo or test block contains the frame.
        let within = folds.iter().position(|fold| (fold.train[0].end..fold.test[0].end).contains(&frame));
        prop_assert!(within.is_none_or(|fold| untouched > fold));
    }
}

#[test]
fn choice_is_best_in_sample_and_result_is_out_of_sample() {
    let (settings, frames) = (6, 120);
    let (returns, folds) = (returns(4, settings, frames), folds(120, 5, 4));
    for objective in OBJECTIVES {
        let selection = select(&returns, &folds, objective, 252.0).unwrap();
        let mut joined = Vec::new();
        for (choice, fold) in selection.choices.iter().zip(&folds) {
            let scores: Vec<f64> =
                returns.iter().map(|own| objective.score(&own[fold.train[0].clone()], 252.0)).collect();
            assert_eq!(Some(choice.chosen.setting), best(&scores));
            joined.extend_from_slice(&returns[choice.chosen.setting][choice.test.clone()]);
        }
        assert_eq!(selection.out_of_sample, joined);
        let scores: Vec<f64> = returns.iter().map(|own| objective.score(own, 252.0)).collect();
        assert_eq!(Some(selection.in_sample.setting), best(&scores));
    }
}

#[test]
fn ties_go_to_the_first_and_nan_never_wins() {
    assert_eq!(best(&[f64::NAN, 1.0, 2.0, 2.0]), Some(2));
    assert_eq!(best(&[f64::NEG_INFINITY, f64::NAN]), Some(0));
    assert_eq!(best(&[f64::NAN]), None);
    assert_eq!(best(&[]), None);
    let flat = vec![vec![0.0; 60]; 3];
    let selection = select(&flat, &folds(60, 5, 0), Objective::Sharpe, 252.0).unwrap();
    assert!(
        selection.choices.iter().all(|choice| choice.chosen.setting == 0 && choice.chosen.score.is_nan())
    );
}

#[test]
fn worst_block_objective_uses_the_lowest_block() {
    let returns: Vec<f64> = [0.02, 0.01, 0.03, -0.01, 0.0, -0.02, 0.01, 0.01, 0.02].into();
    let blocks = returns.chunks(3).map(|block| Objective::Sharpe.score(block, 252.0));
    let worst = blocks.fold(f64::INFINITY, f64::min);
    assert_eq!(Objective::WorstBlock { blocks: 3 }.score(&returns, 252.0), worst);
    // A block of constant returns has no ratio, whatever its position.
    for flat in 0..3 {
        let mut returns = returns.clone();
        returns[3 * flat..3 * flat + 3].fill(0.0);
        assert!(Objective::WorstBlock { blocks: 3 }.score(&returns, 252.0).is_nan());
    }
    assert!(Objective::WorstBlock { blocks: 0 }.score(&returns, 252.0).is_nan());
    assert!(Objective::WorstBlock { blocks: 20 }.score(&returns, 252.0).is_nan());
}

#[test]
fn folds_with_look_ahead_are_rejected() {
    let returns = returns(1, 2, 60);
    let score = |returns: &[f64]| returns.iter().sum();
    let k_fold: Vec<Fold> = purged_k_fold(60, 5, 0, 0).unwrap().collect();
    assert!(select_by(&returns, &k_fold, score).is_err());
    let mut backwards = folds(60, 5, 0);
    backwards.reverse();
    assert!(select_by(&returns, &backwards, score).is_err());
    assert!(select_by(&returns, &folds(66, 5, 0), score).is_err());
    assert!(select_by(&returns, &[], score).is_err());
    assert!(select_by(&Vec::<Vec<f64>>::new(), &folds(60, 5, 0), score).is_err());
    assert!(select_by(&returns, &folds(60, 5, 3), score).is_ok());
}
