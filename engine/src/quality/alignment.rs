//! Do the factors belong to the same days as the prices?

use std::sync::Arc;

use super::{Finding, Problem};
use crate::frame::{Frame, TimestampNs};

/// Fewest frames that say anything.
const FRAMES_MIN: f64 = 60.0;
/// Least correlation with the wrong day that is a finding.
const CORRELATION_MIN: f64 = 0.2;
/// How much larger than that with the right day it must be.
const TIMES: f64 = 1.5;
/// Returns count up to this size, so that one bad row does not decide.
const RETURN_MAX: f64 = 0.2;

/// Sums for a correlation.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n: f64,
    a: f64,
    b: f64,
    aa: f64,
    bb: f64,
    ab: f64,
}

impl Sums {
    fn add(&mut self, a: f64, b: f64) {
        if a.is_finite() && b.is_finite() {
            self.n += 1.0;
            self.a += a;
            self.b += b;
            self.aa += a * a;
            self.bb += b * b;
            self.ab += a * b;
        }
    }

    fn correlation(&self) -> f64 {
        let (va, vb) = (self.n * self.aa - self.a * self.a, self.n * self.bb - self.b * self.b);
        (self.n * self.ab - self.a * self.b) / libm::sqrt(va * vb)
    }
}

/// Correlations of the panel's mean return with the first factor of the same frame and of its neighbours.
#[derive(Clone, Debug)]
pub struct Alignment {
    last_close: Vec<f64>,
    last: (f64, f64),
    last_time: TimestampNs,
    /// The panel's return with the factor of the frame before, the same and the one after.
    sums: [Sums; 3],
}

impl Default for Alignment {
    fn default() -> Self {
        let last = (f64::NAN, f64::NAN);
        Self { last_close: Vec::new(), last, last_time: TimestampNs::default(), sums: <[Sums; 3]>::default() }
    }
}

impl Alignment {
    /// Takes the next frame.
    pub fn observe(&mut self, frame: &Frame) {
        let Some(&factor) = frame.factors.first() else { return };
        self.last_close.resize(frame.close.len(), f64::NAN);
        let (mut sum, mut count) = (0.0, 0.0);
        for (last, close) in self.last_close.iter_mut().zip(&frame.close) {
            let change = close / *last - 1.0;
            if change.is_finite() {
                sum += change.clamp(-RETURN_MAX, RETURN_MAX);
                count += 1.0;
            }
            *last = *close;
        }
        let mean = sum / count;
        self.sums[0].add(mean, self.last.1);
        self.sums[1].add(mean, factor);
        self.sums[2].add(self.last.0, factor);
        (self.last, self.last_time) = ((mean, factor), frame.timestamp);
    }

    /// Correlations of the panel's return with the factor of the frame before, of the same, and of the one after;
    /// `None` where there are too few frames.
    #[must_use]
    pub fn correlations(&self) -> Option<[f64; 3]> {
        (self.sums[1].n >= FRAMES_MIN).then(|| self.sums.map(|sums| sums.correlation()))
    }

    /// A finding about the whole panel, where the factor goes with another frame's returns.
    #[must_use]
    pub fn finding(&self, factor: &str) -> Option<Finding> {
        let [before, same, after] = self.correlations()?;
        let (other, way, shift) = match before.abs() > after.abs() {
            true => (before, "the row before", "one row earlier"),
            false => (after, "the row after", "one row later"),
        };
        let size = other.abs();
        (size >= CORRELATION_MIN && size >= TIMES * same.abs()).then(|| Finding {
            timestamp: self.last_time,
            symbol: Arc::from("(panel)"),
            problem: Problem::FactorsMisaligned,
            detail: format!(
                "the panel's mean return has a correlation of {other:.2} with `{factor}` of {way}, and {same:.2} \
                 with that of the same row: the factors are dated {shift} than the prices that they belong to, or \
                 the prices are; shift one of them"
            ),
            severity: size,
        })
    }
}
