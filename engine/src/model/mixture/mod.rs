//! Mixture of discount-factor DLMs: one model for each pair of `discount_grid` and `reversion_grid`.
//!
//! All models forecast a frame before any of them is updated. The terms h and d (see [`Mixture`]) are common
//! to all instruments, so the scaled covariance stays shared. Each file documents its part of the model.

mod forecast;
mod joined;
mod models;
mod part;
mod regroup;
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
use super::lanes::lane_block::{LANES, LaneBlock};
use super::mixture::forecast::Pools;
use super::mixture::joined::Joined;
use super::mixture::part::Part;
use super::mixture::tails::Tails;
use super::mixture::update::{Rates, Update, UpdateFrame};
pub(crate) use super::mixture::volatility::CommonVolatility;
use super::mixture::write::{LastForecast, Matrix, Scales, Writer};
use super::parts::Parts;
use super::settings::EstimatorSettings;
use crate::distributions::variance_of_t;
use crate::groups::GroupColumn;
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, same_settings, save_under};

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
    /// Estimates of one part.
    of_part: Estimates,
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
    /// Part of each instrument, and the state of each part: one of all instruments without groups.
    places: Parts,
    parts: Vec<Part>,
    /// Forecasts of the last frame in engine order; unused without groups.
    joined: Joined,
    /// Rules of the histories of every part.
    rules: Rules,
    /// Share of a coefficient that does not revert in a frame, by model.
    keep: Vec<f64>,
    volatility: CommonVolatility,
    tails: Tails,
    calibration: Calibration,
    n: usize,
    /// Number of coefficients.
    k: usize,
    /// Pull of the cross-section in the last frame, k numbers for each model.
    pull: Vec<f64>,
    tail: [Tail; 1],
    /// Index 0 for every instrument and block: all have the same tail.
    tail_of: Vec<u32>,
}

impl Mixture {
    /// Filter for `factors` factors, without instruments.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, factors: usize) -> Self {
        Self::with_groups(settings, calendar, factors, 0)
    }

    /// Filter for `factors` factors and the groups of `columns` columns, without instruments. Behind the factors, an
    /// instrument loads on its own group of each column ([`Estimator::set_groups`]).
    #[must_use]
    pub fn with_groups(
        settings: &EstimatorSettings,
        calendar: &Calendar,
        factors: usize,
        columns: usize,
    ) -> Self {
        let k = factors + 1 + columns;
        let product = settings.reversion_grid.iter().flat_map(|reversion| {
            settings
                .discount_grid
                .iter()
                .map(move |discount| (*discount, calendar.per_frame(1.0 - reversion)))
        });
        let (grid, keep): (Vec<f64>, Vec<f64>) = product.unzip();
        let rules = Rules::new(settings, calendar, &grid);
        let count = grid.len();
        let places = Parts::new(columns);
        let part = |_| Part::new(rules.clone(), k, count);
        Self {
            pools: Pools::new(k, count),
            update: Update::new(k, count),
            writer: Writer::new(k, count, Histories::new(rules.clone(), k).blank()),
            of_part: Estimates::default(),
            common: vec![LaneBlock::splat(1.0); count.div_ceil(LANES)],
            state: State {
                prior: Prior::new(settings).with_groups(factors + 1),
                prior_dof: settings.observation_dof,
                rates: Rates::new(settings, calendar.per_frame(settings.forgetting)),
                dispersion_power: settings.dispersion_power,
                parts: (0..places.count()).map(part).collect(),
                places,
                joined: Joined::default(),
                rules,
                keep,
                volatility: CommonVolatility::new(),
                tails: Tails::new(),
                calibration: Calibration::new(calendar.per_frame(settings.variance_discount)),
                n: 0,
                k,
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
        let (n, k) = (self.state.n, self.state.k);
        let mut estimates = Estimates { factors: vec![0.0; k - 1], decides: true, ..Estimates::default() };
        self.write_with(Matrix::Posterior, &mut estimates);
        let entry = |i: usize, a: usize, b: usize| estimates.coefficient_cov_of(i, a, b);
        out.clear();
        out.extend((0..n * k * k).map(|at| entry(at / (k * k), at / k % k, at % k)));
    }

    fn write_with(&mut self, matrix: Matrix, estimates: &mut Estimates) {
        let Self { state, writer, of_part, .. } = self;
        estimates.resize(state.n);
        let forecast_dof = state.tail[0].dof;
        let scales = Scales {
            calibrated: state.tails.squared_scale() * variance_of_t(state.tails.dof()),
            h: state.volatility.h(),
            forecast_dof,
            forecast_variance: variance_of_t(forecast_dof),
            matrix,
        };
        if state.places.is_whole() {
            let Part { histories, models, observed, mixed, scale, .. } = &state.parts[0];
            writer.write(models, histories, LastForecast { observed, mixed, scale }, scales, estimates);
        } else {
            state.write_parts(writer, of_part, scales, estimates);
        }
        for (at, part) in state.parts.iter().enumerate() {
            for slot in part.histories.not_started() {
                if let Some(instrument) = state.places.instrument(at, slot) {
                    estimates.set_unknown(instrument);
                }
            }
        }
    }
}

impl State {
    /// Copies the returns of a frame to the parts. Returns true for each part with a missing return.
    fn observe(&mut self, factors: &[f64], returns: &[f64]) {
        self.n = returns.len();
        let Self { parts, places, .. } = self;
        for (at, part) in parts.iter_mut().enumerate() {
            let (given, own) = part.design[1..].split_at_mut(factors.len());
            given.copy_from_slice(factors);
            for (column, x) in own.iter_mut().enumerate() {
                *x = places.design(at, column);
            }
            let returns = if places.is_whole() {
                returns
            } else {
                places.gather(at, returns, &mut part.returns);
                &part.returns
            };
            part.missing = part.observed.fill_from(returns, f64::NAN);
            part.models.resize(returns.len());
        }
    }

    /// Starts a history of the instruments with their first return in this frame. Returns without a known scale
    /// count as missing.
    fn admit(&mut self, returns: &[f64]) {
        let Self { prior, prior_dof, places, parts, k, keep, .. } = self;
        let mut joins = false;
        for part in &mut *parts {
            let Part { histories, newcomers, returns: own, .. } = part;
            histories.newcomers(if places.is_whole() { returns } else { own }, newcomers);
            joins |= !newcomers.is_empty();
        }
        if !joins {
            return;
        }
        let count = keep.len();
        let mut s0 = Vec::with_capacity(count);
        for model in 0..count {
            let trading = parts.iter().flat_map(|part| {
                let trades =
                    |slot: &usize| part.histories.of[*slot] != NONE && !part.observed.get(*slot).is_nan();
                (0..part.histories.of.len())
                    .filter(trades)
                    .map(move |slot| part.models.variance_of(slot, model))
            });
            let joining = parts
                .iter()
                .flat_map(|part| part.newcomers.iter().map(|slot| part.observed.get(*slot as usize)));
            let Some(variance) = prior.observation_variance(trading, joining, &parts[0].design) else {
                for Part { newcomers, observed, .. } in parts {
                    newcomers.iter().for_each(|slot| observed.set(*slot as usize, f64::NAN));
                }
                return;
            };
            s0.push(variance);
        }
        let by_model = |block: &[f64]| LaneBlock::from_fn(|m| *block.get(m).unwrap_or(&block[0]));
        let priors: Vec<_> = s0.chunks(LANES).map(|block| prior.scaled(&by_model(block))).collect();
        for Part { histories, models, newcomers, .. } in
            parts.iter_mut().filter(|part| !part.newcomers.is_empty())
        {
            histories.begin(newcomers, *k, &priors, *prior_dof, s0[0]);
            for (model, s0) in s0.iter().enumerate() {
                for &member in &*newcomers {
                    models.begin(member as usize, model, |j| prior.mean(j), *s0);
                }
            }
        }
    }

    /// Splits each history in which only some members have a return.
    fn split(&mut self, returns: &[f64]) {
        let Self { places, parts, .. } = self;
        for Part { histories, missing, returns: own, .. } in parts {
            histories.split(if places.is_whole() { returns } else { own }, *missing);
        }
    }

    /// Sets the prior that bounds wind-up, in units of the current variances.
    fn anchor(&mut self) {
        let Self { parts, prior, .. } = self;
        for Part { histories, frames, .. } in parts {
            for (block, frames) in frames.chunks(LANES).enumerate() {
                let prior = prior.scaled(&LaneBlock::from_fn(|m| frames.get(m).unwrap_or(&frames[0]).usual));
                let Histories { rules, list, .. } = histories;
                for history in list {
                    history.covariances[block].anchor(&rules.evolutions[block], prior);
                }
            }
        }
    }

    /// Computes the squared scale of each forecast, scores the forecasts and learns the tails. Returns the dispersion of
    /// the frame.
    fn score(&mut self, score: bool) -> Option<f64> {
        self.tail[0].set(self.tails.dof());
        let c = self.tails.squared_scale();
        let Self { places, parts, joined, tails, tail, tail_of, calibration, n, .. } = self;
        for Part { mixed, scale, .. } in &mut *parts {
            scale.0.clear();
            scale.0.extend(mixed.variance.0.iter().map(|variance| LaneBlock(variance.map(|v| v * c))));
        }
        tail_of.resize(*n, 0);
        let (observed, published, scale, forecast, variance) = if places.is_whole() {
            let Part { observed, mixed, scale, .. } = &parts[0];
            (observed, &mixed.published, scale, &mixed.forecast, &mixed.variance)
        } else {
            joined.collect(parts, places, *n, c);
            let Joined { observed, forecast, variance, published, scale } = &*joined;
            (observed, published, scale, forecast, variance)
        };
        let forecasts = Forecasts {
            observed: &observed.0,
            mean: &published.0,
            scale: &scale.0,
            tails: tail,
            tail_of,
            tail_of_block: &tail_of[..observed.0.len()],
        };
        if score {
            calibration.observe(&forecasts);
        }
        tails.learn(&observed.0, &forecast.0, &variance.0)
    }

    /// Settings, without the learned state.
    fn settings(&self) -> impl Serialize + '_ {
        let Self { prior, prior_dof, rates, dispersion_power, rules, keep, calibration, .. } = self;
        let learning = (rates, dispersion_power, calibration.variance_discount());
        (prior, prior_dof, rules, keep, learning, self.k, self.places.columns())
    }

    /// Returns true if the variance of the instrument has been learned from data.
    fn variance_known(&self, i: usize) -> bool {
        let place = self.places.place(i);
        let Part { histories, models, .. } = &self.parts[place.part];
        histories.variance_known(place.slot, models.variance_of(place.slot, 0))
    }
}

impl Estimator for Mixture {
    fn set_groups(&mut self, groups: &[GroupColumn]) {
        self.state.regroup(groups);
    }

    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        let Self { state, pools, update, common, .. } = self;
        state.observe(factors, returns);
        state.admit(returns);
        state.split(returns);
        let State { parts, places, prior, keep, pull, .. } = &mut *state;
        pools.pool(parts, places, prior, (keep, pull));
        state.anchor();
        for Part { histories, design, .. } in &mut state.parts {
            histories.evolve(design);
        }
        let h = state.volatility.h();
        pools.forecast(&mut state.parts, h, state.dispersion_power);
        // The observation variance of a frame is common to all parts.
        if let Some(part) = state.parts.first() {
            for (model, frame) in part.frames.iter().enumerate() {
                common[model / LANES][model % LANES] = frame.common;
            }
        }
        let dispersion = state.score(score);
        let State { parts, pull, rates, .. } = &mut *state;
        for Part { histories, models, observed, mixed, frames, .. } in parts {
            let frame = UpdateFrame { observed, mixed, h, models: frames, pull, rates: *rates };
            update.update(models, histories, frame);
            histories.update(common);
        }
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
            groups: state.parts.iter().map(|part| part.histories.count()).sum(),
            largest_group: state.parts.iter().map(|part| part.histories.largest()).max().unwrap_or(0),
        }
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(NAME, &self.state.settings(), &self.state)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let saved: State = restore_under(NAME, &self.state.settings(), state)?;
        same_settings(NAME, &saved.settings(), &self.state.settings())?;
        self.state = saved;
        Ok(())
    }
}
