//! Figures and lines of an equity that grows frame by frame, for live monitoring.

use serde::Serialize;

use crate::time::{DAY_NS, TimestampNs, UtcOffset};

/// Target number of points of a line; at twice as many, pairs of points are merged.
const POINTS: usize = 400;

/// Figures of the date of the last frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DayFigures {
    /// Midnight UTC with the number of the date, in nanoseconds since 1970.
    pub begins: i64,
    /// NAV at the last frame of the previous date; on the first date, NAV of its first frame.
    pub nav_before: f64,
    /// NAV less `nav_before`.
    pub pnl: f64,
    /// Turnover decided so far on the date.
    pub turnover: f64,
}

/// Drawdown from the running maximum of NAV, as a share; at most 0, −1 for a ruined account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DrawdownSoFar {
    /// Drawdown at the last frame.
    pub now: f64,
    /// Deepest drawdown so far.
    pub deepest: f64,
    /// Running maximum of NAV.
    pub peak: f64,
}

/// One frame of the equity. A non-finite NAV is NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WatchedFrame {
    /// Sequence number of the frame.
    pub seq: u64,
    /// Close of its bars.
    pub timestamp: TimestampNs,
    /// Local time less UTC.
    pub utc_offset: UtcOffset,
    /// Net asset value.
    pub nav: f64,
    /// Net asset value of the benchmark.
    pub benchmark_nav: f64,
    /// Turnover decided on the frame.
    pub turnover: f64,
}

/// Figures updated frame by frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunningFigures {
    /// NAV of the last frame; `None` before the first.
    nav: Option<f64>,
    /// Figures of the date.
    pub day: DayFigures,
    /// Drawdown.
    pub drawdown: DrawdownSoFar,
}

impl RunningFigures {
    /// Adds the next frame.
    pub fn step(&mut self, frame: &WatchedFrame) {
        let nav = frame.nav;
        let begins = frame.timestamp.local(frame.utc_offset).date().saturating_mul(DAY_NS);
        if self.nav.is_none() || begins != self.day.begins {
            self.day = DayFigures { begins, nav_before: self.nav.unwrap_or(nav), pnl: 0.0, turnover: 0.0 };
        }
        self.day.pnl = nav - self.day.nav_before;
        self.day.turnover += if frame.turnover.is_nan() { 0.0 } else { frame.turnover };
        self.drawdown.peak = if self.nav.is_none() { nav } else { self.drawdown.peak.max(nav) };
        let now = nav / self.drawdown.peak - 1.0;
        self.drawdown.now = if now < -1.0 { -1.0 } else { now };
        // A non-finite NAV has no drawdown; from then on the deepest one is unknown.
        let known = !(self.drawdown.deepest.is_nan() || self.drawdown.now.is_nan());
        self.drawdown.deepest = if known { self.drawdown.deepest.min(self.drawdown.now) } else { f64::NAN };
        self.nav = Some(nav);
    }
}

/// Lines with a bounded number of points: per bucket the last value, the deepest drawdown and the highest
/// turnover of a date so far.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GrowingLines {
    timestamp: Vec<TimestampNs>,
    nav: Vec<f64>,
    benchmark_nav: Vec<f64>,
    drawdown: Vec<f64>,
    turnover: Vec<f64>,
    /// Sequence number of the last frame of each bucket, and the figures after it.
    #[serde(skip)]
    ends: Vec<(u64, RunningFigures)>,
    /// Frames per bucket.
    stride: u64,
    #[serde(skip)]
    in_last: u64,
}

impl GrowingLines {
    /// Last bucket that ends before `time`: sequence number of its last frame, and the figures after it;
    /// `None` if no bucket ended before.
    #[must_use]
    pub fn end_before(&self, time: TimestampNs) -> Option<(u64, RunningFigures)> {
        let bucket = self.timestamp.partition_point(|end| *end < time).checked_sub(1)?;
        self.ends.get(bucket).copied()
    }

    /// Adds a frame with the figures after it.
    pub fn push(&mut self, frame: &WatchedFrame, running: &RunningFigures) {
        let (drawdown, turnover) = (running.drawdown.now, running.day.turnover);
        let at = self.timestamp.len();
        if let Some(last) = at.checked_sub(1).filter(|_| self.in_last < self.stride) {
            self.timestamp[last] = frame.timestamp;
            self.nav[last] = frame.nav;
            self.benchmark_nav[last] = frame.benchmark_nav;
            self.drawdown[last] = self.drawdown[last].min(drawdown);
            self.turnover[last] = self.turnover[last].max(turnover);
            self.ends[last] = (frame.seq, *running);
            self.in_last += 1;
            return;
        }
        if at == 2 * POINTS {
            self.halve();
        }
        self.timestamp.push(frame.timestamp);
        self.nav.push(frame.nav);
        self.benchmark_nav.push(frame.benchmark_nav);
        self.drawdown.push(drawdown);
        self.turnover.push(turnover);
        self.ends.push((frame.seq, *running));
        self.stride = self.stride.max(1);
        self.in_last = 1;
    }

    /// Merges pairs of neighbouring points.
    fn halve(&mut self) {
        fn joined<T: Copy>(values: &mut Vec<T>, join: impl Fn(T, T) -> T) {
            *values = values.chunks_exact(2).map(|pair| join(pair[0], pair[1])).collect();
        }
        joined(&mut self.timestamp, |_, last| last);
        joined(&mut self.nav, |_, last| last);
        joined(&mut self.benchmark_nav, |_, last| last);
        joined(&mut self.drawdown, f64::min);
        joined(&mut self.turnover, f64::max);
        joined(&mut self.ends, |_, last| last);
        self.stride *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seq: u64, day: i64, nav: f64) -> WatchedFrame {
        let timestamp = TimestampNs(day * DAY_NS + seq as i64);
        WatchedFrame {
            seq,
            timestamp,
            utc_offset: UtcOffset::default(),
            nav,
            benchmark_nav: f64::NAN,
            turnover: 0.25,
        }
    }

    #[test]
    fn figures_follow_dates_peaks_and_non_finite_values() {
        let mut figures = RunningFigures::default();
        for (seq, day, nav) in [(0, 0, 100.0), (1, 0, 120.0), (2, 1, 90.0)] {
            figures.step(&frame(seq, day, nav));
        }
        let day = DayFigures { begins: DAY_NS, nav_before: 120.0, pnl: -30.0, turnover: 0.25 };
        assert_eq!(figures.day, day);
        assert_eq!(figures.drawdown, DrawdownSoFar { now: -0.25, deepest: -0.25, peak: 120.0 });
        figures.step(&frame(3, 1, -5.0));
        assert_eq!(figures.drawdown.now, -1.0);
        figures.step(&frame(4, 1, f64::NAN));
        assert!(figures.drawdown.deepest.is_nan() && figures.drawdown.peak == 120.0);
    }

    #[test]
    fn merged_points_keep_the_end_and_the_deepest_drawdown() {
        let (mut lines, mut figures) = (GrowingLines::default(), RunningFigures::default());
        for seq in 0..5_000 {
            let frame = frame(seq, 0, if seq == 1_234 { 50.0 } else { 100.0 });
            figures.step(&frame);
            lines.push(&frame, &figures);
        }
        assert!(lines.nav.len() <= 2 * POINTS && lines.nav.len() > POINTS && lines.stride == 8);
        assert_eq!(lines.timestamp.last(), Some(&TimestampNs(4_999)));
        assert_eq!(lines.drawdown.iter().fold(0.0, |low: f64, value| low.min(*value)), -0.5);
        let (seq, before) = lines.end_before(TimestampNs(1_000)).unwrap();
        assert!(seq < 1_000 && seq + 8 >= 1_000 && before.drawdown.deepest == 0.0);
        assert_eq!(lines.end_before(TimestampNs(0)), None);
    }
}
