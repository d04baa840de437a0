//! Volatility common to all instruments, forecast from its own past.

use serde::{Deserialize, Serialize};

/// Memories of the averages of the past in frames: a day, days, weeks, months, long run.
const MEMORIES: [f64; 5] = [1.0, 3.0, 10.0, 40.0, 160.0];
/// Number of regressors: intercept and averages.
const SIZE: usize = MEMORIES.len() + 1;
/// Prior weights, and the variance of each: persistent, with reversion to the long run.
const PRIOR: [f64; SIZE] = [0.0, 0.1, 0.2, 0.3, 0.2, 0.05];
const PRIOR_VARIANCE: f64 = 0.1;
/// Upper bound of a surprise.
const SURPRISE_MAX: f64 = 8.0;
/// Update rate of the variance of surprises after the first frames.
const SURPRISE_RATE: f64 = 0.02;
/// Range of the dispersion of a frame, relative to the usual one.
const DISPERSION: (f64, f64) = (1e-6, 1e6);

/// Forecast h_t of a frame's variance in units of each instrument's own.
///
/// The model is ε_it = √(S_i h_t) u_it with h_t common to all: ln h_t = b'z_t, z_t = (1, ln A_1, …, ln A_5),
/// A the exponentially weighted means of past dispersions D over different memories. This is Corsi's
/// heterogeneous autoregression (2009) of the common volatility with a multiplicative error (Engle 2002). A
/// recursive gamma regression with log link learns b online: the score of an observation is D/h − 1 at every
/// level.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CommonVolatility {
    averages: [f64; MEMORIES.len()],
    b: [f64; SIZE],
    /// Covariance of b.
    p: [[f64; SIZE]; SIZE],
    /// Variance of D/h − 1.
    surprise_var: f64,
    frames: f64,
    design: [f64; SIZE],
    h: f64,
}

impl CommonVolatility {
    pub(crate) fn new() -> Self {
        let p = std::array::from_fn(|a| std::array::from_fn(|b| if a == b { PRIOR_VARIANCE } else { 0.0 }));
        let mut volatility = Self {
            averages: [1.0; MEMORIES.len()],
            b: PRIOR,
            p,
            surprise_var: 1.0,
            frames: 0.0,
            design: [1.0; SIZE],
            h: 1.0,
        };
        volatility.forecast();
        volatility
    }

    /// Forecast h of the next frame.
    pub(crate) const fn h(&self) -> f64 {
        self.h
    }

    /// Updates from a frame's dispersion: its mean squared standardised error, in units of h.
    pub(crate) fn learn(&mut self, dispersion: f64) {
        let d = (self.h * dispersion).clamp(DISPERSION.0, DISPERSION.1);
        let surprise = (d / self.h - 1.0).min(SURPRISE_MAX);
        let count = self.frames + 1.0;
        if self.frames == 0.0 {
            self.surprise_var = (surprise * surprise).max(0.1);
        } else {
            self.regress(surprise);
            let rate = (1.0 / count).max(SURPRISE_RATE);
            self.surprise_var += rate * (surprise * surprise - self.surprise_var);
        }
        for (average, memory) in self.averages.iter_mut().zip(MEMORIES) {
            *average += (1.0 / memory).max(1.0 / count) * (d - *average);
        }
        self.frames = count;
        self.forecast();
    }

    /// Updates b ← b + P z r/s, P ← P − P z z'P/s, s = var(r) + z'P z.
    fn regress(&mut self, surprise: f64) {
        let z = self.design;
        let pz: [f64; SIZE] = std::array::from_fn(|a| (0..SIZE).map(|b| self.p[a][b] * z[b]).sum::<f64>());
        let spread: f64 = (0..SIZE).map(|a| z[a] * pz[a]).sum();
        let s = self.surprise_var.max(f64::MIN_POSITIVE) + spread.max(0.0);
        for a in 0..SIZE {
            self.b[a] += pz[a] * (surprise / s);
            for b in 0..SIZE {
                self.p[a][b] -= (pz[a] * pz[b]) / s;
            }
        }
    }

    fn forecast(&mut self) {
        for (z, average) in self.design[1..].iter_mut().zip(&self.averages) {
            *z = libm::log(*average);
        }
        let log: f64 = self.b.iter().zip(&self.design).map(|(b, z)| b * z).sum();
        // Keeps the forecast within a factor of 10 of the past averages.
        let [least, most] = self
            .averages
            .iter()
            .fold([f64::INFINITY, 0.0_f64], |[least, most], a| [least.min(*a), most.max(*a)]);
        self.h = libm::exp(log).clamp(0.1 * least, 10.0 * most);
    }
}
