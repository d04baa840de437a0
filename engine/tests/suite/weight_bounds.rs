//! Bounds of weights by name and date.

use std::sync::Arc;

use betaflow_engine::dated::{DatedValues, FROM_BEGINNING};
use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::pipeline::{RunOptions, RunSettings};
use betaflow_engine::portfolio::{CapMethod, SizingSettings, WeightBounds};

use crate::rebalance::{Checked, Reference};
use crate::support::{Market, run, settings};

type Rows<'a> = &'a [(&'a str, i64, Option<f64>, Option<f64>)];

/// Rows: symbol, date, smallest and largest weight.
fn table(rows: Rows<'_>) -> Arc<DatedValues<WeightBounds>> {
    let row = |&(symbol, from, weight_min, weight_max): &(&str, i64, Option<f64>, Option<f64>)| {
        (symbol.to_owned(), from, WeightBounds { weight_min, weight_max })
    };
    Arc::new(DatedValues::new(rows.iter().map(row)).unwrap())
}

fn bounded(rows: Rows<'_>) -> RunSettings {
    let mut run = settings();
    run.sizing.bounds_by_name = Some(table(rows));
    run.sizing.gross_max = 2.0;
    run.sizing.turnover_cap = 1.0;
    run.shown_dates = Some(i64::MIN..=i64::MAX);
    run
}

fn ledger(run_settings: &RunSettings) -> Vec<LedgerFrame> {
    run(&Market::default(), run_settings, &RunOptions::default()).unwrap().0
}

const ROWS: Rows<'static> = &[
    ("S001", FROM_BEGINNING, Some(-0.01), Some(0.02)),
    ("S002", FROM_BEGINNING, Some(0.0), None),
    ("S002", 200, None, Some(0.03)),
    ("S003", 150, Some(0.01), Some(0.25)),
];

/// Bounds of an instrument on a date, read off [`ROWS`].
fn expected(symbol: &str, date: i64) -> [f64; 2] {
    match symbol {
        "S001" => [-0.01, 0.02],
        "S002" if date >= 200 => [-0.1, 0.03],
        "S002" => [0.0, 0.1],
        "S003" if date >= 150 => [0.01, 0.25],
        _ => [-0.1, 0.1],
    }
}

#[test]
fn bounds_of_a_file_replace_those_of_the_settings_from_their_date_on() {
    let run = bounded(ROWS);
    let mut changed = 0;
    for frame in ledger(&run).iter().filter(|frame| frame.decided) {
        let shown = frame.shown.as_ref().unwrap();
        for (i, symbol) in frame.names.iter().enumerate() {
            let [lower, upper] = expected(symbol, frame.timestamp.date());
            assert_eq!([shown.lower[i], shown.upper[i]], [lower, upper], "{symbol} at {}", frame.seq);
            assert!(frame.target[i] >= lower - 1e-12 && frame.target[i] <= upper + 1e-12);
            changed += usize::from([lower, upper] != [-0.1, 0.1]);
        }
    }
    assert!(changed > 500);
}

#[test]
fn optimum_equals_an_interior_point_solver() {
    let mut run = bounded(ROWS);
    run.sizing.turnover_cap = 0.1;
    let mut compared = 0;
    for frame in ledger(&run).iter().filter(|frame| frame.decided).step_by(5) {
        let of = frame.shown.as_ref().unwrap();
        if !of.status.within_limits() {
            continue;
        }
        let scale = of.expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        assert!(of.status.converged && of.excess(&of.weights) <= 1e-10, "{}", frame.seq);
        let Some(best) = Reference::new(of).solve(1e-10) else { continue };
        let (found, expected) = (of.objective(&of.weights) / scale, of.objective(&best) / scale);
        let bought =
            of.excess(&best).max(0.0) * (of.multipliers.turnover + of.multipliers.gross) * 10.0 / scale;
        assert!(found >= expected - 1e-9 * expected.abs() - bought, "{}: {found} of {expected}", frame.seq);
        let apart = of.weights.iter().zip(&best).fold(0.0_f64, |a, (w, e)| a.max((w - e).abs()));
        assert!(apart <= 1e-6, "{}: {apart:e}", frame.seq);
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn bounds_of_the_settings_in_a_file_change_nothing() {
    let mut run = bounded(&[("S001", FROM_BEGINNING, Some(-0.1), Some(0.1)), ("S004", 100, None, None)]);
    let with_file = ledger(&run);
    run.sizing.bounds_by_name = None;
    let plain = ledger(&run);
    assert_eq!(plain.last().unwrap().digest, with_file.last().unwrap().digest);
}

#[test]
fn scaled_targets_stay_inside_the_bounds() {
    let mut run = bounded(&[("S001", FROM_BEGINNING, Some(-0.01), Some(0.005))]);
    run.sizing.cap_method = CapMethod::Scale;
    for frame in ledger(&run).iter().filter(|frame| frame.decided) {
        let i = frame.names.iter().position(|name| &**name == "S001").unwrap();
        // Drift moves a held weight, and the trade towards the goal keeps a part of it.
        assert!((-0.012..=0.006).contains(&frame.target[i]), "{}", frame.target[i]);
    }
}

#[test]
fn bounds_that_do_not_suit_the_settings_are_recognised() {
    let exact = SizingSettings::default();
    let scale = SizingSettings { cap_method: CapMethod::Scale, ..SizingSettings::default() };
    let bounds = |weight_min: Option<f64>, weight_max: Option<f64>| WeightBounds { weight_min, weight_max };
    assert!(bounds(Some(0.01), None).suit(&exact) && !bounds(Some(0.01), None).suit(&scale));
    assert!(!bounds(Some(0.2), None).suit(&exact), "above sizing.weight_max");
    assert!(!bounds(None, Some(-0.01)).suit(&exact), "below sizing.weight_min");
    assert!(bounds(Some(-0.3), Some(0.0)).suit(&scale));
}
