//! The rebalance against an interior-point solver, and what must hold of every answer.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/rebalance.rs"]
mod rebalance;
mod support;

use betaflow_engine::portfolio::{ExposureBounds, Solver};
use rebalance::{Rebalance, Reference};
use support::Random;

/// A problem in which some weights keep all limits, with room to spare.
fn feasible(random: &mut Random) -> Rebalance {
    let size = [1, 2, 3, 5, 8, 13, 30, 60, 120, 200][(random.uniform() * 10.0) as usize];
    let n = size;
    let k = (random.uniform() * 9.0) as usize;
    let yes = |random: &mut Random, share: f64| random.uniform() < share;
    let shorts = yes(random, 0.5);
    let (lo, hi) = (if shorts { -0.1 } else { 0.0 }, 0.1 + random.uniform() * 0.4);
    let mut root = vec![0.0; k * k];
    for a in 0..k {
        for b in 0..=a {
            root[a * k + b] = 0.01 * if a == b { random.uniform() } else { 0.3 * random.shock() };
        }
        // A factor of zeros.
        if yes(random, 0.1) {
            root[a * k..(a + 1) * k].fill(0.0);
        }
    }
    let mut exposures: Vec<f64> =
        (0..n * k).map(|at| 0.5 * random.shock() + f64::from(u8::from(at < n))).collect();
    let mut expected: Vec<f64> = (0..n).map(|_| 3e-4 + 3e-4 * random.shock()).collect();
    let mut idiosyncratic: Vec<f64> = (0..n).map(|_| 1e-4 + 5e-4 * random.uniform()).collect();
    if yes(random, 0.1) {
        expected.fill(0.0);
    }
    if yes(random, 0.2) && n > 1 {
        // Twins, and equal forecasts.
        for j in 0..k {
            exposures[j * n + 1] = exposures[j * n];
        }
        (expected[1], idiosyncratic[1]) = (expected[0], idiosyncratic[0]);
        let common = expected[0];
        expected[n / 2..].fill(common);
    }
    if yes(random, 0.1) {
        idiosyncratic[0] *= 1e-4;
    }
    let held: Vec<f64> = (0..n)
        .map(|_| if yes(random, 0.3) { 0.0 } else { lo + (hi - lo) * random.uniform() })
        .collect();
    let (mut lower, mut upper) = (vec![lo; n], vec![hi; n]);
    for i in 0..n {
        if yes(random, 0.05) {
            (lower[i], upper[i]) = (held[i], held[i]);
        }
    }
    // A point that keeps them all.
    let step = random.uniform() * 0.5;
    let toward: Vec<f64> = (0..n).map(|i| lower[i] + (upper[i] - lower[i]) * random.uniform()).collect();
    let inside: Vec<f64> = held.iter().zip(&toward).map(|(h, t)| h + step * (t - h)).collect();
    let distance: f64 = inside.iter().zip(&held).map(|(a, b)| (a - b).abs()).sum();
    let gross: f64 = inside.iter().map(|w| w.abs()).sum();
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
    };
    if k > 0 && yes(random, 0.3) {
        let at = made.exposure(0, &inside);
        let lower = if yes(random, 0.3) { f64::NEG_INFINITY } else { at - 0.02 * random.uniform() - 1e-3 };
        made.exposure_bounds.push(ExposureBounds { factor: 0, lower, upper: at + 0.02 * random.uniform() + 1e-3 });
    }
    made
}

#[test]
fn equals_an_interior_point_solver() {
    let mut solver = Solver::default();
    let problems = std::env::var("PROBLEMS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000);
    let (mut failed, mut steps, mut slow) = (0, 0, 0);
    for seed in 0..problems {
        let made = feasible(&mut Random(seed));
        let (weights, _, reached) = made.solve(&mut solver);
        steps += reached.steps;
        slow = slow.max(reached.steps);
        let case = format!(
            "seed {seed}: n {} k {} {reached:?} gross {} net {:?} impact {} exposures {} cap {}",
            made.n(), made.k(), made.gross, made.net, made.impact.len(), made.exposure_bounds.len(), made.turnover,
        );
        let excess = made.excess(&weights);
        let Some(expected) = Reference::new(&made).solve(1e-10) else {
            failed += 1;
            continue;
        };
        let scale = made.expected.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        let scale = if scale > 0.0 { scale } else { 1e-4 };
        let (found, best) = (made.objective(&weights) / scale, made.objective(&expected) / scale);
        let apart = weights.iter().zip(&expected).fold(0.0_f64, |a, (w, e)| a.max((w - e).abs()));
        if excess > 1e-10 || best - found > 1e-9 * best.abs().max(1.0) || !reached.converged {
            println!("{case}\n   excess {excess:e} objective {found} of {best} ({:e}) apart {apart:e}", best - found);
        }
    }
    println!("{problems} problems, {failed} failed, {steps} steps, at most {slow}");
}

#[test]
fn debug_one() {
    let Some(seed) = std::env::var("SEED").ok().and_then(|s| s.parse().ok()) else { return };
    let made = feasible(&mut Random(seed));
    println!("{made:?}");
    let mut solver = Solver::default();
    println!("{:?}", made.solve(&mut solver));
    println!("{:?}", Reference::new(&made).solve(1e-10));
}
