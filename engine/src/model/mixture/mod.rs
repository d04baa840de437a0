//! Mixture of discount-factor DLMs: one model for each pair of `discount_grid` and `reversion_grid`.
//!
//! All models forecast a frame before any of them is updated. The terms h and d (see [`Mixture`]) are common
//! to all instruments, so the scaled covariance stays shared. Each file documents its part of the model.

mod forecast;
mod models;
mod tails;
mod update;
mod volatility;
mod write;

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Forecasts, Tail};
use super::dlm::histories::{Histories, NONE, Rules};
use super::dlm::prior::Prior;
use super::estimates::Estimates;
use super::estimator::{Estimator, EstimatorFacts};
use super::lanes::Column;
use super::lanes::lane_block::{LANES, LaneBlock};
use super::mixture::forecast::{Mixed, ModelFrame, Pools};
use super::mixture::models::Models;
use super::mixture::tails::Tails;
use super::mixture::update::{Rates, Update, UpdateFrame};
use super::mixture::volatility::CommonVolatility;
use super::mixture::write::{LastForecast, Matrix, Scales, Writer};
use super::settings::EstimatorSettings;
use crate::distributions::variance_of_t;
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, save_under};

/// Name used in error messages.
const NAME: &str = "mixture";

/// Dynamic model averaging (Raftery, Kárný, Ettler 2010) over DLMs that differ in their discount factor and
/// in their reversion to the cross-sectional mean.
///
/// A model is y_it = x_t'θ_it + ε_it, Var ε_it = S_i h_t d_t, with θ and S as in [`super::Dlm`].
///
/// Common volatility h_t is forecast from its own past (`volatility.rs`). Dispersion d_t is its unforecast
/// part: the frame's mean squared standardised error to the power `dispersion_power`. A turbulent frame
/// carries less information about all coefficients.
///
/// Errors are heavy-tailed: beyond `error_clip` forecast deviations an error moves the coefficients no
/// further and counts linearly in S (the score of Huber's density; West 1981).
///
/// Coefficients come from a distribution over instruments: each reverts by a share per day to the mean over
/// those that trade (Vasicek 1973, as a hierarchical prior).
///
/// The prior variance of a beta, which bounds wind-up, does not depend on the current volatility: in units of
/// S it follows the mean S of all instruments.
///
/// The terms h and d are the same for all instruments, so the covariance stays shared. Weights belong to one
/// instrument: w ∝ w^forgetting · predictive density. The published forecast is a t whose tails are learned
/// from all instruments together (`tails.rs`). Its mean is x' times the published posterior mean of the
/// previous frame; the reversion, which depends on the instruments that trade in the frame, is left out of
/// the mean.
#[derive(Clone, Debug)]
pub struct Mixture {
    state: State,
    /// Buffers of the forecasts, of the update and of the output.
    pools: Pools,
    update: Update,
    writer: Writer,
    newcomers: Vec<u32>,
    /// Observation variance of the frame in each model, relative to the usual one.
    common: Vec<LaneBlock>,
}

/// State between frames, and settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    prior: Prior,
    prior_dof: f64,
    rates: Rates,
    /// Power of the dispersion in the observation variance of a frame.
    dispersion_power: f64,
    histories: Histories,
    models: Models,
    /// Share of a coefficient that does not revert in a frame, by model.
    keep: Vec<f64>,
    volatility: CommonVolatility,
    tails: Tails,
    calibration: Calibration,
    n: usize,
    design: Vec<f64>,
    observed: Column,
    /// Forecasts of the last frame.
    mixed: Mixed,
    /// Squared scale of their t.
    scale: Column,
    /// Models in the last frame, and the pull of the cross-section, k numbers for each.
    frames: Vec<ModelFrame>,
    pull: Vec<f64>,
    tail: [Tail; 1],
    /// Index 0 for every instrument and block: all have the same tail.
    tail_of: Vec<u32>,
}

impl Mixture {
    /// Filter for `factors` factors, without instruments.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, factors: usize) -> Self {
        let k = factors + 1;
        let product = settings.reversion_grid.iter().flat_map(|reversion| {
            settings
                .discount_grid
                .iter()
                .map(move |discount| (*discount, calendar.per_frame(1.0 - reversion)))
        });
        let (grid, keep): (Vec<f64>, Vec<f64>) = product.unzip();
        let histories = Histories::new(Rules::new(settings, calendar, &grid), k);
        let count = grid.len();
        Self {
            pools: Pools::new(k, count),
            update: Update::new(k, count),
            writer: Writer::new(k, count, histories.blank()),
            newcomers: Vec::new(),
            common: vec![LaneBlock::splat(1.0); count.div_ceil(LANES)],
            state: State {
                prior: Prior::new(settings),
                prior_dof: settings.observation_dof,
                rates: Rates::new(settings, calendar.per_frame(settings.forgetting)),
                dispersion_power: settings.dispersion_power,
                histories,
                models: Models::new(k, count),
                keep,
                volatility: CommonVolatility::new(),
                tails: Tails::new(),
                calibration: Calibration::new(calendar.per_frame(settings.variance_discount)),
                n: 0,
                design: vec![1.0; k],
                observed: Column::default(),
                mixed: Mixed::default(),
                scale: Column::default(),
                frames: vec![ModelFrame::NONE; count],
                pull: vec![0.0; count * k],
                tail: [Tail::new()],
                tail_of: Vec::new(),
            },
        }
    }

    /// Writes the covariance of each instrument's (alpha, betas) after the last frame, including the variance between
    /// the models: k × k numbers for each instrument, NaN before its first return. The diagonal has the squares of
    /// `coefficient_sd`.
    pub fn write_covariances(&mut self, out: &mut Vec<f64>) {
        let (n, k) = (self.state.n, self.state.design.len());
        let mut estimates = Estimates { factors: vec![0.0; k - 1], decides: true, ..Estimates::default() };
        self.write_with(Matrix::Posterior, &mut estimates);
        let entry = |i: usize, a: usize, b: usize| estimates.coefficient_cov_of(i, a, b);
        out.clear();
        out.extend((0..n * k * k).map(|at| entry(at / (k * k), at / k % k, at % k)));
    }

    fn write_with(&mut self, matrix: Matrix, estimates: &mut Estimates) {
        let Self { state, writer, .. } = self;
        let State { histories, models, tails, tail, observed, mixed, scale, .. } = state;
        estimates.resize(state.n);
        let forecast_dof = tail[0].dof;
        let scales = Scales {
            calibrated: tails.squared_scale() * variance_of_t(tails.dof()),
            h: state.volatility.h(),
            forecast_dof,
            forecast_variance: variance_of_t(forecast_dof),
            matrix,
        };
        writer.write(models, histories, LastForecast { observed, mixed, scale }, scales, estimates);
        for instrument in histories.not_started() {
            estimates.set_unknown(instrument);
        }
    }
}

impl State {
    /// Starts a history of the instruments with their first return in this frame. Returns without a known scale
    /// count as missing.
    fn admit(&mut self, returns: &[f64], newcomers: &mut Vec<u32>) {
        self.histories.newcomers(returns, newcomers);
        if newcomers.is_empty() {
            return;
        }
        let Self { prior, prior_dof, histories, models, design, .. } = self;
        let trades = |i: &usize| histories.of[*i] != NONE && !returns[*i].is_nan();
        let mut s0 = Vec::with_capacity(models.count);
        for model in 0..models.count {
            let running = (0..returns.len()).filter(trades).map(|i| models.variance_of(i, model));
            let joining = newcomers.iter().map(|i| returns[*i as usize]);
            let Some(variance) = prior.observation_variance(running, joining, design) else {
                newcomers.iter().for_each(|i| self.observed.set(*i as usize, f64::NAN));
                return;
            };
            s0.push(variance);
        }
        let by_model = |block: &[f64]| LaneBlock::from_fn(|m| *block.get(m).unwrap_or(&block[0]));
        let priors: Vec<_> = s0.chunks(LANES).map(|block| prior.scaled(&by_model(block))).collect();
        histories.begin(newcomers, design.len(), &priors, *prior_dof, s0[0]);
        for (model, s0) in s0.iter().enumerate() {
            for &member in &*newcomers {
                models.begin(member as usize, model, prior.market_beta, *s0);
            }
        }
    }

    /// Sets the prior that bounds wind-up, in units of the current variances.
    fn anchor(&mut self) {
        let Self { histories, prior, frames, .. } = self;
        for (block, frames) in frames.chunks(LANES).enumerate() {
            let prior = prior.scaled(&LaneBlock::from_fn(|m| frames.get(m).unwrap_or(&frames[0]).usual));
            let Histories { rules, list, .. } = histories;
            for history in list {
                history.covariances[block].anchor(&rules.evolutions[block], prior);
            }
        }
    }

    /// Computes the squared scale of each forecast and scores the forecasts.
    fn score(&mut self, score: bool) {
        self.tail[0].set(self.tails.dof());
        let c = self.tails.squared_scale();
        let Self { mixed: Mixed { published, variance, .. }, scale, observed, tail_of, .. } = self;
        scale.0.clear();
        scale.0.extend(variance.0.iter().map(|variance| LaneBlock(variance.map(|v| v * c))));
        tail_of.resize(self.n, 0);
        let forecasts = Forecasts {
            observed: &observed.0,
            mean: &published.0,
            scale: &scale.0,
            tails: &self.tail,
            tail_of,
            tail_of_block: &tail_of[..observed.0.len()],
        };
        if score {
            self.calibration.observe(&forecasts);
        }
    }

    /// Settings, without the learned state.
    fn settings(&self) -> impl Serialize + '_ {
        let Self { prior, prior_dof, rates, dispersion_power, histories, keep, calibration, design, .. } =
            self;
        let learning = (rates, dispersion_power, calibration.variance_discount());
        (prior, prior_dof, &histories.rules, keep, learning, design.len())
    }

    /// Returns true if the variance of the instrument has been learned from data.
    fn variance_known(&self, i: usize) -> bool {
        self.histories.variance_known(i, self.models.variance_of(i, 0))
    }
}

impl Estimator for Mixture {
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        let Self { state, pools, update, newcomers, common, .. } = self;
        state.n = returns.len();
        state.design[1..].copy_from_slice(factors);
        let missing = state.observed.fill_from(returns, f64::NAN);
        state.models.resize(state.n);
        state.admit(returns, newcomers);
        state.histories.split(returns, missing);
        let State { histories, models, keep, design, observed, frames, pull, .. } = &mut *state;
        pools.pool(models, (design, observed, histories.members()), (keep, frames, pull));
        state.anchor();
        state.histories.evolve(&state.design);
        let h = state.volatility.h();
        let State { histories, models, observed, frames, mixed, dispersion_power, .. } = &mut *state;
        pools.forecast(models, histories, (observed, h, *dispersion_power), frames, mixed);
        for (model, frame) in state.frames.iter().enumerate() {
            common[model / LANES][model % LANES] = frame.common;
        }
        state.score(score);
        let State { histories, models, observed, frames, mixed, pull, tails, rates, .. } = &mut *state;
        let dispersion = tails.learn(&observed.0, &mixed.forecast.0, &mixed.variance.0);
        let frame = UpdateFrame { observed, mixed, h, models: frames, pull, rates: *rates };
        update.update(models, histories, frame);
        histories.update(common);
        if let Some(dispersion) = dispersion {
            state.volatility.learn(dispersion);
        }
    }

    fn write(&mut self, estimates: &mut Estimates) {
        self.write_with(Matrix::NextPrior, estimates);
    }

    fn facts(&self) -> EstimatorFacts {
        let state = &self.state;
        let of = |i: usize| state.calibration.of(i, state.variance_known(i));
        EstimatorFacts {
            total: state.calibration.total(state.n),
            instruments: (0..state.n).map(of).collect(),
            groups: state.histories.list.len() as u64,
            largest_group: state.histories.largest(),
        }
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(NAME, &self.state.settings(), &self.state)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let saved = restore_under(NAME, &self.state.settings(), state)?;
        self.state = saved;
        Ok(())
    }
}
