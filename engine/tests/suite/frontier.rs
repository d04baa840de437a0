//! Portfolios of the efficient frontier against the conditions of an optimum.

use betaflow_engine::portfolio::{Covariance, Point, SampleCovariance, frontier_point};

use crate::support::Random;

/// Σ as rows.
struct Dense(Vec<Vec<f64>>);

impl Covariance for Dense {
    fn instruments(&self) -> usize {
        self.0.len()
    }

    fn row(&self, i: usize, out: &mut [f64]) {
        out.copy_from_slice(&self.0[i]);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Checks that no small shift of weight from one instrument to another improves the point.
fn assert_optimal(
    case: &str,
    expected: &[f64],
    rows: &[Vec<f64>],
    upper: &[f64],
    (weights, point): &(Vec<f64>, Point),
) {
    let total = upper.iter().sum::<f64>().min(1.0);
    assert!((weights.iter().sum::<f64>() - total).abs() < 1e-9, "{case}: {weights:?}");
    assert!(weights.iter().zip(upper).all(|(w, upper)| (0.0..=*upper).contains(w)), "{case}: {weights:?}");
    let risks: Vec<f64> = rows.iter().map(|row| dot(row, weights)).collect();
    let (mean, variance) = (dot(weights, expected), dot(weights, &risks));
    // Marginal value of each weight; ratio: that of μ'w/√(w'Σw) up to a factor.
    let value = |i: usize| match point {
        Point::MinVariance => -risks[i] / variance,
        Point::MaxSharpe => expected[i] / mean - risks[i] / variance,
    };
    for (from, to) in (0..weights.len()).flat_map(|i| (0..weights.len()).map(move |j| (i, j))) {
        if weights[from] > 1e-9 && weights[to] < upper[to] - 1e-9 {
            assert!(value(to) <= value(from) + 1e-6, "{case}: from {from} to {to}, {point:?}: {weights:?}");
        }
    }
}

/// A random covariance with a common factor, and for even seeds groups of nearly equal instruments.
fn covariance(random: &mut Random, n: usize, alike: bool) -> Vec<Vec<f64>> {
    let loadings: Vec<[f64; 2]> = (0..n)
        .map(|i| if alike && i % 3 == 1 { [1.0, 0.0] } else { [0.5 + random.uniform(), random.shock()] })
        .collect();
    let own: Vec<f64> = (0..n).map(|_| 1e-4 * (0.1 + 3.0 * random.uniform())).collect();
    let of = |i: usize, j: usize| 1e-4 * dot(&loadings[i], &loadings[j]) + if i == j { own[i] } else { 0.0 };
    (0..n).map(|i| (0..n).map(|j| of(i, j)).collect()).collect()
}

#[test]
fn no_shift_of_weight_improves_a_frontier_portfolio() {
    let (mut ratios, mut bounded) = (0, 0);
    for seed in 0..400 {
        let mut random = Random(seed);
        let n = 1 + (random.uniform() * 12.0) as usize;
        let rows = covariance(&mut random, n, seed % 2 == 0);
        let level = if seed % 5 == 0 { -1e-3 } else { 2e-4 };
        let expected: Vec<f64> = (0..n).map(|_| level + 4e-4 * random.shock()).collect();
        let most = [0.0, 0.12, 0.3, 0.6, 1.0];
        let upper: Vec<f64> = (0..n)
            .map(|_| if seed % 3 == 0 { 1.0 } else { most[(random.uniform() * 5.0) as usize] })
            .collect();
        let dense = Dense(rows.clone());
        for wanted in [Point::MaxSharpe, Point::MinVariance] {
            let case = format!("seed {seed}, {n} names, {wanted:?}");
            let found = frontier_point(&expected, &dense, &upper, wanted);
            if upper.iter().all(|upper| *upper == 0.0) {
                assert!(found.is_none(), "{case}");
                continue;
            }
            let found = found.unwrap();
            // The ratio is defined where the portfolio of the largest forecast has a positive one.
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|a, b| expected[*b].total_cmp(&expected[*a]));
            let mut left = upper.iter().sum::<f64>().min(1.0);
            let best: f64 = order
                .iter()
                .map(|&i| {
                    let weight = upper[i].min(left);
                    left -= weight;
                    weight * expected[i]
                })
                .sum();
            let point = if best > 0.0 { wanted } else { Point::MinVariance };
            assert_eq!(found.1, point, "{case}");
            assert_optimal(&case, &expected, &rows, &upper, &found);
            ratios += usize::from(found.1 == Point::MaxSharpe);
            bounded += usize::from(
                found.0.iter().zip(&upper).any(|(w, upper)| *upper < 1.0 && *w == *upper && *w > 0.0),
            );
        }
    }
    assert!(ratios > 100 && bounded > 100, "{ratios} ratios, {bounded} at a bound");
}

/// The portfolio of the largest forecast has every weight at its bound, so no weight can balance the budget.
#[test]
fn bounds_that_add_up_to_one_leave_the_start() {
    for (bounded, seed) in (2..=30).flat_map(|bounded| (0..4).map(move |seed| (bounded, seed))) {
        let mut random = Random(31 * bounded as u64 + seed);
        let n = bounded + 1 + seed as usize;
        let rows = covariance(&mut random, n, false);
        let expected: Vec<f64> = (0..n).map(|_| 2e-4 + 4e-4 * random.shock()).collect();
        let (dense, upper) = (Dense(rows.clone()), vec![1.0 / bounded as f64; n]);
        for wanted in [Point::MaxSharpe, Point::MinVariance] {
            let found = frontier_point(&expected, &dense, &upper, wanted).unwrap();
            assert_optimal(
                &format!("{n} names up to 1/{bounded}, {wanted:?}"),
                &expected,
                &rows,
                &upper,
                &found,
            );
        }
    }
}

/// With equal forecasts the largest ratio is that of the least variance. Every instrument enters in an event of its own.
#[test]
fn equal_forecasts_give_the_portfolio_of_least_variance() {
    let n = 150;
    let variances: Vec<f64> = (0..n).map(|i| 1e-4 * (1.0 + (i * 37 % n) as f64 / n as f64)).collect();
    let row = |i: usize| (0..n).map(|j| if i == j { variances[i] } else { 0.0 }).collect();
    let dense = Dense((0..n).map(row).collect());
    // Uncorrelated: in proportion to 1/σ².
    let total: f64 = variances.iter().map(|variance| 1.0 / variance).sum();
    for point in [Point::MaxSharpe, Point::MinVariance] {
        let (weights, found) = frontier_point(&vec![5e-4; n], &dense, &vec![1.0; n], point).unwrap();
        assert_eq!(found, point);
        for (weight, variance) in weights.iter().zip(&variances) {
            let expected = 1.0 / (variance * total);
            assert!((weight / expected - 1.0).abs() < 1e-10, "{point:?}: {weight}, expected {expected}");
        }
    }
}

#[test]
fn two_instruments_have_their_closed_form() {
    // Uncorrelated: weights in proportion to 1/σ², and to μ/σ².
    let dense = Dense(vec![vec![4e-4, 0.0], vec![0.0, 1e-4]]);
    let near = |found: Option<(Vec<f64>, Point)>, expected: [f64; 2]| {
        let (weights, _) = found.unwrap();
        assert!(
            weights.iter().zip(expected).all(|(w, e)| (w - e).abs() < 1e-9),
            "{weights:?}, expected {expected:?}"
        );
    };
    let of =
        |expected: [f64; 2], upper: [f64; 2], point: Point| frontier_point(&expected, &dense, &upper, point);
    near(of([1e-3, 1e-3], [1.0, 1.0], Point::MinVariance), [0.2, 0.8]);
    near(of([4e-3, 1e-3], [1.0, 1.0], Point::MaxSharpe), [0.5, 0.5]);
    near(of([4e-3, 1e-3], [0.4, 1.0], Point::MaxSharpe), [0.4, 0.6]);
    near(of([4e-3, 1e-3], [0.2, 0.3], Point::MaxSharpe), [0.2, 0.3]);
    near(of([4e-3, 1e-3], [0.0, 1.0], Point::MinVariance), [0.0, 1.0]);
    near(of([-1e-3, -1e-3], [1.0, 1.0], Point::MaxSharpe), [0.2, 0.8]);
}

#[test]
fn sample_covariance_is_that_of_the_population() {
    let returns = [0.01, 0.03, -0.02, 0.01, 0.04, -0.01];
    let sample = SampleCovariance::new(&returns, 2);
    let near =
        |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15, "{found}, expected {expected}");
    near(sample.mean()[0], 0.01);
    near(sample.mean()[1], 0.01);
    let mut row = vec![9.0; 2];
    for (i, expected) in [[6e-4, -2e-4], [-2e-4, 8e-4 / 3.0]].into_iter().enumerate() {
        sample.row(i, &mut row);
        row.iter().zip(expected).for_each(|(found, expected)| near(*found, expected));
    }
    assert_eq!(sample.instruments(), 2);
}

/// Returns how much a move towards another portfolio could gain at most, by the slope of the objective (the gap of Frank
/// and Wolfe 1956), in units of the largest variance and forecast. It is 0 exactly at the optimum.
fn gap(expected: &[f64], rows: &[Vec<f64>], upper: &[f64], (weights, point): &(Vec<f64>, Point)) -> f64 {
    let risks: Vec<f64> = rows.iter().map(|row| dot(row, weights)).collect();
    let (mean, variance) = (dot(weights, expected), dot(weights, &risks));
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |a: f64, b| a.max(b.abs()));
    let most = largest(&mut (0..rows.len()).map(|i| rows[i][i])).max(f64::MIN_POSITIVE);
    let (values, unit): (Vec<f64>, f64) = match point {
        Point::MinVariance => (risks.iter().map(|risk| -risk).collect(), most),
        Point::MaxSharpe => (
            expected.iter().zip(&risks).map(|(forecast, risk)| forecast * variance - risk * mean).collect(),
            most * largest(&mut expected.iter().copied()),
        ),
    };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let mut left = upper.iter().sum::<f64>().min(1.0);
    let mut best = 0.0;
    for i in order {
        let weight = upper[i].min(left);
        left -= weight;
        best += weight * values[i];
    }
    (best - dot(&values, weights)) / unit
}

/// Ties, singular covariances and bounds that add up to 1, where events coincide.
#[test]
fn degenerate_problems_have_their_optimum() {
    let (mut failures, mut ratios) = (Vec::new(), 0);
    for seed in 0..DEGENERATE {
        let mut random = Random(seed);
        let n = 1 + (random.uniform() * 7.0) as usize;
        let mut pick = |of: &[f64]| of[(random.uniform() * of.len() as f64) as usize];
        // Loadings on two factors, and own variance.
        let (kind, mut parts) = (seed % 9, Vec::new());
        for _ in 0..n {
            parts.push(match kind {
                0 => ([0.0, 0.0], 1.0),
                1 => ([0.0, 0.0], pick(&[1.0, 1.0, 4.0])),
                2 => ([1.0, 0.0], 0.0),
                3 => ([pick(&[1.0, 2.0, -1.0, 0.5]), 0.0], 0.0),
                4 => ([1.0, 0.0], 1.0),
                5 => ([pick(&[1.0, -1.0]), pick(&[0.5, 1.0])], 0.0),
                6 => ([pick(&[1.0, 0.5]), pick(&[0.0, 1.0])], pick(&[0.0, 0.5])),
                7 => ([pick(&[0.0, 1.0]), 0.0], pick(&[0.0, 0.0, 1.0])),
                // Fewer factors than instruments, without ties.
                _ => {
                    let mut loading =
                        || pick(&[0.31, -0.72, 1.13, 0.94, -0.45, 0.66]) * pick(&[1.01, 0.97, 0.89, 1.07]);
                    ([loading(), loading()], 0.0)
                }
            });
        }
        let of = |i: usize, j: usize| {
            1e-4 * (dot(&parts[i].0, &parts[j].0) + if i == j { parts[i].1 } else { 0.0 })
        };
        let rows: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| of(i, j)).collect()).collect();
        let forecasts = pick(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]) as usize;
        let expected: Vec<f64> = (0..n)
            .map(|i| match forecasts {
                0 => 0.0,
                1 => 5e-4,
                2 => -5e-4,
                3 => pick(&[-1e-4, 0.0, 1e-4]),
                // With two factors alone, all events of the line would coincide.
                4 if kind != 5 => rows[i][i],
                _ => 1e-3 * pick(&[0.1, 0.2, 0.3, 0.7]),
            })
            .collect();
        let (bounds, parts) = (pick(&[0.0, 1.0, 2.0, 3.0, 4.0]) as usize, pick(&[1.0, 2.0, 3.0, 4.0, 5.0]));
        let upper: Vec<f64> = (0..n)
            .map(|i| match bounds {
                0 => 1.0,
                1 => 1.0 / n as f64,
                2 => 1.0 / parts,
                // The first add up to 1.
                3 => {
                    if i < parts as usize {
                        1.0 / parts
                    } else {
                        1.0
                    }
                }
                _ => pick(&[0.0, 0.1, 0.25, 0.5, 1.0]),
            })
            .collect();
        let dense = Dense(rows.clone());
        for wanted in [Point::MaxSharpe, Point::MinVariance] {
            let Some(found) = frontier_point(&expected, &dense, &upper, wanted) else {
                assert!(upper.iter().all(|upper| *upper == 0.0), "seed {seed}");
                continue;
            };
            let total = upper.iter().sum::<f64>().min(1.0);
            let sum = found.0.iter().sum::<f64>();
            let inside = found.0.iter().zip(&upper).all(|(w, upper)| (0.0..=*upper).contains(w));
            let gap = gap(&expected, &rows, &upper, &found);
            ratios += usize::from(found.1 == Point::MaxSharpe);
            if !(inside && (sum - total).abs() < 1e-9 && gap < 1e-9) {
                failures.push(format!(
                    "seed {seed}, kind {kind}, {wanted:?}: sum {sum}, gap {gap:e}, {found:?}, forecasts {expected:?}, bounds \
                     {upper:?}, covariance {rows:?}"
                ));
            }
        }
    }
    assert!(ratios > 100, "{ratios} ratios");
    assert!(failures.is_empty(), "{} of {DEGENERATE} fail:\n{}", failures.len(), failures.join("\n"));
}

/// Number of degenerate problems.
const DEGENERATE: u64 = 4_000;

/// The ratio has no meaning without a positive forecast.
#[test]
fn forecasts_of_zero_give_the_portfolio_of_least_variance() {
    let dense = Dense(vec![vec![4e-4, 0.0], vec![0.0, 1e-4]]);
    for expected in [[0.0, 0.0], [0.0, -1e-3], [-0.0, 0.0]] {
        let (weights, point) = frontier_point(&expected, &dense, &[1.0; 2], Point::MaxSharpe).unwrap();
        assert_eq!(point, Point::MinVariance, "{expected:?}");
        assert!((weights[0] - 0.2).abs() < 1e-12 && (weights[1] - 0.8).abs() < 1e-12, "{weights:?}");
    }
}
