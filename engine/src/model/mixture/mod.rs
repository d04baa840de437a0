//! Mixture of discount-factor DLMs: one model for each pair of `discount_grid` and `reversion_grid`.
//!
//! All models forecast a frame before any of them is updated. The terms h and d (see [`Mixture`]) are common
//! to all instruments, so the scaled covariance stays shared. Each file documents its part of the model.

mod average;
mod robust;
mod tails;
mod volatility;

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Forecasts, Tail};
use super::dlm::histories::{Histories, NONE, Rules};
use super::dlm::instruments::{Lanes, Shares};
use super::dlm::prior::Prior;
use super::estimates::Estimates;
use super::estimator::{Estimator, EstimatorFacts};
use super::lanes::lane_block::{LANES, LaneBlock};
use super::lanes::{Column, packed_len};
use super::mixture::average::Weights;
use super::mixture::robust::{FrameInputs, FrameScales, RevertedForecast, Robust};
use super::mixture::tails::Tails;
use super::mixture::volatility::CommonVolatility;
use super::settings::EstimatorSettings;
use crate::distributions::variance_of_t;
use crate::settings::Calendar;
use crate::state::{StateError, restore_under, save_under};

/// Name used in error messages.
const NAME: &str = "mixture";

/// Lower bound of S in units of the mean over all instruments, 2⁻²⁷.
const VARIANCE_FLOOR: f64 = 1.0 / (1_u64 << 27) as f64;

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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mixture {
    prior: Prior,
    prior_dof: f64,
    robust: Robust,
    histories: Histories,
    /// State of each model.
    models: Vec<Lanes>,
    /// Share of a coefficient that does not revert in a frame, by model.
    keep: Vec<f64>,
    volatility: CommonVolatility,
    tails: Tails,
    weights: Weights,
    calibration: Calibration,
    n: usize,
    design: Vec<f64>,
    observed: Column,
    /// Weighted mean of the models' forecasts after reversion, from which the weights and tails are learned.
    forecast: Column,
    /// Published forecast: x' times the posterior mean written after the previous frame.
    published: Column,
    /// Reverted forecasts by model.
    reverted: Vec<RevertedForecast>,
    /// Variance of the forecasts, and the squared scale of their t.
    variance: Column,
    scale: Column,
    density: Column,
    newcomers: Vec<u32>,
    /// Observation variance of the frame in each model, relative to the usual one.
    common: Vec<LaneBlock>,
    /// Mean S of the instruments that have started.
    usual: Vec<LaneBlock>,
    /// Shares by model.
    shares: Vec<Shares>,
    tail: [Tail; 1],
    /// Index 0 for every instrument and block: all have the same tail.
    tail_of: Vec<u32>,
    /// Buffers for an instrument's weights and a history's priors in `write`.
    scratch: (Vec<f64>, Vec<LaneBlock>),
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
        Self {
            prior: Prior::new(settings),
            prior_dof: settings.observation_dof,
            volatility: CommonVolatility::new(),
            tails: Tails::new(),
            robust: Robust::new(settings),
            histories: Histories::new(Rules::new(settings, calendar, &grid), k),
            models: vec![Lanes::new(k); grid.len()],
            weights: Weights::new(grid.len(), calendar.per_frame(settings.forgetting)),
            calibration: Calibration::new(calendar.per_frame(settings.variance_discount)),
            n: 0,
            design: vec![1.0; k],
            observed: Column::default(),
            forecast: Column::default(),
            published: Column::default(),
            reverted: vec![RevertedForecast { keep: 1.0, pulled: 0.0, common: 1.0 }; grid.len()],
            variance: Column::default(),
            scale: Column::default(),
            density: Column::default(),
            newcomers: Vec::new(),
            common: vec![LaneBlock::splat(1.0); grid.len().div_ceil(LANES)],
            usual: vec![LaneBlock::splat(1.0); grid.len().div_ceil(LANES)],
            shares: vec![Shares::default(); grid.len()],
            tail: [Tail::new()],
            tail_of: Vec::new(),
            scratch: Default::default(),
            keep,
        }
    }

    /// Starts a history of the instruments with their first return in this frame.
    fn admit(&mut self, returns: &[f64]) {
        self.histories.newcomers(returns, &mut self.newcomers);
        if self.newcomers.is_empty() {
            return;
        }
        let Self { prior, prior_dof, histories, models, newcomers, design, .. } = self;
        let trades = |i: &usize| histories.of[*i] != NONE && !returns[*i].is_nan();
        let mut s0 = Vec::with_capacity(models.len());
        for model in models.iter() {
            let running = (0..returns.len()).filter(trades).map(|i| model.observation_var.get(i));
            let joining = newcomers.iter().map(|i| returns[*i as usize]);
            let Some(variance) = prior.observation_variance(running, joining, design) else { return };
            s0.push(variance);
        }
        let by_model = |block: &[f64]| LaneBlock::from_fn(|m| *block.get(m).unwrap_or(&block[0]));
        let priors: Vec<_> = s0.chunks(LANES).map(|block| prior.scaled(&by_model(block))).collect();
        histories.begin(newcomers, design.len(), &priors, *prior_dof, s0[0]);
        for (model, s0) in models.iter_mut().zip(&s0) {
            for &member in newcomers.iter() {
                model.begin(member as usize, prior.market_beta, *s0);
            }
        }
    }

    /// Computes the weighted mean and variance of the models' forecasts, before any update.
    fn forecast(&mut self) {
        let Self { histories, models, weights, forecast, published, variance, density: term, .. } = self;
        let h = self.volatility.h();
        for sum in [&mut *forecast, &mut *published, &mut *variance] {
            sum.0.clear();
            sum.resize(self.n, 0.0);
        }
        for (number, model) in models.iter().enumerate() {
            weights.add(number, &model.forecast, forecast);
            let RevertedForecast { keep, pulled, .. } = self.reverted[number];
            term.0.clear();
            term.0.extend(model.forecast.0.iter().map(|f| LaneBlock(f.map(|f| (f - pulled) / keep))));
            weights.add(number, term, published);
            term.0.clear();
            let shares = &self.shares[number];
            for (block, s) in model.observation_var.0.iter().enumerate() {
                let v = shares.spread_of(histories, block);
                term.0.push(LaneBlock::from_fn(|lane| s[lane] * (h + v[lane])));
            }
            weights.add(number, term, variance);
        }
    }
}

impl Mixture {
    /// Computes the mean S of the instruments that have started, in each model.
    fn usual_variance(&mut self) {
        let count: usize = self.histories.list.iter().map(|history| history.members.len()).sum();
        for (number, model) in self.models.iter().enumerate() {
            // Instruments that have not started hold 0.
            let sums = model.observation_var.0.iter().fold(LaneBlock::ZERO, |mut sums, s| {
                for lane in 0..LANES {
                    sums[lane] += s[lane];
                }
                sums
            });
            let sum = sums.sum();
            self.usual[number / LANES][number % LANES] = if count > 0 { sum / count as f64 } else { 1.0 };
        }
    }

    /// Sets the prior that bounds wind-up, in units of the current variances.
    fn anchor(&mut self) {
        let Self { histories, prior, usual, .. } = self;
        for (block, usual) in usual.iter().enumerate() {
            let prior = prior.scaled(usual);
            let Histories { rules, list, .. } = histories;
            for history in list {
                history.covariances[block].anchor(&rules.evolutions[block], prior);
            }
        }
    }
}

/// Covariance of an instrument's coefficients: within the models, and between them.
struct MixedCovariance<'a> {
    models: &'a [Lanes],
    weights: &'a [f64],
    /// Variance of the t of the next forecast, in units of the models' variance.
    calibrated: f64,
    instrument: usize,
}

impl MixedCovariance<'_> {
    /// Covariance of two coefficients with their means; `scaled`: that in a model, in units of its variance.
    fn of(&self, (a, mean_a): (usize, f64), (b, mean_b): (usize, f64), scaled: &dyn Fn(usize) -> f64) -> f64 {
        let i = self.instrument;
        let models = self.models.iter().zip(self.weights).enumerate();
        models
            .map(|(number, (model, w))| {
                let between = (model.mean.get(i, a) - mean_a) * (model.mean.get(i, b) - mean_b);
                w * (self.calibrated * model.observation_var.get(i) * scaled(number) + between)
            })
            .sum()
    }
}

impl Mixture {
    /// Writes the covariance of each instrument's (alpha, betas) after the last frame, including the variance between
    /// the models: k × k numbers for each instrument, NaN before its first return. The diagonal has the squares of
    /// `coefficient_sd`.
    pub fn write_covariances(&mut self, out: &mut Vec<f64>) {
        let k = self.design.len();
        out.clear();
        out.resize(self.n * k * k, f64::NAN);
        self.weights.forget_ahead();
        let calibrated = self.tails.squared_scale() * variance_of_t(self.tails.dof());
        let mut weights = vec![0.0; self.models.len()];
        let mut means = vec![0.0; k];
        for history in &self.histories.list {
            for &member in &history.members {
                let i = member as usize;
                self.weights.of(i, &mut weights);
                for (j, mean) in means.iter_mut().enumerate() {
                    *mean = self.models.iter().zip(&weights).map(|(model, w)| w * model.mean.get(i, j)).sum();
                }
                let mixed =
                    MixedCovariance { models: &self.models, weights: &weights, calibrated, instrument: i };
                for a in 0..k {
                    for b in a..k {
                        let scaled = |m: usize| history.covariances[m / LANES].entry(a, b)[m % LANES];
                        let value = mixed.of((a, means[a]), (b, means[b]), &scaled);
                        out[(i * k + a) * k + b] = value;
                        out[(i * k + b) * k + a] = value;
                    }
                }
            }
        }
    }
}

impl Estimator for Mixture {
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        self.n = returns.len();
        self.design[1..].copy_from_slice(factors);
        let missing = self.observed.fill_from(returns, f64::NAN);
        for model in &mut self.models {
            model.resize(self.n);
        }
        self.weights.resize(self.n);
        self.admit(returns);
        self.histories.split(returns, missing);
        self.usual_variance();
        self.anchor();
        self.histories.evolve(&self.design);
        self.weights.forget();

        let h = self.volatility.h();
        let Self { histories, models, keep, shares, common, reverted, robust, design, observed, .. } = self;
        let inputs = FrameInputs { design, observed, histories, h };
        for (number, (model, shares)) in models.iter_mut().zip(shares.iter_mut()).enumerate() {
            shares.take(histories, number);
            reverted[number] = robust.forecast(model, inputs, keep[number]);
            common[number / LANES][number % LANES] = reverted[number].common;
        }
        self.forecast();
        self.score(score);
        let dispersion = self.tails.learn(&self.observed.0, &self.forecast.0, &self.variance.0);
        let Self { histories, models, shares, common, robust, design, observed, usual, .. } = self;
        let inputs = FrameInputs { design, observed, histories, h };
        self.density.resize(self.n, 0.0);
        for (number, (model, shares)) in models.iter_mut().zip(shares).enumerate() {
            let (block, lane) = (number / LANES, number % LANES);
            let (common, usual) = (common[block][lane], usual[block][lane]);
            let frame = FrameScales { common, floor: VARIANCE_FLOOR * usual, variance: &self.variance.0 };
            robust.update(model, inputs, shares, frame, &mut self.density.0);
            self.weights.learn(number, &self.density.0);
        }
        self.histories.update(&self.common);
        if let Some(dispersion) = dispersion {
            self.volatility.learn(dispersion);
        }
    }

    fn write(&mut self, estimates: &mut Estimates) {
        let (n, k) = (self.n, self.design.len());
        estimates.reset(n);
        // The output uses the weights of the next forecast.
        self.weights.forget_ahead();
        let (mut weights, mut prior) = std::mem::take(&mut self.scratch);
        weights.resize(self.models.len(), 0.0);
        let Tail { dof: forecast_dof, .. } = self.tail[0];
        // Variance of the t of the next forecast, in units of the models' variance.
        let calibrated = self.tails.squared_scale() * variance_of_t(self.tails.dof());
        let h = self.volatility.h();
        for at in 0..self.histories.list.len() {
            if estimates.decides {
                prior.clear();
                for block in 0..self.histories.list[at].covariances.len() {
                    prior.extend_from_slice(self.histories.next_prior(at, block).upper_triangle());
                }
            }
            let history = &self.histories.list[at];
            for &member in &history.members {
                let i = member as usize;
                self.weights.of(i, &mut weights);
                let models = || self.models.iter().zip(&weights);
                let mean = |j: usize| models().map(|(model, w)| w * model.mean.get(i, j)).sum::<f64>();
                estimates.alpha[i] = mean(0);
                for j in 1..k {
                    estimates.betas[(j - 1) * n + i] = mean(j);
                }
                let s = |model: &Lanes| model.observation_var.get(i);
                estimates.observation_var[i] =
                    calibrated * h * models().map(|(model, w)| w * s(model)).sum::<f64>();
                // The calibrated variance includes the uncertainty of S.
                estimates.dof[i] = f64::INFINITY;
                let centre =
                    |j: usize| if j == 0 { estimates.alpha[i] } else { estimates.betas[(j - 1) * n + i] };
                let mixed =
                    MixedCovariance { models: &self.models, weights: &weights, calibrated, instrument: i };
                let covariance = |a: usize, b: usize, scaled: &dyn Fn(usize) -> f64| -> f64 {
                    mixed.of((a, centre(a)), (b, centre(b)), scaled)
                };
                for j in 0..k {
                    let posterior = |m: usize| history.covariances[m / LANES].entry(j, j)[m % LANES];
                    estimates.coefficient_sd[j * n + i] = covariance(j, j, &posterior).sqrt();
                }
                if estimates.decides {
                    let mut pair = 0;
                    for a in 0..k {
                        for b in a..k {
                            let pairs = packed_len(k);
                            let scaled = |m: usize| prior[m / LANES * pairs + pair][m % LANES];
                            estimates.coefficient_cov[pair * n + i] = covariance(a, b, &scaled);
                            pair += 1;
                        }
                    }
                }
                estimates.forecast_mean[i] = self.published.get(i);
                estimates.forecast_sd[i] = (variance_of_t(forecast_dof) * self.scale.get(i)).sqrt();
                estimates.forecast_dof[i] = forecast_dof;
                estimates.forecast_error[i] = self.observed.get(i) - self.published.get(i);
            }
        }
        self.scratch = (weights, prior);
    }

    fn facts(&self) -> EstimatorFacts {
        EstimatorFacts {
            total: self.calibration.total(self.n),
            instruments: (0..self.n).map(|i| self.calibration.of(i, self.variance_known(i))).collect(),
            groups: self.histories.list.len() as u64,
            largest_group: self.histories.largest(),
        }
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(NAME, &self.settings(), self)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        let saved = restore_under(NAME, &self.settings(), state)?;
        *self = saved;
        Ok(())
    }
}

impl Mixture {
    /// Computes the squared scale of each forecast and scores the forecasts.
    fn score(&mut self, score: bool) {
        self.tail[0].set(self.tails.dof());
        let c = self.tails.squared_scale();
        let Self { variance, scale, published, observed, tail_of, .. } = self;
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
        let Self { prior, prior_dof, robust, histories, keep, weights, calibration, design, .. } = self;
        let learning = (weights.settings(), calibration.variance_discount());
        (prior, prior_dof, robust, &histories.rules, keep, learning, design.len())
    }

    /// Returns true if the variance of the instrument has been learned from data.
    fn variance_known(&self, i: usize) -> bool {
        self.histories.variance_known(i, self.models[0].observation_var.get(i))
    }
}
