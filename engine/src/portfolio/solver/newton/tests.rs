//! Sums, slopes and start of the search against dense definitions.

use nalgebra::DMatrix;

use super::super::limits::Repair;
use super::*;
use crate::portfolio::{
    ExposureBounds, GroupBound, GroupLimits, NO_FACTOR, OwnLoadings, Rebalance, UNBOUNDED,
};
use crate::random::Random;

/// Numbers around 0.
fn shocks(random: &mut Random, count: usize, scale: f64) -> Vec<f64> {
    (0..count).map(|_| scale * (2.0 * random.uniform() - 1.0)).collect()
}

/// Costs of a generated problem.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Costs {
    Linear,
    /// Impact of every second instrument.
    Impact,
    Fees,
}

/// A problem with every kind of limit; with groups, two divisions of each kind. The weights are inside their bounds.
fn made(seed: u64, grouped: bool, costs: Costs) -> Rebalance {
    let mut random = Random::new(seed);
    let (n, given) = ([3, 8, 11, 19][seed as usize % 4], 1 + seed as usize % 3);
    let mut own = Vec::new();
    let mut k = given;
    for count in [2, 3].into_iter().filter(|_| grouped) {
        let factor: Vec<u32> =
            (0..n).map(|i| if i % 7 == 5 { NO_FACTOR } else { (k + random.below(count)) as u32 }).collect();
        let loading = factor.iter().map(|of| if *of == NO_FACTOR { 0.0 } else { 0.4 + random.uniform() });
        own.push(OwnLoadings { loading: loading.collect(), factor });
        k += count;
    }
    let mut root = DMatrix::from_vec(k, k, shocks(&mut random, k * k, 0.01)).lower_triangle();
    (0..k).for_each(|j| root[(j, j)] = root[(j, j)].abs() + 0.002);
    let bound = |random: &mut Random| GroupBound {
        lower: -0.1 - 0.1 * random.uniform(),
        upper: 0.1 + 0.1 * random.uniform(),
        gross: 0.3 + 0.2 * random.uniform(),
    };
    let mut group_limits = Vec::new();
    for count in [2, 3].into_iter().filter(|_| grouped) {
        let group = (0..n).map(|i| if i % 5 == 4 { UNBOUNDED } else { random.below(count) as u32 }).collect();
        group_limits.push(GroupLimits { group, bounds: (0..count).map(|_| bound(&mut random)).collect() });
    }
    let positive = |random: &mut Random, scale: f64| -> Vec<f64> {
        (0..n).map(|_| scale * (0.2 + random.uniform())).collect()
    };
    Rebalance {
        expected: shocks(&mut random, n, 1e-3),
        exposures: DMatrix::from_vec(n, given, shocks(&mut random, n * given, 1.5)),
        own,
        factor_root: root,
        idiosyncratic: positive(&mut random, 4e-4),
        kelly_fraction: 0.5,
        held: shocks(&mut random, n, 0.2),
        lower: (0..n).map(|i| if i % 6 == 3 { -0.25 } else { -2.0 }).collect(),
        upper: (0..n).map(|i| if i % 6 == 3 { 0.25 } else { 2.0 }).collect(),
        cost: positive(&mut random, 1e-4),
        impact: match costs {
            Costs::Linear => Vec::new(),
            _ => (0..n).map(|i| if i % 2 == 0 { 1e-3 } else { 0.0 }).collect(),
        },
        borrow: if costs == Costs::Fees { positive(&mut random, 2e-4) } else { Vec::new() },
        turnover: 1.5,
        gross: 2.5,
        net: Some(0.1),
        exposure_bounds: vec![
            ExposureBounds { factor: 0, lower: -0.1, upper: 0.2 },
            ExposureBounds { factor: k - 1, lower: -0.3, upper: 0.1 },
        ],
        group_limits,
        ..Rebalance::default()
    }
}

fn cases() -> impl Iterator<Item = (u64, bool, Costs)> {
    let costs = [Costs::Linear, Costs::Impact, Costs::Fees];
    (0..12).flat_map(move |seed| {
        costs.into_iter().flat_map(move |costs| [false, true].map(|grouped| (seed, grouped, costs)))
    })
}

/// Solver at the start of its search.
fn prepared(of: &Rebalance) -> Solver {
    let (problem, mut solver) = (of.problem(), Solver::default());
    solver.has_groups = problem.has_groups();
    if solver.has_groups {
        solver.grouped.reference.set(&problem, &Repair::of(&problem));
    }
    solver.prepare(&problem, &[]);
    solver
}

/// Coefficients of each shared sum, in the order of the rows: R = BL/√κ, net, exposures.
fn coefficients(of: &Rebalance) -> Vec<Vec<f64>> {
    let (n, k) = (of.expected.len(), of.factors());
    let exposures: Vec<Vec<f64>> = (0..k).map(|factor| of.exposures_to(factor)).collect();
    let scale = of.kelly_fraction.sqrt();
    let of_root =
        |j: usize, i: usize| (0..k).map(|l| exposures[l][i] * of.factor_root[(l, j)]).sum::<f64>() / scale;
    let mut all: Vec<Vec<f64>> = (0..k).map(|j| (0..n).map(|i| of_root(j, i)).collect()).collect();
    all.push(vec![1.0; n]);
    for bound in &of.exposure_bounds {
        all.push(exposures[bound.factor].clone());
        all.push(exposures[bound.factor].iter().map(|exposure| -exposure).collect());
    }
    for limits in &of.group_limits {
        for group in 0..limits.bounds.len() {
            let member = |i: usize| f64::from(u8::from(limits.group[i] as usize == group));
            // The third sum is that of the absolute weights.
            all.push((0..n).map(member).collect());
            all.push((0..n).map(|i| -member(i)).collect());
            all.push((0..n).map(member).collect());
        }
    }
    all
}

/// True for each row of [`coefficients`] that sums absolute weights.
fn is_gross(of: &Rebalance) -> Vec<bool> {
    let plain = of.factors() + 1 + 2 * of.exposure_bounds.len();
    let groups: usize = of.group_limits.iter().map(|limits| limits.bounds.len()).sum();
    let mut all = vec![false; plain];
    all.extend((0..groups).flat_map(|_| [false, false, true]));
    all
}

/// Multipliers in the order of the rows.
fn prices(random: &mut Random, of: &Rebalance, rows: usize) -> Vec<f64> {
    let k = of.factors();
    let mut prices = shocks(random, k, 0.02);
    prices.extend(shocks(random, rows - k, 1e-4).iter().enumerate().map(|(at, price)| {
        // That of the net target may have either sign.
        if at == 0 { *price } else { price.abs() }
    }));
    prices
}

/// Sums of the rows at the given multipliers.
fn totals_at(solver: &mut Solver, prices: &[f64]) -> Vec<f64> {
    solver.trial = prices.to_vec();
    solver.respond(true);
    solver.totals.clone()
}

fn near(found: f64, expected: f64, allowed: f64, name: &str) {
    assert!((found - expected).abs() <= allowed, "{name}: {found:e}, expected {expected:e}");
}

#[test]
fn search_starts_at_the_risk_of_the_held_weights() {
    for (seed, grouped, costs) in cases() {
        let (made, name) = (made(seed, grouped, costs), format!("seed {seed}, {grouped}, {costs:?}"));
        let (solver, dense) = (prepared(&made), coefficients(&made));
        let (n, k) = (made.expected.len(), made.factors());
        assert_eq!(solver.rows.len(), dense.len() + 2, "{name}");
        for (at, row) in dense.iter().enumerate() {
            let held: f64 = row.iter().zip(&made.held).map(|(coefficient, held)| coefficient * held).sum();
            near(solver.prices[at], if at < k { held } else { 0.0 }, 1e-14, &name);
        }
        let square = |row: &[f64], i: usize| row[i] * row[i] * made.kelly_fraction / made.idiosyncratic[i];
        // With groups the scale of a factor is not used, and the net sum includes the padding, of slope 1.
        for (at, row) in dense.iter().enumerate().skip(if grouped { k } else { 0 }) {
            let padding = if grouped && at == k { n.div_ceil(8) * 8 - n } else { 0 };
            let curvature = padding as f64 + (0..n).map(|i| square(row, i)).sum::<f64>();
            near(solver.rows[at].scale, curvature, 1e-12 * curvature, &name);
        }
        if !grouped {
            for (at, row) in dense.iter().enumerate() {
                let found = |i: usize| solver.instruments.coefficient(i, at);
                row.iter().enumerate().for_each(|(i, of)| near(found(i), *of, 1e-14, &name));
                (n..n.div_ceil(8) * 8).for_each(|i| near(found(i), 0.0, 0.0, &name));
            }
        }
        // Bound on the marginal objective of a weight.
        let most = |of: &dyn Fn(usize) -> f64| (0..n).map(of).fold(0.0, f64::max);
        let room = |i: usize| made.held[i].abs().max(made.upper[i]);
        let systematic = most(&|i| dense[..k].iter().map(|row| row[i] * row[i]).sum());
        let gross = (0..n).map(room).sum::<f64>().min(2.5);
        let value = most(&|i| made.expected[i].abs() + made.cost[i])
            + systematic * gross
            + most(&|i| made.idiosyncratic[i] / made.kelly_fraction * room(i))
            + made.borrow.iter().copied().fold(0.0, f64::max);
        near(solver.value, value, 1e-12 * value, &name);
    }
}

/// The sums are those of the weights, and each weight maximises its own part of the Lagrangian.
#[test]
fn weights_maximise_the_lagrangian() {
    for (seed, grouped, costs) in cases() {
        let (made, name) = (made(seed, grouped, costs), format!("seed {seed}, {grouped}, {costs:?}"));
        let (mut solver, dense, is_gross) = (prepared(&made), coefficients(&made), is_gross(&made));
        let (n, rows) = (made.expected.len(), dense.len() + 2);
        let prices = prices(&mut Random::new(seed + 100), &made, rows);
        let totals = totals_at(&mut solver, &prices);
        let weights: Vec<f64> = (0..n).map(|i| solver.instruments.weight(i)).collect();
        let sum = |of: &dyn Fn(usize) -> f64| (0..n).map(of).sum::<f64>();
        for (at, row) in dense.iter().enumerate() {
            let weight = |i: usize| if is_gross[at] { weights[i].abs() } else { weights[i] };
            near(totals[at], sum(&|i| row[i] * weight(i)), 1e-13, &name);
        }
        near(totals[rows - 2], sum(&|i| (weights[i] - made.held[i]).abs()), 1e-13, &name);
        near(totals[rows - 1], sum(&|i| weights[i].abs()), 1e-13, &name);
        for i in 0..n {
            let priced = |gross: bool| -> f64 {
                let rows = dense.iter().zip(&prices).zip(&is_gross);
                rows.filter(|(_, is_gross)| **is_gross == gross).map(|((row, price), _)| row[i] * price).sum()
            };
            let (net, gross) = (priced(false), priced(true) + prices[rows - 1]);
            let part = |weight: f64| {
                let trade = (weight - made.held[i]).abs();
                let impact = made.impact.get(i).unwrap_or(&0.0) * trade * trade.sqrt();
                let fee = made.borrow.get(i).unwrap_or(&0.0) * (-weight).max(0.0);
                let risk = made.idiosyncratic[i] / made.kelly_fraction * weight * weight / 2.0;
                (made.expected[i] - net) * weight
                    - risk
                    - (made.cost[i] + prices[rows - 2]) * trade
                    - gross * weight.abs()
                    - impact
                    - fee
            };
            let found = part(weights[i]);
            let others = [made.held[i], 0.0, made.lower[i], made.upper[i]].into_iter();
            let steps = [-1e-2, -1e-4, -1e-6, 1e-6, 1e-4, 1e-2].map(|step| weights[i] + step);
            for other in others.chain(steps).map(|other| other.clamp(made.lower[i], made.upper[i])) {
                let better = part(other) - found;
                assert!(better <= 1e-17, "{name}, instrument {i}: {other} is better than {}", weights[i]);
            }
        }
    }
}

#[test]
fn slopes_are_the_derivatives_of_the_sums() {
    let mut curved = 0;
    for (seed, grouped, costs) in cases() {
        let (mut made, name) = (made(seed, grouped, costs), format!("seed {seed}, {grouped}, {costs:?}"));
        // Bounds that leave one weight, which is neither 0 nor the held one.
        (made.lower[2], made.upper[2]) = (0.125, 0.125);
        let mut solver = prepared(&made);
        let rows = solver.rows.len();
        let prices = prices(&mut Random::new(seed + 200), &made, rows);
        let before = totals_at(&mut solver, &prices);
        solver.free = (0..rows).collect();
        solver.sum_slopes();
        let slopes = solver.slopes.clone();
        for column in 0..rows {
            let step = if column < made.factors() { 1e-8 } else { 1e-10 };
            let mut at = |step: f64| {
                let mut moved = prices.clone();
                moved[column] += step;
                totals_at(&mut solver, &moved)
            };
            let (above, below) = (at(step), at(-step));
            for row in column..rows {
                let [forward, backward] =
                    [(above[row] - before[row]) / step, (before[row] - below[row]) / step];
                let (slope, found) = ((forward + backward) / 2.0, slopes[row * (row + 1) / 2 + column]);
                // A kink within the step, or the curve of the impact, shows in the difference.
                let allowed = (forward - backward).abs() + 1e-4 * slope.abs() + 1e-3;
                near(-found, slope, allowed, &format!("{name}, row {row} by {column}"));
                curved += usize::from(slope.abs() > 0.1);
            }
        }
    }
    assert!(curved > 1_000, "{curved} slopes are not 0");
}

/// A net target beyond the box, whose multiplier has no bound here: it grows without an effect on the sum.
#[test]
fn search_ends_without_progress() {
    let made = Rebalance {
        expected: vec![1e-3; 3],
        idiosyncratic: vec![4e-4; 3],
        kelly_fraction: 0.5,
        held: vec![0.0; 3],
        lower: vec![-0.5; 3],
        upper: vec![0.5; 3],
        cost: vec![0.0; 3],
        turnover: 10.0,
        gross: f64::INFINITY,
        ..Rebalance::default()
    };
    // The error that remains, and the largest number of steps; `None` without convergence.
    for (missing, most) in [(0.0, Some(8)), (0.5 * ROUNDING, Some(8)), (4.0 * ROUNDING, None), (0.1, None)] {
        let made = Rebalance { net: Some(1.5 + missing), ..made.clone() };
        let mut solver = prepared(&made);
        (solver.rows[0].lower, solver.rows[0].upper) = (f64::NEG_INFINITY, f64::INFINITY);
        let steps = solver.find_prices();
        assert_eq!(steps.is_some(), most.is_some(), "{missing:e}: {steps:?}");
        assert!(steps <= most, "{missing:e}: {steps:?}");
        near(solver.gradient[0], missing, 1e-14, "what is missing");
        // A step without an effect multiplies the price by at most 5.
        let growth = (solver.prices[0] / solver.value).abs();
        let steps = f64::from(most.unwrap_or(PATIENCE + 8));
        assert!(growth <= libm::pow(5.0, steps), "{missing:e}: {growth:e}");
    }
}
