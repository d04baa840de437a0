//! The overfitting measures on 200 strategies of pure noise.

use betaflow_engine::metrics::ObservedSharpe;
use betaflow_engine::validation::{BLOCKS, Trials, best, overfitting};

use crate::support::Random;

const STRATEGIES: usize = 200;

fn noise(seed: u64, frames: usize) -> Vec<Vec<f64>> {
    let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37);
    (0..STRATEGIES).map(|_| (0..frames).map(|_| 0.01 * random.shock()).collect()).collect()
}

/// The number of trials and the variance of their ratios include the best strategy.
#[test]
fn deflated_sharpe_ratio_of_the_best_noise_strategy_is_near_one_half() {
    let seeds = 2000;
    let deflated = |seed| {
        let trial = |returns: Vec<f64>| ObservedSharpe::of(returns);
        let observed: Vec<ObservedSharpe> = noise(seed, 252).into_iter().map(trial).collect();
        let ratios: Vec<f64> = observed.iter().map(|trial| trial.ratio).collect();
        let best = observed[best(&ratios).unwrap()];
        (Trials::of(&ratios).deflated_sharpe(&best), best.probability_above(0.0))
    };
    let mut found: Vec<(f64, f64)> = (0..seeds).map(deflated).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let median = (found[seeds as usize / 2 - 1].0 + found[seeds as usize / 2].0) / 2.0;
    let share = |above: &dyn Fn(&(f64, f64)) -> bool| {
        found.iter().filter(|found| above(found)).count() as f64 / seeds as f64
    };
    let (sure, naively_sure) = (share(&|found| found.0 > 0.95), share(&|found| found.1 > 0.95));
    assert!((0.45..=0.52).contains(&median), "{median}");
    assert!(sure <= 0.005, "{sure}");
    // Without deflation, the ratio of the best strategy is significant in nearly every sample.
    assert!(naively_sure > 0.99, "{naively_sure}");
}

#[test]
fn best_noise_strategy_is_overfitted_half_of_the_time() {
    let seeds = 200;
    let probabilities: Vec<f64> =
        (0..seeds).map(|seed| overfitting(&noise(seed + 5000, 480), BLOCKS).unwrap().probability).collect();
    let mean = probabilities.iter().sum::<f64>() / seeds as f64;
    assert!((mean - 0.5).abs() <= 0.04, "{mean}");
}
