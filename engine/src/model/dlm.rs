//! The discount-factor DLM over all instruments: groups by observation history.

use super::beliefs::Beliefs;
use super::covariance::{Evolution, ScaledCovariance};
use super::estimator::{Estimator, EstimatorFacts};
use super::group::{Group, Rules};
use super::settings::{EstimatorSettings, WindUp};
use crate::settings::Calendar;

/// Discount-factor DLM with unknown observational variance
/// (West & Harrison, *Bayesian Forecasting and Dynamic Models*, ch. 4.5, 6.3, 10.8).
///
/// r_it = x_t'θ_it + ε_it with x_t = (1, f_t), θ = (alpha, betas). A frame costs O(k³) a group (k rank-one
/// steps of the bounded wind-up; O(k²) with `plain`) and O(k) an instrument.
///
/// | here | W&H | Durbin & Koopman |
/// |---|---|---|
/// | prior mean, covariance | a, R | a_t, P_t |
/// | posterior mean, covariance | m, C | a_t\|t, P_t\|t |
/// | forecast mean, variance, error | f, Q, e | Z a_t, F_t, v_t |
/// | adaptive coefficient | A | M_t F_t⁻¹ |
/// | observation variance estimate | S | H |
#[derive(Clone, Debug)]
pub struct Dlm {
    settings: EstimatorSettings,
    evolution: Evolution,
    variance_discount: f64,
    groups: Vec<Group>,
    /// Per instrument: whether it has had a return.
    started: Vec<bool>,
    design: Vec<f64>,
    missing: Vec<bool>,
    /// For what is looked at without becoming the state.
    scratch: ScaledCovariance,
}

impl Dlm {
    /// A filter for `factors` factors, without instruments yet.
    #[must_use]
    pub fn new(settings: &EstimatorSettings, calendar: &Calendar, factors: usize) -> Self {
        let evolution = Evolution::new(settings, calendar, factors + 1);
        Self {
            settings: settings.clone(),
            scratch: ScaledCovariance::prior(&evolution),
            evolution,
            variance_discount: calendar.per_frame(settings.variance_discount),
            groups: Vec::new(),
            started: Vec::new(),
            design: vec![1.0; factors + 1],
            missing: Vec::new(),
        }
    }

    /// Number of groups of instruments with the same observation history.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Instruments whose first return is in this frame become a group.
    fn admit(&mut self, returns: &[f64]) {
        self.started.resize(returns.len(), false);
        let mut members = Vec::new();
        for (instrument, (started, value)) in self.started.iter_mut().zip(returns).enumerate() {
            if !*started && !value.is_nan() {
                *started = true;
                members.push(instrument as u32);
            }
        }
        if !members.is_empty() {
            let s = &self.settings;
            let (beta, s0, n0) = (s.initial_market_beta, s.observation_variance, s.observation_dof);
            self.groups.push(Group::new(&self.evolution, members, beta, s0, n0));
        }
    }
}

impl Estimator for Dlm {
    fn step(&mut self, factors: &[f64], returns: &[f64], score: bool) {
        self.admit(returns);
        self.design[1..].copy_from_slice(factors);
        let Self { evolution, groups, missing, design, scratch, .. } = self;
        let rules = Rules {
            evolution,
            variance_discount: self.variance_discount,
            dof_floor: match self.settings.wind_up {
                WindUp::Bounded => self.settings.observation_dof,
                WindUp::Plain => 0.0,
            },
            discount_missing: self.settings.discount_missing,
        };
        for at in 0..groups.len() {
            let group = &mut groups[at];
            let absent = group.gather(returns, missing);
            if absent == 0 {
                group.observe(rules, design, score);
            } else if absent == group.members.len() {
                group.miss(rules, design, scratch);
            } else {
                let mut left = group.split(missing);
                group.gather(returns, missing);
                group.observe(rules, design, score);
                left.miss(rules, design, scratch);
                groups.push(left);
            }
        }
    }

    fn write(&mut self, beliefs: &mut Beliefs) {
        let k = self.evolution.k();
        beliefs.reset(self.started.len());
        let n = self.started.len();
        for (number, group) in self.groups.iter().enumerate() {
            self.scratch.copy_from(&group.covariance);
            self.scratch.evolve(&self.evolution);
            beliefs.scaled_prior_cov.extend_from_slice(self.scratch.matrix());
            let stride = group.lanes.observed.len();
            let spread = variance_of_t(group.forecast_dof) * group.q;
            for (lane, &member) in group.members.iter().enumerate() {
                let i = member as usize;
                beliefs.group[i] = number as u32;
                beliefs.alpha[i] = group.lanes.mean[lane];
                for j in 1..k {
                    beliefs.betas[(j - 1) * n + i] = group.lanes.mean[j * stride + lane];
                }
                beliefs.observation_var[i] = group.lanes.observation_var[lane];
                beliefs.dof[i] = group.dof;
                beliefs.forecast_mean[i] = group.lanes.forecast[lane];
                beliefs.forecast_sd[i] = (spread * group.lanes.forecast_scale[lane]).sqrt();
                beliefs.forecast_dof[i] = group.forecast_dof;
                if group.updated {
                    beliefs.forecast_error[i] = group.lanes.observed[lane] - group.lanes.forecast[lane];
                }
            }
        }
    }

    fn facts(&self) -> EstimatorFacts {
        // Per instrument first, then summed in engine order, so that regrouping changes no bit.
        let mut per_instrument = vec![[0.0_f64; 3]; self.started.len()];
        let mut forecasts = 0;
        for group in &self.groups {
            forecasts += group.scored * group.members.len() as u64;
            for (lane, &member) in group.members.iter().enumerate() {
                per_instrument[member as usize] = [
                    group.lanes.error_squared[lane],
                    group.lanes.return_squared[lane],
                    group.lanes.log_density[lane],
                ];
            }
        }
        let mut sums = [0.0; 3];
        for values in &per_instrument {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
        let [errors, returns, density] = sums;
        EstimatorFacts {
            forecasts,
            hedged_r2: (forecasts > 0).then(|| 1.0 - errors / returns),
            mean_log_predictive_density: (forecasts > 0).then(|| density / forecasts as f64),
            groups: self.groups.len() as u64,
            largest_group: self.groups.iter().map(|g| g.members.len() as u64).max().unwrap_or(0),
        }
    }
}

/// Variance of a standard t.
pub(super) fn variance_of_t(dof: f64) -> f64 {
    if dof > 2.0 { dof / (dof - 2.0) } else { f64::INFINITY }
}
