//! Figures of a series of returns relative to a benchmark.

use serde::{Deserialize, Serialize};

use super::moments::annual_growth;

/// Variance below which `empyrical` treats a benchmark as constant.
const VARIANCE_MIN: f64 = 1e-30;

/// Figures relative to a benchmark, by the definitions of `empyrical`; risk-free rate 0. NaN for fewer than
/// two returns or a constant benchmark; a capture ratio is NaN without a frame of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relative {
    /// Annualised alpha: (1 + mean(r − beta·b))^(frames per year) − 1.
    pub alpha: f64,
    /// Beta: cov(r, b)/var(b).
    pub beta: f64,
    /// Annual return over that of the benchmark, both over the frames on which the benchmark rose.
    pub up_capture: f64,
    /// The same ratio over the frames on which the benchmark fell.
    pub down_capture: f64,
}

impl Relative {
    /// Every figure with its name.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 4] {
        [
            ("alpha", self.alpha),
            ("beta", self.beta),
            ("up_capture", self.up_capture),
            ("down_capture", self.down_capture),
        ]
    }
}

/// Growth of both series over frames of one kind, and the number of frames.
#[derive(Clone, Copy, Debug)]
struct Capture {
    frames: f64,
    own: f64,
    benchmark: f64,
}

impl Capture {
    const NONE: Self = Self { frames: 0.0, own: 1.0, benchmark: 1.0 };

    fn push(&mut self, r: f64, b: f64) {
        self.frames += 1.0;
        self.own *= 1.0 + r;
        self.benchmark *= 1.0 + b;
    }

    fn ratio(&self, frames_per_year: f64) -> f64 {
        let growth = |wealth| annual_growth(wealth, self.frames, frames_per_year);
        growth(self.own) / growth(self.benchmark)
    }
}

/// Accumulates pairs of returns into [`Relative`].
#[derive(Clone, Copy, Debug)]
pub(super) struct RelativeAccumulator {
    count: f64,
    mean: f64,
    benchmark_mean: f64,
    benchmark_squares: f64,
    products: f64,
    up: Capture,
    down: Capture,
}

impl RelativeAccumulator {
    pub(super) const EMPTY: Self = Self {
        count: 0.0,
        mean: 0.0,
        benchmark_mean: 0.0,
        benchmark_squares: 0.0,
        products: 0.0,
        up: Capture::NONE,
        down: Capture::NONE,
    };

    /// Adds a return and that of the benchmark on the same frame; co-moments as in Welford 1962.
    pub(super) fn push(&mut self, r: f64, b: f64) {
        self.count += 1.0;
        let before = b - self.benchmark_mean;
        self.benchmark_mean += before / self.count;
        self.mean += (r - self.mean) / self.count;
        self.benchmark_squares += before * (b - self.benchmark_mean);
        self.products += before * (r - self.mean);
        if b > 0.0 {
            self.up.push(r, b);
        } else if b < 0.0 {
            self.down.push(r, b);
        }
    }

    pub(super) fn relative(&self, frames_per_year: f64) -> Relative {
        let still = self.count < 2.0 || self.benchmark_squares / self.count < VARIANCE_MIN;
        let beta = if still { f64::NAN } else { self.products / self.benchmark_squares };
        let mean = self.mean - beta * self.benchmark_mean;
        Relative {
            alpha: annual_growth(1.0 + mean, 1.0, frames_per_year),
            beta,
            up_capture: self.up.ratio(frames_per_year),
            down_capture: self.down.ratio(frames_per_year),
        }
    }
}
