//! What the filter still knows of a tested block when training goes on behind it.

use betaflow_engine::model::{EstimatorKind, EstimatorSettings};

use crate::config::{Config, Method};

/// Days that betas are remembered, about 1/(1 − δ) (West & Harrison 1997, section 6.3); none where there is no δ. A
/// discount factor of 1 never forgets.
fn days(estimator: &EstimatorSettings) -> Option<(f64, f64)> {
    let delta = match estimator.kind {
        EstimatorKind::Dlm => estimator.discount_factor,
        EstimatorKind::Mixture => estimator.discount_grid.iter().copied().fold(0.0, f64::max),
        EstimatorKind::Fixed => return None,
    };
    Some((1.0 / (1.0 - delta), delta))
}

/// A warning where frames that train lie behind a tested block and the filter has not forgotten it: one causal run
/// goes through all of them.
pub(crate) fn warning(base: &Config, configs: &[Config]) -> Option<String> {
    let tune = &base.tune;
    if tune.method == Method::WalkForward {
        return None;
    }
    let left_out = tune.embargo + tune.purge;
    let what_to_do = "or tune by walk_forward, where nothing after a tested block trains";
    let memories: Option<Vec<(f64, f64)>> = configs.iter().map(|config| days(&config.estimator)).collect();
    let Some(memories) = memories else {
        return Some(format!(
            "the estimator `fixed` has no discount factor that says how long it remembers a tested block: choices by frames \
             after it may know more of it than the embargo of {left_out} days hides; choose an embargo as long as its \
             memory, {what_to_do}"
        ));
    };
    let (longest, delta) =
        memories.into_iter().fold((0.0, 0.0), |a: (f64, f64), b| if b.0 > a.0 { b } else { a });
    if longest.is_infinite() {
        return Some(format!(
            "the embargo is {left_out} days, and a filter with a discount factor of 1 never forgets a tested block: \
             choices by frames after it know something of it; set a discount factor below 1, {what_to_do}"
        ));
    }
    // What rounding makes of 1/(1 − δ) is no day.
    let needed = (longest - 1e-6).ceil();
    (f64::from(left_out) < needed).then(|| {
        format!(
            "the embargo is {left_out} days, and the filter remembers a tested block for about {needed:.0} (1/(1 − {delta}), \
             the longest of its discount factors): choices by frames after a block know something of it; set \
             tune.embargo={needed:.0}, {what_to_do}"
        )
    })
}
