//! Lines for a chart: a long run thinned to a bounded number of points that keep every drawdown.

use super::equity_point::EquityPoint;
use crate::execution::CostItem;
use crate::time::TimestampNs;

/// Buckets of equal length, one per point of a chart; the last one ends with the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    frames: u64,
    /// Frames per bucket; the first may have fewer.
    every: u64,
}

impl Buckets {
    /// Divides `frames` frames into at most `points_max` buckets.
    #[must_use]
    pub fn new(frames: u64, points_max: u64) -> Self {
        Self { frames, every: frames.div_ceil(points_max.max(1)).max(1) }
    }

    /// Returns true if a bucket ends with frame `at`, counted from 0.
    pub(super) fn ends(&self, at: u64) -> bool {
        (at + 1).abs_diff(self.frames).is_multiple_of(self.every)
    }
}

/// Statistic of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// Last value.
    Last,
    /// Lowest value.
    Lowest,
    /// Highest value.
    Highest,
    /// Sum of all values so far, divided by this number.
    TotalOver(f64),
}

/// One line: a value for each bucket; NaN where undefined.
#[derive(Clone, Debug)]
pub struct Line {
    keep: Keep,
    total: f64,
    current: f64,
    /// Values of the complete buckets.
    pub values: Vec<f64>,
}

impl Line {
    fn new(keep: Keep) -> Self {
        Self { keep, total: 0.0, current: f64::NAN, values: Vec::new() }
    }

    fn push(&mut self, value: f64) {
        self.current = match self.keep {
            Keep::Last => value,
            // `min` and `max` skip a NaN.
            Keep::Lowest => self.current.min(value),
            Keep::Highest => self.current.max(value),
            Keep::TotalOver(whole) => {
                self.total += value;
                self.total / whole
            }
        };
    }

    fn end(&mut self) {
        self.values.push(self.current);
        self.current = f64::NAN;
    }
}

/// Several lines over the same frames.
#[derive(Clone, Debug)]
pub struct Curves {
    buckets: Buckets,
    at: u64,
    /// Last frame of each bucket.
    pub times: Vec<TimestampNs>,
    /// Lines in the order of `keep`.
    pub lines: Vec<Line>,
}

impl Curves {
    /// Empty lines, one for each statistic.
    #[must_use]
    pub fn new(buckets: Buckets, keep: &[Keep]) -> Self {
        Self { buckets, at: 0, times: Vec::new(), lines: keep.iter().map(|keep| Line::new(*keep)).collect() }
    }

    /// Adds the next frame: one value for each line.
    pub fn push(&mut self, time: TimestampNs, values: &[f64]) {
        for (line, value) in self.lines.iter_mut().zip(values) {
            line.push(*value);
        }
        if self.buckets.ends(self.at) {
            self.times.push(time);
            self.lines.iter_mut().for_each(Line::end);
        }
        self.at += 1;
    }
}

/// Lines of [`EquityCurves`] before those of the costs.
const FIXED: [(&str, Keep); 7] = [
    ("net", Keep::Last),
    ("gross", Keep::Last),
    ("benchmark", Keep::Last),
    ("net_drawdown", Keep::Lowest),
    ("benchmark_drawdown", Keep::Lowest),
    ("turnover", Keep::Highest),
    ("cap_multiplier", Keep::Highest),
];

/// Growth of one unit of wealth and its running maximum.
#[derive(Clone, Copy, Debug)]
struct Growth {
    value: f64,
    peak: f64,
}

impl Growth {
    const START: Self = Self { value: 1.0, peak: 1.0 };

    /// Sets the value; a debt counts as 0, because the account is ruined.
    fn reaches(&mut self, value: f64) {
        self.value = if value < 0.0 { 0.0 } else { value };
        self.peak = self.peak.max(self.value);
    }

    fn drawdown(&self) -> f64 {
        (self.value - self.peak) / self.peak
    }
}

/// The equity of a run as lines:
///
/// - `net`, `gross`, `benchmark`: growth of one unit, at the end of each bucket;
/// - `net_drawdown`, `benchmark_drawdown`: deepest drawdown in each bucket;
/// - `turnover`, `cap_multiplier`: highest in each bucket, the turnover summed over the UTC date so far;
/// - each cost item, cumulated, as a share of the starting NAV.
#[derive(Clone, Debug)]
pub struct EquityCurves {
    buckets: Buckets,
    curves: Option<Curves>,
    first: EquityPoint,
    last: EquityPoint,
    net: Growth,
    gross: f64,
    benchmark: Growth,
    date_turnover: f64,
    values: Vec<f64>,
}

impl EquityCurves {
    /// Lines without a frame.
    #[must_use]
    pub fn new(buckets: Buckets) -> Self {
        Self {
            buckets,
            curves: None,
            first: EquityPoint::default(),
            last: EquityPoint::default(),
            net: Growth::START,
            gross: 1.0,
            benchmark: Growth::START,
            date_turnover: 0.0,
            values: Vec::new(),
        }
    }

    /// Adds the next frame.
    pub fn push(&mut self, point: EquityPoint) {
        let costs = point.costs.items().map(|(_, value)| value);
        let curves = self.curves.get_or_insert_with(|| {
            (self.first, self.last) = (point, point);
            let fixed = FIXED.iter().map(|(_, keep)| *keep);
            let keep: Vec<Keep> = fixed.chain(costs.map(|_| Keep::TotalOver(point.nav))).collect();
            Curves::new(self.buckets, &keep)
        });
        if curves.at > 0 {
            self.net.reaches(point.nav / self.first.nav);
            self.gross *= (1.0 + point.returns_since(&self.last).gross).max(0.0);
            self.benchmark.reaches(point.benchmark_nav / self.first.benchmark_nav);
        }
        if point.local_time().date() != self.last.local_time().date() {
            self.date_turnover = 0.0;
        }
        self.date_turnover += point.turnover;
        self.last = point;
        let fixed = [
            self.net.value,
            self.gross,
            self.benchmark.value,
            self.net.drawdown(),
            self.benchmark.drawdown(),
            self.date_turnover,
            point.cap_multiplier,
        ];
        self.values.clear();
        self.values.extend(fixed.into_iter().chain(costs));
        curves.push(point.timestamp, &self.values);
    }

    /// Last frame of each bucket.
    #[must_use]
    pub fn times(&self) -> &[TimestampNs] {
        self.curves.as_ref().map_or(&[], |curves| &curves.times)
    }

    /// Frames per point.
    #[must_use]
    pub fn frames_between(&self) -> u64 {
        self.buckets.every
    }

    /// Line by its name; empty for an unknown name.
    #[must_use]
    pub fn line(&self, name: &str) -> &[f64] {
        let names = FIXED.iter().map(|(name, _)| *name).chain(CostItem::NAMES);
        let lines = self.curves.iter().flat_map(|curves| &curves.lines);
        names.zip(lines).find(|(line, _)| *line == name).map_or(&[], |(_, line)| &line.values)
    }
}

/// Several series of returns as lines: growth of one unit at the end of each bucket, and the deepest drawdown
/// within it.
#[derive(Clone, Debug)]
pub struct ReturnCurves {
    curves: Curves,
    growths: Vec<Growth>,
    values: Vec<f64>,
}

impl ReturnCurves {
    /// Empty lines for `series` series.
    #[must_use]
    pub fn new(buckets: Buckets, series: usize) -> Self {
        let keep = [vec![Keep::Last; series], vec![Keep::Lowest; series]].concat();
        Self { curves: Curves::new(buckets, &keep), growths: vec![Growth::START; series], values: Vec::new() }
    }

    /// Adds the next frame: a simple return for each series.
    pub fn push(&mut self, time: TimestampNs, returns: &[f64]) {
        for (growth, r) in self.growths.iter_mut().zip(returns) {
            growth.reaches(growth.value * (1.0 + r));
        }
        self.values.clear();
        self.values.extend(self.growths.iter().map(|growth| growth.value));
        self.values.extend(self.growths.iter().map(Growth::drawdown));
        self.curves.push(time, &self.values);
    }

    /// Last frame of each bucket.
    #[must_use]
    pub fn times(&self) -> &[TimestampNs] {
        &self.curves.times
    }

    /// Frames per point.
    #[must_use]
    pub fn frames_between(&self) -> u64 {
        self.curves.buckets.every
    }

    /// Growth of one unit of a series.
    #[must_use]
    pub fn growth(&self, series: usize) -> &[f64] {
        self.curves.lines.get(series).map_or(&[], |line| &line.values)
    }

    /// Drawdown of a series.
    #[must_use]
    pub fn drawdown(&self, series: usize) -> &[f64] {
        self.growth(self.growths.len() + series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execution::Costs;
    use crate::time::UtcOffset;

    #[test]
    fn return_curves_are_growth_and_drawdown() {
        let mut curves = ReturnCurves::new(Buckets::new(4, 2), 2);
        for (at, returns) in [[0.5, 0.0], [-0.5, 0.0], [0.0, -0.5], [1.0, 1.0]].iter().enumerate() {
            curves.push(TimestampNs(at as i64), returns);
        }
        assert_eq!((curves.frames_between(), curves.times()), (2, &[TimestampNs(1), TimestampNs(3)][..]));
        assert_eq!((curves.growth(0), curves.growth(1)), (&[0.75, 1.5][..], &[1.0, 1.0][..]));
        assert_eq!((curves.drawdown(0), curves.drawdown(1)), (&[-0.5, -0.5][..], &[0.0, -0.5][..]));
    }

    fn curves(navs: &[f64], points_max: u64) -> EquityCurves {
        let mut curves = EquityCurves::new(Buckets::new(navs.len() as u64, points_max));
        for (at, nav) in navs.iter().enumerate() {
            let costs = Costs::of(&[(CostItem::Spread, 2.0)]);
            let point = EquityPoint {
                timestamp: TimestampNs(at as i64),
                utc_offset: UtcOffset::default(),
                nav: *nav,
                costs,
                turnover: 0.01,
                cap_multiplier: if at == 1 { 3.0 } else { f64::NAN },
                benchmark_nav: 5.0,
                predicted_volatility: f64::NAN,
            };
            curves.push(point);
        }
        curves
    }

    #[test]
    fn every_frame_is_a_point_in_a_short_run() {
        let curves = curves(&[100.0, 98.0, 147.0], 3);
        assert_eq!(curves.line("net"), [1.0, 0.98, 1.47]);
        assert_eq!(curves.line("gross"), [1.0, 1.0, 1.0 + 51.0 / 98.0]);
        assert_eq!(curves.line("spread"), [0.02, 0.04, 0.06]);
        assert_eq!(curves.line("benchmark_drawdown"), [0.0; 3]);
        assert!((curves.line("turnover")[2] - 0.03).abs() < 1e-15, "of one date");
        assert!(curves.line("cap_multiplier")[0].is_nan() && curves.line("cap_multiplier")[1] == 3.0);
        assert!(
            curves.line("nothing").is_empty() && EquityCurves::new(Buckets::new(0, 9)).times().is_empty()
        );
    }

    #[test]
    fn thinning_keeps_the_end_and_the_deepest_drawdown() {
        let navs: Vec<f64> =
            (0..10_007).map(|at| if at == 5_003 { 50.0 } else { 100.0 + f64::from(at) }).collect();
        let curves = curves(&navs, 1_500);
        let (times, net, drawdown) = (curves.times(), curves.line("net"), curves.line("net_drawdown"));
        assert!(times.len() <= 1_500 && times.len() > 1_400 && net.len() == times.len());
        assert_eq!(times.last().unwrap().0, 10_006);
        assert_eq!(*net.last().unwrap(), 10_106.0 / 100.0);
        let deepest = drawdown.iter().fold(0.0_f64, |low, value| low.min(*value));
        assert_eq!(deepest, (0.5 - 51.02) / 51.02);
        assert!((curves.line("spread").last().unwrap() - 200.14).abs() < 1e-9);
    }
}
