//! Time of a rebalance, compared with the same problem in Clarabel, an interior-point solver, in its factor
//! form.
//!
//! `cargo bench -p betaflow-benches --bench sizing` prints medians over the rebalances of a market whose
//! forecasts and weights drift. Both solvers solve each rebalance, in turns.
//!
//! With `--serve FILE`, it writes rebalances of the default limits and their solutions into the file, and solves
//! all of them for each line on the input: `benches/peers/run` measures so. `--instruments N`, `--rebalances N`.

#![allow(clippy::print_stdout)]

#[path = "../../engine/tests/support/rebalance.rs"]
mod rebalance;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use betaflow_benches::{Shock, write_doubles};
use betaflow_engine::portfolio::{
    ExposureBounds, Multipliers, Point, Rebalance, SampleCovariance, Solver, frontier_point,
};
use betaflow_engine::random::SplitMix;
use nalgebra::DMatrix;
use rebalance::Reference;
use serde_json::json;

const FACTORS: usize = 6;

/// Constraints and costs besides turnover cap, box and linear costs.
#[derive(Clone, Copy)]
struct Limits {
    name: &'static str,
    gross: bool,
    net: bool,
    exposure: bool,
    impact: bool,
}

const NONE: Limits =
    Limits { name: "cap, box, linear cost", gross: false, net: false, exposure: false, impact: false };
const CASES: [Limits; 4] = [
    NONE,
    Limits { name: "and gross limit, net target", gross: true, net: true, ..NONE },
    Limits { name: "and bounds on an exposure", gross: true, net: true, exposure: true, ..NONE },
    Limits { name: "cap, box, linear and impact cost", impact: true, ..NONE },
];

fn market(n: usize, limits: Limits, random: &mut SplitMix) -> Rebalance {
    let k = FACTORS;
    let variances: [f64; FACTORS] = [1e-4, 3e-5, 3e-5, 2e-5, 2e-5, 2e-5];
    let premia = [3e-4, 1e-4, 5e-5, 5e-5, 5e-5, 5e-5];
    let mut root = DMatrix::zeros(k, k);
    for (j, variance) in variances.iter().enumerate() {
        root[(j, j)] = variance.sqrt();
    }
    let exposures = DMatrix::from_fn(n, k, |_, j| 0.5 * random.shock() + if j == 0 { 1.0 } else { 0.0 });
    let expected = (0..n)
        .map(|i| (0..k).map(|j| exposures[(i, j)] * premia[j]).sum::<f64>() + 3e-4 * random.shock())
        .collect();
    Rebalance {
        expected,
        factor_root: root,
        idiosyncratic: (0..n).map(|_| 1e-4 + 5e-4 * random.uniform()).collect(),
        kelly_fraction: 0.25,
        held: vec![0.0; n],
        lower: vec![-0.1; n],
        upper: vec![0.1; n],
        cost: vec![5e-5; n],
        impact: if limits.impact { vec![2e-4; n] } else { Vec::new() },
        turnover: 0.08,
        gross: if limits.gross { 1.0 } else { f64::INFINITY },
        net: limits.net.then_some(0.1),
        exposure_bounds: if limits.exposure {
            vec![ExposureBounds { factor: 0, lower: -0.05, upper: 0.05 }]
        } else {
            Vec::new()
        },
        exposures,
        ..Rebalance::default()
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the second half of some rebalances of a market; the first half builds up the portfolio.
fn drifting(mut market: Rebalance, rebalances: usize, random: &mut SplitMix) -> Vec<Rebalance> {
    let mut solver = Solver::default();
    let mut markets = Vec::new();
    let (mut weights, mut multipliers) = (Vec::new(), Multipliers::default());
    for round in 0..rebalances {
        for value in &mut market.expected {
            *value += 2e-5 * random.shock();
        }
        if round >= rebalances / 2 {
            markets.push(market.clone());
        }
        solver.solve(&market.problem(), &mut weights, &mut multipliers);
        let drift = weights.iter().map(|w| w * (1.0 + 0.01 * random.shock()));
        let bounds = market.lower.iter().zip(&market.upper);
        market.held = drift.zip(bounds).map(|(w, (lower, upper))| w.clamp(*lower, *upper)).collect();
    }
    markets
}

/// Returns the median microseconds of betaflow and of Clarabel, and the median steps of betaflow.
///
/// Each solver takes its turn over all rebalances: alternating single rebalances would slow both by cache
/// misses.
fn measure(n: usize, limits: Limits, rebalances: usize, compare: bool) -> (f64, f64, f64) {
    let mut random = SplitMix::new(7);
    let market = market(n, limits, &mut random);
    let markets = drifting(market, rebalances, &mut random);
    let mut solver = Solver::default();
    let (mut weights, mut multipliers) = (Vec::new(), Multipliers::default());
    let (mut ours, mut theirs, mut steps) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        for market in &markets {
            let start = Instant::now();
            let reached = solver.solve(&market.problem(), &mut weights, &mut multipliers);
            ours.push(start.elapsed().as_secs_f64() * 1e6);
            steps.push(f64::from(reached.steps));
        }
        for market in markets.iter().filter(|_| compare) {
            let reference = Reference::new(market);
            let start = Instant::now();
            let found = reference.solve(1e-10);
            theirs.push(start.elapsed().as_secs_f64() * 1e6);
            solver.solve(&market.problem(), &mut weights, &mut multipliers);
            let apart =
                |found: Vec<f64>| found.iter().zip(&weights).fold(0.0_f64, |a, (x, y)| a.max((x - y).abs()));
            assert!(found.map(apart).is_none_or(|apart| apart < 1e-4), "the two solutions differ");
        }
    }
    let theirs = if compare { median(&mut theirs) } else { f64::NAN };
    (median(&mut ours), theirs, median(&mut steps))
}

/// Prints the largest Sharpe ratio of past returns by betaflow and by scipy (`benches/peers/max_sharpe.py`,
/// if `$PYTHON` has scipy).
fn max_sharpe(n: usize) -> Result<(), Box<dyn std::error::Error>> {
    // Stocks with a common market factor: without it there are portfolios with hardly any variance.
    let mut random = SplitMix::new(11);
    let betas: Vec<f64> = (0..n).map(|_| 1.0 + 0.3 * random.shock()).collect();
    let mut returns = Vec::new();
    for _ in 0..252 {
        let market = 0.01 * random.shock();
        returns.extend(betas.iter().map(|beta| 4e-4 + beta * market + 0.018 * random.shock()));
    }
    let mut times = Vec::new();
    let mut weights = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let covariance = SampleCovariance::new(&returns, n);
        let found = frontier_point(covariance.mean(), &covariance, &vec![0.1; n], Point::MaxSharpe);
        times.push(start.elapsed().as_secs_f64());
        weights = found.ok_or("too few instruments")?.0;
    }
    let book: Vec<f64> =
        returns.chunks_exact(n).map(|row| row.iter().zip(&weights).map(|(r, w)| r * w).sum()).collect();
    let mean = book.iter().sum::<f64>() / book.len() as f64;
    let variance = book.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / book.len() as f64;
    let ours = median(&mut times);
    println!(
        "\n{n} instruments, 252 returns, max_sharpe: {:.2} ms, ratio {:.6}",
        1e3 * ours,
        mean / variance.sqrt()
    );

    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("max_sharpe.f64");
    write_doubles(&file, &returns)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("max_sharpe.py");
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    match Command::new(python).arg(script).arg(file).arg(n.to_string()).output() {
        Ok(output) if output.status.success() => {
            let found: serde_json::Value = serde_json::from_slice(&output.stdout)?;
            let seconds = found["seconds"].as_f64().ok_or("no time")?;
            println!(
                "scipy SLSQP: {:.0} ms, {:.0} times, ratio {}",
                1e3 * seconds,
                seconds / ours,
                found["sharpe"]
            );
        }
        _ => println!("skipped scipy: not installed in this Python"),
    }
    Ok(())
}

/// Writes rebalances of the default limits (long only, at most 0.1 an instrument, gross at most 1, turnover at
/// most 0.08) and their solutions into a file; then solves all of them for each line on the input, and prints
/// seconds of wall and processor time as JSON.
fn serve(file: &Path, n: usize, rebalances: usize) -> Result<(), Box<dyn std::error::Error>> {
    let mut random = SplitMix::new(7);
    let mut market = market(n, NONE, &mut random);
    (market.lower, market.gross) = (vec![0.0; n], 1.0);
    let markets = drifting(market, 2 * rebalances, &mut random);
    let mut solver = Solver::default();
    let (mut weights, mut multipliers) = (Vec::new(), Multipliers::default());
    let mut written = Vec::new();
    for market in &markets {
        solver.solve(&market.problem(), &mut weights, &mut multipliers);
        written.push(json!({
            "expected": market.expected,
            "exposures": market.exposures.transpose().as_slice(),
            "factor_covariance": (&market.factor_root * market.factor_root.transpose()).as_slice(),
            "idiosyncratic": market.idiosyncratic,
            "kelly_fraction": market.kelly_fraction,
            "held": market.held,
            "lower": market.lower,
            "upper": market.upper,
            "cost": market.cost,
            "turnover": market.turnover,
            "gross": market.gross,
            "weights": weights,
        }));
    }
    serde_json::to_writer(File::create(file)?, &written)?;
    println!("{}", json!({ "ready": ["solve"] }));
    for line in std::io::stdin().lines() {
        line?;
        let start = Instant::now();
        for market in &markets {
            solver.solve(&market.problem(), &mut weights, &mut multipliers);
        }
        // One thread solves, so that both times are equal on an idle machine.
        let seconds = start.elapsed().as_secs_f64();
        println!("{}", json!({ "wall": seconds, "processor": seconds }));
    }
    Ok(())
}

/// Argument after the option of this name.
fn after(option: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != option).nth(1)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(file) = after("--serve") {
        let number = |option, usual| after(option).map_or(Ok(usual), |value| value.parse());
        return serve(Path::new(&file), number("--instruments", 500)?, number("--rebalances", 30)?);
    }
    let trial = std::env::args().any(|argument| argument == "--test");
    let rebalances = if trial { 4 } else { 120 };
    let n = if trial { 50 } else { 500 };
    println!("{n} instruments, {FACTORS} factors, medians of {} rebalances\n", rebalances / 2);
    println!("{:36}{:>12}{:>8}{:>14}{:>10}", "", "betaflow µs", "steps", "Clarabel µs", "times");
    for limits in CASES {
        let (ours, theirs, steps) = measure(n, limits, rebalances, true);
        println!("{:36}{ours:>12.1}{steps:>8.0}{theirs:>14.0}{:>10.0}", limits.name, theirs / ours);
    }
    println!();
    for n in if trial { vec![50] } else { vec![50, 150, 500, 1_500, 5_000] } {
        let (ours, _, steps) = measure(n, CASES[1], rebalances, false);
        println!(
            "{n:6} instruments, all limits{:>15.1} µs{steps:>5.0} steps{:>9.1} ns an instrument",
            ours,
            1e3 * ours / n as f64
        );
    }
    max_sharpe(if trial { 30 } else { 500 })
}
