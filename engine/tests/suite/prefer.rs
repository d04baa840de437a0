//! The one-standard-error rule: of the settings within one standard error of the best, choose the one that
//! trades least.
#![allow(clippy::single_range_in_vec_init)]

use std::ops::Range;

use betaflow_engine::settings::Invalid;
use betaflow_engine::validation::{
    Objective, PreferredSetting, Resampling, SecondaryCriteria, StationaryBootstrap, best, prefer,
};
use proptest::prelude::*;

use crate::support::Random;

const YEAR: f64 = 252.0;
const RESAMPLING: Resampling = Resampling { mean_block: 10.0, count: 60, seed: 3 };
const OBJECTIVES: [Objective; 5] = [
    Objective::Sharpe,
    Objective::Sortino,
    Objective::Growth,
    Objective::Calmar,
    Objective::WorstBlock { blocks: 3 },
];

/// Returns of settings that differ from a common path by noise of `spread`, and by `edge` per frame from one
/// to the next.
fn returns(seed: u64, settings: usize, frames: usize, spread: f64, edge: f64) -> Vec<Vec<f64>> {
    let mut random = Random(seed);
    let common: Vec<f64> = (0..frames).map(|_| 0.0004 + 0.01 * random.shock()).collect();
    (0..settings)
        .map(|at| common.iter().map(|r| r + edge * at as f64 + spread * random.shock()).collect())
        .collect()
}

fn chosen(
    returns: &[Vec<f64>],
    turnover: &[Vec<f64>],
    kelly_fraction: &[f64],
    train: &[Range<usize>],
    objective: Objective,
) -> PreferredSetting {
    let effort = SecondaryCriteria { turnover, kelly_fraction };
    prefer(returns, effort, train, objective, YEAR, &RESAMPLING).unwrap()
}

fn constant(values: &[f64], frames: usize) -> Vec<Vec<f64>> {
    values.iter().map(|value| vec![*value; frames]).collect()
}

/// The rule written out on resampled returns: true for settings within one standard error of the best.
fn as_good(returns: &[Vec<f64>], objective: Objective) -> Vec<bool> {
    let frames = returns[0].len();
    let score = |r: &[f64]| objective.score(r, YEAR);
    let mean = |r: &[f64]| r.iter().sum::<f64>() / r.len() as f64;
    let scores: Vec<f64> = returns.iter().map(|r| score(r)).collect();
    let top = best(&scores).unwrap();
    let mut draws = StationaryBootstrap::new(frames, RESAMPLING.mean_block, RESAMPLING.seed).unwrap();
    let resamples: Vec<Vec<usize>> = (0..RESAMPLING.count)
        .map(|_| {
            draws.begin_again();
            draws.by_ref().take(frames).collect()
        })
        .collect();
    let within = |j: usize, statistic: &dyn Fn(&[f64]) -> f64| {
        let drawn = |setting: usize, at: &[usize]| {
            statistic(&at.iter().map(|frame| returns[setting][*frame]).collect::<Vec<_>>())
        };
        let differences: Vec<f64> = resamples.iter().map(|at| drawn(top, at) - drawn(j, at)).collect();
        let (count, centre) = (differences.len() as f64, mean(&differences));
        let squares = differences.iter().map(|d| (d - centre) * (d - centre)).sum::<f64>();
        statistic(&returns[top]) - statistic(&returns[j]) <= (squares / (count - 1.0)).sqrt()
    };
    let returns_too = objective == Objective::Sharpe;
    (0..returns.len())
        .map(|j| j == top || (within(j, &score) && (!returns_too || within(j, &mean))))
        .collect()
}

#[test]
fn choice_trades_least_within_one_standard_error_of_the_best() {
    let mut told_apart = 0;
    for objective in OBJECTIVES {
        for (seed, spread, edge) in [(1, 0.002, 0.0), (2, 0.001, 3e-5), (3, 0.0005, 1e-4), (4, 0.004, 2e-5)] {
            let panel = returns(seed, 6, 300, spread, edge);
            let turnover = constant(&[0.06, 0.05, 0.04, 0.03, 0.02, 0.01].map(|t| t * seed as f64), 300);
            let found = chosen(&panel, &turnover, &[0.25; 6], &[0..300], objective);
            let good = as_good(&panel, objective);
            let expected = (0..6).rev().find(|setting| good[*setting]).unwrap();
            let what = format!("{objective:?}, {seed}: {good:?}");
            assert_eq!(found.chosen.setting, expected, "{what}");
            assert_eq!(found.certainty.within_one_error, good.iter().filter(|good| **good).count(), "{what}");
            let scores: Vec<f64> = panel.iter().map(|r| objective.score(r, YEAR)).collect();
            assert_eq!(found.best.setting, best(&scores).unwrap(), "{what}");
            assert_eq!(found.difference.value, scores[found.best.setting] - scores[expected], "{what}");
            told_apart += usize::from(good.contains(&false));
        }
    }
    assert!(told_apart > 5, "some settings are worse than the best: {told_apart}");
}

#[test]
fn clear_winner_is_chosen_whatever_it_trades() {
    let mut panel = returns(5, 3, 400, 0.0001, 0.0);
    panel[1].iter_mut().for_each(|r| *r += 0.002);
    let found = chosen(&panel, &constant(&[0.01, 0.5, 0.02], 400), &[0.25; 3], &[0..400], Objective::Sharpe);
    assert_eq!((found.chosen, found.certainty.within_one_error), (found.best, 1));
    assert_eq!((found.chosen.setting, found.difference.value), (1, 0.0));
}

#[test]
fn ties_go_to_turnover_then_to_kelly_then_to_the_first() {
    let panel = vec![returns(7, 1, 200, 0.0, 0.0)[0].clone(); 4];
    let setting = |turnover: [f64; 4], kelly: [f64; 4]| {
        chosen(&panel, &constant(&turnover, 200), &kelly, &[0..200], Objective::Sharpe).chosen.setting
    };
    assert_eq!(setting([0.2, 0.1, 0.1, 0.3], [0.1, 0.5, 0.25, 0.1]), 2);
    assert_eq!(setting([0.1, 0.1, 0.05, 0.3], [0.1; 4]), 2);
    assert_eq!(setting([0.1; 4], [0.25; 4]), 0);
}

#[test]
fn without_resamples_only_equal_settings_are_as_good() {
    let panel = returns(9, 3, 100, 0.001, 1e-5);
    let none = Resampling { count: 0, ..RESAMPLING };
    let turnover = constant(&[0.1, 0.2, 0.3], 100);
    let effort = SecondaryCriteria { turnover: &turnover, kelly_fraction: &[0.25; 3] };
    let found = prefer(&panel, effort, &[0..100], Objective::Sharpe, YEAR, &none).unwrap();
    assert_eq!((found.chosen, found.certainty.within_one_error), (found.best, 1));
}

#[test]
fn setting_without_a_score_is_never_chosen() {
    let mut panel = returns(11, 3, 150, 0.001, 0.0);
    panel[2] = vec![0.0; 150];
    let found = chosen(&panel, &constant(&[0.2, 0.3, 0.0], 150), &[0.25; 3], &[0..150], Objective::Sharpe);
    assert_ne!(found.chosen.setting, 2);
}

#[test]
fn turnover_must_belong_to_the_returns() {
    let panel = returns(13, 2, 50, 0.001, 0.0);
    let key = |turnover: &[Vec<f64>], kelly_fraction: &[f64]| -> &'static str {
        let effort = SecondaryCriteria { turnover, kelly_fraction };
        let refused = prefer(&panel, effort, &[0..50], Objective::Sharpe, YEAR, &RESAMPLING);
        let Err(Invalid { key, .. }) = refused else { panic!("expected an error") };
        key
    };
    assert_eq!(key(&constant(&[0.1, 0.1], 49), &[0.25; 2]), "turnover");
    assert_eq!(key(&constant(&[0.1], 50), &[0.25; 2]), "turnover");
    assert_eq!(key(&constant(&[0.1, 0.1], 50), &[0.25]), "kelly_fraction");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn nothing_outside_the_training_frames_changes_a_choice(
        seed in 0_u64..1_000,
        end in 40_usize..90,
        objective in prop::sample::select(OBJECTIVES.to_vec()),
    ) {
        let panel = returns(seed, 4, 120, 0.002, 1e-5);
        let mut random = Random(seed ^ 99);
        let turnover: Vec<Vec<f64>> =
            (0..4).map(|_| (0..120).map(|_| random.shock().abs() / 50.0).collect()).collect();
        let (mut later_returns, mut later_turnover) = (panel.clone(), turnover.clone());
        for setting in 0..4 {
            for frame in end..120 {
                later_returns[setting][frame] = 0.02 * random.shock();
                later_turnover[setting][frame] = 5.0 * (setting as f64 + 1.0);
            }
        }
        let train = [0..end];
        let kelly = [0.1, 0.25, 0.5, 1.0];
        let before = chosen(&panel, &turnover, &kelly, &train, objective);
        let text = |found: PreferredSetting| format!("{found:?}");
        let again = chosen(&panel, &turnover, &kelly, &train, objective);
        prop_assert_eq!(text(before), text(again), "equal inputs give equal choices");
        let later = chosen(&later_returns, &later_turnover, &kelly, &train, objective);
        prop_assert_eq!(text(before), text(later));
    }
}
