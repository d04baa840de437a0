//! Memory of the filter across a tested block, where training goes on behind it.

use crate::config::{Config, Method};

/// Returns a warning where frames that train lie behind a tested block and the filter still remembers that block: one
/// causal run goes through all of them.
pub(crate) fn warning(base: &Config, configs: &[Config]) -> Option<String> {
    let tune = &base.tune;
    if tune.method == Method::WalkForward {
        return None;
    }
    let left_out = tune.embargo + tune.purge;
    let remedy = "or tune by walk_forward, where nothing after a tested block trains";
    let memory =
        |config: &Config| config.estimator.memory_days().zip(config.estimator.slowest_discount_factor());
    let memories: Option<Vec<(f64, f64)>> = configs.iter().map(memory).collect();
    let Some(memories) = memories else {
        return Some(format!(
            "the estimator `fixed` has no discount factor that says how long it remembers a tested block: choices by frames \
             after it may know more of it than the embargo of {left_out} days hides; choose an embargo as long as its \
             memory, {remedy}"
        ));
    };
    let (longest, delta) =
        memories.into_iter().fold((0.0, 0.0), |a: (f64, f64), b| if b.0 > a.0 { b } else { a });
    if longest.is_infinite() {
        return Some(format!(
            "the embargo is {left_out} days, and a filter with a discount factor of 1 never forgets a tested block: \
             choices by frames after it know something of it; set a discount factor below 1, {remedy}"
        ));
    }
    // Rounding of 1/(1 − δ) does not add a day.
    let needed = (longest - 1e-6).ceil();
    (f64::from(left_out) < needed).then(|| {
        format!(
            "the embargo is {left_out} days, and the filter remembers a tested block for about {needed:.0} (1/(1 − {delta}), \
             the longest of its discount factors): choices by frames after a block know something of it; set \
             tune.embargo={needed:.0}, {remedy}"
        )
    })
}
