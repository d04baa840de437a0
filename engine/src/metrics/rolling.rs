//! Risk over a window that moves with the frames.

use std::collections::VecDeque;

use super::curves::{Buckets, Curves, Keep};
use super::equity_point::EquityPoint;
use super::moments::Moments;
use super::relative::RelativeAccumulator;
use crate::time::TimestampNs;

/// Lines of [`RollingCurves`], in order.
const LINES: [&str; 5] = ["sharpe", "benchmark_sharpe", "volatility", "benchmark_volatility", "beta"];

/// Figures of the last `window` returns at the end of each bucket, annualised; NaN before the window is full:
/// * `sharpe`, `benchmark_sharpe`: mean/std · √(frames a year), after costs, risk-free return 0;
/// * `volatility`, `benchmark_volatility`: std · √(frames a year);
/// * `beta`: cov(r, b)/var(b), net returns on those of the benchmark.
///
/// Each point is computed from the returns of its window alone, so no rounding error moves along the line.
#[derive(Clone, Debug)]
pub struct RollingCurves {
    buckets: Buckets,
    curves: Curves,
    window: usize,
    frames_per_year: f64,
    last: Option<EquityPoint>,
    at: u64,
    /// Net return and that of the benchmark, the oldest first.
    returns: VecDeque<(f64, f64)>,
}

impl RollingCurves {
    /// Empty lines. `window`: count of returns, at least 2.
    #[must_use]
    pub fn new(buckets: Buckets, window: usize, frames_per_year: f64) -> Self {
        Self {
            buckets,
            curves: Curves::new(buckets, &[Keep::Last; LINES.len()]),
            window: window.max(2),
            frames_per_year,
            last: None,
            at: 0,
            returns: VecDeque::new(),
        }
    }

    /// Adds a frame.
    pub fn push(&mut self, point: &EquityPoint) {
        if let Some(last) = self.last.replace(*point) {
            let returns = point.returns_since(&last);
            if self.returns.len() == self.window {
                self.returns.pop_front();
            }
            // A ruined account has no returns any more; NaN keeps its windows undefined.
            let net = if last.nav > 0.0 && point.nav > 0.0 { returns.net } else { f64::NAN };
            self.returns.push_back((net, returns.benchmark));
        }
        let is_point = self.buckets.ends(self.at) && self.returns.len() == self.window;
        let figures = if is_point { self.figures() } else { [f64::NAN; LINES.len()] };
        self.curves.push(point.timestamp, &figures);
        self.at += 1;
    }

    fn figures(&self) -> [f64; LINES.len()] {
        let (mut net, mut benchmark) = (Moments::default(), Moments::default());
        let mut relative = RelativeAccumulator::EMPTY;
        for (r, b) in &self.returns {
            net.push(*r);
            benchmark.push(*b);
            relative.push(*r, *b);
        }
        let year = self.frames_per_year;
        [
            net.sharpe(year),
            benchmark.sharpe(year),
            net.deviation() * year.sqrt(),
            benchmark.deviation() * year.sqrt(),
            relative.relative(year).beta,
        ]
    }

    /// Returns the last frame of each bucket.
    #[must_use]
    pub fn times(&self) -> &[TimestampNs] {
        &self.curves.times
    }

    /// Returns a line by its name; empty for an unknown name.
    #[must_use]
    pub fn line(&self, name: &str) -> &[f64] {
        let at = LINES.iter().position(|line| *line == name);
        at.map_or(&[], |at| &self.curves.lines[at].values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(navs: &[(f64, f64)]) -> impl Iterator<Item = EquityPoint> {
        navs.iter().enumerate().map(|(at, (nav, benchmark_nav))| EquityPoint {
            timestamp: TimestampNs(at as i64),
            nav: *nav,
            benchmark_nav: *benchmark_nav,
            ..EquityPoint::default()
        })
    }

    fn curves(navs: &[(f64, f64)], window: usize, points_max: u64) -> RollingCurves {
        let mut curves = RollingCurves::new(Buckets::new(navs.len() as u64, points_max), window, 252.0);
        points(navs).for_each(|point| curves.push(&point));
        curves
    }

    fn navs(count: usize) -> Vec<(f64, f64)> {
        let nav = |at: usize| {
            let at = at as f64;
            (100.0 + at + 3.0 * libm::sin(0.7 * at), 50.0 + 0.4 * at + 2.0 * libm::sin(0.7 * at + 0.3))
        };
        (0..count).map(nav).collect()
    }

    #[test]
    fn each_point_is_the_figure_of_its_window_alone() {
        let navs = navs(40);
        let window = 12;
        let rolling = curves(&navs, window, 40);
        for (at, name) in LINES.iter().enumerate() {
            let line = rolling.line(name);
            assert_eq!((line.len(), rolling.times().len()), (40, 40));
            assert!(line[..window].iter().all(|value| value.is_nan()), "{name}");
            let end = 30;
            let of = |side: fn(&(f64, f64)) -> f64| -> Vec<f64> {
                (end + 1 - window..=end).map(|to| side(&navs[to]) / side(&navs[to - 1]) - 1.0).collect()
            };
            let (r, b) = (of(|nav| nav.0), of(|nav| nav.1));
            let mean = |values: &[f64]| values.iter().sum::<f64>() / window as f64;
            let product = |a: &[f64], b: &[f64]| -> f64 {
                a.iter().zip(b).map(|(x, y)| (x - mean(a)) * (y - mean(b))).sum::<f64>()
                    / (window as f64 - 1.0)
            };
            let (year, deviation) = (252.0_f64, |values: &[f64]| product(values, values).sqrt());
            let expected = [
                mean(&r) / deviation(&r) * year.sqrt(),
                mean(&b) / deviation(&b) * year.sqrt(),
                deviation(&r) * year.sqrt(),
                deviation(&b) * year.sqrt(),
                product(&r, &b) / product(&b, &b),
            ][at];
            assert!((line[end] / expected - 1.0).abs() < 1e-10, "{name}: {} is {expected}", line[end]);
        }
        assert!(rolling.line("alpha").is_empty());
    }

    #[test]
    fn thinned_line_has_the_same_points_and_ruin_has_none() {
        let navs = navs(101);
        let (all, few) = (curves(&navs, 10, 101), curves(&navs, 10, 20));
        for (at, time) in few.times().iter().enumerate() {
            let same = all.times().iter().position(|other| other == time).unwrap();
            let [all, few] = [all.line("beta")[same], few.line("beta")[at]];
            assert!(all.to_bits() == few.to_bits() || all.is_nan() && few.is_nan());
        }
        let mut ruined = self::navs(30);
        ruined[15].0 = -1.0;
        let ruined = curves(&ruined, 5, 30);
        assert!(ruined.line("sharpe")[14].is_finite() && ruined.line("sharpe")[15].is_nan());
    }
}
