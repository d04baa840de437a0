//! Instruments with their own covariance, eight side by side.

use serde::{Deserialize, Serialize};

use super::kernel;
use super::kernel::{Columns, LANES, LaneBlock, Lanewise, Motion, States, packed, packed_len};
use super::parameters::{FixedParameters, PerInstrument};

/// F, Q and R in lanes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MotionColumns {
    k: usize,
    /// Transition F; `None` if every F is the identity.
    transition: Option<Vec<LaneBlock>>,
    transition_each: bool,
    noise: Vec<LaneBlock>,
    noise_each: bool,
    diagonal: bool,
    observation_var: Vec<LaneBlock>,
    observation_each: bool,
    /// F = I and Q = 0 for a state at its first frame, which uses its prior without a transition.
    still_transition: Vec<LaneBlock>,
    still_noise: Vec<LaneBlock>,
}

impl MotionColumns {
    pub(crate) fn new(parameters: &FixedParameters, k: usize) -> Self {
        let diagonal =
            |q: &Vec<f64>| q.iter().enumerate().all(|(at, value)| at / k == at % k || *value == 0.0);
        let still: Vec<f64> = (0..k * k).map(|at| f64::from(u8::from(at / k == at % k))).collect();
        let moving = parameters.transition.values().iter().any(|f| *f != still);
        let mut columns = Self {
            k,
            transition: moving.then(Vec::new),
            transition_each: !parameters.transition.is_common(),
            noise: Vec::new(),
            noise_each: !parameters.transition_covariance.is_common(),
            diagonal: parameters.transition_covariance.values().iter().all(diagonal),
            observation_var: Vec::new(),
            observation_each: !parameters.observation_variance.is_common(),
            still_transition: still.iter().map(|value| LaneBlock::splat(*value)).collect(),
            still_noise: vec![LaneBlock::ZERO; packed_len(k)],
        };
        if let (Some(columns), PerInstrument::Common(f)) = (&mut columns.transition, &parameters.transition) {
            columns.extend(f.iter().map(|value| LaneBlock::splat(*value)));
        }
        if let PerInstrument::Common(q) = &parameters.transition_covariance {
            columns.noise = columns.noise_of(q).into_iter().map(LaneBlock::splat).collect();
        }
        if let PerInstrument::Common(r) = parameters.observation_variance {
            columns.observation_var.push(LaneBlock::splat(r));
        }
        columns
    }

    /// Diagonal or packed triangle of Q, in the layout of the kernel.
    fn noise_of(&self, q: &[f64]) -> Vec<f64> {
        if self.diagonal { (0..self.k).map(|j| q[j * self.k + j]).collect() } else { pack(q, self.k) }
    }

    /// Makes room for `block` and writes an instrument's parameters into its lane. Unused lanes repeat the
    /// first instrument of their block, so that their values stay in the normal range.
    fn push(&mut self, parameters: &FixedParameters, instrument: usize, block: usize, lane: usize) {
        let fill = |columns: &mut Vec<LaneBlock>, values: &[f64]| {
            let len = values.len();
            if lane == 0 {
                columns.extend(values.iter().map(|value| LaneBlock::splat(*value)));
            }
            for (column, value) in columns[block * len..].iter_mut().zip(values) {
                column.0[lane] = *value;
            }
        };
        if let (Some(columns), true) = (&mut self.transition, self.transition_each) {
            fill(columns, parameters.transition.of(instrument));
        }
        if self.noise_each {
            let noise = self.noise_of(parameters.transition_covariance.of(instrument));
            fill(&mut self.noise, &noise);
        }
        if self.observation_each {
            fill(&mut self.observation_var, &[*parameters.observation_variance.of(instrument)]);
        }
    }

    /// Transition of all blocks from one frame to the next.
    pub(crate) fn motion(&self) -> Motion<'_> {
        let transition = self.transition.as_deref();
        Motion {
            transition: transition.map(|values| Lanewise { values, each: self.transition_each }),
            noise: Lanewise { values: &self.noise, each: self.noise_each },
            diagonal: self.diagonal,
            observation_var: Lanewise { values: &self.observation_var, each: self.observation_each },
        }
    }

    /// Transition of states that are all at their first frame: the identity without noise.
    pub(crate) fn still(&self) -> Motion<'_> {
        let noise = Lanewise { values: &self.still_noise, each: false };
        Motion { transition: None, noise, ..self.motion() }
    }

    /// One block in which only the lanes in `fresh` are at their first frame.
    fn block(&self, block: usize, fresh: [bool; LANES]) -> MotionColumns {
        let of = |values: &[LaneBlock], each: bool, len: usize| {
            let at = if each { block * len } else { 0 };
            values[at..at + len].to_vec()
        };
        let k = self.k;
        let noise_len = if self.diagonal { k } else { packed_len(k) };
        let mut one = MotionColumns {
            transition: self.transition.as_deref().map(|f| of(f, self.transition_each, k * k)),
            noise: of(&self.noise, self.noise_each, noise_len),
            observation_var: of(&self.observation_var, self.observation_each, 1),
            still_transition: Vec::new(),
            still_noise: Vec::new(),
            ..*self
        };
        for lane in (0..LANES).filter(|&lane| fresh[lane]) {
            for (to, still) in one.transition.iter_mut().flatten().zip(&self.still_transition) {
                to.0[lane] = still.0[lane];
            }
            for to in &mut one.noise {
                to.0[lane] = 0.0;
            }
        }
        one
    }
}

/// Upper triangle of a symmetric matrix, by rows.
pub(crate) fn pack(matrix: &[f64], k: usize) -> Vec<f64> {
    (0..k).flat_map(|i| (i..k).map(move |j| 0.5 * (matrix[i * k + j] + matrix[j * k + i]))).collect()
}

/// States in lanes; lane i of block b is instrument `members[8 b + i]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InstrumentFilters {
    k: usize,
    members: Vec<u32>,
    /// True if lane i is instrument i, so that returns are copied instead of gathered.
    in_order: bool,
    motion: MotionColumns,
    /// Mean m, then the packed P, per block.
    state: Vec<LaneBlock>,
    observed: Vec<LaneBlock>,
    forecast: Vec<LaneBlock>,
    forecast_var: Vec<LaneBlock>,
    /// First of the lanes whose next frame is their first; these lanes come last.
    fresh_from: usize,
}

impl InstrumentFilters {
    pub(crate) fn new(parameters: &FixedParameters, k: usize) -> Self {
        Self {
            k,
            members: Vec::new(),
            in_order: true,
            motion: MotionColumns::new(parameters, k),
            state: Vec::new(),
            observed: Vec::new(),
            forecast: Vec::new(),
            forecast_var: Vec::new(),
            fresh_from: 0,
        }
    }

    fn size(&self) -> usize {
        self.k + packed_len(self.k)
    }

    /// Adds an instrument; returns its lane. If `fresh`, its next frame is its first and has no transition.
    /// Within one frame, add fresh instruments last.
    pub(crate) fn push(
        &mut self,
        parameters: &FixedParameters,
        instrument: usize,
        mean: &[f64],
        packed_covariance: &[f64],
        fresh: bool,
    ) -> usize {
        let at = self.members.len();
        let (block, lane, size) = (at / LANES, at % LANES, self.size());
        if lane == 0 {
            self.state.resize((block + 1) * size, LaneBlock::ZERO);
            for column in [&mut self.forecast, &mut self.forecast_var] {
                column.push(LaneBlock::ZERO);
            }
            self.observed.push(LaneBlock::splat(f64::NAN));
        }
        let state = self.state[block * size..].iter_mut();
        for (column, value) in state.zip(mean.iter().chain(packed_covariance)) {
            column.0[lane] = *value;
        }
        self.motion.push(parameters, instrument, block, lane);
        self.in_order &= at == instrument;
        self.members.push(instrument as u32);
        if !fresh {
            self.fresh_from = self.members.len();
        }
        at
    }

    /// Processes one frame of all lanes; writes their means into columns, if given.
    pub(crate) fn step(&mut self, x: &[f64], returns: &[f64], mut means: Option<&mut [f64]>) {
        if self.members.is_empty() {
            return;
        }
        self.gather(returns);
        let first_fresh = std::mem::replace(&mut self.fresh_from, self.members.len());
        let (blocks, size, len) = (self.observed.len(), self.size(), returns.len());
        let Self { motion, state, observed, forecast, forecast_var, .. } = self;
        let mut run = |motion: Motion<'_>, from: usize, to: usize, means: Option<Columns<'_>>| {
            let states = States {
                state: &mut state[from * size..to * size],
                observed: &observed[from..to],
                forecast: &mut forecast[from..to],
                forecast_var: &mut forecast_var[from..to],
                means,
            };
            kernel::full(x, motion, states);
        };
        if first_fresh == self.members.len() {
            // Writing the means in the same pass costs little more than the memory traffic.
            let means = means.take_if(|_| self.in_order && self.members.len() == len).map(|values| Columns {
                values,
                len,
                streamed: true,
            });
            run(motion.motion(), 0, blocks, means);
        } else {
            for block in 0..blocks {
                let fresh = std::array::from_fn(|lane| block * LANES + lane >= first_fresh);
                run(motion.block(block, fresh).motion(), block, block + 1, None);
            }
        }
        if let Some(means) = means {
            self.write_means(means, len);
        }
    }

    /// Writes the means of the members into columns of length n.
    pub(crate) fn write_means(&self, columns: &mut [f64], n: usize) {
        let blocks = self.state.chunks_exact(self.size());
        if self.in_order && self.members.len() == n {
            let columns = Columns { values: columns, len: n, streamed: false };
            return kernel::write_columns(columns, 0, &self.state, self.size(), self.k);
        }
        for (state, members) in blocks.zip(self.members.chunks(LANES)) {
            for (j, column) in columns.chunks_exact_mut(n).enumerate() {
                for (member, value) in members.iter().zip(&state[j].0) {
                    column[*member as usize] = *value;
                }
            }
        }
    }

    fn gather(&mut self, returns: &[f64]) {
        if self.in_order {
            kernel::take(&returns[..self.members.len()], &mut self.observed);
        } else {
            for (to, members) in self.observed.iter_mut().zip(self.members.chunks(LANES)) {
                for (to, &member) in to.0.iter_mut().zip(members) {
                    *to = returns[member as usize];
                }
            }
        }
    }

    /// Coefficient j of a lane.
    pub(crate) fn mean(&self, at: usize, j: usize) -> f64 {
        self.state[at / LANES * self.size() + j].0[at % LANES]
    }

    /// Element (i, j) of a lane's covariance.
    pub(crate) fn covariance(&self, at: usize, i: usize, j: usize) -> f64 {
        self.mean(at, self.k + packed(self.k, i, j))
    }

    /// Forecast, forecast variance and return (f, q, y) of a lane's last frame.
    pub(crate) fn last(&self, at: usize) -> (f64, f64, f64) {
        let (block, lane) = (at / LANES, at % LANES);
        (self.forecast[block].0[lane], self.forecast_var[block].0[lane], self.observed[block].0[lane])
    }

    pub(crate) fn motion(&self) -> &MotionColumns {
        &self.motion
    }
}
