//! The rebalance agrees with an interior-point solver, and properties of every solution.

use betaflow_engine::portfolio::{
    ExposureBounds, GroupBound, GroupLimits, Multipliers, Rebalance, SolveStatus, Solver,
};
use nalgebra::DMatrix;

use crate::rebalance::{Checked, Reference};
use crate::support::Random;

/// A problem with weights strictly inside all limits.
fn feasible(random: &mut Random) -> Rebalance {
    feasible_against(random, |_| Vec::new())
}

/// Such a problem against a benchmark with some weights outside the box.
fn active(seed: u64) -> Rebalance {
    let mut random = Random(seed + 1_000_000);
    feasible_against(&mut Random(seed), |n| {
        (0..n).map(|_| if random.uniform() < 0.3 { 0.0 } else { 0.15 * random.shock() + 0.1 }).collect()
    })
}

fn feasible_against(random: &mut Random, benchmark: impl FnOnce(usize) -> Vec<f64>) -> Rebalance {
    let size = [1, 2, 3, 5, 8, 13, 30, 60, 120, 200][(random.uniform() * 10.0) as usize];
    let n = size;
    let k = (random.uniform() * 9.0) as usize;
    let yes = |random: &mut Random, share: f64| random.uniform() < share;
    let shorts = yes(random, 0.5);
    let (lo, hi) = (if shorts { -0.1 } else { 0.0 }, 0.1 + random.uniform() * 0.4);
    let mut root = DMatrix::zeros(k, k);
    for a in 0..k {
        for b in 0..=a {
            root[(a, b)] = 0.01 * if a == b { random.uniform() } else { 0.3 * random.shock() };
        }
        // A factor of zeros.
        if yes(random, 0.1) {
            root.row_mut(a).fill(0.0);
        }
    }
    let mut exposures = DMatrix::from_fn(n, k, |_, j| 0.5 * random.shock() + f64::from(u8::from(j == 0)));
    let mut expected: Vec<f64> = (0..n).map(|_| 3e-4 + 3e-4 * random.shock()).collect();
    let mut idiosyncratic: Vec<f64> = (0..n).map(|_| 1e-4 + 5e-4 * random.uniform()).collect();
    if yes(random, 0.1) {
        expected.fill(0.0);
    }
    if yes(random, 0.2) && n > 1 {
        // Identical instruments with equal forecasts.
        for j in 0..k {
            exposures[(1, j)] = exposures[(0, j)];
        }
        (expected[1], idiosyncratic[1]) = (expected[0], idiosyncratic[0]);
        let common = expected[0];
        expected[n / 2..].fill(common);
    }
    if yes(random, 0.1) {
        idiosyncratic[0] *= [1e-4, 0.0][usize::from(yes(random, 0.5))];
    }
    let held: Vec<f64> =
        (0..n).map(|_| if yes(random, 0.3) { 0.0 } else { lo + (hi - lo) * random.uniform() }).collect();
    let (mut lower, mut upper) = (vec![lo; n], vec![hi; n]);
    for i in 0..n {
        if yes(random, 0.05) {
            (lower[i], upper[i]) = (held[i], held[i]);
        }
    }
    // A point inside all limits.
    let step = random.uniform() * 0.5;
    let toward: Vec<f64> = (0..n).map(|i| lower[i] + (upper[i] - lower[i]) * random.uniform()).collect();
    let inside: Vec<f64> = held.iter().zip(&toward).map(|(h, t)| h + step * (t - h)).collect();
    let distance: f64 = inside.iter().zip(&held).map(|(a, b)| (a - b).abs()).sum();
    let benchmark = benchmark(n);
    let against = |i: usize| benchmark.get(i).unwrap_or(&0.0);
    let gross: f64 = inside.iter().enumerate().map(|(i, w)| (w - against(i)).abs()).sum();
    let cost_bps = if yes(random, 0.3) { 0.0 } else { 5e-4 / (1.0 + 20.0 * random.uniform()) };
    let mut made = Rebalance {
        cost: (0..n).map(|_| cost_bps * (0.5 + random.uniform())).collect(),
        impact: if yes(random, 0.3) { (0..n).map(|_| 1e-3 * random.uniform()).collect() } else { Vec::new() },
        turnover: if yes(random, 0.2) { 1e3 } else { 1e-3 + distance * (1.05 + random.uniform()) },
        gross: if yes(random, 0.5) { 1e-3 + gross * (1.05 + 0.3 * random.uniform()) } else { f64::INFINITY },
        net: yes(random, 0.4).then(|| inside.iter().sum()),
        kelly_fraction: [0.25, 0.5, 1.0][(random.uniform() * 3.0) as usize],
        expected,
        exposures,
        factor_root: root,
        idiosyncratic,
        held,
        lower,
        upper,
        exposure_bounds: Vec::new(),
        benchmark,
        ..Rebalance::default()
    };
    if k > 0 && yes(random, 0.3) {
        let at = made.exposure(0, &inside);
        let lower = if yes(random, 0.3) { f64::NEG_INFINITY } else { at - 0.02 * random.uniform() - 1e-3 };
        made.exposure_bounds.push(ExposureBounds {
            factor: 0,
            lower,
            upper: at + 0.02 * random.uniform() + 1e-3,
        });
    }
    made
}

/// Largest violation of the optimality conditions (marginal value of a weight minus its prices), relative to
/// the largest forecast: zero at the optimum (Boyd & Vandenberghe 5.5.3).
fn residual(of: &Rebalance, weights: &[f64], prices: &Multipliers) -> f64 {
    let (n, k) = (of.n(), of.k());
    let active = of.active(weights);
    let common = of.common(&active);
    let mut worst = 0.0_f64;
    for i in 0..n {
        let root = |j: usize| (j..k).map(|l| of.factor_root[(l, j)] * of.exposures[(i, l)]).sum::<f64>();
        let systematic: f64 = (0..k).map(|j| root(j) * common[j]).sum();
        let risk = (systematic + of.idiosyncratic[i] * active[i]) / of.kelly_fraction;
        let mut value = of.expected[i] - risk - prices.net;
        for (bound, price) in of.exposure_bounds.iter().zip(&prices.exposures) {
            value -= price * of.exposures[(i, bound.factor)];
        }
        let trade = weights[i] - of.held[i];
        let impact = 1.5 * of.impact.get(i).unwrap_or(&0.0) * trade.abs().sqrt();
        let sign = |of: f64| if of == 0.0 { [-1.0, 1.0] } else { [of.signum(); 2] };
        let paid = |end: usize| {
            let trading = of.cost[i] + prices.turnover + impact;
            let fee = of.borrow.get(i).filter(|_| sign(weights[i])[end] < 0.0).unwrap_or(&0.0);
            trading * sign(trade)[end] + prices.gross * sign(active[i])[end] - fee
        };
        let above = if weights[i] <= of.lower[i] { 0.0 } else { paid(0) - value };
        let below = if weights[i] >= of.upper[i] { 0.0 } else { value - paid(1) };
        worst = worst.max(above).max(below);
    }
    worst / scale(of)
}

/// Scale at which max|μ| is 1.
fn scale(of: &Rebalance) -> f64 {
    let largest = of.expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    if largest > 0.0 { largest } else { 1e-4 }
}

#[test]
fn equals_an_interior_point_solver() {
    assert_optimal(10_000, |seed| feasible(&mut Random(seed)));
}

#[test]
fn equals_an_interior_point_solver_against_a_benchmark() {
    assert_optimal(3_000, active);
}

/// The same problems with fees on the shorts of most instruments, of the size of the forecasts.
fn with_fees(seed: u64, made: Rebalance) -> Rebalance {
    let mut random = Random(seed + 2_000_000);
    let size = libm::pow(10.0, 1.5 * random.shock());
    let fee = |random: &mut Random| {
        if random.uniform() < 0.3 { 0.0 } else { 3e-4 * size * random.uniform() }
    };
    Rebalance { borrow: (0..made.n()).map(|_| fee(&mut random)).collect(), ..made }
}

#[test]
fn fees_on_shorts_equal_an_interior_point_solver() {
    assert_optimal(4_000, |seed| with_fees(seed, feasible(&mut Random(seed))));
    assert_optimal(2_000, |seed| with_fees(seed, active(seed)));
}

/// The price of a cap of 0, which is computed without a search, is the limit of the prices of small caps.
#[test]
fn price_of_a_cap_of_zero_is_that_of_a_small_cap() {
    let mut solver = Solver::default();
    let mut above = 0;
    for seed in 0..400 {
        let made = Rebalance {
            impact: Vec::new(),
            net: None,
            gross: f64::INFINITY,
            exposure_bounds: Vec::new(),
            ..with_fees(seed, feasible(&mut Random(seed)))
        };
        let mut price = |turnover: f64| {
            let (.., multipliers, _) = Rebalance { turnover, ..made.clone() }.solve(&mut solver);
            multipliers.turnover
        };
        let (none, small) = (price(0.0), price(1e-6));
        assert!((none - small).abs() <= 1e-3 * none.max(1e-6), "seed {seed}: {none:e} and {small:e}");
        above += usize::from(none > 0.0);
    }
    assert!(above > 200, "only {above} prices are above 0");
}

#[test]
fn fees_of_zero_and_fees_without_shorts_change_nothing() {
    let (mut plain, mut charged) = (Solver::default(), Solver::default());
    for seed in 0..500 {
        let made = feasible(&mut Random(seed));
        let free = Rebalance { borrow: vec![0.0; made.n()], ..made.clone() };
        let expected = made.solve(&mut plain);
        assert_eq!(free.solve(&mut charged), expected, "seed {seed}");
        if made.lower.iter().chain(&made.held).all(|weight| *weight >= 0.0) {
            let long = Rebalance { borrow: vec![1e-3; made.n()], ..made };
            let (weights, ..) = long.solve(&mut charged);
            let apart = weights.iter().zip(&expected.0).fold(0.0_f64, |a, (x, y)| a.max((x - y).abs()));
            assert!(apart < 1e-7, "seed {seed}: {apart:e}");
        }
    }
}

/// To the bit: without impact the sizes of the trades are not computed by its formula.
#[test]
fn impact_of_zero_changes_nothing() {
    let (mut plain, mut charged) = (Solver::default(), Solver::default());
    for seed in 0..300 {
        let made = Rebalance { impact: Vec::new(), ..feasible(&mut Random(seed)) };
        let free = Rebalance { impact: vec![0.0; made.n()], ..made.clone() };
        assert_eq!(free.solve(&mut charged), made.solve(&mut plain), "seed {seed}");
    }
}

/// The problem of one instrument alone.
fn alone(of: &Rebalance, i: usize) -> Rebalance {
    let one = |column: &[f64]| column.get(i).copied().into_iter().collect();
    Rebalance {
        expected: one(&of.expected),
        exposures: of.exposures.rows(i, 1).into_owned(),
        factor_root: of.factor_root.clone(),
        idiosyncratic: one(&of.idiosyncratic),
        held: one(&of.held),
        lower: one(&of.lower),
        upper: one(&of.upper),
        cost: one(&of.cost),
        impact: one(&of.impact),
        borrow: one(&of.borrow),
        kelly_fraction: of.kelly_fraction,
        turnover: of.turnover,
        gross: of.gross,
        ..Rebalance::default()
    }
}

/// Instruments that share neither risk nor a limit have the weights of their own problems, to the bit. Each value of
/// an instrument takes the same operations in every lane.
#[test]
fn separable_problems_equal_those_of_each_instrument_alone() {
    let (mut together, mut apart) = (Solver::default(), Solver::default());
    let mut inside = 0;
    for seed in 0..400 {
        let mut random = Random(seed);
        let made = feasible(&mut random);
        let (n, k) = (made.n(), made.k());
        let mut made = Rebalance {
            factor_root: DMatrix::zeros(k, k),
            idiosyncratic: (0..n).map(|_| 1e-3 + 5e-3 * random.uniform()).collect(),
            turnover: 1e3,
            gross: f64::INFINITY,
            net: None,
            exposure_bounds: Vec::new(),
            impact: if seed % 3 == 1 { made.impact } else { Vec::new() },
            ..made
        };
        if seed % 3 == 2 {
            made = with_fees(seed, made);
        }
        let single: Vec<f64> = (0..n).map(|i| alone(&made, i).solve(&mut apart).0[0]).collect();
        let bits = |weights: &[f64]| weights.iter().map(|weight| weight.to_bits()).collect::<Vec<_>>();
        let (weights, ..) = made.solve(&mut together);
        assert_eq!(bits(&weights), bits(&single), "seed {seed}");
        // Groups without bounds share nothing either; their problems have kernels of their own.
        made.group_limits = vec![GroupLimits { group: vec![0; n], bounds: vec![GroupBound::default()] }];
        let (grouped, ..) = made.solve(&mut together);
        assert_eq!(bits(&grouped), bits(&single), "seed {seed}, with groups");
        let moved = |i: &usize| {
            made.lower[*i] < weights[*i] && weights[*i] < made.upper[*i] && weights[*i] != made.held[*i]
        };
        inside += (0..n).filter(moved).count();
    }
    assert!(inside > 1_000, "only {inside} weights are inside their bounds");
}

/// Returns, variances and costs in another unit of time leave the weights as they are. Limits are often out of reach, so
/// that bounds of the multipliers count.
#[test]
fn weights_do_not_depend_on_the_unit_of_time() {
    let mut solver = Solver::default();
    let (mut missed, mut converged) = ([0; 4], 0);
    for seed in 0..400 {
        let mut random = Random(seed);
        let made = feasible(&mut random);
        let n = made.n();
        let held: Vec<f64> = made.held.iter().map(|held| held * (1.0 + 2.0 * random.uniform())).collect();
        let of = |random: &mut Random, cases: &[f64]| cases[(random.uniform() * cases.len() as f64) as usize];
        let bound = |upper: f64| GroupBound { lower: -0.2, upper, gross: 0.4 };
        let groups = GroupLimits {
            group: (0..n).map(|i| (i % 2) as u32).collect(),
            bounds: vec![bound(0.1), bound(of(&mut random, &[-0.1, 0.3]))],
        };
        // Without factors the exactness of the sums does not depend on the unit.
        let made = Rebalance {
            held,
            exposures: DMatrix::zeros(n, 0),
            factor_covariance: DMatrix::zeros(0, 0),
            factor_root: DMatrix::zeros(0, 0),
            exposure_bounds: Vec::new(),
            turnover: of(&mut random, &[0.0, 0.01, 0.08, 0.5, 2.0]),
            gross: of(&mut random, &[0.01, 0.5, 1.0, f64::INFINITY]),
            net: (seed % 2 == 0).then(|| 3.0 * random.shock()),
            group_limits: if seed % 3 == 0 { vec![groups] } else { Vec::new() },
            ..made
        };
        let made = if seed % 5 == 0 { with_fees(seed, made) } else { made };
        let (weights, _, status) = made.solve(&mut solver);
        converged += usize::from(status.converged);
        let out = [status.box_missed, status.gross_missed, status.group_missed, status.net_missed];
        missed.iter_mut().zip(out).for_each(|(sum, missed)| *sum += usize::from(missed));
        for unit in [libm::exp2(-40.0), libm::exp2(20.0)] {
            let times = |values: &[f64]| -> Vec<f64> { values.iter().map(|value| unit * value).collect() };
            let scaled = Rebalance {
                expected: times(&made.expected),
                idiosyncratic: times(&made.idiosyncratic),
                cost: times(&made.cost),
                impact: times(&made.impact),
                borrow: times(&made.borrow),
                ..made.clone()
            };
            let found = scaled.solve(&mut solver);
            let case = format!("seed {seed}, {unit:e}: {n} names");
            let apart = weights.iter().zip(&found.0).fold(0.0_f64, |a, (x, y)| a.max((x - y).abs()));
            assert!(apart < 1e-8, "{case}: {apart:e}, {:?}, expected {status:?}", found.2);
            assert_eq!(SolveStatus { steps: 0, ..found.2 }, SolveStatus { steps: 0, ..status }, "{case}");
        }
    }
    assert!(converged >= 395 && missed.iter().all(|missed| *missed > 10), "{converged}, {missed:?} missed");
}

#[test]
fn fee_above_the_forecast_removes_a_short() {
    let mut solver = Solver::default();
    let one = Rebalance {
        expected: vec![-1e-3],
        idiosyncratic: vec![4e-4],
        kelly_fraction: 0.25,
        held: vec![-0.3],
        lower: vec![-1.0],
        upper: vec![1.0],
        cost: vec![1e-4],
        turnover: 1.0,
        gross: 1.0,
        ..Rebalance::default()
    };
    let solved = |fee: f64, solver: &mut Solver| {
        let charged = Rebalance { borrow: vec![fee], ..one.clone() };
        charged.solve(solver).0[0]
    };
    // w = κ(μ + fee ± cost)/d, where the fee is above the gain of no trade; then 0.
    let expected = [(0.0, -0.5625), (4e-4, -0.3125), (5e-4, -0.3), (7e-4, -0.25), (12e-4, 0.0), (1.0, 0.0)];
    for (fee, weight) in expected {
        let found = solved(fee, &mut solver);
        assert!((found - weight).abs() < 1e-9, "{fee}: {found}");
    }
    assert_eq!(solved(1.0, &mut solver), 0.0);
}

fn assert_optimal(problems: u64, problem: impl Fn(u64) -> Rebalance) {
    let mut solver = Solver::default();
    let mut unanswered = 0;
    for seed in 0..problems {
        let made = problem(seed);
        let (weights, prices, reached) = made.solve(&mut solver);
        let case = format!("seed {seed}: {} names, {} factors, {reached:?}, {prices:?}", made.n(), made.k());
        assert!(reached.converged && !reached.gross_missed && !reached.net_missed, "{case}");
        assert!(made.excess(&weights) <= 1e-10, "{case}: {:e} outside", made.excess(&weights));
        assert!(
            residual(&made, &weights, &prices) <= 1e-8,
            "{case}: {:e}",
            residual(&made, &weights, &prices)
        );
        let Some(expected) = Reference::new(&made).solve(1e-10) else {
            unanswered += 1;
            continue;
        };
        let scale = scale(&made);
        let (found, best) = (made.objective(&weights) / scale, made.objective(&expected) / scale);
        // Gain of the reference from violating the limits, at their prices.
        let bought = made.excess(&expected).max(0.0)
            * (made.n() as f64).sqrt()
            * (prices.turnover
                + prices.gross
                + prices.net.abs()
                + prices.exposures.iter().map(|p| p.abs()).sum::<f64>())
            / scale;
        assert!(found >= best - 1e-9 * best.abs().max(1.0) - bought, "{case}: {found} of {best}, {bought:e}");
        // Two portfolios whose objectives differ by e are at most √(2e/d) apart, because the optimum is unique.
        let curvature = made.idiosyncratic.iter().fold(f64::INFINITY, |a, b| a.min(*b)) / made.kelly_fraction;
        let apart = weights.iter().zip(&expected).fold(0.0_f64, |a, (w, e)| a.max((w - e).abs()));
        let allowed = (2.0 * ((found - best).abs() + bought + 1e-14) * scale / curvature).sqrt();
        assert!(apart <= 1e-6 + allowed, "{case}: {apart:e} apart, {allowed:e} allowed");
    }
    assert!(unanswered <= 10, "the reference failed on {unanswered} problems");
}

#[test]
fn price_of_the_cap_is_its_marginal_value() {
    let mut solver = Solver::default();
    let mut checked = 0;
    for seed in 0..2_000 {
        let mut made = feasible(&mut Random(seed));
        let (weights, prices, _) = made.solve(&mut solver);
        let turnover: f64 = weights.iter().zip(&made.held).map(|(w, h)| (w - h).abs()).sum();
        if prices.turnover < 1e-7 || turnover < 1e-3 {
            continue;
        }
        let cap = made.turnover;
        let mut at = |cap: f64| {
            made.turnover = cap;
            let (weights, prices, _) = made.solve(&mut solver);
            (made.objective(&weights), prices.turnover)
        };
        let (above, below) = (cap * (1.0 + 1e-4), cap * (1.0 - 1e-4));
        let ((value, price), (other_value, other)) = (at(above), at(below));
        let slope = (value - other_value) / (above - below);
        // If a weight reaches a kink in between, the slope lies between the two prices.
        let bend = (price - other).abs();
        assert!(
            (slope - prices.turnover).abs() <= 1e-4 * prices.turnover + bend,
            "seed {seed}: {slope} {prices:?}"
        );
        checked += usize::from(bend <= 1e-4 * prices.turnover);
    }
    assert!(checked > 100, "the cap binds in {checked} problems only");
}

/// A benchmark that equals the held weights, without forecasts, is held. A benchmark of zeros changes nothing but
/// rounding.
#[test]
fn benchmark_shifts_the_origin_of_risk_and_gross_limit() {
    let mut solver = Solver::default();
    for seed in 0..500 {
        let plain = feasible(&mut Random(seed));
        let (weights, prices, reached) = plain.solve(&mut solver);
        let zeros = Rebalance { benchmark: vec![0.0; plain.n()], ..plain.clone() };
        assert_eq!(zeros.solve(&mut solver), (weights, prices, reached), "seed {seed}");
        let held = Rebalance {
            benchmark: plain.held.clone(),
            expected: vec![0.0; plain.n()],
            net: None,
            exposure_bounds: Vec::new(),
            ..plain
        };
        assert_eq!(held.solve(&mut solver).0, held.held, "seed {seed}");
    }
}

/// With weights outside the box, halted instruments and tight caps, limits out of reach are approached in
/// order, and no violation grows.
#[test]
fn violation_of_an_unreachable_limit_never_grows() {
    let mut solver = Solver::default();
    let mut unconverged = 0;
    for seed in 0..5_000 {
        let mut random = Random(seed);
        let mut made = feasible(&mut random);
        let n = made.n();
        // A benchmark outside the box can make the gross limit unreachable at any cost.
        let is_active = seed % 4 == 3;
        if is_active {
            made.benchmark = active(seed).benchmark;
        }
        for i in 0..n {
            made.held[i] *= 1.0 + 2.0 * random.uniform();
            if made.lower[i] == made.upper[i] {
                (made.lower[i], made.upper[i]) = (made.held[i], made.held[i]);
            }
            if random.uniform() < 0.05 {
                made.idiosyncratic[i] = f64::INFINITY;
            }
            if random.uniform() < 0.02 {
                (made.expected[i], made.idiosyncratic[i]) = (0.0, 0.0);
            }
        }
        made.turnover = [0.0, 1e-6, 0.01, 0.08, 0.5][(random.uniform() * 5.0) as usize];
        made.gross = [0.01, 0.5, 1.0, f64::INFINITY][(random.uniform() * 4.0) as usize];
        made.net = (random.uniform() < 0.5).then(|| 3.0 * random.shock());
        let (weights, prices, reached) = made.solve(&mut solver);
        let case = format!("seed {seed}: {n} names, {reached:?}, {prices:?}, {made:?}");
        unconverged += usize::from(!reached.converged);
        let sum = |of: &dyn Fn(usize) -> f64| -> f64 { (0..n).map(of).sum() };
        let turnover = sum(&|i| (weights[i] - made.held[i]).abs());
        assert!(turnover <= made.turnover + 2e-14, "{case}: turnover {turnover}");
        let mut outside = 0.0;
        for i in 0..n {
            let (lower, upper) = (made.lower[i].min(made.held[i]), made.upper[i].max(made.held[i]));
            assert!((lower..=upper).contains(&weights[i]), "{case}: weight {i} {}", weights[i]);
            let known = made.idiosyncratic[i].is_finite() || made.lower[i] == made.upper[i];
            let (least, most) = if known { (made.lower[i], made.upper[i]) } else { (0.0, 0.0) };
            outside += (weights[i] - most).max(least - weights[i]).max(0.0);
        }
        let [gross, held_gross] = [&weights, &made.held].map(|w| w.iter().map(|w| w.abs()).sum::<f64>());
        assert!(
            is_active || gross <= made.gross.max(held_gross) + 1e-10,
            "{case}: gross {gross}, held {held_gross}"
        );
        let spent = turnover >= made.turnover - 1e-9;
        assert!(outside <= 1e-9 || spent, "{case}: {outside} outside the box with {turnover} traded");
        let movable = (0..n).any(|i| made.lower[i] != made.upper[i] && weights[i] != 0.0);
        assert!(
            is_active || gross <= made.gross + 1e-9 || spent || !movable,
            "{case}: gross {gross} with {turnover} traded"
        );
    }
    // Instruments without risk and a net target out of reach: prices are so large that the last digits are rounding.
    assert!(unconverged <= 5, "{unconverged} problems did not converge");
}

#[test]
fn degenerate_problems_have_closed_form_solutions() {
    let mut solver = Solver::default();
    let one = Rebalance {
        expected: vec![1e-3],
        idiosyncratic: vec![4e-4],
        kelly_fraction: 0.25,
        held: vec![0.0],
        lower: vec![0.0],
        upper: vec![1.0],
        cost: vec![0.0],
        turnover: 1.0,
        gross: 1.0,
        ..Rebalance::default()
    };
    let cases: [(&str, Rebalance, f64); 7] = [
        ("full Kelly times the fraction", one.clone(), 0.25 * 1e-3 / 4e-4),
        ("no forecast", Rebalance { expected: vec![0.0], ..one.clone() }, 0.0),
        ("no risk", Rebalance { idiosyncratic: vec![0.0], upper: vec![0.1], ..one.clone() }, 0.1),
        (
            "nothing known",
            Rebalance { idiosyncratic: vec![f64::INFINITY], held: vec![0.1], ..one.clone() },
            0.0,
        ),
        ("no turnover", Rebalance { held: vec![0.1], turnover: 0.0, ..one.clone() }, 0.1),
        ("a cost above its value", Rebalance { cost: vec![2e-3], ..one.clone() }, 0.0),
        (
            "halted outside the box",
            Rebalance { held: vec![0.7], lower: vec![0.7], upper: vec![0.7], gross: 0.5, ..one },
            0.7,
        ),
    ];
    for (name, made, expected) in cases {
        let (weights, _, reached) = made.solve(&mut solver);
        assert!((weights[0] - expected).abs() < 1e-9 && reached.converged, "{name}: {weights:?} {reached:?}");
    }
    let (weights, prices, _) = Rebalance::default().solve(&mut solver);
    assert!(weights.is_empty() && prices == Multipliers::default(), "without instruments");
}

/// Two instruments of equal forecast and risk.
fn pair() -> Rebalance {
    Rebalance {
        expected: vec![1e-2; 2],
        idiosyncratic: vec![4e-4; 2],
        kelly_fraction: 1.0,
        held: vec![0.5; 2],
        lower: vec![0.0; 2],
        upper: vec![1.0; 2],
        cost: vec![0.0; 2],
        turnover: 10.0,
        gross: f64::INFINITY,
        ..Rebalance::default()
    }
}

#[test]
fn gross_limit_out_of_reach_is_raised_to_the_least_that_is_in_reach() {
    let cases = [
        ("with turnover to spare", Rebalance { gross: 0.5, ..pair() }, 0.5, false),
        ("exactly in reach", Rebalance { gross: 0.75, turnover: 0.25, ..pair() }, 0.75, false),
        ("held exactly", Rebalance { gross: 1.0, turnover: 0.0, ..pair() }, 1.0, false),
        ("beyond the cap", Rebalance { gross: 0.75, turnover: 0.125, ..pair() }, 0.875, true),
        ("below the box", Rebalance { gross: 0.375, lower: vec![0.25; 2], ..pair() }, 0.5, true),
        (
            // The way into the box takes 0.25 of the cap, and leaves 0.75 less 0.125.
            "beyond the cap behind the box",
            Rebalance { gross: 0.25, held: vec![0.75, 0.25], upper: vec![0.5; 2], turnover: 0.375, ..pair() },
            0.625,
            true,
        ),
        (
            "below a halted weight",
            Rebalance { gross: 0.25, lower: vec![0.5, 0.0], upper: vec![0.5, 1.0], ..pair() },
            0.5,
            true,
        ),
    ];
    for (name, made, expected, missed) in cases {
        let (weights, _, status) = made.solve(&mut Solver::default());
        let gross: f64 = weights.iter().map(|weight| weight.abs()).sum();
        assert!((gross - expected).abs() < 1e-9, "{name}: {weights:?}");
        assert!(status.converged && status.gross_missed == missed, "{name}: {status:?}");
    }
}

/// An instrument for each factor: the marginal value at a bound is its price.
#[test]
fn prices_of_exposure_bounds_are_marginal_values() {
    let bound = |factor: usize, lower: f64, upper: f64| ExposureBounds { factor, lower, upper };
    let made = Rebalance {
        expected: vec![1e-3, -1e-3, 5e-4],
        exposures: DMatrix::identity(3, 3),
        factor_root: DMatrix::zeros(3, 3),
        idiosyncratic: vec![4e-4; 3],
        held: vec![0.0; 3],
        lower: vec![-9.0; 3],
        upper: vec![9.0; 3],
        cost: vec![0.0; 3],
        net: None,
        exposure_bounds: vec![
            bound(1, -0.25, 1.0),
            bound(0, f64::NEG_INFINITY, 0.5),
            bound(2, -1.0, f64::INFINITY),
            bound(2, -1.0, 0.125),
        ],
        ..pair()
    };
    let expected = [-1e-3 + 4e-4 * 0.25, 1e-3 - 4e-4 * 0.5, 0.0, 5e-4 - 4e-4 * 0.125];
    // The same beside a net target that costs nothing: that of the solution.
    for net in [None, Some(0.375)] {
        let (weights, prices, status) = Rebalance { net, ..made.clone() }.solve(&mut Solver::default());
        assert!(status.converged && !status.net_missed, "{status:?}");
        for (found, expected) in weights.iter().zip([0.5, -0.25, 0.125]) {
            assert!((found - expected).abs() < 1e-9, "{weights:?}");
        }
        if net.is_none() {
            for (found, expected) in prices.exposures.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{:?}, expected {expected}", prices.exposures);
            }
        }
    }
}

/// A bound on a factor on which no instrument loads is out of reach, and changes no weight.
#[test]
fn exposure_bound_without_exposures_changes_no_weight() {
    let plain = Rebalance { turnover: 0.75, ..pair() };
    let (expected, plain_prices, _) = plain.solve(&mut Solver::default());
    for (lower, upper, missed) in [(0.25, 0.5, true), (-0.5, -0.25, true), (-0.5, 0.5, false)] {
        let bounded = Rebalance {
            exposures: DMatrix::zeros(2, 1),
            factor_root: DMatrix::from_element(1, 1, 0.01),
            exposure_bounds: vec![ExposureBounds { factor: 0, lower, upper }],
            ..plain.clone()
        };
        let (weights, prices, status) = bounded.solve(&mut Solver::default());
        assert!(status.converged && status.net_missed == missed, "[{lower}, {upper}]: {status:?}");
        for (found, expected) in weights.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-9, "[{lower}, {upper}]: {weights:?}, expected {expected}");
        }
        assert!((prices.turnover - plain_prices.turnover).abs() < 1e-9, "[{lower}, {upper}]: {prices:?}");
        assert!(prices.exposures[0].is_finite() && (prices.exposures[0] != 0.0) == missed, "{prices:?}");
    }
}
