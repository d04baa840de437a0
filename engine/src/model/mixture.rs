//! A mixture of discount-factor DLMs over a grid of discount factors.

use super::beliefs::Beliefs;
use super::covariance::{Evolution, ScaledCovariance};
use super::dlm::variance_of_t;
use super::estimator::{Estimator, EstimatorFacts};
use super::group::log_density_constant;
use super::ln::ln;
use super::settings::EstimatorSettings;
use crate::settings::Calendar;

/// A squared standardised error counts at most this much in the dispersion of a frame.
const DISPERSION_CLIP: f64 = 9.0;
/// The least dispersion of a frame, in units of what is usual.
const DISPERSION_FLOOR: f64 = 0.2;
/// What a weight keeps whatever the others do, so that a model can come back.
const WEIGHT_FLOOR: f64 = 1e-12;

/// Instruments with the same observation history: in each model they share one covariance.
#[derive(Clone, Debug)]
struct History {
    members: Vec<u32>,
    covariances: Vec<ScaledCovariance>,
    dof: f64,
    forecast_dof: f64,
    started: bool,
    updated: bool,
    scored: u64,
}

/// One discount factor: what each instrument has for itself, in engine order.
#[derive(Clone, Debug)]
struct Model {
    evolution: Evolution,
    /// m: one column a coefficient.
    mean: Vec<Vec<f64>>,
    /// S.
    observation_var: Vec<f64>,
    forecast: Vec<f64>,
    /// Logarithm of the weight, after the forecast has been scored.
    log_weight: Vec<f64>,
    /// R x and x'R x of each history.
    gain: Vec<f64>,
    spread: Vec<f64>,
}

/// Dynamic model averaging (Raftery, Kárný, Ettler 2010) over DLMs that differ in their discount factor.
///
/// Each model is that of [`super::Dlm`] with additions, all of which leave the covariance shared:
/// * errors are heavy-tailed: beyond `error_clip` forecast deviations an error moves the mean no further
///   (the score of a Huber density; West 1981);
/// * volatility has a part common to all instruments: a frame's observation variance is scaled by the
///   cross-section's mean squared standardised error to the power `dispersion_power`;
/// * what the variance learns from an error is clipped alike, and the forecast is a t with `tail_dof` degrees
///   of freedom of that variance: its intervals hold where those of the learned degrees are too wide;
/// * coefficients come from a common distribution: each reverts by `reversion` a day to the mean over the
///   instruments that trade (Vasicek 1973, as a hierarchical prior).
///
/// Weights are an instrument's own: w ∝ w^forgetting · predictive density (student t).
#[derive(Clone, Debug)]
pub struct Mixture {
    settings: EstimatorSettings,
    variance_discount: f64,
    forgetting: f64,
    keep: f64,
    models: Vec<Model>,
    histories: Vec<History>,
    /// History of each instrument; `u32::MAX` before its first return.
    history_of: Vec<u32>,
    design: Vec<f64>,
    returns: Vec<f64>,
    /// Forecast of the mixture, and its variance.
    forecast: Vec<f64>,
    variance: Vec<f64>,
    /// Sums of squared errors, squared returns and log densities of each instrument.
    scores: [Vec<f64>; 3],
    missing: Vec<bool>,
    density: Vec<f64>,
    scratch: ScaledCovariance,
    /// One value a model.
    weights: Vec<f64>,
    mean_weights: Vec<f64>,
}

impl Mixture {
    /// A filter for `factors` factors, without instruments yet.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, factors: usize) -> Self {
        let k = factors + 1;
        let model = |discount_factor: &f64| {
            let settings = EstimatorSettings { discount_factor: *discount_factor, ..settings.clone() };
            Model {
                evolution: Evolution::new(&settings, calendar, k),
                mean: vec![Vec::new(); k],
                observation_var: Vec::new(),
                forecast: Vec::new(),
                log_weight: Vec::new(),
                gain: Vec::new(),
                spread: Vec::new(),
            }
        };
        let models: Vec<Model> = settings.discount_grid.iter().map(model).collect();
        Self {
            variance_discount: calendar.per_frame(settings.variance_discount),
            forgetting: calendar.per_frame(settings.forgetting),
            keep: calendar.per_frame(1.0 - settings.reversion),
            scratch: ScaledCovariance::prior(&models[0].evolution),
            weights: vec![0.0; models.len()],
            mean_weights: vec![0.0; models.len()],
            models,
            histories: Vec::new(),
            history_of: Vec::new(),
            design: vec![1.0; k],
            returns: Vec::new(),
            forecast: Vec::new(),
            variance: Vec::new(),
            scores: Default::default(),
            missing: Vec::new(),
            density: Vec::new(),
            settings: settings.clone(),
        }
    }

    /// Columns for instruments that were listed since the last frame, at their prior.
    fn list(&mut self, n: usize) {
        let settings = &self.settings;
        for model in &mut self.models {
            for (j, column) in model.mean.iter_mut().enumerate() {
                column.resize(n, if j == 1 { settings.initial_market_beta } else { 0.0 });
            }
            model.observation_var.resize(n, settings.observation_variance);
            model.forecast.resize(n, 0.0);
            model.log_weight.resize(n, 0.0);
        }
        self.history_of.resize(n, u32::MAX);
        for column in self.scores.iter_mut().chain([&mut self.forecast, &mut self.variance]) {
            column.resize(n, 0.0);
        }
    }

    /// Instruments whose first return is in this frame become a history.
    fn admit(&mut self) {
        let number = self.histories.len() as u32;
        let mut members = Vec::new();
        for (i, history) in self.history_of.iter_mut().enumerate() {
            if *history == u32::MAX && !self.returns[i].is_nan() {
                *history = number;
                members.push(i as u32);
            }
        }
        if members.is_empty() {
            return;
        }
        let covariances = self.models.iter().map(|model| ScaledCovariance::prior(&model.evolution)).collect();
        let dof = self.settings.observation_dof;
        self.histories.push(History {
            members,
            covariances,
            dof,
            forecast_dof: dof,
            started: false,
            updated: false,
            scored: 0,
        });
    }

    /// Histories of which only some members have a return part ways.
    fn split(&mut self) {
        for at in 0..self.histories.len() {
            let history = &mut self.histories[at];
            self.missing.clear();
            self.missing.extend(history.members.iter().map(|&i| self.returns[i as usize].is_nan()));
            let absent = self.missing.iter().filter(|missing| **missing).count();
            history.updated = absent == 0;
            if absent == 0 || absent == history.members.len() {
                continue;
            }
            let mut left = history.clone();
            let pick = |members: &[u32], wanted: bool| -> Vec<u32> {
                let chosen = members.iter().zip(&self.missing).filter(|(_, missing)| **missing == wanted);
                chosen.map(|(member, _)| *member).collect()
            };
            left.members = pick(&left.members, true);
            left.updated = false;
            history.members = pick(&history.members, false);
            history.updated = true;
            let number = self.histories.len() as u32;
            for &member in &left.members {
                self.history_of[member as usize] = number;
            }
            self.histories.push(left);
        }
    }

    /// Evolves what is shared, and leaves R x and x'R x of each history with the models.
    fn evolve(&mut self) {
        for model in &mut self.models {
            model.gain.clear();
            model.spread.clear();
        }
        let floor = self.settings.observation_dof;
        for history in &mut self.histories {
            let moves = history.started && (history.updated || self.settings.discount_missing);
            history.forecast_dof = history.dof;
            if history.started {
                history.forecast_dof = (self.variance_discount * history.dof).max(history.dof.min(floor));
            }
            for (model, covariance) in self.models.iter_mut().zip(&mut history.covariances) {
                if moves {
                    covariance.evolve(&model.evolution);
                }
                model.spread.push(covariance.forecast(&self.design) - 1.0);
                model.gain.extend_from_slice(covariance.adaptive_coef());
            }
            if moves {
                history.dof = history.forecast_dof;
            }
            history.started |= history.updated;
        }
    }

    fn update_model(&mut self, at: usize) {
        let Self { settings, models, histories, history_of, returns, design, .. } = self;
        let model = &mut models[at];
        let k = design.len();
        revert(model, returns, self.keep);
        model.forecast.fill(0.0);
        for (column, x) in model.mean.iter().zip(design.iter()) {
            for (f, m) in model.forecast.iter_mut().zip(column) {
                *f += x * m;
            }
        }
        let dispersion = dispersion(model, returns).max(DISPERSION_FLOOR);
        let common = libm::pow(dispersion, settings.dispersion_power);
        self.density.clear();
        self.density.resize(returns.len(), 0.0);
        for (i, &y) in returns.iter().enumerate() {
            if y.is_nan() {
                continue;
            }
            let number = history_of[i] as usize;
            let dof = histories[number].forecast_dof;
            let (s, v) = (model.observation_var[i], model.spread[number]);
            let e = y - model.forecast[i];
            let q = common + v;
            let limit = settings.error_clip * (q * s).sqrt();
            let clipped = e.clamp(-limit, limit);
            let gain = &model.gain[number * k..(number + 1) * k];
            for (column, gain) in model.mean.iter_mut().zip(gain) {
                column[i] += gain / q * clipped;
            }
            let scaled = e * e / (1.0 + v);
            self.density[i] = -0.5 * ln((1.0 + v) * s) - 0.5 * (dof + 1.0) * ln(1.0 + scaled / (dof * s));
            let robust = e * clipped / (1.0 + v);
            model.observation_var[i] = (dof * s + robust) / (dof + 1.0);
        }
        for (history, v) in histories.iter_mut().zip(&model.spread) {
            if history.updated {
                history.covariances[at].update(common + v);
            }
        }
    }

    /// Adds a model's share of the forecast variance, as of before its update.
    fn mix_variance(&mut self, at: usize) {
        let model = &self.models[at];
        for (i, number) in self.history_of.iter().enumerate() {
            if let Some(v) = model.spread.get(*number as usize) {
                self.variance[i] += model.log_weight[i] * (1.0 + v) * model.observation_var[i];
            }
        }
    }

    /// Squared error, squared return and log density of the frame's forecasts.
    fn score(&mut self) {
        let dof = self.settings.tail_dof;
        let constant = log_density_constant(dof);
        for (i, y) in self.returns.iter().enumerate().filter(|(_, y)| !y.is_nan()) {
            let e = y - self.forecast[i];
            let learned = variance_of_t(self.histories[self.history_of[i] as usize].forecast_dof);
            let scale = self.variance[i] * learned / variance_of_t(dof);
            let density = constant - 0.5 * ln(scale) - 0.5 * (dof + 1.0) * ln(1.0 + e * e / (dof * scale));
            for (sum, value) in self.scores.iter_mut().zip([e * e, y * y, density]) {
                sum[i] += value;
            }
        }
    }

    /// Weights before the frame's own density: softmax of the forgotten logarithms, into `log_weight`.
    fn forget(&mut self) {
        for i in 0..self.returns.len() {
            let largest = self.models.iter().map(|m| m.log_weight[i]).fold(f64::NEG_INFINITY, f64::max);
            let mut sum = 0.0;
            for model in &mut self.models {
                let weight = libm::exp(self.forgetting * (model.log_weight[i] - largest));
                model.log_weight[i] = weight;
                sum += weight;
            }
            for model in &mut self.models {
                model.log_weight[i] /= sum;
            }
        }
    }
}

impl Mixture {
    /// The instrument's weights for its next forecast.
    fn weights_of(&self, i: usize, weights: &mut [f64]) {
        let largest = self.models.iter().map(|m| m.log_weight[i]).fold(f64::NEG_INFINITY, f64::max);
        for (weight, model) in weights.iter_mut().zip(&self.models) {
            *weight = libm::exp(self.forgetting * (model.log_weight[i] - largest));
        }
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
    }

    /// R* of each history for the next frame: the mean over the models by the mean weights of its members.
    fn write_shared(&mut self, beliefs: &mut Beliefs) {
        let mut weights = std::mem::take(&mut self.weights);
        let mut mean = std::mem::take(&mut self.mean_weights);
        for at in 0..self.histories.len() {
            let start = beliefs.scaled_prior_cov.len();
            beliefs.scaled_prior_cov.resize(start + self.design.len() * self.design.len(), 0.0);
            mean.fill(0.0);
            let members = &self.histories[at].members;
            for &member in members {
                self.weights_of(member as usize, &mut weights);
                for (mean, weight) in mean.iter_mut().zip(&weights) {
                    *mean += weight / members.len() as f64;
                }
            }
            let covariances = &self.histories[at].covariances;
            for ((model, covariance), weight) in self.models.iter().zip(covariances).zip(&mean) {
                self.scratch.copy_from(covariance);
                self.scratch.evolve(&model.evolution);
                for (out, value) in beliefs.scaled_prior_cov[start..].iter_mut().zip(self.scratch.matrix()) {
                    *out += weight * value;
                }
            }
        }
        self.weights = weights;
        self.mean_weights = mean;
    }
}

/// m ← keep · m + (1 − keep) · mean of m over the instruments that trade in the frame.
fn revert(model: &mut Model, returns: &[f64], keep: f64) {
    let count = returns.iter().filter(|y| !y.is_nan()).count() as f64;
    if keep == 1.0 || count == 0.0 {
        return;
    }
    for column in &mut model.mean {
        let sum: f64 = column.iter().zip(returns).map(|(m, y)| if y.is_nan() { 0.0 } else { *m }).sum();
        let pull = (1.0 - keep) * (sum / count);
        column.iter_mut().for_each(|m| *m = keep * *m + pull);
    }
}

/// The cross-section's mean squared standardised error, each clipped.
fn dispersion(model: &Model, returns: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for ((y, f), s) in returns.iter().zip(&model.forecast).zip(&model.observation_var) {
        if !y.is_nan() {
            let e = y - f;
            sum += (e * e / s).min(DISPERSION_CLIP);
            count += 1.0;
        }
    }
    if count > 0.0 { sum / count } else { 1.0 }
}

impl Estimator for Mixture {
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        self.design[1..].copy_from_slice(factors);
        self.returns.clear();
        self.returns.extend_from_slice(returns);
        self.list(returns.len());
        self.admit();
        self.split();
        self.evolve();
        // From here to its update, `log_weight` holds the weight itself.
        self.forget();
        self.forecast.fill(0.0);
        self.variance.fill(0.0);
        for at in 0..self.models.len() {
            self.mix_variance(at);
            self.update_model(at);
            let model = &mut self.models[at];
            for i in 0..returns.len() {
                let weight = model.log_weight[i];
                self.forecast[i] += weight * model.forecast[i];
                model.log_weight[i] = ln(weight + WEIGHT_FLOOR) + self.density[i];
            }
        }
        for history in &mut self.histories {
            if history.updated {
                history.dof = history.forecast_dof + 1.0;
                history.scored += u64::from(score);
            }
        }
        if score {
            self.score();
        }
    }

    fn write(&mut self, beliefs: &mut Beliefs) {
        let (n, k) = (self.returns.len(), self.design.len());
        beliefs.reset(n);
        self.write_shared(beliefs);
        let mut weights = std::mem::take(&mut self.weights);
        for i in 0..n {
            let Some(history) = self.histories.get(self.history_of[i] as usize) else { continue };
            self.weights_of(i, &mut weights);
            let mix = |value: &dyn Fn(&Model) -> f64| -> f64 {
                self.models.iter().zip(&weights).map(|(model, weight)| weight * value(model)).sum()
            };
            beliefs.group[i] = self.history_of[i];
            beliefs.alpha[i] = mix(&|model| model.mean[0][i]);
            for j in 1..k {
                beliefs.betas[(j - 1) * n + i] = mix(&|model| model.mean[j][i]);
            }
            beliefs.observation_var[i] = mix(&|model| model.observation_var[i]);
            beliefs.dof[i] = history.dof;
            let dof = history.forecast_dof;
            beliefs.forecast_mean[i] = self.forecast[i];
            beliefs.forecast_sd[i] = (self.variance[i] * variance_of_t(dof)).sqrt();
            beliefs.forecast_dof[i] = self.settings.tail_dof;
            beliefs.forecast_error[i] = self.returns[i] - self.forecast[i];
        }
        self.weights = weights;
    }

    fn facts(&self) -> EstimatorFacts {
        let forecasts = self.histories.iter().map(|h| h.scored * h.members.len() as u64).sum();
        let [errors, returns, density] = [0, 1, 2].map(|at: usize| self.scores[at].iter().sum::<f64>());
        EstimatorFacts {
            forecasts,
            hedged_r2: (forecasts > 0).then(|| 1.0 - errors / returns),
            mean_log_predictive_density: (forecasts > 0).then(|| density / forecasts as f64),
            groups: self.histories.len() as u64,
            largest_group: self.histories.iter().map(|h| h.members.len() as u64).max().unwrap_or(0),
        }
    }
}
