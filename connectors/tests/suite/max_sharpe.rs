//! Critical line algorithm against SLSQP of `scipy`, on the embedded tutorial data.
//!
//! `reference/make_max_sharpe.py` wrote the reference.

use std::collections::BTreeMap;

use betaflow_connectors::parquet::{ParquetSource, Settings};
use betaflow_connectors::tutorial;
use betaflow_engine::frame::Frame;
use betaflow_engine::portfolio::{Covariance, Point, SampleCovariance, frontier_point};
use betaflow_engine::source::Source;
use betaflow_engine::time::DAY_NS;

const WINDOW: usize = 252;

/// Days since 1970 of the reference dates.
const DATES: [(&str, i64); 3] = [("2015-12-31", 16_800), ("2019-12-31", 18_261), ("2022-12-28", 19_354)];

/// Returns the names of the 20 instruments, and their closes by date.
fn closes() -> (Vec<String>, Vec<(i64, Vec<f64>)>) {
    let mut source = ParquetSource::open(&tutorial::prices(), None, Settings::default()).unwrap();
    let (mut names, mut rows, mut frame) = (Vec::new(), Vec::new(), Frame::default());
    while source.next_frame(&mut frame).unwrap() {
        names.extend(frame.listed.iter().map(ToString::to_string));
        rows.push((frame.timestamp.0 / DAY_NS, frame.close.clone()));
    }
    let kept: Vec<usize> =
        (0..names.len()).filter(|&i| !tutorial::FACTOR_INSTRUMENTS.contains(&names[i].as_str())).collect();
    let pick = |row: Vec<f64>| kept.iter().map(|&i| row[i]).collect();
    let rows = rows.into_iter().map(|(date, row)| (date, pick(row))).collect();
    (kept.iter().map(|&i| names[i].clone()).collect(), rows)
}

/// Returns the returns of the window that ends on a date, one row per day.
fn returns(rows: &[(i64, Vec<f64>)], date: i64) -> Vec<f64> {
    let end = rows.iter().position(|(day, _)| *day == date).unwrap();
    let pairs = rows[end - WINDOW..=end].windows(2);
    pairs.flat_map(|pair| pair[0].1.iter().zip(&pair[1].1).map(|(a, b)| b / a - 1.0)).collect()
}

/// Returns mean / standard deviation (of the population) of a portfolio's returns.
fn sharpe(returns: &[f64], weights: &[f64]) -> f64 {
    let book: Vec<f64> = returns
        .chunks_exact(weights.len())
        .map(|row| row.iter().zip(weights).map(|(r, w)| r * w).sum())
        .collect();
    let mean = book.iter().sum::<f64>() / book.len() as f64;
    let variance = book.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / book.len() as f64;
    mean / variance.sqrt()
}

#[test]
fn max_sharpe_equals_scipy() {
    let (names, rows) = closes();
    let table = include_str!("../reference/max_sharpe.csv");
    for (text, date) in DATES {
        let lines = table.lines().filter_map(|line| line.strip_prefix(text)?.strip_prefix(','));
        let expected: BTreeMap<&str, (f64, f64)> = lines
            .map(|line| {
                let mut cells = line.split(',');
                let symbol = cells.next().unwrap();
                let [weight, sharpe] = [0, 1].map(|_| cells.next().unwrap().parse::<f64>().unwrap());
                (symbol, (weight, sharpe))
            })
            .collect();
        assert_eq!(expected.len(), names.len());
        let returns = returns(&rows, date);
        let covariance = SampleCovariance::new(&returns, names.len());
        let upper = vec![0.1; names.len()];
        let (weights, point) =
            frontier_point(covariance.mean(), &covariance, &upper, Point::MaxSharpe).unwrap();
        assert_eq!(point, Point::MaxSharpe);
        let found = sharpe(&returns, &weights);
        for (name, weight) in names.iter().zip(&weights) {
            let (theirs, ratio) = expected[name.as_str()];
            assert!((weight - theirs).abs() < 1e-4, "{text} {name}: {weight}, scipy {theirs}");
            assert!(found >= ratio * (1.0 - 1e-12), "{text}: {found}, scipy {ratio}");
        }
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

/// None of twenty thousand neighbouring portfolios is better. With only negative forecasts the result has the
/// minimum variance, and no neighbour has less.
#[test]
fn no_neighbouring_portfolio_is_better() {
    let (names, rows) = closes();
    let returns = returns(&rows, DATES[2].1);
    let n = names.len();
    let covariance = SampleCovariance::new(&returns, n);
    let variance = |weights: &[f64]| -> f64 {
        let mut row = vec![0.0; n];
        (0..n)
            .map(|i| {
                covariance.row(i, &mut row);
                weights[i] * row.iter().zip(weights).map(|(c, w)| c * w).sum::<f64>()
            })
            .sum()
    };
    let upper = vec![0.1; n];
    let negative = vec![-1e-3; n];
    let (least, point) = frontier_point(&negative, &covariance, &upper, Point::MaxSharpe).unwrap();
    assert_eq!(point, Point::MinVariance, "no portfolio has a positive forecast");
    let (best, _) = frontier_point(covariance.mean(), &covariance, &upper, Point::MaxSharpe).unwrap();
    let (best_ratio, least_variance) = (sharpe(&returns, &best), variance(&least));
    let mut seed = 1_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    for round in 0..20_000 {
        let size = 0.1 / (1 + round % 1_000) as f64;
        let (from, to) = (random() % n, random() % n);
        for (weights, is_best) in [(&best, true), (&least, false)] {
            let mut other = weights.clone();
            let moved = size.min(other[from]).min(0.1 - other[to]);
            other[from] -= moved;
            other[to] += moved;
            if is_best {
                assert!(sharpe(&returns, &other) <= best_ratio * (1.0 + 1e-9), "{size} from {from} to {to}");
            } else {
                assert!(variance(&other) >= least_variance * (1.0 - 1e-9), "{size} from {from} to {to}");
            }
        }
    }
    let few: Vec<f64> = (0..n).map(|i| if i < 5 { 0.1 } else { 0.0 }).collect();
    let (weights, _) = frontier_point(&negative, &covariance, &few, Point::MinVariance).unwrap();
    assert!(
        weights.iter().zip(&few).all(|(w, most)| (w - most).abs() < 1e-12),
        "expected all of the allowed weight"
    );
    assert!(frontier_point(&negative, &covariance, &vec![0.0; n], Point::MinVariance).is_none());
}
