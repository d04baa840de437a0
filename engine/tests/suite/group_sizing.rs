//! Rebalances with factors and bounds of groups: optimal, equal to the same problem without sparsity, and no trade
//! increases a violation.

use betaflow_engine::portfolio::{
    ExposureBounds, GroupBound, GroupLimits, Multipliers, NO_FACTOR, OwnLoadings, Rebalance, SolveStatus,
    Solver, UNBOUNDED,
};
use nalgebra::DMatrix;

use crate::rebalance::{Checked, Reference};
use crate::support::Random;

fn yes(random: &mut Random, share: f64) -> bool {
    random.uniform() < share
}

/// Groups of n instruments; a tenth has none.
fn groups(random: &mut Random, n: usize, count: usize) -> Vec<u32> {
    (0..n)
        .map(|_| if yes(random, 0.1) { UNBOUNDED } else { (random.uniform() * count as f64) as u32 })
        .collect()
}

fn sum_of(weights: &[f64], group: &[u32], of: u32, value: &dyn Fn(f64) -> f64) -> f64 {
    weights.iter().zip(group).filter(|(_, group)| **group == of).map(|(w, _)| value(*w)).sum()
}

/// A problem with weights strictly inside all limits: `columns` divisions into groups that make factors, and
/// `bounded` divisions with bounds.
fn feasible(random: &mut Random, columns: usize, bounded: usize) -> Rebalance {
    let n = [2, 3, 5, 8, 13, 30, 60, 120][(random.uniform() * 8.0) as usize];
    let given = (random.uniform() * 5.0) as usize;
    let mut own = Vec::new();
    let mut k = given;
    for _ in 0..columns {
        let count = 1 + (random.uniform() * 6.0) as usize;
        let factor = groups(random, n, count).into_iter();
        let factor = factor.map(|group| if group == UNBOUNDED { NO_FACTOR } else { k as u32 + group });
        let factor: Vec<u32> = factor.collect();
        let loading = factor.iter().map(|of| if *of == NO_FACTOR { 0.0 } else { 0.5 + random.uniform() });
        own.push(OwnLoadings { loading: loading.collect(), factor });
        k += count;
    }
    let mut root = DMatrix::zeros(k, k);
    for a in 0..k {
        for b in 0..=a {
            root[(a, b)] = 0.01 * if a == b { random.uniform() } else { 0.1 * random.shock() };
        }
    }
    let (lo, hi) = (if yes(random, 0.6) { -0.1 } else { 0.0 }, 0.1 + random.uniform() * 0.3);
    let held: Vec<f64> =
        (0..n).map(|_| if yes(random, 0.3) { 0.0 } else { lo + (hi - lo) * random.uniform() }).collect();
    let (mut lower, mut upper) = (vec![lo; n], vec![hi; n]);
    for i in 0..n {
        if yes(random, 0.05) {
            (lower[i], upper[i]) = (held[i], held[i]);
        }
    }
    let step = random.uniform() * 0.5;
    let inside = |i: usize, random: &mut Random| {
        held[i] + step * (lower[i] + (upper[i] - lower[i]) * random.uniform() - held[i])
    };
    let inside: Vec<f64> = (0..n).map(|i| inside(i, random)).collect();
    let distance: f64 = inside.iter().zip(&held).map(|(a, b)| (a - b).abs()).sum();
    let gross: f64 = inside.iter().map(|w| w.abs()).sum();
    let cost = if yes(random, 0.3) { 0.0 } else { 5e-4 / (1.0 + 20.0 * random.uniform()) };
    let mut made = Rebalance {
        expected: (0..n).map(|_| 3e-4 + 6e-4 * random.shock()).collect(),
        exposures: DMatrix::from_fn(n, given, |_, j| 0.5 * random.shock() + f64::from(u8::from(j == 0))),
        own,
        factor_root: root,
        idiosyncratic: (0..n).map(|_| 1e-4 + 5e-4 * random.uniform()).collect(),
        kelly_fraction: [0.25, 0.5, 1.0][(random.uniform() * 3.0) as usize],
        cost: (0..n).map(|_| cost * (0.5 + random.uniform())).collect(),
        impact: if yes(random, 0.3) { (0..n).map(|_| 1e-3 * random.uniform()).collect() } else { Vec::new() },
        turnover: if yes(random, 0.3) { 1e3 } else { 1e-3 + distance * (1.05 + random.uniform()) },
        gross: if yes(random, 0.5) { 1e-3 + gross * (1.05 + 0.3 * random.uniform()) } else { f64::INFINITY },
        net: yes(random, 0.3).then(|| inside.iter().sum()),
        held,
        lower,
        upper,
        ..Rebalance::default()
    };
    if k > 0 && yes(random, 0.3) {
        let factor = (random.uniform() * k as f64) as usize;
        let at = made.exposure(factor, &inside);
        let bound = ExposureBounds { factor, lower: at - 0.01, upper: at + 0.01 };
        made.exposure_bounds.push(bound);
    }
    for _ in 0..bounded {
        let count = 1 + (random.uniform() * 6.0) as usize;
        let group = groups(random, n, count);
        let bounds = (0..count as u32).map(|of| {
            let (net, gross) = (sum_of(&inside, &group, of, &|w| w), sum_of(&inside, &group, of, &f64::abs));
            let room = 1e-4 + 0.02 * random.uniform();
            // Bounds of two divisions together may be in reach by exchanges alone, which is not required.
            let drifted = if bounded > 1 { sum_of(&made.held, &group, of, &|w| w) } else { net };
            let (low, high) = (net.min(drifted), net.max(drifted));
            let held = if bounded > 1 { sum_of(&made.held, &group, of, &f64::abs) } else { gross };
            let mut bound = GroupBound::default();
            if yes(random, 0.7) {
                (bound.lower, bound.upper) = (low - room, high + room);
            }
            if yes(random, 0.4) {
                bound.gross = gross.max(held) + room;
            }
            bound
        });
        let bounds = bounds.collect();
        made.group_limits.push(GroupLimits { group, bounds });
    }
    made
}

/// Largest violation of the optimality conditions, relative to the largest forecast (Boyd & Vandenberghe 5.5.3).
fn residual(of: &Rebalance, weights: &[f64], prices: &Multipliers) -> f64 {
    let (n, k) = (of.n(), of.k());
    let active = of.active(weights);
    let common = of.common(&active);
    let exposures: Vec<Vec<f64>> = (0..k).map(|j| of.exposures_to(j)).collect();
    let mut worst = 0.0_f64;
    for i in 0..n {
        let root = |j: usize| (j..k).map(|l| of.factor_root[(l, j)] * exposures[l][i]).sum::<f64>();
        let systematic: f64 = (0..k).map(|j| root(j) * common[j]).sum();
        let risk = (systematic + of.idiosyncratic[i] * active[i]) / of.kelly_fraction;
        let mut value = of.expected[i] - risk - prices.net;
        for (bound, price) in of.exposure_bounds.iter().zip(&prices.exposures) {
            value -= price * exposures[bound.factor][i];
        }
        let (mut gross, mut before) = (prices.gross, 0);
        for limits in &of.group_limits {
            if limits.group[i] != UNBOUNDED {
                let price = prices.groups[before + limits.group[i] as usize];
                value -= price.net;
                gross += price.gross;
            }
            before += limits.bounds.len();
        }
        let trade = weights[i] - of.held[i];
        let impact = 1.5 * of.impact.get(i).unwrap_or(&0.0) * trade.abs().sqrt();
        let sign = |of: f64| if of == 0.0 { [-1.0, 1.0] } else { [of.signum(); 2] };
        let paid = |end: usize| {
            (of.cost[i] + prices.turnover + impact) * sign(trade)[end] + gross * sign(active[i])[end]
        };
        let above = if weights[i] <= of.lower[i] { 0.0 } else { paid(0) - value };
        let below = if weights[i] >= of.upper[i] { 0.0 } else { value - paid(1) };
        worst = worst.max(above).max(below);
    }
    worst / scale(of)
}

fn scale(of: &Rebalance) -> f64 {
    of.expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()))
}

/// A problem of a seed: with factors, with bounds, or both; every third against a benchmark.
fn problem(seed: u64) -> Rebalance {
    let mut random = Random(seed);
    let (columns, bounded) = [(1, 0), (0, 1), (1, 1), (2, 2), (0, 2), (1, 1)][seed as usize % 6];
    let mut made = feasible(&mut random, columns, bounded);
    if seed % 3 == 2 {
        // The same set of weights and their distance from zero, with the origin of risk at the benchmark.
        let n = made.n();
        made.benchmark = (0..n).map(|_| 0.05 * random.shock()).collect();
        made.gross = f64::INFINITY;
        made.group_limits
            .iter_mut()
            .flat_map(|limits| &mut limits.bounds)
            .for_each(|b| b.gross = f64::INFINITY);
    }
    made
}

#[test]
fn equals_an_interior_point_solver() {
    let mut solver = Solver::default();
    let (mut unanswered, mut binding, mut missed) = (0, 0, 0);
    for seed in 0..6_000 {
        let made = problem(seed);
        let (weights, prices, reached) = made.solve(&mut solver);
        let case = format!("seed {seed}: {} names, {} factors, {reached:?}, {prices:?}", made.n(), made.k());
        assert!(reached.converged && !reached.gross_missed && !reached.net_missed, "{case}");
        if reached.group_missed {
            missed += 1;
            continue;
        }
        assert!(made.excess(&weights) <= 1e-10, "{case}: {:e} outside", made.excess(&weights));
        let wrong = residual(&made, &weights, &prices);
        assert!(wrong <= 1e-8, "{case}: {wrong:e}");
        binding += usize::from(prices.groups.iter().any(|price| price.net != 0.0 || price.gross > 0.0));
        let Some(expected) = Reference::new(&made).solve(1e-10) else {
            unanswered += 1;
            continue;
        };
        let scale = scale(&made);
        let (found, best) = (made.objective(&weights) / scale, made.objective(&expected) / scale);
        let groups: f64 = prices.groups.iter().map(|price| price.net.abs() + price.gross).sum();
        let exposures: f64 = prices.exposures.iter().map(|p| p.abs()).sum();
        let bought = made.excess(&expected).max(0.0)
            * (made.n() as f64).sqrt()
            * (prices.turnover + prices.gross + prices.net.abs() + exposures + groups)
            / scale;
        assert!(found >= best - 1e-9 * best.abs().max(1.0) - bought, "{case}: {found} of {best}, {bought:e}");
        let curvature = made.idiosyncratic.iter().fold(f64::INFINITY, |a, b| a.min(*b)) / made.kelly_fraction;
        let apart = weights.iter().zip(&expected).fold(0.0_f64, |a, (w, e)| a.max((w - e).abs()));
        let allowed = (2.0 * ((found - best).abs() + bought + 1e-14) * scale / curvature).sqrt();
        assert!(apart <= 1e-6 + allowed, "{case}: {apart:e} apart, {allowed:e} allowed");
    }
    assert!(unanswered <= 10, "the reference failed on {unanswered} problems");
    assert!(missed < 60, "{missed} problems within reach are missed");
    assert!(binding > 2_000, "a bound by group binds in {binding} problems only");
}

/// A price is paid only for a limit that binds.
fn assert_complementary(of: &Rebalance, weights: &[f64], prices: &Multipliers, case: &str) {
    let active = of.active(weights);
    let sum = |of: &dyn Fn(usize) -> f64| -> f64 { (0..weights.len()).map(of).sum() };
    let priced = |price: f64, slack: f64, limit: &str| {
        assert!(price >= 0.0, "{case}: {limit} has the price {price:e}");
        assert!(price <= 1e-9 * scale(of) || slack.abs() <= 1e-9, "{case}: {limit}, {price:e}, {slack:e}");
    };
    priced(prices.turnover, sum(&|i| (weights[i] - of.held[i]).abs()) - of.turnover, "cap");
    priced(prices.gross, sum(&|i| active[i].abs()) - of.gross, "gross limit");
    for (bound, price) in of.exposure_bounds.iter().zip(&prices.exposures) {
        let exposure = of.exposure(bound.factor, weights);
        priced(price.max(0.0), exposure - bound.upper, "exposure");
        priced((-price).max(0.0), exposure - bound.lower, "exposure");
    }
    let mut at = prices.groups.iter();
    for limits in &of.group_limits {
        for (group, bound) in (0..).zip(&limits.bounds) {
            let price = at.next().unwrap();
            let net = sum_of(weights, &limits.group, group, &|w| w);
            priced(price.net.max(0.0), net - bound.upper, "upper bound of a group");
            priced((-price.net).max(0.0), net - bound.lower, "lower bound of a group");
            let gross = sum_of(&active, &limits.group, group, &f64::abs);
            priced(price.gross, gross - bound.gross, "gross bound of a group");
        }
    }
    assert!(at.next().is_none(), "{case}: prices without bounds");
}

/// The first problems of [`equals_an_interior_point_solver`] without that solver: optimality conditions, and the price of
/// each bound as the slope of the best objective.
#[test]
fn prices_of_bounds_are_the_slopes_of_the_best_objective() {
    let mut solver = Solver::default();
    let (mut binding, mut checked) = (0, 0);
    for seed in 0..240 {
        let made = problem(seed);
        let (weights, prices, reached) = made.solve(&mut solver);
        let case = format!("seed {seed}: {} names, {} factors, {reached:?}", made.n(), made.k());
        assert!(reached.converged && !reached.gross_missed && !reached.net_missed, "{case}");
        if reached.group_missed {
            continue;
        }
        assert!(made.excess(&weights) <= 1e-10, "{case}: {:e} outside", made.excess(&weights));
        assert!(residual(&made, &weights, &prices) <= 1e-8, "{case}");
        assert_complementary(&made, &weights, &prices, &case);
        let places = made.group_limits.iter().enumerate();
        let places = places.flat_map(|(at, limits)| (0..limits.bounds.len()).map(move |group| (at, group)));
        for ((division, group), price) in places.zip(&prices.groups) {
            for (value, kind) in [(price.net, 0), (price.gross, 1)] {
                if value.abs() <= 1e-4 * scale(&made) {
                    continue;
                }
                binding += 1;
                let mut at = |step: f64| {
                    let mut moved = made.clone();
                    let bound = &mut moved.group_limits[division].bounds[group];
                    match kind {
                        0 if value > 0.0 => bound.upper += step,
                        0 => bound.lower += step,
                        _ => bound.gross += step,
                    }
                    let (weights, mut prices, reached) = moved.solve(&mut solver);
                    let before: usize = made.group_limits[..division].iter().map(|l| l.bounds.len()).sum();
                    let price = prices.groups.swap_remove(before + group);
                    let price = if kind == 0 { price.net } else { price.gross };
                    (made.objective(&weights), price, reached.group_missed)
                };
                let step = 1e-6;
                let ((above, price, missed), (below, other, other_missed)) = (at(step), at(-step));
                if missed || other_missed {
                    continue;
                }
                // If a weight reaches a kink in between, the slope lies between the two prices.
                let (slope, bend) = ((above - below) / (2.0 * step), (price - other).abs());
                assert!(
                    (slope - value).abs() <= 1e-4 * value.abs() + bend,
                    "{case}, group {group} of {division}: {value:e}, slope {slope:e}"
                );
                checked += usize::from(bend <= 1e-2 * value.abs());
            }
        }
    }
    assert!(binding > 100 && checked > 80, "{binding} bounds bind, {checked} compared");
}

/// A column of B for each group gives the same solution.
#[test]
fn sparse_loadings_equal_a_dense_matrix() {
    let mut solver = Solver::default();
    for seed in 0..2_000 {
        let mut random = Random(seed);
        let sparse = feasible(&mut random, 1 + seed as usize % 2, 0);
        let (n, k) = (sparse.n(), sparse.k());
        let columns: Vec<Vec<f64>> = (0..k).map(|j| sparse.exposures_to(j)).collect();
        let exposures = DMatrix::from_fn(n, k, |i, j| columns[j][i]);
        let dense = Rebalance { exposures, own: Vec::new(), ..sparse.clone() };
        let (weights, prices, reached) = sparse.solve(&mut solver);
        let (expected, dense_prices, dense_reached) = dense.solve(&mut solver);
        assert!(reached.converged && dense_reached.converged, "seed {seed}");
        let apart = weights.iter().zip(&expected).fold(0.0_f64, |a, (w, e)| a.max((w - e).abs()));
        assert!(apart <= 1e-9, "seed {seed}: {apart:e} apart");
        let price = (prices.turnover - dense_prices.turnover).abs() / scale(&sparse);
        assert!(price <= 1e-7, "seed {seed}: {prices:?}, {dense_prices:?}");
        let variances = [sparse.variance(&weights), dense.variance(&weights)];
        assert!(
            (variances[0] - variances[1]).abs() <= 1e-14 * variances[1] + 1e-30,
            "seed {seed}: {variances:?}"
        );
    }
}

/// Excess of each bound: above, below, gross.
fn excesses(of: &Rebalance, weights: &[f64]) -> Vec<f64> {
    let mut all = Vec::new();
    for limits in &of.group_limits {
        for (group, bound) in limits.bounds.iter().enumerate() {
            let member = |i: &usize| limits.group[*i] as usize == group;
            let net: f64 = (0..of.n()).filter(member).map(|i| weights[i]).sum();
            let gross: f64 = (0..of.n()).filter(member).map(|i| weights[i].abs()).sum();
            all.extend(
                [net - bound.upper, bound.lower - net, gross - bound.gross].map(|excess| excess.max(0.0)),
            );
        }
    }
    all
}

/// With drifted weights, halted instruments and tight caps, no trade increases the violation of any bound, and a bound
/// that the cap can reach holds.
#[test]
fn violation_of_a_group_is_inherited_but_never_grows() {
    let mut solver = Solver::default();
    let (mut unconverged, mut inherited, mut reduced) = (0, 0, 0);
    for seed in 0..6_000 {
        let mut random = Random(seed);
        let mut made = feasible(&mut random, seed as usize % 2, 1 + seed as usize % 2);
        let n = made.n();
        for i in 0..n {
            made.held[i] =
                (made.held[i] * (1.0 + 0.5 * random.uniform())).clamp(made.lower[i], made.upper[i]);
            if yes(&mut random, 0.1) {
                (made.lower[i], made.upper[i]) = (made.held[i], made.held[i]);
            }
        }
        let held: f64 = made.held.iter().map(|w| w.abs()).sum();
        made.turnover = [0.0, 1e-6, 0.01, 0.08, 0.5][(random.uniform() * 5.0) as usize];
        made.gross = [held, held + 0.01, f64::INFINITY][(random.uniform() * 3.0) as usize];
        made.net = yes(&mut random, 0.3).then(|| 3.0 * random.shock());
        made.exposure_bounds.clear();
        let (weights, _, reached) = made.solve(&mut solver);
        unconverged += usize::from(!reached.converged);
        let case = format!("seed {seed}: {reached:?}");
        let (before, after) = (excesses(&made, &made.held), excesses(&made, &weights));
        for (before, after) in before.iter().zip(&after) {
            assert!(*after <= before + 1e-10, "{case}: excess {before:e} became {after:e}");
        }
        let missed = after.iter().sum::<f64>();
        inherited += usize::from(missed > 1e-9);
        reduced += usize::from(missed < before.iter().sum::<f64>() - 1e-6);
        assert!(reached.group_missed || missed <= 1e-9 || !reached.converged, "{case}: {missed:e} missed");
        let turnover: f64 = weights.iter().zip(&made.held).map(|(w, h)| (w - h).abs()).sum();
        assert!(turnover <= made.turnover + 2e-14, "{case}: turnover {turnover}");
    }
    assert!(unconverged <= 10, "{unconverged} problems did not converge");
    assert!(inherited > 500 && reduced > 500, "{inherited} inherited, {reduced} reduced");
}

/// Long and short book with gross limit 2 and bounds of ±2 % in each of ten groups.
#[test]
fn net_bounds_of_two_percent_hold_from_a_neutral_book_on() {
    let mut solver = Solver::default();
    let mut random = Random(7);
    let n = 200;
    let group: Vec<u32> = (0..n as u32).map(|i| i % 10).collect();
    let bound = GroupBound { lower: -0.02, upper: 0.02, ..GroupBound::default() };
    let own = OwnLoadings { factor: group.iter().map(|g| g + 1).collect(), loading: vec![1.0; n] };
    let mut made = Rebalance {
        exposures: DMatrix::from_element(n, 1, 1.0),
        own: vec![own],
        factor_root: DMatrix::from_diagonal_element(11, 11, 0.008),
        idiosyncratic: vec![2e-4; n],
        kelly_fraction: 0.25,
        held: vec![0.0; n],
        lower: vec![-0.1; n],
        upper: vec![0.1; n],
        cost: vec![1e-5; n],
        turnover: 0.4,
        gross: 2.0,
        group_limits: vec![GroupLimits { group, bounds: vec![bound; 10] }],
        ..Rebalance::default()
    };
    let mut bound = 0;
    for frame in 0..200 {
        made.expected = (0..n).map(|i| 1e-3 * random.shock() + 1e-3 * ((i % 10) as f64 - 4.5)).collect();
        let before = excesses(&made, &made.held);
        let (weights, prices, reached) = made.solve(&mut solver);
        assert!(reached.converged && reached.within_limits(), "frame {frame}: {reached:?}");
        let after = excesses(&made, &weights);
        assert!(after.iter().all(|excess| *excess <= 1e-10), "frame {frame}: {before:?} {after:?}");
        bound += prices.groups.iter().filter(|price| price.net != 0.0).count();
        // Prices move the weights a little; the next rebalance has the cap to return.
        made.held = weights.iter().map(|w| w * (1.0 + 0.01 * random.shock())).collect();
    }
    assert!(bound > 500, "a bound binds {bound} times");
}

/// With a net target and a group bound that contradict each other, the bound holds; the gross limit comes before both.
#[test]
fn limits_take_precedence_in_the_documented_order() {
    let base = Rebalance {
        expected: vec![1e-3, 1e-3, 1e-3],
        idiosyncratic: vec![4e-4; 3],
        kelly_fraction: 1.0,
        held: vec![0.0; 3],
        lower: vec![0.0; 3],
        upper: vec![0.5; 3],
        cost: vec![0.0; 3],
        turnover: 10.0,
        gross: f64::INFINITY,
        ..Rebalance::default()
    };
    let limits = |lower: f64, upper: f64| {
        vec![GroupLimits {
            group: vec![0, 0, UNBOUNDED],
            bounds: vec![GroupBound { lower, upper, ..GroupBound::default() }],
        }]
    };
    let solve = |of: &Rebalance| -> (Vec<f64>, SolveStatus) {
        let (weights, _, reached) = of.solve(&mut Solver::default());
        (weights, reached)
    };
    let (weights, reached) =
        solve(&Rebalance { net: Some(1.2), group_limits: limits(0.0, 0.1), ..base.clone() });
    assert!((weights[0] + weights[1] - 0.1).abs() < 1e-9 && (weights[2] - 0.5).abs() < 1e-9, "{weights:?}");
    assert!(reached.net_missed && !reached.group_missed, "{reached:?}");
    let (weights, reached) = solve(&Rebalance { gross: 0.3, group_limits: limits(0.6, 1.0), ..base });
    let gross: f64 = weights.iter().map(|w| w.abs()).sum();
    assert!(gross <= 0.3 + 1e-9 && weights[0] + weights[1] >= 0.27 - 1e-9, "{weights:?}");
    assert!(reached.group_missed && !reached.gross_missed, "{reached:?}");
}
