//! Memory of the filter across a tested block, if training continues after it.

use crate::config::{Config, Method};

/// Returns a warning if training frames follow a tested block and the memory of the filter still includes that block,
/// because one causal run processes all frames.
pub(crate) fn warning(base: &Config, configs: &[Config]) -> Option<String> {
    let tune = &base.tune;
    if tune.method == Method::WalkForward {
        return None;
    }
    let left_out = tune.embargo + tune.purge;
    let remedy = "or set tune.method = \"walk_forward\", which trains on no frame after a tested block.";
    let memory =
        |config: &Config| config.estimator.memory_days().zip(config.estimator.slowest_discount_factor());
    let memories: Option<Vec<(f64, f64)>> = configs.iter().map(memory).collect();
    let Some(memories) = memories else {
        return Some(format!(
            "The estimator `fixed` has no discount factor, so its memory of a tested block is unknown. Choices by frames after \
             the block may depend on it beyond the embargo of {left_out} days: choose an embargo as long as its memory, {remedy}"
        ));
    };
    let (longest, delta) =
        memories.into_iter().fold((0.0, 0.0), |a: (f64, f64), b| if b.0 > a.0 { b } else { a });
    if longest.is_infinite() {
        return Some(format!(
            "The embargo is {left_out} days, but a filter with a discount factor of 1 never forgets a tested block, so choices \
             by frames after it depend on it. Set a discount factor below 1, {remedy}"
        ));
    }
    // Rounding of 1/(1 − δ) does not add a day.
    let needed = (longest - 1e-6).ceil();
    (f64::from(left_out) < needed).then(|| {
        format!(
            "The embargo is {left_out} days, but the filter remembers a tested block for about {needed:.0} days (1/(1 − {delta}), \
             by the longest of its discount factors), so choices by frames after it depend on it. Set \
             tune.embargo={needed:.0}, {remedy}"
        )
    })
}
