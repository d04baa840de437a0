//! Model `fixed` against pykalman 0.11.2 on the tutorial data; `reference/make_pykalman.py` wrote the
//! reference.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use betaflow_connectors::parquet::{ParquetSource, Settings};
use betaflow_connectors::tutorial;
use betaflow_engine::frame::Frame;
use betaflow_engine::model::{Em, Fixed, FixedParameters, PerInstrument, Returns, StateSpace};
use betaflow_engine::source::Source;
use bytes::Bytes;
use nalgebra::{DMatrix, DVector};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const SYMBOLS: [&str; 3] = ["AAPL", "JPM", "XOM"];
const CASES: [&str; 4] = ["standard", "realistic", "moving", "each"];
const K: usize = 7;

/// Vectors and row-major matrices by case, symbol, item and frame; frame −1 for items without a frame.
type Reference = BTreeMap<(String, String, String, i64), Vec<f64>>;

fn reference() -> Reference {
    let bytes = Bytes::from_static(include_bytes!("../reference/pykalman.parquet"));
    let mut reference = Reference::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let text = |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row).to_owned();
        for row in 0..batch.num_rows() {
            let frame = batch.column(3).as_primitive::<Int64Type>().value(row);
            let values = batch.column(4).as_list::<i32>().value(row);
            let values = values.as_primitive::<Float64Type>().values().to_vec();
            reference.insert((text(0, row), text(1, row), text(2, row), frame), values);
        }
    }
    reference
}

fn item(reference: &Reference, case: &str, symbol: &str, item: &str, frame: i64) -> Vec<f64> {
    reference[&(case.to_owned(), symbol.to_owned(), item.to_owned(), frame)].clone()
}

/// Returns the factor returns of each frame and the masked returns of each symbol.
fn data(reference: &Reference) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let factors = tutorial::FACTORS.iter().map(|(name, text)| ((*name).to_owned(), text.parse().unwrap()));
    let settings = Settings { factors: factors.collect(), ..Settings::default() };
    let mut source = ParquetSource::open(&tutorial::prices(), None, settings).unwrap();
    let masks: Vec<Vec<f64>> =
        SYMBOLS.iter().map(|symbol| item(reference, "data", symbol, "missing", -1)).collect();
    let mut frame = Frame::default();
    let mut returns = Returns::new(false);
    assert!(source.next_frame(&mut frame).unwrap());
    returns.of(&frame);
    // Every instrument of the tutorial data is present from the first frame on.
    let names = frame.listed.clone();
    let (mut factors, mut columns) = (Vec::new(), vec![Vec::new(); SYMBOLS.len()]);
    for t in 0..masks[0].len() {
        assert!(source.next_frame(&mut frame).unwrap());
        let y = returns.of(&frame);
        factors.push(frame.factors.clone());
        for ((column, symbol), mask) in columns.iter_mut().zip(SYMBOLS).zip(&masks) {
            let at = names.iter().position(|name| &**name == symbol).unwrap();
            column.push(if mask[t] == 1.0 { f64::NAN } else { y[at] });
        }
    }
    (factors, columns)
}

fn state_space(reference: &Reference, case: &str, symbol: &str) -> StateSpace {
    let of = |name| item(reference, case, symbol, name, -1);
    let square = |name| DMatrix::from_row_slice(K, K, &of(name));
    StateSpace {
        transition: square("transition"),
        transition_covariance: square("transition_covariance"),
        observation_variance: of("observation_variance")[0],
        initial_mean: DVector::from_vec(of("initial_mean")),
        initial_covariance: square("initial_covariance"),
    }
}

/// Returns the largest difference of two vectors, in units of the largest element of the second.
fn distance(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let worst =
        differences.fold(0.0, |worst, difference| if difference <= worst { worst } else { difference });
    if worst == 0.0 { 0.0 } else { worst / largest }
}

fn close(found: &[f64], expected: &[f64], bound: f64, what: &str) {
    let distance = distance(found, expected);
    assert!(distance <= bound, "{what}: {distance:e} of the largest element from pykalman, {found:?}");
}

#[test]
fn filter_equals_pykalman() {
    let reference = reference();
    let (factors, columns) = data(&reference);
    for case in CASES {
        let models: Vec<StateSpace> = SYMBOLS.iter().map(|s| state_space(&reference, case, s)).collect();
        let parameters = if case == "each" {
            FixedParameters {
                transition_covariance: PerInstrument::Each(
                    models.iter().map(|model| model.transition_covariance.as_slice().to_vec()).collect(),
                ),
                observation_variance: PerInstrument::Each(
                    models.iter().map(|model| model.observation_variance).collect(),
                ),
                ..models[0].clone().into()
            }
        } else {
            models[0].clone().into()
        };
        let mut filter = Fixed::new(parameters, K - 1).unwrap();
        for (t, f) in factors.iter().enumerate() {
            let y: Vec<f64> = columns.iter().map(|column| column[t]).collect();
            filter.step_scored(f, &y);
            for (i, symbol) in SYMBOLS.iter().enumerate() {
                let key = |name: &str| (case.to_owned(), (*symbol).to_owned(), name.to_owned(), t as i64);
                let Some(mean) = reference.get(&key("filtered_mean")) else {
                    continue;
                };
                let what = format!("{case}, {symbol}, frame {t}");
                let found: Vec<f64> = (0..K).map(|j| filter.mean(i, j)).collect();
                close(&found, mean, 1e-9, &what);
                close(&filter.covariance(i), &reference[&key("filtered_covariance")], 1e-9, &what);
            }
        }
        for (i, symbol) in SYMBOLS.iter().enumerate() {
            let expected = item(&reference, case, symbol, "log_likelihood", -1);
            close(&[filter.log_likelihood(i)], &expected, 1e-9, &format!("{case}, {symbol}"));
        }
    }
}

#[test]
fn smoother_equals_pykalman() {
    let reference = reference();
    let (factors, columns) = data(&reference);
    let factors = factors.concat();
    let mut compared = 0;
    for ((case, symbol, name, frame), expected) in &reference {
        if name != "smoothed_mean" || *frame != 0 {
            continue;
        }
        let column = &columns[SYMBOLS.iter().position(|s| s == symbol).unwrap()];
        let smoothed = state_space(&reference, case, symbol).smooth(&factors, column);
        close(smoothed.mean(0), expected, 1e-9, &format!("{case}, {symbol}, frame 0"));
        for t in 0..smoothed.frames() {
            let key = |name: &str| (case.clone(), symbol.clone(), name.to_owned(), t as i64);
            let Some(mean) = reference.get(&key("smoothed_mean")) else {
                continue;
            };
            let what = format!("{case}, {symbol}, frame {t}");
            close(smoothed.mean(t), mean, 1e-9, &what);
            close(smoothed.covariance(t), &reference[&key("smoothed_covariance")], 1e-9, &what);
            compared += 1;
        }
    }
    assert_eq!(compared, CASES.len() * SYMBOLS.len() * 13);
}

/// Compares five EM steps to 1e-6 of the largest element. For Q, pykalman subtracts large matrices, with
/// errors up to 1.3e-3, so Q is also compared with the same steps in extended precision.
#[test]
fn em_equals_pykalman() {
    let reference = reference();
    let (factors, columns) = data(&reference);
    let factors = factors.concat();
    for case in CASES {
        for (symbol, column) in SYMBOLS.iter().zip(&columns) {
            let start = state_space(&reference, case, symbol);
            let fitted = Em { steps: 5, tolerance: 0.0 }.fit(&start, &factors, column).unwrap();
            let found = &fitted.parameters;
            let check = |values: &[f64], name: &str, bound: f64| {
                let expected = item(&reference, case, symbol, name, -1);
                close(values, &expected, bound, &format!("{case}, {symbol}, {name}"));
            };
            check(found.transition_covariance.as_slice(), "exact_transition_covariance", 1e-10);
            check(&[found.observation_variance], "exact_observation_variance", 1e-10);
            check(found.initial_mean.as_slice(), "exact_initial_mean", 1e-10);
            check(found.initial_covariance.as_slice(), "exact_initial_covariance", 1e-10);
            // The bound is the distance of pykalman from exact arithmetic.
            let [theirs, exact] = ["em_transition_covariance", "exact_transition_covariance"]
                .map(|name| item(&reference, case, symbol, name, -1));
            let own = distance(&theirs, &exact);
            check(found.transition_covariance.as_slice(), "em_transition_covariance", own + 1e-6);
            check(&[found.observation_variance], "em_observation_variance", 1e-6);
            check(found.initial_mean.as_slice(), "em_initial_mean", 1e-6);
            check(found.initial_covariance.as_slice(), "em_initial_covariance", 1e-6);
            check(&fitted.log_likelihood[5..], "em_log_likelihood", 1e-6);
            check(&fitted.log_likelihood[..1], "log_likelihood", 1e-9);
        }
    }
}
