//! Instruments with one covariance between them: all that were listed first and have missed no frame since.

use super::kernel::{self, Eight, LANES, States, packed, packed_len, shared_width};
use super::own::{MotionColumns, pack};
use super::parameters::FixedParameters;

/// One covariance, many means; lane i is instrument i, also after it has left.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    k: usize,
    /// A state of the full kernel, in whose every lane is the covariance that all share. Its mean is 0 before
    /// a frame and its observation 1, so that the mean after it is the gain, by the operations that an
    /// instrument on its own goes through.
    state: Vec<Eight>,
    design: Vec<f64>,
    gain: Vec<f64>,
    /// Block-major, `shared_width(k)` a block.
    mean: Vec<Eight>,
    observed: Vec<Eight>,
    forecast: Vec<Eight>,
    forecast_var: f64,
    /// Per instrument: whether it is still here.
    here: Vec<bool>,
    count: usize,
    /// Whether the last frame had no return of any of them.
    missed: bool,
    fresh: bool,
}

impl Shared {
    /// The first n instruments, before their first frame.
    pub(super) fn new(parameters: &FixedParameters, k: usize, n: usize) -> Self {
        let (blocks, width) = (n.div_ceil(LANES), shared_width(k));
        let mut mean = vec![Eight::ZERO; blocks * width];
        for i in 0..n {
            for (j, value) in parameters.initial_mean.of(i).iter().enumerate() {
                mean[i / LANES * width + j].0[i % LANES] = *value;
            }
        }
        let covariance = pack(parameters.initial_covariance.of(0), k);
        let mut state = vec![Eight::ZERO; k];
        state.extend(covariance.into_iter().map(Eight::splat));
        Self {
            k,
            state,
            design: vec![0.0; width],
            gain: vec![0.0; width],
            mean,
            observed: vec![Eight::ZERO; blocks],
            forecast: vec![Eight::ZERO; blocks],
            forecast_var: f64::NAN,
            here: vec![true; n],
            count: n,
            missed: false,
            fresh: true,
        }
    }

    /// Takes the returns of the frame and lists in `leaving` the instruments that miss it while others do
    /// not. They have to be taken out, with [`Self::packed_covariance`], before the step.
    pub(super) fn observe(&mut self, returns: &[f64], leaving: &mut Vec<usize>) {
        let returns = &returns[..self.here.len()];
        let any_missing = kernel::take(returns, &mut self.observed);
        leaving.clear();
        self.missed = false;
        if any_missing {
            leaving.extend((0..returns.len()).filter(|&i| self.here[i] && returns[i].is_nan()));
            if leaving.len() == self.count {
                // Nobody knows more than another: they stay together.
                leaving.clear();
                self.missed = true;
            }
        }
        for &i in &*leaving {
            self.here[i] = false;
            self.count -= 1;
        }
    }

    /// One frame of all who are here; `x` has length k.
    pub(super) fn step(&mut self, x: &[f64], motion: &MotionColumns) {
        let (k, width) = (self.k, self.design.len());
        let y = if self.missed { f64::NAN } else { 1.0 };
        let (mut f, mut q) = ([Eight::ZERO], [Eight::ZERO]);
        self.state[..k].fill(Eight::ZERO);
        let states = States {
            state: &mut self.state,
            observed: &[Eight::splat(y)],
            forecast: &mut f,
            forecast_var: &mut q,
        };
        let moved = if self.fresh { motion.still() } else { motion.motion() };
        kernel::full(x, moved, states);
        self.fresh = false;
        self.forecast_var = q[0].0[0];
        self.design[..k].copy_from_slice(x);
        for (gain, state) in self.gain.iter_mut().zip(&self.state[..k]) {
            *gain = state.0[0];
        }
        if let Some(transition) = moved.transition {
            for m in self.mean.chunks_exact_mut(width) {
                kernel::transit_mean(k, transition.values, m);
            }
        }
        if self.missed {
            // The gain is zero, and zero times a number that is missing would not be.
            self.observed.fill(Eight::ZERO);
        }
        kernel::shared(&self.design, &self.gain, &mut self.mean, &self.observed, &mut self.forecast);
    }

    /// The means of all lanes into columns of length n, those that have left as they were then.
    pub(super) fn write_means(&self, columns: &mut [f64], n: usize) {
        for (block, mean) in self.mean.chunks_exact(self.design.len()).enumerate() {
            kernel::write_lanes(&mean[..self.k], columns, n, block);
        }
    }

    /// Coefficient j of instrument i.
    pub(super) fn mean(&self, i: usize, j: usize) -> f64 {
        self.mean[i / LANES * self.design.len() + j].0[i % LANES]
    }

    /// Element (i, j) of the covariance.
    pub(super) fn covariance(&self, i: usize, j: usize) -> f64 {
        self.state[self.k + packed(self.k, i, j)].0[0]
    }

    /// The covariance as a state of the full kernel has it.
    pub(super) fn packed_covariance(&self) -> Vec<f64> {
        self.state[self.k..][..packed_len(self.k)].iter().map(|value| value.0[0]).collect()
    }

    /// (f, q, y) of an instrument's last frame.
    pub(super) fn last(&self, i: usize) -> (f64, f64, f64) {
        let (block, lane) = (i / LANES, i % LANES);
        let y = if self.missed { f64::NAN } else { self.observed[block].0[lane] };
        (self.forecast[block].0[lane], self.forecast_var, y)
    }

    /// How many are here.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether those who leave now have not had a frame yet.
    pub(super) fn fresh(&self) -> bool {
        self.fresh
    }
}
