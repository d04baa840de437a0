//! Worked examples of the papers on multiple testing, and trials with missing values against plain computations.

use betaflow_engine::metrics::{Correlations, ObservedSharpe};
use betaflow_engine::time::{DAY_NS, TimestampNs};
use betaflow_engine::validation::{TrialPanel, Trials, min_backtest_years, min_backtest_years_bound};

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
}

/// Bailey & López de Prado 2014, numerical example: the best of 100 trials with an annual variance of 1/2 has an annual
/// ratio of 2.5 over 1,250 days, 250 a year, with skewness −3 and kurtosis 10.
#[test]
fn deflated_sharpe_ratio_equals_the_numerical_example_of_2014() {
    let observed =
        ObservedSharpe { count: 1250.0, ratio: 2.5 / 250_f64.sqrt(), skewness: -3.0, kurtosis: 10.0 };
    let trials = |count| Trials { count, variance: 0.5 / 250.0 };
    near(trials(100.0).expected_best(), 0.1132, 5e-5);
    near(trials(100.0).deflated_sharpe(&observed), 0.9004, 5e-5);
    // "... had the researcher made only 46 independent trials, DSR would be 0.9505."
    near(trials(46.0).deflated_sharpe(&observed), 0.9505, 5e-5);
    // Normal returns: 88 independent trials give the same 0.9505.
    let normal = ObservedSharpe { skewness: 0.0, kurtosis: 3.0, ..observed };
    near(trials(88.0).deflated_sharpe(&normal), 0.9505, 5e-4);
}

/// Bailey & López de Prado 2012, a track record of 24 months with a monthly ratio of 0.458.
#[test]
fn probabilistic_sharpe_ratio_equals_the_example_of_2012() {
    let observed = |skewness, kurtosis| ObservedSharpe { count: 24.0, ratio: 0.458, skewness, kurtosis };
    near(observed(0.0, 3.0).probability_above(0.0), 0.982, 5e-4);
    near(observed(-2.448, 10.164).probability_above(0.0), 0.913, 5e-4);
}

/// Bailey & López de Prado 2012: years until an annual ratio of 2 is above 1 with a probability of 95 %.
#[test]
fn minimum_track_record_length_equals_the_examples_of_2012() {
    let years = |periods: f64, skewness, kurtosis| {
        let root = periods.sqrt();
        let observed = ObservedSharpe { count: f64::NAN, ratio: 2.0 / root, skewness, kurtosis };
        observed.min_track_record(1.0 / root) / periods
    };
    near(years(252.0, 0.0, 3.0), 2.73, 5e-3);
    near(years(52.0, 0.0, 3.0), 2.83, 5e-3);
    near(years(12.0, 0.0, 3.0), 3.24, 5e-3);
    near(years(12.0, -0.72, 5.78), 4.99, 5e-3);
    let worthless = ObservedSharpe { count: 24.0, ratio: 0.1, skewness: 0.0, kurtosis: 3.0 };
    assert!(worthless.min_track_record(0.1).is_nan());
}

/// Bailey, Borwein, López de Prado & Zhu 2014: with five years of data, 45 trials are expected to give a ratio of 1.
#[test]
fn minimum_backtest_length_is_below_its_bound() {
    near(min_backtest_years(45.0, 1.0), 5.0, 0.05);
    for (trials, sharpe) in [(2.0, 0.5), (10.0, 1.0), (45.0, 1.0), (1000.0, 2.5)] {
        let [length, bound] = [min_backtest_years(trials, sharpe), min_backtest_years_bound(trials, sharpe)];
        assert!(length < bound, "{trials}: {length} {bound}");
    }
    near(min_backtest_years_bound(7.0, 2.0), 0.972_955_074_527_656_7, 1e-15);
    assert_eq!(min_backtest_years_bound(1.0, 1.0), 0.0);
    assert!(min_backtest_years_bound(10.0, -1.0).is_nan() && min_backtest_years_bound(0.0, 1.0).is_nan());
}

#[test]
fn trial_figures_use_own_dates_and_correlations_common_ones() {
    let nan = f64::NAN;
    let returns = vec![
        vec![0.01, -0.02, 0.03, 0.005, -0.01, 0.02],
        vec![nan, -0.01, 0.02, nan, 0.0, 0.015],
        vec![0.002; 6],
    ];
    let times: Vec<TimestampNs> = (0..6).map(|day| TimestampNs(day * DAY_NS)).collect();
    let panel = TrialPanel::new(&times, &returns, 252.0);
    assert_eq!(panel.times, [1, 2, 4, 5].map(|day| times[day]));
    let second = &panel.trials[1];
    assert_eq!((second.first, second.count, second.missing), (Some(times[1]), 4, 1));
    // Sample deviation of −0.01, 0.02, 0, 0.015; and np.corrcoef of both trials on the four common dates.
    near(second.observed.ratio, 0.006_25 / 0.013_768_926_368_215_256, 1e-14);
    near(panel.correlations.between(0, 1), 0.991_561_030_552_796_8, 1e-14);
    assert_eq!(panel.correlations.between(0, 1), panel.correlations.between(1, 0));
    assert!(panel.correlations.between(2, 0).is_nan() && panel.trials[2].observed.ratio.is_nan());
    let highest = [0, 1, 2].map(|trial| panel.correlations.highest_before(trial).map(|found| found.0));
    assert_eq!(highest, [None, Some(0), None]);
    assert!(Correlations::of(&[[0.1], [0.2]]).between(0, 1).is_nan());
}
