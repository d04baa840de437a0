//! The metrics agree with `empyrical` and `scipy`, on ordinary and on degenerate series.
//!
//! The script `reference/make_empyrical.py` computes the reference numbers.

use std::collections::BTreeMap;

use betaflow_engine::metrics::{Accumulator, ComparisonBuilder, EquityPoint, Figures};
use betaflow_engine::time::TimestampNs;

const TOLERANCE: f64 = 1e-9;

fn numbers(line: &str) -> (&str, Vec<f64>) {
    let (name, values) = line.split_once(',').unwrap_or((line, ""));
    (name, values.split(',').filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()).collect())
}

/// Name, returns and benchmark of each series.
fn series() -> Vec<(&'static str, Vec<f64>, Vec<f64>)> {
    let lines: Vec<&str> = include_str!("../reference/returns.csv").lines().collect();
    let pair = |pair: &[&'static str]| {
        let [(name, own), (_, benchmark)] = [numbers(pair[0]), numbers(pair[1])];
        (name, own, benchmark)
    };
    lines.chunks(2).map(pair).collect()
}

/// Reference values by series and figure; NaN if undefined.
fn reference() -> BTreeMap<(&'static str, &'static str), f64> {
    let cells = |line: &'static str| {
        let cells: Vec<&str> = line.split(',').collect();
        ((cells[0], cells[1]), cells[2].parse().unwrap_or(f64::NAN))
    };
    include_str!("../reference/empyrical.csv").lines().skip(1).map(cells).collect()
}

fn assert_same(figures: &Figures, name: &'static str, reference: &BTreeMap<(&str, &str), f64>) {
    let mut compared = 0;
    for (figure, found) in figures.all() {
        let Some(&expected) = reference.get(&(name, figure)) else { continue };
        let same = match expected.is_nan() {
            // An infinity is null in the summary as well.
            true => !found.is_finite(),
            false => (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0),
        };
        assert!(same, "{name}: {figure} is {found}, empyrical's {expected}");
        compared += 1;
    }
    assert_eq!(compared, 20, "all figures but the uncertainty of the Sharpe ratio");
}

#[test]
fn figures_agree_with_empyrical() {
    let reference = reference();
    for (name, own, benchmark) in series() {
        let mut accumulator = Accumulator::new(own.len());
        own.iter().zip(&benchmark).for_each(|(r, b)| accumulator.push_against(*r, *b));
        let figures = accumulator.figures(252.0);
        if own.iter().all(|r| *r > -1.0) {
            assert_same(&figures, name, &reference);
            continue;
        }
        // A ruined account has no ratios; empyrical continues with returns after the ruin.
        for (figure, found) in figures.all() {
            match figure {
                "total_return" | "annual_return" | "max_drawdown" => assert_eq!(found, -1.0, "{figure}"),
                _ => assert!(found.is_nan(), "{name}: {figure} is {found}"),
            }
        }
    }
}

#[test]
fn figures_of_a_run_follow_from_its_equity() {
    let reference = reference();
    for (name, own, benchmark) in series().into_iter().filter(|(_, own, _)| own.len() > 20) {
        let mut comparing = ComparisonBuilder::new(own.len() + 1);
        let mut point = EquityPoint { nav: 1e6, benchmark_nav: 1e6, ..EquityPoint::default() };
        comparing.push(point);
        for (at, (r, b)) in own.iter().zip(&benchmark).enumerate() {
            point.timestamp = TimestampNs(at as i64);
            point.nav *= 1.0 + r;
            point.benchmark_nav *= 1.0 + b;
            comparing.push(point);
        }
        // Constant returns differ by rounding of the value, and must still have no volatility.
        let comparison = comparing.comparison(252.0);
        assert_same(&comparison.net, name, &reference);
        assert_same(&comparison.gross, name, &reference);
        let deepest = comparison.drawdowns.first().map_or(0.0, |drawdown| drawdown.depth);
        assert!((deepest - comparison.net.max_drawdown).abs() < 1e-12);
    }
}

/// Reference: Lo 2002, Mertens 2002 and Bailey & López de Prado 2012, with the moments and the normal
/// distribution of scipy 1.17.1.
#[test]
fn uncertainty_of_the_sharpe_ratio_agrees_with_the_papers() {
    let returns = [0.01, -0.02, 0.03, 0.0, -0.005, 0.012];
    let uncertainty = Figures::of(returns.into_iter(), 252.0).uncertainty;
    let expected = [7.115392207420133, 0.7224218189485776, 0.15815415551747888];
    for ((name, found), value) in uncertainty.items().into_iter().zip(expected) {
        assert!((found - value).abs() <= 1e-12 * value.abs(), "{name}: {found}, scipy {value}");
    }
    for returns in [vec![], vec![0.01], vec![0.0, 0.0]] {
        let uncertainty = Figures::of(returns.into_iter(), 252.0).uncertainty;
        assert!(uncertainty.items().iter().all(|(_, value)| value.is_nan()));
    }
}
