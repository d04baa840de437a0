//! Forecasts in `betas.parquet` follow from the factors and the preceding row of the instrument.

use std::collections::BTreeMap;

use crate::support::{Panel, folder, joined, run};

/// Settings of the three filters.
const KINDS: [&[&str]; 4] = [
    &["estimator.kind=mixture"],
    // Fast reversion, so that the forecast after reversion differs.
    &["estimator.kind=mixture", "estimator.reversion_grid=[0.0, 0.05, 0.9]"],
    &["estimator.kind=dlm"],
    &[
        "estimator.kind=fixed",
        "estimator.transition_variance=1e-5",
        "estimator.observation_variance=2e-4",
        "estimator.initial_alpha_variance=1e-6",
    ],
];
const COMMON: [&str; 4] =
    ["record.betas=all", "estimator.warmup=40", "data.factor_gap=carry", "pipeline.batch=7"];

#[test]
fn forecast_mean_is_the_design_times_the_preceding_row() {
    // The panel has missing returns and late listings.
    let mut panel = Panel::new(17, 160, 9);
    let place = folder();
    for gap in [[60, 61], [61, 100]] {
        let days: Vec<usize> = (0..panel.times.len()).filter(|at| !gap.contains(at)).collect();
        let mut factors = panel.clone();
        factors.times = days.iter().map(|at| panel.times[*at]).collect();
        factors.factors = days.iter().map(|at| panel.factors[*at]).collect();
        let data = panel.write(place.path());
        factors.write_factors(&place.path().join("factors.parquet"));
        let designs: BTreeMap<i64, [f64; 3]> =
            factors.times.iter().copied().zip(factors.factors.iter().copied()).collect();
        for kind in KINDS {
            let settings = [kind, &COMMON].concat();
            let ended = run(
                place.path(),
                "run",
                &[&joined("estimate", &data, &settings)[..], &["--force", "--no-report"]].concat(),
            );
            check(&ended, &designs, &format!("{kind:?}"));
        }
        panel = Panel::new(18, 160, 9);
    }
}

/// Recomputes every forecast.
fn check(ended: &crate::support::Run, designs: &BTreeMap<i64, [f64; 3]>, what: &str) {
    let table = ended.table("betas");
    let (times, symbols) = (table.times(), table.texts("symbol"));
    let [alpha, mkt, mom] = ["alpha", "mkt", "mom"].map(|name| table.numbers(name));
    let [mean, error] = ["forecast_mean", "forecast_error"].map(|name| table.numbers(name));
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    let mut checked = 0;
    for row in 0..table.rows() {
        let last = before.insert(&symbols[row], row);
        let Some(design) = designs.get(&times[row]) else {
            assert!(mean[row].is_nan() && error[row].is_nan(), "{what}: forecast without factors");
            continue;
        };
        let Some(last) = last else { continue };
        let expected = alpha[last] + design[0] * mkt[last] + design[1] * mom[last];
        assert!(
            (mean[row] - expected).abs() <= 1e-12,
            "{what}: {} in row {row}: {} instead of {expected}",
            symbols[row],
            mean[row]
        );
        checked += 1;
    }
    assert!(checked > 900, "{what}: {checked}");
    assert!(error.iter().filter(|error| error.is_nan()).count() > 50, "{what}: too few missing returns");
}
