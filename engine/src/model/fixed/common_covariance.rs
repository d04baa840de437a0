//! Instruments with a common covariance: those listed first that have missed no frame since.

use serde::{Deserialize, Serialize};

use super::kernel;
use super::kernel::{Columns, LANES, LaneBlock, Motion, States, packed, packed_len};
use super::parameters::FixedParameters;
use super::per_instrument::{MotionColumns, pack};
use crate::model::lanes::one_gain;
use crate::model::lanes::one_gain::{Common, OneGain};

/// One covariance, many means; lane i is instrument i, also after it has left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CommonCovariance {
    k: usize,
    /// State of the full kernel with the shared covariance in every lane. Its mean is 0 before a frame and
    /// its observation 1, so that the mean afterwards is the gain, computed by the operations of a single
    /// instrument.
    state: Vec<LaneBlock>,
    /// State before the frame; if some instruments miss the frame, the state after the transition alone.
    without: Vec<LaneBlock>,
    gain: Vec<f64>,
    /// Means, block-major, k values per block.
    mean: Vec<LaneBlock>,
    observed: Vec<LaneBlock>,
    forecast: Vec<LaneBlock>,
    forecast_var: f64,
    /// True for each instrument that still shares the covariance.
    here: Vec<bool>,
    count: usize,
    fresh: bool,
}

impl CommonCovariance {
    /// State of the first n instruments before their first frame.
    pub(crate) fn new(parameters: &FixedParameters, k: usize, n: usize) -> Self {
        let blocks = n.div_ceil(LANES);
        let mut mean = vec![LaneBlock::ZERO; blocks * k];
        for i in 0..n {
            for (j, value) in parameters.initial_mean.of(i).iter().enumerate() {
                mean[i / LANES * k + j].0[i % LANES] = *value;
            }
        }
        let covariance = pack(parameters.initial_covariance.of(0), k);
        let mut state = vec![LaneBlock::ZERO; k];
        state.extend(covariance.into_iter().map(LaneBlock::splat));
        Self {
            k,
            without: state.clone(),
            state,
            gain: vec![0.0; k],
            mean,
            observed: vec![LaneBlock::ZERO; blocks],
            forecast: vec![LaneBlock::ZERO; blocks],
            forecast_var: f64::NAN,
            here: vec![true; n],
            count: n,
            fresh: true,
        }
    }

    /// Processes one frame of all members; `x` has length k. Writes the means of all lanes into columns of n,
    /// if given.
    ///
    /// Lists in `leaving` the instruments that miss the frame while others do not. Only the transition
    /// applies to them: they continue with their means and [`Self::predicted_covariance`].
    pub(crate) fn step(
        &mut self,
        x: &[f64],
        motion: &MotionColumns,
        returns: &[f64],
        means: Option<&mut [f64]>,
        leaving: &mut Vec<usize>,
    ) {
        let k = self.k;
        let moved = if self.fresh { motion.still() } else { motion.motion() };
        self.fresh = false;
        self.without.copy_from_slice(&self.state);
        self.forecast_var = frame(&mut self.state, x, moved, 1.0);
        for (gain, state) in self.gain.iter_mut().zip(&self.state[..k]) {
            *gain = state.0[0];
        }
        if let Some(transition) = moved.transition {
            kernel::transit_means(k, transition.values, &mut self.mean);
        }
        let each = OneGain {
            returns: &returns[..self.here.len()],
            mean: &mut self.mean,
            observed: &mut self.observed,
            forecast: &mut self.forecast,
            observation_var: &mut [],
            forecast_scale: &mut [],
            means: means.map(|values| Columns { values, len: returns.len(), streamed: true }),
        };
        leaving.clear();
        if one_gain::update(Common { x, gain: &self.gain, learning: None }, each) {
            leaving.extend((0..self.here.len()).filter(|&i| self.here[i] && returns[i].is_nan()));
        }
        if leaving.is_empty() {
            return;
        }
        frame(&mut self.without, x, moved, f64::NAN);
        if leaving.len() == self.count {
            // All members miss the frame, so they still share one covariance.
            leaving.clear();
            self.state.copy_from_slice(&self.without);
        }
        for &i in &*leaving {
            self.here[i] = false;
            self.count -= 1;
        }
    }

    /// Writes the means of all lanes into columns of length n; those that have left keep their last values.
    pub(crate) fn write_means(&self, columns: &mut [f64], n: usize) {
        kernel::write_columns(
            Columns { values: columns, len: n, streamed: false },
            0,
            &self.mean,
            self.k,
            self.k,
        );
    }

    /// Coefficient j of instrument i.
    pub(crate) fn mean(&self, i: usize, j: usize) -> f64 {
        self.mean[i / LANES * self.k + j].0[i % LANES]
    }

    /// Element (i, j) of the covariance.
    pub(crate) fn covariance(&self, i: usize, j: usize) -> f64 {
        self.state[self.k + packed(self.k, i, j)].0[0]
    }

    /// Covariance of the instruments that have left in this frame, in the layout of the full kernel.
    pub(crate) fn predicted_covariance(&self) -> Vec<f64> {
        self.without[self.k..][..packed_len(self.k)].iter().map(|value| value.0[0]).collect()
    }

    /// Forecast, forecast variance and return (f, q, y) of an instrument's last frame.
    pub(crate) fn last(&self, i: usize) -> (f64, f64, f64) {
        let (block, lane) = (i / LANES, i % LANES);
        (self.forecast[block].0[lane], self.forecast_var, self.observed[block].0[lane])
    }

    /// Number of members.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

/// Processes one frame of a state with equal lanes, whose mean is not needed; returns q.
fn frame(state: &mut [LaneBlock], x: &[f64], motion: Motion<'_>, y: f64) -> f64 {
    let (mut f, mut q) = ([LaneBlock::ZERO], [LaneBlock::ZERO]);
    state[..x.len()].fill(LaneBlock::ZERO);
    let states = States {
        state,
        observed: &[LaneBlock::splat(y)],
        forecast: &mut f,
        forecast_var: &mut q,
        means: None,
    };
    kernel::full(x, motion, states);
    q[0].0[0]
}
