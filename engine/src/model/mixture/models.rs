//! State of the models, eight instruments side by side, the models of a block one after another.

use serde::{Deserialize, Serialize};

use crate::model::lanes::Lane;
use crate::model::lanes::lane_block::LANES;

/// State of each model and instrument.
///
/// The entry of a model in a block of eight instruments is at block · count + model, its k means from k times
/// that place on: what a block needs in a frame is close together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Models {
    /// Number of coefficients.
    pub(super) k: usize,
    /// Number of models.
    pub(super) count: usize,
    /// Posterior means m.
    pub(super) mean: Vec<Lane>,
    /// Observation variances S; 0 for an instrument that has not started.
    pub(super) observation_var: Vec<Lane>,
    /// Log weights up to a constant.
    pub(super) log_weight: Vec<Lane>,
    /// Weights of the next forecast.
    pub(super) weight: Vec<Lane>,
    /// Products x'm and inverses 1/S of the frame.
    #[serde(skip)]
    pub(super) product: Vec<Lane>,
    #[serde(skip)]
    pub(super) inverse_var: Vec<Lane>,
}

impl Models {
    pub(super) const fn new(k: usize, count: usize) -> Self {
        let none = Vec::new;
        Self {
            k,
            count,
            mean: none(),
            observation_var: none(),
            log_weight: none(),
            weight: none(),
            product: none(),
            inverse_var: none(),
        }
    }

    /// Resizes to n instruments; new ones weight all models equally.
    pub(super) fn resize(&mut self, n: usize) {
        let length = n.div_ceil(LANES) * self.count;
        self.mean.resize(length * self.k, Lane::ZERO);
        self.weight.resize(length, Lane::splat(1.0 / self.count as f64));
        let Self { observation_var, log_weight, product, inverse_var, .. } = self;
        for column in [observation_var, log_weight, product, inverse_var] {
            column.resize(length, Lane::ZERO);
        }
    }

    /// Sets an instrument's state in a model before its first return. `prior`: mean of a coefficient.
    pub(super) fn begin(
        &mut self,
        instrument: usize,
        model: usize,
        prior: impl Fn(usize) -> f64,
        observation_var: f64,
    ) {
        let (at, lane) = self.place(instrument, model);
        for (j, mean) in self.mean[at * self.k..(at + 1) * self.k].iter_mut().enumerate() {
            mean[lane] = prior(j);
        }
        self.observation_var[at][lane] = observation_var;
    }

    /// Mean of a coefficient of an instrument in a model, times the model's weight.
    pub(super) fn weighted_mean(&self, instrument: usize, model: usize, j: usize) -> f64 {
        let (at, lane) = self.place(instrument, model);
        self.weight[at][lane] * self.mean[at * self.k + j][lane]
    }

    /// Sets the mean of a coefficient in all models.
    pub(super) fn set_mean(&mut self, instrument: usize, j: usize, value: f64) {
        for model in 0..self.count {
            let (at, lane) = self.place(instrument, model);
            self.mean[at * self.k + j][lane] = value;
        }
    }

    /// Moves the state of an instrument to an instrument of other models of the same kind. The place that it leaves is that
    /// of an instrument that has not started.
    pub(super) fn move_to(&mut self, instrument: usize, other: &mut Self, to: usize) {
        let equal = 1.0 / self.count as f64;
        for model in 0..self.count {
            let (from, lane) = self.place(instrument, model);
            let (at, to_lane) = other.place(to, model);
            for j in 0..self.k {
                other.mean[at * other.k + j][to_lane] =
                    std::mem::take(&mut self.mean[from * self.k + j][lane]);
            }
            for (to, from) in [
                (&mut other.observation_var[at][to_lane], &mut self.observation_var[from][lane]),
                (&mut other.log_weight[at][to_lane], &mut self.log_weight[from][lane]),
            ] {
                *to = std::mem::take(from);
            }
            other.weight[at][to_lane] = std::mem::replace(&mut self.weight[from][lane], equal);
        }
    }

    /// Observation variance S of an instrument in a model.
    pub(super) fn variance_of(&self, instrument: usize, model: usize) -> f64 {
        let (at, lane) = self.place(instrument, model);
        self.observation_var[at][lane]
    }

    const fn place(&self, instrument: usize, model: usize) -> (usize, usize) {
        (instrument / LANES * self.count + model, instrument % LANES)
    }
}
